//! What the targets share: inputs, and a variant called in one of its ways.

pub mod input;
pub mod variant;

pub use dropout_reference as reference;

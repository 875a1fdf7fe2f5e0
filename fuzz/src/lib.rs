//! What the targets share: inputs, heap slices whose ends AddressSanitizer guards, the ways to call a variant, and the
//! slow references of the tests.

pub mod exact;
pub mod input;
pub mod variant;

#[path = "../../tests/support/mod.rs"]
pub mod support;

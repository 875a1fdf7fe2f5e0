//! The variants of dropout: what differs from paper to paper, over the kernels that they share.

mod variational;
mod zoneout;

pub use variational::{LockedDropout, VariationalDropout};
pub use zoneout::Zoneout;

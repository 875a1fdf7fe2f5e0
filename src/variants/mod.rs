//! The variants of dropout: what differs from paper to paper, over the kernels that they share.

mod drop_head;
mod variational;
mod zoneout;

pub use drop_head::DropHead;
pub use variational::{LockedDropout, VariationalDropout};
pub use zoneout::Zoneout;

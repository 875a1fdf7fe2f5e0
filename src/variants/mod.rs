//! The variants of dropout: what differs from paper to paper, over the kernels that they share.

mod concrete;
mod drop_block;
mod drop_connect;
mod drop_head;
mod drop_path;
mod embedding;
mod gaussian;
mod layer_drop;
mod neftune;
mod variational;
mod zoneout;

pub use concrete::{ConcreteDropout, ConcretePenalty};
pub use drop_block::DropBlock;
pub use drop_connect::DropConnect;
pub use drop_head::DropHead;
pub use drop_path::DropPath;
pub use embedding::EmbeddingDropout;
pub use gaussian::GaussianDropout;
pub use layer_drop::LayerDrop;
pub use neftune::EmbeddingNoise;
pub use variational::{LockedDropout, VariationalDropout};
pub use zoneout::Zoneout;

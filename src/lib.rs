#![doc = include_str!("../README.md")]
#![no_std]
// The library's own promise, which tests and examples need not keep: nothing panics.
#![deny(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unreachable,
    clippy::unwrap_used
)]

// Asks: what a user calls.
mod dropout;
mod monte_carlo;
mod plan;
mod schedule;
mod source;
mod tape;
mod variants;

// Does: how, once for every machine, and by which machine.
mod isa;
mod kernel;

// Is: what a mask, its rate and its name are. Nothing here knows how masks are drawn or applied.
mod checkpoint;
mod element;
mod error;
mod exact;
mod key;
mod lanes;
mod layout;
mod mask;
mod pieces;
mod rate;
mod rng;
#[cfg(feature = "serde")]
mod serialise;

pub use dropout::{Alpha, Classic, DropKey, Dropout, Inverted, Rule};
pub use error::{Error, KeyError, RateError, ShapeError, StateError, TapeError};
pub use isa::{Backend, Element};
pub use key::{MaskKey, STREAM_VERSION};
pub use layout::Layout;
pub use mask::{KeptIndices, Mask, MaskMut, MaskRef, Runs, mask_words};
pub use monte_carlo::{MonteCarlo, Outputs};
pub use plan::{Flat, Shape};
pub use rate::DropRate;
pub use rng::MaskRng;
pub use schedule::Schedule;
pub use source::{
    ArraySource, Draw, KnownArrayMask, KnownMask, MaskSource, MaskStore, RandomSource, StoredMask,
    StoredSource,
};
pub use tape::{MaskTape, tape_words};
pub use variants::{
    DropBlock, DropConnect, DropHead, DropPath, EmbeddingDropout, GaussianDropout, LockedDropout,
    VariationalDropout, Zoneout,
};

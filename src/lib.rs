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

// What the user asks for.
mod dropout;
mod monte_carlo;
mod schedule;
mod tape;
mod variants;

// What a mask is.
mod checkpoint;
mod element;
mod error;
mod key;
mod lanes;
mod layout;
mod mask;
mod pieces;
mod rate;
mod rng;
mod sampler;
#[cfg(feature = "serde")]
mod serialise;

// How it is done, and by which machine.
mod isa;
mod kernel;

pub use dropout::{Alpha, Classic, DropKey, Dropout, Inverted, Rule, Structured};
pub use error::{Error, KeyError, RateError, ShapeError, StateError, TapeError};
pub use isa::{Backend, Element};
pub use key::MaskKey;
pub use layout::Layout;
pub use mask::{KeptIndices, Mask, MaskMut, MaskRef, Runs, mask_words};
pub use monte_carlo::{MonteCarlo, Outputs};
pub use rate::DropRate;
pub use rng::MaskRng;
pub use schedule::Schedule;
pub use tape::{MaskTape, tape_words};
pub use variants::{
    DropBlock, DropConnect, DropHead, DropPath, EmbeddingDropout, GaussianDropout, LockedDropout,
    VariationalDropout, Zoneout,
};

/// The version of the mask stream (`docs/STREAM.md`), which says what mask (seed, stream, p, n) gives.
/// A change to any mask changes it.
pub const STREAM_VERSION: u32 = 2;

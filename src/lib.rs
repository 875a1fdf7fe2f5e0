//! Dropout without a framework: `no_std`, allocation-free SIMD kernels over slices and arrays, with
//! masks of one bit per element, or of no memory at all; exact drop rates; and the same mask, bit
//! for bit, on every machine.
//!
//! ```
//! use dropout_kernels::{Dropout, Mask, MaskRng, drop_rate, mask_words};
//!
//! const HIDDEN: Dropout = Dropout::new(drop_rate!(0.3)); // p, the probability to drop: 0.3
//! let mut rng = MaskRng::new(42, 0); // (seed, stream) names every mask that follows
//! let mut mask = Mask::<{ mask_words(256) }>::new();
//!
//! let mut activations = [1f32; 256];
//! HIDDEN.forward_array_in_place(&mut activations, rng.draw(&mut mask)); // training
//! let mut gradient = [1f32; 256];
//! HIDDEN.backward_array_in_place(&mut gradient, &mask); // the same units, the same scale
//!
//! assert_eq!(activations, gradient);
//! HIDDEN.infer_in_place(&mut activations); // inference: nothing is dropped
//! ```
//!
//! # Where to begin
//!
//! - [`Dropout`] has the verbs, [`forward`](Dropout::forward), [`backward`](Dropout::backward) and
//!   [`infer`](Dropout::infer), and shows each with every source of masks.
//! - [`DropRate`] is p, the probability to drop. [`drop_rate!`] makes a constant, and a p that is
//!   no probability does not build.
//! - [`MaskKey`] names a mask in 16 bytes, and says how to number the masks of a training run.
//!   [`MaskRng`] draws one after the other. [`MaskSource`] is the list of where masks come from.
//! - [`Mask`], [`MaskRef`] and [`MaskMut`] are masks: owned, read and written. [`MaskTape`] keeps
//!   those of many layers.
//! - The book, `docs/README.md` in the package: ten minutes to a training step, which dropout for
//!   which layer and at which rate, where not to use it, firmware, kernels, C.
//!
//! # Which dropout
//!
//! | | when to use it | |
//! |---|---|---|
//! | inverted | hidden fully connected layers, p from 0.1 to 0.5; softmax weights of attention | [`Dropout::new`] |
//! | classic | to compare with papers: training does not scale, inference does | [`Dropout::classic`] |
//! | spatial | maps of convolutions: whole channels | [`Layout::channels_first`], [`Layout::channels_last`] |
//! | DropBlock | maps of convolutions: blocks of them | [`DropBlock`] |
//! | variational | recurrent layers: the same units at every step | [`Layout::time_major`], [`Layout::batch_major`]; step by step [`LockedDropout`], [`VariationalDropout`] |
//! | recurrent dropout | the candidate update of an LSTM or a GRU | [`LockedDropout`] |
//! | zoneout | states of recurrent cells: some units stay as they were | [`Zoneout`] |
//! | embedding | a word is dropped everywhere in the batch | [`EmbeddingDropout`] |
//! | stochastic depth | residual branches: decided before they are computed | [`DropPath`], [`DropRate::at_depth`] |
//! | DropConnect, weight-drop | weights of fully connected or recurrent layers | [`DropConnect`] |
//! | alpha, feature alpha | networks of SELUs: keeps mean 0 and variance 1, or others | [`Dropout::alpha`], [`Dropout::alpha_of`], over a [`Layout`] |
//! | Gaussian | noise of mean 1 instead of zeros | [`GaussianDropout`] |
//! | concrete | the rate is learned with the weights, by a gradient to p | [`ConcreteDropout`] |
//! | LayerDrop | whole layers of a transformer; a shallower one at inference | [`LayerDrop`] |
//! | NEFTune's noise | embeddings of a language model that is tuned to instructions | [`EmbeddingNoise`] |
//! | DropKey | attention logits, before the softmax | [`Dropout::drop_key`] |
//! | HiddenKey | attention, tuned by LoRA: a key for all queries of a head | [`DropKey`], over a [`Layout`] |
//! | rank dropout | LoRA: ranks of A x | [`Layout::batch_major`] |
//! | DropHead | whole attention heads | [`DropHead`] |
//! | Monte Carlo | uncertainty at inference: mean and variance over passes | [`MonteCarlo`] |
//! | schedules | a rate that changes over training | [`Schedule`] |
//!
//! # Which numbers
//!
//! An [`Element`] is `f32` or `f64`; with feature `half` `half::f16` or `half::bf16`, which are computed
//! with in `f32`; or `i8` or `i16`, as integers that code a number by a scale and a zero point.
//! Integers are dropped by [`Dropout::classic`], which only selects while you multiply the tensor's
//! scale ("fold"), or by [`Dropout::new`], which multiplies, rounds and saturates ("requantise"):
//! [`Dropout`](Dropout#integers) says more.
//!
//! # A training step
//!
//! ```rust
//! use dropout_kernels::{DropRate, Dropout, MaskKey, MaskRng, MaskTape, tape_words};
//!
//! fn main() -> Result<(), dropout_kernels::Error> {
//!     let dropout = Dropout::new(DropRate::new(0.1)?); // a rate known only at run time is checked
//!     let (mut a, mut b) = ([1f32; 64], [1f32; 100]);
//!
//!     // Replayed: a key for each step and layer (here layer 0 of 2), and no mask in memory.
//!     let (seed, step) = (42, 1000);
//!     let key = MaskKey::at(seed, &[(step, 1 << 32), (0, 2)])?;
//!     dropout.forward_in_place(&mut a, key)?;
//!     dropout.backward_in_place(&mut a, key)?;
//!
//!     // Stored on a tape: pushed forward, popped backward.
//!     let mut rng = MaskRng::new(seed, u64::MAX); // a stream that no key above names
//!     let mut tape = MaskTape::new([0; tape_words(&[64, 100])]);
//!     dropout.forward_in_place(&mut a, rng.draw(tape.push(0, 64)?))?;
//!     dropout.forward_in_place(&mut b, rng.draw(tape.push(1, 100)?))?;
//!     dropout.backward_in_place(&mut b, tape.pop(1, 100)?)?;
//!     dropout.backward_in_place(&mut a, tape.pop(0, 64)?)?; // after an error: tape.clear()
//!
//!     // A checkpoint: 272 bytes, from which the masks go on. Half-written or foreign bytes are refused.
//!     assert_eq!(MaskRng::from_checkpoint(&rng.to_checkpoint())?, rng);
//!     Ok(())
//! }
//! ```
//!
//! # Errors
//!
//! Bad input is an error that says what was expected and what came; nothing is written, and no
//! generator has moved. [`ShapeError`] is of lengths, [`RateError`] of p, and [`Error`] is any, so
//! one `?` serves all. Nothing panics.
//!
//! # Features
//!
//! `half`: elements of [`half`](https://docs.rs/half)'s `f16` and `bf16`. `serde`: `Serialize` and `Deserialize` for keys, generators, rates, schedules, layouts and
//! masks, checked like their constructors. `defmt`: `defmt::Format` for errors, rates, layouts,
//! masks and backends. None is on by default.
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
mod bits;
mod checkpoint;
mod element;
mod elementary;
mod error;
mod exact;
mod key;
mod lanes;
mod layout;
mod mask;
#[cfg(feature = "half")]
mod narrow;
mod panel;
mod pieces;
mod rate;
mod requantise;
mod rng;
#[cfg(feature = "serde")]
mod serialise;

pub use dropout::{
    Alpha, BiasDropout, Classic, DropKey, Dropout, Inverted, Requantises, Rows, Rule, RuleFor,
    Scales, ZeroPoint, keep,
};
pub use element::Real;
pub use error::{Error, KeyError, RateError, ShapeError, StateError, TapeError};
pub use isa::{Backend, Element, Float, Integer};
pub use key::{MaskKey, STREAM_VERSION};
pub use layout::Layout;
pub use mask::{Flag, KeptIndices, Mask, MaskMut, MaskRef, MaskWindow, Runs, mask_words};
pub use monte_carlo::{MonteCarlo, Outputs};
pub use panel::Panel;
pub use plan::{Compact, Extent, Flat, Shape};
pub use rate::DropRate;
pub use rng::MaskRng;
pub use schedule::Schedule;
pub use source::{
    ArraySource, Draw, KnownArrayMask, KnownMask, MaskSource, MaskStore, RandomSource, StoredMask,
    StoredSource,
};
pub use tape::{MaskTape, tape_words};
pub use variants::*;

pub mod in_a_kernel;

/// The pages whose examples are tests, too.
#[cfg(doctest)]
mod pages {
    #[doc = include_str!("../README.md")]
    struct Readme;
    #[doc = include_str!("../docs/START.md")]
    struct Start;
    #[doc = include_str!("../docs/FIRMWARE.md")]
    struct Firmware;
    #[doc = include_str!("../docs/KERNELS.md")]
    struct Kernels;
}

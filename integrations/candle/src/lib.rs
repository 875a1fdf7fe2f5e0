//! Dropout for candle by the kernels of [`dropout_kernels`].
//!
//! [`Dropout`] has the signature of `candle_nn::Dropout`, and [`ops::dropout`] that of
//! `candle_nn::ops::dropout`, so a model changes one line:
//!
//! ```text
//! - use candle_nn::Dropout;
//! + use dropout_kernels_candle::Dropout;
//! ```
//!
//! ```
//! use candle_core::{Device, Result, Tensor, Var};
//! use dropout_kernels_candle::{Dropout, MaskKey};
//!
//! fn main() -> Result<()> {
//!     let x = Var::ones((8, 100), candle_core::DType::F32, &Device::Cpu)?;
//!     // `Dropout::new(0.5)` has another seed in each process; this one always makes the same masks.
//!     let dropout = Dropout::seeded(0.5, MaskKey::new(42, 0));
//!     let y = dropout.forward(&x, true)?;
//!     let dx = y.sum_all()?.backward()?.remove(&x).expect("y depends on x");
//!     assert_eq!(y.to_vec2::<f32>()?, dx.to_vec2::<f32>()?); // the same elements, the same scale
//!     Ok(())
//! }
//! ```
//!
//! What differs from candle's own:
//!
//! - No tensor is saved for backward. The mask has a name, a [`MaskKey`], and is drawn again.
//! - Masks can be seeded, and a run can be resumed: see [`Masks`].
//! - p = 1 drops everything. A p that is NaN, negative or above 1 is an error when training.
//! - A dropped element is +0.0, even if it was NaN or infinite; so is its gradient.
//! - p is exact for every element type. In `f16` and `bf16` the scale is an `f32`.
//! - It works on the CPU only. Another device is an error.
//!
//! Elements are `f32`, `f64`, `f16` or `bf16`. A mask belongs to the logical order of elements, so a
//! tensor, a transposed or narrowed view of equal values, and a copy of it are dropped alike.

use std::sync::{Arc, Mutex};

use candle_core::{ModuleT, Result, Tensor};
pub use dropout_kernels::{DropRate, MaskKey};

#[path = "../../masks.rs"]
mod masks;
mod op;
pub mod ops;

pub use masks::Masks;
pub use op::DropoutOp;

/// Dropout, as `candle_nn::Dropout` has it.
///
/// Each call of [`forward`](Self::forward) in training has another mask, and so have two layers. Clones
/// share the counter of calls, so they do not repeat each other's masks. Give the replicas of a
/// model that train in several threads [`seeded`](Self::seeded) layers, so that the masks do not depend
/// on which thread comes first.
#[derive(Clone, Debug)]
pub struct Dropout {
    drop_p: f32,
    masks: Arc<Mutex<Masks>>,
}

impl Dropout {
    /// Dropout with probability `drop_p`, from 0 to 1. Like candle's, it has other masks in each
    /// process: the seed comes from the operating system. Layers are numbered as they are made.
    ///
    /// A rate that is no probability is an error of [`forward`](Self::forward).
    #[must_use]
    pub fn new(drop_p: f32) -> Self {
        Self::seeded(drop_p, masks::unseeded())
    }

    /// Dropout whose masks are named by `key`: the same in every run, on every machine. Each layer
    /// of a model needs a stream of its own: `MaskKey::new(seed, layer)`.
    #[must_use]
    pub fn seeded(drop_p: f32, key: MaskKey) -> Self {
        Self { drop_p, masks: Arc::new(Mutex::new(Masks::new(key))) }
    }

    /// Drops if `train`; otherwise the output is the input itself.
    ///
    /// # Errors
    ///
    /// In training, if `drop_p` is not from 0 to 1, if the tensor is not on the CPU, or if its
    /// elements are not `f32`, `f64`, `f16` or `bf16`. Then no mask counts as made.
    pub fn forward(&self, xs: &Tensor, train: bool) -> Result<Tensor> {
        if train {
            ops::dropout_by_key(xs, self.rate()?, self.key_for(xs)?)
        } else {
            Ok(xs.clone())
        }
    }

    /// [`forward`](Self::forward) in place; every tensor that shares the storage changes. Candle does not
    /// track it, so there is no gradient: use it where none is needed, for example for Monte Carlo
    /// dropout.
    ///
    /// # Errors
    ///
    /// Same errors as [`forward`](Self::forward), and a tensor that has an element in several places.
    pub fn forward_in_place(&self, xs: &Tensor, train: bool) -> Result<()> {
        if !train {
            return Ok(());
        }
        ops::dropout_by_key_in_place(xs, self.rate()?, self.key_for(xs)?)
    }

    /// The state, for a checkpoint.
    #[must_use]
    pub fn masks(&self) -> Masks {
        *masks::lock(&self.masks)
    }

    /// Goes on from a state, for this layer and its clones.
    pub fn set_masks(&self, masks: Masks) {
        *masks::lock(&self.masks) = masks;
    }

    /// The probability to drop, as it was given.
    #[must_use]
    pub const fn drop_p(&self) -> f32 {
        self.drop_p
    }

    fn rate(&self) -> Result<DropRate> {
        ops::rate(self.drop_p)
    }

    /// The next key, unless no dropout can be made of `xs`.
    fn key_for(&self, xs: &Tensor) -> Result<MaskKey> {
        op::check(xs)?;
        Ok(masks::lock(&self.masks).next_key())
    }
}

impl ModuleT for Dropout {
    fn forward_t(&self, xs: &Tensor, train: bool) -> Result<Tensor> {
        self.forward(xs, train)
    }
}

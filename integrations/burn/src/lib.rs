//! Dropout for burn's Flex backend by the kernels of [`dropout_kernels`], for burn 0.22.
//!
//! [`Dropout`] and [`DropoutConfig`] have the signatures of `burn::nn`'s, so a model changes one line:
//!
//! ```text
//! - use burn::nn::{Dropout, DropoutConfig};
//! + use dropout_kernels_burn::{Dropout, DropoutConfig};
//! ```
//!
//! ```
//! use burn::tensor::{Device, Tensor};
//! use dropout_kernels_burn::{DropRate, MaskKey, dropout_by_key};
//!
//! let x = Tensor::<2>::ones([8, 100], &Device::default().autodiff()).require_grad();
//! let rate = DropRate::new(0.5)?;
//! let y = dropout_by_key(x.clone(), rate, MaskKey::new(42, 0))?;
//! let dx = x.grad(&y.clone().sum().backward()).expect("y depends on x");
//! assert_eq!(y.into_data().try_to_vec::<f32>()?, dx.into_data().to_vec::<f32>()?);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What differs from burn's own:
//!
//! - No tensor is saved for backward. The mask has a name, a [`MaskKey`], and is drawn again.
//! - Masks can be seeded for each layer, and a run can be resumed: see [`Masks`].
//! - p = 1 drops everything, in forward and in backward.
//! - A dropped element is +0.0, even if it was NaN or infinite; so is its gradient.
//! - It works on the Flex backend only, with autodiff by either strategy of checkpointing or without it.
//!
//! Elements are `f32`, `f64`, `f16` or `bf16`. A mask belongs to the logical order of elements, so a
//! tensor and a transposed view of equal values are dropped alike.

use std::error;
use std::fmt;
use std::sync::{Arc, Mutex};

use burn::module::{Flag, Module, Param};
use burn::tensor::Tensor;
pub use dropout_kernels::{DropRate, MaskKey};

#[path = "../../masks.rs"]
mod masks;
mod op;

pub use masks::Masks;
pub use op::dropout_by_key;

/// Makes a [`Dropout`], as burn's does.
#[derive(burn::config::Config, Debug)]
pub struct DropoutConfig {
    /// The probability to drop, from 0 to 1.
    pub prob: f64,
}

impl DropoutConfig {
    /// A layer that has other masks in each process: the seed comes from the operating system, and
    /// layers are numbered as they are made.
    ///
    /// # Panics
    ///
    /// If `prob` is NaN, negative or above 1, as burn's does. [`Dropout::seeded`] gives an error.
    #[must_use]
    pub fn init(&self) -> Dropout {
        Dropout::seeded(self.prob, masks::unseeded()).unwrap_or_else(|error| panic!("{error}"))
    }
}

/// Dropout, as `burn::nn::Dropout`: in training only, that is on a device with autodiff, and not where the
/// layer is frozen.
///
/// Each call has another mask, and so have two layers. Clones share the counter of calls.
#[derive(Module, Debug)]
pub struct Dropout {
    /// The probability to drop.
    pub prob: f64,
    /// Whether to behave as during training. Cleared by [`freeze`](Module::freeze).
    pub training: Param<Flag>,
    #[module(skip)]
    masks: Arc<Mutex<Masks>>,
}

impl Dropout {
    /// Dropout whose masks are named by `key`: the same in every run, on every machine. Each layer
    /// of a model needs a stream of its own: `MaskKey::new(seed, layer)`.
    ///
    /// # Errors
    ///
    /// If `prob` is NaN, negative or above 1.
    pub fn seeded(prob: f64, key: MaskKey) -> Result<Self, Error> {
        DropRate::from_f64(prob)?;
        let masks = Arc::new(Mutex::new(Masks::new(key)));
        Ok(Self { prob, training: Param::from_bool(true), masks })
    }

    /// Drops in training; otherwise the output is the input.
    ///
    /// # Panics
    ///
    /// Where [`try_forward`](Self::try_forward) gives an error: this signature is burn's.
    pub fn forward<const D: usize>(&self, input: Tensor<D>) -> Tensor<D> {
        self.try_forward(input).unwrap_or_else(|error| panic!("{error}"))
    }

    /// [`forward`](Self::forward), which tells what is wrong.
    ///
    /// # Errors
    ///
    /// In training, if the tensor is not one of the Flex backend, if its elements are not `f32`, `f64`,
    /// `f16` or `bf16`, or if `prob` has been set to what is no probability.
    pub fn try_forward<const D: usize>(&self, input: Tensor<D>) -> Result<Tensor<D>, Error> {
        if !self.training.is_enabled() || !input.device().is_autodiff() {
            return Ok(input);
        }
        let rate = DropRate::from_f64(self.prob)?;
        let key = masks::lock(&self.masks).next_key();
        dropout_by_key(input, rate, key)
    }

    /// The state, for a checkpoint. Records of burn do not hold it: save it beside them.
    #[must_use]
    pub fn masks(&self) -> Masks {
        *masks::lock(&self.masks)
    }

    /// Goes on from a state, for this layer and its clones.
    pub fn set_masks(&self, masks: Masks) {
        *masks::lock(&self.masks) = masks;
    }
}

/// What cannot be dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The rate is no probability.
    Rate(dropout_kernels::RateError),
    /// The tensor is not one of the Flex backend.
    Backend {
        /// What it is, in burn's words.
        given: String,
    },
    /// Elements of another type.
    Elements {
        /// The type's name.
        given: String,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rate(error) => error.fmt(f),
            Self::Backend { given } => write!(f, "expected a tensor of the Flex backend: {given}"),
            Self::Elements { given } => {
                write!(f, "expected elements of f32, f64, f16 or bf16, got {given}")
            }
        }
    }
}

impl error::Error for Error {}

impl From<dropout_kernels::RateError> for Error {
    fn from(error: dropout_kernels::RateError) -> Self {
        Self::Rate(error)
    }
}

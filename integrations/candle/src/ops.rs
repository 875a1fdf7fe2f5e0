//! Functions, as `candle_nn::ops` has them, and the same by a key.

use std::sync::atomic::{AtomicU64, Ordering};

use candle_core::{Error, Result, Tensor};

use crate::masks::PROCESS_SEED;
use crate::op::check;
use crate::{DropRate, DropoutOp, MaskKey};

/// Drops, as `candle_nn::ops::dropout` does; each call has another mask.
///
/// # Errors
///
/// Same errors as [`Dropout::forward`](crate::Dropout::forward).
pub fn dropout(xs: &Tensor, drop_p: f32) -> Result<Tensor> {
    static CALLS: AtomicU64 = AtomicU64::new(0);
    let rate = rate(drop_p)?;
    check(xs)?;
    // A stream that no layer has.
    let calls = MaskKey::new(*PROCESS_SEED, u64::MAX);
    dropout_by_key(xs, rate, calls.fold(CALLS.fetch_add(1, Ordering::Relaxed)))
}

/// Drops by the mask of this key. The gradient goes through the elements that were kept.
///
/// # Errors
///
/// If the tensor is not on the CPU, or if its elements are not `f32`, `f64`, `f16` or `bf16`.
pub fn dropout_by_key(xs: &Tensor, rate: DropRate, key: MaskKey) -> Result<Tensor> {
    check(xs)?;
    xs.apply_op1(DropoutOp::new(rate, key))
}

/// Drops in place by the mask of this key. Applied to a gradient, it is the backward of dropout.
///
/// # Errors
///
/// Same errors as [`dropout_by_key`], and a tensor that has an element in several places.
pub fn dropout_by_key_in_place(xs: &Tensor, rate: DropRate, key: MaskKey) -> Result<()> {
    check(xs)?;
    xs.inplace_op1(&DropoutOp::new(rate, key))
}

pub(crate) fn rate(drop_p: f32) -> Result<DropRate> {
    DropRate::new(drop_p).map_err(Error::wrap)
}

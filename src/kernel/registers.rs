//! The thirty-two elements that a mask word decides, in vector registers that are driven by
//! intrinsics.
//!
//! The compiler makes vectors of loops at levels 2 and 3 alone. So this is what makes kernels fast
//! in a crate that is compiled for size.
#![allow(dead_code, reason = "only machines whose vectors are driven by intrinsics use it")]

use super::Isa;
use super::op::Op;
use crate::element::{Number, Value};

/// An instruction set with such registers.
pub(crate) trait RegisterIsa: Isa {
    type F32: Registers<f32, Self>;
    type F64: Registers<f64, Self>;
}

/// An element type, and where each instruction set holds 32 of them.
pub(crate) trait Vectored: Number {
    type In<I: RegisterIsa>: Registers<Self, I>;
}

impl Vectored for f32 {
    type In<I: RegisterIsa> = I::F32;
}

impl Vectored for f64 {
    type In<I: RegisterIsa> = I::F64;
}

/// Thirty-two elements in registers. Holding them proves that the machine has the instructions of
/// `I`: `load`, the only way to make them, asks for the proof.
pub(crate) trait Registers<T, I>: Value<T> {
    fn load(isa: I, elements: &[T; 32]) -> Self;

    fn store(self) -> [T; 32];

    /// The elements whose bits of `word` are set; elsewhere those of `dropped`.
    fn select(self, word: u32, dropped: Self) -> Self;

    /// The elements whose bits of `word` are set; elsewhere +0.0.
    fn or_zero(self, isa: I, word: u32) -> Self;
}

/// What 32 elements become whose bits are those of `word`.
#[inline(always)]
pub(crate) fn select<I: RegisterIsa, T: Vectored, O: Op<T>>(
    isa: I,
    word: u32,
    at: usize,
    target: &[T; 32],
    op: O,
) -> [T; 32] {
    let kept = op.kept(T::In::<I>::load(isa, &op.read(at, target)));
    if O::ZEROES {
        kept.or_zero(isa, word).store()
    } else {
        kept.select(word, T::In::<I>::load(isa, &op.dropped(at, target))).store()
    }
}

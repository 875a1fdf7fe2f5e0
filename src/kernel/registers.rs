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
    type I8: Registers<i8, Self>;
    type I16: Registers<i16, Self>;
    #[cfg(feature = "half")]
    type F16: Registers<half::f16, Self>;
    #[cfg(feature = "half")]
    type Bf16: Registers<half::bf16, Self>;
}

/// An element type, and where each instruction set holds 32 of them.
pub(crate) trait Vectored: Number {
    type In<I: RegisterIsa>: Registers<Self, I>;
}

macro_rules! vectored {
    ($($(#[$cfg:meta])* $number:ty = $name:ident;)*) => {$(
        $(#[$cfg])*
        impl Vectored for $number {
            type In<I: RegisterIsa> = I::$name;
        }
    )*};
}
vectored! {
    f32 = F32;
    f64 = F64;
    i8 = I8;
    i16 = I16;
    #[cfg(feature = "half")]
    half::f16 = F16;
    #[cfg(feature = "half")]
    half::bf16 = Bf16;
}

/// Thirty-two elements in registers. Holding them proves that the machine has the instructions of
/// `I`: `load` and `load_some`, the only ways to make them, ask for the proof.
pub(crate) trait Registers<T: Number, I: Isa>: Value<T> {
    fn load(isa: I, elements: &[T; 32]) -> Self;

    fn store(self) -> [T; 32];

    /// The first of them, up to 32, and +0.0.
    #[inline(always)]
    fn load_some(isa: I, elements: &[T]) -> Self {
        let mut all = [T::ZERO; 32];
        all.iter_mut().zip(elements).for_each(|(y, x)| *y = *x);
        Self::load(isa, &all)
    }

    /// Stores as many as `target` has.
    #[inline(always)]
    fn store_some(self, target: &mut [T]) {
        target.iter_mut().zip(self.store()).for_each(|(y, x)| *y = x);
    }

    /// The elements whose bits of `word` are set; elsewhere those of `dropped`.
    fn select(self, word: I::Word, dropped: Self) -> Self;

    /// The same, for elements that may be those of the target as they are: some compilers make a masked
    /// store of such a choice, which takes five times as long as all else on some processors.
    fn merge(self, word: I::Word, dropped: Self) -> Self;

    /// The elements whose bits of `word` are set; elsewhere +0.0.
    fn or_zero(self, isa: I, word: I::Word) -> Self;

    /// Products where bits of `word` are set; elsewhere +0.0.
    #[inline(always)]
    fn times_or_zero(self, isa: I, word: I::Word, factor: T::Factor) -> Self {
        self.times(factor).or_zero(isa, word)
    }
}

/// What is multiplied where bits of a word are set, and elsewhere becomes +0.0.
#[derive(Clone, Copy)]
struct OrZero<I: Isa, V> {
    isa: I,
    word: I::Word,
    x: V,
}

impl<I: Isa, T: Number, V: Registers<T, I>> Value<T> for OrZero<I, V> {
    #[inline(always)]
    fn times(self, factor: T::Factor) -> Self {
        Self { x: self.x.times_or_zero(self.isa, self.word, factor), ..self }
    }

    #[inline(always)]
    fn times_plus(self, factor: T::Factor, term: T::Term) -> Self {
        Self { x: self.x.times_plus(factor, term).or_zero(self.isa, self.word), ..self }
    }
}

/// What `N` elements become, of up to 32, whose bits are those of `word`.
#[inline(always)]
pub(crate) fn select_of<I: RegisterIsa, T: Vectored, O: Op<T>, const N: usize>(
    isa: I,
    word: I::Word,
    read: [T; N],
    dropped: [T; N],
    op: O,
) -> [T; N] {
    let x = T::In::<I>::load(isa, &padded(read));
    let y = select(isa, word, x, || T::In::<I>::load(isa, &padded(dropped)), op);
    y.store().first_chunk().copied().unwrap_or(read)
}

/// The same of all of `target`, which has up to 32 elements.
#[inline(always)]
pub(crate) fn select_some<I: RegisterIsa, T: Vectored, O: Op<T>>(
    isa: I,
    word: I::Word,
    at: usize,
    target: &mut [T],
    op: O,
) {
    let (read, dropped) = op.some(at, target);
    let x = T::In::<I>::load_some(isa, read);
    let dropped = || match op.filler() {
        Some(filler) => T::In::<I>::load(isa, &[filler; 32]),
        None => T::In::<I>::load_some(isa, dropped),
    };
    select(isa, word, x, dropped, op).store_some(target);
}

#[inline(always)]
fn select<I: RegisterIsa, T: Number, O: Op<T>, V: Registers<T, I>>(
    isa: I,
    word: I::Word,
    x: V,
    dropped: impl FnOnce() -> V,
    op: O,
) -> V {
    match (O::ZEROES, O::COPIES) {
        (true, true) => x.or_zero(isa, word),
        (true, false) => op.kept(OrZero { isa, word, x }).x,
        (false, true) => op.kept(x).merge(word, dropped()),
        (false, false) => op.kept(x).select(word, dropped()),
    }
}

/// Registers that only zeros stand in, and that nobody reads, are not computed.
#[inline(always)]
fn padded<T: Number, const N: usize>(elements: [T; N]) -> [T; 32] {
    let mut all = [T::ZERO; 32];
    if let Some(first) = all.first_chunk_mut() {
        *first = elements;
    }
    all
}

//! The number types that are dropped, and their arithmetic.

mod floats;
mod integers;

use core::fmt::Debug;

use crate::elementary::Elementary;
use crate::rate::DropRate;
use crate::requantise::Multiplier;

mod sealed {
    pub trait Sealed {}
    macro_rules! seal {
        ($($(#[$cfg:meta])* $number:ty),*) => {$($(#[$cfg])* impl Sealed for $number {})*};
    }
    seal!(
        f32,
        f64,
        i8,
        i16,
        #[cfg(feature = "half")]
        half::f16,
        #[cfg(feature = "half")]
        half::bf16
    );
}

/// What arithmetic is done on: an element, or many in registers.
///
/// Of floating-point elements every operation is done once in the type of the factor, and the
/// result is narrowed once to the type of the element. Of integers the result is rounded once, and
/// saturates.
pub trait Value<T: Number>: Copy {
    /// x * factor.
    #[must_use]
    fn times(self, factor: T::Factor) -> Self;

    /// x * factor + term, where each is rounded; of integers (x - term) * factor + term, where the
    /// term is the zero point, rounded once.
    #[must_use]
    fn times_plus(self, factor: T::Factor, term: T::Term) -> Self;
}

/// A number type: the same bits on every machine.
pub trait Number: Value<Self> + Debug + PartialEq + Send + Sync + sealed::Sealed + 'static {
    /// What it is multiplied with: a number of a wider type, or of its own.
    type Factor: Copy + Debug;

    /// What is added: of floating-point numbers one like a factor, of integers the zero point.
    type Term: Copy + Debug;

    /// The weights of two numbers that are blended.
    type Weight: Copy + Debug;

    /// What a dropped element becomes: +0.0, or 0.
    const ZERO: Self;

    /// Whether a product takes few instructions where there are no vectors, so that to multiply all
    /// elements and to drop some after that costs less than to decide one by one.
    const LIGHT: bool = false;

    /// The scale of inverted dropout at this rate.
    fn inverted_scale(rate: DropRate) -> Self::Factor;

    /// 1 - p at this rate.
    fn keep_probability(rate: DropRate) -> Self::Factor;

    /// `whole / part`. 0 < part <= whole < 2^53.
    fn quotient(whole: u64, part: u64) -> Self::Factor;

    /// p and 1 - p at this rate.
    fn weights(rate: DropRate) -> [Self::Weight; 2];

    /// a * u + b * v, for weights whose sum is 1.
    #[must_use]
    fn blend(a: Self, u: Self::Weight, b: Self, v: Self::Weight) -> Self;

    /// The sum of this and of what x becomes, beyond what stands for a dropped element.
    #[must_use]
    fn accumulate(
        self,
        x: Self,
        factor: Option<Self::Factor>,
        term: Option<Self::Term>,
        dropped: Self,
    ) -> Self;

    /// Whether x <= 0; a NaN is not.
    fn is_not_positive(self) -> bool;

    /// The factor, if it is an `f32` and so is the element.
    #[allow(dead_code, reason = "Cortex-M with a floating-point unit asks for it")]
    fn in_f32(_: Self::Factor) -> Option<f32> {
        None
    }
}

/// A floating-point number, which is computed with in the type of its factor.
pub trait FloatNumber: Number<Factor: Real> {
    /// Written over a masked logit so that its softmax weight is zero.
    const NEG_INFINITY: Self;

    /// A sum with it is the other number, to the sign.
    const NEGATIVE_ZERO: Self;

    /// The same number.
    fn widen(self) -> Self::Factor;

    /// The nearest number, ties to even; of NaN a NaN.
    fn narrow(x: Self::Factor) -> Self;

    /// A term that is added.
    fn term(x: Self::Factor) -> Self::Term;
}

/// A floating-point number that is computed with in its own type, and in which sums are taken: `f32` or
/// `f64`.
///
/// Sealed.
#[diagnostic::on_unimplemented(
    message = "sums are taken in `f32` or `f64`, and not in `{Self}`",
    note = "widen the numbers first"
)]
pub trait Real: Number<Factor = Self> + Elementary {
    /// Picks the `f64` or `f32` value of a constant that was rounded to both types.
    #[must_use]
    fn from_both(both: (f64, f32)) -> Self;

    /// The sum, rounded once.
    #[must_use]
    fn plus(self, term: Self) -> Self;

    /// The difference, rounded once.
    #[must_use]
    fn minus(self, other: Self) -> Self;

    /// The quotient, rounded once.
    #[must_use]
    fn over(self, divisor: Self) -> Self;

    /// A count, rounded to this type.
    #[must_use]
    fn count(n: u32) -> Self;

    /// The same number.
    fn from_f32(x: f32) -> Self;
}

/// An integer that codes a number by a scale and a zero point, which its owner knows.
pub trait IntegerNumber: Number<Factor = Multiplier, Term = Self> {
    /// x * factor about a zero point, rounded by the bits of `random` and not to the nearest.
    #[must_use]
    fn times_rounded_by(self, factor: Multiplier, zero: Self, random: u32) -> Self;
}

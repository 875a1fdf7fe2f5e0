//! The number types that are dropped.

use core::fmt::Debug;

use crate::exact::{fraction, quotient};
use crate::rate::DropRate;

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}

/// What arithmetic is done on: an element, or many in registers.
pub trait Value<T>: Copy {
    /// The product, rounded once.
    #[must_use]
    fn times(self, factor: T) -> Self;

    /// The sum, rounded once.
    #[must_use]
    fn plus(self, term: T) -> Self;
}

/// The arithmetic of a number type: correctly rounded, the same bits on every machine.
pub trait Number: Value<Self> + Debug + PartialEq + Send + Sync + sealed::Sealed + 'static {
    /// +0.0, what a dropped element becomes.
    const ZERO: Self;

    /// Written over a masked logit so that its softmax weight is zero.
    const NEG_INFINITY: Self;

    /// Picks the `f64` or `f32` value of a constant that was rounded to both types.
    #[must_use]
    fn from_both(both: (f64, f32)) -> Self;

    /// The scale of inverted dropout at this rate, rounded to this type.
    fn inverted_scale(rate: DropRate) -> Self;

    /// 1 - p at this rate, rounded to this type.
    fn keep_probability(rate: DropRate) -> Self;

    /// p at this rate, rounded to this type.
    fn drop_probability(rate: DropRate) -> Self;

    /// `whole / part`, rounded to this type. 0 < part <= whole < 2^53.
    fn quotient(whole: u64, part: u64) -> Self;

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

macro_rules! float {
    ($float:ident, $scale:ident, $half:tt) => {
        impl Value<Self> for $float {
            #[inline(always)]
            fn times(self, factor: Self) -> Self {
                self * factor
            }

            #[inline(always)]
            fn plus(self, term: Self) -> Self {
                self + term
            }
        }

        impl Number for $float {
            const ZERO: Self = 0.0;
            const NEG_INFINITY: Self = Self::NEG_INFINITY;

            #[inline]
            fn from_both(both: (f64, f32)) -> Self {
                both.$half
            }

            #[inline]
            fn inverted_scale(rate: DropRate) -> Self {
                rate.$scale()
            }

            #[inline]
            fn keep_probability(rate: DropRate) -> Self {
                fraction(rate.kept()).$half
            }

            #[inline]
            fn drop_probability(rate: DropRate) -> Self {
                fraction(rate.threshold()).$half
            }

            #[inline]
            fn quotient(whole: u64, part: u64) -> Self {
                quotient(whole, part).$half
            }

            #[inline(always)]
            fn minus(self, other: Self) -> Self {
                self - other
            }

            #[inline(always)]
            fn over(self, divisor: Self) -> Self {
                self / divisor
            }

            #[allow(clippy::cast_lossless, reason = "it rounds to f32")]
            #[inline(always)]
            fn count(n: u32) -> Self {
                n as $float
            }

            #[inline(always)]
            fn from_f32(x: f32) -> Self {
                x.into()
            }
        }
    };
}
float!(f32, scale_f32, 1);
float!(f64, scale, 0);

//! The number types that are dropped.

use core::fmt::Debug;

use crate::rate::{DropRate, fraction, quotient};

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}

/// A number type that the kernels work on: `f32` or `f64`.
///
/// Sealed: its promise is correctly rounded arithmetic, the same bits on every machine.
pub trait Element: Copy + Debug + PartialEq + Send + Sync + sealed::Sealed + 'static {
    /// +0.0, what a dropped element becomes.
    const ZERO: Self;

    #[doc(hidden)]
    /// What a logit becomes that no softmax is to see.
    const NEG_INFINITY: Self;

    #[doc(hidden)]
    /// The number of this type, of one that was rounded to both.
    #[must_use]
    fn of_both(both: (f64, f32)) -> Self;

    #[doc(hidden)]
    /// The scale of inverted dropout at this rate, rounded to this type.
    fn inverted_scale(rate: DropRate) -> Self;

    #[doc(hidden)]
    /// 1 - p at this rate, rounded to this type.
    fn keep_probability(rate: DropRate) -> Self;

    #[doc(hidden)]
    /// p at this rate, rounded to this type.
    fn drop_probability(rate: DropRate) -> Self;

    #[doc(hidden)]
    /// `whole / part`, rounded to this type. 0 < part <= whole < 2^53.
    fn quotient(whole: u64, part: u64) -> Self;

    #[doc(hidden)]
    /// The product, rounded once.
    #[must_use]
    fn times(self, factor: Self) -> Self;

    #[doc(hidden)]
    /// The sum, rounded once.
    #[must_use]
    fn plus(self, other: Self) -> Self;

    #[doc(hidden)]
    /// The difference, rounded once.
    #[must_use]
    fn minus(self, other: Self) -> Self;

    #[doc(hidden)]
    /// The quotient, rounded once.
    #[must_use]
    fn over(self, divisor: Self) -> Self;

    #[doc(hidden)]
    /// A count, rounded to this type.
    #[must_use]
    fn count(n: u32) -> Self;

    #[doc(hidden)]
    /// The same number.
    fn of_f32(x: f32) -> Self;
}

macro_rules! float {
    ($float:ident, $scale:ident, $half:tt) => {
        impl Element for $float {
            const ZERO: Self = 0.0;
            const NEG_INFINITY: Self = Self::NEG_INFINITY;

            #[inline]
            fn of_both(both: (f64, f32)) -> Self {
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
            fn times(self, factor: Self) -> Self {
                self * factor
            }

            #[inline(always)]
            fn plus(self, other: Self) -> Self {
                self + other
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
            fn of_f32(x: f32) -> Self {
                x.into()
            }
        }
    };
}
float!(f32, scale_f32, 1);
float!(f64, scale, 0);

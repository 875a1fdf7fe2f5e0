//! `f32` and `f64`; and `f16` and `bf16`, which are computed with in `f32`.

use super::{FloatNumber, Number, Real, Value};
use crate::exact::{fraction, quotient};
#[cfg(feature = "half")]
use crate::narrow;
use crate::rate::DropRate;

macro_rules! real {
    ($float:ident, $scale:ident, $half:tt, $in_f32:expr, |$x:ident, $factor:ident| $product:expr) => {
        impl Value<Self> for $float {
            #[inline(always)]
            fn times(self, $factor: Self) -> Self {
                let $x = self;
                $product
            }

            #[inline(always)]
            fn times_plus(self, factor: Self, term: Self) -> Self {
                self.times(factor) + term
            }
        }

        impl Number for $float {
            type Factor = Self;
            type Term = Self;
            type Weight = Self;

            const ZERO: Self = 0.0;

            #[inline]
            fn inverted_scale(rate: DropRate) -> Self {
                rate.$scale()
            }

            #[inline]
            fn keep_probability(rate: DropRate) -> Self {
                fraction(rate.kept()).$half
            }

            #[inline]
            fn quotient(whole: u64, part: u64) -> Self {
                quotient(whole, part).$half
            }

            #[inline]
            fn weights(rate: DropRate) -> [Self; 2] {
                [fraction(rate.threshold()).$half, fraction(rate.kept()).$half]
            }

            #[inline(always)]
            fn blend(a: Self, u: Self, b: Self, v: Self) -> Self {
                a * u + b * v
            }

            #[inline(always)]
            fn accumulate(
                self,
                x: Self,
                factor: Option<Self>,
                term: Option<Self>,
                _: Self,
            ) -> Self {
                self + linear(x, factor, term)
            }

            #[inline(always)]
            fn is_not_positive(self) -> bool {
                self <= 0.0
            }

            #[inline(always)]
            fn in_f32(factor: Self) -> Option<f32> {
                $in_f32(factor)
            }
        }

        impl FloatNumber for $float {
            const NEG_INFINITY: Self = Self::NEG_INFINITY;
            const NEGATIVE_ZERO: Self = -0.0;

            #[inline(always)]
            fn widen(self) -> Self {
                self
            }

            #[inline(always)]
            fn narrow(x: Self) -> Self {
                x
            }

            #[inline(always)]
            fn term(x: Self) -> Self {
                x
            }
        }

        impl Real for $float {
            #[inline]
            fn from_both(both: (f64, f32)) -> Self {
                both.$half
            }

            #[inline(always)]
            fn plus(self, term: Self) -> Self {
                self + term
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
real!(f32, scale_f32, 1, Some, |x, factor| product(x, factor));
real!(f64, scale, 0, |_| None, |x, factor| x * factor);

/// x * factor + term, of those that there are, each rounded.
#[inline(always)]
fn linear<T: Real>(x: T, factor: Option<T>, term: Option<T::Term>) -> T {
    match (factor, term) {
        (Some(factor), Some(term)) => x.times_plus(factor, term),
        (Some(factor), None) => x.times(factor),
        (None, _) => x,
    }
}

/// Whether floats are computed by functions. (Of RISC-V a compiler does not tell, but that there is
/// no `Zicsr`, which floating-point units need.)
const SOFT_FLOAT: bool = cfg!(any(
    all(target_arch = "arm", target_abi = "eabi", target_os = "none"),
    all(target_arch = "riscv32", not(target_feature = "zicsr"), target_os = "none"),
));

/// x * factor. Where floats are computed by functions, and the factor is a power of two from 1 on,
/// as it is at p = 1/2, the exponent is added.
#[inline(always)]
fn product(x: f32, factor: f32) -> f32 {
    if !SOFT_FLOAT {
        return x * factor;
    }
    match by_exponent(x, factor) {
        Some(product) => product,
        None => x * factor,
    }
}

/// x * factor if the factor is a power of two from 1 on, and x and the product are normal numbers.
#[inline(always)]
fn by_exponent(x: f32, factor: f32) -> Option<f32> {
    const UNITY: u32 = 1f32.to_bits();
    let by = factor.to_bits().wrapping_sub(UNITY);
    // Of a factor below 1, `by` is too large for any x.
    if by << 9 != 0 {
        return None;
    }
    // The exponent in the upper byte: normal numbers have 1 to 254.
    let (exponent, room) = (x.to_bits() << 1 >> 24, 254u32.wrapping_sub(by >> 23));
    let normal = exponent.wrapping_sub(1) < room && by < 127 << 23;
    normal.then(|| f32::from_bits(x.to_bits().wrapping_add(by)))
}

#[cfg(feature = "half")]
macro_rules! narrow {
    ($half:ty, $widen:ident, $narrow:ident) => {
        impl Value<Self> for $half {
            #[inline(always)]
            fn times(self, factor: f32) -> Self {
                Self::narrow(self.widen().times(factor))
            }

            #[inline(always)]
            fn times_plus(self, factor: f32, term: f32) -> Self {
                Self::narrow(self.widen().times_plus(factor, term))
            }
        }

        impl Number for $half {
            type Factor = f32;
            type Term = f32;
            type Weight = f32;

            const ZERO: Self = Self::from_bits(0);

            #[inline]
            fn inverted_scale(rate: DropRate) -> f32 {
                f32::inverted_scale(rate)
            }

            #[inline]
            fn keep_probability(rate: DropRate) -> f32 {
                f32::keep_probability(rate)
            }

            #[inline]
            fn quotient(whole: u64, part: u64) -> f32 {
                f32::quotient(whole, part)
            }

            #[inline]
            fn weights(rate: DropRate) -> [f32; 2] {
                f32::weights(rate)
            }

            #[inline(always)]
            fn blend(a: Self, u: f32, b: Self, v: f32) -> Self {
                Self::narrow(f32::blend(a.widen(), u, b.widen(), v))
            }

            #[inline(always)]
            fn accumulate(self, x: Self, factor: Option<f32>, term: Option<f32>, _: Self) -> Self {
                Self::narrow(self.widen() + linear(x.widen(), factor, term))
            }

            #[inline(always)]
            fn is_not_positive(self) -> bool {
                // As signed integers, negative numbers are those from -0 up to -infinity, then NaN.
                let bits = self.to_bits() as i16;
                bits == 0 || bits <= Self::NEG_INFINITY.to_bits() as i16
            }
        }

        impl FloatNumber for $half {
            const NEG_INFINITY: Self = Self::NEG_INFINITY;
            const NEGATIVE_ZERO: Self = Self::NEG_ZERO;

            #[inline(always)]
            fn widen(self) -> f32 {
                narrow::$widen(self.to_bits())
            }

            #[inline(always)]
            fn narrow(x: f32) -> Self {
                Self::from_bits(narrow::$narrow(x))
            }

            #[inline(always)]
            fn term(x: f32) -> f32 {
                x
            }
        }
    };
}
#[cfg(feature = "half")]
narrow!(half::f16, from_f16, to_f16);
#[cfg(feature = "half")]
narrow!(half::bf16, from_bf16, to_bf16);

#[cfg(test)]
mod tests {
    use super::by_exponent;

    /// Miri is slow.
    const STEP: usize = if cfg!(miri) { 509 } else { 1 };

    /// Chips without a floating-point unit alone call it.
    #[test]
    fn an_exponent_that_is_added_is_a_product() {
        let mut tried = 0;
        for k in 0..128 {
            let factor = f32::from_bits((127 + k) << 23);
            for high in (0..=u16::MAX).step_by(STEP) {
                for low in [0, 1, 0x7FFF, 0xFFFF] {
                    let x = f32::from_bits(u32::from(high) << 16 | low);
                    if let Some(y) = by_exponent(x, factor) {
                        tried += 1;
                        assert_eq!(y.to_bits(), (x * factor).to_bits(), "{x:?} * {factor}");
                    }
                }
            }
        }
        assert!(tried > (1 << 20) / STEP);
        for x in [0.0, -0.0, f32::INFINITY, f32::NAN, f32::from_bits(1), f32::MAX] {
            assert_eq!(by_exponent(x, 2.0), None);
        }
        for factor in [1.5, 0.5, 0.0, -1.0, -2.0, f32::INFINITY, f32::NAN] {
            assert_eq!(by_exponent(1.25, factor), None, "{factor}");
        }
    }
}

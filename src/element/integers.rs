//! `i8` and `i16`, which code a number by a scale and a zero point: docs/QUANTISED.md.

use super::{IntegerNumber, Number, Value};
use crate::rate::{DropRate, ONE};
use crate::requantise::Multiplier;

macro_rules! integer {
    ($int:ident) => {
        impl Value<Self> for $int {
            #[inline(always)]
            fn times(self, factor: Multiplier) -> Self {
                clamp(factor.product(self.into()))
            }

            #[inline(always)]
            fn times_plus(self, factor: Multiplier, zero: Self) -> Self {
                let zero = i32::from(zero);
                clamp(factor.product(i32::from(self).wrapping_sub(zero)).wrapping_add(zero))
            }
        }

        impl Number for $int {
            type Factor = Multiplier;
            type Term = Self;
            /// In units of 2^-40.
            type Weight = u64;

            const ZERO: Self = 0;
            const LIGHT: bool = true;

            #[inline]
            fn inverted_scale(rate: DropRate) -> Multiplier {
                let (m, shift) = rate.multiplier();
                Multiplier::new(m, shift)
            }

            #[inline]
            fn keep_probability(rate: DropRate) -> Multiplier {
                let (m, shift) = rate.keep_multiplier();
                Multiplier::new(m, shift)
            }

            #[inline]
            fn quotient(whole: u64, part: u64) -> Multiplier {
                Multiplier::quotient(whole, part)
            }

            #[inline]
            fn weights(rate: DropRate) -> [u64; 2] {
                [rate.threshold(), rate.kept()]
            }

            /// Rounded once, to the nearest, halves up. No zero point plays a part, as the weights
            /// have the sum 1.
            #[inline(always)]
            fn blend(a: Self, u: u64, b: Self, v: u64) -> Self {
                let of = |x: Self, weight: u64| i64::from(x).wrapping_mul(weight as i64);
                let sum = of(a, u).wrapping_add(of(b, v)).wrapping_add(ONE as i64 / 2);
                (sum >> ONE.trailing_zeros()) as Self
            }

            /// About the zero point that dropped elements become, saturated once.
            #[inline(always)]
            fn accumulate(
                self,
                x: Self,
                factor: Option<Multiplier>,
                _: Option<Self>,
                zero: Self,
            ) -> Self {
                let x = i32::from(x).wrapping_sub(zero.into());
                let product = match factor {
                    Some(factor) => factor.product(x),
                    None => x,
                };
                clamp(i32::from(self).wrapping_add(product))
            }

            #[inline(always)]
            fn is_not_positive(self) -> bool {
                self <= 0
            }
        }

        impl IntegerNumber for $int {
            #[inline(always)]
            fn times_rounded_by(self, factor: Multiplier, zero: Self, random: u32) -> Self {
                let zero = i32::from(zero);
                let product = factor.rounded_by(i32::from(self).wrapping_sub(zero), random);
                clamp(product.wrapping_add(zero))
            }
        }

        impl Clamped for $int {
            #[inline(always)]
            fn clamped(x: i32) -> Self {
                if FEW_REGISTERS {
                    return Self::clamped_by_sign(x);
                }
                // By both ends, which every machine has as instructions or makes two comparisons
                // of.
                x.clamp(Self::MIN.into(), Self::MAX.into()) as Self
            }

            #[inline(always)]
            fn clamped_by_sign(x: i32) -> Self {
                // 0 or -1, if the number is of this type.
                let above = x >> (Self::BITS - 1);
                if above.wrapping_add(1) as u32 <= 1 { x as Self } else { saturated(x) }
            }

            #[inline(always)]
            fn end(x: i32) -> Self {
                if x < 0 { Self::MIN } else { Self::MAX }
            }
        }
    };
}
integer!(i8);
integer!(i16);

/// Whether constants are kept on the stack for want of registers, as on Armv6-M. (A compiler tells
/// that it has no atomic instructions, as older ones.)
const FEW_REGISTERS: bool =
    cfg!(all(target_arch = "arm", target_os = "none", not(target_has_atomic = "8")));

trait Clamped {
    fn clamped(x: i32) -> Self;

    /// The same, without a constant that takes a register.
    fn clamped_by_sign(x: i32) -> Self;

    /// The least number for a negative one, else the greatest.
    fn end(x: i32) -> Self;
}

/// Called, so that what is rare takes none of the registers that a loop needs.
#[cold]
#[inline(never)]
fn saturated<T: Clamped>(x: i32) -> T {
    T::end(x)
}

/// The nearest number of the type.
#[inline(always)]
fn clamp<T: Clamped>(x: i32) -> T {
    T::clamped(x)
}

#[cfg(test)]
mod tests {
    use super::Clamped;

    /// Miri is slow.
    const STEP: usize = if cfg!(miri) { 509 } else { 1 };

    /// Armv6-M alone calls it.
    #[test]
    fn a_sign_clamps() {
        let ends = [i32::MIN, i32::MIN + 1, -0x8001, 0x8000, i32::MAX];
        for x in (-0x1_0000..0x1_0000).step_by(STEP).chain(ends) {
            assert_eq!(i8::clamped_by_sign(x), i8::clamped(x), "{x}");
            assert_eq!(i16::clamped_by_sign(x), i16::clamped(x), "{x}");
        }
    }
}

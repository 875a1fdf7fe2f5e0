//! Element types as the tests see them: their bits, their awkward values, and what the formulas ask
//! of them, by division and by wide integers.

use dropout_kernels::{Element, Float};

/// A number type, by what the formulas of all of them do with it.
pub trait Number: Element {
    const ONE: Self;
    /// What no kernel may read or write: of floating-point numbers a NaN with a payload.
    const GUARD: Self;
    /// Zeros, infinities, NaN, also signalling and negative, subnormals, the largest and the least;
    /// of integers the ends and what lies around 0.
    const AWKWARD: [Self; 13];
    /// Every how many of a variant's cases is tried: of `f32` and `f64` all are. (No number of shapes is a
    /// multiple of it, so that all come.)
    const STRIDE: usize = 5;

    fn of(x: f64) -> Self;
    fn bits(self) -> u64;
    /// Of the low bits, as many as there are.
    fn from_low_bits(bits: u64) -> Self;
    fn to_f64(self) -> f64;
    /// x / (1 - p), for the threshold t of p.
    fn scaled(self, t: u64) -> Self;
    /// x * (1 - p).
    fn shared(self, t: u64) -> Self;
    /// x * whole / part.
    fn by_ratio(self, whole: usize, part: usize) -> Self;
    /// self + x.
    fn add(self, x: Self) -> Self;
    /// self + x / (1 - p), narrowed once.
    fn add_scaled(self, x: Self, t: u64) -> Self;
    /// self + x * (1 - p), narrowed once.
    fn add_shared(self, x: Self, t: u64) -> Self;
    /// p * prev + (1 - p) * new.
    fn blended(prev: Self, new: Self, t: u64) -> Self;

    fn is_nan(self) -> bool {
        #[expect(clippy::eq_op, reason = "NaN is what differs from itself")]
        let nan = self != self;
        nan
    }

    /// `n` different finite values.
    fn ramp(n: usize) -> Vec<Self> {
        (0..n).map(|i| Self::of((i as f64 - 7.3) * 0.37)).collect()
    }

    /// `n` values among which the awkward ones come at every place of a word in turn.
    fn values(n: usize) -> Vec<Self> {
        let mut values = Self::ramp(n);
        for (i, value) in values.iter_mut().enumerate() {
            if i % 5 != 3 {
                continue;
            }
            *value = Self::AWKWARD[i / 5 % Self::AWKWARD.len()];
        }
        values
    }
}

/// A floating-point number, with what it is computed in.
pub trait Floating: Number + Float {
    type Wide: Real;
    fn wide(self) -> Self::Wide;
    fn nearest(x: Self::Wide) -> Self;
}

/// `f32` or `f64`: each operation is rounded once.
pub trait Real: Floating<Wide = Self> + dropout_kernels::Real {
    /// 2^40 / (2^40 - t), one division in f64, then rounded once; 0 where t = 2^40.
    fn reference_scale(t: u64) -> Self;
    /// (2^40 - t) / 2^40, rounded once.
    fn reference_keep(t: u64) -> Self;
    fn multiply(self, factor: Self) -> Self;
}

const ONE: u64 = 1 << 40;

macro_rules! real {
    ($float:ident, $bits:ident, $guard:literal, $stride:literal) => {
        impl Number for $float {
            const ONE: Self = 1.0;
            const GUARD: Self = $float::from_bits($guard);
            const STRIDE: usize = $stride;
            const AWKWARD: [Self; 13] = [
                0.0,
                -0.0,
                $float::NAN,
                $float::INFINITY,
                $float::NEG_INFINITY,
                $float::MAX,
                $float::MIN,
                $float::MIN_POSITIVE,
                -$float::MIN_POSITIVE / 2.0,
                $float::from_bits(1),
                $float::EPSILON,
                $float::from_bits($float::INFINITY.to_bits() | 0x1_2345), // signalling
                $float::from_bits($guard | 1 << ($bits::BITS - 1)),
            ];

            fn of(x: f64) -> Self {
                x as Self
            }

            fn bits(self) -> u64 {
                self.to_bits().into()
            }

            fn from_low_bits(bits: u64) -> Self {
                Self::from_bits(bits as $bits)
            }

            fn to_f64(self) -> f64 {
                self.into()
            }

            fn scaled(self, t: u64) -> Self {
                self.multiply(Self::reference_scale(t))
            }

            fn shared(self, t: u64) -> Self {
                self.multiply(Self::reference_keep(t))
            }

            fn by_ratio(self, whole: usize, part: usize) -> Self {
                self.multiply(Self::of(whole as f64 / part as f64))
            }

            fn add(self, x: Self) -> Self {
                self + x
            }

            fn add_scaled(self, x: Self, t: u64) -> Self {
                self + x.scaled(t)
            }

            fn add_shared(self, x: Self, t: u64) -> Self {
                self + x.shared(t)
            }

            fn blended(prev: Self, new: Self, t: u64) -> Self {
                Self::reference_keep(ONE - t).multiply(prev) + new.shared(t)
            }
        }

        impl Floating for $float {
            type Wide = Self;

            fn wide(self) -> Self {
                self
            }

            fn nearest(x: Self) -> Self {
                x
            }
        }

        impl Real for $float {
            fn reference_scale(t: u64) -> Self {
                if t == ONE { 0.0 } else { (ONE as f64 / (ONE - t) as f64) as Self }
            }

            fn reference_keep(t: u64) -> Self {
                ((ONE - t) as f64 / ONE as f64) as Self
            }

            fn multiply(self, factor: Self) -> Self {
                self * factor
            }
        }
    };
}
real!(f32, u32, 0x7FC5_A5A5, 1);
real!(f64, u64, 0x7FF8_A5A5_5A5A_A5A5, 1);

/// The number that the bits of a narrow type are, which has `mantissa` bits of a fraction and whose
/// least normal number is 2^`least`.
fn widened(bits: u16, mantissa: u32, least: i32) -> f32 {
    let sign = if bits >> 15 == 0 { 1.0 } else { -1.0 };
    let (exponent, fraction) =
        (i32::from(bits << 1 >> 1 >> mantissa), f64::from(bits & ((1 << mantissa) - 1)));
    let ulp = 2f64.powi(least - mantissa as i32);
    let magnitude = match exponent {
        0 => fraction * ulp,
        _ if exponent == (1 << (15 - mantissa)) - 1 => match fraction {
            0.0 => f64::INFINITY,
            _ => f64::NAN,
        },
        _ => (fraction + f64::from(1 << mantissa)) * ulp * 2f64.powi(exponent - 1),
    };
    (sign * magnitude) as f32
}

/// The bits of the nearest number of a narrow type, ties to even.
fn narrowed(x: f32, mantissa: u32, least: i32) -> u16 {
    let sign = u16::from(x.is_sign_negative()) << 15;
    let infinity = ((1 << (15 - mantissa)) - 1) << mantissa;
    if x.is_nan() {
        return sign | infinity | 1 << (mantissa - 1);
    }
    if x.is_infinite() {
        return sign | infinity;
    }
    // Powers of two and sums of 53 bits: each operation is exact.
    let magnitude = f64::from(x).abs();
    let mut exponent = least;
    while magnitude >= 2f64.powi(exponent + 1) {
        exponent += 1;
    }
    let units = magnitude / 2f64.powi(exponent - mantissa as i32);
    let (floor, rest) = (units.floor(), units - units.floor());
    let up = rest > 0.5 || rest == 0.5 && floor % 2.0 == 1.0;
    let units = floor as u32 + u32::from(up);
    // The first bit of the units of a normal number counts as one in its exponent.
    let bits = (((exponent - least) as u32) << mantissa) + units;
    sign | bits.min(infinity.into()) as u16
}

macro_rules! narrow {
    ($half:ty, $mantissa:literal, $least:literal, $guard:literal) => {
        impl Number for $half {
            const ONE: Self = Self::ONE;
            const GUARD: Self = Self::from_bits($guard);
            const AWKWARD: [Self; 13] = [
                Self::from_bits(0),
                Self::from_bits(1 << 15),
                Self::NAN,
                Self::INFINITY,
                Self::NEG_INFINITY,
                Self::MAX,
                Self::MIN,
                Self::MIN_POSITIVE,
                Self::from_bits(1 << 15 | 1 << ($mantissa - 1)),
                Self::from_bits(1),
                Self::EPSILON,
                Self::from_bits(Self::INFINITY.to_bits() | 0x25), // signalling
                Self::from_bits($guard | 1 << 15),
            ];

            fn of(x: f64) -> Self {
                Self::nearest(x as f32)
            }

            fn bits(self) -> u64 {
                self.to_bits().into()
            }

            fn from_low_bits(bits: u64) -> Self {
                Self::from_bits(bits as u16)
            }

            fn to_f64(self) -> f64 {
                self.wide().into()
            }

            fn scaled(self, t: u64) -> Self {
                Self::nearest(self.wide().scaled(t))
            }

            fn shared(self, t: u64) -> Self {
                Self::nearest(self.wide().shared(t))
            }

            fn by_ratio(self, whole: usize, part: usize) -> Self {
                Self::nearest(self.wide().by_ratio(whole, part))
            }

            fn add(self, x: Self) -> Self {
                Self::nearest(self.wide() + x.wide())
            }

            fn add_scaled(self, x: Self, t: u64) -> Self {
                Self::nearest(self.wide() + x.wide().scaled(t))
            }

            fn add_shared(self, x: Self, t: u64) -> Self {
                Self::nearest(self.wide() + x.wide().shared(t))
            }

            fn blended(prev: Self, new: Self, t: u64) -> Self {
                Self::nearest(<f32 as Number>::blended(prev.wide(), new.wide(), t))
            }
        }

        impl Floating for $half {
            type Wide = f32;

            fn wide(self) -> f32 {
                widened(self.to_bits(), $mantissa, $least)
            }

            fn nearest(x: f32) -> Self {
                Self::from_bits(narrowed(x, $mantissa, $least))
            }
        }
    };
}
narrow!(half::f16, 10, -14, 0x7E5A);
narrow!(half::bf16, 7, -126, 0x7FDA);

/// (m, shift) of whole / part, with m of 31 bits, rounded to nearest, halves up.
pub fn multiplier(whole: u64, part: u64) -> (i128, i32) {
    let (whole, part) = (u128::from(whole), u128::from(part));
    // m = whole / part * 2^(31 - shift), from the least shift that is asked for on.
    let of = |shift: i32| {
        let (up, down) = ((32 - shift).max(0), (shift - 32).max(0));
        ((whole << up) / (part << down)).div_ceil(2) as i128
    };
    // One less than it can be, from the lengths of both.
    let mut shift = part.leading_zeros() as i32 - whole.leading_zeros() as i32 - 1;
    while of(shift) >= 1 << 31 {
        shift += 1;
    }
    (of(shift), shift)
}

/// x * m * 2^(shift - 31), rounded to nearest, halves up; where the shift is above 14,
/// floor(x * (2^31 - 1) / 2^16), which saturates. docs/QUANTISED.md, section 3.
pub fn requantised(x: i64, (m, shift): (i128, i32)) -> i64 {
    if shift > 14 {
        return (x * ((1 << 31) - 1)) >> 16;
    }
    let k = 31 - shift;
    ((i128::from(x) * m + (1 << (k - 1))) >> k) as i64
}

macro_rules! integer {
    ($int:ident, $unsigned:ident, $guard:literal) => {
        impl Number for $int {
            const ONE: Self = 1;
            const GUARD: Self = $guard;
            const AWKWARD: [Self; 13] = [
                0,
                -1,
                1,
                $int::MIN,
                $int::MAX,
                $int::MIN + 1,
                $int::MAX - 1,
                $int::MIN / 2,
                $int::MAX / 2,
                $int::MAX / 2 + 1,
                $int::MIN / 2 - 1,
                $int::MIN / 4,
                3,
            ];

            fn of(x: f64) -> Self {
                (x * 8.0).round() as Self
            }

            fn bits(self) -> u64 {
                (self as $unsigned).into()
            }

            fn from_low_bits(bits: u64) -> Self {
                bits as Self
            }

            fn to_f64(self) -> f64 {
                self.into()
            }

            fn scaled(self, t: u64) -> Self {
                clamped(requantised(self.into(), multiplier(ONE, ONE - t)))
            }

            fn shared(self, t: u64) -> Self {
                clamped(requantised(self.into(), multiplier(ONE - t, ONE)))
            }

            fn by_ratio(self, whole: usize, part: usize) -> Self {
                clamped(requantised(self.into(), multiplier(whole as u64, part as u64)))
            }

            fn add(self, x: Self) -> Self {
                self.saturating_add(x)
            }

            fn add_scaled(self, x: Self, t: u64) -> Self {
                let product = requantised(x.into(), multiplier(ONE, ONE - t));
                clamped(i64::from(self) + product)
            }

            fn add_shared(self, x: Self, t: u64) -> Self {
                let product = requantised(x.into(), multiplier(ONE - t, ONE));
                clamped(i64::from(self) + product)
            }

            fn blended(prev: Self, new: Self, t: u64) -> Self {
                let sum = i128::from(prev) * i128::from(t) + i128::from(new) * i128::from(ONE - t);
                ((sum + i128::from(ONE / 2)) >> 40) as Self
            }
        }

        impl Clamped for $int {
            fn clamp(x: i64) -> Self {
                x.clamp($int::MIN.into(), $int::MAX.into()) as Self
            }
        }
    };
}
integer!(i8, u8, 0x5A);
integer!(i16, u16, 0x5A5A);

/// Integers that a wide one is clamped to.
pub trait Clamped: Number + Into<i64> {
    fn clamp(x: i64) -> Self;
}

/// The nearest number of a type.
pub fn clamped<T: Clamped>(x: i64) -> T {
    T::clamp(x)
}

/// Whether two results are the same to the bit, or both NaN: the payload that a product of NaN has
/// is the processor's affair.
pub fn same<T: Number>(a: T, b: T) -> bool {
    a.bits() == b.bits() || a.is_nan() && b.is_nan()
}

/// The bits of each element.
pub fn bits<T: Number>(x: &[T]) -> Vec<u64> {
    x.iter().map(|x| x.bits()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By the type's own crate, for every pattern.
    #[test]
    fn narrow_numbers_are_those_of_half() {
        for bits in 0..=u16::MAX {
            let (f, b) = (half::f16::from_bits(bits), half::bf16::from_bits(bits));
            assert!(same(Floating::wide(f), f.to_f32()));
            assert!(same(Floating::wide(b), b.to_f32()));
            for low in [0u32, 1, 0x7FFF, 0x8000, 0x8001, 0xFFFF] {
                let x = f32::from_bits(u32::from(bits) << 16 | low);
                assert!(same(<half::f16 as Floating>::nearest(x), half::f16::from_f32(x)), "{x:?}");
                assert!(
                    same(<half::bf16 as Floating>::nearest(x), half::bf16::from_f32(x)),
                    "{x:?}"
                );
            }
        }
    }

    #[test]
    fn a_multiplier_is_its_ratio() {
        for (whole, part) in
            [(1u64, 1), (2, 1), (4, 3), (ONE, ONE - 1), (ONE, 1), (1, ONE), (3, ONE)]
        {
            let (m, shift) = multiplier(whole, part);
            assert!((1 << 30..1 << 31).contains(&m), "{whole} / {part}: {m}");
            let (given, wanted) = (m as f64 * 2f64.powi(shift - 31), whole as f64 / part as f64);
            assert!((given / wanted - 1.0).abs() < 2f64.powi(-30), "{whole} / {part}: {given}");
        }
    }
}

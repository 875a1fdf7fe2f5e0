//! Logarithms and exponentials by additions, multiplications and divisions alone, each rounded
//! once and in a fixed order: the same bits on every machine, in whatever vectors there are, and
//! without a library of mathematics.

use core::ops::{Add, Mul};

use crate::exact::widened;

/// `f32` or `f64`.
pub trait Elementary: Copy + PartialOrd {
    /// The least x that has a power of its own: -87 or -708.
    const LEAST: Self;

    /// ln x, of a normal number above 0.
    #[must_use]
    fn natural_log(self) -> Self;

    /// e^x for x from -87 to 88 in `f32`, from -708 to 709 in `f64`; beyond, the power of the nearer
    /// end.
    #[must_use]
    fn power_of_e(self) -> Self;

    /// u / (1 - u) for u = (h + 1/2) / 2^31, where h is the upper 31 bits.
    #[must_use]
    fn odds(random: u32) -> Self;

    /// (h + 1/2) / 2^23 for h, the upper 24 bits with their sign: between -1 and 1, exactly.
    #[must_use]
    fn about_zero(random: u32) -> Self;

    /// The same number; NaN is none.
    #[must_use]
    fn in_f64(self) -> f64;

    /// Whether it is above 0, and 1 / x is finite and a normal number.
    #[must_use]
    fn has_inverse(self) -> bool;
}

/// By Horner's rule; `highest` is the coefficient of the highest power.
#[inline(always)]
fn polynomial<F: Copy + Add<Output = F> + Mul<Output = F>, const N: usize>(
    x: F,
    highest: F,
    others: [F; N],
) -> F {
    others.into_iter().fold(highest, |sum, c| sum * x + c)
}

macro_rules! elementary {
    (
        $float:ident: $bits:ident, mantissa $mantissa:literal, from $least:literal to $most:literal,
        ln_2 $high:literal + $low:literal, artanh $artanh:expr, power $power:expr, $in_f64:expr
    ) => {
        #[allow(clippy::cast_lossless, reason = "to `f32` it rounds")]
        impl Elementary for $float {
            const LEAST: Self = $least;

            #[inline(always)]
            fn natural_log(self) -> Self {
                const HALF_ROOT: $bits = core::$float::consts::FRAC_1_SQRT_2.to_bits();
                // x = m * 2^e, where m is from sqrt(1/2) to sqrt(2). The exponent stands in the
                // upper 32 bits, which vectors can shift and convert.
                let bits = self.to_bits().wrapping_sub(HALF_ROOT);
                let upper = (bits >> ($bits::BITS - 32)) as i32;
                let e = (upper >> ($mantissa + 32 - $bits::BITS)) as $float;
                let m = $float::from_bits((bits & ((1 << $mantissa) - 1)) + HALF_ROOT);
                // ln m = 2 artanh s.
                let f = m - 1.0;
                let s = f / (f + 2.0);
                let square = s * s;
                let (highest, others) = $artanh;
                let ln_m = s * (2.0 + square * polynomial(square, highest, others));
                (e * $low + ln_m) + e * $high
            }

            #[inline(always)]
            fn power_of_e(self) -> Self {
                // Numbers of this size have no fraction, and their lowest bits count.
                const WHOLE: $float = 1.5 * (1u64 << $mantissa) as $float;
                let x = if self < $least { $least } else { self };
                let x = if x > $most { $most } else { x };
                let shifted = x * core::$float::consts::LOG2_E + WHOLE;
                let n = shifted - WHOLE;
                let rest = (x - n * $high) - n * $low;
                let (highest, others) = $power;
                let power = polynomial(rest, highest, others);
                // 2^n, added to the exponent.
                $float::from_bits(power.to_bits().wrapping_add(shifted.to_bits() << $mantissa))
            }

            #[inline(always)]
            fn odds(random: u32) -> Self {
                let h = (random >> 1) as i32;
                (h as $float + 0.5) / ((i32::MAX - h) as $float + 0.5)
            }

            #[inline(always)]
            fn about_zero(random: u32) -> Self {
                ((random as i32 >> 8) as $float + 0.5) * (1.0 / (1 << 23) as $float)
            }

            #[inline]
            fn in_f64(self) -> f64 {
                $in_f64(self)
            }

            #[inline]
            fn has_inverse(self) -> bool {
                ($float::MIN_POSITIVE..=1.0 / $float::MIN_POSITIVE).contains(&self)
            }
        }
    };
}

// The polynomials are those of least error: (artanh(s) / s - 1) * 2 / s^2 for s^2 up to 0.0295, and
// e^x for |x| up to ln(2) / 2. In `f32` they err by 3e-9 and 2e-9 of the logarithm of m and of the
// power, in `f64` by 5e-18 and 4e-18. The upper part of ln 2 has as few digits as make its products
// exact.
elementary! {
    f32: u32, mantissa 23, from -87.0 to 88.0, ln_2 0.692_382_8 + 0.000_764_368_06,
    artanh (0.295_800_54, [0.399_887_77, 0.666_666_87]),
    power (0.001_394_121_3, [0.008_375_21, 0.041_666_35, 0.166_664_14, 0.5, 1.0, 1.0]),
    widened
}
elementary! {
    f64: u64, mantissa 52, from -708.0 to 709.0,
    ln_2 0.693_147_180_559_208_2 + 7.371_002_565_167_799e-13,
    artanh (
        0.146_165_854_248_886_23,
        [
            0.153_317_106_182_107_73,
            0.181_828_894_556_749_47,
            0.222_222_111_302_598_78,
            0.285_714_286_260_032_7,
            0.399_999_999_998_994_44,
            0.666_666_666_666_667,
        ]
    ),
    power (
        2.511_015_364_692_893e-8,
        [
            2.763_279_054_211_718e-7,
            2.755_724_060_466_389_6e-6,
            2.480_148_507_410_511_5e-5,
            0.000_198_412_698_903_406_66,
            0.001_388_888_895_269_651_6,
            0.008_333_333_333_319_49,
            0.041_666_666_666_486_66,
            0.166_666_666_666_666_8,
            0.500_000_000_000_001_9,
            1.0,
            1.0,
        ]
    ),
    |x| x
}

#[cfg(test)]
mod tests {
    use super::Elementary;

    /// In units of the last place.
    fn ulps(given: f64, wanted: f64, mantissa: i32) -> f64 {
        let exponent = (wanted.to_bits() >> 52 & 0x7FF) as i32 - 1023;
        (given - wanted).abs() / libm::exp2(f64::from(exponent - mantissa))
    }

    /// By `libm`, whose `f64` errs by less than 1 ulp: numbers of every exponent that odds and
    /// temperatures lead to.
    #[test]
    fn logarithms_and_powers_err_by_few_units() {
        let step = if cfg!(miri) { 0.9 } else { 0.000_37 };
        let (mut logs, mut powers) = ([0f64; 2], [0f64; 2]);
        let mut x = -86.9;
        while x < 87.9 {
            let y = libm::exp(x);
            let (x32, y32) = (x as f32, y as f32);
            let worst = |all: &mut [f64; 2], now: [f64; 2]| {
                for (all, now) in all.iter_mut().zip(now) {
                    *all = all.max(now);
                }
            };
            worst(
                &mut powers,
                [
                    ulps(x32.power_of_e().in_f64(), libm::exp(x32.in_f64()), 23),
                    ulps(x.power_of_e(), y, 52),
                ],
            );
            worst(
                &mut logs,
                [
                    ulps(y32.natural_log().in_f64(), libm::log(y32.in_f64()), 23),
                    ulps(y.natural_log(), libm::log(y), 52),
                ],
            );
            x += step;
        }
        assert!(logs.iter().chain(&powers).all(|ulps| *ulps < 4.0), "{logs:?} {powers:?}");
        assert!(logs.iter().chain(&powers).all(|ulps| *ulps > 0.0), "{logs:?} {powers:?}");
    }

    #[test]
    fn the_ends_are_exact() {
        assert_eq!((1f32.natural_log(), 1f64.natural_log()), (0.0, 0.0));
        assert_eq!((0f32.power_of_e(), 0f64.power_of_e()), (1.0, 1.0));
        assert_eq!(f32::INFINITY.power_of_e(), 88f32.power_of_e());
        assert_eq!(f64::NEG_INFINITY.power_of_e(), (-708f64).power_of_e());
        assert!((-708f64).power_of_e().is_normal() && (-87f32).power_of_e().is_normal());
        for (random, odds) in [(0, 0.5 / 2_147_483_647.5), (!0, 2_147_483_647.5 / 0.5)] {
            assert_eq!(f64::odds(random), odds);
        }
        assert_eq!(f32::odds(0), 1.0 / f32::odds(!0));
        // Not `powi`, whose last bit is promised by nobody (Miri draws it).
        let least = 1.0 / 16_777_216.0;
        assert_eq!((f32::about_zero(0), f64::about_zero(!0)), (least, -f64::from(least)));
        assert_eq!(f32::about_zero(1 << 31), least - 1.0);
        assert!(f32::MIN_POSITIVE.has_inverse() && !0f32.has_inverse() && !f32::NAN.has_inverse());
        assert!(!f64::INFINITY.has_inverse() && !(-1f64).has_inverse());
    }
}

//! Products of integers with a scale, rounded once, in 32 bits (KERNELS.md, section 5;
//! docs/QUANTISED.md).

use crate::exact::{in_31_bits, quotient};

/// A factor s = m * 2^(shift - 31), with m of 31 bits or 0, so taken apart that products need no
/// more than 32 bits.
///
/// With k = 31 - shift, and m = high * 2^16 + low,
///
/// floor((q * m + 2^(k - 1)) / 2^k)
///     = floor((q * high + floor(q * low / 2^16) + 2^(k - 17)) / 2^(k - 16)),
///
/// as 2^(k - 1) is a multiple of 2^16 and floors of floors are floors. That holds for k from 17 on.
/// For smaller k, s is at least 2^14, and all but 0 saturates; for k above 46, |q * m| is below
/// 2^46, and all becomes 0. Both have parts that give so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Multiplier {
    /// Not above 2^15 - 1.
    pub(crate) high: i16,
    pub(crate) low: u16,
    /// 2^(shift - 1), or 0.
    pub(crate) round: i32,
    /// Up to 30.
    pub(crate) shift: u8,
}

impl Multiplier {
    /// What makes all but 0 the greatest or the least number.
    const SATURATES: Self = Self { high: i16::MAX, low: u16::MAX, round: 0, shift: 0 };

    /// 0.
    const ZERO: Self = Self { high: 0, low: 0, round: 0, shift: 0 };

    /// m * 2^(shift - 31), for m from 0 to 2^31 - 1.
    #[inline]
    pub(crate) const fn new(m: i32, shift: i32) -> Self {
        let shift = 15 - shift;
        if shift < 1 {
            Self::SATURATES
        } else if shift > 30 || m == 0 {
            Self::ZERO
        } else {
            let (high, low) = ((m >> 16) as i16, m as u16);
            Self { high, low, round: 1 << (shift - 1), shift: shift as u8 }
        }
    }

    /// `whole / part`, rounded to 31 bits, halves up. 0 < part <= whole < 2^53.
    pub(crate) const fn quotient(whole: u64, part: u64) -> Self {
        let (m, shift) = in_31_bits(quotient(whole, part).0, whole, part);
        Self::new(m, shift)
    }

    /// x * s, rounded to nearest, halves up. |x| is at most 2^15.
    #[inline(always)]
    pub(crate) const fn product(self, x: i32) -> i32 {
        let high = x.wrapping_mul(self.high as i32);
        let low = x.wrapping_mul(self.low as i32) >> 16;
        high.wrapping_add(low).wrapping_add(self.round).wrapping_shr(self.shift as u32)
    }

    /// [`product`](Self::product) for 16-bit multiplications of pairs: \[high, a, b\], each of 16 bits as
    /// the lower half of a word, with a + b for low.
    ///
    /// a + b is at most 2^16 - 2. Where low is 2^16 - 1, it is -1, and high one more; or if high
    /// cannot be, low is one less, which changes the last bit of m = 2^31 - 1: x * m, and so the sum that
    /// is shifted, by no more than 2^15. That is seen in no product but of those that saturate, as 2^31 * x
    /// is a multiple of 2^k and what is subtracted from it less than half of 2^k, before and after.
    #[allow(dead_code, reason = "x86 asks for it")]
    #[inline(always)]
    pub(crate) const fn in_pairs(self) -> [i32; 3] {
        let (high, low) = (self.high as i32, self.low as i32);
        let (high, low) = match (self.high, self.low) {
            (i16::MAX, u16::MAX) => (high, low - 1),
            (_, u16::MAX) => (high + 1, -1),
            _ => (high, low),
        };
        let a = low >> 1;
        [high, a & 0xFFFF, low - a]
    }

    /// x * s, rounded up with the probability that the fraction of it is: floor(x * s + r / 2^k),
    /// where r are the upper k bits of `random`. For s >= 1.
    #[inline(always)]
    pub(crate) const fn rounded_by(self, x: i32, random: u32) -> i32 {
        let shift = self.shift as u32;
        // Nothing is rounded where all but 0 saturates.
        let random = if shift == 0 { 0 } else { random };
        let (upper, lower) =
            ((random >> 1).wrapping_shr(31 - shift), random.wrapping_shr(16 - shift));
        let low = x.wrapping_mul(self.low as i32).wrapping_add((lower & 0xFFFF) as i32) >> 16;
        let sum = x.wrapping_mul(self.high as i32).wrapping_add(low).wrapping_add(upper as i32);
        sum.wrapping_shr(shift)
    }
}

#[cfg(test)]
mod tests {
    use super::Multiplier;

    /// Miri is slow.
    const STEP: usize = if cfg!(miri) { 5003 } else { 1 };

    /// By 128 bits, as the formula has it.
    fn exact(x: i32, m: i32, shift: i32, r: i128) -> i128 {
        let k = 31 - shift;
        assert!((1..120).contains(&k));
        (i128::from(x) * i128::from(m) + r) >> k
    }

    fn clamped(x: i128) -> i128 {
        x.clamp(-0x8000, 0x7FFF)
    }

    /// Every shift, and m at its ends and between.
    fn factors() -> impl Iterator<Item = (i32, i32)> {
        let ms =
            [1 << 30, (1 << 30) + 1, 0x4000_FFFF, 0x4001_0000, 0x5555_5555, 0x7FFE_8000, i32::MAX];
        (-60..=14).flat_map(move |shift| ms.map(|m| (m, shift)))
    }

    #[test]
    fn a_product_is_that_of_wide_integers() {
        for (m, shift) in factors() {
            let multiplier = Multiplier::new(m, shift);
            for x in (-0x8000..=0x7FFF).step_by(7 * STEP).chain([-1, 0, 1, 0x7FFF]) {
                let half = 1 << (30 - shift);
                let wanted = clamped(exact(x, m, shift, half));
                let given = clamped(multiplier.product(x).into());
                assert_eq!(given, wanted, "{x} * {m} * 2^({shift} - 31)");
            }
        }
    }

    /// What vectors compute of the parts.
    #[test]
    fn pairs_give_the_same_products() {
        let others = [(0x4000_FFFF, 1), (0x7FFE_FFFF, 3), (0x7FFF_FFFE, 14)];
        for (m, shift) in factors().chain(others) {
            let multiplier = Multiplier::new(m, shift);
            let [high, a, b] = multiplier.in_pairs();
            let word = |x: i32| i32::from(x as i16);
            assert!(high == word(high) && b == word(b), "{m:#x}");
            for x in (-0x8000..=0x7FFF).step_by(STEP) {
                let low = x * word(a) + x * b;
                let sum = x * high + (low >> 16) + multiplier.round;
                let given = clamped((sum >> multiplier.shift).into());
                assert_eq!(given, clamped(multiplier.product(x).into()), "{x} * {m:#x}, {shift}");
            }
        }
    }

    #[test]
    fn random_bits_round_as_wide_integers_do() {
        for (m, shift) in factors().filter(|(_, shift)| *shift > 0) {
            let multiplier = Multiplier::new(m, shift);
            for x in (-0x8000..=0x7FFF).step_by(61 * STEP).chain([-1, 0, 1, 0x7FFF]) {
                for random in [0, 1, 0x1234_5678, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_0000, u32::MAX] {
                    let r = i128::from(random >> (1 + shift));
                    let wanted = clamped(exact(x, m, shift, r));
                    let given = clamped(multiplier.rounded_by(x, random).into());
                    assert_eq!(given, wanted, "{x} * {m} * 2^({shift} - 31), {random:#x}");
                }
            }
        }
    }

    #[test]
    fn all_but_zero_saturates_beyond_the_limit() {
        for shift in 15..=41 {
            for m in [1 << 30, i32::MAX] {
                let multiplier = Multiplier::new(m, shift);
                for random in [0, u32::MAX] {
                    let of = |x| [multiplier.product(x), multiplier.rounded_by(x, random)];
                    assert_eq!(of(0), [0; 2]);
                    assert!(of(1).iter().all(|y| *y >= 0x7FFF), "{shift}");
                    assert!(of(-1).iter().all(|y| *y <= -0x8000), "{shift}");
                }
            }
        }
    }
}

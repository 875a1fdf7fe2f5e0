//! Exact arithmetic in integers: quotients and roots that are rounded once, the same in a constant,
//! at run time, and on chips without floating point.

/// The same number, by integers: a chip would call a function for it. Infinity is one, NaN is not.
pub(crate) const fn widened(x: f32) -> f64 {
    let (sign, magnitude) = (x.to_bits() >> 31, x.to_bits() & 0x7FFF_FFFF);
    let (exponent, fraction) = (magnitude >> 23, magnitude & 0x7F_FFFF);
    let (exponent, fraction) = match exponent {
        0 if fraction == 0 => (0, 0),
        // A subnormal number gets the exponent that its first bit has.
        0 => {
            let zeros = fraction.leading_zeros();
            (905 - zeros, (fraction << (zeros - 8)) & 0x7F_FFFF)
        }
        0xFF => (0x7FF, 0),
        _ => (exponent + 896, fraction),
    };
    f64::from_bits(((sign as u64) << 63) | ((exponent as u64) << 52) | ((fraction as u64) << 29))
}

/// `value / 2^shift`, rounded to nearest, ties to even. `value` is below 2^63, `shift` not 0.
pub(crate) const fn shift_right_to_even(value: u64, shift: u32) -> u64 {
    if shift >= 64 {
        return 0;
    }
    let quotient = value >> shift;
    let rest = value << (64 - shift);
    quotient + (rest > HALF || rest == HALF && quotient & 1 == 1) as u64
}

const HALF: u64 = 1 << 63;

/// `whole / part`, rounded to an `f64` and from there to an `f32`. 0 < part <= whole < 2^53.
pub(crate) const fn quotient(whole: u64, part: u64) -> (f64, f32) {
    // whole / part = m * 2^exponent with 1 <= m < 2; m has 53 bits, the first of them 1.
    let shift = part.leading_zeros() - whole.leading_zeros();
    let exponent = if part << shift > whole { shift - 1 } else { shift };
    let part = part << exponent;
    let m = divide_to_nearest(1, whole - part, part, 52);
    both(1022 + exponent, m)
}

/// `whole / part`, of which `x` is the nearest `f64`, as m * 2^(shift - 31): m from 2^30 to 2^31 -
/// 1 is rounded to nearest, halves up. 0 < part, and x is not below 2^-1000.
pub(crate) const fn in_31_bits(x: f64, whole: u64, part: u64) -> (i32, i32) {
    let exponent = (x.to_bits() >> 52) as i32;
    let m = x.to_bits() & ((1 << 52) - 1) | 1 << 52;
    let (quotient, rest) = (m >> 22, m & ((1 << 22) - 1));
    // Where x lies halfway, whole * 2^n - m * part says on which side of it the ratio lies: it is
    // at most part / 2, so that its lowest 64 bits are enough.
    let up = match rest.abs_diff(1 << 21) {
        0 => {
            let n = (1075 - exponent) as u32;
            let shifted = if n < 64 { whole << n } else { 0 };
            shifted.wrapping_sub(m.wrapping_mul(part)) as i64 >= 0
        }
        _ => rest > 1 << 21,
    };
    let (m, shift) = (quotient + up as u64, exponent - 1022);
    if m >> 31 == 0 { (m as i32, shift) } else { (1 << 30, shift + 1) }
}

/// `threshold / 2^40`, exactly, and rounded to an `f32`. Up to 2^40. In integers: chips would call
/// functions to convert 64 bits.
pub(crate) const fn fraction(threshold: u64) -> (f64, f32) {
    if threshold == 0 {
        return (0.0, 0.0);
    }
    let zeros = threshold.leading_zeros();
    both(1045 - zeros, threshold << (zeros - 11))
}

/// m * 2^(exponent - 1074), with 53 bits in m, the first of them 1; rounded to an `f32`, a normal
/// one.
pub(crate) const fn both(exponent: u32, m: u64) -> (f64, f32) {
    // Adding, and not or-ing, the mantissa lets a carry run into the exponent.
    (
        f64::from_bits(((exponent as u64) << 52) + m),
        f32::from_bits(((exponent - 896) << 23) + shift_right_to_even(m, 29) as u32),
    )
}

/// `(whole + rest / divisor) * 2^bits`, rounded to nearest, by long division: 64-bit division is a
/// library call on small chips, and this runs once a rate.
///
/// `rest < divisor <= 2^62`. No tie can arise. Halfway between two rates the divisor would be a
/// multiple of 2^41, which no `u32` is; halfway between two quotients of 53 bits, an odd number of
/// 54 bits would divide the whole, which has fewer.
pub(crate) const fn divide_to_nearest(whole: u64, mut rest: u64, divisor: u64, bits: u32) -> u64 {
    let mut quotient = whole;
    let mut bit = 0;
    while bit < bits {
        rest <<= 1;
        quotient <<= 1;
        if rest >= divisor {
            rest -= divisor;
            quotient |= 1;
        }
        bit += 1;
    }
    rest <<= 1;
    quotient + (rest > divisor) as u64
}

/// sqrt(dropped / kept), rounded to nearest. Both are at most 2^40, and `kept` is not 0.
pub(crate) const fn root_of_ratio(dropped: u64, kept: u64) -> f32 {
    let (dropped, kept) = (dropped as u128, kept as u128);
    if dropped == 0 {
        return 0.0;
    }
    // m * 2^-shift with 2^23 <= m < 2^24, bit by bit: m^2 <= dropped / kept * 4^shift.
    let (mut square, mut shift) = (dropped, 0);
    while square < kept << 46 {
        square <<= 2;
        shift += 1;
    }
    let (mut m, mut bit) = (0u128, 1 << 23);
    while bit != 0 {
        if (m + bit) * (m + bit) * kept <= square {
            m += bit;
        }
        bit >>= 1;
    }
    // Halfway between two results there is none: its square has an odd numerator above 2^48.
    let up = (2 * m + 1) * (2 * m + 1) * kept < square << 2;
    // Adding, and not or-ing, the mantissa lets a carry run into the exponent.
    f32::from_bits(((149 - shift) << 23) + (m as u32 + up as u32))
}

/// The square root of a normal positive number, rounded to nearest, a bit at a time: core has none,
/// and this one runs in constants.
pub(crate) const fn square_root(x: f64) -> f64 {
    let exponent = x.to_bits() >> 52;
    // x = square * 4^k, with two bits of the square for each of 27 bits of its root.
    let mut square = (x.to_bits() & ((1 << 52) - 1) | 1 << 52) << (exponent & 1 ^ 1);
    let (mut root, mut rest) = (0, 0);
    let mut bit = 0;
    while bit < 53 {
        rest = rest << 2 | square >> 52;
        square = square << 2 & ((1 << 54) - 1);
        let trial = root << 2 | 1;
        root <<= 1;
        if rest >= trial {
            rest -= trial;
            root |= 1;
        }
        bit += 1;
    }
    // No root is halfway between two numbers. Adding the mantissa lets a carry run into the
    // exponent.
    let nearest = root + (rest > root) as u64;
    f64::from_bits(((511 + (exponent - 1) / 2) << 52) + nearest)
}

#[cfg(test)]
mod tests {
    use super::{in_31_bits, quotient, square_root};

    /// Just below a power of 4 the root is nearest to halfway, and no rate is known to ask for it.
    #[test]
    fn the_root_nearest_to_halfway_is_rounded_down() {
        assert_eq!(square_root(1f64.next_down()), 1f64.next_down());
        assert_eq!(square_root(4f64.next_down()), 2f64.next_down());
        assert_eq!(square_root(1.0), 1.0);
    }

    /// Ratios whose nearest `f64` lies halfway between two numbers of 31 bits, where they do not:
    /// from part * odd = 2^n + few.
    #[test]
    fn what_looks_halfway_is_rounded_by_what_it_is() {
        let mut halves = 0;
        // Miri, which is slow, looks at the first few.
        let tries = if cfg!(miri) { 100 } else { 1_000_000 };
        for odd in (0x8000_0001u64..).step_by(2).take(tries) {
            let n = 71; // whole = 2^40, and a quotient from 1 to 2
            let part = ((1u128 << n) + u128::from(odd) / 2) / u128::from(odd);
            let (whole, part) = (1u64 << 40, part as u64);
            let x = quotient(whole, part).0;
            if x.to_bits() & ((1 << 22) - 1) == 1 << 21 {
                halves += 1;
            }
            let (m, shift) = in_31_bits(x, whole, part);
            let wanted = ((u128::from(whole) << (31 - shift + 1)) / u128::from(part) + 1) >> 1;
            assert_eq!(m as u128, wanted, "{part:#x}");
        }
        assert!(halves > 10 || cfg!(miri), "{halves}");
    }
}

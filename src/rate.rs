//! The drop rate: a probability as the integer that the stream compares with, and its scale.

use core::cmp::Ordering;
use core::fmt;
use core::hash::{Hash, Hasher};

use crate::error::RateError;
use crate::exact::{
    divide_to_nearest, fraction, in_31_bits, quotient, root_of_ratio, shift_right_to_even, widened,
};

/// p = 1 as a threshold: rates are multiples of 2^-40.
pub(crate) const ONE: u64 = 1 << 40;

/// A checked drop probability p.
///
/// # Precision
///
/// The rate that is applied is `threshold / 2^40`, the multiple of 2^-40 nearest to p (ties to
/// even). Every `f32` at or above 2^-17 is represented exactly; 2^-41 and anything below becomes 0,
/// and an `f64` from 1 - 2^-41 on becomes 1. Mind the type: `(1.0 - 1e-9) as f32` is 1, and
/// [`from_f64`](Self::from_f64) takes the number that was meant. [`p`](Self::p) returns what is
/// really applied, and [`scale`](Self::scale) fits that, so the expectation of a dropped-out unit
/// is right to the rounding of one float.
///
/// All of it is integer arithmetic: a rate made at run time on a chip without floating-point
/// hardware costs no float routine, and is the rate that the compiler makes in a constant.
///
/// Debug shows the threshold; feature `defmt`, which leaves floats to the host, [`p`](Self::p) too.
///
/// ```
/// use dropout_kernels::{DropRate, RateError};
///
/// let rate = DropRate::new(0.25)?;
/// assert_eq!((rate.p(), rate.scale()), (0.25, 4.0 / 3.0));
/// assert_eq!(DropRate::from_ratio(1, 4)?, rate);
/// assert_eq!(DropRate::new(-0.5), Err(RateError::Negative { given: -0.5 }));
/// # Ok::<(), RateError>(())
/// ```
#[derive(Clone, Copy)]
pub struct DropRate {
    threshold: u64,
    scale64: f64,
    scale32: f32,
}

impl DropRate {
    /// Nothing is dropped.
    pub const ZERO: Self = Self::of(0);

    /// Everything is dropped.
    pub const ONE: Self = Self::of(ONE);

    /// The rate nearest to `p`, the probability that an element is dropped (not kept).
    ///
    /// # Errors
    ///
    /// [`RateError`] if `p` is NaN, negative or above 1. `-0.0` is 0.
    pub const fn new(p: f32) -> Result<Self, RateError> {
        // Bits and not float comparisons, which are library calls on a chip without an FPU.
        const INFINITY: u32 = f32::INFINITY.to_bits();
        const UNITY: u32 = 1f32.to_bits();
        let magnitude = p.to_bits() & 0x7FFF_FFFF;
        if magnitude > INFINITY {
            Err(RateError::NotANumber)
        } else if p.to_bits() > magnitude && magnitude != 0 {
            Err(RateError::Negative { given: widened(p) })
        } else if magnitude > UNITY {
            Err(RateError::AboveOne { given: widened(p) })
        } else {
            // p = mantissa * 2^(exponent - 150), subnormals too
            let (exponent, fraction) = (magnitude >> 23, magnitude & 0x7F_FFFF);
            let (exponent, mantissa) =
                if exponent == 0 { (1, fraction) } else { (exponent, fraction | 0x80_0000) };
            let mantissa = mantissa as u64;
            Ok(Self::of(if exponent >= 110 {
                mantissa << (exponent - 110)
            } else {
                shift_right_to_even(mantissa, 110 - exponent)
            }))
        }
    }

    /// The rate nearest to `p`, a number of more digits than an `f32` holds.
    ///
    /// ```
    /// use dropout_kernels::{DropRate, RateError};
    ///
    /// let nearly_all = DropRate::from_f64(1.0 - 1e-9)?;
    /// assert!(nearly_all < DropRate::ONE);
    /// assert_eq!(DropRate::new((1.0 - 1e-9) as f32)?, DropRate::ONE);
    /// # Ok::<(), RateError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`new`](Self::new).
    pub const fn from_f64(p: f64) -> Result<Self, RateError> {
        const INFINITY: u64 = f64::INFINITY.to_bits();
        const UNITY: u64 = 1f64.to_bits();
        let magnitude = p.to_bits() & !(1 << 63);
        if magnitude > INFINITY {
            Err(RateError::NotANumber)
        } else if p.to_bits() > magnitude && magnitude != 0 {
            Err(RateError::Negative { given: p })
        } else if magnitude > UNITY {
            Err(RateError::AboveOne { given: p })
        } else {
            // p = mantissa * 2^(exponent - 1075); what is subnormal is 0 to any rate.
            let (exponent, fraction) = (magnitude >> 52, magnitude & ((1 << 52) - 1));
            let mantissa = if exponent == 0 { 0 } else { fraction | (1 << 52) };
            // 12 bits and more are rounded off, as p is at most 1.
            Ok(Self::of(shift_right_to_even(mantissa, 1035 - exponent as u32)))
        }
    }

    /// The rate nearest to `numerator / denominator`, for rates that no float holds, as 1/10.
    ///
    /// # Errors
    ///
    /// [`RateError`] if the denominator is 0 or the ratio is above 1.
    pub const fn from_ratio(numerator: u32, denominator: u32) -> Result<Self, RateError> {
        if denominator == 0 {
            Err(RateError::ZeroDenominator { numerator })
        } else if numerator > denominator {
            Err(RateError::RatioAboveOne { numerator, denominator })
        } else if numerator == denominator {
            Ok(Self::of(ONE))
        } else {
            Ok(Self::of(divide_to_nearest(0, numerator as u64, denominator as u64, 40)))
        }
    }

    /// The rate `threshold / 2^40`, as [`threshold`](Self::threshold) returned it.
    ///
    /// # Errors
    ///
    /// [`RateError::ThresholdAboveOne`].
    pub const fn from_threshold(threshold: u64) -> Result<Self, RateError> {
        if threshold > ONE {
            Err(RateError::ThresholdAboveOne { given: threshold })
        } else {
            Ok(Self::of(threshold))
        }
    }

    /// A rate that was made before, from its threshold and its two scales: what C's structs hold.
    #[doc(hidden)]
    #[must_use]
    pub const fn from_parts(threshold: u64, scale64: f64, scale32: f32) -> Self {
        Self { threshold, scale64, scale32 }
    }

    /// `threshold` is at most [`ONE`].
    pub(crate) const fn of(threshold: u64) -> Self {
        if threshold >= ONE {
            return Self { threshold: ONE, scale64: 0.0, scale32: 0.0 };
        }
        let (scale64, scale32) = quotient(ONE, ONE - threshold);
        Self { threshold, scale64, scale32 }
    }

    /// This rate times `numerator / denominator`, rounded once, ties to even. The ratio is at most
    /// 1, and the denominator not 0 and below 2^126.
    pub(crate) const fn times_ratio(self, numerator: u128, denominator: u128) -> Self {
        // Long multiplication and division, a bit of the threshold at a time: rest < denominator.
        let (mut quotient, mut rest) = (0, 0);
        let mut bit = ONE;
        while bit != 0 {
            rest <<= 1;
            quotient <<= 1;
            if self.threshold & bit != 0 {
                rest += numerator;
            }
            while rest >= denominator {
                rest -= denominator;
                quotient += 1;
            }
            bit >>= 1;
        }
        let twice = rest << 1;
        let up = twice > denominator || twice == denominator && quotient & 1 == 1;
        Self::of(quotient + up as u64)
    }

    /// The effective p, `threshold / 2^40`, exactly.
    #[must_use]
    pub const fn p(self) -> f64 {
        fraction(self.threshold).0
    }

    /// What kept elements are multiplied with in inverted dropout, 1 / (1 - p); 0 where p = 1.
    ///
    /// This is the value for `f64` elements. For `f32` it is rounded once more.
    #[must_use]
    pub const fn scale(self) -> f64 {
        self.scale64
    }

    /// [`scale`](Self::scale), rounded to `f32`.
    #[must_use]
    pub const fn scale_f32(self) -> f32 {
        self.scale32
    }

    /// [`scale`](Self::scale) for integers: (m, shift), of which m * 2^(shift - 31) is the scale, m
    /// from 2^30 to 2^31 - 1, rounded to nearest. (0, 0) where p = 1. (`docs/QUANTISED.md`,
    /// section 2.)
    ///
    /// That is what TensorFlow Lite calls a quantized multiplier. Whoever drops integers by
    /// [`Dropout::classic`](crate::Dropout::classic), which only selects, multiplies the scale of
    /// the tensor by it, or requantises by it later, where they do so anyway.
    ///
    /// ```
    /// use dropout_kernels::drop_rate;
    ///
    /// assert_eq!(drop_rate!(0.5).multiplier(), (1 << 30, 2)); // 2
    /// assert_eq!(drop_rate!(0.25).multiplier(), (0x5555_5555, 1)); // 4 / 3
    /// ```
    #[must_use]
    pub const fn multiplier(self) -> (i32, i32) {
        if self.kept() == 0 {
            return (0, 0);
        }
        in_31_bits(self.scale64, ONE, self.kept())
    }

    /// The multiplier of a requantisation that follows a tensor that was dropped by folding: m * 2^(shift -
    /// 31) times the scale, rounded once more, halves up. At p = 1, where everything was dropped, it is
    /// what was given.
    ///
    /// m from 2^30 to 2^31 - 1, as every multiplier that is normalised, and so is what comes out.
    ///
    /// ```
    /// use dropout_kernels::drop_rate;
    ///
    /// let (m, shift) = (0x6000_0000, -3); // 0.75 / 2^3
    /// assert_eq!(drop_rate!(0.5).requantisation(m, shift), (m, shift + 1));
    /// assert_eq!(drop_rate!(0.25).requantisation(m, shift), (1 << 30, shift + 1)); // 1 / 2^3
    /// ```
    #[must_use]
    pub const fn requantisation(self, m: i32, shift: i32) -> (i32, i32) {
        let (scale, scale_shift) = self.multiplier();
        if scale == 0 {
            return (m, shift);
        }
        // From 2^60 to 2^62: one bit more or less.
        let product = (m as i64).wrapping_mul(scale as i64);
        let more = (product >> 61 != 0) as i32;
        let m = (product >> (29 + more)).wrapping_add(1) >> 1;
        let shift = shift.wrapping_add(scale_shift).wrapping_add(more - 1);
        if m >> 31 == 0 { (m as i32, shift) } else { (1 << 30, shift.wrapping_add(1)) }
    }

    /// [`multiplier`](Self::multiplier) of 1 - p: what inference multiplies with by the classic rule. (0, 0)
    /// where p = 1.
    #[must_use]
    pub const fn keep_multiplier(self) -> (i32, i32) {
        if self.kept() == 0 {
            return (0, 0);
        }
        in_31_bits(fraction(self.kept()).0, self.kept(), ONE)
    }

    /// round(p * 2^40), ties to even: the integer that is compared with, 0 to 2^40.
    #[must_use]
    pub const fn threshold(self) -> u64 {
        self.threshold
    }

    /// The probability that an element is kept, in units of 2^-40.
    pub(crate) const fn kept(self) -> u64 {
        ONE - self.threshold
    }

    /// The rate 1 - p.
    pub(crate) const fn complement(self) -> Self {
        Self::of(self.kept())
    }

    /// sqrt(p / (1 - p)), rounded to nearest: the standard deviation of Gaussian dropout. Below p =
    /// 1.
    pub(crate) const fn std_dev(self) -> f32 {
        root_of_ratio(self.threshold, self.kept())
    }

    /// What has to be drawn to decide at this rate.
    #[inline]
    pub(crate) const fn draws(self) -> Draws {
        match self.threshold {
            0 => Draws::KeepAll,
            ONE.. => Draws::DropAll,
            t => {
                let (top, low) = ((t >> 32) as u8, t as u32);
                let count = if low != 0 { 8 } else { 8 - top.trailing_zeros() as u8 };
                Draws::Planes(Planes { low, top, count })
            }
        }
    }
}

/// Shows the threshold, in hexadecimal: core's formatting of floats is large for a chip.
impl fmt::Debug for DropRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DropRate({:#x}_{:08x} / 2^40)", self.threshold >> 32, self.threshold as u32)
    }
}

/// Shows [`p`](DropRate::p), which the host formats, and the threshold.
#[cfg(feature = "defmt")]
impl defmt::Format for DropRate {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "DropRate({=f64} = {=u64:#x} / 2^40)", self.p(), self.threshold);
    }
}

// The scales follow from the threshold.
impl PartialEq for DropRate {
    fn eq(&self, other: &Self) -> bool {
        self.threshold == other.threshold
    }
}

impl Eq for DropRate {}

impl PartialOrd for DropRate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for DropRate {
    fn cmp(&self, other: &Self) -> Ordering {
        self.threshold.cmp(&other.threshold)
    }
}

impl Hash for DropRate {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.threshold.hash(state);
    }
}

/// A rate seen by a kernel.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Draws {
    KeepAll,
    DropAll,
    Planes(Planes),
}

/// A rate strictly between 0 and 1 as bit planes (STREAM.md, section 4). Small, so that it is
/// passed in a register.
#[derive(Clone, Copy, Debug)]
pub struct Planes {
    /// Bits 9 to 40 of p, which decide the ties; 0 if there are none to decide.
    pub(crate) low: u32,
    /// The first eight bits of p.
    top: u8,
    /// Planes to draw, 1 to 8.
    pub(crate) count: u8,
}

impl Planes {
    /// The first eight bits of p, from bit 31 downwards.
    #[inline(always)]
    pub(crate) const fn top(self) -> u32 {
        (self.top as u32) << 24
    }
}

/// A [`DropRate`] in a constant: a probability that is none does not build.
///
/// ```
/// use dropout_kernels::{Dropout, drop_rate};
///
/// const HIDDEN: Dropout = Dropout::new(drop_rate!(0.5));
/// ```
///
/// ```compile_fail
/// let rate = dropout_kernels::drop_rate!(1.5);
/// ```
#[macro_export]
macro_rules! drop_rate {
    ($p:expr) => {
        const {
            match $crate::DropRate::new($p) {
                Ok(rate) => rate,
                // In a constant: the build fails, and no program panics.
                Err(_) => panic!("expected a drop rate from 0 to 1"),
            }
        }
    };
}

//! Rates as functions of the training step.

use crate::exact::divide_to_nearest;
use crate::rate::DropRate;

/// A drop rate that changes over training, in integer arithmetic: the same rates on every machine,
/// and in constants.
///
/// With t the step, counted from 0, T = `steps`, and p the rate given:
///
/// | | rate at step t | source |
/// |---|---|---|
/// | [`linear`](Self::linear) | from + (to - from) * t / T up to T, then `to` | scheduled `DropBlock` (Ghiasi et al. 2018, section 3) |
/// | [`curriculum`](Self::curriculum) | p * (1 - exp(-10 t / T)) | curriculum dropout (Morerio et al. 2017, section 3) |
/// | [`early`](Self::early) | p before T, then 0 | early dropout (Liu et al. 2023, "Dropout Reduces Underfitting", section 4) |
/// | [`late`](Self::late) | 0 before T, then p | late dropout (the same) |
///
/// Set the rate with `with_rate`, which every dropout has, before forward: once a step, or of a
/// [`LockedDropout`](crate::LockedDropout), whose mask goes with the old rate, once a sequence
/// before it draws. **Backward needs the rate of its forward**: a mask does not know at which rate
/// it was drawn, and at another rate kept gradients get another scale, which no error can tell.
///
/// None ever turns back: rates only rise, or only fall. `steps` = 0 is a schedule that is over:
/// `linear` and `curriculum` are at their last rate from the start, as `early` and `late` are by
/// their formulas.
///
/// ```
/// use dropout_kernels::{DropRate, Dropout, MaskKey, Schedule, drop_rate};
///
/// const RAMP: Schedule = Schedule::linear(DropRate::ZERO, drop_rate!(0.2), 1000);
/// let (mut x, mut dx) = ([1f32; 100], [1f32; 100]);
/// let dropout = Dropout::new(RAMP.rate(0));
/// for step in 0..3 {
///     let (dropout, key) = (dropout.with_rate(RAMP.rate(step)), MaskKey::new(42, step.into()));
///     dropout.forward_in_place(&mut x, key)?;
///     dropout.backward_in_place(&mut dx, key); // at the rate of its forward
/// }
/// assert_eq!(RAMP.rate(0), DropRate::ZERO);
/// assert_eq!(RAMP.rate(500), drop_rate!(0.1));
/// assert_eq!(RAMP.rate(5000), drop_rate!(0.2));
/// # Ok::<(), dropout_kernels::ShapeError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
#[cfg_attr(feature = "serde", serde(from = "Formula", into = "Formula"))]
pub struct Schedule {
    from: DropRate,
    to: DropRate,
    steps: u32,
    course: Course,
}

/// How a rate gets from one end to the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Course {
    Jump,
    Line,
    Decay,
}

impl Schedule {
    /// From one rate to the other in a straight line, which may rise or fall.
    ///
    /// Exact at step 0 and from `steps` on; between them the multiple of 2^-40 that is nearest.
    #[must_use]
    pub const fn linear(from: DropRate, to: DropRate, steps: u32) -> Self {
        Self { from, to, steps, course: Course::Line }
    }

    /// From 0 towards `rate`, fast at first: with k = 1 - p the probability to keep is
    /// (1 - k) * exp(-g * t) + k, with g = 10 / `steps`, the paper's choice where `steps` are those
    /// of the whole training.
    ///
    /// For another g give 10 / g steps. At step `steps` the rate is p short of a part in 22,000.
    /// Within 2^-40 of the formula.
    #[must_use]
    pub const fn curriculum(rate: DropRate, steps: u32) -> Self {
        Self { from: DropRate::ZERO, to: rate, steps, course: Course::Decay }
    }

    /// `rate` for the first `steps` steps, then none: against underfitting.
    ///
    /// The paper's variant whose rate falls in a line is `linear(rate, DropRate::ZERO, steps)`; its
    /// code is at 0 one step sooner, as `steps - 1`.
    #[must_use]
    pub const fn early(rate: DropRate, steps: u32) -> Self {
        Self { from: rate, to: DropRate::ZERO, steps, course: Course::Jump }
    }

    /// None for the first `steps` steps, then `rate`: against overfitting.
    #[must_use]
    pub const fn late(rate: DropRate, steps: u32) -> Self {
        Self { from: DropRate::ZERO, to: rate, steps, course: Course::Jump }
    }

    /// The rate at a step, counted from 0.
    #[must_use]
    pub const fn rate(self, step: u32) -> DropRate {
        let (from, to) = (self.from.threshold(), self.to.threshold());
        let distance = from.abs_diff(to);
        let left = match self.course {
            Course::Jump | Course::Line if step >= self.steps => 0,
            Course::Jump => distance,
            Course::Line => scale(distance, self.steps - step, self.steps),
            Course::Decay => decay(distance, step, self.steps),
        };
        DropRate::of(if from < to { to - left } else { to + left })
    }
}

/// `distance * part / whole`, rounded to nearest, for up to 2^40 and a part up to the whole.
const fn scale(distance: u64, part: u32, whole: u32) -> u64 {
    // Long division by two digits of 20 bits, so that no product is above 64 bits.
    let (part, whole) = (part as u64, whole as u64);
    let high = (distance >> 20) * part;
    let (Some(quotient), Some(rest)) = (high.checked_div(whole), high.checked_rem(whole)) else {
        return 0;
    };
    let low = (rest << 20) + (distance & 0xF_FFFF) * part + whole / 2;
    match low.checked_div(whole) {
        Some(low) => (quotient << 20) + low,
        None => 0,
    }
}

/// Fractions of 62 bits.
const UNIT: u64 = 1 << 62;

/// `distance * exp(-10 * step / steps)`, for up to 2^40, within 1.
///
/// As 2^-n * exp(-z) with z below log 2, both from one division that is exact. So the relative
/// error is some 2^-58, below what a step of any schedule changes, and rates cannot turn back.
const fn decay(distance: u64, step: u32, steps: u32) -> u64 {
    const LOG2_E: u64 = 0x5C55_1D94_AE0B_F85E; // of a base-2 logarithm, 62 bits of fraction
    const LOG_2: u64 = 0x2C5C_85FD_F473_DE6B;
    const FRACTION: u32 = 58;
    const TERMS: u64 = 18; // log(2)^19 / 19! < 2^-66

    let (tens, steps) = (10 * step as u64, steps as u64);
    let (Some(whole), Some(rest)) = (tens.checked_div(steps), tens.checked_rem(steps)) else {
        return 0;
    };
    if whole >= 44 {
        return 0; // exp(-44) < 2^-63
    }
    let exponent = (whole << FRACTION) + divide_to_nearest(0, rest, steps, FRACTION);
    let exponent = times(exponent, LOG2_E);
    let fraction = exponent << (64 - FRACTION) >> 2;
    let z = times(fraction, LOG_2);
    // 1 - z * (1 - z / 2 * (1 - z / 3 * (...)))
    let (mut power, mut k) = (UNIT, TERMS);
    while let Some(part) = times(z, power).checked_div(k) {
        power = UNIT - part;
        k -= 1;
    }
    let shift = 62 + (exponent >> FRACTION);
    let product = distance as u128 * power as u128;
    ((product + (1 << (shift - 1))) >> shift) as u64
}

/// The product of two fractions, rounded down.
const fn times(a: u64, b: u64) -> u64 {
    ((a as u128 * b as u128) >> 62) as u64
}

/// A schedule by its constructor, as `serde` shows it.
#[cfg(feature = "serde")]
#[derive(serde::Deserialize, serde::Serialize)]
#[serde(rename = "Schedule", rename_all = "snake_case")]
enum Formula {
    Linear { from: DropRate, to: DropRate, steps: u32 },
    Curriculum { rate: DropRate, steps: u32 },
    Early { rate: DropRate, steps: u32 },
    Late { rate: DropRate, steps: u32 },
}

#[cfg(feature = "serde")]
impl From<Formula> for Schedule {
    fn from(formula: Formula) -> Self {
        match formula {
            Formula::Linear { from, to, steps } => Self::linear(from, to, steps),
            Formula::Curriculum { rate, steps } => Self::curriculum(rate, steps),
            Formula::Early { rate, steps } => Self::early(rate, steps),
            Formula::Late { rate, steps } => Self::late(rate, steps),
        }
    }
}

#[cfg(feature = "serde")]
impl From<Schedule> for Formula {
    fn from(Schedule { from, to, steps, course }: Schedule) -> Self {
        match course {
            Course::Line => Self::Linear { from, to, steps },
            Course::Decay => Self::Curriculum { rate: to, steps },
            Course::Jump if to == DropRate::ZERO => Self::Early { rate: from, steps },
            Course::Jump => Self::Late { rate: to, steps },
        }
    }
}

//! Alpha dropout: the rule for networks of SELU units.

use core::fmt;
use core::hash::{Hash, Hasher};

use super::rule::sealed::Sealed;
use super::{Dropout, Rule, RuleFor};
use crate::element::Real;
use crate::error::RateError;
use crate::exact::{fraction, square_root};
use crate::isa::Float;
use crate::kernel::op::{Affine, Same, Times};
use crate::rate::{Draws, DropRate};

/// a', what SELU saturates at: -1.0507... * 1.6732..., the two constants of the paper.
const SATURATED: f64 = -1.758_099_340_847_376_6;

/// The mean and the variance that SELUs keep.
const STANDARD: (f64, f64) = (0.0, 1.0);

/// Alpha dropout (Klambauer et al. 2017, "Self-Normalizing Neural Networks", section 2, "New
/// Dropout Technique"): units are dropped to what SELU saturates at, not to zero, and all are
/// scaled and shifted so that mean 0 and variance 1 stay.
///
/// With a' = -1.7580993408473766, q = 1 - p, and d = 1 where the mask keeps:
///
/// y = a * (d ? x : a') + b, where a = (q * (1 + p * a'^2))^(-1/2) and b = -a * p * a'
///
/// dx = d ? a * dy : 0; inference is the identity. For SELU activations, or other inputs of mean 0
/// and variance 1 (for another mean and variance: [`Dropout::alpha_of`]); for whole channels at a time (feature alpha dropout) put it
/// [over](Dropout::over) [`Layout::channels_first`](crate::Layout::channels_first).
///
/// - A kept element is a product and a sum with a rounding each, never fused: the same bits
///   everywhere.
/// - A dropped one is a * a' + b = a * a' * q whatever it was, NaN too; its gradient is +0.0.
/// - At p = 1 the formula has no a: everything is +0.0. At p = 0 what is drawn has the bits of x.
/// - a, b and a * a' * q are computed when the rule is made, within a relative 2^-50 of their
///   values at the [effective p](DropRate::p), then rounded once to the type that is computed in. The compiler
///   does it in a constant.
///
/// ```
/// use dropout_kernels::{Alpha, Dropout, Layout, MaskKey, drop_rate};
///
/// const ALPHA: Dropout<Alpha> = Dropout::alpha(drop_rate!(0.5));
/// let mut y = [1f32; 8];
/// ALPHA.forward_in_place(&mut y, MaskKey::new(42, 0))?;
/// let (kept, dropped) = (0.8864049 + 0.77919394, -0.77919394);
/// assert!(y.iter().all(|y| *y == kept || *y == dropped));
///
/// // Feature alpha dropout: 2 samples of 3 channels of 4 x 4.
/// let mut maps = [1f32; 96];
/// ALPHA.over(Layout::channels_first(2, 3, &[4, 4])?).forward_in_place(&mut maps, MaskKey::new(42, 0))?;
/// assert!(maps.chunks(16).all(|map| map == [kept; 16] || map == [dropped; 16]));
/// # Ok::<(), dropout_kernels::ShapeError>(())
/// ```
#[derive(Clone, Copy, PartialEq)]
pub struct Alpha {
    // Each as f32 too: a chip's conversion is a function that it would call at every step.
    scale: (f64, f32),
    shift: (f64, f32),
    dropped: (f64, f32),
    /// Mean and variance of the inputs.
    moments: (f64, f64),
}

impl Alpha {
    const fn new(rate: DropRate, moments: (f64, f64)) -> Self {
        if rate.kept() == 0 {
            return Self { scale: (0.0, 0.0), shift: (0.0, 0.0), dropped: (0.0, 0.0), moments };
        }
        let (p, q, (mean, variance)) = (rate.p(), fraction(rate.kept()).0, moments);
        let apart = SATURATED - mean;
        let scale = 1.0 / square_root(q * (1.0 + p * (apart * apart / variance)));
        // At mean 0 and variance 1 what is added and divided by changes no bit.
        let shift = mean - (scale * p * SATURATED + scale * q * mean);
        let dropped = scale * apart * q + mean;
        Self {
            scale: (scale, scale as f32),
            shift: (shift, shift as f32),
            dropped: (dropped, dropped as f32),
            moments,
        }
    }

    /// a, b and a * a' + b in both types: what C's structs hold.
    #[doc(hidden)]
    #[must_use]
    pub const fn parts(self) -> [(f64, f32); 3] {
        [self.scale, self.shift, self.dropped]
    }

    /// a, what kept elements are multiplied with; 0 where p = 1.
    #[must_use]
    pub const fn scale(self) -> f64 {
        self.scale.0
    }

    /// b, what is added to them then; 0 where p = 1.
    #[must_use]
    pub const fn shift(self) -> f64 {
        self.shift.0
    }

    /// a * a' + b, what dropped elements become; 0 where p = 1.
    #[must_use]
    pub const fn dropped(self) -> f64 {
        self.dropped.0
    }
}

impl Dropout<Alpha> {
    /// Alpha dropout, for networks of SELU units.
    #[must_use]
    pub const fn alpha(rate: DropRate) -> Self {
        Self::of(rate, Alpha::new(rate, STANDARD))
    }

    /// Alpha dropout of inputs of another mean and variance, which stay:
    ///
    /// a = (q * (1 + p * (a' - mean)^2 / variance))^(-1/2) and b = mean - a * (q * mean + p * a')
    ///
    /// With mean 0 and variance 1 that is [`alpha`](Self::alpha), to the bit. a is within a relative
    /// 2^-50 of its value; b and a * a' + b, where terms can cancel, within 2^-50 of the larger of
    /// |a'| and |mean|.
    ///
    /// # Errors
    ///
    /// [`RateError::Mean`] if the mean is not from -2^60 to 2^60, [`RateError::Variance`] if the
    /// variance is not from 2^-60 to 2^60.
    ///
    /// ```
    /// use dropout_kernels::{Dropout, MaskKey, drop_rate};
    ///
    /// // Every other input is 2.5, the others are -1.5: mean 0.5, variance 4.
    /// let alpha = Dropout::alpha_of(drop_rate!(0.1), 0.5, 4.0)?;
    /// let mut y: [f64; 100_000] = core::array::from_fn(|i| [2.5, -1.5][i % 2]);
    /// alpha.forward_in_place(&mut y, MaskKey::new(42, 0))?;
    /// let mean = y.iter().sum::<f64>() / 1e5;
    /// let variance = y.iter().map(|y| (y - mean) * (y - mean)).sum::<f64>() / 1e5;
    /// assert!((mean - 0.5).abs() < 0.02 && (variance - 4.0).abs() < 0.05);
    /// # Ok::<(), dropout_kernels::Error>(())
    /// ```
    pub const fn alpha_of(rate: DropRate, mean: f64, variance: f64) -> Result<Self, RateError> {
        const MOST: f64 = (1u64 << 60) as f64;
        // NaN is neither.
        if !(mean >= -MOST && mean <= MOST) {
            return Err(RateError::Mean { given: mean });
        }
        if !(variance >= 1.0 / MOST && variance <= MOST) {
            return Err(RateError::Variance { given: variance });
        }
        Ok(Self::of(rate, Alpha::new(rate, (mean, variance))))
    }

    /// The rule that was made at this rate before, from its [`parts`](Alpha::parts).
    #[doc(hidden)]
    #[must_use]
    pub const fn from_parts(rate: DropRate, [scale, shift, dropped]: [(f64, f32); 3]) -> Self {
        Self::of(rate, Alpha { scale, shift, dropped, moments: STANDARD })
    }
}

impl Sealed for Alpha {}

impl Rule for Alpha {
    const ZEROES: bool = false;

    fn at(self, rate: DropRate) -> Self {
        Self::new(rate, self.moments)
    }

    /// At p = 1 there is no scale.
    #[inline]
    fn decides(self, rate: DropRate) -> bool {
        !matches!(rate.draws(), Draws::DropAll)
    }
}

impl<T: Float> RuleFor<T> for Alpha {
    type Forward = Affine<T>;
    type Backward = Times<T>;
    type Inference = Same;

    #[inline]
    fn forward(self, _: DropRate) -> Affine<T> {
        Affine {
            factor: T::Factor::from_both(self.scale),
            term: T::term(T::Factor::from_both(self.shift)),
            dropped: T::narrow(T::Factor::from_both(self.dropped)),
        }
    }

    #[inline]
    fn backward(self, _: DropRate) -> Times<T> {
        Times(T::Factor::from_both(self.scale))
    }
}

/// Its name: core's formatting of floats is large for a chip.
impl fmt::Debug for Alpha {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Alpha")
    }
}

// None is NaN, and the others follow from the scale and the moments.
impl Eq for Alpha {}

impl Hash for Alpha {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // Of the mean, -0.0 is equal to 0.0.
        for number in [self.scale.0, self.moments.0 + 0.0, self.moments.1] {
            number.to_bits().hash(state);
        }
    }
}

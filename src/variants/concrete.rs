//! Concrete dropout: the rate is learned, by gates that are nearly open or nearly closed.

use crate::element::Real;
use crate::error::{RateError, ShapeError};
use crate::isa::{Available, Backend, CompiledUniform, Float, Place as _, Runs as _};
use crate::kernel::matrix::total_in_place;
use crate::kernel::op::{InPlace, Same};
use crate::kernel::uniform::{Gate, GateGradient};
use crate::lanes::LANES;
use crate::plan::same_length;
use crate::source::RandomSource;

/// Concrete dropout (Gal, Hron and Kendall 2017, "Concrete Dropout", section 3): the rate p is
/// learned, layer by layer. The mask is relaxed to gates z between 0 and 1, so that there is a
/// gradient to p.
///
/// With a fresh u for every element, uniform between 0 and 1, and a temperature t (the paper's code
/// takes 0.1):
///
/// z = sigmoid((ln p - ln(1 - p) + ln u - ln(1 - u)) / t), which is near 1 where an element is
/// dropped, and near 0 where it is kept;
///
/// | forward | gradient to x | gradient to the logit | inference |
/// |---|---|---|---|
/// | y = x (1 - z) / (1 - p) | dx = dy (1 - z) / (1 - p) | sum of dx x (p - z / t) | y = x |
///
/// What is trained is the **logit**, l = ln p - ln(1 - p): no step leads it out of its range, as it
/// would lead p. [`backward`](Self::backward) returns dl, in which the division by 1 - p counts too.
/// [`to_p`](Self::to_p) makes dp of it, dl / (p (1 - p)). After each step of the optimiser make the
/// next layer by [`with_logit`](Self::with_logit).
///
/// # The regulariser
///
/// Without it p falls to 0. [`penalty`](Self::penalty) is what the layer adds to the loss, with W
/// the weights that multiply y, and K the number of inputs that the layer drops (features or
/// channels, not elements of a batch):
///
/// R = w |W|^2 / (1 - p) + e K (p ln p + (1 - p) ln(1 - p))
///
/// For a training set of N examples, a prior length scale s and a precision of the model tau, the
/// paper's code has w = s^2 / (tau N) and e = 2 / (tau N) for a squared error, 1 / N for a
/// cross-entropy. K multiplies both terms of the entropy.
///
/// # Elements and replay
///
/// `F`, the type of l, p and t, is what the elements are computed in: `f32` for `f32` and, with
/// feature `half`, for `f16` and `bf16`; `f64` for `f64`. The elements of a slice each have a u of
/// their own. Nothing is stored: backward draws u again, from the key, or from a copy of the
/// generator as it stood before forward. Calls can be split at multiples of 16 elements (the sums
/// of dl are then rounded otherwise).
///
/// Nothing is dropped entirely: x = NaN or infinity stays what it is.
///
/// # Precision
///
/// Element i takes the next output of lane i % 16 of the generator. Of its upper 31 bits, h, comes
/// u = (h + 1/2) / 2^31, so that |ln u - ln(1 - u)| is below 22.2, and at p = 2^-33 an element is
/// never dropped. Logarithm and exponential are this crate's own, additions, multiplications and
/// divisions in a fixed order: results have the same bits on every machine. The logarithm and the
/// exponential err by less than 4 units in the last place; a gate, whose logarithm is divided by t, by 1 / t
/// times as much of the logarithm. An exponent beyond -87 and 88 (-708 and 709 in `f64`) is that end. dl is
/// 16 sums, of which sum i adds the elements i, i + 16, i + 32 and so on from +0.0; then the upper
/// half of the sums is added to the lower, four times.
///
/// # Cost
///
/// One pass. For each element a step of the generator, two divisions and some 40 floating-point
/// operations, in vectors where there are any; no table, no branch, no heap.
///
/// ```
/// use dropout_kernels::{ConcreteDropout, MaskKey, RateError};
///
/// let layer = ConcreteDropout::new(0.1f32, 0.1)?; // p and t
/// let (x, dy, key) = ([2f32; 100], [1f32; 100], MaskKey::new(42, 0));
/// let (mut y, mut dx) = ([0f32; 100], [0f32; 100]);
/// layer.forward(&x, &mut y, key)?;
/// let mut to_logit = layer.backward(&x, &dy, &mut dx, key)?; // the same gates
/// assert!(y.iter().zip(dx).all(|(y, dx)| *y == 2.0 * dx));
///
/// // Weights of 100 x 10 with a sum of squares of 30.
/// let penalty = layer.penalty(30.0, 100, 1e-4, 2e-3);
/// to_logit += penalty.to_logit; // and each weight's gradient += penalty.to_weights * weight
/// let layer = layer.with_logit(layer.logit() - 0.01 * to_logit)?;
/// assert!(layer.p() > 0.0 && layer.p() < 1.0);
///
/// assert_eq!(ConcreteDropout::new(0f32, 0.1), Err(RateError::Zero { given: 0.0 }));
/// assert_eq!(ConcreteDropout::new(0.5f64, 0.0), Err(RateError::Temperature { given: 0.0 }));
/// # Ok::<(), dropout_kernels::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ConcreteDropout<F = f32> {
    gate: Gate<F>,
    temperature: F,
    /// `None` asks the machine at each call.
    backend: Option<Available>,
}

/// What a layer of [`ConcreteDropout`] adds to the loss, and its gradients.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct ConcretePenalty<F> {
    /// w |W|^2 / (1 - p) + e K (p ln p + (1 - p) ln(1 - p)).
    pub value: F,
    /// Its gradient to the logit: w |W|^2 p / (1 - p) + e K p (1 - p) l.
    pub to_logit: F,
    /// 2 w / (1 - p): its gradient to a weight is this number times the weight.
    pub to_weights: F,
}

impl<F: Real> ConcreteDropout<F> {
    /// Gates of the probability `p` to drop, and of a temperature. The lower the temperature, the
    /// nearer they are to 0 and 1.
    ///
    /// [`p`](Self::p) is computed from the logit, so it can differ from this one by the rounding of
    /// the logit.
    ///
    /// # Errors
    ///
    /// [`RateError`] unless 0 < p < 1 (a p below e^-87, e^-708 in `f64`, counts as 0), or if the
    /// temperature is not above 0, or it or its inverse is infinite or no normal number.
    pub fn new(p: F, temperature: F) -> Result<Self, RateError> {
        let one = F::from_f32(1.0);
        if p < F::ZERO {
            Err(RateError::Negative { given: p.in_f64() })
        } else if p > one {
            Err(RateError::AboveOne { given: p.in_f64() })
        } else if p == one {
            Err(RateError::One)
        } else if p < one {
            let logit = p.over(one.minus(p)).natural_log();
            if p.has_inverse() && logit >= F::LEAST {
                Self::from_logit(logit, temperature)
            } else {
                Err(RateError::Zero { given: p.in_f64() })
            }
        } else {
            Err(RateError::NotANumber)
        }
    }

    /// Gates of the logit l = ln p - ln(1 - p), and of a temperature.
    ///
    /// # Errors
    ///
    /// [`RateError::Logit`] if the logit is NaN, or the p that belongs to it is rounded to 1 or is
    /// below e^-87 (e^-708 in `f64`), and [`RateError::Temperature`] if the temperature is none that
    /// [`new`](Self::new) takes.
    pub fn from_logit(logit: F, temperature: F) -> Result<Self, RateError> {
        if !temperature.has_inverse() {
            let is_nan = temperature.partial_cmp(&temperature).is_none();
            let given = if is_nan { f64::NAN } else { temperature.in_f64() };
            return Err(RateError::Temperature { given });
        }
        // The power of some NaNs is none.
        if logit.partial_cmp(&logit).is_none() {
            return Err(RateError::Logit { given: f64::NAN });
        }
        let one = F::from_f32(1.0);
        let odds = logit.power_of_e();
        let scale = odds.plus(one);
        let kept = one.over(scale);
        // Of the two, the one that does not cancel.
        let p = if logit > F::ZERO { one.minus(kept) } else { odds.times(kept) };
        if logit < F::LEAST || p >= one {
            return Err(RateError::Logit { given: logit.in_f64() });
        }
        let gate = Gate { logit, sharpness: one.over(temperature), scale, p };
        Ok(Self { gate, temperature, backend: None })
    }

    /// The same at another logit, after a step of the optimiser.
    ///
    /// # Errors
    ///
    /// Same errors as [`from_logit`](Self::from_logit).
    pub fn with_logit(self, logit: F) -> Result<Self, RateError> {
        let new = Self::from_logit(logit, self.temperature)?;
        Ok(Self { backend: self.backend, ..new })
    }

    /// The same run by a given backend, for tests and benchmarks: the results are the same. A
    /// backend that this machine does not have is taken for [`Backend::Portable`].
    #[must_use]
    pub fn with_backend(self, backend: Backend) -> Self {
        Self { backend: Some(Available::or_portable(backend)), ..self }
    }

    /// p.
    #[must_use]
    pub fn p(self) -> F {
        self.gate.p
    }

    /// l = ln p - ln(1 - p).
    #[must_use]
    pub fn logit(self) -> F {
        self.gate.logit
    }

    /// t.
    #[must_use]
    pub fn temperature(self) -> F {
        self.temperature
    }

    /// 1 / (1 - p).
    #[must_use]
    pub fn scale(self) -> F {
        self.gate.scale
    }

    /// The gradient to p, from that to the logit: dp = dl / (p (1 - p)).
    #[must_use]
    pub fn to_p(self, to_logit: F) -> F {
        to_logit.over(self.gate.p).times(self.gate.scale)
    }

    /// What the layer adds to the loss (see [above](Self#the-regulariser)), from the sum of the
    /// squares of its weights, |W|^2, the number K of inputs that it drops, and the coefficients w
    /// and e. Each term is above 0 or below it by its own sign; none is infinite unless a product
    /// is.
    #[must_use]
    pub fn penalty(self, squares: F, inputs: u32, weight: F, entropy: F) -> ConcretePenalty<F> {
        let Gate { logit, scale, p, .. } = self.gate;
        let one = F::from_f32(1.0);
        let weights = weight.times(squares).times(scale);
        let entropy = entropy.times(F::count(inputs));
        // p ln p + (1 - p) ln(1 - p) = r m + ln(1 - r), where r is the smaller of p and 1 - p, m its
        // logit, and ln(1 - r) = -ln(1 + e^m).
        let m = if logit > F::ZERO { F::ZERO.minus(logit) } else { logit };
        let odds = m.power_of_e();
        let sum = odds.plus(one);
        let r = odds.over(sum);
        // ln(1 + e^m) to the last digits, where the sum has lost some of e^m.
        let rest = sum.minus(one);
        let ln = match rest == F::ZERO {
            true => odds,
            false => sum.natural_log().times(odds).over(rest),
        };
        let information = r.times(m).minus(ln);
        ConcretePenalty {
            value: weights.plus(entropy.times(information)),
            to_logit: weights.times(p).plus(entropy.times(p.over(scale)).times(logit)),
            to_weights: F::from_f32(2.0).times(weight).times(scale),
        }
    }

    /// `y = x (1 - z) / (1 - p)`, by gates from a generator or by a key.
    ///
    /// # Errors
    ///
    /// [`ShapeError`] if `y` has another length than `x`. Then nothing is written and no generator
    /// has moved.
    pub fn forward<T: Float<Factor = F>>(
        &self,
        x: &[T],
        y: &mut [T],
        source: impl RandomSource,
    ) -> Result<(), ShapeError> {
        same_length(x, y)?;
        self.run(x, y, source);
        Ok(())
    }

    /// [`forward`](Self::forward) in place, which always succeeds.
    pub fn forward_in_place<T: Float<Factor = F>>(&self, x: &mut [T], source: impl RandomSource) {
        self.run(InPlace, x, source);
    }

    /// The gradients: `dx = dy (1 - z) / (1 - p)`, and, returned, that to the logit. From the x of
    /// forward, and by its key, or by the generator as it stood before forward; it moves as that
    /// one did.
    ///
    /// # Errors
    ///
    /// [`ShapeError`] if `dy` or `dx` has another length than `x`. Then nothing is written and no
    /// generator has moved.
    pub fn backward<T: Float<Factor = F>>(
        &self,
        x: &[T],
        dy: &[T],
        dx: &mut [T],
        before: impl RandomSource,
    ) -> Result<F, ShapeError> {
        same_length(x, dy)?;
        same_length(dy, dx)?;
        Ok(self.gradients(x, dy, dx, before))
    }

    /// [`backward`](Self::backward) with dx over dy.
    ///
    /// # Errors
    ///
    /// Same errors as [`backward`](Self::backward).
    pub fn backward_in_place<T: Float<Factor = F>>(
        &self,
        x: &[T],
        dx: &mut [T],
        before: impl RandomSource,
    ) -> Result<F, ShapeError> {
        same_length(x, dx)?;
        Ok(self.gradients(x, InPlace, dx, before))
    }

    /// Inference: `y = x`, to the bit.
    ///
    /// # Errors
    ///
    /// [`ShapeError`] if `y` has another length than `x`. Then nothing is written.
    pub fn infer<T: Float<Factor = F>>(&self, x: &[T], y: &mut [T]) -> Result<(), ShapeError> {
        same_length(x, y)?;
        x.op(Same).pass_all(y);
        Ok(())
    }

    fn run<T: Float<Factor = F> + CompiledUniform<Gate<F>, X>, X>(
        &self,
        x: X,
        y: &mut [T],
        source: impl RandomSource,
    ) {
        let backend = self.backend.unwrap_or_else(Available::detect);
        let mut gate = self.gate;
        source.with_lanes(backend, y.len(), |lanes| T::uniform(&mut gate, backend, lanes, x, y));
    }

    fn gradients<'a, T, X>(&self, x: &'a [T], dy: X, dx: &mut [T], before: impl RandomSource) -> F
    where
        T: Float<Factor = F> + CompiledUniform<GateGradient<'a, T>, X>,
    {
        let backend = self.backend.unwrap_or_else(Available::detect);
        let mut gates = GateGradient { gate: self.gate, x, sums: [F::ZERO; LANES] };
        before
            .with_lanes(backend, dx.len(), |lanes| T::uniform(&mut gates, backend, lanes, dy, dx));
        total_in_place(&mut gates.sums)
    }
}

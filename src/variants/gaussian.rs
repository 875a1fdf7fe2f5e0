//! Gaussian dropout: noise that multiplies, of the same mean and variance as inverted dropout.

use crate::error::{RateError, ShapeError};
use crate::isa::{Backend, Element, Place};
use crate::kernel::op::{InPlace, Same};
use crate::key::MaskKey;
use crate::lanes::Lanes;
use crate::plan::{Plan, same_length};
use crate::rate::{Draws, DropRate};
use crate::rng::MaskRng;

/// Gaussian dropout (Srivastava et al. 2014, "Dropout: A Simple Way to Prevent Neural Networks from
/// Overfitting", section 10).
///
/// With q = 1 - p and a fresh r ~ N(1, p / q) for every element:
///
/// | forward | backward | inference |
/// |---|---|---|
/// | y = r * x | dx = r * dy | y = x |
///
/// r has the mean and the variance of inverted dropout's factor, d / q with d ~ Bernoulli(q). Nothing is
/// dropped, so x = NaN or infinity stays what it is (r may be 0: infinity may become NaN).
///
/// Nothing is stored: backward draws r again, from a key by
/// [`backward_replay`](Self::backward_replay), or from a copy of the generator as it stood before forward by
/// [`backward`](Self::backward). How the normals come from the generator's lanes is a public promise
/// (`docs/GAUSSIAN.md`); they have the same bits on every machine. Calls can be split at multiples of 32
/// elements.
///
/// # Precision
///
/// r = 1 + s * z. s = sqrt(p / q) is rounded once to `f32`. z is a normal of `f32` accuracy by the method of
/// Box and Muller: it errs by less than 1.2e-6 of the radius sqrt(z^2 + z'^2) that it shares with another, and
/// |z| is below 6.67 (a normal goes beyond once in 3.6 * 10^10). For `f64` elements s * z is the same `f32`;
/// 1 + s * z and the product are `f64`.
///
/// # Cost
///
/// One pass. Two steps of the generator and some 60 floating-point operations for two elements, in
/// vectors where there are any; no table, no branch. Half a KiB of stack.
///
/// ```
/// use dropout_kernels::{DropRate, GaussianDropout, MaskRng, RateError, drop_rate};
///
/// let noise = GaussianDropout::new(drop_rate!(0.2))?;
/// assert_eq!(noise.std_dev(), 0.5); // sqrt(0.2 / 0.8)
///
/// let mut rng = MaskRng::new(42, 0);
/// let mut before = rng.clone(); // 256 bytes, for backward
/// let mut x = [1f32; 100];
/// noise.forward_in_place(&mut x, &mut rng);
/// let mut dx = [1f32; 100];
/// noise.backward_in_place(&mut dx, &mut before);
/// assert_eq!(x, dx); // the same r
/// assert!(before == rng);
///
/// assert_eq!(GaussianDropout::new(DropRate::ONE), Err(RateError::One)); // no such variance
/// # Ok::<(), RateError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GaussianDropout {
    plan: Plan,
    std_dev: f32,
}

impl GaussianDropout {
    /// Noise of variance p / (1 - p).
    ///
    /// # Errors
    ///
    /// [`RateError::One`] if p = 1.
    pub const fn new(rate: DropRate) -> Result<Self, RateError> {
        if let Draws::DropAll = rate.draws() {
            return Err(RateError::One);
        }
        Ok(Self { plan: Plan::new(rate), std_dev: rate.std_dev() })
    }

    /// The same run by a given backend, for tests and benchmarks: the results are the same. A backend
    /// that this machine does not have is taken for [`Backend::Portable`].
    #[must_use]
    pub fn with_backend(self, backend: Backend) -> Self {
        Self { plan: self.plan.with_backend(backend), ..self }
    }

    /// The rate.
    #[must_use]
    pub const fn rate(self) -> DropRate {
        self.plan.rate
    }

    /// The same at another rate. Backward needs the rate that forward had.
    ///
    /// # Errors
    ///
    /// [`RateError::One`] if p = 1.
    pub const fn with_rate(self, rate: DropRate) -> Result<Self, RateError> {
        match Self::new(rate) {
            Ok(new) => Ok(Self { plan: self.plan.with_rate(rate), ..new }),
            Err(one) => Err(one),
        }
    }

    /// s, the standard deviation of r: sqrt(p / (1 - p)), rounded once.
    #[must_use]
    pub const fn std_dev(self) -> f32 {
        self.std_dev
    }

    /// `y = r * x`, with r from the generator. At p = 0 `y` has the bits of `x` and `rng` has not moved.
    ///
    /// # Errors
    ///
    /// [`ShapeError`] if `y` has another length than `x`. Then nothing is written and `rng` has not moved.
    pub fn forward<T: Element>(
        &self,
        x: &[T],
        y: &mut [T],
        rng: &mut MaskRng,
    ) -> Result<(), ShapeError> {
        same_length(x, y)?;
        self.run(&mut rng.lanes, x, y);
        Ok(())
    }

    /// [`forward`](Self::forward) in place, which cannot fail.
    pub fn forward_in_place<T: Element>(&self, x: &mut [T], rng: &mut MaskRng) {
        self.run(&mut rng.lanes, InPlace, x);
    }

    /// [`forward`](Self::forward) by a new generator at the start of a key's stream.
    ///
    /// # Errors
    ///
    /// [`ShapeError`] if `y` has another length than `x`. Then nothing is written.
    pub fn forward_replay<T: Element>(
        &self,
        x: &[T],
        y: &mut [T],
        key: MaskKey,
    ) -> Result<(), ShapeError> {
        same_length(x, y)?;
        self.replay(key, x, y);
        Ok(())
    }

    /// [`forward_replay`](Self::forward_replay) in place, which cannot fail.
    pub fn forward_replay_in_place<T: Element>(&self, x: &mut [T], key: MaskKey) {
        self.replay(key, InPlace, x);
    }

    /// The gradient: `dx = r * dy`. `before` is the generator as it stood before
    /// [`forward`](Self::forward); it moves as that one did.
    ///
    /// # Errors
    ///
    /// [`ShapeError`] if `dx` has another length than `dy`. Then nothing is written and `before` has
    /// not moved.
    pub fn backward<T: Element>(
        &self,
        dy: &[T],
        dx: &mut [T],
        before: &mut MaskRng,
    ) -> Result<(), ShapeError> {
        self.forward(dy, dx, before)
    }

    /// [`backward`](Self::backward) in place, which cannot fail.
    pub fn backward_in_place<T: Element>(&self, dx: &mut [T], before: &mut MaskRng) {
        self.forward_in_place(dx, before);
    }

    /// The gradient of [`forward_replay`](Self::forward_replay) at the same key.
    ///
    /// # Errors
    ///
    /// [`ShapeError`] if `dx` has another length than `dy`. Then nothing is written.
    pub fn backward_replay<T: Element>(
        &self,
        dy: &[T],
        dx: &mut [T],
        key: MaskKey,
    ) -> Result<(), ShapeError> {
        self.forward_replay(dy, dx, key)
    }

    /// [`backward_replay`](Self::backward_replay) in place, which cannot fail.
    pub fn backward_replay_in_place<T: Element>(&self, dx: &mut [T], key: MaskKey) {
        self.forward_replay_in_place(dx, key);
    }

    /// Inference: `y = x`, to the bit.
    ///
    /// # Errors
    ///
    /// [`ShapeError`] if `y` has another length than `x`. Then nothing is written.
    pub fn infer<T: Element>(&self, x: &[T], y: &mut [T]) -> Result<(), ShapeError> {
        same_length(x, y)?;
        self.plan.map(true, y, x.op(Same));
        Ok(())
    }

    fn replay<T: Element>(&self, key: MaskKey, x: impl Place<T>, y: &mut [T]) {
        let mut lanes = Lanes::EMPTY;
        if let Draws::Planes(_) = self.plan.rate.draws() {
            self.plan.backend().seed(&mut lanes, key, y.len());
        }
        self.run(&mut lanes, x, y);
    }

    fn run<T: Element>(&self, lanes: &mut Lanes, x: impl Place<T>, y: &mut [T]) {
        match self.plan.rate.draws() {
            Draws::Planes(_) => x.noise(self.plan.backend(), lanes, self.std_dev, y),
            // Nor could it be 1: `new` refuses that.
            Draws::KeepAll | Draws::DropAll => self.plan.map(true, y, x.op(Same)),
        }
    }
}

//! Gaussian dropout: noise that multiplies, of the same mean and variance as inverted dropout.

use crate::error::{RateError, ShapeError};
use crate::isa::{Backend, CompiledNoise, Float, Place, Runs};
use crate::kernel::op::{InPlace, Same};
use crate::plan::{Plan, same_length};
use crate::rate::{Draws, DropRate};
use crate::source::RandomSource;

/// Gaussian dropout (Srivastava et al. 2014, "Dropout: A Simple Way to Prevent Neural Networks from
/// Overfitting", section 10).
///
/// With q = 1 - p and a fresh r ~ N(1, p / q) for every element:
///
/// | forward | backward | inference |
/// |---|---|---|
/// | y = r * x | dx = r * dy | y = x |
///
/// r has the mean and the variance of inverted dropout's factor, d / q with d ~ Bernoulli(q).
/// Nothing is dropped, so x = NaN or infinity stays what it is (r may be 0: infinity may become
/// NaN).
///
/// Nothing is stored: [`backward`](Self::backward) draws r again, from the key, or from a copy of the
/// generator as it stood before forward. How the normals come from the generator's lanes is a public
/// promise (`docs/GAUSSIAN.md`); they have the same bits on every machine. Calls can be split at
/// multiples of 32 elements.
///
/// # Precision
///
/// r = 1 + s * z. s = sqrt(p / q) is rounded once to `f32`. z is a normal of `f32` accuracy by the
/// method of Box and Muller: it errs by less than 1.2e-6 of the radius sqrt(z^2 + z'^2) that it
/// shares with another, and |z| is below 6.67 (a normal goes beyond once in 3.6 * 10^10). For `f64`
/// elements s * z is the same `f32`; 1 + s * z and the product are `f64`.
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

    /// The same run by a given backend, for tests and benchmarks: the results are the same. A
    /// backend that this machine does not have is taken for [`Backend::Portable`].
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

    /// `y = r * x`, with r from a generator or by a key. At p = 0 `y` has the bits of `x` and no
    /// generator has moved.
    ///
    /// # Errors
    ///
    /// [`ShapeError`] if `y` has another length than `x`. Then nothing is written and no generator
    /// has moved.
    pub fn forward<T: Float>(
        &self,
        x: &[T],
        y: &mut [T],
        source: impl RandomSource,
    ) -> Result<(), ShapeError> {
        same_length(x, y)?;
        self.run(source, x, y);
        Ok(())
    }

    /// [`forward`](Self::forward) in place, which always succeeds.
    pub fn forward_in_place<T: Float>(&self, x: &mut [T], source: impl RandomSource) {
        self.run(source, InPlace, x);
    }

    /// The gradient: `dx = r * dy`, by forward's key, or by the generator as it stood before
    /// forward; it moves as that one did.
    ///
    /// # Errors
    ///
    /// Same errors as [`forward`](Self::forward).
    pub fn backward<T: Float>(
        &self,
        dy: &[T],
        dx: &mut [T],
        before: impl RandomSource,
    ) -> Result<(), ShapeError> {
        self.forward(dy, dx, before)
    }

    /// [`backward`](Self::backward) in place, which always succeeds.
    pub fn backward_in_place<T: Float>(&self, dx: &mut [T], before: impl RandomSource) {
        self.forward_in_place(dx, before);
    }

    /// Inference: `y = x`, to the bit.
    ///
    /// # Errors
    ///
    /// [`ShapeError`] if `y` has another length than `x`. Then nothing is written.
    pub fn infer<T: Float>(&self, x: &[T], y: &mut [T]) -> Result<(), ShapeError> {
        same_length(x, y)?;
        x.op(Same).pass_all(y);
        Ok(())
    }

    fn run<T: Float + CompiledNoise<X>, X: Place<T>>(
        &self,
        source: impl RandomSource,
        x: X,
        y: &mut [T],
    ) {
        match self.plan.rate.draws() {
            Draws::Planes(_) => {
                let backend = self.plan.backend();
                let lanes = y.len(); // two elements of a lane's each, of sixteen lanes at most
                source.with_lanes(backend, lanes, |lanes| {
                    T::noise(backend, lanes, self.std_dev, x, y);
                });
            }
            // Nor could it be 1: `new` refuses that.
            Draws::KeepAll | Draws::DropAll => x.op(Same).pass_all(y),
        }
    }
}

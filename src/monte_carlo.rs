//! Mean and variance of a network's outputs over stochastic passes.

use core::iter;

use crate::element::Real;
use crate::error::{ShapeError, check_elements};

mod sealed {
    pub trait Sealed {}
    impl<T, const N: usize> Sealed for [T; N] {}
    impl<T> Sealed for &mut [T] {}
}

/// Where a [`MonteCarlo`] keeps a number for each output: `[T; N]`, or `&mut [T]` of the caller's.
///
/// Sealed: its promise is to have the same length at every look.
pub trait Outputs: sealed::Sealed {
    /// The type of an output.
    type Element: Real;

    #[doc(hidden)]
    fn as_slice(&self) -> &[Self::Element];

    #[doc(hidden)]
    fn as_mut_slice(&mut self) -> &mut [Self::Element];
}

impl<T: Real, const N: usize> Outputs for [T; N] {
    type Element = T;

    fn as_slice(&self) -> &[T] {
        self
    }

    fn as_mut_slice(&mut self) -> &mut [T] {
        self
    }
}

impl<T: Real> Outputs for &mut [T] {
    type Element = T;

    fn as_slice(&self) -> &[T] {
        self
    }

    fn as_mut_slice(&mut self) -> &mut [T] {
        self
    }
}

/// Monte Carlo dropout (Gal and Ghahramani 2016, "Dropout as a Bayesian Approximation: Representing
/// Model Uncertainty in Deep Learning", section 4): mean and variance of every output over T
/// stochastic passes, in memory that does not grow with T.
///
/// Dropout stays on at inference. Run the network T times on one input, each time with masks of its
/// own, and push what it puts out:
///
/// - `mean = (1/T) sum y_t`, the prediction (equation 6);
/// - `variance = sum (y_t - mean)^2 / (T - 1)`, how far the passes disagree. Equation 7 adds the
///   noise of the data, 1/tau, and divides by T:
///   [`population_variance`](Self::population_variance).
///
/// A [key](crate::MaskKey) for each pass needs no mask memory, and names
/// the whole prediction.
///
/// Sums are updated one pass at a time (Welford 1962, "Note on a Method for Calculating Corrected
/// Sums of Squares and Products"). Each is kept in two numbers, the second of which is what
/// rounding took from the first (Knuth's two-sum), so nothing cancels where the mean is large
/// against the deviation, and nothing is lost over many passes: what is lost is what the outputs
/// lost when they were rounded to their type. Outputs that do not change have variance 0 exactly,
/// and none is ever negative. The order of passes matters to rounding alone. The same pushes
/// give the same bits on every machine.
///
/// Squares of deviations, and their sum, have to be numbers of the type: below 1.8 * 10^19 /
/// sqrt(T) for `f32`. Beyond, the variance is infinite or NaN, and so is the mean if values lie
/// further apart than the type's largest number. An output that was NaN or infinite once has a
/// variance of NaN, and a mean that is infinite or NaN.
///
/// `S` says where the sums are: [`new`](Self::new) is four arrays of its own, [`over`](Self::over)
/// works on slices of the caller's.
///
/// # Cost
///
/// Four numbers for each output and a count. A push is some thirty additions and two
/// multiplications per output, and one division. Mean and variance are within a few units in their
/// last place, as far as was tried: 10^7 passes.
///
/// ```
/// use dropout_kernels::{Dropout, MaskKey, MonteCarlo, drop_rate};
///
/// // A network of one layer: y = w . dropout(x).
/// let (w, x) = ([0.5f32, -1.0, 2.0, 0.25], [1.0f32, 2.0, 3.0, 4.0]);
/// let dropout = Dropout::new(drop_rate!(0.5));
///
/// let mut outputs = MonteCarlo::<[f32; 1]>::new();
/// for pass in 0..1000 {
///     let mut dropped = [0.0; 4];
///     dropout.forward_array(&x, &mut dropped, MaskKey::new(42, pass));
///     outputs.push(&[w.iter().zip(dropped).map(|(w, x)| w * x).sum()])?;
/// }
/// let mean = outputs.mean().expect("a pass");
/// let variance = outputs.variance().expect("two passes").next().expect("one output");
/// assert!((mean[0] - 5.5).abs() < 0.7); // w . x
/// assert!((variance / 41.25 - 1.0).abs() < 0.2); // p / (1 - p) * sum (w x)^2
/// # Ok::<(), dropout_kernels::ShapeError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct MonteCarlo<S> {
    mean: S,
    /// What the mean is short of: less than half a unit in its last place.
    rest: S,
    /// Sums of squared deviations from the mean.
    squares: S,
    /// What that is short of.
    squares_rest: S,
    passes: u32,
}

impl<T: Real, const N: usize> MonteCarlo<[T; N]> {
    /// No passes yet, of `N` outputs.
    #[must_use]
    pub const fn new() -> Self {
        let zeros = [T::ZERO; N];
        Self { mean: zeros, rest: zeros, squares: zeros, squares_rest: zeros, passes: 0 }
    }
}

impl<T: Real, const N: usize> Default for MonteCarlo<[T; N]> {
    fn default() -> Self {
        Self::new()
    }
}

impl<'a, T: Real> MonteCarlo<&'a mut [T]> {
    /// No passes yet, with the sums in four slices of an element for each output. What they held is
    /// overwritten.
    ///
    /// ```
    /// use dropout_kernels::MonteCarlo;
    ///
    /// let mut sums = [[0f64; 2]; 4];
    /// let mut outputs = MonteCarlo::over(sums.each_mut().map(|sums| sums.as_mut_slice()))?;
    /// outputs.push(&[1.0, 5.0])?;
    /// outputs.push(&[3.0, 5.0])?;
    /// assert_eq!(outputs.mean(), Some([2.0, 5.0].as_slice()));
    /// assert!(outputs.variance().is_some_and(|v| v.eq([2.0, 0.0])));
    /// # Ok::<(), dropout_kernels::ShapeError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ShapeError::OtherElements`] if the lengths differ. Then nothing is written.
    pub fn over(sums: [&'a mut [T]; 4]) -> Result<Self, ShapeError> {
        let [mean, rest, squares, squares_rest] = sums;
        check_elements(mean.len(), rest.len())?;
        check_elements(mean.len(), squares.len())?;
        check_elements(mean.len(), squares_rest.len())?;
        let mut new = Self { mean, rest, squares, squares_rest, passes: 0 };
        new.clear();
        Ok(new)
    }
}

impl<T: Real, S: Outputs<Element = T>> MonteCarlo<S> {
    /// Takes in the outputs of a pass.
    ///
    /// # Errors
    ///
    /// [`ShapeError::OtherElements`] if there are not as many as in other passes, and
    /// [`ShapeError::TooManyPasses`] after 2^32 - 1 of them. Then nothing has changed.
    pub fn push(&mut self, outputs: &[T]) -> Result<(), ShapeError> {
        check_elements(self.outputs(), outputs.len())?;
        self.passes = self.count(1)?;
        let share = T::count(1).over(T::count(self.passes));
        for (Sums { mut mean, mut squares }, &y) in self.sums().zip(outputs) {
            let before = y.minus(*mean.0).minus(*mean.1);
            mean.add(before.times(share));
            let after = y.minus(*mean.0).minus(*mean.1);
            squares.add(before.times(after));
        }
        Ok(())
    }

    /// Takes in all passes of another accumulator, as though they had been pushed here: for passes
    /// that run on several cores, or in several batches (Chan, Golub and `LeVeque` 1979,
    /// "Updating Formulae and a Pairwise Algorithm for Computing Sample Variances", section 2).
    ///
    /// # Errors
    ///
    /// As of [`push`](Self::push).
    pub fn merge<O: Outputs<Element = T>>(
        &mut self,
        other: &MonteCarlo<O>,
    ) -> Result<(), ShapeError> {
        check_elements(self.outputs(), other.outputs())?;
        let passes = self.count(other.passes)?;
        if other.passes == 0 {
            return Ok(());
        }
        let share = T::count(other.passes).over(T::count(passes));
        let weight = T::count(self.passes).times(share);
        let means = iter::zip(other.mean.as_slice(), other.rest.as_slice());
        let others = iter::zip(other.squares.as_slice(), other.squares_rest.as_slice());
        for (Sums { mut mean, mut squares }, ((m, r), (s, t))) in self.sums().zip(means.zip(others))
        {
            let (apart, apart_rest) = (m.minus(*mean.0), r.minus(*mean.1));
            mean.add(apart.times(share));
            mean.add(apart_rest.times(share));
            let apart = apart.plus(apart_rest);
            squares.add(*s);
            squares.add(*t);
            squares.add(apart.times(apart.times(weight)));
        }
        self.passes = passes;
        Ok(())
    }

    /// Forgets all passes.
    pub fn clear(&mut self) {
        self.mean.as_mut_slice().fill(T::ZERO);
        self.rest.as_mut_slice().fill(T::ZERO);
        self.squares.as_mut_slice().fill(T::ZERO);
        self.squares_rest.as_mut_slice().fill(T::ZERO);
        self.passes = 0;
    }

    /// Passes so far, T.
    #[must_use]
    pub const fn passes(&self) -> u32 {
        self.passes
    }

    /// Outputs of a pass.
    #[must_use]
    pub fn outputs(&self) -> usize {
        self.mean.as_slice().len()
    }

    /// The mean of each output; `None` before the first pass.
    #[must_use]
    pub fn mean(&self) -> Option<&[T]> {
        (self.passes > 0).then(|| self.mean.as_slice())
    }

    /// The variance of each output, estimated from a sample: the sum of squared deviations over T -
    /// 1. `None` before the second pass, which is the first to say anything about it.
    #[must_use]
    pub fn variance(&self) -> Option<impl ExactSizeIterator<Item = T>> {
        self.squares_over(self.passes.saturating_sub(1))
    }

    /// The variance of each output over the passes that there were: the sum of squared deviations
    /// over T. Zeros after one pass, `None` before.
    #[must_use]
    pub fn population_variance(&self) -> Option<impl ExactSizeIterator<Item = T>> {
        self.squares_over(self.passes)
    }

    fn squares_over(&self, n: u32) -> Option<impl ExactSizeIterator<Item = T>> {
        let divisor = T::count(n);
        let of = move |squares: &T| {
            // A difference overflowed to -inf; report NaN, as for infinite outputs.
            let none = *squares == T::from_f32(f32::NEG_INFINITY);
            if none { squares.minus(*squares) } else { squares.over(divisor) }
        };
        (n > 0).then(|| self.squares.as_slice().iter().map(of))
    }

    /// The count with `more` passes.
    fn count(&self, more: u32) -> Result<u32, ShapeError> {
        let counted = self.passes;
        counted.checked_add(more).ok_or(ShapeError::TooManyPasses { counted, more })
    }

    fn sums(&mut self) -> impl Iterator<Item = Sums<'_, T>> {
        let means = iter::zip(self.mean.as_mut_slice(), self.rest.as_mut_slice());
        let squares = iter::zip(self.squares.as_mut_slice(), self.squares_rest.as_mut_slice());
        iter::zip(means, squares).map(|(mean, squares)| Sums {
            mean: Two(mean.0, mean.1),
            squares: Two(squares.0, squares.1),
        })
    }
}

/// Those of one output.
struct Sums<'a, T> {
    mean: Two<'a, T>,
    squares: Two<'a, T>,
}

/// A sum in two numbers.
struct Two<'a, T>(&'a mut T, &'a mut T);

impl<T: Real> Two<'_, T> {
    fn add(&mut self, term: T) {
        let (sum, lost) = two_sum(*self.0, term);
        (*self.0, *self.1) = two_sum(sum, self.1.plus(lost));
    }
}

/// The sum of two numbers and what rounding took from it, exactly (Knuth, The Art of Computer
/// Programming, volume 2, section 4.2.2, theorem B).
fn two_sum<T: Real>(a: T, b: T) -> (T, T) {
    let sum = a.plus(b);
    let second = sum.minus(a);
    (sum, a.minus(sum.minus(second)).plus(b.minus(second)))
}

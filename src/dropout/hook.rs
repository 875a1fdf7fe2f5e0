//! Arithmetic of a caller's own before and after dropout, in one pass.

use super::fused::{Rows, Scales};
use super::{Dropout, Rule};
use crate::error::ShapeError;
use crate::isa::Float;
use crate::kernel::fuse::{Hook, Nothing};
use crate::source::{KnownMask, MaskSource};

impl<R: Rule, S: Rows> Dropout<R, S> {
    /// Anything else in one pass: `y = after(D(before(inputs)), inputs)` for each element, with D the
    /// dropout.
    ///
    /// Both functions get one number of each input, in the type that is computed in: `f32`, or `f64`
    /// for `f64`. Both are called for elements that are dropped, too: `after` with 0, so that what it makes
    /// of a NaN or an infinity in an input stands in the output. Factors of a gradient belong in `before`,
    /// after which the mask selects. They are compiled into a loop for the machine that runs it; so they
    /// should be arithmetic, without calls of functions that are not inlined. This is compiled in your
    /// crate, at its level of optimisation. Results have the same bits on every machine if what the
    /// functions compute has; the compiler contracts nothing.
    /// [`BiasDropout::forward_with`](crate::BiasDropout::forward_with) is the same with a bias.
    ///
    /// A sigmoid unit and dropout, and backward, which computes again what it needs:
    ///
    /// ```
    /// use dropout_kernels::{Dropout, MaskKey, drop_rate};
    ///
    /// // Not the true sigmoid, but one with the same bits everywhere.
    /// fn sigmoid(x: f32) -> f32 {
    ///     0.5 + 0.5 * x / (1.0 + x.abs())
    /// }
    /// fn slope(x: f32) -> f32 {
    ///     0.5 / ((1.0 + x.abs()) * (1.0 + x.abs()))
    /// }
    ///
    /// let (dropout, key) = (Dropout::new(drop_rate!(0.5)), MaskKey::new(42, 0));
    /// let (x, dy) = ([2f32; 100], [1f32; 100]);
    /// let (mut y, mut dx) = ([0f32; 100], [0f32; 100]);
    /// dropout.forward_with([&x], &mut y, key, |[x]| x * sigmoid(x), |d, _| d)?;
    /// dropout.backward_with([&dy, &x], &mut dx, key, |[dy, x]| {
    ///     dy * (sigmoid(x) + x * slope(x))
    /// }, |d, _| d)?;
    /// assert!(y.iter().zip(dx).all(|(y, dx)| (*y == 0.0) == (dx == 0.0)));
    /// # Ok::<(), dropout_kernels::ShapeError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ShapeError`] if an input has another length than `y` (over a panel: is too short), or the
    /// mask does not fit. Then nothing is written, and no generator has moved.
    pub fn forward_with<T: Float, const K: usize>(
        &self,
        inputs: [&[T]; K],
        y: &mut [T],
        mask: impl MaskSource,
        before: impl Fn([T::Factor; K]) -> T::Factor,
        after: impl Fn(T::Factor, [T::Factor; K]) -> T::Factor,
    ) -> Result<(), ShapeError>
    where
        R: Scales<T>,
    {
        let (before, after) = (|_, x, _| before(x), |d, _, x, _| after(d, x));
        self.anything(inputs, y, mask, before, after)
    }

    /// [`forward_with`](Self::forward_with) in place: `y = after(D(before(y, inputs)), y, inputs)`, where both
    /// functions get what stands in y, too. Without inputs it is an activation and dropout in place:
    ///
    /// ```
    /// use dropout_kernels::{Dropout, MaskKey, drop_rate};
    ///
    /// let (dropout, key) = (Dropout::new(drop_rate!(0.5)), MaskKey::new(42, 0));
    /// let mut x = [2f32; 100];
    /// dropout.forward_with_in_place([], &mut x, key, |x, []| x * x, |d, _, []| d)?;
    /// assert!(x.iter().all(|y| *y == 0.0 || *y == 8.0));
    /// # Ok::<(), dropout_kernels::ShapeError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`forward_with`](Self::forward_with).
    pub fn forward_with_in_place<T: Float, const K: usize>(
        &self,
        inputs: [&[T]; K],
        y: &mut [T],
        mask: impl MaskSource,
        before: impl Fn(T::Factor, [T::Factor; K]) -> T::Factor,
        after: impl Fn(T::Factor, T::Factor, [T::Factor; K]) -> T::Factor,
    ) -> Result<(), ShapeError>
    where
        R: Scales<T>,
    {
        let (before, after) = (|y, x, _| before(y, x), |d, y, x, _| after(d, y, x));
        self.anything(inputs, y, mask, before, after)
    }

    /// [`forward_with`](Self::forward_with) by a mask that forward has used, for gradients:
    /// `dx = after(D(before(inputs)), inputs)`.
    ///
    /// # Errors
    ///
    /// Same errors as [`forward_with`](Self::forward_with).
    pub fn backward_with<T: Float, const K: usize>(
        &self,
        inputs: [&[T]; K],
        dx: &mut [T],
        mask: impl KnownMask,
        before: impl Fn([T::Factor; K]) -> T::Factor,
        after: impl Fn(T::Factor, [T::Factor; K]) -> T::Factor,
    ) -> Result<(), ShapeError>
    where
        R: Scales<T>,
    {
        self.forward_with(inputs, dx, mask, before, after)
    }

    /// [`backward_with`](Self::backward_with) in place: `dx = after(D(before(dx, inputs)), dx, inputs)`.
    ///
    /// # Errors
    ///
    /// Same errors as [`forward_with`](Self::forward_with).
    pub fn backward_with_in_place<T: Float, const K: usize>(
        &self,
        inputs: [&[T]; K],
        dx: &mut [T],
        mask: impl KnownMask,
        before: impl Fn(T::Factor, [T::Factor; K]) -> T::Factor,
        after: impl Fn(T::Factor, T::Factor, [T::Factor; K]) -> T::Factor,
    ) -> Result<(), ShapeError>
    where
        R: Scales<T>,
    {
        self.forward_with_in_place(inputs, dx, mask, before, after)
    }

    fn anything<T: Float, const K: usize>(
        &self,
        inputs: [&[T]; K],
        y: &mut [T],
        mask: impl MaskSource,
        before: impl Fn(T::Factor, [T::Factor; K], T::Factor) -> T::Factor,
        after: impl Fn(T::Factor, T::Factor, [T::Factor; K], T::Factor) -> T::Factor,
    ) -> Result<(), ShapeError>
    where
        R: Scales<T>,
    {
        let rows = self.rows(y.len(), None, inputs)?.simplest();
        let factor = self.rule.factor(self.plan);
        let mut hook = Hook { inputs, bias: Nothing, before, after, factor };
        self.fuse(rows, y, mask, |backend, strip, y| backend.fuse(strip, y, &mut hook))
    }
}

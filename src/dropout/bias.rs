//! A bias, dropout and a residual in one pass, and its gradients.

use super::fused::{Rows, Scales};
use super::{Dropout, Rule};
use crate::error::{ShapeError, check_elements};
use crate::isa::{Available, CompiledFusion, Float, Formula as _, Runs};
use crate::kernel::fuse::{Hook, Nothing, Strip, Sum};
use crate::kernel::op::InPlace;
use crate::source::{KnownMask, MaskSource};

/// Dropout after a bias, and before a residual is added: what ends a block of a Transformer, in one
/// pass.
///
/// Made by [`Dropout::with_bias`]. `width` is the bias's length, and elements are rows of `width`: a
/// batch of N x T x C features has a bias of C. With D the dropout:
///
/// | verb | | |
/// |---|---|---|
/// | [`forward`](Self::forward) | y = D(x + bias) | |
/// | [`forward_residual`](Self::forward_residual) | y = residual + D(x + bias) | Megatron-LM's `bias_dropout_add` |
/// | [`forward_add`](Self::forward_add) | y += D(x + bias) | the residual is overwritten |
/// | [`backward`](Self::backward) | dx = D(dy), dbias += the sum of dx over rows | dy is the residual's gradient, too |
///
/// Each has the bits of its separate passes, in `f32` and `f64`: each sum and product is rounded
/// once, and no two are contracted. `f16` and `bf16` are computed with in `f32`, and rounded once
/// more at the end. A dropped element gives residual + 0.0.
///
/// dbias is added to: dbias\[j\] + dx\[0, j\] + dx\[1, j\] ..., one rounded sum after the other, of dx
/// as it is stored, in `f32` (`f64` for `f64`). So it has the same bits on every machine if rows come
/// in the same order; two threads that sum into a dbias each, added afterwards, give others.
///
/// ```
/// use dropout_kernels::{Dropout, MaskKey, drop_rate};
///
/// let (dropout, key) = (Dropout::new(drop_rate!(0.5)), MaskKey::new(42, 0));
/// let (bias, residual, x) = ([0.5f32; 8], [1f32; 32], [1f32; 32]); // four rows of eight
/// let block = dropout.with_bias(&bias);
/// let mut y = [0f32; 32];
/// block.forward_residual(&x, &residual, &mut y, key)?;
/// assert!(y.iter().all(|y| *y == 1.0 || *y == 4.0)); // 1, or 1 + 2 * 1.5
///
/// let (dy, mut dx, mut dbias) = ([1f32; 32], [0f32; 32], [0f32; 8]);
/// block.backward(&dy, &mut dx, &mut dbias, key)?; // and dy is the gradient of the residual
/// assert_eq!(dbias.iter().sum::<f32>(), dx.iter().sum::<f32>());
/// # Ok::<(), dropout_kernels::ShapeError>(())
/// ```
///
/// # Errors
///
/// [`ShapeError`] if elements are not whole rows, a slice has another length than the output, or the
/// mask does not fit; over a [`Panel`](crate::Panel) if the bias is not as wide, or a slice is too short. Then
/// nothing is written, and no generator has moved.
#[derive(Clone, Copy, Debug)]
pub struct BiasDropout<'a, T, R, S> {
    dropout: Dropout<R, S>,
    bias: &'a [T],
}

impl<'a, T, R, S> BiasDropout<'a, T, R, S> {
    pub(super) const fn of(dropout: Dropout<R, S>, bias: &'a [T]) -> Self {
        Self { dropout, bias }
    }
}

impl<T: Float, R: Scales<T>, S: Rows> BiasDropout<'_, T, R, S> {
    /// `y = D(x + bias)`.
    ///
    /// # Errors
    ///
    /// [The type](Self#errors) has them.
    pub fn forward(&self, x: &[T], y: &mut [T], mask: impl MaskSource) -> Result<(), ShapeError> {
        self.sum([Some(x), None], x, Nothing, y, mask)
    }

    /// [`forward`](Self::forward) in place.
    ///
    /// # Errors
    ///
    /// [The type](Self#errors) has them.
    pub fn forward_in_place(&self, x: &mut [T], mask: impl MaskSource) -> Result<(), ShapeError> {
        self.sum([None; 2], InPlace, Nothing, x, mask)
    }

    /// `y += D(x + bias)`.
    ///
    /// # Errors
    ///
    /// [The type](Self#errors) has them.
    pub fn forward_add(
        &self,
        x: &[T],
        y: &mut [T],
        mask: impl MaskSource,
    ) -> Result<(), ShapeError> {
        self.sum([Some(x), None], x, InPlace, y, mask)
    }

    /// `y = residual + D(x + bias)`.
    ///
    /// # Errors
    ///
    /// [The type](Self#errors) has them.
    pub fn forward_residual(
        &self,
        x: &[T],
        residual: &[T],
        y: &mut [T],
        mask: impl MaskSource,
    ) -> Result<(), ShapeError> {
        self.sum([Some(x), Some(residual)], x, residual, y, mask)
    }

    /// [`forward_residual`](Self::forward_residual) in place of x.
    ///
    /// # Errors
    ///
    /// [The type](Self#errors) has them.
    pub fn forward_residual_in_place(
        &self,
        x: &mut [T],
        residual: &[T],
        mask: impl MaskSource,
    ) -> Result<(), ShapeError> {
        self.sum([None, Some(residual)], InPlace, residual, x, mask)
    }

    /// `dx = D(dy)`, and `dbias[j] += ` the sum of dx over rows. The residual's gradient is dy.
    ///
    /// # Errors
    ///
    /// [The type](Self#errors) has them; and if dbias has another length than the bias.
    pub fn backward(
        &self,
        dy: &[T],
        dx: &mut [T],
        dbias: &mut [T::Factor],
        mask: impl KnownMask,
    ) -> Result<(), ShapeError> {
        self.check_bias(dbias)?;
        self.dropout.bias_backward(Some(dy), dx, dbias, mask)
    }

    /// [`backward`](Self::backward) in place.
    ///
    /// # Errors
    ///
    /// [The type](Self#errors) has them; and if dbias has another length than the bias.
    pub fn backward_in_place(
        &self,
        dx: &mut [T],
        dbias: &mut [T::Factor],
        mask: impl KnownMask,
    ) -> Result<(), ShapeError> {
        self.check_bias(dbias)?;
        self.dropout.bias_backward(None, dx, dbias, mask)
    }

    /// Inference, `y = x + bias`; by the classic rule (1 - p) * (x + bias).
    ///
    /// # Errors
    ///
    /// [The type](Self#errors) has them.
    pub fn infer(&self, x: &[T], y: &mut [T]) -> Result<(), ShapeError> {
        self.infer_sum([Some(x), None], x, Nothing, y)
    }

    /// [`infer`](Self::infer) in place.
    ///
    /// # Errors
    ///
    /// [The type](Self#errors) has them.
    pub fn infer_in_place(&self, x: &mut [T]) -> Result<(), ShapeError> {
        self.infer_sum([None; 2], InPlace, Nothing, x)
    }

    /// Inference, and a residual: `y = residual + infer(x)`.
    ///
    /// # Errors
    ///
    /// [The type](Self#errors) has them.
    pub fn infer_residual(&self, x: &[T], residual: &[T], y: &mut [T]) -> Result<(), ShapeError> {
        self.infer_sum([Some(x), Some(residual)], x, residual, y)
    }

    /// [`infer_residual`](Self::infer_residual) in place of x.
    ///
    /// # Errors
    ///
    /// [The type](Self#errors) has them.
    pub fn infer_residual_in_place(&self, x: &mut [T], residual: &[T]) -> Result<(), ShapeError> {
        self.infer_sum([None, Some(residual)], InPlace, residual, x)
    }

    fn infer_sum<'a, X, A>(
        &'a self,
        inputs: [Option<&[T]>; 2],
        x: X,
        residual: A,
        y: &mut [T],
    ) -> Result<(), ShapeError>
    where
        T: CompiledFusion<Sum<T, X, &'a [T], A>>,
    {
        let terms = (x, self.bias, residual);
        self.dropout.infer_sum(Some(self.bias.len()), inputs, terms, y)
    }

    /// Anything else in one pass, with the bias: `y = after(D(before(inputs, bias)), inputs, bias)`, as
    /// [`Dropout::forward_with`]. A bias, an activation and dropout:
    ///
    /// ```
    /// use dropout_kernels::{Dropout, MaskKey, drop_rate};
    ///
    /// // The square of what is positive (So et al. 2021).
    /// let f = |x: f32| x.max(0.0) * x.max(0.0);
    /// let slope = |x: f32| 2.0 * x.max(0.0);
    ///
    /// let bias = [0.5f32, -0.5];
    /// let (block, key) = (Dropout::new(drop_rate!(0.5)).with_bias(&bias), MaskKey::new(42, 0));
    /// let (x, dy) = ([0.25f32; 64], [1f32; 64]);
    /// let (mut y, mut dx, mut dbias) = ([0f32; 64], [0f32; 64], [0f32; 2]);
    /// block.forward_with([&x], &mut y, key, |[x], bias| f(x + bias), |d, _, _| d)?;
    /// block.backward_with([&dy, &x], &mut dx, &mut dbias, key, |[dy, x], bias| {
    ///     dy * slope(x + bias)
    /// }, |d, _, _| d)?;
    /// assert!(dbias[0] > 0.0 && dbias[1] == 0.0);
    /// # Ok::<(), dropout_kernels::ShapeError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [The type](Self#errors) has them.
    pub fn forward_with<const K: usize>(
        &self,
        inputs: [&[T]; K],
        y: &mut [T],
        mask: impl MaskSource,
        before: impl Fn([T::Factor; K], T::Factor) -> T::Factor,
        after: impl Fn(T::Factor, [T::Factor; K], T::Factor) -> T::Factor,
    ) -> Result<(), ShapeError> {
        let (before, after) = (|_, x, b| before(x, b), |d, _, x, b| after(d, x, b));
        self.anything(inputs, y, mask, before, after)
    }

    /// [`forward_with`](Self::forward_with) in place: `y = after(D(before(y, inputs, bias)), y, inputs, bias)`.
    ///
    /// # Errors
    ///
    /// [The type](Self#errors) has them.
    pub fn forward_with_in_place<const K: usize>(
        &self,
        inputs: [&[T]; K],
        y: &mut [T],
        mask: impl MaskSource,
        before: impl Fn(T::Factor, [T::Factor; K], T::Factor) -> T::Factor,
        after: impl Fn(T::Factor, T::Factor, [T::Factor; K], T::Factor) -> T::Factor,
    ) -> Result<(), ShapeError> {
        self.anything(inputs, y, mask, before, after)
    }

    /// [`forward_with`](Self::forward_with) by a mask that forward has used, for gradients; and
    /// `dbias[j] += ` the sum of dx over rows.
    ///
    /// # Errors
    ///
    /// [The type](Self#errors) has them; and if dbias has another length than the bias.
    pub fn backward_with<const K: usize>(
        &self,
        inputs: [&[T]; K],
        dx: &mut [T],
        dbias: &mut [T::Factor],
        mask: impl KnownMask,
        before: impl Fn([T::Factor; K], T::Factor) -> T::Factor,
        after: impl Fn(T::Factor, [T::Factor; K], T::Factor) -> T::Factor,
    ) -> Result<(), ShapeError> {
        let (before, after) = (|_, x, b| before(x, b), |d, _, x, b| after(d, x, b));
        self.any_gradients(inputs, dx, dbias, mask, before, after)
    }

    /// [`backward_with`](Self::backward_with) in place: `dx = after(D(before(dx, inputs, bias)), dx, inputs,
    /// bias)`.
    ///
    /// # Errors
    ///
    /// [The type](Self#errors) has them; and if dbias has another length than the bias.
    pub fn backward_with_in_place<const K: usize>(
        &self,
        inputs: [&[T]; K],
        dx: &mut [T],
        dbias: &mut [T::Factor],
        mask: impl KnownMask,
        before: impl Fn(T::Factor, [T::Factor; K], T::Factor) -> T::Factor,
        after: impl Fn(T::Factor, T::Factor, [T::Factor; K], T::Factor) -> T::Factor,
    ) -> Result<(), ShapeError> {
        self.any_gradients(inputs, dx, dbias, mask, before, after)
    }

    fn anything<const K: usize>(
        &self,
        inputs: [&[T]; K],
        y: &mut [T],
        mask: impl MaskSource,
        before: impl Fn(T::Factor, [T::Factor; K], T::Factor) -> T::Factor,
        after: impl Fn(T::Factor, T::Factor, [T::Factor; K], T::Factor) -> T::Factor,
    ) -> Result<(), ShapeError> {
        let Dropout { plan, rule, .. } = self.dropout;
        let rows = self.dropout.rows(y.len(), Some(self.bias.len()), inputs)?;
        let mut hook = Hook { inputs, bias: self.bias, before, after, factor: rule.factor(plan) };
        self.dropout.fuse(rows, y, mask, |backend, strip, y| backend.fuse(strip, y, &mut hook))
    }

    fn any_gradients<const K: usize>(
        &self,
        inputs: [&[T]; K],
        dx: &mut [T],
        dbias: &mut [T::Factor],
        mask: impl KnownMask,
        before: impl Fn(T::Factor, [T::Factor; K], T::Factor) -> T::Factor,
        after: impl Fn(T::Factor, T::Factor, [T::Factor; K], T::Factor) -> T::Factor,
    ) -> Result<(), ShapeError> {
        let Dropout { plan, rule, .. } = self.dropout;
        let rows = self.dropout.rows(dx.len(), Some(self.bias.len()), inputs)?;
        self.check_bias(dbias)?;
        let mut hook = Hook { inputs, bias: self.bias, before, after, factor: rule.factor(plan) };
        self.dropout.fuse(rows, dx, mask, |backend, strip, dx| {
            strip.for_tiles::<T>(|strip, at| {
                let dx = dx.get_mut(at..).unwrap_or_default();
                backend.fuse(strip, dx, &mut hook);
                strip.sum(backend, dx, dbias);
            });
        })
    }

    /// Whether a gradient is as long as the bias.
    fn check_bias(&self, dbias: &[T::Factor]) -> Result<(), ShapeError> {
        check_elements(self.bias.len(), dbias.len())
    }

    fn sum<'a, X, A>(
        &'a self,
        inputs: [Option<&[T]>; 2],
        x: X,
        residual: A,
        y: &mut [T],
        mask: impl MaskSource,
    ) -> Result<(), ShapeError>
    where
        T: CompiledFusion<Sum<T, X, &'a [T], A>>,
    {
        self.dropout.sum(Some(self.bias.len()), inputs, (x, self.bias, residual), y, mask)
    }
}

impl<R: Rule, S: Rows> Dropout<R, S> {
    /// [`BiasDropout::backward`], which needs no bias but its width; in place without `dy`.
    #[doc(hidden)]
    pub fn bias_backward<T: Float>(
        &self,
        dy: Option<&[T]>,
        dx: &mut [T],
        dbias: &mut [T::Factor],
        mask: impl KnownMask,
    ) -> Result<(), ShapeError>
    where
        R: Scales<T>,
    {
        match dy {
            Some(dy) => self.gradients(Some(dy), dx, dbias, mask, self.backward_formula().from(dy)),
            None => self.gradients(None, dx, dbias, mask, self.backward_formula().in_place()),
        }
    }

    fn gradients<T: Float>(
        &self,
        input: Option<&[T]>,
        dx: &mut [T],
        dbias: &mut [T::Factor],
        mask: impl KnownMask,
        op: impl Runs<T>,
    ) -> Result<(), ShapeError> {
        let rows = self.rows(dx.len(), Some(dbias.len()), input)?;
        self.fuse(rows, dx, mask, |backend, strip, dx| {
            strip.for_tiles::<T>(|strip, at| {
                let dx = dx.get_mut(at..).unwrap_or_default();
                let Strip { words, first, panel, spot } = strip;
                op.panel(backend, words, first, panel, spot.at, dx);
                strip.sum(backend, dx, dbias);
            });
        })
    }
}

impl Strip<'_> {
    /// Adds its rows of `dx` to their columns of `dbias`.
    fn sum<T: Float>(self, backend: Available, dx: &[T], dbias: &mut [T::Factor]) {
        let Self { panel, spot, .. } = self;
        let dbias = dbias.get_mut(spot.column..).unwrap_or_default();
        let dbias = dbias.get_mut(..panel.width).unwrap_or_default();
        T::add_rows(backend, panel.rows, panel.output, dx, dbias);
    }
}

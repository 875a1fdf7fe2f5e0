//! `DropConnect`: dropout of the weights of a layer.

use core::iter;

use crate::dropout::{Classic, Dropout, Inference, Inverted, Rule, RuleFor};
use crate::element::{Number as _, Real, Value};
use crate::error::{ShapeError, check_elements};
use crate::isa::{Backend, CompiledPass, Float};
use crate::kernel::matrix::{Batch, Bits, GROUP, Moments, Outer, Product, Transposed};
use crate::kernel::op::Arithmetic;
use crate::key::MaskKey;
use crate::layout::Layout;
use crate::mask::{MaskMut, MaskRef, MaskWindow, mask_words};
use crate::pieces::{fill, pieces_mut};
use crate::plan::Plan;
use crate::rate::{Draws, DropRate};
use crate::source::{KnownMask, MaskSource, RandomSource, Visit, VisitStored};

/// `DropConnect` (Wan et al. 2013, "Regularization of Neural Networks using `DropConnect`",
/// sections 2 and 3): single weights of a fully connected layer are dropped.
///
/// With W of `rows` x `columns`, row after row, M a mask bit for each weight (weight (r, c) has bit
/// r * `columns` + c), q = 1 - p, and s the scale of the rule:
///
/// - forward: y = s (M o W) x
/// - backward: dx = s (M o W)^T dy, and dW += s M o (dy x^T)
///
/// y and dx are overwritten. dW is **added to**, so that several batches, or the steps of a sequence,
/// sum up in it: clear it before the first.
///
/// | rule | s | inference | source |
/// |---|---|---|---|
/// | [`new`](Self::new), inverted | 1 / q | y = W x | weight-drop: Merity et al. 2017, "Regularizing and Optimizing LSTM Language Models", section 2 |
/// | [`classic`](Self::classic) | 1 | y = q W x | the paper |
///
/// The paper's inference takes y for normal, with the mean above and the variance p q (W o W)(x o
/// x), or that over q^2 under the inverted rule: [`infer_moments`](Self::infer_moments).
///
/// The mask is applied as the product goes; there is no second matrix. It is stored (a bit a
/// weight), or drawn from a key, 512 bits at a time, and never stored.
///
/// Slices hold one vector or several: x is `batch` x `columns` and y `batch` x `rows`, all under
/// one mask. The paper has a mask for each sample: a call, and a stream, for each.
///
/// A dropped weight takes no part: it may be NaN, and so may the x that it meets.
///
/// # Weights stored the other way round
///
/// If your weights are stored as (inputs, outputs), `rows` are the inputs, and the passes change
/// places. Forward is [`backward_input`](Self::backward_input). The gradient to the input is
/// [`forward`](Self::forward). [`backward_weights`](Self::backward_weights) takes dy and x in each
/// other's place. Inference is [`infer_transposed`](Self::infer_transposed).
///
/// ```
/// use dropout_kernels::{DropConnect, MaskKey, drop_rate};
///
/// let layer = DropConnect::new(drop_rate!(0.5), 2, 3)?; // 2 inputs, 3 outputs
/// let w = [1f32, 2.0, 3.0, 4.0, 5.0, 6.0];
/// let (x, mut y, key) = ([1.0, 10.0], [0.0; 3], MaskKey::new(42, 0));
/// layer.backward_input(&w, &x, &mut y, key)?; // y = s (M o W)^T x
///
/// let (dy, mut dx, mut dw) = ([1.0, 1.0, 1.0], [0.0; 2], [0.0; 6]);
/// layer.forward(&w, &dy, &mut dx, key)?; // dx = s (M o W) dy
/// layer.backward_weights(&dy, &x, &mut dw, key)?; // dW += s M o (x dy^T)
/// let product = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
/// assert_eq!(product(&dx, &x), y.iter().sum());
/// assert_eq!(product(&dw, &w), y.iter().sum());
///
/// layer.infer_transposed(&w, &x, &mut y)?; // y = W^T x
/// assert_eq!(y, [41.0, 52.0, 63.0]);
/// # Ok::<(), dropout_kernels::ShapeError>(())
/// ```
///
/// # Precision
///
/// The order of additions is a promise, so results have the same bits on every machine. An
/// element of y is 32 sums, of which sum i adds the kept products of columns i, i + 32, i + 64 and
/// so on, in that order from +0.0; then the upper half of the sums is added to the lower, five
/// times; the sum is multiplied with s. Backward multiplies dy with s first; dx adds row after row
/// from +0.0, dW sample after sample to what it holds. Each product and sum is rounded, none is
/// fused.
///
/// # Cost
///
/// One pass over W, with the drawing of its mask where that is replayed, for every four vectors of
/// the batch, and one for each that is left over; without vector registers, one for each. No heap.
///
/// ```
/// use dropout_kernels::{DropConnect, MaskKey, drop_rate};
///
/// let layer = DropConnect::new(drop_rate!(0.5), 2, 3)?; // 2 rows, 3 columns
/// let w = [1f32, 2.0, 3.0, 4.0, 5.0, 6.0];
/// let (x, mut y) = ([1.0, 10.0, 100.0], [0.0; 2]);
/// layer.forward(&w, &x, &mut y, MaskKey::new(42, 0))?;
///
/// let (dy, mut dx, mut dw) = ([1.0, 1.0], [0.0; 3], [0.0; 6]);
/// layer.backward_input(&w, &dy, &mut dx, MaskKey::new(42, 0))?; // the same mask
/// layer.backward_weights(&x, &dy, &mut dw, MaskKey::new(42, 0))?;
/// let product = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
/// assert_eq!(product(&dx, &x), y[0] + y[1]); // y is linear in x, and in W
/// assert_eq!(product(&dw, &w), y[0] + y[1]);
///
/// layer.infer(&w, &x, &mut y)?;
/// assert_eq!(y, [321.0, 654.0]);
/// # Ok::<(), dropout_kernels::ShapeError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DropConnect<R = Inverted> {
    dropout: Dropout<R>,
    rows: usize,
    columns: usize,
}

impl DropConnect<Inverted> {
    /// Kept weights count 1 / (1 - p) in training, as weight-drop has it.
    ///
    /// # Errors
    ///
    /// [`ShapeError::Overflow`] if there are more weights than a `usize` counts.
    pub const fn new(rate: DropRate, rows: usize, columns: usize) -> Result<Self, ShapeError> {
        Self::of(Dropout::new(rate), rows, columns)
    }
}

impl DropConnect<Classic> {
    /// All weights count 1 - p at inference, as in the paper.
    ///
    /// # Errors
    ///
    /// [`ShapeError::Overflow`] if there are more weights than a `usize` counts.
    pub const fn classic(rate: DropRate, rows: usize, columns: usize) -> Result<Self, ShapeError> {
        Self::of(Dropout::classic(rate), rows, columns)
    }
}

impl<R: Rule> DropConnect<R> {
    const fn of(dropout: Dropout<R>, rows: usize, columns: usize) -> Result<Self, ShapeError> {
        match Layout::vocabulary(rows, columns) {
            Ok(_) => Ok(Self { dropout, rows, columns }),
            Err(overflow) => Err(overflow),
        }
    }

    /// The same run by a given backend, for tests and benchmarks: the results are the same. A
    /// backend that this machine does not have is taken for [`Backend::Portable`].
    #[must_use]
    pub fn with_backend(self, backend: Backend) -> Self {
        Self { dropout: self.dropout.with_backend(backend), ..self }
    }

    /// The rate.
    #[must_use]
    pub const fn rate(self) -> DropRate {
        self.dropout.rate()
    }

    /// The same at another rate: see [`Dropout::with_rate`](crate::Dropout::with_rate).
    #[must_use]
    pub fn with_rate(self, rate: DropRate) -> Self {
        Self { dropout: self.dropout.with_rate(rate), ..self }
    }

    /// The rule.
    #[must_use]
    pub const fn rule(self) -> R {
        self.dropout.rule()
    }

    /// Rows and columns of W.
    #[must_use]
    pub const fn shape(self) -> (usize, usize) {
        (self.rows, self.columns)
    }

    /// Weights, and bits of their mask: rows * columns.
    #[must_use]
    pub const fn mask_bits(self) -> usize {
        self.rows * self.columns
    }

    /// Multiplies with the weights that are kept: y = s (M o W) x.
    ///
    /// # Errors
    ///
    /// [`ShapeError`] if a slice or the mask does not have the elements of its shape. Then nothing
    /// is written and no generator has moved.
    pub fn forward<T: Float>(
        &self,
        w: &[T],
        x: &[T],
        y: &mut [T],
        mask: impl MaskSource,
    ) -> Result<(), ShapeError>
    where
        R: RuleFor<T>,
    {
        self.check(w, x, y)?;
        let factor = self.dropout.forward_formula::<T>().factor();
        self.by_bits(mask, |bits| self.multiply(bits, w, x, y, factor))
    }

    /// The gradient to the input: dx = s (M o W)^T dy. It overwrites `dx`.
    ///
    /// # Errors
    ///
    /// Same errors as [`forward`](Self::forward).
    pub fn backward_input<T: Float>(
        &self,
        w: &[T],
        dy: &[T],
        dx: &mut [T],
        mask: impl KnownMask,
    ) -> Result<(), ShapeError>
    where
        R: RuleFor<T>,
    {
        self.check(w, dx, dy)?;
        let factor = self.dropout.backward_formula::<T>().factor();
        self.by_bits(mask, |bits| self.multiply_transposed(bits, w, dy, dx, factor))
    }

    /// **Adds** the gradient to the weights to what `dw` holds: dW += s M o (dy x^T). Those of dropped weights keep their
    /// bits.
    ///
    /// # Errors
    ///
    /// Same errors as [`forward`](Self::forward).
    pub fn backward_weights<T: Float>(
        &self,
        x: &[T],
        dy: &[T],
        dw: &mut [T],
        mask: impl KnownMask,
    ) -> Result<(), ShapeError>
    where
        R: RuleFor<T>,
    {
        self.check(dw, x, dy)?;
        self.by_bits(mask, |bits| self.add_to_weights(bits, x, dy, dw))
    }

    /// Inference by the mean: y = W x, or q W x under the classic rule (zeros at p = 1).
    ///
    /// # Errors
    ///
    /// [`ShapeError`] if a slice does not have the elements of its shape. Then nothing is written.
    pub fn infer<T: Float>(&self, w: &[T], x: &[T], y: &mut [T]) -> Result<(), ShapeError>
    where
        R: RuleFor<T>,
    {
        self.check(w, x, y)?;
        let (factor, bits) = self.inference::<T>();
        self.multiply(bits, w, x, y, factor);
        Ok(())
    }

    /// [`infer`](Self::infer) for weights that are stored the other way round, as (inputs,
    /// outputs): y = W^T x, or q W^T x under the classic rule (zeros at p = 1). x is `batch` x
    /// `rows` and y, which is overwritten, `batch` x `columns`.
    ///
    /// # Errors
    ///
    /// Same errors as [`infer`](Self::infer).
    pub fn infer_transposed<T: Float>(
        &self,
        w: &[T],
        x: &[T],
        y: &mut [T],
    ) -> Result<(), ShapeError>
    where
        R: RuleFor<T>,
    {
        self.check(w, y, x)?;
        let (factor, bits) = self.inference::<T>();
        self.multiply_transposed(bits, w, x, y, factor);
        Ok(())
    }

    /// Inference by moments (section 3.2 of the paper): the mean and the variance of y over all
    /// masks.
    ///
    /// The mean is [`infer`](Self::infer)'s; the variance sums the squares of the products w x in
    /// the same order, times p q under the classic rule, and times p / q under the inverted; it is
    /// 0 at p = 0 and p = 1. The paper draws y = mean + sqrt(variance) * z, z normal, applies
    /// the activation and averages. (Such z are the r - 1 of
    /// [`GaussianDropout`](crate::GaussianDropout) at p = 1/2 over ones.)
    ///
    /// # Errors
    ///
    /// [`ShapeError`] if a slice does not have the elements of its shape. Then nothing is written.
    pub fn infer_moments<T: Float>(
        &self,
        w: &[T],
        x: &[T],
        mean: &mut [T],
        variance: &mut [T],
    ) -> Result<(), ShapeError>
    where
        R: RuleFor<T>,
    {
        self.check(w, x, mean)?;
        // And not as many vectors as fit, where no columns say how many there are.
        check_elements(mean.len(), variance.len())?;
        let (kept, dropped) =
            (T::keep_probability(self.rate()), T::keep_probability(self.rate().complement()));
        let (factor, bits) = self.inference::<T>();
        let spread = match factor {
            Some(_) => dropped.times(kept),
            None => dropped.times(T::inverted_scale(self.rate())),
        };
        let factor = factor.unwrap_or(T::Factor::from_f32(1.0));
        let vectors = pieces_mut(mean, self.rows).zip(pieces_mut(variance, self.rows));
        for (b, (mean, variance)) in vectors.enumerate() {
            let x = part(x, b, 1, self.columns);
            let (mean, variance) = ((mean, factor), (variance, spread));
            self.pass::<T, _>(Bits::All(!0), Moments { w, x, mean, variance });
        }
        // Products whose squares are infinite vary as little.
        if spread == T::Factor::ZERO {
            fill(variance, T::ZERO);
        }
        if matches!(bits, Bits::All(0)) {
            fill(mean, T::ZERO);
        }
        Ok(())
    }

    /// What all are multiplied with at inference, if with anything; and which weights take part.
    fn inference<T: Float>(&self) -> (Option<T::Factor>, Bits<'static>)
    where
        R: RuleFor<T>,
    {
        match self.dropout.inference::<T>() {
            Inference::Same => (None, Bits::All(!0)),
            Inference::Scaled(formula) => (formula.factor(), Bits::All(!0)),
            // No weight was ever trained.
            Inference::Zeros(_) => (None, Bits::All(0)),
        }
    }

    /// Whether `w` is W, `x` some vectors of its columns, and `y` as many of its rows.
    fn check<T>(&self, w: &[T], x: &[T], y: &[T]) -> Result<(), ShapeError> {
        check_elements(self.mask_bits(), w.len())?;
        // Without columns or rows, the other side says how many vectors there are.
        let batch = x.len().checked_div(self.columns).or(y.len().checked_div(self.rows));
        let batch = batch.unwrap_or(0);
        for (given, extent) in [(x.len(), self.columns), (y.len(), self.rows)] {
            match batch.checked_mul(extent) {
                Some(expected) => check_elements(expected, given)?,
                None => return Err(ShapeError::Overflow { elements: batch, extent }),
            }
        }
        Ok(())
    }

    fn by_bits(
        &self,
        mask: impl MaskSource,
        then: impl FnOnce(Bits<'_>),
    ) -> Result<(), ShapeError> {
        mask.visit(
            self.mask_bits(),
            ByBits {
                plan: self.dropout.plan,
                decides: self.dropout.decides(),
                bits: self.mask_bits(),
                then,
            },
        )
    }

    /// Vectors in passes of several, and the rest one by one: the first of each pass, and its shape.
    fn passes(&self, vectors: Option<usize>) -> impl Iterator<Item = (usize, Batch)> + use<R> {
        let (rows, columns) = self.shape();
        let (mut at, end) = (0, vectors.unwrap_or(0));
        iter::from_fn(move || {
            let first = at;
            let vectors = if end - first >= GROUP { GROUP } else { 1 };
            at += vectors;
            (first < end).then_some((first, Batch { vectors, rows, columns }))
        })
    }

    fn pass<T: CompiledPass<P>, P>(&self, bits: Bits<'_>, pass: P) {
        T::rows(pass, self.dropout.plan.backend(), self.rows, bits);
    }

    fn multiply<T: Float>(
        &self,
        bits: Bits<'_>,
        w: &[T],
        x: &[T],
        y: &mut [T],
        factor: Option<T::Factor>,
    ) {
        for (first, batch) in self.passes(y.len().checked_div(self.rows)) {
            let x = part(x, first, batch.vectors, self.columns);
            let y = part_mut(y, first, batch.vectors, self.rows);
            self.pass::<T, _>(bits, Product { w, x, y, batch, factor });
        }
    }

    fn multiply_transposed<T: Float>(
        &self,
        bits: Bits<'_>,
        w: &[T],
        dy: &[T],
        dx: &mut [T],
        factor: Option<T::Factor>,
    ) {
        fill(dx, T::ZERO);
        for (first, batch) in self.passes(dx.len().checked_div(self.columns)) {
            let dy = part(dy, first, batch.vectors, self.rows);
            let dx = part_mut(dx, first, batch.vectors, self.columns);
            self.pass::<T, _>(bits, Transposed { w, dx, dy, batch, factor });
        }
    }

    fn add_to_weights<T: Float>(&self, bits: Bits<'_>, x: &[T], dy: &[T], dw: &mut [T])
    where
        R: RuleFor<T>,
    {
        let factor = self.dropout.backward_formula::<T>().factor();
        for (first, batch) in self.passes(x.len().checked_div(self.columns)) {
            let x = part(x, first, batch.vectors, self.columns);
            let dy = part(dy, first, batch.vectors, self.rows);
            self.pass::<T, _>(bits, Outer { dw, x, dy, batch, factor });
        }
    }
}

/// Some vectors of a batch, from the first on.
fn part<T>(all: &[T], first: usize, vectors: usize, extent: usize) -> &[T] {
    all.get(first * extent..).and_then(|all| all.get(..vectors * extent)).unwrap_or_default()
}

/// [`part`] to be written.
fn part_mut<T>(all: &mut [T], first: usize, vectors: usize, extent: usize) -> &mut [T] {
    let rest = all.get_mut(first * extent..);
    rest.and_then(|all| all.get_mut(..vectors * extent)).unwrap_or_default()
}

/// A verb that takes the bits of the weights as they go.
struct ByBits<F> {
    plan: Plan,
    decides: bool,
    /// Weights.
    bits: usize,
    then: F,
}

impl<F: FnOnce(Bits<'_>)> VisitStored for ByBits<F> {
    type Output = ();

    /// The inverted rule has no scale at p = 1, and drops all.
    fn apply(self, mask: MaskRef<'_>) {
        self.apply_window(mask.into());
    }

    fn draw(self, source: impl RandomSource, mut mask: MaskMut<'_>) {
        self.plan.fill(source, mask.reborrow());
        self.apply(mask.as_ref());
    }
}

impl<F: FnOnce(Bits<'_>)> Visit for ByBits<F> {
    fn apply_window(self, window: MaskWindow<'_>) {
        let (words, first) = window.words();
        (self.then)(if self.decides { Bits::Stored(words, first) } else { Bits::All(0) });
    }

    fn replay(self, key: MaskKey) {
        let bits = self.bits;
        (self.then)(match self.plan.rate.draws() {
            Draws::KeepAll => Bits::All(!0),
            Draws::DropAll => Bits::All(0),
            Draws::Planes(planes) => Bits::Drawn(key, planes, mask_words(bits)),
        });
    }
}

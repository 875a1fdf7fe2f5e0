//! Dropout and what stands beside it in a network, in one pass.

use super::strips::Fused;
use super::{BiasDropout, Dropout, Inference, Rule, RuleFor};
use crate::error::{ShapeError, check_elements};
use crate::isa::{Available, CompiledFusion, Element, Float, Runs};
use crate::kernel::apply::select_of;
use crate::kernel::fuse::{Nothing, Strip, Sum};
use crate::kernel::op::{InPlace, Mapped, Same};
use crate::panel::Panel;
use crate::plan::{Flat, Plan, Shape};
use crate::source::{KnownMask, MaskSource};

/// A [`Rule`] that multiplies what is kept, forward and backward, with one factor: the inverted and the
/// classic one.
///
/// Sealed.
#[diagnostic::on_unimplemented(
    message = "the rule `{Self}` is more than a factor, and is not fused with other operations",
    note = "`Dropout::new` and `Dropout::classic` are"
)]
pub trait Scales<T: Element>: RuleFor<T> {
    #[doc(hidden)]
    fn factor(self, plan: Plan) -> T::Factor;

    /// Of inference, where something is multiplied there.
    #[doc(hidden)]
    fn inference_factor(self, plan: Plan) -> T::Factor {
        T::keep_probability(plan.rate)
    }
}

impl<T: Element> Scales<T> for super::Inverted {
    fn factor(self, plan: Plan) -> T::Factor {
        T::inverted_scale(plan.rate)
    }
}

impl<T: Element> Scales<T> for super::Classic {
    fn factor(self, _: Plan) -> T::Factor {
        T::quotient(1, 1)
    }
}

/// A [`Shape`] of rows of elements: [`Flat`], which is one row or as many as a bias makes of it, or a
/// [`Panel`].
///
/// Sealed.
pub trait Rows: Shape {
    /// Rows of `width`, of an output of so many elements.
    #[doc(hidden)]
    fn rows(self, elements: usize, width: Option<usize>) -> Result<Panel, ShapeError>;

    /// Whether an input of so many elements belongs to them.
    #[doc(hidden)]
    fn check_input(self, rows: Panel, given: usize) -> Result<(), ShapeError>;

    /// Whether a residual of so many elements does.
    #[doc(hidden)]
    fn check_residual(self, rows: Panel, given: usize) -> Result<(), ShapeError>;

    /// Applies the bits from `first` on to a part of the rows, with which `y` and what `op` reads begin.
    #[doc(hidden)]
    fn apply_rows<T: Element>(
        backend: Available,
        words: &[u32],
        first: usize,
        rows: Panel,
        y: &mut [T],
        op: impl Runs<T>,
    );
}

impl Rows for Flat {
    fn rows(self, elements: usize, width: Option<usize>) -> Result<Panel, ShapeError> {
        let width = width.unwrap_or(elements);
        let rows = elements.checked_div(width).unwrap_or(0);
        if rows * width != elements {
            let expected = rows.max(1).saturating_mul(width);
            return Err(ShapeError::OtherElements { expected, given: elements });
        }
        Panel::new(rows, width)
    }

    fn check_input(self, rows: Panel, given: usize) -> Result<(), ShapeError> {
        let output = rows.mask_bits();
        if given == output {
            Ok(())
        } else {
            Err(ShapeError::LengthMismatch { expected: given, given: output })
        }
    }

    fn check_residual(self, rows: Panel, given: usize) -> Result<(), ShapeError> {
        self.check_input(rows, given)
    }

    /// Whole words.
    fn apply_rows<T: Element>(
        backend: Available,
        words: &[u32],
        _: usize,
        rows: Panel,
        y: &mut [T],
        op: impl Runs<T>,
    ) {
        op.apply(backend, words, y.get_mut(..rows.width).unwrap_or_default());
    }
}

impl Rows for Panel {
    fn rows(self, elements: usize, width: Option<usize>) -> Result<Panel, ShapeError> {
        self.check(self.output, elements)?;
        check_elements(self.width, width.unwrap_or(self.width))?;
        Ok(self)
    }

    fn check_input(self, _: Panel, given: usize) -> Result<(), ShapeError> {
        self.check(self.input, given)
    }

    fn check_residual(self, _: Panel, given: usize) -> Result<(), ShapeError> {
        self.check(self.residual, given)
    }

    fn apply_rows<T: Element>(
        backend: Available,
        words: &[u32],
        first: usize,
        rows: Panel,
        y: &mut [T],
        op: impl Runs<T>,
    ) {
        op.panel(backend, words, first, rows, 0, y);
    }
}

impl<R: Rule, S: Rows> Dropout<R, S> {
    /// Dropout of x + bias, the bias one row that is added to every row of x.
    ///
    /// Over a [`Layout`](crate::Layout) nothing is fused: add the bias, call
    /// [`forward_in_place`](Self::forward_in_place), and add the residual.
    #[must_use]
    pub const fn with_bias<T: Float>(self, bias: &[T]) -> BiasDropout<'_, T, R, S> {
        BiasDropout::of(self, bias)
    }

    /// Adds what is kept: `y += forward(x)`, at the price of an addition. A dropped element adds 0.
    ///
    /// ```
    /// use dropout_kernels::{Dropout, MaskKey, drop_rate};
    ///
    /// let dropout = Dropout::new(drop_rate!(0.5));
    /// let mut y = [1f32; 64];
    /// dropout.forward_add(&[1.0; 64], &mut y, MaskKey::new(42, 0))?;
    /// assert!(y.iter().all(|y| *y == 1.0 || *y == 3.0));
    /// # Ok::<(), dropout_kernels::ShapeError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`forward`](Self::forward).
    pub fn forward_add<T: Float>(
        &self,
        x: &[T],
        y: &mut [T],
        mask: impl MaskSource,
    ) -> Result<(), ShapeError>
    where
        R: Scales<T>,
    {
        self.sum(None, [Some(x), None], (x, Nothing, InPlace), y, mask)
    }

    /// Adds a gradient: `dx += backward(dy)`.
    ///
    /// # Errors
    ///
    /// Same errors as [`forward`](Self::forward).
    pub fn backward_add<T: Float>(
        &self,
        dy: &[T],
        dx: &mut [T],
        mask: impl KnownMask,
    ) -> Result<(), ShapeError>
    where
        R: Scales<T>,
    {
        self.sum(None, [Some(dy), None], (dy, Nothing, InPlace), dx, mask)
    }

    /// A residual block's end: `y = residual + forward(x)`.
    ///
    /// # Errors
    ///
    /// Same errors as [`forward`](Self::forward).
    pub fn forward_residual<T: Float>(
        &self,
        x: &[T],
        residual: &[T],
        y: &mut [T],
        mask: impl MaskSource,
    ) -> Result<(), ShapeError>
    where
        R: Scales<T>,
    {
        self.sum(None, [Some(x), Some(residual)], (x, Nothing, residual), y, mask)
    }

    /// [`forward_residual`](Self::forward_residual) in place of x.
    ///
    /// # Errors
    ///
    /// Same errors as [`forward`](Self::forward).
    pub fn forward_residual_in_place<T: Float>(
        &self,
        x: &mut [T],
        residual: &[T],
        mask: impl MaskSource,
    ) -> Result<(), ShapeError>
    where
        R: Scales<T>,
    {
        self.sum(None, [None, Some(residual)], (InPlace, Nothing, residual), x, mask)
    }

    /// Inference of a residual block: `y = residual + infer(x)`.
    ///
    /// # Errors
    ///
    /// Same errors as [`forward`](Self::forward).
    pub fn infer_residual<T: Float>(
        &self,
        x: &[T],
        residual: &[T],
        y: &mut [T],
    ) -> Result<(), ShapeError>
    where
        R: Scales<T>,
    {
        self.infer_sum(None, [Some(x), Some(residual)], (x, Nothing, residual), y)
    }

    /// [`infer_residual`](Self::infer_residual) in place of x.
    ///
    /// # Errors
    ///
    /// Same errors as [`forward`](Self::forward).
    pub fn infer_residual_in_place<T: Float>(
        &self,
        x: &mut [T],
        residual: &[T],
    ) -> Result<(), ShapeError>
    where
        R: Scales<T>,
    {
        self.infer_sum(None, [None, Some(residual)], (InPlace, Nothing, residual), x)
    }

    /// Rows of so many elements, to which the inputs belong.
    pub(super) fn rows<'a, T: 'a>(
        &self,
        elements: usize,
        width: Option<usize>,
        inputs: impl IntoIterator<Item = &'a [T]>,
    ) -> Result<Panel, ShapeError> {
        let rows = self.shape.rows(elements, width)?;
        inputs.into_iter().try_for_each(|input| self.shape.check_input(rows, input.len()))?;
        Ok(rows)
    }

    /// The same of an input and a residual, where there are such.
    pub(super) fn rows_of_sum<T>(
        &self,
        elements: usize,
        width: Option<usize>,
        [input, residual]: [Option<&[T]>; 2],
    ) -> Result<Panel, ShapeError> {
        let rows = self.rows(elements, width, input)?;
        match residual {
            Some(residual) => self.shape.check_residual(rows, residual.len()).map(|()| rows),
            None => Ok(rows),
        }
    }

    /// A [`Sum`] of the given lengths.
    pub(super) fn sum<T, X, B, A>(
        &self,
        width: Option<usize>,
        inputs: [Option<&[T]>; 2],
        (x, bias, residual): (X, B, A),
        y: &mut [T],
        mask: impl MaskSource,
    ) -> Result<(), ShapeError>
    where
        T: Float + CompiledFusion<Sum<T, X, B, A>>,
        R: Scales<T>,
    {
        let rows = self.rows_of_sum(y.len(), width, inputs)?;
        let rows = if width.is_none() { rows.simplest() } else { rows };
        let mut sum = Sum { x, bias, residual, factor: self.rule.factor(self.plan) };
        self.fuse(rows, y, mask, |backend, strip, y| T::fuse(&mut sum, backend, strip, y))
    }

    /// A [`Sum`] at inference: every element as if it were kept.
    pub(super) fn infer_sum<T, X, B, A>(
        &self,
        width: Option<usize>,
        inputs: [Option<&[T]>; 2],
        (x, bias, residual): (X, B, A),
        y: &mut [T],
    ) -> Result<(), ShapeError>
    where
        T: Float + CompiledFusion<Sum<T, X, B, A>>,
        R: Scales<T>,
    {
        let rows = self.rows_of_sum(y.len(), width, inputs)?;
        let (factor, keep) = match self.inference() {
            Inference::Same => (T::quotient(1, 1), !0),
            Inference::Scaled(_) => (self.rule.inference_factor(self.plan), !0),
            Inference::Zeros(_) => (T::quotient(1, 1), 0),
        };
        let mut sum = Sum { x, bias, residual, factor };
        let run = |backend, strip: Strip<'_>, y: &mut [T]| T::fuse(&mut sum, backend, strip, y);
        Fused { plan: self.plan, decides: true, rows, y, run }.all(keep);
        Ok(())
    }

    pub(super) fn fuse<T: Float>(
        &self,
        rows: Panel,
        y: &mut [T],
        mask: impl MaskSource,
        run: impl FnMut(Available, Strip<'_>, &mut [T]),
    ) -> Result<(), ShapeError> {
        let decides = self.rule.decides(self.plan.rate);
        mask.visit(rows.mask_bits(), Fused { plan: self.plan, decides, rows, y, run })
    }
}

/// Thirty-two elements, and zeros where `word` has no bit: the select that this crate's portable code
/// is made of, for kernels of your own. Element i is kept by bit i.
///
/// It is inlined into your code, and compiled for the machine that your code is compiled for: at
/// opt-level 3 into four vectors of AVX2. A loop that tests bits is a lottery, of which some forms take
/// ten times as long. It does not scale: multiply by [`scale_f32`](crate::DropRate::scale_f32). The last
/// elements of a slice are copied into 32, with [`word_at`](crate::MaskRef::word_at), which has zeros past
/// the end.
///
/// ```
/// use dropout_kernels::{MaskKey, MaskMut, drop_rate, keep};
///
/// // Sums of what is kept, in a loop of your own.
/// let (x, mut words) = ([1f32; 64], [0; 2]);
/// MaskKey::new(42, 0).fill(drop_rate!(0.5), MaskMut::new(&mut words, 64)?);
/// let (mut sums, (chunks, _)) = ([0f32; 32], x.as_chunks::<32>());
/// for (word, x) in words.iter().zip(chunks) {
///     for (sum, x) in sums.iter_mut().zip(keep(*word, *x)) {
///         *sum += x;
///     }
/// }
/// assert_eq!(sums.iter().sum::<f32>() as u32, words[0].count_ones() + words[1].count_ones());
/// # Ok::<(), dropout_kernels::ShapeError>(())
/// ```
#[inline(always)]
#[must_use]
pub fn keep<T: Element>(word: u32, elements: [T; 32]) -> [T; 32] {
    select_of(word, elements, [T::ZERO; 32], Mapped(InPlace, Same))
}

//! Embedding dropout: words of a vocabulary are dropped, wherever they occur.

use crate::dropout::{Dropout, Inference, Inverted, Rule, RuleFor};
use crate::error::{ShapeError, check_elements};
use crate::isa::{Element, Formula, Place, Runs};
use crate::kernel::op::{InPlace, Same};
use crate::layout::Layout;
use crate::mask::MaskRef;
use crate::pieces::{cut, pieces};
use crate::rate::{Draws, DropRate};
use crate::source::{MaskStore, RandomSource, StoredMask, StoredSource, Then};

/// Embedding dropout (Gal and Ghahramani 2016, "A Theoretically Grounded Application of Dropout in
/// Recurrent Neural Networks", section 4.2; Merity et al. 2018, "Regularizing and Optimizing LSTM
/// Language Models", section 4.3): a word of the vocabulary is dropped or kept, in all its
/// occurrences.
///
/// With e the row of a (vocabulary, dimension) table that an index names, d = 1 if the mask keeps
/// that row, 0 if not, and p the [rate](DropRate) at which rows are dropped:
///
/// | rule | forward | backward | inference |
/// |---|---|---|---|
/// | [`Dropout::new`], as Merity et al. | y = d * e / (1 - p) | de += d * dy / (1 - p) | y = e |
/// | [`Dropout::classic`] | y = d * e | de += d * dy | y = (1 - p) * e |
///
/// Rows that no index names are neither read nor written. The mask is what
/// [`MaskRng::fill`](crate::MaskRng::fill) draws for as many elements as the vocabulary has rows, a
/// bit for each. Words of the stream are not to be had out of order, so no row can be decided by
/// itself, and a key alone is no source: [`fill`](Self::fill) with a key draws its mask again.
///
/// # Cost
///
/// A draw for each 32 rows of the table, once for a sequence; a pass over the rows that were looked
/// up.
///
/// ```
/// use dropout_kernels::{Dropout, EmbeddingDropout, Mask, MaskRng, drop_rate, mask_words};
///
/// // 40 words in 3 dimensions.
/// let table = [[1f32, 2.0, 3.0]; 40];
/// let embedding = EmbeddingDropout::new(Dropout::new(drop_rate!(0.5)), 40, 3)?;
/// let mut mask = Mask::<{ mask_words(40) }>::new();
/// embedding.fill(&mut mask, &mut MaskRng::new(42, 0))?;
///
/// let text = [7, 39, 7, 0];
/// let mut y = [0.0; 12];
/// embedding.forward(&text, table.as_flattened(), &mut y, mask.view(40)?)?;
/// for (word, y) in text.iter().zip(y.chunks(3)) {
///     let kept = mask.view(40)?.get(*word as usize) == Some(true);
///     assert_eq!(y, if kept { [2.0, 4.0, 6.0] } else { [0.0; 3] });
/// }
/// let mut gradient = [0.0; 120];
/// embedding.backward(&text, &y, &mut gradient, mask.view(40)?)?;
/// # Ok::<(), dropout_kernels::ShapeError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EmbeddingDropout<R = Inverted> {
    dropout: Dropout<R>,
    rows: usize,
    dimension: usize,
}

impl<R: Rule> EmbeddingDropout<R> {
    /// For a table of `rows` rows of `dimension` elements.
    ///
    /// # Errors
    ///
    /// [`ShapeError::Overflow`] if there are more elements than a `usize` counts.
    pub const fn new(
        dropout: Dropout<R>,
        rows: usize,
        dimension: usize,
    ) -> Result<Self, ShapeError> {
        match Layout::vocabulary(rows, dimension) {
            Ok(_) => Ok(Self { dropout, rows, dimension }),
            Err(overflow) => Err(overflow),
        }
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

    /// Bits of the mask: rows of the table.
    #[must_use]
    pub const fn mask_bits(self) -> usize {
        self.rows
    }

    /// Makes a mask of a bit for each row of the table, from a generator or by a key. At rates 0
    /// and 1 the mask becomes all kept or all dropped, and the generator does not move.
    ///
    /// # Errors
    ///
    /// [`ShapeError`] if `mask` does not have [`mask_bits`](Self::mask_bits). Then nothing is
    /// written and no generator has moved.
    pub fn fill(
        &self,
        mut mask: impl MaskStore,
        source: impl RandomSource,
    ) -> Result<(), ShapeError> {
        self.dropout.plan.fill(source, mask.fit(self.rows)?);
        Ok(())
    }

    /// Looks rows up and drops in one pass: `y` is (indices, dimension).
    ///
    /// # Errors
    ///
    /// [`ShapeError`] if `table` or `y` does not have the elements, `mask` not the bits, or an
    /// index is no row ([`ShapeError::OutsideVocabulary`]). Then nothing is written.
    pub fn forward<T: Element>(
        &self,
        indices: &[u32],
        table: &[T],
        y: &mut [T],
        mask: impl StoredSource,
    ) -> Result<(), ShapeError>
    where
        R: RuleFor<T>,
    {
        self.check_table(table)?;
        self.check(indices, y)?;
        let formula = self.dropout.forward_formula();
        self.by_mask(mask, |mask, drawn| {
            let row = |index| self.row(table, index);
            if drawn && self.keeps_all() {
                return self.look_up(indices, y, |_| true, |index| row(index).op(Same));
            }
            self.look_up(
                indices,
                y,
                |index| self.keeps(mask, index),
                |index| row(index).op(formula),
            );
        })
    }

    /// Drops among rows that were looked up before: `y`, (indices, dimension), holds rows of the
    /// table. The gradient goes back by [`backward_in_place`](Self::backward_in_place).
    ///
    /// # Errors
    ///
    /// Same errors as [`forward`](Self::forward).
    pub fn forward_in_place<T: Element>(
        &self,
        indices: &[u32],
        y: &mut [T],
        mask: impl StoredSource,
    ) -> Result<(), ShapeError>
    where
        R: RuleFor<T>,
    {
        self.check(indices, y)?;
        let op = InPlace.op(self.dropout.forward_formula());
        self.by_mask(mask, |mask, drawn| {
            if !(drawn && self.keeps_all()) {
                self.look_up(indices, y, |index| self.keeps(mask, index), |_| op);
            }
        })
    }

    /// Adds the gradients to the rows of `dtable` that were looked up and kept, in the order of the
    /// indices; nothing else of it is touched.
    ///
    /// # Errors
    ///
    /// [`ShapeError`] if `dy` or `dtable` does not have the elements, `mask` not the bits, or an
    /// index is no row. Then nothing is written.
    pub fn backward<T: Element>(
        &self,
        indices: &[u32],
        dy: &[T],
        dtable: &mut [T],
        mask: impl StoredMask,
    ) -> Result<(), ShapeError>
    where
        R: RuleFor<T>,
    {
        self.check_table(dtable)?;
        self.check(indices, dy)?;
        let mask = mask.fit(self.rows)?;
        let outcome = self.dropout.backward_formula();
        for (index, dy) in indices.iter().zip(pieces(dy, self.dimension)) {
            let at = *index as usize * self.dimension;
            let row = dtable.get_mut(at..).and_then(|rows| rows.get_mut(..self.dimension));
            if let Some(row) = row.filter(|_| self.keeps(mask, *index)) {
                outcome.add(self.dropout.plan.backend(), dy, row);
            }
        }
        Ok(())
    }

    /// The gradient of [`forward_in_place`](Self::forward_in_place): `dy`, (indices, dimension),
    /// becomes the gradient of the rows before dropout, for whoever looks rows up and scatters
    /// gradients in another way.
    ///
    /// # Errors
    ///
    /// [`ShapeError`] if `dy` does not have the elements, `mask` not the bits, or an index is no
    /// row. Then nothing is written.
    pub fn backward_in_place<T: Element>(
        &self,
        indices: &[u32],
        dy: &mut [T],
        mask: impl StoredMask,
    ) -> Result<(), ShapeError>
    where
        R: RuleFor<T>,
    {
        self.check(indices, dy)?;
        let mask = mask.fit(self.rows)?;
        let change = InPlace.op(self.dropout.backward_formula());
        self.look_up(indices, dy, |index| self.keeps(mask, index), |_| change);
        Ok(())
    }

    /// Inference: the rows, times 1 - p by the classic rule (and zeros at p = 1).
    ///
    /// # Errors
    ///
    /// [`ShapeError`] if `table` or `y` does not have the elements, or an index is no row. Then
    /// nothing is written.
    pub fn infer<T: Element>(
        &self,
        indices: &[u32],
        table: &[T],
        y: &mut [T],
    ) -> Result<(), ShapeError>
    where
        R: RuleFor<T>,
    {
        self.check_table(table)?;
        self.check(indices, y)?;
        let row = |index| self.row(table, index);
        match self.dropout.inference() {
            Inference::Same => self.look_up(indices, y, |_| true, |index| row(index).op(Same)),
            Inference::Scaled(formula) => {
                self.look_up(indices, y, |_| true, |index| row(index).op(formula));
            }
            Inference::Zeros(formula) => {
                self.look_up(indices, y, |_| false, |index| row(index).op(formula));
            }
        }
        Ok(())
    }

    /// Each row of `y` as its index says.
    fn look_up<T: Element, O: Runs<T>>(
        &self,
        indices: &[u32],
        y: &mut [T],
        keeps: impl Fn(u32) -> bool,
        change: impl Fn(u32) -> O,
    ) {
        let backend = self.dropout.plan.backend();
        let mut rest = y;
        for index in indices {
            change(*index).map(backend, keeps(*index), cut(&mut rest, self.dimension));
        }
    }

    /// Row `index`, which was checked.
    fn row<'a, T>(&self, table: &'a [T], index: u32) -> &'a [T] {
        let rows = table.get(index as usize * self.dimension..).unwrap_or_default();
        rows.get(..self.dimension).unwrap_or_default()
    }

    /// Whether p = 0, where what is drawn has the bits of what it was.
    fn keeps_all(&self) -> bool {
        matches!(self.dropout.rate().draws(), Draws::KeepAll)
    }

    fn keeps(&self, mask: MaskRef<'_>, index: u32) -> bool {
        self.dropout.decides() && mask.get(index as usize).unwrap_or(false)
    }

    fn check_table<T>(&self, table: &[T]) -> Result<(), ShapeError> {
        check_elements(self.rows * self.dimension, table.len())
    }

    fn by_mask(
        &self,
        mask: impl StoredSource,
        then: impl FnOnce(MaskRef<'_>, bool),
    ) -> Result<(), ShapeError> {
        mask.visit_stored(self.rows, Then { fill: self.dropout.plan, then })
    }

    /// `rows` are (indices, dimension).
    fn check<T>(&self, indices: &[u32], rows: &[T]) -> Result<(), ShapeError> {
        Layout::vocabulary(indices.len(), self.dimension)?.check_len(rows.len())?;
        for (at, index) in indices.iter().enumerate() {
            let given = usize::try_from(*index).unwrap_or(usize::MAX);
            if given >= self.rows {
                return Err(ShapeError::OutsideVocabulary { at, expected: self.rows, given });
            }
        }
        Ok(())
    }
}

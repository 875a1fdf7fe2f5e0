//! Rows of a larger matrix.

use core::iter;
use core::num::NonZero;

use crate::error::{ShapeError, check_elements};
use crate::pieces::cut;

/// Rows of a larger matrix: what a kernel has at hand of a tensor that it works through in tiles.
///
/// `rows` x `width` elements. Element (r, j) stands at r * stride + j of a slice, which begins with
/// the panel's first element, and input and output have a stride each. It takes bit r *
/// `mask_stride` + j of the mask. [`new`](Self::new) is rows that stand together, [`within`](Self::within) rows
/// of a matrix, whose mask has the matrix's stride, too; each stride can be set for itself. In place x has the
/// output's. A residual has a stride of its own, which is the input's unless it is
/// [set](Self::with_residual_stride); strides of a single row are ignored; every input of [`forward_with`](crate::Dropout::forward_with) has the
/// input's. Slices may go on after the last element, and are not touched there; a mask has exactly
/// [`mask_bits`](Self::mask_bits).
///
/// A mask that was drawn for the whole matrix is lent as a [window](crate::MaskRef::window) that
/// begins with the panel's first element, at any bit. With a mask stride of 0 all rows share the
/// bits of one. By a key, or drawn into a mask, the panel is a mask of its own, of
/// [`mask_bits`](Self::mask_bits) bits, and no part of the whole matrix's mask; bits are drawn for
/// gaps between its rows, too.
///
/// ```
/// use dropout_kernels::{Dropout, Mask, MaskKey, Panel, drop_rate, mask_words};
///
/// const N: usize = 50; // columns of a matrix of 20 rows
/// let dropout = Dropout::new(drop_rate!(0.5));
/// let mut mask = Mask::<{ mask_words(20 * N) }>::new();
/// MaskKey::new(42, 0).fill(dropout.rate(), mask.view_mut(20 * N)?);
/// let mut whole = [1f32; 20 * N];
/// dropout.forward_in_place(&mut whole, mask.view(20 * N)?)?;
///
/// // Rows 3 to 9 and columns 17 to 40 of it, in place.
/// let panel = Panel::within(6, 23, N)?;
/// let first = 3 * N + 17;
/// let bits = mask.view(20 * N)?.window(first..first + panel.mask_bits())?;
/// let mut x = [1f32; 20 * N];
/// dropout.over(panel).forward_in_place(&mut x[first..], bits)?;
/// for (i, x) in x.iter().enumerate() {
///     let inside = (3..9).contains(&(i / N)) && (17..40).contains(&(i % N));
///     assert_eq!(*x, if inside { whole[i] } else { 1.0 });
/// }
/// # Ok::<(), dropout_kernels::ShapeError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Panel {
    pub(crate) rows: usize,
    pub(crate) width: usize,
    /// From a row to the next: elements of the input and of the output, and bits of the mask.
    pub(crate) input: usize,
    pub(crate) output: usize,
    pub(crate) mask: usize,
    /// Elements from a row of the residual to the next.
    pub(crate) residual: usize,
}

impl Panel {
    /// `rows` x `width` elements that stand together.
    ///
    /// # Errors
    ///
    /// [`ShapeError::Overflow`] if there are more than a `usize` counts.
    pub const fn new(rows: usize, width: usize) -> Result<Self, ShapeError> {
        Self { rows, ..Self::row(width) }.checked()
    }

    /// `rows` x `width` elements of a matrix of `columns` columns: input, output, residual and mask all have
    /// that stride.
    ///
    /// # Errors
    ///
    /// [`ShapeError::StrideTooShort`] if a row is wider than the matrix, and [`ShapeError::Overflow`].
    pub const fn within(rows: usize, width: usize, columns: usize) -> Result<Self, ShapeError> {
        if columns < width {
            return Err(ShapeError::StrideTooShort { expected: width, given: columns });
        }
        Self { rows, width, ..Self::row(columns) }.checked()
    }

    /// The same within slices of a matrix whose rows begin `stride` elements after each other, of
    /// input, output and residual. The mask's stride stays what it is, as of a mask that is drawn for the
    /// panel alone; for a window of the matrix's mask call [`within`](Self::within).
    ///
    /// # Errors
    ///
    /// [`ShapeError::StrideTooShort`] if rows of the output would overlap, and
    /// [`ShapeError::Overflow`].
    pub const fn with_stride(self, stride: usize) -> Result<Self, ShapeError> {
        self.with_strides(stride, stride)
    }

    /// The same with a stride of the input, which a residual has, too, and one of the output. In place the
    /// output's holds. An input's stride of 0 reads one row again and again.
    ///
    /// # Errors
    ///
    /// Same errors as [`with_stride`](Self::with_stride).
    pub const fn with_strides(self, input: usize, output: usize) -> Result<Self, ShapeError> {
        if output < self.width && self.rows > 1 {
            return Err(ShapeError::StrideTooShort { expected: self.width, given: output });
        }
        Self { input, output, residual: input, ..self }.checked()
    }

    /// The same with a residual whose rows begin `stride` elements after each other, where the input's stride
    /// is another; 0 adds one row to all.
    ///
    /// # Errors
    ///
    /// [`ShapeError::Overflow`].
    pub const fn with_residual_stride(self, stride: usize) -> Result<Self, ShapeError> {
        Self { residual: stride, ..self }.checked()
    }

    /// The same by a mask whose rows begin `stride` bits after each other.
    ///
    /// # Errors
    ///
    /// [`ShapeError::Overflow`] if the mask has more bits than a `usize` counts.
    pub const fn with_mask_stride(self, stride: usize) -> Result<Self, ShapeError> {
        Self { mask: stride, ..self }.checked()
    }

    /// Rows.
    #[must_use]
    pub const fn rows(self) -> usize {
        self.rows
    }

    /// Elements of a row.
    #[must_use]
    pub const fn width(self) -> usize {
        self.width
    }

    /// Bits of its mask, from the first row's first to the last row's last.
    #[must_use]
    pub const fn mask_bits(self) -> usize {
        self.extent(self.mask)
    }

    /// One row.
    pub(crate) const fn row(width: usize) -> Self {
        Self { rows: 1, width, input: width, output: width, mask: width, residual: width }
    }

    /// The same as one row, if rows stand together, and their bits.
    pub(crate) const fn simplest(self) -> Self {
        let Self { rows, width, input, output, mask, residual } = self;
        let together = input == width && output == width && mask == width && residual == width;
        if together && rows > 1 { Self::row(rows * width) } else { self }
    }

    /// Elements of a slice from the first row's first to the last row's last.
    pub(crate) const fn extent(self, stride: usize) -> usize {
        match self.rows.checked_sub(1) {
            Some(more) if self.width > 0 => more * stride + self.width,
            _ => 0,
        }
    }

    /// Whether a slice has so many elements, or more.
    pub(crate) const fn check(self, stride: usize, given: usize) -> Result<(), ShapeError> {
        let expected = self.extent(stride);
        if given < expected { Err(ShapeError::TooFewElements { expected, given }) } else { Ok(()) }
    }

    /// Refuses an output of another number of elements, or with gaps.
    pub(crate) const fn check_together(self, given: usize) -> Result<(), ShapeError> {
        if self.output != self.width && self.filled_rows() > 0 {
            return Err(ShapeError::StrideTooLong { expected: self.width, given: self.output });
        }
        check_elements(self.extent(self.width), given)
    }

    /// Calls `f` with rows of its elements from the one of index `at` on, which stand together in `y`: whole
    /// rows, and pieces of rows, with the bit and the index in the input of the first element.
    pub(crate) fn for_elements<T>(
        self,
        at: usize,
        y: &mut [T],
        mut f: impl FnMut(usize, Self, usize, &mut [T]),
    ) {
        let together = Self { mask: self.width, ..self };
        for part in together.parts(at, at + y.len()) {
            let y = y.get_mut(part.output - at..).unwrap_or_default();
            let row = (part.bit - part.column).checked_div(self.width).unwrap_or(0);
            let rows = Self { mask: self.mask, ..part.panel };
            f(row * self.mask + part.column, rows, part.input, y);
        }
    }

    /// Refuses rows that share bits of the mask.
    pub(crate) const fn check_apart(self) -> Result<(), ShapeError> {
        let (expected, given) = (self.width, self.mask);
        if given < expected && self.rows > 1 {
            return Err(ShapeError::StrideTooShort { expected, given });
        }
        Ok(())
    }

    /// Rows that have elements.
    pub(crate) const fn filled_rows(self) -> usize {
        if self.width == 0 { 0 } else { self.rows }
    }

    /// Its rows in `y`, each with the index of its first element in the input.
    pub(crate) fn each<T>(self, y: &mut [T]) -> impl Iterator<Item = (usize, &mut [T])> {
        let Self { width, input, output, .. } = self;
        let mut y = y;
        (0..self.filled_rows()).map(move |r| {
            // The last row may end before the stride.
            let row = cut(&mut y, output);
            (r * input, row.get_mut(..width).unwrap_or_default())
        })
    }

    /// What the mask bits from `start` to `end` decide: rows as a whole, and pieces of rows.
    pub(crate) fn parts(self, start: usize, end: usize) -> impl Iterator<Item = Part> {
        let Self { rows, width, input, output, mask, residual } = self;
        let stride = NonZero::new(mask);
        // The first row that has any of them.
        let before = (start + 1).saturating_sub(width);
        let mut r = match stride {
            Some(stride) => (before + (mask - 1)) / stride,
            None if before == 0 => 0,
            None => rows,
        };
        iter::from_fn(move || {
            let left = rows.checked_sub(r).filter(|left| *left > 0)?;
            let bit = r * mask;
            if bit >= end {
                return None;
            }
            let (from, to) = (start.max(bit), end.min(bit + width));
            let whole = to - from == width;
            let count = match stride {
                _ if !whole => 1,
                Some(stride) => left.min((end - to) / stride + 1),
                None => left,
            };
            let part = Part {
                bit: from,
                panel: Self { rows: count, width: to - from, ..self },
                input: r * input + (from - bit),
                output: r * output + (from - bit),
                residual: r * residual + (from - bit),
                column: from - bit,
            };
            r += count;
            Some(part)
        })
    }

    /// Refuses what has products that overflow. Strides of a single row are ignored.
    const fn checked(self) -> Result<Self, ShapeError> {
        let this = if self.rows == 1 { Self::row(self.width) } else { self };
        let strides = [this.width, this.input, this.output, this.mask, this.residual];
        let mut strides = strides.as_slice();
        while let [stride, rest @ ..] = strides {
            let (elements, extent) = (this.rows, *stride);
            match elements.checked_mul(extent) {
                Some(product) if product.checked_add(this.width).is_some() => strides = rest,
                _ => return Err(ShapeError::Overflow { elements, extent }),
            }
        }
        Ok(this)
    }
}

/// Rows of a panel that some bits decide.
pub(crate) struct Part {
    /// The first of the bits.
    pub(crate) bit: usize,
    pub(crate) panel: Panel,
    /// Where its first element stands in the input, in the output, in the residual, and in its row.
    pub(crate) input: usize,
    pub(crate) output: usize,
    pub(crate) residual: usize,
    pub(crate) column: usize,
}

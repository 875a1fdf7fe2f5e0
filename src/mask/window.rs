//! Windows on a mask, which begin at any bit, and exchange with the mask formats of other programs.

use core::fmt;
use core::ops::Range;

use super::{MaskMut, MaskRef, mask_words, show};
use crate::bits::{bits, ones};
use crate::error::{ShapeError, check_elements};
use crate::pieces::{pieces, pieces_mut};

/// A range of a mask's bits, which may begin at any bit: for the part of a tensor that belongs to one
/// thread, one sequence, or one row of a matrix.
///
/// [`MaskRef::window`] makes one, and `MaskWindow::from(mask)` one of all bits. Every verb that takes
/// a [`MaskSource`](crate::MaskSource) takes a window as well as a mask. It is a separate type so
/// that programs without windows carry no code for them.
///
/// # Cost
///
/// The words of the mask are shifted into place, 512 bits at a time. Measured on an AMD EPYC (Zen 3),
/// 2026-11-27, AVX2, opt-level 3, `f32`, 4096 elements: backward takes 0.078 ns per element by a
/// window that begins at bit 7, 0.059 by one that begins at a word, 0.058 by the mask.
/// [`split_at`](MaskRef::split_at) gives masks, which cost nothing extra, where a part begins at a
/// multiple of 32.
///
/// ```
/// use dropout_kernels::{Dropout, Mask, MaskRng, drop_rate, mask_words};
///
/// let dropout = Dropout::new(drop_rate!(0.5));
/// let mut mask = Mask::<{ mask_words(100) }>::new();
/// let mut y = [1f32; 100];
/// dropout.forward_in_place(&mut y, MaskRng::new(42, 0).draw(&mut mask))?;
///
/// // Backward in two parts, as by two threads.
/// let mut dx = [1f32; 100];
/// let (left, right) = dx.split_at_mut(37);
/// let mask = mask.view(100)?;
/// dropout.backward_in_place(left, mask.window(0..37)?)?;
/// dropout.backward_in_place(right, mask.window(37..100)?)?;
/// assert_eq!(dx, y);
/// # Ok::<(), dropout_kernels::ShapeError>(())
/// ```
#[derive(Clone, Copy)]
pub struct MaskWindow<'a> {
    words: &'a [u32],
    /// Bits of the first word that come before it, up to 31.
    first: usize,
    len: usize,
}

impl<'a> MaskWindow<'a> {
    /// Elements.
    #[must_use]
    pub const fn len(self) -> usize {
        self.len
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.len == 0
    }

    /// Whether element `i` is kept; `None` past the end.
    #[must_use]
    pub fn get(self, i: usize) -> Option<bool> {
        (i < self.len).then(|| self.word_at(i) & 1 != 0)
    }

    /// Elements `i` to `i` + 31, the first in bit 0, with zeros past the end.
    #[must_use]
    pub fn word_at(self, i: usize) -> u32 {
        match self.len.checked_sub(i) {
            Some(left) => bits(self.words, self.first + i) & ones(left.min(32)),
            None => 0,
        }
    }

    /// How many elements are kept.
    #[must_use]
    pub fn count_kept(self) -> usize {
        self.packed().map(|word| word.count_ones() as usize).sum()
    }

    /// Whether each element is kept, in order.
    #[must_use]
    pub fn iter(self) -> impl ExactSizeIterator<Item = bool> + 'a {
        (0..self.len).map(move |i| bits(self.words, self.first + i) & 1 != 0)
    }

    /// A part of it.
    ///
    /// # Errors
    ///
    /// [`ShapeError::PastTheEnd`], also of a range that begins after its own end.
    pub fn window(self, range: Range<usize>) -> Result<Self, ShapeError> {
        let Range { start, end } = range;
        if end > self.len {
            return Err(ShapeError::PastTheEnd { expected: self.len, given: end });
        }
        let Some(len) = end.checked_sub(start) else {
            return Err(ShapeError::PastTheEnd { expected: end, given: start });
        };
        let at = self.first + start;
        let words = self.words.get(at / 32..).unwrap_or_default();
        Ok(Self { words, first: at % 32, len })
    }

    /// Its words as if they began with it, with zeros past the last element.
    fn packed(self) -> impl Iterator<Item = u32> + 'a {
        (0..mask_words(self.len)).map(move |w| self.word_at(32 * w))
    }

    /// Words, and the bit of the first that it begins with.
    pub(crate) const fn words(self) -> (&'a [u32], usize) {
        (self.words, self.first)
    }

    /// Whether it has a bit for each of `elements` elements.
    pub(crate) const fn check_len(self, elements: usize) -> Result<(), ShapeError> {
        MaskRef { words: &[], len: self.len }.check_len(elements)
    }
}

impl<'a> From<MaskRef<'a>> for MaskWindow<'a> {
    fn from(mask: MaskRef<'a>) -> Self {
        Self { words: mask.words, first: 0, len: mask.len }
    }
}

/// Equal length, and the same elements kept.
impl PartialEq for MaskWindow<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.packed().eq(other.packed())
    }
}

impl Eq for MaskWindow<'_> {}

impl fmt::Debug for MaskWindow<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(f, "MaskWindow", [self.count_kept(), self.len], self.packed())
    }
}

/// As Debug.
#[cfg(feature = "defmt")]
impl defmt::Format for MaskWindow<'_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        super::log(f, "MaskWindow", [self.count_kept(), self.len], self.packed());
    }
}

impl<'a> MaskRef<'a> {
    /// The bits of `range`, which may begin and end at any bit.
    ///
    /// # Errors
    ///
    /// [`ShapeError::PastTheEnd`].
    pub fn window(self, range: Range<usize>) -> Result<MaskWindow<'a>, ShapeError> {
        MaskWindow::from(self).window(range)
    }

    /// Elements `i` to `i` + 31, the first in bit 0, with zeros past the end. Reads two words and
    /// shifts them.
    ///
    /// ```
    /// use dropout_kernels::MaskRef;
    ///
    /// let mask = MaskRef::new(&[0xABCD_0000, 0x1234], 45)?;
    /// assert_eq!(mask.word_at(16), 0x1234_ABCD);
    /// assert_eq!(mask.word_at(40), 0x12); // elements 40 to 44
    /// # Ok::<(), dropout_kernels::ShapeError>(())
    /// ```
    #[must_use]
    pub fn word_at(self, i: usize) -> u32 {
        MaskWindow::from(self).word_at(i)
    }

    /// The first `mid` elements, and the others.
    ///
    /// # Errors
    ///
    /// [`ShapeError::PastTheEnd`]; [`ShapeError::NotWholeWords`] if `mid` is no multiple of 32, nor
    /// the end.
    pub fn split_at(self, mid: usize) -> Result<(Self, Self), ShapeError> {
        check_split(self.len, mid)?;
        let (left, right) = self.words.split_at_checked(mask_words(mid)).unwrap_or_default();
        Ok((MaskRef { words: left, len: mid }, MaskRef { words: right, len: self.len - mid }))
    }

    /// One byte or `bool` for each element, as in ONNX's and PyTorch's masks: 1 = keep.
    ///
    /// ```
    /// use dropout_kernels::MaskRef;
    ///
    /// let mask = MaskRef::new(&[0b0101], 4)?;
    /// let (mut bytes, mut bools) = ([9u8; 4], [true; 4]);
    /// mask.copy_to_flags(&mut bytes)?;
    /// mask.copy_to_flags(&mut bools)?;
    /// assert_eq!((bytes, bools), ([1, 0, 1, 0], [true, false, true, false]));
    /// # Ok::<(), dropout_kernels::ShapeError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ShapeError`] if `flags` has another length. Then nothing is written.
    pub fn copy_to_flags<F: Flag>(self, flags: &mut [F]) -> Result<(), ShapeError> {
        self.check_len(flags.len())?;
        for (flags, mut word) in pieces_mut(flags, 32).zip(self.words.iter().copied()) {
            for flag in flags {
                *flag = F::of(word & 1 != 0);
                word >>= 1;
            }
        }
        Ok(())
    }

    /// Rows of `width` elements as packed bytes: element j of row r is bit j % 8 of byte r *
    /// `stride` + j / 8, and the bits past a row's last element are zeros.
    ///
    /// Transformer Engine and libxsmm pad rows to 16 bits: their stride is `2 *
    /// width.div_ceil(16)`. A mask without rows is one row of `n.div_ceil(8)` bytes. (ONNX Runtime's
    /// bit masks are `u32` words, the same as [`words`](Self::words).)
    ///
    /// ```
    /// use dropout_kernels::MaskRef;
    ///
    /// let mask = MaskRef::new(&[0b110_101], 6)?; // two rows of three
    /// let mut bytes = [0xFF; 4];
    /// mask.copy_to_rows(3, 2, &mut bytes)?;
    /// assert_eq!(bytes, [0b101, 0, 0b110, 0]);
    /// # Ok::<(), dropout_kernels::ShapeError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ShapeError`] if the mask is not of whole rows, if a row does not fit into `stride` bytes,
    /// or if `bytes` does not have `stride` bytes for each row. Then nothing is written.
    pub fn copy_to_rows(
        self,
        width: usize,
        stride: usize,
        bytes: &mut [u8],
    ) -> Result<(), ShapeError> {
        check_rows(self.len, width, stride, bytes.len())?;
        for (r, row) in pieces_mut(bytes, stride).enumerate() {
            let bits = self.window(r * width..r * width + width)?;
            for (i, bytes) in pieces_mut(row, 4).enumerate() {
                for (byte, of_word) in bytes.iter_mut().zip(bits.word_at(32 * i).to_le_bytes()) {
                    *byte = of_word;
                }
            }
        }
        Ok(())
    }
}

impl<'a> MaskMut<'a> {
    /// The words, to write: element i is bit i % 32 of word i / 32, and bits past the last element
    /// are ignored.
    #[must_use]
    pub const fn words_mut(&mut self) -> &mut [u32] {
        self.words
    }

    /// The first `mid` elements, and the others: for two threads.
    ///
    /// ```
    /// use dropout_kernels::{Mask, MaskKey, drop_rate};
    ///
    /// let mut mask = Mask::<4>::new();
    /// let (left, right) = mask.view_mut(100)?.split_at(64)?;
    /// MaskKey::new(42, 0).fill(drop_rate!(0.1), left);
    /// MaskKey::new(42, 1).fill(drop_rate!(0.1), right);
    /// # Ok::<(), dropout_kernels::ShapeError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ShapeError::PastTheEnd`]; [`ShapeError::NotWholeWords`] if `mid` is no multiple of 32, nor
    /// the end.
    pub fn split_at(self, mid: usize) -> Result<(MaskMut<'a>, MaskMut<'a>), ShapeError> {
        check_split(self.len, mid)?;
        let right = self.len - mid;
        let (words, rest) = self.words.split_at_mut_checked(mask_words(mid)).unwrap_or_default();
        Ok((MaskMut { words, len: mid }, MaskMut { words: rest, len: right }))
    }

    /// Keeps or drops all elements of `range`, such as those of a sequence that has ended. Costs a few
    /// operations per word.
    ///
    /// ```
    /// use dropout_kernels::{Mask, MaskRef};
    ///
    /// let mut mask = Mask::<2>::new();
    /// mask.view_mut(40)?.set_range(30..35, true)?;
    /// assert!(mask.view(40)?.kept_runs().eq([30..35]));
    /// # Ok::<(), dropout_kernels::ShapeError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ShapeError::PastTheEnd`]. Then nothing is written.
    pub fn set_range(&mut self, range: Range<usize>, keep: bool) -> Result<(), ShapeError> {
        let len = self.as_ref().window(range.clone())?.len();
        self.write_bits(range.start, len, |_| if keep { !0 } else { 0 });
        Ok(())
    }

    /// Copies the bits of `from` to this mask, to element `at` and those after it. Costs a few
    /// operations per word.
    ///
    /// ```
    /// use dropout_kernels::{Mask, MaskRef};
    ///
    /// let mut mask = Mask::<1>::new();
    /// let other = MaskRef::new(&[0b1011], 4)?;
    /// mask.view_mut(20)?.copy_bits(7, other.window(1..4)?)?;
    /// assert!(mask.view(20)?.kept_indices().eq([7, 9]));
    /// # Ok::<(), dropout_kernels::ShapeError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ShapeError::PastTheEnd`]. Then nothing is written.
    pub fn copy_bits(&mut self, at: usize, from: MaskWindow<'_>) -> Result<(), ShapeError> {
        self.as_ref().window(at..at.saturating_add(from.len))?;
        self.write_bits(at, from.len, |i| from.word_at(i));
        Ok(())
    }

    /// Keeps each element whose flag is `true` or not 0: the inverse of
    /// [`copy_to_flags`](MaskRef::copy_to_flags).
    ///
    /// # Errors
    ///
    /// [`ShapeError`] if `flags` has another length. Then nothing is written.
    pub fn copy_from_flags<F: Flag>(&mut self, flags: &[F]) -> Result<(), ShapeError> {
        self.as_ref().check_len(flags.len())?;
        for (word, flags) in self.words.iter_mut().zip(pieces(flags, 32)) {
            *word = flags.iter().rev().fold(0, |word, flag| word << 1 | u32::from(flag.keeps()));
        }
        Ok(())
    }

    /// Rows of `width` elements from packed bytes, `stride` for each row: the inverse of
    /// [`copy_to_rows`](MaskRef::copy_to_rows). Bits past a row's last element are ignored.
    ///
    /// # Errors
    ///
    /// Same errors as [`copy_to_rows`](MaskRef::copy_to_rows).
    pub fn copy_from_rows(
        &mut self,
        width: usize,
        stride: usize,
        bytes: &[u8],
    ) -> Result<(), ShapeError> {
        check_rows(self.len, width, stride, bytes.len())?;
        for (r, row) in pieces(bytes, stride).enumerate() {
            self.write_bits(r * width, width, |i| {
                let bytes = row.get(i / 8..).unwrap_or_default();
                bytes.iter().take(4).rev().fold(0, |word, byte| word << 8 | u32::from(*byte))
            });
        }
        Ok(())
    }

    /// Writes bits `at` to `at + len`, which the mask has: `word(i)`, for each multiple i of 32, gives
    /// the 32 from `at + i` on; its bits past `len` are ignored.
    fn write_bits(&mut self, at: usize, len: usize, word: impl Fn(usize) -> u32) {
        for i in (0..mask_words(len)).map(|w| 32 * w) {
            let (bit, used) = (at + i, ones((len - i).min(32)));
            // The bits of two words.
            let new = u64::from(word(i) & used) << (bit % 32);
            let changed = u64::from(used) << (bit % 32);
            for (w, half) in [0, 32].into_iter().enumerate() {
                if let Some(word) = self.words.get_mut(bit / 32 + w) {
                    let (new, changed) = ((new >> half) as u32, (changed >> half) as u32);
                    *word = *word & !changed | new;
                }
            }
        }
    }
}

/// A flag for one element: a byte or a `bool`.
///
/// Sealed.
pub trait Flag: flag::Sealed {}

impl Flag for bool {}
impl Flag for u8 {}

mod flag {
    pub trait Sealed: Copy {
        fn of(keep: bool) -> Self;
        fn keeps(self) -> bool;
    }

    impl Sealed for bool {
        fn of(keep: bool) -> Self {
            keep
        }

        fn keeps(self) -> bool {
            self
        }
    }

    impl Sealed for u8 {
        fn of(keep: bool) -> Self {
            keep.into()
        }

        fn keeps(self) -> bool {
            self != 0
        }
    }
}

/// Where a mask of `len` elements can be split.
const fn check_split(len: usize, mid: usize) -> Result<(), ShapeError> {
    if mid > len {
        Err(ShapeError::PastTheEnd { expected: len, given: mid })
    } else if !mid.is_multiple_of(32) && mid != len {
        Err(ShapeError::NotWholeWords { given: mid })
    } else {
        Ok(())
    }
}

/// Rows of `width` of a mask of `len` elements, of `stride` bytes each, of which there are `bytes`.
fn check_rows(len: usize, width: usize, stride: usize, bytes: usize) -> Result<(), ShapeError> {
    let needed = width.div_ceil(8);
    if stride < needed {
        return Err(ShapeError::StrideTooShort { expected: needed, given: stride });
    }
    let rows = len.checked_div(width).unwrap_or(0);
    check_elements(rows * width, len)?;
    match rows.checked_mul(stride) {
        Some(expected) => check_elements(expected, bytes),
        None => Err(ShapeError::Overflow { elements: rows, extent: stride }),
    }
}

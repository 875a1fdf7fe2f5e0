//! Bit-packed masks: owned, borrowed, and their algebra.

mod owned;
mod runs;
mod window;

use core::fmt;
use core::ops::Range;

use crate::error::ShapeError;
use crate::pieces::fill;

pub use owned::Mask;
pub use runs::{KeptIndices, Runs};
pub use window::{Flag, MaskWindow};

/// Words of a mask over `n` elements, n / 32 rounded up.
///
/// ```
/// assert_eq!(dropout_kernels::mask_words(100), 4);
/// ```
#[must_use]
pub const fn mask_words(n: usize) -> usize {
    n.div_ceil(32)
}

/// The bits of the last word of an `n`-element mask that stand for elements.
const fn last_word(n: usize) -> u32 {
    match n % 32 {
        0 => !0,
        used => !(!0 << used),
    }
}

/// `words` has to be the words of `len` bits.
fn check_words(words: &[u32], len: usize) -> Result<(), ShapeError> {
    let (expected, given) = (mask_words(len), words.len());
    if given < expected {
        Err(ShapeError::TooFewWords { expected, given })
    } else if given > expected {
        Err(ShapeError::TooManyWords { expected, given })
    } else {
        Ok(())
    }
}

/// A borrowed mask: the first bits of some words, as in a [`Mask`]. Bits past the end are ignored.
///
/// ```
/// use dropout_kernels::MaskRef;
///
/// let mask = MaskRef::new(&[0b1_0111], 5)?;
/// assert_eq!(mask.count_kept(), 4);
/// assert!(mask.iter().eq([true, true, true, false, true]));
/// assert!(mask.kept_runs().eq([0..3, 4..5]));
/// # Ok::<(), dropout_kernels::ShapeError>(())
/// ```
#[derive(Clone, Copy)]
pub struct MaskRef<'a> {
    words: &'a [u32],
    len: usize,
}

impl<'a> MaskRef<'a> {
    /// A mask of `len` elements in `words`.
    ///
    /// # Errors
    ///
    /// [`ShapeError::TooFewWords`] and [`ShapeError::TooManyWords`] if there are not
    /// [`mask_words(len)`](mask_words) of them.
    pub fn new(words: &'a [u32], len: usize) -> Result<Self, ShapeError> {
        check_words(words, len).map(|()| Self { words, len })
    }

    /// A mask of nothing.
    pub(crate) const EMPTY: Self = Self { words: &[], len: 0 };

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

    /// The words as they are stored: in the last one, bits past the last element mean nothing.
    #[must_use]
    pub const fn words(self) -> &'a [u32] {
        self.words
    }

    /// Whether element `i` is kept; `None` past the end.
    #[must_use]
    pub fn get(self, i: usize) -> Option<bool> {
        let word = self.words.get(i / 32).filter(|_| i < self.len)?;
        Some(word >> (i % 32) & 1 != 0)
    }

    /// How many elements are kept.
    #[must_use]
    pub fn count_kept(self) -> usize {
        self.used_words().map(|word| word.count_ones() as usize).sum()
    }

    /// Whether each element is kept, in order.
    #[must_use]
    pub fn iter(self) -> impl ExactSizeIterator<Item = bool> + 'a {
        let mut words = self.words.iter();
        let mut word = 0;
        (0..self.len).map(move |i| {
            word = if i % 32 == 0 { words.next().copied().unwrap_or(0) } else { word >> 1 };
            word & 1 != 0
        })
    }

    /// The ranges of neighbours that are kept, in order; no two of them touch.
    ///
    /// Work that runs over these alone skips what was dropped. Costs a few operations a run and a
    /// word.
    #[must_use]
    pub const fn kept_runs(self) -> Runs<'a> {
        Runs::kept(self, 0)
    }

    /// What [`kept_runs`](Self::kept_runs) has in `range`, such as a row of a matrix, with runs cut
    /// at its ends. Indices are those of the whole mask, and nothing is kept past its end.
    ///
    /// ```
    /// use dropout_kernels::MaskRef;
    ///
    /// let mask = MaskRef::new(&[0b1110_0111], 8)?; // two rows of four
    /// assert!(mask.kept_runs_in(0..4).eq([0..3]));
    /// assert!(mask.kept_runs_in(4..8).eq([5..8]));
    /// # Ok::<(), dropout_kernels::ShapeError>(())
    /// ```
    #[must_use]
    pub fn kept_runs_in(self, range: Range<usize>) -> Runs<'a> {
        let len = range.end.min(self.len);
        let words = self.words.get(..mask_words(len)).unwrap_or_default();
        Runs::kept(MaskRef { words, len }, range.start)
    }

    /// The ranges of neighbours that are dropped, in order; no two of them touch.
    #[must_use]
    pub const fn dropped_runs(self) -> Runs<'a> {
        Runs::dropped(self)
    }

    /// The indices of what is kept, in order. Costs a few operations for each of them and each
    /// word.
    #[must_use]
    pub fn kept_indices(self) -> KeptIndices<'a> {
        KeptIndices::new(self)
    }

    /// Whether the mask has a bit for each of `elements` elements.
    pub(crate) const fn check_len(self, elements: usize) -> Result<(), ShapeError> {
        let (expected, given) = (elements, self.len);
        if given < expected {
            Err(ShapeError::MaskTooShort { expected, given })
        } else if given > expected {
            Err(ShapeError::MaskTooLong { expected, given })
        } else {
            Ok(())
        }
    }

    /// The words with zeros past the last element.
    fn used_words(self) -> impl Iterator<Item = u32> + 'a {
        let last = self.words.len().wrapping_sub(1);
        let used = last_word(self.len);
        self.words
            .iter()
            .enumerate()
            .map(move |(i, &word)| if i == last { word & used } else { word })
    }

    /// The first index from `at` on whose bit is not the one in `skip` (all ones or all zeros).
    fn find_from(self, at: usize, skip: u32) -> usize {
        let mut i = at / 32;
        let mut seen = !0 << (at % 32);
        while let Some(word) = self.words.get(i) {
            let found = (word ^ skip) & seen;
            if found != 0 {
                return (i * 32 + found.trailing_zeros() as usize).min(self.len);
            }
            seen = !0;
            i += 1;
        }
        self.len
    }
}

/// Equal length, and the same elements kept.
impl PartialEq for MaskRef<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.used_words().eq(other.used_words())
    }
}

impl Eq for MaskRef<'_> {}

impl fmt::Debug for MaskRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(f, "Mask", [self.count_kept(), self.len], self.used_words())
    }
}

/// A mask of this name: how many elements it keeps, how many there are, and its words.
fn show(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    [kept, len]: [usize; 2],
    mut words: impl Iterator<Item = u32>,
) -> fmt::Result {
    write!(f, "{name}({kept} of {len} kept")?;
    words.try_for_each(|word| write!(f, " {word:08x}"))?;
    f.write_str(")")
}

/// As Debug.
#[cfg(feature = "defmt")]
impl defmt::Format for MaskRef<'_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        log(f, "Mask", [self.count_kept(), self.len], self.used_words());
    }
}

/// As [`show`].
#[cfg(feature = "defmt")]
fn log(
    f: defmt::Formatter<'_>,
    name: &str,
    [kept, len]: [usize; 2],
    words: impl Iterator<Item = u32>,
) {
    defmt::write!(f, "{=str}({=usize} of {=usize} kept", name, kept, len);
    for word in words {
        defmt::write!(f, " {=u32:08x}", word);
    }
    defmt::write!(f, ")");
}

/// A borrowed mask, to write. What writes all of it leaves zeros past the end.
///
/// Where the length is known only when the program runs, the words are a slice of yours:
///
/// ```
/// use dropout_kernels::{Dropout, MaskMut, MaskRef, MaskRng, drop_rate, mask_words};
///
/// let mut x = vec![1f32; 1000];
/// let mut words = vec![0; mask_words(x.len())];
/// let dropout = Dropout::new(drop_rate!(0.1));
/// let mask = MaskMut::new(&mut words, x.len())?;
/// dropout.forward_in_place(&mut x, MaskRng::new(42, 0).draw(mask))?;
/// let mut dx = vec![1f32; 1000];
/// dropout.backward_in_place(&mut dx, MaskRef::new(&words, x.len())?)?;
/// assert_eq!(dx, x);
/// # Ok::<(), dropout_kernels::ShapeError>(())
/// ```
pub struct MaskMut<'a> {
    words: &'a mut [u32],
    len: usize,
}

impl fmt::Debug for MaskMut<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_ref().fmt(f)
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for MaskMut<'_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        self.as_ref().format(f);
    }
}

impl<'a> MaskMut<'a> {
    /// A mask of `len` elements in `words`, whose contents it keeps.
    ///
    /// # Errors
    ///
    /// [`ShapeError::TooFewWords`] and [`ShapeError::TooManyWords`] if there are not
    /// [`mask_words(len)`](mask_words) of them.
    pub fn new(words: &'a mut [u32], len: usize) -> Result<Self, ShapeError> {
        check_words(words, len).map(|()| Self { words, len })
    }

    /// Elements.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// To read.
    #[must_use]
    pub const fn as_ref(&self) -> MaskRef<'_> {
        MaskRef { words: self.words, len: self.len }
    }

    /// The same mask for a shorter time, to pass it on and still have it.
    #[must_use]
    pub const fn reborrow(&mut self) -> MaskMut<'_> {
        MaskMut { words: self.words, len: self.len }
    }

    /// Keeps or drops element `i`; `false` if `i` is past the end.
    pub fn set(&mut self, i: usize, keep: bool) -> bool {
        match self.words.get_mut(i / 32).filter(|_| i < self.len) {
            Some(word) => {
                let bit = 1 << (i % 32);
                *word = if keep { *word | bit } else { *word & !bit };
                true
            }
            None => false,
        }
    }

    /// Keeps every element.
    pub fn keep_all(&mut self) {
        self.write(|words| fill(words, !0));
    }

    /// Drops every element.
    pub fn drop_all(&mut self) {
        fill(self.words, 0);
    }

    /// Keeps what was dropped and drops what was kept.
    pub fn not(&mut self) {
        self.write(|words| words.iter_mut().for_each(|word| *word = !*word));
    }

    /// Keeps what both keep.
    ///
    /// # Errors
    ///
    /// [`ShapeError`] if the lengths differ.
    pub fn and(&mut self, other: MaskRef<'_>) -> Result<(), ShapeError> {
        self.zip(other, |a, b| a & b)
    }

    /// Keeps what either keeps.
    ///
    /// # Errors
    ///
    /// [`ShapeError`] if the lengths differ.
    pub fn or(&mut self, other: MaskRef<'_>) -> Result<(), ShapeError> {
        self.zip(other, |a, b| a | b)
    }

    /// Keeps what this mask keeps and `other` drops.
    ///
    /// # Errors
    ///
    /// [`ShapeError`] if the lengths differ.
    pub fn and_not(&mut self, other: MaskRef<'_>) -> Result<(), ShapeError> {
        self.zip(other, |a, b| a & !b)
    }

    /// Keeps what one of both keeps: where they differ.
    ///
    /// # Errors
    ///
    /// [`ShapeError`] if the lengths differ.
    pub fn xor(&mut self, other: MaskRef<'_>) -> Result<(), ShapeError> {
        self.zip(other, |a, b| a ^ b)
    }

    /// Becomes a copy of `other`.
    ///
    /// # Errors
    ///
    /// [`ShapeError`] if the lengths differ.
    pub fn copy_from(&mut self, other: MaskRef<'_>) -> Result<(), ShapeError> {
        self.zip(other, |_, b| b)
    }

    fn zip(&mut self, other: MaskRef<'_>, f: impl Fn(u32, u32) -> u32) -> Result<(), ShapeError> {
        other.check_len(self.len)?;
        self.write(|words| {
            for (a, &b) in words.iter_mut().zip(other.words) {
                *a = f(*a, b);
            }
        });
        Ok(())
    }

    /// Lets `fill` write whole words, then clears what lies past the last element.
    pub(crate) fn write(&mut self, fill: impl FnOnce(&mut [u32])) {
        fill(self.words);
        if let Some(last) = self.words.last_mut() {
            *last &= last_word(self.len);
        }
    }
}

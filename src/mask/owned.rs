//! Masks of a size known when the program is built.

use super::{MaskMut, MaskRef, mask_words};
use crate::error::ShapeError;

/// An owned mask of up to 32 * `WORDS` elements. `WORDS` is [`mask_words`] of the element count.
///
/// One bit per element, 1 = keep: element i is bit i % 32 of word i / 32, bit 0 the least
/// significant. What this crate writes has zeros past the last element; what it reads may have
/// anything there, so the first n bits of a longer mask are a mask. A new one keeps nothing. `==`
/// compares all words; compare [views](Self::view) to compare elements.
///
/// ```
/// use dropout_kernels::{Mask, mask_words};
///
/// let mut mask = Mask::<{ mask_words(100) }>::new();
/// mask.view_mut(100)?.keep_all();
/// assert_eq!(mask.view(100)?.count_kept(), 100);
/// assert_eq!(mask.words(), &[!0, !0, !0, 0b1111]);
/// # Ok::<(), dropout_kernels::ShapeError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Mask<const WORDS: usize> {
    words: [u32; WORDS],
}

impl<const WORDS: usize> Mask<WORDS> {
    /// A mask that keeps nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self { words: [0; WORDS] }
    }

    /// A mask of these words.
    #[must_use]
    pub const fn from_words(words: [u32; WORDS]) -> Self {
        Self { words }
    }

    /// The words.
    #[must_use]
    pub const fn words(&self) -> &[u32; WORDS] {
        &self.words
    }

    /// The words, to write.
    #[must_use]
    pub const fn words_mut(&mut self) -> &mut [u32; WORDS] {
        &mut self.words
    }

    /// The first `len` bits.
    ///
    /// # Errors
    ///
    /// [`ShapeError::TooFewWords`] if `WORDS` hold fewer.
    pub fn view(&self, len: usize) -> Result<MaskRef<'_>, ShapeError> {
        match self.words.get(..mask_words(len)) {
            Some(words) => Ok(MaskRef { words, len }),
            None => Err(ShapeError::TooFewWords { expected: mask_words(len), given: WORDS }),
        }
    }

    /// The first `len` bits, to write. What writes them all clears the other bits of their last
    /// word.
    ///
    /// # Errors
    ///
    /// [`ShapeError::TooFewWords`] if `WORDS` hold fewer.
    pub fn view_mut(&mut self, len: usize) -> Result<MaskMut<'_>, ShapeError> {
        match self.words.get_mut(..mask_words(len)) {
            Some(words) => Ok(MaskMut { words, len }),
            None => Err(ShapeError::TooFewWords { expected: mask_words(len), given: WORDS }),
        }
    }

    /// All words, as a mask of `len` bits.
    pub(crate) fn exact(&self, len: usize) -> Result<MaskRef<'_>, ShapeError> {
        MaskRef::new(&self.words, len)
    }

    /// As [`exact`](Self::exact), to write.
    pub(crate) fn exact_mut(&mut self, len: usize) -> Result<MaskMut<'_>, ShapeError> {
        MaskMut::new(&mut self.words, len)
    }

    /// All words, as the mask of an array of `N` elements; another count of words does not build.
    pub(crate) const fn of_array<const N: usize>(&self) -> MaskRef<'_> {
        const { assert!(WORDS == mask_words(N), "a mask has one word per 32 elements of its array") };
        MaskRef { words: &self.words, len: N }
    }

    /// As [`of_array`](Self::of_array), to write.
    pub(crate) const fn of_array_mut<const N: usize>(&mut self) -> MaskMut<'_> {
        const { assert!(WORDS == mask_words(N), "a mask has one word per 32 elements of its array") };
        MaskMut { words: &mut self.words, len: N }
    }
}

#[cfg(feature = "defmt")]
impl<const WORDS: usize> defmt::Format for Mask<WORDS> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "Mask({:08x})", self.words);
    }
}

impl<const WORDS: usize> Default for Mask<WORDS> {
    fn default() -> Self {
        Self::new()
    }
}

//! Iteration over what a mask keeps or drops, a word at a time.

use core::iter::FusedIterator;
use core::ops::Range;

use super::MaskRef;

/// Ranges of neighbours that a mask treats alike: the iterator of [`MaskRef::kept_runs`],
/// [`MaskRef::kept_runs_in`] and [`MaskRef::dropped_runs`].
#[derive(Clone, Debug)]
pub struct Runs<'a> {
    mask: MaskRef<'a>,
    at: usize,
    /// Bits that stand between the runs: all ones or all zeros.
    between: u32,
}

impl<'a> Runs<'a> {
    pub(super) const fn kept(mask: MaskRef<'a>, at: usize) -> Self {
        Self { mask, at, between: 0 }
    }

    pub(super) const fn dropped(mask: MaskRef<'a>) -> Self {
        Self { mask, at: 0, between: !0 }
    }
}

impl Iterator for Runs<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        let start = self.mask.find_from(self.at, self.between);
        let end = self.mask.find_from(start, !self.between);
        self.at = end;
        (start < end).then_some(start..end)
    }
}

impl FusedIterator for Runs<'_> {}

/// The iterator of [`MaskRef::kept_indices`].
#[derive(Clone, Debug)]
pub struct KeptIndices<'a> {
    /// Words after the one at hand.
    rest: &'a [u32],
    /// Bits of the word at hand that are still to come.
    word: u32,
    /// Index of its first bit.
    start: usize,
    len: usize,
}

impl<'a> KeptIndices<'a> {
    pub(super) fn new(mask: MaskRef<'a>) -> Self {
        let (word, rest) = match mask.words {
            [first, rest @ ..] => (*first, rest),
            [] => (0, [].as_slice()),
        };
        Self { rest, word, start: 0, len: mask.len }
    }
}

impl Iterator for KeptIndices<'_> {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        while self.word == 0 {
            let (&word, rest) = self.rest.split_first()?;
            (self.word, self.rest) = (word, rest);
            self.start += 32;
        }
        let i = self.start + self.word.trailing_zeros() as usize;
        self.word &= self.word - 1;
        // Bits past the end are in the last word: nothing comes after them.
        (i < self.len).then_some(i)
    }
}

impl FusedIterator for KeptIndices<'_> {}

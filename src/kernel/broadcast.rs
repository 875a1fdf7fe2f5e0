//! Masks of which a bit decides more than one element (what frameworks call `noise_shape` or
//! `broadcast_dims`), never expanded in memory: long runs are filled or mapped as a whole, and for
//! short ones the words that an element-wise mask would have are made 512 bits at a time.

use core::slice;

use super::Number;
use super::op::Op;
use crate::bits::{bit, bits, ones};
use crate::layout::Layout;
use crate::pieces::{cut, pieces_mut};

/// From this many elements on, a run is worth a loop of its own.
pub(crate) const LONG: usize = 32;

/// Runs of `run` elements each, which the bits from `first` on decide, row after row by the same
/// ones. The target begins at index `at` of what `op` knows.
#[inline(always)]
pub(super) fn long_runs<T: Number, O: Op<T>>(
    words: &[u32],
    first: usize,
    layout: Layout,
    mut at: usize,
    target: &mut [T],
    op: O,
) {
    // No product overflows, as `simplest` and `parts` leave no extent of 0 but `run`.
    let Layout { width, run, .. } = layout;
    for row in pieces_mut(target, width * run) {
        for (keep, streak) in Streaks::new(words, first, width, run, row) {
            if keep {
                op.keep(at, streak);
            } else {
                op.drop(at, streak);
            }
            at += streak.len();
        }
    }
}

/// The words that an element-wise mask would have, of rows that all have the same bits.
pub(crate) struct Expanded<'a> {
    words: &'a [u32],
    first: usize,
    width: usize,
    run: usize,
    /// The bit of the row that comes next, and how often.
    w: usize,
    left: usize,
}

impl<'a> Expanded<'a> {
    /// Of the bits from `first` on.
    pub(crate) const fn new(words: &'a [u32], first: usize, layout: Layout) -> Self {
        let Layout { width, run, .. } = layout;
        Self { words, first, width, run, w: 0, left: run }
    }

    /// Writes the next words.
    pub(crate) fn fill(&mut self, words: &mut [u32]) {
        if self.run > 1 {
            let mut words = words.iter_mut();
            if !cfg!(target_os = "none") {
                match self.run {
                    2 => self.spread::<2>(&mut words),
                    4 => self.spread::<4>(&mut words),
                    8 => self.spread::<8>(&mut words),
                    16 => self.spread::<16>(&mut words),
                    _ => {}
                }
            }
            for word in words {
                *word = self.next_of_runs();
            }
        } else if self.first.is_multiple_of(32) && self.width.is_multiple_of(32) {
            for word in words {
                *word = self.words.get((self.first + self.w) / 32).copied().unwrap_or(0);
                self.w = if self.w + 32 < self.width { self.w + 32 } else { 0 };
            }
        } else if !cfg!(target_os = "none") && self.w + 32 * words.len() <= self.width {
            // All of one row, as most words of wide rows are. (Firmware would pay flash for it.)
            let (first, shift) = (self.first + self.w, (self.first + self.w) % 32);
            let from = self.words.get(first / 32..).unwrap_or_default();
            for (word, pair) in words.iter_mut().zip(from.windows(2)) {
                let [low, high] = *pair else { continue };
                *word = low >> shift | high << 1 << (31 - shift);
            }
            // The mask's last word has no other after it.
            let pairs = from.len().saturating_sub(1);
            for (i, word) in words.iter_mut().enumerate().skip(pairs) {
                *word = bits(self.words, first + 32 * i);
            }
            self.w += 32 * words.len();
            if self.w == self.width {
                self.w = 0;
            }
        } else {
            for word in words {
                *word = self.next_of_bits();
            }
        }
    }

    /// Whole words at a time, as long as a row has the bits of one, where a run is a power of two.
    #[inline(always)]
    fn spread<const RUN: u32>(&mut self, words: &mut slice::IterMut<'_, u32>) {
        let each = 32 / RUN as usize;
        while self.left == self.run && self.w + each <= self.width && words.len() > 0 {
            let mut source = bits(self.words, self.first + self.w);
            let count = ((self.width - self.w) / each).min(RUN as usize).min(words.len());
            for word in words.take(count) {
                *word = spread::<RUN>(source);
                source = source.checked_shr(each as u32).unwrap_or(0);
            }
            self.w += count * each;
            if self.w == self.width {
                self.w = 0;
            }
        }
    }

    /// Where each bit comes once.
    #[inline(always)]
    fn next_of_bits(&mut self) -> u32 {
        let (mut word, mut filled) = (0, 0);
        while filled < 32 {
            let take = (self.width - self.w).min(32 - filled);
            word |= (bits(self.words, self.first + self.w) & ones(take)) << filled;
            filled += take;
            self.w = if self.w + take < self.width { self.w + take } else { 0 };
        }
        word
    }

    /// Where each bit comes `run` times.
    #[inline(always)]
    fn next_of_runs(&mut self) -> u32 {
        let (mut word, mut filled) = (0, 0);
        while filled < 32 {
            let keep = bit(self.words, self.first + self.w);
            let take = self.left.min(32 - filled);
            word |= (ones(take) & keep.wrapping_neg()) << filled;
            filled += take;
            self.left -= take;
            if self.left == 0 {
                self.left = self.run;
                self.w = if self.w + 1 < self.width { self.w + 1 } else { 0 };
            }
        }
        word
    }
}

/// Repeats each of the lowest 32 / `RUN` bits of a word `RUN` times, a power of two.
#[inline(always)]
const fn spread<const RUN: u32>(word: u32) -> u32 {
    // Half of a group of bits moves away from the other half, until each is alone.
    let mut word = word & ones(32 / RUN as usize);
    let mut half = 16 / RUN;
    while half > 0 {
        let (group, gap) = (ones(half as usize), 2 * half * RUN);
        let (mut mask, mut at) = (0, 0);
        while at < 32 {
            mask |= group << at;
            at += gap / 2;
        }
        word = (word | word << (half * (RUN - 1))) & mask;
        half /= 2;
    }
    // Times RUN ones.
    (word << RUN).wrapping_sub(word)
}

/// Maximal stretches of runs that are all kept or all dropped.
struct Streaks<'a, 't, T> {
    words: &'a [u32],
    /// The bit that comes next, and how many there are from it on.
    bit: usize,
    left: usize,
    run: usize,
    row: &'t mut [T],
}

impl<'a, 't, T> Streaks<'a, 't, T> {
    #[inline(always)]
    fn new(words: &'a [u32], bit: usize, left: usize, run: usize, row: &'t mut [T]) -> Self {
        Self { words, bit, left, run, row }
    }
}

impl<'t, T> Iterator for Streaks<'_, 't, T> {
    type Item = (bool, &'t mut [T]);

    #[inline(always)]
    fn next(&mut self) -> Option<(bool, &'t mut [T])> {
        let word = bits(self.words, self.bit);
        let keep = word & 1 != 0;
        let alike = if keep { word.trailing_ones() } else { word.trailing_zeros() };
        let count = self.left.min(alike as usize);
        self.bit += count;
        self.left -= count;
        let streak = cut(&mut self.row, count * self.run);
        (count > 0).then_some((keep, streak))
    }
}

#[cfg(test)]
mod tests {
    use super::spread;

    #[test]
    fn bits_are_repeated() {
        fn check<const RUN: u32>() {
            for word in [0, !0, 0x5A5A_1234, 0x8765_4321, 1, 1 << 15] {
                let spread = spread::<RUN>(word);
                for i in 0..32 {
                    assert_eq!(spread >> i & 1, word >> (i / RUN) & 1, "{i} of {word:#x} by {RUN}");
                }
            }
        }
        check::<2>();
        check::<4>();
        check::<8>();
        check::<16>();
    }
}

//! Masks of which a bit decides more than one element, never expanded in memory: long runs are filled or
//! mapped as a whole, and for short ones the words that an element-wise mask would have are made one at a
//! time, in registers.

use super::{Change, portable};
use crate::element::Element;
use crate::layout::Layout;
use crate::pieces::{cut, pieces_mut};

/// From this many elements on, a run is worth a loop of its own.
const LONG: usize = 32;

/// As the kernel of this name, with the backend's way to choose.
#[inline(always)]
pub(super) fn apply<T: Element, C: Change<T>>(
    words: &[u32],
    first: usize,
    layout: Layout,
    at: usize,
    target: &mut [T],
    change: C,
    choose: impl Fn(u32, usize, &[T; 32], C) -> [T; 32],
) {
    let Layout { repeat, width, run, .. } = layout;
    let (mut first, mut at) = (first, at);
    let row = width * run;
    // No product overflows, as `simplest` and `parts` leave no extent of 0 but `run`.
    for group in pieces_mut(target, repeat * row) {
        if run >= LONG {
            for row in pieces_mut(group, row) {
                for (keep, streak) in Streaks::new(words, first, width, run, row) {
                    portable::map_from(keep, at, streak, change);
                    at += streak.len();
                }
            }
        } else if run > 1 {
            let words = Runs { words, first, width, run, w: 0, left: run };
            portable::apply_from(at, words, group, change, &choose);
            at += group.len();
        } else if width <= 32 {
            let words = Narrow::new(words, first, width);
            portable::apply_from(at, words, group, change, &choose);
            at += group.len();
        } else if first.is_multiple_of(32) && width.is_multiple_of(32) {
            for row in pieces_mut(group, row) {
                let words = words.get(first / 32..).unwrap_or_default();
                portable::apply_from(at, words.iter().copied(), row, change, &choose);
                at += row.len();
            }
        } else {
            let words = Rows { words, first, width, w: 0 };
            portable::apply_from(at, words, group, change, &choose);
            at += group.len();
        }
        first += width;
    }
}

/// Neighbouring runs of a row that share a fate, as long as can be.
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

/// The 32 bits from bit `at` on, with zeros past the end.
#[inline(always)]
pub(super) fn bits(words: &[u32], at: usize) -> u32 {
    let word = |i| u64::from(words.get(i).copied().unwrap_or(0));
    ((word(at / 32) | word(at / 32 + 1) << 32) >> (at % 32)) as u32
}

/// The lowest `count` bits, of up to 32.
#[inline(always)]
fn ones(count: usize) -> u32 {
    (1u64 << count).wrapping_sub(1) as u32
}

/// Words of a row of at most 32 bits that repeats.
struct Narrow {
    /// The row, as often as it fits.
    pattern: u64,
    /// Where in the row the next word begins.
    phase: u32,
    width: u32,
    /// How much further in the row each word begins.
    step: u32,
}

impl Narrow {
    /// `width` is at most 32.
    #[inline(always)]
    fn new(words: &[u32], first: usize, width: usize) -> Self {
        let mut pattern = u64::from(bits(words, first) & ones(width));
        let mut filled = width.max(1);
        while filled < 64 {
            pattern |= pattern << filled;
            filled *= 2;
        }
        let width = width as u32;
        Self { pattern, phase: 0, width, step: 32u32.checked_rem(width).unwrap_or(0) }
    }
}

impl Iterator for Narrow {
    type Item = u32;

    #[inline(always)]
    fn next(&mut self) -> Option<u32> {
        let word = (self.pattern >> self.phase) as u32;
        self.phase += self.step;
        if self.phase >= self.width {
            self.phase -= self.width;
        }
        Some(word)
    }
}

/// Words of a row of more than 32 bits that repeats.
struct Rows<'a> {
    words: &'a [u32],
    first: usize,
    width: usize,
    /// Where in the row the next word begins.
    w: usize,
}

impl Iterator for Rows<'_> {
    type Item = u32;

    #[inline(always)]
    fn next(&mut self) -> Option<u32> {
        let word = bits(self.words, self.first + self.w);
        let left = self.width - self.w;
        if left > 32 {
            self.w += 32;
            return Some(word);
        }
        // The row ends in this word, and begins again.
        self.w = 32 - left;
        let again = if left < 32 { bits(self.words, self.first) << left } else { 0 };
        Some(word & ones(left) | again)
    }
}

/// Words of a row that repeats, in which every bit comes `run` times.
struct Runs<'a> {
    words: &'a [u32],
    first: usize,
    width: usize,
    run: usize,
    /// The bit that comes next, and how often.
    w: usize,
    left: usize,
}

impl Iterator for Runs<'_> {
    type Item = u32;

    #[inline(always)]
    fn next(&mut self) -> Option<u32> {
        let mut word = 0;
        let mut filled = 0;
        while filled < 32 {
            let keep = bits(self.words, self.first + self.w) & 1;
            // What does not fit is shifted out, and comes first in the next word.
            word |= (ones(self.left) & keep.wrapping_neg()) << filled;
            let take = self.left.min(32 - filled);
            filled += take;
            self.left -= take;
            if self.left == 0 {
                self.left = self.run;
                self.w = if self.w + 1 < self.width { self.w + 1 } else { 0 };
            }
        }
        Some(word)
    }
}

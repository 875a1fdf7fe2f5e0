//! The bits of a mask, in order and a few at a time: stored, or drawn as they are asked for.

use super::{BLOCK, LANES};
use crate::bits::bits;

/// Reads bits that `refill` makes, 512 at a time.
pub(crate) struct Reader<F> {
    refill: F,
    /// A block of bits, after the word before it: what is asked for begins and ends anywhere.
    words: [u32; LANES + 1],
    /// The bit that comes next.
    at: usize,
}

impl<F: FnMut(&mut [u32; LANES])> Reader<F> {
    #[inline(always)]
    pub(crate) const fn new(refill: F) -> Self {
        Self { refill, words: [0; LANES + 1], at: BLOCK + 32 }
    }

    /// The next `count` bits, up to 32, with anything above them.
    #[inline(always)]
    pub(crate) fn next(&mut self, count: usize) -> u32 {
        if self.at + count > BLOCK + 32 {
            self.refill();
            self.at -= BLOCK;
        }
        let word = bits(&self.words, self.at);
        self.at += count;
        word
    }

    /// Not inlined: once in 512 bits, and every place that takes bits would hold all of it.
    #[inline(never)]
    fn refill(&mut self) {
        let [first, block @ ..] = &mut self.words;
        let [.., last] = *block;
        *first = last;
        (self.refill)(block);
    }
}

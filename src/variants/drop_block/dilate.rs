//! Blocks from their first corners, on whole words: a mask is one string of bits, in which the neighbour of
//! a bit along an axis lies a fixed distance on.

use crate::backend::Available;
use crate::lanes::{BLOCK, LANES, Lanes};
use crate::rate::Planes;

/// Sets each bit whose `block - 1` predecessors along an axis, `stride` apart, or which itself is set.
pub(super) fn dilate(backend: Available, words: &mut [u32], stride: usize, block: usize) {
    let mut covered = 1;
    while covered < block {
        let step = covered.min(block - covered);
        backend.or_shifted(words, step * stride);
        covered += step;
    }
}

/// Sets the bits that are set in `bits`, from bit `at` on.
pub(super) fn or_bits(words: &mut [u32], at: usize, bits: u32) {
    let both = u64::from(bits) << (at % 32);
    let mut words = words.iter_mut().skip(at / 32);
    for half in [both as u32, (both >> 32) as u32] {
        if let Some(word) = words.next() {
            *word |= half;
        }
    }
}

/// The bits of a mask drawn 512 at a time, read in order.
pub(super) struct Seeds<'a> {
    backend: Available,
    planes: Planes,
    lanes: &'a mut Lanes,
    /// Bits that are not drawn yet.
    left: usize,
    drawn: [u32; LANES],
    /// Words of `drawn` that are read.
    read: usize,
    /// The next bits, `buffered` of them.
    buffer: u64,
    buffered: usize,
}

impl<'a> Seeds<'a> {
    pub(super) fn new(
        backend: Available,
        planes: Planes,
        lanes: &'a mut Lanes,
        bits: usize,
    ) -> Self {
        let drawn = [0; LANES];
        Self { backend, planes, lanes, left: bits, drawn, read: LANES, buffer: 0, buffered: 0 }
    }

    /// The next `count` places, up to 32: 1 where the mask drops, which is where a seed lies.
    #[inline]
    pub(super) fn take(&mut self, count: usize) -> u32 {
        if self.buffered < count {
            self.buffer |= u64::from(!self.word()) << self.buffered;
            self.buffered += 32;
        }
        let bits = self.buffer & ((1 << count) - 1);
        self.buffer >>= count;
        self.buffered -= count;
        bits as u32
    }

    #[inline]
    fn word(&mut self) -> u32 {
        if self.read == LANES {
            let words = self.left.min(BLOCK).div_ceil(32);
            let words = self.drawn.get_mut(..words).unwrap_or_default();
            self.backend.fill(self.lanes, self.planes, words);
            self.left = self.left.saturating_sub(BLOCK);
            self.read = 0;
        }
        let word = self.drawn.get(self.read).copied().unwrap_or(0);
        self.read += 1;
        word
    }
}

//! Blocks from their first corners, on whole words: a mask is one string of bits, in which the
//! neighbour of a bit along an axis lies a fixed distance on.

use crate::isa::Available;

/// Sets every bit that lies 0 to `block - 1` strides after a set bit.
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

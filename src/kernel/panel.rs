//! Rows with strides, by a mask whose rows begin at any bit.

use super::apply::{apply_singly, select_eight};
use super::op::Op;
use super::{Isa, Vectored};
use crate::bits::{bits, words_from};
use crate::panel::Panel;
use crate::pieces::{cut, pieces_mut};

/// The target begins with the panel's first element, which is at index `at` of what `op` knows, and
/// takes bit `first`.
#[inline(always)]
pub(super) fn panel<I: Isa, T: Vectored, O: Op<T>>(
    isa: I,
    words: &[u32],
    mut first: usize,
    panel: Panel,
    mut at: usize,
    target: &mut [T],
    op: O,
) {
    let mut target = target;
    for _ in 0..panel.filled_rows() {
        // The last row may end before the stride.
        let row = cut(&mut target, panel.output).get_mut(..panel.width).unwrap_or_default();
        if I::VECTORS {
            apply_row(isa, words, first, at, row, op);
        } else {
            apply_row_singly(words, first, at, row, op);
        }
        first = first.wrapping_add(panel.mask);
        at = at.wrapping_add(panel.input);
    }
}

/// Whole words, or eights where there is none, and what is left as the last of them, which then
/// overlaps the one before it: it is computed first, as the row may be what is read.
#[inline(always)]
fn apply_row<I: Isa, T: Vectored, O: Op<T>>(
    isa: I,
    words: &[u32],
    bit: usize,
    at: usize,
    row: &mut [T],
    op: O,
) {
    let n = row.len();
    if let Some(before) = n.checked_sub(32) {
        // No closure, which the compiler might not inline.
        let last = match row.last_chunk() {
            Some(target) if !n.is_multiple_of(32) => {
                Some(isa.select(bits(words, bit + before), at + before, target, op))
            }
            _ => None,
        };
        let mut at = at;
        for (target, word) in row.as_chunks_mut::<32>().0.iter_mut().zip(words_from(words, bit)) {
            *target = isa.select(word, at, target, op);
            at += 32;
        }
        if let (Some(last), Some(target)) = (last, row.last_chunk_mut()) {
            *target = last;
        }
    } else if let Some(before) = n.checked_sub(8) {
        let mut word = bits(words, bit);
        let last = match row.last_chunk() {
            Some(target) if !n.is_multiple_of(8) => {
                Some(select_eight(word >> before, at + before, target, op))
            }
            _ => None,
        };
        let mut at = at;
        for target in row.as_chunks_mut::<8>().0 {
            *target = select_eight(word, at, target, op);
            word >>= 8;
            at += 8;
        }
        if let (Some(last), Some(target)) = (last, row.last_chunk_mut()) {
            *target = last;
        }
    } else {
        apply_singly(at, bits(words, bit), row, op);
    }
}

#[inline(always)]
fn apply_row_singly<T: Vectored, O: Op<T>>(
    words: &[u32],
    mut bit: usize,
    mut at: usize,
    row: &mut [T],
    op: O,
) {
    for target in pieces_mut(row, 32) {
        let n = target.len();
        apply_singly(at, bits(words, bit), target, op);
        bit += n;
        at += n;
    }
}

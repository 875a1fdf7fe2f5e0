//! Rows with strides, by a mask whose rows begin at any bit.

use super::apply::apply_singly;
use super::op::Op;
use super::{Isa, Vectored};
use crate::bits::bits;
use crate::panel::Panel;
use crate::pieces::{cut, pieces_mut};

/// The target begins with the panel's first element, which is at index `at` of what `op` knows, and
/// takes bit `first`.
#[inline(always)]
pub(super) fn panel<I: Isa, T: Vectored, O: Op<T>>(
    isa: I,
    words: &[u32],
    first: usize,
    panel: Panel,
    at: usize,
    target: &mut [T],
    op: O,
) {
    let n = panel.width;
    // Sixteen in a register cost no more than eight, but for those of 64 bytes: nearly all of these lie
    // in two lines of the cache, which takes longer where the rows are not in the first.
    let sixteen = 16 * size_of::<T>() <= I::REGISTER.min(32);
    if !I::VECTORS || n < 8 {
        singly(words, first, panel, at, target, op);
    } else if let Some(op) = op.skip(at) {
        if n >= 32 {
            wide(isa, words, first, panel, target, op);
        } else if sixteen && n >= 16 {
            narrow::<_, _, _, 16>(isa, words, first, panel, target, op);
        } else {
            narrow::<_, _, _, 8>(isa, words, first, panel, target, op);
        }
    }
}

/// Rows of whole words. What is left of one is its last eight, sixteen or 32, which then overlap
/// those before them: they are computed first, as the row may be what is read. A row's bounds are
/// checked once and not once a word.
#[inline(always)]
fn wide<I: Isa, T: Vectored, O: Op<T>>(
    isa: I,
    words: &[u32],
    mut first: usize,
    panel: Panel,
    mut target: &mut [T],
    mut op: O,
) {
    let n = panel.width;
    let left = n % 32;
    // Of what fits half a register no half is computed.
    let eight = (1..=8).contains(&left) && 16 * size_of::<T>() > I::REGISTER;
    let sixteen = (1..=16).contains(&left) && 16 * size_of::<T>() == I::REGISTER;
    for _ in 0..panel.rows {
        let Some(row) = target.get_mut(..n) else { return };
        let Some(of_row) = op.first(n) else { return };
        let Some(from) = words.get(first / 32..) else { return };
        // The bits of 32 elements are read from two words. The mask may end with the row's last whole
        // word; then no second one comes after it, and those 32 elements are the row's end, too.
        let all = from.len() > n / 32;
        // No closure, which the compiler might not inline.
        let mut last = None;
        let mut last_sixteen = None;
        let mut last_eight = None;
        if eight {
            last_eight = end::<_, _, _, 8>(isa, words, first, row, of_row);
        } else if sixteen {
            last_sixteen = end::<_, _, _, 16>(isa, words, first, row, of_row);
        } else if left > 0 || !all {
            last = end::<_, _, _, 32>(isa, words, first, row, of_row);
        }
        let pairs = row.as_chunks_mut::<32>().0.iter_mut().zip(from.windows(2));
        for ((target, pair), (read, dropped)) in pairs.zip(of_row.each()) {
            let [low, high] = *pair else { continue };
            let word = ((u64::from(low) | u64::from(high) << 32) >> (first % 32)) as u32;
            let y = *target;
            *target = isa.select_of(word, read.unwrap_or(y), dropped.unwrap_or(y), of_row);
        }
        if let (Some(last), Some(target)) = (last, row.last_chunk_mut()) {
            *target = last;
        }
        if let (Some(last), Some(target)) = (last_sixteen, row.last_chunk_mut()) {
            *target = last;
        }
        if let (Some(last), Some(target)) = (last_eight, row.last_chunk_mut()) {
            *target = last;
        }
        // After the last row there may be no more elements.
        let Some(rest) = target.get_mut(panel.output..) else { return };
        let Some(of_rest) = op.skip(panel.input) else { return };
        (target, op) = (rest, of_rest);
        first = first.wrapping_add(panel.mask);
    }
}

/// Rows of fewer elements than a word has bits: `N` at a time, and what is left as a last `N`.
#[inline(always)]
fn narrow<I: Isa, T: Vectored, O: Op<T>, const N: usize>(
    isa: I,
    words: &[u32],
    mut first: usize,
    panel: Panel,
    mut target: &mut [T],
    mut op: O,
) {
    let n = panel.width;
    for _ in 0..panel.rows {
        let Some(row) = target.get_mut(..n) else { return };
        let Some(of_row) = op.first(n) else { return };
        let last = if n.is_multiple_of(N) { None } else { end(isa, words, first, row, of_row) };
        let mut word = bits(words, first);
        for (target, (read, dropped)) in row.as_chunks_mut::<N>().0.iter_mut().zip(of_row.each()) {
            let y = *target;
            *target = isa.select_of(word, read.unwrap_or(y), dropped.unwrap_or(y), of_row);
            word >>= N;
        }
        if let (Some(last), Some(target)) = (last, row.last_chunk_mut::<N>()) {
            *target = last;
        }
        let Some(rest) = target.get_mut(panel.output..) else { return };
        let Some(of_rest) = op.skip(panel.input) else { return };
        (target, op) = (rest, of_rest);
        first = first.wrapping_add(panel.mask);
    }
}

/// What the last `N` elements of a row become.
#[inline(always)]
fn end<I: Isa, T: Vectored, O: Op<T>, const N: usize>(
    isa: I,
    words: &[u32],
    first: usize,
    row: &[T],
    op: O,
) -> Option<[T; N]> {
    let target = row.last_chunk()?;
    let at = row.len() - N;
    let word = bits(words, first + at);
    Some(isa.select_of(word, op.read(at, target), op.dropped(at, target), op))
}

#[inline(always)]
fn singly<T: Vectored, O: Op<T>>(
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
        apply_row_singly(words, first, at, row, op);
        first = first.wrapping_add(panel.mask);
        at = at.wrapping_add(panel.input);
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

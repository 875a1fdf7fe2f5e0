//! Rows with strides, by a mask whose rows begin at any bit.

use super::apply::{apply_singly, apply_whole};
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
    // Of what fits half a register no half is computed.
    let eight = 16 * size_of::<T>() > I::REGISTER;
    let sixteen = 16 * size_of::<T>() == I::REGISTER;
    if !I::VECTORS || n < 8 {
        singly(words, first, panel, at, target, op);
    } else if let Some(op) = op.skip(at) {
        // Not counted: they end with the target.
        let elements = panel.extent(panel.output).min(target.len());
        let target = target.get_mut(..elements).unwrap_or_default();
        if n > 32 {
            let left = n % 32;
            if left == 0 && (first | panel.mask).is_multiple_of(32) {
                words_whole(isa, words, first, panel, target, op);
            } else if eight && (1..=8).contains(&left) {
                wide::<_, _, _, 8>(isa, words, first, panel, target, op);
            } else if sixteen && (1..=16).contains(&left) {
                wide::<_, _, _, 16>(isa, words, first, panel, target, op);
            } else {
                wide::<_, _, _, 32>(isa, words, first, panel, target, op);
            }
        } else if 16 * size_of::<T>() <= I::REGISTER && n == 16 {
            narrow::<_, _, _, 16, true>(isa, words, first, panel, target, op);
        // Not in registers of 64 bytes: nearly all of these lie in two lines of the cache, and rows of 17
        // elements would have two of them each, which takes longer where they are not in the first cache.
        } else if 16 * size_of::<T>() <= I::REGISTER.min(32) && n > 16 {
            narrow::<_, _, _, 16, false>(isa, words, first, panel, target, op);
        } else {
            narrow::<_, _, _, 8, false>(isa, words, first, panel, target, op);
        }
    }
}

/// Rows of whole words, whose bits are whole words.
#[inline(always)]
fn words_whole<I: Isa, T: Vectored, O: Op<T>>(
    isa: I,
    words: &[u32],
    mut first: usize,
    panel: Panel,
    mut target: &mut [T],
    mut op: O,
) {
    while let Some(row) = target.get_mut(..panel.width) {
        let (whole, _) = row.as_chunks_mut();
        let words = words.get(first / 32..).and_then(|words| words.get(..whole.len()));
        let (Some(words), Some(of_row)) = (words, op.first(panel.width)) else { return };
        apply_whole::<_, _, _, false>(isa, 0, words, whole, of_row);
        let Some(rest) = target.get_mut(panel.output..) else { return };
        let Some(of_rest) = op.skip(panel.input) else { return };
        (target, op) = (rest, of_rest);
        first = first.wrapping_add(panel.mask);
    }
}

/// Rows of more than a word, whose bits begin anywhere: those of 32 elements are read from two words. What is
/// left of a row is its last `END`, which may overlap those before them: they are computed first, as the row may
/// be what is read. A row's bounds are checked once and not once a word.
#[inline(always)]
fn wide<I: Isa, T: Vectored, O: Op<T>, const END: usize>(
    isa: I,
    words: &[u32],
    mut first: usize,
    panel: Panel,
    mut target: &mut [T],
    mut op: O,
) {
    let n = panel.width;
    let whole = (n - 1) / 32;
    while let Some(row) = target.get_mut(..n) {
        let word = first / 32;
        let (Some(from), Some(of_row)) = (words.get(word..=word + whole), op.first(n)) else {
            return;
        };
        let last: Option<[T; END]> = end(isa, bits(words, first + n - END), row, of_row);
        let pairs = row.as_chunks_mut::<32>().0.iter_mut().zip(from.windows(2));
        for ((target, pair), (read, dropped)) in pairs.zip(of_row.each()) {
            let [low, high] = *pair else { continue };
            let word = ((u64::from(low) | u64::from(high) << 32) >> (first % 32)) as u32;
            let y = *target;
            *target = isa.select_of(word.into(), read.unwrap_or(y), dropped.unwrap_or(y), of_row);
        }
        if let (Some(last), Some(target)) = (last, row.last_chunk_mut()) {
            *target = last;
        }
        // After the last row there may be no more elements.
        let Some(rest) = target.get_mut(panel.output..) else { return };
        let Some(of_rest) = op.skip(panel.input) else { return };
        (target, op) = (rest, of_rest);
        first = first.wrapping_add(panel.mask);
    }
}

/// Rows of up to 32 elements, whose bits are one word: `N` at a time, and what is left as a last `N`. If `ONE`
/// they are `N` and no more.
#[inline(always)]
fn narrow<I: Isa, T: Vectored, O: Op<T>, const N: usize, const ONE: bool>(
    isa: I,
    words: &[u32],
    mut first: usize,
    panel: Panel,
    mut target: &mut [T],
    mut op: O,
) {
    let n = panel.width;
    while let Some(row) = target.get_mut(..n) {
        let Some(of_row) = op.first(n) else { return };
        let mut word = bits(words, first);
        let mut last = None;
        if !ONE && !n.is_multiple_of(N) {
            last = end(isa, word >> (n - N), row, of_row);
        }
        // That it is one word tells the compiler how often, so that it makes no loop of it.
        let chunks = row.as_chunks_mut::<N>().0.iter_mut().take(if ONE { 1 } else { 32 / N });
        for (target, (read, dropped)) in chunks.zip(of_row.each()) {
            let y = *target;
            *target = isa.select_of(word.into(), read.unwrap_or(y), dropped.unwrap_or(y), of_row);
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

/// What the last `N` elements of a row become, by the bits of `word`.
#[inline(always)]
fn end<I: Isa, T: Vectored, O: Op<T>, const N: usize>(
    isa: I,
    word: u32,
    row: &[T],
    op: O,
) -> Option<[T; N]> {
    let target = row.last_chunk()?;
    let at = row.len() - N;
    Some(isa.select_of(word.into(), op.read(at, target), op.dropped(at, target), op))
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

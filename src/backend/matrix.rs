//! A matrix whose elements are kept or dropped one by one, row after row, as their bits come: products with
//! it, forward and backward, without a second matrix.
//!
//! The order of additions is part of the definition, so all backends give the same bits.
#![expect(clippy::indexing_slicing, reason = "indices run over the lengths of arrays")]

use super::{Outcome, portable, structured};
use crate::element::Element;
use crate::key::MaskKey;
use crate::lanes::{BLOCK, LANES, Lanes};
use crate::pieces::{pieces, pieces_mut};
use crate::rate::Planes;

/// Where the bits of a matrix come from.
#[derive(Clone, Copy)]
pub(crate) enum Bits<'a> {
    /// All of them are the bits of this word, ones or zeros.
    All(u32),
    /// Words of a mask.
    Stored(&'a [u32]),
    /// The mask of a key, 512 bits at a time, for so many words.
    Drawn(MaskKey, Planes, usize),
}

/// What is done with each row of a matrix.
pub(crate) trait Pass {
    /// `next(n)` gives the bits of the next n elements of row `r`, up to 32, with anything above them.
    fn row(&mut self, r: usize, next: impl FnMut(usize) -> u32);
}

/// As the kernel of this name, with the backend's way to draw.
#[inline(always)]
pub(super) fn rows<P: Pass>(
    rows: usize,
    bits: Bits<'_>,
    mut pass: P,
    seed: impl FnOnce(&mut Lanes, MaskKey, usize),
    fill: impl FnMut(&mut Lanes, Planes, &mut [u32]),
) {
    let mut window =
        Window { bits, lanes: Lanes::EMPTY, fill, words: [0; LANES + 1], at: 32 * (LANES + 1) };
    if let Bits::Drawn(key, _, words) = bits {
        seed(&mut window.lanes, key, words);
    }
    for r in 0..rows {
        pass.row(r, |count| window.next(count));
    }
}

/// A block of bits, after the word before it: rows end anywhere.
struct Window<'a, F> {
    bits: Bits<'a>,
    lanes: Lanes,
    fill: F,
    words: [u32; LANES + 1],
    /// The bit that comes next.
    at: usize,
}

impl<F: FnMut(&mut Lanes, Planes, &mut [u32])> Window<'_, F> {
    #[inline(always)]
    fn next(&mut self, count: usize) -> u32 {
        if self.at + count > 32 * (LANES + 1) {
            self.refill();
            self.at -= BLOCK;
        }
        let word = structured::bits(&self.words, self.at);
        self.at += count;
        word
    }

    /// Not inlined: once in 512 bits, and every place that takes bits would hold all of it.
    #[inline(never)]
    fn refill(&mut self) {
        let [first, block @ ..] = &mut self.words;
        *first = block[LANES - 1];
        match &mut self.bits {
            Bits::All(word) => *block = [*word; LANES],
            Bits::Stored(words) => {
                let (now, later) = words.split_at_checked(LANES).unwrap_or((words, &[]));
                for (word, stored) in block.iter_mut().zip(now) {
                    *word = *stored;
                }
                *words = later;
            }
            Bits::Drawn(_, planes, left) => {
                let count = LANES.min(*left);
                (self.fill)(&mut self.lanes, *planes, block.get_mut(..count).unwrap_or_default());
                *left -= count;
            }
        }
    }
}

/// Row `r` of a matrix of `columns`.
#[inline(always)]
fn row<T>(matrix: &[T], r: usize, columns: usize) -> &[T] {
    matrix.get(r * columns..).and_then(|rows| rows.get(..columns)).unwrap_or_default()
}

/// y = (M o W) x, then scaled.
pub(crate) struct Product<'a, T, O> {
    pub(crate) w: &'a [T],
    pub(crate) x: &'a [T],
    pub(crate) y: &'a mut [T],
    pub(crate) outcome: O,
}

impl<T: Element, O: Outcome<T>> Pass for Product<'_, T, O> {
    #[inline(always)]
    fn row(&mut self, r: usize, next: impl FnMut(usize) -> u32) {
        let total = sum(row(self.w, r, self.x.len()), self.x, next, T::times);
        if let Some(y) = self.y.get_mut(r) {
            *y = scaled(self.outcome, total);
        }
    }
}

/// Sums of the terms of W x, and of their squares, each scaled.
pub(crate) struct Moments<'a, T> {
    pub(crate) w: &'a [T],
    pub(crate) x: &'a [T],
    pub(crate) mean: (&'a mut [T], T),
    pub(crate) variance: (&'a mut [T], T),
}

impl<T: Element> Pass for Moments<'_, T> {
    #[inline(always)]
    fn row(&mut self, r: usize, _: impl FnMut(usize) -> u32) {
        let w = row(self.w, r, self.x.len());
        let square = |w: T, x: T| w.times(x).times(w.times(x));
        let ((means, factor), (variances, factor_of_squares)) =
            (&mut self.mean, &mut self.variance);
        if let (Some(mean), Some(variance)) = (means.get_mut(r), variances.get_mut(r)) {
            *mean = sum(w, self.x, |_| !0, T::times).times(*factor);
            *variance = sum(w, self.x, |_| !0, square).times(*factor_of_squares);
        }
    }
}

/// dW += M o (dy x^T), with dy scaled.
pub(crate) struct Outer<'a, T, O> {
    pub(crate) dw: &'a mut [T],
    pub(crate) x: &'a [T],
    pub(crate) dy: &'a [T],
    pub(crate) outcome: O,
}

impl<T: Element, O: Outcome<T>> Pass for Outer<'_, T, O> {
    #[inline(always)]
    fn row(&mut self, r: usize, next: impl FnMut(usize) -> u32) {
        let columns = self.x.len();
        let dw = self.dw.get_mut(r * columns..).and_then(|rows| rows.get_mut(..columns));
        if let (Some(dw), Some(dy)) = (dw, self.dy.get(r)) {
            add_multiple(dw, self.x, scaled(self.outcome, *dy), next);
        }
    }
}

/// dx += (M o W)^T dy, with dy scaled.
pub(crate) struct Transposed<'a, T, O> {
    pub(crate) w: &'a [T],
    pub(crate) dx: &'a mut [T],
    pub(crate) dy: &'a [T],
    pub(crate) outcome: O,
}

impl<T: Element, O: Outcome<T>> Pass for Transposed<'_, T, O> {
    #[inline(always)]
    fn row(&mut self, r: usize, next: impl FnMut(usize) -> u32) {
        if let Some(dy) = self.dy.get(r) {
            let w = row(self.w, r, self.dx.len());
            add_multiple(self.dx, w, scaled(self.outcome, *dy), next);
        }
    }
}

/// target += factor * source where the bits keep; elsewhere it stays as it is, to the bit.
#[inline(always)]
fn add_multiple<T: Element>(
    target: &mut [T],
    source: &[T],
    factor: T,
    mut next: impl FnMut(usize) -> u32,
) {
    let (source, source_rest) = at_once(source);
    let (target, target_rest) = target.split_at_mut_checked(32 * source.len()).unwrap_or_default();
    for (target, source) in target.as_chunks_mut().0.iter_mut().zip(source) {
        // Read before the bits come: a choice between what was just read and a sum is a masked store to the
        // compiler, and AVX2's takes longer than all else on some processors.
        let sums = *target;
        let word = next(32);
        *target = add_kept(sums, word, |i| source[i].times(factor));
    }
    for target in pieces_mut(target_rest, 32).zip(pieces(source_rest, 32)) {
        let (target, source) = target;
        add_rest(target, &mut next, source, source, |x, _| x.times(factor));
    }
}

/// The sum of the terms whose bits are set: 32 sums, of every 32nd term each, and the sum of those.
#[inline(always)]
fn sum<T: Element>(
    w: &[T],
    x: &[T],
    mut next: impl FnMut(usize) -> u32,
    term: impl Fn(T, T) -> T,
) -> T {
    let mut sums = [T::ZERO; 32];
    let (w, w_rest) = at_once(w);
    let (x, x_rest) = at_once(x);
    if !portable::VECTORS {
        add_rest(&mut sums, next, w_rest, x_rest, term);
        return total_in_place(&mut sums);
    }
    for (w, x) in w.iter().zip(x) {
        sums = add_kept(sums, next(32), |i| term(w[i], x[i]));
    }
    if w_rest.is_empty() {
        return total(sums);
    }
    // A copy, so that the sums above stay in registers.
    let mut all = sums;
    add_rest(&mut all, next, w_rest, x_rest, term);
    total(all)
}

/// What is worth 32 sums in registers, and the rest: where there are no vectors, all of it.
#[inline(always)]
fn at_once<T>(elements: &[T]) -> (&[[T; 32]], &[T]) {
    if portable::VECTORS { elements.as_chunks() } else { (&[], elements) }
}

/// Sums, each with its term added where its bit is set. The sum stands outside the choice, so that the choice is
/// a select.
#[expect(clippy::needless_range_loop, reason = "by an iterator, sums go through memory")]
#[inline(always)]
fn add_kept<T: Element>(mut sums: [T; 32], word: u32, term: impl Fn(usize) -> T) -> [T; 32] {
    for i in 0..32 {
        let sum = sums[i].plus(term(i));
        sums[i] = if word & portable::BITS[i] != 0 { sum } else { sums[i] };
    }
    sums
}

/// [`add_kept`] a term at a time, for any number of terms: of each 32, the first is added to the first sum.
#[inline(always)]
fn add_rest<T: Element>(
    sums: &mut [T],
    mut next: impl FnMut(usize) -> u32,
    a: &[T],
    b: &[T],
    term: impl Fn(T, T) -> T,
) {
    for (a, b) in pieces(a, 32).zip(pieces(b, 32)) {
        let mut word = next(a.len());
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            if word & 1 != 0 {
                *sum = sum.plus(term(*a, *b));
            }
            word >>= 1;
        }
    }
}

/// The sum of 32 sums, halves added to halves.
#[inline(always)]
fn total<T: Element>(sums: [T; 32]) -> T {
    let sums: [T; 16] = halved(sums);
    let sums: [T; 8] = halved(sums);
    let sums: [T; 4] = halved(sums);
    let sums: [T; 2] = halved(sums);
    let [sum] = halved(sums);
    sum
}

/// [`total`] without a copy.
#[inline(always)]
fn total_in_place<T: Element>(sums: &mut [T; 32]) -> T {
    let mut half = sums.len();
    while half > 1 {
        half /= 2;
        if let Some((low, high)) = sums.split_at_mut_checked(half) {
            for (low, high) in low.iter_mut().zip(high) {
                *low = low.plus(*high);
            }
        }
    }
    sums[0]
}

/// The lower half with the upper half added. Arrays of their own: in one, what is no longer wanted is written.
#[inline(always)]
fn halved<T: Element, const N: usize, const HALF: usize>(sums: [T; N]) -> [T; HALF] {
    const { assert!(N == 2 * HALF) };
    let mut half = [T::ZERO; HALF];
    for i in 0..HALF {
        half[i] = sums[i].plus(sums[i + HALF]);
    }
    half
}

#[inline(always)]
fn scaled<T: Element, O: Outcome<T>>(outcome: O, x: T) -> T {
    outcome.factor().map_or(x, |factor| x.times(factor))
}

//! A matrix whose elements are kept or dropped one by one, row after row, as their bits come:
//! products with it, forward and backward, without a second matrix.
//!
//! The order of additions is part of the definition, so all backends give the same bits.
#![expect(clippy::indexing_slicing, reason = "indices run over the lengths of arrays")]

use core::array;

use super::apply::BITS;
use super::reader::Reader;
use super::{Isa, LANES, Lanes, MaskKey, Planes};
use crate::bits::bits;
use crate::element::{FloatNumber, Number, Real, Value};
use crate::lanes::VECTORS;
use crate::pieces::{pieces, pieces_mut};

/// Where the bits of a matrix come from.
#[derive(Clone, Copy, Debug)]
pub enum Bits<'a> {
    /// All of them are the bits of this word, ones or zeros.
    All(u32),
    /// Words of a mask, from this bit of the first of them on.
    Stored(&'a [u32], usize),
    /// The mask of a key, 512 bits at a time, for so many words.
    Drawn(MaskKey, Planes, usize),
}

/// What is done with each row of a matrix.
pub(crate) trait Pass {
    /// `next(n)` gives the bits of the next n elements of row `r`, up to 32, with anything above
    /// them.
    fn row<const VECTORS: bool>(&mut self, r: usize, next: impl FnMut(usize) -> u32);
}

/// Shows the first `rows` rows of a matrix to `pass`, with their bits.
#[inline(always)]
pub(super) fn rows<I: Isa, P: Pass>(isa: I, rows: usize, mut source: Bits<'_>, mut pass: P) {
    let mut lanes = Lanes::EMPTY;
    if let Bits::Drawn(key, _, words) = source {
        isa.seed(&mut lanes, key, words);
    }
    let mut reader = Reader::new(|block: &mut [u32; LANES]| match &mut source {
        Bits::All(word) => *block = [*word; LANES],
        Bits::Stored(words, first) => {
            // Not as a copy of what there is, for which the compiler would call `memcpy`.
            for (i, word) in block.iter_mut().enumerate() {
                *word = bits(words, *first + 32 * i);
            }
            *words = words.get(LANES..).unwrap_or_default();
        }
        Bits::Drawn(_, planes, left) => {
            let count = LANES.min(*left);
            isa.fill(&mut lanes, *planes, block.get_mut(..count).unwrap_or_default());
            *left -= count;
        }
    });
    for r in 0..rows {
        if I::VECTORS {
            pass.row::<true>(r, |count| reader.next(count));
        } else {
            pass.row::<false>(r, |count| reader.next(count));
        }
    }
}

/// Row `r` of a matrix of `columns`.
#[inline(always)]
fn row<T>(matrix: &[T], r: usize, columns: usize) -> &[T] {
    matrix.get(r * columns..).and_then(|rows| rows.get(..columns)).unwrap_or_default()
}

/// Vectors that a pass takes at most: an element of W is read once for all of them. Without vector
/// registers the sums of several would only stand in memory, and a chip with some has no stack for them.
pub(crate) const GROUP: usize = if VECTORS && !cfg!(target_os = "none") { 4 } else { 1 };

/// Vectors that a pass reads, one after the other, and those that it writes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Batch {
    /// 1 or [`GROUP`].
    pub(crate) vectors: usize,
    pub(crate) rows: usize,
    pub(crate) columns: usize,
}

impl Batch {
    /// `N` vectors of columns.
    #[inline(always)]
    fn columns_of<T, const N: usize>(self, x: &[T]) -> [&[T]; N] {
        array::from_fn(|b| row(x, b, self.columns))
    }

    /// Element `r` of `N` vectors of rows, scaled.
    #[inline(always)]
    fn scaled<T: FloatNumber, const N: usize>(
        self,
        factor: Option<T::Factor>,
        dy: &[T],
        r: usize,
    ) -> [T::Factor; N] {
        let of = |dy: &T| scaled(factor, dy.widen());
        array::from_fn(|b| dy.get(b * self.rows + r).map_or(T::Factor::ZERO, of))
    }
}

/// y = (M o W) x, then scaled.
#[derive(Debug)]
pub struct Product<'a, T: Number> {
    pub(crate) w: &'a [T],
    pub(crate) x: &'a [T],
    pub(crate) y: &'a mut [T],
    pub(crate) batch: Batch,
    /// What it is scaled with, if with anything.
    pub(crate) factor: Option<T::Factor>,
}

impl<T: FloatNumber> Product<'_, T> {
    #[inline(always)]
    fn of<const V: bool, const N: usize>(&mut self, r: usize, next: impl FnMut(usize) -> u32) {
        let x = self.batch.columns_of::<T, N>(self.x);
        let totals = sums::<V, T, N>(row(self.w, r, self.batch.columns), x, next, Value::times);
        for (b, total) in totals.into_iter().enumerate() {
            if let Some(y) = self.y.get_mut(b * self.batch.rows + r) {
                *y = T::narrow(scaled(self.factor, total));
            }
        }
    }
}

impl<T: FloatNumber> Pass for Product<'_, T> {
    #[inline(always)]
    fn row<const VECTORS: bool>(&mut self, r: usize, next: impl FnMut(usize) -> u32) {
        if GROUP > 1 && self.batch.vectors > 1 {
            self.of::<VECTORS, GROUP>(r, next);
        } else {
            self.of::<VECTORS, 1>(r, next);
        }
    }
}

/// Sums of the terms of W x, and of their squares, each scaled.
#[derive(Debug)]
pub struct Moments<'a, T: Number> {
    pub(crate) w: &'a [T],
    pub(crate) x: &'a [T],
    pub(crate) mean: (&'a mut [T], T::Factor),
    pub(crate) variance: (&'a mut [T], T::Factor),
}

impl<T: FloatNumber> Pass for Moments<'_, T> {
    #[inline(always)]
    fn row<const VECTORS: bool>(&mut self, r: usize, _: impl FnMut(usize) -> u32) {
        let w = row(self.w, r, self.x.len());
        let square = |w: T::Factor, x: T::Factor| w.times(x).times(w.times(x));
        let ((means, factor), (variances, factor_of_squares)) =
            (&mut self.mean, &mut self.variance);
        if let (Some(mean), Some(variance)) = (means.get_mut(r), variances.get_mut(r)) {
            let [total] = sums::<VECTORS, T, 1>(w, [self.x], |_| !0, Value::times);
            *mean = T::narrow(total.times(*factor));
            let [squares] = sums::<VECTORS, T, 1>(w, [self.x], |_| !0, square);
            *variance = T::narrow(squares.times(*factor_of_squares));
        }
    }
}

/// dW += M o (dy x^T), vector after vector, with dy scaled.
#[derive(Debug)]
pub struct Outer<'a, T: Number> {
    pub(crate) dw: &'a mut [T],
    pub(crate) x: &'a [T],
    pub(crate) dy: &'a [T],
    pub(crate) batch: Batch,
    /// What it is scaled with, if with anything.
    pub(crate) factor: Option<T::Factor>,
}

impl<T: FloatNumber> Outer<'_, T> {
    #[inline(always)]
    fn of<const V: bool, const N: usize>(&mut self, r: usize, mut next: impl FnMut(usize) -> u32) {
        let Batch { columns, .. } = self.batch;
        let x = self.batch.columns_of::<T, N>(self.x);
        let dy = self.batch.scaled::<T, N>(self.factor, self.dy, r);
        let dw = self.dw.get_mut(r * columns..).and_then(|rows| rows.get_mut(..columns));
        let whole = if V { columns / 32 } else { 0 };
        let (dw, dw_rest) =
            dw.unwrap_or_default().split_at_mut_checked(32 * whole).unwrap_or_default();
        let x = x.map(at_once::<V, T>);
        for (c, target) in dw.as_chunks_mut().0.iter_mut().enumerate() {
            // Read before the bits come: a choice between what was just read and a sum is a masked
            // store to the compiler, and AVX2's takes longer than all else on some processors.
            let mut sums = *target;
            let word = next(32);
            for b in 0..N {
                if let Some(x) = x[b].0.get(c) {
                    sums = where_kept(sums, word, |i, sum| added(sum, x[i], dy[b]));
                }
            }
            *target = sums;
        }
        for (p, target) in pieces_mut(dw_rest, 32).enumerate() {
            let word = next(target.len());
            for b in 0..N {
                let x = x[b].1.get(32 * p..).unwrap_or_default();
                for_kept(target, word, x.iter(), |sum, x| added(sum, *x, dy[b]));
            }
        }
    }
}

impl<T: FloatNumber> Pass for Outer<'_, T> {
    #[inline(always)]
    fn row<const VECTORS: bool>(&mut self, r: usize, next: impl FnMut(usize) -> u32) {
        if GROUP > 1 && self.batch.vectors > 1 {
            self.of::<VECTORS, GROUP>(r, next);
        } else {
            self.of::<VECTORS, 1>(r, next);
        }
    }
}

/// dx += (M o W)^T dy, with dy scaled.
#[derive(Debug)]
pub struct Transposed<'a, T: Number> {
    pub(crate) w: &'a [T],
    pub(crate) dx: &'a mut [T],
    pub(crate) dy: &'a [T],
    pub(crate) batch: Batch,
    /// What it is scaled with, if with anything.
    pub(crate) factor: Option<T::Factor>,
}

impl<T: FloatNumber> Transposed<'_, T> {
    #[inline(always)]
    fn of<const V: bool, const N: usize>(&mut self, r: usize, mut next: impl FnMut(usize) -> u32) {
        let Batch { columns, .. } = self.batch;
        let dy = self.batch.scaled::<T, N>(self.factor, self.dy, r);
        let (w, w_rest) = at_once::<V, T>(row(self.w, r, columns));
        let done = 32 * w.len();
        for (c, w) in w.iter().enumerate() {
            // Read before the bits come, as above.
            let mut sums = [[T::ZERO; 32]; N];
            for (b, sums) in sums.iter_mut().enumerate() {
                let dx = self.dx.get(b * columns + 32 * c..).and_then(|dx| dx.first_chunk());
                *sums = dx.copied().unwrap_or(*sums);
            }
            let word = next(32);
            for b in 0..N {
                let dx = self.dx.get_mut(b * columns + 32 * c..);
                if let Some(dx) = dx.and_then(|dx| dx.first_chunk_mut()) {
                    *dx = where_kept(sums[b], word, |i, sum| added(sum, w[i], dy[b]));
                }
            }
        }
        for (p, w) in pieces(w_rest, 32).enumerate() {
            let word = next(w.len());
            for (b, dy) in dy.into_iter().enumerate() {
                let dx = self.dx.get_mut(b * columns + done + 32 * p..).unwrap_or_default();
                for_kept(dx, word, w.iter(), |sum, w| added(sum, *w, dy));
            }
        }
    }
}

impl<T: FloatNumber> Pass for Transposed<'_, T> {
    #[inline(always)]
    fn row<const VECTORS: bool>(&mut self, r: usize, next: impl FnMut(usize) -> u32) {
        if GROUP > 1 && self.batch.vectors > 1 {
            self.of::<VECTORS, GROUP>(r, next);
        } else {
            self.of::<VECTORS, 1>(r, next);
        }
    }
}

/// sum + factor * x.
#[inline(always)]
fn added<T: FloatNumber>(sum: T, x: T, factor: T::Factor) -> T {
    T::narrow(sum.widen().plus(x.widen().times(factor)))
}

/// The sum of the terms whose bits are set, for each of `N` vectors: 32 sums, of every 32nd term
/// each, and the sum of those.
#[inline(always)]
fn sums<const VECTORS: bool, T: FloatNumber, const N: usize>(
    w: &[T],
    x: [&[T]; N],
    mut next: impl FnMut(usize) -> u32,
    term: impl Fn(T::Factor, T::Factor) -> T::Factor,
) -> [T::Factor; N] {
    let mut sums = [[T::Factor::ZERO; 32]; N];
    let term = |w: T, x: T| term(w.widen(), x.widen());
    let (w, w_rest) = at_once::<VECTORS, T>(w);
    let x = x.map(at_once::<VECTORS, T>);
    for (c, w) in w.iter().enumerate() {
        let word = next(32);
        for b in 0..N {
            if let Some(x) = x[b].0.get(c) {
                sums[b] = where_kept(sums[b], word, |i, sum| sum.plus(term(w[i], x[i])));
            }
        }
    }
    if VECTORS && w_rest.is_empty() {
        return sums.map(total);
    }
    // A copy, so that the sums above stay in registers.
    let mut all = sums;
    for (p, w) in pieces(w_rest, 32).enumerate() {
        let word = next(w.len());
        for b in 0..N {
            let terms = w.iter().zip(x[b].1.get(32 * p..).unwrap_or_default());
            for_kept(&mut all[b], word, terms, |sum, (w, x)| sum.plus(term(*w, *x)));
        }
    }
    if VECTORS {
        return all.map(total);
    }
    // In place, as a copy is a call of `memcpy`.
    let mut totals = [T::Factor::ZERO; N];
    for (total, sums) in totals.iter_mut().zip(&mut all) {
        *total = total_in_place(sums);
    }
    totals
}

/// What is worth 32 sums in registers, and the rest: where there are no vectors, all of it.
#[inline(always)]
fn at_once<const VECTORS: bool, T>(elements: &[T]) -> (&[[T; 32]], &[T]) {
    if VECTORS { elements.as_chunks() } else { (&[], elements) }
}

/// What `f` makes of each number whose bit is set. That stands outside the choice, so that the
/// choice is a select.
#[inline(always)]
fn where_kept<T: Number>(mut sums: [T; 32], word: u32, f: impl Fn(usize, T) -> T) -> [T; 32] {
    for i in 0..32 {
        let sum = f(i, sums[i]);
        sums[i] = if word & BITS[i] != 0 { sum } else { sums[i] };
    }
    sums
}

/// [`where_kept`] a number at a time, for up to 32 with what each is changed by.
#[inline(always)]
fn for_kept<T: Number, X>(
    sums: &mut [T],
    mut word: u32,
    changes: impl Iterator<Item = X>,
    f: impl Fn(T, X) -> T,
) {
    for (sum, change) in sums.iter_mut().zip(changes) {
        if word & 1 != 0 {
            *sum = f(*sum, change);
        }
        word >>= 1;
    }
}

/// The sum of 32 sums, halves added to halves.
#[inline(always)]
fn total<T: Real>(sums: [T; 32]) -> T {
    let sums: [T; 16] = halved(sums);
    let sums: [T; 8] = halved(sums);
    let sums: [T; 4] = halved(sums);
    let sums: [T; 2] = halved(sums);
    let [sum] = halved(sums);
    sum
}

/// [`total`] without a copy.
#[inline(always)]
pub(crate) fn total_in_place<T: Real, const N: usize>(sums: &mut [T; N]) -> T {
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

/// The lower half with the upper half added: a new, smaller array, since reducing in place makes
/// the compiler store halves that nobody reads.
#[inline(always)]
fn halved<T: Real, const N: usize, const HALF: usize>(sums: [T; N]) -> [T; HALF] {
    const { assert!(N == 2 * HALF) };
    let mut half = [T::ZERO; HALF];
    for i in 0..HALF {
        half[i] = sums[i].plus(sums[i + HALF]);
    }
    half
}

#[inline(always)]
fn scaled<T: Real>(factor: Option<T>, x: T) -> T {
    match factor {
        Some(factor) => x.times(factor),
        None => x,
    }
}

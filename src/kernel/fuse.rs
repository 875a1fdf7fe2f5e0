//! Several slices in one pass, by a mask whose rows begin at any bit.
//!
//! Loops over arrays, of which the compiler makes vectors: here the slices that are read and written take
//! the time.
#![expect(clippy::indexing_slicing, reason = "indices run over the lengths of arrays")]

use core::iter;

use super::Isa;
use super::apply::keeps;
use super::op::InPlace;
use crate::bits::{bits, words_from};
use crate::element::{FloatNumber, Number, Real as _, Value as _};
use crate::panel::Panel;
use crate::pieces::cut;

/// Rows with strides, and their bits.
#[derive(Clone, Copy)]
pub struct Strip<'a> {
    pub(crate) words: &'a [u32],
    /// The bit of the first element.
    pub(crate) first: usize,
    pub(crate) panel: Panel,
    pub(crate) spot: Spot,
}

/// Where an element is: its index in what is read, in the residual, and its column.
#[derive(Clone, Copy, Default)]
pub(crate) struct Spot {
    pub(crate) at: usize,
    pub(crate) residual: usize,
    pub(crate) column: usize,
}

impl Spot {
    #[inline(always)]
    const fn plus(self, n: usize) -> Self {
        Self { at: self.at + n, residual: self.residual + n, column: self.column + n }
    }
}

/// What is computed in one pass.
pub(crate) trait Fusion<T> {
    /// Writes `target`, whose first element lies at `spot`; of every `N` elements those are kept whose
    /// bits the next of `words` has.
    fn fuse<const N: usize>(
        &mut self,
        words: impl Iterator<Item = u32>,
        spot: Spot,
        target: &mut [[T; N]],
    );
}

/// The target begins with the strip's first element.
#[inline(always)]
pub(super) fn fuse<I: Isa, T: Number, F: Fusion<T>>(
    _: I,
    strip: Strip<'_>,
    target: &mut [T],
    fusion: &mut F,
) {
    let Strip { words, mut first, panel, mut spot } = strip;
    let mut target = target;
    for _ in 0..panel.filled_rows() {
        // The last row may end before the stride.
        let row = cut(&mut target, panel.output).get_mut(..panel.width).unwrap_or_default();
        if I::VECTORS {
            fuse_row(words, first, spot, row, fusion);
        } else {
            fuse_pieces::<T, F, 1>(words, first, spot, row, fusion);
        }
        first = first.wrapping_add(panel.mask);
        spot.at = spot.at.wrapping_add(panel.input);
        spot.residual = spot.residual.wrapping_add(panel.residual);
    }
}

/// Whole words, then eights, then single elements.
#[inline(always)]
fn fuse_row<T: Number, F: Fusion<T>>(
    words: &[u32],
    first: usize,
    spot: Spot,
    row: &mut [T],
    fusion: &mut F,
) {
    let (whole, rest) = row.as_chunks_mut::<32>();
    let done = 32 * whole.len();
    if done > 0 {
        fusion.fuse(words_from(words, first), spot, whole);
    }
    let (eights, singles) = rest.split_at_mut_checked(rest.len() / 8 * 8).unwrap_or_default();
    let (bit, spot, n) = (first + done, spot.plus(done), eights.len());
    fuse_pieces::<T, F, 8>(words, bit, spot, eights, fusion);
    fuse_pieces::<T, F, 1>(words, bit + n, spot.plus(n), singles, fusion);
}

/// `N` elements at a time.
#[inline(always)]
fn fuse_pieces<T: Number, F: Fusion<T>, const N: usize>(
    words: &[u32],
    first: usize,
    spot: Spot,
    row: &mut [T],
    fusion: &mut F,
) {
    let mut bit = first;
    let shifted = iter::repeat_with(|| {
        let word = bits(words, bit);
        bit += N;
        word
    });
    fusion.fuse(shifted, spot, row.as_chunks_mut::<N>().0);
}

/// What is read beside the mask.
pub(crate) trait Reads<T>: Copy {
    /// `N` elements at a time from index `at` on; `None` for those of the target.
    fn each<const N: usize>(self, at: usize) -> impl Iterator<Item = Option<[T; N]>>;
}

impl<T: Copy> Reads<T> for &[T] {
    #[inline(always)]
    fn each<const N: usize>(self, at: usize) -> impl Iterator<Item = Option<[T; N]>> {
        self.get(at..).unwrap_or_default().as_chunks().0.iter().map(|elements| Some(*elements))
    }
}

impl<T: Copy> Reads<T> for InPlace {
    #[inline(always)]
    fn each<const N: usize>(self, _: usize) -> impl Iterator<Item = Option<[T; N]>> {
        iter::repeat(None)
    }
}

/// Nothing is added: -0.0, which changes no sum, not its sign either.
#[derive(Clone, Copy, Debug)]
pub struct Nothing;

impl<T: FloatNumber> Reads<T> for Nothing {
    #[inline(always)]
    fn each<const N: usize>(self, _: usize) -> impl Iterator<Item = Option<[T; N]>> {
        iter::repeat(Some([T::NEGATIVE_ZERO; N]))
    }
}

/// y = residual + (keep ? (x + bias) * factor : 0), rounded once at the end.
#[derive(Clone, Copy, Debug)]
pub struct Sum<T: FloatNumber, X, B, R> {
    pub(crate) x: X,
    pub(crate) bias: B,
    pub(crate) residual: R,
    pub(crate) factor: T::Factor,
}

impl<T: FloatNumber, X: Reads<T>, B: Reads<T>, R: Reads<T>> Fusion<T> for Sum<T, X, B, R> {
    #[inline(always)]
    fn fuse<const N: usize>(
        &mut self,
        words: impl Iterator<Item = u32>,
        spot: Spot,
        target: &mut [[T; N]],
    ) {
        let Self { x, bias, residual, factor } = *self;
        let inputs = x.each(spot.at).zip(bias.each(spot.column)).zip(residual.each(spot.residual));
        for ((target, word), ((x, bias), residual)) in target.iter_mut().zip(words).zip(inputs) {
            let mut y = *target;
            let (x, bias, residual) = (x.unwrap_or(y), bias.unwrap_or(y), residual.unwrap_or(y));
            for i in 0..N {
                let kept = x[i].widen().plus(bias[i].widen()).times(factor);
                let dropped = if keeps::<T>(word, i) { kept } else { T::Factor::ZERO };
                y[i] = T::narrow(dropped.plus(residual[i].widen()));
            }
            *target = y;
        }
    }
}

/// y = after(keep ? before(y, inputs, bias) * factor : 0, y, inputs, bias).
pub(crate) struct Hook<'a, T: FloatNumber, C, B, A, const K: usize> {
    pub(crate) inputs: [&'a [T]; K],
    pub(crate) bias: C,
    pub(crate) before: B,
    pub(crate) after: A,
    pub(crate) factor: T::Factor,
}

impl<T, C, B, A, const K: usize> Fusion<T> for Hook<'_, T, C, B, A, K>
where
    T: FloatNumber,
    C: Reads<T>,
    B: Fn(T::Factor, [T::Factor; K], T::Factor) -> T::Factor,
    A: Fn(T::Factor, T::Factor, [T::Factor; K], T::Factor) -> T::Factor,
{
    #[inline(always)]
    fn fuse<const N: usize>(
        &mut self,
        words: impl Iterator<Item = u32>,
        spot: Spot,
        target: &mut [[T; N]],
    ) {
        let Self { inputs, bias, ref before, ref after, factor } = *self;
        let n = target.len();
        let inputs = inputs.map(|input| {
            let rest = input.get(spot.at..).unwrap_or_default();
            rest.as_chunks::<N>().0.get(..n).unwrap_or_default()
        });
        if inputs.iter().any(|input| input.len() != n) {
            return; // never: lengths were compared
        }
        let biases = bias.each(spot.column);
        for (k, ((target, word), bias)) in target.iter_mut().zip(words).zip(biases).enumerate() {
            let bias = bias.unwrap_or([T::ZERO; N]);
            let elements = inputs.map(|input| input.get(k).copied().unwrap_or([T::ZERO; N]));
            // Read for whoever asks for it; else the compiler leaves it out.
            let mut y = *target;
            for i in 0..N {
                let x = elements.map(|elements| elements[i].widen());
                let (own, bias) = (y[i].widen(), bias[i].widen());
                let kept = before(own, x, bias).times(factor);
                let dropped = if keeps::<T>(word, i) { kept } else { T::Factor::ZERO };
                y[i] = T::narrow(after(dropped, own, x, bias));
            }
            *target = y;
        }
    }
}

/// Adds rows to `sums`, each column row after row. `x` begins with the first row, and the rows begin
/// `stride` elements after each other.
#[inline(always)]
pub(super) fn add_rows<I: Isa, T: FloatNumber>(
    _: I,
    rows: usize,
    stride: usize,
    x: &[T],
    sums: &mut [T::Factor],
) {
    if !I::VECTORS {
        return add_columns::<T, 1>(rows, stride, x, sums);
    }
    let whole = sums.len() / 32 * 32;
    let (sums, rest) = sums.split_at_mut_checked(whole).unwrap_or_default();
    add_columns::<T, 32>(rows, stride, x, sums);
    add_columns::<T, 1>(rows, stride, x.get(whole..).unwrap_or_default(), rest);
}

/// `N` columns at a time.
#[inline(always)]
fn add_columns<T: FloatNumber, const N: usize>(
    rows: usize,
    stride: usize,
    x: &[T],
    sums: &mut [T::Factor],
) {
    let mut columns = x;
    for sums in sums.as_chunks_mut::<N>().0 {
        let (mut totals, mut rest) = (*sums, columns);
        for _ in 0..rows {
            let Some(x) = rest.first_chunk::<N>() else { break };
            for i in 0..N {
                totals[i] = totals[i].plus(x[i].widen());
            }
            rest = rest.get(stride..).unwrap_or_default();
        }
        *sums = totals;
        columns = columns.get(N..).unwrap_or_default();
    }
}

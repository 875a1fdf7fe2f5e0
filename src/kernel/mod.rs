//! How masks are drawn and applied: once, for every machine.
//!
//! Safe code over arrays, which knows instruction sets by the trait [`Isa`] alone. The code that
//! needs nothing of it is the definition, and every instruction set gives the same bits. It is
//! written so that the compiler vectorises it: sixteen lanes in step, and 32 elements against a
//! table of bits. Where a machine has no vectors the same functions run one lane, and one element,
//! at a time, with the state in registers.
//!
//! [`kernels!`] is the one list of kernels. From it `isa` makes the dispatch and each instruction
//! set's functions.

pub(crate) mod apply;
pub(crate) mod broadcast;
mod draw;
pub(crate) mod fuse;
pub(crate) mod matrix;
mod normal;
pub(crate) mod op;
mod panel;
pub(crate) mod pipeline;
pub(crate) mod reader;
pub(crate) mod registers;
mod shift;
mod stochastic;
pub(crate) mod uniform;
pub(crate) mod wide;

use crate::element::{FloatNumber, IntegerNumber, Number};
use crate::key::MaskKey;
use crate::lanes::{BLOCK, LANES, Lanes};
use crate::layout::Layout;
use crate::panel::Panel;
use crate::pieces::pieces_mut;
use crate::rate::Planes;
use crate::requantise::Multiplier;
use fuse::{Fusion, Strip};
use matrix::{Bits, Pass};
use op::{Op, Source, Sweep};
pub(crate) use registers::Vectored;
use uniform::Noise;

/// The one list of kernels, which `$expand` is given after `$first`.
macro_rules! kernels {
    ($expand:ident $($first:tt)*) => {
        $expand! {
            $($first)*
            /// Draws keep words into `words`: word w from lane w % 16.
            fn fill(lanes: &mut Lanes, planes: Planes, words: &mut [u32]);

            /// Seeds the first `count` lanes, [`Lanes::seed`].
            fn seed(lanes: &mut Lanes, key: MaskKey, count: usize);

            /// Sets each bit of `words`, a string of bits, that lies `by` after one that is set.
            fn or_shifted(words: &mut [u32], by: usize);

            /// Every element as if it were kept, or as if it were dropped. The target begins at index `at` of what
            /// `op` knows.
            fn map<T: Vectored, O: Op<T>>(keep: bool, at: usize, target: &mut [T], op: O);

            /// Writes all of the target.
            fn sweep<T: Number, S: Sweep<T>>(target: &mut [T], sweep: S);

            /// Keeps or drops element i by bit i % 32 of word i / 32. The target begins at index `at` of what `op` knows.
            fn apply<T: Vectored, O: Op<T>>(words: &[u32], at: usize, target: &mut [T], op: O);

            /// [`apply`](Self::apply) by stores that go past the caches.
            fn apply_streaming<T: Vectored, O: Op<T>>(words: &[u32], target: &mut [T], op: O);

            /// [`fill`](Self::fill) and [`apply`](Self::apply) in one pass. `words` is either as long as
            /// the mask or empty; if it is empty the mask is forgotten. Stores go past the caches if
            /// `streaming`.
            fn fill_and_apply<T: Vectored, O: Op<T>>(
                lanes: &mut Lanes, planes: Planes, words: &mut [u32], target: &mut [T], op: O, streaming: bool,
            );

            /// Rows of long runs, by the bits from `first` on. The target begins at index `at` of what `op` knows.
            fn long_runs<T: Vectored, O: Op<T>>(
                words: &[u32], first: usize, layout: Layout, at: usize, target: &mut [T], op: O,
            );

            /// Rows with strides, by the bits from `first` on. The target begins at index `at` of what `op` knows.
            fn panel<T: Vectored, O: Op<T>>(
                words: &[u32], first: usize, panel: Panel, at: usize, target: &mut [T], op: O,
            );

            /// Rows with strides, of several slices in one pass.
            fn fuse<T: Number, F: Fusion<T>>(strip: Strip<'_>, target: &mut [T], fusion: &mut F);

            /// Adds rows of `x` that begin `stride` elements after each other to `sums`.
            fn add_rows<T: FloatNumber>(rows: usize, stride: usize, x: &[T], sums: &mut [T::Factor]);

            /// Clears bit i % 32 of word i / 32 where x\[i\] <= 0.
            fn clear_where_not_positive<T: Number>(words: &mut [u32], x: &[T]);

            /// y = x * (1 + `std_dev` * z), z normal, where `target` is y and `source` gives x.
            fn noise<T: FloatNumber, S: Source<T>>(
                lanes: &mut Lanes, std_dev: f32, target: &mut [T], source: S,
            );

            /// What one random number for each element makes of it, where `source` gives the elements.
            fn uniform<T: FloatNumber, S: Source<T>, N: Noise<T>>(
                lanes: &mut Lanes, target: &mut [T], source: S, noise: &mut N,
            );

            /// Multiplies about a zero point, each product rounded by the next bits of a lane.
            fn round<T: IntegerNumber, S: Source<T>>(
                lanes: &mut Lanes, factor: Multiplier, zero: T, target: &mut [T], source: S,
            );

            /// Shows the first `rows` rows of a matrix to `pass`, with their bits.
            fn rows<P: Pass>(rows: usize, bits: Bits<'_>, pass: P);
        }
    };
}
pub(crate) use kernels;

/// What an instruction set does in its own way. A value is the proof that the machine has it.
pub(crate) trait Isa: Copy {
    /// Whether it has vectors. Where it has none, one lane and one element at a time cost less than
    /// all in step.
    const VECTORS: bool;

    /// Bytes of a register.
    const REGISTER: usize = 16;

    /// A word of a mask, as elements are selected by it; one that is computed is converted.
    type Word: Copy + From<u32> + Into<u32>;

    /// One that stands in memory.
    #[inline(always)]
    fn word(self, in_memory: &u32) -> Self::Word {
        (*in_memory).into()
    }

    /// Whether two words that stand in memory are better taken at a time, by [`pair`](Self::pair).
    #[inline(always)]
    fn takes_pairs(self) -> bool {
        false
    }

    /// Two words by general registers.
    #[inline(always)]
    fn pair(self, low: u32, high: u32) -> [Self::Word; 2] {
        [low.into(), high.into()]
    }

    /// Seeds the first `count` lanes.
    #[inline(always)]
    fn seed(self, lanes: &mut Lanes, key: MaskKey, count: usize) {
        lanes.seed_by_key(key, count);
    }

    /// Draws keep words into `words`. (On x86 by a call: whoever calls it may not be compiled for
    /// the instruction set, as code in a closure is not.)
    #[inline(always)]
    fn fill(self, lanes: &mut Lanes, planes: Planes, words: &mut [u32]) {
        fill_blocks::<Self>(lanes, planes, words);
    }

    /// What 32 elements become whose bits are those of `word`.
    #[inline(always)]
    fn select<T: Vectored, O: Op<T>>(
        self,
        word: Self::Word,
        at: usize,
        target: &[T; 32],
        op: O,
    ) -> [T; 32] {
        self.select_of(word, op.read(at, target), op.dropped(at, target), op)
    }

    /// What `N` elements become, of up to 32, from those that were read and those that stand where one
    /// is dropped.
    #[inline(always)]
    fn select_of<T: Vectored, O: Op<T>, const N: usize>(
        self,
        word: Self::Word,
        read: [T; N],
        dropped: [T; N],
        op: O,
    ) -> [T; N] {
        apply::select_of(word.into(), read, dropped, op)
    }

    /// Writes what up to 32 elements become, whose bits are those of `word`.
    #[inline(always)]
    fn select_some<T: Vectored, O: Op<T>>(self, word: u32, at: usize, target: &mut [T], op: O) {
        apply::apply_singly(at, word, target, op);
    }

    /// Multiplies whole 32s, where that and to zero what is dropped costs less than to select;
    /// tells whether it did.
    #[inline(always)]
    fn multiplied<T: Vectored, O: Op<T>>(self, _: usize, _: &mut [[T; 32]], _: O) -> bool {
        false
    }

    /// Stores 32 elements past the caches, to an address that is a multiple of 16.
    #[inline(always)]
    fn store_past_caches<T: Number>(self, y: [T; 32], target: &mut [T; 32]) {
        *target = y;
    }

    /// Ends a run of [`store_past_caches`](Self::store_past_caches): what comes after it sees them.
    #[inline(always)]
    fn fence(self) {}

    /// Draws and applies, a block of 512 elements after the other.
    #[inline(always)]
    fn fill_and_apply<T: Vectored, O: Op<T>>(
        self,
        lanes: &mut Lanes,
        planes: Planes,
        words: &mut [u32],
        target: &mut [T],
        op: O,
        _streaming: bool,
    ) {
        apply::fill_and_apply(self, lanes, planes, words, target, op);
    }
}

/// Keep words by code without intrinsics.
#[inline(always)]
pub(crate) fn fill_blocks<I: Isa>(lanes: &mut Lanes, planes: Planes, words: &mut [u32]) {
    for block in pieces_mut(words, LANES) {
        draw::fill_block::<I>(lanes, planes, block);
    }
}

#[inline(always)]
pub(crate) fn seed<I: Isa>(isa: I, lanes: &mut Lanes, key: MaskKey, count: usize) {
    isa.seed(lanes, key, count);
}

#[allow(dead_code, reason = "the portable backend has its own, and so has x86")]
#[inline(always)]
pub(crate) fn fill<I: Isa>(isa: I, lanes: &mut Lanes, planes: Planes, words: &mut [u32]) {
    isa.fill(lanes, planes, words);
}

#[inline(always)]
pub(crate) fn or_shifted<I: Isa>(_: I, words: &mut [u32], by: usize) {
    shift::or_shifted(words, by);
}

#[inline(always)]
pub(crate) fn map<I: Isa, T: Vectored, O: Op<T>>(
    _: I,
    keep: bool,
    at: usize,
    target: &mut [T],
    op: O,
) {
    if keep {
        op.keep(at, target);
    } else {
        op.drop(at, target);
    }
}

#[inline(always)]
pub(crate) fn sweep<I: Isa, T: Number, S: Sweep<T>>(_: I, target: &mut [T], sweep: S) {
    sweep.sweep(target);
}

#[inline(always)]
pub(crate) fn apply<I: Isa, T: Vectored, O: Op<T>>(
    isa: I,
    words: &[u32],
    at: usize,
    target: &mut [T],
    op: O,
) {
    if I::VECTORS {
        apply::apply::<I, T, O, false>(isa, at, words, target, op);
    } else {
        // Chips have one copy of it, which drawing shares.
        apply::apply_block(isa, at, words, target, op);
    }
}

#[inline(always)]
pub(crate) fn apply_streaming<I: Isa, T: Vectored, O: Op<T>>(
    isa: I,
    words: &[u32],
    target: &mut [T],
    op: O,
) {
    apply::apply::<I, T, O, true>(isa, 0, words, target, op);
    isa.fence();
}

#[inline(always)]
pub(crate) fn fill_and_apply<I: Isa, T: Vectored, O: Op<T>>(
    isa: I,
    lanes: &mut Lanes,
    planes: Planes,
    words: &mut [u32],
    target: &mut [T],
    op: O,
    streaming: bool,
) {
    isa.fill_and_apply(lanes, planes, words, target, op, streaming);
    if streaming {
        isa.fence();
    }
}

#[inline(always)]
pub(crate) fn long_runs<I: Isa, T: Vectored, O: Op<T>>(
    _: I,
    words: &[u32],
    first: usize,
    layout: Layout,
    at: usize,
    target: &mut [T],
    op: O,
) {
    broadcast::long_runs(words, first, layout, at, target, op);
}

#[inline(always)]
pub(crate) fn panel<I: Isa, T: Vectored, O: Op<T>>(
    isa: I,
    words: &[u32],
    first: usize,
    panel: Panel,
    at: usize,
    target: &mut [T],
    op: O,
) {
    panel::panel(isa, words, first, panel, at, target, op);
}

#[inline(always)]
pub(crate) fn fuse<I: Isa, T: Number, F: Fusion<T>>(
    isa: I,
    strip: Strip<'_>,
    target: &mut [T],
    fusion: &mut F,
) {
    fuse::fuse(isa, strip, target, fusion);
}

#[inline(always)]
pub(crate) fn add_rows<I: Isa, T: FloatNumber>(
    isa: I,
    rows: usize,
    stride: usize,
    x: &[T],
    sums: &mut [T::Factor],
) {
    fuse::add_rows(isa, rows, stride, x, sums);
}

#[inline(always)]
pub(crate) fn clear_where_not_positive<I: Isa, T: Number>(_: I, words: &mut [u32], x: &[T]) {
    apply::clear_where_not_positive(words, x);
}

#[inline(always)]
pub(crate) fn noise<I: Isa, T: FloatNumber, S: Source<T>>(
    _: I,
    lanes: &mut Lanes,
    std_dev: f32,
    target: &mut [T],
    source: S,
) {
    if I::VECTORS {
        normal::noise::<LANES, T, S>(lanes, std_dev, target, source);
    } else {
        normal::noise::<1, T, S>(lanes, std_dev, target, source);
    }
}

#[inline(always)]
pub(crate) fn uniform<I: Isa, T: FloatNumber, S: Source<T>, N: Noise<T>>(
    _: I,
    lanes: &mut Lanes,
    target: &mut [T],
    source: S,
    noise: &mut N,
) {
    if I::VECTORS {
        uniform::uniform::<LANES, T, S, N>(lanes, target, source, noise);
    } else {
        uniform::uniform::<1, T, S, N>(lanes, target, source, noise);
    }
}

#[inline(always)]
pub(crate) fn round<I: Isa, T: IntegerNumber, S: Source<T>>(
    _: I,
    lanes: &mut Lanes,
    factor: Multiplier,
    zero: T,
    target: &mut [T],
    source: S,
) {
    if I::VECTORS {
        stochastic::round::<LANES, T, S>(lanes, factor, zero, target, source);
    } else {
        stochastic::round::<1, T, S>(lanes, factor, zero, target, source);
    }
}

#[inline(always)]
pub(crate) fn rows<I: Isa, P: Pass>(isa: I, rows: usize, bits: Bits<'_>, pass: P) {
    matrix::rows(isa, rows, bits, pass);
}

//! The definition of every kernel: safe code over arrays.
//!
//! Written so that the compiler vectorises it: sixteen lanes in step, and 32 elements against a
//! table of bits. Where a target has no vectors the same functions run one lane, and one element,
//! at a time, with the state in registers.
#![expect(clippy::indexing_slicing, reason = "indices run over the lengths of arrays")]

mod draw;
mod multiply;

use core::num::NonZero;

use draw::{draw, draw_one};

use super::matrix::{self, Bits, Pass};
pub(super) use super::shifted::or_shifted;
use super::{Change, Mapped, Outcome, Source, gaussian, structured};
use crate::element::Element;
use crate::key::MaskKey;
use crate::lanes::{BLOCK, LANES, Lanes};
use crate::layout::Layout;
use crate::pieces::pieces_mut;
use crate::rate::Planes;

/// Whether the target has vectors at compile time. `--cfg dropout_kernels_backend="scalar"` denies it,
/// so that what microcontrollers run can be tested on machines with vectors.
pub(super) const VECTORS: bool = !cfg!(dropout_kernels_backend = "scalar")
    && cfg!(any(
        target_feature = "sse2",
        // Of Cortex-M55 some compilers say that it has neon, which it has not.
        all(target_feature = "neon", not(all(target_arch = "arm", target_os = "none"))),
        target_feature = "simd128",
        target_feature = "altivec",
        target_feature = "vector",
        target_feature = "v",
        target_feature = "lsx",
        // Helium, which takes a stack of up to 3 KB, so that it is in use only where it is asked for.
        dropout_kernels_backend = "helium",
    ));

/// Up to this many words, single lanes cost less than sixteen in step.
const SINGLE: usize = if VECTORS { 4 } else { LANES };

#[inline(always)]
pub(crate) const fn seed(lanes: &mut Lanes, key: MaskKey, count: usize) {
    // The words first, so that on a chip the stack of both is not needed at once.
    seed_from(lanes, key.words(), count);
}

// In firmware one copy serves every caller.
#[cfg_attr(target_os = "none", inline(never))]
#[cfg_attr(not(target_os = "none"), inline(always))]
const fn seed_from(lanes: &mut Lanes, words: [u32; 4], count: usize) {
    match (VECTORS, count) {
        (true, 3..) => lanes.seed::<4>(words, count),
        // Of fewer, most of a vector would be for nobody.
        (true, _) => lanes.seed::<2>(words, count),
        (false, _) => lanes.seed::<1>(words, count),
    }
}

#[inline(always)]
pub(super) fn map<T: Element, C: Change<T>>(keep: bool, target: &mut [T], change: C) {
    map_from(keep, 0, target, change);
}

/// `target` begins at index `at` of what `change` knows.
#[inline(always)]
pub(super) fn map_from<T: Element, C: Change<T>>(
    keep: bool,
    at: usize,
    target: &mut [T],
    change: C,
) {
    if keep {
        change.keep(at, target);
    } else {
        change.drop(at, target);
    }
}

#[inline(always)]
pub(super) fn accumulate<T: Element, S: Source<T>, O: Outcome<T>>(
    target: &mut [T],
    change: Mapped<S, O>,
) {
    change.0.map(0, target, |x, y| y.plus(change.kept(x)));
}

// Here and below: inlined into the dispatch, its registers would be saved for every backend. In firmware
// one copy serves every caller.
#[cfg_attr(any(target_arch = "x86", target_arch = "x86_64", target_os = "none"), inline(never))]
pub(super) fn fill(lanes: &mut Lanes, planes: Planes, words: &mut [u32]) {
    for block in pieces_mut(words, LANES) {
        fill_block(lanes, planes, block);
    }
}

/// At most a word from each lane.
#[inline(always)]
fn fill_block(lanes: &mut Lanes, planes: Planes, words: &mut [u32]) {
    if words.len() > SINGLE {
        let drawn = draw(lanes, planes, words.len());
        for (l, word) in words.iter_mut().enumerate() {
            *word = drawn[l % LANES];
        }
    } else {
        for (l, word) in words.iter_mut().enumerate() {
            *word = draw_one(lanes, planes, l);
        }
    }
}

#[cfg_attr(any(target_arch = "x86", target_arch = "x86_64"), inline(never))]
pub(super) fn fill_and_apply<T: Element, C: Change<T>>(
    lanes: &mut Lanes,
    planes: Planes,
    words: &mut [u32],
    target: &mut [T],
    change: C,
) {
    fill_and_apply_by(lanes, planes, words, target, change, choose);
}

/// [`fill_and_apply`], choosing by `choose`.
#[inline(always)]
pub(super) fn fill_and_apply_by<T: Element, C: Change<T>>(
    lanes: &mut Lanes,
    planes: Planes,
    words: &mut [u32],
    target: &mut [T],
    change: C,
    choose: impl Fn(u32, usize, &[T; 32], C) -> [T; 32] + Copy,
) {
    // In firmware, where one copy of the drawing serves all, blocks would only cost their loop.
    if cfg!(target_os = "none") && !words.is_empty() {
        fill(lanes, planes, words);
        return apply_block(0, words, target, change, choose);
    }
    let mut at = 0;
    let mut run = |words: &mut [u32], block: &mut [T]| {
        if cfg!(target_os = "none") {
            fill(lanes, planes, words);
        } else {
            fill_block(lanes, planes, words);
        }
        apply_block(at, words, block, change, choose);
        at += BLOCK;
    };
    if words.is_empty() {
        let mut words = [0; LANES];
        for block in pieces_mut(target, BLOCK) {
            run(words.get_mut(..block.len().div_ceil(32)).unwrap_or_default(), block);
        }
    } else {
        for (words, block) in pieces_mut(words, LANES).zip(pieces_mut(target, BLOCK)) {
            run(words, block);
        }
    }
}

/// Not inlined, so that the table of bits stays in registers from word to word; but wasm's engine,
/// measured under Node, does worse with that.
#[cfg_attr(not(target_family = "wasm"), inline(never))]
#[cfg_attr(target_family = "wasm", inline(always))]
fn apply_block<T: Element, C: Change<T>>(
    at: usize,
    words: &[u32],
    target: &mut [T],
    change: C,
    choose: impl Fn(u32, usize, &[T; 32], C) -> [T; 32],
) {
    apply_from(at, words.iter().copied(), target, change, choose);
}

#[cfg_attr(any(target_arch = "x86", target_arch = "x86_64"), inline(never))]
pub(super) fn apply<T: Element, C: Change<T>>(words: &[u32], target: &mut [T], change: C) {
    apply_block(0, words, target, change, choose);
}

#[inline(always)]
pub(super) fn structured<T: Element, C: Change<T>>(
    words: &[u32],
    first: usize,
    layout: Layout,
    at: usize,
    target: &mut [T],
    change: C,
) {
    structured::apply(words, first, layout, at, target, change, choose);
}

#[inline(always)]
pub(super) fn gaussian<T: Element, S: Source<T>>(
    lanes: &mut Lanes,
    deviation: f32,
    target: &mut [T],
    source: S,
) {
    const GROUP: usize = if VECTORS { LANES } else { 1 };
    gaussian::gaussian::<GROUP, T, S>(lanes, deviation, target, source);
}

pub(super) fn rows<P: Pass>(rows: usize, bits: Bits<'_>, pass: P) {
    matrix::rows(rows, bits, pass, seed, fill);
}

/// Bit i of a word.
pub(super) const BITS: [u32; 32] = {
    let mut bits = [0; 32];
    let mut i = 0;
    while i < 32 {
        bits[i] = 1 << i;
        i += 1;
    }
    bits
};

/// What 32 elements become whose bits are those of `word`.
#[inline(always)]
pub(super) fn choose<T: Element, C: Change<T>>(
    word: u32,
    at: usize,
    target: &[T; 32],
    change: C,
) -> [T; 32] {
    let (mut y, dropped) = (change.read(at, target), change.dropped(at, target));
    for i in 0..32 {
        // The product stands outside the choice, so that the choice is a select.
        let product = change.kept(y[i]);
        y[i] = if word & BITS[i] != 0 { product } else { dropped[i] };
    }
    y
}

/// `target` begins at index `at` of what `change` knows; a word decides 32 elements.
#[inline(always)]
pub(super) fn apply_from<T: Element, C: Change<T>>(
    mut at: usize,
    words: impl Iterator<Item = u32>,
    target: &mut [T],
    change: C,
    choose: impl Fn(u32, usize, &[T; 32], C) -> [T; 32],
) {
    let mut words = words;
    let mut tail = target;
    if multiply::pays::<T, C>() {
        let (whole, rest) = tail.as_chunks_mut::<32>();
        multiply::keep(at, whole, change);
        at += 32 * whole.len();
        for (target, word) in whole.iter_mut().zip(&mut words) {
            zero(!word, target);
        }
        tail = rest;
    } else if VECTORS {
        let (whole, rest) = tail.as_chunks_mut::<32>();
        for (target, word) in whole.iter_mut().zip(&mut words) {
            *target = choose(word, at, target, change);
            at += 32;
        }
        tail = rest;
    }
    if multiply::pays::<T, C>() || VECTORS {
        // Less than what a word decides is left.
        if let Some(word) = words.next() {
            apply_singly(at, word, tail, change);
        }
        return;
    }
    for (target, word) in pieces_mut(tail, 32).zip(words) {
        apply_singly(at, word, target, change);
        at += target.len();
    }
}

/// Up to 32 elements, one at a time.
#[inline(always)]
fn apply_singly<T: Element, C: Change<T>>(
    mut at: usize,
    mut word: u32,
    target: &mut [T],
    change: C,
) {
    for target in target.as_chunks_mut::<1>().0 {
        let [x] = change.read(at, target);
        *target = if word & 1 != 0 { [change.kept(x)] } else { change.dropped(at, target) };
        word >>= 1;
        at += 1;
    }
}

/// +0.0 where a bit of `word` is set.
#[inline(always)]
fn zero<T: Element>(word: u32, target: &mut [T; 32]) {
    // From the highest bit of the reverse: a processor that counts leading zeros reverses bits, too.
    let mut left = word.reverse_bits();
    while let Some(bits) = NonZero::new(left) {
        let i = bits.leading_zeros();
        target[i as usize] = T::ZERO;
        left &= !(1 << 31 >> i);
    }
}

#[cfg(test)]
mod tests {
    use super::zero;

    /// Only chips with a floating-point unit call it.
    #[test]
    fn what_a_bit_is_set_for_becomes_zero() {
        for word in [0, !0, 1, 1 << 31, 0xA5A5_5A5A] {
            let mut target = [1f32; 32];
            zero(word, &mut target);
            for (i, y) in target.into_iter().enumerate() {
                assert_eq!(y, if word >> i & 1 != 0 { 0.0 } else { 1.0 }, "{i} of {word:#x}");
            }
        }
    }
}

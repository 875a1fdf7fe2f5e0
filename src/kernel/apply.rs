//! Masks that are applied: 32 elements by a word.
#![expect(clippy::indexing_slicing, reason = "indices run over the lengths of arrays")]

use core::num::NonZero;

use super::op::{Op, STEP};
use super::{BLOCK, Isa, LANES, Lanes, Planes, Vectored, draw};
use crate::element::Number;
use crate::pieces::{pieces_mut, zeros};

/// Bit i of a word, as an element of a table.
macro_rules! bits {
    ($word:ty) => {{
        let mut bits: [$word; 32] = [0; 32];
        let mut i = 0;
        while i < 32 {
            bits[i] = 1 << (i as u32 % <$word>::BITS);
            i += 1;
        }
        bits
    }};
}
pub(crate) const BITS: [u32; 32] = bits!(u32);
/// Bit i % 16.
pub(crate) const NARROW_BITS: [u16; 32] = bits!(u16);
/// Bit i % 8.
pub(crate) const BYTE_BITS: [u8; 32] = bits!(u8);
#[allow(dead_code, reason = "registers that are driven by intrinsics select by it")]
pub(crate) const WIDE_BITS: [u64; 32] = bits!(u64);

/// Whether element `i` of 32 is kept by `word`: by a table of numbers that are as wide as an
/// element.
#[inline(always)]
pub(super) fn keeps<T>(word: u32, i: usize) -> bool {
    match size_of::<T>() {
        1 => word.to_le_bytes()[i / 8] & BYTE_BITS[i] != 0,
        2 => (word >> (i / 16 * 16)) as u16 & NARROW_BITS[i] != 0,
        _ => word & BITS[i] != 0,
    }
}

/// What `N` elements become, of up to 32, whose bits are those of `word`, from a table of bits.
#[inline(always)]
pub(crate) fn select_of<T: Number, O: Op<T>, const N: usize>(
    word: u32,
    mut y: [T; N],
    dropped: [T; N],
    op: O,
) -> [T; N] {
    for i in 0..N {
        // What is kept stands outside the choice, so that the choice is a select.
        let kept = op.kept(y[i]);
        y[i] = if keeps::<T>(word, i) { kept } else { dropped[i] };
    }
    y
}

/// Clears bit i % 32 of word i / 32 where x\[i\] <= 0.
#[inline(always)]
pub(super) fn clear_where_not_positive<T: Number>(words: &mut [u32], x: &[T]) {
    let (whole, rest) = x.as_chunks::<32>();
    let mut words = words.iter_mut();
    for (x, word) in whole.iter().zip(&mut words) {
        let mut positive = 0;
        for (x, bit) in x.iter().zip(BITS) {
            positive |= if x.is_not_positive() { 0 } else { bit };
        }
        *word &= positive;
    }
    if let Some(word) = words.next() {
        for (x, bit) in rest.iter().zip(BITS) {
            *word &= if x.is_not_positive() { !bit } else { !0 };
        }
    }
}

/// `target` begins at index `at` of what `op` knows; a word decides 32 elements.
#[inline(always)]
pub(super) fn apply<I: Isa, T: Vectored, O: Op<T>, const STREAMING: bool>(
    isa: I,
    mut at: usize,
    words: &[u32],
    target: &mut [T],
    op: O,
) {
    let (whole, _) = target.as_chunks_mut::<32>();
    let (of_whole, of_rest) = words.split_at_checked(whole.len()).unwrap_or_default();
    let mut words = words.iter();
    if isa.multiplied(at, whole, op) {
        at += 32 * whole.len();
        // They are not counted together, which would take more flash.
        for (target, word) in whole.iter_mut().zip(&mut words) {
            zero(!*word, target);
        }
    } else if I::VECTORS {
        words = of_rest.iter();
        apply_whole::<I, T, O, STREAMING>(isa, at, of_whole, whole, op);
        at += 32 * whole.len();
    } else if let (true, Some(filler)) = (T::LIGHT, op.filler()) {
        words = of_rest.iter();
        keep_steps(at, whole.as_flattened_mut().as_chunks_mut().0, op);
        for (target, word) in whole.iter_mut().zip(of_whole) {
            drop_by_steps(!*word, target, filler);
        }
        at += 32 * whole.len();
    } else {
        for (target, word) in pieces_mut(target, 32).zip(words) {
            apply_singly(at, *word, target, op);
            at += target.len();
        }
        return;
    }
    let (_, rest) = target.as_chunks_mut::<32>();
    // Less than what a word decides is left.
    if let Some(word) = words.next() {
        isa.select_some(*word, at, rest, op);
    }
}

/// A word for each 32 elements. Two are taken at a time, where that is better.
#[inline(always)]
pub(super) fn apply_whole<I: Isa, T: Vectored, O: Op<T>, const STREAMING: bool>(
    isa: I,
    mut at: usize,
    mut words: &[u32],
    mut target: &mut [[T; 32]],
    op: O,
) {
    if isa.takes_pairs() {
        let (twos, one) = target.as_chunks_mut::<2>();
        let (pairs, word) = words.as_chunks::<2>();
        for ([first, second], [low, high]) in twos.iter_mut().zip(pairs) {
            let [low, high] = isa.pair(*low, *high);
            select_to::<I, T, O, STREAMING>(isa, low, at, first, op);
            select_to::<I, T, O, STREAMING>(isa, high, at + 32, second, op);
            at += 64;
        }
        (target, words) = (one, word);
    }
    for (target, word) in target.iter_mut().zip(words) {
        select_to::<I, T, O, STREAMING>(isa, isa.word(word), at, target, op);
        at += 32;
    }
}

#[inline(always)]
pub(super) fn select_to<I: Isa, T: Vectored, O: Op<T>, const STREAMING: bool>(
    isa: I,
    word: I::Word,
    at: usize,
    target: &mut [T; 32],
    op: O,
) {
    let y = isa.select(word, at, target, op);
    if STREAMING {
        isa.store_past_caches(y, target);
    } else {
        *target = y;
    }
}

/// Not inlined, so that its loop has all registers.
#[inline(never)]
fn keep_steps<T: Vectored, O: Op<T>>(at: usize, steps: &mut [[T; STEP]], op: O) {
    op.keep_steps(at, steps);
}

/// `filler` where a bit of `word` is set.
#[inline(always)]
fn drop_by_steps<T: Vectored>(mut word: u32, target: &mut [T; 32], filler: T) {
    for step in target.as_chunks_mut::<STEP>().0 {
        // At a small p many steps are kept as a whole.
        if word as u8 != 0 {
            for (i, y) in step.iter_mut().enumerate() {
                if word >> i & 1 != 0 {
                    *y = filler;
                }
            }
        }
        word >>= STEP;
    }
}

/// Up to 32 elements, one at a time.
#[inline(always)]
pub(crate) fn apply_singly<T: Vectored, O: Op<T>>(
    mut at: usize,
    mut word: u32,
    target: &mut [T],
    op: O,
) {
    for target in target.as_chunks_mut::<1>().0 {
        let [x] = op.read(at, target);
        *target = if word & 1 != 0 { [op.kept(x)] } else { op.dropped(at, target) };
        word >>= 1;
        at += 1;
    }
}

/// +0.0 where a bit of `word` is set.
#[inline(always)]
fn zero<T: Vectored>(word: u32, target: &mut [T; 32]) {
    // From the highest bit of the reverse: a processor that counts leading zeros reverses bits,
    // too.
    let mut left = word.reverse_bits();
    while let Some(bits) = NonZero::new(left) {
        let i = bits.leading_zeros();
        target[i as usize] = T::ZERO;
        left &= !(1 << 31 >> i);
    }
}

/// Draws and applies in turn.
#[inline(always)]
pub(super) fn fill_and_apply<I: Isa, T: Vectored, O: Op<T>>(
    isa: I,
    lanes: &mut Lanes,
    planes: Planes,
    words: &mut [u32],
    target: &mut [T],
    op: O,
) {
    if words.is_empty() {
        let mut words = zeros::<LANES>();
        for (i, block) in pieces_mut(target, BLOCK).enumerate() {
            let words = words.get_mut(..block.len().div_ceil(32)).unwrap_or_default();
            fill_and_apply_block(isa, lanes, planes, words, i * BLOCK, block, op);
        }
    } else {
        let blocks = pieces_mut(words, LANES).zip(pieces_mut(target, BLOCK));
        for (i, (words, block)) in blocks.enumerate() {
            fill_and_apply_block(isa, lanes, planes, words, i * BLOCK, block, op);
        }
    }
}

/// A block that begins at index `at` of what `op` knows.
#[inline(always)]
fn fill_and_apply_block<I: Isa, T: Vectored, O: Op<T>>(
    isa: I,
    lanes: &mut Lanes,
    planes: Planes,
    words: &mut [u32],
    at: usize,
    block: &mut [T],
    op: O,
) {
    // Where one copy of drawing serves every operation, it is a call for each block.
    if cfg!(any(target_os = "none", target_arch = "x86", target_arch = "x86_64")) {
        isa.fill(lanes, planes, words);
    } else {
        draw::fill_block::<I>(lanes, planes, words);
    }
    apply_block(isa, at, words, block, op);
}

/// Not inlined, so that the table of bits stays in registers from word to word; but wasm's engine,
/// measured under Node, does worse with that.
#[cfg_attr(not(target_family = "wasm"), inline(never))]
#[cfg_attr(target_family = "wasm", inline(always))]
pub(super) fn apply_block<I: Isa, T: Vectored, O: Op<T>>(
    isa: I,
    at: usize,
    words: &[u32],
    target: &mut [T],
    op: O,
) {
    apply::<I, T, O, false>(isa, at, words, target, op);
}

#[cfg(test)]
mod tests {
    use super::{apply_whole, zero};
    use crate::kernel::Isa;
    use crate::kernel::op::{InPlace, Mapped, Times};

    /// Takes words in pairs or not, which on x86 the processor decides.
    #[derive(Clone, Copy)]
    struct Paired(bool);

    impl Isa for Paired {
        const VECTORS: bool = true;

        type Word = u32;

        fn takes_pairs(self) -> bool {
            self.0
        }
    }

    #[test]
    fn words_in_pairs_are_words() {
        const WORDS: [u32; 5] = [1, 0x8000_0000, 0xA5A5_5A5A, !0, 0x0F0F_1234];
        let of = |paired| {
            let mut target = [[1f32; 32]; 5];
            apply_whole::<_, _, _, false>(
                Paired(paired),
                0,
                &WORDS,
                &mut target,
                Mapped(InPlace, Times(2.0)),
            );
            target
        };
        let expected =
            WORDS.map(|word| core::array::from_fn(|i| if word >> i & 1 != 0 { 2.0 } else { 0.0 }));
        assert_eq!([of(false), of(true)], [expected, expected]);
    }

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

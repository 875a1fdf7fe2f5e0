//! Drawing and applying at a time, over [`Wide`] vectors.
//!
//! Drawing keeps the vector units busy and applying keeps the store unit busy, so the two are
//! interleaved: a piece of one block is applied after each plane drawn of a later block. A mask is
//! applied two blocks after it was drawn: read back at once, its words would have to wait in the
//! store queue behind everything before them. Measured on a prototype, AMD EPYC (Zen 4),
//! 2026-11-23, AVX-512, f32, 16 Ki elements, p = 0.1, nanoseconds per element: one after the other
//! 0.072, interleaved 0.056, two blocks behind 0.053, three no better; multiplying by a constant
//! takes 0.034.
#![allow(dead_code, reason = "only machines whose vectors are driven by intrinsics use it")]
#![expect(clippy::indexing_slicing, reason = "indices are taken modulo the length")]

use super::apply::select_to;
use super::op::Op;
use super::wide::{Decider, State, Wide, WideIsa, Work};
use super::{BLOCK, LANES, Lanes, Planes, Vectored};

#[inline(always)]
pub(crate) fn fill<I: WideIsa>(isa: I, lanes: &mut Lanes, planes: Planes, words: &mut [u32]) {
    let (blocks, rest) = words.as_chunks_mut::<LANES>();
    if !blocks.is_empty() {
        let (mut state, decider) =
            (State::<I::Vector>::load(isa, lanes), Decider::new(isa, planes));
        for block in blocks {
            decider.draw(&mut state, &mut ()).store(block);
        }
        state.store(lanes);
    }
    if !rest.is_empty() {
        let drawn = isa.draw_some(lanes, planes, rest.len());
        copy_first(&drawn, rest);
    }
}

/// Keep words from the first `count` lanes, which `V` has; the other lanes do not advance.
#[inline(always)]
pub(crate) fn draw_some<V: Wide>(
    isa: V::Proof,
    lanes: &mut Lanes,
    planes: Planes,
    count: usize,
) -> [u32; LANES] {
    /// The `count` words that begin `LANES - count` words into it are ones, and then come zeros.
    const USED: [u32; 2 * LANES] = {
        let mut words = [0; 2 * LANES];
        words.split_at_mut(LANES).0.copy_from_slice(&[!0; LANES]);
        words
    };
    let used = USED.get(LANES.saturating_sub(count)..).and_then(|w| w.first_chunk());
    let used = used.unwrap_or(&[!0; LANES]);
    let (old, decider) = (State::<V>::load(isa, lanes), Decider::new(isa, planes));
    let used = V::load(isa, used);
    let mut state = old;
    let mut words = [0; LANES];
    decider.only(used).draw_soon(&mut state).store(&mut words);
    state.where_nonzero(used, old).store(lanes);
    words
}

/// The first words of `drawn` to all of `words`: for so few, a call of `memcpy` costs more than
/// they do.
#[inline(always)]
fn copy_first(drawn: &[u32; LANES], words: &mut [u32]) {
    let drawn = drawn.get(..words.len()).unwrap_or(drawn);
    let _done = copy_ends::<8>(drawn, words)
        || copy_ends::<4>(drawn, words)
        || copy_ends::<2>(drawn, words)
        || copy_ends::<1>(drawn, words);
}

/// The first `N` words and the last `N`, which are all of at most `2 * N`; `false` if there are
/// fewer than `N`.
#[inline(always)]
fn copy_ends<const N: usize>(from: &[u32], to: &mut [u32]) -> bool {
    if let (Some(from), Some(to)) = (from.first_chunk::<N>(), to.first_chunk_mut()) {
        *to = *from;
    }
    let (Some(from), Some(to)) = (from.last_chunk::<N>(), to.last_chunk_mut()) else {
        return false;
    };
    *to = *from;
    true
}

/// Draws and applies, and does both at a time. All of `target` but a rest is stored to past the
/// caches if `streaming`, which nobody asks for in place.
#[inline(always)]
pub(crate) fn fill_and_apply<I: WideIsa, T: Vectored, O: Op<T>>(
    isa: I,
    lanes: &mut Lanes,
    planes: Planes,
    words: &mut [u32],
    target: &mut [T],
    op: O,
    streaming: bool,
) {
    // So few that two calls would take as long as they do, and pairs of words longer than they save.
    if target.len() <= BLOCK / 2 && !target.is_empty() {
        let drawn = draw_some::<I::Half>(isa, lanes, planes, target.len().div_ceil(32));
        copy_first(&drawn, words);
        let (whole, rest) = target.as_chunks_mut::<32>();
        let (of_whole, of_rest) = drawn.split_at_checked(whole.len()).unwrap_or_default();
        let mut at = 0;
        for (target, word) in whole.iter_mut().zip(of_whole) {
            select_to::<I, T, O, false>(isa, isa.word(word), at, target, op);
            at += 32;
        }
        if let (false, Some(word)) = (rest.is_empty(), of_rest.first()) {
            isa.select_some(*word, at, rest, op);
        }
        return;
    }
    let (blocks, rest) = target.as_chunks_mut::<BLOCK>();
    // No words at all if the mask is not to be stored.
    let whole = (blocks.len() * LANES).min(words.len());
    let (stored, rest_stored) = words.split_at_mut_checked(whole).unwrap_or_default();
    let stored = stored.as_chunks_mut::<LANES>().0;
    let count = blocks.len();
    let mut at = 0;
    if count > 0 {
        // Where masks wait that are not stored.
        let mut ring = [[0; LANES]; LAG];
        let first: &mut [_] = if stored.is_empty() { &mut ring } else { &mut *stored };
        let first = first.get_mut(..count.min(LAG)).unwrap_or_default();
        isa.fill(lanes, planes, first.as_flattened_mut());
        let (mut state, decider) =
            (State::<I::Vector>::load(isa, lanes), Decider::new(isa, planes));
        for (i, block) in blocks.iter_mut().enumerate() {
            let mask = stored.get(i).unwrap_or(&ring[i % LAG]);
            let pieces = block.as_chunks_mut::<PIECE>().0.iter_mut().zip(mask.as_chunks::<2>().0);
            let mut pieces = Pieces { isa, pieces, at, op, streaming };
            // No closure, which the compiler might not inline.
            let next =
                if i + LAG < count { Some(decider.draw(&mut state, &mut pieces)) } else { None };
            while pieces.piece() {}
            if let Some(keep) = next {
                keep.store(stored.get_mut(i + LAG).unwrap_or(&mut ring[i % LAG]));
            }
            at += BLOCK;
        }
        state.store(lanes);
    }
    if !rest.is_empty() {
        let drawn = isa.draw_some(lanes, planes, rest.len().div_ceil(32));
        copy_first(&drawn, rest_stored);
        isa.apply(&drawn, at, rest, op);
    }
}

/// Blocks between drawing a mask and applying it.
const LAG: usize = 2;

/// Elements applied between two planes: eight pieces a block, for at most eight planes.
const PIECE: usize = 64;

/// What is left to apply of a block.
struct Pieces<I, P, O> {
    isa: I,
    /// Targets and their mask words.
    pieces: P,
    /// Where the next one lies in the whole target.
    at: usize,
    op: O,
    streaming: bool,
}

impl<'a, I: WideIsa, T: Vectored + 'a, O: Op<T>, P> Work for Pieces<I, P, O>
where
    P: Iterator<Item = (&'a mut [T; PIECE], &'a [u32; 2])>,
{
    /// A word at a time, as general registers and their shifts would take a unit that drawing needs.
    #[inline(always)]
    fn piece(&mut self) -> bool {
        let Some((target, words)) = self.pieces.next() else { return false };
        let (isa, op, at, [low, high]) = (self.isa, self.op, self.at, words);
        if let ([first, second], []) = target.as_chunks_mut() {
            if !O::IN_PLACE && self.streaming {
                select_to::<I, T, O, true>(isa, isa.word(low), at, first, op);
                select_to::<I, T, O, true>(isa, isa.word(high), at + 32, second, op);
            } else {
                select_to::<I, T, O, false>(isa, isa.word(low), at, first, op);
                select_to::<I, T, O, false>(isa, isa.word(high), at + 32, second, op);
            }
        }
        self.at += PIECE;
        true
    }
}

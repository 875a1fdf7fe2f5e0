//! Keep words by bit-sliced comparison (STREAM.md, section 4): of sixteen lanes in step, or of one.
#![expect(clippy::indexing_slicing, reason = "indices run over the lengths of arrays")]

use super::{Isa, LANES, Lanes, Planes};
use crate::lanes::step;

/// Whether the target's vectors select by bits in one instruction. SSE2 takes three.
const SELECT: bool = !cfg!(target_feature = "sse2");

/// Keep words for at most a word from each lane.
#[inline(always)]
pub(super) fn fill_block<I: Isa>(lanes: &mut Lanes, planes: Planes, words: &mut [u32]) {
    // Up to this many words, single lanes cost less than sixteen in step.
    let single = if I::VECTORS { 4 } else { LANES };
    if words.len() > single {
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

/// Keep words from the first `count` lanes; the other lanes do not advance.
#[inline(always)]
fn draw(lanes: &mut Lanes, planes: Planes, count: usize) -> [u32; LANES] {
    if count >= LANES {
        return keep_words(&mut lanes.0, planes);
    }
    let mut state = lanes.0;
    let words = keep_words(&mut state, planes);
    for l in 0..count.min(LANES) {
        let [s0, s1, s2, s3] = &state;
        lanes.set(l, [s0[l], s1[l], s2[l], s3[l]]);
    }
    words
}

/// A keep word from lane `l % LANES`.
///
/// What [`keep_words`] does, for one lane in four registers. What is dropped will be `drop | open &
/// rest`, where a 0 of p changes `open` alone and a 1 `drop` alone, so that p selects by branches,
/// which repeat from word to word.
#[inline(always)]
fn draw_one(lanes: &mut Lanes, planes: Planes, l: usize) -> u32 {
    let mut state = lanes.get(l).map(|s| [s]);
    let (mut drop, mut open) = (0, !0);
    // The bits of p, and a 1 after the last of them; the overflow is the bit that comes next.
    let top = planes.top() | (1 << 31) >> planes.count;
    let (mut next, mut bit) = top.overflowing_add(top);
    loop {
        while !bit {
            let [r] = step(&mut state);
            open &= !r;
            (next, bit) = next.overflowing_add(next);
        }
        if next == 0 {
            break;
        }
        let [r] = step(&mut state);
        drop |= open & !r;
        (next, bit) = next.overflowing_add(next);
    }
    if planes.low != 0 {
        let mut tied = open & !drop;
        loop {
            let [r] = step(&mut state);
            let lowest = tied & tied.wrapping_neg();
            drop |= if r < planes.low { lowest } else { 0 };
            tied ^= lowest;
            if tied == 0 {
                break;
            }
        }
    }
    lanes.set(l, state.map(|[s]| s));
    !drop
}

/// A keep word from each lane, by bit-sliced comparison (STREAM.md, section 4).
#[inline(always)]
fn keep_words(state: &mut [[u32; LANES]; 4], planes: Planes) -> [u32; LANES] {
    let mut undecided = [!0; LANES];
    let mut drop = [0; LANES];
    let mut top = planes.top();
    let mut left = planes.count;
    loop {
        let r = step(state);
        // All ones where this bit of p is 1. Where r has the other bit than p, all is decided.
        let p = ((top as i32) >> 31) as u32;
        for i in 0..LANES {
            drop[i] = if SELECT {
                // Stores this bit of p in every undecided position; later planes overwrite those
                // still undecided.
                (drop[i] & !undecided[i]) | (p & undecided[i])
            } else {
                drop[i] | (undecided[i] & !r[i] & p)
            };
            undecided[i] &= r[i] ^ !p;
        }
        top <<= 1;
        left -= 1;
        if left == 0 {
            break;
        }
    }
    if SELECT {
        for i in 0..LANES {
            drop[i] &= !undecided[i];
        }
    }
    if planes.low != 0 {
        let r = step(state);
        let mut more = 0;
        for i in 0..LANES {
            let lowest = undecided[i] & undecided[i].wrapping_neg();
            drop[i] |= if r[i] < planes.low { lowest } else { 0 };
            undecided[i] ^= lowest;
        }
        for word in undecided {
            more |= word;
        }
        if more != 0 {
            // By value, so that the arrays above stay in registers.
            (*state, drop) = break_ties(*state, undecided, drop, planes.low);
        }
    }
    drop.map(|word| !word)
}

/// The ties after the first of a word: a draw each, in ascending order. One word in 143 has any.
#[cold]
#[inline(never)]
fn break_ties(
    mut state: [[u32; LANES]; 4],
    undecided: [u32; LANES],
    mut drop: [u32; LANES],
    low: u32,
) -> ([[u32; LANES]; 4], [u32; LANES]) {
    for i in 0..LANES {
        let mut lane = [[state[0][i]], [state[1][i]], [state[2][i]], [state[3][i]]];
        let mut tied = undecided[i];
        while tied != 0 {
            let lowest = tied & tied.wrapping_neg();
            let [r] = step(&mut lane);
            drop[i] |= if r < low { lowest } else { 0 };
            tied ^= lowest;
        }
        [[state[0][i]], [state[1][i]], [state[2][i]], [state[3][i]]] = lane;
    }
    (state, drop)
}

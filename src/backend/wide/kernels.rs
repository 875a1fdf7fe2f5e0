//! The kernels over [`Wide`] vectors.
//!
//! Drawing keeps the vector units busy and applying keeps the store unit busy, so the two are
//! interleaved: a piece of one block is applied after each plane drawn of a later block. A mask is
//! applied two blocks after it was drawn: read back at once, its words would have to wait in the
//! store queue behind everything before them. Measured on a prototype, AMD EPYC (Zen 4), 2026-11-23,
//! AVX-512, f32, 16 Ki elements, p = 0.1, nanoseconds an element: one after the other 0.072,
//! interleaved 0.056, two blocks behind 0.053, three no better; multiplying by a constant takes 0.034.
#![expect(unsafe_code, reason = "a vector's value proves its instructions: see Wide")]
#![expect(clippy::indexing_slicing, reason = "indices are taken modulo the length")]

use super::{Decider, State, Wide, non_temporal};
use crate::backend::{Change, portable};
use crate::element::Element;
use crate::lanes::{BLOCK, LANES, Lanes};
use crate::rate::Planes;

/// # Safety
///
/// The processor has the instructions of `V`.
#[inline(always)]
pub(in crate::backend) unsafe fn fill<V: Wide>(
    lanes: &mut Lanes,
    planes: Planes,
    words: &mut [u32],
    draw_some: impl FnOnce(&mut Lanes, Planes, usize) -> [u32; LANES],
) {
    let (blocks, rest) = words.as_chunks_mut::<LANES>();
    if !blocks.is_empty() {
        // SAFETY: the caller's promise.
        let (mut state, decider) = unsafe { (State::<V>::load(lanes), Decider::new(planes)) };
        for block in blocks {
            decider.draw(&mut state, || ()).store(block);
        }
        state.store(lanes);
    }
    if !rest.is_empty() {
        let drawn = draw_some(lanes, planes, rest.len());
        copy_first(&drawn, rest);
    }
}

/// Keep words from the first `count` lanes, which `V` has; the other lanes do not advance.
///
/// # Safety
///
/// The processor has the instructions of `V`.
#[inline(always)]
pub(in crate::backend) unsafe fn draw_some<V: Wide>(
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
    // SAFETY: the caller's promise.
    let (old, decider, used) =
        unsafe { (State::<V>::load(lanes), Decider::new(planes), V::load(used)) };
    let mut state = old;
    let mut words = [0; LANES];
    decider.only(used).draw(&mut state, || ()).store(&mut words);
    state.where_nonzero(used, old).store(lanes);
    words
}

/// The first words of `drawn` to all of `words`: for so few, a call of `memcpy` costs more than they do.
#[inline(always)]
fn copy_first(drawn: &[u32; LANES], words: &mut [u32]) {
    let drawn = drawn.get(..words.len()).unwrap_or(drawn);
    let _done = copy_ends::<8>(drawn, words)
        || copy_ends::<4>(drawn, words)
        || copy_ends::<2>(drawn, words)
        || copy_ends::<1>(drawn, words);
}

/// The first `N` words and the last `N`, which are all of at most `2 * N`; `false` if there are fewer than `N`.
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

/// By non-temporal stores if `NT`.
///
/// # Safety
///
/// The processor has the instructions of `V`. If `NT`, `target` is aligned as [`non_temporal::pays`] asks.
#[inline(always)]
pub(in crate::backend) unsafe fn fill_and_apply<
    V: Wide,
    T: Element,
    C: Change<T>,
    const NT: bool,
>(
    lanes: &mut Lanes,
    planes: Planes,
    words: &mut [u32],
    target: &mut [T],
    change: C,
    draw_some: impl FnOnce(&mut Lanes, Planes, usize) -> [u32; LANES],
) {
    let (blocks, rest) = target.as_chunks_mut::<BLOCK>();
    // No words at all if the mask is not to be stored.
    let whole = (blocks.len() * LANES).min(words.len());
    let (stored, rest_stored) = words.split_at_mut_checked(whole).unwrap_or_default();
    let stored = stored.as_chunks_mut::<LANES>().0;
    let count = blocks.len();
    let mut at = 0;
    if count > 0 {
        // SAFETY: the caller's promise.
        let (mut state, decider) = unsafe { (State::<V>::load(lanes), Decider::new(planes)) };
        // Where masks wait that are not stored.
        let mut ring = [[0; LANES]; LAG];
        for i in 0..count.min(LAG) {
            let mask = stored.get_mut(i).unwrap_or(&mut ring[i % LAG]);
            decider.draw(&mut state, || ()).store(mask);
        }
        for (i, block) in blocks.iter_mut().enumerate() {
            let mask = stored.get(i).unwrap_or(&ring[i % LAG]);
            let mut pieces = Pieces {
                pieces: block.as_chunks_mut::<PIECE>().0.iter_mut().zip(mask.as_chunks::<2>().0),
                at,
                change,
            };
            if i + LAG < count {
                // SAFETY: the caller's promises; blocks and pieces have multiples of 16 bytes, and the
                // fence stands below.
                let mut apply_one = || unsafe { pieces.apply_one::<V, NT>() };
                let keep = decider.draw(&mut state, || {
                    apply_one();
                });
                while apply_one() {}
                keep.store(stored.get_mut(i + LAG).unwrap_or(&mut ring[i % LAG]));
            } else {
                // SAFETY: as above.
                while unsafe { pieces.apply_one::<V, NT>() } {}
            }
            at += BLOCK;
        }
        state.store(lanes);
    }
    if !rest.is_empty() {
        let drawn = draw_some(lanes, planes, rest.len().div_ceil(32));
        copy_first(&drawn, rest_stored);
        // SAFETY: the caller's promise.
        unsafe { apply_from::<V, T, C, false>(at, &drawn, rest, change) };
    }
    if NT {
        // SAFETY: the caller's promise.
        unsafe { non_temporal::fence() };
    }
}

/// Blocks between drawing a mask and applying it.
const LAG: usize = 2;

/// Elements applied between two planes: eight pieces a block, for at most eight planes.
const PIECE: usize = 64;

/// What is left to apply of a block.
struct Pieces<I, C> {
    /// Targets and their mask words.
    pieces: I,
    /// Where the next one lies in the whole target.
    at: usize,
    change: C,
}

impl<'a, T: Element, C: Change<T>, I> Pieces<I, C>
where
    I: Iterator<Item = (&'a mut [T; PIECE], &'a [u32; 2])>,
{
    /// Applies the next piece, if there is one.
    ///
    /// # Safety
    ///
    /// As of [`apply_from`].
    #[inline(always)]
    unsafe fn apply_one<V: Wide, const NT: bool>(&mut self) -> bool {
        let Some((target, words)) = self.pieces.next() else { return false };
        // SAFETY: the caller's promises, and each piece has a multiple of 16 bytes.
        unsafe { apply_from::<V, T, C, NT>(self.at, words, target, self.change) };
        self.at += PIECE;
        true
    }
}

/// By non-temporal stores if `NT`.
///
/// # Safety
///
/// The processor has the instructions of `V`. If `NT`, `target` is aligned as [`non_temporal::pays`] asks.
#[inline(always)]
pub(in crate::backend) unsafe fn apply<V: Wide, T: Element, C: Change<T>, const NT: bool>(
    words: &[u32],
    target: &mut [T],
    change: C,
) {
    // SAFETY: the caller's promises, and the fence below.
    unsafe { apply_from::<V, T, C, NT>(0, words, target, change) };
    if NT {
        // SAFETY: the caller's promise.
        unsafe { non_temporal::fence() };
    }
}

/// As the portable `apply_from`; by non-temporal stores if `NT`.
///
/// # Safety
///
/// The processor has the instructions of `V`. If `NT`, `target` is aligned as [`non_temporal::pays`] asks,
/// and [`non_temporal::fence`] is called before anything else touches it.
#[inline(always)]
unsafe fn apply_from<V: Wide, T: Element, C: Change<T>, const NT: bool>(
    mut at: usize,
    words: &[u32],
    mut target: &mut [T],
    change: C,
) {
    // SAFETY: the caller's promise.
    let choose = |word, at, x: &_, change| unsafe { V::choose(word, at, x, change) };
    let mut words = words.iter().copied();
    if NT {
        let (whole, rest) = target.as_chunks_mut::<32>();
        for (target, word) in whole.iter_mut().zip(&mut words) {
            let y = choose(word, at, target, change);
            // SAFETY: the caller's promises, and 32 elements have a multiple of 16 bytes.
            unsafe { non_temporal::store(y, target) };
            at += 32;
        }
        target = rest;
    }
    portable::apply_from(at, words, target, change, choose);
}

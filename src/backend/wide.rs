//! The kernels over vectors that hold all sixteen lanes, for processors whose vectors are driven by
//! intrinsics. What differs between them is a dozen operations, [`Wide`]; what is done with them
//! stands here once.
//!
//! Drawing keeps the vector units busy and applying keeps the store unit busy, so the two are
//! interleaved: a piece of one block is applied after each plane drawn of a later block. A mask is
//! applied two blocks after it was drawn: read back at once, its words would have to wait in the
//! store queue behind everything before them.

#![expect(unsafe_code, reason = "a vector's value proves its instructions: see Wide")]
#![expect(clippy::indexing_slicing, reason = "indices are taken modulo the length")]

use super::{Kept, Source, portable};
use crate::element::Element;
use crate::lanes::{BLOCK, LANES, Lanes};
use crate::rate::Planes;

/// Sixteen lanes of `u32`, in one register or several.
///
/// # Safety
///
/// A value is the proof that the processor has the instructions: whoever makes one with
/// [`load`](Self::load) or [`splat`](Self::splat) has seen to it, and every operation on it is safe.
pub(super) unsafe trait Wide: Copy {
    /// Up to this many words, single lanes cost less than sixteen at once.
    const SINGLE: usize;

    /// Up to this many lanes, seeding them singly costs less than seeding sixteen at once.
    const SEED_SINGLE: usize;

    /// # Safety
    ///
    /// The processor has this type's instructions.
    unsafe fn load(words: &[u32; LANES]) -> Self;

    /// # Safety
    ///
    /// The processor has this type's instructions.
    unsafe fn splat(word: u32) -> Self;

    fn store(self, words: &mut [u32; LANES]);
    fn add(self, other: Self) -> Self;
    fn and(self, other: Self) -> Self;
    fn xor(self, other: Self) -> Self;
    /// 0 - self
    fn negate(self) -> Self;
    fn shift_left_9(self) -> Self;
    fn rotate_left_7(self) -> Self;
    fn rotate_left_11(self) -> Self;
    /// self ^ b ^ c
    #[inline(always)]
    fn xor3(self, b: Self, c: Self) -> Self {
        self.xor(b).xor(c)
    }
    /// self | (b & !c)
    fn or_and_not(self, b: Self, c: Self) -> Self;
    /// self | (r < low ? bits : 0), lane by lane
    fn or_where_below(self, r: Self, low: Self, bits: Self) -> Self;
    /// Whether any bit of any lane is set.
    fn any(self) -> bool;
    /// self, but where `lanes` is 0: there `other`
    fn where_nonzero(self, lanes: Self, other: Self) -> Self;

    /// As the portable `choose`.
    ///
    /// # Safety
    ///
    /// The processor has this type's instructions.
    #[inline(always)]
    unsafe fn choose<T: Element, K: Kept<T>>(word: u32, x: [T; 32], kept: K) -> [T; 32] {
        portable::choose(word, x, kept)
    }
}

/// The generators of a stream, in registers.
#[derive(Clone, Copy)]
struct State<V>([V; 4]);

impl<V: Wide> State<V> {
    /// # Safety
    ///
    /// The processor has the instructions of `V`.
    #[inline(always)]
    unsafe fn load(lanes: &Lanes) -> Self {
        let [s0, s1, s2, s3] = &lanes.0;
        // SAFETY: the caller's promise.
        Self(unsafe { [V::load(s0), V::load(s1), V::load(s2), V::load(s3)] })
    }

    #[inline(always)]
    fn store(self, lanes: &mut Lanes) {
        let [s0, s1, s2, s3] = &mut lanes.0;
        self.0[0].store(s0);
        self.0[1].store(s1);
        self.0[2].store(s2);
        self.0[3].store(s3);
    }

    /// Its lanes where `lanes` is not 0, elsewhere those of `old`.
    #[inline(always)]
    fn where_nonzero(self, lanes: V, old: Self) -> Self {
        // Spelt out: iterating over arrays by value goes through memory.
        let ([a, b, c, d], [e, f, g, h]) = (self.0, old.0);
        Self([
            a.where_nonzero(lanes, e),
            b.where_nonzero(lanes, f),
            c.where_nonzero(lanes, g),
            d.where_nonzero(lanes, h),
        ])
    }

    /// As [`step`](crate::lanes::step), for all lanes at once.
    #[inline(always)]
    fn step(&mut self) -> V {
        let [s0, s1, s2, s3] = self.0;
        self.0 = [
            s0.xor3(s3, s1),
            s1.xor3(s2, s0),
            s2.xor3(s0, s1.shift_left_9()),
            s3.xor(s1).rotate_left_11(),
        ];
        s0.add(s3).rotate_left_7().add(s0)
    }
}

/// What decides, in registers.
#[derive(Clone, Copy)]
struct Decider<V> {
    planes: Planes,
    low: V,
    none: V,
    all: V,
}

impl<V: Wide> Decider<V> {
    /// # Safety
    ///
    /// The processor has the instructions of `V`.
    #[inline(always)]
    unsafe fn new(planes: Planes) -> Self {
        // SAFETY: the caller's promise.
        unsafe { Self { planes, low: V::splat(planes.low), none: V::splat(0), all: V::splat(!0) } }
    }

    /// Keep words of all lanes, as the portable `keep_words`. Calls `between` after each plane.
    ///
    /// Where that keeps (drop, undecided), this keeps (drop, drop | undecided): then a plane changes
    /// only one of the two, and both by the same operation.
    #[inline(always)]
    fn draw(&self, state: &mut State<V>, mut between: impl FnMut()) -> V {
        let (mut drop, mut open) = (self.none, self.all);
        let mut top = self.planes.top;
        let mut left = self.planes.count;
        loop {
            let r = state.step();
            let changed = drop.or_and_not(open, r);
            if top & 1 << 31 != 0 {
                drop = changed;
            } else {
                open = changed;
            }
            between();
            top <<= 1;
            left -= 1;
            if left == 0 {
                break;
            }
        }
        if self.planes.low != 0 {
            let r = state.step();
            let undecided = open.xor(drop);
            let lowest = undecided.and(undecided.negate());
            drop = drop.or_where_below(r, self.low, lowest);
            let mut tied = undecided.xor(lowest);
            while tied.any() {
                let old = *state;
                let r = state.step();
                *state = state.where_nonzero(tied, old);
                let lowest = tied.and(tied.negate());
                drop = drop.or_where_below(r, self.low, lowest);
                tied = tied.xor(lowest);
            }
        }
        drop.xor(self.all)
    }
}

/// # Safety
///
/// The processor has the instructions of `V`.
#[inline(always)]
pub(super) unsafe fn fill<V: Wide>(lanes: &mut Lanes, planes: Planes, words: &mut [u32]) {
    let (blocks, rest) = words.as_chunks_mut::<LANES>();
    if !blocks.is_empty() {
        // SAFETY: the caller's promise.
        let (mut state, decider) = unsafe { (State::<V>::load(lanes), Decider::new(planes)) };
        for block in blocks {
            decider.draw(&mut state, || ()).store(block);
        }
        state.store(lanes);
    }
    if rest.len() > V::SINGLE {
        // SAFETY: the caller's promise.
        let drawn = unsafe { draw_some::<V>(lanes, planes, rest.len()) };
        portable::store(rest, |l| drawn[l % LANES]);
    } else {
        portable::fill(lanes, planes, rest);
    }
}

/// Keep words from the first `count` lanes; the other lanes do not advance.
///
/// # Safety
///
/// The processor has the instructions of `V`.
#[inline(always)]
unsafe fn draw_some<V: Wide>(lanes: &mut Lanes, planes: Planes, count: usize) -> [u32; LANES] {
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
    decider.draw(&mut state, || ()).store(&mut words);
    state.where_nonzero(used, old).store(lanes);
    words
}

/// # Safety
///
/// The processor has the instructions of `V`.
#[inline(always)]
pub(super) unsafe fn fill_and_apply<V: Wide, T: Element, S: Source<T>, K: Kept<T>>(
    lanes: &mut Lanes,
    planes: Planes,
    words: &mut [u32],
    source: S,
    target: &mut [T],
    kept: K,
) {
    let (blocks, rest) = target.as_chunks_mut::<BLOCK>();
    // No words at all if the mask is not to be stored.
    let whole = (blocks.len() * LANES).min(words.len());
    let (stored, rest_stored) = words.split_at_mut_checked(whole).unwrap_or_default();
    let mut stored = stored.as_chunks_mut::<LANES>().0.iter_mut();
    let later = blocks.len().saturating_sub(LAG);
    let mut at = 0;
    if !blocks.is_empty() {
        // SAFETY: the caller's promise.
        let (mut state, decider) = unsafe { (State::<V>::load(lanes), Decider::new(planes)) };
        let mut masks = [[0; LANES]; LAG];
        let mut save = |keep: V, mask: &mut [u32; LANES]| {
            keep.store(mask);
            if let Some(words) = stored.next() {
                keep.store(words);
            }
        };
        for (mask, _) in masks.iter_mut().zip(&*blocks) {
            save(decider.draw(&mut state, || ()), mask);
        }
        for (i, block) in blocks.iter_mut().enumerate() {
            let [even, odd] = &mut masks;
            let mask = if i % LAG == 0 { even } else { odd };
            let mut pieces = Pieces {
                pieces: block.as_chunks_mut::<PIECE>().0.iter_mut().zip(mask.as_chunks::<2>().0),
                at,
                source,
                kept,
            };
            if i < later {
                let keep = decider.draw(&mut state, || {
                    pieces.apply_one::<V>();
                });
                while pieces.apply_one::<V>() {}
                save(keep, mask);
            } else {
                while pieces.apply_one::<V>() {}
            }
            at += BLOCK;
        }
        state.store(lanes);
    }
    // SAFETY: the caller's promise.
    let choose = |word, x, kept| unsafe { V::choose(word, x, kept) };
    let count = rest.len().div_ceil(32);
    if count > V::SINGLE {
        // SAFETY: the caller's promise.
        let drawn = unsafe { draw_some::<V>(lanes, planes, count) };
        let draw = |l| drawn[l % LANES];
        portable::by_word(at, rest_stored, source, rest, kept, choose, draw);
    } else {
        let draw = |l| portable::draw_one(lanes, planes, l);
        portable::by_word(at, rest_stored, source, rest, kept, choose, draw);
    }
}

/// Blocks between drawing a mask and applying it.
const LAG: usize = 2;

/// Elements applied between two planes: eight pieces a block, for at most nine planes.
const PIECE: usize = 64;

/// What is left to apply of a block.
struct Pieces<I, S, K> {
    /// Targets and their mask words.
    pieces: I,
    /// Where the next one lies in the whole target.
    at: usize,
    source: S,
    kept: K,
}

impl<'a, T: Element, S: Source<T>, K: Kept<T>, I> Pieces<I, S, K>
where
    I: Iterator<Item = (&'a mut [T; PIECE], &'a [u32; 2])>,
{
    /// Applies the next piece, if there is one.
    #[inline(always)]
    fn apply_one<V: Wide>(&mut self) -> bool {
        let Some((target, words)) = self.pieces.next() else { return false };
        // SAFETY: whoever made the pieces has drawn with `V`.
        let choose = |word, x, kept| unsafe { V::choose(word, x, kept) };
        portable::apply_from(self.at, words, self.source, target, self.kept, choose);
        self.at += PIECE;
        true
    }
}

/// # Safety
///
/// The processor has the instructions of `V`.
#[inline(always)]
pub(super) unsafe fn apply<V: Wide, T: Element, S: Source<T>, K: Kept<T>>(
    words: &[u32],
    source: S,
    target: &mut [T],
    kept: K,
) {
    // SAFETY: the caller's promise.
    let choose = |word, x, kept| unsafe { V::choose(word, x, kept) };
    portable::apply_from(0, words, source, target, kept, choose);
}

/// The kernels as functions that enable a processor's features: everything above is inlined into them.
macro_rules! stamp {
    ($vector:ty, $features:literal) => {
        #[target_feature(enable = $features)]
        pub(super) fn seed(lanes: &mut Lanes, seed: u64, stream: u64, count: usize) {
            if count > <$vector as Wide>::SEED_SINGLE {
                *lanes = Lanes::seeded_at_once(seed, stream);
            } else {
                portable::seed(lanes, seed, stream, count);
            }
        }

        #[target_feature(enable = $features)]
        pub(super) fn map<T: Element, S: Source<T>, K: Kept<T>>(
            source: S,
            target: &mut [T],
            kept: K,
        ) {
            portable::map(source, target, kept);
        }

        #[target_feature(enable = $features)]
        pub(super) fn fill(lanes: &mut Lanes, planes: Planes, words: &mut [u32]) {
            // SAFETY: the function has the features.
            unsafe { wide::fill::<$vector>(lanes, planes, words) }
        }

        #[target_feature(enable = $features)]
        pub(super) fn apply<T: Element, S: Source<T>, K: Kept<T>>(
            words: &[u32],
            source: S,
            target: &mut [T],
            kept: K,
        ) {
            // SAFETY: the function has the features.
            unsafe { wide::apply::<$vector, T, S, K>(words, source, target, kept) }
        }

        #[target_feature(enable = $features)]
        pub(super) fn fill_and_apply<T: Element, S: Source<T>, K: Kept<T>>(
            lanes: &mut Lanes,
            planes: Planes,
            words: &mut [u32],
            source: S,
            target: &mut [T],
            kept: K,
        ) {
            // SAFETY: the function has the features.
            unsafe {
                wide::fill_and_apply::<$vector, T, S, K>(
                    lanes, planes, words, source, target, kept,
                );
            }
        }
    };
}
pub(super) use stamp;

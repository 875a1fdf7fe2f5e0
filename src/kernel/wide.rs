//! Sixteen lanes in vectors that are driven by intrinsics. What differs between instruction sets is
//! a dozen operations, [`Wide`]; what is done with them stands here once.
//!
//! Written by hand because the compiler splits the portable code's vectors where ties are broken.
//! The instruction sets' own files say what that gains.
#![allow(dead_code, reason = "only machines whose vectors are driven by intrinsics use it")]

use super::op::Op;
use super::{Isa, LANES, Lanes, Planes, Vectored};
use crate::lanes::{COUNTERS, G32, MIX32};

/// An instruction set of such vectors.
pub(crate) trait WideIsa: Isa {
    /// All sixteen lanes.
    type Vector: Wide<Proof = Self>;

    /// The first eight.
    type Half: Wide<Proof = Self>;

    /// Keep words from the first `count` lanes; the other lanes do not advance. One function for
    /// all element types.
    fn draw_some(self, lanes: &mut Lanes, planes: Planes, count: usize) -> [u32; LANES];

    /// The kernel `apply`, by a call.
    fn apply<T: Vectored, O: Op<T>>(self, words: &[u32], at: usize, target: &mut [T], op: O);
}

/// Sixteen lanes of `u32`, in one register or several.
///
/// Holding a value proves that the machine has its instructions: `load` and `splat`, the only ways
/// to make one, ask for the proof.
pub(crate) trait Wide: Copy {
    /// The proof that the machine has its instructions.
    type Proof: Isa;

    fn load(isa: Self::Proof, words: &[u32; LANES]) -> Self;
    fn splat(isa: Self::Proof, word: u32) -> Self;
    fn store(self, words: &mut [u32; LANES]);
    fn add(self, other: Self) -> Self;
    fn and(self, other: Self) -> Self;
    fn xor(self, other: Self) -> Self;
    /// 0 - self
    fn negate(self) -> Self;
    fn shift_left_9(self) -> Self;
    fn rotate_left_7(self) -> Self;
    fn rotate_left_11(self) -> Self;
    fn rotate_left_22(self) -> Self;
    fn shift_right_13(self) -> Self;
    fn shift_right_16(self) -> Self;
    /// The low half of each product.
    fn times(self, other: Self) -> Self;
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
}

/// Seeds the lanes that `V` has from the words of a key (STREAM.md, section 2).
///
/// By intrinsics, as the compiler vectorises across the four words of a lane where it has AVX-512, and
/// scatters them: 80 ns on an Intel Xeon (Emerald Rapids), 2026-11-28.
#[inline(always)]
pub(crate) fn seed<V: Wide>(isa: V::Proof, lanes: &mut Lanes, key: [u32; 4]) {
    let [first, second] = MIX32.map(|factor| V::splat(isa, factor));
    for (i, (words, k)) in (1..).zip(lanes.0.iter_mut().zip(key)) {
        let counter = V::splat(isa, k.wrapping_add(G32.wrapping_mul(i)));
        let mut h = V::load(isa, &COUNTERS).add(counter);
        h = h.xor(h.shift_right_16()).times(first);
        h = h.xor(h.shift_right_13()).times(second);
        h.xor(h.shift_right_16()).store(words);
    }
    lanes.mend_if_zero(key);
}

/// The generators of a stream, in registers.
#[derive(Clone, Copy)]
pub(super) struct State<V>([V; 4]);

impl<V: Wide> State<V> {
    #[inline(always)]
    pub(super) fn load(isa: V::Proof, lanes: &Lanes) -> Self {
        let [s0, s1, s2, s3] = &lanes.0;
        Self([V::load(isa, s0), V::load(isa, s1), V::load(isa, s2), V::load(isa, s3)])
    }

    #[inline(always)]
    pub(super) fn store(self, lanes: &mut Lanes) {
        let [s0, s1, s2, s3] = &mut lanes.0;
        self.0[0].store(s0);
        self.0[1].store(s1);
        self.0[2].store(s2);
        self.0[3].store(s3);
    }

    /// Its lanes where `lanes` is not 0, elsewhere those of `old`.
    #[inline(always)]
    pub(super) fn where_nonzero(self, lanes: V, old: Self) -> Self {
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

    /// Two steps, of which the second waits for less of the first: a state after two is three operations
    /// behind one, and not four. It takes two operations more.
    #[inline(always)]
    fn two_steps(&mut self) -> [V; 2] {
        let [s0, s1, s2, s3] = self.0;
        let (a, b, c) = (s3.xor(s1), s1.xor3(s2, s0), s2.xor(s0));
        let (t0, t3) = (s0.xor(a), a.rotate_left_11());
        self.0 = [
            s3.xor3(s2, t3),
            s0.xor3(s3, s1.shift_left_9()),
            a.xor3(s2, c.shift_left_9()),
            a.rotate_left_22().xor(b.rotate_left_11()),
        ];
        [s0.add(s3).rotate_left_7().add(s0), t0.add(t3).rotate_left_7().add(t0)]
    }
}

/// Work that is done a piece at a time. (A trait and no closure, as nobody can ask that a closure
/// be inlined; where it is not, its code has none of the instruction set that it is for.)
pub(super) trait Work {
    /// Does the next piece, and tells whether there was one.
    fn piece(&mut self) -> bool;
}

/// None.
impl Work for () {
    #[inline(always)]
    fn piece(&mut self) -> bool {
        false
    }
}

/// What decides, in registers.
#[derive(Clone, Copy)]
pub(super) struct Decider<V> {
    planes: Planes,
    low: V,
    none: V,
    all: V,
}

/// What planes have decided: where that keeps (drop, undecided), this keeps (drop, drop | undecided): then a
/// plane changes only one of the two, and both by the same operation.
struct Open<V> {
    drop: V,
    open: V,
    /// The bits of the rate, the next one highest.
    top: u32,
}

impl<V: Wide> Open<V> {
    #[inline(always)]
    fn plane(&mut self, r: V) {
        let changed = self.drop.or_and_not(self.open, r);
        if self.top & 1 << 31 != 0 {
            self.drop = changed;
        } else {
            self.open = changed;
        }
        self.top <<= 1;
    }
}

impl<V: Wide> Decider<V> {
    #[inline(always)]
    pub(super) fn new(isa: V::Proof, planes: Planes) -> Self {
        Self {
            planes,
            low: V::splat(isa, planes.low),
            none: V::splat(isa, 0),
            all: V::splat(isa, !0),
        }
    }

    /// Decides only where `lanes` is all ones. Elsewhere nothing is kept, and no tie broken.
    #[inline(always)]
    pub(super) fn only(self, lanes: V) -> Self {
        Self { all: lanes, ..self }
    }

    /// Keep words of all lanes, as the portable `keep_words`. Does a piece of `other` after each
    /// plane.
    #[inline(always)]
    pub(super) fn draw(&self, state: &mut State<V>, other: &mut impl Work) -> V {
        let mut open = Open { drop: self.none, open: self.all, top: self.planes.top() };
        let mut left = self.planes.count;
        loop {
            open.plane(state.step());
            other.piece();
            left -= 1;
            if left == 0 {
                break;
            }
        }
        self.settle(state, open)
    }

    /// The same, for who waits for it: two planes at a time.
    #[inline(always)]
    pub(super) fn draw_soon(&self, state: &mut State<V>) -> V {
        let mut open = Open { drop: self.none, open: self.all, top: self.planes.top() };
        let mut left = self.planes.count;
        while left > 1 {
            for r in state.two_steps() {
                open.plane(r);
            }
            left -= 2;
        }
        if left != 0 {
            open.plane(state.step());
        }
        self.settle(state, open)
    }

    /// Keep words, from what the planes have left open.
    #[inline(always)]
    fn settle(&self, state: &mut State<V>, Open { mut drop, open, .. }: Open<V>) -> V {
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

//! The kernels over vectors that hold all sixteen lanes, for processors whose vectors are driven by
//! intrinsics. What differs between them is a dozen operations, [`Wide`]; what is done with them
//! stands here once.
//!
//! Written by hand because the compiler splits the portable code's vectors where ties are broken.
//! `avx512.rs` and `avx2.rs` say what that gains.

pub(super) mod kernels;
pub(super) mod non_temporal;

use core::marker::PhantomData;

use super::{Change, portable};
use crate::element::Element;
use crate::lanes::{LANES, Lanes};
use crate::rate::Planes;

/// The proof that the processor has the instructions of `F`, which costs nothing to hand on: only functions
/// that are compiled for them make one, and only where one is can they be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Has<F>(PhantomData<F>);

impl<F> Has<F> {
    /// # Safety
    ///
    /// The processor has the instructions of `F`.
    #[expect(unsafe_code, reason = "the promise that every intrinsic rests on")]
    #[inline(always)]
    pub(super) const unsafe fn new() -> Self {
        Self(PhantomData)
    }
}

/// Sixteen lanes of `u32`, in one register or several.
///
/// A value is a proof too, as [`load`](Self::load) and [`splat`](Self::splat), which alone make one from
/// none, ask for one.
pub(super) trait Wide: Copy {
    /// What names its instructions.
    type Features: Copy;

    fn load(has: Has<Self::Features>, words: &[u32; LANES]) -> Self;
    fn splat(has: Has<Self::Features>, word: u32) -> Self;
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
    #[inline(always)]
    fn choose<T: Element, C: Change<T>>(
        _: Has<Self::Features>,
        word: u32,
        at: usize,
        target: &[T; 32],
        change: C,
    ) -> [T; 32] {
        portable::choose(word, at, target, change)
    }
}

/// The generators of a stream, in registers.
#[derive(Clone, Copy)]
struct State<V>([V; 4]);

impl<V: Wide> State<V> {
    #[inline(always)]
    fn load(has: Has<V::Features>, lanes: &Lanes) -> Self {
        let [s0, s1, s2, s3] = &lanes.0;
        Self([V::load(has, s0), V::load(has, s1), V::load(has, s2), V::load(has, s3)])
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
    #[inline(always)]
    fn new(has: Has<V::Features>, planes: Planes) -> Self {
        Self {
            planes,
            low: V::splat(has, planes.low),
            none: V::splat(has, 0),
            all: V::splat(has, !0),
        }
    }

    /// Decides only where `lanes` is all ones. Elsewhere nothing is kept, and no tie broken.
    #[inline(always)]
    fn only(self, lanes: V) -> Self {
        Self { all: lanes, ..self }
    }

    /// Keep words of all lanes, as the portable `keep_words`. Calls `between` after each plane.
    ///
    /// Where that keeps (drop, undecided), this keeps (drop, drop | undecided): then a plane changes
    /// only one of the two, and both by the same operation.
    #[inline(always)]
    fn draw(&self, state: &mut State<V>, mut between: impl FnMut()) -> V {
        let (mut drop, mut open) = (self.none, self.all);
        let mut top = self.planes.top();
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

/// The kernels as functions that enable a processor's features: everything above is inlined into them.
macro_rules! stamp {
    ($vector:ty, $half:ident, $features:literal) => {
        wide::non_temporal::stamp!($vector, $features);

        #[expect(
            unsafe_code,
            reason = "the one edge between a processor's features and their proof"
        )]
        #[target_feature(enable = $features)]
        #[inline]
        pub(super) fn has() -> Has<Features> {
            // SAFETY: the features that `Features` stands for are this function's own; whoever calls it has
            // them, or has seen in an `unsafe` of its own that the processor does.
            unsafe { Has::new() }
        }

        #[target_feature(enable = $features)]
        pub(super) fn seed(lanes: &mut Lanes, key: MaskKey, count: usize) {
            lanes.seed::<AT_ONCE>(key.words(), count);
        }

        #[target_feature(enable = $features)]
        pub(super) fn map<T: Element, C: Change<T>>(keep: bool, target: &mut [T], change: C) {
            portable::map(keep, target, change);
        }

        /// Keep words from the first `count` lanes; the other lanes do not advance.
        #[target_feature(enable = $features)]
        #[inline(never)] // one for all element types
        fn draw_some(lanes: &mut Lanes, planes: Planes, count: usize) -> [u32; LANES] {
            if count <= LANES / 2 {
                wide::kernels::draw_some::<Half>($half::has(), lanes, planes, count)
            } else {
                wide::kernels::draw_some::<$vector>(has(), lanes, planes, count)
            }
        }

        #[target_feature(enable = $features)]
        pub(super) fn accumulate<T: Element, S: Source<T>, O: Outcome<T>>(
            target: &mut [T],
            change: Mapped<S, O>,
        ) {
            portable::accumulate(target, change);
        }

        #[target_feature(enable = $features)]
        pub(super) fn fill(lanes: &mut Lanes, planes: Planes, words: &mut [u32]) {
            wide::kernels::fill::<$vector>(has(), lanes, planes, words, |lanes, planes, count| {
                draw_some(lanes, planes, count)
            });
        }

        #[expect(unsafe_code, reason = "the promises of non-temporal stores")]
        #[target_feature(enable = $features)]
        pub(super) fn apply<T: Element, C: Change<T>>(words: &[u32], target: &mut [T], change: C) {
            if wide::non_temporal::pays(target, change) {
                // SAFETY: `pays` has seen that the target is aligned, of which `apply` stores to 32s from the
                // start on, 16 bytes or a multiple each, and then calls `end`. The features include SSE.
                let stores = unsafe { NonTemporal::new() };
                return apply_large(stores, words, target, change);
            }
            wide::kernels::apply::<$vector, T, C, _>(has(), Plain, words, target, change);
        }

        #[expect(unsafe_code, reason = "the promises of non-temporal stores")]
        #[target_feature(enable = $features)]
        pub(super) fn fill_and_apply<T: Element, C: Change<T>>(
            lanes: &mut Lanes,
            planes: Planes,
            words: &mut [u32],
            target: &mut [T],
            change: C,
        ) {
            if wide::non_temporal::pays(target, change) {
                // SAFETY: as in `apply`; blocks and pieces are of 32s, too.
                let stores = unsafe { NonTemporal::new() };
                return fill_and_apply_large(stores, lanes, planes, words, target, change);
            }
            wide::kernels::fill_and_apply::<$vector, T, C, _>(
                has(),
                Plain,
                lanes,
                planes,
                words,
                target,
                change,
                |lanes, planes, count| draw_some(lanes, planes, count),
            );
        }

        #[target_feature(enable = $features)]
        pub(super) fn or_shifted(words: &mut [u32], by: usize) {
            portable::or_shifted(words, by);
        }

        #[target_feature(enable = $features)]
        pub(super) fn structured<T: Element, C: Change<T>>(
            words: &[u32],
            first: usize,
            layout: Layout,
            at: usize,
            target: &mut [T],
            change: C,
        ) {
            let has = has();
            let choose = |word, at, x: &_, change| <$vector>::choose(has, word, at, x, change);
            structured::apply(words, first, layout, at, target, change, choose);
        }

        #[target_feature(enable = $features)]
        pub(super) fn gaussian<T: Element, S: Source<T>>(
            lanes: &mut Lanes,
            deviation: f32,
            target: &mut [T],
            source: S,
        ) {
            portable::gaussian(lanes, deviation, target, source);
        }

        #[target_feature(enable = $features)]
        pub(super) fn rows<P: Pass>(rows: usize, bits: Bits<'_>, pass: P) {
            let seed = |lanes: &mut Lanes, key, count| seed(lanes, key, count);
            let fill = |lanes: &mut Lanes, planes, words: &mut [u32]| fill(lanes, planes, words);
            matrix::rows(rows, bits, pass, seed, fill);
        }
    };
}
pub(super) use stamp;

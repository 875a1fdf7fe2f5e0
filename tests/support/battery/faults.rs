//! Sources with a fault, which the battery has to refuse.

use std::marker::PhantomData;

use dropout_kernels::{DropRate, MaskRng};
use rand_core::{Rng, SeedableRng};
use rand_xoshiro::{SplitMix64, Xoshiro128Plus, Xoshiro128PlusPlus};

use super::{Outcome, Plan, Source, run, run_one};

const ONE: u64 = 1 << 40;

/// A fault, and the family of tests made to see it.
pub struct Fault {
    pub name: &'static str,
    pub what: &'static str,
    pub family: &'static str,
    pub run: fn(&Plan) -> Vec<Outcome>,
    pub run_one: fn(&Plan, &str) -> Outcome,
}

pub const FAULTS: [Fault; 14] = [
    fault::<OnePercent>("one_percent", "p wrong by 1 %", "marginal"),
    fault::<EightBits>("eight_bits", "p rounded to k/256", "grid"),
    fault::<FloatCompare>("float_compare", "24 bits of a float compared with p", "extremes"),
    fault::<Sliced<Xoshiro128PlusPlus, Reversed>>("tie_reversed", "ties: kept if r < low", "grid"),
    fault::<Sliced<Xoshiro128PlusPlus, Shared>>("tie_shared", "one draw for a word's ties", "ties"),
    fault::<Sliced<Xoshiro128PlusPlus, First>>("tie_first", "ties after the first kept", "ties"),
    fault::<LaneTwice>("lane_twice", "lane 5 seeded as lane 4", "lanes"),
    fault::<Sliced<Xoshiro128Plus, Each>>("linear_bits", "xoshiro128+: a linear low bit", "rank"),
    fault::<SameSeeds>("same_seeds", "the seed's lowest bit ignored", "seeds"),
    fault::<SameStreams>("same_streams", "the stream's lowest bit ignored", "streams"),
    fault::<VersionOne>("version_1", "seeded as version 1 of the stream", "across"),
    fault::<Stuck>("stuck", "a mask does not move the generator", "masks"),
    fault::<Balanced>("balanced", "as many drops in every word", "counts"),
    fault::<TailShifted>("tail_shifted", "a partial word off by one bit", "tails"),
];

const fn fault<S: Source>(name: &'static str, what: &'static str, family: &'static str) -> Fault {
    Fault { name, what, family, run: run::<S>, run_one: run_one::<S> }
}

/// The crate's generator, seeded or asked in a wrong way.
macro_rules! wrong {
    ($name:ident, new: |$seed:ident, $stream:ident| $new:expr,
        fill: |$rng:ident, $rate:ident, $words:ident, $n:ident| $fill:expr) => {
        pub struct $name(MaskRng);

        impl Source for $name {
            fn new($seed: u64, $stream: u64) -> Self {
                Self($new)
            }

            fn fill(&mut self, $rate: DropRate, $words: &mut [u32], $n: usize) {
                let $rng = &mut self.0;
                $fill
            }
        }
    };
}

wrong!(OnePercent, new: |seed, stream| MaskRng::new(seed, stream),
fill: |rng, rate, words, n| {
    let t = rate.threshold();
    // Of p, or of 1 - p where that is less.
    let wrong = if t <= ONE / 2 { t + t / 100 } else { t - (ONE - t) / 100 };
    Source::fill(rng, at(wrong), words, n);
});

wrong!(EightBits, new: |seed, stream| MaskRng::new(seed, stream),
fill: |rng, rate, words, n| {
    Source::fill(rng, at((rate.threshold() + (1 << 31)) >> 32 << 32), words, n);
});

wrong!(SameSeeds, new: |seed, stream| MaskRng::new(seed & !1, stream),
    fill: |rng, rate, words, n| Source::fill(rng, rate, words, n));

wrong!(SameStreams, new: |seed, stream| MaskRng::new(seed, stream & !1),
    fill: |rng, rate, words, n| Source::fill(rng, rate, words, n));

/// No `MaskRng` can be had of such a state, so it is a stream of the battery's own.
pub struct LaneTwice(Sliced<Xoshiro128PlusPlus, Each>);

impl Source for LaneTwice {
    fn new(seed: u64, stream: u64) -> Self {
        let mut sliced = Sliced::new(seed, stream);
        let fourth: &Xoshiro128PlusPlus = &sliced.lanes[4];
        sliced.lanes[5] = fourth.clone();
        Self(sliced)
    }

    fn fill(&mut self, rate: DropRate, words: &mut [u32], n: usize) {
        self.0.fill(rate, words, n);
    }
}

// Lane l of seed + 2 G is lane l + 1 of the seed.
wrong!(VersionOne,
    new: |seed, stream| {
        const G: u64 = 0x9E37_79B9_7F4A_7C15;
        let mut of_seed = SplitMix64::from_seed(seed.to_le_bytes());
        let mut state = [0; 256];
        for half in state.as_chunks_mut::<8>().0 {
            let start = of_seed.next_u64().wrapping_add(stream.wrapping_mul(G));
            *half = SplitMix64::from_seed(start.to_le_bytes()).next_u64().to_le_bytes();
        }
        MaskRng::from_bytes(&state).expect("no lane is zero")
    },
    fill: |rng, rate, words, n| Source::fill(rng, rate, words, n));

wrong!(Stuck, new: |seed, stream| MaskRng::new(seed, stream),
    fill: |rng, rate, words, n| Source::fill(&mut rng.clone(), rate, words, n));

wrong!(TailShifted, new: |seed, stream| MaskRng::new(seed, stream),
fill: |rng, rate, words, n| {
    Source::fill(rng, rate, words, n);
    if let Some(last) = words.last_mut().filter(|_| !n.is_multiple_of(32)) {
        *last <<= 1;
    }
    clear_past(words, n);
});

wrong!(Balanced, new: |seed, stream| MaskRng::new(seed, stream),
fill: |rng, rate, words, n| {
    Source::fill(rng, rate, words, n);
    // As near to 32 p drops as a whole number comes, by changing the lowest bits that are too many.
    let kept = (32.0 * (1.0 - rate.p())).round() as u32;
    for word in words {
        while word.count_ones() > kept {
            *word &= *word - 1;
        }
        while word.count_ones() < kept {
            *word |= *word + 1;
        }
    }
});

fn at(threshold: u64) -> DropRate {
    DropRate::from_threshold(threshold).expect("at most 2^40")
}

/// What becomes of the ties of a word.
pub trait Ties {
    /// Those of `tied` that are dropped.
    fn drop(tied: u32, low: u32, draw: impl FnMut() -> u32) -> u32;
}

/// As they should be: a draw for each.
pub struct Each;
pub struct Shared;
pub struct First;
pub struct Reversed;

impl Ties for Each {
    fn drop(mut tied: u32, low: u32, mut draw: impl FnMut() -> u32) -> u32 {
        let mut drop = 0;
        loop {
            let lowest = tied & tied.wrapping_neg();
            drop |= if draw() < low { lowest } else { 0 };
            tied ^= lowest;
            if tied == 0 {
                return drop;
            }
        }
    }
}

impl Ties for Shared {
    fn drop(tied: u32, low: u32, mut draw: impl FnMut() -> u32) -> u32 {
        if draw() < low { tied } else { 0 }
    }
}

impl Ties for First {
    fn drop(tied: u32, low: u32, mut draw: impl FnMut() -> u32) -> u32 {
        if draw() < low { tied & tied.wrapping_neg() } else { 0 }
    }
}

impl Ties for Reversed {
    fn drop(tied: u32, low: u32, draw: impl FnMut() -> u32) -> u32 {
        tied & !Each::drop(tied, low, draw)
    }
}

/// Sixteen generators `L`, seeded as the stream's, of which words are made by its rule but for the
/// ties. With xoshiro128++ and [`Each`] it is the stream.
pub struct Sliced<L, T> {
    lanes: [L; 16],
    ties: PhantomData<T>,
}

impl<L: Rng + SeedableRng<Seed = [u8; 16]>, T: Ties> Source for Sliced<L, T> {
    fn new(seed: u64, stream: u64) -> Self {
        Self { lanes: lanes(seed, stream), ties: PhantomData }
    }

    fn fill(&mut self, rate: DropRate, words: &mut [u32], n: usize) {
        let (top, low) = (rate.threshold() >> 32, rate.threshold() as u32);
        let last = if low != 0 { 0 } else { top.trailing_zeros().min(8) };
        for (w, word) in words.iter_mut().enumerate() {
            let lane = &mut self.lanes[w % 16];
            let (mut open, mut drop) = (!0, 0);
            for bit in (last..8).rev() {
                let r = lane.next_u32();
                if top >> bit & 1 == 1 {
                    drop |= open & !r;
                    open &= r;
                } else {
                    open &= !r;
                }
            }
            if low != 0 {
                drop |= T::drop(open, low, || lane.next_u32());
            }
            *word = !drop;
        }
        clear_past(words, n);
    }
}

/// An element dropped if a float of 24 random bits is below p as a float.
pub struct FloatCompare([Xoshiro128PlusPlus; 16]);

impl Source for FloatCompare {
    fn new(seed: u64, stream: u64) -> Self {
        Self(lanes(seed, stream))
    }

    fn fill(&mut self, rate: DropRate, words: &mut [u32], n: usize) {
        let p = rate.p() as f32;
        for (w, word) in words.iter_mut().enumerate() {
            let lane = &mut self.0[w % 16];
            let mut keep = |bit: u32| {
                let uniform = (lane.next_u32() >> 8) as f32 / (1u32 << 24) as f32;
                u32::from(uniform >= p) << bit
            };
            *word = (0..32).fold(0, |word, bit| word | keep(bit));
        }
        clear_past(words, n);
    }
}

fn lanes<L: SeedableRng<Seed = [u8; 16]>>(seed: u64, stream: u64) -> [L; 16] {
    let state = MaskRng::new(seed, stream).to_bytes();
    let (lanes, _) = state.as_chunks::<16>();
    std::array::from_fn(|l| L::from_seed(lanes[l]))
}

fn clear_past(words: &mut [u32], n: usize) {
    if let Some(last) = words.last_mut().filter(|_| !n.is_multiple_of(32)) {
        *last &= (1 << (n % 32)) - 1;
    }
}

//! STREAM.md, written down a second time, element by element, with the generators of
//! `rand_xoshiro`. It shares no code with the crate and no trick: every element has a binary
//! fraction of its own, which is compared with p as an integer.

use rand_core::{Rng, SeedableRng};
use rand_xoshiro::{SplitMix64, Xoshiro128PlusPlus};

/// The output function of `SplitMix64`: what that generator gives first from the state z - G.
fn mix64(z: u64) -> u64 {
    const G: u64 = 0x9E37_79B9_7F4A_7C15;
    SplitMix64::from_seed(z.wrapping_sub(G).to_le_bytes()).next_u64()
}

/// The finalizer of `MurmurHash3`.
fn mix32(mut h: u32) -> u32 {
    for (shift, factor) in [(16, 0x85EB_CA6B), (13, 0xC2B2_AE35), (16, 1)] {
        h = (h ^ h >> shift).wrapping_mul(factor);
    }
    h
}

/// The key that (seed, stream) makes, as four words.
pub fn key(seed: u64, stream: u64) -> [u32; 4] {
    let t = (u128::from(stream) + 1) * 0x9E37_79B9_7F4A_7C15;
    let z = SplitMix64::from_seed(seed.to_le_bytes()).next_u64();
    let of = |z: u64| mix64(z.wrapping_add(t as u64)).to_le_bytes();
    let (a, b) = (of(z), of(z.rotate_left(32)));
    let word = |half: &[u8]| u32::from_le_bytes(half.try_into().expect("four bytes"));
    [word(&a[..4]), word(&a[4..]), word(&b[..4]), word(&b[4..])]
}

/// Sixteen generators.
#[derive(Clone)]
pub struct Reference {
    lanes: [Xoshiro128PlusPlus; 16],
}

impl Reference {
    pub fn new(seed: u64, stream: u64) -> Self {
        let key = key(seed, stream);
        let mut counter = 0u32;
        let lanes = std::array::from_fn(|_| {
            let mut state = [0; 16];
            for (bytes, k) in state.chunks_mut(4).zip(key) {
                counter = counter.wrapping_add(0x9E37_79B9);
                bytes.copy_from_slice(&mix32(k.wrapping_add(counter)).to_le_bytes());
            }
            if state == [0; 16] {
                state[0] = 1;
            }
            Xoshiro128PlusPlus::from_seed(state)
        });
        Self { lanes }
    }

    /// The generator in a state that `MaskRng::to_bytes` gave.
    pub fn from_bytes(bytes: &[u8; 256]) -> Self {
        let lane = |l: usize| std::array::from_fn(|i| bytes[16 * l + i]);
        Self { lanes: std::array::from_fn(|l| Xoshiro128PlusPlus::from_seed(lane(l))) }
    }

    /// The next output of a lane.
    pub fn next(&mut self, lane: usize) -> u32 {
        self.lanes[lane].next_u32()
    }

    /// Whether each of `n` elements is kept, at the drop threshold `t` of 2^40.
    pub fn mask(&mut self, t: u64, n: usize) -> Vec<bool> {
        let mut keep = Vec::new();
        for word in 0..n.div_ceil(32) {
            keep.extend(self.word(t, word % 16));
        }
        keep.truncate(n);
        keep
    }

    fn word(&mut self, t: u64, lane: usize) -> [bool; 32] {
        if t == 0 || t == 1 << 40 {
            return [t == 0; 32];
        }
        let low = t & 0xFFFF_FFFF;
        let mut bits = 8;
        let mut p = t >> 32;
        while low == 0 && p & 1 == 0 {
            p >>= 1;
            bits -= 1;
        }
        // Each element's fraction, the first draw its most significant bit.
        let mut fraction = [0; 32];
        for _ in 0..bits {
            let r = self.lanes[lane].next_u32();
            for (i, fraction) in fraction.iter_mut().enumerate() {
                *fraction = *fraction << 1 | u64::from(r >> i & 1);
            }
        }
        let mut keep = fraction.map(|f| f >= p);
        if low != 0 {
            let mut r = u64::from(self.lanes[lane].next_u32());
            let mut first = true;
            for i in (0..32).filter(|i| fraction[*i] == p) {
                if !first {
                    r = u64::from(self.lanes[lane].next_u32());
                }
                first = false;
                keep[i] = r >= low;
            }
        }
        keep
    }

    /// The state as `MaskRng::to_bytes` gives it.
    pub fn to_bytes(&self) -> [u8; 256] {
        let mut bytes = [0; 256];
        for (bytes, lane) in bytes.chunks_mut(16).zip(&self.lanes) {
            bytes.copy_from_slice(&lane.state());
        }
        bytes
    }
}

/// a, b and a * a' + b of alpha dropout at the drop threshold `t` of 2^40, by their formulas.
pub fn alpha(t: u64) -> [f64; 3] {
    const SATURATED: f64 = -1.7580993408473766;
    let (p, q) = (t as f64 / (1u64 << 40) as f64, ((1u64 << 40) - t) as f64 / (1u64 << 40) as f64);
    if q == 0.0 {
        return [0.0; 3];
    }
    let a = 1.0 / (q * (1.0 + p * (SATURATED * SATURATED))).sqrt();
    [a, -(a * p * SATURATED), a * SATURATED * q]
}

/// Keep flags as a mask stores them.
pub fn pack(keep: &[bool]) -> Vec<u32> {
    keep.chunks(32)
        .map(|word| word.iter().rev().fold(0, |bits, keep| bits << 1 | u32::from(*keep)))
        .collect()
}

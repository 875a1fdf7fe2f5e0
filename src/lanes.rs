//! The sixteen lanes: state, seeding and step of the generators behind every mask
//! (STREAM.md, sections 1 and 2). Plain data; nothing here knows what a mask is.

use crate::key::MaskKey;

/// Generators in a stream. Part of the format: no processor changes it.
pub(crate) const LANES: usize = 16;

/// Elements that one step of all the lanes decides: one 32-bit word a lane.
pub(crate) const BLOCK: usize = 32 * LANES;

/// Whether the target has vectors at compile time. `--cfg dropout_kernels_backend="scalar"` denies
/// it, so that what microcontrollers run can be tested on machines with vectors.
pub(crate) const VECTORS: bool = !cfg!(dropout_kernels_backend = "scalar")
    && cfg!(any(
        target_feature = "sse2",
        // Of Cortex-M55 some compilers say that it has neon, which it has not.
        all(target_feature = "neon", not(all(target_arch = "arm", target_os = "none"))),
        target_feature = "simd128",
        target_feature = "altivec",
        target_feature = "vector",
        target_feature = "v",
        target_feature = "lsx",
        // Helium, which takes a stack of up to 3 KB, so that it is in use only where it is asked
        // for.
        dropout_kernels_backend = "helium",
    ));

/// Sixteen xoshiro128++ generators; state word `i` of lane `l` is `self.0[i][l]`.
#[derive(Clone, PartialEq, Eq)]
// A store that crosses cache lines is slow to be loaded again by the next call.
#[cfg_attr(any(target_arch = "x86", target_arch = "x86_64"), repr(C, align(64)))]
#[cfg_attr(not(any(target_arch = "x86", target_arch = "x86_64")), repr(C))]
pub struct Lanes(pub(crate) [[u32; LANES]; 4]);

impl Lanes {
    /// No lane is seeded yet; seed before use.
    pub(crate) const EMPTY: Self = Self([[0; LANES]; 4]);

    /// Seeds the first `count` lanes from the words of a key (STREAM.md, section 2), `G` lanes at a
    /// time: up to `G - 1` more than are asked for, which costs vectors nothing. `G` divides
    /// [`LANES`].
    ///
    /// A word of all lanes after the other, so that a chip without many registers keeps all it
    /// needs in them.
    #[expect(clippy::indexing_slicing, reason = "remainders by the lengths")]
    #[inline(always)]
    pub(crate) const fn seed<const G: usize>(&mut self, key: [u32; 4], count: usize) {
        let mut i = 0;
        while i < 4 {
            let mut counter = key[i % 4].wrapping_add(G32.wrapping_mul(i as u32 + 1));
            let mut first = 0;
            while first < LANES && first < count {
                let mut j = 0;
                while j < G {
                    let apart = G32.wrapping_mul(4 * j as u32);
                    self.0[i % 4][(first + j) % LANES] = mix32(counter.wrapping_add(apart));
                    j += 1;
                }
                counter = counter.wrapping_add(G32.wrapping_mul(4 * G as u32));
                first += G;
            }
            i += 1;
        }
        self.mend_if_zero(key);
    }

    /// Ends seeding by a key.
    #[inline(always)]
    pub(crate) const fn mend_if_zero(&mut self, key: [u32; 4]) {
        if may_be_zero(key) {
            self.mend();
        }
    }

    /// Seeds the first `count` lanes by code without intrinsics, in a constant too.
    #[inline(always)]
    pub(crate) const fn seed_by_key(&mut self, key: MaskKey, count: usize) {
        // The words first, so that on a chip the stack of both is not needed at once.
        self.seed_by_words(key.words(), count);
    }

    // In firmware one copy serves every caller.
    #[cfg_attr(target_os = "none", inline(never))]
    #[cfg_attr(not(target_os = "none"), inline(always))]
    const fn seed_by_words(&mut self, words: [u32; 4], count: usize) {
        match (VECTORS, count) {
            (true, 3..) => self.seed::<4>(words, count),
            // Of fewer, most of a vector would be for nobody.
            (true, _) => self.seed::<2>(words, count),
            (false, _) => self.seed::<1>(words, count),
        }
    }

    /// A state of zeros would stay so for ever: its first word becomes 1.
    #[expect(clippy::indexing_slicing, reason = "l is below the length")]
    #[cold]
    const fn mend(&mut self) {
        let [s0, s1, s2, s3] = &mut self.0;
        let mut l = 0;
        while l < LANES {
            s0[l] |= (s0[l] | s1[l] | s2[l] | s3[l] == 0) as u32;
            l += 1;
        }
    }

    /// The four state words of lane `l % LANES`.
    #[inline(always)]
    pub(crate) const fn get(&self, l: usize) -> [u32; 4] {
        // One base and four offsets that are constants, where four arrays would be four addresses.
        if let Some((_, s)) = self.0.as_flattened().split_at_checked(l % LANES)
            && let Some(s) = s.first_chunk::<{ 3 * LANES + 1 }>()
        {
            return [s[0], s[LANES], s[2 * LANES], s[3 * LANES]];
        }
        [0; 4] // There is always such a chunk; this cannot panic.
    }

    /// Sets the four state words of lane `l % LANES`.
    #[inline(always)]
    pub(crate) const fn set(&mut self, l: usize, state: [u32; 4]) {
        if let Some((_, s)) = self.0.as_flattened_mut().split_at_mut_checked(l % LANES)
            && let Some(s) = s.first_chunk_mut::<{ 3 * LANES + 1 }>()
        {
            [s[0], s[LANES], s[2 * LANES], s[3 * LANES]] = state;
        }
    }

    /// The state words of the `G` lanes from `g * G` on.
    #[inline(always)]
    pub(crate) fn group<const G: usize>(&self, g: usize) -> [[u32; G]; 4] {
        let mut group = [[0; G]; 4];
        for (group, lanes) in group.iter_mut().zip(&self.0) {
            *group = lanes.as_chunks().0.get(g).copied().unwrap_or(*group);
        }
        group
    }

    /// Sets those of [`group`](Self::group).
    #[inline(always)]
    pub(crate) fn set_group<const G: usize>(&mut self, g: usize, group: [[u32; G]; 4]) {
        for (lanes, group) in self.0.iter_mut().zip(group) {
            if let Some(lanes) = lanes.as_chunks_mut().0.get_mut(g) {
                *lanes = group;
            }
        }
    }
}

/// The state at which a lane of a key starts; lanes from [`LANES`] on draw no mask.
pub(crate) fn initial([a, b, c, d]: [u32; 4], lane: u32) -> [u32; 4] {
    let counter = lane.wrapping_mul(4);
    let word = |k: u32, i: u32| mix32(k.wrapping_add(counter.wrapping_add(i).wrapping_mul(G32)));
    match [word(a, 1), word(b, 2), word(c, 3), word(d, 4)] {
        [0, 0, 0, 0] => [1, 0, 0, 0],
        state => state,
    }
}

/// What the counters of two neighbouring words of a state are apart.
pub(crate) const G32: u32 = 0x9E37_79B9;

/// Whether a lane of the key can have a state of zeros. [`mix32`] makes 0 of 0 alone, so the words
/// of the key would have to go down as the counters go up.
const fn may_be_zero([a, b, c, d]: [u32; 4]) -> bool {
    a.wrapping_sub(b) == G32 && b.wrapping_sub(c) == G32 && c.wrapping_sub(d) == G32
}

/// The factors of [`mix32`].
pub(crate) const MIX32: [u32; 2] = [0x85EB_CA6B, 0xC2B2_AE35];

/// How far the counters of each lane stand from those of the first.
#[expect(clippy::indexing_slicing, reason = "l is below the length")]
#[allow(dead_code, reason = "only machines whose vectors are driven by intrinsics use it")]
pub(crate) const COUNTERS: [u32; LANES] = {
    let mut counters = [0; LANES];
    let mut l = 0;
    while l < LANES {
        counters[l] = G32.wrapping_mul(4 * l as u32);
        l += 1;
    }
    counters
};

/// The finalizer of `MurmurHash3`, a bijection.
#[inline(always)]
const fn mix32(h: u32) -> u32 {
    let h = (h ^ (h >> 16)).wrapping_mul(MIX32[0]);
    let h = (h ^ (h >> 13)).wrapping_mul(MIX32[1]);
    h ^ (h >> 16)
}

/// One step of `G` lanes of xoshiro128++ (Blackman and Vigna 2019); returns their outputs.
#[expect(clippy::indexing_slicing, reason = "i runs over the length of each array")]
#[inline(always)]
pub(crate) fn step<const G: usize>([s0, s1, s2, s3]: &mut [[u32; G]; 4]) -> [u32; G] {
    let mut out = [0; G];
    for i in 0..G {
        out[i] = rotate_left::<7>(s0[i].wrapping_add(s3[i])).wrapping_add(s0[i]);
        let t = s1[i] << 9;
        s2[i] ^= s0[i];
        s3[i] ^= s1[i];
        s1[i] ^= s2[i];
        s0[i] ^= s3[i];
        s2[i] ^= t;
        s3[i] = rotate_left::<11>(s3[i]);
    }
    out
}

/// Written out because `u32::rotate_left` does not vectorise on wasm simd128.
#[expect(clippy::manual_rotate, reason = "see above")]
#[inline(always)]
fn rotate_left<const K: u32>(x: u32) -> u32 {
    (x << K) | (x >> (32 - K))
}

#[cfg(test)]
#[expect(clippy::indexing_slicing, reason = "a test")]
mod tests {
    use super::{LANES, Lanes, initial, mix32};

    /// The h with `mix32(h) == x`: `mix32` is undone step by step.
    fn unmix32(x: u32) -> u32 {
        /// The y with x * y = 1, by Newton's steps: each doubles the bits that are right.
        fn inverse(x: u32) -> u32 {
            (0..5).fold(x, |y, _| y.wrapping_mul(2u32.wrapping_sub(x.wrapping_mul(y))))
        }
        let h = (x ^ (x >> 16)).wrapping_mul(inverse(0xC2B2_AE35));
        let h = (h ^ (h >> 13) ^ (h >> 26)).wrapping_mul(inverse(0x85EB_CA6B));
        h ^ (h >> 16)
    }

    /// STREAM.md, section 2: should all four be zero, s0 = 1. The keys that reach it are found
    /// backwards.
    #[test]
    fn a_lane_of_zeros_starts_at_1() {
        fn started<const G: usize>(key: [u32; 4], lane: usize) -> [u32; 4] {
            let mut lanes = Lanes::EMPTY;
            lanes.seed::<G>(key, LANES);
            lanes.get(lane)
        }
        for lane in [0, 1, 9, 15] {
            for (target, expected) in [([0; 4], [1, 0, 0, 0]), ([0, 0, 0, 9], [0, 0, 0, 9])] {
                let key = core::array::from_fn(|i| {
                    let counter = 4 * lane as u32 + i as u32 + 1;
                    unmix32(target[i]).wrapping_sub(counter.wrapping_mul(0x9E37_79B9))
                });
                assert_eq!(initial(key, lane as u32), expected);
                assert_eq!(started::<1>(key, lane), expected);
                assert_eq!(started::<4>(key, lane), expected);
                assert_eq!(started::<16>(key, lane), expected);
            }
        }
        assert_eq!(mix32(unmix32(0x1234_5678)), 0x1234_5678);
    }
}

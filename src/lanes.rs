//! The sixteen lanes: state, seeding and step of the generators behind every mask
//! (STREAM.md, sections 1 and 2). Plain data; nothing here knows what a mask is.

/// Generators in a stream. Part of the format: no processor changes it.
pub(crate) const LANES: usize = 16;

/// Elements that one step of all the lanes decides: one 32-bit word a lane.
pub(crate) const BLOCK: usize = 32 * LANES;

/// Sixteen xoshiro128++ generators; state word `i` of lane `l` is `self.0[i][l]`.
#[derive(Clone, PartialEq, Eq)]
// A store that crosses cache lines is slow to be loaded again by the next call.
#[cfg_attr(any(target_arch = "x86", target_arch = "x86_64"), repr(align(64)))]
pub(crate) struct Lanes(pub(crate) [[u32; LANES]; 4]);

impl Lanes {
    /// No lane is seeded; none must be used.
    pub(crate) const EMPTY: Self = Self([[0; LANES]; 4]);

    /// Seeds the first `count` lanes from the start of a stream.
    pub(crate) const fn seed(&mut self, seed: u64, stream: u64, count: usize) {
        let mut l = 0;
        while l < LANES && l < count {
            let j = 2 * l as u64;
            self.set(l, state(seed_word(seed, stream, j), seed_word(seed, stream, j + 1)));
            l += 1;
        }
    }

    /// [`seed`](Self::seed) for all lanes, on processors that multiply vectors of `u64`.
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    #[inline(always)]
    pub(crate) fn seed_at_once(&mut self, seed: u64, stream: u64) {
        let mut words = [0; 2 * LANES];
        for (j, word) in words.iter_mut().enumerate() {
            *word = seed_word(seed, stream, j as u64);
        }
        for (l, [a, b]) in words.as_chunks().0.iter().enumerate() {
            self.set(l % LANES, state(*a, *b));
        }
    }

    /// The four state words of lane `l`, which is below [`LANES`].
    #[expect(
        clippy::indexing_slicing,
        reason = "the caller's loop bounds l, and inlining shows it"
    )]
    #[inline(always)]
    pub(crate) const fn get(&self, l: usize) -> [u32; 4] {
        // One base and four offsets that are constants, where four arrays would be four addresses.
        let s = self.0.as_flattened().split_at(l).1;
        [s[0], s[LANES], s[2 * LANES], s[3 * LANES]]
    }

    /// Sets the four state words of lane `l`, which is below [`LANES`].
    #[expect(
        clippy::indexing_slicing,
        reason = "the caller's loop bounds l, and inlining shows it"
    )]
    #[inline(always)]
    pub(crate) const fn set(&mut self, l: usize, state: [u32; 4]) {
        let s = self.0.as_flattened_mut().split_at_mut(l).1;
        [s[0], s[LANES], s[2 * LANES], s[3 * LANES]] = state;
    }
}

/// W(j), by `SplitMix64` with random access: A(j) mixes seed + (j + 1) G, and W(j) mixes
/// A(j) + (stream + 1) G.
///
/// The mix is written out, and not taken from `rand_xoshiro`, so that a generator can be a constant;
/// tests compare it with that crate's.
#[inline(always)]
const fn seed_word(seed: u64, stream: u64, j: u64) -> u64 {
    const G: u64 = 0x9E37_79B9_7F4A_7C15;
    // In firmware one copy: 11 instructions more a word, and a third of the bytes.
    #[cfg_attr(target_os = "none", inline(never))]
    #[cfg_attr(not(target_os = "none"), inline(always))]
    const fn mix(z: u64) -> u64 {
        let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
    let a = mix(seed.wrapping_add((j + 1).wrapping_mul(G)));
    mix(a.wrapping_add(stream.wrapping_add(1).wrapping_mul(G)))
}

/// The state that two words make.
#[inline(always)]
const fn state(a: u64, b: u64) -> [u32; 4] {
    nonzero([a as u32, (a >> 32) as u32, b as u32, (b >> 32) as u32])
}

/// A state of zeros would stay so for ever; no (seed, stream) is known to give one.
const fn nonzero(state: [u32; 4]) -> [u32; 4] {
    match state {
        [0, 0, 0, 0] => [1, 0, 0, 0],
        state => state,
    }
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
mod tests {
    use super::nonzero;

    /// STREAM.md, section 2: should all four be zero, s0 = 1. No known seed reaches it.
    #[test]
    fn a_lane_of_zeros_becomes_1() {
        assert_eq!(nonzero([0; 4]), [1, 0, 0, 0]);
        assert_eq!(nonzero([0, 0, 0, 9]), [0, 0, 0, 9]);
    }
}

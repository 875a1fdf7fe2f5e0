//! The name of a mask: (seed, stream), from which its generator starts.

use crate::error::KeyError;

/// The version of the mask stream (`docs/STREAM.md`), which says what mask (seed, stream, p, n)
/// gives. A change to any mask changes it.
pub const STREAM_VERSION: u32 = 2;

/// The name of a mask, for ever and on every machine: a seed, and one of its 2^64 streams.
///
/// A key is 16 bytes and `Copy`. What it names can be drawn again at any time, in any order, by any
/// thread, so a mask that has a key need not be stored. Give every place that draws alone a stream
/// of its own: a step and layer, a tile, a row block, a worker's chunk. Inside of a stream there is
/// no seeking, and with enough streams no need for it.
///
/// | | streams | |
/// |---|---|---|
/// | [`new`](Self::new) | as numbered by the caller | |
/// | [`at`](Self::at) | a path of indices with known extents | two paths of the same extents never share a stream |
/// | [`fold`](Self::fold) | a path of indices of any size | share one with probability 2^-64 a pair |
///
/// Streams of one seed never start alike (the stream's definition is built so), those of different
/// seeds with probability 2^-96 a pair. So a seed for each run, and a stream for each mask in it.
/// The three ways are not kept apart from each other: number all masks of a seed in one of them. A
/// generator `MaskRng::new(seed, s)` takes stream s, too: give it one that no key has.
///
/// ```
/// use dropout_kernels::{Dropout, MaskKey, drop_rate};
///
/// const SEED: u64 = 42;
/// const DROPOUT: Dropout = Dropout::new(drop_rate!(0.1));
/// for step in 0..3 {
///     // Layer 1 of 2 in this step: its mask is drawn in forward, and drawn again in backward.
///     let key = MaskKey::at(SEED, &[(step, 1 << 32), (1, 2)])?;
///     let (mut x, mut dx) = ([1f32; 64], [1f32; 64]);
///     DROPOUT.forward_in_place(&mut x, key)?;
///     DROPOUT.backward_in_place(&mut dx, key)?;
///     assert_eq!(x, dx);
/// }
/// # Ok::<(), dropout_kernels::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub struct MaskKey {
    seed: u64,
    stream: u64,
}

const G: u64 = 0x9E37_79B9_7F4A_7C15;

impl MaskKey {
    /// Stream `stream` of `seed`.
    #[must_use]
    pub const fn new(seed: u64, stream: u64) -> Self {
        Self { seed, stream }
    }

    /// The stream of `seed` that a path of (index, extent) leads to, as an element of an array is
    /// found by its indices: ((i0 * n1 + i1) * n2 + i2) and so on. Paths of the same extents
    /// never share a stream.
    ///
    /// ```
    /// use dropout_kernels::MaskKey;
    ///
    /// let (step, layer, tile) = (1000, 3, 17);
    /// let key = MaskKey::at(42, &[(step, 1 << 32), (layer, 12), (tile, 64)])?;
    /// assert_eq!(key, MaskKey::new(42, (1000 * 12 + 3) * 64 + 17));
    /// # Ok::<(), dropout_kernels::KeyError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`KeyError`] if an index is not below its extent, or if the extents have a product above
    /// 2^64.
    pub const fn at(seed: u64, path: &[(u64, u64)]) -> Result<Self, KeyError> {
        // The stream of the last element of all: above 2^64 - 1, the product is above 2^64.
        let (mut stream, mut last) = (0u64, 0u64);
        let (mut rest, mut at) = (path, 0);
        while let [(index, extent), tail @ ..] = rest {
            let (index, extent) = (*index, *extent);
            if index >= extent {
                return Err(KeyError::IndexOutOfRange { at, index, extent });
            }
            let grown = match last.checked_mul(extent) {
                Some(product) => product.checked_add(extent - 1),
                None => None,
            };
            let Some(grown) = grown else { return Err(KeyError::Overflow { at, last, extent }) };
            last = grown;
            stream = stream * extent + index;
            (rest, at) = (tail, at + 1);
        }
        Ok(Self { seed, stream })
    }

    /// The key of this one's descendant `index`, for those who do not know how many there will be
    /// (what JAX calls `fold_in`): stream' = mix64(mix64(stream + G) + (index + 1) * G), by the
    /// mix and the G of the mask stream.
    ///
    /// Children of one key never share a stream. Two other descendants do with probability 2^-64 a
    /// pair.
    ///
    /// ```
    /// use dropout_kernels::MaskKey;
    ///
    /// let run = MaskKey::new(42, 0);
    /// let (epoch, batch, layer) = (3, 1_000, 2);
    /// let key = run.fold(epoch).fold(batch).fold(layer);
    /// assert_eq!(key.seed(), 42);
    /// assert_ne!(key, run.fold(epoch).fold(layer).fold(batch));
    /// ```
    #[must_use]
    pub const fn fold(self, index: u64) -> Self {
        let parent = mix64(self.stream.wrapping_add(G));
        let stream = mix64(parent.wrapping_add(index.wrapping_add(1).wrapping_mul(G)));
        Self { seed: self.seed, stream }
    }

    /// The seed.
    #[must_use]
    pub const fn seed(self) -> u64 {
        self.seed
    }

    /// The stream of the seed.
    #[must_use]
    pub const fn stream(self) -> u64 {
        self.stream
    }

    /// The 128 bits that the lanes start from (STREAM.md, section 2).
    // In firmware one copy serves every caller. Elsewhere the caller may be compiled for AVX-512, where the
    // compiler takes its product of 64-bit lanes, which is five times as slow as the general registers'.
    #[inline(never)]
    pub(crate) const fn words(self) -> [u32; 4] {
        let z = mix64(self.seed.wrapping_add(G));
        let t = self.stream.wrapping_add(1).wrapping_mul(G);
        let (a, b) = (mix64(z.wrapping_add(t)), mix64(z.rotate_left(32).wrapping_add(t)));
        [a as u32, (a >> 32) as u32, b as u32, (b >> 32) as u32]
    }
}

/// The output function of `SplitMix64`, a bijection. Written out, and not taken from
/// `rand_xoshiro`, so that a generator can be a constant; tests compare it with that crate's.
#[cfg_attr(target_os = "none", inline(never))]
const fn mix64(z: u64) -> u64 {
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

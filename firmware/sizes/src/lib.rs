//! The entry points whose size and stack are measured. All take one [`Call`], so that the compiler
//! knows nothing of what they are called with, and one table holds them.
#![no_std]

mod entries;

use core::fmt;

use dropout_kernels::{
    Alpha, Classic, ConcreteDropout, DropBlock, DropConnect, DropHead, DropKey, DropPath, DropRate,
    Dropout, EmbeddingDropout, EmbeddingNoise, Error, GaussianDropout, Inverted, LayerDrop, Layout,
    LockedDropout, MaskMut, MaskRng, MaskTape, MonteCarlo, Schedule, ZeroPoint, Zoneout,
};

pub use entries::ENTRIES;

/// Whether it went well, as the library says.
pub type Outcome = Result<(), Error>;

/// What is measured.
pub type Entry = fn(&mut Call<'_>) -> Outcome;

/// Everything that an entry point is called with. Of `n` elements, in `4` groups where there are
/// groups.
pub struct Call<'a> {
    /// A rate, not checked yet.
    pub p: f32,
    /// The mask for those that replay it.
    pub seed: u64,
    /// Its second half.
    pub stream: u64,
    /// What draws masks.
    pub rng: MaskRng,
    /// `n` elements.
    pub x: &'a mut [f32],
    /// `n` more.
    pub y: &'a mut [f32],
    /// `n` more.
    pub z: &'a mut [f32],
    /// `n` more, of 64 bits.
    pub doubles: &'a mut [f64],
    /// `n` more, of 16 bits.
    pub words: &'a mut [i16],
    /// `n` more, of 8 bits.
    pub bytes: &'a mut [i8],
    /// `n / 4` elements: inputs of a layer of weights.
    pub inputs: &'a mut [f32],
    /// 4: outputs of a layer of weights.
    pub outputs: [f32; 4],
    /// 4 more.
    pub variances: [f32; 4],
    /// A mask of `n` bits.
    pub mask: MaskMut<'a>,
    /// A mask of 4.
    pub groups: MaskMut<'a>,
    /// 4 rows of the vocabulary.
    pub indices: [u32; 4],
    /// Inverted dropout.
    pub dropout: Dropout,
    /// Classic dropout.
    pub classic: Dropout<Classic>,
    /// Inverted dropout about a zero point.
    pub zero_point: Dropout<ZeroPoint<Inverted>>,
    /// Alpha dropout.
    pub alpha: Dropout<Alpha>,
    /// Attention logits.
    pub drop_key: Dropout<DropKey>,
    /// 4 channels.
    pub layout: Layout,
    /// 4 maps.
    pub blocks: DropBlock,
    /// A map of each of 4 samples, each by a factor of its own.
    pub samples: DropBlock,
    /// Batch, channels and two extents of the maps.
    pub extents: [usize; 4],
    /// Of `n` units.
    pub locked: LockedDropout<[u32; 20]>,
    /// Of any length.
    pub zoneout: Zoneout,
    /// 4 rows.
    pub embedding: EmbeddingDropout,
    /// Of any length.
    pub noise: EmbeddingNoise,
    /// 4 samples.
    pub path: DropPath,
    /// 4 layers.
    pub layers: LayerDrop,
    /// 4 heads.
    pub heads: DropHead,
    /// 4 rows of `n / 4`.
    pub weights: DropConnect,
    /// Of any length.
    pub gaussian: GaussianDropout,
    /// Of any length.
    pub concrete: ConcreteDropout,
    /// The gradient to its logit.
    pub logit: f32,
    /// Of `n` outputs.
    pub passes: MonteCarlo<&'a mut [f32]>,
    /// Room for two masks of `n`.
    pub tape: MaskTape<[u32; 46]>,
    /// Over steps.
    pub schedule: Schedule,
    /// A step of it.
    pub step: u32,
    /// What a rate came to.
    pub rate: DropRate,
    /// Something that went wrong.
    pub error: Error,
    /// Where to say so.
    pub out: &'a mut dyn fmt::Write,
}

/// The entry point of a name.
///
/// # Panics
///
/// Fails the build where there is none.
#[must_use]
pub const fn find(name: &str) -> Entry {
    let mut entries = ENTRIES;
    while let [(other, entry), rest @ ..] = entries {
        if same(name.as_bytes(), other.as_bytes()) {
            return *entry;
        }
        entries = rest;
    }
    panic!("no entry point of this name")
}

const fn same(mut a: &[u8], mut b: &[u8]) -> bool {
    while let ([x, rest @ ..], [y, others @ ..]) = (a, b) {
        if *x != *y {
            return false;
        }
        (a, b) = (rest, others);
    }
    a.is_empty() && b.is_empty()
}

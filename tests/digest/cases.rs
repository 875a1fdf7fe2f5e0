//! A digest of a large matrix of cases, one hash for each group, that has to come out alike on
//! every machine and by every backend. On chips, where `firmware` runs it, without std and without
//! a heap.
//!
//! Inputs hold zeros of both signs, denormals, infinities, NaN, signalling ones too, and numbers
//! that overflow when they are scaled.
//! The payload of a NaN that was computed is the processor's, and is not looked at; one that was
//! copied has to keep its bits.

mod fused;
mod masks;
mod memory;
mod noise;
mod ordinary;
mod recurrent;
mod shapes;
mod weights;

use core::fmt;

use dropout_kernels::{
    Backend, DropRate, Element, Error, MaskMut, MaskRef, MaskRng, ShapeError, mask_words,
};
use half::{bf16, f16};
use memory::Memory;

/// Adds a group's cases to a digest, run by a backend.
pub(crate) type Group = fn(&mut Digest, Backend) -> Result<(), Error>;

/// Groups of elements of 32 and 64 bits, with their names. (A chip's flash does not hold those of
/// others beside them.)
pub(crate) const GROUPS: [(&str, Group); 29] = [
    ("rates", masks::rates),
    ("masks", masks::masks),
    ("generators", masks::generators),
    ("algebra", masks::algebra),
    ("tape", masks::tape),
    ("inverted-f32", ordinary::inverted::<f32, LONG>),
    ("inverted-f64", ordinary::inverted::<f64, SHORT>),
    ("classic-f32", ordinary::classic::<f32, LONG>),
    ("classic-f64", ordinary::classic::<f64, SHORT>),
    ("alpha-f32", ordinary::alpha::<f32, LONG>),
    ("alpha-f64", ordinary::alpha::<f64, SHORT>),
    ("drop-key-f32", ordinary::drop_key::<f32, LONG>),
    ("drop-key-f64", ordinary::drop_key::<f64, SHORT>),
    ("arrays", ordinary::arrays),
    ("layouts-f32", shapes::layouts_f32),
    ("layouts-f64", shapes::layouts_f64),
    ("drop-block-f32", shapes::drop_block::<f32, LONG>),
    ("drop-block-f64", shapes::drop_block::<f64, SHORT>),
    ("drop-path-f32", shapes::drop_path::<f32>),
    ("drop-path-f64", shapes::drop_path::<f64>),
    ("drop-head", shapes::drop_head),
    ("locked-f32", recurrent::locked::<f32>),
    ("locked-f64", recurrent::locked::<f64>),
    ("zoneout-f32", recurrent::zoneout::<f32>),
    ("zoneout-f64", recurrent::zoneout::<f64>),
    ("embedding", weights::embedding),
    ("drop-connect", weights::drop_connect),
    ("gaussian", weights::gaussian),
    ("monte-carlo", weights::monte_carlo),
];

/// Those of floating-point elements of 16 bits.
pub(crate) const HALVES: [(&str, Group); 12] = [
    ("rules-f16", ordinary::floats::<f16>),
    ("rules-bf16", ordinary::floats::<bf16>),
    ("shapes-f16", shapes::all::<f16>),
    ("shapes-bf16", shapes::all::<bf16>),
    ("recurrent-f16", recurrent::all::<f16>),
    ("recurrent-bf16", recurrent::all::<bf16>),
    ("weights-f16", weights::floats::<f16>),
    ("weights-bf16", weights::floats::<bf16>),
    ("fused-f16", fused::floats::<f16>),
    ("fused-bf16", fused::floats::<bf16>),
    ("noise-f16", noise::floats::<f16>),
    ("noise-bf16", noise::floats::<bf16>),
];

/// Those of integers.
pub(crate) const INTEGERS: [(&str, Group); 11] = [
    ("rules-i16", ordinary::integers::<i16>),
    ("rules-i8", ordinary::integers::<i8>),
    ("zero-points", ordinary::bytes),
    ("shapes-i16", shapes::all::<i16>),
    ("shapes-i8", shapes::all::<i8>),
    ("recurrent-i16", recurrent::all::<i16>),
    ("recurrent-i8", recurrent::all::<i8>),
    ("weights-i16", weights::integers::<i16>),
    ("weights-i8", weights::integers::<i8>),
    ("fused-i16", fused::rows::<i16>),
    ("fused-i8", fused::rows::<i8>),
];

/// Others of 32 and 64 bits: what is fused with dropout, drawn in place of a mask, or found beside them.
pub(crate) const FUSED: [(&str, Group); 9] = [
    ("alpha-of", ordinary::alpha_of),
    ("layer-drop", masks::layer_drop),
    ("drop-block-samples-f32", shapes::drop_block_samples::<f32, LONG>),
    ("drop-block-samples-f64", shapes::drop_block_samples::<f64, SHORT>),
    ("drop-connect-transposed", weights::drop_connect_transposed),
    ("fused-f32", fused::floats::<f32>),
    ("fused-f64", fused::floats::<f64>),
    ("noise-f32", noise::floats::<f32>),
    ("noise-f64", noise::doubles),
];

/// Elements of the largest tensor of `f32`: four blocks of 512, as backends draw a block while they
/// apply one before it, a word, and one more.
const LONG: usize = 4 * 512 + 32 + 1;
/// Of `f64`, which take more of a chip's memory: three blocks, a word, and one more.
const SHORT: usize = 3 * 512 + 32 + 1;

/// The 64 bits of FNV-1a, taken over words of 32 bits instead of bytes: quick on a chip too. Each
/// step is one to one, so a single word that differs always shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Digest {
    hash: u64,
    words: u32,
}

impl Default for Digest {
    fn default() -> Self {
        Self { hash: 0xCBF2_9CE4_8422_2325, words: 0 }
    }
}

impl Digest {
    /// Of one group by one backend.
    pub(crate) fn of(group: Group, backend: Backend) -> Result<Self, Error> {
        let mut digest = Self::default();
        group(&mut digest, backend)?;
        Ok(digest)
    }

    fn word(&mut self, word: u32) {
        self.hash = (self.hash ^ u64::from(word)).wrapping_mul(0x100_0000_01B3);
        self.words += 1;
    }

    /// The lower half first.
    fn long(&mut self, long: u64) {
        self.word(long as u32);
        self.word((long >> 32) as u32);
    }

    fn mask(&mut self, mask: MaskRef<'_>) {
        mask.words().iter().for_each(|word| self.word(*word));
    }

    fn generator(&mut self, rng: &MaskRng) {
        rng.to_bytes().as_chunks().0.iter().for_each(|b| self.word(u32::from_le_bytes(*b)));
    }

    /// Their bits, but one NaN is like another.
    pub(crate) fn numbers<T: Number>(&mut self, numbers: &[T]) {
        numbers.iter().for_each(|x| x.add_to(self, false));
    }

    /// Their bits.
    pub(crate) fn copies<T: Number>(&mut self, numbers: &[T]) {
        numbers.iter().for_each(|x| x.add_to(self, true));
    }
}

/// As in `expected.txt`: the hash, and how many words went into it.
impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}{:08x} {}", (self.hash >> 32) as u32, self.hash as u32, self.words)
    }
}

/// Thirty-two bits that depend on `i` and `salt`, by the last steps of `MurmurHash3`: inputs must
/// not come from what is tested.
fn noise(salt: u32, i: u32) -> u32 {
    let mut x = i.wrapping_mul(0x9E37_79B9).wrapping_add(salt);
    for (shift, factor) in [(16, 0x85EB_CA6B), (13, 0xC2B2_AE35)] {
        x = (x ^ x >> shift).wrapping_mul(factor);
    }
    x ^ x >> 16
}

/// An element with its bits.
pub(crate) trait Number: Element + Default {
    /// A number from 2^-8 to 2^8, of either sign.
    fn plain(salt: u32, i: u32) -> Self;

    /// What arithmetic treats apart.
    fn special(which: u32) -> Self;

    fn add_to(self, digest: &mut Digest, copied: bool);

    /// One in eight is special.
    fn any(salt: u32, i: u32) -> Self {
        let bits = noise(!salt, i);
        if bits < 1 << 29 { Self::special(bits) } else { Self::plain(salt, i) }
    }
}

macro_rules! number {
    ($float:ident, $bits:ident, $quiet:expr, $signalling:expr, |$salt:ident, $i:ident| $plain:expr, $add:expr) => {
        impl Number for $float {
            fn plain($salt: u32, $i: u32) -> Self {
                $plain
            }

            fn special(which: u32) -> Self {
                const SIGN: $bits = 1 << ($bits::BITS - 1);
                const DENORMAL: $bits = $float::MIN_POSITIVE.to_bits() - 1;
                // Its exponent has all bits but the highest.
                const UNITY: $bits = $float::INFINITY.to_bits() & $float::INFINITY.to_bits() >> 1;
                const SIGNALLING: $bits = $float::INFINITY.to_bits() | $signalling;
                const SPECIAL: [$float; 18] = [
                    $float::from_bits(0),
                    $float::from_bits(SIGN),
                    $float::from_bits(UNITY),
                    $float::from_bits(SIGN | UNITY),
                    $float::from_bits(1),
                    $float::from_bits(SIGN | 1),
                    $float::from_bits(DENORMAL),
                    $float::from_bits(SIGN | DENORMAL),
                    $float::MIN_POSITIVE,
                    $float::EPSILON,
                    $float::MAX,
                    $float::MIN,
                    $float::INFINITY,
                    $float::NEG_INFINITY,
                    $float::from_bits($quiet),
                    $float::from_bits($quiet | SIGN),
                    $float::from_bits(SIGNALLING),
                    $float::from_bits(SIGNALLING | SIGN),
                ];
                SPECIAL[which as usize % SPECIAL.len()]
            }

            fn add_to(self, digest: &mut Digest, copied: bool) {
                let computed = self.is_nan() && !copied;
                $add(
                    digest,
                    if computed { $float::INFINITY.to_bits() + 1 } else { self.to_bits() },
                );
            }
        }
    };
}

number!(
    f32,
    u32,
    0x7FC1_2345,
    0x5A5A5,
    |salt, i| {
        let bits = noise(salt, i);
        f32::from_bits(bits & 0x807F_FFFF | (119 + (bits >> 23 & 15)) << 23)
    },
    Digest::word
);
number!(
    f64,
    u64,
    0x7FF8_1234_5678_9ABC,
    0x5A5A5,
    |salt, i| {
        let bits = u64::from(noise(salt, i)) << 32 | u64::from(noise(salt + 1, i));
        f64::from_bits(bits & 0x800F_FFFF_FFFF_FFFF | (1015 + (bits >> 52 & 15)) << 52)
    },
    Digest::long
);
number!(
    f16,
    u16,
    0x7E5A,
    0xA5,
    |salt, i| {
        let bits = noise(salt, i) as u16;
        f16::from_bits(bits & 0x83FF | (7 + (bits >> 10 & 15)) << 10)
    },
    |digest: &mut Digest, bits: u16| digest.word(bits.into())
);
number!(
    bf16,
    u16,
    0x7FDA,
    0x25,
    |salt, i| {
        let bits = noise(salt, i) as u16;
        bf16::from_bits(bits & 0x807F | (119 + (bits >> 7 & 15)) << 7)
    },
    |digest: &mut Digest, bits: u16| digest.word(bits.into())
);

macro_rules! integer {
    ($int:ident) => {
        impl Number for $int {
            fn plain(salt: u32, i: u32) -> Self {
                noise(salt, i) as Self
            }

            fn special(which: u32) -> Self {
                const SPECIAL: [$int; 8] =
                    [0, 1, -1, $int::MAX, $int::MIN, $int::MIN + 1, $int::MAX / 2 + 1, 3];
                SPECIAL[which as usize % SPECIAL.len()]
            }

            fn add_to(self, digest: &mut Digest, _: bool) {
                digest.word(self as u32);
            }
        }
    };
}
integer!(i8);
integer!(i16);

/// Tensors and a mask to work on.
struct Space<T, const N: usize> {
    x: Memory<T, N>,
    y: Memory<T, N>,
    words: Memory<u32, { mask_words(LONG) }>,
}

impl<T: Number, const N: usize> Space<T, N> {
    fn new() -> Self {
        Self { x: Memory::new(), y: Memory::new(), words: Memory::new() }
    }

    /// `n` inputs, and an output of as many and a mask of `bits` that hold something else.
    fn fresh(&mut self, n: usize, bits: usize) -> (&mut [T], &mut [T], MaskMut<'_>) {
        let (x, y) = (self.x.take(n), self.y.take(n));
        set(x, 1, T::any);
        set(y, 3, T::plain);
        let words = self.words.take(mask_words(bits));
        words.fill(0xA5A5_A5A5);
        (x, y, MaskMut::new(words, bits).expect("as many words as it needs"))
    }

    /// Inputs and an output again, and the mask as it is.
    fn again(&mut self, n: usize, bits: usize) -> (&mut [T], &mut [T], MaskRef<'_>) {
        let (x, y) = (self.x.take(n), self.y.take(n));
        set(x, 2, T::any);
        set(y, 4, T::plain);
        let words = self.words.take(mask_words(bits));
        (x, y, MaskRef::new(words, bits).expect("as many words as it needs"))
    }
}

/// Element i becomes `number(salt, i)`.
fn set<T>(x: &mut [T], salt: u32, number: fn(u32, u32) -> T) {
    for (x, i) in x.iter_mut().zip(0..) {
        *x = number(salt, i);
    }
}

/// Rates of each class: the least, one plane, a tie after eight planes, one half, nearly one, and
/// those that draw nothing.
fn classes() -> impl Iterator<Item = DropRate> {
    [0, 1, 1 << 32, 0x19_9999_A000, 1 << 39, 0xE6_6666_6666, (1 << 40) - 1, 1 << 40]
        .into_iter()
        .map(|threshold| DropRate::from_threshold(threshold).expect("at most 2^40"))
}

/// What a call gives: nothing, where it cannot fail.
trait Done {
    fn done(self) -> Result<(), Error>;
}

impl Done for () {
    fn done(self) -> Result<(), Error> {
        Ok(())
    }
}

impl Done for Result<(), ShapeError> {
    fn done(self) -> Result<(), Error> {
        Ok(self?)
    }
}

/// Every way to drop `n` elements by `bits` bits: the mask drawn and stored, drawn twice, and the
/// caller's; forward and backward, out of place and in place. `take` adds tensors to the digest.
macro_rules! ways {
    ($digest:expr, $space:expr, $drop:expr, $n:expr, $bits:expr, $key:expr, $take:ident) => {{
        use super::Done;
        let (digest, space, drop) = (&mut *$digest, &mut *$space, $drop);
        let (n, bits, (seed, stream)) = ($n, $bits, $key);
        let key = dropout_kernels::MaskKey::new(seed, stream);
        let mut rng = dropout_kernels::MaskRng::from_key(key);

        let (x, y, mut mask) = space.fresh(n, bits);
        drop.forward(x, y, rng.draw(mask.reborrow()))?;
        digest.$take(y);
        digest.mask(mask.as_ref());
        let (dy, dx, mask) = space.again(n, bits);
        drop.backward(dy, dx, mask)?;
        digest.$take(dx);
        let (x, _, mut mask) = space.fresh(n, bits);
        drop.forward_in_place(x, rng.draw(mask.reborrow()))?; // the generator goes on
        digest.$take(x);
        digest.mask(mask.as_ref());
        let (dx, y, mask) = space.again(n, bits);
        drop.backward_in_place(dx, mask)?;
        digest.$take(dx);
        digest.generator(&rng);

        drop.forward(dx, y, mask)?;
        digest.$take(y);
        drop.forward_in_place(y, mask)?;
        digest.$take(y);

        let (x, y, _) = space.fresh(n, bits);
        drop.forward(x, y, key)?;
        digest.$take(y);
        drop.forward_in_place(x, key).done()?;
        digest.$take(x);
        let (dy, dx, _) = space.again(n, bits);
        drop.backward(dy, dx, key)?;
        digest.$take(dx);
        drop.backward_in_place(dy, key).done()?;
        digest.$take(dy);
    }};
}
use ways;

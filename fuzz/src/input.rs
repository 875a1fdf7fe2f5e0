//! Inputs of a fixed size each, so that a mutation of one leaves the others where they are.

use std::array;

use arbitrary::Arbitrary;
use dropout_kernels::DropRate;
use dropout_reference::LENGTHS;
use dropout_reference::number::Number;
use dropout_reference::stream::Reference;

const ONE: u64 = 1 << 40;
/// 2^64 over the golden ratio, which spreads a counter over all bits.
const G: u64 = 0x9E37_79B9_7F4A_7C15;

/// A length: small, which is fast, or one at which kernels change what they do.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct Length(u8);

impl Length {
    pub fn get(self) -> usize {
        match usize::from(self.0) {
            n @ ..224 => n % 77,
            n => LENGTHS[(n - 224) % LENGTHS.len()],
        }
    }
}

/// A rate of any kind.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Rate {
    /// Of the kinds that are drawn in different ways.
    Named(u8),
    Threshold(u64),
    /// At which an element of the first word of a lane ties, and the draw that breaks the tie just
    /// drops it or just keeps it.
    Tie {
        lane: u8,
        bit: u8,
        drops: bool,
    },
}

impl Rate {
    /// At a place of the mask stream, which ties are of.
    pub fn get(self, reference: &Reference) -> DropRate {
        const NAMED: [u64; 12] = [
            0,
            ONE,
            1,
            ONE - 1,
            ONE / 2,
            ONE / 4 * 3,
            ONE / 256,
            ONE / 256 * 255,
            ONE / 10,
            ONE / 2 + 1,
            0xFFFF_FFFF,
            ONE / 256 + 1,
        ];
        let t = match self {
            Self::Named(i) => NAMED[usize::from(i) % NAMED.len()],
            Self::Threshold(t) => t % (ONE + 1),
            Self::Tie { lane, bit, drops } => {
                tie(reference.clone(), usize::from(lane % 16), bit % 32, drops)
            }
        };
        DropRate::from_threshold(t).expect("at most 2^40")
    }
}

fn tie(mut reference: Reference, lane: usize, bit: u8, drops: bool) -> u64 {
    let planes: [u32; 8] = array::from_fn(|_| reference.next(lane));
    let fraction = |i: u8| planes.iter().fold(0, |f, r| f << 1 | u64::from(r >> i & 1));
    // Ties of elements before this one take draws of their own.
    for _ in (0..bit).filter(|i| fraction(*i) == fraction(bit)) {
        reference.next(lane);
    }
    (fraction(bit) << 32) + u64::from(reference.next(lane)) + u64::from(drops)
}

/// Elements: the bits that were given and others made of them, all different, with awkward values
/// among them; or tame ones, whose sums say something.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct Values {
    bits: [u64; 3],
    awkward: u16,
    tame: bool,
}

impl Values {
    pub fn get<T: Number>(self, n: usize) -> Vec<T> {
        let bits = |i: usize| self.bits[i % 3] ^ (i as u64 / 3).wrapping_mul(G);
        if self.tame {
            return (0..n).map(|i| T::of(f64::from(bits(i) as i32) / f64::from(1 << 28))).collect();
        }
        let mut values: Vec<T> = (0..n).map(|i| T::from_low_bits(bits(i))).collect();
        for place in (0..16).filter(|place| self.awkward >> place & 1 != 0) {
            for i in (place..n).step_by(16) {
                values[i] = T::AWKWARD[(i / 16 + i) % T::AWKWARD.len()];
            }
        }
        values
    }

    /// Others of the same kind.
    pub fn others(self, which: u64) -> Self {
        Self { bits: self.bits.map(|bits| bits.rotate_left(9) ^ which), ..self }
    }
}

/// Words of a mask that no generator drew, with any bits past its end.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct Words([u32; 4]);

impl Words {
    pub fn get(self, n: usize) -> Vec<u32> {
        (0..n).map(|w| self.0[w % 4] ^ (w as u64 / 4).wrapping_mul(G) as u32).collect()
    }
}

/// A length that does not fit the others, now and then.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct Misfit {
    which: u8,
    by: i8,
}

impl Misfit {
    /// Which length is another, modulo how many there are, and by how much.
    pub fn get(self) -> Option<(usize, isize)> {
        (self.which >= 192).then(|| (usize::from(self.which), self.by.into()))
    }

    /// The lengths, of which one or none is another now.
    pub fn among<const N: usize>(self, mut lengths: [usize; N]) -> [usize; N] {
        if let Some((which, by)) = self.get() {
            lengths[which % N] = lengths[which % N].saturating_add_signed(by);
        }
        lengths
    }
}

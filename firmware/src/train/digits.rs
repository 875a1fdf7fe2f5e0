//! The data set, in flash at 4 bits a pixel: 1797 handwritten digits of 8 x 8 pixels.

use rand_xoshiro::{Xoshiro128PlusPlus, rand_core::Rng};

/// Pixels of a digit.
pub const PIXELS: usize = 64;
/// Kinds of digit.
pub const CLASSES: usize = 10;

/// Half a byte a pixel, and a byte with the digit they show: `build.rs` says how.
type Packed = [u8; PIXELS / 2 + 1];

/// What the 16 values of a pixel stand for: a look-up takes no arithmetic on floats.
static LEVELS: [f32; 16] = {
    let (mut levels, mut i) = ([0.0; 16], 0);
    while i < 16 {
        levels[i] = i as f32 / 16.0;
        i += 1;
    }
    levels
};

/// A number that a pixel is.
pub trait Pixel: Copy {
    /// Paper.
    const ZERO: Self;

    /// Of 16 values.
    fn of(level: u8) -> Self;
}

impl Pixel for f32 {
    const ZERO: Self = 0.0;

    fn of(level: u8) -> Self {
        LEVELS[usize::from(level & 15)]
    }
}

/// With 12 bits behind the point.
impl Pixel for i16 {
    const ZERO: Self = 0;

    fn of(level: u8) -> Self {
        i16::from(level) << 8
    }
}

static PACKED: &[Packed] = include_bytes!(concat!(env!("OUT_DIR"), "/digits.bin"))
    .as_chunks::<{ size_of::<Packed>() }>()
    .0;

/// How many there are.
pub const COUNT: usize = PACKED.len();

/// A digit.
pub struct Digit<T = f32> {
    /// From 0, paper, to 15/16, ink.
    pub pixels: [T; PIXELS],
    /// What it shows.
    pub label: usize,
}

impl<T: Pixel> Digit<T> {
    fn unpack(&[ref pairs @ .., label]: &Packed) -> Self {
        let mut pixels = [T::ZERO; PIXELS];
        for (to, pair) in pixels.as_chunks_mut::<2>().0.iter_mut().zip(pairs) {
            *to = [pair & 15, pair >> 4].map(T::of);
        }
        Self { pixels, label: label.into() }
    }
}

/// The places of all digits, in the order of the file.
pub fn order() -> [u16; COUNT] {
    const { assert!(COUNT <= 1 << 16) }
    core::array::from_fn(|place| place as u16)
}

/// Fisher and Yates' shuffle.
pub fn shuffle(order: &mut [u16], rng: &mut Xoshiro128PlusPlus) {
    for last in (1..order.len()).rev() {
        // The high half of a product with a random fraction; its bias, n / 2^32, is nothing here.
        let pick = (u64::from(rng.next_u32()) * (last as u64 + 1)) >> 32;
        order.swap(last, pick as usize);
    }
}

/// The digits of these places in the data set, one after the other.
pub fn at<T: Pixel>(order: &[u16]) -> impl Iterator<Item = Digit<T>> {
    order.iter().filter_map(|&place| PACKED.get(usize::from(place))).map(Digit::unpack)
}

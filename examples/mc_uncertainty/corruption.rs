//! Ways to make a digit harder to read.

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

use crate::digits::{Digits, PIXELS};

const SIDE: usize = 8;

pub(crate) struct Corruption {
    pub(crate) name: &'static str,
    pub(crate) unit: &'static str,
    /// What the strengths are, on the axis of the picture.
    pub(crate) axis: &'static str,
    /// From 0, which changes nothing.
    pub(crate) strengths: [f64; 5],
    change: fn(&[f32; PIXELS], f64, &mut Xoshiro256PlusPlus) -> [f32; PIXELS],
}

pub(crate) const CORRUPTIONS: [Corruption; 3] = [
    Corruption {
        name: "noise",
        unit: "",
        axis: "standard deviation (ink = 1)",
        strengths: [0.0, 0.1, 0.2, 0.3, 0.4],
        change: add_noise,
    },
    Corruption {
        name: "rotation",
        unit: "\u{b0}",
        axis: "angle (degrees)",
        strengths: [0.0, 15.0, 30.0, 45.0, 60.0],
        change: rotate,
    },
    Corruption {
        name: "occlusion",
        unit: " pixels",
        axis: "side of the hole (pixels)",
        strengths: [0.0, 2.0, 3.0, 4.0, 5.0],
        change: occlude,
    },
];

impl Corruption {
    pub(crate) fn label(&self, strength: f64) -> String {
        format!("{} {strength}{}", self.name, self.unit)
    }

    /// All digits, each by chance of its own.
    pub(crate) fn apply(&self, digits: &Digits, strength: f64, seed: u64) -> Digits {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed ^ 0xC044);
        let change = |pixels| (self.change)(pixels, strength, &mut rng);
        Digits { pixels: digits.pixels.iter().map(change).collect(), labels: digits.labels.clone() }
    }
}

/// Between 0 and 1.
fn unit(rng: &mut Xoshiro256PlusPlus) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64
}

/// Normal noise (Box and Muller), cut to what a pixel can be.
fn add_noise(
    pixels: &[f32; PIXELS],
    deviation: f64,
    rng: &mut Xoshiro256PlusPlus,
) -> [f32; PIXELS] {
    pixels.map(|pixel| {
        let radius = (-2.0 * (1.0 - unit(rng)).ln()).sqrt();
        let normal = radius * (std::f64::consts::TAU * unit(rng)).cos();
        (f64::from(pixel) + deviation * normal).clamp(0.0, 1.0) as f32
    })
}

/// About the middle, to either side by chance; pixels between pixels are interpolated.
fn rotate(pixels: &[f32; PIXELS], degrees: f64, rng: &mut Xoshiro256PlusPlus) -> [f32; PIXELS] {
    let side = if rng.next_u64() >> 63 == 0 { 1.0 } else { -1.0 };
    let (sin, cos) = (side * degrees).to_radians().sin_cos();
    let middle = (SIDE as f64 - 1.0) / 2.0;
    let ink = |x: f64, y: f64| {
        let inside = (0.0..SIDE as f64).contains(&x) && (0.0..SIDE as f64).contains(&y);
        if inside { f64::from(pixels[y as usize * SIDE + x as usize]) } else { 0.0 }
    };
    std::array::from_fn(|i| {
        let (dx, dy) = ((i % SIDE) as f64 - middle, (i / SIDE) as f64 - middle);
        // Within a rounding error of a whole pixel, so that no turn leaves the digit as it is.
        let near = |x: f64| (x * 1e9).round() / 1e9;
        let (x, y) = (near(middle + cos * dx - sin * dy), near(middle + sin * dx + cos * dy));
        let (left, top) = (x.floor(), y.floor());
        let (right, down) = (x - left, y - top);
        let above = ink(left, top) * (1.0 - right) + ink(left + 1.0, top) * right;
        let below = ink(left, top + 1.0) * (1.0 - right) + ink(left + 1.0, top + 1.0) * right;
        (above * (1.0 - down) + below * down) as f32
    })
}

/// A square of paper somewhere on the digit.
fn occlude(pixels: &[f32; PIXELS], side: f64, rng: &mut Xoshiro256PlusPlus) -> [f32; PIXELS] {
    let side = side as usize;
    let mut start = || (unit(rng) * (SIDE - side + 1) as f64) as usize;
    let (left, top) = (start(), start());
    let hidden =
        |i| (left..left + side).contains(&(i % SIDE)) && (top..top + side).contains(&(i / SIDE));
    std::array::from_fn(|i| if hidden(i) { 0.0 } else { pixels[i] })
}

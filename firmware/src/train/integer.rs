//! The same network in integers of 16 bits: weights, activations and gradients are `i16`, sums
//! `i32`, and no step computes with floats. Numbers have a fixed point, 2^-13 for weights, 2^-12 for
//! activations and 2^-15 for gradients; what does not fit saturates.
//!
//! A step changes most weights by less than their last bit, so that what is added is rounded up
//! with the probability that its fraction says. Sums of integers are the same in every order.

use core::array::from_fn;

use rand_xoshiro::{Xoshiro128PlusPlus, rand_core::Rng};

use super::Learner;
use super::digits::{CLASSES, Digit, PIXELS};
use super::network::{HIDDEN, Masking, hash};

/// Bits behind the point.
const WEIGHT: u32 = 13;
const ACTIVATION: u32 = 12;
const GRADIENT: u32 = 15;
/// Of a product of a learning rate and an activation.
const STEP: u32 = 15;
/// Of the learning rate.
const RATE: u32 = 20;

/// Rounds what is added to weights, by the upper bits of a linear congruence.
struct Dither(u32);

impl Dither {
    /// floor(x / 2^shift + u), u uniform below 1.
    fn shift(&mut self, x: i32, shift: u32) -> i32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        x.wrapping_add((self.0 >> (32 - shift)) as i32) >> shift
    }
}

/// A fully connected layer, y = x W + b.
struct Layer<const IN: usize, const OUT: usize> {
    weights: [[i16; OUT]; IN],
    bias: [i16; OUT],
}

impl<const IN: usize, const OUT: usize> Layer<IN, OUT> {
    const ZEROS: Self = Self { weights: [[0; OUT]; IN], bias: [0; OUT] };

    /// Uniform between `bound` and its negative.
    fn draw(&mut self, rng: &mut Xoshiro128PlusPlus, bound: i32) {
        for weight in self.weights.as_flattened_mut() {
            let unit = (rng.next_u32() >> 16) as i32 - (1 << 15);
            *weight = ((unit * bound) >> 15) as i16;
        }
    }

    /// With the bits behind the point of a weight and of an activation.
    fn forward(&self, x: &[i16; IN]) -> [i32; OUT] {
        let mut y = self.bias.map(|bias| i32::from(bias) << ACTIVATION);
        for (&x, row) in x.iter().zip(&self.weights).filter(|&(&x, _)| x != 0) {
            for (y, &weight) in y.iter_mut().zip(row) {
                *y = y.wrapping_add(i32::from(x) * i32::from(weight));
            }
        }
        y
    }

    fn backward(&self, dy: &[i16; OUT]) -> [i16; IN] {
        from_fn(|i| {
            let row = self.weights.get(i).into_iter().flatten();
            let products = row.zip(dy).map(|(&weight, &dy)| i32::from(weight) * i32::from(dy));
            narrow(products.fold(0, i32::wrapping_add), WEIGHT)
        })
    }

    /// A step of gradient descent.
    fn update(&mut self, x: &[i16; IN], dy: &[i16; OUT], rate: i32, dither: &mut Dither) {
        for (&x, row) in x.iter().zip(&mut self.weights).filter(|&(&x, _)| x != 0) {
            let x = i32::from(narrow(rate * i32::from(x), RATE + ACTIVATION - STEP));
            add_scaled(row, -x, dy, dither);
        }
        add_scaled(&mut self.bias, -(rate >> (RATE - STEP)), dy, dither);
    }

    fn parameters(&self) -> impl Iterator<Item = i16> {
        self.weights.as_flattened().iter().chain(&self.bias).copied()
    }
}

/// The network.
pub struct Integers {
    first: Layer<PIXELS, HIDDEN>,
    last: Layer<HIDDEN, CLASSES>,
    dither: Dither,
}

impl Learner for Integers {
    type Element = i16;
    type Rate = i32;

    const ZEROS: Self = Self { first: Layer::ZEROS, last: Layer::ZEROS, dither: Dither(1) };
    /// 0.05.
    const RATE: i32 = (1 << RATE) / 20;

    /// 0.9 of it.
    fn decayed(rate: i32) -> i32 {
        rate * 9 / 10
    }

    fn draw(&mut self, rng: &mut Xoshiro128PlusPlus) {
        // The square roots of 6 / 64 and of 6 / 32, as He's initialisation has it.
        self.first.draw(rng, 2508);
        self.last.draw(rng, 3547);
    }

    #[inline(never)]
    fn learn(&mut self, digit: Digit<i16>, dropout: &mut impl Masking<i16>, rate: i32) {
        let mut input = digit.pixels;
        dropout.input(&mut input);
        let mut hidden = relu(self.first.forward(&input));
        dropout.hidden(&mut hidden);
        let d_output = loss_gradient(self.last.forward(&hidden), digit.label);

        let mut d_hidden = self.last.backward(&d_output);
        dropout.hidden_gradient(&mut d_hidden);
        for (dx, &y) in d_hidden.iter_mut().zip(&hidden) {
            *dx = if y > 0 { *dx } else { 0 };
        }
        dropout.next_step();

        self.last.update(&hidden, &d_output, rate, &mut self.dither);
        self.first.update(&input, &d_hidden, rate, &mut self.dither);
    }

    #[inline(never)]
    fn recognise(&self, pixels: &[i16; PIXELS]) -> usize {
        let output = self.last.forward(&relu(self.first.forward(pixels)));
        let (mut best, mut highest) = (0, i32::MIN);
        for (class, y) in output.into_iter().enumerate() {
            if y > highest {
                (best, highest) = (class, y);
            }
        }
        best
    }

    fn checksum(&self) -> u64 {
        hash(self.first.parameters().chain(self.last.parameters()).flat_map(i16::to_le_bytes))
    }
}

/// x / 2^shift, rounded to nearest.
fn narrow(x: i32, shift: u32) -> i16 {
    let x = x.wrapping_add(1 << (shift - 1)) >> shift;
    x.clamp(i16::MIN.into(), i16::MAX.into()) as i16
}

/// weights += a * x.
fn add_scaled<const N: usize>(weights: &mut [i16; N], a: i32, x: &[i16; N], dither: &mut Dither) {
    for (weight, &x) in weights.iter_mut().zip(x) {
        let step = dither.shift(a * i32::from(x), STEP + GRADIENT - WEIGHT);
        *weight = (i32::from(*weight) + step).clamp(i16::MIN.into(), i16::MAX.into()) as i16;
    }
}

fn relu<const N: usize>(x: [i32; N]) -> [i16; N] {
    x.map(|x| narrow(x.max(0), WEIGHT))
}

/// Of the cross-entropy, on what goes into the softmax: probabilities, less 1 for the right class.
fn loss_gradient(x: [i32; CLASSES], label: usize) -> [i16; CLASSES] {
    let highest = x.into_iter().fold(i32::MIN, i32::max);
    let powers = x.map(|x| power(highest.wrapping_sub(x)));
    // The sum is at least 2^15, so that the quotient has 15 bits at most, and a probability is
    // below 2^15.
    let inverse = (1 << 30) / powers.iter().sum::<u32>();
    let mut d = powers.map(|power| ((power * inverse) >> 15) as i32);
    if let Some(right) = d.get_mut(label) {
        *right -= 1 << GRADIENT;
    }
    d.map(|d| d.clamp(i16::MIN.into(), i16::MAX.into()) as i16)
}

/// e^-x with 15 bits behind the point, where x has those of a weight and of an activation: a power
/// of two by a parabola, at most 0.3 % away.
fn power(x: i32) -> u32 {
    // 13 bits behind the point. What is below e^-12 is 0.
    let x = (x >> 12) as u32;
    if x >= 12 << 13 {
        return 0;
    }
    // log2(e), with 14 bits; of the product 15 stay.
    let x = (x * 23_637) >> 12;
    let fraction = x & 0x7FFF;
    let slope = 22_016 - ((fraction * 5_632) >> 15);
    ((1 << 15) - ((fraction * slope) >> 15)) >> (x >> 15)
}

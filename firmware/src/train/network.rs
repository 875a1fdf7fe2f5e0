//! The network: PIXELS - HIDDEN - CLASSES, with a rectifier (`relu`) between, and dropout on the
//! input and on the hidden layer. It learns from one digit at a time, so that it needs no memory
//! but its parameters.
//!
//! Every sum has one order, and a product is rounded before it is added, so that the result has the
//! same bits on every machine. `expf` is libm's, in software, on all of them. What would differ are
//! subnormal numbers, for Helium takes them for zeros, but none arises here that is seen in the
//! weights.

use dropout_kernels::{Dropout, Element, Mask, MaskKey, MaskRng, drop_rate, mask_words};
use rand_xoshiro::{Xoshiro128PlusPlus, rand_core::Rng};

use super::digits::{CLASSES, Digit, PIXELS};
use super::{LEARNING_RATE, LEARNING_RATE_DECAY, Learner};

/// Units of the hidden layer.
pub const HIDDEN: usize = 32;

const DROP_INPUT: Dropout = Dropout::new(drop_rate!(0.05));
const DROP_HIDDEN: Dropout = Dropout::new(drop_rate!(0.1));

/// The dropout of a network in training: where its masks come from, and where they stay until the
/// backward pass.
pub trait Masking<T = f32> {
    fn input(&mut self, x: &mut [T; PIXELS]);

    fn hidden(&mut self, x: &mut [T; HIDDEN]);

    /// By the mask of [`hidden`](Self::hidden). Nobody asks for the gradient of the input, so this
    /// is the only mask that is needed again.
    fn hidden_gradient(&mut self, dx: &mut [T; HIDDEN]);

    /// After the last mask of a step.
    fn next_step(&mut self);
}

/// Where masks are between the forward and the backward pass.
pub enum Masks {
    /// There are none: no dropout.
    None,
    /// In RAM, one bit a unit.
    Stored { input: Mask<{ mask_words(PIXELS) }>, hidden: Mask<{ mask_words(HIDDEN) }> },
    /// Nowhere: each is drawn a second time.
    Replayed,
}

/// Dropout whose masks each have a stream of their own. Both ways of keeping masks draw from it, so
/// they give the same ones. [`Generator`] keeps one generator instead, which saves seeding it twice
/// a step.
pub struct Regulariser {
    masks: Masks,
    seed: u64,
    step: u64,
}

impl Regulariser {
    pub fn new(masks: Masks, seed: u64) -> Self {
        Self { masks, seed, step: 0 }
    }
}

impl<T: Element> Masking<T> for Regulariser {
    fn input(&mut self, x: &mut [T; PIXELS]) {
        let (seed, stream) = (self.seed, 2 * self.step);
        match &mut self.masks {
            Masks::None => {}
            Masks::Stored { input, .. } => {
                DROP_INPUT.forward_array_in_place(x, MaskRng::new(seed, stream).draw(input));
            }
            Masks::Replayed => DROP_INPUT.forward_array_in_place(x, MaskKey::new(seed, stream)),
        }
    }

    fn hidden(&mut self, x: &mut [T; HIDDEN]) {
        let (seed, stream) = (self.seed, 2 * self.step + 1);
        match &mut self.masks {
            Masks::None => {}
            Masks::Stored { hidden, .. } => {
                DROP_HIDDEN.forward_array_in_place(x, MaskRng::new(seed, stream).draw(hidden));
            }
            Masks::Replayed => DROP_HIDDEN.forward_array_in_place(x, MaskKey::new(seed, stream)),
        }
    }

    fn hidden_gradient(&mut self, dx: &mut [T; HIDDEN]) {
        match &self.masks {
            Masks::None => {}
            Masks::Stored { hidden, .. } => DROP_HIDDEN.backward_array_in_place(dx, hidden),
            Masks::Replayed => {
                DROP_HIDDEN.backward_array_in_place(dx, MaskKey::new(self.seed, 2 * self.step + 1));
            }
        }
    }

    fn next_step(&mut self) {
        self.step += 1;
    }
}

/// Dropout by one generator, which is all that a step leaves to the next. Masks are stored.
pub struct Generator {
    pub rng: MaskRng,
    input: Mask<{ mask_words(PIXELS) }>,
    hidden: Mask<{ mask_words(HIDDEN) }>,
}

impl Generator {
    pub const fn new(rng: MaskRng) -> Self {
        Self { rng, input: Mask::new(), hidden: Mask::new() }
    }
}

impl<T: Element> Masking<T> for Generator {
    fn input(&mut self, x: &mut [T; PIXELS]) {
        DROP_INPUT.forward_array_in_place(x, self.rng.draw(&mut self.input));
    }

    fn hidden(&mut self, x: &mut [T; HIDDEN]) {
        DROP_HIDDEN.forward_array_in_place(x, self.rng.draw(&mut self.hidden));
    }

    fn hidden_gradient(&mut self, dx: &mut [T; HIDDEN]) {
        DROP_HIDDEN.backward_array_in_place(dx, &self.hidden);
    }

    /// Its masks follow one another without a number.
    fn next_step(&mut self) {}
}

/// A fully connected layer, y = x W + b.
struct Layer<const IN: usize, const OUT: usize> {
    weights: [[f32; OUT]; IN],
    bias: [f32; OUT],
}

impl<const IN: usize, const OUT: usize> Layer<IN, OUT> {
    const ZEROS: Self = Self { weights: [[0.0; OUT]; IN], bias: [0.0; OUT] };

    /// He's initialisation: weights of variance 2 / IN, here uniform.
    fn draw(&mut self, rng: &mut Xoshiro128PlusPlus) {
        let bound = libm::sqrtf(6.0 / IN as f32);
        for weight in self.weights.as_flattened_mut() {
            let unit = (rng.next_u32() >> 8) as f32 * (1.0 / (1 << 24) as f32);
            *weight = (2.0 * unit - 1.0) * bound;
        }
    }

    /// An input of zero, which is half of the pixels and what was dropped, costs nothing.
    fn forward(&self, x: &[f32; IN]) -> [f32; OUT] {
        let mut y = self.bias;
        for (&x, row) in x.iter().zip(&self.weights).filter(|&(&x, _)| x != 0.0) {
            add_scaled(&mut y, x, row);
        }
        y
    }

    fn backward(&self, dy: &[f32; OUT]) -> [f32; IN] {
        let mut dx = [0.0; IN];
        for (dx, row) in dx.iter_mut().zip(&self.weights) {
            for (weight, dy) in row.iter().zip(dy) {
                *dx += weight * dy;
            }
        }
        dx
    }

    /// A step of gradient descent. The gradient of the weights, x^T dy, is never stored.
    fn update(&mut self, x: &[f32; IN], dy: &[f32; OUT], learning_rate: f32) {
        for (&x, row) in x.iter().zip(&mut self.weights).filter(|&(&x, _)| x != 0.0) {
            add_scaled(row, -learning_rate * x, dy);
        }
        add_scaled(&mut self.bias, -learning_rate, dy);
    }

    fn parameters(&self) -> impl Iterator<Item = f32> + Clone {
        self.weights.as_flattened().iter().chain(&self.bias).copied()
    }

    fn parameters_mut(&mut self) -> impl Iterator<Item = &mut f32> {
        self.weights.as_flattened_mut().iter_mut().chain(&mut self.bias)
    }
}

/// Parameters of the network.
pub const PARAMETERS: usize = (PIXELS + 1) * HIDDEN + (HIDDEN + 1) * CLASSES;

/// The network.
pub struct Network {
    first: Layer<PIXELS, HIDDEN>,
    last: Layer<HIDDEN, CLASSES>,
}

impl Network {
    /// To be followed by [`draw`](Self::draw): a network returned by value would be 10 KB twice on
    /// the stack.
    pub const ZEROS: Self = Self { first: Layer::ZEROS, last: Layer::ZEROS };

    /// Draws the weights to start from; biases stay as they are.
    pub fn draw(&mut self, rng: &mut Xoshiro128PlusPlus) {
        self.first.draw(rng);
        self.last.draw(rng);
    }

    /// A step of training on a digit.
    #[inline(never)]
    pub fn learn(&mut self, digit: Digit, dropout: &mut impl Masking, learning_rate: f32) {
        let mut input = digit.pixels;
        dropout.input(&mut input);
        let mut hidden = relu(self.first.forward(&input));
        dropout.hidden(&mut hidden);
        let mut d_output = softmax(self.last.forward(&hidden));
        // Of the cross-entropy, on what goes into the softmax.
        if let Some(right) = d_output.get_mut(digit.label) {
            *right -= 1.0;
        }

        let mut d_hidden = self.last.backward(&d_output);
        dropout.hidden_gradient(&mut d_hidden);
        for (dx, &y) in d_hidden.iter_mut().zip(&hidden) {
            *dx = if y > 0.0 { *dx } else { 0.0 };
        }
        dropout.next_step();

        self.last.update(&hidden, &d_output, learning_rate);
        self.first.update(&input, &d_hidden, learning_rate);
    }

    /// The digit that the network sees. Inverted dropout does nothing at inference, so none is
    /// called.
    #[inline(never)]
    pub fn recognise(&self, pixels: &[f32; PIXELS]) -> usize {
        let output = self.last.forward(&relu(self.first.forward(pixels)));
        let (mut best, mut highest) = (0, f32::NEG_INFINITY);
        for (class, y) in output.into_iter().enumerate() {
            if y > highest {
                (best, highest) = (class, y);
            }
        }
        best
    }

    /// All weights and biases, in an order that stays.
    pub fn parameters(&self) -> impl Iterator<Item = f32> + Clone {
        self.first.parameters().chain(self.last.parameters())
    }

    /// The same, to be set.
    pub fn parameters_mut(&mut self) -> impl Iterator<Item = &mut f32> {
        self.first.parameters_mut().chain(self.last.parameters_mut())
    }

    /// [`hash`] over the bits of all parameters.
    pub fn checksum(&self) -> u64 {
        hash(self.parameters().flat_map(f32::to_le_bytes))
    }
}

impl Learner for Network {
    type Element = f32;
    type Rate = f32;

    const ZEROS: Self = Self::ZEROS;
    const RATE: f32 = LEARNING_RATE;

    fn decayed(rate: f32) -> f32 {
        rate * LEARNING_RATE_DECAY
    }

    fn draw(&mut self, rng: &mut Xoshiro128PlusPlus) {
        self.draw(rng);
    }

    fn learn(&mut self, digit: Digit, dropout: &mut impl Masking, rate: f32) {
        self.learn(digit, dropout, rate);
    }

    fn recognise(&self, pixels: &[f32; PIXELS]) -> usize {
        self.recognise(pixels)
    }

    fn checksum(&self) -> u64 {
        self.checksum()
    }
}

/// The 64-bit hash of Fowler, Noll and Vo.
pub fn hash(bytes: impl Iterator<Item = u8>) -> u64 {
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// y += a x
fn add_scaled<const N: usize>(y: &mut [f32; N], a: f32, x: &[f32; N]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y += a * x;
    }
}

/// Not `f32::max`, which may keep the sign of a zero or not.
fn relu<const N: usize>(x: [f32; N]) -> [f32; N] {
    x.map(|x| if x > 0.0 { x } else { 0.0 })
}

fn softmax<const N: usize>(x: [f32; N]) -> [f32; N] {
    let highest = x.into_iter().fold(f32::NEG_INFINITY, |a, b| if b > a { b } else { a });
    let powers = x.map(|x| libm::expf(x - highest));
    let mut sum = 0.0;
    for power in powers {
        sum += power;
    }
    let inverse = 1.0 / sum;
    powers.map(|power| power * inverse)
}

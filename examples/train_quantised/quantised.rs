//! The network of `train_digits` with weights and activations of eight bits.
//!
//! The forward pass is one of integers, in training and at inference: products of `i8`, sums in
//! `i32`, a bias in `i32`, and a multiplier of 31 bits and a shift from a sum to the next code, as
//! TensorFlow Lite has them. The backward pass is in `f32`, and so are the weights that it updates,
//! from which codes are made again at each step; rounding lets gradients straight through.

use crate::digits::{CLASSES, PIXELS};
use crate::dropper::{Dropper, ZERO};
use crate::matrix::{add_product, add_product_transposed};
use crate::network::{
    BATCH, HIDDEN, Layer, Network, best, cross_entropy_gradient, relu_gradient, scale,
};
use crate::training::Learner;

/// Codes above zero.
const CODES: f32 = (i8::MAX as i32 - ZERO as i32) as f32;
/// How much a batch moves the range of a hidden layer.
const RANGE_STEP: f32 = 0.01;

/// A fully connected layer in codes: a weight is its code times a scale.
struct QuantisedLayer<const IN: usize, const OUT: usize> {
    /// In `f32`.
    master: Layer<IN, OUT>,
    codes: Box<[[i8; OUT]; IN]>,
    scale: f32,
}

impl<const IN: usize, const OUT: usize> QuantisedLayer<IN, OUT> {
    fn new(master: Layer<IN, OUT>) -> Self {
        let mut layer = Self { master, codes: Box::new([[0; OUT]; IN]), scale: 0.0 };
        layer.quantise();
        layer
    }

    /// Makes the codes, -127 to 127, of which the greatest weight decides the scale.
    fn quantise(&mut self) {
        let weights = self.master.weights.as_flattened();
        let greatest = weights.iter().fold(f32::MIN_POSITIVE, |greatest, w| greatest.max(w.abs()));
        self.scale = greatest / f32::from(i8::MAX);
        for (code, w) in self.codes.as_flattened_mut().iter_mut().zip(weights) {
            let x = w / self.scale;
            // To the nearest, as `as` cuts off; the library's `round` takes longer.
            *code = (x + 0.5f32.copysign(x)) as i8;
        }
    }

    /// From codes of activations to sums, whose scale it returns.
    fn forward(&self, x: &Codes<IN>, y: &mut [[i32; OUT]]) -> f32 {
        let scale = x.scale * self.scale;
        // Sum of (x - ZERO) w = sum of x w - ZERO * sum of w, of which the last is in the bias.
        let mut bias = self.master.bias.map(|bias| (bias / scale).round() as i32);
        for row in self.codes.iter() {
            for (bias, &code) in bias.iter_mut().zip(row) {
                *bias -= i32::from(ZERO) * i32::from(code);
            }
        }
        y.fill(bias);
        add_product(x.rows(), &self.codes, y);
        scale
    }

    /// By the weights that forward had: those that the codes stand for.
    fn backward(&self, dy: &[[f32; OUT]], dx: &mut [[f32; IN]]) {
        dx.fill([0.0; IN]);
        add_product_transposed(dy, &self.codes, dx);
        scale(dx.as_flattened_mut(), self.scale);
    }

    fn update(&mut self, x: &[[f32; IN]], dy: &[[f32; OUT]], learning_rate: f32) {
        self.master.update(x, dy, learning_rate);
        self.quantise();
    }
}

/// Activations of a batch: each is (code - ZERO) * scale.
struct Codes<const N: usize> {
    codes: [[i8; N]; BATCH],
    /// Rows in use.
    len: usize,
    scale: f32,
}

impl<const N: usize> Codes<N> {
    const fn new(len: usize, scale: f32) -> Self {
        Self { codes: [[ZERO; N]; BATCH], len, scale }
    }

    fn rows(&self) -> &[[i8; N]] {
        &self.codes[..self.len]
    }

    fn flat_mut(&mut self) -> &mut [i8] {
        self.codes[..self.len].as_flattened_mut()
    }

    /// What the codes stand for.
    fn values(&self) -> [[f32; N]; BATCH] {
        self.codes.map(|row| row.map(|code| (f32::from(code) - f32::from(ZERO)) * self.scale))
    }

    /// Sums of a scale as codes of a range, 0 to `range`, rounded to nearest. Those below zero
    /// become zero, which is the rectifier, and those above the range the greatest code.
    fn requantised(sums: &[[i32; N]], scale: f32, range: f32) -> Self {
        let mut y = Self::new(sums.len(), range / CODES);
        let (m, shift) = multiplier(f64::from(scale) / f64::from(y.scale));
        let half = 1 << (30 - shift);
        for (code, &sum) in y.flat_mut().iter_mut().zip(sums.as_flattened()) {
            let above_zero = (i64::from(sum.max(0)) * m + half) >> (31 - shift);
            *code = (i64::from(ZERO) + above_zero).min(i8::MAX.into()) as i8;
        }
        y
    }
}

/// (m, shift), of which m * 2^(shift - 31) is nearest to a factor below 2^30, m from 2^30 to 2^31.
fn multiplier(factor: f64) -> (i64, i32) {
    let shift = factor.log2().floor() as i32 + 1;
    ((factor * 2f64.powi(31 - shift)).round() as i64, shift)
}

/// What the layers put out for a batch.
struct Activations {
    input: Codes<PIXELS>,
    hidden: [Codes<HIDDEN>; 2],
    /// Before the softmax.
    output: [[f32; CLASSES]; BATCH],
}

struct Layers {
    first: QuantisedLayer<PIXELS, HIDDEN>,
    second: QuantisedLayer<HIDDEN, HIDDEN>,
    last: QuantisedLayer<HIDDEN, CLASSES>,
}

impl Layers {
    /// Asks `range` for what the greatest code of a hidden layer stands for, given the greatest of
    /// its values, and `drop`, which drops from the codes of a layer, for what their scale is
    /// multiplied by.
    fn forward(
        &self,
        pixels: &[[f32; PIXELS]],
        mut range: impl FnMut(usize, f32) -> f32,
        mut drop: impl FnMut(usize, &mut [i8]) -> f32,
    ) -> Activations {
        let n = pixels.len();
        let mut input = Codes::<PIXELS>::new(n, 1.0 / CODES);
        for (code, pixel) in input.flat_mut().iter_mut().zip(pixels.as_flattened()) {
            *code = (f32::from(ZERO) + (pixel * CODES).round()) as i8;
        }
        input.scale *= drop(0, input.flat_mut());

        let mut codes = |layer: usize, sums: &[[i32; HIDDEN]], scale: f32| {
            let greatest = sums.as_flattened().iter().fold(1, |greatest, sum| greatest.max(*sum));
            let range = range(layer, greatest as f32 * scale);
            let mut codes = Codes::requantised(sums, scale, range);
            codes.scale *= drop(1 + layer, codes.flat_mut());
            codes
        };
        let mut sums = [[0; HIDDEN]; BATCH];
        let scale = self.first.forward(&input, &mut sums[..n]);
        let hidden1 = codes(0, &sums[..n], scale);
        let scale = self.second.forward(&hidden1, &mut sums[..n]);
        let hidden2 = codes(1, &sums[..n], scale);

        let mut sums = [[0; CLASSES]; BATCH];
        let scale = self.last.forward(&hidden2, &mut sums[..n]);
        let output = sums.map(|row| row.map(|sum| sum as f32 * scale));
        Activations { input, hidden: [hidden1, hidden2], output }
    }
}

/// The network, and its dropout.
pub(crate) struct Quantised {
    layers: Layers,
    /// What the greatest code of each hidden layer stands for: in training a running mean over the
    /// batches of their greatest values, afterwards fixed. 0 before the first batch.
    ranges: [f32; 2],
    dropper: Dropper,
}

impl Quantised {
    /// Begins with the weights of `network`.
    pub(crate) fn new(network: Network, dropper: Dropper) -> Self {
        let Network { first, second, last } = network;
        let layers = Layers {
            first: QuantisedLayer::new(first),
            second: QuantisedLayer::new(second),
            last: QuantisedLayer::new(last),
        };
        Self { layers, ranges: [0.0; 2], dropper }
    }

    pub(crate) fn dropper(&self) -> &Dropper {
        &self.dropper
    }
}

impl Learner for Quantised {
    fn train(&mut self, pixels: &[[f32; PIXELS]], labels: &[usize], learning_rate: f32) {
        let Self { layers, ranges, dropper } = self;
        let observe = |layer: usize, greatest: f32| {
            let range = &mut ranges[layer];
            *range += if *range == 0.0 { greatest } else { RANGE_STEP * (greatest - *range) };
            *range
        };
        let Activations { input, hidden: [hidden1, hidden2], mut output } =
            layers.forward(pixels, observe, |layer, x| dropper.forward(layer, x));
        let (input, hidden1, hidden2) = (input.values(), hidden1.values(), hidden2.values());

        let n = pixels.len();
        let d_output = &mut output[..n];
        cross_entropy_gradient(d_output, labels);

        let mut d_hidden2 = [[0.0; HIDDEN]; BATCH];
        let d_hidden2 = &mut d_hidden2[..n];
        layers.last.backward(d_output, d_hidden2);
        dropper.backward(2, d_hidden2.as_flattened_mut());
        relu_gradient(hidden2.as_flattened(), d_hidden2.as_flattened_mut());

        let mut d_hidden1 = [[0.0; HIDDEN]; BATCH];
        let d_hidden1 = &mut d_hidden1[..n];
        layers.second.backward(d_hidden2, d_hidden1);
        dropper.backward(1, d_hidden1.as_flattened_mut());
        relu_gradient(hidden1.as_flattened(), d_hidden1.as_flattened_mut());
        dropper.end_step();

        layers.last.update(&hidden2[..n], d_output, learning_rate);
        layers.second.update(&hidden1[..n], d_hidden2, learning_rate);
        layers.first.update(&input[..n], d_hidden1, learning_rate);
    }

    fn errors(&self, pixels: &[[f32; PIXELS]], labels: &[usize]) -> usize {
        let output = self.layers.forward(pixels, |layer, _| self.ranges[layer], |_, _| 1.0).output;
        output.iter().zip(labels).filter(|&(row, &label)| best(row) != label).count()
    }
}

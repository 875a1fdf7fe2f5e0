//! A perceptron of two hidden layers, its gradient and its update.

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::Rng;

use super::{BATCH, HIDDEN};
use crate::digits::{CLASSES, PIXELS};
use crate::matrix::{add_product, add_product_transposed, transpose};

const MOMENTUM: f32 = 0.9;

/// A fully connected layer, y = x W + b, with the velocities of its parameters.
pub(crate) struct Layer<const IN: usize, const OUT: usize> {
    pub(crate) weights: Box<[[f32; OUT]; IN]>,
    pub(crate) bias: [f32; OUT],
    weights_velocity: Box<[[f32; OUT]; IN]>,
    bias_velocity: [f32; OUT],
}

impl<const IN: usize, const OUT: usize> Layer<IN, OUT> {
    /// He's initialisation: weights of variance 2 / IN, here uniform.
    fn new(rng: &mut Xoshiro256PlusPlus) -> Self {
        let bound = (6.0 / IN as f32).sqrt();
        let mut weights = Box::new([[0.0; OUT]; IN]);
        for weight in weights.as_flattened_mut() {
            let unit = (rng.next_u64() >> 40) as f32 / (1 << 24) as f32;
            *weight = (2.0 * unit - 1.0) * bound;
        }
        Self {
            weights,
            bias: [0.0; OUT],
            weights_velocity: Box::new([[0.0; OUT]; IN]),
            bias_velocity: [0.0; OUT],
        }
    }

    fn forward(&self, x: &[[f32; IN]], y: &mut [[f32; OUT]]) {
        y.fill(self.bias);
        add_product(x, &self.weights, y);
    }

    fn backward(&self, dy: &[[f32; OUT]], dx: &mut [[f32; IN]]) {
        dx.fill([0.0; IN]);
        add_product_transposed(dy, &self.weights, dx);
    }

    /// A step of gradient descent with momentum. The gradient of the weights, x^T dy, is added to
    /// the velocity straight away and never stored.
    pub(crate) fn update(&mut self, x: &[[f32; IN]], dy: &[[f32; OUT]], learning_rate: f32) {
        scale(self.weights_velocity.as_flattened_mut(), MOMENTUM);
        scale(&mut self.bias_velocity, MOMENTUM);
        let mut rows = [[0.0; OUT]; BATCH];
        rows[..dy.len()].copy_from_slice(dy);
        add_product(&transpose::<BATCH, IN>(x), &rows, self.weights_velocity.as_mut_slice());
        for dy in dy {
            add_scaled(&mut self.bias_velocity, 1.0, dy);
        }
        let velocity = self.weights_velocity.as_flattened();
        add_scaled(self.weights.as_flattened_mut(), -learning_rate, velocity);
        add_scaled(&mut self.bias, -learning_rate, &self.bias_velocity);
    }

    fn parameters(&self) -> impl Iterator<Item = f32> {
        self.weights.as_flattened().iter().chain(&self.bias).copied()
    }
}

/// The dropout of a network in training.
pub(crate) trait Dropper {
    /// Drops from `x`, the whole batch, in the forward pass. Layers go upwards from the input, 0.
    fn forward(&mut self, layer: usize, x: &mut [f32]);

    /// Drops from `dx`, the gradient, what [`forward`](Self::forward) dropped. Layers go downwards; nobody
    /// asks for the gradient of the input.
    fn backward(&mut self, layer: usize, dx: &mut [f32]);

    /// Ends a step.
    fn end_step(&mut self);
}

/// What the layers put out for a batch.
struct Activations {
    input: [[f32; PIXELS]; BATCH],
    hidden: [[[f32; HIDDEN]; BATCH]; 2],
    output: [[f32; CLASSES]; BATCH],
}

impl Activations {
    const fn new() -> Self {
        Self {
            input: [[0.0; PIXELS]; BATCH],
            hidden: [[[0.0; HIDDEN]; BATCH]; 2],
            output: [[0.0; CLASSES]; BATCH],
        }
    }
}

/// PIXELS - HIDDEN - HIDDEN - CLASSES, with a rectifier (`relu`) between.
pub(crate) struct Network {
    pub(crate) first: Layer<PIXELS, HIDDEN>,
    pub(crate) second: Layer<HIDDEN, HIDDEN>,
    pub(crate) last: Layer<HIDDEN, CLASSES>,
}

impl Network {
    pub(crate) fn new(rng: &mut Xoshiro256PlusPlus) -> Self {
        Self { first: Layer::new(rng), second: Layer::new(rng), last: Layer::new(rng) }
    }

    /// A step of training on at most BATCH digits.
    pub(crate) fn train(
        &mut self,
        pixels: &[[f32; PIXELS]],
        labels: &[usize],
        masks: &mut impl Dropper,
        learning_rate: f32,
    ) {
        let n = pixels.len();
        let mut activations = Activations::new();
        self.forward(pixels, &mut activations, |layer, x| masks.forward(layer, x));
        let Activations { input, hidden: [hidden1, hidden2], output } = &mut activations;
        let (input, hidden1, hidden2) = (&input[..n], &hidden1[..n], &hidden2[..n]);

        let d_output = &mut output[..n];
        cross_entropy_gradient(d_output, labels);

        let mut d_hidden2 = [[0.0; HIDDEN]; BATCH];
        let d_hidden2 = &mut d_hidden2[..n];
        self.last.backward(d_output, d_hidden2);
        masks.backward(2, d_hidden2.as_flattened_mut());
        relu_gradient(hidden2.as_flattened(), d_hidden2.as_flattened_mut());

        let mut d_hidden1 = [[0.0; HIDDEN]; BATCH];
        let d_hidden1 = &mut d_hidden1[..n];
        self.second.backward(d_hidden2, d_hidden1);
        masks.backward(1, d_hidden1.as_flattened_mut());
        relu_gradient(hidden1.as_flattened(), d_hidden1.as_flattened_mut());
        masks.end_step();

        self.last.update(hidden2, d_output, learning_rate);
        self.second.update(hidden1, d_hidden2, learning_rate);
        self.first.update(input, d_hidden1, learning_rate);
    }

    /// How many of at most BATCH digits the network takes for another.
    ///
    /// Inverted dropout does nothing at inference, so no mask is asked for.
    pub(crate) fn errors(&self, pixels: &[[f32; PIXELS]], labels: &[usize]) -> usize {
        let output = self.outputs(pixels, |_, _| ());
        output.iter().zip(labels).filter(|&(row, &label)| best(row) != label).count()
    }

    /// What the network puts out for at most BATCH digits, before the softmax. Rows past them mean
    /// nothing.
    ///
    /// `drop` is called as by [`forward`](Self::forward).
    pub(crate) fn outputs(
        &self,
        pixels: &[[f32; PIXELS]],
        drop: impl FnMut(usize, &mut [f32]),
    ) -> [[f32; CLASSES]; BATCH] {
        let mut activations = Activations::new();
        self.forward(pixels, &mut activations, drop);
        activations.output
    }

    /// The weights and biases, in a fixed order.
    pub(crate) fn parameters(&self) -> impl Iterator<Item = f32> {
        self.first.parameters().chain(self.second.parameters()).chain(self.last.parameters())
    }

    /// Calls `drop` on the input and on what each hidden layer puts out after its `relu`.
    fn forward(
        &self,
        pixels: &[[f32; PIXELS]],
        activations: &mut Activations,
        mut drop: impl FnMut(usize, &mut [f32]),
    ) {
        let n = pixels.len();
        let Activations { input, hidden: [hidden1, hidden2], output } = activations;
        let (input, hidden1, hidden2) = (&mut input[..n], &mut hidden1[..n], &mut hidden2[..n]);

        input.copy_from_slice(pixels);
        drop(0, input.as_flattened_mut());

        self.first.forward(input, hidden1);
        relu(hidden1.as_flattened_mut());
        drop(1, hidden1.as_flattened_mut());

        self.second.forward(hidden1, hidden2);
        relu(hidden2.as_flattened_mut());
        drop(2, hidden2.as_flattened_mut());

        self.last.forward(hidden2, &mut output[..n]);
    }
}

fn relu(x: &mut [f32]) {
    for x in x {
        *x = x.max(0.0);
    }
}

/// `y` is what `relu` put out, dropped or not: dropout lets through no gradient where it made a
/// zero, so a zero of either kind says the same.
pub(crate) fn relu_gradient(y: &[f32], dy: &mut [f32]) {
    for (dy, &y) in dy.iter_mut().zip(y) {
        *dy = if y > 0.0 { *dy } else { 0.0 };
    }
}

/// From the outputs for a batch to the gradient of its mean cross-entropy after a softmax:
/// (softmax - one-hot label) / batch.
pub(crate) fn cross_entropy_gradient(rows: &mut [[f32; CLASSES]], labels: &[usize]) {
    let share = 1.0 / rows.len() as f32;
    for (row, &label) in rows.iter_mut().zip(labels) {
        *row = softmax(row).map(|p| p as f32);
        row[label] -= 1.0;
        scale(row, share);
    }
}

/// In f64, so that a platform's last bit of exp hardly ever shows.
pub(crate) fn softmax(row: &[f32; CLASSES]) -> [f64; CLASSES] {
    let top = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let exp = row.map(|x| f64::from(x - top).exp());
    let sum: f64 = exp.iter().sum();
    exp.map(|e| e / sum)
}

/// The digit of the greatest output.
pub(crate) fn best<T: PartialOrd>(row: &[T; CLASSES]) -> usize {
    let mut best = 0;
    for (digit, x) in row.iter().enumerate() {
        if *x > row[best] {
            best = digit;
        }
    }
    best
}

pub(crate) fn scale(x: &mut [f32], by: f32) {
    for x in x {
        *x *= by;
    }
}

fn add_scaled(y: &mut [f32], by: f32, x: &[f32]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y += by * x;
    }
}

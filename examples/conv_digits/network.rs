//! The network: two convolutions of 3 x 3, a mean over squares of 2 x 2, and a linear layer.

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::Rng;

use crate::digits::{CLASSES, PIXELS};
use crate::matrix::{add_product, add_product_transposed, transpose};
use crate::regulariser::Dropper;

/// Digits to a step.
pub(crate) const BATCH: usize = 32;
/// Rows, and columns, of a digit and of a feature map.
pub(crate) const SIDE: usize = 8;
/// Elements of a feature map.
pub(crate) const AREA: usize = SIDE * SIDE;
/// Feature maps of the last convolution.
pub(crate) const MAPS: usize = 16;
/// Feature maps of the first.
const FIRST: usize = 8;
/// Pixels that a convolution sees: 3 x 3 of each map.
const WINDOW: usize = 9;
/// Squares of 2 x 2 in a map.
const SQUARES: usize = AREA / 4;
const FEATURES: usize = MAPS * SQUARES;

/// Some feature maps of an image.
type Maps<const N: usize> = [[f32; AREA]; N];

/// A convolution that keeps the size, `IN` to `OUT` maps; `COLUMNS` is `IN` * 9.
#[derive(Clone)]
struct Convolution<const OUT: usize, const COLUMNS: usize> {
    weights: [[f32; COLUMNS]; OUT],
    bias: [f32; OUT],
}

impl<const OUT: usize, const COLUMNS: usize> Convolution<OUT, COLUMNS> {
    const ZERO: Self = Self { weights: [[0.0; COLUMNS]; OUT], bias: [0.0; OUT] };

    fn forward<const IN: usize>(&self, x: &Maps<IN>) -> Maps<OUT> {
        let mut y = self.bias.map(|bias| [bias; AREA]);
        add_product(&self.weights, &unfold(x), &mut y);
        y
    }

    /// Adds the gradients of the parameters to `gradient`.
    fn backward<const IN: usize>(&self, x: &Maps<IN>, dy: &Maps<OUT>, gradient: &mut Self) {
        add_product_transposed(dy, &unfold::<IN, COLUMNS>(x), &mut gradient.weights);
        for (bias, dy) in gradient.bias.iter_mut().zip(dy) {
            *bias += dy.iter().sum::<f32>();
        }
    }

    /// The gradient of the input.
    fn backward_input<const IN: usize>(&self, dy: &Maps<OUT>) -> Maps<IN> {
        let mut columns = [[0.0; AREA]; COLUMNS];
        add_product(&transpose::<OUT, COLUMNS>(&self.weights), dy, &mut columns);
        fold(&columns)
    }
}

/// For each pixel of a window, in each map, what it is as the window moves; zeros outside.
fn unfold<const IN: usize, const COLUMNS: usize>(x: &Maps<IN>) -> [[f32; AREA]; COLUMNS] {
    const { assert!(COLUMNS == IN * WINDOW, "a column for each pixel of a window") };
    let mut columns = [[0.0; AREA]; COLUMNS];
    for (map, columns) in x.iter().zip(columns.chunks_mut(WINDOW)) {
        each_pixel(|pixel, from, to| columns[pixel][to] = map[from]);
    }
    columns
}

/// The transpose of [`unfold`].
fn fold<const IN: usize, const COLUMNS: usize>(columns: &[[f32; AREA]; COLUMNS]) -> Maps<IN> {
    const { assert!(COLUMNS == IN * WINDOW, "a column for each pixel of a window") };
    let mut x = [[0.0; AREA]; IN];
    for (map, columns) in x.iter_mut().zip(columns.chunks(WINDOW)) {
        each_pixel(|pixel, from, to| map[from] += columns[pixel][to]);
    }
    x
}

/// Calls `act(pixel of the window, where it is in the map, where the window is)`.
#[inline(always)]
fn each_pixel(mut act: impl FnMut(usize, usize, usize)) {
    for (pixel, (down, right)) in (0..3).flat_map(|d| (0..3).map(move |r| (d, r))).enumerate() {
        for y in 1usize.saturating_sub(down)..(SIDE + 1 - down).min(SIDE) {
            for x in 1usize.saturating_sub(right)..(SIDE + 1 - right).min(SIDE) {
                act(pixel, (y + down - 1) * SIDE + x + right - 1, y * SIDE + x);
            }
        }
    }
}

/// Everything that is learned, and so also the shape of a gradient and of a velocity.
#[derive(Clone)]
pub(crate) struct Network {
    first: Convolution<FIRST, WINDOW>,
    second: Convolution<MAPS, { FIRST * WINDOW }>,
    weights: Box<[[f32; CLASSES]; FEATURES]>,
    bias: [f32; CLASSES],
}

/// What the layers put out for a batch.
pub(crate) struct Activations {
    first: Vec<Maps<FIRST>>,
    /// After dropout.
    second: Vec<Maps<MAPS>>,
    features: Vec<[f32; FEATURES]>,
    pub(crate) output: Vec<[f32; CLASSES]>,
}

impl Network {
    pub(crate) fn zero() -> Self {
        Self {
            first: Convolution::ZERO,
            second: Convolution::ZERO,
            weights: Box::new([[0.0; CLASSES]; FEATURES]),
            bias: [0.0; CLASSES],
        }
    }

    /// He's initialisation: weights of variance 2 / inputs, here uniform; no bias.
    pub(crate) fn new(rng: &mut Xoshiro256PlusPlus) -> Self {
        let mut new = Self::zero();
        let mut fill = |weights: &mut [f32], inputs: usize| {
            let bound = (6.0 / inputs as f32).sqrt();
            for weight in weights {
                let unit = (rng.next_u64() >> 40) as f32 / (1 << 24) as f32;
                *weight = (2.0 * unit - 1.0) * bound;
            }
        };
        fill(new.first.weights.as_flattened_mut(), WINDOW);
        fill(new.second.weights.as_flattened_mut(), FIRST * WINDOW);
        fill(new.weights.as_flattened_mut(), FEATURES);
        new
    }

    /// Each tensor of parameters.
    pub(crate) fn tensors(&mut self) -> [(&'static str, &mut [f32]); 6] {
        [
            ("first weights", self.first.weights.as_flattened_mut()),
            ("first bias", &mut self.first.bias),
            ("second weights", self.second.weights.as_flattened_mut()),
            ("second bias", &mut self.second.bias),
            ("last weights", self.weights.as_flattened_mut()),
            ("last bias", &mut self.bias),
        ]
    }

    /// Calls `drop` on the maps of the second convolution, after its `relu`.
    pub(crate) fn forward(
        &self,
        pixels: &[[f32; PIXELS]],
        drop: impl FnOnce(&mut [f32]),
    ) -> Activations {
        let mut first: Vec<_> =
            pixels.iter().map(|image| self.first.forward(std::array::from_ref(image))).collect();
        relu(first.as_flattened_mut().as_flattened_mut());
        let mut second: Vec<_> = first.iter().map(|maps| self.second.forward(maps)).collect();
        relu(second.as_flattened_mut().as_flattened_mut());
        drop(second.as_flattened_mut().as_flattened_mut());
        let features: Vec<_> = second.iter().map(pool).collect();
        let mut output = vec![self.bias; pixels.len()];
        add_product(&features, &self.weights, &mut output);
        Activations { first, second, features, output }
    }

    /// The gradient of the mean cross-entropy at `activations`, the last that `dropper` saw.
    pub(crate) fn gradient(
        &self,
        pixels: &[[f32; PIXELS]],
        labels: &[usize],
        activations: &Activations,
        dropper: &Dropper,
    ) -> Self {
        let mut gradient = Self::zero();
        let d_output = cross_entropy_gradient(&activations.output, labels);
        // Rows past the batch are zeros.
        let mut features = [[0.0; FEATURES]; BATCH];
        features[..labels.len()].copy_from_slice(&activations.features);
        let mut rows = [[0.0; CLASSES]; BATCH];
        rows[..labels.len()].copy_from_slice(&d_output);
        let features = transpose::<BATCH, FEATURES>(&features);
        add_product(&features, &rows, gradient.weights.as_mut_slice());
        for d_output in &d_output {
            gradient.bias.iter_mut().zip(d_output).for_each(|(bias, dy)| *bias += dy);
        }

        let mut d_features = vec![[0.0; FEATURES]; labels.len()];
        add_product_transposed(&d_output, &self.weights, &mut d_features);
        let mut d_second: Vec<_> = d_features.iter().map(pool_gradient).collect();
        dropper.backward(d_second.as_flattened_mut().as_flattened_mut());
        for (((d_second, second), first), image) in
            d_second.iter_mut().zip(&activations.second).zip(&activations.first).zip(pixels)
        {
            relu_gradient(second.as_flattened(), d_second.as_flattened_mut());
            self.second.backward(first, d_second, &mut gradient.second);
            let mut d_first: Maps<FIRST> = self.second.backward_input(d_second);
            relu_gradient(first.as_flattened(), d_first.as_flattened_mut());
            self.first.backward(std::array::from_ref(image), &d_first, &mut gradient.first);
        }
        gradient
    }
}

/// The mean of each square of 2 x 2 of each map.
fn pool(maps: &Maps<MAPS>) -> [f32; FEATURES] {
    let mut features = [0.0; FEATURES];
    for (map, features) in maps.iter().zip(features.chunks_mut(SQUARES)) {
        for (i, x) in map.iter().enumerate() {
            features[square(i)] += 0.25 * x;
        }
    }
    features
}

fn pool_gradient(d_features: &[f32; FEATURES]) -> Maps<MAPS> {
    let mut d_maps = [[0.0; AREA]; MAPS];
    for (map, d_features) in d_maps.iter_mut().zip(d_features.chunks(SQUARES)) {
        for (i, dx) in map.iter_mut().enumerate() {
            *dx = 0.25 * d_features[square(i)];
        }
    }
    d_maps
}

/// The square that element `i` of a map is in.
const fn square(i: usize) -> usize {
    i / SIDE / 2 * (SIDE / 2) + i % SIDE / 2
}

fn relu(x: &mut [f32]) {
    for x in x {
        *x = x.max(0.0);
    }
}

/// `y` is what `relu` put out, dropped or not: dropout lets through no gradient where it made a
/// zero.
fn relu_gradient(y: &[f32], dy: &mut [f32]) {
    for (dy, &y) in dy.iter_mut().zip(y) {
        *dy = if y > 0.0 { *dy } else { 0.0 };
    }
}

fn softmax(row: &[f32; CLASSES]) -> [f64; CLASSES] {
    let top = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let exp = row.map(|x| f64::from(x - top).exp());
    let sum: f64 = exp.iter().sum();
    exp.map(|e| e / sum)
}

/// The mean cross-entropy of a batch after a softmax.
pub(crate) fn cross_entropy(rows: &[[f32; CLASSES]], labels: &[usize]) -> f64 {
    let losses = rows.iter().zip(labels).map(|(row, &label)| -softmax(row)[label].ln());
    losses.sum::<f64>() / labels.len() as f64
}

/// Its gradient, (softmax - one-hot label) / batch.
fn cross_entropy_gradient(rows: &[[f32; CLASSES]], labels: &[usize]) -> Vec<[f32; CLASSES]> {
    let one = |(row, &label): (_, &usize)| {
        let mut p = softmax(row);
        p[label] -= 1.0;
        p.map(|p| (p / labels.len() as f64) as f32)
    };
    rows.iter().zip(labels).map(one).collect()
}

//! One network from its first weights to its last: a recurrent layer that reads a digit row by row,
//! and a fully connected one that names it after the last row.

use dropout_kernels::{DropRate, Dropout, Zoneout};
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

use crate::digits::{CLASSES, Digits, PIXELS, shuffle};
use dropout_reference::cells::{Kind, Layer, Weights, add_outer, add_product, product_transposed};
use dropout_reference::noise::{Every, Noise};

/// Rows of a digit, and pixels of a row.
const STEPS: usize = 8;
const INPUTS: usize = PIXELS / STEPS;

/// Units of the recurrent layer.
pub(crate) const HIDDEN: usize = 64;

/// Digits to a step of training.
const BATCH: usize = 32;

const LEARNING_RATE: f32 = 0.003;

/// What is dropped.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Method {
    /// Nothing.
    Nothing,
    /// Connections, with new masks at each row.
    PerStep,
    /// Connections, with one mask a digit (Gal and Ghahramani 2016).
    Variational,
    /// As variational, but for the recurrent connections: there the candidate update, with new
    /// masks at each row (Semeniuta et al. 2016).
    Candidate,
    /// As variational, but for the recurrent connections: there cell and hidden state are held back
    /// at random (Krueger et al. 2017).
    Zoneout,
}

impl Method {
    pub(crate) const ALL: [Self; 5] =
        [Self::Nothing, Self::PerStep, Self::Variational, Self::Candidate, Self::Zoneout];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Nothing => "none",
            Self::PerStep => "per step",
            Self::Variational => "variational",
            Self::Candidate => "candidate",
            Self::Zoneout => "zoneout",
        }
    }

    fn noise(self, rates: Rates, seed: u64) -> Noise {
        let Rates { input, recurrent, output } = rates;
        let none = Noise::none(INPUTS, HIDDEN, seed);
        let all = [input, recurrent, output];
        let others = [input, DropRate::ZERO, output];
        match self {
            Self::Nothing => none,
            Self::PerStep => none.with_connections(Every::Step, all),
            Self::Variational => none.with_connections(Every::Sequence, all),
            Self::Candidate => Noise {
                candidate: Dropout::new(recurrent),
                ..none.with_connections(Every::Sequence, others)
            },
            Self::Zoneout => Noise {
                cell: Zoneout::new(recurrent),
                hidden: Zoneout::new(recurrent),
                ..none.with_connections(Every::Sequence, others)
            },
        }
    }
}

/// Of input, recurrent and output connections.
#[derive(Clone, Copy)]
pub(crate) struct Rates {
    pub(crate) input: DropRate,
    pub(crate) recurrent: DropRate,
    pub(crate) output: DropRate,
}

/// What to train.
#[derive(Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) kind: Kind,
    pub(crate) method: Method,
    pub(crate) rates: Rates,
    /// Names the split, the initial weights, the order of the batches and the masks.
    pub(crate) seed: u64,
    pub(crate) epochs: usize,
    pub(crate) train: usize,
}

/// Errors in percent after the last epoch.
pub(crate) struct Outcome {
    pub(crate) train: f64,
    pub(crate) test: f64,
}

struct Network {
    layer: Layer<f32>,
    last: Vec<f32>,
    bias: Vec<f32>,
}

impl Network {
    fn new(kind: Kind, rng: &mut Xoshiro256PlusPlus) -> Self {
        let width = kind.gates() * HIDDEN;
        // Uniform, of variance 1 / inputs.
        let mut uniform = |n: usize, inputs: usize| -> Vec<f32> {
            let bound = (3.0 / inputs as f32).sqrt();
            let unit = |r: u64| (r >> 40) as f32 / (1 << 23) as f32 - 1.0;
            (0..n).map(|_| unit(rng.next_u64()) * bound).collect()
        };
        let weights = Weights {
            input: uniform(INPUTS * width, INPUTS),
            recurrent: uniform(HIDDEN * width, HIDDEN),
            bias: vec![0.0; width],
        };
        let last = uniform(HIDDEN * CLASSES, HIDDEN);
        let layer = Layer { kind, inputs: INPUTS, hidden: HIDDEN, weights };
        Self { layer, last, bias: vec![0.0; CLASSES] }
    }

    fn outputs(&self, y: &[f32]) -> Vec<f32> {
        let mut outputs = self.bias.repeat(y.len() / HIDDEN);
        add_product(y, &self.last, HIDDEN, &mut outputs);
        outputs
    }

    /// The gradient of the mean cross-entropy, in the order of [`parameters`](Self::parameters).
    fn gradient(&self, noise: &Noise, digits: &Digits) -> [Vec<f32>; 5] {
        let (ys, steps) = self.layer.forward(noise, true, &rows(digits));
        let y = ys.last().expect("a digit has rows");
        let mut d = self.outputs(y);
        for (d, &label) in d.chunks_mut(CLASSES).zip(&digits.labels) {
            let top = d.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            d.iter_mut().for_each(|d| *d = (*d - top).exp());
            let sum: f32 = d.iter().sum();
            d.iter_mut().for_each(|d| *d /= sum * digits.labels.len() as f32);
            d[label] -= 1.0 / digits.labels.len() as f32;
        }
        let (mut d_last, mut d_bias) = (vec![0.0; self.last.len()], vec![0.0; CLASSES]);
        add_outer(y, &d, HIDDEN, &mut d_last);
        add_outer(&vec![1.0; digits.len()], &d, 1, &mut d_bias);
        let mut dys = vec![vec![0.0; y.len()]; STEPS];
        dys[STEPS - 1] = product_transposed(&d, &self.last, HIDDEN);
        let (dw, _) = self.layer.backward(noise, &steps, &dys);
        [dw.input, dw.recurrent, dw.bias, d_last, d_bias]
    }

    fn parameters(&mut self) -> [&mut Vec<f32>; 5] {
        let Weights { input, recurrent, bias } = &mut self.layer.weights;
        [input, recurrent, bias, &mut self.last, &mut self.bias]
    }

    /// In percent.
    fn error(&self, noise: &Noise, digits: &Digits) -> f64 {
        let (ys, _) = self.layer.forward(noise, false, &rows(digits));
        let outputs = self.outputs(ys.last().expect("a digit has rows"));
        let best = |row: &[f32]| (0..CLASSES).max_by(|a, b| row[*a].total_cmp(&row[*b]));
        let right = |(row, label): &(&[f32], &usize)| best(row) == Some(**label);
        let right = outputs.chunks(CLASSES).zip(&digits.labels).filter(right).count();
        100.0 * (1.0 - right as f64 / digits.len() as f64)
    }
}

/// For each step a row of each digit.
fn rows(digits: &Digits) -> Vec<Vec<f32>> {
    let row = |t: usize| move |pixels: &[f32; PIXELS]| pixels[t * INPUTS..][..INPUTS].to_vec();
    (0..STEPS).map(|t| digits.pixels.iter().flat_map(row(t)).collect()).collect()
}

/// Kingma and Ba 2015, with their constants.
struct Adam {
    moments: [Vec<[f32; 2]>; 5],
    step: i32,
}

impl Adam {
    fn new(network: &mut Network) -> Self {
        Self { moments: network.parameters().map(|p| vec![[0.0; 2]; p.len()]), step: 0 }
    }

    fn update(&mut self, network: &mut Network, gradient: &[Vec<f32>; 5]) {
        const DECAY: [f32; 2] = [0.9, 0.999];
        self.step += 1;
        let unbias = DECAY.map(|decay| 1.0 / (1.0 - decay.powi(self.step)));
        for ((w, dw), m) in network.parameters().into_iter().zip(gradient).zip(&mut self.moments) {
            for ((w, dw), [m, v]) in w.iter_mut().zip(dw).zip(m) {
                *m += (1.0 - DECAY[0]) * (dw - *m);
                *v += (1.0 - DECAY[1]) * (dw * dw - *v);
                *w -= LEARNING_RATE * *m * unbias[0] / ((*v * unbias[1]).sqrt() + 1e-8);
            }
        }
    }
}

/// Masks come from generators of their own, so that networks of one seed start from the same
/// weights and see the same batches whatever is dropped.
pub(crate) fn train(digits: &Digits, plan: Plan) -> Outcome {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(plan.seed);
    let (train, test) = digits.split(plan.train, &mut rng);
    let mut network = Network::new(plan.kind, &mut rng);
    let mut adam = Adam::new(&mut network);
    let mut noise = plan.method.noise(plan.rates, plan.seed);
    let mut order: Vec<_> = (0..train.len()).collect();
    let mut batches = 0;
    for _ in 0..plan.epochs {
        shuffle(&mut order, &mut rng);
        for batch in order.chunks(BATCH) {
            noise.draw(batch.len(), batches);
            batches += 1;
            let gradient = network.gradient(&noise, &train.select(batch));
            adam.update(&mut network, &gradient);
        }
    }
    Outcome { train: network.error(&noise, &train), test: network.error(&noise, &test) }
}

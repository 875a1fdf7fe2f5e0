//! One network from its first weights to its last.

use dropout_kernels::DropRate;
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::SeedableRng;

use crate::digits::{Digits, PIXELS, shuffle};
use crate::masks::{Drops, LAYERS, Masks};
use crate::network::{BATCH, LEARNING_RATE, Network, learning_rate_decay};

/// What to train.
#[derive(Clone, Copy)]
pub(crate) struct Plan {
    /// Names the split, the initial weights, the order of the batches and the masks.
    pub(crate) seed: u64,
    /// Of each layer in [`Masks`]; zeros are the network without dropout.
    pub(crate) rates: [DropRate; LAYERS],
    pub(crate) epochs: usize,
    /// Digits to train on.
    pub(crate) train: usize,
    pub(crate) replay: bool,
}

/// What came of it.
pub(crate) struct Outcome {
    /// Test error in percent before the first epoch and after each.
    pub(crate) errors: Vec<f64>,
    /// The same of the digits that were trained on, or of as many of them as were tested on.
    pub(crate) train_errors: Vec<f64>,
    pub(crate) drops: [Drops; LAYERS],
    pub(crate) network: Network,
}

impl Outcome {
    /// After the last epoch.
    pub(crate) fn final_error(&self) -> f64 {
        self.errors.last().copied().unwrap_or(f64::NAN)
    }

    /// Of the bits of the trained parameters.
    pub(crate) fn checksum(&self) -> u64 {
        fnv1a(self.network.parameters().flat_map(f32::to_le_bytes))
    }
}

/// A network with its masks.
pub(crate) trait Learner {
    /// A step of training on at most BATCH digits.
    fn train(&mut self, pixels: &[[f32; PIXELS]], labels: &[usize], learning_rate: f32);

    /// How many of at most BATCH digits it takes for another.
    fn errors(&self, pixels: &[[f32; PIXELS]], labels: &[usize]) -> usize;
}

impl Learner for (Network, Masks) {
    fn train(&mut self, pixels: &[[f32; PIXELS]], labels: &[usize], learning_rate: f32) {
        let (network, masks) = self;
        network.train(pixels, labels, masks, learning_rate);
    }

    fn errors(&self, pixels: &[[f32; PIXELS]], labels: &[usize]) -> usize {
        self.0.errors(pixels, labels)
    }
}

/// Trains a network, and calls `tick` after each epoch.
///
/// Masks come from a generator of their own, so that networks of one seed start from the same
/// weights and see the same batches whatever their drop rates.
pub(crate) fn train(digits: &Digits, plan: Plan, tick: impl Fn()) -> Outcome {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(plan.seed);
    let (train, test) = digits.split(plan.train, &mut rng);
    train_on(&train, &test, plan, &mut rng, tick)
}

/// Trains on `train` and tests on `test`, as [`train`] does.
pub(crate) fn train_on(
    train: &Digits,
    test: &Digits,
    plan: Plan,
    rng: &mut Xoshiro256PlusPlus,
    tick: impl Fn(),
) -> Outcome {
    let mut learner = (Network::new(rng), Masks::new(plan.rates, plan.replay, plan.seed));
    let seen = train.len().min(test.len());
    let train_error = |learner: &_| error(learner, &train.pixels[..seen], &train.labels[..seen]);
    let mut errors = vec![test_error(&learner, test)];
    let mut train_errors = vec![train_error(&learner)];
    fit(&mut learner, train, plan.epochs, rng, |learner| {
        errors.push(test_error(learner, test));
        train_errors.push(train_error(learner));
        tick();
    });
    let (network, masks) = learner;
    Outcome { errors, train_errors, drops: masks.drops(), network }
}

/// Trains for so many epochs, each with the digits in another order, and calls `after` at the end
/// of each.
pub(crate) fn fit<L: Learner>(
    learner: &mut L,
    digits: &Digits,
    epochs: usize,
    rng: &mut Xoshiro256PlusPlus,
    mut after: impl FnMut(&L),
) {
    let mut order: Vec<_> = (0..digits.len()).collect();
    let mut learning_rate = LEARNING_RATE;
    for _ in 0..epochs {
        shuffle(&mut order, rng);
        for batch in order.chunks(BATCH) {
            let Digits { pixels, labels } = digits.select(batch);
            learner.train(&pixels, &labels, learning_rate);
        }
        learning_rate *= learning_rate_decay(epochs);
        after(learner);
    }
}

/// In percent.
pub(crate) fn test_error(learner: &impl Learner, test: &Digits) -> f64 {
    error(learner, &test.pixels, &test.labels)
}

fn error(learner: &impl Learner, pixels: &[[f32; PIXELS]], labels: &[usize]) -> f64 {
    let batches = pixels.chunks(BATCH).zip(labels.chunks(BATCH));
    let errors: usize = batches.map(|(pixels, labels)| learner.errors(pixels, labels)).sum();
    100.0 * errors as f64 / labels.len() as f64
}

/// The 64-bit hash of Fowler, Noll and Vo.
pub(crate) fn fnv1a(bytes: impl Iterator<Item = u8>) -> u64 {
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

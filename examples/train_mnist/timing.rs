//! What dropout costs in training.

use std::time::{Duration, Instant};

use dropout_kernels::DropRate;
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::SeedableRng;

use crate::digits::Digits;
use crate::masks::{LAYERS, Masks};
use crate::network::{BATCH, Dropper, Network};

/// The most steps that are timed together, and how often, without dropout and with it in turn.
const STEPS: usize = 60;
const ROUNDS: usize = 15;
/// Small, as what is learned does not matter here.
const LEARNING_RATE: f32 = 0.001;

/// No dropout at all.
struct Idle;

impl Dropper for Idle {
    fn forward(&mut self, _: usize, _: &mut [f32]) {}
    fn backward(&mut self, _: usize, _: &mut [f32]) {}
    fn end_step(&mut self) {}
}

/// Dropout, and the time that went into it.
struct Timed {
    masks: Masks,
    spent: Duration,
}

impl Timed {
    fn time(&mut self, work: impl FnOnce(&mut Masks)) {
        let start = Instant::now();
        work(&mut self.masks);
        self.spent += start.elapsed();
    }
}

impl Dropper for Timed {
    fn forward(&mut self, layer: usize, x: &mut [f32]) {
        self.time(|masks| masks.forward(layer, x));
    }

    fn backward(&mut self, layer: usize, dx: &mut [f32]) {
        self.time(|masks| masks.backward(layer, dx));
    }

    fn end_step(&mut self) {
        self.time(Masks::end_step);
    }
}

/// Medians over the rounds, on one thread.
pub(crate) struct Times {
    /// Seconds of an epoch.
    pub(crate) without: f64,
    pub(crate) with: f64,
    /// Percent of the time with dropout that went into its calls.
    pub(crate) share: f64,
}

pub(crate) fn measure(train: &Digits, rates: [DropRate; LAYERS], replay: bool) -> Times {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
    let mut networks = [(); 2].map(|()| Network::new(&mut rng));
    let mut timed = Timed { masks: Masks::new(rates, replay, 1), spent: Duration::ZERO };
    let together = STEPS.min(train.len().div_ceil(BATCH));
    let batches = train.pixels.chunks(BATCH).zip(train.labels.chunks(BATCH));
    let mut batches = batches.cycle();
    let [mut without, mut with, mut share] = [(); 3].map(|()| Vec::new());
    for round in 0..=ROUNDS {
        let [idle, dropping] = &mut networks;
        let batches: Vec<_> = batches.by_ref().take(together).collect();
        let idle_time = steps(idle, &mut Idle, &batches);
        timed.spent = Duration::ZERO;
        let time = steps(dropping, &mut timed, &batches);
        // The first round warms up.
        if round > 0 {
            without.push(idle_time);
            with.push(time);
            share.push(100.0 * timed.spent.as_secs_f64() / time);
        }
    }
    let epoch = train.len() as f64 / (together * BATCH) as f64;
    let [without, with, share] = [without, with, share].map(median);
    Times { without: without * epoch, with: with * epoch, share }
}

type Batch<'a> = (&'a [[f32; crate::digits::PIXELS]], &'a [usize]);

/// Seconds.
fn steps(network: &mut Network, dropper: &mut impl Dropper, batches: &[Batch<'_>]) -> f64 {
    let start = Instant::now();
    for (pixels, labels) in batches {
        network.train(pixels, labels, dropper, LEARNING_RATE);
    }
    start.elapsed().as_secs_f64()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

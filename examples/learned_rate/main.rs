//! A rate that is learned beside rates that are searched for, on handwritten digits, and early and late
//! dropout: `cargo run --release --example learned_rate`.

#[path = "../train_digits/digits.rs"]
mod digits;
mod drops;
#[allow(dead_code, reason = "masks have rates that are fixed")]
#[path = "../train_digits/masks.rs"]
mod masks;
#[path = "../train_digits/matrix.rs"]
mod matrix;
#[allow(dead_code, reason = "nobody asks for the outputs")]
#[path = "../train_digits/network.rs"]
mod network;
#[path = "../train_digits/progress.rs"]
mod progress;
#[allow(dead_code, reason = "intervals say enough")]
#[path = "../train_digits/statistics.rs"]
mod statistics;
#[allow(dead_code, reason = "what is fitted and tested is another network")]
#[path = "../train_digits/training.rs"]
mod training;

use clap::Parser;
use dropout_kernels::{DropRate, Schedule, drop_rate};
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::SeedableRng;
use rayon::prelude::*;

use crate::digits::{Digits, PIXELS};
use crate::drops::Drops;
use crate::network::{BATCH, Network};
use crate::statistics::Estimate;
use crate::training::{Learner, fit, test_error};

/// Trains a perceptron (64-256-256-10) on handwritten digits, with p = 0.1 on the input. On its hidden
/// layers: each rate of a grid, early and late dropout (Liu et al. 2023), and rates that are learned (Gal, Hron and
/// Kendall 2017). All start from the same weights and see the same batches.
///
/// Prints the test error of each, and what was learned.
#[derive(Parser)]
#[command(name = "learned_rate")]
struct Options {
    /// Networks of each kind, each with a split, weights and masks of its own
    #[arg(long, value_name = "N", default_value_t = 10)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=1000))]
    seeds: u64,
    /// Times that each network sees its digits
    #[arg(long, value_name = "N", default_value_t = 150)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=10_000))]
    epochs: u32,
}

/// Digits to train on.
const TRAIN: usize = 500;
const GRID: [DropRate; 7] = [
    drop_rate!(0.0),
    drop_rate!(0.1),
    drop_rate!(0.2),
    drop_rate!(0.3),
    drop_rate!(0.4),
    drop_rate!(0.5),
    drop_rate!(0.7),
];

/// A network and its dropout.
impl Learner for (Network, Drops) {
    fn train(&mut self, pixels: &[[f32; PIXELS]], labels: &[usize], learning_rate: f32) {
        let (network, drops) = self;
        network.train(pixels, labels, drops, learning_rate);
        drops.learn(network, learning_rate, TRAIN);
    }

    fn errors(&self, pixels: &[[f32; PIXELS]], labels: &[usize]) -> usize {
        self.0.errors(pixels, labels)
    }
}

/// Test errors in percent, and the rates that the hidden layers ended with, of each seed.
struct Row {
    name: String,
    errors: Vec<f64>,
    rates: Vec<[f64; 2]>,
}

fn main() {
    let Options { seeds, epochs } = Options::parse();
    let steps = epochs * TRAIN.div_ceil(BATCH) as u32;
    let always = |rate| Drops::scheduled(Schedule::linear(rate, rate, 0));
    let half = drop_rate!(0.5);
    let mut kinds: Vec<(String, Drops)> =
        GRID.map(|rate| (format!("p = {}", rate.p() as f32), always(rate))).into();
    kinds.extend([
        (
            "early: 0.5 in the first third".into(),
            Drops::scheduled(Schedule::early(half, steps / 3)),
        ),
        (
            "late: 0.5 after the first third".into(),
            Drops::scheduled(Schedule::late(half, steps / 3)),
        ),
        ("learned, from 0.1".into(), Drops::learned(0.1)),
        ("learned, from 0.5".into(), Drops::learned(0.5)),
    ]);

    let digits = Digits::load();
    println!(
        "A perceptron 64-256-256-10: training on {TRAIN} digits, test on the other {}; seeds: {seeds}; epochs: {epochs}.\n",
        digits.len() - TRAIN
    );
    let progress = progress::epochs(kinds.len() * (seeds * u64::from(epochs)) as usize);
    let rows: Vec<Row> = kinds
        .into_iter()
        .map(|(name, drops)| {
            let trained: Vec<_> = (1..=seeds)
                .into_par_iter()
                .map(|seed| train(&digits, drops.of_seed(seed), seed, epochs, || progress.inc(1)))
                .collect();
            let (errors, rates) = trained.into_iter().unzip();
            Row { name, errors, rates }
        })
        .collect();
    progress.finish_and_clear();
    print(&rows);
}

/// The test error, and the rates of the hidden layers at the end.
fn train(
    digits: &Digits,
    drops: Drops,
    seed: u64,
    epochs: u32,
    tick: impl Fn(),
) -> (f64, [f64; 2]) {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    let (train, test) = digits.split(TRAIN, &mut rng);
    let mut learner = (Network::new(&mut rng), drops);
    fit(&mut learner, &train, epochs as usize, &mut rng, |_| tick());
    (test_error(&learner, &test), learner.1.rates())
}

fn print(rows: &[Row]) {
    let Some(best) = rows[..GRID.len()].iter().min_by(|a, b| mean(a).total_cmp(&mean(b))) else {
        return;
    };
    println!(
        "hidden layers                     test error, %   95 %     over the grid's best   p ends at"
    );
    for row in rows {
        let estimate = Estimate::of(&row.errors);
        let half = estimate.half_interval().map_or(String::new(), |half| format!("+- {half:.2}"));
        let pairs: Vec<_> = row.errors.iter().zip(&best.errors).map(|(a, b)| a - b).collect();
        let difference = Estimate::of(&pairs);
        let over = match difference.half_interval() {
            Some(half) => format!("{:+.2} +- {half:.2}", difference.mean),
            None => "-".into(),
        };
        let [first, second] = [0, 1]
            .map(|l| row.rates.iter().map(|rates| rates[l]).sum::<f64>() / row.rates.len() as f64);
        println!(
            "{:<33} {:>13.2}   {half:<8} {over:<22} {first:.2}, {second:.2}",
            row.name, estimate.mean
        );
    }
    println!(
        "\nThe grid's best was chosen by the test error itself, so it looks better than it is."
    );
}

fn mean(row: &Row) -> f64 {
    Estimate::of(&row.errors).mean
}

//! What dropout gains in training with integers of eight bits, where its scale is folded into that
//! of the tensor or multiplied into the codes: `cargo run --release --example train_quantised`.

// The data, the network in `f32` and its training are those of train_digits.
#[path = "../train_digits/digits.rs"]
mod digits;
#[path = "../recurrent_digits/holm.rs"]
mod holm;
#[expect(dead_code, reason = "train_digits stores masks and sums up what was dropped")]
#[path = "../train_digits/masks.rs"]
mod masks;
#[path = "../train_digits/matrix.rs"]
mod matrix;
#[path = "../train_digits/network.rs"]
mod network;
#[path = "../train_digits/progress.rs"]
mod progress;
#[path = "../train_digits/statistics.rs"]
mod statistics;
#[expect(dead_code, reason = "train_digits tests after each epoch")]
#[path = "../train_digits/training.rs"]
mod training;

mod dropper;
mod quantised;
mod report;

use clap::Parser;
use clap::builder::RangedU64ValueParser;
use dropout_kernels::DropRate;
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::SeedableRng;
use rayon::prelude::*;

use crate::digits::Digits;
use crate::dropper::{Dropper, Kept, Method};
use crate::masks::{LAYERS, Masks};
use crate::network::Network;
use crate::quantised::Quantised;
use crate::training::{fit, test_error};

/// Trains the perceptron of `train_digits` (64-256-256-10) on handwritten digits, in `f32` and with
/// weights and activations of eight bits, without and with dropout, from the same weights, on the
/// same batches and with the same masks. Tests each on the digits it was not trained on.
///
/// Of the eight-bit networks the forward pass is in integers. Gradients are in f32, and so are the
/// weights that they update, from which those of eight bits are made again at each step.
///
/// Prints the test errors, how they differ seed by seed, and how many codes saturated.
#[derive(Parser)]
#[command(name = "train_quantised")]
struct Options {
    /// Probability that a pixel is dropped, 0 to below 1
    #[arg(long, value_name = "P", default_value = "0.1", value_parser = rate)]
    input_rate: DropRate,
    /// Probability that a hidden unit is dropped, 0 to below 1
    #[arg(long, value_name = "P", default_value = "0.3", value_parser = rate)]
    hidden_rate: DropRate,
    /// Networks to train of each kind, each with a split, weights and masks of its own
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = count(1_000))]
    seeds: usize,
    /// Times that each network sees its digits
    #[arg(long, value_name = "N", default_value_t = 150, value_parser = count(100_000))]
    epochs: usize,
    /// Digits to train on, of 1797; the others are tested on
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = count(1_700))]
    train: usize,
}

/// Where all is dropped there is no scale to fold.
fn rate(text: &str) -> Result<DropRate, String> {
    let p = text.parse::<f32>().map_err(|e| e.to_string())?;
    let rate = DropRate::new(p).map_err(|e| e.to_string())?;
    if rate < DropRate::ONE { Ok(rate) } else { Err("expected a rate below 1".into()) }
}

fn count(most: u64) -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(1..=most)
}

/// What a network computes with, and how it drops.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    Float,
    FloatDropout,
    Int8,
    Int8Dropout(Method),
}

impl Kind {
    const ALL: [Self; 6] = [
        Self::Float,
        Self::FloatDropout,
        Self::Int8,
        Self::Int8Dropout(Method::Fold),
        Self::Int8Dropout(Method::Requantise),
        Self::Int8Dropout(Method::Stochastic),
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Float => "f32",
            Self::FloatDropout => "f32 dropout",
            Self::Int8 => "i8",
            Self::Int8Dropout(Method::Fold) => "i8 fold",
            Self::Int8Dropout(Method::Requantise) => "i8 requantise",
            Self::Int8Dropout(Method::Stochastic) => "i8 stochastic",
        }
    }
}

/// What came of a network.
pub(crate) struct Outcome {
    /// After the last epoch, in percent.
    error: f64,
    /// Of each layer, if it has codes.
    kept: [Kept; LAYERS],
}

fn main() {
    let options = Options::parse();
    let Options { input_rate, hidden_rate, seeds, epochs, train, .. } = options;
    let digits = Digits::load();
    println!(
        "A perceptron 64-256-256-10, in f32 and in i8: training on {train} digits, test on the \
         other {}; seeds: {seeds}; epochs: {epochs}.\n\
         Dropout: p = {} on the input, {} on both hidden layers.\n",
        digits.len() - train,
        input_rate.p() as f32,
        hidden_rate.p() as f32,
    );

    let plans: Vec<_> =
        Kind::ALL.iter().flat_map(|kind| (1..=seeds as u64).map(move |s| (*kind, s))).collect();
    let progress = progress::epochs(plans.len() * epochs);
    let outcomes: Vec<_> = plans
        .into_par_iter()
        .map(|(kind, seed)| outcome(&digits, &options, kind, seed, || progress.inc(1)))
        .collect();
    progress.finish_and_clear();

    let outcomes: Vec<_> = outcomes.chunks(seeds).collect();
    report::print_errors(&outcomes);
    report::print_differences(&outcomes);
    report::print_saturated(&outcomes);
}

/// Trains a network, and calls `tick` after each epoch. Networks of one seed have the same split,
/// first weights, batches and masks.
fn outcome(digits: &Digits, options: &Options, kind: Kind, seed: u64, tick: impl Fn()) -> Outcome {
    let Options { input_rate, hidden_rate, epochs, .. } = *options;
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    let (train, test) = digits.split(options.train, &mut rng);
    let network = Network::new(&mut rng);
    let (method, rates) = match kind {
        Kind::Float => (None, [DropRate::ZERO; LAYERS]),
        Kind::FloatDropout => (None, [input_rate, hidden_rate, hidden_rate]),
        Kind::Int8 => (Some(Method::Fold), [DropRate::ZERO; LAYERS]),
        Kind::Int8Dropout(method) => (Some(method), [input_rate, hidden_rate, hidden_rate]),
    };
    match method {
        None => {
            let mut learner = (network, Masks::new(rates, true, seed));
            fit(&mut learner, &train, epochs, &mut rng, |_| tick());
            Outcome { error: test_error(&learner, &test), kept: Default::default() }
        }
        Some(method) => {
            let mut learner = Quantised::new(network, Dropper::new(method, rates, seed));
            fit(&mut learner, &train, epochs, &mut rng, |_| tick());
            Outcome { error: test_error(&learner, &test), kept: learner.dropper().kept() }
        }
    }
}

//! Trains a small network to read handwritten digits, without and with dropout, and says what
//! dropout was worth: `cargo run --release --example train_digits`.

mod digits;
mod masks;
mod matrix;
mod network;
mod options;
mod pairs;
mod picture;
mod progress;
mod report;
#[expect(dead_code, reason = "other pictures have more colours")]
#[path = "../shared/picture.rs"]
mod shared;
mod statistics;
mod training;

use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use dropout_kernels::DropRate;

use crate::digits::Digits;
use crate::options::{count, rate};
use crate::pairs::train_all;
use crate::training::{Plan, train};

/// Trains a perceptron (64-256-256-10) on handwritten digits without and with dropout, from
/// the same weights and on the same batches, and tests both on the digits it was not trained on.
///
/// Prints the test errors of every seed, a paired t-test, what the masks dropped, and a checksum of
/// the trained weights; draws the learning curves.
#[derive(Parser)]
#[command(name = "train_digits")]
struct Options {
    /// Probability that a pixel is dropped, 0 to 1
    #[arg(long, value_name = "P", default_value = "0.1", value_parser = rate)]
    #[arg(allow_negative_numbers = true)]
    input_rate: DropRate,
    /// Probability that a hidden unit is dropped, 0 to 1
    #[arg(long, value_name = "P", default_value = "0.3", value_parser = rate)]
    #[arg(allow_negative_numbers = true)]
    hidden_rate: DropRate,
    /// Pairs of networks to train, each with a split, weights and masks of its own
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = count(1_000))]
    seeds: usize,
    /// Times that each network sees its digits
    #[arg(long, value_name = "N", default_value_t = 150, value_parser = count(100_000))]
    epochs: usize,
    /// Digits to train on, of 1797; the others are tested on
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = count(1_700))]
    train: usize,
    /// Store no masks: draw each again for the backward pass. The results are the same
    #[arg(long)]
    replay: bool,
    /// SVG to draw the learning curves in
    #[arg(long, value_name = "PATH", default_value = "target/train_digits.svg")]
    picture: PathBuf,
    /// Threads, as many as the machine runs at once if not given. The results are the same
    #[arg(long, value_name = "N", value_parser = count(1_024))]
    threads: Option<usize>,
}

fn main() {
    let options = Options::parse();
    if let Err(e) = shared::check(&options.picture) {
        fail(&format!("cannot write the picture to {}: {e}", options.picture.display()));
    }
    let rates = [options.input_rate, options.hidden_rate, options.hidden_rate];
    let digits = Digits::load();
    println!("{}\n", setting(&digits, &options));

    let Options { epochs, train: digits_to_train_on, replay, .. } = options;
    let plan = Plan { seed: 0, rates, epochs, train: digits_to_train_on, replay };
    let pairs =
        train_all(plan, options.seeds, options.threads, |plan, tick| train(&digits, plan, tick));
    report::print_errors(&pairs);
    report::print_drops(rates, &pairs);
    println!("Checksum of all trained weights: {:016x}", report::checksum(&pairs));

    if let Err(e) = picture::draw(&options.picture, "Reading handwritten digits", &pairs) {
        fail(&format!("cannot draw {}: {e}", options.picture.display()));
    }
    println!("Learning curves: {}", options.picture.display());
}

fn fail(message: &str) -> ! {
    Options::command().error(ErrorKind::Io, message).exit()
}

fn setting(digits: &Digits, options: &Options) -> String {
    let Options { input_rate, hidden_rate, seeds, epochs, train, replay, .. } = options;
    format!(
        "A perceptron 64-256-256-10: training on {train} digits, test on the other {test}; \
         seeds: {seeds}; epochs: {epochs}.\n\
         Dropout: p = {input} on the input, {hidden} on both hidden layers; masks {masks}.",
        test = digits.len() - train,
        input = input_rate.p() as f32,
        hidden = hidden_rate.p() as f32,
        masks = if *replay { "replayed" } else { "stored" },
    )
}

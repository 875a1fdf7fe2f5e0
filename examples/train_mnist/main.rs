//! MNIST, 60,000 images, without dropout and with the rates of the dropout paper (Srivastava et al.
//! 2014): `cargo run --release --example train_mnist -- FOLDER`.

// The network, its dropout and its training are those of train_digits.
#[path = "../train_digits/masks.rs"]
mod masks;
#[path = "../train_digits/options.rs"]
mod options;
#[path = "../train_digits/pairs.rs"]
mod pairs;
#[path = "../train_digits/picture.rs"]
mod picture;
#[path = "../train_digits/progress.rs"]
mod progress;
#[expect(dead_code, reason = "weights differ from machine to machine")]
#[path = "../train_digits/report.rs"]
mod report;
#[expect(dead_code, reason = "other pictures have more colours")]
#[path = "../shared/picture.rs"]
mod shared;
#[path = "../train_digits/statistics.rs"]
mod statistics;
#[expect(dead_code, reason = "MNIST is split already")]
#[path = "../train_digits/training.rs"]
mod training;

#[allow(dead_code, reason = "MNIST is split already")]
mod digits;
mod idx;
mod matrix;
mod network;
mod timing;

use std::io::IsTerminal;
use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use dropout_kernels::DropRate;
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::SeedableRng;

use crate::digits::Digits;
use crate::masks::LAYERS;
use crate::network::{BATCH, HIDDEN, Network, best};
use crate::options::{count, rate};
use crate::pairs::train_all;
use crate::report::Pair;
use crate::statistics::Estimate;
use crate::training::{Plan, train_on};

/// Trains a perceptron (784-512-512-10, relu) on MNIST without and with dropout, from the same
/// weights and on the same batches, and tests both on the images that MNIST keeps for that.
///
/// Prints the test errors of every seed, a paired t-test, the interval over the digits, and what the
/// masks dropped, or with --times what dropout costs in time; draws the learning curves. The data is
/// not in the repository.
#[derive(Parser)]
#[command(name = "train_mnist")]
struct Options {
    /// Folder of MNIST's four files: {train,t10k}-{images-idx3,labels-idx1}-ubyte, or these with .gz
    folder: PathBuf,
    /// Probability that a pixel is dropped, 0 to 1
    #[arg(long, value_name = "P", default_value = "0.2", value_parser = rate)]
    #[arg(allow_negative_numbers = true)]
    input_rate: DropRate,
    /// Probability that a hidden unit is dropped, 0 to 1
    #[arg(long, value_name = "P", default_value = "0.5", value_parser = rate)]
    #[arg(allow_negative_numbers = true)]
    hidden_rate: DropRate,
    /// Pairs of networks to train, each with weights, batches and masks of its own
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = count(1_000))]
    seeds: usize,
    /// Times that each network sees its digits
    #[arg(long, value_name = "N", default_value_t = 40, value_parser = count(100_000))]
    epochs: usize,
    /// Measure times alone, on one thread, and train nothing
    #[arg(long)]
    times: bool,
    /// SVG to draw the learning curves in
    #[arg(long, value_name = "PATH", default_value = "target/train_mnist.svg")]
    picture: PathBuf,
    /// Threads, as many as the machine runs at once if not given. The results are the same
    #[arg(long, value_name = "N", value_parser = count(1_024))]
    threads: Option<usize>,
}

fn main() {
    let options = Options::parse();
    let [train, test] = match idx::load(&options.folder) {
        Ok(sets) => sets,
        Err(fault) => fail(&fault.to_string()),
    };
    let rates = [options.input_rate, options.hidden_rate, options.hidden_rate];
    println!("{}\n", setting([&train, &test], &options));
    if options.times {
        print_times(&train, rates);
        return;
    }
    if let Err(e) = shared::check(&options.picture) {
        fail(&format!("cannot write the picture to {}: {e}", options.picture.display()));
    }

    let plan = Plan { seed: 0, rates, epochs: options.epochs, train: train.len(), replay: false };
    let pairs = train_all(plan, options.seeds, options.threads, |plan, tick| {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(plan.seed);
        let outcome = train_on(&train, &test, plan, &mut rng, tick);
        // The bar shows nothing there.
        if !std::io::stderr().is_terminal() {
            let kind = if plan.rates == rates { "with" } else { "without" };
            eprintln!("seed {}, {kind} dropout: {:.2} %", plan.seed, outcome.final_error());
        }
        outcome
    });
    report::print_errors(&pairs);
    print_over_digits(&pairs, &test);
    report::print_drops(rates, &pairs);
    if let Err(e) = picture::draw(&options.picture, "MNIST", &pairs) {
        fail(&format!("cannot draw {}: {e}", options.picture.display()));
    }
    println!("Learning curves: {}", options.picture.display());
}

fn fail(message: &str) -> ! {
    Options::command().error(ErrorKind::Io, message).exit()
}

fn setting([train, test]: [&Digits; 2], options: &Options) -> String {
    let Options { input_rate, hidden_rate, seeds, epochs, .. } = options;
    format!(
        "A perceptron 784-{HIDDEN}-{HIDDEN}-10: training on {train} images, {BATCH} to a step, \
         test on {test}; seeds: {seeds}; epochs: {epochs}.\n\
         Dropout: p = {input} on the input, {hidden} on both hidden layers; masks stored.",
        train = train.len(),
        test = test.len(),
        input = input_rate.p() as f32,
        hidden = hidden_rate.p() as f32,
    )
}

fn print_times(train: &Digits, rates: [DropRate; LAYERS]) {
    println!("An epoch of one network on one thread, without tests; medians:\n");
    println!("masks       without dropout    with dropout   ratio   share of dropout's calls");
    for (name, replay) in [("stored", false), ("replayed", true)] {
        let timing::Times { without, with, share } = timing::measure(train, rates, replay);
        let ratio = with / without;
        println!("{name:<10} {without:>14.2} s  {with:>12.2} s  {ratio:>6.3}   {share:.2} %");
    }
}

/// The other chance, that of the digits: the interval of the mean difference over the digits tested
/// on, where each has the mean of the seeds' networks.
fn print_over_digits(pairs: &[Pair], test: &Digits) {
    let mut changes = vec![0.0; test.len()];
    for Pair { without, with } in pairs {
        for (outcome, sign) in [(without, -1.0), (with, 1.0)] {
            for (change, wrong) in changes.iter_mut().zip(wrong(&outcome.network, test)) {
                *change += if wrong { sign * 100.0 / pairs.len() as f64 } else { 0.0 };
            }
        }
    }
    let change = Estimate::of(&changes);
    if let Some(half) = change.half_interval() {
        println!(
            "Seeds share the digits tested on. 95 % interval over these digits, for these networks:\n\
             {:+.2} to {:+.2} points\n",
            change.mean - half,
            change.mean + half
        );
    }
}

/// Which digits the network takes for another.
fn wrong(network: &Network, test: &Digits) -> Vec<bool> {
    let batches = test.pixels.chunks(BATCH).zip(test.labels.chunks(BATCH));
    batches
        .flat_map(|(pixels, labels)| {
            let rows = network.outputs(pixels, |_, _| ());
            labels.iter().zip(rows).map(|(&label, row)| best(&row) != label).collect::<Vec<_>>()
        })
        .collect()
}

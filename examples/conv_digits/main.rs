//! Which dropout for convolutional features: none, of single elements, of blocks of neighbours, or
//! of whole maps, in a small convolutional network that reads digits. All three help here, and
//! single elements most. `cargo run --release --example conv_digits`.

#[path = "../train_digits/digits.rs"]
mod digits;
#[path = "../recurrent_digits/holm.rs"]
mod holm;
#[path = "../train_digits/matrix.rs"]
mod matrix;
#[path = "../train_digits/statistics.rs"]
mod statistics;

mod gradients;
mod network;
mod regulariser;

use std::process::ExitCode;

use clap::Parser;
use dropout_kernels::drop_rate;
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::SeedableRng;
use rayon::prelude::*;

use crate::digits::{CLASSES, Digits, shuffle};
use crate::holm::holm;
use crate::network::{BATCH, Network};
use crate::regulariser::{Dropper, Kind, Regulariser};
use crate::statistics::Estimate;

const LEARNING_RATE: f32 = 0.05;
const LEARNING_RATE_DECAY: f32 = 0.97;
const MOMENTUM: f32 = 0.9;

/// What is trained; the first is what the others are compared with, and blocks are also compared
/// with single elements.
const REGULARISERS: [Regulariser; 10] = [
    None,
    Some((Kind::Plain, drop_rate!(0.1))),
    Some((Kind::Plain, drop_rate!(0.3))),
    Some((Kind::Plain, drop_rate!(0.5))),
    Some((Kind::Spatial, drop_rate!(0.1))),
    Some((Kind::Spatial, drop_rate!(0.3))),
    Some((Kind::Spatial, drop_rate!(0.5))),
    Some((Kind::Block, drop_rate!(0.1))),
    Some((Kind::Block, drop_rate!(0.3))),
    Some((Kind::Block, drop_rate!(0.5))),
];

/// Trains a small convolutional network (3 x 3 to 8 maps, 3 x 3 to 16 maps, pooling, linear) on
/// handwritten digits, with different kinds of dropout on its last maps, from the same weights and
/// on the same batches.
///
/// Prints the test errors, and how each kind differs from none, and blocks from single elements,
/// seed by seed. p of blocks is what DropBlock's rate rises to; as blocks overlap, less than that
/// is dropped.
#[derive(Parser)]
#[command(name = "conv_digits")]
struct Options {
    /// Splits and initial weights to train each kind with
    #[arg(long, value_name = "N", default_value_t = 20)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=1_000))]
    seeds: u64,
    /// Times that each network sees its digits
    #[arg(long, value_name = "N", default_value_t = 40)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=10_000))]
    epochs: u32,
    /// Digits to train on, of 1797; the others are tested on
    #[arg(long, value_name = "N", default_value_t = 500)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=1_700))]
    train: u16,
    /// Train nothing: compare gradients with finite differences
    #[arg(long)]
    check_gradients: bool,
}

fn main() -> ExitCode {
    let Options { seeds, epochs, train, check_gradients } = Options::parse();
    let digits = Digits::load();
    if check_gradients {
        return gradients::check(&digits, &REGULARISERS);
    }
    let train = train.into();
    println!(
        "Training on {train} digits, test on the other {}; {seeds} seeds, {epochs} epochs.\n",
        digits.len() - train
    );
    let plans: Vec<_> =
        REGULARISERS.iter().flat_map(|r| (1..=seeds).map(move |seed| (*r, seed))).collect();
    let errors: Vec<_> = plans
        .into_par_iter()
        .map(|(regulariser, seed)| test_error(&digits, train, epochs, regulariser, seed))
        .collect();

    print_report(&errors.chunks(seeds as usize).collect::<Vec<_>>());
    ExitCode::SUCCESS
}

/// `errors` holds those of each regulariser, seed by seed.
fn print_report(errors: &[&[f64]]) {
    println!("test error, %   mean   s.e.");
    for (regulariser, errors) in REGULARISERS.iter().zip(errors) {
        let error = Estimate::of(errors);
        let standard_error = error.standard_error.unwrap_or(f64::NAN);
        println!("{:<13}{:>7.2}{standard_error:>7.2}", name(*regulariser), error.mean);
    }

    let against_none = (1..REGULARISERS.len()).map(|i| (i, 0));
    let plain = |rate| REGULARISERS.iter().position(|r| *r == Some((Kind::Plain, rate)));
    let against_plain = REGULARISERS.iter().enumerate().filter_map(|(i, r)| match *r {
        Some((Kind::Block, rate)) => Some((i, plain(rate)?)),
        _ => None,
    });
    let pairs: Vec<_> = against_none.chain(against_plain).collect();
    let change = |&(i, j): &(usize, usize)| {
        Estimate::of(&errors[i].iter().zip(errors[j]).map(|(a, b)| a - b).collect::<Vec<_>>())
    };
    let changes: Vec<_> = pairs.iter().map(change).collect();
    // Without a p-value there is nothing to tell apart.
    let adjusted = holm(&changes.iter().map(|c| c.p_value().unwrap_or(1.0)).collect::<Vec<_>>());
    println!("\ndifference, points           mean   95 % interval    paired t-test");
    for ((&(i, j), change), p) in pairs.iter().zip(&changes).zip(adjusted) {
        print!("{:<11} - {:<11}", name(REGULARISERS[i]), name(REGULARISERS[j]));
        print!("{:>+8.2}", change.mean);
        if let Some(half) = change.half_interval() {
            print!("   {:+.2} to {:+.2}   p = {p:.1e}", change.mean - half, change.mean + half);
        }
        println!();
    }
    println!("p after Holm's correction for all {} tests; each interval by itself.", changes.len());
}

fn name(regulariser: Regulariser) -> String {
    regulariser.map_or("none".into(), |(kind, rate)| {
        format!("{:<8}{:.1}", format!("{kind:?}").to_lowercase(), rate.p())
    })
}

/// The test error in percent after training. Masks have a generator of their own, so networks of
/// one seed see the same batches.
fn test_error(
    digits: &Digits,
    train: usize,
    epochs: u32,
    regulariser: Regulariser,
    seed: u64,
) -> f64 {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    let (train, test) = digits.split(train, &mut rng);
    let mut network = Network::new(&mut rng);
    let mut velocity = Network::zero();
    let mut order: Vec<_> = (0..train.len()).collect();
    let steps = epochs * order.chunks(BATCH).len() as u32;
    let mut dropper = Dropper::new(regulariser, seed, steps);
    let mut learning_rate = LEARNING_RATE;
    let mut step = 0;
    for _ in 0..epochs {
        shuffle(&mut order, &mut rng);
        for batch in order.chunks(BATCH) {
            let Digits { pixels, labels } = train.select(batch);
            let activations = network.forward(&pixels, |maps| dropper.forward(maps, step));
            let mut gradient = network.gradient(&pixels, &labels, &activations, &dropper);
            let tensors = network.tensors().into_iter().zip(velocity.tensors());
            for (((_, w), (_, v)), (_, g)) in tensors.zip(gradient.tensors()) {
                for ((w, v), g) in w.iter_mut().zip(v).zip(g) {
                    *v = MOMENTUM * *v + *g;
                    *w -= learning_rate * *v;
                }
            }
            step += 1;
        }
        learning_rate *= LEARNING_RATE_DECAY;
    }
    let output = network.forward(&test.pixels, |_| ()).output;
    let wrong = output.iter().zip(&test.labels).filter(|(row, label)| best(row) != **label).count();
    100.0 * wrong as f64 / test.len() as f64
}

/// The digit of the greatest output.
fn best(row: &[f32; CLASSES]) -> usize {
    (1..CLASSES).fold(0, |best, digit| if row[digit] > row[best] { digit } else { best })
}

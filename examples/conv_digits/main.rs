//! Which dropout for convolutional features: none, of single elements, or of whole maps, in a small convolutional
//! network that reads digits. `cargo run --release --example conv_digits`.

#[path = "../train_digits/digits.rs"]
mod digits;
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
use crate::network::{BATCH, Network};
use crate::regulariser::{Dropper, Kind, Regulariser};
use crate::statistics::Estimate;

const LEARNING_RATE: f32 = 0.05;
const LEARNING_RATE_DECAY: f32 = 0.97;
const MOMENTUM: f32 = 0.9;

/// What is compared; the first is what the others are compared with. A kind of dropout is one line here.
const REGULARISERS: [Regulariser; 7] = [
    None,
    Some((Kind::Plain, drop_rate!(0.1))),
    Some((Kind::Plain, drop_rate!(0.3))),
    Some((Kind::Plain, drop_rate!(0.5))),
    Some((Kind::Spatial, drop_rate!(0.1))),
    Some((Kind::Spatial, drop_rate!(0.3))),
    Some((Kind::Spatial, drop_rate!(0.5))),
];

/// Trains a small convolutional network (3 x 3 to 8 maps, 3 x 3 to 16 maps, pooling, linear) on handwritten digits, with
/// different kinds of dropout on its last maps, from the same weights and on the same batches.
///
/// Prints the test errors, and how each kind differs from none, seed by seed.
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

    println!("test error, %                 difference from none, points");
    println!("dropout      p    mean  s.e.  mean   95 % interval    paired t-test");
    let none = &errors[..seeds as usize];
    for (regulariser, errors) in REGULARISERS.iter().zip(errors.chunks(seeds as usize)) {
        let error = Estimate::of(errors);
        let (kind, p) = regulariser.map_or(("none".into(), String::new()), |(kind, rate)| {
            (format!("{kind:?}").to_lowercase(), format!("{:.1}", rate.p()))
        });
        let standard_error = error.standard_error.unwrap_or(f64::NAN);
        print!("{kind:<10}{p:>4}{:>8.2}{standard_error:>6.2}", error.mean);
        let change: Vec<_> = errors.iter().zip(none).map(|(e, none)| e - none).collect();
        let change = Estimate::of(&change);
        if let (Some(half), Some(p)) = (change.half_interval(), change.p_value()) {
            let (low, high) = (change.mean - half, change.mean + half);
            print!("{:>+7.2}   {low:+.2} to {high:+.2}   p = {p:.1e}", change.mean);
        }
        println!();
    }
    ExitCode::SUCCESS
}

/// The test error in percent after training. Masks have a generator of their own, so networks of one seed see the same batches.
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
    let mut dropper = Dropper::new(regulariser, seed);
    let mut order: Vec<_> = (0..train.len()).collect();
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

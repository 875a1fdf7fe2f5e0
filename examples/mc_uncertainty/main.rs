//! Monte Carlo dropout (Gal and Ghahramani 2016): a network that was trained with dropout is run
//! many times with dropout on, and how far the passes disagree says how much to trust it. Not of
//! everything: turned by more than some 30 degrees most digits are taken for others, and the more
//! they are turned the surer the network is. `cargo run --release --example mc_uncertainty`.

// The data and the network are those of train_digits.
#[path = "../train_digits/digits.rs"]
mod digits;
#[expect(dead_code, reason = "train_digits sums up what was dropped")]
#[path = "../train_digits/masks.rs"]
mod masks;
#[path = "../train_digits/matrix.rs"]
mod matrix;
#[path = "../train_digits/network.rs"]
mod network;
#[path = "../shared/picture.rs"]
mod shared;
#[path = "../train_digits/statistics.rs"]
mod statistics;
#[expect(dead_code, reason = "train_digits asks for checksums")]
#[path = "../train_digits/training.rs"]
mod training;

mod corruption;
mod picture;
mod prediction;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use dropout_kernels::{DropRate, drop_rate};
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::SeedableRng;
use rayon::prelude::*;

use crate::corruption::{CORRUPTIONS, Corruption};
use crate::digits::Digits;
use crate::masks::LAYERS;
use crate::prediction::{Prediction, predict};
use crate::statistics::Estimate;
use crate::training::{Plan, train};

const RATES: [DropRate; LAYERS] = [drop_rate!(0.1), drop_rate!(0.3), drop_rate!(0.3)];
/// As in `train_digits`.
const TRAIN: usize = 500;
const EPOCHS: usize = 150;

/// Trains the network of `train_digits` with dropout on 500 digits, and asks it for the other 1297:
/// clean, and under noise, turned, and with a hole, at several strengths.
///
/// Each digit is run T times with dropout on. Prints the predictive entropy (of the mean of the
/// passes' probabilities), what of it is disagreement between passes (mutual information), and the
/// entropy of one pass without dropout for comparison; draws them.
#[derive(Parser)]
#[command(name = "mc_uncertainty")]
struct Options {
    /// Stochastic passes, T
    #[arg(long, value_name = "T", default_value_t = 100)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=100_000))]
    passes: u32,
    /// Names the split, the weights, the batches, the masks and the corruptions
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// SVG to draw in
    #[arg(long, value_name = "PATH", default_value = "target/mc_uncertainty.svg")]
    picture: PathBuf,
}

/// What the network made of one setting.
struct Row {
    strength: f64,
    predictions: Vec<Prediction>,
}

impl Row {
    fn mean(&self, value: impl Fn(&Prediction) -> f64) -> Estimate {
        Estimate::of(&self.predictions.iter().map(value).collect::<Vec<_>>())
    }

    /// Percent.
    fn error(&self, right: impl Fn(&Prediction) -> bool) -> f64 {
        self.mean(|p| if right(p) { 0.0 } else { 100.0 }).mean
    }

    /// By how much each digit's entropy is above that of the same digit when clean.
    fn rise(&self, clean: &Row) -> Estimate {
        let pairs = self.predictions.iter().zip(&clean.predictions);
        Estimate::of(&pairs.map(|(p, clean)| p.entropy - clean.entropy).collect::<Vec<_>>())
    }
}

fn main() -> ExitCode {
    let Options { passes, seed, picture } = Options::parse();
    if let Err(e) = shared::check(&picture) {
        eprintln!("cannot write the picture to {}: {e}", picture.display());
        return ExitCode::FAILURE;
    }
    let digits = Digits::load();
    let plan = Plan { seed, rates: RATES, epochs: EPOCHS, train: TRAIN, replay: true };
    let network = train(&digits, plan, || ()).network;
    // The same split once more.
    let (_, test) = digits.split(TRAIN, &mut Xoshiro256PlusPlus::seed_from_u64(seed));
    println!(
        "A perceptron trained with dropout on {TRAIN} digits, asked for {} others; {passes} passes; entropies in nats.\n",
        test.len()
    );

    let row = |corruption: &Corruption, strength: f64| Row {
        strength,
        predictions: predict(&network, &corruption.apply(&test, strength, seed), seed, passes),
    };
    let settings: Vec<_> = CORRUPTIONS
        .iter()
        .flat_map(|corruption| corruption.strengths.iter().map(move |s| (corruption, *s)))
        .collect();
    let rows: Vec<_> = settings.into_par_iter().map(|(corruption, s)| row(corruption, s)).collect();
    // Each begins with strength 0, the clean digits.
    let series: Vec<_> = rows.chunk_by(|_, next| next.strength > 0.0).collect();
    print_table(&series);
    print_detection(&rows);
    match picture::draw(&picture, &series) {
        Ok(()) => println!("Picture: {}", picture.display()),
        Err(e) => {
            eprintln!("cannot draw {}: {e}", picture.display());
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn print_table(series: &[&[Row]]) {
    println!(
        "                       error %          predictive  rise over the same digit clean       mutual   entropy of"
    );
    println!(
        "                    T passes    one        entropy  (95 % interval)      paired p   information    one pass"
    );
    for (corruption, rows) in CORRUPTIONS.iter().zip(series) {
        for row in *rows {
            let clean = row.strength == 0.0;
            let name = if clean { "clean".into() } else { corruption.label(row.strength) };
            let rise = if clean { String::new() } else { rise(&row.rise(&rows[0])) };
            println!(
                "{name:<20}{:>8.2}{:>7.2}{:>15.3}  {rise:<32}{:>11.3}{:>12.3}",
                row.error(|p| p.right),
                row.error(|p| p.right_without),
                row.mean(|p| p.entropy).mean,
                row.mean(|p| p.information).mean,
                row.mean(|p| p.entropy_without).mean,
            );
        }
        println!();
    }
}

fn rise(rise: &Estimate) -> String {
    let (Some(half), Some(p)) = (rise.half_interval(), rise.p_value()) else { return "-".into() };
    let p = if p < 1e-12 { "< 1e-12".into() } else { format!("{p:.1e}") };
    format!("{:+.3} ({:+.3} to {:+.3})  {p}", rise.mean, rise.mean - half, rise.mean + half)
}

/// Whether wrong answers have the higher entropy: the probability that a wrong one's is above a
/// right one's, which is 1/2 for a measure that knows nothing (the area under the ROC curve).
fn print_detection(rows: &[Row]) {
    let mut seen = rows.iter().enumerate().filter(|(i, row)| *i == 0 || row.strength > 0.0);
    let predictions: Vec<_> = seen.by_ref().flat_map(|(_, row)| &row.predictions).collect();
    println!(
        "Probability that a wrong answer is less certain than a right one, all settings together:"
    );
    for (name, score) in [
        ("predictive entropy of the passes", (|p| (p.right, p.entropy)) as fn(&Prediction) -> _),
        ("their mutual information", |p| (p.right, p.information)),
        ("entropy of one pass without dropout", |p| (p.right_without, p.entropy_without)),
    ] {
        let mut scored: Vec<(bool, f64)> = predictions.iter().map(|p| score(p)).collect();
        println!("  {name:<38}{:.4}", area_under_curve(&mut scored));
    }
    println!();
}

/// Of pairs of a right and a wrong answer, the share in which the wrong one scores higher; ties
/// count half.
fn area_under_curve(scored: &mut [(bool, f64)]) -> f64 {
    scored.sort_by(|a, b| a.1.total_cmp(&b.1));
    let (mut right_below, mut won, mut wrong) = (0.0, 0.0, 0.0);
    for equal in scored.chunk_by(|a, b| a.1 == b.1) {
        let right = equal.iter().filter(|(right, _)| *right).count() as f64;
        let wrong_here = equal.len() as f64 - right;
        won += wrong_here * (right_below + right / 2.0);
        right_below += right;
        wrong += wrong_here;
    }
    won / (right_below * wrong)
}

//! Trains a recurrent network to read handwritten digits row by row, with the dropouts that were
//! made for such networks, and says what each was worth: `cargo run --release --example
//! recurrent_digits`.

#[path = "../train_digits/digits.rs"]
mod digits;
mod holm;
#[path = "../train_digits/statistics.rs"]
mod statistics;
mod training;

use clap::builder::RangedU64ValueParser;
use clap::{Parser, ValueEnum};
use dropout_kernels::DropRate;
use rayon::prelude::*;

use crate::digits::Digits;
use crate::holm::holm;
use crate::statistics::Estimate;
use crate::training::{HIDDEN, Method, Outcome, Plan, Rates, train};
use dropout_reference::cells::Kind;

/// Trains a recurrent layer of 64 units that reads digits of 8 x 8 pixels as eight rows: without
/// dropout, with masks drawn at each row, with variational masks, with dropout of the candidate
/// update and with zoneout, from the same weights and on the same batches. Tests each on the digits
/// it was not trained on.
#[derive(Parser)]
#[command(name = "recurrent_digits")]
struct Options {
    /// The recurrent layer
    #[arg(long, value_enum, default_value = "lstm")]
    cell: Cell,
    /// Probability that an input is dropped, 0 to 1
    #[arg(long, value_name = "P", default_value = "0.1", value_parser = rate)]
    input_rate: DropRate,
    /// Probability that a recurrent connection or a candidate is dropped, or a unit held back
    #[arg(long, value_name = "P", default_value = "0.25", value_parser = rate)]
    recurrent_rate: DropRate,
    /// Probability that an output of the recurrent layer is dropped
    #[arg(long, value_name = "P", default_value = "0.25", value_parser = rate)]
    output_rate: DropRate,
    /// Networks to train with each method; those of one seed differ in nothing else
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = count(1_000))]
    seeds: usize,
    /// Times that each network sees its digits
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = count(100_000))]
    epochs: usize,
    /// Digits to train on, of 1797; the others are tested on
    #[arg(long, value_name = "N", default_value_t = 300, value_parser = count(1_700))]
    train: usize,
}

#[derive(Clone, Copy, ValueEnum)]
enum Cell {
    Lstm,
    Gru,
}

fn rate(text: &str) -> Result<DropRate, String> {
    let p = text.parse::<f32>().map_err(|e| e.to_string())?;
    DropRate::new(p).map_err(|e| e.to_string())
}

fn count(most: u64) -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(1..=most)
}

fn main() {
    let options = Options::parse();
    let digits = Digits::load();
    let Options { cell, input_rate, recurrent_rate, output_rate, seeds, epochs, train: n } =
        options;
    let (kind, name) = match cell {
        Cell::Lstm => (Kind::Lstm, "An LSTM"),
        Cell::Gru => (Kind::Gru, "A GRU"),
    };
    println!(
        "{name} of {HIDDEN} units reads digits as 8 rows of 8 pixels: training on {n}, test on the other {}; \
         seeds: {seeds}; epochs: {epochs}.\n\
         Rates: input {}, recurrent {}, output {}.\n",
        digits.len() - n,
        input_rate.p() as f32,
        recurrent_rate.p() as f32,
        output_rate.p() as f32,
    );
    let rates = Rates { input: input_rate, recurrent: recurrent_rate, output: output_rate };
    let plan = |i: usize| Plan {
        kind,
        method: Method::ALL[i % Method::ALL.len()],
        rates,
        seed: 1 + (i / Method::ALL.len()) as u64,
        epochs,
        train: n,
    };
    let outcomes: Vec<_> =
        (0..seeds * Method::ALL.len()).into_par_iter().map(|i| train(&digits, plan(i))).collect();
    print_errors(&outcomes);
    print_differences(&outcomes);
}

/// The test errors of one method, seed by seed.
fn tests(outcomes: &[Outcome], method: Method) -> Vec<f64> {
    let ours = |(_, m): &(&Outcome, &Method)| **m == method;
    outcomes.iter().zip(Method::ALL.iter().cycle()).filter(ours).map(|(o, _)| o.test).collect()
}

fn print_errors(outcomes: &[Outcome]) {
    println!("Test error after the last epoch, in percent:\n");
    let line = |name: &str, values: &mut dyn Iterator<Item = String>| {
        let values: String = values.map(|value| format!("{value:>13}")).collect();
        println!("{name:>10}{values}");
    };
    line("seed", &mut Method::ALL.iter().map(|m| m.name().to_string()));
    for (seed, row) in outcomes.chunks(Method::ALL.len()).enumerate() {
        line(&(seed + 1).to_string(), &mut row.iter().map(|o| format!("{:.2}", o.test)));
    }
    let estimates = Method::ALL.map(|m| Estimate::of(&tests(outcomes, m)));
    line("mean", &mut estimates.iter().map(|e| format!("{:.2}", e.mean)));
    let error = |e: &Estimate| e.standard_error.map_or("-".to_string(), |e| format!("{e:.2}"));
    line("std. error", &mut estimates.iter().map(error));
    let train = |m: usize| outcomes.iter().skip(m).step_by(Method::ALL.len()).map(|o| o.train);
    let mean = |m| train(m).sum::<f64>() / train(m).count() as f64;
    line("train", &mut (0..Method::ALL.len()).map(|m| format!("{:.2}", mean(m))));
}

/// Paired over the seeds. They share the digits, so an interval covers the chance of split,
/// weights, batches and masks, and not that of other digits.
fn print_differences(outcomes: &[Outcome]) {
    use Method::{Candidate, Nothing, PerStep, Variational, Zoneout};
    const PAIRS: [(Method, Method); 7] = [
        (PerStep, Nothing),
        (Variational, Nothing),
        (Candidate, Nothing),
        (Zoneout, Nothing),
        (Variational, PerStep),
        (Candidate, PerStep),
        (Zoneout, PerStep),
    ];
    let estimates = PAIRS.map(|(a, b)| {
        let pairs = tests(outcomes, a).into_iter().zip(tests(outcomes, b));
        Estimate::of(&pairs.map(|(a, b)| a - b).collect::<Vec<_>>())
    });
    let p = estimates.each_ref().map(|estimate| estimate.p_value().unwrap_or(1.0));
    let adjusted = holm(&p);

    println!("\nDifferences, paired over the seeds; significant at 5 % for all together (Holm):\n");
    for (i, ((a, b), estimate)) in PAIRS.iter().zip(&estimates).enumerate() {
        let half = estimate.half_interval().map_or("-".to_string(), |h| format!("{h:.2}"));
        println!(
            "{:>12} - {:<8}  {:>+6.2} points, 95 % interval +- {half}, t-test p = {}: {}",
            a.name(),
            b.name(),
            estimate.mean,
            match p[i] {
                p @ ..0.001 => format!("{p:.0e}"),
                p => format!("{p:.3}"),
            },
            if adjusted[i] < 0.05 { "significant" } else { "not significant" },
        );
    }
}

//! What the program prints.

use crate::dropper::{Kept, Method};
use crate::holm::holm;
use crate::masks::LAYERS;
use crate::statistics::Estimate;
use crate::{Kind, Outcome};

/// `outcomes` holds those of each kind, seed by seed.
pub(crate) fn print_errors(outcomes: &[&[Outcome]]) {
    println!("test error, %   mean   s.e.");
    for (kind, outcomes) in Kind::ALL.iter().zip(outcomes) {
        let error = Estimate::of(&outcomes.iter().map(|o| o.error).collect::<Vec<_>>());
        let standard_error = error.standard_error.unwrap_or(f64::NAN);
        println!("{:<13}{:>7.2}{standard_error:>7.2}", kind.name(), error.mean);
    }
}

/// Paired over the seeds. They share the digits, so an interval covers the chance of split,
/// weights, batches and masks, and not that of other digits.
pub(crate) fn print_differences(outcomes: &[&[Outcome]]) {
    use Kind::{Float, FloatDropout, Int8, Int8Dropout};
    use Method::{Fold, Requantise, Stochastic};
    const PAIRS: [(Kind, Kind); 8] = [
        (FloatDropout, Float),
        (Int8Dropout(Fold), Int8),
        (Int8Dropout(Requantise), Int8),
        (Int8Dropout(Stochastic), Int8),
        (Int8Dropout(Requantise), Int8Dropout(Fold)),
        (Int8Dropout(Stochastic), Int8Dropout(Fold)),
        (Int8, Float),
        (Int8Dropout(Fold), FloatDropout),
    ];
    let errors = |kind: Kind| {
        let of_kind = Kind::ALL.iter().zip(outcomes).filter(move |(other, _)| **other == kind);
        of_kind.flat_map(|(_, outcomes)| outcomes.iter().map(|o| o.error))
    };
    let changes = PAIRS
        .map(|(a, b)| errors(a).zip(errors(b)).map(|(a, b)| a - b).collect::<Vec<_>>())
        .map(|changes| Estimate::of(&changes));
    // Without a p-value there is nothing to tell apart.
    let adjusted = holm(&changes.each_ref().map(|change| change.p_value().unwrap_or(1.0)));

    println!("\ndifference, points                mean   95 % interval    paired t-test");
    for (((a, b), change), p) in PAIRS.iter().zip(&changes).zip(adjusted) {
        print!("{:<13} - {:<13}{:>+9.2}", a.name(), b.name(), change.mean);
        if let Some(half) = change.half_interval() {
            let (low, high) = (change.mean - half, change.mean + half);
            print!("   {low:+.2} to {high:+.2}   p = {p:.1e}");
        }
        println!();
    }
    println!("p after Holm's correction for all {} tests; each interval by itself.", PAIRS.len());
}

/// Of all seeds and steps together.
pub(crate) fn print_saturated(outcomes: &[&[Outcome]]) {
    println!("\nsaturated by dropout, % of kept codes above zero");
    println!("{:<13}{:>10}{:>10}{:>10}", "", "input", "hidden 1", "hidden 2");
    for (kind, outcomes) in Kind::ALL.iter().zip(outcomes) {
        if !matches!(kind, Kind::Int8Dropout(_)) {
            continue;
        }
        print!("{:<13}", kind.name());
        for layer in 0..LAYERS {
            let mut sum = Kept::default();
            for Kept { codes, saturated } in outcomes.iter().map(|o| o.kept[layer]) {
                sum.codes += codes;
                sum.saturated += saturated;
            }
            print!("{:>10.3}", 100.0 * sum.saturated as f64 / sum.codes as f64);
        }
        println!();
    }
}

//! What the program prints.

use dropout_kernels::DropRate;

use crate::masks::{Drops, LAYERS};
use crate::statistics::Estimate;
use crate::training::{Outcome, fnv1a};

/// The networks of one seed, the same but for dropout.
pub(crate) struct Pair {
    pub(crate) without: Outcome,
    pub(crate) with: Outcome,
}

/// The test errors after the last epoch, and whether dropout changed them.
///
/// The seeds share the digits, so what the interval covers is the chance of the split, the weights,
/// the batches and the masks, and not that of other digits.
pub(crate) fn print_errors(pairs: &[Pair]) {
    let without: Vec<_> = pairs.iter().map(|pair| pair.without.final_error()).collect();
    let with: Vec<_> = pairs.iter().map(|pair| pair.with.final_error()).collect();
    let change: Vec<_> = with.iter().zip(&without).map(|(with, without)| with - without).collect();

    println!("Test error after the last epoch, in percent:\n");
    println!("            without     with");
    println!("      seed  dropout  dropout  difference");
    for (i, change) in change.iter().enumerate() {
        println!("{:>10}  {:>7.2}  {:>7.2}  {change:>+10.2}", i + 1, without[i], with[i]);
    }
    let [without, with, change] = [without, with, change].map(|values| Estimate::of(&values));
    println!("{:>10}  {:>7.2}  {:>7.2}  {:>+10.2}", "mean", without.mean, with.mean, change.mean);
    let [without, with, error] = [&without, &with, &change]
        .map(|estimate| or_dash(estimate.standard_error, |error| format!("{error:.2}")));
    println!("{:>10}  {without:>7}  {with:>7}  {error:>10}", "std. error");

    let interval = or_dash(change.half_interval(), |half| {
        format!("{:+.2} to {:+.2}", change.mean - half, change.mean + half)
    });
    let p_value = or_dash(change.p_value(), |p| match p {
        ..0.001 => format!("{p:.1e}"),
        _ => format!("{p:.3}"),
    });
    println!("\nDifference {:+.2} points; 95 % confidence interval {interval}", change.mean);
    println!("Paired t-test, two-sided: p = {p_value}\n");
}

/// What the masks of all networks dropped, against what was asked for.
pub(crate) fn print_drops(rates: [DropRate; LAYERS], pairs: &[Pair]) {
    println!("Elements that the masks dropped:\n");
    println!("            p asked  measured    elements  deviation");
    for (layer, name) in ["input", "hidden 1", "hidden 2"].into_iter().enumerate() {
        let mut drops = Drops::default();
        for pair in pairs {
            drops.merge(pair.with.drops[layer]);
        }
        let n = drops.elements as f64;
        let (p, measured) = (rates[layer].p(), drops.dropped as f64 / n);
        let sigma = (p * (1.0 - p) / n).sqrt();
        let deviation = or_dash((sigma > 0.0).then(|| (measured - p) / sigma), |deviation| {
            format!("{deviation:+.1} sigma")
        });
        println!("{name:>10}  {p:>7.5}  {measured:>8.5}  {n:>10}  {deviation:>9}");
    }
    println!();
}

/// One number for all trained weights, to compare two runs by eye.
pub(crate) fn checksum(pairs: &[Pair]) -> u64 {
    let networks = pairs.iter().flat_map(|pair| [&pair.without, &pair.with]);
    fnv1a(networks.flat_map(|outcome| outcome.checksum().to_le_bytes()))
}

/// A run of one seed has no standard error, and a run without any difference no t.
fn or_dash(value: Option<f64>, format: impl Fn(f64) -> String) -> String {
    value.map_or_else(|| "-".into(), format)
}

//! What the program prints.

use dropout_kernels::STREAM_VERSION;

use crate::battery::faults::Fault;
use crate::battery::tail::binomial;
use crate::battery::{Outcome, Plan};

pub(crate) fn setting(plan: &Plan) -> String {
    format!(
        "Masks of stream version {STREAM_VERSION} at p = {} = {:#x} / 2^40; seed {}; {} elements a mask.",
        plan.rate.p(),
        plan.rate.threshold(),
        plan.seed,
        plan.elements
    )
}

/// All tests of a run.
pub(crate) fn p_values(outcomes: &[Outcome]) -> Vec<f64> {
    outcomes.iter().flat_map(|outcome| outcome.tests.iter().map(|test| test.p)).collect()
}

/// A p-value among `tests`, by Bonferroni's rule.
fn among(p: f64, tests: usize) -> f64 {
    (p * tests as f64).min(1.0)
}

fn show(p: f64) -> String {
    match p {
        0.0 => "below 1e-300".into(),
        ..0.001 => format!("{p:.1e}"),
        _ => format!("{p:.3}"),
    }
}

pub(crate) fn print_families(outcomes: &[Outcome]) {
    let all = p_values(outcomes).len();
    println!("family     tests  smallest p  among all  of");
    for outcome in outcomes {
        let Some(worst) = outcome.worst() else {
            println!("{:<9} {:>6}  {:>10}  {:>9}  too few events", outcome.name, 0, "-", "-");
            continue;
        };
        let (p, all) = (show(worst.p), show(among(worst.p, all)));
        let tests = outcome.tests.len();
        println!("{:<9} {tests:>6}  {p:>10}  {all:>9}  {}", outcome.name, worst.what);
    }
}

/// How many p-values there are in each tenth, and in each power of ten below it.
pub(crate) fn print_histogram(outcomes: &[Outcome]) {
    const WIDTH: f64 = 50.0;
    let p = p_values(outcomes);
    let total = p.len() as f64;
    println!(
        "\np-values of all {total} tests. Perfect masks give as many as the | says, but for tests of few events,"
    );
    println!("whose p-values are 1 more often.\n");
    let line = |name: String, from: f64, to: f64, full: f64| {
        let count = p.iter().filter(|p| (from..to).contains(*p)).count();
        let expected = total * (to.min(1.0) - from);
        let column =
            |count: f64| ((count / full * WIDTH).round() as usize).min(WIDTH as usize + 20);
        let mut bar = vec!['#'; column(count as f64)];
        let mark = column(expected);
        bar.resize(bar.len().max(mark + 1), ' ');
        bar[mark] = '|';
        println!("{name:>14} {count:>7} {}", bar.into_iter().collect::<String>());
    };
    for i in 0..10 {
        let (from, to) = (f64::from(i) / 10.0, f64::from(i + 1) / 10.0);
        let name = format!("{from:.1} to {to:.1}");
        line(name, from, if i == 9 { f64::INFINITY } else { to }, total / 10.0);
    }
    for i in [2, 3, 4] {
        let edge = 10f64.powi(-i);
        line(format!("below {edge}"), 0.0, edge, 10.0 * edge * total / 10.0);
    }
}

/// Whether the masks pass.
pub(crate) fn print_verdict(outcomes: &[Outcome], alpha: f64) -> bool {
    let (smallest, tests) = smallest(outcomes);
    let among = among(smallest, tests);
    let passed = among >= alpha;
    println!(
        "\n{}: the smallest of {tests} p-values is {}, among all of them {}, and alpha is {alpha}.",
        if passed { "Passed" } else { "REFUSED" },
        show(smallest),
        show(among),
    );
    passed
}

fn smallest(outcomes: &[Outcome]) -> (f64, usize) {
    let p = p_values(outcomes);
    (p.iter().copied().fold(1.0, f64::min), p.len())
}

/// A line for a seed. Returns its smallest p-value among all.
pub(crate) fn print_seed(seed: u64, outcomes: &[Outcome]) -> f64 {
    let (smallest, tests) = smallest(outcomes);
    let of = outcomes.iter().filter_map(|outcome| Some((outcome.name, outcome.worst()?)));
    let (family, worst) = of.min_by(|(_, a), (_, b)| a.p.total_cmp(&b.p)).expect("a test");
    let among = among(smallest, tests);
    println!("seed {seed}: {} among {tests}: {family}, {}", show(among), worst.what);
    among
}

/// Whether so many alarms in `seeds` runs are what `alpha` allows.
pub(crate) fn print_alarms(alarms: u64, seeds: u64, alpha: f64) -> bool {
    let more = binomial(alarms, seeds, alpha);
    let passed = more > 1e-6 || (alarms as f64) < alpha * seeds as f64;
    println!(
        "\n{alarms} of {seeds} seeds below {alpha}; {:.1} expected at most.",
        alpha * seeds as f64
    );
    passed
}

pub(crate) fn print_fault_heading() {
    println!(
        "fault          what is wrong                       families  smallest p    in        of"
    );
}

/// A line for a fault: how many families refuse it, and the clearest of them. Returns whether any
/// does.
pub(crate) fn print_fault(fault: &Fault, outcomes: &[Outcome], alpha: f64) -> bool {
    let tests = p_values(outcomes).len();
    let worst = |outcome: &Outcome| outcome.worst().map_or(1.0, |worst| worst.p);
    let refuses = |outcome: &&Outcome| among(worst(outcome), tests) < alpha;
    let names: Vec<_> = outcomes.iter().filter(refuses).map(|outcome| outcome.name).collect();
    // That which was made for it, though others may see it as well.
    let made = outcomes.iter().find(|outcome| outcome.name == fault.family);
    let test = made.and_then(Outcome::worst).expect("a test of the family");
    println!(
        "{:<14} {:<35} {:>8}  {:>12}  {:<9} {}",
        fault.name,
        fault.what,
        names.len(),
        show(test.p),
        fault.family,
        test.what
    );
    names.contains(&fault.family)
}

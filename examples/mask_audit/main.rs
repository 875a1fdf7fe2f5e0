//! Audits the masks of a drop rate with the battery of `tests/statistics.rs`, or writes them for
//! another battery: `cargo run --release --example mask_audit -- 0.1`.

#[path = "../../tests/support/battery/mod.rs"]
mod battery;
mod picture;
mod raw;
mod report;
#[expect(dead_code, reason = "other pictures have more colours")]
#[path = "../shared/picture.rs"]
mod shared;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::builder::RangedU64ValueParser;
use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use dropout_kernels::{DropRate, MaskRng};

use crate::battery::faults::FAULTS;
use crate::battery::{Outcome, Plan, run};

/// Tests whether masks drop each element with probability P, independently of all others: at P, and
/// at rates of its own for the ways in which masks are made. Prints every family of tests with its
/// smallest p-value and draws all.
#[derive(Parser)]
#[command(name = "mask_audit")]
struct Options {
    /// Probability that an element is dropped, above 0 and below 1, read as an f32
    #[arg(value_parser = rate, allow_negative_numbers = true)]
    p: DropRate,
    /// Elements of the mask that most tests look at, rounded up to a multiple of 512
    #[arg(long, value_name = "N", default_value_t = 1 << 24)]
    #[arg(value_parser = RangedU64ValueParser::<usize>::new().range(1 << 14..=1 << 30))]
    elements: usize,
    /// Seed of all that is drawn, but for the tests of neighbouring seeds
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Seeds to audit, one after the other: how often is a smallest p-value below alpha?
    #[arg(long, value_name = "N", default_value_t = 1)]
    #[arg(value_parser = RangedU64ValueParser::<u64>::new().range(1..=1_000_000))]
    seeds: u64,
    /// Probability that a perfect stream is refused, shared by all tests (Bonferroni)
    #[arg(long, default_value_t = 0.001, value_parser = alpha)]
    alpha: f64,
    /// Audit generators with planted faults instead, each of which has to be refused
    #[arg(long, conflicts_with = "seeds")]
    planted: bool,
    /// SVG to draw the p-values in
    #[arg(long, value_name = "PATH", default_value = "target/mask_audit.svg")]
    picture: PathBuf,
    /// Test nothing: write BYTES of masks to the standard output, without end if not given
    #[arg(long, value_name = "BYTES", num_args = 0..=1, conflicts_with = "planted")]
    raw: Option<Option<u64>>,
    /// With --raw: fair bits, by von Neumann's method from pairs of elements
    #[arg(long, requires = "raw")]
    recode: bool,
}

fn rate(text: &str) -> Result<DropRate, String> {
    let p = text.parse::<f32>().map_err(|e| e.to_string())?;
    let rate = DropRate::new(p).map_err(|e| e.to_string())?;
    if rate == DropRate::ZERO || rate == DropRate::ONE {
        return Err(format!(
            "expected a rate above 0 and below 1: nothing is drawn at {}",
            rate.p()
        ));
    }
    Ok(rate)
}

fn alpha(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(alpha) if 0.0 < alpha && alpha < 1.0 => Ok(alpha),
        Ok(alpha) => Err(format!("expected a probability above 0 and below 1, got {alpha}")),
        Err(e) => Err(e.to_string()),
    }
}

fn main() -> ExitCode {
    let options = Options::parse();
    let plan = plan(&options, options.seed);
    if let Some(bytes) = options.raw {
        let written = raw::write(options.p, (options.seed, 0), bytes, options.recode);
        written.unwrap_or_else(|e| fail(&format!("cannot write masks: {e}")));
        return ExitCode::SUCCESS;
    }
    println!("{}\n", report::setting(&plan));
    let passed = if options.planted {
        planted(&plan, options.alpha)
    } else if options.seeds > 1 {
        many(&options)
    } else {
        audit(&options, &plan)
    };
    if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn plan(options: &Options, seed: u64) -> Plan {
    let elements = options.elements.next_multiple_of(512);
    Plan { rate: options.p, seed, elements, grid: 1 << 18, extreme: 1 << 28 }
}

fn fail(message: &str) -> ! {
    Options::command().error(ErrorKind::Io, message).exit()
}

fn audit(options: &Options, plan: &Plan) -> bool {
    if let Err(e) = shared::check(&options.picture) {
        fail(&format!("cannot write the picture to {}: {e}", options.picture.display()));
    }
    let start = Instant::now();
    let outcomes = run::<MaskRng>(plan);
    report::print_families(&outcomes);
    report::print_histogram(&outcomes);
    let passed = report::print_verdict(&outcomes, options.alpha);
    println!("It took {:.1} s.", start.elapsed().as_secs_f64());
    if let Err(e) = picture::draw(&options.picture, plan, &outcomes, options.alpha) {
        fail(&format!("cannot draw {}: {e}", options.picture.display()));
    }
    println!("All p-values: {}", options.picture.display());
    passed
}

/// The false-alarm rate, measured. More alarms than a binomial law allows are a failure.
fn many(options: &Options) -> bool {
    let mut alarms = 0;
    for i in 0..options.seeds {
        let seed = options.seed.wrapping_add(i);
        let outcomes = run::<MaskRng>(&plan(options, seed));
        alarms += u64::from(report::print_seed(seed, &outcomes) < options.alpha);
    }
    report::print_alarms(alarms, options.seeds, options.alpha)
}

/// Whether each fault is refused.
fn planted(plan: &Plan, alpha: f64) -> bool {
    report::print_fault_heading();
    let refused = |outcomes: &[Outcome], fault| report::print_fault(fault, outcomes, alpha);
    FAULTS.iter().map(|fault| refused(&(fault.run)(plan), fault)).fold(true, |all, one| all & one)
}

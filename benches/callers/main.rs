//! What a caller's optimisation level costs: builds `program` in each profile, runs all in turn,
//! and prints nanoseconds per element and their ratio to a program that is compiled at level 3.
//!
//!     cargo bench --bench callers [-- --rounds 9]

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Parser;

#[derive(Parser)]
struct Arguments {
    /// How often each program is run.
    #[arg(long, default_value_t = 9, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Cargo passes this.
    #[arg(long, hide = true)]
    bench: bool,
}

/// Settings of this crate alone, as README shows them.
const PACKAGE: [&str; 1] = ["opt-level=3"];
const PACKAGE_IN_DEV: [&str; 3] =
    ["opt-level=3", "debug-assertions=false", "overflow-checks=false"];

/// What the table says, cargo's profile, the level of all, and the settings of this crate.
const ROWS: [(&str, &str, &str, &[&str]); 8] = [
    ("all at 3", "release", "3", &[]),
    ("caller at 2, this crate at 3", "release", "2", &PACKAGE),
    ("caller at s, this crate at 3", "release", "\"s\"", &PACKAGE),
    ("caller at 1, this crate at 3", "release", "1", &PACKAGE),
    ("all at s", "release", "\"s\"", &[]),
    ("all at 1", "release", "1", &[]),
    ("dev, this crate at 3 without checks", "dev", "0", &PACKAGE_IN_DEV),
    ("dev, this crate at 3", "dev", "0", &PACKAGE),
];

fn main() {
    let arguments = Arguments::parse();
    let programs: Vec<PathBuf> =
        ROWS.iter().enumerate().map(|(i, row)| build(i, row.1, row.2, row.3)).collect();
    let mut times = vec![[Vec::new(), Vec::new()]; ROWS.len()];
    for _ in 0..arguments.rounds {
        for (program, times) in programs.iter().zip(&mut times) {
            for (time, times) in run(program).into_iter().zip(times) {
                times.push(time);
            }
        }
    }
    let medians: Vec<[f64; 2]> = times.into_iter().map(|both| both.map(median)).collect();
    println!(
        "{:<37} {:>9} {:>9} {:>8} {:>8}",
        "ns per element; over all at 3", "forward", "backward", "", ""
    );
    for ((name, ..), [forward, backward]) in ROWS.iter().zip(&medians) {
        let [over_forward, over_backward] = [forward / medians[0][0], backward / medians[0][1]];
        println!(
            "{name:<37} {forward:>9.4} {backward:>9.4} {over_forward:>8.2} {over_backward:>8.2}"
        );
    }
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn build(row: usize, profile: &str, level: &str, package: &[&str]) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let target = root.join(format!("target/callers/{row}"));
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--quiet", "--profile", profile, "--manifest-path"]);
    cargo.arg(root.join("benches/callers/program/Cargo.toml")).arg("--target-dir").arg(&target);
    cargo.arg("--config").arg(format!("profile.{profile}.opt-level={level}"));
    for setting in package {
        cargo.arg("--config").arg(format!("profile.{profile}.package.dropout-kernels.{setting}"));
    }
    assert!(cargo.status().expect("cargo runs").success(), "cannot build {:?}", ROWS[row].0);
    target.join(if profile == "dev" { "debug" } else { profile }).join("caller")
}

/// Forward and backward.
fn run(program: &Path) -> [f64; 2] {
    let output = Command::new(program).output().expect("the program runs");
    let text = String::from_utf8(output.stdout).expect("text");
    let mut numbers = text.split_whitespace().map(|word| word.parse().expect("a number"));
    [(); 2].map(|()| numbers.next().expect("two numbers"))
}

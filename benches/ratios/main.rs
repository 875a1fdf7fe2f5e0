//! Ours against the floors and against what users write, interleaved in one run:
//! `cargo bench --bench ratios`.
//!
//! Prints a line for each goal with its ratio and whether it holds, and writes all medians as CSV
//! and a picture of nanoseconds an element over the size. Takes three quarters of a minute.
//! Options: a directory for the two files, `target/ratios` if none is given.
#![expect(unreachable_pub, reason = "a program, not a library")]

#[path = "../contenders.rs"]
mod contenders;
mod goals;
mod measure;
mod picture;
#[path = "../support/mod.rs"]
#[expect(unsafe_code, reason = "the call edge of the floors' vector versions")]
mod support;
mod types;

use std::error::Error;
use std::path::PathBuf;
use std::{env, fs};

use measure::Table;

fn main() -> Result<(), Box<dyn Error>> {
    // Cargo passes `--bench`.
    let directory = env::args().skip(1).find(|a| !a.starts_with('-'));
    let directory = PathBuf::from(directory.unwrap_or_else(|| "target/ratios".into()));
    fs::create_dir_all(&directory)?;

    let table = Table::measure();
    goals::print(&table);
    types::print();
    fs::write(directory.join("ratios.csv"), table.csv())?;
    picture::draw(&directory.join("ratios.svg"), &table)?;
    println!("\nAll medians: {0}/ratios.csv; over the size: {0}/ratios.svg", directory.display());
    Ok(())
}

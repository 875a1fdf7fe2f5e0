//! What dropout costs elsewhere, measured beside `dropout-kernels`: README.md says how to run it
//! and what to beware of.

mod careful;
mod contender;
mod floors;
#[cfg(feature = "frameworks")]
mod frameworks;
mod measure;
mod naive;
mod ours;
#[path = "../../support/mod.rs"]
#[allow(dead_code, reason = "the other benches use the rest")]
mod support;
mod table;
mod vectors;

use std::error::Error;
use std::{env, fs};

use contender::Contender;
use measure::{Budget, Cell};

const RATES: [f32; 2] = [0.1, 0.5];
const SIZES: [usize; 4] = [4 << 10, 16 << 10, 256 << 10, 4 << 20];

/// What the command line asks for.
struct Options {
    csv: Option<String>,
    budget: Budget,
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = options()?;
    let contenders = contenders();
    announce(&options.budget);

    let mut cells = Vec::new();
    for p in RATES {
        for n in SIZES {
            eprint!("\rp = {p}, {n} elements ...          ");
            cells.push(measure::cell(&contenders, n, p, &options.budget));
        }
    }
    eprintln!();
    report(&contenders, &cells, options.csv.as_deref())
}

fn options() -> Result<Options, String> {
    let mut options = Options { csv: None, budget: Budget::FULL };
    for argument in env::args().skip(1) {
        match argument.as_str() {
            "--quick" => options.budget = Budget::QUICK,
            unknown if unknown.starts_with('-') => {
                return Err(format!("{unknown}: usage: peers [--quick] [CSV]"));
            }
            path if options.csv.is_none() => options.csv = Some(path.to_owned()),
            more => return Err(format!("{more}: one CSV file is enough")),
        }
    }
    Ok(options)
}

/// All of them, in the order of the table.
fn contenders() -> Vec<Contender> {
    let mut all = floors::contenders();
    all.extend(ours::contenders());
    all.extend(naive::contenders());
    all.extend(careful::contenders());
    #[cfg(feature = "frameworks")]
    all.extend(frameworks::contenders());
    all
}

/// What a reader must know to judge the figures, and what is missing from them.
fn announce(budget: &Budget) {
    println!("training forward, f32, one thread: median ns per element");
    println!("at most {} rounds; compiled for {}", budget.rounds, vectors::compiled_for());
    println!("this machine runs {}", vectors::runs());
    println!("ours is the {} backend", dropout_kernels::Backend::detect().name());
    if !careful::HAS_SIMD_RAND {
        println!("left out: simd_rand, which needs -Ctarget-cpu=native (see README.md)");
    }
    if cfg!(not(feature = "frameworks")) {
        println!("left out: candle and burn, which need --features frameworks");
    }
}

fn report(
    contenders: &[Contender],
    cells: &[Cell],
    csv: Option<&str>,
) -> Result<(), Box<dyn Error>> {
    for p in RATES {
        let cells: Vec<_> = cells.iter().filter(|cell| cell.p == p).collect();
        println!("\n{}", table::text(contenders, &cells));
    }
    if let Some(path) = csv {
        fs::write(path, table::csv(contenders, cells))?;
    }
    Ok(())
}

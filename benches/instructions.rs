//! Instructions an element, counted by valgrind: the same every run, whatever else the machine
//! does.
//!
//! `cargo bench --bench instructions` prints the table; with `-- --check` it compares with
//! `benches/instructions.csv` and fails where a count has grown by more than 3 %; `-- --save`
//! writes that file. Valgrind knows no AVX-512, so that backend is not here. The counts are those
//! of one compiler: the first line names it.

#[allow(dead_code, reason = "ours are counted, nothing else")]
mod contenders;
#[allow(dead_code, unsafe_code, reason = "the call edge of the floors, which are not counted")]
mod support;

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write;
use std::process::{Command, ExitCode};
use std::{env, fs};

use contenders::{Buffers, Filled};
use dropout_kernels::{Backend, Element};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/instructions.csv");
const KERNELS: [&str; 4] =
    ["fill", "forward_in_place", "backward_in_place", "forward_in_place_by_key"];
const RATES: [f32; 2] = [0.1, 0.5];
const SIZES: [usize; 2] = [64, 4096];

/// The other element types, each with kernels of its own, at one rate and of one size.
const TYPES: [&str; 5] = ["f64", "f16", "bf16", "i16", "i8"];
const OF_TYPES: [&str; 3] = ["forward_in_place", "backward_in_place", "classic_backward_in_place"];

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let arguments: Vec<_> = env::args().skip(1).filter(|a| a != "--bench").collect();
    if let [run, job @ ..] = &arguments[..]
        && run == "run"
    {
        // Under valgrind: one kernel, so often.
        work(job)?;
        return Ok(ExitCode::SUCCESS);
    }
    if Command::new("valgrind").arg("--version").output().is_err() {
        println!("valgrind is not installed (Debian's package is `valgrind`)");
        return Ok(ExitCode::FAILURE);
    }
    let table = measure()?;
    print!("{table}");
    match arguments.first().map(String::as_str) {
        Some("--save") => fs::write(FILE, table)?,
        Some("--check") => return compare(&fs::read_to_string(FILE)?, &table),
        _ => {}
    }
    Ok(ExitCode::SUCCESS)
}

/// A line for each case: its name and its instructions an element.
fn measure() -> Result<String, Box<dyn Error>> {
    let compiler = Command::new("rustc").arg("-V").output()?.stdout;
    let mut table = String::from_utf8(compiler)?;
    for name in Backend::available().map(Backend::name).filter(|name| *name != "avx512") {
        for kernel in KERNELS {
            for p in RATES {
                for n in SIZES {
                    let case = [name, kernel, &p.to_string(), &n.to_string()].map(String::from);
                    writeln!(table, "{},{:.3}", case.join(","), instructions(&case, n)?)?;
                }
            }
        }
        for element in TYPES {
            for kernel in OF_TYPES {
                let case = [name, &format!("{kernel}:{element}"), "0.1", "4096"].map(String::from);
                writeln!(table, "{},{:.3}", case.join(","), instructions(&case, 4096)?)?;
            }
        }
    }
    Ok(table)
}

/// From the difference of two runs, so that starting a process does not count.
fn instructions(case: &[String], n: usize) -> Result<f64, Box<dyn Error>> {
    // Enough calls for the rare tie to come as often as it should.
    let calls = 200_000 / n;
    let (less, more) = (count(case, calls)?, count(case, 2 * calls)?);
    Ok((more - less) as f64 / (calls * n) as f64)
}

fn count(case: &[String], calls: usize) -> Result<u64, Box<dyn Error>> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(env::current_exe()?)
        .arg("run")
        .args(case)
        .arg(calls.to_string())
        .output()?;
    let text = String::from_utf8_lossy(&output.stderr);
    let line = text.lines().find_map(|line| line.split_once("Collected :"));
    let (_, count) = line.ok_or_else(|| format!("valgrind counted nothing:\n{text}"))?;
    Ok(count.trim().parse()?)
}

fn work(job: &[String]) -> Result<(), Box<dyn Error>> {
    let [_, kernel, ..] = job else { return Err("run: five arguments".into()) };
    let (kernel, element) = kernel.split_once(':').unwrap_or((kernel, "f32"));
    match element {
        "f64" => work_on::<f64>(kernel, job),
        "f16" => work_on::<half::f16>(kernel, job),
        "bf16" => work_on::<half::bf16>(kernel, job),
        "i16" => work_on::<i16>(kernel, job),
        "i8" => work_on::<i8>(kernel, job),
        _ => work_on::<f32>(kernel, job),
    }
}

fn work_on<T: Element + Filled>(kernel: &str, job: &[String]) -> Result<(), Box<dyn Error>> {
    let [backend, _, p, n, calls] = job else { return Err("run: five arguments".into()) };
    let backend = Backend::ALL.iter().find(|b| b.name() == backend).ok_or("no such backend")?;
    let mut ours = contenders::ours::<T>(*backend, p.parse()?).into_iter();
    let mut contender = ours.find(|c| c.name == kernel).ok_or("no such kernel")?;
    let mut buffers = Buffers::new(n.parse()?, 0);
    for _ in 0..calls.parse()? {
        (contender.run)(&mut buffers);
    }
    Ok(())
}

fn compare(before: &str, now: &str) -> Result<ExitCode, Box<dyn Error>> {
    if before.lines().next() != now.lines().next() {
        println!("SKIPPED: the saved counts are another compiler's");
        return Ok(ExitCode::SUCCESS);
    }
    let before = counts(before)?;
    let mut grown = 0;
    for (case, now) in counts(now)? {
        let before = before.get(case).ok_or_else(|| format!("no saved count of {case}: --save"))?;
        if now > 1.03 * before {
            println!("grown: {case}, from {before} to {now}");
            grown += 1;
        }
    }
    println!("{grown} counts have grown by more than 3 %");
    Ok(if grown == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The counts of a table by the names of their cases. The first line, the compiler, has no comma.
fn counts(table: &str) -> Result<BTreeMap<&str, f64>, Box<dyn Error>> {
    let cases = table.lines().filter_map(|line| line.rsplit_once(','));
    cases.map(|(case, count)| Ok((case, count.parse()?))).collect()
}

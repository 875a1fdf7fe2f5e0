//! Prints keep masks as words, to compare an implementation of the mask stream in another language
//! or on another processor with this one, bit for bit.

use std::io::{self, BufWriter, ErrorKind, Write, stdout};
use std::process::ExitCode;

use clap::Parser;
use dropout_kernels::{DropRate, MaskMut, MaskRng, mask_words};

/// Prints the keep mask of N elements as 32-bit hexadecimal words, eight to a line, and the number
/// of elements kept. Element i is bit i % 32 of word i / 32; 1 = keep.
#[derive(Parser)]
#[command(name = "mask_words")]
struct Options {
    /// Seed of the stream, decimal or 0x...
    #[arg(value_parser = number)]
    seed: u64,
    /// Stream of that seed, decimal or 0x...
    #[arg(value_parser = number)]
    stream: u64,
    /// Probability that an element is dropped, 0 to 1, read as an f32
    #[arg(value_parser = rate, allow_negative_numbers = true)]
    p: DropRate,
    /// Elements
    #[arg(value_parser = elements)]
    n: usize,
    /// Masks to draw, one after the other, from one generator
    #[arg(long, default_value_t = 1)]
    calls: usize,
}

fn number(text: &str) -> Result<u64, String> {
    match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => text.parse(),
    }
    .map_err(|e| format!("expected a number below 2^64, decimal or 0x and hexadecimal: {e}"))
}

fn rate(text: &str) -> Result<DropRate, String> {
    let p = text.parse::<f32>().map_err(|e| e.to_string())?;
    DropRate::new(p).map_err(|e| e.to_string())
}

/// The mask is held in memory, and a slip of a few digits should not ask for terabytes.
fn elements(text: &str) -> Result<usize, String> {
    const MOST: usize = 1 << 32;
    let n = text.parse::<usize>().map_err(|e| e.to_string())?;
    if n <= MOST { Ok(n) } else { Err(format!("expected at most {MOST} elements, got {n}")) }
}

fn main() -> ExitCode {
    match print(&Options::parse(), &mut BufWriter::new(stdout().lock())) {
        // Whoever reads may have seen enough.
        Err(e) if e.kind() != ErrorKind::BrokenPipe => {
            eprintln!("cannot print: {e}");
            ExitCode::FAILURE
        }
        _ => ExitCode::SUCCESS,
    }
}

fn print(options: &Options, out: &mut impl Write) -> io::Result<()> {
    let &Options { seed, stream, p, n, calls } = options;
    let mut rng = MaskRng::new(seed, stream);
    let mut words = vec![0; mask_words(n)];
    for _ in 0..calls {
        let mut mask = MaskMut::new(&mut words, n).expect("as many words as n elements have");
        rng.fill(p, mask.reborrow());
        let kept = mask.as_ref().count_kept();
        for line in words.chunks(8) {
            let line: Vec<_> = line.iter().map(|word| format!("{word:08x}")).collect();
            writeln!(out, "{}", line.join(" "))?;
        }
        writeln!(out, "kept {kept} of {n}")?;
    }
    out.flush()
}

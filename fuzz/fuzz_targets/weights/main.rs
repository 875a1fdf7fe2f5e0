#![no_main]
//! What drops weights, on every backend: DropConnect against its formulas, with the order of additions that is promised,
//! and embedding dropout, in which all occurrences of a word share a bit.

mod connect;
mod embedding;

use arbitrary::Arbitrary;
use dropout_kernels::{Classic, DropConnect, DropRate, Inverted};
use dropout_kernels_fuzz::exact::{Exact, assert_alike};
use dropout_kernels_fuzz::input::{Length, Misfit, Rate, Values, Words};
use dropout_kernels_fuzz::support::formula::Formula;
use dropout_kernels_fuzz::support::number::Number;
use dropout_kernels_fuzz::support::reference::Reference;
use libfuzzer_sys::fuzz_target;

const ONE: u64 = 1 << 40;

#[derive(Arbitrary, Debug)]
struct Input {
    double: bool,
    classic: bool,
    rate: Rate,
    at: (u64, u64),
    values: Values,
    words: Words,
    misfit: Misfit,
    way: connect::Way,
    offset: u8,
    /// Rows and columns.
    extents: [Length; 2],
    batch: u8,
    /// Words that are looked up.
    text: Option<[u8; 6]>,
}

fuzz_target!(|input: Input| match (input.double, input.classic) {
    (false, false) => check::<f32, Inverted>(&input),
    (false, true) => check::<f32, Classic>(&input),
    (true, false) => check::<f64, Inverted>(&input),
    (true, true) => check::<f64, Classic>(&input),
});

/// A DropConnect or an embedding of the same rate and rule.
trait Connects: Formula {
    fn connect(rate: DropRate, rows: usize, columns: usize) -> DropConnect<Self>;
}

impl Connects for Inverted {
    fn connect(rate: DropRate, rows: usize, columns: usize) -> DropConnect<Self> {
        DropConnect::new(rate, rows, columns).expect("a small shape")
    }
}

impl Connects for Classic {
    fn connect(rate: DropRate, rows: usize, columns: usize) -> DropConnect<Self> {
        DropConnect::classic(rate, rows, columns).expect("a small shape")
    }
}

fn check<T: Number, R: Connects>(input: &Input) {
    let start = Reference::new(input.at.0, input.at.1);
    let rate = input.rate.get(&start);
    match input.text {
        Some(text) => embedding::check::<T, R>(input, text, start, rate),
        None => connect::check::<T, R>(input, start, rate),
    }
}

/// Some 1600 elements at most, for speed.
const MOST: usize = 1600;

/// Rows and columns, one of which is short.
fn extents(input: &Input) -> [usize; 2] {
    let [rows, columns] = input.extents.map(Length::get);
    let short = |short: usize, long: usize| (short % 4).min(MOST / long.max(1));
    if rows < columns { [short(rows, columns), columns] } else { [rows, short(columns, rows)] }
}

/// A slice that a way has written, or that it had to leave alone.
fn compare<T: Number>(given: &mut Exact<T>, wanted: &[T], told: impl std::fmt::Debug) {
    assert_alike(given.slice(), wanted, false, &told);
    assert!(given.intact(|a, b| a.bits() == b.bits()), "{told:?}: before the slice");
}

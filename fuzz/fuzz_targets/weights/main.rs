#![no_main]
//! What drops weights, on every backend: DropConnect against its formulas, with the order of
//! additions that is promised, and embedding dropout, in which all occurrences of a word share a
//! bit.

use arbitrary::Arbitrary;
use dropout_kernels::{Classic, DropRate, Inverted};
use dropout_kernels_fuzz::by_type;
use dropout_kernels_fuzz::input::{Length, Rate, Values};
use dropout_kernels_fuzz::reference::number::{Floating, Number};
use dropout_kernels_fuzz::reference::rules::Of;
use dropout_kernels_fuzz::reference::stream::Reference;
use dropout_kernels_fuzz::reference::variants::{Connects, Weights, Words};
use dropout_kernels_fuzz::variant::{self, Call};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Input {
    kind: u8,
    classic: bool,
    rate: Rate,
    values: Values,
    call: Call,
    /// Rows and columns.
    extents: [Length; 2],
    batch: u8,
    /// Words that are looked up.
    text: Option<[u8; 6]>,
}

fuzz_target!(|input: Input| if input.classic {
    by_type!(input.kind, classic, classic_words, &input);
} else {
    by_type!(input.kind, inverted, inverted_words, &input);
});

fn inverted<T: Floating>(input: &Input) {
    check::<T, Inverted>(input);
}

fn classic<T: Floating>(input: &Input) {
    check::<T, Classic>(input);
}

fn inverted_words<T: Number>(input: &Input) {
    words::<T, Inverted>(input);
}

fn classic_words<T: Number>(input: &Input) {
    words::<T, Classic>(input);
}

/// Some 1600 elements at most, for speed.
const MOST: usize = 1600;

fn check<T: Floating, R: Connects + Of<T>>(input: &Input) {
    if input.text.is_some() {
        return words::<T, R>(input);
    }
    let [rows, columns] = extents(input);
    let batch = usize::from(input.batch % 4).min((MOST / (rows * columns).max(1)).max(1));
    let layer = Weights::<R>::new(rate(input), rows, columns, batch);
    variant::check::<T>(layer, input.values, &input.call);
}

fn rate(input: &Input) -> DropRate {
    input.rate.get(&Reference::new(input.call.at.0, input.call.at.1))
}

/// Looked up.
fn words<T: Number, R: Of<T>>(input: &Input) {
    let [rows, columns] = extents(input);
    // Now and then one that is no row.
    let index = |i: &u8| if *i == 255 { rows + 1 } else { usize::from(*i) % rows.max(1) };
    let text = &input.text.unwrap_or_default()[..usize::from(input.batch % 7)];
    let text = text.iter().map(|i| index(i) as u32).collect();
    let words = Words::<R>::of_text(rate(input), rows, columns, text);
    variant::check::<T>(words, input.values, &input.call);
}

/// Rows and columns, one of which is short.
fn extents(input: &Input) -> [usize; 2] {
    let [rows, columns] = input.extents.map(Length::get);
    let short = |short: usize, long: usize| (short % 4).min(MOST / long.max(1));
    if rows < columns { [short(rows, columns), columns] } else { [rows, short(columns, rows)] }
}

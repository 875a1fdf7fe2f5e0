#![no_main]
//! What drops weights, on every backend: DropConnect against its formulas, with the order of
//! additions that is promised, and embedding dropout, in which all occurrences of a word share a
//! bit.

use arbitrary::Arbitrary;
use dropout_kernels::{Classic, Inverted};
use dropout_kernels_fuzz::input::{Length, Rate, Values};
use dropout_kernels_fuzz::reference::number::Number;
use dropout_kernels_fuzz::reference::stream::Reference;
use dropout_kernels_fuzz::reference::variants::{Connects, Weights, Words};
use dropout_kernels_fuzz::variant::{self, Call};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Input {
    double: bool,
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

fuzz_target!(|input: Input| match (input.double, input.classic) {
    (false, false) => check::<f32, Inverted>(&input),
    (false, true) => check::<f32, Classic>(&input),
    (true, false) => check::<f64, Inverted>(&input),
    (true, true) => check::<f64, Classic>(&input),
});

/// Some 1600 elements at most, for speed.
const MOST: usize = 1600;

fn check<T: Number, R: Connects>(input: &Input) {
    let rate = input.rate.get(&Reference::new(input.call.at.0, input.call.at.1));
    let [rows, columns] = extents(input);
    if let Some(text) = input.text {
        // Now and then one that is no row.
        let index = |i: &u8| if *i == 255 { rows + 1 } else { usize::from(*i) % rows.max(1) };
        let text = text[..usize::from(input.batch % 7)].iter().map(|i| index(i) as u32).collect();
        let words = Words::<R>::of_text(rate, rows, columns, text);
        variant::check::<T>(words, input.values, &input.call);
    } else {
        let batch = usize::from(input.batch % 4).min((MOST / (rows * columns).max(1)).max(1));
        let layer = Weights::<R>::new(rate, rows, columns, batch);
        variant::check::<T>(layer, input.values, &input.call);
    }
}

/// Rows and columns, one of which is short.
fn extents(input: &Input) -> [usize; 2] {
    let [rows, columns] = input.extents.map(Length::get);
    let short = |short: usize, long: usize| (short % 4).min(MOST / long.max(1));
    if rows < columns { [short(rows, columns), columns] } else { [rows, short(columns, rows)] }
}

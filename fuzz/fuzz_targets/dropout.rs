#![no_main]
//! Dropout of every rule, in every way, on every backend and for both element types, against the
//! formulas.

use arbitrary::Arbitrary;
use dropout_kernels::{Alpha, Classic, DropKey, Inverted};
use dropout_kernels_fuzz::input::{Length, Rate, Values};
use dropout_kernels_fuzz::reference::number::Number;
use dropout_kernels_fuzz::reference::rules::Formula;
use dropout_kernels_fuzz::reference::stream::Reference;
use dropout_kernels_fuzz::reference::variants::{Arrays, Plain};
use dropout_kernels_fuzz::variant::{self, Call};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Input {
    rule: u8,
    double: bool,
    array: bool,
    rate: Rate,
    length: Length,
    values: Values,
    call: Call,
}

fuzz_target!(|input: Input| if input.double {
    by_rule::<f64>(&input);
} else {
    by_rule::<f32>(&input);
});

fn by_rule<T: Number>(input: &Input) {
    match input.rule % 4 {
        0 => check::<T, Inverted>(input),
        1 => check::<T, Classic>(input),
        2 => check::<T, Alpha>(input),
        _ => check::<T, DropKey>(input),
    }
}

fn check<T: Number, R: Formula>(input: &Input) {
    let Input { array, rate, length, values, call, .. } = input;
    let dropout = R::dropout(rate.get(&Reference::new(call.at.0, call.at.1)));
    if *array {
        variant::check::<T>(Arrays(dropout), *values, call);
    } else {
        variant::check::<T>(Plain { dropout, n: length.get() }, *values, call);
    }
}

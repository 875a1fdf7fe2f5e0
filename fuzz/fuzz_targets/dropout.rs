#![no_main]
//! Dropout of every rule, in every way, on every backend and for all element types, against the
//! formulas.

use arbitrary::Arbitrary;
use dropout_kernels::{Alpha, Classic, DropKey, DropRate, Integer, Inverted, ZeroPoint};
use dropout_kernels_fuzz::by_type;
use dropout_kernels_fuzz::input::{Length, Rate, Values};
use dropout_kernels_fuzz::reference::number::{Clamped, Floating, Number};
use dropout_kernels_fuzz::reference::rules::Of;
use dropout_kernels_fuzz::reference::stream::Reference;
use dropout_kernels_fuzz::reference::variants::{Arrays, Plain, Rounded};
use dropout_kernels_fuzz::variant::{self, Call};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Input {
    rule: u8,
    kind: u8,
    array: bool,
    rate: Rate,
    length: Length,
    values: Values,
    call: Call,
}

fuzz_target!(|input: Input| match (input.kind % 6, input.rule % 8) {
    (4, 6) => check::<i8, ZeroPoint<Inverted>>(&input),
    (4, 7) => check::<i8, ZeroPoint<Classic>>(&input),
    (kind, _) => by_type!(kind, by_rule, of_integers, &input),
});

fn by_rule<T: Floating>(input: &Input) {
    match input.rule % 4 {
        0 => check::<T, Inverted>(input),
        1 => check::<T, Classic>(input),
        2 => check::<T, Alpha>(input),
        _ => check::<T, DropKey>(input),
    }
}

fn of_integers<T: Clamped + Integer>(input: &Input) {
    match input.rule % 3 {
        0 => check::<T, Inverted>(input),
        1 => check::<T, Classic>(input),
        _ => {
            let rounded = Rounded::new(rate(input), input.length.get());
            variant::check::<T>(rounded, input.values, &input.call);
        }
    }
}

fn rate(Input { rate, call, .. }: &Input) -> DropRate {
    rate.get(&Reference::new(call.at.0, call.at.1))
}

fn check<T: Number, R: Of<T>>(input: &Input) {
    let Input { array, length, values, call, .. } = input;
    let dropout = R::dropout(rate(input));
    if *array {
        variant::check::<T>(Arrays(dropout), *values, call);
    } else {
        variant::check::<T>(Plain { dropout, n: length.get() }, *values, call);
    }
}

#![no_main]
//! Dropout of every rule, in every way, on every backend and for both element types, against the formulas.

use arbitrary::Arbitrary;
use dropout_kernels::{Alpha, Classic, DropKey, DropRate, Inverted};
use dropout_kernels_fuzz::input::{Length, Rate, Values};
use dropout_kernels_fuzz::support::formula::Formula;
use dropout_kernels_fuzz::support::number::Number;
use dropout_kernels_fuzz::support::reference::Reference;
use dropout_kernels_fuzz::variant::{Arrays, Call, N, Trial, Way};
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
    let Input { rate, length, values, call, .. } = input;
    let start = Reference::new(call.at.0, call.at.1);
    let rate = rate.get(&start);
    let (t, n) = (rate.threshold(), if input.array { N } else { length.get() });
    let trial = Trial {
        call,
        start: &start,
        values: *values,
        elements: n,
        bits: n,
        keeps_all: rate == DropRate::ZERO,
        copies: R::COPIES,
    };
    let expected = |way: Way, keep: &[bool], x: &[T]| {
        let kept = keep.iter().zip(x);
        match way {
            Way::Infer => x.iter().map(|x| R::inferred(t, *x)).collect(),
            way if way.is_gradient() => kept.map(|(keep, x)| R::dx(t, *keep, *x)).collect(),
            _ => kept.map(|(keep, x)| R::y(t, *keep, *x)).collect(),
        }
    };
    let draw = |r: &mut Reference| r.mask(t, n);
    let dropout = |backend| R::dropout(rate).with_backend(backend);
    if input.array {
        trial.check(|backend| Arrays(dropout(backend)), draw, expected);
    } else {
        trial.check(dropout, draw, expected);
    }
}

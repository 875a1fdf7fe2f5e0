#![no_main]
//! What recurrent layers drop or hold, on every backend: zoneout in all its ways against its formulas, and locked masks,
//! one or three at a time, against those of the stream.

mod locked;
mod zoneout;

use arbitrary::Arbitrary;
use dropout_kernels::{Alpha, Classic, DropKey, Inverted};
use dropout_kernels_fuzz::input::{Length, Misfit, Rate, Values, Words};
use dropout_kernels_fuzz::support::zoneout::Blended;
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Input {
    double: bool,
    rates: [Rate; 3],
    at: (u64, u64),
    values: Values,
    misfit: Misfit,
    offset: u8,
    what: What,
}

#[derive(Arbitrary, Debug)]
enum What {
    Zoneout { way: u8, length: Length, words: Words },
    Locked { rule: u8, units: [Length; 3], batches: [u8; 2], gradient: bool, in_place: bool },
}

fuzz_target!(|input: Input| if input.double {
    check::<f64>(&input);
} else {
    check::<f32>(&input);
});

fn check<T: Blended>(input: &Input) {
    match input.what {
        What::Zoneout { way, length, words } => {
            zoneout::check::<T>(input, way, length.get(), words)
        }
        What::Locked { rule: 0..64, .. } => locked::check::<T, Classic>(input),
        What::Locked { rule: 64..128, .. } => locked::check::<T, Alpha>(input),
        What::Locked { rule: 128..192, .. } => locked::check::<T, DropKey>(input),
        What::Locked { .. } => locked::check::<T, Inverted>(input),
    }
}

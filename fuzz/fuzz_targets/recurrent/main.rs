#![no_main]
//! What recurrent layers drop or hold, on every backend: zoneout in all its ways against its
//! formulas, and locked masks, one or three at a time, against those of the stream.

mod locked;

use arbitrary::Arbitrary;
use dropout_kernels::{Alpha, Classic, DropKey, Inverted, Zoneout};
use dropout_kernels_fuzz::by_type;
use dropout_kernels_fuzz::input::{Length, Misfit, Rate, Values};
use dropout_kernels_fuzz::reference::number::{Floating, Number};
use dropout_kernels_fuzz::reference::stream::Reference;
use dropout_kernels_fuzz::reference::variants::Zones;
use dropout_kernels_fuzz::variant::{self, Call};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Input {
    kind: u8,
    rates: [Rate; 3],
    at: (u64, u64),
    values: Values,
    misfit: Misfit,
    what: What,
}

#[derive(Arbitrary, Debug)]
enum What {
    Zoneout { length: Length, call: Call },
    Locked { rule: u8, units: [Length; 3], batches: [u8; 2], gradient: bool, in_place: bool },
}

fuzz_target!(|input: Input| by_type!(input.kind, floats, check, &input));

fn floats<T: Floating>(input: &Input) {
    match input.what {
        What::Locked { rule: 64..128, .. } => locked::check::<T, Alpha>(input),
        What::Locked { rule: 128..192, .. } => locked::check::<T, DropKey>(input),
        _ => check::<T>(input),
    }
}

fn check<T: Number>(input: &Input) {
    match input.what {
        What::Zoneout { length, ref call } => {
            let rate = input.rates[0].get(&Reference::new(call.at.0, call.at.1));
            let zones = Zones { zoneout: Zoneout::new(rate), n: length.get() };
            variant::check::<T>(zones, input.values, call);
        }
        What::Locked { rule: 0..64, .. } => locked::check::<T, Classic>(input),
        What::Locked { .. } => locked::check::<T, Inverted>(input),
    }
}

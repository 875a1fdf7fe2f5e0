#![no_main]
//! Noise: Gaussian dropout in every way, on every backend, against docs/GAUSSIAN.md; and Monte
//! Carlo passes against sums in two passes, and against what holds for outputs of any bits.

mod monte_carlo;

use arbitrary::Arbitrary;
use dropout_kernels::{DropRate, GaussianDropout};
use dropout_kernels_fuzz::input::{Length, Rate, Values};
use dropout_kernels_fuzz::reference::number::Floating;
use dropout_kernels_fuzz::reference::stream::Reference;
use dropout_kernels_fuzz::reference::variants::Noise;
use dropout_kernels_fuzz::variant::{self, Call};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Input {
    kind: u8,
    values: Values,
    what: What,
}

#[derive(Arbitrary, Debug)]
enum What {
    Gaussian { rate: Rate, length: Length, call: Call },
    Passes(monte_carlo::Passes),
}

fuzz_target!(|input: Input| match &input.what {
    What::Gaussian { rate, length, call } => {
        let of = match input.kind % 4 {
            0 => gaussian::<f32>,
            1 => gaussian::<f64>,
            2 => gaussian::<half::f16>,
            _ => gaussian::<half::bf16>,
        };
        of(input.values, *rate, *length, call);
    }
    What::Passes(how) if input.kind.is_multiple_of(2) =>
        monte_carlo::check::<f32>(input.values, how),
    What::Passes(how) => monte_carlo::check::<f64>(input.values, how),
});

fn gaussian<T: Floating>(values: Values, rate: Rate, length: Length, call: &Call) {
    let start = Reference::new(call.at.0, call.at.1);
    let (rate, n) = (rate.get(&start), length.get());
    let Ok(noise) = GaussianDropout::new(rate) else {
        assert_eq!(rate, DropRate::ONE);
        return;
    };
    variant::check::<T>(Noise { noise, n }, values, call);
}

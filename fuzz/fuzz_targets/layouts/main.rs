#![no_main]
//! Dropout over any layout, heads of attention and paths, on every backend, against the definition:
//! each mask bit written out for all of its elements.

mod constructors;

use arbitrary::Arbitrary;
use dropout_kernels::{Alpha, Classic, DropKey, DropRate, Inverted, ZeroPoint};
use dropout_kernels_fuzz::by_type;
use dropout_kernels_fuzz::input::{Length, Rate, Values};
use dropout_kernels_fuzz::reference::number::{Floating, Number};
use dropout_kernels_fuzz::reference::rules::Of;
use dropout_kernels_fuzz::reference::stream::Reference;
use dropout_kernels_fuzz::reference::variants::{Heads, Over, Paths};
use dropout_kernels_fuzz::variant::{self, Call};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Input {
    what: What,
    kind: u8,
    rate: Rate,
    values: Values,
    extents: Extents,
    call: Call,
}

#[derive(Arbitrary, Debug)]
enum What {
    Inverted,
    Classic,
    Alpha,
    DropKey,
    Heads,
    Path { classic: bool },
    Constructors([usize; 5]),
}

/// Small extents, of which one may be any length.
#[derive(Arbitrary, Debug)]
struct Extents {
    small: [u8; 4],
    long: u8,
    length: Length,
}

impl Extents {
    fn get(&self) -> [usize; 4] {
        let mut extents = self.small.map(|extent| usize::from(extent % 5));
        if let Some(extent) = extents.get_mut(usize::from(self.long % 5)) {
            *extent = self.length.get();
        }
        // At most some 2000 elements, for speed.
        for i in 0..4 {
            while extents.iter().map(|e| (*e).max(1)).product::<usize>() > 2000 && extents[i] > 1 {
                extents[i] /= 2;
            }
        }
        extents
    }
}

fuzz_target!(|input: Input| by_type!(input.kind, floats, integers, &input));

fn floats<T: Floating>(input: &Input) {
    match input.what {
        What::Alpha => over::<T, Alpha>(input),
        What::DropKey => over::<T, DropKey>(input),
        _ => check::<T>(input),
    }
}

fn integers<T: Number>(input: &Input) {
    match input.what {
        What::Alpha => over::<i8, ZeroPoint<Inverted>>(input),
        What::DropKey => over::<i8, ZeroPoint<Classic>>(input),
        _ => check::<T>(input),
    }
}

fn check<T: Number>(input: &Input) {
    match input.what {
        What::Classic => over::<T, Classic>(input),
        What::Heads => {
            let heads = Heads::new(rate(input), input.extents.get());
            variant::check::<T>(heads, input.values, &input.call);
        }
        What::Path { classic: true } => path::<T, Classic>(input),
        What::Path { .. } => path::<T, Inverted>(input),
        What::Constructors(extents) => constructors::check(extents),
        _ => over::<T, Inverted>(input),
    }
}

fn rate(input: &Input) -> DropRate {
    input.rate.get(&Reference::new(input.call.at.0, input.call.at.1))
}

fn over<T: Number, R: Of<T>>(input: &Input) {
    let over = Over::<R>::new(rate(input), input.extents.get());
    variant::check::<T>(over, input.values, &input.call);
}

/// Of one sample it is a path of the whole batch.
fn path<T: Number, R: Of<T>>(input: &Input) {
    let [_, _, batch, elements] = input.extents.get();
    let path = Paths::<R>::new(rate(input), batch, elements);
    variant::check::<T>(path, input.values, &input.call);
}

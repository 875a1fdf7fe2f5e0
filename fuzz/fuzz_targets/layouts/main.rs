#![no_main]
//! Dropout over any layout, heads of attention and paths, on every backend, against the definition: each mask bit
//! written out for all of its elements.

mod constructors;
mod path;

use arbitrary::Arbitrary;
use dropout_kernels::{Alpha, Classic, DropHead, DropKey, DropRate, Inverted, Layout};
use dropout_kernels_fuzz::input::{Length, Misfit, Rate, Values, Words};
use dropout_kernels_fuzz::support::formula::Formula;
use dropout_kernels_fuzz::support::layouts::{heads, spread};
use dropout_kernels_fuzz::support::number::Number;
use dropout_kernels_fuzz::support::reference::Reference;
use dropout_kernels_fuzz::variant::{Call, Trial, Way};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Input {
    what: What,
    double: bool,
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
    Path { classic: bool, whole: bool, words: Words, misfits: [Misfit; 2] },
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

fuzz_target!(|input: Input| if input.double {
    check::<f64>(&input);
} else {
    check::<f32>(&input);
});

fn check<T: Number>(input: &Input) {
    match input.what {
        What::Inverted => structured::<T, Inverted>(input),
        What::Classic => structured::<T, Classic>(input),
        What::Alpha => structured::<T, Alpha>(input),
        What::DropKey => structured::<T, DropKey>(input),
        What::Heads => drop_head::<T>(input),
        What::Path { classic: true, .. } => path::check::<T, Classic>(input),
        What::Path { .. } => path::check::<T, Inverted>(input),
        What::Constructors(extents) => constructors::check(extents),
    }
}

fn trial<'a>(
    input: &'a Input,
    start: &'a Reference,
    extents: [usize; 4],
    rate: DropRate,
) -> Trial<'a> {
    Trial {
        call: &input.call,
        start,
        values: input.values,
        elements: extents.iter().product(),
        bits: extents[0] * extents[2],
        keeps_all: rate == DropRate::ZERO,
        copies: false,
    }
}

fn structured<T: Number, R: Formula>(input: &Input) {
    let start = Reference::new(input.call.at.0, input.call.at.1);
    let (rate, extents) = (input.rate.get(&start), input.extents.get());
    let [groups, repeat, width, run] = extents;
    let layout = Layout::new(groups, repeat, width, run).expect("a small shape");
    let (t, trial) = (rate.threshold(), trial(input, &start, extents, rate));
    assert_eq!((layout.elements(), layout.mask_bits()), (trial.elements, trial.bits));
    let expected = |way: Way, keep: &[bool], x: &[T]| {
        let of = if way.is_gradient() { R::dx } else { R::y };
        spread(extents, keep).iter().zip(x).map(|(keep, x)| of(t, *keep, *x)).collect()
    };
    Trial { copies: R::COPIES, ..trial }.check(
        |backend| R::dropout(rate).with_backend(backend).over(layout),
        |r| r.mask(t, groups * width),
        expected,
    );
}

fn drop_head<T: Number>(input: &Input) {
    let start = Reference::new(input.call.at.0, input.call.at.1);
    let (rate, extents) = (input.rate.get(&start), input.extents.get());
    let [batch, tokens, count, dimension] = extents;
    let drop_head =
        DropHead::tokens_first(rate, batch, tokens, count, dimension).expect("a small shape");
    trial(input, &start, extents, rate).check(
        |backend| drop_head.with_backend(backend),
        |r| r.mask(rate.threshold(), batch * count),
        |_, keep, x: &[T]| heads(extents, keep, x),
    );
}

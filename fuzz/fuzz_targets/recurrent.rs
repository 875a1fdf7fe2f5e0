#![no_main]
//! What recurrent layers drop or hold, on every backend: zoneout in all its ways against its formulas, and locked masks,
//! one or three at a time, against those of the stream.

use arbitrary::Arbitrary;
use dropout_kernels::{
    Alpha, Backend, Classic, DropKey, DropRate, Inverted, LockedDropout, MaskMut, MaskRng,
    ShapeError, VariationalDropout, Zoneout, mask_words,
};
use dropout_kernels_fuzz::exact::{Exact, assert_alike};
use dropout_kernels_fuzz::input::{Length, Misfit, Rate, Values, Words, flags};
use dropout_kernels_fuzz::support::formula::Formula;
use dropout_kernels_fuzz::support::number::Number;
use dropout_kernels_fuzz::support::reference::{Reference, pack};
use dropout_kernels_fuzz::support::zoneout::{Blended, Leaves, Masks, Named, expected, ways};
use libfuzzer_sys::fuzz_target;

/// Words of a locked mask.
const WORDS: usize = 20;

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
        What::Zoneout { way, length, words } => zoneout::<T>(input, way, length.get(), words),
        What::Locked { rule: 0..64, .. } => locked::<T, Classic>(input),
        What::Locked { rule: 64..128, .. } => locked::<T, Alpha>(input),
        What::Locked { rule: 128..192, .. } => locked::<T, DropKey>(input),
        What::Locked { .. } => locked::<T, Inverted>(input),
    }
}

/// The three ways after the thirteen of the tests are inference.
fn zoneout<T: Blended>(input: &Input, way: u8, n: usize, words: Words) {
    let start = Reference::new(input.at.0, input.at.1);
    let rate = input.rates[0].get(&start);
    let t = rate.threshold();
    let named = ways::<T>().into_iter().nth(usize::from(way) % 16);
    let inference = (usize::from(way) % 16).saturating_sub(13);
    let (leaves, masks) = match &named {
        Some(Named { leaves, masks, .. }) => (*leaves, *masks),
        None => (Leaves::State([2, 0, 1][inference]), Masks::Replayed),
    };
    // In place the third slice has no part, nor the mask in what takes none.
    let lengths = input.misfit.among([n; 4]);
    let third = matches!(leaves, Leaves::State(2) | Leaves::Gradient(2));
    let fits = lengths[0] == n
        && lengths[1] == n
        && (lengths[2] == n || !third)
        && (lengths[3] == n || masks == Masks::Replayed);

    let before = [0, 1, 2].map(|i| input.values.others(i).get::<T>(lengths[i as usize]));
    let words = words.get(mask_words(lengths[3]));
    let (mut after, mut words_after, mut moved) = (before.clone(), words.clone(), start.clone());
    if fits && named.is_none() {
        let Leaves::State(at) = leaves else { unreachable!("inference leaves a state") };
        after[at] = before[0].iter().zip(&before[1]).map(|(p, n)| blend(t, *p, *n)).collect();
    } else if fits {
        let drawn = moved.mask(t, n);
        let keep = match masks {
            Masks::Brought => flags(&words, n),
            _ => drawn,
        };
        // Slices that have no part may be of any length.
        let part = [0, 1, 2].map(|i| if i < 2 || third { before[i].clone() } else { vec![] });
        let whole = expected(leaves, &keep, &part);
        after =
            [0, 1, 2].map(|i| if i < 2 || third { whole[i].clone() } else { before[i].clone() });
        if masks == Masks::Stored {
            words_after = pack(&keep);
        } else {
            moved = start.clone();
        }
    }
    for backend in Backend::available() {
        let zoneout = Zoneout::new(rate).with_backend(backend);
        let offset = usize::from(input.offset % 16);
        let [mut a, mut b, mut c] = [0, 1, 2].map(|i| Exact::new(&before[i], offset, T::GUARD));
        let mut mask = Exact::new(&words, offset, 0xDEAD_BEEF);
        let mut rng = MaskRng::new(input.at.0, input.at.1);
        let result = match &named {
            Some(Named { way, .. }) => {
                let mask = MaskMut::new(mask.slice(), lengths[3]).expect("its words");
                way(&zoneout, [a.slice(), b.slice(), c.slice()], mask, &mut rng, input.at)
            }
            None => match leaves {
                Leaves::State(0) => zoneout.infer_into_prev(a.slice(), b.slice()),
                Leaves::State(1) => zoneout.infer_into_new(a.slice(), b.slice()),
                _ => zoneout.infer(a.slice(), b.slice(), c.slice()),
            },
        };
        let told = (backend, leaves, masks, named.is_none());
        assert_eq!(result.is_ok(), fits, "{told:?} {result:?}");
        for (given, wanted) in [&mut a, &mut b, &mut c].into_iter().zip(&after) {
            assert_alike(given.slice(), wanted, named.is_some() || !fits, told);
            assert!(given.intact(|a, b| a.bits() == b.bits()), "{told:?}");
        }
        assert_eq!(mask.slice(), words_after, "{told:?}");
        assert!(mask.intact(|a, b| a == b) && rng.to_bytes() == moved.to_bytes(), "{told:?}");
    }
}

fn blend<T: Blended>(t: u64, prev: T, new: T) -> T {
    match t {
        0 => new,
        0x100_0000_0000 => prev,
        _ => T::blend(t, prev, new),
    }
}

fn locked<T: Number, R: Formula>(input: &Input) {
    let What::Locked { units, batches, gradient, in_place, .. } = &input.what else { return };
    let units = units.map(Length::get);
    let mut reference = Reference::new(input.at.0, input.at.1);
    let rates = input.rates.map(|rate| rate.get(&reference));
    let of = |i: usize, backend| {
        LockedDropout::<WORDS, R>::new(R::dropout(rates[i]).with_backend(backend), units[i])
    };
    for backend in Backend::available() {
        reference = Reference::new(input.at.0, input.at.1);
        let mut rng = MaskRng::new(input.at.0, input.at.1);
        let mut alone = of(0, backend);
        let mut three = VariationalDropout {
            input: of(0, backend),
            recurrent: of(1, backend),
            output: of(2, backend),
        };
        step::<T, R>(input, &alone, rates[0], &[], *gradient, *in_place);
        // Masks that are drawn stay where the next ones do not fit.
        let mut keep: [Vec<bool>; 4] = Default::default();
        for batch in batches.map(|batch| usize::from(batch % 8)) {
            draw(alone.draw(batch, &mut rng), batch, &[units[0]], |_| {
                keep[3] = reference.mask(rates[0].threshold(), batch * units[0]);
            });
            draw(three.draw(batch, &mut rng), batch, &units, |i| {
                keep[i] = reference.mask(rates[i].threshold(), batch * units[i]);
            });
            let VariationalDropout { input: first, recurrent, output } = &three;
            for (i, locked) in [first, recurrent, output, &alone].into_iter().enumerate() {
                assert!(locked.mask().iter().eq(keep[i].iter().copied()), "{backend:?} {i}");
            }
            assert!(rng.to_bytes() == reference.to_bytes(), "{backend:?}");
        }
        step::<T, R>(input, &three.output, rates[2], &keep[2], *gradient, *in_place);
    }
}

/// What was drawn is as it should be, mask by mask, or there are too few words for one of them.
fn draw(
    result: Result<(), ShapeError>,
    batch: usize,
    units: &[usize],
    mut drawn: impl FnMut(usize),
) {
    let fits = units.iter().all(|units| mask_words(batch * units) <= WORDS);
    assert_eq!(result.is_ok(), fits, "{result:?}");
    if fits {
        (0..units.len()).for_each(&mut drawn);
    }
}

/// A step by the mask of the sequence.
fn step<T: Number, R: Formula>(
    input: &Input,
    locked: &LockedDropout<WORDS, R>,
    rate: DropRate,
    keep: &[bool],
    gradient: bool,
    in_place: bool,
) {
    let [x_len, y_len] = input.misfit.among([keep.len(); 2]);
    let fits = (in_place || x_len == keep.len()) && y_len == keep.len();
    let x = input.values.get::<T>(if in_place { y_len } else { x_len });
    let before = if in_place { x.clone() } else { vec![T::GUARD; y_len] };
    let mut wanted = before.clone();
    if fits {
        let of = if gradient { R::dx } else { R::y };
        wanted = keep.iter().zip(&x).map(|(k, x)| of(rate.threshold(), *k, *x)).collect();
    }
    let mut x = Exact::new(&x, 0, T::GUARD);
    let mut target = Exact::new(&before, 0, T::GUARD);
    let result = match (gradient, in_place) {
        (false, false) => locked.forward(x.slice(), target.slice()),
        (false, true) => locked.forward_in_place(target.slice()),
        (true, false) => locked.backward(x.slice(), target.slice()),
        (true, true) => locked.backward_in_place(target.slice()),
    };
    assert_eq!(result.is_ok(), fits, "{result:?}");
    assert_alike(target.slice(), &wanted, R::COPIES || !fits, rate);
}

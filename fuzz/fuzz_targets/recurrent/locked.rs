//! Masks of a sequence, of one connection and of three.

use dropout_kernels::{
    Backend, DropRate, LockedDropout, MaskRng, ShapeError, VariationalDropout, mask_words,
};
use dropout_kernels_fuzz::input::Length;
use dropout_kernels_fuzz::reference::guarded::Guarded;
use dropout_kernels_fuzz::reference::number::Number;
use dropout_kernels_fuzz::reference::rules::Of;
use dropout_kernels_fuzz::reference::stream::Reference;
use dropout_kernels_fuzz::reference::suite::assert_alike;

use super::{Input, What};

/// Words of a locked mask.
const WORDS: usize = 20;

pub fn check<T: Number, R: Of<T>>(input: &Input) {
    let What::Locked { units, batches, gradient, in_place, .. } = &input.what else { return };
    let units = units.map(Length::get);
    let mut reference = Reference::new(input.at.0, input.at.1);
    let rates = input.rates.map(|rate| rate.get(&reference));
    let of = |i: usize, backend| {
        LockedDropout::new(R::dropout(rates[i]).with_backend(backend), units[i], [0; WORDS])
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
fn step<T: Number, R: Of<T>>(
    input: &Input,
    locked: &LockedDropout<[u32; WORDS], R>,
    rate: DropRate,
    keep: &[bool],
    gradient: bool,
    in_place: bool,
) {
    let [x_len, y_len] = input.misfit.among([keep.len(); 2]);
    let some = y_len <= keep.len() && y_len.is_multiple_of(locked.units());
    let fits = (in_place || x_len == y_len) && some;
    let x = input.values.get::<T>(if in_place { y_len } else { x_len });
    let before = if in_place { x.clone() } else { vec![T::GUARD; y_len] };
    let mut wanted = before.clone();
    if fits {
        let of = if gradient { R::dx } else { R::y };
        // What was drawn at p = 0 keeps all, and nothing is computed.
        wanted = if rate == DropRate::ZERO {
            x.clone()
        } else {
            keep.iter().zip(&x).map(|(k, x)| of(rate.threshold(), *k, *x)).collect()
        };
    }
    let mut x = Guarded::exact(&x, 0, T::GUARD);
    let mut target = Guarded::exact(&before, 0, T::GUARD);
    let result = match (gradient, in_place) {
        (false, false) => locked.forward(x.slice(), target.slice()),
        (false, true) => locked.forward_in_place(target.slice()),
        (true, false) => locked.backward(x.slice(), target.slice()),
        (true, true) => locked.backward_in_place(target.slice()),
    };
    assert_eq!(result.is_ok(), fits, "{result:?}");
    assert_alike(target.slice(), &wanted, R::COPIES || rate == DropRate::ZERO || !fits, || rate);
}

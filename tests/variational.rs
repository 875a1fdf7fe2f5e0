//! Variational dropout a step at a time: each step against `Dropout` with the same mask, all of
//! them against one call over the whole sequence, the order in which masks are drawn, and every
//! error.

use dropout_kernels::{
    DropRate, Dropout, Layout, LockedDropout, MaskKey, MaskMut, MaskRng, ShapeError,
    VariationalDropout, drop_rate, mask_words,
};
use dropout_reference::number::{Number, bits};
use dropout_reference::stream::{Reference, pack};
use dropout_reference::variants::LOCKED_SHAPES as SHAPES;

const SEED: u64 = 23;
const STREAM: u64 = 2;

const WORDS: usize = mask_words(1025);

#[test]
fn steps_one_by_one_are_the_whole_sequence_at_once() {
    const STEPS: usize = 6;
    for (batch, units) in SHAPES {
        let dropout = Dropout::new(drop_rate!(0.3));
        let layout = Layout::time_major(STEPS, batch, units).expect("a small shape");
        let x = f32::ramp(STEPS * batch * units);
        let mut whole = x.clone();
        dropout
            .over(layout)
            .forward_in_place(&mut whole, MaskKey::new(SEED, STREAM))
            .expect("its shape");

        let mut locked = LockedDropout::new(dropout, units, [0; WORDS]);
        locked.draw(batch, &mut MaskRng::new(SEED, STREAM)).expect("WORDS hold it");
        let mut steps = x.clone();
        for step in steps.chunks_mut((batch * units).max(1)) {
            locked.forward_in_place(step).expect("the drawn batch");
        }
        assert_eq!(bits(&steps), bits(&whole), "{batch} {units}");

        // Without any mask in memory: the same (seed, stream) at each step.
        let mut replayed = x;
        for step in replayed.chunks_mut((batch * units).max(1)) {
            dropout.forward_in_place(step, MaskKey::new(SEED, STREAM)).expect("any length");
        }
        assert_eq!(bits(&replayed), bits(&whole), "{batch} {units}");
    }
}

type Three = VariationalDropout<[u32; 2], [u32; 3], [u32; 4]>;

fn three(rates: [DropRate; 3]) -> Three {
    let [input, recurrent, output] = rates.map(Dropout::new);
    VariationalDropout {
        input: LockedDropout::new(input, 8, [0; 2]),
        recurrent: LockedDropout::new(recurrent, 12, [0; 3]),
        output: LockedDropout::new(output, 16, [0; 4]),
    }
}

/// Input, recurrent, output, each as `MaskRng::fill` draws it.
#[test]
fn masks_are_drawn_in_the_order_that_is_documented() {
    let rates = [drop_rate!(0.1), drop_rate!(0.5), drop_rate!(0.3)];
    let mut variational = three(rates);
    let (mut rng, mut other) = (MaskRng::new(SEED, STREAM), MaskRng::new(SEED, STREAM));
    // The batch may change from draw to draw.
    for batch in [8, 1, 5, 0, 8] {
        variational.draw(batch, &mut rng).expect("it fits");
        let VariationalDropout { input, recurrent, output } = &variational;
        let places = [(input.mask(), 8), (recurrent.mask(), 12), (output.mask(), 16)];
        for ((mask, units), rate) in places.into_iter().zip(rates) {
            let mut words = vec![0; mask_words(batch * units)];
            let mut wanted = MaskMut::new(&mut words, batch * units).expect("its words");
            other.fill(rate, wanted.reborrow());
            assert_eq!(mask, wanted.as_ref(), "batch {batch} units {units}");
        }
        assert_eq!(rng, other);
    }
}

#[test]
fn golden_values() {
    let mut variational = three([drop_rate!(0.25), drop_rate!(0.5), drop_rate!(0.1)]);
    variational.draw(2, &mut MaskRng::new(42, 0)).expect("it fits");
    let VariationalDropout { input, recurrent, output } = &variational;
    let words = [input.mask().words(), recurrent.mask().words(), output.mask().words()];
    assert_eq!(words, [&[0x0000_2fbf_u32][..], &[0x00ed_8623], &[0xffff_f5ff]]);
}

/// Rates of 0 and 1 draw nothing, so the masks after them are those of a generator that has not
/// moved.
#[test]
fn rates_of_0_and_1_draw_nothing() {
    let mut variational = three([DropRate::ZERO, DropRate::ONE, drop_rate!(0.3)]);
    variational.draw(4, &mut MaskRng::new(SEED, STREAM)).expect("it fits");
    let VariationalDropout { input, recurrent, output } = &variational;
    let (mut x, mut h) = ([1.5f32; 32], [1.5f32; 48]);
    input.forward_in_place(&mut x).expect("4 * 8");
    recurrent.forward_in_place(&mut h).expect("4 * 12");
    assert_eq!((x, h), ([1.5; 32], [0.0; 48]));
    let keep = Reference::new(SEED, STREAM).mask(drop_rate!(0.3).threshold(), 64);
    assert_eq!(output.mask().words(), pack(&keep));
}

#[test]
fn a_batch_that_does_not_fit_is_refused_and_the_masks_stay() {
    for rates in [[drop_rate!(0.3); 3], [DropRate::ZERO; 3], [DropRate::ONE; 3]] {
        let mut variational = three(rates);
        let mut rng = MaskRng::new(SEED, STREAM);
        variational.draw(3, &mut rng).expect("it fits");
        let (masks, moved) = (variational.clone(), rng.clone());
        for (batch, expected, given) in [(9, 3, 2), (100, 25, 2)] {
            let error = Err(ShapeError::TooFewWords { expected, given });
            assert_eq!(variational.draw(batch, &mut rng), error);
            assert_eq!(variational.input.draw(batch, &mut rng), error);
        }
        // The last one alone does not fit.
        let mut last = VariationalDropout {
            output: LockedDropout::new(Dropout::new(rates[2]), 16, [0; 1]),
            input: variational.input.clone(),
            recurrent: variational.recurrent.clone(),
        };
        let too_few = Err(ShapeError::TooFewWords { expected: 2, given: 1 });
        assert_eq!(last.draw(4, &mut rng), too_few);
        assert_eq!((&last.input, &last.recurrent), (&masks.input, &masks.recurrent));
        let overflow = ShapeError::Overflow { elements: usize::MAX, extent: 8 };
        assert_eq!(variational.draw(usize::MAX, &mut rng), Err(overflow));
        assert_eq!((variational, rng), (masks, moved));
    }
}

#[test]
fn a_step_of_another_length_is_refused() {
    let mut locked = LockedDropout::new(Dropout::new(drop_rate!(0.3)), 10, [0; 2]);
    let too_short = |expected, given| Err(ShapeError::MaskTooShort { expected, given });
    let no_sequences = |expected, given| Err(ShapeError::OtherElements { expected, given });
    let refused = |locked: &LockedDropout<[u32; 2]>, n: usize, error| {
        let (x, mut y) = (vec![1.5f32; n], vec![2.5f32; n]);
        assert_eq!(locked.forward(&x, &mut y), error);
        assert_eq!(locked.forward_in_place(&mut y), error);
        assert_eq!(locked.backward(&x, &mut y), error);
        assert_eq!(locked.backward_in_place(&mut y), error);
        assert!(y.iter().all(|y| *y == 2.5));
    };
    // Before the first draw, nothing fits but nothing.
    refused(&locked, 20, too_short(20, 0));
    assert_eq!(locked.forward_in_place::<f32>(&mut []), Ok(()));
    locked.draw(2, &mut MaskRng::new(SEED, 0)).expect("20 bits");
    refused(&locked, 21, too_short(21, 20));
    refused(&locked, 19, no_sequences(10, 19));
    refused(&locked, 1, no_sequences(0, 1));
    let (x, mut y) = ([1.5f32; 20], [2.5f32; 19]);
    let differ = Err(ShapeError::LengthMismatch { expected: 20, given: 19 });
    assert_eq!((locked.forward(&x, &mut y), locked.backward(&x, &mut y)), (differ, differ));
    assert_eq!(y, [2.5; 19]);
}

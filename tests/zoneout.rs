//! Zoneout against its formulas: `h = k ? h_new : h_prev` and its gradient, every way, backend, rate, length and offset,
//! with guards around every slice; inference; its rate; and every error, after which nothing has been written.

mod support;

use dropout_kernels::{
    Backend, DropRate, Dropout, MaskKey, MaskMut, MaskRef, MaskRng, ShapeError, Zoneout, drop_rate,
    mask_words,
};
use support::LENGTHS;
use support::guarded::Guarded;
use support::number::{Number, bits, same};
use support::reference::{Reference, pack};
use support::zoneout::{Blended, Leaves, Masks, Named, expected, ways};

const SEED: u64 = 17;
const STREAM: u64 = 4;

/// Nothing, the least, one plane, several, ties, everything.
const RATES: [DropRate; 6] = [
    DropRate::ZERO,
    drop_rate!(9.094_947e-13),
    drop_rate!(0.5),
    drop_rate!(0.75),
    drop_rate!(0.1),
    DropRate::ONE,
];

/// The three slices before a way.
fn slices<T: Number>(n: usize) -> [Vec<T>; 3] {
    let values = T::values(n + 2);
    let shifted: Vec<_> = values[1..=n].iter().map(|x| x.multiply(T::of(-0.5))).collect();
    [values[..n].to_vec(), shifted, vec![T::ONE; n]]
}

fn check<T: Number>(zoneout: Zoneout, n: usize, offset: usize) {
    let fresh = MaskRng::new(SEED, STREAM);
    let mut reference = Reference::new(SEED, STREAM);
    let drawn = reference.mask(zoneout.rate().threshold(), n);
    let moved = MaskRng::from_bytes(&reference.to_bytes()).expect("a generator's state");
    let brought: Vec<_> = (0..n).map(|i| i * i % 7 < 3).collect();
    let before = slices::<T>(n);
    for (i, Named { way, leaves, masks }) in ways().into_iter().enumerate() {
        let (keep, words, after) = match masks {
            Masks::Stored => (&drawn, vec![0x5A5A_5A5A; mask_words(n)], pack(&drawn)),
            Masks::Replayed => (&drawn, vec![7; mask_words(n)], vec![7; mask_words(n)]),
            Masks::Brought => {
                let mut words = pack(&brought);
                if let (Some(last), used @ 1..) = (words.last_mut(), n % 32) {
                    *last |= !0 << used; // means nothing
                }
                (&brought, words.clone(), words)
            }
        };
        let mut mask = Guarded::new(&words, offset, 0xDEAD_BEEF);
        let mut rng = fresh.clone();
        let mut guarded: Vec<_> =
            (0..3).map(|j| Guarded::new(&before[j], (offset + j) % 4, T::GUARD)).collect();
        let [a, b, c] = &mut guarded[..] else { panic!("three slices") };
        let view = MaskMut::new(mask.slice(), n).expect("mask_words(n) words");
        way(&zoneout, [a.slice(), b.slice(), c.slice()], view, &mut rng, (SEED, STREAM))
            .expect("lengths agree");
        let told = format!("way {i} {zoneout:?} n {n} offset {offset}");
        for (j, wanted) in expected(leaves, keep, &before).iter().enumerate() {
            // Copies, so NaN keeps its payload.
            assert_eq!(bits(guarded[j].slice()), bits(wanted), "{told} slice {j}");
            assert!(guarded[j].intact(|a, b| a.bits() == b.bits()), "{told} slice {j}");
        }
        assert_eq!(mask.slice(), after, "{told}");
        assert!(mask.intact(|a, b| a == b), "{told}");
        assert_eq!(
            rng,
            if masks == Masks::Stored { moved.clone() } else { fresh.clone() },
            "{told}"
        );
    }
}

fn check_all<T: Number>() {
    for backend in Backend::available() {
        for rate in RATES {
            for (i, n) in LENGTHS.into_iter().enumerate() {
                check::<T>(Zoneout::new(rate).with_backend(backend), n, i % 4);
            }
        }
        for offset in 0..16 {
            check::<T>(Zoneout::new(drop_rate!(0.1)).with_backend(backend), 700, offset);
        }
    }
}

#[test]
fn every_way_holds_f32_as_the_formula() {
    check_all::<f32>();
}

#[test]
fn every_way_holds_f64_as_the_formula() {
    check_all::<f64>();
}

fn check_inference<T: Blended>() {
    for backend in Backend::available() {
        for rate in RATES {
            for (i, n) in LENGTHS.into_iter().enumerate() {
                let zoneout = Zoneout::new(rate).with_backend(backend);
                let [prev, new, ones] = slices::<T>(n);
                let pairs = prev.iter().zip(&new);
                let wanted: Vec<T> = match rate.threshold() {
                    0 => new.clone(),
                    t if t == 1 << 40 => prev.clone(),
                    t => pairs.map(|(prev, new)| T::blend(t, *prev, *new)).collect(),
                };
                let mut out = Guarded::new(&ones, i % 4, T::GUARD);
                zoneout.infer(&prev, &new, out.slice()).expect("lengths agree");
                let mut over_prev = Guarded::new(&prev, i % 3, T::GUARD);
                zoneout.infer_into_prev(over_prev.slice(), &new).expect("lengths agree");
                let mut over_new = Guarded::new(&new, i % 2, T::GUARD);
                zoneout.infer_into_new(&prev, over_new.slice()).expect("lengths agree");
                for target in [&mut out, &mut over_prev, &mut over_new] {
                    let given = target.slice();
                    assert!(
                        given.iter().zip(&wanted).all(|(a, b)| same(*a, *b)),
                        "{zoneout:?} {n}"
                    );
                    let copy = [0, 1 << 40].contains(&rate.threshold());
                    assert!(!copy || bits(given) == bits(&wanted), "{zoneout:?} {n}: a copy");
                    assert!(target.intact(|a, b| a.bits() == b.bits()), "{zoneout:?} {n}");
                }
            }
        }
    }
}

#[test]
fn inference_is_the_expectation() {
    check_inference::<f32>();
    check_inference::<f64>();
}

/// One loss through forward, and its gradient to both states by finite differences. The loss is a polynomial of
/// degree two, so a central difference has no error but that of rounding.
#[test]
fn backward_is_the_gradient_of_forward() {
    const N: usize = 40;
    for rate in [drop_rate!(0.0), drop_rate!(0.3), drop_rate!(1.0)] {
        let zoneout = Zoneout::new(rate);
        let forward = |states: &[Vec<f64>; 2]| {
            let mut h = vec![0.0; N];
            zoneout.forward(&states[0], &states[1], &mut h, MaskKey::new(SEED, 1)).expect("N each");
            h
        };
        let loss = |states: &[Vec<f64>; 2]| -> f64 {
            forward(states).iter().enumerate().map(|(i, h)| (h + i as f64) * h).sum()
        };
        let states = [f64::ramp(N), f64::ramp(N).iter().map(|x| 1.0 - x * 0.5).collect()];
        let mut dh = forward(&states);
        dh.iter_mut().enumerate().for_each(|(i, h)| *h = 2.0 * *h + i as f64);
        let (mut dh_prev, mut dh_new) = (vec![9.0; N], vec![9.0; N]);
        zoneout.backward(&dh, &mut dh_prev, &mut dh_new, MaskKey::new(SEED, 1)).expect("N each");
        for (which, given) in [&dh_prev, &dh_new].into_iter().enumerate() {
            for i in 0..N {
                let moved = |step: f64| {
                    let mut states = states.clone();
                    states[which][i] += step;
                    loss(&states)
                };
                let wanted = (moved(0.01) - moved(-0.01)) / 0.02;
                assert!((given[i] - wanted).abs() < 1e-8, "{rate:?} {which} {i}: {}", given[i]);
            }
        }
        assert!(dh_prev.iter().chain(&dh_new).any(|d| *d != 0.0));
    }
}

/// Units held at rate `drawn`, in standard deviations from what z says.
fn deviation(drawn: DropRate, z: f64, n: usize) -> f64 {
    let (prev, mut h) = (vec![1f32; n], vec![0f32; n]);
    Zoneout::new(drawn).forward_into_new(&prev, &mut h, MaskKey::new(1, 0)).expect("one length");
    let held = h.iter().filter(|h| **h == 1.0).count() as f64;
    (held - n as f64 * z) / (n as f64 * z * (1.0 - z)).sqrt()
}

/// A right rate fails once in a million (4.89 standard deviations, two-sided); one that is wrong by 1 % lies nine
/// off, and is missed once in 50,000.
#[test]
fn units_are_held_at_the_rate_z() {
    for z in [0.2f32, 0.5, 0.9] {
        let rate = DropRate::new(z).expect("a probability");
        let n = (810_000.0 * (1.0 - rate.p()) / rate.p()) as usize;
        let right = deviation(rate, rate.p(), n);
        assert!(right.abs() < 4.8916, "z {z}: {right:.2} standard deviations");
        for factor in [0.99, 1.01] {
            let wrong = DropRate::new(z * factor).expect("a probability");
            let z = deviation(wrong, rate.p(), n);
            assert!(z.abs() > 4.8916, "{factor}: {z:.2} standard deviations");
        }
    }
}

/// The masks are those of dropout, by the words that `docs/STREAM.md` fixes for (42, 0) at 0.1.
#[test]
fn golden_values() {
    let zoneout = Zoneout::new(drop_rate!(0.1));
    let (prev, new, mut h) = ([-1f32; 100], [1f32; 100], [0f32; 100]);
    let mut words = [0; 4];
    let mask = MaskMut::new(&mut words, 100).expect("four words");
    zoneout.forward(&prev, &new, &mut h, MaskRng::new(42, 0).draw(mask)).expect("100 each");
    assert_eq!(words, [0xfeff_afbf, 0x7fff_b7ff, 0xffff_ffff, 0x0000_000f]);
    let held: Vec<_> = (0..100).filter(|i| h[*i] == -1.0).collect();
    assert_eq!(held[..5], [6, 12, 14, 24, 43]);
    let mut dropped = [1f32; 100];
    Dropout::classic(drop_rate!(0.1))
        .forward_in_place(&mut dropped, MaskKey::new(42, 0))
        .expect("any length");
    assert!((0..100).all(|i| (dropped[i] == 0.0) == (h[i] == -1.0)));
    zoneout.infer(&[3.0; 100], &[0.7; 100], &mut h).expect("100 each");
    assert_eq!(h[0].to_bits(), 0x3F6E_147B);
}

/// Lengths of the three slices and of the mask that do not fit, forward and backward.
#[test]
fn slices_and_masks_of_other_lengths_are_refused() {
    let short = |expected, given| ShapeError::MaskTooShort { expected, given };
    let long = |expected, given| ShapeError::MaskTooLong { expected, given };
    let states = |expected, given| ShapeError::OtherElements { expected, given };
    let output = |expected, given| ShapeError::LengthMismatch { expected, given };
    // Lengths, and the error forward and backward; where a way does not take the slice, there is none.
    let cases = [
        ([64, 63, 64, 64], states(64, 63), output(64, 63)),
        ([64, 65, 64, 64], states(64, 65), output(64, 65)),
        ([0, 1, 0, 0], states(0, 1), output(0, 1)),
        ([64, 64, 63, 64], output(64, 63), output(64, 63)),
        ([64, 64, 65, 64], output(64, 65), output(64, 65)),
        ([64, 64, 64, 63], short(64, 63), short(64, 63)),
        ([64, 64, 64, 650], long(64, 650), long(64, 650)),
    ];
    for zoneout in RATES.map(Zoneout::new) {
        for (lengths, forward, backward) in cases {
            for (i, Named { way, leaves, masks }) in ways::<f32>().into_iter().enumerate() {
                let (error, thirds) = match leaves {
                    Leaves::State(at) => (forward, at == 2),
                    Leaves::Gradient(at) => (backward, at == 2),
                };
                if lengths[2] != lengths[0] && !thirds
                    || lengths[3] != lengths[0] && masks == Masks::Replayed
                {
                    continue;
                }
                let [mut a, mut b, mut c] = [0, 1, 2].map(|j| vec![j as f32 + 0.5; lengths[j]]);
                let mut words = vec![0x1234_5678; mask_words(lengths[3])];
                let mask = MaskMut::new(&mut words, lengths[3]).expect("its words");
                let mut rng = MaskRng::new(SEED, STREAM);
                let result =
                    way(&zoneout, [&mut a, &mut b, &mut c], mask, &mut rng, (SEED, STREAM));
                assert_eq!(result, Err(error), "way {i} {lengths:?}");
                for (j, slice) in [a, b, c].iter().enumerate() {
                    assert!(slice.iter().all(|x| *x == j as f32 + 0.5), "way {i} {lengths:?}");
                }
                assert!(words.iter().all(|w| *w == 0x1234_5678), "way {i} {lengths:?}");
                assert_eq!(rng, MaskRng::new(SEED, STREAM), "way {i} {lengths:?}");
            }
            if lengths[3] == lengths[0] {
                let [prev, mut new, mut h] = [0, 1, 2].map(|j| vec![0.5f32; lengths[j]]);
                let error = Err(forward);
                assert_eq!(zoneout.infer(&prev, &new, &mut h), error);
                if lengths[1] != lengths[0] {
                    assert_eq!(zoneout.infer_into_prev(&mut prev.clone(), &new), error);
                    assert_eq!(zoneout.infer_into_new(&prev, &mut new), error);
                }
                assert!([prev, new, h].concat().iter().all(|x| *x == 0.5));
            }
        }
    }
}

/// A mask of the caller's decides alone, at z = 0 and z = 1 too.
#[test]
fn a_brought_mask_decides_alone() {
    for rate in RATES {
        let mut h = [1f32, 2.0, 3.0];
        let mask = MaskRef::new(&[0b010], 3).expect("a word");
        Zoneout::new(rate).forward_into_prev(&mut h, &[-1.0; 3], mask).expect("3 each");
        assert_eq!(h, [1.0, -1.0, 3.0]);
    }
}

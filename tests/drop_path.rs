//! Stochastic depth against its formulas: x + d * f / (1 - p), or x + d * f, sample by sample or for the batch. Every
//! backend, both element types, guards around every slice; and every shape that does not fit.

mod support;

use dropout_kernels::{
    Backend, Classic, DropPath, DropRate, Dropout, Inverted, MaskMut, MaskRef, MaskRng, RateError,
    Rule, ShapeError, drop_rate, mask_words,
};
use support::guarded::Guarded;
use support::number::{Number, bits, same};
use support::reference::{Reference, pack};

const SEED: u64 = 6;
const STREAM: u64 = 1;

/// (samples, elements of each): samples below, at and above a chunk of 32, masks of more than a word; nothing.
const SHAPES: [(usize, usize); 14] = [
    (1, 1),
    (1, 31),
    (1, 32),
    (1, 33),
    (3, 1),
    (40, 1),
    (9, 31),
    (9, 32),
    (9, 33),
    (33, 64),
    (70, 65),
    (513, 7),
    (0, 5),
    (5, 0),
];

/// What the two rules are made of.
trait Formula: Rule {
    fn dropout(rate: DropRate) -> Dropout<Self>;
    /// What a kept branch is multiplied with in training, and any at inference.
    fn factors<T: Number>(rate: DropRate) -> (T, T);
}

impl Formula for Inverted {
    fn dropout(rate: DropRate) -> Dropout<Self> {
        Dropout::new(rate)
    }

    fn factors<T: Number>(rate: DropRate) -> (T, T) {
        (T::reference_scale(rate.threshold()), T::ONE)
    }
}

impl Formula for Classic {
    fn dropout(rate: DropRate) -> Dropout<Self> {
        Dropout::classic(rate)
    }

    fn factors<T: Number>(rate: DropRate) -> (T, T) {
        (T::ONE, T::reference_keep(rate.threshold()))
    }
}

fn check_slice<T: Number>(given: &mut Guarded<T>, wanted: impl Iterator<Item = T>, told: &str) {
    for (i, (given, wanted)) in given.slice().iter().zip(wanted).enumerate() {
        assert!(same(*given, wanted), "{told} element {i}: {given:?}, not {wanted:?}");
    }
    assert!(given.intact(|a, b| a.bits() == b.bits()), "{told}");
}

/// All that a path does, whose `decisions` bits decide `each` elements each.
fn check<T: Number, R: Formula>(path: DropPath<R>, decisions: usize, each: usize, offset: usize) {
    let told = format!("{path:?}");
    let rate = path.branch().rate();
    let (scale, at_inference) = R::factors::<T>(rate);
    let mut reference = Reference::new(SEED, STREAM);
    let keep = reference.mask(rate.threshold(), decisions);

    let mut words = Guarded::new(&vec![0x5A5A_5A5A; mask_words(decisions)], offset, 0xDEAD_BEEF);
    let mut rng = MaskRng::new(SEED, STREAM);
    let mut mask = MaskMut::new(words.slice(), decisions).expect("its words");
    path.fill(mask.reborrow(), &mut rng).expect("its bits");
    assert!(mask.as_ref().iter().eq(keep.iter().copied()), "{told}");
    assert_eq!(rng.to_bytes(), reference.to_bytes(), "{told}");
    assert_eq!(words.slice(), pack(&keep), "{told}");
    assert!(words.intact(|a, b| a == b), "{told}");

    let (f, x) = (T::values(decisions * each), T::ramp(decisions * each));
    // What was not computed may hold anything, and a NaN would show.
    let computed: Vec<T> =
        f.iter().enumerate().map(|(i, f)| if keep[i / each] { *f } else { T::GUARD }).collect();
    let mask = MaskRef::new(words.slice(), decisions).expect("its words");
    let mut y = Guarded::new(&x, offset, T::GUARD);
    path.add(&computed, y.slice(), mask).expect("lengths agree");
    let sum = |i: usize| if keep[i / each] { x[i].add(f[i].multiply(scale)) } else { x[i] };
    check_slice(&mut y, (0..x.len()).map(sum), &told);

    // The branch alone, and its gradient, are those of dropout over a layout.
    let branch = |i: usize| if keep[i / each] { f[i].multiply(scale) } else { T::ZERO };
    let mut y = Guarded::new(&x, offset, T::GUARD);
    path.branch().forward(&f, y.slice(), mask).expect("lengths agree");
    check_slice(&mut y, (0..x.len()).map(branch), &told);
    path.branch().backward(&f, y.slice(), mask).expect("lengths agree");
    check_slice(&mut y, (0..x.len()).map(branch), &told);

    let mut y = Guarded::new(&x, offset, T::GUARD);
    path.infer_add(&f, y.slice()).expect("lengths agree");
    let dead = R::factors::<T>(DropRate::ONE).1 == T::ZERO && rate == DropRate::ONE;
    let sum = |i: usize| if dead { x[i] } else { x[i].add(f[i].multiply(at_inference)) };
    check_slice(&mut y, (0..x.len()).map(sum), &told);
}

fn check_all<T: Number, R: Formula>() {
    for backend in Backend::available() {
        for rate in [DropRate::ZERO, drop_rate!(0.1), drop_rate!(0.5), DropRate::ONE] {
            let dropout = R::dropout(rate).with_backend(backend);
            for (i, (batch, elements)) in SHAPES.into_iter().enumerate() {
                let path = DropPath::samples(dropout, batch, elements).expect("a small shape");
                check::<T, R>(path, batch, elements, i % 4);
                let path = DropPath::batch(dropout, batch * elements);
                check::<T, R>(path, 1, batch * elements, i % 4);
            }
        }
    }
}

#[test]
fn branches_are_added_where_they_are_kept() {
    check_all::<f32, Inverted>();
    check_all::<f64, Inverted>();
    check_all::<f32, Classic>();
    check_all::<f64, Classic>();
}

/// At p = 1 the inverted rule has no scale: a mask of the caller's adds nothing.
#[test]
fn without_a_scale_nothing_is_added() {
    let path = DropPath::samples(Dropout::new(DropRate::ONE), 2, 3).expect("a small shape");
    let x = f32::ramp(6);
    let mut y = x.clone();
    path.add(&[f32::INFINITY; 6], &mut y, MaskRef::new(&[!0], 2).expect("a word"))
        .expect("lengths agree");
    assert_eq!(bits(&y), bits(&x));
}

#[test]
fn decisions_are_the_ones_they_always_were() {
    let path = DropPath::samples(Dropout::new(drop_rate!(0.2)), 40, 1).expect("a small shape");
    let mut words = [0; 2];
    let mask = MaskMut::new(&mut words, 40).expect("two words");
    path.fill(mask, &mut MaskRng::new(42, 7)).expect("its bits");
    assert_eq!(words, [0xBF6E_FFEF, 0x0000_007B]);
}

/// Ratios whose products with p end on, above and below a tie.
#[test]
fn rates_grow_linearly_with_the_depth() {
    for last in support::rates() {
        for layers in [1, 2, 3, 7, 54, 110, u32::MAX - 4, u32::MAX] {
            for layer in [0, 1, 2, layers / 3, layers / 2, layers - 1, layers] {
                if layer > layers {
                    continue;
                }
                let product = u128::from(last.threshold()) * u128::from(layer);
                let (whole, twice) =
                    (product / u128::from(layers), product % u128::from(layers) * 2);
                let tie = twice == u128::from(layers) && whole % 2 == 1;
                let wanted = whole + u128::from(twice > u128::from(layers) || tie);
                let rate = last.at_depth(layer, layers).expect("a layer among layers");
                assert_eq!(u128::from(rate.threshold()), wanted, "{last:?} {layer} / {layers}");
            }
            assert_eq!(last.at_depth(0, layers), Ok(DropRate::ZERO));
            assert_eq!(last.at_depth(layers, layers), Ok(last));
        }
    }
    let rate = drop_rate!(0.5);
    assert_eq!(rate.at_depth(3, 0), Err(RateError::ZeroDenominator { numerator: 3 }));
    let above = RateError::RatioAboveOne { numerator: 8, denominator: 7 };
    assert_eq!(rate.at_depth(8, 7), Err(above));
    // The paper's network: 54 blocks, the last kept at 0.5, 40 blocks in the mean.
    let kept: f64 = (1..=54).map(|l| 1.0 - rate.at_depth(l, 54).expect("a block").p()).sum();
    assert!((kept - 40.25).abs() < 1e-9, "{kept}");
}

/// Two-sided 10^-6 of a normal distribution. One sample in many batches is dropped at p.
#[test]
fn samples_are_dropped_at_the_rate_p() {
    const LIMIT: f64 = 4.8916;
    const N: usize = 8_000_000;
    let fraction = |p: f32| {
        let rate = DropRate::new(p).expect("a probability");
        let path = DropPath::samples(Dropout::new(rate), N, 1).expect("a small shape");
        let mut words = vec![0; mask_words(N)];
        let mut mask = MaskMut::new(&mut words, N).expect("its words");
        path.fill(mask.reborrow(), &mut MaskRng::new(4, 0)).expect("its bits");
        (N - mask.as_ref().count_kept()) as f64 / N as f64
    };
    for p in [0.1f32, 0.2, 0.5] {
        let sigma = (f64::from(p) * (1.0 - f64::from(p)) / N as f64).sqrt();
        let z = (fraction(p) - f64::from(p)) / sigma;
        assert!(z.abs() < LIMIT, "{p}: {z:.2} standard deviations");
        // A p that is wrong by 1 % is refused.
        for factor in [0.99, 1.01] {
            let z = (fraction(p * factor) - f64::from(p)) / sigma;
            assert!(z.abs() > LIMIT, "{p} * {factor}: {z:.2} standard deviations");
        }
    }
}

/// Central differences of a loss of y = x + path(x^2), through the branch and past it.
#[test]
fn backward_is_the_gradient_of_forward() {
    check_gradient(Dropout::new(drop_rate!(0.4)));
    check_gradient(Dropout::classic(drop_rate!(0.4)));
}

fn check_gradient<R: Rule>(dropout: Dropout<R>) {
    const BATCH: usize = 9;
    const EACH: usize = 5;
    let path = DropPath::samples(dropout, BATCH, EACH).expect("a small shape");
    let mut words = [0];
    let mut mask = MaskMut::new(&mut words, BATCH).expect("a word");
    path.fill(mask.reborrow(), &mut MaskRng::new(1, 0)).expect("its bits");
    let kept = mask.as_ref().count_kept();
    assert!(0 < kept && kept < BATCH, "a mask of one kind would prove little");
    let forward = |x: &[f64]| {
        let f: Vec<_> = x.iter().map(|x| x * x).collect();
        let mut y = x.to_vec();
        path.add(&f, &mut y, mask.as_ref()).expect("lengths agree");
        y
    };
    let loss = |x: &[f64]| forward(x).iter().map(|y| y.sin()).sum::<f64>();
    let x: Vec<_> = (0..BATCH * EACH).map(|i| (i as f64 * 0.9).cos()).collect();
    let dy: Vec<_> = forward(&x).iter().map(|y| y.cos()).collect();
    let mut df = vec![0.0; x.len()];
    path.branch().backward(&dy, &mut df, mask.as_ref()).expect("lengths agree");
    for i in 0..x.len() {
        let at = |step: f64| {
            let mut x = x.clone();
            x[i] += step;
            loss(&x)
        };
        let wanted = (at(1e-5) - at(-1e-5)) / 2e-5;
        let dx = dy[i] + df[i] * 2.0 * x[i];
        assert!((dx - wanted).abs() < 1e-8, "{i}: {dx}, not {wanted}");
    }
}

#[test]
fn slices_and_masks_of_other_lengths_are_refused() {
    const BIG: usize = 1 << (usize::BITS / 2);
    let overflow = DropPath::samples(Dropout::new(drop_rate!(0.1)), BIG, BIG).map(|_| ());
    assert_eq!(overflow, Err(ShapeError::Overflow { elements: BIG, extent: BIG }));
    for rate in [DropRate::ZERO, drop_rate!(0.3), DropRate::ONE] {
        let path = DropPath::samples(Dropout::new(rate), 40, 3).expect("a small shape");
        for (f_len, x_len, bits, error) in [
            (119, 119, 40, ShapeError::OtherElements { expected: 120, given: 119 }),
            (120, 119, 40, ShapeError::LengthMismatch { expected: 120, given: 119 }),
            (120, 120, 39, ShapeError::MaskTooShort { expected: 40, given: 39 }),
            (120, 120, 120, ShapeError::MaskTooLong { expected: 40, given: 120 }),
        ] {
            let (f, mut x) = (vec![1.5f32; f_len], vec![2.5; x_len]);
            let mut words = vec![0x1234_5678; mask_words(bits)];
            let mask = MaskRef::new(&words, bits).expect("its words");
            assert_eq!(path.add(&f, &mut x, mask), Err(error));
            if bits == 40 {
                assert_eq!(path.infer_add(&f, &mut x), Err(error));
            } else {
                let mut rng = MaskRng::new(SEED, STREAM);
                let mask = MaskMut::new(&mut words, bits).expect("its words");
                assert_eq!(path.fill(mask, &mut rng), Err(error));
                assert_eq!(rng, MaskRng::new(SEED, STREAM));
            }
            assert!(x.iter().all(|x| *x == 2.5));
            assert!(words.iter().all(|word| *word == 0x1234_5678));
        }
    }
}

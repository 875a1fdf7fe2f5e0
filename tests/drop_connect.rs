//! `DropConnect` against its formulas: every way to call it, every backend, both rules and element
//! types, guards around every slice; the order of its additions; and every shape that does not fit.

use dropout_kernels::{
    Backend, DropConnect, DropRate, MaskKey, MaskMut, MaskRef, MaskRng, ShapeError, drop_rate,
    mask_words,
};
use dropout_reference::number::{Number, Real, bits};
use dropout_reference::stream::{Reference, pack};
use dropout_reference::weights::Case;

const SEED: u64 = 3;
const STREAM: u64 = 11;

/// (rows, columns, batch): around a word and a block of mask bits, rows that begin at every bit of
/// a word, and none.
const SHAPES: [[usize; 3]; 19] = [
    [0, 5, 0],
    [5, 0, 2],
    [0, 0, 0],
    [3, 4, 0],
    [1, 1, 1],
    [7, 1, 3],
    [5, 7, 1],
    [4, 31, 2],
    [4, 32, 1],
    [40, 33, 2],
    [3, 64, 1],
    [17, 65, 1],
    [2, 511, 2],
    [2, 512, 1],
    [3, 513, 2],
    [1, 544, 1],
    [2, 1025, 1],
    [600, 3, 1],
    [33, 100, 3],
];

fn case<T: Number>(t: u64, [rows, columns, batch]: [usize; 3], value: fn(usize) -> f64) -> Case<T> {
    let of = |from: usize, n: usize| (from..from + n).map(|i| T::of(value(i))).collect();
    Case {
        shape: [rows, columns, batch],
        keep: Reference::new(SEED, STREAM).mask(t, rows * columns),
        w: of(0, rows * columns),
        x: of(5, batch * columns),
        dy: of(9, batch * rows),
        dw: of(2, rows * columns),
    }
}

/// Whole numbers from -4 to 4: all sums are exact, in any order.
fn whole(i: usize) -> f64 {
    (i * 7 % 9) as f64 - 4.0
}

/// Numbers whose sums depend on the order.
fn rough(i: usize) -> f64 {
    (i as f64 * 1.7 + 0.3).sin() * 3.0
}

/// The reference itself, and inference: sums of whole numbers, which `f64` holds, against a plain
/// loop.
#[test]
fn sums_of_whole_numbers_are_exact() {
    for [rows, columns, batch] in SHAPES {
        let rate = drop_rate!(0.25);
        let case = case::<f32>(rate.threshold(), [rows, columns, batch], whole);
        let plain = |term: &dyn Fn(usize, f64) -> f64| {
            let mut y = vec![];
            for b in 0..batch {
                for r in 0..rows {
                    let at =
                        |c: usize| f64::from(case.w[r * columns + c] * case.x[b * columns + c]);
                    y.push((0..columns).map(|c| term(r * columns + c, at(c))).sum::<f64>());
                }
            }
            y
        };
        let kept = plain(&|i, term| if case.keep[i] { term } else { 0.0 });
        assert!(case.y(1.0).iter().zip(&kept).all(|(a, b)| f64::from(*a) == *b));

        let (all, squares) = (plain(&|_, term| term), plain(&|_, term| term * term));
        let (mut mean, mut variance) = (vec![1f32; all.len()], vec![1f32; all.len()]);
        for backend in Backend::available() {
            let layer = DropConnect::classic(rate, rows, columns).expect("a small shape");
            let layer = layer.with_backend(backend);
            layer.infer_moments(&case.w, &case.x, &mut mean, &mut variance).expect("they fit");
            assert!(mean.iter().zip(&all).all(|(a, b)| f64::from(*a) == 0.75 * b));
            assert!(variance.iter().zip(&squares).all(|(a, b)| f64::from(*a) == 0.1875 * b));
            layer.infer(&case.w, &case.x, &mut mean).expect("they fit");
            assert!(mean.iter().zip(&all).all(|(a, b)| f64::from(*a) == 0.75 * b));

            let layer = DropConnect::new(rate, rows, columns).expect("a small shape");
            let layer = layer.with_backend(backend);
            layer.infer_moments(&case.w, &case.x, &mut mean, &mut variance).expect("they fit");
            assert!(mean.iter().zip(&all).all(|(a, b)| f64::from(*a) == *b));
            let third = 0.25 * f32::reference_scale(rate.threshold());
            assert!(variance.iter().zip(&squares).all(|(a, b)| *a == *b as f32 * third));
        }
    }
}

/// A dropped weight may be NaN, and so may the input that it meets; what is kept is not touched by
/// it.
#[test]
fn what_is_dropped_takes_no_part() {
    let layer = DropConnect::new(drop_rate!(0.5), 2, 40).expect("a small shape");
    // Column 7 of row 0 and all of row 1 but column 39.
    let keep: Vec<_> = (0..80).map(|i| i == 79 || i < 40 && i != 7 && i != 39).collect();
    let words = pack(&keep);
    let mask = MaskRef::new(&words, 80).expect("80 bits");
    let w: Vec<_> = keep.iter().map(|k| if *k { 1f32 } else { f32::NAN }).collect();
    let mut y = [0.0; 2];
    layer.forward(&w, &[1.0; 40], &mut y, mask).expect("shapes that fit");
    assert_eq!(y, [76.0, 2.0]);
    let mut dx = [0.0; 40];
    layer.backward_input(&w, &[1.0, 1.0], &mut dx, mask).expect("shapes that fit");
    assert!(dx.iter().enumerate().all(|(c, d)| *d == if c == 7 { 0.0 } else { 2.0 }));

    let mut x = [1f32; 40];
    x[7] = f32::INFINITY;
    let mut dw: Vec<f32> = vec![-0.0; 80];
    layer.backward_weights(&x, &[1.0, 1.0], &mut dw, mask).expect("shapes that fit");
    let as_wanted = |(d, k): (&f32, &bool)| d.to_bits() == if *k { 2f32 } else { -0.0 }.to_bits();
    assert!(dw.iter().zip(&keep).all(as_wanted), "{dw:?}");
}

/// The variance that inference takes y to have is that over masks: 20,000 of them, whose sample
/// variance has a standard error of 1 %; 5 % is five of them (false alarm below 10^-5).
#[test]
fn moments_are_those_over_masks() {
    const MASKS: u64 = 20_000;
    let layer = DropConnect::new(drop_rate!(0.4), 1, 64).expect("a small shape");
    let case = case::<f64>(layer.rate().threshold(), [1, 64, 1], rough);
    let (mut mean, mut variance) = ([0.0], [0.0]);
    layer.infer_moments(&case.w, &case.x, &mut mean, &mut variance).expect("shapes that fit");
    let (mut sum, mut squares) = (0.0, 0.0);
    for stream in 0..MASKS {
        let mut y = [0.0];
        layer.forward(&case.w, &case.x, &mut y, MaskKey::new(1, stream)).expect("shapes that fit");
        sum += y[0] - mean[0];
        squares += (y[0] - mean[0]).powi(2);
    }
    let n = MASKS as f64;
    assert!(sum.abs() < 5.0 * (variance[0] * n).sqrt(), "{sum}");
    assert!((squares / n / variance[0] - 1.0).abs() < 0.05, "{squares}");
}

#[test]
fn golden_values() {
    let layer = DropConnect::new(drop_rate!(0.5), 3, 4).expect("a small shape");
    let w: Vec<f32> = (1..13u8).map(f32::from).collect();
    let mut y = [0.0; 3];
    layer.forward(&w, &[1.0, 10.0, 100.0, 1000.0], &mut y, MaskKey::new(42, 0)).expect("they fit");
    assert_eq!(y, [8642.0, 16000.0, 26200.0]);
}

#[test]
fn shapes_that_do_not_fit_are_errors() {
    let half = usize::MAX / 2;
    let overflow = Err(ShapeError::Overflow { elements: half, extent: 3 });
    assert_eq!(DropConnect::new(drop_rate!(0.5), half, 3), overflow);
    assert!(DropConnect::classic(drop_rate!(0.5), half, 3).is_err());

    let layer = DropConnect::new(drop_rate!(0.5), 4, 10).expect("a small shape");
    let other = |expected, given| Err(ShapeError::OtherElements { expected, given });
    let mut words = [7; mask_words(41)];
    let (w, x) = ([1f32; 41], [1f32; 21]);
    let mut y = [3f32; 41];
    let mut rng = MaskRng::new(1, 0);
    for (w, x, y_len, wanted) in [
        (&w[..41], &x[..10], 4, other(40, 41)),
        (&w[..39], &x[..10], 4, other(40, 39)),
        (&w[..40], &x[..21], 8, other(20, 21)),
        (&w[..40], &x[..20], 4, other(8, 4)),
        (&w[..40], &x[..20], 9, other(8, 9)),
    ] {
        let y = &mut y[..y_len];
        let mask = MaskMut::new(&mut words, 40).expect("40 bits");
        assert_eq!(layer.forward(w, x, y, rng.draw(mask)), wanted);
        let mask = MaskRef::new(&words, 40).expect("40 bits");
        assert_eq!(layer.forward(w, x, y, mask), wanted);
        assert_eq!(layer.forward(w, x, y, MaskKey::new(1, 0)), wanted);
        assert_eq!(layer.infer(w, x, y), wanted);
        let mut right = y.to_vec();
        assert_eq!(layer.infer_moments(w, x, y, &mut right), wanted);
        assert_eq!(bits(&right), bits(y));
        let (mut dx, mut dw) = (x.to_vec(), w.to_vec());
        assert_eq!(layer.backward_input(w, y, &mut dx, mask), wanted);
        assert_eq!(layer.backward_input(w, y, &mut dx, MaskKey::new(1, 0)), wanted);
        assert_eq!(layer.backward_weights(x, y, &mut dw, mask), wanted);
        assert_eq!(layer.backward_weights(x, y, &mut dw, MaskKey::new(1, 0)), wanted);
        assert!(dx == x && dw == w);
    }
    let long = Err(ShapeError::MaskTooLong { expected: 40, given: 41 });
    let mask = MaskMut::new(&mut words, 41).expect("41 bits");
    assert_eq!(layer.forward(&w[..40], &x[..10], &mut y[..4], rng.draw(mask)), long);
    let mask = MaskRef::new(&words, 41).expect("41 bits");
    assert_eq!(layer.forward(&w[..40], &x[..10], &mut y[..4], mask), long);
    assert_eq!(layer.backward_input(&w[..40], &w[..4], &mut y[..10], mask), long);
    assert_eq!(layer.backward_weights(&x[..10], &w[..4], &mut y[..40], mask), long);
    assert_eq!(bits(&y), bits(&[3f32; 41]));
    assert_eq!(words, [7; 2]);
    assert!(rng == MaskRng::new(1, 0));

    // Both moments, also where there are no columns.
    for columns in [10, 0] {
        let layer = DropConnect::new(drop_rate!(0.5), 4, columns).expect("a small shape");
        let (w, x) = (&w[..4 * columns], &x[..2 * columns]);
        for (variance, wanted) in [(4, other(8, 4)), (12, other(8, 12))] {
            let (mut mean, mut variance) = ([3f32; 8], vec![3f32; variance]);
            assert_eq!(layer.infer_moments(w, x, &mut mean, &mut variance), wanted);
            assert!(mean.iter().chain(&variance).all(|y| *y == 3.0));
        }
    }

    // Without columns the outputs say how many vectors there are; without both, there is none.
    let none = DropConnect::new(drop_rate!(0.5), 4, 0).expect("a small shape");
    assert_eq!(none.infer(&[], &[], &mut [1f32; 7]), other(4, 7));
    let nothing = DropConnect::new(drop_rate!(0.5), 0, 0).expect("a small shape");
    assert_eq!(nothing.infer(&[], &[1f32], &mut []), other(0, 1));
}

/// At p = 1 no weight was ever trained, and at neither end does anything vary, whatever W and x
/// are.
#[test]
fn at_p_0_and_1_nothing_varies_and_at_1_nothing_was_trained() {
    for backend in Backend::available() {
        for rate in [DropRate::ZERO, DropRate::ONE] {
            let classic = DropConnect::classic(rate, 1, 1).expect("a small shape");
            let inverted = DropConnect::new(rate, 1, 1).expect("a small shape");
            for x in [-3.0, f32::INFINITY, 1e30] {
                let (mut mean, mut variance) = ([7f32], [7f32]);
                let inverted = inverted.with_backend(backend);
                inverted.infer_moments(&[1e20], &[x], &mut mean, &mut variance).expect("1 x 1");
                assert_eq!((mean, bits(&variance)), ([1e20 * x], vec![0]));
                let classic = classic.with_backend(backend);
                classic.infer_moments(&[1.0], &[x], &mut mean, &mut variance).expect("1 x 1");
                assert_eq!(bits(&variance), [0]);
                let wanted = if rate == DropRate::ONE { 0.0 } else { x };
                assert_eq!(bits(&mean), bits(&[wanted]));
                classic.infer(&[1.0], &[x], &mut mean).expect("1 x 1");
                assert_eq!(bits(&mean), bits(&[wanted]));
            }
        }
    }
}

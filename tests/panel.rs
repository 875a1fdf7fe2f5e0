//! Rows of larger matrices, element by element by the rules' formulas: every source, from one slice
//! to another and in place, on every backend.

use dropout_kernels::{
    Alpha, Backend, Classic, DropKey, DropRate, Dropout, Inverted, MaskKey, MaskMut, MaskRef,
    MaskRng, Panel, ShapeError, drop_rate, mask_words,
};
use dropout_reference::few;
use dropout_reference::number::Number;
use dropout_reference::rules::Of;
use dropout_reference::stream::{Reference, pack};
use dropout_reference::suite::assert_alike;
use dropout_reference::variant::Elsewhere;
use half::{bf16, f16};

const RATES: [DropRate; 5] =
    [drop_rate!(0.0), drop_rate!(0.5), drop_rate!(0.1), drop_rate!(0.97), drop_rate!(1.0)];

/// Rows, width, and the strides of input, output and mask.
const SHAPES: [[usize; 5]; 24] = [
    [1, 1, 1, 1, 1],
    [5, 7, 7, 7, 7],
    [6, 23, 50, 50, 50],
    [3, 16, 16, 16, 16],
    [40, 16, 20, 17, 16],
    [33, 16, 16, 24, 32],
    [4, 100, 100, 128, 100],
    [4, 100, 0, 100, 100], // one row of input again and again
    [4, 100, 33, 101, 128],
    [2, 512, 600, 512, 512],
    [4, 32, 32, 40, 32], // words that end with the mask
    [4, 40, 41, 42, 45],
    [5, 8, 9, 8, 8],
    [5, 12, 12, 16, 13],
    [5, 31, 33, 31, 32],
    [3, 513, 513, 520, 544],
    [9, 65, 65, 65, 0], // all rows by the same bits
    [9, 65, 66, 70, 3], // bits that decide in several rows
    [3, 700, 700, 700, 0],
    [300, 1, 3, 2, 1],
    [300, 1, 1, 1, 4],
    [2, 1100, 1100, 1101, 1200],
    [0, 5, 5, 5, 5],
    [5, 0, 3, 3, 3],
];

const SEED: u64 = 42;
const STREAM: u64 = 7;

/// Every source at every rate over every shape.
fn follow_their_formulas<T: Number, R: Of<T>>() {
    let step = if few() { 3 } else { 1 };
    for (i, [rows, width, input, output, mask]) in SHAPES.into_iter().enumerate().step_by(step) {
        let panel = Panel::new(rows, width)
            .and_then(|panel| panel.with_strides(input, output))
            .and_then(|panel| panel.with_mask_stride(mask))
            .expect("a small shape");
        let extent = |stride: usize| match rows * width {
            0 => 0,
            _ => (rows - 1) * stride + width,
        };
        let bits = extent(mask);
        assert_eq!((panel.rows(), panel.width(), panel.mask_bits()), (rows, width, bits));
        // A slice may be longer.
        let (x, before) = (T::values(extent(input) + i % 3), T::values(extent(output) + i % 2 + 1));
        let before = &before[1..];
        for rate in RATES {
            let t = rate.threshold();
            let mut reference = Reference::new(SEED, STREAM);
            let drawn = reference.mask(t, bits);
            let own: Vec<bool> = (0..bits).map(|i| i * i % 7 < 3).collect();
            let of = |own_mask: bool, backward: bool, in_place: bool| {
                let mut y = before.to_vec();
                for r in 0..rows {
                    for j in 0..width {
                        let (from, to) = (r * input + j, r * output + j);
                        let x = if in_place { before[to] } else { x[from] };
                        let keep = if own_mask { &own } else { &drawn }[r * mask + j];
                        y[to] = match backward {
                            _ if !own_mask && t == 0 => x,
                            true => R::dx(t, keep, x),
                            false => R::y(t, keep, x),
                        };
                    }
                }
                y
            };
            let copies = R::COPIES || t == 0;
            for backend in Backend::available() {
                let dropout = R::dropout(rate).with_backend(backend).over(panel);
                let told = || format!("{dropout:?} {i}");
                let (key, mut rng) = (MaskKey::new(SEED, STREAM), MaskRng::new(SEED, STREAM));
                let mut words = vec![0x5A5A_5A5A; mask_words(bits)];
                let check = |own_mask, backward, in_place, run: &mut dyn FnMut(&mut [T])| {
                    let mut y = before.to_vec();
                    run(&mut y);
                    let wanted = of(own_mask, backward, in_place);
                    assert_alike(&y, &wanted, copies && !own_mask || R::COPIES, told);
                };
                let fits: Result<(), ShapeError> = Ok(());
                check(false, false, false, &mut |y| {
                    assert_eq!(dropout.forward(&x, y, key), fits);
                });
                check(false, true, true, &mut |y| {
                    assert_eq!(dropout.backward_in_place(y, key), fits);
                });
                check(false, false, false, &mut |y| {
                    let mask = MaskMut::new(&mut words, bits).expect("so many words");
                    assert_eq!(dropout.forward(&x, y, rng.draw(mask)), fits);
                });
                assert_eq!(words, pack(&drawn), "{}", told());
                assert!(rng.to_bytes() == reference.to_bytes(), "{}", told());
                check(false, false, true, &mut |y| {
                    let mask = MaskMut::new(&mut words, bits).expect("so many words");
                    assert_eq!(dropout.forward_in_place(y, key.draw(mask)), fits);
                });
                let brought = pack(&own);
                let brought = MaskRef::new(&brought, bits).expect("so many words");
                let elsewhere = Elsewhere::of(brought);
                check(true, false, true, &mut |y| {
                    assert_eq!(dropout.forward_in_place(y, brought), fits);
                });
                check(true, true, false, &mut |y| {
                    assert_eq!(dropout.backward(&x, y, brought), fits);
                });
                check(true, false, false, &mut |y| {
                    assert_eq!(dropout.forward(&x, y, elsewhere.window()), fits);
                });
                check(true, true, true, &mut |y| {
                    assert_eq!(dropout.backward_in_place(y, elsewhere.window()), fits);
                });
                for in_place in [true, false] {
                    let (mut y, mut wanted) = (before.to_vec(), before.to_vec());
                    for (r, j) in (0..rows).flat_map(|r| (0..width).map(move |j| (r, j))) {
                        let to = r * output + j;
                        let x = if in_place { before[to] } else { x[r * input + j] };
                        wanted[to] = R::inferred(t, x);
                    }
                    match in_place {
                        true => dropout.infer_in_place(&mut y),
                        false => dropout.infer(&x, &mut y),
                    }
                    .expect("it fits");
                    assert_alike(&y, &wanted, R::INFERS || t == 0, told);
                }
            }
        }
    }
}

#[test]
fn floating_point_numbers_follow_their_formulas() {
    follow_their_formulas::<f32, Inverted>();
    follow_their_formulas::<f32, Alpha>();
    follow_their_formulas::<f32, DropKey>();
    follow_their_formulas::<f64, Classic>();
    follow_their_formulas::<f16, Inverted>();
    follow_their_formulas::<bf16, Inverted>();
}

#[test]
fn integers_follow_their_formulas() {
    follow_their_formulas::<i8, Inverted>();
    follow_their_formulas::<i8, Classic>();
    follow_their_formulas::<i16, Inverted>();
}

#[test]
fn what_does_not_fit_is_refused() {
    let few = |expected, given| Err(ShapeError::TooFewElements { expected, given });
    let overflow = |elements, extent| Err(ShapeError::Overflow { elements, extent });
    const MAX: usize = usize::MAX;
    assert_eq!(Panel::new(2, MAX), overflow(2, MAX));
    assert_eq!(Panel::new(1, MAX), overflow(1, MAX)); // a stride beyond its end
    let panel = Panel::new(3, 10).expect("30 elements");
    let strides = panel.with_stride(12).and_then(|panel| panel.with_mask_stride(12));
    assert_eq!(Panel::within(3, 10, 12), strides);
    let narrower = ShapeError::StrideTooShort { expected: 10, given: 9 };
    assert_eq!(Panel::within(3, 10, 9), Err(narrower));
    assert_eq!(Panel::within(1, 10, 9), Err(narrower));
    assert_eq!(Panel::within(2, 3, MAX), overflow(2, MAX));
    assert_eq!(panel.with_residual_stride(MAX), overflow(3, MAX));
    assert_eq!(panel.with_stride(9), Err(narrower));
    assert_eq!(panel.with_strides(MAX / 3, 10), overflow(3, MAX / 3));
    assert_eq!(panel.with_stride(MAX), overflow(3, MAX));
    assert_eq!(panel.with_mask_stride(MAX / 2), overflow(3, MAX / 2));
    assert!(Panel::new(1, 10).and_then(|row| row.with_stride(0)).is_ok());

    let panel = panel.with_strides(20, 15).expect("small").with_mask_stride(12).expect("small");
    assert_eq!(panel.mask_bits(), 34);
    let dropout = Dropout::new(drop_rate!(0.5)).over(panel);
    let (x, key, mut rng) = ([1f32; 50], MaskKey::new(1, 0), MaskRng::new(1, 0));
    let mut y = [7f32; 40];
    assert_eq!(dropout.forward(&x[..49], &mut y, key), few(50, 49));
    assert_eq!(dropout.forward(&x, &mut y[..39], key), few(40, 39));
    assert_eq!(dropout.backward_in_place(&mut y[..39], key), few(40, 39));
    assert_eq!(dropout.infer(&x, &mut y[..39]), few(40, 39));
    assert_eq!(dropout.infer_in_place(&mut y[..39]), few(40, 39));
    let mut words = [9, 9];
    for (bits, error) in [
        (33, ShapeError::MaskTooShort { expected: 34, given: 33 }),
        (35, ShapeError::MaskTooLong { expected: 34, given: 35 }),
    ] {
        let mask = MaskMut::new(&mut words, bits).expect("two words");
        assert_eq!(dropout.forward(&x, &mut y, rng.draw(mask)), Err(error));
        let mask = MaskRef::new(&words, bits).expect("two words");
        assert_eq!(dropout.backward_in_place(&mut y, mask), Err(error));
    }
    assert_eq!((y, words, rng), ([7.0; 40], [9, 9], MaskRng::new(1, 0)));
}

//! What is fused gives the bits of its separate passes, on every backend, from every source, from one
//! slice to another and in place, over slices and panels.

use core::mem::MaybeUninit;

use dropout_kernels::{
    Backend, Classic, DropRate, Dropout, Element, Inverted, Mask, MaskKey, MaskMut, MaskRef,
    MaskRng, Panel, RuleFor, ShapeError, drop_rate, keep, mask_words,
};
use dropout_reference::few;
use dropout_reference::stream::{Reference, pack};
use half::{bf16, f16};

const RATES: [DropRate; 5] =
    [drop_rate!(0.0), drop_rate!(0.5), drop_rate!(0.1), drop_rate!(0.97), drop_rate!(1.0)];
const FITS: Result<(), ShapeError> = Ok(());

/// Rows and width of slices, then strides of input, output and residual.
const SHAPES: [[usize; 5]; 14] = [
    [1, 1, 1, 1, 1],
    [7, 5, 5, 5, 5],
    [4, 32, 32, 32, 32],
    [5, 100, 100, 100, 100],
    [3, 512, 512, 512, 512],
    [70, 16, 16, 16, 16],
    [2, 2500, 2500, 2500, 2500],
    [6, 23, 50, 40, 50],
    [9, 65, 66, 70, 101],
    [11, 513, 520, 513, 0], // one residual for all rows
    [9, 40, 40, 40, 44],
    [3, 2100, 2100, 2101, 2150],
    [0, 5, 5, 5, 5],
    [300, 33, 33, 33, 33],
];

macro_rules! fused {
    ($test:ident, $t:ty, $wide:ty, $scale:ident, $widen:expr, $narrow:expr) => {
        #[test]
        fn $test() {
            let (widen, narrow): (fn($t) -> $wide, fn($wide) -> $t) = ($widen, $narrow);
            let number = |i: usize| match i % 97 {
                13 => narrow(<$wide>::NAN),
                31 => narrow(<$wide>::INFINITY),
                57 => narrow(-0.0),
                i => narrow((i as $wide - 48.5) * 0.37),
            };
            let same = |got: &[$t], wanted: &[$t], told: &dyn Fn() -> String| {
                assert_eq!(got.len(), wanted.len());
                for (i, (got, wanted)) in got.iter().zip(wanted).enumerate() {
                    let nan = got.is_nan() && wanted.is_nan();
                    assert!(
                        nan || got.to_bits() == wanted.to_bits(),
                        "{} {i}: {got:?}, not {wanted:?}",
                        told()
                    );
                }
            };
            let step = if few() { 3 } else { 1 };
            for (s, [rows, width, input, output, aside]) in
                SHAPES.into_iter().enumerate().step_by(step)
            {
                let flat = [input, output, aside] == [width; 3];
                let extent = |stride: usize| match rows {
                    0 => 0,
                    _ => (rows - 1) * stride + width,
                };
                let bits = rows * width;
                let panel = Panel::new(rows, width)
                    .expect("small")
                    .with_strides(input, output)
                    .and_then(|panel| panel.with_residual_stride(aside))
                    .expect("small");
                let x: Vec<$t> = (0..extent(input)).map(|i| number(i * 7 + s)).collect();
                let residual: Vec<$t> =
                    (0..extent(input.max(aside))).map(|i| number(i * 5 + 1)).collect();
                let bias: Vec<$t> = (0..width).map(|i| number(i * 3 + 2)).collect();
                let before: Vec<$t> = (0..extent(output)).map(|i| number(i * 11 + 3)).collect();
                for rate in RATES {
                    let key = MaskKey::new(42, s as u64);
                    let kept = Reference::new(42, s as u64).mask(rate.threshold(), bits);
                    let words = pack(&kept);
                    let scale = rate.$scale();
                    let keep_scale = (1.0 - rate.p()) as $wide; // exact in f64, and rounded once
                    for (backend, classic) in
                        Backend::available().flat_map(|b| [(b, false), (b, true)])
                    {
                        let factor = if classic { 1.0 } else { scale };
                        let told = || {
                            format!(
                                "{} {rate:?} classic {classic} {rows} x {width} {input} {output}",
                                backend.name()
                            )
                        };
                        // y = after(keep ? (x + bias) * factor : 0), each operation rounded once.
                        let wanted =
                            |in_place: bool,
                             bias: Option<&[$t]>,
                             residual: &dyn Fn(usize, usize) -> Option<$t>| {
                                let mut y = before.clone();
                                for (r, j) in
                                    (0..rows).flat_map(|r| (0..width).map(move |j| (r, j)))
                                {
                                    let (from, to) = (r * input + j, r * output + j);
                                    let mut v = widen(if in_place { before[to] } else { x[from] });
                                    if let Some(bias) = bias {
                                        v += widen(bias[j]);
                                    }
                                    v = if kept[r * width + j] { v * factor } else { 0.0 };
                                    if let Some(residual) = residual(r, j) {
                                        v += widen(residual);
                                    }
                                    y[to] = narrow(v);
                                }
                                y
                            };
                        let none = |_: usize, _: usize| None;
                        let other = |r: usize, j: usize| Some(residual[r * aside + j]);
                        // As one of the inputs of a hook.
                        let beside = |r: usize, j: usize| Some(residual[r * input + j]);
                        let standing = |r: usize, j: usize| Some(before[r * output + j]);
                        let mut stored = vec![!0; mask_words(bits)];
                        let mut rng = MaskRng::from_key(key);
                        // The rule and the shape are types, so what is checked of each is one function.
                        macro_rules! check {
                            ($dropout:expr) => {{
                                let dropout = $dropout;
                                let block = dropout.with_bias(&bias);
                                let mask = MaskRef::new(&words, bits).expect("so many words");
                                let run = |wanted: &[$t],
                                           f: &mut dyn FnMut(
                                    &mut [$t],
                                ) -> Result<(), ShapeError>| {
                                    let mut y = before.clone();
                                    assert_eq!(f(&mut y), FITS, "{}", told());
                                    same(&y, wanted, &told);
                                };
                                run(&wanted(false, Some(&bias), &none), &mut |y| {
                                    block.forward(&x, y, key)
                                });
                                run(&wanted(false, Some(&bias), &none), &mut |y| {
                                    let mask =
                                        MaskMut::new(&mut stored, bits).expect("so many words");
                                    block.forward(&x, y, rng.draw(mask))
                                });
                                assert_eq!(stored, words, "{}", told());
                                run(&wanted(false, Some(&bias), &other), &mut |y| {
                                    block.forward_residual(&x, &residual, y, mask)
                                });
                                run(&wanted(false, Some(&bias), &other), &mut |y| {
                                    block.forward_residual(&x, &residual, y, key)
                                });
                                run(&wanted(false, Some(&bias), &standing), &mut |y| {
                                    block.forward_add(&x, y, mask)
                                });
                                run(&wanted(false, None, &standing), &mut |y| {
                                    dropout.forward_add(&x, y, mask)
                                });
                                run(&wanted(false, None, &standing), &mut |y| {
                                    dropout.backward_add(&x, y, key)
                                });
                                run(&wanted(false, None, &other), &mut |y| {
                                    dropout.forward_residual(&x, &residual, y, mask)
                                });
                                // A third of the time of a bit later, as a window of a longer mask.
                                let mut longer = vec![0; mask_words(bits + 40)];
                                let mut view =
                                    MaskMut::new(&mut longer, bits + 40).expect("so many words");
                                view.copy_bits(37, mask.into()).expect("it fits");
                                let window = view.as_ref().window(37..37 + bits).expect("it fits");
                                run(&wanted(false, Some(&bias), &other), &mut |y| {
                                    block.forward_residual(&x, &residual, y, window)
                                });
                                if input == output {
                                    run(&wanted(true, Some(&bias), &none), &mut |y| {
                                        block.forward_in_place(y, mask)
                                    });
                                    run(&wanted(true, Some(&bias), &other), &mut |y| {
                                        block.forward_residual_in_place(y, &residual, mask)
                                    });
                                    run(&wanted(true, None, &other), &mut |y| {
                                        dropout.forward_residual_in_place(y, &residual, key)
                                    });
                                }
                                // Anything: here x + residual, after and before.
                                run(&wanted(false, None, &beside), &mut |y| {
                                    dropout.forward_with(
                                        [&x, &residual],
                                        y,
                                        mask,
                                        |[x, _]| x,
                                        |d, [_, r]| d + r,
                                    )
                                });
                                run(&wanted(false, None, &none), &mut |y| {
                                    dropout.backward_with([&x], y, key, |[x]| x, |d, _| d)
                                });
                                // In place, where what stands in y is at hand in both.
                                run(&wanted(true, None, &beside), &mut |y| {
                                    dropout.forward_with_in_place(
                                        [&residual],
                                        y,
                                        mask,
                                        |y, [_]| y,
                                        |d, _, [r]| d + r,
                                    )
                                });
                                run(&wanted(false, None, &standing), &mut |y| {
                                    dropout.backward_with_in_place(
                                        [&x],
                                        y,
                                        key,
                                        |_, [x]| x,
                                        |d, y, _| d + y,
                                    )
                                });
                                run(&wanted(true, Some(&bias), &beside), &mut |y| {
                                    block.forward_with_in_place(
                                        [&residual],
                                        y,
                                        key,
                                        |y, _, b| y + b,
                                        |d, _, [r], _| d + r,
                                    )
                                });
                                // The same with the bias at hand, in both.
                                run(&wanted(false, Some(&bias), &beside), &mut |y| {
                                    block.forward_with(
                                        [&x, &residual],
                                        y,
                                        mask,
                                        |[x, _], b| x + b,
                                        |d, [_, r], _| d + r,
                                    )
                                });
                                // Inference: every element as if it were kept.
                                let inference = |residual: &dyn Fn(usize, usize) -> Option<$t>,
                                                 bias: Option<&[$t]>| {
                                    let mut y = before.clone();
                                    for (r, j) in
                                        (0..rows).flat_map(|r| (0..width).map(move |j| (r, j)))
                                    {
                                        let mut v = widen(x[r * input + j]);
                                        if let Some(bias) = bias {
                                            v += widen(bias[j]);
                                        }
                                        if classic {
                                            v *= keep_scale;
                                        }
                                        if classic && rate == DropRate::ONE {
                                            v = 0.0;
                                        }
                                        if let Some(residual) = residual(r, j) {
                                            v += widen(residual);
                                        }
                                        y[r * output + j] = narrow(v);
                                    }
                                    y
                                };
                                run(&inference(&none, Some(&bias)), &mut |y| block.infer(&x, y));
                                run(&inference(&other, None), &mut |y| {
                                    dropout.infer_residual(&x, &residual, y)
                                });
                                run(&inference(&other, Some(&bias)), &mut |y| {
                                    block.infer_residual(&x, &residual, y)
                                });
                                if flat {
                                    run(&inference(&other, None), &mut |y| {
                                        y.copy_from_slice(&x);
                                        dropout.infer_residual_in_place(y, &residual)
                                    });
                                    run(&inference(&other, Some(&bias)), &mut |y| {
                                        y.copy_from_slice(&x);
                                        block.infer_residual_in_place(y, &residual)
                                    });
                                    run(&inference(&none, Some(&bias)), &mut |y| {
                                        y.copy_from_slice(&x);
                                        block.infer_in_place(y)
                                    });
                                }
                                // Backward, and dbias row after row.
                                let gradient: Vec<$t> = {
                                    let mut dx = before.clone();
                                    for (r, j) in
                                        (0..rows).flat_map(|r| (0..width).map(move |j| (r, j)))
                                    {
                                        let v = widen(x[r * input + j]) * factor;
                                        dx[r * output + j] = if kept[r * width + j] {
                                            narrow(v)
                                        } else {
                                            narrow(0.0)
                                        };
                                    }
                                    dx
                                };
                                let mut sums: Vec<$wide> = (0..width).map(|j| j as $wide).collect();
                                for r in 0..rows {
                                    for (j, sum) in sums.iter_mut().enumerate() {
                                        *sum += widen(gradient[r * output + j]);
                                    }
                                }
                                let mut hooked: Vec<$wide> =
                                    (0..width).map(|j| j as $wide).collect();
                                run(&gradient, &mut |dx| {
                                    block.backward_with(
                                        [&x],
                                        dx,
                                        &mut hooked,
                                        mask,
                                        |[dy], _| dy,
                                        |d, _, _| d,
                                    )
                                });
                                for (got, wanted) in hooked.iter().zip(&sums) {
                                    assert!(
                                        got.is_nan() && wanted.is_nan()
                                            || got.to_bits() == wanted.to_bits(),
                                        "{}",
                                        told()
                                    );
                                }
                                if input == output {
                                    let mut in_place: Vec<$wide> =
                                        (0..width).map(|j| j as $wide).collect();
                                    run(&gradient, &mut |dx| {
                                        for r in 0..rows {
                                            let row = r * output..r * output + width;
                                            dx[row.clone()].copy_from_slice(&x[row]);
                                        }
                                        block.backward_with_in_place(
                                            [],
                                            dx,
                                            &mut in_place,
                                            key,
                                            |dy, [], _| dy,
                                            |d, _, _, _| d,
                                        )
                                    });
                                    assert!(
                                        in_place
                                            .iter()
                                            .zip(&sums)
                                            .all(|(a, b)| a.is_nan() && b.is_nan()
                                                || a.to_bits() == b.to_bits()),
                                        "{}",
                                        told()
                                    );
                                }
                                for by_key in [false, true] {
                                    let mut dbias: Vec<$wide> =
                                        (0..width).map(|j| j as $wide).collect();
                                    run(&gradient, &mut |dx| match by_key {
                                        false => block.backward(&x, dx, &mut dbias, mask),
                                        true => block.backward(&x, dx, &mut dbias, key),
                                    });
                                    for (j, (got, wanted)) in dbias.iter().zip(&sums).enumerate() {
                                        let nan = got.is_nan() && wanted.is_nan();
                                        assert!(
                                            nan || got.to_bits() == wanted.to_bits(),
                                            "{} dbias {j}: {got}, not {wanted}",
                                            told()
                                        );
                                    }
                                }
                            }};
                        }
                        match (classic, flat) {
                            (false, true) => check!(Dropout::new(rate).with_backend(backend)),
                            (true, true) => check!(Dropout::classic(rate).with_backend(backend)),
                            (false, false) => {
                                check!(Dropout::new(rate).with_backend(backend).over(panel))
                            }
                            (true, false) => {
                                check!(Dropout::classic(rate).with_backend(backend).over(panel))
                            }
                        }
                    }
                }
            }
        }
    };
}
fused!(separate_passes_f32, f32, f32, scale_f32, |x| x, |x| x);
fused!(separate_passes_f64, f64, f64, scale, |x| x, |x| x);
fused!(one_rounding_f16, f16, f32, scale_f32, f16::to_f32, f16::from_f32);
fused!(one_rounding_bf16, bf16, f32, scale_f32, bf16::to_f32, bf16::from_f32);

fn relu<T: Element + PartialOrd>(values: &[T], zero: T)
where
    Inverted: RuleFor<T>,
    Classic: RuleFor<T>,
{
    for n in [0, 1, 31, 32, 100, 5000] {
        let x: Vec<T> = (0..n).map(|i| values[i * 7 % values.len()]).collect();
        let rectified: Vec<T> = x.iter().map(|x| if *x <= zero { zero } else { *x }).collect();
        for (rate, backend) in
            RATES.into_iter().flat_map(|r| Backend::available().map(move |b| (r, b)))
        {
            let dropout = Dropout::new(rate).with_backend(backend);
            let key = MaskKey::new(3, n as u64);
            let kept = Reference::new(3, n as u64).mask(rate.threshold(), n);
            let positive: Vec<bool> = x
                .iter()
                .zip(&kept)
                .map(|(x, kept)| {
                    *kept
                        && matches!(x.partial_cmp(&zero), None | Some(core::cmp::Ordering::Greater))
                })
                .collect();
            let mut wanted = vec![zero; n];
            dropout.forward(&rectified, &mut wanted, key).expect("it fits");
            let (mut y, mut words) = (vec![values[1]; n], vec![!0; mask_words(n)]);
            let mut mask = MaskMut::new(&mut words, n).expect("so many words");
            dropout.forward_relu(&x, &mut y, key.draw(mask.reborrow())).expect("it fits");
            let equal =
                |y: &[T]| y.iter().zip(&wanted).all(|(a, b)| a == b || a.partial_cmp(b).is_none());
            assert!(equal(&y), "{} {n} {rate:?}: {y:?}, not {wanted:?}", backend.name());
            assert!(mask.as_ref().iter().eq(positive.iter().copied()), "{} {n}", backend.name());
            y.copy_from_slice(&x);
            let (mut rng, mut other) = (MaskRng::from_key(key), vec![0; mask_words(n)]);
            let drawn = MaskMut::new(&mut other, n).expect("so many words");
            dropout.forward_relu_in_place(&mut y, rng.draw(drawn)).expect("it fits");
            assert!(equal(&y) && other == words, "{} {n} in place", backend.name());
            let (mut a, mut b) = (MaskRng::from_key(key), vec![0; mask_words(n)]);
            a.fill(rate, MaskMut::new(&mut b, n).expect("so many words"));
            assert_eq!(a, rng, "the generator is where a draw leaves it");
        }
    }
}

/// Rows with strides are rectified and dropped as rows that stand together are, and their mask's other bits
/// are what was drawn.
#[test]
fn relu_over_panels() {
    // Rows, width, and the strides of input, output and mask.
    let shapes = [
        [1, 5, 5, 5, 5],
        [7, 33, 40, 35, 33],
        [5, 64, 64, 70, 96],
        [3, 700, 701, 702, 703],
        [40, 16, 17, 16, 50],
        [2, 2500, 2500, 2500, 2500],
        [0, 9, 9, 9, 9],
    ];
    for [rows, width, input, output, bits] in shapes {
        let panel = Panel::new(rows, width)
            .and_then(|panel| panel.with_strides(input, output))
            .and_then(|panel| panel.with_mask_stride(bits))
            .expect("small");
        let x: Vec<f32> = (0..rows * input).map(|i| (i * 37 % 64) as f32 - 31.0).collect();
        for (rate, backend) in
            RATES.into_iter().flat_map(|r| Backend::available().map(move |b| (r, b)))
        {
            let dropout = Dropout::new(rate).with_backend(backend).over(panel);
            let key = MaskKey::new(3, width as u64);
            let n = panel.mask_bits();
            let mut kept = Reference::new(3, width as u64).mask(rate.threshold(), n);
            let told = format!("{} {rate:?} {rows} x {width}", backend.name());
            for in_place in [false, true] {
                let mut y = vec![-7f32; rows * output];
                if in_place {
                    for (y, x) in y.chunks_mut(output).zip(x.chunks(input)) {
                        y[..width].copy_from_slice(&x[..width]);
                    }
                }
                let mut wanted = y.clone();
                for (r, j) in (0..rows).flat_map(|r| (0..width).map(move |j| (r, j))) {
                    let (x, kept) = (x[r * input + j], &mut kept[r * bits + j]);
                    *kept &= x > 0.0;
                    wanted[r * output + j] = if *kept { x * rate.scale_f32() } else { 0.0 };
                }
                let mut words = vec![0; mask_words(n)];
                let mut mask = MaskMut::new(&mut words, n).expect("so many words");
                let given = if in_place {
                    dropout.forward_relu_in_place(&mut y, key.draw(mask.reborrow()))
                } else {
                    dropout.forward_relu(&x, &mut y, key.draw(mask.reborrow()))
                };
                assert_eq!(given, FITS, "{told}");
                assert!(y == wanted && words == pack(&kept), "{told} in place {in_place}");
                // Backward by this mask is the gradient of both.
                let mut dx = y.clone();
                let mask = MaskRef::new(&words, n).expect("so many words");
                dropout.backward_in_place(&mut dx, mask).expect("it fits");
                assert!(dx.iter().zip(&y).all(|(dx, y)| (*y > 0.0) == (*dx > 0.0)), "{told}");
            }
        }
    }
    let shared = Panel::new(3, 8).and_then(|panel| panel.with_mask_stride(7)).expect("small");
    let (mut rng, mut mask, mut x) = (MaskRng::new(1, 2), Mask::<1>::new(), [1f32; 24]);
    let refused = Dropout::new(drop_rate!(0.5))
        .over(shared)
        .forward_relu_in_place(&mut x, rng.draw(mask.view_mut(22).expect("it fits")));
    assert_eq!(refused, Err(ShapeError::StrideTooShort { expected: 8, given: 7 }));
    assert!(rng == MaskRng::new(1, 2) && x == [1.0; 24]);
}

/// At p = 0 nothing is computed, so that signalling NaN stay so.
#[test]
fn relu_at_zero_keeps_bits() {
    let (bits, key) =
        ([0x7FA0_0001u32, 0xFF80_0001, 0x7FC1_2345, 0x3F80_0000, 0x8000_0000], MaskKey::new(1, 2));
    let halves = [0x7CD5u16, 0x7D0A, 0x7E46, 0x3C00, 0x8000];
    for backend in Backend::available() {
        let dropout = Dropout::new(DropRate::ZERO).with_backend(backend);
        let (x, mut y, mut mask) = (bits.map(f32::from_bits), [1f32; 5], Mask::<1>::new());
        dropout.forward_relu(&x, &mut y, key.draw(&mut mask)).expect("it fits");
        let mut in_place = x;
        dropout.forward_relu_in_place(&mut in_place, key.draw(&mut mask)).expect("it fits");
        let wanted = [bits[0], bits[1], bits[2], bits[3], 0];
        assert_eq!((y.map(f32::to_bits), in_place.map(f32::to_bits)), (wanted, wanted));
        let (x, mut y) = (halves.map(f16::from_bits), [f16::ONE; 5]);
        dropout.forward_relu(&x, &mut y, key.draw(&mut mask)).expect("it fits");
        assert_eq!(y.map(f16::to_bits), [halves[0], halves[1], halves[2], halves[3], 0]);
    }
}

/// One mask serves `ReLU` and dropout; a NaN stays.
#[test]
fn one_mask_for_relu_and_dropout() {
    relu(
        &[
            -1.5f32,
            2.5,
            0.0,
            -0.0,
            f32::NAN,
            -f32::NAN,
            f32::INFINITY,
            f32::NEG_INFINITY,
            1e-45,
            -1e-45,
        ],
        0.0,
    );
    relu(
        &[-1.5f64, 2.5, 0.0, -0.0, f64::NAN, -f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 5e-324],
        0.0,
    );
    relu(&[-3i8, 5, 0, i8::MIN, i8::MAX, 1, -1], 0);
    relu(&[-3i16, 5, 0, i16::MIN, i16::MAX, 1, -1], 0);
    let halves =
        [-1.5, 2.5, 0.0, -0.0, f32::NAN, -f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e-7, -1e-7];
    relu(&halves.map(f16::from_f32), f16::ZERO);
    relu(&halves.map(bf16::from_f32), bf16::ZERO);
}

/// Memory that was not initialised holds what forward writes, from every source.
#[test]
fn outputs_that_are_not_initialised() {
    for n in [0, 1, 33, 512, 2048, 5001] {
        let x: Vec<f32> = (0..n).map(|i| i as f32 - 9.5).collect();
        for (rate, backend) in
            RATES.into_iter().flat_map(|r| Backend::available().map(move |b| (r, b)))
        {
            let dropout = Dropout::new(rate).with_backend(backend);
            let key = MaskKey::new(5, 6);
            let mut words = vec![0; mask_words(n)];
            let mut wanted = vec![0f32; n];
            let mask = MaskMut::new(&mut words, n).expect("so many words");
            dropout.forward(&x, &mut wanted, key.draw(mask)).expect("it fits");
            let mut drawn = vec![0; mask_words(n)];
            let mut y: Vec<MaybeUninit<f32>> = vec![MaybeUninit::uninit(); n];
            assert_eq!(dropout.forward_uninit(&x, &mut y, key).expect("it fits"), wanted);
            let mask = MaskMut::new(&mut drawn, n).expect("so many words");
            let mut y: Vec<MaybeUninit<f32>> = vec![MaybeUninit::uninit(); n];
            assert_eq!(
                dropout
                    .forward_uninit(&x, &mut y, MaskRng::from_key(key).draw(mask))
                    .expect("it fits"),
                wanted
            );
            assert_eq!(drawn, words);
            let mask = MaskRef::new(&words, n).expect("so many words");
            let mut y: Vec<MaybeUninit<f32>> = vec![MaybeUninit::uninit(); n];
            assert_eq!(dropout.forward_uninit(&x, &mut y, mask).expect("it fits"), wanted);
        }
    }
    // Rows with gaps, into memory without.
    for [rows, width, input, bits] in
        [[7, 33, 40, 33], [7, 33, 40, 64], [3, 2500, 2501, 2500], [9, 65, 70, 0], [5, 8, 9, 3]]
    {
        let panel = Panel::new(rows, width)
            .and_then(|panel| panel.with_strides(input, width))
            .and_then(|panel| panel.with_mask_stride(bits))
            .expect("small");
        let x: Vec<f32> = (0..rows * input).map(|i| i as f32 - 9.5).collect();
        for (rate, backend) in
            RATES.into_iter().flat_map(|r| Backend::available().map(move |b| (r, b)))
        {
            let dropout = Dropout::new(rate).with_backend(backend).over(panel);
            let (key, n) = (MaskKey::new(5, 6), panel.mask_bits());
            let (mut words, mut wanted) = (vec![0; mask_words(n)], vec![0f32; rows * width]);
            let mask = MaskMut::new(&mut words, n).expect("so many words");
            dropout.forward(&x, &mut wanted, key.draw(mask)).expect("it fits");
            let mut y: Vec<MaybeUninit<f32>> = vec![MaybeUninit::uninit(); wanted.len()];
            assert_eq!(dropout.forward_uninit(&x, &mut y, key).expect("it fits"), wanted);
            let mask = MaskRef::new(&words, n).expect("so many words");
            let mut y: Vec<MaybeUninit<f32>> = vec![MaybeUninit::uninit(); wanted.len()];
            assert_eq!(dropout.forward_uninit(&x, &mut y, mask).expect("it fits"), wanted);
            let mut drawn = vec![0; mask_words(n)];
            let draw = MaskMut::new(&mut drawn, n).expect("so many words");
            let mut y: Vec<MaybeUninit<f32>> = vec![MaybeUninit::uninit(); wanted.len()];
            assert_eq!(
                dropout.forward_uninit(&x, &mut y, key.draw(draw)).expect("it fits"),
                wanted
            );
            assert_eq!(drawn, words);
        }
    }
    let gaps = Panel::new(2, 3).and_then(|panel| panel.with_stride(4)).expect("small");
    let mut y = [MaybeUninit::<f32>::uninit(); 7];
    let dropout = Dropout::new(drop_rate!(0.5));
    assert_eq!(
        dropout.over(gaps).forward_uninit(&[1.0; 7], &mut y, MaskKey::new(1, 2)).err(),
        Some(ShapeError::StrideTooLong { expected: 3, given: 4 })
    );
    let together = Panel::new(2, 3).expect("small");
    assert_eq!(
        dropout.over(together).forward_uninit(&[1.0; 7], &mut y, MaskKey::new(1, 2)).err(),
        Some(ShapeError::OtherElements { expected: 6, given: 7 })
    );
    // Nothing, of whatever strides.
    for (rows, width) in [(0, 89), (6, 0)] {
        let nothing = Panel::within(rows, width, 98).expect("small");
        let given = dropout.over(nothing).forward_uninit(&[1f32; 0], &mut [], MaskKey::new(1, 2));
        assert_eq!(given.map(|y| y.len()), Ok(0));
    }
    let mut y = [MaybeUninit::<f32>::uninit(); 3];
    let refused =
        Dropout::new(drop_rate!(0.5)).forward_uninit(&[1.0; 4], &mut y, MaskKey::new(1, 2));
    assert_eq!(refused.err(), Some(ShapeError::LengthMismatch { expected: 4, given: 3 }));
}

/// Blocks are what one fill gives, and `keep` what the verbs give.
#[test]
fn blocks_and_words_in_a_kernel_of_ones_own() {
    for rate in RATES {
        let (mut a, mut b, mut words) = (MaskRng::new(1, 2), MaskRng::new(1, 2), vec![0; 64]);
        a.fill(rate, MaskMut::new(&mut words, 2048).expect("so many words"));
        let blocks: Vec<u32> = (0..4).flat_map(|_| b.block(rate)).collect();
        assert_eq!((blocks, b), (words.clone(), a));
    }
    let x: [i16; 32] = core::array::from_fn(|i| i as i16 - 7);
    for word in [0, !0, 0x8000_0001, 0x1234_5678] {
        let kept = keep(word, x);
        assert!((0..32).all(|i| kept[i] == if word >> i & 1 != 0 { x[i] } else { 0 }));
        assert_eq!(keep(word, x.map(f64::from)), kept.map(f64::from));
        assert_eq!(keep(word, x.map(|x| x as i8)), kept.map(|x| x as i8));
    }
}

/// Whatever does not fit is refused; nothing is written, and the generator has not moved.
#[test]
fn what_does_not_fit_is_refused() {
    let dropout = Dropout::new(drop_rate!(0.5));
    let (mut rng, mut mask) = (MaskRng::new(1, 2), Mask::<1>::new());
    let (x, bias, mut y) = ([1f32; 12], [1f32; 4], [7f32; 12]);
    let length = |expected, given| Err(ShapeError::LengthMismatch { expected, given });
    let block = dropout.with_bias(&bias);
    assert_eq!(block.forward(&x[1..], &mut y, rng.draw(&mut mask)), length(11, 12));
    assert_eq!(block.forward_residual(&x, &x[..9], &mut y, rng.draw(&mut mask)), length(9, 12));
    let rows = Err(ShapeError::OtherElements { expected: 8, given: 11 });
    assert_eq!(block.forward(&x[1..], &mut y[1..], rng.draw(&mut mask)), rows);
    let nothing: [f32; 0] = [];
    let rows = Err(ShapeError::OtherElements { expected: 0, given: 12 });
    assert_eq!(dropout.with_bias(&nothing).forward(&x, &mut y, rng.draw(&mut mask)), rows);
    let mut dbias = [3f32; 5];
    assert_eq!(
        block.backward(&x, &mut y, &mut dbias, MaskKey::new(1, 2)),
        Err(ShapeError::OtherElements { expected: 4, given: 5 })
    );
    assert_eq!(dropout.forward_add(&x[..3], &mut y, rng.draw(&mut mask)), length(3, 12));
    assert_eq!(
        dropout.forward_with([&x, &x[1..]], &mut y, rng.draw(&mut mask), |[a, _]| a, |d, _| d),
        length(11, 12)
    );
    assert_eq!(dropout.forward_relu(&x[..3], &mut y, rng.draw(&mut mask)), length(3, 12));
    let short = Err(ShapeError::MaskTooShort { expected: 12, given: 10 });
    assert_eq!(dropout.forward_add(&x, &mut y, mask.view(10).expect("it fits")), short);
    let panel = Panel::new(3, 4).and_then(|panel| panel.with_stride(5)).expect("small");
    let short = Err(ShapeError::TooFewElements { expected: 14, given: 12 });
    assert_eq!(dropout.over(panel).forward_add(&x, &mut y, rng.draw(&mut mask)), short);
    let mut longer = [7f32; 14];
    assert_eq!(dropout.over(panel).forward_add(&x, &mut longer, rng.draw(&mut mask)), short);
    assert_eq!(
        dropout
            .over(panel)
            .with_bias(&bias[..3])
            .forward_in_place(&mut longer, rng.draw(&mut mask)),
        Err(ShapeError::OtherElements { expected: 4, given: 3 })
    );
    assert_eq!(
        mask.view_mut(32).expect("it fits").and_positive(&x),
        Err(ShapeError::MaskTooLong { expected: 12, given: 32 })
    );
    assert_eq!((y, longer, dbias), ([7.0; 12], [7.0; 14], [3.0; 5]));
    assert_eq!((rng, mask), (MaskRng::new(1, 2), Mask::new()));
}

/// The strides of a single row say nothing.
#[test]
fn a_panel_of_one_row_is_a_slice() {
    let (x, mut words) = ([1f32; 10], [0; 2]);
    for stride in [0, 3, 10, 40, usize::MAX - 10] {
        let panel = Panel::new(1, 10).and_then(|panel| panel.with_stride(stride));
        let panel = panel.and_then(|panel| panel.with_mask_stride(stride)).expect("one row");
        for rate in RATES {
            let dropout = Dropout::new(rate).over(panel);
            let mut mask = MaskMut::new(&mut words, 50).expect("so many words");
            MaskKey::new(1, 2).fill(drop_rate!(0.5), mask.reborrow());
            let window = mask.as_ref().window(31..41).expect("so many bits");
            let mut wanted = [0f32; 10];
            dropout.flat().forward(&x, &mut wanted, window).expect("it fits");
            let (mut a, mut b, mut c) = ([7f32; 10], [0f32; 10], [7f32; 10]);
            dropout.forward(&x, &mut a, window).expect("it fits");
            dropout.forward_add(&x, &mut b, window).expect("it fits");
            dropout.infer(&x, &mut c).expect("it fits");
            assert_eq!((a, b, c), (wanted, wanted, x), "{stride} {rate:?}");
            dropout.flat().forward(&x, &mut wanted, MaskKey::new(3, 4)).expect("it fits");
            dropout.forward(&x, &mut a, MaskKey::new(3, 4)).expect("it fits");
            assert_eq!(a, wanted, "{stride} {rate:?}");
        }
    }
    let nothing = Panel::new(usize::MAX, 0).expect("no elements");
    let dropout = Dropout::new(drop_rate!(0.5)).over(nothing);
    let empty = MaskRef::new(&[], 0).expect("no words");
    assert_eq!(dropout.forward_add::<f32>(&[], &mut [], empty), FITS);
    assert_eq!(dropout.infer_in_place::<f32>(&mut []), FITS);
}

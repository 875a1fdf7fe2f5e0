//! What is promised of dropout in candle: the crate's own bits, the gradient, layouts, edges and state.

use candle_core::{DType, Device, ModuleT, Result, Tensor, Var, WithDType};
use dropout_kernels::{Dropout as Kernel, Element, Inverted, RuleFor};
use dropout_kernels_candle::ops::{self, dropout_by_key, dropout_by_key_in_place};
use dropout_kernels_candle::{DropRate, Dropout, MaskKey, Masks};
use half::{bf16, f16};

const KEY: MaskKey = MaskKey::new(42, 7);
const RATES: [f32; 5] = [0.0, 0.1, 0.5, 0.9, 1.0];

fn rate(p: f32) -> DropRate {
    DropRate::new(p).unwrap()
}

/// Numbers of which no two neighbours are equal, and none is 0.
fn numbers(shape: &[usize], dtype: DType) -> Result<Tensor> {
    let n: usize = shape.iter().product();
    let numbers: Vec<f64> = (0..n).map(|i| ((i * 37 % 101) as f64 - 50.5) / 16.0).collect();
    Tensor::from_vec(numbers, shape, &Device::Cpu)?.to_dtype(dtype)
}

/// The bits of all elements, in logical order.
fn bits(x: &Tensor) -> Result<Vec<u64>> {
    let x = x.flatten_all()?;
    Ok(match x.dtype() {
        DType::F32 => x.to_vec1::<f32>()?.iter().map(|x| u64::from(x.to_bits())).collect(),
        DType::F64 => x.to_vec1::<f64>()?.iter().map(|x| x.to_bits()).collect(),
        DType::F16 => x.to_vec1::<f16>()?.iter().map(|x| u64::from(x.to_bits())).collect(),
        DType::BF16 => x.to_vec1::<bf16>()?.iter().map(|x| u64::from(x.to_bits())).collect(),
        other => panic!("{other:?}"),
    })
}

fn gradient(y: &Tensor, dy: &Tensor, x: &Var) -> Result<Tensor> {
    Ok((y * dy)?.sum_all()?.backward()?.remove(x).expect("y depends on x"))
}

/// Views of each kind: as it is, transposed, rows and columns cut out, axes exchanged, repeated.
fn views(dtype: DType) -> Result<Vec<(&'static str, Tensor)>> {
    let x = numbers(&[6, 50], dtype)?;
    let four = numbers(&[3, 4, 5, 8], dtype)?;
    Ok(vec![
        ("contiguous", x.clone()),
        ("transposed", x.t()?),
        ("rows from an offset", x.narrow(0, 2, 3)?),
        ("columns", x.narrow(1, 17, 23)?),
        ("one column", x.narrow(1, 49, 1)?),
        ("columns of the transposed", x.t()?.narrow(1, 1, 4)?),
        ("heads before rows", four.transpose(1, 2)?),
        ("axes reversed", four.permute((3, 2, 1, 0))?),
        ("rows repeated", x.narrow(0, 1, 1)?.broadcast_as((4, 50))?),
        ("columns repeated", x.narrow(1, 3, 1)?.broadcast_as((6, 9))?),
        ("nothing", x.narrow(1, 5, 0)?.t()?),
        ("a scalar", x.get(1)?.get(2)?),
    ])
}

fn equals_plain_slices<T: WithDType + Element>(dtype: DType) -> Result<()>
where
    Inverted: RuleFor<T>,
{
    for n in [0, 1, 31, 32, 33, 1000, 5000] {
        for p in RATES {
            let (x, dy) = (Var::from_tensor(&numbers(&[n], dtype)?)?, numbers(&[n], dtype)?);
            let y = dropout_by_key(&x, rate(p), KEY)?;
            let grads = (&y * &dy)?.backward()?;
            let dx = grads.get(&x).expect("y depends on x");
            assert_eq!((y.dtype(), y.dims()), (dtype, x.dims()));

            let kernel = Kernel::new(rate(p));
            let (x, dy) = (x.to_vec1::<T>()?, dy.to_vec1::<T>()?);
            let (mut expected_y, mut expected_dx) = (x.clone(), x.clone());
            kernel.forward(&x, &mut expected_y, KEY).unwrap();
            kernel.backward(&dy, &mut expected_dx, KEY).unwrap();
            let tensor = |x: Vec<T>| bits(&Tensor::from_vec(x, n, &Device::Cpu)?);
            assert_eq!(bits(&y)?, tensor(expected_y)?, "{dtype:?}, {n} elements, p = {p}");
            // candle adds the gradient to zeros, which makes +0.0 of -0.0; there is none here.
            assert_eq!(bits(dx)?, tensor(expected_dx)?, "{dtype:?}, {n} elements, p = {p}");
        }
    }
    Ok(())
}

#[test]
fn every_element_type_has_the_bits_of_plain_slices() -> Result<()> {
    equals_plain_slices::<f32>(DType::F32)?;
    equals_plain_slices::<f64>(DType::F64)?;
    equals_plain_slices::<f16>(DType::F16)?;
    equals_plain_slices::<bf16>(DType::BF16)
}

#[test]
fn the_gradient_is_that_of_finite_differences() -> Result<()> {
    const STEP: f64 = 1e-5;
    for view in ["flat", "transposed"] {
        let x = Var::from_tensor(&numbers(&[5, 12], DType::F64)?)?;
        let weights = numbers(&[60], DType::F64)?;
        let loss = |x: &Tensor| -> Result<Tensor> {
            let x = if view == "flat" { x.clone() } else { x.t()? };
            let y = dropout_by_key(&x, rate(0.4), KEY)?.flatten_all()?;
            (y.sqr()? * &weights)?.sum_all()
        };
        let gradient = loss(&x)?.backward()?.remove(&x).expect("the loss depends on x");
        let gradient = gradient.flatten_all()?.to_vec1::<f64>()?;
        let values = x.flatten_all()?.to_vec1::<f64>()?;
        let mut dropped = 0;
        for (i, gradient) in gradient.into_iter().enumerate() {
            let at = |step: f64| {
                let mut values = values.clone();
                values[i] += step;
                loss(&Tensor::from_vec(values, (5, 12), &Device::Cpu)?)?.to_scalar::<f64>()
            };
            let difference = (at(STEP)? - at(-STEP)?) / (2.0 * STEP);
            assert!((gradient - difference).abs() < 1e-6 * (1.0 + difference.abs()), "{view}, {i}");
            dropped += usize::from(gradient == 0.0);
        }
        assert!((10..40).contains(&dropped), "{dropped} of 60");
    }
    Ok(())
}

#[test]
fn a_view_is_dropped_like_its_copy() -> Result<()> {
    for dtype in [DType::F32, DType::F64, DType::F16, DType::BF16] {
        for (name, x) in views(dtype)? {
            let of_view = dropout_by_key(&x, rate(0.5), KEY)?;
            let of_copy = dropout_by_key(&x.force_contiguous()?, rate(0.5), KEY)?;
            assert_eq!(of_view.dims(), x.dims());
            assert_eq!(bits(&of_view)?, bits(&of_copy)?, "{dtype:?}, {name}");
        }
    }
    Ok(())
}

#[test]
fn backward_has_the_mask_of_forward_in_every_layout() -> Result<()> {
    for (name, x) in views(DType::F32)? {
        let ones = Var::from_tensor(&x.ones_like()?)?;
        let y = dropout_by_key(&ones, rate(0.5), KEY)?;
        // The gradient comes in the layout of the view, and once as it is.
        for dy in [x.clone(), x.force_contiguous()?] {
            let dx = gradient(&y, &dy, &ones)?;
            // Plus 0.0, as a dropped element times a negative one is -0.0.
            assert_eq!(bits(&dx)?, bits(&((&y * &x)? + 0.0)?)?, "{name}");
        }
    }
    // And where the input is the view.
    let x = Var::from_tensor(&Tensor::ones((6, 50), DType::F32, &Device::Cpu)?)?;
    let y = dropout_by_key(&x.t()?.narrow(0, 3, 40)?, rate(0.5), KEY)?;
    let dx = gradient(&y, &y.ones_like()?, &x)?;
    assert_eq!(bits(&dx.t()?.narrow(0, 3, 40)?)?, bits(&y)?);
    assert_eq!(dx.narrow(1, 0, 3)?.sum_all()?.to_scalar::<f32>()?, 0.0);
    Ok(())
}

#[test]
fn in_place_is_the_same_and_touches_nothing_else() -> Result<()> {
    for dtype in [DType::F32, DType::F64, DType::F16, DType::BF16] {
        for i in 0..views(dtype)?.len() {
            // Views of a tensor share its storage, so each is taken of a new one.
            let (name, x) = views(dtype)?.swap_remove(i);
            let expected = bits(&dropout_by_key(&x, rate(0.5), KEY)?)?;
            let done = dropout_by_key_in_place(&x, rate(0.5), KEY);
            if name.ends_with("repeated") {
                let message = done.unwrap_err().to_string();
                assert!(message.contains("repeated elements"), "{message}");
            } else {
                done?;
                assert_eq!(bits(&x)?, expected, "{dtype:?}, {name}");
            }
        }
    }
    let whole = Tensor::ones((6, 50), DType::F32, &Device::Cpu)?;
    dropout_by_key_in_place(&whole.narrow(1, 17, 23)?.t()?, rate(1.0), KEY)?;
    let expected: Vec<f32> =
        (0..300).map(|i| if (17..40).contains(&(i % 50)) { 0.0 } else { 1.0 }).collect();
    assert_eq!(whole.flatten_all()?.to_vec1::<f32>()?, expected);
    Ok(())
}

#[test]
fn edges_of_p() -> Result<()> {
    let special = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -0.0, 1e-45, f32::MAX, 1.0, -1.0];
    let x = Tensor::new(&special, &Device::Cpu)?;
    assert_eq!(bits(&Dropout::new(0.0).forward(&x, true)?)?, bits(&x)?);
    let var = Var::from_tensor(&x)?;
    let y = Dropout::new(1.0).forward(&var, true)?;
    assert_eq!(bits(&y)?, [0; 8]);
    assert_eq!(bits(&gradient(&y, &y.ones_like()?, &var)?)?, [0; 8]);

    for (p, given) in [(f32::NAN, "NaN"), (-0.1, "-0.1"), (1.5, "1.5"), (f32::INFINITY, "inf")] {
        let dropout = Dropout::new(p);
        for message in [
            dropout.forward(&x, true).unwrap_err(),
            dropout.forward_in_place(&x, true).unwrap_err(),
            ops::dropout(&x, p).unwrap_err(),
        ] {
            let message = message.to_string();
            assert!(message.contains("expected a drop rate from 0 to 1, got"), "{message}");
            assert!(given == "inf" || message.contains(given), "{message}");
        }
        assert_eq!(dropout.masks().calls, 0);
    }
    Ok(())
}

#[test]
fn inference_is_the_input_itself() -> Result<()> {
    let x = numbers(&[3, 4], DType::F32)?;
    // As candle's own, it does not look at p.
    for p in [0.5, f32::NAN] {
        let (ours, candle) = (Dropout::new(p), candle_nn::Dropout::new(p));
        for y in [ours.forward(&x, false)?, ours.forward_t(&x, false)?, candle.forward(&x, false)?]
        {
            assert_eq!(y.id(), x.id()); // the same tensor, and so the same storage
        }
        ours.forward_in_place(&x, false)?;
        assert_eq!(bits(&x)?, bits(&numbers(&[3, 4], DType::F32)?)?);
        assert_eq!(ours.masks().calls, 0);
    }
    Ok(())
}

/// What candle's own does, asked of both by the same lines.
macro_rules! semantics {
    ($($name:ident: $dropout:ty, $function:path;)*) => {$(
        #[test]
        fn $name() -> Result<()> {
            for dtype in [DType::F32, DType::F64, DType::F16, DType::BF16] {
                let x = numbers(&[40, 50], dtype)?;
                let layer = <$dropout>::new(0.25).clone();
                let boxed: Box<dyn ModuleT> = Box::new(<$dropout>::new(0.25));
                for y in [
                    layer.forward(&x, true)?,
                    layer.forward_t(&x, true)?,
                    boxed.forward_t(&x, true)?,
                    $function(&x, 0.25)?,
                    x.apply_t(&layer, true)?,
                ] {
                    assert_eq!((y.dtype(), y.dims()), (dtype, x.dims()));
                    let wide = |x: &Tensor| x.flatten_all()?.to_dtype(DType::F64)?.to_vec1::<f64>();
                    let mut dropped = 0;
                    for (x, y) in wide(&x)?.into_iter().zip(wide(&y)?) {
                        dropped += usize::from(y == 0.0);
                        // bf16 has 8 bits, and candle rounds the scale to it as well.
                        assert!(y == 0.0 || (y * 0.75 - x).abs() <= 0.01 * x.abs(), "{x} to {y}");
                    }
                    // 2000 elements at p = 1/4: mean 500, and a standard deviation of 19.4.
                    assert!((400..600).contains(&dropped), "{dropped} of 2000");
                }
                let same = <$dropout>::new(0.0).forward(&x, true)?;
                assert_eq!(bits(&same)?, bits(&x)?);
            }
            let x = numbers(&[3], DType::F32)?;
            for p in [-0.1, 1.5, f32::NAN] {
                assert!(<$dropout>::new(p).forward(&x, true).is_err());
                assert!($function(&x, p).is_err());
            }
            Ok(())
        }
    )*};
}
semantics! {
    candles_semantics_by_candle: candle_nn::Dropout, candle_nn::ops::dropout;
    candles_semantics_by_ours: Dropout, ops::dropout;
}

#[test]
fn other_elements_are_refused_and_no_mask_is_used_up() -> Result<()> {
    for dtype in [DType::U8, DType::U32, DType::I64] {
        let x = Tensor::ones((2, 3), dtype, &Device::Cpu)?;
        let dropout = Dropout::seeded(0.5, KEY);
        for error in [
            dropout.forward(&x, true).unwrap_err(),
            dropout.forward_in_place(&x, true).unwrap_err(),
            ops::dropout(&x, 0.5).unwrap_err(),
            x.apply_op1(dropout_kernels_candle::DropoutOp::new(rate(0.5), KEY)).unwrap_err(),
        ] {
            let message = error.to_string();
            let expected =
                format!("expected elements of f32, f64, f16 or bf16, got {}", dtype.as_str());
            assert!(message.contains(&expected), "{message}");
        }
        assert_eq!(dropout.masks(), Masks::new(KEY));
    }
    Ok(())
}

#[test]
fn layers_and_calls_have_masks_of_their_own_and_can_be_resumed() -> Result<()> {
    let x = Tensor::ones(1000, DType::F32, &Device::Cpu)?;
    let layers = [0, 1].map(|layer| Dropout::seeded(0.5, MaskKey::new(42, layer)));
    let mut seen = Vec::new();
    for call in 0..3 {
        for (layer, dropout) in (0..).zip(&layers) {
            let y = bits(&dropout.clone().forward(&x, true)?)?;
            // As documented: a name for ever.
            let key = MaskKey::new(42, layer).fold(call);
            assert_eq!(y, bits(&dropout_by_key(&x, rate(0.5), key)?)?);
            assert!(!seen.contains(&y));
            seen.push(y);
        }
    }
    assert_eq!(layers[1].masks(), Masks { key: MaskKey::new(42, 1), calls: 3 });

    // From a checkpoint, into a layer that was made with another key; training goes on.
    let resumed = Dropout::new(0.5);
    resumed.set_masks(layers[1].masks());
    assert_eq!(bits(&resumed.forward(&x, true)?)?, bits(&layers[1].forward(&x, true)?)?);
    layers[0].set_masks(Masks::new(MaskKey::new(42, 0)));
    assert_eq!(bits(&layers[0].forward(&x, true)?)?, seen[0]);

    // In place it is the same sequence of masks.
    layers[0].set_masks(Masks::new(MaskKey::new(42, 0)));
    let y = x.copy()?;
    layers[0].forward_in_place(&y, true)?;
    assert_eq!(bits(&y)?, seen[0]);

    // Without a seed: none is like another.
    let (a, b) = (Dropout::new(0.5), Dropout::new(0.5));
    let ys = [a.forward(&x, true)?, b.forward(&x, true)?, a.forward(&x, true)?];
    let zs = [ops::dropout(&x, 0.5)?, ops::dropout(&x, 0.5)?];
    let all: Vec<_> = ys.iter().chain(&zs).map(bits).collect::<Result<_>>()?;
    for (i, mask) in all.iter().enumerate() {
        assert!(!all[..i].contains(mask));
    }
    Ok(())
}

#[test]
fn the_dropped_fraction_is_p() -> Result<()> {
    let n = 1_000_000;
    let x = Tensor::ones(n, DType::F32, &Device::Cpu)?;
    for p in [0.1, 0.5, 0.9] {
        for y in [Dropout::new(p).forward(&x, true)?, ops::dropout(&x, p)?] {
            let dropped = y.to_vec1::<f32>()?.iter().filter(|y| **y == 0.0).count() as f64;
            let (p, n) = (f64::from(p), n as f64);
            // Six standard deviations.
            assert!(
                (dropped - p * n).abs() < 6.0 * (n * p * (1.0 - p)).sqrt(),
                "{dropped}, p = {p}"
            );
        }
    }
    Ok(())
}

#[test]
fn a_dropped_nan_does_not_poison_the_gradient() -> Result<()> {
    let x = Var::new(&[f32::NAN; 64], &Device::Cpu)?;
    let y = dropout_by_key(&x, rate(0.5), KEY)?;
    let dy = Tensor::new(&[f32::INFINITY; 64], &Device::Cpu)?;
    let dx = dy.apply_op1_no_bwd(&dropout_kernels_candle::DropoutOp::new(rate(0.5), KEY))?;
    let (y, dx) = (y.to_vec1::<f32>()?, dx.to_vec1::<f32>()?);
    let dropped = y.iter().filter(|y| y.to_bits() == 0).count();
    assert!((10..54).contains(&dropped));
    for (y, dx) in y.into_iter().zip(dx) {
        assert!(if y.is_nan() { dx == f32::INFINITY } else { dx.to_bits() == 0 });
    }
    Ok(())
}

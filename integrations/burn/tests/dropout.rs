//! What is promised of dropout in burn: the crate's own bits, the gradient, layouts, edges and state.

use burn::tensor::{DType, Device, Tensor, TensorData, bf16, f16};
use dropout_kernels::{Dropout as Kernel, Element, Inverted, RuleFor};
use dropout_kernels_burn::{
    DropRate, Dropout, DropoutConfig, Error, MaskKey, Masks, dropout_by_key,
};

const KEY: MaskKey = MaskKey::new(42, 7);

fn rate(p: f64) -> DropRate {
    DropRate::from_f64(p).unwrap()
}

/// Without autodiff, with it, and with gradient checkpointing.
fn devices() -> [Device; 3] {
    let device = Device::default();
    let autodiff = device.clone().autodiff();
    [device, autodiff.clone(), autodiff.gradient_checkpointing()]
}

fn numbers<const D: usize>(shape: [usize; D], device: &Device) -> Tensor<D> {
    let n: usize = shape.iter().product();
    let numbers: Vec<f32> = (0..n).map(|i| ((i * 37 % 101) as f32 - 50.5) / 16.0).collect();
    Tensor::from_data(TensorData::new(numbers, shape), device)
}

fn values<const D: usize>(x: &Tensor<D>) -> Vec<f32> {
    x.to_data().try_to_vec::<f32>().unwrap()
}

fn equals_plain_slices<T: burn::tensor::Element + Element>(dtype: DType)
where
    Inverted: RuleFor<T>,
{
    for device in devices() {
        for n in [1, 31, 32, 33, 5000] {
            for p in [0.0, 0.1, 0.5, 1.0] {
                let x = numbers([n], &device).cast(dtype);
                let mut expected = x.to_data().try_to_vec::<T>().unwrap();
                Kernel::new(rate(p)).forward_in_place(&mut expected, KEY).unwrap();
                let y = dropout_by_key(x.clone(), rate(p), KEY).unwrap();
                assert_eq!(y.dtype(), dtype);
                assert_eq!(y.to_data().try_to_vec::<T>().unwrap(), expected, "{dtype:?} {n} {p}");
                // The input is in use, and so it is as it was.
                assert_eq!(x.to_data(), numbers([n], &device).cast(dtype).to_data());
                // And in place, where nothing else holds it.
                let y = dropout_by_key(numbers([n], &device).cast(dtype), rate(p), KEY).unwrap();
                assert_eq!(y.to_data().try_to_vec::<T>().unwrap(), expected, "{dtype:?} {n} {p}");
            }
        }
    }
}

#[test]
fn every_element_type_has_the_bits_of_plain_slices() {
    equals_plain_slices::<f32>(DType::F32);
    equals_plain_slices::<f64>(DType::F64);
    equals_plain_slices::<f16>(DType::F16);
    equals_plain_slices::<bf16>(DType::BF16);
}

#[test]
fn the_gradient_is_that_of_finite_differences() {
    const STEP: f64 = 1e-5;
    for device in &devices()[1..] {
        let loss = |x: Tensor<2>| {
            let y = dropout_by_key(x.transpose(), rate(0.4), KEY).unwrap();
            let weights = numbers([12, 5], device).cast(DType::F64);
            (y.clone() * y * weights).sum()
        };
        let x = numbers([5, 12], device).cast(DType::F64).require_grad();
        let gradient = x.grad(&loss(x.clone()).backward()).unwrap();
        let gradient = gradient.to_data().try_to_vec::<f64>().unwrap();
        let values = x.to_data().try_to_vec::<f64>().unwrap();
        let mut dropped = 0;
        for (i, gradient) in gradient.into_iter().enumerate() {
            let at = |step: f64| {
                let mut values = values.clone();
                values[i] += step;
                let x = Tensor::<1>::from_data(TensorData::new(values, [60]), (device, DType::F64));
                loss(x.reshape([5, 12])).to_data().try_to_vec::<f64>().unwrap()[0]
            };
            let difference = (at(STEP) - at(-STEP)) / (2.0 * STEP);
            assert!((gradient - difference).abs() < 1e-6 * (1.0 + difference.abs()), "{i}");
            dropped += usize::from(gradient == 0.0);
        }
        assert!((10..40).contains(&dropped), "{dropped} of 60");
    }
}

#[test]
fn a_view_is_dropped_like_its_copy_and_backward_has_its_mask() {
    type View = fn(Tensor<2>) -> Tensor<2>;
    let views: [(&str, View); 5] = [
        ("as it is", |x| x),
        ("transposed", |x| x.transpose()),
        ("columns", |x| x.slice([0..6, 17..40])),
        ("rows", |x| x.slice([2..5, 0..50])),
        ("flipped", |x| x.flip([1])),
    ];
    for device in &devices()[1..] {
        for (name, view) in views {
            let x = numbers([6, 50], device);
            let copy = view(x.clone()).into_data();
            let copy = Tensor::<2>::from_data(copy, device);
            let of_copy = dropout_by_key(copy, rate(0.5), KEY).unwrap();
            let of_view = dropout_by_key(view(x.clone()), rate(0.5), KEY).unwrap();
            assert_eq!(values(&of_view), values(&of_copy), "{name}");
            assert_eq!(values(&x), values(&numbers([6, 50], device)), "{name}");

            let ones = Tensor::<2>::ones([6, 50], device).require_grad();
            let y = dropout_by_key(view(ones.clone()), rate(0.5), KEY).unwrap();
            let dx = ones.grad(&y.clone().sum().backward()).unwrap();
            let dx = Tensor::<2>::from_data(dx.into_data(), device);
            assert_eq!(values(&view(dx)), values(&y), "{name}");
        }
    }
}

#[test]
fn edges_of_p() {
    let [device, autodiff, _] = devices();
    let special = [f32::NAN, f32::INFINITY, -0.0, 1e-45, f32::MAX, -1.0];
    let x =
        Tensor::<1>::from_data(TensorData::new(special.to_vec(), [6]), &autodiff).require_grad();
    let same = DropoutConfig::new(0.0).init().forward(x.clone());
    let bits = |x: &Tensor<1>| values(x).iter().map(|x| x.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(&same), special.map(f32::to_bits));
    let none = DropoutConfig::new(1.0).init().forward(x.clone());
    assert_eq!(bits(&none), [0; 6]);
    let dx = x.grad(&none.sum().backward()).unwrap();
    assert_eq!(bits(&dx), [0; 6]);

    for p in [f64::NAN, -0.1, 1.5] {
        let error = Dropout::seeded(p, KEY).unwrap_err();
        assert!(matches!(error, Error::Rate(_)));
        assert!(error.to_string().starts_with("expected a drop rate from 0 to 1, got"));
    }
    // In inference, and frozen, the input itself.
    let dropout = Dropout::seeded(0.5, KEY).unwrap();
    let x = numbers([100], &device);
    assert_eq!(values(&dropout.forward(x.clone())), values(&x));
    let frozen = burn::module::Module::freeze(dropout.clone());
    let x = numbers([100], &autodiff);
    assert_eq!(values(&frozen.forward(x.clone())), values(&x));
    assert_eq!(dropout.masks(), Masks::new(KEY));
}

#[test]
fn layers_and_calls_have_masks_of_their_own_and_can_be_resumed() {
    let device = Device::default().autodiff();
    let x = Tensor::<1>::ones([1000], &device);
    let layers = [0, 1].map(|layer| Dropout::seeded(0.5, MaskKey::new(42, layer)).unwrap());
    let mut seen = Vec::new();
    for call in 0..3 {
        for (layer, dropout) in (0..).zip(&layers) {
            let y = values(&dropout.clone().forward(x.clone()));
            let key = MaskKey::new(42, layer).fold(call);
            assert_eq!(y, values(&dropout_by_key(x.clone(), rate(0.5), key).unwrap()));
            assert!(!seen.contains(&y));
            seen.push(y);
        }
    }
    let resumed = DropoutConfig::new(0.5).init();
    resumed.set_masks(layers[1].masks());
    assert_eq!(values(&resumed.forward(x.clone())), values(&layers[1].forward(x.clone())));
    let (a, b) = (DropoutConfig::new(0.5).init(), DropoutConfig::new(0.5).init());
    assert_ne!(values(&a.forward(x.clone())), values(&b.forward(x.clone())));
    assert_ne!(values(&a.forward(x.clone())), values(&a.forward(x)));
}

#[test]
fn the_dropped_fraction_is_p() {
    let device = Device::default().autodiff();
    let x = Tensor::<1>::ones([1_000_000], &device);
    for p in [0.1, 0.5, 0.9] {
        let y = DropoutConfig::new(p).init().forward(x.clone());
        let dropped = values(&y).iter().filter(|y| **y == 0.0).count() as f64;
        // Six standard deviations.
        assert!(
            (dropped - p * 1e6).abs() < 6.0 * (1e6 * p * (1.0 - p)).sqrt(),
            "{dropped}, p = {p}"
        );
    }
}

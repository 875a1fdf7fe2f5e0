//! Dropout layers of Rust frameworks, as their users call them: from a tensor to a new one. The
//! memory of the new one is part of what they cost.

use std::hint::black_box;

use burn::nn::DropoutConfig;
use burn::tensor::{Device, Tensor as BurnTensor};
use candle_core::{Device as CandleDevice, Tensor as CandleTensor};

use crate::contender::{Contender, Forward, Kind, check};

pub(crate) fn contenders() -> Vec<Contender> {
    one_thread();
    vec![
        Contender { name: "candle-nn Dropout", kind: Kind::OwnTensors, build: candle },
        Contender { name: "burn Dropout (flex)", kind: Kind::OwnTensors, build: burn },
    ]
}

/// Both use rayon's global pool where they use threads.
fn one_thread() {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build_global();
    pool.expect("nobody has used the pool before");
}

fn candle(n: usize, p: f32) -> Forward {
    let dropout = candle_nn::Dropout::new(p);
    let x = CandleTensor::ones(n, candle_core::DType::F32, &CandleDevice::Cpu).expect("memory");
    let forward = move || dropout.forward(black_box(&x), true).expect("a rate from RATES");
    check("candle", &forward().to_vec1::<f32>().expect("f32 in one dimension"), p);
    Box::new(move |_| drop(black_box(forward())))
}

fn burn(n: usize, p: f32) -> Forward {
    // Without autodiff its dropout is the identity.
    let device = Device::default().autodiff();
    let x = BurnTensor::<1>::ones([n], &device).require_grad();
    let dropout = DropoutConfig::new(f64::from(p)).init();
    let forward = move || dropout.forward(black_box(&x).clone());
    check("burn", forward().into_data().as_slice().expect("f32"), p);
    Box::new(move |_| drop(black_box(forward())))
}

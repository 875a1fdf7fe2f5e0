//! Gradients against finite differences of the loss.

use std::process::ExitCode;

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

use crate::digits::Digits;
use crate::network::{BATCH, Network, cross_entropy};
use crate::regulariser::{Dropper, Regulariser};

/// Length of a step along a direction: the loss is of f32, and good to some 10^-7.
const STEP: f32 = 2e-3;
const DIRECTIONS: usize = 8;
/// Of the length of the gradient, which is what a direction could find at most.
const TOLERANCE: f64 = 0.02;

/// For each tensor and kind of dropout, slopes of the loss along random directions and along the
/// gradient itself.
pub(crate) fn check(digits: &Digits, regularisers: &[Regulariser]) -> ExitCode {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(3);
    let batch = digits.select(&(0..BATCH).collect::<Vec<_>>());
    let (mut worst, mut checked, mut failed) = (0f64, 0, 0);
    for &regulariser in regularisers {
        let mut network = Network::new(&mut rng);
        // Without biases paper is exactly on the kink of `relu`, where there is no slope to compare
        // with.
        for (_, tensor) in network.tensors() {
            for w in tensor {
                *w += (rng.next_u64() >> 40) as f32 / (1 << 26) as f32;
            }
        }
        // A schedule of no steps is at its last rate.
        let mut dropper = Dropper::new(regulariser, 9, 0);
        let activations = network.forward(&batch.pixels, |maps| dropper.forward(maps, 0));
        let mut gradient = network.gradient(&batch.pixels, &batch.labels, &activations, &dropper);
        let mut loss = |network: &Network| {
            let output = network.forward(&batch.pixels, |maps| dropper.forward(maps, 0)).output;
            cross_entropy(&output, &batch.labels)
        };
        for (tensor, (name, gradient)) in gradient.tensors().into_iter().enumerate() {
            let length = dot(gradient, gradient).sqrt();
            for i in 0..=DIRECTIONS {
                let random = |_: &f32| (rng.next_u64() >> 40) as f32 / (1 << 23) as f32 - 1.0;
                let mut direction: Vec<f32> =
                    if i == 0 { gradient.to_vec() } else { gradient.iter().map(random).collect() };
                let scale = 1.0 / dot(&direction, &direction).sqrt() as f32;
                direction.iter_mut().for_each(|d| *d *= scale);
                let mut at = |step: f32| {
                    let mut moved = network.clone();
                    let (_, w) = &mut moved.tensors()[tensor];
                    w.iter_mut().zip(&direction).for_each(|(w, d)| *w += step * d);
                    loss(&moved)
                };
                let slope = (at(STEP) - at(-STEP)) / (2.0 * f64::from(STEP));
                let off = (slope - dot(gradient, &direction)).abs() / length;
                worst = worst.max(off);
                checked += 1;
                if off.is_nan() || off > TOLERANCE {
                    failed += 1;
                    println!(
                        "{regulariser:?}, {name}, direction {i}: off by {off:.4} of the gradient's length"
                    );
                }
            }
        }
    }
    println!(
        "{checked} slopes, off by at most {worst:.5} of the gradient's length (allowed: {TOLERANCE})"
    );
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(a * b)).sum()
}

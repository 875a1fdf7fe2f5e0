//! What the network says of a digit over many passes, and how sure it is.

use dropout_kernels::{Dropout, MaskKey, MonteCarlo};

use crate::RATES;
use crate::digits::{CLASSES, Digits};
use crate::masks::LAYERS;
use crate::network::{BATCH, Network, best, softmax};

/// Of one digit.
pub(crate) struct Prediction {
    /// Whether the mean of the passes is right.
    pub(crate) right: bool,
    /// H(mean of the passes), nats: all that the network does not know.
    pub(crate) entropy: f64,
    /// H(mean) - mean of H: what of it is disagreement between passes.
    pub(crate) information: f64,
    /// Whether one pass without dropout is right.
    pub(crate) right_without: bool,
    /// Its entropy.
    pub(crate) entropy_without: f64,
}

/// Of all digits. The masks of a pass and a batch are replayed from (seed, stream), so each
/// corruption of a digit meets the masks that the clean one met.
pub(crate) fn predict(
    network: &Network,
    digits: &Digits,
    seed: u64,
    passes: u32,
) -> Vec<Prediction> {
    // Not the masks of training.
    let seed = seed ^ 0x5EED;
    let batches = digits.pixels.chunks(BATCH).zip(digits.labels.chunks(BATCH));
    let one = |(batch, (pixels, labels)): (usize, (&[_], &[usize]))| {
        // The probabilities of the classes, and the entropy of the pass, which is averaged with
        // them.
        let mut outputs = vec![MonteCarlo::<[f64; CLASSES + 1]>::new(); labels.len()];
        for pass in 0..passes {
            let step = batch as u64 * u64::from(passes) + u64::from(pass);
            let rows = network.outputs(pixels, |layer, x| {
                let stream = step * LAYERS as u64 + layer as u64;
                Dropout::new(RATES[layer])
                    .forward_in_place(x, MaskKey::new(seed, stream))
                    .expect("any length");
            });
            for (outputs, row) in outputs.iter_mut().zip(&rows) {
                let p = softmax(row);
                let mut pass = [entropy(&p); CLASSES + 1];
                pass[..CLASSES].copy_from_slice(&p);
                outputs.push(&pass).expect("as many outputs, and fewer passes than 2^32");
            }
        }
        let without = network.outputs(pixels, |_, _| ());
        let all = outputs.iter().zip(&without).zip(labels);
        all.map(|((outputs, without), &label)| {
            let mean = outputs.mean().expect("a pass");
            let p: [f64; CLASSES] = std::array::from_fn(|class| mean[class]);
            let without = softmax(without);
            Prediction {
                right: best(&p) == label,
                entropy: entropy(&p),
                information: entropy(&p) - mean[CLASSES],
                right_without: best(&without) == label,
                entropy_without: entropy(&without),
            }
        })
        .collect::<Vec<_>>()
    };
    batches.enumerate().flat_map(one).collect()
}

/// - sum p ln p, nats.
fn entropy(p: &[f64; CLASSES]) -> f64 {
    -p.iter().filter(|p| **p > 0.0).map(|p| p * p.ln()).sum::<f64>()
}

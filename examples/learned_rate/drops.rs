//! Dropout on the layers of the network: on the hidden ones by a schedule, or by rates that are learned.

use dropout_kernels::{ConcreteDropout, Dropout, Schedule, drop_rate};

use crate::masks::key;
use crate::network::{Dropper, HIDDEN, Network};

const INPUT: Dropout = Dropout::new(drop_rate!(0.1));
/// The paper's: of the gates, and of the weights' prior.
const TEMPERATURE: f32 = 0.1;
const LENGTH_SCALE: f32 = 1e-4;

/// Which rates the hidden layers have.
#[derive(Clone)]
enum Rates {
    Scheduled(Schedule),
    Learned {
        layers: [ConcreteDropout; 2],
        /// What each layer was given in the forward pass.
        inputs: [Vec<f32>; 2],
        /// The gradients to their logits.
        to_logits: [f32; 2],
    },
}

#[derive(Clone)]
pub(crate) struct Drops {
    rates: Rates,
    seed: u64,
    step: u32,
}

impl Drops {
    pub(crate) const fn scheduled(schedule: Schedule) -> Self {
        Self { rates: Rates::Scheduled(schedule), seed: 0, step: 0 }
    }

    /// Learned from p on.
    pub(crate) fn learned(p: f32) -> Self {
        let layer = ConcreteDropout::new(p, TEMPERATURE).expect("a rate of these");
        let rates =
            Rates::Learned { layers: [layer; 2], inputs: Default::default(), to_logits: [0.0; 2] };
        Self { rates, seed: 0, step: 0 }
    }

    /// The same with masks of their own.
    pub(crate) fn of_seed(&self, seed: u64) -> Self {
        Self { seed, ..self.clone() }
    }

    /// Of the hidden layers.
    pub(crate) fn rates(&self) -> [f64; 2] {
        match &self.rates {
            Rates::Scheduled(schedule) => [schedule.rate(self.step).p(); 2],
            Rates::Learned { layers, .. } => layers.map(|layer| layer.p().into()),
        }
    }

    /// A step of the logits, and what the regulariser asks of the weights.
    pub(crate) fn learn(&mut self, network: &mut Network, learning_rate: f32, examples: usize) {
        let Rates::Learned { layers, to_logits, .. } = &mut self.rates else { return };
        let (weight, entropy) =
            (LENGTH_SCALE * LENGTH_SCALE / examples as f32, 1.0 / examples as f32);
        // The weights that multiply what each layer puts out.
        let weights =
            [network.second.weights.as_flattened_mut(), network.last.weights.as_flattened_mut()];
        for ((layer, to_logit), weights) in layers.iter_mut().zip(to_logits).zip(weights) {
            let squares = weights.iter().map(|w| w * w).sum();
            let penalty = layer.penalty(squares, HIDDEN as u32, weight, entropy);
            for w in weights {
                *w -= learning_rate * penalty.to_weights * *w;
            }
            let logit = layer.logit() - learning_rate * (*to_logit + penalty.to_logit);
            *layer = layer.with_logit(logit).expect("no step leads to an end of the range");
        }
    }
}

impl Dropper for Drops {
    fn forward(&mut self, layer: usize, x: &mut [f32]) {
        let key = key(self.seed, self.step.into(), layer);
        match (layer.checked_sub(1), &mut self.rates) {
            (None, _) => INPUT.forward_in_place(x, key).expect("any length"),
            (Some(_), Rates::Scheduled(schedule)) => {
                let dropout = Dropout::new(schedule.rate(self.step));
                dropout.forward_in_place(x, key).expect("any length");
            }
            (Some(l), Rates::Learned { layers, inputs, .. }) => {
                inputs[l].clear();
                inputs[l].extend_from_slice(x);
                layers[l].forward_in_place(x, key);
            }
        }
    }

    fn backward(&mut self, layer: usize, dx: &mut [f32]) {
        let key = key(self.seed, self.step.into(), layer);
        match (layer.checked_sub(1), &mut self.rates) {
            (None, _) => INPUT.backward_in_place(dx, key).expect("any length"),
            (Some(_), Rates::Scheduled(schedule)) => {
                let dropout = Dropout::new(schedule.rate(self.step));
                dropout.backward_in_place(dx, key).expect("any length");
            }
            (Some(l), Rates::Learned { layers, inputs, to_logits }) => {
                to_logits[l] =
                    layers[l].backward_in_place(&inputs[l], dx, key).expect("the batch's length");
            }
        }
    }

    fn end_step(&mut self) {
        self.step += 1;
    }
}

//! Dropout on codes of eight bits.

use dropout_kernels::{DropRate, Dropout};

use crate::masks::{LAYERS, key};

/// The code of zero. No activation of this network is below zero, so it is the lowest.
pub(crate) const ZERO: i8 = i8::MIN;

/// What becomes of codes that are kept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Method {
    /// Nothing: the scale of the tensor is multiplied by 1 / (1 - p).
    Fold,
    /// They are multiplied by 1 / (1 - p), rounded to nearest, and saturate.
    Requantise,
    /// As `Requantise`, but rounded up or down at random.
    Stochastic,
}

/// Codes above zero that were kept, and how many of them times 1 / (1 - p) are beyond the greatest
/// code.
#[derive(Clone, Copy, Default)]
pub(crate) struct Kept {
    pub(crate) codes: u64,
    pub(crate) saturated: u64,
}

/// The dropout of a network in training. The mask of a step and a layer has a key, by which
/// backward draws it again: none is in memory. The keys are those of the network in `f32`.
pub(crate) struct Dropper {
    method: Method,
    rates: [DropRate; LAYERS],
    seed: u64,
    step: u64,
    kept: [Kept; LAYERS],
}

impl Dropper {
    pub(crate) fn new(method: Method, rates: [DropRate; LAYERS], seed: u64) -> Self {
        Self { method, rates, seed, step: 0, kept: Default::default() }
    }

    /// Drops from `x`, and returns what the scale of its codes has to be multiplied by.
    ///
    /// Nothing is left to do at inference: `infer` of the classic rule is for those who do not
    /// multiply the scale in training.
    pub(crate) fn forward(&mut self, layer: usize, x: &mut [i8]) -> f32 {
        let (rate, key) = (self.rates[layer], key(self.seed, self.step, layer));
        let fold = Dropout::classic(rate).with_zero_point(ZERO);
        let requantise = Dropout::new(rate).with_zero_point(ZERO);
        let before = x.to_vec();
        match self.method {
            Method::Fold => fold.forward_in_place(x, key),
            Method::Requantise => requantise.forward_in_place(x, key),
            Method::Stochastic => requantise.forward_stochastic_in_place(x, key, key),
        }
        .expect("any length");

        let (on_scale, on_codes) = match self.method {
            Method::Fold => (rate.scale_f32(), 1.0),
            Method::Requantise | Method::Stochastic => (1.0, rate.scale_f32()),
        };
        let above_zero = |code: i8| f32::from(code) - f32::from(ZERO);
        let greatest = above_zero(i8::MAX);
        for (&before, _) in before.iter().zip(&*x).filter(|(_, after)| **after != ZERO) {
            self.kept[layer].codes += 1;
            self.kept[layer].saturated += u64::from(above_zero(before) * on_codes > greatest);
        }
        on_scale
    }

    /// Drops from `dx`, the gradient in `f32`, what [`forward`](Self::forward) dropped. Rounding
    /// and saturation let it straight through, so it is the same for each method.
    pub(crate) fn backward(&self, layer: usize, dx: &mut [f32]) {
        let dropout = Dropout::new(self.rates[layer]);
        let key = key(self.seed, self.step, layer);
        dropout.backward_in_place(dx, key).expect("any length");
    }

    pub(crate) fn end_step(&mut self) {
        self.step += 1;
    }

    pub(crate) fn kept(&self) -> [Kept; LAYERS] {
        self.kept
    }
}

//! Gaussian dropout.

use dropout_kernels::{Backend, DropRate, GaussianDropout};

use super::RATES;
use crate::gaussian::{expected, outputs};
use crate::number::Floating;
use crate::stream::Reference;
use crate::variant::{Form, Given, Pass, Variant, Way};
use crate::{LENGTHS, ways};

/// Over `n` elements.
#[derive(Clone, Debug)]
pub struct Noise {
    pub noise: GaussianDropout,
    pub n: usize,
}

impl<T: Floating> Variant<T> for Noise {
    const VARIABLES: &'static [&'static str] = &["x", "y", "dy", "dx"];
    const GRADIENTS: &'static [(usize, usize)] = &[(0, 3)];
    const OUTPUT: (usize, usize) = (1, 2);

    fn cases() -> Vec<Self> {
        let below_1 = RATES.into_iter().filter_map(|rate| GaussianDropout::new(rate).ok());
        below_1.flat_map(|noise| LENGTHS.map(|n| Self { noise, n })).collect()
    }

    fn example() -> Self {
        let rate = DropRate::new(0.3).expect("a probability");
        Self { noise: GaussianDropout::new(rate).expect("below 1"), n: 40 }
    }

    fn parameters(&self) -> String {
        format!("threshold {} elements {}", self.noise.rate().threshold(), self.n)
    }

    /// It has no mask.
    fn of_rate(_: DropRate, _: usize) -> Option<Self> {
        None
    }

    fn with_backend(self, backend: Backend) -> Self {
        Self { noise: self.noise.with_backend(backend), ..self }
    }

    fn lengths(&self) -> Vec<usize> {
        vec![self.n; 4]
    }

    fn mask_bits(&self) -> usize {
        0
    }

    fn ways() -> Vec<Way<Self, T>> {
        ways! {
            Forward Rng [In(0), Out(1)] |v, [x, y], l| v.noise.forward(x, y, l.rng);
            Forward Rng [Over(0, 1)] |v, [x], l| { v.noise.forward_in_place(x, l.rng); Ok(()) };
            Forward Key [In(0), Out(1)] |v, [x, y], l| v.noise.forward(x, y, l.key);
            Forward Key [Over(0, 1)] |v, [x], l| { v.noise.forward_in_place(x, l.key); Ok(()) };
            Backward Rng [In(2), Out(3)] |v, [dy, dx], l| v.noise.backward(dy, dx, l.rng);
            Backward Rng [Over(2, 3)] |v, [dx], l| { v.noise.backward_in_place(dx, l.rng); Ok(()) };
            Backward Key [In(2), Out(3)] |v, [dy, dx], l| v.noise.backward(dy, dx, l.key);
            Backward Key [Over(2, 3)] |v, [dx], l| { v.noise.backward_in_place(dx, l.key); Ok(()) };
            Infer None [In(0), Out(1)] |v, [x, y], l| v.noise.infer(x, y);
        }
    }

    fn drawn(&self, reference: &mut Reference) -> Vec<bool> {
        if self.noise.rate() != DropRate::ZERO {
            outputs(reference, self.n);
        }
        vec![]
    }

    fn formula(&self, given: &Given<'_>, variables: &mut [Vec<T>]) {
        let (from, to) = if given.pass == Pass::Backward { (2, 3) } else { (0, 1) };
        variables[to] = match given.pass {
            Pass::Infer => variables[from].clone(),
            _ => expected(&mut given.start.clone(), self.noise.rate(), &variables[from]),
        };
    }

    fn copies(&self, given: &Given<'_>) -> bool {
        given.pass == Pass::Infer || self.noise.rate() == DropRate::ZERO
    }

    /// Any length that all have.
    fn refit(&self, _: &Form, slices: &[usize], _: Option<usize>) -> Option<Self> {
        let n = *slices.first()?;
        slices.iter().all(|other| *other == n).then(|| Self { n, ..self.clone() })
    }
}

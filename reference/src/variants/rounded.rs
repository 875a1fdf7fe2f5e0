//! Integers that are rounded by random bits: docs/QUANTISED.md.

use dropout_kernels::{Backend, DropRate, Dropout, Inverted, MaskKey};

use crate::number::{Clamped, clamped, multiplier};
use crate::stream::Reference;
use crate::variant::{Elsewhere, Form, Given, Pass, Variant, Way};
use crate::{LENGTHS, rates, ways};

/// Over `n` elements, rounded by a key of its own.
#[derive(Clone, Debug)]
pub struct Rounded {
    pub dropout: Dropout<Inverted>,
    pub n: usize,
}

const ROUNDING: MaskKey = MaskKey::new(11, 12);

impl Rounded {
    pub fn new(rate: DropRate, n: usize) -> Self {
        Self { dropout: Dropout::new(rate), n }
    }
}

/// floor((x * m + r) / 2^k), with k bits from the top of a word.
fn rounded<T: Clamped>(x: T, (m, shift): (i128, i32), word: u32) -> T {
    let x: i64 = x.into();
    if shift > 14 {
        return clamped(x.signum() << 40);
    }
    let k = 31 - shift;
    clamped(((i128::from(x) * m + i128::from(word >> (32 - k))) >> k) as i64)
}

impl<T: Clamped + dropout_kernels::Integer> Variant<T> for Rounded {
    const VARIABLES: &'static [&'static str] = &["x", "y", "dy", "dx"];
    const GRADIENTS: &'static [(usize, usize)] = &[];
    const OUTPUT: (usize, usize) = (1, 2);
    const DIFFERENTIABLE: bool = false;

    fn cases() -> Vec<Self> {
        rates().flat_map(|rate| LENGTHS.map(|n| Self::new(rate, n))).collect()
    }

    fn example() -> Self {
        Self::new(DropRate::new(0.3).expect("a probability"), 40)
    }

    fn parameters(&self) -> String {
        let (seed, stream) = (ROUNDING.seed(), ROUNDING.stream());
        let t = self.dropout.rate().threshold();
        format!("threshold {t} elements {} rounding {seed} {stream}", self.n)
    }

    fn of_rate(rate: DropRate, n: usize) -> Option<Self> {
        Some(Self::new(rate, n))
    }

    fn with_backend(self, backend: Backend) -> Self {
        Self { dropout: self.dropout.with_backend(backend), ..self }
    }

    fn lengths(&self) -> Vec<usize> {
        vec![self.n; 4]
    }

    fn mask_bits(&self) -> usize {
        self.n
    }

    fn ways() -> Vec<Way<Self, T>> {
        ways! {
            Forward Drawn [In(0), Out(1)] |v, [x, y], l| v.dropout.forward_stochastic(x, y, l.rng.draw(l.mask), ROUNDING);
            Forward KeyDrawn [Over(0, 1)] |v, [x], l| v.dropout.forward_stochastic_in_place(x, l.key.draw(l.mask), ROUNDING);
            Forward Key [In(0), Out(1)] |v, [x, y], l| v.dropout.forward_stochastic(x, y, l.key, ROUNDING);
            Forward Stored [Over(0, 1)] |v, [x], l| v.dropout.forward_stochastic_in_place(x, l.mask.as_ref(), ROUNDING);
            Backward Key [In(2), Out(3)] |v, [dy, dx], l| v.dropout.backward_stochastic(dy, dx, l.key, ROUNDING);
            Backward Stored [Over(2, 3)] |v, [dx], l| v.dropout.backward_stochastic_in_place(dx, l.mask.as_ref(), ROUNDING);
            Backward Stored [In(2), Out(3)] |v, [dy, dx], l| v.dropout.backward_stochastic(dy, dx, Elsewhere::of(l.mask.as_ref()).window(), ROUNDING);
        }
    }

    fn drawn(&self, reference: &mut Reference) -> Vec<bool> {
        reference.mask(self.dropout.rate().threshold(), self.n)
    }

    fn formula(&self, given: &Given<'_>, variables: &mut [Vec<T>]) {
        let t = self.dropout.rate().threshold();
        let (from, to) = if given.pass == Pass::Backward { (2, 3) } else { (0, 1) };
        let key = ROUNDING.fold(u64::MAX);
        let mut words = Reference::new(key.seed(), key.stream());
        let of = |i: usize| {
            // Element i by output i / 16 of lane i % 16.
            let word = words.next(i % 16);
            match given.keep[i] && t < super::ONE {
                true => rounded(variables[from][i], multiplier(super::ONE, super::ONE - t), word),
                false => T::ZERO,
            }
        };
        variables[to] = (0..self.n).map(of).collect();
    }

    fn copies(&self, _: &Given<'_>) -> bool {
        true
    }

    /// Any length that all have.
    fn refit(&self, _: &Form, slices: &[usize], mask: Option<usize>) -> Option<Self> {
        let n = *slices.first()?;
        let fit = slices.iter().chain(&mask).all(|other| *other == n);
        fit.then(|| Self { n, ..self.clone() })
    }
}

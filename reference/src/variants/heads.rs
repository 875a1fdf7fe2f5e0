//! Whole heads of attention.

use dropout_kernels::{Backend, DropHead, DropRate};

use super::RATES;
use crate::layouts::heads;
use crate::number::Number;
use crate::stream::Reference;
use crate::variant::{Elsewhere, Given, Pass, Variant, Way};
use crate::verbs;

/// Over (batch, tokens, heads, elements).
#[derive(Clone, Debug)]
pub struct Heads {
    pub drop_head: DropHead,
    pub extents: [usize; 4],
}

/// Heads in one block of masks, beyond it, and across its end; elements that are filled as a whole
/// and that are not; nothing at all.
const EXTENTS: [[usize; 4]; 14] = [
    [1, 1, 1, 1],
    [8, 1, 4, 40],
    [3, 1, 12, 7],
    [3, 5, 12, 7],
    [2, 3, 8, 32],
    [2, 3, 8, 33],
    [100, 1, 7, 3],
    [90, 2, 7, 1],
    [3, 1, 512, 2],
    [3, 2, 700, 2],
    [2, 2, 513, 1],
    [0, 1, 4, 5],
    [2, 1, 0, 5],
    [2, 0, 4, 5],
];

impl Heads {
    pub fn new(rate: DropRate, extents: [usize; 4]) -> Self {
        let [batch, tokens, heads, elements] = extents;
        let drop_head = DropHead::tokens_first(rate, batch, tokens, heads, elements);
        Self { drop_head: drop_head.expect("a small shape"), extents }
    }
}

impl<T: Number> Variant<T> for Heads {
    const VARIABLES: &'static [&'static str] = &["x", "y", "dy", "dx"];
    const GRADIENTS: &'static [(usize, usize)] = &[(0, 3)];
    const OUTPUT: (usize, usize) = (1, 2);

    fn cases() -> Vec<Self> {
        RATES.iter().flat_map(|rate| EXTENTS.map(|extents| Self::new(*rate, extents))).collect()
    }

    fn example() -> Self {
        Self::new(DropRate::new(0.4).expect("a probability"), [3, 1, 4, 3])
    }

    fn parameters(&self) -> String {
        let [batch, tokens, heads, elements] = self.extents;
        let t = self.drop_head.rate().threshold();
        format!("threshold {t} batch {batch} tokens {tokens} heads {heads} elements {elements}")
    }

    fn of_rate(rate: DropRate, n: usize) -> Option<Self> {
        Some(Self::new(rate, [n / 10, 1, 10, 1]))
    }

    fn with_backend(self, backend: Backend) -> Self {
        Self { drop_head: self.drop_head.with_backend(backend), ..self }
    }

    fn lengths(&self) -> Vec<usize> {
        vec![self.extents.iter().product(); 4]
    }

    fn mask_bits(&self) -> usize {
        self.extents[0] * self.extents[2]
    }

    fn ways() -> Vec<Way<Self, T>> {
        verbs!(|v| v.drop_head)
    }

    fn drawn(&self, reference: &mut Reference) -> Vec<bool> {
        let bits = Variant::<T>::mask_bits(self);
        reference.mask(self.drop_head.rate().threshold(), bits)
    }

    fn formula(&self, given: &Given<'_>, variables: &mut [Vec<T>]) {
        let (from, to) = if given.pass == Pass::Backward { (2, 3) } else { (0, 1) };
        variables[to] = match given.drawn && self.drop_head.rate() == DropRate::ZERO {
            true => variables[from].clone(),
            false => heads(self.extents, given.keep, &variables[from]),
        };
    }

    fn copies(&self, given: &Given<'_>) -> bool {
        given.drawn && self.drop_head.rate() == DropRate::ZERO
    }
}

//! Dropout over a layout.

use dropout_kernels::{Backend, DropRate, Dropout, Layout};

use super::RATES;
use super::plain::{by_rule, copies};
use crate::layouts::spread;
use crate::number::Number;
use crate::rules::{Formula, Of};
use crate::stream::Reference;
use crate::variant::{Elsewhere, Given, Variant, Way};
use crate::{verbs, ways};

/// Over (groups, repeat, width, run).
#[derive(Clone, Debug)]
pub struct Over<R> {
    pub dropout: Dropout<R, Layout>,
    pub extents: [usize; 4],
}

/// Every way that a kernel treats apart: rows below, at and above a word, and above a block of
/// masks; runs below, at and above what is filled as a whole; nothing at all.
const EXTENTS: [[usize; 4]; 33] = [
    [1, 1, 700, 1],
    [3, 1, 200, 1],
    [1, 4, 5, 1],
    [3, 4, 5, 1],
    [2, 11, 9, 1],
    [2, 7, 17, 1],
    [2, 7, 31, 1],
    [2, 7, 32, 1],
    [2, 7, 33, 1],
    [2, 9, 40, 1], // a row ends where a word does
    [3, 3, 64, 1],
    [3, 3, 65, 1],
    [2, 2, 511, 1],
    [2, 3, 512, 1],
    [2, 2, 513, 1],
    [1, 3, 1100, 1],
    [1, 1, 40, 2],
    [1, 1, 33, 7],
    [2, 1, 9, 31],
    [2, 1, 9, 32],
    [2, 1, 9, 33],
    [2, 1, 300, 3],
    [1, 1, 600, 49],
    [1, 1, 1, 1000],
    [5, 1, 1, 70],
    [5, 3, 1, 20],
    [2, 3, 4, 5],
    [2, 3, 4, 40],
    [2, 2, 520, 2],
    [0, 3, 4, 5],
    [2, 0, 4, 5],
    [2, 3, 0, 5],
    [2, 3, 4, 0],
];

impl<R: Formula> Over<R> {
    pub fn new(rate: DropRate, extents: [usize; 4]) -> Self {
        let [groups, repeat, width, run] = extents;
        let layout = Layout::new(groups, repeat, width, run).expect("a small shape");
        Self { dropout: R::dropout(rate).over(layout), extents }
    }
}

impl<T: Number, R: Of<T>> Variant<T> for Over<R> {
    const VARIABLES: &'static [&'static str] = &["x", "y", "dy", "dx"];
    const GRADIENTS: &'static [(usize, usize)] = &[(0, 3)];
    const OUTPUT: (usize, usize) = (1, 2);
    const DIFFERENTIABLE: bool = R::DIFFERENTIABLE;

    fn cases() -> Vec<Self> {
        RATES.iter().flat_map(|rate| EXTENTS.map(|extents| Self::new(*rate, extents))).collect()
    }

    fn example() -> Self {
        Self::new(DropRate::new(0.3).expect("a probability"), [2, 2, 5, 3])
    }

    fn parameters(&self) -> String {
        let [groups, repeat, width, run] = self.extents;
        let t = self.dropout.rate().threshold();
        format!("threshold {t} groups {groups} repeat {repeat} width {width} run {run}")
    }

    fn of_rate(rate: DropRate, n: usize) -> Option<Self> {
        Some(Self::new(rate, [n / 9, 1, 9, 2]))
    }

    fn with_backend(self, backend: Backend) -> Self {
        Self { dropout: self.dropout.with_backend(backend), ..self }
    }

    fn lengths(&self) -> Vec<usize> {
        vec![self.extents.iter().product(); 4]
    }

    fn mask_bits(&self) -> usize {
        self.extents[0] * self.extents[2]
    }

    fn ways() -> Vec<Way<Self, T>> {
        let mut all = verbs!(|v| v.dropout);
        all.extend(ways! {
            Infer None [In(0), Out(1)] |v, [x, y], l| v.dropout.infer(x, y);
            Infer None [Over(0, 1)] |v, [x], l| v.dropout.infer_in_place(x);
        });
        all
    }

    fn drawn(&self, reference: &mut Reference) -> Vec<bool> {
        let bits = Variant::<T>::mask_bits(self);
        reference.mask(self.dropout.rate().threshold(), bits)
    }

    fn formula(&self, given: &Given<'_>, variables: &mut [Vec<T>]) {
        let keep = if given.keep.is_empty() { vec![] } else { spread(self.extents, given.keep) };
        by_rule::<T, R>(self.dropout.rate().threshold(), given, &keep, variables);
    }

    fn copies(&self, given: &Given<'_>) -> bool {
        copies::<R>(self.dropout.rate().threshold(), given)
    }
}

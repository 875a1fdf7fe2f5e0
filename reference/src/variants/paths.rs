//! Stochastic depth: what a path adds, and its branch.

use dropout_kernels::{Backend, DropPath, DropRate};

use super::{ONE, RATES};
use crate::layouts::spread;
use crate::number::Number;
use crate::rules::{Formula, Of};
use crate::stream::Reference;
use crate::variant::{Given, Pass, Variant, Way};
use crate::ways;

/// Of `batch` samples of `elements`; one sample is the whole batch.
#[derive(Clone, Debug)]
pub struct Paths<R> {
    pub path: DropPath<R>,
    pub batch: usize,
    pub elements: usize,
}

const SHAPES: [(usize, usize); 13] = [
    (1, 1),
    (1, 700),
    (4, 5),
    (9, 31),
    (9, 32),
    (9, 33),
    (40, 3),
    (33, 64),
    (600, 1),
    (70, 65),
    (513, 7),
    (0, 7),
    (7, 0),
];

const F: usize = 0;
const X: usize = 1;
const Y: usize = 2;
const DY: usize = 3;
const DF: usize = 4;

impl<R: Formula> Paths<R> {
    pub fn new(rate: DropRate, batch: usize, elements: usize) -> Self {
        let dropout = R::dropout(rate);
        let path = match batch {
            1 => DropPath::batch(dropout, elements),
            _ => DropPath::samples(dropout, batch, elements).expect("a small shape"),
        };
        Self { path, batch, elements }
    }

    fn t(&self) -> u64 {
        self.path.branch().rate().threshold()
    }
}

impl<T: Number, R: Of<T>> Variant<T> for Paths<R> {
    const VARIABLES: &'static [&'static str] = &["f", "x", "y", "dy", "df"];
    const GRADIENTS: &'static [(usize, usize)] = &[(F, DF)];
    const OUTPUT: (usize, usize) = (Y, DY);

    fn cases() -> Vec<Self> {
        RATES
            .iter()
            .flat_map(|rate| SHAPES.map(|(batch, each)| Self::new(*rate, batch, each)))
            .collect()
    }

    fn example() -> Self {
        Self::new(DropRate::new(0.3).expect("a probability"), 6, 5)
    }

    fn parameters(&self) -> String {
        format!("threshold {} batch {} elements {}", self.t(), self.batch, self.elements)
    }

    fn of_rate(rate: DropRate, n: usize) -> Option<Self> {
        Some(Self::new(rate, n, 1))
    }

    fn with_backend(self, backend: Backend) -> Self {
        let dropout = self.path.branch().flat().with_backend(backend);
        let path = match self.batch {
            1 => DropPath::batch(dropout, self.elements),
            batch => DropPath::samples(dropout, batch, self.elements).expect("as before"),
        };
        Self { path, ..self }
    }

    fn lengths(&self) -> Vec<usize> {
        vec![self.batch * self.elements; 5]
    }

    fn mask_bits(&self) -> usize {
        self.batch
    }

    fn ways() -> Vec<Way<Self, T>> {
        ways! {
            Fill Drawn [] |v, [], l| v.path.fill(l.mask, l.rng);
            Fill KeyDrawn [] |v, [], l| v.path.fill(l.mask, l.key);
            Forward Stored [In(0), Over(1, 2)] |v, [f, x], l| v.path.add(f, x, l.mask.as_ref());
            Backward Stored [In(3), Out(4)] |v, [dy, df], l| v.path.branch().backward(dy, df, l.mask.as_ref());
            Backward Key [Over(3, 4)] |v, [df], l| v.path.branch().backward_in_place(df, l.key);
            Infer None [In(0), Over(1, 2)] |v, [f, x], l| v.path.infer_add(f, x);
        }
    }

    fn drawn(&self, reference: &mut Reference) -> Vec<bool> {
        reference.mask(self.t(), self.batch)
    }

    fn formula(&self, given: &Given<'_>, variables: &mut [Vec<T>]) {
        let t = self.t();
        let keep = match given.pass {
            Pass::Infer => vec![],
            _ => spread([1, 1, self.batch, self.elements], given.keep),
        };
        match given.pass {
            Pass::Fill => {}
            Pass::Forward => {
                // What is dropped is not read; at p = 1 the inverted rule drops all.
                let added = |i: usize| keep[i] && (t < ONE || R::COPIES);
                let of = |i: usize| match added(i) {
                    true => R::added(t, variables[X][i], variables[F][i]),
                    false => variables[X][i],
                };
                variables[Y] = (0..keep.len()).map(of).collect();
            }
            // The classic rule adds nothing where no branch was ever trained.
            Pass::Infer if t == ONE && R::COPIES => variables[Y] = variables[X].clone(),
            Pass::Infer => {
                let both = variables[X].iter().zip(&variables[F]);
                variables[Y] = both.map(|(x, f)| R::inferred_added(t, *x, *f)).collect();
            }
            Pass::Backward if given.drawn && t == 0 => variables[DF] = variables[DY].clone(),
            Pass::Backward => {
                variables[DF] =
                    variables[DY].iter().zip(&keep).map(|(dy, k)| R::dx(t, *k, *dy)).collect();
            }
        }
    }

    fn copies(&self, given: &Given<'_>) -> bool {
        given.pass == Pass::Backward && (R::COPIES || given.drawn && self.t() == 0)
    }
}

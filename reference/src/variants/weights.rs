//! `DropConnect`.

use dropout_kernels::{Backend, Classic, DropConnect, DropRate, Inverted, ShapeError};

use super::{ONE, RATES};
use crate::number::{Floating, Number as _, Real as _};
use crate::rules::{Formula, Of};
use crate::stream::Reference;
use crate::variant::{Elsewhere, Form, Given, Pass, Variant, Way};
use crate::ways;
use crate::weights::Case;

/// (rows, columns), and how many vectors.
#[derive(Clone, Debug)]
pub struct Weights<R> {
    pub layer: DropConnect<R>,
    pub rows: usize,
    pub columns: usize,
    pub batch: usize,
}

/// The rules that it has.
pub trait Connects: Formula {
    fn connect(
        rate: DropRate,
        rows: usize,
        columns: usize,
    ) -> Result<DropConnect<Self>, ShapeError>;
}

impl Connects for Inverted {
    fn connect(
        rate: DropRate,
        rows: usize,
        columns: usize,
    ) -> Result<DropConnect<Self>, ShapeError> {
        DropConnect::new(rate, rows, columns)
    }
}

impl Connects for Classic {
    fn connect(
        rate: DropRate,
        rows: usize,
        columns: usize,
    ) -> Result<DropConnect<Self>, ShapeError> {
        DropConnect::classic(rate, rows, columns)
    }
}

/// (rows, columns, batch): around a word and a block of mask bits, rows that begin at every bit of
/// a word, and none; as many vectors as are taken at a time, and more.
const SHAPES: [(usize, usize, usize); 22] = [
    (0, 5, 0),
    (5, 0, 2),
    (0, 0, 0),
    (3, 4, 0),
    (1, 1, 1),
    (7, 1, 3),
    (5, 7, 1),
    (4, 31, 2),
    (4, 32, 1),
    (40, 33, 2),
    (3, 64, 1),
    (17, 65, 1),
    (2, 511, 2),
    (2, 512, 1),
    (3, 513, 2),
    (1, 544, 1),
    (2, 1025, 1),
    (600, 3, 1),
    (33, 100, 3),
    (7, 65, 9),
    (5, 32, 4),
    (3, 600, 5),
];

const W: usize = 0;
const X: usize = 1;
const Y: usize = 2;
const DY: usize = 3;
const DX: usize = 4;
const DW: usize = 5;
const VARIANCE: usize = 6;

impl<R: Connects> Weights<R> {
    pub fn new(rate: DropRate, rows: usize, columns: usize, batch: usize) -> Self {
        let layer = R::connect(rate, rows, columns).expect("a small shape");
        Self { layer, rows, columns, batch }
    }
}

impl<T: Floating, R: Connects + Of<T>> Variant<T> for Weights<R> {
    const VARIABLES: &'static [&'static str] = &["w", "x", "y", "dy", "dx", "dw", "variance"];
    const GRADIENTS: &'static [(usize, usize)] = &[(X, DX), (W, DW)];
    const OUTPUT: (usize, usize) = (Y, DY);
    const SUMS: bool = true;

    fn cases() -> Vec<Self> {
        let of = |rate: &DropRate| {
            SHAPES.map(|(rows, columns, batch)| Self::new(*rate, rows, columns, batch))
        };
        RATES.iter().flat_map(of).collect()
    }

    fn example() -> Self {
        Self::new(DropRate::new(0.3).expect("a probability"), 3, 5, 2)
    }

    fn parameters(&self) -> String {
        let Self { layer, rows, columns, batch } = self;
        let t = layer.rate().threshold();
        format!("threshold {t} rows {rows} columns {columns} batch {batch}")
    }

    fn of_rate(rate: DropRate, n: usize) -> Option<Self> {
        Some(Self::new(rate, n / 9, 9, 1))
    }

    fn with_backend(self, backend: Backend) -> Self {
        Self { layer: self.layer.with_backend(backend), ..self }
    }

    fn lengths(&self) -> Vec<usize> {
        let (w, x, y) =
            (self.rows * self.columns, self.batch * self.columns, self.batch * self.rows);
        vec![w, x, y, y, x, w, y]
    }

    fn mask_bits(&self) -> usize {
        self.rows * self.columns
    }

    fn ways() -> Vec<Way<Self, T>> {
        ways! {
            Forward Drawn [In(0), In(1), Out(2)] |v, [w, x, y], l| v.layer.forward(w, x, y, l.rng.draw(l.mask));
            Forward KeyDrawn [In(0), In(1), Out(2)] |v, [w, x, y], l| v.layer.forward(w, x, y, l.key.draw(l.mask));
            Forward Key [In(0), In(1), Out(2)] |v, [w, x, y], l| v.layer.forward(w, x, y, l.key);
            Forward Stored [In(0), In(1), Out(2)] |v, [w, x, y], l| v.layer.forward(w, x, y, l.mask.as_ref());
            Backward Key [In(0), In(3), Out(4)] |v, [w, dy, dx], l| v.layer.backward_input(w, dy, dx, l.key);
            Backward Stored [In(0), In(3), Out(4)] |v, [w, dy, dx], l| v.layer.backward_input(w, dy, dx, l.mask.as_ref());
            Backward Stored [In(0), In(3), Out(4)] |v, [w, dy, dx], l| v.layer.backward_input(w, dy, dx, Elsewhere::of(l.mask.as_ref()).window());
            Backward Key [In(1), In(3), Over(5, 5)] |v, [x, dy, dw], l| v.layer.backward_weights(x, dy, dw, l.key);
            Backward Stored [In(1), In(3), Over(5, 5)] |v, [x, dy, dw], l| v.layer.backward_weights(x, dy, dw, l.mask.as_ref());
            Infer None [In(0), In(1), Out(2)] |v, [w, x, y], l| v.layer.infer(w, x, y);
            Infer None [In(0), In(3), Out(4)] |v, [w, dy, dx], l| v.layer.infer_transposed(w, dy, dx);
            Infer None [In(0), In(1), Out(2), Out(6)] |v, [w, x, mean, variance], l| v.layer.infer_moments(w, x, mean, variance);
        }
    }

    fn drawn(&self, reference: &mut Reference) -> Vec<bool> {
        reference.mask(self.layer.rate().threshold(), self.rows * self.columns)
    }

    fn formula(&self, given: &Given<'_>, variables: &mut [Vec<T>]) {
        let t = self.layer.rate().threshold();
        let bits = self.rows * self.columns;
        // At p = 1 the inverted rule has no scale, and drops all.
        let scaleless = t == ONE && !R::COPIES;
        let keep = match given.pass {
            Pass::Infer => vec![true; bits],
            _ => given.keep.iter().map(|keep| *keep && !scaleless).collect(),
        };
        let case = Case {
            shape: [self.rows, self.columns, self.batch],
            keep,
            w: variables[W].clone(),
            x: variables[X].clone(),
            dy: variables[DY].clone(),
            dw: variables[DW].clone(),
        };
        let (scale, factor) = match R::COPIES {
            true => (T::Wide::ONE, T::Wide::reference_keep(t)),
            false => (T::Wide::reference_scale(t), T::Wide::ONE),
        };
        match given.pass {
            Pass::Fill => {}
            Pass::Forward => variables[Y] = case.y(scale),
            Pass::Backward => (variables[DX], variables[DW]) = case.gradients(scale),
            Pass::Infer => {
                variables[Y] = case.y(factor);
                variables[DX] = case.gradients(factor).0;
                // p q, or p / q by the inverted rule.
                let p = T::Wide::reference_keep(ONE - t);
                let spread =
                    p.multiply(if R::COPIES { factor } else { T::Wide::reference_scale(t) });
                variables[VARIANCE] = case.variances(spread);
                // Nothing varies, and nothing was trained.
                if spread == T::Wide::of(0.0) {
                    variables[VARIANCE].fill(T::ZERO);
                }
                if t == ONE && R::COPIES {
                    variables[Y].fill(T::ZERO);
                    variables[DX].fill(T::ZERO);
                }
            }
        }
    }

    fn copies(&self, _: &Given<'_>) -> bool {
        false
    }

    /// Any number of vectors, which columns or rows tell.
    fn refit(&self, way: &Form, slices: &[usize], mask: Option<usize>) -> Option<Self> {
        let length = |variables: &[usize]| {
            let at = way.slices.iter().position(|s| variables.contains(&s.before()))?;
            Some(slices[at])
        };
        let batch = length(&[X, DX]).and_then(|x| x.checked_div(self.columns));
        let batch = batch.or_else(|| length(&[Y, DY])?.checked_div(self.rows)).unwrap_or(0);
        let fit = Self { batch, ..self.clone() };
        let lengths = Variant::<T>::lengths(&fit);
        let fits = way.slices.iter().zip(slices).all(|(slice, n)| lengths[slice.before()] == *n);
        (fits && mask.is_none_or(|bits| bits == self.rows * self.columns)).then_some(fit)
    }
}

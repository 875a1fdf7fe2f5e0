//! Embedding dropout: whole words.

use dropout_kernels::{Backend, DropRate, Dropout, EmbeddingDropout};

use super::RATES;
use crate::number::Number;
use crate::rules::{Formula, Of};
use crate::stream::Reference;
use crate::variant::{Form, Given, Pass, Variant, Way};
use crate::ways;

/// A text, looked up in a table of (rows, dimension).
#[derive(Clone, Debug)]
pub struct Words<R> {
    dropout: Dropout<R>,
    pub embedding: EmbeddingDropout<R>,
    pub rows: usize,
    pub dimension: usize,
    pub text: Vec<u32>,
}

/// (rows, dimension, words): rows below, at and above a chunk of 32, masks of a word and of
/// several; nothing.
const SHAPES: [(usize, usize, usize); 12] = [
    (1, 1, 1),
    (1, 40, 5),
    (31, 3, 50),
    (32, 31, 20),
    (33, 32, 20),
    (64, 33, 70),
    (100, 65, 9),
    (600, 1, 100),
    (600, 7, 2),
    (5, 0, 7),
    (5, 7, 0),
    (0, 7, 0),
];

const TABLE: usize = 0;
const Y: usize = 1;
const DY: usize = 2;
const DTABLE: usize = 3;
/// Rows that were looked up before, and their gradient.
const LOOKED_UP: usize = 4;
const DROWS: usize = 5;

impl<R: Formula> Words<R> {
    /// Of `count` words, some often, some never.
    pub fn new(rate: DropRate, rows: usize, dimension: usize, count: usize) -> Self {
        let text = (0..count).map(|t| (t * t % 23 * t % rows.max(1)) as u32).collect();
        Self::of_text(rate, rows, dimension, text)
    }

    pub fn of_text(rate: DropRate, rows: usize, dimension: usize, text: Vec<u32>) -> Self {
        let dropout = R::dropout(rate);
        let embedding = EmbeddingDropout::new(dropout, rows, dimension).expect("a small shape");
        Self { dropout, embedding, rows, dimension, text }
    }

    /// (index of the word, index in the table) of each element of the output.
    fn places(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        let row = |word: u32| (0..self.dimension).map(move |c| (word as usize, c));
        self.text.iter().copied().flat_map(row).map(|(word, c)| (word, word * self.dimension + c))
    }
}

impl<T: Number, R: Of<T>> Variant<T> for Words<R> {
    const VARIABLES: &'static [&'static str] = &["table", "y", "dy", "dtable", "rows", "drows"];
    const GRADIENTS: &'static [(usize, usize)] = &[(TABLE, DTABLE)];
    const OUTPUT: (usize, usize) = (Y, DY);

    fn cases() -> Vec<Self> {
        let of = |rate: &DropRate| {
            SHAPES.map(|(rows, dimension, count)| Self::new(*rate, rows, dimension, count))
        };
        // And words that are in no table.
        let beyond = [vec![0, 40], vec![u32::MAX, 0]];
        let beyond = beyond.map(|text| Self::of_text(RATES[1], 40, 3, text));
        RATES.iter().flat_map(of).chain(beyond).collect()
    }

    fn example() -> Self {
        Self::new(DropRate::new(0.3).expect("a probability"), 12, 3, 9)
    }

    fn parameters(&self) -> String {
        let text: String = self.text.iter().map(|word| format!(" {word}")).collect();
        let t = self.embedding.rate().threshold();
        format!("threshold {t} rows {} dimension {} text{text}", self.rows, self.dimension)
    }

    fn of_rate(rate: DropRate, n: usize) -> Option<Self> {
        Some(Self::new(rate, n, 1, 3))
    }

    fn with_backend(self, backend: Backend) -> Self {
        let dropout = self.dropout.with_backend(backend);
        let embedding =
            EmbeddingDropout::new(dropout, self.rows, self.dimension).expect("as before");
        Self { embedding, ..self }
    }

    fn lengths(&self) -> Vec<usize> {
        let (table, y) = (self.rows * self.dimension, self.text.len() * self.dimension);
        vec![table, y, y, table, y, y]
    }

    fn mask_bits(&self) -> usize {
        self.rows
    }

    fn ways() -> Vec<Way<Self, T>> {
        ways! {
            Fill Drawn [] |v, [], l| v.embedding.fill(l.mask, l.rng);
            Fill KeyDrawn [] |v, [], l| v.embedding.fill(l.mask, l.key);
            Forward Drawn [In(0), Out(1)] |v, [table, y], l| v.embedding.forward(&v.text, table, y, l.rng.draw(l.mask));
            Forward KeyDrawn [Over(4, 4)] |v, [y], l| v.embedding.forward_in_place(&v.text, y, l.key.draw(l.mask));
            Forward Stored [In(0), Out(1)] |v, [table, y], l| v.embedding.forward(&v.text, table, y, l.mask.as_ref());
            Forward Stored [Over(4, 4)] |v, [y], l| v.embedding.forward_in_place(&v.text, y, l.mask.as_ref());
            Backward Stored [In(2), Over(3, 3)] |v, [dy, dtable], l| v.embedding.backward(&v.text, dy, dtable, l.mask.as_ref());
            Backward Stored [Over(2, 5)] |v, [dy], l| v.embedding.backward_in_place(&v.text, dy, l.mask.as_ref());
            Infer None [In(0), Out(1)] |v, [table, y], l| v.embedding.infer(&v.text, table, y);
        }
    }

    fn drawn(&self, reference: &mut Reference) -> Vec<bool> {
        reference.mask(self.embedding.rate().threshold(), self.rows)
    }

    fn formula(&self, given: &Given<'_>, variables: &mut [Vec<T>]) {
        let t = self.embedding.rate().threshold();
        let places: Vec<_> = self.places().collect();
        // Nothing is computed of what is drawn at p = 0.
        let forward = |word: usize, x: T| match given.drawn && t == 0 {
            true => x,
            false => R::y(t, given.keep[word], x),
        };
        match given.pass {
            Pass::Fill => {}
            Pass::Infer => {
                variables[Y] =
                    places.iter().map(|(_, at)| R::inferred(t, variables[TABLE][*at])).collect()
            }
            Pass::Forward => {
                variables[Y] =
                    places.iter().map(|(word, at)| forward(*word, variables[TABLE][*at])).collect();
                let rows = variables[LOOKED_UP].iter().zip(&places);
                variables[LOOKED_UP] = rows.map(|(x, (word, _))| forward(*word, *x)).collect();
            }
            Pass::Backward => {
                let dy = variables[DY].clone();
                let each = || places.iter().zip(&dy);
                variables[DROWS] =
                    each().map(|((word, _), dy)| R::dx(t, given.keep[*word], *dy)).collect();
                // Rows that are dropped stay, to the bit.
                let flows = |word: usize| given.keep[word] && (t < super::ONE || R::COPIES);
                for ((_, at), dy) in each().filter(|((word, _), _)| flows(*word)) {
                    variables[DTABLE][*at] = R::added(t, variables[DTABLE][*at], *dy);
                }
            }
        }
    }

    fn copies(&self, given: &Given<'_>) -> bool {
        let t = self.embedding.rate().threshold();
        match given.pass {
            Pass::Forward => R::COPIES || given.drawn && t == 0,
            Pass::Infer => R::INFERS || t == 0,
            _ => false,
        }
    }

    fn numbers(&self) -> Vec<usize> {
        self.text.iter().map(|word| *word as usize).collect()
    }

    /// Every word of a text is in the table.
    fn refit(&self, way: &Form, slices: &[usize], mask: Option<usize>) -> Option<Self> {
        let lengths = Variant::<T>::lengths(self);
        let fit = way.slices.iter().zip(slices).all(|(slice, n)| lengths[slice.before()] == *n);
        let known =
            way.pass == Pass::Fill || self.text.iter().all(|word| (*word as usize) < self.rows);
        (fit && known && mask.is_none_or(|bits| bits == self.rows)).then(|| self.clone())
    }
}

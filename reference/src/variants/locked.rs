//! One mask for all steps of a sequence.

use dropout_kernels::{Backend, DropRate, Dropout, LockedDropout, MaskKey, ShapeError, mask_words};

use super::RATES;
use super::plain::{by_rule, copies};
use crate::number::Number;
use crate::rules::{Formula, Of};
use crate::stream::Reference;
use crate::variant::{Form, Given, Variant, Way};
use crate::ways;

/// A step of `batch` sequences of `units`.
#[derive(Clone, Debug)]
pub struct Locked<R> {
    pub dropout: Dropout<R>,
    pub batch: usize,
    pub units: usize,
}

const WORDS: usize = mask_words(1025);

/// (batch, units): nothing, and below, at and above a word and a block of masks.
pub const SHAPES: [(usize, usize); 13] = [
    (0, 5),
    (5, 0),
    (1, 1),
    (1, 31),
    (4, 8),
    (3, 11),
    (1, 65),
    (7, 73),
    (1, 512),
    (2, 256),
    (27, 19),
    (16, 64),
    (5, 205),
];

impl<R: Formula> Locked<R> {
    /// With the mask of a key.
    fn drawn_by(&self, key: MaskKey) -> Result<LockedDropout<[u32; WORDS], R>, ShapeError> {
        let mut locked = LockedDropout::new(self.dropout, self.units, [0; WORDS]);
        // A mask of another batch, before it, leaves nothing behind.
        let other = locked.draw(self.batch + 2, MaskKey::new(9, 9));
        assert_eq!(other.is_ok(), mask_words((self.batch + 2) * self.units) <= WORDS);
        locked.draw(self.batch, key)?;
        Ok(locked)
    }
}

impl<T: Number, R: Of<T>> Variant<T> for Locked<R> {
    const VARIABLES: &'static [&'static str] = &["x", "y", "dy", "dx"];
    const GRADIENTS: &'static [(usize, usize)] = &[(0, 3)];
    const OUTPUT: (usize, usize) = (1, 2);

    fn cases() -> Vec<Self> {
        let of = |rate: &DropRate| {
            SHAPES.map(|(batch, units)| Self { dropout: R::dropout(*rate), batch, units })
        };
        RATES.iter().flat_map(of).collect()
    }

    fn example() -> Self {
        Self {
            dropout: R::dropout(DropRate::new(0.3).expect("a probability")),
            batch: 3,
            units: 11,
        }
    }

    fn parameters(&self) -> String {
        let t = self.dropout.rate().threshold();
        format!("threshold {t} batch {} units {}", self.batch, self.units)
    }

    /// Its masks are in it, and compared with those of the stream.
    fn of_rate(_: DropRate, _: usize) -> Option<Self> {
        None
    }

    fn with_backend(self, backend: Backend) -> Self {
        Self { dropout: self.dropout.with_backend(backend), ..self }
    }

    fn lengths(&self) -> Vec<usize> {
        vec![self.batch * self.units; 4]
    }

    fn mask_bits(&self) -> usize {
        self.batch * self.units
    }

    fn ways() -> Vec<Way<Self, T>> {
        ways! {
            Forward Key [In(0), Out(1)] |v, [x, y], l| v.drawn_by(l.key)?.forward(x, y);
            Forward Key [Over(0, 1)] |v, [x], l| v.drawn_by(l.key)?.forward_in_place(x);
            Backward Key [In(2), Out(3)] |v, [dy, dx], l| v.drawn_by(l.key)?.backward(dy, dx);
            Backward Key [Over(2, 3)] |v, [dx], l| v.drawn_by(l.key)?.backward_in_place(dx);
        }
    }

    fn drawn(&self, reference: &mut Reference) -> Vec<bool> {
        reference.mask(self.dropout.rate().threshold(), self.batch * self.units)
    }

    fn formula(&self, given: &Given<'_>, variables: &mut [Vec<T>]) {
        by_rule::<T, R>(self.dropout.rate().threshold(), given, given.keep, variables);
    }

    /// The sequences that are left may be fewer than were drawn for.
    fn refit(&self, _: &Form, slices: &[usize], _: Option<usize>) -> Option<Self> {
        let n = *slices.first()?;
        let fit = slices.iter().all(|other| *other == n)
            && n <= self.batch * self.units
            && n.checked_rem(self.units).unwrap_or(0) == 0;
        fit.then(|| self.clone())
    }

    fn copies(&self, given: &Given<'_>) -> bool {
        copies::<R>(self.dropout.rate().threshold(), given)
    }
}

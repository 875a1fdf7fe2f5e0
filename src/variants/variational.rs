//! Variational dropout a step at a time: masks drawn once a sequence.

use crate::dropout::{Dropout, Inverted, Rule, RuleFor};
use crate::error::ShapeError;
use crate::isa::{Element, Formula, Runs};
use crate::mask::{MaskMut, MaskRef, mask_words};
use crate::plan::same_length;
use crate::rate::{Draws, DropRate};
use crate::rng::MaskRng;
use crate::source::RandomSource;

/// Dropout of one connection of a recurrent network, with one mask for all steps of a sequence
/// ("locked" dropout: Merity et al. 2018, "Regularizing and Optimizing LSTM Language Models",
/// section 4.2).
///
/// With `d[u]` = 1 where unit u of a sequence is kept, drawn once, the same at each step t:
///
/// | forward | backward | inference |
/// |---|---|---|
/// | `y[t, u] = d[u] * x[t, u] / (1 - p)` | `dx[t, u] = d[u] * dy[t, u] / (1 - p)` | y = x |
///
/// or what the [`Rule`] says instead. [`VariationalDropout`] is three of them, for a whole layer.
///
/// `x` of a step is (batch, units): element s * `units` + u is unit u of sequence s, and each
/// sequence of the batch has `units` mask bits of its own. `S` holds them all, in
/// [`mask_words`](crate::mask_words) of the largest batch * `units`: an array, `&mut [u32]`, or what
/// else lends a slice. A smaller batch uses the first of them. When sequences end before others, sort
/// the batch by length: the verbs accept its first k sequences. For any other part of the batch, pass
/// a [window](MaskRef::window) of [`mask`](Self::mask) to [`dropout`](Self::dropout).
///
/// Drawn from a generator at the same place, the mask is that of
/// `Dropout::over(Layout::time_major(steps, batch, units))`, which does all steps in one call.
///
/// # Cost
///
/// `draw` costs [`MaskRng::fill`]; a step costs [`Dropout::backward`], as nothing is drawn. Where
/// even one mask is too much to store, [`Dropout::forward`] with the key of the sequence at each
/// step is the same dropout, and draws the mask anew each time.
///
/// # Recurrent dropout without memory loss
///
/// Semeniuta et al. 2016 (section 3) drop the candidate update alone, `c = f * c_prev + i * D(g)`
/// in an LSTM and `h = (1 - z) * h_prev + z * D(g)` in a GRU, so that what a cell remembers is
/// never zeroed. D is plain inverted dropout of g. The paper draws a mask at each step (`Dropout`,
/// here replayed) and compares that with one mask a sequence (`LockedDropout`); the second is Gal's
/// sampling in Semeniuta's place.
///
/// ```
/// use dropout_kernels::{Dropout, LockedDropout, MaskKey, MaskRng, drop_rate};
///
/// const RATE: Dropout = Dropout::new(drop_rate!(0.25));
/// let (f, i) = ([0.9f32; 64], [0.5f32; 64]);
/// let (seed, steps) = (42, 10);
///
/// let mut c = [1f32; 64];
/// for t in 0..steps {
///     let mut g = [0.3f32; 64]; // tanh of the pre-activations
///     RATE.forward_in_place(&mut g, MaskKey::new(seed, t)); // a mask for each step
///     for u in 0..64 {
///         c[u] = f[u] * c[u] + i[u] * g[u];
///     }
/// }
/// assert!(c.iter().all(|c| *c >= 0.9f32.powi(10))); // nothing is forgotten
///
/// let mut locked = LockedDropout::new(RATE, 64, [0; 2]); // a mask for each sequence
/// locked.draw(1, &mut MaskRng::new(seed, 0))?;
/// for _ in 0..steps {
///     let mut g = [0.3f32; 64];
///     locked.forward_in_place(&mut g)?;
///     assert!(g.iter().zip(locked.mask().iter()).all(|(g, kept)| (*g != 0.0) == kept));
///     let mut dg = [1f32; 64];
///     locked.backward_in_place(&mut dg)?;
/// }
/// # Ok::<(), dropout_kernels::ShapeError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LockedDropout<S, R = Inverted> {
    dropout: Dropout<R>,
    units: usize,
    words: S,
    /// Of the mask, which `words` hold: batch * units, and none before the first draw.
    bits: usize,
}

impl<S, R: Rule> LockedDropout<S, R> {
    /// Has no mask yet: until one is drawn, only empty slices fit. What the words hold is ignored.
    #[must_use]
    pub const fn new(dropout: Dropout<R>, units: usize, words: S) -> Self {
        Self { dropout, units, words, bits: 0 }
    }

    /// The same at another rate, without a mask: the one that was drawn belongs to the old rate.
    #[must_use]
    pub fn with_rate(self, rate: DropRate) -> Self {
        Self { dropout: self.dropout.with_rate(rate), bits: 0, ..self }
    }

    /// The dropout without the mask: its rate, and [`infer`](Dropout::infer).
    #[must_use]
    pub const fn dropout(&self) -> Dropout<R> {
        self.dropout
    }

    /// Units of a sequence.
    #[must_use]
    pub const fn units(&self) -> usize {
        self.units
    }
}

impl<S: AsRef<[u32]> + AsMut<[u32]>, R: Rule> LockedDropout<S, R> {
    /// Draws the mask of the next `batch` sequences, of `batch` * `units` bits.
    ///
    /// # Errors
    ///
    /// [`ShapeError`] if its words do not hold the mask. Then the old mask stays and `rng` has not
    /// moved.
    pub fn draw(&mut self, batch: usize, source: impl RandomSource) -> Result<(), ShapeError> {
        let bits = self.bits_of(batch)?;
        self.fill(bits, source)
    }

    /// The mask that was drawn last, bit s * `units` + u for unit u of sequence s.
    #[must_use]
    pub fn mask(&self) -> MaskRef<'_> {
        self.first(self.bits)
    }

    /// The first `bits` of them.
    fn first(&self, bits: usize) -> MaskRef<'_> {
        let words = self.words.as_ref().get(..mask_words(bits)).unwrap_or_default();
        MaskRef::new(words, bits).unwrap_or(MaskRef::EMPTY)
    }

    /// Drops from `x` of one step by the mask of the sequences: `y = forward(x)`. `x` may have fewer
    /// sequences than the mask was drawn for: it then uses the bits of the first ones.
    ///
    /// # Errors
    ///
    /// [`ShapeError`] if `y` has another length than `x`, or if that is more than the drawn batch *
    /// `units`, or no multiple of `units`. Then nothing is written.
    pub fn forward<T: Element>(&self, x: &[T], y: &mut [T]) -> Result<(), ShapeError>
    where
        R: RuleFor<T>,
    {
        self.run(x, y, self.dropout.forward_formula())
    }

    /// [`forward`](Self::forward) in place.
    ///
    /// # Errors
    ///
    /// Same errors as [`forward`](Self::forward).
    pub fn forward_in_place<T: Element>(&self, x: &mut [T]) -> Result<(), ShapeError>
    where
        R: RuleFor<T>,
    {
        self.run_in_place(x, self.dropout.forward_formula())
    }

    /// The gradient of [`forward`](Self::forward) at one step: `dx = backward(dy)`.
    ///
    /// # Errors
    ///
    /// Same errors as [`forward`](Self::forward).
    pub fn backward<T: Element>(&self, dy: &[T], dx: &mut [T]) -> Result<(), ShapeError>
    where
        R: RuleFor<T>,
    {
        self.run(dy, dx, self.dropout.backward_formula())
    }

    /// [`backward`](Self::backward) in place.
    ///
    /// # Errors
    ///
    /// Same errors as [`backward`](Self::backward).
    pub fn backward_in_place<T: Element>(&self, dx: &mut [T]) -> Result<(), ShapeError>
    where
        R: RuleFor<T>,
    {
        self.run_in_place(dx, self.dropout.backward_formula())
    }

    fn run<T: Element>(
        &self,
        x: &[T],
        y: &mut [T],
        formula: impl Formula<T>,
    ) -> Result<(), ShapeError> {
        same_length(x, y)?;
        self.run_op(y, formula.from(x))
    }

    fn run_in_place<T: Element>(
        &self,
        x: &mut [T],
        formula: impl Formula<T>,
    ) -> Result<(), ShapeError> {
        self.run_op(x, formula.in_place())
    }

    /// By the mask; at p = 0, where it was drawn to keep all, the bits of x.
    fn run_op<T: Element>(&self, y: &mut [T], op: impl Runs<T>) -> Result<(), ShapeError> {
        let given = y.len();
        if given > self.bits {
            return Err(ShapeError::MaskTooShort { expected: given, given: self.bits });
        }
        // Sequence by sequence, as a division is a function of its own on Cortex-M0. There are units
        // where there are bits.
        let mut whole = 0;
        while whole < given {
            whole += self.units;
        }
        if whole != given {
            return Err(ShapeError::OtherElements { expected: whole - self.units, given });
        }
        match self.dropout.rate().draws() {
            Draws::KeepAll => op.pass_all(y),
            _ => self.dropout.apply(self.first(given), y, op),
        }
        Ok(())
    }

    /// The mask bits of a batch, which the words hold.
    fn bits_of(&self, batch: usize) -> Result<usize, ShapeError> {
        let overflow = ShapeError::Overflow { elements: batch, extent: self.units };
        let bits = batch.checked_mul(self.units).ok_or(overflow)?;
        let (expected, given) = (mask_words(bits), self.words.as_ref().len());
        if expected > given {
            return Err(ShapeError::TooFewWords { expected, given });
        }
        Ok(bits)
    }

    fn fill(&mut self, bits: usize, source: impl RandomSource) -> Result<(), ShapeError> {
        let words = self.words.as_mut().get_mut(..mask_words(bits)).unwrap_or_default();
        self.dropout.plan.fill(source, MaskMut::new(words, bits)?);
        self.bits = bits;
        Ok(())
    }
}

/// Variational dropout of a recurrent layer, a step at a time (Gal and Ghahramani 2016, "A
/// Theoretically Grounded Application of Dropout in Recurrent Neural Networks", section 4): masks
/// for input, recurrent and output connections, drawn once a sequence and applied at each step.
///
/// With X, H and Y the three [`LockedDropout`]s, a step of a recurrent layer is `h = cell(X(x),
/// H(h_prev))`, and what the layer above sees is Y(h). Drop what is multiplied with the recurrent
/// weights; the cell of an LSTM and the state that a GRU carries over are no connections and stay
/// whole. All gates share a mask (the paper's tied weights). For a mask for each gate give `units`
/// as gates * units, and apply to as many copies of x.
///
/// | mask | bits |
/// |---|---|
/// | `input` | batch * input units |
/// | `recurrent` | batch * hidden units |
/// | `output` | batch * hidden units |
///
/// What leaves one layer is what enters the next, so of layers in a stack give all but the last (or
/// all but the first) a rate of 0 on that side.
///
/// ```
/// use dropout_kernels::{Dropout, LockedDropout, MaskRng, VariationalDropout, drop_rate, mask_words};
///
/// const BATCH: usize = 2;
/// const INPUTS: usize = 8;
/// const HIDDEN: usize = 32;
/// let mut variational = VariationalDropout {
///     input: LockedDropout::new(Dropout::new(drop_rate!(0.2)), INPUTS, [0; mask_words(BATCH * INPUTS)]),
///     recurrent: LockedDropout::new(Dropout::new(drop_rate!(0.5)), HIDDEN, [0; mask_words(BATCH * HIDDEN)]),
///     output: LockedDropout::new(Dropout::new(drop_rate!(0.5)), HIDDEN, [0; mask_words(BATCH * HIDDEN)]),
/// };
///
/// let mut rng = MaskRng::new(42, 0);
/// variational.draw(BATCH, &mut rng)?; // once for each batch of sequences
/// let mut h = [0f32; BATCH * HIDDEN];
/// for step in [[1f32; BATCH * INPUTS]; 5] {
///     let (mut x, mut h_in, mut y) = (step, h, h);
///     variational.input.forward_in_place(&mut x)?;
///     variational.recurrent.forward_in_place(&mut h_in)?;
///     for (i, h) in h.iter_mut().enumerate() {
///         *h = (x[i % x.len()] + h_in[i]).tanh(); // for a cell
///     }
///     variational.output.forward(&h, &mut y)?; // to the layer above
/// }
/// # Ok::<(), dropout_kernels::ShapeError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct VariationalDropout<I, H, O, R = Inverted> {
    /// On the input x.
    pub input: LockedDropout<I, R>,
    /// On `h_prev`, before it is multiplied with the recurrent weights.
    pub recurrent: LockedDropout<H, R>,
    /// On h, on its way to the layer above.
    pub output: LockedDropout<O, R>,
}

impl<I, H, O, R: Rule> VariationalDropout<I, H, O, R>
where
    I: AsRef<[u32]> + AsMut<[u32]>,
    H: AsRef<[u32]> + AsMut<[u32]>,
    O: AsRef<[u32]> + AsMut<[u32]>,
{
    /// Draws the masks of the next `batch` sequences: `input`, then `recurrent`, then `output`, as
    /// three calls of [`MaskRng::fill`] would. A rate of 0 or 1 draws nothing.
    ///
    /// To name the masks by a key, give it `&mut MaskRng::from_key(key)`.
    ///
    /// # Errors
    ///
    /// [`ShapeError`] if one of the masks does not fit its words. Then the old masks stay and `rng`
    /// has not moved.
    pub fn draw(&mut self, batch: usize, rng: &mut MaskRng) -> Result<(), ShapeError> {
        let input = self.input.bits_of(batch)?;
        let recurrent = self.recurrent.bits_of(batch)?;
        let output = self.output.bits_of(batch)?;
        self.input.fill(input, &mut *rng)?;
        self.recurrent.fill(recurrent, &mut *rng)?;
        self.output.fill(output, rng)
    }
}

//! Dropout over a slice: a rate and a rule, forward, backward and at inference.

mod arrays;

use crate::backend::{Available, Backend, InPlace, Same, Source, Times};
use crate::element::Element;
use crate::error::ShapeError;
use crate::lanes::Lanes;
use crate::mask::{MaskMut, MaskRef, mask_words};
use crate::rate::{Draws, DropRate};
use crate::rng::MaskRng;

/// Where the factor stands that makes up for dropped units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rule {
    /// Kept units are scaled by 1 / (1 - p) in training; inference is the identity.
    Inverted,
    /// Kept units stay as they are; at inference all are scaled by 1 - p.
    Classic,
}

/// Element-wise dropout (Srivastava et al. 2014, "Dropout: A Simple Way to Prevent Neural
/// Networks from Overfitting").
///
/// With d = 1 where the mask keeps, 0 elsewhere, and p the [rate](DropRate) at which elements are
/// dropped (the paper's p is the probability to keep):
///
/// | rule | forward | backward | inference | source |
/// |---|---|---|---|---|
/// | [`new`](Self::new), inverted | y = d * x / (1 - p) | dx = d * dy / (1 - p) | y = x | as frameworks do it; section 10 of the paper |
/// | [`classic`](Self::classic) | y = d * x | dx = d * dy | y = (1 - p) * x | section 4 of the paper; Hinton et al. 2012 |
///
/// A dropped element is +0.0 whatever it was, NaN and infinity too. Training and inference are
/// different functions; there is no mode to forget.
///
/// The mask of a training step comes from one of three places:
///
/// | | forward | backward |
/// |---|---|---|
/// | drawn, and stored in n / 8 bytes | [`forward`](Self::forward) | [`backward`](Self::backward) |
/// | drawn from (seed, stream), and never stored | [`forward_replay`](Self::forward_replay) | [`backward_replay`](Self::backward_replay) |
/// | brought by the caller | [`forward_masked`](Self::forward_masked) | [`backward`](Self::backward) |
///
/// Each has a form `..._in_place`, and one for fixed-size arrays, `..._array`, which checks lengths
/// when it is compiled and so has no error. (What works in place on a slice alone cannot fail, and
/// takes an array too.)
///
/// # Cost
///
/// One pass that reads and writes each element once; mask words are drawn and applied in blocks of
/// 512 elements. For 32 elements a draw of xoshiro128++ at p = 1/2, up to eight at p = k / 256, nine
/// and now and then more at any other p. A replay seeds a lane for every 32 elements, sixteen at
/// most. Under 1 KiB of stack, no heap.
///
/// ```
/// use dropout_kernels::{Dropout, Mask, MaskRng, drop_rate};
///
/// let dropout = Dropout::new(drop_rate!(0.5));
/// let mut rng = MaskRng::new(42, 0);
/// let mut mask = Mask::<1>::new();
///
/// let mut x = [1.0, f32::NAN, 3.0, 4.0];
/// dropout.forward_array_in_place(&mut x, &mut mask, &mut rng);
/// let mut dx = [1f32; 4];
/// dropout.backward_array_in_place(&mut dx, &mask);
/// for (i, kept) in mask.view(4)?.iter().enumerate() {
///     assert_eq!(dx[i], if kept { 2.0 } else { 0.0 });
///     assert!(kept || x[i] == 0.0);
/// }
/// # Ok::<(), dropout_kernels::ShapeError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Dropout {
    rate: DropRate,
    rule: Rule,
    /// `None` asks the machine at each call.
    backend: Option<Available>,
}

impl Dropout {
    /// Inverted dropout.
    #[must_use]
    pub const fn new(rate: DropRate) -> Self {
        Self { rate, rule: Rule::Inverted, backend: None }
    }

    /// Classic dropout, with its scaling at [inference](Self::infer).
    #[must_use]
    pub const fn classic(rate: DropRate) -> Self {
        Self { rate, rule: Rule::Classic, backend: None }
    }

    /// The same run by a given backend, for tests and benchmarks: the results are the same. A backend
    /// that this machine does not have is taken for [`Backend::Portable`].
    #[must_use]
    pub fn with_backend(self, backend: Backend) -> Self {
        Self { backend: Some(Available::or_portable(backend)), ..self }
    }

    /// The rate.
    #[must_use]
    pub const fn rate(self) -> DropRate {
        self.rate
    }

    /// The rule.
    #[must_use]
    pub const fn rule(self) -> Rule {
        self.rule
    }

    /// Draws a mask, stores it, and drops: `y = forward(x)`.
    ///
    /// At p = 0 the output has the bits of the input, at p = 1 it is zeros; both leave `rng` alone.
    ///
    /// # Errors
    ///
    /// [`ShapeError`] if `y` or `mask` has another length than `x`. Then nothing is written and
    /// `rng` has not moved.
    pub fn forward<T: Element>(
        &self,
        x: &[T],
        y: &mut [T],
        mask: MaskMut<'_>,
        rng: &mut MaskRng,
    ) -> Result<(), ShapeError> {
        same_length(x, y)?;
        mask.as_ref().check_len(x.len())?;
        self.draw(rng, mask, x, y);
        Ok(())
    }

    /// [`forward`](Self::forward) in place.
    ///
    /// # Errors
    ///
    /// [`ShapeError`] if `mask` has another length than `x`. Then nothing is written and `rng` has
    /// not moved.
    pub fn forward_in_place<T: Element>(
        &self,
        x: &mut [T],
        mask: MaskMut<'_>,
        rng: &mut MaskRng,
    ) -> Result<(), ShapeError> {
        mask.as_ref().check_len(x.len())?;
        self.draw(rng, mask, InPlace, x);
        Ok(())
    }

    /// Drops by the mask that a new generator at (seed, stream) would draw, and forgets it.
    ///
    /// Costs the seeding of at most 16 lanes more than [`forward`](Self::forward), and no memory.
    ///
    /// # Errors
    ///
    /// [`ShapeError`] if `y` has another length than `x`. Then nothing is written.
    pub fn forward_replay<T: Element>(
        &self,
        x: &[T],
        y: &mut [T],
        seed: u64,
        stream: u64,
    ) -> Result<(), ShapeError> {
        same_length(x, y)?;
        self.replay(seed, stream, x, y);
        Ok(())
    }

    /// [`forward_replay`](Self::forward_replay) in place, which cannot fail.
    pub fn forward_replay_in_place<T: Element>(&self, x: &mut [T], seed: u64, stream: u64) {
        self.replay(seed, stream, InPlace, x);
    }

    /// Drops by a mask of the caller's.
    ///
    /// The mask alone says what is dropped; the rate gives the scale. (At p = 1 the inverted rule
    /// has none, and everything is +0.0.)
    ///
    /// # Errors
    ///
    /// [`ShapeError`] if `y` or `mask` has another length than `x`. Then nothing is written.
    pub fn forward_masked<T: Element>(
        &self,
        x: &[T],
        y: &mut [T],
        mask: MaskRef<'_>,
    ) -> Result<(), ShapeError> {
        same_length(x, y)?;
        mask.check_len(x.len())?;
        self.apply(mask, x, y);
        Ok(())
    }

    /// [`forward_masked`](Self::forward_masked) in place.
    ///
    /// # Errors
    ///
    /// [`ShapeError`] if `mask` has another length than `x`. Then nothing is written.
    pub fn forward_masked_in_place<T: Element>(
        &self,
        x: &mut [T],
        mask: MaskRef<'_>,
    ) -> Result<(), ShapeError> {
        mask.check_len(x.len())?;
        self.apply(mask, InPlace, x);
        Ok(())
    }

    /// The gradient through the elements that `mask` kept: `dx = backward(dy)`.
    ///
    /// # Errors
    ///
    /// [`ShapeError`] if `dx` or `mask` has another length than `dy`. Then nothing is written.
    pub fn backward<T: Element>(
        &self,
        dy: &[T],
        dx: &mut [T],
        mask: MaskRef<'_>,
    ) -> Result<(), ShapeError> {
        // Dropout is linear and diagonal, so it is its own adjoint.
        self.forward_masked(dy, dx, mask)
    }

    /// [`backward`](Self::backward) in place.
    ///
    /// # Errors
    ///
    /// [`ShapeError`] if `mask` has another length than `dx`. Then nothing is written.
    pub fn backward_in_place<T: Element>(
        &self,
        dx: &mut [T],
        mask: MaskRef<'_>,
    ) -> Result<(), ShapeError> {
        self.forward_masked_in_place(dx, mask)
    }

    /// The gradient of [`forward_replay`](Self::forward_replay) at the same (seed, stream).
    ///
    /// # Errors
    ///
    /// [`ShapeError`] if `dx` has another length than `dy`. Then nothing is written.
    pub fn backward_replay<T: Element>(
        &self,
        dy: &[T],
        dx: &mut [T],
        seed: u64,
        stream: u64,
    ) -> Result<(), ShapeError> {
        self.forward_replay(dy, dx, seed, stream)
    }

    /// [`backward_replay`](Self::backward_replay) in place, which cannot fail.
    pub fn backward_replay_in_place<T: Element>(&self, dx: &mut [T], seed: u64, stream: u64) {
        self.forward_replay_in_place(dx, seed, stream);
    }

    /// Inference: the identity for the inverted rule, y = (1 - p) * x for the classic one (and
    /// zeros at p = 1, where no unit was ever trained).
    ///
    /// # Errors
    ///
    /// [`ShapeError`] if `y` has another length than `x`. Then nothing is written.
    pub fn infer<T: Element>(&self, x: &[T], y: &mut [T]) -> Result<(), ShapeError> {
        same_length(x, y)?;
        self.scale_for_inference(x, y);
        Ok(())
    }

    /// [`infer`](Self::infer) in place, which cannot fail.
    pub fn infer_in_place<T: Element>(&self, x: &mut [T]) {
        self.scale_for_inference(InPlace, x);
    }

    fn draw<T: Element, S: Source<T>>(
        &self,
        rng: &mut MaskRng,
        mut mask: MaskMut<'_>,
        x: S,
        y: &mut [T],
    ) {
        mask.write(|words| self.run(&mut rng.lanes, words, x, y));
    }

    fn replay<T: Element, S: Source<T>>(&self, seed: u64, stream: u64, x: S, y: &mut [T]) {
        let mut lanes = Lanes::EMPTY;
        if let Draws::Planes(_) = self.rate.draws() {
            self.backend().seed(&mut lanes, seed, stream, mask_words(y.len()));
        }
        self.run(&mut lanes, &mut [], x, y);
    }

    fn run<T: Element, S: Source<T>>(
        &self,
        lanes: &mut Lanes,
        words: &mut [u32],
        x: S,
        y: &mut [T],
    ) {
        match self.rate.draws() {
            Draws::KeepAll => {
                words.fill(!0);
                x.copy_to(y);
            }
            Draws::DropAll => {
                words.fill(0);
                y.fill(T::ZERO);
            }
            Draws::Planes(planes) => match self.rule {
                Rule::Inverted => {
                    let scale = Times(T::inverted_scale(self.rate));
                    self.backend().fill_and_apply(lanes, planes, words, x, y, scale);
                }
                Rule::Classic => self.backend().fill_and_apply(lanes, planes, words, x, y, Same),
            },
        }
    }

    fn apply<T: Element, S: Source<T>>(&self, mask: MaskRef<'_>, x: S, y: &mut [T]) {
        match (self.rule, self.rate.draws()) {
            (Rule::Inverted, Draws::DropAll) => y.fill(T::ZERO),
            (Rule::Inverted, Draws::Planes(_)) => {
                let scale = Times(T::inverted_scale(self.rate));
                self.backend().apply(mask.words(), x, y, scale);
            }
            (Rule::Inverted, Draws::KeepAll) | (Rule::Classic, _) => {
                self.backend().apply(mask.words(), x, y, Same);
            }
        }
    }

    fn scale_for_inference<T: Element, S: Source<T>>(&self, x: S, y: &mut [T]) {
        match (self.rule, self.rate.draws()) {
            (Rule::Inverted, _) | (Rule::Classic, Draws::KeepAll) => x.copy_to(y),
            (Rule::Classic, Draws::DropAll) => y.fill(T::ZERO),
            (Rule::Classic, Draws::Planes(_)) => {
                self.backend().map(x, y, Times(T::keep_probability(self.rate)));
            }
        }
    }

    fn backend(&self) -> Available {
        self.backend.unwrap_or_else(Available::detect)
    }
}

fn same_length<T>(x: &[T], y: &[T]) -> Result<(), ShapeError> {
    if x.len() == y.len() {
        Ok(())
    } else {
        Err(ShapeError::LengthMismatch { expected: x.len(), given: y.len() })
    }
}

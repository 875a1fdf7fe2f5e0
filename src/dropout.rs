//! Dropout over a slice: a rate and a rule, forward, backward and at inference.

mod alpha;
mod arrays;
mod drop_key;
mod over;
mod rule;

use crate::error::ShapeError;
use crate::isa::{Backend, Element, Formula, Place, Runs};
use crate::kernel::op::{InPlace, Same, Times};
use crate::key::MaskKey;
use crate::layout::Layout;
use crate::mask::{MaskMut, MaskRef};
use crate::plan::{Plan, same_length};
use crate::rate::{Draws, DropRate};
use crate::rng::MaskRng;

pub use alpha::Alpha;
pub use drop_key::DropKey;
pub use over::Structured;
pub use rule::{Classic, Inverted, Rule};

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
/// | [`alpha`](Self::alpha) | y = a * (d ? x : a') + b | dx = d * a * dy | y = x | Klambauer et al. 2017, see [`Alpha`] |
/// | [`drop_key`](Self::drop_key) | y = d ? x : -inf | dx = d * dy | y = x | Li et al. 2023, see [`DropKey`] |
///
/// A dropped element is +0.0, or what its rule says, whatever it was, NaN and infinity too. Training and inference are
/// different functions; there is no mode to forget.
///
/// The mask of a training step comes from one of three places:
///
/// | | forward | backward |
/// |---|---|---|
/// | drawn, and stored in n / 8 bytes | [`forward`](Self::forward) | [`backward`](Self::backward) |
/// | drawn from a [`MaskKey`], and never stored | [`forward_replay`](Self::forward_replay) | [`backward_replay`](Self::backward_replay) |
/// | supplied by the caller | [`forward_masked`](Self::forward_masked) | [`backward`](Self::backward) |
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
pub struct Dropout<R = Inverted> {
    pub(crate) plan: Plan,
    rule: R,
}

impl Dropout<Inverted> {
    /// Inverted dropout.
    #[must_use]
    pub const fn new(rate: DropRate) -> Self {
        Self { plan: Plan::new(rate), rule: Inverted }
    }
}

impl Dropout<Classic> {
    /// Classic dropout, with its scaling at [inference](Self::infer).
    #[must_use]
    pub const fn classic(rate: DropRate) -> Self {
        Self { plan: Plan::new(rate), rule: Classic }
    }
}

impl<R: Rule> Dropout<R> {
    /// The same run by a given backend, for tests and benchmarks: the results are the same. A backend
    /// that this machine does not have is taken for [`Backend::Portable`].
    #[must_use]
    pub fn with_backend(self, backend: Backend) -> Self {
        Self { plan: self.plan.with_backend(backend), ..self }
    }

    /// The same at another rate. Backward needs the rate that forward had: a mask does not know its rate, and the scale
    /// would be another.
    #[must_use]
    pub fn with_rate(self, rate: DropRate) -> Self {
        Self { plan: self.plan.with_rate(rate), rule: self.rule.at(rate) }
    }

    /// The rate.
    #[must_use]
    pub const fn rate(self) -> DropRate {
        self.plan.rate
    }

    /// The rule.
    #[must_use]
    pub const fn rule(self) -> R {
        self.rule
    }

    /// Draws a mask, stores it, and drops: `y = forward(x)`.
    ///
    /// At p = 0 the output has the bits of the input, at p = 1 it is zeros ([`DropKey`]: -inf); both leave
    /// `rng` alone.
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

    /// Drops by the mask of a key, which is not stored.
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
        key: MaskKey,
    ) -> Result<(), ShapeError> {
        same_length(x, y)?;
        self.replay(key, x, y, self.forward_outcome());
        Ok(())
    }

    /// [`forward_replay`](Self::forward_replay) in place, which cannot fail.
    pub fn forward_replay_in_place<T: Element>(&self, x: &mut [T], key: MaskKey) {
        self.replay(key, InPlace, x, self.forward_outcome());
    }

    /// Drops by a mask of the caller's.
    ///
    /// The mask alone says what is dropped; the rate gives the scale. (At p = 1 the inverted rule
    /// and the alpha rule have none, and everything is +0.0.)
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
        self.apply(mask, x, y, self.forward_outcome());
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
        self.apply(mask, InPlace, x, self.forward_outcome());
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
        same_length(dy, dx)?;
        mask.check_len(dy.len())?;
        self.apply(mask, dy, dx, self.backward_outcome());
        Ok(())
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
        mask.check_len(dx.len())?;
        self.apply(mask, InPlace, dx, self.backward_outcome());
        Ok(())
    }

    /// The gradient of [`forward_replay`](Self::forward_replay) at the same key.
    ///
    /// # Errors
    ///
    /// [`ShapeError`] if `dx` has another length than `dy`. Then nothing is written.
    pub fn backward_replay<T: Element>(
        &self,
        dy: &[T],
        dx: &mut [T],
        key: MaskKey,
    ) -> Result<(), ShapeError> {
        same_length(dy, dx)?;
        self.replay(key, dy, dx, self.backward_outcome());
        Ok(())
    }

    /// [`backward_replay`](Self::backward_replay) in place, which cannot fail.
    pub fn backward_replay_in_place<T: Element>(&self, dx: &mut [T], key: MaskKey) {
        self.replay(key, InPlace, dx, self.backward_outcome());
    }

    /// Inference: the identity, but y = (1 - p) * x for the classic rule (and zeros at p = 1, where no
    /// unit was ever trained).
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

    /// The same over a layout: one decision for all the elements that share a mask bit.
    #[must_use]
    pub const fn over(self, layout: Layout) -> Structured<R> {
        Structured::new(self, layout)
    }

    /// Draws a mask that is not applied yet.
    pub(crate) fn fill(&self, rng: &mut MaskRng, mask: MaskMut<'_>) {
        self.plan.fill(rng, mask);
    }

    pub(crate) fn forward_outcome<T: Element>(&self) -> R::Forward<T> {
        self.rule.forward(self.plan.rate)
    }

    pub(crate) fn backward_outcome<T: Element>(&self) -> R::Backward<T> {
        self.rule.backward(self.plan.rate)
    }

    /// Whether a mask decides at this rate; else everything counts as dropped.
    pub(crate) fn decides(&self) -> bool {
        self.rule.decides(self.plan.rate)
    }

    fn draw<T: Element, S: Place<T>>(
        &self,
        rng: &mut MaskRng,
        mask: MaskMut<'_>,
        x: S,
        y: &mut [T],
    ) {
        let change = x.op(self.forward_outcome());
        self.plan.draw(rng, mask, y, change);
    }

    fn replay<T: Element, S: Place<T>>(
        &self,
        key: MaskKey,
        x: S,
        y: &mut [T],
        outcome: impl Formula<T>,
    ) {
        let change = x.op(outcome);
        self.plan.replay(key, y, change);
    }

    fn apply<T: Element, S: Place<T>>(
        &self,
        mask: MaskRef<'_>,
        x: S,
        y: &mut [T],
        outcome: impl Formula<T>,
    ) {
        let change = x.op(outcome);
        if self.decides() {
            self.plan.apply(mask, y, change);
        } else {
            self.plan.map(false, y, change);
        }
    }

    /// What inference does: the one place that says so.
    pub(crate) fn inference<T: Element>(&self) -> Inference<T> {
        match (self.rule.inference(self.rate()), self.rate().draws()) {
            (None, _) | (_, Draws::KeepAll) => Inference::Same,
            (Some(_), Draws::DropAll) => Inference::Zeros,
            (Some(factor), Draws::Planes(_)) => Inference::Scaled(factor),
        }
    }

    fn scale_for_inference<T: Element, S: Place<T>>(&self, x: S, y: &mut [T]) {
        match self.inference() {
            Inference::Same => x.op(Same).pass_all(y),
            Inference::Scaled(factor) => self.plan.map(true, y, x.op(Times(factor))),
            Inference::Zeros => self.plan.map(false, y, x.op(Same)),
        }
    }
}

/// What all units become at inference.
pub(crate) enum Inference<T> {
    Same,
    Scaled(T),
    /// No unit was ever trained.
    Zeros,
}

//! Zoneout: a unit that is not updated keeps its state.

use core::ops::Range;

use crate::dropout::Drop;
use crate::error::{ShapeError, check_elements};
use crate::isa::{Backend, Element, Place as _, Runs, Sweeps};
use crate::kernel::op::{Blend, Either, InPlace, Mapped, Same, Zeros};
use crate::plan::{Flat, Plan, same_length};
use crate::rate::{Draws, DropRate};
use crate::source::{KnownMask, MaskSource, StoredMask};

/// Zoneout (Krueger et al. 2017, "Zoneout: Regularizing RNNs by Randomly Preserving Hidden
/// Activations", section 3): at each step each unit stays at its old state with probability z,
/// where dropout would zero it.
///
/// With k = 1 where the mask keeps (the paper's d is 1 - k: d = 1 holds a unit back):
///
/// | forward | backward | inference |
/// |---|---|---|
/// | `h = k ? h_new : h_prev` | `dh_new = k ? dh : +0.0`, `dh_prev = k ? +0.0 : dh` | `h = z * h_prev + (1 - z) * h_new` |
///
/// A mask bit of 1 lets a unit be updated, a bit of 0 holds it at its old state; bits are 0 with
/// probability z, the [rate](DropRate). Values are copied to the bit. At inference both factors are
/// rounded to the type that is computed in (`f32` for `f16` and `bf16`; integers have one exact sum that
/// is rounded once), then come two products and their sum, each rounded once and never
/// fused: the same bits on every backend, but that one NaN is like another. At z = 0 and z = 1 it
/// copies the new and the old state.
///
/// Slices are of one length, the units of one step of any number of sequences; draw a new mask at
/// each step. The mask comes from the sources of [`Dropout`](crate::Dropout). `..._into_prev`
/// writes h over `h_prev`, `..._into_new` over `h_new`. `backward` gives both parts of dh; what
/// else flows into `h_prev` through the cell is for the caller to add.
///
/// # In an LSTM
///
/// Cell and hidden state have a `Zoneout` each, at rates of their own. In the paper's equations the
/// output gate sees the cell *before* zoneout: `c_new = f * c_prev + i * g`, `c = zoneout(c_prev,
/// c_new)`, `h = zoneout(h_prev, o * tanh(c_new))`. So:
///
/// ```
/// use dropout_kernels::{Mask, MaskRng, Zoneout, drop_rate};
///
/// let (cell, hidden) = (Zoneout::new(drop_rate!(0.5)), Zoneout::new(drop_rate!(0.05)));
/// let mut rng = MaskRng::new(42, 0);
/// let (mut c, mut h) = ([0f32; 64], [0f32; 64]);
/// for _ in 0..10 {
///     let c_new = c.map(|c| 0.9 * c + 0.1); // f * c + i * g
///     let h_new = c_new.map(|c| 0.5 * c.tanh()); // o * tanh(c_new)
///     let mut masks = [Mask::<2>::new(), Mask::new()]; // for the backward pass
///     cell.forward_into_prev(&mut c, &c_new, rng.draw(&mut masks[0]))?;
///     hidden.forward_into_prev(&mut h, &h_new, rng.draw(&mut masks[1]))?;
/// }
///
/// let mut mask = Mask::<1>::new();
/// let (h_prev, h_new, mut h) = ([1f32; 4], [2f32; 4], [0f32; 4]);
/// cell.forward(&h_prev, &h_new, &mut h, rng.draw(&mut mask))?;
/// let (mut dh_prev, mut dh_new) = ([0f32; 4], [0f32; 4]);
/// cell.backward(&[1.0; 4], &mut dh_prev, &mut dh_new, &mask)?;
/// for (u, updated) in mask.view(4)?.iter().enumerate() {
///     let wanted = if updated { (2.0, 1.0, 0.0) } else { (1.0, 0.0, 1.0) };
///     assert_eq!((h[u], dh_new[u], dh_prev[u]), wanted);
/// }
/// cell.infer(&h_prev, &h_new, &mut h)?;
/// assert_eq!(h, [1.5; 4]);
/// # Ok::<(), dropout_kernels::ShapeError>(())
/// ```
///
/// # Cost
///
/// Forward is one pass that reads two slices and writes one; masks cost what
/// [`Dropout`](crate::Dropout) says. Backward is two passes, one for each part of dh; replayed,
/// each of them draws the mask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Zoneout {
    plan: Plan,
}

impl Zoneout {
    /// Zoneout of units with probability `rate`.
    #[must_use]
    pub const fn new(rate: DropRate) -> Self {
        Self { plan: Plan::new(rate) }
    }

    /// The same run by a given backend, for tests and benchmarks: the results are the same. A
    /// backend that this machine does not have is taken for [`Backend::Portable`].
    #[must_use]
    pub fn with_backend(self, backend: Backend) -> Self {
        Self { plan: self.plan.with_backend(backend) }
    }

    /// The rate, z.
    #[must_use]
    pub const fn rate(self) -> DropRate {
        self.plan.rate
    }

    /// The same at another rate. By a stored mask, backward gives the same at any rate.
    #[must_use]
    pub const fn with_rate(self, rate: DropRate) -> Self {
        Self { plan: self.plan.with_rate(rate) }
    }

    /// Updates the units that the mask keeps: `h = k ? h_new : h_prev`.
    ///
    /// Where the mask is drawn, that is `h_new` at z = 0 and `h_prev` at z = 1, and neither moves
    /// the generator. A mask of your own alone decides: the rate plays no part.
    ///
    /// # Errors
    ///
    /// [`ShapeError`] if `h_new`, `h` or the mask has another length than `h_prev`. Then nothing is
    /// written and no generator has moved.
    pub fn forward<T: Element>(
        &self,
        h_prev: &[T],
        h_new: &[T],
        h: &mut [T],
        mask: impl MaskSource,
    ) -> Result<(), ShapeError> {
        same_states(h_prev, h_new)?;
        same_length(h_prev, h)?;
        self.run(h, mask, Either(h_new, h_prev))
    }

    /// [`forward`](Self::forward) over `h_prev`.
    ///
    /// # Errors
    ///
    /// Same errors as [`forward`](Self::forward).
    pub fn forward_into_prev<T: Element>(
        &self,
        h_prev: &mut [T],
        h_new: &[T],
        mask: impl MaskSource,
    ) -> Result<(), ShapeError> {
        same_states(h_prev, h_new)?;
        self.run(h_prev, mask, Either(h_new, InPlace))
    }

    /// [`forward`](Self::forward) over `h_new`.
    ///
    /// # Errors
    ///
    /// Same errors as [`forward`](Self::forward).
    pub fn forward_into_new<T: Element>(
        &self,
        h_prev: &[T],
        h_new: &mut [T],
        mask: impl MaskSource,
    ) -> Result<(), ShapeError> {
        same_states(h_prev, h_new)?;
        self.run(h_new, mask, Either(InPlace, h_prev))
    }

    /// The gradient, split by forward's key or its mask: `dh_prev = k ? +0.0 : dh` and `dh_new = k
    /// ? dh : +0.0`.
    ///
    /// # Errors
    ///
    /// [`ShapeError`] if `dh_prev`, `dh_new` or the mask has another length than `dh`. Then nothing
    /// is written.
    pub fn backward<T: Element>(
        &self,
        dh: &[T],
        dh_prev: &mut [T],
        dh_new: &mut [T],
        mask: impl KnownMask,
    ) -> Result<(), ShapeError> {
        same_length(dh, dh_prev)?;
        same_length(dh, dh_new)?;
        self.run(dh_prev, mask, Either(Zeros, dh))?;
        self.run(dh_new, mask, Mapped(dh, Same))
    }

    /// [`backward`](Self::backward) with `dh` becoming `dh_new`.
    ///
    /// # Errors
    ///
    /// Same errors as [`backward`](Self::backward).
    pub fn backward_in_place<T: Element>(
        &self,
        dh: &mut [T],
        dh_prev: &mut [T],
        mask: impl KnownMask,
    ) -> Result<(), ShapeError> {
        same_length(dh, dh_prev)?;
        self.run(dh_prev, mask, Either(Zeros, &*dh))?;
        self.run(dh, mask, Mapped(InPlace, Same))
    }

    /// Inference, the expectation: `h = z * h_prev + (1 - z) * h_new`.
    ///
    /// # Errors
    ///
    /// [`ShapeError`] if `h_new` or `h` has another length than `h_prev`. Then nothing is written.
    pub fn infer<T: Element>(
        &self,
        h_prev: &[T],
        h_new: &[T],
        h: &mut [T],
    ) -> Result<(), ShapeError> {
        same_states(h_prev, h_new)?;
        same_length(h_prev, h)?;
        self.blend(h, Either(h_new, h_prev), |u, v| Blend { a: h_prev, u, b: h_new, v });
        Ok(())
    }

    /// [`infer`](Self::infer) over `h_prev`.
    ///
    /// # Errors
    ///
    /// Same errors as [`infer`](Self::infer).
    pub fn infer_into_prev<T: Element>(
        &self,
        h_prev: &mut [T],
        h_new: &[T],
    ) -> Result<(), ShapeError> {
        same_states(h_prev, h_new)?;
        self.blend(h_prev, Either(h_new, InPlace), |u, v| Blend { a: InPlace, u, b: h_new, v });
        Ok(())
    }

    /// [`infer`](Self::infer) over `h_new`.
    ///
    /// # Errors
    ///
    /// Same errors as [`infer`](Self::infer).
    pub fn infer_into_new<T: Element>(
        &self,
        h_prev: &[T],
        h_new: &mut [T],
    ) -> Result<(), ShapeError> {
        same_states(h_prev, h_new)?;
        self.blend(h_new, Either(InPlace, h_prev), |u, v| Blend { a: h_prev, u, b: InPlace, v });
        Ok(())
    }

    /// [`infer`](Self::infer) for the units that a mask keeps; the others hold their state: `h = k ? z *
    /// h_prev + (1 - z) * h_new : h_prev`. Use it when some sequences of a batch have ended.
    ///
    /// ```
    /// use dropout_kernels::{Mask, Zoneout, drop_rate};
    ///
    /// let cell = Zoneout::new(drop_rate!(0.25));
    /// let (h_prev, h_new, mut h) = ([1f32; 6], [5f32; 6], [0f32; 6]);
    /// let mut live = Mask::<1>::new(); // two sequences of three units
    /// live.view_mut(6)?.set_range(0..3, true)?; // the second one has ended
    /// cell.infer_where(&h_prev, &h_new, &mut h, &live)?;
    /// assert_eq!(h, [4.0, 4.0, 4.0, 1.0, 1.0, 1.0]);
    /// # Ok::<(), dropout_kernels::ShapeError>(())
    /// ```
    ///
    /// Costs `infer`, and a few operations per run of neighbours that the mask treats alike.
    ///
    /// # Errors
    ///
    /// [`ShapeError`] if `h_new`, `h` or the mask has another length than `h_prev`. Then nothing is
    /// written.
    pub fn infer_where<T: Element>(
        &self,
        h_prev: &[T],
        h_new: &[T],
        h: &mut [T],
        mask: impl StoredMask,
    ) -> Result<(), ShapeError> {
        same_states(h_prev, h_new)?;
        same_length(h_prev, h)?;
        let mask = mask.fit(h.len())?;
        for run in mask.kept_runs() {
            self.infer(of(h_prev, &run), of(h_new, &run), of_mut(h, &run))?;
        }
        for run in mask.dropped_runs() {
            of(h_prev, &run).op(Same).pass_all(of_mut(h, &run));
        }
        Ok(())
    }

    /// [`infer_where`](Self::infer_where) over `h_prev`.
    ///
    /// # Errors
    ///
    /// Same errors as [`infer_where`](Self::infer_where).
    pub fn infer_into_prev_where<T: Element>(
        &self,
        h_prev: &mut [T],
        h_new: &[T],
        mask: impl StoredMask,
    ) -> Result<(), ShapeError> {
        same_states(h_prev, h_new)?;
        let mask = mask.fit(h_prev.len())?;
        for run in mask.kept_runs() {
            self.infer_into_prev(of_mut(h_prev, &run), of(h_new, &run))?;
        }
        Ok(())
    }

    /// [`infer_where`](Self::infer_where) over `h_new`.
    ///
    /// # Errors
    ///
    /// Same errors as [`infer_where`](Self::infer_where).
    pub fn infer_into_new_where<T: Element>(
        &self,
        h_prev: &[T],
        h_new: &mut [T],
        mask: impl StoredMask,
    ) -> Result<(), ShapeError> {
        same_states(h_prev, h_new)?;
        let mask = mask.fit(h_prev.len())?;
        for run in mask.kept_runs() {
            self.infer_into_new(of(h_prev, &run), of_mut(h_new, &run))?;
        }
        for run in mask.dropped_runs() {
            of(h_prev, &run).op(Same).pass_all(of_mut(h_new, &run));
        }
        Ok(())
    }

    fn run<T: Element>(
        &self,
        h: &mut [T],
        mask: impl MaskSource,
        op: impl Runs<T>,
    ) -> Result<(), ShapeError> {
        let bits = h.len();
        mask.visit(bits, Drop { plan: &self.plan, decides: true, shape: &Flat, y: h, op })
    }

    fn blend<T: Element, S: Sweeps<T>>(
        &self,
        h: &mut [T],
        ends: impl Runs<T>,
        blend: impl FnOnce(T::Weight, T::Weight) -> S,
    ) {
        match self.rate().draws() {
            Draws::KeepAll => ends.map(self.plan.backend(), true, h),
            Draws::DropAll => ends.map(self.plan.backend(), false, h),
            Draws::Planes(_) => {
                let [u, v] = T::weights(self.rate());
                blend(u, v).run(self.plan.backend(), h);
            }
        }
    }
}

/// The states that a run of a mask decides.
fn of<'a, T>(states: &'a [T], run: &Range<usize>) -> &'a [T] {
    states.get(run.clone()).unwrap_or_default()
}

/// As [`of`], to write.
fn of_mut<'a, T>(states: &'a mut [T], run: &Range<usize>) -> &'a mut [T] {
    states.get_mut(run.clone()).unwrap_or_default()
}

/// Both states of one step.
fn same_states<T>(h_prev: &[T], h_new: &[T]) -> Result<(), ShapeError> {
    check_elements(h_prev.len(), h_new.len())
}

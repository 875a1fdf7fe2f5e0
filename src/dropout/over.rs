//! Dropout over a layout: one decision for all the elements that share a mask bit.

use super::{Dropout, Rule};
use crate::error::ShapeError;
use crate::isa::{Element, Formula, Place};
use crate::kernel::op::InPlace;
use crate::key::MaskKey;
use crate::layout::Layout;
use crate::mask::{MaskMut, MaskRef};
use crate::plan::same_length;
use crate::rate::DropRate;
use crate::rng::MaskRng;

/// [`Dropout`] over a [`Layout`]: spatial, variational, stochastic depth, and whatever else drops more than single units
/// at a time. Made by [`Dropout::over`].
///
/// With d of an element being its mask bit, the formulas are those of [`Dropout`]. A mask has
/// [`Layout::mask_bits`] bits, and is the one that [`MaskRng::fill`] draws for so many elements.
///
/// # Cost
///
/// One pass over the elements. Where a bit decides 32 neighbours or more, dropped ones are filled and kept
/// ones scaled, without looking at bits; elsewhere 32 elements at a time by a word that is put together from the
/// bits in registers. The mask is never expanded. A replay draws 512 bits at a time and keeps them on the stack.
///
/// ```
/// use dropout_kernels::{Dropout, Layout, MaskKey, drop_rate};
///
/// // Variational dropout (Gal and Ghahramani 2016): 10 steps, 2 sequences, 8 units; a unit is dropped
/// // at every step or at none. No mask is stored: the key gives it again.
/// let variational = Dropout::new(drop_rate!(0.5)).over(Layout::time_major(10, 2, 8)?);
/// let mut x = [1f32; 160];
/// variational.forward_replay_in_place(&mut x, MaskKey::new(42, 0))?;
/// let first_step = &x[..16];
/// assert!(x.chunks(16).all(|step| step == first_step));
/// let mut dx = [1f32; 160];
/// variational.backward_replay_in_place(&mut dx, MaskKey::new(42, 0))?;
/// assert_eq!(dx, x);
/// # Ok::<(), dropout_kernels::ShapeError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Structured<R = super::Inverted> {
    dropout: Dropout<R>,
    layout: Layout,
}

impl<R: Rule> Structured<R> {
    pub(super) const fn new(dropout: Dropout<R>, layout: Layout) -> Self {
        Self { dropout, layout }
    }

    /// The dropout without the layout.
    #[must_use]
    pub const fn dropout(self) -> Dropout<R> {
        self.dropout
    }

    /// The same at another rate: see [`Dropout::with_rate`](crate::Dropout::with_rate).
    #[must_use]
    pub fn with_rate(self, rate: DropRate) -> Self {
        Self { dropout: self.dropout.with_rate(rate), ..self }
    }

    /// The layout.
    #[must_use]
    pub const fn layout(self) -> Layout {
        self.layout
    }

    /// Draws a mask, stores it, and drops: `y = forward(x)`.
    ///
    /// # Errors
    ///
    /// [`ShapeError`] if `x` and `y` do not have the layout's elements, or `mask` its bits. Then nothing is
    /// written and `rng` has not moved.
    pub fn forward<T: Element>(
        &self,
        x: &[T],
        y: &mut [T],
        mask: MaskMut<'_>,
        rng: &mut MaskRng,
    ) -> Result<(), ShapeError> {
        same_length(x, y)?;
        self.draw(rng, mask, x, y)
    }

    /// [`forward`](Self::forward) in place.
    ///
    /// # Errors
    ///
    /// Same errors as [`forward`](Self::forward).
    pub fn forward_in_place<T: Element>(
        &self,
        x: &mut [T],
        mask: MaskMut<'_>,
        rng: &mut MaskRng,
    ) -> Result<(), ShapeError> {
        self.draw(rng, mask, InPlace, x)
    }

    /// Drops by the mask of a key, which is not stored.
    ///
    /// # Errors
    ///
    /// [`ShapeError`] if `x` and `y` do not have the layout's elements. Then nothing is written.
    pub fn forward_replay<T: Element>(
        &self,
        x: &[T],
        y: &mut [T],
        key: MaskKey,
    ) -> Result<(), ShapeError> {
        same_length(x, y)?;
        self.replay(key, x, y, self.dropout.forward_outcome())
    }

    /// [`forward_replay`](Self::forward_replay) in place.
    ///
    /// # Errors
    ///
    /// Same errors as [`forward_replay`](Self::forward_replay).
    pub fn forward_replay_in_place<T: Element>(
        &self,
        x: &mut [T],
        key: MaskKey,
    ) -> Result<(), ShapeError> {
        self.replay(key, InPlace, x, self.dropout.forward_outcome())
    }

    /// Drops by a mask of the caller's, as [`Dropout::forward_masked`].
    ///
    /// # Errors
    ///
    /// [`ShapeError`] if `x` and `y` do not have the layout's elements, or `mask` its bits. Then nothing is
    /// written.
    pub fn forward_masked<T: Element>(
        &self,
        x: &[T],
        y: &mut [T],
        mask: MaskRef<'_>,
    ) -> Result<(), ShapeError> {
        same_length(x, y)?;
        self.apply(mask, x, y, self.dropout.forward_outcome())
    }

    /// [`forward_masked`](Self::forward_masked) in place.
    ///
    /// # Errors
    ///
    /// Same errors as [`forward_masked`](Self::forward_masked).
    pub fn forward_masked_in_place<T: Element>(
        &self,
        x: &mut [T],
        mask: MaskRef<'_>,
    ) -> Result<(), ShapeError> {
        self.apply(mask, InPlace, x, self.dropout.forward_outcome())
    }

    /// The gradient through the elements that `mask` kept: `dx = backward(dy)`.
    ///
    /// # Errors
    ///
    /// [`ShapeError`] if `dy` and `dx` do not have the layout's elements, or `mask` its bits. Then nothing is
    /// written.
    pub fn backward<T: Element>(
        &self,
        dy: &[T],
        dx: &mut [T],
        mask: MaskRef<'_>,
    ) -> Result<(), ShapeError> {
        same_length(dy, dx)?;
        self.apply(mask, dy, dx, self.dropout.backward_outcome())
    }

    /// [`backward`](Self::backward) in place.
    ///
    /// # Errors
    ///
    /// Same errors as [`backward`](Self::backward).
    pub fn backward_in_place<T: Element>(
        &self,
        dx: &mut [T],
        mask: MaskRef<'_>,
    ) -> Result<(), ShapeError> {
        self.apply(mask, InPlace, dx, self.dropout.backward_outcome())
    }

    /// The gradient of [`forward_replay`](Self::forward_replay) at the same key.
    ///
    /// # Errors
    ///
    /// [`ShapeError`] if `dy` and `dx` do not have the layout's elements. Then nothing is written.
    pub fn backward_replay<T: Element>(
        &self,
        dy: &[T],
        dx: &mut [T],
        key: MaskKey,
    ) -> Result<(), ShapeError> {
        same_length(dy, dx)?;
        self.replay(key, dy, dx, self.dropout.backward_outcome())
    }

    /// [`backward_replay`](Self::backward_replay) in place.
    ///
    /// # Errors
    ///
    /// Same errors as [`backward_replay`](Self::backward_replay).
    pub fn backward_replay_in_place<T: Element>(
        &self,
        dx: &mut [T],
        key: MaskKey,
    ) -> Result<(), ShapeError> {
        self.replay(key, InPlace, dx, self.dropout.backward_outcome())
    }

    fn draw<T: Element, S: Place<T>>(
        &self,
        rng: &mut MaskRng,
        mask: MaskMut<'_>,
        x: S,
        y: &mut [T],
    ) -> Result<(), ShapeError> {
        self.layout.check_len(y.len())?;
        mask.as_ref().check_len(self.layout.mask_bits())?;
        let change = x.op(self.dropout.forward_outcome());
        self.dropout.plan.draw_over(self.layout, rng, mask, y, change);
        Ok(())
    }

    fn replay<T: Element, S: Place<T>>(
        &self,
        key: MaskKey,
        x: S,
        y: &mut [T],
        outcome: impl Formula<T>,
    ) -> Result<(), ShapeError> {
        self.layout.check_len(y.len())?;
        let change = x.op(outcome);
        self.dropout.plan.replay_over(self.layout, key, y, change);
        Ok(())
    }

    fn apply<T: Element, S: Place<T>>(
        &self,
        mask: MaskRef<'_>,
        x: S,
        y: &mut [T],
        outcome: impl Formula<T>,
    ) -> Result<(), ShapeError> {
        self.layout.check_len(y.len())?;
        mask.check_len(self.layout.mask_bits())?;
        let change = x.op(outcome);
        if self.dropout.decides() {
            self.dropout.plan.apply_over(self.layout, mask, y, change);
        } else {
            self.dropout.plan.map(false, y, change);
        }
        Ok(())
    }
}

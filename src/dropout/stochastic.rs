//! Integers whose products are rounded up or down at random, so that they are right on average.

use super::{Drop, Dropout, Requantises, Rule};
use crate::error::ShapeError;
use crate::isa::{CompiledRounding, Formula as _, Integer, Runs};
use crate::kernel::op::{InPlace, Or};
use crate::key::MaskKey;
use crate::mask::{MaskMut, MaskRef, MaskWindow};
use crate::plan::{Compact, Shape};
use crate::requantise::Multiplier;
use crate::source::{KnownMask, Lends as _, MaskSource, RandomSource, Visit, VisitStored};

impl<R: Rule, S: Compact> Dropout<R, S> {
    /// [`forward`](Self::forward) of integers, with products that are rounded up or down at random,
    /// so that each is right on average: z + floor((x - z) * s + u), which saturates, for the zero
    /// point z and u uniform from 0 to 1, drawn from `rounding`.
    ///
    /// The key of the mask can serve as `rounding`, too: the bits that round come from a stream of
    /// their own (`docs/QUANTISED.md`). The same key rounds alike again. Unbiased but where it
    /// saturates.
    ///
    /// ```
    /// use dropout_kernels::{Dropout, MaskKey, drop_rate};
    ///
    /// let dropout = Dropout::new(drop_rate!(0.25)); // kept ones are multiplied with 4 / 3
    /// let (x, mut y) = ([1i16; 3000], [0i16; 3000]);
    /// let key = MaskKey::new(42, 0);
    /// dropout.forward_stochastic(&x, &mut y, key, key)?;
    /// assert!(y.iter().all(|y| (0..=2).contains(y)));
    /// let sum: i16 = y.iter().sum();
    /// assert!((sum - 3000).abs() < 160); // 4 standard deviations; without, it would be 2250
    /// # Ok::<(), dropout_kernels::ShapeError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`forward`](Self::forward).
    pub fn forward_stochastic<T: Integer>(
        &self,
        x: &[T],
        y: &mut [T],
        mask: impl MaskSource,
        rounding: MaskKey,
    ) -> Result<(), ShapeError>
    where
        R: Requantises<T>,
    {
        self.round(Some(x.len()), x, y, mask, rounding)
    }

    /// [`forward_stochastic`](Self::forward_stochastic) in place.
    ///
    /// # Errors
    ///
    /// Same errors as [`forward`](Self::forward).
    pub fn forward_stochastic_in_place<T: Integer>(
        &self,
        x: &mut [T],
        mask: impl MaskSource,
        rounding: MaskKey,
    ) -> Result<(), ShapeError>
    where
        R: Requantises<T>,
    {
        self.round(None, InPlace, x, mask, rounding)
    }

    /// [`backward`](Self::backward) of integers, rounded as
    /// [`forward_stochastic`](Self::forward_stochastic) is: small gradients are not lost.
    ///
    /// # Errors
    ///
    /// Same errors as [`forward`](Self::forward).
    pub fn backward_stochastic<T: Integer>(
        &self,
        dy: &[T],
        dx: &mut [T],
        mask: impl KnownMask,
        rounding: MaskKey,
    ) -> Result<(), ShapeError>
    where
        R: Requantises<T>,
    {
        self.round(Some(dy.len()), dy, dx, mask, rounding)
    }

    /// [`backward_stochastic`](Self::backward_stochastic) in place.
    ///
    /// # Errors
    ///
    /// Same errors as [`forward`](Self::forward).
    pub fn backward_stochastic_in_place<T: Integer>(
        &self,
        dx: &mut [T],
        mask: impl KnownMask,
        rounding: MaskKey,
    ) -> Result<(), ShapeError>
    where
        R: Requantises<T>,
    {
        self.round(None, InPlace, dx, mask, rounding)
    }

    fn round<T: Integer + CompiledRounding<X>, X>(
        &self,
        input: Option<usize>,
        x: X,
        y: &mut [T],
        mask: impl MaskSource,
        rounding: MaskKey,
    ) -> Result<(), ShapeError>
    where
        R: Requantises<T>,
    {
        let (factor, zero) = (T::inverted_scale(self.rate()), self.rule.zero_point());
        let bits = self.shape.bits(input, y.len())?;
        mask.visit(
            bits,
            Rounded { x, factor, zero, rounding, then: self.verb(y, Or(zero).in_place()) },
        )
    }
}

/// The verb that multiplies all elements, rounded by the bits of a key, and then drops.
struct Rounded<'y, T, S, X, O> {
    x: X,
    factor: Multiplier,
    zero: T,
    rounding: MaskKey,
    then: Drop<'y, T, S, O>,
}

impl<'y, T: CompiledRounding<X>, S, X, O> Rounded<'y, T, S, X, O> {
    fn rounded(self) -> Drop<'y, T, S, O> {
        let Self { x, factor, zero, rounding, then } = self;
        let backend = then.plan.backend();
        rounding.fold(ROUNDING).with_lanes(backend, then.y.len(), |lanes| {
            T::round(backend, lanes, factor, zero, x, then.y);
        });
        then
    }
}

impl<T: Integer + CompiledRounding<X>, S: Shape, X, O: Runs<T>> VisitStored
    for Rounded<'_, T, S, X, O>
{
    type Output = ();

    fn apply(self, mask: MaskRef<'_>) {
        self.rounded().apply(mask);
    }

    fn draw(self, source: impl RandomSource, mask: MaskMut<'_>) {
        self.rounded().draw(source, mask);
    }
}

impl<T: Integer + CompiledRounding<X>, S: Shape, X, O: Runs<T>> Visit for Rounded<'_, T, S, X, O> {
    fn apply_window(self, window: MaskWindow<'_>) {
        self.rounded().apply_window(window);
    }

    fn replay(self, key: MaskKey) {
        self.rounded().replay(key);
    }
}

/// Which descendant of a key has the bits that round (docs/QUANTISED.md).
const ROUNDING: u64 = u64::MAX;

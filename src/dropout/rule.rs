//! Rules: what becomes of kept and dropped units in training, and of all units at inference.

use core::fmt::Debug;
use core::hash::Hash;

use crate::element::Number as _;
use crate::isa::{Element, Formula, Integer};
use crate::kernel::op::{Affine, Or, Same, Times};
use crate::rate::{Draws, DropRate};

pub(super) mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Inverted {}
    impl Sealed for super::Classic {}
    impl<R: super::Rule> Sealed for super::ZeroPoint<R> {}
}

/// What a [`Dropout`](super::Dropout) does with units that it keeps, and with those it drops.
///
/// Sealed. A rule is a type, so a program carries the code of the rules that it uses and of no
/// other.
pub trait Rule: Copy + Debug + PartialEq + sealed::Sealed {
    /// Whether a dropped unit becomes zero.
    #[doc(hidden)]
    const ZEROES: bool = true;

    /// The rule at a rate.
    #[doc(hidden)]
    #[must_use]
    fn at(self, _rate: DropRate) -> Self {
        self
    }

    /// Whether a mask supplied by the caller decides at this rate; else every unit counts as
    /// dropped.
    #[doc(hidden)]
    fn decides(self, _rate: DropRate) -> bool {
        true
    }
}

/// A [`Rule`] for elements of type `T`.
///
/// [`Inverted`] and [`Classic`] are for all elements, [`Alpha`](super::Alpha) and
/// [`DropKey`](super::DropKey) for floating-point numbers, [`ZeroPoint`] for `i8`.
///
/// Sealed. Generic code asks for it, once for each element type:
///
/// ```
/// use dropout_kernels::{Dropout, Element, KnownMask, RuleFor, Shape, ShapeError};
///
/// fn step<X: Element, G: Element, R: RuleFor<X> + RuleFor<G>, S: Shape>(
///     dropout: &Dropout<R, S>,
///     x: &mut [X],
///     gradient: &mut [G],
///     mask: impl KnownMask,
/// ) -> Result<(), ShapeError> {
///     dropout.forward_in_place(x, mask)?;
///     dropout.backward_in_place(gradient, mask)
/// }
/// ```
///
/// # What does not make sense does not build
///
/// What alpha dropout drops to, -1.758, has a code only for whoever knows the scale of the tensor:
///
/// ```
/// use dropout_kernels::{Dropout, MaskKey, drop_rate};
///
/// let mut x = [1f32; 8];
/// Dropout::alpha(drop_rate!(0.5)).forward_in_place(&mut x, MaskKey::new(42, 0))?;
/// # Ok::<(), dropout_kernels::ShapeError>(())
/// ```
///
/// ```compile_fail
/// use dropout_kernels::{Dropout, MaskKey, drop_rate};
///
/// let mut x = [1i8; 8];
/// Dropout::alpha(drop_rate!(0.5)).forward_in_place(&mut x, MaskKey::new(42, 0))?;
/// # Ok::<(), dropout_kernels::ShapeError>(())
/// ```
///
/// And -inf has none:
///
/// ```
/// use dropout_kernels::{Dropout, MaskKey, drop_rate};
///
/// let mut logits = [1f32; 8];
/// Dropout::drop_key(drop_rate!(0.5)).forward_in_place(&mut logits, MaskKey::new(42, 0))?;
/// # Ok::<(), dropout_kernels::ShapeError>(())
/// ```
///
/// ```compile_fail
/// use dropout_kernels::{Dropout, MaskKey, drop_rate};
///
/// let mut logits = [1i8; 8];
/// Dropout::drop_key(drop_rate!(0.5)).forward_in_place(&mut logits, MaskKey::new(42, 0))?;
/// # Ok::<(), dropout_kernels::ShapeError>(())
/// ```
///
/// A floating-point number has its zero at 0, and so has an `i16`:
///
/// ```
/// use dropout_kernels::{Dropout, MaskKey, drop_rate};
///
/// let mut x = [1i8; 8];
/// let dropout = Dropout::new(drop_rate!(0.5)).with_zero_point(-3);
/// dropout.forward_in_place(&mut x, MaskKey::new(42, 0))?;
/// # Ok::<(), dropout_kernels::ShapeError>(())
/// ```
///
/// ```compile_fail
/// use dropout_kernels::{Dropout, MaskKey, drop_rate};
///
/// let mut x = [1f32; 8];
/// let dropout = Dropout::new(drop_rate!(0.5)).with_zero_point(-3);
/// dropout.forward_in_place(&mut x, MaskKey::new(42, 0))?;
/// # Ok::<(), dropout_kernels::ShapeError>(())
/// ```
///
/// ```compile_fail
/// use dropout_kernels::{Dropout, MaskKey, drop_rate};
///
/// let mut x = [1i16; 8];
/// let dropout = Dropout::new(drop_rate!(0.5)).with_zero_point(-3);
/// dropout.forward_in_place(&mut x, MaskKey::new(42, 0))?;
/// # Ok::<(), dropout_kernels::ShapeError>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "the rule `{Self}` has no formula for elements of type `{T}`",
    note = "alpha dropout and DropKey are for floating-point numbers; a zero point is for `i8`, on `Dropout::new` or `Dropout::classic`, once"
)]
pub trait RuleFor<T: Element>: Rule {
    #[doc(hidden)]
    type Forward: Formula<T>;

    #[doc(hidden)]
    type Backward: Formula<T>;

    #[doc(hidden)]
    type Inference: Formula<T>;

    /// Of a unit in training.
    #[doc(hidden)]
    fn forward(self, rate: DropRate) -> Self::Forward;

    /// Of its gradient.
    #[doc(hidden)]
    fn backward(self, rate: DropRate) -> Self::Backward;

    /// What becomes of all units at inference, if anything.
    #[doc(hidden)]
    fn inference(self, _rate: DropRate) -> Option<Self::Inference> {
        None
    }
}

/// A [`Rule`] that multiplies integers with a scale, which can be rounded by random bits: the
/// inverted rule.
///
/// Sealed. The classic rule only selects, so there is nothing to round:
///
/// ```
/// use dropout_kernels::{Dropout, MaskKey, drop_rate};
///
/// let (mut x, key) = ([1i8; 8], MaskKey::new(42, 0));
/// Dropout::new(drop_rate!(0.5)).forward_stochastic_in_place(&mut x, key, key)?;
/// # Ok::<(), dropout_kernels::ShapeError>(())
/// ```
///
/// ```compile_fail
/// use dropout_kernels::{Dropout, MaskKey, drop_rate};
///
/// let (mut x, key) = ([1i8; 8], MaskKey::new(42, 0));
/// Dropout::classic(drop_rate!(0.5)).forward_stochastic_in_place(&mut x, key, key)?;
/// # Ok::<(), dropout_kernels::ShapeError>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "the rule `{Self}` multiplies no elements of type `{T}`",
    note = "the classic rule only selects, so there is nothing to round"
)]
pub trait Requantises<T: Integer>: RuleFor<T> {
    #[doc(hidden)]
    fn zero_point(self) -> T;
}

/// Kept units are scaled by 1 / (1 - p) in training; inference is the identity. Of integers the product
/// is rounded, and saturates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Inverted;

impl Rule for Inverted {
    /// At p = 1 there is no scale.
    #[inline]
    fn decides(self, rate: DropRate) -> bool {
        !matches!(rate.draws(), Draws::DropAll)
    }
}

impl<T: Element> RuleFor<T> for Inverted {
    type Forward = Times<T>;
    type Backward = Times<T>;
    type Inference = Same;

    #[inline]
    fn forward(self, rate: DropRate) -> Times<T> {
        Times(T::inverted_scale(rate))
    }

    #[inline]
    fn backward(self, rate: DropRate) -> Times<T> {
        Times(T::inverted_scale(rate))
    }
}

impl<T: Integer> Requantises<T> for Inverted {
    fn zero_point(self) -> T {
        T::ZERO
    }
}

/// Kept units stay as they are; at inference all are scaled by 1 - p.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Classic;

impl Rule for Classic {}

impl<T: Element> RuleFor<T> for Classic {
    type Forward = Same;
    type Backward = Same;
    type Inference = Times<T>;

    #[inline]
    fn forward(self, _: DropRate) -> Same {
        Same
    }

    #[inline]
    fn backward(self, _: DropRate) -> Same {
        Same
    }

    #[inline]
    fn inference(self, rate: DropRate) -> Option<Times<T>> {
        Some(Times(T::keep_probability(rate)))
    }
}

/// A rule for `i8` whose zero is coded as another number, as asymmetric quantisation has it:
/// [`Dropout::with_zero_point`](super::Dropout::with_zero_point).
///
/// A dropped element becomes the zero point, and kept ones are scaled about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ZeroPoint<R> {
    pub(super) rule: R,
    pub(super) zero: i8,
}

impl<R> ZeroPoint<R> {
    /// The code of zero.
    #[must_use]
    pub const fn zero_point(self) -> i8
    where
        R: Copy,
    {
        self.zero
    }
}

impl<R: Rule> Rule for ZeroPoint<R> {
    const ZEROES: bool = false;

    fn at(self, rate: DropRate) -> Self {
        Self { rule: self.rule.at(rate), ..self }
    }

    #[inline]
    fn decides(self, rate: DropRate) -> bool {
        self.rule.decides(rate)
    }
}

impl ZeroPoint<Inverted> {
    fn scaled(self, rate: DropRate) -> Affine<i8> {
        Affine { factor: i8::inverted_scale(rate), term: self.zero, dropped: self.zero }
    }
}

impl RuleFor<i8> for ZeroPoint<Inverted> {
    type Forward = Affine<i8>;
    type Backward = Affine<i8>;
    type Inference = Same;

    #[inline]
    fn forward(self, rate: DropRate) -> Affine<i8> {
        self.scaled(rate)
    }

    #[inline]
    fn backward(self, rate: DropRate) -> Affine<i8> {
        self.scaled(rate)
    }
}

impl Requantises<i8> for ZeroPoint<Inverted> {
    fn zero_point(self) -> i8 {
        self.zero
    }
}

impl RuleFor<i8> for ZeroPoint<Classic> {
    type Forward = Or<i8>;
    type Backward = Or<i8>;
    type Inference = Affine<i8>;

    #[inline]
    fn forward(self, _: DropRate) -> Or<i8> {
        Or(self.zero)
    }

    #[inline]
    fn backward(self, _: DropRate) -> Or<i8> {
        Or(self.zero)
    }

    #[inline]
    fn inference(self, rate: DropRate) -> Option<Affine<i8>> {
        let factor = i8::keep_probability(rate);
        Some(Affine { factor, term: self.zero, dropped: self.zero })
    }
}

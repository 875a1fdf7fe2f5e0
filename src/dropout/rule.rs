//! Rules: what becomes of kept and dropped units in training, and of all units at inference.

use core::fmt::Debug;
use core::hash::Hash;

use crate::isa::{Element, Formula};
use crate::kernel::op::{Same, Times};
use crate::rate::{Draws, DropRate};

pub(super) mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Inverted {}
    impl Sealed for super::Classic {}
}

/// What a [`Dropout`](super::Dropout) does with units that it keeps, and with those it drops.
///
/// Sealed. A rule is a type, so a program carries the code of the rules that it uses and of no
/// other.
pub trait Rule: Copy + Debug + PartialEq + sealed::Sealed {
    /// The rule at a rate.
    #[doc(hidden)]
    #[must_use]
    fn at(self, _rate: DropRate) -> Self {
        self
    }

    #[doc(hidden)]
    type Forward<T: Element>: Formula<T>;

    #[doc(hidden)]
    type Backward<T: Element>: Formula<T>;

    #[doc(hidden)]
    /// Of a unit in training.
    fn forward<T: Element>(self, rate: DropRate) -> Self::Forward<T>;

    #[doc(hidden)]
    /// Of its gradient.
    fn backward<T: Element>(self, rate: DropRate) -> Self::Backward<T>;

    #[doc(hidden)]
    /// Whether a mask supplied by the caller decides at this rate; else every unit counts as
    /// dropped.
    fn decides(self, _rate: DropRate) -> bool {
        true
    }

    #[doc(hidden)]
    /// What all are multiplied with at inference, if with anything.
    fn inference<T: Element>(self, _rate: DropRate) -> Option<T> {
        None
    }
}

/// Kept units are scaled by 1 / (1 - p) in training; inference is the identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Inverted;

impl Rule for Inverted {
    type Forward<T: Element> = Times<T>;
    type Backward<T: Element> = Times<T>;

    #[inline]
    fn forward<T: Element>(self, rate: DropRate) -> Times<T> {
        Times(T::inverted_scale(rate))
    }

    #[inline]
    fn backward<T: Element>(self, rate: DropRate) -> Times<T> {
        self.forward(rate)
    }

    /// At p = 1 there is no scale.
    #[inline]
    fn decides(self, rate: DropRate) -> bool {
        !matches!(rate.draws(), Draws::DropAll)
    }
}

/// Kept units stay as they are; at inference all are scaled by 1 - p.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Classic;

impl Rule for Classic {
    type Forward<T: Element> = Same;
    type Backward<T: Element> = Same;

    #[inline]
    fn forward<T: Element>(self, _: DropRate) -> Same {
        Same
    }

    #[inline]
    fn backward<T: Element>(self, _: DropRate) -> Same {
        Same
    }

    #[inline]
    fn inference<T: Element>(self, rate: DropRate) -> Option<T> {
        Some(T::keep_probability(rate))
    }
}

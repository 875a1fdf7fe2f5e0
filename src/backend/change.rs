//! What a kernel makes of its target: what a kept element becomes, and what a dropped one.

use crate::element::Element;
use crate::pieces::pieces_mut;

/// What becomes of x: y = keep ? x * factor + term : dropped.
pub trait Outcome<T: Element>: Copy {
    /// Whether +0.0 stands where an element is dropped.
    const ZEROES: bool;

    /// What a kept element is multiplied with, if with anything.
    fn factor(self) -> Option<T>;

    /// What is added then, if anything.
    #[inline(always)]
    fn term(self) -> Option<T> {
        None
    }

    /// What stands where it is dropped.
    #[inline(always)]
    fn dropped(self) -> T {
        T::ZERO
    }
}

/// y = keep ? x : +0.0, to the bit, for NaN too.
#[derive(Clone, Copy, Debug)]
pub struct Same;

impl<T: Element> Outcome<T> for Same {
    const ZEROES: bool = true;

    #[inline(always)]
    fn factor(self) -> Option<T> {
        None
    }
}

/// y = keep ? x * s : +0.0.
#[derive(Clone, Copy, Debug)]
pub struct Times<T>(pub(crate) T);

impl<T: Element> Outcome<T> for Times<T> {
    const ZEROES: bool = true;

    #[inline(always)]
    fn factor(self) -> Option<T> {
        Some(self.0)
    }
}

/// y = keep ? x * factor + term : dropped.
#[derive(Clone, Copy, Debug)]
pub struct Affine<T> {
    pub(crate) factor: T,
    pub(crate) term: T,
    pub(crate) dropped: T,
}

impl<T: Element> Outcome<T> for Affine<T> {
    const ZEROES: bool = false;

    #[inline(always)]
    fn factor(self) -> Option<T> {
        Some(self.factor)
    }

    #[inline(always)]
    fn term(self) -> Option<T> {
        Some(self.term)
    }

    #[inline(always)]
    fn dropped(self) -> T {
        self.dropped
    }
}

/// y = keep ? x : -inf, to the bit.
#[derive(Clone, Copy, Debug)]
pub struct Hide;

impl<T: Element> Outcome<T> for Hide {
    const ZEROES: bool = false;

    #[inline(always)]
    fn factor(self) -> Option<T> {
        None
    }

    #[inline(always)]
    fn dropped(self) -> T {
        T::NEG_INFINITY
    }
}

/// Where a kernel reads: the target itself, or another slice of its length.
pub(crate) trait Source<T>: Copy {
    /// Whether it is the target itself that is read.
    const IN_PLACE: bool;

    /// `N` elements from index `at`, which is where `target` lies in the whole target.
    fn read<const N: usize>(self, at: usize, target: &[T; N]) -> [T; N];

    /// Where the elements for all of `target` stand in memory, if they do.
    #[allow(dead_code, reason = "Cortex-M with a floating-point unit asks for it")]
    fn place(self, at: usize, target: &mut [T]) -> Option<*const T>;

    /// Writes `f(x, y)` to all of `target`, which begins at index `at`, where y stood before.
    fn map(self, at: usize, target: &mut [T], f: impl Fn(T, T) -> T);
}

/// The target is the source.
#[derive(Clone, Copy)]
pub(crate) struct InPlace;

impl<T: Element> Source<T> for InPlace {
    const IN_PLACE: bool = true;

    #[inline(always)]
    fn read<const N: usize>(self, _: usize, target: &[T; N]) -> [T; N] {
        *target
    }

    #[inline(always)]
    fn place(self, _: usize, target: &mut [T]) -> Option<*const T> {
        Some(target.as_mut_ptr())
    }

    #[inline(always)]
    fn map(self, _: usize, target: &mut [T], f: impl Fn(T, T) -> T) {
        for y in target {
            *y = f(*y, *y);
        }
    }
}

/// Nothing but +0.0.
#[derive(Clone, Copy)]
pub(crate) struct Zeros;

impl<T: Element> Source<T> for Zeros {
    const IN_PLACE: bool = false;

    #[inline(always)]
    fn read<const N: usize>(self, _: usize, _: &[T; N]) -> [T; N] {
        [T::ZERO; N]
    }

    #[inline(always)]
    fn place(self, _: usize, _: &mut [T]) -> Option<*const T> {
        None
    }

    #[inline(always)]
    fn map(self, _: usize, target: &mut [T], f: impl Fn(T, T) -> T) {
        for y in target {
            *y = f(T::ZERO, *y);
        }
    }
}

impl<T: Element> Source<T> for &[T] {
    const IN_PLACE: bool = false;

    #[inline(always)]
    fn read<const N: usize>(self, at: usize, target: &[T; N]) -> [T; N] {
        // Callers have compared the lengths, so there is always a chunk; this cannot panic.
        *self.get(at..).and_then(|s| s.first_chunk()).unwrap_or(target)
    }

    #[inline(always)]
    fn place(self, at: usize, target: &mut [T]) -> Option<*const T> {
        Some(self.get(at..)?.get(..target.len())?.as_ptr())
    }

    #[inline(always)]
    fn map(self, at: usize, target: &mut [T], f: impl Fn(T, T) -> T) {
        for (y, x) in target.iter_mut().zip(self.get(at..).unwrap_or_default()) {
            *y = f(*x, *y);
        }
    }
}

/// All that a kernel has to know of the numbers: y = keep ? x * factor + term : dropped, where x and what
/// stands for dropped elements may differ from place to place.
pub(crate) trait Change<T: Element>: Copy {
    /// Whether +0.0 stands wherever an element is dropped.
    const ZEROES: bool;

    /// Whether it is the target itself that is read.
    #[allow(dead_code, reason = "x86 asks for it, and Cortex-M with a floating-point unit")]
    const IN_PLACE: bool;

    /// The x of `target`, which lies at index `at` of the whole target.
    fn read<const N: usize>(self, at: usize, target: &[T; N]) -> [T; N];

    /// Where the elements of [`read`](Self::read) for all of `target` stand in memory, if they do; in place that
    /// is a pointer by which they may be written, too.
    #[allow(dead_code, reason = "Cortex-M with a floating-point unit asks for it")]
    #[inline(always)]
    fn place(self, _: usize, _: &mut [T]) -> Option<*const T> {
        None
    }

    /// What a kept element is multiplied with, if with anything.
    fn factor(self) -> Option<T>;

    /// What is added then, if anything.
    #[inline(always)]
    fn term(self) -> Option<T> {
        None
    }

    /// What becomes of x where it is kept: a product and a sum with a rounding each, never fused, so that it
    /// is the same where the machine cannot fuse them.
    #[inline(always)]
    fn kept(self, x: T) -> T {
        let product = self.factor().map_or(x, |factor| x.times(factor));
        self.term().map_or(product, |term| product.plus(term))
    }

    /// What stands in `target`, at index `at` of the whole, where it is dropped.
    fn dropped<const N: usize>(self, at: usize, target: &[T; N]) -> [T; N];

    /// Keeps all of `target`.
    fn keep(self, at: usize, target: &mut [T]);

    /// Drops all of `target`.
    fn drop(self, at: usize, target: &mut [T]);
}

/// Elements from a source, with an outcome each.
#[derive(Clone, Copy)]
pub(crate) struct Mapped<S, O>(pub(crate) S, pub(crate) O);

impl<T: Element, S: Source<T>, O: Outcome<T>> Change<T> for Mapped<S, O> {
    const ZEROES: bool = O::ZEROES;
    const IN_PLACE: bool = S::IN_PLACE;

    #[inline(always)]
    fn read<const N: usize>(self, at: usize, target: &[T; N]) -> [T; N] {
        self.0.read(at, target)
    }

    #[inline(always)]
    fn place(self, at: usize, target: &mut [T]) -> Option<*const T> {
        self.0.place(at, target)
    }

    #[inline(always)]
    fn factor(self) -> Option<T> {
        self.1.factor()
    }

    #[inline(always)]
    fn term(self) -> Option<T> {
        self.1.term()
    }

    #[inline(always)]
    fn dropped<const N: usize>(self, _: usize, _: &[T; N]) -> [T; N] {
        [self.1.dropped(); N]
    }

    #[inline(always)]
    fn keep(self, at: usize, target: &mut [T]) {
        self.0.map(at, target, |x, _| self.kept(x));
    }

    #[inline(always)]
    fn drop(self, _: usize, target: &mut [T]) {
        target.fill(self.1.dropped());
    }
}

/// y = keep ? a : b, to the bit.
#[derive(Clone, Copy)]
pub(crate) struct Either<A, B>(pub(crate) A, pub(crate) B);

impl<T: Element, A: Source<T>, B: Source<T>> Change<T> for Either<A, B> {
    const IN_PLACE: bool = A::IN_PLACE || B::IN_PLACE;
    const ZEROES: bool = false;

    #[inline(always)]
    fn read<const N: usize>(self, at: usize, target: &[T; N]) -> [T; N] {
        self.0.read(at, target)
    }

    #[inline(always)]
    fn factor(self) -> Option<T> {
        None
    }

    #[inline(always)]
    fn dropped<const N: usize>(self, at: usize, target: &[T; N]) -> [T; N] {
        self.1.read(at, target)
    }

    #[inline(always)]
    fn keep(self, at: usize, target: &mut [T]) {
        self.0.map(at, target, |x, _| x);
    }

    #[inline(always)]
    fn drop(self, at: usize, target: &mut [T]) {
        self.1.map(at, target, |x, _| x);
    }
}

/// a * u + b * v, whether kept or dropped: two products and their sum, each rounded.
#[derive(Clone, Copy)]
pub(crate) struct Blend<A, B, T> {
    pub(crate) a: A,
    pub(crate) u: T,
    pub(crate) b: B,
    pub(crate) v: T,
}

impl<T: Element, A: Source<T>, B: Source<T>> Change<T> for Blend<A, B, T> {
    const IN_PLACE: bool = A::IN_PLACE || B::IN_PLACE;
    const ZEROES: bool = false;

    #[inline(always)]
    fn read<const N: usize>(self, at: usize, target: &[T; N]) -> [T; N] {
        let (mut y, b) = (self.a.read(at, target), self.b.read(at, target));
        for (y, b) in y.iter_mut().zip(b) {
            *y = y.times(self.u).plus(b.times(self.v));
        }
        y
    }

    #[inline(always)]
    fn factor(self) -> Option<T> {
        None
    }

    #[inline(always)]
    fn dropped<const N: usize>(self, at: usize, target: &[T; N]) -> [T; N] {
        self.read(at, target)
    }

    #[inline(always)]
    fn keep(self, mut at: usize, target: &mut [T]) {
        // Two passes over what stays in the nearest cache, the first over what would be overwritten.
        for target in pieces_mut(target, 512) {
            if B::IN_PLACE {
                self.b.map(at, target, |b, _| b.times(self.v));
                self.a.map(at, target, |a, y| a.times(self.u).plus(y));
            } else {
                self.a.map(at, target, |a, _| a.times(self.u));
                self.b.map(at, target, |b, y| y.plus(b.times(self.v)));
            }
            at += target.len();
        }
    }

    #[inline(always)]
    fn drop(self, at: usize, target: &mut [T]) {
        self.keep(at, target);
    }
}

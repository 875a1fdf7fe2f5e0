//! What a kernel makes of its target: what a kept element becomes, and what a dropped one. All
//! arithmetic on elements stands here.

use crate::element::{Number, Value};
use crate::pieces::{fill, pieces_mut};

/// What becomes of x: y = keep ? x * factor + term : dropped.
pub trait Arithmetic<T: Number>: Copy {
    /// Whether +0.0 stands where an element is dropped.
    const ZEROES: bool = true;

    /// What a kept element is multiplied with, if with anything.
    #[inline(always)]
    fn factor(self) -> Option<T> {
        None
    }

    /// What is added then, if anything.
    #[inline(always)]
    fn term(self) -> Option<T> {
        None
    }

    /// What stands where an element is dropped.
    #[inline(always)]
    fn dropped(self) -> T {
        T::ZERO
    }

    /// What becomes of x where it is kept: a product and a sum with a rounding each, never fused,
    /// so that it is the same where the machine cannot fuse them.
    #[inline(always)]
    fn kept<V: Value<T>>(self, x: V) -> V {
        let product = match self.factor() {
            Some(factor) => x.times(factor),
            None => x,
        };
        match self.term() {
            Some(term) => product.plus(term),
            None => product,
        }
    }
}

/// y = keep ? x : +0.0, to the bit, for NaN too.
#[derive(Clone, Copy, Debug)]
pub struct Same;

impl<T: Number> Arithmetic<T> for Same {}

/// y = keep ? x * s : +0.0.
#[derive(Clone, Copy, Debug)]
pub struct Times<T>(pub(crate) T);

impl<T: Number> Arithmetic<T> for Times<T> {
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

impl<T: Number> Arithmetic<T> for Affine<T> {
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

impl<T: Number> Arithmetic<T> for Hide {
    const ZEROES: bool = false;

    #[inline(always)]
    fn dropped(self) -> T {
        T::NEG_INFINITY
    }
}

/// Where a kernel reads: the target itself, or another slice of its length.
pub trait Source<T>: Copy {
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
#[derive(Clone, Copy, Debug)]
pub struct InPlace;

impl<T: Number> Source<T> for InPlace {
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
#[derive(Clone, Copy, Debug)]
pub struct Zeros;

impl<T: Number> Source<T> for Zeros {
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

impl<T: Number> Source<T> for &[T] {
    const IN_PLACE: bool = false;

    #[inline(always)]
    fn read<const N: usize>(self, at: usize, target: &[T; N]) -> [T; N] {
        // Callers have compared the lengths, so there is always a chunk; this cannot panic.
        match self.split_at_checked(at) {
            Some((_, rest)) => match rest.first_chunk() {
                Some(chunk) => *chunk,
                None => *target,
            },
            None => *target,
        }
    }

    #[inline(always)]
    fn place(self, at: usize, target: &mut [T]) -> Option<*const T> {
        Some(self.get(at..)?.get(..target.len())?.as_ptr())
    }

    #[inline(always)]
    fn map(self, at: usize, target: &mut [T], f: impl Fn(T, T) -> T) {
        let (_, source) = self.split_at_checked(at).unwrap_or_default();
        for (y, x) in target.iter_mut().zip(source) {
            *y = f(*x, *y);
        }
    }
}

/// All that a kernel has to know of the numbers: y = keep ? x * factor + term : dropped, where x
/// and what stands for dropped elements may differ from place to place.
pub trait Op<T: Number>: Copy {
    /// Whether +0.0 stands wherever an element is dropped.
    const ZEROES: bool;

    /// Whether it is the target itself that is read.
    #[allow(dead_code, reason = "x86 asks for it, and Cortex-M with a floating-point unit")]
    const IN_PLACE: bool;

    /// The elements that are read for `target`, which lies at index `at` of the whole target.
    fn read<const N: usize>(self, at: usize, target: &[T; N]) -> [T; N];

    /// What becomes of them if they are kept.
    fn kept<V: Value<T>>(self, x: V) -> V;

    /// What stands in `target` where it is dropped.
    fn dropped<const N: usize>(self, at: usize, target: &[T; N]) -> [T; N];

    /// Keeps all of `target`.
    fn keep(self, at: usize, target: &mut [T]);

    /// Drops all of `target`.
    fn drop(self, at: usize, target: &mut [T]);

    /// What stands in `target` at p = 0: the elements that are read, to the bit.
    fn pass(self, at: usize, target: &mut [T]);

    /// Where the elements that are read for all of `target` stand in memory, and what they are
    /// multiplied with, if that is all that is done to them; in place the pointer is one by
    /// which they may be written, too.
    #[allow(dead_code, reason = "Cortex-M with a floating-point unit asks for it")]
    #[inline(always)]
    fn product(self, _: usize, _: &mut [T]) -> Option<(*const T, T)> {
        None
    }
}

/// Elements from a source, with a formula.
#[derive(Clone, Copy, Debug)]
pub struct Mapped<S, F>(pub(crate) S, pub(crate) F);

impl<T: Number, S: Source<T>, F: Arithmetic<T>> Op<T> for Mapped<S, F> {
    const ZEROES: bool = F::ZEROES;
    const IN_PLACE: bool = S::IN_PLACE;

    #[inline(always)]
    fn read<const N: usize>(self, at: usize, target: &[T; N]) -> [T; N] {
        self.0.read(at, target)
    }

    #[inline(always)]
    fn kept<V: Value<T>>(self, x: V) -> V {
        self.1.kept(x)
    }

    #[inline(always)]
    fn dropped<const N: usize>(self, _: usize, _: &[T; N]) -> [T; N] {
        [self.1.dropped(); N]
    }

    #[inline(always)]
    fn keep(self, at: usize, target: &mut [T]) {
        self.0.map(at, target, |x, _| self.1.kept(x));
    }

    #[inline(always)]
    fn drop(self, _: usize, target: &mut [T]) {
        fill(target, self.1.dropped());
    }

    #[inline(always)]
    fn pass(self, at: usize, target: &mut [T]) {
        self.0.map(at, target, |x, _| x);
    }

    #[inline(always)]
    fn product(self, at: usize, target: &mut [T]) -> Option<(*const T, T)> {
        match (self.1.factor(), self.1.term()) {
            (Some(factor), None) => Some((self.0.place(at, target)?, factor)),
            _ => None,
        }
    }
}

/// y = keep ? a : b, to the bit.
#[derive(Clone, Copy, Debug)]
pub struct Either<A, B>(pub(crate) A, pub(crate) B);

impl<T: Number, A: Source<T>, B: Source<T>> Op<T> for Either<A, B> {
    const IN_PLACE: bool = A::IN_PLACE || B::IN_PLACE;
    const ZEROES: bool = false;

    #[inline(always)]
    fn read<const N: usize>(self, at: usize, target: &[T; N]) -> [T; N] {
        self.0.read(at, target)
    }

    #[inline(always)]
    fn kept<V: Value<T>>(self, x: V) -> V {
        x
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

    #[inline(always)]
    fn pass(self, at: usize, target: &mut [T]) {
        self.keep(at, target);
    }
}

/// What a pass writes that no mask decides.
pub(crate) trait Sweep<T>: Copy {
    fn sweep(self, target: &mut [T]);
}

/// target = a * u + b * v: two products and their sum, each rounded.
#[derive(Clone, Copy, Debug)]
pub struct Blend<A, B, T> {
    pub(crate) a: A,
    pub(crate) u: T,
    pub(crate) b: B,
    pub(crate) v: T,
}

impl<T: Number, A: Source<T>, B: Source<T>> Sweep<T> for Blend<A, B, T> {
    #[inline(always)]
    fn sweep(self, target: &mut [T]) {
        let mut at = 0;
        // Two passes over what stays in the nearest cache, the first over what would be
        // overwritten.
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
}

/// Adds what becomes of the elements of a slice that are all kept.
#[derive(Clone, Copy, Debug)]
pub struct Added<'a, T, F>(pub(crate) &'a [T], pub(crate) F);

impl<T: Number, F: Arithmetic<T>> Sweep<T> for Added<'_, T, F> {
    #[inline(always)]
    fn sweep(self, target: &mut [T]) {
        self.0.map(0, target, |x, y| y.plus(self.1.kept(x)));
    }
}

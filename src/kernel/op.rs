//! What a kernel makes of its target: what a kept element becomes, and what a dropped one. All
//! arithmetic on elements stands here.

use core::iter;

use crate::element::{Number, Value};
use crate::pieces::fill;

/// Elements of a step of a loop, where there are no vectors and a loop over single elements would
/// cost as much as what it does.
pub(super) const STEP: usize = 8;

/// What becomes of x: y = keep ? x * factor + term : dropped.
pub trait Arithmetic<T: Number>: Copy {
    /// Whether +0.0 stands where an element is dropped.
    const ZEROES: bool = true;

    /// Whether kept elements stay as they are.
    const COPIES: bool = false;

    /// What a kept element is multiplied with, if with anything.
    #[inline(always)]
    fn factor(self) -> Option<T::Factor> {
        None
    }

    /// What is added then, if anything.
    #[inline(always)]
    fn term(self) -> Option<T::Term> {
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
        match (self.factor(), self.term()) {
            (Some(factor), Some(term)) => x.times_plus(factor, term),
            (Some(factor), None) => x.times(factor),
            (None, _) => x,
        }
    }
}

/// y = keep ? x : +0.0, to the bit, for NaN too.
#[derive(Clone, Copy, Debug)]
pub struct Same;

impl<T: Number> Arithmetic<T> for Same {
    const COPIES: bool = true;
}

/// y = keep ? x * s : +0.0.
#[derive(Clone, Copy, Debug)]
pub struct Times<T: Number>(pub(crate) T::Factor);

impl<T: Number> Arithmetic<T> for Times<T> {
    #[inline(always)]
    fn factor(self) -> Option<T::Factor> {
        Some(self.0)
    }
}

/// y = keep ? x * factor + term : dropped.
#[derive(Clone, Copy, Debug)]
pub struct Affine<T: Number> {
    pub(crate) factor: T::Factor,
    pub(crate) term: T::Term,
    pub(crate) dropped: T,
}

impl<T: Number> Arithmetic<T> for Affine<T> {
    const ZEROES: bool = false;

    #[inline(always)]
    fn factor(self) -> Option<T::Factor> {
        Some(self.factor)
    }

    #[inline(always)]
    fn term(self) -> Option<T::Term> {
        Some(self.term)
    }

    #[inline(always)]
    fn dropped(self) -> T {
        self.dropped
    }
}

/// y = keep ? x : this, to the bit.
#[derive(Clone, Copy, Debug)]
pub struct Or<T>(pub(crate) T);

impl<T: Number> Arithmetic<T> for Or<T> {
    const ZEROES: bool = false;
    const COPIES: bool = true;

    #[inline(always)]
    fn dropped(self) -> T {
        self.0
    }
}

/// Where a kernel reads: the target itself, or another slice of its length.
pub trait Source<T>: Copy {
    /// Whether it is the target itself that is read.
    const IN_PLACE: bool;

    /// `N` elements from index `at`, which is where `target` lies in the whole target.
    fn read<const N: usize>(self, at: usize, target: &[T; N]) -> [T; N];

    /// What is read from the element at index `at` on.
    fn skip(self, at: usize) -> Option<Self>;

    /// What is read for the first `len` elements, if there are so many.
    fn first(self, len: usize) -> Option<Self>;

    /// `N` elements at a time; `None` for those of the target.
    fn each<const N: usize>(self) -> impl Iterator<Item = Option<[T; N]>>;

    /// The elements for all of `target`; none if they are +0.0.
    #[allow(dead_code, reason = "AVX-512 asks for it")]
    fn some<'a>(self, at: usize, target: &'a [T]) -> &'a [T]
    where
        Self: 'a;

    /// Where the elements for all of `target` stand in memory, if they do.
    #[allow(dead_code, reason = "Cortex-M with a floating-point unit asks for it")]
    fn place(self, at: usize, target: &mut [T]) -> Option<*const T>;

    /// Writes `f(x)` to all of `steps`, which begin at index `at`.
    fn map_steps(self, at: usize, steps: &mut [[T; STEP]], f: impl Fn(T) -> T);

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
    fn skip(self, _: usize) -> Option<Self> {
        Some(self)
    }

    #[inline(always)]
    fn first(self, _: usize) -> Option<Self> {
        Some(self)
    }

    #[inline(always)]
    fn each<const N: usize>(self) -> impl Iterator<Item = Option<[T; N]>> {
        iter::repeat(None)
    }

    #[inline(always)]
    fn some<'a>(self, _: usize, target: &'a [T]) -> &'a [T]
    where
        Self: 'a,
    {
        target
    }

    #[inline(always)]
    fn place(self, _: usize, target: &mut [T]) -> Option<*const T> {
        Some(target.as_mut_ptr())
    }

    #[inline(always)]
    fn map_steps(self, _: usize, steps: &mut [[T; STEP]], f: impl Fn(T) -> T) {
        for step in steps {
            for y in step {
                *y = f(*y);
            }
        }
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
    fn skip(self, _: usize) -> Option<Self> {
        Some(self)
    }

    #[inline(always)]
    fn first(self, _: usize) -> Option<Self> {
        Some(self)
    }

    #[inline(always)]
    fn each<const N: usize>(self) -> impl Iterator<Item = Option<[T; N]>> {
        iter::repeat(Some([T::ZERO; N]))
    }

    #[inline(always)]
    fn some<'a>(self, _: usize, _: &'a [T]) -> &'a [T]
    where
        Self: 'a,
    {
        &[]
    }

    #[inline(always)]
    fn place(self, _: usize, _: &mut [T]) -> Option<*const T> {
        None
    }

    #[inline(always)]
    fn map_steps(self, at: usize, steps: &mut [[T; STEP]], f: impl Fn(T) -> T) {
        self.map(at, steps.as_flattened_mut(), |x, _| f(x));
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
    fn skip(self, at: usize) -> Option<Self> {
        self.get(at..)
    }

    #[inline(always)]
    fn first(self, len: usize) -> Option<Self> {
        self.get(..len)
    }

    #[inline(always)]
    fn each<const N: usize>(self) -> impl Iterator<Item = Option<[T; N]>> {
        self.as_chunks().0.iter().map(|elements| Some(*elements))
    }

    #[inline(always)]
    fn some<'a>(self, at: usize, target: &'a [T]) -> &'a [T]
    where
        Self: 'a,
    {
        self.get(at..).and_then(|source| source.get(..target.len())).unwrap_or_default()
    }

    #[inline(always)]
    fn place(self, at: usize, target: &mut [T]) -> Option<*const T> {
        Some(self.get(at..)?.get(..target.len())?.as_ptr())
    }

    #[inline(always)]
    fn map_steps(self, at: usize, steps: &mut [[T; STEP]], f: impl Fn(T) -> T) {
        let (_, source) = self.split_at_checked(at).unwrap_or_default();
        for (step, source) in steps.iter_mut().zip(source.as_chunks::<STEP>().0) {
            for (y, x) in step.iter_mut().zip(source) {
                *y = f(*x);
            }
        }
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

    /// Whether kept elements are those that are read.
    #[allow(dead_code, reason = "vectors that are driven by intrinsics ask for it")]
    const COPIES: bool;

    /// Whether it is the target itself that is read.
    #[allow(dead_code, reason = "x86 asks for it, and Cortex-M with a floating-point unit")]
    const IN_PLACE: bool;

    /// The elements that are read for `target`, which lies at index `at` of the whole target.
    fn read<const N: usize>(self, at: usize, target: &[T; N]) -> [T; N];

    /// What it knows of the target from index `at` on.
    fn skip(self, at: usize) -> Option<Self>;

    /// What it knows of the first `len` elements, if it knows of so many.
    fn first(self, len: usize) -> Option<Self>;

    /// `N` elements at a time: those that are read, and what stands where one is dropped.
    fn each<const N: usize>(self) -> impl Iterator<Item = Pair<T, N>>;

    /// The elements that are read for all of `target`, and those that stand where one is dropped unless that is
    /// one number; none where they are +0.0.
    #[allow(dead_code, reason = "AVX-512 asks for it")]
    fn some<'a>(self, at: usize, target: &'a [T]) -> (&'a [T], &'a [T])
    where
        Self: 'a;

    /// What becomes of them if they are kept.
    fn kept<V: Value<T>>(self, x: V) -> V;

    /// What stands in `target` where it is dropped.
    fn dropped<const N: usize>(self, at: usize, target: &[T; N]) -> [T; N];

    /// Keeps all of `target`.
    fn keep(self, at: usize, target: &mut [T]);

    /// Keeps all of `steps`.
    #[inline(always)]
    fn keep_steps(self, at: usize, steps: &mut [[T; STEP]]) {
        self.keep(at, steps.as_flattened_mut());
    }

    /// What stands for every dropped element, if that is one number.
    #[inline(always)]
    fn filler(self) -> Option<T> {
        None
    }

    /// Drops all of `target`.
    fn drop(self, at: usize, target: &mut [T]);

    /// What stands in `target` at p = 0: the elements that are read, to the bit.
    fn pass(self, at: usize, target: &mut [T]);

    /// Where the elements that are read for all of `target` stand in memory, and what they are
    /// multiplied with, if that is all that is done to them and they are `f32`; in place the
    /// pointer is one by which they may be written, too.
    #[allow(dead_code, reason = "Cortex-M with a floating-point unit asks for it")]
    #[inline(always)]
    fn product(self, _: usize, _: &mut [T]) -> Option<(*const T, f32)> {
        None
    }
}

/// What is read for `N` elements, and what stands where one is dropped; `None` for the target itself.
pub(super) type Pair<T, const N: usize> = (Option<[T; N]>, Option<[T; N]>);

/// Elements from a source, with a formula.
#[derive(Clone, Copy, Debug)]
pub struct Mapped<S, F>(pub(crate) S, pub(crate) F);

impl<T: Number, S: Source<T>, F: Arithmetic<T>> Op<T> for Mapped<S, F> {
    const ZEROES: bool = F::ZEROES;
    const COPIES: bool = F::COPIES;
    const IN_PLACE: bool = S::IN_PLACE;

    #[inline(always)]
    fn read<const N: usize>(self, at: usize, target: &[T; N]) -> [T; N] {
        self.0.read(at, target)
    }

    #[inline(always)]
    fn skip(self, at: usize) -> Option<Self> {
        Some(Self(self.0.skip(at)?, self.1))
    }

    #[inline(always)]
    fn first(self, len: usize) -> Option<Self> {
        Some(Self(self.0.first(len)?, self.1))
    }

    #[inline(always)]
    fn each<const N: usize>(self) -> impl Iterator<Item = Pair<T, N>> {
        let dropped = Some([self.1.dropped(); N]);
        self.0.each().map(move |read| (read, dropped))
    }

    #[inline(always)]
    fn some<'a>(self, at: usize, target: &'a [T]) -> (&'a [T], &'a [T])
    where
        Self: 'a,
    {
        (self.0.some(at, target), &[])
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
    fn keep_steps(self, at: usize, steps: &mut [[T; STEP]]) {
        match self.1.factor() {
            Some(_) => self.0.map_steps(at, steps, |x| self.1.kept(x)),
            None => self.keep(at, steps.as_flattened_mut()),
        }
    }

    #[inline(always)]
    fn filler(self) -> Option<T> {
        Some(self.1.dropped())
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
    fn product(self, at: usize, target: &mut [T]) -> Option<(*const T, f32)> {
        match (self.1.factor(), self.1.term()) {
            (Some(factor), None) => Some((self.0.place(at, target)?, T::in_f32(factor)?)),
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
    const COPIES: bool = true;

    #[inline(always)]
    fn read<const N: usize>(self, at: usize, target: &[T; N]) -> [T; N] {
        self.0.read(at, target)
    }

    #[inline(always)]
    fn skip(self, at: usize) -> Option<Self> {
        Some(Self(self.0.skip(at)?, self.1.skip(at)?))
    }

    #[inline(always)]
    fn first(self, len: usize) -> Option<Self> {
        Some(Self(self.0.first(len)?, self.1.first(len)?))
    }

    #[inline(always)]
    fn each<const N: usize>(self) -> impl Iterator<Item = Pair<T, N>> {
        self.0.each().zip(self.1.each())
    }

    #[inline(always)]
    fn some<'a>(self, at: usize, target: &'a [T]) -> (&'a [T], &'a [T])
    where
        Self: 'a,
    {
        (self.0.some(at, target), self.1.some(at, target))
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

/// target = a * u + b * v, as [`Number::blend`] has it.
#[derive(Clone, Copy, Debug)]
pub struct Blend<A, B, T: Number> {
    pub(crate) a: A,
    pub(crate) u: T::Weight,
    pub(crate) b: B,
    pub(crate) v: T::Weight,
}

impl<T: Number, A: Source<T>, B: Source<T>> Blend<A, B, T> {
    #[inline(always)]
    fn of<const N: usize>(self, at: usize, target: &mut [T; N]) {
        let (a, b) = (self.a.read(at, target), self.b.read(at, target));
        for ((y, a), b) in target.iter_mut().zip(a).zip(b) {
            *y = T::blend(a, self.u, b, self.v);
        }
    }
}

impl<T: Number, A: Source<T>, B: Source<T>> Sweep<T> for Blend<A, B, T> {
    #[inline(always)]
    fn sweep(self, target: &mut [T]) {
        let (whole, rest) = target.as_chunks_mut::<32>();
        let mut at = 0;
        for target in whole {
            self.of(at, target);
            at += 32;
        }
        for target in rest.as_chunks_mut::<1>().0 {
            self.of(at, target);
            at += 1;
        }
    }
}

/// Adds what becomes of the elements of a slice that are all kept.
#[derive(Clone, Copy, Debug)]
pub struct Added<'a, T, F>(pub(crate) &'a [T], pub(crate) F);

impl<T: Number, F: Arithmetic<T>> Sweep<T> for Added<'_, T, F> {
    #[inline(always)]
    fn sweep(self, target: &mut [T]) {
        let (factor, term, dropped) = (self.1.factor(), self.1.term(), self.1.dropped());
        self.0.map(0, target, |x, y| y.accumulate(x, factor, term, dropped));
    }
}

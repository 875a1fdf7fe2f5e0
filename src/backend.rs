//! Which code runs the kernels. A backend is chosen once a call, outside every loop.
//!
//! `kernels!` holds the one list of kernels, from which the dispatch expands, and [`Backend::ALL`] the
//! one list of backends, over which tests and benches run. The portable backend is the definition,
//! and every other is equal to it bit for bit.

mod portable;

use crate::element::Element;
use crate::lanes::Lanes;
use crate::rate::Planes;

/// An implementation of the kernels. They differ in speed and in nothing else.
///
/// ```
/// use dropout_kernels::Backend;
///
/// assert!(Backend::available().any(|b| b == Backend::detect()));
/// println!("this machine runs {}", Backend::detect().name());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Backend {
    /// Array code without intrinsics, in the vectors of the target that it is compiled for, or
    /// one lane at a time where there are none.
    Portable,
}

impl Backend {
    /// Every backend of this build, the best last.
    pub const ALL: &'static [Self] = &[Self::Portable];

    /// The best backend that this machine runs.
    #[inline]
    #[must_use]
    pub fn detect() -> Self {
        Self::Portable
    }

    /// Itself if this machine runs it, else the portable one.
    pub(crate) fn or_portable(self) -> Self {
        if self.is_available() { self } else { Self::Portable }
    }

    /// The backends that this machine runs.
    pub fn available() -> impl Iterator<Item = Self> {
        Self::ALL.iter().copied().filter(|b| b.is_available())
    }

    /// Whether this machine runs it.
    #[must_use]
    pub fn is_available(self) -> bool {
        match self {
            Self::Portable => true,
        }
    }

    /// Its name, in lower case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
        }
    }
}

/// What becomes of a kept element. A dropped one is +0.0.
pub(crate) trait Kept<T>: Copy {
    fn kept(self, x: T) -> T;
}

/// y = x, to the bit, for NaN too.
#[derive(Clone, Copy)]
pub(crate) struct Same;

impl<T: Element> Kept<T> for Same {
    #[inline(always)]
    fn kept(self, x: T) -> T {
        x
    }
}

/// y = x * s.
#[derive(Clone, Copy)]
pub(crate) struct Times<T>(pub(crate) T);

impl<T: Element> Kept<T> for Times<T> {
    #[inline(always)]
    fn kept(self, x: T) -> T {
        x.times(self.0)
    }
}

/// Where a kernel reads: the target itself, or another slice of its length.
pub(crate) trait Source<T>: Copy {
    /// `N` elements from index `at`, which is where `target` lies in the whole target.
    fn read<const N: usize>(self, at: usize, target: &[T; N]) -> [T; N];

    /// Copies all of it to the whole target, to the bit.
    fn copy_to(self, target: &mut [T]);
}

/// The target is the source.
#[derive(Clone, Copy)]
pub(crate) struct InPlace;

impl<T: Element> Source<T> for InPlace {
    #[inline(always)]
    fn read<const N: usize>(self, _: usize, target: &[T; N]) -> [T; N] {
        *target
    }

    fn copy_to(self, _: &mut [T]) {}
}

impl<T: Element> Source<T> for &[T] {
    #[inline(always)]
    fn read<const N: usize>(self, at: usize, target: &[T; N]) -> [T; N] {
        // Callers have compared the lengths, so there is always a chunk; this cannot panic.
        *self.get(at..).and_then(|s| s.first_chunk()).unwrap_or(target)
    }

    fn copy_to(self, target: &mut [T]) {
        for (y, x) in target.iter_mut().zip(self) {
            *y = *x;
        }
    }
}

macro_rules! kernels {
    ($(
        $(#[$doc:meta])*
        fn $kernel:ident $(<$($generic:ident: $bound:path),*>)? ($($argument:ident: $type:ty),* $(,)?);
    )*) => {
        impl Backend {
            $(
                $(#[$doc])*
                #[inline]
                pub(crate) fn $kernel $(<$($generic: $bound),*>)? (self, $($argument: $type),*) {
                    match self {
                        Self::Portable => portable::$kernel($($argument),*),
                    }
                }
            )*
        }
    };
}

kernels! {
    /// `target[i] = kept(source[i])`, which no mask decides.
    fn map<T: Element, S: Source<T>, K: Kept<T>>(source: S, target: &mut [T], kept: K);

    /// Draws keep words into `words`: word w from lane w % 16.
    fn fill(lanes: &mut Lanes, planes: Planes, words: &mut [u32]);

    /// `target[i] = keep i ? kept(source[i]) : +0.0`, keep i being bit i % 32 of word i / 32.
    fn apply<T: Element, S: Source<T>, K: Kept<T>>(
        words: &[u32], source: S, target: &mut [T], kept: K,
    );

    /// [`fill`](Self::fill) and [`apply`](Self::apply) in one pass. `words` is either as long as
    /// the mask or empty; if it is empty the mask is forgotten.
    fn fill_and_apply<T: Element, S: Source<T>, K: Kept<T>>(
        lanes: &mut Lanes, planes: Planes, words: &mut [u32], source: S, target: &mut [T], kept: K,
    );
}

//! Which code runs the kernels. A backend is chosen once a call, outside every loop.
//!
//! `kernels!` holds the one list of kernels, from which the dispatch expands, and [`Backend::ALL`] the
//! one list of backends, over which tests and benches run. The portable backend is the definition,
//! and every other is equal to it bit for bit.

#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
mod avx2;
#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
mod avx512;
mod change;
mod forced;
mod gaussian;
mod matrix;
#[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
mod neon;
mod portable;
mod shifted;
mod structured;
#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
mod wide;

#[expect(unreachable_pub, reason = "hidden types of the public trait `Rule`")]
pub use change::{Affine, Hide, Outcome, Same, Times};
pub(crate) use change::{Blend, Change, Either, InPlace, Mapped, Source, Zeros};
pub(crate) use matrix::{Bits, Moments, Outer, Pass, Product, Transposed};
pub(crate) use portable::AT_ONCE;

use crate::element::Element;
use crate::key::MaskKey;
use crate::lanes::Lanes;
use crate::layout::Layout;
use crate::rate::Planes;

/// An implementation of the kernels. They differ in speed and in nothing else.
///
/// There is one for each instruction set where code written for it was measured to be faster than the
/// portable code. SSE2 and wasm's simd128 are the portable code's own vectors.
///
/// `--cfg dropout_kernels_backend="..."` forces one: `portable`; `sse2`, `simd128` or `helium`, the
/// portable code in those vectors (Helium, Cortex-M55's, costs kilobytes of flash and of stack, so that it is in
/// use only where it is asked for); `neon`; `avx2` or `avx512`, with the portable code where the machine has
/// none; `scalar`, the portable code as it is on machines without vectors. Where the target cannot
/// have it, that is a build error.
///
/// ```
/// use dropout_kernels::Backend;
///
/// assert!(Backend::available().any(|b| b == Backend::detect()));
/// println!("this machine runs {}", Backend::detect().name());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Backend {
    /// Array code without intrinsics, in the vectors of the target that it is compiled for, or
    /// one lane at a time where there are none.
    Portable,
    /// 256-bit vectors of x86.
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    Avx2,
    /// 512-bit vectors of x86: AVX-512 F, BW, DQ and VL.
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    Avx512,
    /// 128-bit vectors of 64-bit Arm.
    #[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
    Neon,
}

impl Backend {
    /// Every backend of this build, the best last.
    pub const ALL: &'static [Self] = forced::BACKENDS;

    /// The best backend that this machine runs. The processor is asked once; later calls are a load.
    #[inline]
    #[must_use]
    pub fn detect() -> Self {
        Available::detect().0
    }

    /// The backends that this machine runs.
    pub fn available() -> impl Iterator<Item = Self> {
        Self::ALL.iter().copied().filter(|b| b.is_available())
    }

    /// Whether this machine runs it.
    #[inline]
    #[must_use]
    pub fn is_available(self) -> bool {
        match self {
            Self::Portable => true,
            #[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
            Self::Neon => true,
            #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
            Self::Avx2 => has_avx2::get(),
            #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
            Self::Avx512 => has_avx512::get(),
        }
    }

    /// Its name, in lower case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
            Self::Avx2 => "avx2",
            #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
            Self::Avx512 => "avx512",
            #[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
            Self::Neon => "neon",
        }
    }
}

#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
cpufeatures::new!(has_avx2, "avx2");
#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
cpufeatures::new!(has_avx512, "avx512f", "avx512bw", "avx512dq", "avx512vl");

/// A backend that this machine has been seen to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Available(Backend);

impl Available {
    /// The best.
    #[inline]
    pub(crate) fn detect() -> Self {
        let best = Backend::ALL.iter().rev().find(|b| b.is_available());
        Self(*best.unwrap_or(&Backend::Portable))
    }

    /// `backend` if this machine runs it, else the portable one.
    pub(crate) fn or_portable(backend: Backend) -> Self {
        Self(if backend.is_available() { backend } else { Backend::Portable })
    }
}

macro_rules! kernels {
    ($(
        $(#[$doc:meta])*
        fn $kernel:ident $(<$($generic:ident: $bound:path),*>)? ($($argument:ident: $type:ty),* $(,)?);
    )*) => {
        impl Available {
            $(
                $(#[$doc])*
                #[inline]
                #[cfg_attr(
                    any(target_arch = "x86", target_arch = "x86_64"),
                    expect(unsafe_code, reason = "the one edge between safe code and a processor's")
                )]
                pub(crate) fn $kernel $(<$($generic: $bound),*>)? (self, $($argument: $type),*) {
                    match self.0 {
                        Backend::Portable => portable::$kernel($($argument),*),
                        // SAFETY: `detect` and `or_portable` alone make an `Available`, of a backend whose
                        // features `is_available` has seen the processor to have.
                        #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
                        Backend::Avx2 => unsafe { avx2::$kernel($($argument),*) },
                        // SAFETY: as above.
                        #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
                        Backend::Avx512 => unsafe { avx512::$kernel($($argument),*) },
                        #[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
                        Backend::Neon => neon::$kernel($($argument),*),
                    }
                }
            )*
        }
    };
}

kernels! {
    /// Seeds the first `count` lanes, [`Lanes::seed`].
    fn seed(lanes: &mut Lanes, key: MaskKey, count: usize);

    /// Every element as if it were kept, or as if it were dropped.
    fn map<T: Element, C: Change<T>>(keep: bool, target: &mut [T], change: C);

    /// Adds to each element what `change` makes of it where it is kept.
    fn accumulate<T: Element, S: Source<T>, O: Outcome<T>>(
        target: &mut [T], change: Mapped<S, O>,
    );

    /// Draws keep words into `words`: word w from lane w % 16.
    fn fill(lanes: &mut Lanes, planes: Planes, words: &mut [u32]);

    /// Keeps or drops element i by bit i % 32 of word i / 32.
    fn apply<T: Element, C: Change<T>>(words: &[u32], target: &mut [T], change: C);

    /// [`fill`](Self::fill) and [`apply`](Self::apply) in one pass. `words` is either as long as
    /// the mask or empty; if it is empty the mask is forgotten.
    fn fill_and_apply<T: Element, C: Change<T>>(
        lanes: &mut Lanes, planes: Planes, words: &mut [u32], target: &mut [T], change: C,
    );

    /// Sets each bit of `words`, a string of bits, that lies `by` after one that is set.
    fn or_shifted(words: &mut [u32], by: usize);

    /// [`apply`](Self::apply) by the bits from `first` on through a layout. The target begins at index `at`
    /// of what `change` knows.
    fn structured<T: Element, C: Change<T>>(
        words: &[u32], first: usize, layout: Layout, at: usize, target: &mut [T], change: C,
    );

    /// y = x * (1 + `deviation` * z), z normal, where `target` is y and `source` gives x.
    fn gaussian<T: Element, S: Source<T>>(
        lanes: &mut Lanes, deviation: f32, target: &mut [T], source: S,
    );

    /// Shows the first `rows` rows of a matrix to `pass`, with their bits.
    fn rows<P: Pass>(rows: usize, bits: Bits<'_>, pass: P);
}

//! Which code runs the kernels. A backend is chosen once a call, outside every loop.
//!
//! A file for an instruction set gives what it does in its own way, [`Isa`](crate::kernel::Isa),
//! and functions that are compiled for it, one for each of the list of [`kernels!`].
//! [`Backend::ALL`] is the one list of backends, over which tests and benches run. The portable
//! backend is the definition, and every other is equal to it bit for bit.
//!
//! `compiled` has, for each element type and operation, functions that are not generic.

mod compiled;
mod cortex_m;
#[cfg(feature = "half")]
mod moves;
mod portable;
mod shapes;

/// The one list of backends beside the portable one, the best first, which `$expand` is given
/// before `$last`.
macro_rules! backends {
    ($expand:ident $($last:tt)*) => {
        $expand! {
            [
                /// 512-bit vectors of x86: AVX-512 F, BW, DQ and VL.
                Avx512 "avx512",
                /// 256-bit vectors of x86.
                Avx2 "avx2",
                /// 128-bit vectors of 64-bit Arm.
                Neon "neon",
            ]
            $($last)*
        }
    };
}

/// The names of those that a build does not have; what it has is imported by name, before these.
macro_rules! missing {
    ([$($(#[$doc:meta])* $name:ident $text:literal,)*]) => {
        mod missing {
            $(
                #[allow(dead_code, reason = "every build has some")]
                pub(super) type $name = super::Missing;
            )*
        }
    };
}
backends!(missing);
use missing::*;

// Which backends this build has: all that the target can have, or the one that is forced. Nowhere
// else does the crate ask. The others are `Missing`.
//
// x86 without SSE2 has the portable backend alone. There floats are in general registers (kernels,
// boot loaders, UEFI), so that a function compiled for AVX cannot be called; or on the x87 unit,
// which rounds otherwise than vectors do. 32-bit x86 has no AVX-512 backend: of a word's four masks
// of eight `f64`, LLVM 22 makes the second from the bits of the first there.
cfg_if! {
    if #[cfg(any(
        dropout_kernels_backend = "portable",
        dropout_kernels_backend = "scalar",
        all(dropout_kernels_backend = "sse2", target_feature = "sse2"),
        all(dropout_kernels_backend = "simd128", target_feature = "simd128"),
        all(dropout_kernels_backend = "helium", target_arch = "arm"),
    ))] {
        const BACKENDS: &[Backend] = &[Backend::Portable];
    } else if #[cfg(all(
        any(target_arch = "x86", target_arch = "x86_64"),
        target_feature = "sse2",
        not(all(target_arch = "x86", dropout_kernels_backend = "avx512")),
        not(any(
            dropout_kernels_backend = "sse2",
            dropout_kernels_backend = "simd128",
            dropout_kernels_backend = "helium",
            dropout_kernels_backend = "neon",
        )),
    ))] {
        #[cfg_attr(
            dropout_kernels_backend = "avx512",
            expect(dead_code, reason = "AVX-512 takes only the half of eight lanes from it")
        )]
        mod avx2;
        #[cfg(not(any(target_arch = "x86", dropout_kernels_backend = "avx2")))]
        mod avx512;
        mod non_temporal;
        mod registers;
        mod x86;
        use x86::{Avx2, Avx512, BACKENDS};
    } else if #[cfg(all(
        target_arch = "aarch64",
        target_feature = "neon",
        not(any(
            dropout_kernels_backend = "sse2",
            dropout_kernels_backend = "simd128",
            dropout_kernels_backend = "helium",
            dropout_kernels_backend = "avx2",
            dropout_kernels_backend = "avx512",
        )),
    ))] {
        mod neon;
        mod registers;
        use neon::Neon;
        const BACKENDS: &[Backend] = &[Backend::Portable, Backend::Neon];
    } else {
        const BACKENDS: &[Backend] = &[Backend::Portable];
        #[cfg(any(
            dropout_kernels_backend = "sse2",
            dropout_kernels_backend = "simd128",
            dropout_kernels_backend = "helium",
            dropout_kernels_backend = "avx2",
            dropout_kernels_backend = "avx512",
            dropout_kernels_backend = "neon",
        ))]
        compile_error!("dropout_kernels_backend: this target does not have the backend that is forced; every target has \"portable\" and \"scalar\"");
    }
}

pub(crate) use compiled::{
    CompiledFusion, CompiledNoise, CompiledPass, CompiledRounding, CompiledUniform, Formula, Place,
    Runs, Sweeps,
};
pub use compiled::{Element, Float, Integer};

use cfg_if::cfg_if;

use crate::element::{FloatNumber, IntegerNumber, Number};
use crate::kernel::Vectored;
use crate::kernel::fuse::{Fusion, Strip};
use crate::kernel::kernels;
use crate::kernel::matrix::{Bits, Pass};
use crate::kernel::op::{Op, Source, Sweep};
use crate::kernel::uniform::Noise;
use crate::key::MaskKey;
use crate::lanes::Lanes;
use crate::layout::Layout;
use crate::panel::Panel;
use crate::rate::Planes;
use crate::requantise::Multiplier;

macro_rules! enumerate {
    ([$($(#[$doc:meta])* $name:ident $text:literal,)*]) => {
        /// An implementation of the kernels. They differ in speed and in nothing else.
        ///
        /// There is one for each instruction set where code written for it was measured to be faster than
        /// the portable code. SSE2 and wasm's simd128 are the portable code's own vectors.
        ///
        /// `--cfg dropout_kernels_backend="..."` forces one: `portable`; `sse2`, `simd128` or `helium`, the
        /// portable code in those vectors (Helium, Cortex-M55's, costs kilobytes of flash and of stack, so
        /// that it is in use only where it is asked for); `neon`; `avx2` or `avx512`, with the portable
        /// code where the machine has none; `scalar`, the portable code as it is on machines without
        /// vectors. Where the target cannot have it, that is a build error. (A name that is none of these
        /// forces nothing, and nobody is told.) The code of the others is left out of the build.
        ///
        /// The variants are the same for every target. Those that this build does not have are in
        /// [`ALL`](Self::ALL) nowhere, and are never available: so AVX2 on Arm, and on x86 where floating
        /// point is computed by software (`x86_64-unknown-none`, UEFI); and AVX-512 on 32-bit x86, for
        /// which the compiler makes wrong code of it.
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
            $(
                $(#[$doc])*
                $name,
            )*
        }

        impl Backend {
            /// The best backend that this machine runs. The processor is asked once; later calls are a
            /// load.
            #[inline]
            #[must_use]
            pub fn detect() -> Self {
                match Available::detect() {
                    Available::Portable => Self::Portable,
                    $(Available::$name(_) => Self::$name,)*
                }
            }

            /// Its name, in lower case.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    Self::Portable => "portable",
                    $(Self::$name => $text,)*
                }
            }
        }

        /// A backend that this machine has been seen to run: what is not portable holds the proof of it.
        /// Where the build has no such backend there is no such proof, and the compiler drops the variant.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Available {
            Portable,
            $($name($name),)*
        }

        impl Available {
            /// The best.
            #[inline]
            pub(crate) fn detect() -> Self {
                $(
                    if let Some(proof) = $name::detect() {
                        return Self::$name(proof);
                    }
                )*
                Self::Portable
            }

            /// `backend`, if this machine runs it.
            #[inline]
            fn of(backend: Backend) -> Option<Self> {
                match backend {
                    Backend::Portable => Some(Self::Portable),
                    $(Backend::$name => $name::detect().map(Self::$name),)*
                }
            }

            /// Whether stores that go past the caches pay for an output so large, of another slice than
            /// is read.
            #[inline(always)]
            fn streams<T>(self, y: &[T]) -> bool {
                match self {
                    Self::Portable => false,
                    $(Self::$name(proof) => proof.streams(y),)*
                }
            }
        }
    };
}
backends!(enumerate);

impl Backend {
    /// Every backend of this build, the best last.
    pub const ALL: &'static [Self] = BACKENDS;

    /// The backends that this machine runs.
    pub fn available() -> impl Iterator<Item = Self> {
        Self::ALL.iter().copied().filter(|b| b.is_available())
    }

    /// Whether this build has it and this machine runs it.
    #[inline]
    #[must_use]
    pub fn is_available(self) -> bool {
        Available::of(self).is_some()
    }
}

impl Available {
    /// `backend` if this machine runs it, else the portable one.
    pub(crate) fn or_portable(backend: Backend) -> Self {
        Self::of(backend).unwrap_or(Self::Portable)
    }
}

/// The proof of a backend that this build does not have: there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Missing {}

impl Missing {
    const fn detect() -> Option<Self> {
        None
    }

    fn streams<T>(self, _: &[T]) -> bool {
        match self {}
    }
}

/// A call of a kernel by the backend.
macro_rules! call {
    ([$($(#[$doc:meta])* $name:ident $text:literal,)*] $backend:expr, $kernel:ident $arguments:tt) => {
        match $backend {
            Available::Portable => portable::$kernel $arguments,
            $(Available::$name(proof) => proof.$kernel $arguments,)*
        }
    };
}

macro_rules! dispatch {
    ($(
        $(#[$doc:meta])*
        fn $kernel:ident $(<$($generic:ident: $bound:path),*>)? ($($argument:ident: $type:ty),* $(,)?);
    )*) => {
        impl Available {
            $(
                $(#[$doc])*
                #[inline(always)]
                pub(crate) fn $kernel $(<$($generic: $bound),*>)? (self, $($argument: $type),*) {
                    backends!(call self, $kernel($($argument),*));
                }
            )*
        }

        impl Missing {
            $(
                fn $kernel $(<$($generic: $bound),*>)? (self, $(_: $type),*) {
                    match self {}
                }
            )*
        }
    };
}
kernels!(dispatch);

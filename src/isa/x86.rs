//! What x86 processors are asked, and the one edge between safe code and code for their features.

use core::marker::PhantomData;

#[cfg(target_arch = "x86")]
pub(super) use core::arch::x86 as intrinsics;
#[cfg(target_arch = "x86_64")]
pub(super) use core::arch::x86_64 as intrinsics;

use super::*; // what the list of kernels names
use crate::kernel::registers::{RegisterIsa, Registers, select_of};
use crate::kernel::wide::{self, Wide, WideIsa};
use crate::kernel::{Isa, pipeline};
use crate::lanes::LANES;

/// The proof that the processor has the instructions of `F`, which costs nothing to hand on: only
/// functions that are compiled for them make one, and only where one is can they be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CpuToken<F>(PhantomData<F>);

impl<F> CpuToken<F> {
    /// # Safety
    ///
    /// The processor has the instructions of `F`.
    #[expect(unsafe_code, reason = "the promise that every intrinsic rests on")]
    #[inline(always)]
    pub(super) const unsafe fn new() -> Self {
        Self(PhantomData)
    }

    /// Whether stores that go past the caches pay for an output so large.
    #[inline(always)]
    pub(super) fn streams<T>(self, y: &[T]) -> bool {
        non_temporal::pay(y)
    }
}

/// What differs between x86's instruction sets.
pub(crate) trait Vectors: Calls {
    /// Bytes of a register.
    const REGISTER: usize;

    /// All sixteen lanes.
    type Vector: Wide<Proof = CpuToken<Self>>;

    /// Thirty-two elements.
    type F32: Registers<f32, CpuToken<Self>>;
    type F64: Registers<f64, CpuToken<Self>>;
    type I8: Registers<i8, CpuToken<Self>>;
    type I16: Registers<i16, CpuToken<Self>>;
    #[cfg(feature = "half")]
    type F16: Registers<half::f16, CpuToken<Self>>;
    #[cfg(feature = "half")]
    type Bf16: Registers<half::bf16, CpuToken<Self>>;

    /// Whether two words of a mask are better taken at a time.
    const PAIRS: bool = false;

    /// Two words in a general register.
    #[inline(always)]
    fn pair(low: u32, high: u32) -> u64 {
        u64::from(low) | u64::from(high) << 32
    }

    /// The first eight lanes, for calls that use no more.
    type Half: Wide<Proof = CpuToken<Self>>;
}

/// Kernels of an instruction set as calls, for code that may not be compiled for it: [`stamp!`]
/// makes them.
pub(crate) trait Calls: Copy {
    /// Keep words from the first `count` lanes; the other lanes do not advance.
    fn draw_some(
        token: CpuToken<Self>,
        lanes: &mut Lanes,
        planes: Planes,
        count: usize,
    ) -> [u32; LANES];

    /// The kernel `fill`.
    fn fill(token: CpuToken<Self>, lanes: &mut Lanes, planes: Planes, words: &mut [u32]);

    /// The kernel `apply`.
    fn apply<T: Vectored, O: Op<T>>(
        token: CpuToken<Self>,
        words: &[u32],
        at: usize,
        target: &mut [T],
        op: O,
    );
}

impl<F: Vectors> WideIsa for CpuToken<F> {
    type Vector = F::Vector;

    #[inline(always)]
    fn draw_some(self, lanes: &mut Lanes, planes: Planes, count: usize) -> [u32; LANES] {
        F::draw_some(self, lanes, planes, count)
    }

    #[inline(always)]
    fn apply<T: Vectored, O: Op<T>>(self, words: &[u32], at: usize, target: &mut [T], op: O) {
        F::apply(self, words, at, target, op);
    }
}

impl<F: Vectors> RegisterIsa for CpuToken<F> {
    type F32 = F::F32;
    type F64 = F::F64;
    type I8 = F::I8;
    type I16 = F::I16;
    #[cfg(feature = "half")]
    type F16 = F::F16;
    #[cfg(feature = "half")]
    type Bf16 = F::Bf16;
}

impl<F: Vectors> Isa for CpuToken<F> {
    const VECTORS: bool = true;
    const REGISTER: usize = F::REGISTER;
    const PAIRS: bool = F::PAIRS;

    #[inline(always)]
    fn pair(self, low: u32, high: u32) -> u64 {
        F::pair(low, high)
    }

    #[inline(always)]
    fn seed(self, lanes: &mut Lanes, key: MaskKey, count: usize) {
        let words = key.words();
        if count <= LANES / 2 {
            wide::seed::<F::Half>(self, lanes, words);
        } else {
            wide::seed::<F::Vector>(self, lanes, words);
        }
    }

    #[inline(always)]
    fn fill(self, lanes: &mut Lanes, planes: Planes, words: &mut [u32]) {
        F::fill(self, lanes, planes, words);
    }

    #[inline(always)]
    fn select_of<T: Vectored, O: Op<T>, const N: usize>(
        self,
        word: u32,
        read: [T; N],
        dropped: [T; N],
        op: O,
    ) -> [T; N] {
        select_of(self, word, read, dropped, op)
    }

    #[inline(always)]
    fn store_past_caches<T: Number>(self, y: [T; 32], target: &mut [T; 32]) {
        non_temporal::store(self, y, target);
    }

    #[inline(always)]
    fn fence(self) {
        non_temporal::fence(self);
    }

    #[inline(always)]
    fn fill_and_apply<T: Vectored, O: Op<T>>(
        self,
        lanes: &mut Lanes,
        planes: Planes,
        words: &mut [u32],
        target: &mut [T],
        op: O,
        streaming: bool,
    ) {
        pipeline::fill_and_apply(self, lanes, planes, words, target, op, streaming);
    }
}

/// The kernels as functions that enable a processor's features: all that they call is inlined into
/// them.
macro_rules! stamp {
    (
        $vector:ty, $features:literal;
        $(#[$fill_doc:meta])* fn fill $fill:tt;
        $(
            $(#[$doc:meta])*
            fn $kernel:ident $(<$($generic:ident: $bound:path),*>)? ($($argument:ident: $type:ty),* $(,)?);
        )*
    ) => {
        #[expect(
            unsafe_code,
            reason = "the one edge between a processor's features and their proof"
        )]
        #[target_feature(enable = $features)]
        #[inline]
        pub(super) fn token() -> CpuToken<Features> {
            // SAFETY: the features that `Features` stands for are this function's own; whoever calls it has
            // them, or has seen in an `unsafe` of its own that the processor does.
            unsafe { CpuToken::new() }
        }

        #[target_feature(enable = $features)]
        #[inline(never)] // one for all element types
        fn draw_some(lanes: &mut Lanes, planes: Planes, count: usize) -> [u32; LANES] {
            if count <= LANES / 2 {
                pipeline::draw_some::<Half>(token(), lanes, planes, count)
            } else {
                pipeline::draw_some::<$vector>(token(), lanes, planes, count)
            }
        }

        #[expect(unsafe_code, reason = "the same edge")]
        impl Calls for Features {
            #[inline(always)]
            fn draw_some(
                _: CpuToken<Self>,
                lanes: &mut Lanes,
                planes: Planes,
                count: usize,
            ) -> [u32; LANES] {
                // SAFETY: `CpuToken` proves the features that the function is compiled for.
                unsafe { draw_some(lanes, planes, count) }
            }

            #[inline(always)]
            fn fill(_: CpuToken<Self>, lanes: &mut Lanes, planes: Planes, words: &mut [u32]) {
                // SAFETY: as above.
                unsafe { fill(lanes, planes, words) }
            }

            #[inline(always)]
            fn apply<T: Vectored, O: Op<T>>(
                _: CpuToken<Self>,
                words: &[u32],
                at: usize,
                target: &mut [T],
                op: O,
            ) {
                // SAFETY: as above.
                unsafe { apply(words, at, target, op) }
            }
        }

        #[target_feature(enable = $features)]
        pub(super) fn fill(lanes: &mut Lanes, planes: Planes, words: &mut [u32]) {
            pipeline::fill(token(), lanes, planes, words);
        }

        $(
            #[target_feature(enable = $features)]
            pub(super) fn $kernel $(<$($generic: $bound),*>)? ($($argument: $type),*) {
                kernel::$kernel(token(), $($argument),*);
            }
        )*
    };
}
pub(super) use stamp;

macro_rules! proof {
    (
        $module:ident if $detected:ident;
        $(
            $(#[$doc:meta])*
            fn $kernel:ident $(<$($generic:ident: $bound:path),*>)? ($($argument:ident: $type:ty),* $(,)?);
        )*
    ) => {
        #[expect(unsafe_code, reason = "the one edge between safe code and a processor's")]
        impl CpuToken<$module::Features> {
            #[inline]
            pub(super) fn detect() -> Option<Self> {
                // SAFETY: the processor has just been seen to have the features.
                $detected::get().then(|| unsafe { Self::new() })
            }

            $(
                #[inline(always)]
                pub(super) fn $kernel $(<$($generic: $bound),*>)? (self, $($argument: $type),*) {
                    // SAFETY: a value proves the features that the kernel is compiled for.
                    unsafe { $module::$kernel($($argument),*) }
                }
            )*
        }
    };
}

/// A module that asks once for features, and for F16C, of which `cpufeatures` does not know: `get`.
macro_rules! detected {
    ($module:ident: $($feature:tt),*) => {
        mod $module {
            use core::sync::atomic::{AtomicU8, Ordering};

            cpufeatures::new!(features, $($feature),*);

            /// 0 as long as nobody has asked, then 1 for no and 2 for yes.
            static ANSWER: AtomicU8 = AtomicU8::new(0);

            #[inline]
            pub(super) fn get() -> bool {
                if cfg!(target_feature = "f16c") {
                    return features::get();
                }
                match ANSWER.load(Ordering::Relaxed) {
                    0 => ask(),
                    answer => answer == 2,
                }
            }

            #[cold]
            fn ask() -> bool {
                // F16C needs what AVX needs of the operating system.
                let answer = features::get() && super::has_f16c();
                ANSWER.store(1 + u8::from(answer), Ordering::Relaxed);
                answer
            }
        }
    };
}

/// Whether the processor says that it has F16C. (Every one that has AVX2 does; a virtual machine
/// may hide it.)
#[expect(unsafe_code, reason = "an intrinsic")]
#[allow(unused_unsafe, reason = "newer compilers have it as a safe function")]
fn has_f16c() -> bool {
    // SAFETY: whoever asks has seen AVX2, by the same instruction; leaf 1 is the first that there
    // is.
    unsafe { intrinsics::__cpuid(1) }.ecx & 1 << 29 != 0
}

cfg_if! {
    if #[cfg(dropout_kernels_backend = "avx512")] {
        pub(super) use super::Missing as Avx2;
    } else {
        detected!(has_avx2: "avx2", "bmi2");
        kernels!(proof avx2 if has_avx2;);
        pub(super) type Avx2 = CpuToken<avx2::Features>;
    }
}

cfg_if! {
    if #[cfg(any(target_arch = "x86", dropout_kernels_backend = "avx2"))] {
        pub(super) use super::Missing as Avx512;
    } else {
        // The compiler takes AVX-512 F to include the first two, and F16C.
        detected!(has_avx512: "avx2", "fma", "avx512f", "avx512bw", "avx512dq", "avx512vl", "bmi2");
        kernels!(proof avx512 if has_avx512;);
        pub(super) type Avx512 = CpuToken<avx512::Features>;
    }
}

pub(super) const BACKENDS: &[Backend] =
    if cfg!(any(target_arch = "x86", dropout_kernels_backend = "avx2")) {
        &[Backend::Portable, Backend::Avx2]
    } else if cfg!(dropout_kernels_backend = "avx512") {
        &[Backend::Portable, Backend::Avx512]
    } else {
        &[Backend::Portable, Backend::Avx2, Backend::Avx512]
    };

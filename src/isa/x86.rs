//! What x86 processors are asked, and the one edge between safe code and code for their features.

use core::marker::PhantomData;
use core::sync::atomic::{AtomicU8, Ordering};

#[cfg(target_arch = "x86")]
pub(super) use core::arch::x86 as intrinsics;
#[cfg(target_arch = "x86_64")]
pub(super) use core::arch::x86_64 as intrinsics;

use super::*; // what the list of kernels names
use crate::kernel::apply::apply_singly;
use crate::kernel::registers::{RegisterIsa, Registers, select_of, select_some};
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

    /// Whether it loads and stores fewer elements than a register holds.
    const SOME: bool = false;

    /// As [`Isa`] has it.
    type Word: Copy + From<u32> + Into<u32>;

    /// A word of a mask that stands in memory.
    #[inline(always)]
    fn word(_: CpuToken<Self>, in_memory: &u32) -> Self::Word {
        (*in_memory).into()
    }

    /// Whether two words that stand in memory are better taken at a time.
    #[inline(always)]
    fn takes_pairs() -> bool {
        false
    }

    /// Two words by general registers.
    #[inline(always)]
    fn pair(low: u32, high: u32) -> [Self::Word; 2] {
        [low.into(), high.into()]
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
    type Half = F::Half;

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

    type Word = F::Word;

    #[inline(always)]
    fn word(self, in_memory: &u32) -> F::Word {
        F::word(self, in_memory)
    }

    #[inline(always)]
    fn takes_pairs(self) -> bool {
        F::takes_pairs()
    }

    #[inline(always)]
    fn pair(self, low: u32, high: u32) -> [F::Word; 2] {
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
        word: F::Word,
        read: [T; N],
        dropped: [T; N],
        op: O,
    ) -> [T; N] {
        select_of(self, word, read, dropped, op)
    }

    #[inline(always)]
    fn select_some<T: Vectored, O: Op<T>>(self, word: u32, at: usize, target: &mut [T], op: O) {
        if F::SOME && target.len() >= 8 {
            select_some(self, word.into(), at, target, op);
        } else {
            apply_singly(at, word, target, op);
        }
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

/// What the processor is asked once: 0 as long as nobody has asked, then 1 for no and 2 for yes.
struct Asked(AtomicU8);

impl Asked {
    const fn new() -> Self {
        Self(AtomicU8::new(0))
    }

    #[inline(always)]
    fn get(&self, ask: fn() -> bool) -> bool {
        match self.0.load(Ordering::Relaxed) {
            0 => self.ask(ask),
            answer => answer == 2,
        }
    }

    #[cold]
    fn ask(&self, ask: fn() -> bool) -> bool {
        let answer = ask();
        self.0.store(1 + u8::from(answer), Ordering::Relaxed);
        answer
    }
}

/// A module that asks once for features, and for F16C, of which `cpufeatures` does not know: `get`.
macro_rules! detected {
    ($module:ident: $($feature:tt),*) => {
        mod $module {
            cpufeatures::new!(features, $($feature),*);

            static BOTH: super::Asked = super::Asked::new();

            #[inline]
            pub(super) fn get() -> bool {
                if cfg!(target_feature = "f16c") {
                    return features::get();
                }
                // F16C needs what AVX needs of the operating system.
                BOTH.get(|| features::get() && super::has_f16c())
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

        /// Whether a move from a general register to a mask register takes the place of a store, as in AMD's processors
        /// from Zen 5 on (family 1A). A load to a mask register does not. The processor is asked even where the
        /// compiler knows that it has AVX-512.
        #[inline(always)]
        pub(super) fn moves_to_masks_hinder_stores() -> bool {
            static ZEN_5: Asked = Asked::new();
            // There a program may not ask.
            !cfg!(target_env = "sgx") && ZEN_5.get(is_zen_5)
        }

        #[expect(unsafe_code, reason = "an intrinsic")]
        #[allow(unused_unsafe, reason = "newer compilers have it as a safe function")]
        fn is_zen_5() -> bool {
            // SAFETY: only code with AVX-512 asks, and every processor that has it has the instruction.
            let [leaf_0, leaf_1] = [0, 1].map(|leaf| unsafe { intrinsics::__cpuid(leaf) });
            let maker = [leaf_0.ebx, leaf_0.edx, leaf_0.ecx].map(u32::to_le_bytes);
            // From the fifteenth on a family is a sum.
            let family = (leaf_1.eax >> 8 & 0xF) + (leaf_1.eax >> 20 & 0xFF);
            maker.as_flattened() == b"AuthenticAMD" && family >= 0x1A
        }
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

//! Code without intrinsics, in the vectors of the target that it is compiled for, or one lane at a time where there are
//! none.

use super::cortex_m;
use crate::element::Number;
use crate::kernel::matrix::{Bits, Pass};
use crate::kernel::op::{Op, Source, Sweep};
use crate::kernel::{self, Isa, kernels};
use crate::key::MaskKey;
use crate::lanes::Lanes;
use crate::layout::Layout;
use crate::rate::Planes;

/// Whether the target has vectors at compile time. `--cfg dropout_kernels_backend="scalar"` denies it,
/// so that what microcontrollers run can be tested on machines with vectors.
const VECTORS: bool = !cfg!(dropout_kernels_backend = "scalar")
    && cfg!(any(
        target_feature = "sse2",
        // Of Cortex-M55 some compilers say that it has neon, which it has not.
        all(target_feature = "neon", not(all(target_arch = "arm", target_os = "none"))),
        target_feature = "simd128",
        target_feature = "altivec",
        target_feature = "vector",
        target_feature = "v",
        target_feature = "lsx",
        // Helium, which takes a stack of up to 3 KB, so that it is in use only where it is asked for.
        dropout_kernels_backend = "helium",
    ));

/// Every machine has it.
#[derive(Clone, Copy)]
pub(super) struct Portable;

impl Isa for Portable {
    const VECTORS: bool = VECTORS;

    #[inline(always)]
    fn seed(self, lanes: &mut Lanes, key: MaskKey, count: usize) {
        seed(lanes, key, count);
    }

    #[inline(always)]
    fn fill(self, lanes: &mut Lanes, planes: Planes, words: &mut [u32]) {
        fill(lanes, planes, words);
    }

    #[inline(always)]
    fn multiplied<T: Number, O: Op<T>>(self, at: usize, whole: &mut [[T; 32]], op: O) -> bool {
        cortex_m::multiplied(at, whole, op)
    }
}

/// Seeds the first `count` lanes.
#[inline(always)]
pub(crate) const fn seed(lanes: &mut Lanes, key: MaskKey, count: usize) {
    // The words first, so that on a chip the stack of both is not needed at once.
    seed_from(lanes, key.words(), count);
}

// In firmware one copy serves every caller.
#[cfg_attr(target_os = "none", inline(never))]
#[cfg_attr(not(target_os = "none"), inline(always))]
const fn seed_from(lanes: &mut Lanes, words: [u32; 4], count: usize) {
    match (VECTORS, count) {
        (true, 3..) => lanes.seed::<4>(words, count),
        // Of fewer, most of a vector would be for nobody.
        (true, _) => lanes.seed::<2>(words, count),
        (false, _) => lanes.seed::<1>(words, count),
    }
}

// Inlined into the dispatch, its registers would be saved for every backend. In firmware one copy serves every caller.
#[cfg_attr(any(target_arch = "x86", target_arch = "x86_64", target_os = "none"), inline(never))]
pub(super) fn fill(lanes: &mut Lanes, planes: Planes, words: &mut [u32]) {
    kernel::fill_blocks::<Portable>(lanes, planes, words);
}

macro_rules! plain {
    (
        $(#[$s:meta])* fn seed $seed:tt; $(#[$f:meta])* fn fill $fill:tt;
        $(
            $(#[$doc:meta])*
            fn $kernel:ident $(<$($generic:ident: $bound:path),*>)? ($($argument:ident: $type:ty),* $(,)?);
        )*
    ) => {$(
        #[cfg_attr(any(target_arch = "x86", target_arch = "x86_64"), inline(never))]
        #[cfg_attr(not(any(target_arch = "x86", target_arch = "x86_64")), inline(always))]
        pub(super) fn $kernel $(<$($generic: $bound),*>)? ($($argument: $type),*) {
            kernel::$kernel(Portable, $($argument),*);
        }
    )*};
}
kernels!(plain);

//! Code without intrinsics, in the vectors of the target that it is compiled for, or one lane at a
//! time where there are none.

use super::cortex_m;
use crate::element::{FloatNumber, IntegerNumber, Number};
use crate::kernel::Vectored;
use crate::kernel::fuse::{Fusion, Strip};
use crate::kernel::matrix::{Bits, Pass};
use crate::kernel::op::{Op, Source, Sweep};
use crate::kernel::uniform::Noise;
use crate::kernel::{self, Isa, kernels};
use crate::key::MaskKey;
use crate::lanes::{Lanes, VECTORS};
use crate::layout::Layout;
use crate::panel::Panel;
use crate::rate::Planes;
use crate::requantise::Multiplier;

/// Every machine has it.
#[derive(Clone, Copy)]
pub(super) struct Portable;

impl Isa for Portable {
    const VECTORS: bool = VECTORS;

    type Word = u32;

    #[inline(always)]
    fn fill(self, lanes: &mut Lanes, planes: Planes, words: &mut [u32]) {
        fill(lanes, planes, words);
    }

    #[inline(always)]
    fn multiplied<T: Vectored, O: Op<T>>(self, at: usize, whole: &mut [[T; 32]], op: O) -> bool {
        cortex_m::multiplied(at, whole, op)
    }
}

// Inlined into the dispatch, its registers would be saved for every backend. In firmware one copy
// serves every caller.
#[cfg_attr(any(target_arch = "x86", target_arch = "x86_64", target_os = "none"), inline(never))]
pub(super) fn fill(lanes: &mut Lanes, planes: Planes, words: &mut [u32]) {
    kernel::fill_blocks::<Portable>(lanes, planes, words);
}

macro_rules! plain {
    (
        $(#[$fill_doc:meta])* fn fill $fill:tt;
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

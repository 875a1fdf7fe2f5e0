//! NEON: the portable kernels, with the choice of `f32` elements written by hand.
//!
//! Counted under emulation, 2026-11-23, rustc 1.95, f32, 4096 elements, p = 0.1, instructions an
//! element, against the portable code for the same target: forward 2.87 against 4.70, backward 1.22
//! against 1.84; multiplying by a constant takes 0.89. (Before the
//! kernels were rearranged; not counted again.) Drawing by hand won nothing (1.50 against 1.48).
#![expect(clippy::indexing_slicing, reason = "indices are literals")]
#![expect(unsafe_code, reason = "intrinsics, and elements as vectors")]

use core::arch::aarch64::*;
use core::mem::transmute;

use super::registers::registers;
use super::*; // what the list of kernels names
use crate::element::Value;
use crate::kernel::apply::{BITS, WIDE_BITS};
use crate::kernel::registers::{RegisterIsa, Registers};
use crate::kernel::{self, Isa};

/// The proof that the target has NEON: this file is compiled for no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Neon;

macro_rules! methods {
    ($(
        $(#[$doc:meta])*
        fn $kernel:ident $(<$($generic:ident: $bound:path),*>)? ($($argument:ident: $type:ty),* $(,)?);
    )*) => {
        impl Neon {
            pub(super) const fn detect() -> Option<Self> {
                Some(Self)
            }

            pub(super) const fn streams<T>(self, _: &[T]) -> bool {
                false
            }

            $(
                #[inline(always)]
                pub(super) fn $kernel $(<$($generic: $bound),*>)? (self, $($argument: $type),*) {
                    self::$kernel($($argument),*);
                }
            )*
        }
    };
}
kernels!(methods);

impl Isa for Neon {
    const VECTORS: bool = true;

    #[inline(always)]
    fn select<T: Vectored, O: Op<T>>(
        self,
        word: u32,
        at: usize,
        target: &[T; 32],
        op: O,
    ) -> [T; 32] {
        kernel::registers::select(self, word, at, target, op)
    }
}

impl RegisterIsa for Neon {
    type F32 = F32;
    type F64 = F64;
}

/// Bit i of a word, in element i of 32.
// SAFETY: both are plain numbers; the compiler compares the sizes.
const EACH_BIT: [uint32x4_t; 8] = unsafe { transmute(BITS) };
// SAFETY: as above.
const EACH_WIDE_BIT: [uint64x2_t; 16] = unsafe { transmute(WIDE_BITS) };

// The bits are tested by hand, of which the compiler makes vectors only in part. An element's bits
// and ones or zeros are chosen from by their minimum: where an `and` follows, the compiler takes an
// instruction more for the test.
registers! {
    Neon;

    F32: [float32x4_t; 8] of f32, 0 1 2 3 4 5 6 7;
    vdupq_n_f32, vmulq_f32, vaddq_f32;
    bits(word, i) vtstq_u32(vdupq_n_u32(word), EACH_BIT[i]);
    select(x, bits, dropped) vbslq_f32(bits, x, dropped);
    or_zero(x, bits) vreinterpretq_f32_u32(vminq_u32(bits, vreinterpretq_u32_f32(x)));

    F64: [float64x2_t; 16] of f64, 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15;
    vdupq_n_f64, vmulq_f64, vaddq_f64;
    bits(word, i) vtstq_u64(vdupq_n_u64(word.into()), EACH_WIDE_BIT[i]);
    select(x, bits, dropped) vbslq_f64(bits, x, dropped);
    or_zero(x, bits) vreinterpretq_f64_u64(vandq_u64(bits, vreinterpretq_u64_f64(x)));
}

macro_rules! plain {
    ($(
        $(#[$doc:meta])*
        fn $kernel:ident $(<$($generic:ident: $bound:path),*>)? ($($argument:ident: $type:ty),* $(,)?);
    )*) => {$(
        fn $kernel $(<$($generic: $bound),*>)? ($($argument: $type),*) {
            kernel::$kernel(Neon, $($argument),*);
        }
    )*};
}
kernels!(plain);

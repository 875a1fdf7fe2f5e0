//! NEON: the portable kernels, with the choice of `f32` elements written by hand.
//!
//! Counted under emulation, 2026-11-23, rustc 1.95, f32, 4096 elements, p = 0.1, instructions an
//! element, against the portable code for the same target: forward 2.87 against 4.70, backward 1.22
//! against 1.84; multiplying by a constant takes 0.89. (Before the
//! kernels were rearranged; not counted again.) Drawing by hand won nothing (1.50 against 1.48).
#![expect(unsafe_code, reason = "intrinsics, and elements as vectors")]

use core::arch::aarch64::*;
use core::mem::transmute_copy;

use super::*; // what the list of kernels names
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

    /// The bits are tested by hand, of which the compiler makes vectors only in part.
    ///
    /// Where dropped elements are zeros, an element's bits and ones or zeros are chosen from by their minimum:
    /// where an `and` follows, the compiler takes an instruction more for the test of the bit.
    #[inline(always)]
    fn choose<T: Number, O: Op<T>>(self, word: u32, at: usize, target: &[T; 32], op: O) -> [T; 32] {
        if size_of::<T>() != 4 {
            return kernel::apply::choose(word, at, target, op);
        }
        let (kept, dropped) = (kernel::apply::kept(at, target, op), op.dropped(at, target));
        // SAFETY: this is compiled only where the target has NEON, and a load reads the four words of a chunk.
        // Elements are sealed to f32 and f64, and T has the size of f32, so both types of each copy are plain
        // numbers of the same size.
        unsafe {
            let word = vdupq_n_u32(word);
            let mut y: [uint32x4_t; 8] = transmute_copy(&kept);
            let dropped: [uint32x4_t; 8] = transmute_copy(&dropped);
            for ((y, dropped), bits) in
                y.iter_mut().zip(dropped).zip(kernel::apply::BITS.as_chunks::<4>().0)
            {
                let ones = vtstq_u32(word, vld1q_u32(bits.as_ptr()));
                *y = if O::ZEROES { vminq_u32(ones, *y) } else { vbslq_u32(ones, *y, dropped) };
            }
            transmute_copy(&y)
        }
    }
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

//! NEON: the portable kernels, with the choice of `f32` elements written by hand.
//!
//! Counted under emulation, 2026-11-23, rustc 1.95, f32, 4096 elements, p = 0.1, instructions an
//! element, against the portable code for the same target: forward 2.87 against 4.70, backward 1.22
//! against 1.84; multiplying by a constant takes 0.89. Drawing by hand won nothing (1.50 against 1.48).
#![expect(unsafe_code, reason = "intrinsics, and elements as vectors")]

use core::arch::aarch64::*;
use core::mem::transmute_copy;

use super::portable::{accumulate, fill, gaussian, map, or_shifted, rows, seed};
use super::{Bits, Change, Mapped, Outcome, Pass, Source, portable, structured as over};
use crate::element::Element;
use crate::key::MaskKey;
use crate::lanes::Lanes;
use crate::layout::Layout;
use crate::rate::Planes;

/// The proof that the target has NEON: this file is compiled for no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Neon;

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

fn apply<T: Element, C: Change<T>>(words: &[u32], target: &mut [T], change: C) {
    portable::apply_from(0, words.iter().copied(), target, change, choose);
}

fn fill_and_apply<T: Element, C: Change<T>>(
    lanes: &mut Lanes,
    planes: Planes,
    words: &mut [u32],
    target: &mut [T],
    change: C,
) {
    portable::fill_and_apply_by(lanes, planes, words, target, change, choose);
}

fn structured<T: Element, C: Change<T>>(
    words: &[u32],
    first: usize,
    layout: Layout,
    at: usize,
    target: &mut [T],
    change: C,
) {
    over::apply(words, first, layout, at, target, change, choose);
}

/// As the portable `choose`, of whose tests of bits the compiler makes vectors only in part.
///
/// Where dropped elements are zeros, a product's bits and ones or zeros are chosen from by their minimum:
/// where an `and` follows, the compiler takes an instruction more for the test of the bit.
#[inline(always)]
fn choose<T: Element, C: Change<T>>(word: u32, at: usize, target: &[T; 32], change: C) -> [T; 32] {
    if size_of::<T>() != 4 {
        return portable::choose(word, at, target, change);
    }
    // SAFETY: this is compiled only where the target has NEON, and a load reads the four words of a chunk.
    // Elements are sealed to f32 and f64, and T has the size of f32, so both types of each copy are plain
    // numbers of the same size.
    unsafe {
        let word = vdupq_n_u32(word);
        let factor = change.factor().map(|factor| transmute_copy(&factor));
        let term = change.term().map(|term| vdupq_n_f32(transmute_copy(&term)));
        let mut y: [float32x4_t; 8] = transmute_copy(&change.read(at, target));
        let dropped: [float32x4_t; 8] = transmute_copy(&change.dropped(at, target));
        for ((y, dropped), bits) in y.iter_mut().zip(dropped).zip(portable::BITS.as_chunks::<4>().0)
        {
            let product = factor.map_or(*y, |factor| vmulq_n_f32(*y, factor));
            let kept = term.map_or(product, |term| vaddq_f32(product, term));
            let ones = vtstq_u32(word, vld1q_u32(bits.as_ptr()));
            *y = if C::ZEROES {
                vreinterpretq_f32_u32(vminq_u32(ones, vreinterpretq_u32_f32(kept)))
            } else {
                vbslq_f32(ones, kept, dropped)
            };
        }
        transmute_copy(&y)
    }
}

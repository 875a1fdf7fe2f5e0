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
use crate::kernel::apply::{BITS, BYTE_BITS, NARROW_BITS, WIDE_BITS};
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

    type Word = u32;

    #[inline(always)]
    fn select_of<T: Vectored, O: Op<T>, const N: usize>(
        self,
        word: u32,
        read: [T; N],
        dropped: [T; N],
        op: O,
    ) -> [T; N] {
        kernel::registers::select_of(self, word, read, dropped, op)
    }
}

impl RegisterIsa for Neon {
    type F32 = F32;
    type F64 = F64;
    type I8 = I8;
    type I16 = I16;
    #[cfg(feature = "half")]
    type F16 = F16;
    #[cfg(feature = "half")]
    type Bf16 = Bf16;
}

/// Bit i of a word, in element i of 32.
// SAFETY: both are plain numbers; the compiler compares the sizes.
const EACH_BIT: [uint32x4_t; 8] = unsafe { transmute(BITS) };
// SAFETY: as above.
const EACH_WIDE_BIT: [uint64x2_t; 16] = unsafe { transmute(WIDE_BITS) };
/// Of half a word: both halves have the same.
// SAFETY: as above.
const EACH_NARROW_BIT: [uint16x8_t; 4] = unsafe { transmute(NARROW_BITS) };
/// Of a byte: all four have the same.
// SAFETY: as above.
const EACH_BYTE_BIT: [uint8x16_t; 2] = unsafe { transmute(BYTE_BITS) };

// What the products need, as macros, and not functions: so it stands in the `unsafe` of its caller.

/// Four products of [`Multiplier::product`].
macro_rules! quarter {
    ($x:expr, $s:expr) => {{
        let (x, s) = ($x, $s);
        let low = vshrq_n_s32::<16>(vmulq_n_s32(x, s.low.into()));
        let sum = vmlaq_n_s32(vaddq_s32(low, vdupq_n_s32(s.round)), x, s.high.into());
        vqmovn_s32(vshlq_s32(sum, vdupq_n_s32(-i32::from(s.shift))))
    }};
}

/// [`Multiplier::product`] of eight numbers, which saturates.
macro_rules! product {
    ($x:expr, $s:expr) => {{
        let (x, s) = ($x, $s);
        vcombine_s16(quarter!(vmovl_s16(vget_low_s16(x)), s), quarter!(vmovl_high_s16(x), s))
    }};
}

/// By assembly, as the intrinsics are not stable. Registers only.
#[cfg(feature = "half")]
macro_rules! widen_f16 {
    ($x:expr) => {{
        let (low, high): (float32x4_t, float32x4_t);
        core::arch::asm!(
            "fcvtl {low:v}.4s, {x:v}.4h",
            "fcvtl2 {high:v}.4s, {x:v}.8h",
            x = in(vreg) $x,
            low = out(vreg) low,
            high = out(vreg) high,
            options(pure, nomem, nostack, preserves_flags),
        );
        (low, high)
    }};
}

/// The nearest, ties to even. By assembly, too.
#[cfg(feature = "half")]
macro_rules! narrow_f16 {
    ($low:expr, $high:expr) => {{
        let y: uint16x8_t;
        core::arch::asm!(
            "fcvtn {y:v}.4h, {low:v}.4s",
            "fcvtn2 {y:v}.8h, {high:v}.4s",
            low = in(vreg) $low,
            high = in(vreg) $high,
            y = out(vreg) y,
            options(pure, nomem, nostack, preserves_flags),
        );
        y
    }};
}

#[cfg(feature = "half")]
macro_rules! widen_bf16 {
    ($x:expr) => {{
        let x = $x;
        (
            vreinterpretq_f32_u32(vshll_n_u16::<16>(vget_low_u16(x))),
            vreinterpretq_f32_u32(vshll_high_n_u16::<16>(x)),
        )
    }};
}

/// The nearest in the upper half, ties to even.
#[cfg(feature = "half")]
macro_rules! round_bf16 {
    ($x:expr) => {{
        let x = vreinterpretq_u32_f32($x);
        let last = vandq_u32(vshrq_n_u32::<16>(x), vdupq_n_u32(1));
        vreinterpretq_u16_u32(vaddq_u32(vaddq_u32(x, vdupq_n_u32(0x7FFF)), last))
    }};
}

/// A NaN that came of a `bf16`, or of the processor, has zeros in its lower half, so that no carry makes
/// another number of it.
#[cfg(feature = "half")]
macro_rules! narrow_bf16 {
    ($low:expr, $high:expr) => {
        vuzp2q_u16(round_bf16!($low), round_bf16!($high))
    };
}

// The bits are tested by hand, of which the compiler makes vectors only in part. An element's bits
// and ones or zeros are chosen from by their minimum: where an `and` follows, the compiler takes an
// instruction more for the test.
registers! {
    Neon;

    => {
        [float32x4_t; 8], 0 1 2 3 4 5 6 7;
        bits(word, i) vtstq_u32(vdupq_n_u32(word), EACH_BIT[i as usize]);
        select(x, bits, dropped) vbslq_f32(bits, x, dropped);
        or_zero(x, bits) vreinterpretq_f32_u32(vminq_u32(bits, vreinterpretq_u32_f32(x)));
        merge(x, bits, dropped) vbslq_f32(bits, x, dropped);
    }
    F32 of f32:
    times(x, s) vmulq_n_f32(x, s);
    times_plus(x, s, t) vaddq_f32(vmulq_n_f32(x, s), vdupq_n_f32(t));

    => {
        [float64x2_t; 16], 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15;
        bits(word, i) vtstq_u64(vdupq_n_u64(word.into()), EACH_WIDE_BIT[i as usize]);
        select(x, bits, dropped) vbslq_f64(bits, x, dropped);
        or_zero(x, bits) vreinterpretq_f64_u64(vandq_u64(bits, vreinterpretq_u64_f64(x)));
        merge(x, bits, dropped) vbslq_f64(bits, x, dropped);
    }
    F64 of f64:
    times(x, s) vmulq_n_f64(x, s);
    times_plus(x, s, t) vaddq_f64(vmulq_n_f64(x, s), vdupq_n_f64(t));

    => {
        [uint16x8_t; 4], 0 1 2 3;
        bits(word, i) vtstq_u16(vdupq_n_u16((word >> (16 * (i / 2))) as u16), EACH_NARROW_BIT[i as usize]);
        select(x, bits, dropped) vbslq_u16(bits, x, dropped);
        or_zero(x, bits) vandq_u16(x, bits);
        merge(x, bits, dropped) vbslq_u16(bits, x, dropped);
    }
    I16 of i16:
    times(x, s) vreinterpretq_u16_s16(product!(vreinterpretq_s16_u16(x), s));
    times_plus(x, s, zero) {
        let zero = vdupq_n_s16(zero);
        // A difference that saturates is one whose product does: there is no zero point but 0.
        let y = product!(vqsubq_s16(vreinterpretq_s16_u16(x), zero), s);
        vreinterpretq_u16_s16(vqaddq_s16(y, zero))
    };
    #[cfg(feature = "half")]
    F16 of half::f16:
    times(x, s) {
        let (low, high) = widen_f16!(x);
        narrow_f16!(vmulq_n_f32(low, s), vmulq_n_f32(high, s))
    };
    times_plus(x, s, t) {
        let ((low, high), t) = (widen_f16!(x), vdupq_n_f32(t));
        narrow_f16!(vaddq_f32(vmulq_n_f32(low, s), t), vaddq_f32(vmulq_n_f32(high, s), t))
    };
    #[cfg(feature = "half")]
    Bf16 of half::bf16:
    times(x, s) {
        let (low, high) = widen_bf16!(x);
        narrow_bf16!(vmulq_n_f32(low, s), vmulq_n_f32(high, s))
    };
    times_plus(x, s, t) {
        let ((low, high), t) = (widen_bf16!(x), vdupq_n_f32(t));
        narrow_bf16!(vaddq_f32(vmulq_n_f32(low, s), t), vaddq_f32(vmulq_n_f32(high, s), t))
    };

    => {
        [uint8x16_t; 2], 0 1;
        bits(word, i) vtstq_u8(
            vcombine_u8(vdup_n_u8((word >> (16 * i)) as u8), vdup_n_u8((word >> (16 * i + 8)) as u8)),
            EACH_BYTE_BIT[i as usize],
        );
        select(x, bits, dropped) vbslq_u8(bits, x, dropped);
        or_zero(x, bits) vandq_u8(x, bits);
        merge(x, bits, dropped) vbslq_u8(bits, x, dropped);
    }
    I8 of i8:
    times(x, s) {
        let x = vreinterpretq_s8_u8(x);
        let (low, high) = (vmovl_s8(vget_low_s8(x)), vmovl_high_s8(x));
        let y = vcombine_s8(vqmovn_s16(product!(low, s)), vqmovn_s16(product!(high, s)));
        vreinterpretq_u8_s8(y)
    };
    times_plus(x, s, zero) {
        let (x, zero) = (vreinterpretq_s8_u8(x), vdupq_n_s16(zero.into()));
        let (low, high) = (vmovl_s8(vget_low_s8(x)), vmovl_high_s8(x));
        let low = vqaddq_s16(product!(vsubq_s16(low, zero), s), zero);
        let high = vqaddq_s16(product!(vsubq_s16(high, zero), s), zero);
        vreinterpretq_u8_s8(vcombine_s8(vqmovn_s16(low), vqmovn_s16(high)))
    };
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

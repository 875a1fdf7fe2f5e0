//! AVX-512 (F, BW, DQ, VL): all sixteen lanes in one register.
//!
//! Measured on an AMD EPYC (Zen 4), 2026-11-23, f32, 16 Ki elements, p = 0.1, nanoseconds per
//! element, least of five runs, against the portable code compiled for the same features: masks
//! 0.041 against 0.087, forward 0.054 against 0.145.
#![expect(unsafe_code, reason = "intrinsics, by the proof that is `CpuToken` or a vector's value")]

use core::arch::asm;
use core::mem::transmute;

use super::registers::registers;
use super::x86::intrinsics::*;
use super::x86::{self, Calls, CpuToken, Vectors, stamp};
use crate::element::{FloatNumber, IntegerNumber, Number, Value};
use crate::kernel::fuse::{Fusion, Strip};
use crate::kernel::matrix::{Bits, Pass};
use crate::kernel::op::{Op, Source, Sweep};
use crate::kernel::registers::{Registers, Vectored};
use crate::kernel::uniform::Noise;
use crate::kernel::wide::Wide;
use crate::kernel::{self, Isa, kernels, pipeline};
use crate::key::MaskKey;
use crate::lanes::{LANES, Lanes};
use crate::layout::Layout;
use crate::panel::Panel;
use crate::rate::Planes;
use crate::requantise::Multiplier;

kernels!(stamp Vector, "avx512f,avx512bw,avx512dq,avx512vl,bmi2";);

/// AVX-512 F, BW, DQ and VL, of which AVX2 is a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Features;

impl Vectors for Features {
    const REGISTER: usize = 64;
    const SOME: bool = true;

    type Vector = Vector;
    type Half = Half;
    type F32 = F32;
    type F64 = F64;
    type I8 = I8;
    type I16 = I16;
    #[cfg(feature = "half")]
    type F16 = F16;
    #[cfg(feature = "half")]
    type Bf16 = Bf16;

    type Word = Word;

    #[inline(always)]
    fn word(_: CpuToken<Self>, in_memory: &u32) -> Word {
        Word { word: *in_memory, in_memory: true }
    }

    #[inline(always)]
    fn takes_pairs() -> bool {
        !x86::moves_to_masks_hinder_stores()
    }

    /// In a register that the compiler knows nothing of: else it moves each sixteen bits from memory to a mask
    /// register by a load of their own.
    #[inline(always)]
    fn pair(low: u32, high: u32) -> [Word; 2] {
        let mut pair = u64::from(low) | u64::from(high) << 32;
        // SAFETY: there is no instruction in it.
        unsafe {
            asm!("/* {0} */", inout(reg) pair, options(pure, nomem, nostack, preserves_flags));
        };
        [(pair as u32).into(), ((pair >> 32) as u32).into()]
    }
}

/// A word, and how its halves come to mask registers.
#[derive(Clone, Copy)]
pub(crate) struct Word {
    word: u32,
    /// Whether it comes from memory. Only who has the proof says so.
    in_memory: bool,
}

impl Word {
    /// Bits 0 to 15, or 16 to 31.
    #[inline(always)]
    fn half(self, i: u32) -> u16 {
        let [low, high] = if self.in_memory {
            // SAFETY: `Features::word` alone makes one from memory, by a `CpuToken`, which proves AVX-512.
            unsafe { in_mask_registers(self.word) }
        } else {
            [self.word as u16, (self.word >> 16) as u16]
        };
        if i == 0 { low } else { high }
    }
}

impl From<u32> for Word {
    #[inline(always)]
    fn from(word: u32) -> Self {
        Self { word, in_memory: false }
    }
}

impl From<Word> for u32 {
    #[inline(always)]
    fn from(word: Word) -> Self {
        word.word
    }
}

/// Both halves by one load to a mask register, and a shift there. The compiler would load each half, or move it from
/// a general register. A function, as only where AVX-512 is enabled can assembly name its registers.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn in_mask_registers(mut word: u32) -> [u16; 2] {
    let high: u16;
    // SAFETY: AVX-512 is enabled; no memory is touched.
    unsafe {
        asm!(
            "kshiftrd {high}, {word}, 16",
            word = inout(kreg) word, high = out(kreg) high,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    [word as u16, high]
}

// What the products need, as macros, and not functions: so it is inlined at every level, and stands in
// the `unsafe` of its caller.

/// [`Multiplier::product`] of 32 numbers, which saturates.
macro_rules! product {
    ($x:expr, $factor:expr) => {{
        let (x, s) = ($x, $factor);
        let [high, a, b] = s.in_pairs();
        // x * low, for pairs of x; and x * high + 1 * y.
        let lows = _mm512_set1_epi32(b << 16 | a);
        let factors = _mm512_set1_epi32(1 << 16 | high);
        let (round, shift) = (_mm512_set1_epi32(s.round), _mm_cvtsi32_si128(s.shift.into()));
        // Pairs of x and the upper half of the product with low, which is floor(x * low / 2^16).
        macro_rules! of {
            ($pairs:expr) => {{
                let (x, low) = ($pairs, _mm512_madd_epi16($pairs, lows));
                let sum = _mm512_madd_epi16(_mm512_mask_blend_epi16(0xAAAA_AAAA, x, low), factors);
                _mm512_sra_epi32(_mm512_add_epi32(sum, round), shift)
            }};
        }
        let (a, b) = (_mm512_unpacklo_epi16(x, x), _mm512_unpackhi_epi16(x, x));
        _mm512_packs_epi32(of!(a), of!(b))
    }};
}

/// x * s, or x * s + t.
#[cfg(feature = "half")]
macro_rules! linear {
    ($x:expr, $s:expr) => {
        _mm512_mul_ps($x, _mm512_set1_ps($s))
    };
    ($x:expr, $s:expr, $t:expr) => {
        _mm512_add_ps(_mm512_mul_ps($x, _mm512_set1_ps($s)), _mm512_set1_ps($t))
    };
}

/// By the rounding of a widening, which has none: said otherwise, nothing could be read from memory.
#[cfg(feature = "half")]
macro_rules! widen_f16 {
    ($x:expr) => {
        _mm512_cvt_roundph_ps::<_MM_FROUND_CUR_DIRECTION>($x)
    };
}

/// Those at even places, and those at odd ones: so none changes its place.
#[cfg(feature = "half")]
macro_rules! widen_bf16 {
    ($x:expr) => {{
        let x = $x;
        (
            _mm512_castsi512_ps(_mm512_slli_epi32::<16>(x)),
            _mm512_castsi512_ps(_mm512_and_si512(x, _mm512_set1_epi32(!0xFFFF))),
        )
    }};
}

/// Where `bytes` are set, halves of `from`, each in the place of the other half; else `into`. The compiler
/// would take an instruction of three operations. A function, as only where AVX-512 is enabled can assembly
/// name its registers.
#[cfg(feature = "half")]
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn other_halves(mut into: __m512i, bytes: u64, from: __m512i) -> __m512i {
    let other = _mm512_set4_epi32(0x0D0C_0F0E, 0x0908_0B0A, 0x0504_0706, 0x0100_0302);
    // SAFETY: AVX-512 is enabled; no memory is touched.
    unsafe {
        asm!(
            "vpshufb {into}{{{bytes}}}, {from}, {other}",
            into = inout(zmm_reg) into, bytes = in(kreg) bytes, from = in(zmm_reg) from, other = in(zmm_reg) other,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    into
}

/// The nearest upper halves of all, ties to even. Halves are put together before they are rounded, so that
/// 32 are at a time: from the lower half 1 is taken where the upper is even, and then its highest bit is
/// what the upper half grows by.
///
/// A NaN that came of a `bf16`, or of the processor, has zeros in its lower half, so that nothing makes
/// another number of it.
#[cfg(feature = "half")]
macro_rules! narrow_bf16 {
    ($even:expr, $odd:expr) => {{
        let (even, odd) = (_mm512_castps_si512($even), _mm512_castps_si512($odd));
        let upper = other_halves(odd, 0x3333_3333_3333_3333, even);
        let lower = other_halves(even, 0xCCCC_CCCC_CCCC_CCCC, odd);
        let is_even = _mm512_andnot_si512(upper, _mm512_set1_epi16(1));
        _mm512_add_epi16(upper, _mm512_srli_epi16::<15>(_mm512_subs_epu16(lower, is_even)))
    }};
}

/// Whatever the processor's mode is.
#[cfg(feature = "half")]
const NEAREST: i32 = _MM_FROUND_TO_NEAREST_INT;

/// The lowest `count` bits, or all 32.
#[inline(always)]
fn first(count: usize) -> u32 {
    !(u64::MAX << count.min(32)) as u32
}

// By mask registers loaded from the word: the compiler's choice for the portable code, a broadcast
// and a test against a table, costs a tenth of the whole.
registers! {
    CpuToken<Features>;

    => {
        [__m512; 2], 0 1;
        bits(word, i) word.half(i);
        select(x, bits, dropped) _mm512_mask_blend_ps(bits, dropped, x);
        or_zero(x, bits) _mm512_maskz_mov_ps(bits, x);
        merge(x, bits, dropped) _mm512_mask_blend_ps(bits, dropped, x);
        some(_mm512_maskz_loadu_ps, _mm512_mask_storeu_ps, 16, u16);
    }
    F32 of f32:
    times(x, s) _mm512_mul_ps(x, _mm512_set1_ps(s));
    times_plus(x, s, t) _mm512_add_ps(_mm512_mul_ps(x, _mm512_set1_ps(s)), _mm512_set1_ps(t));

    => {
        [__m512d; 4], 0 1 2 3;
        bits(word, i) (word.word >> (8 * i)) as u8;
        select(x, bits, dropped) _mm512_mask_blend_pd(bits, dropped, x);
        or_zero(x, bits) _mm512_maskz_mov_pd(bits, x);
        merge(x, bits, dropped) _mm512_mask_blend_pd(bits, dropped, x);
        some(_mm512_maskz_loadu_pd, _mm512_mask_storeu_pd, 8, u8);
    }
    F64 of f64:
    times(x, s) _mm512_mul_pd(x, _mm512_set1_pd(s));
    times_plus(x, s, t) _mm512_add_pd(_mm512_mul_pd(x, _mm512_set1_pd(s)), _mm512_set1_pd(t));

    => {
        [__m512i; 1], 0;
        bits(word, _i) word.word;
        select(x, bits, dropped) _mm512_mask_blend_epi16(bits, dropped, x);
        or_zero(x, bits) _mm512_maskz_mov_epi16(bits, x);
        merge(x, bits, dropped) _mm512_mask_blend_epi16(bits, dropped, x);
        some(_mm512_maskz_loadu_epi16, _mm512_mask_storeu_epi16, 32, u32);
    }
    I16 of i16:
    times(x, s) product!(x, s);
    times_plus(x, s, zero) {
        let zero = _mm512_set1_epi16(zero);
        // A difference that saturates is one whose product does: there is no zero point but 0.
        _mm512_adds_epi16(product!(_mm512_subs_epi16(x, zero), s), zero)
    };
    #[cfg(feature = "half")]
    Bf16 of half::bf16:
    times(x, s) {
        let (even, odd) = widen_bf16!(x);
        narrow_bf16!(linear!(even, s), linear!(odd, s))
    };
    times_plus(x, s, t) {
        let (even, odd) = widen_bf16!(x);
        narrow_bf16!(linear!(even, s, t), linear!(odd, s, t))
    };

    // Registers of 256 bits, so that none is divided or joined.
    => {
        [__m256i; 2], 0 1;
        bits(word, i) word.half(i);
        select(x, bits, dropped) _mm256_mask_blend_epi16(bits, dropped, x);
        or_zero(x, bits) _mm256_maskz_mov_epi16(bits, x);
        merge(x, bits, dropped) _mm256_mask_blend_epi16(bits, dropped, x);
        // Nothing stands between the conversion and its store, which then costs no shuffle.
        times_or_zero(x, s, bits) {
            let y = _mm512_maskz_mul_ps(bits, widen_f16!(x), _mm512_set1_ps(s));
            _mm512_cvtps_ph::<NEAREST>(y)
        };
        some(_mm256_maskz_loadu_epi16, _mm256_mask_storeu_epi16, 16, u16);
    }
    #[cfg(feature = "half")]
    F16 of half::f16:
    times(x, s) _mm512_cvtps_ph::<NEAREST>(linear!(widen_f16!(x), s));
    times_plus(x, s, t) _mm512_cvtps_ph::<NEAREST>(linear!(widen_f16!(x), s, t));

    => {
        [__m256i; 1], 0;
        bits(word, _i) word.word;
        select(x, bits, dropped) _mm256_mask_blend_epi8(bits, dropped, x);
        or_zero(x, bits) _mm256_maskz_mov_epi8(bits, x);
        merge(x, bits, dropped) _mm256_mask_blend_epi8(bits, dropped, x);
        some(_mm256_maskz_loadu_epi8, _mm256_mask_storeu_epi8, 32, u32);
    }
    I8 of i8:
    times(x, s) _mm512_cvtsepi16_epi8(product!(_mm512_cvtepi8_epi16(x), s));
    times_plus(x, s, zero) {
        let zero = _mm512_set1_epi16(zero.into());
        let x = _mm512_sub_epi16(_mm512_cvtepi8_epi16(x), zero);
        _mm512_cvtsepi16_epi8(_mm512_adds_epi16(product!(x, s), zero))
    };
}

/// Sixteen lanes in one register.
#[derive(Clone, Copy)]
pub(crate) struct Vector(__m512i);

/// The first eight, for calls that use no more.
#[derive(Clone, Copy)]
pub(crate) struct Half(__m256i);

/// Truth tables for `vpternlogd`: bit 4a + 2b + c is what it makes of bits a, b, c.
const XOR3: i32 = 0b1001_0110;
const OR_AND_NOT: i32 = 0b1111_0100;

macro_rules! operations {
    ($($name:ident($a:ident $(, $b:ident)*) = $body:expr;)*) => {$(
        #[inline(always)]
        fn $name(self $(, $b: Self)*) -> Self {
            let $a = self.0;
            $(let $b = $b.0;)*
            // SAFETY: a value proves AVX-512; no memory is touched.
            Self(unsafe { $body })
        }
    )*};
}

macro_rules! wide {
    (
        $vector:ident;
        $loadu:ident $storeu:ident $set1:ident $setzero:ident $test:ident $cmplt:ident;
        $add:ident $sub:ident $mullo:ident $and:ident $xor:ident $slli:ident $srli:ident $rol:ident;
        $ternarylogic:ident $mask_or:ident $mask_mov:ident
    ) => {
        impl Wide for $vector {
            type Proof = CpuToken<Features>;

            #[inline(always)]
            fn load(_: CpuToken<Features>, words: &[u32; LANES]) -> Self {
                // SAFETY: `CpuToken` proves AVX-512; the array has the bytes that are read, at any
                // alignment.
                Self(unsafe { $loadu(words.as_ptr().cast()) })
            }

            #[inline(always)]
            fn splat(_: CpuToken<Features>, word: u32) -> Self {
                // SAFETY: `CpuToken` proves AVX-512; no memory is touched.
                Self(unsafe { $set1(word as i32) })
            }

            #[inline(always)]
            fn store(self, words: &mut [u32; LANES]) {
                // SAFETY: a value proves AVX-512; the array has the bytes that are written, at any
                // alignment.
                unsafe { $storeu(words.as_mut_ptr().cast(), self.0) }
            }

            #[inline(always)]
            fn any(self) -> bool {
                // SAFETY: a value proves AVX-512; no memory is touched.
                unsafe { $test(self.0, self.0) != 0 }
            }

            operations! {
                add(a, b) = $add(a, b);
                and(a, b) = $and(a, b);
                xor(a, b) = $xor(a, b);
                negate(a) = $sub($setzero(), a);
                shift_left_9(a) = $slli::<9>(a);
                rotate_left_7(a) = $rol::<7>(a);
                rotate_left_11(a) = $rol::<11>(a);
                rotate_left_22(a) = $rol::<22>(a);
                shift_right_13(a) = $srli::<13>(a);
                shift_right_16(a) = $srli::<16>(a);
                times(a, b) = $mullo(a, b);
                xor3(a, b, c) = $ternarylogic::<XOR3>(a, b, c);
                or_and_not(a, b, c) = $ternarylogic::<OR_AND_NOT>(a, b, c);
                or_where_below(a, r, low, bits) = $mask_or(a, $cmplt(r, low), a, bits);
                where_nonzero(a, lanes, other) = $mask_mov(other, $test(lanes, lanes), a);
            }
        }
    };
}

wide! {
    Vector;
    _mm512_loadu_si512 _mm512_storeu_si512 _mm512_set1_epi32 _mm512_setzero_si512 _mm512_test_epi32_mask _mm512_cmplt_epu32_mask;
    _mm512_add_epi32 _mm512_sub_epi32 _mm512_mullo_epi32 _mm512_and_si512 _mm512_xor_si512 _mm512_slli_epi32 _mm512_srli_epi32 _mm512_rol_epi32;
    _mm512_ternarylogic_epi32 _mm512_mask_or_epi32 _mm512_mask_mov_epi32
}
wide! {
    Half;
    _mm256_loadu_si256 _mm256_storeu_si256 _mm256_set1_epi32 _mm256_setzero_si256 _mm256_test_epi32_mask _mm256_cmplt_epu32_mask;
    _mm256_add_epi32 _mm256_sub_epi32 _mm256_mullo_epi32 _mm256_and_si256 _mm256_xor_si256 _mm256_slli_epi32 _mm256_srli_epi32 _mm256_rol_epi32;
    _mm256_ternarylogic_epi32 _mm256_mask_or_epi32 _mm256_mask_mov_epi32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Which of the two is used, the processor decides.
    #[test]
    fn words_by_either_way_are_the_same() {
        let Some(token) = CpuToken::<Features>::detect() else { return };
        let bits = |word: Word| (u32::from(word), word.half(0), word.half(1));
        let words = [0x8001_7FFE, 0x0123_4567];
        let expected = [(0x8001_7FFE, 0x7FFE, 0x8001), (0x0123_4567, 0x4567, 0x0123)];
        assert_eq!(Features::pair(words[0], words[1]).map(bits), expected);
        assert_eq!(words.map(|word| bits(Features::word(token, &word))), expected);
    }
}

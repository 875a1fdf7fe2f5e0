//! AVX2: sixteen lanes in two registers.
//!
//! Measured on an AMD EPYC (Zen 4), 2026-11-23, f32, 16 Ki elements, p = 0.1, nanoseconds per
//! element, least of five runs, against the portable code compiled for the same feature: masks
//! 0.056 against 0.077, forward 0.104 against 0.149.
#![expect(clippy::indexing_slicing, reason = "indices are literals")]
#![expect(unsafe_code, reason = "intrinsics, by the proof that is `CpuToken` or a vector's value")]

use core::mem::transmute;

use super::registers::registers;
use super::x86::intrinsics::*;
use super::x86::{Calls, CpuToken, Vectors, stamp};
use crate::element::{FloatNumber, IntegerNumber, Number, Value};
use crate::kernel::apply::{BITS, BYTE_BITS, NARROW_BITS, WIDE_BITS};
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

kernels!(stamp Vector, "avx2,bmi2,f16c";);

/// AVX2, and F16C, which every processor with AVX2 has, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(unreachable_pub, reason = "nothing public names it where AVX-512 is forced")]
pub struct Features;

impl Vectors for Features {
    const REGISTER: usize = 32;

    type Word = u32;

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
}

/// Bit i of a word, in element i of 32.
// SAFETY: both are plain numbers; the compiler compares the sizes.
const EACH_BIT: [__m256i; 4] = unsafe { transmute(BITS) };
// SAFETY: as above.
const EACH_WIDE_BIT: [__m256i; 8] = unsafe { transmute(WIDE_BITS) };
/// Of half a word: both halves have the same.
// SAFETY: as above.
const EACH_NARROW_BIT: [__m256i; 2] = unsafe { transmute(NARROW_BITS) };
/// Of a byte: all four have the same.
// SAFETY: as above.
const EACH_BYTE_BIT: __m256i = unsafe { transmute(BYTE_BITS) };
/// Which byte of four stands in each element, as `pshufb` counts in half a register.
// SAFETY: as above.
const EACH_BYTE: __m256i = unsafe { transmute([[0u8; 8], [1; 8], [2; 8], [3; 8]]) };

// What the products need, as macros, and not functions: so it is inlined at every level, and stands in
// the `unsafe` of its caller.

/// [`Multiplier::product`] of 16 numbers, which saturates.
macro_rules! product {
    ($x:expr, $factor:expr) => {{
        let (x, s) = ($x, $factor);
        let [high, a, b] = s.in_pairs();
        // x * low, for pairs of x; and x * high + 1 * y.
        let lows = _mm256_set1_epi32(b << 16 | a);
        let factors = _mm256_set1_epi32(1 << 16 | high);
        let (round, shift) = (_mm256_set1_epi32(s.round), _mm_cvtsi32_si128(s.shift.into()));
        // Pairs of x and the upper half of the product with low, which is floor(x * low / 2^16).
        macro_rules! of {
            ($pairs:expr) => {{
                let (x, low) = ($pairs, _mm256_madd_epi16($pairs, lows));
                let sum = _mm256_madd_epi16(_mm256_blend_epi16::<0b1010_1010>(x, low), factors);
                _mm256_sra_epi32(_mm256_add_epi32(sum, round), shift)
            }};
        }
        let (a, b) = (_mm256_unpacklo_epi16(x, x), _mm256_unpackhi_epi16(x, x));
        _mm256_packs_epi32(of!(a), of!(b))
    }};
}

/// Thirty-two numbers, in the order in which `packs` puts them back.
macro_rules! widen_i8 {
    ($x:expr) => {{
        let x = $x;
        (
            _mm256_srai_epi16::<8>(_mm256_unpacklo_epi8(x, x)),
            _mm256_srai_epi16::<8>(_mm256_unpackhi_epi8(x, x)),
        )
    }};
}

/// x where `bits` are ones, else zero: their minimum. The compiler makes a masked store of an `and`, if
/// what is read is written back.
macro_rules! or_zero {
    ($x:expr, $bits:expr, $integer:ident, $float:ident) => {
        $float(_mm256_min_epu32($integer($x), $integer($bits)))
    };
}

/// x * s, or x * s + t.
#[cfg(feature = "half")]
macro_rules! linear {
    ($x:expr, $s:expr) => {
        _mm256_mul_ps($x, _mm256_set1_ps($s))
    };
    ($x:expr, $s:expr, $t:expr) => {
        _mm256_add_ps(_mm256_mul_ps($x, _mm256_set1_ps($s)), _mm256_set1_ps($t))
    };
}

#[cfg(feature = "half")]
macro_rules! widen_f16 {
    ($x:expr) => {{
        let x = $x;
        (
            _mm256_cvtph_ps(_mm256_castsi256_si128(x)),
            _mm256_cvtph_ps(_mm256_extracti128_si256::<1>(x)),
        )
    }};
}

/// The nearest, ties to even, whatever the processor's mode is.
#[cfg(feature = "half")]
macro_rules! narrow_f16 {
    ($low:expr, $high:expr) => {{
        const NEAREST: i32 = _MM_FROUND_TO_NEAREST_INT;
        _mm256_set_m128i(_mm256_cvtps_ph::<NEAREST>($high), _mm256_cvtps_ph::<NEAREST>($low))
    }};
}

/// Those at even places, and those at odd ones: so none changes its place.
#[cfg(feature = "half")]
macro_rules! widen_bf16 {
    ($x:expr) => {{
        let x = $x;
        (
            _mm256_castsi256_ps(_mm256_slli_epi32::<16>(x)),
            _mm256_castsi256_ps(_mm256_and_si256(x, _mm256_set1_epi32(!0xFFFF))),
        )
    }};
}

/// The nearest upper halves of all, ties to even. Halves are put together before they are rounded, so that
/// sixteen are at a time: from the lower half 1 is taken where the upper is even, and then its highest bit is
/// what the upper half grows by.
///
/// A NaN that came of a `bf16`, or of the processor, has zeros in its lower half, so that nothing makes
/// another number of it.
#[cfg(feature = "half")]
macro_rules! narrow_bf16 {
    ($even:expr, $odd:expr) => {{
        let (even, odd) = (_mm256_castps_si256($even), _mm256_castps_si256($odd));
        let upper = _mm256_blend_epi16::<0b1010_1010>(_mm256_srli_epi32::<16>(even), odd);
        let lower = _mm256_blend_epi16::<0b1010_1010>(even, _mm256_slli_epi32::<16>(odd));
        let is_even = _mm256_andnot_si256(upper, _mm256_set1_epi16(1));
        _mm256_add_epi16(upper, _mm256_srli_epi16::<15>(_mm256_subs_epu16(lower, is_even)))
    }};
}

registers! {
    CpuToken<Features>;

    => {
        [__m256; 4], 0 1 2 3;
        bits(word, i) _mm256_castsi256_ps(_mm256_cmpeq_epi32(
            _mm256_and_si256(_mm256_set1_epi32(word as i32), EACH_BIT[i as usize]),
            EACH_BIT[i as usize],
        ));
        select(x, bits, dropped) _mm256_blendv_ps(dropped, x, bits);
        or_zero(x, bits) or_zero!(x, bits, _mm256_castps_si256, _mm256_castsi256_ps);
        merge(x, bits, dropped) _mm256_or_ps(
            or_zero!(x, bits, _mm256_castps_si256, _mm256_castsi256_ps),
            _mm256_andnot_ps(bits, dropped),
        );
    }
    F32 of f32:
    times(x, s) _mm256_mul_ps(x, _mm256_set1_ps(s));
    times_plus(x, s, t) _mm256_add_ps(_mm256_mul_ps(x, _mm256_set1_ps(s)), _mm256_set1_ps(t));

    => {
        [__m256d; 8], 0 1 2 3 4 5 6 7;
        bits(word, i) _mm256_castsi256_pd(_mm256_cmpeq_epi64(
            _mm256_and_si256(_mm256_set1_epi64x(word.into()), EACH_WIDE_BIT[i as usize]),
            EACH_WIDE_BIT[i as usize],
        ));
        select(x, bits, dropped) _mm256_blendv_pd(dropped, x, bits);
        or_zero(x, bits) or_zero!(x, bits, _mm256_castpd_si256, _mm256_castsi256_pd);
        merge(x, bits, dropped) _mm256_or_pd(
            or_zero!(x, bits, _mm256_castpd_si256, _mm256_castsi256_pd),
            _mm256_andnot_pd(bits, dropped),
        );
    }
    F64 of f64:
    times(x, s) _mm256_mul_pd(x, _mm256_set1_pd(s));
    times_plus(x, s, t) _mm256_add_pd(_mm256_mul_pd(x, _mm256_set1_pd(s)), _mm256_set1_pd(t));

    => {
        [__m256i; 2], 0 1;
        bits(word, i) _mm256_cmpeq_epi16(
            _mm256_and_si256(_mm256_set1_epi16((word >> (16 * i)) as i16), EACH_NARROW_BIT[0]),
            EACH_NARROW_BIT[0],
        );
        select(x, bits, dropped) _mm256_blendv_epi8(dropped, x, bits);
        or_zero(x, bits) _mm256_and_si256(x, bits);
        merge(x, bits, dropped) _mm256_blendv_epi8(dropped, x, bits);
    }
    I16 of i16:
    times(x, s) product!(x, s);
    times_plus(x, s, zero) {
        let zero = _mm256_set1_epi16(zero);
        // A difference that saturates is one whose product does: there is no zero point but 0.
        _mm256_adds_epi16(product!(_mm256_subs_epi16(x, zero), s), zero)
    };
    #[cfg(feature = "half")]
    F16 of half::f16:
    times(x, s) {
        let (low, high) = widen_f16!(x);
        narrow_f16!(linear!(low, s), linear!(high, s))
    };
    times_plus(x, s, t) {
        let (low, high) = widen_f16!(x);
        narrow_f16!(linear!(low, s, t), linear!(high, s, t))
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

    => {
        [__m256i; 1], 0;
        bits(word, _i) _mm256_cmpeq_epi8(
            _mm256_and_si256(
                _mm256_shuffle_epi8(_mm256_set1_epi32(word as i32), EACH_BYTE),
                EACH_BYTE_BIT,
            ),
            EACH_BYTE_BIT,
        );
        select(x, bits, dropped) _mm256_blendv_epi8(dropped, x, bits);
        or_zero(x, bits) _mm256_and_si256(x, bits);
        merge(x, bits, dropped) _mm256_blendv_epi8(dropped, x, bits);
    }
    I8 of i8:
    times(x, s) {
        let (low, high) = widen_i8!(x);
        _mm256_packs_epi16(product!(low, s), product!(high, s))
    };
    times_plus(x, s, zero) {
        let zero = _mm256_set1_epi16(zero.into());
        let (low, high) = widen_i8!(x);
        let low = _mm256_adds_epi16(product!(_mm256_sub_epi16(low, zero), s), zero);
        let high = _mm256_adds_epi16(product!(_mm256_sub_epi16(high, zero), s), zero);
        _mm256_packs_epi16(low, high)
    };
}

/// The first eight lanes, for calls that use no more: a step of one register waits for less.
#[derive(Clone, Copy)]
pub(crate) struct Half(__m256i);

#[derive(Clone, Copy)]
pub(crate) struct Vector(Half, Half);

macro_rules! operations {
    ($($name:ident($a:ident $(, $b:ident)*) = $body:expr;)*) => {$(
        #[inline(always)]
        fn $name(self $(, $b: Self)*) -> Self {
            let $a = self.0;
            $(let $b = $b.0;)*
            // SAFETY: a value proves AVX2; no memory is touched.
            Self(unsafe { $body })
        }
    )*};
}

macro_rules! of_halves {
    ($($name:ident($($b:ident),*))*) => {$(
        #[inline(always)]
        fn $name(self $(, $b: Self)*) -> Self {
            Self(self.0.$name($($b.0),*), self.1.$name($($b.1),*))
        }
    )*};
}

impl Half {
    #[inline(always)]
    fn of(_: CpuToken<Features>, words: &[u32; LANES / 2]) -> Self {
        // SAFETY: `CpuToken` proves AVX2; the array has the 32 bytes that are read, at any
        // alignment.
        Self(unsafe { _mm256_loadu_si256(words.as_ptr().cast()) })
    }

    #[inline(always)]
    fn store_to(self, words: &mut [u32; LANES / 2]) {
        // SAFETY: a value proves AVX2; the array has the 32 bytes that are written, at any
        // alignment.
        unsafe { _mm256_storeu_si256(words.as_mut_ptr().cast(), self.0) }
    }

    operations! {
        or(a, b) = _mm256_or_si256(a, b);
    }
}

impl Wide for Half {
    type Proof = CpuToken<Features>;

    #[inline(always)]
    fn load(token: CpuToken<Features>, words: &[u32; LANES]) -> Self {
        Self::of(token, words.first_chunk().unwrap_or(&[0; LANES / 2]))
    }

    #[inline(always)]
    fn splat(_: CpuToken<Features>, word: u32) -> Self {
        // SAFETY: `CpuToken` proves AVX2; no memory is touched.
        Self(unsafe { _mm256_set1_epi32(word as i32) })
    }

    #[inline(always)]
    fn store(self, words: &mut [u32; LANES]) {
        if let Some(words) = words.first_chunk_mut() {
            self.store_to(words);
        }
    }

    #[inline(always)]
    fn any(self) -> bool {
        // SAFETY: a value proves AVX2; no memory is touched.
        unsafe { _mm256_testz_si256(self.0, self.0) == 0 }
    }

    operations! {
        add(a, b) = _mm256_add_epi32(a, b);
        and(a, b) = _mm256_and_si256(a, b);
        xor(a, b) = _mm256_xor_si256(a, b);
        negate(a) = _mm256_sub_epi32(_mm256_setzero_si256(), a);
        shift_left_9(a) = _mm256_slli_epi32::<9>(a);
        rotate_left_7(a) = _mm256_or_si256(_mm256_slli_epi32::<7>(a), _mm256_srli_epi32::<25>(a));
        rotate_left_11(a) = _mm256_or_si256(_mm256_slli_epi32::<11>(a), _mm256_srli_epi32::<21>(a));
        rotate_left_22(a) = _mm256_or_si256(_mm256_slli_epi32::<22>(a), _mm256_srli_epi32::<10>(a));
        shift_right_13(a) = _mm256_srli_epi32::<13>(a);
        shift_right_16(a) = _mm256_srli_epi32::<16>(a);
        times(a, b) = _mm256_mullo_epi32(a, b);
        or_and_not(a, b, c) = _mm256_or_si256(a, _mm256_andnot_si256(c, b));
        // r < low where the greater of the two is not r
        or_where_below(a, r, low, bits) = _mm256_or_si256(
            a,
            _mm256_andnot_si256(_mm256_cmpeq_epi32(_mm256_max_epu32(r, low), r), bits),
        );
        where_nonzero(a, lanes, other) =
            _mm256_blendv_epi8(a, other, _mm256_cmpeq_epi32(lanes, _mm256_setzero_si256()));
    }
}

impl Wide for Vector {
    type Proof = CpuToken<Features>;

    #[inline(always)]
    fn load(token: CpuToken<Features>, words: &[u32; LANES]) -> Self {
        match words.as_chunks().0 {
            [low, high] => Self(Half::of(token, low), Half::of(token, high)),
            _ => Self::splat(token, 0), // sixteen words are two halves
        }
    }

    #[inline(always)]
    fn splat(token: CpuToken<Features>, word: u32) -> Self {
        let half = Half::splat(token, word);
        Self(half, half)
    }

    #[inline(always)]
    fn store(self, words: &mut [u32; LANES]) {
        if let [low, high] = words.as_chunks_mut().0 {
            self.0.store_to(low);
            self.1.store_to(high);
        }
    }

    #[inline(always)]
    fn any(self) -> bool {
        self.0.or(self.1).any()
    }

    of_halves! {
        add(b) and(b) xor(b) negate() shift_left_9() rotate_left_7() rotate_left_11() rotate_left_22()
        shift_right_13() shift_right_16() times(b)
        or_and_not(b, c) or_where_below(r, low, bits) where_nonzero(lanes, other)
    }
}

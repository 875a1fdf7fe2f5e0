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
use super::x86::{CpuToken, Vectors, stamp};
use crate::element::{Number, Value};
use crate::kernel::apply::{BITS, WIDE_BITS};
use crate::kernel::matrix::{Bits, Pass};
use crate::kernel::op::{Op, Source, Sweep};
use crate::kernel::registers::{Registers, Vectored};
use crate::kernel::wide::Wide;
use crate::kernel::{self, kernels, pipeline};
use crate::key::MaskKey;
use crate::lanes::{LANES, Lanes};
use crate::layout::Layout;
use crate::rate::Planes;

kernels!(stamp Vector, self, "avx2";);

/// AVX2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(unreachable_pub, reason = "nothing public names it where AVX-512 is forced")]
pub struct Features;

impl Vectors for Features {
    type Vector = Vector;
    type F32 = F32;
    type F64 = F64;

    #[inline(always)]
    fn seed(lanes: &mut Lanes, key: MaskKey, count: usize) {
        lanes.seed::<{ LANES / 2 }>(key.words(), count);
    }

    #[inline(always)]
    fn draw_some(
        _: CpuToken<Self>,
        lanes: &mut Lanes,
        planes: Planes,
        count: usize,
    ) -> [u32; LANES] {
        // SAFETY: `CpuToken` proves the features that it is compiled for.
        unsafe { draw_some(lanes, planes, count) }
    }
}

/// Bit i of a word, in element i of 32.
// SAFETY: both are plain numbers; the compiler compares the sizes.
const EACH_BIT: [__m256i; 4] = unsafe { transmute(BITS) };
// SAFETY: as above.
const EACH_WIDE_BIT: [__m256i; 8] = unsafe { transmute(WIDE_BITS) };

registers! {
    CpuToken<Features>;

    F32: [__m256; 4] of f32, 0 1 2 3;
    _mm256_set1_ps, _mm256_mul_ps, _mm256_add_ps;
    bits(word, i) _mm256_castsi256_ps(_mm256_cmpeq_epi32(
        _mm256_and_si256(_mm256_set1_epi32(word as i32), EACH_BIT[i]),
        EACH_BIT[i],
    ));
    select(x, bits, dropped) _mm256_blendv_ps(dropped, x, bits);
    or_zero(x, bits) _mm256_and_ps(x, bits);

    F64: [__m256d; 8] of f64, 0 1 2 3 4 5 6 7;
    _mm256_set1_pd, _mm256_mul_pd, _mm256_add_pd;
    bits(word, i) _mm256_castsi256_pd(_mm256_cmpeq_epi64(
        _mm256_and_si256(_mm256_set1_epi64x(word.into()), EACH_WIDE_BIT[i]),
        EACH_WIDE_BIT[i],
    ));
    select(x, bits, dropped) _mm256_blendv_pd(dropped, x, bits);
    or_zero(x, bits) _mm256_and_pd(x, bits);
}

/// The first eight lanes, for calls that use no more: a step of one register waits for less.
#[derive(Clone, Copy)]
pub(super) struct Half(__m256i);

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
        add(b) and(b) xor(b) negate() shift_left_9() rotate_left_7() rotate_left_11()
        or_and_not(b, c) or_where_below(r, low, bits) where_nonzero(lanes, other)
    }
}

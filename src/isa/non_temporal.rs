//! Non-temporal stores, for outputs that no cache would hold: they spare the memory the read of
//! every line before it is written.
//!
//! Measured on an AMD EPYC (Zen 4, 32 MiB of L3), 2026-11-23, one core, f32, p = 0.1, from one
//! slice to another, nanoseconds per element, medians, plain stores against these. In brackets with
//! a pass after it that reads the output, which these stores leave to memory:
//!
//! | elements | 4 Mi | 8 Mi | 16 Mi |
//! |---|---|---|---|
//! | forward, AVX-512 | 0.212, 0.191 | 0.367, 0.254 (0.443, 0.386) | 0.328, 0.209 (0.449, 0.357) |
//! | backward, AVX-512 | 0.230, 0.199 | 0.342, 0.278 (0.430, 0.428) | 0.348, 0.242 (0.465, 0.394) |
//! | forward, AVX2 | 0.221, 0.188 | 0.322, 0.317 (0.528, 0.523) | 0.325, 0.222 (0.574, 0.455) |
//! | backward, AVX2 | 0.195, 0.182 | 0.325, 0.258 (0.497, 0.465) | 0.289, 0.238 (0.499, 0.415) |
//!
//! At 4 Mi with the reading pass they lose, by up to 0.04; so they begin at 8 Mi.
#![expect(unsafe_code, reason = "streaming stores are intrinsics")]

use core::mem::transmute_copy;

use super::x86::CpuToken;
use super::x86::intrinsics::{__m128, _mm_sfence, _mm_stream_ps};
use crate::element::Number;

/// Bytes of output from which on they pay.
const LARGE: usize = 32 << 20;

/// Whether they pay for this output of another slice than is read, and it is aligned to 16 bytes.
/// (In place every line is in a cache already when it is written.)
#[inline(always)]
pub(super) fn pay<T>(y: &[T]) -> bool {
    // One comparison is all that small calls pay.
    size_of_val(y) >= LARGE && is_aligned(y)
}

#[cold]
#[inline(never)]
fn is_aligned<T>(y: &[T]) -> bool {
    y.as_ptr().cast::<__m128>().is_aligned()
}

/// `*target = y`, past the caches where `target` is aligned to 16 bytes, which large blocks from
/// allocators are, and seldom to more. In the order of addresses, so that lines are written whole.
///
/// [`fence`] comes before anything else touches it: the kernels that store so end with one.
#[inline(always)]
pub(super) fn store<F, T: Number>(_: CpuToken<F>, y: [T; 32], target: &mut [T; 32]) {
    let aligned = target.as_mut_ptr().cast::<__m128>();
    if !aligned.is_aligned() {
        *target = y;
        return;
    }
    // SAFETY: an element is a plain number of 1, 2, 4 or 8 bytes, so `y` is one piece of memory
    // without gaps, of as many bytes as the target, of which each 16 are written once, and
    // which is aligned. (`transmute_copy` reads no more than `y` has: the pieces are of its
    // size.) The features of `F` include SSE.
    unsafe {
        match size_of::<T>() {
            1 => stream(transmute_copy::<_, [__m128; 2]>(&y), aligned),
            2 => stream(transmute_copy::<_, [__m128; 4]>(&y), aligned),
            4 => stream(transmute_copy::<_, [__m128; 8]>(&y), aligned),
            _ => stream(transmute_copy::<_, [__m128; 16]>(&y), aligned),
        }
    }
}

/// # Safety
///
/// The processor has SSE, and `N` vectors can be written from `target` on, which is aligned.
#[inline(always)]
unsafe fn stream<const N: usize>(y: [__m128; N], target: *mut __m128) {
    for (i, y) in y.into_iter().enumerate() {
        // SAFETY: the caller's.
        unsafe { _mm_stream_ps(target.add(i).cast(), y) }
    }
}

/// What comes after it in the program sees the stores before it, and is seen after them.
#[inline(always)]
pub(super) fn fence<F>(_: CpuToken<F>) {
    // SAFETY: the features of `F` include SSE.
    unsafe { _mm_sfence() }
}

//! Non-temporal stores, for outputs that no cache would hold: they spare the memory the read of every
//! line before it is written.
//!
//! Measured on an AMD EPYC (Zen 4, 32 MiB of L3), 2026-11-23, one core, f32, p = 0.1, from one slice to
//! another, nanoseconds an element, medians, plain stores against these. In brackets with a pass after
//! it that reads the output, which these stores leave to memory:
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

use crate::backend::Change;
use crate::backend::x86::intrinsics::{__m128, _mm_sfence, _mm_stream_ps};
use crate::element::Element;

/// Bytes of output from which on they pay.
const LARGE: usize = 32 << 20;

/// Whether they pay for this target, and it is aligned to 16 bytes, as [`NonTemporal::new`] asks. In place
/// every line is in a cache already when it is written.
#[inline(always)]
pub(in crate::backend) fn pays<T: Element, C: Change<T>>(target: &[T], _: C) -> bool {
    // One comparison is all that small calls pay.
    !C::IN_PLACE && size_of_val(target) >= LARGE && is_aligned(target)
}

#[cold]
#[inline(never)]
fn is_aligned<T>(target: &[T]) -> bool {
    target.as_ptr().cast::<__m128>().is_aligned()
}

/// How a kernel stores whole words' elements.
pub(in crate::backend) trait Stores: Copy {
    const NON_TEMPORAL: bool;

    /// `*target = y`.
    fn store<T: Element>(self, y: [T; 32], target: &mut [T; 32]);

    /// Ends a run of stores: what comes after it in the program sees them, and is seen after them.
    fn end(self);
}

/// As everywhere else.
#[derive(Clone, Copy)]
pub(in crate::backend) struct Plain;

impl Stores for Plain {
    const NON_TEMPORAL: bool = false;

    #[inline(always)]
    fn store<T: Element>(self, y: [T; 32], target: &mut [T; 32]) {
        *target = y;
    }

    #[inline(always)]
    fn end(self) {}
}

/// The proof that what is stored to can be stored to so.
#[derive(Clone, Copy)]
pub(in crate::backend) struct NonTemporal(());

impl NonTemporal {
    /// # Safety
    ///
    /// The processor has SSE. Every target of [`store`](Stores::store) by this value is aligned to 16 bytes,
    /// and [`end`](Stores::end) is called before anything else touches it.
    #[inline(always)]
    pub(in crate::backend) const unsafe fn new() -> Self {
        Self(())
    }
}

impl Stores for NonTemporal {
    const NON_TEMPORAL: bool = true;

    /// In the order of addresses, so that lines are written whole; by 16 bytes, which large blocks from
    /// allocators are aligned to, seldom to more.
    #[inline(always)]
    fn store<T: Element>(self, y: [T; 32], target: &mut [T; 32]) {
        let target = target.as_mut_ptr().cast::<__m128>();
        // SAFETY: elements are sealed to f32 and f64, told apart by their size, so `y` is plain numbers of the
        // size of the array that it is copied to, and so is the target, of which each 16 bytes are written
        // once. SSE, alignment and what follows are the promise that this value was made by.
        unsafe {
            if size_of::<T>() == 4 {
                let y: [__m128; 8] = transmute_copy(&y);
                for (i, y) in y.into_iter().enumerate() {
                    _mm_stream_ps(target.add(i).cast(), y);
                }
            } else {
                let y: [__m128; 16] = transmute_copy(&y);
                for (i, y) in y.into_iter().enumerate() {
                    _mm_stream_ps(target.add(i).cast(), y);
                }
            }
        }
    }

    #[inline(always)]
    fn end(self) {
        // SAFETY: this value was made where there is SSE.
        unsafe { _mm_sfence() }
    }
}

/// The kernels that write a target large enough. Not inlined: small calls would save registers for them.
macro_rules! stamp {
    ($vector:ty, $features:literal) => {
        /// [`apply`] by non-temporal stores.
        #[target_feature(enable = $features)]
        #[cold]
        #[inline(never)]
        fn apply_large<T: Element, C: Change<T>>(
            stores: NonTemporal,
            words: &[u32],
            target: &mut [T],
            change: C,
        ) {
            wide::kernels::apply::<$vector, T, C, _>(has(), stores, words, target, change);
        }

        /// [`fill_and_apply`] by non-temporal stores.
        #[target_feature(enable = $features)]
        #[cold]
        #[inline(never)]
        fn fill_and_apply_large<T: Element, C: Change<T>>(
            stores: NonTemporal,
            lanes: &mut Lanes,
            planes: Planes,
            words: &mut [u32],
            target: &mut [T],
            change: C,
        ) {
            wide::kernels::fill_and_apply::<$vector, T, C, _>(
                has(),
                stores,
                lanes,
                planes,
                words,
                target,
                change,
                |lanes, planes, count| draw_some(lanes, planes, count),
            );
        }
    };
}
pub(in crate::backend) use stamp;

//! Where tensors and masks lie: on a chip in arrays, elsewhere in allocations without an element to
//! spare, so that sanitizers see who reads or writes the one before the first or after the last.

#[cfg(not(target_os = "none"))]
use std::{boxed::Box, vec};

/// At most `N` elements.
#[cfg(target_os = "none")]
pub(super) struct Memory<T, const N: usize>([T; N]);

/// At most `N` elements.
#[cfg(not(target_os = "none"))]
pub(super) struct Memory<T, const N: usize>(Box<[T]>);

impl<T: Copy + Default, const N: usize> Memory<T, N> {
    #[cfg(target_os = "none")]
    pub(super) fn new() -> Self {
        Self([T::default(); N])
    }

    #[cfg(not(target_os = "none"))]
    pub(super) fn new() -> Self {
        Self([].into())
    }

    /// `n` elements: those of the last call if it was for as many, else any.
    #[cfg(target_os = "none")]
    pub(super) fn take(&mut self, n: usize) -> &mut [T] {
        &mut self.0[..n]
    }

    /// `n` elements: those of the last call if it was for as many, else any.
    #[cfg(not(target_os = "none"))]
    pub(super) fn take(&mut self, n: usize) -> &mut [T] {
        assert!(n <= N, "{n} elements, a chip has {N}");
        if self.0.len() != n {
            self.0 = vec![T::default(); n].into();
        }
        &mut self.0
    }
}

//! Slices that end where their allocation ends, so that AddressSanitizer sees whatever goes beyond.

use std::fmt::Debug;
use std::iter::zip;

use crate::support::number::{Number, same};

/// A slice at any offset from the start of its allocation; what lies before it must not change.
pub struct Exact<T> {
    buffer: Box<[T]>,
    offset: usize,
    guard: T,
}

impl<T: Copy> Exact<T> {
    pub fn new(content: &[T], offset: usize, guard: T) -> Self {
        let mut buffer = Vec::with_capacity(offset + content.len());
        buffer.resize(offset, guard);
        buffer.extend_from_slice(content);
        Self { buffer: buffer.into_boxed_slice(), offset, guard }
    }

    pub fn slice(&mut self) -> &mut [T] {
        &mut self.buffer[self.offset..]
    }

    /// Whether every guard is as it was, by `same`.
    pub fn intact(&self, same: impl Fn(T, T) -> bool) -> bool {
        self.buffer[..self.offset].iter().all(|guard| same(*guard, self.guard))
    }
}

/// Fails unless two slices are alike: by `same`, or to the bits of a NaN.
pub fn assert_alike<T: Number>(given: &[T], wanted: &[T], to_the_bit: bool, told: impl Debug) {
    assert_eq!(given.len(), wanted.len(), "{told:?}");
    // Without a branch for each element, which instrumentation makes slow: most slices are alike to the bit.
    let differ = zip(given, wanted).fold(0, |all, (a, b)| all | a.bits() ^ b.bits());
    if differ == 0 {
        return;
    }
    for (i, (a, b)) in zip(given, wanted).enumerate() {
        let alike = a.bits() == b.bits() || !to_the_bit && same(*a, *b);
        assert!(alike, "{told:?} element {i}: {a:?}, not {b:?}");
    }
}

//! What the benches share, with one another and with `peers`.

pub(crate) mod blocks;
pub(crate) mod floors;
pub(crate) mod multiversion;

use std::hint::black_box;

/// A slice that begins on a cache line, so that a run does not depend on the allocator, or some
/// elements after one; in memory that has been written before.
pub(crate) struct Aligned<T> {
    buffer: Vec<T>,
    start: usize,
    len: usize,
}

impl<T: Copy> Aligned<T> {
    pub(crate) fn new(value: T, len: usize) -> Self {
        Self::shifted(value, len, 0)
    }

    /// Begins `offset` elements after a cache line.
    pub(crate) fn shifted(value: T, len: usize, offset: usize) -> Self {
        // Zeros may come from the system untouched, and fault when they are first written.
        let mut buffer = vec![value; len + 64 + offset];
        black_box(&mut buffer).fill(value);
        let start = buffer.as_ptr().align_offset(64) + offset;
        Self { buffer, start, len }
    }

    pub(crate) fn slice(&mut self) -> &mut [T] {
        &mut self.buffer[self.start..self.start + self.len]
    }
}

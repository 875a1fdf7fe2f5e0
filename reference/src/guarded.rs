//! Slices that a kernel must not leave, at any offset from the allocation's start.

/// More than the widest block of a kernel writes.
const MARGIN: usize = 64;

/// A slice between guards.
pub struct Guarded<T> {
    buffer: Box<[T]>,
    start: usize,
    end: usize,
    guard: T,
}

impl<T: Copy> Guarded<T> {
    /// With guards on both sides.
    pub fn new(content: &[T], offset: usize, guard: T) -> Self {
        Self::between(content, MARGIN + offset, MARGIN, guard)
    }

    /// That ends where its allocation ends, so that AddressSanitizer sees what goes beyond.
    pub fn exact(content: &[T], offset: usize, guard: T) -> Self {
        Self::between(content, offset, 0, guard)
    }

    fn between(content: &[T], before: usize, after: usize, guard: T) -> Self {
        let (start, end) = (before, before + content.len());
        let mut buffer = Vec::with_capacity(end + after);
        buffer.resize(start, guard);
        buffer.extend_from_slice(content);
        buffer.resize(end + after, guard);
        Self { buffer: buffer.into_boxed_slice(), start, end, guard }
    }

    pub fn slice(&mut self) -> &mut [T] {
        &mut self.buffer[self.start..self.end]
    }

    /// Whether every guard is as it was, by `same`.
    pub fn intact(&self, same: impl Fn(T, T) -> bool) -> bool {
        let (before, after) = (&self.buffer[..self.start], &self.buffer[self.end..]);
        before.iter().chain(after).all(|g| same(*g, self.guard))
    }
}

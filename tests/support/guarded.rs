//! A slice between guards that a kernel must not touch, at any offset from the allocation's start.

/// More than the widest block of a kernel writes.
const MARGIN: usize = 64;

pub struct Guarded<T> {
    buffer: Vec<T>,
    start: usize,
    end: usize,
    guard: T,
}

impl<T: Copy> Guarded<T> {
    pub fn new(content: &[T], offset: usize, guard: T) -> Self {
        let start = MARGIN + offset;
        let end = start + content.len();
        let mut buffer = vec![guard; end + MARGIN];
        buffer[start..end].copy_from_slice(content);
        Self { buffer, start, end, guard }
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

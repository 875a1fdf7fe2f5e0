//! What the benches share.

/// A slice that begins on a cache line, so that a run does not depend on the allocator, in memory that
/// has been touched.
pub(crate) struct Aligned<T> {
    buffer: Vec<T>,
    start: usize,
    len: usize,
}

impl<T: Copy> Aligned<T> {
    pub(crate) fn new(value: T, len: usize) -> Self {
        let buffer = vec![value; len + 64];
        let start = buffer.as_ptr().align_offset(64);
        Self { buffer, start, len }
    }

    pub(crate) fn slice(&mut self) -> &mut [T] {
        &mut self.buffer[self.start..self.start + self.len]
    }
}

/// Multiplies in place, in the best vectors of this machine: the floor that everything is held against.
pub(crate) fn scale(x: &mut [f32], factor: f32) {
    #[inline(always)]
    fn body(x: &mut [f32], factor: f32) {
        for x in x {
            *x *= factor;
        }
    }
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx512f")]
        fn avx512(x: &mut [f32], factor: f32) {
            body(x, factor);
        }
        #[target_feature(enable = "avx2")]
        fn avx2(x: &mut [f32], factor: f32) {
            body(x, factor);
        }
        if is_x86_feature_detected!("avx512f") {
            // SAFETY: the processor has just been asked.
            return unsafe { avx512(x, factor) };
        }
        if is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has just been asked.
            return unsafe { avx2(x, factor) };
        }
    }
    body(x, factor);
}

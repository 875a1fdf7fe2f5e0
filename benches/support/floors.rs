//! What touching the memory costs, in the best vectors of this machine: the floors that everything
//! is held against.

use std::ops::Mul;

use super::multiversion::multiversion;

/// `f32` and `f64`.
pub(crate) trait Number: Copy + From<f32> + Mul<Output = Self> {}

impl Number for f32 {}
impl Number for f64 {}

multiversion! {
    /// Multiplies in place.
    pub(crate) fn scale<T: Number>(x: &mut [T], factor: T) {
        for x in x {
            *x = *x * factor;
        }
    }
}

multiversion! {
    /// Reads one slice and writes another.
    pub(crate) fn scale_to<T: Number>(x: &[T], y: &mut [T], factor: T) {
        for (y, &x) in y.iter_mut().zip(x) {
            *y = x * factor;
        }
    }
}

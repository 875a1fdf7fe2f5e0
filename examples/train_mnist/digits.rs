//! The data set: MNIST, or another of its format, read from a folder.

#[path = "../train_digits/set.rs"]
mod set;

pub(crate) use self::set::{CLASSES, Digits, shuffle};

/// Pixels of a digit, 28 x 28.
pub(crate) const PIXELS: usize = 784;

//! The network, and how it is trained.

#[path = "perceptron.rs"]
mod perceptron;

pub(crate) use self::perceptron::*;

/// Digits to a step.
pub(crate) const BATCH: usize = 32;
/// Units of a hidden layer.
pub(crate) const HIDDEN: usize = 256;
/// Of the first epoch.
pub(crate) const LEARNING_RATE: f32 = 0.1;
/// By which it is multiplied after each epoch.
pub(crate) const fn learning_rate_decay(_epochs: usize) -> f32 {
    0.98
}

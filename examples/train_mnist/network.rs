//! The network, and how it is trained.

#[path = "../train_digits/perceptron.rs"]
mod perceptron;

pub(crate) use self::perceptron::*;

/// Digits to a step.
pub(crate) const BATCH: usize = 100;
/// Units of a hidden layer.
pub(crate) const HIDDEN: usize = 512;
/// Of the first epoch. With 0.1, that of `train_digits`, dropout learns badly at first.
pub(crate) const LEARNING_RATE: f32 = 0.06;
/// By which it is multiplied after each epoch: it ends at 0.003, however long the training.
pub(crate) fn learning_rate_decay(epochs: usize) -> f32 {
    0.93_f32.powf(40.0 / epochs as f32)
}

//! Digits and their labels, of any size.

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::Rng;

use super::PIXELS;

/// Kinds of digit.
pub(crate) const CLASSES: usize = 10;

/// Digits and what they are.
#[derive(Default)]
pub(crate) struct Digits {
    /// Pixels from 0, paper, to 1, ink.
    pub(crate) pixels: Vec<[f32; PIXELS]>,
    /// The digit that each of them shows.
    pub(crate) labels: Vec<usize>,
}

impl Digits {
    /// How many.
    pub(crate) fn len(&self) -> usize {
        self.labels.len()
    }

    /// `train` of them at random to train on, and the others to test on.
    pub(crate) fn split(&self, train: usize, rng: &mut Xoshiro256PlusPlus) -> (Self, Self) {
        let mut order: Vec<_> = (0..self.len()).collect();
        shuffle(&mut order, rng);
        let (train, test) = order.split_at(train);
        (self.select(train), self.select(test))
    }

    /// Those at `indices`, in that order.
    pub(crate) fn select(&self, indices: &[usize]) -> Self {
        Self {
            pixels: indices.iter().map(|&i| self.pixels[i]).collect(),
            labels: indices.iter().map(|&i| self.labels[i]).collect(),
        }
    }
}

/// Fisher and Yates' shuffle.
pub(crate) fn shuffle(order: &mut [usize], rng: &mut Xoshiro256PlusPlus) {
    for last in (1..order.len()).rev() {
        // The high half of a product with a random fraction; its bias, n / 2^64, is nothing here.
        let pick = (u128::from(rng.next_u64()) * (last as u128 + 1)) >> 64;
        order.swap(last, pick as usize);
    }
}

//! The data set: 1797 handwritten digits of 8 x 8 pixels, embedded in the program.

use std::io::Read;

use flate2::read::GzDecoder;
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::Rng;

/// Pixels of a digit.
pub(crate) const PIXELS: usize = 64;
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
    /// All of them, in the order of the file.
    pub(crate) fn load() -> Self {
        let mut text = String::new();
        GzDecoder::new(include_bytes!("../data/digits.csv.gz").as_slice())
            .read_to_string(&mut text)
            .expect("the embedded file is gzip of text");
        let mut digits = Self::default();
        for line in text.lines() {
            let mut fields = line.split(',').map(|field| {
                field.parse::<u8>().expect("the embedded file holds integers of a byte")
            });
            let mut next = || fields.next().expect("a row has 64 pixels and a label");
            digits.pixels.push(std::array::from_fn(|_| f32::from(next()) / 16.0));
            digits.labels.push(next().into());
        }
        digits
    }

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

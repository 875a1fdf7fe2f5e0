//! The data set: 1797 handwritten digits of 8 x 8 pixels, embedded in the program.

#[path = "set.rs"]
mod set;

use std::io::Read;

use flate2::read::GzDecoder;

pub(crate) use self::set::{CLASSES, Digits, shuffle};

/// Pixels of a digit.
pub(crate) const PIXELS: usize = 64;

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
}

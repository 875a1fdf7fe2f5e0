//! Dropout by the textbook: the mask stream, the rules and every variant written a second time,
//! element by element, from their descriptions. It shares no code with the crate that is compared
//! with it.
//!
//! [`variant`] says how a variant is called and what it has to give; [`suite`] holds all of them to
//! that.

pub mod blocks;
pub mod cells;
pub mod gaussian;
pub mod guarded;
pub mod layouts;
pub mod moments;
pub mod noise;
pub mod number;
pub mod rules;
pub mod stream;
pub mod subject;
pub mod suite;
pub mod uniform;
pub mod variant;
pub mod variants;
pub mod vectors;
pub mod weights;

use dropout_kernels::DropRate;

/// Whether a part of the cases is enough, where machines are emulated: by `--cfg tests_few`, which
/// leaves out most variants too, or by `TESTS_FEW` in the environment.
pub fn few() -> bool {
    cfg!(tests_few) || std::env::var_os("TESTS_FEW").is_some()
}

/// Lengths around every size that a kernel treats apart: parts of a word that are registers of eight or
/// sixteen elements, a word, four words (below which lanes run singly), eight words, a block of 512, and several
/// blocks.
pub const LENGTHS: [usize; 32] = [
    0, 1, 7, 8, 9, 31, 32, 33, 47, 48, 57, 63, 64, 65, 127, 128, 129, 159, 160, 161, 255, 256, 257,
    480, 481, 511, 512, 513, 1023, 1024, 1025, 1567,
];

/// Drop probabilities of every class: 0 and what rounds to it, the least, one plane, several, ties
/// after eight planes, ties alone, near 1, and 1.
pub fn rates() -> impl Iterator<Item = DropRate> {
    const P: [f32; 20] = [
        0.0,
        -0.0,
        f32::MIN_POSITIVE,
        4.547_473_5e-13, // 2^-41, a tie that goes to 0
        9.094_947e-13,   // 2^-40
        1e-6,
        0.003,
        0.1,
        1.0 / 256.0,
        3.0 / 256.0,
        0.25,
        0.3,
        0.5,
        0.500_000_06,
        0.75,
        0.9,
        255.0 / 256.0,
        0.997,
        0.999_999_94, // 1 - 2^-24
        1.0,
    ];
    P.into_iter().map(|p| DropRate::new(p).expect("a probability"))
}

//! Trains a network on the device, three times from the same weights and in the same order: without
//! dropout, with dropout whose masks are stored, and with dropout whose masks are drawn twice. The
//! last two must end with the same bits, and all boards must print what the host prints. Then a
//! network of `i16` learns the same, without dropout and with the inverted rule.
//!
//! The accuracy after an epoch has a standard error of one point, and networks of other seeds
//! differ by as much: one run cannot tell what dropout gains. The example `train_digits` can.

pub mod digits;
pub mod integer;
pub mod network;

use core::fmt::Write;

use dropout_kernels::{Element, Mask};
use rand_xoshiro::{Xoshiro128PlusPlus, rand_core::SeedableRng};

use crate::board::{Console, Failure, Outcome, paint};
use digits::{CLASSES, Digit, PIXELS, Pixel, at, shuffle};
use integer::Integers;
use network::{HIDDEN, Masking, Masks, Network, PARAMETERS, Regulariser};

const TRAIN: usize = 300;
const TEST: usize = 400;
const EPOCHS: u32 = 24;
const LEARNING_RATE: f32 = 0.05;
/// After each epoch.
const LEARNING_RATE_DECAY: f32 = 0.9;
const SEED: u64 = 42;
/// Numbers that a step makes beside the weights.
const STEP_NUMBERS: usize = PIXELS + 2 * HIDDEN + 2 * CLASSES;
/// Bytes of stack that are painted: much of the boards' 64 KiB, and more than training takes.
const DEPTH: usize = 48 * 1024;

/// A network that learns from one digit at a time.
pub trait Learner: Sized {
    type Element: Element + Pixel;
    type Rate: Copy;

    const ZEROS: Self;
    /// The learning rate of the first epoch.
    const RATE: Self::Rate;

    /// The learning rate of the next one.
    fn decayed(rate: Self::Rate) -> Self::Rate;

    fn draw(&mut self, rng: &mut Xoshiro128PlusPlus);

    fn learn(
        &mut self,
        digit: Digit<Self::Element>,
        dropout: &mut impl Masking<Self::Element>,
        rate: Self::Rate,
    );

    fn recognise(&self, pixels: &[Self::Element; PIXELS]) -> usize;

    fn checksum(&self) -> u64;
}

/// Prints the accuracy after each epoch, and a checksum of the weights.
pub fn run(console: &mut Console) -> Outcome {
    every_way(console, EPOCHS)
}

/// Prints the RAM that training takes, by an epoch of each way; later ones call the same. The
/// network and the order of the digits stand on the stack, so that this is all, but for what a
/// program has in static memory.
pub fn ram(console: &mut Console) -> Outcome {
    let (stack, outcome) = paint::depth::<DEPTH, _, _>(|console| every_way(console, 1), console)?;
    outcome?;
    writeln!(
        console,
        "\nbytes of stack {stack}\nbytes of static memory {}",
        paint::static_memory()
    )?;
    Ok(())
}

fn every_way(console: &mut Console, epochs: u32) -> Outcome {
    writeln!(console, "% recognised of {TRAIN} digits to train on and of {TEST} others")?;
    train::<Network>(console, "without dropout", Masks::None, epochs)?;
    let stored = train::<Network>(console, "with dropout, masks stored", masks(), epochs)?;
    let replayed =
        train::<Network>(console, "with dropout, masks replayed", Masks::Replayed, epochs)?;
    train::<Integers>(console, "i16, without dropout", Masks::None, epochs)?;
    let integers = train::<Integers>(console, "i16, with dropout, masks stored", masks(), epochs)?;
    let again =
        train::<Integers>(console, "i16, with dropout, masks replayed", Masks::Replayed, epochs)?;
    if integers != again {
        return Err(Failure("replayed masks gave other weights than stored masks, in i16"));
    }
    writeln!(
        console,
        "\nbytes of weights, and of the activations and gradients of a step, sums apart\n\
         f32 {:5} {:4}\ni16 {:5} {:4}",
        size_of::<Network>(),
        STEP_NUMBERS * size_of::<f32>(),
        PARAMETERS * size_of::<i16>(),
        STEP_NUMBERS * size_of::<i16>(),
    )?;
    if stored == replayed {
        writeln!(console, "replayed masks gave the weights that stored masks gave")?;
        Ok(())
    } else {
        Err(Failure("replayed masks gave other weights than stored masks"))
    }
}

/// To be stored.
fn masks() -> Masks {
    Masks::Stored { input: Mask::new(), hidden: Mask::new() }
}

/// Trains a network, and returns the checksum of its weights.
fn train<N: Learner>(
    console: &mut Console,
    name: &str,
    masks: Masks,
    epochs: u32,
) -> Result<u64, Failure> {
    let mut rng = Xoshiro128PlusPlus::seed_from_u64(SEED);
    let mut order = digits::order();
    shuffle(&mut order, &mut rng);
    let (train, rest) = order.split_at_mut(TRAIN);
    let test = &rest[..TEST];
    let mut network = N::ZEROS;
    network.draw(&mut rng);
    let mut dropout = Regulariser::new(masks, SEED);
    let mut learning_rate = N::RATE;
    writeln!(console, "\n{name}\nepoch  training   test")?;
    for epoch in 1..=epochs {
        shuffle(train, &mut rng);
        for digit in at(train) {
            network.learn(digit, &mut dropout, learning_rate);
        }
        learning_rate = N::decayed(learning_rate);
        let [train, test] = [accuracy(&network, train), accuracy(&network, test)]
            .map(|tenths| (tenths / 10, tenths % 10));
        writeln!(console, "{epoch:5}   {:3}.{}   {:3}.{}", train.0, train.1, test.0, test.1)?;
    }
    let checksum = network.checksum();
    // In halves: printing a u64 takes divisions of a u64.
    writeln!(console, "weights {:08x}{:08x}", (checksum >> 32) as u32, checksum as u32)?;
    Ok(checksum)
}

/// Tenths of a percent, rounded down: 100.0 is all of them.
fn accuracy<N: Learner>(network: &N, order: &[u16]) -> u32 {
    let right = at(order).filter(|digit| network.recognise(&digit.pixels) == digit.label).count();
    (right * 1000 / order.len()) as u32
}

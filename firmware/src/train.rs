//! Trains a network on the device, three times from the same weights and in the same order: without
//! dropout, with dropout whose masks are stored, and with dropout whose masks are drawn twice. The
//! last two must end with the same bits, and all boards must print what the host prints.
//!
//! The accuracy after an epoch has a standard error of one point, and networks of other seeds
//! differ by as much: one run cannot tell what dropout gains. The example `train_digits` can.

pub mod digits;
pub mod network;

use core::fmt::Write;

use dropout_kernels::Mask;
use rand_xoshiro::{Xoshiro128PlusPlus, rand_core::SeedableRng};

use crate::board::{Console, Failure, Outcome, paint};
use digits::{at, shuffle};
use network::{Masks, Network, Regulariser};

const TRAIN: usize = 300;
const TEST: usize = 400;
const EPOCHS: u32 = 24;
const LEARNING_RATE: f32 = 0.05;
/// After each epoch.
const LEARNING_RATE_DECAY: f32 = 0.9;
const SEED: u64 = 42;
/// Bytes of stack that are painted: much of the boards' 64 KiB, and more than training takes.
const DEPTH: usize = 48 * 1024;

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
    train(console, "without dropout", Masks::None, epochs)?;
    let stored = Masks::Stored { input: Mask::new(), hidden: Mask::new() };
    let stored = train(console, "with dropout, masks stored", stored, epochs)?;
    let replayed = train(console, "with dropout, masks replayed", Masks::Replayed, epochs)?;
    if stored == replayed {
        writeln!(console, "replayed masks gave the weights that stored masks gave")?;
        Ok(())
    } else {
        Err(Failure("replayed masks gave other weights than stored masks"))
    }
}

/// Trains a network, and returns the checksum of its weights.
fn train(console: &mut Console, name: &str, masks: Masks, epochs: u32) -> Result<u64, Failure> {
    let mut rng = Xoshiro128PlusPlus::seed_from_u64(SEED);
    let mut order = digits::order();
    shuffle(&mut order, &mut rng);
    let (train, rest) = order.split_at_mut(TRAIN);
    let test = &rest[..TEST];
    let mut network = Network::ZEROS;
    network.draw(&mut rng);
    let mut dropout = Regulariser::new(masks, SEED);
    let mut learning_rate = LEARNING_RATE;
    writeln!(console, "\n{name}\nepoch  training   test")?;
    for epoch in 1..=epochs {
        shuffle(train, &mut rng);
        for digit in at(train) {
            network.learn(digit, &mut dropout, learning_rate);
        }
        learning_rate *= LEARNING_RATE_DECAY;
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
fn accuracy(network: &Network, order: &[u16]) -> u32 {
    let right = at(order).filter(|digit| network.recognise(&digit.pixels) == digit.label).count();
    (right * 1000 / order.len()) as u32
}

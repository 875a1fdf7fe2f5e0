//! Trains a network on a device whose power fails: in the middle of an epoch, and wherever it hurts
//! while a checkpoint is written. After each failure the device starts anew from what its flash
//! holds, and has to end with the weights of a device whose power never failed.
//!
//! Flash has two slots that checkpoints are written to in turn, so that a whole one stands until
//! the next is whole. A checkpoint is the step, the generator, the weights, and a check sum over
//! all of it, which is written last. The order of the digits and the learning rate follow from the
//! step.

mod flash;

use core::fmt::{self, Write};
use core::{array, iter};

use crc::{CRC_32_ISO_HDLC, Crc, NoTable};
use dropout_kernels::{MaskKey, MaskRng, StateError};
use rand_xoshiro::Xoshiro128PlusPlus;
use rand_xoshiro::rand_core::SeedableRng;

use crate::board::{Console, Failure, Outcome};
use crate::train::digits::{self, shuffle};
use crate::train::network::{Generator, Network, PARAMETERS};
use flash::{Flash, Lost, Power, Slot};

const SEED: u64 = 42;
const STEPS: u32 = 60;
/// Digits, each a step.
const EPOCH: usize = 24;
const LEARNING_RATE: f32 = 0.05;
/// After each epoch.
const LEARNING_RATE_DECAY: f32 = 0.9;

/// Steps from one checkpoint to the next, most of them in the middle of an epoch.
const EVERY: u32 = 16;
/// Words of a generator.
const GENERATOR: usize = MaskRng::CHECKPOINT_BYTES / 4;
/// Words of a checkpoint: the step, the generator, the weights, the check sum.
const WORDS: usize = 1 + GENERATOR + PARAMETERS + 1;
/// Half operations that a checkpoint takes: erasing, and each word.
const HALVES: u32 = 2 * (1 + WORDS as u32);

/// Without a table: it runs once in a checkpoint.
const CRC: Crc<u32, NoTable> = Crc::<u32, NoTable>::new(&CRC_32_ISO_HDLC);

/// A lane that draws no mask: for the order of the digits, a stream for each epoch, and for the
/// weights to start from, in the last stream.
const LANE: u32 = 16;

/// Random numbers that go with a key and are in no mask.
fn other(key: MaskKey) -> Xoshiro128PlusPlus {
    Xoshiro128PlusPlus::from_seed(key.lane_seed(LANE))
}

/// Where the power fails, and after how many halves of steps and of operations on flash: one number
/// a failure.
const FAILURES: [(&str, &[u32]); 13] = [
    ("before the first checkpoint", &[in_step(10)]),
    ("in the weights of the first checkpoint", &[in_checkpoint(1, WORDS as u32 / 2)]),
    ("in the middle of an epoch", &[in_step(41)]),
    ("in erasing", &[before_checkpoint(3) + 1]),
    ("before the first word", &[in_checkpoint(3, 0)]),
    ("in the first word", &[in_checkpoint(3, 0) + 1]),
    ("in the middle of the generator", &[in_checkpoint(3, 1 + GENERATOR as u32 / 2)]),
    ("before the weights", &[in_checkpoint(3, 1 + GENERATOR as u32)]),
    ("in the middle of the weights", &[in_checkpoint(3, WORDS as u32 / 2)]),
    ("before the last word", &[in_checkpoint(3, WORDS as u32 - 1)]),
    ("in the last word", &[in_checkpoint(3, WORDS as u32 - 1) + 1]),
    ("after the last word", &[in_checkpoint(3, WORDS as u32)]),
    (
        "in the weights, and after that start in the last word",
        // The second device goes on after checkpoint 2, so it has spent what the first one had not
        // before 3.
        &[
            in_checkpoint(3, WORDS as u32 / 2),
            in_checkpoint(3, WORDS as u32 - 1) + 1 - in_step(2 * EVERY),
        ],
    ),
];

/// The halves that are spent before a step, by a device that has not failed.
const fn in_step(step: u32) -> u32 {
    2 * step + step / EVERY * HALVES
}

/// The same before erasing for a checkpoint, counted from 1.
const fn before_checkpoint(number: u32) -> u32 {
    2 * number * EVERY + (number - 1) * HALVES
}

/// The same before a word of it.
const fn in_checkpoint(number: u32, word: u32) -> u32 {
    before_checkpoint(number) + 2 + 2 * word
}

/// Prints from where each device goes on, and the checksum of its weights.
pub fn run(console: &mut Console) -> Outcome {
    let mut device = Device { flash: Flash::NEW, network: Network::ZEROS };
    writeln!(console, "{STEPS} steps, a checkpoint of {} bytes every {EVERY}", 4 * WORDS)?;
    device
        .start(Power::endless(), &mut Nowhere)?
        .map_err(|Lost| Failure("power without end ended"))?;
    let expected = device.network.checksum();
    write_weights(console, "the power never fails", expected)?;

    for (place, powers) in FAILURES {
        writeln!(console, "\n{place}")?;
        let same = device.survive(powers, console)? == expected;
        write_weights(console, "  ends", device.network.checksum())?;
        if !same {
            return Err(Failure("other weights than without a failure"));
        }
    }
    everywhere(&mut device, console)?;
    without_generator(&mut device, expected, console)
}

/// What a device has. A network returned by value would be 10 KB twice on the stack.
struct Device {
    flash: Flash<WORDS>,
    network: Network,
}

impl Device {
    /// From new flash: starts again after each failure, the last time with power to the end.
    fn survive(&mut self, powers: &[u32], out: &mut impl Write) -> Result<u64, Failure> {
        self.flash = Flash::NEW;
        let failing = powers.iter().map(|halves| Power::of(*halves));
        for (starts, power) in failing.chain([Power::endless()]).enumerate() {
            let lasts = starts == powers.len();
            // The first start of a new device says nothing.
            let outcome = match starts {
                0 => self.start(power, &mut Nowhere)?,
                _ => self.start(power, out)?,
            };
            if outcome.is_ok() != lasts {
                return Err(Failure("the power failed at another time than it should"));
            }
        }
        Ok(self.network.checksum())
    }

    /// Starts the device, and trains to the last step if the power lasts.
    fn start(
        &mut self,
        mut power: Power,
        out: &mut impl Write,
    ) -> Result<Result<(), Lost>, Failure> {
        let (step, rng) = self.load(out)?;
        Ok(self.train(step, &mut Generator::new(rng), &mut power))
    }

    /// Where to go on, with the weights of that time: after the newest checkpoint, or at the
    /// beginning.
    fn load(&mut self, out: &mut impl Write) -> Result<(u32, MaskRng), Failure> {
        let Some(Checkpoint { step, rng, weights }) = newest(&self.flash, out)? else {
            writeln!(out, "  starts at the beginning")?;
            self.network = Network::ZEROS;
            self.network.draw(&mut other(MaskKey::new(SEED, u64::MAX)));
            return Ok((0, MaskRng::new(SEED, 0)));
        };
        writeln!(out, "  goes on after step {step}")?;
        for (to, bits) in self.network.parameters_mut().zip(weights) {
            *to = f32::from_bits(*bits);
        }
        Ok((step, rng))
    }

    fn train(&mut self, from: u32, dropout: &mut Generator, power: &mut Power) -> Result<(), Lost> {
        let (mut order, mut rate) = epoch(from);
        for step in from..STEPS {
            power.spend()?;
            let place = step as usize % EPOCH;
            if place == 0 {
                (order, rate) = epoch(step);
            }
            for digit in digits::at(order.get(place..=place).unwrap_or_default()) {
                self.network.learn(digit, dropout, rate);
            }
            if (step + 1).is_multiple_of(EVERY) {
                self.save(step + 1, &dropout.rng, power)?;
            }
        }
        Ok(())
    }

    /// Writes a checkpoint over the older one.
    fn save(&mut self, step: u32, rng: &MaskRng, power: &mut Power) -> Result<(), Lost> {
        let slot = if (step / EVERY).is_multiple_of(2) { Slot::B } else { Slot::A };
        let generator = rng.to_checkpoint();
        let generator = generator.as_chunks::<4>().0.iter().map(|word| u32::from_le_bytes(*word));
        let weights = self.network.parameters().map(f32::to_bits);
        let checked = iter::once(step).chain(generator).chain(weights);
        let sum = sum(checked.clone());
        self.flash.erase(slot, power)?;
        self.flash.program(slot, checked.chain([sum]), power)
    }
}

/// The order of the digits and the learning rate, in the epoch of a step.
fn epoch(step: u32) -> ([u16; EPOCH], f32) {
    let epoch = step / EPOCH as u32;
    let mut order = array::from_fn(|place| place as u16);
    shuffle(&mut order, &mut other(MaskKey::new(SEED, epoch.into())));
    (order, (0..epoch).fold(LEARNING_RATE, |rate, _| rate * LEARNING_RATE_DECAY))
}

/// What a slot holds.
struct Checkpoint<'a> {
    step: u32,
    rng: MaskRng,
    weights: &'a [u32],
}

/// Why it holds none.
enum Refused {
    Generator(StateError),
    Sum,
}

impl From<StateError> for Refused {
    fn from(error: StateError) -> Self {
        Self::Generator(error)
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Generator(error) => error.fmt(f),
            Self::Sum => f.write_str("the generator is whole, the rest is not"),
        }
    }
}

/// The newest checkpoint that is whole; says why others are not.
fn newest<'a>(
    flash: &'a Flash<WORDS>,
    out: &mut impl Write,
) -> Result<Option<Checkpoint<'a>>, fmt::Error> {
    let mut newest: Option<Checkpoint<'_>> = None;
    for (slot, words) in [Slot::A, Slot::B].into_iter().zip(flash.slots()) {
        match read(words) {
            Ok(found) if newest.as_ref().is_some_and(|newest| found.step < newest.step) => {}
            Ok(found) => newest = Some(found),
            Err(why) => writeln!(out, "  slot {slot:?}: {why}")?,
        }
    }
    Ok(newest)
}

fn read([checked @ .., last]: &[u32; WORDS]) -> Result<Checkpoint<'_>, Refused> {
    let [step, rest @ ..] = checked;
    let (generator, weights) = rest.split_first_chunk::<GENERATOR>().ok_or(Refused::Sum)?;
    let mut bytes = [0; MaskRng::CHECKPOINT_BYTES];
    for (bytes, word) in bytes.as_chunks_mut::<4>().0.iter_mut().zip(generator) {
        *bytes = word.to_le_bytes();
    }
    let rng = MaskRng::from_checkpoint(&bytes)?;
    if sum(checked.iter().copied()) != *last {
        return Err(Refused::Sum);
    }
    Ok(Checkpoint { step: *step, rng, weights })
}

fn sum(words: impl Iterator<Item = u32>) -> u32 {
    let mut digest = CRC.digest();
    words.for_each(|word| digest.update(&word.to_le_bytes()));
    digest.finalize()
}

/// At many more places of a checkpoint: the older one is there until the newer one is whole.
fn everywhere(device: &mut Device, console: &mut Console) -> Outcome {
    device.flash = Flash::NEW;
    let (from, rng) = device.load(&mut Nowhere)?;
    let mut dropout = Generator::new(rng);
    let (older, newer) = (2 * EVERY, 3 * EVERY);
    let failed = device.train(from, &mut dropout, &mut Power::of(before_checkpoint(3)));
    let mut places = 0;
    for halves in (0..HALVES - 1).step_by(97).chain([HALVES - 1, HALVES]) {
        let whole = device.save(newer, &dropout.rng, &mut Power::of(halves)).is_ok();
        let step = newest(&device.flash, &mut Nowhere)?.map(|found| found.step);
        if failed.is_ok()
            || whole != (halves == HALVES)
            || step != Some(if whole { newer } else { older })
        {
            return Err(Failure("neither the older checkpoint nor a newer one that is whole"));
        }
        places += 1;
    }
    writeln!(
        console,
        "\n{places} places in a checkpoint: the older one stands until the newer one is whole"
    )?;
    Ok(())
}

/// That the weights show a generator that does not go on where it stood.
fn without_generator(device: &mut Device, expected: u64, console: &mut Console) -> Outcome {
    device.flash = Flash::NEW;
    let failed = device.start(Power::of(in_step(41)), &mut Nowhere)?;
    let (step, _) = device.load(&mut Nowhere)?;
    let mut dropout = Generator::new(MaskRng::new(SEED, 0));
    let ended = device.train(step, &mut dropout, &mut Power::endless());
    if failed.is_ok() || ended.is_err() || device.network.checksum() == expected {
        return Err(Failure("a new generator gave the weights that the stored one gave"));
    }
    writeln!(console, "a new generator in place of the stored one gives other weights")?;
    Ok(())
}

fn write_weights(console: &mut Console, text: &str, checksum: u64) -> fmt::Result {
    // In halves: printing a u64 takes divisions of a u64.
    writeln!(console, "{text}: weights {:08x}{:08x}", (checksum >> 32) as u32, checksum as u32)
}

/// Where what nobody reads is printed.
struct Nowhere;

impl Write for Nowhere {
    fn write_str(&mut self, _: &str) -> fmt::Result {
        Ok(())
    }
}

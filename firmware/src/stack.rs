//! The worst stack of each entry point.
//!
//! A call that leaves its deepest words unwritten is seen smaller than it is; so each is made in
//! many ways, of which the worst counts.

use core::fmt::{self, Write};
use core::hint::black_box;

use dropout_kernels::{
    ConcreteDropout, DropBlock, DropConnect, DropHead, DropPath, DropRate, Dropout,
    EmbeddingDropout, EmbeddingNoise, Error, GaussianDropout, LayerDrop, Layout, LockedDropout,
    MaskMut, MaskRng, MaskTape, MonteCarlo, RateError, Schedule, Zoneout, drop_rate, mask_words,
};
use sizes::{Call, ENTRIES, Entry};

use crate::board::{Console, Failure, Outcome, paint};

/// More than a block of 512, and a rest.
const MOST: usize = 600;
/// Bytes that are painted.
const DEPTH: usize = 4096;
/// Bytes below which every call stays.
const GOAL: usize = 1024;

/// Prints the table, and fails where a call takes as much as the goal.
pub fn run(console: &mut Console) -> Outcome {
    let none = worst("nothing", |_| Ok(()))?;
    let known = worst("an array of 512 bytes", |_| {
        black_box([0x5Au8; 512]);
        Ok(())
    })?;
    writeln!(console, "# an empty function: {none}, one with an array of 512 bytes: {known}")?;
    if none > 16 || !(512..640).contains(&known) {
        return Err(Failure("the paint does not show the stack"));
    }
    let mut over = false;
    for &(name, entry) in ENTRIES {
        let bytes = worst(name, entry)?;
        writeln!(console, "{name} {bytes}")?;
        over |= bytes >= GOAL;
    }
    if over { Err(Failure("a call takes 1 KiB of stack or more")) } else { Ok(()) }
}

/// The deepest that `entry` goes, over rates of every kind, lengths and layouts.
fn worst(name: &str, entry: Entry) -> Result<usize, Failure> {
    let mut most = 0;
    for rate in [DropRate::ZERO, drop_rate!(0.1), drop_rate!(0.5), DropRate::ONE] {
        for (height, width) in [(1, 1), (10, 15)] {
            for channels_last in [false, true] {
                let one = one(name, entry, rate, [height, width], channels_last);
                most = most.max(one.map_err(|_| Failure("an entry point refused its call"))??);
            }
        }
    }
    Ok(most)
}

/// Calls `entry` with four maps of `extents`.
#[inline(never)]
fn one(
    name: &str,
    entry: Entry,
    rate: DropRate,
    extents: [usize; 2],
    channels_last: bool,
) -> Result<Result<usize, Failure>, Error> {
    let each = extents[0] * extents[1];
    let n = 4 * each;
    let mut floats = black_box([[1f32; MOST]; 7]);
    let mut doubles = black_box([1f64; MOST]);
    let (mut integers, mut bytes) = (black_box([1i16; MOST]), black_box([1i8; MOST]));
    let (mut words, mut groups) = (black_box([!0; mask_words(MOST)]), black_box([!0]));
    let mut inputs = black_box([1f32; MOST / 4]);
    let [x, y, z, sums @ ..] = &mut floats;
    let dropout = Dropout::new(rate);
    let certain = rate == DropRate::ONE;
    let never = rate == DropRate::ZERO;
    let mut call = Call {
        p: rate.p() as f32,
        seed: 42,
        stream: 7,
        rng: MaskRng::new(1, 2),
        x: &mut x[..n],
        y: &mut y[..n],
        z: &mut z[..n],
        doubles: &mut doubles[..n],
        words: &mut integers[..n],
        bytes: &mut bytes[..n],
        inputs: &mut inputs[..each],
        outputs: [1.0; 4],
        variances: [1.0; 4],
        mask: MaskMut::new(&mut words[..mask_words(n)], n)?,
        groups: MaskMut::new(&mut groups, 4)?,
        indices: [3, 0, 2, 2],
        dropout,
        classic: Dropout::classic(rate),
        zero_point: dropout.with_zero_point(-10),
        alpha: Dropout::alpha(rate),
        drop_key: Dropout::drop_key(rate),
        layout: match channels_last {
            false => Layout::channels_first(1, 4, &extents)?,
            true => Layout::channels_last(1, &extents, 4)?,
        },
        blocks: DropBlock::new(rate, 3, 1, 4, &extents)?,
        samples: DropBlock::new(rate, 3, 4, 1, &extents)?.per_sample(),
        extents: [1, 4, extents[0], extents[1]],
        locked: LockedDropout::new(dropout, n, [0; 20]),
        zoneout: Zoneout::new(rate),
        embedding: EmbeddingDropout::new(dropout, 4, each)?,
        noise: EmbeddingNoise::new(5.0, 4, each)?,
        path: DropPath::samples(dropout, 4, each)?,
        layers: LayerDrop::new(rate, 4),
        heads: match channels_last {
            false => DropHead::new(rate, 2, 2, each)?,
            true => DropHead::tokens_first(rate, 1, each, 4, 1)?,
        },
        weights: DropConnect::new(rate, 4, each)?,
        // Gaussian noise has no p of 1.
        gaussian: GaussianDropout::new(if certain { DropRate::ZERO } else { rate })?,
        // A rate that is learned is neither 0 nor 1.
        concrete: ConcreteDropout::new(if certain || never { 0.3 } else { rate.p() as f32 }, 0.1)?,
        logit: 0.0,
        passes: MonteCarlo::over(sums.each_mut().map(|sums| &mut sums[..n]))?,
        tape: MaskTape::new([0; 46]),
        schedule: Schedule::linear(DropRate::ZERO, rate, 100),
        step: 33,
        rate,
        error: Error::Rate(RateError::Negative { given: -0.5 }),
        out: &mut Nowhere,
    };
    let (bytes, outcome) = match paint::depth::<DEPTH, _, _>(entry, &mut call) {
        Ok(found) => found,
        Err(failure) => return Ok(Err(failure)),
    };
    // What is refused shows little of the stack; one refusal is as it should be.
    if !(certain && name == "gaussian_new") {
        outcome?;
    }
    black_box(&call.x);
    Ok(Ok(bytes))
}

/// Takes every text, and its length only.
struct Nowhere;

impl Write for Nowhere {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        black_box(text.len());
        Ok(())
    }
}

//! Instructions an element: each row beside a loop that multiplies, and beside a loop that draws a
//! number for each element, on the same machine.

use core::fmt::Write;
use core::hint::black_box;

use dropout_kernels::{
    DropBlock, DropRate, Dropout, Error, Layout, Mask, MaskKey, MaskRng, drop_rate, mask_words,
};
use rand_xoshiro::Xoshiro128PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

use crate::board::{Console, Failure, Outcome, counter};

const SIZES: [usize; 3] = [64, 128, 1024];
const RATES: [(&str, DropRate); 2] = [("0.1", drop_rate!(0.1)), ("0.5", drop_rate!(0.5))];

/// What is counted, in the order of [`rows`].
const ROWS: [&str; 13] = [
    "draw a mask",
    "forward, mask stored",
    "backward",
    "forward, replayed",
    "backward, replayed",
    "spatial forward, maps of 4 x 4",
    "spatial backward",
    "variational forward, 32 units",
    "variational backward",
    "DropBlock forward, 3 in 8 x 8",
    "DropBlock backward",
    "a generator (seed, stream)",
    "a loop over a generator's floats",
];

/// Prints the table.
pub fn run(console: &mut Console) -> Outcome {
    write!(console, "instructions an element, f32        ")?;
    line(console, SIZES.map(|n| n as u32 * 100))?;
    write!(console, "{:36}", "multiply by a constant")?;
    let mut scales = [0; SIZES.len()];
    for (scale, n) in scales.iter_mut().zip(SIZES) {
        let mut x = [1.0; 1024];
        let (x, s) = black_box((&mut x[..n], 1.1));
        *scale = hundredths(counter::instructions(|| multiply(x, s)), n);
    }
    line(console, scales)?;
    for (p, rate) in RATES {
        writeln!(console, "p = {p}")?;
        let mut table = [[0; ROWS.len()]; SIZES.len()];
        for (column, n) in table.iter_mut().zip(SIZES) {
            *column = rows(black_box(rate), black_box(n))?.map(|count| hundredths(count, n));
        }
        for (i, name) in ROWS.iter().enumerate() {
            write!(console, "  {name:34}")?;
            line(console, table.map(|column| column[i]))?;
        }
        let forward = table.map(|column| column[1]);
        write!(console, "  {:34}", "forward over multiply")?;
        let mut ratios = [0; SIZES.len()];
        for ((ratio, forward), scale) in ratios.iter_mut().zip(forward).zip(scales) {
            *ratio = (forward * 100 + scale / 2) / scale.max(1);
        }
        line(console, ratios)?;
    }
    Ok(())
}

fn line(console: &mut Console, hundredths: [u32; SIZES.len()]) -> Outcome {
    for h in hundredths {
        write!(console, "{:7}.{:02}", h / 100, h % 100)?;
    }
    Ok(writeln!(console)?)
}

fn hundredths(count: u32, n: usize) -> u32 {
    let n = n as u32;
    (count * 100 + n / 2) / n
}

#[inline(never)]
fn multiply(x: &mut [f32], s: f32) {
    for x in x {
        *x *= s;
    }
}

/// What a user would write: 24 bits of a generator as a number from 0 to 1.
#[inline(never)]
fn loop_over_floats(x: &mut [f32], p: f32, rng: &mut Xoshiro128PlusPlus) {
    let scale = 1.0 / (1.0 - p);
    for x in x {
        let u = (rng.next_u32() >> 8) as f32 * (1.0 / (1 << 24) as f32);
        *x = if u < p { 0.0 } else { *x * scale };
    }
}

/// Instructions of each row for `n` elements.
fn rows(rate: DropRate, n: usize) -> Result<[u32; ROWS.len()], Failure> {
    let mut all = [1f32; 1024];
    let x = black_box(&mut all).get_mut(..n).ok_or(Failure("a size above 1024"))?;
    let mut bits = Mask::<{ mask_words(1024) }>::new();
    let bits = black_box(&mut bits);
    let mut rng = MaskRng::new(42, 0);
    let (mut i, mut counts) = (0, [0; ROWS.len()]);
    macro_rules! count {
        ($work:expr) => {{
            let mut work = || -> Result<(), Error> { Ok($work) };
            let mut done = Ok(());
            counts[i] = counter::instructions(|| done = work());
            done?;
            i += 1;
        }};
    }

    let dropout = Dropout::new(rate);
    count!(rng.fill(rate, bits.view_mut(n)?));
    count!(dropout.forward_in_place(x, rng.draw(bits.view_mut(n)?))?);
    count!(dropout.backward_in_place(x, bits.view(n)?)?);
    count!(dropout.forward_in_place(x, MaskKey::new(black_box(42), black_box(7)))?);
    count!(dropout.backward_in_place(x, MaskKey::new(black_box(42), black_box(7)))?);

    for layout in [Layout::channels_first(1, n / 16, &[4, 4])?, Layout::time_major(n / 32, 1, 32)?]
    {
        let (over, m) = (dropout.over(layout), layout.mask_bits());
        count!(over.forward_in_place(x, rng.draw(bits.view_mut(m)?))?);
        count!(over.backward_in_place(x, bits.view(m)?)?);
    }

    let block = DropBlock::new(rate, 3, 1, n / 64, &[8, 8])?;
    count!(block.forward_in_place(x, rng.draw(bits.view_mut(n)?))?);
    count!(block.backward_in_place(x, bits.view(n)?)?);

    // Whose first word differs, so that comparing them shows no more than that there is one.
    let mut same = false;
    count!(same = MaskRng::new(black_box(42), black_box(1)) == rng);
    black_box(same);
    let mut floats = Xoshiro128PlusPlus::seed_from_u64(42);
    let p = black_box(rate.p() as f32);
    count!(loop_over_floats(x, p, &mut floats));
    black_box((x, rng));
    debug_assert_eq!(i, ROWS.len());
    Ok(counts)
}

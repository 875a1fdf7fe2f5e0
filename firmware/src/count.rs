//! Instructions an element: each row beside a loop that multiplies, and beside a loop that draws a
//! number for each element, on the same machine.

use core::fmt::Write;
use core::hint::black_box;

use dropout_kernels::{
    DropBlock, DropRate, Dropout, Element, Error, Integer, Layout, Mask, MaskKey, MaskRef, MaskRng,
    drop_rate, mask_words,
};
use rand_xoshiro::Xoshiro128PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

use crate::board::{Console, Failure, Outcome, counter};
use crate::train::Learner;
use crate::train::digits::{self, PIXELS};
use crate::train::integer::Integers;
use crate::train::network::{Generator, HIDDEN, Masking, Network};

const SIZES: [usize; 3] = [64, 128, 1024];
const RATES: [(&str, DropRate); 2] = [("0.1", drop_rate!(0.1)), ("0.5", drop_rate!(0.5))];

/// What is counted, in the order of [`rows`].
const ROWS: [&str; 24] = [
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
    "mask known: f32",
    "f32 from another slice",
    "i16 fold",
    "i16 fold from another slice",
    "i16 requantise",
    "i16 requantise from another slice",
    "i8 fold",
    "i8 fold from another slice",
    "i8 requantise",
    "i8 fold, a zero point",
    "i8 requantise, a zero point",
];

/// Of them, those of integers of one type.
const INTEGER_ROWS: usize = 4;

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
    writeln!(console, "a step of training, in thousands, and % of it dropout")?;
    step::<Network>(console, "network of f32")?;
    step::<Integers>(console, "network of i16")
}

/// Prints the instructions of a step of the program `train`, of the mean digit.
#[inline(never)]
fn step<N: Learner>(console: &mut Console, name: &str) -> Outcome {
    const DIGITS: u32 = 16;
    let mut network = N::ZEROS;
    network.draw(&mut Xoshiro128PlusPlus::seed_from_u64(42));
    let mut watch =
        Watch { dropout: Generator::new(MaskRng::new(42, 0)), last: 0, all: 0, part: 0 };
    for digit in digits::at(&digits::order()[..DIGITS as usize]) {
        watch.last = counter::now();
        network.learn(digit, &mut watch, N::RATE);
        watch.lap();
    }
    black_box(network.checksum());
    write!(console, "  {name:34}")?;
    let (thousands, share) = (watch.all / DIGITS / 10, watch.part * 100 / (watch.all / 100).max(1));
    writeln!(
        console,
        "{:7}.{:02}{:7}.{:02}",
        thousands / 100,
        thousands % 100,
        share / 100,
        share % 100
    )?;
    Ok(())
}

/// Dropout that counts its own instructions, and those between: a step as a whole is more than the
/// counter holds on Cortex-M0.
struct Watch {
    dropout: Generator,
    last: u32,
    all: u32,
    part: u32,
}

impl Watch {
    fn lap(&mut self) -> u32 {
        let lap = counter::elapsed(self.last);
        self.all += lap;
        self.last = counter::now();
        lap
    }
}

impl<T: Element> Masking<T> for Watch {
    fn input(&mut self, x: &mut [T; PIXELS]) {
        self.lap();
        self.dropout.input(x);
        self.part += self.lap();
    }

    fn hidden(&mut self, x: &mut [T; HIDDEN]) {
        self.lap();
        self.dropout.hidden(x);
        self.part += self.lap();
    }

    fn hidden_gradient(&mut self, dx: &mut [T; HIDDEN]) {
        self.lap();
        self.dropout.hidden_gradient(dx);
        self.part += self.lap();
    }

    fn next_step(&mut self) {
        self.lap();
        Masking::<T>::next_step(&mut self.dropout);
    }
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

    let mask = bits.view(n)?;
    let mut source = [1f32; 1024];
    let y = black_box(&mut source).get_mut(..n).ok_or(Failure("a size above 1024"))?;
    count!(dropout.forward_in_place(y, mask)?);
    y.fill(1.0);
    count!(dropout.forward(y, x, mask)?);
    let wide = integers(rate, mask, |k| (k as i16 - 512) * 31)?;
    let narrow = integers(rate, mask, |k| k as i8 / 2)?;
    let centred = about_a_zero_point(rate, mask)?;
    for count in wide.into_iter().chain(narrow.into_iter().take(3)).chain(centred) {
        counts[i] = count;
        i += 1;
    }
    black_box((x, y, rng));
    debug_assert_eq!(i, ROWS.len());
    Ok(counts)
}

/// Instructions of each row of integers of a type, by a known mask.
#[inline(never)]
fn integers<T: Integer>(
    rate: DropRate,
    mask: MaskRef<'_>,
    element: impl Fn(usize) -> T,
) -> Result<[u32; INTEGER_ROWS], Failure> {
    let (fold, requantise) = (Dropout::classic(rate), Dropout::new(rate));
    let (mut x, mut y) = ([T::ZERO; 1024], [T::ZERO; 1024]);
    let (x, y) = black_box((&mut x[..mask.len()], &mut y[..mask.len()]));
    let mut done = [Ok(()); INTEGER_ROWS];
    let [a, b, c, d] = &mut done;
    let fresh = |x: &mut [T]| x.iter_mut().enumerate().for_each(|(k, x)| *x = element(k));
    fresh(y);
    let counts = [
        counter::instructions(|| *a = fold.forward_in_place(y, mask)),
        {
            fresh(x);
            counter::instructions(|| *b = fold.forward(x, y, mask))
        },
        {
            fresh(y);
            counter::instructions(|| *c = requantise.forward_in_place(y, mask))
        },
        counter::instructions(|| *d = requantise.forward(x, y, mask)),
    ];
    black_box((x, y));
    done.into_iter().collect::<Result<(), _>>()?;
    Ok(counts)
}

/// The same of `i8` that code zero as another number, in place.
#[inline(never)]
fn about_a_zero_point(rate: DropRate, mask: MaskRef<'_>) -> Result<[u32; 2], Failure> {
    let mut x = [0i8; 1024];
    x.iter_mut().enumerate().for_each(|(k, x)| *x = k as i8 / 2);
    let (x, zero) = black_box((&mut x[..mask.len()], -10));
    let (fold, requantise) =
        (Dropout::classic(rate).with_zero_point(zero), Dropout::new(rate).with_zero_point(zero));
    let mut done = [Ok(()); 2];
    let [a, b] = &mut done;
    let counts = [
        counter::instructions(|| *a = fold.forward_in_place(x, mask)),
        counter::instructions(|| *b = requantise.forward_in_place(x, mask)),
    ];
    black_box(x);
    done.into_iter().collect::<Result<(), _>>()?;
    Ok(counts)
}

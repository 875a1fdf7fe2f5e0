//! Masks in the main loop and in an interrupt at once: from one generator in a lock, and from
//! streams of their own without one.

use core::cell::RefCell;
use core::fmt::Write;
use core::hint::black_box;
use core::sync::atomic::{AtomicU32, Ordering};

use critical_section::Mutex;
use dropout_kernels::{DropRate, Dropout, Mask, MaskKey, MaskRng, drop_rate, mask_words};

use crate::board::{Console, Failure, Outcome, counter, timer};

const SEED: u64 = 42;
const RATE: DropRate = drop_rate!(0.1);
const UNITS: usize = 64;
const DRAWS: usize = 1000;
/// Instructions from one interrupt to the next: more than the handler takes, on the slowest board.
const PERIOD: u32 = 20_000;

type Words = [u32; mask_words(UNITS)];

/// The generator that all draw from: no `unsafe`, no start-up code.
static RNG: Mutex<RefCell<MaskRng>> = Mutex::new(RefCell::new(MaskRng::new(SEED, 0)));

/// What was drawn, in the order in which it was drawn.
static LOG: Mutex<RefCell<Log>> = Mutex::new(RefCell::new(Log::EMPTY));

/// Interrupts so far, and the digest of what they drew from streams of their own. Only they write
/// it.
static TICKS: AtomicU32 = AtomicU32::new(0);
static OWN: AtomicU32 = AtomicU32::new(0);

struct Log {
    draws: usize,
    /// Draws of the interrupt.
    interrupts: usize,
    /// Draws that another context made than the one before.
    turns: usize,
    last: Context,
    words: [Words; DRAWS],
}

#[derive(Clone, Copy, PartialEq)]
enum Context {
    Main,
    Interrupt,
}

impl Log {
    const EMPTY: Self = Self {
        draws: 0,
        interrupts: 0,
        turns: 0,
        last: Context::Main,
        words: [[0; mask_words(UNITS)]; DRAWS],
    };

    /// Takes what `draw` draws; tells whether there was room.
    fn push(&mut self, context: Context, draw: impl FnOnce(&mut Words)) -> bool {
        let Some(words) = self.words.get_mut(self.draws) else { return false };
        draw(words);
        self.draws += 1;
        self.interrupts += usize::from(context == Context::Interrupt);
        self.turns += usize::from(context != self.last);
        self.last = context;
        true
    }
}

/// The next mask of the one generator, from either context; tells whether there was room to note
/// it.
fn draw(context: Context) -> bool {
    critical_section::with(|lock| {
        LOG.borrow_ref_mut(lock).push(context, |words| {
            let mut mask = Mask::new();
            if let (Ok(view), Ok(mut rng)) =
                (mask.view_mut(UNITS), RNG.borrow(lock).try_borrow_mut())
            {
                rng.fill(RATE, view);
            }
            *words = *mask.words();
        })
    })
}

/// A training step that drops by a stream of its own, and what of it is compared: no lock, no
/// static.
fn step(stream: u64, digest: u32) -> u32 {
    let mut x = [1f32; UNITS];
    let _fits = Dropout::new(RATE).forward_in_place(&mut x, MaskKey::new(SEED, stream));
    x.iter().fold(digest, |digest, x| (digest ^ x.to_bits()).wrapping_mul(0x0100_0193))
}

/// Streams of the interrupt and of the main loop, which share no number.
fn stream(context: Context, step: u32) -> u64 {
    1 + 2 * u64::from(step) + u64::from(context == Context::Interrupt)
}

fn tick() {
    draw(Context::Interrupt);
    let tick = TICKS.load(Ordering::Relaxed);
    let own = step(stream(Context::Interrupt, tick), OWN.load(Ordering::Relaxed));
    OWN.store(own, Ordering::Relaxed);
    TICKS.store(tick + 1, Ordering::Relaxed);
}

/// Lets both draw, and compares.
pub fn run(console: &mut Console) -> Outcome {
    timer::start(PERIOD, tick);
    let (mut steps, mut own) = (0, 0);
    while draw(Context::Main) {
        own = step(stream(Context::Main, steps), own);
        steps += 1;
        timer::here();
    }
    timer::stop();

    let (turns, interrupts) = critical_section::with(|lock| {
        let log = LOG.borrow_ref(lock);
        let mut alone = MaskRng::new(SEED, 0);
        for drawn in &log.words {
            let mut mask = Mask::new();
            alone.fill(RATE, mask.view_mut(UNITS).map_err(|_| Failure("a mask of 64 bits"))?);
            if mask.words() != drawn {
                return Err(Failure("a draw is not the next mask of the stream"));
            }
        }
        // Of one generator they differ, so that an order can be seen at all.
        if log.words.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(Failure("two draws in a row are equal"));
        }
        Ok((log.turns, log.interrupts))
    })?;
    let few = DRAWS / 20;
    if interrupts.min(DRAWS - interrupts).min(turns) < few {
        return Err(Failure("main loop and interrupt have not taken turns"));
    }
    writeln!(
        console,
        "one generator in a lock: {DRAWS} masks, of the main loop and an interrupt in turns,"
    )?;
    writeln!(console, "  are those of the stream, in order")?;

    let again = |context, steps| (0..steps).fold(0, |own, n| step(stream(context, n), own));
    let ticks = TICKS.load(Ordering::Relaxed);
    if again(Context::Main, steps) != own
        || again(Context::Interrupt, ticks) != OWN.load(Ordering::Relaxed)
    {
        return Err(Failure("a step of one context has changed one of the other"));
    }
    writeln!(
        console,
        "streams of their own without a lock: each context's steps come again, bit for bit"
    )?;
    Ok(())
}

/// Prints how long a draw from the one generator holds interrupts off.
pub fn lock(console: &mut Console) -> Outcome {
    writeln!(console, "instructions in the lock   p = 0.1   p = 0.5")?;
    let [nothing, _] = held::<0, 0>();
    writeln!(console, "{:24} {nothing:9}", "nothing drawn")?;
    for (elements, [tenth, half]) in [
        (64, held::<64, { mask_words(64) }>()),
        (512, held::<512, { mask_words(512) }>()),
        (1024, held::<1024, { mask_words(1024) }>()),
    ] {
        writeln!(console, "{elements:15} elements {tenth:9} {half:9}")?;
    }
    Ok(())
}

fn held<const N: usize, const W: usize>() -> [u32; 2] {
    let mut mask = Mask::<W>::new();
    [RATE, drop_rate!(0.5)].map(|rate| {
        let rate = black_box(rate);
        let with = counter::instructions(|| {
            critical_section::with(|lock| {
                if let (Ok(view), Ok(mut rng)) =
                    (mask.view_mut(N), RNG.borrow(lock).try_borrow_mut())
                {
                    rng.fill(rate, view);
                }
            });
        });
        with - counter::instructions(|| ())
    })
}

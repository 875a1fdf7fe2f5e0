//! Rounds: each runs every contender once, so that what drifts hits all alike.

use std::hint::black_box;
use std::time::{Duration, Instant};

use crate::contender::{Contender, Forward, Kind, check};
use crate::support::Aligned;

/// How long to measure.
pub(crate) struct Budget {
    pub(crate) rounds: usize,
    /// For one size and rate. Where it is spent sooner, there are fewer rounds.
    cell: Duration,
    /// Repetitions of a call make a sample at least so long, or the clock is measured.
    sample: Duration,
}

impl Budget {
    pub(crate) const FULL: Self =
        Self { rounds: 301, cell: Duration::from_secs(8), sample: Duration::from_micros(200) };
    /// To see that everything runs.
    pub(crate) const QUICK: Self =
        Self { rounds: 3, cell: Duration::from_millis(100), sample: Duration::from_micros(20) };
}

/// The figures at one size and rate.
pub(crate) struct Cell {
    pub(crate) n: usize,
    pub(crate) p: f32,
    pub(crate) rounds: usize,
    /// In the contenders' order.
    pub(crate) figures: Vec<Figure>,
}

/// Ns per element over the rounds.
pub(crate) struct Figure {
    pub(crate) median: f64,
    /// Far below the median if something else was running.
    pub(crate) fastest: f64,
}

/// A contender, ready.
struct Runner {
    forward: Forward,
    repetitions: u32,
    samples: Vec<f64>,
}

/// Measures all contenders at one size and rate.
pub(crate) fn cell(contenders: &[Contender], n: usize, p: f32, budget: &Budget) -> Cell {
    let mut x = Aligned::new(1f32, n);
    let mut runners: Vec<_> =
        contenders.iter().map(|c| Runner::new(c, x.slice(), p, budget)).collect();
    let start = Instant::now();
    let mut rounds = 0;
    while rounds < budget.rounds && (rounds < 3 || start.elapsed() < budget.cell) {
        // No contender always follows the same one's state of the caches.
        let turn = rounds % runners.len();
        let (late, early) = runners.split_at_mut(turn);
        for runner in early.iter_mut().chain(late) {
            runner.sample(x.slice());
        }
        rounds += 1;
    }
    Cell { n, p, rounds, figures: runners.into_iter().map(|r| figure(r.samples)).collect() }
}

impl Runner {
    fn new(contender: &Contender, x: &mut [f32], p: f32, budget: &Budget) -> Self {
        let mut forward = (contender.build)(x.len(), p);
        x.fill(1.0);
        forward(x);
        if contender.kind == Kind::InPlace {
            check(contender.name, x, p);
        }
        let once = time(&mut forward, x, 1).max(Duration::from_nanos(1));
        let repetitions = budget.sample.as_nanos().div_ceil(once.as_nanos());
        Self { forward, repetitions: repetitions as u32, samples: Vec::new() }
    }

    fn sample(&mut self, x: &mut [f32]) {
        // New ones: those of the last sample have been scaled to infinity or dropped. This also
        // brings the slice as near as its size lets it come.
        x.fill(1.0);
        let elements = x.len() as f64 * f64::from(self.repetitions);
        let elapsed = time(&mut self.forward, x, self.repetitions);
        self.samples.push(elapsed.as_nanos() as f64 / elements);
    }
}

fn time(forward: &mut Forward, x: &mut [f32], repetitions: u32) -> Duration {
    let start = Instant::now();
    for _ in 0..repetitions {
        forward(black_box(&mut *x));
    }
    start.elapsed()
}

fn figure(mut samples: Vec<f64>) -> Figure {
    samples.sort_by(f64::total_cmp);
    Figure { median: samples[samples.len() / 2], fastest: samples[0] }
}

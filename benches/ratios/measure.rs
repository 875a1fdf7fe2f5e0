//! The measurement: for each size, rounds in which every contender runs once, so that whatever else
//! the machine does falls on all alike; several times over all sizes, so that a bad second does not
//! fall on one of them; then the median of each.

use std::fmt::Write;
use std::time::Instant;

use dropout_kernels::Backend;

use crate::contenders::{self, Buffers, Contender};

/// Elements of f32: a small layer, in L1, in L2 (64 KiB and 512 KiB), in L3 or not, and far larger
/// than the caches.
pub const SIZES: [usize; 10] =
    [64, 256, 1 << 10, 1 << 12, 1 << 14, 1 << 17, 1 << 18, 1 << 20, 1 << 22, 1 << 24];
pub const L1: usize = 1 << 12;
pub const L2: usize = 1 << 17;
pub const MEMORY: usize = 1 << 24;

const PASSES: usize = 5;
const ROUNDS_A_PASS: usize = 7;
const ELEMENTS_A_SAMPLE: usize = 1 << 20;

/// The slices of a measurement.
#[derive(Clone, Copy, PartialEq)]
pub struct Slices {
    pub n: usize,
    /// Whether they begin an element after a cache line, so that vectors straddle two.
    pub misaligned: bool,
}

/// On a cache line.
pub const fn aligned(n: usize) -> Slices {
    Slices { n, misaligned: false }
}

pub const fn misaligned(n: usize) -> Slices {
    Slices { n, misaligned: true }
}

/// A median.
struct Row {
    kernel: &'static str,
    backend: Option<Backend>,
    p: Option<f32>,
    slices: Slices,
    nanoseconds: f64,
}

#[derive(Default)]
pub struct Table {
    rows: Vec<Row>,
}

impl Table {
    pub fn measure() -> Self {
        let mut contenders = contenders::all();
        contenders.extend(contenders::theirs());
        let places = SIZES.map(aligned).into_iter().chain([L1, L2].map(misaligned));
        let none = || vec![vec![]; contenders.len()];
        let mut measured: Vec<_> = places.map(|slices| (slices, none())).collect();
        for pass in 1..=PASSES {
            eprintln!("pass {pass} of {PASSES}");
            for (slices, samples) in &mut measured {
                add_rounds(*slices, &mut contenders, samples);
            }
        }
        let mut table = Self::default();
        for (slices, samples) in measured {
            table.rows.extend(contenders.iter().zip(samples).map(|(contender, samples)| Row {
                kernel: contender.name,
                backend: contender.backend,
                p: contender.p,
                slices,
                nanoseconds: median(samples),
            }));
        }
        table
    }

    /// Nanoseconds an element of one of ours.
    pub fn ours(&self, kernel: &str, backend: Backend, p: f32, slices: Slices) -> Option<f64> {
        self.get(kernel, Some(backend), Some(p), slices)
    }

    /// Nanoseconds an element. None if this machine has no such backend. Panics if there is no such
    /// kernel, or a misspelt goal would be one that was not measured.
    pub fn get(
        &self,
        kernel: &str,
        backend: Option<Backend>,
        p: Option<f32>,
        slices: Slices,
    ) -> Option<f64> {
        let mut rows = self.rows.iter().filter(|r| r.kernel == kernel).peekable();
        assert!(rows.peek().is_some(), "no contender is called {kernel}");
        let row = rows.find(|r| r.backend == backend && r.p == p && r.slices == slices)?;
        Some(row.nanoseconds)
    }

    pub fn csv(&self) -> String {
        let mut text = String::from("kernel,backend,p,elements,misaligned,ns_per_element\n");
        for Row { kernel, backend, p, slices: Slices { n, misaligned }, nanoseconds } in &self.rows
        {
            let backend = backend.map_or("", Backend::name);
            let p = p.map_or(String::new(), |p| p.to_string());
            writeln!(text, "{kernel},{backend},{p},{n},{misaligned},{nanoseconds:.5}")
                .expect("a String takes all");
        }
        text
    }
}

/// Adds a sample of each contender for each round.
fn add_rounds(slices: Slices, contenders: &mut [Contender<f32>], samples: &mut [Vec<f64>]) {
    let n = slices.n;
    let mut buffers = Buffers::new(n, slices.misaligned.into());
    // The size far beyond the caches takes its time.
    let rounds = if n > 1 << 22 { ROUNDS_A_PASS / 3 } else { ROUNDS_A_PASS };
    for round in 0..rounds {
        // No contender always follows the same one's state of the caches.
        for i in 0..contenders.len() {
            let i = (i + round) % contenders.len();
            let (contender, samples) = (&mut contenders[i], &mut samples[i]);
            // A slow one needs no long sample to be told from the clock.
            let slow = if contender.name == "naive" { 16 } else { 1 };
            let repeats = (ELEMENTS_A_SAMPLE / slow / n).max(1);
            // As many calls again before the clock starts find caches and predictors as they will
            // be.
            (0..repeats.min(1 + 4096 / n)).for_each(|_| (contender.run)(&mut buffers));
            let start = Instant::now();
            (0..repeats).for_each(|_| (contender.run)(&mut buffers));
            samples.push(start.elapsed().as_secs_f64() * 1e9 / (repeats * n) as f64);
        }
    }
}

pub fn median(mut samples: Vec<f64>) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples[samples.len() / 2]
}

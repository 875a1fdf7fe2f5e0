//! The measurement: for each size, rounds in which every contender runs once, so that whatever else
//! the machine does falls on all alike; then the median of each.

use std::fmt::Write;
use std::hint::black_box;
use std::time::Instant;

use dropout_kernels::{Backend, DropRate, Dropout, MaskMut, MaskRng, mask_words};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

use crate::support::{Aligned, scale};

/// Elements of f32: a small layer, in L1, in L2 (64 KiB and 512 KiB), in L3 or not, and far larger
/// than the caches.
pub const SIZES: [usize; 10] =
    [64, 256, 1 << 10, 1 << 12, 1 << 14, 1 << 17, 1 << 18, 1 << 20, 1 << 22, 1 << 24];
pub const RATES: [f32; 3] = [0.1, 0.25, 0.5];

const ROUNDS: usize = 15;
const ELEMENTS_A_SAMPLE: usize = 1 << 20;

/// What was run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    Scale,
    Memcpy,
    Naive,
    Fill,
    Forward,
    Backward,
    ForwardReplay,
    BackwardReplay,
    ForwardTo,
}

/// A median.
pub struct Row {
    pub kind: Kind,
    pub backend: Option<Backend>,
    pub p: Option<f32>,
    pub n: usize,
    pub nanoseconds: f64,
}

#[derive(Default)]
pub struct Table {
    pub rows: Vec<Row>,
}

impl Table {
    pub fn measure() -> Self {
        let mut table = Self::default();
        for n in SIZES {
            eprintln!("measuring {n} elements");
            measure_size(n, &mut table.rows);
        }
        table
    }

    /// Nanoseconds an element.
    pub fn get(
        &self,
        kind: Kind,
        backend: Option<Backend>,
        p: Option<f32>,
        n: usize,
    ) -> Option<f64> {
        let row = self
            .rows
            .iter()
            .find(|r| r.kind == kind && r.backend == backend && r.p == p && r.n == n)?;
        Some(row.nanoseconds)
    }

    pub fn csv(&self) -> String {
        let mut text = String::from("kernel,backend,p,elements,ns_per_element\n");
        for Row { kind, backend, p, n, nanoseconds } in &self.rows {
            let backend = backend.map_or("", Backend::name);
            let p = p.map_or(String::new(), |p| p.to_string());
            writeln!(text, "{kind:?},{backend},{p},{n},{nanoseconds:.5}")
                .expect("a String takes all");
        }
        text
    }
}

/// The buffers that contenders work on.
struct Buffers {
    x: Aligned<f32>,
    y: Aligned<f32>,
    words: Aligned<u32>,
    rng: MaskRng,
    small: SmallRng,
}

type Contender = Box<dyn Fn(&mut Buffers)>;

fn measure_size(n: usize, rows: &mut Vec<Row>) {
    let mut buffers = Buffers {
        x: Aligned::new(1.0, n),
        y: Aligned::new(1.0, n),
        words: Aligned::new(!0, mask_words(n)),
        rng: MaskRng::new(42, 0),
        small: SmallRng::seed_from_u64(42),
    };
    let contenders = contenders(n);
    let mut samples = vec![vec![]; contenders.len()];
    // The size far beyond the caches takes its time.
    let rounds = if n > 1 << 22 { ROUNDS / 2 } else { ROUNDS };
    for _ in 0..rounds {
        for ((kind, .., run), samples) in contenders.iter().zip(&mut samples) {
            // A slow one needs no long sample to be told from the clock.
            let slow = if *kind == Kind::Naive { 16 } else { 1 };
            let repeats = (ELEMENTS_A_SAMPLE / slow / n).max(1);
            // As many calls again before the clock starts find caches and predictors as they will be.
            (0..repeats.min(1 + 4096 / n)).for_each(|_| run(&mut buffers));
            let start = Instant::now();
            (0..repeats).for_each(|_| run(&mut buffers));
            samples.push(start.elapsed().as_secs_f64() * 1e9 / (repeats * n) as f64);
        }
    }
    for ((kind, backend, p, _), samples) in contenders.into_iter().zip(samples) {
        rows.push(Row { kind, backend, p, n, nanoseconds: median(samples) });
    }
}

fn median(mut samples: Vec<f64>) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples[samples.len() / 2]
}

fn contenders(n: usize) -> Vec<(Kind, Option<Backend>, Option<f32>, Contender)> {
    let mut all: Vec<(Kind, Option<Backend>, Option<f32>, Contender)> = vec![
        (Kind::Scale, None, None, Box::new(|b| scale(b.x.slice(), black_box(1.0)))),
        (
            Kind::Memcpy,
            None,
            None,
            Box::new(|b| black_box(b.y.slice()).copy_from_slice(black_box(b.x.slice()))),
        ),
    ];
    for p in RATES {
        all.push((Kind::Naive, None, Some(p), Box::new(move |b| naive(b, p))));
        for backend in Backend::available() {
            let dropout = dropout(p, backend);
            for (kind, run) in ours(n, dropout, backend) {
                all.push((kind, Some(backend), Some(p), run));
            }
        }
    }
    all
}

fn dropout(p: f32, backend: Backend) -> Dropout {
    Dropout::new(DropRate::new(p).expect("RATES are probabilities")).with_backend(backend)
}

fn ours(n: usize, dropout: Dropout, backend: Backend) -> [(Kind, Contender); 6] {
    let fits = "mask_words(n) words and n elements";
    macro_rules! mask {
        ($b:expr) => {
            MaskMut::new($b.words.slice(), n).expect(fits)
        };
    }
    [
        (Kind::Fill, Box::new(move |b| b.rng.fill_with(backend, dropout.rate(), mask!(b)))),
        (
            Kind::Forward,
            Box::new(move |b| {
                dropout.forward_in_place(black_box(b.x.slice()), mask!(b), &mut b.rng).expect(fits);
            }),
        ),
        (
            Kind::Backward,
            Box::new(move |b| {
                dropout.backward_in_place(black_box(b.x.slice()), mask!(b).as_ref()).expect(fits);
            }),
        ),
        (
            Kind::ForwardReplay,
            Box::new(move |b| {
                dropout.forward_replay_in_place(black_box(b.x.slice()), black_box(42), 0);
            }),
        ),
        (
            Kind::BackwardReplay,
            Box::new(move |b| {
                dropout.backward_replay_in_place(black_box(b.x.slice()), black_box(42), 0);
            }),
        ),
        (
            Kind::ForwardTo,
            Box::new(move |b| {
                dropout
                    .forward(b.x.slice(), black_box(b.y.slice()), mask!(b), &mut b.rng)
                    .expect(fits);
            }),
        ),
    ]
}

/// The loop that anyone would write.
fn naive(b: &mut Buffers, p: f32) {
    let scale = black_box(1.0 / (1.0 - p));
    for x in black_box(b.x.slice()) {
        *x = if b.small.random::<f32>() < p { 0.0 } else { *x * scale };
    }
}

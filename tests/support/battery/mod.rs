//! A battery of statistical tests of a mask stream, for `tests/statistics.rs` and the example
//! `mask_audit`.
//!
//! Every number that is compared with its law is a [`Test`] with a p-value, and all tests of a run
//! are judged together: by Bonferroni's rule a source fails if the smallest p-value of M is below
//! alpha / M, so a perfect one fails with probability alpha at most. (Holm's rule, which goes on
//! from there, fails the same sources.)
#![allow(dead_code, unreachable_pub, reason = "the test and the example use a part")]

mod across;
pub mod faults;
mod marginal;
mod neighbours;
mod rank;
mod sample;
mod shape;
pub mod tail;

use dropout_kernels::{DropRate, MaskMut, MaskRng};

/// What draws masks: the crate's generator, or one with a fault.
pub trait Source {
    fn new(seed: u64, stream: u64) -> Self;

    /// The next keep mask of `n` elements, in as many words as it needs, zeros past the end.
    fn fill(&mut self, rate: DropRate, words: &mut [u32], n: usize);
}

impl Source for MaskRng {
    fn new(seed: u64, stream: u64) -> Self {
        Self::new(seed, stream)
    }

    fn fill(&mut self, rate: DropRate, words: &mut [u32], n: usize) {
        Self::fill(self, rate, MaskMut::new(words, n).expect("the words of n elements"));
    }
}

/// How much is drawn, from where.
#[derive(Clone, Copy)]
pub struct Plan {
    pub rate: DropRate,
    pub seed: u64,
    /// Elements of the mask that most tests look at; a multiple of 512.
    pub elements: usize,
    /// Elements at each rate of the grid.
    pub grid: usize,
    /// Elements at the rates next to 0 and 1.
    pub extreme: usize,
}

/// A number compared with its law.
#[derive(Clone)]
pub struct Test {
    pub what: String,
    pub p: f64,
}

impl Test {
    fn new(what: impl Into<String>, p: f64) -> Self {
        Self { what: what.into(), p }
    }
}

/// Tests of one kind.
pub struct Family<S> {
    pub name: &'static str,
    pub what: &'static str,
    pub run: fn(&Plan) -> Vec<Test>,
    source: std::marker::PhantomData<S>,
}

/// The tests at the plan's rate.
pub fn at_rate<S: Source>() -> Vec<Family<S>> {
    vec![
        family("marginal", "elements dropped, enough to see 1 %", marginal::whole::<S>),
        family("positions", "by place in a block, bit, lane, word", marginal::positions::<S>),
        family("tails", "by place in a last, partial word", marginal::tails::<S>),
        family("lags", "pairs 1 to 1024 elements apart", neighbours::lags::<S>),
        family("lanes", "pairs of lanes, one block and the next", neighbours::lanes::<S>),
        family("masks", "a mask and the 16 after it", neighbours::masks::<S>),
        family("seeds", "a mask and those of neighbouring seeds", neighbours::seeds::<S>),
        family("streams", "the same of neighbouring streams", neighbours::streams::<S>),
        family("across", "first masks of names that are counted up", across::walks::<S>),
        family("counts", "drops in words, blocks, masks", shape::counts::<S>),
        family("gaps", "runs, and gaps between drops and keeps", shape::gaps::<S>),
        family("patterns", "8-bit patterns", shape::patterns::<S>),
    ]
}

/// The tests at rates of their own.
pub fn at_all_rates<S: Source>() -> Vec<Family<S>> {
    vec![
        family("grid", "dropped at k/256, beside it, 2^-j, 1 - 2^-j", marginal::grid::<S>),
        family("extremes", "dropped at 2^-40, kept at 1 - 2^-40", marginal::extremes::<S>),
        family("ties", "drops that ties decide, p = 2^-9, 1 - 2^-9", shape::ties::<S>),
        family("rank", "binary matrices at p = 1/2", rank::ranks::<S>),
    ]
}

fn family<S>(name: &'static str, what: &'static str, run: fn(&Plan) -> Vec<Test>) -> Family<S> {
    Family { name, what, run, source: std::marker::PhantomData }
}

/// All families of both.
pub fn run<S: Source>(plan: &Plan) -> Vec<Outcome> {
    let families = at_rate::<S>().into_iter().chain(at_all_rates());
    families.map(|family| Outcome::of(&family, plan)).collect()
}

/// The family of that name.
pub fn run_one<S: Source>(plan: &Plan, name: &str) -> Outcome {
    let mut families = at_rate::<S>().into_iter().chain(at_all_rates());
    Outcome::of(&families.find(|family| family.name == name).expect("a family's name"), plan)
}

/// What became of a family.
pub struct Outcome {
    pub name: &'static str,
    pub what: &'static str,
    pub tests: Vec<Test>,
}

impl Outcome {
    pub fn of<S>(family: &Family<S>, plan: &Plan) -> Self {
        Self { name: family.name, what: family.what, tests: (family.run)(plan) }
    }

    /// The test with the smallest p-value.
    pub fn worst(&self) -> Option<&Test> {
        self.tests.iter().min_by(|a, b| a.p.total_cmp(&b.p))
    }
}

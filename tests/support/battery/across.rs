//! Tests across names: the first masks of names that users count up, read as one long mask.

use super::neighbours::at_lags;
use super::sample::{BLOCK, Columns, draw, ones};
use super::shape::binomial_counts;
use super::tail::binomial;
use super::{Plan, Source, Test};

/// How names are counted up: name k of them, as (seed, stream).
type Walk = (&'static str, fn(u64, u64) -> (u64, u64));

/// The increment of `SplitMix64`, by which seeds are often derived from each other.
const G: u64 = 0x9E37_79B9_7F4A_7C15;

const WALKS: [Walk; 4] = [
    ("streams", |seed, k| (seed, k)),
    ("seeds", |seed, k| (seed.wrapping_add(k), 0)),
    ("seeds by G", |seed, k| (seed.wrapping_add(k.wrapping_mul(G)), 0)),
    // 64 chunks of each step
    ("step << 32 | chunk", |seed, k| (seed, ((k / 64) << 32) | (k % 64))),
];

/// Elements between two that are compared: up to four names.
const LAG: usize = 4 * BLOCK;

pub fn walks<S: Source>(plan: &Plan) -> Vec<Test> {
    WALKS.iter().flat_map(|walk| along::<S>(*walk, plan)).collect()
}

fn along<S: Source>((name, walk): Walk, plan: &Plan) -> Vec<Test> {
    let names = (plan.elements / BLOCK) as u64;
    let p = plan.rate.p();
    let mask = |k| {
        let (seed, stream) = walk(plan.seed, k);
        draw(&mut S::new(seed, stream), plan.rate, BLOCK)
    };
    let words: Vec<_> = (0..names).flat_map(mask).collect();

    // A lane that starts as a lane of a neighbour does is a whole number of words away.
    let mut tests = at_lags(&words, plan.elements, p, LAG);
    tests = tests.into_iter().skip(31).step_by(32).collect();
    let counts = binomial_counts(words.chunks(1).map(ones), 32, p);
    tests.extend(counts.map(|p| Test::new("drops in a word", p)));
    let counts = binomial_counts(words.chunks(BLOCK / 32).map(ones), BLOCK, p);
    tests.extend(counts.map(|p| Test::new("drops in a mask", p)));
    let lanes = (0..16).map(|l| words.iter().skip(l).step_by(16).map(|w| ones(&[*w])).sum());
    let place = |(l, dropped)| Test::new(format!("lane {l}"), binomial(dropped, 32 * names, p));
    tests.extend(lanes.enumerate().map(place));
    let mut columns = Columns::default();
    words.iter().for_each(|word| columns.add(*word));
    let place = |bit| Test::new(format!("bit {bit}"), binomial(columns.count(bit), 16 * names, p));
    tests.extend((0..32).map(place));

    for test in &mut tests {
        test.what = format!("{name}: {}", test.what);
    }
    tests
}

//! Tests that two elements are dropped independently: of one mask, of successive ones, of
//! neighbouring seeds.

use super::sample::{BLOCK, common, common_at_lags, draw, ones};
use super::tail::pairs;
use super::{Plan, Source, Test};

pub const LAGS: usize = 1024;

pub fn lags<S: Source>(plan: &Plan) -> Vec<Test> {
    let words = draw(&mut S::new(plan.seed, 5000), plan.rate, plan.elements);
    at_lags(&words, plan.elements, plan.rate.p(), LAGS)
}

/// Pairs 1 to `most` elements apart in `n` elements.
pub(super) fn at_lags(words: &[u32], n: usize, p: f64, most: usize) -> Vec<Test> {
    let all = ones(words);
    // Dropped among the first, and among the last, `lag` elements.
    let mut ends = (0, 0);
    let element = |i: usize| u64::from(words[i / 32] >> (i % 32) & 1);
    let both = common_at_lags(words, most);
    let test = |lag: usize| {
        ends = (ends.0 + element(lag - 1), ends.1 + element(n - lag));
        let p = pairs(both[lag], all - ends.1, all - ends.0, (n - lag) as u64, p);
        Test::new(format!("lag {lag}"), p)
    };
    (1..=most).map(test).collect()
}

/// Each lane against each other one of the same block, and against each of the next block.
pub fn lanes<S: Source>(plan: &Plan) -> Vec<Test> {
    let words = draw(&mut S::new(plan.seed, 6000), plan.rate, plan.elements);
    let lane = |l: usize| words.iter().skip(l).step_by(16).copied().collect::<Vec<_>>();
    let lanes: Vec<_> = (0..16).map(lane).collect();
    let mut tests = Vec::new();
    for (a, first) in lanes.iter().enumerate() {
        let same = lanes.iter().enumerate().skip(a + 1);
        tests.extend(same.map(|(b, second)| {
            Test::new(format!("lanes {a} and {b}"), masks_apart([(&first[..], &second[..])], plan))
        }));
        tests.extend(lanes.iter().enumerate().map(|(b, second)| {
            let p = masks_apart([(&first[..], &second[1..])], plan);
            Test::new(format!("lane {a} and {b} of the next block"), p)
        }));
    }
    tests
}

/// A test of pairs of masks of whole words, element by element, as far as the shorter of two goes.
fn masks_apart<'a>(masks: impl IntoIterator<Item = (&'a [u32], &'a [u32])>, plan: &Plan) -> f64 {
    let mut sum = [0; 4];
    for (a, b) in masks {
        let length = a.len().min(b.len());
        let (a, b) = (&a[..length], &b[..length]);
        let counts = [common(a, b), ones(a), ones(b), 32 * length as u64];
        for (sum, count) in sum.iter_mut().zip(counts) {
            *sum += count;
        }
    }
    let [both, first, second, m] = sum;
    pairs(both, first, second, m, plan.rate.p())
}

/// Masks of 992 elements from one generator, which leave it within a block.
pub fn masks<S: Source>(plan: &Plan) -> Vec<Test> {
    const N: usize = 992;
    let mut source = S::new(plan.seed, 7000);
    let masks: Vec<_> = (0..plan.elements / N).map(|_| draw(&mut source, plan.rate, N)).collect();
    let apart = |d| masks.iter().zip(&masks[d..]).map(|(a, b)| (&a[..], &b[..]));
    let test = |d| Test::new(format!("{d} masks apart"), masks_apart(apart(d), plan));
    (1..=16.min(masks.len() - 1)).map(test).collect()
}

pub fn seeds<S: Source>(plan: &Plan) -> Vec<Test> {
    changed(plan, |seed| S::new(seed, 0))
}

pub fn streams<S: Source>(plan: &Plan) -> Vec<Test> {
    changed(plan, |stream| S::new(plan.seed, stream))
}

/// Masks of numbers that differ by 1, or in one bit, at the same place and a word to either side.
fn changed<S: Source>(plan: &Plan, open: impl Fn(u64) -> S) -> Vec<Test> {
    const N: usize = 2 * BLOCK;
    let names = (plan.elements / 16 / N).max(1) as u64;
    let draw = |name| draw(&mut open(name), plan.rate, N);
    // Half of the numbers are small, as those of users; the others have all 64 bits.
    let name = |i: u64| if i.is_multiple_of(2) { i } else { i.wrapping_mul(0xD1B5_4A32_D192_ED03) };
    let originals: Vec<_> = (0..names).map(|i| draw(name(i))).collect();
    let mut tests = Vec::new();
    for change in 0..=64 {
        let (by, what): (&dyn Fn(u64) -> u64, _) = match change {
            64 => (&|name| name.wrapping_add(1), "+ 1".into()),
            bit => (&move |name| name ^ 1 << bit, format!("bit {bit}")),
        };
        let others: Vec<_> = (0..names).map(|i| draw(by(name(i)))).collect();
        for (a, b, place) in [(0, 0, "same"), (0, 1, "next"), (1, 0, "previous")] {
            let pairs = originals.iter().zip(&others).map(|(x, y)| (&x[a..], &y[b..]));
            tests.push(Test::new(format!("{what}, {place} word"), masks_apart(pairs, plan)));
        }
    }
    tests
}

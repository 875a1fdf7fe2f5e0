//! Tests of how many elements are dropped: in all, at each place, at each rate.

use dropout_kernels::DropRate;

use super::sample::{BLOCK, Columns, draw, ones};
use super::tail::binomial;
use super::{Plan, Source, Test};

/// Elements drawn at once where only their number is counted.
const CHUNK: usize = 1 << 18;

/// So many elements that a rate wrong by 1 % lies twelve standard deviations off: more than five
/// beyond what is refused among 10^5 tests at 10^-6. Below p = 0.02 that would take too long.
fn enough(p: f64) -> usize {
    ((1.44e6 * (1.0 - p) / p) as usize).min(1 << 26).next_multiple_of(BLOCK)
}

fn count<S: Source>(source: &mut S, rate: DropRate, n: usize) -> Test {
    let dropped = (0..n).step_by(CHUNK).map(|i| ones(&draw(source, rate, CHUNK.min(n - i)))).sum();
    Test::new(format!("{dropped} of {n} at {rate:?}"), binomial(dropped, n as u64, rate.p()))
}

pub fn whole<S: Source>(plan: &Plan) -> Vec<Test> {
    let n = enough(plan.rate.p()).max(plan.elements);
    vec![count(&mut S::new(plan.seed, 0), plan.rate, n)]
}

/// Every k/256, where planes end, and the rates beside it, where ties begin; 2^-j and 1 - 2^-j to j
/// = 20, of which so many elements are drawn that 32 of the rarer sort are expected. A stream of
/// its own for each.
pub fn grid<S: Source>(plan: &Plan) -> Vec<Test> {
    let beside =
        |k: u64| [-256, -1, 0, 1, 256].map(|d| ((k << 32).wrapping_add_signed(d), plan.grid));
    let powers = (1..=20).flat_map(|j| {
        let n = plan.grid.max(32 << j);
        [(1 << (40 - j), n), ((1 << 40) - (1 << (40 - j)), n)]
    });
    let grid = (1..256).flat_map(beside).chain(powers).zip(1..);
    grid.map(|((t, n), stream)| count(&mut S::new(plan.seed, stream), threshold(t), n)).collect()
}

/// The rates next to 0 and to 1, which no `f32` and no 32-bit threshold tells from them.
pub fn extremes<S: Source>(plan: &Plan) -> Vec<Test> {
    let rates = [(1, 2000), ((1 << 40) - 1, 2001)];
    let test = |(t, stream)| count(&mut S::new(plan.seed, stream), threshold(t), plan.extreme);
    rates.map(test).into()
}

pub(super) fn threshold(t: u64) -> DropRate {
    DropRate::from_threshold(t).expect("below 2^40")
}

/// Each of the 512 places of a block, each bit of the words, each lane, and each word of short
/// masks.
pub fn positions<S: Source>(plan: &Plan) -> Vec<Test> {
    const WORDS: usize = 64;
    let mut source = S::new(plan.seed, 3000);
    let mut places: [_; BLOCK / 32] = Default::default();
    let mut by_word = [0; WORDS];
    let masks = (plan.elements / (32 * WORDS)).max(1);
    for _ in 0..masks {
        let words = draw(&mut source, plan.rate, 32 * WORDS);
        for (w, &word) in words.iter().enumerate() {
            Columns::add(&mut places[w % 16], word);
            by_word[w] += u64::from(word.count_ones());
        }
    }
    let blocks = (masks * WORDS / 16) as u64;
    let count = |lane: usize, bit| places[lane].count(bit);
    let test = |what: String, count, n| Test::new(what, binomial(count, n, plan.rate.p()));
    let cells = (0..BLOCK).map(|i| test(format!("place {i}"), count(i / 32, i % 32), blocks));
    let bits = (0..32).map(|bit| {
        test(format!("bit {bit}"), (0..16).map(|lane| count(lane, bit)).sum(), 16 * blocks)
    });
    let lanes = (0..16).map(|lane| {
        test(format!("lane {lane}"), (0..32).map(|bit| count(lane, bit)).sum(), 32 * blocks)
    });
    let words = by_word.iter().enumerate();
    let words = words.map(|(w, &count)| test(format!("word {w}"), count, 32 * masks as u64));
    cells.chain(bits).chain(lanes).chain(words).collect()
}

/// Masks that end within a word: each of its elements is dropped at p, and nothing is set past the
/// end.
pub fn tails<S: Source>(plan: &Plan) -> Vec<Test> {
    let masks = (plan.elements / 2048).clamp(256, 1 << 16);
    let mut tests = Vec::new();
    for rest in 1..32 {
        let mut source = S::new(plan.seed, 4000 + rest as u64);
        let (mut columns, mut past) = (Columns::default(), 0);
        for i in 0..masks {
            let whole = i % 3; // words before the last
            let mut words = vec![0; whole + 1];
            source.fill(plan.rate, &mut words, 32 * whole + rest);
            let kept = words[whole];
            past |= kept >> rest;
            columns.add(!kept & ((1 << rest) - 1));
        }
        let place = |i| binomial(columns.count(i), masks as u64, plan.rate.p());
        tests.extend((0..rest).map(|i| Test::new(format!("element {i} of {rest}"), place(i))));
        tests.push(Test::new(format!("past {rest}"), f64::from(past == 0)));
    }
    tests
}

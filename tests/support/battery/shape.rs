//! Tests of the laws of whole words: how many are dropped, in what patterns, how far apart.

use super::marginal::threshold;
use super::neighbours::at_lags;
use super::sample::{BLOCK, draw, gaps as gaps_of, ones};
use super::tail::{binomial, binomial_term, chi_square, normal};
use super::{Plan, Source, Test};

/// Numbers of drops in words, in blocks and in masks against the binomial law. Masks of
/// neighbouring streams that agree with each other would spread too far, balanced ones not far
/// enough.
pub fn counts<S: Source>(plan: &Plan) -> Vec<Test> {
    const MASK: usize = 4096;
    let p = plan.rate.p();
    let words = draw(&mut S::new(plan.seed, 8000), plan.rate, plan.elements);
    let of_words = binomial_counts(words.chunks(1).map(ones), 32, p);
    let of_blocks = binomial_counts(words.chunks(BLOCK / 32).map(ones), BLOCK, p);
    let masks = (0..plan.elements as u64 / 1024)
        .map(|stream| ones(&draw(&mut S::new(plan.seed ^ 1, stream), plan.rate, MASK)));
    let of_masks = binomial_counts(masks, MASK, p);
    [("drops in a word", of_words), ("in a block", of_blocks), ("in masks of streams", of_masks)]
        .into_iter()
        .filter_map(|(what, p)| Some(Test::new(what, p?)))
        .collect()
}

/// Numbers of drops in `n` elements.
pub(super) fn binomial_counts(counts: impl Iterator<Item = u64>, n: usize, p: f64) -> Option<f64> {
    let mut cells = vec![0; n + 1];
    let mut total = 0.0;
    for count in counts {
        cells[count as usize] += 1;
        total += 1.0;
    }
    let law = (0..=n).map(|k| total * binomial_term(k as f64, n as f64, p));
    chi_square(cells.into_iter().zip(law))
}

/// The rates at which every drop, or every keep, is decided by a tie. Words of several show whether
/// the ties after the first are drawn as they should be: alone, and each by itself.
pub fn ties<S: Source>(plan: &Plan) -> Vec<Test> {
    let mut tests = Vec::new();
    let n = 4 * plan.elements;
    for (t, stream) in [(1 << 31, 9000), ((1 << 40) - (1 << 31), 9001), (1 << 30, 9002)] {
        let rate = threshold(t);
        let words = draw(&mut S::new(plan.seed, stream), rate, n);
        let p = rate.p();
        let counted = binomial_counts(words.chunks(1).map(ones), 32, p);
        tests.extend(counted.map(|p| Test::new(format!("drops in a word at {rate:?}"), p)));
        let in_one = at_lags(&words, n, p, 31).into_iter();
        tests.extend(in_one.map(|test| Test::new(format!("{} at {rate:?}", test.what), test.p)));
        // The word after one with several ties, in the same lane.
        let rare = |word: u32| if p < 0.5 { word } else { !word };
        let after = words.iter().zip(words.get(16..).unwrap_or(&[]));
        let after = after.filter(|(word, _)| rare(**word).count_ones() > 1).map(|(_, next)| *next);
        let after: Vec<_> = after.collect();
        let p = binomial(ones(&after), 32 * after.len() as u64, p);
        tests.push(Test::new(format!("words after two ties at {rate:?}"), p));
    }
    tests
}

/// The number of runs (Wald and Wolfowitz 1940), and the gaps between drops, and between keeps,
/// which are geometric, each alone and next to the one before.
pub fn gaps<S: Source>(plan: &Plan) -> Vec<Test> {
    let n = plan.elements as f64;
    let words = draw(&mut S::new(plan.seed, 10_000), plan.rate, plan.elements);
    let mut tests = Vec::new();

    let dropped = ones(&words) as f64;
    let expected = 2.0 * dropped * (n - dropped) / n + 1.0;
    if dropped.min(n - dropped).powi(2) / n > 1000.0 {
        let last = 0..words.len().saturating_sub(1);
        let within: u32 = words.iter().map(|word| ((word ^ word >> 1) << 1).count_ones()).sum();
        let between: u32 = last.map(|w| words[w] >> 31 ^ words[w + 1] & 1).sum();
        let runs = f64::from(1 + within + between);
        let variance = (expected - 1.0) * (expected - 2.0) / (n - 1.0);
        tests.push(Test::new("runs", normal((runs - expected) / variance.sqrt())));
    }
    for (symbol, p) in [(true, plan.rate.p()), (false, 1.0 - plan.rate.p())] {
        let name = if symbol { "gaps between drops" } else { "gaps between keeps" };
        let gaps: Vec<_> = gaps_of(&words, symbol).collect();
        let (alone, next) = (geometric(&gaps, p), successive(&gaps, p));
        tests.extend(alone.map(|p| Test::new(name, p)));
        tests.extend(next.map(|p| Test::new(format!("successive {name}"), p)));
    }
    tests
}

/// The probability that a gap is at least `length` where elements have its symbol with probability
/// `p`.
fn at_least(length: u64, p: f64) -> f64 {
    ((-p).ln_1p() * length as f64).exp()
}

/// Lengths in cells of equal width, one or 1/32 of the mean.
fn geometric(gaps: &[u64], p: f64) -> Option<f64> {
    let width = (1.0 / (32.0 * p)).ceil() as u64;
    let total = gaps.len() as f64;
    let mut cells = vec![0; (gaps.iter().max()? / width) as usize + 1];
    for gap in gaps {
        cells[(gap / width) as usize] += 1;
    }
    let last = cells.len() - 1;
    chi_square(cells.into_iter().enumerate().map(|(i, count)| {
        let (from, to) = (i as u64 * width, (i as u64 + 1) * width);
        let above = if i == last { 0.0 } else { at_least(to, p) };
        (count, total * (at_least(from, p) - above))
    }))
}

/// A gap and the next, each in one of up to eight classes that are as near to equally probable as
/// lengths allow.
fn successive(gaps: &[u64], p: f64) -> Option<f64> {
    let mut edges: Vec<u64> =
        (1..8).map(|i| ((f64::from(i) / 8.0).ln() / (-p).ln_1p()).round() as u64).collect();
    edges.retain(|edge| *edge > 0);
    edges.sort_unstable();
    edges.dedup();
    let k = edges.len() + 1;
    let class = |gap: &u64| edges.partition_point(|edge| edge <= gap);
    let edge = |i: usize| match i {
        0 => 1.0,
        i if i == k => 0.0,
        i => at_least(edges[i - 1], p),
    };
    let law = |i| edge(i) - edge(i + 1);
    let mut cells = vec![0; k * k];
    // Pairs that do not overlap are independent.
    let (pairs, _) = gaps.as_chunks::<2>();
    for [first, second] in pairs {
        cells[class(first) * k + class(second)] += 1;
    }
    let law = (0..k * k).map(|i| pairs.len() as f64 * law(i / k) * law(i % k));
    chi_square(cells.into_iter().zip(law))
}

/// The bytes of a mask, and those at each place of a word, against the product law.
pub fn patterns<S: Source>(plan: &Plan) -> Vec<Test> {
    let words = draw(&mut S::new(plan.seed, 11_000), plan.rate, plan.elements);
    let p = plan.rate.p();
    let mut cells = [[0u64; 256]; 4];
    for word in &words {
        for (cells, byte) in cells.iter_mut().zip(word.to_le_bytes()) {
            cells[usize::from(byte)] += 1;
        }
    }
    // The likeliest first, so that the rare ones are taken together.
    let law = |byte: usize| {
        let drops = byte.count_ones() as i32;
        p.powi(drops) * (1.0 - p).powi(8 - drops)
    };
    let mut order: Vec<_> = (0..256).collect();
    order.sort_by(|a, b| law(*b).total_cmp(&law(*a)));
    let all = std::array::from_fn(|byte| cells.iter().map(|cells| cells[byte]).sum());
    let test = |cells: &[u64; 256], what: String| {
        let total = cells.iter().sum::<u64>() as f64;
        let p = chi_square(order.iter().map(|byte| (cells[*byte], total * law(*byte))))?;
        Some(Test::new(what, p))
    };
    let places = cells.iter().enumerate().map(|(i, cells)| test(cells, format!("byte {i}")));
    places.chain([test(&all, "all bytes".into())]).flatten().collect()
}

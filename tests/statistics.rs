//! The masks are what they are said to be: each element dropped with probability p, independently.
//! Seeds are fixed, so the tests give the same answer every time; the false-alarm rate said of each
//! is the chance that a fair stream would have failed at the seed chosen.
//!
//! The battery, and the faults that it has to refuse, are described in docs/STATISTICS.md. It is
//! left out under emulation (`tests_only`), where `tests/stream.rs` shows that the bits are these
//! bits.

#[cfg(not(tests_only))]
#[path = "support/battery/mod.rs"]
mod battery;

use dropout_kernels::{DropRate, MaskMut, MaskRng, mask_words};

/// Two-sided 10^-6 of a normal distribution.
const LIMIT: f64 = 4.8916;

/// The dropped count of `n` elements at `rate` in standard deviations from `n * p`.
fn deviation(rate: DropRate, p: f64, n: usize, seed: u64) -> f64 {
    let mut words = vec![0; mask_words(n)];
    let mut mask = MaskMut::new(&mut words, n).expect("mask_words(n) words");
    MaskRng::new(seed, 0).fill(rate, mask.reborrow());
    let dropped = (n - mask.as_ref().count_kept()) as f64;
    (dropped - n as f64 * p) / (n as f64 * p * (1.0 - p)).sqrt()
}

/// So many elements that a rate wrong by 1 % lies nine standard deviations off: it is missed once
/// in 50,000 (4.1 deviations from the limit), and a right one fails once in a million.
fn enough(p: f64) -> usize {
    (810_000.0 * (1.0 - p) / p) as usize
}

const RATES: [f32; 10] = [0.02, 0.05, 0.1, 0.125, 0.2, 0.25, 0.3, 0.5, 0.75, 0.9];

#[test]
fn masks_drop_at_the_rate_p() {
    for p in RATES {
        let rate = DropRate::new(p).expect("a probability");
        for seed in [1, 0xDEAD_BEEF] {
            let z = deviation(rate, rate.p(), enough(rate.p()), seed);
            assert!(z.abs() < LIMIT, "p {p} seed {seed}: {z:.2} standard deviations");
        }
    }
}

/// The power of the test above: the same count refuses a p that is wrong by 1 %.
#[test]
fn a_rate_wrong_by_1_percent_would_be_seen() {
    for p in RATES {
        for factor in [0.99, 1.01] {
            let wrong = DropRate::new(p * factor).expect("a probability");
            let z = deviation(wrong, f64::from(p), enough(f64::from(p)), 1);
            assert!(z.abs() > LIMIT, "p {p} * {factor}: {z:.2} standard deviations");
        }
    }
}

/// Rates that eight bits cannot hold, of which the ties decide a third: 1/300 and 299/300. An error
/// of 1 % of the rarer outcome lies 4.7 standard deviations off.
#[test]
fn rates_between_eight_bit_thresholds_are_met() {
    for p in [1.0 / 300.0, 299.0 / 300.0] {
        let rate = DropRate::new(p).expect("a probability");
        let z = deviation(rate, rate.p(), 1 << 26, 7);
        assert!(z.abs() < LIMIT, "p {p}: {z:.2} standard deviations");
    }
}

/// Each of the 512 places of a block drops at p: chi-square with 512 degrees of freedom, whose
/// normal approximation by Wilson and Hilferty is good to a percent of the tail here. False alarm
/// 10^-6 a rate.
#[test]
fn every_lane_and_every_bit_drops_at_the_rate_p() {
    const BLOCKS: usize = 8192;
    for p in [0.1f32, 0.25, 0.5, 0.9] {
        let rate = DropRate::new(p).expect("a probability");
        let mut words = vec![0; 16 * BLOCKS];
        let mask = MaskMut::new(&mut words, 512 * BLOCKS).expect("16 words a block");
        MaskRng::new(3, 0).fill(rate, mask);
        let mut dropped = [0u32; 512];
        for block in words.chunks(16) {
            for (i, dropped) in dropped.iter_mut().enumerate() {
                *dropped += !block[i / 32] >> (i % 32) & 1;
            }
        }
        let (mean, variance) =
            (BLOCKS as f64 * rate.p(), BLOCKS as f64 * rate.p() * (1.0 - rate.p()));
        let chi: f64 = dropped.iter().map(|d| (f64::from(*d) - mean).powi(2) / variance).sum();
        let k = 2.0 / (9.0 * 512.0);
        let z = ((chi / 512.0).cbrt() - (1.0 - k)) / k.sqrt();
        assert!(z.abs() < LIMIT, "p {p}: chi-square {chi:.1} of 512");
    }
}

/// Streams of one seed, and seeds of one stream, drop at the rate p independently: the squared
/// deviations of their counts sum to chi-square with a degree of freedom for each. Too wide a
/// spread would be streams that agree with each other, too narrow a one streams that balance. False
/// alarm 2 * 10^-6 a rate.
#[test]
fn streams_and_seeds_drop_independently() {
    const MASKS: u64 = 10_000;
    const N: usize = 8192;
    for p in [0.1f32, 0.3, 0.5] {
        let rate = DropRate::new(p).expect("a probability");
        let variance = N as f64 * rate.p() * (1.0 - rate.p());
        for name in [|i| (42, i), |i| (i, 0)] as [fn(u64) -> (u64, u64); 2] {
            let mut words = [0; mask_words(N)];
            let (mut sum, mut squares) = (0.0, 0.0);
            for (seed, stream) in (0..MASKS).map(name) {
                let mut mask = MaskMut::new(&mut words, N).expect("mask_words(N) words");
                MaskRng::new(seed, stream).fill(rate, mask.reborrow());
                let dropped = (N - mask.as_ref().count_kept()) as f64;
                let z = (dropped - N as f64 * rate.p()) / variance.sqrt();
                sum += z;
                squares += z * z;
            }
            let n = MASKS as f64;
            let (mean, spread) = (sum / n.sqrt(), (squares - n) / (2.0 * n).sqrt());
            assert!(mean.abs() < LIMIT, "p {p}: mean off by {mean:.2} standard deviations");
            assert!(spread.abs() < LIMIT, "p {p}: spread off by {spread:.2} standard deviations");
        }
    }
}

#[cfg(not(tests_only))]
mod with_battery {
    use super::battery::faults::{Each, FAULTS, Sliced};
    use super::battery::tail::{binomial, chi_square, pairs};
    use super::battery::{Outcome, Plan, Source, at_all_rates, at_rate};
    use super::*;
    use rand_xoshiro::Xoshiro128PlusPlus;
    use statrs::distribution::{Binomial, DiscreteCDF};

    /// The chance that a perfect stream fails, and a bound on the number of tests that share it.
    const ALPHA: f64 = 1e-6;
    const TESTS: usize = 20_000;

    fn plan(p: f32) -> Plan {
        let rate = DropRate::new(p).expect("a probability");
        Plan { rate, seed: 20, elements: 1 << 19, grid: 1 << 14, extreme: 1 << 27 }
    }

    fn refused(outcome: &Outcome) -> bool {
        outcome.worst().is_some_and(|test| test.p < ALPHA / TESTS as f64)
    }

    #[test]
    fn the_battery_passes() {
        let mut tests = 0;
        let mut check = |outcome: &Outcome, p: f64| {
            tests += outcome.tests.len();
            let worst = outcome.worst().expect("a test");
            assert!(!refused(outcome), "p {p} {}: {} {:e}", outcome.name, worst.what, worst.p);
        };
        for p in [0.1, 0.3, 0.5, 1.0 / 512.0, 511.0 / 512.0] {
            let plan = plan(p);
            for family in at_rate::<MaskRng>() {
                check(&Outcome::of(&family, &plan), plan.rate.p());
            }
        }
        for family in at_all_rates::<MaskRng>() {
            check(&Outcome::of(&family, &plan(0.5)), 0.5);
        }
        assert!((TESTS / 2..TESTS).contains(&tests), "{tests} tests share the false-alarm rate");
    }

    /// Each by the tests that were made to see it, of the same size as the stream passes.
    #[test]
    fn the_battery_refuses_planted_faults() {
        for fault in &FAULTS {
            let outcome = (fault.run_one)(&plan(0.1), fault.family);
            let worst = outcome.worst().expect("a test");
            println!("{}: {} {:e}", fault.name, worst.what, worst.p);
            assert!(refused(&outcome), "{}: {} {:e}", fault.name, worst.what, worst.p);
        }
    }

    /// The p-values by laws that are known otherwise: sums of `statrs`, tables, and counts of all
    /// that can happen.
    #[test]
    fn p_values_are_right() {
        let near = |found: f64, expected: f64, by: f64| {
            assert!((found / expected - 1.0).abs() < by, "{found:e}, expected {expected:e}");
        };
        for (n, p) in [(1, 0.5), (10, 0.5), (100, 0.1), (1000, 1.0 / 512.0), (300, 0.9)] {
            let law = Binomial::new(p, n).expect("a law");
            for count in 0..=n {
                let (below, above) =
                    (law.cdf(count), if count == 0 { 1.0 } else { law.sf(count - 1) });
                let tail = if count as f64 <= n as f64 * p { below } else { above };
                if tail > 1e-12 {
                    near(binomial(count, n, p), (2.0 * tail).min(1.0), 1e-9);
                }
            }
        }
        // None where e^-64 have none, and the normal law where it holds.
        near(binomial(0, 1 << 40, 1.0 / (1u64 << 34) as f64), 2.0 * (-64f64).exp(), 1e-6);
        let (n, five_deviations) = (1 << 26, 5 << 12);
        near(binomial((n >> 1) + five_deviations, n, 0.5), 5.733e-7, 2e-3);
        // One degree of freedom at its table's 1 %: 6.6349.
        let off = (6.634_896_6f64 * 1e8 / 4.0).sqrt();
        let cells = |off: f64| [(5e7 + off) as u64, (5e7 - off) as u64].map(|cell| (cell, 5e7));
        near(chi_square(cells(off)).expect("two cells"), 0.02, 1e-3);
        // As many pairs as expected, and five standard deviations more of them.
        for (p, q) in [(0.25, 0.0625), (0.75, 0.5625)] {
            let m = 4_000_000f64;
            let (both, each) = ((m * q) as u64, (m * p) as u64);
            let off = 5.0 * m.sqrt() * p * (1.0 - p);
            assert!(pairs(both, each, each, m as u64, p) > 0.999);
            near(pairs(both + off as u64, each, each, m as u64, p), 5.733e-7, 1e-3);
        }
    }

    /// In version 1 of the stream 15 of 16 lanes of seed + 2 G were lanes of the seed. No two lanes
    /// of any names that a program counts up may start alike: the states of 4 million lanes
    /// differ, of 128 bits each.
    #[test]
    fn no_two_lanes_start_alike() {
        const G: u64 = 0x9E37_79B9_7F4A_7C15;
        const NAMES: u64 = 1 << 16;
        let mut starts = Vec::new();
        for k in 0..NAMES {
            for (seed, stream) in [(42, k), (k ^ 1 << 40, 0), (k.wrapping_mul(G), 1), (7, k << 32)]
            {
                let bytes = MaskRng::new(seed, stream).to_bytes();
                starts.extend(
                    bytes.as_chunks::<16>().0.iter().map(|lane| u128::from_le_bytes(*lane)),
                );
            }
        }
        starts.sort_unstable();
        assert!(starts.windows(2).all(|pair| pair[0] != pair[1]));
    }

    /// What the faults are made of is the stream, but for the fault.
    #[test]
    fn a_sliced_source_without_a_fault_is_the_stream() {
        for (p, n) in [(0.1, 5000), (0.25, 513), (1.0 / 512.0, 100_000), (0.997, 33)] {
            let rate = DropRate::new(p).expect("a probability");
            let (mut ours, mut sliced) = (vec![0; mask_words(n)], vec![0; mask_words(n)]);
            let mut source = <Sliced<Xoshiro128PlusPlus, Each> as Source>::new(1, 2);
            let mut rng = MaskRng::new(1, 2);
            for _ in 0..2 {
                Source::fill(&mut rng, rate, &mut ours, n);
                source.fill(rate, &mut sliced, n);
                assert_eq!(ours, sliced, "p {p}, n {n}");
            }
        }
    }
}

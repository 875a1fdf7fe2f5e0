//! The rate of the masks is p. Seeds are fixed, so the tests give the same answer every time; the
//! false-alarm rate said of each is the chance that a fair stream would have failed at the seed
//! chosen. It is a floor under every change, and not the whole battery.

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

/// Rates that eight bits cannot hold, of which the ties decide a third: 1/300 and 299/300. An error of
/// 1 % of the rarer outcome lies 4.7 standard deviations off.
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
/// deviations of their counts sum to chi-square with a degree of freedom for each. Too wide a spread
/// would be streams that agree with each other, too narrow a one streams that balance. False alarm
/// 2 * 10^-6 a rate.
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

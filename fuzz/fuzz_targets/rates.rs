#![no_main]
//! Any bits as a rate: an error exactly where there should be one, the nearest rate otherwise, and
//! what follows from it: scales, deviations, depths, schedules.

use arbitrary::Arbitrary;
use dropout_kernels::{DropRate, Dropout, GaussianDropout, RateError, Schedule};
use dropout_kernels_fuzz::reference::gaussian::deviation;
use dropout_kernels_fuzz::reference::stream::alpha;
use libfuzzer_sys::fuzz_target;

const ONE: u64 = 1 << 40;

#[derive(Arbitrary, Debug)]
struct Input {
    bits: u32,
    ratio: (u32, u32),
    thresholds: [u64; 2],
    steps: u32,
    at: [u32; 2],
}

fuzz_target!(|input: Input| {
    let Input { bits, ratio: (numerator, denominator), thresholds, steps, at } = input;
    let p = f32::from_bits(bits);
    match DropRate::new(p) {
        Ok(rate) => {
            assert!((0.0..=1.0).contains(&p));
            let nearest = (f64::from(p) * ONE as f64).round_ties_even();
            assert_eq!(rate.threshold() as f64, nearest);
            follow(rate);
        }
        Err(_) => assert!(!(0.0..=1.0).contains(&p)),
    }
    match DropRate::from_ratio(numerator, denominator) {
        Ok(rate) => {
            check_share(DropRate::ONE, numerator, denominator, rate);
            follow(rate);
        }
        Err(_) => assert!(denominator == 0 || numerator > denominator),
    }
    for threshold in thresholds {
        match DropRate::from_threshold(threshold) {
            Ok(rate) => {
                assert_eq!(rate.threshold(), threshold);
                follow(rate);
            }
            Err(_) => assert!(threshold > ONE),
        }
    }
    let rates = thresholds.map(|t| DropRate::from_threshold(t % (ONE + 1)).expect("at most 2^40"));
    match rates[0].at_depth(numerator, denominator) {
        Ok(rate) => check_share(rates[0], numerator, denominator, rate),
        Err(_) => assert!(denominator == 0 || numerator > denominator),
    }
    schedule(rates, steps, at);
});

/// `rate` is the nearest to `numerator` / `denominator` of `whole`.
fn check_share(whole: DropRate, numerator: u32, denominator: u32, rate: DropRate) {
    let exact = u128::from(numerator) * u128::from(whole.threshold());
    let error = (u128::from(rate.threshold()) * u128::from(denominator)).abs_diff(exact);
    assert!(numerator <= denominator && 2 * error <= u128::from(denominator));
}

/// What follows from a rate.
fn follow(rate: DropRate) {
    let (t, kept) = (rate.threshold(), ONE - rate.threshold());
    assert_eq!(rate.p(), t as f64 / ONE as f64);
    let scale = if kept == 0 { 0.0 } else { ONE as f64 / kept as f64 };
    assert_eq!((rate.scale(), rate.scale_f32()), (scale, scale as f32));
    let rule = Dropout::alpha(rate).rule();
    let constants = [rule.scale(), rule.shift(), rule.dropped()];
    assert_eq!(constants.map(f64::to_bits), alpha(t).map(f64::to_bits));
    match GaussianDropout::new(rate) {
        Ok(noise) => assert_eq!(noise.std_dev(), deviation(rate)),
        Err(error) => assert!(error == RateError::One && kept == 0),
    }
}

/// Two steps of each schedule: each against its formula, and neither turns back.
fn schedule([from, to]: [DropRate; 2], steps: u32, mut at: [u32; 2]) {
    at.sort_unstable();
    let ends = |step| if step < steps { (from, DropRate::ZERO) } else { (DropRate::ZERO, from) };
    let line = Schedule::linear(from, to, steps);
    let curriculum = Schedule::curriculum(from, steps);
    for step in at {
        let at_step =
            (Schedule::early(from, steps).rate(step), Schedule::late(from, steps).rate(step));
        assert_eq!(at_step, ends(step));

        let given = i128::from(line.rate(step).threshold());
        let [a, b, steps, t] =
            [from.threshold(), to.threshold(), steps.into(), step.into()].map(i128::from);
        if t < steps {
            assert!(2 * (given * steps - (a * (steps - t) + b * t)).abs() <= steps);
        } else {
            assert_eq!(given, b);
        }

        let p = a as f64;
        let left = if steps == 0 { 0.0 } else { (-10.0 * t as f64 / steps as f64).exp() };
        let given = curriculum.rate(step).threshold() as f64;
        assert!((given - (p - p * left)).abs() < 1.001, "{given}, not {}", p - p * left);
    }
    let rates = |schedule: Schedule| at.map(|step| schedule.rate(step));
    let [before, after] = rates(line);
    assert!(if from < to { before <= after } else { before >= after });
    assert!(rates(curriculum).is_sorted());
}

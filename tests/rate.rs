//! `DropRate`: every p has a defined rate, what is dropped has it exactly, and the scale fits.

use dropout_kernels::{DropRate, RateError, drop_rate};

const ONE: u64 = 1 << 40;

/// What STREAM.md says of a threshold's scale, by the processor's own division.
fn check_scale(rate: DropRate) {
    let kept = ONE - rate.threshold();
    let scale = if kept == 0 { 0.0 } else { ONE as f64 / kept as f64 };
    assert_eq!(rate.scale().to_bits(), scale.to_bits(), "{rate:?}");
    assert_eq!(rate.scale_f32().to_bits(), (scale as f32).to_bits(), "{rate:?}");
    assert_eq!(rate.p(), rate.threshold() as f64 / ONE as f64);
}

/// The whole contract for one bit pattern; returns the threshold if there is one.
fn check(p: f32) -> Option<u64> {
    match DropRate::new(p) {
        Ok(rate) => {
            assert!((0.0..=1.0).contains(&p), "{p} was taken");
            // p * 2^40 is exact in f64, and so is its distance from an integer near it.
            let exact = f64::from(p) * ONE as f64;
            assert!((rate.threshold() as f64 - exact).abs() <= 0.5, "{p}");
            assert_eq!(rate.threshold() as f64, exact.round_ties_even(), "{p}");
            check_scale(rate);
            Some(rate.threshold())
        }
        Err(error) => {
            let expected = if p.is_nan() {
                RateError::NotANumber
            } else if p < 0.0 {
                RateError::Negative { given: p }
            } else {
                assert!(p > 1.0, "{p} was refused");
                RateError::AboveOne { given: p }
            };
            assert_eq!(error, expected);
            None
        }
    }
}

/// Every bit pattern from `from` on below `to`, which for positive floats is their order.
fn check_range(from: u32, to: u32) {
    let mut last = 0;
    for bits in from..to {
        if let Some(threshold) = check(f32::from_bits(bits)) {
            assert!(threshold >= last, "not monotone at {bits:#x}");
            last = threshold;
        }
    }
}

#[test]
fn the_floats_around_every_edge() {
    let edges = [
        0,                           // 0
        1,                           // the least subnormal
        f32::MIN_POSITIVE.to_bits(), // the least normal
        (85 << 23) | (1 << 31),      // a negative one
        (127 - 41) << 23,            // 2^-41, the tie between 0 and 1
        (127 - 40) << 23,            // 2^-40
        (127 - 17) << 23,            // 2^-17, from which on all are exact
        0.5f32.to_bits(),
        1f32.to_bits(),
        f32::INFINITY.to_bits(), // and the NaNs that follow
        f32::NAN.to_bits(),
        1 << 31, // -0.0
        (-1f32).to_bits(),
        f32::NEG_INFINITY.to_bits(),
        u32::MAX,
    ];
    for edge in edges {
        for bits in edge.saturating_sub(1000)..=edge.saturating_add(1000) {
            check(f32::from_bits(bits));
        }
    }
}

/// All 2^32 of them: under a minute in release on two cores.
#[test]
#[ignore = "slow; CI runs it in release"]
fn all_bit_patterns_of_p() {
    let step = 1 << 26;
    let next = std::sync::atomic::AtomicU32::new(0);
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let part = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    if part >= 64 {
                        break;
                    }
                    // Each part but the first begins one early, so that the seams are seen too.
                    let from = part * step;
                    check_range(from.saturating_sub(1), from + (step - 1));
                    check(f32::from_bits(from + (step - 1)));
                }
            });
        }
    });
}

#[test]
fn what_is_said_of_p_is_what_is_dropped() {
    assert_eq!(drop_rate!(0.1).threshold(), 0x19_9999_a000);
    assert_eq!(drop_rate!(0.1).p(), f64::from(0.1f32));
    // Below 2^-41 a rate rounds to 0, and says so.
    assert_eq!(
        DropRate::new(f32::from_bits(((127 - 41) << 23) + 1)).map(DropRate::threshold),
        Ok(1)
    );
    assert_eq!(DropRate::new(2f32.powi(-41)), Ok(DropRate::ZERO));
    assert_eq!(DropRate::new(-0.0), Ok(DropRate::ZERO));
    assert_eq!(DropRate::ZERO.p(), 0.0);
    assert_eq!(drop_rate!(1.0).p(), 1.0);
}

#[test]
fn scales_are_the_quotients_of_stream_section_3() {
    // The kept counts at which a quotient is most awkward: powers of two, and their neighbours.
    for shift in 0..=40 {
        for near in -3i64..=3 {
            let kept = (1i64 << shift) + near;
            if let Ok(rate) = DropRate::from_threshold((ONE as i64 - kept) as u64) {
                check_scale(rate);
            }
        }
    }
    let mut t = 1u64;
    while t < ONE {
        check_scale(DropRate::from_threshold(t).expect("at most 2^40"));
        t += t / 1000 + 1;
    }
}

#[test]
fn ratios_are_rounded_once() {
    for denominator in [1, 2, 3, 7, 10, 1000, 65_537, u32::MAX] {
        for numerator in [0, 1, 2, denominator / 3, denominator / 2, denominator - 1, denominator] {
            let numerator = numerator.min(denominator);
            let (n, d) = (u128::from(numerator) << 40, u128::from(denominator));
            let (floor, rest) = (n / d, n % d);
            let up = 2 * rest > d || 2 * rest == d && floor % 2 == 1;
            let rate = DropRate::from_ratio(numerator, denominator).expect("a probability");
            assert_eq!(u128::from(rate.threshold()), floor + u128::from(up));
            check_scale(rate);
        }
    }
    assert_eq!(DropRate::from_ratio(1, 10).map(DropRate::threshold), Ok(109_951_162_778));
}

#[test]
fn what_is_no_probability_is_an_error_that_says_so() {
    use RateError::{
        AboveOne, Negative, NotANumber, RatioAboveOne, ThresholdAboveOne, ZeroDenominator,
    };
    let cases = [
        (DropRate::new(f32::NAN), NotANumber, "got what is not a number"),
        (DropRate::new(-f32::NAN), NotANumber, "got what is not a number"),
        (DropRate::new(-0.5), Negative { given: -0.5 }, "got -0.5"),
        (DropRate::new(1.5), AboveOne { given: 1.5 }, "got 1.5"),
        (DropRate::from_ratio(3, 2), RatioAboveOne { numerator: 3, denominator: 2 }, "got 3/2"),
        (DropRate::from_ratio(3, 0), ZeroDenominator { numerator: 3 }, "got 3/0"),
        (DropRate::from_ratio(0, 0), ZeroDenominator { numerator: 0 }, "got 0/0"),
        (
            DropRate::from_threshold(ONE + 1),
            ThresholdAboveOne { given: ONE + 1 },
            "got threshold 1099511627777 of 2^40",
        ),
    ];
    for (result, error, end) in cases {
        assert_eq!(result, Err(error));
        let text = error.to_string();
        assert!(
            text.starts_with("expected a drop rate from 0 to 1, ") && text.ends_with(end),
            "{text}"
        );
    }
}

#[test]
fn rates_are_read_and_written_as_people_write_them() {
    for text in ["0", "0.1", "0.25", "0.3", "0.999", "1"] {
        assert_eq!(text.parse::<DropRate>().map(|rate| rate.to_string()), Ok(text.into()));
    }
    assert_eq!(format!("{:.3}", drop_rate!(0.1)), "0.100");
    assert_eq!("0.1".parse(), Ok(drop_rate!(0.1)));
    for text in ["", "abc", "0.1x", "NaN"] {
        assert_eq!(text.parse::<DropRate>(), Err(RateError::NotANumber));
    }
    assert_eq!("-1".parse::<DropRate>(), Err(RateError::Negative { given: -1.0 }));
}

#[test]
fn a_rate_made_by_the_compiler_is_the_one_made_at_run_time() {
    const RATE: DropRate = drop_rate!(0.1);
    assert_eq!(DropRate::new(std::hint::black_box(0.1)), Ok(RATE));
}

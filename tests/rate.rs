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
                RateError::Negative { given: p.into() }
            } else {
                assert!(p > 1.0, "{p} was refused");
                RateError::AboveOne { given: p.into() }
            };
            assert_eq!(error, expected);
            None
        }
    }
}

/// Every bit pattern in a range; the order of positive floats is that of their bits.
fn check_range(range: std::ops::RangeInclusive<u32>) {
    let mut last = 0;
    for bits in range {
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

/// All 2^32 of them, a minute in release on two cores, if the environment has `EVERY_PATTERN`, as
/// `.ci/exhaustive` sets it; else one exponent of eight, every fraction of it and both signs.
#[test]
#[ignore = "slow; CI runs it in release"]
fn all_bit_patterns_of_p() {
    let step = 1 << 26;
    let size = if std::env::var_os("EVERY_PATTERN").is_some() { step } else { 1 << 23 };
    let next = std::sync::atomic::AtomicU32::new(0);
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let part = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    if part >= 64 {
                        break;
                    }
                    // Each part but the first begins with the last of the one before, so that the
                    // order is checked across the seam.
                    let from = part * step;
                    check_range(from.saturating_sub(1)..=from + (size - 1));
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
    // What p makes of bits is the division, exactly.
    for threshold in (0..=40).flat_map(|shift| {
        let power = 1u64 << shift;
        [power - 1, power, power + 1, power / 3, power / 5 * 4]
    }) {
        if let Ok(rate) = DropRate::from_threshold(threshold) {
            assert_eq!(rate.p(), threshold as f64 / ONE as f64, "{threshold:#x}");
        }
    }
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
        (DropRate::new(f32::NAN), NotANumber, "got NaN"),
        (DropRate::new(-f32::NAN), NotANumber, "got NaN"),
        (DropRate::new(-0.5), Negative { given: -0.5 }, "got -0.500000 (0xbfe0000000000000)"),
        (DropRate::new(1.5), AboveOne { given: 1.5 }, "got 1.500000 (0x3ff8000000000000)"),
        (DropRate::from_ratio(3, 2), RatioAboveOne { numerator: 3, denominator: 2 }, "got 3/2"),
        (DropRate::from_ratio(3, 0), ZeroDenominator { numerator: 3 }, "got 3/0"),
        (DropRate::from_ratio(0, 0), ZeroDenominator { numerator: 0 }, "got 0/0"),
        (
            DropRate::from_threshold(ONE + 1),
            ThresholdAboveOne { given: ONE + 1 },
            "got threshold 0x10000000001 of 2^40",
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

/// What came is shown as it is, though it be an `f32`, whatever its exponent.
#[test]
fn an_error_has_the_float_that_was_given() {
    for p in [-1e-45f32, -1.17e-38, -f32::MIN_POSITIVE, -3.3, 1.0f32.next_up(), f32::INFINITY] {
        let error = DropRate::new(p).expect_err("no probability");
        assert_eq!(Err(error), DropRate::from_f64(p.into()), "{p:e}");
    }
}

/// Against the product with 2^40, which is exact, and its own rounding.
#[test]
fn a_double_becomes_the_nearest_rate() {
    let edges = [0.0, -0.0, f64::MIN_POSITIVE, 5e-324, 1e-13, 0.1, 1.0 / 3.0, 0.5, 1.0 - 1e-9, 1.0];
    let halfway = (0..60u64).map(|i| (i as f64 + 0.5) / ONE as f64);
    let near_one = (0..60u64).map(|i| (ONE as f64 - i as f64 - 0.5) / ONE as f64);
    let mut state = 1u64;
    let random = std::iter::repeat_with(|| {
        state = state.wrapping_mul(0xD134_2543_DE82_EF95).wrapping_add(1);
        f64::from_bits(state % (1f64.to_bits() + 1))
    });
    let uniform = (0..100_000u64).map(|i| (i as f64 + 0.3) / 100_000.0);
    for p in
        edges.into_iter().chain(halfway).chain(near_one).chain(random.take(100_000)).chain(uniform)
    {
        for p in [p, p.next_down(), p.next_up()].into_iter().filter(|p| (0.0..=1.0).contains(p)) {
            let rate = DropRate::from_f64(p).expect("a probability");
            assert_eq!(rate.threshold() as f64, (p * ONE as f64).round_ties_even(), "{p:e}");
        }
    }
    // What an `f32` holds is the same by both.
    for p in [0.1f32, 1e-20, 0.999_999_94, f32::MIN_POSITIVE] {
        assert_eq!(DropRate::from_f64(p.into()), DropRate::new(p));
    }
    // Near 1, and what is no probability.
    let nearly_all = DropRate::from_f64(1.0 - 1e-9).expect("a probability");
    assert_eq!(nearly_all.threshold(), ONE - 1100);
    assert_eq!(DropRate::new((1.0 - 1e-9) as f32), Ok(DropRate::ONE));
    assert_eq!(DropRate::from_f64(f64::NAN), Err(RateError::NotANumber));
    assert_eq!(DropRate::from_f64(-0.5), Err(RateError::Negative { given: -0.5 }));
    assert!(DropRate::from_f64(1f64.next_up()).is_err());
    assert!(matches!(DropRate::from_f64(f64::INFINITY), Err(RateError::AboveOne { .. })));
}

#[test]
fn every_threshold_up_to_2_to_the_40_is_a_rate() {
    for threshold in [0, 1, ONE / 3, ONE - 1, ONE] {
        assert_eq!(DropRate::from_threshold(threshold).map(DropRate::threshold), Ok(threshold));
    }
    assert_eq!(DropRate::from_threshold(ONE), Ok(DropRate::ONE));
}

#[test]
fn rates_are_ordered_and_equal_by_their_threshold() {
    assert!(DropRate::ZERO < drop_rate!(0.1) && drop_rate!(0.1) < DropRate::ONE);
    assert_eq!(DropRate::ONE, drop_rate!(1.0));
    assert_ne!(drop_rate!(0.1), DropRate::from_ratio(1, 10).expect("a tenth"));
    let set: std::collections::HashSet<_> = [drop_rate!(0.5), drop_rate!(0.5)].into();
    assert_eq!(set.len(), 1);
    assert_eq!(format!("{:?}", drop_rate!(0.5)), "DropRate(0x80_00000000 / 2^40)");
}

#[test]
fn errors_show_the_rate_and_its_bits() {
    let shown = [
        (-0.5, "-0.500000 (0xbfe0000000000000)"),
        (1.5, "1.500000 (0x3ff8000000000000)"),
        (1.000_000_999, "1.000000 (0x3ff000010c2ac1dc)"),
        (1.000_001_1, "1.000001 (0x3ff0000127476ca6)"),
        (-1e-9, "-0.000000 (0xbe112e0be826d695)"),
        (-5e-324, "-0.000000 (0x8000000000000001)"),
        (16_777_217.5, "16777217.500000 (0x4170000018000000)"),
        (4_294_967_294.75, "4294967294.750000 (0x41efffffffd80000)"),
        (4_294_967_295.0, "4294967295.000000 or more (0x41efffffffe00000)"),
        (1e30, "4294967295.000000 or more (0x46293e5939a08cea)"),
        (f64::NEG_INFINITY, "-4294967295.000000 or more (0xfff0000000000000)"),
    ];
    for (p, text) in shown {
        let error = DropRate::from_f64(p).expect_err("not a probability");
        assert_eq!(error.to_string(), format!("expected a drop rate from 0 to 1, got {text}"));
        assert_eq!(format!("{error:?}"), error.to_string());
    }
}

#[test]
fn a_rate_made_by_the_compiler_is_the_one_made_at_run_time() {
    const RATE: DropRate = drop_rate!(0.1);
    assert_eq!(DropRate::new(std::hint::black_box(0.1)), Ok(RATE));
}

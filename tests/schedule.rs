//! Schedules against their papers' formulas, at every kind of step; their ends; and that none turns
//! back.

use dropout_kernels::{
    Backend, DropBlock, DropConnect, DropHead, DropPath, DropRate, Dropout, EmbeddingDropout,
    GaussianDropout, Layout, LockedDropout, MaskRng, Schedule, Zoneout, drop_rate,
};

const ONE: u64 = 1 << 40;
const P: DropRate = drop_rate!(0.3);

fn rate(threshold: u64) -> DropRate {
    DropRate::from_threshold(threshold).expect("at most 2^40")
}

/// From none to all, and whatever could overflow.
const STEPS: [u32; 11] = [0, 1, 2, 3, 7, 100, 1000, 10_000_019, 1 << 31, u32::MAX - 1, u32::MAX];

/// Steps of each kind for a schedule of so many: its ends, around them, and some between.
fn steps_of(steps: u32) -> impl Iterator<Item = u32> {
    let between = (0..=40).map(move |i| (u64::from(steps) * i / 40) as u32);
    let around = [0, 1, 2, 3]
        .into_iter()
        .flat_map(move |i| [i, steps.saturating_sub(i), steps.saturating_add(i), u32::MAX - i]);
    between.chain(around)
}

#[test]
fn a_line_is_the_nearest_multiple_of_its_formula() {
    let ends = [0, 1, 2, 0xF_FFFF, P.threshold(), ONE / 3, ONE - 1, ONE];
    for (from, to) in ends.iter().flat_map(|from| ends.map(|to| (*from, to))) {
        for steps in STEPS {
            let line = Schedule::linear(rate(from), rate(to), steps);
            for step in steps_of(steps) {
                let given = line.rate(step).threshold();
                if step >= steps {
                    assert_eq!(given, to);
                    continue;
                }
                // Exactly: |given * T - (from * (T - t) + to * t)| <= T / 2
                let (t, steps) = (i128::from(step), i128::from(steps));
                let exact = i128::from(from) * (steps - t) + i128::from(to) * t;
                let error = (i128::from(given) * steps - exact).abs();
                assert!(2 * error <= steps, "{from} to {to}, step {t} of {steps}: {given}");
            }
            assert_eq!(line.rate(0).threshold(), if steps == 0 { to } else { from });
        }
    }
}

#[test]
fn a_curriculum_is_its_formula_within_2_to_the_minus_40() {
    for p in [0, 1, 12_345, P.threshold(), ONE / 2, ONE - 1, ONE] {
        for steps in STEPS.into_iter().skip(1) {
            let curriculum = Schedule::curriculum(rate(p), steps);
            assert_eq!(curriculum.rate(0), DropRate::ZERO);
            for step in steps_of(steps) {
                // keep(t) = (1 - k) * exp(-g * t) + k, with k = 1 - p and g = 10 / T
                let g = 10.0 / f64::from(steps);
                let p = p as f64;
                let wanted = p - p * (-g * f64::from(step)).exp();
                let given = curriculum.rate(step).threshold() as f64;
                assert!(
                    (given - wanted).abs() < 1.0,
                    "{p} step {step} of {steps}: {given} not {wanted}"
                );
            }
        }
        assert_eq!(Schedule::curriculum(rate(p), 0).rate(0), rate(p));
        assert_eq!(Schedule::curriculum(rate(p), 1).rate(u32::MAX), rate(p));
    }
}

#[test]
fn early_and_late_dropout_begin_and_end_at_their_step() {
    for steps in STEPS {
        let (early, late) = (Schedule::early(P, steps), Schedule::late(P, steps));
        for step in steps_of(steps) {
            let (before, after) =
                if step < steps { (P, DropRate::ZERO) } else { (DropRate::ZERO, P) };
            assert_eq!((early.rate(step), late.rate(step)), (before, after), "{step} of {steps}");
        }
    }
}

/// Neighbouring steps everywhere in the course, also where a step changes less than a rate can
/// show.
#[test]
fn no_schedule_turns_back() {
    let mut rises = 0;
    for steps in STEPS {
        for p in [3, P.threshold(), ONE] {
            let up = [
                Schedule::linear(DropRate::ZERO, rate(p), steps),
                Schedule::curriculum(rate(p), steps),
                Schedule::late(rate(p), steps),
            ];
            let down =
                [Schedule::linear(rate(p), DropRate::ZERO, steps), Schedule::early(rate(p), steps)];
            for start in
                (0..64).map(|i| (u64::from(u32::MAX) * i / 64) as u32).chain(steps_of(steps))
            {
                for step in start..start.saturating_add(50) {
                    for up in up {
                        assert!(up.rate(step) <= up.rate(step + 1), "{up:?} {step}");
                        rises += u32::from(up.rate(step) < up.rate(step + 1));
                    }
                    for down in down {
                        assert!(down.rate(step) >= down.rate(step + 1), "{down:?} {step}");
                    }
                }
            }
        }
    }
    assert!(rises > 10_000, "schedules that stand still would prove nothing");
}

/// A short course in full, and the constants of a build.
#[test]
fn golden_values() {
    const RAMP: Schedule = Schedule::linear(drop_rate!(0.1), drop_rate!(0.5), 4);
    const RATES: [DropRate; 6] =
        [RAMP.rate(0), RAMP.rate(1), RAMP.rate(2), RAMP.rate(3), RAMP.rate(4), RAMP.rate(5)];
    let thresholds: [u64; 6] = RATES.map(DropRate::threshold);
    assert_eq!(
        thresholds,
        [
            109_951_164_416,
            219_902_326_784,
            329_853_489_152,
            439_804_651_520,
            549_755_813_888,
            549_755_813_888
        ]
    );
    let curriculum = Schedule::curriculum(drop_rate!(0.5), 1000);
    let thresholds = [0, 1, 10, 100, 500, 1000].map(|t| curriculum.rate(t).threshold());
    assert_eq!(
        thresholds,
        [0, 5_470_161_746, 52_316_182_699, 347_511_952_294, 546_051_588_352, 549_730_855_013]
    );
}

/// Every dropout can be had at another rate, and is then what is made at that rate: shapes, rules
/// and backend stay.
#[test]
fn another_rate_is_what_is_made_at_that_rate() {
    const FITS: &str = "a small shape";
    let layout = Layout::channels_first(2, 3, &[4]).expect(FITS);
    for old in [DropRate::ZERO, drop_rate!(0.3), DropRate::ONE] {
        for new in [DropRate::ZERO, drop_rate!(0.7), DropRate::ONE] {
            for backend in Backend::available() {
                macro_rules! same {
                    ($make:expr) => {
                        let make = $make;
                        assert_eq!(make(old).with_rate(new), make(new));
                    };
                }
                same!(|rate| Dropout::new(rate).with_backend(backend));
                same!(|rate| Dropout::classic(rate).with_backend(backend));
                same!(|rate| Dropout::alpha(rate).with_backend(backend));
                same!(|rate| Dropout::drop_key(rate).with_backend(backend));
                same!(|rate| Dropout::alpha(rate).with_backend(backend).over(layout));
                same!(|rate| Zoneout::new(rate).with_backend(backend));
                same!(|rate| DropPath::samples(Dropout::new(rate), 3, 4).expect(FITS));
                same!(|rate| EmbeddingDropout::new(Dropout::alpha(rate), 5, 4).expect(FITS));
                same!(|rate| DropHead::new(rate, 2, 3, 4).expect(FITS).with_backend(backend));
                same!(|rate| DropConnect::classic(rate, 3, 4).expect(FITS).with_backend(backend));
                same!(|rate| DropBlock::new(rate, 2, 1, 1, &[5, 5])
                    .expect(FITS)
                    .with_backend(backend));
                same!(|rate| LockedDropout::new(Dropout::alpha(rate), 8, [0; 1]));
            }
            let gaussian = |rate| GaussianDropout::new(rate);
            if let Ok(old) = gaussian(old) {
                assert_eq!(old.with_rate(new), gaussian(new));
            }
        }
    }
}

/// A mask belongs to the rate at which it was drawn, so a locked one is gone with its rate.
#[test]
fn a_locked_mask_is_gone_with_its_rate() {
    let mut locked = LockedDropout::new(Dropout::new(drop_rate!(0.5)), 8, [0; 1]);
    locked.draw(2, &mut MaskRng::new(1, 2)).expect("16 bits");
    let mut other = locked.clone().with_rate(drop_rate!(0.25));
    assert!(other.mask().is_empty());
    assert!(other.backward_in_place(&mut [1f32; 16]).is_err());
    other.draw(2, &mut MaskRng::new(1, 2)).expect("16 bits");
    let mut dx = [1f32; 16];
    other.backward_in_place(&mut dx).expect("16 elements");
    assert!(dx.iter().all(|dx| *dx == 0.0 || *dx == 4.0 / 3.0));
}

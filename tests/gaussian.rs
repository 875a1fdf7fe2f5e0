//! Gaussian dropout against docs/GAUSSIAN.md, written down a second time, element by element: every way
//! to call it, every backend, both element types, guards around every slice. Its normals against exact
//! arithmetic, and against the normal distribution.

mod support;

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_PI_2};

use dropout_kernels::{
    Backend, DropRate, GaussianDropout, MaskKey, MaskRng, RateError, ShapeError, drop_rate,
};
use support::LENGTHS;
use support::gaussian::{deviation, expected, outputs};
use support::guarded::Guarded;
use support::number::{Number, bits, same};
use support::reference::Reference;

const SEED: u64 = 42;
const STREAM: u64 = 7;

type Way<T> = fn(&GaussianDropout, Option<&[T]>, &mut [T], &mut MaskRng);

/// From x to y, or in place if there is no x; those that are given the generator, and those that are not.
fn ways<T: Number>() -> [(Way<T>, bool); 4] {
    [
        (
            |d, x, y, rng| match x {
                Some(x) => d.forward(x, y, rng).expect("lengths agree"),
                None => d.forward_in_place(y, rng),
            },
            true,
        ),
        (
            |d, x, y, rng| match x {
                Some(x) => d.backward(x, y, rng).expect("lengths agree"),
                None => d.backward_in_place(y, rng),
            },
            true,
        ),
        (
            |d, x, y, _| match x {
                Some(x) => {
                    d.forward(x, y, MaskKey::new(SEED, STREAM)).expect("lengths agree");
                }
                None => d.forward_in_place(y, MaskKey::new(SEED, STREAM)),
            },
            false,
        ),
        (
            |d, x, y, _| match x {
                Some(x) => {
                    d.backward(x, y, MaskKey::new(SEED, STREAM)).expect("lengths agree");
                }
                None => d.backward_in_place(y, MaskKey::new(SEED, STREAM)),
            },
            false,
        ),
    ]
}

fn check<T: Number>(backend: Backend, rate: DropRate, n: usize, offset: usize) {
    let dropout = GaussianDropout::new(rate).expect("below 1").with_backend(backend);
    let x = T::values(n);
    let mut after = Reference::new(SEED, STREAM);
    let wanted = expected(&mut after, rate, &x);
    for (way, draws) in ways::<T>() {
        for in_place in [true, false] {
            let before = if in_place { x.clone() } else { vec![T::ONE; n] };
            let mut target = Guarded::new(&before, offset, T::GUARD);
            let mut rng = MaskRng::new(SEED, STREAM);
            way(&dropout, (!in_place).then_some(&x), target.slice(), &mut rng);
            let told = format!("{dropout:?} n {n} offset {offset} in place {in_place}");
            let as_wanted = target.slice().iter().zip(&wanted).all(|(a, b)| same(*a, *b));
            assert!(as_wanted, "{told}");
            assert!(target.intact(|a, b| a.bits() == b.bits()), "{told}: guard");
            let start = Reference::new(SEED, STREAM);
            let position = if draws { &after } else { &start };
            assert!(rng.to_bytes() == position.to_bytes(), "{told}: generator");
        }
    }
}

#[test]
fn every_way_follows_the_description_to_the_bit() {
    let lengths = LENGTHS.into_iter().chain([15, 16, 17, 47, 48, 49]);
    for n in lengths {
        for rate in [DropRate::ZERO, drop_rate!(9e-13), drop_rate!(0.1), drop_rate!(0.999)] {
            for backend in Backend::available() {
                for offset in [0, 3] {
                    check::<f32>(backend, rate, n, offset);
                    check::<f64>(backend, rate, n, offset);
                }
            }
        }
    }
}

#[test]
fn a_call_can_be_split_at_multiples_of_32_elements() {
    let dropout = GaussianDropout::new(drop_rate!(0.3)).expect("below 1");
    let mut whole = vec![1f32; 1000];
    dropout.forward_in_place(&mut whole, &mut MaskRng::new(1, 2));
    for at in [32, 64, 96, 512, 992] {
        let mut parts = vec![1f32; 1000];
        let mut rng = MaskRng::new(1, 2);
        let (a, b) = parts.split_at_mut(at);
        dropout.forward_in_place(a, &mut rng);
        dropout.forward_in_place(b, &mut rng);
        assert_eq!(bits(&parts), bits(&whole), "split at {at}");
    }
}

/// The check values of docs/GAUSSIAN.md.
#[test]
fn golden_values() {
    let dropout = GaussianDropout::new(drop_rate!(0.2)).expect("below 1");
    let mut x = [1f32; 18];
    dropout.forward_in_place(&mut x, MaskKey::new(42, 0));
    let first = [x[0], x[1], x[15], x[16], x[17]].map(f32::to_bits);
    assert_eq!(first, [0x3f2b_b5f9, 0xbb0d_4000, 0x3f9d_c3bf, 0x3e9c_6ab4, 0x3fbf_abc8]);
}

/// The rounding of s is to nearest, over p from 2^-40 to 1 - 2^-40.
#[test]
fn the_deviation_is_the_nearest_to_the_root() {
    assert_eq!(GaussianDropout::new(drop_rate!(0.5)).expect("below 1").std_dev(), 1.0);
    let thresholds = (0..40).flat_map(|i| [1 << i, (1 << i) + i, 3 << i, (1 << 40) - (1 << i)]);
    for t in thresholds.filter(|t| *t < 1 << 40) {
        let rate = DropRate::from_threshold(t).expect("below 2^40");
        let s = GaussianDropout::new(rate).expect("below 1").std_dev();
        assert_eq!(s, deviation(rate), "threshold {t}");
    }
}

#[test]
fn a_rate_of_1_and_lengths_that_differ_are_errors() {
    assert_eq!(GaussianDropout::new(DropRate::ONE), Err(RateError::One));
    assert_eq!(RateError::One.to_string(), "expected a drop rate below 1, got 1");

    let dropout = GaussianDropout::new(drop_rate!(0.5)).expect("below 1");
    let (x, mut y) = ([1f32; 40], [7f32; 41]);
    let mut rng = MaskRng::new(1, 0);
    let wrong = Err(ShapeError::LengthMismatch { expected: 40, given: 41 });
    assert_eq!(dropout.forward(&x, &mut y, &mut rng), wrong);
    assert_eq!(dropout.backward(&x, &mut y, &mut rng), wrong);
    assert_eq!(dropout.forward(&x, &mut y, MaskKey::new(1, 0)), wrong);
    assert_eq!(dropout.backward(&x, &mut y, MaskKey::new(1, 0)), wrong);
    assert_eq!(dropout.infer(&x, &mut y), wrong);
    assert_eq!(y, [7.0; 41]);
    assert!(rng == MaskRng::new(1, 0));
}

#[test]
fn inference_is_the_identity() {
    let x = f32::values(100);
    let mut y = vec![1.0; 100];
    let dropout = GaussianDropout::new(drop_rate!(0.5)).expect("below 1");
    dropout.infer(&x, &mut y).expect("lengths agree");
    assert_eq!(bits(&y), bits(&x));
}

/// dx by central differences of the loss sum(sin(y)).
#[test]
fn backward_is_the_gradient_of_forward() {
    const STEP: f64 = 1e-5;
    let dropout = GaussianDropout::new(drop_rate!(0.4)).expect("below 1");
    let y = |x: &[f64]| {
        let mut y = vec![0.0; x.len()];
        dropout.forward(x, &mut y, MaskKey::new(5, 6)).expect("lengths agree");
        y
    };
    let loss = |x: &[f64]| y(x).iter().map(|y| y.sin()).sum::<f64>();
    let x: Vec<f64> = (0..70).map(|i| (f64::from(i) * 0.9).cos()).collect();
    let mut dx: Vec<f64> = y(&x).iter().map(|y| y.cos()).collect();
    dropout.backward_in_place(&mut dx, MaskKey::new(5, 6));
    for i in 0..x.len() {
        let moved = |by: f64| {
            let mut x = x.clone();
            x[i] += by;
            loss(&x)
        };
        let wanted = (moved(STEP) - moved(-STEP)) / (2.0 * STEP);
        assert!((dx[i] - wanted).abs() < 1e-7, "{i}: {} not {wanted}", dx[i]);
    }
}

/// The normals themselves: s = 1 at p = 1/2, and `f64` takes nothing of them away.
fn normals(n: usize) -> Vec<f64> {
    let mut r = vec![1f64; n];
    GaussianDropout::new(drop_rate!(0.5))
        .expect("below 1")
        .forward_in_place(&mut r, MaskKey::new(SEED, STREAM));
    r.into_iter().map(|r| r - 1.0).collect()
}

/// Against exact Box-Muller, where u has been rounded to `f32`: below 1.2e-6 of the radius.
#[test]
fn normals_are_near_exact_arithmetic() {
    let n = 1 << 18;
    let mut worst = 0f64;
    for (z, (a, b, is_sine)) in
        normals(n).into_iter().zip(outputs(&mut Reference::new(SEED, STREAM), n))
    {
        let u = f64::from((a >> 1) as f32 + 0.5) / 2f64.powi(31);
        let radius = (-2.0 * u.ln()).sqrt();
        let angle = FRAC_PI_2 * f64::from(b as i32) / 2f64.powi(31);
        let sign = if a & 1 == 1 { -1.0 } else { 1.0 };
        let exact = radius * if is_sine { angle.sin() } else { sign * angle.cos() };
        worst = worst.max((z - exact).abs() / radius.max(1e-3));
    }
    assert!(worst < 1.2e-6, "{worst:e}");
}

/// Two-sided 10^-6 of a normal distribution: the false-alarm rate of each statistic below.
const LIMIT: f64 = 4.8916;
const N: usize = 1 << 21;

/// Statistics of `z` in standard deviations from those of N(0, 1): mean, variance, skewness, excess kurtosis, the
/// counts beyond 3 and 4, and the products of neighbours at the distances of a lane, of a pair and of a block.
fn statistics(z: &[f64]) -> Vec<(&'static str, f64)> {
    let n = z.len() as f64;
    let moment = |k: i32| z.iter().map(|z| z.powi(k)).sum::<f64>() / n;
    let beyond = |limit: f64| {
        let p = libm::erfc(limit * FRAC_1_SQRT_2);
        let count = z.iter().filter(|z| z.abs() > limit).count() as f64;
        (count - n * p) / (n * p).sqrt()
    };
    let products = |k: usize| z.iter().zip(&z[k..]).map(|(a, b)| a * b).sum::<f64>() / n.sqrt();
    vec![
        ("mean", moment(1) * n.sqrt()),
        ("variance", (moment(2) - 1.0) * (n / 2.0).sqrt()),
        ("skewness", moment(3) * (n / 15.0).sqrt()),
        ("kurtosis", (moment(4) - 3.0) * (n / 96.0).sqrt()),
        ("beyond 3", beyond(3.0)),
        ("beyond 4", beyond(4.0)),
        ("neighbours", products(1)),
        ("pairs", products(16)),
        ("blocks", products(32)),
    ]
}

/// Kolmogorov-Smirnov's sqrt(n) D and Anderson-Darling's A^2.
fn distances(mut z: Vec<f64>) -> (f64, f64) {
    z.sort_by(f64::total_cmp);
    let n = z.len() as f64;
    let (mut d, mut sum) = (0f64, 0.0);
    for (i, z) in z.iter().enumerate() {
        let below = 0.5 * libm::erfc(-z * FRAC_1_SQRT_2);
        let above = 0.5 * libm::erfc(z * FRAC_1_SQRT_2);
        let i = i as f64;
        d = d.max((below - i / n).abs()).max(((i + 1.0) / n - below).abs());
        sum += (2.0 * i + 1.0) * below.ln() + (2.0 * (n - i) - 1.0) * above.ln();
    }
    (d * n.sqrt(), -n - sum / n)
}

/// Where 2 exp(-2 x^2), the tail of Kolmogorov's distribution, is 10^-6.
const KOLMOGOROV: f64 = 2.694;
/// The tail of Anderson and Darling's is 0.001 at 6.0, and falls by e or more for each 1 from there.
const ANDERSON: f64 = 12.9;

#[test]
#[cfg_attr(tests_only, ignore = "statistics of the same bits, slow under emulation")]
fn normals_are_normal() {
    let z = normals(N);
    for (name, deviation) in statistics(&z) {
        assert!(deviation.abs() < LIMIT, "{name}: {deviation:.2} standard deviations");
    }
    let (kolmogorov, anderson) = distances(z);
    assert!(kolmogorov < KOLMOGOROV, "{kolmogorov}");
    assert!(anderson < ANDERSON, "{anderson}");
}

/// The power of the test above: a deviation wrong by 1 % fails by the variance and by both distances, and a mean
/// wrong by a hundredth of a deviation by all that know it.
#[test]
#[cfg_attr(tests_only, ignore = "statistics of the same bits, slow under emulation")]
fn normals_wrong_by_1_percent_would_be_seen() {
    for factor in [0.99, 1.01] {
        let z: Vec<_> = normals(N).into_iter().map(|z| z * factor).collect();
        let (name, variance) = statistics(&z)[1];
        assert!(name == "variance" && variance.abs() > LIMIT, "{variance}");
        let (kolmogorov, anderson) = distances(z);
        assert!(kolmogorov > KOLMOGOROV, "{factor}: {kolmogorov}");
        assert!(anderson > ANDERSON, "{factor}: {anderson}");
    }
    let z: Vec<_> = normals(N).into_iter().map(|z| z + 0.01).collect();
    assert!(statistics(&z)[0].1.abs() > LIMIT);
    let (kolmogorov, anderson) = distances(z);
    assert!(kolmogorov > KOLMOGOROV && anderson > ANDERSON, "{kolmogorov} {anderson}");
}

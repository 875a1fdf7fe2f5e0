//! Gaussian dropout against docs/GAUSSIAN.md, written down a second time, element by element: every
//! way to call it, every backend, both element types, guards around every slice. Its normals
//! against exact arithmetic, and against the normal distribution.

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_PI_2};

use dropout_kernels::{
    DropRate, GaussianDropout, MaskKey, MaskRng, RateError, ShapeError, drop_rate,
};
use dropout_reference::gaussian::{deviation, outputs};
use dropout_reference::number::bits;
use dropout_reference::stream::Reference;

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

/// The normals themselves: s = 1 at p = 1/2, and `f64` takes nothing of them away.
fn normals(n: usize) -> Vec<f64> {
    let mut r = vec![1f64; n];
    GaussianDropout::new(drop_rate!(0.5))
        .expect("below 1")
        .forward_in_place(&mut r, MaskKey::new(42, 7));
    r.into_iter().map(|r| r - 1.0).collect()
}

/// Against exact Box-Muller, where u has been rounded to `f32`: below 1.2e-6 of the radius.
#[test]
fn normals_are_near_exact_arithmetic() {
    let n = 1 << 18;
    let mut worst = 0f64;
    for (z, (a, b, is_sine)) in normals(n).into_iter().zip(outputs(&mut Reference::new(42, 7), n)) {
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

/// Statistics of `z` in standard deviations from those of N(0, 1): mean, variance, skewness, excess
/// kurtosis, the counts beyond 3 and 4, and the products of neighbours at the distances of a lane,
/// of a pair and of a block.
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
/// The tail of Anderson and Darling's is 0.001 at 6.0, and falls by e or more for each 1 from
/// there.
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

/// The power of the test above: a deviation wrong by 1 % fails by the variance and by both
/// distances, and a mean wrong by a hundredth of a deviation by all that know it.
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

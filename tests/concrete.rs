//! Concrete dropout against Gal, Hron and Kendall 2017: its gates, the gradient to the logit and to
//! p, the regulariser and its gradients, and what is refused. (Every way to call it, with its bits,
//! is in the conformance suite.)

use dropout_kernels::{ConcreteDropout, MaskKey, MaskRng, RateError};

const KEY: MaskKey = MaskKey::new(42, 7);

/// Whether a derivative is the slope between two points.
fn assert_slope(name: &str, derivative: f64, below: f64, above: f64, step: f64) {
    let slope = (above - below) / (2.0 * step);
    let error = (derivative - slope).abs() / slope.abs().max(1e-3);
    assert!(error < 1e-5, "{name}: {derivative}, not {slope}");
}

#[test]
fn the_gates_are_those_of_the_formula() {
    let (p, t) = (0.3f64, 0.1);
    let layer = ConcreteDropout::new(p, t).expect("a probability");
    let mut y = [1f64; 1000];
    layer.forward_in_place(&mut y, KEY);
    // u is what a temperature of 1 and p = 1/2 show: y = 2 (1 - u).
    let mut plain = [1f64; 1000];
    ConcreteDropout::new(0.5, 1.0).expect("a probability").forward_in_place(&mut plain, KEY);
    for (y, plain) in y.iter().zip(plain) {
        let u = 1.0 - plain / 2.0;
        let z = 1.0 / (1.0 + (-(p.ln() - (1.0 - p).ln() + u.ln() - (1.0 - u).ln()) / t).exp());
        let wanted = (1.0 - z) / (1.0 - p);
        // u was rounded, and 1 - u more so: what is left of its digits is multiplied by 1 / t.
        assert!((y - wanted).abs() < 1e-9, "{y}, not {wanted} at u = {u}");
    }
}

/// False alarm 10^-6: gates below one half are open, and those have the probability 1 - p.
#[test]
fn it_drops_at_p() {
    for p in [0.05f32, 0.3, 0.5, 0.9] {
        let layer = ConcreteDropout::new(p, 0.1).expect("a probability");
        let mut y = vec![1f32; 100_000];
        layer.forward_in_place(&mut y, KEY);
        let dropped = y.iter().filter(|y| **y < layer.scale() / 2.0).count() as f64;
        let (mean, variance) = (1e5 * f64::from(p), 1e5 * f64::from(p) * f64::from(1.0 - p));
        assert!((dropped - mean).abs() < 4.8916 * variance.sqrt(), "{dropped} at {p}");
    }
}

/// By finite differences of a loss that is not linear in y.
#[test]
fn the_gradients_to_the_logit_and_to_p_are_slopes() {
    let x: Vec<f64> = (0..333).map(|i| (f64::from(i) * 0.9 + 0.2).cos()).collect();
    for (p, t) in [(0.1, 0.1), (0.5, 2.0 / 3.0), (0.9, 0.3), (0.01, 1.0)] {
        let run = |layer: ConcreteDropout<f64>| {
            let mut y = vec![0.0; x.len()];
            layer.forward(&x, &mut y, KEY).expect("one length");
            y
        };
        let loss = |layer| run(layer).iter().map(|y| y.sin()).sum::<f64>();
        let layer = ConcreteDropout::new(p, t).expect("a probability");
        let dy: Vec<_> = run(layer).iter().map(|y| y.cos()).collect();
        let mut dx = vec![0.0; x.len()];
        let to_logit = layer.backward(&x, &dy, &mut dx, KEY).expect("one length");

        let at = |logit: f64| loss(layer.with_logit(logit).expect("a logit"));
        let (l, step) = (layer.logit(), 1e-6);
        assert_slope("the logit", to_logit, at(l - step), at(l + step), step);

        let at = |p| loss(ConcreteDropout::new(p, t).expect("a probability"));
        assert_slope("p", layer.to_p(to_logit), at(p - 1e-7), at(p + 1e-7), 1e-7);
    }
}

#[test]
fn the_regulariser_is_the_formula_and_its_gradients_are_slopes() {
    let (squares, inputs, weight, entropy) = (30.0, 100, 1e-2, 2e-1);
    for p in [1e-6, 0.1, 0.5, 0.9, 1.0 - 1e-6] {
        let layer = ConcreteDropout::new(p, 0.1).expect("a probability");
        let penalty = layer.penalty(squares, inputs, weight, entropy);
        let information = p * f64::ln(p) + (1.0 - p) * (-p).ln_1p();
        let wanted = weight * squares / (1.0 - p) + entropy * 100.0 * information;
        assert!(
            (penalty.value / wanted - 1.0).abs() < 1e-9,
            "{p}: {}, not {wanted}",
            penalty.value
        );

        let value = |logit, squares| {
            let layer = layer.with_logit(logit).expect("a logit");
            layer.penalty(squares, inputs, weight, entropy).value
        };
        let (l, step) = (layer.logit(), 1e-5);
        let around = [l - step, l + step].map(|l| value(l, squares));
        assert_slope("the logit", penalty.to_logit, around[0], around[1], step);
        // Of one weight of 3 among the squares.
        let around = [3.0 - step, 3.0 + step].map(|w: f64| value(l, squares - 9.0 + w * w));
        assert_slope("a weight", penalty.to_weights * 3.0, around[0], around[1], step);
    }
}

/// p ln p + (1 - p) ln(1 - p) alone, near both ends, where it cancels.
#[test]
fn the_entropy_keeps_its_digits_at_the_ends() {
    for exponent in 1..24 {
        let p = 2f64.powi(-exponent);
        let wanted = (p * p.ln() + (1.0 - p) * (-p).ln_1p()) as f32;
        for p in [p as f32, 1.0 - p as f32] {
            let layer = ConcreteDropout::new(p, 0.1).expect("a probability");
            let given = layer.penalty(0.0, 1, 1.0, 1.0).value;
            assert!((given / wanted - 1.0).abs() < 4e-6, "{p}: {given}, not {wanted}");
        }
    }
}

#[test]
fn what_is_no_probability_and_no_temperature_is_refused() {
    use RateError::{AboveOne, Logit, Negative, NotANumber, One, Temperature, Zero};
    // The least p is e^-87, and e^-708 in `f64`: both are above the least normal number.
    let zeros = [0.0, -0.0, f64::from(f32::MIN_POSITIVE) / 2.0, f64::from(f32::MIN_POSITIVE)];
    for given in zeros {
        let error = Zero { given };
        assert_eq!(ConcreteDropout::new(given as f32, 0.1), Err(error), "{given}");
    }
    assert!(ConcreteDropout::new(2e-38f32, 0.1).is_ok());
    for given in [0.0, -0.0, f64::MIN_POSITIVE / 2.0, f64::MIN_POSITIVE] {
        assert_eq!(ConcreteDropout::new(given, 0.1), Err(Zero { given }), "{given}");
    }
    for (p, error) in [
        (1.0, One),
        (-0.5, Negative { given: -0.5 }),
        (1.5, AboveOne { given: 1.5 }),
        (f64::INFINITY, AboveOne { given: f64::INFINITY }),
        (f64::NAN, NotANumber),
    ] {
        assert_eq!(ConcreteDropout::new(p as f32, 0.1), Err(error), "{p}");
        assert_eq!(ConcreteDropout::new(p, 0.1), Err(error), "{p}");
    }
    for logit in [-88.0, f32::NEG_INFINITY, 18.0, f32::INFINITY] {
        let error = Logit { given: f64::from(logit) };
        assert_eq!(ConcreteDropout::from_logit(logit, 0.1), Err(error), "{logit}");
    }
    assert_eq!(
        Logit { given: -88.0 }.to_string(),
        "expected a finite logit of a drop rate between 0 and 1, got -88.000000 (0xc056000000000000)"
    );
    let none = Logit { given: f64::NAN };
    assert_eq!(none.to_string(), "expected a finite logit of a drop rate between 0 and 1, got NaN");
    // Whatever its payload, of which some have a power.
    for bits in [0x7FC0_0001, 0x7FC1_2345, 0x7FFF_FFFF, 0xFFFF_FFFF, 0x7F80_0001] {
        let (nan, layer) = (f32::from_bits(bits), ConcreteDropout::new(0.5f32, 0.1));
        assert_eq!(ConcreteDropout::from_logit(nan, 0.1), Err(none), "{bits:#x}");
        assert_eq!(layer.and_then(|layer| layer.with_logit(nan)), Err(none), "{bits:#x}");
    }
    for bits in [0x7FF8_0000_0000_0001, 0x7FFF_FFFF_FFFF_FFFF] {
        let given = ConcreteDropout::from_logit(f64::from_bits(bits), 0.1);
        assert_eq!(given, Err(none), "{bits:#x}");
    }
    for given in [0.0, -0.0, -1.0, f64::INFINITY, f64::NEG_INFINITY, 1e-310] {
        let error = Err(Temperature { given });
        assert_eq!(ConcreteDropout::new(0.5, given), error);
        assert_eq!(ConcreteDropout::<f64>::from_logit(0.0, given), error);
    }
    let error = ConcreteDropout::new(0.5, f32::NAN).expect_err("no temperature");
    assert_eq!(error.to_string(), "expected a finite temperature above 0, got NaN");
    let error = ConcreteDropout::new(0.5, -2f32).expect_err("no temperature");
    assert!(error.to_string().starts_with("expected a finite temperature above 0, got -2.000000"));
    assert_eq!(
        Zero { given: 1e-38 }.to_string(),
        "expected a drop rate above 0, got 0.000000 (0x380b38fb9daa78e4)"
    );
}

#[test]
fn the_ends_of_the_range_are_finite() {
    let largest = 1f32.next_down();
    for p in [2e-38, 1e-9, 0.5, largest] {
        for t in [f32::MIN_POSITIVE, 0.1, 1.0, 1.0 / f32::MIN_POSITIVE] {
            let layer = ConcreteDropout::new(p, t).expect("a probability");
            assert!((layer.p() / p - 1.0).abs() < 2e-5, "{p}: {}", layer.p());
            assert_eq!(layer.temperature(), t);
            let (x, mut dx) = ([1f32; 500], [1f32; 500]);
            let to_logit = layer.backward_in_place(&x, &mut dx, KEY).expect("one length");
            assert!(dx.iter().all(|dx| dx.is_finite() && *dx >= 0.0), "{p} {t}");
            assert!(t < 0.1 || to_logit.is_finite(), "{p} {t}: {to_logit}");
        }
    }
}

#[test]
fn a_call_can_be_split_at_multiples_of_16_elements() {
    let layer = ConcreteDropout::new(0.3f32, 0.1).expect("a probability");
    let mut whole = [1f32; 100];
    layer.forward_in_place(&mut whole, &mut MaskRng::new(1, 2));
    for at in [16, 32, 48, 96] {
        let (mut parts, mut rng) = ([1f32; 100], MaskRng::new(1, 2));
        let (a, b) = parts.split_at_mut(at);
        layer.forward_in_place(a, &mut rng);
        layer.forward_in_place(b, &mut rng);
        assert_eq!(parts, whole, "split at {at}");
    }
}

/// Elements that are no numbers come through, and take only their own share of the sums.
#[test]
fn what_is_no_number_stays() {
    let layer = ConcreteDropout::new(0.5f32, 1e-3).expect("a probability");
    let mut x = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 0.0, -0.0];
    layer.forward_in_place(&mut x, KEY);
    assert!(x[0].is_nan());
    assert_eq!(
        x.map(f32::to_bits)[1..],
        [f32::INFINITY, f32::NEG_INFINITY, 0.0, -0.0].map(f32::to_bits)
    );
}

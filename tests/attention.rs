//! Dropout of attention by key: `DropKey` through a softmax, and dropout of the weights, against
//! their formulas. (Every way that a `DropKey` drops is in `dropout.rs`; whole heads are in
//! `drop_head.rs`.)

use dropout_kernels::{DropRate, Dropout, Mask, MaskKey, drop_rate};
use dropout_reference::stream::Reference;

const SEED: u64 = 21;
const STREAM: u64 = 4;

/// Two-sided 10^-6 of a normal distribution.
const LIMIT: f64 = 4.8916;

/// (f(step) - f(-step)) / (2 step), which errs by O(step^2).
fn difference(f: impl Fn(f64) -> f64) -> f64 {
    const STEP: f64 = 1e-5;
    (f(STEP) - f(-STEP)) / (2.0 * STEP)
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-7 * (1.0 + a.abs().max(b.abs()))
}

const QUERIES: usize = 6;
const KEYS: usize = 9;
const LOGITS: usize = QUERIES * KEYS;

/// As everyone writes it.
fn softmax(row: &mut [f64]) {
    let max = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    row.iter_mut().for_each(|x| *x = (*x - max).exp());
    let sum: f64 = row.iter().sum();
    row.iter_mut().for_each(|x| *x /= sum);
}

fn logits() -> [f64; LOGITS] {
    std::array::from_fn(|i| (i as f64 * 1.7).sin() * 2.0)
}

/// The softmax over the keys that are kept, zeros elsewhere: the paper's formula without an
/// infinity.
fn over_the_kept(x: &[f64], keep: impl Iterator<Item = bool>) -> Vec<f64> {
    let exp: Vec<_> =
        x.iter().zip(keep).map(|(x, keep)| if keep { x.exp() } else { 0.0 }).collect();
    exp.chunks(KEYS)
        .flat_map(|row| {
            let sum: f64 = row.iter().sum();
            row.iter().map(move |x| x / sum)
        })
        .collect()
}

#[test]
fn dropped_keys_get_no_weight_and_the_others_all_of_it() {
    let mut reference = Reference::new(SEED, STREAM);
    let rate = drop_rate!(0.4);
    let keep = reference.mask(rate.threshold(), LOGITS);
    assert!(keep.chunks(KEYS).all(|row| row.iter().any(|k| *k) && !row.iter().all(|k| *k)));
    let mut x = logits();
    Dropout::drop_key(rate)
        .forward_in_place(&mut x, MaskKey::new(SEED, STREAM))
        .expect("any length");
    x.chunks_mut(KEYS).for_each(softmax);
    for ((x, wanted), keep) in
        x.iter().zip(over_the_kept(&logits(), keep.iter().copied())).zip(&keep)
    {
        assert!(close(*x, wanted) && (*keep || *x == 0.0), "{x} not {wanted}");
    }
}

/// What the documentation warns of.
#[test]
fn a_row_without_keys_has_no_softmax() {
    let mut row = [1.0, 2.0];
    Dropout::drop_key(drop_rate!(0.5))
        .forward_array_in_place(&mut row, &Mask::<1>::from_words([0]));
    assert_eq!(row, [f64::NEG_INFINITY; 2]);
    softmax(&mut row);
    assert!(row.iter().all(|w| w.is_nan()));
}

/// The loss is a weighted sum of the attention, squared.
#[test]
fn the_gradient_of_the_logits_is_that_of_finite_differences() {
    type Drop = fn(&mut [f64], bool);
    let drop_key: Drop = |x, _| {
        Dropout::drop_key(drop_rate!(0.4))
            .forward_in_place(x, MaskKey::new(SEED, STREAM))
            .expect("any length");
    };
    let weights: Drop = |x, after| {
        if after {
            Dropout::new(drop_rate!(0.4))
                .forward_in_place(x, MaskKey::new(SEED, STREAM))
                .expect("any length");
        }
    };
    let v: [f64; LOGITS] = std::array::from_fn(|i| (i as f64 * 0.3).cos());
    let attend = |x: [f64; LOGITS], dropped: Drop| {
        let mut weights = x;
        dropped(&mut weights, false);
        weights.chunks_mut(KEYS).for_each(softmax);
        let soft = weights;
        if !std::ptr::fn_addr_eq(dropped, drop_key) {
            dropped(&mut weights, true);
        }
        let out: f64 = weights.iter().zip(v).map(|(w, v)| w * v).sum();
        (out * out, soft, out)
    };
    for (i, dropped) in [drop_key, weights].into_iter().enumerate() {
        let (loss, soft, out) = attend(logits(), dropped);
        assert!(loss > 0.0, "a loss of zero would prove nothing");
        let mut dw = v.map(|v| 2.0 * out * v);
        if i == 1 {
            Dropout::new(drop_rate!(0.4))
                .backward_in_place(&mut dw, MaskKey::new(SEED, STREAM))
                .expect("any length");
        }
        let mut dx = [0.0; LOGITS];
        for ((dx, dw), w) in dx.chunks_mut(KEYS).zip(dw.chunks(KEYS)).zip(soft.chunks(KEYS)) {
            let sum: f64 = dw.iter().zip(w).map(|(d, w)| d * w).sum();
            dx.iter_mut().zip(dw).zip(w).for_each(|((dx, dw), w)| *dx = w * (dw - sum));
        }
        if i == 0 {
            Dropout::drop_key(drop_rate!(0.4))
                .backward_in_place(&mut dx, MaskKey::new(SEED, STREAM))
                .expect("any length");
        }
        assert!(dx.iter().any(|d| d.abs() > 1e-3), "a gradient of zero would prove nothing");
        for (j, dx) in dx.iter().enumerate() {
            let wanted = difference(|step| {
                let mut x = logits();
                x[j] += step;
                attend(x, dropped).0
            });
            assert!(close(*dx, wanted), "{i} logit {j}: {dx} not {wanted}");
        }
    }
}

/// The dropped count of keys in standard deviations from n * p.
fn deviation(rate: DropRate, p: f64, n: usize) -> f64 {
    let mut x = vec![1f32; n];
    Dropout::drop_key(rate).forward_in_place(&mut x, MaskKey::new(2, 0)).expect("any length");
    let dropped = x.iter().filter(|x| **x == f32::NEG_INFINITY).count() as f64;
    (dropped - n as f64 * p) / (n as f64 * p * (1.0 - p)).sqrt()
}

/// So many that a rate wrong by 1 % lies nine standard deviations off. False alarm 10^-6 a rate.
#[test]
fn keys_are_dropped_at_the_rate_p() {
    for p in [0.1f32, 0.3, 0.5] {
        let rate = DropRate::new(p).expect("a probability");
        let n = (810_000.0 * (1.0 - rate.p()) / rate.p()) as usize;
        assert!(deviation(rate, rate.p(), n).abs() < LIMIT, "p {p}");
        for factor in [0.99, 1.01] {
            let wrong = DropRate::new(p * factor).expect("a probability");
            assert!(deviation(wrong, rate.p(), n).abs() > LIMIT, "p {p} * {factor}");
        }
    }
}

#[test]
fn golden_values() {
    const GONE: f32 = f32::NEG_INFINITY;
    let mut x = [1f32, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0];
    Dropout::drop_key(drop_rate!(0.4))
        .forward_in_place(&mut x, MaskKey::new(42, 0))
        .expect("any length");
    assert_eq!(x, [1.0, 2.0, 3.0, 4.0, GONE, 6.0, GONE, 8.0]);
}

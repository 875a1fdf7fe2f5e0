//! Dropout of adapters of low rank, by layouts: rank dropout against its formula and with its
//! gradients, and `HiddenKey`'s columns of keys (Wang et al. 2024) through a softmax.

use dropout_kernels::{DropRate, Dropout, Layout, MaskKey, drop_rate};
use dropout_reference::stream::Reference;

const SEED: u64 = 5;
const STREAM: u64 = 3;
const KEY: MaskKey = MaskKey::new(SEED, STREAM);

const BATCH: usize = 5;
const TOKENS: usize = 3;
const RANK: usize = 4;
const INPUTS: usize = 7;
const OUTPUTS: usize = 6;

fn wave(n: usize, phase: f64) -> Vec<f64> {
    (0..n).map(|i| (i as f64 * 1.3 + phase).sin()).collect()
}

/// M x for each of some vectors x, with M of so many rows.
fn product(m: &[f64], rows: usize, x: &[f64]) -> Vec<f64> {
    let columns = m.len() / rows;
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    x.chunks(columns)
        .flat_map(|x| m.chunks(columns).map(|m| dot(m, x)).collect::<Vec<_>>())
        .collect()
}

fn transposed(m: &[f64], rows: usize) -> Vec<f64> {
    let columns = m.len() / rows;
    (0..columns).flat_map(|c| (0..rows).map(move |r| m[r * columns + c])).collect()
}

/// B D(A x), with a decision for each (sample, rank).
fn adapter(rate: DropRate, a: &[f64], b: &[f64], x: &[f64]) -> Vec<f64> {
    let layout = Layout::batch_major(BATCH, TOKENS, RANK).expect("a small shape");
    let mut ax = product(a, RANK, x);
    Dropout::new(rate).over(layout).forward_in_place(&mut ax, KEY).expect("it fits");
    product(b, OUTPUTS, &ax)
}

#[test]
fn ranks_are_dropped_for_all_tokens_of_a_sample() {
    let (a, b) = (wave(RANK * INPUTS, 0.1), wave(OUTPUTS * RANK, 0.2));
    let x = wave(BATCH * TOKENS * INPUTS, 0.3);
    let rate = drop_rate!(0.5);
    let keep = Reference::new(SEED, STREAM).mask(rate.threshold(), BATCH * RANK);
    assert!(keep.contains(&true) && keep.contains(&false));
    let mut wanted = vec![];
    for (sample, keep) in x.chunks(TOKENS * INPUTS).zip(keep.chunks(RANK)) {
        // The columns of B that belong to ranks that are dropped are zeros.
        let b: Vec<_> =
            (0..b.len()).map(|i| if keep[i % RANK] { 2.0 * b[i] } else { 0.0 }).collect();
        wanted.extend(product(&b, OUTPUTS, &product(&a, RANK, sample)));
    }
    for (given, wanted) in adapter(rate, &a, &b, &x).iter().zip(wanted) {
        assert!((given - wanted).abs() < 1e-12, "{given}, not {wanted}");
    }
}

#[test]
fn the_gradient_goes_through_the_ranks_that_are_kept() {
    let (a, b) = (wave(RANK * INPUTS, 0.1), wave(OUTPUTS * RANK, 0.2));
    let x = wave(BATCH * TOKENS * INPUTS, 0.3);
    let rate = drop_rate!(0.5);
    let layout = Layout::batch_major(BATCH, TOKENS, RANK).expect("a small shape");
    let loss = |a: &[f64]| adapter(rate, a, &b, &x).iter().map(|y| y.sin()).sum::<f64>();
    let dy: Vec<_> = adapter(rate, &a, &b, &x).iter().map(|y| y.cos()).collect();
    let mut d_ax = product(&transposed(&b, OUTPUTS), RANK, &dy);
    Dropout::new(rate).over(layout).backward_in_place(&mut d_ax, KEY).expect("it fits");
    for i in 0..a.len() {
        let gradient: f64 = (0..BATCH * TOKENS)
            .map(|v| d_ax[v * RANK + i / INPUTS] * x[v * INPUTS + i % INPUTS])
            .sum();
        let at = |step: f64| {
            let mut a = a.clone();
            a[i] += step;
            loss(&a)
        };
        let slope = (at(1e-5) - at(-1e-5)) / 2e-5;
        assert!((gradient - slope).abs() < 1e-7, "{i}: {gradient}, not {slope}");
    }
}

/// Of a sample and of all samples: y = W x is left, and no NaN.
#[test]
fn a_sample_without_ranks_is_zeros() {
    let (a, b) = (wave(RANK * INPUTS, 0.1), wave(OUTPUTS * RANK, 0.2));
    let x = wave(BATCH * TOKENS * INPUTS, 0.3);
    assert_eq!(adapter(DropRate::ONE, &a, &b, &x), [0.0; BATCH * TOKENS * OUTPUTS]);
    let rate = drop_rate!(0.9);
    let keep = Reference::new(SEED, STREAM).mask(rate.threshold(), BATCH * RANK);
    let y = adapter(rate, &a, &b, &x);
    let mut none = 0;
    for (y, keep) in y.chunks(TOKENS * OUTPUTS).zip(keep.chunks(RANK)) {
        none += usize::from(!keep.contains(&true));
        assert_eq!(y.iter().all(|y| *y == 0.0), !keep.contains(&true));
    }
    assert!(none > 0, "each sample kept a rank");
}

/// A key is dropped for all queries of a head, and its weight goes to the others.
#[test]
fn columns_of_keys_are_dropped_for_all_queries_of_a_head() {
    const HEADS: usize = 4;
    const QUERIES: usize = 3;
    const KEYS: usize = 10;
    let rate = drop_rate!(0.4);
    let layout = Layout::new(HEADS, QUERIES, KEYS, 1).expect("a small shape");
    let drop_key = Dropout::drop_key(rate).over(layout);
    let logits = wave(HEADS * QUERIES * KEYS, 0.4);
    let (mut dropped, mut dx) = (logits.clone(), logits.clone());
    drop_key.forward_in_place(&mut dropped, KEY).expect("it fits");
    drop_key.backward_in_place(&mut dx, KEY).expect("it fits");
    let keep = Reference::new(SEED, STREAM).mask(rate.threshold(), HEADS * KEYS);
    for (row, (given, logits)) in dropped.chunks(KEYS).zip(logits.chunks(KEYS)).enumerate() {
        let keep = &keep[row / QUERIES * KEYS..][..KEYS];
        assert!(keep.contains(&true) && keep.contains(&false));
        let exp: Vec<_> = given.iter().map(|x| x.exp()).collect();
        let sum: f64 = exp.iter().sum();
        let over = |i: usize| if keep[i] { logits[i].exp() } else { 0.0 };
        let wanted: f64 = (0..KEYS).map(over).sum();
        for i in 0..KEYS {
            assert!((exp[i] / sum - over(i) / wanted).abs() < 1e-12, "row {row}, key {i}");
            assert_eq!(dx[row * KEYS + i], if keep[i] { logits[i] } else { 0.0 });
        }
    }
}

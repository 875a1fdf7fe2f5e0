//! Dropout over a layout in training: a published mask, the gradient of a loss, and the rate of
//! channels.

use dropout_kernels::{Backend, Dropout, Layout, MaskKey, RuleFor, drop_rate};

const SEED: u64 = 3;
const STREAM: u64 = 11;

/// The check values of docs/STREAM.md for seed 42, as the channels that are kept.
#[test]
fn the_published_mask_decides_channels() {
    const WORDS: [u32; 4] = [0xfeff_afbf, 0x7fff_b7ff, 0xffff_ffff, 0x0000_000f];
    let maps = Layout::channels_first(4, 25, &[3]).expect("a small shape");
    let last = Layout::channels_last(1, &[3], 100).expect("a small shape");
    for backend in Backend::available() {
        let dropout = Dropout::new(drop_rate!(0.1)).with_backend(backend);
        let (mut first, mut second) = ([0.9f32; 300], [0.9f32; 300]);
        dropout
            .over(maps)
            .forward_in_place(&mut first, MaskKey::new(42, 0))
            .expect("lengths agree");
        dropout
            .over(last)
            .forward_in_place(&mut second, MaskKey::new(42, 0))
            .expect("lengths agree");
        for i in 0..300 {
            let y = |bit: usize| {
                if WORDS[bit / 32] >> (bit % 32) & 1 == 1 { 0x3f80_0000 } else { 0 }
            };
            assert_eq!(first[i].to_bits(), y(i / 3), "element {i}");
            assert_eq!(second[i].to_bits(), y(i % 100), "element {i}");
        }
    }
}

/// A loss that is not linear in what dropout gives, against central finite differences.
#[test]
fn backward_is_the_gradient_of_forward() {
    const STEP: f64 = 1e-5;
    fn check<R: RuleFor<f64>>(dropout: Dropout<R>, [groups, repeat, width, run]: [usize; 4]) {
        let dropout = dropout.over(Layout::new(groups, repeat, width, run).expect("a small shape"));
        let n = dropout.shape().elements();
        let x: Vec<f64> = (0..n).map(|i| (i as f64 * 0.9).cos()).collect();
        let weight = |i: usize| (i as f64 * 1.3 + 0.1).sin();
        let forward = |x: &[f64]| {
            let mut y = x.to_vec();
            dropout.forward_in_place(&mut y, MaskKey::new(SEED, STREAM)).expect("lengths agree");
            y
        };
        let loss = |x: &[f64]| -> f64 {
            forward(x).iter().enumerate().map(|(i, y)| weight(i) * y.tanh()).sum()
        };
        let slope = |(i, y): (usize, &f64)| weight(i) * (1.0 - y.tanh().powi(2));
        let mut dx: Vec<f64> = forward(&x).iter().enumerate().map(slope).collect();
        dropout.backward_in_place(&mut dx, MaskKey::new(SEED, STREAM)).expect("lengths agree");
        assert!(dx.contains(&0.0) && dx.iter().any(|dx| *dx != 0.0), "some are dropped, not all");
        for i in 0..n {
            let moved = |step: f64| {
                let mut x = x.clone();
                x[i] += step;
                loss(&x)
            };
            let wanted = (moved(STEP) - moved(-STEP)) / (2.0 * STEP);
            assert!((dx[i] - wanted).abs() < 1e-7, "{dropout:?} {i}: {} not {wanted}", dx[i]);
        }
    }
    for shape in [[1, 1, 12, 33], [1, 1, 20, 4], [2, 5, 9, 1], [1, 3, 40, 1]] {
        check(Dropout::new(drop_rate!(0.4)), shape);
        check(Dropout::classic(drop_rate!(0.4)), shape);
        check(Dropout::alpha(drop_rate!(0.4)), shape);
    }
}

/// The share of channels dropped, of 1.6 million, lies within 4.9 standard deviations (false alarm
/// 10^-6). A p wrong by 1 % lies 8.4 off, and fails in all but one case of 4000.
#[test]
fn channels_are_dropped_at_the_rate() {
    const CHANNELS: usize = 1 << 16;
    const STREAMS: u64 = 25;
    let rate = drop_rate!(0.3);
    for layout in [
        Layout::channels_first(1, CHANNELS, &[2]).expect("a small shape"),
        Layout::channels_last(1, &[2], CHANNELS).expect("a small shape"),
    ] {
        let dropout = Dropout::new(rate).over(layout);
        let mut dropped = 0;
        for stream in 0..STREAMS {
            let mut x = vec![1f32; layout.elements()];
            dropout.forward_in_place(&mut x, MaskKey::new(SEED, stream)).expect("lengths agree");
            dropped += x.iter().filter(|x| **x == 0.0).count();
        }
        assert_eq!(dropped % 2, 0, "both places of a channel");
        let (n, p) = ((CHANNELS as u64 * STREAMS) as f64, rate.p());
        let off = (dropped as f64 / 2.0 - n * p) / (n * p * (1.0 - p)).sqrt();
        assert!(off.abs() < 4.9, "{off} standard deviations");
    }
}

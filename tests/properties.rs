//! What holds for any input: random lengths, rates, seeds and values, found and shrunk by proptest.

use dropout_kernels::{DropRate, Dropout, MaskMut, MaskRef, MaskRng, mask_words};
use proptest::collection::vec;
use proptest::prelude::*;

/// Any rate: any threshold, and those of the floats that people write.
fn rate() -> impl Strategy<Value = DropRate> {
    let any = (0..=1u64 << 40).prop_map(|t| DropRate::from_threshold(t).expect("at most 2^40"));
    let common = (0u32..=256).prop_map(|k| DropRate::from_ratio(k, 256).expect("at most 1"));
    let float = (0f32..=1.0).prop_map(|p| DropRate::new(p).expect("a probability"));
    prop_oneof![any, common, float]
}

fn drawn(rng: &mut MaskRng, rate: DropRate, n: usize) -> Vec<u32> {
    let mut words = vec![0; mask_words(n)];
    rng.fill(rate, MaskMut::new(&mut words, n).expect("mask_words(n) words"));
    words
}

/// Small integers, of which sums and products are exact.
fn integers(n: usize) -> impl Strategy<Value = Vec<f64>> {
    vec((-1000i32..=1000).prop_map(f64::from), n)
}

proptest! {
    #[test]
    fn replay_is_the_stored_mask(
        dropout in rate().prop_map(Dropout::new), seed: u64, stream: u64, x in vec(-1e3f32..1e3, 0..1500),
    ) {
        let mut words = vec![0; mask_words(x.len())];
        let (mut stored, mut replayed) = (x.clone(), x);
        let mask = MaskMut::new(&mut words, stored.len()).expect("mask_words(n) words");
        let mut rng = MaskRng::new(seed, stream);
        dropout.forward_in_place(&mut stored, mask, &mut rng).expect("lengths agree");
        dropout.forward_replay_in_place(&mut replayed, seed, stream);
        prop_assert_eq!(stored, replayed);
    }

    #[test]
    fn split_at_blocks_is_whole(
        rate in rate(), seed: u64, stream: u64, blocks in 0usize..4, rest in 0usize..1100,
    ) {
        let whole = drawn(&mut MaskRng::new(seed, stream), rate, 512 * blocks + rest);
        let mut rng = MaskRng::new(seed, stream);
        let mut parts = drawn(&mut rng, rate, 512 * blocks);
        parts.extend(drawn(&mut rng, rate, rest));
        prop_assert_eq!(parts, whole);
    }

    #[test]
    fn a_shorter_mask_is_the_beginning_of_a_longer(
        rate in rate(), seed: u64, n in 0usize..1500, more in 0usize..1000,
    ) {
        let short = drawn(&mut MaskRng::new(seed, 0), rate, n);
        let long = drawn(&mut MaskRng::new(seed, 0), rate, n + more);
        prop_assert_eq!(MaskRef::new(&short, n), MaskRef::new(&long[..mask_words(n)], n));
    }

    /// <D x, y> = <x, D y>: backward by the stored mask is the adjoint of forward without one. Scales
    /// that are powers of two keep the sums exact.
    #[test]
    fn backward_is_the_adjoint_of_forward(
        quarters in 2u32..=3, seed: u64,
        (x, y) in (0usize..700).prop_flat_map(|n| (integers(n), integers(n))),
    ) {
        let rate = DropRate::from_ratio(quarters, 4).expect("at most 1");
        let dropout = Dropout::new(rate);
        let words = drawn(&mut MaskRng::new(seed, 1), rate, x.len());
        let mask = MaskRef::new(&words, x.len()).expect("mask_words(n) words");
        let (mut dx, mut dy) = (x.clone(), y.clone());
        dropout.forward_replay_in_place(&mut dx, seed, 1);
        dropout.backward_in_place(&mut dy, mask).expect("lengths agree");
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        prop_assert_eq!(dot(&dx, &y), dot(&x, &dy));
    }

    #[test]
    fn de_morgan(a in vec(any::<u32>(), 8), b in vec(any::<u32>(), 8), n in 225usize..=256) {
        let bits = |words: &[u32]| -> Vec<bool> {
            MaskRef::new(words, n).expect("eight words").iter().collect()
        };
        let (mut left, mut right, mut not_b) = (a.clone(), a, b.clone());
        let mut mask = MaskMut::new(&mut left, n).expect("eight words");
        mask.and(MaskRef::new(&b, n).expect("eight words")).expect("same length");
        mask.not();
        MaskMut::new(&mut not_b, n).expect("eight words").not();
        let mut mask = MaskMut::new(&mut right, n).expect("eight words");
        mask.not();
        mask.or(MaskRef::new(&not_b, n).expect("eight words")).expect("same length");
        prop_assert_eq!(bits(&left), bits(&right));
    }

    #[test]
    fn kept_runs_are_the_kept_elements(words in vec(any::<u32>(), 6), n in 161usize..=192) {
        let mask = MaskRef::new(&words, n).expect("six words");
        let runs: Vec<_> = mask.kept_runs().collect();
        prop_assert!(runs.iter().all(|r| r.start < r.end && r.end <= n));
        prop_assert!(runs.windows(2).all(|w| w[0].end < w[1].start));
        let by_runs: Vec<_> = runs.into_iter().flatten().collect();
        let by_bits: Vec<_> = (0..n).filter(|i| mask.get(*i) == Some(true)).collect();
        prop_assert_eq!(by_runs, by_bits);
    }

    #[test]
    fn a_generator_survives_its_bytes(bytes: [[u8; 32]; 8]) {
        let bytes: [u8; 256] = bytes.concat().try_into().expect("8 times 32");
        if let Ok(rng) = MaskRng::from_bytes(&bytes) {
            prop_assert_eq!(rng.to_bytes(), bytes);
        } else {
            prop_assert!(bytes.chunks(16).any(|lane| lane == [0; 16]));
        }
    }
}

//! A key names a mask: its stream, its first mask, its lanes, and paths that lead to it.

use std::collections::HashSet;

use dropout_kernels::{
    DropRate, Error, KeyError, MaskKey, MaskMut, MaskRng, drop_rate, mask_words,
};
use dropout_reference::stream::Reference;
use dropout_reference::{LENGTHS, rates};
use rand_core::{Rng, SeedableRng};
use rand_xoshiro::{SplitMix64, Xoshiro128PlusPlus};

const EDGES: [u64; 6] = [0, 1, 42, u64::MAX / 2, u64::MAX - 1, u64::MAX];

#[test]
fn a_key_names_the_generator_of_its_seed_and_stream() {
    for seed in EDGES {
        for stream in EDGES {
            let key = MaskKey::new(seed, stream);
            assert_eq!((key.seed(), key.stream()), (seed, stream));
            let rng = MaskRng::from_key(key);
            assert_eq!(rng.to_bytes(), Reference::new(seed, stream).to_bytes(), "{key:?}");
            assert_eq!(rng, MaskRng::new(seed, stream));
            assert_eq!(rng, key.into());
        }
    }
}

#[test]
fn fill_gives_the_first_mask_of_the_generator() {
    for rate in rates() {
        for n in LENGTHS {
            let key = MaskKey::new(n as u64, rate.threshold());
            let draw = |fill: &dyn Fn(MaskMut<'_>)| {
                let mut words = vec![0xA5A5_A5A5; mask_words(n)];
                fill(MaskMut::new(&mut words, n).expect("as many words as the mask has"));
                words
            };
            let by_key = draw(&|mask| key.fill(rate, mask));
            let by_generator = draw(&|mask| MaskRng::from_key(key).fill(rate, mask));
            assert_eq!(by_key, by_generator, "{rate:?} n {n}");
        }
    }
}

#[test]
fn lanes_are_those_of_the_generator_and_more_of_their_kind() {
    for (seed, stream) in [(42, 0), (u64::MAX, 7)] {
        let key = MaskKey::new(seed, stream);
        let mut reference = Reference::new(seed, stream);
        for lane in 0..16u32 {
            let mut generator = Xoshiro128PlusPlus::from_seed(key.lane_seed(lane));
            for _ in 0..3 {
                assert_eq!(generator.next_u32(), reference.next(lane as usize), "lane {lane}");
            }
        }
        let mut first = HashSet::new();
        for lane in (0..1000).chain([1 << 20, (1 << 30) - 1]) {
            let mut generator = Xoshiro128PlusPlus::from_seed(key.lane_seed(lane));
            assert!(first.insert(generator.next_u64()), "lane {lane} starts as another");
        }
        // The words of lane l are of counters 4 l + 1 to 4 l + 4, which wrap with lane 2^30.
        assert_eq!(key.lane_seed(1 << 30), key.lane_seed(0));
    }
}

#[test]
fn a_path_is_numbered_like_an_element_of_an_array() {
    let mut stream = 0;
    for step in 0..3 {
        for layer in 0..4 {
            for tile in 0..5 {
                let path = [(step, 3), (layer, 4), (tile, 5)];
                assert_eq!(MaskKey::at(9, &path), Ok(MaskKey::new(9, stream)));
                stream += 1;
            }
        }
    }
    assert_eq!(MaskKey::at(9, &[]), Ok(MaskKey::new(9, 0)));
    assert_eq!(MaskKey::at(9, &[(u64::MAX - 1, u64::MAX)]), Ok(MaskKey::new(9, u64::MAX - 1)));
    // All 2^64 streams, and extents of 1, which add nothing.
    let path = [(u64::MAX >> 32, 1 << 32), (0, 1), (u64::MAX >> 32, 1 << 32), (0, 1)];
    assert_eq!(MaskKey::at(9, &path), Ok(MaskKey::new(9, u64::MAX)));
    // In a constant, where a wrong path does not build.
    const KEY: MaskKey = match MaskKey::at(1, &[(5, 6), (7, 8)]) {
        Ok(key) => key,
        Err(_) => panic!("a path of 48 streams"),
    };
    assert_eq!(KEY, MaskKey::new(1, 47));
}

#[test]
fn paths_that_name_no_stream_are_refused() {
    let out = |at, index, extent| Err(KeyError::IndexOutOfRange { at, index, extent });
    assert_eq!(MaskKey::at(0, &[(3, 3)]), out(0, 3, 3));
    assert_eq!(MaskKey::at(0, &[(0, 3), (0, 0)]), out(1, 0, 0));
    assert_eq!(MaskKey::at(0, &[(0, 3), (u64::MAX, 9)]), out(1, u64::MAX, 9));
    let over = |at, last, extent| Err(KeyError::Overflow { at, last, extent });
    assert_eq!(MaskKey::at(0, &[(0, 1 << 32), (0, 1 << 32), (0, 2)]), over(2, u64::MAX, 2));
    assert_eq!(MaskKey::at(0, &[(0, 1 << 33), (0, 1 << 32)]), over(1, (1 << 33) - 1, 1 << 32));
    assert_eq!(MaskKey::at(0, &[(0, 3), (0, u64::MAX)]), over(1, 2, u64::MAX));
    for (error, text) in [
        (MaskKey::at(0, &[(18, 16)]), "expected an index below 0x10 at 0 of the path, got 0x12"),
        (
            MaskKey::at(0, &[(0, 1), (5, 0)]),
            "expected an extent above 0 at 1 of the path, got index 0x5 of 0",
        ),
        (
            MaskKey::at(0, &[(0, 1 << 33), (0, 1 << 32)]),
            "expected a path of at most 2^64 streams, got (0x1ffffffff + 1) * 0x100000000 at 1",
        ),
    ] {
        let error = error.expect_err("no stream");
        assert_eq!(error.to_string(), text);
        assert_eq!(Error::from(error).to_string(), text);
    }
}

/// stream' = mix64(mix64(stream + G) + (index + 1) * G), where what `SplitMix64` gives first from
/// the state z is mix64(z + G).
#[test]
fn fold_is_two_steps_of_splitmix64() {
    let first = |state: u64| SplitMix64::from_seed(state.to_le_bytes()).next_u64();
    let mut streams = HashSet::new();
    for stream in EDGES {
        for index in EDGES {
            let parent = first(stream);
            let mut child = SplitMix64::from_seed(
                parent.wrapping_add(index.wrapping_mul(0x9E37_79B9_7F4A_7C15)).to_le_bytes(),
            );
            let key = MaskKey::new(7, stream).fold(index);
            assert_eq!(key, MaskKey::new(7, child.next_u64()), "{stream} {index}");
            assert!(streams.insert(key.stream()));
        }
    }
    // Published values: of docs/STREAM.md's mixes, computed apart from this crate.
    assert_eq!(MaskKey::new(42, 0).fold(0), MaskKey::new(42, FOLD_0_0));
    assert_eq!(MaskKey::new(42, 0).fold(3).fold(1000), MaskKey::new(42, FOLD_0_3_1000));
}

const FOLD_0_0: u64 = 0xa706_dd2f_4d19_7e6f;
const FOLD_0_3_1000: u64 = 0x5c64_f736_cc8a_b76b;

/// What a program relies on that names masks by keys: order and time of drawing do not matter.
#[test]
fn masks_of_keys_can_be_drawn_in_any_order() {
    let draw = |stream| {
        let mut words = [0; 4];
        MaskKey::new(5, stream)
            .fill(drop_rate!(0.5), MaskMut::new(&mut words, 128).expect("four words"));
        words
    };
    let up: Vec<_> = (0..50).map(draw).collect();
    let mut down: Vec<_> = (0..50).rev().map(draw).collect();
    down.reverse();
    assert_eq!(up, down);
    assert_eq!(up.iter().collect::<HashSet<_>>().len(), 50);
}

#[test]
fn at_rates_0_and_1_the_mask_is_ones_and_zeros() {
    for (rate, expected) in [(DropRate::ZERO, [!0, 0xFF]), (DropRate::ONE, [0, 0])] {
        let mut words = [0xA5A5_A5A5; 2];
        MaskKey::new(1, 2).fill(rate, MaskMut::new(&mut words, 40).expect("two words"));
        assert_eq!(words, expected);
    }
}

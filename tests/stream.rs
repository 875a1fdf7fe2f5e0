//! The mask stream is the one of STREAM.md: check values, the lanes, and what follows from them.

use dropout_kernels::{Backend, DropRate, MaskMut, MaskRng, StateError, drop_rate, mask_words};
use dropout_reference::stream::{Reference, pack};
use dropout_reference::{LENGTHS, rates};
use rand_core::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro128PlusPlus;

/// The words of a mask drawn by `backend`, into words that held garbage.
fn draw(backend: Backend, rng: &mut MaskRng, rate: DropRate, n: usize) -> Vec<u32> {
    let mut words = vec![0xA5A5_A5A5; mask_words(n)];
    rng.fill_with(backend, rate, MaskMut::new(&mut words, n).expect("mask_words(n) words"));
    words
}

/// A row of STREAM.md's table.
struct CheckValue {
    seed: u64,
    stream: u64,
    p: f32,
    threshold: u64,
    n: usize,
    first_words: &'static [u32],
    kept: u32,
}

const CHECK_VALUES: [CheckValue; 3] = [
    CheckValue {
        seed: 0,
        stream: 0,
        p: 0.5,
        threshold: 0x80_0000_0000,
        n: 64,
        first_words: &[0x92cb_29dc, 0x25f3_2ba5],
        kept: 33,
    },
    CheckValue {
        seed: 42,
        stream: 0,
        p: 0.1,
        threshold: 0x19_9999_a000,
        n: 100,
        first_words: &[0xfeff_afbf, 0x7fff_b7ff, 0xffff_ffff, 0x0000_000f],
        kept: 93,
    },
    CheckValue {
        seed: 42,
        stream: 7,
        p: 0.25,
        threshold: 0x40_0000_0000,
        n: 512,
        first_words: &[0xbf6e_ffef, 0x73af_ff79, 0xffff_def0, 0xfc7f_eff0],
        kept: 395,
    },
];

#[test]
fn check_values() {
    assert_eq!(dropout_kernels::STREAM_VERSION, 2);
    for backend in Backend::available() {
        for row in CHECK_VALUES {
            let rate = DropRate::new(row.p).expect("a probability");
            assert_eq!(rate.threshold(), row.threshold);
            let words = draw(backend, &mut MaskRng::new(row.seed, row.stream), rate, row.n);
            assert_eq!(words[..row.first_words.len()], *row.first_words, "{backend:?} p {}", row.p);
            assert_eq!(words.iter().map(|w| w.count_ones()).sum::<u32>(), row.kept);
        }
    }
}

#[test]
fn lanes_0_and_15_of_seed_42_start_as_published() {
    let bytes = MaskRng::new(42, 0).to_bytes();
    let lane = |l: usize| -> Vec<u32> {
        let (words, _) = bytes[16 * l..16 * (l + 1)].as_chunks::<4>();
        words.iter().map(|w| u32::from_le_bytes(*w)).collect()
    };
    assert_eq!(lane(0), [0xa7e7_5328, 0xd1f6_109a, 0xbbae_7b5d, 0x2765_f68a]);
    assert_eq!(lane(15), [0xf5b9_d4c0, 0xe33a_8a11, 0x1e61_0290, 0xe824_6d89]);
}

#[test]
fn every_lane_is_seeded_as_rand_xoshiro_seeds_it() {
    let edges = [0, 1, 42, u64::MAX / 2, u64::MAX - 1, u64::MAX];
    for seed in edges {
        for stream in edges {
            let rng = MaskRng::new(seed, stream);
            assert_eq!(rng.to_bytes(), Reference::new(seed, stream).to_bytes(), "{seed} {stream}");
        }
    }
}

#[test]
fn masks_and_states_are_the_references() {
    for backend in Backend::available() {
        for rate in rates() {
            for n in LENGTHS {
                let (seed, stream) = (n as u64 + 1, rate.threshold());
                let mut rng = MaskRng::new(seed, stream);
                let mut reference = Reference::new(seed, stream);
                // The second call begins where the lanes of the first were left.
                for call in 0..2 {
                    let expected = pack(&reference.mask(rate.threshold(), n));
                    let words = draw(backend, &mut rng, rate, n);
                    assert_eq!(words, expected, "{backend:?} {rate:?} n {n} call {call}");
                    assert_eq!(rng.to_bytes(), reference.to_bytes(), "{backend:?} {rate:?} n {n}");
                }
            }
        }
    }
}

/// The draws of one lane decide elements 0 and 1 at p = `threshold` / 2^40, by the definition: top
/// is what their first eight bits are, and low is compared with the draw that breaks the tie.
#[test]
fn a_tie_is_kept_where_the_draw_equals_low_and_dropped_below() {
    // Seeds at which two elements of word 0 agree in their first eight bits, so that both tie.
    let mut found = 0;
    for seed in 0..400u64 {
        let bytes = Reference::new(seed, 0).to_bytes();
        let lane: [u8; 16] = bytes[..16].try_into().expect("16 bytes");
        let mut lane = Xoshiro128PlusPlus::from_seed(lane);
        let planes: [u32; 8] = std::array::from_fn(|_| lane.next_u32());
        let fraction = |i: u32| planes.iter().fold(0, |f, r| f << 1 | u64::from(r >> i & 1));
        let ties: Vec<u32> = (1..32).filter(|i| fraction(*i) == fraction(0)).collect();
        let [second] = ties[..] else { continue };
        let draws = [lane.next_u32(), lane.next_u32()];
        for (element, r) in [(0, draws[0]), (second, draws[1])] {
            for (low, kept) in [(r, true), (r.wrapping_add(1), false)] {
                if low == 0 {
                    continue;
                }
                let rate = DropRate::from_threshold(fraction(0) << 32 | u64::from(low));
                let rate = rate.expect("below 2^40");
                for backend in Backend::available() {
                    // 512 elements, so that vectors are used where there are any.
                    let words = draw(backend, &mut MaskRng::new(seed, 0), rate, 512);
                    assert_eq!(words[0] >> element & 1 != 0, kept, "{backend:?} seed {seed}");
                    let words = draw(backend, &mut MaskRng::new(seed, 0), rate, 32);
                    assert_eq!(words[0] >> element & 1 != 0, kept, "{backend:?} seed {seed}");
                }
            }
        }
        found += 1;
    }
    assert!(found > 20, "{found} seeds with two ties would be too few to prove anything");
}

/// A rate whose first eight bits are few decides most words by ties, several in each.
#[test]
fn words_of_many_ties_are_the_references() {
    for backend in Backend::available() {
        for threshold in [1, 0x8000_0000, 0xFFFF_FFFF, 0x01_0000_0001, 0xFF_FFFF_FFFF] {
            let rate = DropRate::from_threshold(threshold).expect("below 2^40");
            let n = 512 * 400;
            let mut rng = MaskRng::new(3, 4);
            let mut reference = Reference::new(3, 4);
            assert_eq!(draw(backend, &mut rng, rate, n), pack(&reference.mask(threshold, n)));
            assert_eq!(rng.to_bytes(), reference.to_bytes());
        }
    }
}

#[test]
fn a_call_split_at_multiples_of_512_is_the_whole_call() {
    for rate in rates() {
        let whole = draw(Backend::detect(), &mut MaskRng::new(9, 1), rate, 2000);
        for at in [0, 512, 1024, 1536] {
            let mut rng = MaskRng::new(9, 1);
            let mut parts = draw(Backend::detect(), &mut rng, rate, at);
            parts.extend(draw(Backend::detect(), &mut rng, rate, 2000 - at));
            assert_eq!(parts, whole, "{rate:?} at {at}");
        }
    }
}

/// Word w depends on lane w % 16 alone, so lanes could run in any order.
#[test]
fn a_changed_lane_changes_its_words_alone() {
    let rate = drop_rate!(0.1);
    let plain = MaskRng::new(5, 5);
    let words = draw(Backend::detect(), &mut plain.clone(), rate, 2048);
    for lane in 0..16 {
        let mut bytes = plain.to_bytes();
        bytes[16 * lane] ^= 1;
        let mut rng = MaskRng::from_bytes(&bytes).expect("no lane is zero");
        let changed = draw(Backend::detect(), &mut rng, rate, 2048);
        let differ = |w: usize| words[w] != changed[w];
        assert!((0..64).filter(|w| w % 16 == lane).any(differ), "lane {lane}");
        assert!(!(0..64).filter(|w| w % 16 != lane).any(differ), "lane {lane}");
    }
}

#[test]
fn lanes_that_no_word_uses_do_not_advance() {
    for backend in Backend::available() {
        for n in LENGTHS {
            let used = mask_words(n).min(16);
            let mut rng = MaskRng::new(1, 2);
            let before = rng.to_bytes();
            draw(backend, &mut rng, drop_rate!(0.3), n);
            for lane in 0..16 {
                let state = 16 * lane..16 * (lane + 1);
                let moved = rng.to_bytes()[state.clone()] != before[state];
                assert_eq!(moved, lane < used, "{backend:?} n {n} lane {lane}");
            }
        }
    }
}

#[test]
fn at_rates_0_and_1_nothing_is_drawn() {
    for backend in Backend::available() {
        let mut rng = MaskRng::new(1, 2);
        assert_eq!(draw(backend, &mut rng, DropRate::ZERO, 40), [!0, 0xFF]);
        assert_eq!(draw(backend, &mut rng, drop_rate!(1.0), 40), [0, 0]);
        assert_eq!(rng, MaskRng::new(1, 2));
    }
}

#[test]
fn element_i_is_bit_i_of_the_little_endian_bytes() {
    let n = 100;
    let words = draw(Backend::detect(), &mut MaskRng::new(42, 0), drop_rate!(0.1), n);
    let bytes: Vec<u8> = words.iter().flat_map(|w| w.to_le_bytes()).collect();
    let keep = Reference::new(42, 0).mask(drop_rate!(0.1).threshold(), n);
    for (i, keep) in keep.iter().enumerate() {
        assert_eq!(bytes[i / 8] >> (i % 8) & 1 != 0, *keep);
    }
}

#[test]
fn a_generator_saved_in_the_middle_goes_on_where_it_stood() {
    let mut rng = MaskRng::new(77, 3);
    draw(Backend::detect(), &mut rng, drop_rate!(0.1), 1000);
    let mut restored = MaskRng::from_bytes(&rng.to_bytes()).expect("a generator's bytes");
    assert_eq!(rng, restored);
    for n in LENGTHS {
        let next = draw(Backend::detect(), &mut rng, drop_rate!(0.1), n);
        assert_eq!(draw(Backend::detect(), &mut restored, drop_rate!(0.1), n), next);
    }
}

#[test]
fn bytes_that_are_no_generator_are_refused_by_lane() {
    let good = MaskRng::new(1, 1).to_bytes();
    for lane in 0..16 {
        let mut bytes = good;
        bytes[16 * lane..16 * (lane + 1)].fill(0);
        let error = StateError::ZeroLane { lane };
        assert_eq!(MaskRng::from_bytes(&bytes), Err(error));
        assert!(error.to_string().contains(&format!("lane {lane} ")), "{error}");
        bytes[16 * lane + 15] = 1;
        assert!(MaskRng::from_bytes(&bytes).is_ok());
    }
}

#[test]
fn seeds_of_rand_core() {
    let mut seed = [0; 16];
    seed[..8].copy_from_slice(&42u64.to_le_bytes());
    seed[8..].copy_from_slice(&7u64.to_le_bytes());
    assert_eq!(MaskRng::from_seed(seed), MaskRng::new(42, 7));
    assert_eq!(MaskRng::seed_from_u64(42), MaskRng::new(42, 0));
}

#[test]
fn a_generator_can_be_a_constant() {
    static RNG: std::sync::Mutex<MaskRng> = std::sync::Mutex::new(MaskRng::new(42, 0));
    assert_eq!(*RNG.lock().expect("nobody panicked"), MaskRng::new(42, 0));
}

#[test]
fn debug_output_hides_the_state() {
    assert_eq!(format!("{:?}", MaskRng::new(42, 0)), "MaskRng { .. }");
}

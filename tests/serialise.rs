//! What `serde` stores comes back the same from a text and from a binary format, and what no
//! constructor makes is refused by both.

use std::fmt::{Debug, Display};

use dropout_kernels::{
    DropRate, Layout, Mask, MaskKey, MaskRng, STREAM_VERSION, Schedule, drop_rate,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// To JSON and to postcard and back.
fn round_trip<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T) -> Value {
    let text = serde_json::to_string(value).expect("a text");
    assert_eq!(&serde_json::from_str::<T>(&text).expect(&text), value);
    let mut buffer = [0; 1024];
    let bytes = postcard::to_slice(value, &mut buffer).expect("room");
    assert_eq!(&postcard::from_bytes::<T>(bytes).expect("its bytes"), value);
    serde_json::from_str(&text).expect("JSON")
}

/// Refused by JSON with a message, and by postcard, given as something else that is stored alike.
fn refused<T: DeserializeOwned + Debug>(alike: &impl Serialize, message: impl Display) {
    let message = message.to_string();
    let text = serde_json::to_string(alike).expect("a text");
    let error = serde_json::from_str::<T>(&text).expect_err(&text).to_string();
    assert!(error.contains(&message), "{error:?} where {message:?} was expected");
    let mut buffer = [0; 1024];
    let bytes = postcard::to_slice(alike, &mut buffer).expect("room");
    assert!(postcard::from_bytes::<T>(bytes).is_err(), "{message}");
}

/// What `MaskRng` is stored as, without its checks.
#[derive(Serialize, Deserialize, Clone)]
struct State {
    stream_version: u32,
    lanes: [[u8; 16]; 16],
}

fn state(rng: &MaskRng) -> State {
    serde_json::from_value(round_trip(rng)).expect("a version and lanes")
}

/// A generator whose lanes have advanced by different numbers of draws.
fn used() -> MaskRng {
    let mut rng = MaskRng::new(77, 3);
    let mut mask = Mask::<40>::new();
    rng.fill(drop_rate!(0.1), mask.view_mut(1270).expect("40 words"));
    rng
}

#[test]
fn keys() {
    for (seed, stream) in [(0, 0), (42, 7), (u64::MAX, u64::MAX - 1)] {
        let stored = round_trip(&MaskKey::new(seed, stream));
        assert_eq!(stored, json!({ "seed": seed, "stream": stream }));
    }
}

#[test]
fn generators() {
    for rng in [MaskRng::new(0, 0), MaskRng::new(u64::MAX, 1), used()] {
        let stored = state(&rng);
        assert_eq!(stored.stream_version, STREAM_VERSION);
        assert_eq!(stored.lanes.as_flattened(), rng.to_bytes());
    }
    // In a compact format no larger than its state and a byte.
    let mut buffer = [0; 1024];
    assert_eq!(postcard::to_slice(&used(), &mut buffer).expect("room").len(), 257);
}

#[test]
fn states_that_no_generator_is_in_are_refused() {
    let good = state(&used());
    let mut zero = good.clone();
    zero.lanes[9] = [0; 16];
    refused::<MaskRng>(&zero, "lane 9 is zero");
    let mut equal = good.clone();
    equal.lanes[15] = equal.lanes[4];
    refused::<MaskRng>(&equal, "lanes 4 and 15 are equal");
    refused::<MaskRng>(&State { lanes: [[0xFF; 16]; 16], ..good }, "lanes 0 and 1 are equal");
    let older = State { stream_version: STREAM_VERSION - 1, ..good };
    refused::<MaskRng>(&older, format!("version {STREAM_VERSION}, got {}", STREAM_VERSION - 1));
    // Both faults: the version explains the other one.
    let newer = State { stream_version: STREAM_VERSION + 1, ..zero };
    refused::<MaskRng>(&newer, format!("version {STREAM_VERSION}, got {}", STREAM_VERSION + 1));
    // Erased flash as postcard reads it: a number that never ends. Zeros: version 0.
    assert!(postcard::from_bytes::<MaskRng>(&[0xFF; 300]).is_err());
    assert!(postcard::from_bytes::<MaskRng>(&[0; 300]).is_err());
}

#[test]
fn rates() {
    let below_one = DropRate::from_threshold((1 << 40) - 1).expect("below 1");
    let tenth = DropRate::from_ratio(1, 10).expect("a ratio");
    for rate in [DropRate::ZERO, DropRate::ONE, drop_rate!(0.1), tenth, below_one] {
        assert_eq!(round_trip(&rate), json!(rate.threshold()));
        // The scales come with it, which `==` does not compare.
        let back: DropRate = serde_json::from_value(json!(rate.threshold())).expect("a rate");
        assert_eq!((back.scale(), back.scale_f32()), (rate.scale(), rate.scale_f32()));
    }
}

#[test]
fn thresholds_above_one_are_refused() {
    for threshold in [(1_u64 << 40) + 1, u64::MAX] {
        refused::<DropRate>(&threshold, format!("threshold {threshold:#x} of 2^40"));
    }
    for text in ["-1", "0.5", "\"0.5\"", "null"] {
        assert!(serde_json::from_str::<DropRate>(text).is_err(), "{text}");
    }
}

#[test]
fn schedules() {
    let (rate, other) = (drop_rate!(0.25), drop_rate!(0.5));
    let (t, u) = (rate.threshold(), other.threshold());
    for (schedule, expected) in [
        (Schedule::linear(rate, other, 9), json!({ "linear": { "from": t, "to": u, "steps": 9 } })),
        (Schedule::curriculum(rate, 9), json!({ "curriculum": { "rate": t, "steps": 9 } })),
        (Schedule::early(rate, 9), json!({ "early": { "rate": t, "steps": 9 } })),
        (Schedule::late(rate, 0), json!({ "late": { "rate": t, "steps": 0 } })),
        (
            Schedule::linear(rate, DropRate::ZERO, u32::MAX),
            json!({ "linear": { "from": t, "to": 0, "steps": u32::MAX } }),
        ),
    ] {
        assert_eq!(round_trip(&schedule), expected);
    }
    // Of a rate of 0 both are the same schedule.
    round_trip(&Schedule::early(DropRate::ZERO, 5));
    round_trip(&Schedule::late(DropRate::ZERO, 5));
}

#[test]
fn schedules_that_no_constructor_makes_are_refused() {
    for (stored, message) in [
        (json!({ "early": { "rate": (1_u64 << 40) + 1, "steps": 9 } }), "of 2^40"),
        (json!({ "constant": { "rate": 0, "steps": 9 } }), "unknown variant `constant`"),
        (json!({ "late": { "rate": 0, "steps": 1_u64 << 32 } }), "expected u32"),
        (json!({ "linear": { "from": 0, "steps": 9 } }), "missing field `to`"),
    ] {
        let error = serde_json::from_value::<Schedule>(stored).expect_err(message).to_string();
        assert!(error.contains(message), "{error}");
    }
    assert!(postcard::from_bytes::<Schedule>(&[4, 0, 9]).is_err(), "a fifth constructor");
}

#[test]
fn layouts() {
    let maps = Layout::channels_first(8, 16, &[7, 5]).expect("fits");
    let expected = json!({ "groups": 1, "repeat": 1, "width": 128, "run": 35 });
    assert_eq!(round_trip(&maps), expected);
    for layout in [
        Layout::elementwise(0),
        Layout::elementwise(usize::MAX),
        Layout::whole(usize::MAX),
        Layout::batch_major(2, 3, 4).expect("fits"),
        Layout::new(0, usize::MAX, 3, usize::MAX).expect("no elements"),
    ] {
        round_trip(&layout);
    }
}

#[test]
fn layouts_that_nothing_can_index_are_refused() {
    #[derive(Serialize)]
    struct Extents {
        groups: u64,
        repeat: u64,
        width: u64,
        run: u64,
    }
    let most = usize::MAX as u64;
    for [groups, repeat, width, run] in [[2, 1, most, 1], [2, 0, most, 1], [1, 1 << 40, 1 << 40, 1]]
    {
        refused::<Layout>(&Extents { groups, repeat, width, run }, "that can be counted");
    }
}

#[test]
fn masks() {
    let mask = Mask::from_words([0xFEFF_AFBF, 0, u32::MAX, 1]);
    assert_eq!(round_trip(&mask), json!([0xFEFF_AFBF_u32, 0, u32::MAX, 1]));
    round_trip(&Mask::<0>::new());
    let words: [u32; 150] = std::array::from_fn(|i| (i as u32).wrapping_mul(0x9E37_79B9));
    round_trip(&Mask::from_words(words));
}

#[test]
fn masks_of_other_sizes_are_refused() {
    for given in [0, 1, 2, 4, 9] {
        let words = vec![7_u32; given];
        refused::<Mask<3>>(
            &words,
            format!("invalid length {}, expected the 3 words", given.min(4)),
        );
    }
    refused::<Mask<0>>(&vec![7_u32], "expected the 0 words of a mask");
    assert!(serde_json::from_str::<Mask<1>>("[4294967296]").is_err());
    assert!(serde_json::from_str::<Mask<1>>("[true]").is_err());
}

/// As a program has it: everything that a training step needs, in one value.
#[test]
fn a_checkpoint_of_training() {
    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    struct Checkpoint {
        step: u32,
        run: MaskKey,
        rng: MaskRng,
        schedule: Schedule,
        rate: DropRate,
        layout: Layout,
        mask: Mask<2>,
    }
    round_trip(&Checkpoint {
        step: 1000,
        run: MaskKey::new(42, 0).fold(3),
        rng: used(),
        schedule: Schedule::curriculum(drop_rate!(0.5), 10_000),
        rate: drop_rate!(0.1),
        layout: Layout::time_major(5, 2, 3).expect("fits"),
        mask: Mask::from_words([1, 2]),
    });
}

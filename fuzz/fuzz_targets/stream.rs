#![no_main]
//! Masks drawn one after the other by any backend from a generator in any state, saved and loaded
//! between, against docs/STREAM.md; and masks drawn in parts.

use std::collections::HashSet;

use arbitrary::Arbitrary;
use dropout_kernels::{Backend, MaskMut, MaskRng, STREAM_VERSION, StateError, mask_words};
use dropout_kernels_fuzz::input::{Length, Rate};
use dropout_kernels_fuzz::reference::guarded::Guarded;
use dropout_kernels_fuzz::reference::stream::{Reference, pack};
use libfuzzer_sys::fuzz_target;
use rand_core::SeedableRng;

#[derive(Arbitrary, Debug)]
struct Input {
    start: Start,
    draws: [Option<Draw>; 3],
    checkpoint: Checkpoint,
}

#[derive(Arbitrary, Debug)]
enum Start {
    Name(u64, u64),
    Seed([u8; 16]),
    /// The bytes of a generator, with any three lanes from `at` on.
    Bytes {
        at: u8,
        lanes: [u8; 48],
    },
}

/// Bytes that may be a checkpoint: any, or those of a generator with some changed, and with a check
/// sum that fits.
#[derive(Arbitrary, Debug)]
struct Checkpoint {
    any: Option<[u8; 32]>,
    changed: [Option<(u16, u8)>; 3],
    length: u16,
    summed: bool,
}

#[derive(Arbitrary, Debug)]
struct Draw {
    rate: Rate,
    length: Length,
    offset: u8,
    backend: u8,
    reloaded: bool,
    in_parts: bool,
}

fuzz_target!(|input: Input| {
    if let Some((mut rng, mut reference)) = start(&input.start) {
        for draw in input.draws.iter().flatten() {
            check(draw, &mut rng, &mut reference);
        }
        restore(&input.checkpoint, &rng);
    }
});

/// `MaskRng::from_checkpoint` against its table, read byte by byte.
fn restore(checkpoint: &Checkpoint, rng: &MaskRng) {
    const BYTES: usize = MaskRng::CHECKPOINT_BYTES;
    let mut bytes = rng.to_checkpoint().to_vec();
    if let Some(any) = checkpoint.any {
        bytes = any.into_iter().cycle().take(BYTES).collect();
    }
    for (at, by) in checkpoint.changed.iter().flatten() {
        bytes[usize::from(*at) % BYTES] ^= by;
    }
    if checkpoint.summed {
        let sum = crc32(&bytes[..BYTES - 4]);
        bytes[BYTES - 4..].copy_from_slice(&sum.to_le_bytes());
    }
    if usize::from(checkpoint.length) < 2 * BYTES {
        bytes.resize(checkpoint.length.into(), 0xFF);
    }
    let word = |at: usize| {
        bytes.get(at..at + 4).map(|w| u32::from_le_bytes(w.try_into().expect("four bytes")))
    };
    let given = MaskRng::from_checkpoint(&bytes);
    let is =
        |error: fn(&StateError) -> bool| assert!(given.as_ref().is_err_and(error), "{given:?}");
    if bytes.len() >= 4 && bytes[..4] != *b"DkRn" {
        is(|e| matches!(e, StateError::NotACheckpoint { .. }));
    } else if word(4).is_some_and(|format| format != 1) {
        is(|e| matches!(e, StateError::OtherFormat { .. }));
    } else if bytes.len() != BYTES {
        is(|e| matches!(e, StateError::WrongLength { .. }));
    } else if word(BYTES - 4) != Some(crc32(&bytes[..BYTES - 4])) {
        is(|e| matches!(e, StateError::CheckSum { .. }));
    } else if word(8) != Some(STREAM_VERSION) {
        is(|e| matches!(e, StateError::OtherStream { .. }));
    } else {
        let state: [u8; 256] = bytes[12..BYTES - 4].try_into().expect("256 bytes");
        assert_eq!(given.is_ok(), is_a_state(&state));
        if let Ok(given) = given {
            assert_eq!(given.to_bytes(), state);
        }
    }
}

/// Whether no lane is zero, and no two are equal.
fn is_a_state(bytes: &[u8; 256]) -> bool {
    let lanes: HashSet<_> = bytes.chunks(16).collect();
    lanes.len() == 16 && !lanes.contains([0; 16].as_slice())
}

/// As `zlib` has it, bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| (sum >> 1) ^ ((sum & 1) * 0xEDB8_8320))
    })
}

/// The generator and its reference, if no lane is zero.
fn start(start: &Start) -> Option<(MaskRng, Reference)> {
    match start {
        Start::Name(seed, stream) => {
            Some((MaskRng::new(*seed, *stream), Reference::new(*seed, *stream)))
        }
        Start::Seed(bytes) => {
            let [seed, stream] = [&bytes[..8], &bytes[8..]]
                .map(|half| u64::from_le_bytes(half.try_into().expect("eight bytes")));
            Some((MaskRng::from_seed(*bytes), Reference::new(seed, stream)))
        }
        Start::Bytes { at, lanes } => {
            let mut bytes = Reference::new(0, 0).to_bytes();
            let at = usize::from(*at) % (256 - lanes.len() + 1);
            bytes[at..at + lanes.len()].copy_from_slice(lanes);
            let lane = |l: usize| &bytes[16 * l..][..16];
            match MaskRng::from_bytes(&bytes) {
                Ok(rng) => {
                    assert!(is_a_state(&bytes));
                    return Some((rng, Reference::from_bytes(&bytes)));
                }
                Err(StateError::ZeroLane { lane: l }) => assert_eq!(lane(l), [0; 16]),
                Err(StateError::EqualLanes { first, second }) => {
                    assert!(first < second && lane(first) == lane(second));
                }
                Err(other) => panic!("{other}"),
            }
            None
        }
    }
}

fn check(draw: &Draw, rng: &mut MaskRng, reference: &mut Reference) {
    let rate = draw.rate.get(reference);
    let n = draw.length.get();
    let keep = reference.mask(rate.threshold(), n);
    let count = Backend::available().count();
    let backend = Backend::available().nth(usize::from(draw.backend) % count).expect("below it");

    let garbage = vec![0x5A5A_5A5A; mask_words(n)];
    let mut words = Guarded::exact(&garbage, usize::from(draw.offset % 16), 0xDEAD_BEEF);
    if draw.in_parts {
        // Words of 512 elements at a time; only the last part may be shorter.
        for (part, words) in words.slice().chunks_mut(16).enumerate() {
            let part = MaskMut::new(words, (n - 512 * part).min(512)).expect("its words");
            rng.fill_with(backend, rate, part);
        }
    } else {
        rng.fill_with(backend, rate, MaskMut::new(words.slice(), n).expect("its words"));
    }
    assert_eq!(words.slice(), pack(&keep), "{backend:?}");
    assert!(words.intact(|a, b| a == b), "{backend:?}: before the mask");
    assert!(rng.to_bytes() == reference.to_bytes(), "{backend:?}: generator");
    if draw.reloaded {
        let loaded = MaskRng::from_bytes(&rng.to_bytes()).expect("a generator's bytes");
        assert!(loaded == *rng);
        *rng = loaded;
    }
}

#![no_main]
//! Masks drawn one after the other by any backend from a generator in any state, saved and loaded between, against
//! docs/STREAM.md; and masks drawn in parts.

use arbitrary::Arbitrary;
use dropout_kernels::{Backend, MaskMut, MaskRng, StateError, mask_words};
use dropout_kernels_fuzz::exact::Exact;
use dropout_kernels_fuzz::input::{Length, Rate};
use dropout_kernels_fuzz::support::reference::{Reference, pack};
use libfuzzer_sys::fuzz_target;
use rand_core::SeedableRng;

#[derive(Arbitrary, Debug)]
struct Input {
    start: Start,
    draws: [Option<Draw>; 3],
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
    }
});

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
            let zero = bytes.chunks(16).position(|lane| lane == [0; 16]);
            match (MaskRng::from_bytes(&bytes), zero) {
                (Ok(rng), None) => Some((rng, Reference::from_bytes(&bytes))),
                (Err(StateError::ZeroLane { lane }), Some(zero)) if lane == zero => None,
                (rng, zero) => panic!("{rng:?}, where {zero:?} is zero"),
            }
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
    let mut words = Exact::new(&garbage, usize::from(draw.offset % 16), 0xDEAD_BEEF);
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

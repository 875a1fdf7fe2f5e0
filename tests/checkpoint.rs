//! A generator that was saved goes on where it stood; what no generator can have saved is refused,
//! and said why.

use dropout_kernels::{Dropout, Error, Mask, MaskRng, STREAM_VERSION, StateError, drop_rate};

const BYTES: usize = MaskRng::CHECKPOINT_BYTES;
/// Where the parts of a checkpoint start.
const FORMAT: usize = 4;
const STREAM: usize = 8;
const STATE: usize = 12;
const SUM: usize = 268;

/// CRC-32 as `zlib` has it, bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| (sum >> 1) ^ ((sum & 1) * 0xEDB8_8320))
    })
}

/// The same with the check sum that belongs to it.
fn summed(mut bytes: [u8; BYTES]) -> [u8; BYTES] {
    let sum = crc32(&bytes[..SUM]);
    bytes[SUM..].copy_from_slice(&sum.to_le_bytes());
    bytes
}

/// A generator whose lanes have advanced by different numbers of draws.
fn used() -> MaskRng {
    let mut rng = MaskRng::new(77, 3);
    let mut mask = Mask::<40>::new();
    rng.fill(drop_rate!(0.1), mask.view_mut(1270).expect("40 words"));
    rng
}

#[test]
fn a_restored_generator_draws_what_the_saved_one_draws() {
    let dropout = Dropout::new(drop_rate!(0.3));
    for mut rng in [MaskRng::new(0, 0), MaskRng::new(u64::MAX, u64::MAX), used()] {
        let restored = MaskRng::from_checkpoint(&rng.to_checkpoint());
        let mut restored = restored.expect("what was saved");
        assert_eq!(rng, restored);
        for _ in 0..3 {
            let (mut x, mut y) = ([1f32; 700], [1f32; 700]);
            let (mut a, mut b) = (Mask::<22>::new(), Mask::<22>::new());
            dropout.forward_array_in_place(&mut x, rng.draw(&mut a));
            dropout.forward_array_in_place(&mut y, restored.draw(&mut b));
            assert_eq!((x, a), (y, b));
        }
    }
}

/// The bytes are a format: `MaskRng::to_checkpoint` lists them. The last four are Python's
/// `zlib.crc32` of the others.
#[test]
fn the_bytes_are_as_published() {
    let bytes = MaskRng::new(42, 0).to_checkpoint();
    assert_eq!(bytes.len(), 272);
    assert_eq!(bytes[..FORMAT], *b"DkRn");
    assert_eq!(bytes[FORMAT..STREAM], [1, 0, 0, 0]);
    assert_eq!(bytes[STREAM..STATE], STREAM_VERSION.to_le_bytes());
    assert_eq!(bytes[STATE..SUM], MaskRng::new(42, 0).to_bytes());
    assert_eq!(bytes[SUM..], 0xF87B_AA89_u32.to_le_bytes());
    assert_eq!(bytes, summed(bytes));
    assert_eq!(crc32(b"123456789"), 0xCBF4_3926); // the check value of catalogues
}

#[test]
fn foreign_bytes_are_no_checkpoint() {
    let expected = *b"DkRn";
    let refused = |bytes: &[u8]| {
        let given = bytes[..4].try_into().expect("four bytes");
        let error = StateError::NotACheckpoint { expected, given };
        assert_eq!(MaskRng::from_checkpoint(bytes), Err(error));
        error
    };
    for fill in [0x00, 0xFF, 0x5A] {
        refused(&[fill; BYTES]);
    }
    refused(&used().to_bytes()); // a state without its frame
    refused(b"{\"seed\": 42}");
    assert_eq!(
        refused(&[0xFF; 4]).to_string(),
        "not a checkpoint: expected the first bytes 446b526e, got ffffffff"
    );
    for at in 0..4 {
        let mut bytes = used().to_checkpoint();
        bytes[at] ^= 0x20;
        refused(&bytes);
    }
}

/// Also if it has another length, and whatever stands behind: only the two first words are common
/// to all formats.
#[test]
fn other_formats_are_refused_by_their_number() {
    for given in [0, 2, 0x0100, u32::MAX] {
        let mut bytes = used().to_checkpoint();
        bytes[FORMAT..STREAM].copy_from_slice(&given.to_le_bytes());
        let error = StateError::OtherFormat { expected: 1, given };
        for len in [8, 100, 272] {
            assert_eq!(MaskRng::from_checkpoint(&bytes[..len]), Err(error));
        }
        assert_eq!(MaskRng::from_checkpoint(&summed(bytes)), Err(error));
        let text = error.to_string();
        assert!(text.contains("format 1,") && text.ends_with(&format!(" {given}")), "{text}");
    }
}

#[test]
fn other_lengths_are_refused() {
    let mut longer = [0xFF; BYTES + 9];
    longer[..BYTES].copy_from_slice(&used().to_checkpoint());
    for given in (0..longer.len()).filter(|len| *len != BYTES) {
        let error = StateError::WrongLength { expected: BYTES, given };
        assert_eq!(MaskRng::from_checkpoint(&longer[..given]), Err(error));
        assert!(
            error.to_string().ends_with(&format!("{BYTES} bytes of a checkpoint, got {given}"))
        );
    }
    assert_eq!(MaskRng::from_checkpoint(&longer[..BYTES]), Ok(used()));
}

#[test]
fn both_stream_versions_are_said() {
    for given in [0, STREAM_VERSION - 1, STREAM_VERSION + 1, u32::MAX] {
        let mut bytes = used().to_checkpoint();
        bytes[STREAM..STATE].copy_from_slice(&given.to_le_bytes());
        // Damaged, as long as the check sum does not say that these are the bytes that were
        // written.
        assert!(matches!(MaskRng::from_checkpoint(&bytes), Err(StateError::CheckSum { .. })));
        let error = StateError::OtherStream { expected: STREAM_VERSION, given };
        assert_eq!(MaskRng::from_checkpoint(&summed(bytes)), Err(error));
        let text = error.to_string();
        assert!(text.ends_with(&format!("version {STREAM_VERSION}, got {given}")), "{text}");
    }
}

/// Cut off after any number of bytes, over flash that is erased, over zeros, and over an older
/// checkpoint.
#[test]
fn half_written_checkpoints_are_refused() {
    let new = used().to_checkpoint();
    for old in [[0xFF; BYTES], [0; BYTES], MaskRng::new(1, 2).to_checkpoint()] {
        for written in 0..BYTES {
            let mut bytes = old;
            bytes[..written].copy_from_slice(&new[..written]);
            if bytes == old || bytes == new {
                continue; // the next byte to be written was there before
            }
            let error = MaskRng::from_checkpoint(&bytes).expect_err("half-written");
            match error {
                StateError::NotACheckpoint { .. } => assert!(written < 4),
                StateError::OtherFormat { .. } => assert!((4..8).contains(&written)),
                StateError::CheckSum { expected, given } => {
                    assert_eq!(expected, crc32(&bytes[..SUM]));
                    assert_eq!(given.to_le_bytes(), bytes[SUM..]);
                    assert!(
                        error.to_string().contains(&format!("{expected:08x}, got {given:08x}"))
                    );
                }
                other => panic!("{other}"),
            }
        }
    }
}

#[test]
fn every_flipped_bit_and_every_swapped_byte_is_found() {
    let good = used().to_checkpoint();
    for bit in 0..8 * BYTES {
        let mut bytes = good;
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert!(MaskRng::from_checkpoint(&bytes).is_err(), "bit {bit}");
        // And a second one, up to two words further on.
        for second in (bit + 1..8 * BYTES).take(64) {
            let mut bytes = bytes;
            bytes[second / 8] ^= 1 << (second % 8);
            assert!(MaskRng::from_checkpoint(&bytes).is_err(), "bits {bit} and {second}");
        }
    }
    for at in 1..BYTES {
        let mut bytes = good;
        bytes.swap(at - 1, at);
        assert!(bytes == good || MaskRng::from_checkpoint(&bytes).is_err(), "bytes before {at}");
    }
}

/// A check sum that fits makes no generator of it.
#[test]
fn states_that_no_generator_is_in_are_refused_in_a_checkpoint_too() {
    let good = used().to_checkpoint();
    let mut zero = good;
    zero[STATE + 16 * 5..][..16].fill(0);
    assert_eq!(MaskRng::from_checkpoint(&summed(zero)), Err(StateError::ZeroLane { lane: 5 }));
    let mut equal = good;
    equal.copy_within(STATE + 16 * 2..STATE + 16 * 3, STATE + 16 * 14);
    let error = StateError::EqualLanes { first: 2, second: 14 };
    assert_eq!(MaskRng::from_checkpoint(&summed(equal)), Err(error));
    assert_eq!(Error::from(error).to_string(), error.to_string());
}

#[test]
fn constant_bytes_are_no_generator() {
    for fill in 0..=u8::MAX {
        let expected = match fill {
            0 => StateError::ZeroLane { lane: 0 },
            _ => StateError::EqualLanes { first: 0, second: 1 },
        };
        assert_eq!(MaskRng::from_bytes(&[fill; 256]), Err(expected));
    }
    // Patterns of words, as memory tests leave them.
    for pattern in [0xDEAD_BEEF_u32, 0xAAAA_5555, 0xC01D_A117] {
        let bytes = std::array::from_fn(|i| pattern.to_le_bytes()[i % 4]);
        assert!(MaskRng::from_bytes(&bytes).is_err());
    }
}

#[test]
fn any_two_equal_lanes_are_refused_by_number() {
    let good = used().to_bytes();
    for second in 0..16 {
        for first in 0..second {
            let mut bytes = good;
            bytes.copy_within(16 * first..16 * (first + 1), 16 * second);
            let error = StateError::EqualLanes { first, second };
            assert_eq!(MaskRng::from_bytes(&bytes), Err(error));
            assert!(error.to_string().contains(&format!("lanes {first} and {second} ")), "{error}");
            // A bit apart is apart.
            bytes[16 * second + (first + second) % 16] ^= 1 << (first % 8);
            assert!(MaskRng::from_bytes(&bytes).is_ok());
        }
    }
    // Of several faults the one that ends first is named.
    let mut bytes = good;
    bytes.copy_within(0..16, 16 * 7);
    bytes[16 * 8..16 * 9].fill(0);
    bytes.copy_within(16..32, 16 * 9);
    assert_eq!(MaskRng::from_bytes(&bytes), Err(StateError::EqualLanes { first: 0, second: 7 }));
}

/// A generator that was never saved is never refused: over keys at the edges and many others.
#[test]
fn generators_at_their_start_are_accepted() {
    let edges = [0, 1, 42, u64::MAX / 2, u64::MAX - 1, u64::MAX];
    let keys = edges.iter().flat_map(|seed| edges.map(|stream| (*seed, stream)));
    for (seed, stream) in keys.chain((0..2000).map(|i| (i, !i))) {
        let rng = MaskRng::new(seed, stream);
        assert_eq!(MaskRng::from_bytes(&rng.to_bytes()), Ok(rng.clone()));
        assert_eq!(MaskRng::from_checkpoint(&rng.to_checkpoint()), Ok(rng));
    }
}

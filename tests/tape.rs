//! The mask tape: what is pushed comes back in reverse, and what does not fit is refused.
#![cfg(feature = "tape")]

mod support;

use dropout_kernels::{
    Dropout, Error, Mask, MaskRef, MaskRng, MaskTape, RateError, ShapeError, StateError, TapeError,
    drop_rate, mask_words, tape_words,
};
use support::LENGTHS;

/// The mask that layer `i` of length `n` gets in these tests.
fn mask(i: usize, n: usize) -> Mask<64> {
    let mut mask = Mask::new();
    let view = mask.view_mut(n).expect("LENGTHS fit 64 words");
    MaskRng::new(8, i as u64).fill(drop_rate!(0.4), view);
    mask
}

#[test]
fn masks_come_back_in_reverse_from_a_tape_that_is_just_large_enough() {
    const WORDS: usize = tape_words(&LENGTHS);
    let mut tape = MaskTape::<WORDS>::new();
    for pass in 0..3 {
        assert!(tape.is_empty());
        assert_eq!(tape.free_words(), WORDS);
        for (i, n) in LENGTHS.into_iter().enumerate() {
            MaskRng::new(8, (pass + i) as u64).fill(drop_rate!(0.4), tape.push(n).expect("room"));
        }
        assert_eq!(tape.free_words(), 0);
        for (i, n) in LENGTHS.into_iter().enumerate().rev() {
            let wanted = mask(pass + i, n);
            assert_eq!(tape.pop(n).expect("a mask"), wanted.view(n).expect("64 words"));
        }
    }
}

#[test]
fn a_new_mask_keeps_nothing_though_the_words_were_used() {
    let mut tape = MaskTape::<3>::new();
    tape.push(64).expect("room").keep_all();
    tape.pop(64).expect("a mask");
    assert_eq!(tape.push(40).expect("room").as_ref().count_kept(), 0);
    tape.clear();
    assert!(tape.is_empty());
    assert_eq!(tape.push(64).expect("room").as_ref().count_kept(), 0);
}

#[test]
fn a_full_tape_says_what_was_needed_and_what_is_free() {
    let mut tape = MaskTape::<4>::new();
    tape.push(33).expect("room").keep_all();
    for (n, expected) in [(1, 2), (32, 2), (33, 3), (usize::MAX, mask_words(usize::MAX) + 1)] {
        assert_eq!(tape.push(n).err(), Some(TapeError::Full { expected, given: 1 }));
    }
    // The mask that fills it to the last word is one of no elements.
    assert!(tape.push(0).is_ok());
    assert_eq!(tape.push(0).err(), Some(TapeError::Full { expected: 1, given: 0 }));
    assert_eq!(tape.pop(0).map(MaskRef::len), Ok(0));
    assert_eq!(tape.pop(33).map(MaskRef::count_kept), Ok(33));
    assert_eq!(MaskTape::<0>::new().push(0).err(), Some(TapeError::Full { expected: 1, given: 0 }));
}

#[test]
fn an_empty_tape_and_another_length_are_errors_that_take_nothing() {
    let mut tape = MaskTape::<9>::new();
    assert_eq!(tape.pop(10), Err(TapeError::Empty { expected: 10 }));
    tape.push(10).expect("room").keep_all();
    tape.push(70).expect("room").keep_all();
    let other = TapeError::OtherLength { expected: 10, given: 70 };
    assert_eq!(tape.pop(10), Err(other));
    assert_eq!(tape.pop(70).map(MaskRef::count_kept), Ok(70));
    assert_eq!(tape.pop(10).map(MaskRef::count_kept), Ok(10));
    assert_eq!(tape.pop(10), Err(TapeError::Empty { expected: 10 }));
    assert_eq!(other.to_string(), "expected a mask of 10 bits on the tape, got one of 70");
    let full = TapeError::Full { expected: 5, given: 2 };
    assert_eq!(full.to_string(), "tape full: expected room for 5 words, 2 are free");
    let empty = TapeError::Empty { expected: 10 };
    assert_eq!(empty.to_string(), "tape empty: expected a mask of 10 bits, got 0 masks");
}

/// A layer whose mask was pushed with a wrong length is refused before the generator moves.
#[test]
fn one_question_mark_serves_tape_and_dropout() {
    fn step(tape: &mut MaskTape<8>, x: &mut [f32], rng: &mut MaskRng) -> Result<(), Error> {
        let dropout = Dropout::new(drop_rate!(0.5));
        dropout.forward_in_place(x, tape.push(64)?, rng)?;
        dropout.backward_in_place(x, tape.pop(64)?)?;
        Ok(())
    }
    let (mut tape, mut rng) = (MaskTape::new(), MaskRng::new(1, 1));
    assert_eq!(step(&mut tape, &mut [1.0; 64], &mut rng), Ok(()));
    let moved = rng.clone();
    let error = step(&mut tape, &mut [1.0; 65], &mut rng).expect_err("65 elements, 64 bits");
    assert_eq!(error.to_string(), "mask too short: expected 65 bits, got 64");
    assert_eq!(rng, moved);
    // The mask that was pushed for it is still there, as `push` says.
    assert!(!tape.is_empty());
    tape.clear();
    assert_eq!(step(&mut tape, &mut [1.0; 64], &mut rng), Ok(()));
}

#[test]
fn the_error_of_everything_says_what_its_part_says() {
    let parts: [(Error, &dyn std::fmt::Display); 4] = [
        (RateError::NotANumber.into(), &RateError::NotANumber),
        (
            ShapeError::TooFewWords { expected: 2, given: 1 }.into(),
            &ShapeError::TooFewWords { expected: 2, given: 1 },
        ),
        (StateError::ZeroLane { lane: 3 }.into(), &StateError::ZeroLane { lane: 3 }),
        (TapeError::Empty { expected: 3 }.into(), &TapeError::Empty { expected: 3 }),
    ];
    for (error, part) in parts {
        assert_eq!(error.to_string(), part.to_string());
        assert!(!error.to_string().is_empty());
    }
}

#[test]
fn words_of_a_tape_saturate() {
    assert_eq!(tape_words(&[]), 0);
    assert_eq!(tape_words(&[0, 1, 32, 33]), 1 + 2 + 2 + 3);
    assert_eq!(tape_words(&[usize::MAX; 40]), usize::MAX);
}

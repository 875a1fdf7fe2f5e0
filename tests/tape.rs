//! The mask tape: what is pushed comes back in reverse, and what does not fit is refused.

use dropout_kernels::{
    Dropout, Error, Mask, MaskRef, MaskRng, MaskTape, RateError, ShapeError, StateError, TapeError,
    drop_rate, mask_words, tape_words,
};
use dropout_reference::LENGTHS;

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
    let mut tape = MaskTape::new([0xA5A5_A5A5; WORDS]);
    for pass in 0..3 {
        assert!(tape.is_empty());
        assert_eq!(tape.free_words(), WORDS);
        for (i, n) in LENGTHS.into_iter().enumerate() {
            let mask = tape.push(i as u32, n).expect("room");
            MaskRng::new(8, (pass + i) as u64).fill(drop_rate!(0.4), mask);
        }
        assert_eq!(tape.free_words(), 0);
        for (i, n) in LENGTHS.into_iter().enumerate().rev() {
            let wanted = mask(pass + i, n);
            assert_eq!(tape.pop(i as u32, n).expect("a mask"), wanted.view(n).expect("64 words"));
        }
    }
}

#[test]
fn a_new_mask_keeps_nothing_though_the_words_were_used() {
    let mut tape = MaskTape::new([!0; 5]);
    assert_eq!(tape.push(0, 64).expect("room").as_ref().count_kept(), 0);
    tape.clear();
    tape.push(0, 64).expect("room").keep_all();
    tape.pop(0, 64).expect("a mask");
    assert_eq!(tape.push(0, 40).expect("room").as_ref().count_kept(), 0);
    tape.clear();
    assert!(tape.is_empty());
    assert_eq!(tape.push(0, 64).expect("room").as_ref().count_kept(), 0);
}

#[test]
fn a_full_tape_says_what_was_needed_and_what_is_free() {
    let mut tape = MaskTape::new([0; 8]);
    tape.push(0, 33).expect("room").keep_all();
    for (n, expected) in [(1, 4), (32, 4), (33, 5), (usize::MAX, mask_words(usize::MAX) + 3)] {
        assert_eq!(tape.push(1, n).err(), Some(TapeError::Full { expected, given: 3 }));
    }
    // The mask that fills it to the last word is one of no elements.
    assert!(tape.push(1, 0).is_ok());
    assert_eq!(tape.push(2, 0).err(), Some(TapeError::Full { expected: 3, given: 0 }));
    assert_eq!(tape.pop(1, 0).map(MaskRef::len), Ok(0));
    assert_eq!(tape.pop(0, 33).map(MaskRef::count_kept), Ok(33));
    for words in 0..3 {
        let full = TapeError::Full { expected: 3, given: words };
        assert_eq!(MaskTape::new(vec![0; words]).push(0, 0).err(), Some(full));
    }
}

#[test]
fn an_empty_tape_another_layer_and_another_length_are_errors_that_take_nothing() {
    let mut tape = MaskTape::new([0; 12]);
    assert_eq!(tape.pop(0, 10), Err(TapeError::Empty { layer: 0, expected: 10 }));
    assert_eq!(tape.read(0, 10), Err(TapeError::NoSuchLayer { expected: 0 }));
    tape.push(0, 10).expect("room").keep_all();
    tape.push(7, 70).expect("room").keep_all();
    let length = TapeError::OtherLength { layer: 7, expected: 10, given: 70 };
    let layer = TapeError::OtherLayer { expected: 0, given: 7 };
    let none = TapeError::NoSuchLayer { expected: 1 };
    assert_eq!(tape.read(7, 10), Err(length));
    assert_eq!(tape.pop(7, 10), Err(length));
    assert_eq!(tape.pop(0, 70), Err(layer));
    assert_eq!(tape.pop(0, 10), Err(layer));
    assert_eq!(tape.read(1, 10), Err(none));
    assert_eq!(tape.read(0, 9), Err(TapeError::OtherLength { layer: 0, expected: 9, given: 10 }));
    assert_eq!(tape.pop(7, 70).map(MaskRef::count_kept), Ok(70));
    assert_eq!(tape.pop(0, 10).map(MaskRef::count_kept), Ok(10));
    let empty = TapeError::Empty { layer: 0, expected: 10 };
    assert_eq!(tape.pop(0, 10), Err(empty));
    for (error, text) in [
        (length, "expected layer 7's mask to have 10 bits, got one of 70"),
        (layer, "expected the mask of layer 0 on top of the tape, got layer 7's"),
        (none, "expected a mask of layer 1 on the tape, got none"),
        (
            TapeError::Full { expected: 5, given: 2 },
            "tape full: expected room for 5 words, 2 are free",
        ),
        (empty, "tape empty: expected layer 0's mask of 10 bits, got 0 masks"),
    ] {
        assert_eq!(error.to_string(), text);
    }
}

/// Two layers of one length, run backward in the order in which they ran forward: an error, where a
/// tape that knows lengths alone gave a wrong gradient.
#[test]
fn layers_of_one_length_in_a_wrong_order_are_refused() {
    let mut tape = MaskTape::new([0; tape_words(&[64, 64])]);
    let mut rng = MaskRng::new(1, 2);
    rng.fill(drop_rate!(0.5), tape.push(0, 64).expect("room"));
    rng.fill(drop_rate!(0.5), tape.push(1, 64).expect("room"));
    assert_eq!(tape.pop(0, 64), Err(TapeError::OtherLayer { expected: 0, given: 1 }));
    assert!(tape.pop(1, 64).is_ok() && tape.pop(0, 64).is_ok());
}

/// Two losses over one forward pass: the first backward pass reads, the second pops, and both see
/// the same masks. Of a layer that ran twice the later mask is read.
#[test]
fn a_mask_that_is_read_stays() {
    let lengths = [100, 64, 0, 64, 33];
    let mut tape = MaskTape::new(vec![0; tape_words(&lengths)]);
    for (i, n) in lengths.into_iter().enumerate() {
        let view = tape.push(i as u32 % 4, n).expect("room");
        MaskRng::new(8, i as u64).fill(drop_rate!(0.4), view);
    }
    for (i, n) in lengths.into_iter().enumerate().skip(1) {
        let wanted = mask(i, n);
        assert_eq!(tape.read(i as u32 % 4, n).expect("a mask"), wanted.view(n).expect("its words"));
    }
    assert_eq!(tape.free_words(), 0);
    for (i, n) in lengths.into_iter().enumerate().rev() {
        let wanted = mask(i, n);
        assert_eq!(tape.pop(i as u32 % 4, n).expect("a mask"), wanted.view(n).expect("its words"));
    }
}

/// Sixteen million bits: in a vector, a box and a borrowed slice, of which none is made on the
/// stack.
#[test]
fn a_tape_as_large_as_wanted_needs_no_stack() {
    fn run(tape: &mut MaskTape<impl AsRef<[u32]> + AsMut<[u32]>>) {
        for layer in 0..2 {
            tape.push(layer, 8_000_000).expect("room").keep_all();
        }
        assert_eq!(tape.free_words(), 0);
        for layer in [1, 0] {
            assert_eq!(tape.pop(layer, 8_000_000).map(MaskRef::count_kept), Ok(8_000_000));
        }
    }
    let small_stack = std::thread::Builder::new().stack_size(64 << 10).spawn(|| {
        const WORDS: usize = tape_words(&[8_000_000; 2]);
        let mut words = vec![0; WORDS];
        run(&mut MaskTape::new(words.as_mut_slice()));
        run(&mut MaskTape::new(words.clone().into_boxed_slice()));
        run(&mut Box::new(MaskTape::new(words)));
    });
    small_stack.expect("a thread").join().expect("no overflow");
}

/// A slice that its owner makes shorter leads to errors and not to a panic.
#[test]
fn words_that_are_taken_away_are_errors() {
    struct Shrinks<'a>([u32; 20], &'a std::cell::Cell<usize>);
    impl AsRef<[u32]> for Shrinks<'_> {
        fn as_ref(&self) -> &[u32] {
            &self.0[..self.1.get()]
        }
    }
    impl AsMut<[u32]> for Shrinks<'_> {
        fn as_mut(&mut self) -> &mut [u32] {
            &mut self.0[..self.1.get()]
        }
    }
    for len in 0..20 {
        let words = std::cell::Cell::new(20);
        let mut tape = MaskTape::new(Shrinks([0; 20], &words));
        tape.push(0, 100).expect("room");
        tape.push(1, 100).expect("room");
        words.set(len);
        assert_eq!(tape.read(0, 100).is_ok(), len >= 14, "{len}");
        assert_eq!(tape.pop(1, 100).is_ok(), len >= 14, "{len}");
        assert!(tape.push(2, 600).is_err());
    }
}

/// A layer whose mask was pushed with a wrong length is refused before the generator moves.
#[test]
fn one_question_mark_serves_tape_and_dropout() {
    fn step(tape: &mut MaskTape<[u32; 8]>, x: &mut [f32], rng: &mut MaskRng) -> Result<(), Error> {
        let dropout = Dropout::new(drop_rate!(0.5));
        dropout.forward_in_place(x, rng.draw(tape.push(0, 64)?))?;
        dropout.backward_in_place(x, tape.pop(0, 64)?)?;
        Ok(())
    }
    let (mut tape, mut rng) = (MaskTape::new([0; 8]), MaskRng::new(1, 1));
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
        (
            TapeError::Empty { layer: 1, expected: 3 }.into(),
            &TapeError::Empty { layer: 1, expected: 3 },
        ),
    ];
    for (error, part) in parts {
        assert_eq!(error.to_string(), part.to_string());
        assert!(!error.to_string().is_empty());
    }
}

#[test]
fn words_of_a_tape_saturate() {
    assert_eq!(tape_words(&[]), 0);
    assert_eq!(tape_words(&[0, 1, 32, 33]), 3 + 4 + 4 + 5);
    assert_eq!(tape_words(&[usize::MAX; 40]), usize::MAX);
}

#![no_main]
//! Any sequence of pushes and pops against a stack of masks.

use arbitrary::Arbitrary;
use dropout_kernels::{Mask, MaskTape, TapeError, mask_words, tape_words};
use dropout_kernels_fuzz::input::{Length, Words};
use libfuzzer_sys::fuzz_target;

const WORDS: usize = 40;

#[derive(Arbitrary, Debug)]
enum Step {
    Push(Length, Words),
    Pop(Length),
    /// The one on top.
    PopIt,
    Huge(usize),
    Clear,
}

fuzz_target!(|steps: [Step; 12]| {
    let mut tape = MaskTape::<WORDS>::new();
    let mut masks: Vec<(usize, Mask<WORDS>)> = vec![];
    for step in steps {
        let lengths: Vec<usize> = masks.iter().map(|(n, _)| *n).collect();
        let used = tape_words(&lengths);
        assert_eq!((tape.free_words(), tape.is_empty()), (WORDS - used, used == 0));
        match step {
            Step::Push(n, words) => push(&mut tape, &mut masks, n.get(), words),
            Step::Pop(n) => pop(&mut tape, &mut masks, n.get()),
            Step::PopIt => pop(&mut tape, &mut masks, lengths.last().copied().unwrap_or(0)),
            Step::Huge(n) => {
                let fits = mask_words(n).saturating_add(1) <= WORDS - used;
                match tape.push(n) {
                    Ok(_) => {
                        assert!(fits);
                        masks.push((n, Mask::new()));
                    }
                    Err(TapeError::Full { given, .. }) => assert!(!fits && given == WORDS - used),
                    Err(other) => panic!("{other:?}"),
                }
            }
            Step::Clear => {
                tape.clear();
                masks.clear();
            }
        }
    }
});

fn push(tape: &mut MaskTape<WORDS>, masks: &mut Vec<(usize, Mask<WORDS>)>, n: usize, words: Words) {
    let (free, words) = (tape.free_words(), words.get(mask_words(n)));
    match tape.push(n) {
        Ok(mut view) => {
            assert_eq!(view.as_ref().count_kept(), 0);
            let mut mask = Mask::new();
            // Copied, so that bits past the end are cleared in both.
            let brought = dropout_kernels::MaskRef::new(&words, n).expect("its words");
            view.copy_from(brought).expect("of one length");
            mask.view_mut(n).and_then(|mut m| m.copy_from(brought)).expect("it fits the tape");
            masks.push((n, mask));
        }
        Err(TapeError::Full { expected, given }) => {
            assert_eq!((expected, given), (mask_words(n) + 1, free));
            assert!(expected > free);
        }
        Err(other) => panic!("{other:?}"),
    }
}

fn pop(tape: &mut MaskTape<WORDS>, masks: &mut Vec<(usize, Mask<WORDS>)>, n: usize) {
    match (tape.pop(n), masks.last()) {
        (Ok(view), Some((length, mask))) => {
            assert_eq!(view.words(), &mask.words()[..mask_words(*length)]);
            assert_eq!(view.len(), *length);
            masks.pop();
        }
        (Err(TapeError::OtherLength { expected, given }), Some((length, _))) => {
            assert!(given == *length && n != *length && expected == n);
        }
        (Err(TapeError::Empty { expected }), None) => assert_eq!(expected, n),
        (got, _) => panic!("{got:?}"),
    }
}

#![no_main]
//! Any sequence of pushes and pops against a `Vec` of masks; generators from any bytes.

use dropout_kernels::{DropRate, Mask, MaskRng, MaskTape, TapeError, mask_words};
use libfuzzer_sys::fuzz_target;

const WORDS: usize = 40;

fuzz_target!(|input: (Vec<(bool, u16)>, [u8; 32], u8)| {
    let (steps, bytes, lane) = input;
    let rate = DropRate::from_ratio(1, 3).expect("a third");
    let mut rng = MaskRng::new(1, 2);
    let mut tape = MaskTape::<WORDS>::new();
    let mut masks: Vec<(usize, Mask<WORDS>)> = vec![];
    for (push, n) in steps {
        let n = usize::from(n % 1400);
        let used: usize = masks.iter().map(|(n, _)| mask_words(*n) + 1).sum();
        assert_eq!(tape.free_words(), WORDS - used);
        if push {
            match tape.push(n) {
                Ok(view) => {
                    let mut mask = Mask::new();
                    rng.clone().fill(rate, mask.view_mut(n).expect("fits the tape"));
                    rng.fill(rate, view);
                    masks.push((n, mask));
                }
                Err(_) => assert!(used + mask_words(n) + 1 > WORDS),
            }
        } else {
            match (tape.pop(n), masks.last()) {
                (Ok(view), Some((len, mask))) => {
                    assert_eq!(view, mask.view(*len).expect("fits the tape"));
                    masks.pop();
                }
                (Err(TapeError::OtherLength { given, .. }), Some((len, _))) => {
                    assert!(given == *len && n != *len);
                }
                (Err(TapeError::Empty { .. }), None) => {}
                (got, _) => panic!("{got:?}"),
            }
        }
    }

    let mut state = MaskRng::new(5, 6).to_bytes();
    let at = usize::from(lane) % (256 - 32);
    state[at..at + 32].copy_from_slice(&bytes);
    match MaskRng::from_bytes(&state) {
        Ok(rng) => assert_eq!(rng.to_bytes(), state),
        Err(_) => assert!(state.chunks(16).any(|lane| lane == [0; 16])),
    }
});

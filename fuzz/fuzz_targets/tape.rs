#![no_main]
//! Any sequence of pushes, pops and reads against a stack of masks.

use arbitrary::Arbitrary;
use dropout_kernels::{Mask, MaskRef, MaskTape, TapeError, mask_words, tape_words};
use dropout_kernels_fuzz::input::{Length, Words};
use libfuzzer_sys::fuzz_target;

const WORDS: usize = 40;

/// Few, so that they come again.
type Layer = u8;

#[derive(Arbitrary, Debug)]
enum Step {
    Push(Layer, Length, Words),
    Pop(Layer, Length),
    /// The one on top.
    PopIt,
    Read(Layer, Length),
    /// That one, by what its label says.
    ReadIt(usize),
    Huge(Layer, usize),
    Clear,
}

type Tape = MaskTape<[u32; WORDS]>;

struct Pushed {
    layer: u32,
    len: usize,
    mask: Mask<WORDS>,
}

fuzz_target!(|steps: [Step; 12]| {
    let mut tape = MaskTape::new([0xA5A5_A5A5; WORDS]);
    let mut masks: Vec<Pushed> = vec![];
    for step in steps {
        let lengths: Vec<usize> = masks.iter().map(|pushed| pushed.len).collect();
        let used = tape_words(&lengths);
        assert_eq!((tape.free_words(), tape.is_empty()), (WORDS - used, used == 0));
        match step {
            Step::Push(layer, n, words) => push(&mut tape, &mut masks, of(layer), n.get(), words),
            Step::Pop(layer, n) => pop(&mut tape, &mut masks, of(layer), n.get()),
            Step::PopIt => {
                let (layer, n) = masks.last().map_or((0, 0), |top| (top.layer, top.len));
                pop(&mut tape, &mut masks, layer, n);
            }
            Step::Read(layer, n) => read(&tape, &masks, of(layer), n.get()),
            Step::ReadIt(i) => {
                if let Some(pushed) = i.checked_rem(masks.len()).and_then(|i| masks.get(i)) {
                    read(&tape, &masks, pushed.layer, pushed.len);
                }
            }
            Step::Huge(layer, len) => {
                let fits = mask_words(len).saturating_add(3) <= WORDS - used;
                match tape.push(of(layer), len) {
                    Ok(_) => {
                        assert!(fits);
                        masks.push(Pushed { layer: of(layer), len, mask: Mask::new() });
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

fn of(layer: Layer) -> u32 {
    u32::from(layer % 4).wrapping_sub(1) // u32::MAX too
}

fn push(tape: &mut Tape, masks: &mut Vec<Pushed>, layer: u32, n: usize, words: Words) {
    let (free, words) = (tape.free_words(), words.get(mask_words(n)));
    match tape.push(layer, n) {
        Ok(mut view) => {
            assert_eq!(view.as_ref().count_kept(), 0);
            let mut mask = Mask::new();
            // Copied, so that bits past the end are cleared in both.
            let brought = MaskRef::new(&words, n).expect("its words");
            view.copy_from(brought).expect("of one length");
            mask.view_mut(n).and_then(|mut m| m.copy_from(brought)).expect("it fits the tape");
            masks.push(Pushed { layer, len: n, mask });
        }
        Err(TapeError::Full { expected, given }) => {
            assert_eq!((expected, given), (mask_words(n) + 3, free));
            assert!(expected > free);
        }
        Err(other) => panic!("{other:?}"),
    }
}

fn pop(tape: &mut Tape, masks: &mut Vec<Pushed>, layer: u32, n: usize) {
    match (tape.pop(layer, n), masks.last()) {
        (Ok(view), Some(top)) => {
            same(view, top);
            assert_eq!((layer, n), (top.layer, top.len));
            masks.pop();
        }
        (Err(TapeError::OtherLayer { expected, given }), Some(top)) => {
            assert!(given == top.layer && layer != top.layer && expected == layer);
        }
        (Err(TapeError::OtherLength { layer: of, expected, given }), Some(top)) => {
            assert!(given == top.len && n != top.len && expected == n && of == top.layer);
            assert_eq!(of, layer);
        }
        (Err(TapeError::Empty { layer: of, expected }), None) => {
            assert_eq!((of, expected), (layer, n))
        }
        (got, _) => panic!("{got:?}"),
    }
}

fn read(tape: &Tape, masks: &[Pushed], layer: u32, n: usize) {
    match (tape.read(layer, n), masks.iter().rev().find(|pushed| pushed.layer == layer)) {
        (Ok(view), Some(found)) => {
            same(view, found);
            assert_eq!(n, found.len);
        }
        (Err(TapeError::OtherLength { layer: of, expected, given }), Some(found)) => {
            assert!(given == found.len && n != found.len && expected == n && of == layer);
        }
        (Err(TapeError::NoSuchLayer { expected }), None) => assert_eq!(expected, layer),
        (got, _) => panic!("{got:?}"),
    }
}

fn same(view: MaskRef<'_>, pushed: &Pushed) {
    assert_eq!(view.words(), &pushed.mask.words()[..mask_words(pushed.len)]);
    assert_eq!(view.len(), pushed.len);
}

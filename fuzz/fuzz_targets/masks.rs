#![no_main]
//! Masks of any words and any length against a list of flags: reading, algebra, runs, views.

use std::ops::Range;

use arbitrary::Arbitrary;
use dropout_kernels::{Mask, MaskMut, MaskRef, ShapeError, mask_words};
use dropout_kernels_fuzz::input::{Length, Misfit, Words};
use dropout_kernels_fuzz::reference::stream::pack;
use dropout_kernels_fuzz::reference::suite::flags;
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Input {
    length: Length,
    words: [Words; 2],
    misfit: Misfit,
    /// Where a range of bits begins and how long it is, and which bit is set.
    range: (u16, u16),
    set: (u16, bool),
    operations: [u8; 3],
}

fuzz_target!(|input: Input| {
    let n = input.length.get();
    let [words, others] = input.words.map(|words| words.get(mask_words(n)));
    let (keep, other) = (flags(&words, n), flags(&others, n));
    let mask = MaskRef::new(&words, n).expect("its words");
    let (start, length) = (usize::from(input.range.0 % 2048), usize::from(input.range.1 % 2048));
    read(mask, &keep, start..start + length);
    assert_eq!(mask == MaskRef::new(&others, n).expect("its words"), keep == other);
    views(&words, n, input.misfit);
    write(&input, words.clone(), keep, &others, &other);
});

fn read(mask: MaskRef<'_>, keep: &[bool], range: Range<usize>) {
    let n = keep.len();
    assert_eq!((mask.len(), mask.is_empty()), (n, n == 0));
    assert!(mask.iter().eq(keep.iter().copied()));
    assert!((0..n + 40).all(|i| mask.get(i) == keep.get(i).copied()));
    let of = |kept: bool| (0..n).filter(move |i| keep[*i] == kept);
    assert_eq!(mask.count_kept(), of(true).count());
    assert!(mask.kept_indices().eq(of(true)));
    // What a run leaves out, before it and after it, belongs to others or to none.
    let runs = |runs: &mut dyn Iterator<Item = Range<usize>>, kept, within: &Range<usize>| {
        let mut all = vec![];
        let mut end = None;
        for run in runs {
            assert!(run.start < run.end && end < Some(run.start), "{run:?} after {end:?}");
            end = Some(run.end);
            all.extend(run);
        }
        assert!(all.into_iter().eq(of(kept).filter(|i| within.contains(i))));
    };
    runs(&mut mask.kept_runs(), true, &(0..n));
    runs(&mut mask.dropped_runs(), false, &(0..n));
    runs(&mut mask.kept_runs_in(range.clone()), true, &range);
}

/// Words that are too few or too many for a length, and views of a mask that holds more or less.
fn views(words: &[u32], n: usize, misfit: Misfit) {
    const WORDS: usize = 20;
    let [given] = misfit.among([n]);
    let fits = mask_words(given) == words.len();
    assert_eq!(MaskRef::new(words, given).is_ok(), fits);
    assert_eq!(MaskMut::new(&mut words.to_vec(), given).is_ok(), fits);

    let mut owned = Mask::<WORDS>::from_words(std::array::from_fn(|w| *words.get(w).unwrap_or(&0)));
    let holds = mask_words(given) <= WORDS;
    assert_eq!(owned.view_mut(given).is_ok(), holds);
    match owned.view(given) {
        Ok(view) => assert_eq!(view.words(), &owned.words()[..mask_words(given)]),
        Err(_) => assert!(!holds),
    }
}

fn write(input: &Input, mut words: Vec<u32>, mut keep: Vec<bool>, others: &[u32], other: &[bool]) {
    let n = keep.len();
    let b = MaskRef::new(others, n).expect("its words");
    let mut mask = MaskMut::new(&mut words, n).expect("its words");
    let (at, kept) = (usize::from(input.set.0 % 2048), input.set.1);
    let there = keep.get_mut(at).map(|keep| *keep = kept).is_some();
    assert_eq!(mask.set(at, kept), there);
    for operation in input.operations {
        let (run, of) = OPERATIONS[usize::from(operation) % OPERATIONS.len()];
        assert_eq!(run(&mut mask, b), Ok(()));
        keep.iter_mut().zip(other).for_each(|(a, b)| *a = of(*a, *b));
    }
    // Which leave nothing past the end.
    assert_eq!(mask.as_ref().words(), pack(&keep));

    let [given] = input.misfit.among([n]);
    if given != n {
        let words = vec![!0; mask_words(given)];
        let longer = MaskRef::new(&words, given).expect("its words");
        assert!(OPERATIONS[..5].iter().all(|(run, _)| run(&mut mask, longer).is_err()));
        assert_eq!(mask.as_ref().words(), pack(&keep));
    }
}

/// An operation on two masks, and on their flags.
type Operation =
    (fn(&mut MaskMut<'_>, MaskRef<'_>) -> Result<(), ShapeError>, fn(bool, bool) -> bool);

/// Those of two masks, then those of one, which cannot fail.
const OPERATIONS: [Operation; 8] = [
    (|mask, other| mask.and(other), |a, b| a & b),
    (|mask, other| mask.or(other), |a, b| a | b),
    (|mask, other| mask.and_not(other), |a, b| a & !b),
    (|mask, other| mask.xor(other), |a, b| a ^ b),
    (|mask, other| mask.copy_from(other), |_, b| b),
    (
        |mask, _| {
            mask.not();
            Ok(())
        },
        |a, _| !a,
    ),
    (
        |mask, _| {
            mask.keep_all();
            Ok(())
        },
        |_, _| true,
    ),
    (
        |mask, _| {
            mask.drop_all();
            Ok(())
        },
        |_, _| false,
    ),
];

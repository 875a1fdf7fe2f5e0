//! Masks against a `Vec<bool>`: views, algebra, counts and runs, over every boundary length.

use dropout_kernels::{Mask, MaskMut, MaskRef, ShapeError, mask_words};
use dropout_reference::LENGTHS;
use dropout_reference::stream::pack;

/// Flags without a short period; `salt` gives another set.
fn flags(n: usize, salt: u64) -> Vec<bool> {
    let mut state = salt;
    (0..n)
        .map(|_| {
            state = state.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(99);
            state >> 62 != 0
        })
        .collect()
}

/// The words of `keep`, with ones past the last element, which mean nothing.
fn dirty(keep: &[bool]) -> Vec<u32> {
    let mut words = pack(keep);
    if let (Some(last), used @ 1..) = (words.last_mut(), keep.len() % 32) {
        *last |= !0 << used;
    }
    words
}

/// One run after another by brute force.
fn runs(keep: &[bool]) -> Vec<std::ops::Range<usize>> {
    let mut runs: Vec<std::ops::Range<usize>> = vec![];
    for i in (0..keep.len()).filter(|i| keep[*i]) {
        match runs.last_mut() {
            Some(run) if run.end == i => run.end += 1,
            _ => runs.push(i..i + 1),
        }
    }
    runs
}

#[test]
fn reading_ignores_what_lies_past_the_end() {
    for n in LENGTHS {
        for keep in [flags(n, 1), flags(n, 2), vec![true; n], vec![false; n]] {
            let (clean, words) = (pack(&keep), dirty(&keep));
            let mask = MaskRef::new(&words, n).expect("mask_words(n) words");
            assert_eq!((mask.len(), mask.is_empty()), (n, n == 0));
            let mut copy = words.clone();
            let written = MaskMut::new(&mut copy, n).expect("mask_words(n) words");
            assert_eq!((written.len(), written.is_empty()), (n, n == 0));
            assert_eq!(format!("{written:?}"), format!("{mask:?}"));
            assert!(mask.iter().eq(keep.iter().copied()));
            assert_eq!(mask.iter().len(), n);
            assert_eq!(mask.count_kept(), keep.iter().filter(|k| **k).count());
            assert!(mask.kept_runs().eq(runs(&keep)));
            assert!(mask.dropped_runs().eq(runs(&keep.iter().map(|k| !k).collect::<Vec<_>>())));
            assert!(mask.kept_indices().eq((0..n).filter(|i| keep[*i])));
            for (i, &keep) in keep.iter().enumerate() {
                assert_eq!(mask.get(i), Some(keep));
            }
            assert_eq!(mask.get(n), None);
            assert_eq!(mask, MaskRef::new(&clean, n).expect("mask_words(n) words"));
        }
    }
}

/// Every boundary as the start and the end of a range, past the end of the mask and backward too.
#[test]
fn runs_in_a_range_are_those_of_its_elements_alone() {
    for n in LENGTHS {
        for keep in [flags(n, 7), vec![true; n]] {
            let words = dirty(&keep);
            let mask = MaskRef::new(&words, n).expect("mask_words(n) words");
            for start in LENGTHS {
                for end in LENGTHS {
                    let within = |i: usize| (start..end).contains(&i) && keep[i];
                    let inside: Vec<_> = (0..n).map(within).collect();
                    let found = mask.kept_runs_in(start..end);
                    assert!(found.eq(runs(&inside)), "{start}..{end} of {n}");
                }
            }
            assert!(mask.kept_runs_in(0..usize::MAX).eq(runs(&keep)));
            assert_eq!(mask.kept_runs_in(usize::MAX..usize::MAX).next(), None);
        }
    }
}

#[test]
fn iterators_that_have_ended_stay_so() {
    let mask = MaskRef::new(&[!0, !0], 40).expect("two words");
    let (mut indices, mut kept, mut dropped) =
        (mask.kept_indices(), mask.kept_runs(), mask.dropped_runs());
    assert_eq!(
        (indices.by_ref().count(), kept.by_ref().count(), dropped.by_ref().count()),
        (40, 1, 0)
    );
    for _ in 0..3 {
        assert_eq!((indices.next(), kept.next(), dropped.next()), (None, None, None));
    }
}

#[test]
fn masks_differ_by_one_element_or_by_length() {
    for n in LENGTHS.into_iter().filter(|n| *n > 0) {
        let words = pack(&flags(n, 3));
        let mask = MaskRef::new(&words, n).expect("mask_words(n) words");
        for i in [0, n / 2, n - 1] {
            let mut other = words.clone();
            other[i / 32] ^= 1 << (i % 32);
            assert_ne!(mask, MaskRef::new(&other, n).expect("mask_words(n) words"));
        }
    }
    assert_ne!(MaskRef::new(&[0], 3), MaskRef::new(&[0], 4));
}

#[test]
fn algebra_is_that_of_flags_and_leaves_zeros_past_the_end() {
    type Change = fn(&mut MaskMut<'_>, MaskRef<'_>);
    type Flag = fn(bool, bool) -> bool;
    let laws: [(&str, Change, Flag); 8] = [
        ("and", |a, b| a.and(b).expect("same length"), |a, b| a && b),
        ("or", |a, b| a.or(b).expect("same length"), |a, b| a || b),
        ("and_not", |a, b| a.and_not(b).expect("same length"), |a, b| a && !b),
        ("xor", |a, b| a.xor(b).expect("same length"), |a, b| a != b),
        ("copy_from", |a, b| a.copy_from(b).expect("same length"), |_, b| b),
        ("not", |a, _| a.not(), |a, _| !a),
        ("keep_all", |a, _| a.keep_all(), |_, _| true),
        ("drop_all", |a, _| a.drop_all(), |_, _| false),
    ];
    for n in LENGTHS {
        let (a, b) = (flags(n, 4), flags(n, 5));
        for (name, change, flag) in laws {
            let (mut words, other) = (dirty(&a), dirty(&b));
            let mut mask = MaskMut::new(&mut words, n).expect("mask_words(n) words");
            change(&mut mask, MaskRef::new(&other, n).expect("mask_words(n) words"));
            let expected: Vec<_> = a.iter().zip(&b).map(|(a, b)| flag(*a, *b)).collect();
            assert_eq!(words, pack(&expected), "{name} of {n}");
        }
    }
}

#[test]
fn set_changes_one_element_and_none_past_the_end() {
    for n in LENGTHS {
        let mut words = pack(&flags(n, 6));
        for i in 0..n {
            let mut keep: Vec<_> = (0..n).map(|i| words[i / 32] >> (i % 32) & 1 != 0).collect();
            keep[i] = !keep[i];
            let flag = keep[i];
            assert!(MaskMut::new(&mut words, n).expect("mask_words(n) words").set(i, flag));
            assert_eq!(words, pack(&keep));
        }
        let before = words.clone();
        for i in [n, n + 1, n + 32, usize::MAX] {
            assert!(!MaskMut::new(&mut words, n).expect("mask_words(n) words").set(i, true));
        }
        assert_eq!(words, before);
    }
}

#[test]
fn masks_of_other_lengths_do_not_combine() {
    let (mut words, other) = ([0b101, 0], [!0, !0]);
    let mut mask = MaskMut::new(&mut words, 40).expect("two words");
    let short = MaskRef::new(&other, 33).expect("two words");
    let long = MaskRef::new(&other, 64).expect("two words");
    let too_short = Err(ShapeError::MaskTooShort { expected: 40, given: 33 });
    let too_long = Err(ShapeError::MaskTooLong { expected: 40, given: 64 });
    assert_eq!((mask.and(short), mask.and(long)), (too_short, too_long));
    assert_eq!((mask.or(short), mask.or(long)), (too_short, too_long));
    assert_eq!((mask.and_not(short), mask.and_not(long)), (too_short, too_long));
    assert_eq!((mask.xor(short), mask.xor(long)), (too_short, too_long));
    assert_eq!((mask.copy_from(short), mask.copy_from(long)), (too_short, too_long));
    assert_eq!(words, [0b101, 0]);
}

#[test]
fn words_have_to_be_those_of_the_length() {
    for n in LENGTHS {
        let expected = mask_words(n);
        for given in [expected.wrapping_sub(1), expected + 1, expected + 7] {
            if given > expected + 7 {
                continue;
            }
            let mut words = vec![0; given];
            let error = if given < expected {
                ShapeError::TooFewWords { expected, given }
            } else {
                ShapeError::TooManyWords { expected, given }
            };
            assert_eq!(MaskRef::new(&words, n).err(), Some(error));
            assert_eq!(MaskMut::new(&mut words, n).err(), Some(error));
        }
    }
}

#[test]
fn an_owned_mask_lends_any_prefix_and_no_more() {
    let mut mask = Mask::<3>::from_words([!0, 0, 0b11]);
    assert_eq!(mask.view(96).map(MaskRef::count_kept), Ok(34));
    assert_eq!(mask.view(20).map(MaskRef::count_kept), Ok(20));
    assert_eq!(mask.view(0).map(MaskRef::len), Ok(0));
    let error = ShapeError::TooFewWords { expected: 4, given: 3 };
    assert_eq!(mask.view(97), Err(error));
    assert_eq!(mask.view_mut(97).err(), Some(error));
    assert_eq!(mask.view(usize::MAX).err().map(|_| ()), Some(()));
    mask.view_mut(33).expect("two words").keep_all();
    assert_eq!(mask.words(), &[!0, 1, 0b11]);
    assert_eq!(Mask::<3>::default().words(), &[0; 3]);
}

#[test]
fn every_length_has_a_word_count() {
    assert_eq!((mask_words(0), mask_words(1), mask_words(32), mask_words(33)), (0, 1, 1, 2));
    assert_eq!(mask_words(usize::MAX), usize::MAX / 32 + 1);
}

#[test]
fn debug_output_shows_the_mask() {
    let mask = MaskRef::new(&[0xFF], 4).expect("one word");
    assert_eq!(format!("{mask:?}"), "Mask(4 of 4 kept 0000000f)");
}

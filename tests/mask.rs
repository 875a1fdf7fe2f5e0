//! Masks against a `Vec<bool>`: views, algebra, counts and runs, over every boundary length.

use dropout_kernels::{
    Dropout, LockedDropout, Mask, MaskKey, MaskMut, MaskRef, MaskRng, MaskWindow, ShapeError,
    drop_rate, mask_words,
};
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

/// Where ranges begin and end.
fn places(n: usize) -> impl Iterator<Item = usize> + Clone {
    (0..=n).filter(move |i| [0, 1, 31].contains(&(i % 32)) || i % 37 == 5 || *i == n)
}

#[test]
fn a_window_is_the_bits_of_its_range() {
    for n in LENGTHS.into_iter().filter(|n| *n < 600) {
        let keep = flags(n, 3);
        let words = dirty(&keep);
        let mask = MaskRef::new(&words, n).expect("mask_words(n) words");
        assert_eq!(mask.window(0..n).expect("all of it"), MaskWindow::from(mask));
        for start in places(n) {
            for end in places(n).filter(|end| *end >= start) {
                let window = mask.window(start..end).expect("bits that there are");
                let wanted = &keep[start..end];
                assert_eq!((window.len(), window.is_empty()), (end - start, start == end));
                assert!(window.iter().eq(wanted.iter().copied()), "{start}..{end} of {n}");
                assert_eq!(window.iter().len(), wanted.len());
                assert_eq!(window.count_kept(), wanted.iter().filter(|k| **k).count());
                for i in [0, 1, 40, wanted.len()] {
                    assert_eq!(window.get(i), wanted.get(i).copied());
                    let word = pack(&wanted[i.min(wanted.len())..]).first().copied().unwrap_or(0);
                    assert_eq!(window.word_at(i), word, "{i} of {start}..{end} of {n}");
                    let (at, last) = (start + i.min(wanted.len()), end);
                    let part = window.window(i.min(wanted.len())..wanted.len());
                    assert_eq!(part, mask.window(at..last));
                }
                assert_eq!(window.word_at(usize::MAX), 0);
                let own = pack(wanted);
                let copy = MaskRef::new(&own, wanted.len()).expect("so many words");
                assert_eq!(window, copy.into());
                let [of_window, of_copy] =
                    [window, copy.into()].map(|w: MaskWindow<'_>| format!("{w:?}"));
                assert_eq!(of_window, of_copy);
            }
        }
        for i in places(n) {
            assert_eq!(mask.word_at(i), mask.window(i..n).expect("the rest").word_at(0));
        }
    }
}

#[test]
fn a_range_past_the_end_is_refused() {
    let past = |given| ShapeError::PastTheEnd { expected: 40, given };
    let words = [0x1234_5678, 0x9A];
    let mask = MaskRef::new(&words, 40).expect("two words");
    let mut copy = words;
    let mut written = MaskMut::new(&mut copy, 40).expect("two words");
    #[expect(clippy::reversed_empty_ranges, reason = "it is refused, too")]
    for (range, expected, given) in [
        (0..41, 40, 41),
        (41..41, 40, 41),
        (usize::MAX..3, 3, usize::MAX),
        (50..40, 40, 50),
        (9..3, 3, 9),
    ] {
        let refused = ShapeError::PastTheEnd { expected, given };
        assert_eq!(mask.window(range.clone()), Err(refused));
        assert_eq!(written.set_range(range, true), Err(refused));
    }
    assert_eq!(
        mask.window(20..30).and_then(|w| w.window(0..11)),
        Err(ShapeError::PastTheEnd { expected: 10, given: 11 })
    );
    let ten = mask.window(0..10).expect("ten bits");
    for (at, given) in [(31, 41), (usize::MAX, usize::MAX)] {
        assert_eq!(written.copy_bits(at, ten), Err(past(given)));
    }
    assert_eq!(
        past(41).to_string(),
        "expected a range within 40 bits, got one that reaches bit 41"
    );
    assert_eq!(mask.split_at(41), Err(past(41)));
    assert_eq!(mask.split_at(31), Err(ShapeError::NotWholeWords { given: 31 }));
    assert!(written.split_at(33).is_err());
    let error = ShapeError::NotWholeWords { given: 31 };
    assert_eq!(error.to_string(), "expected a multiple of 32 to split a mask at, got 31");
    assert_eq!(copy, words);
}

#[test]
fn what_is_split_is_both_parts() {
    for n in LENGTHS {
        let keep = flags(n, 5);
        let words = dirty(&keep);
        for mid in (0..n).filter(|i| i % 32 == 0).chain([n]) {
            let mask = MaskRef::new(&words, n).expect("mask_words(n) words");
            let (left, right) = mask.split_at(mid).expect("whole words");
            assert!(left.iter().chain(right.iter()).eq(keep.iter().copied()), "{mid} of {n}");
            assert_eq!((left.len(), right.len()), (mid, n - mid));
            let mut copy = words.clone();
            let all = MaskMut::new(&mut copy, n).expect("mask_words(n) words");
            let (mut left, mut right) = all.split_at(mid).expect("whole words");
            left.keep_all();
            right.drop_all();
            let wanted: Vec<_> = (0..n).map(|i| i < mid).collect();
            assert_eq!(copy, pack(&wanted), "{mid} of {n}");
        }
    }
}

#[test]
fn ranges_are_written_and_nothing_beside_them() {
    for n in LENGTHS.into_iter().filter(|n| *n < 200) {
        let (keep, other) = (flags(n, 7), flags(300, 8));
        let others = pack(&other);
        let other_mask = MaskRef::new(&others, 300).expect("so many words");
        for start in places(n) {
            for end in places(n).filter(|end| *end >= start) {
                for value in [true, false] {
                    let (mut words, mut wanted) = (pack(&keep), keep.clone());
                    let mut mask = MaskMut::new(&mut words, n).expect("mask_words(n) words");
                    mask.set_range(start..end, value).expect("bits that there are");
                    wanted[start..end].fill(value);
                    assert_eq!(words, pack(&wanted), "{start}..{end} of {n}");
                }
                let from = end % 41;
                let (mut words, mut wanted) = (pack(&keep), keep.clone());
                let mut mask = MaskMut::new(&mut words, n).expect("mask_words(n) words");
                let window = other_mask.window(from..from + end - start).expect("of 300");
                mask.copy_bits(start, window).expect("bits that there are");
                wanted[start..end].copy_from_slice(&other[from..from + end - start]);
                assert_eq!(words, pack(&wanted), "{start}..{end} of {n}");
            }
        }
    }
}

#[test]
fn masks_of_other_programs_come_and_go() {
    for n in LENGTHS {
        let keep = flags(n, 9);
        let words = dirty(&keep);
        let mask = MaskRef::new(&words, n).expect("mask_words(n) words");
        // A byte or a bool for each element; whatever is not 0 keeps.
        let (mut bools, mut bytes) = (vec![true; n], vec![9u8; n]);
        mask.copy_to_flags(&mut bools).expect("n flags");
        mask.copy_to_flags(&mut bytes).expect("n flags");
        assert_eq!(bools, keep);
        assert!(bytes.iter().zip(&keep).all(|(byte, keep)| *byte == u8::from(*keep)));
        bytes.iter_mut().filter(|byte| **byte != 0).for_each(|byte| *byte = 0x80);
        for of_bytes in [true, false] {
            let mut copy = vec![!0; mask_words(n)];
            let mut target = MaskMut::new(&mut copy, n).expect("mask_words(n) words");
            match of_bytes {
                true => target.copy_from_flags(&bytes),
                false => target.copy_from_flags(&bools),
            }
            .expect("n flags");
            assert_eq!(copy, pack(&keep));
        }
        let mut longer = vec![7u8; n + 1];
        assert!(mask.copy_to_flags(&mut longer).is_err() && longer.iter().all(|byte| *byte == 7));

        // Rows of packed bytes: in one, and padded to 16 bits as Transformer Engine and libxsmm do.
        let widths = (1..=n).filter(|width| n.is_multiple_of(*width));
        for width in widths.chain((n == 0).then_some(5)) {
            for stride in [width.div_ceil(8), width.div_ceil(16) * 2, width.div_ceil(8) + 3] {
                let mut bytes = vec![0xFF; n / width * stride];
                mask.copy_to_rows(width, stride, &mut bytes).expect("whole rows");
                for (r, row) in bytes.chunks(stride).enumerate() {
                    for i in 0..8 * stride {
                        let wanted = i < width && keep[r * width + i];
                        assert_eq!(
                            row[i / 8] >> (i % 8) & 1 != 0,
                            wanted,
                            "{r} {i}, {width} of {n}"
                        );
                    }
                }
                // What is left of a row means nothing.
                for row in bytes.chunks_mut(stride) {
                    (width..8 * stride).for_each(|i| row[i / 8] |= 1 << (i % 8));
                }
                let mut copy = vec![0; mask_words(n)];
                let mut target = MaskMut::new(&mut copy, n).expect("mask_words(n) words");
                target.copy_from_rows(width, stride, &bytes).expect("whole rows");
                assert_eq!(copy, pack(&keep), "{width} in {stride} of {n}");
            }
        }
    }
}

#[test]
fn rows_that_do_not_fit_are_refused() {
    let words = [0x5555_5555, 0];
    let mask = MaskRef::new(&words, 40).expect("two words");
    let other = |expected, given| Err(ShapeError::OtherElements { expected, given });
    let short = |expected, given| Err(ShapeError::StrideTooShort { expected, given });
    let cases = [
        (10, 1, 4, short(2, 1)),   // ten bits are two bytes
        (12, 2, 6, other(36, 40)), // no whole rows
        (10, 2, 7, other(8, 7)),   // four rows of two bytes
        (0, 2, 0, other(0, 40)),   // rows of nothing
        (10, usize::MAX, 8, Err(ShapeError::Overflow { elements: 4, extent: usize::MAX })),
    ];
    for (width, stride, n, error) in cases {
        let (mut bytes, mut copy) = (vec![7u8; n], words);
        assert_eq!(mask.copy_to_rows(width, stride, &mut bytes), error);
        assert!(bytes.iter().all(|byte| *byte == 7));
        let mut target = MaskMut::new(&mut copy, 40).expect("two words");
        assert_eq!(target.copy_from_rows(width, stride, &bytes), error);
        assert_eq!(copy, words);
    }
}

/// 8 x 100 drawn in one call, and half of it lent to another one; and sequences that end.
#[test]
fn parts_of_what_was_drawn_go_backward_alone() {
    let dropout = Dropout::new(drop_rate!(0.3));
    let mut mask = Mask::<{ mask_words(800) }>::new();
    let mut y = [1f32; 800];
    dropout.forward_in_place(&mut y, MaskKey::new(42, 0).draw(&mut mask)).expect("800 bits");
    let mask = mask.view(800).expect("800 bits");
    for cut in [400, 1, 799, 31, 512] {
        let mut dx = [1f32; 800];
        let (left, right) = dx.split_at_mut(cut);
        dropout.backward_in_place(left, mask.window(0..cut).expect("bits")).expect("its bits");
        dropout.backward_in_place(right, mask.window(cut..800).expect("bits")).expect("its bits");
        assert_eq!(dx, y, "{cut}");
    }
    let short = dropout.backward_in_place(&mut [1f32; 9], mask.window(0..10).expect("ten bits"));
    assert_eq!(short, Err(ShapeError::MaskTooLong { expected: 9, given: 10 }));

    // Ten units of four sequences, the first three of which go on, and the third alone.
    let mut words = [0; 2];
    let mut locked = LockedDropout::new(dropout, 10, words.as_mut_slice());
    locked.draw(4, &mut MaskRng::new(42, 0)).expect("40 bits");
    let mut all = [1f32; 40];
    locked.forward_in_place(&mut all).expect("four sequences");
    let mut three = [1f32; 30];
    locked.forward_in_place(&mut three).expect("three sequences");
    assert_eq!(three, all[..30]);
    let mut third = [1f32; 10];
    let window = locked.mask().window(20..30).expect("its bits");
    locked.dropout().forward_in_place(&mut third, window).expect("ten bits");
    assert_eq!(third, all[20..30]);
}

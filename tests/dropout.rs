//! Every way to drop, against the reference: all backends, rules, rates, lengths and offsets, with
//! guards around every slice; and every error, after which nothing has been written.

use dropout_kernels::{
    Dropout, Mask, MaskKey, MaskMut, MaskRef, MaskRng, ShapeError, drop_rate, mask_words,
};
use dropout_reference::rates;

const SEED: u64 = 42;
const STREAM: u64 = 7;

/// Calls `act` on slices of the given lengths and checks the error, and that nothing has changed.
fn refused(
    [x_len, y_len, mask_len]: [usize; 3],
    error: ShapeError,
    act: impl Fn(&Dropout, &[f32], &mut [f32], MaskMut<'_>, &mut MaskRng) -> Result<(), ShapeError>,
) {
    for dropout in rates().map(Dropout::new) {
        let (x, mut y) = (vec![1.5; x_len], vec![2.5; y_len]);
        let mut words = vec![0x1234_5678; mask_words(mask_len)];
        let mut rng = MaskRng::new(SEED, STREAM);
        let mask = MaskMut::new(&mut words, mask_len).expect("mask_words(n) words");
        assert_eq!(act(&dropout, &x, &mut y, mask, &mut rng), Err(error));
        assert!(y.iter().all(|y| *y == 2.5));
        assert!(words.iter().all(|w| *w == 0x1234_5678));
        assert_eq!(rng, MaskRng::new(SEED, STREAM));
    }
}

#[test]
fn a_mask_of_another_length_is_refused() {
    for (n, given) in [(64, 63), (64, 65), (64, 0), (0, 1), (1, 0), (600, 32), (33, 1024)] {
        let error = if given < n {
            ShapeError::MaskTooShort { expected: n, given }
        } else {
            ShapeError::MaskTooLong { expected: n, given }
        };
        let lengths = [n, n, given];
        refused(lengths, error, |d, x, y, mask, rng| d.forward(x, y, rng.draw(mask)));
        refused(lengths, error, |d, _, y, mask, rng| d.forward_in_place(y, rng.draw(mask)));
        refused(lengths, error, |d, x, y, mask, _| d.forward(x, y, mask.as_ref()));
        refused(lengths, error, |d, _, y, mask, _| d.forward_in_place(y, mask.as_ref()));
        refused(lengths, error, |d, x, y, mask, _| d.backward(x, y, mask.as_ref()));
        refused(lengths, error, |d, _, y, mask, _| d.backward_in_place(y, mask.as_ref()));
    }
}

#[test]
fn an_output_of_another_length_is_refused() {
    for (n, given) in [(64, 63), (64, 65), (64, 0), (0, 1)] {
        let error = ShapeError::LengthMismatch { expected: n, given };
        let lengths = [n, given, n];
        refused(lengths, error, |d, x, y, mask, rng| d.forward(x, y, rng.draw(mask)));
        refused(lengths, error, |d, x, y, mask, _| d.forward(x, y, mask.as_ref()));
        refused(lengths, error, |d, x, y, mask, _| d.backward(x, y, mask.as_ref()));
        refused(lengths, error, |d, x, y, _, _| d.forward(x, y, MaskKey::new(1, 2)));
        refused(lengths, error, |d, x, y, _, _| d.backward(x, y, MaskKey::new(1, 2)));
        refused(lengths, error, |d, x, y, _, _| d.infer(x, y));
    }
}

#[test]
fn shape_errors_say_what_was_expected_and_what_was_given() {
    let (expected, given) = (12, 34);
    let errors = [
        (ShapeError::MaskTooShort { expected, given }, "mask too short: expected 12 bits, got 34"),
        (ShapeError::MaskTooLong { expected, given }, "mask too long: expected 12 bits, got 34"),
        (
            ShapeError::LengthMismatch { expected, given },
            "lengths differ: expected an output of 12 elements, as an input has, got 34",
        ),
        (ShapeError::OtherElements { expected, given }, "expected 12 elements, got 34"),
        (
            ShapeError::TooFewElements { expected, given: 11 },
            "expected at least 12 elements, got 11",
        ),
        (
            ShapeError::StrideTooShort { expected, given: 11 },
            "expected a stride of at least 12, got 11",
        ),
        (
            ShapeError::StrideTooLong { expected, given },
            "expected rows without gaps, a stride of 12, got 34",
        ),
        (ShapeError::SpatialAxes { given }, "expected 1 to 3 spatial axes, got 34"),
        (ShapeError::EmptyBlock, "expected blocks of extent 1 or more, got 0"),
        (
            ShapeError::OutsideVocabulary { at: 5, expected, given },
            "expected indices below 12, the rows, got 34 at 5",
        ),
        (
            ShapeError::TooManyPasses { counted: u32::MAX, more: 1 },
            "expected at most 4294967295 passes, got 4294967295 + 1",
        ),
        (ShapeError::TooFewWords { expected, given }, "too few mask words: expected 12, got 34"),
        (ShapeError::TooManyWords { expected, given }, "too many mask words: expected 12, got 34"),
    ];
    for (error, text) in errors {
        assert_eq!(error.to_string(), text);
    }
    let overflow = ShapeError::Overflow { elements: usize::MAX, extent: 2 };
    let text =
        format!("expected elements (or rows * stride) that can be counted, got {} * 2", usize::MAX);
    assert_eq!(overflow.to_string(), text);
}

#[test]
fn the_first_bits_of_a_longer_mask_are_a_mask() {
    let dropout = Dropout::new(drop_rate!(0.5));
    let mask = Mask::<2>::from_words([0b0110, !0]);
    let mut x = [1f32; 4];
    let first: MaskRef<'_> = mask.view(4).expect("two words hold four");
    dropout.forward_in_place(&mut x, first).expect("lengths agree");
    assert_eq!(x, [0.0, 2.0, 2.0, 0.0]);
}

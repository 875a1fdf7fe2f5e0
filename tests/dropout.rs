//! Every way to drop, against the reference: all backends, rules, rates, lengths and offsets, with
//! guards around every slice; and every error, after which nothing has been written.

mod support;

use dropout_kernels::{
    Backend, DropRate, Dropout, Mask, MaskKey, MaskMut, MaskRef, MaskRng, Rule, ShapeError,
    drop_rate, mask_words,
};
use support::formula::Formula;
use support::guarded::Guarded;
use support::number::{Number, bits, same};
use support::reference::{Reference, pack};
use support::{LENGTHS, rates};

const SEED: u64 = 42;
const STREAM: u64 = 7;

/// What a way to drop is given, and what it has to leave behind.
struct Case<'a, T, R> {
    dropout: Dropout<R>,
    x: &'a [T],
    offset: usize,
}

/// A way to drop: from x to y, or in place if there is no x.
type Way<T, R> = fn(&Dropout<R>, Option<&[T]>, &mut [T], MaskMut<'_>, &mut MaskRng);

/// The way that draws, and stores the mask: forward.
fn storing<T: Number, R: Rule>() -> [Way<T, R>; 1] {
    [|dropout, x, y, mask, rng| {
        match x {
            Some(x) => dropout.forward(x, y, rng.draw(mask)),
            None => dropout.forward_in_place(y, rng.draw(mask)),
        }
        .expect("lengths agree");
    }]
}

/// Ways that take a mask as it is: forward, and backward.
fn masked<T: Number, R: Rule>() -> [Way<T, R>; 2] {
    [
        |dropout, x, y, mask, _| {
            match x {
                Some(x) => dropout.forward(x, y, mask.as_ref()),
                None => dropout.forward_in_place(y, mask.as_ref()),
            }
            .expect("lengths agree");
        },
        |dropout, x, y, mask, _| {
            match x {
                Some(x) => dropout.backward(x, y, mask.as_ref()),
                None => dropout.backward_in_place(y, mask.as_ref()),
            }
            .expect("lengths agree");
        },
    ]
}

/// Ways without a mask: forward, and backward.
fn replayed<T: Number, R: Rule>() -> [Way<T, R>; 2] {
    [
        |dropout, x, y, _, _| {
            match x {
                Some(x) => dropout.forward(x, y, MaskKey::new(SEED, STREAM)),
                None => dropout.forward_in_place(y, MaskKey::new(SEED, STREAM)),
            }
            .expect("lengths agree");
        },
        |dropout, x, y, _, _| {
            match x {
                Some(x) => dropout.backward(x, y, MaskKey::new(SEED, STREAM)),
                None => dropout.backward_in_place(y, MaskKey::new(SEED, STREAM)),
            }
            .expect("lengths agree");
        },
    ]
}

impl<T: Number, R: Formula> Case<'_, T, R> {
    /// Runs one way in and out of place; `words` is the mask before, `after` the mask after.
    fn run(&self, way: Way<T, R>, words: &[u32], after: &[u32], y: &[T], rng_after: &MaskRng) {
        for in_place in [true, false] {
            let n = self.x.len();
            let mut mask = Guarded::new(words, self.offset, 0xDEAD_BEEF);
            let before = if in_place { self.x.to_vec() } else { vec![T::ONE; n] };
            let mut target = Guarded::new(&before, self.offset, T::GUARD);
            let mut source = Guarded::new(self.x, (self.offset + 1) % 4, T::GUARD);
            let mut rng = MaskRng::new(SEED, STREAM);
            way(
                &self.dropout,
                (!in_place).then(|| &*source.slice()),
                target.slice(),
                MaskMut::new(mask.slice(), n).expect("mask_words(n) words"),
                &mut rng,
            );
            let told =
                format!("{:?} n {n} offset {} in place {in_place}", self.dropout, self.offset);
            for (i, (given, wanted)) in target.slice().iter().zip(y).enumerate() {
                assert!(same(*given, *wanted), "{told} element {i}: {given:?}, not {wanted:?}");
            }
            assert_eq!(mask.slice(), after, "{told}");
            assert_eq!(rng, *rng_after, "{told}");
            assert_eq!(bits(source.slice()), bits(self.x), "{told}");
            assert!(mask.intact(|a, b| a == b), "{told}");
            assert!(target.intact(|a, b| a.bits() == b.bits()), "{told}");
        }
    }

    /// What the formulas make of x by these masks, forward and backward.
    fn expected(&self, keep: &[bool]) -> [Vec<T>; 2] {
        let t = self.dropout.rate().threshold();
        [R::y, R::dx].map(|of| self.x.iter().zip(keep).map(|(x, keep)| of(t, *keep, *x)).collect())
    }

    /// Every way at one rate, rule, length and offset.
    fn check(&self) {
        let (n, rate) = (self.x.len(), self.dropout.rate());
        let fresh = MaskRng::new(SEED, STREAM);
        let mut reference = Reference::new(SEED, STREAM);
        let keep = reference.mask(rate.threshold(), n);
        let words = pack(&keep);
        let moved = MaskRng::from_bytes(&reference.to_bytes()).expect("a generator's state");
        let garbage = vec![0x5A5A_5A5A; words.len()];
        // At p = 0 nothing is computed of what is drawn.
        let drawn = match rate.threshold() {
            0 => [self.x, self.x].map(<[T]>::to_vec),
            _ => self.expected(&keep),
        };
        for (way, y) in storing().into_iter().zip(&drawn) {
            self.run(way, &garbage, &words, y, &moved);
        }
        for (way, y) in replayed().into_iter().zip(&drawn) {
            self.run(way, &garbage, &garbage, y, &fresh);
        }
        // A mask that no generator drew, with ones past its end.
        let brought: Vec<_> = (0..n).map(|i| i * i % 7 < 3).collect();
        let mut words = pack(&brought);
        if let (Some(last), used @ 1..) = (words.last_mut(), n % 32) {
            *last |= !0 << used;
        }
        for (way, y) in masked().into_iter().zip(&self.expected(&brought)) {
            self.run(way, &words, &words, y, &fresh);
        }
    }
}

/// Every combination over one element type.
fn check_all<T: Number, R: Formula>(dropout: impl Fn(DropRate) -> Dropout<R>) {
    for backend in Backend::available() {
        for rate in rates() {
            for (i, n) in LENGTHS.into_iter().enumerate() {
                let x = T::values(n);
                let dropout = dropout(rate).with_backend(backend);
                Case { dropout, x: &x, offset: i % 4 }.check();
            }
        }
    }
}

#[test]
fn every_way_drops_f32_as_the_reference() {
    check_all::<f32, _>(Dropout::new);
    check_all::<f32, _>(Dropout::classic);
    check_all::<f32, _>(Dropout::alpha);
    check_all::<f32, _>(Dropout::drop_key);
}

#[test]
fn every_way_drops_f64_as_the_reference() {
    check_all::<f64, _>(Dropout::new);
    check_all::<f64, _>(Dropout::classic);
    check_all::<f64, _>(Dropout::alpha);
    check_all::<f64, _>(Dropout::drop_key);
}

#[test]
fn every_offset_drops_alike() {
    for backend in Backend::available() {
        for offset in 0..16 {
            for n in [33, 512, 700] {
                let dropout = Dropout::new(drop_rate!(0.1)).with_backend(backend);
                Case { dropout, x: &f32::values(n), offset }.check();
                Case { dropout, x: &f64::values(n), offset }.check();
                let dropout = Dropout::alpha(drop_rate!(0.1)).with_backend(backend);
                Case { dropout, x: &f32::values(n), offset }.check();
                Case { dropout, x: &f64::values(n), offset }.check();
            }
        }
    }
}

/// `y` is what x becomes at inference.
fn check_inference<T: Number, R: Formula>(dropout: Dropout<R>, x: &[T]) {
    let t = dropout.rate().threshold();
    let y: Vec<T> = x.iter().map(|x| R::inferred(t, *x)).collect();
    for backend in Backend::available() {
        let dropout = dropout.with_backend(backend);
        let mut out = Guarded::new(&vec![T::ONE; x.len()], 1, T::GUARD);
        dropout.infer(x, out.slice()).expect("lengths agree");
        let mut in_place = Guarded::new(x, 2, T::GUARD);
        dropout.infer_in_place(in_place.slice());
        for target in [&mut out, &mut in_place] {
            assert!(target.slice().iter().zip(&y).all(|(a, b)| same(*a, *b)));
            assert!(target.intact(|a, b| a.bits() == b.bits()));
        }
    }
}

#[test]
fn inference_is_the_identity_or_scales_by_1_minus_p() {
    fn check<T: Number>() {
        for rate in rates() {
            for n in LENGTHS {
                let x = T::values(n);
                check_inference(Dropout::new(rate), &x);
                check_inference(Dropout::classic(rate), &x);
                check_inference(Dropout::alpha(rate), &x);
                check_inference(Dropout::drop_key(rate), &x);
            }
        }
    }
    check::<f32>();
    check::<f64>();
}

/// The array forms against the slice forms, for one length.
macro_rules! arrays {
    ($dropout:expr, $($n:literal),*) => {$({
        const N: usize = $n;
        let values: [f32; N] = f32::values(N).try_into().expect("N values");
        for rate in rates() {
            let dropout = $dropout(rate);
            {
                let (mut mask, mut mask2) = (Mask::<{ mask_words(N) }>::new(), Mask::new());
                let (mut rng, mut rng2) = (MaskRng::new(SEED, 0), MaskRng::new(SEED, 0));
                let (mut x, mut y) = (values, [1f32; N]);
                let mut wanted = values;
                let slice_mask = mask2.view_mut(N).expect("mask_words(N) words");
                dropout.forward_in_place(&mut wanted, rng2.draw(slice_mask)).expect("lengths agree");

                dropout.forward_array_in_place(&mut x, rng.draw(&mut mask));
                assert_eq!((bits(&x), &mask, &rng), (bits(&wanted), &mask2, &rng2));
                dropout.forward_array(&values, &mut y, MaskRng::new(SEED, 0).draw(&mut mask));
                assert_eq!((bits(&y), &mask), (bits(&wanted), &mask2));
                y = [1.0; N];
                dropout.forward_array(&values, &mut y, MaskKey::new(SEED, 0));
                assert_eq!(bits(&y), bits(&wanted));
                y = [1.0; N];
                dropout.backward_array(&values, &mut y, MaskKey::new(SEED, 0));
                dropout.backward(&values, &mut wanted, MaskKey::new(SEED, 0)).expect("lengths agree");
                assert_eq!(bits(&y), bits(&wanted));

                // A brought mask decides alone, at p = 0 too; so it is not compared with the above.
                let brought = Mask::from_words([0x0F0F_3355; mask_words(N)]);
                let view = brought.view(N).expect("mask_words(N) words");
                (x, y) = (values, [1.0; N]);
                dropout.forward(&values, &mut wanted, view).expect("lengths agree");
                dropout.forward_array(&values, &mut y, &brought);
                dropout.forward_array_in_place(&mut x, &brought);
                assert_eq!((bits(&y), bits(&x)), (bits(&wanted), bits(&wanted)));
                (x, y) = (values, [1.0; N]);
                dropout.backward(&values, &mut wanted, view).expect("lengths agree");
                dropout.backward_array(&values, &mut y, &brought);
                dropout.backward_array_in_place(&mut x, &brought);
                assert_eq!((bits(&y), bits(&x)), (bits(&wanted), bits(&wanted)));

                dropout.infer(&values, &mut wanted).expect("lengths agree");
                dropout.infer_array(&values, &mut y);
                assert_eq!(bits(&y), bits(&wanted));
            }
        }
    })*};
}

#[test]
fn arrays_are_dropped_as_slices() {
    arrays!(Dropout::new, 0, 1, 31, 32, 33, 64, 511, 512, 513, 1000);
    arrays!(Dropout::classic, 0, 1, 31, 32, 33, 64, 511, 512, 513, 1000);
    arrays!(Dropout::alpha, 0, 1, 31, 32, 33, 64, 511, 512, 513, 1000);
    arrays!(Dropout::drop_key, 0, 1, 31, 32, 33, 64, 511, 512, 513, 1000);
}

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
            "lengths differ: expected 12 elements of output, got 34",
        ),
        (
            ShapeError::OtherElements { expected, given },
            "expected the 12 elements of the shape, got 34",
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
    let text = format!("expected a shape of at most {0} elements, got {0} * 2", usize::MAX);
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

//! The semantics table of the README. (Bad rates are in `rate.rs`, bad lengths and inference in
//! `dropout.rs`, the tape in `tape.rs`.)

use std::collections::HashSet;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hash};

use dropout_kernels::{
    Backend, Classic, DropConnect, DropRate, Dropout, EmbeddingDropout, GaussianDropout, Layout,
    Mask, MaskKey, MaskRef, MaskRng, Rule, RuleFor, drop_rate, mask_words,
};
use dropout_reference::number::{Number, Real, bits, same};

const N: usize = 1100;
const WORDS: usize = mask_words(N);

/// A step of training with a stored mask: y, dx, the mask and the generator afterwards.
fn train<T: Number, R: RuleFor<T>>(
    dropout: Dropout<R>,
    x: &[T],
    dy: &[T],
) -> (Vec<T>, Vec<T>, Mask<WORDS>, MaskRng) {
    let mut mask = Mask::new();
    let mut rng = MaskRng::new(1, 2);
    let (mut y, mut dx) = (x.to_vec(), dy.to_vec());
    dropout
        .forward_in_place(&mut y, rng.draw(mask.view_mut(x.len()).expect("N bits")))
        .and_then(|()| dropout.backward_in_place(&mut dx, mask.view(x.len())?))
        .expect("lengths agree");
    (y, dx, mask, rng)
}

/// On every backend.
fn everywhere<R: Rule>(dropout: Dropout<R>) -> impl Iterator<Item = Dropout<R>> {
    Backend::available().map(move |backend| dropout.with_backend(backend))
}

/// y and dx by every way to draw: stored or replayed, in place or from one slice to another.
fn every_draw<T: Number, R: RuleFor<T>>(dropout: Dropout<R>, x: &[T]) -> [Vec<T>; 4] {
    let (y, dx, ..) = train(dropout, x, x);
    let (mut in_place, mut out) = (x.to_vec(), vec![T::ONE; x.len()]);
    dropout.forward_in_place(&mut in_place, MaskKey::new(1, 2)).expect("any length");
    dropout.forward(x, &mut out, MaskKey::new(1, 2)).expect("lengths agree");
    [y, dx, in_place, out]
}

#[test]
fn at_p_0_the_output_has_the_bits_of_the_input() {
    fn check<T: Number, R: RuleFor<T>>(dropout: Dropout<R>, x: &[T]) {
        for dropout in everywhere(dropout) {
            let [y, dx, in_place, out] = every_draw(dropout, x);
            for y in [y, in_place, out] {
                assert_eq!(bits(&y), bits(x));
            }
            // The stored mask is a mask like any: backward multiplies by 1.
            assert!(dx.iter().zip(x).all(|(dx, x)| same(*dx, *x)));
            let (_, _, mask, rng) = train(dropout, x, x);
            assert_eq!(mask.view(N).expect("N bits").count_kept(), N);
            assert_eq!(rng, MaskRng::new(1, 2));
        }
    }
    // Signalling NaN, which any arithmetic would quieten.
    let mut x = f32::values(N);
    x[17] = f32::from_bits(0x7F80_0001);
    x[1099] = f32::from_bits(0xFFA0_0001);
    check(Dropout::new(DropRate::ZERO), &x);
    check(Dropout::classic(DropRate::ZERO), &x);
    check(Dropout::alpha(DropRate::ZERO), &x);
    check(Dropout::drop_key(DropRate::ZERO), &x);
    let mut x = f64::values(N);
    x[17] = f64::from_bits(0x7FF0_0000_0000_0001);
    check(Dropout::new(DropRate::ZERO), &x);
    check(Dropout::classic(DropRate::ZERO), &x);
}

#[test]
fn at_p_1_all_is_positive_zero() {
    fn check<T: Number, R: RuleFor<T>>(dropout: Dropout<R>) {
        for dropout in everywhere(dropout) {
            for y in every_draw(dropout, &T::values(N)) {
                assert!(y.iter().all(|y| y.bits() == 0));
            }
            let (_, _, mask, rng) = train(dropout, &T::values(N), &T::values(N));
            assert_eq!(mask.words(), &[0; WORDS]);
            assert_eq!(rng, MaskRng::new(1, 2));
        }
    }
    check::<f32, _>(Dropout::new(DropRate::ONE));
    check::<f64, _>(Dropout::new(DropRate::ONE));
    check::<f32, _>(Dropout::classic(DropRate::ONE));
    check::<f64, _>(Dropout::classic(DropRate::ONE));
    check::<f32, _>(Dropout::alpha(DropRate::ONE));
    check::<f64, _>(Dropout::alpha(DropRate::ONE));
}

/// At p = 0 too; and at p = 1 the inverted rule and the alpha rule have no scale, so all is zero.
#[test]
fn a_mask_of_the_callers_decides_alone() {
    let mask = Mask::<1>::from_words([0b01]);
    let dropped = |dropout: &dyn Fn(&mut [f32; 2], &Mask<1>)| {
        let mut x = [3f32, f32::NAN];
        dropout(&mut x, &mask);
        x
    };
    let inverted = |rate| dropped(&|x, m| Dropout::new(rate).forward_array_in_place(x, m));
    let classic = |rate| dropped(&|x, m| Dropout::classic(rate).forward_array_in_place(x, m));
    assert_eq!(inverted(DropRate::ZERO), [3.0, 0.0]);
    assert_eq!(classic(DropRate::ZERO), [3.0, 0.0]);
    assert_eq!(classic(DropRate::ONE), [3.0, 0.0]);
    assert_eq!(inverted(DropRate::ONE), [0.0, 0.0]);
    let alpha = |rate| dropped(&|x, m| Dropout::alpha(rate).forward_array_in_place(x, m));
    let drop_key = |rate| dropped(&|x, m| Dropout::drop_key(rate).forward_array_in_place(x, m));
    assert_eq!(alpha(DropRate::ZERO), [3.0, -1.758_099_3]);
    assert_eq!(alpha(DropRate::ONE), [0.0, 0.0]);
    assert_eq!(drop_key(DropRate::ZERO), [3.0, f32::NEG_INFINITY]);
    assert_eq!(drop_key(DropRate::ONE), [3.0, f32::NEG_INFINITY]);
}

/// There is no scale then: 0 times NaN or infinity would be NaN, and 0 times -3 would be -0.0.
#[test]
fn at_p_1_nothing_comes_through_a_mask_that_keeps() {
    fn check<T: Number, R: RuleFor<T>>(dropout: Dropout<R>) {
        let x: Vec<T> = T::AWKWARD.into_iter().collect();
        let words = vec![!0; mask_words(x.len())];
        let mask = MaskRef::new(&words, x.len()).expect("the words of so many bits");
        let over = dropout.over(Layout::elementwise(x.len()));
        let mut ways = [x.clone(), x.clone(), x.clone(), x];
        let [forward, backward, forward_over, backward_over] = &mut ways;
        dropout.forward_in_place(forward, mask).expect("lengths agree");
        dropout.backward_in_place(backward, mask).expect("lengths agree");
        over.forward_in_place(forward_over, mask).expect("lengths agree");
        over.backward_in_place(backward_over, mask).expect("lengths agree");
        assert!(ways.iter().flatten().all(|y| y.bits() == 0), "{dropout:?}: {ways:?}");
    }
    check::<f32, _>(Dropout::new(DropRate::ONE));
    check::<f64, _>(Dropout::new(DropRate::ONE));
    check::<f32, _>(Dropout::alpha(DropRate::ONE));
    check::<f64, _>(Dropout::alpha(DropRate::ONE));
}

#[test]
fn what_a_dropout_was_made_of_can_be_asked_of_it() {
    let rate = drop_rate!(0.3);
    assert_eq!(GaussianDropout::new(rate).map(GaussianDropout::rate), Ok(rate));
    let embedding = EmbeddingDropout::new(Dropout::new(rate), 70, 2).expect("a shape that fits");
    assert_eq!(embedding.mask_bits(), 70);
    let layer = DropConnect::classic(rate, 5, 13).expect("a shape that fits");
    assert_eq!((layer.rule(), layer.mask_bits()), (Classic, 65));
}

/// Equal ones have one hash, and those of other rates another.
#[test]
fn rates_and_dropouts_are_hashed_by_what_they_are() {
    fn check<T: Hash>(of: impl Fn(DropRate) -> T) {
        let hash = |rate| BuildHasherDefault::<DefaultHasher>::default().hash_one(of(rate));
        let rates = [drop_rate!(0.0), drop_rate!(0.1), drop_rate!(0.5), drop_rate!(1.0)];
        assert_eq!(rates.map(hash), rates.map(hash));
        assert_eq!(HashSet::from(rates.map(hash)).len(), rates.len());
    }
    check(|rate| rate);
    check(Dropout::new);
    check(Dropout::alpha);
}

#[test]
fn debug_output_of_a_dropout_shows_its_rate_and_its_rule() {
    let text = format!("{:?}", Dropout::alpha(drop_rate!(0.5)));
    assert!(
        text.contains("DropRate(0x80_00000000 / 2^40)") && text.contains("rule: Alpha"),
        "{text}"
    );
}

#[test]
fn every_backend_has_a_name_of_its_own() {
    let names: HashSet<_> = Backend::ALL.iter().map(|b| b.name()).collect();
    assert_eq!(names.len(), Backend::ALL.len());
    assert!(names.contains("portable") && names.iter().all(|n| *n == n.to_lowercase()));
}

/// The sizes that the README states.
#[test]
fn the_memory_is_what_was_said() {
    assert_eq!(size_of::<MaskRng>(), 256);
    assert!(size_of::<Dropout>() <= 32);
    assert_eq!(size_of::<Mask<8>>(), 32);
}

#[test]
fn a_dropped_element_is_positive_zero_whatever_it_was() {
    fn check<T: Number, R: RuleFor<T>>(dropout: Dropout<R>) {
        for dropout in everywhere(dropout) {
            for awkward in T::AWKWARD {
                let (y, dx, mask, _) = train(dropout, &[awkward; N], &[awkward; N]);
                for (i, keep) in mask.view(N).expect("N bits").iter().enumerate() {
                    assert!(keep || y[i].bits() == 0 && dx[i].bits() == 0);
                }
            }
        }
    }
    check::<f32, _>(Dropout::new(drop_rate!(0.5)));
    check::<f64, _>(Dropout::new(drop_rate!(0.5)));
    check::<f32, _>(Dropout::classic(drop_rate!(0.5)));
    check::<f64, _>(Dropout::classic(drop_rate!(0.5)));
}

#[test]
fn a_kept_element_is_one_product_forward_and_backward() {
    fn check<T: Real>(rate: DropRate) {
        let x = T::ramp(N);
        let scale = T::reference_scale(rate.threshold());
        for backend in Backend::available() {
            let (y, dx, mask, _) = train(Dropout::new(rate).with_backend(backend), &x, &x);
            let mask = mask.view(N).expect("N bits");
            assert!(0 < mask.count_kept() && mask.count_kept() < N);
            for (i, _) in mask.iter().enumerate().filter(|(_, keep)| *keep) {
                assert_eq!(y[i].bits(), x[i].multiply(scale).bits());
                assert_eq!(dx[i].bits(), y[i].bits());
            }
        }
    }
    for rate in [drop_rate!(0.1), drop_rate!(0.3), drop_rate!(0.5), drop_rate!(0.9)] {
        check::<f32>(rate);
        check::<f64>(rate);
    }
}

#[test]
fn the_gradient_does_not_look_at_the_forward_values() {
    let dropout = Dropout::new(drop_rate!(0.5));
    let (_, dx, mask, _) = train(dropout, &[f32::NAN; N], &[1.0; N]);
    let keep = mask.view(N).expect("N bits").iter();
    assert!(keep.zip(&dx).all(|(keep, dx)| *dx == if keep { 2.0 } else { 0.0 }));
}

#[test]
fn one_in_a_mask_is_keep() {
    let mask = Mask::<1>::from_words([0b01]);
    let mut x = [3f32, 3.0];
    Dropout::new(drop_rate!(0.5)).forward_array_in_place(&mut x, &mask);
    assert_eq!(x, [6.0, 0.0]);
}

#[test]
fn a_rate_below_2_to_the_minus_41_drops_nothing() {
    let rate = DropRate::new(4e-13).expect("a probability");
    assert_eq!((rate.p(), rate.scale()), (0.0, 1.0));
    assert_eq!(rate, DropRate::ZERO);
}

/// The mean of y over masks is x, to the rounding of the scale: q * scale = 1.
#[test]
fn the_scale_fits_what_is_dropped() {
    for p in [1e-6f32, 0.003, 0.1, 0.3, 0.5, 0.9, 0.999] {
        let rate = DropRate::new(p).expect("a probability");
        let kept = 1.0 - rate.p();
        assert!((kept * rate.scale() - 1.0).abs() <= f64::EPSILON);
        assert!((kept * f64::from(rate.scale_f32()) - 1.0).abs() <= f64::from(f32::EPSILON));
    }
}

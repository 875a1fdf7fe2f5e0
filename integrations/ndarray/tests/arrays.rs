//! Every layout is dropped like its copy in standard layout, from every source of masks, and nothing else changes.

use dropout_kernels::{
    Alpha, Classic, DropRate, Dropout, Inverted, Mask, MaskKey, MaskMut, MaskRef, MaskRng, Rule,
    RuleFor, ShapeError, drop_rate, mask_words,
};
use dropout_kernels_ndarray::{DropoutNd as _, Error, KnownSource};
use ndarray::{Array, Array2, ArrayD, ArrayViewMutD, IxDyn, ShapeBuilder as _, s};

const KEY: MaskKey = MaskKey::new(42, 7);

/// A way to look at a matrix of 12 x 80: of it, the same view of any matrix.
type View = fn(&mut Array2<f32>) -> ArrayViewMutD<'_, f32>;

const VIEWS: [(&str, View); 14] = [
    ("standard", |x| x.view_mut().into_dyn()),
    ("transposed", |x| x.view_mut().reversed_axes().into_dyn()),
    ("rows", |x| x.slice_mut(s![3..9, ..]).into_dyn()),
    ("columns", |x| x.slice_mut(s![.., 17..59]).into_dyn()),
    ("narrow columns", |x| x.slice_mut(s![.., 17..24]).into_dyn()),
    ("one column", |x| x.slice_mut(s![.., 5]).into_dyn()),
    ("one row", |x| x.slice_mut(s![5, ..]).into_dyn()),
    ("each second column", |x| x.slice_mut(s![.., ..;2]).into_dyn()),
    ("each second row", |x| x.slice_mut(s![..;2, 1..]).into_dyn()),
    ("columns backwards", |x| x.slice_mut(s![.., ..;-1]).into_dyn()),
    ("rows backwards", |x| x.slice_mut(s![..;-1, ..]).into_dyn()),
    ("four axes, narrowed twice", |x| {
        let x = x.view_mut().into_shape_with_order((3, 4, 4, 20)).unwrap();
        x.slice_move(s![.., 1..3, 1..4, 2..19]).into_dyn()
    }),
    ("a scalar", |x| x.slice_mut(s![4, 5]).into_dyn()),
    ("nothing", |x| x.slice_mut(s![.., 7..7]).into_dyn()),
];

fn numbers() -> Array2<f32> {
    Array::from_shape_fn((12, 80), |(i, j)| ((i * 80 + j) * 37 % 101) as f32 / 16.0 - 3.15)
}

fn logical(x: &ArrayViewMutD<'_, f32>) -> Vec<f32> {
    x.iter().copied().collect()
}

fn bits<'a>(x: impl IntoIterator<Item = &'a f32>) -> Vec<u32> {
    x.into_iter().map(|x| x.to_bits()).collect()
}

fn by_every_known_mask<R: Rule + RuleFor<f32>>(dropout: Dropout<R>) {
    for (view_name, view) in VIEWS {
        let n = view(&mut numbers()).len();
        let mut words = vec![0; mask_words(n)];
        let mut mask = MaskMut::new(&mut words, n).unwrap();
        KEY.fill(dropout.rate(), mask.reborrow());
        // The same bits inside of a longer mask, from bit 13 on.
        let mut longer = vec![u32::MAX; mask_words(n + 40)];
        let mut long = MaskMut::new(&mut longer, n + 40).unwrap();
        long.copy_bits(13, mask.as_ref().into()).unwrap();
        let window = long.as_ref().window(13..13 + n).unwrap();

        known(dropout, view_name, view, KEY);
        known(dropout, view_name, view, mask.as_ref());
        known(dropout, view_name, view, window);
    }
}

fn known<R: Rule + RuleFor<f32>>(
    dropout: Dropout<R>,
    name: &str,
    view: View,
    mask: impl KnownSource + core::fmt::Debug,
) {
    let whole = numbers();
    let x = logical(&view(&mut whole.clone()));
    let mut forward = x.clone();
    dropout.forward(&x, &mut forward, mask).unwrap();
    let mut backward = x.clone();
    dropout.backward(&x, &mut backward, mask).unwrap();
    let (forward, backward) = (bits(&forward), bits(&backward));

    let mut y = whole.clone();
    dropout.forward_nd_in_place(&mut view(&mut y), mask).unwrap();
    assert_eq!(bits(&logical(&view(&mut y))), forward, "{name}, {mask:?}");
    // Outside of the view it is as it was.
    view(&mut y).fill(0.0);
    let mut expected = whole.clone();
    view(&mut expected).fill(0.0);
    assert_eq!(y, expected, "{name}");

    let mut dx = whole.clone();
    dropout.backward_nd_in_place(&mut view(&mut dx), mask).unwrap();
    assert_eq!(bits(&logical(&view(&mut dx))), backward, "{name}, {mask:?}");

    // Out of place, between the view and an array in standard layout or in Fortran's, both ways.
    let shape = view(&mut whole.clone()).shape().to_vec();
    for mut other in [ArrayD::zeros(IxDyn(&shape)), ArrayD::zeros(IxDyn(&shape).f())] {
        let mut x = whole.clone();
        dropout.forward_nd(&view(&mut x), &mut other, mask).unwrap();
        assert_eq!(bits(other.iter()), forward, "{name}, {mask:?}");
        dropout.backward_nd(&view(&mut x), &mut other, mask).unwrap();
        assert_eq!(bits(other.iter()), backward, "{name}, {mask:?}");
        other.assign(&view(&mut whole.clone()));
        dropout.forward_nd(&other, &mut view(&mut x), mask).unwrap();
        assert_eq!(bits(&logical(&view(&mut x))), forward, "{name}, {mask:?}");
    }
}

#[test]
fn every_layout_is_dropped_like_its_copy() {
    for p in [0.0, 0.1, 0.5, 1.0] {
        let rate = DropRate::new(p).unwrap();
        by_every_known_mask::<Inverted>(Dropout::new(rate));
        by_every_known_mask::<Classic>(Dropout::classic(rate));
        // Its backward is another function than its forward.
        by_every_known_mask::<Alpha>(Dropout::alpha(rate));
    }
}

#[test]
fn masks_are_drawn_and_stored_in_logical_order() {
    let dropout = Dropout::new(drop_rate!(0.3));
    for (name, view) in VIEWS {
        let whole = numbers();
        let x = logical(&view(&mut whole.clone()));
        let n = x.len();
        let (mut words, mut rng) = (vec![0; mask_words(n)], MaskRng::new(42, 0));
        let (mut expected, mut expected_words) = (x.clone(), words.clone());
        let stored = MaskMut::new(&mut expected_words, n).unwrap();
        dropout.forward_in_place(&mut expected, rng.draw(stored)).unwrap();
        let moved = rng;

        let (mut y, mut rng) = (whole.clone(), MaskRng::new(42, 0));
        let mut mask = MaskMut::new(&mut words, n).unwrap();
        dropout.forward_nd_in_place(&mut view(&mut y), rng.draw(mask.reborrow())).unwrap();
        assert_eq!(bits(&logical(&view(&mut y))), bits(&expected), "{name}");
        assert!(rng == moved, "{name}");
        // And backward by it.
        let mut dx = whole.clone();
        dropout.backward_nd_in_place(&mut view(&mut dx), mask.as_ref()).unwrap();
        assert_eq!(bits(&logical(&view(&mut dx))), bits(&expected), "{name}");
        assert_eq!(words, expected_words, "{name}");
    }
    // Arrays of masks, and keys that store.
    let (mut mask, mut x) = (Mask::<{ mask_words(960) }>::new(), numbers());
    dropout.forward_nd_in_place(&mut x.view_mut().reversed_axes(), KEY.draw(&mut mask)).unwrap();
    let mut dx = numbers();
    dropout.backward_nd_in_place(&mut dx.view_mut().reversed_axes(), &mask).unwrap();
    assert_eq!(x, dx);
}

#[test]
fn an_element_has_its_bit_wherever_it_stands() {
    let dropout = Dropout::new(drop_rate!(0.5));
    let mut mask = Mask::<{ mask_words(6 * 50) }>::new();
    KEY.fill(dropout.rate(), mask.view_mut(300).unwrap());
    let mut orders = [Array2::<f32>::ones((6, 50)), Array2::ones((6, 50).f())];
    for x in &mut orders {
        dropout.forward_nd_in_place(x, KEY).unwrap();
        for ((i, j), x) in x.indexed_iter() {
            let kept = mask.view(300).unwrap().get(i * 50 + j).unwrap();
            assert_eq!(*x, if kept { 2.0 } else { 0.0 }, "({i}, {j})");
        }
    }
    // A repeated row has a mask bit for each time that it is seen.
    let row = Array::<f32, _>::ones(50);
    let mut y = Array2::zeros((6, 50));
    dropout.forward_nd(&row.broadcast((6, 50)).unwrap(), &mut y, KEY).unwrap();
    assert_eq!(y, orders[0]);
}

#[test]
fn p_of_0_keeps_every_bit_and_p_of_1_keeps_none() {
    let special = f32::from_bits(0x7F80_0001); // a signalling NaN
    for (name, view) in VIEWS {
        let mut x = Array2::from_elem((12, 80), special);
        Dropout::new(drop_rate!(0.0)).forward_nd_in_place(&mut view(&mut x), KEY).unwrap();
        assert!(x.iter().all(|x| x.to_bits() == special.to_bits()), "{name}");
        Dropout::new(drop_rate!(1.0)).forward_nd_in_place(&mut view(&mut x), KEY).unwrap();
        assert!(view(&mut x).iter().all(|x| x.to_bits() == 0), "{name}");
    }
}

#[test]
fn what_does_not_fit_is_an_error_and_changes_nothing() {
    let dropout = Dropout::new(drop_rate!(0.5));
    let (x, mut y) = (numbers(), Array2::<f32>::zeros((80, 12)));
    let error = dropout.forward_nd(&x, &mut y, KEY).unwrap_err();
    assert_eq!(error, Error::Shapes { expected: vec![12, 80], given: vec![80, 12] });
    assert_eq!(error.to_string(), "expected an output of shape [12, 80], got [80, 12]");
    assert!(y.iter().all(|y| *y == 0.0));

    for (name, view) in VIEWS {
        let mut x = numbers();
        let n = view(&mut x).len();
        for given in [n + 1, n + 32, n.saturating_sub(1)] {
            if given == n {
                continue;
            }
            let mut words = vec![5; mask_words(given)];
            let expected = if given > n {
                ShapeError::MaskTooLong { expected: n, given }
            } else {
                ShapeError::MaskTooShort { expected: n, given }
            };
            let mask = MaskRef::new(&words, given).unwrap();
            let errors = [
                dropout.forward_nd_in_place(&mut view(&mut x), mask).unwrap_err(),
                dropout.backward_nd_in_place(&mut view(&mut x), mask).unwrap_err(),
                dropout
                    .forward_nd_in_place(&mut view(&mut x), mask.window(0..given).unwrap())
                    .unwrap_err(),
            ];
            assert!(
                errors.iter().all(|error| *error == Error::Mask(expected)),
                "{name}: {errors:?}"
            );
            let mut rng = MaskRng::new(42, 0);
            let mask = MaskMut::new(&mut words, given).unwrap();
            let error = dropout.forward_nd_in_place(&mut view(&mut x), rng.draw(mask)).unwrap_err();
            assert_eq!(error, Error::Mask(expected), "{name}");
            assert!(rng == MaskRng::new(42, 0) && words.iter().all(|word| *word == 5), "{name}");
        }
        let error = dropout.forward_nd_in_place(&mut view(&mut x), &Mask::<99>::new()).unwrap_err();
        assert!(matches!(error, Error::Mask(_)), "{name}");
        assert_eq!(x, numbers(), "{name}");
    }
}

#[test]
fn other_elements_too() {
    let mut x = Array2::<f64>::ones((30, 40));
    let mut q = Array2::<i8>::from_elem((30, 40), 3);
    Dropout::new(drop_rate!(0.5))
        .forward_nd_in_place(&mut x.slice_mut(s![.., 5..30]), KEY)
        .unwrap();
    Dropout::classic(drop_rate!(0.5))
        .forward_nd_in_place(&mut q.slice_mut(s![.., 5..30]), KEY)
        .unwrap();
    for (x, q) in x.slice(s![.., 5..30]).iter().zip(q.slice(s![.., 5..30])) {
        assert!(matches!((*x as i32, *q), (2, 3) | (0, 0)));
    }
}

//! Stochastic depth against its formulas: x + d * f / (1 - p), or x + d * f, sample by sample or
//! for the batch. Every backend, both element types, guards around every slice; and every shape
//! that does not fit.

use dropout_kernels::{
    DropPath, DropRate, Dropout, MaskMut, MaskRef, MaskRng, RateError, drop_rate,
};
use dropout_reference::number::{Number, bits};

/// At p = 1 the inverted rule has no scale: a mask of the caller's adds nothing.
#[test]
fn without_a_scale_nothing_is_added() {
    let path = DropPath::samples(Dropout::new(DropRate::ONE), 2, 3).expect("a small shape");
    let x = f32::ramp(6);
    let mut y = x.clone();
    path.add(&[f32::INFINITY; 6], &mut y, MaskRef::new(&[!0], 2).expect("a word"))
        .expect("lengths agree");
    assert_eq!(bits(&y), bits(&x));
}

#[test]
fn decisions_are_the_ones_they_always_were() {
    let path = DropPath::samples(Dropout::new(drop_rate!(0.2)), 40, 1).expect("a small shape");
    let mut words = [0; 2];
    let mask = MaskMut::new(&mut words, 40).expect("two words");
    path.fill(mask, &mut MaskRng::new(42, 7)).expect("its bits");
    assert_eq!(words, [0xBF6E_FFEF, 0x0000_007B]);
}

/// Ratios whose products with p end on, above and below a tie.
#[test]
fn rates_grow_linearly_with_the_depth() {
    for last in dropout_reference::rates() {
        for layers in [1, 2, 3, 7, 54, 110, u32::MAX - 4, u32::MAX] {
            for layer in [0, 1, 2, layers / 3, layers / 2, layers - 1, layers] {
                if layer > layers {
                    continue;
                }
                let product = u128::from(last.threshold()) * u128::from(layer);
                let (whole, twice) =
                    (product / u128::from(layers), product % u128::from(layers) * 2);
                let tie = twice == u128::from(layers) && whole % 2 == 1;
                let wanted = whole + u128::from(twice > u128::from(layers) || tie);
                let rate = last.at_depth(layer, layers).expect("a layer among layers");
                assert_eq!(u128::from(rate.threshold()), wanted, "{last:?} {layer} / {layers}");
            }
            assert_eq!(last.at_depth(0, layers), Ok(DropRate::ZERO));
            assert_eq!(last.at_depth(layers, layers), Ok(last));
        }
    }
    let rate = drop_rate!(0.5);
    assert_eq!(rate.at_depth(3, 0), Err(RateError::ZeroDenominator { numerator: 3 }));
    let above = RateError::RatioAboveOne { numerator: 8, denominator: 7 };
    assert_eq!(rate.at_depth(8, 7), Err(above));
    // The paper's network: 54 blocks, the last kept at 0.5, 40 blocks in the mean.
    let kept: f64 = (1..=54).map(|l| 1.0 - rate.at_depth(l, 54).expect("a block").p()).sum();
    assert!((kept - 40.25).abs() < 1e-9, "{kept}");
}

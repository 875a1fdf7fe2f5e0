//! `LayerDrop` against Fan et al. 2020: one decision for each layer, and what is pruned.

use dropout_kernels::{LayerDrop, Mask, MaskKey, MaskRng, ShapeError, drop_rate, mask_words};

const LAYERS: usize = 40;
const WORDS: usize = mask_words(LAYERS);

/// The decisions are the mask that a generator draws at this rate, known before a layer runs.
#[test]
fn it_decides_as_a_mask_of_one_bit_for_each_layer() {
    let layer_drop = LayerDrop::new(drop_rate!(0.2), LAYERS);
    assert_eq!((layer_drop.mask_bits(), layer_drop.rate()), (LAYERS, drop_rate!(0.2)));
    let (mut rng, mut other) = (MaskRng::new(1, 2), MaskRng::new(1, 2));
    let (mut given, mut wanted) = (Mask::<WORDS>::new(), Mask::<WORDS>::new());
    for _ in 0..50 {
        layer_drop.fill(&mut given, &mut rng).expect("as many bits");
        other.fill(drop_rate!(0.2), wanted.view_mut(LAYERS).expect("as many bits"));
        assert_eq!(given, wanted);
    }
    layer_drop.fill(&mut given, MaskKey::new(1, 2)).expect("as many bits");
    MaskKey::new(1, 2).fill(drop_rate!(0.2), wanted.view_mut(LAYERS).expect("as many bits"));
    assert_eq!(given, wanted);
}

/// The paper's: depth d is left out where d = 0 modulo floor(1 / r), and every other layer at r = 1/2.
#[test]
fn every_other_layer_is_pruned() {
    let layer_drop = LayerDrop::new(drop_rate!(0.5), LAYERS);
    let mut mask = Mask::<WORDS>::new();
    for every in [1, 2, 3, 7, 20, 39, 40, 41, usize::MAX] {
        layer_drop.prune(&mut mask, every).expect("as many bits");
        let kept = mask.view(LAYERS).expect("as many bits");
        for layer in 0..LAYERS {
            assert_eq!(kept.get(layer), Some((layer + 1) % every != 0), "{every}: {layer}");
        }
    }
    layer_drop.prune(&mut mask, 0).expect("as many bits");
    assert_eq!(mask.view(LAYERS).expect("as many bits").count_kept(), LAYERS);
}

#[test]
fn another_number_of_bits_is_refused() {
    let layer_drop = LayerDrop::new(drop_rate!(0.5), 33);
    let (mut mask, mut rng) = (Mask::<1>::new(), MaskRng::new(1, 2));
    let error = layer_drop.fill(&mut mask, &mut rng).expect_err("33 bits");
    assert_eq!(layer_drop.prune(&mut mask, 2), Err(error));
    assert_eq!(mask, Mask::new());
    assert_eq!(rng, MaskRng::new(1, 2));
    assert_eq!(error, ShapeError::TooFewWords { expected: 2, given: 1 });
    assert_eq!(LayerDrop::new(drop_rate!(0.5), 0).prune(&mut Mask::<0>::new(), 2), Ok(()));
}

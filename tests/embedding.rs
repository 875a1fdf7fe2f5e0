//! Embedding dropout against its formulas: every occurrence of a word is dropped, or none. Every
//! backend, both element types, guards around every slice; rows that no index names; and every
//! shape that does not fit.

use dropout_kernels::{
    DropRate, Dropout, EmbeddingDropout, MaskMut, MaskRef, MaskRng, ShapeError, drop_rate,
    mask_words,
};
use dropout_reference::number::bits;

/// At p = 1 the inverted rule has no scale: a mask of the caller's keeps nothing.
#[test]
fn without_a_scale_all_is_zero() {
    let embedding = EmbeddingDropout::new(Dropout::new(DropRate::ONE), 2, 3).expect("small");
    let mask = MaskRef::new(&[!0], 2).expect("a word");
    let (mut y, mut dtable) = ([1f32; 3], [1f32; 6]);
    embedding.forward(&[1], &[f32::INFINITY; 6], &mut y, mask).expect("it fits");
    assert_eq!(bits(&y), [0; 3]);
    embedding.backward(&[1], &[f32::INFINITY; 3], &mut dtable, mask).expect("it fits");
    assert_eq!(dtable, [1.0; 6]);
}

#[test]
fn words_are_the_ones_that_always_were_dropped() {
    let embedding = EmbeddingDropout::new(Dropout::new(drop_rate!(0.1)), 50, 1).expect("small");
    let mut words = [0; 2];
    let mask = MaskMut::new(&mut words, 50).expect("two words");
    embedding.fill(mask, &mut MaskRng::new(42, 1)).expect("its bits");
    assert_eq!(words, [0xFCF7_FFFF, 0x0003_DBFF]);
}

#[test]
fn indices_slices_and_masks_that_do_not_fit_are_refused() {
    const BIG: usize = 1 << (usize::BITS / 2);
    let new =
        |rows, dimension| EmbeddingDropout::new(Dropout::new(drop_rate!(0.1)), rows, dimension);
    let overflow = ShapeError::Overflow { elements: BIG, extent: BIG };
    assert_eq!(new(BIG, BIG).map(|_| ()), Err(overflow));
    let outside = |at, given| ShapeError::OutsideVocabulary { at, expected: 40, given };
    let other = |expected, given| ShapeError::OtherElements { expected, given };
    for rate in [DropRate::ZERO, drop_rate!(0.3), DropRate::ONE] {
        let embedding = EmbeddingDropout::new(Dropout::classic(rate), 40, 3).expect("small");
        for (indices, table_len, y_len, bits, error) in [
            ([0, 40], 120, 6, 40, outside(1, 40)),
            ([u32::MAX, 0], 120, 6, 40, outside(0, u32::MAX as usize)),
            ([0, 1], 119, 6, 40, other(120, 119)),
            ([0, 1], 121, 6, 40, other(120, 121)),
            ([0, 1], 120, 5, 40, other(6, 5)),
            ([0, 1], 120, 9, 40, other(6, 9)),
            ([0, 1], 120, 6, 39, ShapeError::MaskTooShort { expected: 40, given: 39 }),
            ([0, 1], 120, 6, 64, ShapeError::MaskTooLong { expected: 40, given: 64 }),
        ] {
            let (mut table, mut y) = (vec![1.5f32; table_len], vec![2.5; y_len]);
            let mut words = vec![0x1234_5678; mask_words(bits)];
            let mask = MaskRef::new(&words, bits).expect("its words");
            assert_eq!(embedding.forward(&indices, &table, &mut y, mask), Err(error));
            if table_len == 120 {
                assert_eq!(embedding.forward_in_place(&indices, &mut y, mask), Err(error));
                assert_eq!(embedding.backward_in_place(&indices, &mut y, mask), Err(error));
            }
            if bits == 40 {
                assert_eq!(embedding.infer(&indices, &table, &mut y), Err(error));
            } else {
                let mut rng = MaskRng::new(8, 3);
                let mask = MaskMut::new(&mut words, bits).expect("its words");
                assert_eq!(embedding.fill(mask, &mut rng), Err(error));
                assert_eq!(rng, MaskRng::new(8, 3));
            }
            assert!(y.iter().all(|y| *y == 2.5));
            let mask = MaskRef::new(&words, bits).expect("its words");
            assert_eq!(embedding.backward(&indices, &y, &mut table, mask), Err(error));
            assert!(table.iter().all(|x| *x == 1.5));
            assert!(words.iter().all(|word| *word == 0x1234_5678));
        }
    }
}

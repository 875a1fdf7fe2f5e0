//! Dropout over a layout against its definition: element (g, r, w, i) takes mask bit g * width + w.
//! Every way to drop, every backend, both element types, guards around every slice; and every shape
//! that does not fit.

use dropout_kernels::{
    DropHead, DropRate, Dropout, Layout, MaskKey, MaskMut, MaskRng, ShapeError, drop_rate,
    mask_words,
};

const SEED: u64 = 3;
const STREAM: u64 = 11;

fn layout([groups, repeat, width, run]: [usize; 4]) -> Layout {
    Layout::new(groups, repeat, width, run).expect("a small shape")
}

/// Each constructor against the element's place in its tensor.
#[test]
fn constructors_share_a_bit_over_the_right_axes() {
    const N: usize = 2;
    const C: usize = 3;
    const T: usize = 4;
    const H: usize = 5;
    const W: usize = 6;
    /// Which bit decides each element of a tensor of these extents.
    fn bits_of(extents: &[usize], bit: impl Fn(&[usize]) -> usize) -> Vec<usize> {
        let elements = extents.iter().product();
        let place = |mut i: usize| {
            let mut place = vec![0; extents.len()];
            for (place, extent) in place.iter_mut().zip(extents).rev() {
                (*place, i) = (i % extent, i / extent);
            }
            place
        };
        (0..elements).map(|i| bit(&place(i))).collect()
    }
    fn check(layout: Result<Layout, ShapeError>, bits: &[usize]) {
        let layout = layout.expect("a small shape");
        assert_eq!(layout.elements(), bits.len());
        assert_eq!(layout.mask_bits(), bits.iter().max().map_or(0, |m| m + 1));
        for alone in 0..layout.mask_bits() {
            let mut words = vec![0; mask_words(layout.mask_bits())];
            let mut mask = MaskMut::new(&mut words, layout.mask_bits()).expect("its words");
            assert!(mask.set(alone, true));
            let mut x = vec![1f32; bits.len()];
            let dropout = Dropout::classic(drop_rate!(0.5)).over(layout);
            dropout.forward_in_place(&mut x, mask.as_ref()).expect("lengths agree");
            assert!(x.iter().zip(bits).all(|(x, bit)| (*x != 0.0) == (*bit == alone)));
        }
    }
    check(Ok(Layout::elementwise(7)), &bits_of(&[7], |i| i[0]));
    check(Ok(Layout::whole(7)), &bits_of(&[7], |_| 0));
    let first = |i: &[usize]| i[0] * C + i[1];
    check(Layout::channels_first(N, C, &[H]), &bits_of(&[N, C, H], first));
    check(Layout::channels_first(N, C, &[H, W]), &bits_of(&[N, C, H, W], first));
    check(Layout::channels_first(N, C, &[T, H, W]), &bits_of(&[N, C, T, H, W], first));
    check(Layout::channels_last(N, &[H], C), &bits_of(&[N, H, C], |i| i[0] * C + i[2]));
    check(Layout::channels_last(N, &[H, W], C), &bits_of(&[N, H, W, C], |i| i[0] * C + i[3]));
    check(Layout::channels_last(N, &[T, H, W], C), &bits_of(&[N, T, H, W, C], |i| i[0] * C + i[4]));
    check(Layout::time_major(T, N, W), &bits_of(&[T, N, W], |i| i[1] * W + i[2]));
    check(Layout::batch_major(N, T, W), &bits_of(&[N, T, W], |i| i[0] * W + i[2]));
    check(Layout::samples(N, W), &bits_of(&[N, W], |i| i[0]));
    check(Layout::vocabulary(H, W), &bits_of(&[H, W], |i| i[0]));
}

#[test]
fn a_shape_that_overflows_is_refused() {
    const BIG: usize = 1 << (usize::BITS / 2);
    let overflows = [
        Layout::new(BIG, BIG, 1, 1),
        Layout::new(BIG, 0, BIG, 1),
        Layout::new(1, 1, BIG, BIG),
        Layout::channels_first(BIG, BIG, &[1]),
        Layout::channels_first(1, 2, &[BIG, BIG, 0]),
        Layout::channels_last(2, &[BIG, BIG], 0),
        Layout::time_major(0, BIG, BIG),
        Layout::batch_major(BIG, 1, BIG),
        Layout::samples(BIG, BIG),
        Layout::vocabulary(BIG, BIG),
    ];
    for (i, layout) in overflows.into_iter().enumerate() {
        assert_eq!(layout, Err(ShapeError::Overflow { elements: BIG, extent: BIG }), "{i}");
    }
    assert!(Layout::new(1, 1, BIG, BIG / 2).is_ok());
}

/// Beside an extent of 0 the others may have any product, and no elements any number of bits.
#[test]
fn a_shape_of_no_elements_takes_no_time() {
    const MAX: usize = usize::MAX;
    for shape in [
        [0, 0, 2, MAX],
        [0, 2, 1, MAX],
        [0, 2, MAX, 2],
        [0, MAX, 1, 2],
        [1, 0, 2, MAX],
        [1, 0, MAX, 2],
        [1, 1, MAX, 0],
        [1, MAX, 1, 0],
        [MAX, 0, 1, 1],
        [MAX, 1, 1, 0],
    ] {
        let layout = layout(shape);
        assert_eq!(layout.elements(), 0);
        for rate in [DropRate::ZERO, drop_rate!(0.3), DropRate::ONE] {
            let (mut x, dropout) = ([0f32; 0], Dropout::new(rate).over(layout));
            dropout.forward_in_place(&mut x, MaskKey::new(SEED, STREAM)).expect("no elements");
            dropout.backward_in_place(&mut x, MaskKey::new(SEED, STREAM)).expect("no elements");
            let [batch, tokens, heads, dimension] = shape;
            let heads = DropHead::tokens_first(rate, batch, tokens, heads, dimension);
            let heads = heads.expect("a layout that was made before");
            heads.forward_in_place(&mut x, MaskKey::new(SEED, STREAM)).expect("no elements");
            let mut words = [0x1234_5678];
            if layout.mask_bits() > 32 {
                continue;
            }
            let words = &mut words[..mask_words(layout.mask_bits())];
            let mut mask = MaskMut::new(words, layout.mask_bits()).expect("the layout's words");
            let mut rng = MaskRng::new(SEED, STREAM);
            dropout.forward_in_place(&mut x, rng.draw(mask.reborrow())).expect("no elements");
            dropout.backward_in_place(&mut x, mask.as_ref()).expect("no elements");
            heads.forward_in_place(&mut x, rng.draw(mask.reborrow())).expect("no elements");
        }
    }
}

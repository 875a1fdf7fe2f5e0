//! Zoneout against its formulas: `h = k ? h_new : h_prev` and its gradient, every way, backend,
//! rate, length and offset, with guards around every slice; inference; its rate; and every error,
//! after which nothing has been written.

use dropout_kernels::{DropRate, Dropout, MaskKey, MaskMut, MaskRef, MaskRng, Zoneout, drop_rate};

/// The masks are those of dropout, by the words that `docs/STREAM.md` fixes for (42, 0) at 0.1.
#[test]
fn golden_values() {
    let zoneout = Zoneout::new(drop_rate!(0.1));
    let (prev, new, mut h) = ([-1f32; 100], [1f32; 100], [0f32; 100]);
    let mut words = [0; 4];
    let mask = MaskMut::new(&mut words, 100).expect("four words");
    zoneout.forward(&prev, &new, &mut h, MaskRng::new(42, 0).draw(mask)).expect("100 each");
    assert_eq!(words, [0xfeff_afbf, 0x7fff_b7ff, 0xffff_ffff, 0x0000_000f]);
    let held: Vec<_> = (0..100).filter(|i| h[*i] == -1.0).collect();
    assert_eq!(held[..5], [6, 12, 14, 24, 43]);
    let mut dropped = [1f32; 100];
    Dropout::classic(drop_rate!(0.1))
        .forward_in_place(&mut dropped, MaskKey::new(42, 0))
        .expect("any length");
    assert!((0..100).all(|i| (dropped[i] == 0.0) == (h[i] == -1.0)));
    zoneout.infer(&[3.0; 100], &[0.7; 100], &mut h).expect("100 each");
    assert_eq!(h[0].to_bits(), 0x3F6E_147B);
}

/// A mask of the caller's decides alone, at z = 0 and z = 1 too.
#[test]
fn a_brought_mask_decides_alone() {
    for rate in [DropRate::ZERO, drop_rate!(0.5), drop_rate!(0.1), DropRate::ONE] {
        let mut h = [1f32, 2.0, 3.0];
        let mask = MaskRef::new(&[0b010], 3).expect("a word");
        Zoneout::new(rate).forward_into_prev(&mut h, &[-1.0; 3], mask).expect("3 each");
        assert_eq!(h, [1.0, -1.0, 3.0]);
    }
}

#![no_main]
//! Every backend, stored and replayed, in place and out of place, against the textbook reference.

#[allow(dead_code, reason = "a part is used")]
#[path = "../../tests/support/reference.rs"]
mod reference;

use arbitrary::Arbitrary;
use dropout_kernels::{Backend, DropRate, Dropout, MaskMut, MaskRng, Rule, mask_words};
use libfuzzer_sys::fuzz_target;
use reference::{Reference, pack};

#[derive(Arbitrary, Debug)]
struct Input {
    threshold: u64,
    classic: bool,
    seed: u64,
    stream: u64,
    offset: u8,
    length: u16,
    bits: Vec<u32>,
}

fn same(a: f32, b: f32) -> bool {
    a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan()
}

fuzz_target!(|input: Input| {
    let t = input.threshold % ((1 << 40) + 1);
    let rate = DropRate::from_threshold(t).expect("at most 2^40");
    if input.classic {
        check(&input, Dropout::classic(rate), 1.0);
    } else {
        check(&input, Dropout::new(rate), if t == 0 { 1.0 } else { rate.scale_f32() });
    }
});

fn check<R: Rule>(input: &Input, dropout: Dropout<R>, scale: f32) {
    let t = dropout.rate().threshold();
    let (n, offset) = (usize::from(input.length % 2100), usize::from(input.offset % 16));
    let mut values: Vec<f32> = input.bits.iter().map(|b| f32::from_bits(*b)).collect();
    values.push(1.5);
    let x: Vec<f32> = values.iter().copied().cycle().take(offset + n).collect();
    let x = &x[offset..];

    let mut textbook = Reference::new(input.seed, input.stream);
    let keep = textbook.mask(t, n);
    let wanted: Vec<f32> =
        x.iter().zip(&keep).map(|(x, keep)| if *keep { x * scale } else { 0.0 }).collect();
    let right = |y: &[f32]| y.iter().zip(&wanted).all(|(a, b)| same(*a, *b));

    for backend in Backend::available() {
        let dropout = dropout.with_backend(backend);
        let mut rng = MaskRng::new(input.seed, input.stream);
        let mut words = vec![0xA5A5_A5A5; mask_words(n)];
        let mut buffer = vec![7.0; offset + n + 1];
        buffer[offset..offset + n].copy_from_slice(x);

        let mask = MaskMut::new(&mut words, n).expect("mask_words(n) words");
        dropout.forward_in_place(&mut buffer[offset..offset + n], mask, &mut rng).expect("lengths");
        assert!(right(&buffer[offset..offset + n]));
        assert!(buffer[..offset].iter().chain(&buffer[offset + n..]).all(|g| *g == 7.0));
        assert_eq!(words, pack(&keep));
        assert_eq!(rng.to_bytes(), textbook.to_bytes());

        let mask = MaskMut::new(&mut words, n).expect("mask_words(n) words");
        let y = &mut buffer[offset..offset + n];
        dropout.backward(x, y, mask.as_ref()).expect("lengths");
        assert!(right(y));
        y.fill(3.0);
        dropout.forward_replay(x, y, input.seed, input.stream).expect("lengths");
        assert!(right(y));
    }
}

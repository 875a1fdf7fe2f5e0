//! Outputs of many MiB, which x86 backends write by non-temporal stores where they are aligned: at
//! every alignment, every way to drop gives what the portable backend gives, and touches no guard.

use dropout_kernels::{
    Backend, DropRate, Dropout, MaskKey, MaskMut, MaskRng, drop_rate, mask_words,
};
use dropout_reference::guarded::Guarded;
use dropout_reference::number::{Number, same};

const SEED: u64 = 42;
const STREAM: u64 = 7;

/// A way to drop, by its name: from x to y; one of them draws the mask.
type Way<T> = (&'static str, fn(&Dropout, &[T], &mut [T], MaskMut<'_>, &mut MaskRng));

fn ways<T: Number>() -> [Way<T>; 3] {
    [
        ("stored", |d, x, y, mask, rng| d.forward(x, y, rng.draw(mask)).expect("lengths agree")),
        ("replayed", |d, x, y, _, _| {
            d.backward(x, y, MaskKey::new(SEED, STREAM)).expect("lengths agree");
        }),
        ("masked", |d, x, y, mask, _| d.backward(x, y, mask.as_ref()).expect("lengths agree")),
    ]
}

fn check<T: Number>(rate: DropRate) {
    // Blocks, and then words, and then a part of one.
    let n = (32 << 20) / size_of::<T>() + 1000;
    let x = T::values(n);
    let brought: Vec<_> = (0..mask_words(n) as u32).map(|w| w.wrapping_mul(0x9E37_79B9)).collect();
    let last = if dropout_reference::few() { 1 } else { 16 / size_of::<T>() };
    for (name, way) in ways::<T>() {
        let run = |backend, y: &mut [T]| {
            let (mut words, mut rng) = (brought.clone(), MaskRng::new(SEED, STREAM));
            let mask = MaskMut::new(&mut words, n).expect("mask_words(n) words");
            way(&Dropout::new(rate).with_backend(backend), &x, y, mask, &mut rng);
            (words, rng)
        };
        let mut wanted = vec![T::GUARD; n];
        let left = run(Backend::Portable, &mut wanted);
        for backend in Backend::available() {
            // Every alignment to 16 bytes, wherever the allocation begins, and the next one.
            // Of small elements every fourth byte.
            for offset in (0..=last).step_by(4 / size_of::<T>().min(4)) {
                let told = format!("{name}, {} at {offset}", backend.name());
                let mut y = Guarded::new(&vec![T::GUARD; n], offset, T::GUARD);
                assert!(run(backend, y.slice()) == left, "{told}: mask or generator");
                let wrong = y.slice().iter().zip(&wanted).position(|(a, b)| !same(*a, *b));
                assert_eq!(wrong, None, "{told}");
                assert!(y.intact(|a, b| a.bits() == b.bits()), "{told}");
            }
        }
    }
}

#[test]
#[ignore = "takes seconds without optimisation"]
fn large_outputs_are_those_of_the_portable_backend() {
    check::<f32>(drop_rate!(0.1));
    if dropout_reference::few() {
        return;
    }
    check::<f64>(drop_rate!(0.5));
    check::<i16>(drop_rate!(0.1));
    check::<i8>(drop_rate!(0.1));
}

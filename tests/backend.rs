//! A backend that is asked for is the one that runs. All give the same bits, so that no result
//! tells; what is compared is the values that carry the choice, on which every test over every
//! backend stands.

use std::collections::HashSet;
use std::fmt::Debug;
use std::hash::Hash;

use dropout_kernels::{
    Backend, Classic, DropBlock, DropConnect, DropHead, DropRate, Dropout, GaussianDropout, Layout,
    Zoneout, drop_rate,
};

const RATE: DropRate = drop_rate!(0.25);

/// `variant`, and `with` each backend that this machine runs: all of them different, whatever was
/// chosen before. With a backend that it does not run: the portable one.
fn each_is_another<V: Copy + Debug + Eq + Hash>(variant: V, with: impl Fn(V, Backend) -> V) {
    let mut seen = HashSet::from([variant]);
    for backend in Backend::available() {
        let chosen = with(variant, backend);
        assert!(seen.insert(chosen), "{} of {variant:?} is nothing new", backend.name());
        assert_eq!(with(with(variant, Backend::Portable), backend), chosen);
    }
    for &missing in Backend::ALL.iter().filter(|b| !b.is_available()) {
        assert_eq!(with(variant, missing), with(variant, Backend::Portable));
    }
}

#[test]
fn every_variant_carries_the_backend_that_it_was_given() {
    each_is_another(Dropout::new(RATE), Dropout::with_backend);
    each_is_another(Dropout::classic(RATE), Dropout::<Classic>::with_backend);
    let rows = Layout::channels_first(2, 3, &[5]).expect("a small shape");
    each_is_another(Dropout::new(RATE).over(rows), |_, backend| {
        Dropout::new(RATE).with_backend(backend).over(rows)
    });
    each_is_another(Zoneout::new(RATE), Zoneout::with_backend);
    each_is_another(
        DropConnect::new(RATE, 2, 3).expect("a small shape"),
        DropConnect::with_backend,
    );
    each_is_another(
        DropBlock::new(RATE, 1, 1, 1, &[4]).expect("a small shape"),
        DropBlock::with_backend,
    );
    each_is_another(DropHead::new(RATE, 1, 2, 3).expect("a small shape"), DropHead::with_backend);
}

#[test]
fn gaussian_dropout_does_too() {
    let plain = GaussianDropout::new(RATE).expect("below 1"); // not Eq: its deviation is a float
    for backend in Backend::available() {
        assert_ne!(plain.with_backend(backend), plain);
        for other in Backend::available().filter(|&b| b != backend) {
            assert_ne!(plain.with_backend(backend), plain.with_backend(other));
        }
    }
}

/// The enumeration is the same for every target: what this build lacks is never available.
#[test]
fn what_the_build_lacks_is_taken_for_the_portable_backend() {
    let plain = Dropout::new(RATE);
    for backend in [Backend::Portable, Backend::Avx2, Backend::Avx512, Backend::Neon] {
        if !Backend::ALL.contains(&backend) {
            assert!(!backend.is_available(), "{}", backend.name());
            assert_eq!(plain.with_backend(backend), plain.with_backend(Backend::Portable));
        }
    }
    assert_eq!(Backend::available().last(), Some(Backend::detect()));
    assert_eq!(Backend::ALL.first(), Some(&Backend::Portable));
    if cfg!(any(dropout_kernels_backend = "portable", dropout_kernels_backend = "scalar")) {
        assert_eq!(Backend::ALL.len(), 1);
    }
}

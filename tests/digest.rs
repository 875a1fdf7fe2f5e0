//! Every machine and every backend gives the digest that is kept in `digest/expected.txt`.

#[path = "digest/cases.rs"]
mod cases;

use std::fmt::Write;

use cases::{Digest, FUSED, GROUPS, HALVES, INTEGERS};
use dropout_kernels::Backend;

#[test]
fn every_backend_gives_the_digest_of_the_repository() {
    for backend in Backend::available() {
        let mut table = String::new();
        for (name, group) in GROUPS.into_iter().chain(HALVES).chain(INTEGERS).chain(FUSED) {
            let digest = Digest::of(group, backend).expect("shapes that fit");
            writeln!(table, "{name} {digest}").expect("a string takes it");
        }
        let expected = include_str!("digest/expected.txt");
        let differ: Vec<_> = table.lines().zip(expected.lines()).filter(|(a, b)| a != b).collect();
        assert!(
            table == expected,
            "backend {}, (got, expected) {differ:#?}, the whole of it:\n{table}",
            backend.name()
        );
    }
}

/// What a machine of CI is meant to run is run there: `EXPECTED_BACKENDS` holds the names, with a
/// space between them.
#[test]
fn the_backends_are_those_that_are_expected() {
    let Ok(expected) = std::env::var("EXPECTED_BACKENDS") else { return };
    let names: Vec<_> = Backend::available().map(Backend::name).collect();
    assert_eq!(names.join(" "), expected);
}

/// The power of a sanitizer over the digest: it has to end this, which reads the element after the
/// last.
#[test]
#[ignore = ".ci/run sees it refused"]
#[expect(unsafe_code, reason = "safe code cannot do what is to be refused")]
fn a_sanitizer_refuses_a_read_past_the_end() {
    if std::env::var_os("READ_PAST_THE_END").is_some() {
        let exact = std::hint::black_box(vec![1f32; 33].into_boxed_slice());
        // SAFETY: none. Without a sanitizer nobody sets the variable.
        let after = unsafe { exact.as_ptr().add(exact.len()).read_volatile() };
        println!("nobody refused to read {after}");
    }
}

/// A bit that differs is seen, and what is in another order; of a NaN that was computed, only that
/// it is one.
#[test]
fn a_digest_sees_every_bit() {
    fn of(numbers: fn(&mut Digest)) -> Digest {
        let mut digest = Digest::default();
        numbers(&mut digest);
        digest
    }
    let copied = of(|digest| digest.copies(&[f32::NAN, 2.0, 3.0]));
    assert_ne!(copied, of(|digest| digest.copies(&[-f32::NAN, 2.0, 3.0])));
    assert_ne!(copied, of(|digest| digest.copies(&[f32::NAN, 2f32.next_up(), 3.0])));
    assert_ne!(copied, of(|digest| digest.copies(&[f32::NAN, 3.0, 2.0])));
    let computed = of(|digest| digest.numbers(&[f64::NAN, 2.0, 3.0]));
    assert_eq!(computed, of(|digest| digest.numbers(&[-f64::NAN, 2.0, 3.0])));
    assert_ne!(computed, of(|digest| digest.numbers(&[f64::INFINITY, 2.0, 3.0])));
    assert_ne!(computed, of(|digest| digest.numbers(&[f64::NAN, 2f64.next_down(), 3.0])));
}

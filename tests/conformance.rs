//! The suite over every variant of the list in `reference/src/variants/mod.rs`, and the vectors
//! there.

use dropout_reference::variants::{in_f32, in_f64};
use dropout_reference::{suite, variants, vectors};

/// The tests of each variant.
macro_rules! tests {
    ($($name:ident: $_:ty;)*) => {$(
        mod $name {
            use super::*;

            #[test]
            fn f32_follows_its_formulas() {
                suite::follows_its_formulas(&in_f32::$name());
            }

            #[test]
            fn f64_follows_its_formulas() {
                suite::follows_its_formulas(&in_f64::$name());
            }

            #[test]
            fn what_does_not_fit_is_refused() {
                suite::refuses_what_does_not_fit(&in_f32::$name());
            }

            #[test]
            fn backward_is_the_gradient_of_forward() {
                suite::has_the_gradient_of_forward(&in_f64::$name());
            }

            #[test]
            fn it_drops_at_the_rate() {
                suite::drops_at_the_rate(&in_f32::$name());
            }
        }
    )*};
}
variants!(tests);

macro_rules! examples {
    ($($name:ident: $_:ty;)*) => {
        fn examples_f32() -> String {
            [$(vectors::example(stringify!($name), &in_f32::$name())),*].concat()
        }

        fn examples_f64() -> String {
            [$(vectors::example(stringify!($name), &in_f64::$name())),*].concat()
        }
    };
}
variants!(examples);

/// `BLESS=1` keeps what the formulas give.
#[test]
fn the_vectors_are_those_of_the_formulas() {
    let all = [
        ("masks", vectors::masks()),
        ("variants-f32", vectors::HEADER.to_owned() + &examples_f32()),
        ("variants-f64", vectors::HEADER.to_owned() + &examples_f64()),
    ];
    for (name, text) in all {
        let path = format!("{}/reference/vectors/{name}.txt", env!("CARGO_MANIFEST_DIR"));
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(&path, &text).expect("a file that can be written");
        }
        let kept = std::fs::read_to_string(&path).expect("the vectors");
        let differs = kept.lines().zip(text.lines()).find(|(kept, now)| kept != now);
        assert!(kept == text, "{name}: {differs:?}");
    }
}

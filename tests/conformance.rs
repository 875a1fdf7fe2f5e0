//! The suite over every variant of the list in `reference/src/variants/mod.rs`, and the vectors
//! there.

use dropout_reference::variants::{in_bf16, in_f16, in_f32, in_f64, in_i8, in_i16};
#[cfg(not(tests_few))]
use dropout_reference::vectors;
use dropout_reference::{suite, variants};

/// The tests of each variant, for the element types that it has.
macro_rules! tests {
    (
        all { $($all:ident: $of_all:ty;)* }
        floats { $($float:ident: $of_floats:ty;)* }
        integers { $($integer:ident: $of_integers:ty;)* }
        bytes { $($byte:ident: $of_bytes:ty;)* }
    ) => {
        $(tests!(@variant $all in_f32 in_f64 in_f16 in_bf16 in_i8 in_i16);)*
        $(tests!(@variant $float in_f32 in_f64 in_f16 in_bf16);)*
        $(tests!(@variant $integer in_i16 in_i8);)*
        $(tests!(@variant $byte in_i8);)*

        mod gradients {
            use super::*;

            $(tests!(@gradient $all);)*
            $(tests!(@gradient $float);)*
        }

        /// The examples of each type.
        #[cfg(not(tests_few))]
        fn examples() -> Vec<(&'static str, Vec<String>)> {
            vec![
                ("f32", vec![$(vectors::example(stringify!($all), &in_f32::$all()),)* $(vectors::example(stringify!($float), &in_f32::$float()),)*]),
                ("f64", vec![$(vectors::example(stringify!($all), &in_f64::$all()),)* $(vectors::example(stringify!($float), &in_f64::$float()),)*]),
                ("f16", vec![$(vectors::example(stringify!($all), &in_f16::$all()),)* $(vectors::example(stringify!($float), &in_f16::$float()),)*]),
                ("bf16", vec![$(vectors::example(stringify!($all), &in_bf16::$all()),)* $(vectors::example(stringify!($float), &in_bf16::$float()),)*]),
                ("i8", vec![$(vectors::example(stringify!($all), &in_i8::$all()),)* $(vectors::example(stringify!($integer), &in_i8::$integer()),)* $(vectors::example(stringify!($byte), &in_i8::$byte()),)*]),
                ("i16", vec![$(vectors::example(stringify!($all), &in_i16::$all()),)* $(vectors::example(stringify!($integer), &in_i16::$integer()),)*]),
            ]
        }
    };
    (@variant $name:ident $first:ident $($other:ident)*) => {
        mod $name {
            use super::*;

            #[test]
            fn it_follows_its_formulas() {
                suite::follows_its_formulas(&$first::$name());
                $(suite::follows_its_formulas(&$other::$name());)*
            }

            #[test]
            fn what_does_not_fit_is_refused() {
                suite::refuses_what_does_not_fit(&$first::$name());
            }

            #[test]
            fn it_drops_at_the_rate() {
                suite::drops_at_the_rate(&$first::$name());
            }
        }
    };
    (@gradient $name:ident) => {
        #[test]
        fn $name() {
            suite::has_the_gradient_of_forward(&in_f64::$name());
        }
    };
}
variants!(tests);

/// `BLESS=1` keeps what the formulas give.
#[cfg(not(tests_few))]
#[test]
fn the_vectors_are_those_of_the_formulas() {
    let examples = examples().into_iter().map(|(name, examples)| {
        (format!("variants-{name}"), vectors::HEADER.to_owned() + &examples.concat())
    });
    for (name, text) in examples.chain([("masks".to_owned(), vectors::masks())]) {
        let path = format!("{}/reference/vectors/{name}.txt", env!("CARGO_MANIFEST_DIR"));
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(&path, &text).expect("a file that can be written");
        }
        let kept = std::fs::read_to_string(&path).expect("the vectors");
        let differs = kept.lines().zip(text.lines()).find(|(kept, now)| kept != now);
        assert!(kept == text, "{name}: {differs:?}");
    }
}

//! The vectors in `reference/vectors`: a few masks, and an example of each variant, in text for
//! other languages. They are written by this crate's formulas, and compared with them and with what
//! they are for.

use std::fmt::Write;

use dropout_kernels::drop_rate;

use crate::number::Number;
use crate::stream::{Reference, pack};
use crate::subject::Kind;
use crate::suite::{Drawn, values};
use crate::variant::{Given, Masks, Pass};

/// The key of all examples.
pub const KEY: (u64, u64) = (42, 0);

/// What the files of examples begin with.
pub const HEADER: &str = "\
# An example of each variant. Its parameters; the key (seed, stream) of its mask; the words of the mask in hexadecimal, bit
# i % 32 of word i / 32 for element, channel, head, word or weight i, 1 keeps; then for each pass what goes in and what comes
# out, as the bits of the numbers. A threshold of 2^40 is the rate p; gamma is DropBlock's, as one. Any NaN that comes out
# is written as the one with the bits 7fc5a5a5, or 7ff8a5a55a5aa5a5, or 7e5a of f16 and 7fda of bf16.
";

/// Masks of a few keys and rates.
pub fn masks() -> String {
    let mut text = String::from(
        "# Keep masks, STREAM.md: 1 keeps; bit i % 32 of word i / 32 is element i. A rate is its threshold of 2^40.\n\
         # seed stream threshold elements : words in hexadecimal\n",
    );
    let rates = [drop_rate!(0.1), drop_rate!(0.5), drop_rate!(0.25), drop_rate!(0.997)];
    for (seed, stream) in [KEY, (42, 7), (0, 0), (u64::MAX, u64::MAX), (1, 1 << 32)] {
        for rate in rates {
            for n in [1, 100, 700] {
                let t = rate.threshold();
                let words = pack(&Reference::new(seed, stream).mask(t, n));
                write!(text, "{seed} {stream} {t} {n} :").expect("a string takes it");
                words.iter().for_each(|word| write!(text, " {word:08x}").expect("a string"));
                text.push('\n');
            }
        }
    }
    text
}

/// An example: its parameters, the mask, and the variables before and after the passes of training
/// by it and that of inference.
pub fn example<T: Number>(name: &str, kind: &Kind<T>) -> String {
    let variant = (kind.example)();
    if variant.lengths().iter().any(|n| *n > 100) {
        return String::new();
    }
    let drawn = Drawn::of(&*variant, KEY);
    let mut text = format!("\nvariant {name} {}\nkey {} {}\n", variant.parameters(), KEY.0, KEY.1);
    if !drawn.keep.is_empty() {
        let words: String = pack(&drawn.keep).iter().map(|word| format!(" {word:08x}")).collect();
        writeln!(text, "mask{words}").expect("a string takes it");
    }
    let mut line = |pass: &str, name: &str, values: &[T]| {
        let digits = 2 * size_of::<T>();
        write!(text, "{pass} {name}").expect("a string takes it");
        for value in values {
            // One NaN is like another.
            let bits = if value.is_nan() { T::GUARD.bits() } else { value.bits() };
            write!(text, " {bits:0digits$x}").expect("a string takes it");
        }
        text.push('\n');
    };
    let before = values(&*variant);
    for pass in [Pass::Forward, Pass::Backward, Pass::Infer] {
        let name = match pass {
            Pass::Forward => "forward",
            Pass::Backward => "backward",
            _ => "inference",
        };
        let forms = variant.forms();
        let ways: Vec<_> = forms.iter().filter(|form| form.pass == pass).collect();
        if ways.is_empty() {
            continue;
        }
        let mut after = before.clone();
        // As by a mask in memory, where that is another thing at p = 0.
        let drawn_now = ways.iter().all(|way| way.masks != Masks::Stored);
        // Without a mask, inference is that of all.
        let keep: &[bool] = if pass == Pass::Infer { &[] } else { &drawn.keep };
        let given = Given { pass, drawn: drawn_now, keep, start: &drawn.start };
        variant.formula(&given, &mut after);
        for (v, variable) in variant.constants().variables.iter().enumerate() {
            let changed = after[v].iter().zip(&before[v]).any(|(a, b)| a.bits() != b.bits());
            if ways.iter().any(|way| way.reads(v)) {
                line(&format!("{name} in"), variable, &before[v]);
            }
            if changed && ways.iter().any(|way| way.writes(v)) {
                line(&format!("{name} out"), variable, &after[v]);
            }
        }
    }
    text
}

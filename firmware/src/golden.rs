//! The same bits as everywhere: the published check values, and a digest over all variants.
//!
//! Each line is made from what this machine computes, and has to stand word for word in the
//! document that publishes it.

#[path = "../../tests/digest/cases.rs"]
mod cases;

use core::fmt::{self, Write};
use core::str;

use dropout_kernels::{
    Backend, DropRate, GaussianDropout, Mask, MaskKey, MaskRng, STREAM_VERSION, drop_rate,
};

use rand_xoshiro::Xoshiro128PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

use crate::board::{Console, Failure, Outcome};
use cases::{Digest, FUSED, GROUPS, Group, HALVES, INTEGERS};

const STREAM: Document = Document("docs/STREAM.md", include_str!("../../docs/STREAM.md"));
const GAUSSIAN: Document = Document("docs/GAUSSIAN.md", include_str!("../../docs/GAUSSIAN.md"));
const DIGEST: Document =
    Document("tests/digest/expected.txt", include_str!("../../tests/digest/expected.txt"));

/// Prints and compares.
pub fn run(console: &mut Console) -> Outcome {
    let mut golden = Golden { console, differ: 0 };
    golden.title(&STREAM)?;
    golden.line(&STREAM, format_args!("# The mask stream, version {STREAM_VERSION}"))?;
    golden.masks()?;
    golden.lanes()?;
    golden.title(&GAUSSIAN)?;
    golden.normals()?;
    golden.digest(&GROUPS)?;
    golden.end()
}

/// The digest of floating-point elements of 16 bits. Flash does not hold it beside the others'.
pub fn halves(console: &mut Console) -> Outcome {
    let mut golden = Golden { console, differ: 0 };
    golden.digest(&HALVES)?;
    golden.end()
}

/// The digest of integers.
pub fn integers(console: &mut Console) -> Outcome {
    let mut golden = Golden { console, differ: 0 };
    golden.digest(&INTEGERS)?;
    golden.end()
}

/// The digest of what is fused with dropout or drawn in place of a mask.
pub fn fused(console: &mut Console) -> Outcome {
    let mut golden = Golden { console, differ: 0 };
    golden.digest(&FUSED)?;
    golden.end()
}

/// Its path in the repository, and its text.
struct Document(&'static str, &'static str);

struct Golden<'a> {
    console: &'a mut Console,
    differ: u32,
}

impl Golden<'_> {
    fn title(&mut self, document: &Document) -> fmt::Result {
        writeln!(self.console, "\n{}", document.0)
    }

    /// Prints a line, and looks for it in `document`.
    fn line(&mut self, document: &Document, text: fmt::Arguments<'_>) -> fmt::Result {
        let mut line = Line { bytes: [0; 256], used: 0 };
        line.write_fmt(text)?;
        let line = str::from_utf8(&line.bytes[..line.used]).map_err(|_| fmt::Error)?;
        writeln!(self.console, "{line}")?;
        if !document.1.lines().any(|published| published == line) {
            self.differ += 1;
            writeln!(self.console, "DIFFERS: no such line in {}", document.0)?;
        }
        Ok(())
    }

    fn masks(&mut self) -> Outcome {
        for (seed, stream, text, p, n) in
            [(0, 0, "0.5", 0.5, 64), (42, 0, "0.1", 0.1, 100), (42, 7, "0.25", 0.25, 512)]
        {
            let rate = DropRate::new(p).map_err(|_| Failure("a rate was refused"))?;
            let mut mask = Mask::<16>::new();
            let mut mask = mask.view_mut(n).map_err(|_| Failure("a mask was refused"))?;
            MaskRng::new(seed, stream).fill(rate, mask.reborrow());
            let mask = mask.as_ref();
            let words = Words(&mask.words()[..mask.words().len().min(4)]);
            let (threshold, kept) = (rate.threshold(), mask.count_kept());
            self.line(
                &STREAM,
                format_args!(
                    "| {seed} | {stream} | {text} | {threshold:#x} | {n} | {words} | {kept} |"
                ),
            )?;
        }
        Ok(())
    }

    /// The first and the last lane of a new generator.
    fn lanes(&mut self) -> Outcome {
        let bytes = MaskRng::new(42, 0).to_bytes();
        let lane = |l: usize| -> [u32; 4] {
            core::array::from_fn(|i| {
                let at = 16 * l + 4 * i;
                bytes[at..at + 4].iter().rev().fold(0, |word, byte| word << 8 | u32::from(*byte))
            })
        };
        let (first, last) = (lane(0), lane(15));
        let mut outputs = Xoshiro128PlusPlus::from_seed(MaskKey::new(42, 0).lane_seed(0));
        let outputs = [outputs.next_u32(), outputs.next_u32()];
        self.line(
            &STREAM,
            format_args!(
                "Lane 0 of (42, 0) starts as {}, and its first two outputs are {}; lane 15 starts as {}. {}",
                Words(&first),
                Words(&outputs),
                Words(&last),
                "They were computed by a separate implementation of this page."
            ),
        )?;
        Ok(())
    }

    fn normals(&mut self) -> Outcome {
        let noise = GaussianDropout::new(drop_rate!(0.2));
        let noise = noise.map_err(|_| Failure("a rate was refused"))?;
        let mut y = [1f32; 18];
        noise.forward_in_place(&mut y, MaskKey::new(42, 0));
        let bits = [0, 1, 15, 16, 17].map(|i: usize| y[i].to_bits());
        self.line(&GAUSSIAN, format_args!("`{}`", Words(&bits)))?;
        Ok(())
    }

    fn end(self) -> Outcome {
        if self.differ > 0 {
            return Err(Failure("this machine computes other bits"));
        }
        writeln!(self.console, "\nall as published")?;
        Ok(())
    }

    fn digest(&mut self, groups: &[(&str, Group)]) -> Outcome {
        self.title(&DIGEST)?;
        let all = GROUPS.len() + HALVES.len() + INTEGERS.len() + FUSED.len();
        if DIGEST.1.lines().count() != all {
            return Err(Failure("the digest has other groups than the repository's"));
        }
        for (name, group) in groups {
            let digest =
                Digest::of(*group, Backend::detect()).map_err(|_| Failure("a case was refused"))?;
            self.line(&DIGEST, format_args!("{name} {digest}"))?;
        }
        Ok(())
    }
}

/// Words with spaces between them.
struct Words<'a>(&'a [u32]);

impl fmt::Display for Words<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, word) in self.0.iter().enumerate() {
            write!(f, "{}{word:08x}", if i == 0 { "" } else { " " })?;
        }
        Ok(())
    }
}

/// A line of text.
struct Line {
    bytes: [u8; 256],
    used: usize,
}

impl Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.used + text.len();
        self.bytes.get_mut(self.used..end).ok_or(fmt::Error)?.copy_from_slice(text.as_bytes());
        self.used = end;
        Ok(())
    }
}

//! Instructions an element.

use core::fmt::Write;
use core::hint::black_box;

use dropout_kernels::{Dropout, Mask, MaskRng, drop_rate, mask_words};

use crate::board::{Console, Outcome, counter::instructions};

/// Prints the table.
pub fn run(console: &mut Console) -> Outcome {
    size::<64, { mask_words(64) }>(console)?;
    size::<128, { mask_words(128) }>(console)?;
    size::<1024, { mask_words(1024) }>(console)
}

#[inline(never)]
fn scale(x: &mut [f32], s: f32) {
    for x in x {
        *x *= s;
    }
}

fn size<const N: usize, const W: usize>(console: &mut Console) -> Outcome {
    let mut x = black_box([1f32; N]);
    let mut mask = Mask::<W>::new();
    let mut rng = MaskRng::new(42, 0);
    let mut row = |name: &str, count: u32| {
        let tenths = (count * 100 + N as u32 / 2) / N as u32;
        writeln!(console, "{N:5} {name:20} {count:8} {}.{:02}", tenths / 100, tenths % 100)
    };
    row("scale", instructions(|| scale(black_box(&mut x), black_box(1.1))))?;
    for (name, rate) in [("0.1", drop_rate!(0.1)), ("0.5", drop_rate!(0.5))] {
        let dropout = Dropout::new(black_box(rate));
        row(name, 0)?;
        row("fill", instructions(|| rng.fill(black_box(rate), mask.view_mut(N).unwrap())))?;
        row(
            "forward",
            instructions(|| {
                dropout
                    .forward_in_place(black_box(&mut x[..]), mask.view_mut(N).unwrap(), &mut rng)
                    .unwrap()
            }),
        )?;
        row(
            "backward",
            instructions(|| {
                dropout.backward_in_place(black_box(&mut x[..]), mask.view(N).unwrap()).unwrap()
            }),
        )?;
        row(
            "replay",
            instructions(|| dropout.backward_replay_in_place(black_box(&mut x[..]), 1, 2)),
        )?;
    }
    Ok(())
}

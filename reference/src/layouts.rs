//! Layouts by their definition, with every mask bit written out for each of its elements.

use crate::number::Number;

/// The flags of all elements, from those of the bits.
pub fn spread([groups, repeat, width, run]: [usize; 4], keep: &[bool]) -> Vec<bool> {
    let mut all = vec![];
    for g in 0..groups {
        for _ in 0..repeat {
            for w in 0..width {
                all.extend(std::iter::repeat_n(keep[g * width + w], run));
            }
        }
    }
    all
}

/// y = d * x * heads / kept heads of the sample, and zeros where none is kept.
pub fn heads<T: Number>(
    [batch, tokens, heads, elements]: [usize; 4],
    keep: &[bool],
    x: &[T],
) -> Vec<T> {
    let mut y = vec![];
    for sample in 0..batch {
        let keep = &keep[sample * heads..][..heads];
        let kept = keep.iter().filter(|keep| **keep).count();
        for (_, keep) in (0..tokens).flat_map(|t| keep.iter().map(move |keep| (t, keep))) {
            let x = &x[y.len()..][..elements];
            y.extend(x.iter().map(|x| if *keep { x.by_ratio(heads, kept) } else { T::ZERO }));
        }
    }
    y
}

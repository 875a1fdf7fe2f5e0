//! Products of integers that are rounded by random bits (docs/QUANTISED.md): element i by output
//! i / 16 of lane i % 16.

use super::op::Source;
use super::{LANES, Lanes};
use crate::element::IntegerNumber;
use crate::lanes::step;
use crate::requantise::Multiplier;

/// `G` lanes at a time: all of them, or one where there are no vectors.
#[inline(always)]
pub(super) fn round<const G: usize, T: IntegerNumber, S: Source<T>>(
    lanes: &mut Lanes,
    factor: Multiplier,
    zero: T,
    target: &mut [T],
    source: S,
) {
    let (blocks, rest) = target.as_chunks_mut::<LANES>();
    let mut at = 0;
    for block in blocks {
        for (g, target) in block.as_chunks_mut::<G>().0.iter_mut().enumerate() {
            let mut state = lanes.group::<G>(g);
            let random = step(&mut state);
            lanes.set_group(g, state);
            let x = source.read(at, target);
            for ((y, x), random) in target.iter_mut().zip(x).zip(random) {
                *y = x.times_rounded_by(factor, zero, random);
            }
            at += G;
        }
    }
    // A key gave the lanes for this call, so nobody asks for what follows.
    for (l, target) in rest.as_chunks_mut::<1>().0.iter_mut().enumerate() {
        let [random] = step(&mut lanes.get(l).map(|s| [s]));
        let [x] = source.read(at, target);
        *target = [x.times_rounded_by(factor, zero, random)];
        at += 1;
    }
}

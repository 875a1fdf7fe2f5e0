//! Noise that each element makes of one number of the generator: element i of 16 takes lane i's.

use super::op::Source;
use super::{LANES, Lanes};
use crate::element::{FloatNumber, Real, Value as _};
use crate::elementary::Elementary as _;
use crate::lanes::step;

/// What becomes of elements by random numbers.
pub(crate) trait Noise<T> {
    /// Of the `N` elements from index `at` on, which lanes `lane` and following serve.
    fn of<const N: usize>(&mut self, at: usize, lane: usize, random: [u32; N], x: [T; N])
    -> [T; N];
}

/// `G` lanes at a time: all of them, or one where there are no vectors.
#[inline(always)]
pub(super) fn uniform<const G: usize, T: FloatNumber, S: Source<T>, N: Noise<T>>(
    lanes: &mut Lanes,
    target: &mut [T],
    source: S,
    noise: &mut N,
) {
    let (blocks, rest) = target.as_chunks_mut::<LANES>();
    let mut at = 0;
    for block in blocks {
        for (g, target) in block.as_chunks_mut::<G>().0.iter_mut().enumerate() {
            let mut state = lanes.group::<G>(g);
            let random = step(&mut state);
            lanes.set_group(g, state);
            let first = at + g * G;
            *target = noise.of(first, g * G, random, source.read(first, target));
        }
        at += LANES;
    }
    // Lanes that serve no element do not advance.
    for (lane, target) in rest.as_chunks_mut::<1>().0.iter_mut().enumerate() {
        let mut state = lanes.get(lane).map(|s| [s]);
        let random = step(&mut state);
        lanes.set(lane, state.map(|[s]| s));
        *target = noise.of(at + lane, lane, random, source.read(at + lane, target));
    }
}

/// The soft gates of concrete dropout, by numbers of the type that is computed in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gate<F> {
    /// ln(p / (1 - p)).
    pub(crate) logit: F,
    /// 1 / t.
    pub(crate) sharpness: F,
    /// 1 / (1 - p).
    pub(crate) scale: F,
    /// p.
    pub(crate) p: F,
}

impl<F: Real> Gate<F> {
    /// (1 - z) / (1 - p) and z.
    #[inline(always)]
    fn factor(self, random: u32) -> (F, F) {
        let odds =
            F::odds(random).natural_log().plus(self.logit).times(self.sharpness).power_of_e();
        let open = F::from_f32(1.0).over(odds.plus(F::from_f32(1.0)));
        (self.scale.times(open), odds.times(open))
    }
}

impl<T: FloatNumber> Noise<T> for Gate<T::Factor> {
    #[inline(always)]
    #[expect(clippy::indexing_slicing, reason = "i runs over the length of each array")]
    fn of<const N: usize>(
        &mut self,
        _: usize,
        _: usize,
        random: [u32; N],
        mut x: [T; N],
    ) -> [T; N] {
        for i in 0..N {
            x[i] = x[i].times(self.factor(random[i]).0);
        }
        x
    }
}

/// The gates, backward; and sums of the gradient to their logit, one for each lane.
#[derive(Debug)]
pub struct GateGradient<'a, T: FloatNumber> {
    pub(crate) gate: Gate<T::Factor>,
    /// What went in forward.
    pub(crate) x: &'a [T],
    pub(crate) sums: [T::Factor; LANES],
}

impl<T: FloatNumber> Noise<T> for GateGradient<'_, T> {
    #[inline(always)]
    #[expect(clippy::indexing_slicing, reason = "i runs over the length of each array")]
    fn of<const N: usize>(
        &mut self,
        at: usize,
        lane: usize,
        random: [u32; N],
        mut dy: [T; N],
    ) -> [T; N] {
        let x = self.x.read(at, &dy);
        let Some(sums) = self.sums.as_mut_slice().get_mut(lane..).and_then(|s| s.first_chunk_mut())
        else {
            return dy;
        };
        let mut all: [T::Factor; N] = *sums;
        for i in 0..N {
            let (factor, z) = self.gate.factor(random[i]);
            let dx = dy[i].widen().times(factor);
            dy[i] = T::narrow(dx);
            let slope = self.gate.p.minus(z.times(self.gate.sharpness));
            all[i] = all[i].plus(x[i].widen().times(dx).times(slope));
        }
        *sums = all;
        dy
    }
}

/// NEFTune's noise: a number between -1 and 1 times this one is added.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shake(pub(crate) f32);

impl<T: FloatNumber> Noise<T> for Shake {
    #[inline(always)]
    #[expect(clippy::indexing_slicing, reason = "i runs over the length of each array")]
    fn of<const N: usize>(
        &mut self,
        _: usize,
        _: usize,
        random: [u32; N],
        mut x: [T; N],
    ) -> [T; N] {
        let size = T::Factor::from_f32(self.0);
        for i in 0..N {
            let noise = T::Factor::about_zero(random[i]).times(size);
            x[i] = T::narrow(x[i].widen().plus(noise));
        }
        x
    }
}

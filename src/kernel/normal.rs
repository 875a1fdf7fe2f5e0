//! Gaussian noise on every element: y = x * (1 + s * z), z normal (docs/GAUSSIAN.md).
//!
//! Box and Muller's method, two normals from two outputs of a lane, with the logarithm, the square
//! root and the sine and cosine written as additions, subtractions and multiplications of `f32`:
//! they have the same bits on every machine, and the compiler runs them in whatever vectors there
//! are.

use super::op::Source;
use super::{LANES, Lanes};
use crate::element::{FloatNumber, Real, Value};
use crate::lanes::step;

/// Elements of a block: two for each lane.
const PAIRS: usize = 2 * LANES;

/// `G` lanes at a time: all of them, or one where there are no vectors.
///
/// Every operation stands as GAUSSIAN.md has it, in its order: to reassociate is to change the
/// bits.
#[inline(always)]
pub(super) fn noise<const G: usize, T: FloatNumber, S: Source<T>>(
    lanes: &mut Lanes,
    std_dev: f32,
    target: &mut [T],
    source: S,
) {
    let (blocks, rest) = target.as_chunks_mut::<PAIRS>();
    let mut at = 0;
    for block in blocks {
        let [cosines, sines] = block.as_chunks_mut::<LANES>().0 else { return };
        let targets = cosines.as_chunks_mut::<G>().0.iter_mut().zip(sines.as_chunks_mut::<G>().0);
        for (g, (cosine, sine)) in targets.enumerate() {
            let mut state = lanes.group::<G>(g);
            let (a, b) = (step(&mut state), step(&mut state));
            lanes.set_group(g, state);
            let at = at + g * G;
            let (x, w) = (source.read(at, cosine), source.read(at + LANES, sine));
            let normals = normals(a, b);
            *cosine = noisy(x, std_dev, normals[0]);
            *sine = noisy(w, std_dev, normals[1]);
        }
        at += PAIRS;
    }
    if rest.is_empty() {
        return;
    }
    // Lanes that serve no element do not advance.
    let mut all = [[0.0; LANES]; 2];
    let [cosines, sines] = &mut all;
    for (l, (cosine, sine)) in cosines.iter_mut().zip(sines).enumerate().take(rest.len()) {
        let mut state = lanes.get(l).map(|s| [s]);
        [[*cosine], [*sine]] = normals(step(&mut state), step(&mut state));
        lanes.set(l, state.map(|[s]| s));
    }
    for (target, z) in rest.as_chunks_mut::<1>().0.iter_mut().zip(all.as_flattened()) {
        *target = noisy(source.read(at, target), std_dev, [*z]);
        at += 1;
    }
}

/// x * (1 + s * z), of which s * z is rounded to `f32` and the rest to the type that is computed
/// in.
#[inline(always)]
#[expect(clippy::indexing_slicing, reason = "i runs over the length of each array")]
fn noisy<const G: usize, T: FloatNumber>(mut x: [T; G], std_dev: f32, z: [f32; G]) -> [T; G] {
    for i in 0..G {
        let r = T::Factor::from_f32(1.0).plus(T::Factor::from_f32(std_dev * z[i]));
        x[i] = T::narrow(x[i].widen().times(r));
    }
    x
}

/// Two normals from the two outputs of each lane: the cosines, then the sines.
#[inline(always)]
#[expect(clippy::indexing_slicing, reason = "i runs over the length of each array")]
fn normals<const G: usize>(a: [u32; G], b: [u32; G]) -> [[f32; G]; 2] {
    let (mut cosines, mut sines) = ([0.0; G], [0.0; G]);
    for i in 0..G {
        let radius = root(minus_2_ln(a[i]));
        let (cosine, sine) = cosine_and_sine(b[i]);
        // The lowest bit of `a` is free: it says in which half of the circle the point lies.
        cosines[i] = radius * f32::from_bits(cosine.to_bits() ^ a[i] << 31);
        sines[i] = radius * sine;
    }
    [cosines, sines]
}

/// -2 ln u for u = (a >> 1) / 2^31 + 2^-32, above 0 and at most 1.
#[inline(always)]
fn minus_2_ln(a: u32) -> f32 {
    const HALF_ROOT: u32 = core::f32::consts::FRAC_1_SQRT_2.to_bits();
    const SCALE: u32 = 31 << 23;
    // u * 2^31 = m * 2^(e + 31), where m is from sqrt(1/2) to sqrt(2).
    let scaled = (a >> 1) as i32 as f32 + 0.5;
    let bits = scaled.to_bits().wrapping_sub(HALF_ROOT + SCALE);
    let e = (bits as i32 >> 23) as f32;
    let f = f32::from_bits((bits & 0x7F_FFFF) + HALF_ROOT) - 1.0;
    e * (-2.0 * core::f32::consts::LN_2) + f * logarithm(f)
}

/// The square root of `square`, which is 0 or from 2^-24 to 45: two of Newton's steps to its
/// inverse, with the constants of Moroz et al. 2018 ("Fast calculation of inverse square root with
/// the use of magic constant"), which spread the error evenly to both sides.
#[inline(always)]
fn root(square: f32) -> f32 {
    let half = 0.5 * square;
    let mut inverse = f32::from_bits(0x5F37_6908 - (square.to_bits() >> 1));
    for three_halves in [1.500_879, 1.500_000_6] {
        inverse *= three_halves - half * inverse * inverse;
    }
    square * inverse
}

/// Of t quarters of a turn, where t = b / 2^31 with b signed: from -1 to 1.
#[inline(always)]
fn cosine_and_sine(b: u32) -> (f32, f32) {
    let t = b as i32 as f32 * (1.0 / (1u32 << 31) as f32);
    let square = t * t;
    (polynomial(square, COSINE), t * polynomial(square, SINE))
}

/// By Horner's rule; the coefficient of the highest power comes first.
#[inline(always)]
fn polynomial<const N: usize>(x: f32, coefficients: [f32; N]) -> f32 {
    let mut sum = 0.0;
    for (i, c) in coefficients.into_iter().enumerate() {
        sum = if i == 0 { c } else { sum * x + c };
    }
    sum
}

/// -2 ln(1 + f) / f for f from sqrt(1/2) - 1 to sqrt(2) - 1, least relative error, 1.7e-7. By
/// Estrin's scheme: by Horner's rule each operation would wait for the one before, and the vectors
/// with it.
#[inline(always)]
fn logarithm(f: f32) -> f32 {
    let (square, fourth) = (f * f, (f * f) * (f * f));
    let low = (-1.999_999_9 + 1.000_007_3 * f) + (-0.666_701_2 + 0.499_398_17 * f) * square;
    let high = (-0.398_003_3 + 0.345_016_6 * f) + (-0.324_451_66 + 0.202_137_93 * f) * square;
    low + high * fourth
}

/// cos(pi/2 sqrt(x)) for x from 0 to 1, least absolute error, 4.7e-8.
const COSINE: [f32; 5] =
    [0.000_858_190_64, -0.020_810_628, 0.253_650_75, -1.233_698_2, 0.999_999_94];

/// sin(pi/2 sqrt(x)) / sqrt(x) for x from 0 to 1, least relative error, 5.3e-9.
const SINE: [f32; 5] =
    [0.000_151_485_13, -0.004_673_766_4, 0.079_689_68, -0.645_963_7, 1.570_796_4];

#[cfg(test)]
mod tests {
    use super::minus_2_ln;

    /// The tail, which a test of many normals hardly sees: u is the middle of its step of 2^-31.
    #[test]
    fn the_least_u_are_in_the_middle_of_their_steps() {
        for (a, minus_2_ln_u) in [
            (0, 44.361_42),  // -2 ln 2^-32
            (1, 44.361_42),  // the lowest bit is a sign
            (2, 42.164_195), // -2 ln (1.5 * 2^-31)
            (6, 40.469_6),   // -2 ln (3.5 * 2^-31)
        ] {
            let error: f32 = minus_2_ln(a) - minus_2_ln_u;
            assert!(error.abs() < 1e-5, "{a}: {}", minus_2_ln(a));
        }
    }
}

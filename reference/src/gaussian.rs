//! docs/GAUSSIAN.md, written down a second time, element by element.

use std::f64::consts::{FRAC_1_SQRT_2, LN_2};

use dropout_kernels::DropRate;

use crate::number::{Floating, Number as _, Real as _};
use crate::stream::Reference;

/// The outputs (a, b) of the lane that serves each of `n` elements, and whether it is the sine that
/// does.
pub fn outputs(reference: &mut Reference, n: usize) -> Vec<(u32, u32, bool)> {
    let mut all = vec![];
    for start in (0..n).step_by(32) {
        let used = 16.min(n - start);
        let pairs: Vec<_> = (0..used).map(|l| (reference.next(l), reference.next(l))).collect();
        all.extend(pairs.iter().map(|(a, b)| (*a, *b, false)));
        all.extend(pairs.iter().map(|(a, b)| (*a, *b, true)));
        all.truncate(n.min(start + 32));
    }
    all
}

/// GAUSSIAN.md, section 2.
pub fn normal((a, b, is_sine): (u32, u32, bool)) -> f32 {
    let v = (a >> 1) as f32 + 0.5;
    let (mut e, mut m) = (0f32, f64::from(v));
    while m < f64::from(FRAC_1_SQRT_2 as f32) {
        m *= 2.0;
        e -= 1.0;
    }
    while m >= 2.0 * f64::from(FRAC_1_SQRT_2 as f32) {
        m /= 2.0;
        e += 1.0;
    }
    let (e, f) = (e - 31.0, m as f32 - 1.0);
    let g = f * f;
    let low = (-1.999_999_9 + 1.000_007_3 * f) + (-0.666_701_2 + 0.499_398_17 * f) * g;
    let high = (-0.398_003_3 + 0.345_016_6 * f) + (-0.324_451_66 + 0.202_137_93 * f) * g;
    let square = e * (-2.0 * LN_2 as f32) + f * (low + high * (g * g));

    let h = 0.5 * square;
    let mut i = f32::from_bits(0x5F37_6908 - (square.to_bits() >> 1));
    i *= 1.500_879 - (h * i) * i;
    i *= 1.500_000_6 - (h * i) * i;
    let radius = square * i;

    let t = b as i32 as f32 / 2f32.powi(31);
    let q = t * t;
    if is_sine {
        let mut s = 0.000_151_485_13f32;
        for c in [-0.004_673_766_4, 0.079_689_68, -0.645_963_7, 1.570_796_4] {
            s = s * q + c;
        }
        radius * (t * s)
    } else {
        let mut c = 0.000_858_190_64f32;
        for next in [-0.020_810_628, 0.253_650_75, -1.233_698_2, 0.999_999_94] {
            c = c * q + next;
        }
        radius * if a & 1 == 1 { -c } else { c }
    }
}

/// sqrt(p / (1 - p)), rounded once: the square root in `f64`, or the float before it, or one after
/// it.
pub fn deviation(rate: DropRate) -> f32 {
    let t = rate.threshold();
    let kept = (1u64 << 40) - t;
    if t == 0 {
        return 0.0;
    }
    let mut s = ((t as f64 / kept as f64).sqrt() as f32).next_down();
    // In whole numbers, whether what lies halfway to the next float is below the root: its 25 bits,
    // squared.
    loop {
        let halfway = (f64::from(s) + f64::from(s.next_up())) / 2.0;
        let places = 1047 - (halfway.to_bits() >> 52) as i32;
        let digits = (halfway * 2f64.powi(places)) as u128;
        if digits * digits * u128::from(kept) > u128::from(t) << (2 * places) {
            return s;
        }
        s = s.next_up();
    }
}

/// What noise of a generator makes of x.
pub fn expected<T: Floating>(reference: &mut Reference, rate: DropRate, x: &[T]) -> Vec<T> {
    let of = |(x, outputs): (&T, (u32, u32, bool))| {
        let noise = deviation(rate) * normal(outputs);
        T::nearest(x.wide().multiply(T::Wide::ONE.add(T::Wide::of(noise.into()))))
    };
    if rate == DropRate::ZERO {
        x.to_vec()
    } else {
        x.iter().zip(outputs(reference, x.len())).map(of).collect()
    }
}

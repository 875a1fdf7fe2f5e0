//! Concrete dropout and NEFTune's noise, written down a second time, element by element, from the
//! documentation of `ConcreteDropout` and `EmbeddingNoise`. The coefficients, which are part of what is computed, are those of
//! the library; its tests of the logarithm and the exponential hold them against `libm`'s.

use crate::number::{Floating, Number as _, Real};
use crate::stream::Reference;

/// The output that serves each of `n` elements.
pub fn outputs(reference: &mut Reference, n: usize) -> Vec<u32> {
    (0..n).map(|i| reference.next(i % 16)).collect()
}

/// Of the type that is computed in: its logarithm and its powers of e.
pub trait Gated: Real {
    fn log(self) -> Self;
    fn power(self) -> Self;
}

macro_rules! gated {
    (
        $float:ident, from $least:literal to $most:literal, ln_2 $high:literal $low:literal,
        artanh $artanh:expr, power $power:expr
    ) => {
        impl Gated for $float {
            fn log(self) -> Self {
                let half_root = f64::from(std::$float::consts::FRAC_1_SQRT_2);
                let (mut e, mut m) = (0.0, f64::from(self));
                while m < half_root {
                    (e, m) = (e - 1.0, m * 2.0);
                }
                while m >= 2.0 * half_root {
                    (e, m) = (e + 1.0, m / 2.0);
                }
                let f = m as $float - 1.0;
                let s = f / (f + 2.0);
                let mut sum = 0.0;
                for c in $artanh {
                    sum = sum * (s * s) + c;
                }
                e * $low + s * (s * s * sum + 2.0) + e * $high
            }

            fn power(self) -> Self {
                let x = self.clamp($least, $most);
                let n = (x * std::$float::consts::LOG2_E).round_ties_even();
                let rest = x - n * $high - n * $low;
                let mut sum = 0.0;
                for c in $power {
                    sum = sum * rest + c;
                }
                // In halves, of which neither is too large, or too small, for a power of two.
                let half = (n / 2.0) as i32;
                sum * (2.0 as $float).powi(half) * (2.0 as $float).powi(n as i32 - half)
            }
        }
    };
}
gated! {
    f32, from -87.0 to 88.0, ln_2 0.692_382_8 0.000_764_368_06,
    artanh [0.295_800_54, 0.399_887_77, 0.666_666_87],
    power [0.001_394_121_3, 0.008_375_21, 0.041_666_35, 0.166_664_14, 0.5, 1.0, 1.0]
}
gated! {
    f64, from -708.0 to 709.0, ln_2 0.693_147_180_559_208_2 7.371_002_565_167_799e-13,
    artanh [
        0.146_165_854_248_886_23,
        0.153_317_106_182_107_73,
        0.181_828_894_556_749_47,
        0.222_222_111_302_598_78,
        0.285_714_286_260_032_7,
        0.399_999_999_998_994_44,
        0.666_666_666_666_667,
    ],
    power [
        2.511_015_364_692_893e-8,
        2.763_279_054_211_718e-7,
        2.755_724_060_466_389_6e-6,
        2.480_148_507_410_511_5e-5,
        0.000_198_412_698_903_406_66,
        0.001_388_888_895_269_651_6,
        0.008_333_333_333_319_49,
        0.041_666_666_666_486_66,
        0.166_666_666_666_666_8,
        0.500_000_000_000_001_9,
        1.0,
        1.0,
    ]
}

/// A layer of concrete dropout: p, its logit, and the temperature.
#[derive(Clone, Copy, Debug)]
pub struct Layer<F> {
    pub p: F,
    pub logit: F,
    pub scale: F,
    pub sharpness: F,
}

impl<F: Gated> Layer<F> {
    /// From what was asked for.
    pub fn new(p: F, temperature: F) -> Self {
        let one = F::ONE;
        let logit = p.over(one.minus(p)).log();
        let odds = logit.power();
        let scale = odds.plus(one);
        let kept = one.over(scale);
        let p = if logit > F::of(0.0) { one.minus(kept) } else { odds.times(kept) };
        Self { p, logit, scale, sharpness: one.over(temperature) }
    }

    /// (1 - z) / (1 - p), and z.
    fn gate(self, random: u32) -> (F, F) {
        let h = random >> 1;
        let half = F::of(0.5);
        // Converted, rounded to the type, and then added to.
        let (above, below) =
            (F::of(h.into()).plus(half), F::of(((1u32 << 31) - 1 - h).into()).plus(half));
        let odds = above.over(below).log().plus(self.logit).times(self.sharpness).power();
        let open = F::ONE.over(odds.plus(F::ONE));
        (self.scale.times(open), odds.times(open))
    }

    /// What forward makes of x.
    pub fn forward<T: Floating<Wide = F>>(self, reference: &mut Reference, x: &[T]) -> Vec<T> {
        let all = x.iter().zip(outputs(reference, x.len()));
        all.map(|(x, random)| T::nearest(x.wide().times(self.gate(random).0))).collect()
    }

    /// The gradients to x and to the logit.
    pub fn backward<T: Floating<Wide = F>>(
        self,
        reference: &mut Reference,
        x: &[T],
        dy: &[T],
    ) -> (Vec<T>, F) {
        let (mut dx, mut sums) = (vec![], [F::of(0.0); 16]);
        for (i, random) in outputs(reference, x.len()).into_iter().enumerate() {
            let (factor, z) = self.gate(random);
            let wide = dy[i].wide().times(factor);
            dx.push(T::nearest(wide));
            let slope = self.p.minus(z.times(self.sharpness));
            sums[i % 16] = sums[i % 16].plus(x[i].wide().times(wide).times(slope));
        }
        let mut sums = sums.to_vec();
        while sums.len() > 1 {
            let upper = sums.split_off(sums.len() / 2);
            sums.iter_mut().zip(upper).for_each(|(low, high)| *low = low.plus(high));
        }
        (dx, sums[0])
    }
}

/// What NEFTune's noise of this size makes of x.
pub fn shaken<T: Floating>(reference: &mut Reference, size: f32, x: &[T]) -> Vec<T> {
    let of = |(x, random): (&T, u32)| {
        let u = (f64::from(random as i32 >> 8) + 0.5) / f64::from(1 << 23);
        let noise = T::Wide::of(u).multiply(T::Wide::of(size.into()));
        T::nearest(x.wide().add(noise))
    };
    x.iter().zip(outputs(reference, x.len())).map(of).collect()
}

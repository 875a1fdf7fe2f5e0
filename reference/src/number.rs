//! Element types as the tests see them: their bits, their awkward values, their scale by division.

use dropout_kernels::Element;

pub trait Number: Element {
    const ONE: Self;
    /// What no kernel may read or write: a NaN with a payload.
    const GUARD: Self;
    /// Zeros, infinities, NaN, also signalling and negative, subnormals, the largest and the least.
    const AWKWARD: [Self; 13];

    fn of(x: f64) -> Self;
    fn bits(self) -> u64;
    /// Of the low bits, as many as there are.
    fn from_low_bits(bits: u64) -> Self;
    fn to_f64(self) -> f64;
    /// 2^40 / (2^40 - t), one division in f64, then rounded once; 0 where t = 2^40.
    fn reference_scale(t: u64) -> Self;
    /// (2^40 - t) / 2^40, rounded once.
    fn reference_keep(t: u64) -> Self;
    fn multiply(self, factor: Self) -> Self;
    fn add(self, term: Self) -> Self;

    fn is_nan(self) -> bool {
        #[expect(clippy::eq_op, reason = "NaN is what differs from itself")]
        let nan = self != self;
        nan
    }

    /// `n` different finite values.
    fn ramp(n: usize) -> Vec<Self> {
        (0..n).map(|i| Self::of((i as f64 - 7.3) * 0.37)).collect()
    }

    /// `n` values among which the awkward ones come at every place of a word in turn.
    fn values(n: usize) -> Vec<Self> {
        let mut values = Self::ramp(n);
        for (i, value) in values.iter_mut().enumerate() {
            if i % 5 != 3 {
                continue;
            }
            *value = Self::AWKWARD[i / 5 % Self::AWKWARD.len()];
        }
        values
    }
}

const ONE: u64 = 1 << 40;

macro_rules! number {
    ($float:ident, $bits:ident, $guard:literal) => {
        impl Number for $float {
            const ONE: Self = 1.0;
            const GUARD: Self = $float::from_bits($guard);
            const AWKWARD: [Self; 13] = [
                0.0,
                -0.0,
                $float::NAN,
                $float::INFINITY,
                $float::NEG_INFINITY,
                $float::MAX,
                $float::MIN,
                $float::MIN_POSITIVE,
                -$float::MIN_POSITIVE / 2.0,
                $float::from_bits(1),
                $float::EPSILON,
                $float::from_bits($float::INFINITY.to_bits() | 0x1_2345), // signalling
                $float::from_bits($guard | 1 << ($bits::BITS - 1)),
            ];

            fn of(x: f64) -> Self {
                x as Self
            }

            fn bits(self) -> u64 {
                self.to_bits().into()
            }

            fn from_low_bits(bits: u64) -> Self {
                Self::from_bits(bits as $bits)
            }

            fn to_f64(self) -> f64 {
                self.into()
            }

            fn reference_scale(t: u64) -> Self {
                if t == ONE { 0.0 } else { (ONE as f64 / (ONE - t) as f64) as Self }
            }

            fn reference_keep(t: u64) -> Self {
                ((ONE - t) as f64 / ONE as f64) as Self
            }

            fn multiply(self, factor: Self) -> Self {
                self * factor
            }

            fn add(self, term: Self) -> Self {
                self + term
            }
        }
    };
}
number!(f32, u32, 0x7FC5_A5A5);
number!(f64, u64, 0x7FF8_A5A5_5A5A_A5A5);

/// Whether two results are the same to the bit, or both NaN: the payload that a product of NaN has
/// is the processor's affair.
pub fn same<T: Number>(a: T, b: T) -> bool {
    a.bits() == b.bits() || a.is_nan() && b.is_nan()
}

/// The bits of each element.
pub fn bits<T: Number>(x: &[T]) -> Vec<u64> {
    x.iter().map(|x| x.bits()).collect()
}

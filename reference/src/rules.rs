//! The rules of dropout by their formulas, element by element.

use dropout_kernels::{
    Alpha, Classic, DropKey, DropRate, Dropout, Inverted, Rule, RuleFor, ZeroPoint,
};

use crate::number::{Floating, Number, Real, clamped, multiplier, requantised};
use crate::stream::alpha;

const ONE: u64 = 1 << 40; // p = 1 as a threshold

/// A rule.
pub trait Formula: Rule + 'static {
    /// Whether kept elements are copied, to the bits of a NaN too.
    const COPIES: bool;
    /// Whether inference copies, at any rate.
    const INFERS: bool = true;
    /// Whether what is dropped is a number.
    const DIFFERENTIABLE: bool = true;

    fn dropout(rate: DropRate) -> Dropout<Self>;
}

/// A rule by its formulas, forward, backward and at inference, for the threshold t.
pub trait Of<T: Number>: Formula + RuleFor<T> {
    fn y(t: u64, keep: bool, x: T) -> T;

    fn dx(t: u64, keep: bool, dy: T) -> T {
        Self::y(t, keep, dy)
    }

    fn inferred(_: u64, x: T) -> T {
        x
    }

    /// sum + y, of x that is kept.
    fn added(t: u64, sum: T, x: T) -> T;

    /// sum + what becomes of x at inference.
    fn inferred_added(_: u64, sum: T, x: T) -> T {
        sum.add(x)
    }
}

impl Formula for Inverted {
    const COPIES: bool = false;

    fn dropout(rate: DropRate) -> Dropout<Self> {
        Dropout::new(rate)
    }
}

impl<T: Number> Of<T> for Inverted {
    fn y(t: u64, keep: bool, x: T) -> T {
        if keep && t < ONE { x.scaled(t) } else { T::ZERO }
    }

    fn added(t: u64, sum: T, x: T) -> T {
        sum.add_scaled(x, t)
    }
}

impl Formula for Classic {
    const COPIES: bool = true;
    const INFERS: bool = false;

    fn dropout(rate: DropRate) -> Dropout<Self> {
        Dropout::classic(rate)
    }
}

impl<T: Number> Of<T> for Classic {
    fn y(_: u64, keep: bool, x: T) -> T {
        if keep { x } else { T::ZERO }
    }

    fn inferred(t: u64, x: T) -> T {
        match t {
            0 => x,
            ONE => T::ZERO,
            _ => x.shared(t),
        }
    }

    fn added(_: u64, sum: T, x: T) -> T {
        sum.add(x)
    }

    fn inferred_added(t: u64, sum: T, x: T) -> T {
        match t {
            0 => sum.add(x),
            ONE => sum,
            _ => sum.add_shared(x, t),
        }
    }
}

impl Formula for Alpha {
    const COPIES: bool = false;

    fn dropout(rate: DropRate) -> Dropout<Self> {
        Dropout::alpha(rate)
    }
}

impl<T: Floating> Of<T> for Alpha {
    fn y(t: u64, keep: bool, x: T) -> T {
        let [a, b, dropped] = alpha(t).map(T::Wide::of);
        T::nearest(if keep && t < ONE { x.wide().multiply(a).add(b) } else { dropped })
    }

    fn dx(t: u64, keep: bool, dy: T) -> T {
        let a = T::Wide::of(alpha(t)[0]);
        if keep && t < ONE { T::nearest(dy.wide().multiply(a)) } else { T::ZERO }
    }

    /// Of a gradient.
    fn added(t: u64, sum: T, dy: T) -> T {
        let a = T::Wide::of(alpha(t)[0]);
        T::nearest(sum.wide().add(dy.wide().multiply(a)))
    }
}

impl Formula for DropKey {
    const COPIES: bool = true;
    const DIFFERENTIABLE: bool = false;

    fn dropout(rate: DropRate) -> Dropout<Self> {
        Dropout::drop_key(rate)
    }
}

impl<T: Floating> Of<T> for DropKey {
    fn y(_: u64, keep: bool, x: T) -> T {
        if keep { x } else { T::of(f64::NEG_INFINITY) }
    }

    fn dx(_: u64, keep: bool, dy: T) -> T {
        if keep { dy } else { T::ZERO }
    }

    fn added(_: u64, sum: T, dy: T) -> T {
        sum.add(dy)
    }
}

/// The zero point that the suite tries; others have tests of their own.
const ZERO: i8 = -7;

/// x - zp times a factor.
fn beyond_zero(x: i8, factor: (i128, i32)) -> i64 {
    requantised(i64::from(x) - i64::from(ZERO), factor)
}

impl Formula for ZeroPoint<Inverted> {
    const COPIES: bool = false;

    fn dropout(rate: DropRate) -> Dropout<Self> {
        Dropout::new(rate).with_zero_point(ZERO)
    }
}

impl Of<i8> for ZeroPoint<Inverted> {
    fn y(t: u64, keep: bool, x: i8) -> i8 {
        let y = || clamped(i64::from(ZERO) + beyond_zero(x, multiplier(ONE, ONE - t)));
        if keep && t < ONE { y() } else { ZERO }
    }

    fn added(t: u64, sum: i8, x: i8) -> i8 {
        clamped(i64::from(sum) + beyond_zero(x, multiplier(ONE, ONE - t)))
    }
}

impl Formula for ZeroPoint<Classic> {
    const COPIES: bool = true;
    const INFERS: bool = false;

    fn dropout(rate: DropRate) -> Dropout<Self> {
        Dropout::classic(rate).with_zero_point(ZERO)
    }
}

impl Of<i8> for ZeroPoint<Classic> {
    fn y(_: u64, keep: bool, x: i8) -> i8 {
        if keep { x } else { ZERO }
    }

    fn inferred(t: u64, x: i8) -> i8 {
        match t {
            0 => x,
            ONE => ZERO,
            _ => clamped(i64::from(ZERO) + beyond_zero(x, multiplier(ONE - t, ONE))),
        }
    }

    fn added(_: u64, sum: i8, x: i8) -> i8 {
        clamped(i64::from(sum) + i64::from(x) - i64::from(ZERO))
    }

    fn inferred_added(t: u64, sum: i8, x: i8) -> i8 {
        match t {
            ONE => sum,
            _ => clamped(i64::from(sum) + beyond_zero(x, multiplier(ONE - t, ONE))),
        }
    }
}

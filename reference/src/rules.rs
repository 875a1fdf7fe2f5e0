//! The rules of dropout by their formulas, element by element.

use dropout_kernels::{Alpha, Classic, DropKey, DropRate, Dropout, Inverted, Rule};

use crate::number::Number;
use crate::stream::alpha;

const ONE: u64 = 1 << 40; // p = 1 as a threshold

/// A rule by its formulas, forward, backward and at inference, for the threshold t.
pub trait Formula: Rule + 'static {
    /// Whether kept elements are copied, to the bits of a NaN too.
    const COPIES: bool;
    /// Whether inference copies, at any rate.
    const INFERS: bool = true;
    /// Whether what is dropped is a number.
    const DIFFERENTIABLE: bool = true;

    fn dropout(rate: DropRate) -> Dropout<Self>;

    fn y<T: Number>(t: u64, keep: bool, x: T) -> T;

    fn dx<T: Number>(t: u64, keep: bool, dy: T) -> T {
        Self::y(t, keep, dy)
    }

    fn inferred<T: Number>(_: u64, x: T) -> T {
        x
    }
}

impl Formula for Inverted {
    const COPIES: bool = false;

    fn dropout(rate: DropRate) -> Dropout<Self> {
        Dropout::new(rate)
    }

    fn y<T: Number>(t: u64, keep: bool, x: T) -> T {
        if keep && t < ONE { x.multiply(T::reference_scale(t)) } else { T::ZERO }
    }
}

impl Formula for Classic {
    const COPIES: bool = true;
    const INFERS: bool = false;

    fn dropout(rate: DropRate) -> Dropout<Self> {
        Dropout::classic(rate)
    }

    fn y<T: Number>(_: u64, keep: bool, x: T) -> T {
        if keep { x } else { T::ZERO }
    }

    fn inferred<T: Number>(t: u64, x: T) -> T {
        match t {
            0 => x,
            ONE => T::ZERO,
            _ => x.multiply(T::reference_keep(t)),
        }
    }
}

impl Formula for Alpha {
    const COPIES: bool = false;

    fn dropout(rate: DropRate) -> Dropout<Self> {
        Dropout::alpha(rate)
    }

    fn y<T: Number>(t: u64, keep: bool, x: T) -> T {
        let [a, b, dropped] = alpha(t).map(T::of);
        if keep && t < ONE { x.multiply(a).add(b) } else { dropped }
    }

    fn dx<T: Number>(t: u64, keep: bool, dy: T) -> T {
        if keep && t < ONE { dy.multiply(T::of(alpha(t)[0])) } else { T::ZERO }
    }
}

impl Formula for DropKey {
    const COPIES: bool = true;
    const DIFFERENTIABLE: bool = false;

    fn dropout(rate: DropRate) -> Dropout<Self> {
        Dropout::drop_key(rate)
    }

    fn y<T: Number>(_: u64, keep: bool, x: T) -> T {
        if keep { x } else { T::of(f64::NEG_INFINITY) }
    }

    fn dx<T: Number>(_: u64, keep: bool, dy: T) -> T {
        if keep { dy } else { T::ZERO }
    }
}

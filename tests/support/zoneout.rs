//! Zoneout by its formulas, and every way to call it.

use dropout_kernels::{MaskKey, MaskMut, MaskRng, ShapeError, Zoneout};

use super::number::Number;

/// Three slices: `h_prev`, `h_new` and h forward; dh, `dh_prev` and `dh_new` backward. In place one is not used. A
/// replay is at (seed, stream).
pub type Way<T> =
    fn(&Zoneout, [&mut [T]; 3], MaskMut<'_>, &mut MaskRng, (u64, u64)) -> Result<(), ShapeError>;

/// Which slices hold what afterwards.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Leaves {
    /// h in slice 2, 0 or 1; the other two as they were.
    State(usize),
    /// `dh_prev` in slice 1, and `dh_new` in slice 2 or 0.
    Gradient(usize),
}

/// A way, what it leaves, and where its mask comes from.
pub struct Named<T> {
    pub way: Way<T>,
    pub leaves: Leaves,
    pub masks: Masks,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Masks {
    Stored,
    Replayed,
    Brought,
}

pub fn ways<T: Number>() -> Vec<Named<T>> {
    use Leaves::{Gradient, State};
    use Masks::{Brought, Replayed, Stored};
    let ways: [(Way<T>, Leaves, Masks); 13] = [
        (|z, [p, n, h], mask, rng, _| z.forward(p, n, h, rng.draw(mask)), State(2), Stored),
        (|z, [p, n, _], mask, rng, _| z.forward_into_prev(p, n, rng.draw(mask)), State(0), Stored),
        (|z, [p, n, _], mask, rng, _| z.forward_into_new(p, n, rng.draw(mask)), State(1), Stored),
        (|z, [p, n, h], _, _, at| z.forward(p, n, h, MaskKey::new(at.0, at.1)), State(2), Replayed),
        (
            |z, [p, n, _], _, _, at| z.forward_into_prev(p, n, MaskKey::new(at.0, at.1)),
            State(0),
            Replayed,
        ),
        (
            |z, [p, n, _], _, _, at| z.forward_into_new(p, n, MaskKey::new(at.0, at.1)),
            State(1),
            Replayed,
        ),
        (|z, [p, n, h], mask, _, _| z.forward(p, n, h, mask.as_ref()), State(2), Brought),
        (|z, [p, n, _], mask, _, _| z.forward_into_prev(p, n, mask.as_ref()), State(0), Brought),
        (|z, [p, n, _], mask, _, _| z.forward_into_new(p, n, mask.as_ref()), State(1), Brought),
        (|z, [dh, p, n], mask, _, _| z.backward(dh, p, n, mask.as_ref()), Gradient(2), Brought),
        (
            |z, [dh, p, _], mask, _, _| z.backward_in_place(dh, p, mask.as_ref()),
            Gradient(0),
            Brought,
        ),
        (
            |z, [dh, p, n], _, _, at| z.backward(dh, p, n, MaskKey::new(at.0, at.1)),
            Gradient(2),
            Replayed,
        ),
        (
            |z, [dh, p, _], _, _, at| z.backward_in_place(dh, p, MaskKey::new(at.0, at.1)),
            Gradient(0),
            Replayed,
        ),
    ];
    ways.into_iter().map(|(way, leaves, masks)| Named { way, leaves, masks }).collect()
}

/// From the formulas.
pub fn expected<T: Number>(leaves: Leaves, keep: &[bool], before: &[Vec<T>; 3]) -> [Vec<T>; 3] {
    let mut after = before.clone();
    for (i, k) in keep.iter().enumerate() {
        match leaves {
            Leaves::State(at) => after[at][i] = if *k { before[1][i] } else { before[0][i] },
            Leaves::Gradient(at) => {
                after[1][i] = if *k { T::ZERO } else { before[0][i] };
                after[at][i] = if *k { before[0][i] } else { T::ZERO };
            }
        }
    }
    after
}

/// `z * h_prev + (1 - z) * h_new`: two products and a sum, each rounded, in this order.
pub trait Blended: Number {
    fn blend(t: u64, prev: Self, new: Self) -> Self;
}

macro_rules! blended {
    ($float:ident) => {
        impl Blended for $float {
            fn blend(t: u64, prev: Self, new: Self) -> Self {
                let z = (t as f64 / (1u64 << 40) as f64) as $float;
                let (a, b) = (z * prev, $float::reference_keep(t) * new);
                a + b
            }
        }
    };
}
blended!(f32);
blended!(f64);

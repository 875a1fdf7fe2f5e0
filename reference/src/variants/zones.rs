//! Zoneout.

use dropout_kernels::{Backend, DropRate, Zoneout, drop_rate};

use super::ONE;
use crate::number::Number;
use crate::stream::Reference;
use crate::variant::{Elsewhere, Form, Given, Pass, Variant, Way};
use crate::{LENGTHS, ways};

/// Over states of `n` units.
#[derive(Clone, Debug)]
pub struct Zones {
    pub zoneout: Zoneout,
    pub n: usize,
}

/// Nothing, the least, one plane, several, ties, everything.
const RATES: [DropRate; 6] = [
    DropRate::ZERO,
    drop_rate!(9.094_947e-13),
    drop_rate!(0.5),
    drop_rate!(0.75),
    drop_rate!(0.1),
    DropRate::ONE,
];

const PREV: usize = 0;
const NEW: usize = 1;
const H: usize = 2;
const DH: usize = 3;
const DPREV: usize = 4;
const DNEW: usize = 5;

impl<T: Number> Variant<T> for Zones {
    const VARIABLES: &'static [&'static str] = &["h_prev", "h_new", "h", "dh", "dh_prev", "dh_new"];
    const GRADIENTS: &'static [(usize, usize)] = &[(PREV, DPREV), (NEW, DNEW)];
    const OUTPUT: (usize, usize) = (H, DH);

    fn cases() -> Vec<Self> {
        let of = |rate| LENGTHS.map(|n| Self { zoneout: Zoneout::new(rate), n });
        RATES.into_iter().flat_map(of).collect()
    }

    fn example() -> Self {
        Self { zoneout: Zoneout::new(drop_rate!(0.3)), n: 40 }
    }

    fn parameters(&self) -> String {
        format!("threshold {} elements {}", self.zoneout.rate().threshold(), self.n)
    }

    fn of_rate(rate: DropRate, n: usize) -> Option<Self> {
        Some(Self { zoneout: Zoneout::new(rate), n })
    }

    fn with_backend(self, backend: Backend) -> Self {
        Self { zoneout: self.zoneout.with_backend(backend), ..self }
    }

    fn lengths(&self) -> Vec<usize> {
        vec![self.n; 6]
    }

    fn mask_bits(&self) -> usize {
        self.n
    }

    fn ways() -> Vec<Way<Self, T>> {
        macro_rules! forward {
            ($masks:ident, |$l:ident| $source:expr) => {
                ways! {
                    Forward $masks [In(0), In(1), Out(2)] |v, [prev, new, h], $l| v.zoneout.forward(prev, new, h, $source);
                    Forward $masks [Over(0, 2), In(1)] |v, [h, new], $l| v.zoneout.forward_into_prev(h, new, $source);
                    Forward $masks [In(0), Over(1, 2)] |v, [prev, h], $l| v.zoneout.forward_into_new(prev, h, $source);
                }
            };
        }
        macro_rules! backward {
            ($masks:ident, |$l:ident| $source:expr) => {
                ways! {
                    Backward $masks [In(3), Out(4), Out(5)] |v, [dh, prev, new], $l| v.zoneout.backward(dh, prev, new, $source);
                    Backward $masks [Over(3, 5), Out(4)] |v, [dh, prev], $l| v.zoneout.backward_in_place(dh, prev, $source);
                }
            };
        }
        let infer = ways! {
            Infer None [In(0), In(1), Out(2)] |v, [prev, new, h], l| v.zoneout.infer(prev, new, h);
            Infer None [Over(0, 2), In(1)] |v, [h, new], l| v.zoneout.infer_into_prev(h, new);
            Infer None [In(0), Over(1, 2)] |v, [prev, h], l| v.zoneout.infer_into_new(prev, h);
            Infer Stored [In(0), In(1), Out(2)] |v, [prev, new, h], l| v.zoneout.infer_where(prev, new, h, l.mask.as_ref());
            Infer Stored [Over(0, 2), In(1)] |v, [h, new], l| v.zoneout.infer_into_prev_where(h, new, l.mask.as_ref());
            Infer Stored [In(0), Over(1, 2)] |v, [prev, h], l| v.zoneout.infer_into_new_where(prev, h, l.mask.as_ref());
            Forward Stored [In(0), In(1), Out(2)] |v, [prev, new, h], l| v.zoneout.forward(prev, new, h, Elsewhere::of(l.mask.as_ref()).window());
        };
        [
            forward!(Drawn, |l| l.rng.draw(l.mask)),
            forward!(KeyDrawn, |l| l.key.draw(l.mask)),
            forward!(Key, |l| l.key),
            forward!(Stored, |l| l.mask.as_ref()),
            backward!(Key, |l| l.key),
            backward!(Stored, |l| l.mask.as_ref()),
            infer,
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    fn drawn(&self, reference: &mut Reference) -> Vec<bool> {
        reference.mask(self.zoneout.rate().threshold(), self.n)
    }

    fn formula(&self, given: &Given<'_>, variables: &mut [Vec<T>]) {
        let t = self.zoneout.rate().threshold();
        // Two products and a sum, each rounded, in this order.
        let blend = |prev: T, new: T| match t {
            0 => new,
            ONE => prev,
            _ => T::blended(prev, new, t),
        };
        let take = |i: usize| if given.keep[i] { NEW } else { PREV };
        match given.pass {
            Pass::Forward => variables[H] = (0..self.n).map(|i| variables[take(i)][i]).collect(),
            Pass::Infer => {
                // Without a mask all are live.
                let live = |i: usize| given.keep.get(i) != Some(&false);
                let (prev, new) = (&variables[PREV], &variables[NEW]);
                let of = |i: usize| if live(i) { blend(prev[i], new[i]) } else { prev[i] };
                variables[H] = (0..self.n).map(of).collect();
            }
            Pass::Backward => {
                let dh = variables[DH].clone();
                let part = |kept: bool| {
                    (0..self.n)
                        .map(|i| if given.keep[i] == kept { dh[i] } else { T::ZERO })
                        .collect()
                };
                (variables[DPREV], variables[DNEW]) = (part(false), part(true));
            }
            Pass::Fill => {}
        }
    }

    fn copies(&self, given: &Given<'_>) -> bool {
        given.pass != Pass::Infer || [0, ONE].contains(&self.zoneout.rate().threshold())
    }

    /// Any length that all have.
    fn refit(&self, _: &Form, slices: &[usize], mask: Option<usize>) -> Option<Self> {
        let n = *slices.first()?;
        let fit = slices.iter().chain(&mask).all(|other| *other == n);
        fit.then(|| Self { n, ..self.clone() })
    }
}

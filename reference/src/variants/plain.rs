//! Dropout by a rule, over slices and over arrays.

use dropout_kernels::{Backend, DropRate, Dropout, Mask, ShapeError, mask_words};

use crate::number::Number;
use crate::rules::{Formula, Of};
use crate::stream::Reference;
use crate::variant::{Elsewhere, Form, Given, Lent, Pass, Run, Variant, Way};
use crate::{LENGTHS, rates, verbs, ways};

/// Over `n` elements.
#[derive(Clone, Debug)]
pub struct Plain<R> {
    pub dropout: Dropout<R>,
    pub n: usize,
}

/// What a rule makes of a variable, by the flag of each element.
pub(crate) fn by_rule<T: Number, R: Of<T>>(
    t: u64,
    given: &Given<'_>,
    keep: &[bool],
    variables: &mut [Vec<T>],
) {
    let (from, to) = if given.pass == Pass::Backward { (2, 3) } else { (0, 1) };
    let of = |x: T, keep: bool| match given.pass {
        Pass::Backward => R::dx(t, keep, x),
        _ => R::y(t, keep, x),
    };
    variables[to] = match given.pass {
        Pass::Fill => return,
        Pass::Infer => variables[from].iter().map(|x| R::inferred(t, *x)).collect(),
        // Nothing is computed of what is drawn.
        _ if given.drawn && t == 0 => variables[from].clone(),
        _ => variables[from].iter().zip(keep).map(|(x, keep)| of(*x, *keep)).collect(),
    };
}

/// Whether that is copied.
pub(crate) fn copies<R: Formula>(t: u64, given: &Given<'_>) -> bool {
    match given.pass {
        Pass::Infer => R::INFERS || t == 0,
        _ => R::COPIES || given.drawn && t == 0,
    }
}

impl<T: Number, R: Of<T>> Variant<T> for Plain<R> {
    const VARIABLES: &'static [&'static str] = &["x", "y", "dy", "dx"];
    const GRADIENTS: &'static [(usize, usize)] = &[(0, 3)];
    const OUTPUT: (usize, usize) = (1, 2);
    const DIFFERENTIABLE: bool = R::DIFFERENTIABLE;

    fn cases() -> Vec<Self> {
        let of = |rate| LENGTHS.map(|n| Self { dropout: R::dropout(rate), n });
        rates().flat_map(of).collect()
    }

    fn example() -> Self {
        Self { dropout: R::dropout(DropRate::new(0.3).expect("a probability")), n: 40 }
    }

    fn parameters(&self) -> String {
        format!("threshold {} elements {}", self.dropout.rate().threshold(), self.n)
    }

    fn of_rate(rate: DropRate, n: usize) -> Option<Self> {
        Some(Self { dropout: R::dropout(rate), n })
    }

    fn with_backend(self, backend: Backend) -> Self {
        Self { dropout: self.dropout.with_backend(backend), ..self }
    }

    fn lengths(&self) -> Vec<usize> {
        vec![self.n; 4]
    }

    fn mask_bits(&self) -> usize {
        self.n
    }

    fn ways() -> Vec<Way<Self, T>> {
        let mut all = verbs!(|v| v.dropout);
        all.extend(ways! {
            Infer None [In(0), Out(1)] |v, [x, y], l| v.dropout.infer(x, y);
            Infer None [Over(0, 1)] |v, [x], l| {
                v.dropout.infer_in_place(x);
                Ok(())
            };
        });
        all
    }

    fn drawn(&self, reference: &mut Reference) -> Vec<bool> {
        reference.mask(self.dropout.rate().threshold(), self.n)
    }

    fn formula(&self, given: &Given<'_>, variables: &mut [Vec<T>]) {
        by_rule::<T, R>(self.dropout.rate().threshold(), given, given.keep, variables);
    }

    fn copies(&self, given: &Given<'_>) -> bool {
        copies::<R>(self.dropout.rate().threshold(), given)
    }

    /// Any length that all have.
    fn refit(&self, _: &Form, slices: &[usize], mask: Option<usize>) -> Option<Self> {
        let n = *slices.first()?;
        let fit = slices.iter().chain(&mask).all(|other| *other == n);
        fit.then(|| Self { n, ..self.clone() })
    }
}

/// Over arrays, whose lengths are checked when they are compiled, and not here.
#[derive(Clone, Debug)]
pub struct Arrays<R>(pub Dropout<R>);

/// Elements of the arrays: more than two blocks, and no whole number of words.
pub const N: usize = 1100;
const WORDS: usize = mask_words(N);

/// Arrays of the slices, the last of which is written; the mask before, and afterwards, if the way
/// has one.
fn arrays<T: Number>(
    slices: &mut [&mut [T]],
    lent: &mut Lent<'_>,
    has_mask: bool,
    run: impl FnOnce(Option<&[T; N]>, &mut [T; N], &mut Mask<WORDS>, &mut Lent<'_>),
) -> Result<(), ShapeError> {
    let (y, x) = slices.split_last_mut().expect("a slice");
    let other = ShapeError::OtherElements { expected: N, given: y.len() };
    let y: &mut [T; N] = (&mut **y).try_into().map_err(|_| other)?;
    let x = match x.first() {
        Some(x) => {
            let other = ShapeError::OtherElements { expected: N, given: x.len() };
            Some(<&[T; N]>::try_from(&**x).map_err(|_| other)?)
        }
        None => None,
    };
    if !has_mask {
        run(x, y, &mut Mask::new(), lent);
        return Ok(());
    }
    let given = lent.mask.len();
    if given != N {
        return Err(ShapeError::MaskTooLong { expected: N, given });
    }
    let words = lent.mask.as_ref().words().try_into().expect("the words of N");
    let mut mask = Mask::from_words(words);
    run(x, y, &mut mask, lent);
    // What no way writes keeps the bits past its end.
    if mask.words() == &words { Ok(()) } else { lent.mask.copy_from(mask.view(N)?) }
}

fn fits(result: Result<(), ShapeError>) {
    result.expect("as many elements and words as the arrays");
}

macro_rules! of_arrays {
    ($slices:expr, $lent:expr, $has_mask:literal, |$x:ident, $y:ident, $mask:ident, $l:ident| $out:expr, $in_place:expr) => {
        arrays($slices, &mut $lent, $has_mask, |x, $y, $mask, $l| {
            let _ = (&*$mask, &*$l);
            match x {
                Some($x) => $out,
                None => $in_place,
            }
        })
    };
}

impl<T: Number, R: Of<T>> Variant<T> for Arrays<R> {
    const VARIABLES: &'static [&'static str] = <Plain<R> as Variant<T>>::VARIABLES;
    const GRADIENTS: &'static [(usize, usize)] = <Plain<R> as Variant<T>>::GRADIENTS;
    const OUTPUT: (usize, usize) = <Plain<R> as Variant<T>>::OUTPUT;
    const DIFFERENTIABLE: bool = false; // as those of slices, whose bits these have
    const CHECKED: bool = false;

    fn cases() -> Vec<Self> {
        rates().map(|rate| Self(R::dropout(rate))).collect()
    }

    fn example() -> Self {
        Self(R::dropout(DropRate::new(0.3).expect("a probability")))
    }

    fn parameters(&self) -> String {
        format!("threshold {} elements {N}", self.0.rate().threshold())
    }

    fn of_rate(_: DropRate, _: usize) -> Option<Self> {
        None
    }

    fn with_backend(self, backend: Backend) -> Self {
        Self(self.0.with_backend(backend))
    }

    fn lengths(&self) -> Vec<usize> {
        vec![N; 4]
    }

    fn mask_bits(&self) -> usize {
        N
    }

    fn ways() -> Vec<Way<Self, T>> {
        fn way<T: Number, R: Of<T>>(
            pass: Pass,
            masks: crate::variant::Masks,
            run: Run<Arrays<R>, T>,
        ) -> [Way<Arrays<R>, T>; 2] {
            use crate::variant::Slice::{In, Out, Over};
            let slices: [&[_]; 2] = match pass {
                Pass::Backward => [&[In(2), Out(3)], &[Over(2, 3)]],
                _ => [&[In(0), Out(1)], &[Over(0, 1)]],
            };
            slices.map(|slices| Way { form: Form { name: "an array", pass, masks, slices }, run })
        }
        use crate::variant::Masks::{Drawn, Key, KeyDrawn, Stored};
        use Pass::{Backward, Forward};
        // What has no mask is given one all the same.
        [
            way(Forward, Drawn, |v, s, mut l| {
                of_arrays!(
                    s,
                    l,
                    true,
                    |x, y, mask, l| v.0.forward_array(x, y, l.rng.draw(mask)),
                    v.0.forward_array_in_place(y, l.rng.draw(mask))
                )
            }),
            way(Forward, KeyDrawn, |v, s, mut l| {
                of_arrays!(
                    s,
                    l,
                    true,
                    |x, y, mask, l| v.0.forward_array(x, y, l.key.draw(mask)),
                    v.0.forward_array_in_place(y, l.key.draw(mask))
                )
            }),
            way(Forward, Key, |v, s, mut l| {
                of_arrays!(
                    s,
                    l,
                    false,
                    |x, y, mask, l| v.0.forward_array(x, y, l.key),
                    v.0.forward_array_in_place(y, l.key)
                )
            }),
            way(Forward, Stored, |v, s, mut l| {
                of_arrays!(
                    s,
                    l,
                    true,
                    |x, y, mask, l| v.0.forward_array(x, y, &*mask),
                    v.0.forward_array_in_place(y, &*mask)
                )
            }),
            way(Backward, Key, |v, s, mut l| {
                of_arrays!(
                    s,
                    l,
                    false,
                    |x, y, mask, l| v.0.backward_array(x, y, l.key),
                    v.0.backward_array_in_place(y, l.key)
                )
            }),
            way(Backward, Stored, |v, s, mut l| {
                of_arrays!(
                    s,
                    l,
                    true,
                    |x, y, mask, l| v.0.backward_array(x, y, &*mask),
                    v.0.backward_array_in_place(y, &*mask)
                )
            }),
            // Slices, with masks that own their words.
            way(Forward, Drawn, |v, s, mut l| {
                of_arrays!(
                    s,
                    l,
                    true,
                    |x, y, mask, l| fits(v.0.forward(x, y, l.rng.draw(mask))),
                    fits(v.0.forward_in_place(y, l.rng.draw(mask)))
                )
            }),
            way(Forward, Stored, |v, s, mut l| {
                of_arrays!(
                    s,
                    l,
                    true,
                    |x, y, mask, l| fits(v.0.forward(x, y, &*mask)),
                    fits(v.0.forward_in_place(y, &*mask))
                )
            }),
            way(Backward, Stored, |v, s, mut l| {
                of_arrays!(
                    s,
                    l,
                    true,
                    |x, y, mask, l| fits(v.0.backward(x, y, &*mask)),
                    fits(v.0.backward_in_place(y, &*mask))
                )
            }),
            way(Pass::Infer, crate::variant::Masks::None, |v, s, mut l| {
                of_arrays!(
                    s,
                    l,
                    false,
                    |x, y, mask, l| v.0.infer_array(x, y),
                    v.0.infer_in_place(y)
                )
            }),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    fn drawn(&self, reference: &mut Reference) -> Vec<bool> {
        reference.mask(self.0.rate().threshold(), N)
    }

    fn formula(&self, given: &Given<'_>, variables: &mut [Vec<T>]) {
        by_rule::<T, R>(self.0.rate().threshold(), given, given.keep, variables);
    }

    fn copies(&self, given: &Given<'_>) -> bool {
        copies::<R>(self.0.rate().threshold(), given)
    }
}

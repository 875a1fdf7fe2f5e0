//! Every linear variant as a map with its adjoint, from its ways: which of them serves is drawn
//! too.

use std::rc::Rc;

use dropout_kernels::{
    Alpha, Backend, Classic, DropKey, DropRate, GaussianDropout, Inverted, MaskMut, MaskRng,
    mask_words,
};
use dropout_reference::number::Real;
use dropout_reference::rules::{Formula as _, Of};
use dropout_reference::subject::{Case, Subject, case};
use dropout_reference::suite;
use dropout_reference::variant::{Form, Masks, Pass};
use dropout_reference::variants::{
    Blocks, Heads, Locked, Noise, Over, Paths, Plain, Weights, Words, Zones,
};

/// The most elements of a tensor, and bits of a mask.
pub(crate) const MOST: usize = 1200;

/// What a variant is made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting {
    pub(crate) rate: DropRate,
    pub(crate) seed: u64,
    pub(crate) stream: u64,
    /// Groups, repeat, width, run: at most [`MOST`] elements.
    pub(crate) extents: [usize; 4],
}

type Linear<T> = Box<dyn Fn(&[T]) -> Vec<T>>;

/// A linear map and its adjoint.
pub(crate) struct Map<T> {
    pub(crate) name: &'static str,
    /// Elements before and after.
    pub(crate) shape: [usize; 2],
    pub(crate) forward: Linear<T>,
    pub(crate) backward: Linear<T>,
    pub(crate) kind: Kind,
}

/// How a map computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Each element times a factor of its own.
    Diagonal,
    /// Sums of elements, each of them times the scale of the rate.
    Scaled,
    /// Elements as they are, or sums of them.
    Unscaled,
}

impl Setting {
    pub(crate) fn rng(self) -> MaskRng {
        MaskRng::new(self.seed, self.stream)
    }

    /// The mask of a variant at (seed, stream).
    fn drawn<T>(self, variant: &dyn Subject<T>) -> Vec<u32> {
        let keep = suite::Drawn::of(variant, (self.seed, self.stream)).keep;
        dropout_reference::stream::pack(&keep)
    }

    /// A mask that keeps one of each two neighbours.
    fn halves(self, bits: usize) -> Vec<u32> {
        let mut words = vec![0; mask_words(bits)];
        let mask = MaskMut::new(&mut words, bits).expect("mask_words(n) words");
        self.rng().fill(self.rate, mask);
        for word in &mut words {
            *word = *word & 0x5555_5555 | (!*word & 0x5555_5555) << 1;
        }
        words
    }
}

/// A small integer at each index, of either sign.
pub(crate) fn integers<T: Real>(n: usize, seed: u64) -> Vec<T> {
    let mut state = seed;
    let next = |_| {
        state = state.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(1);
        T::of(f64::from((state >> 40) as i32 % 15 - 7))
    };
    (0..n).map(next).collect()
}

/// Runs one of the ways that fit.
fn run<T: Real>(
    variant: &dyn Subject<T>,
    s: Setting,
    words: &[u32],
    variables: &mut [Vec<T>],
    fits: impl Fn(&Form) -> bool,
) {
    let forms = variant.forms();
    let fitting: Vec<_> = (0..forms.len()).filter(|way| fits(&forms[*way])).collect();
    let way = fitting[s.seed as usize % fitting.len()];
    suite::run(variant, way, variables, &mut words.to_vec(), (s.seed, s.stream));
}

/// A variant as a map of its inputs, those of `which`, by the mask `words`. Other inputs are
/// integers where products are summed, else zeros.
fn map<T: Real>(
    name: &'static str,
    kind: Kind,
    variant: Case<T>,
    s: Setting,
    which: &'static [usize],
    words: Vec<u32>,
) -> Map<T> {
    let is_drawn = words == s.drawn(&*variant);
    let (constants, lengths) = (variant.constants(), variant.lengths());
    let inputs = move || which.iter().map(move |i| constants.gradients[*i]);
    let from = inputs().map(|(input, _)| lengths[input]).sum();
    let start: Vec<Vec<T>> = lengths
        .iter()
        .enumerate()
        .map(
            |(v, n)| {
                if constants.sums { integers(*n, s.seed ^ v as u64) } else { vec![T::ZERO; *n] }
            },
        )
        .collect();
    let allowed = move |masks: Masks| is_drawn || masks == Masks::Stored;
    let (there, at) = (Rc::<dyn Subject<T>>::from(variant), start.clone());
    let back = Rc::clone(&there);
    let words_back = words.clone();
    Map {
        name,
        shape: [from, lengths[constants.output.0]],
        forward: Box::new(move |x| {
            let (mut variables, mut x) = (at.clone(), x);
            for (input, _) in inputs() {
                let (part, rest) = x.split_at(variables[input].len());
                variables[input].copy_from_slice(part);
                x = rest;
            }
            run(&*there, s, &words, &mut variables, |form| {
                form.pass == Pass::Forward && form.writes(constants.output.0) && allowed(form.masks)
            });
            variables.swap_remove(constants.output.0)
        }),
        backward: Box::new(move |dy| {
            let mut variables = start.clone();
            let mut all = vec![];
            for (_, gradient) in inputs() {
                variables[constants.output.1].copy_from_slice(dy);
                variables[gradient].fill(T::ZERO);
                run(&*back, s, &words_back, &mut variables, |form| {
                    form.pass == Pass::Backward && form.writes(gradient) && allowed(form.masks)
                });
                all.extend_from_slice(&variables[gradient]);
            }
            all
        }),
        kind,
    }
}

/// The gradient of a rule as a map, by two of its ways: forward is not linear.
fn gradient<T: Real, R: Of<T> + 'static>(
    name: &'static str,
    rate: DropRate,
    backend: Backend,
    s: Setting,
) -> Map<T> {
    let variant = Plain { dropout: R::dropout(rate).with_backend(backend), n: elements(s) };
    let words = s.drawn(&*case::<T, _>(variant.clone()));
    let map = map(name, Kind::Diagonal, case(variant.clone()), s, &[0], words.clone());
    let variant = case(variant);
    let forward = move |x: &[T]| {
        let mut variables: Vec<_> = vec![x.to_vec(); 4];
        run(&*variant, s, &words, &mut variables, |form| {
            form.pass == Pass::Backward && form.masks == Masks::Key
        });
        variables.swap_remove(3)
    };
    Map { forward: Box::new(forward), ..map }
}

fn elements(s: Setting) -> usize {
    s.extents.iter().product()
}

/// All of them, by one backend.
pub(crate) fn maps<T: Real>(backend: Backend, s: Setting) -> Vec<Map<T>> {
    let Setting { rate, extents, .. } = s;
    let [a, b, c, d] = extents;
    let n = elements(s);
    let mut maps = vec![];
    macro_rules! add {
        ($name:literal, $kind:ident, $variant:expr) => {
            add!($name, $kind, $variant, [0])
        };
        ($name:literal, $kind:ident, $variant:expr, $which:tt) => {{
            let variant = case::<T, _>($variant).on(backend);
            let words = s.drawn(&*variant);
            maps.push(map($name, Kind::$kind, variant, s, &$which, words));
        }};
    }
    add!("inverted", Diagonal, Plain { dropout: Inverted::dropout(rate), n });
    add!("classic", Diagonal, Plain { dropout: Classic::dropout(rate), n });
    maps.push(gradient::<T, Alpha>("alpha's gradient", rate, backend, s));
    maps.push(gradient::<T, DropKey>("DropKey's gradient", rate, backend, s));
    let (batch, units) = if n > 1025 { (1, 1025) } else { (1, n) };
    add!("locked", Diagonal, Locked { dropout: Inverted::dropout(rate), batch, units });
    add!("over a layout", Diagonal, Over::<Inverted>::new(rate, extents));
    add!("classic over a layout", Diagonal, Over::<Classic>::new(rate, extents));
    add!("a path's branch", Diagonal, Paths::<Inverted>::new(rate, a, n / a));
    add!("DropBlock, shared", Diagonal, Blocks::new(rate, (2, a, b, &[c, d]), true));
    add!("DropHead", Diagonal, Heads::new(rate, extents));
    // Twice the maps, twice the heads: even numbers of which to keep half.
    let blocks = Blocks::new(rate, (2, 2 * a, b, &[c, d]), false);
    let blocks = case::<T, _>(blocks).on(backend);
    let half = s.halves(2 * n);
    maps.push(map("DropBlock that keeps half", Kind::Diagonal, blocks, s, &[0], half));
    let heads = case::<T, _>(Heads::new(rate, [a, b, 2 * c, d])).on(backend);
    let half = s.halves(2 * a * c);
    maps.push(map("DropHead that keeps half", Kind::Diagonal, heads, s, &[0], half));
    // None at p = 1.
    if let Ok(noise) = GaussianDropout::new(rate) {
        add!("Gaussian", Diagonal, Noise { noise, n });
    }
    let zoneout = dropout_kernels::Zoneout::new(rate);
    add!("zoneout", Unscaled, Zones { zoneout, n: n / 2 }, [0, 1]);
    let text = integers::<f64>(a * b + 1, s.seed).into_iter();
    let text = text.map(|i| (i + 7.0) as u32 % c as u32).collect();
    add!("embedding", Scaled, Words::<Inverted>::of_text(rate, c, d, text));
    // Forward as a map of x, and as one of W.
    add!("DropConnect of x", Scaled, Weights::<Inverted>::new(rate, a * b, c, 2), [0]);
    add!("DropConnect of W", Scaled, Weights::<Inverted>::new(rate, a * b, c, 2), [1]);
    maps
}

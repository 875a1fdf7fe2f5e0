//! Every linear variant as a map with its adjoint, from its ways: which of them serves is drawn
//! too.

use dropout_kernels::{
    Alpha, Backend, Classic, DropKey, DropRate, GaussianDropout, Inverted, MaskMut, MaskRng,
    mask_words,
};
use dropout_reference::number::Number;
use dropout_reference::rules::Formula;
use dropout_reference::suite;
use dropout_reference::variant::{Masks, Pass, Slice, Variant};
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
    fn drawn<T: Number, V: Variant<T>>(self, variant: &V) -> Vec<u32> {
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
pub(crate) fn integers<T: Number>(n: usize, seed: u64) -> Vec<T> {
    let mut state = seed;
    let next = |_| {
        state = state.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(1);
        T::of(f64::from((state >> 40) as i32 % 15 - 7))
    };
    (0..n).map(next).collect()
}

/// Runs the first of the ways from `from` on that fits.
fn run<T: Number, V: Variant<T>>(
    variant: &V,
    s: Setting,
    words: &[u32],
    variables: &mut [Vec<T>],
    fits: impl Fn(Pass, &[Slice], Masks) -> bool,
) {
    let ways = V::ways();
    let fitting: Vec<_> = ways.iter().filter(|way| fits(way.pass, way.slices, way.masks)).collect();
    let way = fitting[s.seed as usize % fitting.len()];
    suite::run(variant, way, variables, &mut words.to_vec(), (s.seed, s.stream));
}

fn writes(slices: &[Slice], variable: usize) -> bool {
    slices.iter().any(|s| s.after() == variable && !matches!(s, Slice::In(_)))
}

/// A variant as a map of its inputs, those of `which`, by the mask `words`. Other inputs are
/// integers where products are summed, else zeros.
fn map<T: Number, V: Variant<T> + 'static>(
    name: &'static str,
    kind: Kind,
    variant: V,
    s: Setting,
    which: &'static [usize],
    words: Vec<u32>,
) -> Map<T> {
    let is_drawn = words == s.drawn(&variant);
    let lengths = variant.lengths();
    let inputs = || which.iter().map(|i| V::GRADIENTS[*i]);
    let from = inputs().map(|(input, _)| lengths[input]).sum();
    let start: Vec<Vec<T>> = lengths
        .iter()
        .enumerate()
        .map(|(v, n)| if V::SUMS { integers(*n, s.seed ^ v as u64) } else { vec![T::ZERO; *n] })
        .collect();
    let allowed = move |masks: Masks| is_drawn || masks == Masks::Stored;
    let (there, back, at) = (variant.clone(), variant, start.clone());
    let words_back = words.clone();
    Map {
        name,
        shape: [from, lengths[V::OUTPUT.0]],
        forward: Box::new(move |x| {
            let (mut variables, mut x) = (at.clone(), x);
            for (input, _) in inputs() {
                let (part, rest) = x.split_at(variables[input].len());
                variables[input].copy_from_slice(part);
                x = rest;
            }
            run(&there, s, &words, &mut variables, |pass, slices, masks| {
                pass == Pass::Forward && writes(slices, V::OUTPUT.0) && allowed(masks)
            });
            variables.swap_remove(V::OUTPUT.0)
        }),
        backward: Box::new(move |dy| {
            let mut variables = start.clone();
            let mut all = vec![];
            for (_, gradient) in inputs() {
                variables[V::OUTPUT.1].copy_from_slice(dy);
                variables[gradient].fill(T::ZERO);
                run(&back, s, &words_back, &mut variables, |pass, slices, masks| {
                    pass == Pass::Backward && writes(slices, gradient) && allowed(masks)
                });
                all.extend_from_slice(&variables[gradient]);
            }
            all
        }),
        kind,
    }
}

/// The gradient of a rule as a map, by two of its ways: forward is not linear.
fn gradient<T: Number, R: Formula + 'static>(
    name: &'static str,
    rate: DropRate,
    backend: Backend,
    s: Setting,
) -> Map<T> {
    let variant = Plain { dropout: R::dropout(rate).with_backend(backend), n: elements(s) };
    let map = map(name, Kind::Diagonal, variant.clone(), s, &[0], s.drawn::<T, _>(&variant));
    let words = s.drawn::<T, _>(&variant);
    let forward = move |x: &[T]| {
        let mut variables: Vec<_> = vec![x.to_vec(); 4];
        run(&variant, s, &words, &mut variables, |pass, _, masks| {
            pass == Pass::Backward && masks == Masks::Key
        });
        variables.swap_remove(3)
    };
    Map { forward: Box::new(forward), ..map }
}

fn elements(s: Setting) -> usize {
    s.extents.iter().product()
}

/// All of them, by one backend.
pub(crate) fn maps<T: Number>(backend: Backend, s: Setting) -> Vec<Map<T>> {
    let Setting { rate, extents, .. } = s;
    let [a, b, c, d] = extents;
    let n = elements(s);
    let mut maps = vec![];
    macro_rules! add {
        ($name:literal, $kind:ident, $variant:expr) => {
            add!($name, $kind, $variant, [0])
        };
        ($name:literal, $kind:ident, $variant:expr, $which:tt) => {{
            let variant = Variant::<T>::with_backend($variant, backend);
            let words = s.drawn::<T, _>(&variant);
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
    let blocks = Variant::<T>::with_backend(blocks, backend);
    let half = s.halves(2 * n);
    maps.push(map("DropBlock that keeps half", Kind::Diagonal, blocks, s, &[0], half));
    let heads = Variant::<T>::with_backend(Heads::new(rate, [a, b, 2 * c, d]), backend);
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

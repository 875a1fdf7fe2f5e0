//! A variant called in one of its ways, on every backend, against what is expected of it.

use arbitrary::Arbitrary;
use dropout_kernels::{
    Backend, DropBlock, DropHead, Dropout, GaussianDropout, Layout, Mask, MaskKey, MaskMut,
    MaskRng, Rule, ShapeError, mask_words,
};

use crate::exact::{Exact, assert_alike};
use crate::input::{Misfit, Values, Words, flags};
use crate::support::number::Number;
use crate::support::reference::{Reference, pack};

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Way {
    Forward,
    Replay,
    Masked,
    Backward,
    BackwardReplay,
    Infer,
}

use Way::{Backward, BackwardReplay, Forward, Infer, Masked, Replay};

impl Way {
    pub fn is_gradient(self) -> bool {
        matches!(self, Backward | BackwardReplay)
    }

    fn draws(self) -> bool {
        matches!(self, Forward | Replay | BackwardReplay)
    }
}

/// What a way is given; in place there is no x.
pub struct Slices<'a, T> {
    x: Option<&'a [T]>,
    y: &'a mut [T],
    mask: MaskMut<'a>,
    rng: &'a mut MaskRng,
    at: (u64, u64),
}

pub trait Variant<T> {
    const WAYS: &'static [Way];
    /// Whether it knows the number of elements, and not only that all slices have the same.
    const SHAPED: bool;
    /// The ways that take a mask.
    const MASKED: &'static [Way] = &[Forward, Masked, Backward];
    /// The ways that move the generator.
    const MOVING: &'static [Way] = &[Forward];

    fn run(&self, way: Way, slices: Slices<'_, T>) -> Result<(), ShapeError>;
}

macro_rules! by_mask {
    ($variant:expr, $way:expr, $slices:expr) => {{
        let Slices { x, y, mask, rng, .. } = $slices;
        match ($way, x) {
            (Forward, Some(x)) => $variant.forward(x, y, rng.draw(mask)),
            (Forward, None) => $variant.forward_in_place(y, rng.draw(mask)),
            (Masked, Some(x)) => $variant.forward(x, y, mask.as_ref()),
            (Masked, None) => $variant.forward_in_place(y, mask.as_ref()),
            (_, Some(x)) => $variant.backward(x, y, mask.as_ref()),
            (_, None) => $variant.backward_in_place(y, mask.as_ref()),
        }
    }};
}

macro_rules! by_name {
    ($variant:expr, $way:expr, $slices:expr) => {{
        let Slices { x, y, at: (seed, stream), .. } = $slices;
        match ($way, x) {
            (Replay, Some(x)) => $variant.forward(x, y, MaskKey::new(seed, stream)),
            (Replay, None) => $variant.forward_in_place(y, MaskKey::new(seed, stream)),
            (_, Some(x)) => $variant.backward(x, y, MaskKey::new(seed, stream)),
            (_, None) => $variant.backward_in_place(y, MaskKey::new(seed, stream)),
        }
    }};
}

impl<T: Number, R: Rule> Variant<T> for Dropout<R> {
    const WAYS: &'static [Way] = &[Forward, Replay, Masked, Backward, BackwardReplay, Infer];
    const SHAPED: bool = false;

    fn run(&self, way: Way, slices: Slices<'_, T>) -> Result<(), ShapeError> {
        match (way, slices.x) {
            (Replay | BackwardReplay, _) => by_name!(self, way, slices),
            (Infer, Some(x)) => self.infer(x, slices.y),
            (Infer, None) => {
                self.infer_in_place(slices.y);
                Ok(())
            }
            _ => by_mask!(self, way, slices),
        }
    }
}

/// Dropout over arrays of `N` elements, whose lengths are checked when it is compiled, and not here.
pub struct Arrays<R>(pub Dropout<R>);

pub const N: usize = 33;

impl<T: Number, R: Rule> Variant<T> for Arrays<R> {
    const WAYS: &'static [Way] = <Dropout<R> as Variant<T>>::WAYS;
    const SHAPED: bool = true;

    fn run(&self, way: Way, slices: Slices<'_, T>) -> Result<(), ShapeError> {
        let Slices { x, y, mut mask, rng, at: (seed, stream) } = slices;
        let other = ShapeError::OtherElements { expected: N, given: y.len() };
        let y: &mut [T; N] = y.try_into().map_err(|_| other)?;
        let x: Option<&[T; N]> = x.map(|x| x.try_into().map_err(|_| other)).transpose()?;
        if mask.len() != N && matches!(way, Forward | Masked | Backward) {
            return Err(other);
        }
        let words = mask.as_ref().words().try_into().unwrap_or_default();
        let mut owned = Mask::<{ mask_words(N) }>::from_words(words);
        match (way, x) {
            (Forward, Some(x)) => self.0.forward_array(x, y, rng.draw(&mut owned)),
            (Forward, None) => self.0.forward_array_in_place(y, rng.draw(&mut owned)),
            (Replay, Some(x)) => self.0.forward_array(x, y, MaskKey::new(seed, stream)),
            (Replay, None) => self.0.forward_array_in_place(y, MaskKey::new(seed, stream)),
            (Masked, Some(x)) => self.0.forward_array(x, y, &owned),
            (Masked, None) => self.0.forward_array_in_place(y, &owned),
            (Backward, Some(x)) => self.0.backward_array(x, y, &owned),
            (Backward, None) => self.0.backward_array_in_place(y, &owned),
            (BackwardReplay, Some(x)) => self.0.backward_array(x, y, MaskKey::new(seed, stream)),
            (BackwardReplay, None) => self.0.backward_array_in_place(y, MaskKey::new(seed, stream)),
            (Infer, Some(x)) => self.0.infer_array(x, y),
            (Infer, None) => self.0.infer_in_place(y),
        }
        if way == Forward { mask.copy_from(owned.view(N)?) } else { Ok(()) }
    }
}

/// What has a layout, so that a length can be wrong for a replay too.
macro_rules! with_layout {
    ([$($generics:tt)*] $variant:ty) => {
        impl<T: Number, $($generics)*> Variant<T> for $variant {
            const WAYS: &'static [Way] = &[Forward, Replay, Masked, Backward, BackwardReplay];
            const SHAPED: bool = true;

            fn run(&self, way: Way, slices: Slices<'_, T>) -> Result<(), ShapeError> {
                match way {
                    Replay | BackwardReplay => by_name!(self, way, slices),
                    _ => by_mask!(self, way, slices),
                }
            }
        }
    };
}

with_layout!([R: Rule] Dropout<R, Layout>);
with_layout!([] DropHead);

impl<T: Number> Variant<T> for DropBlock {
    const WAYS: &'static [Way] = &[Forward, Masked, Backward];
    const SHAPED: bool = true;

    fn run(&self, way: Way, slices: Slices<'_, T>) -> Result<(), ShapeError> {
        by_mask!(self, way, slices)
    }
}

impl<T: Number> Variant<T> for GaussianDropout {
    const WAYS: &'static [Way] = &[Forward, Replay, Backward, BackwardReplay, Infer];
    const SHAPED: bool = false;
    const MASKED: &'static [Way] = &[];
    const MOVING: &'static [Way] = &[Forward, Backward];

    fn run(&self, way: Way, slices: Slices<'_, T>) -> Result<(), ShapeError> {
        let Slices { x, y, rng, at: (seed, stream), .. } = slices;
        let key = MaskKey::new(seed, stream);
        match (way, x) {
            (Forward, Some(x)) => self.forward(x, y, rng),
            (Forward, None) => {
                self.forward_in_place(y, rng);
                Ok(())
            }
            (Backward, Some(x)) => self.backward(x, y, rng),
            (Backward, None) => {
                self.backward_in_place(y, rng);
                Ok(())
            }
            (Infer, Some(x)) => self.infer(x, y),
            // Nothing is left to do.
            (Infer, None) => Ok(()),
            (_, Some(x)) => self.forward(x, y, key),
            (_, None) => {
                self.forward_in_place(y, key);
                Ok(())
            }
        }
    }
}

#[derive(Arbitrary, Debug)]
pub struct Call {
    way: u8,
    in_place: bool,
    offset: u8,
    pub at: (u64, u64),
    words: Words,
    misfit: Misfit,
}

/// What is called, and on what.
pub struct Trial<'a> {
    pub call: &'a Call,
    /// The generator that the call is given, and that its (seed, stream) names.
    pub start: &'a Reference,
    pub values: Values,
    pub elements: usize,
    pub bits: usize,
    /// Whether p = 0, and what is drawn has the bits of x.
    pub keeps_all: bool,
    /// Whether kept elements are copied, to the bits of a NaN.
    pub copies: bool,
}

impl Trial<'_> {
    /// `draw` moves the reference as the variant does its generator, and gives the mask; `expected` is what a way makes
    /// of x by a mask.
    pub fn check<T: Number, V: Variant<T>>(
        &self,
        variant: impl Fn(Backend) -> V,
        draw: impl FnOnce(&mut Reference) -> Vec<bool>,
        expected: impl FnOnce(Way, &[bool], &[T]) -> Vec<T>,
    ) {
        let Call { at, in_place, ref words, .. } = *self.call;
        let way = V::WAYS[usize::from(self.call.way) % V::WAYS.len()];
        let ([x_len, y_len, mask_len], fits) = self.lengths::<T, V>(way);
        let offset = usize::from(self.call.offset % 16);
        let x: Vec<T> = self.values.get(x_len);
        let before = if in_place { self.values.get(y_len) } else { vec![T::GUARD; y_len] };
        let words = words.get(mask_words(mask_len));

        let (mut y, mut words_after, mut rng_after) =
            (before.clone(), words.clone(), self.start.clone());
        if fits {
            let mut moved = self.start.clone();
            let moving = V::MOVING.contains(&way);
            let keep =
                if moving || way.draws() { draw(&mut moved) } else { flags(&words, mask_len) };
            y = if way.draws() && self.keeps_all { x.clone() } else { expected(way, &keep, &x) };
            if moving {
                rng_after = moved;
                words_after = if V::MASKED.contains(&way) { pack(&keep) } else { words_after };
            }
        }
        let rng_after = rng_after.to_bytes();

        let mut x = Exact::new(&x, offset, T::GUARD);
        for backend in Backend::available() {
            let mut target = Exact::new(&before, offset, T::GUARD);
            let mut mask = Exact::new(&words, offset, 0xDEAD_BEEF);
            let mut rng = MaskRng::from_bytes(&self.start.to_bytes()).expect("no lane is zero");
            let slices = Slices {
                x: (!in_place).then_some(&*x.slice()),
                y: target.slice(),
                mask: MaskMut::new(mask.slice(), mask_len).expect("as many words as it takes"),
                rng: &mut rng,
                at,
            };
            let result = variant(backend).run(way, slices);
            let told = (backend, way, in_place);
            assert_eq!(result.is_ok(), fits, "{told:?} {result:?}");
            assert_alike(target.slice(), &y, self.copies || !fits, told);
            assert_eq!(mask.slice(), words_after, "{told:?}");
            assert!(rng.to_bytes() == rng_after, "{told:?}: generator");
            assert!(target.intact(|a, b| a.bits() == b.bits()), "{told:?}: before y");
            assert!(mask.intact(|a, b| a == b), "{told:?}: before the mask");
        }
    }

    /// Lengths of x, y and the mask, and whether they fit.
    fn lengths<T: Number, V: Variant<T>>(&self, way: Way) -> ([usize; 3], bool) {
        let right = [self.elements, self.elements, self.bits];
        let [x, y, mask] = self.call.misfit.among(right);
        let elements = if V::SHAPED { self.elements } else { y };
        let bits = if V::SHAPED { self.bits } else { y };
        let masks = !V::MASKED.contains(&way) || mask == bits;
        if (self.call.in_place || x == y) && y == elements && masks {
            (right, true)
        } else {
            ([x, y, mask], false)
        }
    }
}

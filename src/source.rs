//! Where masks come from: what the verbs take.

use crate::error::ShapeError;
use crate::isa::Available;
use crate::key::MaskKey;
use crate::lanes::Lanes;
use crate::mask::{Mask, MaskMut, MaskRef, MaskWindow};
use crate::rng::MaskRng;

/// Where forward takes its mask from.
///
/// | | what happens | memory |
/// |---|---|---|
/// | [`rng.draw(&mut mask)`](MaskRng::draw), [`key.draw(&mut mask)`](MaskKey::draw) | a mask is drawn, stored and applied | n / 8 bytes |
/// | a [`MaskKey`] | the mask of this name is drawn, applied and forgotten | none |
/// | `&mask`, a `&`[`Mask`] or a [`MaskRef`], or bits of it, a [`MaskWindow`] | the mask is applied as it is | n / 8 bytes |
///
/// A [`Mask`] must have exactly [`mask_words(bits)`](crate::mask_words) words; of a longer one pass
/// [`mask.view(bits)?`](Mask::view). A view must have exactly as many bits.
///
/// Sealed.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no source of masks",
    note = "a mask comes from `rng.draw(&mut mask)`, `key.draw(&mut mask)`, a `MaskKey`, `&mask` or a `MaskRef`"
)]
pub trait MaskSource: Visits {}

/// Where backward takes its mask from: a [`MaskKey`], or a stored mask. A key draws again what
/// forward drew; nothing new is drawn.
///
/// Sealed.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no mask that forward has used",
    note = "backward takes forward's `MaskKey`, or the stored mask: `&mask` or a `MaskRef`"
)]
pub trait KnownMask: MaskSource + Copy {}

/// A mask that is in memory, or that is drawn into memory: every [`MaskSource`] but a bare key, for
/// variants that need all of a mask at a time.
///
/// Sealed.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no mask in memory, and this variant needs all of a mask at a time",
    note = "of a key take `key.draw(&mut mask)`"
)]
pub trait StoredSource: MaskSource + VisitsStored {}

/// A mask in memory: `&mask`, of a [`Mask`], or a [`MaskRef`].
///
/// Sealed.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no mask in memory",
    note = "take `&mask` or a `MaskRef`: the mask that forward stored"
)]
pub trait StoredMask: KnownMask + StoredSource + Stored {}

/// What random numbers come from: `&mut rng`, a [`MaskRng`], or a [`MaskKey`].
///
/// Sealed.
pub trait RandomSource: Lends {}

/// Where a drawn mask is stored: `&mut mask`, of a [`Mask`], or a [`MaskMut`]
/// ([`reborrow`](MaskMut::reborrow) keeps it).
///
/// Sealed.
pub trait MaskStore: Stores {}

/// A mask that will be drawn, stored and applied: made by [`MaskRng::draw`] and [`MaskKey::draw`].
#[derive(Debug)]
#[must_use = "nothing is drawn before forward takes it"]
pub struct Draw<G, M> {
    source: G,
    mask: M,
}

impl MaskRng {
    /// The next mask of this generator, to be drawn into `mask` by the forward function that takes
    /// it.
    pub const fn draw<M: MaskStore>(&mut self, mask: M) -> Draw<&mut Self, M> {
        Draw { source: self, mask }
    }
}

impl MaskKey {
    /// The mask of this key, to be drawn into `mask` by the forward function that takes it.
    pub const fn draw<M: MaskStore>(self, mask: M) -> Draw<Self, M> {
        Draw { source: self, mask }
    }
}

impl<G: RandomSource, M: MaskStore> Draw<G, M> {
    /// The source, and the mask of `bits` bits to draw into.
    pub(crate) fn draw_with(
        mut self,
        bits: usize,
        draw: impl FnOnce(G, MaskMut<'_>),
    ) -> Result<(), ShapeError> {
        draw(self.source, self.mask.fit(bits)?);
        Ok(())
    }
}

pub trait Lends: Sized {
    /// Lends lanes of which the first `words` are seeded.
    fn with_lanes<R>(self, backend: Available, words: usize, f: impl FnOnce(&mut Lanes) -> R) -> R;
}

impl RandomSource for &mut MaskRng {}

impl Lends for &mut MaskRng {
    #[inline]
    fn with_lanes<R>(self, _: Available, _: usize, f: impl FnOnce(&mut Lanes) -> R) -> R {
        f(&mut self.lanes)
    }
}

impl RandomSource for MaskKey {}

impl Lends for MaskKey {
    #[inline]
    fn with_lanes<R>(self, backend: Available, words: usize, f: impl FnOnce(&mut Lanes) -> R) -> R {
        let mut lanes = Lanes::EMPTY;
        backend.seed(&mut lanes, self, words);
        f(&mut lanes)
    }
}

pub trait Stores {
    /// A mask of `bits` bits to write.
    fn fit(&mut self, bits: usize) -> Result<MaskMut<'_>, ShapeError>;
}

impl MaskStore for MaskMut<'_> {}

impl Stores for MaskMut<'_> {
    fn fit(&mut self, bits: usize) -> Result<MaskMut<'_>, ShapeError> {
        self.as_ref().check_len(bits)?;
        Ok(self.reborrow())
    }
}

impl<const WORDS: usize> MaskStore for &mut Mask<WORDS> {}

impl<const WORDS: usize> Stores for &mut Mask<WORDS> {
    fn fit(&mut self, bits: usize) -> Result<MaskMut<'_>, ShapeError> {
        self.exact_mut(bits)
    }
}

pub trait Stored: Copy {
    /// A mask of `bits` bits.
    fn fit(&self, bits: usize) -> Result<MaskRef<'_>, ShapeError>;
}

impl Stored for MaskRef<'_> {
    fn fit(&self, bits: usize) -> Result<MaskRef<'_>, ShapeError> {
        self.check_len(bits)?;
        Ok(*self)
    }
}

impl<const WORDS: usize> Stored for &Mask<WORDS> {
    fn fit(&self, bits: usize) -> Result<MaskRef<'_>, ShapeError> {
        self.exact(bits)
    }
}

/// What a verb does by a mask that is in memory, or drawn into it.
pub trait VisitStored: Sized {
    type Output;

    fn apply(self, mask: MaskRef<'_>) -> Self::Output;
    fn draw(self, source: impl RandomSource, mask: MaskMut<'_>) -> Self::Output;
}

/// A verb that needs all of a mask in memory: `fill` makes it where it is drawn, `then` goes on
/// with it.
pub(crate) struct Then<P, F> {
    pub(crate) fill: P,
    /// Is told whether the mask was drawn for it.
    pub(crate) then: F,
}

impl<R, F: FnOnce(MaskRef<'_>, bool) -> R, P: Fills> VisitStored for Then<P, F> {
    type Output = R;

    #[inline]
    fn apply(self, mask: MaskRef<'_>) -> R {
        (self.then)(mask, false)
    }

    #[inline]
    fn draw(self, source: impl RandomSource, mut mask: MaskMut<'_>) -> R {
        self.fill.fill(source, mask.reborrow());
        (self.then)(mask.as_ref(), true)
    }
}

/// Who makes masks.
pub(crate) trait Fills {
    fn fill(&self, source: impl RandomSource, mask: MaskMut<'_>);
}

/// What a verb does by each source.
pub trait Visit: VisitStored {
    fn apply_window(self, window: MaskWindow<'_>) -> Self::Output;
    fn replay(self, key: MaskKey) -> Self::Output;
}

pub trait VisitsStored: Sized {
    fn visit_stored<V: VisitStored>(self, bits: usize, verb: V) -> Result<V::Output, ShapeError>;
}

pub trait Visits: Sized {
    /// Calls the verb's function for this source, with a mask of `bits` bits; if it does not have
    /// them, nothing happens.
    fn visit<V: Visit>(self, bits: usize, verb: V) -> Result<V::Output, ShapeError>;
}

impl MaskSource for MaskKey {}
impl KnownMask for MaskKey {}

impl Visits for MaskKey {
    #[inline]
    fn visit<V: Visit>(self, _: usize, verb: V) -> Result<V::Output, ShapeError> {
        Ok(verb.replay(self))
    }
}

macro_rules! stored {
    ($(($($generic:tt)*) $source:ty;)*) => {$(
        impl<$($generic)*> MaskSource for $source {}
        impl<$($generic)*> KnownMask for $source {}
        impl<$($generic)*> StoredSource for $source {}
        impl<$($generic)*> StoredMask for $source {}

        impl<$($generic)*> VisitsStored for $source {
            #[cfg_attr(not(target_os = "none"), inline(always))]
            #[cfg_attr(target_os = "none", inline)]
            fn visit_stored<V: VisitStored>(
                self,
                bits: usize,
                verb: V,
            ) -> Result<V::Output, ShapeError> {
                Ok(verb.apply(Stored::fit(&self, bits)?))
            }
        }

        impl<$($generic)*> Visits for $source {
            #[cfg_attr(not(target_os = "none"), inline(always))]
            #[cfg_attr(target_os = "none", inline)]
            fn visit<V: Visit>(self, bits: usize, verb: V) -> Result<V::Output, ShapeError> {
                self.visit_stored(bits, verb)
            }
        }
    )*};
}
stored! {
    () MaskRef<'_>;
    (const WORDS: usize) &Mask<WORDS>;
}

impl MaskSource for MaskWindow<'_> {}
impl KnownMask for MaskWindow<'_> {}

impl Visits for MaskWindow<'_> {
    #[inline]
    fn visit<V: Visit>(self, bits: usize, verb: V) -> Result<V::Output, ShapeError> {
        self.check_len(bits)?;
        Ok(verb.apply_window(self))
    }
}

impl<G: RandomSource, M: MaskStore> MaskSource for Draw<G, M> {}
impl<G: RandomSource, M: MaskStore> StoredSource for Draw<G, M> {}

impl<G: RandomSource, M: MaskStore> VisitsStored for Draw<G, M> {
    #[inline]
    fn visit_stored<V: VisitStored>(
        mut self,
        bits: usize,
        verb: V,
    ) -> Result<V::Output, ShapeError> {
        Ok(verb.draw(self.source, self.mask.fit(bits)?))
    }
}

impl<G: RandomSource, M: MaskStore> Visits for Draw<G, M> {
    #[inline]
    fn visit<V: Visit>(self, bits: usize, verb: V) -> Result<V::Output, ShapeError> {
        self.visit_stored(bits, verb)
    }
}

/// A source for an array of `N` elements, whose mask has as many words as it needs: another number
/// of words does not build.
///
/// Sealed.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no source of masks for an array of {N} elements",
    note = "it takes `rng.draw(&mut mask)`, `key.draw(&mut mask)`, a `MaskKey` or `&mask`, of a `Mask`; slices take views, too"
)]
pub trait ArraySource<const N: usize>: ForArray<N> {}

/// An [`ArraySource`] for backward.
///
/// Sealed.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no mask that forward has used on an array of {N} elements",
    note = "backward takes forward's `MaskKey`, or `&mask`, of a `Mask`"
)]
pub trait KnownArrayMask<const N: usize>: ArraySource<N> {}

pub trait ForArray<const N: usize> {
    fn visit_array<V: Visit>(self, verb: V) -> V::Output;
}

impl<const N: usize> ArraySource<N> for MaskKey {}
impl<const N: usize> KnownArrayMask<N> for MaskKey {}

impl<const N: usize> ForArray<N> for MaskKey {
    #[inline]
    fn visit_array<V: Visit>(self, verb: V) -> V::Output {
        verb.replay(self)
    }
}

impl<const N: usize, const WORDS: usize> ArraySource<N> for &Mask<WORDS> {}
impl<const N: usize, const WORDS: usize> KnownArrayMask<N> for &Mask<WORDS> {}

impl<const N: usize, const WORDS: usize> ForArray<N> for &Mask<WORDS> {
    #[inline]
    fn visit_array<V: Visit>(self, verb: V) -> V::Output {
        verb.apply(self.of_array::<N>())
    }
}

impl<const N: usize, const WORDS: usize, G: RandomSource> ArraySource<N>
    for Draw<G, &mut Mask<WORDS>>
{
}

impl<const N: usize, const WORDS: usize, G: RandomSource> ForArray<N>
    for Draw<G, &mut Mask<WORDS>>
{
    #[inline]
    fn visit_array<V: Visit>(self, verb: V) -> V::Output {
        verb.draw(self.source, self.mask.of_array_mut::<N>())
    }
}

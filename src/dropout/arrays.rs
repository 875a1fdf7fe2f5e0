//! Dropout over fixed-size arrays: lengths are checked when it is compiled, so nothing can fail.
//!
//! What works in place on a slice alone cannot fail either, so it has no form here.

use super::{Dropout, Rule};
use crate::isa::Element;
use crate::kernel::op::InPlace;
use crate::key::MaskKey;
use crate::mask::Mask;
use crate::rng::MaskRng;

/// The forms for `[T; N]`. A `Mask<W>` with W other than [`mask_words(N)`](crate::mask_words) does
/// not build:
///
/// ```compile_fail
/// use dropout_kernels::{Dropout, Mask, MaskRng, drop_rate};
///
/// let mut mask = Mask::<3>::new();
/// Dropout::new(drop_rate!(0.5)).forward_array_in_place(
///     &mut [0f32; 64],
///     &mut mask,
///     &mut MaskRng::new(0, 0),
/// );
/// ```
impl<R: Rule> Dropout<R> {
    /// [`forward`](Self::forward) for arrays.
    pub fn forward_array<T: Element, const N: usize, const W: usize>(
        &self,
        x: &[T; N],
        y: &mut [T; N],
        mask: &mut Mask<W>,
        rng: &mut MaskRng,
    ) {
        self.draw(rng, mask.of_array_mut::<N>(), x.as_slice(), y);
    }

    /// [`forward_in_place`](Self::forward_in_place) for arrays.
    pub fn forward_array_in_place<T: Element, const N: usize, const W: usize>(
        &self,
        x: &mut [T; N],
        mask: &mut Mask<W>,
        rng: &mut MaskRng,
    ) {
        self.draw(rng, mask.of_array_mut::<N>(), InPlace, x);
    }

    /// [`forward_replay`](Self::forward_replay) for arrays.
    pub fn forward_replay_array<T: Element, const N: usize>(
        &self,
        x: &[T; N],
        y: &mut [T; N],
        key: MaskKey,
    ) {
        self.replay(key, x.as_slice(), y, self.forward_outcome());
    }

    /// [`forward_masked`](Self::forward_masked) for arrays.
    pub fn forward_masked_array<T: Element, const N: usize, const W: usize>(
        &self,
        x: &[T; N],
        y: &mut [T; N],
        mask: &Mask<W>,
    ) {
        self.apply(mask.of_array::<N>(), x.as_slice(), y, self.forward_outcome());
    }

    /// [`forward_masked_in_place`](Self::forward_masked_in_place) for arrays.
    pub fn forward_masked_array_in_place<T: Element, const N: usize, const W: usize>(
        &self,
        x: &mut [T; N],
        mask: &Mask<W>,
    ) {
        self.apply(mask.of_array::<N>(), InPlace, x, self.forward_outcome());
    }

    /// [`backward`](Self::backward) for arrays.
    pub fn backward_array<T: Element, const N: usize, const W: usize>(
        &self,
        dy: &[T; N],
        dx: &mut [T; N],
        mask: &Mask<W>,
    ) {
        self.apply(mask.of_array::<N>(), dy.as_slice(), dx, self.backward_outcome());
    }

    /// [`backward_in_place`](Self::backward_in_place) for arrays.
    pub fn backward_array_in_place<T: Element, const N: usize, const W: usize>(
        &self,
        dx: &mut [T; N],
        mask: &Mask<W>,
    ) {
        self.apply(mask.of_array::<N>(), InPlace, dx, self.backward_outcome());
    }

    /// [`backward_replay`](Self::backward_replay) for arrays.
    pub fn backward_replay_array<T: Element, const N: usize>(
        &self,
        dy: &[T; N],
        dx: &mut [T; N],
        key: MaskKey,
    ) {
        self.replay(key, dy.as_slice(), dx, self.backward_outcome());
    }

    /// [`infer`](Self::infer) for arrays.
    pub fn infer_array<T: Element, const N: usize>(&self, x: &[T; N], y: &mut [T; N]) {
        self.scale_for_inference(x.as_slice(), y);
    }
}

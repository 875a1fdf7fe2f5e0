//! `DropBlock`: neighbours along the spatial axes are dropped together.

mod dilate;

use crate::bits::ones;
use crate::error::ShapeError;
use crate::isa::{Backend, Element, Place, Runs};
use crate::kernel::op::{InPlace, Same, Times};
use crate::kernel::reader::Reader;
use crate::lanes::{BLOCK, LANES, Lanes};
use crate::layout::{Layout, product};
use crate::mask::{MaskMut, MaskRef, mask_words};
use crate::plan::shape::Sealed as _;
use crate::plan::{Plan, same_length};
use crate::rate::{Draws, DropRate};
use crate::source::{Fills, MaskStore, RandomSource, StoredMask, StoredSource, Then};
use dilate::{dilate, or_bits};

/// Blocks of neighbours are dropped together (Ghiasi et al. 2018, "`DropBlock`: A regularization
/// method for convolutional networks", section 3), in tensors of (batch, channels, spatial...) with
/// one to three spatial axes.
///
/// A block of extent b, clipped to the extent L of each axis, can begin at L - b + 1 places of that
/// axis. Each place where a block fits is the first corner of a dropped one with probability
///
/// gamma = p * prod(L) / (prod(b) * prod(L - b + 1)),
///
/// and with d = 0 inside of dropped blocks and 1 elsewhere, n the elements of the mask and k those
/// it keeps,
///
/// | forward | backward | inference |
/// |---|---|---|
/// | y = d * x * n / k | dx = d * dy * n / k | y = x |
///
/// and zeros where k = 0. There is no `infer`: at inference, leave it out. n and k are counted over
/// the mask of the whole batch, as torchvision does too, or over that of each sample by itself, if
/// you ask for it: [`per_sample`](Self::per_sample). The backward pass takes n / k for a constant.
/// gamma is never above p. It is computed from the [rate](DropRate) in integers and
/// rounded to the nearest multiple of 2^-40. The corner stands for the paper's centre, so that
/// blocks of an even extent need no rule of their own; the blocks are the same.
///
/// If you cut a batch into smaller ones and give each its part of the mask, the zeros stay the same
/// but n / k does not, unless it is counted per sample: each call counts its own part.
///
/// # The fraction that is dropped
///
/// Blocks overlap, and the paper's gamma does not allow for that: less than p is dropped. An
/// element that c blocks can cover is dropped with probability 1 - (1 - gamma)^c; over a map of
/// features that makes
///
/// | map | block | p = 0.05 | p = 0.1 | p = 0.2 | p = 0.3 | p = 0.5 |
/// |---|---|---|---|---|---|---|
#[doc = include_str!("fractions.md")]
///
/// At p = 1 too, some elements stay. [`seed_rate`](Self::seed_rate) tells gamma.
///
/// # The mask
///
/// One bit for each element, or for each of (batch, spatial...) where the channels
/// [share](Self::shared) it. The seeds are the elements that
/// [`MaskRng::fill`](crate::MaskRng::fill) drops of as many elements as there are places for
/// blocks, at rate gamma, in the order of (batch, channels, spatial...). All of a mask is needed at
/// a time, as its blocks overlap and its kept elements are counted; so a key alone is no source,
/// and [`key.draw(mask)`](crate::MaskKey::draw) or [`fill`](Self::fill) with a key draws a mask
/// again, on any machine.
///
/// # Cost
///
/// A draw for each place, a few operations for each row of places, then for each axis log2(b)
/// passes over the mask that shift and or whole words. No scratch memory, 64 bytes of stack for
/// words. Applying it is a pass that counts the mask and one over the elements.
///
/// ```
/// use dropout_kernels::{DropBlock, Mask, MaskRng, drop_rate, mask_words};
///
/// // Blocks of 3 x 3 in two images of 3 channels, 8 x 8.
/// const BLOCKS: DropBlock = match DropBlock::new(drop_rate!(0.2), 3, 2, 3, &[8, 8]) {
///     Ok(blocks) => blocks,
///     Err(_) => panic!("a shape that fits"), // in a constant: the build fails
/// };
/// let mut mask = Mask::<{ mask_words(BLOCKS.mask_bits()) }>::new();
/// let mut x = [1f32; 2 * 3 * 8 * 8];
/// BLOCKS.forward_in_place(&mut x, MaskRng::new(42, 0).draw(&mut mask))?;
///
/// let kept = mask.view(x.len())?.count_kept();
/// assert!(x.iter().all(|x| *x == 0.0 || *x == 384.0 / kept as f32));
/// let mut dx = [1f32; 2 * 3 * 8 * 8];
/// BLOCKS.backward_in_place(&mut dx, &mask)?;
/// assert_eq!(dx, x);
/// # Ok::<(), dropout_kernels::ShapeError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DropBlock {
    rate: DropRate,
    /// At gamma.
    plan: Plan,
    /// Three extents; axes that are not there come first, of extent 1.
    extents: [usize; 3],
    block: usize,
    batch: usize,
    channels: usize,
    layout: Layout,
    per_sample: bool,
}

impl DropBlock {
    /// Blocks of extent `block` along each of the `spatial` extents `&[l]`, `&[h, w]` or `&[d, h,
    /// w]`, for each channel by itself.
    ///
    /// # Errors
    ///
    /// [`ShapeError::EmptyBlock`] if `block` is 0, [`ShapeError::SpatialAxes`] unless there are one
    /// to three, [`ShapeError::Overflow`] if there are more elements than a `usize` counts.
    pub const fn new(
        rate: DropRate,
        block: usize,
        batch: usize,
        channels: usize,
        spatial: &[usize],
    ) -> Result<Self, ShapeError> {
        let extents = match *spatial {
            [l] => [1, 1, l],
            [h, w] => [1, h, w],
            [d, h, w] => [d, h, w],
            _ => return Err(ShapeError::SpatialAxes { given: spatial.len() }),
        };
        if block == 0 {
            return Err(ShapeError::EmptyBlock);
        }
        // Shared masks too, so that `shared` cannot fail.
        if let (Err(overflow), _) | (_, Err(overflow)) =
            (product(spatial), shared_layout(batch, channels, extents))
        {
            return Err(overflow);
        }
        let layout = Layout::elementwise(batch * channels * volume(extents));
        let plan = Plan::new(rate);
        let blocks =
            Self { rate, plan, extents, block, batch, channels, layout, per_sample: false };
        Ok(blocks.with_rate(rate))
    }

    /// The same blocks in all channels of a sample: a mask of (batch, spatial...).
    #[must_use]
    pub const fn shared(self) -> Self {
        match shared_layout(self.batch, self.channels, self.extents) {
            Ok(layout) => Self { layout, ..self },
            Err(_) => self,
        }
    }

    /// n and k counted over the mask of each sample by itself, so that a sample has the same values
    /// in a batch of any size that gives it the same bits of a mask. (Code that divides by a mean
    /// over the batch gives other values.) A sample of which nothing is kept is zeros.
    ///
    /// ```
    /// use dropout_kernels::{DropBlock, Mask, MaskKey, drop_rate, mask_words};
    ///
    /// // 4 samples of 2 channels of 6 x 6, at once and as micro-batches of 2.
    /// let whole = DropBlock::new(drop_rate!(0.3), 3, 4, 2, &[6, 6])?.per_sample();
    /// let half = DropBlock::new(drop_rate!(0.3), 3, 2, 2, &[6, 6])?.per_sample();
    /// let mut mask = Mask::<{ mask_words(288) }>::new();
    /// let mut x = [1f32; 288];
    /// let mut parts = x;
    /// whole.forward_in_place(&mut x, MaskKey::new(42, 0).draw(&mut mask))?;
    ///
    /// // The words of 144 bits begin within a word: such a part is copied.
    /// let (mut first, mut second) = (Mask::<5>::new(), Mask::<5>::new());
    /// first.view_mut(144)?.copy_bits(0, mask.view(288)?.window(0..144)?)?;
    /// second.view_mut(144)?.copy_bits(0, mask.view(288)?.window(144..288)?)?;
    /// half.forward_in_place(&mut parts[..144], &first)?;
    /// half.forward_in_place(&mut parts[144..], &second)?;
    /// assert_eq!(x, parts);
    /// # Ok::<(), dropout_kernels::ShapeError>(())
    /// ```
    #[must_use]
    pub const fn per_sample(self) -> Self {
        Self { per_sample: true, ..self }
    }

    /// The same at another rate, as schedules ask for (section 3 of the paper raises p in
    /// training).
    #[must_use]
    pub const fn with_rate(self, rate: DropRate) -> Self {
        let (mut places, mut covered) = (1, 1);
        let mut axes: &[usize] = &self.extents;
        while let [extent, rest @ ..] = axes {
            let (extent, block) = (*extent as u128, self.block as u128);
            let block = if block < extent { block } else { extent };
            places *= extent;
            covered *= block * (extent + 1 - block);
            axes = rest;
        }
        // Each extent is at most its factor of `covered`, which is at most 2^126.
        let gamma = if covered == 0 { rate } else { rate.times_ratio(places, covered) };
        Self { rate, plan: self.plan.with_rate(gamma), ..self }
    }

    /// The same run by a given backend, as [`Dropout::with_backend`](crate::Dropout::with_backend).
    #[must_use]
    pub fn with_backend(self, backend: Backend) -> Self {
        Self { plan: self.plan.with_backend(backend), ..self }
    }

    /// p.
    #[must_use]
    pub const fn rate(self) -> DropRate {
        self.rate
    }

    /// gamma, the rate of first corners of blocks.
    #[must_use]
    pub const fn seed_rate(self) -> DropRate {
        self.plan.rate
    }

    /// Elements of the tensor.
    #[must_use]
    pub const fn elements(self) -> usize {
        self.layout.elements()
    }

    /// Bits of the mask.
    #[must_use]
    pub const fn mask_bits(self) -> usize {
        self.layout.mask_bits()
    }

    /// Makes a mask that is not applied yet, from a generator or by a key. At gamma = 0 and gamma =
    /// 1 nothing is drawn.
    ///
    /// # Errors
    ///
    /// [`ShapeError`] if `mask` does not have [`mask_bits`](Self::mask_bits). Then nothing is
    /// written and no generator has moved.
    pub fn fill(
        &self,
        mut mask: impl MaskStore,
        source: impl RandomSource,
    ) -> Result<(), ShapeError> {
        Fills::fill(self, source, mask.fit(self.mask_bits())?);
        Ok(())
    }

    /// Drops: `y = forward(x)`. The mask alone says what is dropped, and what the factor is. It has
    /// to be in memory, or drawn into memory: by a key, `key.draw(&mut mask)`.
    ///
    /// # Errors
    ///
    /// [`ShapeError`] if `x` and `y` do not have the elements, or the mask the bits. Then nothing
    /// is written and no generator has moved.
    pub fn forward<T: Element>(
        &self,
        x: &[T],
        y: &mut [T],
        mask: impl StoredSource,
    ) -> Result<(), ShapeError> {
        same_length(x, y)?;
        self.run(x, y, mask)
    }

    /// [`forward`](Self::forward) in place.
    ///
    /// # Errors
    ///
    /// Same errors as [`forward`](Self::forward).
    pub fn forward_in_place<T: Element>(
        &self,
        x: &mut [T],
        mask: impl StoredSource,
    ) -> Result<(), ShapeError> {
        self.run(InPlace, x, mask)
    }

    /// The gradient through the elements that `mask` kept: `dx = backward(dy)`.
    ///
    /// # Errors
    ///
    /// Same errors as [`forward`](Self::forward).
    pub fn backward<T: Element>(
        &self,
        dy: &[T],
        dx: &mut [T],
        mask: impl StoredMask,
    ) -> Result<(), ShapeError> {
        self.forward(dy, dx, mask)
    }

    /// [`backward`](Self::backward) in place.
    ///
    /// # Errors
    ///
    /// Same errors as [`forward`](Self::forward).
    pub fn backward_in_place<T: Element>(
        &self,
        dx: &mut [T],
        mask: impl StoredMask,
    ) -> Result<(), ShapeError> {
        self.forward_in_place(dx, mask)
    }

    fn run<T: Element>(
        &self,
        x: impl Place<T>,
        y: &mut [T],
        mask: impl StoredSource,
    ) -> Result<(), ShapeError> {
        self.layout.check_len(y.len())?;
        let then = |mask: MaskRef<'_>, _| {
            // Firmware has one copy of the loop.
            if self.per_sample || cfg!(target_os = "none") {
                return self.samples(x, y, mask);
            }
            let (bits, kept) = (mask.len(), mask.count_kept());
            if kept == 0 || kept == bits {
                x.op(Same).map(self.plan.backend(), kept != 0, y);
            } else {
                let factor = Times::<T>(T::quotient(bits as u64, kept as u64));
                self.layout.apply(self.plan, mask, y, x.op(factor));
            }
        };
        mask.visit_stored(self.mask_bits(), Then { fill: self, then })
    }

    /// Each sample by a factor of its own, or the batch as one.
    fn samples<T: Element>(&self, x: impl Place<T>, y: &mut [T], mask: MaskRef<'_>) {
        let samples = if self.per_sample { self.batch } else { 1 };
        let bits = mask.len().checked_div(samples).unwrap_or(0);
        for first in (0..samples).map(|sample| sample * bits) {
            // The range is one of the mask.
            let kept = match mask.window(first..first + bits) {
                Ok(sample) if self.per_sample => sample.count_kept(),
                _ => mask.count_kept(),
            };
            for part in self.layout.parts(first, bits) {
                if kept == 0 || kept == bits {
                    let (backend, at) = (self.plan.backend(), part.elements.start);
                    let y = y.get_mut(part.elements).unwrap_or_default();
                    x.op(Same).map_from(backend, kept != 0, at, y);
                } else {
                    let factor = Times::<T>(T::quotient(bits as u64, kept as u64));
                    self.plan.apply_part(mask.words(), 0, part, y, x.op(factor));
                }
            }
        }
    }
}

impl Fills for &DropBlock {
    fn fill(&self, source: impl RandomSource, mask: MaskMut<'_>) {
        Fills::fill(*self, source, mask);
    }
}

impl Fills for DropBlock {
    fn fill(&self, source: impl RandomSource, mut mask: MaskMut<'_>) {
        let planes = match self.plan.rate.draws() {
            Draws::KeepAll => return mask.keep_all(),
            Draws::DropAll => return mask.drop_all(),
            Draws::Planes(planes) => planes,
        };
        let [d, h, w] = self.extents;
        let [bd, bh, bw] = self.extents.map(|extent| self.block.min(extent));
        // Where there is no map, products of extents may overflow.
        let maps = match mask.len().checked_div(volume(self.extents)) {
            None | Some(0) => return,
            Some(maps) => maps,
        };
        let [vd, vh, vw] = [d - bd + 1, h - bh + 1, w - bw + 1];
        let backend = self.plan.backend();
        let places = maps * vd * vh * vw;
        let draw = |lanes: &mut Lanes| {
            mask.write(|words| {
                words.fill(0);
                let mut left = places;
                let mut seeds = Reader::new(|block: &mut [u32; LANES]| {
                    let count = mask_words(left.min(BLOCK));
                    backend.fill(lanes, planes, block.get_mut(..count).unwrap_or_default());
                    left = left.saturating_sub(BLOCK);
                });
                for plane in (0..maps).flat_map(|map| (0..vd).map(move |z| map * d + z)) {
                    for row in (0..vh).map(|r| plane * h + r) {
                        let mut column = 0;
                        while column < vw {
                            let count = (vw - column).min(32);
                            // 1 where the mask drops, which is where a seed lies.
                            let seeds = !seeds.next(count) & ones(count);
                            // Most rows have none, at the rates that are used.
                            if seeds != 0 {
                                or_bits(words, row * w + column, seeds);
                            }
                            column += 32;
                        }
                    }
                }
                // A block that begins inside of a map ends there: no bit is shifted into a row or a
                // map that is not its own.
                for (stride, block) in [(1, bw), (w, bh), (h * w, bd)] {
                    dilate(backend, words, stride, block);
                }
                words.iter_mut().for_each(|word| *word = !*word);
            });
        };
        source.with_lanes(backend, mask_words(places), draw);
    }
}

/// What a mask of (batch, spatial...) decides.
const fn shared_layout(
    batch: usize,
    channels: usize,
    extents: [usize; 3],
) -> Result<Layout, ShapeError> {
    match product(&extents) {
        Ok(width) => Layout::new(batch, channels, width, 1),
        Err(overflow) => Err(overflow),
    }
}

/// The product of extents that was checked.
const fn volume([d, h, w]: [usize; 3]) -> usize {
    d * h * w
}

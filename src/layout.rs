//! Which elements of a tensor share a bit of its mask.

use core::iter;
use core::ops::Range;

use crate::error::{ShapeError, check_elements};

/// Which elements share one mask bit.
///
/// A tensor is `groups` x `repeat` x `width` x `run` elements, the last index running fastest, and
/// element (g, r, w, i) is kept by mask bit g * `width` + w. So the mask has `groups` * `width`
/// bits; each bit decides `run` neighbours at a time, and does so `repeat` times.
///
/// Keras' `noise_shape` and Flax' `broadcast_dims` say the same if their axes come in this order, any
/// of the four missing: axes with bits of their own, axes that share, axes with bits of their own,
/// axes that share. (1, C, 1, W) over (N, C, H, W) does not: make a call for each sample, all with
/// the same mask or key.
///
/// ```
/// use dropout_kernels::{Dropout, Layout, MaskKey, drop_rate};
///
/// let (n, c, h, w) = (2, 3, 4, 5);
/// let sample = Dropout::new(drop_rate!(0.5)).over(Layout::new(c, h, w, 1)?);
/// let mut x = [1f32; 2 * 3 * 4 * 5];
/// for x in x.chunks_mut(c * h * w) {
///     sample.forward_in_place(x, MaskKey::new(42, 0))?;
/// }
/// for (i, y) in x.iter().enumerate() {
///     let (channel, column) = (i / (h * w) % c, i % w);
///     assert_eq!(*y, x[channel * h * w + column]);
/// }
/// # Ok::<(), dropout_kernels::ShapeError>(())
/// ```
///
/// | constructor | groups | repeat | width | run | dropout |
/// |---|---|---|---|---|---|
/// | [`elementwise`](Self::elementwise) | 1 | 1 | n | 1 | of single units (Srivastava et al. 2014) |
/// | [`channels_first`](Self::channels_first) | 1 | 1 | N * C | L, H * W or D * H * W | spatial (Tompson et al. 2015), NCHW |
/// | [`channels_last`](Self::channels_last) | N | L, H * W or D * H * W | C | 1 | spatial, NHWC |
/// | [`time_major`](Self::time_major) | 1 | T | N * F | 1 | variational (Gal and Ghahramani 2016), (T, N, F) |
/// | [`batch_major`](Self::batch_major) | N | T | F | 1 | variational, (N, T, F) |
/// | [`samples`](Self::samples) | 1 | 1 | N | the rest | stochastic depth (Huang et al. 2016), row by row |
/// | [`whole`](Self::whole) | 1 | 1 | 1 | n | stochastic depth, the batch at once |
/// | [`vocabulary`](Self::vocabulary) | 1 | 1 | rows | dimension | embedding (Gal and Ghahramani 2016), the whole table |
///
/// Masks are never expanded to apply a layout.
///
/// # Without elements
///
/// Where `repeat` or `run` is 0 there are no elements, and there can be mask bits: the mask of
/// `batch_major(2, 0, 3)`, a batch without time steps, has 6. It is a mask like others. A call by
/// `rng.draw(&mut mask)` needs a mask of 6 bits, fills it and moves the generator, though there is
/// nothing to drop: the masks that follow do not depend on the number of time steps.
///
/// # LoRA
///
/// With adapters of low rank (Hu et al. 2022), y = W x + s B A x, dropout has two places. On x, as
/// the paper has it, s B A D(x), it is plain dropout of x. **Rank dropout**, s B D(A x), drops single
/// ranks of A x, a tensor of (batch, tokens, rank): by [`batch_major`](Self::batch_major) for each
/// sample, or by `Layout::new(1, batch * tokens, rank, 1)` for the whole batch. Where all ranks of a
/// sample are dropped its A x is zeros, so that y = W x, and so is the gradient: nothing is divided
/// by the number of ranks that are kept.
///
/// ```
/// use dropout_kernels::{Dropout, Layout, MaskKey, drop_rate};
///
/// let (batch, tokens, rank) = (4, 5, 8);
/// let ranks = Dropout::new(drop_rate!(0.25)).over(Layout::batch_major(batch, tokens, rank)?);
/// let mut ax = [3f32; 4 * 5 * 8]; // A x
/// ranks.forward_in_place(&mut ax, MaskKey::new(42, 0))?;
/// for sample in ax.chunks(tokens * rank) {
///     assert!(sample.chunks(rank).all(|token| token == &sample[..rank])); // the same ranks
///     assert!(sample.iter().all(|ax| [0.0, 4.0].contains(ax)));
/// }
/// let mut gradient = [3f32; 160]; // to A x, from B^T dy
/// ranks.backward_in_place(&mut gradient, MaskKey::new(42, 0))?;
/// assert_eq!(gradient, ax);
/// # Ok::<(), dropout_kernels::ShapeError>(())
/// ```
///
/// ```
/// use dropout_kernels::{Dropout, Layout, Mask, MaskRng, drop_rate, mask_words};
///
/// // Eight images of 16 channels, 7 x 7: a bit for each channel of each image.
/// const MAPS: Layout = match Layout::channels_first(8, 16, &[7, 7]) {
///     Ok(layout) => layout,
///     Err(_) => panic!("a shape that fits"), // in a constant: the build fails
/// };
/// let mut mask = Mask::<{ mask_words(MAPS.mask_bits()) }>::new();
/// let mut x = [1f32; MAPS.elements()];
/// let spatial = Dropout::new(drop_rate!(0.5)).over(MAPS);
/// spatial.forward_in_place(&mut x, MaskRng::new(1, 0).draw(&mut mask))?;
/// assert!(x.chunks(49).all(|map| map == [0.0; 49] || map == [2.0; 49]));
/// # Ok::<(), dropout_kernels::ShapeError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Layout {
    pub(crate) groups: usize,
    pub(crate) repeat: usize,
    pub(crate) width: usize,
    pub(crate) run: usize,
}

impl Layout {
    /// `groups` x `repeat` x `width` x `run` elements, as above.
    ///
    /// # Errors
    ///
    /// [`ShapeError::Overflow`] if there are more elements, or bits, than a `usize` counts. Extents
    /// are multiplied in their order, so a product that is too large is refused though an
    /// extent of 0 comes after it.
    pub const fn new(
        groups: usize,
        repeat: usize,
        width: usize,
        run: usize,
    ) -> Result<Self, ShapeError> {
        // The bits by themselves too: a layout without elements can have any number of them.
        let checked = match product(&[groups, width]) {
            Ok(_) => product(&[groups, repeat, width, run]),
            overflow => overflow,
        };
        match checked {
            Ok(_) => Ok(Self { groups, repeat, width, run }),
            Err(overflow) => Err(overflow),
        }
    }

    /// A bit for each of `n` elements.
    #[must_use]
    pub const fn elementwise(n: usize) -> Self {
        Self { groups: 1, repeat: 1, width: n, run: 1 }
    }

    /// A bit for each channel of each sample of a (batch, channels, spatial...) tensor, whose
    /// `spatial` extents are `&[l]`, `&[h, w]` or `&[d, h, w]`.
    ///
    /// # Errors
    ///
    /// [`ShapeError::Overflow`] if there are more elements than a `usize` counts.
    pub const fn channels_first(
        batch: usize,
        channels: usize,
        spatial: &[usize],
    ) -> Result<Self, ShapeError> {
        match (product(&[batch, channels]), product(spatial)) {
            (Ok(width), Ok(run)) => Self::new(1, 1, width, run),
            (Err(overflow), _) | (_, Err(overflow)) => Err(overflow),
        }
    }

    /// A bit for each channel of each sample of a (batch, spatial..., channels) tensor.
    ///
    /// # Errors
    ///
    /// [`ShapeError::Overflow`] if there are more elements than a `usize` counts.
    pub const fn channels_last(
        batch: usize,
        spatial: &[usize],
        channels: usize,
    ) -> Result<Self, ShapeError> {
        match product(spatial) {
            Ok(repeat) => Self::new(batch, repeat, channels, 1),
            Err(overflow) => Err(overflow),
        }
    }

    /// A bit for each feature of each sample, the same at every step of a (time, batch, features)
    /// tensor.
    ///
    /// # Errors
    ///
    /// [`ShapeError::Overflow`] if there are more elements than a `usize` counts.
    pub const fn time_major(
        time: usize,
        batch: usize,
        features: usize,
    ) -> Result<Self, ShapeError> {
        match product(&[batch, features]) {
            Ok(width) => Self::new(1, time, width, 1),
            Err(overflow) => Err(overflow),
        }
    }

    /// A bit for each feature of each sample, the same at every step of a (batch, time, features)
    /// tensor.
    ///
    /// # Errors
    ///
    /// [`ShapeError::Overflow`] if there are more elements than a `usize` counts.
    pub const fn batch_major(
        batch: usize,
        time: usize,
        features: usize,
    ) -> Result<Self, ShapeError> {
        Self::new(batch, time, features, 1)
    }

    /// A bit for each of `batch` samples of `elements` elements.
    ///
    /// # Errors
    ///
    /// [`ShapeError::Overflow`] if there are more elements than a `usize` counts.
    pub const fn samples(batch: usize, elements: usize) -> Result<Self, ShapeError> {
        Self::new(1, 1, batch, elements)
    }

    /// One bit for all of `n` elements.
    #[must_use]
    pub const fn whole(n: usize) -> Self {
        Self { groups: 1, repeat: 1, width: 1, run: n }
    }

    /// A bit for each of `rows` rows of `dimension` elements, as the words of an embedding table.
    ///
    /// # Errors
    ///
    /// [`ShapeError::Overflow`] if there are more elements than a `usize` counts.
    pub const fn vocabulary(rows: usize, dimension: usize) -> Result<Self, ShapeError> {
        Self::new(1, 1, rows, dimension)
    }

    /// Elements of the tensor.
    #[must_use]
    pub const fn elements(self) -> usize {
        self.groups * self.repeat * self.width * self.run
    }

    /// Bits of its mask, `groups` * `width`: there can be some [without
    /// elements](Self#without-elements).
    #[must_use]
    pub const fn mask_bits(self) -> usize {
        self.groups * self.width
    }

    /// Bits that decide an element: a layout without elements uses none, even if groups * width is
    /// not 0.
    pub(crate) const fn deciding_bits(self) -> usize {
        if self.elements() == 0 { 0 } else { self.mask_bits() }
    }

    /// The same elements and bits with as little repetition, and in as few groups, as can be.
    pub(crate) const fn simplest(self) -> Self {
        let Self { groups, repeat, width, run } = self;
        if self.elements() == 0 {
            // Beside an extent of 0, others may have a product that overflows.
            Self { groups: 1, repeat: 1, width: groups * width, run: 0 }
        } else if repeat == 1 {
            Self { groups: 1, repeat: 1, width: groups * width, run }
        } else if width == 1 {
            Self { groups: 1, repeat: 1, width: groups, run: repeat * run }
        } else {
            self
        }
    }

    /// The elements that `count` mask bits from `first` on decide, in parts that are layouts of
    /// neighbours: whole groups, or pieces of rows.
    pub(crate) fn parts(self, first: usize, count: usize) -> impl Iterator<Item = Part> {
        let Self { repeat, width, run, .. } = self;
        let (mut bit, mut r) = (first, 0);
        iter::from_fn(move || {
            let left = (first + count).saturating_sub(bit);
            // No width, no bits.
            let (g, w) = (bit.checked_div(width)?, bit.checked_rem(width)?);
            if left == 0 || repeat == 0 {
                return None;
            }
            let whole = w == 0 && left >= width;
            let (layout, start) = if whole {
                (Self { groups: 1, ..self }, g * repeat * width * run)
            } else {
                let width_here = left.min(width - w);
                let layout = Self { groups: 1, repeat: 1, width: width_here, run };
                (layout, ((g * repeat + r) * width + w) * run)
            };
            let part = Part { bit, layout, elements: start..start + layout.elements() };
            r = if whole || r + 1 == repeat { 0 } else { r + 1 };
            bit += if r == 0 { layout.width } else { 0 };
            Some(part)
        })
    }

    /// Whether a slice has as many elements.
    pub(crate) const fn check_len(self, given: usize) -> Result<(), ShapeError> {
        check_elements(self.elements(), given)
    }
}

/// The product of all extents.
pub(crate) const fn product(extents: &[usize]) -> Result<usize, ShapeError> {
    let mut product = 1usize;
    let mut rest = extents;
    while let [extent, others @ ..] = rest {
        product = match product.checked_mul(*extent) {
            Some(product) => product,
            None => return Err(ShapeError::Overflow { elements: product, extent: *extent }),
        };
        rest = others;
    }
    Ok(product)
}

/// Elements that stand together, and the bits that decide them.
pub(crate) struct Part {
    /// The first bit.
    pub(crate) bit: usize,
    /// What the bits decide.
    pub(crate) layout: Layout,
    /// Where in the tensor.
    pub(crate) elements: Range<usize>,
}

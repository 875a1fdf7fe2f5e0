//! `LayerDrop`: whole layers of a transformer are left out.

use crate::error::ShapeError;
use crate::isa::Backend;
use crate::plan::Plan;
use crate::rate::DropRate;
use crate::source::{MaskStore, RandomSource};

/// `LayerDrop` (Fan et al. 2020, "Reducing Transformer Depth on Demand with Structured Dropout",
/// section 3): each layer of a deep network is left out with probability p, for a whole batch at a
/// time, so that a shallower network can be cut out of it after training.
///
/// With d = 1 where layer l is kept:
///
/// | forward | backward | inference |
/// |---|---|---|
/// | y = d ? layer(x) : x | through the layers that are kept | all layers, or those that [`prune`](Self::prune) keeps |
///
/// Nothing is rescaled. A layer here has its residual connection inside, so x goes on where it is
/// dropped. (For a decision per sample, and a scale, take [`DropPath`](crate::DropPath).)
///
/// The decisions come first, in a mask of one bit for each layer, so that what is dropped is not
/// computed, forward or backward. Keep the mask for backward, or draw it again by its key.
///
/// # Pruning
///
/// At inference the paper leaves out every layer whose depth, from 1 to the number of layers, is a
/// multiple of floor(1 / r), where r is the fraction to leave out: at r = 1/2 the second, the fourth
/// and so on ("every other"). [`prune`](Self::prune) makes such a mask.
///
/// # Cost
///
/// A draw of one bit for each layer.
///
/// ```
/// use dropout_kernels::{LayerDrop, Mask, MaskRng, drop_rate};
///
/// let layer_drop = LayerDrop::new(drop_rate!(0.2), 12);
/// let (mut rng, mut mask) = (MaskRng::new(42, 0), Mask::<1>::new());
/// layer_drop.fill(&mut mask, &mut rng)?;
///
/// let layer = |l: usize, x: f32| x + 1.0 / (l + 1) as f32;
/// let mut x = 1f32;
/// for l in mask.view(12)?.kept_runs().flatten() {
///     x = layer(l, x);
/// }
///
/// // Half of the layers at inference: those of depth 1, 3, 5 and so on.
/// layer_drop.prune(&mut mask, 2)?;
/// assert!(mask.view(12)?.kept_runs().flatten().eq([0, 2, 4, 6, 8, 10]));
/// # Ok::<(), dropout_kernels::ShapeError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LayerDrop {
    plan: Plan,
    layers: usize,
}

impl LayerDrop {
    /// A decision for each of `layers` layers.
    #[must_use]
    pub const fn new(rate: DropRate, layers: usize) -> Self {
        Self { plan: Plan::new(rate), layers }
    }

    /// The same run by a given backend, as [`Dropout::with_backend`](crate::Dropout::with_backend).
    #[must_use]
    pub fn with_backend(self, backend: Backend) -> Self {
        Self { plan: self.plan.with_backend(backend), ..self }
    }

    /// The same at another rate.
    #[must_use]
    pub const fn with_rate(self, rate: DropRate) -> Self {
        Self { plan: self.plan.with_rate(rate), ..self }
    }

    /// The rate.
    #[must_use]
    pub const fn rate(self) -> DropRate {
        self.plan.rate
    }

    /// Layers, and bits of the mask.
    #[must_use]
    pub const fn mask_bits(self) -> usize {
        self.layers
    }

    /// Decides: draws a bit for each layer, from a generator or by a key.
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
        self.plan.fill(source, mask.fit(self.layers)?);
        Ok(())
    }

    /// The layers that are kept at inference: all but those whose depth, counted from 1, is a
    /// multiple of `every`. At 2 every other layer is left out, at 1 all are, at 0 none is.
    ///
    /// # Errors
    ///
    /// [`ShapeError`] if `mask` does not have [`mask_bits`](Self::mask_bits). Then nothing is
    /// written.
    pub fn prune(&self, mut mask: impl MaskStore, every: usize) -> Result<(), ShapeError> {
        let mut mask = mask.fit(self.layers)?;
        mask.keep_all();
        for layer in (0..self.layers).skip(every.wrapping_sub(1)).step_by(every.max(1)) {
            mask.set(layer, false);
        }
        Ok(())
    }
}

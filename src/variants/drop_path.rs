//! `DropPath`: residual branches that are left out, sample by sample or for the whole batch.

use crate::dropout::{Dropout, Inference, Inverted, Rule, RuleFor};
use crate::error::{RateError, ShapeError};
use crate::isa::{Element, Formula};
use crate::kernel::op::Same;
use crate::layout::Layout;
use crate::plan::same_length;
use crate::rate::DropRate;
use crate::source::{MaskStore, RandomSource, StoredMask};

/// Stochastic depth (Huang et al. 2016, "Deep Networks with Stochastic Depth", section 3), also
/// called `DropPath`: a residual branch f is left out, for each sample by itself or for the whole
/// batch.
///
/// With d = 1 where the branch is kept, 0 where it is dropped, and p the [rate](DropRate) of the
/// latter:
///
/// | rule | forward | gradient to the branch | inference | source |
/// |---|---|---|---|---|
/// | [`Dropout::new`] | y = x + d * f / (1 - p) | d * dy / (1 - p) | y = x + f | common implementations |
/// | [`Dropout::classic`] | y = x + d * f | d * dy | y = x + (1 - p) * f | equations 2 and 5 of the paper |
///
/// The gradient to x past the branch is dy. The paper decides for a whole mini-batch
/// ([`batch`](Self::batch)), common implementations for each sample ([`samples`](Self::samples));
/// the rate of layer l grows with the depth, [`DropRate::at_depth`].
///
/// The decisions come first, so that what is dropped is not computed: [`fill`](Self::fill) makes a
/// bit for each sample, compute f for [`MaskRef::kept_runs`](crate::MaskRef::kept_runs), then
/// [`add`](Self::add). The same mask serves the backward pass, which computes gradients of those
/// samples only: [`branch`](Self::branch)`().backward(...)` gives the gradient to f. Where f is
/// computed whole all the same, `branch().forward(...)` draws and drops at once.
///
/// # Cost
///
/// A bit for each sample, or one; `add` is one pass over the samples that are kept.
///
/// ```
/// use dropout_kernels::{DropPath, DropRate, Dropout, Mask, MaskRng, drop_rate};
///
/// // Block 3 of 12 in a network whose last block is dropped at 0.2: 4 samples of 5 elements.
/// let rate = drop_rate!(0.2).at_depth(3, 12)?;
/// let path = DropPath::samples(Dropout::new(rate), 4, 5)?;
/// let mut mask = Mask::<1>::new();
/// path.fill(&mut mask, &mut MaskRng::new(42, 0))?;
///
/// let mut x = [1f32; 20];
/// let mut f = [f32::NAN; 20];
/// for sample in mask.view(4)?.kept_runs().flatten() {
///     f[sample * 5..][..5].fill(0.5); // the branch
/// }
/// path.add(&f, &mut x, mask.view(4)?)?;
/// assert!(x.iter().all(|x| *x == 1.0 || *x == 1.0 + 0.5 * rate.scale_f32()));
/// # Ok::<(), dropout_kernels::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DropPath<R = Inverted> {
    branch: Dropout<R, Layout>,
}

impl<R: Rule> DropPath<R> {
    /// A decision for each of `batch` samples of `elements` elements. By the inverted or the classic rule:
    /// others, and zero points, add something to a dropped branch too, and do not build.
    ///
    /// # Errors
    ///
    /// [`ShapeError::Overflow`] if there are more elements than a `usize` counts.
    pub const fn samples(
        dropout: Dropout<R>,
        batch: usize,
        elements: usize,
    ) -> Result<Self, ShapeError> {
        match Layout::samples(batch, elements) {
            Ok(layout) => Ok(Self::over(dropout, layout)),
            Err(overflow) => Err(overflow),
        }
    }

    /// One decision for a batch of `elements` elements in all, by the rules that
    /// [`samples`](Self::samples) takes.
    #[must_use]
    pub const fn batch(dropout: Dropout<R>, elements: usize) -> Self {
        Self::over(dropout, Layout::whole(elements))
    }

    /// Of a rule that adds something to a dropped branch too, `add` would be wrong: it does not
    /// build.
    const fn over(dropout: Dropout<R>, layout: Layout) -> Self {
        const {
            assert!(
                R::ZEROES,
                "DropPath takes Dropout::new or Dropout::classic, without a zero point: by other rules a dropped branch adds something"
            );
        }
        Self { branch: dropout.over(layout) }
    }

    /// Dropout of the branch by itself, d * f / (1 - p) or d * f, forward and backward.
    #[must_use]
    pub const fn branch(self) -> Dropout<R, Layout> {
        self.branch
    }

    /// The same at another rate: see [`Dropout::with_rate`](crate::Dropout::with_rate).
    #[must_use]
    pub fn with_rate(self, rate: DropRate) -> Self {
        Self { branch: self.branch.with_rate(rate) }
    }

    /// Decides: draws a bit for each sample, or one for the batch, from a generator or by a key.
    ///
    /// # Errors
    ///
    /// [`ShapeError`] if `mask` does not have [`Layout::mask_bits`]. Then nothing is written and no
    /// generator has moved.
    pub fn fill(
        &self,
        mut mask: impl MaskStore,
        source: impl RandomSource,
    ) -> Result<(), ShapeError> {
        self.branch.plan.fill(source, mask.fit(self.branch.shape().mask_bits())?);
        Ok(())
    }

    /// Adds the branch where it is kept: `x += d * f / (1 - p)`, or `x += d * f` by the classic
    /// rule.
    ///
    /// What `f` holds for samples that are dropped is not looked at.
    ///
    /// # Errors
    ///
    /// [`ShapeError`] if `f` and `x` do not have the elements, or `mask` the bits. Then nothing is
    /// written.
    pub fn add<T: Element>(
        &self,
        f: &[T],
        x: &mut [T],
        mask: impl StoredMask,
    ) -> Result<(), ShapeError>
    where
        R: RuleFor<T>,
    {
        let layout = self.branch.shape();
        same_length(f, x)?;
        layout.check_len(x.len())?;
        let mask = mask.fit(layout.mask_bits())?;
        let dropout = self.branch;
        if dropout.decides() {
            let outcome = dropout.forward_formula();
            for samples in mask.kept_runs() {
                let elements = samples.start * layout.run..samples.end * layout.run;
                if let (Some(f), Some(x)) = (f.get(elements.clone()), x.get_mut(elements)) {
                    outcome.add(dropout.plan.backend(), f, x);
                }
            }
        }
        Ok(())
    }

    /// Inference: `x += f`, or `x += (1 - p) * f` by the classic rule (and nothing at p = 1).
    ///
    /// # Errors
    ///
    /// [`ShapeError`] if `f` and `x` do not have the elements. Then nothing is written.
    pub fn infer_add<T: Element>(&self, f: &[T], x: &mut [T]) -> Result<(), ShapeError>
    where
        R: RuleFor<T>,
    {
        same_length(f, x)?;
        self.branch.shape().check_len(x.len())?;
        let dropout = self.branch;
        match dropout.inference() {
            Inference::Same => Same.add(dropout.plan.backend(), f, x),
            Inference::Scaled(formula) => formula.add(dropout.plan.backend(), f, x),
            Inference::Zeros(_) => {}
        }
        Ok(())
    }
}

impl DropRate {
    /// The rate of layer `layer`, counted from 1, of `layers`, when the last is dropped at this
    /// rate: linear decay, `p_l = l / L * p_L` (Huang et al. 2016, equation 4).
    ///
    /// Rounded once, to the nearest multiple of 2^-40.
    ///
    /// # Errors
    ///
    /// [`RateError`] if there are no layers, or `layer` is above them.
    ///
    /// ```
    /// use dropout_kernels::{DropRate, drop_rate};
    ///
    /// const LAST: DropRate = drop_rate!(0.5);
    /// assert_eq!(LAST.at_depth(27, 54)?, drop_rate!(0.25));
    /// assert_eq!(LAST.at_depth(54, 54)?, LAST);
    /// # Ok::<(), dropout_kernels::RateError>(())
    /// ```
    pub const fn at_depth(self, layer: u32, layers: u32) -> Result<Self, RateError> {
        if layers == 0 {
            Err(RateError::ZeroDenominator { numerator: layer })
        } else if layer > layers {
            Err(RateError::RatioAboveOne { numerator: layer, denominator: layers })
        } else {
            Ok(self.times_ratio(layer as u128, layers as u128))
        }
    }
}

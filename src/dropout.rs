//! Dropout by one mask bit for each element, or over a layout: a rate, a rule and a shape.

mod alpha;
mod bias;
mod drop_key;
mod fused;
mod hook;
mod relu;
mod rule;
mod stochastic;
mod strips;
mod uninit;

use crate::error::ShapeError;
use crate::isa::{Backend, Element, Formula, Place, Runs};
use crate::kernel::op::{InPlace, Same};
use crate::key::MaskKey;
use crate::mask::{MaskMut, MaskRef, MaskWindow};
use crate::plan::{Extent, Flat, Plan, Shape};
use crate::rate::{Draws, DropRate};
use crate::source::{
    ArraySource, KnownArrayMask, KnownMask, MaskSource, RandomSource, Visit, VisitStored,
};

pub use alpha::Alpha;
pub use bias::BiasDropout;
pub use drop_key::DropKey;
pub use fused::{Rows, Scales, keep};
pub use rule::{Classic, Inverted, Requantises, Rule, RuleFor, ZeroPoint};

/// Dropout (Srivastava et al. 2014, "Dropout: A Simple Way to Prevent Neural
/// Networks from Overfitting").
///
/// With d = 1 where the mask keeps, 0 elsewhere, and p the [rate](DropRate) at which elements are
/// dropped (the paper's p is the probability to keep):
///
/// | rule | forward | backward | inference | source |
/// |---|---|---|---|---|
/// | [`new`](Self::new), inverted | y = d * x / (1 - p) | dx = d * dy / (1 - p) | y = x | as frameworks do it; section 10 of the paper |
/// | [`classic`](Self::classic) | y = d * x | dx = d * dy | y = (1 - p) * x | section 4 of the paper; Hinton et al. 2012 |
/// | [`alpha`](Self::alpha) | y = a * (d ? x : a') + b | dx = d * a * dy | y = x | Klambauer et al. 2017, see [`Alpha`] |
/// | [`drop_key`](Self::drop_key) | y = d ? x : -inf | dx = d * dy | y = x | Li et al. 2023, see [`DropKey`] |
///
/// A dropped element is +0.0, or what its rule says, whatever it was, NaN and infinity too.
/// Training and inference are different functions; there is no mode to forget.
///
/// # Three verbs and three sources
///
/// [`forward`](Self::forward), [`backward`](Self::backward) and [`infer`](Self::infer) go from one
/// slice to another, and each has a form `..._in_place`. What forward takes as `mask` says where
/// the mask comes from; backward takes the same key, or the mask that was stored:
///
/// ```
/// use dropout_kernels::{Dropout, Mask, MaskKey, MaskRng, drop_rate, mask_words};
///
/// let dropout = Dropout::new(drop_rate!(0.5));
/// let (x, dy) = ([1f32; 100], [1f32; 100]);
/// let (mut y, mut dx) = ([0f32; 100], [0f32; 100]);
///
/// // A key names a mask for ever: no mask in memory.
/// let key = MaskKey::new(42, 0); // seed, stream
/// dropout.forward(&x, &mut y, key)?;
/// dropout.backward(&dy, &mut dx, key)?;
/// assert_eq!(y, dx);
///
/// // Drawn from a generator, and stored.
/// let mut rng = MaskRng::new(42, 1);
/// let mut mask = Mask::<{ mask_words(100) }>::new();
/// dropout.forward(&x, &mut y, rng.draw(&mut mask))?;
/// dropout.backward(&dy, &mut dx, &mask)?;
/// assert_eq!(y, dx);
///
/// // A mask of your own, which alone decides what is dropped; the rate sets the scale.
/// let mut own = Mask::<{ mask_words(100) }>::new(); // keeps nothing as yet
/// own.view_mut(100)?.set(7, true);
/// dropout.forward(&x, &mut y, &own)?;
/// assert!(y[7] == 2.0 && y.iter().sum::<f32>() == 2.0);
///
/// dropout.infer(&x, &mut y)?;
/// assert_eq!(y, x);
/// # Ok::<(), dropout_kernels::ShapeError>(())
/// ```
///
/// With fixed-size arrays, `..._array` checks lengths when it is compiled, and cannot fail. (A mask
/// of another size is found when a program is built, not by `cargo check`.)
///
/// ```
/// use dropout_kernels::{Dropout, Mask, MaskRng, drop_rate};
///
/// let dropout = Dropout::new(drop_rate!(0.5));
/// let mut rng = MaskRng::new(42, 0);
/// let mut mask = Mask::<1>::new();
/// let (x, mut y, mut dx) = ([1.0, f32::NAN, 3.0, 4.0], [0f32; 4], [0f32; 4]);
/// dropout.forward_array(&x, &mut y, rng.draw(&mut mask));
/// dropout.backward_array(&[1.0; 4], &mut dx, &mask);
/// for (i, kept) in mask.view(4)?.iter().enumerate() {
///     assert_eq!(dx[i], if kept { 2.0 } else { 0.0 });
///     assert!(kept || y[i] == 0.0);
/// }
/// # Ok::<(), dropout_kernels::ShapeError>(())
/// ```
///
/// # Over a layout
///
/// [`over`](Self::over) a [`Layout`](crate::Layout) one mask bit decides for several elements: spatial and
/// variational dropout, stochastic depth, and whatever else drops more than single units at a time.
/// The verbs are the same but for those of arrays, and a mask has [`mask_bits`](crate::Layout::mask_bits).
///
/// ```
/// use dropout_kernels::{Dropout, Layout, MaskKey, drop_rate};
///
/// // Variational dropout (Gal and Ghahramani 2016): 10 steps, 2 sequences, 8 units; a unit is dropped
/// // at every step or at none.
/// let variational = Dropout::new(drop_rate!(0.5)).over(Layout::time_major(10, 2, 8)?);
/// let mut x = [1f32; 160];
/// variational.forward_in_place(&mut x, MaskKey::new(42, 0))?;
/// assert!(x.chunks(16).all(|step| step == &x[..16]));
/// # Ok::<(), dropout_kernels::ShapeError>(())
/// ```
///
/// # Integers
///
/// `i8` and `i16` code a number by a scale and a zero point, which is 0 unless
/// [`with_zero_point`](Self::with_zero_point) says another for `i8`. With m and shift the
/// [multiplier](DropRate::multiplier) of s = 1 / (1 - p), and z the zero point:
///
/// | | forward, and backward on the gradient | inference |
/// |---|---|---|
/// | [`classic`](Self::classic): fold | y = d ? x : z. In training the scales of y, and of dx, are those of x and dy times s: their owner multiplies them, or the next requantisation by [`requantisation`](DropRate::requantisation) | nothing, and the scale of x as it is (or [`infer`](Self::infer), y = (1 - p) * x, where training left out s) |
/// | [`new`](Self::new): requantise | y = d ? clamp(z + floor(((x - z) * m + 2^(30 - shift)) / 2^(31 - shift))) : z | y = x |
/// | [`forward_stochastic`](Self::forward_stochastic) | the same, rounded up or down at random | y = x |
///
/// **Requantising saturates**: at p = 1/2 only codes in the inner half of the range do not. Folding never
/// does. From p = 1 - 2^-14 on (shift above 14) all but z saturates. Backward is straight through:
/// saturation has no part in it, and the gradient's zero point may be another. The arithmetic is a public
/// promise (`docs/QUANTISED.md`), and that of TensorFlow Lite and CMSIS-NN.
///
/// ```
/// use dropout_kernels::{Dropout, MaskKey, drop_rate};
///
/// let (x, key) = ([100i8; 64], MaskKey::new(42, 0));
/// let (mut folded, mut requantised) = ([0i8; 64], [0i8; 64]);
/// Dropout::classic(drop_rate!(0.2)).forward(&x, &mut folded, key)?;
/// Dropout::new(drop_rate!(0.2)).forward(&x, &mut requantised, key)?;
/// let scale = drop_rate!(0.2).scale_f32(); // of the folded tensor, times the one before
/// for (folded, requantised) in folded.iter().zip(requantised) {
///     assert_eq!(f32::from(*folded) * scale, f32::from(requantised)); // 0, or 125
/// }
/// # Ok::<(), dropout_kernels::ShapeError>(())
/// ```
///
/// # Cost
///
/// One pass that reads and writes each element once; mask words are drawn and applied in blocks of
/// 512 elements. For 32 elements a draw of xoshiro128++ at p = 1/2, up to eight at p = k / 256,
/// usually nine draws for any other p. A key seeds a lane for every 32 elements, sixteen at
/// most. Over a layout, runs of 32 neighbours or more are filled or scaled as a whole, and for
/// shorter ones the words of an element-wise mask are made 512 bits at a time: the mask is never
/// expanded. Under 1 KiB of stack, no heap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Dropout<R = Inverted, S = Flat> {
    pub(crate) plan: Plan,
    rule: R,
    shape: S,
}

impl Dropout<Inverted> {
    /// Inverted dropout.
    #[must_use]
    pub const fn new(rate: DropRate) -> Self {
        Self::of(rate, Inverted)
    }
}

impl Dropout<Classic> {
    /// Classic dropout, with its scaling at [inference](Self::infer).
    #[must_use]
    pub const fn classic(rate: DropRate) -> Self {
        Self::of(rate, Classic)
    }
}

impl<R: Rule> Dropout<R> {
    const fn of(rate: DropRate, rule: R) -> Self {
        Self { plan: Plan::new(rate), rule, shape: Flat }
    }

    /// The same over a [`Layout`](crate::Layout), with one decision for all the elements that share a mask bit, or over
    /// a [`Panel`](crate::Panel), which is a part of a larger matrix.
    #[must_use]
    pub const fn over<S: Extent>(self, shape: S) -> Dropout<R, S> {
        Dropout { plan: self.plan, rule: self.rule, shape }
    }

    /// [`forward`](Self::forward) for arrays. A mask of another number of words than the array
    /// needs does not build:
    ///
    /// ```compile_fail
    /// # use dropout_kernels::{Dropout, Mask, drop_rate};
    /// let (dropout, mask) = (Dropout::new(drop_rate!(0.5)), Mask::<2>::new());
    /// dropout.forward_array(&[1f32; 4], &mut [0f32; 4], &mask);
    /// ```
    pub fn forward_array<T: Element, const N: usize>(
        &self,
        x: &[T; N],
        y: &mut [T; N],
        mask: impl ArraySource<N>,
    ) where
        R: RuleFor<T>,
    {
        mask.visit_array(self.verb(y, self.forward_formula().from(x)));
    }

    /// [`forward_array`](Self::forward_array) in place.
    pub fn forward_array_in_place<T: Element, const N: usize>(
        &self,
        x: &mut [T; N],
        mask: impl ArraySource<N>,
    ) where
        R: RuleFor<T>,
    {
        mask.visit_array(self.verb(x, self.forward_formula().in_place()));
    }

    /// [`backward`](Self::backward) for arrays.
    pub fn backward_array<T: Element, const N: usize>(
        &self,
        dy: &[T; N],
        dx: &mut [T; N],
        mask: impl KnownArrayMask<N>,
    ) where
        R: RuleFor<T>,
    {
        mask.visit_array(self.verb(dx, self.backward_formula().from(dy)));
    }

    /// [`backward_array`](Self::backward_array) in place.
    pub fn backward_array_in_place<T: Element, const N: usize>(
        &self,
        dx: &mut [T; N],
        mask: impl KnownArrayMask<N>,
    ) where
        R: RuleFor<T>,
    {
        mask.visit_array(self.verb(dx, self.backward_formula().in_place()));
    }

    /// [`infer`](Self::infer) in place, of slices and of arrays, which always succeeds.
    pub fn infer_in_place<T: Element>(&self, x: &mut [T])
    where
        R: RuleFor<T>,
    {
        self.scale_for_inference(InPlace, x);
    }

    /// [`infer`](Self::infer) for arrays.
    pub fn infer_array<T: Element, const N: usize>(&self, x: &[T; N], y: &mut [T; N])
    where
        R: RuleFor<T>,
    {
        self.scale_for_inference(x.as_slice(), y);
    }
}

impl<R: Rule, S: Extent> Dropout<R, S> {
    /// [`infer`](Self::infer) in place.
    ///
    /// # Errors
    ///
    /// [`ShapeError`] if `x` has another length than the layout, or fewer elements than the panel. Then
    /// nothing is written.
    pub fn infer_in_place<T: Element>(&self, x: &mut [T]) -> Result<(), ShapeError>
    where
        R: RuleFor<T>,
    {
        self.shape.bits(None, x.len())?;
        self.scale_for_inference(InPlace, x);
        Ok(())
    }

    /// The layout, or the panel.
    #[must_use]
    pub const fn shape(self) -> S {
        self.shape
    }

    /// The same without it.
    #[must_use]
    pub const fn flat(self) -> Dropout<R> {
        Dropout { plan: self.plan, rule: self.rule, shape: Flat }
    }
}

impl<R: Rule, S: Shape> Dropout<R, S> {
    /// The same for `i8` whose zero is coded as `zero`: what is dropped becomes `zero`, and kept elements
    /// are scaled about it.
    ///
    /// A zero point belongs to a tensor. So a gradient that has another one, or none as `i16`, goes
    /// backward by a `Dropout` of its own:
    ///
    /// ```
    /// use dropout_kernels::{Classic, Dropout, Mask, MaskRng, drop_rate};
    ///
    /// const FOLD: Dropout<Classic> = Dropout::classic(drop_rate!(0.2));
    /// let (mut mask, mut rng) = (Mask::<2>::new(), MaskRng::new(42, 0));
    /// let (x, mut y) = ([-100i8; 64], [0i8; 64]);
    /// FOLD.with_zero_point(-128).forward(&x, &mut y, rng.draw(&mut mask))?;
    /// let (dy, mut dx) = ([300i16; 64], [0i16; 64]);
    /// FOLD.backward(&dy, &mut dx, &mask)?;
    /// assert!(y.iter().zip(dx).all(|pair| matches!(pair, (-100, 300) | (-128, 0))));
    /// # Ok::<(), dropout_kernels::ShapeError>(())
    /// ```
    ///
    /// Requantised:
    ///
    /// ```
    /// use dropout_kernels::{Dropout, MaskKey, drop_rate};
    ///
    /// let dropout = Dropout::new(drop_rate!(0.5)).with_zero_point(-10);
    /// let mut y = [-4i8; 100]; // 6 above zero
    /// dropout.forward_in_place(&mut y, MaskKey::new(42, 0))?;
    /// assert!(y.iter().all(|y| [2, -10].contains(y)));
    /// # Ok::<(), dropout_kernels::ShapeError>(())
    /// ```
    #[must_use]
    pub const fn with_zero_point(self, zero: i8) -> Dropout<ZeroPoint<R>, S>
    where
        ZeroPoint<R>: RuleFor<i8>,
    {
        Dropout { plan: self.plan, rule: ZeroPoint { rule: self.rule, zero }, shape: self.shape }
    }

    /// The same run by a given backend, for tests and benchmarks: the results are the same. A
    /// backend that this machine does not have is taken for [`Backend::Portable`].
    #[must_use]
    pub fn with_backend(self, backend: Backend) -> Self {
        Self { plan: self.plan.with_backend(backend), ..self }
    }

    /// The same at another rate. Backward needs the rate that forward had: a mask does not know its
    /// rate, and the scale would be another.
    #[must_use]
    pub fn with_rate(self, rate: DropRate) -> Self {
        Self { plan: self.plan.with_rate(rate), rule: self.rule.at(rate), ..self }
    }

    /// The rate.
    #[must_use]
    pub const fn rate(self) -> DropRate {
        self.plan.rate
    }

    /// The rule.
    #[must_use]
    pub const fn rule(self) -> R {
        self.rule
    }

    /// Drops: `y = forward(x)`.
    ///
    /// Where the mask is drawn, the output has the bits of the input at p = 0, and at p = 1 everything is
    /// dropped, to +0.0 ([`DropKey`]: -inf; integers: the zero point); neither moves the generator. A
    /// mask of your own alone decides what is dropped, and the rate only sets the scale. At p = 1 the
    /// inverted and the alpha rule have no finite scale: everything is dropped, whatever the mask.
    ///
    /// # Errors
    ///
    /// [`ShapeError`] if `y` has another length than `x`, or if the mask or the layout does not fit
    /// them. Then nothing is written, and no generator has moved.
    pub fn forward<T: Element>(
        &self,
        x: &[T],
        y: &mut [T],
        mask: impl MaskSource,
    ) -> Result<(), ShapeError>
    where
        R: RuleFor<T>,
    {
        self.run(Some(x.len()), y, mask, self.forward_formula().from(x))
    }

    /// [`forward`](Self::forward) in place. By a key, and without a layout, it always succeeds.
    ///
    /// # Errors
    ///
    /// Same errors as [`forward`](Self::forward).
    pub fn forward_in_place<T: Element>(
        &self,
        x: &mut [T],
        mask: impl MaskSource,
    ) -> Result<(), ShapeError>
    where
        R: RuleFor<T>,
    {
        self.run(None, x, mask, self.forward_formula().in_place())
    }

    /// The gradient through the elements that forward kept: `dx = backward(dy)`, by forward's key
    /// or its mask.
    ///
    /// # Errors
    ///
    /// Same errors as [`forward`](Self::forward).
    pub fn backward<T: Element>(
        &self,
        dy: &[T],
        dx: &mut [T],
        mask: impl KnownMask,
    ) -> Result<(), ShapeError>
    where
        R: RuleFor<T>,
    {
        self.run(Some(dy.len()), dx, mask, self.backward_formula().from(dy))
    }

    /// [`backward`](Self::backward) in place. By a key, and without a layout, it always succeeds.
    ///
    /// # Errors
    ///
    /// Same errors as [`forward`](Self::forward).
    pub fn backward_in_place<T: Element>(
        &self,
        dx: &mut [T],
        mask: impl KnownMask,
    ) -> Result<(), ShapeError>
    where
        R: RuleFor<T>,
    {
        self.run(None, dx, mask, self.backward_formula().in_place())
    }

    /// Inference: the identity, but y = (1 - p) * x for the classic rule (and all dropped at p = 1, where
    /// no unit was ever trained).
    ///
    /// # Errors
    ///
    /// [`ShapeError`] if `y` has another length than `x`, or another than the layout. Then nothing
    /// is written.
    pub fn infer<T: Element>(&self, x: &[T], y: &mut [T]) -> Result<(), ShapeError>
    where
        R: RuleFor<T>,
    {
        self.shape.bits(Some(x.len()), y.len())?;
        self.scale_for_inference(x, y);
        Ok(())
    }

    pub(crate) fn forward_formula<T: Element>(&self) -> R::Forward
    where
        R: RuleFor<T>,
    {
        self.rule.forward(self.plan.rate)
    }

    pub(crate) fn backward_formula<T: Element>(&self) -> R::Backward
    where
        R: RuleFor<T>,
    {
        self.rule.backward(self.plan.rate)
    }

    /// Whether a stored mask decides at this rate; else everything counts as dropped.
    pub(crate) fn decides(&self) -> bool {
        self.rule.decides(self.plan.rate)
    }

    /// By a mask of as many bits as there are elements, or as the layout has.
    pub(crate) fn apply<T: Element>(&self, mask: MaskRef<'_>, y: &mut [T], op: impl Runs<T>) {
        self.verb(y, op).apply(mask);
    }

    fn verb<'y, T, O>(&'y self, y: &'y mut [T], op: O) -> Drop<'y, T, S, O> {
        Drop { plan: &self.plan, decides: self.decides(), shape: &self.shape, y, op }
    }

    #[cfg_attr(not(target_os = "none"), inline(always))]
    fn run<T: Element>(
        &self,
        input: Option<usize>,
        y: &mut [T],
        mask: impl MaskSource,
        op: impl Runs<T>,
    ) -> Result<(), ShapeError> {
        mask.visit(self.shape.bits(input, y.len())?, self.verb(y, op))
    }

    /// What inference does: the one place that says so.
    pub(crate) fn inference<T: Element>(&self) -> Inference<R::Inference>
    where
        R: RuleFor<T>,
    {
        match (self.rule.inference(self.rate()), self.rate().draws()) {
            (None, _) | (_, Draws::KeepAll) => Inference::Same,
            (Some(scaled), Draws::DropAll) => Inference::Zeros(scaled),
            (Some(scaled), Draws::Planes(_)) => Inference::Scaled(scaled),
        }
    }

    fn scale_for_inference<T: Element>(&self, x: impl Place<T>, y: &mut [T])
    where
        R: RuleFor<T>,
    {
        match self.inference() {
            Inference::Same => self.shape.pass_all(y, x.op(Same)),
            Inference::Scaled(formula) => self.shape.map(self.plan, true, y, x.op(formula)),
            Inference::Zeros(formula) => self.shape.map(self.plan, false, y, x.op(formula)),
        }
    }
}

/// What all units become at inference.
pub(crate) enum Inference<F> {
    Same,
    Scaled(F),
    /// No unit was ever trained: all count as dropped.
    Zeros(F),
}

/// The verb of plain dropout and of layouts. The one place that says what happens at p = 0, at p =
/// 1, and where the rule lets no mask decide.
pub(crate) struct Drop<'y, T, S, O> {
    pub(crate) plan: &'y Plan,
    /// Whether a stored mask decides at this rate; else everything counts as dropped.
    pub(crate) decides: bool,
    pub(crate) shape: &'y S,
    pub(crate) y: &'y mut [T],
    pub(crate) op: O,
}

impl<T: Element, S: Shape, O: Runs<T>> VisitStored for Drop<'_, T, S, O> {
    type Output = ();

    #[cfg_attr(not(target_os = "none"), inline(always))]
    #[cfg_attr(target_os = "none", inline)]
    fn apply(self, mask: MaskRef<'_>) {
        if self.decides {
            self.shape.apply(*self.plan, mask, self.y, self.op);
        } else {
            self.shape.map(*self.plan, false, self.y, self.op);
        }
    }

    #[inline]
    fn draw(self, source: impl RandomSource, mut mask: MaskMut<'_>) {
        let Self { plan, shape, y, op, .. } = self;
        let draws = plan.rate.draws();
        if let Draws::Planes(planes) = draws
            && !cfg!(target_os = "none")
        {
            return shape.draw(*plan, planes, source, mask, y, op);
        }
        // On chips, where nothing is gained by doing both at a time, a program links less.
        plan.fill(source, mask.reborrow());
        match draws {
            Draws::KeepAll => shape.pass_all(y, op),
            Draws::DropAll => shape.map(*plan, false, y, op),
            Draws::Planes(_) => shape.apply(*plan, mask.as_ref(), y, op),
        }
    }
}

impl<T: Element, S: Shape, O: Runs<T>> Visit for Drop<'_, T, S, O> {
    #[inline]
    fn apply_window(self, window: MaskWindow<'_>) {
        if self.decides {
            self.shape.apply_window(*self.plan, window, self.y, self.op);
        } else {
            self.shape.map(*self.plan, false, self.y, self.op);
        }
    }

    #[inline]
    fn replay(self, key: MaskKey) {
        match self.plan.rate.draws() {
            Draws::KeepAll => self.shape.pass_all(self.y, self.op),
            Draws::DropAll => self.shape.map(*self.plan, false, self.y, self.op),
            Draws::Planes(planes) => self.shape.replay(*self.plan, planes, key, self.y, self.op),
        }
    }
}

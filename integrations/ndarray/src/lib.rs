//! Dropout on the arrays and views of [`ndarray`] by the kernels of [`dropout_kernels`].
//!
//! [`DropoutNd`] gives [`Dropout`] its verbs for arrays of any dimension and any layout:
//!
//! ```
//! use dropout_kernels::{Dropout, MaskKey, drop_rate};
//! use dropout_kernels_ndarray::DropoutNd as _;
//! use ndarray::{Array, s};
//!
//! let dropout = Dropout::new(drop_rate!(0.5));
//! let key = MaskKey::new(42, 0);
//! let x = Array::<f32, _>::ones((40, 100));
//!
//! let mut y = Array::zeros((40, 100));
//! dropout.forward_nd(&x, &mut y, key)?;
//! let mut dx = Array::ones((40, 100));
//! dropout.backward_nd_in_place(&mut dx, key)?;
//! assert_eq!(y, dx); // the same elements, the same scale
//!
//! // A view, in place: nothing else of the array changes.
//! let mut whole = Array::<f32, _>::ones((40, 100));
//! dropout.forward_nd_in_place(&mut whole.slice_mut(s![3..9, 17..40]), key)?;
//! # Ok::<(), dropout_kernels_ndarray::Error>(())
//! ```
//!
//! # Which element has which mask bit
//!
//! The mask belongs to the logical order of elements, in which the last index moves fastest,
//! whatever the order in memory is. So element (i, j) of a matrix with c columns has bit i * c + j,
//! and a view, a transposed array and their copies in standard layout are dropped alike. The mask has as
//! many bits as the view has elements.
//!
//! # What it costs
//!
//! | input and output | by | what happens |
//! |---|---|---|
//! | both in standard layout | any source | one call on the whole slice |
//! | rows that are contiguous, of 16 elements or more | a key, or a mask in memory | a call for each row, with the row's window of the mask; by a key, the mask is drawn into n / 8 bytes of heap first |
//! | anything else, and a mask that is [drawn and stored](dropout_kernels::MaskRng::draw) for arrays that are not in standard layout | any source | elements are copied to the heap in logical order, dropped, and copied back |
//!
//! ndarray's views can be side by side in one allocation, as halves of a matrix are, so no slice over
//! the gaps of a view can be lent. Where you own the memory, [`dropout.over(panel)`](dropout_kernels::Panel) goes over
//! all rows in one call, by the same mask.

#![forbid(unsafe_code)]

use core::fmt;
use std::error;

use dropout_kernels::{
    Draw, DropRate, Dropout, Element, KnownMask, Mask, MaskKey, MaskMut, MaskRef, MaskSource,
    MaskStore, MaskWindow, RandomSource, Rule, RuleFor, ShapeError, mask_words,
};
use ndarray::{ArrayRef, Axis, Dimension};

/// Rows of fewer elements are copied: a call for each costs more.
const NARROW: usize = 16;

/// The verbs of [`Dropout`] on arrays and views. They take `&array`, `&view`, `&mut array` or `&mut view`.
pub trait DropoutNd<R: Rule> {
    /// Drops: `y = forward(x)`, as [`Dropout::forward`] does.
    ///
    /// # Errors
    ///
    /// [`Error`] if `y` has another shape than `x`, or if the mask has another number of bits than there
    /// are elements. Then nothing is written, and no generator has moved.
    fn forward_nd<T: Element, D: Dimension>(
        &self,
        x: &ArrayRef<T, D>,
        y: &mut ArrayRef<T, D>,
        mask: impl Source,
    ) -> Result<(), Error>
    where
        R: RuleFor<T>;

    /// [`forward_nd`](Self::forward_nd) in place.
    ///
    /// # Errors
    ///
    /// Same errors as [`forward_nd`](Self::forward_nd).
    fn forward_nd_in_place<T: Element, D: Dimension>(
        &self,
        x: &mut ArrayRef<T, D>,
        mask: impl Source,
    ) -> Result<(), Error>
    where
        R: RuleFor<T>;

    /// The gradient through the elements that forward kept: `dx = backward(dy)`, by forward's key
    /// or its mask. The layouts need not be those of forward.
    ///
    /// # Errors
    ///
    /// Same errors as [`forward_nd`](Self::forward_nd).
    fn backward_nd<T: Element, D: Dimension>(
        &self,
        dy: &ArrayRef<T, D>,
        dx: &mut ArrayRef<T, D>,
        mask: impl KnownSource,
    ) -> Result<(), Error>
    where
        R: RuleFor<T>;

    /// [`backward_nd`](Self::backward_nd) in place.
    ///
    /// # Errors
    ///
    /// Same errors as [`forward_nd`](Self::forward_nd).
    fn backward_nd_in_place<T: Element, D: Dimension>(
        &self,
        dx: &mut ArrayRef<T, D>,
        mask: impl KnownSource,
    ) -> Result<(), Error>
    where
        R: RuleFor<T>;
}

impl<R: Rule> DropoutNd<R> for Dropout<R> {
    fn forward_nd<T: Element, D: Dimension>(
        &self,
        x: &ArrayRef<T, D>,
        y: &mut ArrayRef<T, D>,
        mask: impl Source,
    ) -> Result<(), Error>
    where
        R: RuleFor<T>,
    {
        run(Forward(*self), x, y, self.rate(), mask)
    }

    fn forward_nd_in_place<T: Element, D: Dimension>(
        &self,
        x: &mut ArrayRef<T, D>,
        mask: impl Source,
    ) -> Result<(), Error>
    where
        R: RuleFor<T>,
    {
        run_in_place(Forward(*self), x, self.rate(), mask)
    }

    fn backward_nd<T: Element, D: Dimension>(
        &self,
        dy: &ArrayRef<T, D>,
        dx: &mut ArrayRef<T, D>,
        mask: impl KnownSource,
    ) -> Result<(), Error>
    where
        R: RuleFor<T>,
    {
        run(Backward(*self), dy, dx, self.rate(), mask)
    }

    fn backward_nd_in_place<T: Element, D: Dimension>(
        &self,
        dx: &mut ArrayRef<T, D>,
        mask: impl KnownSource,
    ) -> Result<(), Error>
    where
        R: RuleFor<T>,
    {
        run_in_place(Backward(*self), dx, self.rate(), mask)
    }
}

/// Where a mask comes from: every [`MaskSource`] of [`dropout_kernels`].
///
/// Sealed.
pub trait Source: MaskSource {
    /// Calls `f` with all of the mask if it is in memory or can be put there; otherwise gives the source back.
    #[doc(hidden)]
    fn known(
        self,
        rate: DropRate,
        bits: usize,
        f: impl FnOnce(MaskWindow<'_>) -> Result<(), ShapeError>,
    ) -> Result<Result<(), ShapeError>, Self>;
}

/// Where backward takes its mask from: forward's key, or its mask.
///
/// Sealed.
pub trait KnownSource: Source + KnownMask {}

impl<S: Source + KnownMask> KnownSource for S {}

impl Source for MaskKey {
    fn known(
        self,
        rate: DropRate,
        bits: usize,
        f: impl FnOnce(MaskWindow<'_>) -> Result<(), ShapeError>,
    ) -> Result<Result<(), ShapeError>, Self> {
        // By a key the bits of the input stay at p = 0; by a mask a signalling NaN becomes a quiet one.
        if rate.p() == 0.0 {
            return Err(self);
        }
        let mut words = vec![0; mask_words(bits)];
        Ok(MaskMut::new(&mut words, bits).and_then(|mut mask| {
            self.fill(rate, mask.reborrow());
            f(mask.as_ref().into())
        }))
    }
}

impl Source for MaskWindow<'_> {
    fn known(
        self,
        _: DropRate,
        bits: usize,
        f: impl FnOnce(MaskWindow<'_>) -> Result<(), ShapeError>,
    ) -> Result<Result<(), ShapeError>, Self> {
        // Of another length it is given back, for the kernel to refuse.
        if self.len() == bits { Ok(f(self)) } else { Err(self) }
    }
}

impl Source for MaskRef<'_> {
    fn known(
        self,
        rate: DropRate,
        bits: usize,
        f: impl FnOnce(MaskWindow<'_>) -> Result<(), ShapeError>,
    ) -> Result<Result<(), ShapeError>, Self> {
        MaskWindow::from(self).known(rate, bits, f).map_err(|_| self)
    }
}

impl<const WORDS: usize> Source for &Mask<WORDS> {
    fn known(
        self,
        rate: DropRate,
        bits: usize,
        f: impl FnOnce(MaskWindow<'_>) -> Result<(), ShapeError>,
    ) -> Result<Result<(), ShapeError>, Self> {
        match MaskRef::new(self.words(), bits) {
            Ok(mask) => mask.known(rate, bits, f).map_err(|_| self),
            Err(_) => Err(self),
        }
    }
}

/// Drawn and stored by the kernel alone, so its array goes as a whole.
impl<G: RandomSource, M: MaskStore> Source for Draw<G, M> {
    fn known(
        self,
        _: DropRate,
        _: usize,
        _: impl FnOnce(MaskWindow<'_>) -> Result<(), ShapeError>,
    ) -> Result<Result<(), ShapeError>, Self> {
        Err(self)
    }
}

/// What is done by a mask of type `M`.
trait Verb<T, M> {
    fn apply(&self, x: &[T], y: &mut [T], mask: M) -> Result<(), ShapeError>;
    fn apply_in_place(&self, x: &mut [T], mask: M) -> Result<(), ShapeError>;
}

struct Forward<R: Rule>(Dropout<R>);

impl<T: Element, R: RuleFor<T>, M: MaskSource> Verb<T, M> for Forward<R> {
    fn apply(&self, x: &[T], y: &mut [T], mask: M) -> Result<(), ShapeError> {
        self.0.forward(x, y, mask)
    }

    fn apply_in_place(&self, x: &mut [T], mask: M) -> Result<(), ShapeError> {
        self.0.forward_in_place(x, mask)
    }
}

struct Backward<R: Rule>(Dropout<R>);

impl<T: Element, R: RuleFor<T>, M: KnownMask> Verb<T, M> for Backward<R> {
    fn apply(&self, dy: &[T], dx: &mut [T], mask: M) -> Result<(), ShapeError> {
        self.0.backward(dy, dx, mask)
    }

    fn apply_in_place(&self, dx: &mut [T], mask: M) -> Result<(), ShapeError> {
        self.0.backward_in_place(dx, mask)
    }
}

fn run<T: Element, D: Dimension, M: Source>(
    verb: impl Verb<T, M> + for<'a> Verb<T, MaskWindow<'a>>,
    x: &ArrayRef<T, D>,
    y: &mut ArrayRef<T, D>,
    rate: DropRate,
    mut mask: M,
) -> Result<(), Error> {
    if x.shape() != y.shape() {
        return Err(Error::Shapes { expected: x.shape().into(), given: y.shape().into() });
    }
    if let (Some(x), Some(y)) = (x.as_slice(), y.as_slice_mut()) {
        return Ok(verb.apply(x, y, mask)?);
    }
    if let (Some(width), Some(_)) = (row_width(x), row_width(y)) {
        let by_rows = mask.known(rate, x.len(), |mask| {
            for (r, (x, mut y)) in x.rows().into_iter().zip(y.rows_mut()).enumerate() {
                if let (Some(x), Some(y)) = (x.as_slice(), y.as_slice_mut()) {
                    verb.apply(x, y, mask.window(r * width..(r + 1) * width)?)?;
                }
            }
            Ok(())
        });
        match by_rows {
            Ok(done) => return Ok(done?),
            Err(given_back) => mask = given_back,
        }
    }
    let mut elements: Vec<T> = x.iter().copied().collect();
    verb.apply_in_place(&mut elements, mask)?;
    y.iter_mut().zip(elements).for_each(|(y, element)| *y = element);
    Ok(())
}

fn run_in_place<T: Element, D: Dimension, M: Source>(
    verb: impl Verb<T, M> + for<'a> Verb<T, MaskWindow<'a>>,
    x: &mut ArrayRef<T, D>,
    rate: DropRate,
    mut mask: M,
) -> Result<(), Error> {
    if let Some(x) = x.as_slice_mut() {
        return Ok(verb.apply_in_place(x, mask)?);
    }
    if let Some(width) = row_width(x) {
        let by_rows = mask.known(rate, x.len(), |mask| {
            for (r, mut x) in x.rows_mut().into_iter().enumerate() {
                if let Some(x) = x.as_slice_mut() {
                    verb.apply_in_place(x, mask.window(r * width..(r + 1) * width)?)?;
                }
            }
            Ok(())
        });
        match by_rows {
            Ok(done) => return Ok(done?),
            Err(given_back) => mask = given_back,
        }
    }
    let mut elements: Vec<T> = x.iter().copied().collect();
    verb.apply_in_place(&mut elements, mask)?;
    x.iter_mut().zip(elements).for_each(|(x, element)| *x = element);
    Ok(())
}

/// The elements of a row, if rows are contiguous and worth a call each.
fn row_width<T, D: Dimension>(x: &ArrayRef<T, D>) -> Option<usize> {
    let last = Axis(x.ndim().checked_sub(1)?);
    let width = x.len_of(last);
    (width >= NARROW && x.stride_of(last) == 1).then_some(width)
}

/// What does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The output has another shape than the input.
    Shapes {
        /// The shape of the input.
        expected: Vec<usize>,
        /// The shape of the output.
        given: Vec<usize>,
    },
    /// The mask does not fit the array.
    Mask(ShapeError),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shapes { expected, given } => {
                write!(f, "expected an output of shape {expected:?}, got {given:?}")
            }
            Self::Mask(error) => error.fmt(f),
        }
    }
}

impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Shapes { .. } => None,
            Self::Mask(error) => Some(error),
        }
    }
}

impl From<ShapeError> for Error {
    fn from(error: ShapeError) -> Self {
        Self::Mask(error)
    }
}

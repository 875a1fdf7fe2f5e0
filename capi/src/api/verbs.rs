//! What functions do, for any element type, rule, shape and source.

use dropout_kernels::{
    BiasDropout, Dropout, Element, Extent, Flat, Float, Integer, MaskKey, Requantises, Rows, Rule,
    RuleFor, Scales, Shape, ShapeError, Zoneout,
};

use super::given::{
    Bytes, Lent, Pair, Source, apart, by_draw, by_known, by_source, by_stored, one, pair, slice,
    slice_mut,
};
use super::types::dk_status::{self, *};
use super::types::{By, dk_drop_block, dk_dropout, dk_rate, dk_source};

pub(super) type Done = Result<(), dk_status>;

/// What is done by a dropout whose rule only the call knows.
pub(super) trait Verb<T: Element> {
    fn run<R: RuleFor<T>>(self, dropout: Dropout<R>) -> Done;
}

/// An element type of C.
pub(super) trait Number: Element {
    /// Calls a verb with the dropout that is given.
    fn by(dropout: &dk_dropout, verb: impl Verb<Self>) -> Done;
}

macro_rules! numbers {
    ($($t:ty)*) => {$(
        impl Number for $t {
            #[inline]
            fn by(dropout: &dk_dropout, verb: impl Verb<Self>) -> Done {
                match plain(dropout)? {
                    By::Inverted(dropout) => verb.run(dropout),
                    By::Classic(dropout) => verb.run(dropout),
                }
            }
        }
    )*};
}
numbers! { f32 f64 half::f16 half::bf16 i16 }

/// With its zero point, which may be 0.
impl Number for i8 {
    #[inline]
    fn by(dropout: &dk_dropout, verb: impl Verb<Self>) -> Done {
        let zero = Self::try_from(dropout.zero_point).map_err(|_| DK_ZERO_POINT)?;
        match dropout.get()? {
            By::Inverted(dropout) => verb.run(dropout.with_zero_point(zero)),
            By::Classic(dropout) => verb.run(dropout.with_zero_point(zero)),
        }
    }
}

/// The dropout, if its zero is 0.
pub(super) fn plain(dropout: &dk_dropout) -> Result<By, dk_status> {
    if dropout.zero_point == 0 { dropout.get() } else { Err(DK_ZERO_POINT) }
}

/// How mask bits belong to the elements of a call.
pub(super) trait Over {
    type Shape: Shape;
    fn over<R: Rule>(self, dropout: Dropout<R>) -> Dropout<R, Self::Shape>;
}

/// A bit for each element.
pub(super) struct Each;

impl Over for Each {
    type Shape = Flat;

    fn over<R: Rule>(self, dropout: Dropout<R>) -> Dropout<R> {
        dropout
    }
}

impl<S: Extent> Over for S {
    type Shape = S;

    fn over<R: Rule>(self, dropout: Dropout<R>) -> Dropout<R, S> {
        dropout.over(self)
    }
}

pub(super) struct Forward<'a, T, O>(pub(super) O, pub(super) Pair<'a, T>, pub(super) Source<'a>);

impl<T: Element, O: Over> Verb<T> for Forward<'_, T, O> {
    #[inline]
    fn run<R: RuleFor<T>>(self, dropout: Dropout<R>) -> Done {
        let Self(over, pair, source) = self;
        let dropout = over.over(dropout);
        match pair {
            Pair::Apart(x, y) => by_source!(source, |mask| dropout.forward(x, y, mask)),
            Pair::InPlace(x) => by_source!(source, |mask| dropout.forward_in_place(x, mask)),
        }
    }
}

pub(super) struct Backward<'a, T, O>(pub(super) O, pub(super) Pair<'a, T>, pub(super) Source<'a>);

impl<T: Element, O: Over> Verb<T> for Backward<'_, T, O> {
    #[inline]
    fn run<R: RuleFor<T>>(self, dropout: Dropout<R>) -> Done {
        let Self(over, pair, source) = self;
        let dropout = over.over(dropout);
        match pair {
            Pair::Apart(dy, dx) => by_known!(source, |mask| dropout.backward(dy, dx, mask)),
            Pair::InPlace(dx) => by_known!(source, |mask| dropout.backward_in_place(dx, mask)),
        }
    }
}

struct Infer<'a, T>(Pair<'a, T>);

impl<T: Element> Verb<T> for Infer<'_, T> {
    #[inline]
    fn run<R: RuleFor<T>>(self, dropout: Dropout<R>) -> Done {
        match self.0 {
            Pair::Apart(x, y) => Ok(dropout.infer(x, y)?),
            Pair::InPlace(x) => {
                dropout.infer_in_place(x);
                Ok(())
            }
        }
    }
}

struct InferOver<'a, T, S>(S, Pair<'a, T>);

impl<T: Element, S: Extent> Verb<T> for InferOver<'_, T, S> {
    #[inline]
    fn run<R: RuleFor<T>>(self, dropout: Dropout<R>) -> Done {
        let dropout = dropout.over(self.0);
        match self.1 {
            Pair::Apart(x, y) => Ok(dropout.infer(x, y)?),
            Pair::InPlace(x) => Ok(dropout.infer_in_place(x)?),
        }
    }
}

/// # Safety
///
/// Of each that follows: of every pointer, as `given::slice` and `given::slice_mut`.
pub(super) unsafe fn forward<T: Number>(
    dropout: *const dk_dropout,
    x: *const T,
    y: *mut T,
    n: usize,
    source: *const dk_source,
) -> Done {
    // SAFETY: the caller's promise.
    unsafe {
        let source = one(source)?.get(pair(x, n, y, n))?;
        T::by(one(dropout)?, Forward(Each, Pair::new(x, n, y, n)?, source))
    }
}

/// # Safety
///
/// As `forward`.
pub(super) unsafe fn backward<T: Number>(
    dropout: *const dk_dropout,
    dy: *const T,
    dx: *mut T,
    n: usize,
    source: *const dk_source,
) -> Done {
    // SAFETY: the caller's promise.
    unsafe {
        let source = one(source)?.get(pair(dy, n, dx, n))?;
        T::by(one(dropout)?, Backward(Each, Pair::new(dy, n, dx, n)?, source))
    }
}

/// # Safety
///
/// As `forward`.
pub(super) unsafe fn infer<T: Number>(
    dropout: *const dk_dropout,
    x: *const T,
    y: *mut T,
    n: usize,
) -> Done {
    // SAFETY: the caller's promise.
    unsafe {
        apart(&pair(x, n, y, n))?;
        T::by(one(dropout)?, Infer(Pair::new(x, n, y, n)?))
    }
}

/// A shape of C.
pub(super) trait Shaped {
    type Shape: Extent;
    fn shape(&self) -> Result<Self::Shape, dk_status>;
    /// Elements from the first to the last, of x and of y.
    fn extents(&self) -> [usize; 2];
}

impl Shaped for super::types::dk_layout {
    type Shape = dropout_kernels::Layout;

    fn shape(&self) -> Result<Self::Shape, dk_status> {
        self.get()
    }

    fn extents(&self) -> [usize; 2] {
        [self.groups.wrapping_mul(self.repeat).wrapping_mul(self.width).wrapping_mul(self.run); 2]
    }
}

impl Shaped for super::types::dk_panel {
    type Shape = dropout_kernels::Panel;

    fn shape(&self) -> Result<Self::Shape, dk_status> {
        self.get()
    }

    fn extents(&self) -> [usize; 2] {
        [self.x_stride, self.y_stride].map(|stride| match self.rows.checked_sub(1) {
            Some(more) if self.width > 0 => more.wrapping_mul(stride).wrapping_add(self.width),
            _ => 0,
        })
    }
}

/// # Safety
///
/// As `forward`.
pub(super) unsafe fn forward_over<T: Number, S: Shaped>(
    dropout: *const dk_dropout,
    shape: *const S,
    x: *const T,
    y: *mut T,
    source: *const dk_source,
) -> Done {
    // SAFETY: the caller's promise.
    unsafe {
        let shape = one(shape)?;
        let (over, [read, written]) = (shape.shape()?, shape.extents());
        let source = one(source)?.get(pair(x, read, y, written))?;
        T::by(one(dropout)?, Forward(over, Pair::new(x, read, y, written)?, source))
    }
}

/// # Safety
///
/// As `forward`.
pub(super) unsafe fn backward_over<T: Number, S: Shaped>(
    dropout: *const dk_dropout,
    shape: *const S,
    dy: *const T,
    dx: *mut T,
    source: *const dk_source,
) -> Done {
    // SAFETY: the caller's promise.
    unsafe {
        let shape = one(shape)?;
        let (over, [read, written]) = (shape.shape()?, shape.extents());
        let source = one(source)?.get(pair(dy, read, dx, written))?;
        T::by(one(dropout)?, Backward(over, Pair::new(dy, read, dx, written)?, source))
    }
}

/// # Safety
///
/// As `forward`.
pub(super) unsafe fn infer_over<T: Number, S: Shaped>(
    dropout: *const dk_dropout,
    shape: *const S,
    x: *const T,
    y: *mut T,
) -> Done {
    // SAFETY: the caller's promise.
    unsafe {
        let shape = one(shape)?;
        let (over, [read, written]) = (shape.shape()?, shape.extents());
        apart(&pair(x, read, y, written))?;
        T::by(one(dropout)?, InferOver(over, Pair::new(x, read, y, written)?))
    }
}

/// # Safety
///
/// As `forward`.
pub(super) unsafe fn forward_relu<T: Element>(
    dropout: *const dk_dropout,
    x: *const T,
    y: *mut T,
    n: usize,
    source: *const dk_source,
) -> Done
where
    dropout_kernels::Inverted: Scales<T>,
    dropout_kernels::Classic: Scales<T>,
{
    fn run<T: Element, R: Scales<T>>(d: Dropout<R>, pair: Pair<'_, T>, source: Source<'_>) -> Done {
        match pair {
            Pair::Apart(x, y) => by_draw!(source, |mask| d.forward_relu(x, y, mask)),
            Pair::InPlace(x) => by_draw!(source, |mask| d.forward_relu_in_place(x, mask)),
        }
    }
    // SAFETY: the caller's promise.
    unsafe {
        let source = one(source)?.get(pair(x, n, y, n))?;
        let pair = Pair::new(x, n, y, n)?;
        match plain(one(dropout)?)? {
            By::Inverted(dropout) => run(dropout, pair, source),
            By::Classic(dropout) => run(dropout, pair, source),
        }
    }
}

/// A sum with a dropout: y += forward(x), or y += backward(x) where it was drawn before.
///
/// # Safety
///
/// As `forward`.
pub(super) unsafe fn add<T: Float>(
    dropout: *const dk_dropout,
    x: *const T,
    y: *mut T,
    n: usize,
    source: *const dk_source,
    known: bool,
) -> Done {
    fn run<T: Float, R: Scales<T>>(
        d: Dropout<R>,
        x: &[T],
        y: &mut [T],
        source: Source<'_>,
        known: bool,
    ) -> Done {
        if known {
            by_known!(source, |mask| d.backward_add(x, y, mask))
        } else {
            by_source!(source, |mask| d.forward_add(x, y, mask))
        }
    }
    // SAFETY: the caller's promise.
    unsafe {
        let source = one(source)?.get([Bytes::read(x, n), Bytes::written(y, n)])?;
        let (x, y) = (slice(x, n)?, slice_mut(y, n)?);
        match plain(one(dropout)?)? {
            By::Inverted(dropout) => run(dropout, x, y, source, known),
            By::Classic(dropout) => run(dropout, x, y, source, known),
        }
    }
}

/// What a residual is.
enum Residual<'a, T> {
    None,
    /// It is overwritten.
    Output,
    Of(&'a [T]),
}

/// The slices of `x + bias`, a residual and an output.
struct Sum<'a, T> {
    pair: Pair<'a, T>,
    bias: &'a [T],
    residual: Residual<'a, T>,
}

impl<T> Sum<'_, T> {
    /// # Safety
    ///
    /// As `forward`.
    unsafe fn new(
        x: *const T,
        bias: *const T,
        width: usize,
        residual: *const T,
        y: *mut T,
        n: usize,
    ) -> Result<Self, dk_status> {
        // SAFETY: the caller's promise.
        unsafe {
            let pair = Pair::new(x, n, y, n)?;
            // Of nothing all may stand at one place.
            let residual = if residual.is_null() || n == 0 {
                Residual::None
            } else if residual.cast_mut() == y {
                Residual::Output
            } else {
                Residual::Of(slice(residual, n)?)
            };
            Ok(Self { pair, bias: slice(bias, width)?, residual })
        }
    }
}

/// The bytes of a sum.
fn sum<T>(
    x: *const T,
    bias: *const T,
    width: usize,
    residual: *const T,
    y: *mut T,
    n: usize,
) -> [Bytes; 4] {
    let [x, output] = pair(x, n, y, n);
    let same = residual.is_null() || residual.cast_mut() == y;
    let residual = Bytes::read(residual, if same { 0 } else { n });
    [x, output, residual, Bytes::read(bias, width)]
}

/// # Safety
///
/// As `forward`.
#[expect(clippy::too_many_arguments, reason = "C's")]
pub(super) unsafe fn bias_dropout_add<T: Float>(
    dropout: *const dk_dropout,
    x: *const T,
    bias: *const T,
    width: usize,
    residual: *const T,
    y: *mut T,
    n: usize,
    source: *const dk_source,
) -> Done {
    fn run<T: Float, R: Scales<T>, S: Rows>(
        block: BiasDropout<'_, T, R, S>,
        pair: Pair<'_, T>,
        residual: Residual<'_, T>,
        source: Source<'_>,
    ) -> Done {
        match (pair, residual) {
            (Pair::Apart(x, y), Residual::None) => {
                by_source!(source, |mask| block.forward(x, y, mask))
            }
            (Pair::InPlace(x), Residual::None) => {
                by_source!(source, |mask| block.forward_in_place(x, mask))
            }
            (Pair::Apart(x, y), Residual::Output) => {
                by_source!(source, |mask| block.forward_add(x, y, mask))
            }
            (Pair::InPlace(_), Residual::Output) => Err(DK_OVERLAP),
            (Pair::Apart(x, y), Residual::Of(residual)) => {
                by_source!(source, |mask| block.forward_residual(x, residual, y, mask))
            }
            (Pair::InPlace(x), Residual::Of(residual)) => {
                by_source!(source, |mask| block.forward_residual_in_place(x, residual, mask))
            }
        }
    }
    // SAFETY: the caller's promise.
    unsafe {
        let source = one(source)?.get(sum(x, bias, width, residual, y, n))?;
        let Sum { pair, bias, residual } = Sum::new(x, bias, width, residual, y, n)?;
        match plain(one(dropout)?)? {
            By::Inverted(dropout) => run(dropout.with_bias(bias), pair, residual, source),
            By::Classic(dropout) => run(dropout.with_bias(bias), pair, residual, source),
        }
    }
}

/// # Safety
///
/// As `forward`.
pub(super) unsafe fn bias_dropout_add_infer<T: Float>(
    dropout: *const dk_dropout,
    x: *const T,
    bias: *const T,
    width: usize,
    residual: *const T,
    y: *mut T,
    n: usize,
) -> Done {
    fn run<T: Float, R: Scales<T>>(
        block: BiasDropout<'_, T, R, Flat>,
        pair: Pair<'_, T>,
        residual: Residual<'_, T>,
    ) -> Done {
        let done = match (pair, residual) {
            (Pair::Apart(x, y), Residual::None) => block.infer(x, y),
            (Pair::InPlace(x), Residual::None) => block.infer_in_place(x),
            (Pair::Apart(x, y), Residual::Of(residual)) => block.infer_residual(x, residual, y),
            (Pair::InPlace(x), Residual::Of(residual)) => {
                block.infer_residual_in_place(x, residual)
            }
            (_, Residual::Output) => return Err(DK_OVERLAP),
        };
        Ok(done?)
    }
    // SAFETY: the caller's promise.
    unsafe {
        apart(&sum(x, bias, width, residual, y, n))?;
        let Sum { pair, bias, residual } = Sum::new(x, bias, width, residual, y, n)?;
        match plain(one(dropout)?)? {
            By::Inverted(dropout) => run(dropout.with_bias(bias), pair, residual),
            By::Classic(dropout) => run(dropout.with_bias(bias), pair, residual),
        }
    }
}

/// # Safety
///
/// As `forward`.
pub(super) unsafe fn bias_dropout_add_backward<T: Float>(
    dropout: *const dk_dropout,
    dy: *const T,
    dx: *mut T,
    dbias: *mut T::Factor,
    width: usize,
    n: usize,
    source: *const dk_source,
) -> Done {
    fn run<T: Float, R: Scales<T>>(
        dropout: Dropout<R>,
        pair: Pair<'_, T>,
        dbias: &mut [T::Factor],
        source: Source<'_>,
    ) -> Done {
        let (dy, dx) = match pair {
            Pair::Apart(dy, dx) => (Some(dy), dx),
            Pair::InPlace(dx) => (None, dx),
        };
        by_known!(source, |mask| dropout.bias_backward(dy, dx, dbias, mask))
    }
    // SAFETY: the caller's promise.
    unsafe {
        let [x, y] = pair(dy, n, dx, n);
        let source = one(source)?.get([x, y, Bytes::written(dbias, width)])?;
        let (pair, dbias) = (Pair::new(dy, n, dx, n)?, slice_mut(dbias, width)?);
        match plain(one(dropout)?)? {
            By::Inverted(dropout) => run(dropout, pair, dbias, source),
            By::Classic(dropout) => run(dropout, pair, dbias, source),
        }
    }
}

/// # Safety
///
/// As `forward`.
#[expect(clippy::too_many_arguments, reason = "C's")]
pub(super) unsafe fn stochastic<T: Integer + Number>(
    dropout: *const dk_dropout,
    x: *const T,
    y: *mut T,
    n: usize,
    source: *const dk_source,
    rounding: MaskKey,
    known: bool,
    by: impl FnOnce(&dk_dropout, Rounded<'_, T>) -> Done,
) -> Done {
    // SAFETY: the caller's promise.
    unsafe {
        let source = one(source)?.get(pair(x, n, y, n))?;
        let pair = Pair::new(x, n, y, n)?;
        by(one(dropout)?, Rounded { pair, source, rounding, known })
    }
}

/// A dropout of integers, with products that are rounded at random.
pub(super) struct Rounded<'a, T> {
    pair: Pair<'a, T>,
    source: Source<'a>,
    rounding: MaskKey,
    known: bool,
}

impl<T: Integer> Rounded<'_, T> {
    pub(super) fn run<R: Requantises<T>>(self, d: Dropout<R>) -> Done {
        let Self { pair, source, rounding, known } = self;
        match (pair, known) {
            (Pair::Apart(x, y), false) => {
                by_source!(source, |mask| d.forward_stochastic(x, y, mask, rounding))
            }
            (Pair::InPlace(x), false) => {
                by_source!(source, |mask| d.forward_stochastic_in_place(x, mask, rounding))
            }
            (Pair::Apart(x, y), true) => {
                by_known!(source, |mask| d.backward_stochastic(x, y, mask, rounding))
            }
            (Pair::InPlace(x), true) => {
                by_known!(source, |mask| d.backward_stochastic_in_place(x, mask, rounding))
            }
        }
    }
}

/// # Safety
///
/// As `forward`.
pub(super) unsafe fn drop_block<T: Element>(
    blocks: *const dk_drop_block,
    x: *const T,
    y: *mut T,
    source: *const dk_source,
    known: bool,
) -> Done {
    // SAFETY: the caller's promise.
    unsafe {
        let blocks = one(blocks)?.get()?;
        let n = blocks.elements();
        let source = one(source)?.get(pair(x, n, y, n))?;
        if known && !matches!(source, Source::Mask(_)) {
            return Err(if matches!(source, Source::Rng(..) | Source::KeyInto(..)) {
                DK_SOURCE_DRAWS
            } else {
                DK_SOURCE_NOT_STORED
            });
        }
        match Pair::new(x, n, y, n)? {
            Pair::Apart(x, y) => by_stored!(source, |mask| blocks.forward(x, y, mask)),
            Pair::InPlace(x) => by_stored!(source, |mask| blocks.forward_in_place(x, mask)),
        }
    }
}

/// # Safety
///
/// As `forward`.
pub(super) unsafe fn zoneout_forward<T: Element>(
    rate: *const dk_rate,
    h_prev: *const T,
    h_new: *const T,
    h: *mut T,
    n: usize,
    source: *const dk_source,
) -> Done {
    // SAFETY: the caller's promise.
    unsafe {
        let source = one(source)?.get(states(h_prev, h_new, h, n))?;
        let cell = Zoneout::new(one(rate)?.get()?);
        match States::new(h_prev, h_new, h, n)? {
            States::Apart(prev, new, h) => {
                by_source!(source, |mask| cell.forward(prev, new, h, mask))
            }
            States::IntoPrev(h, new) => {
                by_source!(source, |mask| cell.forward_into_prev(h, new, mask))
            }
            States::IntoNew(prev, h) => {
                by_source!(source, |mask| cell.forward_into_new(prev, h, mask))
            }
        }
    }
}

/// # Safety
///
/// As `forward`.
pub(super) unsafe fn zoneout_infer<T: Element>(
    rate: *const dk_rate,
    h_prev: *const T,
    h_new: *const T,
    h: *mut T,
    n: usize,
) -> Done {
    // SAFETY: the caller's promise.
    unsafe {
        apart(&states(h_prev, h_new, h, n))?;
        let cell = Zoneout::new(one(rate)?.get()?);
        match States::new(h_prev, h_new, h, n)? {
            States::Apart(prev, new, h) => Ok(cell.infer(prev, new, h)?),
            States::IntoPrev(h, new) => Ok(cell.infer_into_prev(h, new)?),
            States::IntoNew(prev, h) => Ok(cell.infer_into_new(prev, h)?),
        }
    }
}

/// # Safety
///
/// As `forward`.
pub(super) unsafe fn zoneout_backward<T: Element>(
    rate: *const dk_rate,
    dh: *const T,
    dh_prev: *mut T,
    dh_new: *mut T,
    n: usize,
    source: *const dk_source,
) -> Done {
    // SAFETY: the caller's promise.
    unsafe {
        let [read, new] = pair(dh, n, dh_new, n);
        let source = one(source)?.get([read, new, Bytes::written(dh_prev, n)])?;
        let cell = Zoneout::new(one(rate)?.get()?);
        let prev = slice_mut(dh_prev, n)?;
        match Pair::new(dh, n, dh_new, n)? {
            Pair::Apart(dh, new) => by_known!(source, |mask| cell.backward(dh, prev, new, mask)),
            Pair::InPlace(dh) => by_known!(source, |mask| cell.backward_in_place(dh, prev, mask)),
        }
    }
}

/// Two states and what becomes of them, which may stand where one of them does.
enum States<'a, T> {
    Apart(&'a [T], &'a [T], &'a mut [T]),
    IntoPrev(&'a mut [T], &'a [T]),
    IntoNew(&'a [T], &'a mut [T]),
}

impl<T> States<'_, T> {
    /// # Safety
    ///
    /// As `forward`.
    unsafe fn new(prev: *const T, new: *const T, h: *mut T, n: usize) -> Result<Self, dk_status> {
        // SAFETY: the caller's promise.
        unsafe {
            if n > 0 && prev.cast_mut() == h {
                Ok(Self::IntoPrev(slice_mut(h, n)?, slice(new, n)?))
            } else if n > 0 && new.cast_mut() == h {
                Ok(Self::IntoNew(slice(prev, n)?, slice_mut(h, n)?))
            } else {
                Ok(Self::Apart(slice(prev, n)?, slice(new, n)?, slice_mut(h, n)?))
            }
        }
    }
}

/// The bytes of states: what stands where h does is h's. (All three are refused: then one of the
/// two is still another's.)
fn states<T>(prev: *const T, new: *const T, h: *mut T, n: usize) -> [Bytes; 3] {
    let into_prev = prev.cast_mut() == h;
    let into_new = !into_prev && new.cast_mut() == h;
    [
        Bytes::read(prev, if into_prev { 0 } else { n }),
        Bytes::read(new, if into_new { 0 } else { n }),
        Bytes::written(h, n),
    ]
}

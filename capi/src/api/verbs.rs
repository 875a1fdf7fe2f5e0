//! What functions do, for any element type, rule, shape and source.

use dropout_kernels::{
    BiasDropout, ConcreteDropout, DropConnect, Dropout, Element, Extent, Flat, Float, Integer,
    KnownMask, Layout, MaskKey, MaskRef, MaskWindow, Panel, Requantises, Rows, Rule, RuleFor,
    Scales, Shape, ShapeError, Zoneout, mask_words,
};

use super::given::{
    Bytes, Lent, Pair, Random, SMALL, Source, apart, by_draw, by_key, by_known, by_random, by_rng,
    by_source, by_stored, one, pair, slice, slice_mut,
};
use super::types::dk_status::{self, *};
use super::types::{
    By, dk_drop_block, dk_drop_connect, dk_dropout, dk_embedding_noise, dk_panel, dk_rate,
    dk_source,
};

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
                match dropout.plain()? {
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

/// How mask bits belong to the elements of a call.
pub(super) trait Over: Sized {
    type Shape: Shape;

    /// Whether elements of x stand as those of y do.
    const TOGETHER: bool = true;

    fn over<R: Rule>(self, dropout: Dropout<R>) -> Dropout<R, Self::Shape>;

    /// In place, by a part of a mask that begins at any bit.
    fn window<T: Element, R: RuleFor<T>>(
        dropout: Dropout<R, Self::Shape>,
        way: Way,
        x: &mut [T],
        mask: MaskWindow<'_>,
    ) -> Result<(), ShapeError> {
        way.go(dropout, x, mask)
    }
}

/// Forward or backward.
#[derive(Clone, Copy)]
pub(super) enum Way {
    Forward,
    Backward,
}

impl Way {
    fn go<T: Element, R: RuleFor<T>, S: Shape>(
        self,
        dropout: Dropout<R, S>,
        x: &mut [T],
        mask: impl KnownMask,
    ) -> Result<(), ShapeError> {
        match self {
            Self::Forward => dropout.forward_in_place(x, mask),
            Self::Backward => dropout.backward_in_place(x, mask),
        }
    }
}

/// A bit for each element.
pub(super) struct Each;

impl Over for Each {
    type Shape = Flat;

    fn over<R: Rule>(self, dropout: Dropout<R>) -> Dropout<R> {
        dropout
    }

    /// By the code of whole words.
    fn window<T: Element, R: RuleFor<T>>(
        dropout: Dropout<R>,
        way: Way,
        x: &mut [T],
        mask: MaskWindow<'_>,
    ) -> Result<(), ShapeError> {
        const WORDS: usize = 8;
        let mut at = 0;
        for x in x.chunks_mut(32 * WORDS) {
            let mut words = [0; WORDS];
            for word in &mut words {
                *word = mask.word_at(at);
                at += 32;
            }
            let words = words.get(..mask_words(x.len())).unwrap_or_default();
            way.go(dropout, x, MaskRef::new(words, x.len())?)?;
        }
        Ok(())
    }
}

impl Over for Layout {
    type Shape = Self;

    fn over<R: Rule>(self, dropout: Dropout<R>) -> Dropout<R, Self> {
        dropout.over(self)
    }
}

impl Over for Panel {
    type Shape = Self;

    const TOGETHER: bool = false;

    fn over<R: Rule>(self, dropout: Dropout<R>) -> Dropout<R, Self> {
        dropout.over(self)
    }
}

/// In place on a chip: with a copy of the code for keys, and one for masks in memory.
fn small<T: Element, R: RuleFor<T>, O: Over>(
    dropout: Dropout<R, O::Shape>,
    way: Way,
    x: &mut [T],
    source: Source<'_>,
) -> Result<(), ShapeError> {
    let mut drawn = match source {
        Source::Key(key) => return way.go(dropout, x, key),
        Source::Window(mask) => return O::window(dropout, way, x, mask),
        Source::Mask(mask) => return way.go(dropout, x, mask),
        Source::KeyInto(key, mut mask) => {
            key.fill(dropout.rate(), mask.reborrow());
            mask
        }
        Source::Rng(rng, mut mask) => {
            Lent::new(rng).get().fill(dropout.rate(), mask.reborrow());
            mask
        }
    };
    // What is drawn at p = 0 keeps the bits of x.
    if dropout.rate().threshold() == 0 {
        return Ok(());
    }
    way.go(dropout, x, drawn.reborrow().as_ref())
}

pub(super) struct Forward<'a, T, O>(pub(super) O, pub(super) Pair<'a, T>, pub(super) Source<'a>);

impl<T: Element, O: Over> Verb<T> for Forward<'_, T, O> {
    #[inline]
    fn run<R: RuleFor<T>>(self, dropout: Dropout<R>) -> Done {
        let Self(over, pair, source) = self;
        let dropout = over.over(dropout);
        Ok(match pair.settled(O::TOGETHER) {
            Pair::Apart(x, y) => by_source!(source, |mask| dropout.forward(x, y, mask)),
            Pair::InPlace(x) if SMALL => small::<_, _, O>(dropout, Way::Forward, x, source),
            Pair::InPlace(x) => by_source!(source, |mask| dropout.forward_in_place(x, mask)),
        }?)
    }
}

pub(super) struct Backward<'a, T, O>(pub(super) O, pub(super) Pair<'a, T>, pub(super) Source<'a>);

impl<T: Element, O: Over> Verb<T> for Backward<'_, T, O> {
    #[inline]
    fn run<R: RuleFor<T>>(self, dropout: Dropout<R>) -> Done {
        let Self(over, pair, source) = self;
        if matches!(source, Source::Rng(..) | Source::KeyInto(..)) {
            return Err(DK_SOURCE_DRAWS);
        }
        let dropout = over.over(dropout);
        Ok(match pair.settled(O::TOGETHER) {
            Pair::Apart(dy, dx) => by_known!(source, |mask| dropout.backward(dy, dx, mask)),
            Pair::InPlace(dx) if SMALL => small::<_, _, O>(dropout, Way::Backward, dx, source),
            Pair::InPlace(dx) => by_known!(source, |mask| dropout.backward_in_place(dx, mask)),
        }?)
    }
}

struct Infer<'a, T>(Pair<'a, T>);

impl<T: Element> Verb<T> for Infer<'_, T> {
    #[inline]
    fn run<R: RuleFor<T>>(self, dropout: Dropout<R>) -> Done {
        match self.0.settled(true) {
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
        let source = one(source)?.get(n, pair(x, n, y, n))?;
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
        let source = one(source)?.get(n, pair(dy, n, dx, n))?;
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
    type Shape: Extent + Over + Bits;
    fn shape(&self) -> Result<Self::Shape, dk_status>;
    /// Elements from the first to the last, of x and of y.
    fn extents(&self) -> [usize; 2];
}

/// A shape that says how many mask bits it has.
pub(super) trait Bits {
    fn bits(&self) -> usize;
}

impl Bits for dropout_kernels::Layout {
    fn bits(&self) -> usize {
        self.mask_bits()
    }
}

impl Bits for dropout_kernels::Panel {
    fn bits(&self) -> usize {
        self.mask_bits()
    }
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

impl Shaped for dk_panel {
    type Shape = dropout_kernels::Panel;

    fn shape(&self) -> Result<Self::Shape, dk_status> {
        self.get()
    }

    fn extents(&self) -> [usize; 2] {
        [self.extent(self.x_stride), self.extent(self.y_stride)]
    }
}

impl dk_panel {
    /// Elements from the first row's first to the last row's last.
    fn extent(&self, stride: usize) -> usize {
        match self.rows.checked_sub(1) {
            Some(more) if self.width > 0 => more.wrapping_mul(stride).wrapping_add(self.width),
            _ => 0,
        }
    }
}

/// A shape, the elements of x and of y that it reaches, and the bits of its mask.
pub(super) type Given<O> = (O, [usize; 2], usize);

/// A bit for each of `n` elements.
pub(super) fn each(n: usize) -> Given<Each> {
    (Each, [n; 2], n)
}

/// # Safety
///
/// As `given::one`.
pub(super) unsafe fn given<S: Shaped>(shape: *const S) -> Result<Given<S::Shape>, dk_status> {
    // SAFETY: the caller's promise.
    let shape = unsafe { one(shape)? };
    let over = shape.shape()?;
    let bits = over.bits();
    Ok((over, shape.extents(), bits))
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
        let (over, [read, written], bits) = given(shape)?;
        let source = one(source)?.get(bits, pair(x, read, y, written))?;
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
        let (over, [read, written], bits) = given(shape)?;
        let source = one(source)?.get(bits, pair(dy, read, dx, written))?;
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
        let (over, [read, written], _) = given(shape)?;
        apart(&pair(x, read, y, written))?;
        T::by(one(dropout)?, InferOver(over, Pair::new(x, read, y, written)?))
    }
}

/// A verb by a rule that is known, for elements or over a shape: from x to y, by a source.
///
/// # Safety
///
/// As `forward`.
pub(super) unsafe fn by_rule<'a, T: Element + 'a, R: RuleFor<T>, O: Over, V: Verb<T>>(
    dropout: Result<Dropout<R>, dk_status>,
    (over, [read, written], bits): Given<O>,
    x: *const T,
    y: *mut T,
    source: *const dk_source,
    verb: impl FnOnce(O, Pair<'a, T>, Source<'a>) -> V,
) -> Done {
    // SAFETY: the caller's promise.
    unsafe {
        let source = one(source)?.get(bits, pair(x, read, y, written))?;
        verb(over, Pair::new(x, read, y, written)?, source).run(dropout?)
    }
}

/// # Safety
///
/// As `forward`.
pub(super) unsafe fn forward_relu<T: Element, O: Over<Shape: Rows>>(
    dropout: *const dk_dropout,
    given: Result<Given<O>, dk_status>,
    x: *const T,
    y: *mut T,
    source: *const dk_source,
) -> Done
where
    dropout_kernels::Inverted: Scales<T>,
    dropout_kernels::Classic: Scales<T>,
{
    fn run<T: Element, R: Scales<T>, S: Rows>(
        d: Dropout<R, S>,
        pair: Pair<'_, T>,
        source: Source<'_>,
    ) -> Done {
        match pair {
            Pair::Apart(x, y) => by_draw!(source, |mask| d.forward_relu(x, y, mask)),
            Pair::InPlace(x) => by_draw!(source, |mask| d.forward_relu_in_place(x, mask)),
        }
        .map_err(dk_status::from)
    }
    // SAFETY: the caller's promise.
    unsafe {
        let (over, [read, written], bits) = given?;
        let source = one(source)?.get(bits, pair(x, read, y, written))?;
        let pair = Pair::new(x, read, y, written)?;
        match one(dropout)?.plain()? {
            By::Inverted(dropout) => run(over.over(dropout), pair, source),
            By::Classic(dropout) => run(over.over(dropout), pair, source),
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
            Ok(by_known!(source, |mask| d.backward_add(x, y, mask))?)
        } else {
            Ok(by_source!(source, |mask| d.forward_add(x, y, mask))?)
        }
    }
    // SAFETY: the caller's promise.
    unsafe {
        let source = one(source)?.get(n, [Bytes::read(x, n), Bytes::written(y, n)])?;
        let (x, y) = (slice(x, n)?, slice_mut(y, n)?);
        match one(dropout)?.plain()? {
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

/// Rows to which a bias is added.
pub(super) struct Biased<O> {
    given: Given<O>,
    /// Elements of the bias.
    width: usize,
    /// Elements of the residual.
    residual: usize,
}

/// `n` elements in rows of `width`.
pub(super) fn rows(n: usize, width: usize) -> Biased<Each> {
    Biased { given: each(n), width, residual: n }
}

/// A panel, with a residual whose rows begin `stride` elements after each other.
///
/// # Safety
///
/// As `given::one`.
pub(super) unsafe fn panel(
    panel: *const dk_panel,
    stride: usize,
) -> Result<Biased<Panel>, dk_status> {
    // SAFETY: the caller's promise.
    let shape = unsafe { one(panel)? };
    // SAFETY: the caller's promise.
    let (over, extents, bits) = unsafe { given(panel)? };
    let given = (over.with_residual_stride(stride)?, extents, bits);
    Ok(Biased { given, width: shape.width, residual: shape.extent(stride) })
}

impl<O> Biased<O> {
    /// # Safety
    ///
    /// As `forward`.
    unsafe fn slices<'a, T>(
        &self,
        x: *const T,
        bias: *const T,
        residual: *const T,
        y: *mut T,
    ) -> Result<Sum<'a, T>, dk_status> {
        let (_, [read, written], _) = self.given;
        // SAFETY: the caller's promise.
        unsafe {
            let pair = Pair::new(x, read, y, written)?;
            // Of nothing all may stand at one place.
            let residual = if residual.is_null() || written == 0 {
                Residual::None
            } else if residual.cast_mut() == y {
                Residual::Output
            } else {
                Residual::Of(slice(residual, self.residual)?)
            };
            Ok(Sum { pair, bias: slice(bias, self.width)?, residual })
        }
    }

    /// What it touches.
    fn bytes<T>(&self, x: *const T, bias: *const T, residual: *const T, y: *mut T) -> [Bytes; 4] {
        let (_, [read, written], _) = self.given;
        let [x, output] = pair(x, read, y, written);
        let same = residual.is_null() || residual.cast_mut() == y;
        let residual = Bytes::read(residual, if same { 0 } else { self.residual });
        [x, output, residual, Bytes::read(bias, self.width)]
    }
}

/// # Safety
///
/// As `forward`.
pub(super) unsafe fn bias_dropout_add<T: Float, O: Over<Shape: Rows>>(
    dropout: *const dk_dropout,
    rows: Result<Biased<O>, dk_status>,
    x: *const T,
    bias: *const T,
    residual: *const T,
    y: *mut T,
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
                Ok(by_source!(source, |mask| block.forward(x, y, mask))?)
            }
            (Pair::InPlace(x), Residual::None) => {
                Ok(by_source!(source, |mask| block.forward_in_place(x, mask))?)
            }
            (Pair::Apart(x, y), Residual::Output) => {
                Ok(by_source!(source, |mask| block.forward_add(x, y, mask))?)
            }
            (Pair::InPlace(_), Residual::Output) => Err(DK_OVERLAP),
            (Pair::Apart(x, y), Residual::Of(residual)) => {
                Ok(by_source!(source, |mask| block.forward_residual(x, residual, y, mask))?)
            }
            (Pair::InPlace(x), Residual::Of(residual)) => {
                Ok(by_source!(source, |mask| block.forward_residual_in_place(x, residual, mask))?)
            }
        }
    }
    // SAFETY: the caller's promise.
    unsafe {
        let rows = rows?;
        let bytes = rows.bytes(x, bias, residual, y);
        let source = one(source)?.get(rows.given.2, bytes)?;
        let Sum { pair, bias, residual } = rows.slices(x, bias, residual, y)?;
        let over = rows.given.0;
        match one(dropout)?.plain()? {
            By::Inverted(dropout) => {
                run(over.over(dropout).with_bias(bias), pair, residual, source)
            }
            By::Classic(dropout) => run(over.over(dropout).with_bias(bias), pair, residual, source),
        }
    }
}

/// # Safety
///
/// As `forward`.
pub(super) unsafe fn bias_dropout_add_infer<T: Float, O: Over<Shape: Rows>>(
    dropout: *const dk_dropout,
    rows: Result<Biased<O>, dk_status>,
    x: *const T,
    bias: *const T,
    residual: *const T,
    y: *mut T,
) -> Done {
    fn run<T: Float, R: Scales<T>, S: Rows>(
        block: BiasDropout<'_, T, R, S>,
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
        let rows = rows?;
        apart(&rows.bytes(x, bias, residual, y))?;
        let Sum { pair, bias, residual } = rows.slices(x, bias, residual, y)?;
        let over = rows.given.0;
        match one(dropout)?.plain()? {
            By::Inverted(dropout) => run(over.over(dropout).with_bias(bias), pair, residual),
            By::Classic(dropout) => run(over.over(dropout).with_bias(bias), pair, residual),
        }
    }
}

/// # Safety
///
/// As `forward`.
pub(super) unsafe fn bias_dropout_add_backward<T: Float, O: Over<Shape: Rows>>(
    dropout: *const dk_dropout,
    rows: Result<Biased<O>, dk_status>,
    dy: *const T,
    dx: *mut T,
    dbias: *mut T::Factor,
    source: *const dk_source,
) -> Done {
    fn run<T: Float, R: Scales<T>, S: Rows>(
        dropout: Dropout<R, S>,
        pair: Pair<'_, T>,
        dbias: &mut [T::Factor],
        source: Source<'_>,
    ) -> Done {
        let (dy, dx) = match pair {
            Pair::Apart(dy, dx) => (Some(dy), dx),
            Pair::InPlace(dx) => (None, dx),
        };
        Ok(by_known!(source, |mask| dropout.bias_backward(dy, dx, dbias, mask))?)
    }
    // SAFETY: the caller's promise.
    unsafe {
        let Biased { given: (over, [read, written], bits), width, .. } = rows?;
        let [x, y] = pair(dy, read, dx, written);
        let source = one(source)?.get(bits, [x, y, Bytes::written(dbias, width)])?;
        let (pair, dbias) = (Pair::new(dy, read, dx, written)?, slice_mut(dbias, width)?);
        match one(dropout)?.plain()? {
            By::Inverted(dropout) => run(over.over(dropout), pair, dbias, source),
            By::Classic(dropout) => run(over.over(dropout), pair, dbias, source),
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
        let source = one(source)?.get(n, pair(x, n, y, n))?;
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
                Ok(by_source!(source, |mask| d.forward_stochastic(x, y, mask, rounding))?)
            }
            (Pair::InPlace(x), false) => {
                Ok(by_source!(source, |mask| d.forward_stochastic_in_place(x, mask, rounding))?)
            }
            (Pair::Apart(x, y), true) => {
                Ok(by_known!(source, |mask| d.backward_stochastic(x, y, mask, rounding))?)
            }
            (Pair::InPlace(x), true) => {
                Ok(by_known!(source, |mask| d.backward_stochastic_in_place(x, mask, rounding))?)
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
        let source = one(source)?.get(blocks.mask_bits(), pair(x, n, y, n))?;
        match source {
            Source::Key(_) | Source::Window(_) => return Err(DK_SOURCE_NOT_STORED),
            Source::Rng(..) | Source::KeyInto(..) if known => return Err(DK_SOURCE_DRAWS),
            _ => {}
        }
        match Pair::new(x, n, y, n)?.settled(true) {
            Pair::Apart(x, y) => Ok(by_stored!(source, |mask| blocks.forward(x, y, mask))?),
            Pair::InPlace(x) => Ok(by_stored!(source, |mask| blocks.forward_in_place(x, mask))?),
        }
    }
}

/// What is done with dropped weights.
#[derive(Clone, Copy)]
pub(super) enum Product {
    /// y of W and x.
    Forward,
    /// dx of W and dy.
    Input,
    /// dW of x and dy.
    Weights,
}

/// A product of `a` and `b` by a mask, for several vectors. Inlined, so that a program links the products
/// that it has.
///
/// # Safety
///
/// As `forward`.
#[inline(always)]
pub(super) unsafe fn drop_connect<T: Float>(
    layer: *const dk_drop_connect,
    a: *const T,
    b: *const T,
    output: *mut T,
    batch: usize,
    source: *const dk_source,
    product: Product,
) -> Done {
    #[inline(always)]
    fn run<T: Float, R: RuleFor<T>>(
        layer: DropConnect<R>,
        (a, b, output): (&[T], &[T], &mut [T]),
        source: Source<'_>,
        product: Product,
    ) -> Done {
        Ok(match product {
            Product::Forward => by_source!(source, |mask| layer.forward(a, b, output, mask)),
            Product::Input => by_known!(source, |mask| layer.backward_input(a, b, output, mask)),
            Product::Weights => {
                by_known!(source, |mask| layer.backward_weights(a, b, output, mask))
            }
        }?)
    }
    // SAFETY: the caller's promise.
    unsafe {
        let layer = one(layer)?;
        let made = layer.get()?;
        let Lengths { weights, inputs, outputs } = Lengths::new(layer, batch)?;
        let [of_a, of_b, of_output] = match product {
            Product::Forward => [weights, inputs, outputs],
            Product::Input => [weights, outputs, inputs],
            Product::Weights => [inputs, outputs, weights],
        };
        let touched =
            [Bytes::read(a, of_a), Bytes::read(b, of_b), Bytes::written(output, of_output)];
        let source = one(source)?.get(weights, touched)?;
        let slices = (slice(a, of_a)?, slice(b, of_b)?, slice_mut(output, of_output)?);
        match made {
            By::Inverted(layer) => run(layer, slices, source, product),
            By::Classic(layer) => run(layer, slices, source, product),
        }
    }
}

/// Inference with all weights, or with all of the transposed matrix. Inlined as `drop_connect`.
///
/// # Safety
///
/// As `forward`.
#[inline(always)]
pub(super) unsafe fn drop_connect_infer<T: Float>(
    layer: *const dk_drop_connect,
    w: *const T,
    x: *const T,
    y: *mut T,
    batch: usize,
    transposed: bool,
) -> Done {
    #[inline(always)]
    fn run<T: Float, R: RuleFor<T>>(
        layer: DropConnect<R>,
        (w, x, y): (&[T], &[T], &mut [T]),
        transposed: bool,
    ) -> Done {
        Ok(if transposed { layer.infer_transposed(w, x, y) } else { layer.infer(w, x, y) }?)
    }
    // SAFETY: the caller's promise.
    unsafe {
        let layer = one(layer)?;
        let made = layer.get()?;
        let Lengths { weights, inputs, outputs } = Lengths::new(layer, batch)?;
        let (read, written) = if transposed { (outputs, inputs) } else { (inputs, outputs) };
        apart(&[Bytes::read(w, weights), Bytes::read(x, read), Bytes::written(y, written)])?;
        let slices = (slice(w, weights)?, slice(x, read)?, slice_mut(y, written)?);
        match made {
            By::Inverted(layer) => run(layer, slices, transposed),
            By::Classic(layer) => run(layer, slices, transposed),
        }
    }
}

/// Elements of a layer of weights, for a batch.
struct Lengths {
    weights: usize,
    inputs: usize,
    outputs: usize,
}

impl Lengths {
    fn new(layer: &dk_drop_connect, batch: usize) -> Result<Self, dk_status> {
        let times = |a: usize, b: usize| a.checked_mul(b).ok_or(DK_OVERFLOW);
        Ok(Self {
            weights: times(layer.rows, layer.columns)?,
            inputs: times(batch, layer.columns)?,
            outputs: times(batch, layer.rows)?,
        })
    }
}

/// # Safety
///
/// As `forward`.
pub(super) unsafe fn embedding_noise<T: Float>(
    noise: *const dk_embedding_noise,
    x: *const T,
    y: *mut T,
    n: usize,
    source: *const dk_source,
) -> Done {
    // SAFETY: the caller's promise.
    unsafe {
        let source = one(source)?.random(pair(x, n, y, n))?;
        let noise = one(noise)?.get()?;
        match Pair::new(x, n, y, n)?.settled(true) {
            Pair::Apart(x, y) => Ok(by_random!(source, |random| noise.forward(x, y, random))?),
            Pair::InPlace(x) => {
                by_random!(source, |random| noise.forward_in_place(x, random));
                Ok(())
            }
        }
    }
}

/// # Safety
///
/// As `forward`.
pub(super) unsafe fn concrete_forward<T: Float>(
    layer: Result<ConcreteDropout<T::Factor>, dk_status>,
    x: *const T,
    y: *mut T,
    n: usize,
    source: *const dk_source,
) -> Done {
    // SAFETY: the caller's promise.
    unsafe {
        let source = one(source)?.random(pair(x, n, y, n))?;
        let layer = layer?;
        match Pair::new(x, n, y, n)?.settled(true) {
            Pair::Apart(x, y) => Ok(by_random!(source, |random| layer.forward(x, y, random))?),
            Pair::InPlace(x) => {
                by_random!(source, |random| layer.forward_in_place(x, random));
                Ok(())
            }
        }
    }
}

/// # Safety
///
/// As `forward`.
pub(super) unsafe fn concrete_backward<T: Float>(
    layer: Result<ConcreteDropout<T::Factor>, dk_status>,
    x: *const T,
    dy: *const T,
    dx: *mut T,
    n: usize,
    to_logit: *mut T::Factor,
    before: *const dk_source,
) -> Done {
    // SAFETY: the caller's promise.
    unsafe {
        let [read, written] = pair(dy, n, dx, n);
        let sum = Bytes::written(to_logit, 1);
        let before = one(before)?.random([read, written, Bytes::read(x, n), sum])?;
        let (layer, x, to_logit) = (layer?, slice(x, n)?, slice_mut(to_logit, 1)?);
        let sum = match Pair::new(dy, n, dx, n)?.settled(true) {
            Pair::Apart(dy, dx) => by_random!(before, |random| layer.backward(x, dy, dx, random)),
            Pair::InPlace(dx) => {
                by_random!(before, |random| layer.backward_in_place(x, dx, random))
            }
        }?;
        to_logit.fill(sum);
        Ok(())
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
        let source = one(source)?.get(n, states(h_prev, h_new, h, n))?;
        let cell = Zoneout::new(one(rate)?.get()?);
        match States::new(h_prev, h_new, h, n)? {
            States::Apart(prev, new, h) => {
                Ok(by_source!(source, |mask| cell.forward(prev, new, h, mask))?)
            }
            States::IntoPrev(h, new) => {
                Ok(by_source!(source, |mask| cell.forward_into_prev(h, new, mask))?)
            }
            States::IntoNew(prev, h) => {
                Ok(by_source!(source, |mask| cell.forward_into_new(prev, h, mask))?)
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
        let source = one(source)?.get(n, [read, new, Bytes::written(dh_prev, n)])?;
        let cell = Zoneout::new(one(rate)?.get()?);
        let prev = slice_mut(dh_prev, n)?;
        match Pair::new(dh, n, dh_new, n)? {
            Pair::Apart(dh, new) => {
                Ok(by_known!(source, |mask| cell.backward(dh, prev, new, mask))?)
            }
            Pair::InPlace(dh) => {
                Ok(by_known!(source, |mask| cell.backward_in_place(dh, prev, mask))?)
            }
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

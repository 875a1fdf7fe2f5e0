//! `DropHead`: whole attention heads.

use crate::error::ShapeError;
use crate::isa::{Backend, Element, Place, Runs};
use crate::kernel::op::{InPlace, Same, Times};
use crate::key::MaskKey;
use crate::layout::{Layout, Part};
use crate::mask::{MaskMut, MaskRef, MaskWindow};
use crate::plan::shape::Sealed as _;
use crate::plan::{Plan, same_length};
use crate::rate::{Draws, DropRate};
use crate::source::{KnownMask, MaskSource, RandomSource, Visit, VisitStored};

/// `DropHead` (Zhou et al. 2020, section 3): drops whole attention heads, and makes up for
/// them sample by sample.
///
/// On what the heads give, before the projection that mixes them. With d the mask bit of a (sample,
/// head), and the heads of a sample counted:
///
/// y = d * x * heads / kept heads, dx = d * dy * heads / kept heads; inference is the identity.
///
/// The factor is a constant to the gradient. It is rounded to `f64`, then to the type that is computed in
/// (of integers to 31 bits), and
/// kept elements are one product. A dropped head is +0.0 whatever it was.
///
/// **A sample whose heads are all dropped** is zeros, and so is its gradient: the residual
/// connection around the attention is what is left of it. (Code that divides by the heads kept
/// gives NaN.) Of h heads that happens with probability p^h. At p = 1 it happens to all; at p = 0
/// what is drawn has the bits of x. Either leaves the generator alone.
///
/// The paper lets p fall and rise again over training: two ramps of
/// [`Schedule::linear`](crate::Schedule::linear).
///
/// # Cost
///
/// One pass over the elements, as [`Dropout`](crate::Dropout) over a layout. A mask has batch *
/// heads bits. A replay draws each bit twice, once to count.
///
/// ```
/// use dropout_kernels::{DropHead, MaskKey, drop_rate};
///
/// // 8 samples, 4 heads, 10 tokens of 16 elements for each head.
/// let drop_head = DropHead::new(drop_rate!(0.2), 8, 4, 10 * 16)?;
/// let mut x = [3f32; 8 * 4 * 160];
/// drop_head.forward_in_place(&mut x, MaskKey::new(42, 0))?;
/// for sample in x.chunks(4 * 160) {
///     let kept = sample.chunks(160).filter(|head| head[0] != 0.0).count() as f32;
///     assert!(sample.chunks(160).all(|head| head == [0.0; 160] || head == [3.0 * (4.0 / kept); 160]));
/// }
/// let mut dx = [3f32; 8 * 4 * 160];
/// drop_head.backward_in_place(&mut dx, MaskKey::new(42, 0))?;
/// assert_eq!(dx, x);
/// # Ok::<(), dropout_kernels::ShapeError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DropHead {
    plan: Plan,
    /// A group is a sample.
    layout: Layout,
}

impl DropHead {
    /// For a (batch, heads, elements) tensor; the elements of a head are tokens * dimension of a
    /// head.
    ///
    /// # Errors
    ///
    /// [`ShapeError::Overflow`] if there are more elements than a `usize` counts.
    pub const fn new(
        rate: DropRate,
        batch: usize,
        heads: usize,
        elements: usize,
    ) -> Result<Self, ShapeError> {
        Self::tokens_first(rate, batch, 1, heads, elements)
    }

    /// For a (batch, tokens, heads, dimension) tensor, as heads stand when they are concatenated.
    ///
    /// # Errors
    ///
    /// Same errors as [`new`](Self::new).
    pub const fn tokens_first(
        rate: DropRate,
        batch: usize,
        tokens: usize,
        heads: usize,
        dimension: usize,
    ) -> Result<Self, ShapeError> {
        match Layout::new(batch, tokens, heads, dimension) {
            Ok(layout) => Ok(Self { plan: Plan::new(rate), layout }),
            Err(overflow) => Err(overflow),
        }
    }

    /// As [`Dropout::with_backend`](crate::Dropout::with_backend).
    #[must_use]
    pub fn with_backend(self, backend: Backend) -> Self {
        Self { plan: self.plan.with_backend(backend), ..self }
    }

    /// The rate.
    #[must_use]
    pub const fn rate(self) -> DropRate {
        self.plan.rate
    }

    /// The same at another rate. A mask is as good at any rate: what it keeps says the scale.
    #[must_use]
    pub const fn with_rate(self, rate: DropRate) -> Self {
        Self { plan: self.plan.with_rate(rate), ..self }
    }

    /// Which elements are a head's: its mask has [`Layout::mask_bits`], sample by sample.
    #[must_use]
    pub const fn layout(self) -> Layout {
        self.layout
    }

    /// Drops: `y = forward(x)`. The mask alone says what is dropped and how the rest is scaled.
    ///
    /// # Errors
    ///
    /// [`ShapeError`] if `x` and `y` do not have the layout's elements, or the mask its bits. Then
    /// nothing is written and no generator has moved.
    pub fn forward<T: Element>(
        &self,
        x: &[T],
        y: &mut [T],
        mask: impl MaskSource,
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
        mask: impl MaskSource,
    ) -> Result<(), ShapeError> {
        self.run(InPlace, x, mask)
    }

    /// The gradient through the heads that forward kept: `dx = backward(dy)`, by forward's key or
    /// its mask.
    ///
    /// # Errors
    ///
    /// Same errors as [`forward`](Self::forward).
    pub fn backward<T: Element>(
        &self,
        dy: &[T],
        dx: &mut [T],
        mask: impl KnownMask,
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
        mask: impl KnownMask,
    ) -> Result<(), ShapeError> {
        self.forward_in_place(dx, mask)
    }

    fn run<T: Element>(
        &self,
        x: impl Place<T>,
        y: &mut [T],
        mask: impl MaskSource,
    ) -> Result<(), ShapeError> {
        let Self { plan, layout } = *self;
        mask.visit(layout.bits(None, y.len())?, DropHeads { plan, layout, x, y })
    }
}

/// The verb of whole heads, of which each sample has a factor.
struct DropHeads<'y, T, X> {
    plan: Plan,
    layout: Layout,
    x: X,
    y: &'y mut [T],
}

impl<T: Element, X: Place<T>> VisitStored for DropHeads<'_, T, X> {
    type Output = ();

    fn apply(self, mask: MaskRef<'_>) {
        self.apply_window(mask.into());
    }

    fn draw(self, source: impl RandomSource, mut mask: MaskMut<'_>) {
        self.plan.fill(source, mask.reborrow());
        if let Draws::KeepAll = self.plan.rate.draws() {
            return self.x.op(Same).pass_all(self.y);
        }
        self.apply(mask.as_ref());
    }
}

impl<T: Element, X: Place<T>> Visit for DropHeads<'_, T, X> {
    fn apply_window(self, window: MaskWindow<'_>) {
        let mut heads = Heads::<_, T>::new(self.layout.width, |bit| window.get(bit) == Some(true));
        let (words, first) = window.words();
        for Part { bit, layout, elements } in self.layout.parts(0, window.len()) {
            let op = self.x.op(Times(heads.factor(bit)));
            self.plan.apply_part(words, 0, Part { bit: first + bit, layout, elements }, self.y, op);
        }
    }

    fn replay(self, key: MaskKey) {
        let Self { plan, layout, x, y } = self;
        let planes = match plan.rate.draws() {
            Draws::KeepAll => return x.op(Same).pass_all(y),
            Draws::DropAll => return x.op(Same).map(plan.backend(), false, y),
            Draws::Planes(planes) => planes,
        };
        let bits = layout.deciding_bits();
        let mut blocks = plan.blocks(planes, key, bits);
        // The heads of a sample may go beyond a block, so others run ahead and count them.
        let mut ahead = plan.blocks(planes, key, bits);
        let mut heads = Heads::<_, T>::new(layout.width, |bit| ahead.keeps(bit));
        while blocks.advance() {
            let first = blocks.bits.start;
            for part in layout.parts(first, blocks.bits.len()) {
                let op = x.op(Times(heads.factor(part.bit)));
                plan.apply_part(blocks.words(), first, part, y, op);
            }
        }
    }
}

/// The factors of samples, from the bits of a mask, each of which is asked for once and in order.
struct Heads<K, T: Element> {
    keeps: K,
    heads: usize,
    counted: usize,
    factor: T::Factor,
}

impl<K: FnMut(usize) -> bool, T: Element> Heads<K, T> {
    fn new(heads: usize, keeps: K) -> Self {
        Self { keeps, heads, counted: 0, factor: T::quotient(1, 1) }
    }

    /// heads / kept heads of the sample of this bit; samples come in ascending order.
    fn factor(&mut self, bit: usize) -> T::Factor {
        while self.counted <= bit {
            let sample = self.counted..self.counted + self.heads;
            self.counted = sample.end;
            let kept = sample.filter(|bit| (self.keeps)(*bit)).count();
            // With no heads kept there is nothing to multiply.
            if kept > 0 {
                self.factor = T::quotient(self.heads as u64, kept as u64);
            }
        }
        self.factor
    }
}

//! Masks at a rate, and what they make of a slice: what every variant does.

use core::fmt;
use core::ops::Range;

use crate::error::ShapeError;
use crate::isa::{Available, Backend, Element, Runs};
use crate::key::MaskKey;
use crate::lanes::{BLOCK, LANES, Lanes};
use crate::layout::{Layout, Part};
use crate::mask::{MaskMut, MaskRef, MaskWindow, mask_words};
use crate::panel::Panel;
use crate::pieces::{fill, zeros};
use crate::rate::{Draws, DropRate, Planes};
use crate::rng::MaskRng;
use crate::source::{Fills, Lends as _, RandomSource};

/// A rate, and who draws at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Plan {
    pub(crate) rate: DropRate,
    /// `None` asks the machine at each call.
    backend: Option<Available>,
}

impl MaskRng {
    /// Draws a mask: each element is dropped with probability [`rate.p()`](DropRate::p).
    ///
    /// Costs what [`Dropout`](crate::Dropout) says. At rates 0 and 1 the mask becomes all kept or
    /// all dropped, and the generator does not move. Calls of a multiple of 512 elements can be
    /// split and joined: the masks, one after the other, are the same.
    ///
    /// From one state a higher rate drops, of the first 512 elements, all that a lower one drops.
    /// Beyond them that holds only for rates that draw alike: both odd multiples of the same
    /// 2^-k, k from 1 to 8; or both strictly between the same two multiples of 1/256.
    pub fn fill(&mut self, rate: DropRate, mask: MaskMut<'_>) {
        Plan::new(rate).fill(self, mask);
    }

    /// The next 512 bits: element i is bit i % 32 of word i / 32. Blocks, one after the other, are
    /// what one [`fill`](Self::fill) of all of them gives, so that a kernel can draw as it goes.
    ///
    /// ```
    /// use dropout_kernels::{Mask, MaskRng, drop_rate};
    ///
    /// let (mut a, mut b, mut mask) = (MaskRng::new(42, 0), MaskRng::new(42, 0), Mask::<32>::new());
    /// a.fill(drop_rate!(0.1), mask.view_mut(1024)?);
    /// assert_eq!([b.block(drop_rate!(0.1)), b.block(drop_rate!(0.1))].as_flattened(), mask.words());
    /// # Ok::<(), dropout_kernels::ShapeError>(())
    /// ```
    #[must_use]
    pub fn block(&mut self, rate: DropRate) -> [u32; LANES] {
        let mut words = zeros::<LANES>();
        if let Ok(mask) = MaskMut::new(&mut words, BLOCK) {
            self.fill(rate, mask);
        }
        words
    }

    /// [`fill`](Self::fill) by a given backend, for tests and benchmarks: the mask is the same. A
    /// backend that this machine does not have is taken for [`Backend::Portable`].
    pub fn fill_with(&mut self, backend: Backend, rate: DropRate, mask: MaskMut<'_>) {
        Plan::new(rate).with_backend(backend).fill(self, mask);
    }
}

impl MaskKey {
    /// Draws the mask of this name: the first that [`MaskRng::from_key`] would draw, at the price
    /// of seeding only the lanes that it uses, one for every 32 elements and sixteen at most.
    ///
    /// The mask can be applied later, elsewhere, by another thread.
    ///
    /// ```
    /// use dropout_kernels::{Mask, MaskKey, MaskRng, drop_rate};
    ///
    /// let (mut a, mut b) = (Mask::<4>::new(), Mask::<4>::new());
    /// MaskKey::new(42, 0).fill(drop_rate!(0.1), a.view_mut(100)?);
    /// MaskRng::new(42, 0).fill(drop_rate!(0.1), b.view_mut(100)?);
    /// assert_eq!(a, b);
    /// # Ok::<(), dropout_kernels::ShapeError>(())
    /// ```
    pub fn fill(self, rate: DropRate, mask: MaskMut<'_>) {
        Plan::new(rate).fill(self, mask);
    }
}

impl Plan {
    pub(crate) const fn new(rate: DropRate) -> Self {
        Self { rate, backend: None }
    }

    /// A backend that this machine does not have is taken for the portable one.
    pub(crate) fn with_backend(self, backend: Backend) -> Self {
        Self { backend: Some(Available::or_portable(backend)), ..self }
    }

    pub(crate) const fn with_rate(self, rate: DropRate) -> Self {
        Self { rate, ..self }
    }

    #[inline]
    pub(crate) fn backend(self) -> Available {
        self.backend.unwrap_or_else(Available::detect)
    }

    /// Makes a mask that is not applied yet.
    #[inline]
    pub(crate) fn fill(self, source: impl RandomSource, mut mask: MaskMut<'_>) {
        mask.write(|words| match self.rate.draws() {
            Draws::KeepAll => fill(words, !0),
            Draws::DropAll => fill(words, 0),
            Draws::Planes(planes) => {
                let backend = self.backend();
                source.with_lanes(backend, words.len(), |lanes| backend.fill(lanes, planes, words));
            }
        });
    }

    /// The mask of a key, of `bits` bits, a block at a time.
    pub(crate) fn blocks(self, planes: Planes, key: MaskKey, bits: usize) -> Blocks {
        let backend = self.backend();
        let mut lanes = Lanes::EMPTY;
        backend.seed(&mut lanes, key, mask_words(bits));
        Blocks { backend, planes, lanes, words: [0; WORDS_AT_A_TIME], bits: 0..0, end: bits }
    }

    /// Applies mask bits to their part of `y`; the first of `words` begins with bit `first`.
    pub(crate) fn apply_part<T: Element>(
        self,
        words: &[u32],
        first: usize,
        Part { bit, layout, elements }: Part,
        y: &mut [T],
        op: impl Runs<T>,
    ) {
        let at = elements.start;
        let target = y.get_mut(elements).unwrap_or_default();
        op.broadcast(self.backend(), words, bit - first, layout, at, target);
    }
}

impl Fills for Plan {
    fn fill(&self, source: impl RandomSource, mask: MaskMut<'_>) {
        Self::fill(*self, source, mask);
    }
}

/// How mask bits belong to elements: [`Flat`], a bit for each, a [`Layout`], or a [`Panel`].
///
/// Sealed.
pub trait Shape: Copy + fmt::Debug + PartialEq + shape::Sealed {}

/// A bit for each element, of any number of elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Flat;

impl Shape for Flat {}
impl Shape for Layout {}
impl Shape for Panel {}

/// A [`Shape`] of so many elements: a [`Layout`] or a [`Panel`].
///
/// Sealed.
pub trait Extent: Shape {}

/// A [`Shape`] whose elements stand together: [`Flat`] or a [`Layout`].
///
/// Sealed.
pub trait Compact: Shape {}

impl Compact for Flat {}
impl Compact for Layout {}
impl Extent for Layout {}
impl Extent for Panel {}

pub(crate) mod shape {
    use super::*;

    pub trait Sealed: Copy {
        /// Bits of the mask of so many elements of output, and of input if that is another slice.
        fn bits(self, input: Option<usize>, output: usize) -> Result<usize, ShapeError>;

        /// Every element as if it were kept, or as if it were dropped.
        fn map<T: Element>(self, plan: Plan, keep: bool, y: &mut [T], op: impl Runs<T>) {
            op.map(plan.backend(), keep, y);
        }

        /// The elements that are read, to the bit.
        fn pass_all<T: Element>(self, y: &mut [T], op: impl Runs<T>) {
            op.pass_all(y);
        }

        fn draw<T: Element>(
            self,
            plan: Plan,
            planes: Planes,
            source: impl RandomSource,
            mask: MaskMut<'_>,
            y: &mut [T],
            op: impl Runs<T>,
        );

        fn replay<T: Element>(
            self,
            plan: Plan,
            planes: Planes,
            key: MaskKey,
            y: &mut [T],
            op: impl Runs<T>,
        );

        fn apply<T: Element>(self, plan: Plan, mask: MaskRef<'_>, y: &mut [T], op: impl Runs<T>);

        /// The layout of so many elements that stand together.
        fn layout(self, elements: usize) -> Layout {
            Layout::elementwise(elements)
        }

        fn apply_window<T: Element>(
            self,
            plan: Plan,
            window: MaskWindow<'_>,
            y: &mut [T],
            op: impl Runs<T>,
        ) {
            let ((words, first), layout) = (window.words(), self.layout(y.len()).simplest());
            op.broadcast(plan.backend(), words, first, layout, 0, y);
        }
    }

    impl Sealed for Flat {
        fn bits(self, input: Option<usize>, output: usize) -> Result<usize, ShapeError> {
            same_lengths(input, output)
        }

        fn draw<T: Element>(
            self,
            plan: Plan,
            planes: Planes,
            source: impl RandomSource,
            mut mask: MaskMut<'_>,
            y: &mut [T],
            op: impl Runs<T>,
        ) {
            let backend = plan.backend();
            source.with_lanes(backend, mask_words(y.len()), |lanes| {
                mask.write(|words| op.draw(backend, lanes, planes, words, y));
            });
        }

        fn replay<T: Element>(
            self,
            plan: Plan,
            planes: Planes,
            key: MaskKey,
            y: &mut [T],
            op: impl Runs<T>,
        ) {
            let backend = plan.backend();
            key.with_lanes(backend, mask_words(y.len()), |lanes| {
                op.draw(backend, lanes, planes, &mut [], y);
            });
        }

        fn apply<T: Element>(self, plan: Plan, mask: MaskRef<'_>, y: &mut [T], op: impl Runs<T>) {
            op.apply(plan.backend(), mask.words(), y);
        }
    }

    impl Sealed for Layout {
        fn bits(self, input: Option<usize>, output: usize) -> Result<usize, ShapeError> {
            same_lengths(input, output)?;
            self.check_len(output).map(|()| self.mask_bits())
        }

        fn draw<T: Element>(
            self,
            plan: Plan,
            planes: Planes,
            source: impl RandomSource,
            mut mask: MaskMut<'_>,
            y: &mut [T],
            op: impl Runs<T>,
        ) {
            match self.simplest() {
                Layout { repeat: 1, run: 1, .. } => Flat.draw(plan, planes, source, mask, y, op),
                layout => {
                    plan.fill(source, mask.reborrow());
                    layout.apply(plan, mask.as_ref(), y, op);
                }
            }
        }

        /// As many bits as are drawn at a time, applied wherever they hold.
        fn replay<T: Element>(
            self,
            plan: Plan,
            planes: Planes,
            key: MaskKey,
            y: &mut [T],
            op: impl Runs<T>,
        ) {
            let layout = self.simplest();
            if let Layout { repeat: 1, run: 1, .. } = layout {
                return Flat.replay(plan, planes, key, y, op);
            }
            let mut blocks = plan.blocks(planes, key, layout.deciding_bits());
            while blocks.advance() {
                let Range { start, end } = blocks.bits;
                for part in layout.parts(start, end - start) {
                    plan.apply_part(blocks.words(), start, part, y, op);
                }
            }
        }

        fn apply<T: Element>(self, plan: Plan, mask: MaskRef<'_>, y: &mut [T], op: impl Runs<T>) {
            match self.simplest() {
                Layout { repeat: 1, run: 1, .. } => Flat.apply(plan, mask, y, op),
                layout => op.broadcast(plan.backend(), mask.words(), 0, layout, 0, y),
            }
        }

        fn layout(self, _: usize) -> Layout {
            self
        }
    }

    impl Sealed for Panel {
        fn bits(self, input: Option<usize>, output: usize) -> Result<usize, ShapeError> {
            if let Some(input) = input {
                self.check(self.input, input)?;
            }
            self.check(self.output, output).map(|()| self.mask_bits())
        }

        fn map<T: Element>(self, plan: Plan, keep: bool, y: &mut [T], op: impl Runs<T>) {
            for (at, row) in self.each(y) {
                op.map_from(plan.backend(), keep, at, row);
            }
        }

        fn pass_all<T: Element>(self, y: &mut [T], op: impl Runs<T>) {
            for (at, row) in self.each(y) {
                op.pass_from(at, row);
            }
        }

        fn draw<T: Element>(
            self,
            plan: Plan,
            _: Planes,
            source: impl RandomSource,
            mut mask: MaskMut<'_>,
            y: &mut [T],
            op: impl Runs<T>,
        ) {
            plan.fill(source, mask.reborrow());
            self.apply(plan, mask.as_ref(), y, op);
        }

        /// As many bits as are drawn at a time: what they have of a row that began before them, whole rows,
        /// and what they have of a last one.
        fn replay<T: Element>(
            self,
            plan: Plan,
            planes: Planes,
            key: MaskKey,
            y: &mut [T],
            op: impl Runs<T>,
        ) {
            let mut blocks = plan.blocks(planes, key, self.mask_bits());
            while blocks.advance() {
                let Range { start, end } = blocks.bits;
                for part in self.parts(start, end) {
                    let target = y.get_mut(part.output..).unwrap_or_default();
                    let (words, first) = (blocks.words(), part.bit - start);
                    op.panel(plan.backend(), words, first, part.panel, part.input, target);
                }
            }
        }

        fn apply<T: Element>(self, plan: Plan, mask: MaskRef<'_>, y: &mut [T], op: impl Runs<T>) {
            self.apply_window(plan, mask.into(), y, op);
        }

        fn apply_window<T: Element>(
            self,
            plan: Plan,
            window: MaskWindow<'_>,
            y: &mut [T],
            op: impl Runs<T>,
        ) {
            let (words, first) = window.words();
            op.panel(plan.backend(), words, first, self, 0, y);
        }
    }
}

/// Words that one call draws, which itself costs as much as some of them. A chip's stack holds fewer.
const WORDS_AT_A_TIME: usize = if cfg!(target_os = "none") { LANES } else { 8 * LANES };

/// A mask that is drawn part by part, and forgotten.
pub(crate) struct Blocks {
    backend: Available,
    planes: Planes,
    lanes: Lanes,
    words: [u32; WORDS_AT_A_TIME],
    /// Which bits of the mask `words` hold.
    pub(crate) bits: Range<usize>,
    end: usize,
}

impl Blocks {
    /// Draws the next bits, if there are more.
    pub(crate) fn advance(&mut self) -> bool {
        let start = self.bits.end;
        self.bits = start..self.end.min(start.saturating_add(32 * WORDS_AT_A_TIME));
        let words = self.words.get_mut(..mask_words(self.bits.len())).unwrap_or_default();
        self.backend.fill(&mut self.lanes, self.planes, words);
        !self.bits.is_empty()
    }

    /// What was drawn last.
    pub(crate) fn words(&self) -> &[u32] {
        &self.words
    }

    /// Whether `bit` is kept. Bits are asked for in ascending order.
    pub(crate) fn keeps(&mut self, bit: usize) -> bool {
        while bit >= self.bits.end && self.advance() {}
        let bit = bit - self.bits.start;
        self.words.get(bit / 32).is_some_and(|word| word >> (bit % 32) & 1 != 0)
    }
}

/// Input and output of one length, if they are two slices; their length.
fn same_lengths(input: Option<usize>, output: usize) -> Result<usize, ShapeError> {
    match input {
        Some(expected) if expected != output => {
            Err(ShapeError::LengthMismatch { expected, given: output })
        }
        _ => Ok(output),
    }
}

/// Input and output of one length.
pub(crate) fn same_length<T>(x: &[T], y: &[T]) -> Result<(), ShapeError> {
    same_lengths(Some(x.len()), y.len()).map(|_| ())
}

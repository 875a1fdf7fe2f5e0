//! Masks at a rate, drawn, replayed or supplied by the caller, and what they make of a slice: what every variant does.

use core::ops::Range;

use crate::error::ShapeError;
use crate::isa::{Available, Backend, Element, Runs};
use crate::key::MaskKey;
use crate::lanes::{BLOCK, LANES, Lanes};
use crate::layout::{Layout, Part};
use crate::mask::{MaskMut, MaskRef, mask_words};
use crate::rate::{Draws, DropRate, Planes};
use crate::rng::MaskRng;

/// A rate, and who draws at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Plan {
    pub(crate) rate: DropRate,
    /// `None` asks the machine at each call.
    backend: Option<Available>,
}

impl MaskRng {
    /// Draws a mask: each element is dropped with probability [`rate.p()`](DropRate::p).
    ///
    /// Costs what [`Dropout`](crate::Dropout) says. At rates 0 and 1 nothing is drawn. Calls of a multiple of 512 elements can be split and
    /// joined: the masks, one after the other, are the same.
    ///
    /// From one state a higher rate drops, of the first 512 elements, all that a lower one drops. Beyond them
    /// that holds only for rates that draw alike: both odd multiples of the same 2^-k, k from 1 to 8; or both
    /// strictly between the same two multiples of 1/256.
    pub fn fill(&mut self, rate: DropRate, mask: MaskMut<'_>) {
        Plan::new(rate).fill(self, mask);
    }

    /// [`fill`](Self::fill) by a given backend, for tests and benchmarks: the mask is the same. A
    /// backend that this machine does not have is taken for [`Backend::Portable`].
    pub fn fill_with(&mut self, backend: Backend, rate: DropRate, mask: MaskMut<'_>) {
        Plan::new(rate).with_backend(backend).fill(self, mask);
    }
}

impl MaskKey {
    /// Draws the mask of this name: the first that [`MaskRng::from_key`] would draw, at the price of seeding
    /// only the lanes that it uses, one for every 32 elements and sixteen at most.
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
        Plan::new(rate).fill_by_key(self, mask);
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

    /// Draws a mask, stores it, and applies it.
    pub(crate) fn draw<T: Element>(
        self,
        rng: &mut MaskRng,
        mut mask: MaskMut<'_>,
        y: &mut [T],
        change: impl Runs<T>,
    ) {
        mask.write(|words| self.run(&mut rng.lanes, words, y, change));
    }

    /// The same by the mask of a key, which is not stored.
    pub(crate) fn replay<T: Element>(self, key: MaskKey, y: &mut [T], change: impl Runs<T>) {
        let mut lanes = Lanes::EMPTY;
        if let Draws::Planes(_) = self.rate.draws() {
            self.backend().seed(&mut lanes, key, mask_words(y.len()));
        }
        self.run(&mut lanes, &mut [], y, change);
    }

    /// Applies a mask of `y`'s length.
    pub(crate) fn apply<T: Element>(self, mask: MaskRef<'_>, y: &mut [T], change: impl Runs<T>) {
        change.apply(self.backend(), mask.words(), y);
    }

    /// Every element as if it were kept, or as if it were dropped.
    pub(crate) fn map<T: Element>(self, keep: bool, y: &mut [T], change: impl Runs<T>) {
        change.map(self.backend(), keep, y);
    }

    fn run<T: Element>(
        self,
        lanes: &mut Lanes,
        words: &mut [u32],
        y: &mut [T],
        change: impl Runs<T>,
    ) {
        match self.rate.draws() {
            Draws::KeepAll => {
                words.fill(!0);
                change.pass_all(y);
            }
            Draws::DropAll => {
                words.fill(0);
                self.map(false, y, change);
            }
            Draws::Planes(planes) => {
                change.draw(self.backend(), lanes, planes, words, y);
            }
        }
    }

    /// Draws a mask that is not applied yet.
    #[inline]
    pub(crate) fn fill(self, rng: &mut MaskRng, mut mask: MaskMut<'_>) {
        match self.rate.draws() {
            Draws::KeepAll => mask.keep_all(),
            Draws::DropAll => mask.drop_all(),
            Draws::Planes(planes) => {
                mask.write(|words| self.backend().fill(&mut rng.lanes, planes, words));
            }
        }
    }

    /// The mask of a key.
    pub(crate) fn fill_by_key(self, key: MaskKey, mut mask: MaskMut<'_>) {
        match self.rate.draws() {
            Draws::KeepAll => mask.keep_all(),
            Draws::DropAll => mask.drop_all(),
            Draws::Planes(planes) => {
                let (backend, mut lanes) = (self.backend(), Lanes::EMPTY);
                mask.write(|words| {
                    backend.seed(&mut lanes, key, words.len());
                    backend.fill(&mut lanes, planes, words);
                });
            }
        }
    }

    /// [`draw`](Self::draw) through a layout, whose lengths `mask` and `y` have.
    pub(crate) fn draw_over<T: Element>(
        self,
        layout: Layout,
        rng: &mut MaskRng,
        mut mask: MaskMut<'_>,
        y: &mut [T],
        change: impl Runs<T>,
    ) {
        let layout = layout.simplest();
        match (self.rate.draws(), layout) {
            (Draws::Planes(_), Layout { repeat: 1, run: 1, .. }) => {
                self.draw(rng, mask, y, change);
            }
            (Draws::Planes(_), _) => {
                self.fill(rng, mask.reborrow());
                self.apply_over(layout, mask.as_ref(), y, change);
            }
            (Draws::KeepAll, _) => {
                mask.keep_all();
                change.pass_all(y);
            }
            (Draws::DropAll, _) => {
                mask.drop_all();
                self.map(false, y, change);
            }
        }
    }

    /// [`replay`](Self::replay) through a layout of `y`'s length: 512 bits of mask at a time, applied wherever
    /// they hold.
    pub(crate) fn replay_over<T: Element>(
        self,
        layout: Layout,
        key: MaskKey,
        y: &mut [T],
        change: impl Runs<T>,
    ) {
        let layout = layout.simplest();
        let (planes, bits) = match (self.rate.draws(), layout) {
            (Draws::Planes(planes), Layout { repeat, run, .. }) if repeat != 1 || run != 1 => {
                (planes, layout.deciding_bits())
            }
            _ => return self.replay(key, y, change),
        };
        let mut blocks = self.blocks(planes, key, bits);
        while blocks.advance() {
            let Range { start, end } = blocks.bits;
            for part in layout.parts(start, end - start) {
                self.apply_part(blocks.words(), start, part, y, change);
            }
        }
    }

    /// The mask of a key, of `bits` bits, a block at a time.
    pub(crate) fn blocks(self, planes: Planes, key: MaskKey, bits: usize) -> Blocks {
        let backend = self.backend();
        let mut lanes = Lanes::EMPTY;
        backend.seed(&mut lanes, key, mask_words(bits));
        Blocks { backend, planes, lanes, words: [0; LANES], bits: 0..0, end: bits }
    }

    /// Applies mask bits to their part of `y`; the first of `words` begins with bit `first`.
    pub(crate) fn apply_part<T: Element>(
        self,
        words: &[u32],
        first: usize,
        Part { bit, layout, elements }: Part,
        y: &mut [T],
        change: impl Runs<T>,
    ) {
        let at = elements.start;
        let target = y.get_mut(elements).unwrap_or_default();
        change.broadcast(self.backend(), words, bit - first, layout, at, target);
    }

    /// Applies a mask of the layout's bits through it.
    pub(crate) fn apply_over<T: Element>(
        self,
        layout: Layout,
        mask: MaskRef<'_>,
        y: &mut [T],
        change: impl Runs<T>,
    ) {
        match layout.simplest() {
            Layout { repeat: 1, run: 1, .. } => self.apply(mask, y, change),
            layout => change.broadcast(self.backend(), mask.words(), 0, layout, 0, y),
        }
    }
}

/// A mask that is drawn 512 bits at a time, and forgotten.
pub(crate) struct Blocks {
    backend: Available,
    planes: Planes,
    lanes: Lanes,
    words: [u32; LANES],
    /// Which bits of the mask `words` hold.
    pub(crate) bits: Range<usize>,
    end: usize,
}

impl Blocks {
    /// Draws the next bits, if there are more.
    pub(crate) fn advance(&mut self) -> bool {
        let start = self.bits.end;
        self.bits = start..self.end.min(start + BLOCK);
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

/// Input and output of one length.
pub(crate) fn same_length<T>(x: &[T], y: &[T]) -> Result<(), ShapeError> {
    if x.len() == y.len() {
        Ok(())
    } else {
        Err(ShapeError::LengthMismatch { expected: x.len(), given: y.len() })
    }
}

//! What is dropped from the feature maps of the last convolution, and how.

use dropout_kernels::{DropBlock, DropRate, Dropout, Layout, Mask, MaskRng, Schedule, mask_words};

use crate::network::{AREA, BATCH, MAPS, SIDE};

/// Rows, and columns, of a dropped block.
const BLOCK: usize = 3;

/// Which elements of a map go together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    /// Each by itself (Srivastava et al. 2014).
    Plain,
    /// All of them (Tompson et al. 2015).
    Spatial,
    /// Blocks of 3 x 3 of each map by itself, at a rate that rises from 0 in a straight line
    /// (Ghiasi et al. 2018).
    Block,
}

/// A kind of dropout and its rate, or `None`.
pub(crate) type Regulariser = Option<(Kind, DropRate)>;

/// Drops from the feature maps of a batch and remembers what.
pub(crate) struct Dropper {
    regulariser: Regulariser,
    seed: u64,
    /// Until blocks have reached their rate.
    steps: u32,
    mask: Box<Mask<{ mask_words(BATCH * MAPS * AREA) }>>,
}

impl Dropper {
    pub(crate) fn new(regulariser: Regulariser, seed: u64, steps: u32) -> Self {
        Self { regulariser, seed, steps, mask: Box::default() }
    }

    /// `maps` is images x MAPS x SIDE x SIDE. The mask is that of (seed, step).
    pub(crate) fn forward(&mut self, maps: &mut [f32], step: u32) {
        let Some((kind, rate)) = self.regulariser else { return };
        let layout = layout(kind, maps.len());
        let mask = self.mask.view_mut(layout.mask_bits()).expect("a bit an element at most");
        let mut rng = MaskRng::new(self.seed, step.into());
        let dropped = if kind == Kind::Block {
            let rate = Schedule::linear(DropRate::ZERO, rate, self.steps).rate(step);
            blocks(rate, maps.len()).forward_in_place(maps, rng.draw(mask))
        } else {
            Dropout::new(rate).over(layout).forward_in_place(maps, rng.draw(mask))
        };
        dropped.expect("the layout is that of the maps");
    }

    /// The gradient through what the last [`forward`](Self::forward) kept.
    pub(crate) fn backward(&self, d_maps: &mut [f32]) {
        let Some((kind, rate)) = self.regulariser else { return };
        let layout = layout(kind, d_maps.len());
        let mask = self.mask.view(layout.mask_bits()).expect("a bit an element at most");
        let dropped = if kind == Kind::Block {
            // Whatever the rate was: the mask alone says what is dropped and how the others are
            // scaled.
            blocks(rate, d_maps.len()).backward_in_place(d_maps, mask)
        } else {
            Dropout::new(rate).over(layout).backward_in_place(d_maps, mask)
        };
        dropped.expect("the layout is that of the maps");
    }
}

/// What each bit of the mask decides.
fn layout(kind: Kind, elements: usize) -> Layout {
    match kind {
        Kind::Plain | Kind::Block => Layout::elementwise(elements),
        Kind::Spatial => Layout::channels_first(images(elements), MAPS, &[SIDE, SIDE])
            .expect("the shape of a slice"),
    }
}

fn blocks(rate: DropRate, elements: usize) -> DropBlock {
    DropBlock::new(rate, BLOCK, images(elements), MAPS, &[SIDE, SIDE])
        .expect("the shape of a slice")
}

const fn images(elements: usize) -> usize {
    elements / (MAPS * AREA)
}

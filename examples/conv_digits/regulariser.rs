//! What is dropped from the feature maps of the last convolution, and how.

use dropout_kernels::{DropRate, Dropout, Layout, Mask, MaskRng, Structured, mask_words};

use crate::network::{AREA, BATCH, MAPS, SIDE};

/// Which elements of a map go together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    /// Each by itself (Srivastava et al. 2014).
    Plain,
    /// All of them (Tompson et al. 2015).
    Spatial,
    // DropBlock (Ghiasi et al. 2018) goes here, and below where it is marked.
}

/// A kind of dropout and its rate, or `None`.
pub(crate) type Regulariser = Option<(Kind, DropRate)>;

/// Drops from the feature maps of a batch and remembers what.
pub(crate) struct Dropper {
    regulariser: Regulariser,
    seed: u64,
    mask: Box<Mask<{ mask_words(BATCH * MAPS * AREA) }>>,
}

impl Dropper {
    pub(crate) fn new(regulariser: Regulariser, seed: u64) -> Self {
        Self { regulariser, seed, mask: Box::default() }
    }

    /// `maps` is images x MAPS x SIDE x SIDE. The mask is that of (seed, step).
    pub(crate) fn forward(&mut self, maps: &mut [f32], step: u64) {
        let Some((kind, rate)) = self.regulariser else { return };
        let mut rng = MaskRng::new(self.seed, step);
        // DropBlock: `draw` into the mask with its scratch words, then forward by the stored mask.
        let dropout = over(kind, rate, maps.len());
        let mask =
            self.mask.view_mut(dropout.layout().mask_bits()).expect("a bit an element at most");
        dropout.forward_in_place(maps, mask, &mut rng).expect("the layout is that of the maps");
    }

    /// The gradient through what the last [`forward`](Self::forward) kept.
    pub(crate) fn backward(&self, d_maps: &mut [f32]) {
        let Some((kind, rate)) = self.regulariser else { return };
        // DropBlock: backward by the stored mask.
        let dropout = over(kind, rate, d_maps.len());
        let mask = self.mask.view(dropout.layout().mask_bits()).expect("a bit an element at most");
        dropout.backward_in_place(d_maps, mask).expect("the layout is that of the maps");
    }
}

fn over(kind: Kind, rate: DropRate, elements: usize) -> Structured {
    let images = elements / (MAPS * AREA);
    let layout = match kind {
        Kind::Plain => Layout::elementwise(elements),
        Kind::Spatial => {
            Layout::channels_first(images, MAPS, &[SIDE, SIDE]).expect("the shape of a slice")
        }
    };
    Dropout::new(rate).over(layout)
}

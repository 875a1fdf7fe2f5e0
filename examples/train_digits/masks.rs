//! Dropout on the layers of the network: where the mask of a step and a layer comes from.

use dropout_kernels::{
    DropRate, Dropout, Mask, MaskKey, MaskRng, MaskTape, mask_words, tape_words,
};

use crate::digits::PIXELS;
use crate::network::{BATCH, Dropper, HIDDEN};

/// Layers with dropout on their output: the input, and both hidden layers.
pub(crate) const LAYERS: usize = 3;

/// Elements of the widest of them.
const WIDEST: usize = BATCH * if PIXELS > HIDDEN { PIXELS } else { HIDDEN };

const LENGTHS: [usize; LAYERS] = [BATCH * PIXELS, BATCH * HIDDEN, BATCH * HIDDEN];

/// Where masks are between forward and backward.
enum Store {
    /// On a tape, one bit an element.
    Tape(MaskTape<Vec<u32>>),
    /// Nowhere: each is drawn a second time.
    Replay,
}

/// Elements that were masked, and how many of them were dropped.
#[derive(Clone, Copy, Default)]
pub(crate) struct Drops {
    pub(crate) dropped: u64,
    pub(crate) elements: u64,
}

impl Drops {
    fn add(&mut self, kept: usize, elements: usize) {
        self.dropped += (elements - kept) as u64;
        self.elements += elements as u64;
    }

    pub(crate) fn merge(&mut self, other: Self) {
        self.dropped += other.dropped;
        self.elements += other.elements;
    }
}

/// The dropout of a network in training.
///
/// The mask of a step and a layer has a stream of its own. Both stores draw from it, so they give
/// the same masks.
pub(crate) struct Masks {
    dropouts: [Dropout; LAYERS],
    store: Store,
    seed: u64,
    step: u64,
    drops: [Drops; LAYERS],
}

impl Masks {
    pub(crate) fn new(rates: [DropRate; LAYERS], replay: bool, seed: u64) -> Self {
        Self {
            dropouts: rates.map(Dropout::new),
            store: if replay {
                Store::Replay
            } else {
                Store::Tape(MaskTape::new(vec![0; tape_words(&LENGTHS)]))
            },
            seed,
            step: 0,
            drops: Default::default(),
        }
    }

    fn key(&self, layer: usize) -> MaskKey {
        key(self.seed, self.step, layer)
    }

    /// What the masks dropped so far.
    pub(crate) const fn drops(&self) -> [Drops; LAYERS] {
        self.drops
    }
}

impl Dropper for Masks {
    fn forward(&mut self, layer: usize, x: &mut [f32]) {
        let dropout = self.dropouts[layer];
        let key = self.key(layer);
        let kept = match &mut self.store {
            Store::Tape(tape) => {
                let mut mask =
                    tape.push(layer as u32, x.len()).expect("the tape holds a step's masks");
                let mut rng = MaskRng::from_key(key);
                dropout
                    .forward_in_place(x, rng.draw(mask.reborrow()))
                    .expect("the mask has the batch's length");
                mask.as_ref().count_kept()
            }
            Store::Replay => {
                dropout.forward_in_place(x, key).expect("any length");
                count_kept(dropout.rate(), x.len(), key)
            }
        };
        self.drops[layer].add(kept, x.len());
    }

    fn backward(&mut self, layer: usize, dx: &mut [f32]) {
        let dropout = self.dropouts[layer];
        let key = self.key(layer);
        match &mut self.store {
            Store::Tape(tape) => {
                let mask = tape.pop(layer as u32, dx.len()).expect("layers go backward in reverse");
                dropout.backward_in_place(dx, mask).expect("the mask has the batch's length");
            }
            Store::Replay => dropout.backward_in_place(dx, key).expect("any length"),
        }
    }

    /// The mask of the input is still on the tape then.
    fn end_step(&mut self) {
        if let Store::Tape(tape) = &mut self.store {
            tape.clear();
        }
        self.step += 1;
    }
}

/// Of the mask of a step and a layer.
pub(crate) fn key(seed: u64, step: u64, layer: usize) -> MaskKey {
    let path = [(step, 1 << 32), (layer as u64, LAYERS as u64)];
    MaskKey::at(seed, &path).expect("fewer than 2^32 steps")
}

/// What the mask that replay draws keeps. It is drawn here once more for this count alone.
fn count_kept(rate: DropRate, len: usize, key: MaskKey) -> usize {
    let mut mask = Mask::<{ mask_words(WIDEST) }>::new();
    let mut mask = mask.view_mut(len).expect("no layer is longer than the widest");
    key.fill(rate, mask.reborrow());
    mask.as_ref().count_kept()
}

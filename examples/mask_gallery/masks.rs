//! What becomes of ones: each variant is called as a program would call it.

use dropout_kernels::{
    DropBlock, DropConnect, DropHead, DropPath, DropRate, Dropout, EmbeddingDropout, Error,
    GaussianDropout, LayerDrop, Layout, MaskKey, MaskMut, ShapeError, Zoneout, drop_rate,
    mask_words,
};

const RATE: DropRate = drop_rate!(0.25);
/// Of the last of the branches that `DropPath` drops.
const DEEPEST: DropRate = drop_rate!(0.5);
const DROPOUT: Dropout = Dropout::new(RATE);

const IMAGES: usize = 2;
const CHANNELS: usize = 4;
const SIDE: usize = 10;
const STEPS: usize = 14;
const UNITS: usize = 28;
const SAMPLES: usize = 12;
const LAYERS: usize = 12;
const HEADS: usize = 4;
const TOKENS: usize = 8;
const OUTPUTS: usize = 12;
const INPUTS: usize = 26;
const SENTENCES: [[&str; 5]; 6] = [
    ["the", "dog", "saw", "the", "cat"],
    ["a", "cat", "ran", "to", "me"],
    ["the", "cat", "saw", "a", "dog"],
    ["a", "dog", "ran", "to", "me"],
    ["a", "dog", "and", "a", "cat"],
    ["and", "the", "cat", "saw", "me"],
];

/// One variant.
pub(crate) struct Panel {
    pub(crate) name: &'static str,
    /// What is shown, and what shares a bit.
    pub(crate) caption: &'static str,
    pub(crate) show: Show,
    /// Rows and columns of tiles, such as maps or heads.
    pub(crate) tiles: [usize; 2],
    /// Rows and columns of a tile.
    pub(crate) cells: [usize; 2],
    /// What became of a one in each cell, tile after tile, row after row.
    pub(crate) factors: Vec<f32>,
    /// What is written into the cells, if anything.
    pub(crate) words: Vec<&'static str>,
}

/// What a factor of zero means.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Show {
    Dropped,
    /// The unit stays as it was.
    Held,
    /// Every factor is shown by its size.
    Factor,
}

impl Panel {
    pub(crate) fn dropped(&self) -> usize {
        self.factors.iter().filter(|factor| is_dropped(**factor)).count()
    }
}

/// `DropKey` drops by minus infinity.
pub(crate) fn is_dropped(factor: f32) -> bool {
    factor == 0.0 || factor == f32::NEG_INFINITY
}

pub(crate) fn panels(seed: u64) -> Result<Vec<Panel>, Error> {
    let key = |panel| MaskKey::new(seed, 0).fold(panel);
    let mut panels = maps([key(0), key(1), key(2), key(3)])?;
    panels.extend(depth([key(4), key(5)])?);
    panels.extend(time([key(6), key(7), key(8)])?);
    panels.extend(attention([key(9), key(10), key(11)])?);
    panels.extend([embedding(key(12))?, weights(key(13))?, gaussian(key(14))?]);
    Ok(panels)
}

/// What a variant makes of `n` ones.
fn ones(
    n: usize,
    drop: impl FnOnce(&mut [f32]) -> Result<(), ShapeError>,
) -> Result<Vec<f32>, ShapeError> {
    let mut x = vec![1.0; n];
    drop(&mut x).map(|()| x)
}

fn panel(
    name: &'static str,
    caption: &'static str,
    tiles: [usize; 2],
    cells: [usize; 2],
    factors: Vec<f32>,
) -> Panel {
    Panel { name, caption, show: Show::Dropped, tiles, cells, factors, words: Vec::new() }
}

fn maps([plain, spatial, block, shared]: [MaskKey; 4]) -> Result<Vec<Panel>, Error> {
    let n = IMAGES * CHANNELS * SIDE * SIDE;
    let show = |name, caption, x| panel(name, caption, [IMAGES, CHANNELS], [SIDE, SIDE], x);
    let layout = Layout::channels_first(IMAGES, CHANNELS, &[SIDE, SIDE])?;
    let blocks = DropBlock::new(RATE, 4, IMAGES, CHANNELS, &[SIDE, SIDE])?;
    let by = |blocks: DropBlock, key: MaskKey| {
        let mut words = vec![0; mask_words(blocks.mask_bits())];
        let mask = MaskMut::new(&mut words, blocks.mask_bits())?;
        ones(n, |x| blocks.forward_in_place(x, key.draw(mask)))
    };
    Ok(vec![
        show(
            "Plain (inverted, classic)",
            "2 images of 4 maps: each element alone",
            ones(n, |x| DROPOUT.forward_in_place(x, plain))?,
        ),
        show(
            "Spatial",
            "whole maps",
            ones(n, |x| DROPOUT.over(layout).forward_in_place(x, spatial))?,
        ),
        show("DropBlock", "blocks of 4 x 4 in each map", by(blocks, block)?),
        show(
            "DropBlock, shared",
            "the same blocks in all maps of an image",
            by(blocks.shared(), shared)?,
        ),
    ])
}

fn depth([path, layer]: [MaskKey; 2]) -> Result<Vec<Panel>, Error> {
    let mut branches = vec![1.0; SAMPLES * LAYERS];
    for l in 0..LAYERS {
        let rate = DEEPEST.at_depth(l as u32 + 1, LAYERS as u32)?;
        let branch = DropPath::samples(Dropout::new(rate), SAMPLES, 1)?.branch();
        let column = ones(SAMPLES, |x| branch.forward_in_place(x, path.fold(l as u64)))?;
        for (row, factor) in branches.chunks_mut(LAYERS).zip(column) {
            row[l] = factor;
        }
    }
    let mut layers = Vec::new();
    for step in 0..SAMPLES as u64 {
        let mut words = [0; mask_words(LAYERS)];
        let mut mask = MaskMut::new(&mut words, LAYERS)?;
        LayerDrop::new(RATE, LAYERS).fill(mask.reborrow(), layer.fold(step))?;
        layers.extend(mask.as_ref().iter().map(|kept| f32::from(u8::from(kept))));
    }
    let show = |name, caption, x| panel(name, caption, [1, 1], [SAMPLES, LAYERS], x);
    Ok(vec![
        show("DropPath (stochastic depth)", "12 samples, 12 branches; the last at 0.5", branches),
        show("LayerDrop", "12 training steps, 12 layers", layers),
    ])
}

fn time([each, locked, held]: [MaskKey; 3]) -> Result<Vec<Panel>, Error> {
    let n = STEPS * UNITS;
    let show = |name, caption, x| panel(name, caption, [1, 1], [STEPS, UNITS], x);
    let variational = DROPOUT.over(Layout::time_major(STEPS, 1, UNITS)?);
    let mut state = [-1f32; UNITS];
    let mut updated = Vec::new();
    for step in 0..STEPS {
        // A state that says when it was made.
        let new = [step as f32; UNITS];
        Zoneout::new(RATE).forward_into_prev(&mut state, &new, held.fold(step as u64))?;
        updated.extend(state.map(|made| if made == new[0] { 1.0 } else { 0.0 }));
    }
    Ok(vec![
        show(
            "Plain, at each time step",
            "14 steps (down) of 28 units: a mask a step",
            ones(n, |x| DROPOUT.forward_in_place(x, each))?,
        ),
        show(
            "Variational (locked)",
            "one mask for all steps of a sequence",
            ones(n, |x| variational.forward_in_place(x, locked))?,
        ),
        Panel {
            show: Show::Held,
            ..show("Zoneout", "a unit keeps the state of the step before", updated)
        },
    ])
}

fn attention([keys, columns, heads]: [MaskKey; 3]) -> Result<Vec<Panel>, Error> {
    let n = IMAGES * HEADS * TOKENS * TOKENS;
    let show = |name, caption, x| panel(name, caption, [IMAGES, HEADS], [TOKENS, TOKENS], x);
    let drop_key = Dropout::drop_key(RATE);
    let hidden_key = drop_key.over(Layout::new(IMAGES * HEADS, TOKENS, TOKENS, 1)?);
    let drop_head = DropHead::new(RATE, IMAGES, HEADS, TOKENS * TOKENS)?;
    Ok(vec![
        show(
            "DropKey; attention weights",
            "4 heads: query (down) x key, each alone",
            ones(n, |x| drop_key.forward_in_place(x, keys))?,
        ),
        show(
            "HiddenKey",
            "a key for all queries of a head",
            ones(n, |x| hidden_key.forward_in_place(x, columns))?,
        ),
        show(
            "DropHead",
            "whole heads of a sample",
            ones(n, |x| drop_head.forward_in_place(x, heads))?,
        ),
    ])
}

fn embedding(key: MaskKey) -> Result<Panel, Error> {
    let words = SENTENCES.concat();
    let mut vocabulary = Vec::new();
    let mut index = |word| {
        vocabulary.iter().position(|known| *known == word).unwrap_or_else(|| {
            vocabulary.push(word);
            vocabulary.len() - 1
        }) as u32
    };
    let indices: Vec<u32> = words.iter().map(|word| index(*word)).collect();
    let rows = vocabulary.len();
    let embedding = EmbeddingDropout::new(DROPOUT, rows, 1)?;
    let mut bits = vec![0; mask_words(rows)];
    let mask = MaskMut::new(&mut bits, rows)?;
    let mut y = vec![0.0; indices.len()];
    embedding.forward(&indices, &vec![1f32; rows], &mut y, key.draw(mask))?;
    let cells = [SENTENCES.len(), SENTENCES[0].len()];
    Ok(Panel { words, ..panel("Embedding", "a word, everywhere in the batch", [1, 1], cells, y) })
}

fn weights(key: MaskKey) -> Result<Panel, Error> {
    // The gradient of a sum shows the mask of the weights.
    let mut gradient = vec![0f32; OUTPUTS * INPUTS];
    let layer = DropConnect::new(RATE, OUTPUTS, INPUTS)?;
    layer.backward_weights(&[1.0; INPUTS], &[1.0; OUTPUTS], &mut gradient, key)?;
    let caption = "single weights: output (down) x input";
    Ok(panel("DropConnect (weight-drop)", caption, [1, 1], [OUTPUTS, INPUTS], gradient))
}

fn gaussian(key: MaskKey) -> Result<Panel, Error> {
    let noise = GaussianDropout::new(RATE)?;
    let mut x = vec![1f32; OUTPUTS * INPUTS];
    noise.forward_in_place(&mut x, key);
    let caption = "nothing is dropped: a factor for each";
    Ok(Panel { show: Show::Factor, ..panel("Gaussian", caption, [1, 1], [OUTPUTS, INPUTS], x) })
}

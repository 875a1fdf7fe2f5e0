//! `DropBlock`.

use dropout_kernels::{Backend, DropBlock, DropRate};

use super::RATES;
use crate::blocks::{Shape, drawn, expected};
use crate::number::Number;
use crate::stream::Reference;
use crate::variant::{Given, Pass, Variant, Way};
use crate::{verbs, ways};

/// Of a shape, with a mask for each channel or one for all.
#[derive(Clone, Debug)]
pub struct Blocks {
    pub blocks: DropBlock,
    pub shape: (usize, usize, usize, Vec<usize>),
    pub shared: bool,
    pub per_sample: bool,
}

/// Rows below, at and above a word, maps below and above what is shifted at a time, blocks of one
/// element, of even extents, longer than a word, longer than the map; nothing at all.
pub const SHAPES: [Shape<'static>; 31] = [
    (1, 2, 3, &[50]),
    (2, 1, 1, &[2]),
    (3, 2, 1, &[31]),
    (4, 2, 1, &[32]),
    (5, 1, 2, &[33]),
    (6, 3, 2, &[97]),
    (33, 2, 1, &[64]),
    (40, 1, 2, &[41]),
    (70, 1, 1, &[700]),
    (99, 3, 2, &[7]),
    (1, 2, 2, &[5, 6]),
    (2, 1, 1, &[2, 2]),
    (3, 4, 5, &[7, 7]),
    (7, 2, 3, &[7, 7]),
    (9, 2, 3, &[7, 7]),
    (4, 2, 2, &[5, 40]),
    (4, 2, 2, &[40, 5]),
    (3, 2, 2, &[6, 31]),
    (2, 1, 3, &[3, 70]),
    (7, 2, 3, &[28, 28]),
    (6, 1, 2, &[20, 64]),
    (35, 1, 1, &[40, 40]),
    (3, 5, 1, &[1, 9]),
    (1, 1, 2, &[3, 4, 5]),
    (2, 2, 2, &[3, 4, 5]),
    (3, 1, 2, &[4, 5, 33]),
    (8, 1, 1, &[9, 10, 11]),
    (5, 2, 1, &[2, 12, 3]),
    (3, 0, 4, &[5, 5]),
    (3, 4, 0, &[5, 5]),
    (3, 2, 2, &[5, 0]),
];

impl Blocks {
    pub fn new(rate: DropRate, shape: Shape<'_>, shared: bool) -> Self {
        let (block, batch, channels, spatial) = shape;
        let blocks = DropBlock::new(rate, block, batch, channels, spatial).expect("a small shape");
        let blocks = if shared { blocks.shared() } else { blocks };
        Self {
            blocks,
            shape: (block, batch, channels, spatial.to_vec()),
            shared,
            per_sample: false,
        }
    }

    /// With a factor for each sample.
    pub fn per_sample(self) -> Self {
        Self { blocks: self.blocks.per_sample(), per_sample: true, ..self }
    }

    fn shape(&self) -> Shape<'_> {
        let (block, batch, channels, ref spatial) = self.shape;
        (block, batch, channels, spatial)
    }
}

impl<T: Number> Variant<T> for Blocks {
    const VARIABLES: &'static [&'static str] = &["x", "y", "dy", "dx"];
    const GRADIENTS: &'static [(usize, usize)] = &[(0, 3)];
    const OUTPUT: (usize, usize) = (1, 2);

    fn cases() -> Vec<Self> {
        let of = |rate| {
            SHAPES
                .into_iter()
                .flat_map(move |shape| [false, true].map(|shared| Self::new(rate, shape, shared)))
                .flat_map(|blocks| [blocks.clone(), blocks.per_sample()])
        };
        RATES.into_iter().flat_map(of).collect()
    }

    fn example() -> Self {
        Self::new(DropRate::new(0.3).expect("a probability"), (3, 1, 2, &[6, 5]), false)
    }

    fn parameters(&self) -> String {
        let (block, batch, channels, spatial) = &self.shape;
        let (t, seeds) = (self.blocks.rate().threshold(), self.blocks.seed_rate().threshold());
        let spatial: String = spatial.iter().map(|l| format!(" {l}")).collect();
        format!(
            "threshold {t} gamma {seeds} block {block} batch {batch} channels {channels} spatial{spatial}"
        )
    }

    /// Less than p is dropped: the tests of `DropBlock` alone know how much.
    fn of_rate(_: DropRate, _: usize) -> Option<Self> {
        None
    }

    fn with_backend(self, backend: Backend) -> Self {
        Self { blocks: self.blocks.with_backend(backend), ..self }
    }

    fn lengths(&self) -> Vec<usize> {
        let (_, batch, channels, spatial) = &self.shape;
        vec![batch * channels * spatial.iter().product::<usize>(); 4]
    }

    fn mask_bits(&self) -> usize {
        let (_, batch, channels, spatial) = &self.shape;
        batch * if self.shared { 1 } else { *channels } * spatial.iter().product::<usize>()
    }

    fn ways() -> Vec<Way<Self, T>> {
        let mut all = verbs!(stored | v | v.blocks);
        all.extend(ways! {
            Fill Drawn [] |v, [], l| v.blocks.fill(l.mask, l.rng);
            Fill KeyDrawn [] |v, [], l| v.blocks.fill(l.mask, l.key);
        });
        all
    }

    fn drawn(&self, reference: &mut Reference) -> Vec<bool> {
        drawn(self.blocks, self.shape(), reference)
    }

    fn formula(&self, given: &Given<'_>, variables: &mut [Vec<T>]) {
        let (from, to) = if given.pass == Pass::Backward { (2, 3) } else { (0, 1) };
        let of = |keep: &[bool], x: &[T]| expected(self.shape(), self.shared, keep, x);
        variables[to] = match given.pass {
            Pass::Fill => return,
            _ if self.per_sample => {
                let x = &variables[from];
                let (elements, bits) =
                    (x.len() / self.shape.1.max(1), given.keep.len() / self.shape.1.max(1));
                let samples = x.chunks(elements.max(1)).zip(given.keep.chunks(bits.max(1)));
                samples.flat_map(|(x, keep)| of(keep, x)).collect()
            }
            _ => of(given.keep, &variables[from]),
        };
    }

    fn copies(&self, given: &Given<'_>) -> bool {
        given.keep.iter().all(|keep| *keep)
    }
}

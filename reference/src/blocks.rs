//! `DropBlock` by its definition: an element is dropped if a seed lies in the block that ends with
//! it.

use dropout_kernels::{DropBlock, DropRate};

use crate::number::Number;
use crate::stream::Reference;

/// (block, batch, channels, spatial).
pub type Shape<'a> = (usize, usize, usize, &'a [usize]);

/// The extents of three axes, and of the block along them.
pub fn axes((block, _, _, spatial): Shape<'_>) -> ([usize; 3], [usize; 3]) {
    let mut extents = [1; 3];
    extents[3 - spatial.len()..].copy_from_slice(spatial);
    (extents, extents.map(|l| block.min(l)))
}

/// The threshold of gamma, from the formula, rounded to nearest, ties to even.
pub fn gamma(rate: DropRate, shape: Shape<'_>) -> u64 {
    let (extents, block) = axes(shape);
    let of = |factors: [usize; 3]| factors.iter().map(|f| *f as u128).product::<u128>();
    let places = std::array::from_fn(|i| extents[i] - block[i] + 1);
    let (dividend, divisor) = (u128::from(rate.threshold()) * of(extents), of(block) * of(places));
    let (quotient, twice) = (dividend / divisor, dividend % divisor * 2);
    let up = twice > divisor || twice == divisor && quotient % 2 == 1;
    (quotient as u64 + u64::from(up)).min(1 << 40)
}

/// Whether each element of `maps` maps is kept, from the seeds of `places` in each.
pub fn keeps(shape: Shape<'_>, maps: usize, no_seed: &[bool]) -> Vec<bool> {
    let ([d, h, w], [bd, bh, bw]) = axes(shape);
    let [vd, vh, vw] = [d + 1 - bd, h + 1 - bh, w + 1 - bw];
    // The first corners of blocks that cover a place.
    let corners =
        |at: usize, block: usize, places: usize| (at + 1).saturating_sub(block)..places.min(at + 1);
    let mut keep = vec![];
    for map in 0..maps {
        for (z, r, c) in (0..d * h * w).map(|i| (i / (h * w), i / w % h, i % w)) {
            let mut kept = true;
            for z in corners(z, bd, vd) {
                for r in corners(r, bh, vh) {
                    for c in corners(c, bw, vw) {
                        kept &= no_seed[((map * vd + z) * vh + r) * vw + c];
                    }
                }
            }
            keep.push(kept);
        }
    }
    keep
}

/// The mask of a generator.
pub fn drawn(blocks: DropBlock, shape: Shape<'_>, reference: &mut Reference) -> Vec<bool> {
    let (extents, block) = axes(shape);
    let volume: usize = extents.iter().product();
    let maps = blocks.mask_bits().checked_div(volume).unwrap_or(0);
    let places: usize = extents.iter().zip(block).map(|(l, b)| l + 1 - b).product();
    let seeds = reference.mask(blocks.seed_rate().threshold(), maps * places);
    keeps(shape, maps, &seeds)
}

/// What a mask makes of x. A mask that is shared has a bit for all channels of a place.
pub fn expected<T: Number>(shape: Shape<'_>, shared: bool, keep: &[bool], x: &[T]) -> Vec<T> {
    let (_, _, channels, spatial) = shape;
    let volume: usize = spatial.iter().product();
    let kept = keep.iter().filter(|keep| **keep).count();
    // With nothing to multiply by, nothing is computed.
    if kept == keep.len() {
        return x.to_vec();
    }
    let bit = |i: usize| if shared { i / (channels * volume) * volume + i % volume } else { i };
    let of =
        |(i, x): (usize, &T)| if keep[bit(i)] { x.by_ratio(keep.len(), kept) } else { T::ZERO };
    x.iter().enumerate().map(of).collect()
}

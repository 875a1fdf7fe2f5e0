//! `DropBlock` against a slow formulation of the paper's: an element is dropped if a seed lies in
//! the block that ends with it. Every shape, every backend, both element types, guards around every
//! slice; the fraction that is dropped; and every shape that does not fit.

use dropout_kernels::{DropBlock, DropRate, MaskMut, MaskRng, ShapeError, drop_rate, mask_words};
use dropout_reference::blocks::{Shape, axes, gamma};
use dropout_reference::variants::BLOCK_SHAPES as SHAPES;

fn blocks(rate: DropRate, (block, batch, channels, spatial): Shape<'_>) -> DropBlock {
    DropBlock::new(rate, block, batch, channels, spatial).expect("a small shape")
}

/// A few masks, written down: a change to any is a change of the format.
#[test]
fn masks_are_the_ones_they_always_were() {
    let draw = |blocks: DropBlock| {
        let mut words = [0; 2];
        let mask = MaskMut::new(&mut words, blocks.mask_bits()).expect("two words");
        blocks.fill(mask, &mut MaskRng::new(42, 0)).expect("its bits");
        words
    };
    assert_eq!(draw(blocks(drop_rate!(0.3), (3, 1, 1, &[8, 8]))), [0xE3E3_FFFF, 0xFFF8_F8E0]);
    assert_eq!(draw(blocks(drop_rate!(0.3), (4, 1, 2, &[30]))), [0xF0FC_3C3F, 0x0FE1_FFFF]);
    assert_eq!(draw(blocks(drop_rate!(0.3), (2, 1, 1, &[4, 4, 4]))), [0xC03F_CCFF, 0xCCFF_C03F]);
}

#[test]
fn gamma_is_the_formula_rounded_once() {
    for rate in dropout_reference::rates() {
        for shape in SHAPES {
            let blocks = blocks(rate, shape);
            assert_eq!(blocks.rate(), rate);
            if shape.3.contains(&0) {
                continue;
            }
            assert_eq!(blocks.seed_rate().threshold(), gamma(rate, shape), "{rate:?} {shape:?}");
            assert!(blocks.seed_rate() <= rate);
            let later = self::blocks(DropRate::ZERO, shape).with_rate(rate);
            assert_eq!(later, blocks);
            assert_eq!(later.shared(), blocks.shared());
        }
    }
    // The largest extents that there are.
    let huge = DropBlock::new(DropRate::ONE, usize::MAX / 2 + 1, 1, 1, &[usize::MAX]);
    // 2^-30, where 32 bits count elements, or 2^-62, which rounds to nothing.
    let threshold = if usize::BITS == 32 { 1 << 10 } else { 0 };
    let huge = huge.expect("as many as a usize counts");
    assert_eq!(huge.seed_rate().threshold(), threshold);
}

/// The exact chance of each element of a map to be dropped: 1 - (1 - gamma)^c, where c blocks can
/// cover it.
fn chances(gamma: f64, shape: Shape<'_>) -> Vec<f64> {
    let ([d, h, w], block) = axes(shape);
    let cover = |at: usize, l: usize, b: usize| at.min(l - b) + 1 - (at + 1).saturating_sub(b);
    (0..d * h * w)
        .map(|i| {
            let c = cover(i / (h * w), d, block[0])
                * cover(i / w % h, h, block[1])
                * cover(i % w, w, block[2]);
            1.0 - (1.0 - gamma).powi(c as i32)
        })
        .collect()
}

/// Two-sided 10^-6 of a normal distribution.
const LIMIT: f64 = 4.8916;

/// Shapes of one map, with p and so many maps that a p wrong by 1 % lies six standard deviations
/// off.
const MEASURED: [(Shape<'static>, f32, usize); 4] = [
    ((4, 1, 1, &[16]), 0.5, 200_000),
    ((3, 1, 1, &[7, 7]), 0.5, 150_000),
    ((7, 1, 1, &[14, 14]), 0.75, 150_000),
    ((2, 1, 1, &[3, 4, 5]), 0.5, 120_000),
];

/// The mask of many maps.
fn draw(blocks: DropBlock) -> Vec<u32> {
    let mut words = vec![0; mask_words(blocks.mask_bits())];
    let mask = MaskMut::new(&mut words, blocks.mask_bits()).expect("its words");
    blocks.fill(mask, &mut MaskRng::new(9, 0)).expect("its bits");
    words
}

/// The elements that are dropped in all maps, the standard deviation of that, by the spread of the
/// maps, which are independent, and how often each of the `n` elements of a map is dropped.
fn measure(words: &[u32], maps: usize, n: usize) -> (f64, f64, Vec<u32>) {
    let mut dropped = vec![0; n];
    let (mut sum, mut squares) = (0, 0);
    let mut bit = 0;
    for _ in 0..maps {
        let mut in_map = 0;
        for dropped in &mut dropped {
            let drop = !words[bit / 32] >> (bit % 32) & 1;
            *dropped += drop;
            in_map += drop;
            bit += 1;
        }
        sum += u64::from(in_map);
        squares += u64::from(in_map * in_map);
    }
    let (sum, squares) = (sum as f64, squares as f64);
    (sum, (squares - sum * sum / maps as f64).sqrt(), dropped)
}

/// False alarm 10^-6 for each fraction and for each element of a map, of which there are 321.
#[test]
fn the_fraction_that_is_dropped_is_what_gamma_and_the_overlaps_make_it() {
    for ((block, _, _, spatial), p, maps) in MEASURED {
        let rate = DropRate::new(p).expect("a probability");
        let shape = (block, maps, 1, spatial);
        let blocks = blocks(rate, shape);
        let chances = chances(blocks.seed_rate().p(), shape);
        let expected = chances.iter().sum::<f64>() / chances.len() as f64;
        let all = expected * blocks.mask_bits() as f64;
        let (sum, deviation, dropped) = measure(&draw(blocks), maps, chances.len());
        let z = (sum - all) / deviation;
        assert!(z.abs() < LIMIT, "{shape:?} {p}: {z:.2} standard deviations");
        for (i, (dropped, chance)) in dropped.iter().zip(&chances).enumerate() {
            let (mean, variance) = (maps as f64 * chance, maps as f64 * chance * (1.0 - chance));
            let z = (f64::from(*dropped) - mean) / variance.sqrt();
            assert!(z.abs() < LIMIT, "{shape:?} {p} element {i}: {z:.2} standard deviations");
        }
        // The power of the test: a p that is wrong by 1 % is refused.
        for factor in [0.99, 1.01] {
            let wrong = DropRate::new(p * factor).expect("a probability");
            let kept: u32 =
                draw(blocks.with_rate(wrong)).iter().map(|word| word.count_ones()).sum();
            let z = (blocks.mask_bits() as f64 - f64::from(kept) - all) / deviation;
            assert!(z.abs() > LIMIT, "{shape:?} {p} * {factor}: {z:.2} standard deviations");
        }
    }
}

/// The table in the documentation, row by row.
#[test]
fn the_documented_fractions_are_exact() {
    const P: [f32; 5] = [0.05, 0.1, 0.2, 0.3, 0.5];
    let table = include_str!("../src/variants/drop_block/fractions.md");
    assert!(table.lines().count() > 5);
    for line in table.lines() {
        let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
        let extents = cells[0].split(" x ").map(|l| l.parse().expect("an extent"));
        let extents: &'static [usize] = Vec::leak(extents.collect());
        let shape = (cells[1].parse().expect("a block"), 1, 1, extents);
        assert_eq!(cells.len(), 2 + P.len());
        for (p, cell) in P.into_iter().zip(&cells[2..]) {
            let rate = DropRate::new(p).expect("a probability");
            let chances = chances(blocks(rate, shape).seed_rate().p(), shape);
            let fraction = chances.iter().sum::<f64>() / chances.len() as f64;
            assert_eq!(format!("{fraction:.4}"), *cell, "{line}");
        }
    }
}

#[test]
fn a_shape_that_is_none_is_refused() {
    const BIG: usize = 1 << (usize::BITS / 2);
    let new = |block, batch, channels, spatial: &[usize]| {
        DropBlock::new(drop_rate!(0.1), block, batch, channels, spatial).map(|_| ())
    };
    assert_eq!(new(0, 1, 1, &[3]), Err(ShapeError::EmptyBlock));
    assert_eq!(new(1, 1, 1, &[]), Err(ShapeError::SpatialAxes { given: 0 }));
    assert_eq!(new(1, 1, 1, &[2; 4]), Err(ShapeError::SpatialAxes { given: 4 }));
    let overflow = Err(ShapeError::Overflow { elements: BIG, extent: BIG });
    assert_eq!(new(1, BIG, 1, &[BIG]), overflow);
    assert_eq!(new(1, BIG, 0, &[BIG]), overflow, "bits that are shared by no channels");
    assert_eq!(new(1, 1, 1, &[BIG, BIG]), overflow);
    assert_eq!(new(1, 0, 0, &[BIG, BIG]), overflow);
    assert_eq!(new(1, 1, BIG, &[1, BIG]), overflow);
    assert_eq!(new(1, BIG, 1, &[0, BIG]), Ok(()));
    // No tensor at all, of extents whose products overflow.
    for (batch, spatial) in [(0, &[usize::MAX] as &[usize]), (1, &[0, BIG, BIG])] {
        let blocks = DropBlock::new(drop_rate!(0.1), 3, batch, 1, spatial).expect("no elements");
        let mask = MaskMut::new(&mut [], 0).expect("no words");
        assert_eq!(blocks.fill(mask, &mut MaskRng::new(1, 0)), Ok(()));
    }
}

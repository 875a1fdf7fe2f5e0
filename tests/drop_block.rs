//! `DropBlock` against a slow formulation of the paper's: an element is dropped if a seed lies in the block that ends
//! with it. Every shape, every backend, both element types, guards around every slice; the fraction that is
//! dropped; and every shape that does not fit.

mod support;

use dropout_kernels::{
    Backend, DropBlock, DropRate, MaskMut, MaskRng, ShapeError, drop_rate, mask_words,
};
use support::drop_block::{Shape, axes, drawn, expected, gamma};
use support::guarded::Guarded;
use support::number::{Number, bits, same};
use support::reference::{Reference, pack};

const SEED: u64 = 5;
const STREAM: u64 = 2;

/// Rows below, at and above a word, maps below and above what is shifted at a time, blocks of one element, of even
/// extents, longer than a word, longer than the map; nothing at all.
const SHAPES: [Shape<'static>; 31] = [
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

fn blocks(rate: DropRate, (block, batch, channels, spatial): Shape<'_>) -> DropBlock {
    DropBlock::new(rate, block, batch, channels, spatial).expect("a small shape")
}

/// From x to y, or in place if there is no x.
type Way<T> =
    fn(&DropBlock, Option<&[T]>, &mut [T], MaskMut<'_>, &mut MaskRng) -> Result<(), ShapeError>;

fn drawing<T: Number>() -> [Way<T>; 2] {
    [
        |d, x, y, mask, rng| match x {
            Some(x) => d.forward(x, y, rng.draw(mask)),
            None => d.forward_in_place(y, rng.draw(mask)),
        },
        |d, x, y, mut mask, rng| {
            // In the order in which a program would: nothing may be drawn for slices that do not fit.
            if y.len() == d.elements() && x.is_none_or(|x| x.len() == y.len()) {
                d.fill(mask.reborrow(), rng)?;
            }
            match x {
                Some(x) => d.forward(x, y, mask.as_ref()),
                None => d.forward_in_place(y, mask.as_ref()),
            }
        },
    ]
}

fn masked<T: Number>() -> [Way<T>; 2] {
    [
        |d, x, y, mask, _| match x {
            Some(x) => d.forward(x, y, mask.as_ref()),
            None => d.forward_in_place(y, mask.as_ref()),
        },
        |d, x, y, mask, _| match x {
            Some(x) => d.backward(x, y, mask.as_ref()),
            None => d.backward_in_place(y, mask.as_ref()),
        },
    ]
}

struct Case<'a, T> {
    blocks: DropBlock,
    x: &'a [T],
    offset: usize,
}

impl<T: Number> Case<'_, T> {
    fn run(&self, way: Way<T>, words: &[u32], after: &[u32], y: &[T], rng_after: &MaskRng) {
        for in_place in [true, false] {
            let mut mask = Guarded::new(words, self.offset, 0xDEAD_BEEF);
            let before = if in_place { self.x.to_vec() } else { vec![T::ONE; self.x.len()] };
            let mut target = Guarded::new(&before, self.offset, T::GUARD);
            let mut rng = MaskRng::new(SEED, STREAM);
            let told = format!("{:?} in place {in_place}", self.blocks);
            let view = MaskMut::new(mask.slice(), self.blocks.mask_bits()).expect("its words");
            way(&self.blocks, (!in_place).then_some(self.x), target.slice(), view, &mut rng)
                .expect("lengths agree");
            for (i, (given, wanted)) in target.slice().iter().zip(y).enumerate() {
                assert!(same(*given, *wanted), "{told} element {i}: {given:?}, not {wanted:?}");
            }
            assert_eq!(mask.slice(), after, "{told}");
            assert_eq!(rng, *rng_after, "{told}");
            assert!(mask.intact(|a, b| a == b), "{told}");
            assert!(target.intact(|a, b| a.bits() == b.bits()), "{told}");
        }
    }
}

fn check_all<T: Number>() {
    for backend in Backend::available() {
        for rate in [drop_rate!(0.0), drop_rate!(0.1), drop_rate!(0.75), drop_rate!(1.0)] {
            for (i, shape) in SHAPES.into_iter().enumerate() {
                for shared in [false, true] {
                    let blocks = blocks(rate, shape).with_backend(backend);
                    let blocks = if shared { blocks.shared() } else { blocks };
                    let x = T::values(blocks.elements());
                    let case = Case { blocks, x: &x, offset: i % 4 };
                    let mut reference = Reference::new(SEED, STREAM);
                    let keep = drawn(blocks, shape, &mut reference);
                    let moved = MaskRng::from_bytes(&reference.to_bytes()).expect("a state");
                    assert_eq!(keep.len(), blocks.mask_bits());
                    assert_eq!(blocks.mask_words(), mask_words(keep.len()));
                    let garbage = vec![0x5A5A_5A5A; blocks.mask_words()];
                    let y = expected(shape, shared, &keep, &x);
                    for way in drawing() {
                        case.run(way, &garbage, &pack(&keep), &y, &moved);
                    }
                    let brought: Vec<_> = (0..keep.len()).map(|i| i * i % 7 < 3).collect();
                    let mut words = pack(&brought);
                    if let (Some(last), used @ 1..) = (words.last_mut(), keep.len() % 32) {
                        *last |= !0 << used;
                    }
                    let y = expected(shape, shared, &brought, &x);
                    for way in masked() {
                        case.run(way, &words, &words, &y, &MaskRng::new(SEED, STREAM));
                    }
                }
            }
        }
    }
}

#[test]
fn f32_is_dropped_in_blocks_as_the_paper_says() {
    check_all::<f32>();
}

#[test]
fn f64_is_dropped_in_blocks_as_the_paper_says() {
    check_all::<f64>();
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
    for rate in support::rates() {
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

#[test]
fn without_a_seed_nothing_changes_and_without_a_kept_element_all_is_zero() {
    // At p = 1, every place for a block of one element is a seed, and the one for a block of a whole map.
    for (rate, shape, y) in [
        (DropRate::ZERO, (3, 2, 3, [7, 7].as_slice()), None),
        (DropRate::ONE, (1, 2, 3, &[7, 7]), Some(0.0)),
        (DropRate::ONE, (7, 2, 3, &[7, 7]), Some(0.0)),
    ] {
        let blocks = blocks(rate, shape);
        let x = f32::values(blocks.elements());
        let y = y.map_or(x.clone(), |y| vec![y; x.len()]);
        for way in drawing() {
            let mut words = vec![0x1234_5678; blocks.mask_words()];
            let mask = MaskMut::new(&mut words, blocks.mask_bits()).expect("its words");
            let mut rng = MaskRng::new(SEED, STREAM);
            let mut out = vec![1.0; x.len()];
            way(&blocks, Some(&x), &mut out, mask, &mut rng).expect("lengths agree");
            assert_eq!(bits(&out), bits(&y));
            assert_eq!(rng, MaskRng::new(SEED, STREAM));
        }
    }
}

/// The exact chance of each element of a map to be dropped: 1 - (1 - gamma)^c, where c blocks can cover it.
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

/// Shapes of one map, with p and so many maps that a p wrong by 1 % lies six standard deviations off.
const MEASURED: [(Shape<'static>, f32, usize); 4] = [
    ((4, 1, 1, &[16]), 0.5, 200_000),
    ((3, 1, 1, &[7, 7]), 0.5, 150_000),
    ((7, 1, 1, &[14, 14]), 0.75, 150_000),
    ((2, 1, 1, &[3, 4, 5]), 0.5, 120_000),
];

/// The mask of many maps.
fn draw(blocks: DropBlock) -> Vec<u32> {
    let mut words = vec![0; blocks.mask_words()];
    let mask = MaskMut::new(&mut words, blocks.mask_bits()).expect("its words");
    blocks.fill(mask, &mut MaskRng::new(9, 0)).expect("its bits");
    words
}

/// The elements that are dropped in all maps, the standard deviation of that, by the spread of the maps, which
/// are independent, and how often each of the `n` elements of a map is dropped.
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

/// Central differences of a loss that is not linear in x, at a mask that was drawn.
#[test]
fn backward_is_the_gradient_of_forward() {
    for shared in [false, true] {
        let blocks = blocks(drop_rate!(0.3), (3, 2, 3, &[6, 5]));
        let blocks = if shared { blocks.shared() } else { blocks };
        let n = blocks.elements();
        let mut words = vec![0; blocks.mask_words()];
        let mut mask = MaskMut::new(&mut words, blocks.mask_bits()).expect("its words");
        blocks.fill(mask.reborrow(), &mut MaskRng::new(1, 0)).expect("its bits");
        let kept = mask.as_ref().count_kept();
        assert!(0 < kept && kept < mask.len(), "a mask of one kind would prove little");
        let forward = |x: &[f64]| {
            let mut y = vec![0.0; n];
            blocks.forward(x, &mut y, mask.as_ref()).expect("lengths agree");
            y
        };
        let loss = |x: &[f64]| forward(x).iter().map(|y| y.sin()).sum::<f64>();
        let x: Vec<_> = (0..n).map(|i| (i as f64 * 0.9).cos()).collect();
        let dy: Vec<_> = forward(&x).iter().map(|y| y.cos()).collect();
        let mut dx = vec![0.0; n];
        blocks.backward(&dy, &mut dx, mask.as_ref()).expect("lengths agree");
        for (i, dx) in dx.iter().enumerate() {
            let at = |step: f64| {
                let mut x = x.clone();
                x[i] += step;
                loss(&x)
            };
            let wanted = (at(1e-5) - at(-1e-5)) / 2e-5;
            assert!((dx - wanted).abs() < 1e-8, "{i}: {dx}, not {wanted}");
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

#[test]
fn slices_and_masks_of_other_lengths_are_refused() {
    for rate in [DropRate::ZERO, drop_rate!(0.3), DropRate::ONE] {
        let blocks = blocks(rate, (2, 2, 3, &[4, 5])).shared();
        for (x_len, y_len, bits, error) in [
            (119, 119, 40, ShapeError::OtherElements { expected: 120, given: 119 }),
            (121, 121, 40, ShapeError::OtherElements { expected: 120, given: 121 }),
            (120, 119, 40, ShapeError::LengthMismatch { expected: 120, given: 119 }),
            (120, 120, 39, ShapeError::MaskTooShort { expected: 40, given: 39 }),
            (120, 120, 120, ShapeError::MaskTooLong { expected: 40, given: 120 }),
        ] {
            for (i, way) in drawing().into_iter().chain(masked()).enumerate() {
                for in_place in [true, false] {
                    if in_place && x_len != y_len {
                        continue;
                    }
                    let (x, mut y) = (vec![1.5f32; x_len], vec![2.5; y_len]);
                    let mut words = vec![0x1234_5678; mask_words(bits)];
                    let mut rng = MaskRng::new(SEED, STREAM);
                    let mask = MaskMut::new(&mut words, bits).expect("mask_words(n) words");
                    let source = (!in_place).then_some(&*x);
                    assert_eq!(way(&blocks, source, &mut y, mask, &mut rng), Err(error), "{i}");
                    assert!(y.iter().all(|y| *y == 2.5));
                    assert!(words.iter().all(|w| *w == 0x1234_5678));
                    assert_eq!(rng, MaskRng::new(SEED, STREAM));
                }
            }
        }
    }
}

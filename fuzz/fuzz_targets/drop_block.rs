#![no_main]
//! DropBlock over one to three axes, with a mask for each channel or one for all, on every backend,
//! against its definition: an element is dropped if a seed lies in the block that ends with it.

use arbitrary::Arbitrary;
use dropout_kernels::{DropBlock, DropRate, ShapeError};
use dropout_kernels_fuzz::by_type;
use dropout_kernels_fuzz::input::{Length, Rate, Values};
use dropout_kernels_fuzz::reference::blocks::gamma;
use dropout_kernels_fuzz::reference::number::Number;
use dropout_kernels_fuzz::reference::stream::Reference;
use dropout_kernels_fuzz::reference::variants::Blocks;
use dropout_kernels_fuzz::variant::{self, Call};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Input {
    kind: u8,
    rate: Rate,
    block: u8,
    batch: u8,
    channels: u8,
    axes: u8,
    spatial: [u8; 3],
    /// The last axis, if it is a long one.
    long: Option<Length>,
    shared: bool,
    values: Values,
    call: Call,
    huge: Option<[usize; 6]>,
}

fuzz_target!(|input: Input| match input.huge {
    Some(extents) => overflow(extents),
    None => by_type!(input.kind, check, check, &input),
});

fn check<T: Number>(input: &Input) {
    let axes = 1 + usize::from(input.axes % 3);
    let most = [200, 24, 9][axes - 1];
    let mut spatial = input.spatial.map(|extent| usize::from(extent) % (most + 1));
    if let Some(length) = input.long {
        spatial[axes - 1] =
            length.get().min(2000 / (spatial[..axes - 1].iter().product::<usize>().max(1)));
    }
    let spatial = &spatial[..axes];
    let volume: usize = spatial.iter().product();
    let (batch, channels) = (usize::from(input.batch % 4), usize::from(input.channels % 4));
    // At most some 2000 elements, for speed.
    let batch = batch.min((2000 / (volume * channels).max(1)).max(1));
    let block = 1 + usize::from(input.block % 80);
    let shape = (block, batch, channels, spatial);

    let start = Reference::new(input.call.at.0, input.call.at.1);
    let rate = input.rate.get(&start);
    let blocks = DropBlock::new(rate, block, batch, channels, spatial).expect("a small shape");
    assert_eq!(
        DropBlock::new(DropRate::ONE, block, batch, channels, spatial).map(|b| b.with_rate(rate)),
        Ok(blocks)
    );
    let blocks = if input.shared { blocks.shared() } else { blocks };
    let maps = if input.shared { batch } else { batch * channels };
    let (elements, bits) = (batch * channels * volume, maps * volume);
    assert_eq!((blocks.elements(), blocks.mask_bits()), (elements, bits));
    if volume > 0 {
        assert_eq!(blocks.seed_rate().threshold(), gamma(rate, shape));
    }

    let shape = (block, batch, channels, spatial);
    variant::check::<T>(Blocks::new(rate, shape, input.shared), input.values, &input.call);
}

/// Shapes of any size: made, or refused, and gamma of those that were.
fn overflow(extents: [usize; 6]) {
    let [block, batch, channels, spatial @ ..] = extents.map(|extent| extent >> (extent % 64));
    let rate = DropRate::from_threshold(extents[0] as u64 % (1 << 40)).expect("below 2^40");
    for axes in 0..4 {
        let spatial = &spatial[..axes];
        let all = [&[batch, channels], spatial].concat();
        let product =
            |extents: &[usize]| extents.iter().fold(1, |p: u128, e| p.saturating_mul(*e as u128));
        match DropBlock::new(rate, block, batch, channels, spatial) {
            Ok(blocks) => {
                assert!(block > 0 && axes > 0);
                assert_eq!(blocks.elements() as u128, product(&all));
                let seeds = blocks.shared().seed_rate().threshold();
                assert!(seeds <= rate.threshold());
            }
            Err(ShapeError::SpatialAxes { given }) => assert_eq!((given, axes), (axes, 0)),
            Err(ShapeError::EmptyBlock) => assert_eq!(block, 0),
            Err(ShapeError::Overflow { .. }) => {
                let all: Vec<_> = all.iter().map(|extent| *extent.max(&1)).collect();
                assert!(product(&all) > usize::MAX as u128);
            }
            Err(other) => panic!("{other:?}"),
        }
    }
}

//! Masks with a shape: layouts, blocks, whole paths, whole heads.

use dropout_kernels::{
    Backend, DropBlock, DropHead, DropPath, DropRate, Dropout, Error, Layout, MaskRng, RuleFor,
    drop_rate,
};

use super::{Digest, LONG, Number, Space, set, ways};

pub(super) const RATES: [DropRate; 5] =
    [DropRate::ZERO, drop_rate!(0.1), drop_rate!(0.5), drop_rate!(0.9), DropRate::ONE];

/// Every kind of layout, by three rules.
pub(super) fn layouts_f32(digest: &mut Digest, backend: Backend) -> Result<(), Error> {
    let mut space = Space::<f32, LONG>::new();
    each_layout(|layout, rate| {
        over(digest, &mut space, Dropout::new(rate).with_backend(backend), layout)?;
        over(digest, &mut space, Dropout::alpha(rate).with_backend(backend), layout)?;
        over(digest, &mut space, Dropout::drop_key(rate).with_backend(backend), layout)
    })
}

/// By one rule: the others' `f64` have been seen without layouts.
pub(super) fn layouts_f64(digest: &mut Digest, backend: Backend) -> Result<(), Error> {
    let mut space = Space::<f64, 660>::new();
    each_layout(|layout, rate| {
        over(digest, &mut space, Dropout::new(rate).with_backend(backend), layout)
    })
}

/// All shapes, of a narrow type: by one rule.
pub(super) fn all<T: Number>(digest: &mut Digest, backend: Backend) -> Result<(), Error> {
    let mut space = Space::<T, LONG>::new();
    each_layout(|layout, rate| {
        over(digest, &mut space, Dropout::new(rate).with_backend(backend), layout)
    })?;
    drop_block::<T, LONG>(digest, backend)?;
    drop_path::<T>(digest, backend)?;
    each_heads(|drop_head| heads::<T>(digest, drop_head.with_backend(backend)))
}

fn each_layout(mut run: impl FnMut(Layout, DropRate) -> Result<(), Error>) -> Result<(), Error> {
    let layouts = [
        Layout::elementwise(130),
        Layout::whole(100),
        Layout::channels_first(2, 40, &[6])?,
        Layout::channels_first(1, 17, &[5, 6])?,
        Layout::channels_last(3, &[4, 3], 15)?,
        Layout::channels_last(1, &[2, 2, 2], 65)?,
        Layout::time_major(4, 3, 33)?,
        Layout::batch_major(3, 5, 32)?,
        Layout::samples(33, 16)?,
        Layout::vocabulary(520, 1)?,
        Layout::new(3, 4, 11, 4)?,
        Layout::new(2, 1, 3, 80)?,
        Layout::new(5, 3, 0, 2)?,
        Layout::samples(3, 210)?,
        Layout::time_major(1, 1, 520)?,
        // Rows of whole words.
        Layout::time_major(4, 2, 32)?,
        Layout::batch_major(2, 3, 96)?,
    ];
    for layout in layouts {
        for rate in RATES {
            run(layout, rate)?;
        }
    }
    Ok(())
}

fn over<T: Number, R: RuleFor<T>, const N: usize>(
    digest: &mut Digest,
    space: &mut Space<T, N>,
    dropout: Dropout<R>,
    layout: Layout,
) -> Result<(), Error> {
    let over = dropout.over(layout);
    ways!(digest, space, over, layout.elements(), layout.mask_bits(), (11, 12), numbers);
    Ok(())
}

/// Blocks along one, two and three axes, each channel by itself and shared.
pub(super) fn drop_block<T: Number, const N: usize>(
    digest: &mut Digest,
    backend: Backend,
) -> Result<(), Error> {
    each_blocks::<T, N>(digest, |blocks| blocks.with_backend(backend))
}

/// The same, each sample by a factor of its own.
pub(super) fn drop_block_samples<T: Number, const N: usize>(
    digest: &mut Digest,
    backend: Backend,
) -> Result<(), Error> {
    each_blocks::<T, N>(digest, |blocks| blocks.per_sample().with_backend(backend))
}

fn each_blocks<T: Number, const N: usize>(
    digest: &mut Digest,
    of: impl Fn(DropBlock) -> DropBlock,
) -> Result<(), Error> {
    let mut space = Space::<T, N>::new();
    let shapes: [(usize, usize, usize, &[usize]); 7] = [
        (1, 2, 3, &[5, 6]),
        (3, 1, 2, &[65]),
        (3, 2, 3, &[9, 11]),
        (7, 1, 1, &[31, 33]),
        (5, 2, 2, &[4, 40]),
        (2, 1, 2, &[5, 6, 7]),
        (4, 1, 3, &[3, 3]),
    ];
    for (block, batch, channels, spatial) in shapes {
        for rate in RATES {
            let each = DropBlock::new(rate, block, batch, channels, spatial)?;
            for blocks in [each, each.shared()] {
                digest.long(blocks.seed_rate().threshold());
                block_ways(digest, &mut space, of(blocks))?;
            }
        }
    }
    Ok(())
}

fn block_ways<T: Number, const N: usize>(
    digest: &mut Digest,
    space: &mut Space<T, N>,
    blocks: DropBlock,
) -> Result<(), Error> {
    let (n, bits) = (blocks.elements(), blocks.mask_bits());
    let mut rng = MaskRng::new(13, 14);
    let (x, y, mut mask) = space.fresh(n, bits);
    blocks.fill(mask.reborrow(), &mut rng)?;
    digest.mask(mask.as_ref());
    blocks.forward(x, y, rng.draw(mask.reborrow()))?;
    digest.numbers(y);
    blocks.forward_in_place(x, rng.draw(mask.reborrow()))?;
    digest.numbers(x);
    digest.mask(mask.as_ref());
    let (x, y, mask) = space.again(n, bits);
    blocks.forward(x, y, mask)?;
    digest.numbers(y);
    blocks.forward_in_place(y, mask)?;
    digest.numbers(y);
    blocks.backward(x, y, mask)?;
    digest.numbers(y);
    blocks.backward_in_place(x, mask)?;
    digest.numbers(x);
    Ok(())
}

/// Stochastic depth: added to the input, and backward.
pub(super) fn drop_path<T: Number>(digest: &mut Digest, backend: Backend) -> Result<(), Error> {
    for rate in RATES {
        for (batch, elements) in [(1, 70), (5, 33), (40, 12), (3, 0)] {
            let n = batch * elements;
            let dropout = Dropout::new(rate).with_backend(backend);
            path::<T, _>(digest, DropPath::samples(dropout, batch, elements)?)?;
            path::<T, _>(digest, DropPath::batch(dropout, n))?;
            let dropout = Dropout::classic(rate).with_backend(backend);
            path::<T, _>(digest, DropPath::samples(dropout, batch, elements)?)?;
            path::<T, _>(digest, DropPath::batch(dropout, n))?;
        }
    }
    Ok(())
}

fn path<T: Number, R: RuleFor<T>>(digest: &mut Digest, path: DropPath<R>) -> Result<(), Error> {
    let mut space = Space::<T, 480>::new();
    let layout = path.branch().shape();
    let (n, bits) = (layout.elements(), layout.mask_bits());
    let mut rng = MaskRng::new(15, n as u64);
    let (f, x, mut mask) = space.fresh(n, bits);
    path.fill(mask.reborrow(), &mut rng)?;
    digest.mask(mask.as_ref());
    path.add(f, x, mask.as_ref())?;
    digest.numbers(x);
    path.infer_add(f, x)?;
    digest.numbers(x);
    let (dy, dx, mask) = space.again(n, bits);
    path.branch().backward(dy, dx, mask)?;
    digest.numbers(dx);
    Ok(())
}

/// Heads, in both orders of tokens and heads.
pub(super) fn drop_head(digest: &mut Digest, backend: Backend) -> Result<(), Error> {
    each_heads(|drop_head| {
        heads::<f32>(digest, drop_head.with_backend(backend))?;
        heads::<f64>(digest, drop_head.with_backend(backend))
    })
}

fn each_heads(mut run: impl FnMut(DropHead) -> Result<(), Error>) -> Result<(), Error> {
    for rate in RATES {
        for drop_head in [
            DropHead::new(rate, 2, 8, 30)?,
            DropHead::new(rate, 33, 3, 5)?,
            DropHead::tokens_first(rate, 3, 4, 5, 6)?,
            DropHead::tokens_first(rate, 1, 3, 12, 16)?,
        ] {
            run(drop_head)?;
        }
    }
    Ok(())
}

fn heads<T: Number>(digest: &mut Digest, drop_head: DropHead) -> Result<(), Error> {
    const N: usize = 600;
    let mut space = Space::<T, N>::new();
    let (n, bits) = (drop_head.layout().elements(), drop_head.layout().mask_bits());
    ways!(digest, &mut space, drop_head, n, bits, (17, 18), numbers);
    let (x, y, mut mask) = space.fresh(n, bits);
    // A sample of which no head is kept, one of which one is.
    mask.drop_all();
    mask.set(1, true);
    set(x, 6, T::plain);
    drop_head.forward(x, y, mask.as_ref())?;
    digest.numbers(y);
    Ok(())
}

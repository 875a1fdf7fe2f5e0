//! The variants: `DropBlock`, `DropPath`, embedding dropout.

use core::hint::black_box;

use dropout_kernels::{
    Backend, DropBlock, DropConnect, DropHead, DropPath, DropRate, Dropout, Element,
    EmbeddingDropout, Error, GaussianDropout, Layout, LockedDropout, MaskKey, MaskMut, MaskRng,
    RuleFor, Zoneout,
};

/// Every public function, on values that the compiler does not know.
pub fn all<T: Element, R: RuleFor<T>>(
    dropout: Dropout<R>,
    x: &mut [T],
    y: &mut [T],
    rng: &mut MaskRng,
) -> Result<(), Error> {
    let mut words = black_box([3u32; 4]);
    let mut mask = MaskMut::new(words.get_mut(..black_box(2)).unwrap_or_default(), black_box(50))?;
    drop_block(dropout.rate(), x, y, mask.reborrow(), rng)?;
    // Rules that drop to zero, no other.
    drop_path(Dropout::new(dropout.rate()), x, y, mask.reborrow(), rng)?;
    drop_path(Dropout::classic(dropout.rate()), x, y, mask.reborrow(), rng)?;
    embedding(dropout, x, y, mask, rng)
}

fn drop_block<T: Element>(
    rate: DropRate,
    x: &mut [T],
    y: &mut [T],
    mut mask: MaskMut<'_>,
    rng: &mut MaskRng,
) -> Result<(), Error> {
    let [block, n, c, h, w] = black_box([3, 1, 2, 5, 5]);
    for spatial in [&black_box([h])[..], &black_box([h, w]), &black_box([h, w, h])] {
        let blocks = DropBlock::new(rate, block, n, c, spatial)?;
        let blocks = black_box([blocks, blocks.per_sample()])[black_box(n) & 1];
        let blocks = if black_box(true) { blocks } else { blocks.shared() };
        let blocks = blocks.with_rate(rate).with_backend(black_box(Backend::detect()));
        black_box((blocks.rate(), blocks.seed_rate(), blocks.elements()));
        black_box(blocks.mask_bits());
        blocks.fill(mask.reborrow(), &mut *rng)?;
        blocks.fill(mask.reborrow(), MaskKey::new(black_box(1), black_box(2)))?;
        blocks.forward(x, y, rng.draw(mask.reborrow()))?;
        blocks.forward_in_place(x, rng.draw(mask.reborrow()))?;
        blocks.forward(x, y, mask.as_ref())?;
        blocks.forward_in_place(x, mask.as_ref())?;
        blocks.backward(x, y, mask.as_ref())?;
        blocks.backward_in_place(x, mask.as_ref())?;
    }
    Ok(())
}

fn drop_path<T: Element, R: RuleFor<T>>(
    dropout: Dropout<R>,
    x: &mut [T],
    y: &mut [T],
    mut mask: MaskMut<'_>,
    rng: &mut MaskRng,
) -> Result<(), Error> {
    black_box(dropout.rate().at_depth(black_box(3), black_box(12))?);
    let [n, each] = black_box([50, 1]);
    for path in [DropPath::samples(dropout, n, each)?, DropPath::batch(dropout, n)] {
        path.fill(mask.reborrow(), &mut *rng)?;
        path.add(x, y, mask.as_ref())?;
        path.infer_add(x, y)?;
        path.branch().backward(x, y, mask.as_ref())?;
    }
    Ok(())
}

fn embedding<T: Element, R: RuleFor<T>>(
    dropout: Dropout<R>,
    x: &mut [T],
    y: &mut [T],
    mut mask: MaskMut<'_>,
    rng: &mut MaskRng,
) -> Result<(), Error> {
    let embedding = EmbeddingDropout::new(dropout, black_box(50), black_box(1))?;
    let indices = black_box([3u32; 50]);
    black_box((embedding.rate(), embedding.mask_bits()));
    embedding.fill(mask.reborrow(), &mut *rng)?;
    embedding.forward(&indices, x, y, rng.draw(mask.reborrow()))?;
    embedding.forward(&indices, x, y, mask.as_ref())?;
    embedding.forward_in_place(&indices, y, mask.as_ref())?;
    embedding.backward_in_place(&indices, y, mask.as_ref())?;
    embedding.backward(&indices, y, x, mask.as_ref())?;
    embedding.infer(&indices, x, y)?;
    Ok(())
}

/// Each dropout at another rate. By the alpha rule that computes with doubles, which is for the
/// programs that have them.
pub fn other_rates(rate: DropRate, x: &mut [f32]) -> Result<(), Error> {
    let (dropout, other) = (Dropout::new(DropRate::ZERO), black_box(rate));
    let layout = Layout::elementwise(black_box(9));
    let key = MaskKey::new(black_box(1), black_box(2));
    dropout.with_rate(other).forward_in_place(x, key)?;
    #[cfg(feature = "double")]
    Dropout::alpha(DropRate::ZERO).with_rate(other).forward_in_place(x, key)?;
    dropout.over(layout).with_rate(other).forward_in_place(x, key)?;
    black_box(LockedDropout::new(dropout, black_box(9), [0; 2]).with_rate(other));
    black_box(EmbeddingDropout::new(dropout, black_box(9), black_box(2))?.with_rate(other));
    black_box(DropPath::samples(dropout, black_box(9), black_box(2))?.with_rate(other));
    black_box(DropHead::new(rate, 1, black_box(2), black_box(3))?.with_rate(other));
    black_box(DropConnect::new(rate, black_box(2), black_box(3))?.with_rate(other));
    black_box(Zoneout::new(rate).with_rate(other));
    black_box(GaussianDropout::new(DropRate::ZERO)?.with_rate(other)?);
    Ok(())
}

//! What is fused with dropout, bias, residual and `ReLU`, over elements and over rows of a larger matrix.

use dropout_kernels::{
    Backend, Dropout, Error, Flat, Float, Inverted, MaskKey, MaskRng, Panel, Rows,
};

use super::shapes::RATES;
use super::{Digest, Memory, Number, SHORT, Space, set, ways};

/// Rows, their width, and the strides of input, output, residual and mask.
const PANELS: [[usize; 6]; 6] = [
    [4, 65, 65, 65, 65, 65],
    [3, 33, 40, 35, 0, 64],
    [7, 5, 0, 11, 6, 5],
    [2, 520, 530, 520, 525, 522],
    [1, 130, 7, 3, 1, 2],
    [0, 9, 9, 9, 9, 9],
];
/// The widest.
const WIDTH: usize = 520;

/// Each panel with the elements that its slices have, at each rate.
fn each(
    mut run: impl FnMut(Panel, usize, Dropout) -> Result<(), Error>,
    backend: Backend,
) -> Result<(), Error> {
    for [rows, width, input, output, residual, mask] in PANELS {
        let panel = Panel::new(rows, width)?.with_strides(input, output)?;
        let panel = panel.with_residual_stride(residual)?.with_mask_stride(mask)?;
        let n = match rows.checked_sub(1) {
            Some(rows) => rows * input.max(output).max(residual) + width,
            None => 0,
        };
        for rate in RATES {
            run(panel, n, Dropout::new(rate).with_backend(backend))?;
        }
    }
    Ok(())
}

/// Rows in every way, and `ReLU`.
pub(super) fn rows<T: Number>(digest: &mut Digest, backend: Backend) -> Result<(), Error> {
    let mut space = Space::<T, SHORT>::new();
    each(
        |panel, n, dropout| {
            let (over, bits) = (dropout.over(panel), panel.mask_bits());
            ways!(digest, &mut space, over, n, bits, (43, 44), numbers);
            let (x, y, _) = space.fresh(n, bits);
            over.infer(x, y)?;
            digest.numbers(y);
            over.infer_in_place(x)?;
            digest.numbers(x);
            rectified(digest, &mut space, over, n, bits)?;
            let flat = panel.rows() * panel.width();
            rectified(digest, &mut space, dropout, flat, flat)
        },
        backend,
    )
}

fn rectified<T: Number, S: Rows>(
    digest: &mut Digest,
    space: &mut Space<T, SHORT>,
    dropout: Dropout<Inverted, S>,
    n: usize,
    bits: usize,
) -> Result<(), Error> {
    let mut rng = MaskRng::new(45, 46);
    let (x, y, mut mask) = space.fresh(n, bits);
    dropout.forward_relu(x, y, rng.draw(mask.reborrow()))?;
    digest.numbers(y);
    digest.mask(mask.as_ref());
    dropout.forward_relu_in_place(x, MaskKey::new(45, 47).draw(mask.reborrow()))?;
    digest.numbers(x);
    digest.mask(mask.as_ref());
    digest.generator(&rng);
    Ok(())
}

/// That, and sums with a bias and a residual.
pub(super) fn floats<T: Number + Float<Factor: Number>>(
    digest: &mut Digest,
    backend: Backend,
) -> Result<(), Error> {
    rows::<T>(digest, backend)?;
    let mut space = Space::<T, SHORT>::new();
    each(
        |panel, n, dropout| {
            let (width, bits) = (panel.width(), panel.mask_bits());
            sums(digest, &mut space, dropout.over(panel), width, n, bits)?;
            let n = panel.rows() * width;
            sums(digest, &mut space, dropout, width, n, n)?;
            added(digest, &mut space, dropout, n)
        },
        backend,
    )
}

fn sums<T: Number + Float<Factor: Number>, S: Rows>(
    digest: &mut Digest,
    space: &mut Space<T, SHORT>,
    dropout: Dropout<Inverted, S>,
    width: usize,
    n: usize,
    bits: usize,
) -> Result<(), Error> {
    let (mut bias, mut gradient) = (Memory::<T, WIDTH>::new(), Memory::<T::Factor, WIDTH>::new());
    let mut residual = Memory::<T, SHORT>::new();
    let (bias, dbias, residual) = (bias.take(width), gradient.take(width), residual.take(n));
    set(bias, 20, T::plain);
    set(dbias, 21, Number::plain);
    set(residual, 22, T::any);
    let (block, key) = (dropout.with_bias(bias), MaskKey::new(48, 49));
    let mut rng = MaskRng::new(48, 50);

    let (x, y, mut mask) = space.fresh(n, bits);
    block.forward_residual(x, residual, y, rng.draw(mask.reborrow()))?;
    digest.numbers(y);
    digest.mask(mask.as_ref());
    block.forward(x, y, key)?;
    digest.numbers(y);
    block.forward_add(x, y, mask.as_ref())?;
    digest.numbers(y);
    block.infer_residual(x, residual, y)?;
    digest.numbers(y);
    block.infer_in_place(x)?;
    digest.numbers(x);
    block.forward_residual_in_place(x, residual, key)?;
    digest.numbers(x);

    let (dy, dx, mask) = space.again(n, bits);
    set(dy, 23, T::plain);
    block.backward(dy, dx, dbias, mask)?;
    digest.numbers(dx);
    digest.numbers(dbias);
    block.backward_in_place(dy, dbias, key)?;
    digest.numbers(dy);
    digest.numbers(dbias);
    digest.generator(&rng);
    Ok(())
}

/// What is added to what is there.
fn added<T: Number + Float>(
    digest: &mut Digest,
    space: &mut Space<T, SHORT>,
    dropout: Dropout<Inverted, Flat>,
    n: usize,
) -> Result<(), Error> {
    let mut rng = MaskRng::new(51, 52);
    let (x, y, mut mask) = space.fresh(n, n);
    dropout.forward_add(x, y, rng.draw(mask.reborrow()))?;
    digest.numbers(y);
    dropout.forward_add(x, y, MaskKey::new(51, 53))?;
    digest.numbers(y);
    dropout.backward_add(x, y, mask.as_ref())?;
    digest.numbers(y);
    digest.generator(&rng);
    Ok(())
}

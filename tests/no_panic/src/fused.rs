//! One pass for dropout and what stands beside it.

use core::hint::black_box;
use core::mem::MaybeUninit;

use dropout_kernels::{
    Dropout, Element, Error, Float, Mask, MaskKey, MaskMut, MaskRef, MaskRng, Panel, Rows, RuleFor,
    Scales, keep,
};

pub(crate) fn all<T: Float>(
    dropout: Dropout,
    mut x: [T; 100],
    dbias: &mut [T::Factor],
) -> Result<(), Error> {
    let words = black_box([3u32; 4]);
    let mask = MaskRef::new(&words, black_box(48))?;
    let panel = Panel::new(black_box(6), black_box(8))?;
    rows(dropout.over(panel), &mut x, dbias, mask)?;
    rows(dropout.over(panel).with_rate(black_box(dropout.rate())).flat(), &mut x, dbias, mask)?;
    rows(Dropout::classic(dropout.rate()), &mut x, dbias, mask)?;
    let (x, y) = x.split_at_checked(black_box(48)).unwrap_or_default();
    let mut out = [MaybeUninit::uninit(); 100];
    let out = out.get_mut(..black_box(48)).unwrap_or_default();
    black_box(dropout.forward_uninit(x, out, MaskKey::new(black_box(1), black_box(2)))?);
    black_box(dropout.forward_uninit(x, out, mask)?);
    let rows = Panel::new(black_box(6), black_box(8))?.with_mask_stride(black_box(8))?;
    black_box(dropout.over(rows).forward_uninit(
        x,
        out,
        MaskKey::new(black_box(1), black_box(2)),
    )?);
    black_box(dropout.over(rows).forward_uninit(x, out, mask)?);
    let mut drawn = Mask::<2>::new();
    let mut rng = MaskRng::new(black_box(1), black_box(2));
    black_box(dropout.forward_uninit(x, out, rng.draw(drawn.view_mut(black_box(48))?))?);
    black_box(y);
    Ok(())
}

fn rows<T: Float, R: Scales<T>, S: Rows>(
    dropout: Dropout<R, S>,
    x: &mut [T; 100],
    dbias: &mut [T::Factor],
    mask: MaskRef<'_>,
) -> Result<(), Error> {
    let (bias, rest) = x.split_at_mut_checked(black_box(4)).unwrap_or_default();
    let (x, y) = rest.split_at_mut_checked(black_box(48)).unwrap_or_default();
    let mut rng = MaskRng::new(black_box(1), black_box(2));
    let (key, mut drawn) = (MaskKey::new(black_box(1), black_box(2)), Mask::<2>::new());
    dropout.forward_add(x, y, key)?;
    dropout.forward_add(x, y, mask)?;
    dropout.backward_add(x, y, mask.window(black_box(3)..black_box(50))?)?;
    dropout.forward_residual(x, bias, y, rng.draw(drawn.view_mut(black_box(48))?))?;
    dropout.forward_residual_in_place(x, y, mask)?;
    let block = dropout.with_bias(bias);
    block.forward(x, y, mask)?;
    block.forward(x, y, key)?;
    block.forward_in_place(x, mask)?;
    block.forward_add(x, y, mask)?;
    block.forward_residual(x, bias, y, mask)?;
    block.forward_residual_in_place(x, y, mask)?;
    block.backward(x, y, dbias, mask)?;
    block.backward(x, y, dbias, key)?;
    block.backward_in_place(x, dbias, mask)?;
    block.infer(x, y)?;
    block.infer_in_place(x)?;
    block.infer_residual(x, bias, y)?;
    block.infer_residual_in_place(x, y)?;
    block.forward_with([x], y, mask, |[a], b| if black_box(true) { a } else { b }, |d, _, _| d)?;
    block.backward_with([x], y, dbias, key, |[a], _| a, |d, _, _| d)?;
    dropout.forward_with(
        [x, x],
        y,
        mask,
        |[a, _]| a,
        |d, [_, b]| if black_box(true) { d } else { b },
    )?;
    dropout.backward_with([x], y, key, |[a]| a, |d, _| d)?;
    dropout.forward_with_in_place(
        [x],
        y,
        mask,
        |y, [_]| y,
        |d, y, [_]| if black_box(true) { d } else { y },
    )?;
    dropout.backward_with_in_place([x], y, key, |_, [a]| a, |d, _, _| d)?;
    block.forward_with_in_place(
        [x],
        y,
        key,
        |y, _, _| y,
        |d, _, _, b| if black_box(true) { d } else { b },
    )?;
    block.backward_with_in_place([x], y, dbias, mask, |_, [a], _| a, |d, _, _, _| d)?;
    dropout.infer_residual(x, bias, y)?;
    dropout.infer_residual_in_place(x, y)?;
    Ok(())
}

/// Of elements that are integers, too.
pub(crate) fn relu<T: Element, R: Scales<T> + RuleFor<T>, S: Rows>(
    dropout: Dropout<R, S>,
    mut x: [T; 100],
) -> Result<(), Error> {
    let (x, y) = x.split_at_mut_checked(black_box(50)).unwrap_or_default();
    let mut words = black_box([3u32; 2]);
    let mut mask = MaskMut::new(&mut words, black_box(50))?;
    let mut rng = MaskRng::new(black_box(1), black_box(2));
    dropout.forward_relu(x, y, rng.draw(mask.reborrow()))?;
    dropout
        .forward_relu_in_place(x, MaskKey::new(black_box(1), black_box(2)).draw(mask.reborrow()))?;
    mask.and_positive(x)?;
    if let Some(x) = y.first_chunk() {
        black_box(keep(black_box(7), *x));
    }
    black_box(rng.block(dropout.rate()));
    Ok(())
}

//! Gaussian dropout, and dropout of weights.

use core::hint::black_box;

use dropout_kernels::{
    Backend, DropConnect, DropRate, Error, Float, GaussianDropout, MaskKey, MaskMut, MaskRef,
    MaskRng, RuleFor,
};

pub(crate) fn all<T: Float>(rate: DropRate, x: [T; 100]) -> Result<(), Error> {
    gaussian(GaussianDropout::new(rate)?, x)?;
    let (rows, columns) = black_box((4, 25));
    weights(&DropConnect::new(rate, rows, columns)?, x)?;
    weights(&DropConnect::classic(rate, rows, columns)?, x)
}

fn gaussian<T: Float>(noise: GaussianDropout, mut x: [T; 100]) -> Result<(), Error> {
    let noise = noise.with_backend(black_box(Backend::detect()));
    black_box((noise.rate(), noise.std_dev()));
    let mut rng = MaskRng::new(black_box(1), black_box(2));
    let (x, y) = x.split_at_mut_checked(black_box(50)).unwrap_or_default();
    noise.forward(x, y, &mut rng)?;
    noise.forward_in_place(x, &mut rng);
    noise.forward(x, y, MaskKey::new(black_box(1), black_box(2)))?;
    noise.forward_in_place(x, MaskKey::new(black_box(1), black_box(2)));
    noise.backward(x, y, &mut rng)?;
    noise.backward_in_place(x, &mut rng);
    noise.backward(x, y, MaskKey::new(black_box(1), black_box(2)))?;
    noise.backward_in_place(x, MaskKey::new(black_box(1), black_box(2)));
    noise.infer(x, y)?;
    black_box((x, y));
    Ok(())
}

fn weights<T: Float, R: RuleFor<T>>(layer: &DropConnect<R>, mut w: [T; 100]) -> Result<(), Error> {
    let layer = layer.with_backend(black_box(Backend::detect()));
    black_box((layer.rate(), layer.rule(), layer.shape(), layer.mask_bits()));
    let mut rng = MaskRng::new(black_box(1), black_box(2));
    let (mut x, mut y, mut z) = black_box(([w[0]; 75], [w[1]; 12], [w[2]; 12]));
    let mut words = black_box([3u32; 8]);
    let (a, b) = words.split_at_mut_checked(black_box(4)).unwrap_or_default();
    let mask = MaskMut::new(a, layer.mask_bits())?;
    layer.forward(&w, &x, &mut y, rng.draw(mask))?;
    let mask = MaskRef::new(b, layer.mask_bits())?;
    layer.forward(&w, &x, &mut y, mask)?;
    layer.forward(&w, &x, &mut y, MaskKey::new(black_box(1), black_box(2)))?;
    layer.backward_input(&w, &y, &mut x, mask)?;
    layer.backward_input(&w, &y, &mut x, mask.window(black_box(0..100))?)?;
    layer.backward_input(&w, &y, &mut x, MaskKey::new(black_box(1), black_box(2)))?;
    layer.backward_weights(&x, &y, &mut w, mask)?;
    layer.backward_weights(&x, &y, &mut w, MaskKey::new(black_box(1), black_box(2)))?;
    layer.infer(&w, &x, &mut y)?;
    layer.infer_moments(&w, &x, &mut y, &mut z)?;
    black_box((w, x, y, z));
    Ok(())
}

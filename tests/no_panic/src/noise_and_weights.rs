//! Gaussian and concrete dropout, noise on embeddings, and dropout of weights and of layers.

use core::hint::black_box;

use dropout_kernels::{
    Backend, ConcreteDropout, DropConnect, DropRate, EmbeddingNoise, Error, Float, GaussianDropout,
    LayerDrop, MaskKey, MaskMut, MaskRef, MaskRng, Real, RuleFor,
};

pub(crate) fn all<T: Float>(rate: DropRate, x: [T; 100]) -> Result<(), Error> {
    gaussian(GaussianDropout::new(rate)?, x)?;
    let number = |x: f32| T::Factor::from_f32(black_box(x));
    concrete(ConcreteDropout::new(number(0.3), number(0.1))?, x)?;
    embeddings(EmbeddingNoise::new(black_box(5.0), black_box(10), black_box(5))?, x)?;
    layers(LayerDrop::new(rate, black_box(50)))?;
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

fn concrete<T: Float>(layer: ConcreteDropout<T::Factor>, mut x: [T; 100]) -> Result<(), Error> {
    let logit = T::Factor::from_f32(black_box(-1.5));
    let layer = layer.with_logit(logit)?.with_backend(black_box(Backend::detect()));
    black_box(ConcreteDropout::from_logit(logit, layer.temperature())?);
    black_box((layer.p(), layer.logit(), layer.scale(), layer.to_p(logit)));
    let penalty = layer.penalty(logit, black_box(3), logit, logit);
    black_box((penalty.value, penalty.to_logit, penalty.to_weights));
    let mut rng = MaskRng::new(black_box(1), black_box(2));
    let mut dy = x;
    let (x, y) = x.split_at_mut_checked(black_box(50)).unwrap_or_default();
    let dy = dy.get_mut(..black_box(50)).unwrap_or_default();
    layer.forward(x, y, &mut rng)?;
    layer.forward_in_place(x, &mut rng);
    layer.forward(x, y, MaskKey::new(black_box(1), black_box(2)))?;
    layer.forward_in_place(x, MaskKey::new(black_box(1), black_box(2)));
    black_box(layer.backward(x, dy, y, &mut rng)?);
    black_box(layer.backward_in_place(x, dy, &mut rng)?);
    black_box(layer.backward(x, dy, y, MaskKey::new(black_box(1), black_box(2)))?);
    black_box(layer.backward_in_place(x, dy, MaskKey::new(black_box(1), black_box(2)))?);
    layer.infer(x, y)?;
    black_box((x, y, dy));
    Ok(())
}

fn embeddings<T: Float>(noise: EmbeddingNoise, mut x: [T; 100]) -> Result<(), Error> {
    let noise = noise.with_backend(black_box(Backend::detect()));
    black_box(noise.size());
    let mut rng = MaskRng::new(black_box(1), black_box(2));
    let (x, y) = x.split_at_mut_checked(black_box(50)).unwrap_or_default();
    noise.forward(x, y, &mut rng)?;
    noise.forward_in_place(x, &mut rng);
    noise.forward(x, y, MaskKey::new(black_box(1), black_box(2)))?;
    noise.forward_in_place(x, MaskKey::new(black_box(1), black_box(2)));
    black_box((x, y));
    Ok(())
}

fn layers(layer_drop: LayerDrop) -> Result<(), Error> {
    let layer_drop = layer_drop.with_backend(black_box(Backend::detect()));
    let layer_drop = black_box(layer_drop.with_rate(layer_drop.rate()));
    let mut words = black_box([3u32; 4]);
    let words = words.get_mut(..black_box(2)).unwrap_or_default();
    let mut mask = MaskMut::new(words, layer_drop.mask_bits())?;
    layer_drop.fill(mask.reborrow(), &mut MaskRng::new(black_box(1), black_box(2)))?;
    layer_drop.fill(mask.reborrow(), MaskKey::new(black_box(1), black_box(2)))?;
    layer_drop.prune(mask, black_box(2))?;
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
    layer.infer_transposed(&w, &y, &mut x)?;
    layer.infer_moments(&w, &x, &mut y, &mut z)?;
    black_box((w, x, y, z));
    Ok(())
}

//! Where numbers are added or noise is computed: embeddings, weights, normals, Monte Carlo.

use dropout_kernels::{
    Backend, DropConnect, DropRate, Dropout, EmbeddingDropout, Error, Float, GaussianDropout, Mask,
    MaskKey, MaskMut, MaskRng, MonteCarlo, Real, RuleFor, drop_rate, mask_words,
};

use super::{Digest, Memory, Number, Space, classes, noise, set};

/// Words of a vocabulary looked up, with repetitions, and their gradients.
pub(super) fn embedding(digest: &mut Digest, backend: Backend) -> Result<(), Error> {
    for rate in classes() {
        rows::<f32, _>(digest, Dropout::new(rate).with_backend(backend))?;
        rows::<f64, _>(digest, Dropout::classic(rate).with_backend(backend))?;
    }
    Ok(())
}

fn rows<T: Number, R: RuleFor<T>>(digest: &mut Digest, dropout: Dropout<R>) -> Result<(), Error> {
    const ROWS: usize = 100;
    const TEXT: usize = 33;
    let indices: [u32; TEXT] = core::array::from_fn(|i| noise(30, i as u32) % ROWS as u32);
    let (mut space, mut memory) =
        (Space::<T, { ROWS * 5 }>::new(), Memory::<T, { TEXT * 5 }>::new());
    for dimension in [1, 5] {
        let embedding = EmbeddingDropout::new(dropout, ROWS, dimension)?;
        let mut rng = MaskRng::new(31, dimension as u64);
        let (table, _, mut mask) = space.fresh(ROWS * dimension, ROWS);
        let y = memory.take(TEXT * dimension);
        set(y, 3, T::plain);
        embedding.fill(mask.reborrow(), &mut rng)?;
        embedding.forward(&indices, table, y, mask.as_ref())?;
        digest.numbers(y);
        embedding.forward_in_place(&indices, y, mask.as_ref())?;
        digest.numbers(y);
        embedding.infer(&indices, table, y)?;
        digest.numbers(y);
        set(y, 14, T::plain);
        set(table, 15, T::plain);
        embedding.backward(&indices, y, table, mask.as_ref())?;
        digest.numbers(table);
        digest.mask(mask.as_ref());
    }
    Ok(())
}

const PRODUCTS: [(usize, usize); 4] = [(1, 1), (3, 33), (5, 70), (33, 9)];

/// Embeddings of integers, by both rules.
pub(super) fn integers<T: Number>(digest: &mut Digest, backend: Backend) -> Result<(), Error> {
    for rate in classes() {
        rows::<T, _>(digest, Dropout::new(rate).with_backend(backend))?;
        rows::<T, _>(digest, Dropout::classic(rate).with_backend(backend))?;
    }
    Ok(())
}

/// Everything of a narrow floating-point type, by one rule.
pub(super) fn floats<T: Number + Float>(
    digest: &mut Digest,
    backend: Backend,
) -> Result<(), Error> {
    for rate in classes() {
        rows::<T, _>(digest, Dropout::new(rate).with_backend(backend))?;
        for (rows, columns) in PRODUCTS {
            products::<T, _>(
                digest,
                &DropConnect::new(rate, rows, columns)?.with_backend(backend),
            )?;
        }
        if let Ok(noise) = GaussianDropout::new(rate) {
            normals::<T>(digest, noise.with_backend(backend))?;
        }
    }
    Ok(())
}

/// Products with masked weights: y, dx and dW, for one vector and for several.
pub(super) fn drop_connect(digest: &mut Digest, backend: Backend) -> Result<(), Error> {
    for rate in classes() {
        for (rows, columns) in PRODUCTS {
            let inverted = DropConnect::new(rate, rows, columns)?.with_backend(backend);
            products::<f32, _>(digest, &inverted)?;
            let classic = DropConnect::classic(rate, rows, columns)?.with_backend(backend);
            products::<f64, _>(digest, &classic)?;
        }
    }
    Ok(())
}

fn products<T: Number + Float, R: RuleFor<T>>(
    digest: &mut Digest,
    layer: &DropConnect<R>,
) -> Result<(), Error> {
    const BATCH: usize = 2;
    let ((rows, columns), bits) = (layer.shape(), layer.mask_bits());
    let (mut w, mut words) = (Memory::<T, 400>::new(), Memory::<u32, { mask_words(400) }>::new());
    let (mut x, mut y, mut z) =
        (Memory::<T, 140>::new(), Memory::<T, 66>::new(), Memory::<T, 66>::new());
    let (w, mut mask) = (w.take(bits), MaskMut::new(words.take(mask_words(bits)), bits)?);
    for batch in 1..=BATCH {
        let (x, y, z) = (x.take(batch * columns), y.take(batch * rows), z.take(batch * rows));
        set(w, 16, T::plain);
        set(x, 17, T::plain);
        let mut rng = MaskRng::new(33, batch as u64);
        layer.forward(w, x, y, rng.draw(mask.reborrow()))?;
        digest.numbers(y);
        digest.mask(mask.as_ref());
        layer.forward(w, x, y, mask.as_ref())?;
        digest.numbers(y);
        layer.forward(w, x, y, MaskKey::new(33, 3))?;
        digest.numbers(y);
        layer.infer(w, x, y)?;
        digest.numbers(y);
        layer.infer_moments(w, x, y, z)?;
        digest.numbers(y);
        digest.numbers(z);

        layer.backward_weights(x, y, w, mask.as_ref())?;
        digest.numbers(w);
        layer.backward_weights(x, y, w, MaskKey::new(33, 4))?;
        digest.numbers(w);
        set(w, 18, T::plain);
        layer.backward_input(w, y, x, mask.as_ref())?;
        digest.numbers(x);
        layer.backward_input(w, y, x, MaskKey::new(33, 5))?;
        digest.numbers(x);
    }
    Ok(())
}

/// Inference by weights that are stored the other way round.
pub(super) fn drop_connect_transposed(digest: &mut Digest, backend: Backend) -> Result<(), Error> {
    for rate in classes() {
        for (rows, columns) in PRODUCTS {
            let inverted = DropConnect::new(rate, rows, columns)?.with_backend(backend);
            transposed::<f32, _>(digest, &inverted)?;
            let classic = DropConnect::classic(rate, rows, columns)?.with_backend(backend);
            transposed::<f64, _>(digest, &classic)?;
        }
    }
    Ok(())
}

fn transposed<T: Number + Float, R: RuleFor<T>>(
    digest: &mut Digest,
    layer: &DropConnect<R>,
) -> Result<(), Error> {
    let (mut w, mut x, mut y) =
        (Memory::<T, 400>::new(), Memory::<T, 66>::new(), Memory::<T, 140>::new());
    let ((rows, columns), w) = (layer.shape(), w.take(layer.mask_bits()));
    for batch in 1..=2 {
        let (x, y) = (x.take(batch * rows), y.take(batch * columns));
        set(w, 16, T::plain);
        set(x, 17, T::plain);
        layer.infer_transposed(w, x, y)?;
        digest.numbers(y);
    }
    Ok(())
}

/// Noise that multiplies.
pub(super) fn gaussian(digest: &mut Digest, backend: Backend) -> Result<(), Error> {
    // p = 1 has no such noise.
    for rate in classes().filter(|rate| *rate != DropRate::ONE) {
        let noise = GaussianDropout::new(rate)?.with_backend(backend);
        digest.word(noise.std_dev().to_bits());
        normals::<f32>(digest, noise)?;
        normals::<f64>(digest, noise)?;
    }
    Ok(())
}

fn normals<T: Number + Float>(digest: &mut Digest, noise: GaussianDropout) -> Result<(), Error> {
    let mut space = Space::<T, 129>::new();
    let mut rng = MaskRng::new(35, 36);
    for n in [0, 1, 15, 16, 17, 31, 32, 33, 129] {
        let mut before = rng.clone();
        let (x, y, _) = space.fresh(n, 0);
        noise.forward(x, y, &mut rng)?;
        digest.numbers(y);
        noise.backward(x, y, &mut before)?;
        digest.numbers(y);
        noise.forward_in_place(x, &mut rng);
        digest.numbers(x);
        noise.backward_in_place(x, &mut before);
        digest.numbers(x);
        let (x, y, _) = space.fresh(n, 0);
        noise.forward(x, y, MaskKey::new(35, 37))?;
        digest.numbers(y);
        noise.backward(x, y, MaskKey::new(35, 38))?;
        digest.numbers(y);
        noise.forward_in_place(x, MaskKey::new(35, 39));
        noise.backward_in_place(x, MaskKey::new(35, 40));
        digest.numbers(x);
        noise.infer(x, y)?;
        digest.numbers(y);
    }
    digest.generator(&rng);
    Ok(())
}

/// Means and variances over passes, and over two counts of them.
pub(super) fn monte_carlo(digest: &mut Digest, backend: Backend) -> Result<(), Error> {
    passes::<f32>(digest, backend)?;
    passes::<f64>(digest, backend)
}

fn passes<T: Number + Real>(digest: &mut Digest, backend: Backend) -> Result<(), Error> {
    const N: usize = 33;
    let (mut sums, mut y) = ([[T::ZERO; N]; 4], [T::ZERO; N]);
    let mut mask = Mask::<{ mask_words(N) }>::new();
    let mut rng = MaskRng::new(41, 42);
    let mut array = MonteCarlo::<[T; N]>::new();
    let mut slices = MonteCarlo::over(sums.each_mut().map(|sums| sums.as_mut_slice()))?;
    let dropout = Dropout::new(drop_rate!(0.3)).with_backend(backend);
    for pass in 0..20 {
        set(&mut y, 19, T::plain);
        dropout.forward_in_place(&mut y, rng.draw(mask.view_mut(N)?))?;
        if pass % 3 == 0 {
            slices.push(&y)?;
        } else {
            array.push(&y)?;
        }
        if pass % 7 == 6 {
            array.merge(&slices)?;
        }
        for variances in [array.variance().map(|v| v.last()), slices.variance().map(|v| v.last())] {
            digest.numbers(&[variances.flatten().unwrap_or(T::ZERO)]);
        }
    }
    digest.numbers(array.mean().unwrap_or_default());
    digest.numbers(slices.mean().unwrap_or_default());
    for (i, v) in array.population_variance().into_iter().flatten().enumerate() {
        digest.word(i as u32);
        digest.numbers(&[v]);
    }
    digest.word(array.passes());
    Ok(())
}

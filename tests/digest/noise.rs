//! Numbers that are drawn in place of a mask: the gates of a rate that is learned, and noise on embeddings.

use dropout_kernels::{
    Backend, ConcreteDropout, EmbeddingNoise, Error, Float, MaskKey, MaskRng, Real,
};

use super::{Digest, Memory, Number, Space, set};

/// Lengths around a step of all lanes and two.
const LENGTHS: [usize; 7] = [0, 1, 15, 16, 17, 33, 129];

/// Of elements that are computed in `f64`.
pub(super) fn doubles(digest: &mut Digest, backend: Backend) -> Result<(), Error> {
    all::<f64>(digest, backend, f64::from)
}

/// Of those that are computed in `f32`.
pub(super) fn floats<T: Number + Float<Factor = f32>>(
    digest: &mut Digest,
    backend: Backend,
) -> Result<(), Error> {
    all::<T>(digest, backend, |x| x)
}

fn all<T: Number + Float<Factor: Number + Real>>(
    digest: &mut Digest,
    backend: Backend,
    number: fn(f32) -> T::Factor,
) -> Result<(), Error> {
    for (p, temperature) in [(0.1, 0.1), (0.5, 0.7), (0.9, 0.1), (1e-6, 0.3)] {
        let layer = ConcreteDropout::new(number(p), number(temperature))?.with_backend(backend);
        let penalty = layer.penalty(number(30.0), 100, number(1e-4), number(2e-3));
        digest.numbers(&[layer.logit(), layer.p()]);
        digest.numbers(&[penalty.value, penalty.to_logit, penalty.to_weights]);
        gates::<T>(digest, layer)?;
    }
    for (alpha, length, dimension) in [(5.0, 3, 43), (10.0, 1, 1), (15.0, 512, 768), (5.0, 0, 9)] {
        shaken::<T>(digest, EmbeddingNoise::new(alpha, length, dimension)?.with_backend(backend))?;
    }
    Ok(())
}

fn gates<T: Number + Float<Factor: Number + Real>>(
    digest: &mut Digest,
    layer: ConcreteDropout<T::Factor>,
) -> Result<(), Error> {
    let (mut space, mut third) = (Space::<T, 129>::new(), Memory::<T, 129>::new());
    let (mut rng, key) = (MaskRng::new(54, 55), MaskKey::new(54, 56));
    for n in LENGTHS {
        let mut before = rng.clone();
        let (x, y, _) = space.fresh(n, 0);
        layer.forward(x, y, &mut rng)?;
        digest.numbers(y);
        layer.forward_in_place(x, key);
        digest.numbers(x);
        let dx = third.take(n);
        set(x, 24, T::plain);
        set(y, 25, T::plain);
        let to_logit = layer.backward(x, y, dx, &mut before)?;
        digest.numbers(dx);
        digest.numbers(&[to_logit]);
        let to_logit = layer.backward_in_place(x, y, key)?;
        digest.numbers(y);
        digest.numbers(&[to_logit]);
        digest.generator(&before);
    }
    Ok(())
}

fn shaken<T: Number + Float>(digest: &mut Digest, noise: EmbeddingNoise) -> Result<(), Error> {
    let mut space = Space::<T, 129>::new();
    let mut rng = MaskRng::new(57, 58);
    for n in LENGTHS {
        let (x, y, _) = space.fresh(n, 0);
        noise.forward(x, y, &mut rng)?;
        digest.numbers(y);
        noise.forward_in_place(x, MaskKey::new(57, 59));
        digest.numbers(x);
    }
    digest.generator(&rng);
    Ok(())
}

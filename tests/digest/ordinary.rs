//! Dropout over slices and arrays, by each rule.

use dropout_kernels::{
    Backend, DropRate, Dropout, Error, Float, Integer, Mask, MaskKey, MaskRng, RuleFor, mask_words,
};

use super::{Digest, LONG, Number, SHORT, Space, classes, set, ways};

/// Lengths around a word, a block and two; the largest is added to them.
const LENGTHS: [usize; 12] = [0, 1, 31, 32, 33, 65, 129, 511, 512, 513, 545, 1025];

pub(super) fn inverted<T: Number, const N: usize>(
    digest: &mut Digest,
    backend: Backend,
) -> Result<(), Error> {
    rule::<T, _, N>(digest, backend, Dropout::new, false)
}

pub(super) fn classic<T: Number, const N: usize>(
    digest: &mut Digest,
    backend: Backend,
) -> Result<(), Error> {
    rule::<T, _, N>(digest, backend, Dropout::classic, true)
}

pub(super) fn alpha<T: Number + Float, const N: usize>(
    digest: &mut Digest,
    backend: Backend,
) -> Result<(), Error> {
    for rate in classes() {
        let rule = Dropout::alpha(rate).rule();
        for x in [rule.scale(), rule.shift(), rule.dropped()] {
            digest.long(x.to_bits());
        }
    }
    rule::<T, _, N>(digest, backend, Dropout::alpha, false)
}

/// Alpha dropout of inputs of any mean and variance.
pub(super) fn alpha_of(digest: &mut Digest, _: Backend) -> Result<(), Error> {
    for rate in classes() {
        for (mean, variance) in [(0.0, 1.0), (-1.5, 0.25), (3.0, 40.0), (1e-9, 1e15)] {
            let rule = Dropout::alpha_of(rate, mean, variance)?.rule();
            for x in [rule.scale(), rule.shift(), rule.dropped()] {
                digest.long(x.to_bits());
            }
        }
    }
    Ok(())
}

pub(super) fn drop_key<T: Number + Float, const N: usize>(
    digest: &mut Digest,
    backend: Backend,
) -> Result<(), Error> {
    rule::<T, _, N>(digest, backend, Dropout::drop_key, true)
}

/// Each rate and length. `copies` says that the rule's kept elements keep their bits in training,
/// NaN too.
fn rule<T: Number, R: RuleFor<T>, const N: usize>(
    digest: &mut Digest,
    backend: Backend,
    dropout: fn(DropRate) -> Dropout<R>,
    copies: bool,
) -> Result<(), Error> {
    let mut space = Space::<T, N>::new();
    for rate in classes() {
        let dropout = dropout(rate).with_backend(backend);
        for n in LENGTHS.into_iter().chain([N]) {
            let key = (7, n as u64);
            if copies {
                ways!(digest, &mut space, dropout, n, n, key, copies);
            } else {
                ways!(digest, &mut space, dropout, n, n, key, numbers);
            }
            let (x, y, _) = space.fresh(n, n);
            dropout.infer(x, y)?;
            digest.numbers(y);
            dropout.infer_in_place(x);
            digest.numbers(x);
        }
    }
    Ok(())
}

/// Every rule that integers have, and products that are rounded by random bits.
pub(super) fn integers<T: Number + Integer>(
    digest: &mut Digest,
    backend: Backend,
) -> Result<(), Error> {
    inverted::<T, LONG>(digest, backend)?;
    classic::<T, LONG>(digest, backend)?;
    let mut space = Space::<T, LONG>::new();
    for rate in classes() {
        let dropout = Dropout::new(rate).with_backend(backend);
        let (m, shift) = rate.multiplier();
        digest.long((m as u64) << 32 | shift as u64);
        for n in LENGTHS {
            let (key, rounding) = (MaskKey::new(7, n as u64), MaskKey::new(8, n as u64));
            let (x, y, _) = space.fresh(n, n);
            dropout.forward_stochastic(x, y, key, rounding)?;
            digest.copies(y);
            dropout.backward_stochastic_in_place(x, key, rounding)?;
            digest.copies(x);
        }
    }
    Ok(())
}

/// About zero points.
pub(super) fn bytes(digest: &mut Digest, backend: Backend) -> Result<(), Error> {
    rule::<i8, _, SHORT>(digest, backend, |rate| Dropout::new(rate).with_zero_point(-100), true)?;
    rule::<i8, _, SHORT>(digest, backend, |rate| Dropout::classic(rate).with_zero_point(5), true)?;
    let mut space = Space::<i8, 640>::new();
    for rate in classes() {
        let dropout = Dropout::new(rate).with_zero_point(i8::MAX).with_backend(backend);
        let (x, y, _) = space.fresh(640, 640);
        dropout.forward_stochastic(x, y, MaskKey::new(7, 8), MaskKey::new(7, 8))?;
        digest.copies(y);
    }
    Ok(())
}

/// Every rule of a narrow floating-point type.
pub(super) fn floats<T: Number + Float>(
    digest: &mut Digest,
    backend: Backend,
) -> Result<(), Error> {
    inverted::<T, LONG>(digest, backend)?;
    classic::<T, LONG>(digest, backend)?;
    alpha::<T, LONG>(digest, backend)?;
    drop_key::<T, LONG>(digest, backend)
}

/// Arrays, of each rule.
pub(super) fn arrays(digest: &mut Digest, backend: Backend) -> Result<(), Error> {
    for rate in classes() {
        array::<f32, _>(digest, Dropout::new(rate).with_backend(backend));
        array::<f64, _>(digest, Dropout::classic(rate).with_backend(backend));
        array::<f32, _>(digest, Dropout::alpha(rate).with_backend(backend));
        array::<f64, _>(digest, Dropout::drop_key(rate).with_backend(backend));
    }
    Ok(())
}

fn array<T: Number, R: RuleFor<T>>(digest: &mut Digest, dropout: Dropout<R>) {
    let mut mask = Mask::<{ mask_words(100) }>::new();
    let mut rng = MaskRng::new(3, 4);
    let (mut x, mut y) = ([T::ZERO; 100], [T::ZERO; 100]);
    set(&mut x, 5, T::any);
    dropout.forward_array(&x, &mut y, rng.draw(&mut mask));
    digest.numbers(&y);
    dropout.forward_array_in_place(&mut y, rng.draw(&mut mask));
    digest.numbers(&y);
    dropout.forward_array(&x, &mut y, MaskKey::new(3, 4));
    digest.numbers(&y);
    dropout.forward_array(&x, &mut y, &mask);
    digest.numbers(&y);
    dropout.forward_array_in_place(&mut y, &mask);
    digest.numbers(&y);
    dropout.backward_array(&x, &mut y, &mask);
    digest.numbers(&y);
    dropout.backward_array_in_place(&mut y, &mask);
    digest.numbers(&y);
    dropout.backward_array(&x, &mut y, MaskKey::new(3, 4));
    digest.numbers(&y);
    dropout.infer_array(&x, &mut y);
    digest.numbers(&y);
    mask.words().iter().for_each(|word| digest.word(*word));
}

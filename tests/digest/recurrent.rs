//! What recurrent layers use: one mask over all steps, and zoneout.

use dropout_kernels::{
    Backend, Dropout, Error, Float, LockedDropout, MaskKey, MaskMut, MaskRef, MaskRng, RuleFor,
    VariationalDropout, Zoneout, mask_words,
};

use super::{Digest, Memory, Number, classes, set};

/// Units of a layer for each sample, and the samples of a batch.
const UNITS: usize = 70;
const BATCH: usize = 3;
const STATES: usize = BATCH * UNITS;
const WORDS: usize = mask_words(STATES);

/// Masks drawn once, and two steps by each.
pub(super) fn locked<T: Number + Float>(
    digest: &mut Digest,
    backend: Backend,
) -> Result<(), Error> {
    for rate in classes() {
        steps::<T, _>(digest, Dropout::new(rate).with_backend(backend))?;
        steps::<T, _>(digest, Dropout::classic(rate).with_backend(backend))?;
        steps::<T, _>(digest, Dropout::alpha(rate).with_backend(backend))?;
    }
    Ok(())
}

/// Both, of a narrow type: by one rule.
pub(super) fn all<T: Number>(digest: &mut Digest, backend: Backend) -> Result<(), Error> {
    for rate in classes() {
        steps::<T, _>(digest, Dropout::new(rate).with_backend(backend))?;
    }
    zoneout::<T>(digest, backend)
}

fn steps<T: Number, R: RuleFor<T>>(digest: &mut Digest, dropout: Dropout<R>) -> Result<(), Error> {
    let mut layer = VariationalDropout {
        input: LockedDropout::new(dropout, 33, [0; WORDS]),
        recurrent: LockedDropout::new(dropout, UNITS, [0; WORDS]),
        output: LockedDropout::new(dropout, 1, [0; WORDS]),
    };
    let mut rng = MaskRng::new(21, 22);
    for batch in [1, BATCH] {
        layer.draw(batch, &mut rng)?;
        for locked in [&layer.input, &layer.recurrent, &layer.output] {
            digest.mask(locked.mask());
            let (mut x, mut y) = (Memory::<T, STATES>::new(), Memory::<T, STATES>::new());
            let (x, y) = (x.take(locked.mask().len()), y.take(locked.mask().len()));
            for step in 0..2 {
                set(x, 7 + step, T::any);
                locked.forward(x, y)?;
                digest.numbers(y);
                locked.backward(x, y)?;
                digest.numbers(y);
                locked.backward_in_place(y)?;
                digest.numbers(y);
                locked.forward_in_place(x)?;
                digest.numbers(x);
            }
        }
    }
    Ok(())
}

/// Every way to choose between two states, and the gradients of both.
pub(super) fn zoneout<T: Number>(digest: &mut Digest, backend: Backend) -> Result<(), Error> {
    for rate in classes() {
        for n in [0, 1, 31, 64, 65, STATES] {
            states::<T>(digest, Zoneout::new(rate).with_backend(backend), n)?;
        }
    }
    Ok(())
}

/// In training the chosen state keeps its bits, NaN too.
fn states<T: Number>(digest: &mut Digest, z: Zoneout, n: usize) -> Result<(), Error> {
    let mut all: [Memory<T, STATES>; 3] = core::array::from_fn(|_| Memory::new());
    let [prev, new, h] = all.each_mut().map(|x| x.take(n));
    let (mut rng, (seed, stream)) = (MaskRng::new(23, 24), (23, 25));
    let mut words = Memory::<u32, WORDS>::new();
    let mut mask = MaskMut::new(words.take(mask_words(n)), n)?;
    let fresh = |prev: &mut [T], new: &mut [T]| {
        set(prev, 9, T::any);
        set(new, 10, T::any);
    };

    fresh(prev, new);
    z.forward(prev, new, h, rng.draw(mask.reborrow()))?;
    digest.copies(h);
    digest.mask(mask.as_ref());
    z.forward_into_prev(prev, new, rng.draw(mask.reborrow()))?;
    digest.copies(prev);
    digest.mask(mask.as_ref());
    z.forward_into_new(h, new, rng.draw(mask.reborrow()))?;
    digest.copies(new);
    digest.mask(mask.as_ref());

    fresh(prev, new);
    z.forward(prev, new, h, MaskKey::new(seed, stream))?;
    digest.copies(h);
    z.forward_into_prev(prev, new, MaskKey::new(seed, stream))?;
    digest.copies(prev);
    z.forward_into_new(h, new, MaskKey::new(seed, stream + 1))?;
    digest.copies(new);

    let mask: MaskRef<'_> = mask.as_ref();
    fresh(prev, new);
    z.forward(prev, new, h, mask)?;
    digest.copies(h);
    z.forward_into_prev(prev, new, mask)?;
    digest.copies(prev);
    fresh(prev, new);
    z.forward_into_new(prev, new, mask)?;
    digest.copies(new);

    set(h, 11, T::any);
    z.backward(h, prev, new, mask)?;
    digest.copies(prev);
    digest.copies(new);
    z.backward(h, prev, new, MaskKey::new(seed, stream))?;
    digest.copies(prev);
    digest.copies(new);
    z.backward_in_place(h, prev, MaskKey::new(seed, stream))?;
    digest.copies(h);
    digest.copies(prev);
    set(h, 12, T::any);
    z.backward_in_place(h, prev, mask)?;
    digest.copies(h);
    digest.copies(prev);

    fresh(prev, new);
    z.infer(prev, new, h)?;
    digest.numbers(h);
    z.infer_into_prev(prev, new)?;
    digest.numbers(prev);
    set(prev, 13, T::any);
    z.infer_into_new(prev, new)?;
    digest.numbers(new);
    Ok(())
}

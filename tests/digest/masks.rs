//! Masks and what they are made from: rates, generators, algebra, the tape.

use dropout_kernels::{
    Backend, DropRate, Error, LayerDrop, MaskMut, MaskRef, MaskRng, MaskTape, Schedule, mask_words,
    tape_words,
};

use super::{Digest, LONG, Memory, classes, noise};

/// Lengths around a word, four words, a block and two blocks, and the largest.
const LENGTHS: [usize; 18] =
    [0, 1, 31, 32, 33, 63, 64, 65, 127, 128, 129, 511, 512, 513, 1023, 1024, 1025, LONG];

/// Seeds and streams, with those at which sums wrap.
const KEYS: [(u64, u64); 5] =
    [(0, 0), (42, 0), (42, 7), (0x0123_4567_89AB_CDEF, u64::MAX), (u64::MAX, 1 << 63)];

/// How rates are made, what scale they have, and how they change over training and with depth.
pub(super) fn rates(digest: &mut Digest, _: Backend) -> Result<(), Error> {
    let mut take = |rate: DropRate| {
        digest.long(rate.threshold());
        digest.long(rate.p().to_bits());
        digest.long(rate.scale().to_bits());
        digest.word(rate.scale_f32().to_bits());
    };
    classes().for_each(&mut take);
    for i in 0..1000 {
        // Exponents from 2^-47 to 2^-1, and every mantissa as likely as another.
        let bits = noise(1, i);
        take(DropRate::new(f32::from_bits(bits & 0x7F_FFFF | (80 + bits % 47) << 23))?);
        let denominator = (noise(2, i) >> (i % 32)).max(1);
        take(DropRate::from_ratio(bits % denominator, denominator)?);
        take(DropRate::from_threshold((u64::from(bits) << 8 | u64::from(i)) >> (i % 40))?);
    }
    for rate in classes() {
        for layer in 1..=12 {
            take(rate.at_depth(layer, 12)?);
        }
        for schedule in [
            Schedule::linear(DropRate::ONE, rate, 40),
            Schedule::linear(rate, DropRate::ZERO, 7),
            Schedule::curriculum(rate, 40),
            Schedule::early(rate, 20),
            Schedule::late(rate, 20),
        ] {
            (0..50).for_each(|step| take(schedule.rate(step)));
        }
    }
    Ok(())
}

/// Masks of each rate and length, one after the other from one generator, and the generator after
/// them.
pub(super) fn masks(digest: &mut Digest, backend: Backend) -> Result<(), Error> {
    let mut memory = Memory::<u32, { mask_words(LONG) }>::new();
    // Each number of planes, too.
    let planes = (1..9).flat_map(|k| DropRate::from_ratio((1 << k) - 1, 1 << k));
    for rate in classes().chain(planes) {
        for (seed, stream) in KEYS {
            let mut rng = MaskRng::new(seed, stream);
            for n in LENGTHS {
                let mut mask = MaskMut::new(memory.take(mask_words(n)), n)?;
                rng.fill_with(backend, rate, mask.reborrow());
                digest.mask(mask.as_ref());
            }
            digest.generator(&rng);
        }
    }
    Ok(())
}

/// Generators of many seeds and streams, as bytes and from bytes.
pub(super) fn generators(digest: &mut Digest, backend: Backend) -> Result<(), Error> {
    for i in 0..100 {
        let stream = u64::from(noise(4, i)) << (i % 33);
        let rng = MaskRng::new(u64::from(noise(3, i)) << (i % 17), stream);
        digest.generator(&rng);
        let mut bytes = rng.to_bytes();
        for (byte, j) in bytes.iter_mut().zip(0..) {
            *byte ^= noise(5 + i, j) as u8;
        }
        let mut rng = MaskRng::from_bytes(&bytes)?;
        let mut words = [0; 9];
        let rate = DropRate::from_threshold(u64::from(noise(6, i)) << 8)?;
        rng.fill_with(backend, rate, MaskMut::new(&mut words, 257)?);
        words.iter().for_each(|word| digest.word(*word));
        digest.generator(&rng);
    }
    Ok(())
}

/// What is computed from masks, and what is read out of them.
pub(super) fn algebra(digest: &mut Digest, _: Backend) -> Result<(), Error> {
    const WORDS: usize = mask_words(LONG);
    let (mut left, mut right) = (Memory::<u32, WORDS>::new(), Memory::<u32, WORDS>::new());
    for n in LENGTHS {
        for sparse in [0, 9, 20] {
            // Bits past the end are set in them.
            let (a, b) = (left.take(mask_words(n)), right.take(mask_words(n)));
            for (i, (a, b)) in (0..).zip(a.iter_mut().zip(&mut *b)) {
                *a = noise(10, i) & noise(11, i) >> sparse;
                *b = noise(20, i) & noise(21, i);
            }
            let (mut a, b) = (MaskMut::new(a, n)?, MaskRef::new(b, n)?);
            type Step = fn(&mut MaskMut<'_>, MaskRef<'_>) -> Result<(), Error>;
            let steps: [Step; 7] = [
                |a, b| Ok(a.and(b)?),
                |a, _| {
                    a.not();
                    Ok(())
                },
                |a, b| Ok(a.and_not(b)?),
                |a, b| Ok(a.xor(b)?),
                |a, b| {
                    a.set(b.len() / 2, true);
                    a.set(b.len() / 3, false);
                    Ok(())
                },
                |a, b| Ok(a.or(b)?),
                |a, b| Ok(a.copy_from(b)?),
            ];
            read(digest, a.as_ref());
            for step in steps {
                step(&mut a, b)?;
                digest.mask(a.as_ref());
                read(digest, a.as_ref());
            }
            a.keep_all();
            read(digest, a.as_ref());
            a.drop_all();
            read(digest, a.as_ref());
        }
    }
    Ok(())
}

fn read(digest: &mut Digest, mask: MaskRef<'_>) {
    digest.word(mask.count_kept() as u32);
    digest.word(mask.iter().map(u32::from).sum());
    let ranges = mask.kept_runs().chain(mask.dropped_runs());
    for range in ranges.chain(mask.kept_runs_in(mask.len() / 3..mask.len() / 2)) {
        digest.word(range.start as u32);
        digest.word(range.end as u32);
    }
    mask.kept_indices().for_each(|i| digest.word(i as u32));
}

/// A tape of four layers over three steps.
pub(super) fn tape(digest: &mut Digest, backend: Backend) -> Result<(), Error> {
    const LAYERS: [usize; 4] = [64, 1, 100, 513];
    let mut tape = MaskTape::new([0; tape_words(&LAYERS)]);
    let mut rng = MaskRng::new(5, 6);
    for rate in classes() {
        for (layer, n) in LAYERS.into_iter().enumerate() {
            rng.fill_with(backend, rate, tape.push(layer as u32, n)?);
        }
        digest.word(tape.free_words() as u32);
        for (layer, n) in LAYERS.into_iter().enumerate().rev() {
            digest.mask(tape.pop(layer as u32, n)?);
        }
    }
    Ok(())
}

/// Whole layers, left out by chance and by their depth.
pub(super) fn layer_drop(digest: &mut Digest, backend: Backend) -> Result<(), Error> {
    let (mut memory, mut rng) = (Memory::<u32, { mask_words(100) }>::new(), MaskRng::new(61, 62));
    for rate in classes() {
        for layers in [0, 1, 12, 33, 100] {
            let layer_drop = LayerDrop::new(rate, layers).with_backend(backend);
            let mut mask = MaskMut::new(memory.take(mask_words(layers)), layers)?;
            layer_drop.fill(mask.reborrow(), &mut rng)?;
            digest.mask(mask.as_ref());
            for every in [0, 1, 2, 3, 40] {
                layer_drop.prune(mask.reborrow(), every)?;
                digest.mask(mask.as_ref());
            }
        }
    }
    digest.generator(&rng);
    Ok(())
}

//! What every variant is held to, in all its ways: that it follows its formulas, and with that,
//! that its sources and its places agree; that backward is the gradient of forward; that what does
//! not fit is refused; that it drops at p.

use std::fmt::Debug;
use std::iter::zip;

use dropout_kernels::{Backend, DropRate, MaskKey, MaskMut, MaskRng, mask_words};

use crate::guarded::Guarded;
use crate::number::{Number, same};
use crate::stream::{Reference, pack};
use crate::variant::{Given, Masks, Pass, Slice, Variant, Way};

const SEED: u64 = 42;
const STREAM: u64 = 7;

/// What a way is called with.
#[derive(Clone, Debug)]
pub struct Call<T> {
    pub variables: Vec<Vec<T>>,
    pub words: Vec<u32>,
    pub mask_bits: usize,
    /// The key, at which the generator starts too.
    pub key: (u64, u64),
    pub offset: usize,
    /// Whether slices end where their allocations end.
    pub exact: bool,
}

/// The mask that a generator draws for a variant, and the generator before and afterwards.
#[derive(Clone)]
pub struct Drawn {
    pub start: Reference,
    pub keep: Vec<bool>,
    pub moved: Reference,
}

impl Drawn {
    pub fn of<T: Number>(variant: &impl Variant<T>, (seed, stream): (u64, u64)) -> Self {
        let start = Reference::new(seed, stream);
        let mut moved = start.clone();
        let keep = variant.drawn(&mut moved);
        Self { start, keep, moved }
    }
}

/// The flags of the first `n` bits.
pub fn flags(words: &[u32], n: usize) -> Vec<bool> {
    (0..n).map(|i| words[i / 32] >> (i % 32) & 1 != 0).collect()
}

/// One call on every backend, against the formula: outputs, inputs that stay, the mask, the
/// generator, and guards. A call that fits nothing has to be refused, and to change nothing.
pub fn check<T: Number, V: Variant<T>>(
    variant: &V,
    way: &Way<V, T>,
    call: &Call<T>,
    drawn: impl FnOnce(&V) -> Drawn,
) {
    let lengths: Vec<_> = way.slices.iter().map(|s| call.variables[s.before()].len()).collect();
    let given_mask = way.masks.has_mask().then_some(call.mask_bits);
    let fits = variant.refit(way, &lengths, given_mask);
    let (seed, stream) = call.key;
    let mut after = call.variables.clone();
    let (mut words, mut moved, mut copies) =
        (call.words.clone(), Reference::new(seed, stream), true);
    if let Some(variant) = &fits {
        let drawn = drawn(variant);
        let is_drawn = way.masks.draws();
        let brought = if is_drawn { vec![] } else { flags(&call.words, given_mask.unwrap_or(0)) };
        let keep = if is_drawn { &drawn.keep } else { &brought };
        let given = Given { pass: way.pass, drawn: is_drawn, keep, start: &drawn.start };
        variant.formula(&given, &mut after);
        copies = variant.copies(&given);
        if way.masks.writes_mask() {
            words = pack(keep);
        }
        if way.masks.moves_generator() {
            moved = drawn.moved;
        }
    }
    let moved = moved.to_bytes();
    for backend in Backend::available() {
        let memory = |content: &[T], offset| match call.exact {
            true => Guarded::exact(content, offset, T::GUARD),
            false => Guarded::new(content, offset, T::GUARD),
        };
        let mut slices: Vec<_> = zip(way.slices, 0..)
            .map(|(slice, i)| memory(&call.variables[slice.before()], (call.offset + i) % 16))
            .collect();
        let mut mask = match call.exact {
            true => Guarded::exact(&call.words, call.offset, 0xDEAD_BEEF),
            false => Guarded::new(&call.words, call.offset, 0xDEAD_BEEF),
        };
        let mut rng = MaskRng::new(seed, stream);
        let lent = crate::variant::Lent {
            mask: MaskMut::new(mask.slice(), call.mask_bits).expect("as many words as it takes"),
            rng: &mut rng,
            key: MaskKey::new(seed, stream),
        };
        let mut lent_slices: Vec<_> = slices.iter_mut().map(Guarded::slice).collect();
        let variant = fits.as_ref().unwrap_or(variant).clone().with_backend(backend);
        let result = (way.run)(&variant, &mut lent_slices, lent);
        let told = || {
            format!(
                "{} of {variant:?}, lengths {lengths:?}, mask {mask:?}, offset {}",
                way.name,
                call.offset,
                mask = call.mask_bits
            )
        };
        assert_eq!(result.is_ok(), fits.is_some(), "{}: {result:?}", told());
        if let Err(error) = result {
            // It says what came.
            let text = error.to_string();
            let mut came = lengths.iter().copied().chain(given_mask).chain(variant.numbers());
            assert!(came.any(|n| text.contains(&n.to_string())), "{}: {text}", told());
        }
        for (slice, given) in zip(way.slices, &mut slices) {
            let written = fits.is_some() && !matches!(slice, Slice::In(_));
            let wanted =
                if written { &after[slice.after()] } else { &call.variables[slice.before()] };
            assert_alike(given.slice(), wanted, copies || !written, told);
            assert!(given.intact(|a, b| a.bits() == b.bits()), "{}: a guard", told());
        }
        assert_eq!(mask.slice(), words, "{}: the mask", told());
        assert!(mask.intact(|a, b| a == b), "{}: a guard of the mask", told());
        assert!(rng.to_bytes() == moved, "{}: the generator", told());
    }
}

/// Fails unless two slices are alike: by `same`, or to the bits of a NaN.
pub fn assert_alike<T: Number, D: Debug>(
    given: &[T],
    wanted: &[T],
    to_the_bit: bool,
    told: impl Fn() -> D,
) {
    assert_eq!(given.len(), wanted.len(), "{:?}", told());
    // Without a branch for each element, which instrumentation makes slow: most slices are alike to
    // the bit.
    let differ = zip(given, wanted).fold(0, |all, (a, b)| all | a.bits() ^ b.bits());
    if differ == 0 {
        return;
    }
    for (i, (a, b)) in zip(given, wanted).enumerate() {
        let alike = a.bits() == b.bits() || !to_the_bit && same(*a, *b);
        assert!(alike, "{:?} element {i}: {a:?}, not {b:?}", told());
    }
}

/// Different values for each variable.
pub fn values<T: Number, V: Variant<T>>(variant: &V) -> Vec<Vec<T>> {
    let of = |(v, n): (usize, &usize)| {
        if V::SUMS {
            return (0..*n).map(|i| T::of(((i + 5 * v) as f64 * 1.7 + 0.3).sin() * 3.0)).collect();
        }
        T::values(n + v).split_off(v)
    };
    variant.lengths().iter().enumerate().map(of).collect()
}

/// A mask that no generator drew, with ones past its end, which mean nothing.
fn brought(bits: usize) -> Vec<u32> {
    let mut words = pack(&(0..bits).map(|i| i * i % 7 < 3).collect::<Vec<_>>());
    if let (Some(last), used @ 1..) = (words.last_mut(), bits % 32) {
        *last |= !0 << used;
    }
    words
}

/// At most some ten of many, of all kinds.
fn some<V>(all: impl Iterator<Item = V>) -> impl Iterator<Item = V> {
    let all: Vec<_> = all.collect();
    let step = all.len().div_ceil(10).max(1);
    all.into_iter().step_by(step)
}

/// Every case in every way, and the example.
pub fn follows_its_formulas<T: Number, V: Variant<T>>() {
    let ways = V::ways();
    for (i, variant) in V::cases().into_iter().chain([V::example()]).enumerate() {
        let mask_bits = variant.mask_bits();
        let drawn = Drawn::of::<T>(&variant, (SEED, STREAM));
        assert!(drawn.keep.len() == mask_bits || mask_bits == 0, "{variant:?}");
        for (j, way) in ways.iter().enumerate() {
            let call = Call {
                variables: values(&variant),
                words: match way.masks {
                    Masks::Stored => brought(mask_bits),
                    _ => vec![0x5A5A_5A5A; mask_words(mask_bits)],
                },
                mask_bits,
                key: (SEED, STREAM),
                offset: (i * 5 + j) % 16,
                exact: false,
            };
            check(&variant, way, &call, |_| drawn.clone());
        }
    }
}

/// One of the lengths one less, one more, or none.
pub fn refuses_what_does_not_fit<T: Number, V: Variant<T>>() {
    if !V::CHECKED {
        return;
    }
    let (ways, mut refused) = (V::ways(), 0);
    let small = |variant: &V| variant.lengths().iter().sum::<usize>() < 600;
    for variant in some(V::cases().into_iter().filter(small)) {
        let (right, mask_bits) = (values(&variant), variant.mask_bits());
        for way in &ways {
            let mut misfit = |variables: Vec<Vec<T>>, mask_bits: usize| {
                let lengths: Vec<_> =
                    way.slices.iter().map(|s| variables[s.before()].len()).collect();
                let mask = way.masks.has_mask().then_some(mask_bits);
                if variant.refit(way, &lengths, mask).is_some() {
                    return;
                }
                let words = vec![0x1234_5678; mask_words(mask_bits)];
                let key = (SEED, STREAM);
                let call = Call { variables, words, mask_bits, key, offset: 1, exact: false };
                check(&variant, way, &call, |_| unreachable!("it does not fit"));
                refused += 1;
            };
            for slice in way.slices {
                let n = right[slice.before()].len();
                for other in [n.saturating_sub(1), n + 1, 0] {
                    let mut variables = right.clone();
                    variables[slice.before()].resize(other, T::ONE);
                    misfit(variables, mask_bits);
                }
            }
            for other in [mask_bits.saturating_sub(1), mask_bits + 1, 0] {
                misfit(right.clone(), other);
            }
        }
    }
    assert!(refused > ways.len(), "too little was tried: {refused}");
}

/// Runs a way on variables, by a mask that is the key's too.
pub fn run<T: Number, V: Variant<T>>(
    variant: &V,
    way: &Way<V, T>,
    variables: &mut [Vec<T>],
    words: &mut [u32],
    (seed, stream): (u64, u64),
) {
    let mut slices: Vec<_> = way.slices.iter().map(|s| variables[s.before()].clone()).collect();
    let lent = crate::variant::Lent {
        mask: MaskMut::new(words, variant.mask_bits()).expect("as many words as it takes"),
        rng: &mut MaskRng::new(seed, stream),
        key: MaskKey::new(seed, stream),
    };
    let mut lent_slices: Vec<_> = slices.iter_mut().map(Vec::as_mut_slice).collect();
    (way.run)(variant, &mut lent_slices, lent).expect("lengths that fit");
    for (slice, content) in zip(way.slices, slices) {
        variables[slice.after()] = content;
    }
}

/// Central differences of a loss that is not linear in the output, by every input; f64.
pub fn has_the_gradient_of_forward<V: Variant<f64>>() {
    const STEP: f64 = 1e-5;
    if !V::DIFFERENTIABLE {
        return;
    }
    let (ways, mut tried) = (V::ways(), 0);
    let forwards = || ways.iter().filter(|way| way.pass == Pass::Forward);
    let backwards = || ways.iter().filter(|way| way.pass == Pass::Backward);
    let (output, output_gradient) = V::OUTPUT;
    let forward = forwards().find(|w| w.masks == Masks::Key).or_else(|| forwards().next());
    let forward = forward.expect("a way of forward");
    let of = |variant: V| (Drawn::of::<f64>(&variant, (SEED, STREAM)), variant);
    let fit = |(drawn, variant): &(Drawn, V)| {
        // A mask of one kind would prove little.
        let mixed = drawn.keep.contains(&true) && drawn.keep.contains(&false);
        let lengths: Vec<_> =
            forward.slices.iter().map(|s| variant.lengths()[s.before()]).collect();
        (mixed || variant.mask_bits() == 0) && variant.refit(forward, &lengths, None).is_some()
    };
    let small = |variant: &V| (1..1100).contains(&variant.lengths().iter().sum::<usize>());
    for (drawn, variant) in some(V::cases().into_iter().filter(small).map(of).filter(fit)) {
        let words = pack(&drawn.keep);
        let wave = |n: usize| (0..n).map(|i| (i as f64 * 0.9 + 0.2).cos()).collect::<Vec<_>>();
        let at: Vec<_> = variant.lengths().into_iter().map(wave).collect();
        let evaluate = |variables: &[Vec<f64>]| {
            let mut variables = variables.to_vec();
            run(&variant, forward, &mut variables, &mut words.clone(), (SEED, STREAM));
            variables.swap_remove(output)
        };
        let loss =
            |variables: &[Vec<f64>]| evaluate(variables).iter().map(|y| y.sin()).sum::<f64>();
        let mut start = at.clone();
        start[output_gradient] = evaluate(&at).iter().map(|y| y.cos()).collect();
        V::GRADIENTS.iter().for_each(|(_, gradient)| start[*gradient].fill(0.0));
        for backward in backwards() {
            let mut variables = start.clone();
            run(&variant, backward, &mut variables, &mut words.clone(), (SEED, STREAM));
            let written = |v: usize| {
                backward
                    .slices
                    .iter()
                    .any(|slice| slice.after() == v && !matches!(slice, Slice::In(_)))
            };
            for (input, gradient) in V::GRADIENTS.iter().filter(|(_, g)| written(*g)) {
                for (i, given) in variables[*gradient].iter().enumerate() {
                    let moved = |step: f64| {
                        let mut at = at.clone();
                        at[*input][i] += step;
                        loss(&at)
                    };
                    let wanted = (moved(STEP) - moved(-STEP)) / (2.0 * STEP);
                    let close = (given - wanted).abs() < 1e-6 * (1.0 + wanted.abs());
                    assert!(
                        close,
                        "{} of {variant:?}: {} {i}: {given}, not {wanted}",
                        backward.name,
                        V::VARIABLES[*gradient]
                    );
                }
                tried += 1;
            }
        }
    }
    assert!(tried > 0, "nothing was tried");
}

/// Mask bits that are dropped, in standard deviations from what `p` says.
fn deviation<T: Number, V: Variant<T>>(drawn: DropRate, p: f64, n: usize) -> Option<f64> {
    let variant = V::of_rate(drawn, n)?;
    let ways = V::ways();
    let way = ways.iter().find(|way| way.masks == Masks::Drawn)?;
    let mut variables: Vec<_> = variant.lengths().into_iter().map(|n| vec![T::ONE; n]).collect();
    let mut words = vec![0; mask_words(variant.mask_bits())];
    run(&variant, way, &mut variables, &mut words, (1, 0));
    let n = variant.mask_bits() as f64;
    let kept: u32 = words.iter().map(|word| word.count_ones()).sum();
    Some((n - f64::from(kept) - n * p) / (n * p * (1.0 - p)).sqrt())
}

/// A right rate fails once in a million (4.89 standard deviations, two-sided); so many bits that
/// one that is wrong by 1 % lies nine off, and is missed once in 50,000.
pub fn drops_at_the_rate<T: Number, V: Variant<T>>() {
    for p in [0.3f32, 0.5] {
        let rate = DropRate::new(p).expect("a probability");
        let n = (810_000.0 * (1.0 - rate.p()) / rate.p()) as usize;
        let of = |rate, p| deviation::<T, V>(rate, p, n);
        let Some(right) = of(rate, rate.p()) else { continue };
        assert!(right.abs() < 4.8916, "p {p}: {right:.2} standard deviations");
        for factor in [0.99, 1.01] {
            let wrong = DropRate::new(p * factor).expect("a probability");
            let z = of(wrong, rate.p()).expect("the same shape");
            assert!(z.abs() > 4.8916, "p {p} * {factor}: {z:.2} standard deviations");
        }
    }
}

//! What every variant is held to, in all its ways: that it follows its formulas, and with that,
//! that its sources and its places agree; that backward is the gradient of forward; that what does
//! not fit is refused; that it drops at p.

use std::fmt::Debug;
use std::iter::zip;

use dropout_kernels::{Backend, DropRate, MaskKey, MaskMut, MaskRng, mask_words};

use crate::few;
use crate::guarded::Guarded;
use crate::number::{Number, same};
use crate::stream::{Reference, pack};
use crate::subject::{Case, Kind, Subject};
use crate::variant::{Form, Given, Lent, Masks, Pass, Slice};

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
    pub fn of<T>(variant: &dyn Subject<T>, (seed, stream): (u64, u64)) -> Self {
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
pub fn check<T: Number>(
    variant: &dyn Subject<T>,
    way: usize,
    call: &Call<T>,
    drawn: &dyn Fn(&dyn Subject<T>) -> Drawn,
) {
    let form = variant.forms()[way];
    let lengths: Vec<_> = form.slices.iter().map(|s| call.variables[s.before()].len()).collect();
    let given_mask = form.masks.has_mask().then_some(call.mask_bits);
    let fits = variant.refit(way, &lengths, given_mask);
    let (seed, stream) = call.key;
    let mut after = call.variables.clone();
    let (mut words, mut moved, mut copies) =
        (call.words.clone(), Reference::new(seed, stream), true);
    if let Some(variant) = &fits {
        let drawn = drawn(&**variant);
        let is_drawn = form.masks.draws();
        let brought = if is_drawn { vec![] } else { flags(&call.words, given_mask.unwrap_or(0)) };
        let keep = if is_drawn { &drawn.keep } else { &brought };
        let given = Given { pass: form.pass, drawn: is_drawn, keep, start: &drawn.start };
        variant.formula(&given, &mut after);
        copies = variant.copies(&given);
        if form.masks.writes_mask() {
            words = pack(keep);
        }
        if form.masks.moves_generator() {
            moved = drawn.moved;
        }
    }
    let moved = moved.to_bytes();
    for backend in Backend::available() {
        let memory = |content: &[T], offset| match call.exact {
            true => Guarded::exact(content, offset, T::GUARD),
            false => Guarded::new(content, offset, T::GUARD),
        };
        let mut slices: Vec<_> = zip(form.slices, 0..)
            .map(|(slice, i)| memory(&call.variables[slice.before()], (call.offset + i) % 16))
            .collect();
        let mut mask = match call.exact {
            true => Guarded::exact(&call.words, call.offset, 0xDEAD_BEEF),
            false => Guarded::new(&call.words, call.offset, 0xDEAD_BEEF),
        };
        let mut rng = MaskRng::new(seed, stream);
        let lent = Lent {
            mask: MaskMut::new(mask.slice(), call.mask_bits).expect("as many words as it takes"),
            rng: &mut rng,
            key: MaskKey::new(seed, stream),
        };
        let mut lent_slices: Vec<_> = slices.iter_mut().map(Guarded::slice).collect();
        let variant = fits.as_ref().map_or(variant, |fit| &**fit).on(backend);
        let result = variant.run(way, &mut lent_slices, lent);
        let told = || {
            format!(
                "{} of {}, lengths {lengths:?}, mask {mask:?}, offset {}",
                form.name,
                variant.told(),
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
        for (slice, given) in zip(form.slices, &mut slices) {
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
pub fn values<T: Number>(variant: &dyn Subject<T>) -> Vec<Vec<T>> {
    let sums = variant.constants().sums;
    let of = |(v, n): (usize, &usize)| {
        if sums {
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
pub fn follows_its_formulas<T: Number>(kind: &Kind<T>) {
    // Of the types after the first, a part of the cases, each time another shape and rate. Emulators,
    // which are slow, see a third, and code that is not optimised half.
    let few = match few() {
        true => 3,
        false => 1 + usize::from(cfg!(debug_assertions)),
    };
    let cases = (kind.cases)().into_iter().step_by(T::STRIDE * few);
    for (i, variant) in cases.chain([(kind.example)()]).enumerate() {
        let mask_bits = variant.mask_bits();
        let drawn = Drawn::of(&*variant, (SEED, STREAM));
        assert!(drawn.keep.len() == mask_bits || mask_bits == 0, "{}", variant.told());
        for (way, form) in variant.forms().iter().enumerate() {
            let call = Call {
                variables: values(&*variant),
                words: match form.masks {
                    Masks::Stored => brought(mask_bits),
                    _ => vec![0x5A5A_5A5A; mask_words(mask_bits)],
                },
                mask_bits,
                key: (SEED, STREAM),
                offset: (i * 5 + way) % 16,
                exact: false,
            };
            check(&*variant, way, &call, &|_| drawn.clone());
        }
    }
}

/// The lengths of a form's slices.
fn lengths<T>(form: &Form, variables: &[Vec<T>]) -> Vec<usize> {
    form.slices.iter().map(|s| variables[s.before()].len()).collect()
}

/// One of the lengths one less, one more, or none.
pub fn refuses_what_does_not_fit<T: Number>(kind: &Kind<T>) {
    if !(kind.example)().constants().checked {
        return;
    }
    let (mut tried, mut refused) = (0, 0);
    let small = |variant: &Case<T>| variant.lengths().iter().sum::<usize>() < 600;
    for variant in some((kind.cases)().into_iter().filter(small)) {
        let (right, mask_bits) = (values(&*variant), variant.mask_bits());
        for (way, form) in variant.forms().iter().enumerate() {
            let mut misfit = |variables: Vec<Vec<T>>, mask_bits: usize| {
                tried += 1;
                let mask = form.masks.has_mask().then_some(mask_bits);
                if variant.refit(way, &lengths(form, &variables), mask).is_some() {
                    return;
                }
                let words = vec![0x1234_5678; mask_words(mask_bits)];
                let key = (SEED, STREAM);
                let call = Call { variables, words, mask_bits, key, offset: 1, exact: false };
                check(&*variant, way, &call, &|_| unreachable!("it does not fit"));
                refused += 1;
            };
            for slice in form.slices {
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
            // All of them alike, which a comparison of one with another would not see.
            for longer in [true, false] {
                let mut variables = right.clone();
                for variable in &mut variables {
                    let n =
                        if longer { variable.len() + 1 } else { variable.len().saturating_sub(1) };
                    variable.resize(n, T::ONE);
                }
                misfit(variables, mask_bits);
            }
        }
    }
    assert!(8 * refused > tried, "too little was refused: {refused} of {tried}");
}

/// Runs a way on variables, by a mask that is the key's too.
pub fn run<T: Clone>(
    variant: &dyn Subject<T>,
    way: usize,
    variables: &mut [Vec<T>],
    words: &mut [u32],
    (seed, stream): (u64, u64),
) {
    let slices = variant.forms()[way].slices;
    let mut contents: Vec<_> = slices.iter().map(|s| variables[s.before()].clone()).collect();
    let lent = Lent {
        mask: MaskMut::new(words, variant.mask_bits()).expect("as many words as it takes"),
        rng: &mut MaskRng::new(seed, stream),
        key: MaskKey::new(seed, stream),
    };
    let mut lent_slices: Vec<_> = contents.iter_mut().map(Vec::as_mut_slice).collect();
    variant.run(way, &mut lent_slices, lent).expect("lengths that fit");
    for (slice, content) in zip(slices, contents) {
        variables[slice.after()] = content;
    }
}

/// Central differences of a loss that is not linear in the output, by every input.
pub fn has_the_gradient_of_forward(kind: &Kind<f64>) {
    const STEP: f64 = 1e-5;
    let constants = (kind.example)().constants();
    if !constants.differentiable {
        return;
    }
    let (output, output_gradient) = constants.output;
    let forms = (kind.example)().forms();
    let of = |pass| forms.iter().enumerate().filter(move |(_, form)| form.pass == pass);
    let forward = of(Pass::Forward).find(|(_, form)| form.masks == Masks::Key);
    let (forward, _) = forward.or_else(|| of(Pass::Forward).next()).expect("a way of forward");
    let drawn = |variant: Case<f64>| (Drawn::of(&*variant, (SEED, STREAM)), variant);
    let fit = |(drawn, variant): &(Drawn, Case<f64>)| {
        // A mask of one kind would prove little.
        let mixed = drawn.keep.contains(&true) && drawn.keep.contains(&false);
        let all = variant.lengths();
        let lengths: Vec<_> = forms[forward].slices.iter().map(|s| all[s.before()]).collect();
        (mixed || variant.mask_bits() == 0) && variant.refit(forward, &lengths, None).is_some()
    };
    let small = |variant: &Case<f64>| (1..1100).contains(&variant.lengths().iter().sum::<usize>());
    let cases = (kind.cases)().into_iter().filter(small).map(drawn).filter(fit);
    let mut tried = 0;
    for (drawn, variant) in some(cases) {
        let words = pack(&drawn.keep);
        let wave = |n: usize| (0..n).map(|i| (i as f64 * 0.9 + 0.2).cos()).collect::<Vec<_>>();
        let at: Vec<_> = variant.lengths().into_iter().map(wave).collect();
        let evaluate = |variables: &[Vec<f64>]| {
            let mut variables = variables.to_vec();
            run(&*variant, forward, &mut variables, &mut words.clone(), (SEED, STREAM));
            variables.swap_remove(output)
        };
        let loss =
            |variables: &[Vec<f64>]| evaluate(variables).iter().map(|y| y.sin()).sum::<f64>();
        let mut start = at.clone();
        start[output_gradient] = evaluate(&at).iter().map(|y| y.cos()).collect();
        constants.gradients.iter().for_each(|(_, gradient)| start[*gradient].fill(0.0));
        for (way, backward) in of(Pass::Backward) {
            let mut variables = start.clone();
            run(&*variant, way, &mut variables, &mut words.clone(), (SEED, STREAM));
            for (input, gradient) in constants.gradients.iter().filter(|(_, g)| backward.writes(*g))
            {
                for (i, given) in variables[*gradient].iter().enumerate() {
                    let moved = |step: f64| {
                        let mut at = at.clone();
                        at[*input][i] += step;
                        loss(&at)
                    };
                    let wanted = (moved(STEP) - moved(-STEP)) / (2.0 * STEP);
                    let close = (given - wanted).abs() < 1e-6 * (1.0 + wanted.abs());
                    let (name, told) = (constants.variables[*gradient], variant.told());
                    assert!(
                        close,
                        "{} of {told}: {name} {i}: {given}, not {wanted}",
                        backward.name
                    );
                }
                tried += 1;
            }
        }
    }
    assert!(tried > 0, "nothing was tried");
}

/// Mask bits that are dropped, in standard deviations from what `p` says.
fn deviation<T: Number>(kind: &Kind<T>, drawn: DropRate, p: f64, n: usize) -> Option<f64> {
    let variant = (kind.of_rate)(drawn, n)?;
    let way = variant.forms().iter().position(|form| form.masks == Masks::Drawn)?;
    let mut variables: Vec<_> = variant.lengths().into_iter().map(|n| vec![T::ONE; n]).collect();
    let mut words = vec![0; mask_words(variant.mask_bits())];
    run(&*variant, way, &mut variables, &mut words, (1, 0));
    let n = variant.mask_bits() as f64;
    let kept: u32 = words.iter().map(|word| word.count_ones()).sum();
    Some((n - f64::from(kept) - n * p) / (n * p * (1.0 - p)).sqrt())
}

/// A right rate fails once in a million (4.89 standard deviations, two-sided); so many bits that
/// one that is wrong by 1 % lies nine off, and is missed once in 50,000.
pub fn drops_at_the_rate<T: Number>(kind: &Kind<T>) {
    for p in [0.3f32, 0.5] {
        let rate = DropRate::new(p).expect("a probability");
        let n = (810_000.0 * (1.0 - rate.p()) / rate.p()) as usize;
        let of = |rate, p| deviation(kind, rate, p, n);
        let Some(right) = of(rate, rate.p()) else { continue };
        assert!(right.abs() < 4.8916, "p {p}: {right:.2} standard deviations");
        for factor in [0.99, 1.01] {
            let wrong = DropRate::new(p * factor).expect("a probability");
            let z = of(wrong, rate.p()).expect("the same shape");
            assert!(z.abs() > 4.8916, "p {p} * {factor}: {z:.2} standard deviations");
        }
    }
}

#![no_main]
//! Dropout over any layout, heads of attention and paths, on every backend, against the definition: each mask bit
//! written out for all of its elements.

use arbitrary::Arbitrary;
use dropout_kernels::{
    Alpha, Backend, Classic, DropHead, DropKey, DropPath, DropRate, Inverted, Layout, MaskMut,
    MaskRef, MaskRng, ShapeError, mask_words,
};
use dropout_kernels_fuzz::exact::{Exact, assert_alike};
use dropout_kernels_fuzz::input::{Length, Misfit, Rate, Values, Words, flags};
use dropout_kernels_fuzz::support::formula::Formula;
use dropout_kernels_fuzz::support::layouts::{heads, spread};
use dropout_kernels_fuzz::support::number::Number;
use dropout_kernels_fuzz::support::reference::{Reference, pack};
use dropout_kernels_fuzz::variant::{Call, Trial, Way};
use libfuzzer_sys::fuzz_target;

const ONE: u64 = 1 << 40;
const GARBAGE: u32 = 0x5A5A_5A5A;

#[derive(Arbitrary, Debug)]
struct Input {
    what: What,
    double: bool,
    rate: Rate,
    values: Values,
    extents: Extents,
    call: Call,
}

#[derive(Arbitrary, Debug)]
enum What {
    Inverted,
    Classic,
    Alpha,
    DropKey,
    Heads,
    Path { classic: bool, whole: bool, words: Words, misfits: [Misfit; 2] },
    Constructors([usize; 5]),
}

/// Small extents, of which one may be any length.
#[derive(Arbitrary, Debug)]
struct Extents {
    small: [u8; 4],
    long: u8,
    length: Length,
}

impl Extents {
    fn get(&self) -> [usize; 4] {
        let mut extents = self.small.map(|extent| usize::from(extent % 5));
        if let Some(extent) = extents.get_mut(usize::from(self.long % 5)) {
            *extent = self.length.get();
        }
        // At most some 2000 elements, for speed.
        for i in 0..4 {
            while extents.iter().map(|e| (*e).max(1)).product::<usize>() > 2000 && extents[i] > 1 {
                extents[i] /= 2;
            }
        }
        extents
    }
}

fuzz_target!(|input: Input| if input.double {
    check::<f64>(&input);
} else {
    check::<f32>(&input);
});

fn check<T: Number>(input: &Input) {
    match input.what {
        What::Inverted => structured::<T, Inverted>(input),
        What::Classic => structured::<T, Classic>(input),
        What::Alpha => structured::<T, Alpha>(input),
        What::DropKey => structured::<T, DropKey>(input),
        What::Heads => drop_head::<T>(input),
        What::Path { classic: true, .. } => path::<T, Classic>(input),
        What::Path { .. } => path::<T, Inverted>(input),
        What::Constructors(extents) => constructors(extents),
    }
}

fn trial<'a>(
    input: &'a Input,
    start: &'a Reference,
    extents: [usize; 4],
    rate: DropRate,
) -> Trial<'a> {
    Trial {
        call: &input.call,
        start,
        values: input.values,
        elements: extents.iter().product(),
        bits: extents[0] * extents[2],
        keeps_all: rate == DropRate::ZERO,
        copies: false,
    }
}

fn structured<T: Number, R: Formula>(input: &Input) {
    let start = Reference::new(input.call.at.0, input.call.at.1);
    let (rate, extents) = (input.rate.get(&start), input.extents.get());
    let [groups, repeat, width, run] = extents;
    let layout = Layout::new(groups, repeat, width, run).expect("a small shape");
    let (t, trial) = (rate.threshold(), trial(input, &start, extents, rate));
    assert_eq!((layout.elements(), layout.mask_bits()), (trial.elements, trial.bits));
    let expected = |way: Way, keep: &[bool], x: &[T]| {
        let of = if way.is_gradient() { R::dx } else { R::y };
        spread(extents, keep).iter().zip(x).map(|(keep, x)| of(t, *keep, *x)).collect()
    };
    Trial { copies: R::COPIES, ..trial }.check(
        |backend| R::dropout(rate).with_backend(backend).over(layout),
        |r| r.mask(t, groups * width),
        expected,
    );
}

fn drop_head<T: Number>(input: &Input) {
    let start = Reference::new(input.call.at.0, input.call.at.1);
    let (rate, extents) = (input.rate.get(&start), input.extents.get());
    let [batch, tokens, count, dimension] = extents;
    let drop_head =
        DropHead::tokens_first(rate, batch, tokens, count, dimension).expect("a small shape");
    trial(input, &start, extents, rate).check(
        |backend| drop_head.with_backend(backend),
        |r| r.mask(rate.threshold(), batch * count),
        |_, keep, x: &[T]| heads(extents, keep, x),
    );
}

/// What `DropPath` has beside its branch, which is dropout over a layout.
fn path<T: Number, R: Formula>(input: &Input) {
    let What::Path { whole, words, misfits, .. } = &input.what else { return };
    let start = Reference::new(input.call.at.0, input.call.at.1);
    let (rate, [_, _, batch, elements]) = (input.rate.get(&start), input.extents.get());
    let (batch, elements) = if *whole { (1, batch * elements) } else { (batch, elements) };
    let (t, n) = (rate.threshold(), batch * elements);
    let [f_len, x_len, bits] = misfits[0].among([n, n, batch]);
    let (f, x): (Vec<T>, Vec<T>) = (input.values.get(f_len), input.values.others(1).get(x_len));
    let words = words.get(mask_words(bits));
    let mask = MaskRef::new(&words, bits).expect("its words");
    let lengths_fit = f_len == n && x_len == n;
    let mask_fits = lengths_fit && bits == batch;

    let (mut trained, mut inferred) = (x.clone(), x.clone());
    if mask_fits && (t < ONE || R::COPIES) {
        let keep = spread([1, 1, batch, elements], &flags(&words, batch));
        for i in (0..n).filter(|i| keep[*i]) {
            trained[i] = x[i].add(R::y(t, true, f[i]));
        }
    }
    // The classic rule adds nothing where no branch was ever trained.
    if lengths_fit && !(t == ONE && R::COPIES) {
        inferred = x.iter().zip(&f).map(|(x, f)| x.add(R::inferred(t, *f))).collect();
    }
    let [drawn_bits] = misfits[1].among([batch]);
    let mut moved = start.clone();
    let drawn = if drawn_bits == batch {
        pack(&moved.mask(t, batch))
    } else {
        vec![GARBAGE; mask_words(drawn_bits)]
    };

    let mut f = Exact::new(&f, 1, T::GUARD);
    for backend in Backend::available() {
        let dropout = R::dropout(rate).with_backend(backend);
        let path = if *whole {
            DropPath::batch(dropout, elements)
        } else {
            DropPath::samples(dropout, batch, elements).expect("a small shape")
        };
        let mut target = Exact::new(&x, 3, T::GUARD);
        assert_eq!(path.add(f.slice(), target.slice(), mask).is_ok(), mask_fits);
        assert_alike(target.slice(), &trained, !mask_fits, backend);
        let mut target = Exact::new(&x, 0, T::GUARD);
        assert_eq!(path.infer_add(f.slice(), target.slice()).is_ok(), lengths_fit);
        assert_alike(target.slice(), &inferred, !lengths_fit, backend);

        let mut words = vec![GARBAGE; drawn.len()];
        let mut rng = MaskRng::new(input.call.at.0, input.call.at.1);
        let mask = MaskMut::new(&mut words, drawn_bits).expect("its words");
        assert_eq!(path.draw(mask, &mut rng).is_ok(), drawn_bits == batch);
        assert_eq!(words, drawn);
        assert!(rng.to_bytes() == moved.to_bytes());
    }
}

/// Every constructor as the table in the documentation of `Layout` has it, and that exactly what overflows is refused.
fn constructors(extents: [usize; 5]) {
    // Of every size.
    let [a, b, c, d, e] = extents.map(|extent| extent >> (extent % 64));
    let check = |layout: Result<Layout, ShapeError>, of: [&[usize]; 4]| {
        let product =
            |extents: &[usize]| extents.iter().fold(1, |p: u128, e| p.saturating_mul(*e as u128));
        match (layout, of.map(|extents| usize::try_from(product(extents)))) {
            (Ok(layout), [Ok(groups), Ok(repeat), Ok(width), Ok(run)]) => {
                assert_eq!(Ok(layout), Layout::new(groups, repeat, width, run));
                let elements = product(&[groups, repeat, width, run]);
                assert_eq!(layout.elements() as u128, elements);
                assert_eq!(layout.mask_bits() as u128, product(&[groups, width]));
            }
            // An extent of zero may come after a product that overflows.
            (Err(ShapeError::Overflow { .. }), _) => {
                let all = of.concat().iter().map(|extent| *extent.max(&1)).collect::<Vec<_>>();
                assert!(usize::try_from(product(&all)).is_err());
            }
            (layout, _) => panic!("{layout:?}"),
        }
    };
    check(Layout::new(a, b, c, d), [&[a], &[b], &[c], &[d]]);
    check(Ok(Layout::elementwise(a)), [&[], &[], &[a], &[]]);
    check(Ok(Layout::whole(a)), [&[], &[], &[], &[a]]);
    check(Layout::channels_first(a, b, &[c]), [&[], &[], &[a, b], &[c]]);
    check(Layout::channels_first(a, b, &[c, d]), [&[], &[], &[a, b], &[c, d]]);
    check(Layout::channels_first(a, b, &[c, d, e]), [&[], &[], &[a, b], &[c, d, e]]);
    check(Layout::channels_last(a, &[b], e), [&[a], &[b], &[e], &[]]);
    check(Layout::channels_last(a, &[b, c], e), [&[a], &[b, c], &[e], &[]]);
    check(Layout::channels_last(a, &[b, c, d], e), [&[a], &[b, c, d], &[e], &[]]);
    check(Layout::time_major(a, b, c), [&[], &[a], &[b, c], &[]]);
    check(Layout::batch_major(a, b, c), [&[a], &[b], &[c], &[]]);
    check(Layout::samples(a, b), [&[], &[], &[a], &[b]]);
    check(Layout::vocabulary(a, b), [&[], &[], &[a], &[b]]);
    let heads = DropHead::new(DropRate::ZERO, a, b, c).map(DropHead::layout);
    check(heads, [&[a], &[], &[b], &[c]]);
}

//! Links for a bare-metal target only if no panic can be reached from the library: the panic
//! handler calls a function that does not exist. Built by `.ci/bare-metal`, never run.
#![no_std]
#![no_main]
#![cfg_attr(any(feature = "planted", not(feature = "single")), allow(dead_code, unused_imports))]

mod attention;
mod fused;
mod lock;
mod monte_carlo;
mod noise_and_weights;
mod recurrent;
mod variants;

use core::fmt::{self, Write};
use core::hint::black_box;
use core::panic::PanicInfo;

use dropout_kernels::{
    Backend, DropRate, Dropout, Element, Error, Float, KeyError, Layout, Mask, MaskKey, MaskMut,
    MaskRef, MaskRng, MaskTape, MaskWindow, Panel, RateError, Real, RuleFor, ShapeError,
    StateError, TapeError, mask_words, tape_words,
};
use rand_core::SeedableRng;

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    unsafe extern "C" {
        safe fn a_panic_is_reachable() -> !;
    }
    a_panic_is_reachable()
}

#[unsafe(no_mangle)]
extern "C" fn _start() -> ! {
    loop {
        run();
    }
}

#[cfg(not(feature = "planted"))]
fn run() {
    #[cfg(feature = "single")]
    black_box(all::<f32>(black_box([1.0; 100]), rules).is_ok());
    #[cfg(feature = "double")]
    black_box(all::<f64>(black_box([1.0; 100]), |rate, x| rule(Dropout::alpha(rate), x)).is_ok());
    #[cfg(feature = "narrow")]
    black_box(narrow().is_ok());
}

/// Bits of a mask, and its exchange with others.
fn windows(read: MaskRef<'_>, mut mask: MaskMut<'_>) -> Result<(), Error> {
    let window = read.window(black_box(3)..black_box(50))?.window(black_box(2)..black_box(9))?;
    black_box((window.len(), window.is_empty(), window.get(black_box(9)), window.count_kept()));
    black_box((window.word_at(black_box(3)), window.iter().filter(|k| *k).count()));
    black_box((read.word_at(black_box(3)), window == MaskWindow::from(read)));
    let (left, right) = read.split_at(black_box(32))?;
    mask.set_range(black_box(3)..black_box(9), black_box(true))?;
    mask.copy_bits(black_box(7), window)?;
    let (mut bools, mut bytes) = (black_box([true; 32]), black_box([0u8; 16]));
    left.copy_to_flags(&mut bools)?;
    right.copy_to_flags(&mut bytes)?;
    read.copy_to_rows(black_box(10), black_box(2), &mut bytes)?;
    mask.copy_from_rows(black_box(10), black_box(2), &bytes)?;
    black_box(mask.words_mut());
    let (mut left, mut right) = mask.split_at(black_box(32))?;
    left.copy_from_flags(&bools)?;
    right.copy_from_flags(&bytes)?;
    Ok(())
}

/// Elements of 16 bits and of 8.
#[cfg(feature = "narrow")]
fn narrow() -> Result<(), Error> {
    let rate = DropRate::new(black_box(0.1))?;
    let (f, b) =
        (half::f16::from_bits(black_box(0x3C00)), half::bf16::from_bits(black_box(0x3F80)));
    floats(rate, [f; 100])?;
    floats(rate, [b; 100])?;
    let mut dbias = black_box([1f32; 4]);
    fused::all(Dropout::new(rate), [f; 100], &mut dbias)?;
    fused::all(Dropout::new(rate), [b; 100], &mut dbias)?;
    let bytes = black_box([1i8; 100]);
    rule(Dropout::new(rate).with_zero_point(black_box(3)), bytes)?;
    rule(Dropout::classic(rate).with_zero_point(black_box(3)), bytes)?;
    integers(rate, bytes)?;
    integers(rate, black_box([1i16; 100]))
}

/// By the rule with the most arithmetic, which has all that others have.
#[cfg(feature = "narrow")]
fn floats<T: Float>(rate: DropRate, x: [T; 100]) -> Result<(), Error> {
    rule(Dropout::alpha(rate), x)?;
    black_box(Dropout::alpha_of(rate, black_box(0.5), black_box(4.0))?.rule().scale());
    noise_and_weights::all(rate, x)?;
    shared(rate, x)
}

#[cfg(feature = "narrow")]
fn integers<T: dropout_kernels::Integer>(rate: DropRate, x: [T; 100]) -> Result<(), Error> {
    rule(Dropout::new(rate), x)?;
    rule(Dropout::classic(rate), x)?;
    let (mut x, mut y) = (x, x);
    let (key, dropout) = (MaskKey::new(black_box(1), black_box(2)), Dropout::new(rate));
    black_box((rate.multiplier(), rate.keep_multiplier()));
    black_box(rate.requantisation(black_box(1 << 30), black_box(-3)));
    black_box(Dropout::new(rate).with_zero_point(black_box(3)).rule().zero_point());
    dropout.forward_stochastic(&x, &mut y, key, key)?;
    dropout.forward_stochastic_in_place(&mut x, key, key)?;
    dropout.backward_stochastic(&x, &mut y, key, key)?;
    dropout.backward_stochastic_in_place(&mut x, key, key)?;
    black_box(y);
    shared(rate, x)
}

/// A panic that can be reached, to see that such a program does not link.
#[cfg(feature = "planted")]
fn run() {
    let mut words = black_box([0; 4]);
    if let Ok(mask) = MaskMut::new(&mut words, 128) {
        MaskRng::new(black_box(1), black_box(2)).fill(DropRate::ONE, mask);
    }
    black_box(words[black_box(3)]);
}

/// Every public function, on values that the compiler does not know.
fn all<T: Real + Float>(
    x: [T; 100],
    rules: fn(DropRate, [T; 100]) -> Result<(), Error>,
) -> Result<(), Error> {
    let rate = match black_box(0u8) {
        0 => DropRate::new(black_box(0.1))?,
        1 => DropRate::from_ratio(black_box(1), black_box(10))?,
        2 => DropRate::from_f64(black_box(0.1))?,
        _ => DropRate::from_threshold(black_box(1 << 35))?,
    };
    black_box((rate.p(), rate.scale(), rate.scale_f32(), rate.threshold(), rate < DropRate::ONE));
    black_box((mask_words(black_box(9)), tape_words(black_box(&[1, 2]))));
    let mut words = [0; 2];
    black_box(lock::draw(rate, MaskMut::new(&mut words, black_box(64))?));
    monte_carlo::all(x)?;
    noise_and_weights::all(rate, x)?;
    fused::all(Dropout::new(rate), x, black_box(x).get_mut(..black_box(4)).unwrap_or_default())?;
    attention::schedules(rate);
    shared(rate, x)?;
    rules(rate, x)
}

/// What all element types have.
fn shared<T: Element>(rate: DropRate, x: [T; 100]) -> Result<(), Error> {
    fused::relu(Dropout::new(rate), x)?;
    fused::relu(Dropout::new(rate).over(Panel::new(black_box(5), black_box(10))?), x)?;
    recurrent::all(rate, &mut { x })?;
    attention::heads(&mut { x }, &mut MaskRng::new(black_box(1), black_box(2)))
}

/// Every rule. By elements of 64 bits only the one with the most arithmetic drops: which rule it is
/// changes nothing else of the code, and each takes seconds to compile.
fn rules(rate: DropRate, x: [f32; 100]) -> Result<(), Error> {
    variants::other_rates(rate, &mut black_box([1.0; 9]))?;
    rule(Dropout::new(rate), x)?;
    rule(Dropout::classic(rate), x)?;
    // In a constant the compiler computes with doubles, and no chip.
    #[cfg(not(feature = "double"))]
    let alpha = black_box(const { Dropout::alpha(dropout_kernels::drop_rate!(0.1)) });
    #[cfg(feature = "double")]
    let alpha = Dropout::alpha(rate);
    black_box((alpha.rule().scale(), alpha.rule().shift(), alpha.rule().dropped()));
    black_box(write!(Sink, "{alpha:?}").is_ok());
    rule(alpha, x)?;
    rule(Dropout::drop_key(rate), x)
}

/// Every way to drop by one rule.
fn rule<T: Element, R: RuleFor<T>>(dropout: Dropout<R>, mut x: [T; 100]) -> Result<(), Error> {
    let dropout = dropout.with_backend(black_box(Backend::detect()));
    black_box((dropout.rule(), Backend::available().count(), Backend::detect().name()));
    let mut rng = MaskRng::new(black_box(1), black_box(2));
    if black_box(rng != MaskRng::seed_from_u64(3)) {
        rng = MaskRng::from_seed([1; 16]);
    }
    rng = MaskRng::from_bytes(&black_box(rng.to_bytes()))?;
    rng = MaskRng::from_checkpoint(black_box(rng.to_checkpoint().as_slice()))?;
    rng = keys(&rng, dropout.rate())?;

    slices(&dropout, &mut x, &mut rng)?;
    let mut y = x;
    let mut mask = Mask::<4>::new();
    dropout.forward_array(&x, &mut y, rng.draw(&mut mask));
    dropout.forward_array_in_place(&mut x, rng.draw(&mut mask));
    dropout.forward_array(&x, &mut y, MaskKey::new(black_box(1), black_box(2)));
    dropout.forward_array(&x, &mut y, &mask);
    dropout.forward_array_in_place(&mut x, &mask);
    dropout.backward_array(&x, &mut y, &mask);
    dropout.backward_array_in_place(&mut x, &mask);
    dropout.backward_array(&x, &mut y, MaskKey::new(black_box(1), black_box(2)));
    dropout.infer_array(&x, &mut y);
    black_box((x, y, mask, rng));
    Ok(())
}

fn slices<T: Element, R: RuleFor<T>>(
    dropout: &Dropout<R>,
    x: &mut [T],
    rng: &mut MaskRng,
) -> Result<(), Error> {
    let n = black_box(70usize);
    let (x, y) = x.split_at_mut_checked(black_box(50)).unwrap_or_default();
    let mut words = black_box([3u32; 4]);
    let (a, b) = words.split_at_mut_checked(black_box(2)).unwrap_or_default();
    let mut mask = MaskMut::new(a, n)?;
    let other = MaskRef::new(b, n)?;

    dropout.forward(x, y, rng.draw(mask.reborrow()))?;
    dropout.forward_in_place(x, rng.draw(mask.reborrow()))?;
    dropout.forward(x, y, MaskKey::new(black_box(1), black_box(2)))?;
    dropout.forward_in_place(x, MaskKey::new(black_box(1), black_box(2)).draw(mask.reborrow()))?;
    dropout.forward_in_place(x, MaskKey::new(black_box(1), black_box(2)))?;
    dropout.forward(x, y, other)?;
    dropout.forward_in_place(x, other)?;
    dropout.backward(x, y, other)?;
    dropout.backward_in_place(x, other)?;
    dropout.forward(x, y, other.window(black_box(3..53))?)?;
    dropout.backward_in_place(x, other.window(black_box(3..53))?)?;
    dropout.backward(x, y, MaskKey::new(black_box(1), black_box(2)))?;
    dropout.backward_in_place(x, MaskKey::new(black_box(1), black_box(2)))?;
    dropout.infer(x, y)?;
    dropout.infer_in_place(x);

    let [g, r, w, i] = black_box([1, 2, 3, 4]);
    let shapes = [
        Layout::new(g, r, w, i)?,
        Layout::channels_first(g, r, &[w, i])?,
        Layout::channels_last(g, &[r, w], i)?,
        Layout::time_major(g, r, w)?,
        Layout::batch_major(g, r, w)?,
        Layout::samples(g, r)?,
        Layout::vocabulary(g, r)?,
        Layout::elementwise(g),
        Layout::whole(g),
    ];
    for layout in black_box(shapes) {
        let over = dropout.over(layout);
        black_box((over.flat().rule(), over.shape().elements(), layout.mask_bits()));
        over.forward(x, y, rng.draw(mask.reborrow()))?;
        over.forward_in_place(x, rng.draw(mask.reborrow()))?;
        over.forward(x, y, MaskKey::new(black_box(1), black_box(2)))?;
        over.forward_in_place(x, MaskKey::new(black_box(1), black_box(2)))?;
        over.forward(x, y, other)?;
        over.forward_in_place(x, other)?;
        over.backward(x, y, other)?;
        over.backward_in_place(x, other)?;
        over.forward_in_place(x, other.window(black_box(3..53))?)?;
        over.backward(x, y, MaskKey::new(black_box(1), black_box(2)))?;
        over.backward_in_place(x, MaskKey::new(black_box(1), black_box(2)))?;
        over.infer_in_place(x)?;
        over.infer(x, y)?;
    }

    let panel = Panel::new(g, r)?.with_stride(w)?.with_strides(w, i)?.with_mask_stride(w)?;
    let panel = panel.with_residual_stride(w)?;
    black_box(Panel::within(g, r, w)?);
    black_box((panel.rows(), panel.width(), panel.mask_bits()));
    let over = dropout.over(black_box(panel));
    over.forward(x, y, rng.draw(mask.reborrow()))?;
    over.forward_in_place(x, MaskKey::new(black_box(1), black_box(2)))?;
    over.backward(x, y, other)?;
    over.backward_in_place(x, other.window(black_box(3..53))?)?;
    over.infer_in_place(x)?;
    over.infer(x, y)?;

    variants::all(*dropout, x, y, rng)?;

    rng.fill(dropout.rate(), mask.reborrow());
    rng.fill_with(black_box(Backend::Portable), dropout.rate(), mask.reborrow());
    mask.and(other)?;
    mask.or(other)?;
    mask.not();
    mask.and_not(other)?;
    mask.xor(other)?;
    mask.copy_from(other)?;
    black_box(mask.set(black_box(7), true));
    mask.keep_all();
    black_box(mask.is_empty());
    windows(black_box(other), mask.reborrow())?;
    let read = mask.as_ref();
    black_box((read.len(), read.is_empty(), read.words().len()));
    black_box((read.count_kept(), read.get(black_box(9)), read == other));
    black_box((read.iter().filter(|k| *k).count(), read.kept_runs().map(|r| r.len()).max()));
    black_box((read.dropped_runs().last(), read.kept_indices().last()));
    black_box(read.kept_runs_in(black_box(3)..black_box(50)).count());

    let owned = black_box(Mask::<3>::from_words([1, 2, 3]));
    black_box((owned.view(n)?.count_kept(), owned.words()));
    black_box(black_box(Mask::<3>::new()).words_mut());
    let mut tape = black_box(MaskTape::new([0; 13]));
    rng.fill(dropout.rate(), tape.push(black_box(1), n)?);
    rng.fill(dropout.rate(), tape.push(black_box(2), black_box(3))?);
    black_box((
        tape.pop(black_box(2), black_box(3))?.count_kept(),
        tape.free_words(),
        tape.is_empty(),
    ));
    black_box(tape.read(black_box(1), n)?.count_kept());
    black_box(tape.pop(black_box(1), n)?.count_kept());
    tape.clear();
    show(dropout.rate(), &owned, read, rng)?;
    mask.drop_all();
    Ok(())
}

/// Names of masks.
fn keys(rng: &MaskRng, rate: DropRate) -> Result<MaskRng, Error> {
    let path = black_box([(3, 10), (2, 1 << 40)]);
    let key = MaskKey::at(black_box(42), &path)?.fold(black_box(7));
    black_box(key < MaskKey::new(black_box(1), black_box(2)));
    // Inlined on chips, so that these alone have a name there.
    black_box(MaskRng::new as fn(u64, u64) -> MaskRng);
    black_box(MaskRng::from_key as fn(MaskKey) -> MaskRng);
    black_box((key.seed(), key.stream(), key.lane_seed(black_box(16))));
    let mut mask = black_box(Mask::<4>::new());
    key.fill(rate, mask.view_mut(black_box(100))?);
    black_box(mask);
    black_box(*rng == MaskRng::from_key(key));
    Ok(MaskRng::from(key))
}

/// Somewhere to print to, of which the compiler knows nothing.
struct Sink;

impl fmt::Write for Sink {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        black_box(text.len());
        Ok(())
    }
}

/// Everything that can be printed, as text and as Debug.
fn show<const W: usize>(
    rate: DropRate,
    owned: &Mask<W>,
    read: MaskRef<'_>,
    rng: &MaskRng,
) -> Result<(), Error> {
    let (expected, given) = black_box((1, 2));
    let errors = black_box([
        Error::Rate(RateError::Negative { given: -0.5 }),
        Error::Shape(ShapeError::MaskTooLong { expected, given }),
        Error::Shape(ShapeError::OutsideVocabulary { at: given, expected, given }),
        Error::Shape(ShapeError::Overflow { elements: expected, extent: given }),
        Error::Shape(ShapeError::TooManyPasses { counted: black_box(1), more: black_box(2) }),
        Error::State(StateError::ZeroLane { lane: 3 }),
        Error::State(StateError::CheckSum { expected: 1, given: 2 }),
        Error::Key(KeyError::IndexOutOfRange {
            at: expected,
            index: black_box(3),
            extent: black_box(3),
        }),
        Error::Key(KeyError::Overflow { at: expected, last: black_box(3), extent: black_box(3) }),
        Error::Tape(TapeError::Full { expected, given }),
    ]);
    for error in errors {
        black_box(write!(Sink, "{error} {error:?}").is_ok());
    }
    black_box(write!(Sink, "{rate:?} {owned:?} {read:?} {rng:?}").is_ok());
    Ok(())
}

#![no_main]
//! What drops weights, on every backend: DropConnect against its formulas, with the order of additions that is promised,
//! and embedding dropout, in which all occurrences of a word share a bit.

use arbitrary::Arbitrary;
use dropout_kernels::{
    Backend, Classic, DropConnect, DropRate, EmbeddingDropout, Inverted, MaskMut, MaskRef, MaskRng,
    ShapeError, mask_words,
};
use dropout_kernels_fuzz::exact::{Exact, assert_alike};
use dropout_kernels_fuzz::input::{Length, Misfit, Rate, Values, Words, flags};
use dropout_kernels_fuzz::support::drop_connect::Case;
use dropout_kernels_fuzz::support::formula::Formula;
use dropout_kernels_fuzz::support::number::Number;
use dropout_kernels_fuzz::support::reference::{Reference, pack};
use libfuzzer_sys::fuzz_target;

const ONE: u64 = 1 << 40;

#[derive(Arbitrary, Debug)]
struct Input {
    double: bool,
    classic: bool,
    rate: Rate,
    at: (u64, u64),
    values: Values,
    words: Words,
    misfit: Misfit,
    way: Way,
    offset: u8,
    /// Rows and columns.
    extents: [Length; 2],
    batch: u8,
    /// Words that are looked up.
    text: Option<[u8; 6]>,
}

fuzz_target!(|input: Input| match (input.double, input.classic) {
    (false, false) => check::<f32, Inverted>(&input),
    (false, true) => check::<f32, Classic>(&input),
    (true, false) => check::<f64, Inverted>(&input),
    (true, true) => check::<f64, Classic>(&input),
});

/// Each way to call a DropConnect.
#[derive(Arbitrary, Clone, Copy, Debug, PartialEq)]
enum Way {
    Forward,
    Replay,
    Masked,
    Input,
    InputReplay,
    Weights,
    WeightsReplay,
    Infer,
    Moments,
}

/// A DropConnect or an embedding of the same rate and rule.
trait Connects: Formula {
    fn connect(rate: DropRate, rows: usize, columns: usize) -> DropConnect<Self>;
}

impl Connects for Inverted {
    fn connect(rate: DropRate, rows: usize, columns: usize) -> DropConnect<Self> {
        DropConnect::new(rate, rows, columns).expect("a small shape")
    }
}

impl Connects for Classic {
    fn connect(rate: DropRate, rows: usize, columns: usize) -> DropConnect<Self> {
        DropConnect::classic(rate, rows, columns).expect("a small shape")
    }
}

fn check<T: Number, R: Connects>(input: &Input) {
    let start = Reference::new(input.at.0, input.at.1);
    let rate = input.rate.get(&start);
    match input.text {
        Some(text) => embedding::<T, R>(input, text, start, rate),
        None => connect::<T, R>(input, start, rate),
    }
}

/// Rows and columns, one of which is short.
fn extents(input: &Input) -> [usize; 2] {
    let [rows, columns] = input.extents.map(Length::get);
    if rows < columns { [rows % 4, columns] } else { [rows.min(600), columns % 4] }
}

/// A slice that a way has written, or that it had to leave alone.
fn compare<T: Number>(given: &mut Exact<T>, wanted: &[T], told: impl std::fmt::Debug) {
    assert_alike(given.slice(), wanted, false, &told);
    assert!(given.intact(|a, b| a.bits() == b.bits()), "{told:?}: before the slice");
}

fn connect<T: Number, R: Connects>(input: &Input, start: Reference, rate: DropRate) {
    use Way::{
        Forward, Infer, Input as Dx, InputReplay, Masked, Moments, Replay, Weights, WeightsReplay,
    };
    let (way, t) = (input.way, rate.threshold());
    let [rows, columns] = extents(input);
    let batch = usize::from(input.batch % 4);
    let bits = rows * columns;
    // W, x and y, of which a gradient may take the place; the variance of y; the mask.
    let lengths = [bits, batch * columns, batch * rows, batch * rows, bits];
    let [w_len, x_len, y_len, variance_len, mask_len] = input.misfit.among(lengths);
    // Without columns or rows, the other side says how many vectors there are.
    let batch = x_len.checked_div(columns).or(y_len.checked_div(rows)).unwrap_or(0);
    let fits = w_len == bits
        && (x_len, y_len) == (batch * columns, batch * rows)
        && (variance_len == y_len || way != Moments)
        && (mask_len == bits || !matches!(way, Forward | Masked | Dx | Weights));

    let before = [w_len, x_len, y_len, variance_len];
    let before = [0, 1, 2, 3].map(|i| input.values.others(i).get::<T>(before[i as usize]));
    let words = input.words.get(mask_words(mask_len));
    let (mut after, mut words_after, mut moved) = (before.clone(), words.clone(), start.clone());
    if fits {
        let scaleless = t == ONE && !R::COPIES;
        let keep = match way {
            Forward | Replay | InputReplay | WeightsReplay => start.clone().mask(t, bits),
            Infer | Moments => vec![true; bits],
            // At p = 1 the inverted rule has no scale, and drops all.
            _ => flags(&words, bits).into_iter().map(|keep| keep && !scaleless).collect(),
        };
        if way == Forward {
            words_after = pack(&moved.mask(t, bits));
        }
        let [w, x, y, _] = before.clone();
        let case = Case { shape: [rows, columns, batch], keep, dw: w.clone(), w, x, dy: y };
        let (scale, factor) = if R::COPIES {
            (T::ONE, T::reference_keep(t))
        } else {
            (T::reference_scale(t), T::ONE)
        };
        match way {
            Dx | InputReplay => after[1] = case.gradients(scale).0,
            Weights | WeightsReplay => after[0] = case.gradients(scale).1,
            Infer | Moments => after[2] = case.y(factor),
            Forward | Replay | Masked => after[2] = case.y(scale),
        }
        if way == Moments {
            let p = T::reference_keep(ONE - t);
            let spread = p.multiply(if R::COPIES { factor } else { T::reference_scale(t) });
            after[3] = variances(&case, spread);
        }
    }
    for backend in Backend::available() {
        let layer = R::connect(rate, rows, columns).with_backend(backend);
        let offset = usize::from(input.offset % 16);
        let mut targets = before.each_ref().map(|before| Exact::new(before, offset, T::GUARD));
        let mut mask = Exact::new(&words, offset, 0xDEAD_BEEF);
        let mut rng = MaskRng::new(input.at.0, input.at.1);
        let [w, x, y, variance] = targets.each_mut().map(Exact::slice);
        let view = MaskMut::new(mask.slice(), mask_len).expect("its words");
        let (seed, stream) = input.at;
        let result = match way {
            Forward => layer.forward(w, x, y, view, &mut rng),
            Replay => layer.forward_replay(w, x, y, seed, stream),
            Masked => layer.forward_masked(w, x, y, view.as_ref()),
            Dx => layer.backward_input(w, y, x, view.as_ref()),
            InputReplay => layer.backward_input_replay(w, y, x, seed, stream),
            Weights => layer.backward_weights(x, y, w, view.as_ref()),
            WeightsReplay => layer.backward_weights_replay(x, y, w, seed, stream),
            Infer => layer.infer(w, x, y),
            Moments => layer.infer_moments(w, x, y, variance),
        };
        assert_eq!(result.is_ok(), fits, "{backend:?} {result:?}");
        for (given, wanted) in targets.iter_mut().zip(&after) {
            compare(given, wanted, (backend, way));
        }
        assert_eq!(mask.slice(), words_after, "{backend:?}");
        assert!(mask.intact(|a, b| a == b) && rng.to_bytes() == moved.to_bytes(), "{backend:?}");
    }
}

/// The squares of the products w x, summed in the same order, a row at a time.
fn variances<T: Number>(case: &Case<T>, spread: T) -> Vec<T> {
    let [rows, columns, batch] = case.shape;
    let of = |i: usize| {
        let (b, r) = (i / rows, i % rows);
        let product = |c: usize| case.w[r * columns + c].multiply(case.x[b * columns + c]);
        let products: Vec<_> = (0..columns).map(product).collect();
        let keep = vec![true; columns];
        let row = Case {
            shape: [1, columns, 1],
            keep,
            w: products.clone(),
            x: products,
            dy: vec![],
            dw: vec![],
        };
        row.y(spread)[0]
    };
    (0..batch * rows).map(of).collect()
}

fn embedding<T: Number, R: Formula>(
    input: &Input,
    text: [u8; 6],
    start: Reference,
    rate: DropRate,
) {
    let t = rate.threshold();
    let [rows, dimension] = extents(input);
    let text = &text[..usize::from(input.batch % 7)];
    // Now and then one that is no row.
    let index = |i: &u8| if *i == 255 { rows + 1 } else { usize::from(*i) % rows.max(1) };
    let text: Vec<usize> = text.iter().map(index).collect();
    let indices: Vec<u32> = text.iter().map(|i| *i as u32).collect();
    let lengths = [rows * dimension, text.len() * dimension, rows];
    let [table_len, y_len, bits] = input.misfit.among(lengths);
    let [table_fits, y_fits, mask_fits] =
        [table_len == lengths[0], y_len == lengths[1], bits == rows];
    let y_fits = y_fits && text.iter().all(|i| *i < rows);

    let table: Vec<T> = input.values.get(table_len);
    let y: Vec<T> = input.values.others(1).get(y_len);
    let words = input.words.get(mask_words(bits));
    let keep = flags(&words, bits);
    let mask = MaskRef::new(&words, bits).expect("its words");
    // Places in y and in the table, if there are such, of what was looked up.
    let places = || {
        (0..text.len() * dimension).map(|i| (i, text[i / dimension] * dimension + i % dimension))
    };
    let kept = |at: usize| keep[at / dimension] && (t < ONE || R::COPIES);
    let (mut forward, mut in_place, mut inferred, mut dtable) =
        (y.clone(), y.clone(), y.clone(), table.clone());
    if y_fits && mask_fits {
        places().for_each(|(i, at)| in_place[i] = R::y(t, kept(at), y[i]));
    }
    if y_fits && mask_fits && table_fits {
        places().for_each(|(i, at)| forward[i] = R::y(t, kept(at), table[at]));
        for (i, at) in places().filter(|(_, at)| kept(*at)) {
            dtable[at] = dtable[at].add(R::dx(t, true, y[i]));
        }
    }
    if y_fits && table_fits {
        places().for_each(|(i, at)| inferred[i] = R::inferred(t, table[at]));
    }
    let (mut drawn, mut moved) = (words.clone(), start);
    if mask_fits {
        drawn = pack(&moved.mask(t, rows));
    }

    for backend in Backend::available() {
        let dropout = R::dropout(rate).with_backend(backend);
        let layer = EmbeddingDropout::new(dropout, rows, dimension).expect("a small shape");
        let offset = usize::from(input.offset % 16);
        let mut source = Exact::new(&table, offset, T::GUARD);
        let mut check = |wanted: &[T], fits: bool, run: Lookup<'_, T>| {
            let mut target = Exact::new(&y, offset, T::GUARD);
            let result = run(source.slice(), target.slice());
            assert_eq!(result.is_ok(), fits, "{backend:?} {result:?}");
            compare(&mut target, wanted, backend);
        };
        let fits = y_fits && mask_fits && table_fits;
        check(&forward, fits, &|table, y| layer.forward(&indices, table, y, mask));
        check(&in_place, y_fits && mask_fits, &|_, y| layer.forward_in_place(&indices, y, mask));
        check(&inferred, y_fits && table_fits, &|table, y| layer.infer(&indices, table, y));
        check(&y, fits, &|table, y| layer.backward(&indices, y, table, mask));
        compare(&mut source, &dtable, backend);

        let mut words = Exact::new(&words, offset, 0xDEAD_BEEF);
        let mut rng = MaskRng::new(input.at.0, input.at.1);
        let mask = MaskMut::new(words.slice(), bits).expect("its words");
        assert_eq!(layer.draw(mask, &mut rng).is_ok(), mask_fits, "{backend:?}");
        assert_eq!(words.slice(), drawn, "{backend:?}");
        assert!(words.intact(|a, b| a == b) && rng.to_bytes() == moved.to_bytes(), "{backend:?}");
    }
}

/// From the table to y, or back.
type Lookup<'a, T> = &'a dyn Fn(&mut [T], &mut [T]) -> Result<(), ShapeError>;

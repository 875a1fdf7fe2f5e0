//! Every way of embedding dropout.

use dropout_kernels::{
    Backend, DropRate, EmbeddingDropout, MaskMut, MaskRef, MaskRng, ShapeError, mask_words,
};
use dropout_kernels_fuzz::exact::Exact;
use dropout_kernels_fuzz::input::flags;
use dropout_kernels_fuzz::support::formula::Formula;
use dropout_kernels_fuzz::support::number::Number;
use dropout_kernels_fuzz::support::reference::{Reference, pack};

use super::{Input, ONE, compare, extents};

pub fn check<T: Number, R: Formula>(
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
        assert_eq!(layer.fill(mask, &mut rng).is_ok(), mask_fits, "{backend:?}");
        assert_eq!(words.slice(), drawn, "{backend:?}");
        assert!(words.intact(|a, b| a == b) && rng.to_bytes() == moved.to_bytes(), "{backend:?}");
    }
}

/// From the table to y, or back.
type Lookup<'a, T> = &'a dyn Fn(&mut [T], &mut [T]) -> Result<(), ShapeError>;

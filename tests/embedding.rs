//! Embedding dropout against its formulas: every occurrence of a word is dropped, or none. Every backend, both
//! element types, guards around every slice; rows that no index names; and every shape that does not fit.

mod support;

use dropout_kernels::{
    Backend, Classic, DropRate, Dropout, EmbeddingDropout, Inverted, MaskMut, MaskRef, MaskRng,
    Rule, ShapeError, drop_rate, mask_words,
};
use support::guarded::Guarded;
use support::number::{Number, bits, same};
use support::reference::{Reference, pack};

const SEED: u64 = 8;
const STREAM: u64 = 3;

/// (vocabulary, dimension, indices): rows below, at and above a chunk of 32, masks of a word and of several; nothing.
const SHAPES: [(usize, usize, usize); 12] = [
    (1, 1, 1),
    (1, 40, 5),
    (31, 3, 50),
    (32, 31, 20),
    (33, 32, 20),
    (64, 33, 70),
    (100, 65, 9),
    (600, 1, 100),
    (600, 7, 2),
    (5, 0, 7),
    (5, 7, 0),
    (0, 7, 0),
];

/// Words in a text: some often, some never.
fn text(vocabulary: usize, count: usize) -> Vec<u32> {
    (0..count).map(|t| (t * t % 23 * t % vocabulary.max(1)) as u32).collect()
}

struct Case<'a, T, R> {
    embedding: EmbeddingDropout<R>,
    indices: &'a [u32],
    table: &'a [T],
    dimension: usize,
    offset: usize,
}

impl<T: Number, R: Rule> Case<'_, T, R> {
    /// The rows that were looked up, each element as `of` makes it from (index, element).
    fn rows(&self, of: impl Fn(usize, T) -> T) -> Vec<T> {
        let row = |i: &u32| (*i as usize, &self.table[*i as usize * self.dimension..]);
        let rows = self.indices.iter().map(row);
        rows.flat_map(|(i, row)| {
            row[..self.dimension].iter().map(|x| of(i, *x)).collect::<Vec<_>>()
        })
        .collect()
    }

    fn check(&self, given: &mut Guarded<T>, wanted: &[T]) {
        for (i, (given, wanted)) in given.slice().iter().zip(wanted).enumerate() {
            let told = self.embedding;
            assert!(same(*given, *wanted), "{told:?} element {i}: {given:?}, not {wanted:?}");
        }
        assert!(given.intact(|a, b| a.bits() == b.bits()), "{:?}", self.embedding);
    }

    /// `kept` is what becomes of the element of a row that is kept, `at_inference` what becomes of any.
    fn run(&self, kept: impl Fn(T) -> T, at_inference: impl Fn(T) -> T) {
        let rows = self.embedding.mask_bits();
        let mut reference = Reference::new(SEED, STREAM);
        let keep = reference.mask(self.embedding.rate().threshold(), rows);
        let mut words =
            Guarded::new(&vec![0x5A5A_5A5A; mask_words(rows)], self.offset, 0xDEAD_BEEF);
        let mut rng = MaskRng::new(SEED, STREAM);
        let mask = MaskMut::new(words.slice(), rows).expect("its words");
        self.embedding.fill(mask, &mut rng).expect("its bits");
        assert_eq!(words.slice(), pack(&keep));
        assert!(words.intact(|a, b| a == b));
        assert_eq!(rng.to_bytes(), reference.to_bytes());

        let mask = MaskRef::new(words.slice(), rows).expect("its words");
        let y = self.rows(|i, x| if keep[i] { kept(x) } else { T::ZERO });
        let n = self.indices.len() * self.dimension;
        let mut out = Guarded::new(&vec![T::ONE; n], self.offset, T::GUARD);
        self.embedding.forward(self.indices, self.table, out.slice(), mask).expect("it fits");
        self.check(&mut out, &y);
        let mut out = Guarded::new(&self.rows(|_, x| x), self.offset, T::GUARD);
        self.embedding.forward_in_place(self.indices, out.slice(), mask).expect("it fits");
        self.check(&mut out, &y);
        let mut out = Guarded::new(&vec![T::ONE; n], self.offset, T::GUARD);
        self.embedding.infer(self.indices, self.table, out.slice()).expect("it fits");
        self.check(&mut out, &self.rows(|_, x| at_inference(x)));

        let dy = T::ramp(n);
        // What was there before stays, rows of guards too.
        let mut gradient = T::values(self.table.len());
        let mut dtable = Guarded::new(&gradient, self.offset, T::GUARD);
        self.embedding.backward(self.indices, &dy, dtable.slice(), mask).expect("it fits");
        for (t, i) in self.indices.iter().map(|i| *i as usize).enumerate() {
            for c in (0..self.dimension).filter(|_| keep[i]) {
                let to = &mut gradient[i * self.dimension + c];
                *to = to.add(kept(dy[t * self.dimension + c]));
            }
        }
        self.check(&mut dtable, &gradient);

        // The gradient of what was looked up before: scattering it is what backward does in one pass.
        let kept_at = |(at, dy): (usize, &T)| match keep[self.indices[at / self.dimension] as usize]
        {
            true => kept(*dy),
            false => T::ZERO,
        };
        let dx: Vec<T> = dy.iter().enumerate().map(kept_at).collect();
        let mut out = Guarded::new(&dy, self.offset, T::GUARD);
        self.embedding.backward_in_place(self.indices, out.slice(), mask).expect("it fits");
        self.check(&mut out, &dx);
    }
}

fn check_all<T: Number>() {
    for backend in Backend::available() {
        for rate in [DropRate::ZERO, drop_rate!(0.1), drop_rate!(0.5), DropRate::ONE] {
            for (i, (rows, dimension, count)) in SHAPES.into_iter().enumerate() {
                let indices = text(rows, count);
                let table = T::values(rows * dimension);
                let (indices, table, offset) = (&*indices, &*table, i % 4);
                let scale = T::reference_scale(rate.threshold());
                let keep = T::reference_keep(rate.threshold());
                let inverted = Dropout::new(rate).with_backend(backend);
                let embedding = EmbeddingDropout::new(inverted, rows, dimension).expect("small");
                Case { embedding, indices, table, dimension, offset }
                    .run(|x| x.multiply(scale), |x| x);
                let classic = Dropout::classic(rate).with_backend(backend);
                let embedding = EmbeddingDropout::new(classic, rows, dimension).expect("small");
                let at_inference =
                    |x: T| if rate == DropRate::ONE { T::ZERO } else { x.multiply(keep) };
                Case { embedding, indices, table, dimension, offset }.run(|x| x, at_inference);
            }
        }
    }
}

#[test]
fn f32_words_are_dropped_in_all_their_places() {
    check_all::<f32>();
}

#[test]
fn f64_words_are_dropped_in_all_their_places() {
    check_all::<f64>();
}

/// At p = 1 the inverted rule has no scale: a mask of the caller's keeps nothing.
#[test]
fn without_a_scale_all_is_zero() {
    let embedding = EmbeddingDropout::new(Dropout::new(DropRate::ONE), 2, 3).expect("small");
    let mask = MaskRef::new(&[!0], 2).expect("a word");
    let (mut y, mut dtable) = ([1f32; 3], [1f32; 6]);
    embedding.forward(&[1], &[f32::INFINITY; 6], &mut y, mask).expect("it fits");
    assert_eq!(bits(&y), [0; 3]);
    embedding.backward(&[1], &[f32::INFINITY; 3], &mut dtable, mask).expect("it fits");
    assert_eq!(dtable, [1.0; 6]);
}

#[test]
fn words_are_the_ones_that_always_were_dropped() {
    let embedding = EmbeddingDropout::new(Dropout::new(drop_rate!(0.1)), 50, 1).expect("small");
    let mut words = [0; 2];
    let mask = MaskMut::new(&mut words, 50).expect("two words");
    embedding.fill(mask, &mut MaskRng::new(42, 1)).expect("its bits");
    assert_eq!(words, [0xFCF7_FFFF, 0x0003_DBFF]);
}

/// Rows of a vocabulary are dropped at p, which is the bits' affair; here that every place of a word sees it.
/// Two-sided 10^-6.
#[test]
fn words_are_dropped_at_the_rate_p() {
    const LIMIT: f64 = 4.8916;
    const ROWS: usize = 810_000; // 1 % lies nine standard deviations off
    let table = vec![1f32; ROWS];
    // Each word twice, in another order.
    let indices: Vec<u32> = (0..ROWS as u32).chain((0..ROWS as u32).rev()).collect();
    let fraction = |p: f32| {
        let rate = DropRate::new(p).expect("a probability");
        let embedding = EmbeddingDropout::new(Dropout::classic(rate), ROWS, 1).expect("small");
        let mut words = vec![0; mask_words(ROWS)];
        let mut mask = MaskMut::new(&mut words, ROWS).expect("its words");
        embedding.fill(mask.reborrow(), &mut MaskRng::new(4, 0)).expect("its bits");
        let mut y = vec![0.5; 2 * ROWS];
        embedding.forward(&indices, &table, &mut y, mask.as_ref()).expect("it fits");
        let (there, back) = y.split_at(ROWS);
        assert!(there.iter().eq(back.iter().rev()));
        there.iter().filter(|y| **y == 0.0).count() as f64 / ROWS as f64
    };
    let (p, wrong) = (0.5f32, [0.495, 0.505]);
    let sigma = (f64::from(p) * (1.0 - f64::from(p)) / ROWS as f64).sqrt();
    let z = |fraction: f64| (fraction - f64::from(p)) / sigma;
    assert!(z(fraction(p)).abs() < LIMIT, "{:.2} standard deviations", z(fraction(p)));
    for wrong in wrong {
        let z = z(fraction(wrong));
        assert!(z.abs() > LIMIT, "{wrong}: {z:.2} standard deviations");
    }
}

/// The alpha rule adds to kept rows and fills dropped ones, but gradients are scaled or zero: forward on a gradient, which
/// is right for the other rules, is wrong here.
#[test]
fn the_gradient_in_place_of_the_alpha_rule_is_its_own() {
    let alpha = Dropout::alpha(drop_rate!(0.5));
    let embedding = EmbeddingDropout::new(alpha, 2, 2).expect("small");
    let mask = MaskRef::new(&[0b01], 2).expect("a word");
    let (mut dy, mut wrong) = ([1f64; 4], [1f64; 4]);
    embedding.backward_in_place(&[0, 1], &mut dy, mask).expect("it fits");
    embedding.forward_in_place(&[0, 1], &mut wrong, mask).expect("it fits");
    let a = alpha.rule().scale();
    assert_eq!(dy, [a, a, 0.0, 0.0]);
    assert_ne!(wrong, dy);
}

/// Central differences of a loss of a text, by the table.
#[test]
fn backward_is_the_gradient_of_forward() {
    check_gradient::<Inverted>(Dropout::new(drop_rate!(0.4)));
    check_gradient::<Classic>(Dropout::classic(drop_rate!(0.4)));
}

fn check_gradient<R: Rule>(dropout: Dropout<R>) {
    const ROWS: usize = 12;
    const DIMENSION: usize = 3;
    let embedding = EmbeddingDropout::new(dropout, ROWS, DIMENSION).expect("small");
    let indices = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5];
    let mut words = [0];
    let mut mask = MaskMut::new(&mut words, ROWS).expect("a word");
    embedding.fill(mask.reborrow(), &mut MaskRng::new(1, 0)).expect("its bits");
    let kept = indices.iter().filter(|i| mask.as_ref().get(**i as usize) == Some(true)).count();
    assert!(0 < kept && kept < indices.len(), "a mask of one kind would prove little");
    let forward = |table: &[f64]| {
        let mut y = [0.0; 11 * DIMENSION];
        embedding.forward(&indices, table, &mut y, mask.as_ref()).expect("it fits");
        y
    };
    let loss = |table: &[f64]| forward(table).iter().map(|y| y.sin()).sum::<f64>();
    let table: Vec<_> = (0..ROWS * DIMENSION).map(|i| (i as f64 * 0.9).cos()).collect();
    let dy = forward(&table).map(f64::cos);
    let mut dtable = vec![0.0; table.len()];
    embedding.backward(&indices, &dy, &mut dtable, mask.as_ref()).expect("it fits");
    for (i, given) in dtable.iter().enumerate() {
        let at = |step: f64| {
            let mut table = table.clone();
            table[i] += step;
            loss(&table)
        };
        let wanted = (at(1e-5) - at(-1e-5)) / 2e-5;
        assert!((given - wanted).abs() < 1e-8, "{i}: {given}, not {wanted}");
    }
}

#[test]
fn indices_slices_and_masks_that_do_not_fit_are_refused() {
    const BIG: usize = 1 << (usize::BITS / 2);
    let new =
        |rows, dimension| EmbeddingDropout::new(Dropout::new(drop_rate!(0.1)), rows, dimension);
    let overflow = ShapeError::Overflow { elements: BIG, extent: BIG };
    assert_eq!(new(BIG, BIG).map(|_| ()), Err(overflow));
    let outside = |at, given| ShapeError::OutsideVocabulary { at, expected: 40, given };
    let other = |expected, given| ShapeError::OtherElements { expected, given };
    for rate in [DropRate::ZERO, drop_rate!(0.3), DropRate::ONE] {
        let embedding = EmbeddingDropout::new(Dropout::classic(rate), 40, 3).expect("small");
        for (indices, table_len, y_len, bits, error) in [
            ([0, 40], 120, 6, 40, outside(1, 40)),
            ([u32::MAX, 0], 120, 6, 40, outside(0, u32::MAX as usize)),
            ([0, 1], 119, 6, 40, other(120, 119)),
            ([0, 1], 121, 6, 40, other(120, 121)),
            ([0, 1], 120, 5, 40, other(6, 5)),
            ([0, 1], 120, 9, 40, other(6, 9)),
            ([0, 1], 120, 6, 39, ShapeError::MaskTooShort { expected: 40, given: 39 }),
            ([0, 1], 120, 6, 64, ShapeError::MaskTooLong { expected: 40, given: 64 }),
        ] {
            let (mut table, mut y) = (vec![1.5f32; table_len], vec![2.5; y_len]);
            let mut words = vec![0x1234_5678; mask_words(bits)];
            let mask = MaskRef::new(&words, bits).expect("its words");
            assert_eq!(embedding.forward(&indices, &table, &mut y, mask), Err(error));
            if table_len == 120 {
                assert_eq!(embedding.forward_in_place(&indices, &mut y, mask), Err(error));
                assert_eq!(embedding.backward_in_place(&indices, &mut y, mask), Err(error));
            }
            if bits == 40 {
                assert_eq!(embedding.infer(&indices, &table, &mut y), Err(error));
            } else {
                let mut rng = MaskRng::new(SEED, STREAM);
                let mask = MaskMut::new(&mut words, bits).expect("its words");
                assert_eq!(embedding.fill(mask, &mut rng), Err(error));
                assert_eq!(rng, MaskRng::new(SEED, STREAM));
            }
            assert!(y.iter().all(|y| *y == 2.5));
            let mask = MaskRef::new(&words, bits).expect("its words");
            assert_eq!(embedding.backward(&indices, &y, &mut table, mask), Err(error));
            assert!(table.iter().all(|x| *x == 1.5));
            assert!(words.iter().all(|word| *word == 0x1234_5678));
        }
    }
}

//! What `DropPath` has beside its branch, which is dropout over a layout.

use dropout_kernels::{Backend, DropPath, MaskMut, MaskRef, MaskRng, mask_words};
use dropout_kernels_fuzz::exact::{Exact, assert_alike};
use dropout_kernels_fuzz::input::flags;
use dropout_kernels_fuzz::support::formula::Formula;
use dropout_kernels_fuzz::support::layouts::spread;
use dropout_kernels_fuzz::support::number::Number;
use dropout_kernels_fuzz::support::reference::{Reference, pack};

use super::{Input, What};

const ONE: u64 = 1 << 40;
const GARBAGE: u32 = 0x5A5A_5A5A;

pub fn check<T: Number, R: Formula>(input: &Input) {
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
        assert_eq!(path.fill(mask, &mut rng).is_ok(), drawn_bits == batch);
        assert_eq!(words, drawn);
        assert!(rng.to_bytes() == moved.to_bytes());
    }
}

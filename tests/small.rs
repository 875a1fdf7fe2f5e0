//! Every kernel by every backend on few elements, on exact allocations: what Miri, which knows of
//! every read outside of a slice and of every value that is no value, runs in minutes (`.ci/miri`).

use dropout_kernels::{
    Backend, DropBlock, DropConnect, DropRate, Dropout, GaussianDropout, Layout, MaskKey, MaskMut,
    MaskRef, MaskRng, Panel, RuleFor, Zoneout, drop_rate, mask_words,
};
use dropout_reference::number::{Number, same};
use dropout_reference::stream::{Reference, pack};

/// Less and more than a word, than a vector, and than a block of 512, whose kernels are others.
const LENGTHS: [usize; 6] = [0, 1, 33, 64, 130, 545];

const RATES: [DropRate; 2] = [drop_rate!(0.1), drop_rate!(0.5)];

fn keep(key: (u64, u64), rate: DropRate, n: usize) -> Vec<bool> {
    Reference::new(key.0, key.1).mask(rate.threshold(), n)
}

fn expected(x: &[f32], keep: &[bool], scale: f32) -> Vec<u32> {
    x.iter().zip(keep).map(|(x, keep)| if *keep { (x * scale).to_bits() } else { 0 }).collect()
}

fn bits(x: &[f32]) -> Vec<u32> {
    x.iter().map(|x| x.to_bits()).collect()
}

#[test]
fn plain_dropout_of_few_elements() {
    for backend in Backend::available() {
        for rate in RATES {
            let dropout = Dropout::new(rate).with_backend(backend);
            for n in LENGTHS {
                let x: Vec<f32> = (0..n).map(|i| i as f32 - 7.5).collect();
                let keep = keep((42, 7), rate, n);
                let wanted = expected(&x, &keep, rate.scale_f32());
                let mut words = vec![0xA5A5_A5A5; mask_words(n)].into_boxed_slice();
                let mut y = vec![f32::NAN; n].into_boxed_slice();
                let mask = MaskMut::new(&mut words, n).expect("its words");
                dropout.forward(&x, &mut y, MaskRng::new(42, 7).draw(mask)).expect("lengths agree");
                assert_eq!((bits(&y), &*words), (wanted.clone(), &*pack(&keep)), "{backend:?} {n}");

                let mask = MaskRef::new(&words, n).expect("its words");
                y.copy_from_slice(&x);
                dropout.backward_in_place(&mut y, mask).expect("lengths agree");
                assert_eq!(bits(&y), wanted, "{backend:?} {n}");
                y.copy_from_slice(&x);
                dropout.forward_in_place(&mut y, MaskKey::new(42, 7)).expect("any length");
                assert_eq!(bits(&y), wanted, "{backend:?} {n}");

                let doubles: Vec<f64> = x.iter().map(|x| f64::from(*x)).collect();
                let mut y = vec![0f64; n].into_boxed_slice();
                dropout.backward(&doubles, &mut y, mask).expect("lengths agree");
                for ((y, x), keep) in y.iter().zip(&doubles).zip(&keep) {
                    let wanted = if *keep { x * rate.scale() } else { 0.0 };
                    assert_eq!(y.to_bits(), wanted.to_bits(), "{backend:?} {n}");
                }
            }
        }
    }
}

#[test]
fn layouts_of_few_elements() {
    let layouts = [
        Layout::channels_first(2, 5, &[3, 3]),
        Layout::channels_first(1, 3, &[40]),
        Layout::channels_last(2, &[3], 37),
        Layout::time_major(3, 1, 20),
    ];
    for layout in layouts.map(|layout| layout.expect("a small shape")) {
        let mut portable = vec![0f32; layout.elements()].into_boxed_slice();
        for backend in Backend::available() {
            let over = Dropout::new(drop_rate!(0.3)).with_backend(backend).over(layout);
            let mut words = vec![0; mask_words(layout.mask_bits())].into_boxed_slice();
            let mut y = vec![1f32; layout.elements()].into_boxed_slice();
            let mask = MaskMut::new(&mut words, layout.mask_bits()).expect("its words");
            over.forward_in_place(&mut y, MaskRng::new(1, 2).draw(mask)).expect("lengths agree");
            if backend == Backend::Portable {
                portable.copy_from_slice(&y);
                assert!(y.contains(&0.0) && y.iter().any(|y| *y != 0.0), "{layout:?}");
            }
            assert_eq!(y, portable, "{backend:?} {layout:?}");
            let mut y = vec![1f32; layout.elements()].into_boxed_slice();
            over.forward_in_place(&mut y, MaskKey::new(1, 2)).expect("lengths agree");
            assert_eq!(y, portable, "{backend:?} {layout:?}");
        }
    }
}

#[test]
fn other_kernels_of_few_elements() {
    let mut first: Option<Vec<Vec<u32>>> = None;
    for backend in Backend::available() {
        let x: Vec<f32> =
            (0..75u8).map(|i| f32::from(i.wrapping_mul(37) % 75) * 0.03 - 1.0).collect();
        let key = MaskKey::new(3, 4);
        let mut noise = x.clone();
        let gaussian =
            GaussianDropout::new(drop_rate!(0.2)).expect("below 1").with_backend(backend);
        gaussian.forward_in_place(&mut noise, key);

        let mut maps = x.clone();
        let blocks = DropBlock::new(drop_rate!(0.2), 3, 1, 3, &[5, 5]).expect("a small shape");
        let blocks = blocks.with_backend(backend);
        let mut words = vec![0; mask_words(blocks.mask_bits())];
        let mask = MaskMut::new(&mut words, blocks.mask_bits()).expect("its words");
        blocks.forward_in_place(&mut maps, MaskRng::from_key(key).draw(mask)).expect("they fit");

        let layer = DropConnect::new(drop_rate!(0.4), 3, 25).expect("a small shape");
        let layer = layer.with_backend(backend);
        let (mut y, mut dx, mut dw) = (vec![0f32; 3], vec![0f32; 25], vec![0f32; 75]);
        layer.forward(&x, &x[..25], &mut y, key).expect("they fit");
        layer.backward_input(&x, &y, &mut dx, key).expect("they fit");
        layer.backward_weights(&x[..25], &y, &mut dw, key).expect("they fit");

        let mut h = vec![0f32; 75];
        let zoneout = Zoneout::new(drop_rate!(0.3)).with_backend(backend);
        zoneout.forward(&x, &noise, &mut h, key).expect("lengths agree");

        let all: Vec<_> = [&noise, &maps, &y, &dx, &dw, &h].map(|x| bits(x)).into();
        assert_eq!(*first.get_or_insert_with(|| all.clone()), all, "{backend:?}");
    }
}

/// By every rule that the type has, on the portable backend and on another.
fn alike<T: Number, R: RuleFor<T>>(dropout: Dropout<R>, backend: Backend) {
    // Miri is slow, and has seen blocks of 512 as `f32`.
    let lengths = if cfg!(miri) { &[33, 130][..] } else { &LENGTHS };
    for n in lengths.iter().copied() {
        let x = T::values(n).into_boxed_slice();
        let [portable, other] = [Backend::Portable, backend].map(|backend| {
            let dropout = dropout.with_backend(backend);
            let mut words = vec![0; mask_words(n)].into_boxed_slice();
            let (mut y, mut dx) = (x.clone(), x.clone());
            let mask = MaskMut::new(&mut words, n).expect("its words");
            dropout.forward(&x, &mut y, MaskRng::new(42, 7).draw(mask)).expect("lengths agree");
            let mask = MaskRef::new(&words, n).expect("its words");
            dropout.backward_in_place(&mut dx, mask).expect("lengths agree");
            (y, dx)
        });
        let of = |(a, b): &(Box<[T]>, Box<[T]>)| [a.to_vec(), b.to_vec()].concat();
        let (portable, other) = (of(&portable), of(&other));
        assert!(portable.iter().zip(&other).all(|(a, b)| same(*a, *b)), "{backend:?} {n}");
    }
}

#[test]
fn narrow_numbers_of_few_elements() {
    for backend in Backend::available() {
        for rate in RATES.into_iter().take(if cfg!(miri) { 1 } else { 2 }) {
            alike::<i8, _>(Dropout::new(rate), backend);
            alike::<i8, _>(Dropout::new(rate).with_zero_point(-3), backend);
            alike::<i8, _>(Dropout::classic(rate).with_zero_point(-3), backend);
            alike::<i16, _>(Dropout::new(rate), backend);
            alike::<i16, _>(Dropout::classic(rate), backend);
            alike::<half::bf16, _>(Dropout::alpha(rate), backend);
            alike::<half::bf16, _>(Dropout::new(rate), backend);
            // Miri does not know the instructions that convert them.
            if !cfg!(miri) || backend == Backend::Portable {
                alike::<half::f16, _>(Dropout::alpha(rate), backend);
                alike::<half::f16, _>(Dropout::new(rate), backend);
            }
        }
    }
}

/// Rows of a larger matrix, in one pass with a bias and a residual, and outputs that are not
/// initialised.
#[test]
fn panels_fused_passes_and_outputs_that_are_not_initialised() {
    for backend in Backend::available() {
        let dropout = Dropout::new(drop_rate!(0.25)).with_backend(backend);
        let (key, mut words) = (MaskKey::new(1, 2), [0; mask_words(200)]);
        let mut mask = MaskMut::new(&mut words, 200).expect("so many words");
        key.fill(dropout.rate(), mask.reborrow());
        let window = mask.as_ref().window(9..9 + 90).expect("so many bits");
        for (rows, width) in [(2, 45), (3, 30), (90, 1)] {
            let panel = Panel::new(rows, width).and_then(|panel| panel.with_stride(width + 1));
            let panel = panel.expect("a small shape");
            let n = rows * (width + 1) - 1; // to the last element
            let (x, bias) = (vec![1f32; n].into_boxed_slice(), vec![0.5f32; width]);
            let (mut y, mut dx) = (x.clone(), x.clone());
            let mut dbias = vec![0f32; width];
            let block = dropout.over(panel).with_bias(&bias);
            block.forward_residual(&x, &x, &mut y, window).expect("it fits");
            block.backward(&x, &mut dx, &mut dbias, window).expect("it fits");
            for i in 0..n {
                let (r, j) = (i / (width + 1), i % (width + 1));
                let kept = j < width && window.get(r * width + j) == Some(true);
                let scale = dropout.rate().scale_f32();
                let wanted = if kept { (1.0 + 1.5 * scale, scale) } else { (1.0, 0.0) };
                let wanted = if j < width { wanted } else { (1.0, 1.0) };
                assert_eq!((y[i], dx[i]), wanted, "{} {rows} x {width}, {i}", backend.name());
            }
            let total: f32 = dx.iter().sum::<f32>() - (rows - 1) as f32;
            assert!((dbias.iter().sum::<f32>() - total).abs() < 1e-3);
        }
        let x: [i16; 70] = core::array::from_fn(|i| i as i16);
        let mut wanted = [0; 70];
        dropout.forward(&x, &mut wanted, key).expect("it fits");
        let mut rng = MaskRng::from_key(key);
        let mut words = [0; mask_words(70)];
        let mut drawn = MaskMut::new(&mut words, 70).expect("so many words");
        let mut y = [core::mem::MaybeUninit::uninit(); 70];
        assert_eq!(dropout.forward_uninit(&x, &mut y, key), Ok(wanted.as_mut_slice()));
        let mut y = [core::mem::MaybeUninit::uninit(); 70];
        let written = dropout.forward_uninit(&x, &mut y, rng.draw(drawn.reborrow()));
        assert_eq!(written, Ok(wanted.as_mut_slice()));
        let mut y = [core::mem::MaybeUninit::uninit(); 70];
        let written = dropout.forward_uninit(&x, &mut y, drawn.as_ref());
        assert_eq!(written, Ok(wanted.as_mut_slice()));
    }
}

//! Every kernel by every backend on few elements, on exact allocations: what Miri, which knows of
//! every read outside of a slice and of every value that is no value, runs in minutes (`.ci/miri`).

use dropout_kernels::{
    Backend, DropBlock, DropConnect, DropRate, Dropout, GaussianDropout, Layout, MaskKey, MaskMut,
    MaskRef, MaskRng, Zoneout, drop_rate, mask_words,
};
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

//! Dropout over a layout against its definition: element (g, r, w, i) takes mask bit g * width + w. Every way to
//! drop, every backend, both element types, guards around every slice; and every shape that does not fit.

mod support;

use dropout_kernels::{
    Backend, DropHead, DropRate, Dropout, Layout, MaskKey, MaskMut, MaskRef, MaskRng, Rule,
    ShapeError, drop_rate, mask_words,
};
use support::guarded::Guarded;
use support::layouts::spread;
use support::number::{Number, bits, same};
use support::reference::{Reference, alpha, pack};

const SEED: u64 = 3;
const STREAM: u64 = 11;

/// (groups, repeat, width, run): every way that a kernel treats apart. Rows below, at and above a word, and
/// above a block of masks; runs below, at and above what is filled as a whole; nothing at all.
const SHAPES: [[usize; 4]; 33] = [
    [1, 1, 700, 1],
    [3, 1, 200, 1],
    [1, 4, 5, 1],
    [3, 4, 5, 1],
    [2, 11, 9, 1],
    [2, 7, 17, 1],
    [2, 7, 31, 1],
    [2, 7, 32, 1],
    [2, 7, 33, 1],
    [2, 9, 40, 1], // a row ends where a word does
    [3, 3, 64, 1],
    [3, 3, 65, 1],
    [2, 2, 511, 1],
    [2, 3, 512, 1],
    [2, 2, 513, 1],
    [1, 3, 1100, 1],
    [1, 1, 40, 2],
    [1, 1, 33, 7],
    [2, 1, 9, 31],
    [2, 1, 9, 32],
    [2, 1, 9, 33],
    [2, 1, 300, 3],
    [1, 1, 600, 49],
    [1, 1, 1, 1000],
    [5, 1, 1, 70],
    [5, 3, 1, 20],
    [2, 3, 4, 5],
    [2, 3, 4, 40],
    [2, 2, 520, 2],
    [0, 3, 4, 5],
    [2, 0, 4, 5],
    [2, 3, 0, 5],
    [2, 3, 4, 0],
];

fn layout([groups, repeat, width, run]: [usize; 4]) -> Layout {
    Layout::new(groups, repeat, width, run).expect("a small shape")
}

/// From x to y, or in place if there is no x.
type Way<T, R> = fn(
    &Dropout<R, Layout>,
    Option<&[T]>,
    &mut [T],
    MaskMut<'_>,
    &mut MaskRng,
) -> Result<(), ShapeError>;

fn storing<T: Number, R: Rule>() -> [Way<T, R>; 1] {
    [|d, x, y, mask, rng| match x {
        Some(x) => d.forward(x, y, rng.draw(mask)),
        None => d.forward_in_place(y, rng.draw(mask)),
    }]
}

fn masked<T: Number, R: Rule>() -> [Way<T, R>; 2] {
    [
        |d, x, y, mask, _| match x {
            Some(x) => d.forward(x, y, mask.as_ref()),
            None => d.forward_in_place(y, mask.as_ref()),
        },
        |d, x, y, mask, _| match x {
            Some(x) => d.backward(x, y, mask.as_ref()),
            None => d.backward_in_place(y, mask.as_ref()),
        },
    ]
}

fn replayed<T: Number, R: Rule>() -> [Way<T, R>; 2] {
    [
        |d, x, y, _, _| match x {
            Some(x) => d.forward(x, y, MaskKey::new(SEED, STREAM)),
            None => d.forward_in_place(y, MaskKey::new(SEED, STREAM)),
        },
        |d, x, y, _, _| match x {
            Some(x) => d.backward(x, y, MaskKey::new(SEED, STREAM)),
            None => d.backward_in_place(y, MaskKey::new(SEED, STREAM)),
        },
    ]
}

struct Case<'a, T, R> {
    dropout: Dropout<R, Layout>,
    x: &'a [T],
    offset: usize,
}

impl<T: Number, R: Rule> Case<'_, T, R> {
    fn run(&self, way: Way<T, R>, words: &[u32], after: &[u32], y: &[T], rng_after: &MaskRng) {
        for in_place in [true, false] {
            let mut mask = Guarded::new(words, self.offset, 0xDEAD_BEEF);
            let before = if in_place { self.x.to_vec() } else { vec![T::ONE; self.x.len()] };
            let mut target = Guarded::new(&before, self.offset, T::GUARD);
            let mut rng = MaskRng::new(SEED, STREAM);
            let told = format!("{:?} in place {in_place}", self.dropout);
            let mask_view = MaskMut::new(mask.slice(), self.dropout.layout().mask_bits());
            let mask_view = mask_view.expect("the layout's words");
            way(&self.dropout, (!in_place).then_some(self.x), target.slice(), mask_view, &mut rng)
                .expect("lengths agree");
            for (i, (given, wanted)) in target.slice().iter().zip(y).enumerate() {
                assert!(same(*given, *wanted), "{told} element {i}: {given:?}, not {wanted:?}");
            }
            assert_eq!(mask.slice(), after, "{told}");
            assert_eq!(rng, *rng_after, "{told}");
            assert!(mask.intact(|a, b| a == b), "{told}");
            assert!(target.intact(|a, b| a.bits() == b.bits()), "{told}");
        }
    }

    /// Every way; `y` is what becomes of an element that is kept or is not, `dx` of its gradient.
    fn check(&self, shape: [usize; 4], y: impl Fn(bool, T) -> T, dx: impl Fn(bool, T) -> T) {
        let bits = self.dropout.layout().mask_bits();
        assert_eq!(bits, shape[0] * shape[2]);
        assert_eq!(self.x.len(), shape.iter().product::<usize>());
        let expected = |keep: &[bool]| -> [Vec<T>; 2] {
            let keep = spread(shape, keep);
            let all = |of: &dyn Fn(bool, T) -> T| {
                self.x.iter().zip(&keep).map(|(x, keep)| of(*keep, *x)).collect()
            };
            [all(&y), all(&dx)]
        };
        let fresh = MaskRng::new(SEED, STREAM);
        let mut reference = Reference::new(SEED, STREAM);
        let keep = reference.mask(self.dropout.rate().threshold(), bits);
        let words = pack(&keep);
        let moved = MaskRng::from_bytes(&reference.to_bytes()).expect("a generator's state");
        let garbage = vec![0x5A5A_5A5A; words.len()];
        let drawn = expected(&keep);
        for (way, y) in storing().into_iter().zip(&drawn) {
            self.run(way, &garbage, &words, y, &moved);
        }
        for (way, y) in replayed().into_iter().zip(&drawn) {
            self.run(way, &garbage, &garbage, y, &fresh);
        }
        let brought: Vec<_> = (0..bits).map(|i| i * i % 7 < 3).collect();
        let mut words = pack(&brought);
        if let (Some(last), used @ 1..) = (words.last_mut(), bits % 32) {
            *last |= !0 << used;
        }
        for (way, y) in masked().into_iter().zip(&expected(&brought)) {
            self.run(way, &words, &words, y, &fresh);
        }
    }
}

fn check_all<T: Number>() {
    for backend in Backend::available() {
        for rate in [drop_rate!(0.1), drop_rate!(0.5), drop_rate!(0.0)] {
            for (i, shape) in SHAPES.into_iter().enumerate() {
                let (layout, offset) = (layout(shape), i % 4);
                let x = T::values(layout.elements());
                let t = rate.threshold();
                let scaled =
                    |scale: T| move |keep, x: T| if keep { x.multiply(scale) } else { T::ZERO };
                let inverted = scaled(T::reference_scale(t));
                let dropout = Dropout::new(rate).with_backend(backend).over(layout);
                Case { dropout, x: &x, offset }.check(shape, inverted, inverted);
                let classic = |keep, x| if keep { x } else { T::ZERO };
                let dropout = Dropout::classic(rate).with_backend(backend).over(layout);
                Case { dropout, x: &x, offset }.check(shape, classic, classic);
                if rate == DropRate::ZERO {
                    continue; // -0.0 keeps its sign where it is drawn, and loses it where a mask is brought
                }
                let [a, b, dropped] = alpha(t).map(T::of);
                let forward = |keep, x: T| if keep { x.multiply(a).add(b) } else { dropped };
                let dropout = Dropout::alpha(rate).with_backend(backend).over(layout);
                Case { dropout, x: &x, offset }.check(shape, forward, scaled(a));
            }
        }
    }
}

#[test]
fn every_layout_drops_f32_as_its_definition() {
    check_all::<f32>();
}

#[test]
fn every_layout_drops_f64_as_its_definition() {
    check_all::<f64>();
}

#[test]
fn at_p_0_nothing_changes_and_at_p_1_all_is_zero() {
    for shape in SHAPES {
        let layout = layout(shape);
        let x = f32::values(layout.elements());
        for (rate, y, word) in
            [(DropRate::ZERO, x.clone(), !0u32), (DropRate::ONE, vec![0.0; x.len()], 0)]
        {
            let mut words = vec![0x1234_5678; layout.mask_words()];
            let mut rng = MaskRng::new(SEED, STREAM);
            let dropout = Dropout::new(rate).over(layout);
            let mask = MaskMut::new(&mut words, layout.mask_bits()).expect("the layout's words");
            let mut in_place = x.clone();
            dropout.forward_in_place(&mut in_place, rng.draw(mask)).expect("lengths agree");
            assert_eq!(bits(&in_place), bits(&y));
            let mask = MaskRef::new(&words, layout.mask_bits()).expect("the layout's words");
            assert!(mask.iter().all(|keep| keep == (word != 0)));
            assert_eq!(rng, MaskRng::new(SEED, STREAM));
            let mut out = vec![1.0; x.len()];
            dropout.forward(&x, &mut out, MaskKey::new(SEED, STREAM)).expect("lengths agree");
            assert_eq!(bits(&out), bits(&y));

            // Times a plus b would be x too, but for the sign of -0.0.
            let alpha = Dropout::alpha(rate).over(layout);
            alpha.forward(&x, &mut out, MaskKey::new(SEED, STREAM)).expect("lengths agree");
            assert_eq!(bits(&out), bits(&y));
            let mask = MaskMut::new(&mut words, layout.mask_bits()).expect("the layout's words");
            alpha.forward(&x, &mut out, rng.draw(mask)).expect("lengths agree");
            assert_eq!(bits(&out), bits(&y));
        }
    }
}

/// Each constructor against the element's place in its tensor.
#[test]
fn constructors_share_a_bit_over_the_right_axes() {
    const N: usize = 2;
    const C: usize = 3;
    const T: usize = 4;
    const H: usize = 5;
    const W: usize = 6;
    /// Which bit decides each element of a tensor of these extents.
    fn bits_of(extents: &[usize], bit: impl Fn(&[usize]) -> usize) -> Vec<usize> {
        let elements = extents.iter().product();
        let place = |mut i: usize| {
            let mut place = vec![0; extents.len()];
            for (place, extent) in place.iter_mut().zip(extents).rev() {
                (*place, i) = (i % extent, i / extent);
            }
            place
        };
        (0..elements).map(|i| bit(&place(i))).collect()
    }
    fn check(layout: Result<Layout, ShapeError>, bits: &[usize]) {
        let layout = layout.expect("a small shape");
        assert_eq!(layout.elements(), bits.len());
        assert_eq!(layout.mask_bits(), bits.iter().max().map_or(0, |m| m + 1));
        assert_eq!(layout.mask_words(), mask_words(layout.mask_bits()));
        for alone in 0..layout.mask_bits() {
            let mut words = vec![0; layout.mask_words()];
            let mut mask = MaskMut::new(&mut words, layout.mask_bits()).expect("its words");
            assert!(mask.set(alone, true));
            let mut x = vec![1f32; bits.len()];
            let dropout = Dropout::classic(drop_rate!(0.5)).over(layout);
            dropout.forward_in_place(&mut x, mask.as_ref()).expect("lengths agree");
            assert!(x.iter().zip(bits).all(|(x, bit)| (*x != 0.0) == (*bit == alone)));
        }
    }
    check(Ok(Layout::elementwise(7)), &bits_of(&[7], |i| i[0]));
    check(Ok(Layout::whole(7)), &bits_of(&[7], |_| 0));
    let first = |i: &[usize]| i[0] * C + i[1];
    check(Layout::channels_first(N, C, &[H]), &bits_of(&[N, C, H], first));
    check(Layout::channels_first(N, C, &[H, W]), &bits_of(&[N, C, H, W], first));
    check(Layout::channels_first(N, C, &[T, H, W]), &bits_of(&[N, C, T, H, W], first));
    check(Layout::channels_last(N, &[H], C), &bits_of(&[N, H, C], |i| i[0] * C + i[2]));
    check(Layout::channels_last(N, &[H, W], C), &bits_of(&[N, H, W, C], |i| i[0] * C + i[3]));
    check(Layout::channels_last(N, &[T, H, W], C), &bits_of(&[N, T, H, W, C], |i| i[0] * C + i[4]));
    check(Layout::time_major(T, N, W), &bits_of(&[T, N, W], |i| i[1] * W + i[2]));
    check(Layout::batch_major(N, T, W), &bits_of(&[N, T, W], |i| i[0] * W + i[2]));
    check(Layout::samples(N, W), &bits_of(&[N, W], |i| i[0]));
    check(Layout::vocabulary(H, W), &bits_of(&[H, W], |i| i[0]));
}

#[test]
fn a_shape_that_overflows_is_refused() {
    const BIG: usize = 1 << (usize::BITS / 2);
    let overflows = [
        Layout::new(BIG, BIG, 1, 1),
        Layout::new(BIG, 0, BIG, 1),
        Layout::new(1, 1, BIG, BIG),
        Layout::channels_first(BIG, BIG, &[1]),
        Layout::channels_first(1, 2, &[BIG, BIG, 0]),
        Layout::channels_last(2, &[BIG, BIG], 0),
        Layout::time_major(0, BIG, BIG),
        Layout::batch_major(BIG, 1, BIG),
        Layout::samples(BIG, BIG),
        Layout::vocabulary(BIG, BIG),
    ];
    for (i, layout) in overflows.into_iter().enumerate() {
        assert_eq!(layout, Err(ShapeError::Overflow { elements: BIG, extent: BIG }), "{i}");
    }
    assert!(Layout::new(1, 1, BIG, BIG / 2).is_ok());
}

/// Beside an extent of 0 the others may have any product, and no elements any number of bits.
#[test]
fn a_shape_of_no_elements_takes_no_time() {
    const MAX: usize = usize::MAX;
    for shape in [
        [0, 0, 2, MAX],
        [0, 2, 1, MAX],
        [0, 2, MAX, 2],
        [0, MAX, 1, 2],
        [1, 0, 2, MAX],
        [1, 0, MAX, 2],
        [1, 1, MAX, 0],
        [1, MAX, 1, 0],
        [MAX, 0, 1, 1],
        [MAX, 1, 1, 0],
    ] {
        let layout = layout(shape);
        assert_eq!(layout.elements(), 0);
        for rate in [DropRate::ZERO, drop_rate!(0.3), DropRate::ONE] {
            let (mut x, dropout) = ([0f32; 0], Dropout::new(rate).over(layout));
            dropout.forward_in_place(&mut x, MaskKey::new(SEED, STREAM)).expect("no elements");
            dropout.backward_in_place(&mut x, MaskKey::new(SEED, STREAM)).expect("no elements");
            let [batch, tokens, heads, dimension] = shape;
            let heads = DropHead::tokens_first(rate, batch, tokens, heads, dimension);
            let heads = heads.expect("a layout that was made before");
            heads.forward_in_place(&mut x, MaskKey::new(SEED, STREAM)).expect("no elements");
            let mut words = [0x1234_5678];
            if layout.mask_bits() > 32 {
                continue;
            }
            let words = &mut words[..layout.mask_words()];
            let mut mask = MaskMut::new(words, layout.mask_bits()).expect("the layout's words");
            let mut rng = MaskRng::new(SEED, STREAM);
            dropout.forward_in_place(&mut x, rng.draw(mask.reborrow())).expect("no elements");
            dropout.backward_in_place(&mut x, mask.as_ref()).expect("no elements");
            heads.forward_in_place(&mut x, rng.draw(mask.reborrow())).expect("no elements");
        }
    }
}

#[test]
fn slices_and_masks_of_other_lengths_are_refused() {
    let layout = layout([2, 3, 20, 2]);
    for dropout in [DropRate::ZERO, drop_rate!(0.3), DropRate::ONE].map(Dropout::new) {
        let dropout = dropout.over(layout);
        for (x_len, y_len, bits, error) in [
            (239, 239, 40, ShapeError::OtherElements { expected: 240, given: 239 }),
            (241, 241, 40, ShapeError::OtherElements { expected: 240, given: 241 }),
            (240, 239, 40, ShapeError::LengthMismatch { expected: 240, given: 239 }),
            (240, 240, 39, ShapeError::MaskTooShort { expected: 40, given: 39 }),
            (240, 240, 240, ShapeError::MaskTooLong { expected: 40, given: 240 }),
        ] {
            let ways = storing().into_iter().chain(masked()).enumerate();
            let replays = replayed().into_iter().enumerate().filter(|_| bits == 40);
            for (i, way) in ways.chain(replays) {
                for in_place in [true, false] {
                    if in_place && x_len != y_len {
                        continue;
                    }
                    let (x, mut y) = (vec![1.5f32; x_len], vec![2.5; y_len]);
                    let mut words = vec![0x1234_5678; mask_words(bits)];
                    let mut rng = MaskRng::new(SEED, STREAM);
                    let mask = MaskMut::new(&mut words, bits).expect("mask_words(n) words");
                    let source = (!in_place).then_some(&*x);
                    assert_eq!(way(&dropout, source, &mut y, mask, &mut rng), Err(error), "{i}");
                    assert!(y.iter().all(|y| *y == 2.5));
                    assert!(words.iter().all(|w| *w == 0x1234_5678));
                    assert_eq!(rng, MaskRng::new(SEED, STREAM));
                }
            }
        }
    }
}

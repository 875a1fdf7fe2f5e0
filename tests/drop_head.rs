//! `DropHead` against its formula: every way to drop, every backend, both element types, guards around every
//! slice; its gradient, its rate, and every shape that does not fit.

mod support;

use dropout_kernels::{
    Backend, DropHead, DropRate, Layout, Mask, MaskKey, MaskMut, MaskRef, MaskRng, ShapeError,
    drop_rate, mask_words,
};
use support::guarded::Guarded;
use support::layouts::heads;
use support::number::{Number, bits, same};
use support::reference::{Reference, pack};

const SEED: u64 = 21;
const STREAM: u64 = 4;

/// Two-sided 10^-6 of a normal distribution.
const LIMIT: f64 = 4.8916;

/// (f(step) - f(-step)) / (2 step), which errs by O(step^2).
fn difference(f: impl Fn(f64) -> f64) -> f64 {
    const STEP: f64 = 1e-5;
    (f(STEP) - f(-STEP)) / (2.0 * STEP)
}

/// (batch, tokens, heads, elements): heads in one block of masks, beyond it, and across its end; elements
/// that are filled as a whole and that are not; nothing at all.
const SHAPES: [[usize; 4]; 14] = [
    [1, 1, 1, 1],
    [8, 1, 4, 40],
    [3, 1, 12, 7],
    [3, 5, 12, 7],
    [2, 3, 8, 32],
    [2, 3, 8, 33],
    [100, 1, 7, 3],
    [90, 2, 7, 1],
    [3, 1, 512, 2],
    [3, 2, 700, 2],
    [2, 2, 513, 1],
    [0, 1, 4, 5],
    [2, 1, 0, 5],
    [2, 0, 4, 5],
];

fn drop_head(rate: DropRate, [batch, tokens, heads, elements]: [usize; 4]) -> DropHead {
    DropHead::tokens_first(rate, batch, tokens, heads, elements).expect("a small shape")
}

/// From x to y, or in place if there is no x.
type Way<T> =
    fn(&DropHead, Option<&[T]>, &mut [T], MaskMut<'_>, &mut MaskRng) -> Result<(), ShapeError>;

fn storing<T: Number>() -> [Way<T>; 1] {
    [|d, x, y, mask, rng| match x {
        Some(x) => d.forward(x, y, rng.draw(mask)),
        None => d.forward_in_place(y, rng.draw(mask)),
    }]
}

fn masked<T: Number>() -> [Way<T>; 2] {
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

fn replayed<T: Number>() -> [Way<T>; 2] {
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

struct Case<'a, T> {
    drop_head: DropHead,
    x: &'a [T],
    offset: usize,
}

impl<T: Number> Case<'_, T> {
    fn run(&self, way: Way<T>, words: &[u32], after: &[u32], y: &[T], rng_after: &MaskRng) {
        for in_place in [true, false] {
            let mut mask = Guarded::new(words, self.offset, 0xDEAD_BEEF);
            let before = if in_place { self.x.to_vec() } else { vec![T::ONE; self.x.len()] };
            let mut target = Guarded::new(&before, self.offset, T::GUARD);
            let mut rng = MaskRng::new(SEED, STREAM);
            let told = format!("{:?} in place {in_place}", self.drop_head);
            let view = MaskMut::new(mask.slice(), self.drop_head.layout().mask_bits());
            let source = (!in_place).then_some(self.x);
            way(
                &self.drop_head,
                source,
                target.slice(),
                view.expect("the layout's words"),
                &mut rng,
            )
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

    fn check(&self, shape: [usize; 4]) {
        let bits = shape[0] * shape[2];
        let fresh = MaskRng::new(SEED, STREAM);
        let mut generator = Reference::new(SEED, STREAM);
        let keep = generator.mask(self.drop_head.rate().threshold(), bits);
        let words = pack(&keep);
        let moved = MaskRng::from_bytes(&generator.to_bytes()).expect("a generator's state");
        let garbage = vec![0x5A5A_5A5A; words.len()];
        let y = heads(shape, &keep, self.x);
        for way in storing() {
            self.run(way, &garbage, &words, &y, &moved);
        }
        for way in replayed() {
            self.run(way, &garbage, &garbage, &y, &fresh);
        }
        // A mask that no generator drew, with ones past its end; every fifth sample has no heads.
        let brought: Vec<_> = (0..bits).map(|i| i / shape[2] % 5 != 4 && i * i % 7 < 3).collect();
        let mut words = pack(&brought);
        if let (Some(last), used @ 1..) = (words.last_mut(), bits % 32) {
            *last |= !0 << used;
        }
        let y = heads(shape, &brought, self.x);
        for way in masked() {
            self.run(way, &words, &words, &y, &fresh);
        }
    }
}

fn check_all<T: Number>() {
    for backend in Backend::available() {
        for rate in
            [drop_rate!(0.0), drop_rate!(0.1), drop_rate!(0.5), drop_rate!(0.97), drop_rate!(1.0)]
        {
            for (i, shape) in SHAPES.into_iter().enumerate() {
                let x = T::values(shape.iter().product());
                let drop_head = drop_head(rate, shape).with_backend(backend);
                Case { drop_head, x: &x, offset: i % 4 }.check(shape);
            }
        }
    }
}

#[test]
fn every_way_drops_heads_of_f32_as_the_formula() {
    check_all::<f32>();
}

#[test]
fn every_way_drops_heads_of_f64_as_the_formula() {
    check_all::<f64>();
}

#[test]
fn at_p_0_heads_keep_their_bits() {
    let drop_head = DropHead::new(DropRate::ZERO, 2, 3, 50).expect("a small shape");
    let mut x = f32::values(300);
    x[17] = f32::from_bits(0x7F80_0001); // a signalling NaN, which a product would quieten
    let mut words = [0; mask_words(6)];
    let (mut stored, mut replayed) = (x.clone(), x.clone());
    let mask = MaskMut::new(&mut words, 6).expect("one word holds six");
    drop_head.forward_in_place(&mut stored, MaskRng::new(1, 2).draw(mask)).expect("lengths agree");
    drop_head.forward_in_place(&mut replayed, MaskKey::new(1, 2)).expect("lengths agree");
    assert_eq!((bits(&stored), bits(&replayed), words), (bits(&x), bits(&x), [0b11_1111]));
}

#[test]
fn a_sample_without_heads_is_zeros_in_both_directions() {
    let drop_head = DropHead::new(drop_rate!(0.5), 2, 2, 1).expect("a small shape");
    let mask = Mask::<1>::from_words([0b0100]);
    let mut x = [f32::NAN, 5.0, 5.0, f32::INFINITY];
    drop_head.forward_in_place(&mut x, mask.view(4).expect("four bits")).expect("lengths agree");
    assert_eq!(x.map(f32::to_bits), [0.0f32, 0.0, 10.0, 0.0].map(f32::to_bits));
    let mut dx = [1f64; 4];
    drop_head.backward_in_place(&mut dx, mask.view(4).expect("four bits")).expect("lengths agree");
    assert_eq!(dx, [0.0, 0.0, 2.0, 0.0]);
}

#[test]
fn the_gradient_through_heads_is_that_of_finite_differences() {
    for rate in [drop_rate!(0.1), drop_rate!(0.5)] {
        let drop_head = DropHead::new(rate, 3, 4, 5).expect("a small shape");
        let x: [f64; 60] = std::array::from_fn(|i| (i as f64 * 0.9).cos());
        let loss = |x: [f64; 60]| {
            let mut y = x;
            drop_head.forward_in_place(&mut y, MaskKey::new(SEED, STREAM)).expect("lengths agree");
            (y.iter().enumerate().map(|(i, y)| y.sin() * i as f64).sum::<f64>(), y)
        };
        let (_, y) = loss(x);
        let mut dx: [f64; 60] = std::array::from_fn(|i| y[i].cos() * i as f64);
        drop_head.backward_in_place(&mut dx, MaskKey::new(SEED, STREAM)).expect("lengths agree");
        assert!(dx.iter().any(|d| *d != 0.0), "a gradient of zero would prove nothing");
        for (j, dx) in dx.iter().enumerate() {
            let wanted = difference(|step| {
                let mut x = x;
                x[j] += step;
                loss(x).0
            });
            assert!((dx - wanted).abs() < 1e-5, "{rate:?} {j}: {dx} not {wanted}");
        }
    }
}

/// The dropped count of heads in standard deviations from n * p.
fn deviation(rate: DropRate, p: f64, n: usize) -> f64 {
    let mut x = vec![1f32; 10 * n.div_ceil(10)];
    let drop_head = DropHead::new(rate, x.len() / 10, 10, 1).expect("a shape that fits");
    drop_head.forward_in_place(&mut x, MaskKey::new(3, 0)).expect("lengths agree");
    let (n, dropped) = (x.len() as f64, x.iter().filter(|x| **x == 0.0).count() as f64);
    (dropped - n * p) / (n * p * (1.0 - p)).sqrt()
}

/// So many that a rate wrong by 1 % lies nine standard deviations off. False alarm 10^-6 a rate.
#[test]
fn heads_are_dropped_at_the_rate_p() {
    for p in [0.1f32, 0.3, 0.5] {
        let rate = DropRate::new(p).expect("a probability");
        let n = (810_000.0 * (1.0 - rate.p()) / rate.p()) as usize;
        assert!(deviation(rate, rate.p(), n).abs() < LIMIT, "p {p}");
        for factor in [0.99, 1.01] {
            let wrong = DropRate::new(p * factor).expect("a probability");
            assert!(deviation(wrong, rate.p(), n).abs() > LIMIT, "p {p} * {factor}");
        }
    }
}

#[test]
fn golden_values() {
    let drop_head = DropHead::new(drop_rate!(0.4), 2, 4, 1).expect("a small shape");
    let mut x = [1f32, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0];
    drop_head.forward_in_place(&mut x, MaskKey::new(42, 0)).expect("lengths agree");
    assert_eq!(x, [1.0, 2.0, 3.0, 4.0, 0.0, 12.0, 0.0, 16.0]);
}

#[test]
fn shapes_that_do_not_fit_are_refused() {
    for rate in [DropRate::ZERO, drop_rate!(0.3), DropRate::ONE] {
        let drop_head = drop_head(rate, [2, 3, 20, 2]);
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
                    assert_eq!(way(&drop_head, source, &mut y, mask, &mut rng), Err(error), "{i}");
                    assert!(y.iter().all(|y| *y == 2.5));
                    assert!(words.iter().all(|w| *w == 0x1234_5678));
                    assert_eq!(rng, MaskRng::new(SEED, STREAM));
                }
            }
        }
    }
    const BIG: usize = 1 << (usize::BITS / 2);
    let overflow = Err(ShapeError::Overflow { elements: BIG, extent: BIG });
    assert_eq!(DropHead::new(drop_rate!(0.1), BIG, BIG, 1).map(|_| ()), overflow);
    assert_eq!(DropHead::tokens_first(drop_rate!(0.1), 1, BIG, 1, BIG).map(|_| ()), overflow);
}

#[test]
fn a_head_is_what_the_layout_says() {
    let drop_head = DropHead::new(drop_rate!(0.1), 2, 3, 4).expect("a small shape");
    assert_eq!(Ok(drop_head.layout()), Layout::new(2, 1, 3, 4));
    let mask = [0b10_0001];
    let mut x = [1f32; 24];
    let view = MaskRef::new(&mask, 6).expect("one word holds six");
    drop_head.forward_in_place(&mut x, view).expect("lengths agree");
    let kept: Vec<_> = x.chunks(4).map(|head| head == [3.0; 4]).collect();
    assert_eq!(kept, [true, false, false, false, false, true]);
}

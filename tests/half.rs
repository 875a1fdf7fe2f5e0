//! `f16` and `bf16`: every one of their 65,536 patterns, kept and dropped, by every rule, on every
//! backend, against arithmetic that is written down here a second time by integers alone: an
//! element is widened, which is exact, computed with in `f32`, and rounded once to its own format.

use dropout_kernels::{
    Backend, DropConnect, DropPath, DropRate, Dropout, Float, GaussianDropout, Layout, MaskKey,
    MaskMut, MaskRef, MaskRng, RuleFor, Zoneout, drop_rate, mask_words,
};
use dropout_reference::few;
use half::{bf16, f16};

/// A binary format of IEEE 754, by the sizes of its fields.
#[derive(Clone, Copy)]
struct Format {
    exponent: u32,
    fraction: u32,
}

const F16: Format = Format { exponent: 5, fraction: 10 };
const BF16: Format = Format { exponent: 8, fraction: 7 };
const F32: Format = Format { exponent: 8, fraction: 23 };

/// What a pattern stands for: of finite ones (-1)^negative * m * 2^e.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Value {
    Nan,
    Infinite { negative: bool },
    Finite { negative: bool, m: u64, e: i32 },
}

impl Format {
    const fn infinity(self) -> u32 {
        ((1 << self.exponent) - 1) << self.fraction
    }

    const fn sign(self) -> u32 {
        1 << (self.exponent + self.fraction)
    }

    /// The exponent of a subnormal number's last bit.
    const fn least(self) -> i32 {
        2 - (1 << (self.exponent - 1)) - self.fraction as i32
    }

    fn decode(self, bits: u32) -> Value {
        let (negative, magnitude) = (bits & self.sign() != 0, bits & (self.sign() - 1));
        let (biased, fraction) =
            (magnitude >> self.fraction, u64::from(magnitude & ((1 << self.fraction) - 1)));
        match biased {
            _ if magnitude > self.infinity() => Value::Nan,
            _ if magnitude == self.infinity() => Value::Infinite { negative },
            0 => Value::Finite { negative, m: fraction, e: self.least() },
            _ => Value::Finite {
                negative,
                m: fraction | 1 << self.fraction,
                e: self.least() + biased as i32 - 1,
            },
        }
    }

    /// The nearest number, ties to even; beyond the largest there is infinity.
    fn encode(self, value: Value) -> u32 {
        let (negative, m, e) = match value {
            Value::Nan => return self.infinity() | 1 << (self.fraction - 1),
            Value::Infinite { negative } => (negative, 1, 10_000),
            Value::Finite { negative, m, e } => (negative, m, e),
        };
        let sign = if negative { self.sign() } else { 0 };
        if m == 0 {
            return sign;
        }
        // The exponent of the last bit that there is place for: subnormal numbers share theirs.
        let first = e + 63 - m.leading_zeros() as i32;
        let last = self.least().max(first - self.fraction as i32);
        if last > 200 {
            return sign | self.infinity();
        }
        let rounded = match last - e {
            shift @ ..=0 => m << -shift,
            shift @ 1..=63 => {
                let (whole, rest, half) = (m >> shift, m & ((1 << shift) - 1), 1 << (shift - 1));
                whole + u64::from(rest > half || rest == half && whole & 1 == 1)
            }
            // All 64 bits lie below a half, but that 2^63 or more may be half of 2^64 or above it;
            // no number here has so many bits.
            _ => {
                assert!(m < 1 << 63);
                0
            }
        };
        // The first bit of a normal number adds one to the exponent, and so does a carry.
        let magnitude = (u64::from((last - self.least()) as u32) << self.fraction) + rounded;
        sign | magnitude.min(self.infinity().into()) as u32
    }
}

/// The product, exactly: 48 bits at most.
fn product(a: Value, b: Value) -> Value {
    match (a, b) {
        (Value::Nan, _) | (_, Value::Nan) => Value::Nan,
        (
            Value::Finite { negative: n, m, e },
            Value::Finite { negative: n_too, m: m_too, e: e_too },
        ) => Value::Finite { negative: n != n_too, m: m * m_too, e: e + e_too },
        (Value::Infinite { negative }, other) | (other, Value::Infinite { negative }) => {
            match other {
                Value::Finite { m: 0, .. } => Value::Nan,
                Value::Finite { negative: n, .. } | Value::Infinite { negative: n } => {
                    Value::Infinite { negative: negative != n }
                }
                Value::Nan => Value::Nan,
            }
        }
    }
}

/// The sum of two numbers of 24 bits or fewer, or one that rounds to an `f32` as it does.
///
/// Both are brought to an exponent that is 38 below the greater one. A number that loses bits by
/// that is less than 2^-14 of the other's last bit, so the first bit of the sum is not below that
/// bit by more than one, and what was lost lies more than 12 bits below the half of the last of 24:
/// one bit that stands for all that was lost says as much.
fn sum(a: Value, b: Value) -> Value {
    let (negative, m, e, other, m_too, e_too) = match (a, b) {
        (Value::Nan, _) | (_, Value::Nan) => return Value::Nan,
        (Value::Infinite { negative }, Value::Infinite { negative: other }) => {
            return if negative == other { a } else { Value::Nan };
        }
        (Value::Infinite { .. }, _) => return a,
        (_, Value::Infinite { .. }) => return b,
        (
            Value::Finite { negative, m, e },
            Value::Finite { negative: other, m: m_too, e: e_too },
        ) => (negative, m, e, other, m_too, e_too),
    };
    assert!(m < 1 << 24 && m_too < 1 << 24);
    match (m, m_too) {
        // Of two zeros the sum is -0.0 only if both are.
        (0, 0) => return Value::Finite { negative: negative && other, m, e },
        (0, _) => return b,
        (_, 0) => return a,
        _ => {}
    }
    let base = e.max(e_too) - 38;
    let aligned = |negative: bool, m: u64, e: i32| {
        let m = match base - e {
            up @ ..=0 => m << -up,
            down @ 1..=63 => m >> down | u64::from(m & ((1 << down) - 1) != 0),
            _ => 1,
        };
        if negative { -(m as i64) } else { m as i64 }
    };
    let total = aligned(negative, m, e) + aligned(other, m_too, e_too);
    Value::Finite { negative: total < 0, m: total.unsigned_abs(), e: base }
}

/// Rounded to an `f32`.
fn in_f32(value: Value) -> Value {
    F32.decode(F32.encode(value))
}

fn of_f32(x: f32) -> Value {
    F32.decode(x.to_bits())
}

/// The nearest `f32` of one that has more bits, by integers, too.
fn of_f64(x: f64) -> Value {
    let (exponent, fraction) = (x.to_bits() >> 52 & 0x7FF, x.to_bits() & ((1 << 52) - 1));
    assert!((1..0x7FF).contains(&exponent) || fraction == 0, "{x}");
    let m = if exponent == 0 { 0 } else { fraction | 1 << 52 };
    in_f32(Value::Finite { negative: x.is_sign_negative(), m, e: exponent as i32 - 1075 })
}

/// An element type of 16 bits.
trait Half: Float {
    const FORMAT: Format;
    fn from_bits(bits: u16) -> Self;
    fn bits(self) -> u16;

    fn value(self) -> Value {
        Self::FORMAT.decode(self.bits().into())
    }

    fn nearest(value: Value) -> Self {
        Self::from_bits(Self::FORMAT.encode(value) as u16)
    }

    /// The same bits, or NaN where NaN was wanted.
    fn is(self, wanted: Self) -> bool {
        self.bits() == wanted.bits() || (self.value(), wanted.value()) == (Value::Nan, Value::Nan)
    }
}

macro_rules! half {
    ($half:ident, $format:ident) => {
        impl Half for $half {
            const FORMAT: Format = $format;

            fn from_bits(bits: u16) -> Self {
                Self::from_bits(bits)
            }

            fn bits(self) -> u16 {
                self.to_bits()
            }
        }
    };
}
half!(f16, F16);
half!(bf16, BF16);

/// All of them.
fn patterns<T: Half>() -> Vec<T> {
    (0..=u16::MAX).map(T::from_bits).collect()
}

fn rate(threshold: u64) -> DropRate {
    DropRate::from_threshold(threshold).expect("a probability")
}

/// From the least to the largest rate, scales of few bits and of many.
fn rates() -> Vec<DropRate> {
    let all = [
        drop_rate!(0.1),
        rate((1 << 40) - 1),
        drop_rate!(0.5),
        DropRate::ZERO,
        rate(1),
        drop_rate!(0.001),
        drop_rate!(0.25),
        drop_rate!(0.3),
        DropRate::from_ratio(1, 3).expect("a probability"),
        drop_rate!(0.75),
        drop_rate!(0.9),
        rate((1 << 40) - 0x1_2345),
        DropRate::ONE,
    ];
    all[..if few() { 3 } else { all.len() }].to_vec()
}

/// A mask that keeps about half of `n`, and the one that keeps the others: by both together every
/// element is kept once and dropped once.
fn two_masks(n: usize) -> [Vec<u32>; 2] {
    let mut words = vec![0; mask_words(n)];
    let mask = MaskMut::new(&mut words, n).expect("mask_words(n) words");
    MaskRng::new(16, 16).fill(drop_rate!(0.5), mask);
    let others = words.iter().map(|word| !word).collect();
    [words, others]
}

fn keeps(words: &[u32], i: usize) -> bool {
    words[i / 32] >> (i % 32) & 1 == 1
}

/// Each element by what it becomes if it is kept and if it is dropped.
#[track_caller]
fn compare<T: Half>(y: &[T], words: &[u32], x: &[T], kept: &[T], dropped: T, what: &str) {
    for (i, y) in y.iter().enumerate() {
        let wanted = if keeps(words, i) { kept[i] } else { dropped };
        assert!(
            y.is(wanted),
            "{what}: {:#06x} became {:#06x}, expected {:#06x}",
            x[i].bits(),
            y.bits(),
            wanted.bits()
        );
    }
}

/// Forward and backward, to another slice and in place, by a stored mask and its opposite, on every
/// backend, against what kept elements become and what dropped ones do (backward +0.0).
fn check<T: Half, R: RuleFor<T>>(
    dropout: Dropout<R>,
    x: &[T],
    (forward, dropped): (&[T], T),
    backward: &[T],
) {
    let zero = T::from_bits(0);
    for backend in Backend::available() {
        let dropout = dropout.with_backend(backend);
        let what = format!("{dropout:?}");
        for words in two_masks(x.len()) {
            let mask = MaskRef::new(&words, x.len()).expect("mask_words(n) words");
            let mut y = vec![T::from_bits(0x1234); x.len()];
            dropout.forward(x, &mut y, mask).expect("lengths agree");
            compare(&y, &words, x, forward, dropped, &what);
            y.copy_from_slice(x);
            dropout.forward_in_place(&mut y, mask).expect("lengths agree");
            compare(&y, &words, x, forward, dropped, &what);

            dropout.backward(x, &mut y, mask).expect("lengths agree");
            compare(&y, &words, x, backward, zero, &what);
            y.copy_from_slice(x);
            dropout.backward_in_place(&mut y, mask).expect("lengths agree");
            compare(&y, &words, x, backward, zero, &what);
        }
    }
}

/// What a key draws is what `MaskRng` fills, so by a key it is the same with that mask.
fn check_drawn<T: Half, R: RuleFor<T>>(dropout: Dropout<R>, x: &[T], kept: &[T], dropped: T) {
    let key = MaskKey::new(7, 7);
    let mut words = vec![0; mask_words(x.len())];
    let mask = MaskMut::new(&mut words, x.len()).expect("mask_words(n) words");
    MaskRng::from_key(key).fill(dropout.rate(), mask);
    for backend in Backend::available() {
        let dropout = dropout.with_backend(backend);
        let what = format!("{dropout:?} by a key");
        let mut y = vec![T::from_bits(0x1234); x.len()];
        dropout.forward(x, &mut y, key).expect("lengths agree");
        compare(&y, &words, x, kept, dropped, &what);
        y.copy_from_slice(x);
        dropout.forward_in_place(&mut y, key).expect("lengths agree");
        compare(&y, &words, x, kept, dropped, &what);
    }
}

/// x times a number that was rounded to `f32`, in `f32`, narrowed.
fn scaled<T: Half>(x: &[T], factor: Value) -> Vec<T> {
    x.iter().map(|x| T::nearest(in_f32(product(x.value(), factor)))).collect()
}

/// D / 2^40 and its inverse, rounded to `f64`, which the former does not need, and to `f32`.
fn kept_and_scale(rate: DropRate) -> (Value, Value) {
    let (one, kept) = ((1u64 << 40) as f64, ((1 << 40) - rate.threshold()) as f64);
    (of_f64(kept / one), if kept == 0.0 { of_f32(0.0) } else { of_f64(one / kept) })
}

/// The integers above against the processor, on numbers that it computes with, too.
#[test]
fn the_reference_is_ieee_754() {
    for x in patterns::<f16>() {
        assert!(x.is_nan() || F32.encode(x.value()) == x.to_f32().to_bits(), "{x:e}");
        assert!(x.is(f16::nearest(x.value())), "{x:e}");
    }
    let mut state = 1u64;
    let mut next = || {
        state = state.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(0x1405_7B7E_F767_814F);
        f32::from_bits((state >> 32) as u32)
    };
    for i in 0..20_000 {
        let (a, b) = (next(), next());
        // Every second pair has exponents that lie close to each other.
        let b = if i % 2 == 0 { b } else { f32::from_bits(a.to_bits() ^ b.to_bits() >> 6) };
        let same = |value: Value, x: f32| {
            let bits = F32.encode(value);
            assert!(bits == x.to_bits() || value == Value::Nan && x.is_nan(), "{a:e} and {b:e}");
        };
        same(product(of_f32(a), of_f32(b)), a * b);
        same(sum(of_f32(a), of_f32(b)), a + b);
        assert!(b.is_nan() || f16::nearest(of_f32(b)).bits() == f16::from_f32(b).to_bits());
        assert!(b.is_nan() || bf16::nearest(of_f32(b)).bits() == bf16::from_f32(b).to_bits());
    }
}

#[test]
fn every_pattern_is_one_product_in_f32_narrowed_once() {
    fn of<T: Half>() {
        let (x, zero) = (patterns::<T>(), T::from_bits(0));
        for rate in rates() {
            let (_, scale) = kept_and_scale(rate);
            // Without a scale nothing is kept: not NaN, nor infinity.
            let kept = if rate == DropRate::ONE { vec![zero; x.len()] } else { scaled(&x, scale) };
            check(Dropout::new(rate), &x, (&kept, zero), &kept);
            // At p = 0 what is drawn is copied to the bit, which `compare` tells of all but NaN.
            check_drawn(Dropout::new(rate), &x, &kept, zero);
        }
    }
    of::<f16>();
    of::<bf16>();
}

#[test]
fn alpha_dropout_of_every_pattern_is_a_product_and_a_sum_in_f32_narrowed_once() {
    fn of<T: Half>() {
        let (x, zero) = (patterns::<T>(), T::from_bits(0));
        for rate in rates() {
            let rule = Dropout::alpha(rate).rule();
            let (a, b, dropped) =
                (of_f64(rule.scale()), of_f64(rule.shift()), T::nearest(of_f64(rule.dropped())));
            let (forward, backward) = if rate == DropRate::ONE {
                (vec![zero; x.len()], vec![zero; x.len()])
            } else {
                let of = |x: &T| T::nearest(in_f32(sum(in_f32(product(x.value(), a)), b)));
                (x.iter().map(of).collect(), scaled(&x, a))
            };
            check(Dropout::alpha(rate), &x, (&forward, dropped), &backward);
            let drawn = if rate == DropRate::ZERO { &x } else { &forward };
            check_drawn(Dropout::alpha(rate), &x, drawn, dropped);
        }
    }
    of::<f16>();
    of::<bf16>();
}

/// `compare` takes any NaN for any other; here all bits count.
fn bits<T: Half>(x: &[T]) -> Vec<u16> {
    x.iter().map(|x| x.bits()).collect()
}

/// Of signalling NaN, too, which any arithmetic would quieten.
#[test]
fn what_is_only_chosen_keeps_its_bits() {
    fn choose<T: Half, R: RuleFor<T>>(dropout: Dropout<R>, dropped: T) {
        let x = patterns::<T>();
        let choice = |words: &[u32], dropped: T| {
            let of = |i| if keeps(words, i) { x[i].bits() } else { dropped.bits() };
            (0..x.len()).map(of).collect::<Vec<_>>()
        };
        for backend in Backend::available() {
            let dropout = dropout.with_backend(backend);
            for words in two_masks(x.len()) {
                let mask = MaskRef::new(&words, x.len()).expect("mask_words(n) words");
                let (mut y, mut dx) = (x.clone(), x.clone());
                dropout.forward(&x, &mut y, mask).expect("lengths agree");
                dropout.backward(&x, &mut dx, mask).expect("lengths agree");
                assert_eq!(bits(&y), choice(&words, dropped), "{dropout:?}");
                assert_eq!(bits(&dx), choice(&words, T::from_bits(0)), "{dropout:?}");
            }
        }
    }
    /// At p = 0.
    fn copy<T: Half, R: RuleFor<T>>(dropout: Dropout<R>) {
        let x = patterns::<T>();
        for backend in Backend::available() {
            let dropout = dropout.with_backend(backend);
            let mut y = vec![T::from_bits(0); x.len()];
            dropout.forward(&x, &mut y, MaskKey::new(1, 2)).expect("lengths agree");
            assert_eq!(bits(&y), bits(&x), "{dropout:?}");
            dropout.forward_in_place(&mut y, MaskKey::new(1, 2)).expect("any length");
            dropout.backward_in_place(&mut y, MaskKey::new(1, 2)).expect("any length");
            dropout.infer_in_place(&mut y);
            assert_eq!(bits(&y), bits(&x), "{dropout:?}");
            let over = dropout.over(Layout::samples(1 << 8, 1 << 8).expect("a small shape"));
            over.forward_in_place(&mut y, MaskKey::new(1, 2)).expect("its elements");
            assert_eq!(bits(&y), bits(&x), "{dropout:?}");
        }
    }
    for rate in [DropRate::ZERO, drop_rate!(0.3), DropRate::ONE] {
        choose(Dropout::classic(rate), f16::from_bits(0));
        choose(Dropout::classic(rate), bf16::from_bits(0));
        choose(Dropout::drop_key(rate), f16::from_bits(0xFC00));
        choose(Dropout::drop_key(rate), bf16::from_bits(0xFF80));
    }
    copy::<f16, _>(Dropout::new(DropRate::ZERO));
    copy::<bf16, _>(Dropout::new(DropRate::ZERO));
    copy::<f16, _>(Dropout::classic(DropRate::ZERO));
    copy::<bf16, _>(Dropout::classic(DropRate::ZERO));
    copy::<f16, _>(Dropout::alpha(DropRate::ZERO));
    copy::<bf16, _>(Dropout::alpha(DropRate::ZERO));
    copy::<f16, _>(Dropout::drop_key(DropRate::ZERO));
    copy::<bf16, _>(Dropout::drop_key(DropRate::ZERO));
}

/// Products with 1 - p down to 2^-40 are where subnormal results and zeros with a sign come from.
#[test]
fn classic_inference_of_every_pattern_is_one_product_in_f32_narrowed_once() {
    fn of<T: Half>() {
        let x = patterns::<T>();
        for rate in rates() {
            let wanted = if rate == DropRate::ZERO {
                x.clone()
            } else if rate == DropRate::ONE {
                vec![T::from_bits(0); x.len()]
            } else {
                scaled(&x, kept_and_scale(rate).0)
            };
            for backend in Backend::available() {
                let dropout = Dropout::classic(rate).with_backend(backend);
                let mut y = x.clone();
                dropout.infer(&x, &mut y).expect("lengths agree");
                assert!(y.iter().zip(&wanted).all(|(y, wanted)| y.is(*wanted)), "{dropout:?}");
                y.copy_from_slice(&x);
                dropout.infer_in_place(&mut y);
                assert!(y.iter().zip(&wanted).all(|(y, wanted)| y.is(*wanted)), "{dropout:?}");
            }
        }
    }
    of::<f16>();
    of::<bf16>();
}

/// What is left of a whole 32 is done an element at a time.
#[test]
fn slices_of_any_length_and_place_are_what_all_patterns_are() {
    fn of<T: Half>() {
        let x = patterns::<T>();
        let rate = drop_rate!(0.3);
        let kept = scaled(&x, kept_and_scale(rate).1);
        let lengths = (0..100).step_by(if few() { 7 } else { 1 });
        for n in lengths.chain([511, 513, 1000]) {
            // Where subnormal numbers end, where infinity begins, and anywhere.
            for at in [0, T::FORMAT.infinity() as usize - 50, 0x8001 + 27 * n] {
                let (x, kept) = (&x[at..at + n], &kept[at..at + n]);
                let zero = T::from_bits(0);
                check(Dropout::new(rate), x, (kept, zero), kept);
                check_drawn(Dropout::new(rate), x, kept, zero);
            }
        }
    }
    of::<f16>();
    of::<bf16>();
}

/// Where a layout decides for several elements at a time, runs are scaled or filled as a whole.
#[test]
fn layouts_scale_as_masks_of_single_elements_do() {
    fn of<T: Half>() {
        let x = patterns::<T>();
        let rate = drop_rate!(0.1);
        let kept = scaled(&x, kept_and_scale(rate).1);
        let layouts = [(1 << 10, 1, 1, 64), (64, 1, 1, 1 << 10), (1, 1 << 8, 1 << 8, 1)];
        for (groups, repeat, width, run) in layouts {
            let layout = Layout::new(groups, repeat, width, run).expect("a small shape");
            let [words, _] = two_masks(layout.mask_bits());
            let mask = MaskRef::new(&words, layout.mask_bits()).expect("mask_words(n) words");
            for backend in Backend::available() {
                let dropout = Dropout::new(rate).with_backend(backend).over(layout);
                let mut y = x.clone();
                dropout.forward(&x, &mut y, mask).expect("its elements");
                for (i, y) in y.iter().enumerate() {
                    let bit = i / (repeat * width * run) * width + i / run % width;
                    let wanted = if keeps(&words, bit) { kept[i] } else { T::from_bits(0) };
                    assert!(y.is(wanted), "{:#06x} over {layout:?}", x[i].bits());
                }
            }
        }
    }
    of::<f16>();
    of::<bf16>();
}

/// Pairs of patterns: each with one that is drawn at random.
fn pairs<T: Half>() -> (Vec<T>, Vec<T>) {
    let other = |i: u32| T::from_bits((i.wrapping_mul(0x9E37_79B9) >> 16) as u16);
    (patterns(), (0..1 << 16).map(other).collect())
}

#[test]
fn sums_are_rounded_in_f32_and_narrowed_once() {
    fn of<T: Half>() {
        let (x, f) = pairs::<T>();
        let terms = |factor: Option<Value>| {
            let term = |f: &T| match factor {
                Some(factor) => in_f32(product(f.value(), factor)),
                None => f.value(),
            };
            let of = |(x, f): (&T, &T)| T::nearest(in_f32(sum(x.value(), term(f))));
            x.iter().zip(&f).map(of).collect::<Vec<_>>()
        };
        let same = |y: &[T], wanted: &[T]| y.iter().zip(wanted).all(|(y, w)| y.is(*w));
        let rate = drop_rate!(0.3);
        let (kept, scale) = kept_and_scale(rate);
        let n = x.len();

        // Stochastic depth.
        fn add<T: Half, R: RuleFor<T>>(dropout: Dropout<R>, x: &[T], f: &[T]) -> [Vec<T>; 2] {
            let path = DropPath::batch(dropout, x.len());
            let (mut y, mut inferred) = (x.to_vec(), x.to_vec());
            path.add(f, &mut y, MaskRef::new(&[1], 1).expect("a word")).expect("lengths agree");
            path.infer_add(f, &mut inferred).expect("lengths agree");
            [y, inferred]
        }
        for backend in Backend::available() {
            let [y, inferred] = add(Dropout::new(rate).with_backend(backend), &x, &f);
            assert!(same(&y, &terms(Some(scale))) && same(&inferred, &terms(None)), "{backend:?}");
            let [y, inferred] = add(Dropout::classic(rate).with_backend(backend), &x, &f);
            assert!(same(&y, &terms(None)) && same(&inferred, &terms(Some(kept))), "{backend:?}");
        }

        // Zoneout.
        let z = of_f64(rate.p());
        let blend = |(prev, new): (&T, &T)| {
            let of = |x: &T, weight| in_f32(product(x.value(), weight));
            T::nearest(in_f32(sum(of(prev, z), of(new, kept))))
        };
        let blended: Vec<T> = x.iter().zip(&f).map(blend).collect();
        for backend in Backend::available() {
            let zoneout = Zoneout::new(rate).with_backend(backend);
            let mut h = vec![T::from_bits(0); n];
            zoneout.infer(&x, &f, &mut h).expect("lengths agree");
            assert!(same(&h, &blended), "{backend:?}");
            for words in two_masks(n) {
                let mask = MaskRef::new(&words, n).expect("mask_words(n) words");
                zoneout.forward(&x, &f, &mut h, mask).expect("lengths agree");
                let of = |i: usize| if keeps(&words, i) { f[i].bits() } else { x[i].bits() };
                assert!(bits(&h).into_iter().eq((0..n).map(of)), "{backend:?}");
            }
        }
    }
    of::<f16>();
    of::<bf16>();
}

/// A normal number of `f32` times all patterns: what `f32` elements become, narrowed.
#[test]
fn gaussian_noise_is_that_of_f32_narrowed_once() {
    fn of<T: Half>() {
        let x = patterns::<T>();
        let wide: Vec<f32> = x.iter().map(|x| f32::from_bits(F32.encode(x.value()))).collect();
        let mut noisy = wide.clone();
        let noise = GaussianDropout::new(drop_rate!(0.3)).expect("below 1");
        noise.forward(&wide, &mut noisy, MaskKey::new(1, 2)).expect("lengths agree");
        for backend in Backend::available() {
            let mut y = x.clone();
            noise
                .with_backend(backend)
                .forward(&x, &mut y, MaskKey::new(1, 2))
                .expect("lengths agree");
            for (i, y) in y.iter().enumerate() {
                assert!(y.is(T::nearest(of_f32(noisy[i]))), "{:#06x}, {backend:?}", x[i].bits());
            }
        }
    }
    of::<f16>();
    of::<bf16>();
}

/// docs/QUANTISED.md, section 9: y is narrowed once, dx and dW at each store.
#[test]
fn drop_connect_sums_in_f32_and_narrows_at_each_store() {
    fn of<T: Half>() {
        const ROWS: usize = 5;
        const COLUMNS: usize = 77;
        const BATCH: usize = 3;
        // Numbers from 1/4 to 4, of either sign.
        let number = |i: usize| {
            let scale = (i.wrapping_mul(0x9E37_79B9) >> 7) % 1000;
            let x = (250 + 4 * scale) as f32 / 1000.0;
            T::nearest(of_f32(if i.is_multiple_of(3) { -x } else { x }))
        };
        let numbers = |from: usize, n: usize| (from..from + n).map(number).collect::<Vec<T>>();
        let widen = |x: &[T]| -> Vec<f32> {
            x.iter().map(|x| f32::from_bits(F32.encode(x.value()))).collect()
        };
        let (w, x) = (numbers(0, ROWS * COLUMNS), numbers(1000, BATCH * COLUMNS));
        let dy = numbers(2000, BATCH * ROWS);
        let narrow = |x: f32| T::nearest(of_f32(x));
        let wide = |x: T| f32::from_bits(F32.encode(x.value()));
        let layer = DropConnect::new(drop_rate!(0.3), ROWS, COLUMNS).expect("a small shape");
        let scale = layer.rate().scale_f32();
        let [words, _] = two_masks(ROWS * COLUMNS);
        let mask = MaskRef::new(&words, ROWS * COLUMNS).expect("mask_words(n) words");

        let mut y_wide = vec![0f32; BATCH * ROWS];
        layer.forward(&widen(&w), &widen(&x), &mut y_wide, mask).expect("its shape");
        let mut dx_wanted = vec![T::from_bits(0); BATCH * COLUMNS];
        let mut dw_wanted = numbers(3000, ROWS * COLUMNS);
        for b in 0..BATCH {
            for r in 0..ROWS {
                let dy = scale * wide(dy[b * ROWS + r]);
                for c in (0..COLUMNS).filter(|c| keeps(&words, r * COLUMNS + c)) {
                    let dx = &mut dx_wanted[b * COLUMNS + c];
                    *dx = narrow(wide(*dx) + wide(w[r * COLUMNS + c]) * dy);
                    let dw = &mut dw_wanted[r * COLUMNS + c];
                    *dw = narrow(wide(*dw) + wide(x[b * COLUMNS + c]) * dy);
                }
            }
        }
        for backend in Backend::available() {
            let layer = layer.with_backend(backend);
            let mut y = vec![T::from_bits(0); BATCH * ROWS];
            layer.forward(&w, &x, &mut y, mask).expect("its shape");
            assert_eq!(bits(&y), y_wide.iter().map(|y| narrow(*y).bits()).collect::<Vec<_>>());
            let mut dx = vec![T::from_bits(0); BATCH * COLUMNS];
            layer.backward_input(&w, &dy, &mut dx, mask).expect("its shape");
            assert_eq!(bits(&dx), bits(&dx_wanted), "{backend:?}");
            let mut dw = numbers(3000, ROWS * COLUMNS);
            layer.backward_weights(&x, &dy, &mut dw, mask).expect("its shape");
            assert_eq!(bits(&dw), bits(&dw_wanted), "{backend:?}");
        }
    }
    of::<f16>();
    of::<bf16>();
}

/// The check values of docs/QUANTISED.md.
#[test]
fn golden_values() {
    fn of<T: Half>(x: [u16; 4]) -> Vec<u16> {
        let mut x = x.map(T::from_bits);
        let mask = MaskRef::new(&[!0], 4).expect("a word");
        Dropout::new(drop_rate!(0.3)).forward_in_place(&mut x, mask).expect("four bits");
        bits(&x)
    }
    let x = [0x3c00, 0x0001, 0x0400, 0x7bff];
    assert_eq!(of::<f16>(x), [0x3db7, 0x0001, 0x05b7, 0x7c00]);
    let x = [0x3f80, 0x0001, 0x3555, 0x7f7f];
    assert_eq!(of::<bf16>(x), [0x3fb7, 0x0001, 0x3598, 0x7f80]);
}

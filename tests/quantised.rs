//! `i8` and `i16` against docs/QUANTISED.md, written down a second time in 128 bits: every code of
//! `i8` about every zero point and every code of `i16`, on every backend; multipliers and products
//! against what TensorFlow Lite, CMSIS-NN and gemmlowp publish; stochastic rounding against the
//! mask stream, and against its promise to be right on average.

use dropout_kernels::{
    Backend, DropBlock, DropHead, DropPath, DropRate, Dropout, EmbeddingDropout, Integer, Layout,
    MaskKey, MaskMut, MaskRef, MaskRng, Requantises, RuleFor, Zoneout, drop_rate, mask_words,
};
use dropout_reference::few;

const ONE: u64 = 1 << 40;

trait Code: Integer {
    /// Of the largest.
    const BITS: u32;

    fn wide(self) -> i128;

    /// The nearest code.
    fn nearest(x: i128) -> Self;

    /// All of them.
    fn all() -> Vec<Self> {
        let end = 1 << Self::BITS;
        (-end..end).map(Self::nearest).collect()
    }
}

macro_rules! code {
    ($($int:ident)*) => {$(
        impl Code for $int {
            const BITS: u32 = Self::BITS - 1;

            fn wide(self) -> i128 {
                self.into()
            }

            fn nearest(x: i128) -> Self {
                x.clamp(Self::MIN.into(), Self::MAX.into()) as Self
            }
        }
    )*};
}
code!(i8 i16);

/// s = m * 2^(shift - 31).
type Multiplier = (i128, i32);

/// `whole / part` in 31 bits, halves up.
fn multiplier(whole: u64, part: u64) -> Multiplier {
    let (whole, part) = (u128::from(whole), u128::from(part));
    let mut floor_log2 = whole.ilog2() as i32 - part.ilog2() as i32;
    let (up, down) = (floor_log2.max(0), (-floor_log2).max(0));
    if whole << down < part << up {
        floor_log2 -= 1;
    }
    let shift = 1 + floor_log2;
    let twice = match 32 - shift {
        up @ 0.. => (whole << up) / part,
        down => whole / (part << -down),
    };
    match (twice as i128 + 1) / 2 {
        m if m == 1 << 31 => (1 << 30, shift + 1),
        m => (m, shift),
    }
}

/// (0, 0) where p = 1.
fn scale(rate: DropRate) -> Multiplier {
    match ONE - rate.threshold() {
        0 => (0, 0),
        kept => multiplier(ONE, kept),
    }
}

/// 1 - p
fn kept(rate: DropRate) -> Multiplier {
    match ONE - rate.threshold() {
        0 => (0, 0),
        kept => multiplier(kept, ONE),
    }
}

/// The product with x as it is rounded by r / 2^k, where `r(k)` gives r.
fn product_by(x: i128, (m, shift): Multiplier, r: impl FnOnce(i32) -> i128) -> i128 {
    if shift > 14 {
        return (x * ((1 << 31) - 1)) >> 16;
    }
    let k = 31 - shift;
    (x * m + r(k)) >> k
}

fn product(x: i128, s: Multiplier) -> i128 {
    product_by(x, s, |k| 1 << (k - 1))
}

/// q' = clamp(zp + y).
fn requantised<T: Code>(q: T, zero: T, s: Multiplier) -> T {
    T::nearest(zero.wide() + product(q.wide() - zero.wide(), s))
}

fn rate(threshold: u64) -> DropRate {
    DropRate::from_threshold(threshold).expect("a probability")
}

/// Scales of few bits and of many, on both sides of what 14 bits hold, and both ends.
fn rates() -> Vec<DropRate> {
    let all = [
        drop_rate!(0.1),
        drop_rate!(0.5),
        rate(ONE - (1 << 26)),
        DropRate::ZERO,
        rate(1),
        drop_rate!(0.25),
        DropRate::from_ratio(1, 3).expect("a probability"),
        drop_rate!(0.75),
        drop_rate!(0.9),
        drop_rate!(0.99),
        rate(ONE - (1 << 26) - 1),
        rate(ONE - 1),
        DropRate::ONE,
    ];
    all[..if few() { 3 } else { all.len() }].to_vec()
}

/// A mask that keeps about half of `n`, and the one that keeps the others.
fn two_masks(n: usize) -> [Vec<u32>; 2] {
    let mut words = vec![0; mask_words(n)];
    let mask = MaskMut::new(&mut words, n).expect("mask_words(n) words");
    MaskRng::new(8, 16).fill(drop_rate!(0.5), mask);
    let others = words.iter().map(|word| !word).collect();
    [words, others]
}

fn keeps(words: &[u32], i: usize) -> bool {
    words[i / 32] >> (i % 32) & 1 == 1
}

fn chosen<T: Code>(words: &[u32], kept: &[T], dropped: T) -> Vec<T> {
    let of = |(i, kept): (usize, &T)| if keeps(words, i) { *kept } else { dropped };
    kept.iter().enumerate().map(of).collect()
}

/// Forward and backward, to another slice and in place, by a stored mask, by its opposite and by a
/// key, on every backend: `wanted` is what kept codes become, `zero` what dropped ones do.
fn check<T: Code, R: RuleFor<T>>(dropout: Dropout<R>, x: &[T], wanted: &[T], zero: T) {
    let n = x.len();
    for backend in Backend::available() {
        let dropout = dropout.with_backend(backend);
        let mut y = vec![T::nearest(77); n];
        for words in two_masks(n) {
            let mask = MaskRef::new(&words, n).expect("mask_words(n) words");
            let wanted = chosen(&words, wanted, zero);
            dropout.forward(x, &mut y, mask).expect("lengths agree");
            assert_eq!(y, wanted, "{dropout:?}");
            y.copy_from_slice(x);
            dropout.forward_in_place(&mut y, mask).expect("lengths agree");
            assert_eq!(y, wanted, "{dropout:?}");
            dropout.backward(x, &mut y, mask).expect("lengths agree");
            assert_eq!(y, wanted, "{dropout:?}");
            y.copy_from_slice(x);
            dropout.backward_in_place(&mut y, mask).expect("lengths agree");
            assert_eq!(y, wanted, "{dropout:?}");
        }
        let key = MaskKey::new(3, 4);
        let mut words = vec![0; mask_words(n)];
        let mask = MaskMut::new(&mut words, n).expect("mask_words(n) words");
        MaskRng::from_key(key).fill(dropout.rate(), mask);
        let wanted = chosen(&words, wanted, zero);
        dropout.forward(x, &mut y, key).expect("lengths agree");
        assert_eq!(y, wanted, "{dropout:?} by a key");
        y.copy_from_slice(x);
        dropout.forward_in_place(&mut y, key).expect("lengths agree");
        assert_eq!(y, wanted, "{dropout:?} by a key");
    }
}

/// What kept codes become by the inverted rule. At p = 1 the mask decides nothing.
fn scaled<T: Code>(rate: DropRate, x: &[T], zero: T) -> Vec<T> {
    let s = scale(rate);
    x.iter().map(|x| requantised(*x, zero, s)).collect()
}

fn check_inference<T: Code, R: RuleFor<T>>(dropout: Dropout<R>, x: &[T], wanted: &[T]) {
    for backend in Backend::available() {
        let dropout = dropout.with_backend(backend);
        let mut y = vec![T::nearest(77); x.len()];
        dropout.infer(x, &mut y).expect("lengths agree");
        assert_eq!(y, wanted, "{dropout:?}");
        y.copy_from_slice(x);
        dropout.infer_in_place(&mut y);
        assert_eq!(y, wanted, "{dropout:?}");
    }
}

#[test]
fn every_i8_about_every_zero_point() {
    let x = i8::all();
    for rate in rates() {
        for zero in i8::all().into_iter().step_by(if few() { 15 } else { 1 }) {
            let inverted = Dropout::new(rate).with_zero_point(zero);
            check(inverted, &x, &scaled(rate, &x, zero), zero);
            check_inference(inverted, &x, &x);
        }
        check(Dropout::new(rate), &x, &scaled(rate, &x, 0), 0);
        check_inference(Dropout::new(rate), &x, &x);
    }
}

#[test]
fn every_i16() {
    let x = i16::all();
    for rate in rates() {
        check(Dropout::new(rate), &x, &scaled(rate, &x, 0), 0);
        check_inference(Dropout::new(rate), &x, &x);
    }
}

/// The classic rule: exact in training, at p = 1 too, where the mask decides; then times 1 - p.
#[test]
fn folding_only_chooses() {
    fn inferred<T: Code>(rate: DropRate, x: &[T], zero: T) -> Vec<T> {
        let s = kept(rate);
        x.iter().map(|x| requantised(*x, zero, s)).collect()
    }
    for rate in rates() {
        let x = i8::all();
        for zero in x.iter().copied().step_by(if few() { 51 } else { 3 }) {
            let classic = Dropout::classic(rate).with_zero_point(zero);
            check(classic, &x, &x, zero);
            check_inference(classic, &x, &inferred(rate, &x, zero));
        }
        check(Dropout::classic(rate), &x, &x, 0);
        check_inference(Dropout::classic(rate), &x, &inferred(rate, &x, 0));
        let x = i16::all();
        check(Dropout::classic(rate), &x, &x, 0);
        check_inference(Dropout::classic(rate), &x, &inferred(rate, &x, 0));
    }
}

/// What is left of a whole 32 is done an element at a time.
#[test]
fn slices_of_any_length() {
    let (bytes, words) = (i8::all(), i16::all());
    let rate = drop_rate!(0.3);
    for n in (0..100).step_by(if few() { 7 } else { 1 }).chain([250]) {
        let (x, y) = (&bytes[256 - n..], &words[77 * n..78 * n]);
        let dropout = Dropout::new(rate).with_zero_point(-100);
        check(dropout, x, &scaled(rate, x, -100), -100);
        check(Dropout::new(rate), y, &scaled(rate, y, 0), 0);
    }
}

#[test]
fn layouts_choose_among_the_same_products() {
    for (groups, repeat, width, run) in [(4, 2, 7, 33), (8, 4, 8, 1), (2, 1, 300, 2)] {
        let layout = Layout::new(groups, repeat, width, run).expect("a small shape");
        let (n, bits) = (layout.elements(), layout.mask_bits());
        let x: Vec<i8> = i8::all().into_iter().cycle().take(n).collect();
        let (rate, zero) = (drop_rate!(0.25), 5);
        let (scaled, [words, _]) = (scaled(rate, &x, zero), two_masks(bits));
        let keeps = |i: usize| keeps(&words, i / (repeat * width * run) * width + i / run % width);
        let wanted: Vec<i8> = (0..n).map(|i| if keeps(i) { scaled[i] } else { zero }).collect();
        let mask = MaskRef::new(&words, bits).expect("mask_words(bits) words");
        for backend in Backend::available() {
            let dropout = Dropout::new(rate).with_zero_point(zero).over(layout);
            let mut y = vec![0; n];
            dropout.with_backend(backend).forward(&x, &mut y, mask).expect("its elements");
            assert_eq!(y, wanted, "{layout:?}");
        }
    }
}

/// At p = 0.5, where codes are doubled, half of them leave the range; by folding none does.
#[test]
fn half_of_all_codes_saturate_at_one_half() {
    fn saturated<T: Code>() -> usize {
        let end = (1 << T::BITS) - 1;
        T::all().iter().filter(|q| 2 * q.wide() > end || 2 * q.wide() < -end - 1).count()
    }
    assert_eq!((saturated::<i8>(), saturated::<i16>()), (1 << 7, 1 << 15));
}

/// `QuantizeMultiplier` of TensorFlow Lite (`lite/kernels/internal/quantization_util.cc`):
/// `frexp`, and what it gives times 2^31, rounded with halves away from zero.
fn quantize_multiplier(x: f64) -> (i32, i32) {
    if x == 0.0 {
        return (0, 0);
    }
    let mut shift = (x.to_bits() >> 52) as i32 - 1022;
    let q = f64::from_bits(x.to_bits() & ((1 << 52) - 1) | 1022 << 52);
    let mut fixed = (q * f64::from(1u32 << 31)).round() as i64;
    if fixed == 1 << 31 {
        fixed /= 2;
        shift += 1;
    }
    if shift < -31 { (0, 0) } else { (fixed as i32, shift) }
}

/// Rates near every power of two from both ends, and thousands between.
fn many_rates() -> impl Iterator<Item = DropRate> {
    let ends = (0..=40).flat_map(|i| [1u64 << i, (1 << i) + 1, (1 << i) - 1, 3 << i, 5 << i]);
    let ends = ends.filter(|t| *t <= ONE).flat_map(|t| [t, ONE - t]);
    let between = (1..5000u64).map(|i| i.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 24);
    // Their complements' exponents are as even as their own.
    let near_1 =
        (1..2000u64).map(|i| ONE - (i.wrapping_mul(0xD134_2543_DE82_EF95) >> (24 + i % 40)));
    ends.chain(between).chain(near_1).map(rate)
}

#[test]
fn the_multiplier_is_that_of_tensorflow_lite_and_the_nearest() {
    for rate in many_rates() {
        let (m, shift) = rate.multiplier();
        assert_eq!((m, shift), quantize_multiplier(rate.scale()), "{rate:?}");
        assert_eq!((i128::from(m), shift), scale(rate), "{rate:?}");
        assert!(rate == DropRate::ONE || (1 << 30..=i32::MAX).contains(&m), "{rate:?}");
    }
    assert_eq!(DropRate::ZERO.multiplier(), (1 << 30, 1));
    assert_eq!(rate(1).multiplier(), (1 << 30, 1));
    assert_eq!(rate(ONE - 1).multiplier(), (1 << 30, 41));
    assert_eq!(rate(ONE - 3).multiplier(), (0x5555_5555, 39));
    assert_eq!(DropRate::ONE.multiplier(), (0, 0));
}

/// Whoever rounds 1 / (1 - p) to a double first rounds twice: of the rates at which that ends
/// halfway, which are rare, some are rounded up whose scale lies below.
#[test]
fn the_multiplier_is_rounded_once() {
    let (mut halfway, mut differ) = (0, 0);
    for odd in (0x8000_0001u128..).step_by(2).take(if few() { 0 } else { 300_000 }) {
        // kept * odd is close to 2^71, so that 2^40 / kept is close to an odd number of halves.
        let kept = ((1u128 << 71) + odd / 2) / odd;
        if kept > u128::from(ONE) {
            continue;
        }
        let rate = rate(ONE - kept as u64);
        let (m, shift) = rate.multiplier();
        assert_eq!((i128::from(m), shift), scale(rate), "{rate:?}");
        let (theirs, their_shift) = quantize_multiplier(rate.scale());
        halfway += usize::from(rate.scale().to_bits() << 42 == 1 << 63);
        differ += usize::from((theirs, their_shift) != (m, shift));
        assert!(theirs - m <= 1 && their_shift == shift, "{rate:?}");
    }
    assert!(few() || halfway > 10 && differ > 10, "{halfway} halfway, {differ} differ");
}

/// `SaturatingRoundingDoublingHighMul` of gemmlowp (fixedpoint/fixedpoint.h).
fn rounding_doubling_high_mul(a: i32, b: i32) -> i32 {
    if a == i32::MIN && b == i32::MIN {
        return i32::MAX;
    }
    let product = i64::from(a) * i64::from(b);
    let nudge = if product >= 0 { 1 << 30 } else { 1 - (1 << 30) };
    ((product + nudge) / (1 << 31)) as i32 // towards zero
}

/// `RoundingDivideByPOT` of gemmlowp; `arm_nn_divide_by_power_of_two` of CMSIS-NN is the same.
fn rounding_divide_by_power_of_two(x: i32, exponent: u32) -> i32 {
    let mask = ((1i64 << exponent) - 1) as i32;
    let threshold = (mask >> 1) + i32::from(x < 0);
    (x >> exponent) + i32::from(x & mask > threshold)
}

/// `arm_nn_requantize` of CMSIS-NN (`Include/arm_nnsupportfunctions.h`) as it is built by default,
/// with `arm_nn_doubling_high_mult_no_sat`.
fn double_rounding(x: i32, m: i32, shift: i32) -> i32 {
    let (left, right) = (shift.max(0), (-shift).max(0));
    let high = ((i64::from(x << left) * i64::from(m) + (1 << 30)) >> 31) as i32;
    rounding_divide_by_power_of_two(high, right as u32)
}

/// The same as TensorFlow Lite has it: `MultiplyByQuantizedMultiplier`, by gemmlowp's functions.
fn by_gemmlowp(x: i32, m: i32, shift: i32) -> i32 {
    let (left, right) = (shift.max(0), (-shift).max(0));
    rounding_divide_by_power_of_two(rounding_doubling_high_mul(x << left, m), right as u32)
}

/// `arm_nn_requantize` with `CMSIS_NN_USE_SINGLE_ROUNDING`.
fn single_rounding(x: i32, m: i32, shift: i32) -> i32 {
    let product = i64::from(x) * i64::from(m);
    ((product >> (30 - shift)) as i32 + 1) >> 1
}

/// Requantisation, as `check` compares it with the library, against all of them for s >= 1: of
/// `i16` as far as shift 14, and of `i8` about a zero point as far as shift 22.
#[test]
fn products_are_those_of_cmsis_nn_and_gemmlowp() {
    let mut rates: Vec<_> = rates();
    rates.extend((1..14).flat_map(|i| [rate(ONE - (ONE >> i)), rate(ONE - ((ONE / 3) >> i))]));
    rates.extend((14..22).map(|i| rate(ONE - ((ONE / 3 * 2) >> i))));
    for rate in rates {
        let (m, shift) = rate.multiplier();
        let differences = match shift {
            1..=14 => -0x8000..=0x7FFF,
            15..=22 => -0xFF..=0xFF,
            _ => continue,
        };
        let step = if differences.end() > &0xFF { 5 } else { 1 };
        for x in differences.step_by(step) {
            let ours = product(x.into(), (m.into(), shift));
            let theirs = [double_rounding, by_gemmlowp, single_rounding].map(|f| f(x, m, shift));
            if shift <= 14 {
                assert_eq!([ours; 3], theirs.map(i128::from), "{x} * {m} * 2^({shift} - 31)");
            } else {
                // Both leave the range of `i8` on the same side, whatever the zero point is.
                let side = |y: i128| i128::from(y > 255) - i128::from(y < -255);
                assert_eq!([side(ours); 3], theirs.map(|y| side(y.into())));
                assert_eq!(side(ours), i128::from(x.signum()));
            }
        }
    }
}

/// Below 1, as in classic inference, CMSIS-NN's single rounding still gives the same. Two roundings,
/// which default builds have, give one more or one less to up to a quarter of all codes where s is
/// below 1/2.
#[test]
fn below_one_products_are_those_of_single_rounding() {
    let (mut all, mut differ) = (0, 0);
    for rate in many_rates().step_by(if few() { 501 } else { 37 }) {
        let (m, shift) = kept(rate);
        for x in (-0x8000..=0x7FFF).step_by(411).chain(-128..=127).filter(|_| shift > -31) {
            let ours = product(x.into(), (m, shift));
            assert_eq!(ours, single_rounding(x, m as i32, shift).into(), "{x} at {rate:?}");
            let theirs = double_rounding(x, m as i32, shift);
            assert_eq!(theirs, by_gemmlowp(x, m as i32, shift), "{x} at {rate:?}");
            let off = (i128::from(theirs) - ours).abs();
            assert!(off == 0 || off == 1 && shift < 0, "{x} at {rate:?}");
            all += 1;
            differ += off;
        }
    }
    assert!(0 < differ && differ < all / 4, "{differ} of {all}");
}

/// The check values of docs/QUANTISED.md.
#[test]
fn golden_values() {
    let mask = MaskRef::new(&[!0], 12).expect("a word");
    let (tenth, third) = (drop_rate!(0.1), drop_rate!(0.3));
    assert_eq!(tenth.multiplier(), (0x471c_71c9, 1));
    assert_eq!(third.multiplier(), (0x5b6d_b6f6, 1));
    assert_eq!(drop_rate!(0.9).multiplier(), (0x4fff_fec0, 4));

    let x = [-128i8, -101, -50, -11, -10, -9, 0, 1, 7, 50, 100, 127];
    let mut y = x;
    Dropout::new(third).forward_in_place(&mut y, mask).expect("twelve bits");
    assert_eq!(y, [-128, -128, -71, -16, -14, -13, 0, 1, 10, 71, 127, 127]);
    Dropout::new(third).with_zero_point(-10).forward(&x, &mut y, mask).expect("twelve bits");
    assert_eq!(y, [-128, -128, -67, -11, -10, -9, 4, 6, 14, 76, 127, 127]);
    Dropout::classic(third).with_zero_point(-10).infer(&x, &mut y).expect("twelve bits");
    assert_eq!(y, [-93, -74, -38, -11, -10, -9, -3, -2, 2, 32, 67, 86]);

    let mut y = [-32768i16, -20000, -1000, -3, -1, 0, 1, 2, 3, 1000, 20000, 32767];
    Dropout::new(third).forward_in_place(&mut y, mask).expect("twelve bits");
    assert_eq!(y, [-32768, -28571, -1429, -4, -1, 0, 1, 3, 4, 1429, 28571, 32767]);

    let key = MaskKey::new(42, 0);
    assert_eq!(key.fold(u64::MAX).stream(), 0x4821_8226_ff3c_d4bf);
    let mut y = [3i8; 20];
    Dropout::new(third).forward_stochastic_in_place(&mut y, key, key).expect("any length");
    assert_eq!(y, [4, 4, 4, 4, 0, 4, 0, 4, 5, 4, 4, 4, 0, 4, 0, 0, 4, 5, 4, 4]);

    let mut h = [0i8; 4];
    Zoneout::new(third).infer(&[-128, 127, 1, 0], &[127, -128, 0, 1], &mut h).expect("four each");
    assert_eq!(h, [50, -51, 0, 1]);
}

/// At shift 15 the sign alone decides: of 1 and -1, and of no other, CMSIS-NN makes less.
#[test]
fn beyond_shift_14_the_sign_decides() {
    for threshold in [ONE - (1 << 26), ONE - (1 << 26) + 12_345, ONE - (1 << 25), ONE - 1] {
        let rate = rate(threshold);
        let (m, shift) = rate.multiplier();
        assert!(shift > 14);
        let x = [-32768i16, -2, -1, 0, 1, 2, 32767];
        let mut y = x;
        let mask = MaskRef::new(&[!0], 7).expect("a word");
        Dropout::new(rate).forward_in_place(&mut y, mask).expect("lengths agree");
        let (min, max) = (i16::MIN, i16::MAX);
        assert_eq!(y, [min, min, min, 0, max, max, max]);
        for (x, y) in x.into_iter().zip(y).filter(|_| shift == 15) {
            let theirs = i16::nearest(by_gemmlowp(x.into(), m, shift).into());
            assert!(theirs == y || x.abs() == 1 && theirs.abs() >= 1 << 14, "{x}");
        }
    }
    let below = rate(ONE - (1 << 26) - 1);
    assert_eq!(below.multiplier().1, 14);
    let mut y = [1i16, -1, 2];
    let mask = MaskRef::new(&[!0], 3).expect("a word");
    Dropout::new(below).forward_in_place(&mut y, mask).expect("lengths agree");
    assert_eq!(y, [16384, -16384, 32767]);
}

/// At p = 1 nothing comes through a mask that keeps, and at p = 0 nothing changes.
#[test]
fn the_ends_of_p() {
    let x = i8::all();
    let mask = [!0; 8];
    let mask = MaskRef::new(&mask, 256).expect("eight words");
    for backend in Backend::available() {
        let all = Dropout::new(DropRate::ONE).with_backend(backend);
        let mut y = x.clone();
        all.with_zero_point(-9).forward_in_place(&mut y, mask).expect("lengths agree");
        assert_eq!(y, [-9; 256]);
        all.forward(&x, &mut y, mask).expect("lengths agree");
        assert_eq!(y, [0; 256]);
        all.with_zero_point(3)
            .forward_stochastic(&x, &mut y, mask, MaskKey::new(1, 2))
            .expect("lengths agree");
        assert_eq!(y, [3; 256]);
        let none = Dropout::new(DropRate::ZERO).with_backend(backend).with_zero_point(77);
        none.forward(&x, &mut y, MaskKey::new(1, 2)).expect("lengths agree");
        assert_eq!(y, x);
        none.forward(&x, &mut y, mask).expect("lengths agree");
        assert_eq!(y, x);
        none.forward_stochastic(&x, &mut y, MaskKey::new(1, 2), MaskKey::new(1, 2))
            .expect("lengths agree");
        assert_eq!(y, x);
    }
}

/// docs/STREAM.md, sections 1 and 2, and `MaskKey::fold`.
mod stream {
    use dropout_kernels::MaskKey;

    const G: u64 = 0x9E37_79B9_7F4A_7C15;

    fn mix64(z: u64) -> u64 {
        let z = (z ^ z >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ z >> 31
    }

    fn mix32(h: u32) -> u32 {
        let h = (h ^ h >> 16).wrapping_mul(0x85EB_CA6B);
        let h = (h ^ h >> 13).wrapping_mul(0xC2B2_AE35);
        h ^ h >> 16
    }

    fn step(s: &mut [u32; 4]) -> u32 {
        let out = s[0].wrapping_add(s[3]).rotate_left(7).wrapping_add(s[0]);
        let t = s[1] << 9;
        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= t;
        s[3] = s[3].rotate_left(11);
        out
    }

    /// Element i has output i / 16 of lane i % 16 of the child 2^64 - 1 of the key.
    pub(super) fn random(key: MaskKey, n: usize) -> Vec<u32> {
        let parent = mix64(key.stream().wrapping_add(G));
        let stream = mix64(parent.wrapping_add(u64::MAX.wrapping_add(1).wrapping_mul(G)));
        let z = mix64(key.seed().wrapping_add(G));
        let t = stream.wrapping_add(1).wrapping_mul(G);
        let (a, b) = (mix64(z.wrapping_add(t)), mix64(z.rotate_left(32).wrapping_add(t)));
        let words = [a as u32, (a >> 32) as u32, b as u32, (b >> 32) as u32];
        let mut lanes: [[u32; 4]; 16] = std::array::from_fn(|l| {
            std::array::from_fn(|i| {
                let counter = (4 * l + i + 1) as u32;
                mix32(words[i].wrapping_add(counter.wrapping_mul(0x9E37_79B9)))
            })
        });
        (0..n).map(|i| step(&mut lanes[i % 16])).collect()
    }
}

/// What a kept code becomes that is rounded by `random`.
fn stochastic<T: Code>(q: T, zero: T, s: Multiplier, random: u32) -> T {
    let r = |k: i32| i128::from(random >> (32 - k));
    T::nearest(zero.wide() + product_by(q.wide() - zero.wide(), s, r))
}

/// Forward and backward, to another slice and in place, over layouts too; twice by one key.
#[test]
fn stochastic_rounding_is_that_of_the_stream() {
    fn of<T: Code, R: Requantises<T>>(dropout: Dropout<R>, x: &[T], zero: T) {
        let (n, rounding) = (x.len(), MaskKey::new(0x1234_5678_9ABC_DEF0, 99));
        let s = scale(dropout.rate());
        let wanted: Vec<T> = x
            .iter()
            .zip(stream::random(rounding, n))
            .map(|(q, random)| stochastic(*q, zero, s, random))
            .collect();
        let one = |words: &[u32], i: usize| {
            if keeps(words, i) && dropout.rate() != DropRate::ONE { wanted[i] } else { zero }
        };
        for backend in Backend::available() {
            let dropout = dropout.with_backend(backend);
            let mut y = vec![T::nearest(77); n];
            for words in two_masks(n) {
                let mask = MaskRef::new(&words, n).expect("mask_words(n) words");
                let wanted: Vec<T> = (0..n).map(|i| one(&words, i)).collect();
                dropout.forward_stochastic(x, &mut y, mask, rounding).expect("lengths agree");
                assert_eq!(y, wanted, "{dropout:?}");
                y.copy_from_slice(x);
                dropout.forward_stochastic_in_place(&mut y, mask, rounding).expect("as above");
                assert_eq!(y, wanted, "{dropout:?}");
                dropout.backward_stochastic(x, &mut y, mask, rounding).expect("lengths agree");
                assert_eq!(y, wanted, "{dropout:?}");
                y.copy_from_slice(x);
                dropout.backward_stochastic_in_place(&mut y, mask, rounding).expect("as above");
                assert_eq!(y, wanted, "{dropout:?}");
            }
            // The key of the mask rounds, too.
            let mut words = vec![0; mask_words(n)];
            let mask = MaskMut::new(&mut words, n).expect("mask_words(n) words");
            MaskRng::from_key(rounding).fill(dropout.rate(), mask);
            let wanted: Vec<T> = (0..n).map(|i| one(&words, i)).collect();
            dropout.forward_stochastic(x, &mut y, rounding, rounding).expect("lengths agree");
            assert_eq!(y, wanted, "{dropout:?}");
            // And with a mask that is drawn on the way.
            let mut drawn = vec![0; mask_words(n)];
            let mask = MaskMut::new(&mut drawn, n).expect("mask_words(n) words");
            let mut rng = MaskRng::from_key(rounding);
            dropout.forward_stochastic(x, &mut y, rng.draw(mask), rounding).expect("as above");
            assert_eq!((y, drawn), (wanted, words), "{dropout:?}");
        }
    }
    fn over<T: Code, R: Requantises<T>>(dropout: Dropout<R>, x: &[T], zero: T) {
        let layout = Layout::new(2, 1, 5, x.len() / 10).expect("a small shape");
        let (rounding, words) = (MaskKey::new(5, 6), [0b10_0110_1011]);
        let mask = MaskRef::new(&words, 10).expect("a word");
        let random = stream::random(rounding, x.len());
        let s = scale(dropout.rate());
        let wanted = (0..layout.elements()).map(|i| match keeps(&words, i / (x.len() / 10)) {
            true => stochastic(x[i], zero, s, random[i]),
            false => zero,
        });
        let wanted: Vec<T> = wanted.collect();
        for backend in Backend::available() {
            let over = dropout.with_backend(backend).over(layout);
            let mut y = x.to_vec();
            over.forward_stochastic_in_place(&mut y, mask, rounding).expect("its elements");
            assert_eq!(y, wanted);
            over.backward_stochastic(x, &mut y, mask, rounding).expect("its elements");
            assert_eq!(y, wanted);
        }
    }
    let (bytes, words) = (i8::all(), i16::all());
    for rate in rates() {
        for zero in [-128, -1, 0, 99, 127] {
            of(Dropout::new(rate).with_zero_point(zero), &bytes, zero);
        }
        of(Dropout::new(rate), &words[..if few() { 1 << 12 } else { 1 << 16 }], 0);
        if rate != DropRate::ONE {
            over(Dropout::new(rate).with_zero_point(7), &bytes[6..], 7);
            over(Dropout::new(rate), &words[30_006..31_006], 0);
        }
    }
    // Lanes that serve no element do not advance, and few elements need few lanes.
    for n in 0..70 {
        of(Dropout::new(drop_rate!(0.3)), &words[32_800..32_800 + n], 0);
    }
}

/// A product whose fraction is f is rounded up with probability f exactly, as r / 2^k takes each
/// of 2^k values alike. So of N elements a number is rounded up that has the binomial law, and
/// must lie within 5.6 standard deviations: over 44 cases at most a false alarm has a probability
/// of 44 * 2.1e-8, which is 1e-6. Rounding to nearest is off by 15 of them and more.
#[test]
fn stochastic_rounding_is_right_on_average() {
    const N: usize = 1 << 14;
    const LIMIT: f64 = 5.6;
    let mut cases = 0;
    let mut seed = 0;
    for rate in [
        drop_rate!(0.1),
        drop_rate!(0.3),
        DropRate::from_ratio(1, 3).expect("a probability"),
        rate(ONE / 4),
        drop_rate!(0.6),
        drop_rate!(0.95),
    ] {
        for x in [-97i16, -5, -1, 1, 2, 3, 6, 37, 1000] {
            let (m, shift) = scale(rate);
            let k = 31 - shift;
            let (down, rest) = ((x.wide() * m) >> k, (x.wide() * m) & ((1 << k) - 1));
            let f = rest as f64 / (1u64 << k) as f64;
            // Near a whole number all is as good as to nearest.
            if !(0.02..=0.98).contains(&f) {
                continue;
            }
            seed += 1;
            let mut y = vec![x; N];
            let mask = vec![!0; mask_words(N)];
            let mask = MaskRef::new(&mask, N).expect("mask_words(N) words");
            Dropout::new(rate)
                .forward_stochastic_in_place(&mut y, mask, MaskKey::new(seed, 0))
                .expect("lengths agree");
            let down = i16::nearest(down);
            assert!(y.iter().all(|y| [down, down + 1].contains(y)));
            let up = y.iter().filter(|y| **y > down).count();
            let (n, deviation) = (N as f64, (N as f64 * f * (1.0 - f)).sqrt());
            let off = (up as f64 - n * f) / deviation;
            assert!(off.abs() < LIMIT, "{x} at {rate:?}: off by {off:.2} standard deviations");
            // What the test can see.
            let nearest = if f < 0.5 { 0.0 } else { n };
            assert!((nearest - n * f).abs() / deviation > 2.5 * LIMIT, "{x} at {rate:?}");
            cases += 1;
        }
    }
    assert!((30..=44).contains(&cases), "{cases}");
}

/// floor((T * a + D * b + 2^39) / 2^40), of every two `i8` and of many `i16`.
#[test]
fn zoneout_blends_with_one_rounding() {
    fn of<T: Code>(rate: DropRate, prev: &[T], new: &[T]) {
        let (t, d) = (i128::from(rate.threshold()), i128::from(ONE - rate.threshold()));
        let blend = |(a, b): (&T, &T)| {
            let y = (t * a.wide() + d * b.wide() + (1 << 39)) >> 40;
            assert_eq!(T::nearest(y).wide(), y);
            T::nearest(y)
        };
        let blended: Vec<T> = prev.iter().zip(new).map(blend).collect();
        let n = prev.len();
        for backend in Backend::available() {
            let zoneout = Zoneout::new(rate).with_backend(backend);
            let mut h = vec![T::ZERO; n];
            zoneout.infer(prev, new, &mut h).expect("lengths agree");
            assert_eq!(h, blended, "{zoneout:?}");
            h.copy_from_slice(prev);
            zoneout.infer_into_prev(&mut h, new).expect("lengths agree");
            assert_eq!(h, blended, "{zoneout:?}");
            h.copy_from_slice(new);
            zoneout.infer_into_new(prev, &mut h).expect("lengths agree");
            assert_eq!(h, blended, "{zoneout:?}");
        }
    }
    fn copies<T: Code>(prev: &[T], new: &[T]) {
        let n = prev.len();
        for backend in Backend::available() {
            let zoneout = Zoneout::new(drop_rate!(0.3)).with_backend(backend);
            let [words, others] = two_masks(n);
            let mask = MaskRef::new(&words, n).expect("mask_words(n) words");
            let mut h = vec![T::ZERO; n];
            zoneout.forward(prev, new, &mut h, mask).expect("lengths agree");
            let of = |i| if keeps(&words, i) { new[i] } else { prev[i] };
            assert!(h.iter().copied().eq((0..n).map(of)));
            let (mut dprev, mut dnew) = (vec![T::nearest(9); n], vec![T::nearest(9); n]);
            zoneout.backward(prev, &mut dprev, &mut dnew, mask).expect("lengths agree");
            assert_eq!(dnew, chosen(&words, prev, T::ZERO));
            assert_eq!(dprev, chosen(&others, prev, T::ZERO));
        }
    }
    let bytes: Vec<(i8, i8)> =
        i8::all().into_iter().flat_map(|a| i8::all().into_iter().map(move |b| (a, b))).collect();
    let (a, b): (Vec<i8>, Vec<i8>) = bytes.into_iter().unzip();
    let c = i16::all();
    let d: Vec<i16> =
        (0..1 << 16).map(|i: u32| (i.wrapping_mul(0x9E37_79B9) >> 16) as i16).collect();
    copies(&a, &b);
    copies(&c, &d);
    for rate in rates() {
        of(rate, &a, &b);
        of(rate, &c, &d);
        of(rate, &[i16::MIN; 33], &[i16::MIN; 33]);
        of(rate, &[i16::MAX; 33], &[i16::MAX; 33]);
    }
}

/// One sum, which saturates once.
#[test]
fn sums_saturate() {
    fn of<T: Code>(x: &[T], f: &[T]) {
        fn run<T: Code, R: RuleFor<T>>(dropout: Dropout<R>, x: &[T], f: &[T]) -> [Vec<T>; 2] {
            let path = DropPath::batch(dropout, x.len());
            let (mut y, mut inferred) = (x.to_vec(), x.to_vec());
            path.add(f, &mut y, MaskRef::new(&[1], 1).expect("a word")).expect("lengths agree");
            path.infer_add(f, &mut inferred).expect("lengths agree");
            [y, inferred]
        }
        let sums = |s: Option<Multiplier>| -> Vec<T> {
            let term = |f: &T| s.map_or(f.wide(), |s| product(f.wide(), s));
            x.iter().zip(f).map(|(x, f)| T::nearest(x.wide() + term(f))).collect()
        };
        for rate in rates().into_iter().filter(|rate| *rate != DropRate::ONE) {
            let [scaled, kept] = [scale(rate), kept(rate)].map(Some).map(sums);
            for backend in Backend::available() {
                let ways = run(Dropout::new(rate).with_backend(backend), x, f);
                assert_eq!(ways, [scaled.clone(), sums(None)], "{rate:?}");
                let ways = run(Dropout::classic(rate).with_backend(backend), x, f);
                assert_eq!(ways, [sums(None), kept.clone()], "{rate:?}");
            }
        }
    }
    let a: Vec<i8> = i8::all().into_iter().flat_map(|a| [a; 32]).collect();
    let b: Vec<i8> = i8::all().into_iter().step_by(8).cycle().take(a.len()).collect();
    of(&a, &b);
    let c: Vec<i16> = i16::all().into_iter().step_by(7).collect();
    let d: Vec<i16> = c.iter().map(|x| x.wrapping_mul(0x79B9)).collect();
    of(&c, &d);
}

/// Gradients of a table are added about their zero point.
#[test]
fn gradients_of_embeddings_are_added_about_the_zero_point() {
    let (rate, zero) = (drop_rate!(0.25), -20i8);
    let dropout = Dropout::new(rate).with_zero_point(zero);
    let embedding = EmbeddingDropout::new(dropout, 3, 64).expect("a small shape");
    let dy: Vec<i8> = i8::all().into_iter().step_by(2).collect();
    let mut table = vec![11i8; 3 * 64];
    let mask = MaskRef::new(&[0b101], 3).expect("a word");
    embedding.backward(&[2, 1], &dy, &mut table, mask).expect("its shape");
    for (i, grad) in table.iter().enumerate() {
        let added = match i / 64 {
            2 => product(dy[i - 128].wide() - zero.wide(), scale(rate)),
            _ => 0,
        };
        assert_eq!(*grad, i8::nearest(11 + added), "{i}");
    }
}

/// Bits of the mask, or heads, over those that are kept.
#[test]
fn factors_of_blocks_and_heads_are_rounded_to_31_bits() {
    let x = i16::all();
    let x: Vec<i16> = x.into_iter().step_by(151).take(420).collect();
    for backend in Backend::available() {
        // Two samples of 7 heads, of which a and b are kept.
        for (a, b) in (0..=7).flat_map(|a| [(a, 3), (a, 5)]) {
            let heads = DropHead::new(drop_rate!(0.3), 2, 7, 30).expect("a small shape");
            let words = [((1 << a) - 1) | (((1 << b) - 1) << 7)];
            let mask = MaskRef::new(&words, 14).expect("a word");
            let mut y = x.clone();
            heads.with_backend(backend).forward_in_place(&mut y, mask).expect("its shape");
            for (i, y) in y.into_iter().enumerate() {
                let s = multiplier(7, if i < 210 { a.max(1) } else { b });
                let wanted = if keeps(&words, i / 30) { requantised(x[i], 0, s) } else { 0 };
                assert_eq!(y, wanted, "{a} and {b} of 7");
            }
        }
        // 420 elements, of which some are kept.
        for kept in [1, 2, 3, 209, 211, 299, 419, 420] {
            let blocks = DropBlock::new(drop_rate!(0.3), 3, 1, 1, &[420]).expect("a small shape");
            let mut words = [0; 14];
            (0..kept).map(|i| i * 13 % 420).for_each(|i| words[i / 32] |= 1 << (i % 32));
            let mask = MaskRef::new(&words, 420).expect("fourteen words");
            let mut y = x.clone();
            blocks.with_backend(backend).forward_in_place(&mut y, mask).expect("its shape");
            let s = multiplier(420, kept as u64);
            let scaled: Vec<i16> = x.iter().map(|x| requantised(*x, 0, s)).collect();
            assert_eq!(y, chosen(&words, &scaled, 0), "{kept} of 420");
        }
    }
}

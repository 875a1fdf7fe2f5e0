//! Mean and variance over passes against sums made twice over in f64: large offsets, constants,
//! merging, lengths that do not fit and counts that do not.

use dropout_kernels::{DropRate, Dropout, MaskKey, MaskRng, MonteCarlo, ShapeError, drop_rate};
use dropout_reference::guarded::Guarded;
use dropout_reference::moments::two_passes;
use dropout_reference::number::{Real, bits};

const OUTPUTS: usize = 5;

/// Outputs around `offset` with deviations of some 0.3, which no pass repeats.
fn passes<T: Real>(count: u64, offset: f64) -> Vec<[T; OUTPUTS]> {
    let dropout = Dropout::new(drop_rate!(0.1));
    (0..count)
        .map(|pass| {
            let mut dropped = [[0f64; 32]; OUTPUTS];
            dropped.as_flattened_mut().fill(0.1);
            let wave = |i: usize| (i as f64 * 1.7 + pass as f64 * 0.61).sin() * 0.1;
            dropped.as_flattened_mut().iter_mut().enumerate().for_each(|(i, x)| *x += wave(i));
            dropout
                .forward_in_place(dropped.as_flattened_mut(), MaskKey::new(5, pass))
                .expect("any length");
            dropped.map(|x| T::of(offset + x.iter().sum::<f64>()))
        })
        .collect()
}

fn pushed<T: Real>(passes: &[[T; OUTPUTS]]) -> MonteCarlo<[T; OUTPUTS]> {
    let mut outputs = MonteCarlo::new();
    for y in passes {
        outputs.push(y).expect("OUTPUTS outputs");
    }
    outputs
}

/// The mean to `mean_within`, and the variances to the share `variance_within` of themselves. Each
/// pass rounds the mean once: after 1000 it has walked some nine units in the last place, and is
/// allowed forty.
fn check<T: Real>(
    outputs: &MonteCarlo<[T; OUTPUTS]>,
    passes: &[[T; OUTPUTS]],
    mean_within: f64,
    variance_within: f64,
) {
    let n = passes.len();
    assert_eq!(outputs.passes() as usize, n);
    let mean = outputs.mean().expect("a pass");
    let sample: Vec<_> = outputs.variance().expect("two passes").map(T::to_f64).collect();
    let population: Vec<_> =
        outputs.population_variance().expect("a pass").map(T::to_f64).collect();
    assert_eq!((mean.len(), sample.len(), population.len()), (OUTPUTS, OUTPUTS, OUTPUTS));
    for i in 0..OUTPUTS {
        let (wanted, squares) = two_passes(passes.iter().map(|y| y[i]));
        let off = (mean[i].to_f64() - wanted).abs();
        assert!(off <= mean_within, "mean {i} off by {off:e} of {wanted}");
        for (variance, n) in [(sample[i], n - 1), (population[i], n)] {
            let wanted = squares / n as f64;
            let off = (variance / wanted - 1.0).abs();
            assert!(off <= variance_within, "variance {variance} not {wanted}: off by {off:e}");
        }
    }
}

#[test]
fn mean_and_variance_are_those_of_two_passes() {
    let (single, double) = (passes::<f32>(1000, 0.0), passes::<f64>(1000, 0.0));
    check(&pushed(&single), &single, 1e-5, 2e-5);
    check(&pushed(&double), &double, 2e-14, 1e-12);
}

/// What sums of squares less the square of the sum would get wrong altogether: a deviation of 0.3
/// around 10^4 in `f32`, around 10^8 in `f64`.
#[test]
fn a_large_offset_cancels_nothing() {
    let (single, double) = (passes::<f32>(1000, 1e4), passes::<f64>(1000, 1e8));
    check(&pushed(&single), &single, 0.001, 2e-5);
    check(&pushed(&double), &double, 1e-6, 1e-6);

    let naive = |values: &[f32]| {
        let n = values.len() as f32;
        let (sum, squares) = values.iter().fold((0.0, 0.0), |(s, q), y| (s + y, q + y * y));
        (squares - sum * sum / n) / (n - 1.0)
    };
    let first: Vec<_> = single.iter().map(|y| y[0]).collect();
    let wanted = two_passes(single.iter().map(|y| y[0])).1 / 999.0;
    let off = (f64::from(naive(&first)) / wanted - 1.0).abs();
    assert!(off > 0.5, "an offset that the naive sums survive, off by {off}, tests nothing");
}

/// A mean of 10^6 and a deviation of 0.3 in `f32`, whose last place there is 1/16: against the two
/// passes over what was pushed nothing is lost but the last places of the result. By one number the
/// mean was off by so much that the variance was 17 % off.
#[test]
fn a_mean_of_three_million_deviations_loses_nothing() {
    let values: Vec<f32> = (0..10_000u32)
        .map(|i| (1e6 + 0.3 * (2f64.sqrt() * (f64::from(i) * 1.234).sin())) as f32)
        .collect();
    let (mean, squares) = two_passes(values.iter().copied());
    let mut outputs = MonteCarlo::<[f32; 1]>::new();
    let mut halves = [MonteCarlo::<[f32; 1]>::new(), MonteCarlo::new()];
    for (i, y) in values.iter().enumerate() {
        outputs.push(&[*y]).expect("one output");
        halves[usize::from(i >= 3000)].push(&[*y]).expect("one output");
    }
    let [mut merged, second] = halves;
    merged.merge(&second).expect("one output each");
    for outputs in [outputs, merged] {
        assert_eq!(outputs.mean(), Some([mean as f32].as_slice()));
        let variance =
            outputs.population_variance().and_then(|mut v| v.next()).expect("a variance");
        let off = f64::from(variance) / (squares / 10_000.0) - 1.0;
        assert!(off.abs() < 2e-5, "{variance} is off by {off:e}");
    }
}

/// A million passes in `f32`: where sums of squares grow by so little that one number rounds each
/// the same way, it was 1.3 % off.
#[test]
fn a_million_passes_lose_nothing() {
    for values in [&[0.1f32, 0.9][..], &[0.0, 0.0, 1.0], &[1.0, 1.0, 1.0, 1.0, 1.000_000_1]] {
        let passes = || values.iter().copied().cycle().take(1_000_000);
        let mut outputs = MonteCarlo::<[f32; 1]>::new();
        passes().for_each(|y| outputs.push(&[y]).expect("one output"));
        let (mean, squares) = two_passes(passes());
        assert_eq!(outputs.mean(), Some([mean as f32].as_slice()));
        let variance =
            outputs.population_variance().and_then(|mut v| v.next()).expect("a variance");
        let off = f64::from(variance) / (squares / 1e6) - 1.0;
        assert!(off.abs() < 3e-7, "{values:?}: {variance} is off by {off:e}");
    }
}

#[test]
fn outputs_that_do_not_change_have_variance_zero() {
    fn check<T: Real>() {
        for y in [0.1, -3e7, 1e-30, 123.456, 0.0] {
            let pass = [T::of(y); OUTPUTS];
            let outputs = pushed(&[pass; 1000]);
            assert_eq!(outputs.mean(), Some(pass.as_slice()));
            assert!(outputs.variance().expect("two passes").all(|v| v.bits() == 0));
            let mut merged = pushed(&[pass; 17]);
            merged.merge(&outputs).expect("as many outputs");
            assert_eq!(merged.mean(), Some(pass.as_slice()));
            assert!(merged.variance().expect("two passes").all(|v| v.bits() == 0));
        }
    }
    check::<f32>();
    check::<f64>();
}

/// Values that differ by a last bit or two, where rounding could turn a square's sign.
#[test]
fn no_variance_is_negative() {
    let mut rng = MaskRng::new(3, 0);
    for start in [1.0f32, 0.1, 16_777_215.0, 1e-38, -7.7] {
        let mut outputs = MonteCarlo::<[f32; 1]>::new();
        for _ in 0..2000 {
            let mut word = dropout_kernels::Mask::<1>::new();
            rng.fill(drop_rate!(0.5), word.view_mut(2).expect("a word"));
            outputs.push(&[f32::from_bits(start.to_bits() + word.words()[0])]).expect("one");
            let variance = outputs.population_variance().expect("a pass").next();
            assert!(variance.is_some_and(|v| v >= 0.0), "{variance:?} around {start}");
        }
    }
}

/// Found by fuzzing: a difference that is no number of the type made the sum of squares -inf.
#[test]
fn outputs_too_far_apart_for_their_type_have_no_negative_variance() {
    fn check<T: Real>(most: T, least: T) {
        let mut outputs = pushed(&[[most; OUTPUTS], [least; OUTPUTS]]);
        for _ in 0..3 {
            for variance in outputs.population_variance().expect("two passes") {
                assert!(variance.is_nan() || variance.to_f64() >= 0.0, "{variance:?}");
            }
            outputs.push(&[most; OUTPUTS]).expect("OUTPUTS outputs");
        }
    }
    check(f32::MAX, f32::MIN);
    check(f64::MIN, f64::MAX);
}

#[test]
fn the_order_of_passes_matters_to_rounding_alone() {
    let mut shuffled = passes::<f64>(500, 3.0);
    shuffled.reverse();
    shuffled.rotate_left(123);
    check(&pushed(&shuffled), &passes(500, 3.0), 2e-14, 1e-12);
    let backward: Vec<_> = passes::<f32>(500, 3.0).into_iter().rev().collect();
    check(&pushed(&backward), &passes(500, 3.0), 1e-5, 2e-5);
}

#[test]
fn merged_accumulators_have_seen_the_passes_of_both() {
    fn merged<T: Real>(offset: f64, parts: usize, mean_within: f64, variance_within: f64) {
        let passes = passes::<T>(600, offset);
        let mut outputs = MonteCarlo::new();
        for part in passes.chunks(600usize.div_ceil(parts)) {
            outputs.merge(&pushed(part)).expect("as many outputs");
        }
        check(&outputs, &passes, mean_within, variance_within);
    }
    for parts in [1, 2, 3, 7, 599, 600] {
        merged::<f32>(0.0, parts, 1e-5, 5e-5);
        merged::<f64>(0.0, parts, 2e-14, 1e-12);
        merged::<f64>(1e8, parts, 1e-6, 1e-6);
    }
}

#[test]
fn merging_with_no_passes_changes_nothing() {
    let outputs = pushed(&passes::<f32>(9, 1.0));
    let mut same = outputs.clone();
    same.merge(&MonteCarlo::<[f32; OUTPUTS]>::new()).expect("as many outputs");
    assert_eq!(same, outputs);
    let mut empty = MonteCarlo::<[f32; OUTPUTS]>::default();
    empty.merge(&MonteCarlo::<[f32; OUTPUTS]>::new()).expect("as many outputs");
    assert_eq!(empty.mean(), None);
    empty.merge(&outputs).expect("as many outputs");
    assert_eq!(empty, outputs);
}

#[test]
fn slices_hold_what_arrays_hold_and_their_neighbours_stay() {
    fn check<T: Real>() {
        for offset in 0..4 {
            let dirt = [T::GUARD; OUTPUTS];
            let mut sums = [(); 4].map(|()| Guarded::new(&dirt, offset, T::GUARD));
            let passes = passes::<T>(50, 2.0);
            let array = pushed(&passes);
            let mut slices = MonteCarlo::over(sums.each_mut().map(Guarded::slice)).expect("equal");
            for y in &passes[..20] {
                slices.push(y).expect("OUTPUTS outputs");
            }
            slices.clear();
            assert_eq!((slices.passes(), slices.mean()), (0, None));
            for y in &passes {
                slices.push(y).expect("OUTPUTS outputs");
            }
            assert_eq!(slices.outputs(), OUTPUTS);
            assert_eq!(slices.mean(), array.mean());
            assert!(slices.variance().expect("two").eq(array.variance().expect("two")));
            assert_eq!(bits(sums[0].slice()), bits(array.mean().expect("a pass")));
            for guarded in sums {
                assert!(guarded.intact(|a, b| a.bits() == b.bits()));
            }
        }
    }
    check::<f32>();
    check::<f64>();
}

#[test]
fn too_few_passes_say_nothing() {
    let mut outputs = MonteCarlo::<[f64; 2]>::new();
    assert_eq!((outputs.passes(), outputs.mean()), (0, None));
    assert!(outputs.variance().is_none() && outputs.population_variance().is_none());
    outputs.push(&[1.5, -2.0]).expect("two outputs");
    assert_eq!(outputs.mean(), Some([1.5, -2.0].as_slice()));
    assert!(outputs.variance().is_none());
    assert!(outputs.population_variance().is_some_and(|v| v.eq([0.0, 0.0])));
    outputs.push(&[0.5, -2.0]).expect("two outputs");
    assert!(outputs.variance().is_some_and(|v| v.eq([0.5, 0.0])));
    assert!(outputs.population_variance().is_some_and(|v| v.eq([0.25, 0.0])));
}

#[test]
fn other_lengths_are_refused_and_nothing_changes() {
    let mut outputs = pushed(&passes::<f32>(4, 0.0));
    let before = outputs.clone();
    for given in [0, OUTPUTS - 1, OUTPUTS + 1] {
        let error = Err(ShapeError::OtherElements { expected: OUTPUTS, given });
        assert_eq!(outputs.push(&vec![1.0; given]), error);
        let mut sums = [(); 4].map(|()| vec![0.0; given]);
        let sums = sums.each_mut().map(Vec::as_mut_slice);
        let other = MonteCarlo::over(sums).expect("equal lengths");
        assert_eq!(outputs.merge(&other), error);
        assert_eq!(outputs, before);
    }
    let error = ShapeError::OtherElements { expected: 3, given: 2 };
    for short in 1..4 {
        let mut sums = [(); 4].map(|()| vec![7.0; 3]);
        sums[short].pop();
        let given = MonteCarlo::over(sums.each_mut().map(Vec::as_mut_slice)).err();
        assert_eq!(given, Some(error));
        assert!(sums.iter().flatten().all(|x| *x == 7.0));
    }
    let mut none = MonteCarlo::<[f32; 0]>::new();
    none.push(&[]).expect("no outputs");
    assert_eq!(none.variance().map(|v| v.len()), None);
}

/// 2^31 + 2^30 + ... + 1 passes by doubling, then one too many.
#[test]
fn the_count_does_not_overflow_unseen() {
    let mut power = pushed(&[[2.5f32; OUTPUTS]]);
    let mut full = power.clone();
    for _ in 1..32 {
        let half = power.clone();
        power.merge(&half).expect("below 2^32");
        full.merge(&power).expect("below 2^32");
    }
    assert_eq!(full.passes(), u32::MAX);
    let before = full.clone();
    let error = ShapeError::TooManyPasses { counted: u32::MAX, more: 1 };
    assert_eq!(full.push(&[2.5; OUTPUTS]), Err(error));
    let more = 1 << 31;
    assert_eq!(full.merge(&power), Err(ShapeError::TooManyPasses { counted: u32::MAX, more }));
    assert_eq!(full, before);
    assert_eq!(full.mean(), Some([2.5; OUTPUTS].as_slice()));
    let text = "expected at most 4294967295 passes, got 4294967295 + 1";
    assert_eq!(error.to_string(), text);
}

/// E[y] = w . x and Var[y] = p / (1 - p) sum (w x)^2 for y = w . dropout(x). 20,000 passes: the
/// mean has a standard error of 0.0071 deviations, the variance, of outputs near normal, one of 1
/// %. Each of five outputs is allowed 4.5 of them on either side, which a right program misses in 7
/// of 100,000 seeds; a p wrong by 10 % shifts the variance by 11 errors or more.
#[test]
fn passes_of_dropout_have_the_mean_and_variance_of_theory() {
    const INPUTS: usize = 128;
    let rate: DropRate = drop_rate!(0.3);
    let dropout = Dropout::new(rate);
    let weight = |i: usize, j: usize| (i as f64 * 0.9 + j as f64 * 1.3).sin();
    let w: [[f64; INPUTS]; OUTPUTS] =
        std::array::from_fn(|i| std::array::from_fn(|j| weight(i, j)));
    let mut outputs = MonteCarlo::<[f64; OUTPUTS]>::new();
    for pass in 0..20_000 {
        let mut x = [1f64; INPUTS];
        dropout.forward_in_place(&mut x, MaskKey::new(77, pass)).expect("any length");
        let y = w.map(|w| w.iter().zip(x).map(|(w, x)| w * x).sum());
        outputs.push(&y).expect("OUTPUTS outputs");
    }
    let odds = rate.p() / (1.0 - rate.p());
    let (mean, variance) = (outputs.mean().expect("passes"), outputs.variance().expect("passes"));
    for ((w, mean), variance) in w.iter().zip(mean).zip(variance) {
        let wanted = odds * w.iter().map(|w| w * w).sum::<f64>();
        let errors = (mean - w.iter().sum::<f64>()) / (wanted / 20_000.0).sqrt();
        assert!(errors.abs() < 4.5, "the mean is {errors} standard errors off");
        let errors = (variance / wanted - 1.0) / (2.0f64 / 20_000.0).sqrt();
        assert!(errors.abs() < 4.5, "the variance is {errors} standard errors off");
    }
}

/// Four passes at p = 1/2 of seed 42, streams 0 to 3: outputs are 0 or 2, so a mean is half the
/// count of passes that kept it.
#[test]
fn golden_values() {
    let dropout = Dropout::new(drop_rate!(0.5));
    let mut passes = MonteCarlo::<[f32; 8]>::new();
    for stream in 0..4 {
        let mut y = [1f32; 8];
        dropout.forward_in_place(&mut y, MaskKey::new(42, stream)).expect("any length");
        passes.push(&y).expect("lengths agree");
    }
    let mean = passes.mean().expect("four passes");
    let variance: Vec<f32> = passes.variance().expect("four passes").collect();
    // Thirds are rounded on the way, alike on every machine.
    assert_eq!(mean, [1.5, 0.5, 1.0, 1.5, 1.0, 0.5, 0.5, 1.0]);
    let third = 4f32 / 3.0;
    assert_eq!(variance, [1.0, 1.0, third.next_down(), 1.0, third, 1.0, 1.0, third]);
}

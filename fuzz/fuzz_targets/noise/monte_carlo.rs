//! Monte Carlo passes of any outputs.

use arbitrary::Arbitrary;
use dropout_kernels::{MonteCarlo, Outputs};
use dropout_kernels_fuzz::input::{Misfit, Values};
use dropout_kernels_fuzz::reference::guarded::Guarded;
use dropout_kernels_fuzz::reference::moments::two_passes;
use dropout_kernels_fuzz::reference::number::Real;
use dropout_kernels_fuzz::reference::suite::assert_alike;

#[derive(Arbitrary, Debug)]
pub struct Passes {
    count: u8,
    /// How many of them are in the first of two accumulators.
    first: u8,
    cleared: bool,
    /// Whether all passes are alike.
    constant: bool,
    misfit: Misfit,
}

const OUTPUTS: usize = 3;

pub fn check<T: Real>(values: Values, how: &Passes) {
    let count = usize::from(how.count % 24);
    let mut outputs: Vec<T> = values.get(count * OUTPUTS);
    if how.constant && count > 0 {
        outputs = outputs[..OUTPUTS].repeat(count);
    }
    let (passes, []) = outputs.as_chunks::<OUTPUTS>() else { unreachable!("whole passes") };
    let mut array = MonteCarlo::<[T; OUTPUTS]>::new();
    let dirt = [T::GUARD; OUTPUTS];
    let mut sums = [0, 1, 2, 3].map(|at| Guarded::exact(&dirt, at, T::GUARD));
    let mut slices = MonteCarlo::over(sums.each_mut().map(Guarded::slice)).expect("of one length");
    if how.cleared {
        slices.push(&dirt).expect("OUTPUTS outputs");
        slices.clear();
    }
    for pass in passes {
        array.push(pass).expect("OUTPUTS outputs");
        slices.push(pass).expect("OUTPUTS outputs");
        refused(&mut array, how.misfit);
        any_outputs(&array);
    }
    agree(&array, &slices);
    if how.constant && count > 1 && outputs.iter().all(|y| y.to_f64().is_finite()) {
        assert_eq!(array.mean(), Some(passes[0].as_slice()));
        assert!(array.variance().is_some_and(|mut all| all.all(|variance| variance.bits() == 0)));
    }

    let (first, second) = passes.split_at(usize::from(how.first).min(count));
    let mut merged = of(first);
    merged.merge(&of(second)).expect("OUTPUTS outputs");
    any_outputs(&merged);
    for outputs in [&array, &merged] {
        assert_eq!(outputs.passes() as usize, count);
        for i in 0..if count > 0 { OUTPUTS } else { 0 } {
            close(outputs, passes, i);
        }
    }
}

fn of<T: Real>(passes: &[[T; OUTPUTS]]) -> MonteCarlo<[T; OUTPUTS]> {
    let mut outputs = MonteCarlo::new();
    passes.iter().for_each(|pass| outputs.push(pass).expect("OUTPUTS outputs"));
    outputs
}

/// Outputs of another number, which change nothing.
fn refused<T: Real>(outputs: &mut MonteCarlo<[T; OUTPUTS]>, misfit: Misfit) {
    let [given] = misfit.among([OUTPUTS]);
    if given == OUTPUTS {
        return;
    }
    let before = outputs.clone();
    let mut sums = [(); 4].map(|()| vec![T::ONE; given]);
    assert!(outputs.push(&sums[0]).is_err());
    for longer in 1..4 {
        let mut sums = sums.clone();
        sums[longer].push(T::ONE);
        assert!(MonteCarlo::over(sums.each_mut().map(Vec::as_mut_slice)).is_err());
    }
    let other = MonteCarlo::over(sums.each_mut().map(Vec::as_mut_slice)).expect("of one length");
    assert!(outputs.merge(&other).is_err());
    agree(outputs, &before);
}

/// Two accumulators that hold the same, to the bit.
fn agree<T: Real>(
    a: &MonteCarlo<impl Outputs<Element = T>>,
    b: &MonteCarlo<impl Outputs<Element = T>>,
) {
    assert_eq!(a.passes(), b.passes());
    assert_alike(&results(a).concat(), &results(b).concat(), false, || a.passes());
}

/// Means and both variances, as far as there are.
fn results<T: Real>(outputs: &MonteCarlo<impl Outputs<Element = T>>) -> [Vec<T>; 3] {
    [
        outputs.mean().map(<[T]>::to_vec).unwrap_or_default(),
        outputs.variance().map(Iterator::collect).unwrap_or_default(),
        outputs.population_variance().map(Iterator::collect).unwrap_or_default(),
    ]
}

/// What holds for outputs of any bits: no variance is negative, and there are as many as there
/// should be.
fn any_outputs<T: Real>(outputs: &MonteCarlo<[T; OUTPUTS]>) {
    let [means, variances, population] = results(outputs);
    let passes = outputs.passes();
    let expected = [passes > 0, passes > 1, passes > 0].map(|any| if any { OUTPUTS } else { 0 });
    assert_eq!([means.len(), variances.len(), population.len()], expected);
    for variance in variances.into_iter().chain(population) {
        assert!(variance.is_nan() || variance.to_f64() >= 0.0, "{variance:?}");
    }
}

/// Output `i` of passes of numbers against sums in `f64`, as close as rounding lets it be.
fn close<T: Real>(outputs: &MonteCarlo<[T; OUTPUTS]>, passes: &[[T; OUTPUTS]], i: usize) {
    let values = || passes.iter().map(|pass| pass[i]);
    let most = values().map(|y| y.to_f64().abs()).fold(0.0, f64::max);
    // Of others the squares are no numbers, or not whole ones.
    if !(1e-6..1e6).contains(&most) || values().any(|y| y.is_nan()) {
        return;
    }
    let (mean, squares) = two_passes(values());
    let n = passes.len() as f64;
    // Each pass rounds the mean a few times.
    let epsilon = 4.0 * n * T::AWKWARD[10].to_f64();
    let [means, _, variances] = results(outputs);
    let off = (means[i].to_f64() - mean).abs();
    assert!(off <= epsilon * most, "the mean is off by {off:e} of {mean}");
    let off = (variances[i].to_f64() * n - squares).abs();
    let slip = epsilon * most * n.sqrt();
    let most = epsilon * squares + slip * (2.0 * squares.sqrt() + slip);
    assert!(off <= most, "the squares are off by {off:e} of {squares:e}, not {most:e}");
}

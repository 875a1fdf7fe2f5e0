//! Mean and variance over passes.

use core::hint::black_box;

use dropout_kernels::{MonteCarlo, Outputs, Real, ShapeError};

pub(crate) fn all<T: Real>(x: [T; 100]) -> Result<(), ShapeError> {
    let mut array = MonteCarlo::<[T; 100]>::new();
    look(&mut array, &x)?;
    let (mut sums, n) = (black_box([x; 4]), black_box(100usize));
    let sums = sums.each_mut().map(|sums| sums.get_mut(..n).unwrap_or_default());
    let mut slices = MonteCarlo::over(sums)?;
    look(&mut slices, &x)?;
    array.merge(&slices)?;
    slices.merge(&array)
}

fn look<T: Real, S: Outputs<Element = T>>(
    outputs: &mut MonteCarlo<S>,
    x: &[T],
) -> Result<(), ShapeError> {
    outputs.push(x)?;
    black_box((outputs.passes(), outputs.outputs(), outputs.mean()));
    black_box(outputs.variance().and_then(|v| v.last()));
    black_box(outputs.population_variance().and_then(|v| v.last()));
    outputs.clear();
    Ok(())
}

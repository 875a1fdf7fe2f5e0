//! Mean and variance over passes.

use core::hint::black_box;

use dropout_kernels::{Element, MonteCarlo, Outputs, ShapeError};

pub(crate) fn all<T: Element>(x: [T; 100]) -> Result<(), ShapeError> {
    let mut array = MonteCarlo::<[T; 100]>::new();
    look(&mut array, &x)?;
    let [mut mean, mut rest, mut squares] = [x; 3];
    let n = black_box(100usize);
    let (mean, _) = mean.split_at_mut_checked(n).unwrap_or_default();
    let (rest, _) = rest.split_at_mut_checked(n).unwrap_or_default();
    let (squares, _) = squares.split_at_mut_checked(n).unwrap_or_default();
    let mut slices = MonteCarlo::over(mean, rest, squares)?;
    look(&mut slices, &x)?;
    array.merge(&slices)?;
    slices.merge(&array)
}

fn look<T: Element, S: Outputs<Element = T>>(
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

//! Mean and spread of an output by two passes over all its values.

use crate::number::Number;

/// Mean and sum of squared deviations, the mean first.
pub fn two_passes<T: Number>(values: impl IntoIterator<Item = T>) -> (f64, f64) {
    let mut values: Vec<_> = values.into_iter().map(T::to_f64).collect();
    // From the first value, so that f64 is exact enough to judge f64 with.
    let origin = values[0];
    values.iter_mut().for_each(|y| *y -= origin);
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    (origin + mean, values.iter().map(|y| (y - mean).powi(2)).sum())
}

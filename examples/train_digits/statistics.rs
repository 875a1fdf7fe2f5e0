//! Mean, standard error and Student's t-test of a few numbers.

use statrs::distribution::{ContinuousCDF, StudentsT};

/// A mean, and its standard error if there is more than one value to tell it from.
pub(crate) struct Estimate {
    pub(crate) mean: f64,
    pub(crate) standard_error: Option<f64>,
    degrees_of_freedom: usize,
}

impl Estimate {
    pub(crate) fn of(values: &[f64]) -> Self {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let standard_error = (values.len() > 1).then(|| (squares / (n - 1.0) / n).sqrt());
        Self { mean, standard_error, degrees_of_freedom: values.len().saturating_sub(1) }
    }

    /// Half the width of the 95 % confidence interval.
    pub(crate) fn half_interval(&self) -> Option<f64> {
        let (error, student) = self.student()?;
        Some(error * student.inverse_cdf(0.975))
    }

    /// The two-sided p-value of the hypothesis that the mean is 0.
    pub(crate) fn p_value(&self) -> Option<f64> {
        let (error, student) = self.student()?;
        Some(2.0 * student.sf((self.mean / error).abs()))
    }

    /// `None` also where all values are the same, and there is nothing to test with.
    fn student(&self) -> Option<(f64, StudentsT)> {
        let error = self.standard_error.filter(|&error| error > 0.0)?;
        Some((error, StudentsT::new(0.0, 1.0, self.degrees_of_freedom as f64).ok()?))
    }
}

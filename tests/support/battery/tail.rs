//! p-values, two-sided: the chance of what was counted or of what is rarer on that side, doubled.

use libm::lgamma;
use statrs::distribution::{ChiSquared, ContinuousCDF};
use statrs::function::erf::erfc;

/// Cells of a chi-square test expect as many at least.
const LEAST: f64 = 10.0;

/// Cells of a chi-square test that may agree too well. Of fewer, all meet what is expected to the
/// last event too often.
const MANY: u32 = 10;

/// `count` of `n` independent events of probability `p`, by the exact law: its terms from `count`
/// outwards are added, to a part in 10^6 for `n` up to 2^28 (that of `lgamma`). `statrs` has this
/// too, but by a continued fraction that is cut off before it has converged for millions of events.
pub fn binomial(count: u64, n: u64, p: f64) -> f64 {
    if p > 0.5 {
        return binomial(n - count, n, 1.0 - p); // exact: a rate is a multiple of 2^-40
    }
    let down = count as f64 <= n as f64 * p;
    let (mut k, n) = (count as f64, n as f64);
    let (mut term, mut sum) = (binomial_term(k, n, p), 0.0);
    let odds = p / (1.0 - p);
    while term > sum * 1e-12 {
        sum += term;
        if down {
            term *= k / (n - k + 1.0) / odds;
            k -= 1.0;
        } else {
            term *= (n - k) / (k + 1.0) * odds;
            k += 1.0;
        }
    }
    (2.0 * sum).min(1.0)
}

/// The probability of `k` of `n` events, for p below 1.
pub fn binomial_term(k: f64, n: f64, p: f64) -> f64 {
    let choices = lgamma(n + 1.0) - lgamma(k + 1.0) - lgamma(n - k + 1.0);
    (choices + k * p.ln() + (n - k) * (-p).ln_1p()).exp()
}

/// `z` standard deviations of a normal distribution.
pub fn normal(z: f64) -> f64 {
    erfc(z.abs() / 2f64.sqrt())
}

/// Counts in cells against what is expected in each, by chi-square. Neighbouring cells are taken
/// together until they expect [`LEAST`]; nothing is left to test if that makes one cell of all.
pub fn chi_square(cells: impl IntoIterator<Item = (u64, f64)>) -> Option<f64> {
    let (mut sum, mut used) = (0.0, 0);
    let (mut count, mut expected) = (0, 0.0);
    let mut last = (0, 0.0);
    let square = |(count, expected): (u64, f64)| (count as f64 - expected).powi(2) / expected;
    for (c, e) in cells {
        count += c;
        expected += e;
        if expected >= LEAST {
            if used > 0 {
                sum += square(last);
            }
            last = (count, expected);
            used += 1;
            (count, expected) = (0, 0.0);
        }
    }
    sum += square((last.0 + count, last.1 + expected)); // the last takes what is left
    let law = ChiSquared::new(f64::from(used) - 1.0).ok().filter(|_| used > 1)?;
    let below = if used < MANY { 1.0 } else { law.cdf(sum) };
    Some((2.0 * law.sf(sum).min(below)).min(1.0))
}

/// Pairs of elements: `both` of `m` dropped, `first` of the firsts and `second` of the seconds.
/// Where few are expected, they are counted by the law of independent pairs, else their covariance,
/// which is normal and which overlapping pairs do not share, is compared with 0.
pub fn pairs(both: u64, first: u64, second: u64, m: u64, p: f64) -> f64 {
    if p > 0.5 {
        return pairs(m + both - first - second, m - first, m - second, m, 1.0 - p);
    }
    let n = m as f64;
    if n * p * p < 1000.0 {
        return binomial(both, m, p * p);
    }
    let covariance = both as f64 - p * (first + second) as f64 + n * p * p;
    normal(covariance / (n.sqrt() * p * (1.0 - p)))
}

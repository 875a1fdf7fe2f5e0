//! Many tests at once.

/// p-values for all tests together (Holm 1979, "A Simple Sequentially Rejective Multiple Test
/// Procedure"): the k-th smallest of n, from 0, times n - k; at most 1, and not below that of one
/// that was smaller.
pub(crate) fn holm(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<_> = (0..p.len()).collect();
    order.sort_by(|&a, &b| p[a].total_cmp(&p[b]));
    let (mut adjusted, mut highest) = (vec![1.0; p.len()], 0f64);
    for (k, i) in order.into_iter().enumerate() {
        highest = highest.max((p.len() - k) as f64 * p[i]).min(1.0);
        adjusted[i] = highest;
    }
    adjusted
}

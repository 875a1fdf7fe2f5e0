//! A way to drop, as the measurement sees it.

/// One training forward over the slice. Those that bring tensors of their own leave it alone.
pub(crate) type Forward = Box<dyn FnMut(&mut [f32])>;

/// A row of the table.
pub(crate) struct Contender {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// Prepares for slices of a length and a rate, outside the measured time.
    pub(crate) build: fn(usize, f32) -> Forward,
}

/// What can be expected of the slice after a forward.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Not dropout, but what its time is judged by.
    Floor,
    /// Drops in the slice.
    InPlace,
    /// Drops in tensors of its own, and has checked them.
    #[cfg_attr(not(feature = "frameworks"), allow(dead_code, reason = "frameworks do"))]
    OwnTensors,
}

/// What a kept element is multiplied by.
pub(crate) fn scale(p: f32) -> f32 {
    1.0 / (1.0 - p)
}

/// Panics unless `y` is what dropout at rate `p` makes of ones. A contender that is quietly the
/// identity would otherwise win.
pub(crate) fn check(name: &str, y: &[f32], p: f32) {
    let dropped = y.iter().filter(|&&y| y == 0.0).count() as f64;
    let (n, p64) = (y.len() as f64, f64::from(p));
    let sigmas = (dropped - n * p64) / (n * p64 * (1.0 - p64)).sqrt();
    assert!(sigmas.abs() < 6.0, "{name}: dropped {dropped} of {n} at p = {p}");
    let right = |y: f32| y == 0.0 || (y - scale(p)).abs() < 1e-5;
    assert!(y.iter().all(|&y| right(y)), "{name}: a kept element is not scaled at p = {p}");
}

//! Ours beside candle-nn's: forward, and forward and backward, nanoseconds per element, median of runs that alternate.
//!
//! `RAYON_NUM_THREADS=1 cargo bench`: dropout itself uses one thread, candle's additions would use more.

use std::hint::black_box;
use std::time::Instant;

use candle_core::{DType, Device, Result, Tensor, Var};
use dropout_kernels_candle::{DropRate, Dropout, MaskKey, ops};

/// Elements that are dropped between two looks at the clock, at least.
const ELEMENTS: usize = 1 << 20;
const RUNS: usize = 41;

/// What is timed.
type Step<'a> = &'a dyn Fn() -> Result<Tensor>;

fn main() -> Result<()> {
    println!(
        "{:<18}  {:>5}  {:>9}  {:>9}  {:>6}",
        "f32, ns/element", "p", "candle-nn", "ours", "ratio"
    );
    for (name, n) in [("16 Ki", 16 << 10), ("256 Ki", 256 << 10), ("4 Mi", 4 << 20)] {
        for p in [0.1, 0.5] {
            compare(DType::F32, name, n, p)?;
        }
    }
    println!("\nbf16");
    compare(DType::BF16, "256 Ki", 256 << 10, 0.1)
}

fn compare(dtype: DType, name: &str, n: usize, p: f32) -> Result<()> {
    let x = Var::ones(n, dtype, &Device::Cpu)?;
    let (ours, candle) = (Dropout::new(p), candle_nn::Dropout::new(p));
    let step =
        |y: Tensor| y.backward()?.remove(&x).ok_or_else(|| candle_core::Error::msg("no gradient"));
    let table: [(&str, [Step<'_>; 2]); 2] = [
        ("forward", [&|| candle.forward(&x, true), &|| ours.forward(&x, true)]),
        ("with backward", [&|| step(candle.forward(&x, true)?), &|| step(ours.forward(&x, true)?)]),
    ];
    for (what, contenders) in table {
        let [candle, ours] = medians(n, contenders)?;
        println!(
            "{name:<6} {what:<13}  {p:>3.1}  {candle:>9.3}  {ours:>9.3}  {:>6.3}",
            ours / candle
        );
    }
    let rate = DropRate::new(p).map_err(candle_core::Error::wrap)?;
    let key = MaskKey::new(42, 0);
    let in_place = || {
        ops::dropout_by_key_in_place(&x, rate, key)?;
        Ok(x.as_tensor().clone())
    };
    // What the graph costs without dropout: ones for the gradient of y, zeros that it is added to.
    let identity = || step(x.as_tensor().copy()?);
    let [graph, in_place] = medians(n, [&identity, &in_place])?;
    println!("{name:<6} a copy with backward {graph:.3}, ours in place without {in_place:.3}");
    Ok(())
}

/// Of each, in nanoseconds per element.
fn medians(n: usize, contenders: [Step<'_>; 2]) -> Result<[f64; 2]> {
    let calls = (ELEMENTS / n).max(1);
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..RUNS {
        for (contender, times) in contenders.iter().zip(&mut times) {
            let start = Instant::now();
            for _ in 0..calls {
                black_box(contender()?);
            }
            times.push(start.elapsed().as_secs_f64() * 1e9 / (calls * n) as f64);
        }
    }
    Ok(times.map(|mut times| {
        times.sort_by(f64::total_cmp);
        times[RUNS / 2]
    }))
}

//! Ours beside burn's: forward, and forward and backward, nanoseconds per element, median of runs that alternate.
//!
//! `RAYON_NUM_THREADS=1 cargo bench`: dropout itself uses one thread.

use std::hint::black_box;
use std::time::Instant;

use burn::nn::DropoutConfig as Burns;
use burn::tensor::{Device, Tensor};
use dropout_kernels_burn::DropoutConfig as Ours;

/// Elements that are dropped between two looks at the clock, at least.
const ELEMENTS: usize = 1 << 20;
const RUNS: usize = 41;

/// What is timed.
type Step<'a> = &'a dyn Fn() -> Tensor<1>;

fn main() {
    println!("{:<20}  {:>3}  {:>9}  {:>9}  {:>6}", "f32, ns/element", "p", "burn", "ours", "ratio");
    for (name, n) in [("16 Ki", 16 << 10), ("256 Ki", 256 << 10), ("4 Mi", 4 << 20)] {
        for p in [0.1, 0.5] {
            let x = Tensor::<1>::ones([n], &Device::default().autodiff()).require_grad();
            let (burns, ours) = (Burns::new(p).init(), Ours::new(p).init());
            let step = |y: Tensor<1>| x.grad(&y.sum().backward()).expect("y depends on x");
            let table: [(&str, [Step<'_>; 2]); 2] = [
                ("forward", [&|| burns.forward(x.clone()), &|| ours.forward(x.clone())]),
                (
                    "with backward",
                    [&|| step(burns.forward(x.clone())), &|| step(ours.forward(x.clone()))],
                ),
            ];
            for (what, contenders) in table {
                let [burns, ours] = medians(n, contenders);
                let ratio = ours / burns;
                println!("{name:<6} {what:<13}  {p:>3.1}  {burns:>9.3}  {ours:>9.3}  {ratio:>6.3}");
            }
        }
    }
}

/// Of each, in nanoseconds per element.
fn medians(n: usize, contenders: [Step<'_>; 2]) -> [f64; 2] {
    let calls = (ELEMENTS / n).max(1);
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..RUNS {
        for (contender, times) in contenders.iter().zip(&mut times) {
            let start = Instant::now();
            for _ in 0..calls {
                black_box(contender());
            }
            times.push(start.elapsed().as_secs_f64() * 1e9 / (calls * n) as f64);
        }
    }
    times.map(|mut times| {
        times.sort_by(f64::total_cmp);
        times[RUNS / 2]
    })
}

//! Gaussian dropout on every backend of this machine, beside the method of Box and Muller element
//! by element with libm's logarithm, sine and cosine (the crate's, and the machine's), and beside
//! plain dropout.
//!
//! `cargo bench --bench gaussian` prints nanoseconds an element, medians of interleaved runs. From
//! one slice to another: in place, values would sink into the denormals, which cost time of their
//! own.

#[allow(dead_code, unsafe_code, reason = "a part is used; the call edge of vector versions")]
mod support;

use std::f32::consts::TAU;
use std::hint::black_box;
use std::time::Instant;

use dropout_kernels::{Backend, Dropout, GaussianDropout, MaskKey, MaskRng, drop_rate};
use rand_core::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro128PlusPlus;
use support::Aligned;

/// Elements: in the first cache.
const N: usize = 4096;
const RUNS: usize = 201;
/// Calls that are timed together.
const CALLS: usize = 20;

fn main() {
    let gaussian = GaussianDropout::new(drop_rate!(0.1)).expect("below 1");
    let dropout = Dropout::new(drop_rate!(0.1));
    let (x, x64) = (vec![1f32; N], vec![1f64; N]);
    let (mut y, mut y64) = (Aligned::new(0f32, N), Aligned::new(0f64, N));
    let mut rng = MaskRng::new(42, 0);
    let mut scalar = Xoshiro128PlusPlus::seed_from_u64(42);
    let deviation = gaussian.std_dev();

    let mut names = vec!["Box-Muller, libm crate", "Box-Muller, std"];
    let mut times = vec![vec![]; 2 + 3 * Backend::available().count()];
    for _ in 0..RUNS {
        let mut times = times.iter_mut();
        let mut time = |f: &mut dyn FnMut()| {
            let start = Instant::now();
            (0..CALLS).for_each(|_| f());
            let ns = start.elapsed().as_nanos() as f64 / (CALLS * N) as f64;
            times.next().expect("a place for each").push(ns);
        };
        let (y, y64) = (y.slice(), y64.slice());
        time(&mut || {
            box_muller(&x, black_box(y), deviation, &mut scalar, libm::logf, libm::sincosf);
        });
        time(&mut || box_muller(&x, black_box(y), deviation, &mut scalar, f32::ln, f32::sin_cos));
        for backend in Backend::available() {
            let (gaussian, dropout) =
                (gaussian.with_backend(backend), dropout.with_backend(backend));
            time(&mut || gaussian.forward(&x, black_box(y), &mut rng).expect("lengths agree"));
            time(&mut || gaussian.forward(&x64, black_box(y64), &mut rng).expect("lengths agree"));
            time(&mut || {
                dropout.forward(&x, black_box(y), MaskKey::new(42, 0)).expect("lengths agree");
            });
        }
    }
    for backend in Backend::available() {
        names.extend([backend.name(), "  f64", "  plain dropout"]);
    }
    let medians: Vec<_> = times.into_iter().map(median).collect();
    println!("{:24} {:>12} {:>22}", "", "ns/element", "times as fast as libm");
    for (name, ns) in names.iter().zip(&medians) {
        println!("{name:24} {ns:12.3} {:22.1}", medians[0] / ns);
    }
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// Two elements for each pair of outputs, as a loop over scalars has it.
#[inline(never)]
fn box_muller(
    x: &[f32],
    y: &mut [f32],
    deviation: f32,
    rng: &mut Xoshiro128PlusPlus,
    ln: impl Fn(f32) -> f32,
    sin_cos: impl Fn(f32) -> (f32, f32),
) {
    const UNIT: f32 = 1.0 / (1u64 << 32) as f32;
    for ([c, d], [a, b]) in y.as_chunks_mut().0.iter_mut().zip(x.as_chunks().0) {
        let u = (rng.next_u32() as f32 + 0.5) * UNIT;
        let radius = (-2.0 * ln(u)).sqrt();
        let (sine, cosine) = sin_cos(rng.next_u32() as f32 * UNIT * TAU);
        *c = a * (1.0 + deviation * radius * cosine);
        *d = b * (1.0 + deviation * radius * sine);
    }
}

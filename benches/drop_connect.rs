//! The product with a matrix whose weights are dropped, beside the same loop with all of them kept,
//! on every backend.
//!
//! `cargo bench --bench drop_connect` prints nanoseconds a weight, medians of interleaved runs.

use std::hint::black_box;
use std::time::Instant;

use dropout_kernels::{Backend, DropConnect, MaskKey, MaskRef, drop_rate, mask_words};

/// 256 KiB of weights: in the second cache.
const ROWS: usize = 256;
const COLUMNS: usize = 256;
const RUNS: usize = 201;
const CALLS: usize = 10;
/// Vectors of a batch.
const BATCH: usize = 8;
const NAMES: [&str; 10] = [
    "all kept",
    "forward, stored",
    "forward, replayed",
    "to input, stored",
    "to input, replayed",
    "to weights, stored",
    "to weights, replayed",
    "8 vectors, forward",
    "8 vectors, to input",
    "8 vectors, to weights",
];

fn main() {
    let layer = DropConnect::new(drop_rate!(0.5), ROWS, COLUMNS).expect("a small shape");
    let w = vec![1f32; ROWS * COLUMNS];
    let (x, dy) = (vec![1f32; COLUMNS], vec![1f32; ROWS]);
    let (xs, dys) = (vec![1f32; BATCH * COLUMNS], vec![1f32; BATCH * ROWS]);
    let (mut ys, mut dxs) = (dys.clone(), xs.clone());
    let (mut y, mut dx, mut dw) = (vec![0f32; ROWS], vec![0f32; COLUMNS], w.clone());
    let words = vec![0xA5C3_965A; mask_words(layer.mask_bits())];
    let mask = MaskRef::new(&words, layer.mask_bits()).expect("the words of the mask");
    for backend in Backend::available() {
        let layer = layer.with_backend(backend);
        let mut times = [const { Vec::new() }; NAMES.len()];
        for _ in 0..RUNS {
            let mut times = times.iter_mut();
            let mut time = |f: &mut dyn FnMut()| {
                let start = Instant::now();
                (0..CALLS).for_each(|_| f());
                let ns = start.elapsed().as_nanos() as f64 / (CALLS * w.len()) as f64;
                times.next().expect("a place for each").push(ns);
            };
            let (w, dw) = (black_box(&w[..]), black_box(&mut dw[..]));
            time(&mut || layer.infer(w, &x, &mut y).expect("it fits"));
            time(&mut || layer.forward(w, &x, &mut y, mask).expect("it fits"));
            time(&mut || layer.forward(w, &x, &mut y, MaskKey::new(1, 2)).expect("it fits"));
            time(&mut || layer.backward_input(w, &dy, &mut dx, mask).expect("it fits"));
            time(&mut || {
                layer.backward_input(w, &dy, &mut dx, MaskKey::new(1, 2)).expect("it fits");
            });
            time(&mut || layer.backward_weights(&x, &dy, dw, mask).expect("it fits"));
            time(&mut || {
                layer.backward_weights(&x, &dy, dw, MaskKey::new(1, 2)).expect("it fits");
            });
            // For all of them.
            time(&mut || layer.forward(w, &xs, &mut ys, mask).expect("it fits"));
            time(&mut || layer.backward_input(w, &dys, &mut dxs, mask).expect("it fits"));
            time(&mut || layer.backward_weights(&xs, &dys, dw, mask).expect("it fits"));
        }
        let medians = times.map(|mut times| {
            times.sort_by(f64::total_cmp);
            times[times.len() / 2]
        });
        println!("{}, {ROWS} x {COLUMNS}, f32, p = 0.5", backend.name());
        for (name, ns) in NAMES.iter().zip(medians) {
            println!("  {name:22} {ns:8.3} ns a weight, {:5.2} times all kept", ns / medians[0]);
        }
    }
}

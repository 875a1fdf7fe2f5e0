//! Every element type beside `f32`: nanoseconds an element, interleaved in one run.

use std::hint::black_box;
use std::time::Instant;

use dropout_kernels::{Backend, Element};

use crate::contenders::{self, Buffers, Filled};
use crate::measure::{L1, L2, median};

/// Kernels by what they are called, with the rate.
const KERNELS: [(&str, &str, f32); 5] = [
    ("forward_in_place", "forward with mask, p = 0.1", 0.1),
    ("forward_in_place", "forward with mask, p = 0.5", 0.5),
    ("backward_in_place", "backward", 0.1),
    ("classic_forward_in_place", "classic (Fold) forward with mask, p = 0.1", 0.1),
    ("classic_backward_in_place", "classic (Fold) backward", 0.1),
];

const ROUNDS: usize = 31;
const ELEMENTS_A_SAMPLE: usize = 1 << 19;

/// One kernel on elements of one type.
struct Timed {
    element: &'static str,
    /// None is `memcpy` of such elements.
    kernel: Option<usize>,
    n: usize,
    run: Box<dyn FnMut()>,
    samples: Vec<f64>,
}

fn add<T: Element + Filled>(all: &mut Vec<Timed>, element: &'static str, backend: Backend) {
    for n in [L1, L2] {
        let mut push = |kernel, run| all.push(Timed { element, kernel, n, run, samples: vec![] });
        for (i, (name, _, p)) in KERNELS.into_iter().enumerate() {
            let mut ours = contenders::ours::<T>(backend, p).into_iter();
            let mut contender = ours.find(|c| c.name == name).expect("a kernel of the list");
            let mut buffers = Buffers::new(n, 0);
            push(Some(i), Box::new(move || (contender.run)(&mut buffers)));
        }
        // Not a multiple of 4 KiB apart: then loads wait for stores.
        let (x, mut y) = (vec![T::filled(); n], vec![T::filled(); n + 3 * n / 7]);
        push(None, Box::new(move || black_box(&mut y[3 * n / 7..]).copy_from_slice(black_box(&x))));
    }
}

/// Measures and prints, in Markdown.
pub fn print() {
    let backend = Backend::detect();
    let mut all = vec![];
    add::<f32>(&mut all, "f32", backend);
    add::<f64>(&mut all, "f64", backend);
    add::<half::f16>(&mut all, "f16", backend);
    add::<half::bf16>(&mut all, "bf16", backend);
    add::<i16>(&mut all, "i16", backend);
    add::<i8>(&mut all, "i8", backend);
    for _ in 0..ROUNDS {
        for timed in &mut all {
            let repeats = ELEMENTS_A_SAMPLE / timed.n;
            (timed.run)();
            let start = Instant::now();
            (0..repeats).for_each(|_| (timed.run)());
            let nanoseconds = start.elapsed().as_secs_f64() * 1e9;
            timed.samples.push(nanoseconds / (repeats * timed.n) as f64);
        }
    }
    println!("\nBackend {}, nanoseconds an element, {L1} / {L2} elements:\n", backend.name());
    println!("| {:<42} | {} |", "", ELEMENTS.map(|e| format!("{e:<13}")).join(" | "));
    println!("|{:-<44}|{}|", "", ELEMENTS.map(|_| "-".repeat(15)).join("|"));
    for kernel in (0..KERNELS.len()).map(Some).chain([None]) {
        let of = |element, n| {
            let mut found =
                all.iter().filter(|t| (t.element, t.kernel, t.n) == (element, kernel, n));
            median(found.next().expect("measured").samples.clone())
        };
        let cells = ELEMENTS.map(|e| format!("{:.4} / {:.4}", of(e, L1), of(e, L2)));
        let what = kernel.map_or("memcpy", |i| KERNELS[i].1);
        println!("| {what:<42} | {} |", cells.join(" | "));
    }
}

const ELEMENTS: [&str; 6] = ["f32", "f64", "f16", "bf16", "i16", "i8"];

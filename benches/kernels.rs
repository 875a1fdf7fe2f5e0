//! Every kernel, on every backend of this machine, over slice sizes and rates, beside two floors:
//! `scale`, which multiplies the slice by a run-time constant in place, and `memcpy`.
//!
//! `cargo bench --bench kernels -- forward/16384` runs a part.
#![allow(missing_docs, reason = "criterion's macros write undocumented functions")]

#[path = "support.rs"]
#[expect(unsafe_code, reason = "the call edge of the floor's vector versions")]
mod support;

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use dropout_kernels::{Backend, DropRate, Dropout, Element, MaskMut, MaskRng, mask_words};
use support::{Aligned, scale};

const SIZES: [usize; 4] = [64, 1 << 10, 1 << 14, 1 << 18];
const RATES: [f32; 3] = [0.1, 0.25, 0.5];

fn floors(c: &mut Criterion) {
    let mut group = c.benchmark_group("floor");
    for n in SIZES {
        let (mut x, mut y) = (Aligned::new(1f32, n), Aligned::new(0f32, n));
        group.throughput(Throughput::Elements(n as u64));
        group.bench_function(BenchmarkId::new("scale", n), |b| {
            b.iter(|| scale(black_box(x.slice()), black_box(1.0)));
        });
        group.bench_function(BenchmarkId::new("memcpy", n), |b| {
            b.iter(|| black_box(y.slice()).copy_from_slice(black_box(x.slice())));
        });
    }
    group.finish();
}

/// The training functions at one size and rate.
fn train<T: Element>(c: &mut Criterion, one: T, backend: Backend, n: usize, p: f32) {
    let rate = DropRate::new(p).expect("a rate from RATES");
    let dropout = Dropout::new(rate).with_backend(backend);
    let (mut x, mut y) = (Aligned::new(one, n), Aligned::new(one, n));
    let mut words = Aligned::new(0u32, mask_words(n));
    let mut rng = MaskRng::new(42, 0);

    let mut group = c.benchmark_group(std::any::type_name::<T>());
    group.throughput(Throughput::Elements(n as u64));
    let name = |kernel| BenchmarkId::new(format!("{}/{kernel}/{n}", backend.name()), p);
    macro_rules! mask {
        () => {
            MaskMut::new(words.slice(), n).expect("mask_words(n) words")
        };
    }
    group.bench_function(name("fill"), |b| {
        b.iter(|| rng.fill_with(backend, black_box(rate), mask!()));
    });
    group.bench_function(name("forward_in_place"), |b| {
        b.iter(|| dropout.forward_in_place(black_box(x.slice()), mask!(), &mut rng));
    });
    group.bench_function(name("forward"), |b| {
        b.iter(|| dropout.forward(black_box(x.slice()), y.slice(), mask!(), &mut rng));
    });
    group.bench_function(name("backward_in_place"), |b| {
        b.iter(|| dropout.backward_in_place(black_box(x.slice()), mask!().as_ref()));
    });
    group.bench_function(name("backward"), |b| {
        b.iter(|| dropout.backward(black_box(x.slice()), y.slice(), mask!().as_ref()));
    });
    let classic = Dropout::classic(rate).with_backend(backend);
    group.bench_function(name("classic_forward_in_place"), |b| {
        b.iter(|| classic.forward_in_place(black_box(x.slice()), mask!(), &mut rng));
    });
    group.bench_function(name("classic_infer_in_place"), |b| {
        b.iter(|| classic.infer_in_place(black_box(x.slice())));
    });
    group.bench_function(name("forward_replay_in_place"), |b| {
        b.iter(|| dropout.forward_replay_in_place(black_box(x.slice()), black_box(42), 0));
    });
    group.finish();
}

fn kernels(c: &mut Criterion) {
    for backend in Backend::available() {
        for n in SIZES {
            for p in RATES {
                train(c, 1f32, backend, n, p);
                train(c, 1f64, backend, n, p);
            }
        }
    }
}

criterion_group!(benches, floors, kernels);
criterion_main!(benches);

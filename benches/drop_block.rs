//! `DropBlock` on packed words beside the usual formulation by max-pooling, in Rust and in vectors
//! of this machine: seeds as f32 zeros and ones, padded, pooled by block x block with stride 1,
//! subtracted from 1, multiplied and normalised. `pool` takes the maximum over the whole window, as
//! torchvision does, `separable pool` along rows and then along columns, as a careful user would.
//!
//! A (32, 64, 28, 28) tensor of f32, blocks of 7 x 7, p = 0.1: `cargo bench --bench drop_block`.
//! Measured on an AMD EPYC (Zen 4), 2026-11-23, forward in milliseconds, medians of three runs:
//! ours 0.57 (shared by channels 0.19), pool 24.7, separable pool 11.4; torchvision
//! (`peers/drop_block.py`) 77.
#![allow(missing_docs, reason = "criterion's macros write undocumented functions")]

#[path = "drop_block/max_pool.rs"]
#[expect(unsafe_code, reason = "the call edge of vector versions")]
mod max_pool;
#[allow(dead_code, unsafe_code, reason = "a part is used; the call edge of vector versions")]
mod support;

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use dropout_kernels::{
    Backend, DropBlock, DropRate, Dropout, MaskMut, MaskRng, drop_rate, mask_words,
};
use max_pool::MaxPool;
use support::Aligned;
use support::floors::scale;

const BATCH: usize = 32;
const CHANNELS: usize = 64;
const SIDE: usize = 28;
const BLOCK: usize = 7;
const N: usize = BATCH * CHANNELS * SIDE * SIDE;
const RATE: DropRate = drop_rate!(0.1);

fn drop_block(c: &mut Criterion) {
    let blocks = DropBlock::new(RATE, BLOCK, BATCH, CHANNELS, &[SIDE, SIDE]).expect("a shape");
    let (mut x, mut y) = (Aligned::new(1f32, N), Aligned::new(0f32, N));
    let mut words = Aligned::new(0u32, mask_words(N));
    let mut rng = MaskRng::new(42, 0);
    let mut group = c.benchmark_group("drop_block");
    group.throughput(Throughput::Elements(N as u64));
    macro_rules! mask {
        ($blocks:expr) => {{
            let bits = $blocks.mask_bits();
            MaskMut::new(&mut words.slice()[..mask_words(bits)], bits).expect("enough words")
        }};
    }
    for backend in Backend::available() {
        let name = |kernel| format!("{}/{kernel}", backend.name());
        for (kind, blocks) in [("", blocks), (" shared", blocks.shared())] {
            let blocks = blocks.with_backend(backend);
            group.bench_function(name(format!("draw{kind}")), |b| {
                b.iter(|| blocks.fill(mask!(blocks), &mut rng));
            });
            group.bench_function(name(format!("forward{kind}")), |b| {
                b.iter(|| blocks.forward(black_box(x.slice()), y.slice(), rng.draw(mask!(blocks))));
            });
            group.bench_function(name(format!("backward{kind}")), |b| {
                b.iter(|| blocks.backward(black_box(x.slice()), y.slice(), mask!(blocks).as_ref()));
            });
        }
        let plain = Dropout::new(RATE).with_backend(backend);
        group.bench_function(name("plain dropout".into()), |b| {
            b.iter(|| plain.forward(black_box(x.slice()), y.slice(), rng.draw(mask!(blocks))));
        });
    }
    for separable in [false, true] {
        let gamma = blocks.seed_rate().p();
        let mut pool = MaxPool::new(gamma, BLOCK, BATCH * CHANNELS, SIDE, separable);
        let name = if separable { "separable pool" } else { "pool" };
        pool.forward(x.slice(), y.slice());
        let dropped = y.slice().iter().filter(|y| **y == 0.0).count() as f64 / N as f64;
        assert!((dropped - 0.094).abs() < 0.004, "{name} drops {dropped}, and not as DropBlock");
        group.bench_function(name, |b| {
            b.iter(|| pool.forward(black_box(x.slice()), black_box(y.slice())));
        });
    }
    group.bench_function("floor: scale in place", |b| b.iter(|| scale(x.slice(), black_box(1.0))));
    group.finish();
}

criterion_group!(benches, drop_block);
criterion_main!(benches);

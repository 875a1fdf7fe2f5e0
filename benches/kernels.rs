//! Every kernel, on every backend of this machine, over slice sizes and rates, for `f32` and `f64`,
//! beside floors, which multiply by a run-time constant or copy, and loops that users write.
//!
//! `cargo bench --bench kernels` takes eight minutes where there are three backends;
//! `-- f32/avx2/forward_in_place/16384` runs a part, `-- --test` each once, in a few seconds.
#![allow(missing_docs, reason = "criterion's macros write undocumented functions")]

mod contenders;
#[expect(unsafe_code, reason = "the call edge of the floors' vector versions")]
mod support;

use std::any::type_name;
use std::time::Duration;

use contenders::{Buffers, Contender, Filled};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use dropout_kernels::Element;
use support::floors::Number;

const SIZES: [usize; 6] = [64, 1 << 10, 1 << 14, 1 << 18, 1 << 22, 1 << 24];

fn kernels(c: &mut Criterion) {
    bench::<f32>(c, contenders::all().into_iter().chain(contenders::theirs()));
    bench::<f64>(c, contenders::all());
}

fn bench<T: Element + Filled + Number>(
    c: &mut Criterion,
    contenders: impl IntoIterator<Item = Contender<T>>,
) {
    let mut group = c.benchmark_group(type_name::<T>());
    let mut contenders: Vec<_> = contenders.into_iter().collect();
    for n in SIZES {
        let mut buffers = Buffers::new(n, 0);
        group.throughput(Throughput::Elements(n as u64));
        for contender in &mut contenders {
            let backend = contender.backend.map(|b| b.name().to_owned());
            let (name, p) = (contender.name.to_owned(), contender.p.map(|p| p.to_string()));
            let id: Vec<_> = backend.into_iter().chain([name, n.to_string()]).chain(p).collect();
            group.bench_function(BenchmarkId::from_parameter(id.join("/")), |b| {
                b.iter(|| (contender.run)(&mut buffers));
            });
        }
    }
    group.finish();
}

/// Short, for there are some 1500 of them. Sixteen million elements take ten samples of one call.
fn short() -> Criterion {
    Criterion::default()
        .sample_size(10)
        .nresamples(10_000)
        .warm_up_time(Duration::from_millis(50))
        .measurement_time(Duration::from_millis(200))
}

criterion_group! { name = benches; config = short(); targets = kernels }
criterion_main!(benches);

//! One tensor over several threads, by keys: `cargo bench --bench threads`.
//!
//! A chunk of 128 Ki elements has a key of its own, so that the mask does not depend on how many threads
//! there are. From L2, each thread goes over its one chunk again and again; from memory, over its share of
//! 64 Mi elements. Prints nanoseconds per element, of all threads together, and how many times as fast that is
//! as one thread.

use std::sync::Barrier;
use std::thread;
use std::time::Instant;

use dropout_kernels::{Backend, Dropout, MaskKey, drop_rate};

/// Half a MiB of f32.
const CHUNK: usize = 1 << 17;
const PASSES: usize = 9;

fn main() {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let counts: Vec<usize> = (1..=16).filter(|n| *n <= cores).collect();
    println!(
        "Backend {}, {cores} processors, f32, forward in place by key\n",
        Backend::detect().name()
    );
    println!("| threads | p = 0.1, L2 | | p = 0.1, memory | | p = 0.5, L2 | | p = 0.5, memory | |");
    println!("|---|---|---|---|---|---|---|---|---|");
    let mut memory = vec![1f32; 1 << 26];
    let mut alone = [0.0; 4];
    for threads in counts {
        let mut row = format!("| {threads} |");
        let cases = [(0.1, true), (0.1, false), (0.5, true), (0.5, false)];
        for ((p, cached), alone) in cases.into_iter().zip(&mut alone) {
            let rate = if p == 0.1 { drop_rate!(0.1) } else { drop_rate!(0.5) };
            let elements = if cached { threads * CHUNK } else { memory.len() };
            let share = elements.div_ceil(threads).next_multiple_of(CHUNK);
            let repeats = if cached { 200 } else { 1 };
            let time = run(Dropout::new(rate), &mut memory[..elements], share, repeats);
            let each = time / (repeats * elements) as f64;
            if threads == 1 {
                *alone = each;
            }
            row += &format!(" {each:.4} | {:.2} x |", *alone / each);
        }
        println!("{row}");
    }
}

/// Nanoseconds, the median of several passes in which all threads begin together.
fn run(dropout: Dropout, elements: &mut [f32], share: usize, repeats: usize) -> f64 {
    let threads = elements.len().div_ceil(share);
    let mut passes: Vec<f64> = (0..PASSES)
        .map(|pass| {
            let start = Barrier::new(threads + 1);
            let began = thread::scope(|scope| {
                for (thread, share_of) in elements.chunks_mut(share).enumerate() {
                    let start = &start;
                    scope.spawn(move || {
                        start.wait();
                        for step in 0..repeats {
                            for (i, chunk) in share_of.chunks_mut(CHUNK).enumerate() {
                                let chunk_of_all = (thread * share / CHUNK + i) as u64;
                                let key =
                                    MaskKey::new((pass * repeats + step) as u64, chunk_of_all);
                                dropout.forward_in_place(chunk, key).expect("a key fits");
                            }
                        }
                    });
                }
                start.wait();
                Instant::now()
            });
            let time = began.elapsed().as_secs_f64() * 1e9;
            // Values grow by 1 / (1 - p) where they are kept: they begin anew.
            elements.fill(1.0);
            time
        })
        .collect();
    passes.sort_by(f64::total_cmp);
    passes[PASSES / 2]
}

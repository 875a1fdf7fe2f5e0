//! One large tensor dropped by several threads, whose result does not depend on their number or
//! order.
//!
//! The tensor is cut into chunks of a fixed size, and chunk c takes stream c of the step: nothing
//! is shared between chunks, so any thread can take any of them, forward or backward, and the chunk
//! that a worker on another machine holds gets the mask it would get here. `cargo run --release
//! --example parallel`.

use dropout_kernels::{Dropout, MaskKey, drop_rate};
use rayon::ThreadPoolBuilder;
use rayon::prelude::*;

const DROPOUT: Dropout = Dropout::new(drop_rate!(0.1));

/// Part of what names a mask: another size gives other masks. A few cache sizes for work to be
/// worth a task, and a multiple of 512 for blocks to be whole.
const CHUNK: usize = 1 << 16;

/// The stream of a chunk: the step in the high half, so that no two steps share one.
fn stream(step: u32, chunk: usize) -> u64 {
    u64::from(step) << 32 | chunk as u64
}

fn forward(x: &mut [f32], seed: u64, step: u32) {
    x.par_chunks_mut(CHUNK).enumerate().for_each(|(chunk, x)| {
        DROPOUT.forward_in_place(x, MaskKey::new(seed, stream(step, chunk))).expect("any length");
    });
}

fn backward(dx: &mut [f32], seed: u64, step: u32) {
    dx.par_chunks_mut(CHUNK).enumerate().for_each(|(chunk, dx)| {
        DROPOUT.backward_in_place(dx, MaskKey::new(seed, stream(step, chunk))).expect("any length");
    });
}

fn main() {
    let ones = vec![1f32; 10_000_000];
    let mut alone = ones.clone();
    for (chunk, x) in alone.chunks_mut(CHUNK).enumerate().rev() {
        DROPOUT.forward_in_place(x, MaskKey::new(42, stream(7, chunk))).expect("any length");
    }
    for threads in [1, 2, 3, 8] {
        let pool =
            ThreadPoolBuilder::new().num_threads(threads).build().expect("threads can be had");
        let (mut x, mut dx) = (ones.clone(), ones.clone());
        pool.install(|| {
            forward(&mut x, 42, 7);
            backward(&mut dx, 42, 7);
        });
        assert!(x == alone && dx == alone, "{threads} threads gave another result");
        println!("{threads} threads: the bits of one thread that went backward through the chunks");
    }
    let dropped = alone.iter().filter(|x| **x == 0.0).count();
    println!("dropped {dropped} of {} at p = {}", alone.len(), DROPOUT.rate().p() as f32);
}

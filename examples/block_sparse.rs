//! Blocks of a matrix that are dropped together, so that a product skips them: `SparseDrop` (arXiv
//! 2411.01238), and from which rate and block size on it pays.
//! `cargo run --release --example block_sparse`.
//!
//! y = D(x) w, where x is 256 x 512 and w 512 x 256. D drops blocks of x of b x b elements: a mask bit each,
//! by a `Layout`. Both products have the same kernel, which multiplies a block of x with the rows of w that
//! belong to it; the dense one does so for every block of 64 x 64, the size that is fastest, after dropout has
//! zeroed elements, and the sparse one for the blocks that [`MaskRef::kept_indices`] names. Backward by w is the same with the roles changed, and by x
//! the blocks are of the output.

use std::hint::black_box;
use std::time::Instant;

use dropout_kernels::{
    DropRate, Dropout, Layout, MaskKey, MaskMut, MaskRef, drop_rate, mask_words,
};

const ROWS: usize = 256;
const INNER: usize = 512;
const COLUMNS: usize = 256;
/// Blocks of the dense product: the fastest of 4, 16 and 64.
const WHOLE: usize = 64;
const ROUNDS: usize = 21;

/// Adds the product of a block of x with its rows of w, four of them at a time.
fn add_block(
    x: &[f32],
    w: &[[f32; COLUMNS]],
    y: &mut [[f32; COLUMNS]],
    (row, inner, size): (usize, usize, usize),
) {
    for r in row..row + size {
        let y = &mut y[r];
        let x = &x[r * INNER + inner..][..size];
        for (x, w) in x.chunks(4).zip(w[inner..inner + size].chunks(4)) {
            if let ([a, b, c, d], [p, q, r, s]) = (x, w) {
                for (j, y) in y.iter_mut().enumerate() {
                    *y = *y + a * p[j] + b * q[j] + c * r[j] + d * s[j];
                }
            }
        }
    }
}

/// The blocks that are multiplied, by their numbers.
fn product(
    x: &[f32],
    w: &[[f32; COLUMNS]],
    y: &mut [[f32; COLUMNS]],
    size: usize,
    blocks: impl Iterator<Item = usize>,
) {
    y.fill([0.0; COLUMNS]);
    for block in blocks {
        let (i, k) = (block / (INNER / size), block % (INNER / size));
        add_block(x, w, y, (i * size, k * size, size));
    }
}

/// Medians of runs that take turns, in microseconds.
fn medians(runs: [&mut dyn FnMut(); 2]) -> [f64; 2] {
    let mut times = [const { Vec::new() }; 2];
    let mut runs = runs;
    for _ in 0..ROUNDS {
        for (run, times) in runs.iter_mut().zip(&mut times) {
            let start = Instant::now();
            run();
            times.push(start.elapsed().as_secs_f64() * 1e6);
        }
    }
    times.map(|mut times| {
        times.sort_by(f64::total_cmp);
        times[ROUNDS / 2]
    })
}

fn measure(rate: DropRate, size: usize) {
    let blocks = Layout::new(ROWS / size, size, INNER / size, size).expect("a small shape");
    let dropout = Dropout::new(rate).over(blocks);
    let mut words = vec![0; mask_words(blocks.mask_bits())];
    MaskKey::new(42, size as u64)
        .fill(rate, MaskMut::new(&mut words, blocks.mask_bits()).expect("so many words"));
    let mask = MaskRef::new(&words, blocks.mask_bits()).expect("so many words");
    let x: Vec<f32> = (0..ROWS * INNER).map(|i| (i as f32 * 0.37).sin()).collect();
    let w: Vec<[f32; COLUMNS]> = (0..INNER)
        .map(|k| std::array::from_fn(|j| ((k * 7 + j * 3) as f32 * 0.11).cos()))
        .collect();
    let (mut dense, mut sparse) = (vec![[0.0; COLUMNS]; ROWS], vec![[0.0; COLUMNS]; ROWS]);
    let (mut dropped, mut scaled) = (x.clone(), x.clone());
    let [dense_time, sparse_time] = medians([
        &mut || {
            dropout.forward(black_box(&x), &mut dropped, mask).expect("it fits");
            product(&dropped, &w, &mut dense, WHOLE, 0..ROWS * INNER / (WHOLE * WHOLE));
        },
        &mut || {
            // Dropout here too: it scales what is kept.
            dropout.forward(black_box(&x), &mut scaled, mask).expect("it fits");
            product(&scaled, &w, &mut sparse, size, mask.kept_indices());
        },
    ]);
    assert_eq!(dense, sparse, "what is dropped adds zeros");
    let kept = mask.count_kept() as f64 / mask.len() as f64;
    println!(
        "{size:>5} x {size:<3} {:>4.1} {:>9} {:>8.2} {dense_time:>9.0} {sparse_time:>9.0} {:>8.2}",
        rate.p(),
        mask.len(),
        kept,
        dense_time / sparse_time
    );
}

fn main() {
    println!("y = D(x) w, {ROWS} x {INNER} x {COLUMNS} f32; microseconds, medians of {ROUNDS}\n");
    println!(
        "{:>11} {:>4} {:>9} {:>8} {:>9} {:>9} {:>8}",
        "block", "p", "blocks", "kept", "dense", "sparse", "faster"
    );
    for size in [4, 16, 64] {
        for rate in [drop_rate!(0.1), drop_rate!(0.3), drop_rate!(0.5), drop_rate!(0.7)] {
            measure(rate, size);
        }
    }
    println!("\nfaster: dense / sparse. At best 1 / kept; below 1 skipping does not pay.");
}

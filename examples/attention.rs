//! Dropout in attention that never has all its weights: `FlashAttention`'s scheme (Dao et al. 2022) on the
//! CPU, tile by tile with a running softmax, forward by rows of tiles and backward by columns of them,
//! against the dense formula. Neither weights nor a mask are in memory: a tile has a key.
//! `cargo run --release --example attention`.
//!
//! What is dropped: weights after the softmax (`Dropout`), logits before it (`DropKey`, Li et al. 2023), or
//! whole heads (`DropHead`, Zhou et al. 2020).

use std::hint::black_box;
use std::time::Instant;

use dropout_kernels::{DropHead, DropRate, Dropout, MaskKey, drop_rate};

const HEADS: usize = 4;
const TOKENS: usize = 256;
const DIMENSION: usize = 64;
/// Queries and keys of a tile: part of what names a mask.
const TILE: usize = 32;
const TILES: usize = TOKENS / TILE;
const HEAD: usize = TOKENS * DIMENSION;
/// Kinds of masks, and so their streams, of a step.
const STEP: u64 = 7;
const ROUNDS: usize = 15;

/// What is dropped, and the rate.
#[derive(Clone, Copy, PartialEq)]
enum Drops {
    Nothing,
    Weights(DropRate),
    Keys(DropRate),
    Heads(DropRate),
}

/// The mask of the tile in row i and column j, of a head.
fn tile(head: usize, i: usize, j: usize) -> MaskKey {
    let path = [
        (STEP, 1 << 32),
        (head as u64, HEADS as u64),
        (i as u64, TILES as u64),
        (j as u64, TILES as u64),
    ];
    MaskKey::at(42, &path).expect("no index is past its extent")
}

type Tile = [[f32; TILE]; TILE];
type Rows = [[f32; DIMENSION]; TILE];

/// Row block i of a head.
fn rows(x: &[f32], i: usize) -> &Rows {
    let (rows, _) = x.as_chunks().0.as_chunks();
    &rows[i]
}

fn rows_mut(x: &mut [f32], i: usize) -> &mut Rows {
    let (rows, _) = x.as_chunks_mut().0.as_chunks_mut();
    &mut rows[i]
}

/// a b^T.
fn outer(a: &Rows, b: &Rows) -> Tile {
    // Columns of b stand together, so that sums over the dimension are vectors over its rows.
    let columns: [[f32; TILE]; DIMENSION] =
        std::array::from_fn(|d| std::array::from_fn(|j| b[j][d]));
    a.map(|a| {
        let mut sums = [0f32; TILE];
        for (a, column) in a.iter().zip(&columns) {
            for (sum, b) in sums.iter_mut().zip(column) {
                *sum += a * b;
            }
        }
        sums
    })
}

/// y += p v.
fn add_product(p: &Tile, v: &Rows, y: &mut Rows) {
    for (p, y) in p.iter().zip(y) {
        for (p, v) in p.iter().zip(v) {
            for (y, v) in y.iter_mut().zip(v) {
                *y += p * v;
            }
        }
    }
}

/// p transposed.
fn transposed(p: &Tile) -> Tile {
    std::array::from_fn(|j| std::array::from_fn(|i| p[i][j]))
}

/// Logits of a tile, as keys are dropped from them.
fn logits(q: &Rows, k: &Rows, drops: Drops, key: MaskKey) -> Tile {
    let mut s = outer(q, k).map(|row| row.map(|s| s / (DIMENSION as f32).sqrt()));
    if let Drops::Keys(rate) = drops {
        let fits = Dropout::drop_key(rate).forward_in_place(s.as_flattened_mut(), key);
        fits.expect("a key has as many bits as are asked for");
    }
    s
}

/// Weights that are left, and scaled.
fn dropped(mut p: Tile, drops: Drops, key: MaskKey) -> Tile {
    if let Drops::Weights(rate) = drops {
        let fits = Dropout::new(rate).forward_in_place(p.as_flattened_mut(), key);
        fits.expect("a key has as many bits as are asked for");
    }
    p
}

/// y = softmax(q k^T / sqrt(d)) v of a head, and of each query the logarithm of its softmax's sum.
fn forward(head: usize, [q, k, v]: [&[f32]; 3], drops: Drops, y: &mut [f32], sums: &mut [f32]) {
    for i in 0..TILES {
        let (mut max, mut sum) = ([f32::NEG_INFINITY; TILE], [0f32; TILE]);
        let y = rows_mut(y, i);
        *y = [[0.0; DIMENSION]; TILE];
        for j in 0..TILES {
            let mut p = logits(rows(q, i), rows(k, j), drops, tile(head, i, j));
            for (r, p) in p.iter_mut().enumerate() {
                let highest = p.iter().copied().fold(max[r], f32::max);
                // No key so far: all are dropped.
                let base = if highest == f32::NEG_INFINITY { 0.0 } else { highest };
                let before = (max[r] - base).exp();
                p.iter_mut().for_each(|p| *p = (*p - base).exp());
                sum[r] = sum[r] * before + p.iter().sum::<f32>();
                y[r].iter_mut().for_each(|y| *y *= before);
                max[r] = highest;
            }
            add_product(&dropped(p, drops, tile(head, i, j)), rows(v, j), y);
        }
        for (r, y) in y.iter_mut().enumerate() {
            y.iter_mut().for_each(|y| *y /= sum[r]);
            sums[i * TILE + r] = max[r] + sum[r].ln();
        }
    }
}

/// The gradients of q, k and v: columns of tiles one after the other, and in each its rows.
fn backward(
    head: usize,
    [q, k, v]: [&[f32]; 3],
    drops: Drops,
    (y, sums, dy): (&[f32], &[f32], &[f32]),
    [dq, dk, dv]: [&mut [f32]; 3],
) {
    // Of each query dy . y, which is what the softmax takes from every gradient.
    let taken: Vec<f32> = y
        .chunks(DIMENSION)
        .zip(dy.chunks(DIMENSION))
        .map(|(y, dy)| y.iter().zip(dy).map(|(y, dy)| y * dy).sum())
        .collect();
    for (j, i) in (0..TILES).flat_map(|j| (0..TILES).map(move |i| (j, i))) {
        let key = tile(head, i, j);
        let mut p = logits(rows(q, i), rows(k, j), drops, key);
        for (r, p) in p.iter_mut().enumerate() {
            p.iter_mut().for_each(|p| *p = (*p - sums[i * TILE + r]).exp());
        }
        let through = dropped(p, drops, key);
        add_product(&transposed(&through), rows(dy, i), rows_mut(dv, j));
        // The gradient of the weights, through the dropout.
        let mut ds = dropped(outer(rows(dy, i), rows(v, j)), drops, key);
        for ((r, ds), p) in ds.iter_mut().enumerate().zip(&p) {
            for (ds, p) in ds.iter_mut().zip(p) {
                *ds = p * (*ds - taken[i * TILE + r]) / (DIMENSION as f32).sqrt();
            }
        }
        add_product(&ds, rows(k, j), rows_mut(dq, i));
        add_product(&transposed(&ds), rows(q, i), rows_mut(dk, j));
    }
}

/// What 0 and 1 become under the dropout of a head, as a matrix of all its tiles: the dense formula's mask.
fn dense_mask(head: usize, rate: DropRate) -> Vec<f64> {
    let mut mask = vec![0.0; TOKENS * TOKENS];
    for (i, j) in (0..TILES).flat_map(|i| (0..TILES).map(move |j| (i, j))) {
        let mut ones = [[1f64; TILE]; TILE];
        let fits = Dropout::new(rate).forward_in_place(ones.as_flattened_mut(), tile(head, i, j));
        fits.expect("a key has as many bits as are asked for");
        for (r, row) in ones.iter().enumerate() {
            mask[(i * TILE + r) * TOKENS + j * TILE..][..TILE].copy_from_slice(row);
        }
    }
    mask
}

/// The dense formula in `f64`: y, and the gradients of the sum of y . dy by q, k and v.
fn dense(head: usize, inputs: [&[f32]; 3], drops: Drops, dy: &[f32]) -> [Vec<f64>; 4] {
    let [q, k, v] = inputs.map(|x| x.iter().map(|x| f64::from(*x)).collect::<Vec<_>>());
    let mask = match drops {
        Drops::Weights(rate) | Drops::Keys(rate) => dense_mask(head, rate),
        _ => vec![1.0; TOKENS * TOKENS],
    };
    let keys = matches!(drops, Drops::Keys(_));
    let scale = 1.0 / (DIMENSION as f64).sqrt();
    let [mut y, mut dq, mut dk, mut dv] =
        [const { Vec::new() }; 4].map(|_: Vec<f64>| vec![0.0; HEAD]);
    let row = |x: &[f64], i: usize| x[i * DIMENSION..][..DIMENSION].to_vec();
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let add = |y: &mut [f64], i: usize, by: f64, x: &[f64]| {
        y[i * DIMENSION..][..DIMENSION].iter_mut().zip(x).for_each(|(y, x)| *y += by * x);
    };
    for i in 0..TOKENS {
        let bits = &mask[i * TOKENS..][..TOKENS];
        let mut p: Vec<f64> = (0..TOKENS)
            .map(|j| {
                if keys && bits[j] == 0.0 {
                    0.0
                } else {
                    (dot(&row(&q, i), &row(&k, j)) * scale).exp()
                }
            })
            .collect();
        let sum: f64 = p.iter().sum();
        p.iter_mut().for_each(|p| *p /= sum);
        let factor = |j: usize| if keys { 1.0 } else { bits[j] };
        let dy: Vec<f64> =
            dy[i * DIMENSION..][..DIMENSION].iter().map(|dy| f64::from(*dy)).collect();
        let dp: Vec<f64> = (0..TOKENS).map(|j| factor(j) * dot(&dy, &row(&v, j))).collect();
        let taken = dot(&p, &dp);
        for j in 0..TOKENS {
            add(&mut y, i, p[j] * factor(j), &row(&v, j));
            add(&mut dv, j, p[j] * factor(j), &dy);
            let ds = p[j] * (dp[j] - taken) * scale;
            add(&mut dq, i, ds, &row(&k, j));
            add(&mut dk, j, ds, &row(&q, i));
        }
    }
    [y, dq, dk, dv]
}

/// All heads, forward and backward: y, dq, dk and dv.
fn attend(inputs: [&[f32]; 3], drops: Drops, dy: &[f32]) -> [Vec<f32>; 4] {
    let [mut y, mut dq, mut dk, mut dv] =
        [const { Vec::new() }; 4].map(|_: Vec<f32>| vec![0f32; HEADS * HEAD]);
    let mut sums = vec![0f32; HEADS * TOKENS];
    let of = |x: &[f32], head: usize| x[head * HEAD..][..HEAD].to_vec();
    for (head, (y, sums)) in y.chunks_mut(HEAD).zip(sums.chunks_mut(TOKENS)).enumerate() {
        forward(head, inputs.map(|x| &x[head * HEAD..][..HEAD]), drops, y, sums);
    }
    let mut dy = dy.to_vec();
    let whole = y.clone();
    if let Drops::Heads(rate) = drops {
        // One sample, whose heads stand one after the other.
        let drop_head = DropHead::new(rate, 1, HEADS, HEAD).expect("a small shape");
        let key = MaskKey::new(42, STEP);
        drop_head.forward_in_place(&mut y, key).expect("it fits");
        drop_head.backward_in_place(&mut dy, key).expect("it fits");
    }
    for head in 0..HEADS {
        let at = head * HEAD..(head + 1) * HEAD;
        let gradients = [&mut dq[at.clone()], &mut dk[at.clone()], &mut dv[at.clone()]];
        let sums = &sums[head * TOKENS..][..TOKENS];
        backward(
            head,
            inputs.map(|x| &x[at.clone()]),
            drops,
            (&of(&whole, head), sums, &of(&dy, head)),
            gradients,
        );
    }
    [y, dq, dk, dv]
}

/// How far the tiles are from the dense formula, over its largest number.
fn distance(inputs: [&[f32]; 3], drops: Drops, dy: &[f32]) -> f64 {
    let tiled = attend(inputs, drops, dy);
    let mut factors = vec![1f64; HEADS * HEAD];
    if let Drops::Heads(rate) = drops {
        let drop_head = DropHead::new(rate, 1, HEADS, HEAD).expect("a small shape");
        drop_head.forward_in_place(&mut factors, MaskKey::new(42, STEP)).expect("it fits");
    }
    let mut furthest = 0f64;
    for head in 0..HEADS {
        let at = head * HEAD..(head + 1) * HEAD;
        let wanted = dense(head, inputs.map(|x| &x[at.clone()]), drops, &dy[at.clone()]);
        for (tiled, wanted) in tiled.iter().zip(wanted) {
            let largest = wanted.iter().fold(0f64, |a, b| a.max(b.abs()));
            for (a, b) in tiled[at.clone()].iter().zip(wanted) {
                furthest = furthest.max((f64::from(*a) - b * factors[at.start]).abs() / largest);
            }
        }
    }
    furthest
}

fn main() {
    let numbers = |seed: usize| -> Vec<f32> {
        (0..HEADS * HEAD).map(|i| ((i * 31 + seed * 17) as f32 * 0.618).sin()).collect()
    };
    let [q, k, v, dy] = [1, 2, 3, 4].map(numbers);
    let inputs = [q.as_slice(), &k, &v];
    let (rate, heads) = (drop_rate!(0.1), drop_rate!(0.5));
    let variants = [
        ("nothing", Drops::Nothing),
        ("weights (Dropout)", Drops::Weights(rate)),
        ("logits (DropKey)", Drops::Keys(rate)),
        ("heads (DropHead)", Drops::Heads(heads)),
    ];
    let mut times = [const { Vec::new() }; 4];
    for _ in 0..ROUNDS {
        for ((_, drops), times) in variants.iter().zip(&mut times) {
            let start = Instant::now();
            black_box(attend(black_box(inputs), *drops, &dy));
            times.push(start.elapsed().as_secs_f64() * 1e3);
        }
    }
    let times = times.map(|mut times| {
        times.sort_by(f64::total_cmp);
        times[ROUNDS / 2]
    });
    println!(
        "{HEADS} heads, {TOKENS} tokens, {DIMENSION} dimensions, tiles of {TILE} x {TILE}, f32; p = 0.1, of heads 0.5\n"
    );
    println!("{:28} {:>20} {:>14} {:>8}", "dropped", "from the dense one", "milliseconds", "share");
    for ((name, drops), time) in variants.into_iter().zip(times) {
        let furthest = distance(inputs, drops, &dy);
        assert!(furthest < 1e-4, "{name}: {furthest} from the dense formula");
        let share = 100.0 * (time - times[0]) / time;
        println!("{name:28} {furthest:>20.1e} {time:>14.2} {share:>7.1}%");
    }
    println!(
        "\nForward goes by rows of tiles and backward by columns: the masks are the same, as each tile has a key."
    );
}

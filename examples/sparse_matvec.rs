//! A matrix-vector product that skips what was dropped, y = W (d o x), and what that saves:
//! `cargo run --release --example sparse_matvec`.
//!
//! Every product is done dense and sparse, with W stored in two ways:
//! - by columns, the weights of an input together: a dropped input skips a whole column, wherever
//!   it stands, and [`MaskRef::kept_indices`] says which columns remain;
//! - by rows, the weights of an output together: each row is a dot product over
//!   [`MaskRef::kept_runs`], and only runs as long as some vectors are worth starting one.

use std::hint::black_box;
use std::ops::Range;
use std::time::Instant;

use dropout_kernels::{
    DropRate, Dropout, Layout, MaskMut, MaskRef, MaskRng, drop_rate, mask_words,
};

const INPUTS: usize = 1024;
const OUTPUTS: usize = 256;
/// Sums that a dot product keeps, for the compiler to put into vectors.
const SUMS: usize = 16;
const ROUNDS: usize = 31;
const PRODUCTS: usize = 20;

/// An input a row, its weight to each output a column.
type Columns = Vec<[f32; OUTPUTS]>;
/// The other way about.
type Rows = Vec<[f32; INPUTS]>;
/// Writes y.
type Product<'a> = &'a dyn Fn(&mut [f32; OUTPUTS]);

fn main() {
    let columns: Columns = (0..INPUTS).map(|i| std::array::from_fn(|o| weight(i, o))).collect();
    let rows: Rows = (0..OUTPUTS).map(|o| std::array::from_fn(|i| weight(i, o))).collect();
    println!("y = W (d o x), {OUTPUTS} x {INPUTS} f32; microseconds, median of {ROUNDS} rounds\n");
    println!("                    kept  kept   multiply-   W by columns           W by rows");
    println!(
        "layout         p  inputs  runs  accumulates   dense  sparse  x      dense  sparse  x"
    );
    for channel in [1, 16, 64] {
        let layout =
            Layout::channels_first(1, INPUTS / channel, &[channel]).expect("1024 elements");
        let name = if channel == 1 { "elementwise" } else { &format!("channels {channel}") };
        for rate in [drop_rate!(0.1), drop_rate!(0.5), drop_rate!(0.9)] {
            measure(name, layout, rate, &columns, &rows);
        }
    }
    println!(
        "\nx: dense / sparse. Below 1 the dense product is faster, and skipping does not pay."
    );
}

fn weight(i: usize, o: usize) -> f32 {
    (i as f32 * 0.37 + o as f32 * 1.91).sin()
}

fn measure(name: &str, layout: Layout, rate: DropRate, columns: &Columns, rows: &Rows) {
    let mut x: Vec<f32> = (0..INPUTS).map(|i| (i as f32 * 0.11).cos()).collect();
    let mut words = vec![0; mask_words(layout.mask_bits())];
    let mut mask = MaskMut::new(&mut words, layout.mask_bits()).expect("the layout's words");
    let dropout = Dropout::new(rate).over(layout);
    let mut rng = MaskRng::new(42, 0);
    dropout.forward_in_place(&mut x, rng.draw(mask.reborrow())).expect("the layout's elements");
    let mask = mask.as_ref();
    // A bit decides so many neighbours: what is skipped is never expanded to a mask of all inputs.
    let run = INPUTS / mask.len();

    let all = [Range { start: 0, end: INPUTS }];
    let scaled = |kept: Range<usize>| kept.start * run..kept.end * run;
    let runs: Vec<_> = mask.kept_runs().map(scaled).collect();

    let products: [Product<'_>; 4] = [
        &|y| by_columns(columns, &x, 0..INPUTS, y),
        &|y| by_columns(columns, &x, kept_inputs(mask, run), y),
        &|y| by_rows(rows, &x, &all, y),
        &|y| by_rows(rows, &x, &runs, y),
    ];
    let y = products.map(|product| {
        let mut y = [0.0; OUTPUTS];
        product(&mut y);
        y
    });
    // By columns both add the same products in the same order, but for zeros.
    assert_eq!(y[0], y[1]);
    for other in &y[2..] {
        assert!(y[0].iter().zip(other).all(|(a, b)| (a - b).abs() < 1e-3), "{name} {rate:?}");
    }

    let [dense, sparse, dense_rows, sparse_rows] = medians(&products);
    let kept = mask.count_kept() * run;
    println!(
        "{name:<12}{:>4.1}{kept:>8}{:>6}{:>13}{dense:>8.1}{sparse:>8.1}{:>6.2}{dense_rows:>8.1}{sparse_rows:>8.1}{:>6.2}",
        rate.p(),
        mask.kept_runs().count(),
        kept * OUTPUTS,
        dense / sparse,
        dense_rows / sparse_rows,
    );
}

/// The inputs that a mask of a bit for each `run` inputs keeps.
fn kept_inputs(mask: MaskRef<'_>, run: usize) -> impl Iterator<Item = usize> {
    mask.kept_indices().flat_map(move |bit| bit * run..(bit + 1) * run)
}

/// y = sum of x[i] * column i over `inputs`; four columns at a time, so that y is loaded and stored
/// a fourth as often.
fn by_columns(
    columns: &Columns,
    x: &[f32],
    mut inputs: impl Iterator<Item = usize>,
    y: &mut [f32; OUTPUTS],
) {
    y.fill(0.0);
    loop {
        let four: [Option<usize>; 4] = std::array::from_fn(|_| inputs.next());
        if let [Some(a), Some(b), Some(c), Some(d)] = four {
            let [ca, cb, cc, cd] = [a, b, c, d].map(|i| &columns[i]);
            let [xa, xb, xc, xd] = [a, b, c, d].map(|i| x[i]);
            for (o, y) in y.iter_mut().enumerate() {
                *y = *y + xa * ca[o] + xb * cb[o] + xc * cc[o] + xd * cd[o];
            }
        } else {
            for i in four.into_iter().flatten() {
                y.iter_mut().zip(&columns[i]).for_each(|(y, w)| *y += x[i] * w);
            }
            return;
        }
    }
}

/// y[o] = sum over `runs` of row o times x. They were looked for once: to ask the mask again in
/// each row takes longer than a short run's products.
fn by_rows(rows: &Rows, x: &[f32], runs: &[Range<usize>], y: &mut [f32; OUTPUTS]) {
    for (y, row) in y.iter_mut().zip(rows) {
        let (mut sums, mut rest) = ([0.0; SUMS], 0.0);
        for run in runs {
            let (w, w_rest) = row[run.clone()].as_chunks::<SUMS>();
            let (x, x_rest) = x[run.clone()].as_chunks::<SUMS>();
            for (w, x) in w.iter().zip(x) {
                for ((sum, w), x) in sums.iter_mut().zip(w).zip(x) {
                    *sum += w * x;
                }
            }
            for (w, x) in w_rest.iter().zip(x_rest) {
                rest += w * x;
            }
        }
        *y = rest + sums.iter().sum::<f32>();
    }
}

/// Microseconds a product. In each round every product has its turn, so that what else the machine
/// does falls on all alike.
fn medians<const N: usize>(products: &[Product<'_>; N]) -> [f64; N] {
    let mut times = [const { Vec::new() }; N];
    let mut y = [0.0; OUTPUTS];
    for _ in 0..ROUNDS {
        for (product, times) in products.iter().zip(&mut times) {
            let start = Instant::now();
            for _ in 0..PRODUCTS {
                product(black_box(&mut y));
                black_box(&y);
            }
            times.push(start.elapsed().as_secs_f64() * 1e6 / PRODUCTS as f64);
        }
    }
    times.map(|mut times| {
        times.sort_by(f64::total_cmp);
        times[ROUNDS / 2]
    })
}

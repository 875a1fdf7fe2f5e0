//! Matrix products in plain Rust, shaped so that the compiler can keep a tile in registers.
//!
//! Each element of a product is summed in the order of the inner dimension, by one multiplication
//! and one addition a term, whatever the width of the machine's vectors.

use std::ops::{AddAssign, Mul};

/// A tile is ROWS x COLUMNS sums: eight registers of SSE2, which leaves room for the operands.
const ROWS: usize = 4;
const COLUMNS: usize = 8;

/// COLUMNS neighbouring columns of a matrix, one row after the other, so that the innermost loop
/// reads memory in order. Columns past the last one are zeros.
type Panel<T, const K: usize> = [[T; COLUMNS]; K];

/// Sums of products of an A and a B: `f32` of two `f32`, `i32` of two `i8`, and so on.
pub(crate) trait Sum<A, B>:
    From<A> + From<B> + Mul<Output = Self> + AddAssign + Copy + Default
{
}

impl<A, B, C> Sum<A, B> for C where
    C: From<A> + From<B> + Mul<Output = Self> + AddAssign + Copy + Default
{
}

/// c += a b
pub(crate) fn add_product<A, B, C, const K: usize, const N: usize>(
    a: &[[A; K]],
    b: &[[B; N]; K],
    c: &mut [[C; N]],
) where
    A: Copy,
    B: Copy + Default,
    C: Sum<A, B>,
{
    let zero = B::default();
    let mut panel = [[zero; COLUMNS]; K];
    for start in (0..N).step_by(COLUMNS) {
        let width = COLUMNS.min(N - start);
        for (to, from) in panel.iter_mut().zip(b) {
            to[..width].copy_from_slice(&from[start..start + width]);
            to[width..].fill(zero);
        }
        add_panel(a, &panel, c, start..start + width);
    }
}

/// c += a b, with b given by its transpose.
pub(crate) fn add_product_transposed<A, B, C, const K: usize, const N: usize>(
    a: &[[A; K]],
    b: &[[B; K]; N],
    c: &mut [[C; N]],
) where
    A: Copy,
    B: Copy + Default,
    C: Sum<A, B>,
{
    let zero = B::default();
    let mut panel = [[zero; COLUMNS]; K];
    for start in (0..N).step_by(COLUMNS) {
        let width = COLUMNS.min(N - start);
        let columns = &b[start..start + width];
        for (k, to) in panel.iter_mut().enumerate() {
            for (to, from) in to.iter_mut().zip(columns) {
                *to = from[k];
            }
            to[width..].fill(zero);
        }
        add_panel(a, &panel, c, start..start + width);
    }
}

/// The columns of `a`, as rows. Rows that `a` does not have are zeros.
pub(crate) fn transpose<const R: usize, const C: usize>(a: &[[f32; C]]) -> [[f32; R]; C] {
    let mut transposed = [[0.0; R]; C];
    for (r, row) in a.iter().enumerate() {
        for (to, &from) in transposed.iter_mut().zip(row) {
            to[r] = from;
        }
    }
    transposed
}

/// Adds to `columns` of c.
fn add_panel<A: Copy, B: Copy, C: Sum<A, B>, const K: usize, const N: usize>(
    a: &[[A; K]],
    panel: &Panel<B, K>,
    c: &mut [[C; N]],
    columns: std::ops::Range<usize>,
) {
    let (a, a_rest) = a.as_chunks::<ROWS>();
    let (c, c_rest) = c.as_chunks_mut::<ROWS>();
    for (a, c) in a.iter().zip(c) {
        add_tile(a, panel, c, columns.clone());
    }
    for (a, c) in a_rest.iter().zip(c_rest) {
        add_tile(&[*a], panel, std::array::from_mut(c), columns.clone());
    }
}

fn add_tile<A: Copy, B: Copy, C: Sum<A, B>, const R: usize, const K: usize, const N: usize>(
    a: &[[A; K]; R],
    panel: &Panel<B, K>,
    c: &mut [[C; N]; R],
    columns: std::ops::Range<usize>,
) {
    let mut sums = [[C::default(); COLUMNS]; R];
    for (k, b) in panel.iter().enumerate() {
        for (sums, a) in sums.iter_mut().zip(a) {
            for (sum, b) in sums.iter_mut().zip(b) {
                *sum += C::from(a[k]) * C::from(*b);
            }
        }
    }
    for (c, sums) in c.iter_mut().zip(&sums) {
        for (c, sum) in c[columns.clone()].iter_mut().zip(sums) {
            *c += *sum;
        }
    }
}

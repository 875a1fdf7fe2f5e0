//! Matrix products by ndarray, which uses the machine's fused multiplications. Sums are rounded
//! otherwise on another machine, so the trained weights differ.

#[path = "../train_digits/matrix.rs"]
#[allow(dead_code, reason = "tests compare with its products")]
mod plain;

use ndarray::linalg::general_mat_mul;
use ndarray::{ArrayView2, ArrayViewMut2};

pub(crate) use self::plain::transpose;

/// c += a b
pub(crate) fn add_product<const K: usize, const N: usize>(
    a: &[[f32; K]],
    b: &[[f32; N]; K],
    c: &mut [[f32; N]],
) {
    let (a, b) = (ArrayView2::from(a), ArrayView2::from(b));
    general_mat_mul(1.0, &a, &b, 1.0, &mut ArrayViewMut2::from(c));
}

/// c += a b, with b given by its transpose.
pub(crate) fn add_product_transposed<const K: usize, const N: usize>(
    a: &[[f32; K]],
    b: &[[f32; K]; N],
    c: &mut [[f32; N]],
) {
    let (a, b) = (ArrayView2::from(a), ArrayView2::from(b));
    general_mat_mul(1.0, &a, &b.t(), 1.0, &mut ArrayViewMut2::from(c));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Small integers, so that no sum is rounded.
    fn matrix<const R: usize, const C: usize>(salt: usize) -> [[f32; C]; R] {
        let element = |r, c| ((r * 7 + c * 5 + salt) % 11) as f32 - 5.0;
        std::array::from_fn(|r| std::array::from_fn(|c| element(r, c)))
    }

    #[test]
    fn products_are_those_of_plain_rust() {
        let (a, b, to): ([[f32; 13]; 9], [[f32; 17]; 13], _) = (matrix(1), matrix(2), matrix(3));
        let (mut c, mut expected): ([[f32; 17]; 9], _) = (to, to);
        add_product(&a, &b, &mut c);
        plain::add_product(&a, &b, &mut expected);
        assert_eq!(c, expected);
        add_product_transposed(&a, &transpose(&b), &mut c);
        plain::add_product_transposed(&a, &transpose(&b), &mut expected);
        assert_eq!(c, expected);
    }
}

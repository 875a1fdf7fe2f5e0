//! `DropConnect` by its formulas, with the order of additions that is promised.

use crate::number::{Floating, Number as _, Real as _};

/// What there is to compute with, and its results by the formulas, with sums in the order that is
/// promised.
pub struct Case<T> {
    /// Rows, columns, batch.
    pub shape: [usize; 3],
    pub keep: Vec<bool>,
    pub w: Vec<T>,
    pub x: Vec<T>,
    pub dy: Vec<T>,
    pub dw: Vec<T>,
}

impl<T: Floating> Case<T> {
    /// W x.
    pub fn y(&self, scale: T::Wide) -> Vec<T> {
        self.sums(scale, |product| product)
    }

    /// Sums of what `f` makes of the products w x.
    fn sums(&self, scale: T::Wide, f: fn(T::Wide) -> T::Wide) -> Vec<T> {
        let [rows, columns, batch] = self.shape;
        let mut y = vec![];
        for b in 0..batch {
            for r in 0..rows {
                let mut sums = [T::Wide::of(0.0); 32];
                for c in (0..columns).filter(|c| self.keep[r * columns + c]) {
                    let (w, x) = (self.w[r * columns + c], self.x[b * columns + c]);
                    sums[c % 32] = sums[c % 32].add(f(w.wide().multiply(x.wide())));
                }
                for half in [16, 8, 4, 2, 1] {
                    for i in 0..half {
                        sums[i] = sums[i].add(sums[i + half]);
                    }
                }
                y.push(T::nearest(sums[0].multiply(scale)));
            }
        }
        y
    }

    /// dx and dW.
    pub fn gradients(&self, scale: T::Wide) -> (Vec<T>, Vec<T>) {
        let [rows, columns, batch] = self.shape;
        let (mut dx, mut dw) = (vec![T::ZERO; batch * columns], self.dw.clone());
        for b in 0..batch {
            for r in 0..rows {
                let g = self.dy[b * rows + r].wide().multiply(scale);
                for c in (0..columns).filter(|c| self.keep[r * columns + c]) {
                    let (i, j) = (r * columns + c, b * columns + c);
                    dx[j] = T::nearest(dx[j].wide().add(self.w[i].wide().multiply(g)));
                    dw[i] = T::nearest(dw[i].wide().add(self.x[j].wide().multiply(g)));
                }
            }
        }
        (dx, dw)
    }

    /// spread * sum of (w x)^2.
    pub fn variances(&self, spread: T::Wide) -> Vec<T> {
        self.sums(spread, |product| product.multiply(product))
    }
}

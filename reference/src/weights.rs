//! `DropConnect` by its formulas, with the order of additions that is promised.

use crate::number::Number;

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

impl<T: Number> Case<T> {
    /// W x.
    pub fn y(&self, scale: T) -> Vec<T> {
        let [rows, columns, batch] = self.shape;
        let mut y = vec![];
        for b in 0..batch {
            for r in 0..rows {
                let mut sums = [T::ZERO; 32];
                for c in (0..columns).filter(|c| self.keep[r * columns + c]) {
                    let product = self.w[r * columns + c].multiply(self.x[b * columns + c]);
                    sums[c % 32] = sums[c % 32].add(product);
                }
                for half in [16, 8, 4, 2, 1] {
                    for i in 0..half {
                        sums[i] = sums[i].add(sums[i + half]);
                    }
                }
                y.push(sums[0].multiply(scale));
            }
        }
        y
    }

    /// dx and dW.
    pub fn gradients(&self, scale: T) -> (Vec<T>, Vec<T>) {
        let [rows, columns, batch] = self.shape;
        let (mut dx, mut dw) = (vec![T::ZERO; batch * columns], self.dw.clone());
        for b in 0..batch {
            for r in 0..rows {
                let g = self.dy[b * rows + r].multiply(scale);
                for c in (0..columns).filter(|c| self.keep[r * columns + c]) {
                    let (i, j) = (r * columns + c, b * columns + c);
                    dx[j] = dx[j].add(self.w[i].multiply(g));
                    dw[i] = dw[i].add(self.x[j].multiply(g));
                }
            }
        }
        (dx, dw)
    }

    /// spread * sum of (w x)^2.
    pub fn variances(&self, spread: T) -> Vec<T> {
        let [rows, columns, batch] = self.shape;
        let of = |i: usize| {
            let (b, r) = (i / rows, i % rows);
            let product = |c: usize| self.w[r * columns + c].multiply(self.x[b * columns + c]);
            let products: Vec<_> = (0..columns).map(product).collect();
            let row = Case {
                shape: [1, columns, 1],
                keep: vec![true; columns],
                w: products.clone(),
                x: products,
                dy: vec![],
                dw: vec![],
            };
            row.y(spread)[0]
        };
        (0..batch * rows).map(of).collect()
    }
}

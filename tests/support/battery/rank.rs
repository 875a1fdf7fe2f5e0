//! Ranks of binary matrices (Marsaglia 1985): bits of a linear recurrence shorter than a matrix
//! fill none.

use dropout_kernels::drop_rate;

use super::sample::{BLOCK, draw};
use super::tail::chi_square;
use super::{Plan, Source, Test};

const SIZE: usize = 192;
const LIMBS: usize = SIZE / 64;
/// Probabilities that a large random square matrix lacks a rank of 0, 1, 2, or more.
const LAW: [f64; 4] = [0.288_788_095, 0.577_576_190, 0.128_350_264, 0.005_285_451];

/// A matrix for each place of a block, filled by what it takes in successive blocks.
pub fn ranks<S: Source>(plan: &Plan) -> Vec<Test> {
    let mut source = S::new(plan.seed, 12_000);
    let mut matrices = vec![[[0u64; LIMBS]; SIZE]; BLOCK];
    for row in 0..SIZE {
        for column in 0..SIZE {
            let block = draw(&mut source, drop_rate!(0.5), BLOCK);
            for (place, matrix) in matrices.iter_mut().enumerate() {
                let bit = u64::from(block[place / 32] >> (place % 32) & 1);
                matrix[row][column / 64] |= bit << (column % 64);
            }
        }
    }
    let lacks: Vec<_> = matrices.into_iter().map(|matrix| SIZE - rank(matrix)).collect();
    let mut cells = [0; 4];
    for lack in &lacks {
        cells[(*lack).min(3)] += 1;
    }
    let law = LAW.map(|p| p * BLOCK as f64);
    let (place, worst) = lacks.iter().enumerate().max_by_key(|(_, lack)| **lack).unwrap_or((0, &0));
    // A rank that lacks k is rarer than 8 in 2^(k * k).
    let alone = (8.0 * BLOCK as f64 * (-((worst * worst) as f64)).exp2()).min(1.0);
    let mut tests = vec![Test::new(format!("place {place}, {worst} below full rank"), alone)];
    tests.extend(chi_square(cells.into_iter().zip(law)).map(|p| Test::new("all ranks", p)));
    tests
}

fn rank(mut rows: [[u64; LIMBS]; SIZE]) -> usize {
    let mut rank = 0;
    for column in 0..SIZE {
        let bit = |row: &[u64; LIMBS]| row[column / 64] >> (column % 64) & 1 == 1;
        let Some(found) = (rank..SIZE).find(|r| bit(&rows[*r])) else { continue };
        rows.swap(rank, found);
        let pivot = rows[rank];
        for row in &mut rows[rank + 1..] {
            if bit(row) {
                for (limb, pivot) in row.iter_mut().zip(pivot) {
                    *limb ^= pivot;
                }
            }
        }
        rank += 1;
    }
    rank
}

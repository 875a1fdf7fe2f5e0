//! `DropBlock` by max-pooling, on f32, without any allocation in the loop.

use rand_core::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro128PlusPlus;

pub(crate) struct MaxPool {
    threshold: u32,
    block: usize,
    maps: usize,
    side: usize,
    separable: bool,
    rng: Xoshiro128PlusPlus,
    /// The seeds of a map, with block - 1 zeros on every side.
    padded: Vec<f32>,
    /// Maxima along rows.
    rows: Vec<f32>,
    /// 1 where elements are kept, of the whole tensor.
    keep: Vec<f32>,
}

impl MaxPool {
    pub(crate) fn new(gamma: f64, block: usize, maps: usize, side: usize, separable: bool) -> Self {
        let wide = side + block - 1;
        Self {
            threshold: (gamma * f64::from(u32::MAX)) as u32,
            block,
            maps,
            side,
            separable,
            rng: Xoshiro128PlusPlus::seed_from_u64(1),
            padded: vec![0.0; wide * wide],
            rows: vec![0.0; wide * side],
            keep: vec![0.0; maps * side * side],
        }
    }

    pub(crate) fn forward(&mut self, x: &[f32], y: &mut [f32]) {
        #[cfg(target_arch = "x86_64")]
        {
            #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
            fn avx512(pool: &mut MaxPool, x: &[f32], y: &mut [f32]) {
                pool.body(x, y);
            }
            #[target_feature(enable = "avx2")]
            fn avx2(pool: &mut MaxPool, x: &[f32], y: &mut [f32]) {
                pool.body(x, y);
            }
            if is_x86_feature_detected!("avx512vl") && is_x86_feature_detected!("avx512bw") {
                // SAFETY: the processor has just been asked; every one with VL and BW has F and DQ.
                return unsafe { avx512(self, x, y) };
            }
            if is_x86_feature_detected!("avx2") {
                // SAFETY: the processor has just been asked.
                return unsafe { avx2(self, x, y) };
            }
        }
        self.body(x, y);
    }

    #[inline(always)]
    fn body(&mut self, x: &[f32], y: &mut [f32]) {
        let (block, side) = (self.block, self.side);
        let (places, wide) = (side - block + 1, side + block - 1);
        let mut kept = 0.0;
        for map in 0..self.maps {
            for row in self.padded.chunks_exact_mut(wide).skip(block - 1).take(places) {
                for seed in &mut row[block - 1..][..places] {
                    *seed = f32::from(self.rng.next_u32() < self.threshold);
                }
            }
            let keep = &mut self.keep[map * side * side..][..side * side];
            if self.separable {
                for (out, row) in
                    self.rows.chunks_exact_mut(side).zip(self.padded.chunks_exact(wide))
                {
                    maximum(out, (0..block).map(|dx| &row[dx..][..side]));
                }
                for (r, out) in keep.chunks_exact_mut(side).enumerate() {
                    maximum(out, (0..block).map(|dy| &self.rows[(r + dy) * side..][..side]));
                }
            } else {
                for (r, out) in keep.chunks_exact_mut(side).enumerate() {
                    let window = |i| &self.padded[(r + i / block) * wide + i % block..][..side];
                    maximum(out, (0..block * block).map(window));
                }
            }
            let mut ones = 0u32;
            for keep in keep {
                *keep = 1.0 - *keep;
                ones += *keep as u32;
            }
            kept += f64::from(ones);
        }
        let factor = (self.keep.len() as f64 / (1e-6 + kept)) as f32;
        for ((y, x), keep) in y.iter_mut().zip(x).zip(&self.keep) {
            *y = x * keep * factor;
        }
    }
}

/// The element-wise maximum of slices of one length.
#[inline(always)]
fn maximum<'a>(out: &mut [f32], slices: impl Iterator<Item = &'a [f32]>) {
    out.fill(0.0);
    for slice in slices {
        for (out, x) in out.iter_mut().zip(slice) {
            *out = if *x > *out { *x } else { *out };
        }
    }
}

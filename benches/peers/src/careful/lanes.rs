//! Sixteen xoshiro128++ generators side by side, written by hand so that the compiler makes vectors
//! of them. For a program that must run on machines it was not compiled for, where `simd_rand`
//! cannot be had.

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use super::{BLOCK, Block, Words, blocks};
use crate::contender::Forward;
use crate::multiversion::multiversion;

const LANES: usize = 16;

/// Word k of all lanes is `self.0[k]`.
struct Lanes([[u32; LANES]; 4]);

pub(super) fn build(_: usize, p: f32) -> Forward {
    let mut seeds = SmallRng::seed_from_u64(42);
    blocks(Lanes([(); 4].map(|()| [(); LANES].map(|()| seeds.next_u32()))), p)
}

impl Words for Lanes {
    fn fill(&mut self, block: &mut Block) {
        fill(&mut self.0, &mut block.0);
    }
}

multiversion! {
    fn fill(state: &mut [[u32; LANES]; 4], block: &mut [u32; BLOCK]) {
        let [mut s0, mut s1, mut s2, mut s3] = *state;
        let (rows, _) = block.as_chunks_mut::<LANES>();
        for row in rows {
            for i in 0..LANES {
                row[i] = s0[i].wrapping_add(s3[i]).rotate_left(7).wrapping_add(s0[i]);
                let t = s1[i] << 9;
                s2[i] ^= s0[i];
                s3[i] ^= s1[i];
                s1[i] ^= s2[i];
                s0[i] ^= s3[i];
                s2[i] ^= t;
                s3[i] = s3[i].rotate_left(11);
            }
        }
        *state = [s0, s1, s2, s3];
    }
}

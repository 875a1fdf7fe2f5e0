//! xoshiro256++ in 64-bit lanes, as wide as the program was compiled for, by `simd_rand`.

use rand_core_09::SeedableRng;
#[cfg(not(target_feature = "avx512f"))]
use simd_rand::specific::avx2::{SimdRand, Xoshiro256PlusPlusX4 as Rng};
#[cfg(target_feature = "avx512f")]
use simd_rand::specific::avx512::{SimdRand, Xoshiro256PlusPlusX8 as Rng};

use crate::contender::Forward;
use crate::support::blocks::{self, Block, Words};

#[cfg(not(target_feature = "avx512f"))]
const LANES: usize = 4;
#[cfg(target_feature = "avx512f")]
const LANES: usize = 8;

pub(super) fn build(_: usize, p: f32) -> Forward {
    Box::new(blocks::forward(Rng::seed_from_u64(42), p))
}

impl Words for Rng {
    fn fill(&mut self, block: &mut Block) {
        let (vectors, _) = bytemuck::cast_slice_mut::<u32, u64>(&mut block.0).as_chunks_mut();
        for vector in vectors {
            *vector = self.next();
        }
    }
}

/// The generator's next vector, under one name for both widths.
trait Next {
    fn next(&mut self) -> [u64; LANES];
}

impl Next for Rng {
    #[inline(always)]
    fn next(&mut self) -> [u64; LANES] {
        #[cfg(not(target_feature = "avx512f"))]
        return *self.next_u64x4();
        #[cfg(target_feature = "avx512f")]
        return *self.next_u64x8();
    }
}

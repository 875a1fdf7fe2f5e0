//! A careful user's version: blocks of random words that stay in the first-level cache, made by
//! SIMD, then a pass without branches that compares them with a threshold. It stores nothing for
//! the backward pass, and its p is a multiple of 2^-32.

mod lanes;
#[cfg(all(target_arch = "x86_64", target_feature = "avx2"))]
mod xoshiro;

use crate::contender::{Contender, Forward, Kind, scale};
use crate::multiversion::multiversion;

/// `simd_rand` chooses its instructions when it is compiled, and is empty without them.
pub(crate) const HAS_SIMD_RAND: bool = cfg!(all(target_arch = "x86_64", target_feature = "avx2"));

/// Words of a block of 4 KiB.
const BLOCK: usize = 1024;

/// A block on cache lines: vectors that straddle two cost twice.
#[repr(align(64))]
struct Block([u32; BLOCK]);

/// Where a block's words come from.
trait Words: 'static {
    fn fill(&mut self, block: &mut Block);
}

pub(crate) fn contenders() -> Vec<Contender> {
    vec![
        #[cfg(all(target_arch = "x86_64", target_feature = "avx2"))]
        Contender { name: "blocks: simd_rand", kind: Kind::InPlace, build: xoshiro::build },
        Contender { name: "blocks: lanes by hand", kind: Kind::InPlace, build: lanes::build },
    ]
}

fn blocks(mut words: impl Words, p: f32) -> Forward {
    let threshold = (f64::from(p) * 2f64.powi(32)).round() as u32;
    let mut block = Box::new(Block([0; BLOCK]));
    Box::new(move |x| {
        for x in x.chunks_mut(BLOCK) {
            words.fill(&mut block);
            select(x, &block.0, threshold, scale(p));
        }
    })
}

multiversion! {
    fn select(x: &mut [f32], words: &[u32; BLOCK], threshold: u32, scale: f32) {
        for (x, &word) in x.iter_mut().zip(words) {
            *x = if word >= threshold { *x * scale } else { 0.0 };
        }
    }
}

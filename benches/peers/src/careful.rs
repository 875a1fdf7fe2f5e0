//! A careful user's version, as `benches/support/blocks.rs` has it, over a SIMD generator from a
//! crate and over one written by hand.

#[cfg(all(target_arch = "x86_64", target_feature = "avx2"))]
mod xoshiro;

use crate::contender::{Contender, Forward, Kind};
use crate::support::blocks::{self, Lanes};

/// `simd_rand` chooses its instructions when it is compiled, and is empty without them.
pub(crate) const HAS_SIMD_RAND: bool = cfg!(all(target_arch = "x86_64", target_feature = "avx2"));

pub(crate) fn contenders() -> Vec<Contender> {
    vec![
        #[cfg(all(target_arch = "x86_64", target_feature = "avx2"))]
        Contender { name: "blocks: simd_rand", kind: Kind::InPlace, build: xoshiro::build },
        Contender { name: "blocks: lanes by hand", kind: Kind::InPlace, build: lanes },
    ]
}

fn lanes(_: usize, p: f32) -> Forward {
    Box::new(blocks::forward(Lanes::new(42), p))
}

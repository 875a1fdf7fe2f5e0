//! What touching the memory costs.

use std::hint::black_box;

use crate::contender::{Contender, Forward, Kind};
use crate::support::Aligned;
use crate::support::floors::scale;

pub(crate) fn contenders() -> Vec<Contender> {
    vec![
        Contender { name: "floor: scale in place", kind: Kind::Floor, build: scale_in_place },
        Contender { name: "floor: memcpy", kind: Kind::Floor, build: memcpy },
    ]
}

fn scale_in_place(_: usize, _: f32) -> Forward {
    // One, so that no repetition overflows; the compiler does not know.
    Box::new(|x| scale(x, black_box(1.0)))
}

fn memcpy(n: usize, _: f32) -> Forward {
    let mut y = Aligned::new(0f32, n);
    Box::new(move |x| black_box(y.slice()).copy_from_slice(black_box(x)))
}

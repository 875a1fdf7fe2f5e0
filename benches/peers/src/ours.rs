//! `dropout-kernels`, as its README calls it.

use std::hint::black_box;

use dropout_kernels::{DropRate, Dropout, MaskKey, MaskMut, MaskRng, mask_words};

use crate::contender::{Contender, Forward, Kind};
use crate::support::Aligned;

/// The row that all ratios refer to.
pub(crate) const OURS: &str = "ours, mask stored";

pub(crate) fn contenders() -> Vec<Contender> {
    vec![
        Contender { name: OURS, kind: Kind::InPlace, build: stored },
        Contender { name: "ours, replayed", kind: Kind::InPlace, build: replayed },
    ]
}

fn stored(n: usize, p: f32) -> Forward {
    let dropout = dropout(p);
    let mut rng = MaskRng::new(42, 0);
    let mut words = Aligned::new(0u32, mask_words(n));
    Box::new(move |x| {
        let mask = MaskMut::new(words.slice(), x.len()).expect("words for n elements");
        dropout.forward_in_place(x, rng.draw(mask)).expect("a mask of the slice's length");
    })
}

fn replayed(_: usize, p: f32) -> Forward {
    let dropout = dropout(p);
    let mut stream = 0;
    Box::new(move |x| {
        stream += 1;
        dropout.forward_in_place(x, MaskKey::new(black_box(42), stream)).expect("a key fits");
    })
}

fn dropout(p: f32) -> Dropout {
    Dropout::new(DropRate::new(p).expect("a rate from RATES"))
}

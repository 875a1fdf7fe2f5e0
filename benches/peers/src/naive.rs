//! The loop that any user would write with `rand`.

use rand::distr::{Bernoulli, Distribution};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

use crate::contender::{Contender, Forward, Kind, scale};

pub(crate) fn contenders() -> Vec<Contender> {
    vec![
        Contender { name: "loop: SmallRng, f32 < p", kind: Kind::InPlace, build: float },
        Contender { name: "loop: SmallRng, Bernoulli", kind: Kind::InPlace, build: bernoulli },
    ]
}

fn float(_: usize, p: f32) -> Forward {
    let mut rng = SmallRng::seed_from_u64(42);
    Box::new(move |x| {
        for x in x {
            *x = if rng.random::<f32>() < p { 0.0 } else { *x * scale(p) };
        }
    })
}

fn bernoulli(_: usize, p: f32) -> Forward {
    let mut rng = SmallRng::seed_from_u64(42);
    let drop = Bernoulli::new(f64::from(p)).expect("a rate from RATES");
    Box::new(move |x| {
        for x in x {
            *x = if drop.sample(&mut rng) { 0.0 } else { *x * scale(p) };
        }
    })
}

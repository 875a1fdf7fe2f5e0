//! A program that drops, as `benches/callers` builds it in each profile: prints nanoseconds per element, forward and
//! backward, medians.

use std::hint::black_box;
use std::time::Instant;

use dropout_kernels::{Dropout, Mask, MaskRng, drop_rate, mask_words};

const N: usize = 1 << 17;

fn main() {
    let dropout = Dropout::new(drop_rate!(0.1));
    let mut rng = MaskRng::new(42, 0);
    let mut mask = Box::new(Mask::<{ mask_words(N) }>::new());
    let mut x = vec![0f32; N];
    let forward = median(|| {
        let view = mask.view_mut(N).expect("the words of N elements");
        dropout.forward_in_place(black_box(&mut x), rng.draw(view)).expect("N elements");
    });
    let backward = median(|| {
        let view = mask.view(N).expect("the words of N elements");
        dropout.backward_in_place(black_box(&mut x), view).expect("N elements");
    });
    println!("{forward:.4} {backward:.4}");
}

/// Nanoseconds per element.
fn median(mut run: impl FnMut()) -> f64 {
    let mut times: Vec<f64> = (0..101)
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed().as_secs_f64() * 1e9 / N as f64
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

//! One pass beside the separate passes that it stands for, and beside intrinsics: nanoseconds an element
//! in the first cache, the second, and memory, medians of interleaved runs.
//!
//! `cargo bench --bench fused`. The separate passes are loops compiled for the same instruction set.

use std::hint::black_box;
use std::time::Instant;

use dropout_kernels::{Backend, Dropout, MaskKey, MaskMut, MaskRef, drop_rate, mask_words};

const WIDTH: usize = 512;
const SIZES: [(&str, usize, usize); 3] =
    [("L1", 2 << 10, 64), ("L2", 32 << 10, 4), ("memory", 8 << 20, 1)];

fn main() {
    for backend in Backend::available() {
        println!(
            "{}: ns an element of f32, p = 0.1, a mask in memory; over the separate passes",
            backend.name()
        );
        for (name, n, calls) in SIZES {
            measure(backend, name, n, calls);
        }
    }
}

/// Loops for the instruction set that the backend has.
macro_rules! passes {
    ($($name:ident($($argument:ident: $type:ty),*) $body:block)*) => {$(
        #[allow(unsafe_code)]
        fn $name(backend: Backend, $($argument: $type),*) {
            #[inline(always)]
            fn plain($($argument: $type),*) $body
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2")]
                fn avx2($($argument: $type),*) {
                    plain($($argument),*);
                }
                if backend != Backend::Portable {
                    // SAFETY: both backends beside the portable one need AVX2, and this one is available.
                    return unsafe { avx2($($argument),*) };
                }
            }
            _ = backend;
            plain($($argument),*);
        }
    )*};
}
passes! {
    add_bias(x: &[f32], bias: &[f32], y: &mut [f32]) {
        for (y, x) in y.chunks_exact_mut(WIDTH).zip(x.chunks_exact(WIDTH)) {
            for ((y, x), b) in y.iter_mut().zip(x).zip(bias) {
                *y = x + b;
            }
        }
    }
    add(x: &[f32], y: &mut [f32]) {
        for (y, x) in y.iter_mut().zip(x) {
            *y += x;
        }
    }
    sum_rows(x: &[f32], sums: &mut [f32]) {
        for x in x.chunks_exact(WIDTH) {
            for (sum, x) in sums.iter_mut().zip(x) {
                *sum += x;
            }
        }
    }
    relu(x: &[f32], y: &mut [f32]) {
        for (y, x) in y.iter_mut().zip(x) {
            *y = if *x <= 0.0 { 0.0 } else { *x };
        }
    }
    activate(x: &[f32], y: &mut [f32]) {
        for (y, x) in y.iter_mut().zip(x) {
            *y = activation(*x);
        }
    }
}

/// Hard swish (Howard et al. 2019): arithmetic alone, so that the passes count.
#[inline(always)]
fn activation(x: f32) -> f32 {
    x * (x * (1.0 / 6.0) + 0.5).clamp(0.0, 1.0)
}

/// What somebody who knows the instruction set would write.
#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code)]
mod by_hand {
    use core::arch::x86_64::*;

    /// # Safety
    ///
    /// The processor has AVX2; slices are as long as `y`, rows are `bias.len()`, a multiple of 32, and `words`
    /// has a bit for each element.
    #[target_feature(enable = "avx2")]
    pub(super) unsafe fn bias_dropout_add(
        x: &[f32],
        bias: &[f32],
        residual: &[f32],
        y: &mut [f32],
        words: &[u32],
        scale: f32,
    ) {
        let (bits, scale) = (_mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128), _mm256_set1_ps(scale));
        let width = bias.len();
        for row in (0..y.len()).step_by(width) {
            for j in (0..width).step_by(8) {
                let i = row + j;
                // SAFETY: i + 8 <= y.len() and j + 8 <= width.
                unsafe {
                    let word = words.as_ptr().cast::<u8>().add(i / 8).read();
                    let keep = _mm256_and_si256(_mm256_set1_epi32(word.into()), bits);
                    let keep = _mm256_castsi256_ps(_mm256_cmpeq_epi32(keep, bits));
                    let sum = _mm256_add_ps(
                        _mm256_loadu_ps(x.as_ptr().add(i)),
                        _mm256_loadu_ps(bias.as_ptr().add(j)),
                    );
                    let dropped = _mm256_and_ps(_mm256_mul_ps(sum, scale), keep);
                    _mm256_storeu_ps(
                        y.as_mut_ptr().add(i),
                        _mm256_add_ps(dropped, _mm256_loadu_ps(residual.as_ptr().add(i))),
                    );
                }
            }
        }
    }
}

/// Writes an output, where somebody has written it.
type ByHand<'a> = Option<&'a mut dyn FnMut(&mut [f32])>;
/// Writes one output, or sums.
type Pass<'a> = &'a mut dyn FnMut(&mut [f32], &mut [f32]);

fn measure(backend: Backend, place: &str, n: usize, calls: usize) {
    let dropout = Dropout::new(drop_rate!(0.1)).with_backend(backend);
    let mut words = vec![0; mask_words(n)];
    let mut relu_words = words.clone();
    let key = MaskKey::new(1, 2);
    key.fill(dropout.rate(), MaskMut::new(&mut words, n).expect("so many words"));
    let mask = MaskRef::new(&words, n).expect("so many words");
    let numbers =
        |by: usize| (0..n).map(|i| (i * by % 1009) as f32 / 500.0 - 1.0).collect::<Vec<f32>>();
    let (x, residual, bias) = (numbers(7), numbers(11), vec![0.25f32; WIDTH]);
    let (mut y, mut z, mut dbias) = (vec![0f32; n], vec![0f32; n], vec![0f32; WIDTH]);
    let runs = if calls == 1 { 9 } else { 201 };
    let fused = dropout.with_bias(&bias);
    let mut time = |name: &str, f: Pass<'_>, separate: Pass<'_>, by_hand: ByHand<'_>| {
        let mut times = [const { Vec::new() }; 3];
        let mut by_hand = by_hand;
        for _ in 0..runs {
            let mut clock = |i: usize, f: &mut dyn FnMut()| {
                let start = Instant::now();
                (0..calls).for_each(|_| f());
                times[i].push(start.elapsed().as_nanos() as f64 / (calls * n) as f64);
            };
            clock(0, &mut || f(black_box(&mut y), black_box(&mut dbias)));
            clock(1, &mut || separate(black_box(&mut z), black_box(&mut dbias)));
            if let Some(f) = &mut by_hand {
                clock(2, &mut || f(black_box(&mut z)));
            }
        }
        let [one, separate, hand] = times.map(|mut times| {
            times.sort_by(f64::total_cmp);
            times.get(times.len() / 2).copied()
        });
        let (one, separate) = (one.expect("it ran"), separate.expect("it ran"));
        print!("  {place:7} {name:32} {one:.3}   separate {separate:.3} {:5.2}x", one / separate);
        hand.map_or_else(
            || println!(),
            |hand| println!("   intrinsics {hand:.3} {:5.2}x", one / hand),
        );
    };
    let mut hand = |y: &mut [f32]| {
        #[cfg(target_arch = "x86_64")]
        #[allow(unsafe_code)]
        // SAFETY: what is not the portable backend needs AVX2; the slices have one length.
        unsafe {
            by_hand::bias_dropout_add(&x, &bias, &residual, y, &words, dropout.rate().scale_f32());
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = y;
    };
    let by_hand = backend == Backend::Avx2;
    time(
        "bias, dropout, residual",
        &mut |y, _| fused.forward_residual(&x, &residual, y, mask).expect("it fits"),
        &mut |y, _| {
            add_bias(backend, &x, &bias, y);
            dropout.forward_in_place(y, mask).expect("it fits");
            add(backend, &residual, y);
        },
        if by_hand { Some(&mut hand) } else { None },
    );
    time(
        "the same, by a key",
        &mut |y, _| fused.forward_residual(&x, &residual, y, key).expect("it fits"),
        &mut |y, _| {
            add_bias(backend, &x, &bias, y);
            dropout.forward_in_place(y, key).expect("it fits");
            add(backend, &residual, y);
        },
        None,
    );
    time(
        "backward, with dbias",
        &mut |dx, dbias| fused.backward(&x, dx, dbias, mask).expect("it fits"),
        &mut |dx, dbias| {
            dropout.backward(&x, dx, mask).expect("it fits");
            sum_rows(backend, dx, dbias);
        },
        None,
    );
    let mut buffer = vec![0f32; n];
    time(
        "y += D(x); over D, and an add",
        &mut |y, _| dropout.forward_add(&x, y, mask).expect("it fits"),
        &mut |y, _| {
            dropout.forward(&x, &mut buffer, mask).expect("it fits");
            add(backend, &buffer, y);
        },
        None,
    );
    time(
        "y += D(x); over an add",
        &mut |y, _| dropout.forward_add(&x, y, mask).expect("it fits"),
        &mut |y, _| add(backend, &x, y),
        None,
    );
    let mut other_words = relu_words.clone();
    time(
        "ReLU, dropout, one mask; by a key",
        &mut |y, _| {
            let mask = MaskMut::new(&mut relu_words, n).expect("so many words");
            dropout.forward_relu(&x, y, key.draw(mask)).expect("it fits");
        },
        &mut |y, _| {
            relu(backend, &x, y);
            let mut mask = MaskMut::new(&mut other_words, n).expect("so many words");
            dropout.forward_in_place(y, key.draw(mask.reborrow())).expect("it fits");
            mask.and_positive(&x).expect("it fits");
        },
        None,
    );
    time(
        "a hook: an activation, dropout",
        &mut |y, _| {
            dropout.forward_with([&x], y, mask, |[x]| activation(x), |d, _| d).expect("it fits");
        },
        &mut |y, _| {
            activate(backend, &x, y);
            dropout.forward_in_place(y, mask).expect("it fits");
        },
        None,
    );
}

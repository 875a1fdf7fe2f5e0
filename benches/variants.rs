//! What each variant costs beside plain dropout of the same tensor, forward and backward, out of
//! place or as the variant is meant to be used: `cargo bench --bench variants` prints a table,
//! medians of interleaved rounds.

#[allow(dead_code, unsafe_code, reason = "a part is used; the call edge of vector versions")]
mod support;

use std::hint::black_box;
use std::iter;
use std::time::Instant;

use dropout_kernels::{
    DropBlock, DropHead, DropPath, DropRate, Dropout, EmbeddingDropout, GaussianDropout, Layout,
    LockedDropout, MaskKey, MaskMut, MaskRef, MaskRng, MonteCarlo, RuleFor, Zoneout, drop_rate,
    mask_words,
};
use support::Aligned;

/// 64 KiB of f32, in the second cache; every shape below has as many elements.
const N: usize = 1 << 14;
const P: DropRate = drop_rate!(0.1);
const ROUNDS: usize = 401;
const CALLS: usize = 8;
const FITS: &str = "N elements and the mask's bits";

/// What a variant works on.
struct Buffers {
    x: Aligned<f32>,
    y: Aligned<f32>,
    z: Aligned<f32>,
    w: Aligned<f32>,
    v: Aligned<f32>,
    words: Vec<u32>,
    rng: MaskRng,
}

impl Buffers {
    fn mask(words: &mut [u32], bits: usize) -> MaskMut<'_> {
        MaskMut::new(&mut words[..mask_words(bits)], bits).expect(FITS)
    }

    fn drawn(words: &[u32], bits: usize) -> MaskRef<'_> {
        MaskRef::new(&words[..mask_words(bits)], bits).expect(FITS)
    }
}

/// Forward, or backward, once.
type Run = Box<dyn Fn(&mut Buffers)>;

struct Row {
    name: &'static str,
    bits: String,
    forward: Run,
    backward: Option<Run>,
}

/// A rule over a layout.
fn over<R: RuleFor<f32> + 'static>(name: &'static str, dropout: Dropout<R, Layout>) -> Row {
    let n = dropout.shape().elements();
    assert!(N - n < 64, "{name}");
    let bits = dropout.shape().mask_bits();
    Row {
        name,
        bits: bits.to_string(),
        forward: Box::new(move |b| {
            let mask = Buffers::mask(&mut b.words, bits);
            dropout
                .forward(&b.x.slice()[..n], &mut b.y.slice()[..n], b.rng.draw(mask))
                .expect(FITS);
        }),
        backward: Some(Box::new(move |b| {
            let mask = Buffers::drawn(&b.words, bits);
            dropout.backward(&b.x.slice()[..n], &mut b.y.slice()[..n], mask).expect(FITS);
        })),
    }
}

fn structured() -> Vec<Row> {
    let layout = |layout: Result<Layout, _>| layout.expect("a small shape");
    let maps = layout(Layout::channels_first(4, 16, &[16, 16]));
    let plain = Dropout::new(P);
    vec![
        over("plain dropout", plain.over(Layout::elementwise(N))),
        over("spatial, NCHW, maps of 16 x 16", plain.over(maps)),
        over(
            "spatial, NCHW, maps of 8 x 8",
            plain.over(layout(Layout::channels_first(4, 64, &[8, 8]))),
        ),
        over(
            "spatial, NCHW, maps of 4 x 4",
            plain.over(layout(Layout::channels_first(4, 256, &[4, 4]))),
        ),
        over(
            "spatial, NCHW, maps of 2 x 2",
            plain.over(layout(Layout::channels_first(4, 1024, &[2, 2]))),
        ),
        over("spatial, NCHW, maps of 7 x 7", plain.over(layout(Layout::new(1, 1, N / 49, 49)))),
        over(
            "locked, 496 rows of 33, one mask",
            plain.over(layout(Layout::time_major(496, 1, 33))),
        ),
        over(
            "spatial, NHWC, 64 channels",
            plain.over(layout(Layout::channels_last(4, &[8, 8], 64))),
        ),
        over(
            "variational, whole sequence (16, 4, 256)",
            plain.over(layout(Layout::time_major(16, 4, 256))),
        ),
        over("alpha", Dropout::alpha(P).over(Layout::elementwise(N))),
        over("feature alpha, maps of 16 x 16", Dropout::alpha(P).over(maps)),
        over("DropKey", Dropout::drop_key(P).over(Layout::elementwise(N))),
    ]
}

fn others() -> Vec<Row> {
    let locked = {
        let mut locked = LockedDropout::new(Dropout::new(P), N, [0; mask_words(N)]);
        locked.draw(1, &mut MaskRng::new(1, 0)).expect(FITS);
        locked
    };
    let again = locked.clone();
    let heads = DropHead::new(P, 4, 8, N / 32).expect("a small shape");
    let block = DropBlock::new(P, 7, 1, 16, &[32, 32]).expect("a small shape");
    let shared = block.shared();
    let path = DropPath::samples(Dropout::new(P), 16, N / 16).expect("a small shape");
    let words = EmbeddingDropout::new(Dropout::new(P), 1024, 64).expect("a small shape");
    let indices: Vec<u32> = (0..256).map(|i| i * 37 % 1024).collect();
    let table = vec![1f32; 1024 * 64];
    let looked_up = indices.clone();
    let gradient = std::cell::RefCell::new(table.clone());
    let zoneout = Zoneout::new(P);
    let gaussian = GaussianDropout::new(P).expect("not 1");
    vec![
        Row {
            name: "variational, one step",
            bits: N.to_string(),
            forward: Box::new(move |b| locked.forward(b.x.slice(), b.y.slice()).expect(FITS)),
            backward: Some(Box::new(move |b| {
                again.backward(b.x.slice(), b.y.slice()).expect(FITS);
            })),
        },
        Row {
            name: "DropHead, 4 samples of 8 heads",
            bits: heads.layout().mask_bits().to_string(),
            forward: Box::new(move |b| {
                let mask = Buffers::mask(&mut b.words, 32);
                heads.forward(b.x.slice(), b.y.slice(), b.rng.draw(mask)).expect(FITS);
            }),
            backward: Some(Box::new(move |b| {
                let mask = Buffers::drawn(&b.words, 32);
                heads.backward(b.x.slice(), b.y.slice(), mask).expect(FITS);
            })),
        },
        drop_block("DropBlock 7 x 7, 16 maps of 32 x 32", block),
        drop_block("the same, shared over channels", shared),
        Row {
            name: "DropPath, x += d f / q, 16 samples",
            bits: 16.to_string(),
            forward: Box::new(move |b| {
                path.fill(Buffers::mask(&mut b.words, 16), &mut b.rng).expect(FITS);
                let mask = Buffers::drawn(&b.words, 16);
                path.add(b.x.slice(), b.y.slice(), mask).expect(FITS);
            }),
            backward: Some(Box::new(move |b| {
                let mask = Buffers::drawn(&b.words, 16);
                path.branch().backward(b.x.slice(), b.y.slice(), mask).expect(FITS);
            })),
        },
        Row {
            name: "embedding, 256 of 1024 rows of 64",
            bits: 1024.to_string(),
            forward: Box::new(move |b| {
                words.fill(Buffers::mask(&mut b.words, 1024), &mut b.rng).expect(FITS);
                let mask = Buffers::drawn(&b.words, 1024);
                words.forward(&indices, &table, b.y.slice(), mask).expect(FITS);
            }),
            backward: Some(Box::new(move |b| {
                let mask = Buffers::drawn(&b.words, 1024);
                let mut gradient = gradient.borrow_mut();
                words.backward(&looked_up, b.z.slice(), &mut gradient, mask).expect(FITS);
            })),
        },
        Row {
            name: "zoneout",
            bits: N.to_string(),
            forward: Box::new(move |b| {
                let mask = Buffers::mask(&mut b.words, N);
                let (prev, new) = (b.x.slice(), b.z.slice());
                zoneout.forward(prev, new, b.y.slice(), b.rng.draw(mask)).expect(FITS);
            }),
            backward: Some(Box::new(move |b| {
                let mask = Buffers::drawn(&b.words, N);
                zoneout.backward(b.x.slice(), b.y.slice(), b.z.slice(), mask).expect(FITS);
            })),
        },
        Row {
            name: "Gaussian, replayed",
            bits: "none".into(),
            forward: Box::new(move |b| {
                gaussian.forward(b.x.slice(), b.y.slice(), MaskKey::new(1, 2)).expect(FITS);
            }),
            backward: Some(Box::new(move |b| {
                gaussian.backward(b.x.slice(), b.y.slice(), MaskKey::new(1, 2)).expect(FITS);
            })),
        },
        Row {
            name: "Monte Carlo, one pass counted",
            bits: "none".into(),
            forward: Box::new(|b| {
                let mut passes =
                    MonteCarlo::over([&mut b.y, &mut b.z, &mut b.w, &mut b.v].map(Aligned::slice))
                        .expect(FITS);
                passes.push(b.x.slice()).expect(FITS);
            }),
            backward: None,
        },
    ]
}

fn drop_block(name: &'static str, block: DropBlock) -> Row {
    let bits = block.mask_bits();
    Row {
        name,
        bits: bits.to_string(),
        forward: Box::new(move |b| {
            let mask = Buffers::mask(&mut b.words, bits);
            block.forward(b.x.slice(), b.y.slice(), b.rng.draw(mask)).expect(FITS);
        }),
        backward: Some(Box::new(move |b| {
            let mask = Buffers::drawn(&b.words, bits);
            block.backward(b.x.slice(), b.y.slice(), mask).expect(FITS);
        })),
    }
}

fn main() {
    let mut buffers = Buffers {
        x: Aligned::new(1.0, N),
        y: Aligned::new(0.0, N),
        z: Aligned::new(1.0, N),
        w: Aligned::new(1.0, N),
        v: Aligned::new(1.0, N),
        words: vec![0; mask_words(N)],
        rng: MaskRng::new(42, 0),
    };
    let rows: Vec<_> = structured().into_iter().chain(others()).collect();
    let mut times = vec![[const { Vec::new() }; 2]; rows.len()];
    for _ in 0..ROUNDS {
        for (row, times) in rows.iter().zip(&mut times) {
            for (run, times) in iter::once(&row.forward).chain(&row.backward).zip(times) {
                (0..CALLS).for_each(|_| run(black_box(&mut buffers)));
                let start = Instant::now();
                (0..CALLS).for_each(|_| run(black_box(&mut buffers)));
                times.push(start.elapsed().as_nanos() as f64 / (CALLS * N) as f64);
            }
        }
    }
    let medians: Vec<_> = times
        .into_iter()
        .map(|both| {
            both.map(|mut times| {
                times.sort_by(f64::total_cmp);
                times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
            })
        })
        .collect();
    let backend = dropout_kernels::Backend::detect().name();
    println!("{N} elements of f32, p = 0.1, backend {backend}; nanoseconds an element\n");
    println!("| {:<42} | mask bits | forward | over plain | backward | over plain |", "");
    println!("|{:-<44}|----------:|--------:|-----------:|---------:|-----------:|", "");
    let [plain_forward, plain_backward] = medians[0];
    for (Row { name, bits, .. }, [forward, backward]) in rows.iter().zip(&medians) {
        println!(
            "| {name:<42} | {bits:>9} | {forward:7.3} | {:10.2} | {backward:8.3} | {:10.2} |",
            forward / plain_forward,
            backward / plain_backward
        );
    }
}

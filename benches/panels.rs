//! Rows of a larger matrix beside one slice of as many elements, on every backend.
//!
//! `cargo bench --bench panels` prints nanoseconds an element, medians of interleaved runs.

use std::hint::black_box;
use std::time::Instant;

use dropout_kernels::{
    Backend, Dropout, Element, Inverted, MaskKey, MaskRef, Panel, RuleFor, drop_rate,
};

/// In the first cache as `f32`, with the gaps between rows too: at a width of 16 these are half of all.
const N: usize = 2048;
const WIDTHS: [usize; 4] = [512, 100, 33, 16];
const RUNS: usize = 301;
const CALLS: usize = 8;
/// What begins at an odd element, and rows with an odd stride, cross lines of the cache; all else begins with one.
const NAMES: [&str; 6] = [
    "backward, stored",
    "the same in place",
    "by bits from any on",
    "forward, by a key",
    "backward, odd stride",
    "the same in place",
];
const LINE: usize = 64;

fn main() {
    for backend in Backend::available() {
        measure::<f32>("f32", 1.0, backend);
        measure::<i8>("i8", 1, backend);
    }
}

fn measure<T: Element>(name: &str, one: T, backend: Backend)
where
    Inverted: RuleFor<T>,
{
    let dropout = Dropout::new(drop_rate!(0.1)).with_backend(backend);
    let words = vec![0xFDBF_F7EF; 4 * N / 32];
    let bits = MaskRef::new(&words, 4 * N).expect("so many words");
    let line = LINE / size_of::<T>();
    let (x, mut y) = (vec![one; 4 * N + line], vec![one; 4 * N + line]);
    let (at, to) = (x.as_ptr().align_offset(LINE), y.as_ptr().align_offset(LINE));
    let (x, y) = (&x[at..][..4 * N], &mut y[to..][..4 * N]);
    let mut times = [const { [const { Vec::new() }; NAMES.len()] }; 1 + WIDTHS.len()];
    for _ in 0..RUNS {
        let (x, y) = (black_box(x), black_box(&mut *y));
        let time = |times: &mut Vec<f64>, elements: usize, f: &mut dyn FnMut()| {
            let start = Instant::now();
            (0..CALLS).for_each(|_| f());
            times.push(start.elapsed().as_nanos() as f64 / (CALLS * elements) as f64);
        };
        let [slice, panels @ ..] = &mut times;
        let (whole, window) = (bits.split_at(N).expect("whole words").0, bits.window(0..N));
        let window = window.expect("as many bits");
        let [a, b, c, d, e, f] = slice;
        time(a, N, &mut || dropout.backward(&x[..N], &mut y[..N], whole).expect("it fits"));
        time(b, N, &mut || dropout.backward_in_place(&mut y[..N], whole).expect("it fits"));
        time(c, N, &mut || dropout.backward(&x[..N], &mut y[..N], window).expect("it fits"));
        time(e, N, &mut || dropout.backward(&x[1..=N], &mut y[1..=N], whole).expect("it fits"));
        time(f, N, &mut || dropout.backward_in_place(&mut y[1..=N], whole).expect("it fits"));
        let key = MaskKey::new(1, 2);
        time(d, N, &mut || dropout.forward(&x[..N], &mut y[..N], key).expect("it fits"));
        for (width, [a, b, c, d, e, f]) in WIDTHS.iter().zip(panels) {
            let (rows, stride) = (N / width, (width + 16).next_multiple_of(line));
            let panel = Panel::new(rows, *width).and_then(|panel| panel.with_stride(stride));
            let panel = panel.expect("a small shape");
            let mask = bits.window(0..panel.mask_bits()).expect("more bits");
            let shifted = bits.window(7..7 + panel.mask_bits()).expect("more bits");
            let panel = dropout.over(panel);
            let n = rows * width;
            time(a, n, &mut || panel.backward(x, y, mask).expect("it fits"));
            time(b, n, &mut || panel.backward_in_place(y, mask).expect("it fits"));
            time(c, n, &mut || panel.backward(x, y, shifted).expect("it fits"));
            time(d, n, &mut || panel.forward(x, y, key).expect("it fits"));
            let odd = Panel::new(rows, *width).and_then(|panel| panel.with_stride(width + 13));
            let odd = dropout.over(odd.expect("a small shape"));
            time(e, n, &mut || odd.backward(x, y, mask).expect("it fits"));
            time(f, n, &mut || odd.backward_in_place(y, mask).expect("it fits"));
        }
    }
    let medians = times.map(|of| {
        of.map(|mut times| {
            times.sort_by(f64::total_cmp);
            times[times.len() / 2]
        })
    });
    println!("{}, {name}, p = 0.1; over the slice", backend.name());
    print!("  {:20} {:>8}", "", "slice");
    WIDTHS.iter().for_each(|width| print!(" {width:>15}"));
    println!();
    for (i, name) in NAMES.iter().enumerate() {
        let slice = medians[0][i];
        print!("  {name:20} {slice:8.3}");
        medians[1..].iter().for_each(|of| print!(" {:8.3} {:5.2}x", of[i], of[i] / slice));
        println!();
    }
}

#![no_main]
//! Rows with strides, of any extents, and what is fused with dropout, on every backend: each element by the
//! formula, and nothing written between the rows. What does not fit is refused and writes nothing.

use arbitrary::Arbitrary;
use dropout_kernels::{Backend, Dropout, MaskKey, MaskMut, MaskRef, Panel, ShapeError, mask_words};
use dropout_kernels_fuzz::input::Rate;
use dropout_kernels_fuzz::reference::stream::Reference;
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Input {
    rate: Rate,
    rows: u8,
    width: u16,
    /// Beyond the width, or not.
    strides: [u16; 4],
    tight: [bool; 4],
    /// How many elements and bits slices have, more or less than are needed.
    surplus: [i8; 4],
    first: u8,
    seed: u64,
    classic: bool,
    residual: bool,
    by_key: bool,
}

fuzz_target!(|input: Input| {
    let (rows, width) = (usize::from(input.rows % 40), usize::from(input.width % 700));
    let stride = |i: usize, least: usize| match input.tight[i] {
        true => width,
        false => least + usize::from(input.strides[i] % 800),
    };
    // Rows of an output must not overlap; a single one may have any stride.
    let least = if rows > 1 { width } else { 0 };
    let (from, to, bits, aside) = (stride(0, 0), stride(1, least), stride(2, 0), stride(3, 0));
    let panel = Panel::new(rows, width)
        .and_then(|panel| panel.with_strides(from, to))
        .and_then(|panel| panel.with_residual_stride(aside))
        .and_then(|panel| panel.with_mask_stride(bits))
        .expect("small, and rows of the output do not overlap");
    let extent = |stride: usize| if rows * width == 0 { 0 } else { (rows - 1) * stride + width };
    let length =
        |i: usize, stride: usize| extent(stride).saturating_add_signed(input.surplus[i].into());
    let number = |i: usize| ((i * 31 + 7) % 257) as f32 - 128.0;
    let x: Vec<f32> = (0..length(0, from)).map(number).collect();
    let before: Vec<f32> = (0..length(1, to)).map(|i| number(i + 3)).collect();
    let residual: Vec<f32> = (0..length(3, aside)).map(|i| number(i + 5)).collect();
    let bias: Vec<f32> = (0..width).map(|i| number(i + 11)).collect();
    let rate = input.rate.get(&Reference::new(input.seed, 1));
    let first = usize::from(input.first);
    let mask_bits = length(2, bits);
    let keep = Reference::new(input.seed, 1).mask(rate.threshold(), extent(bits));
    let mut words = vec![0xA5A5_A5A5; mask_words(first + mask_bits)];
    let mut own = MaskMut::new(&mut words, first + mask_bits).expect("so many words");
    for (i, keep) in keep.iter().take(mask_bits).enumerate() {
        own.set(first + i, *keep);
    }
    let window = MaskRef::new(&words, first + mask_bits).expect("so many words");
    let window = window.window(first..first + mask_bits).expect("so many bits");
    let fits_aside = !input.residual || residual.len() >= extent(aside);
    let fits = x.len() >= extent(from)
        && before.len() >= extent(to)
        && (input.by_key || mask_bits == extent(bits));
    let factor = if input.classic { 1.0 } else { rate.scale_f32() };
    let mut wanted = before.clone();
    let (mut plain, mut dbias) = (before.clone(), vec![0f32; width]);
    if fits {
        for (r, j) in (0..rows).flat_map(|r| (0..width).map(move |j| (r, j))) {
            let kept = keep[r * bits + j];
            plain[r * to + j] = if kept { x[r * from + j] * factor } else { 0.0 };
            dbias[j] += plain[r * to + j];
            if !fits_aside {
                continue;
            }
            let sum = if kept { (x[r * from + j] + bias[j]) * factor } else { 0.0 };
            let over = if input.residual { residual[r * aside + j] } else { wanted[r * to + j] };
            wanted[r * to + j] = over + sum;
        }
    }
    let key = MaskKey::new(input.seed, 1);
    for backend in Backend::available() {
        let told = |what: &str| format!("{what} on {}: {input:?}", backend.name());
        let check = |run: &dyn Fn(&mut [f32]) -> Result<(), ShapeError>,
                     wanted: &[f32],
                     fits,
                     what: &str| {
            let mut y = before.clone();
            assert_eq!(run(&mut y).is_ok(), fits, "{}", told(what));
            assert_eq!(
                y.iter().map(|y| y.to_bits()).collect::<Vec<_>>(),
                wanted.iter().map(|y| y.to_bits()).collect::<Vec<_>>(),
                "{}",
                told(what)
            );
        };
        macro_rules! all {
            ($dropout:expr) => {{
                let dropout = $dropout.with_backend(backend).over(panel);
                let block = dropout.with_bias(&bias);
                check(
                    &|y| match (input.residual, input.by_key) {
                        (true, true) => block.forward_residual(&x, &residual, y, key),
                        (true, false) => block.forward_residual(&x, &residual, y, window),
                        (false, true) => block.forward_add(&x, y, key),
                        (false, false) => block.forward_add(&x, y, window),
                    },
                    &wanted,
                    fits && fits_aside,
                    "fused",
                );
                check(
                    &|y| match input.by_key {
                        true => dropout.backward(&x, y, key),
                        false => dropout.backward(&x, y, window),
                    },
                    &plain,
                    fits,
                    "backward",
                );
                // Rectified: as dropout of what is positive, by a mask of its own, where no bits are shared.
                let (mut rectified, positive) = (before.clone(), x.iter().map(|x| x.max(0.0)));
                let (positive, mut drawn) = (positive.collect::<Vec<_>>(), vec![0; mask_words(mask_bits)]);
                let drawn = MaskMut::new(&mut drawn, mask_bits).expect("so many words");
                let done = dropout.forward_relu(&x, &mut rectified, key.draw(drawn));
                let apart = bits >= width || rows < 2;
                let mut by_parts = before.clone();
                let own = fits && mask_bits == extent(bits) && apart;
                assert_eq!(done.is_ok(), own, "{}", told("relu"));
                if own {
                    dropout.forward(&positive, &mut by_parts, key).expect("it fits");
                }
                // -0.0 and 0.0 are the same here.
                assert_eq!(rectified, by_parts, "{}", told("relu"));
                let mut sums = vec![0f32; width];
                let mut y = before.clone();
                let done = match input.by_key {
                    true => block.backward(&x, &mut y, &mut sums, key),
                    false => block.backward(&x, &mut y, &mut sums, window),
                };
                assert_eq!((done.is_ok(), &y, &sums), (fits, &plain, &dbias), "{}", told("dbias"));
            }};
        }
        // At p = 1 the inverted rule has no scale: everything is dropped.
        if input.classic { all!(Dropout::classic(rate)) } else { all!(Dropout::new(rate)) }
    }
});

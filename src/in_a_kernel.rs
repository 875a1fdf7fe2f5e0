//! In a kernel of your own.
//!
//! How to have dropout inside a pass that you make anyway: an epilogue, a tile, a fused layer. No example here needs `unsafe`.
//!
//! | you have | call |
//! |---|---|
//! | a bias before, a residual after | [`dropout.with_bias(&bias)`](crate::Dropout::with_bias), and its [`forward_residual`](crate::BiasDropout::forward_residual), `backward`, `infer_residual` |
//! | an output to add to | [`forward_add`](crate::Dropout::forward_add), [`backward_add`](crate::Dropout::backward_add) |
//! | an activation before or after | [`forward_with`](crate::Dropout::forward_with), [`backward_with`](crate::Dropout::backward_with); [in place](crate::Dropout::forward_with_in_place); [the same with a bias](crate::BiasDropout::forward_with) |
//! | a `ReLU` before | [`forward_relu`](crate::Dropout::forward_relu), or [`and_positive`](crate::MaskMut::and_positive) on a mask |
//! | rows and columns of a larger matrix | [`dropout.over(panel)`](crate::Panel): each of the above |
//! | a part of a mask, from any bit on | [`mask.window(range)`](crate::MaskRef::window) |
//! | a loop of your own, vectors of yours | [`keep`](crate::keep), 32 elements by a word; [`word_at`](crate::MaskRef::word_at); [`rng.block`](crate::MaskRng::block), 512 bits at a time |
//! | an output that you have just allocated | [`forward_uninit`](crate::Dropout::forward_uninit) (a `Vec`'s own `set_len` is `unsafe`) |
//!
//! # Bias, dropout, residual
//!
//! Backward takes the same key or mask. The bias's gradient is summed row after row, so it has the same bits on every machine.
//!
//! ```
//! use dropout_kernels::{Dropout, Mask, MaskRng, ShapeError, drop_rate, mask_words};
//!
//! const ROWS: usize = 6;
//! const WIDTH: usize = 40;
//!
//! fn main() -> Result<(), ShapeError> {
//!     let dropout = Dropout::new(drop_rate!(0.1));
//!     let (x, bias, residual) = ([0.5f32; ROWS * WIDTH], [0.25f32; WIDTH], [1f32; ROWS * WIDTH]);
//!     let (mut rng, mut mask) = (MaskRng::new(42, 0), Mask::<{ mask_words(ROWS * WIDTH) }>::new());
//!
//!     let block = dropout.with_bias(&bias);
//!     let mut y = [0f32; ROWS * WIDTH];
//!     block.forward_residual(&x, &residual, &mut y, rng.draw(&mut mask))?;
//!
//!     let dy = [1f32; ROWS * WIDTH]; // the residual's gradient, too
//!     let (mut dx, mut dbias) = ([0f32; ROWS * WIDTH], [0f32; WIDTH]);
//!     block.backward(&dy, &mut dx, &mut dbias, &mask)?;
//!
//!     // The bits of the separate passes.
//!     let mut separate: Vec<f32> = x.iter().enumerate().map(|(i, x)| x + bias[i % WIDTH]).collect();
//!     dropout.forward_in_place(&mut separate, &mask)?;
//!     assert!(y.iter().zip(&separate).zip(residual).all(|((y, d), r)| *y == r + d));
//!     Ok(())
//! }
//! ```
//!
//! # The epilogue of a tile of a larger matrix
//!
//! Rows m0 to m1 and columns n0 to n1, where n0 is no multiple of 32, by the mask of the whole matrix. The bits of the tile's first
//! row begin at bit m0 * N + n0, and those of the next row N bits later.
//!
//! ```
//! use dropout_kernels::{Dropout, Mask, MaskKey, Panel, ShapeError, drop_rate, mask_words};
//!
//! const M: usize = 20;
//! const N: usize = 50;
//! const DROPOUT: Dropout = Dropout::new(drop_rate!(0.25));
//!
//! /// Adds the bias and drops, in place: what ends a matrix product.
//! fn epilogue(
//!     c: &mut [f32],
//!     bias: &[f32],
//!     mask: &Mask<{ mask_words(M * N) }>,
//!     rows: std::ops::Range<usize>,
//!     columns: std::ops::Range<usize>,
//! ) -> Result<(), ShapeError> {
//!     let tile = Panel::within(rows.len(), columns.len(), N)?;
//!     let first = rows.start * N + columns.start;
//!     let bits = mask.view(M * N)?.window(first..first + tile.mask_bits())?;
//!     DROPOUT.over(tile).with_bias(&bias[columns]).forward_in_place(&mut c[first..], bits)
//! }
//!
//! fn main() -> Result<(), ShapeError> {
//!     let mut mask = Mask::new();
//!     MaskKey::new(42, 0).fill(DROPOUT.rate(), mask.view_mut(M * N)?);
//!     let (bias, mut c) = ([0.5f32; N], [1f32; M * N]);
//!     for (m, n) in [(0..7, 0..33), (7..M, 0..33), (7..M, 33..N), (0..7, 33..N)] {
//!         epilogue(&mut c, &bias, &mask, m, n)?;
//!     }
//!     let mut whole = [1f32; M * N];
//!     DROPOUT.with_bias(&bias).forward_in_place(&mut whole, &mask)?;
//!     assert_eq!(c, whole);
//!     Ok(())
//! }
//! ```
//!
//! # GELU and dropout
//!
//! The hook takes any arithmetic. Backward computes again what it needs of x, so that nothing but x is kept. This is the form with
//! tanh, from `libm`, which has the same bits on every machine and is not made into vectors; a polynomial or a rational function
//! is, and then the pass costs what touching the memory costs.
//!
//! ```
//! use dropout_kernels::{Dropout, MaskKey, ShapeError, drop_rate};
//!
//! const A: f32 = 0.797_884_6; // sqrt(2 / pi)
//! const B: f32 = 0.044_715;
//!
//! fn gelu(x: f32) -> f32 {
//!     0.5 * x * (1.0 + libm::tanhf(A * (x + B * x * x * x)))
//! }
//!
//! fn slope(x: f32) -> f32 {
//!     let t = libm::tanhf(A * (x + B * x * x * x));
//!     0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * A * (1.0 + 3.0 * B * x * x)
//! }
//!
//! fn main() -> Result<(), ShapeError> {
//!     let (dropout, key) = (Dropout::new(drop_rate!(0.1)), MaskKey::new(42, 0));
//!     let x: [f32; 100] = std::array::from_fn(|i| i as f32 / 25.0 - 2.0);
//!     let (dy, mut y, mut dx) = ([1f32; 100], [0f32; 100], [0f32; 100]);
//!     dropout.forward_with([&x], &mut y, key, |[x]| gelu(x), |d, _| d)?;
//!     dropout.backward_with([&dy, &x], &mut dx, key, |[dy, x]| dy * slope(x), |d, _| d)?;
//!     assert!(y.iter().zip(x).all(|(y, x)| *y == 0.0 || *y == gelu(x) * dropout.rate().scale_f32()));
//!     Ok(())
//! }
//! ```
//!
//! # Tiles, in any order
//!
//! A key names a mask for ever, and has no position: whatever is visited alone gets a stream of its own. Name it by where it is, not
//! by when it is visited, and backward can go another way.
//!
//! ```
//! use dropout_kernels::{Dropout, Error, MaskKey, drop_rate};
//!
//! const DROPOUT: Dropout = Dropout::new(drop_rate!(0.1));
//! const TILE: usize = 16 * 32; // part of what the name means: another size gives other masks
//!
//! /// The tile of a head's scores that is in row block i and column block j, of 8 heads and 4 x 4 tiles.
//! fn tile(head: u64, i: u64, j: u64) -> Result<MaskKey, Error> {
//!     Ok(MaskKey::at(42, &[(head, 8), (i, 4), (j, 4)])?)
//! }
//!
//! fn main() -> Result<(), Error> {
//!     let (mut forward, mut backward) = (vec![1f32; 16 * TILE], vec![1f32; 16 * TILE]);
//!     for (i, j) in (0..4).flat_map(|i| (0..4).map(move |j| (i, j))) {
//!         let at = (i * 4 + j) * TILE;
//!         DROPOUT.forward_in_place(&mut forward[at..at + TILE], tile(3, i as u64, j as u64)?)?;
//!     }
//!     for (j, i) in (0..4).rev().flat_map(|j| (0..4).map(move |i| (j, i))) {
//!         let at = (i * 4 + j) * TILE;
//!         DROPOUT.backward_in_place(&mut backward[at..at + TILE], tile(3, i as u64, j as u64)?)?;
//!     }
//!     assert_eq!(forward, backward);
//!     Ok(())
//! }
//! ```
//!
//! A tile at the edge draws a mask of its own size; draw it in full and take a [window](crate::MaskRef::window) if its elements should
//! not depend on where the edge is.
//!
//! # `ReLU` by the same mask
//!
//! The mask is stored, by `key.draw(mask)` or `rng.draw(mask)`: backward by the key alone is that of dropout alone. With a mask of
//! your own: `and_positive`, then `forward`.
//!
//! ```
//! use dropout_kernels::{Dropout, MaskKey, MaskMut, ShapeError, drop_rate};
//!
//! fn main() -> Result<(), ShapeError> {
//!     let dropout = Dropout::new(drop_rate!(0.5));
//!     let x: [f32; 64] = std::array::from_fn(|i| i as f32 - 31.5);
//!     let (mut y, mut dx, mut words) = ([0f32; 64], [0f32; 64], [0u32; 2]);
//!     let mut mask = MaskMut::new(&mut words, 64)?;
//!     dropout.forward_relu(&x, &mut y, MaskKey::new(42, 0).draw(mask.reborrow()))?;
//!     dropout.backward(&[1.0; 64], &mut dx, mask.as_ref())?; // of both
//!     assert!(x.iter().zip(dx).all(|(x, dx)| *x > 0.0 || dx == 0.0));
//!     assert!(y.iter().zip(x).zip(dx).all(|((y, x), dx)| *y == x * dx));
//!     Ok(())
//! }
//! ```
//!
//! # Two threads, split anywhere
//!
//! A stored mask is read from any bit. (Masks that threads draw are split at a multiple of 32,
//! [`MaskMut::split_at`](crate::MaskMut::split_at), or have a key each.) Tiles that stand side by side in one matrix are in one slice,
//! which safe Rust lends to one thread at a time: split a matrix by its rows.
//!
//! ```
//! use dropout_kernels::{Dropout, Mask, MaskKey, ShapeError, drop_rate, mask_words};
//!
//! fn main() -> Result<(), ShapeError> {
//!     let dropout = Dropout::new(drop_rate!(0.1));
//!     let mut mask = Mask::<{ mask_words(1000) }>::new();
//!     let mut x = [1f32; 1000];
//!     dropout.forward_in_place(&mut x, MaskKey::new(42, 0).draw(&mut mask))?;
//!
//!     let mut dx = [1f32; 1000];
//!     let (left, right) = dx.split_at_mut(333);
//!     let mask = mask.view(1000)?;
//!     std::thread::scope(|scope| {
//!         let other = scope.spawn(|| dropout.backward_in_place(right, mask.window(333..1000)?));
//!         dropout.backward_in_place(left, mask.window(0..333)?)?;
//!         other.join().expect("it does not panic")
//!     })?;
//!     assert_eq!(x, dx);
//!     Ok(())
//! }
//! ```
//!
//! # What it costs
//!
//! Nanoseconds per element of `f32`, p = 0.1, by a mask in memory unless it says a key; then the time over that of the separate passes, by
//! `cargo bench --bench fused`: AMD EPYC (Zen 3), AVX2, 2026-11-28. The separate passes are loops for AVX2, and this crate's.
//!
//! | | L1 | L2 | memory |
//! |---|---|---|---|
//! | bias, dropout, residual | 0.142, 0.70 x | 0.170, 0.54 x | 0.98, 0.55 x |
//! | the same by AVX2's intrinsics, by hand | 0.138 | 0.180 | 0.95 |
//! | the same, by a key | 0.274, 0.92 x | 0.293, 0.76 x | 1.16, 0.63 x |
//! | its backward, with dbias | 0.124, 0.90 x | 0.131, 0.72 x | 0.76, 0.77 x |
//! | `forward_add`, over dropout and an addition | 0.105, 0.78 x | 0.10 to 0.15, 0.50 to 0.79 x | 0.71, 0.59 x |
//! | `forward_add`, over the addition alone | 1.5 x | 0.97 to 1.43 x | 1.15 x |
//! | hard swish and dropout by the hook | 0.147, 0.99 x | 0.131, 0.67 x | 0.72, 0.65 x |
//! | `ReLU` and dropout, drawn by a key | 0.340, 0.80 x | 0.341, 0.76 x | 1.26, 0.66 x |
//!
//! What decides is how often memory is touched: in the first cache a pass more costs little, and drawing a mask costs the
//! same in one pass and in three. At opt-level 3 the loops are vectors; the hook is compiled in your crate, at its level.
//!
//! Rows of a panel have a price each: backward over rows of 512, 100 and 16 `f32` takes 1.1, 1.5 and 2.8 times the time of one
//! slice of as many by AVX2, where they lie in the first cache (Emerald Rapids, 2026-11-28; AVX-512: 1.0, 1.5, 3.4). Rows that stand together are one slice, if there is no bias. A window that does not
//! begin with a word takes 0.078 ns, in place, where the mask takes 0.058.
//!
//! # Equal bits
//!
//! Every sum and product here is rounded once. Rust never contracts them into a fused multiply-add, so a fused pass has the
//! bits of its separate passes in `f32` and `f64`. Where your own part is C, compile it with `-ffp-contract=off`: GCC contracts
//! by default, and its sums are then other numbers. `f16` and `bf16` are computed with in `f32` and rounded once at the end of a
//! pass, so a fused forward pass is usually nearer to the exact number than separate passes, and has other bits.
//!
//! A bias's gradient has the same bits wherever its rows come in the same order. Threads or tiles that sum into a dbias each, which
//! are added afterwards, give other last bits than one call: fix the order in which you add them.
//!
//! [`Backend::detect`](crate::Backend::detect) names the backend in use; the processor is asked once. It is no permission for your
//! code: a function of yours that needs AVX2 asks `is_x86_feature_detected!` itself.

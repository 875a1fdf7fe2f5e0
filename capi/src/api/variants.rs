//! Other variants: alpha dropout, DropKey, DropBlock, DropConnect, LayerDrop, Concrete dropout, noise, zoneout,
//! random rounding.

use dropout_kernels::{DropRate, Dropout, LayerDrop};
use half::{bf16, f16};

use super::given::{Lent, Source, mask_mut, one, write};
use super::types::dk_status::{self, *};
use super::types::{
    By, dk_alpha, dk_concrete_f32, dk_concrete_f64, dk_drop_block, dk_drop_connect, dk_dropout,
    dk_embedding_noise, dk_key, dk_layout, dk_penalty_f32, dk_penalty_f64, dk_rate, dk_source,
};
use super::verbs::{self, Backward, Forward, Product};
use super::{c_name, each};

/// Makes alpha dropout (Klambauer et al. 2017) at a rate: y = a * (d ? x : a') + b, which keeps the mean
/// and the variance of SELU activations. DK_NULL, DK_MISALIGNED, DK_NOT_MADE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dk_alpha_new(alpha: *mut dk_alpha, rate: *const dk_rate) -> dk_status {
    // SAFETY: what C promises.
    unsafe {
        let made = one(rate).and_then(dk_rate::get).map(|rate| Dropout::alpha(rate).into());
        write(alpha, made)
    }
}

/// Alpha dropout of inputs of another mean and variance, which stay: a = (q * (1 + p * (a' - mean)^2 / variance))^(-1/2) and
/// b = mean - a * (q * mean + p * a'), with q = 1 - p. DK_NULL, DK_MISALIGNED, DK_NOT_MADE, DK_MEAN, DK_VARIANCE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dk_alpha_of(
    alpha: *mut dk_alpha,
    rate: *const dk_rate,
    mean: f64,
    variance: f64,
) -> dk_status {
    // SAFETY: what C promises.
    unsafe {
        let made = one(rate)
            .and_then(dk_rate::get)
            .and_then(|rate| Ok(Dropout::alpha_of(rate, mean, variance)?.into()));
        write(alpha, made)
    }
}

macro_rules! alpha_forward {
    ([$($doc:tt)*] $name:ident $c:ident $t:ident) => {
        $($doc)*
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(
            alpha: *const dk_alpha,
            x: *const $c,
            y: *mut $c,
            n: usize,
            source: *const dk_source,
        ) -> dk_status {
            let (x, y): (*const $t, *mut $t) = (x.cast(), y.cast());
            // SAFETY: what C promises.
            let done = unsafe {
                let dropout = one(alpha).and_then(dk_alpha::get);
                verbs::by_rule(dropout, verbs::each(n), x, y, source, Forward)
            };
            dk_status::of(done)
        }
    };
}
each! { alpha_forward:
    /// Alpha dropout, n elements; x == y allowed. A dropped element becomes a * a' + b. As dk_forward_f32.
    dk_alpha_forward_f32 f32 f32,
    dk_alpha_forward_f64 f64 f64,
    dk_alpha_forward_f16 u16 f16,
    dk_alpha_forward_bf16 u16 bf16,
}

macro_rules! alpha_backward {
    ([$($doc:tt)*] $name:ident $c:ident $t:ident) => {
        $($doc)*
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(
            alpha: *const dk_alpha,
            dy: *const $c,
            dx: *mut $c,
            n: usize,
            source: *const dk_source,
        ) -> dk_status {
            let (dy, dx): (*const $t, *mut $t) = (dy.cast(), dx.cast());
            // SAFETY: what C promises.
            let done = unsafe {
                let dropout = one(alpha).and_then(dk_alpha::get);
                verbs::by_rule(dropout, verbs::each(n), dy, dx, source, Backward)
            };
            dk_status::of(done)
        }
    };
}
each! { alpha_backward:
    /// Its gradient: dx = d * a * dy. As dk_backward_f32. Inference is the identity.
    dk_alpha_backward_f32 f32 f32,
    dk_alpha_backward_f64 f64 f64,
    dk_alpha_backward_f16 u16 f16,
    dk_alpha_backward_bf16 u16 bf16,
}

macro_rules! alpha_forward_layout {
    ([$($doc:tt)*] $name:ident $c:ident $t:ident) => {
        $($doc)*
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(
            alpha: *const dk_alpha,
            layout: *const dk_layout,
            x: *const $c,
            y: *mut $c,
            source: *const dk_source,
        ) -> dk_status {
            let (x, y): (*const $t, *mut $t) = (x.cast(), y.cast());
            // SAFETY: what C promises.
            let done = unsafe {
                verbs::given(layout).and_then(|over| {
                    let dropout = one(alpha).and_then(dk_alpha::get);
                    verbs::by_rule(dropout, over, x, y, source, Forward)
                })
            };
            dk_status::of(done)
        }
    };
}
each! { alpha_forward_layout:
    /// Alpha dropout over a layout: of whole channels it is feature alpha dropout. As dk_forward_layout_f32.
    dk_alpha_forward_layout_f32 f32 f32,
    dk_alpha_forward_layout_f64 f64 f64,
    dk_alpha_forward_layout_f16 u16 f16,
    dk_alpha_forward_layout_bf16 u16 bf16,
}

macro_rules! alpha_backward_layout {
    ([$($doc:tt)*] $name:ident $c:ident $t:ident) => {
        $($doc)*
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(
            alpha: *const dk_alpha,
            layout: *const dk_layout,
            dy: *const $c,
            dx: *mut $c,
            source: *const dk_source,
        ) -> dk_status {
            let (dy, dx): (*const $t, *mut $t) = (dy.cast(), dx.cast());
            // SAFETY: what C promises.
            let done = unsafe {
                verbs::given(layout).and_then(|over| {
                    let dropout = one(alpha).and_then(dk_alpha::get);
                    verbs::by_rule(dropout, over, dy, dx, source, Backward)
                })
            };
            dk_status::of(done)
        }
    };
}
each! { alpha_backward_layout:
    /// Its gradient. As dk_backward_layout_f32.
    dk_alpha_backward_layout_f32 f32 f32,
    dk_alpha_backward_layout_f64 f64 f64,
    dk_alpha_backward_layout_f16 u16 f16,
    dk_alpha_backward_layout_bf16 u16 bf16,
}

macro_rules! drop_key_forward {
    ([$($doc:tt)*] $name:ident $c:ident $t:ident) => {
        $($doc)*
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(
            rate: *const dk_rate,
            x: *const $c,
            y: *mut $c,
            n: usize,
            source: *const dk_source,
        ) -> dk_status {
            let (x, y): (*const $t, *mut $t) = (x.cast(), y.cast());
            // SAFETY: what C promises.
            let done = unsafe {
                let dropout = one(rate).and_then(dk_rate::get).map(Dropout::drop_key);
                verbs::by_rule(dropout, verbs::each(n), x, y, source, Forward)
            };
            dk_status::of(done)
        }
    };
}
each! { drop_key_forward:
    /// DropKey (Li et al. 2023), of attention logits before the softmax: y = d ? x : -inf; x == y
    /// allowed. Its gradient is dk_backward_f32 by dk_classic. As dk_forward_f32.
    dk_drop_key_forward_f32 f32 f32,
    dk_drop_key_forward_f64 f64 f64,
    dk_drop_key_forward_f16 u16 f16,
    dk_drop_key_forward_bf16 u16 bf16,
}

macro_rules! drop_key_forward_layout {
    ([$($doc:tt)*] $name:ident $c:ident $t:ident) => {
        $($doc)*
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(
            rate: *const dk_rate,
            layout: *const dk_layout,
            x: *const $c,
            y: *mut $c,
            source: *const dk_source,
        ) -> dk_status {
            let (x, y): (*const $t, *mut $t) = (x.cast(), y.cast());
            // SAFETY: what C promises.
            let done = unsafe {
                verbs::given(layout).and_then(|over| {
                    let dropout = one(rate).and_then(dk_rate::get).map(Dropout::drop_key);
                    verbs::by_rule(dropout, over, x, y, source, Forward)
                })
            };
            dk_status::of(done)
        }
    };
}
each! { drop_key_forward_layout:
    /// DropKey over a layout: a key that is dropped for all queries, or a head. As dk_forward_layout_f32.
    dk_drop_key_forward_layout_f32 f32 f32,
    dk_drop_key_forward_layout_f64 f64 f64,
    dk_drop_key_forward_layout_f16 u16 f16,
    dk_drop_key_forward_layout_bf16 u16 bf16,
}

/// gamma, the rate at which first corners of blocks are drawn: p * places / covered, with places the elements of a map, and covered the
/// product of b * (extent + 1 - b) over its axes, b the block or the extent if that is less. DK_NULL, DK_MISALIGNED, DK_NOT_MADE, DK_AXES,
/// DK_EMPTY_BLOCK, DK_OVERFLOW.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dk_drop_block_seed_rate(
    blocks: *const dk_drop_block,
    gamma: *mut dk_rate,
) -> dk_status {
    // SAFETY: what C promises.
    unsafe { write(gamma, one(blocks).and_then(dk_drop_block::get).map(|b| b.seed_rate().into())) }
}

/// Draws the mask of blocks, and does not apply it. The source is dk_source_rng or dk_source_key_into,
/// with as many bits as the mask has; else DK_SOURCE_NOT_DRAWN. As dk_drop_block_forward_f32.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dk_drop_block_fill(
    blocks: *const dk_drop_block,
    source: *const dk_source,
) -> dk_status {
    let run = || {
        // SAFETY: what C promises.
        let (blocks, source) = unsafe { (one(blocks)?.get()?, one(source)?) };
        // SAFETY: what C promises.
        let source = unsafe { source.get(blocks.mask_bits(), [])? };
        match source {
            Source::KeyInto(key, mask) => Ok(blocks.fill(mask, key)?),
            Source::Rng(rng, mask) => Ok(blocks.fill(mask, Lent::new(rng).get())?),
            _ => Err(DK_SOURCE_NOT_DRAWN),
        }
    };
    dk_status::of(run())
}

macro_rules! drop_block_forward {
    ([$($doc:tt)*] $name:ident $c:ident $t:ident) => {
        $($doc)*
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(
            blocks: *const dk_drop_block,
            x: *const $c,
            y: *mut $c,
            source: *const dk_source,
        ) -> dk_status {
            // SAFETY: what C promises.
            dk_status::of(unsafe { verbs::drop_block::<$t>(blocks, x.cast(), y.cast(), source, false) })
        }
    };
}
each! { drop_block_forward:
    /// Drops blocks of maps (Ghiasi et al. 2018); x == y allowed. Kept elements are scaled by bits / kept bits of
    /// this mask, or of their sample's part of it; if nothing is kept, y is 0. The mask is in memory or drawn into memory: a key alone, or a window that begins at
    /// no multiple of 32, is DK_SOURCE_NOT_STORED. A block that is larger than a map ends with it. The seeds' rate is computed anew by each call: some 40 steps of long
    /// division.
    ///
    /// As dk_forward_f32, and DK_AXES, DK_EMPTY_BLOCK.
    dk_drop_block_forward_f32 f32 f32,
    dk_drop_block_forward_f64 f64 f64,
    dk_drop_block_forward_f16 u16 f16,
    dk_drop_block_forward_bf16 u16 bf16,
    dk_drop_block_forward_s8 i8 i8,
    dk_drop_block_forward_s16 i16 i16,
}

macro_rules! drop_block_backward {
    ([$($doc:tt)*] $name:ident $c:ident $t:ident) => {
        $($doc)*
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(
            blocks: *const dk_drop_block,
            dy: *const $c,
            dx: *mut $c,
            source: *const dk_source,
        ) -> dk_status {
            // SAFETY: what C promises.
            dk_status::of(unsafe { verbs::drop_block::<$t>(blocks, dy.cast(), dx.cast(), source, true) })
        }
    };
}
each! { drop_block_backward:
    /// Its gradient, by the mask that forward drew: dk_source_mask.
    dk_drop_block_backward_f32 f32 f32,
    dk_drop_block_backward_f64 f64 f64,
    dk_drop_block_backward_f16 u16 f16,
    dk_drop_block_backward_bf16 u16 bf16,
    dk_drop_block_backward_s8 i8 i8,
    dk_drop_block_backward_s16 i16 i16,
}

macro_rules! drop_connect {
    ([$($doc:tt)*] $name:ident $c:ident $t:ident ($product:ident $a:ident $b:ident $output:ident)) => {
        $($doc)*
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(
            layer: *const dk_drop_connect,
            $a: *const $c,
            $b: *const $c,
            $output: *mut $c,
            batch: usize,
            source: *const dk_source,
        ) -> dk_status {
            let (a, b, output) = ($a.cast(), $b.cast(), $output.cast());
            // SAFETY: what C promises.
            dk_status::of(unsafe {
                verbs::drop_connect::<$t>(layer, a, b, output, batch, source, Product::$product)
                })
        }
    };
}
each! { drop_connect (Forward w x y):
    /// Multiplies with the weights that are kept: y = s (M o W) x, with s = 1 / (1 - p) by the inverted rule and 1 by the classic one.
    /// x is batch x columns and y batch x rows, all under one mask of rows * columns bits; y is overwritten, and is
    /// neither w nor x. A dropped weight takes no part: it may be NaN, and so may the x that it meets.
    ///
    /// Element of y: 32 sums, of which sum i adds the kept products of columns i, i + 32, i + 64 and so on from +0.0; the upper
    /// half of the sums is added to the lower, five times, and the sum is multiplied with s. As dk_forward_f32, and
    /// DK_OVERFLOW for more weights, inputs or outputs than a size_t counts.
    ///
    /// Weights that are stored as inputs x outputs: rows are the inputs. Forward is dk_drop_connect_backward_input_f32, by a key or by
    /// a mask that dk_fill drew; the gradient to the input is this call, dk_drop_connect_backward_weights_f32 takes dy and x in
    /// each other's place, and inference is dk_drop_connect_infer_transposed_f32.
    dk_drop_connect_forward_f32 f32 f32,
    dk_drop_connect_forward_f64 f64 f64,
    dk_drop_connect_forward_f16 u16 f16,
    dk_drop_connect_forward_bf16 u16 bf16,
}
each! { drop_connect (Input w dy dx):
    /// The gradient to the input: dx = s (M o W)^T dy, by forward's key or mask. dx is overwritten, row after row added to
    /// +0.0. As dk_drop_connect_forward_f32, and DK_SOURCE_DRAWS.
    dk_drop_connect_backward_input_f32 f32 f32,
    dk_drop_connect_backward_input_f64 f64 f64,
    dk_drop_connect_backward_input_f16 u16 f16,
    dk_drop_connect_backward_input_bf16 u16 bf16,
}
each! { drop_connect (Weights x dy dw):
    /// Adds the gradient to the weights to what dw holds: dW += s M o (dy x^T), sample after sample. Those of dropped weights
    /// keep their bits. As dk_drop_connect_backward_input_f32.
    dk_drop_connect_backward_weights_f32 f32 f32,
    dk_drop_connect_backward_weights_f64 f64 f64,
    dk_drop_connect_backward_weights_f16 u16 f16,
    dk_drop_connect_backward_weights_bf16 u16 bf16,
}

macro_rules! drop_connect_infer {
    ([$($doc:tt)*] $name:ident $c:ident $t:ident ($transposed:literal)) => {
        $($doc)*
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(
            layer: *const dk_drop_connect,
            w: *const $c,
            x: *const $c,
            y: *mut $c,
            batch: usize,
        ) -> dk_status {
            let (w, x, y) = (w.cast(), x.cast(), y.cast());
            // SAFETY: what C promises.
            dk_status::of(unsafe { verbs::drop_connect_infer::<$t>(layer, w, x, y, batch, $transposed) })
        }
    };
}
each! { drop_connect_infer (false):
    /// Inference: y = W x, or (1 - p) W x by the classic rule (zeros at p = 1). x is batch x columns, y batch x rows. DK_NULL,
    /// DK_MISALIGNED, DK_OVERLAP, DK_NOT_MADE, DK_ZERO_POINT, DK_OVERFLOW.
    dk_drop_connect_infer_f32 f32 f32,
    dk_drop_connect_infer_f64 f64 f64,
    dk_drop_connect_infer_f16 u16 f16,
    dk_drop_connect_infer_bf16 u16 bf16,
}
each! { drop_connect_infer (true):
    /// The same of weights that are stored as inputs x outputs: y = W^T x. x is batch x rows, y batch x columns.
    dk_drop_connect_infer_transposed_f32 f32 f32,
    dk_drop_connect_infer_transposed_f64 f64 f64,
    dk_drop_connect_infer_transposed_f16 u16 f16,
    dk_drop_connect_infer_transposed_bf16 u16 bf16,
}

/// LayerDrop (Fan et al. 2020): the layers that are kept at inference, in a mask of a bit for each. Left out is each whose depth,
/// counted from 1, is a multiple of `every`: at 2 every other layer, at 1 all, at 0 none. What is left out in
/// training dk_fill decides, by a mask of as many bits: layer l runs where dk_mask_get(mask, l), forward and
/// backward, and else x goes on. DK_NULL, DK_MISALIGNED, DK_OVERFLOW.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dk_layer_drop_prune(
    mask: *mut u32,
    layers: usize,
    every: usize,
) -> dk_status {
    // SAFETY: what C promises.
    let mask = unsafe { mask_mut(mask, layers) };
    dk_status::of(
        mask.and_then(|mask| Ok(LayerDrop::new(DropRate::ZERO, layers).prune(mask, every)?)),
    )
}

macro_rules! embedding_noise_forward {
    ([$($doc:tt)*] $name:ident $c:ident $t:ident) => {
        $($doc)*
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(
            noise: *const dk_embedding_noise,
            x: *const $c,
            y: *mut $c,
            n: usize,
            source: *const dk_source,
        ) -> dk_status {
            // SAFETY: what C promises.
            dk_status::of(unsafe { verbs::embedding_noise::<$t>(noise, x.cast(), y.cast(), n, source) })
        }
    };
}
each! { embedding_noise_forward:
    /// Adds a uniform number to every element of embeddings: y = x + alpha / sqrt(length * dimension) * u, u from -1 to 1; x == y allowed. n
    /// elements are one sequence or several. dx = dy, and inference is the identity.
    ///
    /// There is no mask: the source is dk_source_key or dk_source_noise, else DK_SOURCE_HAS_MASK. Calls can be split at multiples of 16
    /// elements. DK_NULL, DK_MISALIGNED, DK_OVERLAP, DK_NOT_MADE, DK_UNKNOWN_SOURCE, and DK_OVERFLOW if a sequence has more than 2^40
    /// elements.
    dk_embedding_noise_forward_f32 f32 f32,
    dk_embedding_noise_forward_f64 f64 f64,
    dk_embedding_noise_forward_f16 u16 f16,
    dk_embedding_noise_forward_bf16 u16 bf16,
}

macro_rules! concrete {
    ($f:ident, $layer:ident, $penalty:ident, $(#[$of_new:meta])* $new:ident, $(#[$of_p:meta])* $p:ident, $(#[$doc:meta])* $name:ident) => {
        $(#[$of_new])*
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $new(layer: *mut $layer, p: $f, temperature: $f) -> dk_status {
            // SAFETY: what C promises.
            unsafe { write(layer, $layer::new(p, temperature)) }
        }

        $(#[$of_p])*
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $p(layer: *const $layer, p: *mut $f) -> dk_status {
            // SAFETY: what C promises.
            unsafe { write(p, one(layer).and_then($layer::get).map(|layer| layer.p())) }
        }

        $(#[$doc])*
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(
            layer: *const $layer,
            squares: $f,
            inputs: u32,
            weight: $f,
            entropy: $f,
            penalty: *mut $penalty,
        ) -> dk_status {
            // SAFETY: what C promises.
            unsafe {
                let layer = one(layer).and_then($layer::get);
                write(penalty, layer.map(|d| d.penalty(squares, inputs, weight, entropy).into()))
            }
        }
    };
}
concrete! { f32, dk_concrete_f32, dk_penalty_f32,
    /// Makes Concrete dropout (Gal et al. 2017) of the probability p to drop, which is then learned, and of a temperature. DK_NULL,
    /// DK_MISALIGNED, DK_NEGATIVE, DK_ABOVE_ONE, DK_RATE_ZERO (below e^-87; e^-708 of double), DK_RATE_ONE, DK_NOT_A_NUMBER, DK_TEMPERATURE.
    dk_concrete_new_f32,
    /// p of the logit. DK_NULL, DK_MISALIGNED, and DK_RATE_ZERO, DK_RATE_ONE, DK_NOT_A_NUMBER or DK_TEMPERATURE where the logit
    /// or the temperature is none, as in all calls that take the layer.
    dk_concrete_p_f32,
    /// What a layer adds to the loss, without which p falls to 0: R = w |W|^2 / (1 - p) + e K (p ln p + (1 - p) ln(1 - p)), and its
    /// gradients. squares: |W|^2, the sum of the squares of the weights that multiply y; inputs: K, features or channels that the layer
    /// drops. The paper's code has w = s^2 / (tau N) and e = 2 / (tau N) for a squared error, 1 / N for a cross-entropy, with N examples,
    /// a length scale s and a precision tau. As dk_concrete_p_f32.
    dk_concrete_penalty_f32
}
concrete! { f64, dk_concrete_f64, dk_penalty_f64,
    /// As dk_concrete_new_f32, of double.
    dk_concrete_new_f64,
    /// As dk_concrete_p_f32, of double.
    dk_concrete_p_f64,
    /// As dk_concrete_penalty_f32, of double.
    dk_concrete_penalty_f64
}

/// A function for each element type, with the struct and the sum of the type that it is computed in.
macro_rules! concrete_each {
    ($verb:ident: $(#[$doc:meta])* $first:ident, $f64:ident, $f16:ident, $bf16:ident) => {
        $verb! { [$(#[$doc])*] $first f32 f32, dk_concrete_f32 f32 }
        $verb! { [#[doc = concat!(" As ", stringify!($first), ", of double.")]] $f64 f64 f64, dk_concrete_f64 f64 }
        $verb! { [#[doc = concat!(" As ", stringify!($first), ", of f16.")]] $f16 u16 f16, dk_concrete_f32 f32 }
        $verb! { [#[doc = concat!(" As ", stringify!($first), ", of bf16.")]] $bf16 u16 bf16, dk_concrete_f32 f32 }
    };
}

macro_rules! concrete_forward {
    ([$($doc:tt)*] $name:ident $c:ident $t:ident, $layer:ident $f:ident) => {
        $($doc)*
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(
            layer: *const $layer,
            x: *const $c,
            y: *mut $c,
            n: usize,
            source: *const dk_source,
        ) -> dk_status {
            // SAFETY: what C promises.
            dk_status::of(unsafe {
                let layer = one(layer).and_then($layer::get);
                verbs::concrete_forward::<$t>(layer, x.cast(), y.cast(), n, source)
            })
        }
    };
}
concrete_each! { concrete_forward:
    /// Concrete dropout: y = x (1 - z) / (1 - p), x == y allowed, with a gate z = sigmoid((logit + ln u - ln(1 - u)) / temperature)
    /// and a u for every element, uniform between 0 and 1. z is near 1 where an element is dropped. Inference is the identity. f16 and
    /// bf16 are computed with in float.
    ///
    /// There is no mask: the source is dk_source_key or dk_source_noise, else DK_SOURCE_HAS_MASK. Calls can be split at multiples of 16
    /// elements. DK_NULL, DK_MISALIGNED, DK_OVERLAP, DK_NOT_MADE, DK_UNKNOWN_SOURCE, DK_OVERFLOW, and those of dk_concrete_p_f32.
    dk_concrete_forward_f32, dk_concrete_forward_f64, dk_concrete_forward_f16, dk_concrete_forward_bf16
}

macro_rules! concrete_backward {
    ([$($doc:tt)*] $name:ident $c:ident $t:ident, $layer:ident $f:ident) => {
        $($doc)*
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(
            layer: *const $layer,
            x: *const $c,
            dy: *const $c,
            dx: *mut $c,
            n: usize,
            to_logit: *mut $f,
            source: *const dk_source,
        ) -> dk_status {
            // SAFETY: what C promises.
            dk_status::of(unsafe {
                let layer = one(layer).and_then($layer::get);
                let (x, dy, dx) = (x.cast(), dy.cast(), dx.cast());
                verbs::concrete_backward::<$t>(layer, x, dy, dx, n, to_logit, source)
            })
        }
    };
}
concrete_each! { concrete_backward:
    /// Its gradients, of forward's x: dx = dy (1 - z) / (1 - p), dy == dx allowed, and to_logit = the sum of dx x (p - z / temperature),
    /// which is written, not added. (To p it is to_logit / (p (1 - p)).) By forward's key, or by a copy of the generator as
    /// it stood before forward, which moves as that one did. As dk_concrete_forward_f32.
    dk_concrete_backward_f32, dk_concrete_backward_f64, dk_concrete_backward_f16, dk_concrete_backward_bf16
}

macro_rules! zoneout_forward {
    ([$($doc:tt)*] $name:ident $c:ident $t:ident) => {
        $($doc)*
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(
            rate: *const dk_rate,
            h_prev: *const $c,
            h_new: *const $c,
            h: *mut $c,
            n: usize,
            source: *const dk_source,
        ) -> dk_status {
            let (prev, new, h) = (h_prev.cast(), h_new.cast(), h.cast());
            // SAFETY: what C promises.
            dk_status::of(unsafe { verbs::zoneout_forward::<$t>(rate, prev, new, h, n, source) })
        }
    };
}
each! { zoneout_forward:
    /// Zoneout (Krueger et al. 2017) of n units of a recurrent state: h = d ? h_new : h_prev, so a unit stays as it was
    /// with probability p. h may be h_prev or h_new. As dk_forward_f32.
    dk_zoneout_forward_f32 f32 f32,
    dk_zoneout_forward_f64 f64 f64,
    dk_zoneout_forward_f16 u16 f16,
    dk_zoneout_forward_bf16 u16 bf16,
    dk_zoneout_forward_s8 i8 i8,
    dk_zoneout_forward_s16 i16 i16,
}

macro_rules! zoneout_backward {
    ([$($doc:tt)*] $name:ident $c:ident $t:ident) => {
        $($doc)*
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(
            rate: *const dk_rate,
            dh: *const $c,
            dh_prev: *mut $c,
            dh_new: *mut $c,
            n: usize,
            source: *const dk_source,
        ) -> dk_status {
            let (dh, prev, new) = (dh.cast(), dh_prev.cast(), dh_new.cast());
            // SAFETY: what C promises.
            dk_status::of(unsafe { verbs::zoneout_backward::<$t>(rate, dh, prev, new, n, source) })
        }
    };
}
each! { zoneout_backward:
    /// Its gradient: dh_prev = d ? 0 : dh, dh_new = d ? dh : 0. dh_new may be dh. As dk_backward_f32.
    dk_zoneout_backward_f32 f32 f32,
    dk_zoneout_backward_f64 f64 f64,
    dk_zoneout_backward_f16 u16 f16,
    dk_zoneout_backward_bf16 u16 bf16,
    dk_zoneout_backward_s8 i8 i8,
    dk_zoneout_backward_s16 i16 i16,
}

macro_rules! zoneout_infer {
    ([$($doc:tt)*] $name:ident $c:ident $t:ident) => {
        $($doc)*
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(
            rate: *const dk_rate,
            h_prev: *const $c,
            h_new: *const $c,
            h: *mut $c,
            n: usize,
        ) -> dk_status {
            let (prev, new, h) = (h_prev.cast(), h_new.cast(), h.cast());
            // SAFETY: what C promises.
            dk_status::of(unsafe { verbs::zoneout_infer::<$t>(rate, prev, new, h, n) })
        }
    };
}
each! { zoneout_infer:
    /// Inference: h = p * h_prev + (1 - p) * h_new; at p = 0 and p = 1 it copies. h may be h_prev or h_new.
    dk_zoneout_infer_f32 f32 f32,
    dk_zoneout_infer_f64 f64 f64,
    dk_zoneout_infer_f16 u16 f16,
    dk_zoneout_infer_bf16 u16 bf16,
    dk_zoneout_infer_s8 i8 i8,
    dk_zoneout_infer_s16 i16 i16,
}

macro_rules! stochastic {
    ($known:expr, $x:ident $y:ident, $t:ident, |$d:ident, $given:ident| $dropout:expr, $(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(
            dropout: *const dk_dropout,
            $x: *const $t,
            $y: *mut $t,
            n: usize,
            source: *const dk_source,
            rounding: dk_key,
        ) -> dk_status {
            // SAFETY: what C promises.
            dk_status::of(unsafe {
                verbs::stochastic::<$t>(dropout, $x, $y, n, source, rounding.into(), $known, |$given, verb| {
                    match $given.get()? {
                        By::Inverted($d) => verb.run($dropout),
                        // It only selects: there is nothing to round.
                        By::Classic(_) => Err(DK_CLASSIC_RULE),
                    }
                })
                })
        }
    };
}
stochastic! { false, x y, i8, |d, given| d.with_zero_point(i8::try_from(given.zero_point).map_err(|_| DK_ZERO_POINT)?),
    /// dk_forward_s8 with products that are rounded up or down at random, right on average, by the bits
    /// of a key, which may be the mask's. DK_CLASSIC_RULE by dk_classic, which rounds nothing.
    dk_forward_stochastic_s8
}
stochastic! { false, x y, i16, |d, given| { given.plain()?; d },
    /// As dk_forward_stochastic_s8, of int16_t.
    dk_forward_stochastic_s16
}
stochastic! { true, dy dx, i8, |d, given| d.with_zero_point(i8::try_from(given.zero_point).map_err(|_| DK_ZERO_POINT)?),
    /// dk_backward_s8, rounded so: small gradients are not lost.
    dk_backward_stochastic_s8
}
stochastic! { true, dy dx, i16, |d, given| { given.plain()?; d },
    /// As dk_backward_stochastic_s8, of int16_t.
    dk_backward_stochastic_s16
}

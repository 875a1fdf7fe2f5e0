//! Other variants: alpha dropout, DropKey, DropBlock, zoneout, random rounding.

use dropout_kernels::Dropout;
use half::{bf16, f16};

use super::given::{Lent, Source, one, write};
use super::types::dk_status::{self, *};
use super::types::{
    By, dk_alpha, dk_drop_block, dk_dropout, dk_key, dk_layout, dk_rate, dk_source,
};
use super::verbs::{self, Backward, Each, Forward, plain};
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
                verbs::by_rule(dropout, (Each, n, n), x, y, source, Forward)
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
                verbs::by_rule(dropout, (Each, n, n), dy, dx, source, Backward)
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
                verbs::layout(layout).and_then(|over| {
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
                verbs::layout(layout).and_then(|over| {
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
                verbs::by_rule(dropout, (Each, n, n), x, y, source, Forward)
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
                verbs::layout(layout).and_then(|over| {
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
    /// this mask; if nothing is kept, y is 0. The mask is in memory or drawn into memory: a key alone, or a window that begins at
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
stochastic! { false, x y, i16, |d, given| { plain(given)?; d },
    /// As dk_forward_stochastic_s8, of int16_t.
    dk_forward_stochastic_s16
}
stochastic! { true, dy dx, i8, |d, given| d.with_zero_point(i8::try_from(given.zero_point).map_err(|_| DK_ZERO_POINT)?),
    /// dk_backward_s8, rounded so: small gradients are not lost.
    dk_backward_stochastic_s8
}
stochastic! { true, dy dx, i16, |d, given| { plain(given)?; d },
    /// As dk_backward_stochastic_s8, of int16_t.
    dk_backward_stochastic_s16
}

//! Dropout of elements, over layouts and over panels.

use half::{bf16, f16};

use super::types::{dk_dropout, dk_layout, dk_panel, dk_source, dk_status};
use super::verbs;
use super::{c_name, each};

macro_rules! forward {
    ([$($doc:tt)*] $name:ident $c:ident $t:ident) => {
        $($doc)*
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(
            dropout: *const dk_dropout,
            x: *const $c,
            y: *mut $c,
            n: usize,
            source: *const dk_source,
        ) -> dk_status {
            // SAFETY: what C promises.
            dk_status::of(unsafe { verbs::forward::<$t>(dropout, x.cast(), y.cast(), n, source) })
        }
    };
}
each! { forward:
    /// Drops: y = forward(x), n elements; x == y allowed.
    ///
    /// With d = 1 where the mask keeps: y = d * x / (1 - p) (inverted), y = d * x (classic). A dropped
    /// element is +0.0, or the zero point, whatever it was. At p = 0 what is drawn has the bits of x,
    /// at p = 1 everything is dropped, and neither moves a generator. By a mask of your own p sets
    /// the scale alone; at p = 1 the inverted rule has none, and drops everything. Of int8_t and int16_t the
    /// product is rounded to nearest, halves up, and saturates (docs/QUANTISED.md).
    ///
    /// Any source; a mask has n bits. One pass; under 1 KiB of stack.
    /// DK_NULL, DK_MISALIGNED, DK_OVERLAP, DK_NOT_MADE, DK_UNKNOWN_SOURCE, DK_ZERO_POINT,
    /// DK_MASK_TOO_SHORT, DK_MASK_TOO_LONG, DK_OVERFLOW.
    dk_forward_f32 f32 f32,
    dk_forward_f64 f64 f64,
    dk_forward_f16 u16 f16,
    dk_forward_bf16 u16 bf16,
    dk_forward_s8 i8 i8,
    dk_forward_s16 i16 i16,
}

macro_rules! backward {
    ([$($doc:tt)*] $name:ident $c:ident $t:ident) => {
        $($doc)*
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(
            dropout: *const dk_dropout,
            dy: *const $c,
            dx: *mut $c,
            n: usize,
            source: *const dk_source,
        ) -> dk_status {
            // SAFETY: what C promises.
            dk_status::of(unsafe { verbs::backward::<$t>(dropout, dy.cast(), dx.cast(), n, source) })
        }
    };
}
each! { backward:
    /// The gradient through what forward kept: dx = d * dy / (1 - p) (inverted), dx = d * dy (classic); dy == dx allowed.
    ///
    /// By forward's key, or its mask by dk_source_mask, at forward's rate; nothing new is drawn.
    /// As dk_forward_f32, and DK_SOURCE_DRAWS.
    dk_backward_f32 f32 f32,
    dk_backward_f64 f64 f64,
    dk_backward_f16 u16 f16,
    dk_backward_bf16 u16 bf16,
    dk_backward_s8 i8 i8,
    dk_backward_s16 i16 i16,
}

macro_rules! infer {
    ([$($doc:tt)*] $name:ident $c:ident $t:ident) => {
        $($doc)*
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(
            dropout: *const dk_dropout,
            x: *const $c,
            y: *mut $c,
            n: usize,
        ) -> dk_status {
            // SAFETY: what C promises.
            dk_status::of(unsafe { verbs::infer::<$t>(dropout, x.cast(), y.cast(), n) })
        }
    };
}
each! { infer:
    /// Inference: y = x (inverted), y = (1 - p) * x (classic); x == y allowed. Over a layout it is the same call. At p = 0 it
    /// copies, and at p = 1 the classic rule gives +0.0 or the zero point, of NaN too.
    ///
    /// DK_NULL, DK_MISALIGNED, DK_OVERLAP, DK_NOT_MADE, DK_ZERO_POINT, DK_OVERFLOW.
    dk_infer_f32 f32 f32,
    dk_infer_f64 f64 f64,
    dk_infer_f16 u16 f16,
    dk_infer_bf16 u16 bf16,
    dk_infer_s8 i8 i8,
    dk_infer_s16 i16 i16,
}

macro_rules! forward_layout {
    ([$($doc:tt)*] $name:ident $c:ident $t:ident) => {
        $($doc)*
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(
            dropout: *const dk_dropout,
            layout: *const dk_layout,
            x: *const $c,
            y: *mut $c,
            source: *const dk_source,
        ) -> dk_status {
            // SAFETY: what C promises.
            dk_status::of(unsafe { verbs::forward_over::<$t, _>(dropout, layout, x.cast(), y.cast(), source) })
        }
    };
}
each! { forward_layout:
    /// dk_forward_f32 over a layout, whose mask bits decide for several elements each: spatial and
    /// variational dropout, stochastic depth. A mask has groups * width bits; it is never expanded.
    dk_forward_layout_f32 f32 f32,
    dk_forward_layout_f64 f64 f64,
    dk_forward_layout_f16 u16 f16,
    dk_forward_layout_bf16 u16 bf16,
    dk_forward_layout_s8 i8 i8,
    dk_forward_layout_s16 i16 i16,
}

macro_rules! backward_layout {
    ([$($doc:tt)*] $name:ident $c:ident $t:ident) => {
        $($doc)*
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(
            dropout: *const dk_dropout,
            layout: *const dk_layout,
            dy: *const $c,
            dx: *mut $c,
            source: *const dk_source,
        ) -> dk_status {
            // SAFETY: what C promises.
            dk_status::of(unsafe { verbs::backward_over::<$t, _>(dropout, layout, dy.cast(), dx.cast(), source) })
        }
    };
}
each! { backward_layout:
    /// dk_backward_f32 over a layout.
    dk_backward_layout_f32 f32 f32,
    dk_backward_layout_f64 f64 f64,
    dk_backward_layout_f16 u16 f16,
    dk_backward_layout_bf16 u16 bf16,
    dk_backward_layout_s8 i8 i8,
    dk_backward_layout_s16 i16 i16,
}

macro_rules! forward_panel {
    ([$($doc:tt)*] $name:ident $c:ident $t:ident) => {
        $($doc)*
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(
            dropout: *const dk_dropout,
            panel: *const dk_panel,
            x: *const $c,
            y: *mut $c,
            source: *const dk_source,
        ) -> dk_status {
            // SAFETY: what C promises.
            dk_status::of(unsafe { verbs::forward_over::<$t, _>(dropout, panel, x.cast(), y.cast(), source) })
        }
    };
}
each! { forward_panel:
    /// dk_forward_f32 over rows of a larger matrix; x and y point to the panel's first element. A mask
    /// has (rows - 1) * mask_stride + width bits, or 0 if rows or width is 0; of one that was drawn for the whole matrix,
    /// dk_source_window takes those from any bit on. DK_STRIDE if rows of y would overlap.
    dk_forward_panel_f32 f32 f32,
    dk_forward_panel_f64 f64 f64,
    dk_forward_panel_f16 u16 f16,
    dk_forward_panel_bf16 u16 bf16,
    dk_forward_panel_s8 i8 i8,
    dk_forward_panel_s16 i16 i16,
}

macro_rules! backward_panel {
    ([$($doc:tt)*] $name:ident $c:ident $t:ident) => {
        $($doc)*
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(
            dropout: *const dk_dropout,
            panel: *const dk_panel,
            dy: *const $c,
            dx: *mut $c,
            source: *const dk_source,
        ) -> dk_status {
            // SAFETY: what C promises.
            dk_status::of(unsafe { verbs::backward_over::<$t, _>(dropout, panel, dy.cast(), dx.cast(), source) })
        }
    };
}
each! { backward_panel:
    /// dk_backward_f32 over rows of a larger matrix.
    dk_backward_panel_f32 f32 f32,
    dk_backward_panel_f64 f64 f64,
    dk_backward_panel_f16 u16 f16,
    dk_backward_panel_bf16 u16 bf16,
    dk_backward_panel_s8 i8 i8,
    dk_backward_panel_s16 i16 i16,
}

macro_rules! infer_panel {
    ([$($doc:tt)*] $name:ident $c:ident $t:ident) => {
        $($doc)*
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(
            dropout: *const dk_dropout,
            panel: *const dk_panel,
            x: *const $c,
            y: *mut $c,
        ) -> dk_status {
            // SAFETY: what C promises.
            dk_status::of(unsafe { verbs::infer_over::<$t, _>(dropout, panel, x.cast(), y.cast()) })
        }
    };
}
each! { infer_panel:
    /// dk_infer_f32 over rows of a larger matrix.
    dk_infer_panel_f32 f32 f32,
    dk_infer_panel_f64 f64 f64,
    dk_infer_panel_f16 u16 f16,
    dk_infer_panel_bf16 u16 bf16,
    dk_infer_panel_s8 i8 i8,
    dk_infer_panel_s16 i16 i16,
}

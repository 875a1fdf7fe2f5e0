//! Dropout with what stands before and after it, in one pass.

use half::{bf16, f16};

use super::types::{dk_dropout, dk_panel, dk_source, dk_status};
use super::verbs;
use super::{c_name, each};

macro_rules! bias_dropout_add {
    ([$($doc:tt)*] $name:ident $c:ident $t:ident) => {
        $($doc)*
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(
            dropout: *const dk_dropout,
            x: *const $c,
            bias: *const $c,
            width: usize,
            residual: *const $c,
            y: *mut $c,
            n: usize,
            source: *const dk_source,
        ) -> dk_status {
            let (x, bias, residual, y) = (x.cast(), bias.cast(), residual.cast(), y.cast());
            // SAFETY: what C promises.
            dk_status::of(unsafe {
                verbs::bias_dropout_add::<$t, _>(dropout, Ok(verbs::rows(n, width)), x, bias, residual, y, source)
                })
        }
    };
}
each! { bias_dropout_add:
    /// y = residual + D(x + bias) in one pass, with D the dropout: Megatron-LM's bias_dropout_add. n elements in
    /// rows of width, to each of which bias is added. residual: NULL for none. y may be x or
    /// residual, not both.
    ///
    /// Has the bits of the separate passes in float and double; f16 and bf16 are computed with in
    /// float and rounded once at the end. As dk_forward_f32, and DK_NOT_WHOLE_ROWS.
    dk_bias_dropout_add_f32 f32 f32,
    dk_bias_dropout_add_f64 f64 f64,
    dk_bias_dropout_add_f16 u16 f16,
    dk_bias_dropout_add_bf16 u16 bf16,
}

macro_rules! bias_dropout_add_infer {
    ([$($doc:tt)*] $name:ident $c:ident $t:ident) => {
        $($doc)*
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(
            dropout: *const dk_dropout,
            x: *const $c,
            bias: *const $c,
            width: usize,
            residual: *const $c,
            y: *mut $c,
            n: usize,
        ) -> dk_status {
            let (x, bias, residual, y) = (x.cast(), bias.cast(), residual.cast(), y.cast());
            // SAFETY: what C promises.
            dk_status::of(unsafe {
                verbs::bias_dropout_add_infer::<$t, _>(dropout, Ok(verbs::rows(n, width)), x, bias, residual, y)
                })
        }
    };
}
each! { bias_dropout_add_infer:
    /// The same at inference: y = residual + infer(x + bias). y may be x, not residual.
    dk_bias_dropout_add_infer_f32 f32 f32,
    dk_bias_dropout_add_infer_f64 f64 f64,
    dk_bias_dropout_add_infer_f16 u16 f16,
    dk_bias_dropout_add_infer_bf16 u16 bf16,
}

macro_rules! bias_dropout_add_backward {
    ([$($doc:tt)*] $name:ident $c:ident $t:ident, $sum:ident) => {
        $($doc)*
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(
            dropout: *const dk_dropout,
            dy: *const $c,
            dx: *mut $c,
            dbias: *mut $sum,
            width: usize,
            n: usize,
            source: *const dk_source,
        ) -> dk_status {
            let (dy, dx) = (dy.cast(), dx.cast());
            // SAFETY: what C promises.
            dk_status::of(unsafe {
                verbs::bias_dropout_add_backward::<$t, _>(dropout, Ok(verbs::rows(n, width)), dy, dx, dbias, source)
                })
        }
    };
}
bias_dropout_add_backward! { [
    /// dx = D(dy), and the sum of dx over rows, as it is stored, is added to dbias, row after row, in float
    /// (double of double). The residual's gradient is dy itself. dy == dx allowed. As dk_backward_f32, and
    /// DK_NOT_WHOLE_ROWS.
    ] dk_bias_dropout_add_backward_f32 f32 f32, f32
}
bias_dropout_add_backward! {
    [/** As dk_bias_dropout_add_backward_f32, of double. */] dk_bias_dropout_add_backward_f64 f64 f64, f64
}
bias_dropout_add_backward! {
    [/** As dk_bias_dropout_add_backward_f32, of f16. */] dk_bias_dropout_add_backward_f16 u16 f16, f32
}
bias_dropout_add_backward! {
    [/** As dk_bias_dropout_add_backward_f32, of bf16. */] dk_bias_dropout_add_backward_bf16 u16 bf16, f32
}

macro_rules! bias_dropout_add_panel {
    ([$($doc:tt)*] $name:ident $c:ident $t:ident) => {
        $($doc)*
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(
            dropout: *const dk_dropout,
            panel: *const dk_panel,
            x: *const $c,
            bias: *const $c,
            residual: *const $c,
            residual_stride: usize,
            y: *mut $c,
            source: *const dk_source,
        ) -> dk_status {
            let (x, bias, residual, y) = (x.cast(), bias.cast(), residual.cast(), y.cast());
            // SAFETY: what C promises.
            dk_status::of(unsafe {
                let rows = verbs::panel(panel, residual_stride);
                verbs::bias_dropout_add::<$t, _>(dropout, rows, x, bias, residual, y, source)
                })
        }
    };
}
each! { bias_dropout_add_panel:
    /// dk_bias_dropout_add_f32 over rows of a larger matrix, whose width the bias has. Rows of the residual begin residual_stride
    /// elements after each other, 0 adds one row to all; where y is the residual that of y holds. As dk_forward_panel_f32.
    dk_bias_dropout_add_panel_f32 f32 f32,
    dk_bias_dropout_add_panel_f64 f64 f64,
    dk_bias_dropout_add_panel_f16 u16 f16,
    dk_bias_dropout_add_panel_bf16 u16 bf16,
}

macro_rules! bias_dropout_add_infer_panel {
    ([$($doc:tt)*] $name:ident $c:ident $t:ident) => {
        $($doc)*
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(
            dropout: *const dk_dropout,
            panel: *const dk_panel,
            x: *const $c,
            bias: *const $c,
            residual: *const $c,
            residual_stride: usize,
            y: *mut $c,
        ) -> dk_status {
            let (x, bias, residual, y) = (x.cast(), bias.cast(), residual.cast(), y.cast());
            // SAFETY: what C promises.
            dk_status::of(unsafe {
                let rows = verbs::panel(panel, residual_stride);
                verbs::bias_dropout_add_infer::<$t, _>(dropout, rows, x, bias, residual, y)
                })
        }
    };
}
each! { bias_dropout_add_infer_panel:
    /// dk_bias_dropout_add_infer_f32 over rows of a larger matrix.
    dk_bias_dropout_add_infer_panel_f32 f32 f32,
    dk_bias_dropout_add_infer_panel_f64 f64 f64,
    dk_bias_dropout_add_infer_panel_f16 u16 f16,
    dk_bias_dropout_add_infer_panel_bf16 u16 bf16,
}

macro_rules! bias_dropout_add_backward_panel {
    ([$($doc:tt)*] $name:ident $c:ident $t:ident, $sum:ident) => {
        $($doc)*
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(
            dropout: *const dk_dropout,
            panel: *const dk_panel,
            dy: *const $c,
            dx: *mut $c,
            dbias: *mut $sum,
            source: *const dk_source,
        ) -> dk_status {
            let (dy, dx) = (dy.cast(), dx.cast());
            // SAFETY: what C promises.
            dk_status::of(unsafe {
                let rows = verbs::panel(panel, 0);
                verbs::bias_dropout_add_backward::<$t, _>(dropout, rows, dy, dx, dbias, source)
                })
        }
    };
}
bias_dropout_add_backward_panel! {
    [/** dk_bias_dropout_add_backward_f32 over rows of a larger matrix, whose width dbias has. */] dk_bias_dropout_add_backward_panel_f32 f32 f32, f32
}
bias_dropout_add_backward_panel! {
    [/** As dk_bias_dropout_add_backward_panel_f32, of double. */] dk_bias_dropout_add_backward_panel_f64 f64 f64, f64
}
bias_dropout_add_backward_panel! {
    [/** As dk_bias_dropout_add_backward_panel_f32, of f16. */] dk_bias_dropout_add_backward_panel_f16 u16 f16, f32
}
bias_dropout_add_backward_panel! {
    [/** As dk_bias_dropout_add_backward_panel_f32, of bf16. */] dk_bias_dropout_add_backward_panel_bf16 u16 bf16, f32
}

macro_rules! forward_add {
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
            dk_status::of(unsafe { verbs::add::<$t>(dropout, x.cast(), y.cast(), n, source, false) })
        }
    };
}
each! { forward_add:
    /// y += forward(x), at the price of an addition; a dropped element adds +0.0, so that -0.0 becomes +0.0. x == y is refused. As dk_forward_f32.
    dk_forward_add_f32 f32 f32,
    dk_forward_add_f64 f64 f64,
    dk_forward_add_f16 u16 f16,
    dk_forward_add_bf16 u16 bf16,
}

macro_rules! backward_add {
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
            dk_status::of(unsafe { verbs::add::<$t>(dropout, dy.cast(), dx.cast(), n, source, true) })
        }
    };
}
each! { backward_add:
    /// dx += backward(dy). dy == dx is refused. As dk_backward_f32.
    dk_backward_add_f32 f32 f32,
    dk_backward_add_f64 f64 f64,
    dk_backward_add_f16 u16 f16,
    dk_backward_add_bf16 u16 bf16,
}

macro_rules! forward_relu {
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
            dk_status::of(unsafe { verbs::forward_relu::<$t, _>(dropout, Ok(verbs::each(n)), x.cast(), y.cast(), source) })
        }
    };
}
each! { forward_relu:
    /// ReLU and dropout by one mask: y = forward(max(x, 0)), and elements that are not positive are
    /// cleared from the mask that is drawn, so that dk_backward_f32 by it (not by the key) is the
    /// gradient of both. A NaN stays. x == y allowed.
    ///
    /// The source draws into a mask: dk_source_rng or dk_source_key_into, else DK_SOURCE_NOT_DRAWN.
    /// The zero point is 0. As dk_forward_f32.
    dk_forward_relu_f32 f32 f32,
    dk_forward_relu_f64 f64 f64,
    dk_forward_relu_f16 u16 f16,
    dk_forward_relu_bf16 u16 bf16,
    dk_forward_relu_s8 i8 i8,
    dk_forward_relu_s16 i16 i16,
}

macro_rules! forward_relu_panel {
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
            dk_status::of(unsafe {
                verbs::forward_relu::<$t, _>(dropout, verbs::given(panel), x.cast(), y.cast(), source)
                })
        }
    };
}
each! { forward_relu_panel:
    /// dk_forward_relu_f32 over rows of a larger matrix. DK_STRIDE, too, if rows share mask bits.
    dk_forward_relu_panel_f32 f32 f32,
    dk_forward_relu_panel_f64 f64 f64,
    dk_forward_relu_panel_f16 u16 f16,
    dk_forward_relu_panel_bf16 u16 bf16,
    dk_forward_relu_panel_s8 i8 i8,
    dk_forward_relu_panel_s16 i16 i16,
}

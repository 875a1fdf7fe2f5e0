//! What the targets share: inputs, and a variant called in one of its ways.

pub mod input;
pub mod variant;

pub use dropout_reference as reference;

/// Calls `$floats` or `$integers` with an element type that a byte of the input chooses.
#[macro_export]
macro_rules! by_type {
    ($kind:expr, $floats:ident, $integers:ident, $input:expr) => {
        match $kind % 6 {
            0 => $floats::<f32>($input),
            1 => $floats::<f64>($input),
            2 => $floats::<half::f16>($input),
            3 => $floats::<half::bf16>($input),
            4 => $integers::<i8>($input),
            _ => $integers::<i16>($input),
        }
    };
}

//! What C sees, and what stands between it and the library. A folder of its own, so that the fuzz
//! target `capi` compiles it as it is, beside the library.
//!
//! From the top: functions for each element type (`plain`, `fused`, `variants`) and for masks
//! (`masks`); `verbs`, what they do for any type, rule and source; `given`, pointers that become
//! slices; `types`, what C's structs hold.

pub mod fused;
pub mod masks;
pub mod plain;
pub mod types;
pub mod variants;

mod given;
mod verbs;

/// A function for each element type, made by `$verb`: the first has the documentation, the others
/// say as which they are. `half`'s types stand in C as the integers that hold their bits.
macro_rules! each {
    ($verb:ident $with:tt: $(#[$doc:meta])* $first:ident $c:ident $t:ident $(, $name:ident $d:ident $u:ident)* $(,)?) => {
        $verb! { [$(#[$doc])*] $first $c $t $with }
        $($verb! { [#[doc = concat!(" As ", stringify!($first), ", of ", c_name!($u), ".")]] $name $d $u $with })*
    };
    ($verb:ident: $(#[$doc:meta])* $first:ident $c:ident $t:ident $(, $name:ident $d:ident $u:ident)* $(,)?) => {
        $verb! { [$(#[$doc])*] $first $c $t }
        $($verb! { [#[doc = concat!(" As ", stringify!($first), ", of ", c_name!($u), ".")]] $name $d $u })*
    };
}
use each;

/// What C calls an element type.
macro_rules! c_name {
    (f32) => {
        "float"
    };
    (f64) => {
        "double"
    };
    (i8) => {
        "int8_t"
    };
    (i16) => {
        "int16_t"
    };
    ($half:ident) => {
        stringify!($half)
    };
}
use c_name;

//! Every variant, by its formulas. [`variants!`] is the one list, from which tests, properties and
//! vectors expand.

mod blocks;
mod gates;
mod heads;
mod locked;
mod noise;
mod over;
mod paths;
mod plain;
mod rounded;
mod weights;
mod words;
mod zones;

pub use blocks::{Blocks, SHAPES as BLOCK_SHAPES};
pub use gates::{Gates, Shakes};
pub use heads::Heads;
pub use locked::{Locked, SHAPES as LOCKED_SHAPES};
pub use noise::Noise;
pub use over::Over;
pub use paths::Paths;
pub use plain::{Arrays, Plain};
pub use rounded::Rounded;
pub use weights::{Connects, Weights};
pub use words::Words;
pub use zones::Zones;

use dropout_kernels::{Alpha, Inverted};
#[cfg(not(tests_few))]
use dropout_kernels::{Classic, DropKey, ZeroPoint};

use crate::subject::Kind;

/// The lists of variants, each with a name: those of all element types, those of floating-point
/// numbers, and those of `i8` and of integers, which `$expand` is given.
#[cfg(not(tests_few))]
#[macro_export]
macro_rules! variants {
    ($expand:ident $($first:tt)*) => {
        $expand! {
            $($first)*
            all {
                inverted: Plain<Inverted>;
                classic: Plain<Classic>;
                arrays: Arrays<Inverted>;
                arrays_classic: Arrays<Classic>;
                layout: Over<Inverted>;
                layout_classic: Over<Classic>;
                drop_block: Blocks;
                drop_path: Paths<Inverted>;
                drop_path_classic: Paths<Classic>;
                drop_head: Heads;
                embedding: Words<Inverted>;
                embedding_classic: Words<Classic>;
                locked: Locked<Inverted>;
                locked_classic: Locked<Classic>;
                zoneout: Zones;
            }
            floats {
                alpha: Plain<Alpha>;
                drop_key: Plain<DropKey>;
                arrays_of_alpha: Arrays<Alpha>;
                layout_alpha: Over<Alpha>;
                layout_drop_key: Over<DropKey>;
                drop_connect: Weights<Inverted>;
                drop_connect_classic: Weights<Classic>;
                embedding_alpha: Words<Alpha>;
                gaussian: Noise;
                concrete: Gates;
                embedding_noise: Shakes;
            }
            integers {
                stochastic: Rounded;
            }
            bytes {
                zero_point: Plain<ZeroPoint<Inverted>>;
                zero_point_classic: Plain<ZeroPoint<Classic>>;
                zero_point_layout: Over<ZeroPoint<Inverted>>;
                zero_point_layout_classic: Over<ZeroPoint<Classic>>;
                zero_point_embedding: Words<ZeroPoint<Inverted>>;
                zero_point_embedding_classic: Words<ZeroPoint<Classic>>;
            }
        }
    };
}

/// The list where `--cfg tests_few` is set: for machines that are emulated.
#[cfg(tests_few)]
#[macro_export]
macro_rules! variants {
    ($expand:ident $($first:tt)*) => {
        $expand! {
            $($first)*
            all {
                inverted: Plain<Inverted>;
            }
            floats {
                alpha: Plain<Alpha>;
            }
            integers {}
            bytes {}
        }
    };
}

/// Each variant of the lists: compiled here, once, and not by who tests it.
macro_rules! kinds {
    (
        all { $($all:ident: $of_all:ty;)* }
        floats { $($float:ident: $of_floats:ty;)* }
        integers { $($integer:ident: $of_integers:ty;)* }
        bytes { $($byte:ident: $of_bytes:ty;)* }
    ) => {
        kinds!(@types { f32: in_f32, f64: in_f64, half::f16: in_f16, half::bf16: in_bf16 } {
            $($all: $of_all;)* $($float: $of_floats;)*
        });
        kinds!(@types { i8: in_i8 } {
            $($all: $of_all;)* $($integer: $of_integers;)* $($byte: $of_bytes;)*
        });
        kinds!(@types { i16: in_i16 } { $($all: $of_all;)* $($integer: $of_integers;)* });
    };
    (@types { $($t:ty: $module:ident),* } $variants:tt) => {$(
        kinds!(@type $t: $module $variants);
    )*};
    (@type $t:ty: $module:ident { $($name:ident: $variant:ty;)* }) => {
        pub mod $module {
            use super::*;
            $(
                pub fn $name() -> Kind<$t> {
                    Kind::of::<$variant>()
                }
            )*
        }
    };
}
variants!(kinds);

/// Nothing, one plane, several, ties, nearly everything, everything.
pub(crate) const RATES: [dropout_kernels::DropRate; 6] = {
    use dropout_kernels::drop_rate;
    [
        drop_rate!(0.0),
        drop_rate!(0.5),
        drop_rate!(0.75),
        drop_rate!(0.1),
        drop_rate!(0.97),
        drop_rate!(1.0),
    ]
};

/// p = 1 as a threshold.
pub(crate) const ONE: u64 = 1 << 40;

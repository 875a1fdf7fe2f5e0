//! Every variant, by its formulas. [`variants!`] is the one list, from which tests, properties and
//! vectors expand.

mod blocks;
mod heads;
mod locked;
mod noise;
mod over;
mod paths;
mod plain;
mod weights;
mod words;
mod zones;

pub use blocks::{Blocks, SHAPES as BLOCK_SHAPES};
pub use heads::Heads;
pub use locked::{Locked, SHAPES as LOCKED_SHAPES};
pub use noise::Noise;
pub use over::Over;
pub use paths::Paths;
pub use plain::{Arrays, Plain};
pub use weights::{Connects, Weights};
pub use words::Words;
pub use zones::Zones;

use dropout_kernels::{Alpha, Classic, DropKey, Inverted};

use crate::subject::Kind;

/// The list of variants, each with a name, which `$expand` is given.
#[macro_export]
macro_rules! variants {
    ($expand:ident) => {
        $expand! {
            inverted: Plain<Inverted>;
            classic: Plain<Classic>;
            alpha: Plain<Alpha>;
            drop_key: Plain<DropKey>;
            arrays: Arrays<Inverted>;
            arrays_of_alpha: Arrays<Alpha>;
            arrays_classic: Arrays<Classic>;
            layout: Over<Inverted>;
            layout_classic: Over<Classic>;
            layout_alpha: Over<Alpha>;
            layout_drop_key: Over<DropKey>;
            drop_block: Blocks;
            drop_path: Paths<Inverted>;
            drop_path_classic: Paths<Classic>;
            drop_head: Heads;
            drop_connect: Weights<Inverted>;
            drop_connect_classic: Weights<Classic>;
            embedding: Words<Inverted>;
            embedding_classic: Words<Classic>;
            embedding_alpha: Words<Alpha>;
            locked: Locked<Inverted>;
            locked_classic: Locked<Classic>;
            zoneout: Zones;
            gaussian: Noise;
        }
    };
}

/// Each variant of the list: compiled here, once, and not by who tests it.
macro_rules! kinds {
    ($($name:ident: $variant:ty;)*) => {
        pub mod in_f32 {
            use super::*;
            $(
                pub fn $name() -> Kind<f32> {
                    Kind::of::<$variant>()
                }
            )*
        }

        pub mod in_f64 {
            use super::*;
            $(
                pub fn $name() -> Kind<f64> {
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

//! The tests, in one program: each module is what is promised of one thing. `cargo test --test all
//! -- layout::` runs a part.

mod alpha;
mod attention;
mod backend;
mod checkpoint;
mod conformance;
mod digest;
mod drop_block;
mod drop_connect;
mod drop_head;
mod drop_path;
mod dropout;
mod embedding;
mod gaussian;
mod key;
mod large;
mod layout;
mod layout_training;
mod mask;
mod monte_carlo;
mod properties;
mod rate;
mod recurrent;
mod schedule;
mod semantics;
#[cfg(feature = "serde")]
mod serialise;
mod small;
mod statistics;
mod stream;
mod tape;
mod variational;
mod zoneout;

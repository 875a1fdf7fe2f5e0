//! The tests, in one program: each module is what is promised of one thing. `cargo test --test all
//! -- layout::` runs a part.
//! `--cfg tests_few` leaves in what is run under emulation.

#[cfg(not(tests_few))]
mod alpha;
#[cfg(not(tests_few))]
mod attention;
mod backend;
#[cfg(not(tests_few))]
mod checkpoint;
#[cfg(not(tests_few))]
mod concrete;
mod conformance;
mod digest;
#[cfg(not(tests_few))]
mod drop_block;
#[cfg(not(tests_few))]
mod drop_connect;
#[cfg(not(tests_few))]
mod drop_head;
#[cfg(not(tests_few))]
mod drop_path;
#[cfg(not(tests_few))]
mod dropout;
#[cfg(not(tests_few))]
mod embedding;
#[cfg(not(tests_few))]
mod fused;
mod gaussian;
mod half;
#[cfg(not(tests_few))]
mod key;
#[cfg(not(tests_few))]
mod large;
#[cfg(not(tests_few))]
mod layer_drop;
#[cfg(not(tests_few))]
mod layout;
#[cfg(not(tests_few))]
mod layout_training;
#[cfg(not(tests_few))]
mod lora;
#[cfg(not(tests_few))]
mod mask;
#[cfg(not(tests_few))]
mod monte_carlo;
#[cfg(not(tests_few))]
mod neftune;
mod panel;
mod properties;
mod quantised;
#[cfg(not(tests_few))]
mod rate;
#[cfg(not(tests_few))]
mod recurrent;
#[cfg(not(tests_few))]
mod schedule;
mod semantics;
#[cfg(all(feature = "serde", not(tests_few)))]
mod serialise;
#[cfg(not(tests_few))]
mod small;
#[cfg(not(tests_few))]
mod statistics;
mod stream;
#[cfg(not(tests_few))]
mod tape;
#[cfg(not(tests_few))]
mod variational;
#[cfg(not(tests_few))]
mod zoneout;

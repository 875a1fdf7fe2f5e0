//! The tests, in one program: each module is what is promised of one thing. `cargo test --test all
//! -- layout::` runs a part.
//! `--cfg tests_few` leaves in what is run under emulation, `--cfg tests_optimised` what CI runs in
//! release: kernels, whose every length, type and backend is optimised apart, and what is slow.

#[cfg(not(tests_few))]
mod alpha;
#[cfg(not(any(tests_few, tests_optimised)))]
mod attention;
mod backend;
#[cfg(not(any(tests_few, tests_optimised)))]
mod checkpoint;
#[cfg(not(any(tests_few, tests_optimised)))]
mod concrete;
mod conformance;
mod digest;
#[cfg(not(any(tests_few, tests_optimised)))]
mod drop_block;
#[cfg(not(any(tests_few, tests_optimised)))]
mod drop_connect;
#[cfg(not(any(tests_few, tests_optimised)))]
mod drop_head;
#[cfg(not(any(tests_few, tests_optimised)))]
mod drop_path;
#[cfg(not(any(tests_few, tests_optimised)))]
mod dropout;
#[cfg(not(any(tests_few, tests_optimised)))]
mod embedding;
#[cfg(not(tests_few))]
mod fused;
mod gaussian;
mod half;
#[cfg(not(any(tests_few, tests_optimised)))]
mod key;
#[cfg(not(tests_few))]
mod large;
#[cfg(not(any(tests_few, tests_optimised)))]
mod layer_drop;
#[cfg(not(any(tests_few, tests_optimised)))]
mod layout;
#[cfg(not(any(tests_few, tests_optimised)))]
mod layout_training;
#[cfg(not(any(tests_few, tests_optimised)))]
mod lora;
#[cfg(not(tests_few))]
mod mask;
#[cfg(not(any(tests_few, tests_optimised)))]
mod monte_carlo;
#[cfg(not(any(tests_few, tests_optimised)))]
mod neftune;
mod panel;
mod properties;
mod quantised;
#[cfg(not(tests_few))]
mod rate;
#[cfg(not(any(tests_few, tests_optimised)))]
mod recurrent;
#[cfg(not(any(tests_few, tests_optimised)))]
mod schedule;
mod semantics;
#[cfg(not(tests_few))]
mod small;
#[cfg(not(any(tests_few, tests_optimised)))]
mod statistics;
mod stream;
#[cfg(not(any(tests_few, tests_optimised)))]
mod tape;
#[cfg(not(any(tests_few, tests_optimised)))]
mod variational;
#[cfg(not(any(tests_few, tests_optimised)))]
mod zoneout;

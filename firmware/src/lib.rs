//! What the programs share. `board` is all that knows on which machine they run; the programs are
//! written once, for microcontrollers and for the host.
#![no_std]

#[cfg(not(target_os = "none"))]
extern crate std;

pub mod board;
pub mod count;
pub mod golden;
pub mod interrupt;
#[cfg(feature = "defmt")]
pub mod log;
pub mod power;
pub mod stack;
pub mod train;

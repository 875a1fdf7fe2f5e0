//! One entry point of the library, named by the program that Cargo builds, and nothing else: no
//! start-up code. It links only if no panic can be reached from it.
#![cfg_attr(target_os = "none", no_std, no_main)]

use sizes::{Call, Entry, Outcome, find};

const ENTRY: Entry = find(env!("CARGO_BIN_NAME"));

/// Where the linker starts to look for what is needed.
#[unsafe(no_mangle)]
pub fn entry(call: &mut Call<'_>) -> Outcome {
    ENTRY(call)
}

#[cfg(target_os = "none")]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    unsafe extern "C" {
        safe fn a_panic_is_reachable() -> !;
    }
    a_panic_is_reachable()
}

/// For the lints on the host: the program is for chips.
#[cfg(not(target_os = "none"))]
fn main() {}

//! `dropout-kernels` from C. `include/dropout_kernels.h` is made of this by cbindgen, with the
//! documentation that stands here; README.md says how to link it.
//!
//! Every function checks what can be checked, then calls the library; nothing is computed here.
#![no_std]
#![deny(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unreachable,
    clippy::unwrap_used
)]

mod api;

/// The archive links only if no panic can be reached: the function does not exist.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    unsafe extern "C" {
        safe fn dk_a_panic_is_reachable() -> !;
    }
    dk_a_panic_is_reachable()
}

//! One generator for the main loop and its interrupts: the lines from `static` on are those of `MaskRng`'s
//! documentation, and `.ci/bare-metal` compares the two.

use core::cell::RefCell;
use core::hint::black_box;

use critical_section::{Mutex, RawRestoreState};
use dropout_kernels::{DropRate, MaskMut, MaskRng};

static RNG: Mutex<RefCell<MaskRng>> = Mutex::new(RefCell::new(MaskRng::new(42, 0)));

/// Draws the next mask of the stream, from anywhere, to be applied by forward. Returns
/// whether it did; it always does, as nothing that `fill` calls borrows the generator again.
pub fn draw(rate: DropRate, mask: MaskMut<'_>) -> bool {
    critical_section::with(|lock| {
        let rng = RNG.borrow(lock).try_borrow_mut();
        rng.map(|mut rng| rng.fill(rate, mask)).is_ok()
    })
}

/// In place of a processor's interrupt mask, as this program is linked and never run.
struct NeverRun;

critical_section::set_impl!(NeverRun);

// SAFETY: nothing runs.
unsafe impl critical_section::Impl for NeverRun {
    unsafe fn acquire() -> RawRestoreState {
        black_box(());
    }

    unsafe fn release(state: RawRestoreState) {
        black_box(state);
    }
}

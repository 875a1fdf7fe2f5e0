//! Products of whole slices, on Arm's microcontrollers that have a floating-point unit.
//!
//! These load and store many registers by one instruction. The compiler does not do so with floats,
//! as it gives them every second register.

use crate::kernel::Vectored;
use crate::kernel::op::Op;

/// Multiplies whole 32s, where that and to zero what is dropped costs less than to decide one by
/// one; tells whether it did. `target` begins at index `at` of what `op` knows.
#[inline(always)]
pub(super) fn multiplied<T: Vectored, O: Op<T>>(at: usize, target: &mut [[T; 32]], op: O) -> bool {
    let pays = cfg!(all(target_arch = "arm", target_abi = "eabihf", target_os = "none"))
        && size_of::<T>() == 4 // f32
        && O::ZEROES;
    if !pays {
        return false;
    }
    let target = target.as_flattened_mut();
    #[cfg(all(target_arch = "arm", target_abi = "eabihf", target_os = "none"))]
    if let Some((source, factor)) = op.product(at, target) {
        // In place one pointer reads and writes: a second one to the target would end the first
        // one's right.
        let y = if O::IN_PLACE { source.cast_mut() } else { target.as_mut_ptr() };
        if !target.is_empty() {
            #[expect(unsafe_code, reason = "a call of assembly")]
            // SAFETY: `product` gives as many elements as `target` has, which come in 32s: another
            // slice's, to be read, or in place `target`'s own. They are `f32`, as only those have a
            // factor in `f32`. The target of this build has a floating-point unit.
            unsafe {
                assembly::multiply(source.cast(), y.cast(), target.len(), factor);
            }
        }
        return true;
    }
    op.keep(at, target);
    true
}

#[cfg(all(target_arch = "arm", target_abi = "eabihf", target_os = "none"))]
#[expect(unsafe_code, reason = "assembly")]
mod assembly {
    /// y = x * factor, for `n` elements, a multiple of 32 that is not 0. `x` may be `y`.
    ///
    /// 1.4 instructions per element, where the compiler's loop has 4. In what Thumb's and Arm's own
    /// encoding both have, as the processors of this ABI are not only Cortex-M: Cortex-R's
    /// targets encode as Arm.
    ///
    /// # Safety
    ///
    /// `x` is valid to be read, and `y` to be written, for `n` elements, and `n` is a multiple of
    /// 32 that is not 0.
    #[unsafe(naked)]
    pub(super) unsafe extern "C" fn multiply(x: *const f32, y: *mut f32, n: usize, factor: f32) {
        // Registers that a function may change, by the standard procedure call: s0, the factor, to
        // s15.
        core::arch::naked_asm!(
            // The assembler is not told of the unit by the target, of which it is a part.
            ".fpu fpv4-sp-d16",
            "1:",
            ".rept 2",
            "vldmia r0!, {{s8-s15}}",
            ".irp i, 8, 9, 10, 11, 12, 13, 14, 15",
            "vmul.f32 s\\i, s\\i, s0",
            ".endr",
            "vstmia r1!, {{s8-s15}}",
            ".endr",
            "subs r2, #16",
            "bne 1b",
            "bx lr",
        )
    }
}

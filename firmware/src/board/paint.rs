//! How deep a call goes into the stack: what is free of it is painted, the call made, and the
//! deepest word looked for that is not as it was painted. The host's stack is not painted.

use super::Failure;

#[cfg(not(target_os = "none"))]
pub fn depth<const DEPTH: usize, T, O>(
    _: fn(&mut T) -> O,
    _: &mut T,
) -> Result<(usize, O), Failure> {
    Err(Failure("the host's stack is not painted"))
}

#[cfg(not(target_os = "none"))]
pub fn static_memory() -> usize {
    0
}

#[cfg(target_os = "none")]
pub use machine::{depth, static_memory};

/// The stack grows down, and no interrupt is enabled that would use it between these functions.
#[cfg(target_os = "none")]
mod machine {
    use core::arch::asm;
    use core::hint::black_box;

    use super::Failure;

    const PAINT: u32 = 0xC01D_A117;
    /// Bytes that stay free below the paint.
    const MARGIN: usize = 4096;

    /// Bytes below this function's own frame that `work` writes to, of `DEPTH` that are painted.
    /// The stack pointer is the same at all three steps.
    #[inline(never)]
    pub fn depth<const DEPTH: usize, T, O>(
        work: fn(&mut T) -> O,
        on: &mut T,
    ) -> Result<(usize, O), Failure> {
        let here = 0u8;
        if (&raw const here as usize) < heap_start() + DEPTH + MARGIN {
            return Err(Failure("too little stack is free to paint"));
        }
        paint::<DEPTH>();
        let outcome = black_box(work)(on);
        let bytes = used::<DEPTH>();
        if bytes == DEPTH { Err(Failure("deeper than the paint")) } else { Ok((bytes, outcome)) }
    }

    // SAFETY: a symbol of the linker, of which nothing but the address is taken.
    unsafe extern "C" {
        safe static __sdata: u8;
    }

    /// Bytes of static memory.
    pub fn static_memory() -> usize {
        heap_start() - &raw const __sdata as usize
    }

    /// Where static memory ends.
    fn heap_start() -> usize {
        #[cfg(target_arch = "arm")]
        return cortex_m_rt::heap_start() as usize;
        #[cfg(target_arch = "riscv32")]
        return riscv_rt::heap_start() as usize;
    }

    #[inline(always)]
    fn paint<const DEPTH: usize>() {
        // SAFETY: writes below the stack pointer alone, where nothing lives on machines without a
        // red zone, and not as far down as static memory: `depth` has looked.
        #[cfg(target_arch = "arm")]
        unsafe {
            asm!(
                "mov {p}, sp",
                "2: subs {p}, {p}, #4",
                "str {paint}, [{p}]",
                "subs {n}, {n}, #4",
                "bne 2b",
                p = out(reg) _, n = inout(reg) DEPTH => _, paint = in(reg) PAINT,
            );
        }
        // SAFETY: as above.
        #[cfg(target_arch = "riscv32")]
        unsafe {
            asm!(
                "mv {p}, sp",
                "2: addi {p}, {p}, -4",
                "sw {paint}, 0({p})",
                "addi {n}, {n}, -4",
                "bnez {n}, 2b",
                p = out(reg) _, n = inout(reg) DEPTH => _, paint = in(reg) PAINT,
            );
        }
    }

    /// Bytes from the stack pointer to the deepest word that is not as it was painted.
    #[inline(always)]
    fn used<const DEPTH: usize>() -> usize {
        let mut bytes = DEPTH;
        // SAFETY: reads what `paint` wrote, as integers.
        #[cfg(target_arch = "arm")]
        unsafe {
            asm!(
                "mov {p}, sp",
                "subs {p}, {p}, {n}",
                "2: ldr {word}, [{p}]",
                "cmp {word}, {paint}",
                "bne 3f",
                "adds {p}, {p}, #4",
                "subs {n}, {n}, #4",
                "bne 2b",
                "3:",
                p = out(reg) _, word = out(reg) _, n = inout(reg) bytes, paint = in(reg) PAINT,
            );
        }
        // SAFETY: as above.
        #[cfg(target_arch = "riscv32")]
        unsafe {
            asm!(
                "sub {p}, sp, {n}",
                "2: lw {word}, 0({p})",
                "bne {word}, {paint}, 3f",
                "addi {p}, {p}, 4",
                "addi {n}, {n}, -4",
                "bnez {n}, 2b",
                "3:",
                p = out(reg) _, word = out(reg) _, n = inout(reg) bytes, paint = in(reg) PAINT,
            );
        }
        bytes
    }
}

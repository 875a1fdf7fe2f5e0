//! The machine: a console and an exit status through semihosting, and a counter of instructions.
//! On the host: standard output, and no counter.

pub mod paint;
pub mod timer;

use core::fmt::{self, Write};

use dropout_kernels::{Error, ShapeError};

/// How a program ended.
pub type Outcome = Result<(), Failure>;

/// Why a program failed: what was not as it should be.
#[derive(Debug)]
pub struct Failure(pub &'static str);

impl From<Error> for Failure {
    fn from(_: Error) -> Self {
        Self("the library refused what it was given")
    }
}

impl From<ShapeError> for Failure {
    fn from(error: ShapeError) -> Self {
        Error::from(error).into()
    }
}

impl From<fmt::Error> for Failure {
    fn from(_: fmt::Error) -> Self {
        Self("the console takes no more")
    }
}

/// Makes `main` of a function from a [`Console`] to an [`Outcome`].
#[macro_export]
macro_rules! program {
    ($run:path) => {
        #[cfg(not(target_os = "none"))]
        fn main() {
            $crate::board::run($run)
        }

        #[cfg(all(target_os = "none", target_arch = "arm"))]
        #[cortex_m_rt::entry]
        fn main() -> ! {
            $crate::board::run($run)
        }

        #[cfg(all(target_os = "none", target_arch = "riscv32"))]
        #[riscv_rt::entry]
        fn main() -> ! {
            $crate::board::run($run)
        }
    };
}

/// Runs `program`, says why it failed if it did, and ends with its status.
pub fn run(program: fn(&mut Console) -> Outcome) -> ! {
    let mut console = Console;
    let outcome = counter::start().and_then(|()| program(&mut console));
    if let Err(Failure(why)) = outcome {
        let _ = writeln!(console, "FAILED: {why}");
    }
    exit(outcome.is_ok())
}

/// Where programs print.
pub struct Console;

#[cfg(target_os = "none")]
impl Write for Console {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        use semihosting::io::Write as _;
        let mut out = semihosting::io::stdout().map_err(|_| fmt::Error)?;
        out.write_all(text.as_bytes()).map_err(|_| fmt::Error)
    }
}

#[cfg(not(target_os = "none"))]
impl Write for Console {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        std::print!("{text}");
        Ok(())
    }
}

#[cfg(target_os = "none")]
fn exit(success: bool) -> ! {
    semihosting::process::exit(i32::from(!success))
}

#[cfg(not(target_os = "none"))]
fn exit(success: bool) -> ! {
    std::process::exit(i32::from(!success))
}

#[cfg(target_os = "none")]
#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    let _ = writeln!(Console, "FAILED: {info}");
    exit(false)
}

/// Instructions since some start, under QEMU's `-icount`, where time is instructions.
pub mod counter {
    #[cfg(target_os = "none")]
    use super::Failure;
    use super::Outcome;

    /// Instructions that `work` executes, with those of calling it and of reading the counter.
    #[inline(never)]
    pub fn instructions(work: impl FnOnce()) -> u32 {
        let start = now();
        work();
        elapsed(start)
    }

    /// 24 bits that count down, every 40 ns on most boards; `firmware/run` gives the time an
    /// instruction takes (`-icount shift=10`: 1024 ns) and the time of a tick.
    #[cfg(all(target_os = "none", target_arch = "arm"))]
    mod machine {
        use cortex_m::peripheral::{SYST, syst::SystClkSource};

        /// Picoseconds, as 31.25 ns is a tick of the M55 board.
        const TICK: u64 = super::number(env!("FIRMWARE_TICK_PS"));
        const INSTRUCTION: u64 = 1024 * 1000;

        pub(super) fn start() {
            // SAFETY: only this module uses the timer, and nothing else runs.
            let mut timer = unsafe { cortex_m::Peripherals::steal() }.SYST;
            timer.set_clock_source(SystClkSource::Core);
            timer.set_reload(0xFF_FFFF);
            timer.clear_current();
            timer.enable_counter();
        }

        /// Ticks that so many instructions take.
        pub(in crate::board) fn ticks(instructions: u32) -> u32 {
            (u64::from(instructions) * INSTRUCTION / TICK) as u32
        }

        #[inline(always)]
        pub(super) fn now() -> u32 {
            SYST::get_current()
        }

        #[inline(always)]
        pub(super) fn between(start: u32, end: u32) -> u32 {
            let ticks = u64::from(start.wrapping_sub(end) & 0xFF_FFFF);
            ((ticks * TICK + INSTRUCTION / 2) / INSTRUCTION) as u32
        }
    }

    /// The machine's own counter, exact with `-icount shift=0`.
    #[cfg(all(target_os = "none", target_arch = "riscv32"))]
    mod machine {
        pub(super) fn start() {}

        #[inline(always)]
        pub(super) fn now() -> u32 {
            riscv::register::minstret::read() as u32
        }

        #[inline(always)]
        pub(super) fn between(start: u32, end: u32) -> u32 {
            end.wrapping_sub(start)
        }
    }

    #[cfg(not(target_os = "none"))]
    mod machine {
        pub(super) fn start() {}

        pub(super) fn now() -> u32 {
            0
        }

        pub(super) fn between(_: u32, _: u32) -> u32 {
            0
        }
    }

    #[cfg(all(target_os = "none", target_arch = "arm"))]
    pub(super) use machine::ticks;

    #[inline(always)]
    pub(crate) fn now() -> u32 {
        machine::now()
    }

    /// Instructions since `start`, up to some 500,000.
    #[inline(always)]
    pub(crate) fn elapsed(start: u32) -> u32 {
        machine::between(start, now())
    }

    #[cfg(all(target_os = "none", target_arch = "arm"))]
    const fn number(text: &str) -> u64 {
        let (mut value, mut i) = (0, 0);
        while i < text.len() {
            value = 10 * value + (text.as_bytes()[i] - b'0') as u64;
            i += 1;
        }
        value
    }

    /// Starts the counter, and checks it against a known number of instructions, so that no table
    /// is printed of a machine whose counter means something else.
    pub(super) fn start() -> Outcome {
        machine::start();
        #[cfg(target_os = "none")]
        {
            #[inline(always)]
            fn nops() {
                // SAFETY: instructions that do nothing.
                unsafe {
                    core::arch::asm!(".rept 100", "nop", ".endr", options(nomem, nostack));
                }
            }
            let (none, once) = (instructions(|| ()), instructions(nops));
            if once.wrapping_sub(none).abs_diff(100) > 1 {
                return Err(Failure(
                    "the counter does not count instructions: run it by firmware/run",
                ));
            }
        }
        Ok(())
    }
}

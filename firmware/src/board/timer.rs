//! An interrupt that comes again and again; on the host, a call where the program lets it come.
//!
//! On Cortex-M it is the timer of `counter`, which counts no more once this one has started.

use core::cell::Cell;

use critical_section::Mutex;

static HANDLER: Mutex<Cell<fn()>> = Mutex::new(Cell::new(|| ()));

/// Links the interrupt: a program that starts the timer has this beside `program!`.
#[macro_export]
macro_rules! timer_interrupt {
    () => {
        #[cfg(all(target_os = "none", target_arch = "arm"))]
        #[cortex_m_rt::exception]
        fn SysTick() {
            $crate::board::timer::interrupt()
        }

        #[cfg(all(target_os = "none", target_arch = "riscv32"))]
        #[riscv_rt::core_interrupt(riscv::interrupt::Interrupt::MachineTimer)]
        fn machine_timer() {
            $crate::board::timer::interrupt()
        }
    };
}

/// Calls `handler` in an interrupt, every so many instructions.
pub fn start(instructions: u32, handler: fn()) {
    critical_section::with(|lock| HANDLER.borrow(lock).set(handler));
    machine::start(instructions);
}

/// Where the host, which interrupts nothing, calls the handler. On the boards it comes where it
/// comes.
pub fn here() {
    #[cfg(not(target_os = "none"))]
    interrupt();
}

/// After this no interrupt comes.
pub fn stop() {
    machine::stop();
}

/// What `timer_interrupt!` links.
pub fn interrupt() {
    machine::again();
    critical_section::with(|lock| HANDLER.borrow(lock).get())();
}

#[cfg(all(target_os = "none", target_arch = "arm"))]
mod machine {
    use cortex_m::peripheral::SYST;

    fn timer() -> SYST {
        // SAFETY: the counter, the timer's other user, has ended before `start`.
        unsafe { cortex_m::Peripherals::steal() }.SYST
    }

    pub(super) fn start(instructions: u32) {
        let mut timer = timer();
        timer.set_reload(crate::board::counter::ticks(instructions));
        timer.clear_current();
        timer.enable_interrupt();
    }

    /// It reloads by itself.
    pub(super) fn again() {}

    pub(super) fn stop() {
        timer().disable_interrupt();
    }
}

/// The core-local interruptor of QEMU's `virt`, whose clock ticks every 100 instructions (`-icount
/// shift=0`).
#[cfg(all(target_os = "none", target_arch = "riscv32"))]
mod machine {
    use core::sync::atomic::{AtomicU32, Ordering};

    use riscv::register::mie;

    const COMPARE: *mut u32 = 0x0200_4000 as *mut u32;
    const TIME: *const u32 = 0x0200_BFF8 as *const u32;

    static PERIOD: AtomicU32 = AtomicU32::new(0);

    pub(super) fn start(instructions: u32) {
        PERIOD.store(instructions / 100, Ordering::Relaxed);
        again();
        // SAFETY: the handler is linked, and what it shares with the program stands in locks and
        // atomics.
        unsafe {
            mie::set_mtimer();
            riscv::interrupt::enable();
        }
    }

    /// The low half of the clock is enough: a program ends before it is full, after 7 minutes.
    pub(super) fn again() {
        // SAFETY: the registers of this board's timer, which nothing else uses.
        unsafe {
            let next = TIME.read_volatile() + PERIOD.load(Ordering::Relaxed);
            COMPARE.write_volatile(next);
            COMPARE.add(1).write_volatile(0);
        }
    }

    pub(super) fn stop() {
        // SAFETY: an interrupt that does not come breaks no lock.
        unsafe { mie::clear_mtimer() };
    }
}

#[cfg(not(target_os = "none"))]
mod machine {
    pub(super) fn start(_instructions: u32) {}

    pub(super) fn again() {}

    pub(super) fn stop() {}
}

//! See [`firmware::interrupt::run`].
#![cfg_attr(target_os = "none", no_std, no_main)]

firmware::program!(firmware::interrupt::run);
firmware::timer_interrupt!();

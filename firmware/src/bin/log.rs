//! See [`firmware::log`].
#![cfg_attr(target_os = "none", no_std, no_main)]

use defmt_semihosting as _;

firmware::program!(firmware::log::run);

//! See [`firmware::power`].
#![cfg_attr(target_os = "none", no_std, no_main)]

firmware::program!(firmware::power::run);

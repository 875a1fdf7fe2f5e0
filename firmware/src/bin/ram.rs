//! See [`firmware::train::ram`].
#![cfg_attr(target_os = "none", no_std, no_main)]

firmware::program!(firmware::train::ram);

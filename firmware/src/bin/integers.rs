//! See [`firmware::golden::integers`].
#![cfg_attr(target_os = "none", no_std, no_main)]

firmware::program!(firmware::golden::integers);

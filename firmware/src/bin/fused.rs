//! See [`firmware::golden::fused`].
#![cfg_attr(target_os = "none", no_std, no_main)]

firmware::program!(firmware::golden::fused);

//! See [`firmware::golden::halves`].
#![cfg_attr(target_os = "none", no_std, no_main)]

firmware::program!(firmware::golden::halves);

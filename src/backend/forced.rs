//! The backends of this build: all that the target can have, or what
//! `--cfg dropout_kernels_backend="..."` forces.

use super::Backend;

core::cfg_select! {
    any(
        dropout_kernels_backend = "portable",
        dropout_kernels_backend = "scalar",
        all(dropout_kernels_backend = "sse2", target_feature = "sse2"),
        all(dropout_kernels_backend = "simd128", target_feature = "simd128"),
        all(dropout_kernels_backend = "helium", target_arch = "arm"),
    ) => {
        pub(super) const BACKENDS: &[Backend] = &[Backend::Portable];
    }
    all(dropout_kernels_backend = "avx2", any(target_arch = "x86", target_arch = "x86_64")) => {
        pub(super) const BACKENDS: &[Backend] = &[Backend::Portable, Backend::Avx2];
    }
    all(dropout_kernels_backend = "avx512", any(target_arch = "x86", target_arch = "x86_64")) => {
        pub(super) const BACKENDS: &[Backend] = &[Backend::Portable, Backend::Avx512];
    }
    all(dropout_kernels_backend = "neon", target_arch = "aarch64", target_feature = "neon") => {
        pub(super) const BACKENDS: &[Backend] = &[Backend::Portable, Backend::Neon];
    }
    any(
        dropout_kernels_backend = "sse2",
        dropout_kernels_backend = "neon",
        dropout_kernels_backend = "simd128",
        dropout_kernels_backend = "helium",
        dropout_kernels_backend = "avx2",
        dropout_kernels_backend = "avx512",
    ) => {
        pub(super) const BACKENDS: &[Backend] = &[Backend::Portable];
        compile_error!("dropout_kernels_backend: this target does not have the backend that is forced");
    }
    any(target_arch = "x86", target_arch = "x86_64") => {
        pub(super) const BACKENDS: &[Backend] =
            &[Backend::Portable, Backend::Avx2, Backend::Avx512];
    }
    all(target_arch = "aarch64", target_feature = "neon") => {
        pub(super) const BACKENDS: &[Backend] = &[Backend::Portable, Backend::Neon];
    }
    _ => {
        pub(super) const BACKENDS: &[Backend] = &[Backend::Portable];
    }
}

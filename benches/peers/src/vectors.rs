//! Which vectors the figures were made with.

/// What the compiler was allowed everywhere in this program.
pub(crate) const fn compiled_for() -> &'static str {
    if cfg!(target_feature = "avx512f") {
        "AVX-512"
    } else if cfg!(target_feature = "avx2") {
        "AVX2"
    } else {
        "the target's baseline"
    }
}

/// What the functions of `multiversion!` choose.
pub(crate) fn runs() -> &'static str {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512f") {
            return "AVX-512";
        }
        if is_x86_feature_detected!("avx2") {
            return "AVX2";
        }
    }
    "the target's baseline"
}

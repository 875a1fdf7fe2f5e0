//! The same loop compiled for several vector widths, chosen when it runs: what a library does that
//! cannot know its machine. Without it the floors would be those of SSE2.

/// Defines a function whose body is compiled for AVX-512, for AVX2 and for the target's baseline.
macro_rules! multiversion {
    ($(#[$doc:meta])* $vis:vis fn $name:ident$(<$t:ident: $bound:ident>)?
        ($($arg:ident: $ty:ty),* $(,)?) $body:block) => {
        $(#[$doc])*
        $vis fn $name$(<$t: $bound>)?($($arg: $ty),*) {
            #[inline(always)]
            fn body$(<$t: $bound>)?($($arg: $ty),*) $body

            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f")]
                fn avx512$(<$t: $bound>)?($($arg: $ty),*) {
                    body($($arg),*);
                }
                #[target_feature(enable = "avx2")]
                fn avx2$(<$t: $bound>)?($($arg: $ty),*) {
                    body($($arg),*);
                }
                if is_x86_feature_detected!("avx512f") {
                    // SAFETY: the processor has just been asked.
                    return unsafe { avx512($($arg),*) };
                }
                if is_x86_feature_detected!("avx2") {
                    // SAFETY: the processor has just been asked.
                    return unsafe { avx2($($arg),*) };
                }
            }
            body($($arg),*);
        }
    };
}
pub(crate) use multiversion;

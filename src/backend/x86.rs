//! What x86 processors are asked, and the one edge between safe code and code for their features.

#[cfg(target_arch = "x86")]
pub(super) use core::arch::x86 as intrinsics;
#[cfg(target_arch = "x86_64")]
pub(super) use core::arch::x86_64 as intrinsics;

use super::wide::Has;
use super::*; // what the list of kernels names

macro_rules! proof {
    (
        $module:ident if $detected:ident;
        $(
            $(#[$doc:meta])*
            fn $kernel:ident $(<$($generic:ident: $bound:path),*>)? ($($argument:ident: $type:ty),* $(,)?);
        )*
    ) => {
        #[expect(unsafe_code, reason = "the one edge between safe code and a processor's")]
        impl Has<$module::Features> {
            #[inline]
            pub(super) fn detect() -> Option<Self> {
                // SAFETY: the processor has just been seen to have the features.
                $detected::get().then(|| unsafe { Self::new() })
            }

            $(
                #[inline(always)]
                pub(super) fn $kernel $(<$($generic: $bound),*>)? (self, $($argument: $type),*) {
                    // SAFETY: a value proves the features that the kernel is compiled for.
                    unsafe { $module::$kernel($($argument),*) }
                }
            )*
        }
    };
}

cfg_if! {
    if #[cfg(dropout_kernels_backend = "avx512")] {
        pub(super) use super::Missing as Avx2;
    } else {
        cpufeatures::new!(has_avx2, "avx2");
        kernels!(proof avx2 if has_avx2;);
        pub(super) type Avx2 = Has<avx2::Features>;
    }
}

cfg_if! {
    if #[cfg(dropout_kernels_backend = "avx2")] {
        pub(super) use super::Missing as Avx512;
    } else {
        cpufeatures::new!(has_avx512, "avx512f", "avx512bw", "avx512dq", "avx512vl");
        kernels!(proof avx512 if has_avx512;);
        pub(super) type Avx512 = Has<avx512::Features>;
    }
}

pub(super) const BACKENDS: &[Backend] = if cfg!(dropout_kernels_backend = "avx2") {
    &[Backend::Portable, Backend::Avx2]
} else if cfg!(dropout_kernels_backend = "avx512") {
    &[Backend::Portable, Backend::Avx512]
} else {
    &[Backend::Portable, Backend::Avx2, Backend::Avx512]
};

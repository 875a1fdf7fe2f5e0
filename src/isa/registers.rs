//! Thirty-two elements in the registers of an instruction set, from its intrinsics.

/// Types that are [`Registers`](crate::kernel::registers::Registers) of `$proof`, a value of which
/// proves that the machine has the intrinsics; they touch no memory.
///
/// `$bits` makes what register `$i` is selected by, from the word; `$select` selects by it, and
/// `$or_zero` does the same where +0.0 is the other choice.
macro_rules! registers {
    ($proof:ty; $(
        $name:ident: [$register:ty; $n:literal] of $t:ty, $($i:literal)*;
        $splat:ident, $times:ident, $plus:ident;
        bits($word:ident, $at:ident) $bits:expr;
        select($x:ident, $mask:ident, $dropped:ident) $select:expr;
        or_zero($y:ident, $keep:ident) $or_zero:expr;
    )*) => {$(
        #[derive(Clone, Copy)]
        pub(crate) struct $name([$register; $n]);

        impl Value<$t> for $name {
            #[inline(always)]
            fn times(self, factor: $t) -> Self {
                // SAFETY: a value proves the features.
                unsafe { Self([$($times(self.0[$i], $splat(factor))),*]) }
            }

            #[inline(always)]
            fn plus(self, term: $t) -> Self {
                // SAFETY: a value proves the features.
                unsafe { Self([$($plus(self.0[$i], $splat(term))),*]) }
            }
        }

        impl Registers<$t, $proof> for $name {
            #[inline(always)]
            fn load(_: $proof, elements: &[$t; 32]) -> Self {
                // SAFETY: both are 32 plain numbers; the compiler compares the sizes.
                Self(unsafe { transmute::<[$t; 32], [$register; $n]>(*elements) })
            }

            #[inline(always)]
            fn store(self) -> [$t; 32] {
                // SAFETY: both are 32 plain numbers; the compiler compares the sizes.
                unsafe { transmute::<[$register; $n], [$t; 32]>(self.0) }
            }

            #[inline(always)]
            fn select(self, $word: u32, dropped: Self) -> Self {
                // SAFETY: a value proves the features.
                unsafe {
                    Self([$({
                        let $at: usize = $i;
                        let ($x, $mask, $dropped) = (self.0[$i], $bits, dropped.0[$i]);
                        $select
                    }),*])
                }
            }

            #[inline(always)]
            fn or_zero(self, _: $proof, $word: u32) -> Self {
                // SAFETY: a value proves the features.
                unsafe {
                    Self([$({
                        let $at: usize = $i;
                        let ($y, $keep) = (self.0[$i], $bits);
                        $or_zero
                    }),*])
                }
            }
        }
    )*};
}
pub(super) use registers;

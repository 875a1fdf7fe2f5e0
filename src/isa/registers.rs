//! Thirty-two elements in the registers of an instruction set, from its intrinsics.

/// Types that are [`Registers`](crate::kernel::registers::Registers) of `$proof`, a value of which
/// proves that the machine has the intrinsics; those of `some` alone touch memory.
///
/// After each `=>` comes what all types of one width have: the registers; `bits`, which makes what
/// register `i` is selected by, from the word; `select`, which selects by it; `or_zero`, which does
/// the same where the other choice is zero; `merge`, which is `select` of elements that may be
/// those of the target itself; maybe `times_or_zero`, where another order than a product and `or_zero`
/// is better; and maybe `some`, how those elements of a register are loaded and stored whose bits are set, at a
/// place in memory. Then comes each type, with its products in one register.
macro_rules! registers {
    ($proof:ty; $(
        => $shape:tt
        $(
            $(#[$cfg:meta])*
            $name:ident of $t:ty:
            times($x:ident, $factor:ident) $times:expr;
            times_plus($y:ident, $factor_too:ident, $term:ident) $times_plus:expr;
        )*
    )*) => {$($(
        registers!(@type $shape $proof; $(#[$cfg])* $name of $t:
            times($x, $factor) $times;
            times_plus($y, $factor_too, $term) $times_plus;
        );
    )*)*};
    (@type {
        [$register:ty; $n:literal], $($i:literal)*;
        bits($word:ident, $at:ident) $bits:expr;
        select($x:ident, $mask:ident, $dropped:ident) $select:expr;
        or_zero($y:ident, $keep:ident) $or_zero:expr;
        merge($z:ident, $chosen:ident, $other:ident) $merge:expr;
        $(times_or_zero($v:ident, $scale:ident, $kept:ident) $times_or_zero:expr;)?
        $(some($load_some:ident, $store_some:ident, $elements:literal, $bits_of_some:ty);)?
    } $proof:ty; $(#[$cfg:meta])* $name:ident of $t:ty:
        times($a:ident, $factor:ident) $times:expr;
        times_plus($b:ident, $factor_too:ident, $term:ident) $times_plus:expr;
    ) => {
        $(#[$cfg])*
        #[derive(Clone, Copy)]
        pub(crate) struct $name([$register; $n]);

        $(#[$cfg])*
        impl Value<$t> for $name {
            #[inline(always)]
            fn times(self, $factor: <$t as Number>::Factor) -> Self {
                // SAFETY: a value proves the features.
                unsafe {
                    Self([$({
                        let $a = self.0[$i];
                        $times
                    }),*])
                }
            }

            #[inline(always)]
            fn times_plus(
                self,
                $factor_too: <$t as Number>::Factor,
                $term: <$t as Number>::Term,
            ) -> Self {
                // SAFETY: a value proves the features.
                unsafe {
                    Self([$({
                        let $b = self.0[$i];
                        $times_plus
                    }),*])
                }
            }
        }

        $(#[$cfg])*
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
            fn select(self, $word: <$proof as Isa>::Word, dropped: Self) -> Self {
                // SAFETY: a value proves the features.
                unsafe {
                    Self([$({
                        let $at: u32 = $i;
                        let ($x, $mask, $dropped) = (self.0[$i], $bits, dropped.0[$i]);
                        $select
                    }),*])
                }
            }

            #[inline(always)]
            fn merge(self, $word: <$proof as Isa>::Word, dropped: Self) -> Self {
                // SAFETY: a value proves the features.
                unsafe {
                    Self([$({
                        let $at: u32 = $i;
                        let ($z, $chosen, $other) = (self.0[$i], $bits, dropped.0[$i]);
                        $merge
                    }),*])
                }
            }

            #[inline(always)]
            fn or_zero(self, _: $proof, $word: <$proof as Isa>::Word) -> Self {
                // SAFETY: a value proves the features.
                unsafe {
                    Self([$({
                        let $at: u32 = $i;
                        let ($y, $keep) = (self.0[$i], $bits);
                        $or_zero
                    }),*])
                }
            }

            registers!(@some [$($load_some, $store_some, $elements, $bits_of_some)?] $proof, $t, [$($i)*]);
            registers!(@times_or_zero [$($v, $scale, $kept, $times_or_zero)?]
                $proof, $t, [$($i)*], $word, $at, $bits);
        }
    };
    (@some [] $($rest:tt)*) => {};
    (@some [$load:ident, $store:ident, $elements:literal, $bits:ty] $proof:ty, $t:ty, [$($i:literal)*]) => {
        #[inline(always)]
        fn load_some(_: $proof, elements: &[$t]) -> Self {
            let (from, all) = (elements.as_ptr(), first(elements.len()));
            // SAFETY: the proof proves the features; no element is read but those of the slice, of which `first` has no
            // more than 32.
            unsafe {
                Self([$({
                    let at = $elements * $i;
                    $load((all >> at) as $bits, from.wrapping_add(at).cast())
                }),*])
            }
        }

        #[inline(always)]
        fn store_some(self, target: &mut [$t]) {
            let (to, all) = (target.as_mut_ptr(), first(target.len()));
            // SAFETY: a value proves the features; no element is written but those of the slice, of which `first` has
            // no more than 32.
            unsafe {
                $({
                    let at = $elements * $i;
                    $store(to.wrapping_add(at).cast(), (all >> at) as $bits, self.0[$i]);
                })*
            }
        }
    };
    (@times_or_zero [] $($rest:tt)*) => {};
    (@times_or_zero [$v:ident, $scale:ident, $kept:ident, $y:expr]
        $proof:ty, $t:ty, [$($i:literal)*], $word:ident, $at:ident, $bits:expr) => {
        #[inline(always)]
        fn times_or_zero(self, _: $proof, $word: <$proof as Isa>::Word, $scale: <$t as Number>::Factor) -> Self {
            // SAFETY: a value proves the features.
            unsafe {
                Self([$({
                    let $at: u32 = $i;
                    let ($v, $kept) = (self.0[$i], $bits);
                    $y
                }),*])
            }
        }
    };
}
pub(super) use registers;

//! `f16` and `bf16` that are moved and not computed with, as `i16` of the same bits.
#![expect(unsafe_code, reason = "a slice of numbers of 16 bits is seen as one of others")]

use core::slice;

use half::{bf16, f16};

use crate::kernel::op::{Either, InPlace, Mapped, Or, Same, Zeros};

/// A number type of the size and the alignment of `i16`, of which every pattern of bits is a value.
pub(super) trait SixteenBits: Copy {
    /// Its bits.
    fn bits(self) -> i16;
}

impl SixteenBits for f16 {
    #[inline(always)]
    fn bits(self) -> i16 {
        self.to_bits().cast_signed()
    }
}

impl SixteenBits for bf16 {
    #[inline(always)]
    fn bits(self) -> i16 {
        self.to_bits().cast_signed()
    }
}

#[inline(always)]
fn bits<T: SixteenBits>(x: &[T]) -> &[i16] {
    // SAFETY: `f16` and `bf16`, the only types of this trait, are `repr(transparent)` over `u16`, which has the size and
    // the alignment of `i16`, and every pattern of bits is an `i16`; so this is as many of them, for as long as it is lent.
    unsafe { slice::from_raw_parts(x.as_ptr().cast(), x.len()) }
}

#[inline(always)]
pub(super) fn bits_mut<T: SixteenBits>(x: &mut [T]) -> &mut [i16] {
    // SAFETY: as above; what is written is a value of `T`, too.
    unsafe { slice::from_raw_parts_mut(x.as_mut_ptr().cast(), x.len()) }
}

/// What makes of elements others with the same bits, or with those of a constant.
pub(super) trait Moves {
    /// The same of `i16`.
    type OfBits;

    fn of_bits(self) -> Self::OfBits;
}

macro_rules! itself {
    ($($what:ident),*) => {$(
        impl Moves for $what {
            type OfBits = Self;

            #[inline(always)]
            fn of_bits(self) -> Self {
                self
            }
        }
    )*};
}
itself!(InPlace, Zeros, Same);

impl<T: SixteenBits> Moves for Or<T> {
    type OfBits = Or<i16>;

    #[inline(always)]
    fn of_bits(self) -> Or<i16> {
        Or(self.0.bits())
    }
}

impl<'a, T: SixteenBits> Moves for &'a [T] {
    type OfBits = &'a [i16];

    #[inline(always)]
    fn of_bits(self) -> &'a [i16] {
        bits(self)
    }
}

macro_rules! pair {
    ($($what:ident),*) => {$(
        impl<A: Moves, B: Moves> Moves for $what<A, B> {
            type OfBits = $what<A::OfBits, B::OfBits>;

            #[inline(always)]
            fn of_bits(self) -> Self::OfBits {
                $what(self.0.of_bits(), self.1.of_bits())
            }
        }
    )*};
}
pair!(Mapped, Either);

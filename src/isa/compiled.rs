//! Kernels that are compiled in this crate: for each element type and each operation, functions
//! that are not generic. So they have this crate's level of optimisation and not their caller's,
//! and a program links those that it calls.
//!
//! [`compile!`] at the end is the list of operations. The traits lead from a public function, which
//! is generic and does nothing an element at a time, to its function here.

#[cfg(feature = "half")]
use super::moves::{Moves, bits_mut};
use super::{Available, shapes};
use crate::element::{FloatNumber, IntegerNumber, Number};
use crate::kernel::fuse::{Nothing, Strip, Sum};
use crate::kernel::matrix::{Bits, Moments, Outer, Product, Transposed};
use crate::kernel::op::{
    Added, Affine, Arithmetic, Blend, Either, InPlace, Mapped, Op, Or, Same, Sweep, Times, Zeros,
};
use crate::kernel::uniform::{Gate, GateGradient, Shake};
use crate::lanes::Lanes;
use crate::layout::Layout;
use crate::panel::Panel;
use crate::rate::Planes;
use crate::requantise::Multiplier;

/// A number type that the kernels work on: `f32`, `f64`, `i8`, `i16`, and with feature `half`
/// `half::f16` and `half::bf16`.
///
/// All are `Copy`, `Debug`, `PartialEq`, `Send`, `Sync` and `'static`.
///
/// Sealed. Results have the same bits on every machine: floating-point arithmetic is correctly
/// rounded, `f16` and `bf16` are computed with in `f32` and rounded once more, and products of
/// integers are rounded once ([`Dropout`](crate::Dropout) has the formulas). (But for 32-bit x86
/// without SSE2, whose x87 unit rounds twice: last bits of elements can differ there. Masks do
/// not.)
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no number that this crate drops",
    note = "elements are `f32`, `f64`, `i8` or `i16`, or with feature `half` `half::f16` or `half::bf16`"
)]
pub trait Element: Kernels {}

impl<T: Kernels> Element for T {}

/// An [`Element`] that is a floating-point number.
///
/// Sealed.
///
/// # What does not make sense does not build
///
/// The factors of Gaussian dropout are floating-point numbers:
///
/// ```
/// use dropout_kernels::{GaussianDropout, MaskKey, drop_rate};
///
/// let mut x = [1f32; 8];
/// GaussianDropout::new(drop_rate!(0.2))?.forward_in_place(&mut x, MaskKey::new(42, 0));
/// # Ok::<(), dropout_kernels::RateError>(())
/// ```
///
/// ```compile_fail
/// use dropout_kernels::{GaussianDropout, MaskKey, drop_rate};
///
/// let mut x = [1i16; 8];
/// GaussianDropout::new(drop_rate!(0.2))?.forward_in_place(&mut x, MaskKey::new(42, 0));
/// # Ok::<(), dropout_kernels::RateError>(())
/// ```
///
/// Sums of products need more bits than their factors have, so `DropConnect` is not for integers:
///
/// ```
/// use dropout_kernels::{DropConnect, MaskKey, drop_rate};
///
/// let layer = DropConnect::new(drop_rate!(0.5), 2, 3)?;
/// let (w, x, mut y) = ([1f32; 6], [1f32; 3], [0f32; 2]);
/// layer.forward(&w, &x, &mut y, MaskKey::new(42, 0))?;
/// # Ok::<(), dropout_kernels::ShapeError>(())
/// ```
///
/// ```compile_fail
/// use dropout_kernels::{DropConnect, MaskKey, drop_rate};
///
/// let layer = DropConnect::new(drop_rate!(0.5), 2, 3)?;
/// let (w, x, mut y) = ([1i16; 6], [1i16; 3], [0i16; 2]);
/// layer.forward(&w, &x, &mut y, MaskKey::new(42, 0))?;
/// # Ok::<(), dropout_kernels::ShapeError>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no floating-point number, which this variant computes with",
    note = "integers have the variants that choose or scale: `Dropout` by the inverted and the classic rule, over layouts too, `DropBlock`, `DropPath`, `DropHead`, `EmbeddingDropout`, `LockedDropout` and `Zoneout`"
)]
pub trait Float: Element + FloatKernels {}

impl<T: Element + FloatKernels> Float for T {}

/// An [`Element`] that is an integer, and codes a number by a scale and a zero point.
///
/// Sealed.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no integer that codes a number",
    note = "it is for `i8` and `i16`; floating-point numbers are rounded to nearest"
)]
pub trait Integer: Element + IntegerKernels {}

impl<T: Element + IntegerKernels> Integer for T {}

/// The one list of an operation's functions, which `$expand` is given after `$first`: what each takes
/// beside the operation and the target, and what it does in [`Compiled`].
macro_rules! functions {
    ($expand:ident $($first:tt)*) => {
        $expand! {
            $($first)* |op, y|

            /// Every element as if it were kept, or as if it were dropped. `y` begins at index `at` of what
            /// the operation knows.
            fn map_from(backend: Available, keep: bool, at: usize) {
                backend.map(keep, at, y, op);
            }

            /// The elements that are read from index `at` on, to the bit.
            fn pass_from(at: usize) {
                op.pass(at, y);
            }

            /// Keeps or drops element i by bit i % 32 of word i / 32.
            fn apply(backend: Available, words: &[u32]) {
                if streams(op, backend, y) {
                    return backend.apply_streaming(words, y, op);
                }
                backend.apply(words, 0, y, op);
            }

            /// Draws and applies. `words` is as long as the mask, or empty; if it is empty the mask is
            /// forgotten.
            fn draw(backend: Available, lanes: &mut Lanes, planes: Planes, words: &mut [u32]) {
                let streaming = streams(op, backend, y);
                backend.fill_and_apply(lanes, planes, words, y, op, streaming);
            }

            /// Applies the bits from `first` on through a layout. `y` begins at index `at` of what the
            /// operation knows.
            fn broadcast(backend: Available, words: &[u32], first: usize, layout: Layout, at: usize) {
                shapes::broadcast(op, backend, words, first, layout, at, y);
            }

            /// Applies the bits from `first` on to the rows of a panel. `y` begins at index `at` of what the
            /// operation knows.
            fn panel(backend: Available, words: &[u32], first: usize, panel: Panel, at: usize) {
                shapes::panel(op, backend, words, first, panel, at, y);
            }
        }
    };
}

macro_rules! traits {
    (|$_op:ident, $_y:ident| $(
        $(#[$doc:meta])*
        fn $name:ident($($argument:ident: $type:ty),*) $_body:block
    )*) => {
        /// An operation on elements of type `T`, by the functions of [`Compiled`].
        pub trait Runs<T: Number>: Op<T> {
            $(
                $(#[$doc])*
                fn $name(self, $($argument: $type,)* y: &mut [T]);
            )*

            /// [`map_from`](Self::map_from) the first.
            #[inline(always)]
            fn map(self, backend: Available, keep: bool, y: &mut [T]) {
                self.map_from(backend, keep, 0, y);
            }

            /// [`pass_from`](Self::pass_from) the first.
            #[inline(always)]
            fn pass_all(self, y: &mut [T]) {
                self.pass_from(0, y);
            }
        }

        impl<T: Compiled<O>, O: Op<T>> Runs<T> for O {
            $(
                #[inline(always)]
                fn $name(self, $($argument: $type,)* y: &mut [T]) {
                    T::$name(self, $($argument,)* y);
                }
            )*
        }

        /// The functions of an operation, of this element type.
        pub trait Compiled<O>: Number {
            $(fn $name(op: O, $($argument: $type,)* y: &mut [Self]);)*
        }
    };
}
functions!(traits);

/// A [`Sweep`] over elements of type `T`, by the function of [`CompiledSweep`].
pub(crate) trait Sweeps<T: Number>: Sweep<T> {
    fn run(self, backend: Available, y: &mut [T]);
}

impl<T: CompiledSweep<S>, S: Sweep<T>> Sweeps<T> for S {
    #[inline(always)]
    fn run(self, backend: Available, y: &mut [T]) {
        T::sweep(self, backend, y);
    }
}

/// What a rule makes of elements: the [`Arithmetic`] of an operation that reads the target or
/// another slice.
pub trait Formula<T: Element>: Arithmetic<T> {
    type InPlace: Runs<T>;
    type From<'a>: Runs<T>;

    /// Over the target itself.
    fn in_place(self) -> Self::InPlace;

    /// From another slice of the target's length.
    fn from(self, x: &[T]) -> Self::From<'_>;

    /// Adds what becomes of the elements of `x`, all kept, to a target of its length.
    fn add(self, backend: Available, x: &[T], y: &mut [T]);
}

/// Where an operation reads: the target itself, or another slice of its length.
pub(crate) trait Place<T: Element>: Copy {
    type Op<F: Formula<T>>: Runs<T>;

    /// A formula on what is read here.
    fn op<F: Formula<T>>(self, formula: F) -> Self::Op<F>;
}

impl<T: Element> Place<T> for InPlace {
    type Op<F: Formula<T>> = F::InPlace;

    #[inline(always)]
    fn op<F: Formula<T>>(self, formula: F) -> F::InPlace {
        formula.in_place()
    }
}

impl<'a, T: Element> Place<T> for &'a [T] {
    type Op<F: Formula<T>> = F::From<'a>;

    #[inline(always)]
    fn op<F: Formula<T>>(self, formula: F) -> F::From<'a> {
        formula.from(self)
    }
}

/// The function of a [`Sweep`], of this element type.
pub trait CompiledSweep<S>: Number {
    fn sweep(sweep: S, backend: Available, y: &mut [Self]);
}

/// The function of a [`Pass`](crate::kernel::matrix::Pass), of this element type.
pub trait CompiledPass<P>: Number {
    fn rows(pass: P, backend: Available, rows: usize, bits: Bits<'_>);
}

/// The function of a [`Fusion`], of this element type.
pub trait CompiledFusion<F>: Number {
    fn fuse(fusion: &mut F, backend: Available, strip: Strip<'_>, y: &mut [Self]);
}

/// The function of normal noise, of this element type and where it reads.
pub trait CompiledNoise<X>: Number {
    /// y = x * (1 + `std_dev` * z), z normal.
    fn noise(backend: Available, lanes: &mut Lanes, std_dev: f32, x: X, y: &mut [Self]);
}

/// The function of a [`Noise`](crate::kernel::uniform::Noise), of this element type and where it
/// reads.
pub trait CompiledUniform<N, X>: Number {
    /// What one random number for each element makes of it.
    fn uniform(noise: &mut N, backend: Available, lanes: &mut Lanes, x: X, y: &mut [Self]);
}

/// The function of products that are rounded by random bits, of this element type and where it
/// reads.
pub trait CompiledRounding<X>: IntegerNumber {
    /// Products with a factor about a zero point.
    fn round(
        backend: Available,
        lanes: &mut Lanes,
        factor: Multiplier,
        zero: Self,
        x: X,
        y: &mut [Self],
    );
}

/// Whether stores go past the caches.
#[inline(always)]
fn streams<T: Number, O: Op<T>>(_: O, backend: Available, y: &[T]) -> bool {
    !O::IN_PLACE && backend.streams(y)
}

/// Each operation by `$one`, [`operation!`] or [`moved!`].
macro_rules! operations {
    ($one:ident, $t:ty: $($what:ty),* $(,)?) => {
        $(functions!($one $t, $what,);)*
    };
}

macro_rules! operation {
    ($t:ty, $what:ty, |$op:ident, $y:ident| $(
        $(#[$doc:meta])*
        fn $name:ident($($argument:ident: $type:ty),*) $body:block
    )*) => {
        impl Compiled<$what> for $t {
            $(fn $name($op: $what, $($argument: $type,)* $y: &mut [$t]) $body)*
        }
    };
}

/// By the functions of `i16`, which moves the same bits: half as many functions of 16 bits are compiled.
#[cfg(feature = "half")]
macro_rules! moved {
    ($t:ty, $what:ty, |$op:ident, $y:ident| $(
        $(#[$doc:meta])*
        fn $name:ident($($argument:ident: $type:ty),*) $_body:block
    )*) => {
        impl Compiled<$what> for $t {
            $(
                #[inline(always)]
                fn $name($op: $what, $($argument: $type,)* $y: &mut [$t]) {
                    $op.of_bits().$name($($argument,)* bits_mut($y));
                }
            )*
        }
    };
}

macro_rules! sweeps {
    ($t:ty: $($sweep:ty),* $(,)?) => {$(
        impl CompiledSweep<$sweep> for $t {
            fn sweep(sweep: $sweep, backend: Available, y: &mut [$t]) {
                backend.sweep(y, sweep);
            }
        }
    )*};
}

macro_rules! fusions {
    ($t:ty: $($fusion:ty),* $(,)?) => {$(
        impl<'a> CompiledFusion<$fusion> for $t {
            fn fuse(fusion: &mut $fusion, backend: Available, strip: Strip<'_>, y: &mut [$t]) {
                backend.fuse(strip, y, fusion);
            }
        }
    )*};
}

macro_rules! passes {
    ($t:ty: $($pass:ty),* $(,)?) => {$(
        impl CompiledPass<$pass> for $t {
            fn rows(pass: $pass, backend: Available, rows: usize, bits: Bits<'_>) {
                backend.rows(rows, bits, pass);
            }
        }
    )*};
}

macro_rules! noises {
    ($t:ty: $($x:ty),* $(,)?) => {$(
        impl CompiledNoise<$x> for $t {
            fn noise(backend: Available, lanes: &mut Lanes, std_dev: f32, x: $x, y: &mut [$t]) {
                backend.noise(lanes, std_dev, y, x);
            }
        }
    )*};
}

macro_rules! uniforms {
    ($t:ty: $($noise:ty, $x:ty;)*) => {$(
        impl CompiledUniform<$noise, $x> for $t {
            fn uniform(
                noise: &mut $noise,
                backend: Available,
                lanes: &mut Lanes,
                x: $x,
                y: &mut [$t],
            ) {
                backend.uniform(lanes, y, x, noise);
            }
        }
    )*};
}

macro_rules! roundings {
    ($t:ty: $($x:ty),* $(,)?) => {$(
        impl CompiledRounding<$x> for $t {
            fn round(
                backend: Available,
                lanes: &mut Lanes,
                factor: Multiplier,
                zero: $t,
                x: $x,
                y: &mut [$t],
            ) {
                backend.round(lanes, factor, zero, y, x);
            }
        }
    )*};
}

macro_rules! formulas {
    ($($formula:ty),*) => {$(
        impl<T: Element> Formula<T> for $formula {
            type InPlace = Mapped<InPlace, Self>;
            type From<'a> = Mapped<&'a [T], Self>;

            #[inline(always)]
            fn in_place(self) -> Mapped<InPlace, Self> {
                Mapped(InPlace, self)
            }

            #[inline(always)]
            fn from(self, x: &[T]) -> Mapped<&[T], Self> {
                Mapped(x, self)
            }

            #[inline(always)]
            fn add(self, backend: Available, x: &[T], y: &mut [T]) {
                T::sweep(Added(x, self), backend, y);
            }
        }
    )*};
}
formulas!(Same, Or<T>, Times<T>, Affine<T>);

/// The functions that every element type has.
pub trait Kernels:
    Number
    + Compiled<Mapped<InPlace, Same>>
    + Compiled<Mapped<InPlace, Or<Self>>>
    + Compiled<Mapped<InPlace, Times<Self>>>
    + Compiled<Mapped<InPlace, Affine<Self>>>
    + for<'a> Compiled<Mapped<&'a [Self], Same>>
    + for<'a> Compiled<Mapped<&'a [Self], Or<Self>>>
    + for<'a> Compiled<Mapped<&'a [Self], Times<Self>>>
    + for<'a> Compiled<Mapped<&'a [Self], Affine<Self>>>
    + for<'a, 'b> Compiled<Either<&'a [Self], &'b [Self]>>
    + for<'a> Compiled<Either<&'a [Self], InPlace>>
    + for<'a> Compiled<Either<InPlace, &'a [Self]>>
    + for<'a> Compiled<Either<Zeros, &'a [Self]>>
    + for<'a> CompiledSweep<Added<'a, Self, Same>>
    + for<'a> CompiledSweep<Added<'a, Self, Or<Self>>>
    + for<'a> CompiledSweep<Added<'a, Self, Times<Self>>>
    + for<'a> CompiledSweep<Added<'a, Self, Affine<Self>>>
    + for<'a, 'b> CompiledSweep<Blend<&'a [Self], &'b [Self], Self>>
    + for<'a> CompiledSweep<Blend<&'a [Self], InPlace, Self>>
    + for<'a> CompiledSweep<Blend<InPlace, &'a [Self], Self>>
{
    /// Clears bit i % 32 of word i / 32 where x\[i\] <= 0.
    fn clear_where_not_positive(backend: Available, words: &mut [u32], x: &[Self]);
}

/// Those that floating-point numbers have, too.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no floating-point number, which this variant computes with",
    note = "integers have the variants that choose or scale: `Dropout` by the inverted and the classic rule, over layouts too, `DropBlock`, `DropPath`, `DropHead`, `EmbeddingDropout`, `LockedDropout` and `Zoneout`"
)]
pub trait FloatKernels:
    FloatNumber
    + CompiledNoise<InPlace>
    + for<'a> CompiledNoise<&'a [Self]>
    + CompiledUniform<Gate<<Self as Number>::Factor>, InPlace>
    + for<'a> CompiledUniform<Gate<<Self as Number>::Factor>, &'a [Self]>
    + for<'a> CompiledUniform<GateGradient<'a, Self>, InPlace>
    + for<'a, 'b> CompiledUniform<GateGradient<'a, Self>, &'b [Self]>
    + CompiledUniform<Shake, InPlace>
    + for<'a> CompiledUniform<Shake, &'a [Self]>
    + for<'a> CompiledPass<Product<'a, Self>>
    + for<'a> CompiledPass<Moments<'a, Self>>
    + for<'a> CompiledPass<Outer<'a, Self>>
    + for<'a> CompiledPass<Transposed<'a, Self>>
    + for<'a> CompiledFusion<Sum<Self, &'a [Self], Nothing, &'a [Self]>>
    + for<'a> CompiledFusion<Sum<Self, &'a [Self], Nothing, InPlace>>
    + for<'a> CompiledFusion<Sum<Self, InPlace, Nothing, &'a [Self]>>
    + for<'a> CompiledFusion<Sum<Self, &'a [Self], &'a [Self], Nothing>>
    + for<'a> CompiledFusion<Sum<Self, &'a [Self], &'a [Self], &'a [Self]>>
    + for<'a> CompiledFusion<Sum<Self, &'a [Self], &'a [Self], InPlace>>
    + for<'a> CompiledFusion<Sum<Self, InPlace, &'a [Self], Nothing>>
    + for<'a> CompiledFusion<Sum<Self, InPlace, &'a [Self], &'a [Self]>>
{
    /// Adds rows of `x` that begin `stride` elements after each other to `sums`.
    fn add_rows(
        backend: Available,
        rows: usize,
        stride: usize,
        x: &[Self],
        sums: &mut [Self::Factor],
    );
}

/// Those that integers have, too.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no integer that codes a number",
    note = "it is for `i8` and `i16`; floating-point numbers are rounded to nearest"
)]
pub trait IntegerKernels:
    IntegerNumber + CompiledRounding<InPlace> + for<'a> CompiledRounding<&'a [Self]>
{
}

/// The list, for each element type the same as that of [`Kernels`]. `$moves` makes the functions of operations
/// that compute nothing.
macro_rules! compile {
    ($($t:ty, $moves:ident;)*) => {$(
        impl Kernels for $t {
            fn clear_where_not_positive(backend: Available, words: &mut [u32], x: &[$t]) {
                backend.clear_where_not_positive(words, x);
            }
        }

        operations! {
            operation, $t:
            Mapped<InPlace, Times<$t>>,
            Mapped<InPlace, Affine<$t>>,
            Mapped<&[$t], Times<$t>>,
            Mapped<&[$t], Affine<$t>>,
        }

        operations! {
            $moves, $t:
            Mapped<InPlace, Same>,
            Mapped<InPlace, Or<$t>>,
            Mapped<&[$t], Same>,
            Mapped<&[$t], Or<$t>>,
            Either<&[$t], &[$t]>,
            Either<&[$t], InPlace>,
            Either<InPlace, &[$t]>,
            Either<Zeros, &[$t]>,
        }

        sweeps! {
            $t:
            Added<'_, $t, Same>,
            Added<'_, $t, Or<$t>>,
            Added<'_, $t, Times<$t>>,
            Added<'_, $t, Affine<$t>>,
            Blend<&[$t], &[$t], $t>,
            Blend<&[$t], InPlace, $t>,
            Blend<InPlace, &[$t], $t>,
        }
    )*};
}

/// The list of [`FloatKernels`].
macro_rules! compile_floats {
    ($($t:ty),*) => {$(
        impl FloatKernels for $t {
            fn add_rows(
                backend: Available,
                rows: usize,
                stride: usize,
                x: &[$t],
                sums: &mut [<$t as Number>::Factor],
            ) {
                backend.add_rows(rows, stride, x, sums);
            }
        }

        passes! {
            $t:
            Product<'_, $t>,
            Moments<'_, $t>,
            Outer<'_, $t>,
            Transposed<'_, $t>,
        }

        fusions! {
            $t:
            Sum<$t, &'a [$t], Nothing, &'a [$t]>,
            Sum<$t, &'a [$t], Nothing, InPlace>,
            Sum<$t, InPlace, Nothing, &'a [$t]>,
            Sum<$t, &'a [$t], &'a [$t], Nothing>,
            Sum<$t, &'a [$t], &'a [$t], &'a [$t]>,
            Sum<$t, &'a [$t], &'a [$t], InPlace>,
            Sum<$t, InPlace, &'a [$t], Nothing>,
            Sum<$t, InPlace, &'a [$t], &'a [$t]>,
        }

        noises! {
            $t:
            InPlace,
            &[$t],
        }

        uniforms! {
            $t:
            Gate<<$t as Number>::Factor>, InPlace;
            Gate<<$t as Number>::Factor>, &[$t];
            GateGradient<'_, $t>, InPlace;
            GateGradient<'_, $t>, &[$t];
            Shake, InPlace;
            Shake, &[$t];
        }
    )*};
}

/// The list of [`IntegerKernels`].
macro_rules! compile_integers {
    ($($t:ty),*) => {$(
        impl IntegerKernels for $t {}

        roundings! {
            $t:
            InPlace,
            &[$t],
        }
    )*};
}

compile! {
    f32, operation;
    f64, operation;
    i8, operation;
    i16, operation;
}
compile_floats!(f32, f64);
compile_integers!(i8, i16);
#[cfg(feature = "half")]
compile! {
    half::f16, moved;
    half::bf16, moved;
}
#[cfg(feature = "half")]
compile_floats!(half::f16, half::bf16);

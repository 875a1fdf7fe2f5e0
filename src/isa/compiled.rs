//! Kernels that are compiled in this crate: for each element type and each operation, functions
//! that are not generic. So they have this crate's level of optimisation and not their caller's,
//! and a program links those that it calls.
//!
//! [`compile!`] at the end is the list of operations. The traits lead from a public function, which
//! is generic and does nothing an element at a time, to its function here.

use super::Available;
use crate::element::Number;
use crate::kernel::Vectored;
use crate::kernel::broadcast::{Expanded, LONG};
use crate::kernel::matrix::{Bits, Moments, Outer, Product, Transposed};
use crate::kernel::op::{
    Added, Affine, Arithmetic, Blend, Either, Hide, InPlace, Mapped, Op, Same, Sweep, Times, Zeros,
};
use crate::lanes::{BLOCK, LANES, Lanes};
use crate::layout::Layout;
use crate::pieces::{pieces_mut, zeros};
use crate::rate::Planes;

/// A number type that the kernels work on: `f32` or `f64`.
///
/// Sealed: its promise is correctly rounded arithmetic, the same bits on every machine. (But for
/// 32-bit x86 without SSE2, whose x87 unit rounds twice: last bits of elements can differ there.
/// Masks do not.)
pub trait Element: Kernels {}

impl<T: Kernels> Element for T {}

/// An operation on elements of type `T`, by the functions of [`Compiled`].
pub trait Runs<T: Number>: Op<T> {
    /// Every element as if it were kept, or as if it were dropped.
    fn map(self, backend: Available, keep: bool, y: &mut [T]);

    /// The elements that are read, to the bit.
    fn pass_all(self, y: &mut [T]);

    /// Keeps or drops element i by bit i % 32 of word i / 32.
    fn apply(self, backend: Available, words: &[u32], y: &mut [T]);

    /// Draws and applies. `words` is as long as the mask, or empty; if it is empty the mask is
    /// forgotten.
    fn draw(
        self,
        backend: Available,
        lanes: &mut Lanes,
        planes: Planes,
        words: &mut [u32],
        y: &mut [T],
    );

    /// Applies the bits from `first` on through a layout. `y` begins at index `at` of what the
    /// operation knows.
    fn broadcast(
        self,
        backend: Available,
        words: &[u32],
        first: usize,
        layout: Layout,
        at: usize,
        y: &mut [T],
    );
}

impl<T: Compiled<O>, O: Op<T>> Runs<T> for O {
    #[inline(always)]
    fn map(self, backend: Available, keep: bool, y: &mut [T]) {
        T::map(self, backend, keep, y);
    }

    #[inline(always)]
    fn pass_all(self, y: &mut [T]) {
        T::pass_all(self, y);
    }

    #[inline(always)]
    fn apply(self, backend: Available, words: &[u32], y: &mut [T]) {
        T::apply(self, backend, words, y);
    }

    #[inline(always)]
    fn draw(
        self,
        backend: Available,
        lanes: &mut Lanes,
        planes: Planes,
        words: &mut [u32],
        y: &mut [T],
    ) {
        T::draw(self, backend, lanes, planes, words, y);
    }

    #[inline(always)]
    fn broadcast(
        self,
        backend: Available,
        words: &[u32],
        first: usize,
        layout: Layout,
        at: usize,
        y: &mut [T],
    ) {
        T::broadcast(self, backend, words, first, layout, at, y);
    }
}

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

    /// y = x * (1 + `std_dev` * z), z normal.
    fn noise(self, backend: Available, lanes: &mut Lanes, std_dev: f32, y: &mut [T]);
}

impl<T: Element> Place<T> for InPlace {
    type Op<F: Formula<T>> = F::InPlace;

    #[inline(always)]
    fn op<F: Formula<T>>(self, formula: F) -> F::InPlace {
        formula.in_place()
    }

    #[inline(always)]
    fn noise(self, backend: Available, lanes: &mut Lanes, std_dev: f32, y: &mut [T]) {
        T::noise_in_place(backend, lanes, std_dev, y);
    }
}

impl<'a, T: Element> Place<T> for &'a [T] {
    type Op<F: Formula<T>> = F::From<'a>;

    #[inline(always)]
    fn op<F: Formula<T>>(self, formula: F) -> F::From<'a> {
        formula.from(self)
    }

    #[inline(always)]
    fn noise(self, backend: Available, lanes: &mut Lanes, std_dev: f32, y: &mut [T]) {
        T::noise_from(backend, lanes, std_dev, self, y);
    }
}

/// The functions of an operation, of this element type.
pub trait Compiled<O>: Number {
    fn map(op: O, backend: Available, keep: bool, y: &mut [Self]);
    fn pass_all(op: O, y: &mut [Self]);
    fn apply(op: O, backend: Available, words: &[u32], y: &mut [Self]);
    fn draw(
        op: O,
        backend: Available,
        lanes: &mut Lanes,
        planes: Planes,
        words: &mut [u32],
        y: &mut [Self],
    );
    fn broadcast(
        op: O,
        backend: Available,
        words: &[u32],
        first: usize,
        layout: Layout,
        at: usize,
        y: &mut [Self],
    );
}

/// The function of a [`Sweep`], of this element type.
pub trait CompiledSweep<S>: Number {
    fn sweep(sweep: S, backend: Available, y: &mut [Self]);
}

/// The function of a [`Pass`](crate::kernel::matrix::Pass), of this element type.
pub trait CompiledPass<P>: Number {
    fn rows(pass: P, backend: Available, rows: usize, bits: Bits<'_>);
}

/// The functions of normal noise, of this element type.
pub trait CompiledNoise: Number {
    fn noise_in_place(backend: Available, lanes: &mut Lanes, std_dev: f32, y: &mut [Self]);
    fn noise_from(backend: Available, lanes: &mut Lanes, std_dev: f32, x: &[Self], y: &mut [Self]);
}

/// Through a layout: long runs as a whole, and other bits as the words of an element-wise mask.
#[inline(always)]
fn broadcast<T: Vectored, O: Op<T>>(
    op: O,
    backend: Available,
    words: &[u32],
    mut first: usize,
    layout: Layout,
    mut at: usize,
    y: &mut [T],
) {
    let Layout { repeat, width, run, .. } = layout;
    let row = width * run;
    // No product overflows, as `simplest` and `parts` leave no extent of 0 but `run`.
    for group in pieces_mut(y, repeat * row) {
        let length = group.len();
        if run >= LONG {
            backend.long_runs(words, first, layout, at, group, op);
        } else if !cfg!(target_os = "none")
            && row >= BLOCK
            && run == 1
            && first.is_multiple_of(32)
            && width.is_multiple_of(32)
        {
            let words = words.get(first / 32..).unwrap_or_default();
            let mut at = at;
            for row in pieces_mut(group, row) {
                backend.apply(words.get(..width / 32).unwrap_or_default(), at, row, op);
                at += row.len();
            }
        } else {
            let mut expanded = Expanded::new(words, first, layout);
            let mut buffer = zeros::<LANES>();
            // Rows that divide a block have the same words in each.
            let (periodic, mut filled) = (row <= BLOCK && row & (row - 1) == 0, false);
            let mut at = at;
            for block in pieces_mut(group, BLOCK) {
                let words = buffer.get_mut(..block.len().div_ceil(32)).unwrap_or_default();
                if !(periodic && filled) {
                    expanded.fill(words);
                    filled = true;
                }
                backend.apply(words, at, block, op);
                at += block.len();
            }
        }
        at += length;
        first += width;
    }
}

macro_rules! operations {
    ($t:ty: $($op:ty),* $(,)?) => {$(
        impl Compiled<$op> for $t {
            fn map(op: $op, backend: Available, keep: bool, y: &mut [$t]) {
                backend.map(keep, 0, y, op);
            }

            fn pass_all(op: $op, y: &mut [$t]) {
                op.pass(0, y);
            }

            fn apply(op: $op, backend: Available, words: &[u32], y: &mut [$t]) {
                if !<$op as Op<$t>>::IN_PLACE && backend.streams(y) {
                    return backend.apply_streaming(words, y, op);
                }
                backend.apply(words, 0, y, op);
            }

            fn draw(
                op: $op,
                backend: Available,
                lanes: &mut Lanes,
                planes: Planes,
                words: &mut [u32],
                y: &mut [$t],
            ) {
                if !<$op as Op<$t>>::IN_PLACE && backend.streams(y) {
                    return backend.fill_and_apply_streaming(lanes, planes, words, y, op);
                }
                backend.fill_and_apply(lanes, planes, words, y, op);
            }

            fn broadcast(
                op: $op,
                backend: Available,
                words: &[u32],
                first: usize,
                layout: Layout,
                at: usize,
                y: &mut [$t],
            ) {
                broadcast(op, backend, words, first, layout, at, y);
            }
        }
    )*};
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

macro_rules! passes {
    ($t:ty: $($pass:ty),* $(,)?) => {$(
        impl CompiledPass<$pass> for $t {
            fn rows(pass: $pass, backend: Available, rows: usize, bits: Bits<'_>) {
                backend.rows(rows, bits, pass);
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
formulas!(Same, Hide, Times<T>, Affine<T>);

/// All functions of an element type.
pub trait Kernels:
    CompiledNoise
    + Compiled<Mapped<InPlace, Same>>
    + Compiled<Mapped<InPlace, Hide>>
    + Compiled<Mapped<InPlace, Times<Self>>>
    + Compiled<Mapped<InPlace, Affine<Self>>>
    + for<'a> Compiled<Mapped<&'a [Self], Same>>
    + for<'a> Compiled<Mapped<&'a [Self], Hide>>
    + for<'a> Compiled<Mapped<&'a [Self], Times<Self>>>
    + for<'a> Compiled<Mapped<&'a [Self], Affine<Self>>>
    + for<'a, 'b> Compiled<Either<&'a [Self], &'b [Self]>>
    + for<'a> Compiled<Either<&'a [Self], InPlace>>
    + for<'a> Compiled<Either<InPlace, &'a [Self]>>
    + for<'a> Compiled<Either<Zeros, &'a [Self]>>
    + for<'a> CompiledSweep<Added<'a, Self, Same>>
    + for<'a> CompiledSweep<Added<'a, Self, Hide>>
    + for<'a> CompiledSweep<Added<'a, Self, Times<Self>>>
    + for<'a> CompiledSweep<Added<'a, Self, Affine<Self>>>
    + for<'a, 'b> CompiledSweep<Blend<&'a [Self], &'b [Self], Self>>
    + for<'a> CompiledSweep<Blend<&'a [Self], InPlace, Self>>
    + for<'a> CompiledSweep<Blend<InPlace, &'a [Self], Self>>
    + for<'a> CompiledPass<Product<'a, Self>>
    + for<'a> CompiledPass<Moments<'a, Self>>
    + for<'a> CompiledPass<Outer<'a, Self>>
    + for<'a> CompiledPass<Transposed<'a, Self>>
{
}

/// The list, for each element type the same as that of [`Kernels`].
macro_rules! compile {
    ($($t:ty),*) => {$(
        impl Kernels for $t {}

        operations! {
            $t:
            Mapped<InPlace, Same>,
            Mapped<InPlace, Hide>,
            Mapped<InPlace, Times<$t>>,
            Mapped<InPlace, Affine<$t>>,
            Mapped<&[$t], Same>,
            Mapped<&[$t], Hide>,
            Mapped<&[$t], Times<$t>>,
            Mapped<&[$t], Affine<$t>>,
            Either<&[$t], &[$t]>,
            Either<&[$t], InPlace>,
            Either<InPlace, &[$t]>,
            Either<Zeros, &[$t]>,
        }

        sweeps! {
            $t:
            Added<'_, $t, Same>,
            Added<'_, $t, Hide>,
            Added<'_, $t, Times<$t>>,
            Added<'_, $t, Affine<$t>>,
            Blend<&[$t], &[$t], $t>,
            Blend<&[$t], InPlace, $t>,
            Blend<InPlace, &[$t], $t>,
        }

        passes! {
            $t:
            Product<'_, $t>,
            Moments<'_, $t>,
            Outer<'_, $t>,
            Transposed<'_, $t>,
        }

        impl CompiledNoise for $t {
            fn noise_in_place(backend: Available, lanes: &mut Lanes, std_dev: f32, y: &mut [$t]) {
                backend.noise(lanes, std_dev, y, InPlace);
            }

            fn noise_from(
                backend: Available,
                lanes: &mut Lanes,
                std_dev: f32,
                x: &[$t],
                y: &mut [$t],
            ) {
                backend.noise(lanes, std_dev, y, x);
            }
        }
    )*};
}
compile!(f32, f64);

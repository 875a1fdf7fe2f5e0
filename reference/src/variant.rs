//! How a variant is called, and what it has to give: one table for each, from which every test
//! comes.

use std::fmt::Debug;

use dropout_kernels::{
    Backend, DropRate, MaskKey, MaskMut, MaskRef, MaskRng, MaskWindow, ShapeError,
};

use crate::number::Number;
use crate::stream::{Reference, pack};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pass {
    Forward,
    Backward,
    Infer,
    /// Only a mask is made.
    Fill,
}

/// Where a way takes its mask from, or its noise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Masks {
    None,
    /// `rng.draw(mask)`.
    Drawn,
    /// `key.draw(mask)`.
    KeyDrawn,
    Key,
    Stored,
    /// A generator, and no mask in memory.
    Rng,
}

impl Masks {
    /// Whether there is a mask in memory.
    pub fn has_mask(self) -> bool {
        matches!(self, Self::Drawn | Self::KeyDrawn | Self::Stored)
    }

    pub fn writes_mask(self) -> bool {
        matches!(self, Self::Drawn | Self::KeyDrawn)
    }

    pub fn moves_generator(self) -> bool {
        matches!(self, Self::Drawn | Self::Rng)
    }

    /// Whether the rate decides what is dropped.
    pub fn draws(self) -> bool {
        matches!(self, Self::Drawn | Self::KeyDrawn | Self::Key | Self::Rng)
    }
}

/// A slice that a way takes, by the variables that it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slice {
    In(usize),
    Out(usize),
    /// The first before, the second afterwards.
    Over(usize, usize),
}

impl Slice {
    /// The variable that it holds before.
    pub fn before(self) -> usize {
        match self {
            Self::In(v) | Self::Out(v) | Self::Over(v, _) => v,
        }
    }

    /// The variable that it holds afterwards.
    pub fn after(self) -> usize {
        match self {
            Self::In(v) | Self::Out(v) | Self::Over(_, v) => v,
        }
    }
}

/// What a call may use beside its slices.
pub struct Lent<'a> {
    pub mask: MaskMut<'a>,
    pub rng: &'a mut MaskRng,
    pub key: MaskKey,
}

/// The bits of a mask within a longer one, where they begin at no multiple of 32.
pub struct Elsewhere {
    words: Vec<u32>,
    start: usize,
    end: usize,
}

impl Elsewhere {
    pub fn of(mask: MaskRef<'_>) -> Self {
        let start = 1 + mask.len() % 95 / 32 * 32 + mask.len() % 31;
        let other = |n: usize| (0..n).map(|i| i % 3 == 0);
        let keep: Vec<_> = other(start).chain(mask.iter()).chain(other(50)).collect();
        Self { words: pack(&keep), start, end: start + mask.len() }
    }

    pub fn window(&self) -> MaskWindow<'_> {
        let all = MaskRef::new(&self.words, self.end + 50).expect("so many were packed");
        all.window(self.start..self.end).expect("50 bits before its end")
    }
}

/// A call on slices.
pub type Run<V, T> = fn(&V, &mut [&mut [T]], Lent<'_>) -> Result<(), ShapeError>;

/// What a way to call a variant does, and on what.
#[derive(Clone, Copy, Debug)]
pub struct Form {
    /// The call as it is written.
    pub name: &'static str,
    pub pass: Pass,
    pub masks: Masks,
    pub slices: &'static [Slice],
}

impl Form {
    /// Whether it writes a variable.
    pub fn writes(&self, variable: usize) -> bool {
        let written = |s: &Slice| s.after() == variable && !matches!(s, Slice::In(_));
        self.slices.iter().any(written)
    }

    /// Whether it reads a variable.
    pub fn reads(&self, variable: usize) -> bool {
        self.slices.iter().any(|s| s.before() == variable && !matches!(s, Slice::Out(_)))
    }
}

/// A way to call a variant.
pub struct Way<V, T> {
    pub form: Form,
    pub run: Run<V, T>,
}

/// A table of ways. Each: its pass, its masks, its slices, and the call with names for them.
#[macro_export]
macro_rules! ways {
    ($(
        $pass:ident $masks:ident [$($slice:ident($($variable:literal),*)),*]
        |$variant:pat_param, [$($name:ident),*], $lent:ident| $call:expr;
    )*) => {
        vec![$($crate::variant::Way {
            form: $crate::variant::Form {
                name: stringify!($call),
                pass: $crate::variant::Pass::$pass,
                masks: $crate::variant::Masks::$masks,
                slices: &[$($crate::variant::Slice::$slice($($variable),*)),*],
            },
            run: |$variant: &Self, slices: &mut [&mut [T]], $lent: $crate::variant::Lent<'_>| {
                let [$($name),*] = slices else { unreachable!("as many as the way names") };
                let _ = &$lent;
                $call
            },
        }),*]
    };
}

/// The ways of forward and backward between variables 0 and 1, and 2 and 3; by a key and by a
/// window too, unless masks are `stored`.
#[macro_export]
macro_rules! verbs {
    (|$v:ident| $dropout:expr) => {{
        let mut all = $crate::verbs!(stored |$v| $dropout);
        all.extend($crate::ways! {
            Forward Key [In(0), Out(1)] |$v, [x, y], l| $dropout.forward(x, y, l.key);
            Forward Key [Over(0, 1)] |$v, [x], l| $dropout.forward_in_place(x, l.key);
            Backward Key [In(2), Out(3)] |$v, [dy, dx], l| $dropout.backward(dy, dx, l.key);
            Backward Key [Over(2, 3)] |$v, [dx], l| $dropout.backward_in_place(dx, l.key);
            Forward Stored [In(0), Out(1)] |$v, [x, y], l| $dropout.forward(x, y, Elsewhere::of(l.mask.as_ref()).window());
            Backward Stored [Over(2, 3)] |$v, [dx], l| $dropout.backward_in_place(dx, Elsewhere::of(l.mask.as_ref()).window());
        });
        all
    }};
    (stored |$v:ident| $dropout:expr) => {
        $crate::ways! {
            Forward Drawn [In(0), Out(1)] |$v, [x, y], l| $dropout.forward(x, y, l.rng.draw(l.mask));
            Forward Drawn [Over(0, 1)] |$v, [x], l| $dropout.forward_in_place(x, l.rng.draw(l.mask));
            Forward KeyDrawn [In(0), Out(1)] |$v, [x, y], l| $dropout.forward(x, y, l.key.draw(l.mask));
            Forward KeyDrawn [Over(0, 1)] |$v, [x], l| $dropout.forward_in_place(x, l.key.draw(l.mask));
            Forward Stored [In(0), Out(1)] |$v, [x, y], l| $dropout.forward(x, y, l.mask.as_ref());
            Forward Stored [Over(0, 1)] |$v, [x], l| $dropout.forward_in_place(x, l.mask.as_ref());
            Backward Stored [In(2), Out(3)] |$v, [dy, dx], l| $dropout.backward(dy, dx, l.mask.as_ref());
            Backward Stored [Over(2, 3)] |$v, [dx], l| $dropout.backward_in_place(dx, l.mask.as_ref());
        }
    };
}

/// What a formula is given beside the variables.
pub struct Given<'a> {
    pub pass: Pass,
    /// Whether the mask was drawn for this call: then nothing is computed at p = 0.
    pub drawn: bool,
    /// The bits of the mask, 1 as true.
    pub keep: &'a [bool],
    /// The generator before.
    pub start: &'a Reference,
}

/// A variant of some shape, at some rate, with the names of its variables.
pub trait Variant<T: Number>: Clone + Debug + 'static {
    /// What variables are called in the vectors.
    const VARIABLES: &'static [&'static str];
    /// Inputs of forward with their gradients.
    const GRADIENTS: &'static [(usize, usize)];
    /// The output of forward with its gradient.
    const OUTPUT: (usize, usize);
    /// Whether sums are taken, of which infinities and NaN would leave nothing to compare.
    const SUMS: bool = false;
    /// Whether outputs are numbers, of which a loss can be taken.
    const DIFFERENTIABLE: bool = true;

    /// Whether lengths are checked when it runs.
    const CHECKED: bool = true;

    /// Shapes and rates that are to be tested.
    fn cases() -> Vec<Self>;

    /// One for the vectors, of few elements.
    fn example() -> Self;

    /// What makes it, as a name and a value each; a rate is its threshold of 2^40.
    fn parameters(&self) -> String;

    /// One at this rate of about `n` mask bits, if its masks have that rate.
    fn of_rate(rate: DropRate, n: usize) -> Option<Self>;

    fn with_backend(self, backend: Backend) -> Self;

    /// Elements of each variable.
    fn lengths(&self) -> Vec<usize>;

    fn mask_bits(&self) -> usize;

    fn ways() -> Vec<Way<Self, T>>;

    /// The mask that a generator draws.
    fn drawn(&self, reference: &mut Reference) -> Vec<bool>;

    /// What a pass makes of the variables.
    fn formula(&self, given: &Given<'_>, variables: &mut [Vec<T>]);

    /// Whether what a pass gives is copied, to the bits of a NaN.
    fn copies(&self, given: &Given<'_>) -> bool;

    /// Numbers beside lengths that an error may name.
    fn numbers(&self) -> Vec<usize> {
        vec![]
    }

    /// The variant that slices and a mask of these lengths fit, if they fit one.
    fn refit(&self, way: &Form, slices: &[usize], mask: Option<usize>) -> Option<Self> {
        let lengths = self.lengths();
        let fit = way.slices.iter().zip(slices).all(|(slice, n)| lengths[slice.before()] == *n);
        (fit && mask.is_none_or(|bits| bits == self.mask_bits())).then(|| self.clone())
    }
}

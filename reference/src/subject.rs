//! Variants of any type, as the suite sees them: so that it is compiled once for each element type, and not for each variant.

use std::rc::Rc;

use dropout_kernels::{Backend, DropRate, ShapeError};

use crate::number::Number;
use crate::stream::Reference;
use crate::variant::{Form, Given, Lent, Variant, Way};

/// A variant of some shape, at some rate.
pub type Case<T> = Box<dyn Subject<T>>;

/// What is the same for all shapes and rates.
#[derive(Clone, Copy, Debug)]
pub struct Constants {
    pub variables: &'static [&'static str],
    pub gradients: &'static [(usize, usize)],
    pub output: (usize, usize),
    pub sums: bool,
    pub differentiable: bool,
    pub checked: bool,
}

/// A variant whose type is forgotten; ways are told by their index.
pub trait Subject<T> {
    fn constants(&self) -> Constants;
    fn forms(&self) -> Vec<Form>;
    fn told(&self) -> String;
    fn parameters(&self) -> String;
    fn on(&self, backend: Backend) -> Case<T>;
    fn lengths(&self) -> Vec<usize>;
    fn mask_bits(&self) -> usize;
    fn numbers(&self) -> Vec<usize>;
    fn drawn(&self, reference: &mut Reference) -> Vec<bool>;
    fn formula(&self, given: &Given<'_>, variables: &mut [Vec<T>]);
    fn copies(&self, given: &Given<'_>) -> bool;
    fn refit(&self, way: usize, slices: &[usize], mask: Option<usize>) -> Option<Case<T>>;
    fn run(&self, way: usize, slices: &mut [&mut [T]], lent: Lent<'_>) -> Result<(), ShapeError>;
}

struct Held<V, T> {
    variant: V,
    ways: Rc<[Way<V, T>]>,
}

impl<T: Number, V: Variant<T>> Held<V, T> {
    fn another(&self, variant: V) -> Case<T> {
        Box::new(Self { variant, ways: Rc::clone(&self.ways) })
    }
}

/// Forgets the type.
pub fn case<T: Number, V: Variant<T>>(variant: V) -> Case<T> {
    Box::new(Held { variant, ways: V::ways().into() })
}

impl<T: Number, V: Variant<T>> Subject<T> for Held<V, T> {
    fn constants(&self) -> Constants {
        Constants {
            variables: V::VARIABLES,
            gradients: V::GRADIENTS,
            output: V::OUTPUT,
            sums: V::SUMS,
            differentiable: V::DIFFERENTIABLE,
            checked: V::CHECKED,
        }
    }

    fn forms(&self) -> Vec<Form> {
        self.ways.iter().map(|way| way.form).collect()
    }

    fn told(&self) -> String {
        format!("{:?}", self.variant)
    }

    fn parameters(&self) -> String {
        self.variant.parameters()
    }

    fn on(&self, backend: Backend) -> Case<T> {
        self.another(self.variant.clone().with_backend(backend))
    }

    fn lengths(&self) -> Vec<usize> {
        self.variant.lengths()
    }

    fn mask_bits(&self) -> usize {
        self.variant.mask_bits()
    }

    fn numbers(&self) -> Vec<usize> {
        self.variant.numbers()
    }

    fn drawn(&self, reference: &mut Reference) -> Vec<bool> {
        self.variant.drawn(reference)
    }

    fn formula(&self, given: &Given<'_>, variables: &mut [Vec<T>]) {
        self.variant.formula(given, variables);
    }

    fn copies(&self, given: &Given<'_>) -> bool {
        self.variant.copies(given)
    }

    fn refit(&self, way: usize, slices: &[usize], mask: Option<usize>) -> Option<Case<T>> {
        self.variant.refit(&self.ways[way].form, slices, mask).map(|variant| self.another(variant))
    }

    fn run(&self, way: usize, slices: &mut [&mut [T]], lent: Lent<'_>) -> Result<(), ShapeError> {
        (self.ways[way].run)(&self.variant, slices, lent)
    }
}

/// Makes the cases of a variant.
pub struct Kind<T> {
    pub cases: fn() -> Vec<Case<T>>,
    pub example: fn() -> Case<T>,
    pub of_rate: fn(DropRate, usize) -> Option<Case<T>>,
}

impl<T: Number> Kind<T> {
    pub fn of<V: Variant<T>>() -> Self {
        Self {
            cases: || V::cases().into_iter().map(case).collect(),
            example: || case(V::example()),
            of_rate: |rate, n| V::of_rate(rate, n).map(case),
        }
    }
}

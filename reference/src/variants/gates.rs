//! Concrete dropout, and NEFTune's noise.

use dropout_kernels::{Backend, ConcreteDropout, DropRate, EmbeddingNoise, Float, ShapeError};

use crate::number::Floating;
use crate::stream::Reference;
use crate::uniform::{Gated, Layer, outputs, shaken};
use crate::variant::{Form, Given, Pass, Variant, Way};
use crate::{LENGTHS, ways};

/// Gates over `n` elements.
#[derive(Clone, Debug)]
pub struct Gates {
    pub p: f32,
    pub temperature: f32,
    pub n: usize,
    pub backend: Option<Backend>,
}

impl Gates {
    fn layer<F: Gated>(&self) -> ConcreteDropout<F> {
        let (p, temperature) = (F::of(self.p.into()), F::of(self.temperature.into()));
        let layer = ConcreteDropout::new(p, temperature).expect("a probability");
        self.backend.map_or(layer, |backend| layer.with_backend(backend))
    }
}

/// Where the gradient to the logit is left.
fn one<T>(slice: &mut [T]) -> Result<&mut T, ShapeError> {
    let given = slice.len();
    match slice {
        [one] => Ok(one),
        _ => Err(ShapeError::OtherElements { expected: 1, given }),
    }
}

/// The length of all slices but that of the gradient to the logit, if they have one.
fn length(way: &Form, slices: &[usize]) -> Option<usize> {
    let n = *slices.first()?;
    let fits = |(slice, given): (&crate::variant::Slice, &usize)| {
        *given == if slice.before() == 4 { 1 } else { n }
    };
    way.slices.iter().zip(slices).all(fits).then_some(n)
}

impl<F: Gated, T: Floating<Wide = F> + Float<Factor = F>> Variant<T> for Gates {
    const VARIABLES: &'static [&'static str] = &["x", "y", "dy", "dx", "dlogit"];
    const GRADIENTS: &'static [(usize, usize)] = &[(0, 3)];
    const OUTPUT: (usize, usize) = (1, 2);
    const SUMS: bool = true;

    fn cases() -> Vec<Self> {
        let gates = [(0.1, 0.1), (0.5, 2.0 / 3.0), (0.97, 0.001), (1e-9, 0.05), (0.3, 100.0)];
        let of = |(p, temperature)| LENGTHS.map(|n| Self { p, temperature, n, backend: None });
        gates.into_iter().flat_map(of).collect()
    }

    fn example() -> Self {
        Self { p: 0.25, temperature: 0.5, n: 40, backend: None }
    }

    fn parameters(&self) -> String {
        format!("p {} temperature {} elements {}", self.p, self.temperature, self.n)
    }

    /// It has no mask.
    fn of_rate(_: DropRate, _: usize) -> Option<Self> {
        None
    }

    fn with_backend(self, backend: Backend) -> Self {
        Self { backend: Some(backend), ..self }
    }

    fn lengths(&self) -> Vec<usize> {
        vec![self.n, self.n, self.n, self.n, 1]
    }

    fn mask_bits(&self) -> usize {
        0
    }

    fn ways() -> Vec<Way<Self, T>> {
        ways! {
            Forward Rng [In(0), Out(1)] |v, [x, y], l| v.layer::<F>().forward(x, y, l.rng);
            Forward Rng [Over(0, 1)] |v, [x], l| { v.layer::<F>().forward_in_place(x, l.rng); Ok(()) };
            Forward Key [In(0), Out(1)] |v, [x, y], l| v.layer::<F>().forward(x, y, l.key);
            Forward Key [Over(0, 1)] |v, [x], l| { v.layer::<F>().forward_in_place(x, l.key); Ok(()) };
            Backward Rng [In(0), In(2), Out(3), Out(4)] |v, [x, dy, dx, dlogit], l| {
                let dlogit = one(dlogit)?;
                *dlogit = T::nearest(v.layer::<F>().backward(x, dy, dx, l.rng)?);
                Ok(())
            };
            Backward Key [In(0), In(2), Out(3), Out(4)] |v, [x, dy, dx, dlogit], l| {
                let dlogit = one(dlogit)?;
                *dlogit = T::nearest(v.layer::<F>().backward(x, dy, dx, l.key)?);
                Ok(())
            };
            Backward Rng [In(0), Over(2, 3), Out(4)] |v, [x, dx, dlogit], l| {
                let dlogit = one(dlogit)?;
                *dlogit = T::nearest(v.layer::<F>().backward_in_place(x, dx, l.rng)?);
                Ok(())
            };
            Backward Key [In(0), Over(2, 3), Out(4)] |v, [x, dx, dlogit], l| {
                let dlogit = one(dlogit)?;
                *dlogit = T::nearest(v.layer::<F>().backward_in_place(x, dx, l.key)?);
                Ok(())
            };
            Infer None [In(0), Out(1)] |v, [x, y], l| v.layer::<F>().infer(x, y);
        }
    }

    fn drawn(&self, reference: &mut Reference) -> Vec<bool> {
        outputs(reference, self.n);
        vec![]
    }

    fn formula(&self, given: &Given<'_>, variables: &mut [Vec<T>]) {
        let layer = Layer::new(F::of(self.p.into()), F::of(self.temperature.into()));
        let mut reference = given.start.clone();
        match given.pass {
            Pass::Forward => variables[1] = layer.forward(&mut reference, &variables[0]),
            Pass::Backward => {
                let (dx, dlogit) = layer.backward(&mut reference, &variables[0], &variables[2]);
                (variables[3], variables[4]) = (dx, vec![T::nearest(dlogit)]);
            }
            Pass::Infer => variables[1] = variables[0].clone(),
            Pass::Fill => {}
        }
    }

    fn copies(&self, given: &Given<'_>) -> bool {
        given.pass == Pass::Infer
    }

    /// Any length that all have.
    fn refit(&self, way: &Form, slices: &[usize], _: Option<usize>) -> Option<Self> {
        length(way, slices).map(|n| Self { n, ..self.clone() })
    }
}

/// NEFTune's noise over `n` elements.
#[derive(Clone, Debug)]
pub struct Shakes {
    pub noise: EmbeddingNoise,
    pub n: usize,
}

impl<T: Floating> Variant<T> for Shakes {
    const VARIABLES: &'static [&'static str] = &["x", "y"];
    const GRADIENTS: &'static [(usize, usize)] = &[];
    const OUTPUT: (usize, usize) = (0, 1);
    const DIFFERENTIABLE: bool = false; // the gradient is what comes

    fn cases() -> Vec<Self> {
        let of = |(alpha, length, dimension)| {
            let noise = EmbeddingNoise::new(alpha, length, dimension).expect("a small sequence");
            LENGTHS.map(|n| Self { noise, n })
        };
        [(5.0, 16, 64), (15.0, 7, 3), (-1e-3, 1, 1), (5.0, 0, 4)].into_iter().flat_map(of).collect()
    }

    fn example() -> Self {
        Self { noise: EmbeddingNoise::new(5.0, 5, 8).expect("a small sequence"), n: 40 }
    }

    fn parameters(&self) -> String {
        format!("size {} elements {}", self.noise.size(), self.n)
    }

    /// It has no mask.
    fn of_rate(_: DropRate, _: usize) -> Option<Self> {
        None
    }

    fn with_backend(self, backend: Backend) -> Self {
        Self { noise: self.noise.with_backend(backend), ..self }
    }

    fn lengths(&self) -> Vec<usize> {
        vec![self.n; 2]
    }

    fn mask_bits(&self) -> usize {
        0
    }

    fn ways() -> Vec<Way<Self, T>> {
        ways! {
            Forward Rng [In(0), Out(1)] |v, [x, y], l| v.noise.forward(x, y, l.rng);
            Forward Rng [Over(0, 1)] |v, [x], l| { v.noise.forward_in_place(x, l.rng); Ok(()) };
            Forward Key [In(0), Out(1)] |v, [x, y], l| v.noise.forward(x, y, l.key);
            Forward Key [Over(0, 1)] |v, [x], l| { v.noise.forward_in_place(x, l.key); Ok(()) };
        }
    }

    fn drawn(&self, reference: &mut Reference) -> Vec<bool> {
        outputs(reference, self.n);
        vec![]
    }

    fn formula(&self, given: &Given<'_>, variables: &mut [Vec<T>]) {
        variables[1] = shaken(&mut given.start.clone(), self.noise.size(), &variables[0]);
    }

    fn copies(&self, _: &Given<'_>) -> bool {
        false
    }

    /// Any length that all have.
    fn refit(&self, way: &Form, slices: &[usize], _: Option<usize>) -> Option<Self> {
        length(way, slices).map(|n| Self { n, ..self.clone() })
    }
}

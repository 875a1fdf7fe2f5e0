// The network, and all that trains it. This file is compiled twice, by `before` and by `after` in main.rs, each of which begins
// with a `use` line that says whose `Dropout` it is. Nothing below knows.

/// A perceptron with dropout on its input and its hidden layers.
pub(crate) struct Network {
    layers: Vec<(Dropout, Linear)>,
}

impl Network {
    pub(crate) fn new(parameters: &[(Var, Var)], rates: [f32; 3]) -> Self {
        let layers = rates.into_iter().zip(parameters).map(|(p, (weight, bias))| {
            let linear = Linear::new(weight.as_tensor().clone(), Some(bias.as_tensor().clone()));
            (Dropout::new(p), linear)
        });
        Self { layers: layers.collect() }
    }
}

impl ModuleT for Network {
    fn forward_t(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        let mut x = x.clone();
        for (i, (dropout, linear)) in self.layers.iter().enumerate() {
            if i > 0 {
                x = x.relu()?;
            }
            x = linear.forward(&dropout.forward(&x, train)?)?;
        }
        Ok(x)
    }
}

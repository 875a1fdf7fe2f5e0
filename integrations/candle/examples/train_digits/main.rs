//! Trains a perceptron on 1797 handwritten digits with candle: without dropout, with candle-nn's dropout and with ours. The
//! networks with dropout differ in one `use` line.
//!
//! `train_digits [EPOCHS [SEEDS]]`, 30 and 3 if they are not given. Prints the time of an epoch and the test error.

use std::io::Read as _;
use std::time::{Duration, Instant};

use candle_core::{D, Device, Module as _, ModuleT, Result, Tensor, Var};
use candle_nn::{Linear, Optimizer as _, SGD, loss::cross_entropy};

/// Before: candle's own.
mod before {
    use candle_nn::Dropout;

    use super::*;
    include!("model.rs");
}

/// After: ours.
mod after {
    use dropout_kernels_candle::Dropout;

    use super::*;
    include!("model.rs");
}

const PIXELS: usize = 64;
const CLASSES: usize = 10;
const SIZES: [usize; 4] = [PIXELS, 256, 256, CLASSES];
const BATCH: usize = 32;
/// Digits to train on; the others are tested on.
const TRAIN: usize = 500;
/// Of the input and of the hidden layers.
const RATES: [f32; 3] = [0.1, 0.3, 0.3];

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse::<u64>());
    let (Ok(epochs), Ok(seeds)) =
        (arguments.next().unwrap_or(Ok(30)), arguments.next().unwrap_or(Ok(3)))
    else {
        candle_core::bail!("expected train_digits [EPOCHS [SEEDS]], two numbers");
    };

    let names = ["no dropout", "candle-nn", "dropout-kernels"];
    let mut times: [Vec<Duration>; 3] = Default::default();
    let mut errors = [0.0; 3];
    for seed in 0..seeds {
        let mut learners = Vec::new();
        for i in 0..names.len() {
            let mut numbers = Numbers(seed);
            let digits = Digits::load(&mut numbers)?;
            let parameters = parameters(&mut numbers)?;
            let network: Box<dyn ModuleT> = match i {
                0 => Box::new(after::Network::new(&parameters, [0.0; 3])),
                1 => Box::new(before::Network::new(&parameters, RATES)),
                _ => Box::new(after::Network::new(&parameters, RATES)),
            };
            // Without dropout it is run as in inference.
            learners.push(Learner::new(digits, numbers, &parameters, network, i > 0)?);
        }
        // Epoch by epoch in turn, so that what else the machine does falls on all alike.
        for _ in 0..epochs {
            for (learner, times) in learners.iter_mut().zip(&mut times) {
                let start = Instant::now();
                learner.epoch()?;
                times.push(start.elapsed());
            }
        }
        for (learner, error) in learners.iter().zip(&mut errors) {
            *error += learner.test_error()? / seeds as f64;
        }
    }

    println!("{epochs} epochs of {TRAIN} digits in batches of {BATCH}, {seeds} seeds\n");
    println!("{:<16}  {:>9}  {:>10}", "", "ms/epoch", "test error");
    for ((name, times), error) in names.iter().zip(&mut times).zip(errors) {
        times.sort_unstable();
        let median = times.get(times.len() / 2).map_or(f64::NAN, Duration::as_secs_f64);
        println!("{name:<16}  {:>9.2}  {:>8.2} %", median * 1e3, error);
    }
    Ok(())
}

/// A network in training.
struct Learner {
    digits: Digits,
    numbers: Numbers,
    network: Box<dyn ModuleT>,
    optimizer: SGD,
    dropout: bool,
}

impl Learner {
    fn new(
        digits: Digits,
        numbers: Numbers,
        parameters: &[(Var, Var)],
        network: Box<dyn ModuleT>,
        dropout: bool,
    ) -> Result<Self> {
        let parameters =
            parameters.iter().flat_map(|(weight, bias)| [weight.clone(), bias.clone()]);
        let optimizer = SGD::new(parameters.collect(), 0.1)?;
        Ok(Self { digits, numbers, network, optimizer, dropout })
    }

    fn epoch(&mut self) -> Result<()> {
        let mut order: Vec<u32> = (0..TRAIN as u32).collect();
        self.numbers.shuffle(&mut order);
        for batch in order.chunks(BATCH) {
            let batch = Tensor::new(batch, &Device::Cpu)?;
            let x = self.digits.pixels.index_select(&batch, 0)?;
            let labels = self.digits.labels.index_select(&batch, 0)?;
            let loss = cross_entropy(&self.network.forward_t(&x, self.dropout)?, &labels)?;
            self.optimizer.backward_step(&loss)?;
        }
        Ok(())
    }

    /// In percent, of the digits that were not trained on.
    fn test_error(&self) -> Result<f64> {
        let count = self.digits.labels.dim(0)? - TRAIN;
        let x = self.digits.pixels.narrow(0, TRAIN, count)?;
        let found = self.network.forward_t(&x, false)?.argmax(D::Minus1)?;
        let wrong = found.ne(&self.digits.labels.narrow(0, TRAIN, count)?)?;
        let wrong = wrong.to_dtype(candle_core::DType::F32)?.sum_all()?.to_scalar::<f32>()?;
        Ok(100.0 * f64::from(wrong) / count as f64)
    }
}

/// Weights and biases. Candle's generator on the CPU cannot be seeded, so the numbers are ours.
fn parameters(numbers: &mut Numbers) -> Result<Vec<(Var, Var)>> {
    let mut layer = |(&inputs, &outputs): (&usize, &usize)| {
        let bound = (6.0 / inputs as f32).sqrt();
        let weights = (0..inputs * outputs).map(|_| (2.0 * numbers.unit() - 1.0) * bound);
        let weights = Tensor::from_iter(weights, &Device::Cpu)?.reshape((outputs, inputs))?;
        let bias = Tensor::zeros(outputs, candle_core::DType::F32, &Device::Cpu)?;
        Ok((Var::from_tensor(&weights)?, Var::from_tensor(&bias)?))
    };
    SIZES.iter().zip(&SIZES[1..]).map(&mut layer).collect()
}

/// All digits, shuffled; those to train on come first.
struct Digits {
    pixels: Tensor,
    labels: Tensor,
}

impl Digits {
    fn load(numbers: &mut Numbers) -> Result<Self> {
        let file = include_bytes!("../../../../examples/data/digits.csv.gz");
        let mut text = String::new();
        flate2::read::GzDecoder::new(file.as_slice()).read_to_string(&mut text)?;
        let mut lines: Vec<&str> = text.lines().collect();
        numbers.shuffle(&mut lines);
        let fields = lines.iter().flat_map(|line| line.split(','));
        let fields = fields.map(|field| field.parse::<f32>().map_err(candle_core::Error::wrap));
        let all = Tensor::from_vec(
            fields.collect::<Result<Vec<_>>>()?,
            (lines.len(), PIXELS + 1),
            &Device::Cpu,
        )?;
        Ok(Self {
            pixels: (all.narrow(1, 0, PIXELS)? / 16.0)?,
            labels: all.narrow(1, PIXELS, 1)?.squeeze(1)?.to_dtype(candle_core::DType::U32)?,
        })
    }
}

/// `SplitMix64`: the split, the weights and the order of batches, the same for all three networks.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn unit(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1 << 24) as f32
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.next() as usize % (i + 1));
        }
    }
}

//! The gradient of a scalar loss through a two-layer network with dropout, against central finite
//! differences of the same loss: forward and backward have to agree on the mask and on the scale.

use dropout_kernels::{Dropout, Mask, MaskKey, MaskRef, MaskRng, Rule, drop_rate, mask_words};

const INPUTS: usize = 40;
const HIDDEN: usize = 33;
const MASK_IN: usize = mask_words(INPUTS);
const MASK_HIDDEN: usize = mask_words(HIDDEN);

type Weights = [[f64; INPUTS]; HIDDEN];

/// x -> dropout -> W -> tanh -> dropout -> v . h, squared.
struct Network<R> {
    w: Weights,
    v: [f64; HIDDEN],
    dropout: Dropout<R>,
}

/// How a step gets its masks, in both directions.
#[derive(Clone, Copy, Debug)]
enum Masks {
    Stored,
    Replayed,
    Brought,
}

fn brought<const W: usize>() -> Mask<W> {
    Mask::from_words([0xB3A5_9C3E; W])
}

impl<R: Rule> Network<R> {
    fn new(dropout: Dropout<R>) -> Self {
        let wave = |i: usize, j: usize| (i as f64 * 1.3 + j as f64 * 0.7 + 0.1).sin() * 0.4;
        Self {
            w: std::array::from_fn(|i| std::array::from_fn(|j| wave(i, j))),
            v: std::array::from_fn(|i| wave(i, 91)),
            dropout,
        }
    }

    /// The loss, and its gradients to x and W.
    fn run(&self, masks: Masks, x: &[f64; INPUTS]) -> (f64, [f64; INPUTS], Box<Weights>) {
        let mut rng = MaskRng::new(11, 0);
        let (mut mask_in, mut mask_hidden) = (brought::<MASK_IN>(), brought::<MASK_HIDDEN>());
        let mut a = *x;
        self.forward(masks, &mut a, &mut mask_in, &mut rng, 0);
        let tanh: [f64; HIDDEN] = std::array::from_fn(|i| dot(&self.w[i], &a).tanh());
        let mut h = tanh;
        self.forward(masks, &mut h, &mut mask_hidden, &mut rng, 1);
        let out = dot(&self.v, &h);

        let mut dh = self.v.map(|v| v * 2.0 * out);
        self.backward(masks, &mut dh, mask_hidden.view(HIDDEN).expect("HIDDEN bits"), 1);
        let dz: [f64; HIDDEN] = std::array::from_fn(|i| dh[i] * (1.0 - tanh[i] * tanh[i]));
        let dw = Box::new(std::array::from_fn(|i| a.map(|a| a * dz[i])));
        let mut da: [f64; INPUTS] =
            std::array::from_fn(|j| (0..HIDDEN).map(|i| self.w[i][j] * dz[i]).sum());
        self.backward(masks, &mut da, mask_in.view(INPUTS).expect("INPUTS bits"), 0);
        (out * out, da, dw)
    }

    fn forward<const N: usize, const W: usize>(
        &self,
        masks: Masks,
        x: &mut [f64; N],
        mask: &mut Mask<W>,
        rng: &mut MaskRng,
        stream: u64,
    ) {
        match masks {
            Masks::Stored => self.dropout.forward_array_in_place(x, rng.draw(mask)),
            Masks::Replayed => self.dropout.forward_array_in_place(x, MaskKey::new(5, stream)),
            Masks::Brought => self.dropout.forward_array_in_place(x, &*mask),
        }
    }

    fn backward(&self, masks: Masks, dx: &mut [f64], mask: MaskRef<'_>, stream: u64) {
        match masks {
            Masks::Stored | Masks::Brought => self.dropout.backward_in_place(dx, mask),
            Masks::Replayed => self.dropout.backward_in_place(dx, MaskKey::new(5, stream)),
        }
        .expect("lengths agree");
    }
}

fn dot<const N: usize>(a: &[f64; N], b: &[f64; N]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// (f(step) - f(-step)) / (2 step), which errs by O(step^2).
fn difference(f: impl Fn(f64) -> f64) -> f64 {
    const STEP: f64 = 1e-5;
    (f(STEP) - f(-STEP)) / (2.0 * STEP)
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-7 * (1.0 + a.abs().max(b.abs()))
}

/// Backward of one dropout, with its masks from everywhere.
fn check<R: Rule>(dropout: Dropout<R>) {
    let x: [f64; INPUTS] = std::array::from_fn(|i| (i as f64 * 0.9).cos());
    for masks in [Masks::Stored, Masks::Replayed, Masks::Brought] {
        let network = Network::new(dropout);
        let (loss, dx, dw) = network.run(masks, &x);
        assert!(loss > 0.0, "a loss of zero would prove nothing");
        let flows = dx.iter().filter(|d| **d != 0.0).count();
        assert!(0 < flows, "a gradient of zero would prove nothing");
        for (j, dx) in dx.iter().enumerate() {
            let wanted = difference(|step| {
                let mut x = x;
                x[j] += step;
                network.run(masks, &x).0
            });
            assert!(close(*dx, wanted), "{dropout:?} {masks:?} x {j}: {dx} not {wanted}");
        }
        for (i, j) in [(0, 0), (3, 39), (7, 12), (16, 31), (32, 32)] {
            let wanted = difference(|step| {
                let mut network = Network::new(dropout);
                network.w[i][j] += step;
                network.run(masks, &x).0
            });
            let dw = dw[i][j];
            assert!(close(dw, wanted), "{dropout:?} {masks:?} w {i} {j}: {dw} not {wanted}");
        }
    }
}

#[test]
fn backward_is_the_gradient_of_forward() {
    for rate in [drop_rate!(0.0), drop_rate!(0.1), drop_rate!(0.5), drop_rate!(0.9)] {
        check(Dropout::new(rate));
        check(Dropout::classic(rate));
        check(Dropout::alpha(rate));
    }
}

//! LSTM and GRU layers with every recurrent dropout: their gradient through time against finite
//! differences, and which masks stay the same from step to step.

use dropout_kernels::{DropRate, Dropout, Zoneout, drop_rate};
use dropout_reference::cells::{Kind, Layer, Weights};
use dropout_reference::noise::{Every, Noise};

const BATCH: usize = 3;
const STEPS: usize = 5;
const INPUTS: usize = 5;
const HIDDEN: usize = 12;

const KINDS: [Kind; 2] = [Kind::Lstm, Kind::Gru];

fn wave(i: usize, phase: f64) -> f64 {
    (i as f64 * 1.3 + phase).sin() * 0.5
}

fn waves(n: usize, phase: f64) -> Vec<f64> {
    (0..n).map(|i| wave(i, phase)).collect()
}

fn layer(kind: Kind) -> Layer<f64> {
    let width = kind.gates() * HIDDEN;
    let weights = Weights {
        input: waves(INPUTS * width, 0.1),
        recurrent: waves(HIDDEN * width, 0.7),
        bias: waves(width, 0.4),
    };
    Layer { kind, inputs: INPUTS, hidden: HIDDEN, weights }
}

fn sequence() -> Vec<Vec<f64>> {
    (0..STEPS).map(|t| waves(BATCH * INPUTS, 0.9 * t as f64 + 0.05)).collect()
}

fn none() -> Noise {
    let mut noise = Noise::none(INPUTS, HIDDEN, 5);
    noise.draw(BATCH, 3);
    noise
}

/// Every noise by itself, and all at once.
fn noises() -> Vec<(&'static str, Noise)> {
    const P: DropRate = drop_rate!(0.3);
    const RATES: [DropRate; 3] = [drop_rate!(0.2), drop_rate!(0.4), drop_rate!(0.3)];
    let only = |i: usize| std::array::from_fn(|j| if i == j { P } else { DropRate::ZERO });
    let connections = |every, rates| none().with_connections(every, rates);
    let mut noises = vec![
        ("variational input", connections(Every::Sequence, only(0))),
        ("variational recurrent", connections(Every::Sequence, only(1))),
        ("variational output", connections(Every::Sequence, only(2))),
        ("variational", connections(Every::Sequence, RATES)),
        ("per step", connections(Every::Step, RATES)),
        ("recurrent dropout", Noise { candidate: Dropout::new(P), ..none() }),
        (
            "recurrent dropout, a mask a sequence",
            Noise { candidate: Dropout::new(P), candidate_every: Every::Sequence, ..none() },
        ),
        ("zoneout of the cell", Noise { cell: Zoneout::new(P), ..none() }),
        ("zoneout of the hidden state", Noise { hidden: Zoneout::new(P), ..none() }),
        (
            "all",
            Noise {
                candidate: Dropout::new(P),
                cell: Zoneout::new(P),
                hidden: Zoneout::new(drop_rate!(0.1)),
                ..connections(Every::Sequence, RATES)
            },
        ),
    ];
    for (_, noise) in &mut noises {
        noise.draw(BATCH, 3);
    }
    noises
}

/// A loss to which every output at every step gives something else.
fn loss(layer: &Layer<f64>, noise: &Noise, xs: &[Vec<f64>]) -> f64 {
    let (ys, _) = layer.forward(noise, true, xs);
    ys.concat().iter().enumerate().map(|(i, y)| (wave(i, 0.2) + y) * y).sum()
}

fn loss_gradient(ys: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let place = |t: usize, i: usize| t * BATCH * HIDDEN + i;
    let of = |(t, y): (usize, &Vec<f64>)| {
        y.iter().enumerate().map(|(i, y)| wave(place(t, i), 0.2) + 2.0 * y).collect()
    };
    ys.iter().enumerate().map(of).collect()
}

/// The central difference of `f` at 0. Its error is some 10^-9: the loss is of order 1, the step
/// 10^-5.
fn difference(f: impl Fn(f64) -> f64) -> f64 {
    (f(1e-5) - f(-1e-5)) / 2e-5
}

#[track_caller]
fn close(given: f64, wanted: f64, told: &str) {
    assert!((given - wanted).abs() < 1e-7 * (1.0 + wanted.abs()), "{told}: {given}, not {wanted}");
}

fn check(told: &str, layer: &Layer<f64>, noise: &Noise) {
    let xs = sequence();
    let (ys, steps) = layer.forward(noise, true, &xs);
    let (dw, dxs) = layer.backward(noise, &steps, &loss_gradient(&ys));
    let flows = dxs.concat().iter().filter(|d| d.abs() > 1e-4).count();
    assert!(flows > STEPS * BATCH * INPUTS / 2, "{told}: {flows} gradients prove little");
    for t in 0..STEPS {
        for i in (t % 2..BATCH * INPUTS).step_by(2) {
            let wanted = difference(|step| {
                let mut xs = xs.clone();
                xs[t][i] += step;
                loss(layer, noise, &xs)
            });
            close(dxs[t][i], wanted, &format!("{told} step {t} x {i}"));
        }
    }
    type Part = fn(&mut Weights<f64>) -> &mut Vec<f64>;
    let parts: [Part; 3] = [|w| &mut w.input, |w| &mut w.recurrent, |w| &mut w.bias];
    for (p, part) in parts.into_iter().enumerate() {
        let given = part(&mut dw.clone()).clone();
        for i in (0..given.len()).step_by(if p < 2 { 17 } else { 3 }) {
            let wanted = difference(|step| {
                let mut layer = layer.clone();
                part(&mut layer.weights)[i] += step;
                loss(&layer, noise, &xs)
            });
            close(given[i], wanted, &format!("{told} weights {p} {i}"));
        }
    }
}

#[test]
fn backward_through_time_is_the_gradient_of_forward() {
    for kind in KINDS {
        let layer = layer(kind);
        check(&format!("{kind:?}"), &layer, &none());
        let plain = loss(&layer, &none(), &sequence());
        for (name, noise) in noises() {
            let told = format!("{kind:?} {name}");
            // A GRU has no cell.
            let acts = kind == Kind::Lstm || name != "zoneout of the cell";
            assert_eq!(loss(&layer, &noise, &sequence()) != plain, acts, "{told}: acts or not");
            check(&told, &layer, &noise);
        }
    }
}

/// Which elements of each step are +0.0 where `whole` is not.
fn zeros(steps: &[Vec<f64>]) -> Vec<Vec<bool>> {
    steps.iter().map(|step| step.iter().map(|x| *x == 0.0).collect()).collect()
}

fn all_equal<T: PartialEq>(items: &[T]) -> bool {
    items.windows(2).all(|pair| pair[0] == pair[1])
}

/// The zeros at each place, and no other values are zero: inputs and states are waves.
#[test]
fn a_variational_mask_is_the_same_at_each_step_and_others_are_not() {
    const RATES: [DropRate; 3] = [drop_rate!(0.5); 3];
    for kind in KINDS {
        for every in [Every::Sequence, Every::Step] {
            let mut noise = none().with_connections(every, RATES);
            noise.candidate = Dropout::new(drop_rate!(0.5));
            noise.candidate_every = every;
            let mut masks = vec![];
            for n in 0..4 {
                noise.draw(BATCH, n);
                let (ys, steps) = layer(kind).forward(&noise, true, &sequence());
                let inputs: Vec<_> = steps.iter().map(|step| step.x.clone()).collect();
                // The first hidden state is zero by itself.
                let states: Vec<_> = steps[1..].iter().map(|step| step.h_in.clone()).collect();
                let candidates: Vec<_> = steps.iter().map(|step| step.candidate.clone()).collect();
                for (place, steps) in [inputs, states, ys, candidates].iter().enumerate() {
                    let zeros = zeros(steps);
                    let told = format!("{kind:?} {every:?} batch {n} place {place}");
                    assert_eq!(all_equal(&zeros), every == Every::Sequence, "{told}");
                    // Sequences of a batch have masks of their own.
                    let units = zeros[0].len() / BATCH;
                    let rows: Vec<_> = zeros[0].chunks(units).collect();
                    assert!(!all_equal(&rows), "{told}: {rows:?}");
                    masks.push(zeros.concat());
                }
            }
            // Each batch draws anew.
            assert!((4..masks.len()).all(|i| masks[i] != masks[i - 4]), "{kind:?} {every:?}");
        }
    }
}

#[test]
fn a_unit_that_is_zoned_out_keeps_its_state_to_the_bit() {
    for kind in KINDS {
        let noise = Noise { hidden: Zoneout::new(drop_rate!(0.4)), ..none() };
        let (ys, _) = layer(kind).forward(&noise, true, &sequence());
        let kept = |t: usize| ys[t].iter().zip(&ys[t - 1]).map(|(a, b)| a == b).collect::<Vec<_>>();
        let kept: Vec<_> = (1..STEPS).map(kept).collect();
        let count = kept.concat().iter().filter(|k| **k).count();
        // 144 units at 0.4: 57.6, give or take five standard deviations of 5.9.
        assert!((28..=87).contains(&count), "{kind:?}: {count} of 144 held");
        assert!(!all_equal(&kept), "a mask for each step");

        let noise = Noise { hidden: Zoneout::new(DropRate::ONE), ..none() };
        let (ys, _) = layer(kind).forward(&noise, true, &sequence());
        assert!(ys.concat().iter().all(|y| *y == 0.0), "nothing is ever updated");
    }
}

/// At inference dropout is the identity, and zoneout a mean that no training step shows.
#[test]
fn inference_draws_nothing() {
    for kind in KINDS {
        let plain = layer(kind).forward(&none(), true, &sequence()).0;
        for (name, noise) in noises() {
            let (ys, _) = layer(kind).forward(&noise, false, &sequence());
            let zoneout = matches!(name, "zoneout of the hidden state" | "all")
                || name == "zoneout of the cell" && kind == Kind::Lstm;
            assert_eq!(ys == plain, !zoneout, "{kind:?} {name}");
            let (other, _) = {
                let mut other = noise.clone();
                other.draw(BATCH, 99);
                layer(kind).forward(&other, false, &sequence())
            };
            assert_eq!(ys, other, "{kind:?} {name}: no mask plays a part");
        }
    }
}

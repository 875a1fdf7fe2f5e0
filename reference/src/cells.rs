//! LSTM and GRU layers with every dropout that recurrent networks know, and their gradient through
//! time. Also `examples/recurrent_digits` is made of them.
#![allow(dead_code, unreachable_pub, reason = "each program uses a part")]

use std::iter::zip;
use std::ops::{Add, AddAssign, Div, Mul, Sub};

use dropout_kernels::Element;

use crate::noise::{Noise, Place};

/// What a cell computes with.
pub trait Real:
    Element
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + AddAssign
{
    const ONE: Self;
    fn tanh(self) -> Self;
    fn exp(self) -> Self;

    fn sigmoid(self) -> Self {
        Self::ONE / (Self::ONE + (Self::ZERO - self).exp())
    }
}

macro_rules! real {
    ($float:ident) => {
        impl Real for $float {
            const ONE: Self = 1.0;
            fn tanh(self) -> Self {
                $float::tanh(self)
            }
            fn exp(self) -> Self {
                $float::exp(self)
            }
        }
    };
}
real!(f32);
real!(f64);

/// y += a w, for rows of `a`; w is (inner, columns).
pub fn add_product<T: Real>(a: &[T], w: &[T], inner: usize, y: &mut [T]) {
    let columns = w.len() / inner;
    for (k, w) in w.chunks(columns).enumerate() {
        for (a, y) in zip(a.chunks(inner), y.chunks_mut(columns)) {
            add_scaled(y, a[k], w);
        }
    }
}

/// dw += a^T dy.
pub fn add_outer<T: Real>(a: &[T], dy: &[T], inner: usize, dw: &mut [T]) {
    let columns = dw.len() / inner;
    for (k, dw) in dw.chunks_mut(columns).enumerate() {
        for (a, dy) in zip(a.chunks(inner), dy.chunks(columns)) {
            add_scaled(dw, a[k], dy);
        }
    }
}

/// dy w^T
pub fn product_transposed<T: Real>(dy: &[T], w: &[T], inner: usize) -> Vec<T> {
    let columns = w.len() / inner;
    let transposed: Vec<T> = (0..w.len()).map(|i| w[i % inner * columns + i / inner]).collect();
    let mut da = vec![T::ZERO; dy.len() / columns * inner];
    add_product(dy, &transposed, columns, &mut da);
    da
}

fn add_scaled<T: Real>(y: &mut [T], by: T, x: &[T]) {
    for (y, x) in zip(y, x) {
        *y += by * *x;
    }
}

fn add<T: Real>(y: &mut [T], x: &[T]) {
    add_scaled(y, T::ONE, x);
}

/// Gates i, f, o and candidate g, or r, z and g (as in Cho et al. 2014, with r on U h).
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    Lstm,
    Gru,
}

impl Kind {
    pub const fn gates(self) -> usize {
        match self {
            Self::Lstm => 4,
            Self::Gru => 3,
        }
    }
}

/// Weights, or their gradient: (inputs, gates * hidden), (hidden, gates * hidden) and (gates *
/// hidden).
#[derive(Clone, Debug)]
pub struct Weights<T> {
    pub input: Vec<T>,
    pub recurrent: Vec<T>,
    pub bias: Vec<T>,
}

/// A layer over sequences.
#[derive(Clone, Debug)]
pub struct Layer<T> {
    pub kind: Kind,
    pub inputs: usize,
    pub hidden: usize,
    pub weights: Weights<T>,
}

/// What the gradient of a step needs.
#[derive(Debug)]
pub struct Step<T> {
    /// The input and the last hidden state, as the weights saw them.
    pub x: Vec<T>,
    pub h_in: Vec<T>,
    /// The states before.
    pub h_prev: Vec<T>,
    pub c_prev: Vec<T>,
    gates: Vec<T>,
    /// U h of the candidate, which r is multiplied with.
    u_h: Vec<T>,
    /// The candidate, dropped.
    pub candidate: Vec<T>,
    c_new: Vec<T>,
}

impl<T: Real> Layer<T> {
    /// Over a batch; `xs` has (batch, inputs) for each step. In training the masks are those that
    /// `noise` has drawn; else dropout is the identity and zoneout its expectation. Gives
    /// (batch, hidden) for each step.
    pub fn forward(
        &self,
        noise: &Noise,
        training: bool,
        xs: &[Vec<T>],
    ) -> (Vec<Vec<T>>, Vec<Step<T>>) {
        let states = xs[0].len() / self.inputs * self.hidden;
        let (mut h, mut c) = (vec![T::ZERO; states], vec![T::ZERO; states]);
        let (mut ys, mut steps) = (vec![], vec![]);
        for (t, x) in xs.iter().enumerate() {
            let (mut x, mut h_in) = (x.clone(), h.clone());
            if training {
                noise.drop(Place::Input, t, &mut x);
                noise.drop(Place::Recurrent, t, &mut h_in);
            }
            let mut step = self.gates(x, h_in, &h, &c);
            if training {
                noise.drop_candidate(t, &mut step.candidate);
            }
            let h_new = self.update(&mut step);
            let t = training.then_some(t);
            noise.zoneout(Place::Cell, t, &mut c, &step.c_new);
            noise.zoneout(Place::Hidden, t, &mut h, &h_new);
            let mut y = h.clone();
            if let Some(t) = t {
                noise.drop(Place::Output, t, &mut y);
            }
            ys.push(y);
            steps.push(step);
        }
        (ys, steps)
    }

    /// All gates after their nonlinearities.
    fn gates(&self, x: Vec<T>, h_in: Vec<T>, h: &[T], c: &[T]) -> Step<T> {
        let (width, n) = (self.kind.gates() * self.hidden, self.hidden);
        let mut gates = self.weights.bias.repeat(h.len() / n);
        let mut from_h = vec![T::ZERO; gates.len()];
        add_product(&x, &self.weights.input, self.inputs, &mut gates);
        add_product(&h_in, &self.weights.recurrent, n, &mut from_h);
        let (mut u_h, mut candidate) = (vec![], vec![]);
        for (gates, from_h) in zip(gates.chunks_mut(width), from_h.chunks(width)) {
            let squashed = width - n; // all but the candidate
            for i in 0..squashed {
                gates[i] = (gates[i] + from_h[i]).sigmoid();
            }
            for i in squashed..width {
                let r = if self.kind == Kind::Gru { gates[i - squashed] } else { T::ONE };
                gates[i] = (gates[i] + r * from_h[i]).tanh();
            }
            candidate.extend_from_slice(&gates[squashed..]);
            u_h.extend_from_slice(&from_h[squashed..]);
        }
        let (h_prev, c_prev, c_new) = (h.to_vec(), c.to_vec(), c.to_vec());
        Step { x, h_in, h_prev, c_prev, gates, u_h, candidate, c_new }
    }

    /// The new hidden state; the new cell goes into the step.
    fn update(&self, step: &mut Step<T>) -> Vec<T> {
        let (width, n) = (self.kind.gates() * self.hidden, self.hidden);
        (0..step.h_prev.len())
            .map(|s| {
                let gate = |k: usize| step.gates[s / n * width + k * n + s % n];
                let g = step.candidate[s];
                match self.kind {
                    Kind::Lstm => {
                        step.c_new[s] = gate(1) * step.c_prev[s] + gate(0) * g;
                        gate(2) * step.c_new[s].tanh()
                    }
                    Kind::Gru => (T::ONE - gate(1)) * step.h_prev[s] + gate(1) * g,
                }
            })
            .collect()
    }

    /// From the gradient of what each step put out to that of the weights and of each step's input.
    pub fn backward(
        &self,
        noise: &Noise,
        steps: &[Step<T>],
        dys: &[Vec<T>],
    ) -> (Weights<T>, Vec<Vec<T>>) {
        let zeros = |like: &[T]| vec![T::ZERO; like.len()];
        let Weights { input, recurrent, bias } = &self.weights;
        let mut dw =
            Weights { input: zeros(input), recurrent: zeros(recurrent), bias: zeros(bias) };
        let (mut dh, mut dc) = (zeros(&steps[0].h_prev), zeros(&steps[0].h_prev));
        let mut dxs = vec![];
        for (t, (step, dy)) in zip(steps, dys).enumerate().rev() {
            let mut dy = dy.clone();
            noise.drop_backward(Place::Output, t, &mut dy);
            add(&mut dh, &dy);
            // What goes on as dh and dc is that of the new states; the old ones have theirs beside
            // it.
            let mut dh_prev = noise.zoneout_backward(Place::Hidden, t, &mut dh);
            let mut dc_prev = noise.zoneout_backward(Place::Cell, t, &mut dc);
            let (dx_gates, dh_gates) =
                self.update_backward(noise, t, step, [&dh, &dc], [&mut dh_prev, &mut dc_prev]);

            add_outer(&step.x, &dx_gates, self.inputs, &mut dw.input);
            add_outer(&step.h_in, &dh_gates, self.hidden, &mut dw.recurrent);
            dx_gates.chunks(bias.len()).for_each(|d| add(&mut dw.bias, d));
            let mut dx = product_transposed(&dx_gates, input, self.inputs);
            noise.drop_backward(Place::Input, t, &mut dx);
            dxs.push(dx);
            let mut dh_in = product_transposed(&dh_gates, recurrent, self.hidden);
            noise.drop_backward(Place::Recurrent, t, &mut dh_in);
            add(&mut dh_prev, &dh_in);
            (dh, dc) = (dh_prev, dc_prev);
        }
        dxs.reverse();
        (dw, dxs)
    }

    /// The gradient of what W x and U h gave the gates; what reaches the old states past them is
    /// added.
    fn update_backward(
        &self,
        noise: &Noise,
        t: usize,
        step: &Step<T>,
        [dh, dc]: [&[T]; 2],
        [dh_prev, dc_prev]: [&mut [T]; 2],
    ) -> (Vec<T>, Vec<T>) {
        let (width, n) = (self.kind.gates() * self.hidden, self.hidden);
        let mut d = vec![T::ZERO; step.gates.len()];
        let mut dg = vec![T::ZERO; dh.len()];
        for s in 0..dh.len() {
            let at = |k: usize| s / n * width + k * n + s % n;
            let gate = |k| step.gates[at(k)];
            let slope = |k| gate(k) * (T::ONE - gate(k));
            match self.kind {
                Kind::Lstm => {
                    let tanh = step.c_new[s].tanh();
                    let dc = dc[s] + dh[s] * gate(2) * (T::ONE - tanh * tanh);
                    d[at(0)] = dc * step.candidate[s] * slope(0);
                    d[at(1)] = dc * step.c_prev[s] * slope(1);
                    d[at(2)] = dh[s] * tanh * slope(2);
                    dg[s] = dc * gate(0);
                    dc_prev[s] += dc * gate(1);
                }
                Kind::Gru => {
                    d[at(1)] = dh[s] * (step.candidate[s] - step.h_prev[s]) * slope(1);
                    dg[s] = dh[s] * gate(1);
                    dh_prev[s] += dh[s] * (T::ONE - gate(1));
                }
            }
        }
        noise.drop_candidate_backward(t, &mut dg);
        let last = self.kind.gates() - 1;
        for (s, dg) in dg.iter().enumerate() {
            let g = step.gates[s / n * width + last * n + s % n];
            d[s / n * width + last * n + s % n] = *dg * (T::ONE - g * g);
        }
        let mut dh_gates = d.clone();
        if self.kind == Kind::Gru {
            for s in 0..dh.len() {
                let at = |k: usize| s / n * width + k * n + s % n;
                let (r, dg) = (step.gates[at(0)], d[at(2)]);
                d[at(0)] = dg * step.u_h[s] * r * (T::ONE - r);
                dh_gates[at(0)] = d[at(0)];
                dh_gates[at(2)] = dg * r;
            }
        }
        (d, dh_gates)
    }
}

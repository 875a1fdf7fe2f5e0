//! Everything that is dropped or held in a recurrent layer, as the cells of `cells.rs` ask for it.
#![allow(dead_code, unreachable_pub, reason = "each program uses a part")]

use std::iter::zip;

use dropout_kernels::{
    DropRate, Dropout, Element, LockedDropout, MaskKey, MaskRng, VariationalDropout, Zoneout,
};

/// When a mask is drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Every {
    Sequence,
    Step,
}

/// What a mask is for; masks of a step have a stream for each.
#[derive(Clone, Copy, Debug)]
pub enum Place {
    Input,
    Recurrent,
    Output,
    Candidate,
    Cell,
    Hidden,
}

/// Enough for the batches of all who use this.
pub const WORDS: usize = 64;

/// Everything that is dropped or held; rates of 0 switch it off.
#[derive(Clone, Debug)]
pub struct Noise {
    /// On the input, on what the recurrent weights see, and on the output (Gal and Ghahramani
    /// 2016).
    pub connections: VariationalDropout<[u32; WORDS], [u32; WORDS], [u32; WORDS]>,
    /// By the locked masks, or by masks of each step.
    pub connections_every: Every,
    /// On the candidate update alone (Semeniuta et al. 2016).
    pub candidate: Dropout,
    pub candidate_every: Every,
    /// On the cell of an LSTM, and on the hidden state (Krueger et al. 2017).
    pub cell: Zoneout,
    pub hidden: Zoneout,
    pub seed: u64,
    /// The first of the batch.
    pub stream: u64,
}

impl Noise {
    pub fn none(inputs: usize, hidden: usize, seed: u64) -> Self {
        let zero = Dropout::new(DropRate::ZERO);
        let mut noise = Self {
            connections: VariationalDropout {
                input: LockedDropout::new(zero, inputs, [0; WORDS]),
                recurrent: LockedDropout::new(zero, hidden, [0; WORDS]),
                output: LockedDropout::new(zero, hidden, [0; WORDS]),
            },
            connections_every: Every::Sequence,
            candidate: zero,
            candidate_every: Every::Step,
            cell: Zoneout::new(DropRate::ZERO),
            hidden: Zoneout::new(DropRate::ZERO),
            seed,
            stream: 0,
        };
        noise.draw(0, 0);
        noise
    }

    /// The same with other rates of the input, the recurrent and the output connections.
    pub fn with_connections(mut self, every: Every, rates: [DropRate; 3]) -> Self {
        let VariationalDropout { input, recurrent, output } = &mut self.connections;
        for (place, rate) in zip([input, recurrent, output], rates) {
            *place = LockedDropout::new(Dropout::new(rate), place.units(), [0; WORDS]);
        }
        self.connections_every = every;
        self
    }

    /// Draws the masks of the `n`th batch.
    pub fn draw(&mut self, batch: usize, n: u64) {
        self.stream = n << 16;
        // The last stream of the batch, which no step has.
        let mut rng = MaskRng::new(self.seed, self.stream | 0xFFFF);
        self.connections.draw(batch, &mut rng).expect("WORDS hold every batch");
    }

    fn stream(&self, t: usize, place: Place) -> u64 {
        self.stream + 6 * t as u64 + place as u64
    }

    fn connection(&self, place: Place) -> &LockedDropout<[u32; WORDS]> {
        let VariationalDropout { input, recurrent, output } = &self.connections;
        match place {
            Place::Input => input,
            Place::Recurrent => recurrent,
            _ => output,
        }
    }

    pub fn drop<T: Element>(&self, place: Place, t: usize, x: &mut [T]) {
        let locked = self.connection(place);
        match self.connections_every {
            Every::Sequence => locked.forward_in_place(x).expect("masks were drawn for the batch"),
            Every::Step => {
                locked
                    .dropout()
                    .forward_in_place(x, MaskKey::new(self.seed, self.stream(t, place)))
                    .expect("any length");
            }
        }
    }

    pub fn drop_backward<T: Element>(&self, place: Place, t: usize, dx: &mut [T]) {
        let locked = self.connection(place);
        match self.connections_every {
            Every::Sequence => locked.backward_in_place(dx).expect("masks were drawn"),
            Every::Step => {
                locked
                    .dropout()
                    .backward_in_place(dx, MaskKey::new(self.seed, self.stream(t, place)))
                    .expect("any length");
            }
        }
    }

    pub fn drop_candidate<T: Element>(&self, t: usize, g: &mut [T]) {
        self.candidate
            .forward_in_place(g, MaskKey::new(self.seed, self.candidate_stream(t)))
            .expect("any length");
    }

    pub fn drop_candidate_backward<T: Element>(&self, t: usize, dg: &mut [T]) {
        self.candidate
            .backward_in_place(dg, MaskKey::new(self.seed, self.candidate_stream(t)))
            .expect("any length");
    }

    /// One (seed, stream) for the sequence, or one for each step.
    fn candidate_stream(&self, t: usize) -> u64 {
        let t = if self.candidate_every == Every::Step { t } else { 0 };
        self.stream(t, Place::Candidate)
    }

    /// Writes the next state over `prev`: at step `t` of training, or at inference.
    pub fn zoneout<T: Element>(&self, place: Place, t: Option<usize>, prev: &mut [T], new: &[T]) {
        let zoneout = if let Place::Cell = place { self.cell } else { self.hidden };
        match t {
            Some(t) => {
                zoneout.forward_into_prev(prev, new, MaskKey::new(self.seed, self.stream(t, place)))
            }
            None => zoneout.infer_into_prev(prev, new),
        }
        .expect("states of one length");
    }

    /// Splits `dh` into the gradient of the new state, which it becomes, and that of the old one.
    pub fn zoneout_backward<T: Element>(&self, place: Place, t: usize, dh: &mut [T]) -> Vec<T> {
        let zoneout = if let Place::Cell = place { self.cell } else { self.hidden };
        let mut prev = vec![T::ZERO; dh.len()];
        zoneout
            .backward_in_place(dh, &mut prev, MaskKey::new(self.seed, self.stream(t, place)))
            .expect("states of one length");
        prev
    }
}

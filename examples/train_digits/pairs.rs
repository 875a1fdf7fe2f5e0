//! Many networks on some threads.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use dropout_kernels::DropRate;

use crate::masks::LAYERS;
use crate::progress;
use crate::report::Pair;
use crate::training::{Outcome, Plan};

/// A step's layers lie on the stack.
const STACK: usize = 16 << 20;

/// Trains without and with dropout for each seed from 1 on, on as many threads as asked for.
///
/// `plan` is copied with each seed, without dropout and with its rates. `train` calls its second
/// argument after each epoch.
pub(crate) fn train_all(
    plan: Plan,
    seeds: usize,
    threads: Option<usize>,
    train: impl Fn(Plan, &dyn Fn()) -> Outcome + Sync,
) -> Vec<Pair> {
    let plans: Vec<_> = (1..=seeds as u64)
        .flat_map(|seed| {
            [[DropRate::ZERO; LAYERS], plan.rates].map(|rates| Plan { seed, rates, ..plan })
        })
        .collect();
    let progress = progress::epochs(plans.len() * plan.epochs);
    let threads = threads.unwrap_or_else(|| thread::available_parallelism().map_or(1, usize::from));
    let outcomes = map(&plans, threads, |plan| train(*plan, &|| progress.inc(1)));
    progress.finish_and_clear();

    let mut outcomes = outcomes.into_iter();
    let mut pairs = Vec::new();
    while let (Some(without), Some(with)) = (outcomes.next(), outcomes.next()) {
        pairs.push(Pair { without, with });
    }
    pairs
}

/// `work` of each plan, in their order. Each thread takes the next plan when it is free.
fn map(plans: &[Plan], threads: usize, work: impl Fn(&Plan) -> Outcome + Sync) -> Vec<Outcome> {
    let next = AtomicUsize::new(0);
    let take = || {
        let mut done = Vec::new();
        loop {
            let i = next.fetch_add(1, Ordering::Relaxed);
            let Some(plan) = plans.get(i) else { return done };
            done.push((i, work(plan)));
        }
    };
    let mut done: Vec<_> = thread::scope(|scope| {
        let spawn = |_| {
            let thread = thread::Builder::new().stack_size(STACK);
            thread.spawn_scoped(scope, take).expect("the system has threads")
        };
        let threads: Vec<_> = (0..threads.min(plans.len())).map(spawn).collect();
        let join = |thread: thread::ScopedJoinHandle<'_, _>| thread.join().expect("no plan panics");
        threads.into_iter().flat_map(join).collect()
    });
    done.sort_by_key(|(i, _)| *i);
    done.into_iter().map(|(_, outcome)| outcome).collect()
}

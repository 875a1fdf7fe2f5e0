//! The goals, and whether they hold on this machine.

use dropout_kernels::Backend;

use crate::measure::{Kind, Table};

const L1: usize = 1 << 12;
const L2: usize = 1 << 17;
const MEMORY: usize = 1 << 24;

/// A ratio of two medians and where it should lie.
struct Goal {
    what: String,
    ratio: Option<f64>,
    limit: Limit,
}

#[derive(Clone, Copy)]
enum Limit {
    AtMost(f64),
    AtLeast(f64),
    /// Measured for whoever asks.
    None,
}

impl Goal {
    fn print(&self) {
        let limit = match self.limit {
            Limit::AtMost(limit) => format!("<= {limit}"),
            Limit::AtLeast(limit) => format!(">= {limit}"),
            Limit::None => String::new(),
        };
        let (ratio, holds) = match (self.ratio, self.limit) {
            (None, _) => ("-".into(), "not measured"),
            (Some(r), Limit::AtMost(limit)) => (format!("{r:.2}"), verdict(r <= limit)),
            (Some(r), Limit::AtLeast(limit)) => (format!("{r:.2}"), verdict(r >= limit)),
            (Some(r), Limit::None) => (format!("{r:.2}"), ""),
        };
        println!("| {:<58} | {ratio:>6} | {limit:>7} | {holds:<12} |", self.what);
    }
}

fn verdict(holds: bool) -> &'static str {
    if holds { "holds" } else { "MISSED" }
}

/// Prints the table, in Markdown.
pub fn print(table: &Table) {
    let best = Backend::detect();
    println!(
        "\nBackend {}, f32, one thread. Times as large as `scale`, unless said:\n",
        best.name()
    );
    println!("| {:<58} | {:>6} | {:>7} | {:<12} |", "", "ratio", "goal", "");
    println!("|{:-<60}|{:->7}:|{:->8}:|{:-<14}|", "", "", "", "");
    for goal in goals(table, best) {
        goal.print();
    }
}

fn goals(table: &Table, best: Backend) -> Vec<Goal> {
    let get = |kind, backend, p, n| table.get(kind, backend, p, n);
    let over = |a: Option<f64>, b: Option<f64>| Some(a? / b?);
    let scaled = |kind, backend, p, n| {
        over(get(kind, Some(backend), Some(p), n), get(Kind::Scale, None, None, n))
    };
    let mut goals = vec![];
    let mut add = |what: String, ratio, limit| goals.push(Goal { what, ratio, limit });

    for (place, n) in [("L1", L1), ("L2", L2), ("memory", MEMORY)] {
        let ratio = scaled(Kind::Forward, best, 0.5, n);
        add(format!("forward in place with mask, p = 0.5, {place}"), ratio, Limit::AtMost(1.05));
    }
    for (place, n, limit) in [("L1", L1, 1.5), ("L2", L2, 1.35), ("memory", MEMORY, 1.05)] {
        let ratio = scaled(Kind::Forward, best, 0.1, n);
        add(format!("forward in place with mask, p = 0.1, {place}"), ratio, Limit::AtMost(limit));
    }
    let memcpy = get(Kind::Memcpy, None, None, MEMORY);
    let ratio = over(get(Kind::Forward, Some(best), Some(0.1), MEMORY), memcpy);
    add("the same over memcpy".into(), ratio, Limit::AtMost(1.0));
    for (place, n) in [("L1", L1), ("L2", L2), ("memory", MEMORY)] {
        let ratio = scaled(Kind::Backward, best, 0.1, n);
        add(format!("backward by a stored mask, p = 0.1, {place}"), ratio, Limit::AtMost(1.05));
    }
    for (place, n) in [("L1", L1), ("L2", L2)] {
        let replay = get(Kind::BackwardReplay, Some(best), Some(0.1), n);
        let ratio = over(replay, get(Kind::Forward, Some(best), Some(0.1), n));
        add(format!("backward replayed over forward, p = 0.1, {place}"), ratio, Limit::AtMost(1.0));
    }
    // Names and not variants: another processor's build does not have them.
    for backend in Backend::available().filter(|b| *b != best) {
        let limit =
            |limit| if backend.name() == "avx2" { Limit::AtMost(limit) } else { Limit::None };
        for (kind, what, p, most) in [
            (Kind::Forward, "forward", 0.1, 3.0),
            (Kind::Forward, "forward", 0.5, 1.5),
            (Kind::Backward, "backward", 0.1, 1.5),
        ] {
            let ratio = scaled(kind, backend, p, L2);
            add(format!("{} forced, {what}, p = {p}, L2", backend.name()), ratio, limit(most));
        }
    }
    for (place, n) in [("L1", L1), ("L2", L2)] {
        let naive = get(Kind::Naive, None, Some(0.1), n);
        let ratio = over(naive, get(Kind::Forward, Some(best), Some(0.1), n));
        let what = format!("a loop over rand's floats over ours, p = 0.1, {place}");
        add(what, ratio, Limit::AtLeast(20.0));
    }
    for p in [0.1, 0.5] {
        let short = get(Kind::Forward, Some(best), Some(p), 64);
        let ratio = over(short, get(Kind::Forward, Some(best), Some(p), L1));
        let what = format!("an element of 64 over one of 4096, forward, p = {p}");
        add(what, ratio, Limit::AtMost(3.0));
    }
    goals
}

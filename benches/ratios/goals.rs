//! The goals, and whether they hold on this machine.

use std::fs;

use dropout_kernels::Backend;

use crate::measure::{L1, L2, MEMORY, SIZES, Slices, Table, aligned, misaligned};

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
        println!("| {:<62} | {ratio:>6} | {limit:>7} | {holds:<12} |", self.what);
    }
}

fn verdict(holds: bool) -> &'static str {
    if holds { "holds" } else { "MISSED" }
}

/// Processors that goals were set for.
#[derive(Clone, Copy, PartialEq)]
enum Processor {
    Zen4,
    SapphireRapids,
    /// The looser goal of the two holds.
    Other,
}

impl Processor {
    /// Its name, as Linux knows it, and whose goals are its own.
    fn detect() -> (String, Self) {
        let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let of = |key: &str| {
            let line = info.lines().find(|line| line.split(':').next().map(str::trim) == Some(key));
            line.and_then(|line| line.split(':').nth(1)).unwrap_or("unknown").trim()
        };
        let this = match (of("vendor_id"), of("cpu family"), of("model").parse()) {
            // Emerald Rapids has Sapphire Rapids' cores.
            ("GenuineIntel", "6", Ok(143 | 207)) => Self::SapphireRapids,
            ("AuthenticAMD", "25", Ok(16..=31 | 96..=127 | 160..=175)) => Self::Zen4,
            _ => Self::Other,
        };
        (of("model name").into(), this)
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Zen4 => "Zen 4",
            Self::SapphireRapids => "Sapphire Rapids",
            Self::Other => "Zen 4 and Sapphire Rapids, the looser of both",
        }
    }

    const fn at_most(self, zen4: f64, sapphire_rapids: f64) -> Limit {
        Limit::AtMost(match self {
            Self::Zen4 => zen4,
            Self::SapphireRapids => sapphire_rapids,
            Self::Other => zen4.max(sapphire_rapids),
        })
    }
}

/// Prints the table, in Markdown.
pub fn print(table: &Table) {
    let best = Backend::detect();
    let (name, processor) = Processor::detect();
    println!("\n{name}; goals are those for {}.", processor.name());
    println!("Backend {}, f32, one thread, in place. Over the floor,", best.name());
    println!("which multiplies the same slice by a constant in place, unless said:\n");
    println!("| {:<62} | {:>6} | {:>7} | {:<12} |", "", "ratio", "goal", "");
    println!("|{:-<64}|{:->7}:|{:->8}:|{:-<14}|", "", "", "", "");
    let sections = [floors, other_backends, theirs, calls, more];
    sections
        .iter()
        .flat_map(|section| section(table, best, processor))
        .for_each(|goal| goal.print());
}

fn goal(what: String, ratio: Option<f64>, limit: Limit) -> Goal {
    Goal { what, ratio, limit }
}

fn over(a: Option<f64>, b: Option<f64>) -> Option<f64> {
    Some(a? / b?)
}

/// A kernel over the floor of the same slices.
fn scaled(t: &Table, kernel: &str, backend: Backend, p: f32, slices: Slices) -> Option<f64> {
    over(t.ours(kernel, backend, p, slices), t.get("scale_in_place", None, None, slices))
}

/// The best backend against the floors.
fn floors(table: &Table, best: Backend, processor: Processor) -> Vec<Goal> {
    let forward = |p, n| scaled(table, "forward_in_place", best, p, aligned(n));
    let mut goals = vec![];
    for (place, n, limit) in [("L1", L1, 1.1), ("L2", L2, 1.05), ("memory", MEMORY, 1.05)] {
        let what = format!("forward with mask, p = 0.5, {place}");
        goals.push(goal(what, forward(0.5, n), Limit::AtMost(limit)));
    }
    // What a call costs, however short the slice, is below.
    let ratios = SIZES.iter().filter(|n| **n >= L1).filter_map(|n| Some((*n, forward(0.5, *n)?)));
    let (n, worst) = ratios.max_by(|a, b| a.1.total_cmp(&b.1)).expect("the best is measured");
    let what = format!("forward with mask, p = 0.5, the worst from 4 Ki on: {} Ki", n >> 10);
    goals.push(goal(what, Some(worst), Limit::AtMost(1.1)));
    let limits = [
        ("L1", L1, processor.at_most(1.6, 2.0)),
        ("L2", L2, processor.at_most(1.4, 1.05)),
        ("memory", MEMORY, processor.at_most(1.0, 1.05)),
    ];
    for (place, n, limit) in limits {
        let what = format!("forward with mask, p = 0.1, {place}");
        goals.push(goal(what, forward(0.1, n), limit));
    }
    let memory = aligned(MEMORY);
    let memcpy = table.get("memcpy", None, None, memory);
    let ratio = over(table.ours("forward_in_place", best, 0.1, memory), memcpy);
    goals.push(goal("the same over memcpy".into(), ratio, Limit::AtMost(1.0)));
    let limits = [
        ("L1", L1, processor.at_most(1.02, 0.95)),
        ("L2", L2, processor.at_most(1.1, 0.95)),
        ("memory", MEMORY, processor.at_most(0.9, 0.95)),
    ];
    for (place, n, limit) in limits {
        let ratio = scaled(table, "backward_in_place", best, 0.1, aligned(n));
        let what = format!("backward by a stored mask, p = 0.1, {place}");
        goals.push(goal(what, ratio, limit));
    }
    for (place, n) in [("L1", L1), ("L2", L2)] {
        let [replay, forward] = ["backward_in_place_by_key", "forward_in_place"]
            .map(|kernel| table.ours(kernel, best, 0.1, aligned(n)));
        let what = format!("backward replayed over forward with mask, p = 0.1, {place}");
        goals.push(goal(what, over(replay, forward), Limit::AtMost(1.0)));
    }
    goals
}

/// What machines do that have less than this one.
fn other_backends(table: &Table, best: Backend, processor: Processor) -> Vec<Goal> {
    let mut goals = vec![];
    for backend in Backend::available().filter(|b| *b != best) {
        // Names and not variants: another processor's build does not have them.
        let (name, limits) = match backend.name() {
            "portable" if cfg!(target_arch = "x86_64") => {
                ("portable code, SSE2", [Some(6.0), None, Some(2.5)])
            }
            "avx2" => ("avx2", [Some(2.6), Some(1.4), Some(1.1)]),
            name => (name, [None; 3]),
        };
        for ((kernel, what, p), most) in [
            ("forward_in_place", "forward", 0.1),
            ("forward_in_place", "forward", 0.5),
            ("backward_in_place", "backward", 0.1),
        ]
        .into_iter()
        .zip(limits)
        {
            let ratio = scaled(table, kernel, backend, p, aligned(L2));
            // On Sapphire Rapids the figures are stated.
            let most = most.filter(|_| processor != Processor::SapphireRapids);
            let limit = most.map_or(Limit::None, Limit::AtMost);
            goals.push(goal(format!("{name} forced, {what}, p = {p}, L2"), ratio, limit));
        }
    }
    goals
}

/// What users write themselves, over ours.
fn theirs(table: &Table, best: Backend, processor: Processor) -> Vec<Goal> {
    let blocks = if processor == Processor::Zen4 { 2.4 } else { 1.8 };
    let rows = [
        ("naive", "a loop over rand's floats over ours", 20.0),
        ("blocks", "a careful user's 4 KiB blocks (no mask) over ours", blocks),
    ];
    let mut goals = vec![];
    for (name, what, least) in rows {
        for (place, n) in [("L1", L1), ("L2", L2)] {
            let theirs = table.get(name, None, Some(0.1), aligned(n));
            let ratio = over(theirs, table.ours("forward_in_place", best, 0.1, aligned(n)));
            goals.push(goal(format!("{what}, p = 0.1, {place}"), ratio, Limit::AtLeast(least)));
        }
    }
    goals
}

/// What a call costs that has little to do, and what is measured elsewhere.
fn calls(table: &Table, best: Backend, processor: Processor) -> Vec<Goal> {
    let mut goals = vec![];
    for (p, most) in [(0.1, 15.0), (0.5, 9.0)] {
        let element = table.ours("forward_in_place", best, p, aligned(64));
        let what = format!("nanoseconds of a call, forward of 64 elements, p = {p}");
        // On the developers' machine; libxsmm takes 15.8.
        let limit = if processor == Processor::Zen4 { Limit::AtMost(most) } else { Limit::None };
        goals.push(goal(what, element.map(|element| 64.0 * element), limit));
    }
    let what = "Cortex-M4, forward, p = 0.1: under an emulator, not here";
    goals.push(goal(what.into(), None, Limit::AtMost(2.0)));
    goals
}

/// Without goals.
fn more(table: &Table, best: Backend, _: Processor) -> Vec<Goal> {
    let mut goals = vec![];
    for (kernel, what, p) in [
        ("forward_in_place", "forward with mask", 0.1),
        ("forward_in_place", "forward with mask", 0.5),
        ("backward_in_place", "backward", 0.1),
    ] {
        for (place, n) in [("L1", L1), ("L2", L2)] {
            let ratio = scaled(table, kernel, best, p, misaligned(n));
            goals.push(goal(format!("misaligned, {what}, p = {p}, {place}"), ratio, Limit::None));
        }
    }
    for (place, n) in [("L1", L1), ("L2", L2), ("memory", MEMORY)] {
        let scale = table.get("scale", None, None, aligned(n));
        let ratio = over(table.ours("forward", best, 0.1, aligned(n)), scale);
        let what = format!("out of place, over the same floor, p = 0.1, {place}");
        goals.push(goal(what, ratio, Limit::None));
    }
    goals
}

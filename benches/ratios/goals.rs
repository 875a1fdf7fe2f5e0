//! The goals, and whether they hold on this machine.

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

/// Prints the table, in Markdown.
pub fn print(table: &Table) {
    let best = Backend::detect();
    println!("\nBackend {}, f32, one thread, in place. Over the floor,", best.name());
    println!("which multiplies the same slice by a constant in place, unless said:\n");
    println!("| {:<62} | {:>6} | {:>7} | {:<12} |", "", "ratio", "goal", "");
    println!("|{:-<64}|{:->7}:|{:->8}:|{:-<14}|", "", "", "", "");
    let sections = [floors, other_backends, theirs, calls, more];
    sections.iter().flat_map(|section| section(table, best)).for_each(|goal| goal.print());
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
fn floors(table: &Table, best: Backend) -> Vec<Goal> {
    let forward = |p, n| scaled(table, "forward_in_place", best, p, aligned(n));
    let mut goals = vec![];
    for (place, n) in [("L1", L1), ("L2", L2), ("memory", MEMORY)] {
        let what = format!("forward with mask, p = 0.5, {place}");
        goals.push(goal(what, forward(0.5, n), Limit::AtMost(1.05)));
    }
    // What a call costs, however short the slice, is below.
    let ratios = SIZES.iter().filter(|n| **n >= L1).filter_map(|n| Some((*n, forward(0.5, *n)?)));
    let (n, worst) = ratios.max_by(|a, b| a.1.total_cmp(&b.1)).expect("the best is measured");
    let what = format!("forward with mask, p = 0.5, the worst from 4 Ki on: {} Ki", n >> 10);
    goals.push(goal(what, Some(worst), Limit::AtMost(1.05)));
    for (place, n, limit) in [("L1", L1, 1.5), ("L2", L2, 1.35), ("memory", MEMORY, 1.05)] {
        let what = format!("forward with mask, p = 0.1, {place}");
        goals.push(goal(what, forward(0.1, n), Limit::AtMost(limit)));
    }
    let memory = aligned(MEMORY);
    let memcpy = table.get("memcpy", None, None, memory);
    let ratio = over(table.ours("forward_in_place", best, 0.1, memory), memcpy);
    goals.push(goal("the same over memcpy".into(), ratio, Limit::AtMost(1.0)));
    for (place, n) in [("L1", L1), ("L2", L2), ("memory", MEMORY)] {
        let ratio = scaled(table, "backward_in_place", best, 0.1, aligned(n));
        let what = format!("backward by a stored mask, p = 0.1, {place}");
        goals.push(goal(what, ratio, Limit::AtMost(1.05)));
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
fn other_backends(table: &Table, best: Backend) -> Vec<Goal> {
    let mut goals = vec![];
    for backend in Backend::available().filter(|b| *b != best) {
        // Names and not variants: another processor's build does not have them.
        let (name, has_goal) = match backend.name() {
            "portable" if cfg!(target_arch = "x86_64") => ("portable code, SSE2", false),
            name => (name, name == "avx2"),
        };
        for (kernel, what, p, most) in [
            ("forward_in_place", "forward", 0.1, 3.0),
            ("forward_in_place", "forward", 0.5, 1.5),
            ("backward_in_place", "backward", 0.1, 1.5),
        ] {
            let ratio = scaled(table, kernel, backend, p, aligned(L2));
            let limit = if has_goal { Limit::AtMost(most) } else { Limit::None };
            goals.push(goal(format!("{name} forced, {what}, p = {p}, L2"), ratio, limit));
        }
    }
    goals
}

/// What users write themselves, over ours.
fn theirs(table: &Table, best: Backend) -> Vec<Goal> {
    let rows = [
        ("naive", "a loop over rand's floats over ours", 20.0),
        ("blocks", "a careful user's 4 KiB blocks (no mask) over ours", 1.8),
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
fn calls(table: &Table, best: Backend) -> Vec<Goal> {
    let mut goals = vec![];
    for p in [0.1, 0.5] {
        let [short, long] = [64, 4096].map(|n| table.ours("forward_in_place", best, p, aligned(n)));
        let what = format!("an element of 64 over one of 4096, forward, p = {p}");
        goals.push(goal(what, over(short, long), Limit::AtMost(3.0)));
    }
    let what = "Cortex-M4, forward, p = 0.1: under an emulator, not here";
    goals.push(goal(what.into(), None, Limit::AtMost(2.0)));
    goals
}

/// Without goals.
fn more(table: &Table, best: Backend) -> Vec<Goal> {
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

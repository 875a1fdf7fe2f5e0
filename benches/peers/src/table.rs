//! The figures as text and as CSV.

use std::fmt::Write;

use crate::contender::Contender;
use crate::measure::{Cell, Figure};
use crate::ours::OURS;

const HEADER: &str = "contender,p,elements,ns_per_element,ratio_to_ours,rounds,fastest\n";

/// One table of the cells of one rate.
pub(crate) fn text(contenders: &[Contender], cells: &[&Cell]) -> String {
    let p = cells.first().map_or(0.0, |cell| cell.p);
    let half = 9 * cells.len();
    let mut out =
        format!("{:28}{:>half$}{:>half$}\n", format!("p = {p}"), "ns an element", "x ours");
    let sizes = row(cells, |cell| size(cell.n));
    let _ = writeln!(out, "{:28}{sizes}{sizes}", "elements");
    let base = base(contenders);
    for (i, contender) in contenders.iter().enumerate() {
        let _ = write!(out, "{:28}", contender.name);
        for cell in cells {
            let _ = write!(out, "{:>9.3}", cell.figures[i].median);
        }
        for cell in cells {
            let _ = write!(out, "{:>9.2}", cell.figures[i].median / cell.figures[base].median);
        }
        out.push('\n');
    }
    let _ = writeln!(out, "{:28}{}", "rounds", row(cells, |cell| cell.rounds.to_string()));
    let _ = writeln!(out, "{:28}{}", "disturbed", row(cells, |cell| disturbed(cell).to_string()));
    out
}

/// How many contenders' medians are a quarter above their fastest round. On a quiet machine few.
fn disturbed(cell: &Cell) -> usize {
    cell.figures.iter().filter(|figure| figure.median > 1.25 * figure.fastest).count()
}

/// One line a contender, size and rate: what `python_peers.py` writes too.
pub(crate) fn csv(contenders: &[Contender], cells: &[Cell]) -> String {
    let mut out = String::from(HEADER);
    let base = base(contenders);
    for cell in cells {
        for (contender, figure) in contenders.iter().zip(&cell.figures) {
            let (Cell { n, p, rounds, .. }, Figure { median, fastest }) = (cell, figure);
            let ratio = median / cell.figures[base].median;
            let name = contender.name;
            let _ =
                writeln!(out, "\"{name}\",{p},{n},{median:.5},{ratio:.5},{rounds},{fastest:.5}");
        }
    }
    out
}

fn row(cells: &[&Cell], value: impl Fn(&Cell) -> String) -> String {
    cells.iter().map(|cell| format!("{:>9}", value(cell))).collect()
}

fn base(contenders: &[Contender]) -> usize {
    contenders.iter().position(|c| c.name == OURS).expect("ours is a contender")
}

fn size(n: usize) -> String {
    if n < 1 << 20 { format!("{} Ki", n >> 10) } else { format!("{} Mi", n >> 20) }
}

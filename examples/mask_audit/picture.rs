//! The p-values, as an SVG.

use std::error::Error;
use std::path::Path;

use plotters::prelude::*;

use crate::battery::{Outcome, Plan};
use crate::report::p_values;
use crate::shared::{BLUE, GRID, VERMILION};

const SIZE: (u32, u32) = (840, 500);
const EXPECTED: RGBColor = RGBColor(120, 120, 120);

/// Draws each p-value over what is expected at its rank, both as -log10, so that the smallest are
/// seen.
pub(crate) fn draw(
    path: &Path,
    plan: &Plan,
    outcomes: &[Outcome],
    alpha: f64,
) -> Result<(), Box<dyn Error>> {
    let mut p = p_values(outcomes);
    p.sort_by(f64::total_cmp);
    let tests = p.len() as f64;
    let limit = (tests / alpha).log10();
    let right = (tests + 1.0).log10();
    let points = p.iter().zip(1u32..).map(|(p, rank)| {
        let expected = (f64::from(rank) - 0.5) / tests;
        (-expected.log10(), -p.max(1e-300).log10())
    });
    let points: Vec<_> = points.collect();
    let top = points.first().map_or(limit, |(_, y)| y.max(limit)) * 1.08;

    let root = SVGBackend::new(path, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let caption = format!("{tests} tests of masks at p = {}", plan.rate.p() as f32);
    let mut chart = ChartBuilder::on(&root)
        .caption(caption, ("sans-serif", 19))
        .margin(14)
        .margin_right(24)
        .x_label_area_size(48)
        .y_label_area_size(58)
        .build_cartesian_2d(0.0..right, 0.0..top)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .x_labels(10)
        .y_labels(10)
        .x_desc("expected of perfect masks: -log10 of the p-value")
        .y_desc("found")
        .x_label_formatter(&|x| format!("{x:.1}"))
        .y_label_formatter(&|y| format!("{y:.0}"))
        .label_style(("sans-serif", 15))
        .axis_desc_style(("sans-serif", 16))
        .draw()?;
    let lines = [
        ("as expected".to_string(), vec![(0.0, 0.0), (right, right)], EXPECTED.mix(1.0), 2),
        (
            format!("refused: alpha {alpha} / {tests}"),
            vec![(0.0, limit), (right, limit)],
            VERMILION.mix(1.0),
            2,
        ),
    ];
    for (name, line, colour, width) in lines {
        chart
            .draw_series(LineSeries::new(line, colour.stroke_width(width)))?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 24, y)], colour.stroke_width(3)));
    }
    // Thinned where thousands of circles would lie on each other.
    let mut drawn = f64::INFINITY;
    let apart = points.into_iter().filter(|(x, _)| {
        let far = drawn - x > 0.02;
        if far {
            drawn = *x;
        }
        far
    });
    chart
        .draw_series(apart.map(|point| Circle::new(point, 3, BLUE.filled())))?
        .label("p-values")
        .legend(|(x, y)| Circle::new((x + 12, y), 3, BLUE.filled()));
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::LowerRight)
        .label_font(("sans-serif", 16))
        .legend_area_size(34)
        .margin(14)
        .background_style(WHITE)
        .border_style(GRID)
        .draw()?;
    root.present()?;
    Ok(())
}

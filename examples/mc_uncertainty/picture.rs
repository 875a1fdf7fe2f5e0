//! Entropy over the strength of each corruption, as an SVG.

use std::error::Error;
use std::path::Path;

use plotters::prelude::*;

use crate::Row;
use crate::corruption::CORRUPTIONS;
use crate::prediction::Prediction;
use crate::shared::{BLUE, GREEN, GRID, VERMILION};

const SIZE: (u32, u32) = (1080, 430);
/// Name, colour and what is drawn.
type Curve = (&'static str, RGBColor, fn(&Prediction) -> f64);
const CURVES: [Curve; 3] = [
    ("predictive entropy", BLUE, |p| p.entropy),
    ("entropy of one pass without dropout", VERMILION, |p| p.entropy_without),
    ("mutual information", GREEN, |p| p.information),
];

/// A panel for each corruption, all with the same scale, and a band for the 95 % interval of each
/// mean.
pub(crate) fn draw(path: &Path, series: &[&[Row]]) -> Result<(), Box<dyn Error>> {
    let highest = series.iter().flat_map(|rows| *rows).map(|row| row.mean(|p| p.entropy).mean);
    let top = (highest.fold(0.0, f64::max) * 5.5).ceil() / 5.0;

    let root = SVGBackend::new(path, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let root = root.titled(
        "How unsure the network is of digits that are harder to read (mean, 95 % interval)",
        ("sans-serif", 19),
    )?;
    for (i, (panel, (corruption, rows))) in
        root.split_evenly((1, 3)).iter().zip(CORRUPTIONS.iter().zip(series)).enumerate()
    {
        let last = rows.last().map_or(1.0, |row| row.strength);
        let mut chart = ChartBuilder::on(panel)
            .caption(corruption.name, ("sans-serif", 17))
            .margin(10)
            .margin_right(16)
            .x_label_area_size(46)
            .y_label_area_size(54)
            .build_cartesian_2d(0.0..last, 0.0..top)?;
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(GRID)
            .x_labels(6)
            .y_labels(8)
            .x_desc(corruption.axis)
            .y_desc(if i == 0 { "nats" } else { "" })
            .x_label_formatter(&|x| format!("{}", (x * 100.0).round() / 100.0))
            .y_label_formatter(&|y| format!("{y:.1}"))
            .label_style(("sans-serif", 14))
            .axis_desc_style(("sans-serif", 15))
            .draw()?;
        for (name, colour, value) in CURVES {
            let points: Vec<_> = rows.iter().map(|row| (row.strength, row.mean(value))).collect();
            let edge = |side: f64| {
                let half = move |(x, e): &(f64, crate::statistics::Estimate)| {
                    (*x, (e.mean + side * e.half_interval().unwrap_or(0.0)).clamp(0.0, top))
                };
                points.iter().map(half).collect::<Vec<_>>()
            };
            let mut band = edge(1.0);
            band.extend(edge(-1.0).into_iter().rev());
            chart.draw_series([Polygon::new(band, colour.mix(0.2))])?;
            chart
                .draw_series(edge(0.0).into_iter().map(|at| Circle::new(at, 3, colour.filled())))?;
            chart
                .draw_series(LineSeries::new(edge(0.0), colour.stroke_width(2)))?
                .label(name)
                .legend(move |(x, y)| {
                    PathElement::new([(x, y), (x + 20, y)], colour.stroke_width(3))
                });
        }
        if i == 0 {
            chart
                .configure_series_labels()
                .position(SeriesLabelPosition::UpperLeft)
                .label_font(("sans-serif", 14))
                .legend_area_size(28)
                .margin(8)
                .background_style(WHITE)
                .border_style(GRID)
                .draw()?;
        }
    }
    root.present()?;
    Ok(())
}

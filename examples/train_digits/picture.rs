//! The learning curves, as an SVG.

use std::error::Error;
use std::path::Path;

use plotters::prelude::*;

use crate::report::Pair;
use crate::shared::{BLUE, GRID, VERMILION};
use crate::statistics::Estimate;
use crate::training::Outcome;

const SIZE: (u32, u32) = (840, 500);
/// The top of the picture in percent, unless the curves end higher.
const TOP: f64 = 10.0;

/// Draws the mean test error over the epochs, with a band of a standard error to either side.
pub(crate) fn draw(path: &Path, pairs: &[Pair]) -> Result<(), Box<dyn Error>> {
    let without = curve(pairs, |pair| &pair.without);
    let with = curve(pairs, |pair| &pair.with);
    let epochs = without.len() - 1;
    let last = without[epochs].mean.max(with[epochs].mean);
    let top = if last < 0.8 * TOP { TOP } else { 100.0 };

    let root = SVGBackend::new(path, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&root)
        .caption(title(pairs.len()), ("sans-serif", 19))
        .margin(14)
        .margin_right(24)
        .x_label_area_size(48)
        .y_label_area_size(58)
        .build_cartesian_2d(0.0..epochs as f64, 0.0..top)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .x_labels(16.min(epochs + 1))
        .y_labels(11)
        .x_desc("Training time (epochs)")
        .y_desc("Test error (%)")
        .x_label_formatter(&|epoch| format!("{epoch}"))
        .y_label_formatter(&|error| format!("{error}"))
        .label_style(("sans-serif", 15))
        .axis_desc_style(("sans-serif", 16))
        .draw()?;
    for (name, curve, colour) in
        [("without dropout", without, VERMILION), ("with dropout", with, BLUE)]
    {
        let mean = edge(&curve, 0.0, top);
        let mut band = edge(&curve, 1.0, top);
        band.extend(edge(&curve, -1.0, top).into_iter().rev());
        chart.draw_series([Polygon::new(band, colour.mix(0.2))])?;
        chart
            .draw_series(LineSeries::new(mean, colour.stroke_width(2)))?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 24, y)], colour.stroke_width(3)));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperRight)
        .label_font(("sans-serif", 16))
        .legend_area_size(34)
        .margin(14)
        .background_style(WHITE)
        .border_style(GRID)
        .draw()?;
    root.present()?;
    Ok(())
}

fn title(seeds: usize) -> String {
    match seeds {
        1 => "Reading handwritten digits: one seed".into(),
        _ => format!("Reading handwritten digits: mean of {seeds} seeds \u{b1} standard error"),
    }
}

/// The test error of each epoch over all seeds.
fn curve(pairs: &[Pair], arm: impl Fn(&Pair) -> &Outcome) -> Vec<Estimate> {
    let epochs = pairs.first().map_or(0, |pair| arm(pair).errors.len());
    (0..epochs)
        .map(|epoch| pairs.iter().map(|pair| arm(pair).errors[epoch]).collect::<Vec<_>>())
        .map(|errors| Estimate::of(&errors))
        .collect()
}

/// The curve of the means plus so many standard errors, from where it comes down into the picture:
/// errors begin near 90 %.
fn edge(curve: &[Estimate], errors: f64, top: f64) -> Vec<(f64, f64)> {
    let value = |point: &Estimate| point.mean + errors * point.standard_error.unwrap_or(0.0);
    let values: Vec<_> = curve.iter().map(value).collect();
    let enters = values.iter().position(|&y| y <= top).unwrap_or(values.len());
    let crossing = values[..enters].last().zip(values.get(enters)).map(|(above, below)| {
        let back = (top - below) / (above - below);
        (enters as f64 - back, top)
    });
    let inside = values.iter().enumerate().skip(enters);
    let inside = inside.map(|(epoch, y)| (epoch as f64, y.clamp(0.0, top)));
    crossing.into_iter().chain(inside).collect()
}

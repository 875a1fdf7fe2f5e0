//! The learning curves, as an SVG.

use std::error::Error;
use std::path::Path;

use plotters::prelude::*;

use crate::report::Pair;
use crate::shared::{BLUE, GRID, VERMILION};
use crate::statistics::Estimate;
use crate::training::Outcome;

const SIZE: (u32, u32) = (840, 500);
/// What the top of the picture may be, in percent: the test errors end in its lower part.
const TOPS: [f64; 5] = [2.0, 5.0, 10.0, 20.0, 50.0];

/// A colour for each network: without dropout, and with it.
const COLOURS: [RGBColor; 2] = [VERMILION, BLUE];

/// Draws the mean error over the epochs: of the digits tested on, with a band of a standard error
/// to either side, and, dashed, of those trained on.
pub(crate) fn draw(path: &Path, subject: &str, pairs: &[Pair]) -> Result<(), Box<dyn Error>> {
    let arms: [fn(&Pair) -> &Outcome; 2] = [|pair| &pair.without, |pair| &pair.with];
    let test = arms.map(|arm| curve(pairs, |pair| &arm(pair).errors));
    let train = arms.map(|arm| curve(pairs, |pair| &arm(pair).train_errors));
    let epochs = test[0].len() - 1;
    let last = test[0][epochs].mean.max(test[1][epochs].mean);
    let top = TOPS.into_iter().find(|top| last < 0.4 * top).unwrap_or(100.0);

    let root = SVGBackend::new(path, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&root)
        .caption(title(subject, pairs.len()), ("sans-serif", 19))
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
        .y_desc("Error (%)")
        .x_label_formatter(&|epoch| format!("{epoch}"))
        .y_label_formatter(&|error| format!("{error}"))
        .label_style(("sans-serif", 15))
        .axis_desc_style(("sans-serif", 16))
        .draw()?;
    let names = ["tested on, without dropout", "tested on, with dropout"];
    for ((name, curve), colour) in names.into_iter().zip(&test).zip(COLOURS) {
        let mut band = edge(curve, 1.0, top);
        band.extend(edge(curve, -1.0, top).into_iter().rev());
        chart.draw_series([Polygon::new(band, colour.mix(0.2))])?;
        chart
            .draw_series(LineSeries::new(edge(curve, 0.0, top), colour.stroke_width(2)))?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 24, y)], colour.stroke_width(3)));
    }
    let names = ["trained on, without dropout", "trained on, with dropout"];
    for ((name, curve), colour) in names.into_iter().zip(&train).zip(COLOURS) {
        let line = edge(curve, 0.0, top);
        chart
            .draw_series(DashedLineSeries::new(line, 6, 4, colour.stroke_width(2)))?
            .label(name)
            .legend(move |(x, y)| {
                let dash = |from| {
                    PathElement::new([(x + from, y), (x + from + 10, y)], colour.stroke_width(3))
                };
                EmptyElement::at((0, 0)) + dash(0) + dash(14)
            });
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

fn title(subject: &str, seeds: usize) -> String {
    match seeds {
        1 => format!("{subject}: one seed"),
        _ => format!("{subject}: mean of {seeds} seeds \u{b1} standard error"),
    }
}

/// The error of each epoch over all seeds.
fn curve(pairs: &[Pair], errors: impl Fn(&Pair) -> &[f64]) -> Vec<Estimate> {
    let epochs = pairs.first().map_or(0, |pair| errors(pair).len());
    (0..epochs)
        .map(|epoch| pairs.iter().map(|pair| errors(pair)[epoch]).collect::<Vec<_>>())
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

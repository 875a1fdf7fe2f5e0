//! Nanoseconds an element over the size, as an SVG.

use std::error::Error;
use std::path::Path;

use dropout_kernels::Backend;
use plotters::prelude::*;

use crate::measure::{SIZES, Table, aligned};

// Colours that the colour-blind tell apart (Okabe and Ito).
const LINES: [(&str, &str, Option<f32>, RGBColor); 5] = [
    ("a loop over rand's floats, p = 0.1", "naive", Some(0.1), RGBColor(213, 94, 0)),
    ("dropout, p = 0.1", "forward_in_place", Some(0.1), RGBColor(0, 114, 178)),
    ("dropout, p = 0.5", "forward_in_place", Some(0.5), RGBColor(86, 180, 233)),
    ("memcpy", "memcpy", None, RGBColor(150, 150, 150)),
    ("multiply by a constant", "scale_in_place", None, RGBColor(0, 0, 0)),
];

/// 1 Ki and so on would not stand at powers of ten.
fn elements(n: &f64) -> String {
    match *n {
        n if n >= 1e6 => format!("{} million", n / 1e6),
        n => n.to_string(),
    }
}

pub fn draw(path: &Path, table: &Table) -> Result<(), Box<dyn Error>> {
    let root = SVGBackend::new(path, (840, 500)).into_drawing_area();
    root.fill(&WHITE)?;
    let (first, last) = (SIZES[0] as f64, SIZES[SIZES.len() - 1] as f64);
    let backend = Backend::detect();
    let mut chart = ChartBuilder::on(&root)
        .caption(
            format!("In place, f32, one thread, backend {}", backend.name()),
            ("sans-serif", 19),
        )
        .margin(14)
        .margin_right(24)
        .x_label_area_size(48)
        .y_label_area_size(64)
        .build_cartesian_2d((first..last).log_scale(), (0.02..100.0).log_scale())?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(RGBColor(225, 225, 225))
        .x_desc("Elements")
        .y_desc("Time an element (ns)")
        .x_label_formatter(&elements)
        .y_label_formatter(&|t| format!("{t}"))
        .label_style(("sans-serif", 15))
        .axis_desc_style(("sans-serif", 16))
        .draw()?;
    for (name, kernel, p, colour) in LINES {
        let backend = (kernel == "forward_in_place").then_some(backend);
        let at = |n| table.get(kernel, backend, p, aligned(n));
        let points = SIZES.iter().filter_map(|n| Some((*n as f64, at(*n)?)));
        chart
            .draw_series(LineSeries::new(points, colour.stroke_width(2)))?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 24, y)], colour.stroke_width(3)));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperRight)
        .label_font(("sans-serif", 16))
        .legend_area_size(34)
        .margin(14)
        .background_style(WHITE.mix(0.9))
        .border_style(RGBColor(225, 225, 225))
        .draw()?;
    root.present()?;
    Ok(())
}

//! The masks, as an SVG. One path for each colour of a panel keeps the file small.

use std::fmt::{self, Write as _};

use plotters::style::RGBColor;

use crate::masks::{Panel, Show, is_dropped};
use crate::shared::{BLUE, GREEN, VERMILION};

const WIDTH: usize = 840;
const COLUMNS: usize = 3;
const MARGIN: usize = 20;
/// Above the first row of panels: the title and what colours mean.
const TOP: usize = 78;
/// Of a row: two lines of text, the cells, and a space.
const ROW: usize = 186;
const CELLS: [usize; 2] = [124, 248];

pub(crate) fn svg(panels: &[Panel]) -> Result<String, fmt::Error> {
    let height = TOP + panels.len().div_ceil(COLUMNS) * ROW;
    let mut svg = format!(
        r##"<svg width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" xmlns="http://www.w3.org/2000/svg" font-family="sans-serif">
<rect width="{WIDTH}" height="{height}" fill="#FFFFFF"/>
"##
    );
    text(&mut svg, [MARGIN, 30], 16, "#000000", "What each dropout drops, at p = 0.25")?;
    legend(&mut svg)?;
    let step = (WIDTH - 2 * MARGIN + 28) / COLUMNS;
    for (i, panel) in panels.iter().enumerate() {
        draw(&mut svg, panel, [MARGIN + i % COLUMNS * step, TOP + i / COLUMNS * ROW])?;
    }
    svg.push_str("</svg>\n");
    Ok(svg)
}

fn legend(svg: &mut String) -> fmt::Result {
    let factors = [0.25, 1.0, 1.75].map(shade);
    let meanings: [(&[String], &str); 4] = [
        (&[kept()], "kept"),
        (&[hex(VERMILION)], "dropped"),
        (&[hex(GREEN)], "stays as it was (zoneout)"),
        (&factors, "a factor of 0.25, 1, 1.75 (Gaussian)"),
    ];
    let mut x = MARGIN;
    for (colours, meaning) in meanings {
        for colour in colours {
            writeln!(svg, r#"<rect x="{x}" y="43" width="12" height="12" fill="{colour}"/>"#)?;
            x += 14;
        }
        text(svg, [x + 4, 54], 13, "#000000", meaning)?;
        x += 24 + meaning.len() * 7;
    }
    Ok(())
}

fn text(svg: &mut String, [x, y]: [usize; 2], size: u32, colour: &str, text: &str) -> fmt::Result {
    writeln!(svg, r#"<text x="{x}" y="{y}" font-size="{size}" fill="{colour}">{text}</text>"#)
}

fn draw(svg: &mut String, panel: &Panel, [left, top]: [usize; 2]) -> fmt::Result {
    text(svg, [left, top + 13], 14, "#000000", panel.name)?;
    text(svg, [left, top + 30], 12, "#444444", panel.caption)?;
    let [tile_rows, tile_columns] = panel.tiles;
    let [rows, columns] = panel.cells;
    // In cells: between tiles there is one.
    let (down, across) = (tile_rows * (rows + 1) - 1, tile_columns * (columns + 1) - 1);
    let width = CELLS[1] / across;
    let height = (CELLS[0] / down).min(width);
    let (top, of_tile) = (top + 38, rows * columns);
    let corner = |cell: usize| {
        let (tile, cell) = (cell / of_tile, cell % of_tile);
        let column = tile % tile_columns * (columns + 1) + cell % columns;
        let row = tile / tile_columns * (rows + 1) + cell / columns;
        (left + column * width, top + row * height)
    };
    let rectangle = |(x, y): (usize, usize), columns: usize, rows: usize| {
        format!("M{x} {y}h{}v{}h-{}z", columns * width, rows * height, columns * width)
    };

    let background: String = (0..tile_rows * tile_columns)
        .map(|t| rectangle(corner(t * of_tile), columns, rows))
        .collect();
    writeln!(svg, r#"<path fill="{}" d="{background}"/>"#, kept())?;
    let factors = panel.factors.iter().enumerate();
    if panel.show == Show::Factor {
        for (cell, factor) in factors {
            let path = rectangle(corner(cell), 1, 1);
            writeln!(svg, r#"<path fill="{}" d="{path}"/>"#, shade(*factor))?;
        }
    } else {
        let colour = hex(if panel.show == Show::Held { GREEN } else { VERMILION });
        let dropped = factors.filter(|(_, factor)| is_dropped(**factor));
        let path: String = dropped.map(|(cell, _)| rectangle(corner(cell), 1, 1)).collect();
        writeln!(svg, r#"<path fill="{colour}" d="{path}"/>"#)?;
    }

    let (right, bottom) = (across * width, down * height);
    let mut grid = String::new();
    for column in 0..=across {
        write!(grid, "M{} {top}v{bottom}", left + column * width)?;
    }
    for row in 0..=down {
        write!(grid, "M{left} {}h{right}", top + row * height)?;
    }
    writeln!(svg, r##"<path stroke="#FFFFFF" d="{grid}"/>"##)?;
    for (cell, (word, factor)) in panel.words.iter().zip(&panel.factors).enumerate() {
        let (x, y) = corner(cell);
        let colour = if is_dropped(*factor) { "#FFFFFF" } else { "#000000" };
        text(svg, [x + 6, y + height / 2 + 4], 12, colour, word)?;
    }
    Ok(())
}

/// The background of what is kept.
fn kept() -> String {
    mixed(BLUE, 0.25)
}

/// From white at 0 to blue at 2 and above.
fn shade(factor: f32) -> String {
    mixed(BLUE, (factor / 2.0).clamp(0.0, 1.0))
}

/// A colour on white.
fn mixed(RGBColor(r, g, b): RGBColor, strength: f32) -> String {
    let mix = |part: u8| (255.0 + (f32::from(part) - 255.0) * strength).round() as u8;
    hex(RGBColor(mix(r), mix(g), mix(b)))
}

fn hex(RGBColor(r, g, b): RGBColor) -> String {
    format!("#{r:02X}{g:02X}{b:02X}")
}

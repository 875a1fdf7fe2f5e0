//! What the pictures of the examples have in common.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::Path;

use plotters::style::RGBColor;

// Colours that the colour-blind tell apart (Okabe and Ito).
pub(crate) const BLUE: RGBColor = RGBColor(0, 114, 178);
pub(crate) const VERMILION: RGBColor = RGBColor(213, 94, 0);
pub(crate) const GREEN: RGBColor = RGBColor(0, 158, 115);
pub(crate) const GRID: RGBColor = RGBColor(225, 225, 225);

/// Makes the directory of a picture and tries whether a file can be written there, so that this
/// fails before the work and not after it. A picture that is there stays as it is.
pub(crate) fn check(path: &Path) -> io::Result<()> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    OpenOptions::new().append(true).create(true).open(path).map(drop)
}

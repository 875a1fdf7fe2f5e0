//! How far the training is, on the terminal.

use indicatif::{ProgressBar, ProgressStyle};

/// A bar that fills as epochs are trained, those of all networks together.
pub(crate) fn epochs(epochs: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("{wide_bar} {pos} of {len} epochs, {eta} left")
        .expect("the template is right");
    ProgressBar::new(epochs as u64).with_style(style)
}

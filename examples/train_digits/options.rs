//! What is read from the command line.

use clap::builder::RangedU64ValueParser;
use dropout_kernels::DropRate;

pub(crate) fn rate(text: &str) -> Result<DropRate, String> {
    let p = text.parse::<f32>().map_err(|e| e.to_string())?;
    DropRate::new(p).map_err(|e| e.to_string())
}

pub(crate) fn count(most: u64) -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(1..=most)
}

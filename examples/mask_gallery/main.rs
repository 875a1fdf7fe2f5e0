//! Draws what each variant of dropout drops, as one picture: `cargo run --release --example
//! mask_gallery`.

mod masks;
mod picture;
#[expect(dead_code, reason = "other pictures have a grid")]
#[path = "../shared/picture.rs"]
mod shared;

use std::error::Error;
use std::fs;
use std::path::PathBuf;

use clap::Parser;

/// Drops from tensors of ones by every variant, with masks from keys, and draws which elements
/// became zeros. The same seed makes the same picture on every machine.
#[derive(Parser)]
#[command(name = "mask_gallery")]
struct Options {
    /// Names all masks
    #[arg(long, value_name = "N", default_value_t = 5)]
    seed: u64,
    /// SVG to draw in
    #[arg(long, value_name = "PATH", default_value = "target/masks.svg")]
    picture: PathBuf,
}

fn main() -> Result<(), Box<dyn Error>> {
    let Options { seed, picture } = Options::parse();
    shared::check(&picture)?;
    let panels = masks::panels(seed)?;
    fs::write(&picture, picture::svg(&panels)?)?;
    for panel in &panels {
        println!("{:<28}{:>4} of {:>3} dropped", panel.name, panel.dropped(), panel.factors.len());
    }
    println!("Picture: {}", picture.display());
    Ok(())
}

//! Packs the digits of the examples for flash, so that the repository has them once, and tells the
//! linker of the board's memories, of its start-up code and of defmt.

use std::io::Read;
use std::{env, fs};

use flate2::read::GzDecoder;

const FILE: &str = "../examples/data/digits.csv.gz";

/// A digit: 64 pixels at 4 bits, the left of two in the low half, then a byte with what it shows.
///
/// The file's pixels go from 0 to 16, 17 values. 16, a cell full of ink, becomes 15; the others
/// stay.
fn pack(row: &str) -> [u8; 33] {
    let fields: Vec<u8> = row.split(',').map(|field| field.parse().expect(FILE)).collect();
    let (pixels, label) = fields.split_at(64);
    assert!(label.len() == 1 && label[0] < 10, "{FILE}: 64 pixels and a label, not {row}");
    assert!(pixels.iter().all(|&pixel| pixel <= 16), "{FILE}: pixels go to 16, not {row}");
    let mut packed = [label[0]; 33];
    for (byte, pair) in packed.iter_mut().zip(pixels.as_chunks().0) {
        let [left, right] = pair.map(|pixel: u8| pixel.min(15));
        *byte = left | right << 4;
    }
    packed
}

fn main() {
    println!("cargo::rerun-if-changed={FILE}");
    println!("cargo::rerun-if-changed=boards");
    println!("cargo::rerun-if-env-changed=FIRMWARE_BOARD");
    if let Some(board) = env::var_os("FIRMWARE_BOARD") {
        let here = env::var("CARGO_MANIFEST_DIR").expect("cargo sets it");
        println!("cargo::rustc-link-search={here}/boards/{}", board.display());
        if env::var("CARGO_CFG_TARGET_ARCH").is_ok_and(|arch| arch == "riscv32") {
            println!("cargo::rustc-link-arg-bins=-Tmemory.x");
        }
        println!("cargo::rustc-link-arg-bins=-Tlink.x");
    }
    // Where defmt's strings stand, which `log` alone has.
    if env::var_os("CARGO_FEATURE_DEFMT").is_some() {
        println!("cargo::rustc-link-arg-bin=log=-Tdefmt.x");
    }
    let mut text = String::new();
    GzDecoder::new(fs::File::open(FILE).expect(FILE)).read_to_string(&mut text).expect(FILE);
    let packed: Vec<u8> = text.lines().flat_map(pack).collect();
    let out = env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    fs::write(format!("{out}/digits.bin"), packed).expect("OUT_DIR can be written");
}

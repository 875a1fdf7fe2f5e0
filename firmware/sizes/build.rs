//! Tells the linker where each program begins, and to keep the relocations, by which `symbols`
//! knows what is called.

fn main() {
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "none") {
        println!("cargo::rustc-link-arg-bins=--entry=entry");
        println!("cargo::rustc-link-arg-bins=--emit-relocs");
    }
}

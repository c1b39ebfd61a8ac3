//! Hands the linker the memory map of the board that a feature names.

use std::path::Path;
use std::{env, fs};

const BOARDS: [&str; 6] = ["microbit", "mps2-an385", "mps2-an386", "mps2-an500", "mps2-an505", "mps3-an547"];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let has = |board: &&str| {
        env::var_os(format!("CARGO_FEATURE_{}", board.to_uppercase().replace('-', "_"))).is_some()
    };
    let chosen: Vec<_> = BOARDS.into_iter().filter(has).collect();
    let [board] = chosen[..] else {
        let found = if chosen.is_empty() { "none".into() } else { chosen.join(", ") };
        println!("cargo::error=one board must be chosen by a feature ({}), not {found}", BOARDS.join(", "));
        return;
    };
    let map = format!("boards/{board}.x");
    let folder = env::var("OUT_DIR").unwrap_or_default();
    if let Err(error) = fs::copy(&map, Path::new(&folder).join("memory.x")) {
        println!("cargo::error=cannot copy {map}: {error}");
    }
    println!("cargo::rerun-if-changed={map}");
    println!("cargo::rustc-link-search={folder}");
    println!("cargo::rustc-link-arg-bins=-Tlink.x");
}

//! What the compiler makes of gemm's innermost loops.
//!
//! A tile's size supposes that its accumulators, a row of B and a broadcast lie in registers, all the time. Whether they
//! do is for the compiler to say, and no test of results would see that they do not. So the emitted assembly is read: in
//! the loop on k of each micro-kernel there must be just the tile's multiply-adds, of as many steps as are unrolled, no
//! spill, and no call.
//!
//! Which code. The library itself, for any x86-64 processor, in release as one unit, without optimisation across crates. So
//! LLVM has one try at it: with several units or across crates (as the benches are built) it looks twice, and can mend
//! what is found here. The library holds a micro-kernel for each size of tile; those of products whose shape is a type are
//! made where they are used. Looked at are the tallest tiles of a width, which is what `TILE_ROWS` of the instruction set
//! says.
//!
//! How many other instructions there are is not right or wrong, but should not change unnoticed. It is recorded
//! beside this program, and compared as long as the compiler is the same.

use crate::listing::{Counts, Function, functions};
use crate::process::{cargo, output, root, run, target_dir};
use crate::record::{cells, differences};
use anyhow::{Context, Result, bail};
use comfy_table::{Table, presets};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The record.
const RECORD: &str = "xtask/asm.md";

/// Instruction sets, by their module, and the widths in vectors of their tiles.
const WIDTHS: [(&str, &[usize]); 2] = [("avx512", &[3, 2, 1, 8]), ("avx2", &[2, 8])];

/// Steps of k in an iteration: the widest panels are streams, which the micro-kernel does not unroll, and large tiles need
/// few.
const fn steps(tile: Tile) -> usize {
    match tile {
        Tile { vectors: 8, .. } => 1,
        Tile { rows, vectors } if rows * vectors >= 12 => 2,
        _ => 4,
    }
}

const HEADER: [&str; 9] = [
    "micro-kernel",
    "multiply-adds",
    "vector loads",
    "broadcasts",
    "multiply-adds that load",
    "loads per multiply-add",
    "instructions",
    "spills",
    "calls",
];

pub(crate) fn check(record: bool) -> Result<()> {
    let rustc = output(Command::new("rustc").arg("--version"))?.trim().to_string();
    let folder = target_dir("asm");
    let listing = compile(&folder, &rustc)?;
    let text = fs::read_to_string(&listing).with_context(|| format!("cannot read {}", listing.display()))?;
    let kernels = kernels(&functions(&text))?;

    let rows: Vec<_> = kernels.iter().map(Kernel::row).collect();
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header(HEADER).add_rows(&rows);
    println!("{table}");
    for kernel in &kernels {
        fs::write(folder.join(kernel.file()), &kernel.text)?;
    }

    let mut faults: Vec<_> = kernels.iter().flat_map(Kernel::faults).collect();
    let recorded = fs::read_to_string(root().join(RECORD)).unwrap_or_default();
    if record {
        let about = "one iteration of gemm's loop on k, see `xtask/src/asm.rs`";
        fs::write(
            root().join(RECORD),
            format!("# The last `cargo xtask asm --record`\n\n{rustc}: {about}.\n\n{table}\n"),
        )?;
    } else if recorded.contains(&format!("\n{rustc}: ")) {
        faults.extend(changed(&rows, &cells(&recorded)));
    } else {
        println!("{RECORD} is not about {rustc}: nothing to compare with");
    }
    if !faults.is_empty() {
        bail!("{}\nthe loops are in {}, the record in {RECORD}", faults.join("\n"), folder.display());
    }
    Ok(())
}

/// Compiles the library; returns the assembly's place, which is another for each compiler: cargo keeps what several
/// compilers made, and runs none again.
fn compile(folder: &Path, rustc: &str) -> Result<PathBuf> {
    let listing = folder.join(rustc.replace(|c: char| !c.is_ascii_alphanumeric(), "-")).with_extension("s");
    let mut command = cargo();
    command.args(["rustc", "--release", "--lib", "--target", "x86_64-unknown-linux-gnu", "--target-dir"]);
    command.arg(folder).args(["--", "-C", "symbol-mangling-version=v0", "-C", "codegen-units=1"]);
    command.arg("--emit").arg(format!("asm={}", listing.display()));
    // No flags from outside: they could name a processor.
    command.env("CARGO_PROFILE_RELEASE_LTO", "off").env("CARGO_ENCODED_RUSTFLAGS", "");
    run(&mut command)?;
    Ok(listing)
}

/// A micro-kernel's inner loop.
struct Kernel {
    isa: &'static str,
    tile: Tile,
    counts: Counts,
    text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Tile {
    rows: usize,
    vectors: usize,
}

/// The tallest micro-kernels of each width.
fn kernels(functions: &[Function<'_>]) -> Result<Vec<Kernel>> {
    let mut kernels = Vec::new();
    for (isa, widths) in WIDTHS {
        let tiles: Vec<_> =
            functions.iter().filter_map(|function| Some((tile(&function.name, isa)?, function))).collect();
        for &width in widths {
            let alike = tiles.iter().filter(|(tile, _)| tile.vectors == width);
            let &(tile, function) = alike
                .max_by_key(|(tile, _)| tile.rows)
                .with_context(|| format!("found no micro-kernel of {isa} that is {width} vectors wide"))?;
            let inner = function.inner_loop().with_context(|| format!("no loop in {}", function.name))?;
            let text = inner.iter().map(|text| format!("\t{text}\n")).collect();
            kernels.push(Kernel { isa, tile, counts: function.count(inner), text });
        }
    }
    Ok(kernels)
}

/// The tile of a micro-kernel, by its name:
/// `<fusebox::simd::ISA::Isa as ..>::call::run::<..::MicroKernel<ROWS, VECTORS>>`; those of fixed shapes have a third argument.
fn tile(name: &str, isa: &str) -> Option<Tile> {
    let name = name.strip_prefix("<fusebox::simd::")?.strip_prefix(isa)?.strip_prefix("::")?;
    let (_, arguments) = name.split_once("::MicroKernel<")?;
    let arguments: Vec<_> = arguments.strip_suffix(">>")?.split(", ").collect();
    let [rows, vectors] = arguments[..] else { return None };
    Some(Tile { rows: rows.parse().ok()?, vectors: vectors.parse().ok()? })
}

impl Kernel {
    fn name(&self) -> String {
        let Tile { rows, vectors } = self.tile;
        format!("{} {rows}x{vectors}", self.isa)
    }

    fn file(&self) -> String {
        format!("{}.s", self.name().replace(' ', "-"))
    }

    fn row(&self) -> Vec<String> {
        let Counts { multiply_adds, loads, broadcasts, from_memory, instructions, spills, calls } =
            self.counts;
        let each = (loads + broadcasts + from_memory) as f64 / multiply_adds as f64;
        let before = [multiply_adds, loads, broadcasts, from_memory].map(|number| number.to_string());
        let after = [instructions, spills, calls].map(|number| number.to_string());
        [self.name()].into_iter().chain(before).chain([format!("{each:.3}")]).chain(after).collect()
    }

    /// What must not be.
    fn faults(&self) -> Vec<String> {
        let Counts { multiply_adds, spills, calls, .. } = self.counts;
        let Tile { rows, vectors, .. } = self.tile;
        let wanted = steps(self.tile) * rows * vectors;
        let mut faults = Vec::new();
        if multiply_adds != wanted {
            faults.push(format!("{}: {multiply_adds} multiply-adds instead of {wanted}", self.name()));
        }
        for (number, what) in [(spills, "spills"), (calls, "calls")] {
            if number != 0 {
                faults.push(format!("{}: {number} {what} instead of none", self.name()));
            }
        }
        faults
    }
}

/// What the record says otherwise, to the letter.
fn changed(rows: &[Vec<String>], recorded: &[Vec<String>]) -> Vec<String> {
    differences(&HEADER, rows, recorded, |_, _, new, old| new != old)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let name = |isa: &str, tile: &str| {
            format!(
                "<fusebox::simd::{isa} as fusebox::simd::Simd>::call::run::\
                 <fusebox::kernel::gemm::vector::micro::MicroKernel<{tile}>>"
            )
        };
        let of = |name: String| tile(&name, "avx512");
        assert_eq!(of(name("avx512::Avx512", "8, 3")), Some(Tile { rows: 8, vectors: 3 }));
        assert_eq!(of(name("avx512::Avx512", "8, 3, true")), None);
        assert_eq!(of(name("avx2::Avx2", "6, 2")), None);
    }

    #[test]
    fn what_changed() {
        let row = |name: &str, instructions: &str| {
            [name, "96", "12", "32", "0", "0.458", instructions, "0", "0"].map(String::from).to_vec()
        };
        let mut table = Table::new();
        table.load_style(presets::ASCII_MARKDOWN);
        table.set_header(HEADER).add_rows([row("a", "150"), row("b", "150"), row("c", "150")]);
        let recorded = cells(&format!("# Title\n\nrustc: about.\n\n{table}\n"));
        let now = [row("a", "150"), row("b", "152"), row("d", "150")];
        let told =
            ["b: instructions 152, recorded 150", "d: not in the record", "c: recorded, but not there"];
        assert_eq!(changed(&now, &recorded), told);
        assert_eq!(changed(&now, &[]), ["the record has other columns"]);
    }
}

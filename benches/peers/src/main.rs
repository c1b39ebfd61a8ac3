//! fusebox's products beside those of other libraries, interleaved, in % of the machine's peak.
//!
//! ```text
//! cargo run --release --manifest-path benches/peers/Cargo.toml
//! cargo run --release --manifest-path benches/peers/Cargo.toml -- 33x65x129 NT:32x784x128
//! cargo run --release --manifest-path benches/peers/Cargo.toml -- --random 50 --seed 2
//! cargo run --release --manifest-path benches/peers/Cargo.toml -- --isa avx2 --alone --epilogues --packed
//! cargo run --release --manifest-path benches/peers/Cargo.toml -- --svg squares.svg
//! cargo run --release --manifest-path benches/peers/Cargo.toml -- --record benches/peers/records
//! cargo run --release --manifest-path benches/peers/Cargo.toml -- --records benches/peers/records --svg squares.svg
//! ```
//!
//! OpenBLAS takes part as a shared library with 32-bit integers, a distribution's or PyPI's:
//!
//! ```text
//! pip install --target openblas scipy-openblas32
//! OPENBLAS_CORETYPE=SkylakeX cargo run --release --manifest-path benches/peers/Cargo.toml -- \
//!     --openblas openblas/scipy_openblas32/lib/libscipy_openblas.so
//! ```
//!
//! A line above the table names the processor whose kernels it chose. Left to itself it says Haswell, whose kernels use
//! AVX2, on processors that it does not know, such as AMD's Zen 5; with `OPENBLAS_CORETYPE` it says SkylakeX, whose
//! kernels use AVX-512.
//!
//! A shape is M x N x K: C has M rows and N columns, and sums have K terms. Everybody's results are compared before they
//! are timed, so that nobody is fast by being wrong.
//!
//! `fusebox` learns the shape with each product, as do the peers; `fixed` are arrays whose shape the compiler knows, and
//! compete with a plan of nano-gemm's made beforehand too. Where C has one row or one column, memory is the limit, so a
//! plain read of the weights is timed in between.

mod chart;
mod compare;
mod epilogues;
mod openblas;
mod packed;
mod peers;
mod processor;
mod product;
#[path = "../../support/random.rs"]
mod random;
mod read;
mod report;
mod shapes;

use anyhow::{Context, Result};
use clap::Parser;
use compare::{OURS, compare};
use fusebox::Isa;
use indicatif::{ProgressIterator, ProgressStyle};
use openblas::OpenBlas;
use peers::{Faer, Fixed, Fusebox, Gemm, MatrixMultiply, NanoGemm, Peer, PlannedNanoGemm};
use processor::Processor;
use product::Conditions;
use report::Row;
use shapes::Shape;
use std::path::PathBuf;
use std::time::Duration;

#[derive(Parser)]
struct Arguments {
    /// Shapes as MxNxK, those of transposed operands as NT:MxNxK, TN:MxNxK or TT:MxNxK
    shapes: Vec<Shape>,
    /// As many random shapes, of all layouts, with sizes from 1 to 512
    #[arg(long, default_value_t = 0)]
    random: usize,
    /// Which random shapes
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// fusebox's instruction set, whose peak is 100 %: portable, avx2, avx512 or neon [default: the detected one]
    #[arg(long, value_parser = isa_named)]
    isa: Option<Isa>,
    /// OpenBLAS's shared library, to have it take part
    #[arg(long)]
    openblas: Option<PathBuf>,
    /// Leave the peers out
    #[arg(long, conflicts_with = "openblas")]
    alone: bool,
    /// Compare fusebox's epilogues too
    #[arg(long)]
    epilogues: bool,
    /// Compare weights packed ahead of time too
    #[arg(long)]
    packed: bool,
    /// Begin matrices 16 bytes after a cache line, as large ones from malloc do, instead of on it
    #[arg(long)]
    unaligned: bool,
    /// Draw the square products into this SVG file
    #[arg(long)]
    svg: Option<PathBuf>,
    /// Draw what is recorded of all processors in this folder, into `--svg`, and measure nothing
    #[arg(long, requires = "svg")]
    records: Option<PathBuf>,
    /// Write the table into this folder too, into a file named after the processor
    #[arg(long, conflicts_with_all = ["alone", "isa"])]
    record: Option<PathBuf>,
    /// Seconds for each shape
    #[arg(long, default_value_t = 4.0)]
    seconds: f64,
}

fn isa_named(name: &str) -> Result<Isa> {
    Isa::available().find(|isa| isa.name() == name).context("this processor has no such instruction set")
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    if let (Some(folder), Some(path)) = (&arguments.records, &arguments.svg) {
        return chart::draw_records(path, folder);
    }
    let isa = arguments.isa.unwrap_or_else(Isa::detect);
    let time = Duration::try_from_secs_f64(arguments.seconds)?;
    let conditions = Conditions { isa, time, offset: if arguments.unaligned { 4 } else { 0 } };
    let mut shapes = arguments.shapes;
    shapes.extend(shapes::random(arguments.random, arguments.seed));
    if shapes.is_empty() {
        shapes = shapes::usual();
    }

    let processor = Processor::this();
    let start = if arguments.unaligned { "16 bytes after the start" } else { "at the start" };
    let mut about = format!(
        "{}\nOne thread, % of the multiply-add peak of {isa} in the same run; matrices begin {start} of a cache line.\n",
        processor.line()?
    );
    let mut peers: Vec<Box<dyn Peer>> = Vec::new();
    if !arguments.alone {
        peers = vec![
            Box::new(Gemm),
            Box::new(MatrixMultiply),
            Box::new(NanoGemm),
            Box::new(PlannedNanoGemm),
            Box::new(Faer),
        ];
        about += &format!("fusebox runs on {isa}, the peers on the instruction sets that they choose.\n");
    }
    if let Some(path) = &arguments.openblas {
        let openblas = OpenBlas::load(path)?;
        about += &format!("OpenBLAS chose its kernels for {}.\n", openblas.core);
        peers.push(Box::new(openblas));
    }

    print!("{about}");

    let ours: [Box<dyn Peer>; OURS] = [Box::new(Fusebox(isa)), Box::new(Fixed(isa))];
    let everyone: Vec<&dyn Peer> = ours.iter().chain(&peers).map(|peer| peer.as_ref()).collect();
    let style = ProgressStyle::with_template("{wide_bar} {pos} of {len} shapes, {eta} to go")?;
    let rows = shapes.iter().progress_with_style(style).map(|&shape| compare(conditions, &everyone, shape));
    let rows: Vec<Row> = rows.collect::<Result<_>>()?;
    let names: Vec<_> = everyone.iter().map(|peer| peer.name()).collect();
    let table = report::table(&names, &rows);
    println!("\n{table}");
    if !arguments.alone {
        println!("\n{}", report::behind(&rows));
    }
    if let Some(folder) = &arguments.record {
        let file = folder.join(processor.file_name());
        let text = format!("# {}\n\n{about}\n{table}\n\n{}\n", processor.name, report::behind(&rows));
        std::fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
    }
    if let Some(mean) = report::small_fixed(&rows) {
        println!("{mean}");
    }
    if arguments.epilogues {
        println!("\nEpilogues, and in brackets their ratio to None\n\n{}", epilogues::table(conditions));
    }
    if arguments.packed {
        println!("\nWeights packed ahead of time\n\n{}", packed::table(conditions));
    }
    if let Some(path) = &arguments.svg {
        chart::draw(path, &names, &rows)?;
    }
    Ok(())
}

//! Checks of fusebox that need more than cargo. `cargo xtask help` lists them.

mod apt;
mod asm;
mod bits;
mod board;
mod c;
mod counts;
mod cycles;
mod depth;
#[cfg(test)]
mod documents;
mod full;
#[cfg(test)]
mod guide;
mod image;
mod imported;
mod link;
mod listing;
mod machine;
mod node;
mod page;
mod process;
mod qemu;
mod record;
mod road;
mod semver;
mod size;
mod targets;
mod tools;
mod trace;
mod weight;

use board::Which;
use clap::{Parser, Subcommand};
use road::Choice;
use std::process::ExitCode;

#[derive(Parser)]
#[command(about = "Checks of fusebox that need more than cargo", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
    /// How to get a compiler for another target
    #[arg(long, global = true, value_enum, default_value_t)]
    road: Choice,
}

#[derive(Subcommand)]
enum Task {
    /// Installs what the other tasks need: emulators, linkers, compilers
    Tools,
    /// Runs every kernel and short trainings on the boards in QEMU, and compares them with the desktop's, bit for bit
    Qemu {
        /// A board, or all of them
        #[arg(long, value_enum, default_value = "all")]
        board: Which,
        /// Builds every board with `reproducible` too, also where that changes nothing
        #[arg(long)]
        both: bool,
        /// One seed for the lessons that have five, one board for those that have three
        #[arg(long)]
        brief: bool,
        /// Rewrites the hashes that the page shows instead of comparing with them
        #[arg(long)]
        record: bool,
    },
    /// Runs firmware with imported networks in QEMU, compares it with TensorFlow Lite Micro, and weighs the images
    Imported,
    /// Runs the sensor node in QEMU: moves its field, and kills it while it saves
    Node,
    /// Builds the library where there is nothing to run it: a Cortex-M0 and the web
    BuildTargets,
    /// Runs the tests on 64-bit Arm (NEON) under emulation
    Aarch64 {
        /// Compares bits without `reproducible` too
        #[arg(long)]
        both: bool,
    },
    /// Runs the tests of kernels as WebAssembly with simd128, in Node
    Wasm {
        /// Without simd128 too
        #[arg(long)]
        both: bool,
    },
    /// Reads the assembly of gemm's innermost loops, and compares it with the record
    Asm {
        /// Rewrites the record instead
        #[arg(long)]
        record: bool,
    },
    /// Weighs the crate: lines of IR, bytes and stack of a program that uses it, and the time to build one
    Weight {
        /// Rewrites the record instead
        #[arg(long)]
        record: bool,
    },
    /// Counts the instructions and modelled cycles of kernels on the boards
    Counts {
        /// A board, and once more for another; all of them unless named
        #[arg(long = "board", value_name = "BOARD")]
        boards: Vec<String>,
        /// Shows the cases whose names contain this, such as "gemm NN 16"
        #[arg(long, default_value = "")]
        case: String,
        /// Shows where the instructions lie: by function, then one by one
        #[arg(long)]
        listing: bool,
        /// Rewrites the record instead of comparing with it
        #[arg(long)]
        record: bool,
    },
    /// Measures bytes of code, constants, RAM and stack of minimal firmware, and compares them with the record
    Size {
        /// A board, and once more for another; all of them unless named
        #[arg(long = "board", value_name = "BOARD")]
        boards: Vec<String>,
        /// Shows the functions and constants of which the images are made
        #[arg(long)]
        symbols: bool,
        /// Shows the functions that go deepest in the stack
        #[arg(long)]
        frames: bool,
        /// Rewrites the record instead of comparing with it
        #[arg(long)]
        record: bool,
    },
    /// Compares the public interface with that of the last tagged version
    Semver,
    /// Links every public function for microcontrollers, and looks for panics, a heap and floating point
    Link {
        /// Every core at both levels of optimisation
        #[arg(long)]
        all: bool,
    },
    /// Writes a static library for C, and its header: of the network in `examples/c`, or a copy of it
    C(c::Options),
    /// Builds the live page, and serves it on loopback or tests it in a browser
    Page(page::Options),
    /// Runs what is too slow for every change, and records the result
    Full {
        /// Seconds of fuzzing for each fuzz target but `sequence`, which has a number of inputs
        #[arg(long, default_value_t = 600)]
        fuzz_seconds: u32,
    },
}

fn main() -> ExitCode {
    let Arguments { task, road } = Arguments::parse();
    let result = match task {
        Task::Tools => tools::install(road),
        Task::Qemu { board: which, both, brief, record } => {
            qemu::run(&qemu::Options { which, both, brief, record }, road)
        }
        Task::Imported => imported::run(road),
        Task::Node => node::run(road),
        Task::BuildTargets => targets::build(road),
        Task::Aarch64 { both } => targets::aarch64(both, road),
        Task::Wasm { both } => targets::wasm(both, road),
        Task::Weight { record } => weight::check(record),
        Task::Asm { record } => asm::check(record),
        Task::Counts { boards, case, listing, record } => {
            counts::run(road, &counts::Options { boards, case, listing, record })
        }
        Task::Size { boards, symbols, frames, record } => {
            size::run(road, &size::Options { boards, symbols, frames, record })
        }
        Task::Semver => semver::check(),
        Task::Link { all } => link::check(road, all),
        Task::C(options) => c::run_task(road, &options),
        Task::Page(options) => page::run_task(road, &options),
        Task::Full { fuzz_seconds } => full::check(fuzz_seconds),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}

//! Checks of fusebox that need more than cargo. `cargo xtask help` lists them.

mod apt;
mod asm;
mod full;
mod image;
mod link;
mod listing;
mod process;
mod qemu;
mod road;
mod targets;

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
    /// Builds and runs the example boards in QEMU, and compares their training with the desktop's, bit for bit
    Qemu,
    /// Builds the library where there is nothing to run it: a Cortex-M0 and the web
    BuildTargets,
    /// Runs the tests on 64-bit Arm (NEON) under emulation
    Aarch64,
    /// Reads the assembly of gemm's innermost loops, and compares it with the record
    Asm {
        /// Rewrites the record instead
        #[arg(long)]
        record: bool,
    },
    /// Links every public function for microcontrollers, and looks for panics, a heap and floating point
    Link {
        /// Every core at both levels of optimisation
        #[arg(long)]
        all: bool,
    },
    /// Runs what is too slow for every change, and records the result
    Full {
        /// Seconds of fuzzing for each fuzz target
        #[arg(long, default_value_t = 600)]
        fuzz_seconds: u32,
    },
}

fn main() -> ExitCode {
    let Arguments { task, road } = Arguments::parse();
    let result = match task {
        Task::Qemu => qemu::run(road),
        Task::BuildTargets => targets::build(road),
        Task::Aarch64 => targets::aarch64(road),
        Task::Asm { record } => asm::check(record),
        Task::Link { all } => link::check(road, all),
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

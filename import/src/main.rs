//! The importer as a program: prints a network's table, and writes its module if told where.

use fusebox_import::{Options, Runtime};
use std::path::PathBuf;
use std::process::ExitCode;

const HELP: &str = "\
Writes a network of TensorFlow Lite as a Rust module of fusebox's layers, and prints what it costs.

usage: fusebox-import MODEL.tflite [-o MODULE.rs] [--litert]

  -o MODULE.rs  writes the module, and its numbers beside it, to MODULE.bin
  --litert      fully connected layers round as LiteRT's reference kernels do, not as TensorFlow Lite for Microcontrollers
";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = pico_args::Arguments::from_env();
    if args.contains(["-h", "--help"]) {
        print!("{HELP}");
        return Ok(());
    }
    let runtime = if args.contains("--litert") { Runtime::LiteRt } else { Runtime::Micro };
    let to: Option<PathBuf> = args.opt_value_from_str("-o")?;
    let from: PathBuf = args.free_from_str()?;
    if let Some(unused) = args.finish().first() {
        return Err(format!("{} is not understood; --help lists what is", unused.to_string_lossy()).into());
    }
    let options = Options { runtime };
    let network = match to {
        Some(to) => fusebox_import::write(&from, &to, &options)?,
        None => fusebox_import::read(&from, &options)?,
    };
    println!("{network}");
    Ok(())
}

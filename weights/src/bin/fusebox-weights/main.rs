//! Weights in files of safetensors: lists them, compares them, and changes their order.

mod compare;
mod convert;
mod list;

use fusebox_weights::File;
use pico_args::Arguments;
use std::error::Error;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const HELP: &str = "\
Lists, compares and converts weights in files of safetensors.

usage: fusebox-weights list FILE
       fusebox-weights compare A B [--within LARGEST]
       fusebox-weights convert IN OUT --from ORDER --to ORDER [OPTION..] [NAME..]

list     names, types, shapes and bytes.
compare  the largest difference of each tensor. The exit status is 0 if both have the same tensors and no difference is above
         LARGEST, which is 0 if it is not given, else 1; 2 if a file cannot be read.
convert  writes the tensors named, or all, to OUT in another order. ORDER is one of

           pytorch  outputs, inputs, kernel: [O][I] and [O][I][H][W]
           keras    kernel, inputs, outputs: [I][O] and [H][W][I][O]
           fusebox  only for --to: Keras's order, as little-endian f32 without names, one tensor after the other as they are
                    named: what Net::copy_from_bytes reads

  --keep NAME           this tensor keeps its order, as an embedding does; those of one axis always do
  --flattened NAME=C    the inputs of this matrix are a flattened picture of C channels
  --rename NAME=OTHER   the name in OUT

         Gates of recurrent layers, and Keras's shapes of depthwise kernels, are the library's: fusebox_weights::Map.
";

/// The exit status of a program that did not get as far as an answer.
const TROUBLE: u8 = 2;

/// What a command ends with if it fails.
type Failure = Box<dyn Error>;

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(TROUBLE)
        }
    }
}

/// Whether files that were compared are equal.
fn run() -> Result<bool, Failure> {
    let mut args = Arguments::from_env();
    if args.contains(["-h", "--help"]) {
        print!("{HELP}");
        return Ok(true);
    }
    match args.subcommand()?.as_deref() {
        Some("list") => {
            let [path] = paths(args.finish())?;
            print!("{}", list::list(&at(&path, File::read(&read(&path)?))?));
            Ok(true)
        }
        Some("compare") => {
            let within = args.opt_value_from_str("--within")?.unwrap_or(0.0);
            let [a, b] = paths(args.finish())?;
            let (one, other) = (read(&a)?, read(&b)?);
            let (table, equal) =
                compare::compare(&at(&a, File::read(&one))?, &at(&b, File::read(&other))?, within);
            println!("{table}");
            Ok(equal)
        }
        Some("convert") => {
            let options = convert::Options::parse(&mut args)?;
            let [from, to, names @ ..] = &strings(args.finish())?[..] else {
                return Err("expected IN and OUT; see --help".into());
            };
            let (from, to) = (Path::new(from), Path::new(to));
            let bytes = at(from, options.convert(&read(from)?, names))?;
            write(to, &bytes)?;
            Ok(true)
        }
        Some(other) => Err(format!("`{other}` is not a command; --help lists them").into()),
        None => Err("expected a command; --help lists them".into()),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    at(path, fs::read(path))
}

/// Writes beside the file, then renames: a file that cannot be written to its end leaves the old one.
fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let part = path.with_added_extension("part");
    at(&part, fs::write(&part, bytes))?;
    at(path, fs::rename(&part, path))
}

/// Puts the file's name before an error.
fn at<T, E: std::fmt::Display>(path: &Path, result: Result<T, E>) -> Result<T, Failure> {
    result.map_err(|error| format!("{}: {error}", path.display()).into())
}

fn strings(args: Vec<OsString>) -> Result<Vec<String>, Failure> {
    let text =
        |arg: OsString| arg.into_string().map_err(|arg| format!("{} is not UTF-8", arg.display()).into());
    let strings = args.into_iter().map(text).collect::<Result<Vec<_>, Failure>>()?;
    match strings.iter().find(|arg| arg.starts_with('-')) {
        Some(unknown) => Err(format!("{unknown} is not understood; --help lists what is").into()),
        None => Ok(strings),
    }
}

fn paths<const N: usize>(args: Vec<OsString>) -> Result<[PathBuf; N], Failure> {
    let paths: Vec<PathBuf> = strings(args)?.into_iter().map(PathBuf::from).collect();
    paths
        .try_into()
        .map_err(|paths: Vec<_>| format!("expected {N} files, got {}; see --help", paths.len()).into())
}

//! Bytes: of code, of constants, of RAM, and of the stack.
//!
//! A firmware that does nothing but run or train the digits' network is compared with the same firmware without the call.
//! The weights, constants too, are told apart. The firmware `stack` paints the stack and says how deep calls go.

use crate::board::{self, Board, LIMIT, command, emulate, measured};
use crate::depth::{self, Frame};
use crate::image::{self, Flash, Image, Symbol};
use crate::process::{self, run_within};
use crate::record::Record;
use crate::road::{Choice, Road};
use anyhow::{Context, Result, ensure};
use comfy_table::{Table, presets};
use std::io::BufReader;
use std::path::{Path, PathBuf};

const RECORD: Record = Record { path: "xtask/size.md", task: "size" };

/// The weights' names in the images that run them from flash.
const WEIGHTS: [&str; 2] = ["firmware::infer::NET", "firmware::bare::SINE"];

/// The images that are compared with the one that does nothing, and what they do.
const IMAGES: [(&str, &str); 3] =
    [("bare_inference", "inference"), ("bare_int8", "int8 1-16-16-1"), ("bare_training", "training too")];

/// The optimiser's two aims, as cargo calls them.
const LEVELS: [&str; 2] = ["3", "s"];

/// What is asked for.
#[derive(Debug, Default)]
pub(crate) struct Options {
    /// The boards' names; all boards if there is none.
    pub(crate) boards: Vec<String>,
    /// Whether to show what the bytes are made of.
    pub(crate) symbols: bool,
    /// Whether to show which functions go deepest in the stack.
    pub(crate) frames: bool,
    pub(crate) record: bool,
}

pub(crate) fn run(choice: Choice, options: &Options) -> Result<()> {
    // With other names of functions the optimiser decides a little otherwise: nothing to compare, or to record.
    let named_symbols = options.symbols || options.frames;
    ensure!(!options.record || !named_symbols, "what is recorded is the images without long names");
    let mut differences = Vec::new();
    for board in measured(&options.boards)? {
        let road = board::road(board, choice)?;
        let mut columns = Vec::new();
        for level in LEVELS {
            let built = build(board, &road, level, named_symbols)?;
            columns.push(measure(board, &built)?);
            for (image, _) in IMAGES.into_iter().filter(|_| options.symbols) {
                println!("\n{} {image}, opt-level {level}\n{}", board.name, growth(&built, image)?);
            }
            if options.frames {
                println!(
                    "\n{}, opt-level {level}: the deepest calls\n{}",
                    board.name,
                    deepest_calls(board, &built)?
                );
            }
        }
        let table = table(&columns);
        println!("\n{}, {} ({})\n{table}", board.core, board.target, road.name());
        if !named_symbols {
            let about = "Firmware with fat link-time optimisation; the stack is painted in QEMU";
            differences.extend(RECORD.check(board.core, &road.compiler()?, &table, about, options.record)?);
        }
    }
    RECORD.report(&differences)
}

/// Builds every program for a board; returns the folder with the images.
fn build(board: &Board, road: &Road, level: &str, named: bool) -> Result<PathBuf> {
    let programs = ["bare_nothing", "bare_inference", "bare_int8", "bare_training", "stack"];
    let mut cargo = board::cargo(board, road, &programs, &[]);
    let level = if level == "s" { "'s'" } else { level };
    cargo.arg("--config").arg(format!("profile.release.opt-level={level}"));
    if named {
        cargo.args(board::long_names(board));
    }
    process::run(&mut cargo)?;
    Ok(board::built(board, road))
}

/// What is measured, and the bytes.
type Figures = Vec<(String, u64)>;

fn measure(board: &Board, built: &Path) -> Result<Figures> {
    let nothing = Flash::read(&built.join("bare_nothing"))?;
    let mut figures = Vec::new();
    for (image, what) in IMAGES {
        let path = built.join(image);
        let flash = Flash::read(&path)?;
        let weights = flash
            .symbols
            .iter()
            .find(|symbol| WEIGHTS.contains(&symbol.name.as_str()))
            .map(|symbol| symbol.bytes);
        let grown = flash.bytes - nothing.bytes - weights.unwrap_or(0);
        figures.push((format!("code and constants, {what}"), grown));
        figures.extend(weights.map(|weights| (format!("weights in flash, {what}"), weights)));
        figures.push((format!("static RAM with the caller's rows, {what}"), Image::read(&path)?.ram));
    }
    ensure!(figures.iter().any(|(what, _)| what.starts_with("weights")), "no image holds the weights");
    for line in emulate(board, &built.join("stack"))?.lines() {
        let (what, bytes) = line.split_once("; ").with_context(|| format!("cannot read `{line}`"))?;
        let bytes =
            bytes.trim_end_matches(" bytes").parse().with_context(|| format!("cannot read `{line}`"))?;
        figures.push((what.into(), bytes));
    }
    Ok(figures)
}

fn table(columns: &[Figures]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header(["bytes", "opt-level 3", "opt-level s"]);
    for (i, (what, _)) in columns[0].iter().enumerate() {
        let numbers = columns.iter().map(|figures| figures.get(i).map_or(0, |&(_, bytes)| bytes).to_string());
        table.add_row([what.clone()].into_iter().chain(numbers));
    }
    table
}

/// The function that calls what it measures, in the package of the board.
const PAINT: &str = "::paint::stack";

/// For each call whose stack is painted, the functions of the deepest chain.
fn deepest_calls(board: &Board, built: &Path) -> Result<Table> {
    let image = built.join("stack");
    let root = image::name_ending(&image, PAINT)?;
    let mut command = command(board, &image)?;
    command.args(["-d", "exec,cpu,nochain"]);
    let (status, text, chains) =
        run_within(&mut command, LIMIT, move |log| depth::deepest(BufReader::new(log), &root))?;
    ensure!(status.success(), "{} failed: {status}; it printed\n{text}", image.display());
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header(["call", "bytes", "function"]);
    let calls = text.lines().filter(|line| line.starts_with("stack "));
    for (call, frames) in calls.zip(chains?) {
        for Frame { function, bytes } in frames {
            table.add_row([call.to_string(), bytes.to_string(), function]);
        }
    }
    Ok(table)
}

/// The functions and constants that an image has beyond the one that does nothing, the largest first.
fn growth(built: &Path, image: &str) -> Result<Table> {
    let nothing = Flash::read(&built.join("bare_nothing"))?;
    let flash = Flash::read(&built.join(image))?;
    let mut symbols: Vec<&Symbol> =
        flash.symbols.iter().filter(|symbol| !nothing.symbols.contains(symbol)).collect();
    symbols.sort_by_key(|symbol| std::cmp::Reverse(symbol.bytes));
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header(["bytes", "symbol"]);
    for symbol in &symbols {
        table.add_row([symbol.bytes.to_string(), symbol.name.clone()]);
    }
    let named: u64 = symbols.iter().map(|symbol| symbol.bytes).sum();
    table.add_row([(flash.bytes - nothing.bytes).saturating_sub(named).to_string(), "(the rest)".into()]);
    Ok(table)
}

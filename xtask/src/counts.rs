//! Instructions of kernels, one by one, and the cycles that a model makes of them.
//!
//! The firmware `counts` runs one case after another, each between two marks. QEMU logs every block of instructions that it
//! executes, so that each instruction between the marks is known: how many there are, what they would cost by a table
//! (`cycles.rs`), and where they lie. The board counts them too, by its own counter, and must find as many.

use crate::board::{self, Board, LIMIT, command, measured, version};
use crate::cycles::{self, Cost};
use crate::image;
use crate::process::{self, run_within};
use crate::record::{Record, STALLS};
use crate::road::{Choice, Road};
use crate::trace::{Code, Instruction, Trace, Visits};
use anyhow::{Context, Result, bail, ensure};
use comfy_table::{Table, presets};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::io::BufReader;

const RECORD: Record = Record { path: "xtask/counts.md", task: "counts" };

/// The marks' function.
const MARK: &str = "firmware::counts::mark";

/// Instructions by which a board may be wrong: its counter ticks in other units, by a factor that it has measured.
fn rounding(instructions: u64) -> u64 {
    2 + instructions / 100_000
}

/// Instructions that every board's counter can count.
const COUNTABLE: u64 = 4_000_000;

/// What is asked for.
#[derive(Debug, Default)]
pub(crate) struct Options {
    /// The boards' names; all boards if there is none.
    pub(crate) boards: Vec<String>,
    /// What the cases' names contain.
    pub(crate) case: String,
    /// Whether to show where the instructions lie.
    pub(crate) listing: bool,
    pub(crate) record: bool,
}

/// A kernel with a shape.
struct Case {
    name: String,
    /// How much it does, in `unit`s.
    work: u64,
    unit: String,
    /// By the board's own counter, unless they are more than it holds.
    instructions: Option<u64>,
    cost: Cost,
    visits: Visits,
}

pub(crate) fn run(choice: Choice, options: &Options) -> Result<()> {
    ensure!(!options.record || options.case.is_empty(), "what is recorded is all cases");
    let mut differences = Vec::new();
    for board in measured(&options.boards)? {
        let road = board::road(board, choice)?;
        let (trace, cases) = measure(board, &road, options.listing)?;
        let table = table(board, &cases, &options.case);
        println!("\n{}, {} ({})\n{table}", board.core, board.target, road.name());
        for case in cases.iter().filter(|case| options.listing && case.name.contains(&options.case)) {
            println!("\n{}", listing(&trace, case, cycles::is_model_of(board.core)));
        }
        if options.case.is_empty() {
            let about = version(board)?;
            differences.extend(RECORD.check(
                board.core,
                &road.compiler()?,
                &table,
                &about,
                options.record,
            )?);
        }
    }
    RECORD.report(&differences)
}

/// Runs all cases on a board.
fn measure(board: &Board, road: &Road, listing: bool) -> Result<(Trace, Vec<Case>)> {
    let mut cargo = board::cargo(board, road, &["counts"], &[]);
    // For tables nothing is compiled once more.
    if listing {
        cargo.args(board::long_names(board));
    }
    process::run(&mut cargo)?;
    let image = board::built(board, road).join("counts");
    let mark = image::address(&image, MARK)?;
    let code = if board.target.starts_with("thumb") { Code::Thumb } else { Code::RiscV };
    let mut command = command(board, &image)?;
    command.args(["-d", "in_asm,exec,nochain"]);
    let (status, text, trace) =
        run_within(&mut command, LIMIT, move |log| Trace::read(BufReader::new(log), mark, code))?;
    ensure!(status.success(), "{} failed on {}: {status}; it printed\n{text}", image.display(), board.name);
    let mut trace = trace?;

    let lines: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("case ")).collect();
    let spans = std::mem::take(&mut trace.spans);
    ensure!(lines.len() == spans.len(), "{} cases printed, {} traced", lines.len(), spans.len());
    let mut cases = Vec::new();
    for (line, visits) in lines.into_iter().zip(spans) {
        let case = Case::parse(line, &trace, visits).with_context(|| format!("cannot read `{line}`"))?;
        cases.push(case);
    }
    // The first case does nothing: it costs what the marks cost, in the log and on the board.
    let (nothing, cases) = subtract_first(cases).context("no cases")?;
    for case in &cases {
        let traced = case.cost.instructions;
        match case.instructions {
            Some(counted) => ensure!(
                counted.abs_diff(traced) <= rounding(traced),
                "{}: the board counts {counted} instructions, the log holds {traced}",
                case.name
            ),
            None => {
                ensure!(traced > COUNTABLE, "{}: the board does not count {traced} instructions", case.name)
            }
        }
    }
    eprintln!("{}: marks of {} instructions are left out", board.name, nothing.instructions);
    Ok((trace, cases))
}

/// The first case, and the others less what it cost.
fn subtract_first(cases: Vec<Case>) -> Option<(Cost, Vec<Case>)> {
    let mut cases = cases.into_iter();
    let first = cases.next()?;
    let marks = first.instructions?;
    let rest = cases.map(|case| Case {
        instructions: case.instructions.map(|counted| counted.saturating_sub(marks)),
        cost: case.cost - first.cost,
        ..case
    });
    Some((first.cost, rest.collect()))
}

impl Case {
    /// `gemm NN 8x8x8; 512 MACs; 2185 instructions`, as the firmware prints it; `uncounted` is a number that it does not know.
    fn parse(line: &str, trace: &Trace, visits: Visits) -> Result<Self> {
        let parts: Vec<_> = line.split("; ").collect();
        let [name, work, instructions] = parts[..] else { bail!("not three parts") };
        let (work, unit) = work.split_once(' ').context("no unit")?;
        let (instructions, _) = instructions.split_once(' ').context("no unit")?;
        Ok(Self {
            name: name.into(),
            work: work.parse()?,
            unit: unit.trim_end_matches('s').into(),
            instructions: (instructions != "uncounted").then(|| instructions.parse()).transpose()?,
            cost: cycles::cost(trace, &visits),
            visits,
        })
    }

    fn each(&self, count: u64) -> f64 {
        count as f64 / self.work.max(1) as f64
    }

    /// The plain loops that compute the same product.
    fn loops<'a>(&self, cases: &'a [Self]) -> Option<&'a Self> {
        let (layout, _) = self.name.strip_prefix("gemm ")?.split_once(' ')?;
        let (_, shape) = self.name.rsplit_once(' ')?;
        cases.iter().find(|case| case.name == format!("loops {layout} {shape}"))
    }
}

fn table(board: &Board, cases: &[Case], wanted: &str) -> Table {
    let modelled = cycles::is_model_of(board.core);
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header([
        "case",
        "instructions",
        "cycles",
        STALLS,
        "",
        "instructions",
        "cycles",
        "loops : this",
    ]);
    for case in cases.iter().filter(|case| case.name.contains(wanted)) {
        let Cost { instructions, cycles, stalls } = case.cost;
        let time = |case: &Case| if modelled { case.cost.cycles } else { case.cost.instructions };
        let ratio = case.loops(cases).map(|loops| time(loops) as f64 / time(case).max(1) as f64);
        let known = |text: String| if modelled { text } else { "-".into() };
        table.add_row([
            case.name.clone(),
            instructions.to_string(),
            known(cycles.to_string()),
            known(stalls.to_string()),
            format!("per {}", case.unit),
            format!("{:.2}", case.each(instructions)),
            known(format!("{:.2}", case.each(cycles))),
            ratio.map_or(String::new(), |ratio| format!("{ratio:.2}")),
        ]);
    }
    table
}

/// Functions with a smaller part of the cycles than this, in per cent, are named but not listed.
const SHOWN: f64 = 1.0;

/// Where a case's instructions lie: by function, then one by one. Where time is not modelled, each counts as a cycle.
fn listing(trace: &Trace, case: &Case, modelled: bool) -> String {
    let mut functions: BTreeMap<&str, BTreeMap<u64, (&Instruction, u64, Cost)>> = BTreeMap::new();
    for (visit, &times) in &case.visits {
        let block = &trace.blocks[visit.block];
        let before = visit.before.map(|before| &trace.blocks[before]);
        let function = functions.entry(&block.function).or_default();
        for (instruction, cost) in cycles::each(block, before, visit.branched) {
            let cost = if modelled { cost } else { Cost { cycles: 1, stalls: 0, ..cost } };
            let (_, count, sum) =
                function.entry(instruction.address).or_insert((instruction, 0, Cost::default()));
            *count += times;
            *sum += cost * times;
        }
    }
    let sum = |lines: &BTreeMap<u64, (&Instruction, u64, Cost)>| {
        lines.values().fold(Cost::default(), |sum, &(_, _, cost)| sum + cost)
    };
    let mut functions: Vec<_> =
        functions.into_iter().map(|(name, lines)| (name, sum(&lines), lines)).collect();
    functions.sort_by_key(|(_, cost, _)| Reverse(cost.cycles));
    let all: u64 = functions.iter().map(|(_, cost, _)| cost.cycles).sum();
    let part = |cost: &Cost| 100.0 * cost.cycles as f64 / all.max(1) as f64;

    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header(["instructions", "cycles", "stalls", "% of cycles", "function"]);
    for (name, cost, _) in &functions {
        let numbers = [cost.instructions, cost.cycles, cost.stalls].map(|number| number.to_string());
        table.add_row(numbers.into_iter().chain([format!("{:.1}", part(cost)), name.to_string()]));
    }
    let mut text = format!("{}\n{table}\n", case.name);
    for (name, _, lines) in functions.iter().filter(|(_, cost, _)| part(cost) >= SHOWN) {
        text += &format!("\n{name}\n   times   cycles  stalls   address\n");
        let mut next = None;
        for (&address, (instruction, times, cost)) in lines {
            if next.is_some_and(|next| next != address) {
                text += "     ...\n";
            }
            next = Some(address + instruction.bytes);
            let Cost { cycles, stalls, .. } = cost;
            let Instruction { mnemonic, operands, .. } = instruction;
            text += &format!("{times:8} {cycles:8} {stalls:7}  {address:8x}  {mnemonic:10} {operands}\n");
        }
    }
    text
}

//! The boards in QEMU, and this machine beside them.
//!
//! Every board runs the program `check`: each kernel against a reference, then short trainings, all bits of which it
//! prints. This machine runs the same source on each of its instruction sets. Those of a class, fused or not, must print
//! the same lines, and so must a board of that class. What is not fused must also print what all instruction sets print
//! when they are built with `reproducible`: that feature changes nothing but fusing, so a board is built with it where
//! there is something to change, and two boards always. With `--both`, all are. With `--brief`, which every change is checked with,
//! one board is, and the lessons below are shorter and fewer.
//!
//! One of them trains with `reproducible` too: the page in `examples/page` shows the hash of its weights, see `bits`.
//!
//! Every board runs imported networks of TensorFlow Lite as well (`goldens`), whose outputs must be the other runtime's: of its four, those
//! that it has room for.
//!
//! Two boards also train until most digits are read, and run inference from the desktop's weights: counts of
//! instructions, and the sizes of firmware that does just that. One of them takes training steps in slices as well, and
//! tells what the worst slice takes; and it learns pictures with convolutions, gestures with a recurrent layer, and digits to
//! read them with eight bits, in no more RAM than is said below: to the weights that this machine learns on the instruction sets of
//! its class. There and on two larger cores, adapters of a transformer learn in the same way. A board without floating point learns
//! digits in whole numbers, to the weights that all instruction sets learn.

use crate::bits;
use crate::board::{self, BOARDS, Board, Which};
use crate::image::Image;
use crate::process::{self, cargo, output, root, target_dir};
use crate::road::{Choice, Road};
use anyhow::{Context, Result, anyhow, bail, ensure};
use comfy_table::{Table, presets};
use std::path::Path;
use std::process::Command;
use std::thread::{self, ScopedJoinHandle};

/// The boards that are looked at in full: one with floating point, one without.
const IN_FULL: [&str; 2] = ["mps2-an386", "virt"];

/// The one of them that takes training steps in slices as well.
const IN_SLICES: &str = "mps2-an386";

/// Those where the adapters of a transformer learn too: one whose floating-point unit fuses, one with vectors.
const ADAPTS: [&str; 2] = ["mps2-an500", "mps3-an547"];

/// The one without floating point, on which digits are learnt in whole numbers.
const WHOLE: &str = "mps2-an385";

/// A program there that learns what this machine learns too.
struct Lesson {
    program: &'static str,
    /// Its sibling that runs the desktop's weights, if there is one.
    infers: Option<&'static str>,
    /// Features that these need.
    features: &'static [&'static str],
    /// Bytes of RAM that they may take, statics and stack.
    ram: u64,
    /// Whether it is to compute in whole numbers only.
    whole: bool,
}

const LESSONS: [Lesson; 5] = [
    Lesson {
        program: "pictures",
        infers: Some("pictures_infer"),
        features: &["pictures"],
        ram: 96 * 1024,
        whole: false,
    },
    Lesson { program: "gestures", infers: None, features: &[], ram: 64 * 1024, whole: false },
    Lesson { program: "lora", infers: None, features: &[], ram: 128 * 1024, whole: false },
    Lesson { program: "quantize", infers: None, features: &[], ram: 128 * 1024, whole: false },
    Lesson { program: "integers", infers: None, features: &[], ram: 16 * 1024, whole: true },
];

/// The lesson of a program.
fn lesson(program: &str) -> Option<&'static Lesson> {
    LESSONS.iter().find(|lesson| lesson.program == program || lesson.infers == Some(program))
}

/// The program that runs every kernel and short trainings.
const CHECK: &str = "check";

/// The program that runs imported networks, and the feature that it needs.
const GOLDENS: &str = "goldens";

/// The feature with which lessons of five seeds take the first.
const BRIEF: &str = "brief";

/// The last line of a lesson that this machine prints too begins so.
const HASH: &str = "weights fnv1a";

/// What `check` prints between what a small board prints too and the rest.
const LARGE: &str = "what takes more than 16 KiB\n";

/// How `cargo xtask qemu` is to be run.
pub(crate) struct Options {
    pub(crate) which: Which,
    /// Every board with `reproducible` too, also where that changes nothing.
    pub(crate) both: bool,
    /// Lessons of one seed instead of five, and the longest on one board only.
    pub(crate) brief: bool,
    /// Rewrites the hashes that the page shows.
    pub(crate) record: bool,
}

pub(crate) fn run(options: &Options, choice: Choice) -> Result<()> {
    let &Options { which, record, .. } = options;
    // One after the other: a road may have to be built.
    let roads: Vec<_> = which.boards().map(|board| (board, board::road(board, choice))).collect();
    let (desktops, built) = thread::scope(|scope| {
        let desktops = scope.spawn(move || -> Result<_> {
            let checks = [desktop(&[])?, desktop(&["reproducible"])?];
            let learns =
                |board: &Board| programs_of(board, options).iter().any(|name| lesson(name).is_some());
            let lessons = which.boards().any(learns).then(|| desktop_lessons(options));
            let training = which.boards().any(|board| board.name == IN_SLICES).then(bits::desktop);
            Ok((checks, lessons.transpose()?.unwrap_or_default(), training.transpose()?))
        });
        // Two at once: the compiler keeps one core busy at the end of each image.
        let builders: Vec<_> = (0..board::BUILDERS)
            .map(|builder| {
                let mine = roads.iter().filter(move |(board, _)| board::builder(board) == builder);
                scope.spawn(|| mine.flat_map(|(board, road)| board_findings(board, road, options)).collect())
            })
            .collect();
        (desktops.join(), builders.into_iter().map(ScopedJoinHandle::join).collect::<Vec<_>>())
    });
    let mut faults = Vec::new();
    let mut found = Vec::new();
    for one in built
        .into_iter()
        .flat_map(|builder| builder.unwrap_or_else(|_| vec![Err(anyhow!("a builder panicked"))]))
    {
        match one {
            Ok(finding) => found.push(finding),
            Err(error) => faults.push(format!("{error:#}")),
        }
    }
    let ([usual, reproducible], lessons, training) =
        desktops.map_err(|_| anyhow!("the desktop's check panicked"))??;
    // The second build of a board beside its first.
    found.sort_by_key(|one| BOARDS.iter().position(|board| board.name == one.board.name));
    for finding in &mut found {
        let compared = match finding.program {
            CHECK => finding.compare(&usual, &reproducible),
            "train" if finding.reproducible => {
                let training = training.as_deref().unwrap_or_default();
                bits::compare(finding.board.core, &finding.text, training, record)
            }
            program => lesson(program).map_or(Ok(()), |lesson| finding.compare_lesson(lesson, &lessons)),
        };
        if let Err(error) = compared {
            faults.push(format!("{}: {error:#}", finding.board.name));
        }
        if !finding.image.panics.is_empty() {
            let panics = finding.image.panics.join(", ");
            faults.push(format!("{} {} can panic: {panics}", finding.board.name, finding.program));
        }
    }
    println!("\n{}", checks(&found));
    println!("{}", programs(&found));
    println!("instructions: counted by QEMU, which has no pipeline; they are not cycles");
    if !faults.is_empty() {
        bail!("{}", faults.join("\n"));
    }
    Ok(())
}

/// What a board runs beside `check`; what takes longest first.
fn programs_of(board: &Board, options: &Options) -> &'static [&'static str] {
    match board.name {
        IN_SLICES => &[
            "quantize",
            "pictures",
            "gestures",
            "lora",
            "pictures_infer",
            "train",
            "infer",
            "slices",
            GOLDENS,
        ],
        name if IN_FULL.contains(&name) => &["train", "infer", GOLDENS],
        name if ADAPTS.contains(&name) && !options.brief => &["lora", GOLDENS],
        WHOLE => &["integers", GOLDENS],
        _ => &[GOLDENS],
    }
}

/// What comes of a board's images. They are built one after the other; while the next is built, those before run.
fn board_findings(board: &'static Board, road: &Result<Road>, options: &Options) -> Vec<Result<Finding>> {
    let road = match road {
        Ok(road) => road,
        Err(error) => return vec![Err(anyhow!("{}: {error:#}", board.name))],
    };
    let programs = programs_of(board, options);
    // The same for all, or what the programs share would be compiled for each.
    let mut usual = vec![GOLDENS];
    for lesson in programs.iter().filter_map(|program| lesson(program)) {
        usual.extend(lesson.features);
        usual.extend(options.brief.then_some(BRIEF));
    }
    usual.sort_unstable();
    usual.dedup();
    thread::scope(|scope| {
        let start = |program: &'static str, reproducible| {
            let features = if reproducible { &["reproducible"][..] } else { &usual };
            let path = board::build(board, road, program, features)?;
            let road = road.name();
            Ok(scope.spawn(move || Finding::of(board, road, program, reproducible, &path)))
        };
        let joined = |job: Result<ScopedJoinHandle<'_, Result<Finding>>>| {
            let panicked = |_| Err(anyhow!("the thread that ran it panicked"));
            job.and_then(|job| job.join().unwrap_or_else(panicked)).context(board.name)
        };
        let check = start(CHECK, false);
        let mut jobs: Vec<_> = programs.iter().map(|program| start(program, false)).collect();
        let check = joined(check);
        let again = match options.brief {
            true => board.name == IN_SLICES,
            false => IN_FULL.contains(&board.name) || check.as_ref().is_ok_and(Finding::is_fused),
        };
        if again || options.both {
            jobs.push(start(CHECK, true));
        }
        if board.name == IN_SLICES {
            // The training that the page repeats.
            jobs.push(start("train", true));
        }
        [check].into_iter().chain(jobs.into_iter().map(joined)).collect()
    })
}

/// What one image printed on its board.
struct Finding {
    board: &'static Board,
    program: &'static str,
    reproducible: bool,
    road: &'static str,
    text: String,
    image: Image,
    /// The instruction sets of this machine that print the same.
    same: Vec<String>,
}

impl Finding {
    /// Runs an image to its end.
    fn of(
        board: &'static Board,
        road: &'static str,
        program: &'static str,
        reproducible: bool,
        path: &Path,
    ) -> Result<Self> {
        let text = board::emulate(board, path)?;
        let image = Image::read(path)?;
        if program != CHECK {
            let lines: String = text.lines().map(|line| format!("    {line}\n")).collect();
            println!("\n{} {program} ({}, {road})\n{lines}", board.name, board.target);
        }
        Ok(Self { board, program, reproducible, road, text, image, same: vec![] })
    }

    /// The words after `key` on the line that starts with it.
    fn value(&self, key: &str) -> Option<&str> {
        self.text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' '))
    }

    /// The first of them, or a dash.
    fn word(&self, key: &str) -> &str {
        self.value(key).and_then(|value| value.split(' ').next()).unwrap_or("-")
    }

    fn is_fused(&self) -> bool {
        self.value("class") == Some("fused")
    }

    /// Compares a check with this machine's; notes whom it equals.
    fn compare(&mut self, usual: &[Run], reproducible: &[Run]) -> Result<()> {
        ensure!(!(self.reproducible && self.is_fused()), "fuses, although built with `reproducible`");
        let class = |run: &&Run| run.class() == self.value("class");
        let usual: Vec<_> = usual.iter().filter(class).collect();
        if !self.reproducible {
            ensure!(!usual.is_empty(), "no instruction set of this machine is of the board's class");
            self.same.extend(usual.iter().map(|run| run.isa.clone()));
        }
        let reproducible = if self.is_fused() { &[][..] } else { reproducible };
        if !reproducible.is_empty() {
            let all: Vec<_> = reproducible.iter().map(|run| run.isa.as_str()).collect();
            self.same.push(format!("reproducible {}", all.join(", ")));
        }
        for run in usual.into_iter().chain(reproducible) {
            let theirs = run.text.as_str();
            let part = if self.board.small { theirs.split(LARGE).next() } else { Some(theirs) };
            same(self.board.name, &self.text, part.unwrap_or(theirs))?;
        }
        Ok(())
    }

    /// Compares what the board learnt, or holds in flash, with what this machine learns; adds up the RAM.
    fn compare_lesson(&mut self, lesson: &Lesson, lessons: &[(&str, Vec<Run>)]) -> Result<()> {
        let learns = self.program == lesson.program;
        // The weights in flash are of instruction sets that do not fuse.
        let class = if learns { self.value("class") } else { Some("not fused") };
        let runs =
            lessons.iter().filter(|(program, _)| *program == lesson.program).flat_map(|(_, runs)| runs);
        let runs: Vec<_> = runs.filter(|run| run.class() == class).collect();
        ensure!(!runs.is_empty(), "no instruction set of this machine is of the board's class");
        for run in &runs {
            if learns {
                same(self.board.name, &learnt(&self.text), &learnt(&run.text))?;
            }
            let [ours, theirs] =
                [&self.text, &run.text].map(|text| learnt(text).lines().last().map(String::from));
            ensure!(
                ours.is_some() && ours == theirs,
                "{} has {ours:?} instead of {theirs:?}: for flash, see `WEIGHTS` in examples/pictures",
                self.program
            );
        }
        let stack: u64 = self.word("stack").parse().context("a stack in bytes")?;
        let ram = self.image.ram + stack;
        println!(
            "{} {}: {ram} B of RAM, statics and stack; the weights of {}",
            self.board.name,
            self.program,
            { runs.iter().map(|run| run.isa.as_str()).collect::<Vec<_>>().join(", ") }
        );
        ensure!(ram <= lesson.ram, "{} takes {ram} B of RAM, not {}", self.program, lesson.ram);
        // By calls: there are no instructions for it.
        let floats = &self.image.floats;
        ensure!(
            !lesson.whole || floats.is_empty(),
            "{} computes in floating point: {floats:?}",
            self.program
        );
        Ok(())
    }
}

/// The lines of a lesson up to the hash of the weights.
fn learnt(text: &str) -> String {
    let mut lines: Vec<_> = text.lines().collect();
    let end = lines.iter().position(|line| line.starts_with(HASH));
    lines.truncate(end.map_or(0, |end| end + 1));
    lines.join("\n")
}

/// What this machine prints on one of its instruction sets.
pub(crate) struct Run {
    pub(crate) isa: String,
    pub(crate) text: String,
}

impl Run {
    pub(crate) fn class(&self) -> Option<&str> {
        self.text.lines().find_map(|line| line.strip_prefix("class "))
    }

    /// The runs in the output of `desktop`, each after a line with the name of its instruction set.
    pub(crate) fn parse(text: &str) -> Vec<Self> {
        let runs = text.split("isa ").filter_map(|run| run.split_once('\n'));
        runs.map(|(isa, text)| Self { isa: isa.into(), text: text.into() }).collect()
    }
}

/// The check on every instruction set of this machine; fails unless those of a class agree.
pub(crate) fn desktop(features: &[&str]) -> Result<Vec<Run>> {
    let target = target_dir("desktop");
    let mut build = cargo();
    build.current_dir(root().join("examples/firmware"));
    // Not optimised: bits do not depend on it, it compiles in half the time, and kernels assert what they rely on.
    build.args(["build", "--quiet", "--bin", "desktop", "--target-dir"]).arg(&target);
    build.env("CARGO_PROFILE_DEV_DEBUG", "0");
    process::run(build.args(["--features", &features.join(",")]))?;
    let runs = Run::parse(&output(&mut Command::new(target.join("debug/desktop")))?);
    ensure!(!runs.is_empty(), "the desktop printed nothing");
    for run in &runs {
        let first = runs.iter().find(|first| first.class() == run.class()).context("a class")?;
        same(&run.isa, &run.text, &first.text)?;
    }
    if features.contains(&"reproducible") {
        ensure!(runs.iter().all(|run| run.class() == Some("not fused")), "fuses, although `reproducible`");
    }
    Ok(runs)
}

/// Every lesson on every instruction set of this machine; fails unless those of a class agree.
fn desktop_lessons(options: &Options) -> Result<Vec<(&'static str, Vec<Run>)>> {
    let target = target_dir("desktop");
    let mut build = cargo();
    build.current_dir(root().join("examples/firmware"));
    // Optimised, for it takes minutes otherwise.
    build.args(["build", "--quiet", "--release", "--target-dir"]).arg(&target);
    for lesson in &LESSONS {
        build.args(["--bin", lesson.program, "--features", &lesson.features.join(",")]);
    }
    if options.brief {
        build.args(["--features", BRIEF]);
    }
    process::run(&mut build)?;
    let lesson = |lesson: &Lesson| {
        let runs = Run::parse(&output(&mut Command::new(target.join("release").join(lesson.program)))?);
        for run in &runs {
            let first = runs.iter().find(|first| first.class() == run.class()).context("a class")?;
            same(&run.isa, &run.text, &first.text)?;
        }
        Ok((lesson.program, runs))
    };
    LESSONS.iter().map(lesson).collect()
}

/// Fails at the first line that differs.
pub(crate) fn same(name: &str, ours: &str, theirs: &str) -> Result<()> {
    ensure!(!theirs.is_empty(), "there is nothing to compare {name} with");
    let mut lines = ours.lines().zip(theirs.lines()).enumerate();
    if let Some((number, (ours, theirs))) = lines.find(|(_, (ours, theirs))| ours != theirs) {
        bail!("{name} differs in line {}:\n{name}: {ours}\ninstead of: {theirs}", number + 1);
    }
    let (ours, theirs) = (ours.lines().count(), theirs.lines().count());
    ensure!(ours == theirs, "{name} printed {ours} lines instead of {theirs}");
    Ok(())
}

/// The boards' checks.
fn checks(findings: &[Finding]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_BORDERS_ONLY);
    table.set_header([
        "board",
        "core",
        "target",
        "road",
        "build",
        "class",
        "kernels",
        "hash",
        "large products",
        "hash",
        "all equal to",
    ]);
    for finding in findings.iter().filter(|finding| finding.program == CHECK) {
        let hash = |key: &str| {
            finding.value(key).and_then(|value| value.rsplit(' ').next()).unwrap_or("-").to_string()
        };
        table.add_row([
            finding.board.name.to_string(),
            finding.board.core.into(),
            finding.board.target.into(),
            finding.road.into(),
            if finding.reproducible { "reproducible" } else { "usual" }.into(),
            finding.value("class").unwrap_or("-").into(),
            finding.word("kernels").into(),
            hash("kernels"),
            finding.word("large products").into(),
            hash("large products"),
            finding.same.join("; "),
        ]);
    }
    table
}

/// Sizes of all images, and what those programs counted that count.
fn programs(findings: &[Finding]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_BORDERS_ONLY);
    table.set_header([
        "board",
        "image",
        "held-out %",
        "step of 32 (lora 4, pictures 3, gestures 2)",
        "step of 1",
        "inference",
        "code B",
        "flash B",
        "static RAM B",
        "panics",
    ]);
    for finding in findings {
        let Image { code, flash, ram, panics, .. } = &finding.image;
        let build = if finding.reproducible { ", reproducible" } else { "" };
        table.add_row([
            finding.board.name.to_string(),
            format!("{}{build}", finding.program),
            finding.word("held-out accuracy").into(),
            ["32", "4", "3", "2"]
                .map(|rows| finding.word(&format!("instructions train-step-{rows}")))
                .into_iter()
                .find(|step| *step != "-")
                .unwrap_or("-")
                .into(),
            finding.word("instructions train-step-1").into(),
            finding.word("instructions inference").into(),
            code.to_string(),
            flash.to_string(),
            ram.to_string(),
            if panics.is_empty() { "none" } else { "yes" }.into(),
        ]);
    }
    table
}

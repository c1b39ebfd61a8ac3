//! Translates dates, a character at a time: "the 3rd of MARCH, '97" becomes "1997-03-03". A transformer with an
//! encoder, which reads the date, and a decoder, which writes it and looks across at what was read.
//!
//! ```text
//! cargo run --release --example translate                           # trains, translates, shows where it looked
//! cargo run --release --example translate -- --steps 300            # worse, in a tenth of the time
//! cargo run --release --example translate -- "4 july 2026"          # and a date of yours
//! ```
//!
//! Dates are of a hundred years, in eighteen forms, with noise in case and spaces (`support/dates.rs`); of every ten
//! days one is held out. In training the decoder is given the right characters before each one that it predicts; at
//! the end it is given its own. Expect 99.8 % of held-out dates to be right in all ten characters; exits with status
//! 1 if fewer are right than --steps let expect.

use comfy_table::{CellAlignment, Table, presets};
use comparison::Comparison;
use dates::{FORMS, Sample};
use fusebox::decoding::greedy;
use fusebox::layers::Summary;
use fusebox::{
    AdamW, ClipNorm, CrossEntropy, EachPosition, Init, Isa, Layer, Rng, Schedule, Scratch, Workspace, Zeroed,
};
use large::lock;
use shade::shade;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Instant;
use translator::{S, T, Translator, decode, row, tokens};

#[path = "support/comparison.rs"]
mod comparison;
#[path = "support/dates.rs"]
mod dates;
#[path = "support/large.rs"]
mod large;
#[path = "support/progress.rs"]
mod progress;
#[path = "support/shade.rs"]
mod shade;
#[path = "support/translator.rs"]
mod translator;

type Training = Workspace<Translator, BATCH, ClipNorm<AdamW>, EachPosition<CrossEntropy>>;

const BATCH: usize = 32;
const STEPS: u32 = 3000;
/// Steps of growing rates, before they fall along a cosine.
const WARM_UP: u32 = 100;
const RATE: f32 = 2e-3;
/// Of each step's gradient.
const NORM: f32 = 1.0;
/// Held-out dates in each form.
const EACH: usize = 100;

// Too large for a stack.
static NET: Mutex<Translator> = Mutex::new(Translator::ZEROED);
static TRAINING: Mutex<Training> = Mutex::new(Workspace::with_loss(EachPosition(CrossEntropy)));
static SCRATCH: Mutex<Scratch<Translator, BATCH>> = Mutex::new(Scratch::new());

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = pico_args::Arguments::from_env();
    let steps = arguments.opt_value_from_str("--steps")?.unwrap_or(STEPS);
    let seed = arguments.opt_value_from_str("--seed")?.unwrap_or(1);
    let rows: Option<PathBuf> = arguments.opt_value_from_str("--rows")?;
    let given: Option<String> = arguments.opt_free_from_str()?;
    if !arguments.finish().is_empty() {
        return Err("usage: translate [--steps N] [--seed N] [--rows FILE] [DATE]".into());
    }
    if let Some(path) = rows {
        return write_rows(&path, steps, seed);
    }
    let text = given.unwrap_or_else(|| "the 3rd of March, '97".into());
    // Not only after minutes of training.
    translator::check(&text)?;
    println!("{}", Summary::of_training::<Translator>());
    println!("translate: {steps} steps of {BATCH} dates, AdamW, seed {seed}, {}\n", Isa::detect());
    let mut net = lock(&NET);
    let start = Instant::now();
    train(&mut net, steps, seed)?;
    let seconds = start.elapsed().as_secs_f64();

    let (exact, table) = judge(&net)?;
    println!("{table}");
    let mut comparison = Comparison::new("translate", &["transformer"]);
    comparison.add("exact_match", [exact])?;
    comparison.add("seconds", [seconds])?;
    println!("{comparison}\n");
    show(&net, &text)?;

    let least = least(steps);
    if exact < least {
        return Err(format!("{:.4} of the dates are right, fewer than {least}", exact).into());
    }
    Ok(())
}

/// Below this part of right dates something is broken.
fn least(steps: u32) -> f64 {
    match steps {
        0..300 => 0.0,
        300..1500 => 0.1,
        1500..STEPS => 0.8,
        STEPS.. => 0.99,
    }
}

/// Writes the dates that train, then those held out, for PyTorch's network: see `examples/data/README.md`.
fn write_rows(path: &Path, steps: u32, seed: u64) -> Result<(), Box<dyn Error>> {
    let mut data = Rng::stream(seed, 1);
    let training = (0..steps as usize * BATCH).map(|_| Sample::training(&mut data));
    let lines = training.chain(Sample::held_out(EACH)).map(|Sample { text, iso }| format!("{iso}{text}\n"));
    std::fs::write(path, lines.collect::<String>())
        .map_err(|error| format!("{}: {error}", path.display()).into())
}

/// Everything random follows from `seed`.
fn train(net: &mut Translator, steps: u32, seed: u64) -> Result<(), Box<dyn Error>> {
    let mut data = Rng::stream(seed, 1);
    net.init(Init::He, &mut Rng::new(seed));
    let mut workspace = lock(&TRAINING);
    let warm_up = WARM_UP.min(steps);
    let schedule = Schedule::cosine(RATE, 0.0, (steps - warm_up).max(1))?.warm_up(warm_up);
    let progress = progress::bar(steps)?;
    for step in 0..steps {
        let mut stage = workspace.stage();
        for _ in 0..BATCH {
            let Sample { text, iso } = Sample::training(&mut data);
            let iso = tokens(&iso);
            stage.push(iso, |x| *x = row(&iso, &text))?;
        }
        let optimizer = AdamW::new(schedule.rate(step), 0.01).weights_only();
        let loss = stage.train_step(net, &ClipNorm::new(optimizer, NORM))?;
        progress.set_message(format!("{loss:.4}"));
        progress.inc(1);
        if (step + 1).is_multiple_of((steps / 10).max(1)) {
            let Sample { text, iso } = Sample::random(true, FORMS[2], &mut Rng::new(step.into()));
            let written = &translate(net, &[&text])?[0];
            let mark = if *written == iso { "" } else { "wrong" };
            progress.suspend(|| println!("step {:5}, loss {loss:.4}: {text:32} {written} {mark}", step + 1));
        }
    }
    progress.finish_and_clear();
    Ok(())
}

/// Writes the most likely next character of each translation until it is complete.
fn translate(net: &Translator, texts: &[&str]) -> Result<Vec<String>, fusebox::Error> {
    let mut scratch = lock(&SCRATCH);
    let mut translations = Vec::new();
    for texts in texts.chunks(BATCH) {
        let mut written = vec![[0; T]; texts.len()];
        let mut scores = vec![Zeroed::ZEROED; texts.len()];
        for t in 0..T {
            let rows: Vec<_> =
                written.iter().zip(texts).map(|(written, text)| row(&written[..t], text)).collect();
            net.infer(&rows, &mut scratch, &mut scores)?;
            for (written, scores) in written.iter_mut().zip(&scores) {
                written[t] = greedy(&scores[t])? as u8;
            }
        }
        translations.extend(written.iter().map(|written| decode(written)));
    }
    Ok(translations)
}

/// The part of the held-out dates that is right in all characters, and a table of it.
fn judge(net: &Translator) -> Result<(f64, Table), fusebox::Error> {
    let samples = Sample::held_out(EACH);
    let texts: Vec<_> = samples.iter().map(|sample| &*sample.text).collect();
    let translated = translate(net, &texts)?;
    let right: Vec<_> =
        translated.iter().zip(&samples).map(|(translated, sample)| *translated == sample.iso).collect();
    let part = |right: &[bool]| right.iter().filter(|&&right| right).count() as f64 / right.len() as f64;

    let mut table = Table::new();
    table.load_style(presets::UTF8_BORDERS_ONLY);
    table.set_header(["form", "a held-out date", "translated", "", "right in this form"]);
    for (i, form) in FORMS.iter().enumerate() {
        let (first, mark) = (i * EACH, if right[i * EACH] { "" } else { "wrong" });
        let of_form = format!("{:.0} %", 100.0 * part(&right[first..first + EACH]));
        table.add_row([*form, texts[first], &translated[first], mark, &of_form]);
    }
    if let Some(column) = table.column_mut(4) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    Ok((part(&right), table))
}

/// Prints a translation, and for each of its characters where the decoder looked to write it.
fn show(net: &Translator, text: &str) -> Result<(), Box<dyn Error>> {
    let iso = &translate(net, &[text])?[0];
    let looks = looks(net, text, iso)?;
    println!("{text} is {iso}. Where each character was read:\n\n    {text}");
    for (c, look) in iso.chars().zip(&looks) {
        println!("  {c} {}", look.iter().take(text.len()).map(|&p| shade(p)).collect::<String>());
    }
    Ok(())
}

/// The weights of the attention from each character written to each of those read: of what the layers before it make
/// of the row.
fn looks(net: &Translator, text: &str, iso: &str) -> Result<[[f32; S]; T], fusebox::Error> {
    let (mut frames, mut state, mut asked) = ([Zeroed::ZEROED], [Zeroed::ZEROED], [Zeroed::ZEROED]);
    net.first.infer(&[row(&tokens(iso), text)], &mut Scratch::<_, 1>::new(), &mut frames)?;
    net.rest.first.infer(&frames, &mut Scratch::<_, 1>::new(), &mut state)?;
    let across = &net.rest.rest.first.second;
    across.first.infer(&state, &mut Scratch::<_, 1>::new(), &mut asked)?;
    Ok(std::array::from_fn(|t| across.rest.first.weights(&asked[0], 0, t)))
}

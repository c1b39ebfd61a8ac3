//! Restores masked characters of Shakespeare from those on both sides: a BERT of two blocks, four heads and 128
//! numbers, trained on 32 characters at a time.
//!
//! ```text
//! cargo run --release --example masked                     # trains, draws its curve, restores a few lines
//! cargo run --release --example masked -- --steps 4000     # better, and slower
//! cargo run --release --example masked -- --text FILE --seed 2
//! ```
//!
//! 15 % of the characters are to be restored, as by J. Devlin and others, 2019; the loss is of these positions only.
//! The last tenth of the text is held out. Expect a loss there of 1.94 nats, and 45 % of the characters restored; PyTorch
//! reaches 1.97 and 44 % (means of three seeds: `examples/data/README.md`). Exits with status 1 if the loss there is
//! above what --steps let expect.

use bert::{Bert, T};
use comfy_table::{CellAlignment, Table, presets};
use fusebox::layers::Summary;
use fusebox::{
    AdamW, ClipNorm, CrossEntropy, EachPosition, Ignoring, Init, Isa, Rng, Schedule, Scratch, Workspace,
    Zeroed, argmax,
};
use mask::{MASK, Masked, mask};
use std::error::Error;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;
use text::{ALPHABET, Text};

#[path = "support/bert.rs"]
mod bert;
#[path = "support/curve.rs"]
mod curve;
#[path = "support/mask.rs"]
mod mask;
#[path = "support/progress.rs"]
mod progress;
#[path = "support/text.rs"]
mod text;

const CHARACTERS: usize = ALPHABET.len();
type Net = Bert<{ CHARACTERS + 1 }, CHARACTERS>;
type Loss = EachPosition<Ignoring<CrossEntropy>>;
type Training = Workspace<Net, BATCH, ClipNorm<AdamW>, Loss>;

const BATCH: usize = 16;
const STEPS: u32 = 1500;
/// Steps of growing rates, before they fall to a tenth along a cosine.
const WARM_UP: u32 = 100;
const RATE: f32 = 2e-3;
/// Of each step's gradient.
const NORM: f32 = 1.0;
/// Sequences that are shown with what was restored.
const SHOWN: usize = 3;
/// Of the masks of the held-out text: the same for all trainings.
const MASKS: u64 = 100;

// Too large for a stack.
static NET: Mutex<Net> = Mutex::new(Net::ZEROED);
static TRAINING: Mutex<Training> = Mutex::new(Workspace::with_loss(EachPosition(Ignoring(CrossEntropy))));
static SCRATCH: Mutex<Scratch<Net, 1>> = Mutex::new(Scratch::new());

struct Arguments {
    text: Option<PathBuf>,
    steps: u32,
    seed: u64,
}

impl Arguments {
    fn parse() -> Result<Self, Box<dyn Error>> {
        let mut given = pico_args::Arguments::from_env();
        let arguments = Self {
            text: given.opt_value_from_str("--text")?,
            steps: given.opt_value_from_str("--steps")?.unwrap_or(STEPS),
            seed: given.opt_value_from_str("--seed")?.unwrap_or(1),
        };
        match given.finish().as_slice() {
            [] => Ok(arguments),
            _ => Err("usage: masked [--text FILE] [--steps N] [--seed N]".into()),
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse()?;
    let text = Text::load(arguments.text.as_deref())?;
    let mut net = NET.lock().unwrap_or_else(PoisonError::into_inner);
    let mut workspace = TRAINING.lock().unwrap_or_else(PoisonError::into_inner);
    let mut rng = Rng::new(arguments.seed);
    net.init(Init::He, &mut rng);
    println!("{}", Summary::of_training::<Net>());
    println!(
        "masked: {} steps of {BATCH} sequences of {T} characters, AdamW, seed {}, {}\n",
        arguments.steps,
        arguments.seed,
        Isa::detect()
    );
    train(&mut net, &mut workspace, &text, arguments.steps, &mut rng)?;

    let mut rng = Rng::new(MASKS);
    let held_out: Vec<Masked> = text.held_out().0.iter().map(|x| mask(x, &mut rng)).collect();
    let (xs, targets): (Vec<_>, Vec<_>) = held_out.iter().map(|masked| (masked.shown, masked.hidden)).unzip();
    let loss = workspace.validate(&net, &xs, &targets)?;
    let restored = restore(&net, &xs)?;
    println!("{}", table(&held_out, &restored, loss, &text));
    // Some that are far apart.
    for (masked, restored) in
        held_out.iter().zip(&restored).step_by((held_out.len() / SHOWN).max(1)).take(SHOWN)
    {
        println!("{}", lines(masked, restored));
    }
    let most = most(arguments.steps);
    match arguments.text.is_none() && (loss.is_nan() || loss > most) {
        true => Err(format!("the loss {loss:.3} is above {most}").into()),
        false => Ok(()),
    }
}

/// Above this loss something is broken.
fn most(steps: u32) -> f32 {
    match steps {
        0..100 => f32::INFINITY,
        100..STEPS => 3.3,
        STEPS.. => 2.05,
    }
}

fn train(
    net: &mut Net,
    workspace: &mut Training,
    text: &Text,
    steps: u32,
    rng: &mut Rng,
) -> Result<(), Box<dyn Error>> {
    let schedule = Schedule::cosine(RATE, RATE / 10.0, steps.saturating_sub(WARM_UP).max(1))?
        .warm_up(WARM_UP.min(steps));
    let progress = progress::bar(steps)?;
    let mut losses = Vec::new();
    let start = Instant::now();
    for step in 0..steps {
        let mut optimizer = AdamW::new(schedule.rate(step), 0.1).weights_only();
        optimizer.adam.beta2 = 0.99;
        let mut stage = workspace.stage();
        for _ in 0..BATCH {
            let (x, _) = text.window(rng);
            let masked = mask(&x, rng);
            stage.push(masked.hidden, |row| *row = masked.shown)?;
        }
        let loss = stage.train_step(net, &ClipNorm::new(optimizer, NORM))?;
        losses.push(loss);
        progress.set_message(format!("{loss:.3}"));
        progress.inc(1);
    }
    progress.finish_and_clear();
    println!("trained in {:.1} s\n", start.elapsed().as_secs_f64());
    curve::print(&[&losses], (steps / 100).max(1) as usize, "step");
    Ok(())
}

/// The most likely character at each position.
fn restore(net: &Net, xs: &[[u8; T]]) -> Result<Vec<[u8; T]>, fusebox::Error> {
    let mut scratch = SCRATCH.lock().unwrap_or_else(PoisonError::into_inner);
    let one = |x: &[u8; T]| {
        let mut logits = [[[0.0; CHARACTERS]; T]];
        net.infer(&[*x], &mut scratch, &mut logits)?;
        Ok(logits[0].each_ref().map(|logits| argmax(logits) as u8))
    };
    xs.iter().map(one).collect()
}

/// How many of the characters to be restored were, by what stood in their place.
fn table(held_out: &[Masked], restored: &[[u8; T]], loss: f32, text: &Text) -> Table {
    let mut counts = [[0_u32; 2]; 3];
    for (masked, restored) in held_out.iter().zip(restored) {
        for ((&shown, hidden), restored) in masked.shown.iter().zip(masked.hidden).zip(restored) {
            let Some(hidden) = hidden else { continue };
            let kind = if shown == MASK {
                0
            } else if shown != hidden {
                1
            } else {
                2
            };
            counts[kind][0] += 1;
            counts[kind][1] += u32::from(*restored == hidden);
        }
    }
    let all = [0, 1].map(|i| counts.iter().map(|count| count[i]).sum());
    let mut table = Table::new();
    table.load_style(presets::UTF8_BORDERS_ONLY);
    table.set_header(["held-out text", "characters", "restored"]);
    let names = ["masked", "replaced by any character", "left as they were", "all that are asked for"];
    for (name, [count, right]) in names.into_iter().zip(counts.into_iter().chain([all])) {
        let part = match count {
            0 => "-".into(),
            _ => format!("{:.1} %", 100.0 * f64::from(right) / f64::from(count)),
        };
        table.add_row([name.into(), count.to_string(), part]);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let frequencies = text.entropy() * std::f64::consts::LN_2;
    table.add_row(["loss, nats a character".into(), String::new(), format!("{loss:.3}")]);
    table.add_row(["the same by how often each occurs".into(), String::new(), format!("{frequencies:.3}")]);
    table
}

/// A sequence as it was shown, with `_` for a mask; as it was restored; and marks below characters restored wrongly.
fn lines(masked: &Masked, restored: &[u8; T]) -> String {
    let one_line = |tokens: &[u8]| text::decode(tokens).replace('\n', "/");
    let mut lines = [String::new(), String::new(), String::new()];
    for ((shown, hidden), restored) in masked.shown.iter().zip(masked.hidden).zip(restored) {
        let character = if hidden.is_some() { restored } else { shown };
        lines[0] += &if *shown == MASK { "_".into() } else { one_line(&[*shown]) };
        lines[1] += &one_line(&[*character]);
        lines[2] += if hidden.is_some_and(|hidden| hidden != *character) { "^" } else { " " };
    }
    format!("{}\n{}\n{}", lines[0], lines[1], lines[2].trim_end())
}

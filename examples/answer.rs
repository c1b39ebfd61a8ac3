//! Answers questions about small stories: "mary went to the kitchen . john took the ball . where is the ball ?" A
//! transformer of three blocks reads the sentences and the question, and names a place.
//!
//! ```text
//! cargo run --release --example answer                        # trains, answers, shows where it looked
//! cargo run --release --example answer -- --steps 300         # worse, in a tenth of the time
//! ```
//!
//! Stories of three to eight sentences, in the manner of the first two bAbI tasks (`support/stories.rs`). To find a
//! person takes the last sentence of that person's moves; to find a thing that is carried, who took it and where that
//! person went; to find one that was put down, also where that person had gone before. Words become numbers, the
//! words of a sentence one frame; attention is between sentences. One in sixteen of all stories is held out. Seeds 1 to 3 answer
//! 100, 97.0 and 100 % of these right (the second 91.2 % of things carried); exits with status 1 if it is fewer than --steps let expect.

use comparison::Comparison;
use fusebox::layers::Summary;
use fusebox::{
    AdamW, ClipNorm, CrossEntropy, Init, Isa, Layer, Rng, Schedule, Scratch, Workspace, Zeroed, argmax,
};
use large::lock;
use reader::{BLOCKS, HEADS, Reader, T};
use shade::shade;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Instant;
use stories::{KINDS, PLACES, Story, WORDS};

#[path = "support/comparison.rs"]
mod comparison;
#[path = "support/large.rs"]
mod large;
#[path = "support/progress.rs"]
mod progress;
#[path = "support/reader.rs"]
mod reader;
#[path = "support/shade.rs"]
mod shade;
#[path = "support/stories.rs"]
mod stories;

type Training = Workspace<Reader, BATCH, ClipNorm<AdamW>, CrossEntropy>;

const BATCH: usize = 32;
const STEPS: u32 = 4000;
/// Steps of growing rates, before they fall along a cosine.
const WARM_UP: u32 = 100;
const RATE: f32 = 1e-3;
/// Of each step's gradient.
const NORM: f32 = 1.0;
/// Held-out questions of each kind.
const EACH: usize = 500;
/// And while it learns.
const LOOK: usize = 100;
/// No token.
const ABSENT: u8 = u8::MAX;

// Too large for a stack.
static NET: Mutex<Reader> = Mutex::new(Reader::ZEROED);
static TRAINING: Mutex<Training> = Mutex::new(Workspace::new());
static SCRATCH: Mutex<Scratch<Reader, BATCH>> = Mutex::new(Scratch::new());

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = pico_args::Arguments::from_env();
    let steps = arguments.opt_value_from_str("--steps")?.unwrap_or(STEPS);
    let seed = arguments.opt_value_from_str("--seed")?.unwrap_or(1);
    let rows: Option<PathBuf> = arguments.opt_value_from_str("--rows")?;
    if !arguments.finish().is_empty() {
        return Err("usage: answer [--steps N] [--seed N] [--rows FILE]".into());
    }
    if let Some(path) = rows {
        return write_rows(&path, steps, seed);
    }
    println!("{}", Summary::of_training::<Reader>());
    println!("answer: {steps} steps of {BATCH} stories, AdamW, seed {seed}, {}\n", Isa::detect());
    let mut net = lock(&NET);
    let start = Instant::now();
    train(&mut net, steps, seed)?;
    let seconds = start.elapsed().as_secs_f64();

    let stories = Story::held_out(EACH);
    for of_kind in stories.chunks(EACH) {
        show(&net, &of_kind[0])?;
    }
    let right = right(&net, &stories)?;
    let mut comparison = Comparison::new("answer", &["transformer"]);
    for (kind, right) in KINDS.iter().zip(right.chunks(EACH)) {
        comparison.add(kind, [part(right)])?;
    }
    comparison.add("seconds", [seconds])?;
    println!("{comparison}");

    let (least, all) = (least(steps), part(&right));
    if all < least {
        return Err(format!("{all:.4} of the answers are right, fewer than {least}").into());
    }
    Ok(())
}

/// Below this part of right answers something is broken.
fn least(steps: u32) -> f64 {
    match steps {
        0..300 => 0.0,
        300..1000 => 0.4,
        1000..STEPS => 0.8,
        STEPS.. => 0.95,
    }
}

/// Writes the stories that train, then those held out, for PyTorch's network: see `examples/data/README.md`.
fn write_rows(path: &Path, steps: u32, seed: u64) -> Result<(), Box<dyn Error>> {
    let mut data = Rng::stream(seed, 1);
    let training = (0..steps as usize * BATCH).map(|_| Story::training(&mut data));
    let line = |story: Story| {
        let tokens =
            story.tokens(ABSENT).as_flattened().iter().map(|token| format!(" {token}")).collect::<String>();
        format!("{}{tokens}\n", story.answer)
    };
    let lines: String = training.chain(Story::held_out(EACH)).map(line).collect();
    std::fs::write(path, lines).map_err(|error| format!("{}: {error}", path.display()).into())
}

/// Everything random follows from `seed`.
fn train(net: &mut Reader, steps: u32, seed: u64) -> Result<(), Box<dyn Error>> {
    let mut data = Rng::stream(seed, 1);
    net.init(Init::He, &mut Rng::new(seed));
    let mut workspace = lock(&TRAINING);
    let warm_up = WARM_UP.min(steps);
    let schedule = Schedule::cosine(RATE, 0.0, (steps - warm_up).max(1))?.warm_up(warm_up);
    let progress = progress::bar(steps)?;
    let some = Story::held_out(LOOK);
    for step in 0..steps {
        let mut stage = workspace.stage();
        for _ in 0..BATCH {
            let story = Story::training(&mut data);
            stage.push(story.answer, |x| *x = story.tokens(ABSENT))?;
        }
        let optimizer = AdamW::new(schedule.rate(step), 0.01).weights_only();
        let loss = stage.train_step(net, &ClipNorm::new(optimizer, NORM))?;
        progress.set_message(format!("{loss:.4}"));
        progress.inc(1);
        if (step + 1).is_multiple_of((steps / 20).max(1)) {
            let right = right(net, &some)?;
            let parts: Vec<_> =
                right.chunks(LOOK).map(|right| format!("{:5.1} %", 100.0 * part(right))).collect();
            progress.suspend(|| println!("step {:5}, loss {loss:.4}: {}", step + 1, parts.join(" ")));
        }
    }
    progress.finish_and_clear();
    Ok(())
}

/// The place that scores best for each story.
fn answer(net: &Reader, stories: &[Story]) -> Result<Vec<u8>, fusebox::Error> {
    let mut scratch = lock(&SCRATCH);
    let mut answers = Vec::new();
    for stories in stories.chunks(BATCH) {
        let rows: Vec<_> = stories.iter().map(|story| story.tokens(ABSENT)).collect();
        let mut scores = vec![Zeroed::ZEROED; rows.len()];
        net.infer(&rows, &mut scratch, &mut scores)?;
        answers.extend(scores.iter().map(|scores| argmax(scores) as u8));
    }
    Ok(answers)
}

/// Whether each story's question is answered right.
fn right(net: &Reader, stories: &[Story]) -> Result<Vec<bool>, fusebox::Error> {
    let answers = answer(net, stories)?;
    Ok(answers.iter().zip(stories).map(|(&answer, story)| answer == story.answer).collect())
}

fn part(right: &[bool]) -> f64 {
    right.iter().filter(|&&right| right).count() as f64 / right.len() as f64
}

/// Prints a story, the answer to its question, and how much the words of the question looked at each sentence.
fn show(net: &Reader, story: &Story) -> Result<(), fusebox::Error> {
    let answer = answer(net, std::slice::from_ref(story))?[0];
    let looks = looks(net, story.tokens(ABSENT))?;
    for (t, sentence) in (T - story.sentences.len()..T).zip(&story.sentences) {
        let shades: String = looks.iter().map(|looks| shade(looks[t])).collect();
        println!("  {shades}  {}", sentence.join(" "));
    }
    let [answer, right] = [answer, story.answer].map(|place| PLACES[usize::from(place)]);
    let mark = if answer == right { String::new() } else { format!(", wrong: {right}") };
    println!("  {:BLOCKS$}  {answer}{mark}\n", "");
    Ok(())
}

/// For each block, the largest weight with which any head looks from the question to each sentence. A block's layers
/// are run one at a time, because its attention takes what the one before it gives.
fn looks(net: &Reader, words: [[u8; WORDS]; T]) -> Result<[[f32; T]; BLOCKS], fusebox::Error> {
    let (mut embedded, mut read, mut frames) = ([Zeroed::ZEROED], [Zeroed::ZEROED], [Zeroed::ZEROED]);
    net.first.infer(&[words], &mut Scratch::<_, 1>::new(), &mut embedded)?;
    net.rest.first.infer(&embedded, &mut Scratch::<_, 1>::new(), &mut read)?;
    net.rest.rest.first.infer(&read, &mut Scratch::<_, 1>::new(), &mut frames)?;
    let mut looks = [[0.0_f32; T]; BLOCKS];
    for (block, looks) in net.rest.rest.rest.first.blocks.iter().zip(&mut looks) {
        let (look, mut asked, mut next) = (&block.first.layer, [Zeroed::ZEROED], [Zeroed::ZEROED]);
        look.first.infer(&frames, &mut Scratch::<_, 1>::new(), &mut asked)?;
        for head in 0..HEADS {
            let weights = look.rest.first.weights(&asked[0], head, T - 1);
            looks.iter_mut().zip(weights).for_each(|(most, weight)| *most = most.max(weight));
        }
        block.infer(&frames, &mut Scratch::<_, 1>::new(), &mut next)?;
        frames = next;
    }
    Ok(looks)
}

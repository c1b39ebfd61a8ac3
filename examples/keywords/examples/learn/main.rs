//! Teaches a network ten words spoken by espeak-ng, in `f32`, quantises it, tests both on voices that it has not heard, and writes the
//! network of eight bits to `data/words.bin`. Debian's package `espeak-ng` must be installed.
//!
//! ```text
//! cargo run --release --target host-tuple --example learn
//! ```

mod parts;
mod sounds;
mod voices;

use comfy_table::{CellAlignment, Table, presets};
use fusebox::int8::Calibration;
use fusebox::metrics::Confusion;
use fusebox::{Adam, Layer, Rng, Scratch, Softmax, Workspace};
use indicatif::{ProgressBar, ProgressStyle};
use keywords::words::{CLASSES, COUNT, Scored, Trained};
use parts::Parts;
use sounds::{Picture, picture};
use std::error::Error;
use voices::Utterance;

/// How often each voice speaks, with another accent, pitch and speed.
const READINGS: usize = 4;
const EPOCHS: usize = 20;
const BATCH: usize = 32;
/// Falls linearly to zero.
const RATE: f32 = 0.003;
/// Sounds in an epoch.
const SOUNDS: usize = 8192;
const TESTS: usize = 2048;
const OBSERVED: usize = 256;

/// That a thread hands to another.
type Failure = Box<dyn Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    // Networks in training are on the stack before they are on the heap.
    let learner = std::thread::Builder::new().stack_size(1 << 28).spawn(learn)?;
    learner.join().unwrap_or_else(|_| Err("the learner panicked".into()))
}

fn learn() -> Result<(), Failure> {
    let mut rng = Rng::new(1);
    let [training, held_out] = voices::voices()?;
    let style = ProgressStyle::with_template("{msg} [{bar:50}] {percent}% {elapsed_precise}, {eta} left")?;
    let bar = |size: usize, what: &'static str| {
        ProgressBar::new(size as u64).with_style(style.clone()).with_message(what)
    };

    let progress = bar(READINGS * training.len() + held_out.len(), "speaking");
    let mut read = |voices: &[String], times: usize| -> Result<Vec<Utterance>, Failure> {
        let mut all = Vec::new();
        for voice in voices.iter().flat_map(|voice| std::iter::repeat_n(voice, times)) {
            all.extend(voices::speak(voice, &mut rng)?);
            progress.inc(1);
        }
        Ok(all)
    };
    let words = read(&training, READINGS)?;
    let unheard = read(&held_out, 1)?;
    progress.finish_and_clear();
    println!(
        "{} words by {} voices; {} by {} others",
        words.len(),
        training.len(),
        unheard.len(),
        held_out.len()
    );

    let steps = SOUNDS / BATCH;
    let progress = bar(EPOCHS * steps, "learning");
    let mut net = Box::new(Trained::he(&mut rng));
    let mut workspace = Box::new(Workspace::<Trained, BATCH, Adam>::new());
    for epoch in 0..EPOCHS {
        let mut sum = 0.0;
        for step in 0..steps {
            let part = (epoch * steps + step) as f32 / (EPOCHS * steps) as f32;
            let (xs, labels) = hear(&words, BATCH, &mut rng);
            sum += workspace.train_step(&mut net, &xs, &labels, &Adam::new(RATE * (1.0 - part)))?;
            progress.inc(1);
        }
        progress.suspend(|| println!("epoch {}: loss {:.3}", epoch + 1, sum / steps as f32));
    }
    progress.finish_and_clear();

    let scored = Box::new(Scored { first: *net, rest: Softmax });
    let mut calibration = Box::new(Calibration::<Scored, BATCH>::new());
    let (mut xs, _) = hear(&words, OBSERVED, &mut rng);
    // All of a byte's range, so that the network's bytes are the features'.
    xs[0][0][0] = [-1.0];
    xs[0][0][1] = [127.0 / 128.0];
    calibration.observe(&scored, &xs)?;
    let int8 = Box::new(calibration.ranges()?.quantize(&scored)?);

    let (xs, labels) = hear(&unheard, TESTS, &mut rng);
    for (name, confusion) in
        [("f32", test(&*scored, &xs, &labels)?), ("eight bits", test(&*int8, &xs, &labels)?)]
    {
        println!("{name}: {:.2} % right\n{}", 100.0 * confusion.accuracy(), table(&confusion));
    }
    let mut bytes = Vec::new();
    int8.rest.first.append(&mut bytes);
    std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/data/words.bin"), bytes)?;
    Ok(())
}

/// Sounds and their classes. One of fourteen is noise, the others are words of a class by chance, "unknown" four times as often as others.
/// Half of them come after a word, a quarter before one, whose beginning alone is unknown.
fn hear(words: &[Utterance], count: usize, rng: &mut Rng) -> (Vec<Picture>, Vec<u8>) {
    let sound = |_| {
        let class = rng.below(14).saturating_sub(2).max(1) as u8;
        let [before, word, after] = [rng.below(2) == 0, rng.below(14) > 0, rng.below(4) == 0];
        let mut any = |is_said: bool, is_right: &dyn Fn(&Utterance) -> bool| {
            let mut chosen = is_said.then(|| &words[rng.below(words.len() as u32) as usize]);
            while let Some(false) = chosen.map(is_right) {
                chosen = Some(&words[rng.below(words.len() as u32) as usize]);
            }
            chosen
        };
        let said = [any(before, &|_| true), any(word, &|word| word.label == class), any(after, &|_| true)];
        let label = said[1].map_or(u8::from(after), |word| word.label);
        (picture(said, rng), label)
    };
    (0..count).map(sound).unzip()
}

/// How often each class was taken for which.
fn test<N: Layer<Input = Picture, Output = [f32; COUNT]>>(
    net: &N,
    xs: &[Picture],
    labels: &[u8],
) -> Result<Confusion<COUNT>, fusebox::Error> {
    let mut scratch = Box::new(Scratch::<N, BATCH>::new());
    let (mut confusion, mut ys) = (Confusion::new(), vec![[0.0; COUNT]; xs.len()]);
    for (xs, ys) in xs.chunks(BATCH).zip(ys.chunks_mut(BATCH)) {
        net.infer(xs, &mut scratch, ys)?;
    }
    for (y, label) in ys.iter().zip(labels) {
        confusion.observe(y, *label)?;
    }
    Ok(confusion)
}

/// A row for each class, a column for what it was taken for.
fn table(confusion: &Confusion<COUNT>) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_BORDERS_ONLY).set_header([""].into_iter().chain(CLASSES));
    table.column_iter_mut().skip(1).for_each(|column| column.set_cell_alignment(CellAlignment::Right));
    for (class, counts) in CLASSES.iter().zip(confusion.counts()) {
        table.add_row([(*class).to_owned()].into_iter().chain(counts.map(|count| count.to_string())));
    }
    table
}

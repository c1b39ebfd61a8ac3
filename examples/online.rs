//! Learning on the device, simulated: handwritten digits come from a sensor one at a time, each is learnt from once, and the
//! world changes as it goes: first come all noughts, then all ones, and so on to nine.
//!
//! ```text
//! cargo run --release --example online
//! ```
//!
//! A network that learns only from what comes in forgets each digit while it sees the next. One that rehearses, each new
//! image together with old ones that a [`Reservoir`] kept, does not. And a sensor breaks: now and then a pixel is NaN, and
//! for a moment the learning rate is absurd. The [`Guard`] refuses what would do harm and brings the weights back.
//!
//! Expect about 10 % without rehearsal and about 90 % with it, the sensor broken or not. Exits with status 1 if either mean with
//! rehearsal is below 85 %. The data: E. Alpaydin and C. Kaynak, *Optical Recognition of Handwritten Digits*, 1998, CC BY 4.0;
//! more in `examples/data/README.md`.

use comfy_table::{CellAlignment, Table, presets};
use fusebox::{
    Confusion, Dense, Error, Guard, Isa, Relu, Reservoir, Rng, Scratch, Seq, Sgd, Workspace, data,
};
use indicatif::{ProgressFinish, ProgressIterator, ProgressStyle};
use std::time::Instant;
use textplots::{Chart, LabelBuilder, LabelFormat, Plot, Shape};

#[path = "support/digits.rs"]
mod digits;

use digits::{Images, PIXELS};

type Net = Seq![Dense<PIXELS, 32, Relu>, Dense<32, 10>];
/// An image and what it shows.
type Row = ([f32; PIXELS], u8);

const RATE: f32 = 0.1;
/// Old images that are learnt from again with each new one.
const REHEARSED: usize = 15;
/// Old images that there is room for.
const KEPT: usize = 200;
/// Images from one examination to the next.
const EVERY: usize = 10;
const SEEDS: std::ops::RangeInclusive<u64> = 1..=10;
const LEAST_ACCURACY: f32 = 0.85;

/// How a network lives.
struct Life {
    name: &'static str,
    /// Digits come one after the other, not mixed.
    in_order: bool,
    rehearses: bool,
    /// The sensor's readings, and the rate, are at times bad.
    broken: bool,
    guarded: bool,
}

const MIXED: Life =
    Life { name: "digits mixed", in_order: false, rehearses: false, broken: false, guarded: false };
const PLAIN: Life = Life { name: "digits in order", in_order: true, ..MIXED };
const REHEARSING: Life = Life { name: "and rehearsal", rehearses: true, ..PLAIN };
const BROKEN: Life = Life { name: "and a broken sensor", broken: true, ..REHEARSING };
const GUARDED: Life = Life { name: "and a guard", guarded: true, ..BROKEN };
const LIVES: [Life; 5] = [MIXED, PLAIN, REHEARSING, BROKEN, GUARDED];

/// What became of a network.
struct Outcome {
    /// The part of all held-out images that it read rightly, once every `EVERY` images.
    accuracies: Vec<f32>,
    /// How it read them in the end; nothing of it if it could read no more.
    last: Confusion<10>,
    refused: u32,
    seconds: f64,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let images = Images::load();
    let memory = Workspace::<Net, { REHEARSED + 1 }>::MEMORY.total();
    println!(
        "online: 64-32-10, {}; training takes {memory} B, the guard {}, images to rehearse {}\n",
        Isa::detect(),
        Guard::<Net>::BYTES,
        size_of::<Reservoir<Row, KEPT>>()
    );
    let style = ProgressStyle::with_template("seed {pos} of {len} [{bar:50}] {elapsed_precise}")?;
    let mut outcomes = LIVES.map(|_| Vec::new());
    for seed in SEEDS.progress_count(10).with_style(style).with_finish(ProgressFinish::AndClear) {
        for (life, outcomes) in LIVES.iter().zip(&mut outcomes) {
            outcomes.push(life.live(&images, seed)?);
        }
    }

    let [_, plain, rehearsing, _, guarded] = &outcomes;
    plot(plain, rehearsing);
    println!("{}", table(&outcomes));
    println!("refused: steps that the guard let change nothing. Means of ten seeds.");
    for (life, outcomes) in [(REHEARSING, rehearsing), (GUARDED, guarded)] {
        let accuracy = mean(outcomes, |outcome| outcome.last.accuracy());
        if accuracy < LEAST_ACCURACY {
            return Err(format!("{}: {accuracy:.3} is below {LEAST_ACCURACY}", life.name).into());
        }
    }
    Ok(())
}

impl Life {
    /// From the first weights to the last image.
    fn live(&self, images: &Images, seed: u64) -> Result<Outcome, Error> {
        let row = |i: u16| (images.pixels[usize::from(i)], images.labels[usize::from(i)]);
        let mut rng = Rng::new(seed);
        let count = images.labels.len();
        let mut order = vec![0_u16; count];
        let [held_out, training] = data::split(&mut order, [count / 5, count - count / 5], &mut rng)?;
        if self.in_order {
            training.sort_by_key(|&i| images.labels[usize::from(i)]);
        }
        let held_out: Vec<Row> = held_out.iter().map(|&i| row(i)).collect();

        let mut net = Net::he(&mut rng);
        let mut workspace = Workspace::<Net, { REHEARSED + 1 }>::new();
        let mut memory = Reservoir::<Row, KEPT>::new();
        let mut guard = Guard::<Net>::new();
        let mut outcome =
            Outcome { accuracies: Vec::new(), last: Confusion::new(), refused: 0, seconds: 0.0 };
        for (time, mut new) in training.iter().map(|&i| row(i)).enumerate() {
            if self.broken && time % 50 == 49 {
                new.0[time % PIXELS] = f32::NAN;
            }
            let absurd = self.broken && (700..703).contains(&time);
            let sgd = Sgd::new(if absurd { 1000.0 } else { RATE });

            let start = Instant::now();
            let old = memory.sample(if self.rehearses { REHEARSED } else { 0 }, &mut rng).copied();
            let rows = old.chain([new]);
            let step = if self.guarded {
                let mut stage = workspace.stage();
                for (x, label) in rows {
                    stage.push(label, |staged| *staged = x)?;
                }
                stage.train_step_guarded(&mut net, &sgd, &mut guard)
            } else {
                workspace.train_step_from(&mut net, rows, &sgd)
            };
            match step {
                // Only what was fit to learn from is kept to be learnt from again.
                Ok(_) => drop(memory.offer(new, &mut rng)),
                // The batch was bad, or the weights have gone bad: back to those before the last step.
                Err(Error::Loss { .. } | Error::Leap { .. } | Error::Gradient { .. }) => {
                    outcome.refused += 1;
                    guard.restore(&mut net);
                }
                Err(error) => return Err(error),
            }
            outcome.seconds += start.elapsed().as_secs_f64();

            if time % EVERY == EVERY - 1 {
                outcome.last = examine(&net, &held_out)?;
                outcome.accuracies.push(outcome.last.accuracy());
            }
        }
        outcome.seconds /= training.len() as f64;
        Ok(outcome)
    }
}

/// How a network reads the images held out.
fn examine(net: &Net, held_out: &[Row]) -> Result<Confusion<10>, Error> {
    let mut scratch = Scratch::<Net, 1>::new();
    let mut confusion = Confusion::new();
    for (x, label) in held_out {
        let mut y = [[0.0; 10]];
        net.infer(&[*x], &mut scratch, &mut y)?;
        match confusion.observe(&y[0], *label) {
            // Outputs that are no numbers: whatever is written, such a network reads nothing.
            Err(Error::NotFinite { .. }) => return Ok(Confusion::new()),
            other => other?,
        }
    }
    Ok(confusion)
}

fn mean(outcomes: &[Outcome], value: impl Fn(&Outcome) -> f32) -> f32 {
    outcomes.iter().map(value).sum::<f32>() / outcomes.len() as f32
}

/// Plots accuracy over time without and with rehearsal.
fn plot(plain: &[Outcome], rehearsing: &[Outcome]) {
    let curve = |outcomes: &[Outcome]| {
        let at = |i| (((i + 1) * EVERY) as f32, mean(outcomes, |outcome| outcome.accuracies[i]));
        (0..outcomes[0].accuracies.len()).map(at).collect::<Vec<_>>()
    };
    let (plain, rehearsing) = (curve(plain), curve(rehearsing));
    println!(
        "held-out images of all ten digits read rightly, while noughts come, then ones, and so on to nine:"
    );
    println!("the upper line with rehearsal, the lower one without");
    Chart::new_with_y_range(140, 60, 0.0, rehearsing[rehearsing.len() - 1].0, 0.0, 1.0)
        .x_label_format(LabelFormat::Custom(Box::new(|x| format!("{x:.0} images"))))
        .y_label_format(LabelFormat::Custom(Box::new(|y| format!("{:.0} %", 100.0 * y))))
        .lineplot(&Shape::Lines(&rehearsing))
        .lineplot(&Shape::Lines(&plain))
        .nice();
}

/// What became of each kind of life, in the mean.
fn table(outcomes: &[Vec<Outcome>]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_BORDERS_ONLY);
    table.set_header(["in the end", "right", "of 0 to 4", "of 5 to 9", "refused", "an image"]);
    let recall = |outcome: &Outcome, digits: std::ops::Range<usize>| {
        digits.map(|digit| outcome.last.class(digit).map_or(0.0, |scores| scores.recall)).sum::<f32>() / 5.0
    };
    for (life, outcomes) in LIVES.iter().zip(outcomes) {
        let percent = |value: f32| format!("{:.1} %", 100.0 * value);
        table.add_row([
            life.name.into(),
            percent(mean(outcomes, |outcome| outcome.last.accuracy())),
            percent(mean(outcomes, |outcome| recall(outcome, 0..5))),
            percent(mean(outcomes, |outcome| recall(outcome, 5..10))),
            format!("{:.1}", mean(outcomes, |outcome| outcome.refused as f32)),
            format!("{:.1} us", 1e6 * mean(outcomes, |outcome| outcome.seconds as f32)),
        ]);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

//! One network, one batch: first whether both learn the same, then how fast they are.

use crate::candle::Candle;
use crate::ours::{Batch, Ours};
use anyhow::{Result, ensure};
use comfy_table::Table;
use fusebox::{Isa, Sgd};
use measuring::table::{aligned, percent};
use measuring::timing::{Run, measure};
use std::hint::black_box;
use std::time::Duration;

/// So small that a million steps leave the network what it was: one that has learnt its batch by heart would work on
/// subnormal gradients, which some processors are slow at.
const RATE: f32 = 1e-6;
/// Large enough that a wrong gradient shows in the losses of [`STEPS`].
const CHECKED_RATE: f32 = 0.01;
const STEPS: usize = 10;
/// Between two losses, relative.
pub(crate) const TOLERANCE: f32 = 1e-3;

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Task {
    Step,
    Inference,
}

/// What was measured of a network.
pub(crate) struct Row {
    name: String,
    /// Multiplications and additions.
    flops: u64,
    /// Operations a second.
    peak: f64,
    /// Parts of the peak.
    ours: f64,
    candle: f64,
    target: Option<Target>,
}

/// What is wanted of a step.
struct Target {
    /// In % of the peak.
    percent: u32,
    /// candle's time by fusebox's.
    ratio: f64,
}

fn target(sizes: [usize; 4]) -> Option<Target> {
    let (percent, ratio) = match sizes {
        [784, 128, 10, 32] => (80, 5.5),
        [64, 32, 10, 32] => (45, 13.0),
        [64, 32, 10, 1] => (16, 70.0),
        [10, 10, 2, 100] => (28, 30.0),
        _ => return None,
    };
    Some(Target { percent, ratio })
}

/// Both, and what they learn from.
pub(crate) struct Contest<const IN: usize, const HIDDEN: usize, const OUT: usize, const B: usize> {
    batch: Batch<IN, B>,
    ours: Ours<IN, HIDDEN, OUT, B, Sgd>,
    candle: Candle,
}

impl<const IN: usize, const HIDDEN: usize, const OUT: usize, const B: usize> Contest<IN, HIDDEN, OUT, B> {
    fn new(rate: f32) -> Result<Self> {
        let (batch, ours) = (Batch::random(OUT), Ours::new(Sgd::new(rate)));
        let candle = Candle::new(&ours.net.0, &batch, rate)?;
        Ok(Self { batch, ours, candle })
    }

    /// Measures both, once they agree.
    pub(crate) fn measure(task: Task, time: Duration) -> Result<Row> {
        Self::new(CHECKED_RATE)?.agree()?;
        let flops = flops(task, &[[IN, HIDDEN], [HIDDEN, OUT]], B);
        let measured = measure(Isa::detect(), time, flops, &mut Self::new(RATE)?, &Self::runs(task));
        let mut parts = measured.parts.into_iter().flatten();
        let mut next = || parts.next().unwrap_or(f64::NAN);
        let (name, target) = match task {
            Task::Step => ("step", target([IN, HIDDEN, OUT, B])),
            Task::Inference => ("inference", None),
        };
        Ok(Row {
            name: format!("{name} {IN}-{HIDDEN}-{OUT}, batch {B}"),
            flops,
            peak: measured.peak,
            ours: next(),
            candle: next(),
            target,
        })
    }

    /// An error unless both find the same losses, and the same logits when they have trained.
    fn agree(mut self) -> Result<()> {
        for step in 0..STEPS {
            let (ours, candle) = (self.ours.step(&self.batch)?, self.candle.step()?);
            ensure!(near(ours, candle, candle.abs()), "step {step}: a loss of {ours}, candle's is {candle}");
        }
        let ours = self.ours.infer(&self.batch)?.as_flattened();
        let candle: Vec<f32> = self.candle.infer()?.flatten_all()?.to_vec1()?;
        let largest = candle.iter().fold(0.0, |largest: f32, logit| largest.max(logit.abs()));
        let same = ours.iter().zip(&candle).all(|(&x, &y)| near(x, y, largest));
        ensure!(same, "logits differ after {STEPS} steps");
        Ok(())
    }

    /// fusebox, then candle. Whether they fail, [`Contest::agree`] has seen.
    fn runs<'a>(task: Task) -> [Option<Run<'a, Self>>; 2] {
        match task {
            Task::Step => [
                run(|contest: &mut Self| _ = black_box(contest.ours.step(&contest.batch))),
                run(|contest: &mut Self| _ = black_box(contest.candle.step())),
            ],
            Task::Inference => [
                run(|contest: &mut Self| _ = black_box(contest.ours.infer(&contest.batch))),
                run(|contest: &mut Self| _ = black_box(contest.candle.infer())),
            ],
        }
    }
}

pub(crate) fn near(x: f32, y: f32, scale: f32) -> bool {
    (x - y).abs() <= TOLERANCE * scale
}

/// Compiled for each piece of work apart, so that no call through a pointer comes between two.
pub(crate) fn run<'a, T>(work: impl Fn(&mut T) + 'a) -> Option<Run<'a, T>> {
    Some(Box::new(move |subject, times| {
        for _ in 0..times {
            work(subject);
        }
    }))
}

/// Multiplications and additions of all products. A step has three for each layer, y = x W, dW = x^T dy and
/// dx = dy W^T, but no dx for the first.
fn flops(task: Task, layers: &[[usize; 2]], batch: usize) -> u64 {
    let product = |&[fan_in, fan_out]: &[usize; 2]| 2 * (batch * fan_in * fan_out) as u64;
    let forward: u64 = layers.iter().map(product).sum();
    match task {
        Task::Inference => forward,
        Task::Step => 2 * forward + layers[1..].iter().map(product).sum::<u64>(),
    }
}

/// In microseconds at the median peak; the floor is where all operations run at the peak.
pub(crate) fn table(rows: &[Row]) -> Table {
    let header = [
        "",
        "floor, us",
        "fusebox, us",
        "% of peak",
        "target",
        "candle, us",
        "% of peak",
        "candle : fusebox",
        "target",
    ];
    aligned(header.map(String::from).into(), rows.iter().map(Row::cells).collect())
}

impl Row {
    fn cells(&self) -> Vec<String> {
        let floor = 1e6 * self.flops as f64 / self.peak;
        let target = |text: fn(&Target) -> String| self.target.as_ref().map_or(String::new(), text);
        vec![
            self.name.clone(),
            format!("{floor:.3}"),
            format!("{:.3}", floor / self.ours),
            percent(self.ours),
            target(|target| target.percent.to_string()),
            format!("{:.2}", floor / self.candle),
            percent(self.candle),
            format!("{:.1}", self.ours / self.candle),
            target(|target| target.ratio.to_string()),
        ]
    }
}

//! The classic exercise beside NumPy: 100 samples of 10 features through 10 ReLU neurons to 2 logits, 1000 epochs of
//! full batches.
//!
//! `exercise.py` is the same in NumPy. It is handed the samples and the first weights, and hands back its time and the
//! loss at the end.

use crate::contest::near;
use crate::ours::{Batch, Ours};
use anyhow::{Context, Result, ensure};
use fusebox::Sgd;
use measuring::timing::median;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/exercise.py");
const EPOCHS: usize = 1000;
const RATE: f32 = 0.01;
/// Of the two programs, in turn.
const ROUNDS: usize = 5;
/// Trainings in a round.
const TRAININGS: usize = 21;
/// NumPy's time by fusebox's.
const TARGET: f64 = 15.0;

type Network = Ours<10, 10, 2, 100, Sgd>;

/// A time in milliseconds, and the loss after all epochs.
struct Trained {
    time: f64,
    loss: f32,
}

/// Measures both; the line that says how it went.
pub(crate) fn exercise(python: &Path) -> Result<String> {
    let mut batch = Batch::random(2);
    // Two clouds: each label moves its rows, so that there is something to learn.
    for (row, &label) in batch.xs.0.iter_mut().zip(&batch.labels) {
        row.iter_mut().for_each(|x| *x += if label == 1 { 0.5 } else { -0.5 });
    }
    let (mut ours, mut numpys, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (our, numpy) = (ours_trained(&batch)?, numpy_trained(python, &batch)?);
        let (loss, expected) = (our.loss, numpy.loss);
        ensure!(near(loss, expected, expected), "a loss of {loss} in the end, NumPy's is {expected}");
        ours.push(our.time);
        numpys.push(numpy.time);
        ratios.push(numpy.time / our.time);
    }
    let [ours, numpys, ratio] = [ours, numpys, ratios].map(|values| median(values).unwrap_or(f64::NAN));
    Ok(format!(
        "10-10-2, {EPOCHS} epochs of 100 samples: fusebox {ours:.2} ms, NumPy {numpys:.1} ms, NumPy : fusebox \
         {ratio:.1} (target {TARGET})"
    ))
}

fn ours_trained(batch: &Batch<10, 100>) -> Result<Trained> {
    let (mut times, mut loss) = (Vec::new(), f32::NAN);
    for _ in 0..TRAININGS {
        let mut network = Network::new(Sgd::new(RATE));
        let start = Instant::now();
        for _ in 0..EPOCHS {
            network.step(batch)?;
        }
        times.push(1e3 * start.elapsed().as_secs_f64());
        // A step tells the loss before it.
        loss = network.step(batch)?;
    }
    Ok(Trained { time: median(times).unwrap_or(f64::NAN), loss })
}

fn numpy_trained(python: &Path, batch: &Batch<10, 100>) -> Result<Trained> {
    let mut child = Command::new(python)
        .args([SCRIPT, "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("{} does not start", python.display()))?;
    let mut input = child.stdin.take().context("standard input was asked for")?;
    let xs: Vec<u8> = batch.xs.0.as_flattened().iter().flat_map(|x| x.to_le_bytes()).collect();
    input.write_all(&xs)?;
    input.write_all(Network::new(Sgd::new(RATE)).net.0.as_bytes())?;
    drop(input);
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "{SCRIPT} failed");
    let output = String::from_utf8(output.stdout)?;
    let (time, loss) = output.trim().split_once(" ms, loss ").context("a time and a loss")?;
    Ok(Trained { time: time.parse()?, loss: loss.parse()? })
}

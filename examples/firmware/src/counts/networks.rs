//! The digits' network: training steps and inference.

use super::{Bench, FPU, Work, fill};
use crate::board::{Board, Failure};
use crate::recipe::{BATCH, CLASSES, Digits, FORWARD_MACS, PIXELS, SEED};
use core::hint::black_box;
use fusebox::{Adam, Error, Momentum, Optimizer, Rng, Scratch, Sgd, Workspace, Zeroed};

/// Rows of a batch.
const ROWS: &[usize] = if FPU { &[BATCH, 1] } else { &[1] };

#[derive(Debug)]
pub(super) struct Memory {
    net: Digits,
    sgd: Workspace<Digits, BATCH>,
    momentum: Workspace<Digits, BATCH, Momentum>,
    adam: Workspace<Digits, BATCH, Adam>,
    scratch: Scratch<Digits, BATCH>,
    xs: [[f32; PIXELS]; BATCH],
    labels: [u8; BATCH],
    logits: [[f32; CLASSES]; BATCH],
}

impl Memory {
    pub(super) const fn new() -> Self {
        Self {
            net: Digits::ZEROED,
            sgd: Workspace::new(),
            momentum: Workspace::new(),
            adam: Workspace::new(),
            scratch: Scratch::new(),
            xs: [[0.0; PIXELS]; BATCH],
            labels: [0; BATCH],
            logits: [[0.0; CLASSES]; BATCH],
        }
    }

    pub(super) fn run<B: Board>(&mut self, bench: &mut Bench<'_, B>) -> Result<(), Failure> {
        let mut rng = Rng::new(SEED);
        let Self { net, sgd, momentum, adam, scratch, xs, labels, logits } = self;
        fill(&mut rng, xs.as_flattened_mut());
        for label in labels.iter_mut() {
            *label = rng.below(CLASSES as u32) as u8;
        }
        net.init(fusebox::Init::He, &mut rng);
        for &rows in ROWS {
            let rows = black_box(rows);
            let work = Work::Macs(FORWARD_MACS as usize * rows);
            let (xs, labels) = (xs.get(..rows).unwrap_or_default(), labels.get(..rows).unwrap_or_default());
            let logits = logits.get_mut(..rows).unwrap_or_default();
            bench.case(format_args!("inference 64-32-10, rows {rows}"), work, &mut || {
                infer(net, xs, scratch, logits)
            })?;
            bench.case(format_args!("step 64-32-10 sgd, rows {rows}"), work, &mut || {
                step(sgd, net, xs, labels, &Sgd::new(0.01))
            })?;
            if !FPU {
                continue;
            }
            bench.case(format_args!("step 64-32-10 momentum, rows {rows}"), work, &mut || {
                step(momentum, net, xs, labels, &Momentum::new(0.01, 0.9))
            })?;
            bench.case(format_args!("step 64-32-10 adam, rows {rows}"), work, &mut || {
                step(adam, net, xs, labels, &Adam::new(0.001))
            })?;
        }
        Ok(())
    }
}

#[inline(never)]
fn infer(
    net: &Digits,
    xs: &[[f32; PIXELS]],
    scratch: &mut Scratch<Digits, BATCH>,
    logits: &mut [[f32; CLASSES]],
) -> Result<(), Error> {
    net.infer(xs, scratch, logits)
}

#[inline(never)]
fn step<O: Optimizer>(
    workspace: &mut Workspace<Digits, BATCH, O>,
    net: &mut Digits,
    xs: &[[f32; PIXELS]],
    labels: &[u8],
    optimizer: &O,
) -> Result<(), Error> {
    workspace.train_step(net, xs, labels, optimizer).map(|_loss| ())
}

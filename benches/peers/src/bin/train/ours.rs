//! fusebox: the network, what trains it, and the batch that everyone learns from.

use crate::random::random;
use fusebox::{Aligned, Dense, Error, Init, Optimizer, Relu, Rng, Scratch, Seq, Workspace, Zeroed};
use std::hint::black_box;

pub(crate) type Net<const IN: usize, const HIDDEN: usize, const OUT: usize> =
    Seq![Dense<IN, HIDDEN, Relu>, Dense<HIDDEN, OUT>];

/// `B` rows, and the class of each.
pub(crate) struct Batch<const IN: usize, const B: usize> {
    pub(crate) xs: Box<Aligned<[[f32; IN]; B]>>,
    pub(crate) labels: [u8; B],
}

impl<const IN: usize, const B: usize> Batch<IN, B> {
    /// Rows at random, the classes in turn.
    pub(crate) fn random(classes: usize) -> Self {
        let mut xs = Box::new(Aligned([[0.0; IN]; B]));
        xs.0.as_flattened_mut().copy_from_slice(&random(IN * B));
        Self { xs, labels: std::array::from_fn(|row| (row % classes) as u8) }
    }
}

/// A network in training. In boxes, for the larger networks are more than a stack should hold.
pub(crate) struct Ours<const IN: usize, const HIDDEN: usize, const OUT: usize, const B: usize, O: Optimizer> {
    pub(crate) net: Box<Aligned<Net<IN, HIDDEN, OUT>>>,
    workspace: Box<Workspace<Net<IN, HIDDEN, OUT>, B, O>>,
    scratch: Box<Scratch<Net<IN, HIDDEN, OUT>, B>>,
    logits: Box<Aligned<[[f32; OUT]; B]>>,
    optimizer: O,
}

impl<const IN: usize, const HIDDEN: usize, const OUT: usize, const B: usize, O: Optimizer>
    Ours<IN, HIDDEN, OUT, B, O>
{
    /// A network with the same first weights each time.
    pub(crate) fn new(optimizer: O) -> Self {
        let mut net = Box::new(Aligned(Net::ZEROED));
        net.0.init(Init::He, &mut Rng::new(1));
        Self {
            net,
            workspace: Box::new(Workspace::new()),
            scratch: Box::new(Scratch::new()),
            logits: Box::new(Aligned([[0.0; OUT]; B])),
            optimizer,
        }
    }

    /// A training step; the loss before it.
    pub(crate) fn step(&mut self, batch: &Batch<IN, B>) -> Result<f32, Error> {
        let Batch { xs, labels } = batch;
        self.workspace.train_step(
            &mut self.net.0,
            black_box(&xs.0),
            black_box(labels),
            black_box(&self.optimizer),
        )
    }

    pub(crate) fn infer(&mut self, batch: &Batch<IN, B>) -> Result<&[[f32; OUT]; B], Error> {
        self.net.0.infer(black_box(&batch.xs.0), &mut self.scratch, &mut self.logits.0)?;
        Ok(black_box(&self.logits.0))
    }
}

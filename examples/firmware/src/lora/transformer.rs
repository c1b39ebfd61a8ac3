//! A transformer that reads digits of 8 x 8: the eight rows of a picture are eight frames of eight numbers.

use crate::data::{self, Row};
use crate::recipe::CLASSES;
use fusebox::layers::{Attention, Everything};
use fusebox::{
    Dense, Each, Error, Gelu, GlobalAvgPool, Isa, Layer, LayerNorm, Optimizer, Positions, Residual, Scratch,
    Seq, Train, View, Workspace, argmax,
};

/// A side of a picture.
pub(super) const SIDE: usize = 8;
/// Numbers in a frame.
pub(super) const D: usize = 24;
/// Queries, keys and values of a frame.
pub(super) const QKV: usize = 3 * D;
const HEADS: usize = 2;
/// Neurons of a block's dense layers.
const HIDDEN: usize = 2 * D;

pub(super) type Picture = [[f32; SIDE]; SIDE];
type Frames = [[f32; D]; SIDE];

/// Each frame sees all of them.
pub(super) type Heads = Attention<SIDE, HEADS, { D / HEADS }, HEADS, QKV, D, Everything>;
/// The first half of a block.
pub(super) type Look = Seq![Each<SIDE, Seq![LayerNorm<D>, Dense<D, QKV>]>, Heads, Each<SIDE, Dense<D, D>>];
/// The second half.
type Think = Each<SIDE, Seq![LayerNorm<D>, Dense<D, HIDDEN, Gelu>, Dense<HIDDEN, D>]>;

/// What comes before the last block.
pub(super) type Below = Seq![Each<SIDE, Dense<SIDE, D>>, Positions<SIDE, D>, Residual<Look>, Residual<Think>];
/// What comes after the last block's attention.
pub(super) type Above = Seq![
    Residual<Think>,
    Each<SIDE, LayerNorm<D>>,
    View<Frames, GlobalAvgPool<[Frames; 1], D>, [f32; D]>,
    Dense<D, CLASSES>,
];
/// All of it: two blocks.
pub(super) type Transformer = Seq![Below, Residual<Look>, Above];

/// How the camera is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Camera {
    Upright,
    /// By a quarter: what was the right column of a picture is its top row.
    Turned,
}

impl Camera {
    /// Overwrites `picture` with a row's pixels as numbers in 0..=1.
    fn take(self, row: &Row, picture: &mut Picture) {
        for (y, line) in picture.iter_mut().enumerate() {
            for (x, to) in line.iter_mut().enumerate() {
                let from = match self {
                    Self::Upright => y * SIDE + x,
                    Self::Turned => x * SIDE + (SIDE - 1 - y),
                };
                *to = row.get(from).map_or(0.0, |&pixel| f32::from(pixel) / 16.0);
            }
        }
    }
}

/// One training step for each batch of the rows numbered in `numbers`; returns the mean loss.
pub(super) fn epoch<N, O, const B: usize>(
    isa: Isa,
    camera: Camera,
    net: &mut N,
    workspace: &mut Workspace<N, B, O>,
    optimizer: &O,
    numbers: &[u16],
) -> Result<f32, Error>
where
    N: Train<Input = Picture, Output = [f32; CLASSES]>,
    O: Optimizer,
{
    let mut sum = 0.0;
    for batch in numbers.chunks(B.max(1)) {
        let mut stage = workspace.stage();
        for row in data::rows(batch) {
            let [.., label] = row;
            stage.push(*label, |picture| camera.take(row, picture))?;
        }
        sum += stage.on(isa).train_step(net, optimizer)? * batch.len() as f32;
    }
    Ok(sum / numbers.len() as f32)
}

/// Memory to read pictures with.
pub(super) struct Reader<N: Layer> {
    picture: [Picture; 1],
    scratch: Scratch<N, 1>,
    logits: [[f32; CLASSES]; 1],
}

impl<N: Layer<Input = Picture, Output = [f32; CLASSES]>> Reader<N> {
    pub(super) const fn new() -> Self {
        Self { picture: [[[0.0; SIDE]; SIDE]], scratch: Scratch::new(), logits: [[0.0; CLASSES]] }
    }

    /// Thousandths of the pictures numbered in `numbers` that `net` reads as labelled.
    pub(super) fn accuracy(
        &mut self,
        isa: Isa,
        camera: Camera,
        net: &N,
        numbers: &[u16],
    ) -> Result<u32, Error> {
        let mut right = 0;
        for row in data::rows(numbers) {
            let [.., label] = row;
            self.picture.iter_mut().for_each(|picture| camera.take(row, picture));
            self.infer(isa, net)?;
            right += self.logits.iter().filter(|logits| argmax(*logits) == usize::from(*label)).count();
        }
        let count = numbers.len().max(1);
        Ok(((right * 1000 + count / 2) / count) as u32)
    }

    /// Runs `net` on the picture taken last. Never inlined, so that what is counted is the call a user makes.
    #[inline(never)]
    pub(super) fn infer(&mut self, isa: Isa, net: &N) -> Result<(), Error> {
        net.infer_with(isa, &self.picture, &mut self.scratch, &mut self.logits)
    }
}

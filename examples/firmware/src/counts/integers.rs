//! Training steps in whole numbers: as many multiply-accumulates as those of the digits' network in `f32`.

use super::{Bench, Work};
use crate::board::{Board, Failure};
use crate::integers::Net;
use crate::recipe::{BATCH, CLASSES, FORWARD_MACS, PIXELS, SEED};
use core::hint::black_box;
use fusebox::int8::train::{Learn, Workspace};
use fusebox::{Error, Rng, Zeroed};

#[derive(Debug)]
pub(super) struct Memory {
    net: Net,
    workspace: Workspace<Net, BATCH>,
    xs: [[i8; PIXELS]; BATCH],
    labels: [u8; BATCH],
}

impl Memory {
    pub(super) const fn new() -> Self {
        Self { net: Net::ZEROED, workspace: Workspace::new(), xs: [[0; PIXELS]; BATCH], labels: [0; BATCH] }
    }

    pub(super) fn run<B: Board>(&mut self, bench: &mut Bench<'_, B>) -> Result<(), Failure> {
        let mut rng = Rng::new(SEED);
        let Self { net, workspace, xs, labels } = self;
        // From 0 to 16, as pixels are.
        xs.as_flattened_mut().iter_mut().for_each(|x| *x = rng.below(17) as i8);
        labels.iter_mut().for_each(|label| *label = rng.below(CLASSES as u32) as u8);
        net.randomize(&mut rng);
        for rows in [BATCH, 1] {
            let rows = black_box(rows);
            let (xs, labels) = (xs.get(..rows).unwrap_or_default(), labels.get(..rows).unwrap_or_default());
            bench.case(
                format_args!("step 64-32-10 in whole numbers, rows {rows}"),
                Work::Macs(FORWARD_MACS as usize * rows),
                &mut || step(workspace, net, xs, labels, &mut rng),
            )?;
        }
        Ok(())
    }
}

#[inline(never)]
fn step(
    workspace: &mut Workspace<Net, BATCH>,
    net: &mut Net,
    xs: &[[i8; PIXELS]],
    labels: &[u8],
    rng: &mut Rng,
) -> Result<(), Error> {
    workspace.train_step(net, xs, labels, 1 << 12, rng).map(|_loss| ())
}

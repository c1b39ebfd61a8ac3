//! A recipe for a board with 16 KiB of RAM: digits of sixteen features, each the mean of four pixels.

use crate::bits::{Fnv1a, print_logits, print_words};
use crate::board::{Board, Failure, say};
use crate::data::{self, ROWS, Row};
use crate::recipe::{CLASSES, SEED};
use fusebox::{Adam, Dense, Error, Init, Isa, Rng, Scratch, Seq, Tanh, Workspace, Zeroed};

/// A side of an image, and of what it is brought down to.
const SIDE: usize = 8;
const FEATURES: usize = SIDE * SIDE / 4;

type Net = Seq![Dense<FEATURES, 8, Tanh>, Dense<8, CLASSES>];

const OPTIMIZER: Adam = Adam::new(0.02);

/// Rows of a training step.
const BATCH: usize = 4;

/// Images to learn from: whole batches and one of three rows.
const COUNT: usize = 40 * BATCH + 3;

/// The images that are used, a copy: a board with little flash need not hold the others.
static IMAGES: [Row; COUNT + BATCH] = {
    let mut images = [[0; data::PIXELS + 1]; COUNT + BATCH];
    let (first, _) = ROWS.split_at(COUNT + BATCH);
    images.copy_from_slice(first);
    images
};

/// The memory of a training.
struct Small {
    net: Net,
    workspace: Workspace<Net, BATCH, Adam>,
    scratch: Scratch<Net, BATCH>,
    xs: [[f32; FEATURES]; BATCH],
    logits: [[f32; CLASSES]; BATCH],
}

impl Small {
    /// Memory, not yet used.
    const fn new() -> Self {
        Self {
            net: Net::ZEROED,
            workspace: Workspace::new(),
            scratch: Scratch::new(),
            xs: [[0.0; FEATURES]; BATCH],
            logits: [[0.0; CLASSES]; BATCH],
        }
    }

    /// Trains once on each of the first [`COUNT`] images, in the order in which they lie in flash: there is no room for
    /// another. Tells `step` the loss of each batch.
    fn train(&mut self, isa: Isa, mut step: impl FnMut(f32)) -> Result<(), Error> {
        self.net.init(Init::Glorot, &mut Rng::new(SEED));
        let (images, _) = IMAGES.split_at(COUNT);
        for batch in images.chunks(BATCH) {
            let mut stage = self.workspace.stage();
            for row in batch {
                let [.., label] = row;
                stage.push(*label, |x| features(x, row))?;
            }
            step(stage.on(isa).train_step(&mut self.net, &OPTIMIZER)?);
        }
        Ok(())
    }

    /// The outputs for the images that follow.
    fn infer(&mut self, isa: Isa) -> Result<&[[f32; CLASSES]], Error> {
        let (_, images) = IMAGES.split_at(COUNT);
        for (x, row) in self.xs.iter_mut().zip(images) {
            features(x, row);
        }
        self.net.infer_with(isa, &self.xs, &mut self.scratch, &mut self.logits)?;
        Ok(&self.logits)
    }
}

/// Trains; prints the loss of every step, all parameters that they led to, and the outputs that come of these.
///
/// The memory is on the stack, where what has returned by now had its own: not all of it would fit 16 KiB at once.
#[inline(never)]
pub(crate) fn trace<B: Board>(board: &mut B, isa: Isa) -> Result<(), Failure> {
    let mut small = Small::new();
    let mut number = 0_u8;
    small.train(isa, |loss| {
        number += 1;
        say!(board, "small step {number} loss {:08x}", loss.to_bits());
    })?;
    let bytes = small.net.as_bytes();
    say!(board, "small parameters fnv1a {:016x}", Fnv1a::of(bytes));
    print_words(board, bytes);
    print_logits(board, "small", small.infer(isa)?);
    Ok(())
}

/// Overwrites `x` with an image's features: the mean of two by two pixels each, in 0..=1.
fn features(x: &mut [f32; FEATURES], row: &Row) {
    let mut pixels = [0.0; data::PIXELS];
    data::stage(&mut pixels, row);
    let (pairs_of_rows, _) = pixels.as_chunks::<{ 2 * SIDE }>();
    let (x_rows, _) = x.as_chunks_mut::<{ SIDE / 2 }>();
    for (x, rows) in x_rows.iter_mut().zip(pairs_of_rows) {
        let (upper, lower) = rows.split_at(SIDE);
        for ((x, upper), lower) in x.iter_mut().zip(upper.chunks(2)).zip(lower.chunks(2)) {
            *x = upper.iter().chain(lower).sum::<f32>() / 4.0;
        }
    }
}

//! The digits, which stay bytes in flash; see `examples/data/README.md`.

use crate::recipe::Digits;
pub use crate::recipe::PIXELS;
use fusebox::{Rng, argmax};

/// A row: 64 pixels of 0..=16, and the label.
pub type Row = [u8; PIXELS + 1];

/// Images in all.
pub const COUNT: usize = 1797;

/// Images that training never sees: a fifth.
pub const HELD_OUT: usize = COUNT / 5;

/// All rows. A constant of the wrong length would not compile.
pub static ROWS: &[Row] = {
    let (rows, rest) = include_bytes!("../../data/digits.bin").as_chunks();
    assert!(rows.len() == COUNT && rest.is_empty());
    rows
};

/// The order in which the images are used, the held-out ones first. Fewer bytes than moving the images themselves.
pub type Order = [u16; COUNT];

/// Shuffles `order` so that its first [`HELD_OUT`] numbers are the images held out: with the same generator, the same
/// ones as in `examples/digits.rs`.
pub fn split<'a>(order: &'a mut Order, rng: &mut Rng) -> (&'a mut [u16], &'a mut [u16]) {
    for (i, place) in (0..).zip(order.iter_mut()) {
        *place = i;
    }
    rng.shuffle(order);
    // Always some: a constant of either side. `unwrap_or_default` leaves no panic in the firmware.
    order.split_at_mut_checked(HELD_OUT).unwrap_or_default()
}

/// The rows numbered in `numbers`.
pub(crate) fn rows(numbers: &[u16]) -> impl Iterator<Item = &'static Row> {
    rows_of(ROWS, numbers)
}

/// Those of `all` that are numbered in `numbers`.
pub(crate) fn rows_of<'a>(all: &'a [Row], numbers: &[u16]) -> impl Iterator<Item = &'a Row> {
    numbers.iter().filter_map(|&i| all.get(usize::from(i)))
}

/// Overwrites `x` with a row's pixels as features in 0..=1, and returns the label.
pub fn stage(x: &mut [f32; PIXELS], row: &Row) -> u8 {
    let [pixels @ .., label] = row;
    for (x, &pixel) in x.iter_mut().zip(pixels) {
        *x = f32::from(pixel) / 16.0;
    }
    *label
}

/// Buffers to read images with.
pub(crate) struct Reader<const B: usize> {
    xs: [[f32; PIXELS]; B],
    labels: [u8; B],
    scratch: fusebox::Scratch<Digits, B>,
    logits: [[f32; crate::recipe::CLASSES]; B],
}

impl<const B: usize> Reader<B> {
    pub(crate) const fn new() -> Self {
        Self {
            xs: [[0.0; PIXELS]; B],
            labels: [0; B],
            scratch: fusebox::Scratch::new(),
            logits: [[0.0; crate::recipe::CLASSES]; B],
        }
    }

    /// Thousandths of the images numbered in `numbers` that `net` reads as labelled.
    pub(crate) fn accuracy(&mut self, net: &Digits, numbers: &[u16]) -> Result<u32, fusebox::Error> {
        let mut right = 0;
        for batch in numbers.chunks(B.max(1)) {
            for ((x, label), row) in self.xs.iter_mut().zip(&mut self.labels).zip(rows(batch)) {
                *label = stage(x, row);
            }
            self.infer(net, batch.len())?;
            let read = self.logits.iter().map(|logits| argmax(logits));
            let labels = self.labels.iter().map(|&label| usize::from(label));
            right += read.zip(labels).take(batch.len()).filter(|(read, label)| read == label).count();
        }
        let count = numbers.len().max(1);
        Ok(((right * 1000 + count / 2) / count) as u32)
    }

    /// Runs `net` on the first `rows` images staged. Never inlined, so that what is counted is the call a user makes.
    #[inline(never)]
    pub(crate) fn infer(&mut self, net: &Digits, rows: usize) -> Result<(), fusebox::Error> {
        let xs = self.xs.get(..rows).unwrap_or_default();
        let logits = self.logits.get_mut(..rows).unwrap_or_default();
        net.infer(xs, &mut self.scratch, logits)
    }
}

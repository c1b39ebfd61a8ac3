//! Handwriting: a network that reads digits, and learns signs of the user's own without forgetting the digits.
//!
//! Each drawing of a sign becomes some pictures, a little turned, sheared and stretched. A training step has rows of both the
//! signs and digits remembered from before (replay): a step on signs alone would let the network forget the digits. Source: A.
//! Robins, "Catastrophic forgetting, rehearsal and pseudorehearsal", 1995.

mod drawing;
mod sample;

pub use drawing::{Drawing, SIDE, Warp};

use crate::Fault;
use crate::digits::{features, split};
use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;
use firmware::{PIXELS, Row};
use fusebox::{Dense, Relu, Reservoir, Rng, Scratch, Seq, Sgd, Workspace, Zeroed, argmax, checkpoint};
use sample::Sample;

/// Digits.
pub const DIGITS: usize = 10;
/// Signs that can be taught.
pub const SIGNS: usize = 6;
/// What a picture can be.
pub const CLASSES: usize = DIGITS + SIGNS;
/// Bytes of a sign's name: eight UTF-16 units, the most that the page takes, are at most 24.
pub const NAME: usize = 24;

/// The network.
pub type Net = Seq![Dense<PIXELS, 32, Relu>, Dense<32, CLASSES>];

/// Rows of a training step, and how many of them are signs where there are digits too.
const BATCH: usize = 32;
const OF_SIGNS: usize = 12;
const RATE: f32 = 0.1;

/// Pictures of each drawing: one as it was drawn, the others changed a little.
const PICTURES: usize = 16;
/// Digits that are remembered.
const REMEMBERED: usize = 400;

/// Pictures of a sign, those of eight drawings; of more, some of each.
type Sign = Reservoir<Sample, { 8 * PICTURES }>;

/// All that a file holds: the network, the signs, and their names.
type File<'a> = (&'a Net, &'a [Sign; SIGNS], &'a [[u8; NAME]; SIGNS]);

/// What reads and learns.
pub struct Reader {
    net: Box<Net>,
    workspace: Box<Workspace<Net, BATCH>>,
    scratch: Box<Scratch<Net, BATCH>>,
    digits: Box<Reservoir<Sample, REMEMBERED>>,
    signs: Box<[Sign; SIGNS]>,
    names: [[u8; NAME]; SIGNS],
    held_out: Vec<Row>,
    rng: Rng,
}

impl Reader {
    /// One that knows nothing yet.
    pub fn new() -> Self {
        Self {
            net: Box::new(Net::ZEROED),
            workspace: Workspace::boxed(),
            scratch: Box::new(Scratch::new()),
            digits: Box::new(Reservoir::new()),
            signs: Box::new([const { Reservoir::new() }; SIGNS]),
            names: [[0; NAME]; SIGNS],
            held_out: Vec::new(),
            rng: Rng::new(1),
        }
    }

    /// Keeps some of the digits to learn from again, and those held out to judge by. They are as drawn, not changed.
    pub fn remember(&mut self, rows: &[Row]) {
        let (held_out, training) = split();
        let row = |number: u16| rows.get(usize::from(number));
        self.held_out = held_out.into_iter().filter_map(row).copied().collect();
        self.digits.clear();
        for row in training.into_iter().filter_map(row) {
            self.digits.offer(Sample(*row), &mut self.rng);
        }
    }

    /// The logit of each class, for a drawing as numbers; `None` without a stroke.
    pub fn read(&mut self, drawing: &[f32]) -> Option<[f32; CLASSES]> {
        let picture = Drawing::parse(drawing)?.picture();
        let mut logits = [[0.0; CLASSES]];
        self.net.infer(&[picture], &mut self.scratch, &mut logits).ok()?;
        logits.into_iter().next()
    }

    /// Keeps pictures of a drawing as those of a sign.
    pub fn teach(&mut self, drawing: &[f32], sign: u32) -> Result<(), Fault> {
        let Self { signs, rng, .. } = self;
        let kept = signs.get_mut(sign as usize).ok_or(Fault::Sign)?;
        let drawing = Drawing::parse(drawing).ok_or(Fault::Drawing)?;
        for number in 0..PICTURES {
            let warp = if number == 0 { Warp::NONE } else { Warp::random(rng) };
            kept.offer(Sample::new(&drawing.changed(&warp).picture(), DIGITS as u8 + sign as u8), rng);
        }
        Ok(())
    }

    /// Takes some training steps; returns the mean loss, NaN if there is nothing to learn from.
    pub fn learn(&mut self, steps: u32) -> f32 {
        let Self { net, workspace, digits, signs, rng, .. } = self;
        let taught: Vec<_> = signs.iter().filter(|sign| !sign.items().is_empty()).collect();
        let mut sum = 0.0;
        for _ in 0..steps {
            let of_signs = if digits.items().is_empty() { BATCH } else { OF_SIGNS };
            let of_signs = if taught.is_empty() { 0 } else { of_signs };
            let mut stage = workspace.stage();
            for number in 0..BATCH {
                let sample = match taught.get(number % taught.len().max(1)) {
                    Some(sign) if number < of_signs => sign.draw(rng),
                    _ => digits.draw(rng),
                };
                if let Some(Sample(row @ [.., label])) = sample {
                    // The stage has room for a whole batch, and every label is a class.
                    let _ = stage.push(*label, |x| *x = features(row));
                }
            }
            sum += stage.train_step(net, &Sgd::new(RATE)).unwrap_or(f32::NAN);
        }
        sum / steps as f32
    }

    /// The share of the held-out digits that are read as labelled; NaN if there are none.
    pub fn held_out(&mut self) -> f32 {
        let Self { net, scratch, held_out, .. } = self;
        let mut right = 0;
        for rows in held_out.chunks(BATCH) {
            let (mut xs, mut logits) = ([[0.0; PIXELS]; BATCH], [[0.0; CLASSES]; BATCH]);
            let (xs, logits) = (&mut xs[..rows.len()], &mut logits[..rows.len()]);
            for (x, row) in xs.iter_mut().zip(rows) {
                *x = features(row);
            }
            if net.infer(xs, scratch, logits).is_ok() {
                let labels = rows.iter().map(|[.., label]| usize::from(*label));
                right +=
                    logits.iter().map(|logits| argmax(logits)).zip(labels).filter(|(a, b)| a == b).count();
            }
        }
        right as f32 / held_out.len() as f32
    }

    /// Names a sign; what is longer than [`NAME`] bytes is cut at a character.
    pub fn name(&mut self, sign: u32, name: &[u8]) -> Result<(), Fault> {
        let kept = self.names.get_mut(sign as usize).ok_or(Fault::Sign)?;
        *kept = [0; NAME];
        let mut end = name.len().min(NAME);
        // Bytes that begin with the bits 10 continue a character.
        while end > 0 && name.get(end).is_some_and(|byte| byte >> 6 == 0b10) {
            end -= 1;
        }
        kept.iter_mut().zip(&name[..end]).for_each(|(kept, byte)| *kept = *byte);
        Ok(())
    }

    /// A sign's name.
    pub fn name_of(&self, sign: u32) -> Vec<u8> {
        let name = self.names.get(sign as usize).map_or(&[][..], |name| name);
        name.iter().copied().take_while(|&byte| byte != 0).collect()
    }

    /// Drawings of a sign that are remembered.
    pub fn taught(&self, sign: u32) -> u32 {
        self.signs.get(sign as usize).map_or(0, |sign| sign.items().len().div_ceil(PICTURES) as u32)
    }

    /// A file of the network, the signs and their names.
    pub fn save(&self) -> Vec<u8> {
        let mut file = vec![0; checkpoint::size::<File<'_>>()];
        // The file has the right length, and nothing of this refuses to be saved.
        let _ = checkpoint::save((&*self.net, &*self.signs, &self.names), &mut file);
        file
    }

    /// Takes such a file; changes nothing if it is refused. To a checkpoint, NaN is a weight like others; what the network says
    /// would be NaN too.
    pub fn load(&mut self, file: &[u8]) -> Result<(), Fault> {
        let Self { mut net, mut signs, mut names, .. } = Self::new();
        checkpoint::restore((&mut *net, &mut *signs, &mut names), file).map_err(Fault::File)?;
        let (weights, _) = net.as_bytes().as_chunks();
        if !weights.iter().all(|&weight| f32::from_ne_bytes(weight).is_finite()) {
            return Err(Fault::Weights);
        }
        (self.net, self.signs, self.names) = (net, signs, names);
        Ok(())
    }

    /// The network, to be trained before it is delivered.
    pub fn net(&mut self) -> &mut Net {
        &mut self.net
    }

    /// A file of the network alone, as it is delivered.
    pub fn save_network(&self) -> Vec<u8> {
        let mut file = vec![0; checkpoint::size::<(&Net,)>()];
        let _ = checkpoint::save((&*self.net,), &mut file);
        file
    }

    /// Takes such a file, and forgets all signs; changes nothing if it is refused.
    pub fn load_network(&mut self, file: &[u8]) -> Result<(), Fault> {
        checkpoint::restore((&mut *self.net,), file).map_err(Fault::File)?;
        self.signs.iter_mut().for_each(Reservoir::clear);
        self.names = [[0; NAME]; SIGNS];
        Ok(())
    }
}

impl Default for Reader {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_that_are_not_finite_are_refused() {
        let (mut sender, mut reader) = (Reader::new(), Reader::new());
        sender.name(0, b"heart").unwrap();
        let before = reader.save();
        for weight in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            sender.net().rest.bias[CLASSES - 1] = weight;
            assert_eq!(reader.load(&sender.save()), Err(Fault::Weights));
            assert!(reader.save() == before, "something was changed");
        }
        sender.net().rest.bias[CLASSES - 1] = f32::MAX;
        assert_eq!(reader.load(&sender.save()), Ok(()));
        assert!(reader.save() == sender.save());
    }
}

//! A convolutional network learns handwritten digits of 14 x 14 pixels in less than 96 KiB of RAM, and runs from flash.
//!
//! All pictures stay bytes in flash, and become numbers in the network's first layer. The lines up to the hash of the weights are the
//! same on all boards and instruction sets of a class.

use crate::bits::Fnv1a;
use crate::board::{Board, Counter, Decimal, Failure, Percent, say};
use crate::picture_net::{BATCH, CLASSES, FORWARD_MACS, Net, PIXELS, STEP_MACS};
use crate::stack::Painted;
use fusebox::{Error, Init, Isa, Momentum, Rng, Scratch, Workspace, Zeroed, argmax};
use pictures::{HELD_OUT_ROWS, Row, TRAINING, TRAINING_ROWS, WEIGHTS};
use static_cell::ConstStaticCell;

const EPOCHS: u16 = 3;
const STEPS_OF_AN_EPOCH: usize = TRAINING.div_ceil(BATCH);

/// Falls linearly to zero, step by step.
const LEARNING_RATE: f32 = 0.01;
const MOMENTUM: f32 = 0.9;

/// Everything random follows from it.
const SEED: u64 = 1;

/// Held-out accuracy, in thousandths, below which something is broken.
const LEAST_ACCURACY: u32 = 940;

/// Bytes of RAM, stack included, that the programs may take: `cargo xtask qemu` adds up what they do take.
const RAM: usize = 96 * 1024;
/// What is left of them for the stack and for counters.
const STACK: usize = 4 * 1024;
const _: () = assert!(size_of::<Lesson>() + STACK <= RAM, "training takes more RAM than it may");

/// Memory to read pictures with.
struct Reader {
    x: [u8; PIXELS],
    scratch: Scratch<Net, 1>,
    logits: [f32; CLASSES],
}

impl Reader {
    const fn new() -> Self {
        Self { x: [0; PIXELS], scratch: Scratch::new(), logits: [0.0; CLASSES] }
    }

    /// Thousandths of the pictures held out that `net` reads as labelled.
    fn accuracy(&mut self, isa: Isa, net: &Net) -> Result<u32, Error> {
        let mut right = 0;
        for [pixels @ .., label] in HELD_OUT_ROWS {
            self.x = *pixels;
            self.infer(isa, net)?;
            right += u32::from(argmax(&self.logits) == usize::from(*label));
        }
        let count = HELD_OUT_ROWS.len() as u32;
        Ok((right * 1000 + count / 2) / count)
    }

    /// Runs `net` on the picture in `x`. Never inlined, so that what is counted is the call a user makes.
    #[inline(never)]
    fn infer(&mut self, isa: Isa, net: &Net) -> Result<(), Error> {
        let Self { x, scratch, logits } = self;
        net.infer_with(isa, core::slice::from_ref(x), scratch, core::slice::from_mut(logits))
    }
}

/// All memory of a training: all zeros, and so in `.bss`.
pub struct Lesson {
    net: Net,
    workspace: Workspace<Net, BATCH, Momentum>,
    /// The numbers of the pictures in the order in which they are used.
    order: [u16; TRAINING],
    reader: Reader,
}

impl Lesson {
    /// Memory, not yet used.
    pub const fn new() -> Self {
        Self { net: Net::ZEROED, workspace: Workspace::new(), order: [0; TRAINING], reader: Reader::new() }
    }

    /// Trains from nothing; prints the class of the instruction set, the loss of every epoch, the accuracy and a hash of the
    /// weights. Returns the accuracy in thousandths.
    pub fn learn<B: Board>(&mut self, board: &mut B, isa: Isa) -> Result<u32, Failure> {
        say!(board, "class {}", if isa.is_fused() { "fused" } else { "not fused" });
        let mut rng = Rng::new(SEED);
        self.net.init(Init::He, &mut rng);
        for (i, place) in (0..).zip(&mut self.order) {
            *place = i;
        }
        let steps = f32::from(EPOCHS) * STEPS_OF_AN_EPOCH as f32;
        let mut rate = LEARNING_RATE;
        for epoch in 1..=EPOCHS {
            rng.shuffle(&mut self.order);
            let mut sum = 0.0;
            for batch in self.order.chunks(BATCH) {
                let mut stage = self.workspace.stage();
                for row in rows(batch) {
                    let [pixels @ .., label] = row;
                    stage.push(*label, |x| *x = *pixels)?;
                }
                sum += stage.on(isa).train_step(&mut self.net, &Momentum::new(rate, MOMENTUM))?;
                rate -= LEARNING_RATE / steps;
            }
            let loss = sum / STEPS_OF_AN_EPOCH as f32;
            say!(board, "epoch {epoch} loss {} {:08x}", Decimal(loss), loss.to_bits());
        }
        let accuracy = self.reader.accuracy(isa, &self.net)?;
        say!(board, "held-out accuracy {} of {} pictures", Percent(accuracy), HELD_OUT_ROWS.len());
        say!(board, "weights fnv1a {:016x}", Fnv1a::of(self.net.as_bytes()));
        Ok(accuracy)
    }

    /// The parameters as little-endian bytes.
    pub fn parameters(&self) -> &[u8] {
        self.net.as_bytes()
    }
}

impl Default for Lesson {
    fn default() -> Self {
        Self::new()
    }
}

fn rows(numbers: &[u16]) -> impl Iterator<Item = &'static Row> {
    numbers.iter().filter_map(|&i| TRAINING_ROWS.get(usize::from(i)))
}

static LESSON: ConstStaticCell<Lesson> = ConstStaticCell::new(Lesson::new());

/// Trains; prints what [`Lesson::learn`] does, RAM by kind, how deep the stack went, and instructions.
pub fn pictures<B: Painted>(board: &mut B) -> Result<(), Failure> {
    let lesson = LESSON.try_take().ok_or(Failure::Restarted)?;
    let counter = Counter::calibrated(board)?;
    let isa = Isa::detect();

    let mut accuracy = Err(Failure::Restarted);
    let stack = B::stack(&mut || accuracy = lesson.learn(board, isa));
    let accuracy = accuracy?;
    let memory = Workspace::<Net, BATCH, Momentum>::MEMORY;
    say!(board, "RAM of training: {memory}, together {} B", memory.total());
    say!(board, "stack {stack} B");

    let Lesson { net, workspace, order, reader } = lesson;
    for batch in [BATCH, 1] {
        let mut stage = workspace.stage();
        for row in rows(order).take(batch) {
            let [pixels @ .., label] = row;
            stage.push(*label, |x| *x = *pixels)?;
        }
        let optimizer = Momentum::new(LEARNING_RATE, MOMENTUM);
        let mut result = Ok(0.0);
        let step = || result = stage.on(isa).train_step(net, &optimizer);
        let instructions = counter.instructions(board, step)?;
        result?;
        per_mac(board, format_args!("train-step-{batch}"), instructions, STEP_MACS * batch as u64);
    }
    let mut result = Ok(());
    let instructions = counter.instructions(board, || result = reader.infer(isa, net))?;
    result?;
    per_mac(board, format_args!("inference"), instructions, FORWARD_MACS);
    enough(accuracy)
}

/// The desktop's weights, constants in flash that are used where they lie.
static NET: Net = match Net::copy_from_bytes(WEIGHTS) {
    Ok(net) => net,
    Err(_) => panic!("weights.bin is no network of this type"),
};

static READER: ConstStaticCell<Reader> = ConstStaticCell::new(Reader::new());

/// Reads the pictures held out with the desktop's weights; prints accuracy, hash, RAM and instructions.
pub fn pictures_infer<B: Painted>(board: &mut B) -> Result<(), Failure> {
    let reader = READER.try_take().ok_or(Failure::Restarted)?;
    let counter = Counter::calibrated(board)?;
    let isa = Isa::detect();

    let mut accuracy = Ok(0);
    let stack = B::stack(&mut || accuracy = reader.accuracy(isa, &NET));
    let accuracy = accuracy?;
    say!(board, "held-out accuracy {} of {} pictures", Percent(accuracy), HELD_OUT_ROWS.len());
    say!(board, "weights fnv1a {:016x}", Fnv1a::of(NET.as_bytes()));
    say!(board, "flash parameters {} B", size_of::<Net>());
    say!(board, "RAM inference {} B", size_of::<Reader>());
    say!(board, "stack {stack} B");

    let mut result = Ok(());
    let instructions = counter.instructions(board, || result = reader.infer(isa, &NET))?;
    result?;
    per_mac(board, format_args!("inference"), instructions, FORWARD_MACS);
    enough(accuracy)
}

fn per_mac<B: Board>(board: &mut B, what: core::fmt::Arguments<'_>, instructions: u64, macs: u64) {
    let per_mac = Decimal(instructions as f32 / macs as f32);
    say!(board, "instructions {what} {instructions} ({per_mac} per MAC, of {macs})");
}

fn enough(accuracy: u32) -> Result<(), Failure> {
    if accuracy < LEAST_ACCURACY { Err(Failure::Accuracy(accuracy)) } else { Ok(()) }
}

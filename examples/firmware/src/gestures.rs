//! A recurrent network learns gestures from an accelerometer's frames as they come, in slices between them, in less
//! than 64 KiB of RAM; then it recognises them one frame at a time.
//!
//! When a gesture ends its name is told, and the window of the last frames is staged for the next training step. A
//! window that ends while a step is under way is not learnt from. The lines up to the hash of the weights are the same
//! on all boards and instruction sets of a class.

use crate::accelerometer::{Accelerometer, Frame, GESTURES};
use crate::bits::Fnv1a;
use crate::board::{Board, Counter, Decimal, Failure, Percent, say};
use crate::stack::Painted;
use core::task::Poll;
use fusebox::data::Windows;
use fusebox::{Adam, Budget, Dense, Gru, Init, Isa, Last, Learner, Rng, Streaming, Zeroed, argmax, network};
use static_cell::ConstStaticCell;

/// Frames that a training step sees of a gesture.
const FRAMES: usize = 24;
const HIDDEN: usize = 16;
const BATCH: usize = 2;

network! {
    /// What was seen of a gesture, and which one that is.
    type Net = [FRAMES, 3] => [Gru(HIDDEN), Last, Dense(GESTURES)]
}

/// What may be learnt between two frames, in multiply-adds.
const BUDGET: Budget = Budget::macs(6_000);

const STEPS: u16 = 1000;
/// Steps between two lines.
const STEPS_OF_A_LINE: u16 = 100;
/// Falls linearly to zero, step by step.
const LEARNING_RATE: f32 = 0.01;

/// Everything random follows from these.
const SEED: u64 = 1;
const SEED_HELD_OUT: u64 = 2;

/// Gestures by which it is judged.
const HELD_OUT: u32 = 300;
/// The accuracy, in thousandths, below which something is broken.
const LEAST_ACCURACY: u32 = 900;

/// Bytes of RAM, stack included: `cargo xtask qemu` adds up what is taken.
const RAM: usize = 64 * 1024;
/// What is left of them for the stack and for counters.
const STACK: usize = 4 * 1024;
const _: () = assert!(size_of::<Hand>() + STACK <= RAM, "learning gestures takes more RAM than it may");

/// All memory of learning and recognising: all zeros, and so in `.bss`.
pub struct Hand {
    learner: Learner<Net, BATCH, Adam>,
    window: Windows<Frame, FRAMES>,
    stream: Streaming<Net>,
}

impl Hand {
    /// Memory, not yet used.
    pub const fn new() -> Self {
        Self { learner: Learner::new(Net::ZEROED), window: Windows::new(), stream: Streaming::new() }
    }

    /// Learns from nothing; prints the class of the instruction set, the loss now and then, the accuracy and a hash of
    /// the weights. Returns the accuracy in thousandths.
    pub fn learn<B: Board>(&mut self, board: &mut B, isa: Isa) -> Result<u32, Failure> {
        say!(board, "class {}", if isa.is_fused() { "fused" } else { "not fused" });
        self.learner.net_mut()?.init(Init::Glorot, &mut Rng::new(SEED));
        let mut accelerometer = Accelerometer::new(SEED);
        let (mut steps, mut frames, mut sum) = (0, 0_u32, 0.0);
        while steps < STEPS {
            frames += 1;
            if let Some(loss) = self.tick(isa, &mut accelerometer, steps)? {
                sum += loss;
                steps += 1;
                if steps % STEPS_OF_A_LINE == 0 {
                    let loss = sum / f32::from(STEPS_OF_A_LINE);
                    say!(board, "step {steps} frame {frames} loss {} {:08x}", Decimal(loss), loss.to_bits());
                    sum = 0.0;
                }
            }
        }
        let accuracy = self.accuracy(isa);
        say!(board, "held-out accuracy {} of {HELD_OUT} gestures", Percent(accuracy));
        say!(board, "weights fnv1a {:016x}", Fnv1a::of(self.learner.net().as_bytes()));
        Ok(accuracy)
    }

    /// Takes a frame, and learns a little. Returns the loss of a step that is complete.
    fn tick(
        &mut self,
        isa: Isa,
        accelerometer: &mut Accelerometer,
        steps: u16,
    ) -> Result<Option<f32>, Failure> {
        let Self { learner, window, .. } = self;
        let (frame, ended) = accelerometer.read();
        let window = window.push(frame);
        if learner.is_busy() {
            return match learner.poll_with(isa, BUDGET) {
                Poll::Ready(loss) => Ok(Some(loss?)),
                Poll::Pending => Ok(None),
            };
        }
        if let (Some(window), Some(gesture)) = (window, ended) {
            learner.push(gesture, |x| *x = *window)?;
            if learner.rows() == BATCH {
                let left = f32::from(STEPS - steps) / f32::from(STEPS);
                learner.start(Adam::new(LEARNING_RATE * left))?;
            }
        }
        Ok(None)
    }

    /// Thousandths of another stream's gestures that are recognised with their last frame.
    fn accuracy(&mut self, isa: Isa) -> u32 {
        let mut accelerometer = Accelerometer::new(SEED_HELD_OUT);
        self.stream.restart();
        let (mut ended, mut right) = (0, 0);
        while ended < HELD_OUT {
            let (frame, gesture) = accelerometer.read();
            let recognised = self.recognise(isa, &frame);
            if let Some(gesture) = gesture {
                ended += 1;
                right += u32::from(recognised == usize::from(gesture));
            }
        }
        (right * 1000 + HELD_OUT / 2) / HELD_OUT
    }

    /// The gesture that the frames so far look like. Never inlined, so that what is counted is the call a user makes.
    #[inline(never)]
    fn recognise(&mut self, isa: Isa, frame: &Frame) -> usize {
        self.stream.push_with(isa, self.learner.net(), frame).map_or(GESTURES, |logits| argmax(logits))
    }
}

impl Default for Hand {
    fn default() -> Self {
        Self::new()
    }
}

static HAND: ConstStaticCell<Hand> = ConstStaticCell::new(Hand::new());

/// Learns; prints what [`Hand::learn`] does, RAM by kind, how deep the stack went, and instructions.
pub fn gestures<B: Painted>(board: &mut B) -> Result<(), Failure> {
    let hand = HAND.try_take().ok_or(Failure::Restarted)?;
    let counter = Counter::calibrated(board)?;
    let isa = Isa::detect();

    let mut accuracy = Err(Failure::Restarted);
    let stack = B::stack(&mut || accuracy = hand.learn(board, isa));
    let accuracy = accuracy?;
    let memory = Learner::<Net, BATCH, Adam>::MEMORY;
    say!(board, "RAM of learning: {memory}, together {} B", memory.total());
    say!(board, "RAM of a stream {} B", Streaming::<Net>::BYTES);
    say!(board, "stack {stack} B");

    // One more step, frame by frame.
    let mut accelerometer = Accelerometer::new(SEED);
    let (mut longest, mut sum, mut slices) = (0, 0, 0);
    loop {
        let busy = hand.learner.is_busy();
        let mut result = Ok(None);
        let tick = || result = hand.tick(isa, &mut accelerometer, 0);
        let instructions = counter.instructions(board, tick)?;
        if busy {
            (longest, sum, slices) = (instructions.max(longest), sum + instructions, slices + 1);
        }
        if result?.is_some() {
            break;
        }
    }
    say!(board, "instructions train-step-{BATCH} {sum} (in {slices} slices, the longest {longest})");
    let (frame, _) = accelerometer.read();
    let instructions = counter.instructions(board, || hand.recognise(isa, &frame))?;
    say!(board, "instructions inference {instructions} (a frame)");
    if accuracy < LEAST_ACCURACY { Err(Failure::Accuracy(accuracy)) } else { Ok(()) }
}

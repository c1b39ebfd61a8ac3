//! Trains on the board, judges by images held out, and counts instructions.

use crate::board::{Board, Counter, Decimal, Failure, Percent, say};
use crate::data::{COUNT, HELD_OUT, Order, ROWS, Reader, rows, stage};
use crate::recipe::{BATCH, Digits, FORWARD_MACS, LEARNING_RATE, Trainer};
use fusebox::{Isa, Sgd, Workspace, Zeroed};
use static_cell::ConstStaticCell;

/// Held-out accuracy, in thousandths, below which something is broken.
const LEAST_ACCURACY: u32 = 900;

// All that training needs, in `.bss`: the linker refuses what the board has no room for.
static NET: ConstStaticCell<Digits> = ConstStaticCell::new(Digits::ZEROED);
static WORKSPACE: ConstStaticCell<Workspace<Digits, BATCH>> = ConstStaticCell::new(Workspace::new());
static ORDER: ConstStaticCell<Order> = ConstStaticCell::new([0; COUNT]);
static READER: ConstStaticCell<Reader<BATCH>> = ConstStaticCell::new(Reader::new());

/// Trains a network from nothing, prints loss, accuracy, RAM by kind and instructions.
pub fn train<B: Board>(board: &mut B) -> Result<(), Failure> {
    let net = NET.try_take().ok_or(Failure::Restarted)?;
    let workspace = WORKSPACE.try_take().ok_or(Failure::Restarted)?;
    let order = ORDER.try_take().ok_or(Failure::Restarted)?;
    let reader = READER.try_take().ok_or(Failure::Restarted)?;
    let counter = Counter::calibrated(board)?;

    let mut trainer = Trainer::new(Isa::detect(), ROWS, net, workspace, order);
    learn(board, &mut trainer)?;
    let accuracy = reader.accuracy(trainer.net, trainer.held_out)?;
    say!(board, "held-out accuracy {}", Percent(accuracy));

    let memory = Workspace::<Digits, BATCH>::MEMORY;
    say!(board, "RAM parameters {} B", memory.parameters);
    say!(board, "RAM tape {} B", memory.tape);
    say!(board, "RAM gradients {} B", memory.gradients);
    say!(board, "RAM optimizer {} B", memory.optimizer);
    say!(board, "RAM staging {} B", memory.staging);
    say!(board, "RAM total {} B", memory.total());

    for batch in [BATCH, 1] {
        let instructions = count_step(&counter, board, &mut trainer, batch)?;
        let macs = FORWARD_MACS * batch as u64;
        say!(
            board,
            "instructions train-step-{batch} {instructions} ({} per forward MAC)",
            Decimal(instructions as f32 / macs as f32)
        );
    }
    let instructions = counter.instructions(board, || reader.infer(trainer.net, 1))?;
    say!(
        board,
        "instructions inference {instructions} ({} per forward MAC)",
        Decimal(instructions as f32 / FORWARD_MACS as f32)
    );
    if accuracy < LEAST_ACCURACY { Err(Failure::Accuracy(accuracy)) } else { Ok(()) }
}

/// Prints the loss of every epoch, and a hash of the weights.
pub fn learn<B: Board>(board: &mut B, trainer: &mut Trainer<'_>) -> Result<(), Failure> {
    say!(board, "64-32-10, batches of {BATCH}: {} images, {HELD_OUT} held out", trainer.training.len());
    trainer.lesson(|epoch, loss| say!(board, "epoch {epoch} loss {}", Decimal(loss)))?;
    say!(board, "weights fnv1a {:016x}", trainer.hash());
    Ok(())
}

/// Instructions of one step on rows that are already staged.
fn count_step<B: Board>(
    counter: &Counter,
    board: &mut B,
    trainer: &mut Trainer<'_>,
    batch: usize,
) -> Result<u64, Failure> {
    let Trainer { net, workspace, training, isa, .. } = trainer;
    let mut staged = workspace.stage();
    for row in rows(training).take(batch) {
        let [.., label] = row;
        staged.push(*label, |x| {
            stage(x, row);
        })?;
    }
    let optimizer = Sgd::new(LEARNING_RATE);
    let mut result = Ok(0.0);
    let instructions =
        counter.instructions(board, || result = staged.on(*isa).train_step(net, &optimizer))?;
    result?;
    Ok(instructions)
}

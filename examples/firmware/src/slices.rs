//! A training step in slices: what the worst slice takes, for several budgets, beside the whole step; and that both leave the
//! same weights.

use crate::board::{Board, Counter, Decimal, Failure, say};
use crate::data::{ROWS, stage};
use crate::recipe::{BATCH, Digits, LEARNING_RATE, SEED};
use core::task::Poll;
use fusebox::{Budget, Init, Learner, Rng, Sgd, Workspace, Zeroed};
use static_cell::ConstStaticCell;

static NET: ConstStaticCell<Digits> = ConstStaticCell::new(Digits::ZEROED);
static WORKSPACE: ConstStaticCell<Workspace<Digits, BATCH>> = ConstStaticCell::new(Workspace::new());
static LEARNER: ConstStaticCell<Learner<Digits, BATCH>> = ConstStaticCell::new(Learner::new(Digits::ZEROED));

/// In multiply-adds; the last is more than a step has.
const BUDGETS: [usize; 6] = [0, 2_500, 5_000, 10_000, 40_000, usize::MAX];

/// Takes a step with each budget, prints the slices it took and the worst of them.
pub fn slices<B: Board>(board: &mut B) -> Result<(), Failure> {
    let net = NET.try_take().ok_or(Failure::Restarted)?;
    let workspace = WORKSPACE.try_take().ok_or(Failure::Restarted)?;
    let learner = LEARNER.try_take().ok_or(Failure::Restarted)?;
    let counter = Counter::calibrated(board)?;
    let memory = Learner::<Digits, BATCH>::MEMORY;
    say!(board, "RAM learner {} B", Learner::<Digits, BATCH>::BYTES);
    say!(board, "RAM weights twice {} B", memory.parameters);

    for rows in [BATCH, 1] {
        net.init(Init::He, &mut Rng::new(SEED));
        let mut staged = workspace.stage();
        for row in ROWS.iter().take(rows) {
            let [.., label] = row;
            staged.push(*label, |x| {
                stage(x, row);
            })?;
        }
        let mut result = Ok(0.0);
        let whole =
            counter.instructions(board, || result = staged.train_step(net, &Sgd::new(LEARNING_RATE)))?;
        let loss = result?;
        say!(board, "instructions step-{rows} {whole}");
        for macs in BUDGETS {
            learner.net_mut()?.init(Init::He, &mut Rng::new(SEED));
            for row in ROWS.iter().take(rows) {
                let [.., label] = row;
                learner.push(*label, |x| {
                    stage(x, row);
                })?;
            }
            learner.start(Sgd::new(LEARNING_RATE))?;
            let (mut worst, mut sum, mut slices) = (0, 0, 0);
            let got = loop {
                let mut poll = Poll::Pending;
                let instructions = counter.instructions(board, || poll = learner.poll(Budget::macs(macs)))?;
                (worst, sum, slices) = (instructions.max(worst), sum + instructions, slices + 1);
                if let Poll::Ready(loss) = poll {
                    break loss?;
                }
            };
            if got.to_bits() != loss.to_bits() || learner.net().as_bytes() != net.as_bytes() {
                return Err(Failure::Slices);
            }
            say!(
                board,
                "instructions step-{rows} budget {macs} worst slice {worst} in {slices} slices, {} of the whole step",
                Decimal(sum as f32 / whole as f32)
            );
        }
    }
    Ok(())
}

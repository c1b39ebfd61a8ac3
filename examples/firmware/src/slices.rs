//! A training step in slices: what the worst slice takes, for several budgets, beside the whole step; and that both leave the
//! same weights.

use crate::board::{Board, Counter, Decimal, Failure, say};
use crate::data::{ROWS, stage};
use crate::recipe::{BATCH, Digits, LEARNING_RATE, PIXELS, SEED};
use crate::{mixed, recipe};
use core::task::Poll;
use fusebox::{
    Budget, Chain, CrossEntropy, Error, Guard, Init, Learner, Loss, Optimizer, Plain, Rng, Sgd, Stage, Train,
    Workspace, Zeroed,
};
use static_cell::ConstStaticCell;

/// In multiply-adds; the last is more than a step has.
const BUDGETS: [usize; 5] = [0, 2_500, 10_000, 40_000, usize::MAX];

/// A network that takes steps in both ways.
struct Both<N: Train<Output = [f32; recipe::CLASSES]> + Copy, const B: usize, O: Optimizer> {
    net: N,
    workspace: Workspace<N, B, O>,
    learner: Learner<N, B, O>,
}

type Plainly = Both<Digits, BATCH, Sgd>;
type Guarded = Both<mixed::Net, { mixed::BATCH }, mixed::Optimizer>;

static PLAINLY: ConstStaticCell<Plainly> = ConstStaticCell::new(Plainly::new(Digits::ZEROED));
static GUARDED: ConstStaticCell<Guarded> = ConstStaticCell::new(Guarded::new(mixed::Net::ZEROED));
static GUARDS: ConstStaticCell<[Guard<mixed::Net>; 2]> = ConstStaticCell::new([Guard::new(), Guard::new()]);

/// Takes steps with each budget, prints the slices they took and the worst of them.
pub fn slices<B: Board>(board: &mut B) -> Result<(), Failure> {
    let counter = Counter::calibrated(board)?;

    let both = PLAINLY.try_take().ok_or(Failure::Restarted)?;
    let sgd = Sgd::new(LEARNING_RATE);
    for rows in [BATCH, 1] {
        say!(board, "64-32-10, {rows} rows");
        for macs in BUDGETS {
            let whole = |stage: Stage<'_, _, BATCH, _, _>, net: &mut _| stage.train_step(net, &sgd);
            both.step(board, &counter, rows, macs, sgd, whole, Learner::poll)?;
        }
    }

    let both = GUARDED.try_take().ok_or(Failure::Restarted)?;
    let [guard, other] = GUARDS.try_take().ok_or(Failure::Restarted)?;
    let rows = mixed::BATCH;
    say!(board, "five layers, {rows} rows, a clipped norm, AdamW, a guard");
    for macs in BUDGETS {
        let optimizer = mixed::OPTIMIZER;
        let whole = |stage: Stage<'_, _, { mixed::BATCH }, _, _>, net: &mut _| {
            stage.train_step_guarded(net, &optimizer, guard)
        };
        let poll = |learner: &mut Learner<_, _, _>, budget| learner.poll_guarded(budget, other);
        both.step(board, &counter, rows, macs, optimizer, whole, poll)?;
    }
    Ok(())
}

impl<N: Train<Output = [f32; recipe::CLASSES]> + Copy, const B: usize, O: Optimizer> Both<N, B, O> {
    const fn new(net: N) -> Self {
        Self { net, workspace: Workspace::new(), learner: Learner::new(net) }
    }
}

impl<A, R, const B: usize, O: Optimizer> Both<Chain<A, R>, B, O>
where
    A: Train<Input = [f32; PIXELS]> + Plain,
    R: Train<Input = A::Output, Output = [f32; recipe::CLASSES]> + Plain,
    Chain<A, R>: Train<Input = [f32; PIXELS], Output = [f32; recipe::CLASSES]> + Copy,
    CrossEntropy: Loss<[f32; recipe::CLASSES], Target = u8>,
{
    /// A first step on the first `rows` images, once `whole` and once in slices of `macs` multiply-adds.
    fn step<D: Board>(
        &mut self,
        board: &mut D,
        counter: &Counter,
        rows: usize,
        macs: usize,
        optimizer: O,
        whole: impl FnOnce(Stage<'_, Chain<A, R>, B, O, CrossEntropy>, &mut Chain<A, R>) -> Result<f32, Error>,
        mut poll: impl FnMut(&mut Learner<Chain<A, R>, B, O>, Budget) -> Poll<Result<f32, Error>>,
    ) -> Result<(), Failure> {
        let Self { net, workspace, learner } = self;
        workspace.reset_optimizer();
        learner.reset_optimizer()?;
        net.init(Init::He, &mut Rng::new(SEED));
        learner.net_mut()?.init(Init::He, &mut Rng::new(SEED));

        let mut staged = workspace.stage();
        for row in ROWS.iter().take(rows) {
            let [.., label] = row;
            staged.push(*label, |x| {
                stage(x, row);
            })?;
            learner.push(*label, |x| {
                stage(x, row);
            })?;
        }
        let mut loss = Ok(0.0);
        let at_once = counter.instructions(board, || loss = whole(staged, net))?;
        let loss = loss?;

        learner.start(optimizer)?;
        let (mut worst, mut sum, mut slices) = (0, 0, 0);
        let in_slices = loop {
            let mut polled = Poll::Pending;
            let instructions = counter.instructions(board, || polled = poll(learner, Budget::macs(macs)))?;
            (worst, sum, slices) = (instructions.max(worst), sum + instructions, slices + 1);
            if let Poll::Ready(loss) = polled {
                break loss?;
            }
        };
        if in_slices.to_bits() != loss.to_bits() || learner.net().as_bytes() != net.as_bytes() {
            return Err(Failure::Slices);
        }
        say!(
            board,
            "budget {macs}: worst slice {worst} instructions, {slices} slices, {} of the whole step's {at_once}",
            Decimal(sum as f32 / at_once as f32)
        );
        Ok(())
    }
}

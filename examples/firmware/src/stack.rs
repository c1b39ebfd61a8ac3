//! How deep calls go, and the memory of training by kind, for `cargo xtask size`.

use crate::board::{Board, Failure, say};
use crate::recipe::{BATCH, CLASSES, Digits, PIXELS, SEED};
use fusebox::{Dense, Error, Init, Relu, Rng, Scratch, Seq, Sgd, Train, Workspace, Zeroed};
use static_cell::ConstStaticCell;

/// A board that can tell how deep its stack goes.
pub trait Painted: Board {
    /// Bytes that `work` takes of the stack, below the caller's own; `usize::MAX` if they are too many to tell.
    fn stack(work: &mut dyn FnMut()) -> usize;
}

const WIDTH: usize = 16;
const ROWS: usize = 4;

type Last = Dense<WIDTH, WIDTH>;
type Hidden = Dense<WIDTH, WIDTH, Relu>;
type Two = Seq![Hidden, Last];
type Three = Seq![Hidden, Hidden, Last];
type Four = Seq![Hidden, Hidden, Hidden, Last];

/// A network and what it takes to run and to train it.
struct Memory<N, const B: usize, const IN: usize, const OUT: usize>
where
    N: Train<Input = [f32; IN], Output = [f32; OUT]>,
{
    net: N,
    scratch: Scratch<N, B>,
    workspace: Workspace<N, B>,
    xs: [[f32; IN]; B],
    labels: [u8; B],
    ys: [[f32; OUT]; B],
}

/// Runs a network; layers and chains of them have a function of this form each.
type Infer<N, const B: usize, const IN: usize, const OUT: usize> =
    fn(&N, &[[f32; IN]], &mut Scratch<N, B>, &mut [[f32; OUT]]) -> Result<(), Error>;

static DIGITS: ConstStaticCell<Memory<Digits, BATCH, PIXELS, CLASSES>> = ConstStaticCell::new(Memory::new());
static ONE: ConstStaticCell<Memory<Last, ROWS, WIDTH, WIDTH>> = ConstStaticCell::new(Memory::new());
static TWO: ConstStaticCell<Memory<Two, ROWS, WIDTH, WIDTH>> = ConstStaticCell::new(Memory::new());
static THREE: ConstStaticCell<Memory<Three, ROWS, WIDTH, WIDTH>> = ConstStaticCell::new(Memory::new());
static FOUR: ConstStaticCell<Memory<Four, ROWS, WIDTH, WIDTH>> = ConstStaticCell::new(Memory::new());

/// Prints the stack that inference and a training step take, and how it grows with the layers.
pub fn stack<B: Painted>(board: &mut B) -> Result<(), Failure> {
    let digits = DIGITS.try_take().ok_or(Failure::Restarted)?;
    let one = ONE.try_take().ok_or(Failure::Restarted)?;
    let two = TWO.try_take().ok_or(Failure::Restarted)?;
    let three = THREE.try_take().ok_or(Failure::Restarted)?;
    let four = FOUR.try_take().ok_or(Failure::Restarted)?;

    let memory = Workspace::<Digits, BATCH>::MEMORY;
    say!(board, "RAM 64-32-10, parameters; {} bytes", memory.parameters);
    say!(board, "RAM 64-32-10, tape; {} bytes", memory.tape);
    say!(board, "RAM 64-32-10, gradients; {} bytes", memory.gradients);
    say!(board, "RAM 64-32-10, optimiser; {} bytes", memory.optimizer);
    say!(board, "RAM 64-32-10, staging; {} bytes", memory.staging);
    say!(board, "RAM 64-32-10, scratch of one row; {} bytes", Scratch::<Digits, 1>::BYTES);
    digits.measure(board, "64-32-10", Digits::infer)?;
    one.measure(board, "of 1 layer", Last::infer)?;
    two.measure(board, "of 2 layers", Two::infer)?;
    three.measure(board, "of 3 layers", Three::infer)?;
    four.measure(board, "of 4 layers", Four::infer)
}

impl<N, const B: usize, const IN: usize, const OUT: usize> Memory<N, B, IN, OUT>
where
    N: Train<Input = [f32; IN], Output = [f32; OUT]> + Zeroed,
{
    const fn new() -> Self {
        Self {
            net: N::ZEROED,
            scratch: Scratch::new(),
            workspace: Workspace::new(),
            xs: [[0.0; IN]; B],
            labels: [0; B],
            ys: [[0.0; OUT]; B],
        }
    }

    fn measure<P: Painted>(
        &mut self,
        board: &mut P,
        name: &str,
        infer: Infer<N, B, IN, OUT>,
    ) -> Result<(), Failure> {
        let Self { net, scratch, workspace, xs, labels, ys } = self;
        net.init(Init::He, &mut Rng::new(SEED));
        let mut result = Ok(());
        let (x, y) = (xs.get(..1).unwrap_or_default(), ys.get_mut(..1).unwrap_or_default());
        let bytes = P::stack(&mut || result = infer(net, x, scratch, y));
        result?;
        say!(board, "stack inference {name}; {bytes} bytes");

        let mut result = Ok(0.0);
        let bytes = P::stack(&mut || result = workspace.train_step(net, xs, labels, &Sgd::new(0.1)));
        result?;
        say!(board, "stack step {name}; {bytes} bytes");
        Ok(())
    }
}

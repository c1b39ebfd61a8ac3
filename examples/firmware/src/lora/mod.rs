//! A transformer in flash gets used to a camera that someone turned by a quarter.
//!
//! The desktop trained it on upright digits (`pretraining`). Here its weights stay where they are; adapters of a low
//! rank learn beside the dense layers of one attention, the last. The lines up to the hash of the adapters are the same
//! on all boards and instruction sets of a class.

mod pretraining;
mod transformer;

use crate::bits::Fnv1a;
use crate::board::{Board, Counter, Decimal, Failure, Percent, say};
use crate::data::{COUNT, Order, split};
use crate::recipe::SEED;
use crate::stack::Painted;
use fusebox::{
    Adam, Borrowed, Chain, Each, Frozen, Init, Isa, LayerNorm, LowRank, Plain, Residual, Rng, Seq, Train,
    Workspace, Zeroed,
};
pub use pretraining::Pretraining;
use static_cell::ConstStaticCell;
use transformer::{Above, Below, Camera, D, Heads, QKV, Reader, SIDE, Transformer, epoch};

/// Columns of an adapter's first matrix, rows of its second.
const RANK: usize = 4;

type Look = Seq![
    Each<SIDE, Seq![Borrowed<'static, LayerNorm<D>>, LowRank<'static, D, QKV, RANK>]>,
    Heads,
    Each<SIDE, LowRank<'static, D, D, RANK>>,
];
/// The transformer with adapters. No gradient is computed below them; it passes what is above.
type Adapted = Frozen<'static, Below, Seq![Residual<Look>, Borrowed<'static, Above>]>;

const BATCH: usize = 4;
/// Turned pictures to learn from, each with its label.
const PICTURES: usize = 400;
const EPOCHS: u16 = 10;
const STEPS: usize = EPOCHS as usize * PICTURES.div_ceil(BATCH);
/// Falls linearly to a part of it, epoch by epoch.
const LEARNING_RATE: f32 = 0.02;

/// Accuracy on held-out turned pictures, in thousandths: so little before, or the world has not changed; so much after,
/// or something is broken.
const MOST_BEFORE: u32 = 250;
const LEAST_AFTER: u32 = 840;

/// Bytes of RAM, stack included, that the program may take: `cargo xtask qemu` adds up what it does take.
const RAM: usize = 128 * 1024;
/// What is left of them for the stack, with the adapters on it, and for counters.
const STACK: usize = 3 * 1024;
const _: () = assert!(size_of::<Adaptation>() + STACK <= RAM, "training takes more RAM than it may");

/// The weights that a desktop without fused multiply-add learns by [`Pretraining`]: `examples/data/README.md` says how
/// to write them anew. After a change of the network's size the firmware does not compile with the old file; as many
/// zeros will do until then.
pub const TRANSFORMER: &[u8] = include_bytes!("../../../data/transformer.weights.bin");

/// The same, constants in flash that are used where they lie.
static NET: Transformer = match Transformer::copy_from_bytes(TRANSFORMER) {
    Ok(net) => net,
    Err(_) => panic!("transformer.weights.bin is no network of this type"),
};

/// [`NET`] with adapters that change nothing yet.
fn adapted(rng: &mut Rng) -> Adapted {
    let Chain { first: below, rest: Chain { first: Residual { layer: look }, rest: above } } = &NET;
    let Chain { first: Each { layer: inputs }, rest: Chain { rest: Each { layer: output }, .. } } = look;
    let inputs = Chain { first: Borrowed::new(&inputs.first), rest: LowRank::new(&inputs.rest) };
    let rest = Chain { first: Heads::ZEROED, rest: Each { layer: LowRank::new(output) } };
    let layer = Chain { first: Each { layer: inputs }, rest };
    let mut net = Adapted::new(below, Chain { first: Residual { layer }, rest: Borrowed::new(above) });
    net.init(Init::He, rng);
    net
}

/// A hash of what the adapters have learnt.
fn hash(net: &Adapted) -> u64 {
    let Residual { layer: Chain { first: inputs, rest: Chain { rest: output, .. } } } = &net.head.first;
    let mut hash = Fnv1a::new();
    let (inputs, output) = (&inputs.layer.rest, &output.layer);
    for bytes in [inputs.down.as_bytes(), inputs.up.as_bytes(), output.down.as_bytes(), output.up.as_bytes()]
    {
        hash.add(bytes);
    }
    hash.finish()
}

/// All memory of the training but the adapters: all zeros, and so in `.bss`.
pub struct Adaptation {
    workspace: Workspace<Adapted, BATCH, Adam>,
    order: Order,
    reader: Reader<Adapted>,
}

impl Adaptation {
    /// Memory, not yet used.
    pub const fn new() -> Self {
        Self { workspace: Workspace::new(), order: [0; COUNT], reader: Reader::new() }
    }

    /// Trains the adapters from nothing; prints the class of the instruction set, accuracies before and after, the loss
    /// of every epoch and a hash of the adapters. Counts instructions if there is a counter.
    pub fn learn<B: Board>(&mut self, board: &mut B, isa: Isa) -> Result<(), Failure> {
        self.adapt(board, isa, None)
    }

    fn adapt<B: Board>(&mut self, board: &mut B, isa: Isa, counter: Option<&Counter>) -> Result<(), Failure> {
        say!(board, "class {}", if isa.is_fused() { "fused" } else { "not fused" });
        let Self { workspace, order, reader } = self;
        let mut rng = Rng::new(SEED);
        // Those that the desktop held out too.
        let (held_out, training) = split(order, &mut rng);
        let pictures = training.get_mut(..PICTURES).unwrap_or_default();
        let net = &mut adapted(&mut rng);

        let upright = reader.accuracy(isa, Camera::Upright, net, held_out)?;
        let before = reader.accuracy(isa, Camera::Turned, net, held_out)?;
        say!(board, "upright: {} of {} pictures held out", Percent(upright), held_out.len());
        say!(board, "turned, before: {}", Percent(before));
        for number in 0..EPOCHS {
            rng.shuffle(pictures);
            let rate = LEARNING_RATE * f32::from(EPOCHS - number) / f32::from(EPOCHS);
            let loss = epoch(isa, Camera::Turned, net, workspace, &Adam::new(rate), pictures)?;
            say!(board, "epoch {} loss {} {:08x}", number + 1, Decimal(loss), loss.to_bits());
        }
        let after = reader.accuracy(isa, Camera::Turned, net, held_out)?;
        say!(board, "{STEPS} steps of {BATCH} of {} pictures", pictures.len());
        say!(board, "held-out accuracy {} of {} turned pictures", Percent(after), held_out.len());
        say!(board, "weights fnv1a {:016x}", hash(net));

        if let Some(counter) = counter {
            let mut result = Ok(0.0);
            let batch = pictures.get(..BATCH).unwrap_or_default();
            let step = || result = epoch(isa, Camera::Turned, net, workspace, &Adam::new(0.0), batch);
            let instructions = counter.instructions(board, step)?;
            result?;
            say!(board, "instructions train-step-{BATCH} {instructions}");
            let mut result = Ok(());
            let instructions = counter.instructions(board, || result = reader.infer(isa, net))?;
            result?;
            say!(board, "instructions inference {instructions}");
        }
        if before > MOST_BEFORE || after < LEAST_AFTER { Err(Failure::Accuracy(after)) } else { Ok(()) }
    }
}

impl Default for Adaptation {
    fn default() -> Self {
        Self::new()
    }
}

static ADAPTATION: ConstStaticCell<Adaptation> = ConstStaticCell::new(Adaptation::new());

/// Adapts; prints what [`Adaptation::learn`] prints, instructions, RAM by kind, flash, and how deep the stack went.
pub fn lora<B: Painted>(board: &mut B) -> Result<(), Failure> {
    let adaptation = ADAPTATION.try_take().ok_or(Failure::Restarted)?;
    let counter = Counter::calibrated(board)?;
    let mut result = Err(Failure::Restarted);
    let stack = B::stack(&mut || result = adaptation.adapt(board, Isa::detect(), Some(&counter)));
    result?;
    let memory = Workspace::<Adapted, BATCH, Adam>::MEMORY;
    say!(board, "RAM of training: {memory}, together {} B", memory.total());
    say!(board, "flash parameters {} B", size_of::<Transformer>());
    say!(board, "stack {stack} B");
    Ok(())
}

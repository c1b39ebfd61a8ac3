//! A third recipe, of layers made of layers: bytes as input, nested blocks, positions, residuals, dropout, tied weights. It is
//! trained behind a guard, saved and restored in the middle, taken in slices, and frozen below a new head.

use crate::bits::Fnv1a;
use crate::board::{Board, Failure, say};
use crate::data::ROWS;
use crate::recipe::{CLASSES, PIXELS, SEED};
use core::task::Poll;
use fusebox::{
    AdamW, Budget, Dense, Dropout, Each, Error, Flatten, Frozen, Guard, Init, Isa, LayerNorm, Learner,
    Pixels, Plain, Relu, Repeat, Residual, Rng, Scratch, Seq, Sgd, Tanh, Tied, View, Workspace, Zeroed,
    checkpoint, network,
};

type Block =
    Residual<Seq![LayerNorm<6>, Dense<6, 8, Relu>, Dropout<8, 10>, Residual<Dense<8, 8, Tanh>>, Dense<8, 6>]>;

network! {
    /// Pixels, two positions of six numbers each, two blocks at each of them, tied weights.
    pub(crate) type Net = [
        Seq![Pixels<PIXELS, 16>, Dense<PIXELS, 12, Relu>],
        View<[f32; 12], Repeat<2, Each<2, Block>>, [[f32; 6]; 2]>,
        Flatten<2, 6, Seq![Tied<12, 5, LayerNorm<5>, Tanh>, Dense<12, CLASSES>]>,
    ]
}

const OPTIMIZER: AdamW = AdamW::new(0.01, 0.05).weights_only();
const BATCH: usize = 4;
/// Steps before the training is saved, and after.
const STEPS: usize = 8;

type Images = [[u8; PIXELS]; BATCH];
type Training = Workspace<Net, BATCH, AdamW>;
type Head<'a> = Frozen<'a, Net, Dense<CLASSES, 4>>;
type Parts<'a> = (&'a Net, &'a Training, &'a Guard<Net>, &'a Rng);

/// The memory of all of it: all zeros, and so in `.bss`.
#[derive(Debug)]
pub(crate) struct Composed {
    net: Net,
    training: Training,
    guard: Guard<Net>,
    learner: Learner<Net, BATCH, AdamW>,
    scratch: Scratch<Net, BATCH>,
    file: [u8; checkpoint::size::<Parts<'static>>()],
}

impl Composed {
    /// Memory, not yet used.
    pub(crate) const fn new() -> Self {
        Self {
            net: Net::ZEROED,
            training: Workspace::new(),
            guard: Guard::new(),
            learner: Learner::new(Net::ZEROED),
            scratch: Scratch::new(),
            file: [0; checkpoint::size::<Parts<'static>>()],
        }
    }

    /// Prints the losses of a training, hashes of its file and its parameters, and what a head on it learns.
    pub(crate) fn trace<B: Board>(&mut self, board: &mut B, isa: Isa) -> Result<(), Failure> {
        let mut rng = Rng::new(SEED);
        self.net.init(Init::He, &mut rng);
        for step in 1..=STEPS {
            let loss = self.step(isa, &mut rng)?;
            say!(board, "composed step {step} loss {:08x}", loss.to_bits());
        }
        checkpoint::save((&self.net, &self.training, &self.guard, &rng), &mut self.file)?;
        say!(board, "composed file fnv1a {:016x}", Fnv1a::of(&self.file));

        let mut losses = [0.0; STEPS];
        for loss in &mut losses {
            *loss = self.step(isa, &mut rng)?;
        }
        let expected = Fnv1a::of(self.net.as_bytes());
        checkpoint::restore((&mut self.net, &mut self.training, &mut self.guard, &mut rng), &self.file)?;
        for (step, loss) in (STEPS + 1..).zip(losses) {
            if self.step(isa, &mut rng)?.to_bits() != loss.to_bits() {
                return Err(Failure::Restored);
            }
            say!(board, "composed step {step} loss {:08x}", loss.to_bits());
        }
        if Fnv1a::of(self.net.as_bytes()) != expected {
            return Err(Failure::Restored);
        }
        say!(board, "composed parameters fnv1a {expected:016x}");

        self.in_slices(isa, &mut rng)?;
        self.frozen(board, isa, &mut rng)
    }

    fn step(&mut self, isa: Isa, rng: &mut Rng) -> Result<f32, Error> {
        let (xs, labels) = images(rng);
        let Self { net, training, guard, .. } = self;
        training.train_step_guarded_with(isa, net, &xs, &labels, &OPTIMIZER, guard)
    }

    /// A step in slices has the bits of the whole step, from the same file.
    fn in_slices(&mut self, isa: Isa, rng: &mut Rng) -> Result<(), Failure> {
        let (xs, labels) = images(rng);
        self.training.reset_optimizer();
        *self.learner.net_mut()? = self.net;
        // Dropout counts from zero in the learner, and so it must here.
        self.training = Workspace::new();
        let loss = self.training.train_step_with(isa, &mut self.net, &xs, &labels, &OPTIMIZER)?;
        for (image, label) in xs.iter().zip(labels) {
            self.learner.push(label, |x| *x = *image)?;
        }
        self.learner.start(OPTIMIZER)?;
        let in_slices = loop {
            if let Poll::Ready(loss) = self.learner.poll_with(isa, Budget::macs(200)) {
                break loss?;
            }
        };
        let alike =
            in_slices.to_bits() == loss.to_bits() && self.learner.net().as_bytes() == self.net.as_bytes();
        if alike { Ok(()) } else { Err(Failure::Slices) }
    }

    /// The network stays as it is below a head that learns; then it is run.
    fn frozen<B: Board>(&mut self, board: &mut B, isa: Isa, rng: &mut Rng) -> Result<(), Failure> {
        let (xs, labels) = images(rng);
        let mut head = Head::new(&self.net, Dense::ZEROED);
        let mut workspace = Workspace::<Head<'_>, BATCH>::new();
        let labels = labels.map(|label| label % 4);
        for _ in 0..3 {
            let loss = workspace.train_step_with(isa, &mut head, &xs, &labels, &Sgd::new(0.1))?;
            say!(board, "head loss {:08x}", loss.to_bits());
        }
        let mut logits = [[0.0; CLASSES]; BATCH];
        self.net.infer_with(isa, &xs, &mut self.scratch, &mut logits)?;
        say!(board, "composed outputs fnv1a {:016x}", Fnv1a::of(logits.as_bytes()));
        Ok(())
    }
}

/// Images and labels, drawn.
fn images(rng: &mut Rng) -> (Images, [u8; BATCH]) {
    let (mut xs, mut labels) = ([[0; PIXELS]; BATCH], [0; BATCH]);
    for (x, label) in xs.iter_mut().zip(&mut labels) {
        if let Some([pixels @ .., class]) = ROWS.get(rng.below(ROWS.len() as u32) as usize) {
            (*x, *label) = (*pixels, *class);
        }
    }
    (xs, labels)
}

//! A training that is saved, restored and goes on: the same bits as one that was never interrupted. And what is refused.

mod support {
    pub(crate) mod isas;
}

use fusebox::checkpoint::{self, Part};
use fusebox::{
    Accumulate, Adam, AdamW, Aligned, Budget, ClipNorm, Dense, Dropout, Each, EarlyStopping, Error, Flatten,
    Frozen, Guard, Isa, LayerNorm, Learner, Momentum, Nesterov, Optimizer, Pixels, Private, Relu, Repeat,
    Reservoir, Residual, RmsProp, Rng, Schedule, Seq, Sgd, Tanh, Tied, Train, Workspace, Zeroed,
};
use std::task::Poll;
use support::isas::isas;

type Block = Residual<Seq![LayerNorm<6>, Dense<6, 8, Tanh>, Dropout<8, 25>, Dense<8, 6>]>;
/// Nested blocks, positions, tied weights, integers for input, and dropout, which keeps a counter.
type Net = Seq![
    Pixels<8>,
    Seq![Dense<8, 12, Relu>, Flatten2],
    Repeat<2, Each<2, Block>>,
    Flatten<2, 6, Seq![Tied<12, 3, LayerNorm<3>, Tanh>, Dropout<12, 50, 1>]>,
    Dense<12, 3>,
];
/// Twelve numbers as two positions of six.
type Flatten2 = fusebox::View<[f32; 12], Each<2, Dense<6, 6, Relu>>, [[f32; 6]; 2]>;

const B: usize = 5;
type Sample = ([u8; 8], u8);

fn samples() -> Vec<Sample> {
    let mut rng = Rng::new(11);
    (0..40).map(|i| (std::array::from_fn(|_| rng.next_u32() as u8), (i % 3) as u8)).collect()
}

/// All that a training stands on.
struct Training<O: Optimizer> {
    net: Net,
    workspace: Workspace<Net, B, O>,
    rng: Rng,
    order: [u16; 40],
    position: usize,
    steps: u32,
    guard: Guard<Net>,
    replay: Reservoir<Sample, 7>,
    stopping: EarlyStopping,
    schedule: Schedule,
}

type Parts<'a, O> = (
    &'a Net,
    &'a Workspace<Net, B, O>,
    &'a Rng,
    &'a ([u16; 40], usize),
    &'a u32,
    &'a Guard<Net>,
    &'a Reservoir<Sample, 7>,
    &'a (EarlyStopping, Schedule),
);

impl<O: Optimizer> Training<O> {
    fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        Self {
            net: Net::he(&mut rng),
            workspace: Workspace::new(),
            rng,
            order: std::array::from_fn(|i| i as u16),
            position: 0,
            steps: 0,
            guard: Guard::new(),
            replay: Reservoir::new(),
            stopping: EarlyStopping::new(3, 0.01).expect("settings in range"),
            schedule: Schedule::cosine(0.05, 0.001, 200).expect("settings in range").warm_up(5),
        }
    }

    /// A step on samples drawn from a shuffled order and from a replay buffer, behind a guard. Returns what it gives.
    fn step(&mut self, isa: Isa, samples: &[Sample], optimizer: impl Fn(f32) -> O) -> Vec<u32> {
        if self.position + 3 > self.order.len() {
            self.position = 0;
        }
        if self.position == 0 {
            self.rng.shuffle(&mut self.order);
        }
        let batch: Vec<Sample> =
            self.order[self.position..][..3].iter().map(|&i| samples[usize::from(i)]).collect();
        self.position += 3;
        let optimizer = optimizer(self.schedule.rate(self.steps));
        self.steps += 1;
        let old = self.replay.sample(2, &mut self.rng).copied();
        let (xs, labels): (Vec<_>, Vec<_>) = batch.iter().copied().chain(old).unzip();
        let step = self.workspace.train_step_guarded_with(
            isa,
            &mut self.net,
            &xs,
            &labels,
            &optimizer,
            &mut self.guard,
        );
        let loss = step.map_or(u32::MAX, f32::to_bits);
        for &sample in &batch {
            self.replay.offer(sample, &mut self.rng);
        }
        let verdict = self.stopping.observe(f32::from_bits(loss)) as u32;
        vec![loss, verdict, self.rng.next_u32()]
    }

    fn save(&self) -> Vec<u8> {
        let mut bytes = vec![0xAA; checkpoint::size::<Parts<'_, O>>()];
        let (order, watch) = ((self.order, self.position), (self.stopping, self.schedule));
        let Self { net, workspace, rng, steps, guard, replay, .. } = self;
        let size = checkpoint::save((net, workspace, rng, &order, steps, guard, replay, &watch), &mut bytes);
        assert_eq!(size, Ok(bytes.len()));
        bytes
    }

    fn restore(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let (mut order, mut watch) = ((self.order, self.position), (self.stopping, self.schedule));
        let Self { net, workspace, rng, steps, guard, replay, .. } = self;
        checkpoint::restore((net, workspace, rng, &mut order, steps, guard, replay, &mut watch), bytes)?;
        ((self.order, self.position), (self.stopping, self.schedule)) = (order, watch);
        Ok(())
    }
}

fn goes_on<O: Optimizer>(what: &str, optimizer: impl Fn(f32) -> O + Copy) {
    let samples = samples();
    for isa in isas() {
        let mut training = Box::new(Training::<O>::new(1));
        for _ in 0..23 {
            training.step(isa, &samples, optimizer);
        }
        let bytes = training.save();
        // Another training, which has come somewhere else, and its network is another.
        let mut resumed = Box::new(Training::<O>::new(2));
        for _ in 0..4 {
            resumed.step(isa, &samples, optimizer);
        }
        resumed.restore(&bytes).expect("a checkpoint of the same training");
        for step in 0..100 {
            let (expected, got) =
                (training.step(isa, &samples, optimizer), resumed.step(isa, &samples, optimizer));
            assert_eq!(got, expected, "{isa}, {what}: step {step} after the restart");
        }
        assert!(resumed.net == training.net, "{isa}, {what}");
        assert_eq!(resumed.save(), training.save(), "{isa}, {what}");
        assert!(training.guard.restore(&mut resumed.net), "{isa}, {what}: the guard has seen a good step");
    }
}

#[test]
fn the_next_hundred_losses_are_those_of_the_training_that_went_on() {
    goes_on("Sgd", Sgd::new);
    goes_on("Momentum", |rate| Momentum::new(rate, 0.9));
    goes_on("Nesterov", |rate| Nesterov::new(rate, 0.9));
    goes_on("Adam", Adam::new);
    goes_on("AdamW", |rate| AdamW::new(rate, 0.01).weights_only());
    goes_on("RmsProp", RmsProp::new);
    goes_on("ClipNorm", |rate| ClipNorm::new(Adam::new(rate), 0.5));
    // In the middle of an accumulation: 23 is no multiple of 4.
    goes_on("Accumulate", |rate| Accumulate::new(Momentum::new(rate, 0.9), 4));
}

/// Private training counts its steps, each of which has noise of its own.
#[test]
fn noise_goes_on() {
    type Small = Seq![Dense<2, 4, Relu>, Dense<4, 2>];
    type Space = Workspace<Small, 2, Private<Adam>>;
    let optimizer = Private::new(Adam::new(0.1), 1.0, 0.5, 7);
    let (xs, labels) = ([[1.0, 2.0], [-1.0, 0.5]], [0, 1]);
    let (mut net, mut workspace) = (Small::he(&mut Rng::new(1)), Space::new());
    let mut bytes = [0; checkpoint::size::<(&Small, &Space)>()];
    for step in 0..20 {
        if step == 9 {
            checkpoint::save((&net, &workspace), &mut bytes).expect("room");
        }
        workspace.train_step_private(&mut net, &xs, &labels, &optimizer).expect("a step");
    }
    let (mut resumed, mut again) = (Space::new(), Small::ZEROED);
    checkpoint::restore((&mut again, &mut resumed), &bytes).expect("a checkpoint");
    for _ in 9..20 {
        resumed.train_step_private(&mut again, &xs, &labels, &optimizer).expect("a step");
    }
    assert_eq!(again, net);
}

#[test]
fn a_learner_goes_on() {
    type Small = Seq![Dense<2, 4, Relu>, Dropout<4, 50>, Dense<4, 2>];
    type Slices = Learner<Small, 2, Adam>;
    let step = |learner: &mut Slices| {
        for label in [0, 1] {
            learner.push(label, |x| *x = [f32::from(label), 1.0]).expect("room");
        }
        learner.start(Adam::new(0.1)).expect("rows");
        loop {
            if let Poll::Ready(loss) = learner.poll(Budget::rows(1)) {
                return loss.expect("a loss").to_bits();
            }
        }
    };
    let mut learner = Slices::new(Small::he(&mut Rng::new(1)));
    (0..5).for_each(|_| _ = step(&mut learner));
    let mut bytes = [0; checkpoint::size::<(&Slices,)>()];
    checkpoint::save((&learner,), &mut bytes).expect("room");

    let mut resumed = Slices::new(Small::ZEROED);
    resumed.push(0, |x| *x = [1.0; 2]).expect("room");
    resumed.start(Adam::new(0.1)).expect("rows");
    assert!(resumed.poll(Budget::rows(1)).is_pending());
    assert_eq!(checkpoint::save((&resumed,), &mut [0; 4096]), Err(Error::Busy));
    checkpoint::restore((&mut resumed,), &bytes).expect("a checkpoint");
    assert_eq!((resumed.is_busy(), resumed.rows()), (false, 0));
    assert_eq!(resumed.net(), learner.net());
    for _ in 0..100 {
        assert_eq!(step(&mut resumed), step(&mut learner));
    }
}

/// The head is saved, the body is not.
#[test]
fn a_frozen_network() {
    static BODY: Dense<2, 3, Relu> = Dense::ZEROED;
    type Net = Frozen<'static, Dense<2, 3, Relu>, Dense<3, 2>>;
    let mut net = Net::new(&BODY, Dense::ZEROED);
    net.head.bias = [1.0, 2.0];
    let mut bytes = [0; checkpoint::size::<(&Net,)>()];
    checkpoint::save((&net,), &mut bytes).expect("room");
    let mut again = Net::new(&BODY, Dense::ZEROED);
    checkpoint::restore((&mut again,), &bytes).expect("a checkpoint");
    assert_eq!(again, net);
    assert_eq!(<Net as Part>::BYTES, 4 * (3 * 2 + 2));
}

/// Why restoring `bytes` as `P` fails, and that it leaves `before` as it was.
fn refusal<A: Train + fusebox::Plain + PartialEq, O: Optimizer>(net: A, bytes: &[u8]) -> Error {
    let (mut again, mut workspace) = (net, Workspace::<A, 1, O, AnyLoss>::with_loss(AnyLoss));
    let error = checkpoint::restore((&mut again, &mut workspace), bytes).expect_err("another's checkpoint");
    assert!(again == net, "{error}: and something was written");
    error
}

/// A loss of any outputs.
struct AnyLoss;
impl<T> fusebox::Loss<T> for AnyLoss {
    type Target = ();
    fn check(&self, (): &(), _: usize) -> Result<(), Error> {
        Ok(())
    }
    fn gradient(&self, _: Isa, _: &[T], _: &[()], _: &mut [T]) -> f32 {
        0.0
    }
}

#[test]
fn other_networks_and_optimisers_are_refused() {
    type Net = Dense<4, 2, Relu>;
    type Space = Workspace<Net, 3, Adam, AnyLoss>;
    let mut bytes = vec![0; checkpoint::size::<(&Net, &Space)>()];
    checkpoint::save((&Net::ZEROED, &Space::with_loss(AnyLoss)), &mut bytes).expect("room");
    let other = Error::Checkpoint { expected: "the same network, optimiser and other parts" };
    // As many numbers, and others.
    assert_eq!(refusal::<_, Adam>(Dense::<4, 2, Tanh>::ZEROED, &bytes), other);
    assert_eq!(refusal::<_, Adam>(Dense::<2, 4, Relu>::ZEROED, &bytes), other);
    assert_eq!(refusal::<_, Adam>(Residual::<Dense<4, 4>>::ZEROED, &bytes), other);
    assert_eq!(refusal::<_, AdamW>(Net::ZEROED, &bytes), other);
    assert_eq!(refusal::<_, Sgd>(Net::ZEROED, &bytes), other);
    assert_eq!(refusal::<_, fusebox::ClipValue<Adam>>(Net::ZEROED, &bytes), other);
    // The batch's size is no part of it.
    let (mut net, mut workspace) = (Net::ZEROED, Workspace::<Net, 9, Adam, AnyLoss>::with_loss(AnyLoss));
    assert_eq!(checkpoint::restore((&mut net, &mut workspace), &bytes), Ok(()));

    let mut version = bytes.clone();
    version[8] = 2;
    let expected = Error::Checkpoint { expected: "this version of the format" };
    assert_eq!(refusal::<_, Adam>(Net::ZEROED, &version), expected);
    assert_eq!(
        refusal::<_, Adam>(Net::ZEROED, b"something else"),
        Error::Checkpoint { expected: "a checkpoint" }
    );
    assert_eq!(refusal::<_, Adam>(Net::ZEROED, &[]), Error::Checkpoint { expected: "a checkpoint" });
}

/// A network is used where it was saved, and refused wherever `restore` refuses it or it is not aligned.
#[test]
fn a_network_in_place() {
    type Net = Dense<4, 2, Relu>;
    const SIZE: usize = checkpoint::size::<(&Net,)>();
    let net = Net::he(&mut Rng::new(3));
    let mut image = Aligned([0; SIZE + 4]);
    checkpoint::save((&net,), &mut image.0).expect("room");
    let used = checkpoint::view::<Net>(&image.0[..SIZE]).expect("a checkpoint");
    assert_eq!(used, &net);
    assert!(image.0.as_ptr_range().contains(&used.as_bytes().as_ptr()), "a copy");

    let other = Error::Checkpoint { expected: "the same network, optimiser and other parts" };
    assert_eq!(checkpoint::view::<Dense<4, 2, Tanh>>(&image.0[..SIZE]), Err(other));
    assert_eq!(checkpoint::view::<Dense<2, 4, Relu>>(&image.0[..SIZE]), Err(other));
    let long = Error::Bytes { expected: SIZE, got: SIZE + 1 };
    assert_eq!(checkpoint::view::<Net>(&image.0[..=SIZE]), Err(long));
    for position in 0..SIZE {
        let cut = match position {
            ..8 => Error::Checkpoint { expected: "a checkpoint" },
            got => Error::Bytes { expected: SIZE, got },
        };
        assert_eq!(checkpoint::view::<Net>(&image.0[..position]), Err(cut));
        for bit in 0..8 {
            image.0[position] ^= 1 << bit;
            checkpoint::view::<Net>(&image.0[..SIZE]).expect_err("damaged");
            image.0[position] ^= 1 << bit;
        }
    }
    for got in 1..4 {
        image.0.copy_within(got - 1..got - 1 + SIZE, got);
        let misaligned = Error::Alignment { expected: 4, got };
        assert_eq!(checkpoint::view::<Net>(&image.0[got..got + SIZE]), Err(misaligned));
    }
}

/// Any bit that flips, any byte that is missing or too much, is found; nothing is written.
#[test]
fn damaged_bytes_are_refused() {
    let training = Training::<Adam>::new(1);
    let bytes = training.save();
    let mut other = Training::<Adam>::new(2);
    let before = other.save();
    for position in (0..bytes.len()).filter(|position| position % 37 == 0 || *position < 40) {
        let mut damaged = bytes.clone();
        damaged[position] ^= 1 << (position % 8);
        assert!(other.restore(&damaged).is_err(), "byte {position}");
        assert!(other.restore(&bytes[..position]).is_err(), "cut at {position}");
    }
    assert!(other.restore(&[&bytes[..], &[0]].concat()).is_err(), "a byte too many");
    assert!(other.save() == before, "a refused checkpoint has left something");
    assert_eq!(
        checkpoint::save((&training.net,), &mut [0; 10]),
        Err(Error::Bytes { expected: checkpoint::size::<(&Net,)>(), got: 10 })
    );
}

/// Bytes that nobody damaged but that no training wrote: their checksum is right, their contents are not.
#[test]
fn forged_contents_are_refused() {
    fn forged<P: Part>(mut part: P, contents: &[u8]) -> Result<(), Error>
    where
        for<'a> (&'a P,): checkpoint::Save,
        for<'a> (&'a mut P,): checkpoint::Restore,
    {
        // A part that writes what it is told to.
        let mut bytes = vec![0; checkpoint::size::<(&P,)>()];
        checkpoint::save((&part,), &mut bytes).expect("room");
        let end = bytes.len() - 4;
        bytes[20..end].copy_from_slice(contents);
        let sum = crc32(&bytes[..end]);
        bytes[end..].copy_from_slice(&sum.to_le_bytes());
        checkpoint::restore((&mut part,), &bytes)
    }
    let damaged = Err(Error::Checkpoint { expected: "undamaged bytes" });
    assert_eq!(forged(true, &[2]), damaged);
    assert_eq!(forged(true, &[1]), Ok(()));
    let words = |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>();
    // More items than fit, or fewer than were seen.
    let empty = || Reservoir::<u32, 2>::new();
    assert_eq!(forged(empty(), &words(&[9, 3, 1, 2])), damaged);
    assert_eq!(forged(empty(), &words(&[9, 1, 1, 2])), damaged);
    assert_eq!(forged(empty(), &words(&[1, 1, 1, 0])), Ok(()));
    let constant = || Schedule::constant(0.1).expect("a rate");
    assert_eq!(forged(constant(), &words(&[4, 0, 0, 0, 0])), damaged);
    assert_eq!(forged(constant(), &words(&[0, f32::NAN.to_bits(), 0, 0, 0])), damaged);
    assert_eq!(forged(constant(), &words(&[3, 0, (-1.0_f32).to_bits(), 5, 0])), damaged);
    let stopping = || EarlyStopping::new(1, 0.0).expect("settings");
    let mut contents = words(&[1, f32::NAN.to_bits(), 0, 0, 0, 0]);
    contents.push(0);
    assert_eq!(forged(stopping(), &contents), damaged);
    assert_eq!(
        forged(Guard::<Dense<1, 1>>::new(), &[&words(&[0, 0])[..], &[7], &words(&[0, 0])].concat()),
        damaged
    );
}

/// The same sum, from its definition: the remainder of the message's polynomial.
fn crc32(bytes: &[u8]) -> u32 {
    let bits = bytes.iter().flat_map(|byte| (0..8).map(move |i| u32::from(byte >> i & 1)));
    !bits.fold(u32::MAX, |crc, bit| if (crc ^ bit) & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 })
}

//! A training step taken in slices against the whole step: the same bits, whatever the budgets; the old network or the new
//! between slices; and what is refused.

mod support {
    pub(crate) mod compositions;
    #[expect(dead_code, reason = "networks that are compared elsewhere")]
    pub(crate) mod gpt;
    pub(crate) mod isas;
}

use fusebox::{
    Accumulate, Activation, Adam, AdamW, BiasOnly, BinaryCrossEntropy, Borrowed, Budget, Chain, ClipNorm,
    ClipValue, Concat, CrossEntropy, Dense, Dropout, Each, Error, Flatten, Frozen, Gated, Gelu, GeluTanh,
    Guard, Huber, Identity, Ignoring, Init, Isa, LayerNorm, LeakyRelu, Learner, Loss, LowRank, Momentum, Mse,
    Nesterov, Optimizer, Parallel, Pixels, Private, Relu, Relu6, Repeat, Residual, RmsNorm, RmsProp, Rng,
    Seq, Sgd, Sigmoid, Silu, Softmax, Tanh, Tied, Train, View, WeightDecay, Weighted, WeightedCrossEntropy,
    Workspace, Zeroed,
};
use std::fmt::Debug;
use std::task::Poll;
use support::compositions::{All, Other};
use support::gpt::Classifier;
use support::isas::isas;

/// The largest batch.
const MOST: usize = 19;

/// Rows of the steps that are compared: more than sixteen, whose loss is of two kinds; one; a few.
const STEPS: [usize; 4] = [MOST, 1, 3, 16];

/// From a unit a slice to all at once.
fn budgets() -> impl Iterator<Item = Budget> {
    let rows = [0, 1, 2, 7].map(Budget::rows);
    let macs = [40, 333, 2000].map(Budget::macs);
    rows.into_iter().chain(macs).chain([Budget::ALL])
}

/// A row of whatever a network takes.
trait Random {
    fn random(rng: &mut Rng) -> Self;
}

impl Random for f32 {
    fn random(rng: &mut Rng) -> Self {
        4.0 * rng.uniform() - 2.0
    }
}

impl Random for u8 {
    fn random(rng: &mut Rng) -> Self {
        rng.below(256) as Self
    }
}

/// A token.
impl Random for u16 {
    fn random(rng: &mut Rng) -> Self {
        rng.below(6) as Self
    }
}

/// A token, or none.
impl Random for u32 {
    fn random(rng: &mut Rng) -> Self {
        if rng.below(4) == 0 { Self::MAX } else { rng.below(6) }
    }
}

impl<T: Random, const N: usize> Random for [T; N] {
    fn random(rng: &mut Rng) -> Self {
        std::array::from_fn(|_| T::random(rng))
    }
}

fn random<T: Random>(rng: &mut Rng) -> T {
    T::random(rng)
}

/// How a step is taken: a part of it by `poll`, all of it by `whole`.
trait Way<N: Train + Copy, O: Optimizer, L: Loss<N::Output>> {
    fn whole(
        &mut self,
        isa: Isa,
        workspace: &mut Workspace<N, MOST, O, L>,
        net: &mut N,
        batch: (&[N::Input], &[L::Target]),
        optimizer: &O,
    ) -> Result<f32, Error>;

    fn poll(
        &mut self,
        isa: Isa,
        learner: &mut Learner<N, MOST, O, L>,
        budget: Budget,
    ) -> Poll<Result<f32, Error>>;
}

/// `train_step` and `poll`.
#[derive(Clone)]
struct Plainly;

impl<N: Train + Copy, O: Optimizer, L: Loss<N::Output>> Way<N, O, L> for Plainly {
    fn whole(
        &mut self,
        isa: Isa,
        workspace: &mut Workspace<N, MOST, O, L>,
        net: &mut N,
        (xs, targets): (&[N::Input], &[L::Target]),
        optimizer: &O,
    ) -> Result<f32, Error> {
        workspace.train_step_with(isa, net, xs, targets, optimizer)
    }

    fn poll(
        &mut self,
        isa: Isa,
        learner: &mut Learner<N, MOST, O, L>,
        budget: Budget,
    ) -> Poll<Result<f32, Error>> {
        learner.poll_with(isa, budget)
    }
}

/// Behind a guard.
#[derive(Clone)]
struct Guarded<N: Copy>(Guard<N>);

impl<N: Train + Copy, O: Optimizer, L: Loss<N::Output>> Way<N, O, L> for Guarded<N> {
    fn whole(
        &mut self,
        isa: Isa,
        workspace: &mut Workspace<N, MOST, O, L>,
        net: &mut N,
        (xs, targets): (&[N::Input], &[L::Target]),
        optimizer: &O,
    ) -> Result<f32, Error> {
        workspace.train_step_guarded_with(isa, net, xs, targets, optimizer, &mut self.0)
    }

    fn poll(
        &mut self,
        isa: Isa,
        learner: &mut Learner<N, MOST, O, L>,
        budget: Budget,
    ) -> Poll<Result<f32, Error>> {
        learner.poll_guarded_with(isa, budget, &mut self.0)
    }
}

/// Clipped by sample.
#[derive(Clone)]
struct Privately;

impl<N: Train + Copy, O: Optimizer, L: Loss<N::Output>> Way<N, Private<O>, L> for Privately {
    fn whole(
        &mut self,
        isa: Isa,
        workspace: &mut Workspace<N, MOST, Private<O>, L>,
        net: &mut N,
        (xs, targets): (&[N::Input], &[L::Target]),
        optimizer: &Private<O>,
    ) -> Result<f32, Error> {
        workspace.train_step_private_with(isa, net, xs, targets, optimizer)
    }

    fn poll(
        &mut self,
        isa: Isa,
        learner: &mut Learner<N, MOST, Private<O>, L>,
        budget: Budget,
    ) -> Poll<Result<f32, Error>> {
        learner.poll_private_with(isa, budget)
    }
}

/// Numbers and their signs; no two that differ are written alike.
fn written(value: &impl Debug) -> String {
    format!("{value:?}")
}

/// Some steps in both ways on every instruction set, with every budget. What the optimiser keeps is compared by the steps
/// after the first.
fn compare<N, O, L>(
    what: &str,
    net: &N,
    optimizer: &O,
    loss: &L,
    target: impl Fn(&mut Rng) -> L::Target,
    way: &(impl Way<N, O, L> + Clone),
) -> Vec<Result<u32, Error>>
where
    N: Train<Input: Random> + Copy + PartialEq + Debug,
    O: Optimizer + Clone,
    L: Loss<N::Output> + Clone,
{
    let mut rng = Rng::new(3);
    let batches = STEPS.map(|rows| -> (Vec<N::Input>, Vec<L::Target>) {
        (0..rows).map(|_| (random::<N::Input>(&mut rng), target(&mut rng))).unzip()
    });
    let mut losses = Vec::new();
    for isa in isas() {
        let mut whole = Box::new(Workspace::<N, MOST, O, L>::with_loss(loss.clone()));
        let (mut trained, mut its_way) = (*net, way.clone());
        let expected: Vec<_> = batches
            .iter()
            .map(|(xs, targets)| {
                let loss = its_way.whole(isa, &mut whole, &mut trained, (xs, targets), optimizer);
                (loss.map(f32::to_bits), trained, written(&trained))
            })
            .collect();
        losses.extend(expected.iter().map(|&(loss, ..)| loss));
        for budget in budgets() {
            let what = format!("{isa}, {what}, {budget:?}");
            let mut learner = Box::new(Learner::<N, MOST, O, L>::with_loss(*net, loss.clone()));
            let mut way = way.clone();
            let mut before = *net;
            for ((xs, targets), (loss, after, bits)) in batches.iter().zip(&expected) {
                for (x, target) in xs.iter().zip(targets) {
                    learner.push(*target, |row| *row = *x).expect("rows that fit");
                }
                learner.start(optimizer.clone()).expect("a step can start");
                let mut slices = 1;
                let got = loop {
                    assert!(learner.is_busy() && *learner.net() == before, "{what}: slice {slices}");
                    match way.poll(isa, &mut learner, budget) {
                        Poll::Pending => slices += 1,
                        Poll::Ready(loss) => break loss,
                    }
                };
                assert!(!learner.is_busy() && learner.rows() == 0, "{what}");
                assert_eq!(got.map(f32::to_bits), *loss, "{what}: the loss after {slices} slices");
                assert_eq!(written(learner.net()), *bits, "{what}: after {slices} slices");
                assert!(slices == 1 || budget != Budget::ALL, "{what}: {slices} slices");
                before = *after;
            }
        }
    }
    losses
}

/// [`compare`] of steps that are not refused.
fn check<N, O, L>(
    what: &str,
    net: &N,
    optimizer: &O,
    loss: &L,
    target: impl Fn(&mut Rng) -> L::Target,
    way: &(impl Way<N, O, L> + Clone),
) where
    N: Train<Input: Random> + Copy + PartialEq + Debug,
    O: Optimizer + Clone,
    L: Loss<N::Output> + Clone,
{
    let losses = compare(what, net, optimizer, loss, target, way);
    assert!(losses.iter().all(Result::is_ok), "{what}: {losses:?}");
}

fn label<const CLASSES: u32>(rng: &mut Rng) -> u8 {
    rng.below(CLASSES) as u8
}

fn he<N: Train + Zeroed>() -> N {
    let mut net = N::ZEROED;
    net.init(Init::He, &mut Rng::new(1));
    net
}

type Small = Seq![Dense<5, 9, Relu>, Dense<9, 3>];

fn optimizer<O: Optimizer + Clone>(what: &str, optimizer: O) {
    check(what, &he::<Small>(), &optimizer, &CrossEntropy, label::<3>, &Plainly);
}

#[test]
fn optimizers() {
    optimizer("sgd", Sgd::new(0.1));
    optimizer("momentum", Momentum::new(0.1, 0.9));
    optimizer("nesterov", Nesterov::new(0.1, 0.9));
    optimizer("adam", Adam::new(0.01));
    optimizer("adamw", AdamW::new(0.01, 0.1));
    optimizer("rmsprop", RmsProp::new(0.01));
    optimizer("weight decay", WeightDecay::new(Momentum::new(0.1, 0.9), 0.1));
    optimizer("clip value", ClipValue::new(Adam::new(0.01), 0.1));
    optimizer("clip norm", ClipNorm::new(Sgd::new(0.1), 0.1));
    optimizer("clip norm, adam", ClipNorm::new(Adam::new(0.01), 0.1));
    optimizer("a norm that is not clipped", ClipNorm::new(Sgd::new(0.1), 1000.0));
    optimizer("accumulate", Accumulate::new(Momentum::new(0.1, 0.9), 2));
    optimizer("accumulate, clip norm", Accumulate::new(ClipNorm::new(Adam::new(0.01), 0.1), 3));
    optimizer("clip norm, accumulate", ClipNorm::new(Accumulate::new(Sgd::new(0.1), 2), 0.1));
}

#[test]
fn private() {
    for noise in [0.0, 0.5] {
        let private = Private::new(Momentum::new(0.1, 0.9), 0.5, noise, 7);
        check("private", &he::<Small>(), &private, &CrossEntropy, label::<3>, &Privately);
    }
}

#[test]
fn guarded() {
    let way = Guarded(Guard::new());
    check("guarded", &he::<Small>(), &Adam::new(0.01), &CrossEntropy, label::<3>, &way);
    let clipped = ClipNorm::new(Sgd::new(0.1), 1.0);
    check("guarded, clipped", &he::<Small>(), &clipped, &CrossEntropy, label::<3>, &way);
    // The first step does harm, and those after it leap.
    let losses = compare("leaps", &he::<Small>(), &Sgd::new(1e6), &CrossEntropy, label::<3>, &way);
    for losses in losses.chunks(STEPS.len()) {
        assert!(losses[0].is_ok(), "{losses:?}");
        assert!(losses[1..].iter().all(|loss| matches!(loss, Err(Error::Leap { .. }))), "{losses:?}");
    }
}

fn activation<A: Activation + Copy + PartialEq + Debug>(what: &str) {
    type Net<A> = Seq![Dense<5, 18, A>, Dense<18, 3, A>];
    let net = he::<Net<A>>();
    check(what, &net, &Sgd::new(0.1), &CrossEntropy, label::<3>, &Plainly);
}

#[test]
fn activations() {
    activation::<Identity>("identity");
    activation::<Relu>("relu");
    activation::<LeakyRelu>("leaky relu");
    activation::<Relu6>("relu6");
    activation::<Sigmoid>("sigmoid");
    activation::<Tanh>("tanh");
    activation::<Gelu>("gelu");
    activation::<Silu>("silu");
}

#[test]
fn losses() {
    let net = he::<Small>();
    let weighted = WeightedCrossEntropy::new([1.0, 0.0, 3.0], 0.1).expect("good settings");
    check("weighted", &net, &Sgd::new(0.1), &weighted, label::<3>, &Plainly);
    check("mean square", &net, &Sgd::new(0.1), &Mse, random, &Plainly);
    check("Huber", &net, &Sgd::new(0.1), &Huber::new(0.5), random, &Plainly);
    let probability = |rng: &mut Rng| std::array::from_fn(|_| rng.uniform());
    check("binary", &net, &Sgd::new(0.1), &BinaryCrossEntropy::new(), probability, &Plainly);
    let two = he::<Seq![Dense<5, 9, Relu>, Dense<9, 2>]>();
    check("two classes", &two, &Sgd::new(0.1), &CrossEntropy, label::<2>, &Plainly);
    let many = he::<Dense<5, 21>>();
    check("many classes", &many, &Sgd::new(0.1), &CrossEntropy, label::<21>, &Plainly);
}

#[test]
fn layers() {
    type Mixed = Seq![LayerNorm<6>, Dense<6, 17, Gelu>, Dropout<17, 30>, LayerNorm<17>, Dense<17, 4>, Softmax<4>, Dense<4, 3>];
    let net = he::<Mixed>();
    let way = Guarded(Guard::new());
    check("mixed", &net, &Adam::new(0.01), &CrossEntropy, label::<3>, &Plainly);
    check(
        "mixed, guarded",
        &net,
        &ClipNorm::new(AdamW::new(0.01, 0.1), 0.5),
        &CrossEntropy,
        label::<3>,
        &way,
    );
    let private = Private::new(Sgd::new(0.1), 0.5, 0.5, 7);
    check("mixed, private", &net, &private, &CrossEntropy, label::<3>, &Privately);
    type Swiglu = Seq![RmsNorm<6>, Dense<6, 34, GeluTanh>, Gated<34, 17, Silu>, RmsNorm<17, -5>, Dense<17, 8>, Gated<8, 4, Relu>, Dense<4, 3>];
    let net = he::<Swiglu>();
    check("gated", &net, &Adam::new(0.01), &CrossEntropy, label::<3>, &Plainly);
    check("gated, private", &net, &private, &CrossEntropy, label::<3>, &Privately);

    let base = he::<Small>();
    let bias: Seq![BiasOnly<'_, 5, 9, Relu>, BiasOnly<'_, 9, 3>] =
        Chain { first: BiasOnly::new(&base.first), rest: BiasOnly::new(&base.rest) };
    check("bias only", &bias, &Adam::new(0.01), &CrossEntropy, label::<3>, &Guarded(Guard::new()));

    let silu = he::<Dense<5, 9, Silu>>();
    let mut low: Seq![LowRank<'_, 5, 9, 2, Silu>, LowRank<'_, 9, 3, 1>] =
        Chain { first: LowRank::new(&silu), rest: LowRank::new(&base.rest) };
    low.init(Init::He, &mut Rng::new(5));
    check("low rank", &low, &Adam::new(0.01), &CrossEntropy, label::<3>, &Guarded(Guard::new()));

    let middle = he::<Seq![LayerNorm<9>, Dropout<9, 30>, Dense<9, 7, Gelu>]>();
    let around: Seq![Dense<5, 9, Relu>, Borrowed<'_, _>, Dense<7, 3>] =
        Chain { first: base.first, rest: Chain { first: Borrowed::new(&middle), rest: he::<Dense<7, 3>>() } };
    check("borrowed", &around, &Adam::new(0.01), &CrossEntropy, label::<3>, &Guarded(Guard::new()));

    let body = he::<Seq![Dense<5, 7, Relu>, Dense<7, 5, Tanh>]>();
    let frozen = Frozen::new(&body, base);
    check("frozen", &frozen, &Momentum::new(0.1, 0.9), &CrossEntropy, label::<3>, &Guarded(Guard::new()));
}

/// A network in each way that a step can be taken, with rules that keep nothing, that keep moments, and that gather.
fn every_way<N>(what: &str, net: &N)
where
    N: Train<Input: Random, Output = [f32; 3]> + Copy + PartialEq + Debug,
{
    let adam = ClipNorm::new(Adam::new(0.01), 0.1);
    let private = Private::new(Momentum::new(0.1, 0.9), 0.5, 0.5, 7);
    check(what, net, &Sgd::new(0.1), &CrossEntropy, label::<3>, &Plainly);
    check(&format!("{what}, guarded"), net, &adam, &CrossEntropy, label::<3>, &Guarded(Guard::new()));
    check(&format!("{what}, private"), net, &private, &CrossEntropy, label::<3>, &Privately);
}

#[test]
fn compositions() {
    every_way("all", &he::<All>());
    every_way("all, in another order", &he::<Other>());

    let adam = Adam::new(0.01);
    let way = Guarded(Guard::new());
    type Dropped = Residual<Seq![LayerNorm<5>, Dropout<5, 20>, Dense<5, 5, Gelu>]>;
    let blocks = he::<Seq![Repeat<3, Dropped>, Repeat<2, Repeat<2, Dense<5, 5, Tanh>>>, Dense<5, 3>]>();
    check("blocks of blocks", &blocks, &adam, &CrossEntropy, label::<3>, &way);
    // First and last in a network, where nobody wants the input's gradient, and the loss makes the outputs'.
    let alone = he::<Residual<Dense<3, 3, Silu>>>();
    check("residual alone", &alone, &adam, &CrossEntropy, label::<3>, &Plainly);
    let alone = he::<Tied<3, 2, Dropout<2, 20>, Gelu>>();
    check("tied alone", &alone, &adam, &CrossEntropy, label::<3>, &Plainly);
    let alone = he::<Parallel<Dense<5, 3, Relu>, Dense<5, 3, Gelu>>>();
    check("branches alone", &alone, &adam, &CrossEntropy, label::<3>, &Plainly);
}

/// Rows of positions, and of bytes.
#[test]
fn rows_of_other_types() {
    let private = Private::new(Momentum::new(0.1, 0.9), 0.5, 0.5, 7);
    type Word = Seq![Dense<3, 5, Gelu>, LayerNorm<5>, Dropout<5, 20>];
    let words = he::<Seq![Each<4, Word>, Flatten<4, 5, Dense<20, 3>>]>();
    check("positions", &words, &private, &CrossEntropy, label::<3>, &Privately);
    type Pairs = [[[f32; 4]; 2]; 2];
    let pairs = he::<Seq![Each<2, Each<2, Dense<3, 4, Relu>>>, View<Pairs, Dense<16, 3>, [f32; 3]>]>();
    let way = Guarded(Guard::new());
    check("positions of positions", &pairs, &Adam::new(0.01), &CrossEntropy, label::<3>, &way);
    type Spot = Seq![Pixels<3>, Dense<3, 2, Relu>];
    let bytes = he::<Seq![Each<2, Spot>, Flatten<2, 2, Dense<4, 3>>]>();
    check("positions of bytes", &bytes, &private, &CrossEntropy, label::<3>, &Privately);
}

/// (A language model in slices is in `composition.rs`.)
#[test]
fn absent_frames() {
    let adam = ClipNorm::new(Adam::new(0.01), 0.1);
    let private = Private::new(Momentum::new(0.1, 0.9), 0.5, 0.5, 7);
    let classifier = he::<Classifier<5>>();
    check("absent frames", &classifier, &adam, &CrossEntropy, label::<2>, &Plainly);
    check("absent frames, private", &classifier, &private, &CrossEntropy, label::<2>, &Privately);
}

/// Behind a body that stays, and beside one.
#[test]
fn compositions_with_frozen_networks() {
    let body = he::<Seq![Dense<5, 4, Relu>, Repeat<2, Residual<Dense<4, 4, Tanh>>>]>();
    let first = Frozen::new(&body, he::<Dense<4, 6, Gelu>>());
    let net = Chain { first, rest: he::<Dense<6, 3>>() };
    let way = Guarded(Guard::new());
    check("frozen first", &net, &Momentum::new(0.1, 0.9), &CrossEntropy, label::<3>, &way);
    let branches = Parallel::<_, _, Concat<9>>::new(first, he::<Dense<5, 3, Silu>>());
    let net = Chain { first: branches, rest: he::<Dense<9, 3>>() };
    let private = Private::new(Momentum::new(0.1, 0.9), 0.5, 0.5, 7);
    check("a frozen branch", &net, &private, &CrossEntropy, label::<3>, &Privately);
}

/// Labels that are no bytes, and weights for each sample.
#[test]
fn targets_of_other_types() {
    let net = he::<Small>();
    let wide = |rng: &mut Rng| rng.below(3) as u16;
    check("labels of two bytes", &net, &Sgd::new(0.1), &CrossEntropy::<u16>::new(), wide, &Plainly);
    let weighted = |rng: &mut Rng| (label::<3>(rng), [0.0, 0.5, 2.0][rng.below(3) as usize]);
    let adam = Accumulate::new(Adam::new(0.01), 2);
    check("weighted by sample", &net, &adam, &Weighted(CrossEntropy), weighted, &Plainly);
    let classes = WeightedCrossEntropy::new([1.0, 0.0, 3.0], 0.1).expect("good settings");
    check("weighted twice", &net, &adam, &Weighted(classes), weighted, &Guarded(Guard::new()));
    let private = Private::new(Sgd::new(0.1), 0.5, 0.5, 7);
    check("weighted, private", &net, &private, &Weighted(CrossEntropy), weighted, &Privately);
    let some = |rng: &mut Rng| (rng.below(3) > 0).then(|| label::<3>(rng));
    check("without some targets", &net, &adam, &Ignoring(CrossEntropy), some, &Plainly);
    check("without some targets, private", &net, &private, &Ignoring(CrossEntropy), some, &Privately);
    let errors = |rng: &mut Rng| (random(rng), rng.uniform());
    check("errors weighted by sample", &net, &Sgd::new(0.1), &Weighted(Huber::new(0.5)), errors, &Plainly);
}

/// Sizes at which products take other kernels.
#[test]
fn sizes() {
    fn of<const IN: usize, const MIDDLE: usize>() {
        type Net<const IN: usize, const MIDDLE: usize> = Seq![Dense<IN, MIDDLE, Relu>, Dense<MIDDLE, 2>];
        let what = format!("{IN}-{MIDDLE}-2");
        let net = he::<Net<IN, MIDDLE>>();
        check(&what, &net, &Sgd::new(0.1), &CrossEntropy, label::<2>, &Plainly);
        check(&what, &net, &Adam::new(0.01), &CrossEntropy, label::<2>, &Plainly);
    }
    of::<1, 1>();
    of::<2, 1>();
    of::<1, 2>();
    of::<33, 1>();
    of::<3, 16>();
    of::<17, 33>();
    of::<40, 49>();
    of::<4, 0>();
}

/// A layer, a loss and an optimiser that take each pass as one unit.
mod own {
    use fusebox::{
        CrossEntropy, Dense, Error, Gradient, Init, InputGradient, Isa, Layer, Loss, Momentum, Optimizer,
        Pace, Plain, Relu, Rng, Train, Whole, plain,
    };

    /// A dense layer, all of it one unit.
    #[derive(Clone, Copy, Debug, PartialEq)]
    #[repr(C)]
    pub(crate) struct WholeLayer {
        layer: Dense<5, 9, Relu>,
    }

    plain!(WholeLayer { layer: Dense<5, 9, Relu> });

    impl Layer for WholeLayer {
        type Input = [f32; 5];
        type Output = [f32; 9];
        type Scratch = ();
        type InPlace = [f32; 5];

        fn run(&self, isa: Isa, xs: &[[f32; 5]], scratch: &mut [f32], ys: &mut [[f32; 9]]) {
            self.layer.run(isa, xs, scratch, ys);
        }
    }

    impl Train for WholeLayer {
        type Tape = ();
        type Gradients = ();
        type Memory = ();
        type State<O: Optimizer> = <Dense<5, 9, Relu> as Train>::State<O>;
        type End = <Dense<5, 9, Relu> as Train>::End;

        fn init(&mut self, init: Init, rng: &mut Rng) {
            self.layer.init(init, rng);
        }

        fn forward<P: Pace>(
            &self,
            pace: &mut P,
            xs: &[[f32; 5]],
            memory: Option<&()>,
            tape: &mut [()],
            ys: &mut [[f32; 9]],
        ) {
            if pace.take_whole(5 * 9 * xs.len()) {
                self.layer.forward(&mut Whole::on(pace.isa()), xs, memory, tape, ys);
            }
        }

        fn derivative<'a>(tape: &'a [()], ys: &'a [[f32; 9]]) -> fusebox::Derivative<'a> {
            Dense::<5, 9, Relu>::derivative(tape, ys)
        }

        fn backward<P: Pace>(
            &self,
            pace: &mut P,
            xs: &[[f32; 5]],
            tape: &[()],
            dys: &[[f32; 9]],
            gradients: &mut [()],
            dx: InputGradient<'_, [f32; 5]>,
        ) {
            if pace.take_whole(5 * 9 * xs.len()) {
                self.layer.backward(&mut Whole::on(pace.isa()), xs, tape, dys, gradients, dx);
            }
        }

        fn update<O: Optimizer, P: Pace>(
            &mut self,
            pace: &mut P,
            xs: &[[f32; 5]],
            tape: &[()],
            dys: &[[f32; 9]],
            gradients: &[()],
            sweep: &mut O::Sweep,
            state: &mut Self::State<O>,
        ) {
            if pace.take_whole(5 * 9 * xs.len()) {
                let whole = &mut Whole::on(pace.isa());
                self.layer.update::<O, _>(whole, xs, tape, dys, gradients, sweep, state);
            }
        }
    }

    /// Cross-entropy, all of it one unit.
    #[derive(Clone)]
    pub(crate) struct WholeLoss;

    impl Loss<[f32; 3]> for WholeLoss {
        type Target = u8;

        fn check(&self, label: &u8, row: usize) -> Result<(), Error> {
            Loss::<[f32; 3]>::check(&CrossEntropy, label, row)
        }

        fn gradient(&self, isa: Isa, ys: &[[f32; 3]], labels: &[u8], dys: &mut [[f32; 3]]) -> f32 {
            CrossEntropy.gradient(isa, ys, labels, dys)
        }
    }

    /// Momentum, each array of parameters one unit.
    #[derive(Clone)]
    pub(crate) struct WholeMomentum(pub(crate) Momentum);

    impl Optimizer for WholeMomentum {
        type State<P: Plain> = P;
        type Progress = ();
        type Sweep = <Momentum as Optimizer>::Sweep;

        fn begin(&self, progress: &mut (), weight: f32) -> Self::Sweep {
            self.0.begin(progress, weight)
        }

        fn next(&self, (): &mut (), _: Self::Sweep) -> Option<Self::Sweep> {
            None
        }

        fn step<P: Plain, G: Gradient<P>, Q: Pace>(
            pace: &mut Q,
            sweep: &mut Self::Sweep,
            gradient: G,
            parameters: &mut P,
            state: &mut P,
        ) {
            if pace.take_whole(size_of::<P>()) {
                Momentum::step(&mut Whole::on(pace.isa()), sweep, gradient, parameters, state);
            }
        }
    }
}

#[test]
fn layers_losses_and_optimizers_of_one_unit() {
    type Net = Seq![own::WholeLayer, Dense<9, 3>];
    let momentum = own::WholeMomentum(Momentum::new(0.1, 0.9));
    check("own layer", &he::<Net>(), &Adam::new(0.01), &CrossEntropy, label::<3>, &Plainly);
    check("own loss", &he::<Net>(), &Sgd::new(0.1), &own::WholeLoss, label::<3>, &Plainly);
    check("own optimiser", &he::<Small>(), &momentum, &CrossEntropy, label::<3>, &Plainly);
    let clipped = ClipNorm::new(momentum, 0.1);
    check("own optimiser, clipped", &he::<Net>(), &clipped, &own::WholeLoss, label::<3>, &Plainly);
}

/// Slices of one unit are as many as there are units.
#[test]
fn units_are_as_documented() {
    const ROWS: usize = 7;
    let mut learner = Learner::<Small, ROWS>::new(he());
    for row in 0..ROWS {
        learner.push((row % 3) as u8, |x| *x = [row as f32; 5]).expect("rows that fit");
    }
    learner.start(Sgd::new(0.1)).expect("a step can start");
    let mut slices = 1;
    while learner.poll(Budget::rows(1)).is_pending() {
        slices += 1;
    }
    let (forward, loss, backward) = (2 * ROWS, ROWS + 1, ROWS); // and the derivative at the outputs
    // Sixteen parameters are copied at a time.
    let (copy, update) = (size_of::<Small>().div_ceil(64), (5 + 1) + (9 + 1));
    assert_eq!(slices, forward + loss + backward + copy + update);
}

/// A learner with rows staged for a step.
fn staged<O: Optimizer + Clone>(net: &Small, optimizer: &O, rng: &mut Rng) -> Box<Learner<Small, 4, O>> {
    let mut learner = Box::new(Learner::<Small, 4, O>::new(*net));
    stage(&mut learner, optimizer, rng);
    learner
}

fn stage<O: Optimizer + Clone>(learner: &mut Learner<Small, 4, O>, optimizer: &O, rng: &mut Rng) {
    for _ in 0..4 {
        learner.push(rng.below(3) as u8, |x| *x = random(rng)).expect("rows that fit");
    }
    learner.start(optimizer.clone()).expect("a step can start");
}

/// A step given up at any slice is as if it had never been; from the update on it cannot be given up.
#[test]
fn cancelled() {
    fn with<O: Optimizer + Clone>(what: &str, optimizer: &O) {
        let net = he::<Small>();
        let finish = |learner: &mut Learner<Small, 4, O>| loop {
            if let Poll::Ready(loss) = learner.poll(Budget::rows(3)) {
                break loss.map(f32::to_bits);
            }
        };
        // Two steps, so that what the optimiser keeps of the first shows.
        let run = |given_up: Option<usize>| {
            let mut rng = Rng::new(6);
            let mut learner = staged(&net, optimizer, &mut rng);
            let mut losses = vec![finish(&mut learner)];
            let between = *learner.net();
            let mut cancelled = true;
            if let Some(slices) = given_up {
                stage(&mut learner, optimizer, &mut Rng::new(7));
                for _ in 0..slices {
                    if learner.poll(Budget::rows(1)).is_ready() {
                        return None;
                    }
                }
                match learner.cancel() {
                    Ok(()) => assert!(!learner.is_busy() && learner.rows() == 0, "{what}"),
                    Err(error) => {
                        assert_eq!(error, Error::Busy, "{what}");
                        assert_eq!(*learner.net(), between, "{what}");
                        assert!(finish(&mut learner).is_ok(), "{what}");
                        cancelled = false;
                    }
                }
                assert_eq!(*learner.net() == between, cancelled, "{what}, {slices}");
            }
            stage(&mut learner, optimizer, &mut rng);
            losses.push(finish(&mut learner));
            Some((cancelled, losses, written(learner.net())))
        };
        let expected = run(None).expect("all of it");
        let mut counts = [0, 0];
        for slices in 0.. {
            let Some(got) = run(Some(slices)) else { break };
            counts[usize::from(got.0)] += 1;
            assert!(!got.0 || got == expected, "{what}, given up after {slices} slices");
        }
        // Forward, loss, backward and copy; update.
        assert!(counts[1] >= 8 + 5 + 4 + 2 && counts[0] >= 10, "{what}: {counts:?}");
    }
    with("adam", &Adam::new(0.01));
    with("clip norm", &ClipNorm::new(Momentum::new(0.1, 0.9), 0.1));
    with("rmsprop", &RmsProp::new(0.01));
}

/// For a dropout, neither a step given up counts, nor one that a guard refused, nor a gradient or a loss that was asked for.
#[test]
fn dropout_counts_steps_that_ended() {
    type Net = Seq![Dense<5, 9, Relu>, Dropout<9, 50>, Dense<9, 3>];
    let (xs, labels) = ([[1.0, 2.0, 3.0, 4.0, 5.0]; 2], [0, 1]);
    let sgd = Sgd::new(0.1);
    let (mut expected, mut workspace) = (he::<Net>(), Workspace::<Net, 2>::new());
    let mut step = || workspace.train_step(&mut expected, &xs, &labels, &sgd);
    let losses = [step(), step()];
    assert_ne!(losses[0], losses[1]);

    let (mut net, mut workspace, mut guard) = (he::<Net>(), Workspace::<Net, 2>::new(), Guard::new());
    for loss in losses {
        workspace.input_gradient(&net, &xs, &labels, &mut [[0.0; 5]; 2]).expect("rows that fit");
        workspace.validate(&net, &xs, &labels).expect("rows that fit");
        let broken = [xs[0], [f32::NAN; 5]];
        let refused = workspace.train_step_guarded(&mut net, &broken, &labels, &sgd, &mut guard);
        assert!(matches!(refused, Err(Error::Loss { .. })), "{refused:?}");
        assert_eq!(workspace.train_step(&mut net, &xs, &labels, &sgd), loss);
    }
    assert_eq!(written(&net), written(&expected));

    let mut learner = Learner::<Net, 2>::new(he());
    for loss in losses {
        let stage = |learner: &mut Learner<Net, 2>| {
            for label in labels {
                learner.push(label, |x| *x = xs[0]).expect("rows that fit");
            }
            learner.start(sgd).expect("a step can start");
        };
        // Given up at the first slice of each pass that can be given up.
        for slices in [1, 7, 10, 14] {
            stage(&mut learner);
            for _ in 0..slices {
                assert!(learner.poll(Budget::rows(1)).is_pending());
            }
            assert_eq!(learner.cancel(), Ok(()), "{slices}");
        }
        stage(&mut learner);
        assert_eq!(learner.poll(Budget::ALL), Poll::Ready(loss));
    }
    assert_eq!(written(learner.net()), written(&expected));
}

#[test]
fn refused_by_a_guard_nothing_changes() {
    let net = he::<Small>();
    let adam = Adam::new(0.01);
    for budget in budgets() {
        let mut guard = Guard::new();
        let mut rng = Rng::new(6);
        let mut learner = staged(&net, &adam, &mut rng);
        while learner.poll_guarded(budget, &mut guard).is_pending() {}
        let (mut clean, mut clean_guard) = (staged(&net, &adam, &mut Rng::new(6)), Guard::new());
        while clean.poll_guarded(budget, &mut clean_guard).is_pending() {}

        // A broken sensor, and one whose gradient's square overflows.
        for broken in [f32::NAN, f32::INFINITY, 1e30] {
            let before = written(learner.net());
            learner.push(1, |x| *x = [0.0; 5]).expect("a row that fits");
            learner.push(0, |x| x[3] = broken).expect("a row that fits");
            learner.start(adam).expect("a step can start");
            let refused = loop {
                assert_eq!(written(learner.net()), before);
                if let Poll::Ready(result) = learner.poll_guarded(budget, &mut guard) {
                    break result;
                }
            };
            match refused {
                Err(Error::Loss { .. }) => assert!(!broken.is_finite(), "{broken}"),
                Err(Error::Gradient { .. }) => assert!(broken.is_finite(), "{broken}"),
                other => panic!("{broken}: {other:?}"),
            }
            assert!(!learner.is_busy() && learner.rows() == 0);
            assert_eq!(written(learner.net()), before);
        }
        // The step after it does not notice.
        for (learner, guard) in [(&mut learner, &mut guard), (&mut clean, &mut clean_guard)] {
            stage(learner, &adam, &mut Rng::new(8));
            while learner.poll_guarded(budget, guard).is_pending() {}
        }
        assert_eq!(written(learner.net()), written(clean.net()), "{budget:?}");
    }
}

/// Without a guard a NaN goes where it goes in the whole step.
#[test]
fn not_a_number() {
    for isa in isas() {
        let (mut net, mut learner) = (he::<Small>(), Learner::<Small, 4>::new(he()));
        let xs = [[f32::NAN, 1.0, 2.0, 3.0, 4.0], [1.0; 5]];
        let loss = Workspace::<Small, 4>::new().train_step_with(isa, &mut net, &xs, &[0, 1], &Sgd::new(0.1));
        for (label, xs) in (0..).zip(xs) {
            learner.push(label, |x| *x = xs).expect("rows that fit");
        }
        learner.start(Sgd::new(0.1)).expect("a step can start");
        let got = loop {
            if let Poll::Ready(loss) = learner.poll_with(isa, Budget::rows(1)) {
                break loss;
            }
        };
        assert!(loss.is_ok_and(f32::is_nan) && got.is_ok_and(f32::is_nan), "{isa}");
        assert_eq!(written(learner.net()), written(&net), "{isa}");
    }
}

#[test]
fn bad_input() {
    let mut learner = Learner::<Small, 2>::new(he());
    assert_eq!(learner.poll(Budget::ALL), Poll::Ready(Err(Error::Idle)));
    assert_eq!(learner.poll_guarded(Budget::ALL, &mut Guard::new()), Poll::Ready(Err(Error::Idle)));
    assert_eq!(learner.start(Sgd::new(0.1)), Err(Error::Empty));
    assert_eq!(learner.push(0, |x| *x = [1.0; 5]), Ok(()));
    // A bad label is refused before it is staged, and `fill` is not called.
    let refused = learner.push(3, |_| panic!("filled"));
    assert_eq!(refused, Err(Error::Label { classes: 3, got: 3, row: 1 }));
    assert_eq!(learner.push(2, |x| *x = [2.0; 5]), Ok(()));
    assert_eq!(learner.push(1, |_| panic!("filled")), Err(Error::Batch { expected: 2, got: 3 }));
    assert_eq!(learner.poll(Budget::ALL), Poll::Ready(Err(Error::Idle)));
    assert_eq!(learner.rows(), 2);

    assert_eq!(learner.start(Sgd::new(0.1)), Ok(()));
    let before = *learner.net();
    for _ in 0..3 {
        assert!(learner.poll(Budget::rows(0)).is_pending());
        assert_eq!(learner.push(0, |_| panic!("filled")), Err(Error::Busy));
        assert_eq!(learner.start(Sgd::new(9.0)), Err(Error::Busy));
        assert_eq!(learner.net_mut().err(), Some(Error::Busy));
        assert_eq!(learner.reset_optimizer(), Err(Error::Busy));
    }
    // None of it was noticed.
    let mut net = before;
    let loss =
        Workspace::<Small, 2>::new().train_step(&mut net, &[[1.0; 5], [2.0; 5]], &[0, 2], &Sgd::new(0.1));
    assert_eq!(learner.poll(Budget::ALL), Poll::Ready(loss));
    assert_eq!(written(learner.net()), written(&net));
    assert_eq!(learner.poll(Budget::ALL), Poll::Ready(Err(Error::Idle)));

    // Rows staged are forgotten, if asked to be.
    assert_eq!(learner.push(0, |_| ()), Ok(()));
    assert_eq!(learner.cancel(), Ok(()));
    assert_eq!(learner.start(Sgd::new(0.1)), Err(Error::Empty));

    let target =
        Learner::<Small, 2, Sgd, Mse>::with_loss(he(), Mse).push([f32::NAN; 3], |_| panic!("filled"));
    assert_eq!(target, Err(Error::Target { expected: "finite", row: 0, index: 0 }));
}

#[test]
fn bad_settings_of_private_training() {
    let mut learner = Learner::<Small, 2, Private<Sgd>>::new(he());
    assert_eq!(learner.push(0, |_| ()), Ok(()));
    assert_eq!(learner.poll_private(Budget::ALL), Poll::Ready(Err(Error::Idle)));
    assert_eq!(learner.rows(), 1);
    let before = *learner.net();
    let refused = learner.start(Private::new(Sgd::new(0.1), 0.0, 1.0, 1));
    assert_eq!(refused, Err(Error::Setting { name: "clip", expected: "positive and finite" }));
    assert_eq!(learner.poll_private(Budget::rows(1)), Poll::Ready(Err(Error::Idle)));
    assert!(!learner.is_busy() && learner.rows() == 1 && *learner.net() == before);
}

/// A sample whose norm is no number refuses a private step, which the steps after it do not notice.
#[test]
fn refused_by_private_training_nothing_changes() {
    type Way = Workspace<Small, 4, Private<Momentum>>;
    let private = Private::new(Momentum::new(0.1, 0.9), 0.5, 0.5, 7);
    let batch = |seed| {
        let rng = &mut Rng::new(seed);
        let xs: [[f32; 5]; 3] = std::array::from_fn(|_| random(rng));
        (xs, [0, 1, 2])
    };
    for budget in budgets() {
        let (mut net, mut workspace) = (he::<Small>(), Way::new());
        let mut learner = Learner::<Small, 4, Private<Momentum>>::new(he());
        for (broken, seed) in [(false, 1), (true, 2), (false, 3)] {
            let (mut xs, labels) = batch(seed);
            if broken {
                xs[1][4] = f32::INFINITY;
            }
            let expected = workspace.train_step_private(&mut net, &xs, &labels, &private);
            assert_eq!(expected.is_err(), broken, "{expected:?}");
            for (xs, label) in xs.iter().zip(labels) {
                learner.push(label, |x| *x = *xs).expect("rows that fit");
            }
            learner.start(private).expect("a step can start");
            let before = *learner.net();
            let got = loop {
                assert_eq!(*learner.net(), before);
                if let Poll::Ready(loss) = learner.poll_private(budget) {
                    break loss;
                }
            };
            assert_eq!(got, expected, "{budget:?}");
            assert_eq!(written(learner.net()), written(&net), "{budget:?}");
        }
    }
}

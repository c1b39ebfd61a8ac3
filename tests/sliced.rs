//! A training step taken in slices against the whole step: the same bits, whatever the budgets; the old network or the new
//! between slices; and what is refused.

mod support {
    pub(crate) mod isas;
}

use fusebox::{
    Accumulate, Activation, Adam, AdamW, BiasOnly, BinaryCrossEntropy, Budget, Chain, ClipNorm, ClipValue,
    CrossEntropy, Dense, Dropout, Error, Frozen, Gelu, Guard, Huber, Identity, Init, Isa, LayerNorm,
    LeakyRelu, Learner, Loss, LowRank, Momentum, Mse, Nesterov, Optimizer, PerSample, Private, Relu, Relu6,
    RmsProp, Rng, Seq, Sgd, Sigmoid, Silu, Sliced, Softmax, Tanh, Train, WeightDecay, WeightedCrossEntropy,
    Workspace, Zeroed,
};
use std::fmt::Debug;
use std::task::Poll;
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

fn random<const N: usize>(rng: &mut Rng) -> [f32; N] {
    std::array::from_fn(|_| 4.0 * rng.uniform() - 2.0)
}

/// How a step is taken: a part of it by `poll`, all of it by `whole`.
trait Way<N: Sliced, O: Optimizer, L: Loss<N::Output>> {
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

impl<N: Sliced, O: Optimizer, L: Loss<N::Output>> Way<N, O, L> for Plainly {
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
struct Guarded<N>(Guard<N>);

impl<N: Sliced + PerSample, O: Optimizer, L: Loss<N::Output>> Way<N, O, L> for Guarded<N> {
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

impl<N: Sliced + PerSample, O: Optimizer, L: Loss<N::Output>> Way<N, Private<O>, L> for Privately {
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
fn check<N, O, L, const IN: usize>(
    what: &str,
    net: &N,
    optimizer: &O,
    loss: &L,
    target: impl Fn(&mut Rng) -> L::Target,
    way: &(impl Way<N, O, L> + Clone),
) where
    N: Sliced<Input = [f32; IN]> + PartialEq + Debug,
    O: Optimizer + Clone,
    L: Loss<N::Output> + Clone,
{
    let mut rng = Rng::new(3);
    let batches = STEPS.map(|rows| -> (Vec<[f32; IN]>, Vec<L::Target>) {
        (0..rows).map(|_| (random(&mut rng), target(&mut rng))).unzip()
    });
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
        assert!(expected.last().is_some_and(|(loss, ..)| loss.is_ok()), "{isa}, {what}: {expected:?}");
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
    let rate = Sgd::new(1e6); // the second step leaps: refused, and so on
    let mut rng = Rng::new(4);
    let net = he::<Small>();
    check("norms of each layer", &net, &ClipNorm::new(Sgd::new(0.1), 1.0), &CrossEntropy, label::<3>, &way);
    let _ = (rate, &mut rng);
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

    let base = he::<Small>();
    let bias: Seq![BiasOnly<'_, 5, 9, Relu>, BiasOnly<'_, 9, 3>] =
        Chain { first: BiasOnly::new(&base.first), rest: BiasOnly::new(&base.rest) };
    check("bias only", &bias, &Adam::new(0.01), &CrossEntropy, label::<3>, &Guarded(Guard::new()));

    let silu = he::<Dense<5, 9, Silu>>();
    let mut low: Seq![LowRank<'_, 5, 9, 2, Silu>, LowRank<'_, 9, 3, 1>] =
        Chain { first: LowRank::new(&silu), rest: LowRank::new(&base.rest) };
    low.init(Init::He, &mut Rng::new(5));
    check("low rank", &low, &Adam::new(0.01), &CrossEntropy, label::<3>, &Guarded(Guard::new()));

    let body = he::<Seq![Dense<5, 7, Relu>, Dense<7, 5, Tanh>]>();
    let frozen = Frozen::new(&body, base);
    check("frozen", &frozen, &Momentum::new(0.1, 0.9), &CrossEntropy, label::<3>, &Guarded(Guard::new()));
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

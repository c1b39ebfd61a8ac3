//! Losses, optimisers, and the steps of a training.

use crate::{any, hide, keep};
use fusebox::optimizers::Picked;
use fusebox::{
    Accumulate, Adam, AdamW, BinaryCrossEntropy, Budget, ClipNorm, ClipValue, CrossEntropy, Dense,
    EachPosition, Error, Formed, Gradient, Guard, Huber, Ignoring, Isa, Learner, Limits, Loss, Momentum, Mse,
    Nesterov, Optimizer, Pace, Plain, Product, Relu, RmsProp, Rows, Seq, Sgd, WeightDecay, Weighted,
    WeightedCrossEntropy, Whole, Workspace, Zeroed,
};

type Net = Seq![Dense<3, 4, Relu>, Dense<4, 2>];

/// Calls them all.
pub fn all() {
    loss(hide(CrossEntropy), &any::<[u8; 4]>());
    loss(hide(CrossEntropy::<u16>::new()), &any::<[u16; 4]>());
    loss(hide(CrossEntropy::<u32>::new()), &any::<[u32; 4]>());
    loss(hide(CrossEntropy::<i32>::new()), &any::<[i32; 4]>());
    loss(hide(CrossEntropy::<usize>::new()), &any::<[usize; 4]>());
    loss(hide(Mse), &any::<[[f32; 2]; 4]>());
    loss(hide(Huber::new(any())), &any::<[[f32; 2]; 4]>());
    loss(hide(BinaryCrossEntropy { positive_weight: any() }), &any::<[[f32; 2]; 4]>());
    if let Ok(weighted) = WeightedCrossEntropy::<2>::new(any(), any()) {
        loss(hide(weighted), &any::<[u8; 4]>());
        loss(hide(Weighted(weighted)), &any::<[(u8, f32); 4]>());
    }
    if let Ok(weighted) = WeightedCrossEntropy::<2, u16>::with_labels(any(), any()) {
        loss(hide(weighted), &any::<[u16; 4]>());
    }
    loss(hide(Ignoring(CrossEntropy)), &[Some(any::<u8>()), None]);
    loss(hide(Weighted(Huber::new(any()))), &any::<[([f32; 2], f32); 4]>());
    at_once::<[[f32; 3]; 2], _>(&hide(EachPosition(CrossEntropy)), hide(&any::<[[u8; 2]; 4]>()));
    loss(hide(Stranger(Mse)), &any::<[[f32; 2]; 4]>());
    let sgd = Sgd::new(any());
    let adam = Adam::new(any());
    steps(hide(sgd));
    steps(hide(Momentum::new(any(), any())));
    steps(hide(Nesterov::new(any(), any())));
    steps(hide(adam));
    steps(hide(AdamW::new(any(), any())));
    steps(hide(AdamW::new(any(), any()).weights_only()));
    steps(hide(RmsProp::new(any())));
    steps(hide(WeightDecay::new(sgd, any())));
    steps(hide(WeightDecay::new(adam, any()).weights_only()));
    steps(hide(ClipValue::new(adam, any())));
    steps(hide(ClipNorm::new(adam, any())));
    steps(hide(Accumulate::new(sgd, any())));
    steps(hide(Stranger(adam)));
}

/// A loss, given slices of any length, at once and in a learner's slices.
fn loss<L: Loss<[f32; 2]>>(loss: L, targets: &[L::Target]) {
    let targets = hide(targets);
    at_once::<[f32; 2], L>(&loss, targets);
    let mut learner = hide(Learner::<Dense<1, 2>, 3, Sgd, L>::with_loss(any(), loss));
    for &target in targets {
        keep(learner.push(target, |x| *x = any()));
    }
    keep(learner.start(Sgd::new(any())));
    keep(learner.poll(Budget::macs(any())));
}

fn at_once<O: Zeroed, L: Loss<O>>(loss: &L, targets: &[L::Target]) {
    let (ys, mut dys) = (any::<[O; 4]>(), any::<[O; 4]>());
    for target in targets {
        keep(loss.check(target, any()));
    }
    keep((loss.settings(), loss.weight(targets)));
    let isa = hide(Isa::portable());
    keep(loss.gradient(isa, hide(&ys), targets, hide(&mut dys)));
    let mut sums = any::<[f32; 16]>();
    keep(loss.paced(&mut Whole::on(isa), hide(&ys), targets, hide(&mut dys), &mut sums));
}

/// An optimiser, given slices of any length.
pub(crate) fn optimizer<O: Optimizer>(optimizer: &O) {
    let pace = &mut Whole::on(hide(Isa::portable()));
    let mut progress = any::<O::Progress>();
    keep(optimizer.check());
    let mut sweep = optimizer.begin(&mut progress, any());
    let (xs, dys) = (any::<[[f32; 3]; 4]>(), any::<[[f32; 2]; 4]>());
    let (xs, dys) = (hide(&xs[..]), hide(&dys[..]));
    let mut weight = any::<[[f32; 2]; 3]>();
    let (mut weights, mut biases) = (any::<O::State<[[f32; 2]; 3]>>(), any::<O::State<[f32; 2]>>());
    O::step(pace, &mut sweep, Formed::of(&any()), &mut weight, &mut weights);
    O::step(pace, &mut sweep, Formed::of_offsets(&any()), &mut weight, &mut weights);
    O::step(pace, &mut sweep, Product::of(xs, dys), &mut weight, &mut weights);
    O::step(pace, &mut sweep, Product::sum([(xs, dys), (hide(xs), hide(dys))]), &mut weight, &mut weights);
    O::step(pace, &mut sweep, Rows::of(dys), &mut any(), &mut biases);
    let tokens = any::<[u8; 4]>();
    let picked = Picked::of(hide(&tokens[..]), dys);
    O::step(pace, &mut sweep, picked, &mut weight, &mut weights);
    O::step(pace, &mut sweep, picked.and_product(xs, dys), &mut weight, &mut weights);
    keep(optimizer.next(&mut progress, sweep).map(drop));
    keep((weight, weights, biases));
}

/// An optimiser alone, and in every kind of step but the private one.
fn steps<O: Optimizer + Copy>(rule: O) {
    optimizer(&rule);
    let optimizer = &rule;
    let isa = hide(Isa::portable());
    let mut net = any::<Net>();
    let mut guard = hide(Guard::<Net>::new());
    if any::<u8>() == 0 {
        guard.limits = Some(Limits { every: any(), memory: any(), ..Limits::DEFAULT });
    }
    let mut workspace = hide(Workspace::<Net, 3, O>::new());
    let (xs, labels, mut dxs) = (any::<[[f32; 3]; 4]>(), any::<[u8; 4]>(), any::<[[f32; 3]; 4]>());
    let (xs, labels, dxs) = (hide(&xs[..]), hide(&labels[..]), hide(&mut dxs[..]));
    keep(workspace.train_step(&mut net, xs, labels, optimizer));
    keep(workspace.train_step_with(isa, &mut net, xs, labels, optimizer));
    keep(workspace.train_step_guarded(&mut net, xs, labels, optimizer, &mut guard));
    keep(workspace.train_step_guarded_with(isa, &mut net, xs, labels, optimizer, &mut guard));
    keep(workspace.input_gradient(&net, xs, labels, dxs));
    keep(workspace.input_gradient_with(isa, &net, xs, labels, dxs));
    let rows = xs.iter().copied().zip(labels.iter().copied());
    keep(workspace.train_step_from(&mut net, rows, optimizer));
    keep(staged(&mut workspace).train_step(&mut net, optimizer));
    keep(staged(&mut workspace).on(isa).train_step(&mut net, optimizer));
    keep(staged(&mut workspace).train_step_guarded(&mut net, optimizer, &mut guard));
    keep(workspace.validate(&net, xs, labels));
    keep(workspace.validate_with(isa, &net, xs, labels));
    let mut learner = hide(Learner::new(net));
    started(&mut learner, rule);
    keep(learner.poll(Budget::macs(any())));
    keep(learner.poll_with(isa, Budget::rows(any())));
    keep(learner.poll_guarded(Budget::macs(any()), &mut guard));
    keep(learner.poll_guarded_with(isa, Budget::rows(any()), &mut guard));
    keep(learner.validate(xs, labels));
}

/// Some rows, staged: there may be none, or as many as there is room for.
pub(crate) fn staged<O: Optimizer>(
    workspace: &mut Workspace<Net, 3, O>,
) -> fusebox::Stage<'_, Net, 3, O, CrossEntropy> {
    let mut stage = workspace.stage();
    for _ in 0..any::<usize>() {
        keep(stage.push(any(), |row| *row = Zeroed::ZEROED));
    }
    stage
}

/// A step on some rows, started if there are any.
pub(crate) fn started<O: Optimizer>(learner: &mut Learner<Net, 3, O>, rule: O) {
    for _ in 0..any::<usize>() {
        keep(learner.push(any(), |row| *row = Zeroed::ZEROED));
    }
    keep(learner.start(rule));
}

/// A loss or an optimiser as a user writes it.
#[derive(Clone, Copy)]
struct Stranger<T>(T);

impl<L: Loss<[f32; 2]>> Loss<[f32; 2]> for Stranger<L> {
    type Target = L::Target;

    fn check(&self, target: &L::Target, row: usize) -> Result<(), Error> {
        self.0.check(target, row)
    }

    fn gradient(&self, isa: Isa, ys: &[[f32; 2]], targets: &[L::Target], dys: &mut [[f32; 2]]) -> f32 {
        self.0.gradient(isa, ys, targets, dys)
    }
}

impl<O: Optimizer> Optimizer for Stranger<O> {
    type State<P: Plain> = O::State<P>;
    type Progress = O::Progress;
    type Sweep = O::Sweep;

    fn begin(&self, progress: &mut O::Progress, weight: f32) -> O::Sweep {
        self.0.begin(progress, weight)
    }

    fn next(&self, progress: &mut O::Progress, sweep: O::Sweep) -> Option<O::Sweep> {
        self.0.next(progress, sweep)
    }

    fn step<P: Plain, G: Gradient<P>, Q: Pace>(
        pace: &mut Q,
        sweep: &mut O::Sweep,
        gradient: G,
        parameters: &mut P,
        state: &mut O::State<P>,
    ) {
        O::step(pace, sweep, gradient, parameters, state);
    }
}

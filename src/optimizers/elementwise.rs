//! Rules that update each parameter independently. They are fused into the store of its gradient, which is never in
//! memory.

use super::{Gradient, Optimizer, settings};
use crate::kernel::update::{self, MOST_MOMENTS, Rule};
use crate::memory::{layout, numbers_mut};
use crate::pace::Pace;
use crate::{Error, Plain};
use core::slice::from_mut;
use sealed::{Elementwise, Kept};

mod sealed {
    use super::{Error, MOST_MOMENTS, Plain, Rule};

    /// An optimiser that is a rule for a single parameter.
    #[expect(
        private_bounds,
        reason = "instruction sets, which rules are written for, are this crate's own affair"
    )]
    pub trait Elementwise {
        type Rule: Rule;
        type Kept: Kept;
        type Progress: Plain;

        /// See [`super::Optimizer::LAYOUT`].
        const NAME: u64;

        /// See [`super::Optimizer::check`].
        fn settings(&self) -> Result<(), Error>;

        /// The rule for the next step.
        fn rule(&self, progress: &mut Self::Progress) -> Self::Rule;

        /// The step's rule for biases, gains and the like.
        fn for_offsets(&self, rule: Self::Rule) -> Self::Rule {
            rule
        }
    }

    /// The number of moments stored per parameter.
    pub trait Kept {
        type Of<P: Plain>: Plain;

        fn moments<P: Plain>(state: &mut Self::Of<P>) -> [&mut [f32]; MOST_MOMENTS];
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Nothing;

impl Kept for Nothing {
    type Of<P: Plain> = ();

    fn moments<P: Plain>((): &mut ()) -> [&mut [f32]; MOST_MOMENTS] {
        [&mut [], &mut []]
    }
}

#[derive(Clone, Copy, Debug)]
pub struct One;

impl Kept for One {
    type Of<P: Plain> = P;

    fn moments<P: Plain>(moment: &mut P) -> [&mut [f32]; MOST_MOMENTS] {
        [numbers_mut(from_mut(moment)), &mut []]
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Two;

impl Kept for Two {
    type Of<P: Plain> = [P; 2];

    fn moments<P: Plain>([m, v]: &mut [P; 2]) -> [&mut [f32]; MOST_MOMENTS] {
        [numbers_mut(from_mut(m)), numbers_mut(from_mut(v))]
    }
}

impl<E: Elementwise> Optimizer for E {
    type State<P: Plain> = <E::Kept as Kept>::Of<P>;
    type Progress = E::Progress;
    /// The rules for weights, and for biases, gains and the like.
    type Sweep = [E::Rule; 2];

    const LAYOUT: u64 = E::NAME;

    #[inline]
    fn check(&self) -> Result<(), Error> {
        self.settings()
    }

    #[inline]
    fn begin(&self, progress: &mut E::Progress, _weight: f32) -> [E::Rule; 2] {
        let rule = self.rule(progress);
        [rule, self.for_offsets(rule)]
    }

    #[inline]
    fn next(&self, _progress: &mut E::Progress, _sweep: [E::Rule; 2]) -> Option<[E::Rule; 2]> {
        None
    }

    #[inline]
    fn step<P: Plain, G: Gradient<P>, Q: Pace>(
        pace: &mut Q,
        [weights, offsets]: &mut [E::Rule; 2],
        gradient: G,
        parameters: &mut P,
        state: &mut Self::State<P>,
    ) {
        let rule = if G::IS_OFFSET { *offsets } else { *weights };
        gradient.apply(pace, rule, parameters, E::Kept::moments(state));
    }
}

/// Stochastic gradient descent: `w = w - rate g`. No state.
///
/// ```
/// use fusebox::{Formed, Isa, Optimizer, Sgd, Whole};
/// let (sgd, mut w) = (Sgd::new(0.5), [1.0, 2.0]);
/// let pace = &mut Whole::on(Isa::detect());
/// Sgd::step(pace, &mut sgd.begin(&mut (), 1.0), Formed::of(&[2.0, -2.0]), &mut w, &mut ());
/// assert_eq!(w, [0.0, 3.0]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sgd {
    /// The learning rate; it may be changed between steps.
    pub rate: f32,
}

impl Sgd {
    /// SGD with the learning rate `rate`.
    pub const fn new(rate: f32) -> Self {
        Self { rate }
    }
}

impl Elementwise for Sgd {
    type Rule = update::GradientDescent;
    type Kept = Nothing;
    type Progress = ();

    const NAME: u64 = layout("Sgd", &[]);

    fn settings(&self) -> Result<(), Error> {
        settings::not_negative("rate", self.rate)
    }

    #[inline]
    fn rule(&self, (): &mut ()) -> Self::Rule {
        update::GradientDescent { rate: self.rate }
    }
}

/// SGD with momentum: `v = momentum v + g`, `w = w - rate v`. State: `v`.
///
/// Source: B. Polyak, "Some methods of speeding up the convergence of iteration methods", 1964, in PyTorch's form.
///
/// ```
/// use fusebox::{Dense, Momentum, Workspace, Zeroed};
/// let mut net = Dense::<1, 2>::ZEROED;
/// let mut workspace = Workspace::<_, 1, Momentum>::new();
/// workspace.train_step(&mut net, &[[1.0]], &[1], &Momentum::new(0.1, 0.9))?;
/// assert_eq!(net.bias, [-0.05, 0.05]);
/// # Ok::<(), fusebox::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Momentum {
    /// The learning rate.
    pub rate: f32,
    /// The factor of the velocity at each step, 0 to 1.
    pub momentum: f32,
}

impl Momentum {
    /// SGD with the given learning rate and momentum.
    pub const fn new(rate: f32, momentum: f32) -> Self {
        Self { rate, momentum }
    }
}

impl Elementwise for Momentum {
    type Rule = update::MomentumRule<false>;
    type Kept = One;
    type Progress = ();

    const NAME: u64 = layout("Momentum", &[]);

    fn settings(&self) -> Result<(), Error> {
        settings::not_negative("rate", self.rate)?;
        settings::share("momentum", self.momentum)
    }

    #[inline]
    fn rule(&self, (): &mut ()) -> Self::Rule {
        update::MomentumRule { rate: self.rate, momentum: self.momentum }
    }
}

/// Nesterov momentum: `v = momentum v + g`, `w = w - rate (g + momentum v)`. State: `v`.
///
/// Source: I. Sutskever and others, "On the importance of initialization and momentum in deep learning", 2013, in
/// PyTorch's form.
///
/// ```
/// use fusebox::{Dense, Nesterov, Workspace, Zeroed};
/// let mut net = Dense::<1, 2>::ZEROED;
/// let mut workspace = Workspace::<_, 1, Nesterov>::new();
/// workspace.train_step(&mut net, &[[1.0]], &[1], &Nesterov::new(0.1, 0.5))?;
/// assert_eq!(net.bias, [-0.075, 0.075]);
/// # Ok::<(), fusebox::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Nesterov {
    /// The learning rate.
    pub rate: f32,
    /// The factor of the velocity at each step, 0 to 1.
    pub momentum: f32,
}

impl Nesterov {
    /// SGD with the given learning rate and Nesterov momentum.
    pub const fn new(rate: f32, momentum: f32) -> Self {
        Self { rate, momentum }
    }
}

impl Elementwise for Nesterov {
    type Rule = update::MomentumRule<true>;
    type Kept = One;
    type Progress = ();

    const NAME: u64 = layout("Nesterov", &[]);

    fn settings(&self) -> Result<(), Error> {
        settings::not_negative("rate", self.rate)?;
        settings::share("momentum", self.momentum)
    }

    #[inline]
    fn rule(&self, (): &mut ()) -> Self::Rule {
        update::MomentumRule { rate: self.rate, momentum: self.momentum }
    }
}

/// Adam: each parameter's step is the running mean of its gradient divided by the root of the running mean of its
/// square.
///
/// ```text
/// m = beta1 m + (1 - beta1) g        v = beta2 v + (1 - beta2) g^2
/// w = w - rate / c1  m / (sqrt(v / c2) + epsilon),        c = 1 - beta^t after t steps
/// ```
///
/// State: `m` and `v`. Source: D. Kingma and J. Ba, "Adam: A Method for Stochastic Optimization", 2015, algorithm 1.
///
/// ```
/// use fusebox::{Adam, Dense, Relu, Rng, Seq, Workspace};
/// type Net = Seq![Dense<2, 8, Relu>, Dense<8, 2>];
/// let mut net = Net::he(&mut Rng::new(1));
/// let mut workspace = Workspace::<Net, 4, Adam>::new();
/// let (xs, labels) = ([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [0, 1, 1, 0]);
/// let mut loss = f32::NAN;
/// for _ in 0..300 {
///     loss = workspace.train_step(&mut net, &xs, &labels, &Adam::new(0.02))?;
/// }
/// assert!(loss < 0.01);
/// # Ok::<(), fusebox::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adam {
    /// The learning rate: about the distance that a parameter moves per step.
    pub rate: f32,
    /// The decay of the gradient's running mean, from 0 to less than 1. With 1 the mean would stay zero, and zero
    /// over zero would set every parameter to NaN.
    pub beta1: f32,
    /// The decay of the squared gradient's running mean, from 0 to less than 1.
    pub beta2: f32,
    /// Keeps the divisor above zero.
    pub epsilon: f32,
}

impl Adam {
    /// Adam with the learning rate `rate` and the paper's defaults: 0.9, 0.999, 1e-8.
    pub const fn new(rate: f32) -> Self {
        Self { rate, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }
    }
}

impl Elementwise for Adam {
    type Rule = update::AdamRule;
    type Kept = Two;
    /// `1 - beta^t` for both.
    type Progress = [f32; 2];

    const NAME: u64 = layout("Adam", &[]);

    fn settings(&self) -> Result<(), Error> {
        settings::not_negative("rate", self.rate)?;
        settings::decay("beta1", self.beta1)?;
        settings::decay("beta2", self.beta2)?;
        settings::positive("epsilon", self.epsilon)
    }

    #[inline]
    fn rule(&self, corrections: &mut [f32; 2]) -> Self::Rule {
        let news = [1.0 - self.beta1, 1.0 - self.beta2];
        // 1 - beta^t = (1 - beta^(t - 1)) beta + (1 - beta): starts at zero and has no cancellation while t is small. It stops
        // where a step rounds to nothing, short of 1 by at most 2^-25 / (1 - beta).
        let [c1, c2] = *corrections;
        let (c1, c2) = (c1 * self.beta1 + news[0], c2 * self.beta2 + news[1]);
        *corrections = [c1, c2];
        update::AdamRule {
            rate: self.rate / c1,
            news,
            correction: 1.0 / libm::sqrtf(c2),
            epsilon: self.epsilon,
        }
    }
}

/// Adam with decoupled weight decay, which does not enter the running means: `w = w - rate decay w`, then [`Adam`]'s
/// step.
///
/// Source: I. Loshchilov and F. Hutter, "Decoupled Weight Decay Regularization", 2019, in PyTorch's form.
///
/// ```
/// use fusebox::{AdamW, Dense, Workspace, Zeroed};
/// let mut net = Dense::<1, 2>::ZEROED;
/// net.weight = [[1.0, 1.0]];
/// let mut workspace = Workspace::<_, 1, AdamW>::new();
/// // An input of zero: the weights have no gradient, but decay.
/// workspace.train_step(&mut net, &[[0.0]], &[1], &AdamW::new(0.1, 0.5))?;
/// assert_eq!(net.weight, [[0.95, 0.95]]);
/// # Ok::<(), fusebox::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamW {
    /// The learning rate and Adam's other settings.
    pub adam: Adam,
    /// Each step first multiplies every parameter by `1 - rate * decay`.
    pub decay: f32,
    /// Whether weight decay excludes biases, gains and shifts.
    pub weights_only: bool,
}

impl AdamW {
    /// [`Adam::new`] with the given decay.
    pub const fn new(rate: f32, decay: f32) -> Self {
        Self { adam: Adam::new(rate), decay, weights_only: false }
    }

    /// Decays weights only, not biases, gains and shifts.
    ///
    /// ```
    /// use fusebox::{AdamW, Dense, Workspace, Zeroed};
    /// let mut net = Dense::<1, 2>::ZEROED;
    /// (net.weight, net.bias) = ([[1.0, 1.0]], [8.0, 8.0]);
    /// let mut workspace = Workspace::<_, 1, AdamW>::new();
    /// let optimizer = AdamW::new(0.125, 0.5).weights_only();
    /// workspace.train_step(&mut net, &[[0.0]], &[1], &optimizer)?;
    /// assert_eq!(net.weight, [[0.9375, 0.9375]]);
    /// assert!((net.bias[1] - 8.125).abs() < 1e-6); // Adam's step alone
    /// # Ok::<(), fusebox::Error>(())
    /// ```
    #[must_use]
    pub const fn weights_only(self) -> Self {
        Self { weights_only: true, ..self }
    }
}

impl Elementwise for AdamW {
    type Rule = update::DecoupledDecay<update::AdamRule>;
    type Kept = Two;
    type Progress = [f32; 2];

    const NAME: u64 = layout("AdamW", &[]);

    fn settings(&self) -> Result<(), Error> {
        self.adam.settings()?;
        settings::not_negative("decay", self.decay)
    }

    #[inline]
    fn rule(&self, corrections: &mut [f32; 2]) -> Self::Rule {
        update::DecoupledDecay {
            rule: self.adam.rule(corrections),
            factor: 1.0 - self.adam.rate * self.decay,
        }
    }

    #[inline]
    fn for_offsets(&self, rule: Self::Rule) -> Self::Rule {
        if self.weights_only { update::DecoupledDecay { factor: 1.0, ..rule } } else { rule }
    }
}

/// RMSprop: `v = alpha v + (1 - alpha) g^2`, `w = w - rate g / (sqrt(v) + epsilon)`. State: `v`.
///
/// Source: G. Hinton, "Neural Networks for Machine Learning", lecture 6, 2012, in PyTorch's form.
///
/// ```
/// use fusebox::{Dense, RmsProp, Workspace, Zeroed};
/// let mut net = Dense::<1, 2>::ZEROED;
/// let mut workspace = Workspace::<_, 1, RmsProp>::new();
/// workspace.train_step(&mut net, &[[1.0]], &[1], &RmsProp::new(0.01))?;
/// assert!((net.bias[1] - 0.1).abs() < 1e-6); // the first step is rate / sqrt(1 - alpha), whatever the gradient
/// # Ok::<(), fusebox::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RmsProp {
    /// The learning rate.
    pub rate: f32,
    /// The decay of the squared gradient's running mean, 0 to 1.
    pub alpha: f32,
    /// Keeps the divisor above zero.
    pub epsilon: f32,
}

impl RmsProp {
    /// RMSprop with the learning rate `rate`, alpha 0.99 and epsilon 1e-8.
    pub const fn new(rate: f32) -> Self {
        Self { rate, alpha: 0.99, epsilon: 1e-8 }
    }
}

impl Elementwise for RmsProp {
    type Rule = update::RmsPropRule;
    type Kept = One;
    type Progress = ();

    const NAME: u64 = layout("RmsProp", &[]);

    fn settings(&self) -> Result<(), Error> {
        settings::not_negative("rate", self.rate)?;
        settings::share("alpha", self.alpha)?;
        settings::positive("epsilon", self.epsilon)
    }

    #[inline]
    fn rule(&self, (): &mut ()) -> Self::Rule {
        update::RmsPropRule { rate: self.rate, news: 1.0 - self.alpha, epsilon: self.epsilon }
    }
}

/// Runs another optimiser on a loss with an L2 penalty: `decay w`, the gradient of `decay / 2 |w|^2`, is added to
/// every gradient. Includes biases, as in PyTorch, unless [`WeightDecay::weights_only`] is set. For decoupled weight
/// decay see [`AdamW`].
///
/// ```
/// use fusebox::{Dense, Sgd, WeightDecay, Workspace, Zeroed};
/// let mut net = Dense::<1, 2>::ZEROED;
/// net.weight = [[1.0, 1.0]];
/// let mut workspace = Workspace::<_, 1, WeightDecay<Sgd>>::new();
/// workspace.train_step(&mut net, &[[0.0]], &[1], &WeightDecay::new(Sgd::new(0.5), 0.5))?;
/// assert_eq!(net.weight, [[0.75, 0.75]]);
/// # Ok::<(), fusebox::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WeightDecay<O> {
    /// The optimiser that gets the gradient.
    pub optimizer: O,
    /// The penalty's coefficient.
    pub decay: f32,
    /// Whether biases, gains and shifts are excluded from the penalty.
    pub weights_only: bool,
}

impl<O> WeightDecay<O> {
    /// `optimizer` with a penalty of coefficient `decay`.
    pub const fn new(optimizer: O, decay: f32) -> Self {
        Self { optimizer, decay, weights_only: false }
    }

    /// Excludes biases, gains and shifts from the penalty.
    #[must_use]
    pub const fn weights_only(self) -> Self
    where
        O: Copy,
    {
        Self { weights_only: true, ..self }
    }
}

impl<O: Elementwise> Elementwise for WeightDecay<O> {
    type Rule = update::L2Penalty<O::Rule>;
    type Kept = O::Kept;
    type Progress = O::Progress;

    const NAME: u64 = layout("WeightDecay", &[O::NAME]);

    fn settings(&self) -> Result<(), Error> {
        self.optimizer.settings()?;
        settings::not_negative("decay", self.decay)
    }

    #[inline]
    fn rule(&self, progress: &mut O::Progress) -> Self::Rule {
        update::L2Penalty { rule: self.optimizer.rule(progress), decay: self.decay }
    }

    #[inline]
    fn for_offsets(&self, rule: Self::Rule) -> Self::Rule {
        let decay = if self.weights_only { 0.0 } else { rule.decay };
        update::L2Penalty { rule: self.optimizer.for_offsets(rule.rule), decay }
    }
}

/// Runs another optimiser on gradients clipped by value, to `-limit..=limit`; NaN stays NaN.
///
/// ```
/// use fusebox::{ClipValue, Dense, Sgd, Workspace, Zeroed};
/// let mut net = Dense::<1, 2>::ZEROED;
/// let mut workspace = Workspace::<_, 1, ClipValue<Sgd>>::new();
/// workspace.train_step(&mut net, &[[100.0]], &[1], &ClipValue::new(Sgd::new(1.0), 2.0))?;
/// assert_eq!((net.weight, net.bias), ([[-2.0, 2.0]], [-0.5, 0.5]));
/// # Ok::<(), fusebox::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClipValue<O> {
    /// The optimiser that gets the gradient.
    pub optimizer: O,
    /// The largest magnitude of a gradient.
    pub limit: f32,
}

impl<O> ClipValue<O> {
    /// `optimizer` on gradients clipped to magnitude `limit`.
    pub const fn new(optimizer: O, limit: f32) -> Self {
        Self { optimizer, limit }
    }
}

impl<O: Elementwise> Elementwise for ClipValue<O> {
    type Rule = update::ClipByValue<O::Rule>;
    type Kept = O::Kept;
    type Progress = O::Progress;

    const NAME: u64 = layout("ClipValue", &[O::NAME]);

    fn settings(&self) -> Result<(), Error> {
        self.optimizer.settings()?;
        settings::limit("limit", self.limit)
    }

    #[inline]
    fn rule(&self, progress: &mut O::Progress) -> Self::Rule {
        update::ClipByValue { rule: self.optimizer.rule(progress), limit: self.limit }
    }

    #[inline]
    fn for_offsets(&self, rule: Self::Rule) -> Self::Rule {
        update::ClipByValue { rule: self.optimizer.for_offsets(rule.rule), ..rule }
    }
}

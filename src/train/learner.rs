//! A training step in slices, so that training does not delay a control loop.
//!
//! The passes are those of `step.rs`, and each is a sequence of units, counted by `pace.rs`. Between check and update
//! is one more pass, copy: it copies the network in use to the spare one, which `update` changes; then the two are
//! swapped.

use super::step::{Losses, Passes, check_rows, not_mixed, weight};
use super::{CrossEntropy, Guard, Loss, Memory, Optimizer, Private, Sgd, Workspace};
use crate::checkpoint::{Part, Reader, Writer};
use crate::layers::InputGradient;
use crate::memory::{Twin, count_of, layout};
use crate::pace::{Budget, Pace, Slice};
use crate::{Error, Isa, Train};
use core::fmt;
use core::task::Poll;

/// A network that is trained in slices, and all the memory for that: a [`Workspace`], and two copies of the network,
/// one for inference while the other is being changed.
///
/// Stage rows ([`Learner::push`]), start a step, and poll until it is ready; each poll runs one slice. Weights, loss
/// and optimiser state have the same bits as with [`Workspace::train_step`], whatever the budgets (with
/// [Helium](Isa::helium), if no number is subnormal). [`Learner::net`] is the old network until the step is ready,
/// then the new one: never a mixture.
///
/// A slice does at least one unit of work, and at most the larger of its budget and one unit. For a network of
/// [`Dense`](crate::Dense) layers from `IN` to `OUT` with batches of `B`, the multiply-adds of a unit are at most the
/// largest of
///
/// | | |
/// |---|---|
/// | a row of the batch through a layer, forward or backward | `IN OUT`, and 12 per number of an activation |
/// | the loss of a row | 12 per output, and 144 |
/// | the weights of one input, gradient summed over the batch | `OUT (B + 1 + 12 moments)`, for so many moments per weight |
/// | with an optimiser that stores a gradient: reading a layer's gradient | `IN OUT`; [`Private`]'s noise 48 times that |
/// | with a guard, or [`Private`]: the norm of a sample's gradient; a guard's copy of the network | `IN + OUT`; its parameters |
///
/// Units of a [`Conv2d`](crate::Conv2d) are a row of outputs, a row of inputs' gradients, and `F` weights' gradient: `F`
/// multiply-adds for each output pixel of the batch. [`BatchNorm`](crate::BatchNorm) has larger units: sixteen channels
/// (on microcontrollers one) of all pictures of the batch, four multiply-adds for each number. A layer of your own defines
/// its units through [`Pace`]. In a [`Frozen`](crate::Frozen) body, a row of the batch through all layers is one unit.
///
/// ```
/// use core::task::Poll;
/// use fusebox::{Budget, Dense, Init, Learner, Relu, Rng, Scratch, Seq, Sgd, Train, Zeroed};
///
/// type Net = Seq![Dense<2, 8, Relu>, Dense<8, 2>];
/// const { assert!(Learner::<Net, 4>::BYTES < 1536) } // a static, in `.bss`
/// let mut learner = Learner::<Net, 4>::new(Net::ZEROED);
/// learner.net_mut()?.init(Init::He, &mut Rng::new(1));
/// let mut scratch = Scratch::<Net, 1>::new();
/// let mut steps = 0;
/// for tick in 0..200_u32 {
///     // Each tick: read a sensor, infer, act; and then a little learning.
///     let x = [(tick & 1) as f32, (tick >> 1 & 1) as f32];
///     let mut y = [[0.0; 2]];
///     learner.net().infer(&[x], &mut scratch, &mut y)?;
///     if learner.is_busy() {
///         if let Poll::Ready(loss) = learner.poll(Budget::macs(100)) {
///             assert!(loss? < 2.0);
///             steps += 1;
///         }
///     } else {
///         learner.push((tick & 1) as u8, |row| *row = x)?;
///         if learner.rows() == 4 {
///             learner.start(Sgd::new(0.5))?;
///         }
///     }
/// }
/// assert!(steps > 5);
/// # Ok::<(), fusebox::Error>(())
/// ```
pub struct Learner<N, const B: usize, O = Sgd, L = CrossEntropy>
where
    N: Train + Copy,
    O: Optimizer,
    L: Loss<N::Output>,
{
    nets: Twin<N>,
    pub(super) workspace: Workspace<N, B, O, L>,
    pass: Pass,
    /// Finished units of the current pass.
    done: usize,
    losses: Losses,
    optimizer: Held<O>,
    sweep: Held<O::Sweep>,
}

/// The current pass of a step. The first variant, that of a new learner, is zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pass {
    Idle,
    Forward,
    Loss,
    Backward,
    /// The decision of a guard, or the computation of factors for clipping by sample.
    Check,
    /// A second backward pass, from clipped gradients.
    Again,
    Copy,
    Update,
    Remember,
}

/// An `Option` whose `Nothing` is all zeros for every `T`, so that a `static` learner is in `.bss`.
#[repr(C)]
enum Held<T> {
    Nothing,
    Value(T),
}

/// The arguments of the check between backward and update; `fresh` is set in the first slice of the check.
struct Check<'a, N: Train, const B: usize> {
    slice: &'a mut Slice,
    fresh: bool,
    passes: &'a mut Passes<N, B>,
    net: &'a mut N,
    xs: &'a [N::Input],
    weight: f32,
    mean: f32,
}

impl<N: Train + Copy, const B: usize, O: Optimizer, L: Loss<N::Output>> Learner<N, B, O, L> {
    /// Size of a learner in bytes: see [`Learner::MEMORY`].
    pub const BYTES: usize = size_of::<Self>();

    /// Bytes by kind: those of a workspace, with the parameters counted twice. The state of the step takes some
    /// hundred more.
    ///
    /// ```
    /// use fusebox::{Dense, Learner, Relu, Seq, Workspace};
    /// type Net = Seq![Dense<64, 32, Relu>, Dense<32, 10>];
    /// type Digits = Learner<Net, 32>;
    /// assert_eq!(Digits::MEMORY.parameters, 2 * 9640);
    /// assert!(Digits::BYTES <= Workspace::<Net, 32>::BYTES + 2 * 9640 + 128);
    /// ```
    pub const MEMORY: Memory = Memory { parameters: 2 * size_of::<N>(), ..Workspace::<N, B, O, L>::MEMORY };

    const NOT_PER_SAMPLE: () = assert!(!O::PER_SAMPLE, "this optimiser takes poll_private");

    /// A learner for the given loss. All zeros if the network and the loss are.
    ///
    /// ```
    /// use core::task::Poll;
    /// use fusebox::{Budget, Dense, Isa, Learner, Momentum, Mse, Zeroed};
    /// let mut line = Learner::<_, 2, Momentum, _>::with_loss(Dense::<1, 1>::ZEROED, Mse);
    /// line.push([3.0], |x| *x = [1.0])?;
    /// line.push([5.0], |x| *x = [2.0])?;
    /// line.start(Momentum::new(0.1, 0.9))?;
    /// let loss = line.poll_with(Isa::portable(), Budget::ALL);
    /// assert_eq!(loss, Poll::Ready(Ok(17.0))); // (9 + 25) / 2
    /// line.reset_optimizer()?; // its velocity
    /// # Ok::<(), fusebox::Error>(())
    /// ```
    pub const fn with_loss(net: N, loss: L) -> Self {
        Self {
            nets: Twin::new(net),
            workspace: Workspace::with_loss(loss),
            pass: Pass::Idle,
            done: 0,
            losses: Losses::NEW,
            optimizer: Held::Nothing,
            sweep: Held::Nothing,
        }
    }

    /// The network for inference: the result of the last finished step.
    pub fn net(&self) -> &N {
        self.nets.get()
    }

    /// The network for inference, mutable. Errors while a step is in progress.
    pub fn net_mut(&mut self) -> Result<&mut N, Error> {
        self.check_idle()?;
        Ok(self.nets.get_mut())
    }

    /// Whether a step is in progress.
    pub fn is_busy(&self) -> bool {
        self.pass != Pass::Idle
    }

    /// Rows staged so far.
    pub fn rows(&self) -> usize {
        self.workspace.staged.xs.0.len()
    }

    /// Stages a row for the next step: `fill` writes its input, which is all zeros at first.
    ///
    /// Errors, with nothing staged, if a step is in progress, `B` rows are staged already, or the target is invalid
    /// (such as a label that is not below the number of classes).
    pub fn push(&mut self, target: L::Target, fill: impl FnOnce(&mut N::Input)) -> Result<(), Error> {
        self.check_idle()?;
        self.workspace.loss.check(&target, self.rows())?;
        self.workspace.staged.push(target, fill)
    }

    /// Starts a step on the staged rows; [`Learner::poll`] does the work. Errors if a step is in progress, there are
    /// no rows, or fewer than [`Train::LEAST_ROWS`], a setting is out of range, or a row is not valid for the network
    /// ([`Layer::admits`](crate::Layer::admits)): [`Learner::cancel`] discards the rows. Compiles only if the sizes inside each
    /// layer match ([`Layer::CHECK`](crate::Layer::CHECK)).
    pub fn start(&mut self, optimizer: O) -> Result<(), Error> {
        const { N::CHECK }
        self.check_idle()?;
        optimizer.check()?;
        self.workspace.loss.settings()?;
        let (rows, targets) = (self.rows(), self.workspace.staged.targets.len());
        match rows {
            0 => return Err(Error::Empty),
            // A `fill` that panicked left a row without a target.
            _ if targets != rows => return Err(Error::Rows { expected: rows, got: targets }),
            _ => check_rows::<N>(rows)?,
        }
        N::admits(&self.workspace.staged.xs.0)?;
        self.losses = Losses::NEW;
        (self.pass, self.optimizer) = (Pass::Forward, Held::Value(optimizer));
        Ok(())
    }

    /// Runs a slice of the step. Returns [`Poll::Pending`] if the step is not ready yet, else the mean loss before
    /// the step. Then [`Learner::net`] is the updated network and no rows are staged.
    ///
    /// Errors if no step is in progress.
    pub fn poll(&mut self, budget: Budget) -> Poll<Result<f32, Error>> {
        self.poll_with(Isa::detect(), budget)
    }

    /// [`Learner::poll`] on the given instruction set.
    pub fn poll_with(&mut self, isa: Isa, budget: Budget) -> Poll<Result<f32, Error>> {
        const { Self::NOT_PER_SAMPLE }
        self.advance(isa, budget, |_| Ok(()))
    }

    /// Cancels the step in progress, if any, and discards the staged rows. The weights and the state of the optimiser
    /// and layers are as before [`Learner::start`].
    ///
    /// Errors once the step has reached its update, which changes the optimiser's state: then poll it to its end.
    ///
    /// ```
    /// use fusebox::{Budget, Dense, Learner, Sgd, Zeroed};
    /// let mut learner = Learner::<Dense<2, 2>, 4>::new(Dense::ZEROED);
    /// learner.push(1, |x| *x = [1.0, 2.0])?;
    /// learner.start(Sgd::new(0.1))?;
    /// assert!(learner.poll(Budget::rows(1)).is_pending());
    /// learner.cancel()?; // something better to do
    /// assert_eq!((learner.is_busy(), learner.rows()), (false, 0));
    /// # Ok::<(), fusebox::Error>(())
    /// ```
    pub fn cancel(&mut self) -> Result<(), Error> {
        if matches!(self.pass, Pass::Update | Pass::Remember) {
            return Err(Error::Busy);
        }
        self.end();
        Ok(())
    }

    /// [`Workspace::reset_optimizer`]. Errors while a step is in progress.
    pub fn reset_optimizer(&mut self) -> Result<(), Error> {
        self.check_idle()?;
        self.workspace.reset_optimizer();
        Ok(())
    }

    /// [`Workspace::validate`] for the network for inference. Errors while a step is in progress.
    pub fn validate(&mut self, xs: &[N::Input], targets: &[L::Target]) -> Result<f32, Error> {
        self.check_idle()?;
        self.workspace.validate(self.nets.get(), xs, targets)
    }

    fn check_idle(&self) -> Result<(), Error> {
        if self.is_busy() { Err(Error::Busy) } else { Ok(()) }
    }

    fn end(&mut self) {
        (self.pass, self.done) = (Pass::Idle, 0);
        (self.optimizer, self.sweep) = (Held::Nothing, Held::Nothing);
        self.workspace.staged.clear();
    }

    /// Runs pass after pass until the budget is used up.
    fn advance(
        &mut self,
        isa: Isa,
        budget: Budget,
        mut check: impl FnMut(Check<'_, N, B>) -> Result<(), Error>,
    ) -> Poll<Result<f32, Error>> {
        let mut slice = Slice::new(isa, budget);
        loop {
            slice.enter(self.done);
            if let Err(error) = self.pass(&mut slice, &mut check) {
                self.end();
                return Poll::Ready(Err(error));
            }
            if let Some(units) = slice.left_after() {
                self.done += units;
                return Poll::Pending;
            }
            self.done = 0;
            self.pass = match self.pass {
                Pass::Idle => return Poll::Ready(Err(Error::Idle)),
                Pass::Forward => Pass::Loss,
                Pass::Loss => Pass::Backward,
                Pass::Backward => Pass::Check,
                Pass::Check if O::PER_SAMPLE => Pass::Again,
                Pass::Check | Pass::Again => Pass::Copy,
                Pass::Copy => Pass::Update,
                Pass::Update => {
                    if self.next_sweep() {
                        continue;
                    }
                    Pass::Remember
                }
                Pass::Remember => {
                    self.nets.swap();
                    self.end();
                    return Poll::Ready(Ok(self.losses.mean));
                }
            };
        }
    }

    /// Runs a slice of the current pass.
    fn pass(
        &mut self,
        slice: &mut Slice,
        check: &mut impl FnMut(Check<'_, N, B>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let Workspace { loss, kept, staged, passes } = &mut self.workspace;
        let (xs, targets): (&[N::Input], &[L::Target]) = (&staged.xs.0, &staged.targets);
        match self.pass {
            Pass::Idle => {}
            Pass::Forward => passes.forward(slice, self.nets.get(), xs, Some(&kept.memory)),
            Pass::Loss => passes.loss(slice, loss, targets, &mut self.losses),
            Pass::Backward | Pass::Again => {
                passes.backward(slice, self.nets.get(), xs, InputGradient::unwanted());
            }
            Pass::Check => {
                let (fresh, mean, net) = (self.done == 0, self.losses.mean, self.nets.get_mut());
                return check(Check { slice, fresh, passes, net, xs, weight: loss.weight(targets), mean });
            }
            Pass::Copy => {
                let pieces = slice.take(Twin::<N>::PIECES, Twin::<N>::PIECE / size_of::<f32>());
                self.nets.copy(pieces);
            }
            Pass::Update => {
                if let (Held::Nothing, Held::Value(optimizer)) = (&self.sweep, &self.optimizer) {
                    let weight = weight::<O, _, _>(loss, targets);
                    self.sweep = Held::Value(optimizer.begin(&mut kept.progress, weight));
                }
                if let (Held::Value(sweep), (_, Some(spare))) = (&mut self.sweep, self.nets.spare()) {
                    passes.update::<_, O>(slice, spare, xs, sweep, &mut kept.state);
                }
            }
            Pass::Remember => {
                if let (_, Some(spare)) = self.nets.spare() {
                    passes.remember(slice, spare, xs, &mut kept.memory);
                }
            }
        }
        Ok(())
    }

    /// Starts the optimiser's next sweep, if there is one; returns whether there is.
    fn next_sweep(&mut self) -> bool {
        if let (Held::Value(optimizer), Held::Value(sweep)) =
            (&self.optimizer, core::mem::replace(&mut self.sweep, Held::Nothing))
            && let Some(next) = optimizer.next(&mut self.workspace.kept.progress, sweep)
        {
            self.sweep = Held::Value(next);
            return true;
        }
        false
    }
}

impl<N: Train + Copy, const B: usize, O: Optimizer, L: Loss<N::Output>> Learner<N, B, O, L> {
    /// [`Learner::poll`] with a [`Guard`], which rejects harmful steps. It decides between backward and update, so
    /// use this method for all polls of a step.
    ///
    /// Errors as [`Learner::poll`] does, and if the guard rejects the step, in the slice that finds out: the network
    /// and the optimiser's state are then unchanged, and the staged rows are discarded.
    ///
    /// ```
    /// use core::task::Poll;
    /// use fusebox::{Budget, Dense, Error, Guard, Learner, Sgd, Zeroed};
    /// let mut learner = Learner::<Dense<1, 2>, 1>::new(Dense::ZEROED);
    /// let mut guard = Guard::new();
    /// learner.push(1, |x| *x = [f32::NAN])?; // a broken sensor
    /// learner.start(Sgd::new(0.1))?;
    /// let refused = loop {
    ///     if let Poll::Ready(result) = learner.poll_guarded(Budget::rows(1), &mut guard) {
    ///         break result;
    ///     }
    /// };
    /// assert!(matches!(refused, Err(Error::Loss { .. })));
    /// assert_eq!(learner.net().bias, [0.0; 2]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn poll_guarded(&mut self, budget: Budget, guard: &mut Guard<N>) -> Poll<Result<f32, Error>> {
        self.poll_guarded_with(Isa::detect(), budget, guard)
    }

    /// [`Learner::poll_guarded`] on the given instruction set.
    pub fn poll_guarded_with(
        &mut self,
        isa: Isa,
        budget: Budget,
        guard: &mut Guard<N>,
    ) -> Poll<Result<f32, Error>> {
        const { Self::NOT_PER_SAMPLE }
        self.advance(isa, budget, |Check { slice, fresh, passes, net, xs, mean, .. }| {
            guard.check()?;
            let squares = passes.squares::<_, true>(slice, fresh, net, xs);
            // The guard copies the network.
            if slice.take_whole(count_of::<N>()) {
                guard.admit(mean, squares.iter().sum(), net)?;
            }
            Ok(())
        })
    }
}

impl<N: Train + Copy, const B: usize, O: Optimizer, L: Loss<N::Output>> Learner<N, B, Private<O>, L> {
    /// [`Learner::poll`] with clipping of each sample's gradient, and noise: see [`Private`].
    ///
    /// Errors as [`Learner::poll`] and [`Workspace::train_step_private`] do; the network and the optimiser's state
    /// are then unchanged, and the staged rows are discarded.
    ///
    /// ```
    /// use fusebox::{Budget, Dense, Learner, Private, Sgd, Zeroed};
    /// let mut learner = Learner::<Dense<1, 2>, 1, Private<Sgd>>::new(Dense::ZEROED);
    /// learner.push(1, |x| *x = [7.0])?;
    /// learner.start(Private::new(Sgd::new(1.0), 1.0, 0.0, 7))?; // without noise, to see the clipping
    /// while learner.poll_private(Budget::rows(1)).is_pending() {}
    /// assert!(learner.net().weight[0][1] <= 0.71);
    /// # Ok::<(), fusebox::Error>(())
    /// ```
    pub fn poll_private(&mut self, budget: Budget) -> Poll<Result<f32, Error>> {
        self.poll_private_with(Isa::detect(), budget)
    }

    /// [`Learner::poll_private`] on the given instruction set.
    pub fn poll_private_with(&mut self, isa: Isa, budget: Budget) -> Poll<Result<f32, Error>> {
        const { not_mixed::<N>() }
        let Held::Value(Private { gather, .. }) = self.optimizer else {
            return Poll::Ready(Err(Error::Idle));
        };
        self.advance(isa, budget, |Check { slice, fresh, passes, net, xs, weight, .. }| {
            passes.squares::<_, false>(slice, fresh, net, xs);
            // Clipping multiplies each number of the output gradient.
            if slice.take_whole(count_of::<N::Output>().saturating_mul(xs.len())) {
                passes.clip(xs.len(), weight, gather.clip)?;
            }
            Ok(())
        })
    }
}

impl<N: Train + Copy, const B: usize, O: Optimizer> Learner<N, B, O>
where
    CrossEntropy: Loss<N::Output>,
{
    /// A learner for [`CrossEntropy`](struct@crate::CrossEntropy). All zeros if the network is, so that a `static` of it is in `.bss`.
    pub const fn new(net: N) -> Self {
        Self::with_loss(net, CrossEntropy)
    }
}

/// Saves the network in use, and what a [`Workspace`] saves. Saving fails in the middle of a step; restoring ends a
/// step in progress.
impl<N: Train + Copy + Part, const B: usize, O: Optimizer, L: Loss<N::Output>> Part for Learner<N, B, O, L> {
    const BYTES: usize = <N as Part>::BYTES + <Workspace<N, B, O, L> as Part>::BYTES;
    const LAYOUT: u64 = layout("Learner", &[<N as Part>::LAYOUT, <Workspace<N, B, O, L> as Part>::LAYOUT]);

    fn write(&self, to: &mut Writer<'_>) -> Result<(), Error> {
        self.check_idle()?;
        self.net().write(to)?;
        self.workspace.write(to)
    }

    fn accepts(from: &mut Reader<'_>) -> bool {
        let net = N::accepts(from);
        <Workspace<N, B, O, L> as Part>::accepts(from) && net
    }

    fn read(&mut self, from: &mut Reader<'_>) {
        self.end();
        self.nets.get_mut().read(from);
        self.workspace.read(from);
    }
}

impl<N: Train + Copy, const B: usize, O: Optimizer, L: Loss<N::Output>> fmt::Debug for Learner<N, B, O, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Learner")
            .field("memory", &Self::MEMORY)
            .field("pass", &self.pass)
            .field("done", &self.done)
            .finish_non_exhaustive()
    }
}

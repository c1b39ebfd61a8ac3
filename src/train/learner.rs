//! A training step taken in slices, so that learning is never in the way of a control loop.
//!
//! The passes are those of `step.rs`, and each is a row of units, told by `pace.rs`. Between check and update stands one pass
//! more, copy: the network in use into the spare one, which is then changed, until the two change places.

use super::step::{Losses, Passes, not_mixed};
use super::{CrossEntropy, Guard, Loss, Memory, Optimizer, Private, Sgd, Workspace};
use crate::checkpoint::{Part, Reader, Writer};
use crate::layers::InputGradient;
use crate::memory::{Twin, count_of, layout};
use crate::pace::{Budget, Pace, Slice};
use crate::{Error, Isa, Train};
use core::fmt;
use core::task::Poll;

/// A network that learns in slices, and all the memory for it: a [`Workspace`], and the network twice, one to infer with
/// while the other is being changed.
///
/// A step is staged ([`Learner::push`]), started, and polled until it is ready; each poll does a slice of it. The weights,
/// the loss and what the optimiser keeps are those of [`Workspace::train_step`], bit for bit, whatever the budgets (with
/// [Helium](Isa::helium), where no number is subnormal). Until
/// the step is ready [`Learner::net`] is the old network, then the new one: never a mixture.
///
/// A slice does at least one unit of work, and at most the larger of its budget and one unit. For a network of
/// [`Dense`](crate::Dense) layers from `IN` to `OUT` in batches of `B`, no unit is more multiply-adds than the largest of
///
/// | | |
/// |---|---|
/// | a row of the batch through a layer, forward or back | `IN OUT`, and 12 for each number of a curve |
/// | the loss of a row | 12 for each output, and 144 |
/// | the weights of one input, whose gradient sums over the batch | `OUT (B + 1 + 12 moments)`, the optimiser keeping so many for each |
/// | with an optimiser that gathers: a look at a layer's gradient | `IN OUT`; [`Private`]'s noise 48 times that |
/// | with a guard, or [`Private`]: the norm of a sample's gradient; a guard's copy of the network | `IN + OUT`; its parameters |
///
/// A layer of your own says what its units are, through [`Pace`]; a [`Frozen`](crate::Frozen) body takes a row of the batch from
/// end to end.
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
    /// Units of the pass that are done.
    done: usize,
    losses: Losses,
    optimizer: Held<O>,
    sweep: Held<O::Sweep>,
}

/// Where a step is. The first, which a new learner is in, is a zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pass {
    Idle,
    Forward,
    Loss,
    Backward,
    /// What a guard, or clipping by sample, has to say.
    Check,
    /// Backward once more, from clipped gradients.
    Again,
    Copy,
    Update,
    Remember,
}

/// An `Option` whose `Nothing` is zeros whatever `T` is, so that a learner lies in `.bss`.
#[repr(C)]
enum Held<T> {
    Nothing,
    Value(T),
}

/// What stands between backward and update: given the slice, whether it is the first of the check, and what is known.
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
    /// Bytes of a learner: see [`Learner::MEMORY`].
    pub const BYTES: usize = size_of::<Self>();

    /// Bytes by kind: those of a workspace, and the parameters twice. Some hundred bytes more say where the step is.
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

    /// A learner for the loss given. Of a network of zeros, and a loss that is, it is all zeros.
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

    /// The network to infer with: as the last step that ended left it.
    pub fn net(&self) -> &N {
        self.nets.get()
    }

    /// The same, to be changed. Errors while a step is under way.
    pub fn net_mut(&mut self) -> Result<&mut N, Error> {
        self.check_idle()?;
        Ok(self.nets.get_mut())
    }

    /// Whether a step was started and has not ended.
    pub fn is_busy(&self) -> bool {
        self.pass != Pass::Idle
    }

    /// Rows staged so far.
    pub fn rows(&self) -> usize {
        self.workspace.staged.xs.0.len()
    }

    /// Stages a row for the next step: `fill` gets its input, all zeros, to write to.
    ///
    /// Errors, with nothing staged, while a step is under way, when there are `B` rows already, and when the loss refuses
    /// the target (a label that is no class).
    pub fn push(&mut self, target: L::Target, fill: impl FnOnce(&mut N::Input)) -> Result<(), Error> {
        self.check_idle()?;
        self.workspace.loss.check(&target, self.rows())?;
        self.workspace.staged.push(target, fill)
    }

    /// Starts a step on the rows staged. What it does is done by [`Learner::poll`]. Errors while a step is under way, when
    /// there are no rows, and when a setting is out of its range.
    pub fn start(&mut self, optimizer: O) -> Result<(), Error> {
        self.check_idle()?;
        optimizer.check()?;
        self.workspace.loss.settings()?;
        let (rows, targets) = (self.rows(), self.workspace.staged.targets.len());
        match rows {
            0 => return Err(Error::Empty),
            // A `fill` that panicked has left a row without a target.
            _ if targets != rows => return Err(Error::Rows { expected: rows, got: targets }),
            _ => {}
        }
        self.losses = Losses::NEW;
        (self.pass, self.optimizer) = (Pass::Forward, Held::Value(optimizer));
        Ok(())
    }

    /// Does a slice of the step. [`Poll::Pending`] if it is not ready yet; when it is, the mean loss before it. Then
    /// [`Learner::net`] has learnt, and the rows staged are gone.
    ///
    /// Errors when no step is under way.
    pub fn poll(&mut self, budget: Budget) -> Poll<Result<f32, Error>> {
        self.poll_with(Isa::detect(), budget)
    }

    /// [`Learner::poll`] on the instruction set given.
    pub fn poll_with(&mut self, isa: Isa, budget: Budget) -> Poll<Result<f32, Error>> {
        const { Self::NOT_PER_SAMPLE }
        self.advance(isa, budget, |_| Ok(()))
    }

    /// Gives up the step that is under way, if any, and the rows staged. The weights, and what the optimiser and the layers keep,
    /// are as they were before [`Learner::start`].
    ///
    /// Errors once the step has come to its update, which changes what the optimiser keeps: then it must be polled to its end.
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

    /// [`Workspace::reset_optimizer`]. Errors while a step is under way.
    pub fn reset_optimizer(&mut self) -> Result<(), Error> {
        self.check_idle()?;
        self.workspace.reset_optimizer();
        Ok(())
    }

    /// [`Workspace::validate`], of the network to infer with. Errors while a step is under way.
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

    /// Goes from pass to pass as far as the budget lasts.
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

    /// A slice of the pass that the step is in.
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
                    let weight = loss.weight(targets);
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

    /// Whether the optimiser wants another sweep, which then begins.
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
    /// [`Learner::poll`] behind a [`Guard`], which refuses a step that would do harm. It decides between backward and update:
    /// poll a step in this way from its start to its end.
    ///
    /// Errors as [`Learner::poll`] does, and when the guard refuses the step, in the slice that finds it: then the network
    /// and what the optimiser keeps are as they were, and the rows staged are gone.
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

    /// [`Learner::poll_guarded`] on the instruction set given.
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
            // A guard copies the network.
            if slice.take_whole(count_of::<N>()) {
                guard.admit(mean, squares.iter().sum(), net)?;
            }
            Ok(())
        })
    }
}

impl<N: Train + Copy, const B: usize, O: Optimizer, L: Loss<N::Output>> Learner<N, B, Private<O>, L> {
    /// [`Learner::poll`] with each sample's gradient clipped, and noise: see [`Private`].
    ///
    /// Errors as [`Learner::poll`] does, and as [`Workspace::train_step_private`] does; then the network and what the
    /// optimiser keeps are as they were, and the rows staged are gone.
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

    /// [`Learner::poll_private`] on the instruction set given.
    pub fn poll_private_with(&mut self, isa: Isa, budget: Budget) -> Poll<Result<f32, Error>> {
        const { not_mixed::<N>() }
        let Held::Value(Private { gather, .. }) = self.optimizer else {
            return Poll::Ready(Err(Error::Idle));
        };
        self.advance(isa, budget, |Check { slice, fresh, passes, net, xs, weight, .. }| {
            passes.squares::<_, false>(slice, fresh, net, xs);
            // Each number of the outputs' gradient is multiplied.
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
    /// A learner for [`CrossEntropy`]. Of a network of zeros, it is all zeros: a `static` of it lies in `.bss`.
    pub const fn new(net: N) -> Self {
        Self::with_loss(net, CrossEntropy)
    }
}

/// The network in use, and what a [`Workspace`] saves. In the middle of a step it cannot be saved; restoring ends a step that is
/// under way.
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

//! The memory for training, in addition to the network: a type whose size is known at compile time.

use super::step::{Kept, Passes, Step};
use super::{CrossEntropy, Guard, Loss, Optimizer, Private, Sgd};
use crate::checkpoint::{Part, Reader, Writer, read_numbers};
use crate::memory::{List, layout, numbers_mut};
use crate::pace::Whole;
use crate::{Aligned, Error, Isa, Plain, Train, Zeroed};
use core::fmt;
use core::slice::from_mut;

/// The memory to train a network of type `N` in batches of at most `B` rows with optimiser `O` and loss `L`.
///
/// Put it in a `static`, which is placed in `.bss`: the linker then reports an error if it does not fit.
///
/// ```
/// use fusebox::{Dense, Relu, Rng, Seq, Sgd, Workspace};
/// type Xor = Seq![Dense<2, 8, Relu>, Dense<8, 2>];
/// const { assert!(Workspace::<Xor, 4>::BYTES < 1024) }
///
/// let xs = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]];
/// let labels = [0, 1, 1, 0];
/// let mut net = Xor::he(&mut Rng::new(1));
/// let mut workspace = Workspace::<Xor, 4>::new();
/// let mut loss = f32::NAN;
/// for _ in 0..500 {
///     loss = workspace.train_step(&mut net, &xs, &labels, &Sgd::new(0.5))?;
/// }
/// assert!(loss < 0.01);
/// # Ok::<(), fusebox::Error>(())
/// ```
pub struct Workspace<N, const B: usize, O = Sgd, L = CrossEntropy>
where
    N: Train,
    O: Optimizer,
    L: Loss<N::Output>,
{
    /// The loss, with its settings if it has any.
    pub loss: L,
    pub(super) kept: Kept<N, O>,
    pub(super) staged: Staged<N, B, L>,
    pub(super) passes: Passes<N, B>,
}

/// Rows staged for training.
pub(super) struct Staged<N: Train, const B: usize, L: Loss<N::Output>> {
    pub(super) xs: Aligned<List<N::Input, B>>,
    pub(super) targets: List<L::Target, B>,
}

impl<N: Train, const B: usize, L: Loss<N::Output>> Staged<N, B, L> {
    pub(super) fn clear(&mut self) {
        self.xs.0.clear();
        self.targets.clear();
    }

    /// Adds a row, which `fill` writes. Errors if there are `B` rows already.
    pub(super) fn push(&mut self, target: L::Target, fill: impl FnOnce(&mut N::Input)) -> Result<(), Error> {
        let full = Error::Batch { expected: B, got: B.saturating_add(1) };
        fill(self.xs.0.push(Zeroed::ZEROED).ok_or(full)?);
        self.targets.push(target).ok_or(full)?;
        Ok(())
    }
}

/// Bytes by kind.
///
/// ```
/// use fusebox::{Dense, Relu, Seq, Workspace};
/// type Net = Seq![Dense<64, 32, Relu>, Dense<32, 10>];
/// let memory = Workspace::<Net, 32>::MEMORY;
/// assert_eq!(memory.parameters, 9640);
/// assert_eq!(memory.optimizer, 0); // plain gradient descent keeps nothing
/// println!("{memory}");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Memory {
    /// The network: weights and biases. Not part of the workspace.
    pub parameters: usize,
    /// Written by forward for backward: the outputs of every layer.
    pub tape: usize,
    /// Written by backward for update: the gradients with respect to those outputs.
    pub gradients: usize,
    /// State of the optimiser, and of layers such as dropout, between steps.
    pub optimizer: usize,
    /// Rows and targets staged for training.
    pub staging: usize,
}

impl Memory {
    /// The sum.
    ///
    /// ```
    /// use fusebox::{Dense, Workspace};
    /// const RAM: usize = Workspace::<Dense<4, 3>, 8>::MEMORY.total();
    /// const { assert!(RAM < 1024) }
    /// ```
    pub const fn total(&self) -> usize {
        self.parameters + self.tape + self.gradients + self.optimizer + self.staging
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { parameters, tape, gradients, optimizer, staging } = self;
        write!(
            f,
            "parameters {parameters} B, tape {tape} B, gradients {gradients} B, optimiser {optimizer} B, \
             staging {staging} B"
        )
    }
}

impl<N: Train, const B: usize, O: Optimizer, L: Loss<N::Output>> Workspace<N, B, O, L> {
    /// Size of a workspace in bytes: all kinds except the parameters, plus the loss's settings and alignment.
    pub const BYTES: usize = size_of::<Self>();

    /// Bytes by kind.
    pub const MEMORY: Memory = Memory {
        parameters: size_of::<N>(),
        tape: Passes::<N, B>::TAPE,
        gradients: Passes::<N, B>::GRADIENTS,
        optimizer: size_of::<Kept<N, O>>(),
        staging: size_of::<Staged<N, B, L>>(),
    };

    /// A workspace for the given loss.
    pub const fn with_loss(loss: L) -> Self {
        Self {
            loss,
            kept: Kept::NEW,
            staged: Staged { xs: Aligned(List::new()), targets: List::new() },
            passes: Passes::NEW,
        }
    }

    /// One step on a batch: forward, loss, backward, then the update of `net`. Returns the mean loss before the update.
    ///
    /// Errors, with nothing changed, if the batch is empty or larger than `B` or has fewer rows than
    /// [`Train::LEAST_ROWS`], the numbers of targets and rows differ, or a target is invalid for the loss (such as a label that is not below the number of classes).
    #[doc(alias = "fit")]
    pub fn train_step(
        &mut self,
        net: &mut N,
        xs: &[N::Input],
        targets: &[L::Target],
        optimizer: &O,
    ) -> Result<f32, Error> {
        self.train_step_with(Isa::detect(), net, xs, targets, optimizer)
    }

    /// [`Workspace::train_step`] on the given instruction set.
    ///
    /// ```
    /// # use fusebox::{Dense, Error, Isa, Rng, Seq, Sgd, Workspace, Zeroed};
    /// let mut net = Dense::<2, 2>::ZEROED;
    /// let mut workspace = Workspace::<_, 1>::new();
    /// let loss = workspace.train_step_with(Isa::portable(), &mut net, &[[1.0, 2.0]], &[1], &Sgd::new(0.1))?;
    /// assert_eq!(loss, std::f32::consts::LN_2);
    /// assert_eq!(net.bias, [-0.05, 0.05]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn train_step_with(
        &mut self,
        isa: Isa,
        net: &mut N,
        xs: &[N::Input],
        targets: &[L::Target],
        optimizer: &O,
    ) -> Result<f32, Error> {
        self.step(isa, xs, targets).train(net, optimizer)
    }

    /// One step on the next rows of an iterator, at most `B` of them. Pass `&mut iterator` to continue with the rest
    /// later.
    ///
    /// Errors as [`Workspace::train_step`] does; the rows taken are then lost, and `net` is unchanged.
    ///
    /// ```
    /// # use fusebox::{Dense, Error, Relu, Rng, Seq, Sgd, Workspace};
    /// # type Xor = Seq![Dense<2, 8, Relu>, Dense<8, 2>];
    /// # let mut net = Xor::he(&mut Rng::new(1));
    /// # let mut workspace = Workspace::<Xor, 4>::new();
    /// let mut rows = (0..6_u8).map(|i| ([f32::from(i & 1), f32::from(i >> 1 & 1)], (i ^ i >> 1) & 1));
    /// workspace.train_step_from(&mut net, &mut rows, &Sgd::new(0.5))?; // four rows
    /// workspace.train_step_from(&mut net, &mut rows, &Sgd::new(0.5))?; // two
    /// assert_eq!(workspace.train_step_from(&mut net, &mut rows, &Sgd::new(0.5)), Err(Error::Empty));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn train_step_from(
        &mut self,
        net: &mut N,
        rows: impl IntoIterator<Item = (N::Input, L::Target)>,
        optimizer: &O,
    ) -> Result<f32, Error> {
        let mut stage = self.stage();
        for (x, target) in rows.into_iter().take(B) {
            stage.push(target, |row| *row = x)?;
        }
        stage.train_step(net, optimizer)
    }

    /// Overwrites `dxs` with the gradient of the mean loss with respect to each row of `xs`: how strongly each input
    /// number affects the loss (saliency). Changes nothing else. Returns the mean loss.
    ///
    /// Errors, with `dxs` unchanged, as [`Workspace::train_step`] does, and if `dxs` has a different number of rows.
    ///
    /// Source: K. Simonyan and others, "Deep Inside Convolutional Networks", 2014, section 3.
    ///
    /// ```
    /// use fusebox::{Dense, Workspace, Zeroed};
    /// let mut net = Dense::<3, 2>::ZEROED;
    /// net.weight = [[0.0, 0.0], [1.0, -1.0], [0.5, -0.5]]; // the first input does not matter
    /// let mut dxs = [[f32::NAN; 3]];
    /// Workspace::<_, 1>::new().input_gradient(&net, &[[9.0, 0.0, 0.0]], &[0], &mut dxs)?;
    /// assert_eq!(dxs, [[0.0, -1.0, -0.5]]);
    /// # Ok::<(), fusebox::Error>(())
    /// ```
    pub fn input_gradient(
        &mut self,
        net: &N,
        xs: &[N::Input],
        targets: &[L::Target],
        dxs: &mut [N::Input],
    ) -> Result<f32, Error>
    where
        N::Input: Plain,
    {
        self.input_gradient_with(Isa::detect(), net, xs, targets, dxs)
    }

    /// [`Workspace::input_gradient`] on the given instruction set.
    pub fn input_gradient_with(
        &mut self,
        isa: Isa,
        net: &N,
        xs: &[N::Input],
        targets: &[L::Target],
        dxs: &mut [N::Input],
    ) -> Result<f32, Error>
    where
        N::Input: Plain,
    {
        self.step(isa, xs, targets).input_gradient(net, dxs)
    }

    /// Sets the optimiser's state to zero, for example after the parameters have been replaced. The noise of
    /// [`Private`] also starts again: give it another seed.
    ///
    /// ```
    /// use fusebox::{Dense, Momentum, Workspace, Zeroed};
    /// let mut net = Dense::<1, 2>::ZEROED;
    /// let mut workspace = Workspace::<_, 1, Momentum>::new();
    /// workspace.train_step(&mut net, &[[0.0]], &[1], &Momentum::new(1.0, 0.9))?;
    /// (net, _) = (Zeroed::ZEROED, workspace.reset_optimizer());
    /// workspace.train_step(&mut net, &[[0.0]], &[1], &Momentum::new(1.0, 0.9))?;
    /// assert_eq!(net.bias, [-0.5, 0.5]); // no velocity was left
    /// # Ok::<(), fusebox::Error>(())
    /// ```
    pub fn reset_optimizer(&mut self) {
        numbers_mut(from_mut(&mut self.kept.state)).fill(0.0);
        self.kept.progress = Zeroed::ZEROED;
    }

    /// Returns the mean loss of a network on any number of rows, `B` at a time, for validation: without dropout.
    /// Changes nothing: the following steps are the same as without the call.
    ///
    /// Errors if there are no rows, the numbers of targets and rows differ, or a target is invalid for the loss.
    ///
    /// ```
    /// use fusebox::{Dense, Workspace, Zeroed};
    /// let mut workspace = Workspace::<_, 2>::new();
    /// let loss = workspace.validate(&Dense::<1, 2>::ZEROED, &[[1.0]; 5], &[0, 1, 1, 0, 1])?;
    /// assert!((loss - std::f32::consts::LN_2).abs() < 1e-6);
    /// # Ok::<(), fusebox::Error>(())
    /// ```
    #[doc(alias = "evaluate")]
    pub fn validate(&mut self, net: &N, xs: &[N::Input], targets: &[L::Target]) -> Result<f32, Error> {
        self.validate_with(Isa::detect(), net, xs, targets)
    }

    /// [`Workspace::validate`] on the given instruction set.
    pub fn validate_with(
        &mut self,
        isa: Isa,
        net: &N,
        xs: &[N::Input],
        targets: &[L::Target],
    ) -> Result<f32, Error> {
        self.step(isa, xs, targets).validate(net)
    }

    /// The parts of a step.
    fn step<'a>(
        &'a mut self,
        isa: Isa,
        xs: &'a [N::Input],
        targets: &'a [L::Target],
    ) -> Step<'a, N, B, O, L> {
        let Self { loss, kept, passes, .. } = self;
        Step { pace: Whole::on(isa), loss, passes, kept, xs, targets }
    }

    /// Clears the staged rows, to be filled one by one, for example from bytes in flash or from a sensor.
    pub fn stage(&mut self) -> Stage<'_, N, B, O, L> {
        self.staged.clear();
        Stage { isa: Isa::detect(), workspace: self }
    }
}

impl<N: Train + Copy, const B: usize, O: Optimizer, L: Loss<N::Output>> Workspace<N, B, O, L> {
    /// [`Workspace::train_step`] with a [`Guard`], which rejects harmful steps.
    ///
    /// Errors, with nothing changed, as [`Workspace::train_step`] does, and if the loss or the gradient is not finite
    /// ([`Error::Loss`], [`Error::Gradient`]), or the loss is above the guard's limit.
    pub fn train_step_guarded(
        &mut self,
        net: &mut N,
        xs: &[N::Input],
        targets: &[L::Target],
        optimizer: &O,
        guard: &mut Guard<N>,
    ) -> Result<f32, Error> {
        self.train_step_guarded_with(Isa::detect(), net, xs, targets, optimizer, guard)
    }

    /// [`Workspace::train_step_guarded`] on the given instruction set.
    pub fn train_step_guarded_with(
        &mut self,
        isa: Isa,
        net: &mut N,
        xs: &[N::Input],
        targets: &[L::Target],
        optimizer: &O,
        guard: &mut Guard<N>,
    ) -> Result<f32, Error> {
        self.step(isa, xs, targets).train_guarded(net, optimizer, guard)
    }
}

impl<N: Train, const B: usize, O: Optimizer, L: Loss<N::Output>> Workspace<N, B, Private<O>, L> {
    /// [`Workspace::train_step`] with clipping of each sample's gradient, and noise: see [`Private`].
    ///
    /// Errors, with nothing changed, as [`Workspace::train_step`] does, and if the norm of a sample's gradient is not
    /// finite or its square overflows ([`Error::Gradient`]). Such an error is not private: it reveals something about
    /// that sample.
    pub fn train_step_private(
        &mut self,
        net: &mut N,
        xs: &[N::Input],
        targets: &[L::Target],
        optimizer: &Private<O>,
    ) -> Result<f32, Error> {
        self.train_step_private_with(Isa::detect(), net, xs, targets, optimizer)
    }

    /// [`Workspace::train_step_private`] on the given instruction set.
    pub fn train_step_private_with(
        &mut self,
        isa: Isa,
        net: &mut N,
        xs: &[N::Input],
        targets: &[L::Target],
        optimizer: &Private<O>,
    ) -> Result<f32, Error> {
        self.step(isa, xs, targets).train_private(net, optimizer)
    }
}

/// Saves the state of the optimiser and the layers, not the loss's settings or staged rows. (Independent of the batch
/// size.)
impl<N: Train, const B: usize, O: Optimizer, L: Loss<N::Output>> Part for Workspace<N, B, O, L> {
    const BYTES: usize = size_of::<N::State<O>>() + size_of::<O::Progress>() + size_of::<N::Memory>();
    const LAYOUT: u64 = layout("Workspace", &[N::LAYOUT, O::LAYOUT, <Self as Part>::BYTES as u64]);

    fn write(&self, to: &mut Writer<'_>) -> Result<(), Error> {
        let Kept { state, progress, memory } = &self.kept;
        to.put(state.as_bytes());
        to.put(progress.as_bytes());
        to.put(memory.as_bytes());
        Ok(())
    }

    fn read(&mut self, from: &mut Reader<'_>) {
        let Kept { state, progress, memory } = &mut self.kept;
        read_numbers(state, from);
        read_numbers(progress, from);
        read_numbers(memory, from);
    }
}

impl<N: Train, const B: usize, O: Optimizer> Workspace<N, B, O>
where
    CrossEntropy: Loss<N::Output>,
{
    /// A workspace for [`CrossEntropy`](struct@crate::CrossEntropy).
    pub const fn new() -> Self {
        Self::with_loss(CrossEntropy)
    }
}

impl<N: Train, const B: usize, O: Optimizer> Default for Workspace<N, B, O>
where
    CrossEntropy: Loss<N::Output>,
{
    fn default() -> Self {
        Self::new()
    }
}

impl<N: Train, const B: usize, O: Optimizer, L: Loss<N::Output>> fmt::Debug for Workspace<N, B, O, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Workspace").field("memory", &Self::MEMORY).finish_non_exhaustive()
    }
}

/// The staged rows of a [`Workspace`], while they are being filled.
///
/// ```
/// use fusebox::{Dense, Relu, Rng, Seq, Sgd, Workspace};
/// type Net = Seq![Dense<2, 8, Relu>, Dense<8, 2>];
/// static FLASH: [([u8; 2], u8); 2] = [([0, 255], 1), ([255, 255], 0)];
/// let mut net = Net::he(&mut Rng::new(1));
/// let mut workspace = Workspace::<Net, 4>::new();
/// let mut stage = workspace.stage();
/// for (pixels, label) in &FLASH {
///     stage.push(*label, |x| *x = pixels.map(|p| f32::from(p) / 255.0))?;
/// }
/// let loss = stage.train_step(&mut net, &Sgd::new(0.1))?;
/// assert!(loss > 0.0);
/// # Ok::<(), fusebox::Error>(())
/// ```
pub struct Stage<'a, N: Train, const B: usize, O: Optimizer, L: Loss<N::Output>> {
    isa: Isa,
    workspace: &'a mut Workspace<N, B, O, L>,
}

impl<N: Train, const B: usize, O: Optimizer, L: Loss<N::Output>> Stage<'_, N, B, O, L> {
    /// Adds a row: `fill` writes its input, which is all zeros at first. Errors if there are `B` rows already.
    pub fn push(&mut self, target: L::Target, fill: impl FnOnce(&mut N::Input)) -> Result<(), Error> {
        self.workspace.staged.push(target, fill)
    }

    /// Rows staged so far.
    pub fn rows(&self) -> usize {
        self.workspace.staged.xs.0.len()
    }

    /// The same rows, with the step run on the given instruction set.
    ///
    /// ```
    /// # use fusebox::{Dense, Error, Isa, Rng, Seq, Sgd, Workspace, Zeroed};
    /// let mut net = Dense::<2, 2>::ZEROED;
    /// let mut workspace = Workspace::<_, 1>::new();
    /// let mut stage = workspace.stage();
    /// stage.push(1, |x| *x = [1.0, 2.0])?;
    /// assert_eq!(stage.rows(), 1);
    /// assert_eq!(stage.push(0, |_| ()), Err(Error::Batch { expected: 1, got: 2 }));
    /// stage.on(Isa::portable()).train_step(&mut net, &Sgd::new(0.1))?;
    /// assert_eq!(net.bias, [-0.05, 0.05]);
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub fn on(self, isa: Isa) -> Self {
        Self { isa, ..self }
    }

    /// The parts of a step.
    fn step(&mut self) -> Step<'_, N, B, O, L> {
        let Workspace { loss, kept, staged, passes } = &mut *self.workspace;
        Step { pace: Whole::on(self.isa), loss, passes, kept, xs: &staged.xs.0, targets: &staged.targets }
    }

    /// One step on the staged rows: see [`Workspace::train_step`].
    pub fn train_step(mut self, net: &mut N, optimizer: &O) -> Result<f32, Error> {
        self.step().train(net, optimizer)
    }

    /// One step on the staged rows, with a guard: see [`Workspace::train_step_guarded`].
    ///
    /// ```
    /// # use fusebox::{Dense, Error, Guard, Sgd, Workspace, Zeroed};
    /// let (mut net, mut guard) = (Dense::<1, 2>::ZEROED, Guard::new());
    /// let mut workspace = Workspace::<_, 1>::new();
    /// let mut stage = workspace.stage();
    /// stage.push(1, |x| *x = [f32::NAN])?;
    /// let refused = stage.train_step_guarded(&mut net, &Sgd::new(0.1), &mut guard);
    /// assert!(matches!(refused, Err(Error::Loss { .. })));
    /// assert_eq!(net.bias, [0.0; 2]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn train_step_guarded(
        mut self,
        net: &mut N,
        optimizer: &O,
        guard: &mut Guard<N>,
    ) -> Result<f32, Error>
    where
        N: Copy,
    {
        self.step().train_guarded(net, optimizer, guard)
    }
}

impl<N: Train, const B: usize, O: Optimizer, L: Loss<N::Output>> Stage<'_, N, B, Private<O>, L> {
    /// One private step on the staged rows: see [`Workspace::train_step_private`].
    ///
    /// ```
    /// # use fusebox::{Dense, Error, Private, Sgd, Workspace, Zeroed};
    /// let mut net = Dense::<1, 2>::ZEROED;
    /// let mut workspace = Workspace::<_, 1, Private<Sgd>>::new();
    /// let mut stage = workspace.stage();
    /// stage.push(1, |x| *x = [1.0])?;
    /// let optimizer = Private::new(Sgd::new(1.0), 0.1, 0.0, 1); // clipped, without noise
    /// stage.train_step_private(&mut net, &optimizer)?;
    /// assert!((net.bias[1] - 0.05).abs() < 1e-6); // of the gradient's four numbers, each 0.5
    /// # Ok::<(), Error>(())
    /// ```
    pub fn train_step_private(mut self, net: &mut N, optimizer: &Private<O>) -> Result<f32, Error> {
        self.step().train_private(net, optimizer)
    }
}

impl<N: Train, const B: usize, O: Optimizer, L: Loss<N::Output>> fmt::Debug for Stage<'_, N, B, O, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stage").field("rows", &self.rows()).finish_non_exhaustive()
    }
}

//! A training step, pass by pass, each at the caller's pace.
//!
//! ```text
//! forward    rows of the batch, layer by layer
//! loss       the loss and its gradient
//! backward   rows of the batch, from the last layer to the first
//! check      a guard's decision, or clipping by sample; nothing has changed so far
//! update     the optimiser's sweeps over the parameters
//! remember   the layers' state between steps
//! ```

use super::{Guard, Loss, Optimizer, Private};
use crate::layers::{InputGradient, check_batch};
use crate::memory::numbers_mut;
use crate::optimizers::Norms;
use crate::pace::{Pace, Whole};
use crate::{Aligned, Derivative, Error, Plain, Train, Zeroed};
use core::slice::from_mut;

/// The data passed from forward to backward to update.
pub(super) struct Passes<N: Train, const B: usize> {
    tape: Aligned<[N::Tape; B]>,
    ys: Aligned<[N::Output; B]>,
    gradients: Aligned<[N::Gradients; B]>,
    dys: Aligned<[N::Output; B]>,
}

/// State between steps: the optimiser's for each parameter and for the network as a whole, and the layers'.
#[derive(Clone, Copy)]
#[repr(C)]
pub(super) struct Kept<N: Train, O: Optimizer> {
    pub(super) state: N::State<O>,
    pub(super) progress: O::Progress,
    pub(super) memory: N::Memory,
}

impl<N: Train, O: Optimizer> Kept<N, O> {
    pub(super) const NEW: Self =
        Self { state: Zeroed::ZEROED, progress: Zeroed::ZEROED, memory: Zeroed::ZEROED };
}

/// The sum of the batch's losses so far, and their mean once all are known.
#[derive(Clone, Copy)]
pub(super) struct Losses {
    sums: [f32; 16],
    pub(super) mean: f32,
}

impl Losses {
    pub(super) const NEW: Self = Self { sums: [0.0; 16], mean: 0.0 };
}

impl<N: Train, const B: usize> Passes<N, B> {
    pub(super) const NEW: Self =
        Self { tape: Zeroed::ZEROED, ys: Zeroed::ZEROED, gradients: Zeroed::ZEROED, dys: Zeroed::ZEROED };

    /// Bytes written by forward.
    pub(super) const TAPE: usize = size_of::<Aligned<[N::Tape; B]>>() + size_of::<Aligned<[N::Output; B]>>();

    /// Bytes written by backward.
    pub(super) const GRADIENTS: usize =
        size_of::<Aligned<[N::Gradients; B]>>() + size_of::<Aligned<[N::Output; B]>>();

    /// The forward pass at a pace. Without `memory`, layers behave as in inference.
    #[inline]
    pub(super) fn forward<P: Pace>(
        &mut self,
        pace: &mut P,
        net: &N,
        xs: &[N::Input],
        memory: Option<&N::Memory>,
    ) {
        let rows = xs.len().min(B);
        net.forward(pace, xs, memory, &mut self.tape.0[..rows], &mut self.ys.0[..rows]);
    }

    /// The loss, and its gradient multiplied by the last layer's derivative.
    #[inline]
    pub(super) fn loss<P: Pace, L: Loss<N::Output>>(
        &mut self,
        pace: &mut P,
        loss: &L,
        targets: &[L::Target],
        losses: &mut Losses,
    ) {
        let rows = targets.len().min(B);
        let (ys, dys) = (&self.ys.0[..rows], &mut self.dys.0[..rows]);
        if let Some(mean) = loss.paced(pace, ys, targets, dys, &mut losses.sums) {
            losses.mean = mean;
        }
        if pace.take_whole(size_of_val(dys) / size_of::<f32>()) {
            N::derivative(&self.tape.0[..rows], ys).apply(pace.isa(), dys);
        }
    }

    #[inline]
    pub(super) fn backward<P: Pace>(
        &mut self,
        pace: &mut P,
        net: &N,
        xs: &[N::Input],
        dx: InputGradient<'_, N::Input>,
    ) {
        let rows = xs.len().min(B);
        let (tape, gradients) = (&self.tape.0[..rows], &mut self.gradients.0[..rows]);
        net.backward(pace, xs, tape, &self.dys.0[..rows], gradients, dx);
    }

    /// One of the optimiser's sweeps.
    #[inline]
    pub(super) fn update<P: Pace, O: Optimizer>(
        &self,
        pace: &mut P,
        net: &mut N,
        xs: &[N::Input],
        sweep: &mut O::Sweep,
        state: &mut N::State<O>,
    ) {
        let rows = xs.len().min(B);
        let (tape, dys, gradients) = (&self.tape.0[..rows], &self.dys.0[..rows], &self.gradients.0[..rows]);
        net.update::<O, P>(pace, xs, tape, dys, gradients, sweep, state);
    }

    #[inline]
    pub(super) fn remember<P: Pace>(
        &self,
        pace: &mut P,
        net: &mut N,
        xs: &[N::Input],
        memory: &mut N::Memory,
    ) {
        net.remember(pace, xs, &self.tape.0[..xs.len().min(B)], memory);
    }

    /// The squared norm of each row's gradient, written over the outputs, which are no longer needed; with `FINITE`,
    /// numbers that are finite only if the norms are. Zeroed first if `fresh`. The parameters are unchanged.
    pub(super) fn squares<P: Pace, const FINITE: bool>(
        &mut self,
        pace: &mut P,
        fresh: bool,
        net: &mut N,
        xs: &[N::Input],
    ) -> &mut [f32] {
        let rows = xs.len().min(B);
        let mut squares = room_for_squares(&mut self.ys.0, rows);
        if fresh {
            squares.fill(0.0);
        }
        let (tape, dys, gradients) = (&self.tape.0[..rows], &self.dys.0[..rows], &self.gradients.0[..rows]);
        let mut nothing = <N::State<Norms<'_, FINITE>> as Zeroed>::ZEROED;
        net.update::<Norms<'_, FINITE>, P>(pace, xs, tape, dys, gradients, &mut squares, &mut nothing);
        room_for_squares(&mut self.ys.0, rows)
    }

    /// Clips each row's gradient of the sum of losses to norm `clip`, given [`Passes::squares`], and divides it by the number of
    /// rows in place of their weight, by scaling `dys`; backward then runs again. Errors if a squared norm is not finite, because
    /// no factor could make that gradient finite.
    pub(super) fn clip(&mut self, rows: usize, weight: f32, clip: f32) -> Result<(), Error> {
        let factors = room_for_squares(&mut self.ys.0, rows);
        if let Some(square) = factors.iter().find(|square| !square.is_finite()) {
            return Err(Error::Gradient { got: square.classify() });
        }
        // 1, unless the loss weights rows.
        let share = weight / rows as f32;
        for (factor, dy) in factors.iter().zip(&mut self.dys.0) {
            let norm = weight * libm::sqrtf(*factor);
            let factor = if norm > clip { clip / norm * share } else { share };
            for dy in numbers_mut(from_mut(dy)) {
                *dy *= factor;
            }
        }
        Ok(())
    }
}

/// The memory of the outputs as one number per row. (Outputs without numbers have no room, and no gradient.)
fn room_for_squares<T: Plain>(ys: &mut [T], rows: usize) -> &mut [f32] {
    let squares = numbers_mut(ys);
    let rows = rows.min(squares.len());
    &mut squares[..rows]
}

/// Errors unless there are 1 to `B` rows, as many targets, and all targets are valid for the loss.
pub(super) fn check<N: Train, L: Loss<N::Output>, const B: usize>(
    loss: &L,
    xs: &[N::Input],
    targets: &[L::Target],
) -> Result<(), Error> {
    const { N::CHECK }
    loss.settings()?;
    check_batch::<B>(xs.len())?;
    if targets.len() != xs.len() {
        return Err(Error::Rows { expected: xs.len(), got: targets.len() });
    }
    N::admits(xs)?;
    targets.iter().enumerate().try_for_each(|(row, target)| loss.check(target, row))
}

/// Errors if a layer needs more rows to train on.
pub(super) const fn check_rows<N: Train>(got: usize) -> Result<(), Error> {
    let expected = N::LEAST_ROWS;
    if got < expected { Err(Error::FewRows { expected, got }) } else { Ok(()) }
}

/// A whole step: a workspace's parts, and a batch.
pub(super) struct Step<'a, N: Train, const B: usize, O: Optimizer, L: Loss<N::Output>> {
    pub(super) pace: Whole,
    pub(super) loss: &'a L,
    pub(super) passes: &'a mut Passes<N, B>,
    pub(super) kept: &'a mut Kept<N, O>,
    pub(super) xs: &'a [N::Input],
    pub(super) targets: &'a [L::Target],
}

impl<N: Train, const B: usize, O: Optimizer, L: Loss<N::Output>> Step<'_, N, B, O, L> {
    const NOT_PER_SAMPLE: () = assert!(!O::PER_SAMPLE, "this optimiser takes train_step_private");

    /// Checks, forward, loss and backward. Returns the mean loss; `net` is unchanged.
    #[inline]
    fn learn(&mut self, net: &N, looking: bool, dx: InputGradient<'_, N::Input>) -> Result<f32, Error> {
        check::<N, L, B>(self.loss, self.xs, self.targets)?;
        if !looking {
            check_rows::<N>(self.xs.len())?;
        }
        let mut losses = Losses::NEW;
        let memory = (!looking).then_some(&self.kept.memory);
        self.passes.forward(&mut self.pace, net, self.xs, memory);
        self.passes.loss(&mut self.pace, self.loss, self.targets, &mut losses);
        self.passes.backward(&mut self.pace, net, self.xs, dx);
        Ok(losses.mean)
    }

    /// The optimiser's sweeps on the gradients of [`Step::learn`], then the layers' memory.
    #[inline]
    fn update(&mut self, net: &mut N, optimizer: &O) {
        let Self { pace, loss, passes, kept, xs, targets } = self;
        let mut sweep = Some(optimizer.begin(&mut kept.progress, weight::<O, _, _>(*loss, targets)));
        while let Some(mut now) = sweep {
            passes.update::<_, O>(pace, net, xs, &mut now, &mut kept.state);
            sweep = optimizer.next(&mut kept.progress, now);
        }
        passes.remember(pace, net, xs, &mut kept.memory);
    }

    #[inline]
    pub(super) fn train(&mut self, net: &mut N, optimizer: &O) -> Result<f32, Error> {
        const { Self::NOT_PER_SAMPLE }
        optimizer.check()?;
        let mean = self.learn(net, false, InputGradient::unwanted())?;
        self.update(net, optimizer);
        Ok(mean)
    }

    pub(super) fn train_guarded(
        &mut self,
        net: &mut N,
        optimizer: &O,
        guard: &mut Guard<N>,
    ) -> Result<f32, Error>
    where
        N: Copy,
    {
        const { Self::NOT_PER_SAMPLE }
        optimizer.check()?;
        guard.check()?;
        let mean = self.learn(net, false, InputGradient::unwanted())?;
        // If every sample's norm is finite, every number of the gradient is finite.
        let squares = self.passes.squares::<_, true>(&mut self.pace, true, net, self.xs).iter().sum();
        guard.admit(mean, squares, net)?;
        self.update(net, optimizer);
        Ok(mean)
    }

    pub(super) fn input_gradient(&mut self, net: &N, dxs: &mut [N::Input]) -> Result<f32, Error>
    where
        N::Input: Plain,
    {
        if dxs.len() != self.xs.len() {
            return Err(Error::Rows { expected: self.xs.len(), got: dxs.len() });
        }
        self.learn(net, true, InputGradient::into(dxs, Derivative::One))
    }

    /// The mean loss of any number of rows, `B` at a time.
    pub(super) fn validate(&mut self, net: &N) -> Result<f32, Error> {
        check::<N, L, { usize::MAX }>(self.loss, self.xs, self.targets)?;
        if B == 0 {
            return Err(Error::Batch { expected: 0, got: self.xs.len() });
        }
        let mut all = [0.0; 2];
        for (xs, targets) in self.xs.chunks(B).zip(self.targets.chunks(B)) {
            let mut losses = Losses::NEW;
            self.passes.forward(&mut self.pace, net, xs, None);
            self.passes.loss(&mut self.pace, self.loss, targets, &mut losses);
            if xs.len() == self.xs.len() {
                return Ok(losses.mean);
            }
            let weight = self.loss.weight(targets);
            all = [all[0] + weight * losses.mean, all[1] + weight];
        }
        let [sum, weight] = all;
        Ok(if weight > 0.0 { sum / weight } else { 0.0 })
    }
}

impl<N: Train, const B: usize, O: Optimizer, L: Loss<N::Output>> Step<'_, N, B, Private<O>, L> {
    pub(super) fn train_private(&mut self, net: &mut N, optimizer: &Private<O>) -> Result<f32, Error> {
        const { not_mixed::<N>() }
        optimizer.check()?;
        let mean = self.learn(net, false, InputGradient::unwanted())?;
        self.passes.squares::<_, false>(&mut self.pace, true, net, self.xs);
        let weight = self.loss.weight(self.targets);
        self.passes.clip(self.xs.len(), weight, optimizer.gather.clip)?;
        self.passes.backward(&mut self.pace, net, self.xs, InputGradient::unwanted());
        self.update(net, optimizer);
        Ok(mean)
    }
}

/// What an optimiser divides a batch's gradient by. With privacy, all rows: their weight is known by their targets only.
pub(super) fn weight<O: Optimizer, Output: Plain, L: Loss<Output>>(loss: &L, targets: &[L::Target]) -> f32 {
    if O::PER_SAMPLE { targets.len() as f32 } else { loss.weight(targets) }
}

/// Compiles only if each sample has its own gradient.
pub(super) const fn not_mixed<N: Train>() {
    assert!(!N::MIXES_SAMPLES, "a layer mixes the samples of a batch: no private training");
}

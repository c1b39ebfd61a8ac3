//! A training step: forward, loss, backward; then, if nothing speaks against it, the optimiser's sweeps.

use super::{Guard, Loss, Optimizer, Private};
use crate::layer::{InputGradient, check_batch, scale_each};
use crate::memory::numbers_mut;
use crate::{Aligned, Derivative, Error, Isa, PerSample, Plain, Slice, Train, Zeroed};

/// What passes from forward to backward to update.
pub(super) struct Passes<N: Train, const B: usize> {
    pub(super) tape: N::Tape<B>,
    pub(super) ys: Aligned<[N::Output; B]>,
    pub(super) gradients: N::Gradients<B>,
    pub(super) dys: Aligned<[N::Output; B]>,
}

/// What the optimiser keeps: for each parameter, and for the network as a whole.
pub(super) struct Kept<N: Train, O: Optimizer> {
    pub(super) state: N::State<O>,
    pub(super) progress: O::Progress,
}

impl<N: Train, O: Optimizer> Kept<N, O> {
    pub(super) const NEW: Self = Self { state: Zeroed::ZEROED, progress: Zeroed::ZEROED };
}

impl<N: Train, const B: usize> Passes<N, B> {
    pub(super) const NEW: Self =
        Self { tape: Zeroed::ZEROED, ys: Zeroed::ZEROED, gradients: Zeroed::ZEROED, dys: Zeroed::ZEROED };

    /// Bytes of what forward leaves.
    pub(super) const TAPE: usize = size_of::<N::Tape<B>>() + size_of::<Aligned<[N::Output; B]>>();

    /// Bytes of what backward leaves.
    pub(super) const GRADIENTS: usize = size_of::<N::Gradients<B>>() + size_of::<Aligned<[N::Output; B]>>();

    /// Forward, loss and backward, once the batch is checked. Returns the mean loss; `net` is as it was.
    #[inline]
    pub(super) fn learn<L: Loss<N::Output>>(
        &mut self,
        isa: Isa,
        loss: &L,
        net: &N,
        xs: &[N::Input],
        targets: &[L::Target],
        dxs: Option<&mut [N::Input]>,
    ) -> Result<f32, Error> {
        check_batch::<B>(xs.len())?;
        if targets.len() != xs.len() {
            return Err(Error::Rows { expected: xs.len(), got: targets.len() });
        }
        for (row, target) in targets.iter().enumerate() {
            loss.check(target, row)?;
        }
        let rows = xs.len().min(B);
        let (ys, dys) = (&mut self.ys.0[..rows], &mut self.dys.0[..rows]);
        net.forward(isa, xs, &mut self.tape, ys);
        let mean = loss.gradient(isa, ys, targets, dys);
        N::derivative(&self.tape, ys).apply(isa, dys);
        let dx = match dxs {
            Some(dxs) => InputGradient::into(dxs, Derivative::One),
            None => InputGradient::unwanted(),
        };
        net.backward(isa, xs, &self.tape, dys, &mut self.gradients, dx);
        Ok(mean)
    }

    /// The optimiser's sweeps on what [`Passes::learn`] left for the same `xs`.
    #[inline]
    fn update<O: Optimizer>(
        &self,
        isa: Isa,
        net: &mut N,
        xs: &[N::Input],
        optimizer: &O,
        kept: &mut Kept<N, O>,
    ) {
        let dys = &self.dys.0[..xs.len().min(B)];
        let mut sweep = Some(optimizer.begin(&mut kept.progress, dys.len()));
        while let Some(mut now) = sweep {
            net.update::<O, B>(isa, xs, &self.tape, dys, &self.gradients, &mut now, &mut kept.state);
            sweep = optimizer.next(&mut kept.progress, now);
        }
    }
}

impl<N: PerSample, const B: usize> Passes<N, B> {
    /// The square of the norm of each row's share of the gradient that [`Passes::learn`] left, in the memory of the outputs,
    /// which nobody needs any more.
    fn squares(&mut self, isa: Isa, net: &N, xs: &[N::Input]) -> &mut [f32] {
        let rows = xs.len().min(B);
        let squares = room_for_squares(&mut self.ys.0, rows);
        squares.fill(0.0);
        net.add_norms(isa, xs, &self.tape, &self.dys.0[..rows], &self.gradients, squares);
        squares
    }

    /// A part of the same, the first of all if `fresh`. Returns the squares as far as they are known.
    pub(super) fn squares_slice(
        &mut self,
        isa: Isa,
        slice: &mut Slice,
        fresh: bool,
        net: &N,
        xs: &[N::Input],
    ) -> &mut [f32] {
        let rows = xs.len().min(B);
        let squares = room_for_squares(&mut self.ys.0, rows);
        if fresh {
            squares.fill(0.0);
        }
        net.add_norms_slice(isa, slice, xs, &self.tape, &self.dys.0[..rows], &self.gradients, squares);
        squares
    }

    /// Scales each row's share of the gradient of the sum of losses down to norm `clip`, if it is longer. Errors when the
    /// square of a share's norm is not finite: no factor makes numbers of it.
    fn clip(&mut self, isa: Isa, net: &N, xs: &[N::Input], clip: f32) -> Result<(), Error> {
        self.squares(isa, net, xs);
        self.clip_by_squares(xs.len(), clip)
    }

    /// The same for `rows` rows, once [`Passes::squares`] are there.
    pub(super) fn clip_by_squares(&mut self, rows: usize, clip: f32) -> Result<(), Error> {
        let factors = room_for_squares(&mut self.ys.0, rows);
        let rows = rows as f32;
        if let Some(square) = factors.iter().find(|square| !square.is_finite()) {
            return Err(Error::Gradient { got: square.classify() });
        }
        for factor in factors.iter_mut() {
            let norm = rows * libm::sqrtf(*factor);
            *factor = if norm <= clip { 1.0 } else { clip / norm };
        }
        N::scale_rows(factors, &mut self.gradients);
        scale_each(factors, &mut self.dys.0);
        Ok(())
    }
}

/// The memory of the outputs as room for a number a row. (Outputs without numbers have no room, and no gradient.)
fn room_for_squares<T: Plain>(ys: &mut [T], rows: usize) -> &mut [f32] {
    let squares = numbers_mut(ys);
    let rows = rows.min(squares.len());
    &mut squares[..rows]
}

/// A workspace's parts, as a step takes them.
pub(super) struct Step<'a, N: Train, const B: usize, O: Optimizer, L> {
    pub(super) loss: &'a L,
    pub(super) passes: &'a mut Passes<N, B>,
    pub(super) kept: &'a mut Kept<N, O>,
}

impl<N: Train, const B: usize, O: Optimizer, L: Loss<N::Output>> Step<'_, N, B, O, L> {
    const NOT_PER_SAMPLE: () = assert!(!O::PER_SAMPLE, "this optimiser takes train_step_private");

    #[inline]
    pub(super) fn train_step(
        &mut self,
        isa: Isa,
        net: &mut N,
        xs: &[N::Input],
        targets: &[L::Target],
        optimizer: &O,
    ) -> Result<f32, Error> {
        const { Self::NOT_PER_SAMPLE }
        let mean = self.passes.learn(isa, self.loss, net, xs, targets, None)?;
        self.passes.update(isa, net, xs, optimizer, self.kept);
        Ok(mean)
    }
}

impl<N: PerSample + Clone, const B: usize, O: Optimizer, L: Loss<N::Output>> Step<'_, N, B, O, L> {
    pub(super) fn train_step_guarded(
        &mut self,
        isa: Isa,
        net: &mut N,
        xs: &[N::Input],
        targets: &[L::Target],
        optimizer: &O,
        guard: &mut Guard<N>,
    ) -> Result<f32, Error> {
        const { Self::NOT_PER_SAMPLE }
        let mean = self.passes.learn(isa, self.loss, net, xs, targets, None)?;
        // Finite norms of every sample bound every number of the gradient.
        let squares: f32 = self.passes.squares(isa, net, xs).iter().sum();
        guard.admit(mean, squares, net)?;
        self.passes.update(isa, net, xs, optimizer, self.kept);
        Ok(mean)
    }
}

impl<N: PerSample, const B: usize, O: Optimizer, L: Loss<N::Output>> Step<'_, N, B, Private<O>, L> {
    pub(super) fn train_step_private(
        &mut self,
        isa: Isa,
        net: &mut N,
        xs: &[N::Input],
        targets: &[L::Target],
        optimizer: &Private<O>,
    ) -> Result<f32, Error> {
        optimizer.gather.check()?;
        let mean = self.passes.learn(isa, self.loss, net, xs, targets, None)?;
        self.passes.clip(isa, net, xs, optimizer.gather.clip)?;
        self.passes.update(isa, net, xs, optimizer, self.kept);
        Ok(mean)
    }
}

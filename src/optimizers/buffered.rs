//! Optimisers that must see all gradients before they move anything. Only these have a gradient in memory, as part of
//! their state: a first sweep gathers, and if the step is due the sweeps after it let another optimiser move.

use super::elementwise::columns;
use super::{Optimizer, Sgd};
use crate::kernel::elementwise::{Scale, SumOfSquares};
use crate::kernel::update::descend_product;
use crate::layer::part_mut;
use crate::memory::numbers_mut;
use crate::{Isa, Mat, MatMut, Plain, Slice, Zeroed};
use core::slice::from_mut;

/// Another optimiser on gradients that are gathered first. The forms it comes in are [`ClipNorm`], [`Accumulate`] and
/// [`Private`](super::Private). Keeps a gradient and what the other keeps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Buffered<G, O> {
    /// What happens to the gradients.
    pub gather: G,
    /// The optimiser that gets them.
    pub optimizer: O,
}

/// What happens to gradients between their making and their use.
pub trait Gather {
    /// Kept from step to step.
    type Progress: Zeroed;
    /// Kept through the gathering sweep.
    type Pass;
    /// See [`Optimizer::PER_SAMPLE`].
    const PER_SAMPLE: bool = false;

    /// The sweep for a batch of `rows`.
    fn begin(&self, progress: &mut Self::Progress, rows: usize) -> Self::Pass;

    /// Whether the buffers are emptied first, and what the batch's gradients are multiplied by before they are added.
    fn plan(pass: &Self::Pass) -> (bool, f32);

    /// What [`Gather::see`] counts as, in multiply-adds for each number.
    const MACS: usize = 0;

    /// Sees, and may change, the gathered gradient of an array of parameters.
    fn see(_pass: &mut Self::Pass, _isa: Isa, _gradient: &mut [f32]) {}

    /// What the gradients are multiplied by and how many rows they are from, if the step is due.
    fn end(&self, progress: &mut Self::Progress, pass: Self::Pass) -> Option<(f32, usize)>;
}

/// One pass over all parameters.
#[derive(Clone, Copy, Debug)]
pub enum Sweep<P, S> {
    /// Leaves the gradients in their buffers.
    Gather(P),
    /// Hands them on.
    Apply {
        /// Multiplied by this.
        factor: f32,
        /// To this.
        sweep: S,
    },
}

impl<G: Gather, O: Optimizer> Buffered<G, O> {
    /// A sweep on an array of parameters whose gradient `add` adds to the buffer, multiplied by a number.
    #[inline(always)]
    fn sweep<P: Plain>(
        sweep: &mut Sweep<G::Pass, O::Sweep>,
        isa: Isa,
        parameters: &mut P,
        (gradient, state): &mut (P, O::State<P>),
        add: impl FnOnce(&mut <Sgd as Optimizer>::Sweep, &mut P),
    ) {
        match sweep {
            Sweep::Gather(pass) => {
                let (fresh, weight) = G::plan(pass);
                if fresh {
                    numbers_mut(from_mut(gradient)).fill(0.0);
                }
                // Descent the other way.
                add(&mut Sgd::new(-weight).begin(&mut (), 1), gradient);
                G::see(pass, isa, numbers_mut(from_mut(gradient)));
            }
            Sweep::Apply { factor, sweep } => {
                if *factor != 1.0 {
                    isa.call(Scale { factor: *factor, xs: numbers_mut(from_mut(gradient)) });
                }
                O::step(sweep, isa, gradient, parameters, state);
            }
        }
    }
}

impl<G: Gather, O: Optimizer> Optimizer for Buffered<G, O> {
    type State<P: Zeroed> = (P, O::State<P>);
    type Progress = (G::Progress, O::Progress);
    type Sweep = Sweep<G::Pass, O::Sweep>;

    const PER_SAMPLE: bool = G::PER_SAMPLE || O::PER_SAMPLE;

    fn begin(&self, progress: &mut Self::Progress, rows: usize) -> Self::Sweep {
        Sweep::Gather(self.gather.begin(&mut progress.0, rows))
    }

    fn next(&self, progress: &mut Self::Progress, sweep: Self::Sweep) -> Option<Self::Sweep> {
        match sweep {
            Sweep::Gather(pass) => {
                let (factor, rows) = self.gather.end(&mut progress.0, pass)?;
                Some(Sweep::Apply { factor, sweep: self.optimizer.begin(&mut progress.1, rows) })
            }
            // The first of them has multiplied the buffers.
            Sweep::Apply { sweep, .. } => {
                let sweep = self.optimizer.next(&mut progress.1, sweep)?;
                Some(Sweep::Apply { factor: 1.0, sweep })
            }
        }
    }

    fn step<P: Plain>(
        sweep: &mut Self::Sweep,
        isa: Isa,
        gradient: &P,
        parameters: &mut P,
        state: &mut Self::State<P>,
    ) {
        Self::sweep(sweep, isa, parameters, state, |ascent, buffer| {
            Sgd::step(ascent, isa, gradient, buffer, &mut ());
        });
    }

    fn step_product<const IN: usize, const OUT: usize>(
        sweep: &mut Self::Sweep,
        isa: Isa,
        xs: &[[f32; IN]],
        dys: &[[f32; OUT]],
        weight: &mut [[f32; OUT]; IN],
        state: &mut Self::State<[[f32; OUT]; IN]>,
    ) {
        Self::sweep(sweep, isa, weight, state, |ascent, buffer| {
            Sgd::step_product(ascent, isa, xs, dys, buffer, &mut ());
        });
    }

    fn step_rows<const OUT: usize>(
        sweep: &mut Self::Sweep,
        isa: Isa,
        dys: &[[f32; OUT]],
        bias: &mut [f32; OUT],
        state: &mut Self::State<[f32; OUT]>,
    ) {
        Self::sweep(sweep, isa, bias, state, |ascent, buffer| {
            Sgd::step_rows(ascent, isa, dys, buffer, &mut ());
        });
    }

    /// Gathering goes by rows of weights; what looks at a gradient, or multiplies it, takes the array as one unit.
    fn step_product_slice<const IN: usize, const OUT: usize>(
        slice: &mut Slice,
        sweep: &mut Self::Sweep,
        isa: Isa,
        xs: &[[f32; IN]],
        dys: &[[f32; OUT]],
        weight: &mut [[f32; OUT]; IN],
        (gradient, state): &mut Self::State<[[f32; OUT]; IN]>,
    ) {
        match sweep {
            Sweep::Gather(pass) => {
                let (fresh, factor) = G::plan(pass);
                let rows = slice.take(IN, OUT * (dys.len() + 1));
                let buffer = part_mut(gradient, &rows);
                if fresh {
                    numbers_mut(buffer).fill(0.0);
                }
                let (xs, buffer) = (columns(xs, &rows), MatMut::of_rows(buffer));
                descend_product(isa, xs.t(), Mat::of_rows(dys), buffer, -factor);
                if G::MACS != 0 && slice.take_whole(IN * OUT * G::MACS) {
                    G::see(pass, isa, numbers_mut(from_mut(gradient)));
                }
            }
            Sweep::Apply { factor, sweep } => {
                if *factor != 1.0 && slice.take_whole(IN * OUT) {
                    isa.call(Scale { factor: *factor, xs: numbers_mut(from_mut(gradient)) });
                }
                O::step_slice(slice, sweep, isa, gradient, weight, state);
            }
        }
    }
}

/// Another optimiser on gradients whose norm, over all parameters together, is at most a number: a longer gradient is
/// scaled down to it. Keeps a gradient and what the other keeps. The number is `gather.norm`, to be changed between steps as
/// you like.
///
/// A gradient so long that the square of its norm overflows is scaled down to zero. One that is not finite is not mended: NaN moves every parameter to NaN. See [`Guard`](crate::Guard) for that.
///
/// Source: R. Pascanu and others, "On the difficulty of training recurrent neural networks", 2013, algorithm 1.
///
/// ```
/// use fusebox::{ClipNorm, Dense, Sgd, Workspace, Zeroed};
/// let mut net = Dense::<1, 2>::ZEROED;
/// let mut workspace = Workspace::<_, 1, ClipNorm<Sgd>>::new();
/// // The gradient is 0.5 (-1, 1) for the bias and 7 times that for the weights: its norm is 5.
/// workspace.train_step(&mut net, &[[7.0]], &[1], &ClipNorm::new(Sgd::new(1.0), 1.0))?;
/// let (weight, bias) = (net.weight[0][1], net.bias[1]);
/// assert!((weight - 0.7).abs() < 1e-6 && (bias - 0.1).abs() < 1e-7);
/// # Ok::<(), fusebox::Error>(())
/// ```
pub type ClipNorm<O> = Buffered<Shorten, O>;

/// Scales a gradient down: what makes [`ClipNorm`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shorten {
    /// To this norm, if it is longer.
    pub norm: f32,
}

impl<O> ClipNorm<O> {
    /// `optimizer` on gradients of norm `norm` at most.
    pub const fn new(optimizer: O, norm: f32) -> Self {
        Self { gather: Shorten { norm }, optimizer }
    }
}

impl Gather for Shorten {
    type Progress = ();
    /// The sum of squares, and the rows.
    type Pass = (f32, usize);

    const MACS: usize = 1;

    fn begin(&self, (): &mut (), rows: usize) -> (f32, usize) {
        (0.0, rows)
    }

    fn plan(_: &(f32, usize)) -> (bool, f32) {
        (true, 1.0)
    }

    fn see((squares, _): &mut (f32, usize), isa: Isa, gradient: &mut [f32]) {
        *squares += isa.call(SumOfSquares(gradient));
    }

    fn end(&self, (): &mut (), (squares, rows): (f32, usize)) -> Option<(f32, usize)> {
        let norm = libm::sqrtf(squares);
        Some((if norm > self.norm { self.norm / norm } else { 1.0 }, rows))
    }
}

/// Another optimiser on the mean gradient of several batches: it moves the parameters once in so many steps, as it would
/// in one step on all their rows together. Keeps a gradient and what the other keeps. How many is `gather.batches`.
///
/// ```
/// use fusebox::{Accumulate, Dense, Sgd, Workspace, Zeroed};
/// let mut net = Dense::<1, 2>::ZEROED;
/// let mut workspace = Workspace::<_, 1, Accumulate<Sgd>>::new();
/// let optimizer = Accumulate::new(Sgd::new(1.0), 2);
/// workspace.train_step(&mut net, &[[1.0]], &[1], &optimizer)?;
/// assert_eq!(net.weight, [[0.0, 0.0]]);
/// workspace.train_step(&mut net, &[[3.0]], &[1], &optimizer)?;
/// assert_eq!(net.weight, [[-1.0, 1.0]]); // (0.5 + 1.5) / 2
/// # Ok::<(), fusebox::Error>(())
/// ```
pub type Accumulate<O> = Buffered<Batches, O>;

/// Adds the gradients of several batches: what makes [`Accumulate`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batches {
    /// How many; 0 counts as 1.
    pub batches: u32,
}

impl<O> Accumulate<O> {
    /// `optimizer` on the mean of `batches` batches.
    pub const fn new(optimizer: O, batches: u32) -> Self {
        Self { gather: Batches { batches }, optimizer }
    }
}

impl Gather for Batches {
    /// Batches and rows gathered.
    type Progress = (u32, usize);
    /// Whether the batch is the first, and its rows.
    type Pass = (bool, f32);

    fn begin(&self, (batches, all): &mut (u32, usize), rows: usize) -> (bool, f32) {
        let first = *batches == 0;
        (*batches, *all) = (batches.saturating_add(1), all.saturating_add(rows));
        (first, rows as f32)
    }

    fn plan(&(first, rows): &(bool, f32)) -> (bool, f32) {
        (first, rows)
    }

    fn end(&self, progress: &mut (u32, usize), _: (bool, f32)) -> Option<(f32, usize)> {
        let (batches, rows) = *progress;
        if batches < self.batches {
            return None;
        }
        *progress = (0, 0);
        Some((1.0 / rows as f32, rows))
    }
}

//! Optimisers that need all gradients before they change a parameter. They store a gradient as part of their state:
//! the first sweep accumulates it, and if the step is due, the following sweeps run another optimiser on it.

use super::{Formed, Gradient, Optimizer, settings};
use crate::kernel::elementwise::{InPlace, Scale, SumOfSquares};
use crate::memory::{layout, numbers_mut};
use crate::pace::Pace;
use crate::{Error, Isa, Pair, Plain};
use core::slice::from_mut;

/// Runs another optimiser on a stored gradient. Its forms are [`ClipNorm`], [`Accumulate`] and
/// [`Private`](super::Private). State: a gradient, and the other optimiser's state.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Buffered<G, O> {
    /// What is done to the gradient.
    pub gather: G,
    /// The optimiser that gets the gradient.
    pub optimizer: O,
}

/// What is done to the gradient before the optimiser gets it.
pub trait Gather {
    /// State from step to step.
    type Progress: Plain;
    /// State during the accumulating sweep.
    type Sweep;
    /// See [`Optimizer::PER_SAMPLE`].
    const PER_SAMPLE: bool = false;
    /// See [`Optimizer::LAYOUT`].
    const NAME: u64;

    /// See [`Optimizer::check`].
    fn check(&self) -> Result<(), Error>;

    /// Starts the sweep for a batch of weight `weight`.
    fn begin(&self, progress: &mut Self::Progress, weight: f32) -> Self::Sweep;

    /// Whether to zero the buffers first, and the factor of the batch's gradients when they are added.
    fn plan(sweep: &Self::Sweep) -> (bool, f32);

    /// The cost of [`Gather::see`] per number, in multiply-adds.
    const MACS: usize = 0;

    /// Reads, and may change, the accumulated gradient of an array of parameters.
    fn see(_sweep: &mut Self::Sweep, _isa: Isa, _gradient: &mut [f32]) {}

    /// If the step is due: two factors to multiply the gradients by, one after the other, and the weight of the rows
    /// that the gradients are from.
    fn end(&self, progress: &mut Self::Progress, sweep: Self::Sweep) -> Option<([f32; 2], f32)>;
}

/// One pass over all parameters.
#[derive(Clone, Copy, Debug)]
pub enum Sweep<P, S> {
    /// Accumulates gradients in the buffers.
    Gather(P),
    /// Runs the other optimiser on them.
    Apply {
        /// The gradients are first multiplied by these.
        factors: [f32; 2],
        /// The other optimiser's sweep.
        sweep: S,
    },
}

impl<G: Gather, O: Optimizer> Optimizer for Buffered<G, O> {
    type State<P: Plain> = Pair<P, O::State<P>>;
    type Progress = Pair<G::Progress, O::Progress>;
    type Sweep = Sweep<G::Sweep, O::Sweep>;

    const PER_SAMPLE: bool = G::PER_SAMPLE || O::PER_SAMPLE;
    const LAYOUT: u64 = layout("Buffered", &[G::NAME, O::LAYOUT]);

    fn check(&self) -> Result<(), Error> {
        self.gather.check()?;
        self.optimizer.check()
    }

    fn begin(&self, progress: &mut Self::Progress, weight: f32) -> Self::Sweep {
        Sweep::Gather(self.gather.begin(&mut progress.0, weight))
    }

    fn next(&self, progress: &mut Self::Progress, sweep: Self::Sweep) -> Option<Self::Sweep> {
        match sweep {
            Sweep::Gather(sweep) => {
                let (factors, weight) = self.gather.end(&mut progress.0, sweep)?;
                Some(Sweep::Apply { factors, sweep: self.optimizer.begin(&mut progress.1, weight) })
            }
            // The first `Apply` sweep has already scaled the buffers.
            Sweep::Apply { sweep, .. } => {
                let sweep = self.optimizer.next(&mut progress.1, sweep)?;
                Some(Sweep::Apply { factors: [1.0; 2], sweep })
            }
        }
    }

    /// Accumulating uses the gradient's units; reading or scaling a gradient takes the whole array as one unit.
    fn step<P: Plain, H: Gradient<P>, Q: Pace>(
        pace: &mut Q,
        sweep: &mut Self::Sweep,
        gradient: H,
        parameters: &mut P,
        Pair(buffer, state): &mut Self::State<P>,
    ) {
        match sweep {
            Sweep::Gather(sweep) => {
                let (fresh, factor) = G::plan(sweep);
                gradient.add_to(pace, fresh, factor, buffer);
                let gradient = numbers_mut(from_mut(buffer));
                if G::MACS != 0 && pace.take_whole(gradient.len() * G::MACS) {
                    G::see(sweep, pace.isa(), gradient);
                }
            }
            Sweep::Apply { factors, sweep } => {
                for &factor in factors.iter().filter(|&&factor| factor != 1.0) {
                    let xs = numbers_mut(from_mut(buffer));
                    if pace.take_whole(xs.len()) {
                        pace.isa().call_in_parts(InPlace { function: Scale { factor }, xs });
                    }
                }
                if H::IS_OFFSET {
                    O::step(pace, sweep, Formed::of_offsets(buffer), parameters, state);
                } else {
                    O::step(pace, sweep, Formed::of(buffer), parameters, state);
                }
            }
        }
    }
}

/// Runs another optimiser on gradients clipped by norm: a gradient whose norm over all parameters is above
/// `gather.norm` is scaled down to it. State: a gradient, and the other optimiser's state. `gather.norm` may be
/// changed between steps.
///
/// A gradient that is not finite is not repaired: NaN sets every parameter to NaN. To prevent that, see
/// [`Guard`](crate::Guard).
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
pub type ClipNorm<O> = Buffered<MaxNorm, O>;

/// Scales a gradient down to a largest norm: see [`ClipNorm`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MaxNorm {
    /// The largest norm.
    pub norm: f32,
}

impl<O> ClipNorm<O> {
    /// `optimizer` on gradients clipped to norm `norm`.
    pub const fn new(optimizer: O, norm: f32) -> Self {
        Self { gather: MaxNorm { norm }, optimizer }
    }
}

/// Computes the norm of a gradient, one array at a time.
#[derive(Clone, Copy, Debug)]
pub struct Length {
    /// The sum of squares; after an overflow, the sum of squares of the numbers times [`TINY`].
    squares: f32,
    overflowed: bool,
    weight: f32,
}

/// 2^-96: the sum of squares of finite numbers scaled by it does not overflow, and what underflows is negligible
/// beside a number whose square overflows.
const TINY: f32 = f32::from_bits((127 - 96) << 23);
/// 2^-48.
const ROOT_OF_TINY: f32 = f32::from_bits((127 - 48) << 23);

impl Gather for MaxNorm {
    type Progress = ();
    type Sweep = Length;

    const MACS: usize = 1;
    const NAME: u64 = layout("ClipNorm", &[]);

    fn check(&self) -> Result<(), Error> {
        settings::limit("norm", self.norm)
    }

    fn begin(&self, (): &mut (), weight: f32) -> Length {
        Length { squares: 0.0, overflowed: false, weight }
    }

    fn plan(_: &Length) -> (bool, f32) {
        (true, 1.0)
    }

    fn see(length: &mut Length, isa: Isa, gradient: &mut [f32]) {
        if !length.overflowed {
            let squares = length.squares + isa.call(SumOfSquares(gradient));
            if squares != f32::INFINITY {
                length.squares = squares;
                return;
            }
            // One factor at a time: their product is 0.
            length.squares = length.squares * TINY * TINY;
            length.overflowed = true;
        }
        let square = |x: &f32| (x * TINY) * (x * TINY);
        length.squares += gradient.iter().map(square).sum::<f32>();
    }

    fn end(&self, (): &mut (), length: Length) -> Option<([f32; 2], f32)> {
        let norm = libm::sqrtf(length.squares);
        let factors = match length.overflowed {
            false if norm > self.norm => [self.norm / norm, 1.0],
            true if norm * (1.0 / TINY) > self.norm => {
                let factor = self.norm / norm;
                // Two factors, if one would be subnormal.
                let parts = if factor * TINY >= f32::MIN_POSITIVE { [TINY, 1.0] } else { [ROOT_OF_TINY; 2] };
                [factor * parts[0], parts[1]]
            }
            _ => [1.0; 2],
        };
        Some((factors, length.weight))
    }
}

/// Runs another optimiser on the mean gradient of `gather.batches` batches: it updates the parameters once per so
/// many steps, as in one step on all their rows. State: a gradient, and the other optimiser's state.
///
/// A layer that mixes the samples of a batch, [`BatchNorm`](crate::BatchNorm), normalises every batch by that batch's own
/// statistics, not by those of all of them, and updates its running statistics with each.
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

/// Adds the gradients of several batches: see [`Accumulate`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batches {
    /// The number of batches; 0 counts as 1.
    pub batches: u32,
}

impl<O> Accumulate<O> {
    /// `optimizer` on the mean of `batches` batches.
    pub const fn new(optimizer: O, batches: u32) -> Self {
        Self { gather: Batches { batches }, optimizer }
    }
}

impl Gather for Batches {
    /// Batches accumulated, and the weight of their rows.
    type Progress = Pair<u32, f32>;
    /// Whether this batch is the first, and its weight.
    type Sweep = (bool, f32);

    const NAME: u64 = layout("Accumulate", &[]);

    fn check(&self) -> Result<(), Error> {
        Ok(())
    }

    fn begin(&self, Pair(batches, all): &mut Pair<u32, f32>, weight: f32) -> (bool, f32) {
        let first = *batches == 0;
        (*batches, *all) = (batches.saturating_add(1), *all + weight);
        (first, weight)
    }

    fn plan(&(first, weight): &(bool, f32)) -> (bool, f32) {
        (first, weight)
    }

    fn end(&self, progress: &mut Pair<u32, f32>, _: (bool, f32)) -> Option<([f32; 2], f32)> {
        let Pair(batches, weight) = *progress;
        if batches < self.batches {
            return None;
        }
        *progress = Pair(0, 0.0);
        // Rows with a total weight of zero have a zero gradient.
        let factor = if weight > 0.0 { 1.0 / weight } else { 0.0 };
        Some(([factor, 1.0], weight))
    }
}

//! Differentially private SGD: no sample changes the parameters by more than the noise hides.
//!
//! ```text
//! g_i   = the gradient of sample i's loss                 scaled down to norm C if it is longer
//! g     = (sum g_i + N(0, (sigma C)^2)) / rows            passed to the optimiser
//! ```
//!
//! All rows count, those that the loss leaves out too, or weighs: how many those are would tell of their targets.
//!
//! The norms need no stored gradients: a dense layer's gradient for one sample is an outer product, so that
//! `|dW_i|^2 = |x_i|^2 |dy_i|^2` (I. Goodfellow, "Efficient Per-Example Gradient Computations", 2015). Scaling the rows of
//! `dy` then scales each sample's contribution to the product that is the batch's gradient.
//!
//! Source: M. Abadi and others, "Deep Learning with Differential Privacy", 2016, algorithm 1.

use super::buffered::{Buffered, Gather};
use super::settings;
use crate::memory::{count, layout};
use crate::pace::FUNCTION;
use crate::{Error, Isa, Rng};

/// Runs another optimiser on gradients to which each sample contributes at most a norm of `clip`, with Gaussian noise
/// of standard deviation `noise * clip` added to their sum. State: a gradient, and the other optimiser's state. Use
/// it with [`Workspace::train_step_private`](crate::Workspace::train_step_private): the other steps do not clip by
/// sample and do not compile with it. Its settings are `gather.clip`, `gather.noise` and `gather.seed`.
///
/// # Guarantee
///
/// (epsilon, delta)-differential privacy for adding or removing one sample, with `epsilon` given below: an observer
/// of all intermediate weights learns little about whether any one sample was in the data. The seed must be secret
/// and used once. Another workspace, or the same after
/// [`Workspace::reset_optimizer`](crate::Workspace::reset_optimizer), starts with the same noise, and two steps with
/// the same noise reveal the difference of their gradients. The generator is not cryptographic, and noise of finite
/// precision leaks slightly more than the formula says (I. Mironov, "On Significance of the Least Significant Bits
/// for Differential Privacy", 2012). The number of rows in a batch is assumed to be public; what a loss leaves out of
/// them ([`Ignoring`](crate::Ignoring)) or weighs is not, so the sum is divided by the number of all rows. The returned
/// losses are not private: do not publish them.
///
/// ```
/// use fusebox::{Dense, Private, Sgd, Workspace, Zeroed};
/// let mut net = Dense::<1, 2>::ZEROED;
/// let mut workspace = Workspace::<_, 2, Private<Sgd>>::new();
/// let optimizer = Private::new(Sgd::new(1.0), 1.0, 0.0, 7); // no noise, to see the clipping
/// // Both samples' gradients are clipped to norm 1, however far the second lies out.
/// workspace.train_step_private(&mut net, &[[7.0], [7000.0]], &[1, 1], &optimizer)?;
/// assert!(net.weight[0][1] <= 0.71);
/// # Ok::<(), fusebox::Error>(())
/// ```
///
/// ```compile_fail,E0080
/// use fusebox::{Dense, Private, Sgd, Workspace, Zeroed};
/// let mut net = Dense::<1, 2>::ZEROED;
/// let mut workspace = Workspace::<_, 2, Private<Sgd>>::new();
/// let optimizer = Private::new(Sgd::new(1.0), 1.0, 0.5, 7);
/// // "this optimiser takes train_step_private"
/// workspace.train_step(&mut net, &[[7.0]], &[1], &optimizer).unwrap();
/// ```
pub type Private<O> = Buffered<Noise, O>;

/// Adds noise to gradients of clipped samples: see [`Private`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Noise {
    /// The largest norm of a sample's contribution.
    pub clip: f32,
    /// The standard deviation of the noise on the sum, as a multiple of `clip`.
    pub noise: f32,
    /// The seed of the noise.
    pub seed: u64,
}

impl<O> Private<O> {
    /// `optimizer` on samples' gradients clipped to the norm `clip`, with noise of standard deviation `noise * clip`.
    pub const fn new(optimizer: O, clip: f32, noise: f32, seed: u64) -> Self {
        Self { gather: Noise { clip, noise, seed }, optimizer }
    }

    /// The epsilon of (epsilon, delta)-differential privacy after `steps` steps, each of which may use every sample.
    ///
    /// A step is the Gaussian mechanism of sensitivity `clip`, which is rho-zCDP with rho = 1 / (2 noise^2). rho adds
    /// up over steps, and epsilon = rho + 2 sqrt(rho ln(1 / delta)). Infinite without noise, or if `delta` is not
    /// between 0 and 1. Batches drawn at random from a larger set are more private than this; the bound does not
    /// account for that.
    ///
    /// Source: M. Bun and T. Steinke, "Concentrated Differential Privacy: Simplifications, Extensions, and Lower Bounds",
    /// 2016, propositions 1.3 and 1.6, lemma 1.7.
    ///
    /// ```
    /// use fusebox::{Private, Sgd};
    /// let optimizer = Private::new(Sgd::new(0.1), 1.0, 20.0, 7);
    /// // rho = 100 / 800 = 0.125, ln(1 / delta) = 11.51: 0.125 + 2 sqrt(1.439)
    /// assert!((optimizer.epsilon(100, 1e-5) - 2.524).abs() < 1e-3);
    /// assert_eq!(Private::new(Sgd::new(0.1), 1.0, 0.0, 7).epsilon(1, 1e-5), f32::INFINITY);
    /// ```
    pub fn epsilon(&self, steps: u32, delta: f32) -> f32 {
        let noise = self.gather.noise;
        if !(noise > 0.0 && delta > 0.0 && delta < 1.0) {
            return f32::INFINITY;
        }
        let rho = steps as f32 / (2.0 * noise * noise);
        rho + 2.0 * libm::sqrtf(-rho * libm::logf(delta))
    }
}

/// 2^-64: the smallest number that a radius is drawn from.
const SMALLEST: f32 = f32::from_bits((127 - 64) << 23);

/// The noise generator of one sweep.
#[derive(Clone, Debug)]
pub struct Source {
    rng: Rng,
    /// Of the noise on the mean.
    deviation: f32,
    rows: f32,
}

impl Gather for Noise {
    /// Steps made, the low half first: each step has its own stream.
    type Progress = [u32; 2];
    type Sweep = Source;

    const PER_SAMPLE: bool = true;
    const MACS: usize = 4 * FUNCTION;
    const NAME: u64 = layout("Private", &[]);

    /// Other settings would not be private.
    fn check(&self) -> Result<(), Error> {
        settings::positive("clip", self.clip)?;
        settings::not_negative("noise", self.noise)
    }

    /// The weight is the number of rows.
    fn begin(&self, steps: &mut [u32; 2], rows: f32) -> Source {
        let deviation = self.noise * self.clip / rows;
        Source { rng: Rng::stream(self.seed, count(steps)), deviation, rows }
    }

    fn plan(_: &Source) -> (bool, f32) {
        (true, 1.0)
    }

    /// Normal numbers in pairs (G. Box and M. Muller, "A Note on the Generation of Random Normal Deviates", 1958):
    /// their tails are cut at 9.4, where those of [`Rng::normal`] end at 6, which an observer would notice.
    fn see(Source { rng, deviation, .. }: &mut Source, _isa: Isa, gradient: &mut [f32]) {
        if *deviation == 0.0 {
            return;
        }
        for pair in gradient.chunks_mut(2) {
            let bits = (u64::from(rng.next_u32()) << 32) | u64::from(rng.next_u32());
            let radius = *deviation * libm::sqrtf(-2.0 * libm::logf((bits as f32 + 1.0) * SMALLEST));
            let (sin, cos) = libm::sincosf(core::f32::consts::TAU * rng.uniform());
            for (x, direction) in pair.iter_mut().zip([cos, sin]) {
                *x += radius * direction;
            }
        }
    }

    fn end(&self, _: &mut [u32; 2], source: Source) -> Option<([f32; 2], f32)> {
        Some(([1.0; 2], source.rows))
    }
}

//! Training in whole numbers, for cores without floating point.
//!
//! Weights are 8 bits, sums and gradients of weights 32, errors 16. Nothing is rounded to other bits on another core,
//! so a training is the same everywhere: its seed determines every weight.
//!
//! ```
//! use fusebox::int8::train::{Dense, Learn, Workspace};
//! use fusebox::{Relu, Rng, Seq, Zeroed};
//!
//! type Net = Seq![Dense<2, 8, Relu>, Dense<8, 2>];
//! let xs = [[0, 0], [0, 16], [16, 0], [16, 16]]; // 16 stands for 1
//! let labels = [0, 1, 1, 0];
//!
//! let (mut net, mut rng) = (Net::ZEROED, Rng::new(2));
//! net.randomize(&mut rng);
//! let mut workspace = Workspace::<Net, 4>::new();
//! for _ in 0..500 {
//!     workspace.train_step(&mut net, &xs, &labels, 1 << 15, &mut rng)?; // a rate of 2^15 / 2^16
//! }
//! assert_eq!(workspace.correct(&net, &xs, &labels)?, 4);
//! # Ok::<(), fusebox::Error>(())
//! ```
//!
//! # Numbers
//!
//! | | bits | in units of |
//! |---|---|---|
//! | inputs and outputs of layers | 8 | 1/16, so from -8 to 7.9 |
//! | gradients with respect to them: errors | 16 | 2^-12, so from -8 to 8 |
//! | weights | 8 | 2^-s |
//! | biases | 32 | 2^-s / 16 |
//! | rate | 32 | 2^-16, up to 4 |
//! | loss | 32 | 2^-16 |
//!
//! s is a constant of a layer's type: `4 + ceil(log2(IN) / 2)`. The largest weights, of 127 units, are then from 2.8 to
//! 5.6 times the deviation of He's initial weights, `sqrt(2 / IN)`.
//!
//! ```text
//! forward    y  = clamp(round((b + W x) / 2^s))
//! loss       J  = -mean of ln softmax(y)[label]       dy = softmax(y) - [class is the label]
//! backward   dx = round(W^T dy / 2^s)                 after dy = 0 where y is at an end of its range and dy asks for
//!                                                     more, and where a ReLU's y is 0
//! update     W  = clamp(W - round(rate mean of dy x^T))       rounded at random, so that it is right on average
//! ```
//!
//! These are the formulas of the same layers in `f32`, with rounding: a rate that is good there is good here.
//!
//! Sources: M. Wang and others, "NITI: Training Integer Neural Networks Using Integer-only Arithmetic", 2020, for
//! training without any floating point; S. Wu and others, "Training and Inference with Integers in Deep Neural
//! Networks", 2018, for scales that depend on a layer's inputs only and weights in a fixed range; S. Gupta and others,
//! "Deep Learning with Limited Numerical Precision", 2015, for rounding at random. NITI's errors have 8 bits, and
//! exponents that depend on the largest error of a batch; with 16 bits they need none.

mod chain;
mod dense;
mod workspace;

pub use chain::Between;
pub use dense::{Dense, Range};
pub use workspace::Workspace;

use crate::layers::Layer;
use crate::{Isa, Rng, Zeroed};

/// A layer that is trained in whole numbers: [`Dense`], and chains of such layers.
///
/// [`Workspace`] calls the methods, with as many rows in each slice. With other lengths the layers of this crate write
/// nothing, or part of the rows.
pub trait Learn: Layer {
    /// Errors of a row of inputs.
    type Dx: Zeroed + Copy;
    /// Errors of a row of outputs.
    type Dy: Zeroed + Copy;
    /// What `backward` and `update` need from the passes before them, for up to `B` rows.
    type Memory<const B: usize>: Zeroed;
    /// The same layer for inference only.
    type Int8: Layer<Input = Self::Input, Output = Self::Output>;

    /// Overwrites the parameters: random weights, uniformly distributed with He's variance, 2 over the number of
    /// inputs, and biases of zero.
    fn randomize(&mut self, rng: &mut Rng);

    /// Overwrites `ys` with the outputs for `xs`.
    fn forward<const B: usize>(
        &self,
        isa: Isa,
        xs: &[Self::Input],
        memory: &mut Self::Memory<B>,
        ys: &mut [Self::Output],
    );

    /// Sets to zero what in `dys` the outputs `ys` cannot follow, and overwrites `dxs`, if there is any, with the
    /// errors of `xs`.
    fn backward<const B: usize>(
        &self,
        xs: &[Self::Input],
        memory: &mut Self::Memory<B>,
        ys: &[Self::Output],
        dys: &mut [Self::Dy],
        dxs: Option<&mut [Self::Dx]>,
    );

    /// Changes the parameters by `rate` 2^-16 times the mean gradient, rounded at random.
    fn update<const B: usize>(
        &mut self,
        xs: &[Self::Input],
        memory: &Self::Memory<B>,
        dys: &[Self::Dy],
        rate: u32,
        rng: &mut Rng,
    );

    /// The layer as one for inference, whose outputs are the same bytes.
    fn to_int8(&self) -> Self::Int8;
}

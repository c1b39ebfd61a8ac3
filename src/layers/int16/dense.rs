//! The fully connected layer.

use super::scale::multipliers;
use super::{Clamp, Sum, Sum64};
use crate::kernel::int8::Multiplier;
use crate::kernel::int16::product::Product;
use crate::layers::int8::WeightScale;
use crate::layers::{Layer, PerRow};
use crate::{Error, Isa, Zeroed};
use core::marker::PhantomData;

/// A fully connected layer: `y = clamp(round((bias + W x) scale))`. `S` is how wide sums are.
///
/// ```
/// use fusebox::int16::{Clamp, Dense};
/// use fusebox::int8::WeightScale;
/// use fusebox::{Layer, Scratch};
/// // Weights, biases and scales may be constants in flash.
/// static LAYER: Dense<3, 2> = match Dense::new(
///     &[[1, 2, 3], [4, 5, 6]],
///     &[1000, -1_000_000],
///     1.0,
///     WeightScale::Outputs([1.0, 0.5]),
///     1.0,
///     Clamp::RELU,
/// ) {
///     Ok(layer) => layer,
///     Err(_) => panic!("a scale is wrong"), // when it compiles
/// };
/// let mut ys = [[0; 2]];
/// LAYER.infer(&[[100, 200, 300]], &mut Scratch::<_, 1>::new(), &mut ys)?;
/// assert_eq!(ys, [[1000 + 100 + 400 + 900, 0]]);
/// # Ok::<(), fusebox::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Dense<const IN: usize, const OUT: usize, S = Sum64> {
    /// Of each output, in steps of the scale of the inputs times that of its weights.
    pub bias: [i64; OUT],
    /// What each sum is multiplied by.
    pub scale: [Multiplier; OUT],
    /// By output, as TensorFlow Lite has them. After words, so aligned to four bytes.
    pub weight: [[i8; IN]; OUT],
    /// The range of the outputs.
    pub clamp: Clamp,
    /// How wide sums are.
    pub sum: PhantomData<fn() -> S>,
}

impl<const IN: usize, const OUT: usize, S: Sum> Dense<IN, OUT, S> {
    /// A layer of weights by output, of inputs in steps of `x` and outputs in steps of `y`.
    ///
    /// Errors if a scale is not positive, or the product of `x` and that of weights over `y` is 2^7 or more, 2^31 with [`Sum32`](super::Sum32).
    pub const fn new(
        weight: &[[i8; IN]; OUT],
        bias: &[i64; OUT],
        x: f32,
        scale: WeightScale<OUT>,
        y: f32,
        clamp: Clamp,
    ) -> Result<Self, Error> {
        match multipliers::<OUT, S>(x, &scale, y) {
            Ok(scale) => Ok(Self { bias: *bias, scale, weight: *weight, clamp, sum: PhantomData }),
            Err(error) => Err(error),
        }
    }
}

impl<const IN: usize, const OUT: usize, S> Zeroed for Dense<IN, OUT, S> {
    const ZEROED: Self = Self {
        bias: [0; OUT],
        scale: [Multiplier::ZEROED; OUT],
        weight: [[0; IN]; OUT],
        clamp: Clamp::ZEROED,
        sum: PhantomData,
    };
}

impl<const IN: usize, const OUT: usize, S: Sum> Layer for Dense<IN, OUT, S> {
    type Input = [i16; IN];
    type Output = [i16; OUT];
    type Scratch = ();
    type InPlace = [i16; IN];

    const CHECK: () = assert!(IN > 0 && OUT > 0, "a Dense has at least one input and one output");
    const MACS: u64 = (IN * OUT) as u64;

    fn run(&self, isa: Isa, xs: &[[i16; IN]], _scratch: &mut [f32], ys: &mut [[i16; OUT]]) {
        let Self { bias, scale, weight, clamp, .. } = self;
        let product = Product { depth: IN, weight: weight.as_flattened(), bias, scale, clamp: *clamp };
        product.run::<S>(isa, xs.as_flattened(), ys.as_flattened_mut());
    }
}

impl<const IN: usize, const OUT: usize, S: Sum> PerRow for Dense<IN, OUT, S> {}

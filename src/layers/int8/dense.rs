//! The fully connected layer of eight bits.

use super::quantization::{Quantization, WeightScale};
use crate::kernel::int8::{Clamp, Double, Multiplier, Product, Rounding, fold, tile};
use crate::layers::{Layer, PerRow};
use crate::{Error, Isa, Zeroed};
use core::marker::PhantomData;

/// A fully connected layer: `y = clamp(round((bias + W x) scale) + zero)`. `R` is how it rounds.
///
/// ```
/// use fusebox::int8::{Clamp, Dense, Quantization, WeightScale};
/// use fusebox::{Layer, Scratch};
/// const X: Quantization = Quantization { scale: 1.0, zero: 1 };
/// // Weights, biases and scales may be constants in flash.
/// static LAYER: Dense<3, 2> = match Dense::new(
///     &[[1, 2, 3], [4, 5, 6]],
///     &[10, -1000],
///     X,
///     WeightScale::Outputs([1.0, 0.5]),
///     X,
///     Clamp::relu(X),
/// ) {
///     Ok(layer) => layer,
///     Err(_) => panic!("a scale is wrong"), // when it compiles
/// };
/// let mut ys = [[0; 2]];
/// LAYER.infer(&[[1, 2, 3]], &mut Scratch::<_, 1>::new(), &mut ys)?;
/// assert_eq!(ys, [[10 + 2 + 6 + 1, 1]]);
/// # Ok::<(), fusebox::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
// A row alone reads weights once, in whole lines of the cache.
#[cfg_attr(target_arch = "x86_64", repr(align(64)))]
pub struct Dense<const IN: usize, const OUT: usize, R = Double> {
    /// For each output, minus the input's zero times the sum of its weights.
    pub bias: [i32; OUT],
    /// What each sum is multiplied by.
    pub scale: [Multiplier; OUT],
    /// In tiles of four outputs by four inputs: see [`Dense::new`]. After words, so aligned to four bytes.
    pub weight: [[i8; IN]; OUT],
    /// The output's zero and range.
    pub clamp: Clamp,
    /// How sums are rounded.
    pub rounding: PhantomData<fn() -> R>,
}

impl<const IN: usize, const OUT: usize, R> Dense<IN, OUT, R> {
    /// A layer of weights by output, as TensorFlow Lite has them. Folds the zero of `x` into the biases, whose scale is that
    /// of `x` times that of the weights.
    ///
    /// Weights are stored in another order, as many bytes: for every four outputs, tiles of four inputs, an output's four
    /// weights side by side; then, of the last inputs, the remaining one to three weights of each of the four outputs; at the
    /// end the last one to three outputs, each in a row.
    ///
    /// Errors if a scale is not positive, or the product of two over the third is 2^31 or more.
    pub const fn new(
        weight: &[[i8; IN]; OUT],
        bias: &[i32; OUT],
        x: Quantization,
        scale: WeightScale<OUT>,
        y: Quantization,
        clamp: Clamp,
    ) -> Result<Self, Error> {
        let scale = match scale.multipliers(x, y) {
            Ok(scale) => scale,
            Err(error) => return Err(error),
        };
        let mut layer = Self { bias: *bias, scale, clamp, weight: [[0; IN]; OUT], rounding: PhantomData };
        fold(weight.as_flattened(), x.zero, &mut layer.bias);
        tile(weight.as_flattened(), layer.weight.as_flattened_mut(), OUT);
        Ok(layer)
    }
}

impl<const IN: usize, const OUT: usize, R> Zeroed for Dense<IN, OUT, R> {
    const ZEROED: Self = Self {
        bias: [0; OUT],
        scale: [Multiplier::ZEROED; OUT],
        clamp: Clamp::ZEROED,
        weight: [[0; IN]; OUT],
        rounding: PhantomData,
    };
}

impl<const IN: usize, const OUT: usize, R: Rounding> Layer for Dense<IN, OUT, R> {
    type Input = [i8; IN];
    type Output = [i8; OUT];
    type Scratch = ();
    type InPlace = [i8; IN];

    const CHECK: () = {
        assert!(IN > 0 && OUT > 0, "a Dense has at least one input and one output");
        assert!(IN <= 1 << 16, "more than 2^16 products of eight bits may not fit a sum of 32");
    };
    const MACS: u64 = (IN * OUT) as u64;

    fn run(&self, isa: Isa, xs: &[[i8; IN]], _scratch: &mut [f32], ys: &mut [[i8; OUT]]) {
        let product = Product {
            depth: IN,
            weight: self.weight.as_flattened(),
            bias: &self.bias,
            scale: &self.scale,
            clamp: self.clamp,
        };
        product.run::<R>(isa, xs.as_flattened(), ys.as_flattened_mut());
    }
}

impl<const IN: usize, const OUT: usize, R: Rounding> PerRow for Dense<IN, OUT, R> {}

//! The softmax of eight bits.

use super::quantization::Quantization;
use crate::kernel::int8::{Multiplier, softmax};
use crate::layers::{Layer, PerRow};
use crate::{Error, Isa, Zeroed};

/// The softmax of rows of `N` numbers, at most 4095. The output's scale is 1/256 and its zero -128.
///
/// ```
/// use fusebox::int8::{Quantization, Softmax};
/// use fusebox::{Layer, Scratch};
/// let layer = Softmax::<3>::new(Quantization { scale: 0.1, zero: 5 }, 1.0)?;
/// let mut ys = [[0; 3]];
/// layer.infer(&[[10, 0, 10]], &mut Scratch::<_, 1>::new(), &mut ys)?;
/// assert_eq!(ys, [[-20, -88, -20]]); // 0.42, 0.16, 0.42
/// # Ok::<(), fusebox::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Softmax<const N: usize> {
    /// The input's scale times beta, in units of 2^-26.
    pub scale: Multiplier,
    /// Inputs below the largest by more than this have no part in the sum.
    pub least: i32,
}

impl<const N: usize> Softmax<N> {
    /// The softmax of `beta` times the inputs.
    ///
    /// Errors if the scale is not positive, or `beta` times it is less than 2^-26.
    pub const fn new(x: Quantization, beta: f32) -> Result<Self, Error> {
        let x = match x.checked() {
            Ok(x) => x,
            Err(error) => return Err(error),
        };
        let real = beta as f64 * x.scale as f64 * (1 << 26) as f64;
        let real = if real > i32::MAX as f64 { i32::MAX as f64 } else { real };
        let scale = match real >= 1.0 {
            true => Multiplier::new(real),
            false => return Err(Error::Setting { name: "beta", expected: "2^-26 <= beta times scale" }),
        };
        match scale {
            Ok(scale) => Ok(Self { scale, least: -(((31_i64 << 26) >> scale.exponent) as i32) }),
            Err(error) => Err(error),
        }
    }
}

impl<const N: usize> Zeroed for Softmax<N> {
    const ZEROED: Self = Self { scale: Multiplier::ZEROED, least: 0 };
}

impl<const N: usize> Layer for Softmax<N> {
    type Input = [i8; N];
    type Output = [i8; N];
    type Scratch = ();
    type InPlace = [i8; N];

    const CHECK: () = assert!(N > 0 && N < 4096, "a Softmax is of 1 to 4095 numbers");

    fn run(&self, _: Isa, xs: &[[i8; N]], _scratch: &mut [f32], ys: &mut [[i8; N]]) {
        for (x, y) in xs.iter().zip(ys) {
            softmax::softmax(self.scale, self.least, x, y);
        }
    }
}

impl<const N: usize> PerRow for Softmax<N> {}

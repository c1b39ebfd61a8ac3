//! The softmax.

use super::scale::checked;
use crate::kernel::int8::Multiplier;
use crate::kernel::int16::softmax;
use crate::layers::{Layer, PerRow};
use crate::{Error, Isa, Zeroed};

/// The softmax of rows of `N` numbers, at most 65535. The output's scale is 2^-15.
///
/// ```
/// use fusebox::int16::Softmax;
/// use fusebox::{Layer, Scratch};
/// let layer = Softmax::<3>::new(0.001, 1.0)?;
/// let mut ys = [[0; 3]];
/// layer.infer(&[[1000, 0, 1000]], &mut Scratch::<_, 1>::new(), &mut ys)?;
/// assert_eq!(ys, [[13838, 5091, 13838]]); // 0.4223, 0.1554, 0.4223
/// # Ok::<(), fusebox::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Softmax<const N: usize> {
    /// The input's scale times beta, in units of 10 / 65535.
    pub scale: Multiplier,
}

impl<const N: usize> Softmax<N> {
    /// The softmax of `beta` times the inputs, in steps of `x`.
    ///
    /// Errors if the scale is not positive, or `beta` times it is not positive, or 5 or more.
    pub const fn new(x: f32, beta: f32) -> Result<Self, Error> {
        let x = match checked(x) {
            Ok(x) => x,
            Err(error) => return Err(error),
        };
        // So that the largest difference fits 32 bits.
        let real = x * beta as f64 / (10.0 / 65_535.0);
        let scale = match real < 32_768.0 {
            true => Multiplier::new(real),
            false => return Err(Error::Setting { name: "beta", expected: "beta times scale < 5" }),
        };
        match scale {
            Ok(scale) => Ok(Self { scale }),
            Err(error) => Err(error),
        }
    }
}

impl<const N: usize> Zeroed for Softmax<N> {
    const ZEROED: Self = Self { scale: Multiplier::ZEROED };
}

impl<const N: usize> Layer for Softmax<N> {
    type Input = [i16; N];
    type Output = [i16; N];
    type Scratch = ();
    type InPlace = [i16; N];

    const CHECK: () = assert!(N > 0 && N < 1 << 16, "a Softmax is of 1 to 65535 numbers");

    fn run(&self, _: Isa, xs: &[[i16; N]], _scratch: &mut [f32], ys: &mut [[i16; N]]) {
        for (x, y) in xs.iter().zip(ys) {
            softmax::softmax(self.scale, x, y);
        }
    }
}

impl<const N: usize> PerRow for Softmax<N> {}

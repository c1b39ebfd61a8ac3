//! Memory for inference, in addition to inputs and outputs.

use super::Layer;
use crate::memory::{stretch, take_mut, values_mut, whole_numbers_mut};
use crate::{Aligned, Error, Isa, Plain, Zeroed};

/// An end of the buffer that holds the rows between layers of a network.
///
/// A layer's input is at one end and its output is written to the other end; the next layer reads it there and may
/// overwrite the first layer's input. So the buffer's size is the largest sum of input and output of one layer, not
/// the sum over layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// At the buffer's start.
    Front,
    /// At the buffer's end.
    Back,
}

impl Side {
    /// The other end.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Front => Self::Back,
            Self::Back => Self::Front,
        }
    }

    /// Splits `buffer` into up to `count` values of type `T` at this end, and the rest.
    #[inline(always)]
    pub(crate) fn cut<T: Plain>(self, mut buffer: &mut [f32], count: usize) -> (&mut [T], &mut [f32]) {
        match self {
            Self::Front => {
                let values = take_mut(&mut buffer, count);
                (values, buffer)
            }
            Self::Back => {
                let start = buffer.len().saturating_sub(stretch::<T>(count));
                let values = buffer.split_off_mut(start..).unwrap_or_default();
                (values_mut(values, count), buffer)
            }
        }
    }
}

/// Checks lengths, then runs a network with [`Layer::run`].
pub(crate) fn infer<N: Layer, const B: usize>(
    net: &N,
    isa: Isa,
    xs: &[N::Input],
    scratch: &mut Scratch<N, B>,
    ys: &mut [N::Output],
) -> Result<(), Error> {
    const { N::CHECK }
    check_batch::<B>(xs.len())?;
    if ys.len() != xs.len() {
        return Err(Error::Rows { expected: xs.len(), got: ys.len() });
    }
    N::admits(xs)?;
    net.run(isa, xs, scratch.buffer(xs.len()), ys);
    Ok(())
}

/// Errors unless `rows` is from 1 to `B`.
pub(crate) fn check_batch<const B: usize>(rows: usize) -> Result<(), Error> {
    match rows {
        0 => Err(Error::Empty),
        1.. if rows <= B => Ok(()),
        _ => Err(Error::Batch { expected: B, got: rows }),
    }
}

/// The memory that a network of type `N` needs to run a batch of at most `B` rows, in addition to inputs and outputs: a
/// buffer of the largest sum of input and output of one of its layers.
///
/// ```
/// use fusebox::{Dense, Relu, Scratch, Seq};
/// type Net = Seq![Dense<64, 32, Relu>, Dense<32, 8, Relu>, Dense<8, 16, Relu>, Dense<16, 2>];
/// static SCRATCH: Scratch<Net, 4> = Scratch::new();
/// assert_eq!(Scratch::<Net, 4>::BYTES, 4 * (32 + 8) * 4); // 8 to 16 has room there too
/// ```
#[derive(Debug)]
pub struct Scratch<N: Layer, const B: usize> {
    rows: Aligned<[N::Scratch; B]>,
}

impl<N: Layer, const B: usize> Scratch<N, B> {
    /// Bytes of the buffer.
    pub const BYTES: usize = size_of::<[N::Scratch; B]>();

    /// Scratch of zeros, for a `static` or the stack.
    pub const fn new() -> Self {
        Self { rows: Zeroed::ZEROED }
    }

    /// The part of the buffer for `rows` rows.
    fn buffer(&mut self, rows: usize) -> &mut [f32] {
        whole_numbers_mut(&mut self.rows, rows)
    }
}

impl<N: Layer, const B: usize> Zeroed for Scratch<N, B> {
    const ZEROED: Self = Self::new();
}

impl<N: Layer, const B: usize> Default for Scratch<N, B> {
    fn default() -> Self {
        Self::new()
    }
}

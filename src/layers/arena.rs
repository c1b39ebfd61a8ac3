//! Memory of networks that a program writes: parts of a scratch at constant places, and constants from bytes.
//!
//! In a graph of layers a tensor is alive from the layer that writes it to the last one that reads it. All tensors share an
//! arena: for one row, each has a range of numbers of four bytes, and ranges of tensors that are alive at once do not overlap.
//! For n rows every range starts n times as far and is n times as long, so they still do not.
//!
//! ```
//! use fusebox::layers::arena::{parts, view, view_mut};
//! use fusebox::{Beside, Dense, Isa, Layer, Scratch, Zeroed};
//!
//! /// `y = second(first(x))`.
//! struct Net {
//!     first: Dense<2, 3>,
//!     second: Dense<3, 1>,
//! }
//!
//! impl Layer for Net {
//!     type Input = [f32; 2];
//!     type Output = [f32; 1];
//!     type Scratch = [f32; 3];
//!     type InPlace = Beside<Self::Input, Self::Scratch>;
//!
//!     fn run(&self, isa: Isa, xs: &[[f32; 2]], scratch: &mut [f32], ys: &mut [[f32; 1]]) {
//!         let n = xs.len();
//!         let [hidden] = parts(scratch, n, [[0, 3]]);
//!         self.first.run(isa, xs, &mut [], view_mut(hidden, n));
//!         self.second.run(isa, view(hidden, n), &mut [], ys);
//!     }
//! }
//!
//! let mut net = Net { first: Dense::ZEROED, second: Dense::ZEROED };
//! net.second.bias = [5.0];
//! let mut ys = [[0.0]; 2];
//! net.infer(&[[1.0, 2.0]; 2], &mut Scratch::<Net, 2>::new(), &mut ys)?;
//! assert_eq!(ys, [[5.0]; 2]);
//! # Ok::<(), fusebox::Error>(())
//! ```

use super::Layer;
use crate::{Error, Plain, memory};

/// The parts of `numbers` at `ranges`, each for `rows` rows. A range is where the part starts and where it ends. All are empty
/// if one is out of bounds or overlaps another.
///
/// ```
/// use fusebox::layers::arena::parts;
/// let mut numbers = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0];
/// assert_eq!(parts(&mut numbers, 2, [[2, 3], [0, 1]]), [&[4.0, 5.0], &[0.0, 1.0]]);
/// assert_eq!(parts(&mut numbers, 2, [[0, 2], [1, 3]]), [&[0.0; 0]; 2]);
/// ```
pub fn parts<const N: usize>(numbers: &mut [f32], rows: usize, ranges: [[usize; 2]; N]) -> [&mut [f32]; N] {
    let ranges = ranges.map(|[start, end]| start.saturating_mul(rows)..end.saturating_mul(rows));
    match numbers.get_disjoint_mut(ranges) {
        Ok(parts) => parts,
        Err(_) => core::array::from_fn(|_| Default::default()),
    }
}

/// The first `count` values of type `B` in the memory of `xs`, or as many as it holds. Does not compile if `B` is of larger
/// numbers than `A`.
///
/// ```
/// use fusebox::layers::arena::view;
/// assert_eq!(view::<_, [i8; 2]>(&[[1_i8, 2, 3, 4]], 2), [[1, 2], [3, 4]]);
/// ```
///
/// ```compile_fail,E0080
/// let numbers: &[f32] = fusebox::layers::arena::view(&[0_i8; 4], 1);
/// ```
#[must_use]
pub fn view<A: Plain, B: Plain>(xs: &[A], count: usize) -> &[B] {
    memory::view(xs, count)
}

/// [`view`], mutable.
///
/// ```
/// let mut numbers = [0.0; 2];
/// fusebox::layers::arena::view_mut::<_, [i8; 4]>(&mut numbers, 1)[0] = [1, 0, 0, 0];
/// assert_eq!(numbers, [f32::from_bits(1), 0.0]);
/// ```
#[must_use]
pub fn view_mut<A: Plain, B: Plain>(xs: &mut [A], count: usize) -> &mut [B] {
    memory::view_mut(xs, count)
}

/// The value of the `size_of::<T>()` bytes from `start` on, little-endian: weights in a file that the program includes.
///
/// Errors if there are fewer.
///
/// ```
/// use fusebox::layers::arena::constant;
/// const BYTES: &[u8] = &[1, 0, 0, 0, 2, 255]; // or `include_bytes!`
/// const WEIGHTS: Result<[i8; 2], fusebox::Error> = constant(BYTES, 4);
/// assert_eq!(WEIGHTS, Ok([2, -1]));
/// assert_eq!(constant(BYTES, 0), Ok([1_i32]));
/// assert!(constant::<[i8; 2]>(BYTES, 5).is_err());
/// ```
pub const fn constant<T: Plain>(bytes: &[u8], start: usize) -> Result<T, Error> {
    let Some((_, rest)) = bytes.split_at_checked(start) else {
        return Err(Error::Bytes { expected: size_of::<T>(), got: 0 });
    };
    match rest.split_at_checked(size_of::<T>()) {
        Some((value, _)) => memory::copy_from_bytes(value),
        None => Err(Error::Bytes { expected: size_of::<T>(), got: rest.len() }),
    }
}

/// Compiles, where it is called, only if the sizes inside `layer` match: [`Layer::CHECK`].
///
/// ```
/// use fusebox::{Dense, Zeroed, layers::arena};
/// const LAYER: Dense<2, 3> = Dense::ZEROED;
/// const { arena::check(&LAYER) }
/// ```
pub const fn check<L: Layer>(_layer: &L) {
    const { L::CHECK }
}

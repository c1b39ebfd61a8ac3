//! Saving a training as bytes, in a file or in flash, and resuming it.
//!
//! A training is determined by its network, the state of its optimiser and layers, its random generators, the order
//! of its data, and its progress. If all of these are saved and restored together, the steps after the restart have
//! the same bits as without the interruption, on desktops and on microcontrollers.
//!
//! ```
//! use fusebox::{Adam, Dense, Dropout, EarlyStopping, Relu, Rng, Seq, Workspace, checkpoint};
//! type Net = Seq![Dense<2, 8, Relu>, Dropout<8, 25>, Dense<8, 2>];
//! type Training = Workspace<Net, 4, Adam>;
//! let (xs, labels) = ([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [0, 1, 1, 0]);
//!
//! let mut rng = Rng::new(1);
//! let (mut net, mut training, mut steps) = (Net::he(&mut rng), Training::new(), 0_u32);
//! let mut step = |net: &mut Net, training: &mut Training| training.train_step(net, &xs, &labels, &Adam::new(0.02));
//! step(&mut net, &mut training)?;
//! steps += 1;
//!
//! let mut file = [0; checkpoint::size::<(&Net, &Training, &Rng, &u32)>()];
//! checkpoint::save((&net, &training, &rng, &steps), &mut file)?;
//! // .. the power fails, and comes back ..
//! let (mut again, mut resumed, mut rng, mut steps) = (Net::he(&mut Rng::new(9)), Training::new(), Rng::new(9), 0_u32);
//! checkpoint::restore((&mut again, &mut resumed, &mut rng, &mut steps), &file)?;
//! assert_eq!(step(&mut again, &mut resumed)?, step(&mut net, &mut training)?);
//! assert_eq!(again, net);
//! # Ok::<(), fusebox::Error>(())
//! ```
//!
//! # Format
//!
//! | bytes | content |
//! |---|---|
//! | 8 | `fusebox` and a zero byte |
//! | 4 | the version of this format: 1 |
//! | 8 | the layout: a hash of the types saved, with the sizes and the names of layers and optimisers |
//! | .. | the parts, in order |
//! | 4 | CRC-32 (IEEE 802.3) of all bytes before it |
//!
//! All numbers are little-endian; `usize` takes eight bytes. Everything is checked before anything is restored: for a
//! file that is truncated, damaged, or from another network, optimiser or version, `restore` returns an error and
//! changes nothing. The check detects accidents, not forgery.

use crate::memory::{layout, numbers_mut};
use crate::{Error, Plain, Train};
use core::slice::from_mut;

/// The first bytes of a checkpoint.
const MAGIC: [u8; 8] = *b"fusebox\0";
/// The format version.
const VERSION: u32 = 1;
const HEADER: usize = MAGIC.len() + size_of::<u32>() + size_of::<u64>();
const CHECKSUM: usize = size_of::<u32>();

/// A value that can be saved to and restored from a fixed number of bytes.
///
/// Implemented for networks, [`Workspace`](crate::Workspace), [`Learner`](crate::Learner), [`Guard`](crate::Guard),
/// [`Reservoir`](crate::Reservoir), [`EarlyStopping`](crate::EarlyStopping), [`Schedule`](crate::Schedule),
/// [`Rng`](crate::Rng), numbers, and arrays and pairs of these. To implement it for a struct of your own, list its
/// fields:
///
/// ```
/// use fusebox::{Error, checkpoint};
/// use checkpoint::{Part, Reader, Writer};
///
/// #[derive(Debug, Default, PartialEq)]
/// struct Position {
///     epoch: u32,
///     row: usize,
/// }
/// impl Part for Position {
///     const BYTES: usize = u32::BYTES + usize::BYTES;
///     const LAYOUT: u64 = checkpoint::layout_of("Position", &[u32::LAYOUT, usize::LAYOUT]);
///
///     fn write(&self, to: &mut Writer<'_>) -> Result<(), Error> {
///         self.epoch.write(to)?;
///         self.row.write(to)
///     }
///     fn read(&mut self, from: &mut Reader<'_>) {
///         self.epoch.read(from);
///         self.row.read(from);
///     }
/// }
///
/// let (position, mut back) = (Position { epoch: 3, row: 17 }, Position::default());
/// let mut bytes = [0; checkpoint::size::<(&Position,)>()];
/// checkpoint::save((&position,), &mut bytes)?;
/// checkpoint::restore((&mut back,), &bytes)?;
/// assert_eq!(back, position);
/// # Ok::<(), Error>(())
/// ```
pub trait Part {
    /// Size in bytes, the same for every value.
    const BYTES: usize;
    /// Distinguishes this type from others: see [`layout_of`].
    const LAYOUT: u64;

    /// Writes [`Part::BYTES`] bytes. Errors if the value cannot be saved in its current state.
    fn write(&self, to: &mut Writer<'_>) -> Result<(), Error>;

    /// Whether the bytes are a valid value. Bytes written by [`Part::write`] are; forged bytes may not be. Reads
    /// exactly [`Part::BYTES`] bytes, as [`Part::read`] does.
    fn accepts(from: &mut Reader<'_>) -> bool {
        from.skip(Self::BYTES);
        true
    }

    /// Overwrites `self` with the bytes that `write` wrote.
    fn read(&mut self, from: &mut Reader<'_>);
}

/// The layout of a type, from its name and the layouts of its parts.
pub const fn layout_of(name: &str, parts: &[u64]) -> u64 {
    layout(name, parts)
}

/// The bytes that parts are written to.
#[derive(Debug)]
pub struct Writer<'a> {
    rest: &'a mut [u8],
}

impl Writer<'_> {
    /// Appends `bytes`; writes nothing if there is too little room.
    pub fn put(&mut self, bytes: &[u8]) {
        if let Some(to) = self.rest.split_off_mut(..bytes.len()) {
            to.copy_from_slice(bytes);
        }
    }
}

/// The bytes that parts are read from.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// The next `count` bytes, or an empty slice if there are fewer.
    pub fn take(&mut self, count: usize) -> &'a [u8] {
        self.rest.split_off(..count).unwrap_or_default()
    }

    /// The next `N` bytes, or zeros if there are fewer.
    pub fn array<const N: usize>(&mut self) -> [u8; N] {
        self.take(N).try_into().unwrap_or([0; N])
    }

    /// Skips the next `count` bytes.
    pub fn skip(&mut self, count: usize) {
        self.take(count);
    }
}

/// Overwrites a value with the next bytes, in place, since it may be larger than the stack.
pub(crate) fn read_numbers<T: Plain>(value: &mut T, from: &mut Reader<'_>) {
    for number in numbers_mut(from_mut(value)) {
        *number = f32::from_bits(u32::from_le_bytes(from.array()));
    }
}

macro_rules! part_numbers {
    ($($number:ty)*) => { $(
        impl Part for $number {
            const BYTES: usize = size_of::<Self>();
            const LAYOUT: u64 = layout(stringify!($number), &[]);

            fn write(&self, to: &mut Writer<'_>) -> Result<(), Error> {
                to.put(&self.to_le_bytes());
                Ok(())
            }

            fn read(&mut self, from: &mut Reader<'_>) {
                *self = Self::from_le_bytes(from.array());
            }
        }
    )* };
}
part_numbers!(f32 f64 u8 i8 u16 i16 u32 i32 u64 i64);

impl Part for usize {
    const BYTES: usize = u64::BYTES;
    const LAYOUT: u64 = layout("usize", &[]);

    fn write(&self, to: &mut Writer<'_>) -> Result<(), Error> {
        (*self as u64).write(to)
    }

    fn accepts(from: &mut Reader<'_>) -> bool {
        usize::try_from(u64::from_le_bytes(from.array())).is_ok()
    }

    fn read(&mut self, from: &mut Reader<'_>) {
        *self = usize::try_from(u64::from_le_bytes(from.array())).unwrap_or(0);
    }
}

impl Part for bool {
    const BYTES: usize = 1;
    const LAYOUT: u64 = layout("bool", &[]);

    fn write(&self, to: &mut Writer<'_>) -> Result<(), Error> {
        u8::from(*self).write(to)
    }

    fn accepts(from: &mut Reader<'_>) -> bool {
        let [byte] = from.array();
        byte <= 1
    }

    fn read(&mut self, from: &mut Reader<'_>) {
        *self = from.array() == [1];
    }
}

impl<T: Part, const N: usize> Part for [T; N] {
    const BYTES: usize = N * T::BYTES;
    const LAYOUT: u64 = layout("array", &[N as u64, T::LAYOUT]);

    fn write(&self, to: &mut Writer<'_>) -> Result<(), Error> {
        self.iter().try_for_each(|value| value.write(to))
    }

    fn accepts(from: &mut Reader<'_>) -> bool {
        (0..N).fold(true, |all, _| T::accepts(from) && all)
    }

    fn read(&mut self, from: &mut Reader<'_>) {
        for value in self {
            value.read(from);
        }
    }
}

impl<A: Part, B: Part> Part for (A, B) {
    const BYTES: usize = A::BYTES + B::BYTES;
    const LAYOUT: u64 = layout("pair", &[A::LAYOUT, B::LAYOUT]);

    fn write(&self, to: &mut Writer<'_>) -> Result<(), Error> {
        self.0.write(to)?;
        self.1.write(to)
    }

    fn accepts(from: &mut Reader<'_>) -> bool {
        let first = A::accepts(from);
        B::accepts(from) && first
    }

    fn read(&mut self, from: &mut Reader<'_>) {
        self.0.read(from);
        self.1.read(from);
    }
}

/// References to parts, in a tuple: the argument of [`save`].
pub trait Save {
    /// Total bytes of the parts.
    #[doc(hidden)]
    const BYTES: usize;
    #[doc(hidden)]
    const LAYOUT: u64;

    #[doc(hidden)]
    fn write(&self, to: &mut Writer<'_>) -> Result<(), Error>;
}

/// Mutable references to parts, in a tuple: the argument of [`restore`].
pub trait Restore: Save {
    #[doc(hidden)]
    fn accepts(from: &mut Reader<'_>) -> bool;

    #[doc(hidden)]
    fn read(&mut self, from: &mut Reader<'_>);
}

macro_rules! tuples {
    ($($($name:ident)+;)*) => { $(
        impl<$($name: Part),+> Save for ($(&$name,)+) {
            const BYTES: usize = 0 $(+ $name::BYTES)+;
            const LAYOUT: u64 = layout("parts", &[$($name::LAYOUT),+]);

            fn write(&self, to: &mut Writer<'_>) -> Result<(), Error> {
                #[expect(non_snake_case, reason = "a value has the name of its type")]
                let ($($name,)+) = self;
                $($name.write(to)?;)+
                Ok(())
            }
        }

        impl<$($name: Part),+> Save for ($(&mut $name,)+) {
            const BYTES: usize = <($(&$name,)+) as Save>::BYTES;
            const LAYOUT: u64 = <($(&$name,)+) as Save>::LAYOUT;

            fn write(&self, to: &mut Writer<'_>) -> Result<(), Error> {
                #[expect(non_snake_case, reason = "a value has the name of its type")]
                let ($($name,)+) = self;
                $($name.write(to)?;)+
                Ok(())
            }
        }

        impl<$($name: Part),+> Restore for ($(&mut $name,)+) {
            fn accepts(from: &mut Reader<'_>) -> bool {
                let mut all = true;
                $(all &= $name::accepts(from);)+
                all
            }

            fn read(&mut self, from: &mut Reader<'_>) {
                #[expect(non_snake_case, reason = "a value has the name of its type")]
                let ($($name,)+) = self;
                $($name.read(from);)+
            }
        }
    )* };
}
tuples! {
    A;
    A B;
    A B C;
    A B C D;
    A B C D E;
    A B C D E F;
    A B C D E F G;
    A B C D E F G H;
}

/// Bytes of a checkpoint of these parts, to size the array that holds it.
pub const fn size<S: Save>() -> usize {
    HEADER + S::BYTES + CHECKSUM
}

/// Writes the parts to the start of `bytes` and returns the number of bytes written: [`size`].
///
/// Errors if `bytes` is too short, or a part cannot be saved now (a [`Learner`](crate::Learner) in the middle of a
/// step); `bytes` then does not hold a valid checkpoint.
#[doc(alias = "store")]
pub fn save<S: Save>(parts: S, bytes: &mut [u8]) -> Result<usize, Error> {
    let size = size::<S>();
    let got = bytes.len();
    let bytes = bytes.get_mut(..size).ok_or(Error::Bytes { expected: size, got })?;
    let (contents, sum) = bytes.split_at_mut_checked(size - CHECKSUM).unwrap_or_default();
    let mut to = Writer { rest: contents };
    to.put(&MAGIC);
    to.put(&VERSION.to_le_bytes());
    to.put(&S::LAYOUT.to_le_bytes());
    // Invalidate an older checkpoint in `bytes`, in case a part fails.
    sum.fill(0);
    parts.write(&mut to)?;
    sum.copy_from_slice(&crc32(contents).to_le_bytes());
    Ok(size)
}

/// Overwrites the parts with those saved in `bytes`.
///
/// Errors, with nothing changed, if the length is not [`size`], or the bytes are not a checkpoint, have another
/// version, hold other parts, or are damaged.
#[doc(alias = "load")]
pub fn restore<R: Restore>(mut parts: R, bytes: &[u8]) -> Result<(), Error> {
    let mut from = Reader { rest: contents(bytes, R::LAYOUT, size::<R>())? };
    if !R::accepts(&mut from.clone()) {
        return Err(DAMAGED);
    }
    parts.read(&mut from);
    Ok(())
}

/// The network in a checkpoint of it alone, used where it lies: in flash, or in a file that is mapped.
///
/// `bytes` is what [`save`] wrote for `(&net,)`, at a multiple of four: in a `static`, wrap it in
/// [`Aligned`](crate::Aligned). Errors if [`restore`] would, or if the alignment is wrong. The checksum reads all bytes,
/// so call this once, at start.
///
/// ```
/// use fusebox::{Aligned, Dense, Error, Relu, Rng, Seq, checkpoint};
/// type Net = Seq![Dense<2, 8, Relu>, Dense<8, 2>];
/// let net = Net::he(&mut Rng::new(1));
/// let mut image = Aligned([0; checkpoint::size::<(&Net,)>()]); // `Aligned(*include_bytes!("net.fusebox"))`
/// checkpoint::save((&net,), &mut image.0)?;
///
/// let used: &Net = checkpoint::view(&image.0)?; // no copy
/// assert_eq!(used, &net);
///
/// type Other = Seq![Dense<2, 8, Relu>, Dense<8, 2, Relu>]; // as many numbers
/// let error = checkpoint::view::<Other>(&image.0).unwrap_err();
/// assert_eq!(error, Error::Checkpoint { expected: "the same network, optimiser and other parts" });
/// image.0[50] ^= 1;
/// assert_eq!(checkpoint::view::<Net>(&image.0), Err(Error::Checkpoint { expected: "undamaged bytes" }));
/// # Ok::<(), Error>(())
/// ```
#[doc(alias = "mmap")]
pub fn view<N: Train + Plain>(bytes: &[u8]) -> Result<&N, Error> {
    // The header has 20 bytes: the numbers are aligned if the file is.
    const { assert!(HEADER.is_multiple_of(align_of::<f32>())) }
    N::from_bytes(contents(bytes, <(&N,)>::LAYOUT, size::<(&N,)>())?)
}

const DAMAGED: Error = Error::Checkpoint { expected: "undamaged bytes" };

/// The bytes of the parts, if everything around them is right.
fn contents(bytes: &[u8], layout: u64, size: usize) -> Result<&[u8], Error> {
    let mut from = Reader { rest: bytes };
    if from.array() != MAGIC {
        return Err(Error::Checkpoint { expected: "a checkpoint" });
    }
    let another_length = Error::Bytes { expected: size, got: bytes.len() };
    if bytes.len() < HEADER {
        return Err(another_length);
    }
    if from.array() != VERSION.to_le_bytes() {
        return Err(Error::Checkpoint { expected: "this version of the format" });
    }
    if from.array() != layout.to_le_bytes() {
        return Err(Error::Checkpoint { expected: "the same network, optimiser and other parts" });
    }
    if bytes.len() != size {
        return Err(another_length);
    }
    let (summed, sum) = bytes.split_at_checked(size - CHECKSUM).unwrap_or_default();
    if *sum != crc32(summed).to_le_bytes() {
        return Err(DAMAGED);
    }
    Ok(summed.get(HEADER..).unwrap_or_default())
}

/// CRC-32 of IEEE 802.3, one bit at a time: a table would take a kilobyte of flash.
fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for &byte in bytes {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = crc >> 1 ^ (crc & 1).wrapping_neg() & 0xEDB8_8320;
        }
    }
    !crc
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The check value listed in catalogues of CRCs.
    #[test]
    fn crc_of_the_digits() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
    }
}

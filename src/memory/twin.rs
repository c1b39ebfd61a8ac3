//! A value that is replaced as a whole.

use core::mem::MaybeUninit;
use core::ops::Range;

/// A value and a spare copy that becomes the next value: the spare is first overwritten with the value, piece by
/// piece, then changed, then the two are swapped.
pub(crate) struct Twin<T> {
    both: [MaybeUninit<T>; 2],
    /// Whether the second one is the current value.
    second: bool,
    /// Pieces copied from the value to the spare so far.
    copied: u32,
}

impl<T: Copy> Twin<T> {
    /// Bytes per piece.
    pub(crate) const PIECE: usize = 64;

    /// Pieces per value.
    pub(crate) const PIECES: usize = size_of::<T>().div_ceil(Self::PIECE);

    pub(crate) const fn new(value: T) -> Self {
        const { assert!(Self::PIECES <= u32::MAX as usize, "a network of more than 256 GiB") }
        Self { both: [MaybeUninit::new(value); 2], second: false, copied: 0 }
    }

    pub(crate) fn get(&self) -> &T {
        let [first, second] = &self.both;
        // SAFETY: the value was initialised by `new`, or was a spare that was fully copied when `swap` ran.
        unsafe { if self.second { second } else { first }.assume_init_ref() }
    }

    pub(crate) fn get_mut(&mut self) -> &mut T {
        self.copied = 0;
        let [first, second] = &mut self.both;
        // SAFETY: as in `get`.
        unsafe { if self.second { second } else { first }.assume_init_mut() }
    }

    /// Overwrites `pieces` of the spare with the value's. Pieces must be copied in order, starting at 0; others are
    /// ignored.
    pub(crate) fn copy(&mut self, pieces: Range<usize>) {
        if pieces.start == 0 {
            self.copied = 0;
        }
        if pieces.is_empty() || pieces.start != self.copied as usize || pieces.end > Self::PIECES {
            return;
        }
        self.copied = pieces.end as u32;
        let [first, second] = &mut self.both;
        let (from, to) = if self.second { (second, first) } else { (first, second) };
        let bytes = pieces.start * Self::PIECE..size_of::<T>().min(pieces.end * Self::PIECE);
        let from = from.as_ptr().cast::<MaybeUninit<u8>>().wrapping_add(bytes.start);
        let to = to.as_mut_ptr().cast::<MaybeUninit<u8>>().wrapping_add(bytes.start);
        // SAFETY: the range is inside both values, which are distinct; any byte is a valid `MaybeUninit<u8>`. No
        // pointer inside a value is split: pieces start at multiples of 64 bytes.
        unsafe { to.copy_from_nonoverlapping(from, bytes.len()) }
    }

    /// The value, and the spare if it has been fully copied.
    pub(crate) fn spare(&mut self) -> (&T, Option<&mut T>) {
        let whole = self.copied as usize == Self::PIECES;
        let [first, second] = &mut self.both;
        let (value, spare) = if self.second { (second, first) } else { (first, second) };
        // SAFETY: as in `get`; a fully copied spare holds all bytes of a value, and the value is `Copy`.
        unsafe { (value.assume_init_ref(), whole.then_some(spare.assume_init_mut())) }
    }

    /// Makes the spare the value, if it has been fully copied.
    pub(crate) fn swap(&mut self) {
        if self.copied as usize == Self::PIECES {
            self.second = !self.second;
            self.copied = 0;
        }
    }
}

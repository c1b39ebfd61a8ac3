//! Overlapping windows of a signal.
//!
//! ```text
//! signal          a b c d e f g h
//! W = 4, HOP = 2  [a b c d]
//!                     [c d e f]
//!                         [e f g h]
//! ```
//!
//! The window is contiguous in memory. When the next one begins, the overlap is moved to the front: `W - HOP` numbers
//! per `HOP` pushes, fewer than copying a ring buffer into order for each window.
//!
//! For a signal in a slice, the standard library gives the same windows:
//! `signal.array_windows::<W>().step_by(HOP)`.

use crate::Zeroed;

/// Collects numbers, or rows of them, into windows of the last `W`, oldest first, one window every `HOP`.
///
/// `new` is const and all zeros, so that a `static` of it is in `.bss`. Numbers are not checked: clean them first.
///
/// Forecasting a number from the three before it:
///
/// ```
/// use fusebox::data::Windows;
/// let mut windows = Windows::<f32, 4>::new();
/// let mut pairs = Vec::new();
/// for x in [1.0, 2.0, 3.0, 4.0, 5.0] {
///     if let Some(&[ref before @ .., next]) = windows.push(x) {
///         pairs.push((*before, next));
///     }
/// }
/// assert_eq!(pairs, [([1.0, 2.0, 3.0], 4.0), ([2.0, 3.0, 4.0], 5.0)]);
/// ```
#[derive(Clone, Debug)]
pub struct Windows<T, const W: usize, const HOP: usize = 1> {
    values: [T; W],
    /// Values in the window so far; `W` means that the window was returned.
    filled: usize,
    /// Values to skip before the next window, if `HOP` is larger than `W`.
    skip: usize,
}

impl<T: Zeroed + Copy, const W: usize, const HOP: usize> Windows<T, W, HOP> {
    /// No values. `W` and `HOP` must be at least 1.
    pub const fn new() -> Self {
        const { assert!(W > 0 && HOP > 0, "a window has at least one value and moves by at least one") }
        Self { values: Zeroed::ZEROED, filled: 0, skip: 0 }
    }

    /// Adds the next value. Returns a window when it is full: with the `W`-th value, then with every `HOP`-th;
    /// otherwise `None`.
    ///
    /// ```
    /// use fusebox::data::Windows;
    /// let mut windows = Windows::<[f32; 2], 2, 3>::new(); // two sensors; two rows of every three
    /// let rows = [[0.0, 0.5], [1.0, 1.5], [2.0, 2.5], [3.0, 3.5], [4.0, 4.5]];
    /// let given = rows.map(|row| windows.push(row).copied());
    /// assert_eq!(given, [None, Some([rows[0], rows[1]]), None, None, Some([rows[3], rows[4]])]);
    /// ```
    pub fn push(&mut self, value: T) -> Option<&[T; W]> {
        if self.filled == W {
            let shared = W.saturating_sub(HOP);
            self.values.copy_within(W - shared.., 0);
            self.filled = shared;
            self.skip = HOP.saturating_sub(W);
        }
        if self.skip > 0 {
            self.skip -= 1;
            return None;
        }
        *self.values.get_mut(self.filled)? = value;
        self.filled += 1;
        (self.filled == W).then_some(&self.values)
    }

    /// Removes all values: after a gap in the signal, so that no window spans it.
    ///
    /// ```
    /// let mut windows = fusebox::data::Windows::<f32, 2>::new();
    /// windows.push(1.0);
    /// windows.clear();
    /// assert_eq!(windows.push(2.0), None);
    /// assert_eq!(windows.push(3.0), Some(&[2.0, 3.0]));
    /// ```
    pub const fn clear(&mut self) {
        (self.filled, self.skip) = (0, 0);
    }
}

impl<T: Zeroed + Copy, const W: usize, const HOP: usize> Default for Windows<T, W, HOP> {
    fn default() -> Self {
        Self::new()
    }
}

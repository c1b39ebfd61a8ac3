//! Class labels: numbered in order of appearance, and one-hot encoded.

use crate::{Error, Label};
use core::fmt;
use core::marker::PhantomData;
use heapless::Vec;

/// Returns a row that is 1 at `label` and 0 elsewhere. Errors unless `label` is below `CLASSES`; the error's row is 0.
///
/// ```
/// use fusebox::{Error, data::one_hot};
/// assert_eq!(one_hot(1), Ok([0.0, 1.0, 0.0]));
/// assert_eq!(one_hot::<3>(3), Err(Error::Label { classes: 3, got: 3, row: 0 }));
/// ```
pub fn one_hot<const CLASSES: usize>(label: usize) -> Result<[f32; CLASSES], Error> {
    let mut row = [0.0; CLASSES];
    one_hot_into(label, &mut row)?;
    Ok(row)
}

/// Overwrites `row`, whose length is the number of classes, with 1 at `label` and 0 elsewhere. Errors, with nothing
/// written, unless `label` is below that length; the error's row is 0.
///
/// ```
/// use fusebox::data::one_hot_into;
/// let mut row = [20.5, 7.0, 7.0, 7.0]; // a temperature, and a place for one of three machines
/// one_hot_into(2, &mut row[1..])?;
/// assert_eq!(row, [20.5, 0.0, 0.0, 1.0]);
/// # Ok::<(), fusebox::Error>(())
/// ```
pub fn one_hot_into(label: usize, row: &mut [f32]) -> Result<(), Error> {
    if label >= row.len() {
        return Err(Error::Label { classes: row.len(), got: label, row: 0 });
    }
    for (class, x) in row.iter_mut().enumerate() {
        *x = if class == label { 1.0 } else { 0.0 };
    }
    Ok(())
}

/// Assigns labels from 0 upwards to keys (names, codes), in order of appearance, for
/// [`CrossEntropy`](struct@crate::CrossEntropy). Has room for `C` different keys, at most 256 with byte labels. Lookup is a
/// linear search.
///
/// ```
/// use fusebox::data::Labels;
/// let mut labels = Labels::<&str, 3>::new();
/// assert_eq!(labels.encode("cat"), Ok(0));
/// assert_eq!(labels.encode("dog"), Ok(1));
/// assert_eq!(labels.encode("cat"), Ok(0));
/// assert_eq!(labels.get("owl"), None); // looked up, not added
/// assert_eq!(labels.decode(1), Some("dog"));
/// assert_eq!(labels.keys(), ["cat", "dog"]);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Labels<K, const C: usize, T = u8> {
    keys: Vec<K, C>,
    labels: PhantomData<T>,
}

impl<K: PartialEq + Copy, const C: usize> Labels<K, C> {
    /// No keys; labels are bytes.
    pub const fn new() -> Self {
        Self::of_any_width()
    }
}

impl<K: PartialEq + Copy, const C: usize, T: Label> Labels<K, C, T> {
    /// No keys; labels have the type `T`.
    ///
    /// ```
    /// use fusebox::data::Labels;
    /// let mut words = Labels::<u32, 1000, u16>::of_any_width();
    /// assert!((0..1000).all(|word| words.encode(7 * word) == Ok(word as u16)));
    /// ```
    pub const fn of_any_width() -> Self {
        const { assert!(C == 0 || C - 1 <= T::MOST, "there are more classes than labels of this width") }
        Self { keys: Vec::new(), labels: PhantomData }
    }

    /// The label of `key`; a new key gets the next label. Returns a new key in the error, with nothing changed, if
    /// there are `C` already.
    ///
    /// ```
    /// use fusebox::data::{Full, Labels};
    /// let mut codes = Labels::<u32, 1>::new();
    /// assert_eq!(codes.encode(404), Ok(0));
    /// let full = codes.encode(500).unwrap_err();
    /// assert_eq!(full, Full { key: 500, capacity: 1 });
    /// assert_eq!(full.to_string(), "expected at most 1 different keys, got another: 500");
    /// ```
    pub fn encode(&mut self, key: K) -> Result<T, Full<K>> {
        if let Some(label) = self.get(key) {
            return Ok(label);
        }
        let label = T::try_from(self.keys.len()).unwrap_or_default(); // fits if there is room
        self.keys.push(key).map_err(|key| Full { key, capacity: C })?;
        Ok(label)
    }

    /// The label of `key`, or `None` if it has none.
    pub fn get(&self, key: K) -> Option<T> {
        self.keys.iter().position(|&known| known == key).and_then(|label| T::try_from(label).ok())
    }

    /// The key of a label, for example of the largest output ([`argmax`](crate::argmax)); `None` if there is none.
    pub fn decode(&self, label: usize) -> Option<K> {
        self.keys.get(label).copied()
    }

    /// The keys, in label order.
    pub fn keys(&self) -> &[K] {
        &self.keys
    }
}

impl<K: PartialEq + Copy, const C: usize> Default for Labels<K, C> {
    fn default() -> Self {
        Self::new()
    }
}

/// The error for a key that does not fit in [`Labels`].
///
/// Converts to an [`Error`], which drops the key:
///
/// ```
/// use fusebox::{Error, data::Full};
/// assert_eq!(Error::from(Full { key: "owl", capacity: 2 }), Error::Classes { expected: 2, got: 3 });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full<K> {
    /// The key.
    pub key: K,
    /// The capacity in keys.
    pub capacity: usize,
}

impl<K: fmt::Debug> fmt::Display for Full<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected at most {} different keys, got another: {:?}", self.capacity, self.key)
    }
}

impl<K: fmt::Debug> core::error::Error for Full<K> {}

impl<K> From<Full<K>> for Error {
    fn from(full: Full<K>) -> Self {
        Self::Classes { expected: full.capacity, got: full.capacity.saturating_add(1) }
    }
}

//! The crate's only error type: small, `Copy`, and with the expected and the actual value.

use core::fmt;
use core::num::FpCategory;

/// Why a call failed. A function that returns an error has written nothing.
///
/// ```
/// use fusebox::{Error, Mat};
/// let error = Mat::new(&[0.0; 5], 2, 3).unwrap_err();
/// assert_eq!(error, Error::Length { expected: 6, got: 5 });
/// assert_eq!(error.to_string(), "expected 6 elements, got 5");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Error {
    /// A slice has the wrong number of elements.
    Length {
        /// Elements that the shape needs.
        expected: usize,
        /// Elements in the slice.
        got: usize,
    },
    /// The number of elements that a shape needs does not fit in `usize`.
    Overflow {
        /// Rows requested.
        rows: usize,
        /// Elements from one row to the next.
        row_stride: usize,
    },
    /// The row stride is shorter than a row.
    Stride {
        /// Columns: the smallest valid stride.
        expected: usize,
        /// The given stride.
        got: usize,
    },
    /// Two matrices differ in a dimension in which they must be equal.
    Shape {
        /// Rows and columns the operation needs.
        expected: (usize, usize),
        /// Rows and columns given.
        got: (usize, usize),
    },
    /// More rows than the type's capacity.
    Batch {
        /// The capacity: the type's `B`.
        expected: usize,
        /// Rows given.
        got: usize,
    },
    /// No rows, where at least one is needed.
    Empty,
    /// Fewer rows than a layer trains on: see [`Train::LEAST_ROWS`](crate::Train::LEAST_ROWS).
    FewRows {
        /// The fewest.
        expected: usize,
        /// Rows given.
        got: usize,
    },
    /// The numbers of rows and of targets (or of outputs) differ.
    Rows {
        /// Rows of the input.
        expected: usize,
        /// Targets or outputs given.
        got: usize,
    },
    /// A class label is not below the number of classes.
    Label {
        /// Number of classes.
        classes: usize,
        /// The label given.
        got: usize,
        /// Position in the batch.
        row: usize,
    },
    /// A token is not below the size of the vocabulary.
    Token {
        /// Tokens in the vocabulary.
        vocabulary: usize,
        /// The token given.
        got: usize,
        /// Position in the batch, through all of its rows.
        position: usize,
    },
    /// A target is not valid for the loss.
    Target {
        /// The valid targets.
        expected: &'static str,
        /// Position in the batch.
        row: usize,
        /// Position in the target.
        index: usize,
    },
    /// A sample's weight is negative or not finite, or the sum of the weights overflows or underflows.
    Weight {
        /// Position in the batch.
        row: usize,
    },
    /// A step's mean loss is NaN or infinite: see [`Guard`](crate::Guard).
    Loss {
        /// NaN or infinite.
        #[cfg_attr(feature = "defmt", defmt(Debug2Format))]
        got: FpCategory,
    },
    /// A step's mean loss has jumped above the guard's limit: see [`Guard`](crate::Guard).
    Leap {
        /// The loss, in percent of the limit.
        percent: u32,
    },
    /// A step's gradient, or the square of its norm, is NaN or infinite: see [`Guard`](crate::Guard).
    Gradient {
        /// The kind of the squared norm: NaN or infinite.
        #[cfg_attr(feature = "defmt", defmt(Debug2Format))]
        got: FpCategory,
    },
    /// A training step in slices is in progress; this call must wait until it ends: see [`Learner`](crate::Learner).
    Busy,
    /// No training step in slices is in progress: none was started, or the last one has ended.
    Idle,
    /// A counter or a buffer is full.
    Full {
        /// Its capacity.
        capacity: usize,
    },
    /// A setting is out of range or NaN.
    Setting {
        /// The argument's name.
        name: &'static str,
        /// The valid range.
        expected: &'static str,
    },
    /// A byte slice has the wrong length for the type.
    Bytes {
        /// The type's size in bytes.
        expected: usize,
        /// Bytes given.
        got: usize,
    },
    /// A byte slice is not aligned for the type.
    Alignment {
        /// The required alignment, in bytes.
        expected: usize,
        /// The distance from the last aligned address to the start of the slice, in bytes.
        got: usize,
    },
    /// The bytes are not a checkpoint that can be restored here: see [`checkpoint`](crate::checkpoint).
    Checkpoint {
        /// What was expected.
        expected: &'static str,
    },
    /// NaN or infinity in the data.
    NotFinite {
        /// Row of the first such number; 0 if a single row was given.
        row: usize,
        /// Its position in the row.
        feature: usize,
        /// NaN or infinite.
        #[cfg_attr(feature = "defmt", defmt(Debug2Format))]
        got: FpCategory,
    },
    /// A feature has no finite number, where at least one is needed.
    NoNumbers {
        /// The feature.
        feature: usize,
    },
    /// The numbers of a feature are so large, or differ by so little, that their mean, variance or range overflows or
    /// underflows.
    Magnitude {
        /// The feature.
        feature: usize,
    },
    /// What an output of a network, or its input (output 0), was in calibration has no scale: see
    /// [`Calibration`](crate::int8::Calibration).
    Range {
        /// As numbered by [`Fidelity`](crate::int8::Fidelity), from 0.
        output: usize,
        /// NaN or infinite if there were such numbers, zero if there were no others, subnormal or infinite if the scale would be.
        #[cfg_attr(feature = "defmt", defmt(Debug2Format))]
        got: FpCategory,
    },
    /// More distinct classes than the type's capacity.
    Classes {
        /// The capacity.
        expected: usize,
        /// Classes found.
        got: usize,
    },
    /// The sizes of a split's parts do not add up to the number of rows.
    Parts {
        /// Rows to split.
        expected: usize,
        /// The sum of the parts.
        got: usize,
    },
    /// A part of a split has no rows.
    EmptyPart {
        /// Index of the part, from 0.
        part: usize,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Error::Length { expected, got } => write!(f, "expected {expected} elements, got {got}"),
            Error::Overflow { rows, row_stride } => {
                write!(f, "{rows} rows of stride {row_stride} overflow the address space")
            }
            Error::Stride { expected, got } => {
                write!(f, "expected a row stride of at least {expected}, got {got}")
            }
            Error::Shape { expected, got } => {
                write!(f, "expected a {} x {} matrix, got {} x {}", expected.0, expected.1, got.0, got.1)
            }
            Error::Batch { expected, got } => write!(f, "expected at most {expected} rows, got {got}"),
            Error::Empty => f.write_str("expected at least one row, got none"),
            Error::FewRows { expected, got } => write!(f, "expected at least {expected} rows, got {got}"),
            Error::Rows { expected, got } => {
                write!(f, "expected {expected} rows, one for each input, got {got}")
            }
            Error::Label { classes, got, row } => {
                write!(f, "expected a label below {classes}, got {got} in row {row}")
            }
            Error::Token { vocabulary, got, position } => {
                write!(f, "expected a token below {vocabulary}, got {got} at position {position}")
            }
            Error::Target { expected, row, index } => {
                write!(f, "expected a target that is {expected}, got another at {index} of row {row}")
            }
            Error::Weight { row } => {
                write!(f, "expected a weight that is 0 or from 1e-30 to 1e30, got another in row {row}")
            }
            Error::Loss { got } => write!(f, "expected a finite loss, got {got:?}"),
            Error::Leap { percent } => {
                write!(
                    f,
                    "expected a loss near the mean of those before, got {percent} % of the most it may be"
                )
            }
            Error::Gradient { got } => write!(f, "expected a gradient whose square is finite, got {got:?}"),
            Error::Busy => f.write_str("expected no training step to be under way, got one"),
            Error::Idle => f.write_str("expected a training step to be under way, got none"),
            Error::Full { capacity } => write!(f, "expected at most {capacity} observations, got one more"),
            Error::Setting { name, expected } => {
                write!(f, "expected `{name}` to be {expected}, got something else")
            }
            Error::Bytes { expected, got } => write!(f, "expected {expected} bytes, got {got}"),
            Error::Alignment { expected, got } => {
                write!(f, "expected bytes aligned to {expected}, got an address {got} past it")
            }
            Error::Checkpoint { expected } => write!(f, "expected {expected}, got other bytes"),
            Error::NotFinite { row, feature, got } => {
                let got = if got == FpCategory::Nan { "NaN" } else { "infinity" };
                write!(f, "expected finite numbers, got {got} in row {row}, feature {feature}")
            }
            Error::NoNumbers { feature } => {
                write!(f, "expected at least one finite number of feature {feature}, got none")
            }
            Error::Magnitude { feature } => {
                write!(
                    f,
                    "expected a mean, variance and range of feature {feature} that are normal numbers, got others"
                )
            }
            Error::Range { output, got } => {
                write!(f, "expected a range of output {output} with a normal scale, got {got:?}")
            }
            Error::Classes { expected, got } => {
                write!(f, "expected at most {expected} different classes, got {got}")
            }
            Error::Parts { expected, got } => {
                write!(f, "expected parts that add up to {expected} rows, got {got}")
            }
            Error::EmptyPart { part } => write!(f, "expected at least one row in part {part}, got none"),
        }
    }
}

impl core::error::Error for Error {}

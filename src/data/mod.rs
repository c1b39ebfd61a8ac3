//! Data preparation, one row at a time and in fixed memory: the data set need not be in RAM.
//!
//! A row is `[f32; N]`, one number per feature. Rows from a sensor or a file are prepared in these steps:
//!
//! 1. [`Statistics`] reads every row once and computes mean, variance, minimum and maximum of each feature.
//! 2. [`Standardize`] and [`MinMax`] are created from it: plain numbers, which can be stored in flash with the weights.
//! 3. [`Clean`] handles missing numbers (NaN, infinity) and outliers as configured, and keeps a
//!    [`Report`].
//!
//! In addition, [`Labels`] numbers classes, [`one_hot`] encodes one, [`split`] and [`stratified`] divide shuffled row
//! indices into training, validation and test, and [`Windows`] divides a signal into overlapping windows.
//!
//! A single NaN spoils a training: every weight it reaches becomes NaN. Nothing here passes one on silently:
//! [`check_finite`] and [`Statistics::add`] return an error with its row and feature, and [`Clean`] counts it.
//!
//! ```
//! use fusebox::data::{Clean, Missing, Outliers, Standardize, Statistics};
//! let rows = [[20.0, 1.0], [22.0, 3.0], [f32::NAN, 2.0], [24.0, 2.0]]; // degrees, bar; one reading is missing
//!
//! let mut statistics = Statistics::new();
//! for row in &rows {
//!     statistics.add_finite(row);
//! }
//! let standardize = Standardize::of(&statistics)?;
//! let mut clean = Clean::new(Missing::Fill, Outliers::Clip(3.0))?;
//! for mut row in rows {
//!     if clean.apply(&mut row, &standardize) {
//!         standardize.apply(&mut row);
//!         // Now train on the row.
//!         # assert!(row.iter().all(|x| x.abs() < 2.0));
//!     }
//! }
//! assert_eq!(
//!     clean.report.to_string(),
//!     "4 rows, rejected 0; numbers filled 1, clipped 0\n\
//!      feature 0: NaN 1, first in row 2\n"
//! );
//! # Ok::<(), fusebox::Error>(())
//! ```

mod clean;
mod labels;
mod scale;
mod split;
mod statistics;
mod windows;

pub use clean::{Clean, Findings, Found, Missing, Outliers, Report, check_finite};
pub use labels::{Full, Labels, one_hot, one_hot_into};
pub use scale::{MinMax, Standardize};
pub use split::{shuffled, split, stratified};
pub use statistics::Statistics;
pub use windows::Windows;

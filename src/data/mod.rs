//! Preparing data, a row at a time and in fixed memory: the data set itself is never in RAM.
//!
//! A row is `[f32; N]`, one number for each feature. What comes from a sensor or a file goes through here before it is
//! trained on:
//!
//! 1. [`Statistics`] sees every row once and knows mean, variance, minimum and maximum of each feature.
//! 2. [`Standardize`] and [`MinMax`] are made from it: plain numbers that stay in flash, beside the weights they go with.
//! 3. [`Clean`] finds what is missing (NaN, infinity) and what lies far out, does with it what it was told, and keeps a
//!    [`Report`].
//!
//! Beside these: [`Labels`] numbers classes as they come, [`one_hot`] spells a class out, [`split`] and [`stratified`]
//! deal shuffled row numbers to training, validation and test, [`Windows`] cuts a signal into overlapping pieces.
//!
//! A quiet NaN ruins a training: every weight it touches becomes NaN. Nothing here lets one in unsaid: [`check_finite`] and
//! [`Statistics::add`] refuse it by row and feature, [`Clean`] counts it.
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

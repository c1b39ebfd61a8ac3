//! A bar for steps of training.

use indicatif::{ProgressBar, ProgressStyle};
use std::error::Error;

/// Shows the loss, set as the bar's message, and the time left.
pub(crate) fn bar(steps: impl Into<u64>) -> Result<ProgressBar, Box<dyn Error>> {
    let style =
        ProgressStyle::with_template("loss {msg} [{bar:50}] {percent}% {elapsed_precise}, {eta} left")?;
    Ok(ProgressBar::new(steps.into()).with_style(style))
}

//! Checks of settings. A type with private settings checks them in its constructor; one with public settings, which
//! may change between steps, is checked at the start of every step. An invalid setting is an [`Error::Setting`] that
//! names it, and nothing has been written.

use crate::Error;

/// Errors unless `value` is finite and not negative: a rate, a decay, a slack.
pub(crate) const fn not_negative(name: &'static str, value: f32) -> Result<(), Error> {
    if value >= 0.0 && value.is_finite() {
        return Ok(());
    }
    Err(Error::Setting { name, expected: "finite and not negative" })
}

/// Errors unless `value` is positive and finite.
pub(crate) const fn positive(name: &'static str, value: f32) -> Result<(), Error> {
    if value > 0.0 && value.is_finite() {
        return Ok(());
    }
    Err(Error::Setting { name, expected: "positive and finite" })
}

/// Errors unless `value` is positive: a limit, which may be infinite.
pub(crate) const fn limit(name: &'static str, value: f32) -> Result<(), Error> {
    if value > 0.0 {
        return Ok(());
    }
    Err(Error::Setting { name, expected: "positive" })
}

/// Errors unless `value` is from 0 to 1: a fraction.
pub(crate) const fn share(name: &'static str, value: f32) -> Result<(), Error> {
    if value >= 0.0 && value <= 1.0 {
        return Ok(());
    }
    Err(Error::Setting { name, expected: "from 0 to 1" })
}

/// Errors unless `value` is from 0 to less than 1: the decay of a running mean, which would never change with 1.
pub(crate) const fn decay(name: &'static str, value: f32) -> Result<(), Error> {
    if value >= 0.0 && value < 1.0 {
        return Ok(());
    }
    Err(Error::Setting { name, expected: "from 0 to less than 1" })
}

//! Why an import failed.

use std::fmt;

/// Why a file cannot be imported: a sentence that names the operator and the tensor.
///
/// ```
/// let error = fusebox_import::Network::read(b"GIF89a, not a network", &Default::default()).unwrap_err();
/// assert_eq!(error.to_string(), "not a TensorFlow Lite file: it has no TFL3 at byte 4");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error(String);

impl Error {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }

    /// The same, preceded by where it happened.
    pub(crate) fn at(self, place: impl fmt::Display) -> Self {
        Self(format!("{place}: {}", self.0))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}

impl From<fusebox::Error> for Error {
    fn from(error: fusebox::Error) -> Self {
        Self(error.to_string())
    }
}

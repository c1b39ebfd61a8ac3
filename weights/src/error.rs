//! Why weights were refused.

use std::fmt;

/// Why a file was refused, or cannot be written: a sentence that names the tensor.
///
/// ```
/// let error = fusebox_weights::File::read(b"GIF89a, not weights").unwrap_err();
/// let expected = "not a safetensors file: its header would have 2318334806574123335 bytes, more than the file";
/// assert_eq!(error.to_string(), expected);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error(String);

impl Error {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}

//! What a firmware logs with `defmt`, beside [`Error`](crate::Error) and [`Memory`](crate::Memory), which derive it. The
//! words stay on the desktop; a log line is a few bytes.

use crate::Isa;
use defmt::{Format, Formatter, write};

impl Format for Isa {
    fn format(&self, f: Formatter<'_>) {
        write!(f, "{=str}", self.name());
    }
}

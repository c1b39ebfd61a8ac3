//! The instruction sets that a test runs on, and a word on those it cannot.

use fusebox::Isa;
use std::io::{Write as _, stderr};
use std::sync::Once;

/// Every instruction set of this processor. The first call prints what runs, and what this processor lacks.
pub(crate) fn isas() -> impl Iterator<Item = Isa> {
    static TOLD: Once = Once::new();
    TOLD.call_once(|| {
        let ran: Vec<&str> = Isa::available().map(Isa::name).collect();
        for name in ["portable", "avx2", "avx512", "neon"] {
            let what = if ran.contains(&name) { "runs" } else { "NOT RUN, this processor lacks it" };
            tell(&format!("{name}: {what}"));
        }
    });
    Isa::available()
}

/// Prints a line straight to the stream: what a test prints otherwise is shown only if it fails.
pub(crate) fn tell(line: &str) {
    let _ = writeln!(stderr(), "{line}");
}

//! What stands in for a board on this machine.

use firmware::Board;
use std::fmt;

/// Prints as it goes.
pub(crate) struct Paper;

impl Board for Paper {
    fn print(&mut self, text: fmt::Arguments<'_>) {
        print!("{text}");
    }

    // Nothing is counted here.
    fn start(&mut self) {}

    fn ticks(&mut self) -> Option<u32> {
        None
    }

    fn spin(_turns: u32) {}
}

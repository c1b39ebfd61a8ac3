//! What a program needs of its board: a place to print, and a counter of instructions.

use core::fmt;
use core::hint::black_box;
use core::sync::atomic::{Ordering, compiler_fence};

/// A board, real or emulated.
pub trait Board {
    /// Prints the text.
    fn print(&mut self, text: fmt::Arguments<'_>);

    /// Starts counting ticks. A tick is some fixed part of an instruction: [`Counter`] finds out which.
    fn start(&mut self);

    /// Ticks since [`Board::start`], or `None` if there were more than the counter holds.
    fn ticks(&mut self) -> Option<u32>;

    /// Runs a loop of `turns` turns, two instructions each.
    fn spin(turns: u32);
}

/// Prints a line on a board.
macro_rules! say {
    ($board:expr, $($text:tt)*) => { $board.print(format_args!("{}\n", format_args!($($text)*))) };
}
pub(crate) use say;

/// Why a program stopped early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// fusebox refused an argument.
    Fusebox(fusebox::Error),
    /// A program was started a second time, while the first holds its memory.
    Restarted,
    /// The counter of instructions overflowed.
    Counter,
    /// A step in slices left other weights than the whole step.
    Slices,
    /// A training that was restored went on otherwise than the one that was saved.
    Restored,
    /// Held-out accuracy, in thousandths, below what was asked for.
    Accuracy(u32),
    /// A kernel's number further from what it should be than it may.
    Mismatch(Mismatch),
    /// An imported network's outputs are not those of TensorFlow Lite for Microcontrollers.
    Golden {
        /// The network.
        name: &'static str,
        /// Bytes that differ.
        differ: usize,
    },
    /// A kernel wrote a number where it should not.
    Stray {
        /// The kernel.
        kernel: &'static str,
        /// The sizes it was called with.
        shape: [usize; 3],
    },
}

/// A kernel's number that is wrong; numbers are the bits of an `f32`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// The kernel.
    pub kernel: &'static str,
    /// The sizes it was called with.
    pub shape: [usize; 3],
    /// Which of the numbers, counted from zero.
    pub element: usize,
    /// What the kernel gave.
    pub got: u32,
    /// What the reference gave.
    pub expected: u32,
    /// How far apart they may be.
    pub bound: u32,
}

impl From<fusebox::Error> for Failure {
    fn from(error: fusebox::Error) -> Self {
        Self::Fusebox(error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fusebox(error) => write!(f, "{error}"),
            Self::Restarted => f.write_str("the program's memory is in use"),
            Self::Counter => f.write_str("the counter of instructions overflowed"),
            Self::Slices => f.write_str("a step in slices is not the whole step"),
            Self::Restored => f.write_str("a training that was restored is not the one that was saved"),
            Self::Accuracy(thousandths) => write!(f, "an accuracy of {} is too low", Percent(*thousandths)),
            Self::Mismatch(Mismatch { kernel, shape: [a, b, c], element, got, expected, bound }) => write!(
                f,
                "{kernel}, {a} x {b} x {c}, element {element}: {got:08x}, not {expected:08x} within {bound:08x}"
            ),
            Self::Golden { name, differ } => write!(f, "{name}: {differ} bytes of the outputs differ"),
            Self::Stray { kernel, shape: [a, b, c] } => {
                write!(f, "{kernel}, {a} x {b} x {c}: wrote outside its result")
            }
        }
    }
}

/// Counts the instructions of a piece of code.
///
/// Boards differ in what their counter counts, so it is measured: loops of known length give the ticks of an
/// instruction and of reading the counter.
pub(crate) struct Counter {
    /// Ticks of [`SPAN`] instructions.
    span: u64,
    /// Ticks when nothing is run.
    overhead: u64,
}

/// Instructions by which the two loops differ: long enough that a tick more or less does not matter.
const SPAN: u64 = 200_000;
const SHORT: u32 = 1_000;
const LONG: u32 = SHORT + (SPAN / 2) as u32;

impl Counter {
    pub(crate) fn calibrated<B: Board>(board: &mut B) -> Result<Self, Failure> {
        let short = Self::ticks(board, || B::spin(SHORT))?;
        let long = Self::ticks(board, || B::spin(LONG))?;
        let span = long.checked_sub(short).filter(|&span| span > 0).ok_or(Failure::Counter)?;
        let overhead = Self::ticks(board, || ())?;
        Ok(Self { span, overhead })
    }

    /// Instructions that `work` takes.
    pub(crate) fn instructions<B: Board, T>(
        &self,
        board: &mut B,
        work: impl FnOnce() -> T,
    ) -> Result<u64, Failure> {
        let ticks = Self::ticks(board, work)?.saturating_sub(self.overhead);
        // A calibrated span is above zero; `max` spares the check for a division by zero.
        Ok((ticks * SPAN + self.span / 2) / self.span.max(1))
    }

    fn ticks<B: Board, T>(board: &mut B, work: impl FnOnce() -> T) -> Result<u64, Failure> {
        board.start();
        compiler_fence(Ordering::SeqCst);
        black_box(work());
        compiler_fence(Ordering::SeqCst);
        board.ticks().map(u64::from).ok_or(Failure::Counter)
    }
}

/// A number printed with four decimals.
pub(crate) struct Decimal(pub(crate) f32);

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A cast saturates and takes NaN to 0, which would read as a perfect loss.
        if !self.0.is_finite() {
            return f.write_str("not finite");
        }
        let sign = if self.0 < 0.0 { "-" } else { "" };
        let scaled = (self.0.abs() * 10_000.0 + 0.5) as u32;
        write!(f, "{sign}{}.{:04}", scaled / 10_000, scaled % 10_000)
    }
}

/// Thousandths, printed as per cent.
pub(crate) struct Percent(pub(crate) u32);

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{} %", self.0 / 10, self.0 % 10)
    }
}

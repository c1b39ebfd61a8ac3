//! Kernels one by one, each as a case of its own, for `cargo xtask counts`.
//!
//! What a case runs lies between two calls of [`mark`], a function with a name in the image, by which the emulator's trace
//! is cut into cases. So the instructions of a case are counted twice: in the trace, one by one, and here by the board.
//!
//! Shapes pass through [`black_box`], so that the kernels compiled are those for any shape.

mod convolutions;
mod functions;
mod int8;
mod integers;
mod networks;
mod products;
#[cfg(feature = "large")]
mod recurrent;

use crate::board::{Board, Counter, Failure, say};
use core::fmt;
use core::hint::black_box;
use fusebox::Rng;
use static_cell::ConstStaticCell;

/// Whether floating point is in hardware. Where it is not, a multiply-accumulate takes some hundred instructions: the
/// larger cases are left out.
const FPU: bool = cfg!(target_abi = "eabihf");

/// What the cases compute on: all zeros at first, and so in `.bss`.
static PRODUCTS: ConstStaticCell<products::Memory> = ConstStaticCell::new(products::Memory::new());
static NETWORKS: ConstStaticCell<networks::Memory> = ConstStaticCell::new(networks::Memory::new());
static CONVOLUTIONS: ConstStaticCell<convolutions::Memory> =
    ConstStaticCell::new(convolutions::Memory::new());
#[cfg(feature = "large")]
static RECURRENT: ConstStaticCell<recurrent::Memory> = ConstStaticCell::new(recurrent::Memory::new());
static FUNCTIONS: ConstStaticCell<functions::Memory> = ConstStaticCell::new(functions::Memory::new());
static INTEGERS: ConstStaticCell<integers::Memory> = ConstStaticCell::new(integers::Memory::new());
static INT8: ConstStaticCell<int8::Memory> = ConstStaticCell::new(int8::Memory::new());
static TINY: ConstStaticCell<int8::tiny::Memory> = ConstStaticCell::new(int8::tiny::Memory::new());

/// Runs every case; prints a line for each: its name, how much work it is, its instructions.
pub fn counts<B: Board>(board: &mut B) -> Result<(), Failure> {
    let int8 = INT8.try_take().ok_or(Failure::Restarted)?;
    let integers = INTEGERS.try_take().ok_or(Failure::Restarted)?;
    let tiny = TINY.try_take().ok_or(Failure::Restarted)?;
    let products = PRODUCTS.try_take().ok_or(Failure::Restarted)?;
    let networks = NETWORKS.try_take().ok_or(Failure::Restarted)?;
    let convolutions = CONVOLUTIONS.try_take().ok_or(Failure::Restarted)?;
    #[cfg(feature = "large")]
    let recurrent = RECURRENT.try_take().ok_or(Failure::Restarted)?;
    let functions = FUNCTIONS.try_take().ok_or(Failure::Restarted)?;
    let mut bench = Bench { counter: Counter::calibrated(board)?, board };
    // What the marks themselves take.
    bench.case(format_args!("nothing"), Work::Numbers(1), &mut || Ok(()))?;
    int8.run(&mut bench)?;
    integers.run(&mut bench)?;
    tiny.run(&mut bench)?;
    products.run(&mut bench)?;
    networks.run(&mut bench)?;
    convolutions.run(&mut bench)?;
    #[cfg(feature = "large")]
    recurrent.run(&mut bench)?;
    functions.run(&mut bench)
}

/// How much a case has to do, by which its instructions are divided.
#[derive(Clone, Copy, Debug)]
enum Work {
    /// Multiply-accumulates; of a step of the dense network, those of its forward pass.
    Macs(usize),
    /// Numbers that a function is computed of.
    Numbers(usize),
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Macs(count) => write!(f, "{count} MACs"),
            Self::Numbers(count) => write!(f, "{count} numbers"),
        }
    }
}

/// Where cases are counted.
struct Bench<'a, B> {
    board: &'a mut B,
    counter: Counter,
}

impl<B: Board> Bench<'_, B> {
    /// Counts a case and prints its line. All cases are called from here, so that the marks cost the same in each.
    #[inline(never)]
    fn case(
        &mut self,
        name: fmt::Arguments<'_>,
        work: Work,
        run: &mut dyn FnMut() -> Result<(), fusebox::Error>,
    ) -> Result<(), Failure> {
        let mut result = Ok(());
        let counted = self.counter.instructions(self.board, || {
            mark();
            if let Err(error) = run() {
                result = Err(error);
            }
            mark();
        });
        result?;
        match counted {
            // More than the counter holds: the trace alone counts them.
            Err(Failure::Counter) => say!(self.board, "case {name}; {work}; uncounted instructions"),
            counted => say!(self.board, "case {name}; {work}; {} instructions", counted?),
        }
        Ok(())
    }
}

/// The start of a case, or its end.
#[inline(never)]
fn mark() {
    black_box(0_u8);
}

/// Numbers of which about half are negative, none zero.
fn fill(rng: &mut Rng, numbers: &mut [f32]) {
    for x in numbers {
        *x = rng.normal();
    }
}

//! Every kernel against a reference, on the board itself.
//!
//! The same source runs on every board and on the desktop. What a kernel writes lies among guards and is NaN beforehand; each
//! number of it must be within a bound of the reference's, which is derived, not chosen; and the bits of all
//! of them go into a hash that must be the same wherever multiply-adds are of the same class.
//!
//! | file | what it holds |
//! |---|---|
//! | `bounded` | numbers that know how far an `f32` may be from them |
//! | `ledger` | guards, comparison, the hash |
//! | `products` | gemm in every layout, with every epilogue, at boundary sizes; fixed shapes and packed weights |
//! | `functions` | exp and its kin, softmax |
//! | `layers` | forward and backward: dense with every activation, normalisation, softmax; `probes` make them visible |
//! | `int8`, `windows` | fully connected layers of eight bits; convolutions of them |
//! | `convolutions` | bits of all passes |
//! | `recurrent` | bits of a gated recurrent unit's outputs |
//! | `losses` | means and gradients |
//! | `rules` | steps of the optimisers |

mod bounded;
mod convolutions;
mod functions;
mod int8;
mod layers;
mod ledger;
mod losses;
mod probes;
mod products;
mod recurrent;
mod rules;
mod windows;

use crate::board::{Board, Failure, say};
use fusebox::Isa;
use ledger::{Guarded, Ledger};
use products::{Buffers, cells};

/// Sizes of the products that a board of 16 KiB makes.
const SMALL: usize = 17;
/// Sizes of all.
const LARGE: usize = 33;

/// The memory of the checks that every board has room for: all zeros, and so in `.bss`.
#[derive(Debug)]
pub(crate) struct Small {
    products: Buffers<SMALL, { cells(SMALL) }>,
    numbers: Guarded<{ LARGE + 16 }>,
}

/// The memory of the others.
#[derive(Debug)]
pub(crate) struct Large(Buffers<LARGE, { cells(LARGE) }>);

impl Small {
    /// Memory, not yet used.
    pub(crate) const fn new() -> Self {
        Self { products: Buffers::new(), numbers: Guarded::new() }
    }

    /// Every kernel, products up to [`SMALL`] squared. Prints how many passed, and the hash.
    pub(crate) fn check<B: Board>(&mut self, board: &mut B, isa: Isa) -> Result<(), Failure> {
        let mut ledger = Ledger::new();
        products::layouts(isa, &mut ledger, &mut self.products)?;
        products::fixed(isa, &mut ledger)?;
        functions::check(isa, &mut ledger, &mut self.numbers)?;
        layers::check(isa, &mut ledger)?;
        losses::check(isa, &mut ledger)?;
        rules::check(isa, &mut ledger)?;
        int8::check(isa, &mut ledger)?;
        windows::check(isa, &mut ledger)?;
        told(board, "kernels", &ledger);
        Ok(())
    }
}

impl Large {
    /// Memory, not yet used.
    pub(crate) const fn new() -> Self {
        Self(Buffers::new())
    }

    /// Products up to [`LARGE`] squared, convolutions, and recurrent layers.
    pub(crate) fn check<B: Board>(&mut self, board: &mut B, isa: Isa) -> Result<(), Failure> {
        let mut ledger = Ledger::new();
        products::layouts(isa, &mut ledger, &mut self.0)?;
        products::long_rows(isa, &mut ledger, &mut self.0)?;
        told(board, "large products", &ledger);
        say!(board, "convolutions fnv1a {:016x}", convolutions::check(isa).finish());
        say!(board, "recurrent fnv1a {:016x}", recurrent::check(isa).finish());
        Ok(())
    }
}

fn told<B: Board>(board: &mut B, what: &str, ledger: &Ledger) {
    let Ledger { kernels, calls, hash } = ledger;
    say!(board, "{what} {kernels} in {calls} calls fnv1a {:016x}", hash.finish());
}

//! The books of a check: what was got is compared with what it should be, counted, and hashed.

use super::bounded::Bounded;
use crate::bits::Fnv1a;
use crate::board::{Failure, Mismatch};

/// What surrounds a buffer and fills it before a kernel runs: a NaN that nothing computes. A kernel that reads what it
/// should overwrite gives a NaN; one that writes where it should not changes a guard.
pub(super) const CANARY: f32 = f32::from_bits(0xffd2_4935);

/// Numbers before and after the inside of a [`Guarded`].
const GUARD: usize = 8;

/// Numbers among guards. `CELLS` counts all of them.
#[derive(Debug)]
pub(super) struct Guarded<const CELLS: usize> {
    cells: [f32; CELLS],
}

impl<const CELLS: usize> Guarded<CELLS> {
    /// All zeros, and so in `.bss`: for a buffer that is cleared before it is used.
    pub(super) const fn new() -> Self {
        const { assert!(CELLS > 2 * GUARD) }
        Self { cells: [0.0; CELLS] }
    }

    /// Room for `len` numbers, all canaries like what is around them.
    pub(super) fn clear(&mut self, len: usize) -> &mut [f32] {
        self.cells.fill(CANARY);
        self.cells.get_mut(GUARD..GUARD + len).unwrap_or_default()
    }

    /// The first `len` numbers, if those around them are still canaries.
    pub(super) fn inside(&self, len: usize) -> Option<&[f32]> {
        let (before, rest) = self.cells.split_at_checked(GUARD)?;
        let (inside, after) = rest.split_at_checked(len)?;
        let untouched = before.iter().chain(after).all(|&x| is_canary(x));
        untouched.then_some(inside)
    }
}

/// Whether nothing was written here.
pub(super) fn is_canary(x: f32) -> bool {
    x.to_bits() == CANARY.to_bits()
}

/// What is being checked, for the report of a failure.
#[derive(Clone, Copy)]
pub(super) struct What {
    pub(super) kernel: &'static str,
    pub(super) shape: [usize; 3],
}

impl What {
    /// The failure that a number outside the result was written, or the result does not even fit.
    pub(super) fn stray(self) -> Failure {
        Failure::Stray { kernel: self.kernel, shape: self.shape }
    }
}

/// The books.
pub(super) struct Ledger {
    /// Kernels that passed.
    pub(super) kernels: u32,
    /// Calls of them.
    pub(super) calls: u32,
    /// Of every result's bits, in order.
    pub(super) hash: Fnv1a,
}

impl Ledger {
    pub(super) fn new() -> Self {
        Self { kernels: 0, calls: 0, hash: Fnv1a::new() }
    }

    /// Enters what a call wrote: `count` numbers, each beside what it should be and within the bound of it.
    pub(super) fn enter(
        &mut self,
        what: What,
        count: usize,
        numbers: impl Iterator<Item = (f32, Bounded)>,
    ) -> Result<(), Failure> {
        let mut element = 0;
        for (got, expected) in numbers {
            if !expected.explains(got) {
                return Err(Failure::Mismatch(Mismatch {
                    kernel: what.kernel,
                    shape: what.shape,
                    element,
                    got: got.to_bits(),
                    expected: (expected.value as f32).to_bits(),
                    bound: (expected.error as f32).to_bits(),
                }));
            }
            self.hash.add(&got.to_bits().to_le_bytes());
            element += 1;
        }
        if element != count {
            return Err(what.stray());
        }
        self.calls += 1;
        Ok(())
    }

    /// The same for numbers in slices.
    pub(super) fn enter_all(
        &mut self,
        what: What,
        got: &[f32],
        expected: impl Iterator<Item = Bounded>,
    ) -> Result<(), Failure> {
        self.enter(what, got.len(), got.iter().copied().zip(expected))
    }
}

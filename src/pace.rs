//! How much of a training step to run: all of it, or a slice, for a device whose control loop has a deadline.
//!
//! Each pass of a step over a network is a sequence of units, layer by layer, in a fixed order:
//!
//! | pass | unit | multiply-adds |
//! |---|---|---|
//! | forward, backward | a row of the batch through a layer | IN OUT |
//! | loss | a row of the batch | a function of each number |
//! | copy | sixteen of the network's parameters | as many |
//! | update | the weights of one input, with their gradient summed over the whole batch | OUT (B + rule) |
//!
//! A layer asks its [`Pace`] which of its units to do now. [`Whole`] always answers all of them; it has no budget and
//! no state, so the compiler removes the question. A [`Slice`] skips the units that earlier slices have done and
//! grants as many more as its budget allows.
//!
//! Slices give the same bits as the whole step because of the order of summation: a row's bits do not depend on the
//! other rows, and each element of dW = X^T dY sums over the whole batch, whichever rows of dW are computed with it.

use crate::Isa;
use core::ops::Range;

/// The cost in multiply-adds of one function of a number (an exponential, a quotient): on a Cortex-M4F, both take about
/// five instructions per multiply-add counted.
pub(crate) const FUNCTION: usize = 12;

/// How much of a pass over the network to do now. Implemented by [`Whole`] and [`Slice`] only.
pub trait Pace: sealed::Sealed {
    /// The instruction set to use.
    fn isa(&self) -> Isa;

    /// Which of a layer's `count` units, of `macs` multiply-adds each, to do now: the next ones not done yet, as many
    /// as the budget allows; possibly an empty range. The caller must do them: they are counted as done.
    ///
    /// Every slice of a pass must make the same calls with the same arguments in the same order.
    ///
    /// ```
    /// use fusebox::Pace;
    /// /// y = -x; a unit is a row of the batch.
    /// fn forward(pace: &mut impl Pace, xs: &[[f32; 8]], ys: &mut [[f32; 8]]) {
    ///     let rows = pace.take(xs.len(), 8);
    ///     for (x, y) in xs[rows.clone()].iter().zip(&mut ys[rows]) {
    ///         *y = x.map(|x| -x);
    ///     }
    /// }
    /// ```
    fn take(&mut self, count: usize, macs: usize) -> Range<usize>;

    /// Whether to do a single unit of `macs` multiply-adds now.
    ///
    /// ```
    /// use fusebox::Pace;
    /// # fn in_a_layer(pace: &mut impl Pace) {
    /// if pace.take_whole(640) {
    ///     // .. all of it
    /// }
    /// # }
    /// ```
    #[inline(always)]
    fn take_whole(&mut self, macs: usize) -> bool {
        !self.take(1, macs).is_empty()
    }

    /// The index of the current block of a [`Repeat`](crate::layers::Repeat), so that layers in different blocks draw
    /// different random numbers; 0 outside of blocks.
    #[doc(hidden)]
    fn block(&mut self) -> &mut u32;
}

mod sealed {
    pub trait Sealed {}
}

/// All units at once.
#[derive(Clone, Copy, Debug)]
pub struct Whole {
    isa: Isa,
    block: u32,
}

impl Whole {
    /// All units, on the given instruction set.
    ///
    /// ```
    /// use fusebox::{Isa, Pace, Whole};
    /// assert_eq!(Whole::on(Isa::detect()).take(7, 100), 0..7);
    /// ```
    pub const fn on(isa: Isa) -> Self {
        Self { isa, block: 0 }
    }
}

impl sealed::Sealed for Whole {}

impl Pace for Whole {
    #[inline(always)]
    fn isa(&self) -> Isa {
        self.isa
    }

    #[inline(always)]
    fn take(&mut self, count: usize, _macs: usize) -> Range<usize> {
        0..count
    }

    #[inline(always)]
    fn block(&mut self) -> &mut u32 {
        &mut self.block
    }
}

/// The most work that one slice of a training step may do: see [`Learner::poll`](crate::Learner::poll).
///
/// A slice always does at least one unit of work, however small its budget, so that every step ends. It never does
/// more than the larger of its budget and one unit. Layers define the units, through [`Pace`].
///
/// ```
/// use fusebox::Budget;
/// let tick = Budget::macs(5_000); // some 30,000 instructions of a Cortex-M4F
/// assert_ne!(tick, Budget::ALL);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// No limit if [`usize::MAX`], and so the next.
    units: usize,
    macs: usize,
}

impl Budget {
    /// The whole step at once.
    pub const ALL: Self = Self { units: usize::MAX, macs: usize::MAX };

    /// `rows` units, whatever they cost: rows of a batch through a layer, rows of weights and so on. Takes at most
    /// `rows` times as long as the most expensive unit.
    pub const fn rows(rows: usize) -> Self {
        Self { units: rows, ..Self::ALL }
    }

    /// `macs` multiply-adds; a function of one number (an exponential, a quotient) counts as twelve.
    pub const fn macs(macs: usize) -> Self {
        Self { macs, ..Self::ALL }
    }
}

/// The rest of a budget, and the position in a pass over the network: passed from layer to layer.
#[derive(Debug)]
pub struct Slice {
    isa: Isa,
    block: u32,
    budget: Budget,
    /// Units still to skip, because earlier slices have done them.
    skip: usize,
    /// Units that this slice has done in this pass.
    done: usize,
    /// No unit has been done yet: the first is allowed whatever it costs.
    fresh: bool,
    /// The budget was too small for some unit: none after it may be done.
    stopped: bool,
}

impl Slice {
    pub(crate) fn new(isa: Isa, budget: Budget) -> Self {
        Self { isa, block: 0, budget, skip: 0, done: 0, fresh: true, stopped: false }
    }

    /// Starts a pass of which earlier slices have done the first `skip` units.
    pub(crate) fn enter(&mut self, skip: usize) {
        (self.skip, self.done) = (skip, 0);
    }

    /// The units done since [`Slice::enter`], if the pass is not complete; `None` if it is.
    pub(crate) fn left_after(&self) -> Option<usize> {
        self.stopped.then_some(self.done)
    }
}

impl sealed::Sealed for Slice {}

impl Pace for Slice {
    #[inline(always)]
    fn isa(&self) -> Isa {
        self.isa
    }

    #[inline(never)]
    fn take(&mut self, count: usize, macs: usize) -> Range<usize> {
        let start = self.skip.min(count);
        self.skip -= start;
        let left = count - start;
        if self.stopped || left == 0 {
            return start..start;
        }
        let Budget { units, macs: paid } = self.budget;
        // Units without multiply-adds cost at least one.
        let macs = macs.max(1);
        // A step may take more than 2^32 multiply-adds: where a budget has no limit, nothing is charged.
        let affordable = if paid == usize::MAX { left } else { paid / macs };
        let taken = units.min(affordable).max(usize::from(self.fresh)).min(left);
        self.stopped = taken < left;
        self.fresh &= taken == 0;
        self.done += taken;
        if units < usize::MAX {
            self.budget.units = units.saturating_sub(taken);
        }
        if paid < usize::MAX {
            self.budget.macs = paid.saturating_sub(macs.saturating_mul(taken));
        }
        start..start + taken
    }

    #[inline(always)]
    fn block(&mut self) -> &mut u32 {
        &mut self.block
    }
}

#[cfg(test)]
mod tests {
    use super::{Budget, Pace, Slice};
    use crate::Isa;
    use std::vec::Vec;

    /// The units done in each slice of a pass over layers of (units, multiply-adds).
    fn slices(budget: Budget, layers: &[(usize, usize)]) -> Vec<Vec<(usize, usize)>> {
        let (mut done, mut all) = (0, Vec::new());
        loop {
            let mut slice = Slice::new(Isa::portable(), budget);
            slice.enter(done);
            let mut units = Vec::new();
            for (layer, &(count, macs)) in layers.iter().enumerate() {
                units.extend(slice.take(count, macs).map(|unit| (layer, unit)));
            }
            all.push(units);
            match slice.left_after() {
                Some(more) => done += more,
                None => return all,
            }
        }
    }

    #[test]
    fn every_unit_once_in_order_and_within_the_budget() {
        let layers = [(3, 100), (0, 50), (5, 10), (1, 1000), (2, 0), (4, 60)];
        let all: Vec<_> =
            (0..).zip(layers).flat_map(|(l, (count, _))| (0..count).map(move |u| (l, u))).collect();
        for macs in (0..1600).chain([usize::MAX]) {
            let slices = slices(Budget::macs(macs), &layers);
            assert_eq!(slices.concat(), all, "{macs}");
            for units in &slices {
                let used: usize = units.iter().map(|&(layer, _)| layers[layer].1.max(1)).sum();
                assert!(used <= macs || units.len() == 1, "{macs}: {units:?}");
                assert!(!units.is_empty(), "{macs}: a slice that does nothing");
            }
        }
        for rows in (0..20).chain([usize::MAX]) {
            let slices = slices(Budget::rows(rows), &layers);
            assert_eq!(slices.concat(), all, "{rows}");
            assert!(slices.iter().all(|units| units.len() <= rows.max(1)), "{rows}");
        }
    }

    /// As where `usize` has 32 bits, which fewer multiply-adds exceed.
    #[test]
    fn no_limit_is_no_number() {
        let layers = [(3, usize::MAX), (2, usize::MAX / 2)];
        assert_eq!(slices(Budget::ALL, &layers).len(), 1);
        assert_eq!(slices(Budget::rows(2), &layers).len(), 3);
        assert_eq!(slices(Budget::macs(usize::MAX - 1), &layers).len(), 4);
    }

    #[test]
    fn a_pass_without_units_is_complete() {
        assert_eq!(slices(Budget::macs(0), &[]), [[]]);
        assert_eq!(slices(Budget::rows(0), &[(0, 7)]), [[]]);
    }
}

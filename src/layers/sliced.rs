//! A training step in slices, for a device whose control loop has a deadline.
//!
//! Each pass of a step over a network is a row of units, layer by layer, in the order of the whole pass:
//!
//! | pass | unit | multiply-adds |
//! |---|---|---|
//! | forward, backward | a row of the batch through a layer | IN OUT |
//! | loss | a row of the batch, or sixteen numbers of it | a function of each number |
//! | copy | a layer's parameters into the spare network | as many |
//! | update | the weights of one input, their gradient summed over the whole batch | OUT (B + rule) |
//!
//! A bias is one unit of its update. An optimiser that must look at a gradient before it moves anything looks at each array
//! of parameters as one unit, as many multiply-adds as it has numbers.
//!
//! A slice walks over the layers, skips the units that were done before it, and does as many as its budget pays for. That
//! these are the bits of the whole step is the crate's order of summation: a row's bits do not depend on the rows beside it,
//! and an element of dW = X^T dY sums over the batch whichever rows of dW are formed with it.

use super::{InputGradient, Train};
use crate::memory::count_of;
use crate::{Isa, Optimizer};
use core::ops::Range;

/// What a number that passes through a function (an exponential, a quotient) counts as in multiply-adds: on a Cortex-M4F both
/// come to some five instructions a multiply-add.
pub(crate) const FUNCTION: usize = 12;

/// How much a slice of a training step may do: see [`Learner::poll`](crate::Learner::poll).
///
/// A slice always does one unit of work, however small its budget, so that every step ends; it never does more than the
/// larger of its budget and one unit. The units are told by [`Sliced`].
///
/// ```
/// use fusebox::Budget;
/// let tick = Budget::macs(5_000); // some 30,000 instructions of a Cortex-M4F
/// assert_ne!(tick, Budget::ALL);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    units: usize,
    macs: usize,
}

impl Budget {
    /// The whole step at once.
    pub const ALL: Self = Self { units: usize::MAX, macs: usize::MAX };

    /// `rows` units, whatever they cost: rows of a batch through a layer, rows of weights and the like. At most as long as
    /// the dearest unit takes, so many times.
    pub const fn rows(rows: usize) -> Self {
        Self { units: rows, ..Self::ALL }
    }

    /// `macs` multiply-adds, a function of one number (an exponential, a quotient) counting as twelve.
    pub const fn macs(macs: usize) -> Self {
        Self { macs, ..Self::ALL }
    }
}

/// What is left of a budget, and where in a pass over the network a slice goes on: handed from layer to layer.
#[derive(Debug)]
pub struct Slice {
    budget: Budget,
    /// Units ahead that earlier slices have done.
    skip: usize,
    /// Units done in this pass by this slice.
    done: usize,
    /// Nothing was done yet: one unit is free.
    fresh: bool,
    /// Some unit was not paid for: nothing after it may be done.
    stopped: bool,
}

impl Slice {
    pub(crate) fn new(budget: Budget) -> Self {
        Self { budget, skip: 0, done: 0, fresh: true, stopped: false }
    }

    /// Begins to walk over a pass of which earlier slices have done the first `skip` units.
    pub(crate) fn enter(&mut self, skip: usize) {
        (self.skip, self.done) = (skip, 0);
    }

    /// The units done since [`Slice::enter`], if some were left undone; `None` if the pass is complete.
    pub(crate) fn left_after(&self) -> Option<usize> {
        self.stopped.then_some(self.done)
    }

    /// Which of a layer's `count` units to do now, each of `macs` multiply-adds: those that were not done before, as far as
    /// the budget goes; an empty range if there are none. The caller does them: they count as done.
    ///
    /// In every slice of a pass, the same calls are made with the same numbers and in the same order.
    ///
    /// ```
    /// use fusebox::Slice;
    /// /// y = -x; a unit is a row of the batch.
    /// fn forward_slice(slice: &mut Slice, xs: &[[f32; 8]], ys: &mut [[f32; 8]]) {
    ///     let rows = slice.take(xs.len(), 8);
    ///     for (x, y) in xs[rows.clone()].iter().zip(&mut ys[rows]) {
    ///         *y = x.map(|x| -x);
    ///     }
    /// }
    /// ```
    pub fn take(&mut self, count: usize, macs: usize) -> Range<usize> {
        let start = self.skip.min(count);
        self.skip -= start;
        let left = count - start;
        if self.stopped || left == 0 {
            return start..start;
        }
        let Budget { units, macs: paid } = self.budget;
        // A unit without numbers costs something too.
        let macs = macs.max(1);
        let units = units.min(paid / macs).max(usize::from(self.fresh)).min(left);
        self.stopped = units < left;
        self.fresh &= units == 0;
        self.done += units;
        self.budget.units = self.budget.units.saturating_sub(units);
        self.budget.macs = paid.saturating_sub(macs.saturating_mul(units));
        start..start + units
    }

    /// Whether to do now what is a single unit of `macs` multiply-adds.
    ///
    /// ```
    /// use fusebox::{Budget, Slice};
    /// # fn in_a_layer(slice: &mut Slice) {
    /// if slice.take_whole(640) {
    ///     // .. all of it
    /// }
    /// # }
    /// ```
    pub fn take_whole(&mut self, macs: usize) -> bool {
        !self.take(1, macs).is_empty()
    }
}

/// The elements in `range`, or none.
#[inline(always)]
pub(crate) fn part<'a, T>(xs: &'a [T], range: &Range<usize>) -> &'a [T] {
    xs.get(range.clone()).unwrap_or_default()
}

/// The elements in `range`, or none, to be written.
#[inline(always)]
pub(crate) fn part_mut<'a, T>(xs: &'a mut [T], range: &Range<usize>) -> &'a mut [T] {
    xs.get_mut(range.clone()).unwrap_or_default()
}

/// A layer whose training step can be taken in slices.
///
/// Each method does the part of its namesake in [`Train`] that a [`Slice`] asks for: it calls [`Slice::take`] with the
/// number of its units and does those that it is given. All parts together leave the same bits as the namesake. As they
/// stand, the methods take each pass as one unit, so that a layer of a user's own needs one line:
///
/// ```
/// # use fusebox::{Init, InputGradient, Isa, Layer, Optimizer, Rng, Train, Zeroed};
/// use fusebox::{Budget, Dense, Learner, Seq, Sgd, Sliced};
///
/// #[derive(Clone, Copy)]
/// struct Negate; // y = -x
/// impl Sliced for Negate {}
/// # impl Zeroed for Negate {
/// #     const ZEROED: Self = Self;
/// # }
/// # impl Layer for Negate {
/// #     type Input = [f32; 2];
/// #     type Output = [f32; 2];
/// #     type Even<const B: usize> = ();
/// #     type Odd<const B: usize> = ();
/// #     fn run(&self, _: Isa, xs: &[[f32; 2]], _: [&mut [f32]; 2], ys: &mut [[f32; 2]]) {
/// #         for (x, y) in xs.iter().zip(ys) {
/// #             *y = x.map(|x| -x);
/// #         }
/// #     }
/// # }
/// # impl Train for Negate {
/// #     type Tape<const B: usize> = ();
/// #     type Gradients<const B: usize> = ();
/// #     type State<O: Optimizer> = ();
/// #     fn init(&mut self, _: Init, _: &mut Rng) {}
/// #     fn forward<const B: usize>(&self, isa: Isa, xs: &[[f32; 2]], _: &mut (), ys: &mut [[f32; 2]]) {
/// #         self.run(isa, xs, [&mut [], &mut []], ys);
/// #     }
/// #     fn backward<const B: usize>(
/// #         &self,
/// #         isa: Isa,
/// #         _: &[[f32; 2]],
/// #         _: &(),
/// #         dys: &[[f32; 2]],
/// #         _: &mut (),
/// #         dx: InputGradient<'_, [f32; 2]>,
/// #     ) {
/// #         dx.write(isa, |dxs| self.run(isa, dys, [&mut [], &mut []], dxs));
/// #     }
/// #     fn update<O: Optimizer, const B: usize>(
/// #         &mut self,
/// #         _: Isa,
/// #         _: &[[f32; 2]],
/// #         _: &(),
/// #         _: &[[f32; 2]],
/// #         _: &(),
/// #         _: &mut O::Sweep,
/// #         (): &mut (),
/// #     ) {
/// #     }
/// # }
///
/// type Net = Seq![Dense<2, 2>, Negate];
/// let mut learner = Learner::<Net, 1>::new(Net::ZEROED);
/// learner.push(1, |x| *x = [1.0, 2.0])?;
/// learner.start(Sgd::new(0.1))?;
/// while learner.poll(Budget::rows(1)).is_pending() {}
/// assert_eq!(learner.net().first.bias, [0.05, -0.05]);
/// # Ok::<(), fusebox::Error>(())
/// ```
pub trait Sliced: Train + Copy {
    /// A part of [`Train::forward`]. Which rows of `ys` and `tape` are written is the layer's affair: whoever reads them
    /// waits until the layer is done.
    fn forward_slice<const B: usize>(
        &self,
        isa: Isa,
        slice: &mut Slice,
        xs: &[Self::Input],
        tape: &mut Self::Tape<B>,
        ys: &mut [Self::Output],
    ) {
        if slice.take_whole(macs_of::<Self>(xs.len())) {
            self.forward(isa, xs, tape, ys);
        }
    }

    /// A part of [`Train::backward`].
    fn backward_slice<const B: usize>(
        &self,
        isa: Isa,
        slice: &mut Slice,
        xs: &[Self::Input],
        tape: &Self::Tape<B>,
        dys: &[Self::Output],
        gradients: &mut Self::Gradients<B>,
        dx: InputGradient<'_, Self::Input>,
    ) {
        if slice.take_whole(macs_of::<Self>(xs.len())) {
            self.backward(isa, xs, tape, dys, gradients, dx);
        }
    }

    /// A part of [`Train::update`], of one of the optimiser's sweeps. `self` is a copy that nobody sees before the step ends.
    fn update_slice<O: Optimizer, const B: usize>(
        &mut self,
        isa: Isa,
        slice: &mut Slice,
        xs: &[Self::Input],
        tape: &Self::Tape<B>,
        dys: &[Self::Output],
        gradients: &Self::Gradients<B>,
        sweep: &mut O::Sweep,
        state: &mut Self::State<O>,
    ) {
        if slice.take_whole(macs_of::<Self>(xs.len())) {
            self.update::<O, B>(isa, xs, tape, dys, gradients, sweep, state);
        }
    }

    /// A part of `*self = *from`.
    fn copy_slice(&mut self, slice: &mut Slice, from: &Self) {
        if slice.take_whole(count_of::<Self>()) {
            *self = *from;
        }
    }
}

/// What a pass over `rows` rows of a layer of which nothing is known counts as: each of its numbers meets each row.
fn macs_of<N: Train>(rows: usize) -> usize {
    let row = count_of::<N>() + count_of::<N::Input>() + count_of::<N::Output>();
    row.saturating_mul(rows)
}

#[cfg(test)]
mod tests {
    use super::{Budget, Slice};
    use std::vec::Vec;

    /// The units of a pass over layers of (units, multiply-adds), slice by slice.
    fn slices(budget: Budget, layers: &[(usize, usize)]) -> Vec<Vec<(usize, usize)>> {
        let (mut done, mut all) = (0, Vec::new());
        loop {
            let mut slice = Slice::new(budget);
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

    #[test]
    fn a_pass_without_units_is_complete() {
        assert_eq!(slices(Budget::macs(0), &[]), [[]]);
        assert_eq!(slices(Budget::rows(0), &[(0, 7)]), [[]]);
    }
}

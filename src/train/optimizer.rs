//! Optimisers: how a gradient moves a parameter.

use crate::kernel::gemm::finish_product;
use crate::kernel::update::{Descend, DescendColumns, DescendSlice};
use crate::memory::{numbers, numbers_mut};
use crate::{Isa, Mat, MatMut, Plain, Zeroed};

/// A rule that moves parameters against their gradient, and what it keeps for each of them.
///
/// A layer calls it once for each of its arrays of parameters, in whichever form the gradient has.
pub trait Optimizer {
    /// What the rule keeps for parameters of type `P` from step to step.
    type State<P: Zeroed>: Zeroed;

    /// Moves `parameters` by the rule, given their gradient.
    fn step<P: Plain>(&self, isa: Isa, gradient: &P, parameters: &mut P, state: &mut Self::State<P>);

    /// Moves `weight` by the rule, its gradient being `xs^T dys`, which need never be in memory. Does nothing unless
    /// there are as many `xs` as `dys`.
    fn step_product<const IN: usize, const OUT: usize>(
        &self,
        isa: Isa,
        xs: &[[f32; IN]],
        dys: &[[f32; OUT]],
        weight: &mut [[f32; OUT]; IN],
        state: &mut Self::State<[[f32; OUT]; IN]>,
    );

    /// Moves `bias` by the rule, its gradient being the sum of the rows of `dys`.
    fn step_rows<const OUT: usize>(
        &self,
        isa: Isa,
        dys: &[[f32; OUT]],
        bias: &mut [f32; OUT],
        state: &mut Self::State<[f32; OUT]>,
    );
}

/// Stochastic gradient descent: `w = w - rate g`. Keeps nothing.
///
/// ```
/// use fusebox::{Isa, Optimizer, Sgd};
/// let mut w = [1.0, 2.0];
/// Sgd::new(0.5).step(Isa::detect(), &[2.0, -2.0], &mut w, &mut ());
/// assert_eq!(w, [0.0, 3.0]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sgd {
    /// The learning rate; change it between steps as you like.
    pub rate: f32,
}

impl Sgd {
    /// Descent with the learning rate `rate`.
    pub const fn new(rate: f32) -> Self {
        Self { rate }
    }

    fn rule(&self) -> Descend {
        Descend { rate: self.rate }
    }
}

impl Optimizer for Sgd {
    type State<P: Zeroed> = ();

    fn step<P: Plain>(&self, isa: Isa, gradient: &P, parameters: &mut P, (): &mut ()) {
        let gradient = numbers(core::slice::from_ref(gradient));
        let parameters = numbers_mut(core::slice::from_mut(parameters));
        isa.call(DescendSlice { rule: self.rule(), gradient, parameters });
    }

    #[inline]
    fn step_product<const IN: usize, const OUT: usize>(
        &self,
        isa: Isa,
        xs: &[[f32; IN]],
        dys: &[[f32; OUT]],
        weight: &mut [[f32; OUT]; IN],
        (): &mut (),
    ) {
        finish_product(isa, Mat::of_rows(xs).t(), Mat::of_rows(dys), MatMut::of_rows(weight), &self.rule());
    }

    #[inline]
    fn step_rows<const OUT: usize>(&self, isa: Isa, dys: &[[f32; OUT]], bias: &mut [f32; OUT], (): &mut ()) {
        isa.call(DescendColumns { rule: self.rule(), dys: dys.as_flattened(), bias });
    }
}

//! Layers one after the other.

use super::Learn;
use crate::{Chain, Isa, Rng, Zeroed};

/// The memory of a chain for `B` rows: what is between its two layers, and their own.
#[derive(Debug)]
pub struct Between<A: Learn, R: Learn, const B: usize> {
    /// The first layer's outputs.
    ys: [A::Output; B],
    /// Their errors.
    dys: [A::Dy; B],
    first: A::Memory<B>,
    rest: R::Memory<B>,
}

impl<A: Learn, R: Learn, const B: usize> Zeroed for Between<A, R, B> {
    const ZEROED: Self =
        Self { ys: Zeroed::ZEROED, dys: Zeroed::ZEROED, first: Zeroed::ZEROED, rest: Zeroed::ZEROED };
}

impl<A: Learn, R: Learn<Input = A::Output, Dx = A::Dy>> Learn for Chain<A, R> {
    type Dx = A::Dx;
    type Dy = R::Dy;
    type Memory<const B: usize> = Between<A, R, B>;
    type Int8 = Chain<A::Int8, R::Int8>;

    fn randomize(&mut self, rng: &mut Rng) {
        self.first.randomize(rng);
        self.rest.randomize(rng);
    }

    fn forward<const B: usize>(
        &self,
        isa: Isa,
        xs: &[A::Input],
        memory: &mut Between<A, R, B>,
        ys: &mut [R::Output],
    ) {
        let between = memory.ys.get_mut(..xs.len()).unwrap_or_default();
        self.first.forward(isa, xs, &mut memory.first, between);
        self.rest.forward(isa, between, &mut memory.rest, ys);
    }

    fn backward<const B: usize>(
        &self,
        xs: &[A::Input],
        memory: &mut Between<A, R, B>,
        ys: &[R::Output],
        dys: &mut [R::Dy],
        dxs: Option<&mut [A::Dx]>,
    ) {
        let between = memory.ys.get(..xs.len()).unwrap_or_default();
        let d_between = memory.dys.get_mut(..xs.len()).unwrap_or_default();
        self.rest.backward(between, &mut memory.rest, ys, dys, Some(&mut *d_between));
        self.first.backward(xs, &mut memory.first, between, d_between, dxs);
    }

    fn update<const B: usize>(
        &mut self,
        xs: &[A::Input],
        memory: &Between<A, R, B>,
        dys: &[R::Dy],
        rate: u32,
        rng: &mut Rng,
    ) {
        let between = memory.ys.get(..xs.len()).unwrap_or_default();
        let d_between = memory.dys.get(..xs.len()).unwrap_or_default();
        self.first.update(xs, &memory.first, d_between, rate, rng);
        self.rest.update(between, &memory.rest, dys, rate, rng);
    }

    fn to_int8(&self) -> Self::Int8 {
        Chain { first: self.first.to_int8(), rest: self.rest.to_int8() }
    }
}

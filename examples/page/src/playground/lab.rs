//! A network, its memory and its optimiser.

use super::Point;
use super::chosen::{Chosen, Curve};
use alloc::boxed::Box;
use alloc::vec::Vec;
use fusebox::{Chain, Dense, Init, Isa, Layer, Plain, Rng, Scratch, Train, Workspace, boxed, functions};

/// The most points of a step.
const BATCH: usize = 64;

/// A network whose neurons can be looked at.
pub(super) trait Visible: Layer {
    /// Adds what each hidden neuron says about `x`.
    fn see(&self, x: &Self::Input, seen: &mut Vec<f32>);
    /// Adds the weights without biases, layer by layer.
    fn weights(&self, weights: &mut Vec<f32>);
    /// Adds the inputs of each layer, and the outputs of the last.
    fn shape(shape: &mut Vec<f32>);
    /// Chooses the activation of all layers that have one.
    fn choose(&mut self, activation: f32);
}

/// The last layer: its outputs are the picture of the whole plane.
impl<const I: usize, const O: usize> Visible for Dense<I, O> {
    fn see(&self, _: &[f32; I], _: &mut Vec<f32>) {}

    fn weights(&self, weights: &mut Vec<f32>) {
        weights.extend(self.weight.as_flattened());
    }

    fn shape(shape: &mut Vec<f32>) {
        shape.extend([I as f32, O as f32]);
    }

    fn choose(&mut self, _: f32) {}
}

/// A layer, its activation, and the rest.
impl<const I: usize, const O: usize, R: Visible<Input = [f32; O]>> Visible
    for Chain<Dense<I, O>, Chain<Curve<O>, R>>
{
    fn see(&self, x: &[f32; I], seen: &mut Vec<f32>) {
        let (mut sums, mut ys) = ([[0.0; O]], [[0.0; O]]);
        self.first.run(Isa::detect(), core::slice::from_ref(x), &mut [], &mut sums);
        self.rest.first.run(Isa::detect(), &sums, &mut [], &mut ys);
        seen.extend(ys.as_flattened());
        self.rest.rest.see(&ys[0], seen);
    }

    fn weights(&self, weights: &mut Vec<f32>) {
        weights.extend(self.first.weight.as_flattened());
        self.rest.rest.weights(weights);
    }

    fn shape(shape: &mut Vec<f32>) {
        shape.push(I as f32);
        R::shape(shape);
    }

    fn choose(&mut self, activation: f32) {
        self.rest.first.number = activation;
        self.rest.rest.choose(activation);
    }
}

/// What the playground asks of a network of any type.
pub(super) trait Plane {
    /// One step on some random points; returns their mean loss, NaN if there are none.
    fn step(&mut self, points: &[Point], rng: &mut Rng, optimizer: &Chosen, batch: usize) -> f32;
    /// Overwrites `likely` with how likely the second class is in each place. Both have the same length.
    fn likely(&mut self, places: &[[f32; 2]], likely: &mut [f32]);
    /// Adds what each hidden neuron says about a place.
    fn see(&self, place: &[f32; 2], seen: &mut Vec<f32>);
    fn weights(&self) -> Vec<f32>;
    fn shape(&self) -> Vec<f32>;
}

/// A network in training.
struct Lab<N: Layer<Input = [f32; 2], Output = [f32; 2]> + Train> {
    net: Box<N>,
    workspace: Box<Workspace<N, BATCH, Chosen>>,
    scratch: Box<Scratch<N, BATCH>>,
}

/// A new network.
pub(super) fn lab<N>(activation: u32, rng: &mut Rng) -> Box<dyn Plane>
where
    N: Visible + Train + Plain + Layer<Input = [f32; 2], Output = [f32; 2]> + 'static,
{
    let mut net = boxed::<N>();
    net.init(if matches!(activation, 1 | 2) { Init::Glorot } else { Init::He }, rng);
    net.choose(activation as f32);
    Box::new(Lab { net, workspace: Workspace::boxed(), scratch: Box::new(Scratch::new()) })
}

impl<N> Plane for Lab<N>
where
    N: Visible + Train + Plain + Layer<Input = [f32; 2], Output = [f32; 2]>,
{
    fn step(&mut self, points: &[Point], rng: &mut Rng, optimizer: &Chosen, batch: usize) -> f32 {
        let count = u32::try_from(points.len()).unwrap_or(u32::MAX);
        let chosen = (0..batch.clamp(1, BATCH)).filter_map(|_| points.get(rng.below(count) as usize));
        let rows = chosen.map(|&[x, y, label]| ([x, y], u8::from(label > 0.5)));
        self.workspace.train_step_from(&mut self.net, rows, optimizer).unwrap_or(f32::NAN)
    }

    fn likely(&mut self, places: &[[f32; 2]], likely: &mut [f32]) {
        let Self { net, scratch, .. } = self;
        let mut logits = [[0.0; 2]; BATCH];
        for (places, likely) in places.chunks(BATCH).zip(likely.chunks_mut(BATCH)) {
            let logits = &mut logits[..places.len()];
            if net.infer(places, scratch, logits).is_ok() {
                // The sigmoid of the difference is the softmax of two.
                for (likely, [first, second]) in likely.iter_mut().zip(logits) {
                    *likely = *second - *first;
                }
            }
        }
        functions::sigmoid(likely);
    }

    fn see(&self, place: &[f32; 2], seen: &mut Vec<f32>) {
        self.net.see(place, seen);
    }

    fn weights(&self) -> Vec<f32> {
        let mut weights = Vec::new();
        Visible::weights(&*self.net, &mut weights);
        weights
    }

    fn shape(&self) -> Vec<f32> {
        let mut shape = Vec::new();
        N::shape(&mut shape);
        shape
    }
}

//! The playground: points of two classes in a plane, and a choice of small networks that learn to tell them apart.
//!
//! Every network is a type, and so is its optimiser: all that can be chosen is compiled in, and the choice is a box.

mod chosen;
mod lab;

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;
use chosen::{Chosen, Curve};
use fusebox::{Dense, Rng, Seq};
use lab::{Plane, lab};

/// Neurons of a hidden layer. The same everywhere, so that layers of different networks are the same code.
const WIDTH: usize = 8;
type One = Seq![Dense<2, WIDTH>, Curve<WIDTH>, Dense<WIDTH, 2>];
type Two = Seq![Dense<2, WIDTH>, Curve<WIDTH>, Dense<WIDTH, WIDTH>, Curve<WIDTH>, Dense<WIDTH, 2>];
type Three = Seq![
    Dense<2, WIDTH>,
    Curve<WIDTH>,
    Dense<WIDTH, WIDTH>,
    Curve<WIDTH>,
    Dense<WIDTH, WIDTH>,
    Curve<WIDTH>,
    Dense<WIDTH, 2>
];

/// x and y of about -1..=1, and the label, 0 or 1.
pub type Point = [f32; 3];

/// Points, a network, and a generator of random numbers.
pub struct Playground {
    lab: Box<dyn Plane>,
    optimizer: u32,
    training: Vec<Point>,
    held_out: Vec<Point>,
    rng: Rng,
}

impl Playground {
    /// The first of every choice.
    pub fn new() -> Self {
        let (lab, rng) = (begin(0, 0, &mut Rng::new(1)), Rng::new(1));
        Self { lab, optimizer: 0, training: Vec::new(), held_out: Vec::new(), rng }
    }

    /// A new network: one, two or three hidden layers; ReLU, tanh or sigmoid; SGD, momentum of 0.9 or Adam.
    pub fn begin(&mut self, network: u32, activation: u32, optimizer: u32, seed: u32) {
        self.rng = Rng::new(seed.into());
        self.lab = begin(network, activation, &mut self.rng);
        self.optimizer = optimizer;
    }

    /// Points: x, y and label of each. Every fourth is held out; those that are not finite are left out.
    pub fn take_points(&mut self, numbers: &[f32]) {
        let (points, _) = numbers.as_chunks::<3>();
        self.training.clear();
        self.held_out.clear();
        for (number, point) in points.iter().enumerate() {
            let part = if number % 4 == 3 { &mut self.held_out } else { &mut self.training };
            if point.iter().all(|number| number.is_finite()) {
                part.push(*point);
            }
        }
    }

    /// Takes some steps of `batch` points; returns the mean loss, NaN if there are no points.
    pub fn train(&mut self, steps: u32, rate: f32, batch: usize) -> f32 {
        let Self { lab, optimizer, training, rng, .. } = self;
        let optimizer = Chosen::of(*optimizer, rate);
        let mut sum = 0.0;
        for _ in 0..steps {
            sum += lab.step(training, rng, &optimizer, batch);
        }
        sum / steps as f32
    }

    /// The loss of the points held out; NaN if there are none.
    pub fn held_out(&mut self) -> f32 {
        let places: Vec<_> = self.held_out.iter().map(|&[x, y, _]| [x, y]).collect();
        let likely = self.likely(&places);
        let losses = likely.iter().zip(&self.held_out).map(|(likely, [.., label])| {
            let right = if *label > 0.5 { *likely } else { 1.0 - likely };
            // Not `max`, which would make a number of NaN.
            -libm::logf(if right < f32::MIN_POSITIVE { f32::MIN_POSITIVE } else { right })
        });
        losses.sum::<f32>() / places.len() as f32
    }

    /// How likely the second class is in `size` times `size` places, from -1 to 1 each way, from the top.
    pub fn surface(&mut self, size: usize) -> Vec<f32> {
        self.likely(&grid(size))
    }

    fn likely(&mut self, places: &[[f32; 2]]) -> Vec<f32> {
        let mut likely = vec![f32::NAN; places.len()];
        self.lab.likely(places, &mut likely);
        likely
    }

    /// What each hidden neuron says in those places, neuron after neuron.
    pub fn neurons(&mut self, size: usize) -> Vec<f32> {
        let places = grid(size);
        let mut by_place = Vec::new();
        for place in &places {
            self.lab.see(place, &mut by_place);
        }
        let neurons = by_place.len().checked_div(places.len()).unwrap_or(0);
        let mut seen = Vec::with_capacity(by_place.len());
        for neuron in 0..neurons {
            seen.extend(by_place.iter().skip(neuron).step_by(neurons));
        }
        seen
    }

    /// All weights without biases, layer by layer.
    pub fn weights(&self) -> Vec<f32> {
        self.lab.weights()
    }

    /// Neurons of each layer, from the inputs.
    pub fn shape(&self) -> Vec<f32> {
        self.lab.shape()
    }
}

impl Default for Playground {
    fn default() -> Self {
        Self::new()
    }
}

/// Places from -1 to 1 each way, in the middles of `size` times `size` squares, row by row from the top.
fn grid(size: usize) -> Vec<[f32; 2]> {
    // As many as a screen could show; more would be a mistake.
    let size = size.min(512);
    let along = move |place: usize| (2 * place + 1) as f32 / size as f32 - 1.0;
    (0..size * size).map(|place| [along(place % size), -along(place / size)]).collect()
}

fn begin(network: u32, activation: u32, rng: &mut Rng) -> Box<dyn Plane> {
    match network {
        1 => lab::<Two>(activation, rng),
        2 => lab::<Three>(activation, rng),
        _ => lab::<One>(activation, rng),
    }
}

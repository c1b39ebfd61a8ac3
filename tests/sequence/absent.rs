//! A sequence that ends early, its last tokens absent, is one of a network that is so long: outputs and gradients are equal.

use crate::support::gpt::Encoder;
use crate::support::isas::isas;
use crate::support::reveal::Reveal;
use crate::{numbers, random};
use fusebox::{Chain, Error, Isa, Loss, Rng, Workspace, Zeroed};
use std::cell::RefCell;

/// A loss whose gradient is its target; remembers the outputs that it saw.
#[derive(Default)]
struct Given(RefCell<Vec<f32>>);

impl<const T: usize> Loss<[[f32; 4]; T]> for Given {
    type Target = [[f32; 4]; T];

    fn check(&self, _: &Self::Target, _: usize) -> Result<(), Error> {
        Ok(())
    }

    fn gradient(
        &self,
        _: Isa,
        ys: &[[[f32; 4]; T]],
        targets: &[[[f32; 4]; T]],
        dys: &mut [[[f32; 4]; T]],
    ) -> f32 {
        *self.0.borrow_mut() = ys.as_flattened().as_flattened().to_vec();
        dys.copy_from_slice(targets);
        0.0
    }
}

/// Of a row: the outputs, then the gradients of the embedding, of the layers before positions, of positions, of those after.
fn step<const T: usize>(isa: Isa, net: &Encoder<T>, tokens: [u32; T], dys: [[f32; 4]; T]) -> [Vec<f32>; 5] {
    let mut workspace = Box::new(Workspace::<Encoder<T>, 1, Reveal, Given>::with_loss(Given::default()));
    let mut gradient = *net;
    workspace.train_step_with(isa, &mut gradient, &[tokens], &[dys], &Reveal).expect("a row");
    let Chain { first, rest: Chain { first: dense, rest: Chain { first: positions, rest } } } = gradient;
    let ys = workspace.loss.0.borrow().clone();
    [ys, numbers(&first), numbers(&dense), positions.weight.as_flattened().to_vec(), numbers(&rest)]
}

fn check<const SHORT: usize, const LONG: usize>() {
    let mut rng = Rng::new(LONG as u64);
    let (mut short, mut long) = (random::<Encoder<SHORT>>(&mut rng), Encoder::<LONG>::ZEROED);
    long.first = random(&mut rng);
    short.first.layer.weight = long.first.layer.weight;
    long.rest.first.layer = short.rest.first.layer;
    long.rest.rest.first.weight = random(&mut rng);
    for (long, short) in long.rest.rest.first.weight.iter().zip(&mut short.rest.rest.first.weight) {
        *short = *long;
    }
    let bytes = fusebox::Plain::as_bytes(&short.rest.rest.rest);
    long.rest.rest.rest = fusebox::Plain::copy_from_bytes(bytes).expect("the same parameters");
    let tokens: [u32; SHORT] = std::array::from_fn(|_| rng.below(6));
    // Gradients at absent frames too, which must reach nothing.
    let dys: [[f32; 4]; LONG] = random(&mut rng);
    let padded = std::array::from_fn(|t| tokens.get(t).copied().unwrap_or(u32::MAX));
    for isa in isas() {
        let what = format!("{isa}, {SHORT} of {LONG}");
        let of_short = std::array::from_fn(|t| dys[t]);
        let expected = step(isa, &short, tokens, of_short);
        let got = step(isa, &long, padded, dys);
        let names = ["outputs", "embedding", "layers before", "positions", "layers after"];
        for ((expected, got), name) in expected.iter().zip(&got).zip(names) {
            // From sixteen rows on, the order of a bias's sum depends on their number.
            if LONG >= 16 && name.starts_with("layers") {
                continue;
            }
            let (same, rest) = got.split_at(expected.len());
            assert!(expected.iter().any(|&x| x != 0.0), "{what}: {name}");
            assert_eq!(same, expected, "{what}: {name}");
            assert!(rest.iter().all(|&x| x == 0.0), "{what}: {name}");
        }
    }
}

#[test]
fn shorter_sequences_are_those_of_shorter_networks() {
    check::<1, 2>();
    check::<3, 5>();
    check::<5, 12>();
    check::<16, 33>();
    check::<33, 40>();
}

/// Absent frames may be anywhere, and all may be.
#[test]
fn all_absent() {
    for isa in isas() {
        let net = random(&mut Rng::new(1));
        let got = step::<5>(isa, &net, [u32::MAX; 5], random(&mut Rng::new(2)));
        assert!(got.concat().iter().all(|&x| x == 0.0), "{isa}");
    }
}

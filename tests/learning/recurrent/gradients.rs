//! Outputs and gradients, within a derived bound of a reference that is compared with difference quotients.

use super::reference::{Cell, Layer, Terms};
use super::{numbers, pass, random, typed};
use crate::support::bounded::{Bounded, Real, against_differences, check_all, looseness};
use crate::support::isas::isas;
use crate::support::reference_net::Bend;
use fusebox::{Gelu, Gru, LeakyRelu, Lstm, Plain, Relu, Rng, Rnn, Sigmoid, Train, Zeroed};

const ROWS: usize = 3;

fn over<R: Real>(xs: &[f32]) -> Vec<R> {
    xs.iter().map(|&x| R::exact(x)).collect()
}

/// Outputs, the gradients of inputs and of parameters for a batch of sequences, each of which starts from zeros.
fn expected<R: Real>(layer: &Layer, p: &[f32], xs: &[f32], dys: &[f32]) -> [Vec<R>; 3] {
    let (p, start) = (over::<R>(p), vec![R::exact(0.0); layer.state()]);
    let (mut ys, mut dxs, mut terms) = (vec![], vec![], Terms::<R>::new());
    for (x, dy) in xs.chunks(xs.len() / ROWS).zip(dys.chunks(dys.len() / ROWS)) {
        let (x, dy) = (over::<R>(x), over::<R>(dy));
        ys.extend(layer.forward(&p, &x, &start).0);
        let (dx, of_row) = layer.backward(&p, &x, &start, &dy);
        dxs.extend(dx);
        terms.resize(p.len(), vec![]);
        terms.iter_mut().zip(of_row).for_each(|(terms, more)| terms.extend(more));
    }
    [ys, dxs, terms.into_iter().map(R::sum).collect()]
}

/// A layer on every instruction set against the reference, and the reference against difference quotients of sum dy y.
fn check<N, const T: usize, const IN: usize, const H: usize>(cell: Cell)
where
    N: Train<Input = [[f32; IN]; T], Output = [[f32; H]; T], Memory = ()> + Plain,
{
    let layer = Layer { cell, inputs: IN, h: H };
    let what = format!("{layer:?}, {T} positions");
    // Of a size that keeps gates from their ends, where their slopes are differences of nearly equal numbers.
    let net: N = random(&mut Rng::new(5), 1, 1.5 / ((IN + H) as f32).sqrt())[0];
    let mut rng = Rng::new(9);
    let (xs, dys) = (random(&mut rng, ROWS, 2.0), random(&mut rng, ROWS, 2.0));
    let (p, flat_xs, flat_dys) = (numbers(&[net]), numbers(&xs), numbers(&dys));

    let [_, dxs, gradient] = expected::<f64>(&layer, &p, &flat_xs, &flat_dys);
    let at = over::<f64>(&[p.clone(), flat_xs.clone()].concat());
    let weighted = |at: &[f64]| -> f64 {
        let (p, xs) = at.split_at(p.len());
        let rows = xs.chunks(T * IN).zip(flat_dys.chunks(T * H));
        let weigh = |(x, dy): (&[f64], &[f32])| -> f64 {
            let (ys, _) = layer.forward(p, x, &vec![0.0; layer.state()]);
            ys.iter().zip(dy).map(|(y, &dy)| y * f64::from(dy)).sum()
        };
        rows.map(weigh).sum()
    };
    let ratio = against_differences(weighted, &at, &[gradient, dxs].concat());
    assert!(ratio <= 1e-7, "{what}: the reference is {ratio:e} from its difference quotients");

    let [ys, dxs, gradient] = expected::<Bounded>(&layer, &p, &flat_xs, &flat_dys);
    for part in [&ys, &dxs, &gradient] {
        let loose = looseness(part);
        assert!(loose < 1e-3, "{what}: a bound of {loose:e} of the numbers it is for");
    }
    let mut of_class = [None, None];
    for isa in isas() {
        let passed = pass(isa, &net, &xs, &dys, &());
        check_all(&ys, &passed.ys, &format!("{isa}, {what}: outputs"));
        check_all(&dxs, &passed.dxs, &format!("{isa}, {what}: input gradient"));
        check_all(&gradient, &passed.gradient, &format!("{isa}, {what}: parameter gradient"));
        let bits: Vec<u32> =
            [passed.ys, passed.dxs, passed.gradient].concat().into_iter().map(f32::to_bits).collect();
        let of_class = &mut of_class[usize::from(isa.is_fused())];
        assert_eq!(of_class.get_or_insert(bits.clone()), &bits, "{isa}, {what}: the bits of its class");
    }
    assert_eq!(typed::<N>(&p)[0].as_bytes(), net.as_bytes());
}

#[test]
fn gru() {
    check::<Gru<4, 3, 5>, 4, 3, 5>(Cell::Gru);
    check::<Gru<1, 1, 1>, 1, 1, 1>(Cell::Gru);
    check::<Gru<3, 17, 16>, 3, 17, 16>(Cell::Gru);
    check::<Gru<3, 2, 19>, 3, 2, 19>(Cell::Gru);
}

#[test]
fn lstm() {
    check::<Lstm<4, 3, 5>, 4, 3, 5>(Cell::Lstm);
    check::<Lstm<1, 1, 1>, 1, 1, 1>(Cell::Lstm);
    check::<Lstm<3, 17, 16>, 3, 17, 16>(Cell::Lstm);
    check::<Lstm<3, 2, 19>, 3, 2, 19>(Cell::Lstm);
}

#[test]
fn simple() {
    check::<Rnn<4, 3, 5>, 4, 3, 5>(Cell::Rnn(Bend::Tanh));
    check::<Rnn<1, 1, 1>, 1, 1, 1>(Cell::Rnn(Bend::Tanh));
    check::<Rnn<3, 17, 19>, 3, 17, 19>(Cell::Rnn(Bend::Tanh));
    check::<Rnn<4, 3, 5, Sigmoid>, 4, 3, 5>(Cell::Rnn(Bend::Sigmoid));
    check::<Rnn<4, 3, 5, Gelu>, 4, 3, 5>(Cell::Rnn(Bend::Gelu));
}

/// Where the slope jumps, difference quotients say little; a small batch meets no jump.
#[test]
fn simple_with_a_jump() {
    check::<Rnn<4, 3, 5, Relu>, 4, 3, 5>(Cell::Rnn(Bend::Relu));
    check::<Rnn<4, 3, 5, LeakyRelu<20>>, 4, 3, 5>(Cell::Rnn(Bend::Leaky(20)));
}

/// The forget gate is open at first, and nothing else is biased.
#[test]
fn initial_biases() {
    let net = Lstm::<2, 3, 4>::he(&mut Rng::new(1));
    assert_eq!(net.bias, [[0.0; 4], [1.0; 4], [0.0; 4], [0.0; 4]]);
    let net = Gru::<2, 3, 4>::he(&mut Rng::new(1));
    assert_eq!((net.bias, net.recurrent_bias), ([[0.0; 4]; 3], [[0.0; 4]; 3]));
    assert!(numbers(&net.input).iter().all(|w| w.abs() <= 1.0)); // sqrt(3 / 3)
    assert!(numbers(&net.recurrent).iter().all(|w| w.abs() <= 0.867)); // sqrt(3 / 4)
    assert_ne!(net, Gru::ZEROED);
}

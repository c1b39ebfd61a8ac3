//! States that are carried from row to row, and from step to step.

use super::reference::{Cell, Layer, Terms};
use super::{numbers, pass, random, some};
use crate::support::bounded::{Bounded, Real, check_all};
use crate::support::isas::isas;
use crate::support::reference_net::Bend;
use fusebox::layers::Carried;
use fusebox::{Gru, Lstm, Plain, Rng, Rnn, Scratch, Train, Zeroed};

/// Windows of one long sequence.
const WINDOWS: usize = 6;
/// Positions of a window.
const T: usize = 4;

/// Steps on consecutive windows have the outputs of the whole sequence, and the gradients of windows whose first state
/// is a constant.
fn check<N, Whole, const IN: usize, const H: usize>(cell: Cell)
where
    N: Train<Input = [[f32; IN]; T], Output = [[f32; H]; T]> + Plain,
    Whole: Train<Input = [[f32; IN]; T * WINDOWS], Output = [[f32; H]; T * WINDOWS]> + Plain,
{
    const { assert!(N::MIXES_SAMPLES && !Whole::MIXES_SAMPLES) }
    let layer = Layer { cell, inputs: IN, h: H };
    let net = some::<N>(3);
    let long = Whole::copy_from_bytes(net.as_bytes()).expect("the same parameters");
    let mut rng = Rng::new(4);
    let xs = random::<[[f32; IN]; T]>(&mut rng, WINDOWS, 2.0);
    let dys = random::<[[f32; H]; T]>(&mut rng, WINDOWS, 2.0);
    let p: Vec<Bounded> = numbers(&[net]).into_iter().map(Bounded::exact).collect();
    for isa in isas() {
        let mut expected = [Whole::Output::ZEROED];
        let whole = [std::array::from_fn(|t| xs[t / T][t % T])];
        long.infer_with(isa, &whole, &mut Scratch::<Whole, 1>::new(), &mut expected).expect("a row");
        let expected = numbers(&expected);

        let (mut memory, mut ys) = (N::Memory::ZEROED, vec![]);
        let mut start = vec![Bounded::exact(0.0); layer.state()];
        for rows in [0..2, 2..3, 3..WINDOWS] {
            let passed = pass(isa, &net, &xs[rows.clone()], &dys[rows.clone()], &memory);
            let (mut dxs, mut terms) = (vec![], Terms::<Bounded>::new());
            for row in rows {
                let over = |xs: Vec<f32>| xs.into_iter().map(Bounded::exact).collect::<Vec<_>>();
                let (x, dy) = (over(numbers(&[xs[row]])), over(numbers(&[dys[row]])));
                let (dx, more) = layer.backward(&p, &x, &start, &dy);
                dxs.extend(dx);
                terms.resize(p.len(), vec![]);
                terms.iter_mut().zip(more).for_each(|(terms, more)| terms.extend(more));
                start = layer.forward(&p, &x, &start).1;
            }
            let gradient: Vec<Bounded> = terms.into_iter().map(Bounded::sum).collect();
            check_all(&dxs, &passed.dxs, &format!("{isa}: input gradient"));
            check_all(&gradient, &passed.gradient, &format!("{isa}: parameter gradient"));
            check_all(&start, &numbers(&[passed.memory]), &format!("{isa}: the last state"));
            ys.extend(passed.ys);
            memory = passed.memory;
        }
        assert_eq!(ys, expected, "{isa}");

        // Inference: from zeros, then from row to row.
        let mut inferred = [N::Output::ZEROED; WINDOWS];
        net.infer_with(isa, &xs, &mut Scratch::<N, WINDOWS>::new(), &mut inferred).expect("rows");
        assert_eq!(numbers(&inferred), expected, "{isa}: inference");
    }
}

#[test]
fn windows_of_a_long_sequence() {
    check::<Gru<T, 3, 5, Carried>, Gru<{ T * WINDOWS }, 3, 5>, 3, 5>(Cell::Gru);
    check::<Lstm<T, 3, 5, Carried>, Lstm<{ T * WINDOWS }, 3, 5>, 3, 5>(Cell::Lstm);
    check::<Rnn<T, 3, 5, fusebox::Tanh, Carried>, Rnn<{ T * WINDOWS }, 3, 5>, 3, 5>(Cell::Rnn(Bend::Tanh));
}

/// Saved states of other layers are told apart.
#[test]
fn layouts() {
    let layouts = [
        Gru::<4, 3, 5>::LAYOUT,
        Gru::<4, 3, 5, Carried>::LAYOUT,
        Gru::<5, 3, 5>::LAYOUT,
        Gru::<4, 4, 5>::LAYOUT,
        Gru::<4, 3, 6>::LAYOUT,
        Lstm::<4, 3, 5>::LAYOUT,
        Rnn::<4, 3, 5>::LAYOUT,
        Rnn::<4, 3, 5, fusebox::Relu>::LAYOUT,
    ];
    for (i, layout) in layouts.iter().enumerate() {
        assert!(!layouts[..i].contains(layout), "{i}");
    }
}

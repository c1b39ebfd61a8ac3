//! Branches joined along the channels of pictures and of sequences.

use crate::rows::{self, numbers, random, typed};
use crate::support::isas::isas;
use fusebox::layers::{Join, Window};
use fusebox::{
    Budget, ConcatChannels, Conv1d, Conv2d, Dense, Derivative, Gelu, GlobalAvgPool, InputGradient, Isa,
    Layer, Momentum, Parallel, Plain, Relu, Rng, Scratch, Seq, Tanh, Train, View, Whole, Zeroed,
};

type Of<const C: usize> = [[[f32; C]; 3]; 4];
type Narrow = Conv2d<Of<2>, Of<5>, 1, 1, 2, 5, Window, Relu>;
type Wide = Conv2d<Of<2>, Of<18>, 3, 3, 2, 18, Window, Gelu>;

/// A layer's outputs for `xs`; and from the gradients with respect to them, with respect to `xs`.
fn passes<L: Train<Input: Plain>>(isa: Isa, layer: &L, xs: &[L::Input], dys: &[L::Output]) -> [Vec<f32>; 2] {
    let pace = &mut Whole::on(isa);
    let (mut ys, mut dys, mut dxs) = (dys.to_vec(), dys.to_vec(), xs.to_vec());
    let mut tape = vec![L::Tape::ZEROED; xs.len()];
    let mut gradients = vec![L::Gradients::ZEROED; xs.len()];
    layer.forward(pace, xs, None, &mut tape, &mut ys);
    L::derivative(&tape, &ys).apply(isa, &mut dys);
    layer.backward(pace, xs, &tape, &dys, &mut gradients, InputGradient::into(&mut dxs, Derivative::One));
    [numbers(&ys), numbers(&dxs)]
}

/// Two branches, whose pixels have so many channels, against each by itself.
fn check<A, B, J>(widths: [usize; 2])
where
    A: Train<Input: Plain> + Zeroed,
    B: Train<Input = A::Input> + Zeroed,
    J: Join<A::Output, B::Output>,
    Parallel<A, B, J>: Train<Input = A::Input, Output = J::Output>,
{
    let mut rng = Rng::new(3);
    let both = Parallel::<A, B, J>::he(&mut rng);
    let (xs, dys): (Vec<A::Input>, Vec<J::Output>) = (random(&mut rng, 3), random(&mut rng, 3));
    let mut of_branches = [Vec::new(), Vec::new()];
    for (i, dy) in numbers(&dys).into_iter().enumerate() {
        of_branches[usize::from(i % (widths[0] + widths[1]) >= widths[0])].push(dy);
    }
    for isa in isas() {
        let [ys, dxs] = passes(isa, &both, &xs, &dys);
        let [ys_a, dxs_a] = passes(isa, &both.first, &xs, &typed(&of_branches[0]));
        let [ys_b, dxs_b] = passes(isa, &both.second, &xs, &typed(&of_branches[1]));
        let pixels = ys_a.chunks(widths[0]).zip(ys_b.chunks(widths[1]));
        assert_eq!(ys, pixels.flat_map(|(a, b)| [a, b].concat()).collect::<Vec<f32>>(), "{isa}");
        assert_eq!(dxs, dxs_a.iter().zip(&dxs_b).map(|(a, b)| a + b).collect::<Vec<f32>>(), "{isa}");
        let mut inferred = dys.clone();
        both.infer_with(isa, &xs, &mut Scratch::<_, 3>::new(), &mut inferred).expect("three rows");
        assert_eq!(ys, numbers(&inferred), "{isa}");
    }
}

#[test]
fn outputs_and_gradients_are_those_of_the_branches() {
    check::<Narrow, Wide, ConcatChannels<23>>([5, 18]);
    check::<Wide, Narrow, ConcatChannels<23>>([18, 5]);
    check::<Conv1d<6, 2, 6, 3, 2, 4, Window, Tanh>, Conv1d<6, 2, 6, 1, 2, 1>, ConcatChannels<5>>([4, 1]);
}

/// Three branches, one of a pair, in a network: in slices, with the bits of the whole step, which learns.
#[test]
fn in_a_network() {
    type Three = Parallel<
        Parallel<Narrow, Wide, ConcatChannels<23>>,
        Conv2d<Of<2>, Of<2>, 3, 3, 2, 2>,
        ConcatChannels<25>,
    >;
    type Net = Seq![Three, GlobalAvgPool<Of<25>, 25>, Dense<25, 3>];
    let start = Net::he(&mut Rng::new(5));
    let xs: Vec<Of<2>> = random(&mut Rng::new(6), 4);
    for isa in isas() {
        let budgets = [Budget::rows(1), Budget::macs(1000), Budget::ALL];
        let losses = rows::steps_in_slices(isa, &start, &xs, Momentum::new(0.1, 0.9), &budgets);
        assert!(losses[2] < losses[0], "{isa}: {losses:?}");
    }
}

/// Rows are joined alike, whichever way they are written; a saved state is not taken for the other.
#[test]
fn as_rows() {
    type Branch<const C: usize> = View<[f32; 3], Dense<3, C>, [[f32; C]; 1]>;
    type Rows = Parallel<Dense<3, 4>, Dense<3, 2>, fusebox::Concat<6>>;
    type Pixels = Parallel<Branch<4>, Branch<2>, ConcatChannels<6>>;
    let rows = Rows::he(&mut Rng::new(1));
    let pixels = Pixels::copy_from_bytes(rows.as_bytes()).expect("the same parameters");
    let xs: Vec<[f32; 3]> = random(&mut Rng::new(2), 2);
    let (mut ys, mut same) = ([[0.0; 6]; 2], [[[0.0; 6]; 1]; 2]);
    rows.infer(&xs, &mut Scratch::<_, 2>::new(), &mut ys).expect("rows");
    pixels.infer(&xs, &mut Scratch::<_, 2>::new(), &mut same).expect("rows");
    assert_eq!(ys, same.map(|[y]| y));
    assert_ne!(Rows::LAYOUT, Pixels::LAYOUT);
    check::<Dense<3, 4, Tanh>, Dense<3, 2>, ConcatChannels<6>>([4, 2]);
}

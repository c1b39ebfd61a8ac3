//! Convolutions as layers: a step in `f64`, slices, one picture alone, wrong pictures.

use crate::support::isas::isas;
use fusebox::layers::{
    Around, Causal, Conv1d, Conv2d, ConvTranspose2d, DepthwiseConv2d, Pad2d, Same, Upsample2d, Valid, Window,
};
use fusebox::{
    Adam, Budget, Dense, Gelu, Init, Learner, MaxPool2d, Plain, Private, Relu, Rng, Scratch, Seq, Sgd, Tanh,
    Train, View, Workspace, Zeroed,
};
use std::task::Poll;

type Map<const H: usize, const W: usize, const C: usize> = [[[f32; C]; W]; H];

/// Strides, groups, depthwise, dilation, padding of every kind, activations that keep something and that do not.
type Net = Seq![
    Conv2d<Map<6, 5, 2>, Map<6, 5, 4>, 3, 3, 2, 4, Window, Relu>,
    DepthwiseConv2d<Map<6, 5, 4>, Map<6, 5, 4>, 3, 3, 4, Window<Same, 1, 1, 2, 1>, Tanh>,
    Conv2d<Map<6, 5, 4>, Map<3, 3, 6>, 3, 3, 2, 6, Window<Around<1>, 2, 2>, Gelu>,
    ConvTranspose2d<Map<3, 3, 6>, Map<7, 5, 3>, 3, 3, 6, 3, Window<Around<1>, 3, 2>, Relu>,
    Conv2d<Map<7, 5, 3>, Map<3, 3, 6>, 3, 1, 3, 6, Window<Valid, 2, 2>, Relu>,
    DepthwiseConv2d<Map<3, 3, 6>, Map<2, 2, 12>, 2, 2, 12, Window<Valid>, Relu>,
    Upsample2d<Map<2, 2, 12>, Map<4, 2, 12>, 2, 1>,
    Pad2d<Map<4, 2, 12>, Map<5, 4, 12>, 0, 1>,
    DepthwiseConv2d<Map<5, 4, 12>, Map<2, 2, 12>, 3, 2, 12, Window<Valid, 2, 2>, Gelu>,
    View<Map<2, 2, 12>, Dense<48, 3>, [f32; 3]>
];

/// The same without a kink, for differences.
type Smooth = Seq![
    Conv2d<Map<6, 5, 2>, Map<6, 5, 4>, 3, 3, 2, 4, Window, Gelu>,
    DepthwiseConv2d<Map<6, 5, 4>, Map<6, 5, 4>, 3, 3, 4, Window<Same, 1, 1, 2, 1>, Tanh>,
    Conv2d<Map<6, 5, 4>, Map<3, 3, 6>, 3, 3, 2, 6, Window<Around<1>, 2, 2>, Gelu>,
    ConvTranspose2d<Map<3, 3, 6>, Map<7, 5, 3>, 3, 3, 6, 3, Window<Around<1>, 3, 2>, Tanh>,
    Conv2d<Map<7, 5, 3>, Map<3, 3, 6>, 3, 1, 3, 6, Window<Valid, 2, 2>, Gelu>,
    DepthwiseConv2d<Map<3, 3, 6>, Map<2, 2, 12>, 2, 2, 12, Window<Valid>, Gelu>,
    Upsample2d<Map<2, 2, 12>, Map<4, 2, 12>, 2, 1>,
    Pad2d<Map<4, 2, 12>, Map<5, 4, 12>, 0, 1>,
    DepthwiseConv2d<Map<5, 4, 12>, Map<2, 2, 12>, 3, 2, 12, Window<Valid, 2, 2>, Gelu>,
    View<Map<2, 2, 12>, Dense<48, 3>, [f32; 3]>
];

fn pictures<P: Plain>(seed: u64, count: usize) -> Vec<P> {
    let mut rng = Rng::new(seed);
    (0..count)
        .map(|_| {
            let bytes: Vec<u8> =
                (0..size_of::<P>() / 4).flat_map(|_| (2.0 * rng.uniform() - 1.0).to_le_bytes()).collect();
            P::copy_from_bytes(&bytes).unwrap()
        })
        .collect()
}

/// The parameters as numbers, and back.
fn numbers<N: Plain>(net: &N) -> Vec<f32> {
    net.as_bytes().chunks(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap())).collect()
}

fn of_numbers<N: Plain>(numbers: &[f32]) -> N {
    let bytes: Vec<u8> = numbers.iter().flat_map(|x| x.to_le_bytes()).collect();
    N::copy_from_bytes(&bytes).unwrap()
}

/// What a small step changes is the loss's slope, for some parameters of every layer.
#[test]
fn what_a_network_learns_is_the_slope_of_its_loss() {
    const STEP: f32 = 1.0 / 256.0;
    let (xs, labels) = (pictures::<Map<6, 5, 2>>(1, 3), [0, 2, 1]);
    let net = Smooth::he(&mut Rng::new(2));
    let loss = |net: &Smooth, workspace: &mut Workspace<Smooth, 3>| {
        f64::from(workspace.validate(net, &xs, &labels).unwrap())
    };
    for isa in isas() {
        let mut workspace = Workspace::<Smooth, 3>::new();
        let mut moved = net;
        workspace.train_step_with(isa, &mut moved, &xs, &labels, &Sgd::new(1.0)).unwrap();
        let (before, after) = (numbers(&net), numbers(&moved));
        for i in (0..before.len()).step_by(5) {
            let slope = f64::from(before[i] - after[i]);
            let at = |by: f32, workspace: &mut Workspace<Smooth, 3>| {
                let mut numbers = before.clone();
                numbers[i] += by;
                loss(&of_numbers(&numbers), workspace)
            };
            let difference = (at(STEP, &mut workspace) - at(-STEP, &mut workspace)) / f64::from(2.0 * STEP);
            assert!((slope - difference).abs() < 3e-4, "{i} {isa}: {slope}, not {difference}");
        }
    }
}

#[test]
fn a_step_in_slices_is_the_whole_step() {
    let (xs, labels) = (pictures::<Map<6, 5, 2>>(3, 3), [0_u8, 1, 1]);
    for isa in isas() {
        for budget in [Budget::rows(1), Budget::rows(3), Budget::macs(50), Budget::macs(5000), Budget::ALL] {
            let mut net = Net::he(&mut Rng::new(4));
            let mut learner = Learner::<Net, 3, Adam>::new(net);
            let mut workspace = Workspace::<Net, 3, Adam>::new();
            for _ in 0..3 {
                let loss = workspace.train_step_with(isa, &mut net, &xs, &labels, &Adam::new(0.01));
                for (x, label) in xs.iter().zip(labels) {
                    learner.push(label, |row| *row = *x).expect("rows that fit");
                }
                learner.start(Adam::new(0.01)).expect("a step can start");
                let in_slices = loop {
                    if let Poll::Ready(loss) = learner.poll_with(isa, budget) {
                        break loss;
                    }
                };
                assert_eq!(in_slices, loss, "{isa}, {budget:?}");
                assert_eq!(learner.net().as_bytes(), net.as_bytes(), "{isa}, {budget:?}");
            }
        }
    }
}

/// All instruction sets of a class train to the same weights.
#[test]
fn the_same_weights_on_every_instruction_set() {
    let (xs, labels) = (pictures::<Map<6, 5, 2>>(5, 3), [0_u8, 1, 2]);
    let mut trained: [Option<Net>; 2] = [None, None];
    for isa in isas() {
        let mut net = Net::he(&mut Rng::new(6));
        let mut workspace = Workspace::<Net, 3>::new();
        for _ in 0..10 {
            workspace.train_step_with(isa, &mut net, &xs, &labels, &Sgd::new(0.1)).unwrap();
        }
        let of_class = trained[usize::from(isa.is_fused())].get_or_insert(net);
        assert_eq!(of_class.as_bytes(), net.as_bytes(), "{isa}");
    }
}

#[test]
fn a_picture_alone_has_the_bits_it_has_among_others() {
    let xs = pictures::<Map<6, 5, 2>>(7, 5);
    let net = Net::he(&mut Rng::new(8));
    for isa in isas() {
        let (mut all, mut alone) = ([[f32::NAN; 3]; 5], [[f32::NAN; 3]]);
        net.infer_with(isa, &xs, &mut Scratch::<Net, 5>::new(), &mut all).unwrap();
        for (x, y) in xs.iter().zip(&all) {
            net.infer_with(isa, std::slice::from_ref(x), &mut Scratch::<Net, 1>::new(), &mut alone).unwrap();
            assert_eq!(alone[0].map(f32::to_bits), y.map(f32::to_bits), "{isa}");
        }
    }
}

/// In private training, a sample's share is bounded: of one sample the step is as long as the clip allows, at most.
#[test]
fn private_steps_are_clipped() {
    let xs = pictures::<Map<6, 5, 2>>(9, 1);
    for isa in isas() {
        let (mut net, private) = (Net::he(&mut Rng::new(10)), Private::new(Sgd::new(1.0), 0.01, 0.0, 7));
        let before = numbers(&net);
        let mut workspace = Workspace::<Net, 1, Private<Sgd>>::new();
        workspace.train_step_private_with(isa, &mut net, &xs, &[1], &private).unwrap();
        let after = numbers(&net);
        let squares = after.iter().zip(&before).map(|(a, b)| f64::from(a - b).powi(2));
        let length = squares.sum::<f64>().sqrt();
        assert!((0.009..0.010_01).contains(&length), "{isa}: {length}");
    }
}

/// A pixel that is NaN reaches the outputs whose windows see it, and no other.
#[test]
fn nan_goes_where_it_is_seen() {
    type Layer = Conv2d<Map<5, 5, 1>, Map<5, 5, 2>, 3, 3, 1, 2, Window, Relu>;
    let mut layer = Layer::he(&mut Rng::new(11));
    layer.bias = [1.0; 2];
    for isa in isas() {
        let mut xs = [[[[0.5]; 5]; 5]];
        xs[0][1][2] = [f32::NAN];
        let mut ys = [[[[0.0; 2]; 5]; 5]];
        fusebox::Layer::infer_with(&layer, isa, &xs, &mut Scratch::<_, 1>::new(), &mut ys).unwrap();
        for (y, row) in ys[0].iter().enumerate() {
            for (x, pixel) in row.iter().enumerate() {
                let sees = y <= 2 && (1..=3).contains(&x);
                assert_eq!(pixel.map(f32::is_nan), [sees; 2], "{isa} {y} {x}");
            }
        }
    }
}

/// Weights of a tap that lies in the padding take no part, be they NaN.
#[test]
fn padding_is_nothing_not_zeros() {
    let mut layer = Conv1d::<3, 1, 3, 2, 1, 1, Window<Causal>>::ZEROED;
    layer.layer.weight = [[[[f32::INFINITY]]], [[[1.0]]]];
    for isa in isas() {
        let mut ys = [[[f32::NAN]; 3]];
        fusebox::Layer::infer_with(
            &layer,
            isa,
            &[[[2.0], [3.0], [4.0]]],
            &mut Scratch::<_, 1>::new(),
            &mut ys,
        )
        .unwrap();
        assert_eq!(ys, [[[2.0], [f32::INFINITY], [f32::INFINITY]]], "{isa}");
    }
}

/// A small task that a dense layer of as few parameters cannot do: whether a stroke is level or upright, wherever it is.
#[test]
fn strokes_are_told_apart() {
    type Net = Seq![
        Conv2d<Map<8, 8, 1>, Map<8, 8, 4>, 3, 3, 1, 4, Window, Relu>,
        MaxPool2d<Map<8, 8, 4>, Map<1, 1, 4>, 8, 8>,
        View<Map<1, 1, 4>, Dense<4, 2>, [f32; 2]>
    ];
    let mut rng = Rng::new(12);
    let mut draw = |label: u8| -> Map<8, 8, 1> {
        let (y, x) = (rng.below(6) as usize, rng.below(6) as usize);
        let mut picture = [[[0.0]; 8]; 8];
        for i in 0..3 {
            let (y, x) = if label == 0 { (y, x + i) } else { (y + i, x) };
            picture[y][x] = [1.0];
        }
        picture
    };
    let labels: [u8; 32] = std::array::from_fn(|i| (i % 2) as u8);
    let mut net = Net::ZEROED;
    net.init(Init::He, &mut Rng::new(13));
    let mut workspace = Workspace::<Net, 32, Adam>::new();
    for _ in 0..400 {
        let xs = labels.map(&mut draw);
        workspace.train_step(&mut net, &xs, &labels, &Adam::new(0.02)).unwrap();
    }
    let (xs, mut ys) = (labels.map(&mut draw), [[0.0; 2]; 32]);
    net.infer(&xs, &mut Scratch::<Net, 32>::new(), &mut ys).unwrap();
    let right = ys.iter().zip(labels).filter(|(y, label)| fusebox::argmax(*y) as u8 == *label).count();
    assert!(right >= 31, "{right} of 32");
}

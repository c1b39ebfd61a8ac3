//! Training in whole numbers: gradients against real ones, the same bits everywhere, and what is refused.

#[path = "support"]
mod support {
    pub(crate) mod isas;
}

use fusebox::int8::train::{Dense, Learn, Workspace};
use fusebox::{self as fb, Error, Isa, Layer, Relu, Rng, Scratch, Seq, Sgd, Zeroed};
use support::isas::{isas, tell};

/// No size is a multiple of four.
type Net = Seq![Dense<7, 9, Relu>, Dense<9, 5, Relu>, Dense<5, 3>];
const BATCH: usize = 6;
type Xs = [[i8; 7]; BATCH];

fn net(rng: &mut Rng) -> Net {
    let mut net = Net::ZEROED;
    net.randomize(rng);
    net
}

fn batch(rng: &mut Rng) -> (Xs, [u8; BATCH]) {
    let xs = [(); BATCH].map(|()| [(); 7].map(|()| rng.below(33) as i8 - 16));
    (xs, [(); BATCH].map(|()| rng.below(3) as u8))
}

/// Some steps; returns the network and the losses.
fn train(isa: Isa, seed: u64) -> (Net, [u32; 20]) {
    let mut rng = Rng::new(seed);
    let (mut net, mut workspace) = (net(&mut rng), Workspace::<Net, BATCH>::new());
    let losses = [(); 20].map(|()| {
        let (xs, labels) = batch(&mut rng);
        workspace.train_step_with(isa, &mut net, &xs, &labels, 1 << 15, &mut rng).expect("a step")
    });
    (net, losses)
}

#[test]
fn the_same_bits_on_every_instruction_set() {
    let expected = train(Isa::portable(), 1);
    for isa in isas() {
        assert_eq!(train(isa, 1), expected, "{isa}");
    }
    assert_ne!(train(Isa::portable(), 2), expected);
}

#[test]
fn for_inference_the_outputs_are_the_same() {
    let (trained, _) = train(Isa::detect(), 1);
    let int8 = trained.to_int8();
    let mut rng = Rng::new(3);
    for isa in isas() {
        for _ in 0..100 {
            let xs: Xs = [(); BATCH].map(|()| [(); 7].map(|()| rng.next_u32() as i8));
            let mut ys = [[[0; 3]; BATCH]; 3];
            trained.infer_with(isa, &xs, &mut Scratch::<Net, BATCH>::new(), &mut ys[0]).expect("rows");
            int8.infer_with(isa, &xs, &mut Scratch::<_, BATCH>::new(), &mut ys[1]).expect("rows");
            // As in training.
            let mut memory = <Net as Learn>::Memory::<BATCH>::ZEROED;
            trained.forward(isa, &xs, &mut memory, &mut ys[2]);
            assert_eq!((ys[0], ys[0]), (ys[1], ys[2]), "{isa}");
        }
    }
}

const IN: usize = 12;
const HIDDEN: usize = 8;
const CLASSES: usize = 4;
const ROWS: usize = 8;
type Small = Seq![Dense<IN, HIDDEN, Relu>, Dense<HIDDEN, CLASSES>];
type Single = Seq![fb::Dense<IN, HIDDEN, Relu>, fb::Dense<HIDDEN, CLASSES>];

/// The unit of a weight of both layers.
const UNIT: f64 = 1.0 / 64.0;

/// Numbers by row, and then by column.
type Matrix = Vec<Vec<f64>>;

fn reals<const N: usize>(rows: &[[i8; N]], unit: f64) -> Matrix {
    rows.iter().map(|row| row.iter().map(|&q| f64::from(q) * unit).collect()).collect()
}

/// The weights of an output in each row. In memory they are tiles of four outputs by four inputs; here is no remainder.
fn weights<const I: usize, const O: usize, A>(layer: &Dense<I, O, A>) -> Matrix {
    let tiled = layer.weight.as_flattened();
    let at = |o: usize, i: usize| f64::from(tiled[o / 4 * 4 * I + i / 4 * 16 + o % 4 * 4 + i % 4]);
    (0..O).map(|o| (0..I).map(|i| at(o, i) * UNIT).collect()).collect()
}

/// All parameters: the weights of each output, then the biases.
fn parameters(net: &Small) -> Vec<f64> {
    let weights = [weights(&net.first), weights(&net.rest)].map(|weight| weight.concat());
    let biases = [net.first.bias.to_vec(), net.rest.bias.to_vec()];
    let biases = biases.map(|bias| bias.into_iter().map(|q| f64::from(q) * UNIT / 16.0).collect());
    [weights, biases].concat().concat()
}

/// The gradient of the parameters of a network with these weights, if those are its layers' inputs and outputs.
fn gradient(weight: &Matrix, [xs, hs, ys]: [&Matrix; 3], labels: &[u8]) -> Vec<f64> {
    let softmax = |y: &Vec<f64>, label: u8| {
        let sum: f64 = y.iter().map(|y| y.exp()).sum();
        let dy = |(c, y): (usize, &f64)| y.exp() / sum - f64::from(u8::from(c == usize::from(label)));
        y.iter().enumerate().map(dy).collect::<Vec<_>>()
    };
    let dys: Matrix = ys.iter().zip(labels).map(|(y, &label)| softmax(y, label)).collect();
    let back = |dy: &Vec<f64>, h: &Vec<f64>| {
        let dx = |i: usize| dy.iter().zip(weight).map(|(dy, w)| dy * w[i]).sum::<f64>();
        h.iter().enumerate().map(|(i, &h)| if h > 0.0 { dx(i) } else { 0.0 }).collect()
    };
    let dhs: Matrix = dys.iter().zip(hs).map(|(dy, h)| back(dy, h)).collect();
    let rows = labels.len() as f64;
    let of_weights = |dys: &Matrix, xs: &Matrix| {
        let sum = |o: usize, i: usize| dys.iter().zip(xs).map(|(dy, x)| dy[o] * x[i]).sum::<f64>() / rows;
        (0..dys[0].len())
            .flat_map(|o| (0..xs[0].len()).map(move |i| (o, i)))
            .map(|(o, i)| sum(o, i))
            .collect()
    };
    let of_biases = |dys: &Matrix| of_weights(dys, &vec![vec![1.0]; dys.len()]);
    let all: [Vec<f64>; 4] = [of_weights(&dhs, xs), of_weights(&dys, hs), of_biases(&dhs), of_biases(&dys)];
    all.concat()
}

/// The gradient that a step in `f32` takes, in the same order.
fn gradient_in_f32(net: &Small, xs: &[[i8; IN]; ROWS], labels: &[u8]) -> Vec<f64> {
    let mut single = Single::ZEROED;
    let fill = |from: Matrix, to: &mut [f32]| {
        for (k, to) in to.iter_mut().enumerate() {
            *to = from[k % from.len()][k / from.len()] as f32;
        }
    };
    fill(weights(&net.first), single.first.weight.as_flattened_mut());
    fill(weights(&net.rest), single.rest.weight.as_flattened_mut());
    let start = single;
    let xs = xs.map(|x| x.map(|q| f32::from(q) / 16.0));
    let mut workspace = fb::Workspace::<Single, ROWS>::new();
    workspace.train_step(&mut single, &xs, labels, &Sgd::new(1.0)).expect("a step");
    let numbers = |net: &Single| {
        let weights = (0..HIDDEN).flat_map(|o| (0..IN).map(move |i| (i, o)));
        let first: Vec<f32> = weights.map(|(i, o)| net.first.weight[i][o]).collect();
        let weights = (0..CLASSES).flat_map(|o| (0..HIDDEN).map(move |i| (i, o)));
        let rest = weights.map(|(i, o)| net.rest.weight[i][o]).collect();
        [first, rest, net.first.bias.to_vec(), net.rest.bias.to_vec()].concat()
    };
    numbers(&start).iter().zip(numbers(&single)).map(|(start, end)| f64::from(start - end)).collect()
}

/// With the outputs as they are in eight bits, changes are those of real numbers but for the rounding of errors and of
/// themselves; their means over many steps are near what the same network in `f32` learns.
#[test]
fn gradients_are_those_of_real_numbers() {
    const RATE: f64 = 2.0;
    const STEPS: usize = 64;
    let (mut from_rounded, mut from_singles, mut size) = (0.0, 0.0, 0.0);
    for seed in 0..20 {
        let mut rng = Rng::new(seed);
        let mut net = Small::ZEROED;
        net.randomize(&mut rng);
        let xs = [(); ROWS].map(|()| [(); IN].map(|()| rng.below(97) as i8 - 48));
        let labels = [(); ROWS].map(|()| rng.below(CLASSES as u32) as u8);
        // Half of what they are: no change reaches the ends of the range.
        net.first.weight.as_flattened_mut().iter_mut().for_each(|w| *w /= 2);
        net.rest.weight.as_flattened_mut().iter_mut().for_each(|w| *w /= 2);

        let (mut hs, mut ys) = ([[0; HIDDEN]; ROWS], [[0; CLASSES]; ROWS]);
        net.first.infer(&xs, &mut Scratch::<_, ROWS>::new(), &mut hs).expect("rows");
        net.rest.infer(&hs, &mut Scratch::<_, ROWS>::new(), &mut ys).expect("rows");
        let rows = [&reals(&xs, 1.0 / 16.0), &reals(&hs, 1.0 / 16.0), &reals(&ys, 1.0 / 16.0)];
        let expected = gradient(&weights(&net.rest), rows, &labels);
        let losses = rows[2].iter().zip(labels);
        let loss: f64 = losses
            .map(|(y, label)| y.iter().map(|y| y.exp()).sum::<f64>().ln() - y[usize::from(label)])
            .sum();

        let start = parameters(&net);
        let mut means = vec![0.0; start.len()];
        for _ in 0..STEPS {
            let mut net = net;
            let mut workspace = Workspace::<Small, ROWS>::new();
            let got = workspace.train_step(&mut net, &xs, &labels, 2 << 16, &mut rng).expect("a step");
            assert!((f64::from(got) / 65_536.0 - loss / ROWS as f64).abs() < 1e-4, "{got}, {loss}");
            for (k, (start, end)) in start.iter().zip(parameters(&net)).enumerate() {
                let change = (start - end) / RATE;
                // In 2^-12, an error of the last layer is wrong by at most one, and one of the hidden layer by as much
                // times four weights of less than 1, and a half; the inputs of both are at most 8 and 3.
                let bound = UNIT / RATE + 14.0 * 2_f64.powi(-12);
                assert!((change - expected[k]).abs() <= bound, "seed {seed}, {k}: {change}, {}", expected[k]);
                means[k] += change / STEPS as f64;
            }
        }
        let singles = gradient_in_f32(&net, &xs, &labels);
        for ((mean, expected), single) in means.iter().zip(&expected).zip(singles) {
            from_rounded += (mean - expected).powi(2);
            from_singles += (mean - single).powi(2);
            size += single.powi(2);
        }
    }
    let [rounded, singles] = [from_rounded, from_singles].map(|sum: f64| (sum / size).sqrt());
    tell(&format!(
        "gradients of whole numbers: {rounded:.4} of the norm from those of the rounded outputs, {singles:.4} from f32's"
    ));
    assert!(rounded < 0.02, "{rounded}");
    // Outputs are rounded to sixteenths, which moves some across the bend of the ReLU.
    assert!(singles < 0.125, "{singles}");
}

#[test]
fn what_is_refused_changes_nothing() {
    let mut rng = Rng::new(1);
    let mut workspace = Workspace::<Net, BATCH>::new();
    let start = net(&mut rng);
    let (xs, labels) = batch(&mut rng);
    let (mut net, unused) = (start, rng.clone());
    let rate = 1 << 16;
    for (rows, labels, rate, error) in [
        (0, &labels[..0], rate, Error::Empty),
        (2, &labels[..1], rate, Error::Rows { expected: 2, got: 1 }),
        (2, &[0, 3], rate, Error::Label { classes: 3, got: 3, row: 1 }),
        (1, &[255], rate, Error::Label { classes: 3, got: 255, row: 0 }),
        (1, &[0], (4 << 16) + 1, Error::Setting { name: "rate", expected: "at most 2^18, a rate of 4" }),
        (1, &[0], u32::MAX, Error::Setting { name: "rate", expected: "at most 2^18, a rate of 4" }),
    ] {
        let result = workspace.train_step(&mut net, &xs[..rows], labels, rate, &mut rng);
        assert_eq!(result, Err(error));
        if rate == 1 << 16 {
            assert_eq!(workspace.correct(&net, &xs[..rows], labels), Err(error));
        }
    }
    let error = Error::Label { classes: 3, got: usize::MAX, row: 0 };
    assert_eq!(workspace.train_step(&mut net, &xs[..1], &[-1], rate, &mut rng), Err(error));
    let mut few = Workspace::<Net, 1>::default();
    let error = Error::Batch { expected: 1, got: 2 };
    assert_eq!(few.train_step(&mut net, &xs[..2], &[0, 0_u8], rate, &mut rng), Err(error));
    assert_eq!((net, &rng), (start, &unused));
    // No rate, no change: a step is rounded at random, but zero is zero.
    workspace.train_step(&mut net, &xs, &labels, 0, &mut rng).expect("a step");
    assert_eq!(net, start);
}

/// Extreme numbers wrap or stop at their limits, and panic nowhere.
#[test]
fn extremes() {
    let mut rng = Rng::new(1);
    let mut net = Net::ZEROED;
    for bias in [i32::MIN, i32::MAX] {
        net.first.bias = [bias; 9];
        net.rest.rest.bias = [bias; 3];
        for w in [i8::MIN, i8::MAX] {
            net.first.weight = [[w; 7]; 9];
            net.rest.first.weight = [[w; 9]; 5];
            net.rest.rest.weight = [[w; 5]; 3];
            for x in [i8::MIN, i8::MAX] {
                let mut net = net;
                let mut workspace = Workspace::<Net, BATCH>::new();
                for label in [0_u8, 2] {
                    let step =
                        workspace.train_step(&mut net, &[[x; 7]; BATCH], &[label; BATCH], 4 << 16, &mut rng);
                    step.expect("a step");
                }
                assert!(net.first.bias.iter().all(|bias| bias.abs() < 1 << 30));
            }
        }
    }
}

/// Called directly, with lengths that do not match and numbers that no step has.
#[test]
fn methods_with_other_lengths_write_nothing() {
    type One = Dense<3, 2>;
    let mut rng = Rng::new(1);
    let mut layer = One::ZEROED;
    layer.randomize(&mut rng);
    let start = layer;
    let (mut dys, mut dxs) = ([[i16::MIN; 2]; 3], [[7; 3]; 3]);
    layer.backward::<1>(&[[1; 3]; 3], &mut (), &[[1; 2]; 3], &mut dys, Some(&mut dxs[..2]));
    assert_eq!(dxs, [[7; 3]; 3]);
    layer.update::<1>(&[[1; 3]; 2], &(), &dys, u32::MAX, &mut rng);
    layer.update::<1>(&[], &(), &[], u32::MAX, &mut rng);
    assert_eq!(layer, start);
    let mut ys = [[5; 2]; 2];
    layer.forward::<1>(Isa::detect(), &[[1; 3]], &mut (), &mut ys);
    assert_eq!(ys, [[5; 2]; 2]);
    // More rows than a batch may have.
    layer.update::<1>(&[[i8::MIN; 3]; 513], &(), &[[i16::MIN; 2]; 513], u32::MAX, &mut rng);
    assert_eq!(layer, start);
    layer.update::<1>(&[[i8::MIN; 3]; 512], &(), &[[i16::MIN; 2]; 512], u32::MAX, &mut rng);
    let mut chain = net(&mut rng);
    let (start, mut memory) = (chain, Zeroed::ZEROED);
    chain.forward::<1>(Isa::detect(), &[[1; 7]; 2], &mut memory, &mut [[0; 3]; 2]);
    chain.backward::<1>(&[[1; 7]; 2], &mut memory, &[[0; 3]; 2], &mut [[0; 3]; 2], None);
    chain.update::<1>(&[[1; 7]; 2], &memory, &[[1; 3]; 2], 1, &mut rng);
    assert_eq!(chain.first, start.first);
}

#[test]
fn as_bytes_and_back() {
    let mut net = Small::ZEROED;
    net.randomize(&mut Rng::new(1));
    let bytes = net.as_bytes();
    assert_eq!(bytes.len(), 4 * (HIDDEN + CLASSES) + IN * HIDDEN + HIDDEN * CLASSES);
    assert_eq!(Small::copy_from_bytes(bytes), Ok(net));
}

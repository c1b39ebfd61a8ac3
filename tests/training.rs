//! Training steps against plain loops over whole numbers.
//!
//! Where every product and every sum is a whole number below 2^24, `f32` is exact and rounding plays no part: whatever
//! the order of summation, fused or not, a step must leave just the parameters that the plain loops leave. So there
//! is nothing to tolerate, and a wrong index, a stale tile or a missing mask shows as a difference.

mod support {
    pub(crate) mod isas;
}

use fusebox::{
    Dense, Error, Identity, Init, Isa, Loss, Relu, Rng, Scratch, Seq, Sgd, Train, Workspace, Zeroed, evaluate,
};
use support::isas::isas;

/// A loss whose gradient is its target, so that a test decides what flows back.
struct Given;

impl<const N: usize> Loss<[f32; N]> for Given {
    type Target = [f32; N];

    fn check(&self, _: &[f32; N], _: usize) -> Result<(), Error> {
        Ok(())
    }

    fn gradient(&self, _: Isa, _: &[[f32; N]], targets: &[[f32; N]], dys: &mut [[f32; N]]) -> f32 {
        dys.copy_from_slice(targets);
        0.0
    }
}

type Net<const IN: usize, const HIDDEN: usize, const OUT: usize> =
    Seq![Dense<IN, HIDDEN, Relu>, Dense<HIDDEN, OUT, Relu>, Dense<OUT, OUT>];

/// A whole number from -2 to 2.
fn small(rng: &mut Rng) -> f32 {
    rng.below(5) as f32 - 2.0
}

fn fill<const N: usize>(rows: &mut [[f32; N]], rng: &mut Rng) {
    rows.as_flattened_mut().fill_with(|| small(rng));
}

fn whole_numbers<const IN: usize, const HIDDEN: usize, const OUT: usize>(
    rng: &mut Rng,
) -> Net<IN, HIDDEN, OUT> {
    let mut net = Net::<IN, HIDDEN, OUT>::ZEROED;
    fill(&mut net.first.weight, rng);
    fill(std::slice::from_mut(&mut net.first.bias), rng);
    fill(&mut net.rest.first.weight, rng);
    fill(std::slice::from_mut(&mut net.rest.first.bias), rng);
    fill(&mut net.rest.rest.weight, rng);
    fill(std::slice::from_mut(&mut net.rest.rest.bias), rng);
    net
}

/// `y = x W + b`, then ReLU if asked for.
fn forward<const IN: usize, const OUT: usize, A>(
    layer: &Dense<IN, OUT, A>,
    xs: &[[f32; IN]],
    relu: bool,
) -> Vec<[f32; OUT]> {
    let output = |x: &[f32; IN], o: usize| {
        let y = (0..IN).map(|i| x[i] * layer.weight[i][o]).sum::<f32>() + layer.bias[o];
        if relu && y <= 0.0 { 0.0 } else { y }
    };
    xs.iter().map(|x| std::array::from_fn(|o| output(x, o))).collect()
}

/// `dx = dy W^T` where the layer below let its output through.
fn backward<const IN: usize, const OUT: usize, A>(
    layer: &Dense<IN, OUT, A>,
    xs: &[[f32; IN]],
    dys: &[[f32; OUT]],
) -> Vec<[f32; IN]> {
    let gradient = |x: &[f32; IN], dy: &[f32; OUT], i: usize| {
        let dx = (0..OUT).map(|o| dy[o] * layer.weight[i][o]).sum::<f32>();
        if x[i] <= 0.0 { 0.0 } else { dx }
    };
    std::iter::zip(xs, dys).map(|(x, dy)| std::array::from_fn(|i| gradient(x, dy, i))).collect()
}

/// `W -= rate x^T dy`, `b -= rate sum dy`.
fn update<const IN: usize, const OUT: usize, A>(
    layer: &mut Dense<IN, OUT, A>,
    xs: &[[f32; IN]],
    dys: &[[f32; OUT]],
    rate: f32,
) {
    for o in 0..OUT {
        for i in 0..IN {
            layer.weight[i][o] -= rate * std::iter::zip(xs, dys).map(|(x, dy)| x[i] * dy[o]).sum::<f32>();
        }
        layer.bias[o] -= rate * dys.iter().map(|dy| dy[o]).sum::<f32>();
    }
}

/// One step of every size of batch up to `B`, on every instruction set.
fn steps<const IN: usize, const HIDDEN: usize, const OUT: usize, const B: usize>() {
    let mut rng = Rng::new(7);
    let before = whole_numbers::<IN, HIDDEN, OUT>(&mut rng);
    let (mut xs, mut targets) = ([[0.0; IN]; B], [[0.0; OUT]; B]);
    fill(&mut xs, &mut rng);
    fill(&mut targets, &mut rng);
    for rows in 1..=B {
        let (xs, targets) = (&xs[..rows], &targets[..rows]);
        let hidden = forward(&before.first, xs, true);
        let between = forward(&before.rest.first, &hidden, true);
        let ys = forward(&before.rest.rest, &between, false);
        let d_between = backward(&before.rest.rest, &between, targets);
        let d_hidden = backward(&before.rest.first, &hidden, &d_between);
        let mut expected = before;
        update(&mut expected.rest.rest, &between, targets, 0.5);
        update(&mut expected.rest.first, &hidden, &d_between, 0.5);
        update(&mut expected.first, xs, &d_hidden, 0.5);
        for isa in isas() {
            let mut scratch = Scratch::<_, B>::new();
            let mut outputs = [[f32::NAN; OUT]; B];
            before.infer_with(isa, xs, &mut scratch, &mut outputs[..rows]).unwrap();
            assert_eq!(outputs[..rows], ys, "{isa}, {IN}-{HIDDEN}-{OUT}, {rows} rows");
            assert!(outputs[rows..].iter().flatten().all(|y| y.is_nan()), "{isa}: wrote past the rows");

            let mut net = before;
            let mut workspace = Workspace::<Net<IN, HIDDEN, OUT>, B, Sgd, Given>::with_loss(Given);
            workspace.train_step_with(isa, &mut net, xs, targets, &Sgd::new(0.5)).unwrap();
            assert!(net == expected, "{isa}, {IN}-{HIDDEN}-{OUT}, {rows} rows");
        }
    }
}

#[test]
fn a_step_is_what_plain_loops_make() {
    steps::<1, 1, 1, 2>();
    steps::<3, 2, 5, 4>();
    steps::<15, 16, 17, 9>();
    steps::<8, 33, 7, 15>();
    steps::<31, 48, 10, 5>();
    steps::<64, 32, 10, 33>();
    steps::<2, 65, 2, 3>();
}

type Digits = Seq![Dense<64, 32, Relu>, Dense<32, 10>];

fn batch(rng: &mut Rng) -> ([[f32; 64]; 32], [u8; 32]) {
    let xs = std::array::from_fn(|_| std::array::from_fn(|_| rng.uniform()));
    (xs, std::array::from_fn(|i| (i % 10) as u8))
}

/// The losses and weights of twenty steps: equal within a class of instruction sets, and with `reproducible` on all.
#[test]
fn instruction_sets_of_a_class_train_the_same_weights() {
    let (xs, labels) = batch(&mut Rng::new(3));
    let mut of_class = [None, None];
    for isa in isas() {
        let mut net = Digits::he(&mut Rng::new(1));
        let mut workspace = Workspace::<Digits, 32>::new();
        let mut step = |rows: usize| {
            let step = workspace.train_step_with(isa, &mut net, &xs[..rows], &labels[..rows], &Sgd::new(0.3));
            step.unwrap().to_bits()
        };
        let losses: Vec<u32> = (0..20).map(|i| step([32, 1, 17][i % 3])).collect();
        let trace = (losses, net.as_bytes().to_vec());
        let (first, alike) =
            of_class[usize::from(isa.is_fused())].get_or_insert_with(|| (isa, trace.clone()));
        assert!(*alike == trace, "{isa} and {first} differ");
    }
}

/// Alone or among others, a sample gets the same bits.
#[test]
fn a_row_does_not_know_its_batch() {
    let (xs, _) = batch(&mut Rng::new(4));
    let net = Digits::he(&mut Rng::new(2));
    for isa in isas() {
        let mut scratch = Scratch::<Digits, 32>::new();
        let mut together = [[f32::NAN; 10]; 32];
        net.infer_with(isa, &xs, &mut scratch, &mut together).unwrap();
        for (x, together) in xs.iter().zip(&together) {
            let mut alone = [[f32::NAN; 10]];
            net.infer_with(isa, std::slice::from_ref(x), &mut scratch, &mut alone).unwrap();
            assert_eq!(alone[0].map(f32::to_bits), together.map(f32::to_bits), "{isa}");
        }
    }
}

/// The gradient and the loss of softmax cross-entropy against `f64`, within what its operations may round.
///
/// With d = max z - z, an exponential is within a relative u (d + 3): the subtraction's rounding moves the exponent by
/// u d, and the kernel is within one unit in the last place, 2u, and u for what the clamped range leaves out. Their sum
/// has the weighted mean of those errors and u for each addition. A hundredth more is for products of such errors.
fn cross_entropy<const CLASSES: usize>(spread: f32) {
    let u = f64::from(f32::EPSILON) / 2.0;
    let mut rng = Rng::new(CLASSES as u64);
    const ROWS: usize = 3;
    let ys: [[f32; CLASSES]; ROWS] =
        std::array::from_fn(|_| std::array::from_fn(|_| (rng.uniform() - 0.5) * spread));
    let labels: [u8; ROWS] = std::array::from_fn(|_| rng.below(CLASSES.min(256) as u32) as u8);
    let mut of_class = [None, None];
    for isa in isas() {
        let mut dys = [[f32::NAN; CLASSES]; ROWS];
        let loss = fusebox::CrossEntropy.gradient(isa, &ys, &labels, &mut dys);
        let (mut expected_loss, mut loss_bound) = (0.0, 0.0);
        for ((y, dy), &label) in ys.iter().zip(&dys).zip(&labels) {
            let largest = y.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let distance = |z: f32| f64::from(largest) - f64::from(z);
            let sum: f64 = y.iter().map(|&z| (-distance(z)).exp()).sum();
            let mean_distance = y.iter().map(|&z| distance(z) * (-distance(z)).exp()).sum::<f64>() / sum;
            let sum_error = u * (mean_distance + 3.0 + (CLASSES.div_ceil(16) + 4) as f64);
            for (j, (&z, &got)) in y.iter().zip(dy).enumerate() {
                let p = (-distance(z)).exp() / sum / ROWS as f64;
                let expected = p - if j == usize::from(label) { 1.0 / ROWS as f64 } else { 0.0 };
                // Then 1/rows, the division by the sum and the product are rounded, and the label's difference, where
                // 1/rows counts again.
                let label_error = if j == usize::from(label) { u * (expected.abs() + 1.0) } else { 0.0 };
                // A probability below e^-64 of the largest counts as zero.
                let zeroed = if distance(z) > 64.0 { p } else { 0.0 };
                let bound = p * (u * (distance(z) + 3.0 + 3.0) + sum_error) + label_error + zeroed;
                let error = (f64::from(got) - expected).abs();
                assert!(error <= 1.01 * bound, "{isa}, {CLASSES} classes: {got}, not {expected}");
            }
            let of_label = distance(y[usize::from(label)]);
            expected_loss += (sum.ln() + of_label) / ROWS as f64;
            loss_bound += sum_error + u * (2.0 * sum.ln() + of_label + (sum.ln() + of_label));
        }
        // Three additions over the rows, 1/rows and its product.
        let bound = loss_bound / ROWS as f64 + 5.0 * u * expected_loss;
        let error = (f64::from(loss) - expected_loss).abs();
        assert!(error <= 1.01 * bound, "{isa}, {CLASSES} classes: loss {loss}, not {expected_loss}");
        let bits = (loss.to_bits(), dys.map(|dy| dy.map(f32::to_bits)));
        let alike = *of_class[usize::from(isa.is_fused())].get_or_insert(bits);
        assert!(alike == bits, "{isa} differs from the others of its class");
    }
}

#[test]
fn cross_entropy_against_f64() {
    for spread in [1.0, 20.0, 160.0] {
        cross_entropy::<1>(spread);
        cross_entropy::<2>(spread);
        cross_entropy::<10>(spread);
        cross_entropy::<15>(spread);
        cross_entropy::<16>(spread);
        cross_entropy::<17>(spread);
        cross_entropy::<256>(spread);
        cross_entropy::<300>(spread);
    }
}

/// A sure and wrong answer costs much, not infinitely much; NaN shows in the loss and in the weights.
#[test]
fn extreme_logits() {
    for isa in isas() {
        let mut dys = [[f32::NAN; 3]];
        let loss = fusebox::CrossEntropy.gradient(isa, &[[3e38, -3e37, 0.0]], &[1], &mut dys);
        assert!(loss > 3.2e38 && loss.is_finite(), "{isa}: {loss}");
        assert_eq!((dys[0][0], dys[0][1]), (1.0, -1.0), "{isa}");
        let loss = fusebox::CrossEntropy.gradient(isa, &[[f32::NAN, 0.0, 0.0]], &[1], &mut dys);
        assert!(loss.is_nan() && dys[0].iter().all(|dy| dy.is_nan()), "{isa}: {loss} {dys:?}");

        let mut net = Digits::he(&mut Rng::new(1));
        let mut workspace = Workspace::<Digits, 1>::new();
        let loss = workspace.train_step_with(isa, &mut net, &[[f32::NAN; 64]], &[3], &Sgd::new(0.1)).unwrap();
        assert!(loss.is_nan() && net.rest.bias[0].is_nan(), "{isa}");
    }
}

/// Whatever is refused leaves the network as it was.
#[test]
fn refusals_change_nothing() {
    let mut rng = Rng::new(5);
    let (xs, mut labels) = batch(&mut rng);
    let before = Digits::he(&mut rng);
    let mut net = before;
    let mut workspace = Workspace::<Digits, 16>::new();
    let mut step = |xs: &[[f32; 64]], labels: &[u8]| {
        let result = workspace.train_step(&mut net, xs, labels, &Sgd::new(1.0));
        assert_eq!(net, before);
        result.unwrap_err()
    };
    assert_eq!(step(&[], &[]), Error::Empty);
    assert_eq!(step(&xs[..17], &labels[..17]), Error::Batch { expected: 16, got: 17 });
    assert_eq!(step(&xs[..4], &labels[..5]), Error::Rows { expected: 4, got: 5 });
    assert_eq!(step(&xs[..4], &labels[..3]), Error::Rows { expected: 4, got: 3 });
    labels[7] = 10;
    assert_eq!(step(&xs[..16], &labels[..16]), Error::Label { classes: 10, got: 10, row: 7 });

    let mut stage = workspace.stage();
    for (x, &label) in xs[..16].iter().zip(&labels) {
        stage.push(label, |row| *row = *x).unwrap();
    }
    assert_eq!(stage.push(0, |_| ()), Err(Error::Batch { expected: 16, got: 17 }));
    assert_eq!(stage.rows(), 16);
    let refused = stage.train_step(&mut net, &Sgd::new(1.0));
    assert_eq!(refused, Err(Error::Label { classes: 10, got: 10, row: 7 }));
    assert_eq!(net, before);
    assert_eq!(workspace.stage().rows(), 0);
    assert_eq!(workspace.stage().train_step(&mut net, &Sgd::new(1.0)), Err(Error::Empty));

    let (mut scratch, mut ys) = (Scratch::<Digits, 16>::new(), [[-1.0; 10]; 17]);
    let mut infer = |rows: usize, outputs: usize| {
        let result = net.infer(&xs[..rows], &mut scratch, &mut ys[..outputs]);
        assert!(ys.iter().flatten().all(|&y| y == -1.0), "an error wrote");
        result.unwrap_err()
    };
    assert_eq!(infer(0, 0), Error::Empty);
    assert_eq!(infer(17, 17), Error::Batch { expected: 16, got: 17 });
    assert_eq!(infer(3, 4), Error::Rows { expected: 3, got: 4 });

    let mut evaluate = |rows: usize, labels: &[u8], outputs: usize| {
        let result = evaluate(&net, &xs[..rows], labels, &mut scratch, &mut ys[..outputs]);
        assert!(ys.iter().flatten().all(|&y| y == -1.0), "an error wrote");
        result.unwrap_err()
    };
    assert_eq!(evaluate(0, &[], 1), Error::Empty);
    assert_eq!(evaluate(2, &[1, 2], 0), Error::Empty);
    assert_eq!(evaluate(2, &[1], 2), Error::Rows { expected: 2, got: 1 });
    assert_eq!(evaluate(8, &labels[..8], 2), Error::Label { classes: 10, got: 10, row: 7 });
}

/// A batch capacity of zero is of no use, and says so.
#[test]
fn no_capacity() {
    let mut net = Digits::ZEROED;
    let refused = Workspace::<Digits, 0>::new().train_step(&mut net, &[[0.0; 64]], &[0], &Sgd::new(1.0));
    assert_eq!(refused, Err(Error::Batch { expected: 0, got: 1 }));
    let refused = evaluate(&net, &[[0.0; 64]], &[0], &mut Scratch::<_, 0>::new(), &mut [[0.0; 10]]);
    assert_eq!(refused, Err(Error::Empty));
}

/// Layers without inputs or outputs are legal, and do what sums over nothing do.
#[test]
fn layers_of_no_size() {
    type Empty = Seq![Dense<0, 3, Relu>, Dense<3, 0>, Dense<0, 2>];
    for isa in isas() {
        let mut net = Empty::ZEROED;
        net.rest.rest.bias = [1.0, 2.0];
        let mut ys = [[f32::NAN; 2]; 2];
        net.infer_with(isa, &[[]; 2], &mut Scratch::<_, 2>::new(), &mut ys).unwrap();
        assert_eq!(ys, [[1.0, 2.0]; 2]);
        let mut workspace = Workspace::<Empty, 2>::new();
        let loss = workspace.train_step_with(isa, &mut net, &[[]; 2], &[0, 1], &Sgd::new(0.1)).unwrap();
        assert!(loss.is_finite());
    }
    let mut alone = Dense::<0, 2, Identity>::ZEROED;
    alone.init(Init::He, &mut Rng::new(1));
    assert_eq!(alone.bias, [0.0; 2]);
}

/// Bytes of every wrong length, and every wrong alignment.
#[test]
fn bytes() {
    type Net = Seq![Dense<2, 3, Relu>, Dense<3, 1>];
    let net = Net::he(&mut Rng::new(9));
    assert_eq!(net.as_bytes().len(), 13 * 4);
    let mut room = fusebox::Aligned([0; 13 * 4 + 8]);
    for offset in 0..8 {
        room.0[offset..offset + 52].copy_from_slice(net.as_bytes());
        let bytes = &room.0[offset..];
        match offset % 4 {
            0 => assert_eq!(Net::from_bytes(&bytes[..52]), Ok(&net)),
            got => assert_eq!(Net::from_bytes(&bytes[..52]), Err(Error::Alignment { expected: 4, got })),
        }
        assert_eq!(Net::copy_from_bytes(&bytes[..52]), Ok(net));
        for got in (0..bytes.len()).filter(|&len| len != 52) {
            assert_eq!(Net::from_bytes(&bytes[..got]), Err(Error::Bytes { expected: 52, got }));
            assert_eq!(Net::copy_from_bytes(&bytes[..got]), Err(Error::Bytes { expected: 52, got }));
        }
    }
}

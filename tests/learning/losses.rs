//! Every loss against a reference in `f64`, against PyTorch, and with targets that it refuses.
//!
//! The references are the formulas of the losses' documentation over [`Real`]: shown right by central differences, then
//! run on bounded numbers, whose bounds the losses keep on every instruction set.

use crate::support::bounded::{Bounded, Real, against_differences, check_all};
use crate::support::isas::isas;
use crate::support::reference_net::{LN, SOFTPLUS, exponentials, logistic};
use crate::support::vectors::Vectors;
use fusebox::{
    Adam, BinaryCrossEntropy, ClipNorm, CrossEntropy, Dense, Error, Huber, Ignoring, Loss, Mse, Rng,
    WeightedCrossEntropy, Workspace, Zeroed,
};
use std::fmt::Debug;

/// The mean over the rows, weighted, and its gradient, row after row, of
/// (1 - s) w_t (-ln a_t) + s / C sum_c w_c (-ln a_c).
fn cross_entropy<R: Real>(ys: &[Vec<R>], labels: &[u8], weights: &[f32], smoothing: f32) -> (R, Vec<R>) {
    let weight_of = |label: usize| R::exact(weights[label]);
    let one = R::exact(1.0);
    let scale = one / R::sum(labels.iter().map(|&label| weight_of(label.into())));
    let (smoothing, classes) = (R::exact(smoothing), R::exact(weights.len() as f32));
    let (mut losses, mut gradient) = (vec![], vec![]);
    for (y, &label) in ys.iter().zip(labels) {
        let label = usize::from(label);
        let (powers, largest, sum) = exponentials(y);
        let ln_sum = sum.apply(&LN);
        // What the label counts, and each class by smoothing.
        let on_label = (one - smoothing) * weight_of(label);
        let spread = |class: usize| smoothing / classes * weight_of(class);
        let surprise = |class: usize| ln_sum + (largest - y[class]);
        let smooth = R::sum((0..y.len()).map(|class| spread(class) * surprise(class)));
        losses.push(on_label * surprise(label) + smooth);
        let all = on_label + R::sum((0..y.len()).map(spread));
        for (class, &power) in powers.iter().enumerate() {
            let smoothed = scale * all / sum * power - scale * spread(class);
            gradient.push(if class == label { smoothed - scale * on_label } else { smoothed });
        }
    }
    (scale * R::sum(losses), gradient)
}

/// The mean over all numbers of `value`, and of each number `slope` by their count.
fn mean_of<R: Real>(
    (ys, targets): (&[R], &[f32]),
    value: impl Fn(R, R) -> R,
    slope: impl Fn(R, R) -> R,
) -> (R, Vec<R>) {
    let scale = R::exact(1.0) / R::exact(ys.len() as f32);
    let pairs = || ys.iter().zip(targets).map(|(&y, &target)| (y, R::exact(target)));
    let sum = R::sum(pairs().map(|(y, target)| value(y, target)));
    (scale * sum, pairs().map(|(y, target)| slope(y, target) * scale).collect())
}

fn mse<R: Real>(pairs: (&[R], &[f32])) -> (R, Vec<R>) {
    mean_of(pairs, |y, t| (y - t) * (y - t), |y, t| (y - t) + (y - t))
}

fn huber<R: Real>(pairs: (&[R], &[f32]), delta: f32) -> (R, Vec<R>) {
    let (delta, half) = (R::exact(delta), R::exact(0.5));
    let magnitude = |e: R| if e.value() < 0.0 { -e } else { e };
    let value = |y: R, t: R| {
        let e = magnitude(y - t);
        let c = if e.value() > delta.value() { delta } else { e };
        c * (e - c * half)
    };
    let slope = |y: R, t: R| {
        let e = y - t;
        if magnitude(e).value() <= delta.value() {
            e
        } else if e.value() > 0.0 {
            delta
        } else {
            -delta
        }
    };
    mean_of(pairs, value, slope)
}

fn binary_cross_entropy<R: Real>(pairs: (&[R], &[f32]), weight: f32) -> (R, Vec<R>) {
    let (weight, one) = (R::exact(weight), R::exact(1.0));
    let value = |z: R, t: R| weight * t * (-z).apply(&SOFTPLUS) + (one - t) * z.apply(&SOFTPLUS);
    let slope = |z: R, t: R| (one - t) * logistic(z) - weight * t * logistic(-z);
    mean_of(pairs, value, slope)
}

fn over<R: Real>(xs: &[f32]) -> Vec<R> {
    xs.iter().map(|&x| R::exact(x)).collect()
}

fn rows<R: Real>(xs: &[R], width: usize) -> Vec<Vec<R>> {
    xs.chunks(width).map(<[R]>::to_vec).collect()
}

/// The reference's gradient against difference quotients.
fn differences(what: &str, ys: &[f32], loss: impl Fn(&[f64]) -> (f64, Vec<f64>)) {
    let at = over(ys);
    let ratio = against_differences(|ys| loss(ys).0, &at, &loss(&at).1);
    assert!(ratio <= 1e-7, "{what}: the reference is {ratio:e} from its difference quotients");
}

/// The loss on every instruction set within the reference's bound; those of a class alike.
fn check<L, const N: usize>(
    what: &str,
    loss: &L,
    ys: &[[f32; N]],
    targets: &[L::Target],
    expected: &(Bounded, Vec<Bounded>),
) where
    L: Loss<[f32; N]>,
{
    let mut of_class = [None, None];
    for (row, target) in targets.iter().enumerate() {
        assert_eq!(loss.check(target, row), Ok(()), "{what}");
    }
    for isa in isas() {
        let mut dys = vec![[f32::NAN; N]; ys.len()];
        let mean = loss.gradient(isa, ys, targets, &mut dys);
        check_all(&[expected.0], &[mean], &format!("{isa}, {what}: loss"));
        check_all(&expected.1, dys.as_flattened(), &format!("{isa}, {what}: gradient"));
        let bits = (mean.to_bits(), dys.as_flattened().iter().map(|x| x.to_bits()).collect::<Vec<_>>());
        let alike = of_class[usize::from(isa.is_fused())].get_or_insert_with(|| bits.clone());
        assert!(*alike == bits, "{isa}, {what}: not the bits of its class");
    }
}

const ROWS: usize = 3;

fn random<const N: usize>(rng: &mut Rng, spread: f32) -> [[f32; N]; ROWS] {
    std::array::from_fn(|_| std::array::from_fn(|_| spread * (rng.uniform() - 0.5)))
}

fn classes<const N: usize>(spread: f32) {
    let mut rng = Rng::new(N as u64);
    let ys = random::<N>(&mut rng, spread);
    let labels: [u8; ROWS] = std::array::from_fn(|_| rng.below(N.min(256) as u32) as u8);
    let flat = ys.as_flattened();
    let weights: [f32; N] = std::array::from_fn(|_| 2.0 * rng.uniform());
    for (weights, smoothing) in
        [([1.0; N], 0.0), ([1.0; N], 0.1), (weights, 0.0), (weights, 0.3), (weights, 1.0)]
    {
        let what = format!("{N} classes, spread {spread}, smoothing {smoothing}");
        if N > 1 {
            differences(&what, flat, |ys| cross_entropy(&rows(ys, N), &labels, &weights, smoothing));
        }
        let expected = cross_entropy(&rows(&over::<Bounded>(flat), N), &labels, &weights, smoothing);
        let loss = WeightedCrossEntropy::new(weights, smoothing).expect("settings in range");
        check(&what, &loss, &ys, &labels, &expected);
        if weights == [1.0; N] && smoothing == 0.0 {
            check(&what, &CrossEntropy, &ys, &labels, &expected);
        }
    }
}

#[test]
fn losses_of_classes() {
    for spread in [2.0, 20.0] {
        classes::<1>(spread);
        classes::<2>(spread);
        classes::<10>(spread);
        classes::<16>(spread);
        classes::<17>(spread);
        classes::<33>(spread);
    }
    classes::<300>(10.0);
}

fn numbers<const N: usize>() {
    let mut rng = Rng::new(N as u64);
    let (ys, targets) = (random::<N>(&mut rng, 8.0), random::<N>(&mut rng, 4.0));
    let flat = (ys.as_flattened(), targets.as_flattened());
    let bounded = over::<Bounded>(flat.0);
    differences(&format!("mse {N}"), flat.0, |ys| mse((ys, flat.1)));
    check(&format!("mse {N}"), &Mse, &ys, &targets, &mse((&bounded, flat.1)));
    for delta in [0.25, 1.0, 100.0] {
        let what = format!("huber {N}, {delta}");
        differences(&what, flat.0, |ys| huber((ys, flat.1), delta));
        check(&what, &Huber::new(delta), &ys, &targets, &huber((&bounded, flat.1), delta));
    }
    // Probabilities: both ends, and what lies between.
    let targets: [[f32; N]; ROWS] =
        std::array::from_fn(|_| std::array::from_fn(|_| (1.5 * rng.uniform() - 0.25).clamp(0.0, 1.0)));
    let flat = (flat.0, targets.as_flattened());
    for positive_weight in [1.0, 3.5, 0.0] {
        let what = format!("binary {N}, {positive_weight}");
        differences(&what, flat.0, |ys| binary_cross_entropy((ys, flat.1), positive_weight));
        let expected = binary_cross_entropy((&bounded, flat.1), positive_weight);
        check(&what, &BinaryCrossEntropy { positive_weight }, &ys, &targets, &expected);
    }
}

#[test]
fn losses_of_numbers() {
    numbers::<1>();
    numbers::<5>();
    numbers::<6>();
    numbers::<11>();
    numbers::<33>();
}

/// Thirteen digits, and gradients that PyTorch rounds to zero.
fn close(bound: Bounded, exact: f64, what: &str) {
    let off = 5e-13 * exact.abs() + 1e-16;
    assert!((bound.value - exact).abs() <= off, "{what}: the reference {bound:?}, PyTorch {exact}");
}

/// The reference is PyTorch's, and the crate's within the reference's bound.
fn against_pytorch<L, const N: usize>(
    what: &str,
    vectors: &Vectors,
    loss: &L,
    ys: &[[f32; N]],
    targets: &[L::Target],
    expected: &(Bounded, Vec<Bounded>),
) where
    L: Loss<[f32; N]>,
{
    close(expected.0, vectors.f64s(&format!("{what} mean"))[0], what);
    let dx = vectors.f64s(&format!("{what} dx"));
    assert_eq!(dx.len(), expected.1.len(), "{what}");
    for (&bound, &dx) in expected.1.iter().zip(dx) {
        close(bound, dx, what);
    }
    check(what, loss, ys, targets, expected);
}

fn vectors() -> Vectors {
    Vectors::read(include_str!("../pytorch/functions.txt"), 2)
}

fn matrix<const N: usize>(numbers: &[f32]) -> Vec<[f32; N]> {
    let (rows, rest) = numbers.as_chunks::<N>();
    assert!(rest.is_empty(), "whole rows");
    rows.to_vec()
}

fn pytorch_classes<const N: usize>(case: &str) {
    let vectors = vectors();
    let flat = vectors.f32s(&format!("{case} x"));
    let (ys, bounded) = (matrix::<N>(&flat), rows(&over::<Bounded>(&flat), N));
    let labels: Vec<u8> = vectors.f32s(&format!("{case} labels")).iter().map(|&label| label as u8).collect();
    let weights: [f32; N] = vectors.f32s(&format!("{case} weight")).try_into().expect("one for each class");
    for (variant, weights, smoothing) in [
        ("plain", [1.0; N], 0.0),
        ("smoothed", [1.0; N], 0.1),
        ("weighted", weights, 0.0),
        ("smoothed_weighted", weights, 0.1),
    ] {
        let what = format!("{case}.{variant}");
        let expected = cross_entropy(&bounded, &labels, &weights, smoothing);
        let loss = WeightedCrossEntropy::new(weights, smoothing).expect("settings in range");
        against_pytorch(&what, &vectors, &loss, &ys, &labels, &expected);
        if variant == "plain" {
            against_pytorch(&what, &vectors, &CrossEntropy, &ys, &labels, &expected);
        }
    }
}

#[test]
fn classes_as_in_pytorch() {
    pytorch_classes::<4>("cross_entropy.ordinary");
    pytorch_classes::<3>("cross_entropy.extreme");
}

/// Of the rows with a label, the reference's loss and gradient; the others' are zero.
#[test]
fn ignored_rows_as_in_pytorch() {
    let vectors = vectors();
    let flat = vectors.f32s("ignoring x");
    let labels = vectors.f32s("ignoring labels");
    let labels: Vec<Option<u8>> = labels.iter().map(|&label| (label >= 0.0).then_some(label as u8)).collect();
    let all = rows(&over::<Bounded>(&flat), 4);
    let (some, of_some): (Vec<_>, Vec<u8>) = std::iter::zip(&all, &labels)
        .filter_map(|(row, label)| label.map(|label| (row.clone(), label)))
        .unzip();
    let (mean, gradient) = cross_entropy(&some, &of_some, &[1.0; 4], 0.0);
    let mut gradient = gradient.into_iter();
    let zero = || vec![Bounded::exact(0.0); 4];
    let gradient = labels
        .iter()
        .flat_map(|label| label.map_or_else(zero, |_| gradient.by_ref().take(4).collect()))
        .collect();
    let ys = matrix::<4>(&flat);
    against_pytorch("ignoring", &vectors, &Ignoring(CrossEntropy), &ys, &labels, &(mean, gradient));
}

#[test]
fn numbers_as_in_pytorch() {
    let vectors = vectors();
    let (ys, targets) = (vectors.f32s("regression x"), vectors.f32s("regression target"));
    let (rows, target_rows) = (matrix::<3>(&ys), matrix::<3>(&targets));
    let bounded = over::<Bounded>(&ys);
    let expected = mse((&bounded, &targets));
    against_pytorch("regression.mse", &vectors, &Mse, &rows, &target_rows, &expected);
    for delta in [1.0, 0.5] {
        let what = format!("regression.huber_{delta}");
        let expected = huber((&bounded, &targets), delta);
        against_pytorch(&what, &vectors, &Huber::new(delta), &rows, &target_rows, &expected);
    }

    let (ys, targets) = (vectors.f32s("binary_cross_entropy x"), vectors.f32s("binary_cross_entropy target"));
    let expected = binary_cross_entropy((&over::<Bounded>(&ys), &targets), 1.0);
    let loss = BinaryCrossEntropy::new();
    let (rows, target_rows) = (matrix::<2>(&ys), matrix::<2>(&targets));
    against_pytorch("binary_cross_entropy.plain", &vectors, &loss, &rows, &target_rows, &expected);

    // PyTorch has a weight for each column; here it is one for all, so the columns go alone.
    for (column, &positive_weight) in vectors.f32s("binary_cross_entropy pos_weight").iter().enumerate() {
        let of = |numbers: &[f32]| -> Vec<f32> { numbers.iter().skip(column).step_by(2).copied().collect() };
        let (ys, targets) = (of(&ys), of(&targets));
        let losses = vectors.f64s("binary_cross_entropy.weighted losses").iter().skip(column).step_by(2);
        let dx = vectors.f64s("binary_cross_entropy.weighted dx").iter().skip(column).step_by(2);
        let expected = binary_cross_entropy((&over::<Bounded>(&ys), &targets), positive_weight);
        close(expected.0, losses.sum::<f64>() / ys.len() as f64, "weighted");
        for (&bound, dx) in expected.1.iter().zip(dx) {
            close(bound, 2.0 * dx, "weighted"); // a mean over half as many
        }
        let loss = BinaryCrossEntropy { positive_weight };
        check("weighted", &loss, &matrix::<1>(&ys), &matrix::<1>(&targets), &expected);
    }
}

/// A step is refused, and nothing changed: not the network, not what the optimiser keeps.
fn refuses<L, const N: usize>(loss: L, good: [L::Target; 3], bad: L::Target, expected: Error)
where
    L: Loss<[f32; N]> + Clone,
    L::Target: Debug,
{
    let mut rng = Rng::new(1);
    let xs = random::<2>(&mut rng, 2.0);
    let optimizer = ClipNorm::new(Adam::new(0.1), 0.5);
    for isa in isas() {
        let mut nets = [Dense::<2, N>::ZEROED; 2];
        let mut workspaces = [(); 2].map(|()| Workspace::<_, 3, ClipNorm<Adam>, L>::with_loss(loss.clone()));
        for round in 0..3 {
            // The second never sees the bad target.
            let (net, mut targets) = (nets[0], good);
            targets[2] = bad;
            let refused = workspaces[0].train_step_with(isa, &mut nets[0], &xs, &targets, &optimizer);
            assert_eq!(refused, Err(expected), "{isa}");
            let refused = workspaces[0].input_gradient_with(isa, &net, &xs, &targets, &mut [[7.0; 2]; 3]);
            assert_eq!(refused, Err(expected), "{isa}");
            assert_eq!(nets[0], net, "{isa}");
            let [a, b] = [0, 1].map(|i| {
                workspaces[i]
                    .train_step_with(isa, &mut nets[i], &xs, &good, &optimizer)
                    .expect("good targets")
            });
            assert_eq!((a, nets[0]), (b, nets[1]), "{isa}, round {round}");
        }
    }
}

#[test]
fn bad_targets() {
    let label = Error::Label { classes: 3, got: 3, row: 2 };
    refuses::<_, 3>(CrossEntropy, [0, 1, 2], 3, label);
    refuses::<_, 3>(
        WeightedCrossEntropy::new([1.0; 3], 0.1).expect("settings in range"),
        [0, 1, 2],
        3,
        label,
    );
    let (finite, part) = ("finite", "from 0 to 1");
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        for index in 0..2 {
            let mut target = [0.5; 2];
            target[index] = bad;
            refuses::<_, 2>(Mse, [[0.5; 2]; 3], target, Error::Target { expected: finite, row: 2, index });
            refuses::<_, 2>(
                Huber::new(1.0),
                [[0.5; 2]; 3],
                target,
                Error::Target { expected: finite, row: 2, index },
            );
        }
    }
    for bad in [f32::NAN, f32::INFINITY, -f32::MIN_POSITIVE, 1.0 + f32::EPSILON] {
        let expected = Error::Target { expected: part, row: 2, index: 1 };
        refuses::<_, 2>(BinaryCrossEntropy::new(), [[0.0, 1.0]; 3], [0.5, bad], expected);
    }
}

#[test]
fn bad_settings() {
    for smoothing in [-0.1, 1.1, f32::NAN] {
        let refused = WeightedCrossEntropy::new([1.0; 2], smoothing);
        assert_eq!(refused, Err(Error::Setting { name: "smoothing", expected: "from 0 to 1" }));
    }
    for weight in [-1.0, f32::NAN, f32::INFINITY] {
        let refused = WeightedCrossEntropy::new([1.0, weight], 0.0);
        assert_eq!(refused, Err(Error::Setting { name: "weights", expected: "0 or from 1e-30 to 1e30" }));
    }
}

/// Classes that count for nothing teach nothing.
#[test]
fn weights_of_zero() {
    let loss = WeightedCrossEntropy::new([0.0, 1.0], 0.1).expect("settings in range");
    for isa in isas() {
        let mut dys = [[f32::NAN; 2]; 2];
        assert_eq!(loss.gradient(isa, &[[3.0, 1.0]; 2], &[0, 0], &mut dys), 0.0, "{isa}");
        assert_eq!(dys, [[0.0; 2]; 2], "{isa}");
    }
}

/// Outputs that are not finite show in the loss and in the gradient; numbers that are, however large, give finite ones.
#[test]
fn extremes() {
    for isa in isas() {
        let mut dys = [[0.0; 2]];
        let of_nan = [
            Mse.gradient(isa, &[[f32::NAN, 0.0]], &[[0.0; 2]], &mut dys),
            dys[0][0],
            Huber::new(1.0).gradient(isa, &[[f32::NAN, 0.0]], &[[0.0; 2]], &mut dys),
            dys[0][0],
            BinaryCrossEntropy::new().gradient(isa, &[[f32::NAN, 0.0]], &[[0.0; 2]], &mut dys),
            dys[0][0],
        ];
        assert!(of_nan.iter().all(|x| x.is_nan()), "{isa}: {of_nan:?}");
        let loss = BinaryCrossEntropy::new().gradient(isa, &[[1e30, -1e30]], &[[0.0, 1.0]], &mut dys);
        assert_eq!((loss, dys), (1e30, [[0.5, -0.5]]), "{isa}");
        let loss = BinaryCrossEntropy::new().gradient(isa, &[[1e30, -1e30]], &[[1.0, 0.0]], &mut dys);
        assert_eq!((loss, dys), (0.0, [[0.0, 0.0]]), "{isa}");
        let loss = Huber::new(2.0).gradient(isa, &[[1e30, -1e30]], &[[0.0; 2]], &mut dys);
        assert_eq!((loss, dys), (2e30, [[1.0, -1.0]]), "{isa}");
    }
}

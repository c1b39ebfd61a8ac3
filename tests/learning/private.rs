//! The norm of each sample's gradient, and private training.

use crate::support::compositions::{Added, All, Block, Branches, Paired, Positions, Twice};
use crate::support::isas::isas;
use crate::support::probes::{Given, Reveal};
use fusebox::{
    BiasOnly, Borrowed, Chain, CrossEntropy, Dense, Dropout, Each, Error, Frozen, Gelu, Gradient, GroupNorm,
    Ignoring, Isa, LayerNorm, LowRank, Momentum, Optimizer, Pace, Plain, Private, Relu, Repeat, Rng, Seq,
    Sgd, Silu, Softmax, Tanh, Tied, Train, View, Weighted, Workspace, Zeroed,
};
use std::cell::Cell;

/// A power of two, so that the mean over the rows multiplies exactly.
const ROWS: usize = 8;
/// A rounding, and what products of roundings add.
const U: f64 = 1.01 / 16_777_216.0;

fn random<const N: usize>(rng: &mut Rng) -> [f32; N] {
    std::array::from_fn(|_| 4.0 * rng.uniform() - 2.0)
}

fn dense<const IN: usize, const OUT: usize, A>(rng: &mut Rng) -> Dense<IN, OUT, A> {
    let mut layer = Dense::<IN, OUT, A>::ZEROED;
    layer.weight = std::array::from_fn(|_| random::<OUT>(rng).map(|w| w / (IN as f32).sqrt()));
    layer.bias = random(rng);
    layer
}

/// An optimiser that moves nothing, and notes the squares of the norms of samples' gradients, added to the square of 1.
#[derive(Default)]
struct Norms {
    squares: Cell<[f32; ROWS]>,
}

impl Optimizer for Norms {
    type State<P: Plain> = ();
    type Progress = ();
    type Sweep = [f32; ROWS];

    fn begin(&self, (): &mut (), _: f32) -> [f32; ROWS] {
        [1.0; ROWS]
    }

    fn next(&self, (): &mut (), squares: [f32; ROWS]) -> Option<[f32; ROWS]> {
        self.squares.set(squares);
        None
    }

    fn step<P: Plain, G: Gradient<P>, Q: Pace>(
        pace: &mut Q,
        squares: &mut [f32; ROWS],
        gradient: G,
        _: &mut P,
        (): &mut (),
    ) {
        gradient.add_squares::<Q, false>(pace, squares);
    }
}

/// The squares that the layer adds for each row against those of the gradient of the row alone.
///
/// A number of a row's gradient is rounded once, so its square is within 2 u; a sum of up to `count` squares within u
/// for each, and a layer multiplies two such sums at most and adds some.
fn norms<N, const IN: usize, const OUT: usize>(what: &str, net: &N, parameters: impl Fn(&N) -> Vec<f32>)
where
    N: Train<Input = [f32; IN], Output = [f32; OUT]> + Clone,
{
    let mut rng = Rng::new(7);
    let xs: [[f32; IN]; ROWS] = std::array::from_fn(|_| random(&mut rng));
    let dys: [[f32; OUT]; ROWS] = std::array::from_fn(|_| random(&mut rng));
    for isa in isas() {
        let together = Norms::default();
        let mut workspace = Workspace::<N, ROWS, Norms, Given>::with_loss(Given::default());
        workspace.train_step_with(isa, &mut net.clone(), &xs, &dys, &together).expect("rows that fit");
        for row in 0..ROWS {
            let mut alone = net.clone();
            let mut workspace = Workspace::<N, 1, Reveal, Given>::with_loss(Given::default());
            let (x, dy) = (&xs[row..=row], &dys[row..=row]);
            workspace.train_step_with(isa, &mut alone, x, dy, &Reveal).expect("a row");
            let numbers = parameters(&alone);
            let expected: f64 = 1.0 + numbers.iter().map(|&g| f64::from(g) * f64::from(g)).sum::<f64>();
            let bound = U * expected * (2.0 * numbers.len() as f64 + 8.0);
            let got = f64::from(together.squares.get()[row]);
            assert!((got - expected).abs() <= bound, "{isa}, {what}, row {row}: {got}, not {expected}");
        }
    }
}

fn flat<const IN: usize, const OUT: usize, A>(layer: &Dense<IN, OUT, A>) -> Vec<f32> {
    [layer.weight.as_flattened(), &layer.bias].concat()
}

#[test]
fn norms_of_samples() {
    let mut rng = Rng::new(1);
    norms("dense", &dense::<7, 19, Tanh>(&mut rng), flat);
    norms("dense to one", &dense::<33, 1, Relu>(&mut rng), flat);
    let norm = LayerNorm::<17> { gain: random(&mut rng), shift: random(&mut rng) };
    norms("layer norm", &norm, |net| [net.gain, net.shift].concat());
    let mut norm = GroupNorm::<[[[f32; 4]; 3]; 1], 4, 2>::ZEROED;
    (norm.gain, norm.shift) = (random(&mut rng), random(&mut rng));
    let norm = View::<[f32; 12], _, [f32; 12]>::new(norm);
    norms("group norm", &norm, |net| [net.layer.gain, net.layer.shift].concat());
    norms("softmax", &Softmax::<5>, |_| vec![]);
    norms("dropout", &Dropout::<5, 50>, |_| vec![]);
    let base = dense::<7, 17, Silu>(&mut rng);
    norms("bias only", &BiasOnly::new(&base), |net| net.bias.to_vec());
    let mut low_rank = LowRank::<7, 17, 2, Silu>::new(&base);
    (low_rank.down, low_rank.up) =
        (std::array::from_fn(|_| random(&mut rng)), std::array::from_fn(|_| random(&mut rng)));
    norms("low rank", &low_rank, |net| [net.down.as_flattened(), net.up.as_flattened()].concat());

    norms("borrowed", &Borrowed::new(&base), |_| vec![]);

    type Net = Seq![Dense<7, 9, Gelu>, LayerNorm<9>, Dense<9, 3>];
    let last =
        Chain { first: LayerNorm { gain: random(&mut rng), shift: random(&mut rng) }, rest: dense(&mut rng) };
    let net: Net = Chain { first: dense(&mut rng), rest: last };
    let chain = |net: &Net| {
        [flat(&net.first), net.rest.first.gain.to_vec(), net.rest.first.shift.to_vec(), flat(&net.rest.rest)]
            .concat()
    };
    norms("chain", &net, chain);
    let body = dense::<7, 7, Tanh>(&mut rng);
    norms("frozen", &Frozen::new(&body, net), |frozen| chain(&frozen.head));
}

fn of_bytes(net: &impl Plain) -> Vec<f32> {
    net.as_bytes().chunks(4).map(|b| f32::from_le_bytes(b.try_into().expect("four"))).collect()
}

/// A sample's gradient is the sum over its positions, and over both places of tied weights.
#[test]
fn norms_of_samples_in_compositions() {
    fn of<N, const IN: usize, const OUT: usize>(what: &str)
    where
        N: Train<Input = [f32; IN], Output = [f32; OUT]> + Plain,
    {
        norms(what, &N::he(&mut Rng::new(8)), of_bytes);
    }
    of::<Block, 6, 6>("residual");
    of::<Repeat<3, Block>, 6, 6>("blocks");
    of::<Branches, 6, 7>("branches");
    of::<Paired, 6, 7>("branches, a pair");
    of::<Added, 7, 6>("branches, added");
    of::<Twice, 6, 6>("tied");
    of::<Tied<40, 33, LayerNorm<33>, Tanh>, 40, 40>("tied, more than a tile");
    of::<Positions, 6, 8>("positions");
    of::<View<[f32; 80], Each<2, Dense<40, 33>>, [f32; 66]>, 80, 66>("positions, more than a tile");
    of::<View<[f32; 24], Each<4, Seq![LayerNorm<6>, Twice]>, [f32; 24]>, 24, 24>("positions of tied weights");
    of::<View<[f32; 24], Each<2, Each<2, Block>>, [f32; 24]>, 24, 24>("positions of positions");
    of::<All, 6, 3>("all");
}

type Net = Seq![Dense<4, 9, Tanh>, LayerNorm<9>, Dense<9, 3>];

fn start() -> Net {
    Net::he(&mut Rng::new(2))
}

fn numbers(net: &Net) -> Vec<f32> {
    of_bytes(net)
}

fn data() -> ([[f32; 4]; ROWS], [u8; ROWS]) {
    let mut rng = Rng::new(3);
    // Some lie far out, and pull harder.
    let xs = std::array::from_fn(|row| random(&mut rng).map(|x: f32| x * (1 + row) as f32));
    (xs, std::array::from_fn(|_| rng.below(3) as u8))
}

/// A step without noise against each sample's gradient clipped by hand.
///
/// A sample's factor has the errors of its norm, half of its square's, and some more; the sum over the rows rounds once for
/// each; the parameter is rounded at the end.
#[test]
fn clipping_by_hand() {
    let (xs, labels) = data();
    for isa in isas() {
        let shares: Vec<Vec<f64>> = (0..ROWS)
            .map(|row| {
                let mut net = start();
                let mut workspace = Workspace::<Net, 1, Reveal>::new();
                let (x, label) = (&xs[row..=row], &labels[row..=row]);
                workspace.train_step_with(isa, &mut net, x, label, &Reveal).expect("a row");
                numbers(&net).into_iter().map(f64::from).collect()
            })
            .collect();
        let norm = |share: &Vec<f64>| share.iter().map(|g| g * g).sum::<f64>().sqrt();
        let mut lengths: Vec<f64> = shares.iter().map(norm).collect();
        lengths.sort_by(f64::total_cmp);
        for clip in [lengths[3] * 0.5 + lengths[4] * 0.5, lengths[0] * 0.1] {
            let mut net = start();
            let mut workspace = Workspace::<Net, ROWS, Private<Sgd>>::new();
            let optimizer = Private::new(Sgd::new(1.0), clip as f32, 0.0, 9);
            workspace
                .train_step_private_with(isa, &mut net, &xs, &labels, &optimizer)
                .expect("rows that fit");
            for (i, (after, before)) in numbers(&net).into_iter().zip(numbers(&start())).enumerate() {
                let clipped = shares.iter().map(|share| {
                    let factor = f64::min(1.0, f64::from(clip as f32) / norm(share));
                    share[i] * factor / ROWS as f64
                });
                let (sum, magnitude) = clipped.fold((0.0, 0.0), |(sum, all), x| (sum + x, all + x.abs()));
                let roundings = shares[0].len() as f64 + 4.0 + 6.0 + ROWS as f64;
                let bound = U * (roundings * magnitude + f64::from(after.abs()));
                let error = (f64::from(after) - (f64::from(before) - sum)).abs();
                assert!(
                    error <= bound,
                    "{isa}, clip {clip}: {after} at {i}, {error:e} off, {bound:e} allowed"
                );
            }
        }
    }
}

/// Where no sample is too long and there is no noise, a private step is a step.
#[test]
fn nothing_to_clip() {
    let (xs, labels) = data();
    for isa in isas() {
        let (mut net, mut private) = (start(), start());
        let mut workspace = Workspace::<Net, ROWS, Momentum>::new();
        let mut of_private = Workspace::<Net, ROWS, Private<Momentum>>::new();
        let momentum = Momentum::new(0.1, 0.9);
        for rows in [ROWS, 1, 5] {
            let (xs, labels) = (&xs[..rows], &labels[..rows]);
            let loss = workspace.train_step_with(isa, &mut net, xs, labels, &momentum);
            let optimizer = Private::new(momentum, 1e6, 0.0, 9);
            assert_eq!(of_private.train_step_private_with(isa, &mut private, xs, labels, &optimizer), loss);
            assert_eq!(net, private, "{isa}");
        }
    }
}

/// Rows that are staged first are clipped alike.
#[test]
fn staged() {
    let (xs, labels) = data();
    let optimizer = Private::new(Momentum::new(0.1, 0.9), 0.5, 0.5, 6);
    let (mut net, mut direct) = (start(), start());
    let [mut workspace, mut of_direct] = [(); 2].map(|()| Workspace::<Net, ROWS, Private<Momentum>>::new());
    for _ in 0..3 {
        let mut stage = workspace.stage();
        for (x, &label) in xs.iter().zip(&labels) {
            stage.push(label, |row| *row = *x).expect("room");
        }
        let loss = stage.train_step_private(&mut net, &optimizer);
        assert_eq!(loss, of_direct.train_step_private(&mut direct, &xs, &labels, &optimizer));
        assert_eq!(net, direct);
    }
    assert_ne!(net, start());
}

const DRAWS: usize = 21 * 51;

/// What steps on gradients of zero leave: noise.
fn noise(isa: Isa, seed: u64, steps: usize) -> Vec<[f32; DRAWS]> {
    type Wide = Dense<20, 51>;
    let mut workspace = Workspace::<Wide, ROWS, Private<Sgd>, Given>::with_loss(Given::default());
    // Deviation 4 * 2 / 8 = 1.
    let optimizer = Private::new(Sgd::new(1.0), 2.0, 4.0, seed);
    let step = |_| {
        let mut net = Wide::ZEROED;
        let (xs, dys) = (&[[0.0; 20]; ROWS], &[[0.0; 51]; ROWS]);
        workspace.train_step_private_with(isa, &mut net, xs, dys, &optimizer).expect("rows that fit");
        flat(&net).try_into().expect("all of them")
    };
    (0..steps).map(step).collect()
}

/// Means, variances and so on of n numbers, within five of their standard deviations.
#[test]
fn noise_is_normal_and_new_at_every_step() {
    let isa = Isa::detect();
    let steps = noise(isa, 1, 50);
    let all: Vec<f64> = steps.as_flattened().iter().map(|&x| x.into()).collect();
    let n = all.len() as f64;
    let mean_of = |f: &dyn Fn(f64) -> f64| all.iter().map(|&x| f(x)).sum::<f64>() / n;
    // Of x^k the variance is the mean of x^2k less the square of that of x^k: 1, 2, 15, 96.
    for (power, expected, variance) in [(1, 0.0, 1.0), (2, 1.0, 2.0), (3, 0.0, 15.0), (4, 3.0, 96.0_f64)] {
        let got = mean_of(&|x| x.powi(power));
        let bound = 5.0 * (variance / n).sqrt();
        assert!((got - expected).abs() <= bound, "the mean of x^{power} is {got}, not {expected} +- {bound}");
    }
    for (beyond, part) in [(1.0, 0.317_310_5), (2.0, 0.045_500_3), (3.0, 0.002_699_8_f64)] {
        let got = mean_of(&|x| f64::from(x.abs() > beyond));
        let bound = 5.0 * (part * (1.0 - part) / n).sqrt();
        assert!((got - part).abs() <= bound, "{got} of all lie beyond {beyond}, not {part}");
    }
    // Neither a step's neighbour nor a number's knows of it; nor does another seed.
    let other = noise(isa, 2, 50);
    let correlation = |pairs: &mut dyn Iterator<Item = (f64, f64)>| pairs.map(|(x, y)| x * y).sum::<f64>();
    let flat =
        |steps: &[[f32; DRAWS]]| -> Vec<f64> { steps.as_flattened().iter().map(|&x| x.into()).collect() };
    let others = [all[1..].to_vec(), all[2..].to_vec(), all[DRAWS..].to_vec(), flat(&other)];
    for (i, other) in others.iter().enumerate() {
        let got = correlation(&mut all.iter().copied().zip(other.iter().copied()));
        assert!(got.abs() <= 5.0 * n.sqrt(), "{i}: {got}");
    }
    for isa in isas() {
        assert!(noise(isa, 1, 3) == steps[..3], "{isa}: the same seed, other noise");
    }
}

/// How many rows the loss leaves out, and how it weighs those that it does not, is as private as their targets: noise and shares
/// are those of all rows.
#[test]
fn rows_that_do_not_count() {
    let (xs, labels) = data();
    for isa in isas() {
        let step = |targets: &[Option<u8>], clip: f32, noise: f32| -> Vec<f32> {
            let mut net = start();
            let loss = Ignoring(CrossEntropy);
            let mut workspace = Workspace::<Net, ROWS, Private<Sgd>, _>::with_loss(loss);
            let optimizer = Private::new(Sgd::new(1.0), clip, noise, 4);
            let xs = &xs[..targets.len()];
            workspace.train_step_private_with(isa, &mut net, xs, targets, &optimizer).expect("rows that fit");
            numbers(&net).iter().zip(numbers(&start())).map(|(after, before)| after - before).collect()
        };
        // As much noise as leaves nothing of a gradient to be seen.
        let [none, one, all] = [[None; 4], [Some(labels[0]), None, None, None], labels_of(&labels)]
            .map(|targets| step(&targets, 1.0, 1e6));
        for (x, others) in none.iter().zip(one.iter().zip(&all)) {
            for y in [others.0, others.1] {
                assert!((x - y).abs() < 1e-4 * (1e6 / 4.0 + x.abs()), "{isa}: {x} {y}");
            }
        }
        assert!(none.iter().any(|x| x.abs() > 1e5), "{isa}: no noise");
        // A row's share does not grow where another row is left out, clipped or not.
        for clip in [1e-2, 1e6] {
            let (alone, beside) =
                (step(&[Some(labels[0])], clip, 0.0), step(&[Some(labels[0]), None], clip, 0.0));
            for (alone, beside) in alone.iter().zip(beside) {
                assert!(
                    (alone / 2.0 - beside).abs() <= 1e-6 * (1.0 + alone.abs()),
                    "{isa}: {alone} {beside}"
                );
            }
        }
    }
}

fn labels_of(labels: &[u8; ROWS]) -> [Option<u8>; 4] {
    std::array::from_fn(|row| Some(labels[row]))
}

/// Noise is added to the gradient that is there, in proportion to the clip and against the number of rows.
#[test]
fn noise_scales() {
    let (xs, labels) = data();
    for isa in isas() {
        let step = |clip: f32, noise: f32, rows: usize| {
            let mut net = start();
            let mut workspace = Workspace::<Net, ROWS, Private<Sgd>>::new();
            let optimizer = Private::new(Sgd::new(1.0), clip, noise, 4);
            let (xs, labels) = (&xs[..rows], &labels[..rows]);
            workspace.train_step_private_with(isa, &mut net, xs, labels, &optimizer).expect("rows that fit");
            numbers(&net)
        };
        let drawn = |clip: f32, rows: usize| -> Vec<f32> {
            // As much noise as leaves nothing of the gradient to be seen.
            step(clip, 1e6, rows).iter().map(|x| x / (1e6 * clip / rows as f32)).collect()
        };
        let one = drawn(1.0, 1);
        for (clip, rows) in [(0.5, 1), (1.0, ROWS), (4.0, 2)] {
            for (x, y) in one.iter().zip(drawn(clip, rows)) {
                // Parameters and gradients, of size 8 at most, are 1e-5 of it.
                assert!((x - y).abs() < 1e-4 * (1.0 + x.abs()), "{isa}: {x} {y}");
            }
        }
    }
}

/// Weights are as private as what they weigh: the noise does not tell of them.
#[test]
fn weights_of_samples() {
    let (xs, labels) = data();
    for isa in isas() {
        let step = |weight: f32, noise: f32| {
            let mut net = start();
            let loss = Weighted(CrossEntropy);
            let mut workspace = Workspace::<Net, ROWS, Private<Sgd>, _>::with_loss(loss);
            let optimizer = Private::new(Sgd::new(1.0), 0.5, noise, 4);
            let targets = labels.map(|label| (label, weight));
            let loss = workspace.train_step_private_with(isa, &mut net, &xs, &targets, &optimizer);
            loss.expect("rows that fit");
            numbers(&net)
        };
        assert_eq!(step(0.0, 0.0), numbers(&start()), "{isa}");
        // As much noise as leaves nothing of the gradient to be seen.
        let drawn = |weight: f32| step(weight, 1e7).into_iter().map(|x| x / (1e7 * 0.5 / ROWS as f32));
        for (x, (y, z)) in drawn(1.0).zip(drawn(4.0).zip(drawn(0.0))) {
            // Parameters and gradients, of size 8 at most, are 1e-4 of the deviation.
            assert!((x - y).abs() < 1e-4 * (1.0 + x.abs()), "{isa}: {x} {y}");
            assert!((x - z).abs() < 1e-4 * (1.0 + x.abs()), "{isa}: {x} {z}");
        }
    }
}

/// A sample whose gradient has no norm is refused, and nothing changed.
#[test]
fn samples_that_are_not_finite() {
    let (xs, labels) = data();
    for isa in isas() {
        for bad in [f32::NAN, f32::INFINITY, 1e30] {
            let mut nets = [start(); 2];
            let optimizer = Private::new(Momentum::new(0.1, 0.9), 1.0, 0.5, 5);
            let mut workspaces = [(); 2].map(|()| Workspace::<Net, ROWS, Private<Momentum>>::new());
            for round in 0..3 {
                let mut with_bad = xs;
                with_bad[3][1] = bad;
                let before = nets[0];
                let refused =
                    workspaces[0].train_step_private_with(isa, &mut nets[0], &with_bad, &labels, &optimizer);
                assert!(matches!(refused, Err(Error::Gradient { .. })), "{isa}, {bad}: {refused:?}");
                assert_eq!(nets[0], before, "{isa}, {bad}");
                let [a, b] = [0, 1].map(|i| {
                    workspaces[i].train_step_private_with(isa, &mut nets[i], &xs, &labels, &optimizer)
                });
                assert_eq!((a, nets[0]), (b, nets[1]), "{isa}, {bad}, round {round}");
            }
        }
    }
}

/// Settings without which nothing is private.
#[test]
fn bad_settings() {
    let mut net = Dense::<1, 2>::ZEROED;
    let mut workspace = Workspace::<_, 1, Private<Sgd>>::new();
    for (clip, noise, name) in
        [(0.0, 1.0, "clip"), (-1.0, 1.0, "clip"), (f32::NAN, 1.0, "clip"), (f32::INFINITY, 1.0, "clip")]
            .into_iter()
            .chain([-1.0, f32::NAN, f32::INFINITY].map(|noise| (1.0, noise, "noise")))
    {
        let optimizer = Private::new(Sgd::new(1.0), clip, noise, 7);
        let refused = workspace.train_step_private(&mut net, &[[1.0]], &[1], &optimizer);
        assert!(matches!(refused, Err(Error::Setting { name: wrong, .. }) if wrong == name), "{refused:?}");
        assert_eq!(net, Zeroed::ZEROED);
    }
}

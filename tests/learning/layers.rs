//! Forward and backward, within a derived bound.

use crate::support::bounded::{Bounded, Real, against_differences, check_all, looseness};
use crate::support::isas::isas;
use crate::support::probes::{Given, Reveal};
use crate::support::reference_net::{Bend, Layer as Reference, backward, batch, forward};
use fusebox::{
    BiasOnly, Borrowed, Chain, Dense, Dropout, Frozen, Gated, Gelu, GeluTanh, Identity, Init, Layer,
    LayerNorm, LeakyRelu, LowRank, Relu, Relu6, RmsNorm, Rng, Seq, Sigmoid, Silu, Softmax, Tanh, Train,
    Workspace, Zeroed,
};

const ROWS: usize = 5;

/// Numbers between -2 and 2.
fn random(rng: &mut Rng) -> f32 {
    4.0 * rng.uniform() - 2.0
}

fn over<R: Real>(xs: &[f32]) -> Vec<R> {
    xs.iter().map(|&x| R::exact(x)).collect()
}

/// What a network should make of rows, given the gradient with respect to each output: outputs, the gradient with respect
/// to each input, and that with respect to each parameter.
fn expected<R: Real>(
    layers: &[Reference],
    parameters: &[R],
    xs: &[Vec<R>],
    dys: &[Vec<R>],
) -> (Vec<R>, Vec<R>, Vec<R>) {
    let ys = xs.iter().flat_map(|x| forward(layers, parameters, x)).collect();
    let rows = std::iter::zip(xs, dys).map(|(x, dy)| backward(layers, parameters, x, dy));
    let (dxs, gradients): (Vec<_>, Vec<_>) = rows.unzip();
    (ys, dxs.concat(), batch(&gradients))
}

/// The reference in `f64` against difference quotients of sum dy y, with respect to parameters and inputs.
fn check_reference(what: &str, layers: &[Reference], parameters: &[f32], xs: &[Vec<f64>], dys: &[Vec<f64>]) {
    let parameters = over::<f64>(parameters);
    let (count, width) = (parameters.len(), xs[0].len());
    let (_, dxs, gradient) = expected(layers, &parameters, xs, dys);
    let weighted = |at: &[f64]| {
        let (parameters, xs) = at.split_at(count);
        let row = |(i, dy): (usize, &Vec<f64>)| {
            let y = forward(layers, parameters, &xs[i * width..][..width]);
            std::iter::zip(y, dy).map(|(y, dy)| y * dy).sum::<f64>()
        };
        dys.iter().enumerate().map(row).sum()
    };
    let at = [parameters.clone(), xs.concat()].concat();
    let ratio = against_differences(weighted, &at, &[gradient, dxs].concat());
    assert!(ratio <= 1e-7, "{what}: the reference is {ratio:e} from its difference quotients");
}

/// A network on every instruction set against the reference; `parameters` are those that the reference learns, in its
/// order.
fn check<N, const IN: usize, const OUT: usize>(
    what: &str,
    net: &N,
    layers: &[Reference],
    parameters: impl Fn(&N) -> Vec<f32>,
) where
    N: Train<Input = [f32; IN], Output = [f32; OUT]> + Clone,
{
    let mut rng = Rng::new(what.len() as u64);
    let xs: [[f32; IN]; ROWS] = std::array::from_fn(|_| std::array::from_fn(|_| random(&mut rng)));
    let dys: [[f32; OUT]; ROWS] = std::array::from_fn(|_| std::array::from_fn(|_| random(&mut rng)));
    let start = parameters(net);
    let rows = |rows: &[[f32; IN]]| rows.iter().map(|x| over(x)).collect::<Vec<_>>();
    let d_rows = dys.iter().map(|dy| over(dy)).collect::<Vec<_>>();
    check_reference(what, layers, &start, &rows(&xs), &d_rows);

    let xs_bounded: Vec<Vec<Bounded>> = xs.iter().map(|x| over(x)).collect();
    let dys_bounded: Vec<Vec<Bounded>> = dys.iter().map(|dy| over(dy)).collect();
    let (ys, dxs, gradient) = expected(layers, &over(&start), &xs_bounded, &dys_bounded);
    for part in [&ys, &dxs, &gradient] {
        let loose = looseness(part);
        assert!(loose < 1e-3 || part.is_empty(), "{what}: a bound of {loose:e} of the numbers it is for");
    }

    for isa in isas() {
        let what = format!("{isa}, {what}");
        let mut workspace = Workspace::<N, ROWS, Reveal, Given>::with_loss(Given::default());
        let mut got = [[f32::NAN; IN]; ROWS];
        workspace.input_gradient_with(isa, net, &xs, &dys, &mut got).expect("rows that fit");
        check_all(&ys, &workspace.loss.seen.borrow(), &format!("{what}: outputs"));
        check_all(&dxs, got.as_flattened(), &format!("{what}: input gradient"));

        let mut revealed = net.clone();
        workspace.train_step_with(isa, &mut revealed, &xs, &dys, &Reveal).expect("rows that fit");
        check_all(&gradient, &parameters(&revealed), &format!("{what}: parameter gradient"));
    }
}

fn dense<const IN: usize, const OUT: usize, A>(layer: &Dense<IN, OUT, A>) -> Vec<f32> {
    [layer.weight.as_flattened(), &layer.bias].concat()
}

fn norm<const N: usize>(layer: &LayerNorm<N>) -> Vec<f32> {
    [layer.gain, layer.shift].concat()
}

/// A layer with weights of about the size that keeps signals, and biases.
fn some_dense<const IN: usize, const OUT: usize, A>(rng: &mut Rng) -> Dense<IN, OUT, A> {
    let mut layer = Dense::<IN, OUT, A>::ZEROED;
    layer.weight.as_flattened_mut().fill_with(|| random(rng) / (IN as f32).sqrt());
    layer.bias.fill_with(|| random(rng));
    layer
}

fn some_norm<const N: usize>(rng: &mut Rng) -> LayerNorm<N> {
    LayerNorm { gain: std::array::from_fn(|_| random(rng)), shift: std::array::from_fn(|_| random(rng)) }
}

fn reference_dense(inputs: usize, outputs: usize, bend: Bend) -> Reference {
    Reference::Dense { inputs, outputs, bend }
}

fn activation<A: fusebox::Activation + Clone>(bend: Bend) {
    let net = some_dense::<7, 19, A>(&mut Rng::new(3));
    check(&format!("{bend:?}"), &net, &[reference_dense(7, 19, bend)], dense);
}

#[test]
fn dense_with_every_activation() {
    activation::<Identity>(Bend::Identity);
    activation::<Relu>(Bend::Relu);
    activation::<LeakyRelu>(Bend::Leaky(1));
    activation::<LeakyRelu<30>>(Bend::Leaky(30));
    activation::<Relu6>(Bend::Relu6);
    activation::<Sigmoid>(Bend::Sigmoid);
    activation::<Tanh>(Bend::Tanh);
    activation::<Gelu>(Bend::Gelu);
    activation::<GeluTanh>(Bend::GeluTanh);
    activation::<Silu>(Bend::Silu);
}

#[test]
fn dense_of_boundary_sizes() {
    fn size<const IN: usize, const OUT: usize>() {
        let net = some_dense::<IN, OUT, Tanh>(&mut Rng::new(4));
        check(&format!("{IN} x {OUT}"), &net, &[reference_dense(IN, OUT, Bend::Tanh)], dense);
    }
    size::<1, 1>();
    size::<1, 17>();
    size::<15, 16>();
    size::<33, 1>();
}

#[test]
fn layer_norm() {
    fn size<const N: usize>() {
        check(&format!("norm {N}"), &some_norm::<N>(&mut Rng::new(5)), &[Reference::Norm(N)], norm);
    }
    size::<3>();
    size::<15>();
    size::<16>();
    size::<33>();
}

#[test]
fn rms_norm() {
    fn size<const N: usize>() {
        let gain = std::array::from_fn(|i| random(&mut Rng::new(i as u64)));
        check(&format!("rms {N}"), &RmsNorm::<N> { gain }, &[Reference::Rms(N)], |net| net.gain.to_vec());
    }
    size::<3>();
    size::<15>();
    size::<16>();
    size::<33>();
}

#[test]
fn gated() {
    fn gate<const N2: usize, const N: usize, A: fusebox::Activation>(bend: Bend) {
        let what = format!("gated {N}, {bend:?}");
        check(&what, &Gated::<N2, N, A>::ZEROED, &[Reference::Gated(bend)], |_| vec![]);
    }
    gate::<2, 1, Silu>(Bend::Silu);
    gate::<30, 15, Silu>(Bend::Silu);
    gate::<34, 17, Gelu>(Bend::Gelu);
    gate::<34, 17, GeluTanh>(Bend::GeluTanh);
    gate::<34, 17, Sigmoid>(Bend::Sigmoid);
    gate::<34, 17, Relu>(Bend::Relu);
    gate::<34, 17, LeakyRelu>(Bend::Leaky(1));
    gate::<34, 17, Identity>(Bend::Identity);
}

#[test]
fn softmax() {
    fn size<const N: usize>() {
        check(&format!("softmax {N}"), &Softmax::<N>, &[Reference::Softmax], |_| vec![]);
    }
    size::<2>();
    size::<15>();
    size::<16>();
    size::<33>();
}

#[test]
fn adapters() {
    let mut rng = Rng::new(6);
    let base = some_dense::<9, 17, Silu>(&mut rng);
    let bytes = base.as_bytes().to_vec();

    let mut net = BiasOnly::new(&base);
    assert_eq!(net.bias, base.bias);
    net.bias.fill_with(|| random(&mut rng));
    let weight = base.weight.as_flattened().to_vec();
    let reference = Reference::BiasOnly { weight: weight.clone(), outputs: 17, bend: Bend::Silu };
    check("bias only", &net, &[reference], |net| net.bias.to_vec());

    fn low_rank<const RANK: usize>(base: &Dense<9, 17, Silu>, rng: &mut Rng) {
        let mut net = LowRank::<9, 17, RANK, Silu>::new(base);
        net.down.as_flattened_mut().fill_with(|| random(rng));
        net.up.as_flattened_mut().fill_with(|| random(rng));
        let (weight, bias) = (base.weight.as_flattened().to_vec(), base.bias.to_vec());
        let reference = Reference::LowRank { weight, bias, rank: RANK, bend: Bend::Silu };
        let flat =
            |net: &LowRank<'_, 9, 17, RANK, Silu>| [net.down.as_flattened(), net.up.as_flattened()].concat();
        check(&format!("low rank {RANK}"), &net, &[reference], flat);
    }
    low_rank::<1>(&base, &mut rng);
    low_rank::<3>(&base, &mut rng);
    assert_eq!(base.as_bytes(), bytes);
}

#[test]
fn composite_networks() {
    let mut rng = Rng::new(7);

    type Norm = Seq![Dense<6, 17, Tanh>, LayerNorm<17>, Dense<17, 9, Gelu>, Dense<9, 4, LeakyRelu>];
    let last = Chain { first: some_dense(&mut rng), rest: some_dense(&mut rng) };
    let net: Norm =
        Chain { first: some_dense(&mut rng), rest: Chain { first: some_norm(&mut rng), rest: last } };
    let layers = [
        reference_dense(6, 17, Bend::Tanh),
        Reference::Norm(17),
        reference_dense(17, 9, Bend::Gelu),
        reference_dense(9, 4, Bend::Leaky(1)),
    ];
    check("with a norm", &net, &layers, |Chain { first, rest: Chain { first: second, rest } }| {
        [dense(first), norm(second), dense(&rest.first), dense(&rest.rest)].concat()
    });

    type Swiglu = Seq![Dense<6, 34, Tanh>, Gated<34, 17, Silu>, RmsNorm<17>, Dense<17, 3>];
    let last = Chain {
        first: RmsNorm { gain: std::array::from_fn(|_| random(&mut rng)) },
        rest: some_dense(&mut rng),
    };
    let net: Swiglu = Chain { first: some_dense(&mut rng), rest: Chain { first: Gated::ZEROED, rest: last } };
    let layers = [
        reference_dense(6, 34, Bend::Tanh),
        Reference::Gated(Bend::Silu),
        Reference::Rms(17),
        reference_dense(17, 3, Bend::Identity),
    ];
    check("a gated block", &net, &layers, |Chain { first, rest }| {
        [dense(first), rest.rest.first.gain.to_vec(), dense(&rest.rest.rest)].concat()
    });

    type Gates = Seq![Dense<6, 17, Relu>, Softmax<17>, Dense<17, 3, Sigmoid>, Dense<3, 2, Silu>];
    let last = Chain { first: some_dense(&mut rng), rest: some_dense(&mut rng) };
    let net: Gates = Chain { first: some_dense(&mut rng), rest: Chain { first: Softmax, rest: last } };
    let layers = [
        reference_dense(6, 17, Bend::Relu),
        Reference::Softmax,
        reference_dense(17, 3, Bend::Sigmoid),
        reference_dense(3, 2, Bend::Silu),
    ];
    check("with a softmax", &net, &layers, |Chain { first, rest }| {
        [dense(first), dense(&rest.rest.first), dense(&rest.rest.rest)].concat()
    });
}

/// The head of a network whose body stays has the gradients that it has in the whole; its input has none.
#[test]
fn frozen() {
    type Body = Seq![Dense<5, 8, Silu>, LayerNorm<8>];
    type Head = Seq![Dense<8, 6, Sigmoid>, Dense<6, 3>];
    let mut rng = Rng::new(8);
    let body: Body = Chain { first: some_dense(&mut rng), rest: some_norm(&mut rng) };
    let head: Head = Chain { first: some_dense(&mut rng), rest: some_dense(&mut rng) };
    type Whole = Seq![Dense<5, 8, Silu>, LayerNorm<8>, Dense<8, 6, Sigmoid>, Dense<6, 3>];
    let whole: Whole = Chain { first: body.first, rest: Chain { first: body.rest, rest: head } };
    let bytes = body.as_bytes().to_vec();

    let xs: [[f32; 5]; ROWS] = std::array::from_fn(|_| std::array::from_fn(|_| random(&mut rng)));
    let dys: [[f32; 3]; ROWS] = std::array::from_fn(|_| std::array::from_fn(|_| random(&mut rng)));
    for isa in isas() {
        let mut expected = whole;
        let mut workspace = Workspace::<Whole, ROWS, Reveal, Given>::with_loss(Given::default());
        workspace.train_step_with(isa, &mut expected, &xs, &dys, &Reveal).expect("rows that fit");
        let outputs = workspace.loss.seen.take();

        let mut net = Frozen::new(&body, head);
        let mut workspace = Workspace::<_, ROWS, Reveal, Given>::with_loss(Given::default());
        let mut dxs = [[f32::NAN; 5]; ROWS];
        workspace.input_gradient_with(isa, &net, &xs, &dys, &mut dxs).expect("rows that fit");
        assert_eq!(dxs, [[0.0; 5]; ROWS], "{isa}");
        workspace.train_step_with(isa, &mut net, &xs, &dys, &Reveal).expect("rows that fit");
        assert_eq!(workspace.loss.seen.take(), outputs, "{isa}");
        assert_eq!(net.head, expected.rest.rest, "{isa}");
        assert_eq!(body.as_bytes(), bytes, "{isa}: the body has changed");

        let mut ys = [[f32::NAN; 3]; ROWS];
        net.head = head;
        net.infer_with(isa, &xs, &mut fusebox::Scratch::<_, ROWS>::new(), &mut ys).expect("rows that fit");
        assert_eq!(ys.as_flattened(), outputs, "{isa}: run");
    }
}

/// Layers around one that stays have the gradients that they have in the whole, where it is trained; in training, it drops nothing.
#[test]
fn borrowed() {
    type Lower = Dense<5, 8, Silu>;
    type Upper = Dense<7, 3>;
    type Middle = Seq![LayerNorm<8>, Dropout<8, 50>, Dense<8, 7, Silu>];
    type Whole = Seq![Lower, Seq![LayerNorm<8>, Dense<8, 7, Silu>], Upper];
    let mut rng = Rng::new(8);
    let (lower, upper): (Lower, Upper) = (some_dense(&mut rng), some_dense(&mut rng));
    let (norm, dense) = (some_norm(&mut rng), some_dense(&mut rng));
    let whole: Whole =
        Chain { first: lower, rest: Chain { first: Chain { first: norm, rest: dense }, rest: upper } };
    let middle: Middle = Chain { first: norm, rest: Chain { first: Dropout, rest: dense } };
    let bytes = middle.as_bytes().to_vec();

    let xs: [[f32; 5]; ROWS] = std::array::from_fn(|_| std::array::from_fn(|_| random(&mut rng)));
    let dys: [[f32; 3]; ROWS] = std::array::from_fn(|_| std::array::from_fn(|_| random(&mut rng)));
    for isa in isas() {
        let mut expected = whole;
        let mut workspace = Workspace::<Whole, ROWS, Reveal, Given>::with_loss(Given::default());
        let [mut expected_dxs, mut dxs] = [[[f32::NAN; 5]; ROWS]; 2];
        workspace.input_gradient_with(isa, &whole, &xs, &dys, &mut expected_dxs).expect("rows that fit");
        workspace.train_step_with(isa, &mut expected, &xs, &dys, &Reveal).expect("rows that fit");
        let outputs = workspace.loss.seen.take();

        let mut net = Chain { first: lower, rest: Chain { first: Borrowed::new(&middle), rest: upper } };
        let mut ys = [[f32::NAN; 3]; ROWS];
        net.infer_with(isa, &xs, &mut fusebox::Scratch::<_, ROWS>::new(), &mut ys).expect("rows that fit");
        assert_eq!(ys.as_flattened(), outputs, "{isa}: run");

        let mut workspace = Workspace::<_, ROWS, Reveal, Given>::with_loss(Given::default());
        workspace.input_gradient_with(isa, &net, &xs, &dys, &mut dxs).expect("rows that fit");
        assert_eq!(dxs, expected_dxs, "{isa}");
        workspace.train_step_with(isa, &mut net, &xs, &dys, &Reveal).expect("rows that fit");
        assert_eq!(workspace.loss.seen.take(), outputs, "{isa}");
        assert_eq!((net.first, net.rest.rest), (expected.first, expected.rest.rest), "{isa}");
        assert_eq!(middle.as_bytes(), bytes, "{isa}: the middle has changed");
    }
}

/// What a layer starts with: an adapter that changes nothing, a norm that only normalises.
#[test]
fn first_values() {
    let mut rng = Rng::new(9);
    let base = some_dense::<9, 17, Tanh>(&mut rng);
    let xs: [[f32; 9]; ROWS] = std::array::from_fn(|_| std::array::from_fn(|_| random(&mut rng)));
    for isa in isas() {
        let run = |layer: &dyn Fn(&mut [[f32; 17]])| {
            let mut ys = [[f32::NAN; 17]; ROWS];
            layer(&mut ys);
            ys
        };
        let expected = run(&|ys| base.run(isa, &xs, &mut [], ys));
        let mut bias_only = BiasOnly::new(&base);
        bias_only.bias = [f32::NAN; 17];
        bias_only.init(Init::He, &mut rng);
        assert_eq!(run(&|ys| bias_only.run(isa, &xs, &mut [], ys)), expected, "{isa}");
        let mut low_rank = LowRank::<9, 17, 2, Tanh>::new(&base);
        low_rank.init(Init::He, &mut rng);
        assert!(low_rank.down.as_flattened().iter().all(|&w| w != 0.0) && low_rank.up == [[0.0; 17]; 2]);
        let got = run(&|ys| low_rank.run(isa, &xs, &mut [], ys));
        // The bias is a sum of its own there, so the last bits may differ: nine terms' rounding, before a function no
        // steeper than one and its own three units.
        for (got, expected) in got.iter().flatten().zip(expected.iter().flatten()) {
            assert!((got - expected).abs() <= 9.0 * 12.0 * f32::EPSILON, "{isa}: {got}, not {expected}");
        }
        let mut norm = LayerNorm::<9>::ZEROED;
        norm.init(Init::Glorot, &mut rng);
        assert_eq!((norm.gain, norm.shift), ([1.0; 9], [0.0; 9]));
    }
}

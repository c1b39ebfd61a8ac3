//! Activations, normalisations and gated units against PyTorch's numbers.

use crate::support::bounded::{Bounded, Real};
use crate::support::isas::isas;
use crate::support::probes::{Given, Reveal};
use crate::support::reference_net::{Bend, Layer as Reference, backward, batch, forward};
use crate::support::vectors::Vectors;
use fusebox::{
    Activation, Dense, Gated, Gelu, GeluTanh, LayerNorm, LeakyRelu, Relu6, RmsNorm, Silu, Train, Workspace,
    Zeroed,
};

fn vectors() -> Vectors {
    Vectors::read(include_str!("../pytorch/functions.txt"), 2)
}

/// Whether `got` is PyTorch's `exact` but for the reference's bound and `off`, which PyTorch's own may be off by.
fn check(bound: Bounded, exact: f64, off: f64, got: f32, what: &str) {
    assert!((bound.value - exact).abs() <= off, "{what}: the reference {bound:?}, PyTorch {exact}");
    assert!(
        (f64::from(got) - exact).abs() <= bound.error + off,
        "{what}: {got:?}, PyTorch {exact}; {bound:?}"
    );
}

/// `tail` is what PyTorch's numbers may be off by because they cancel.
fn activation<A: Activation + Copy>(name: &str, bend: Bend, tail: fn(f64) -> f64) {
    let vectors = vectors();
    let xs = vectors.f32s("activation x");
    let (ys, dxs) =
        (vectors.f64s(&format!("activation.{name} y")), vectors.f64s(&format!("activation.{name} dx")));
    let mut net = Dense::<1, 1, A>::ZEROED;
    net.weight = [[1.0]];
    for isa in isas() {
        for ((&x, &y), &dx) in xs.iter().zip(ys).zip(dxs) {
            let mut workspace = Workspace::<_, 1, Reveal, Given>::with_loss(Given::default());
            let mut got = [[f32::NAN]];
            workspace.input_gradient_with(isa, &net, &[[x]], &[[1.0]], &mut got).expect("a row");
            let (what, at) = (format!("{isa}, {name} of {x}"), Bounded::exact(x));
            // Thirteen digits of PyTorch's.
            let off = |exact: f64| 5e-13 * exact.abs() + tail(x.into());
            check(bend.value(at), y, off(y), workspace.loss.seen.borrow()[0], &what);
            check(bend.slope(at), dx, off(dx), got[0][0], &format!("{what}: derivative"));
        }
    }
}

#[test]
fn activations() {
    let gelu = |_| 2e-16;
    // 1 - tanh^2 is off by 2^-52 at most, and is multiplied by x/2 and the derivative of what tanh is of.
    let gelu_tanh = |x: f64| 2.3e-16 * (1.0 + 0.4 * x.abs() * (1.0 + 0.135 * x * x));
    activation::<Gelu>("gelu", Bend::Gelu, gelu);
    activation::<GeluTanh>("gelu_tanh", Bend::GeluTanh, gelu_tanh);
    activation::<Silu>("silu", Bend::Silu, |_| 2e-16);
    activation::<LeakyRelu>("leaky_relu", Bend::Leaky(1), |_| 2e-16);
    activation::<Relu6>("relu6", Bend::Relu6, |_| 2e-16);
}

/// A layer's outputs, input gradient and parameter gradient against PyTorch's, whose order the names `dparameters` say.
fn layer<N, const ROWS: usize, const IN: usize, const OUT: usize>(
    case: &str,
    net: &N,
    reference: Reference,
    parameters: impl Fn(&N) -> Vec<f32>,
    dparameters: &[&str],
) where
    N: Train<Input = [f32; IN], Output = [f32; OUT]> + Clone,
{
    let vectors = vectors();
    let numbers = |name: &str| vectors.f32s(&format!("{case} {name}"));
    let (xs, dys) = (numbers("x").as_chunks::<IN>().0.to_vec(), numbers("dy").as_chunks::<OUT>().0.to_vec());
    let bounded = |row: &[f32]| row.iter().map(|&x| Bounded::exact(x)).collect::<Vec<_>>();
    let (start, layers) = (bounded(&parameters(net)), [reference]);
    let ys: Vec<Bounded> = xs.iter().flat_map(|x| forward(&layers, &start, &bounded(x))).collect();
    let (dxs, gradients): (Vec<_>, Vec<_>) =
        xs.iter().zip(&dys).map(|(x, dy)| backward(&layers, &start, &bounded(x), &bounded(dy))).unzip();
    let (dxs, gradient) = (dxs.concat(), batch(&gradients));

    let pytorch = |name: &str| vectors.f64s(&format!("{case} {name}")).to_vec();
    let compare = |bounds: &[Bounded], exact: Vec<f64>, got: &[f32], what: &str| {
        let largest = exact.iter().fold(0.0, |a: f64, x| a.max(x.abs()));
        assert!(bounds.len() == exact.len() && got.len() == exact.len(), "{case}, {what}");
        for ((&bound, &exact), &got) in bounds.iter().zip(&exact).zip(got) {
            check(bound, exact, 1e-11 * largest, got, &format!("{case}, {what}"));
        }
    };
    for isa in isas() {
        let mut workspace = Workspace::<N, ROWS, Reveal, Given>::with_loss(Given::default());
        let mut got = vec![[f32::NAN; IN]; xs.len()];
        workspace.input_gradient_with(isa, net, &xs, &dys, &mut got).expect("rows that fit");
        compare(&ys, pytorch("y"), &workspace.loss.seen.borrow(), &format!("{isa}: y"));
        compare(&dxs, pytorch("dx"), got.as_flattened(), &format!("{isa}: dx"));
        let mut revealed = net.clone();
        workspace.train_step_with(isa, &mut revealed, &xs, &dys, &Reveal).expect("rows that fit");
        let exact = dparameters.iter().flat_map(|name| pytorch(name)).collect();
        compare(&gradient, exact, &parameters(&revealed), &format!("{isa}: gradient"));
    }
}

fn row<const N: usize>(name: &str) -> [f32; N] {
    vectors().f32s(name).try_into().expect("a row")
}

/// Four rows of seven: the third lies around 1000, where a deviation is known to 1e-4 of itself; the fourth is constant.
#[test]
fn layer_norm() {
    let net = LayerNorm::<7> { gain: row("layer_norm weight"), shift: row("layer_norm bias") };
    let parameters = |net: &LayerNorm<7>| [net.gain, net.shift].concat();
    layer::<_, 4, 7, 7>("layer_norm", &net, Reference::Norm(7), parameters, &["dweight", "dbias"]);
}

/// Three rows of seven: the third is so small that epsilon matters.
#[test]
fn rms_norm() {
    let net = RmsNorm::<7> { gain: row("rms_norm weight") };
    layer::<_, 3, 7, 7>("rms_norm", &net, Reference::Rms(7), |net| net.gain.to_vec(), &["dweight"]);
}

#[test]
fn swiglu() {
    let net = Gated::<10, 5, Silu>::ZEROED;
    layer::<_, 3, 10, 5>("swiglu", &net, Reference::Gated(Bend::Silu), |_| vec![], &[]);
}

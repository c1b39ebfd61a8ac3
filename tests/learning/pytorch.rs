//! Activations and layer normalisation against PyTorch's numbers.

use crate::support::bounded::{Bounded, Real};
use crate::support::isas::isas;
use crate::support::probes::{Given, Reveal};
use crate::support::reference_net::{Bend, Layer as Reference, backward, batch, forward};
use crate::support::vectors::Vectors;
use fusebox::{Activation, Dense, Gelu, LayerNorm, LeakyRelu, Relu6, Silu, Workspace, Zeroed};

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

fn activation<A: Activation + Copy>(name: &str, bend: Bend) {
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
            // Thirteen digits of PyTorch's; its GELU's left tail cancels.
            let off = |exact: f64| 5e-13 * exact.abs() + 2e-16;
            check(bend.value(at), y, off(y), workspace.loss.seen.borrow()[0], &what);
            check(bend.slope(at), dx, off(dx), got[0][0], &format!("{what}: derivative"));
        }
    }
}

#[test]
fn activations() {
    activation::<Gelu>("gelu", Bend::Gelu);
    activation::<Silu>("silu", Bend::Silu);
    activation::<LeakyRelu>("leaky_relu", Bend::Leaky(1));
    activation::<Relu6>("relu6", Bend::Relu6);
}

/// Four rows of seven: the third lies around 1000, where a deviation is known to 1e-4 of itself; the fourth is constant.
#[test]
fn layer_norm() {
    let vectors = vectors();
    let rows = |name: &str| -> [[f32; 7]; 4] {
        let numbers = vectors.f32s(&format!("layer_norm {name}"));
        std::array::from_fn(|row| std::array::from_fn(|i| numbers[row * 7 + i]))
    };
    let row =
        |name: &str| -> [f32; 7] { vectors.f32s(&format!("layer_norm {name}")).try_into().expect("seven") };
    let (xs, dys) = (rows("x"), rows("dy"));
    let net = LayerNorm::<7> { gain: row("weight"), shift: row("bias") };
    let bounded = |row: &[f32]| row.iter().map(|&x| Bounded::exact(x)).collect::<Vec<_>>();
    let parameters = [bounded(&net.gain), bounded(&net.shift)].concat();
    let layers = [Reference::Norm(7)];
    let ys: Vec<Bounded> = xs.iter().flat_map(|x| forward(&layers, &parameters, &bounded(x))).collect();
    let (dxs, gradients): (Vec<_>, Vec<_>) =
        xs.iter().zip(&dys).map(|(x, dy)| backward(&layers, &parameters, &bounded(x), &bounded(dy))).unzip();
    let (dxs, gradient) = (dxs.concat(), batch(&gradients));

    let pytorch = |name: &str| vectors.f64s(&format!("layer_norm {name}")).to_vec();
    let compare = |bounds: &[Bounded], exact: Vec<f64>, got: &[f32], what: &str| {
        let largest = exact.iter().fold(0.0, |a: f64, x| a.max(x.abs()));
        assert!(bounds.len() == exact.len() && got.len() == exact.len(), "{what}");
        for ((&bound, &exact), &got) in bounds.iter().zip(&exact).zip(got) {
            check(bound, exact, 1e-11 * largest, got, what);
        }
    };
    for isa in isas() {
        let mut workspace = Workspace::<_, 4, Reveal, Given>::with_loss(Given::default());
        let mut got = [[f32::NAN; 7]; 4];
        workspace.input_gradient_with(isa, &net, &xs, &dys, &mut got).expect("four rows");
        compare(&ys, pytorch("y"), &workspace.loss.seen.borrow(), &format!("{isa}: y"));
        compare(&dxs, pytorch("dx"), got.as_flattened(), &format!("{isa}: dx"));
        let mut revealed = net;
        workspace.train_step_with(isa, &mut revealed, &xs, &dys, &Reveal).expect("four rows");
        let exact = [pytorch("dweight"), pytorch("dbias")].concat();
        compare(&gradient, exact, &[revealed.gain, revealed.shift].concat(), &format!("{isa}: gradient"));
    }
}

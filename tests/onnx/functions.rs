//! Activations and softmax.

use crate::bounds::{U, exact};
use crate::nodes::Nodes;
use fusebox::{Activate, Activation, Gelu, GeluTanh, LeakyRelu, Relu, Sigmoid, Silu, Softmax, Tanh, Zeroed};

/// A function that is exact, or one product of the same two numbers.
fn exactly<const N: usize, A: Activation>(nodes: &Nodes, name: &'static str) {
    nodes.check(&nodes.case(name), &Activate::<N, A>::ZEROED, exact);
}

/// A function with the error that `kernel/math` promises, in units in the last place, each of at most 2u of the result.
/// On the other side there is an exponential or a tanh of NumPy, within 4 with what is made of it.
fn nearly<const N: usize, A: Activation>(nodes: &Nodes, name: &'static str, own: f64) {
    let case = nodes.case(name);
    let bound = |i: usize| (own + 4.0) * 2.0 * U * f64::from(case.y[i].abs());
    nodes.check(&case, &Activate::<N, A>::ZEROED, bound);
}

/// The tanh-formed GELU: fusebox's error is below 16 units in the last place. NumPy's 1 + tanh u cancels: it is off by 4 u, which
/// half of x multiplies.
fn tanh_formed<const N: usize>(nodes: &Nodes, name: &'static str) {
    let case = nodes.case(name);
    let bound = |i: usize| (40.0 * f64::from(case.y[i].abs()) + 4.0 * f64::from(case.x[i].abs())) * U;
    nodes.check(&case, &Activate::<N, GeluTanh>::ZEROED, bound);
}

/// exp(x - max) is off by u |x - max| for the difference, and by 2.6 units in the last place (NumPy's; fusebox's is
/// less), 5.2u. The sum, of n positive numbers, by the same and n u; the quotient by u.
fn softmax<const N: usize>(nodes: &Nodes, name: &'static str) {
    let case = nodes.case(name);
    let spread = |row: &[f32]| {
        let of = |fold: fn(f32, f32) -> f32| row.iter().copied().reduce(fold).expect("a number");
        f64::from(of(f32::max)) - f64::from(of(f32::min))
    };
    let spreads: Vec<f64> = case.x.chunks(N).map(spread).collect();
    let bound = |i: usize| 2.0 * (N as f64 + 12.0 + 2.0 * spreads[i / N]) * U * f64::from(case.y[i]);
    nodes.check(&case, &Softmax::<N>::ZEROED, bound);
}

pub(crate) fn run(nodes: &Nodes) {
    exactly::<60, Relu>(nodes, "relu");
    exactly::<60, Relu>(nodes, "clip_default_min");
    exactly::<60, LeakyRelu<10>>(nodes, "leakyrelu");
    exactly::<3, LeakyRelu<10>>(nodes, "leakyrelu_example");
    exactly::<60, LeakyRelu>(nodes, "leakyrelu_default");

    nearly::<60, Sigmoid>(nodes, "sigmoid", 2.5);
    nearly::<3, Sigmoid>(nodes, "sigmoid_example", 2.5);
    nearly::<60, Tanh>(nodes, "tanh", 2.5);
    nearly::<3, Tanh>(nodes, "tanh_example", 2.5);
    nearly::<60, Gelu>(nodes, "gelu_default_2", 8.5);
    nearly::<3, Gelu>(nodes, "gelu_default_1", 8.5);
    tanh_formed::<60>(nodes, "gelu_tanh_2");
    tanh_formed::<3>(nodes, "gelu_tanh_1");
    nearly::<3, Silu>(nodes, "swish", 3.0);

    softmax::<3>(nodes, "softmax_axis_0");
    softmax::<4>(nodes, "softmax_axis_1");
    for name in ["softmax_axis_2", "softmax_default_axis", "softmax_negative_axis"] {
        softmax::<5>(nodes, name);
    }
    softmax::<3>(nodes, "softmax_example");
    softmax::<4>(nodes, "softmax_large_number");
}

//! Recurrent layers, whose last outputs are compared.
//!
//! A gate's argument is a sum of n numbers of the input, the last output and the biases, whose magnitudes add up to S.
//! To first order
//!
//! ```text
//! argument   off by (n + 2) u S
//! gate       the same, as no gate's function is steeper than 1, and 10 u for its kernel and NumPy's
//! output     made of at most five gates, none above 1: five times that, and 5 u
//! ```
//!
//! on each side. What a position is off by, the next one's arguments are off by the column sum of U's magnitudes times
//! that at most.

use crate::bounds::U;
use crate::nodes::Nodes;
use fusebox::{Chain, Error, Gru, Last, Layer, Lstm, Plain, Rnn};

type FromPytorch<N> = fn(&[f32], &[f32], &[f32], &[f32]) -> Result<N, Error>;

fn check<N, const T: usize, const IN: usize, const H: usize>(
    nodes: &Nodes,
    name: &'static str,
    from_pytorch: FromPytorch<N>,
) where
    N: Layer<Input = [[f32; IN]; T], Output = [[f32; H]; T]> + Plain,
{
    let case = nodes.case(name);
    assert_eq!(case.input[1..], [T, IN], "{name}");
    let field = |field| nodes.numbers(name, field);
    let [w, u, b, c] = ["weight", "recurrent", "bias", "recurrent_bias"].map(field);
    let layer = from_pytorch(&w, &u, &b, &c).expect("the lengths of this layer");

    let magnitude = |row: &[f32]| row.iter().map(|x| f64::from(x.abs())).sum::<f64>();
    let most = |rows: &[f32], len| rows.chunks(len).map(magnitude).fold(0.0, f64::max);
    let growth = most(&u, H);
    let all = case.largest() * most(&w, IN) + growth + most(&b, 1) + most(&c, 1);
    let position = 5.0 * (((IN + H + 4) as f64) * all + 11.0) * U;
    let bound = 2.0 * (0..T).map(|t| position * (5.0 * growth).powi(t as i32)).sum::<f64>();
    nodes.check(&case, &Chain { first: layer, rest: Last::<T, H> }, |_| bound);
}

pub(crate) fn run(nodes: &Nodes) {
    check::<Gru<1, 2, 6>, 1, 2, 6>(nodes, "gru_batchwise", Gru::from_pytorch);
    check::<Gru<1, 2, 5>, 1, 2, 5>(nodes, "gru_defaults", Gru::from_pytorch);
    check::<Gru<1, 3, 3>, 1, 3, 3>(nodes, "gru_with_initial_bias", Gru::from_pytorch);
    check::<Lstm<1, 2, 7>, 1, 2, 7>(nodes, "lstm_batchwise", Lstm::from_pytorch);
    check::<Lstm<1, 2, 3>, 1, 2, 3>(nodes, "lstm_defaults", Lstm::from_pytorch);
    check::<Lstm<1, 3, 4>, 1, 3, 4>(nodes, "lstm_with_initial_bias", Lstm::from_pytorch);
    check::<Rnn<2, 3, 5>, 2, 3, 5>(nodes, "rnn_seq_length", Rnn::from_pytorch);
    check::<Rnn<1, 2, 4>, 1, 2, 4>(nodes, "simple_rnn_batchwise", Rnn::from_pytorch);
    check::<Rnn<1, 2, 4>, 1, 2, 4>(nodes, "simple_rnn_defaults", Rnn::from_pytorch);
    check::<Rnn<1, 3, 5>, 1, 3, 5>(nodes, "simple_rnn_with_initial_bias", Rnn::from_pytorch);
}

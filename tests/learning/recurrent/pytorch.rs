//! Against PyTorch's layers, in float64: see tests/pytorch.

use super::{pass, typed};
use crate::support::isas::isas;
use crate::support::vectors::Vectors;
use fusebox::{Error, Gru, Lstm, Plain, Relu, Rnn, Train};

/// Within so many units in the last place of the largest number there, and what nine digits leave open.
fn assert_close(what: &str, got: &[f32], expected: &[f64]) {
    assert_eq!(got.len(), expected.len(), "{what}");
    let largest = expected.iter().fold(0.0_f64, |largest, x| largest.max(x.abs()));
    for (got, expected) in got.iter().zip(expected) {
        let bound = largest * (16.0 * f64::from(f32::EPSILON) + 1e-8);
        assert!((f64::from(*got) - expected).abs() <= bound, "{what}: {got}, not {expected}");
    }
}

/// PyTorch's `[gates][h][rows]` by row.
fn by_row(from: &[f64], rows: usize) -> Vec<f64> {
    (0..rows).flat_map(|row| from.iter().skip(row).step_by(rows).copied()).collect()
}

type FromPytorch<N> = fn(&[f32], &[f32], &[f32], &[f32]) -> Result<N, Error>;

fn check<N, const T: usize, const IN: usize, const H: usize>(case: &str, from_pytorch: FromPytorch<N>)
where
    N: Train<Input = [[f32; IN]; T], Output = [[f32; H]; T], Memory = ()> + Plain,
{
    let vectors = Vectors::read(include_str!("../../pytorch/recurrent.txt"), 2);
    let given = |field: &str| vectors.f32s(&format!("{case} {field}"));
    let expected = |field: &str| vectors.f64s(&format!("{case} {field}"));
    let [w, u, b, c] = ["weight_ih", "weight_hh", "bias_ih", "bias_hh"].map(given);
    let net = from_pytorch(&w, &u, &b, &c).expect("the lengths of this layer");
    let (xs, dys) = (typed(&given("x")), typed(&given("dy")));
    // An LSTM and a simple layer have one bias.
    let biases = if size_of::<N>() / 4 > (IN + H) * b.len() + b.len() {
        vec!["dbias_ih", "dbias_hh"]
    } else {
        vec!["dbias_ih"]
    };
    let biases: Vec<f64> = biases.into_iter().flat_map(expected).copied().collect();
    for isa in isas() {
        let passed = pass(isa, &net, &xs, &dys, &());
        assert_close(&format!("{isa}, {case}: y"), &passed.ys, expected("y"));
        assert_close(&format!("{isa}, {case}: dx"), &passed.dxs, expected("dx"));
        let (input, rest) = passed.gradient.split_at(w.len());
        let (recurrent, rest) = rest.split_at(u.len());
        assert_close(&format!("{isa}, {case}: dW"), input, &by_row(expected("dweight_ih"), IN));
        assert_close(&format!("{isa}, {case}: dU"), recurrent, &by_row(expected("dweight_hh"), H));
        assert_close(&format!("{isa}, {case}: biases"), rest, &biases);
    }
    for short in 0..4 {
        let mut parts = [&w[..], &u, &b, &c];
        parts[short] = &parts[short][1..];
        let (expected, got) = (parts[short].len() + 1, parts[short].len());
        let [w, u, b, c] = parts;
        let error = from_pytorch(w, u, b, c).err();
        assert_eq!(error, Some(Error::Length { expected, got }), "{case}");
    }
}

#[test]
fn recurrent() {
    check::<Gru<5, 4, 6>, 5, 4, 6>("gru.small", Gru::from_pytorch);
    check::<Gru<3, 5, 19>, 3, 5, 19>("gru.wide", Gru::from_pytorch);
    check::<Lstm<5, 4, 6>, 5, 4, 6>("lstm.small", Lstm::from_pytorch);
    check::<Lstm<3, 5, 19>, 3, 5, 19>("lstm.wide", Lstm::from_pytorch);
    check::<Rnn<5, 4, 6>, 5, 4, 6>("rnn.tanh", Rnn::from_pytorch);
    check::<Rnn<4, 3, 17, Relu>, 4, 3, 17>("rnn.relu", Rnn::from_pytorch);
}

/// The same weights in Keras's order of gates, `[in][gate][h]`, make the same layer; other lengths are refused.
#[test]
fn keras() {
    const IN: usize = 4;
    const H: usize = 6;
    type FromKeras<N> = fn(&[f32], &[f32], &[f32]) -> Result<N, Error>;
    fn check<N: Plain + PartialEq>(order: &[usize], from_pytorch: FromPytorch<N>, from_keras: FromKeras<N>) {
        let mut rng = fusebox::Rng::new(3);
        let gates = order.len();
        let mut random = |count: usize| (0..count).map(|_| rng.normal()).collect::<Vec<f32>>();
        let (w, u, b) = (random(gates * H * IN), random(gates * H * H), random(gates * H));
        // Only a GRU's biases are two.
        let c = if gates == 3 { random(gates * H) } else { vec![0.0; gates * H] };
        let expected = from_pytorch(&w, &u, &b, &c).expect("the lengths of this layer");
        let turned = |from: &[f32], rows: usize| -> Vec<f32> {
            let row = |i: usize| {
                order.iter().flat_map(move |gate| (0..H).map(move |j| from[(gate * H + j) * rows + i]))
            };
            (0..rows).flat_map(row).collect()
        };
        let mut bias = turned(&b, 1);
        if gates == 3 {
            bias.extend(turned(&c, 1));
        }
        let parts = [turned(&w, IN), turned(&u, H), bias];
        let got = from_keras(&parts[0], &parts[1], &parts[2]).expect("the lengths of this layer");
        assert_eq!(got.as_bytes(), expected.as_bytes(), "{gates} gates");
        for short in 0..3 {
            let mut parts = parts.each_ref().map(|part| &part[..]);
            let expected = parts[short].len();
            parts[short] = &parts[short][1..];
            let error = from_keras(parts[0], parts[1], parts[2]).err();
            assert_eq!(error, Some(Error::Length { expected, got: expected - 1 }), "{gates} gates");
        }
    }
    // Keras's z, r, h are gates 1, 0 and 2 of r, z, n.
    check::<Gru<5, IN, H>>(&[1, 0, 2], Gru::from_pytorch, Gru::from_keras);
    check::<Lstm<5, IN, H>>(&[0, 1, 2, 3], Lstm::from_pytorch, Lstm::from_keras);
    check::<Rnn<5, IN, H>>(&[0], Rnn::from_pytorch, Rnn::from_keras);
}

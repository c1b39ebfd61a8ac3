//! Layers as plain loops over one row: what they mean.
//!
//! A layer's parameters are a row of numbers, in the order in which the crate's layer holds them. A network is a slice of
//! layers, whose parameters follow one another. The gradient of a batch is the sum of its rows'.

use super::bounded::{Function, Real};

/// A function that ends a layer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Bend {
    Identity,
    Relu,
    /// Its slope below zero, in hundredths.
    Leaky(u32),
    Relu6,
    Sigmoid,
    Tanh,
    Gelu,
    GeluTanh,
    Silu,
}

/// Where a slope jumps, between 0 and 1 at most, nothing is known of it.
fn jump(at: f64, x: f64, e: f64) -> f64 {
    if (x - at).abs() <= e && e > 0.0 { 1.0 } else { 0.0 }
}

fn sigmoid(x: f64) -> f64 {
    if x >= 0.0 { 1.0 / (1.0 + (-x).exp()) } else { x.exp() / (1.0 + x.exp()) }
}

fn normal_density(x: f64) -> f64 {
    (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt()
}

fn normal_cdf(x: f64) -> f64 {
    0.5 * libm::erfc(-x * std::f64::consts::FRAC_1_SQRT_2)
}

/// Of a function that bends nowhere more than between 0 and 1: a ReLU, or its slope where it does not jump.
const fn straight(of: fn(f64) -> f64, spread: fn(f64, f64) -> f64) -> Function {
    Function { of, spread, units: 0.0, least: 0.0 }
}

const RELU: Function = straight(|x| x.max(0.0), |_, e| e);
const RELU_SLOPE: Function = straight(|x| f64::from(x > 0.0), |x, e| jump(0.0, x, e));
const RELU6: Function = straight(|x| x.clamp(0.0, 6.0), |_, e| e);
const RELU6_SLOPE: Function =
    straight(|x| f64::from(x > 0.0 && x < 6.0), |x, e| jump(0.0, x, e) + jump(6.0, x, e));

/// `units` are those that the crate's table of mathematical functions allows.
pub(crate) const EXP: Function =
    Function { of: f64::exp, spread: |x, e| (x + e).exp() - x.exp(), units: 1.0, least: 0.0 };
const SIGMOID: Function = Function { of: sigmoid, spread: |_, e| 0.25 * e, units: 3.0, least: 0.0 };
const TANH: Function = Function { of: f64::tanh, spread: |_, e| e, units: 3.0, least: 0.0 };
/// Nowhere is it steeper than 1.129.
const GELU: Function =
    Function { of: |x| x * normal_cdf(x), spread: |_, e| 1.13 * e, units: 9.0, least: 0.0 };
/// Its own slope is at most 2 / sqrt(2 pi), at zero; it changes its sign, so its unit is that of one half.
const GELU_SLOPE: Function = Function {
    of: |x| normal_cdf(x) + x * normal_density(x),
    spread: |_, e| 0.8 * e,
    units: 9.0,
    least: 0.5,
};
fn tanh_argument(x: f64) -> f64 {
    2.0 * (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x * x * x)
}

/// Its value and its slope are as steep as GELU's, within a hundredth.
const GELU_TANH: Function =
    Function { of: |x| x * sigmoid(tanh_argument(x)), spread: |_, e| 1.14 * e, units: 211.0, least: 0.0 };
const GELU_TANH_SLOPE: Function = Function {
    of: |x| {
        let y = sigmoid(tanh_argument(x));
        let steepness = 2.0 * (2.0 / std::f64::consts::PI).sqrt() * (1.0 + 3.0 * 0.044715 * x * x);
        y + x * steepness * y * sigmoid(-tanh_argument(x))
    },
    spread: |_, e| 0.81 * e,
    units: 9.0,
    least: 0.5,
};
/// ln(1 + e^x).
pub(crate) const SOFTPLUS: Function =
    Function { of: |x| x.max(0.0) + (-x.abs()).exp().ln_1p(), spread: |_, e| e, units: 3.0, least: 0.0 };
/// Of numbers from 1 on, and `libm`'s, right within a unit.
pub(crate) const LN: Function = Function { of: f64::ln, spread: |_, e| e, units: 1.0, least: 0.0 };

/// The logistic function.
pub(crate) fn logistic<R: Real>(x: R) -> R {
    x.apply(&SIGMOID)
}

impl Bend {
    pub(crate) fn value<R: Real>(self, z: R) -> R {
        match self {
            Self::Identity => z,
            Self::Relu => z.apply(&RELU),
            Self::Leaky(percent) if z.value() <= 0.0 => R::exact(percent as f32 / 100.0) * z,
            Self::Leaky(_) => z,
            Self::Relu6 => z.apply(&RELU6),
            Self::Sigmoid => logistic(z),
            Self::Tanh => z.apply(&TANH),
            Self::Gelu => z.apply(&GELU),
            Self::GeluTanh => z.apply(&GELU_TANH),
            Self::Silu => z * logistic(z),
        }
    }

    /// The derivative at `z`.
    pub(crate) fn slope<R: Real>(self, z: R) -> R {
        let one = R::exact(1.0);
        match self {
            Self::Identity => one,
            Self::Relu => z.apply(&RELU_SLOPE),
            Self::Leaky(percent) => {
                let (low, side) = (R::exact(percent as f32 / 100.0), z.apply(&RELU_SLOPE));
                if side.value() > 0.0 { side } else { low + side }
            }
            Self::Relu6 => z.apply(&RELU6_SLOPE),
            Self::Sigmoid => {
                let y = self.value(z);
                y * (one - y)
            }
            Self::Tanh => {
                let y = self.value(z);
                one - y * y
            }
            Self::Gelu => z.apply(&GELU_SLOPE),
            Self::GeluTanh => z.apply(&GELU_TANH_SLOPE),
            Self::Silu => {
                let y = logistic(z);
                y * (z * (one - y) + one)
            }
        }
    }
}

/// A layer.
#[derive(Clone, Debug)]
pub(crate) enum Layer {
    /// y = f(x W + b); parameters W, row after row, and b.
    Dense { inputs: usize, outputs: usize, bend: Bend },
    /// y = gain (x - mean) / sqrt(variance + 1e-5) + shift; parameters gain and shift.
    Norm(usize),
    /// y = gain x / sqrt(mean of x^2 + 1e-6); parameters gain.
    Rms(usize),
    /// y_j = f(x_j) x_(n + j), of n outputs.
    Gated(Bend),
    /// y_j = exp(x_j) / sum_i exp(x_i).
    Softmax,
    /// y = f(x W + b), W fixed; parameters b.
    BiasOnly { weight: Vec<f32>, outputs: usize, bend: Bend },
    /// y = f(x W + b + (x D) U), W and b fixed; parameters D and U.
    LowRank { weight: Vec<f32>, bias: Vec<f32>, rank: usize, bend: Bend },
}

/// Column `o` of a matrix of rows of `cols`.
fn column<R: Copy>(matrix: &[R], cols: usize, o: usize) -> impl Iterator<Item = R> {
    matrix.iter().skip(o).step_by(cols).copied()
}

fn dot<R: Real>(xs: impl IntoIterator<Item = R>, ys: impl IntoIterator<Item = R>) -> Vec<R> {
    std::iter::zip(xs, ys).map(|(x, y)| x * y).collect()
}

fn exact<R: Real>(xs: &[f32]) -> Vec<R> {
    xs.iter().map(|&x| R::exact(x)).collect()
}

/// x^T dy, row after row.
fn outer<R: Real>(x: &[R], dy: &[R]) -> Vec<R> {
    x.iter().flat_map(|&x| dy.iter().map(move |&dy| x * dy)).collect()
}

impl Layer {
    /// How many numbers it learns.
    pub(crate) fn parameters(&self) -> usize {
        match self {
            Self::Dense { inputs, outputs, .. } => (inputs + 1) * outputs,
            Self::Norm(n) => 2 * n,
            Self::Rms(n) => *n,
            Self::Softmax | Self::Gated(_) => 0,
            Self::BiasOnly { outputs, .. } => *outputs,
            Self::LowRank { weight, bias, rank, .. } => {
                rank * (weight.len() / bias.len().max(1) + bias.len())
            }
        }
    }

    /// What the function at the layer's end is applied to.
    fn before<R: Real>(&self, p: &[R], x: &[R]) -> Vec<R> {
        let affine = |weight: &[R], bias: &[R]| -> Vec<R> {
            let sum = |o| dot(x.iter().copied(), column(weight, bias.len(), o));
            bias.iter().enumerate().map(|(o, &b)| R::sum([vec![b], sum(o)].concat())).collect()
        };
        match self {
            Self::Dense { inputs, outputs, .. } => affine(&p[..inputs * outputs], &p[inputs * outputs..]),
            Self::BiasOnly { weight, .. } => affine(&exact::<R>(weight), p),
            Self::LowRank { weight, bias, rank, .. } => {
                let (down, up) = p.split_at(x.len() * rank);
                let t: Vec<R> = thin(x, down, *rank);
                let (weight, bias) = (exact::<R>(weight), exact::<R>(bias));
                let sum = |(o, &b): (usize, &R)| {
                    let through = dot(t.iter().copied(), column(up, bias.len(), o));
                    let beside = dot(x.iter().copied(), column(&weight, bias.len(), o));
                    R::sum([vec![b], through, beside].concat())
                };
                bias.iter().enumerate().map(sum).collect()
            }
            Self::Norm(n) => {
                let (hat, _) = normalized(x);
                (0..*n).map(|i| hat[i] * p[i] + p[n + i]).collect()
            }
            Self::Rms(_) => dot(divided(x).0, p.iter().copied()),
            Self::Gated(bend) => {
                let (gates, values) = x.split_at(x.len() / 2);
                std::iter::zip(gates, values).map(|(&gate, &value)| bend.value(gate) * value).collect()
            }
            Self::Softmax => softmax(x),
        }
    }

    fn bend(&self) -> Bend {
        match self {
            Self::Dense { bend, .. } | Self::BiasOnly { bend, .. } | Self::LowRank { bend, .. } => *bend,
            Self::Norm(_) | Self::Rms(_) | Self::Gated(_) | Self::Softmax => Bend::Identity,
        }
    }

    fn forward<R: Real>(&self, p: &[R], x: &[R]) -> Vec<R> {
        self.before(p, x).into_iter().map(|z| self.bend().value(z)).collect()
    }

    /// The gradients with respect to `x` and the parameters, given that with respect to the output.
    fn backward<R: Real>(&self, p: &[R], x: &[R], dy: &[R]) -> (Vec<R>, Vec<R>) {
        let dz: Vec<R> = match self.bend() {
            Bend::Identity => dy.to_vec(),
            bend => std::iter::zip(self.before(p, x), dy).map(|(z, &dy)| dy * bend.slope(z)).collect(),
        };
        let back = |weight: &[R]| -> Vec<Vec<R>> {
            let rows = weight.chunks(dz.len());
            rows.map(|row| dot(row.iter().copied(), dz.iter().copied())).collect()
        };
        let sums = |terms: Vec<Vec<R>>| -> Vec<R> { terms.into_iter().map(R::sum).collect() };
        match self {
            Self::Dense { inputs, outputs, .. } => {
                (sums(back(&p[..inputs * outputs])), [outer(x, &dz), dz.clone()].concat())
            }
            Self::BiasOnly { weight, .. } => (sums(back(&exact::<R>(weight))), dz.clone()),
            Self::LowRank { weight, rank, .. } => {
                let (down, up) = p.split_at(x.len() * rank);
                let (t, dt) = (thin(x, down, *rank), sums(back(up)));
                let mut dx = back(&exact::<R>(weight));
                for (i, terms) in dx.iter_mut().enumerate() {
                    let row = down[i * rank..][..*rank].iter().copied();
                    terms.extend(dot(row, dt.iter().copied()));
                }
                (sums(dx), [outer(x, &dt), outer(&t, &dz)].concat())
            }
            Self::Norm(n) => {
                let (hat, reciprocal) = normalized(x);
                let products = dot(hat.iter().copied(), dy.iter().copied());
                let g = dot(p[..*n].iter().copied(), dy.iter().copied());
                let mean_g = mean(g.iter().copied());
                let mean_g_hat = mean(dot(p[..*n].iter().copied(), products.iter().copied()));
                let dx = (0..*n).map(|i| (g[i] - mean_g - hat[i] * mean_g_hat) * reciprocal).collect();
                (dx, [products, dy.to_vec()].concat())
            }
            Self::Rms(n) => {
                let (hat, reciprocal) = divided(x);
                let products = dot(hat.iter().copied(), dy.iter().copied());
                let g = dot(p.iter().copied(), dy.iter().copied());
                let mean = mean(dot(p.iter().copied(), products.iter().copied()));
                let dx = (0..*n).map(|i| (g[i] - hat[i] * mean) * reciprocal).collect();
                (dx, products)
            }
            Self::Gated(bend) => {
                let (gates, values) = x.split_at(dy.len());
                let dgates = (0..dy.len()).map(|i| dy[i] * values[i] * bend.slope(gates[i]));
                let dvalues = (0..dy.len()).map(|i| dy[i] * bend.value(gates[i]));
                (dgates.chain(dvalues).collect(), vec![])
            }
            Self::Softmax => {
                let y = softmax(x);
                let sum = R::sum(dot(y.iter().copied(), dy.iter().copied()));
                (std::iter::zip(y, dy).map(|(y, &dy)| y * (dy - sum)).collect(), vec![])
            }
        }
    }
}

/// x D.
fn thin<R: Real>(x: &[R], down: &[R], rank: usize) -> Vec<R> {
    (0..rank).map(|r| R::sum(dot(x.iter().copied(), column(down, rank, r)))).collect()
}

fn mean<R: Real>(xs: impl IntoIterator<Item = R>) -> R {
    let xs: Vec<R> = xs.into_iter().collect();
    let n = R::exact(xs.len() as f32);
    R::sum(xs) / n
}

/// A row of mean 0 and variance 1, and what it was multiplied by.
fn normalized<R: Real>(x: &[R]) -> (Vec<R>, R) {
    let middle = mean(x.iter().copied());
    let distances: Vec<R> = x.iter().map(|&x| x - middle).collect();
    let variance = mean(distances.iter().map(|&d| d * d));
    let reciprocal = R::exact(1.0) / (variance + R::exact(1e-5)).sqrt();
    (distances.into_iter().map(|d| d * reciprocal).collect(), reciprocal)
}

/// A row whose mean square is 1, and what it was multiplied by.
fn divided<R: Real>(x: &[R]) -> (Vec<R>, R) {
    let reciprocal = R::exact(1.0) / (mean(x.iter().map(|&x| x * x)) + R::exact(1e-6)).sqrt();
    (x.iter().map(|&x| x * reciprocal).collect(), reciprocal)
}

/// exp(x - max x), the maximum, and the sum.
pub(crate) fn exponentials<R: Real>(x: &[R]) -> (Vec<R>, R, R) {
    let largest = x.iter().copied().reduce(R::max).expect("a class");
    let powers: Vec<R> = x.iter().map(|&x| (x - largest).apply(&EXP)).collect();
    (powers.clone(), largest, R::sum(powers))
}

fn softmax<R: Real>(x: &[R]) -> Vec<R> {
    let (powers, _, sum) = exponentials(x);
    let factor = R::exact(1.0) / sum;
    powers.into_iter().map(|e| e * factor).collect()
}

/// The outputs of a network for one row.
pub(crate) fn forward<R: Real>(layers: &[Layer], parameters: &[R], x: &[R]) -> Vec<R> {
    let Some((first, rest)) = layers.split_first() else { return x.to_vec() };
    let (of_first, of_rest) = parameters.split_at(first.parameters());
    forward(rest, of_rest, &first.forward(of_first, x))
}

/// The gradients with respect to one row and to all parameters, given that with respect to the output.
pub(crate) fn backward<R: Real>(layers: &[Layer], parameters: &[R], x: &[R], dy: &[R]) -> (Vec<R>, Vec<R>) {
    let Some((first, rest)) = layers.split_first() else { return (dy.to_vec(), vec![]) };
    let (of_first, of_rest) = parameters.split_at(first.parameters());
    let (between, d_rest) = backward(rest, of_rest, &first.forward(of_first, x), dy);
    let (dx, d_first) = first.backward(of_first, x, &between);
    (dx, [d_first, d_rest].concat())
}

/// The gradient of a batch with respect to all parameters: the sum of its rows'.
pub(crate) fn batch<R: Real>(rows: &[Vec<R>]) -> Vec<R> {
    let count = rows.first().map_or(0, Vec::len);
    (0..count).map(|i| R::sum(rows.iter().map(|row| row[i]))).collect()
}

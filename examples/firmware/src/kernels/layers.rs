//! Layers: outputs, and the gradients with respect to inputs and parameters.

use super::bounded::{Bounded, Function, exact, mean, sum};
use super::functions::{exponentials, gelu, normal_cdf, sigmoid};
use super::ledger::{CANARY, Ledger, What};
use super::probes::{Given, Reveal};
use super::products::fill;
use crate::board::Failure;
use core::iter::zip;
use fusebox::{
    Activation, Dense, Gelu, Identity, Isa, LayerNorm, LeakyRelu, Relu, Relu6, Rng, Sigmoid, Silu, Softmax,
    Tanh, Train, Workspace, Zeroed,
};

const ROWS: usize = 2;
const IN: usize = 5;
/// A vector of sixteen and one.
const OUT: usize = 17;

/// Rows for a layer and the gradient with respect to its outputs; and what the layer made of them, its outputs and the
/// gradient with respect to its inputs.
struct Case<const I: usize, const O: usize> {
    what: What,
    xs: [[f32; I]; ROWS],
    dys: [[f32; O]; ROWS],
    ys: [[f32; O]; ROWS],
    dxs: [[f32; I]; ROWS],
}

/// Runs a layer there and back, between guards; leaves the gradient with respect to its parameters in their place.
///
/// Functions here are not inlined: a board of 16 KiB has no stack for the frames of all of them at once.
#[inline(never)]
fn make<N, const I: usize, const O: usize>(
    isa: Isa,
    kernel: &'static str,
    net: &mut N,
) -> Result<Case<I, O>, Failure>
where
    N: Train<Input = [f32; I], Output = [f32; O]>,
{
    let what = What { kernel, shape: [ROWS, O, I] };
    let (xs, dys) = (rows::<I, ROWS>(1, 2.0), rows::<O, ROWS>(2, 2.0));
    let (mut ys, mut dxs) = ([[CANARY; O]; ROWS + 2], [[CANARY; I]; ROWS + 2]);
    let mut workspace = Workspace::<N, ROWS, Reveal, Given>::with_loss(Given);
    let ([y0, inner_ys @ .., y1], [x0, inner_dxs @ .., x1]) = (&mut ys, &mut dxs);
    net.run(isa, &xs, &mut [], inner_ys);
    workspace.input_gradient_with(isa, net, &xs, &dys, inner_dxs)?;
    workspace.train_step_with(isa, net, &xs, &dys, &Reveal)?;
    let (inner_ys, inner_dxs) = (*inner_ys, *inner_dxs);
    let mut guards = y0.iter().chain(&*y1).chain(&*x0).chain(&*x1);
    if guards.any(|x| x.to_bits() != CANARY.to_bits()) {
        return Err(what.stray());
    }
    Ok(Case { what, xs, dys, ys: inner_ys, dxs: inner_dxs })
}

/// Rows of numbers between -`spread` and `spread`.
fn rows<const N: usize, const M: usize>(seed: u64, spread: f32) -> [[f32; N]; M] {
    let mut rows = [[0.0; N]; M];
    fill(rows.as_flattened_mut(), &mut Rng::new(seed));
    rows.as_flattened_mut().iter_mut().for_each(|x| *x *= spread);
    rows
}

pub(super) fn check(isa: Isa, ledger: &mut Ledger) -> Result<(), Failure> {
    dense::<Identity>(isa, ledger, "dense", Bend::Identity)?;
    dense::<Relu>(isa, ledger, "dense, ReLU", Bend::Relu)?;
    dense::<Sigmoid>(isa, ledger, "dense, sigmoid", Bend::Sigmoid)?;
    dense::<Tanh>(isa, ledger, "dense, tanh", Bend::Tanh)?;
    dense::<LeakyRelu>(isa, ledger, "dense, leaky ReLU", Bend::Leaky)?;
    dense::<Relu6>(isa, ledger, "dense, ReLU6", Bend::Relu6)?;
    dense::<Gelu>(isa, ledger, "dense, GELU", Bend::Gelu)?;
    dense::<Silu>(isa, ledger, "dense, SiLU", Bend::Silu)?;
    layer_norm(isa, ledger)?;
    softmax(isa, ledger)
}

/// y = f(x W + b).
fn dense<A: Activation>(
    isa: Isa,
    ledger: &mut Ledger,
    kernel: &'static str,
    bend: Bend,
) -> Result<(), Failure> {
    let (weight, [bias]) = (rows::<OUT, IN>(3, 1.0), rows::<OUT, 1>(4, 2.0));
    let mut layer = Dense::<IN, OUT, A>::ZEROED;
    (layer.weight, layer.bias) = (weight, bias);
    let case = make(isa, kernel, &mut layer)?;
    compare_dense(ledger, &case, (&weight, &bias), (&layer.weight, &layer.bias), bend)
}

/// What a dense layer should have made, with the parameters given; and the gradient with respect to them.
#[inline(never)]
fn compare_dense(
    ledger: &mut Ledger,
    &Case { what, ref xs, ref dys, ref ys, ref dxs }: &Case<IN, OUT>,
    (weight, bias): (&[[f32; OUT]; IN], &[f32; OUT]),
    (dweight, dbias): (&[[f32; OUT]; IN], &[f32; OUT]),
    bend: Bend,
) -> Result<(), Failure> {
    let mut zs = [[exact(0.0); OUT]; ROWS];
    for (z, x) in zip(&mut zs, xs) {
        for (o, (z, &bias)) in zip(z, bias).enumerate() {
            let terms = zip(x, weight).map(|(&x, row)| exact(x) * exact(at(row, o)));
            *z = sum(core::iter::once(exact(bias)).chain(terms));
        }
    }
    ledger.enter_all(what, ys.as_flattened(), zs.as_flattened().iter().map(|&z| bend.value(z)))?;
    // From here on the gradient with respect to z.
    for (z, &dy) in zip(zs.as_flattened_mut(), dys.as_flattened()) {
        *z = exact(dy) * bend.slope(*z);
    }
    let zs = &zs;
    let expected = zs.iter().flat_map(|dz| {
        weight.iter().map(move |row| sum(zip(dz, row).map(|(&dz, &weight)| dz * exact(weight))))
    });
    ledger.enter_all(what, dxs.as_flattened(), expected)?;
    let expected = (0..IN)
        .flat_map(|i| (0..OUT).map(move |o| sum(zip(zs, xs).map(|(dz, x)| exact(at(x, i)) * nth(dz, o)))));
    ledger.enter_all(what, dweight.as_flattened(), expected)?;
    ledger.enter_all(what, dbias, (0..OUT).map(|o| sum(zs.iter().map(|dz| nth(dz, o)))))?;
    ledger.kernels += 1;
    Ok(())
}

/// y = gain (x - mean) / sqrt(variance + 1e-5) + shift.
fn layer_norm(isa: Isa, ledger: &mut Ledger) -> Result<(), Failure> {
    let [gain, shift] = rows::<OUT, 2>(7, 2.0);
    let mut layer = LayerNorm::<OUT> { gain, shift };
    let case = make(isa, "layer norm", &mut layer)?;
    compare_norm(ledger, &case, [&gain, &shift], [&layer.gain, &layer.shift])
}

/// What a normalisation should have made, with the parameters given; and the gradient with respect to them.
#[inline(never)]
fn compare_norm(
    ledger: &mut Ledger,
    &Case { what, ref xs, ref dys, ref ys, ref dxs }: &Case<OUT, OUT>,
    [gain, shift]: [&[f32; OUT]; 2],
    [dgain, dshift]: [&[f32; OUT]; 2],
) -> Result<(), Failure> {
    let mut hats = [[exact(0.0); OUT]; ROWS];
    let mut reciprocals = [exact(0.0); ROWS];
    for ((hat, reciprocal), x) in zip(zip(&mut hats, &mut reciprocals), xs) {
        let middle = mean(OUT, x.iter().map(|&x| exact(x)));
        zip(&mut *hat, x).for_each(|(hat, &x)| *hat = exact(x) - middle);
        let variance = mean(OUT, hat.iter().map(|&d| d * d));
        *reciprocal = exact(1.0) / (variance + exact(1e-5)).sqrt();
        hat.iter_mut().for_each(|hat| *hat = *hat * *reciprocal);
    }
    let expected = hats.iter().flat_map(|hat| {
        zip(hat, zip(gain, shift)).map(|(&hat, (&gain, &shift))| hat * exact(gain) + exact(shift))
    });
    ledger.enter_all(what, ys.as_flattened(), expected)?;
    let expected = (0..OUT).map(|o| sum(zip(&hats, dys).map(|(hat, dy)| nth(hat, o) * exact(at(dy, o)))));
    ledger.enter_all(what, dgain, expected)?;
    ledger.enter_all(what, dshift, (0..OUT).map(|o| sum(dys.iter().map(|dy| exact(at(dy, o))))))?;
    // In the place of xhat, the gradient with respect to x.
    for ((hat, dy), &reciprocal) in zip(zip(&mut hats, dys), &reciprocals) {
        let g = || zip(gain, dy).map(|(&gain, &dy)| exact(gain) * exact(dy));
        let with_hats = zip(gain, zip(&*hat, dy));
        let mean_g = mean(OUT, g());
        let mean_g_hat = mean(OUT, with_hats.map(|(&gain, (&hat, &dy))| exact(gain) * (hat * exact(dy))));
        zip(hat, g()).for_each(|(hat, g)| *hat = (g - mean_g - *hat * mean_g_hat) * reciprocal);
    }
    ledger.enter_all(what, dxs.as_flattened(), hats.as_flattened().iter().copied())?;
    ledger.kernels += 1;
    Ok(())
}

/// y_j = exp(x_j) / sum_i exp(x_i).
fn softmax(isa: Isa, ledger: &mut Ledger) -> Result<(), Failure> {
    let case = make(isa, "softmax layer", &mut Softmax::<OUT>)?;
    compare_softmax(ledger, &case)
}

#[inline(never)]
fn compare_softmax(
    ledger: &mut Ledger,
    &Case { what, ref xs, ref dys, ref ys, ref dxs }: &Case<OUT, OUT>,
) -> Result<(), Failure> {
    let mut expected = [[exact(0.0); OUT]; ROWS];
    for (y, x) in zip(&mut expected, xs) {
        let factor = exact(1.0) / sum(exponentials(x));
        zip(y, exponentials(x)).for_each(|(y, power)| *y = power * factor);
    }
    ledger.enter_all(what, ys.as_flattened(), expected.as_flattened().iter().copied())?;
    for (y, dy) in zip(&mut expected, dys) {
        let inner = sum(zip(&*y, dy).map(|(&y, &dy)| y * exact(dy)));
        zip(y, dy).for_each(|(y, &dy)| *y = *y * (exact(dy) - inner));
    }
    ledger.enter_all(what, dxs.as_flattened(), expected.as_flattened().iter().copied())?;
    ledger.kernels += 1;
    Ok(())
}

/// Number `i` of a row, of which there are more.
fn at(row: &[f32], i: usize) -> f32 {
    row.get(i).copied().unwrap_or(f32::NAN)
}

fn nth(row: &[Bounded], i: usize) -> Bounded {
    row.get(i).copied().unwrap_or(exact(f32::NAN))
}

/// A function that ends a layer.
#[derive(Clone, Copy)]
enum Bend {
    Identity,
    Relu,
    Leaky,
    Relu6,
    Sigmoid,
    Tanh,
    Gelu,
    Silu,
}

/// The slope of a leaky ReLU below zero.
const LEAK: f32 = 0.01;

const SIGMOID: Function = Function { of: sigmoid, steepest: 0.25, units: 2.41, least: 0.0 };
const TANH: Function = Function { of: libm::tanh, steepest: 1.0, units: 2.3, least: 0.0 };
/// Nowhere is it steeper than 1.129.
const GELU: Function = Function { of: gelu, steepest: 1.13, units: 8.22, least: 0.0 };
/// Its own slope is at most 2 / sqrt(2 pi), at zero; it changes its sign, so its unit is that of one half.
const GELU_SLOPE: Function = Function { of: gelu_slope, steepest: 0.8, units: 2.91, least: 0.5 };

fn gelu_slope(x: f64) -> f64 {
    normal_cdf(x) + x * libm::exp(-0.5 * x * x) / libm::sqrt(2.0 * core::f64::consts::PI)
}

/// `below` where `z` is less than `edge`, else `above`: anything between where that is not sure.
fn step(z: Bounded, edge: f64, [below, above]: [f32; 2]) -> Bounded {
    let side = exact(if z.value > edge { above } else { below });
    let sure = (z.value - edge).abs() > z.error;
    Bounded { error: if sure { 0.0 } else { f64::from((above - below).abs()) }, ..side }
}

impl Bend {
    fn value(self, z: Bounded) -> Bounded {
        match self {
            Self::Identity => z,
            Self::Relu => Bounded { value: z.value.max(0.0), ..z },
            Self::Leaky if z.value > 0.0 => z,
            Self::Leaky => exact(LEAK) * z,
            Self::Relu6 => Bounded { value: z.value.clamp(0.0, 6.0), ..z },
            Self::Sigmoid => z.apply(SIGMOID),
            Self::Tanh => z.apply(TANH),
            Self::Gelu => z.apply(GELU),
            Self::Silu => z * z.apply(SIGMOID),
        }
    }

    /// The derivative at `z`.
    fn slope(self, z: Bounded) -> Bounded {
        let one = exact(1.0);
        match self {
            Self::Identity => one,
            Self::Relu => step(z, 0.0, [0.0, 1.0]),
            Self::Leaky => step(z, 0.0, [LEAK, 1.0]),
            Self::Relu6 if z.value < 3.0 => step(z, 0.0, [0.0, 1.0]),
            Self::Relu6 => step(z, 6.0, [1.0, 0.0]),
            Self::Sigmoid => {
                let y = self.value(z);
                y * (one - y)
            }
            Self::Tanh => {
                let y = self.value(z);
                one - y * y
            }
            Self::Gelu => z.apply(GELU_SLOPE),
            Self::Silu => {
                let y = z.apply(SIGMOID);
                y * (z * (one - y) + one)
            }
        }
    }
}

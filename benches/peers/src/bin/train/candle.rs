//! The same network in candle: `candle_nn::Linear` layers, its cross-entropy and its optimiser.

use crate::ours::{Batch, Net};
use candle_core::{Device, Result, Tensor, Var};
use candle_nn::loss::cross_entropy;
use candle_nn::{Linear, Module, Optimizer, SGD};
use fusebox::Dense;

/// The tensors of a network in training, made once.
pub(crate) struct Candle {
    xs: Tensor,
    labels: Tensor,
    /// Layers whose weights remember what was done with them, for the gradient.
    trained: [Linear; 2],
    /// The same weights, without memory.
    frozen: [Linear; 2],
    optimizer: SGD,
}

impl Candle {
    /// Starts from the weights of `net`.
    pub(crate) fn new<const IN: usize, const HIDDEN: usize, const OUT: usize, const B: usize>(
        net: &Net<IN, HIDDEN, OUT>,
        batch: &Batch<IN, B>,
        rate: f32,
    ) -> Result<Self> {
        let variables = [variables(&net.first)?, variables(&net.rest)?];
        let linear = |tensor: fn(&Var) -> Tensor| {
            variables.each_ref().map(|[w, b]| Linear::new(tensor(w), Some(tensor(b))))
        };
        Ok(Self {
            xs: Tensor::from_slice(batch.xs.0.as_flattened(), (B, IN), &Device::Cpu)?,
            labels: Tensor::from_slice(&batch.labels, B, &Device::Cpu)?,
            trained: linear(|variable| variable.as_tensor().clone()),
            frozen: linear(Var::as_detached_tensor),
            optimizer: SGD::new(variables.concat(), rate.into())?,
        })
    }

    /// A training step; the loss before it.
    pub(crate) fn step(&mut self) -> Result<f32> {
        let loss = cross_entropy(&forward(&self.trained, &self.xs)?, &self.labels)?;
        self.optimizer.backward_step(&loss)?;
        loss.to_scalar()
    }

    /// The logits.
    pub(crate) fn infer(&self) -> Result<Tensor> {
        forward(&self.frozen, &self.xs)
    }
}

/// Weights and biases. candle's weights are rows of an output each, fusebox's of an input each.
fn variables<const IN: usize, const OUT: usize, A>(layer: &Dense<IN, OUT, A>) -> Result<[Var; 2]> {
    let weight = Tensor::from_slice(layer.weight.as_flattened(), (IN, OUT), &Device::Cpu)?;
    let bias = Tensor::from_slice(&layer.bias, OUT, &Device::Cpu)?;
    Ok([Var::from_tensor(&weight.t()?.contiguous()?)?, Var::from_tensor(&bias)?])
}

fn forward([first, rest]: &[Linear; 2], xs: &Tensor) -> Result<Tensor> {
    rest.forward(&first.forward(xs)?.relu()?)
}

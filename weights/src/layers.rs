//! Layers, and the names and orders of their numbers in PyTorch and Keras.

use crate::Error;
use crate::map::{Layout, Map};
use crate::places::Places;
use fusebox::layers::{BatchNorm, Conv2d, ConvTranspose2d, GroupNorm, Start};
use fusebox::{Dense, Embedding, Gru, LayerNorm, Lstm, RmsNorm};

/// Keras's gates z, r, h of a GRU, which are gates 1, 0 and 2 here.
const GRU: [usize; 3] = [1, 0, 2];

impl<'a> Map<'a> {
    /// A dense layer: PyTorch's `Linear`, Keras's `Dense`.
    pub fn dense<const IN: usize, const OUT: usize, A>(
        self,
        name: &str,
        layer: &'a mut Dense<IN, OUT, A>,
    ) -> Self {
        let weight = layer.weight.as_flattened_mut();
        self.weights(name, weight, &mut layer.bias, [OUT, IN].into())
    }

    /// A dense layer whose inputs are a flattened picture with `channels` channels: in PyTorch's order they are channel by channel.
    /// An error of [`Map::load`] and [`Map::save`] unless `channels` divides the inputs.
    pub fn dense_after_flatten<const IN: usize, const OUT: usize, A>(
        self,
        name: &str,
        layer: &'a mut Dense<IN, OUT, A>,
        channels: usize,
    ) -> Self {
        match Places::pytorch_flattened(&[OUT, IN], channels) {
            Err(error) => self.failed(error),
            Ok(_) if self.layout == Layout::Keras => self.dense(name, layer),
            Ok(places) => self
                .slot(vec![format!("{name}.weight")], places, vec![layer.weight.as_flattened_mut()])
                .vector(name, "bias", &mut layer.bias),
        }
    }

    /// A convolution of sequences: PyTorch's `Conv1d`, Keras's `Conv1D`. A `Conv1d` is a view of a convolution: give its `layer`.
    pub fn conv1d<I, O, const K: usize, const C: usize, const F: usize, G, A>(
        self,
        name: &str,
        layer: &'a mut Conv2d<I, O, K, 1, C, F, G, A>,
    ) -> Self {
        let weight = layer.weight.as_flattened_mut().as_flattened_mut().as_flattened_mut();
        self.weights(name, weight, &mut layer.bias, [F, C, K].into())
    }

    /// A convolution: PyTorch's `Conv2d`, also with groups; Keras's `Conv2D`.
    pub fn conv<I, O, const KH: usize, const KW: usize, const C: usize, const F: usize, G, A>(
        self,
        name: &str,
        layer: &'a mut Conv2d<I, O, KH, KW, C, F, G, A>,
    ) -> Self {
        let weight = layer.weight.as_flattened_mut().as_flattened_mut().as_flattened_mut();
        self.weights(name, weight, &mut layer.bias, [F, C, KH, KW].into())
    }

    /// A convolution in which each of `channels` channels has its own filters: Keras's `DepthwiseConv2D`, whose kernel has the
    /// channels as an axis. In PyTorch's way it is a [`conv`](Map::conv). An error of [`Map::load`] and [`Map::save`] unless
    /// `channels` divides the filters.
    pub fn depthwise<I, O, const KH: usize, const KW: usize, const F: usize, G, A>(
        self,
        name: &str,
        layer: &'a mut Conv2d<I, O, KH, KW, 1, F, G, A>,
        channels: usize,
    ) -> Self {
        if channels == 0 || !F.is_multiple_of(channels) {
            return self
                .failed(Error::new(format!("`{name}`: {F} filters are not those of {channels} channels")));
        }
        if self.layout == Layout::PyTorch {
            return self.conv(name, layer);
        }
        let weight = layer.weight.as_flattened_mut().as_flattened_mut().as_flattened_mut();
        let shape = [KH, KW, channels, F / channels];
        self.tensor(&format!("{name}/kernel"), &shape, weight).vector(name, "bias", &mut layer.bias)
    }

    /// A transposed convolution: PyTorch's `ConvTranspose2d`, Keras's `Conv2DTranspose`.
    pub fn conv_transpose<I, O, const KH: usize, const KW: usize, const C: usize, const F: usize, G, A>(
        self,
        name: &str,
        layer: &'a mut ConvTranspose2d<I, O, KH, KW, C, F, G, A>,
    ) -> Self {
        let weight = layer.weight.as_flattened_mut().as_flattened_mut().as_flattened_mut();
        self.weights(name, weight, &mut layer.bias, [C, F, KH, KW].into())
    }

    /// Batch normalisation. Its epsilon is no weight: fusebox's is PyTorch's 1e-5, Keras's is often 1e-3.
    pub fn batch_norm<I, const C: usize, A>(self, name: &str, layer: &'a mut BatchNorm<I, C, A>) -> Self {
        let [mean, variance] = match self.layout {
            Layout::PyTorch => ["running_mean", "running_var"],
            Layout::Keras => ["moving_mean", "moving_variance"],
        };
        self.ignore(&format!("{name}.num_batches_tracked"))
            .norm(name, &mut layer.gain, &mut layer.shift)
            .vector(name, mean, &mut layer.mean)
            .vector(name, variance, &mut layer.variance)
    }

    /// Normalisation of rows. Its epsilon is no weight, but the type's.
    pub fn layer_norm<const N: usize, const EPSILON: i32>(
        self,
        name: &str,
        layer: &'a mut LayerNorm<N, EPSILON>,
    ) -> Self {
        self.norm(name, &mut layer.gain, &mut layer.shift)
    }

    /// Normalisation of groups of channels.
    pub fn group_norm<I, const C: usize, const GROUPS: usize, A>(
        self,
        name: &str,
        layer: &'a mut GroupNorm<I, C, GROUPS, A>,
    ) -> Self {
        self.norm(name, &mut layer.gain, &mut layer.shift)
    }

    /// Normalisation by the root of the mean square.
    pub fn rms_norm<const N: usize, const EPSILON: i32>(
        self,
        name: &str,
        layer: &'a mut RmsNorm<N, EPSILON>,
    ) -> Self {
        let gain = if self.layout == Layout::PyTorch { "weight" } else { "scale" };
        self.vector(name, gain, &mut layer.gain)
    }

    /// A row of numbers for each token.
    pub fn embedding<const V: usize, const D: usize, K>(
        self,
        name: &str,
        layer: &'a mut Embedding<V, D, K>,
    ) -> Self {
        let name = match self.layout {
            Layout::PyTorch => format!("{name}.weight"),
            Layout::Keras => format!("{name}/embeddings"),
        };
        self.tensor(&name, &[V, D], layer.weight.as_flattened_mut())
    }

    /// A gated recurrent unit: PyTorch's `GRU` of one layer and direction, Keras's `GRU` with `reset_after=True`, its default.
    pub fn gru<const T: usize, const IN: usize, const H: usize, S: Start>(
        self,
        name: &str,
        layer: &'a mut Gru<T, IN, H, S>,
    ) -> Self {
        let bias = layer.bias.as_flattened_mut();
        let recurrent_bias = layer.recurrent_bias.as_flattened_mut();
        let input = layer.input.as_flattened_mut().as_flattened_mut();
        let recurrent = layer.recurrent.as_flattened_mut().as_flattened_mut();
        match self.layout {
            Layout::PyTorch => self
                .recurrent(name, ["weight_ih_l0", "weight_hh_l0"], [input, recurrent], [IN, H], &[0, 1, 2])
                .vector(name, "bias_ih_l0", bias)
                .vector(name, "bias_hh_l0", recurrent_bias),
            Layout::Keras => {
                self.recurrent(name, ["kernel", "recurrent_kernel"], [input, recurrent], [IN, H], &GRU).slot(
                    vec![format!("{name}/bias")],
                    Places::gates(&[2, 3 * H], &GRU),
                    vec![bias, recurrent_bias],
                )
            }
        }
    }

    /// Long short-term memory: PyTorch's `LSTM` of one layer and direction, whose two biases are added; Keras's `LSTM`.
    pub fn lstm<const T: usize, const IN: usize, const H: usize, S: Start>(
        self,
        name: &str,
        layer: &'a mut Lstm<T, IN, H, S>,
    ) -> Self {
        const GATES: [usize; 4] = [0, 1, 2, 3];
        let bias = layer.bias.as_flattened_mut();
        let input = layer.input.as_flattened_mut().as_flattened_mut();
        let recurrent = layer.recurrent.as_flattened_mut().as_flattened_mut();
        match self.layout {
            Layout::PyTorch => self
                .recurrent(name, ["weight_ih_l0", "weight_hh_l0"], [input, recurrent], [IN, H], &GATES)
                .slot(
                    ["bias_ih_l0", "bias_hh_l0"].map(|bias| format!("{name}.{bias}")).into(),
                    Places::in_order(&[4 * H]),
                    vec![bias],
                ),
            Layout::Keras => self
                .recurrent(name, ["kernel", "recurrent_kernel"], [input, recurrent], [IN, H], &GATES)
                .vector(name, "bias", bias),
        }
    }

    /// The two matrices of a recurrent layer, by the numbers of their inputs.
    fn recurrent(
        mut self,
        name: &str,
        names: [&str; 2],
        weights: [&'a mut [f32]; 2],
        inputs: [usize; 2],
        gates: &[usize],
    ) -> Self {
        for ((weight, inputs), matrix) in weights.into_iter().zip(inputs).zip(names) {
            let outputs = weight.len() / inputs.max(1);
            let places = match self.layout {
                Layout::PyTorch => Places::pytorch(&[outputs, inputs]),
                Layout::Keras => Places::gates(&[inputs, outputs], gates),
            };
            let full = self.full(name, matrix);
            self = self.slot(vec![full], places, vec![weight]);
        }
        self
    }

    /// A weight, of PyTorch's shape `shape`, and a bias.
    fn weights(self, name: &str, weight: &'a mut [f32], bias: &'a mut [f32], shape: Vec<usize>) -> Self {
        let (full, places) = match self.layout {
            Layout::PyTorch => (format!("{name}.weight"), Places::pytorch(&shape)),
            Layout::Keras => {
                let kernel = shape.iter().skip(2).chain([&shape[1], &shape[0]]).copied().collect::<Vec<_>>();
                (format!("{name}/kernel"), Places::in_order(&kernel))
            }
        };
        self.slot(vec![full], places, vec![weight]).vector(name, "bias", bias)
    }

    fn norm(self, name: &str, gain: &'a mut [f32], shift: &'a mut [f32]) -> Self {
        let names = [self.gain(), if self.layout == Layout::PyTorch { "bias" } else { "beta" }];
        self.vector(name, names[0], gain).vector(name, names[1], shift)
    }

    fn gain(&self) -> &'static str {
        if self.layout == Layout::PyTorch { "weight" } else { "gamma" }
    }

    /// A tensor of one axis.
    fn vector(self, name: &str, kind: &str, numbers: &'a mut [f32]) -> Self {
        let full = self.full(name, kind);
        self.tensor(&full, &[numbers.len()], numbers)
    }

    fn full(&self, name: &str, kind: &str) -> String {
        format!("{name}{}{kind}", if self.layout == Layout::PyTorch { '.' } else { '/' })
    }
}

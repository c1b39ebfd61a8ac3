//! The ResNet-8 of MLPerf Tiny's image classification: CIFAR-10's pictures of 32 x 32 pixels, ten classes, 78,666 parameters and
//! 12.5 million multiply-accumulates.
//!
//! Source: C. Banbury and others, "MLPerf Tiny Benchmark", 2021; `resnet_v1_eembc` of its reference implementation in Keras.
//!
//! # Parameters
//!
//! The numbers of [`ResNet8`] lie in the order of this table, with the names of the Keras model. A weight has Keras' shape and order
//! (rows of taps, taps, channels, filters; inputs, outputs), so trained ones are copied one after another; Keras' epsilon is
//! 1e-3: add `1e-3 - BatchNorm::EPSILON` to each `moving_variance`.
//!
//! | layer | at | weights | bias, or gamma, beta, mean and variance |
//! |---|---|---|---|
//! | `conv2d` | 0 | 3 x 3 x 3 x 16 | 16 |
//! | `batch_normalization` | 448 | | 4 x 16 |
//! | `conv2d_1` | 512 | 3 x 3 x 16 x 16 | 16 |
//! | `batch_normalization_1` | 2832 | | 4 x 16 |
//! | `conv2d_2` | 2896 | 3 x 3 x 16 x 16 | 16 |
//! | `batch_normalization_2` | 5216 | | 4 x 16 |
//! | `conv2d_3` | 5280 | 3 x 3 x 16 x 32 | 32 |
//! | `batch_normalization_3` | 9920 | | 4 x 32 |
//! | `conv2d_4` | 10048 | 3 x 3 x 32 x 32 | 32 |
//! | `batch_normalization_4` | 19296 | | 4 x 32 |
//! | `conv2d_5`, the shortcut | 19424 | 1 x 1 x 16 x 32 | 32 |
//! | `conv2d_6` | 19968 | 3 x 3 x 32 x 64 | 64 |
//! | `batch_normalization_5` | 38464 | | 4 x 64 |
//! | `conv2d_7` | 38720 | 3 x 3 x 64 x 64 | 64 |
//! | `batch_normalization_6` | 75648 | | 4 x 64 |
//! | `conv2d_8`, the shortcut | 75904 | 1 x 1 x 32 x 64 | 64 |
//! | `dense` | 78016 | 64 x 10 | 10 |

use fusebox::layers::Conv2d;
use fusebox::{Activate, BatchNorm, Dense, GlobalAvgPool, Relu, network};

network! {
    /// As it is trained.
    pub(crate) type ResNet8 = [32, 32, 3] => [
        Conv2d(16, 3),
        BatchNorm(Relu),
        Residual[Conv2d(16, 3), BatchNorm(Relu), Conv2d(16, 3), BatchNorm],
        Activate(Relu),
        Sum[
            [Conv2d(32, 3, stride 2), BatchNorm(Relu), Conv2d(32, 3), BatchNorm],
            [Conv2d(32, 1, stride 2)],
        ],
        Activate(Relu),
        Sum[
            [Conv2d(64, 3, stride 2), BatchNorm(Relu), Conv2d(64, 3), BatchNorm],
            [Conv2d(64, 1, stride 2)],
        ],
        Activate(Relu),
        GlobalAvgPool,
        Dense(10),
    ];
}

network! {
    /// For inference: each batch normalisation is folded into the convolution before it.
    pub(crate) type Folded = [32, 32, 3] => [
        Conv2d(16, 3, Relu),
        Residual[Conv2d(16, 3, Relu), Conv2d(16, 3)],
        Activate(Relu),
        Sum[[Conv2d(32, 3, stride 2, Relu), Conv2d(32, 3)], [Conv2d(32, 1, stride 2)]],
        Activate(Relu),
        Sum[[Conv2d(64, 3, stride 2, Relu), Conv2d(64, 3)], [Conv2d(64, 1, stride 2)]],
        Activate(Relu),
        GlobalAvgPool,
        Dense(10),
    ];
}

pub(crate) type Picture = [[[f32; 3]; 32]; 32];

/// A layer's parameters: Keras' name, the weights' shape (1 where it has fewer sizes) and how many numbers follow them.
pub(crate) struct Parameters {
    pub(crate) name: &'static str,
    pub(crate) weight: Option<[usize; 4]>,
    pub(crate) rest: usize,
}

impl Parameters {
    const fn conv(name: &'static str, kernel: usize, channels: usize, filters: usize) -> Self {
        Self { name, weight: Some([kernel, kernel, channels, filters]), rest: filters }
    }

    const fn norm(name: &'static str, channels: usize) -> Self {
        Self { name, weight: None, rest: 4 * channels }
    }

    /// Numbers.
    pub(crate) const fn len(&self) -> usize {
        let weights = match self.weight {
            Some([a, b, c, d]) => a * b * c * d,
            None => 0,
        };
        weights + self.rest
    }
}

/// The table above.
pub(crate) const PARAMETERS: [Parameters; 17] = [
    Parameters::conv("conv2d", 3, 3, 16),
    Parameters::norm("batch_normalization", 16),
    Parameters::conv("conv2d_1", 3, 16, 16),
    Parameters::norm("batch_normalization_1", 16),
    Parameters::conv("conv2d_2", 3, 16, 16),
    Parameters::norm("batch_normalization_2", 16),
    Parameters::conv("conv2d_3", 3, 16, 32),
    Parameters::norm("batch_normalization_3", 32),
    Parameters::conv("conv2d_4", 3, 32, 32),
    Parameters::norm("batch_normalization_4", 32),
    Parameters::conv("conv2d_5", 1, 16, 32),
    Parameters::conv("conv2d_6", 3, 32, 64),
    Parameters::norm("batch_normalization_5", 64),
    Parameters::conv("conv2d_7", 3, 64, 64),
    Parameters::norm("batch_normalization_6", 64),
    Parameters::conv("conv2d_8", 1, 32, 64),
    Parameters { name: "dense", weight: Some([1, 1, 64, 10]), rest: 10 },
];

/// Overwrites `to` with `net`, each batch normalisation folded into the convolution before it.
pub(crate) fn fold(net: &ResNet8, to: &mut Folded) {
    to.first = net.rest.first.folded_into(&net.first);
    let (from, net) = (&net.rest.rest.first.layer, &net.rest.rest.rest.rest);
    let (branch, to) = (&mut to.rest.first.layer, &mut to.rest.rest.rest);
    branch.first = from.rest.first.folded_into(&from.first);
    branch.rest = from.rest.rest.rest.folded_into(&from.rest.rest.first);

    let (from, net) = (&net.first, &net.rest.rest);
    let (branches, to) = (&mut to.first, &mut to.rest.rest);
    branches.first.first = from.first.rest.first.folded_into(&from.first.first);
    branches.first.rest = from.first.rest.rest.rest.folded_into(&from.first.rest.rest.first);
    branches.second = from.second;

    let (from, net) = (&net.first, &net.rest.rest);
    let (branches, to) = (&mut to.first, &mut to.rest.rest);
    branches.first.first = from.first.rest.first.folded_into(&from.first.first);
    branches.first.rest = from.first.rest.rest.rest.folded_into(&from.first.rest.rest.first);
    branches.second = from.second;

    *to = *net;
}

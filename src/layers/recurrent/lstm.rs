//! Long short-term memory.

use super::weights::{from_keras, from_pytorch, sum};
use super::{Fresh, Recurrent, Start, sealed};
use crate::kernel::recurrent::{Backward, Forward, LstmBackward, LstmForward};
use crate::memory::layout;
use crate::{Error, Isa, Zeroed};

/// Long short-term memory: sequences of `T` positions of `IN` numbers become as many positions of `H` numbers, the
/// outputs `h_t`. Fields and methods are those of [`Recurrent`].
///
/// ```text
/// i = sigmoid(x W_i + b_i + h U_i)         input
/// f = sigmoid(x W_f + b_f + h U_f)         forget
/// g = tanh(x W_g + b_g + h U_g)            new
/// o = sigmoid(x W_o + b_o + h U_o)         output
/// c = f c + i g,  h = o tanh(c)
/// ```
///
/// The gates in this order are PyTorch's and Keras's; W is `input`, U `recurrent`, b `bias`. The initial state `S` is
/// [`Fresh`] or [`Carried`](super::Carried).
///
/// Training stores `7 H` numbers for each position on the tape, and `4 H` of gradients. [`Init`](crate::Init) sees each
/// of the two matrices as a whole. Biases start as zeros, those of the forget gate as ones (R. Jozefowicz and others,
/// "An Empirical Exploration of Recurrent Network Architectures", 2015).
///
/// Sources: S. Hochreiter and J. Schmidhuber, "Long Short-Term Memory", 1997; F. Gers and others, "Learning to Forget:
/// Continual Prediction with LSTM", 2000.
///
/// ```
/// use fusebox::{Dense, Last, Lstm, Rng, Seq, Sgd, Train, Workspace};
/// type Net = Seq![Lstm<10, 3, 16>, Last<10, 16>, Dense<16, 2>];
/// let mut net = Net::he(&mut Rng::new(1));
/// assert_eq!(net.first.bias, [[0.0; 16], [1.0; 16], [0.0; 16], [0.0; 16]]);
/// Workspace::<Net, 1>::new().train_step(&mut net, &[[[1.0, 2.0, 3.0]; 10]], &[1], &Sgd::new(0.1))?;
/// # Ok::<(), fusebox::Error>(())
/// ```
pub type Lstm<const T: usize, const IN: usize, const H: usize, S = Fresh> =
    Recurrent<LstmCell, T, IN, H, 4, S>;

/// The cell of an [`Lstm`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LstmCell;

impl<const H: usize> sealed::Cell<H, 4> for LstmCell {
    type Apart = ();
    type Inner = [f32; H];
    /// The last cell state, and the hyperbolic tangent of the next one.
    type Kept = [[f32; H]; 2];
    type Scratch = ();

    const NAME: u64 = layout("Lstm", &[]);
    const LAYER: &'static str = "Lstm";
    const FUNCTIONS: usize = 5;
    const BIAS: [f32; 4] = [0.0, 1.0, 0.0, 0.0];

    fn forward(isa: Isa, step: Forward<'_>, _: &mut [()]) {
        isa.call(LstmForward(step));
    }

    fn backward(isa: Isa, step: Backward<'_>) {
        isa.call(LstmBackward(step));
    }
}

impl<const T: usize, const IN: usize, const H: usize, S: Start> Recurrent<LstmCell, T, IN, H, 4, S> {
    /// A layer with the weights of PyTorch's `LSTM`, each of its arrays in order: `weight_ih` `[4 H][IN]`, `weight_hh`
    /// `[4 H][H]`, and the biases `[4 H]`, which are added. An error if a slice has another length.
    ///
    /// ```
    /// use fusebox::{Error, Lstm};
    /// let weights = [1.0, 2.0, 3.0, 4.0];
    /// let net = Lstm::<5, 1, 1>::from_pytorch(&weights, &weights, &weights, &[10.0; 4])?;
    /// assert_eq!((net.input, net.bias), ([[[1.0], [2.0], [3.0], [4.0]]], [[11.0], [12.0], [13.0], [14.0]]));
    /// assert!(Lstm::<5, 1, 1>::from_pytorch(&weights, &weights, &weights[..3], &[10.0; 4]).is_err());
    /// # Ok::<(), Error>(())
    /// ```
    pub fn from_pytorch(
        weight_ih: &[f32],
        weight_hh: &[f32],
        bias_ih: &[f32],
        bias_hh: &[f32],
    ) -> Result<Self, Error> {
        let [[one], [other]] = [from_pytorch(bias_ih)?, from_pytorch(bias_hh)?];
        let (input, recurrent) = (from_pytorch(weight_ih)?, from_pytorch(weight_hh)?);
        Ok(Self { input, recurrent, bias: sum(one, other), ..Self::ZEROED })
    }

    /// A layer with the weights of Keras's `LSTM`: `kernel` `[IN][4 H]`, `recurrent_kernel` `[H][4 H]` and `bias` `[4
    /// H]`. An error if a slice has another length.
    ///
    /// ```
    /// use fusebox::{Error, Lstm};
    /// let weights = [1.0, 2.0, 3.0, 4.0];
    /// let net = Lstm::<5, 1, 1>::from_keras(&weights, &weights, &[0.0; 4])?;
    /// assert_eq!(net.recurrent, [[[1.0], [2.0], [3.0], [4.0]]]);
    /// assert!(Lstm::<5, 1, 1>::from_keras(&weights, &weights, &[0.0; 8]).is_err());
    /// # Ok::<(), Error>(())
    /// ```
    pub fn from_keras(kernel: &[f32], recurrent_kernel: &[f32], bias: &[f32]) -> Result<Self, Error> {
        const ORDER: [usize; 4] = [0, 1, 2, 3];
        let [bias] = from_keras(bias, ORDER)?;
        let (input, recurrent) = (from_keras(kernel, ORDER)?, from_keras(recurrent_kernel, ORDER)?);
        Ok(Self { input, recurrent, bias, ..Self::ZEROED })
    }
}

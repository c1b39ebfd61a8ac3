//! The gated recurrent unit.

use super::weights::{check, from_keras, from_pytorch};
use super::{Fresh, Recurrent, Start, sealed};
use crate::kernel::recurrent::{Backward, Forward, GruBackward, GruForward};
use crate::memory::layout;
use crate::{Error, Isa, Zeroed};

/// A gated recurrent unit: sequences of `T` positions of `IN` numbers become as many positions of `H` numbers, the
/// outputs `h_t`. Fields and methods are those of [`Recurrent`].
///
/// ```text
/// r = sigmoid(x W_r + b_r + h U_r + c_r)         reset
/// z = sigmoid(x W_z + b_z + h U_z + c_z)         update
/// n = tanh(x W_n + b_n + r (h U_n + c_n))        new
/// h = (1 - z) n + z h
/// ```
///
/// The gates in this order are PyTorch's; W is `input`, U `recurrent`, b `bias`, c `recurrent_bias`. As in PyTorch (and
/// Keras with `reset_after=True`), the reset gate multiplies after the product, which is why the two biases are two.
/// The initial state `S` is [`Fresh`] or [`Carried`](super::Carried).
///
/// Training stores `5 H` numbers for each position on the tape, and `6 H` of gradients. [`Init`](crate::Init) sees each
/// of the two matrices as a whole; biases start as zeros.
///
/// Source: K. Cho and others, "Learning Phrase Representations using RNN Encoder-Decoder for Statistical Machine
/// Translation", 2014.
///
/// ```
/// use fusebox::{Dense, Gru, Last, Rng, Seq, Sgd, Streaming, Train, Workspace};
/// type Net = Seq![Gru<10, 3, 16>, Last<10, 16>, Dense<16, 2>];
/// let mut net = Net::he(&mut Rng::new(1));
/// Workspace::<Net, 1>::new().train_step(&mut net, &[[[1.0, 2.0, 3.0]; 10]], &[1], &Sgd::new(0.1))?;
///
/// let mut stream = Streaming::<Net>::new(); // one position at a time, as many as there are
/// assert!(stream.push(&net, &[1.0, 2.0, 3.0]).is_some());
/// # Ok::<(), fusebox::Error>(())
/// ```
pub type Gru<const T: usize, const IN: usize, const H: usize, S = Fresh> = Recurrent<GruCell, T, IN, H, 3, S>;

/// The cell of a [`Gru`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GruCell;

impl<const H: usize> sealed::Cell<H, 3> for GruCell {
    type Apart = [[f32; H]; 3];
    type Inner = ();
    /// h U_n + c_n.
    type Kept = [f32; H];
    type Scratch = ();

    const NAME: u64 = layout("Gru", &[]);
    const LAYER: &'static str = "Gru";
    const FUNCTIONS: usize = 3;

    fn forward(isa: Isa, step: Forward<'_>, _: &mut [()]) {
        isa.call(GruForward(step));
    }

    fn backward(isa: Isa, step: Backward<'_>) {
        isa.call(GruBackward(step));
    }
}

impl<const T: usize, const IN: usize, const H: usize, S: Start> Recurrent<GruCell, T, IN, H, 3, S> {
    /// A layer with the weights of PyTorch's `GRU`, each of its arrays in order: `weight_ih` `[3 H][IN]`, `weight_hh`
    /// `[3 H][H]`, and the biases `[3 H]`. An error if a slice has another length.
    ///
    /// ```
    /// use fusebox::{Error, Gru};
    /// let net = Gru::<5, 1, 1>::from_pytorch(&[1.0, 2.0, 3.0], &[4.0, 5.0, 6.0], &[0.0; 3], &[7.0; 3])?;
    /// assert_eq!((net.input, net.recurrent), ([[[1.0], [2.0], [3.0]]], [[[4.0], [5.0], [6.0]]]));
    /// let error = Gru::<5, 1, 1>::from_pytorch(&[1.0, 2.0, 3.0], &[4.0, 5.0], &[0.0; 3], &[7.0; 3]);
    /// assert_eq!(error, Err(Error::Length { expected: 3, got: 2 }));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn from_pytorch(
        weight_ih: &[f32],
        weight_hh: &[f32],
        bias_ih: &[f32],
        bias_hh: &[f32],
    ) -> Result<Self, Error> {
        let [[bias], [recurrent_bias]] = [from_pytorch(bias_ih)?, from_pytorch(bias_hh)?];
        let (input, recurrent) = (from_pytorch(weight_ih)?, from_pytorch(weight_hh)?);
        Ok(Self { input, recurrent, bias, recurrent_bias, ..Self::ZEROED })
    }

    /// A layer with the weights of Keras's `GRU` with `reset_after=True`, its default: `kernel` `[IN][3 H]`,
    /// `recurrent_kernel` `[H][3 H]`, and the `bias` `[2][3 H]`. Keras's gates z, r, h are put in the order r, z, n. An
    /// error if a slice has another length.
    ///
    /// ```
    /// use fusebox::{Error, Gru};
    /// let bias = [0.0, 0.0, 0.0, 7.0, 8.0, 9.0];
    /// let net = Gru::<5, 1, 1>::from_keras(&[1.0, 2.0, 3.0], &[4.0, 5.0, 6.0], &bias)?;
    /// assert_eq!((net.input, net.recurrent_bias), ([[[2.0], [1.0], [3.0]]], [[8.0], [7.0], [9.0]]));
    /// assert!(Gru::<5, 1, 1>::from_keras(&[1.0, 2.0, 3.0], &[4.0, 5.0, 6.0], &bias[..3]).is_err());
    /// # Ok::<(), Error>(())
    /// ```
    pub fn from_keras(kernel: &[f32], recurrent_kernel: &[f32], bias: &[f32]) -> Result<Self, Error> {
        const ORDER: [usize; 3] = [1, 0, 2];
        check(bias, 6 * H)?;
        let [bias, recurrent_bias] = from_keras(bias, ORDER)?;
        let (input, recurrent) = (from_keras(kernel, ORDER)?, from_keras(recurrent_kernel, ORDER)?);
        Ok(Self { input, recurrent, bias, recurrent_bias, ..Self::ZEROED })
    }
}

//! The simple recurrence.

use super::weights::{from_keras, from_pytorch, sum};
use super::{Fresh, Recurrent, Start, sealed};
use crate::kernel::recurrent::{Backward, Forward, SimpleBackward, SimpleForward};
use crate::layers::activation::{Form, FormOf};
use crate::layers::{Activate, Activation, Layer, Tanh, Train};
use crate::memory::{layout, values, values_mut};
use crate::pace::Whole;
use crate::{Error, Isa, Zeroed};
use core::marker::PhantomData;

/// A simple recurrent layer: sequences of `T` positions of `IN` numbers become as many positions of `H` numbers, the
/// outputs `h_t`, with an activation `A`. Fields and methods are those of [`Recurrent`].
///
/// ```text
/// h = A(x W + b + h U)
/// ```
///
/// W is `input`, U `recurrent`, b `bias`, each with one gate. The initial state `S` is [`Fresh`] or
/// [`Carried`](super::Carried). Training stores `3 H` numbers for each position on the tape, and `H` of gradients.
///
/// Source: J. Elman, "Finding Structure in Time", 1990.
///
/// ```
/// use fusebox::{Dense, Last, Relu, Rnn, Rng, Seq, Sgd, Train, Workspace};
/// type Net = Seq![Rnn<10, 3, 16>, Rnn<10, 16, 8, Relu>, Last<10, 8>, Dense<8, 2>];
/// let mut net = Net::he(&mut Rng::new(1));
/// Workspace::<Net, 1>::new().train_step(&mut net, &[[[1.0, 2.0, 3.0]; 10]], &[1], &Sgd::new(0.1))?;
/// # Ok::<(), fusebox::Error>(())
/// ```
pub type Rnn<const T: usize, const IN: usize, const H: usize, A = Tanh, S = Fresh> =
    Recurrent<RnnCell<A>, T, IN, H, 1, S>;

/// The cell of an [`Rnn`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RnnCell<A>(
    /// The activation.
    pub PhantomData<A>,
);

impl<A: Activation + core::fmt::Debug + PartialEq, const H: usize> sealed::Cell<H, 1> for RnnCell<A> {
    type Apart = ();
    type Inner = ();
    /// The derivative of the activation.
    type Kept = [f32; H];
    type Scratch = <FormOf<A> as Form>::Kept<H>;

    const NAME: u64 = layout("Rnn", &[A::NAME]);
    const LAYER: &'static str = "Rnn";
    const FUNCTIONS: usize = 1;

    fn forward(isa: Isa, step: Forward<'_>, scratch: &mut [Self::Scratch]) {
        let Forward { at, gates, products, state, kept, .. } = step;
        isa.call(SimpleForward { at, gates, products });
        let rows = scratch.len();
        let (sums, state) = (values(products, rows), values_mut(state, rows));
        if kept.is_empty() {
            return Activate::<H, A>::ZEROED.run(isa, sums, &mut [], state);
        }
        Activate::<H, A>::ZEROED.forward(&mut Whole::on(isa), sums, None, scratch, state);
        products.fill(1.0);
        Activate::<H, A>::derivative(scratch, state).apply(isa, products);
        at.write(products, kept);
    }

    fn backward(isa: Isa, step: Backward<'_>) {
        isa.call(SimpleBackward(step));
    }
}

impl<A: Activation + core::fmt::Debug + PartialEq, const T: usize, const IN: usize, const H: usize, S: Start>
    Recurrent<RnnCell<A>, T, IN, H, 1, S>
{
    /// A layer with the weights of PyTorch's `RNN`, each of its arrays in order: `weight_ih` `[H][IN]`, `weight_hh`
    /// `[H][H]`, and the biases `[H]`, which are added. An error if a slice has another length.
    ///
    /// ```
    /// use fusebox::{Error, Rnn};
    /// let net = Rnn::<5, 2, 1>::from_pytorch(&[1.0, 2.0], &[3.0], &[4.0], &[5.0])?;
    /// assert_eq!((net.input, net.recurrent, net.bias), ([[[1.0]], [[2.0]]], [[[3.0]]], [[9.0]]));
    /// assert!(Rnn::<5, 2, 1>::from_pytorch(&[1.0], &[3.0], &[4.0], &[5.0]).is_err());
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

    /// A layer with the weights of Keras's `SimpleRNN`: `kernel` `[IN][H]`, `recurrent_kernel` `[H][H]` and `bias`
    /// `[H]`. An error if a slice has another length.
    ///
    /// ```
    /// use fusebox::{Error, Rnn};
    /// let net = Rnn::<5, 2, 1>::from_keras(&[1.0, 2.0], &[3.0], &[4.0])?;
    /// assert_eq!((net.input, net.recurrent, net.bias), ([[[1.0]], [[2.0]]], [[[3.0]]], [[4.0]]));
    /// assert!(Rnn::<5, 2, 1>::from_keras(&[1.0, 2.0], &[3.0], &[4.0; 2]).is_err());
    /// # Ok::<(), Error>(())
    /// ```
    pub fn from_keras(kernel: &[f32], recurrent_kernel: &[f32], bias: &[f32]) -> Result<Self, Error> {
        let [bias] = from_keras(bias, [0])?;
        let (input, recurrent) = (from_keras(kernel, [0])?, from_keras(recurrent_kernel, [0])?);
        Ok(Self { input, recurrent, bias, ..Self::ZEROED })
    }
}

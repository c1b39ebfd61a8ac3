//! A network trained in `f32` becomes one of eight bits, on the device or before.
//!
//! ```text
//! weights      symmetric, a scale for each output: scale = max |w| / 127, zero 0
//! biases       32 bits, of the scale of the input times that of the weights
//! activations  a range for each layer's output, observed on real inputs: scale and zero of `Quantization::covering`
//! ```
//!
//! `Calibration` runs the trained network layer by layer and shows every output to an observer; `Ranges` is what it found, and makes
//! the network of eight bits, whose type follows from the trained one's (`ToInt8`); `Fidelity` tells what it lost.
//!
//! | file | contents |
//! |---|---|
//! | `observe` | ranges of activations, the scale of a range |
//! | `layer` | the trait of layers that have a counterpart of eight bits |
//! | `affine`, `function` | products with a bias, their weights; activations |
//! | `simple`, `composed` | layers without weights; layers made of others |
//! | `describe` | the network operation by operation, for files |
//! | `report` | noise by layer |
//! | `aware` | training that knows of the rounding |
//!
//! The folder is beside the layers that it makes, below `layers`: it looks into the trained layers (the forms of their activations,
//! their sums before them), and nothing but a program uses it.
//!
//! Source: B. Jacob and others, "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference", 2018.

mod affine;
mod aware;
mod composed;
mod describe;
mod function;
mod layer;
mod observe;
mod report;
mod simple;

pub use affine::Weights;
pub use aware::Aware;
pub use describe::{Clamping, Described, Operation, Windows};
pub use layer::{Real, Rows, RowsMut, ToInt8};
pub use observe::{MinMax, MovingAverage, Observer, Percentile};
pub use report::{Fidelity, Line, Noise};

use super::quantization::Quantization;
use super::quantize::{Dequantize, Quantize};
use crate::layers::{Chain, Layer};
use crate::memory::{count_of, numbers, numbers_mut, take_mut, values, values_mut, whole_numbers_mut};
use crate::{Aligned, Beside, Error, Isa, Plain, Zeroed};
use core::fmt;
use layer::Bytes;

/// The network of eight bits that is made of `N`, between [`Quantize`] and [`Dequantize`]: it takes the place of `N`. Its middle,
/// `rest.first`, has whole numbers as input and output.
pub type Quantized<N> = Chain<
    Quantize<Bytes<<N as Layer>::Input>>,
    Chain<<N as ToInt8>::Int8, Dequantize<Bytes<<N as Layer>::Output>>>,
>;

/// Observes a trained network on real inputs, to learn the range of its input and of every output inside it. `O` chooses the ranges:
/// [`MinMax`], [`MovingAverage`] or [`Percentile`]. Has memory for `B` rows at a time.
///
/// Some hundred rows are enough. They should be as those that the network will see: what lies outside the ranges saturates.
///
/// ```
/// use fusebox::int8::{Calibration, Quantized};
/// use fusebox::{Dense, Relu, Rng, Scratch, Seq, Sgd, Workspace, argmax};
/// type Net = Seq![Dense<2, 8, Relu>, Dense<8, 2>];
/// let (xs, labels) = ([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [0, 1, 1, 0]);
/// let mut net = Net::he(&mut Rng::new(1));
/// let mut workspace = Workspace::<Net, 4>::new();
/// for _ in 0..500 {
///     workspace.train_step(&mut net, &xs, &labels, &Sgd::new(0.5))?;
/// }
///
/// let mut calibration = Calibration::<Net, 4>::new();
/// calibration.observe(&net, &xs)?;
/// let int8: Quantized<Net> = calibration.ranges()?.quantize(&net)?;
///
/// let mut ys = [[0.0; 2]; 4];
/// int8.infer(&xs, &mut Scratch::<_, 4>::new(), &mut ys)?;
/// assert_eq!(ys.map(|y| argmax(&y) as u8), labels);
/// # Ok::<(), fusebox::Error>(())
/// ```
pub struct Calibration<N: ToInt8, const B: usize, O: Observer = MinMax> {
    input: O,
    outputs: N::PerOutput<O>,
    rows: u32,
    memory: Aligned<[Beside<N::Output, N::Memory>; B]>,
}

impl<N: ToInt8, const B: usize, O: Observer> Calibration<N, B, O> {
    /// Bytes of memory.
    pub const BYTES: usize = size_of::<Self>();

    /// Before the first row, for a `static` or the stack.
    pub const fn new() -> Self {
        let (input, outputs, memory) = (O::ZEROED, Zeroed::ZEROED, Zeroed::ZEROED);
        Self { input, outputs, rows: 0, memory }
    }

    /// Runs `net` on `xs`, any number of rows, and observes it. May be called again with more rows.
    ///
    /// Errors, with nothing observed, if there are no rows, or an input is NaN or infinite. (What is NaN or infinite inside the
    /// network is an error of [`Calibration::ranges`].)
    ///
    /// ```
    /// use fusebox::int8::Calibration;
    /// use fusebox::{Dense, Error, Zeroed};
    /// let mut calibration = Calibration::<Dense<2, 1>, 1>::new();
    /// assert_eq!(calibration.observe(&Dense::ZEROED, &[]), Err(Error::Empty));
    /// assert!(matches!(
    ///     calibration.observe(&Dense::ZEROED, &[[0.0, 0.0], [0.0, f32::NAN]]),
    ///     Err(Error::NotFinite { row: 1, feature: 1, .. })
    /// ));
    /// assert_eq!(calibration.ranges().err(), Some(Error::Empty));
    /// ```
    pub fn observe(&mut self, net: &N, xs: &[N::Input]) -> Result<(), Error> {
        self.observe_with(Isa::detect(), net, xs)
    }

    /// [`Calibration::observe`] on the given instruction set.
    ///
    /// ```
    /// # use fusebox::int8::Calibration;
    /// # use fusebox::{Dense, Isa, Zeroed};
    /// Calibration::<Dense<2, 1>, 1>::new().observe_with(Isa::portable(), &Dense::ZEROED, &[[1.0, 2.0]])?;
    /// # Ok::<(), fusebox::Error>(())
    /// ```
    pub fn observe_with(&mut self, isa: Isa, net: &N, xs: &[N::Input]) -> Result<(), Error> {
        const {
            let () = N::CHECK;
            assert!(B > 0, "a Calibration has memory for at least one row");
        }
        check_rows::<N>(xs)?;
        let observers = elements_mut::<N, O>(&mut self.outputs);
        for xs in xs.chunks(B) {
            self.input.observe(numbers(xs));
            let mut memory = whole_numbers_mut(&mut self.memory, xs.len());
            let ys = take_mut(&mut memory, xs.len());
            let mut see = |output: usize, ys: &[f32]| {
                if let Some(observer) = observers.get_mut(output) {
                    observer.observe(ys);
                }
            };
            net.observe(isa, xs, memory, &mut see, ys);
        }
        self.rows = self.rows.saturating_add(xs.len().min(u32::MAX as usize) as u32);
        Ok(())
    }

    /// The ranges observed so far.
    ///
    /// Errors with [`Error::Empty`] if there were no rows, and with [`Error::Range`] if an output was NaN or infinite, or always 0.
    ///
    /// ```
    /// use fusebox::int8::Calibration;
    /// use fusebox::{Dense, Error, Zeroed};
    /// use std::num::FpCategory;
    /// let mut calibration = Calibration::<Dense<2, 1>, 1>::new();
    /// calibration.observe(&Dense::ZEROED, &[[1.0, 2.0]])?;
    /// assert_eq!(calibration.ranges().err(), Some(Error::Range { output: 1, got: FpCategory::Zero }));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn ranges(&self) -> Result<Ranges<N>, Error> {
        if self.rows == 0 {
            return Err(Error::Empty);
        }
        let mut ranges = Ranges::<N> { input: self.input.range(), outputs: Zeroed::ZEROED };
        ranges.input_scale()?;
        let observers = elements::<N, O>(&self.outputs).iter();
        for (i, (range, observer)) in
            elements_mut::<N, [f32; 2]>(&mut ranges.outputs).iter_mut().zip(observers).enumerate()
        {
            *range = observer.range();
            Quantization::covering(range[0], range[1]).map_err(|error| match error {
                Error::Range { got, .. } => Error::Range { output: i + 1, got },
                other => other,
            })?;
        }
        Ok(ranges)
    }
}

impl<N: ToInt8, const B: usize, O: Observer> Default for Calibration<N, B, O> {
    fn default() -> Self {
        Self::new()
    }
}

impl<N: ToInt8, const B: usize, O: Observer> fmt::Debug for Calibration<N, B, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Calibration").field("rows", &self.rows).finish_non_exhaustive()
    }
}

/// The ranges of a network's input and outputs: what a [`Calibration`] found.
pub struct Ranges<N: ToInt8> {
    input: [f32; 2],
    outputs: N::PerOutput<[f32; 2]>,
}

impl<N: ToInt8> Copy for Ranges<N> {}

impl<N: ToInt8> Clone for Ranges<N> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<N: ToInt8> Ranges<N> {
    /// The network of eight bits.
    ///
    /// Errors if a weight or a bias is NaN or infinite ([`Error::NotFinite`]: its input, or 0, and its output), or so large or small
    /// beside the ranges that a multiplier would not fit ([`Error::Setting`]).
    ///
    /// ```
    /// use fusebox::int8::Calibration;
    /// use fusebox::{Dense, Error, Rng, Train};
    /// let mut net = Dense::<2, 1>::he(&mut Rng::new(1));
    /// let mut calibration = Calibration::<Dense<2, 1>, 1>::new();
    /// calibration.observe(&net, &[[1.0, 2.0]])?;
    /// net.weight[1] = [f32::INFINITY];
    /// let refused = calibration.ranges()?.quantize(&net);
    /// assert!(matches!(refused, Err(Error::NotFinite { row: 1, feature: 0, .. })));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn quantize(&self, net: &N) -> Result<Quantized<N>, Error> {
        let mut int8 = Zeroed::ZEROED;
        self.quantize_into(net, &mut int8)?;
        Ok(int8)
    }

    /// [`Ranges::quantize`] into memory that there is: on microcontrollers a `static`, since a large value returned passes through
    /// the stack. With an error, nothing is written.
    ///
    /// ```
    /// use fusebox::int8::{Calibration, Quantized};
    /// use fusebox::{Dense, Relu, Rng, Seq, Zeroed};
    /// type Net = Seq![Dense<2, 8, Relu>, Dense<8, 2>];
    /// let net = Net::he(&mut Rng::new(1));
    /// let mut calibration = Calibration::<Net, 1>::new();
    /// calibration.observe(&net, &[[1.0, 2.0], [-1.0, 0.5]])?;
    /// let mut memory: Quantized<Net> = Zeroed::ZEROED; // in firmware, in a `ConstStaticCell`
    /// calibration.ranges()?.quantize_into(&net, &mut memory)?;
    /// # Ok::<(), fusebox::Error>(())
    /// ```
    pub fn quantize_into(&self, net: &N, to: &mut Quantized<N>) -> Result<(), Error> {
        let x = self.input_scale()?;
        let ranges = elements::<N, [f32; 2]>(&self.outputs);
        let y = net.convert(x, ranges, None)?;
        to.first = Quantize::new(x)?;
        to.rest.rest = Dequantize::new(y);
        net.convert(x, ranges, Some(&mut to.rest.first)).map(|_| ())
    }

    /// Shows what [`Ranges::quantize`] makes to `see`, operation by operation in the order in which they run: for programs that write
    /// it to a file. (The package `fusebox-import` writes files of TensorFlow Lite.)
    ///
    /// Errors as [`Ranges::quantize`], with nothing shown.
    ///
    /// ```
    /// use fusebox::int8::{Calibration, Clamp, Clamping, Dense, Operation, WeightScale};
    /// use fusebox::{Relu, Rng, Train};
    /// type Net = fusebox::Dense<3, 2, Relu>;
    /// let net = Net::he(&mut Rng::new(1));
    /// let mut calibration = Calibration::<Net, 1>::new();
    /// calibration.observe(&net, &[[1.0, -2.0, 0.5], [-1.0, 0.5, 3.0]])?;
    /// let ranges = calibration.ranges()?;
    /// let int8 = ranges.quantize(&net)?;
    /// ranges.describe(&net, &mut |described| {
    ///     assert_eq!((described.name, described.rows), ("Dense", 1));
    ///     let Operation::Dense(weights) = described.operation else { panic!("another layer") };
    ///     assert_eq!((weights.outputs(), weights.depth(), weights.clamping), (2, 3, Clamping::Relu));
    ///     let (mut rows, mut scales, mut biases) = ([[0; 3]; 2], [0.0; 2], [0; 2]);
    ///     for output in 0..2 {
    ///         (scales[output], biases[output]) = weights.row(output, &mut rows[output]).expect("finite weights");
    ///     }
    ///     assert!(weights.row(2, &mut rows[0]).is_err()); // there are two
    ///     // The same layer.
    ///     let (x, y, scales) = (described.x, described.y, WeightScale::Outputs(scales));
    ///     assert_eq!(Dense::new(&rows, &biases, x, scales, y, Clamp::relu(y)), Ok(int8.rest.first));
    /// })?;
    /// # Ok::<(), fusebox::Error>(())
    /// ```
    pub fn describe(&self, net: &N, see: &mut dyn FnMut(Described<'_>)) -> Result<(), Error> {
        let (x, ranges) = (self.input_scale()?, elements::<N, [f32; 2]>(&self.outputs));
        net.convert(x, ranges, None)?;
        net.describe(x, ranges, see).map(|_| ())
    }

    /// Scale and zero of the input.
    fn input_scale(&self) -> Result<Quantization, Error> {
        Quantization::covering(self.input[0], self.input[1])
    }

    /// The name and the range of the input, and of every output in order.
    ///
    /// ```
    /// use fusebox::int8::Calibration;
    /// use fusebox::{Dense, Sigmoid, Zeroed};
    /// let mut net = Dense::<1, 1, Sigmoid>::ZEROED;
    /// net.weight = [[2.0]];
    /// let mut calibration = Calibration::<_, 1>::new();
    /// calibration.observe(&net, &[[1.0], [-4.0]])?;
    /// let ranges = calibration.ranges()?;
    /// let ranges: Vec<_> = ranges.iter().collect();
    /// assert_eq!(ranges[..2], [("Input", [-4.0, 1.0]), ("Dense", [-8.0, 2.0])]);
    /// assert_eq!(ranges[2].0, "Sigmoid");
    /// # Ok::<(), fusebox::Error>(())
    /// ```
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, [f32; 2])> {
        let outputs = elements::<N, [f32; 2]>(&self.outputs).iter().enumerate();
        core::iter::once(("Input", self.input)).chain(outputs.map(|(i, range)| (N::name(i), *range)))
    }
}

impl<N: ToInt8> fmt::Debug for Ranges<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// The element of each output.
fn elements<N: ToInt8, T: Plain>(outputs: &N::PerOutput<T>) -> &[T] {
    let numbers = numbers(core::slice::from_ref(outputs));
    values(numbers, numbers.len().checked_div(count_of::<T>()).unwrap_or(0))
}

/// [`elements`], mutable.
fn elements_mut<N: ToInt8, T: Plain>(outputs: &mut N::PerOutput<T>) -> &mut [T] {
    let numbers = numbers_mut(core::slice::from_mut(outputs));
    let count = numbers.len().checked_div(count_of::<T>()).unwrap_or(0);
    values_mut(numbers, count)
}

/// Errors if there are no rows, one has a number that is not finite, or the network does not admit them.
fn check_rows<N: ToInt8>(xs: &[N::Input]) -> Result<(), Error> {
    if xs.is_empty() {
        return Err(Error::Empty);
    }
    let width = count_of::<N::Input>().max(1);
    match numbers(xs).iter().enumerate().find(|(_, x)| !x.is_finite()) {
        Some((at, x)) => Err(Error::NotFinite { row: at / width, feature: at % width, got: x.classify() }),
        None => N::admits(xs),
    }
}

//! The long short-term memory of eight bits.

use super::quantization::Quantization;
use crate::kernel::int8::lstm::{Cell, Step};
use crate::kernel::int8::{Clamp, Multiplier, Product, fold, tile};
use crate::layers::{Due, Layer, Stream};
use crate::memory::take_mut;
use crate::{Error, Isa, Pair, Zeroed};
use core::fmt;

/// A long short-term memory: sequences of `T` positions of `IN` numbers become as many positions of `H` numbers, the outputs
/// `h_t`.
///
/// ```text
/// i = sigmoid(x W_i + b_i + h U_i)       input
/// f = sigmoid(x W_f + b_f + h U_f)       forget
/// g = tanh(x W_g + b_g + h U_g)          new
/// o = sigmoid(x W_o + b_o + h U_o)       output
/// c = f c + i g
/// h = o tanh(c)
/// ```
///
/// The gates are in this order everywhere. Weights and outputs have eight bits, gates and the cell state c sixteen. Results are those
/// of TensorFlow Lite for Microcontrollers, to the bit (`UNIDIRECTIONAL_SEQUENCE_LSTM`, with one scale for the weights of a gate).
///
/// Each sequence starts with an output and a cell state of 0. In a [`Streaming`](crate::Streaming), a frame is a position.
///
/// ```
/// use fusebox::int8::{Lstm, LstmScales, Quantization};
/// use fusebox::{Layer, Scratch, Streaming};
/// let scales = LstmScales {
///     x: Quantization { scale: 1.0 / 16.0, zero: 0 },
///     input: [1.0 / 64.0; 4],
///     recurrent: [1.0 / 64.0; 4],
///     cell: 1.0 / 2048.0,
///     clip: 0.0,
///     y: Quantization { scale: 1.0 / 128.0, zero: -5 },
/// };
/// // Gates that are almost 1, and g = tanh(x): the cell state is their sum.
/// let (open, input) = ([[5 << 10]; 4], [[[0]], [[0]], [[64]], [[0]]]);
/// let bias = [open[0], open[1], [0], open[3]];
/// let net = Lstm::<3, 1, 1>::new(&input, &[[[0]]; 4], &bias, &scales)?;
/// let sequence = [[16], [0], [-32]]; // 1, 0, -2
/// let mut ys = [[[0]; 3]];
/// net.infer(&[sequence], &mut Scratch::<_, 1>::new(), &mut ys)?;
/// assert_eq!(ys, [[[76], [76], [-31]]]); // 0.635, 0.632 and -0.207, as real numbers have it
///
/// let mut stream = Streaming::<Lstm<3, 1, 1>>::new();
/// assert_eq!(sequence.map(|x| *stream.push(&net, &x).unwrap()), ys[0]);
/// # Ok::<(), fusebox::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub struct Lstm<const T: usize, const IN: usize, const H: usize> {
    /// Of each gate, minus the input's zero times the sums of W.
    pub bias: [[i32; H]; 4],
    /// Minus the output's zero times the sums of U.
    pub recurrent_bias: [[i32; H]; 4],
    /// What the sums of each gate's inputs are multiplied by, to steps of 2^-12.
    pub input_scale: [Multiplier; 4],
    /// Likewise those of its last outputs.
    pub recurrent_scale: [Multiplier; 4],
    /// From steps of 2^-30 to those of the output.
    pub output_scale: Multiplier,
    /// Bits after the point of the cell state, at most 24.
    pub bits: u32,
    /// W: the `4 H` outputs of all gates as those of one [`Dense`](super::Dense), in the order of its weights. After words,
    /// and `4 H IN` bytes long: so both W and U are aligned to four bytes.
    pub input: [[[i8; IN]; H]; 4],
    /// U, likewise.
    pub recurrent: [[[i8; H]; H]; 4],
    /// The largest magnitude of the cell state; none if it is 0.
    pub clip: i16,
    /// The output that stands for 0.
    pub zero: i8,
}

/// Not derived: with so many fields that would assert their number, and leave a panic in firmware.
impl<const T: usize, const IN: usize, const H: usize> fmt::Debug for Lstm<T, IN, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = f.debug_struct("Lstm");
        fields.field("bits", &self.bits).field("clip", &self.clip).field("zero", &self.zero);
        fields.finish_non_exhaustive()
    }
}

/// What the numbers of an [`Lstm`] stand for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LstmScales {
    /// Of the input.
    pub x: Quantization,
    /// Of the weights of the input, for each gate.
    pub input: [f32; 4],
    /// Of the weights of the last output.
    pub recurrent: [f32; 4],
    /// Of the cell state: a power of two, from 2^-24 to 1.
    pub cell: f32,
    /// The largest magnitude of the cell state; none if it is 0.
    pub clip: f32,
    /// Of the output.
    pub y: Quantization,
}

/// The state after a position: c, and h minus its zero, so that zeros are a fresh one. Beside it, memory for h.
type State<const H: usize> = Pair<[i16; H], [[i8; H]; 2]>;

/// The sums of a position, of its input and of the last output; the state.
type Memory<const H: usize> = Pair<[[[i32; H]; 4]; 2], State<H>>;

impl<const T: usize, const IN: usize, const H: usize> Lstm<T, IN, H> {
    const SIZES: () = {
        assert!(T > 0 && IN > 0 && H > 0, "an Lstm has positions, inputs and outputs");
        assert!(
            IN <= 1 << 16 && H <= 1 << 16,
            "more than 2^16 products of eight bits may not fit a sum of 32"
        );
    };

    /// A layer of weights by output, as TensorFlow Lite has them: `input[gate][output][input]`, `recurrent[gate][output][last
    /// output]`. The scale of a gate's bias is that of `x` times that of the gate's `input`.
    ///
    /// Errors if a scale is not positive, or too large; if that of the cell state is no power of two from 2^-24 to 1; or if the clip is
    /// negative or NaN.
    pub const fn new(
        input: &[[[i8; IN]; H]; 4],
        recurrent: &[[[i8; H]; H]; 4],
        bias: &[[i32; H]; 4],
        scales: &LstmScales,
    ) -> Result<Self, Error> {
        let steps = match Steps::new(scales) {
            Ok(steps) => steps,
            Err(error) => return Err(error),
        };
        let mut layer = Self { bias: *bias, ..Self::of(&steps) };
        let (w, u) = (input.as_flattened().as_flattened(), recurrent.as_flattened().as_flattened());
        fold(w, scales.x.zero, layer.bias.as_flattened_mut());
        fold(u, scales.y.zero, layer.recurrent_bias.as_flattened_mut());
        tile(w, layer.input.as_flattened_mut().as_flattened_mut(), 4 * H);
        tile(u, layer.recurrent.as_flattened_mut().as_flattened_mut(), 4 * H);
        Ok(layer)
    }

    /// Without weights.
    const fn of(steps: &Steps) -> Self {
        Self {
            bias: [[0; H]; 4],
            recurrent_bias: [[0; H]; 4],
            input_scale: steps.input,
            recurrent_scale: steps.recurrent,
            output_scale: steps.output,
            bits: steps.bits,
            clip: steps.clip,
            zero: steps.zero,
            input: [[[0; IN]; H]; 4],
            recurrent: [[[0; H]; H]; 4],
        }
    }

    /// One position.
    fn advance(&self, isa: Isa, memory: &mut Memory<H>, x: &[i8; IN], y: &mut [i8; H]) {
        let Pair([inputs, lasts], Pair(state, [kept, last])) = memory;
        for (last, kept) in last.iter_mut().zip(&*kept) {
            *last = kept.wrapping_add(self.zero);
        }
        let products = [
            (IN, self.input.as_flattened().as_flattened(), &self.bias, &x[..], &mut *inputs),
            (H, self.recurrent.as_flattened().as_flattened(), &self.recurrent_bias, &last[..], &mut *lasts),
        ];
        for (depth, weight, bias, x, sums) in products {
            let product =
                Product { depth, weight, bias: bias.as_flattened(), scale: &[], clamp: Clamp::ZEROED };
            product.sums(x, sums.as_flattened_mut());
        }
        let cell = Cell {
            input: &self.input_scale,
            recurrent: &self.recurrent_scale,
            output: self.output_scale,
            zero: self.zero,
            bits: self.bits.min(24),
            clip: self.clip,
        };
        let (inputs, lasts) = (inputs.as_flattened_mut(), lasts.as_flattened());
        Step { cell, inputs, lasts, state, kept, ys: y }.run(isa);
    }
}

/// Scales as a layer has them.
struct Steps {
    input: [Multiplier; 4],
    recurrent: [Multiplier; 4],
    output: Multiplier,
    bits: u32,
    clip: i16,
    zero: i8,
}

impl Steps {
    const ZEROED: Self = Self {
        input: [Multiplier::ZEROED; 4],
        recurrent: [Multiplier::ZEROED; 4],
        output: Multiplier::ZEROED,
        bits: 0,
        clip: 0,
        zero: 0,
    };

    const fn new(scales: &LstmScales) -> Result<Self, Error> {
        let (x, y) = match (scales.x.checked(), scales.y.checked()) {
            (Ok(x), Ok(y)) => (x.scale, y),
            (Err(error), _) | (_, Err(error)) => return Err(error),
        };
        let bits = match cell_bits(scales.cell) {
            Some(bits) => bits,
            None => {
                return Err(Error::Setting { name: "cell", expected: "a power of two, 2^-24 <= cell <= 1" });
            }
        };
        if scales.clip < 0.0 || scales.clip.is_nan() {
            return Err(Error::Setting { name: "clip", expected: "0 <= clip" });
        }
        // Conversions saturate.
        let mut steps = Self { bits, clip: (scales.clip as f64 / scales.cell as f64) as i16, ..Self::ZEROED };
        steps.zero = y.zero;
        let mut gate = 0;
        while gate < 4 {
            let to = 4096.0;
            let of = (
                Multiplier::new(x as f64 * scales.input[gate] as f64 * to),
                Multiplier::new(y.scale as f64 * scales.recurrent[gate] as f64 * to),
            );
            match of {
                (Ok(input), Ok(recurrent)) => {
                    steps.input[gate] = input;
                    steps.recurrent[gate] = recurrent;
                }
                (Err(error), _) | (_, Err(error)) => return Err(error),
            }
            gate += 1;
        }
        steps.output = match Multiplier::new(1.0 / (1 << 30) as f64 / y.scale as f64) {
            Ok(output) => output,
            Err(error) => return Err(error),
        };
        Ok(steps)
    }
}

/// n, of a scale of 2^-n.
const fn cell_bits(scale: f32) -> Option<u32> {
    let mut bits = 0;
    while bits <= 24 {
        if scale == 1.0 / (1_u32 << bits) as f32 {
            return Some(bits);
        }
        bits += 1;
    }
    None
}

impl<const T: usize, const IN: usize, const H: usize> Zeroed for Lstm<T, IN, H> {
    const ZEROED: Self = Self::of(&Steps::ZEROED);
}

impl<const T: usize, const IN: usize, const H: usize> Layer for Lstm<T, IN, H> {
    type Input = [[i8; IN]; T];
    type Output = [[i8; H]; T];
    type Scratch = Memory<H>;
    type InPlace = crate::Beside<Self::Input, Self::Scratch>;

    const CHECK: () = Self::SIZES;
    const MACS: u64 = T as u64 * ((IN + H) * 4 * H) as u64;

    fn run(&self, isa: Isa, xs: &[[[i8; IN]; T]], mut scratch: &mut [f32], ys: &mut [[[i8; H]; T]]) {
        const { Self::SIZES }
        let [memory] = take_mut::<Memory<H>>(&mut scratch, 1) else { return };
        for (xs, ys) in xs.iter().zip(ys) {
            memory.1 = Zeroed::ZEROED;
            for (x, y) in xs.iter().zip(ys) {
                self.advance(isa, memory, x, y);
            }
        }
    }
}

impl<const T: usize, const IN: usize, const H: usize> Stream for Lstm<T, IN, H> {
    type Frame = [i8; IN];
    type Out = [i8; H];
    type Past = Memory<H>;

    const DUE: Due = Due::EACH;

    fn step(&self, isa: Isa, past: &mut Self::Past, frame: &[i8; IN], out: &mut [i8; H]) -> bool {
        self.advance(isa, past, frame, out);
        true
    }
}

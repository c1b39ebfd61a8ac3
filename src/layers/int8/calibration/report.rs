//! What eight bits cost: how far each output is from the trained network's on the same rows.

use super::layer::{Bytes, Rows, RowsMut, ToInt8};
use super::{Quantized, Ranges, check_rows, elements, elements_mut};
use crate::layers::int8::quantization::Quantization;
use crate::layers::int8::tensor::bytes as int8s;
use crate::memory::{Beside, numbers, take_mut, whole_numbers_mut};
use crate::{Aligned, Error, Isa, Layer, Zeroed, argmax, plain};
use core::fmt;

/// Sums of the squares of an output's numbers, and of what the whole numbers differ by. In `f64`, as two halves: rows of numbers are
/// aligned to four bytes.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Noise {
    signal: [u32; 2],
    noise: [u32; 2],
}

plain!(Noise { signal: [u32; 2], noise: [u32; 2] });

impl Noise {
    /// Adds the numbers of some rows.
    pub(super) fn observe(&mut self, reals: &[f32], bytes: &[i8], scale: Quantization) {
        let (mut signal, mut noise) = (value(self.signal), value(self.noise));
        for (&real, &byte) in reals.iter().zip(bytes) {
            let (real, other) = (f64::from(real), f64::from(scale.real(byte)));
            signal += real * real;
            noise += (other - real) * (other - real);
        }
        (self.signal, self.noise) = (halves(signal), halves(noise));
    }

    /// In decibels.
    fn ratio(&self) -> f64 {
        10.0 * libm::log10(value(self.signal) / value(self.noise))
    }
}

fn value([low, high]: [u32; 2]) -> f64 {
    f64::from_bits(u64::from(high) << 32 | u64::from(low))
}

fn halves(value: f64) -> [u32; 2] {
    let bits = value.to_bits();
    [bits as u32, (bits >> 32) as u32]
}

/// Compares a network of eight bits with the one that it was made of, output by output, and counts how often both have the same
/// largest output. Has memory for `B` rows at a time.
///
/// ```
/// use fusebox::int8::{Calibration, Fidelity};
/// use fusebox::{Dense, Relu, Rng, Seq};
/// type Net = Seq![Dense<2, 8, Relu>, Dense<8, 2>];
/// let net = Net::he(&mut Rng::new(1));
/// let xs: [[f32; 2]; 64] = std::array::from_fn(|i| [(i % 8) as f32 - 4.0, (i / 8) as f32 - 4.0]);
/// let mut calibration = Calibration::<Net, 16>::new();
/// calibration.observe(&net, &xs)?;
/// let ranges = calibration.ranges()?;
/// let int8 = ranges.quantize(&net)?;
///
/// let mut fidelity = Fidelity::<Net, 16>::new();
/// fidelity.observe(&ranges, &net, &int8, &xs)?;
/// let names: Vec<_> = fidelity.lines().map(|line| line.name).collect();
/// assert_eq!(names, ["Input", "Dense", "Dense"]);
/// assert!(fidelity.lines().all(|line| line.decibels > 30.0) && fidelity.agreement() > 0.9);
/// println!("{fidelity}"); // the same as a table
/// # Ok::<(), fusebox::Error>(())
/// ```
pub struct Fidelity<N: ToInt8, const B: usize> {
    input: Noise,
    outputs: N::PerOutput<Noise>,
    rows: u32,
    agreed: u32,
    memory: Aligned<[Memory<N>; B]>,
}

/// Of one row: inputs of eight bits, both outputs, and what comparing needs.
type Memory<N> = Beside<
    Bytes<<N as Layer>::Input>,
    Beside<<N as Layer>::Output, Beside<Bytes<<N as Layer>::Output>, <N as ToInt8>::Both>>,
>;

/// How near an output is to the trained network's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line {
    /// Of the layer whose output it is; `Input` of the network's input.
    pub name: &'static str,
    /// The ratio of signal to noise, 10 log10(sum of y^2 / sum of (y8 - y)^2), where y8 is what the whole number stands for. Noise of
    /// earlier layers is in it. Infinite without noise, NaN without signal.
    pub decibels: f64,
}

impl<N: ToInt8, const B: usize> Fidelity<N, B> {
    /// Bytes of memory.
    pub const BYTES: usize = size_of::<Self>();

    /// Before the first row, for a `static` or the stack.
    pub const fn new() -> Self {
        let (input, outputs, memory) = (Zeroed::ZEROED, Zeroed::ZEROED, Zeroed::ZEROED);
        Self { input, outputs, rows: 0, agreed: 0, memory }
    }

    /// Runs both networks on `xs`, any number of rows, and adds their differences. `int8` is what `ranges` made of `net`.
    ///
    /// Errors, with nothing added, if there are no rows, or an input is NaN or infinite.
    pub fn observe(
        &mut self,
        ranges: &Ranges<N>,
        net: &N,
        int8: &Quantized<N>,
        xs: &[N::Input],
    ) -> Result<(), Error> {
        self.observe_with(Isa::detect(), ranges, net, int8, xs)
    }

    /// [`Fidelity::observe`] on the given instruction set.
    ///
    /// ```
    /// # use fusebox::int8::{Calibration, Fidelity};
    /// # use fusebox::{Dense, Isa, Rng, Train};
    /// # let net = Dense::<2, 1>::he(&mut Rng::new(1));
    /// # let mut calibration = Calibration::<_, 1>::new();
    /// # calibration.observe(&net, &[[1.0, -1.0]])?;
    /// # let ranges = calibration.ranges()?;
    /// # let int8 = ranges.quantize(&net)?;
    /// Fidelity::<_, 1>::new().observe_with(Isa::portable(), &ranges, &net, &int8, &[[0.5, 0.5]])?;
    /// # Ok::<(), fusebox::Error>(())
    /// ```
    pub fn observe_with(
        &mut self,
        isa: Isa,
        ranges: &Ranges<N>,
        net: &N,
        int8: &Quantized<N>,
        xs: &[N::Input],
    ) -> Result<(), Error> {
        const {
            let () = N::CHECK;
            assert!(B > 0, "a Fidelity has memory for at least one row");
        }
        check_rows::<N>(xs)?;
        let scale = ranges.input_scale()?;
        let ranges = elements::<N, [f32; 2]>(&ranges.outputs);
        for xs in xs.chunks(B) {
            let (mut memory, rows) = (whole_numbers_mut(&mut self.memory, xs.len()), xs.len());
            let inputs = take_mut(&mut memory, rows);
            let (reals, whole) = (take_mut(&mut memory, rows), take_mut(&mut memory, rows));
            int8.first.run(isa, xs, &mut [], inputs);
            let (xs, mut ys) = (Rows { reals: xs, bytes: inputs, scale }, RowsMut { reals, bytes: whole });
            self.input.observe(numbers(xs.reals), int8s(xs.bytes), scale);
            let noise = elements_mut::<N, Noise>(&mut self.outputs);
            net.compare(&int8.rest.first, isa, xs, memory, ranges, noise, ys.reborrow())?;
            for (real, byte) in ys.reals.iter().zip(&*ys.bytes) {
                let (reals, bytes) = (core::slice::from_ref(real), core::slice::from_ref(byte));
                self.rows = self.rows.saturating_add(1);
                let agree = argmax(numbers(reals)) == largest(int8s(bytes));
                self.agreed = self.agreed.saturating_add(agree.into());
            }
        }
        Ok(())
    }

    /// The part of the rows for which both networks have the same largest output, from 0 to 1; 0 without rows.
    #[must_use]
    pub fn agreement(&self) -> f32 {
        self.agreed as f32 / self.rows.max(1) as f32
    }

    /// A line for the input and for each output.
    pub fn lines(&self) -> impl Iterator<Item = Line> {
        let outputs = elements::<N, Noise>(&self.outputs).iter().enumerate();
        let outputs = outputs.map(|(i, noise)| Line { name: N::name(i), decibels: noise.ratio() });
        core::iter::once(Line { name: "Input", decibels: self.input.ratio() }).chain(outputs)
    }
}

/// The first of the largest.
fn largest(bytes: &[i8]) -> usize {
    let most = bytes.iter().max();
    bytes.iter().position(|byte| Some(byte) == most).unwrap_or(0)
}

impl<N: ToInt8, const B: usize> Default for Fidelity<N, B> {
    fn default() -> Self {
        Self::new()
    }
}

impl<N: ToInt8, const B: usize> fmt::Debug for Fidelity<N, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fidelity").field("rows", &self.rows).field("agreed", &self.agreed).finish()
    }
}

impl<N: ToInt8, const B: usize> fmt::Display for Fidelity<N, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, Line { name, decibels }) in self.lines().enumerate() {
            writeln!(f, "{i:2}  {name:16} {decibels:5.1} dB")?;
        }
        write!(f, "same largest output: {:.2} % of {} rows", 100.0 * self.agreement(), self.rows)
    }
}

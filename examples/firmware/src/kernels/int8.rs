//! Fully connected layers of eight bits against the definition: every remainder of inputs and of outputs, one row and several,
//! which begin at odd addresses where their length is odd. And long short-term memories, whose outputs are in the hash that every machine
//! prints.

use super::bounded::exact;
use super::ledger::{Ledger, What};
use crate::board::Failure;
use core::iter::zip;
use fusebox::int8::{Clamp, Dense, Double, Lstm, Multiplier, Quantization, Rounding, Single, fold, tile};
use fusebox::{Isa, Layer, Rng, Scratch, Streaming, Zeroed};

/// Two at a time, and one.
const ROWS: usize = 5;

/// What lies before and after the outputs.
pub(super) const CANARY: i8 = 99;

pub(super) fn check(isa: Isa, ledger: &mut Ledger) -> Result<(), Failure> {
    both::<1, 1>(isa, ledger)?;
    both::<1, 4>(isa, ledger)?;
    both::<2, 5>(isa, ledger)?;
    both::<3, 6>(isa, ledger)?;
    both::<4, 7>(isa, ledger)?;
    both::<5, 8>(isa, ledger)?;
    both::<7, 9>(isa, ledger)?;
    both::<9, 4>(isa, ledger)?;
    both::<12, 3>(isa, ledger)?;
    both::<15, 8>(isa, ledger)?;
    both::<16, 1>(isa, ledger)?;
    both::<17, 6>(isa, ledger)?;
    both::<30, 4>(isa, ledger)?;
    both::<32, 12>(isa, ledger)?;
    both::<43, 5>(isa, ledger)?;
    both::<12, 20>(isa, ledger)?;
    both::<24, 16>(isa, ledger)?;
    both::<43, 17>(isa, ledger)?;
    both::<61, 16>(isa, ledger)?;
    both::<64, 4>(isa, ledger)?;
    both::<197, 7>(isa, ledger)?;
    memory::<1, 1>(isa, ledger)?;
    memory::<3, 2>(isa, ledger)?;
    memory::<8, 3>(isa, ledger)?;
    memory::<5, 7>(isa, ledger)?;
    memory::<16, 8>(isa, ledger)?;
    ledger.kernels += 3;
    Ok(())
}

/// A long short-term memory of random weights, three positions at once and one after another.
#[inline(never)]
fn memory<const IN: usize, const H: usize>(isa: Isa, ledger: &mut Ledger) -> Result<(), Failure> {
    let rng = &mut Rng::new((IN * H) as u64);
    let mut layer = Lstm::<3, IN, H>::ZEROED;
    for bias in [&mut layer.bias, &mut layer.recurrent_bias] {
        random(rng, bias.as_flattened_mut(), &mut [])?;
        bias.as_flattened_mut().iter_mut().for_each(|bias| *bias >>= 12);
    }
    for scale in [&mut layer.input_scale, &mut layer.recurrent_scale] {
        *scale = [Multiplier { mantissa: (rng.next_u32() >> 2 | 1 << 30) as i32, exponent: -2 }; 4];
    }
    layer.output_scale = Multiplier { mantissa: 1 << 30, exponent: -21 };
    (layer.bits, layer.clip, layer.zero) = (11, 10 << 11, byte(rng));
    fill(rng, layer.input.as_flattened_mut().as_flattened_mut());
    fill(rng, layer.recurrent.as_flattened_mut().as_flattened_mut());
    let mut xs = [[0; IN]; 3];
    fill(rng, xs.as_flattened_mut());
    let (mut ys, mut scratch) = ([[[0; H]; 3]], Scratch::<Lstm<3, IN, H>, 1>::new());
    layer.infer_with(isa, &[xs], &mut scratch, &mut ys)?;
    let mut stream = Streaming::<Lstm<3, IN, H>>::new();
    for (position, (x, expected)) in zip(&xs, ys.as_flattened()).enumerate() {
        let y = stream.push_with(isa, &layer, x).copied().unwrap_or([0; H]);
        let numbers = zip(y, *expected).map(|(y, expected)| (f32::from(y), exact(f32::from(expected))));
        ledger.enter(What { kernel: "int8 lstm", shape: [position, IN, H] }, H, numbers)?;
    }
    Ok(())
}

fn both<const IN: usize, const OUT: usize>(isa: Isa, ledger: &mut Ledger) -> Result<(), Failure> {
    layer::<IN, OUT, Double>(isa, ledger, "int8 dense", double)?;
    layer::<IN, OUT, Single>(isa, ledger, "int8 dense, single", single)
}

/// A layer of random weights, on one row and on all. All that knows the sizes; the rest is compiled once.
#[inline(never)]
fn layer<const IN: usize, const OUT: usize, R: Rounding>(
    isa: Isa,
    ledger: &mut Ledger,
    kernel: &'static str,
    scaled: fn(i32, Multiplier) -> i32,
) -> Result<(), Failure> {
    let rng = &mut Rng::new((IN * OUT) as u64);
    let (mut weight, mut bias, mut xs) = ([[0; IN]; OUT], [0; OUT], [[0; IN]; ROWS]);
    let mut layer = Dense::<IN, OUT, R>::ZEROED;
    fill(rng, weight.as_flattened_mut());
    fill(rng, xs.as_flattened_mut());
    let zero = byte(rng);
    layer.clamp = random(rng, &mut bias, &mut layer.scale)?;
    layer.bias = bias;
    fold(weight.as_flattened(), zero, &mut layer.bias);
    tile(weight.as_flattened(), layer.weight.as_flattened_mut(), OUT);
    for rows in [1, ROWS] {
        let mut guarded = [[CANARY; OUT]; ROWS + 2];
        let inner = guarded.get_mut(1..1 + rows).unwrap_or_default();
        layer.run(isa, xs.get(..rows).unwrap_or_default(), &mut [], inner);
        let case = Case {
            what: What { kernel, shape: [rows, IN, OUT] },
            weight: weight.as_flattened(),
            bias: &bias,
            scale: &layer.scale,
            zero,
            clamp: layer.clamp,
            scaled,
        };
        case.compare(ledger, xs.as_flattened(), guarded.as_flattened())?;
    }
    Ok(())
}

/// Overwrites the biases, of all magnitudes, also such that sums overflow, and the scales.
#[inline(never)]
pub(super) fn random(rng: &mut Rng, bias: &mut [i32], scale: &mut [Multiplier]) -> Result<Clamp, Failure> {
    for (bias, scale) in zip(bias, scale) {
        *bias = rng.next_u32() as i32 >> rng.below(32);
        let real = rng.uniform() * f32::from_bits((115 + rng.below(14)) << 23) + 1e-9;
        *scale = Multiplier::new(f64::from(real))?;
    }
    let y = Quantization { scale: 1.0, zero: byte(rng) };
    Ok(if rng.next_u32().is_multiple_of(2) { Clamp::of(y) } else { Clamp::relu(y) })
}

#[inline(never)]
pub(super) fn fill(rng: &mut Rng, bytes: &mut [i8]) {
    for q in bytes {
        *q = byte(rng);
    }
}

/// A layer by the definition.
struct Case<'a> {
    what: What,
    /// A row for each output.
    weight: &'a [i8],
    bias: &'a [i32],
    scale: &'a [Multiplier],
    /// The input's.
    zero: i8,
    clamp: Clamp,
    scaled: fn(i32, Multiplier) -> i32,
}

impl Case<'_> {
    /// Compares the outputs among guards of a row with the definition's.
    #[inline(never)]
    fn compare(&self, ledger: &mut Ledger, xs: &[i8], guarded: &[i8]) -> Result<(), Failure> {
        let [rows, depth, outputs] = self.what.shape;
        let (before, rest) = guarded.split_at_checked(outputs).ok_or(self.what.stray())?;
        let (ys, after) = rest.split_at_checked(rows * outputs).ok_or(self.what.stray())?;
        if before.iter().chain(after).any(|&y| y != CANARY) {
            return Err(self.what.stray());
        }
        let numbers = ys.iter().enumerate().map(|(i, &y)| {
            let (row, output) = (i / outputs.max(1), i % outputs.max(1));
            let of = |values: &[i8], row: usize, input: usize| {
                i32::from(values.get(row * depth + input).copied().unwrap_or_default())
            };
            let bias = self.bias.get(output).copied().unwrap_or_default();
            let sum = (0..depth).fold(bias, |sum, input| {
                let term = (of(xs, row, input) - i32::from(self.zero)) * of(self.weight, output, input);
                sum.wrapping_add(term)
            });
            let none = Multiplier { mantissa: 0, exponent: 0 };
            let scale = self.scale.get(output).copied().unwrap_or(none);
            let q = self.clamp.output((self.scaled)(sum, scale));
            (f32::from(y), exact(f32::from(q)))
        });
        ledger.enter(self.what, rows * outputs, numbers)
    }
}

/// A byte, now and then one of the ends.
pub(super) fn byte(rng: &mut Rng) -> i8 {
    match rng.below(8) {
        0 => -128,
        1 => 127,
        _ => rng.next_u32() as i8,
    }
}

/// The product rounded to whole numbers, a half up; then its quotient, a half away from zero.
pub(super) fn double(sum: i32, multiplier: Multiplier) -> i32 {
    let Multiplier { mantissa, exponent } = multiplier;
    let product = i64::from(sum.wrapping_shl(exponent.max(0) as u32)) * i64::from(mantissa);
    let high = (product + (1 << 30)) >> 31;
    let power = 1_i64 << (-exponent).max(0);
    let magnitude = (high.abs() + power / 2) >> (-exponent).max(0);
    (if high < 0 { -magnitude } else { magnitude }) as i32
}

/// The product rounded once, a half up.
pub(super) fn single(sum: i32, multiplier: Multiplier) -> i32 {
    let Multiplier { mantissa, exponent } = multiplier;
    let shift = 31 - exponent;
    let product = (i64::from(sum) * i64::from(mantissa) + (1 << (shift - 1))) >> shift;
    product.clamp(i32::MIN.into(), i32::MAX.into()) as i32
}

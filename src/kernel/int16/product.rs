//! Products of rows of sixteen bits with weights of eight.
//!
//! A product of two numbers has at most 23 bits, so 256 of them fit a sum of 32; such sums are then added in 64.

use super::scale::{Clamp, Sum};
use crate::Isa;
use crate::kernel::int8::Multiplier;
use crate::kernel::{rows, rows_mut};
use crate::simd::{Pass, Simd};
use core::marker::PhantomData;

/// What turns rows of `depth` inputs into rows of as many outputs as there are biases.
#[derive(Clone, Copy)]
pub(crate) struct Product<'a> {
    /// Inputs of a row.
    pub depth: usize,
    /// Of each output, a row.
    pub weight: &'a [i8],
    /// Of each output.
    pub bias: &'a [i64],
    /// Of each output.
    pub scale: &'a [Multiplier],
    pub clamp: Clamp,
}

/// Products in a sum of 32 bits: 2^8 times 2^15 2^7.
const BLOCK: usize = 256;

impl Product<'_> {
    /// Overwrites the rows of `ys`: `y = clamp(round((bias + sum of x w) scale))`. Nothing happens unless all lengths match.
    pub(crate) fn run<S: Sum>(self, isa: Isa, xs: &[i16], ys: &mut [i16]) {
        let outputs = self.bias.len();
        let rows = xs.len().checked_div(self.depth).unwrap_or(0);
        if self.scale.len() == outputs
            && outputs.checked_mul(self.depth) == Some(self.weight.len())
            && rows.checked_mul(self.depth) == Some(xs.len())
            && rows.checked_mul(outputs) == Some(ys.len())
        {
            isa.call(Rows { product: self, xs, ys, sum: PhantomData::<S> });
        }
    }
}

struct Rows<'a, S> {
    product: Product<'a>,
    xs: &'a [i16],
    ys: &'a mut [i16],
    sum: PhantomData<S>,
}

/// Plain loops, which the compiler turns into the vectors of the instruction set: `vpmaddwd` on x86-64.
impl<S: Sum> Pass for Rows<'_, S> {
    type Output = ();

    #[inline(always)]
    fn run<V: Simd>(self, _: V) {
        let Product { depth, weight, bias, scale, clamp } = self.product;
        for (x, y) in rows(self.xs, depth).zip(rows_mut(self.ys, bias.len())) {
            for (((y, w), &bias), &scale) in y.iter_mut().zip(rows(weight, depth)).zip(bias).zip(scale) {
                *y = clamp.output(S::scale(dot(bias, x, w), scale));
            }
        }
    }
}

/// `sum` plus the products of the pairs.
#[inline(always)]
fn dot(mut sum: i64, x: &[i16], w: &[i8]) -> i64 {
    for (x, w) in x.chunks(BLOCK).zip(w.chunks(BLOCK)) {
        sum = sum.wrapping_add(short_dot(x, w).into());
    }
    sum
}

/// The sum of at most [`BLOCK`] products.
#[cfg(not(fusebox_dsp))]
#[inline(always)]
fn short_dot(x: &[i16], w: &[i8]) -> i32 {
    x.iter().zip(w).fold(0, |sum: i32, (&x, &w)| sum.wrapping_add(i32::from(x) * i32::from(w)))
}

/// The sum of at most [`BLOCK`] products, four in six instructions: two pairs of weights in their order, then two of products.
#[cfg(fusebox_dsp)]
#[inline(always)]
fn short_dot(x: &[i16], w: &[i8]) -> i32 {
    let ((x4, x), (w4, w)) = (x.as_chunks::<4>(), w.as_chunks::<4>());
    let mut sum = 0_i32;
    for (&[a, b, c, d], &w) in x4.iter().zip(w4) {
        let pair = |low: i16, high: i16| u32::from(low as u16) | u32::from(high as u16) << 16;
        // SAFETY: this processor has the instructions. No memory is accessed.
        unsafe {
            core::arch::asm!(
                ".arch armv7e-m",
                "sxtb16 {even}, {w}",
                "sxtb16 {odd}, {w}, ror #8",
                "pkhbt {first}, {even}, {odd}, lsl #16",
                "pkhtb {odd}, {odd}, {even}, asr #16",
                "smlad {sum}, {ab}, {first}, {sum}",
                "smlad {sum}, {cd}, {odd}, {sum}",
                w = in(reg) i32::from_le_bytes(w.map(|w| w as u8)),
                ab = in(reg) pair(a, b),
                cd = in(reg) pair(c, d),
                even = out(reg) _,
                odd = out(reg) _,
                first = out(reg) _,
                sum = inout(reg) sum,
                options(pure, nomem, nostack),
            );
        }
    }
    x.iter().zip(w).fold(sum, |sum, (&x, &w)| sum.wrapping_add(i32::from(x) * i32::from(w)))
}

#[cfg(test)]
mod tests {
    use super::Product;
    use crate::kernel::int8::Multiplier;
    use crate::kernel::int16::scale::{Clamp, Sum, Sum32, Sum64};
    use crate::{Isa, Rng};
    use std::vec::Vec;

    /// Every length around a block and a vector, on every instruction set, at the ends of the ranges too, against the definition;
    /// guards around the outputs stay as they are.
    fn check<S: Sum>() {
        let mut rng = Rng::new(1);
        for depth in [1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 31, 33, 64, 100, 255, 256, 257, 511, 513, 1025] {
            for (rows, outputs, is_extreme) in [(1, 1, true), (1, 5, false), (3, 2, false), (2, 3, true)] {
                let mut number = |least: i32| if is_extreme { least } else { rng.next_u32() as i32 };
                let xs: Vec<_> = (0..rows * depth).map(|_| number(i16::MIN.into()) as i16).collect();
                let weight: Vec<_> = (0..outputs * depth).map(|_| number(i8::MIN.into()) as i8).collect();
                let bias: Vec<_> = (0..outputs).map(|_| i64::from(rng.next_u32()) << 14).collect();
                let scale: Vec<_> = (0..outputs as i32)
                    .map(|i| Multiplier {
                        mantissa: i32::MAX - (rng.next_u32() >> 3) as i32,
                        exponent: -3 * i - 8,
                    })
                    .collect();
                let clamp = Clamp { least: -30_000, most: 31_000 };
                let mut expected = Vec::new();
                for (row, o) in (0..rows).flat_map(|row| (0..outputs).map(move |o| (row, o))) {
                    let term = |i| i64::from(xs[row * depth + i]) * i64::from(weight[o * depth + i]);
                    let sum = bias[o] + (0..depth).map(term).sum::<i64>();
                    expected.push(clamp.output(S::scale(sum, scale[o])));
                }
                for isa in Isa::available() {
                    let product = Product { depth, weight: &weight, bias: &bias, scale: &scale, clamp };
                    let mut ys = std::vec![0x5A5A; expected.len() + 2];
                    let end = ys.len() - 1;
                    product.run::<S>(isa, &xs, &mut ys[1..end]);
                    assert_eq!(ys[1..end], expected, "{rows} x {depth} x {outputs} on {isa}");
                    assert_eq!([ys[0], ys[end]], [0x5A5A; 2]);
                }
            }
        }
    }

    #[test]
    fn products_are_those_of_three_loops() {
        check::<Sum64>();
        check::<Sum32>();
    }

    /// Nothing is written, or read, if a length does not match.
    #[test]
    fn lengths_that_do_not_match_do_nothing() {
        let clamp = Clamp { least: -1, most: 1 };
        let scale = [Multiplier { mantissa: 1 << 30, exponent: 0 }; 2];
        for (depth, weights, inputs, outputs) in [(3, 5, 3, 2), (3, 6, 4, 2), (3, 6, 3, 3), (0, 0, 3, 2)] {
            let (weight, xs) = (std::vec![1; weights], std::vec![1; inputs]);
            let mut ys = std::vec![7; outputs];
            let product = Product { depth, weight: &weight, bias: &[0; 2], scale: &scale, clamp };
            product.run::<Sum64>(Isa::detect(), &xs, &mut ys);
            assert_eq!(ys, std::vec![7; outputs]);
        }
    }
}

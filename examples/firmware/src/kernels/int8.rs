//! Fully connected layers of eight bits against the definition: every remainder of inputs and of outputs, one row and several,
//! which begin at odd addresses where their length is odd.

use super::bounded::exact;
use super::ledger::{Ledger, What};
use crate::board::Failure;
use core::iter::zip;
use fusebox::int8::{Clamp, Dense, Double, Multiplier, Quantization, Rounding, Single, WeightScale};
use fusebox::{Isa, Layer, Rng};

/// Two at a time, and one.
const ROWS: usize = 5;

/// What lies before and after the outputs.
const CANARY: i8 = 99;

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
    both::<64, 4>(isa, ledger)?;
    both::<197, 7>(isa, ledger)?;
    ledger.kernels += 2;
    Ok(())
}

fn both<const IN: usize, const OUT: usize>(isa: Isa, ledger: &mut Ledger) -> Result<(), Failure> {
    layer::<IN, OUT, Double>(isa, ledger, "int8 dense", double)?;
    layer::<IN, OUT, Single>(isa, ledger, "int8 dense, single", single)
}

/// A layer of random weights, on one row and on all.
#[inline(never)]
fn layer<const IN: usize, const OUT: usize, R: Rounding>(
    isa: Isa,
    ledger: &mut Ledger,
    kernel: &'static str,
    scaled: fn(i32, Multiplier) -> i32,
) -> Result<(), Failure> {
    let rng = &mut Rng::new((IN * OUT) as u64);
    let (mut weight, mut xs) = ([[0; IN]; OUT], [[0; IN]; ROWS]);
    for q in weight.as_flattened_mut().iter_mut().chain(xs.as_flattened_mut()) {
        *q = byte(rng);
    }
    // Of all magnitudes, also such that sums overflow.
    let bias = [(); OUT].map(|()| rng.next_u32() as i32 >> rng.below(32));
    let scales = [(); OUT].map(|()| rng.uniform() * f32::from_bits((115 + rng.below(14)) << 23) + 1e-9);
    let x = Quantization { scale: 1.0, zero: byte(rng) };
    let y = Quantization { scale: 1.0, zero: byte(rng) };
    let clamp = if IN.is_multiple_of(2) { Clamp::of(y) } else { Clamp::relu(y) };
    let layer = Dense::<IN, OUT, R>::new(&weight, &bias, x, WeightScale::Outputs(scales), y, clamp)?;
    for rows in [1, ROWS] {
        let what = What { kernel, shape: [rows, IN, OUT] };
        let mut guarded = [[CANARY; OUT]; ROWS + 2];
        let inner = guarded.get_mut(1..1 + rows).unwrap_or_default();
        layer.run(isa, xs.get(..rows).unwrap_or_default(), &mut [], inner);
        let expected = xs.iter().flat_map(|input| {
            zip(zip(&weight, &bias), &layer.scale).map(move |((row, &bias), &scale)| {
                let terms = zip(input, row).map(|(&q, &w)| (i32::from(q) - i32::from(x.zero)) * i32::from(w));
                clamp.output(scaled(terms.fold(bias, i32::wrapping_add), scale))
            })
        });
        let [before, ys @ ..] = &guarded;
        let (ys, after) = ys.split_at_checked(rows).ok_or(what.stray())?;
        if before.iter().chain(after.as_flattened()).any(|&y| y != CANARY) {
            return Err(what.stray());
        }
        let numbers = zip(ys.as_flattened(), expected).map(|(&y, q)| (f32::from(y), exact(f32::from(q))));
        ledger.enter(what, rows * OUT, numbers)?;
    }
    Ok(())
}

/// A byte, now and then one of the ends.
fn byte(rng: &mut Rng) -> i8 {
    match rng.below(8) {
        0 => -128,
        1 => 127,
        _ => rng.next_u32() as i8,
    }
}

/// The product rounded to whole numbers, a half up; then its quotient, a half away from zero.
fn double(sum: i32, multiplier: Multiplier) -> i32 {
    let Multiplier { mantissa, exponent } = multiplier;
    let product = i64::from(sum.wrapping_shl(exponent.max(0) as u32)) * i64::from(mantissa);
    let high = (product + (1 << 30)) >> 31;
    let power = 1_i64 << (-exponent).max(0);
    let magnitude = (high.abs() + power / 2) >> (-exponent).max(0);
    (if high < 0 { -magnitude } else { magnitude }) as i32
}

/// The product rounded once, a half up.
fn single(sum: i32, multiplier: Multiplier) -> i32 {
    let Multiplier { mantissa, exponent } = multiplier;
    let shift = 31 - exponent;
    let product = (i64::from(sum) * i64::from(mantissa) + (1 << (shift - 1))) >> shift;
    product.clamp(i32::MIN.into(), i32::MAX.into()) as i32
}

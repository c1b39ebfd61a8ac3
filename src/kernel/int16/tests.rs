//! Convolutions against the definition, on every instruction set, with guards around what they write.

use super::conv::Convolution;
use super::depthwise::Depthwise;
use super::product::Product;
use super::scale::{Clamp, Sum, Sum32, Sum64};
use crate::kernel::axis::Axis;
use crate::kernel::int8::Multiplier;
use crate::kernel::int8::patches::{Patches, place};
use crate::{Isa, Rng};
use std::vec::Vec;

const GUARD: i16 = 0x5A5A;

/// An axis of up to nine positions and four taps.
fn axis(rng: &mut Rng) -> Axis {
    loop {
        let mut up_to = |n: usize| 1 + rng.next_u32() as usize % n;
        let (input, taps, stride, dilation) = (up_to(9), up_to(4), up_to(3), up_to(2));
        let before = (up_to(taps * dilation) - 1).min((taps - 1) * dilation);
        let span = (taps - 1) * dilation + 1;
        if let Some(more) = (input + 2 * before).checked_sub(span) {
            return Axis { input, output: more / stride + 1, taps, stride, dilation, before };
        }
    }
}

fn words(rng: &mut Rng, count: usize) -> Vec<i16> {
    (0..count).map(|_| rng.next_u32() as i16).collect()
}

/// Of each filter a bias and a multiplier.
fn filters(rng: &mut Rng, count: usize) -> (Vec<i64>, Vec<Multiplier>) {
    let bias = (0..count).map(|_| i64::from(rng.next_u32() as i32) << 4).collect();
    let scale = (0..count).map(|_| Multiplier {
        mantissa: (1 << 30) + (rng.next_u32() >> 2) as i32,
        exponent: -(rng.next_u32() as i32 & 7) - 6,
    });
    (bias, scale.collect())
}

/// Runs on every instruction set, between guards.
fn compare(expected: &[i16], what: &str, mut run: impl FnMut(Isa, &mut [i16])) {
    for isa in Isa::available() {
        let mut ys = std::vec![GUARD; expected.len() + 2];
        let end = ys.len() - 1;
        run(isa, &mut ys[1..end]);
        assert_eq!(ys[1..end], *expected, "{what} on {isa}");
        assert_eq!([ys[0], ys[end]], [GUARD; 2], "{what} on {isa}");
    }
}

const CLAMP: Clamp = Clamp { least: -31_000, most: 32_000 };

/// Calls `add` with each output, tap and pixel that meet.
fn windows(axes: &[Axis; 2], mut add: impl FnMut(usize, usize, usize)) {
    let [rows, cols] = axes;
    for (down, right) in (0..rows.output).flat_map(|d| (0..cols.output).map(move |r| (d, r))) {
        for (i, j) in (0..rows.taps).flat_map(|i| (0..cols.taps).map(move |j| (i, j))) {
            if let (Some(row), Some(col)) = (place(rows, down, i), place(cols, right, j)) {
                add(down * cols.output + right, i * cols.taps + j, row * cols.input + col);
            }
        }
    }
}

fn check_convolutions<S: Sum>() {
    let mut rng = Rng::new(1);
    for _ in 0..if cfg!(miri) { 3 } else { 200 } {
        let axes = [axis(&mut rng), axis(&mut rng)];
        let (channels, count) = (1 + rng.next_u32() as usize % 20, 1 + rng.next_u32() as usize % 9);
        let [rows, cols] = &axes;
        let taps = rows.taps * cols.taps;
        let x = words(&mut rng, rows.input * cols.input * channels);
        let weight: Vec<_> = (0..count * taps * channels).map(|_| rng.next_u32() as i8).collect();
        let (bias, scale) = filters(&mut rng, count);
        let mut sums = bias.repeat(rows.output * cols.output);
        windows(&axes, |at, tap, pixel| {
            for (filter, c) in (0..count).flat_map(|filter| (0..channels).map(move |c| (filter, c))) {
                let w = weight[(filter * taps + tap) * channels + c];
                sums[at * count + filter] += i64::from(x[pixel * channels + c]) * i64::from(w);
            }
        });
        let expected: Vec<_> =
            sums.iter().enumerate().map(|(i, &sum)| CLAMP.output(S::scale(sum, scale[i % count]))).collect();
        let depth = taps * channels;
        let product = Product { depth, weight: &weight, bias: &bias, scale: &scale, clamp: CLAMP };
        let patches = Patches { axes, channels: 2 * channels, zero: 0 };
        let mut patch = std::vec![GUARD; depth];
        compare(&expected, &std::format!("{axes:?} {channels} {count}"), |isa, y| {
            Convolution { patches, product }.run::<S>(isa, &x, &mut patch, y);
        });
    }
}

fn check_depthwise<S: Sum>() {
    let mut rng = Rng::new(2);
    for i in 0..if cfg!(miri) { 3 } else { 200 } {
        let axes = [axis(&mut rng), axis(&mut rng)];
        let (channels, of_each) = (1 + rng.next_u32() as usize % 40, 1 + i % 3);
        let count = channels * of_each;
        let [rows, cols] = &axes;
        let x = words(&mut rng, rows.input * cols.input * channels);
        let weight: Vec<_> = (0..count * rows.taps * cols.taps).map(|_| rng.next_u32() as i8).collect();
        let (bias, scale) = filters(&mut rng, count);
        let mut sums = bias.repeat(rows.output * cols.output);
        windows(&axes, |at, tap, pixel| {
            for filter in 0..count {
                let x = i64::from(x[pixel * channels + filter / of_each]);
                sums[at * count + filter] += x * i64::from(weight[tap * count + filter]);
            }
        });
        let expected: Vec<_> =
            sums.iter().enumerate().map(|(i, &sum)| CLAMP.output(S::scale(sum, scale[i % count]))).collect();
        let depthwise =
            Depthwise { axes, channels, weight: &weight, bias: &bias, scale: &scale, clamp: CLAMP };
        compare(&expected, &std::format!("{axes:?} {channels} x {of_each}"), |isa, y| {
            depthwise.run::<S>(isa, &x, y);
        });
    }
}

#[test]
fn convolutions_are_the_definition() {
    check_convolutions::<Sum64>();
    check_convolutions::<Sum32>();
}

#[test]
fn depthwise_convolutions_are_the_definition() {
    check_depthwise::<Sum64>();
    check_depthwise::<Sum32>();
}

//! Convolutions and sums by every way, against their definitions.

use super::{Fixed, Way};
use crate::kernel::axis::Axis;
use crate::kernel::int8::depthwise::Depthwise;
use crate::kernel::int8::order::tile;
use crate::kernel::int8::patches::{Convolution, Patches, place};
use crate::kernel::int8::scale::{Clamp, Double, Multiplier, Rounding, Single};
use crate::kernel::int8::sums::{Term, add, multiply, subtract};
use crate::kernel::int8::{Product, transpose};
use crate::{Isa, Rng};
use std::vec::Vec;

fn bytes(rng: &mut Rng, count: usize) -> Vec<i8> {
    (0..count).map(|_| rng.next_u32() as i8).collect()
}

/// Mostly one that scales sums to the range of outputs; a few that scale sums up, or are none.
fn multipliers(rng: &mut Rng, count: usize) -> Vec<Multiplier> {
    let mut one = || match rng.next_u32() % 64 {
        0 => Multiplier { mantissa: rng.next_u32() as i32, exponent: rng.next_u32() as i32 % 40 },
        x => Multiplier { mantissa: (rng.next_u32() >> 2 | 1 << 30) as i32, exponent: x as i32 % 8 - 14 },
    };
    (0..count).map(|_| one()).collect()
}

/// Of a random number of taps, with a random step, and outputs until the window leaves the padding.
fn axis(rng: &mut Rng) -> Axis {
    let mut up_to = |n: u32| (rng.next_u32() % n) as usize;
    let (input, taps, stride, dilation) = (1 + up_to(9), 1 + up_to(5), 1 + up_to(3), 1 + up_to(8) / 7);
    let (before, after) = (up_to(taps as u32), up_to(taps as u32));
    let outputs =
        (input + before + after).checked_sub((taps - 1) * dilation + 1).map(|room| room / stride + 1);
    Axis { input, output: outputs.unwrap_or(0), taps, stride, dilation, before }
}

/// Calls `f` with the number of each output, and each of its taps: the pixel, or none in the padding.
fn windows([rows, cols]: &[Axis; 2], mut f: impl FnMut(usize, usize, Option<usize>)) {
    for output in 0..rows.output * cols.output {
        for tap in 0..rows.taps * cols.taps {
            let row = place(rows, output / cols.output, tap / cols.taps);
            let col = place(cols, output % cols.output, tap % cols.taps);
            f(output, tap, row.zip(col).map(|(row, col)| row * cols.input + col));
        }
    }
}

fn outputs<R: Rounding>(sums: &[i32], scale: &[Multiplier], clamp: Clamp) -> Vec<i8> {
    let scales = scale.iter().cycle();
    sums.iter().zip(scales).map(|(&sum, &scale)| clamp.output(R::scale(sum, scale))).collect()
}

const CLAMP: Clamp = Clamp { zero: 3, least: -120, most: 110 };

fn check_depthwise<R: Rounding>(rng: &mut Rng) -> usize {
    let (axes, channels) = ([axis(rng), axis(rng)], 1 + rng.next_u32() as usize % 150);
    let [rows, cols] = &axes;
    let taps = rows.taps * cols.taps;
    let (x, zero) = (bytes(rng, rows.input * cols.input * channels), rng.next_u32() as i8);
    let (weight, scale) = (bytes(rng, taps * channels), multipliers(rng, channels));
    let bias: Vec<_> = (0..channels).map(|_| rng.next_u32() as i32 >> 18).collect();
    let mut sums = bias.repeat(rows.output * cols.output);
    windows(&axes, |output, tap, pixel| {
        for c in 0..channels {
            let x = pixel.map_or(zero, |pixel| x[pixel * channels + c]);
            sums[output * channels + c] += i32::from(x) * i32::from(weight[tap * channels + c]);
        }
    });
    let expected = outputs::<R>(&sums, &scale, CLAMP);
    let depthwise =
        Depthwise { axes, channels, zero, weight: &weight, bias: &bias, scale: &scale, clamp: CLAMP };
    let mut y = std::vec![0; expected.len()];
    for isa in Isa::available() {
        y.fill(99);
        depthwise.run::<R>(isa, &x, &mut y);
        assert_eq!(y, expected, "{isa}: {axes:?} {channels}");
    }
    let mut done = 0;
    for way in Way::available() {
        y.fill(99);
        // SAFETY: all lengths match.
        if unsafe { way.depthwise(&depthwise, R::TWICE, &x, &mut y) } {
            assert_eq!(y, expected, "{way:?}: {axes:?} {channels}");
            done += 1;
        }
    }
    done
}

#[test]
fn depthwise_convolutions_are_the_definition() {
    let (mut rng, mut done) = (Rng::new(3), 0);
    for _ in 0..if cfg!(miri) { 3 } else { 400 } {
        done += check_depthwise::<Double>(&mut rng) + check_depthwise::<Single>(&mut rng);
    }
    assert!(done >= 400 * Way::available().count(), "{done} by vectors");
}

fn check_convolution<R: Rounding>(rng: &mut Rng) {
    let axes = [axis(rng), axis(rng)];
    let (channels, filters) = (1 + rng.next_u32() as usize % 20, 1 + rng.next_u32() as usize % 40);
    let [rows, cols] = &axes;
    let depth = rows.taps * cols.taps * channels;
    let (x, zero) = (bytes(rng, rows.input * cols.input * channels), rng.next_u32() as i8);
    let (weight, scale) = (bytes(rng, depth * filters), multipliers(rng, filters));
    let bias: Vec<_> = (0..filters).map(|_| rng.next_u32() as i32 >> 18).collect();
    let mut columns = std::vec![0; weight.len()];
    transpose(&weight, &mut columns, filters);
    let mut sums = bias.repeat(rows.output * cols.output);
    windows(&axes, |output, tap, pixel| {
        for c in 0..channels {
            let x = i32::from(pixel.map_or(zero, |pixel| x[pixel * channels + c]));
            let sums = &mut sums[output * filters..][..filters];
            for (sum, &w) in sums.iter_mut().zip(&columns[(tap * channels + c) * filters..]) {
                *sum += x * i32::from(w);
            }
        }
    });
    let expected = outputs::<R>(&sums, &scale, CLAMP);
    let mut tiles = std::vec![0; weight.len()];
    tile(&weight, &mut tiles, filters);
    let product = Product { depth, weight: &tiles, bias: &bias, scale: &scale, clamp: CLAMP };
    let at_once = 1 + rng.next_u32() as usize % 33;
    let (mut patches, mut y) = (std::vec![0; at_once * depth], std::vec![0; expected.len()]);
    for isa in Isa::available() {
        y.fill(99);
        Convolution { patches: Patches { axes, channels, zero }, product }.run::<R>(
            isa,
            &x,
            &mut patches,
            &mut y,
        );
        assert_eq!(y, expected, "{isa}: {axes:?} {channels} {filters}, {at_once} at once");
    }
}

#[test]
fn convolutions_are_the_definition() {
    let mut rng = Rng::new(4);
    for _ in 0..if cfg!(miri) { 3 } else { 400 } {
        check_convolution::<Double>(&mut rng);
        check_convolution::<Single>(&mut rng);
    }
}

fn check_pairs<R: Rounding>(rng: &mut Rng, count: usize) {
    let (a, b) = (bytes(rng, count), bytes(rng, count));
    let half = Multiplier { mantissa: 1 << 30, exponent: 0 };
    let scales = multipliers(rng, 2);
    let terms = [
        Term { scale: half, zero: rng.next_u32() as i8 },
        Term { scale: scales[0], zero: rng.next_u32() as i8 },
    ];
    let scale = Multiplier { exponent: -18, ..half };
    let zeros = terms.map(|term| term.zero);
    let above = |x: i8, zero: i8| i32::from(x) - i32::from(zero);
    let term = |x: i8, of: Term| R::scale(above(x, of.zero) << 20, of.scale);
    let expected = |scale, f: &dyn Fn(i8, i8) -> i32| {
        let sums = a.iter().zip(&b).map(|(&a, &b)| f(a, b));
        outputs::<R>(&sums.collect::<Vec<_>>(), &[scale], CLAMP)
    };
    for scale in [scale, scales[1]] {
        let sums = expected(scale, &|a, b| term(a, terms[0]).wrapping_add(term(b, terms[1])));
        let differences = expected(scale, &|a, b| term(a, terms[0]).wrapping_sub(term(b, terms[1])));
        let products = expected(scale, &|a, b| above(a, zeros[0]) * above(b, zeros[1]));
        for isa in Isa::available() {
            // Bytes before and after that nobody may write.
            let check = |what: &str, expected: &[i8], run: &dyn Fn(&mut [i8])| {
                let mut y = std::vec![99; count + 64];
                run(&mut y[32..32 + count]);
                assert_eq!(&y[32..32 + count], expected, "{isa}: {what}, {count}, {terms:?}, {scale:?}");
                assert!(y[..32].iter().chain(&y[32 + count..]).all(|&y| y == 99), "{isa}: {what}, {count}");
            };
            check("sums", &sums, &|y| add::<R>(isa, terms, scale, CLAMP, [&a, &b], y));
            check("differences", &differences, &|y| subtract::<R>(isa, terms, scale, CLAMP, [&a, &b], y));
            check("products", &products, &|y| multiply::<R>(isa, zeros, scale, CLAMP, [&a, &b], y));
        }
    }
}

#[test]
fn pairs_are_the_definition() {
    let mut rng = Rng::new(5);
    let counts: &[usize] = if cfg!(miri) { &[1, 17] } else { &[0, 1, 15, 16, 17, 255, 256, 257, 1000, 3333] };
    for &count in counts {
        for _ in 0..if cfg!(miri) { 1 } else { 10 } {
            check_pairs::<Double>(&mut rng, count);
            check_pairs::<Single>(&mut rng, count);
        }
    }
}

/// Every byte, zero and exponent that a term may have, with mantissas at the ends and where their lower bits carry.
#[test]
fn terms_are_the_definition() {
    fn check<R: Rounding>(scale: Multiplier) {
        for zero in [-128, -1, 0, 5, 127] {
            let term = Term { scale, zero };
            let fixed = Fixed::new(term, R::TWICE);
            assert_eq!(fixed.is_some(), scale.mantissa >= 0 && scale.exponent <= 0, "{term:?}");
            for x in i8::MIN..=i8::MAX {
                let expected = R::scale((i32::from(x) - i32::from(zero)) << 20, scale);
                if let Some(fixed) = fixed {
                    assert_eq!(fixed.of(x), expected, "{x} {term:?}");
                }
            }
        }
    }
    for exponent in (-34..=2).step_by(if cfg!(miri) { 9 } else { 1 }) {
        for mantissa in [1 << 30, (1 << 30) + 1, 0x5555_5555, 0x7FFF_F800, i32::MAX, 0x7FF, 0, -1] {
            check::<Double>(Multiplier { mantissa, exponent });
            check::<Single>(Multiplier { mantissa, exponent });
        }
    }
}

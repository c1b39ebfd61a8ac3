//! Every set of instructions against plain loops.

use super::*;
use crate::{Isa, Rng};
use std::vec;
use std::vec::Vec;

const U: f64 = 1.0 / 16_777_216.0;

/// What surrounds results, which nothing may write.
const CANARY: f32 = -77.0;

/// Every axis of at most five positions under at most three taps, padded on either side by up to a window less one.
fn axes() -> Vec<Axis> {
    let mut axes = Vec::new();
    for input in 1..=5 {
        for kernel in 1..=3 {
            for stride in 1..=2 {
                for dilation in 1..=kernel.min(2) {
                    let span = (kernel - 1) * dilation + 1;
                    for before in 0..span {
                        for after in [0, before, span - 1] {
                            let padded = before + input + after;
                            if padded >= span {
                                let output = (padded - span) / stride + 1;
                                axes.push(Axis { input, output, taps: kernel, stride, dilation, before });
                            }
                        }
                    }
                }
            }
        }
    }
    axes.retain(Axis::reached);
    axes
}

/// The positions of an output's taps that are inside.
fn inside(axis: &Axis, output: usize) -> Vec<usize> {
    (0..axis.taps)
        .map(|tap| output * axis.stride + tap * axis.dilation)
        .filter(|&at| at >= axis.before && at < axis.before + axis.input)
        .map(|at| at - axis.before)
        .collect()
}

/// Offsets of taps for each number of the outputs.
fn taps(windows: &Windows) -> Vec<Vec<usize>> {
    let Windows { height, width, channels, .. } = windows;
    let mut all = Vec::new();
    for row in 0..height.output {
        for col in 0..width.output {
            for channel in 0..*channels {
                let mut taps = Vec::new();
                for y in inside(height, row) {
                    for x in inside(width, col) {
                        taps.push((y * width.input + x) * channels + channel);
                    }
                }
                all.push(taps);
            }
        }
    }
    all
}

/// `run` on the middle of a buffer.
fn guarded(len: usize, run: impl FnOnce(&mut [f32])) -> Vec<f32> {
    let mut buffer = vec![CANARY; len + 6];
    buffer[3..len + 3].fill(f32::NAN);
    run(&mut buffer[3..len + 3]);
    assert!(buffer[..3].iter().chain(&buffer[len + 3..]).all(|&x| x == CANARY), "a stray write");
    buffer[3..len + 3].to_vec()
}

/// The numbers' bits, for NaN and the sign of zero count.
fn bits(xs: &[f32]) -> Vec<u32> {
    xs.iter().map(|x| x.to_bits()).collect()
}

/// The position of the largest number by plain comparison.
fn largest(x: &[f32], taps: &[usize]) -> usize {
    if let Some(&nan) = taps.iter().find(|&&tap| x[tap].is_nan()) {
        return nan;
    }
    let most = taps.iter().map(|&tap| x[tap]).fold(f32::NEG_INFINITY, f32::max);
    *taps.iter().find(|&&tap| x[tap] == most).unwrap()
}

fn check(windows: &Windows, rng: &mut Rng) {
    const PICTURES: usize = 2;
    let [inputs, outputs] = windows.numbers();
    let taps = taps(windows);
    assert_eq!(taps.len(), outputs);
    // Numbers with equals among them, and a few that are special.
    let xs: Vec<f32> = (0..PICTURES * inputs)
        .map(|_| match rng.below(60) {
            0 => f32::from_bits(0x7FC0_0000 + rng.below(1000)),
            1 => f32::NEG_INFINITY,
            2 => f32::INFINITY,
            3..6 => -0.0,
            _ => rng.below(9) as f32 / 2.0 - 2.0,
        })
        .collect();
    let smooth: Vec<f32> = (0..PICTURES * inputs).map(|_| 2.0 * rng.uniform() - 1.0).collect();
    let dys: Vec<f32> = (0..PICTURES * outputs).map(|_| 2.0 * rng.uniform() - 1.0).collect();

    let (mut maxima, mut of_max) = (Vec::new(), vec![0.0_f32; xs.len()]);
    let (mut of_mean, mut of_mean_64) = (vec![0.0_f32; xs.len()], vec![(0.0_f64, 0.0_f64); xs.len()]);
    let (mut means, mut bounds, mut in_turn) = (Vec::new(), Vec::new(), Vec::new());
    for picture in 0..PICTURES {
        let (x, dy) = (&xs[picture * inputs..][..inputs], &dys[picture * outputs..][..outputs]);
        let smooth = &smooth[picture * inputs..][..inputs];
        for (taps, dy) in taps.iter().zip(dy) {
            let (place, count) = (largest(x, taps), taps.len() as f64);
            maxima.push(x[place]);
            of_max[picture * inputs + place] += dy;
            let numbers = || taps.iter().map(|&tap| f64::from(smooth[tap]));
            means.push(numbers().sum::<f64>() / count);
            bounds.push((count + 1.0) * U * numbers().map(f64::abs).sum::<f64>() / count);
            in_turn.push(taps.iter().fold(0.0, |sum, &tap| sum + smooth[tap]) / count as f32);
            for tap in taps {
                of_mean[picture * inputs + tap] += dy / count as f32;
                let (sum, magnitude) = &mut of_mean_64[picture * inputs + tap];
                *sum += f64::from(*dy) / count;
                *magnitude += f64::from(dy.abs()) / count;
            }
        }
    }
    let chains = taps.iter().all(|taps| taps.len() < 16);
    for isa in Isa::available() {
        let what = || std::format!("{isa}, {windows:?}");
        let y = guarded(dys.len(), |ys| isa.call(Max { windows, xs: &xs, ys }));
        assert_eq!(bits(&y), bits(&maxima), "{}: maxima", what());
        let dx = guarded(xs.len(), |dxs| isa.call(MaxBackward { windows, xs: &xs, dys: &dys, dxs }));
        assert_eq!(bits(&dx), bits(&of_max), "{}: the gradient of maxima", what());
        let y = guarded(dys.len(), |ys| isa.call(Mean { windows, xs: &smooth, ys }));
        for ((y, mean), bound) in y.iter().zip(&means).zip(&bounds) {
            assert!((f64::from(*y) - mean).abs() <= *bound, "{}: a mean of {y}, not {mean}", what());
        }
        if chains {
            assert_eq!(bits(&y), bits(&in_turn), "{}: means", what());
        }
        let dx = guarded(xs.len(), |dxs| isa.call(MeanBackward { windows, dys: &dys, dxs }));
        assert_eq!(bits(&dx), bits(&of_mean), "{}: the gradient of means", what());
        for (dx, (expected, magnitude)) in dx.iter().zip(&of_mean_64) {
            assert!((f64::from(*dx) - expected).abs() <= 10.0 * U * magnitude, "{}: {dx}", what());
        }
    }
}

/// Every pair of [`axes`], each with one of the numbers of channels; without optimisation, some of the pairs.
#[test]
fn every_small_window_is_plain_loops() {
    let (axes, mut rng) = (axes(), Rng::new(1));
    let (channels, step) = ([1, 3, 4, 16, 17], if cfg!(debug_assertions) { 23 } else { 1 });
    for (i, &height) in axes.iter().enumerate() {
        for (j, &width) in axes.iter().enumerate().skip(i % step).step_by(step) {
            check(&Windows::of(height, width, channels[(i + j / step) % 5]), &mut rng);
        }
    }
    for &axis in &axes {
        for channels in channels {
            let row = Axis::whole(1);
            check(&Windows::of(axis, row, channels), &mut rng);
            check(&Windows::of(row, axis, channels), &mut rng);
        }
    }
}

#[test]
fn whole_pictures_are_summed_within_the_bound_and_alike() {
    let mut rng = Rng::new(2);
    for [rows, cols] in [[1, 1], [3, 5], [4, 4], [7, 7], [17, 31], [64, 64], [1, 4097], [130, 100]] {
        for channels in [1, 3, 17] {
            let windows = &Windows::of(Axis::whole(rows), Axis::whole(cols), channels);
            let n = rows * cols;
            let xs: Vec<f32> = (0..2 * n * channels).map(|_| 2.0 * rng.uniform() - 0.5).collect();
            let mut first: Option<Vec<u32>> = None;
            for isa in Isa::available() {
                let y = guarded(2 * channels, |ys| isa.call(Mean { windows, xs: &xs, ys }));
                let alike = first.get_or_insert_with(|| bits(&y));
                assert_eq!(*alike, bits(&y), "{isa}, {rows} x {cols} x {channels}");
                for (i, y) in y.into_iter().enumerate() {
                    let (picture, channel) = (i / channels, i % channels);
                    let numbers = || {
                        let picture = &xs[picture * n * channels..][..n * channels];
                        picture.iter().skip(channel).step_by(channels).map(|&x| f64::from(x))
                    };
                    let terms = match n {
                        0..16 => n,
                        16..=4096 => n / 4 + 4,
                        _ => 1028 + n / 4096,
                    };
                    let sum = numbers().sum::<f64>();
                    // And the quotient's rounding.
                    let bound = terms as f64 * U * numbers().map(f64::abs).sum::<f64>() + 2.0 * U * sum.abs();
                    assert!((f64::from(y) * n as f64 - sum).abs() <= bound, "{isa}, {rows} x {cols}: {y}");
                }
            }
        }
    }
}

#[test]
fn a_mean_passes_on_what_is_not_finite() {
    let windows = &Windows::of(Axis::whole(1), Axis::whole(2), 4);
    let (nan, inf) = (f32::NAN, f32::INFINITY);
    let xs = [1.0, nan, inf, inf, 3.0, 1.0, 2.0, -inf];
    for isa in Isa::available() {
        let y = guarded(4, |ys| isa.call(Mean { windows, xs: &xs, ys }));
        assert!(y[0] == 2.0 && y[1].is_nan() && y[2] == inf && y[3].is_nan(), "{isa}: {y:?}");
    }
}

/// Sizes that no layer has: nothing outside is touched, and nothing panics.
#[test]
fn sizes_that_make_no_sense_are_harmless() {
    let sizes = [0, 1, 2, 3, usize::MAX / 2, usize::MAX];
    let mut rng = Rng::new(3);
    for _ in 0..20_000 {
        let mut pick = |most: u32| sizes[rng.below(most) as usize];
        let axis = |pick: &mut dyn FnMut(u32) -> usize| Axis {
            input: pick(6),
            output: pick(4),
            taps: pick(4),
            stride: pick(6),
            dilation: pick(6),
            before: pick(6),
        };
        let (height, width) = (axis(&mut pick), axis(&mut pick));
        let whole = pick(2) == 0;
        let windows = &Windows { height, width, channels: pick(6), whole };
        let xs = [1.0; 30];
        for isa in Isa::available() {
            guarded(20, |ys| isa.call(Max { windows, xs: &xs, ys }));
            guarded(20, |ys| isa.call(Mean { windows, xs: &xs, ys }));
            guarded(20, |dxs| isa.call(MaxBackward { windows, xs: &xs, dys: &xs, dxs }));
            guarded(20, |dxs| isa.call(MeanBackward { windows, dys: &xs, dxs }));
        }
    }
}

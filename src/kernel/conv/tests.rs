//! Every small shape on every instruction set, against loops in `f64`.

use super::{Ends, Sizes, Tile, depthwise, forward, input_gradient, weight_gradient};
use crate::kernel::axis::Axis;
use crate::{Isa, Rng};
use std::vec;
use std::vec::Vec;

/// Outputs, gradients of inputs and gradients of weights in `f64`, each beside the sum of its products' magnitudes.
struct Reference {
    ys: Vec<[f64; 2]>,
    dxs: Vec<[f64; 2]>,
    dws: Vec<[f64; 2]>,
}

fn reference(sizes: &Sizes, xs: &[f32], weight: &[f32], bias: &[f32], dys: &[f32]) -> Reference {
    let Sizes { rows, cols, channels, filters, groups } = *sizes;
    let (of_group, filters_of) = (channels / groups, filters / groups);
    let [picture, output] = sizes.pictures();
    let pictures = xs.len() / picture;
    let mut all = Reference {
        ys: (0..dys.len())
            .map(|i| [f64::from(bias[i % filters]), f64::from(bias[i % filters].abs())])
            .collect(),
        dxs: vec![[0.0; 2]; xs.len()],
        dws: vec![[0.0; 2]; weight.len()],
    };
    let add = |sum: &mut [f64; 2], a: f32, b: f32| {
        let product = f64::from(a) * f64::from(b);
        *sum = [sum[0] + product, sum[1] + product.abs()];
    };
    for p in 0..pictures {
        for oy in 0..rows.output {
            for ox in 0..cols.output {
                for ky in 0..rows.taps {
                    for kx in 0..cols.taps {
                        let Some(iy) = (oy * rows.stride + ky * rows.dilation).checked_sub(rows.before)
                        else {
                            continue;
                        };
                        let Some(ix) = (ox * cols.stride + kx * cols.dilation).checked_sub(cols.before)
                        else {
                            continue;
                        };
                        if iy >= rows.input || ix >= cols.input {
                            continue;
                        }
                        for f in 0..filters {
                            for c in 0..of_group {
                                let x = p * picture
                                    + (iy * cols.input + ix) * channels
                                    + f / filters_of * of_group
                                    + c;
                                let w = ((ky * cols.taps + kx) * of_group + c) * filters + f;
                                let y = p * output + (oy * cols.output + ox) * filters + f;
                                add(&mut all.ys[y], xs[x], weight[w]);
                                add(&mut all.dxs[x], dys[y], weight[w]);
                                add(&mut all.dws[w], dys[y], xs[x]);
                            }
                        }
                    }
                }
            }
        }
    }
    all
}

fn ends<'a>(bias: Option<&'a [f32]>, relu: bool, gates: Option<&'a [f32]>) -> Ends<'a> {
    Ends { bias, relu, gates }
}

fn random(rng: &mut Rng, len: usize) -> Vec<f32> {
    (0..len).map(|_| 2.0 * rng.uniform() - 1.0).collect()
}

/// Each within the bound of a sum of so many terms, whose magnitudes add up as the reference says.
fn assert_close(what: &str, sizes: &Sizes, got: &[f32], expected: &[[f64; 2]], terms: usize) {
    for (i, (got, [sum, magnitude])) in got.iter().zip(expected).enumerate() {
        let bound = (terms + 2) as f64 * f64::from(f32::EPSILON) / 2.0 * magnitude + 1e-30;
        assert!((f64::from(*got) - sum).abs() <= bound, "{what} {i} of {sizes:?}: {got}, not {sum}");
    }
}

/// The gradient of all weights, each group's in two parts: so many rows, and the rest.
fn all_weights(isa: Isa, sizes: &Sizes, rows: usize, xs: &[f32], dys: &[f32]) -> Vec<f32> {
    let of_filters = sizes.filters / sizes.groups;
    let parts = [0..rows, rows..sizes.weights() / sizes.filters];
    let mut all = vec![f32::NAN; sizes.weights()];
    for group in 0..sizes.groups {
        for rows in parts.clone() {
            let tile = Tile { rows: rows.clone(), filters: group * of_filters..(group + 1) * of_filters };
            let mut sum = vec![f32::NAN; rows.len() * of_filters];
            let mut spare = sum.clone();
            weight_gradient(isa, sizes, &tile, xs, dys, &mut spare, &mut sum);
            for (row, sums) in rows.zip(sum.chunks(of_filters)) {
                let at = row * sizes.filters + group * of_filters;
                all[at..at + of_filters].copy_from_slice(sums);
            }
        }
    }
    all
}

fn check(sizes: &Sizes, pictures: usize, rng: &mut Rng) {
    let [picture, output] = sizes.pictures();
    let (xs, dys) = (random(rng, pictures * picture), random(rng, pictures * output));
    let (weight, bias) = (random(rng, sizes.weights()), random(rng, sizes.filters));
    let gates = random(rng, pictures * picture);
    let expected = reference(sizes, &xs, &weight, &bias, &dys);
    let taps = sizes.rows.taps * sizes.cols.taps;
    let (of_group, of_filters) = (sizes.channels / sizes.groups, sizes.filters / sizes.groups);
    let outputs = sizes.rows.output * sizes.cols.output * pictures;
    let mut bits: [Option<[Vec<f32>; 3]>; 2] = [None, None];
    for isa in Isa::available() {
        let mut ys = vec![f32::NAN; dys.len()];
        forward(
            isa,
            sizes,
            0..pictures * sizes.rows.output,
            &xs,
            &weight,
            &ends(Some(&bias), false, None),
            &mut ys,
        );
        assert_close("output", sizes, &ys, &expected.ys, taps * of_group + 1);
        let mut with_relu = vec![f32::NAN; dys.len()];
        forward(
            isa,
            sizes,
            0..pictures * sizes.rows.output,
            &xs,
            &weight,
            &ends(Some(&bias), true, None),
            &mut with_relu,
        );
        assert!(
            ys.iter().zip(&with_relu).all(|(y, relu)| relu.to_bits() == y.max(0.0).to_bits()),
            "{sizes:?}"
        );
        let mut dxs = vec![f32::NAN; xs.len()];
        input_gradient(
            isa,
            sizes,
            0..pictures * sizes.rows.input,
            &dys,
            &weight,
            &ends(None, false, None),
            &mut dxs,
        );
        assert_close("input gradient", sizes, &dxs, &expected.dxs, taps * of_filters);
        let shifts: Vec<f32> = (0..sizes.channels).map(|c| c as f32).collect();
        let mut shifted = vec![f32::NAN; xs.len()];
        let height = pictures * sizes.rows.input;
        let with_bias = ends(Some(&shifts), true, None);
        input_gradient(isa, sizes, 0..height, &dys, &weight, &with_bias, &mut shifted);
        for (i, (shifted, [sum, magnitude])) in shifted.iter().zip(&expected.dxs).enumerate() {
            let shift = f64::from(shifts[i % sizes.channels]);
            let bound =
                (taps * of_filters + 3) as f64 * f64::from(f32::EPSILON) / 2.0 * (magnitude + shift) + 1e-30;
            assert!((f64::from(*shifted) - (sum + shift).max(0.0)).abs() <= bound, "{sizes:?} {isa:?}");
        }
        let mut masked = vec![f32::NAN; xs.len()];
        // In parts, and with a mask.
        for rows in [0..height / 3, height / 3..height / 2, height / 2..height] {
            input_gradient(isa, sizes, rows, &dys, &weight, &ends(None, false, Some(&gates)), &mut masked);
        }
        for ((dx, masked), gate) in dxs.iter().zip(&masked).zip(&gates) {
            let expected = if *gate > 0.0 { *dx } else { 0.0 };
            assert_eq!(masked.to_bits(), expected.to_bits(), "{sizes:?} {isa:?}");
        }
        let dws = all_weights(isa, sizes, taps * of_group / 2, &xs, &dys);
        assert_close("weight gradient", sizes, &dws, &expected.dws, outputs);
        if sizes.is_depthwise() {
            check_depthwise(
                isa,
                sizes,
                [&xs, &weight, &bias, &dys, &gates],
                &with_relu,
                &masked,
                &expected.dws,
            );
        }
        // The same bits on all instruction sets of a class, and of each picture alone.
        let all = [ys, dxs, dws];
        let class = usize::from(isa.is_fused());
        match &bits[class] {
            None => bits[class] = Some(all),
            Some(before) => {
                for (a, b) in before.iter().flatten().zip(all.iter().flatten()) {
                    assert_eq!(a.to_bits(), b.to_bits(), "{sizes:?} {isa:?}");
                }
            }
        }
        let [ys, dxs, _] = bits[class].as_ref().unwrap();
        let (mut alone, mut alone_back) = (vec![f32::NAN; output], vec![f32::NAN; picture]);
        for p in 0..pictures {
            let (of_x, of_y) = (p * picture..(p + 1) * picture, p * output..(p + 1) * output);
            for row in 0..sizes.rows.output {
                forward(
                    isa,
                    sizes,
                    row..row + 1,
                    &xs[of_x.clone()],
                    &weight,
                    &ends(Some(&bias), false, None),
                    &mut alone,
                );
            }
            input_gradient(
                isa,
                sizes,
                0..sizes.rows.input,
                &dys[of_y.clone()],
                &weight,
                &ends(None, false, None),
                &mut alone_back,
            );
            assert!(
                alone.iter().zip(&ys[of_y]).all(|(a, b)| a.to_bits() == b.to_bits()),
                "{sizes:?} {isa:?}"
            );
            assert!(
                alone_back.iter().zip(&dxs[of_x]).all(|(a, b)| a.to_bits() == b.to_bits()),
                "{sizes:?} {isa:?}"
            );
        }
    }
}

/// The kernels of their own give the same bits, but for the gradient of weights, whose lines go another way.
fn check_depthwise(
    isa: Isa,
    sizes: &Sizes,
    [xs, weight, bias, dys, gates]: [&[f32]; 5],
    ys: &[f32],
    dxs: &[f32],
    dws: &[[f64; 2]],
) {
    let [picture, output] = sizes.pictures();
    let pictures = xs.len() / picture;
    let (mut own_ys, mut own_dxs) = (vec![f32::NAN; pictures * output], vec![f32::NAN; pictures * picture]);
    let (rows, height) = (pictures * sizes.rows.output, pictures * sizes.rows.input);
    for rows in [0..rows / 2, rows / 2..rows] {
        depthwise::forward(isa, sizes, rows, xs, weight, &ends(Some(bias), true, None), &mut own_ys);
    }
    for rows in [0..height / 2, height / 2..height] {
        depthwise::input_gradient(
            isa,
            sizes,
            rows,
            dys,
            weight,
            &ends(None, false, Some(gates)),
            &mut own_dxs,
        );
    }
    for (own, other) in own_ys.iter().zip(ys).chain(own_dxs.iter().zip(dxs)) {
        assert_eq!(own.to_bits(), other.to_bits(), "{sizes:?} {isa:?}");
    }
    let taps = sizes.rows.taps * sizes.cols.taps;
    let mut own = vec![f32::NAN; weight.len()];
    for taps in [0..taps / 2, taps / 2..taps] {
        let part = &mut own[taps.start * sizes.filters..taps.end * sizes.filters];
        let mut spare = part.to_vec();
        depthwise::weight_gradient(isa, sizes, &taps, xs, dys, &mut spare, part);
    }
    assert_close("weight gradient", sizes, &own, dws, pictures * sizes.rows.output * sizes.cols.output);
}

/// All axes of so few positions, whose outputs need not be what a padding would make them.
fn axes(most: usize) -> Vec<Axis> {
    let mut axes = Vec::new();
    for input in 1..=most {
        for taps in 1..=3 {
            for stride in 1..=2 {
                for dilation in 1..=if taps > 1 { 2 } else { 1 } {
                    for before in 0..=2_usize.min((taps - 1) * dilation) {
                        let output = (input + before).div_ceil(stride);
                        axes.push(Axis { input, output, taps, stride, dilation, before });
                        if output > 1 {
                            axes.push(Axis { input, output: output - 1, taps, stride, dilation, before });
                        }
                    }
                }
            }
        }
    }
    axes
}

#[test]
fn every_small_shape() {
    let mut rng = Rng::new(1);
    let mut shapes = 0;
    let some = Axis { input: 4, output: 4, taps: 3, stride: 1, dilation: 1, before: 1 };
    let strided = Axis { input: 5, output: 3, taps: 3, stride: 2, dilation: 1, before: 1 };
    // Without optimisation a few of them.
    for axis in axes(5).into_iter().step_by(if cfg!(debug_assertions) { 13 } else { 1 }) {
        for other in [some, strided] {
            for [channels, filters, groups] in
                [[1, 1, 1], [3, 2, 1], [2, 17, 1], [4, 6, 2], [3, 3, 3], [17, 17, 17]]
            {
                check(&Sizes { rows: axis, cols: other, channels, filters, groups }, 2, &mut rng);
                check(&Sizes { rows: other, cols: axis, channels, filters, groups }, 2, &mut rng);
                shapes += 2;
            }
        }
    }
    std::println!("{shapes} shapes");
}

#[test]
fn channels_at_every_boundary() {
    let mut rng = Rng::new(2);
    let axis = Axis { input: 6, output: 6, taps: 3, stride: 1, dilation: 1, before: 1 };
    let step = if cfg!(debug_assertions) { 3 } else { 1 };
    for channels in [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 48, 64, 65].into_iter().step_by(step) {
        for filters in [1, 3, 4, 8, 12, 16, 17, 32, 40, 64].into_iter().step_by(step) {
            check(&Sizes { rows: axis, cols: axis, channels, filters, groups: 1 }, 1, &mut rng);
        }
    }
}

/// Weights of which a panel holds a row of taps, and of which it holds one tap or less.
#[test]
fn more_weights_than_a_panel_holds() {
    let mut rng = Rng::new(3);
    let axis = Axis { input: 3, output: 3, taps: 3, stride: 1, dilation: 1, before: 1 };
    let strided = Axis { input: 5, output: 3, taps: 3, stride: 2, dilation: 1, before: 1 };
    for [channels, filters] in [[20, 90], [17, 300], [3, 1100]] {
        for axis in [axis, strided] {
            check(&Sizes { rows: axis, cols: axis, channels, filters, groups: 1 }, 2, &mut rng);
        }
    }
}

/// The last outputs of a line are computed with some before them.
#[test]
fn one_filter_for_each_channel_on_lines_of_every_length() {
    let mut rng = Rng::new(5);
    let rows = Axis { input: 3, output: 3, taps: 2, stride: 1, dilation: 1, before: 1 };
    for (output, stride) in (7..=26).flat_map(|output| [(output, 1), (output, 2)]) {
        let cols = Axis { input: output * stride, output, taps: 3, stride, dilation: 1, before: 1 };
        // Without optimisation one of them, in turn.
        let step = if cfg!(debug_assertions) { 3 } else { 1 };
        for channels in [1, 3, 17].into_iter().skip(output % step).step_by(step) {
            check(&Sizes { rows, cols, channels, filters: channels, groups: channels }, 2, &mut rng);
        }
    }
}

#[test]
fn long_rows_and_segments() {
    let mut rng = Rng::new(4);
    let cols = Axis { input: 40, output: 40, taps: 5, stride: 1, dilation: 1, before: 2 };
    let rows = Axis { input: 30, output: 30, taps: 3, stride: 1, dilation: 1, before: 1 };
    check(&Sizes { rows, cols, channels: 2, filters: 3, groups: 1 }, 5, &mut rng);
}

#[test]
fn wrong_lengths_write_nothing() {
    let axis = Axis { input: 4, output: 4, taps: 3, stride: 1, dilation: 1, before: 1 };
    let sizes = Sizes { rows: axis, cols: axis, channels: 2, filters: 3, groups: 1 };
    let isa = Isa::detect();
    let (xs, weight, bias, ys) = (vec![1.0; 64], vec![1.0; 54], vec![1.0; 3], vec![7.0; 96]);
    for wrong in 0..5 {
        let cut = |slice: &[f32], at: usize| slice[..slice.len() - usize::from(at == wrong)].to_vec();
        let mut out = cut(&ys, 0);
        let rows = if wrong == 4 { 0..9 } else { 0..8 };
        forward(
            isa,
            &sizes,
            rows.clone(),
            &cut(&xs, 1),
            &cut(&weight, 2),
            &ends(Some(&cut(&bias, 3)), false, None),
            &mut out,
        );
        assert!(out.iter().all(|&y| y == 7.0), "{wrong}");
        let mut back = cut(&[7.0; 64], 0);
        input_gradient(
            isa,
            &sizes,
            rows,
            &cut(&ys, 1),
            &cut(&weight, 2),
            &ends(None, false, Some(&cut(&xs, 3))),
            &mut back,
        );
        assert!(back.iter().all(|&y| y == 7.0), "{wrong}");
    }
}

/// A case of PyTorch's file, with the numbers of its fields: see tests/pytorch.
struct Case<'a> {
    name: &'a str,
    fields: Vec<(&'a str, Vec<f64>)>,
}

impl<'a> Case<'a> {
    fn all(text: &'a str) -> Vec<Self> {
        let mut cases: Vec<Self> = Vec::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let mut words = line.split(' ');
            let (name, field) = (words.next().unwrap(), words.next().unwrap());
            let numbers = words.map(|word| word.parse().unwrap()).collect();
            match cases.last_mut() {
                Some(last) if last.name == name => last.fields.push((field, numbers)),
                _ => cases.push(Self { name, fields: vec![(field, numbers)] }),
            }
        }
        cases
    }

    fn field(&self, name: &str) -> &[f64] {
        &self.fields.iter().find(|(field, _)| *field == name).unwrap().1
    }

    fn numbers(&self, name: &str) -> Vec<f32> {
        self.field(name).iter().map(|&x| x as f32).collect()
    }

    fn whole<const N: usize>(&self, name: &str) -> [usize; N] {
        let numbers: Vec<_> = self.field(name).iter().map(|&x| x as usize).collect();
        numbers.try_into().unwrap()
    }

    /// The number of pictures, and the sizes of the convolution from one field's shape to another's.
    fn sizes(&self, from: &str, to: &str, groups: usize) -> (usize, Sizes) {
        let [pictures, height, width, channels] = self.whole(from);
        let [_, out_height, out_width, filters] = self.whole(to);
        let [kh, kw, sh, sw, dh, dw, above, _, left, _] = self.whole("window");
        let rows =
            Axis { input: height, output: out_height, taps: kh, stride: sh, dilation: dh, before: above };
        let cols = Axis { input: width, output: out_width, taps: kw, stride: sw, dilation: dw, before: left };
        (pictures, Sizes { rows, cols, channels, filters, groups })
    }
}

const PYTORCH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/pytorch/convolutions.txt");

/// A transposed convolution is the way back of one from its output to its input.
#[test]
fn pytorchs_transposed_convolutions() {
    let text = std::fs::read_to_string(PYTORCH).unwrap();
    let mut checked = 0;
    for case in Case::all(&text).iter().filter(|case| case.name.starts_with("transposed.")) {
        let (pictures, sizes) = case.sizes("output", "input", 1);
        let Sizes { rows, cols, channels: filters, filters: channels, .. } = sizes;
        let name = case.name;
        let (x, bias, dy) = (case.numbers("x"), case.numbers("bias"), case.numbers("dy"));
        // From taps, channels, features to taps, features, channels.
        let turned = |weight: &[f64]| -> Vec<f64> {
            let taps = weight.chunks(channels * filters);
            taps.flat_map(|tap| (0..channels * filters).map(|i| tap[i % channels * filters + i / channels]))
                .collect()
        };
        let weight: Vec<f32> = turned(case.field("weight")).iter().map(|&x| x as f32).collect();
        for isa in Isa::available() {
            let mut y = vec![f32::NAN; dy.len()];
            let with_bias = ends(Some(&bias), false, None);
            input_gradient(isa, &sizes, 0..pictures * rows.input, &x, &weight, &with_bias, &mut y);
            let mut dx = vec![f32::NAN; x.len()];
            forward(isa, &sizes, 0..pictures * rows.output, &dy, &weight, &ends(None, false, None), &mut dx);
            let tile = Tile { rows: 0..rows.taps * cols.taps * filters, filters: 0..channels };
            let mut dweight = vec![f32::NAN; weight.len()];
            weight_gradient(isa, &sizes, &tile, &dy, &x, &mut dweight.clone(), &mut dweight);
            let close = |what: &str, got: &[f32], expected: &[f64]| {
                assert_eq!(got.len(), expected.len(), "{name} {what}");
                let largest = expected.iter().fold(0.0_f64, |largest, x| largest.max(x.abs()));
                for (got, expected) in got.iter().zip(expected) {
                    assert!(
                        (f64::from(*got) - expected).abs() < 2e-6 * largest,
                        "{name} {what} {isa:?}: {got}, not {expected}"
                    );
                }
            };
            close("y", &y, case.field("y"));
            close("dx", &dx, case.field("dx"));
            close("dweight", &dweight, &turned(case.field("dweight")));
        }
        checked += 1;
    }
    std::println!("{checked} transposed convolutions of PyTorch");
    assert!(checked > 8);
}

/// What PyTorch makes of them: see tests/pytorch.
#[test]
fn pytorchs_convolutions() {
    let text = std::fs::read_to_string(PYTORCH).unwrap();
    let mut checked = 0;
    for case in Case::all(&text).iter().filter(|case| case.name.starts_with("conv.")) {
        let [groups] = case.whole("groups");
        let (pictures, sizes) = case.sizes("input", "output", groups);
        let Sizes { rows, cols, channels, filters, .. } = sizes;
        let (name, taps) = (case.name, rows.taps * cols.taps);
        let (x, weight) = (case.numbers("x"), case.numbers("weight"));
        let (bias, dy) = (case.numbers("bias"), case.numbers("dy"));
        let relu = case.whole("relu") == [1];
        let (of_group, of_filters) = (channels / sizes.groups, filters / sizes.groups);
        for isa in Isa::available() {
            let mut y = vec![f32::NAN; dy.len()];
            forward(
                isa,
                &sizes,
                0..pictures * rows.output,
                &x,
                &weight,
                &ends(Some(&bias), relu, None),
                &mut y,
            );
            // The gradient before the activation.
            let dz: Vec<f32> =
                y.iter().zip(&dy).map(|(y, dy)| if relu && *y <= 0.0 { 0.0 } else { *dy }).collect();
            let mut dx = vec![f32::NAN; x.len()];
            input_gradient(
                isa,
                &sizes,
                0..pictures * rows.input,
                &dz,
                &weight,
                &ends(None, false, None),
                &mut dx,
            );
            let dweight = all_weights(isa, &sizes, taps * of_group, &x, &dz);
            let expected = reference(&sizes, &x, &weight, &bias, &dz);
            let compare =
                |what: &str, got: &[f32], of_pytorch: &[f64], reference: &[[f64; 2]], terms: usize| {
                    assert_eq!(got.len(), of_pytorch.len(), "{name} {what}");
                    for ((got, of_pytorch), [_, magnitude]) in got.iter().zip(of_pytorch).zip(reference) {
                        // Written with nine digits.
                        let bound = (terms + 2) as f64 * f64::from(f32::EPSILON) / 2.0 * magnitude
                            + 1e-8 * of_pytorch.abs()
                            + 1e-30;
                        assert!(
                            (f64::from(*got) - of_pytorch).abs() <= bound,
                            "{name} {what} {isa:?}: {got}, not {of_pytorch}"
                        );
                    }
                };
            compare("y", &y, case.field("y"), &expected.ys, taps * of_group + 1);
            compare("dx", &dx, case.field("dx"), &expected.dxs, taps * of_filters);
            compare(
                "dweight",
                &dweight,
                case.field("dweight"),
                &expected.dws,
                pictures * rows.output * cols.output,
            );
        }
        checked += 1;
    }
    std::println!("{checked} convolutions of PyTorch");
    assert!(checked > 40);
}

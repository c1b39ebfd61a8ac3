//! Convolutions of eight bits, and sums, against the definition: windows of one pixel and of several, strides, dilations, and all remainders
//! of inputs, filters, windows and columns that a kernel may treat apart.

use super::bounded::exact;
use super::int8::{CANARY, byte, double, fill, random, single};
use super::ledger::{Ledger, What};
use crate::board::Failure;
use fusebox::int8::{
    Add, Clamp, Conv2d, DepthwiseConv2d, Double, Join, Multiplier, Quantization, Rounding, Single, Term,
};
use fusebox::layers::{Padding, Same, Steps, Valid, Window};
use fusebox::{Isa, Layer, Rng, Scratch, Zeroed};

/// `H` rows of `W` pixels of `C` numbers.
type Picture<const H: usize, const W: usize, const C: usize> = [[[i8; C]; W]; H];

pub(super) fn check(isa: Isa, ledger: &mut Ledger) -> Result<(), Failure> {
    conv::<6, 5, 3, 6, 5, 8, 3, 3, Window, Double>(isa, ledger)?;
    conv::<6, 5, 3, 6, 5, 8, 3, 3, Window, Single>(isa, ledger)?;
    conv::<7, 5, 4, 4, 3, 4, 3, 3, Window<Same, 2, 2>, Double>(isa, ledger)?;
    conv::<5, 1, 5, 5, 1, 8, 1, 1, Window, Double>(isa, ledger)?;
    conv::<3, 3, 18, 3, 3, 12, 1, 1, Window, Double>(isa, ledger)?;
    conv::<3, 3, 18, 3, 3, 12, 1, 1, Window, Single>(isa, ledger)?;
    conv::<6, 4, 8, 3, 2, 5, 1, 1, Window<Same, 2, 2>, Double>(isa, ledger)?;
    conv::<7, 4, 2, 3, 3, 6, 5, 2, Window<Valid>, Double>(isa, ledger)?;
    conv::<2, 2, 36, 2, 2, 4, 3, 3, Window, Double>(isa, ledger)?;
    conv::<9, 4, 1, 5, 2, 8, 5, 4, Window<Same, 2, 2>, Double>(isa, ledger)?;
    depthwise::<5, 19, 4, 5, 19, 4, 3, 3, Window, Double>(isa, ledger)?;
    depthwise::<5, 19, 4, 5, 19, 4, 3, 3, Window, Single>(isa, ledger)?;
    depthwise::<6, 19, 8, 3, 10, 8, 3, 3, Window<Same, 2, 2>, Double>(isa, ledger)?;
    depthwise::<6, 18, 8, 3, 9, 8, 3, 3, Window<Same, 2, 2>, Single>(isa, ledger)?;
    depthwise::<8, 3, 20, 2, 1, 20, 3, 3, Window<Valid, 4, 1>, Double>(isa, ledger)?;
    depthwise::<1, 1, 4, 1, 1, 4, 3, 3, Window, Double>(isa, ledger)?;
    depthwise::<4, 5, 3, 4, 5, 3, 3, 3, Window, Double>(isa, ledger)?;
    depthwise::<4, 5, 2, 4, 5, 4, 3, 3, Window, Double>(isa, ledger)?;
    depthwise::<5, 4, 21, 5, 4, 21, 2, 2, Window, Double>(isa, ledger)?;
    depthwise::<6, 6, 4, 6, 6, 4, 3, 3, Window<Same, 1, 1, 2, 2>, Double>(isa, ledger)?;
    depthwise::<4, 7, 4, 4, 3, 4, 3, 3, Window<Same, 1, 3>, Double>(isa, ledger)?;
    depthwise::<6, 6, 37, 3, 2, 37, 5, 3, Window<Same, 2, 3>, Single>(isa, ledger)?;
    sums::<1, Double>(isa, ledger)?;
    sums::<37, Double>(isa, ledger)?;
    sums::<64, Single>(isa, ledger)?;
    ledger.kernels += 3;
    Ok(())
}

/// Sums of two arrays of different scales.
#[inline(never)]
fn sums<const N: usize, R: Scaled>(isa: Isa, ledger: &mut Ledger) -> Result<(), Failure> {
    let rng = &mut Rng::new(N as u64);
    let what = What { kernel: "int8 sum", shape: [N, 2, 1] };
    for _ in 0..20 {
        let (mut a, mut b, mut guarded) = ([[0; N]], [[0; N]], [[CANARY; N]; 3]);
        fill(rng, a.as_flattened_mut());
        fill(rng, b.as_flattened_mut());
        let mut some = || Quantization { scale: rng.uniform() + 0.01, zero: byte(rng) };
        let y = some();
        let add = Add::<[i8; N], R>::new(some(), some(), y, Clamp::relu(y))?;
        add.join(isa, &a, &b, guarded.get_mut(1..2).unwrap_or_default());
        let [before, [ys], after] = [0, 1, 2].map(|i| guarded.get(i..i + 1).unwrap_or_default()) else {
            return Err(what.stray());
        };
        if before.as_flattened().iter().chain(after.as_flattened()).any(|&y| y != CANARY) {
            return Err(what.stray());
        }
        let [first, second] = add.terms;
        let term = |x: i8, term: Term| R::BY((i32::from(x) - i32::from(term.zero)) << 20, term.scale);
        let pairs = a.as_flattened().iter().zip(b.as_flattened());
        let numbers = ys.iter().zip(pairs).map(|(&y, (&a, &b))| {
            let sum = term(a, first).wrapping_add(term(b, second));
            (f32::from(y), exact(f32::from(add.clamp.output(R::BY(sum, add.scale)))))
        });
        ledger.enter(what, N, numbers)?;
    }
    Ok(())
}

/// The scaling of a rounding.
trait Scaled: Rounding {
    const BY: fn(i32, Multiplier) -> i32;
}

impl Scaled for Double {
    const BY: fn(i32, Multiplier) -> i32 = double;
}

impl Scaled for Single {
    const BY: fn(i32, Multiplier) -> i32 = single;
}

/// A convolution by the definition, of `[[C; W]; H]` to `[[F; OW]; OH]`.
struct Case<'a> {
    what: What,
    input: [usize; 2],
    output: [usize; 2],
    taps: [usize; 2],
    stride: [usize; 2],
    dilation: [usize; 2],
    same: bool,
    channels: usize,
    filters: usize,
    /// Whether a channel has filters of its own. Then weights are by tap and filter, else by filter, tap and channel.
    apart: bool,
    weight: &'a [i8],
    bias: &'a [i32],
    scale: &'a [Multiplier],
    zero: i8,
    clamp: Clamp,
    by: fn(i32, Multiplier) -> i32,
}

impl Case<'_> {
    /// One without numbers, of the sizes of the input, the output and the taps, and of so many channels and filters.
    fn of<G: Steps, R: Scaled>(
        kernel: &'static str,
        [input, output, taps]: [[usize; 2]; 3],
        [channels, filters]: [usize; 2],
    ) -> Self {
        let [inputs, outputs, all_taps] = [input, output, taps].map(|[rows, cols]| rows * cols);
        Self {
            what: What { kernel, shape: [inputs * channels, all_taps, outputs * filters] },
            input,
            output,
            taps,
            stride: G::STRIDE,
            dilation: G::DILATION,
            same: G::PADDING == Padding::Same,
            channels,
            filters,
            apart: false,
            weight: &[],
            bias: &[],
            scale: &[],
            zero: 0,
            clamp: Clamp { zero: 0, least: 0, most: 0 },
            by: R::BY,
        }
    }

    /// Compares outputs, among guards of a row.
    #[inline(never)]
    fn compare(&self, ledger: &mut Ledger, x: &[i8], guarded: &[i8]) -> Result<(), Failure> {
        let Self { output: [rows, cols], filters, .. } = *self;
        let guard = guarded.len().saturating_sub(rows * cols * filters) / 2;
        let (before, rest) = guarded.split_at_checked(guard).ok_or(self.what.stray())?;
        let (ys, after) = rest.split_at_checked(rows * cols * filters).ok_or(self.what.stray())?;
        if guard == 0 || before.iter().chain(after).any(|&y| y != CANARY) {
            return Err(self.what.stray());
        }
        let numbers = ys.iter().enumerate().map(|(i, &y)| {
            let pixel = i / filters.max(1);
            let place = [pixel / cols.max(1), pixel % cols.max(1)];
            (f32::from(y), exact(f32::from(self.output(x, place, i % filters.max(1)))))
        });
        ledger.enter(self.what, ys.len(), numbers)
    }

    fn output(&self, x: &[i8], place: [usize; 2], filter: usize) -> i8 {
        let Self { taps, channels, filters, zero, .. } = *self;
        let mut sum = self.bias.get(filter).copied().unwrap_or_default();
        for tap in 0..taps[0] * taps[1] {
            let tap = [tap / taps[1].max(1), tap % taps[1].max(1)];
            let at = [self.input(0, place[0], tap[0]), self.input(1, place[1], tap[1])];
            let [Some(row), Some(col)] = at else { continue };
            for channel in 0..channels {
                let of_each = filters / channels.max(1);
                let weight = match self.apart {
                    true if filter / of_each.max(1) != channel => continue,
                    true => (tap[0] * taps[1] + tap[1]) * filters + filter,
                    false => ((filter * taps[0] + tap[0]) * taps[1] + tap[1]) * channels + channel,
                };
                let x = x.get((row * self.input[1] + col) * channels + channel).copied().unwrap_or_default();
                let w = self.weight.get(weight).copied().unwrap_or_default();
                sum = sum.wrapping_add((i32::from(x) - i32::from(zero)) * i32::from(w));
            }
        }
        let none = Multiplier { mantissa: 0, exponent: 0 };
        self.clamp.output((self.by)(sum, self.scale.get(filter).copied().unwrap_or(none)))
    }

    /// Where an output and a tap meet, if not in the padding.
    fn input(&self, axis: usize, output: usize, tap: usize) -> Option<usize> {
        let get = |sizes: &[usize; 2]| sizes.get(axis).copied().unwrap_or_default();
        let (input, stride, dilation) = (get(&self.input), get(&self.stride), get(&self.dilation));
        let seen = (get(&self.output) - 1) * stride + (get(&self.taps) - 1) * dilation + 1;
        let before = if self.same { seen.saturating_sub(input) / 2 } else { 0 };
        (output * stride + tap * dilation).checked_sub(before).filter(|&at| at < input)
    }
}

/// Minus `zero` times the weights of every filter.
fn folded(mut bias: i32, zero: i8, weights: impl Iterator<Item = i8>) -> i32 {
    for w in weights {
        bias = bias.wrapping_sub(i32::from(zero) * i32::from(w));
    }
    bias
}

#[inline(never)]
fn conv<
    const H: usize,
    const W: usize,
    const C: usize,
    const OH: usize,
    const OW: usize,
    const F: usize,
    const KH: usize,
    const KW: usize,
    G: Steps,
    R: Scaled,
>(
    isa: Isa,
    ledger: &mut Ledger,
) -> Result<(), Failure> {
    let rng = &mut Rng::new((H * W * C * F) as u64);
    let (mut weight, mut bias, mut x) = ([[[[0; C]; KW]; KH]; F], [0; F], [[[[0; C]; W]; H]; 1]);
    fill(rng, weight.as_flattened_mut().as_flattened_mut().as_flattened_mut());
    fill(rng, x.as_flattened_mut().as_flattened_mut().as_flattened_mut());
    let mut layer = Conv2d::<Picture<H, W, C>, Picture<OH, OW, F>, KH, KW, C, F, G, R>::ZEROED;
    layer.zero = byte(rng);
    layer.clamp = random(rng, &mut bias, &mut layer.scale)?;
    for ((folded_bias, &bias), weight) in layer.bias.iter_mut().zip(&bias).zip(&weight) {
        *folded_bias = folded(bias, layer.zero, weight.as_flattened().as_flattened().iter().copied());
    }
    fusebox::int8::tile(
        weight.as_flattened().as_flattened().as_flattened(),
        layer.weight.as_flattened_mut().as_flattened_mut().as_flattened_mut(),
        F,
    );
    let mut guarded = [[[[CANARY; F]; OW]; OH]; 3];
    let ys = guarded.get_mut(1..2).unwrap_or_default();
    layer.infer_with(isa, &x, &mut Scratch::<_, 1>::new(), ys)?;
    let case = Case {
        weight: weight.as_flattened().as_flattened().as_flattened(),
        bias: &bias,
        scale: &layer.scale,
        zero: layer.zero,
        clamp: layer.clamp,
        ..Case::of::<G, R>("int8 convolution", [[H, W], [OH, OW], [KH, KW]], [C, F])
    };
    let guarded = guarded.as_flattened().as_flattened().as_flattened();
    case.compare(ledger, x.as_flattened().as_flattened().as_flattened(), guarded)
}

#[inline(never)]
fn depthwise<
    const H: usize,
    const W: usize,
    const C: usize,
    const OH: usize,
    const OW: usize,
    const F: usize,
    const KH: usize,
    const KW: usize,
    G: Steps,
    R: Scaled,
>(
    isa: Isa,
    ledger: &mut Ledger,
) -> Result<(), Failure> {
    let rng = &mut Rng::new((H * W * C * F) as u64);
    let (mut bias, mut x) = ([0; F], [[[[0; C]; W]; H]; 1]);
    let mut layer = DepthwiseConv2d::<Picture<H, W, C>, Picture<OH, OW, F>, KH, KW, F, G, R>::ZEROED;
    fill(rng, layer.weight.as_flattened_mut().as_flattened_mut());
    fill(rng, x.as_flattened_mut().as_flattened_mut().as_flattened_mut());
    layer.zero = byte(rng);
    layer.clamp = random(rng, &mut bias, &mut layer.scale)?;
    let weight = layer.weight.as_flattened().as_flattened();
    for (i, (folded_bias, &bias)) in layer.bias.iter_mut().zip(&bias).enumerate() {
        *folded_bias = folded(bias, layer.zero, weight.iter().skip(i).step_by(F).copied());
    }
    let mut guarded = [[[[CANARY; F]; OW]; OH]; 3];
    let ys = guarded.get_mut(1..2).unwrap_or_default();
    layer.infer_with(isa, &x, &mut Scratch::<_, 1>::new(), ys)?;
    let case = Case {
        apart: true,
        weight: layer.weight.as_flattened().as_flattened(),
        bias: &bias,
        scale: &layer.scale,
        zero: layer.zero,
        clamp: layer.clamp,
        ..Case::of::<G, R>("int8 depthwise convolution", [[H, W], [OH, OW], [KH, KW]], [C, F])
    };
    let guarded = guarded.as_flattened().as_flattened().as_flattened();
    case.compare(ledger, x.as_flattened().as_flattened().as_flattened(), guarded)
}

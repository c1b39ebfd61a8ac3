//! Pools and normalisation against PyTorch's: see tests/pytorch. (Convolutions are compared beside their kernels.)

use crate::rows::numbers;
use crate::support::isas::isas;
use crate::support::vectors::Vectors;
use fusebox::layers::{
    Around, AvgPool2d, BatchNorm, Causal, Derivative, GlobalAvgPool, GlobalMaxPool, GroupNorm, InputGradient,
    MaxPool2d, Same, Steps, Valid, Window,
};
use fusebox::{Isa, Layer, Optimizer, Plain, Sgd, Train, Whole, Zeroed};

type Map<const H: usize, const W: usize, const C: usize> = [[[f32; C]; W]; H];

fn vectors() -> Vectors {
    Vectors::read(include_str!("../pytorch/convolutions.txt"), 2)
}

fn of(vectors: &Vectors, case: &str, field: &str) -> Vec<f64> {
    vectors.f64s(&format!("{case} {field}")).to_vec()
}

/// A field's numbers as pictures.
fn pictures<P: Plain>(vectors: &Vectors, case: &str, field: &str) -> Vec<P> {
    let numbers = vectors.f32s(&format!("{case} {field}"));
    let bytes: Vec<u8> = numbers.iter().flat_map(|x| x.to_le_bytes()).collect();
    bytes.chunks_exact(size_of::<P>()).map(|bytes| P::copy_from_bytes(bytes).unwrap()).collect()
}

/// Within so many units in the last place of the largest number there, and what nine digits leave open.
fn assert_close(what: &str, isa: Isa, got: &[f32], expected: &[f64], units: f64) {
    assert_eq!(got.len(), expected.len(), "{what}");
    let largest = expected.iter().fold(0.0_f64, |largest, x| largest.max(x.abs()));
    for (got, expected) in got.iter().zip(expected) {
        let bound = largest * (units * f64::from(f32::EPSILON) + 1e-8);
        assert!((f64::from(*got) - expected).abs() <= bound, "{what} {isa}: {got}, not {expected}");
    }
}

/// A layer's outputs and gradient.
fn check<L: Train<Input: Plain, Tape = (), Gradients = ()>>(case: &str, which: &str, layer: &L) {
    let vectors = vectors();
    let field = |name: &str| of(&vectors, case, name);
    let (xs, dys): (Vec<L::Input>, Vec<L::Output>) =
        (pictures(&vectors, case, "x"), pictures(&vectors, case, "dy"));
    for isa in isas() {
        let (mut ys, mut dxs) = (dys.clone(), xs.clone());
        layer.run(isa, &xs, &mut [], &mut ys);
        assert_close(case, isa, &numbers(&ys), &field(&format!("{which}_y")), 4.0);
        let dx = InputGradient::into(&mut dxs, Derivative::One);
        layer.backward(&mut Whole::on(isa), &xs, &vec![(); xs.len()], &dys, &mut vec![(); xs.len()], dx);
        assert_close(case, isa, &numbers(&dxs), &field(&format!("{which}_dx")), 4.0);
    }
}

fn both<
    const H: usize,
    const W: usize,
    const C: usize,
    const OH: usize,
    const OW: usize,
    const KH: usize,
    const KW: usize,
    G: Steps,
>(
    case: &str,
) where
    MaxPool2d<Map<H, W, C>, Map<OH, OW, C>, KH, KW, G>:
        Train<Input = Map<H, W, C>, Tape = (), Gradients = ()>,
    AvgPool2d<Map<H, W, C>, Map<OH, OW, C>, KH, KW, G>:
        Train<Input = Map<H, W, C>, Tape = (), Gradients = ()>,
{
    check(case, "max", &MaxPool2d::<Map<H, W, C>, Map<OH, OW, C>, KH, KW, G>::ZEROED);
    check(case, "average", &AvgPool2d::<Map<H, W, C>, Map<OH, OW, C>, KH, KW, G>::ZEROED);
}

#[test]
fn pools() {
    both::<4, 6, 3, 2, 3, 2, 2, Window<Valid, 2, 2>>("pool.halving");
    both::<5, 3, 2, 3, 2, 2, 2, Window<Same, 2, 2>>("pool.same_2x2_odd");
    both::<4, 5, 2, 4, 5, 3, 3, Window>("pool.same_3x3");
    both::<6, 4, 2, 3, 2, 3, 3, Window<Same, 2, 2>>("pool.same_3x3_stride_even");
    both::<6, 5, 2, 3, 3, 3, 3, Window<Around<1>, 2, 2>>("pool.around_3x3_stride");
    both::<5, 7, 2, 2, 3, 3, 3, Window<Valid, 2, 2>>("pool.valid_3x3_overlapping");
    both::<4, 5, 3, 2, 3, 2, 3, Window<Valid, 2, 1>>("pool.valid_2x3_stride_2_1");
    both::<4, 3, 5, 1, 1, 4, 3, Window<Valid>>("pool.global");
    both::<2, 4, 19, 1, 2, 2, 2, Window<Valid, 2, 2>>("pool.wide");
    both::<1, 8, 3, 1, 4, 1, 2, Window<Valid, 1, 2>>("pool.sequence");
    both::<4, 4, 2, 4, 4, 3, 3, Window>("pool.negative");
    both::<6, 6, 2, 3, 3, 2, 2, Window<Valid, 2, 2>>("pool.ties");
    both::<5, 5, 2, 3, 3, 3, 3, Window<Around<1>, 2, 2>>("pool.ties_overlapping");
    check("pool.global", "max", &GlobalMaxPool::<Map<4, 3, 5>, 5>::ZEROED);
    check("pool.global", "average", &GlobalAvgPool::<Map<4, 3, 5>, 5>::ZEROED);
    // One position, whatever is before it.
    let causal = MaxPool2d::<Map<1, 8, 3>, Map<1, 8, 3>, 1, 1, Window<Causal>>::ZEROED;
    let xs = pictures::<Map<1, 8, 3>>(&vectors(), "pool.sequence", "x");
    let mut ys = xs.clone();
    causal.run(Isa::detect(), &xs, &mut [], &mut ys);
    assert_eq!(xs, ys);
}

/// Steps of training, one after the other, none of which changes the gain or the shift; then inference.
fn normalises<const H: usize, const W: usize, const C: usize>(case: &str, steps: usize) {
    let vectors = vectors();
    let of_layer = |field: &str| pictures::<[f32; C]>(&vectors, case, field)[0];
    for isa in isas() {
        let mut layer = BatchNorm::<Map<H, W, C>, C>::ZEROED;
        (layer.gain, layer.shift) = (of_layer("weight"), of_layer("bias"));
        (layer.mean, layer.variance) = (of_layer("mean"), of_layer("variance"));
        for step in 1..=steps {
            let case = format!("{case}.step_{step}");
            let field = |name: &str| of(&vectors, &case, name);
            let xs = pictures::<Map<H, W, C>>(&vectors, &case, "x");
            let dys = pictures::<Map<H, W, C>>(&vectors, &case, "dy");
            let (mut ys, mut dxs) = (xs.clone(), xs.clone());
            let mut tape = vec![Zeroed::ZEROED; xs.len()];
            let mut gradients = vec![Zeroed::ZEROED; xs.len()];
            let (pace, mut memory) = (&mut Whole::on(isa), ());
            layer.forward(pace, &xs, Some(&memory), &mut tape, &mut ys);
            assert_close(&case, isa, &numbers(&ys), &field("y"), 64.0);
            let dx = InputGradient::into(&mut dxs, Derivative::One);
            layer.backward(pace, &xs, &tape, &dys, &mut gradients, dx);
            // Where a variance is far below epsilon, what is divided by its root is a difference of large numbers.
            let units = if case.contains("hard") { 4096.0 } else { 64.0 };
            assert_close(&case, isa, &numbers(&dxs), &field("dx"), units);
            let (before, sgd) = (layer, Sgd::new(1.0));
            let mut state = Zeroed::ZEROED;
            layer.update::<Sgd, _>(
                pace,
                &xs,
                &tape,
                &dys,
                &gradients,
                &mut sgd.begin(&mut (), 1.0),
                &mut state,
            );
            let moved = |before: [f32; C], after: [f32; C]| -> Vec<f32> {
                before.iter().zip(after).map(|(before, after)| before - after).collect()
            };
            assert_close(&case, isa, &moved(before.gain, layer.gain), &field("dweight"), 64.0);
            assert_close(&case, isa, &moved(before.shift, layer.shift), &field("dbias"), 64.0);
            (layer.gain, layer.shift) = (before.gain, before.shift);
            layer.remember(pace, &xs, &tape, &mut memory);
            assert_close(&case, isa, &layer.mean, &field("mean"), 4.0);
            assert_close(&case, isa, &layer.variance, &field("variance"), 4.0);
        }
        let case = format!("{case}.evaluation");
        let first = format!("{}.step_1", case.trim_end_matches(".evaluation"));
        let xs = pictures::<Map<H, W, C>>(&vectors, &first, "x");
        let mut ys = xs.clone();
        layer.run(isa, &xs, &mut [], &mut ys);
        let units = if case.contains("hard") { 4096.0 } else { 64.0 };
        assert_close(&case, isa, &numbers(&ys), &of(&vectors, &case, "y"), units);
    }
}

#[test]
fn batch_normalisation() {
    normalises::<3, 2, 4>("batch_norm.pictures", 2);
    normalises::<1, 1, 5>("batch_norm.rows", 2);
    normalises::<2, 2, 3>("batch_norm.hard", 1);
    normalises::<1, 1, 19>("batch_norm.wide", 1);
}

/// Forward and backward, and the gradients of gain and shift by a step that subtracts them.
fn normalises_groups<const H: usize, const W: usize, const C: usize, const GROUPS: usize>(case: &str) {
    let vectors = vectors();
    let field = |name: &str| of(&vectors, case, name);
    assert_eq!(field("groups"), [GROUPS as f64], "{case}");
    let of_layer = |field: &str| pictures::<[f32; C]>(&vectors, case, field)[0];
    let xs = pictures::<Map<H, W, C>>(&vectors, case, "x");
    let dys = pictures::<Map<H, W, C>>(&vectors, case, "dy");
    for isa in isas() {
        let mut layer = GroupNorm::<Map<H, W, C>, C, GROUPS>::ZEROED;
        (layer.gain, layer.shift) = (of_layer("weight"), of_layer("bias"));
        let (pace, mut ys, mut dxs) = (&mut Whole::on(isa), xs.clone(), xs.clone());
        let (mut tape, mut gradients) = (vec![Zeroed::ZEROED; xs.len()], vec![Zeroed::ZEROED; xs.len()]);
        layer.forward(pace, &xs, Some(&()), &mut tape, &mut ys);
        assert_close(case, isa, &numbers(&ys), &field("y"), 16.0);
        let dx = InputGradient::into(&mut dxs, Derivative::One);
        layer.backward(pace, &xs, &tape, &dys, &mut gradients, dx);
        assert_close(case, isa, &numbers(&dxs), &field("dx"), 16.0);
        let (before, sgd, mut state) = (layer, Sgd::new(1.0), Zeroed::ZEROED);
        let sweep = &mut sgd.begin(&mut (), 1.0);
        layer.update::<Sgd, _>(pace, &xs, &tape, &dys, &gradients, sweep, &mut state);
        let moved = |before: [f32; C], after: [f32; C]| -> Vec<f32> {
            before.iter().zip(after).map(|(before, after)| before - after).collect()
        };
        assert_close(case, isa, &moved(before.gain, layer.gain), &field("dweight"), 16.0);
        assert_close(case, isa, &moved(before.shift, layer.shift), &field("dbias"), 16.0);
    }
}

#[test]
fn group_normalisation() {
    normalises_groups::<3, 2, 6, 2>("group_norm.pictures");
    normalises_groups::<2, 3, 5, 1>("group_norm.one_group");
    normalises_groups::<3, 3, 4, 4>("group_norm.instance");
    normalises_groups::<1, 5, 4, 2>("group_norm.sequence");
    normalises_groups::<1, 1, 6, 2>("group_norm.pixel");
    normalises_groups::<2, 3, 38, 19>("group_norm.wide");
    normalises_groups::<2, 2, 6, 3>("group_norm.hard");
}

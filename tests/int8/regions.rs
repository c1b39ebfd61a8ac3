//! Concatenations, splits, parts, borders and other shapes. These operators move bytes: whose they are does not matter.

use crate::goldens::{Goldens, Map, Of, Operator};
use fusebox::Layer;
use fusebox::int8::{Concat, Pad, Parallel, Region, Slice, Tensor};

type Input = Map<4, 6, 6>;

/// Part of an input, by rows, columns and channels.
fn part<O: Tensor>(start: [u32; 3], part: [u32; 3], step: [i32; 3]) -> Slice<Input, O> {
    let (start, part, step) = (four(0, start), four(1, part), four(1, step));
    Slice::new(Region { whole: [1, 4, 6, 6], part, start, step }).expect("a part of the input")
}

/// Adjacent numbers.
fn adjacent<const H: usize, const W: usize, const C: usize>(start: [u32; 3]) -> Slice<Input, Map<H, W, C>> {
    part(start, [H as u32, W as u32, C as u32], [1; 3])
}

/// An input with a border.
fn pad<O: Tensor>(start: [u32; 3], whole: [u32; 3], value: i8) -> Pad<Input, O> {
    let (start, whole) = (four(0, start), four(1, whole));
    Pad::new(Region { whole, part: [1, 4, 6, 6], start, step: [1; 4] }, value).expect("a part of the output")
}

fn four<T: Copy>(first: T, [a, b, c]: [T; 3]) -> [T; 4] {
    [first, a, b, c]
}

/// Two layers' outputs, `first` numbers of the one and `second` of the other at a time.
fn concat<A, B, Y>(first: (A, usize), second: (B, usize)) -> Parallel<A, B, Concat<Y>> {
    let join = Concat { first: first.1, second: second.1, shape: Default::default() };
    Parallel { first: first.0, second: second.0, join }
}

/// Both interpreters move the same bytes.
fn check<L: Layer<Input: Tensor, Output: Tensor>>(goldens: &Goldens, name: &str, layer: &L) {
    for of in [Of::Micro, Of::Reference] {
        goldens.check(name, of, layer);
    }
}

pub(crate) fn run(goldens: &Goldens) {
    concatenations(goldens);
    parts(goldens);
    borders(goldens);
}

fn concatenations(goldens: &Goldens) {
    let (last, first) = (adjacent::<4, 6, 3>([0, 0, 3]), adjacent::<4, 6, 3>([0; 3]));
    check(goldens, "concat_channels", &concat::<_, _, Input>((last, 3), (first, 3)));

    let (last, first, middle) =
        (adjacent::<4, 6, 2>([0, 0, 4]), adjacent::<4, 6, 1>([0; 3]), adjacent::<4, 6, 3>([0, 0, 1]));
    let two = concat::<_, _, Map<4, 6, 3>>((last, 2), (first, 1));
    check(goldens, "concat_channels_of_3", &concat::<_, _, Input>((two, 3), (middle, 3)));

    let (last, first) = (adjacent::<3, 6, 6>([1, 0, 0]), adjacent::<1, 6, 6>([0; 3]));
    check(goldens, "concat_rows", &concat::<_, _, Input>((last, 3 * 36), (first, 36)));

    let (last, middle, first) =
        (adjacent::<4, 3, 6>([0, 3, 0]), adjacent::<4, 2, 6>([0, 1, 0]), adjacent::<4, 1, 6>([0; 3]));
    let two = concat::<_, _, Map<4, 5, 6>>((last, 3 * 6), (middle, 2 * 6));
    check(goldens, "concat_columns_of_3", &concat::<_, _, Input>((two, 5 * 6), (first, 6)));

    let third = |i: u32| adjacent::<4, 6, 2>([0, 0, 2 * i]);
    let two = concat::<_, _, Map<4, 12, 2>>((third(2), 12), (third(1), 12));
    check(goldens, "split", &concat::<_, _, Map<4, 18, 2>>((two, 24), (third(0), 12)));
}

fn parts(goldens: &Goldens) {
    check(goldens, "slice", &adjacent::<3, 3, 5>([1, 2, 1]));
    check(goldens, "slice_steps", &part::<Map<2, 2, 3>>([0, 1, 0], [2, 2, 3], [2, 3, 2]));
    check(goldens, "slice_one_row", &part::<[[i8; 6]; 6]>([2, 0, 0], [1, 6, 6], [1; 3]));
    check(goldens, "slice_backwards", &part::<Map<3, 3, 2>>([3, 5, 5], [3, 3, 2], [-1, -2, -3]));

    let all = [1, 1, 1, 4 * 6 * 6];
    let region = Region { whole: all, part: all, start: [0; 4], step: [1; 4] };
    check(goldens, "reshape", &Slice::<Input, [[i8; 9]; 16]>::new(region).expect("all of it"));
}

fn borders(goldens: &Goldens) {
    let zero = |name| Operator::first(goldens, name).quantization("x0").zero;
    check(goldens, "pad", &pad::<Map<7, 7, 6>>([1, 0, 0], [7, 7, 6], zero("pad")));
    check(goldens, "pad_channels", &pad::<Map<4, 6, 9>>([0, 0, 1], [4, 6, 9], zero("pad_channels")));
    let value = goldens.bytes(&Operator::first(goldens, "pad_value").parameter("c2"));
    check(goldens, "pad_value", &pad::<Map<5, 8, 6>>([0, 2, 0], [5, 8, 6], value));
}

//! Whole networks: their layers one after another, side by side, around each other.

use crate::goldens::{Goldens, Map, Of, Operator};
use crate::joins::add;
use crate::products::{conv, dense, depthwise};
use fusebox::Chain;
use fusebox::int8::{
    AvgPool2d, Clamp, Concat, Double, MaxPool2d, Mean, Parallel, Region, Residual, Rounding, Single, Slice,
    Softmax, Table, Tensor,
};
use fusebox::layers::{Same, Valid, Window};

type Once = Window<Same>;
type Halving = Window<Same, 2, 2>;

fn chain<A, B>(first: A, rest: B) -> Chain<A, B> {
    Chain { first, rest }
}

/// All numbers of a picture as a row.
fn row<I: Tensor, const N: usize>() -> Slice<I, [i8; N]> {
    let all = [1, 1, 1, N as u32];
    Slice::new(Region { whole: all, part: all, start: [0; 4], step: [1; 4] }).expect("all of it")
}

pub(crate) fn run(goldens: &Goldens) {
    resnet(goldens);
    ds_cnn(goldens);
    mobilenet(goldens);
    inception(goldens);
    autoencoder::<Double>(goldens, Of::Micro);
    autoencoder::<Single>(goldens, Of::Reference);
}

/// Two blocks of two convolutions; the second one's shortcut is a convolution too.
fn resnet(goldens: &Goldens) {
    let at = |index| Operator { goldens, case: "resnet", index };
    type Large = Map<8, 8, 6>;
    type Small = Map<4, 4, 10>;
    type Pool = AvgPool2d<Small, Map<1, 1, 10>, 4, 4, Window<Valid, 4, 4>>;

    let stem = conv::<Double, Map<8, 8, 3>, Large, 3, 3, 3, 6, Once>(at(0), Clamp::relu);
    let same = chain(
        conv::<Double, Large, Large, 3, 3, 6, 6, Once>(at(1), Clamp::relu),
        conv::<Double, Large, Large, 3, 3, 6, 6, Once>(at(2), Clamp::of),
    );
    let same = Residual { layer: same, join: add::<Large>(at(3), Clamp::relu) };
    let halving = chain(
        conv::<Double, Large, Small, 3, 3, 6, 10, Halving>(at(4), Clamp::relu),
        conv::<Double, Small, Small, 3, 3, 10, 10, Once>(at(5), Clamp::of),
    );
    let shortcut = conv::<Double, Large, Small, 1, 1, 6, 10, Halving>(at(6), Clamp::of);
    let halving = Parallel { first: shortcut, second: halving, join: add::<Small>(at(7), Clamp::relu) };
    let pool = Pool::new(Clamp::of(at(8).quantization("y0")));
    let classes = chain(row::<Map<1, 1, 10>, 10>(), dense::<Double, 10, 5>(at(9), Clamp::of));
    let softmax = Softmax::<5>::new(at(10).quantization("x0"), 1.0).expect("a scale of a model");
    let net = chain(stem, chain(same, chain(halving, chain(pool, chain(classes, softmax)))));
    goldens.check("resnet", Of::Micro, &net);
}

/// Depthwise convolutions, each followed by one of 1 x 1.
fn ds_cnn(goldens: &Goldens) {
    let at = |index| Operator { goldens, case: "ds_cnn", index };
    type Middle = Map<6, 4, 8>;
    type Pool = AvgPool2d<Middle, Map<1, 1, 8>, 6, 4, Window<Valid, 6, 4>>;

    let stem = conv::<Double, Map<12, 8, 1>, Middle, 5, 3, 1, 8, Halving>(at(0), Clamp::relu);
    let separable = |first| {
        chain(
            depthwise::<Double, Middle, Middle, 3, 3, 8, Once>(at(first), Clamp::relu),
            conv::<Double, Middle, Middle, 1, 1, 8, 8, Once>(at(first + 1), Clamp::relu),
        )
    };
    let pool = Pool::new(Clamp::of(at(5).quantization("y0")));
    let classes = chain(row::<Map<1, 1, 8>, 8>(), dense::<Double, 8, 6>(at(6), Clamp::of));
    let softmax = Softmax::<6>::new(at(7).quantization("x0"), 1.0).expect("a scale of a model");
    let net = chain(stem, chain(separable(1), chain(separable(3), chain(pool, chain(classes, softmax)))));
    goldens.check("ds_cnn", Of::Micro, &net);
}

/// Twelve channels inside of a block, four or seven outside.
fn mobilenet(goldens: &Goldens) {
    let at = |index| Operator { goldens, case: "mobilenet", index };
    type Outside = Map<4, 4, 4>;
    type Inside = Map<4, 4, 12>;
    type Halved = Map<2, 2, 12>;

    let stem = conv::<Double, Map<8, 8, 3>, Outside, 3, 3, 3, 4, Halving>(at(0), Clamp::relu6);
    let same = chain(
        conv::<Double, Outside, Inside, 1, 1, 4, 12, Once>(at(1), Clamp::relu6),
        chain(
            depthwise::<Double, Inside, Inside, 3, 3, 12, Once>(at(2), Clamp::relu6),
            conv::<Double, Inside, Outside, 1, 1, 12, 4, Once>(at(3), Clamp::of),
        ),
    );
    let same = Residual { layer: same, join: add::<Outside>(at(4), Clamp::of) };
    let halving = chain(
        conv::<Double, Outside, Inside, 1, 1, 4, 12, Once>(at(5), Clamp::relu6),
        chain(
            depthwise::<Double, Inside, Halved, 3, 3, 12, Halving>(at(6), Clamp::relu6),
            conv::<Double, Halved, Map<2, 2, 7>, 1, 1, 12, 7, Once>(at(7), Clamp::of),
        ),
    );
    let (x, y) = (at(8).quantization("x0"), at(8).quantization("y0"));
    let mean = Mean::<Map<2, 2, 7>, 7>::new(x, y).expect("scales of a model");
    let classes = dense::<Double, 7, 4>(at(9), Clamp::of);
    let net = chain(stem, chain(same, chain(halving, chain(mean, classes))));
    goldens.check("mobilenet", Of::Micro, &net);
}

/// Three branches side by side, the third a pool of the input itself.
fn inception(goldens: &Goldens) {
    let at = |index| Operator { goldens, case: "inception", index };
    type Input = Map<4, 5, 2>;

    let points = conv::<Double, Input, Map<4, 5, 3>, 1, 1, 2, 3, Once>(at(0), Clamp::relu);
    let windows = conv::<Double, Input, Map<4, 5, 4>, 3, 3, 2, 4, Once>(at(1), Clamp::relu);
    let largest = MaxPool2d::<Input, Input, 3, 3, Once>::new(Clamp::of(at(2).quantization("y0")));
    let two = Parallel { first: points, second: windows, join: channels::<Map<4, 5, 7>>(3, 4) };
    let three = Parallel { first: two, second: largest, join: channels::<Map<4, 5, 9>>(7, 2) };
    let classes =
        chain(row::<Map<4, 5, 9>, { 4 * 5 * 9 }>(), dense::<Double, { 4 * 5 * 9 }, 3>(at(5), Clamp::of));
    let logistic = Table::<[i8; 3]>::logistic(at(6).quantization("x0")).expect("a scale of a model");
    let net = chain(three, chain(classes, logistic));
    goldens.check("inception", Of::Micro, &net);
}

fn channels<Y: Tensor>(first: usize, second: usize) -> Concat<Y> {
    Concat { first, second, shape: Default::default() }
}

fn autoencoder<R: Rounding>(goldens: &Goldens, of: Of) {
    let at = |index| Operator { goldens, case: "autoencoder", index };
    let net = chain(
        chain(dense::<R, 20, 16>(at(0), Clamp::relu), dense::<R, 16, 4>(at(1), Clamp::relu)),
        chain(dense::<R, 4, 16>(at(2), Clamp::relu), dense::<R, 16, 20>(at(3), Clamp::of)),
    );
    goldens.check("autoencoder", of, &net);
}

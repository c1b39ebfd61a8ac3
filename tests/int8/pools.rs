//! Pools, and means over pictures.

use crate::goldens::{Goldens, Map, Of, Operator};
use crate::products::Activation;
use fusebox::int8::{AvgPool2d, Clamp, Double, MaxPool2d, Mean, Picture};
use fusebox::layers::{Same, Steps, Valid, Window};

fn average<I: Picture<Number = i8>, O: Picture<Number = i8>, const KH: usize, const KW: usize, G: Steps>(
    goldens: &Goldens,
    name: &str,
    activation: Activation,
) {
    let y = Operator::first(goldens, name).quantization("y0");
    for of in [Of::Micro, Of::Reference] {
        goldens.check(name, of, &AvgPool2d::<I, O, KH, KW, G>::new(activation(y)));
    }
}

fn largest<I: Picture<Number = i8>, O: Picture<Number = i8>, const KH: usize, const KW: usize, G: Steps>(
    goldens: &Goldens,
    name: &str,
    activation: Activation,
) {
    let y = Operator::first(goldens, name).quantization("y0");
    for of in [Of::Micro, Of::Reference] {
        goldens.check(name, of, &MaxPool2d::<I, O, KH, KW, G>::new(activation(y)));
    }
}

fn mean<I: Picture<Number = i8>, const C: usize>(goldens: &Goldens, name: &str) {
    let operator = Operator::first(goldens, name);
    let (x, y) = (operator.quantization("x0"), operator.quantization("y0"));
    let layer = Mean::<I, C, Double>::new(x, y).expect("scales of a model");
    for of in [Of::Micro, Of::Reference] {
        goldens.check(name, of, &layer);
    }
}

pub(crate) fn run(goldens: &Goldens) {
    type Halving = Window<Same, 2, 2>;

    average::<Map<5, 7, 3>, Map<2, 3, 3>, 2, 2, Window<Valid, 2, 2>>(goldens, "average_2x2_valid", Clamp::of);
    average::<Map<5, 6, 3>, Map<5, 6, 3>, 3, 3, Window<Same>>(goldens, "average_3x3_same", Clamp::of);
    average::<Map<5, 6, 5>, Map<3, 3, 5>, 3, 3, Halving>(goldens, "average_3x3_same_stride2", Clamp::of);
    average::<Map<6, 5, 17>, Map<3, 3, 17>, 2, 3, Window<Valid, 2, 1>>(goldens, "average_2x3", Clamp::of);
    average::<Map<5, 5, 16>, Map<1, 1, 16>, 5, 5, Window<Valid, 5, 5>>(goldens, "average_whole", Clamp::of);
    average::<Map<6, 6, 2>, Map<6, 6, 2>, 4, 4, Window<Same>>(goldens, "average_zero_min", Clamp::of);
    average::<Map<6, 6, 2>, Map<3, 3, 2>, 3, 3, Halving>(goldens, "average_zero_max", Clamp::of);
    average::<Map<5, 6, 3>, Map<4, 5, 3>, 2, 2, Window<Valid>>(goldens, "average_relu", Clamp::relu);

    largest::<Map<5, 7, 3>, Map<2, 3, 3>, 2, 2, Window<Valid, 2, 2>>(goldens, "largest_2x2_valid", Clamp::of);
    largest::<Map<5, 6, 5>, Map<5, 6, 5>, 3, 3, Window<Same>>(goldens, "largest_3x3_same", Clamp::of);
    largest::<Map<6, 6, 17>, Map<3, 3, 17>, 3, 3, Halving>(goldens, "largest_3x3_same_stride2", Clamp::of);
    largest::<Map<5, 6, 1>, Map<3, 3, 1>, 3, 2, Window<Valid, 1, 2>>(goldens, "largest_3x2", Clamp::of);
    largest::<Map<5, 6, 3>, Map<4, 5, 3>, 2, 2, Window<Valid>>(goldens, "largest_relu6", Clamp::relu6);

    mean::<Map<5, 7, 3>, 3>(goldens, "mean");
    mean::<Map<4, 4, 5>, 5>(goldens, "mean_keeping_axes");
    mean::<Map<1, 1, 7>, 7>(goldens, "mean_of_one_pixel");
    mean::<Map<4, 4, 17>, 17>(goldens, "mean_17");
    mean::<Map<1, 1, 32>, 32>(goldens, "mean_ties");
    mean::<Map<3, 5, 4>, 4>(goldens, "mean_same_scale");
    mean::<Map<4, 3, 4>, 4>(goldens, "mean_zeros_apart");
    mean::<Map<3, 3, 4>, 4>(goldens, "mean_to_smaller");
    mean::<Map<9, 9, 2>, 2>(goldens, "mean_to_larger");
}

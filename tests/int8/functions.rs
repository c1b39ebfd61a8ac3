//! Functions of one number, the softmax, and changes of scale.

use crate::goldens::{Goldens, Of, Operator};
use fusebox::Error;
use fusebox::int8::{Clamp, Dequantize, Double, Quantization, Quantize, Softmax, Table};

/// Every byte once.
type Bytes = Table<[i8; 256]>;

pub(crate) fn run(goldens: &Goldens) {
    functions(goldens);
    softmaxes(goldens);
    scales(goldens);
}

fn table(
    goldens: &Goldens,
    name: &str,
    of: &[Of],
    make: impl Fn(Quantization, Quantization) -> Result<Bytes, Error>,
) {
    let operator = Operator::first(goldens, name);
    let layer = make(operator.quantization("x0"), operator.quantization("y0")).expect("scales of a model");
    for &of in of {
        goldens.check(name, of, &layer);
    }
}

const BOTH: [Of; 2] = [Of::Micro, Of::Reference];

fn functions(goldens: &Goldens) {
    for (scale, of) in [
        ("", &BOTH[..]),
        ("_tiny", &BOTH),
        ("_eighth", &BOTH),
        ("_wide", &BOTH),
        ("_half", &BOTH),
        ("_large", &BOTH),
        // LiteRT has a table of real numbers instead.
        ("_small", &[Of::Micro]),
        ("_huge", &[Of::Micro]),
    ] {
        table(goldens, &format!("logistic{scale}"), of, |x, _| Table::logistic(x));
        table(goldens, &format!("tanh{scale}"), of, |x, _| Table::tanh(x));
    }

    let relu = |x, y| Table::requantize::<Double>(x, y, Clamp::relu(y));
    // LiteRT divides the scales of these and of leaky ones as `f32`s.
    for (name, of) in [("relu", &BOTH[..]), ("relu_scales", &BOTH), ("relu_ties", &[Of::Micro])] {
        table(goldens, name, of, relu);
    }
    for (name, slope, of) in [
        ("leaky_relu", 0.2, &BOTH[..]),
        ("leaky_relu_scales", 0.03, &BOTH),
        ("leaky_relu_ties", 0.5, &[Of::Micro]),
    ] {
        table(goldens, name, of, |x, y| Table::leaky_relu::<Double>(x, y, slope));
    }
    // TFLM's kernel clamps the input as it is, as if the output had the same scale and zero.
    for name in ["relu6", "relu6_scales"] {
        table(goldens, name, &[Of::Reference], |x, y| Table::requantize::<Double>(x, y, Clamp::relu6(y)));
    }
    for name in ["hard_swish", "hard_swish_scales", "hard_swish_small"] {
        table(goldens, name, &BOTH, Table::hard_swish);
    }
}

fn softmax<const N: usize>(goldens: &Goldens, name: &str, beta: f32) {
    let x = Operator::first(goldens, name).quantization("x0");
    let layer = Softmax::<N>::new(x, beta).expect("a scale of a model");
    for of in BOTH {
        goldens.check(name, of, &layer);
    }
}

fn softmaxes(goldens: &Goldens) {
    softmax::<1>(goldens, "softmax_1", 1.0);
    softmax::<2>(goldens, "softmax_2", 1.0);
    softmax::<10>(goldens, "softmax_10", 1.0);
    softmax::<100>(goldens, "softmax_100", 1.0);
    for scale in ["tiny", "small", "half", "large", "huge"] {
        softmax::<12>(goldens, &format!("softmax_{scale}"), 1.0);
    }
    softmax::<12>(goldens, "softmax_sharp", 3.0);
    softmax::<12>(goldens, "softmax_flat", 0.1);
    softmax::<5>(goldens, "softmax_rows", 1.0);
}

fn scales(goldens: &Goldens) {
    for of in BOTH {
        for name in ["quantize", "quantize_halves"] {
            let y = Operator::first(goldens, name).quantization("y0");
            goldens.check(name, of, &Quantize::<[i8; 512]>::new(y).expect("a scale of a model"));
        }
        let x = Operator::first(goldens, "dequantize").quantization("x0");
        goldens.check("dequantize", of, &Dequantize::<[i8; 256]>::new(x));
    }
    for scale in ["", "_zero", "_up", "_down", "_halves", "_twice", "_ties"] {
        table(goldens, &format!("requantize{scale}"), &BOTH, |x, y| {
            Table::requantize::<Double>(x, y, Clamp::of(y))
        });
    }
}

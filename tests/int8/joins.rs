//! Sums and products of two arrays.

use crate::goldens::{Goldens, Of, Operator};
use crate::products::Activation;
use fusebox::int8::{Add, Clamp, Double, Mul, Tensor};

pub(crate) fn add<T: Tensor>(operator: Operator<'_>, activation: Activation) -> Add<T, Double> {
    let [a, b, y] = ["x0", "x1", "y0"].map(|field| operator.quantization(field));
    Add::new(a, b, y, activation(y)).expect("scales of a model")
}

fn mul<T: Tensor>(operator: Operator<'_>, activation: Activation) -> Mul<T, Double> {
    let [a, b, y] = ["x0", "x1", "y0"].map(|field| operator.quantization(field));
    Mul::new(a, b, y, activation(y)).expect("scales of a model")
}

pub(crate) fn run(goldens: &Goldens) {
    type Array = [i8; 128];
    let cases: [(&str, Activation); 10] = [
        ("", Clamp::of),
        ("_relu", Clamp::relu),
        ("_relu6", Clamp::relu6),
        ("_different", Clamp::of),
        ("_far", Clamp::of),
        ("_farther", Clamp::of),
        ("_small", Clamp::of),
        ("_large", Clamp::of),
        ("_saturated", Clamp::of),
        ("_equal", Clamp::of),
    ];
    for (case, activation) in cases {
        let name = format!("add{case}");
        for of in [Of::Micro, Of::Reference] {
            goldens.check_join(&name, of, &add::<Array>(Operator::first(goldens, &name), activation));
        }
        let name = format!("mul{case}");
        for of in [Of::Micro, Of::Reference] {
            goldens.check_join(&name, of, &mul::<Array>(Operator::first(goldens, &name), activation));
        }
    }
    let ties = mul::<Array>(Operator::first(goldens, "mul_ties"), Clamp::of);
    goldens.check_join("mul_ties", Of::Micro, &ties);
}

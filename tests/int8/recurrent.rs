//! Long short-term memories, whole sequences and a position at a time.

use crate::goldens::{Goldens, Of, Operator};
use crate::products::dense;
use crate::support::isas::isas;
use fusebox::int8::{Clamp, Double, Lstm, LstmScales, Region, Slice, Tensor};
use fusebox::{Chain, Layer, Rng, Scratch, Streaming, Zeroed};

pub(crate) fn run(goldens: &Goldens) {
    let lstm = lstm::<6, 5, 4>(goldens, "lstm");
    goldens.check("lstm", Of::Micro, &lstm);
    streams(&lstm);

    let at = |index| Operator { goldens, case: "lstm_dense", index };
    let last = Region { whole: [1, 1, 6, 6], part: [1, 1, 1, 6], start: [0, 0, 5, 0], step: [1; 4] };
    let last = Slice::<[[i8; 6]; 6], [i8; 6]>::new(last).expect("a part");
    let rest = Chain { first: last, rest: dense::<Double, 6, 3>(at(2), Clamp::of) };
    goldens.check(
        "lstm_dense",
        Of::Micro,
        &Chain { first: self::lstm::<6, 5, 6>(goldens, "lstm_dense"), rest },
    );
}

fn lstm<const T: usize, const IN: usize, const H: usize>(goldens: &Goldens, case: &str) -> Lstm<T, IN, H> {
    let operator = Operator { goldens, case, index: 0 };
    let scale = |field: &str| match goldens.weight_scale::<2>(&operator.parameter(field)) {
        fusebox::int8::WeightScale::Tensor(scale) => scale,
        scales => panic!("{field}: {scales:?}"),
    };
    let scales = LstmScales {
        x: operator.quantization("x0"),
        input: ["s1", "s2", "s3", "s4"].map(scale),
        recurrent: ["s5", "s6", "s7", "s8"].map(scale),
        cell: operator.quantization("x19").scale,
        clip: 10.0,
        y: operator.quantization("y0"),
    };
    fn weights<W: Tensor>(operator: Operator<'_>, fields: [&str; 4]) -> [W; 4] {
        fields.map(|field| operator.goldens.bytes(&operator.parameter(field)))
    }
    let input: [[[i8; IN]; H]; 4] = weights(operator, ["c1", "c2", "c3", "c4"]);
    let recurrent: [[[i8; H]; H]; 4] = weights(operator, ["c5", "c6", "c7", "c8"]);
    let bias = ["c12", "c13", "c14", "c15"].map(|field| goldens.sums(&operator.parameter(field)));
    Lstm::new(&input, &recurrent, &bias, &scales).expect("scales of a model")
}

/// A stream has the outputs of the sequence, and goes on where that ends.
fn streams(lstm: &Lstm<6, 5, 4>) {
    let mut rng = Rng::new(1);
    let xs: [[[i8; 5]; 6]; 2] =
        std::array::from_fn(|_| [[0; 5]; 6].map(|x: [i8; 5]| x.map(|_| rng.next_u32() as i8)));
    for isa in isas() {
        let mut ys = [[[0; 4]; 6]; 2];
        lstm.infer_with(isa, &xs, &mut Scratch::<_, 2>::new(), &mut ys).expect("two rows");
        let mut stream = Streaming::<Lstm<6, 5, 4>>::new();
        let mut push = |xs: [[i8; 5]; 6]| xs.map(|x| *stream.push_with(isa, lstm, &x).expect("with each"));
        assert_eq!(push(xs[0]), ys[0], "{isa}");
        assert_ne!(push(xs[1]), ys[1], "{isa}: from another state");
        stream.restart();
        assert_eq!(xs[1].map(|x| *stream.push_with(isa, lstm, &x).expect("with each")), ys[1], "{isa}");
    }
}

/// Scales that no layer has are errors, and any numbers in a layer do no harm.
#[test]
fn errors_and_any_numbers() {
    let q = fusebox::int8::Quantization { scale: 0.01, zero: 3 };
    let good =
        LstmScales { x: q, input: [0.01; 4], recurrent: [0.01; 4], cell: 1.0 / 4096.0, clip: 3.0, y: q };
    let new = |scales: LstmScales| Lstm::<2, 1, 1>::new(&[[[1]]; 4], &[[[1]]; 4], &[[0]; 4], &scales);
    assert_eq!(new(good).map(|lstm| (lstm.bits, lstm.clip)), Ok((12, 3 << 12)));
    assert_eq!(new(LstmScales { clip: 1e9, ..good }).map(|lstm| lstm.clip), Ok(i16::MAX));
    assert_eq!(new(LstmScales { cell: 2.0_f32.powi(-24), ..good }).map(|lstm| lstm.bits), Ok(24));
    for cell in [0.0, -1.0, 0.3, 2.0, f32::NAN, 2.0_f32.powi(-25)] {
        assert!(new(LstmScales { cell, ..good }).is_err(), "{cell}");
    }
    for bad in [
        LstmScales { clip: f32::NAN, ..good },
        LstmScales { clip: -1.0, ..good },
        LstmScales { input: [0.01, 0.0, 0.01, 0.01], ..good },
        LstmScales { recurrent: [1e30; 4], ..good },
        LstmScales { x: fusebox::int8::Quantization { scale: 0.0, zero: 0 }, ..good },
    ] {
        assert!(new(bad).is_err(), "{bad:?}");
    }
    let mut rng = Rng::new(2);
    for _ in 0..2000 {
        let mut lstm = Lstm::<3, 2, 5>::ZEROED;
        let mut any = || rng.next_u32() as i32;
        (lstm.bits, lstm.clip, lstm.zero) = (any() as u32 >> (any() & 31), any() as i16, any() as i8);
        let scales =
            lstm.input_scale.iter_mut().chain(&mut lstm.recurrent_scale).chain([&mut lstm.output_scale]);
        for scale in scales {
            (scale.mantissa, scale.exponent) = (any(), any() >> (any() & 31));
        }
        lstm.bias = lstm.bias.map(|gate| gate.map(|_: i32| any()));
        lstm.input = lstm.input.map(|gate| gate.map(|row| row.map(|_: i8| any() as i8)));
        lstm.recurrent = lstm.recurrent.map(|gate| gate.map(|row| row.map(|_: i8| any() as i8)));
        let x = [[0; 2]; 3].map(|x: [i8; 2]| x.map(|_| any() as i8));
        let outputs = isas().map(|isa| {
            let mut ys = [[[0; 5]; 3]];
            lstm.infer_with(isa, &[x], &mut Scratch::<_, 1>::new(), &mut ys).expect("a row");
            ys
        });
        let outputs: Vec<_> = outputs.collect();
        assert!(outputs.iter().all(|ys| *ys == outputs[0]), "{outputs:?}");
    }
}

/// Where kernels for microcontrollers read words of them.
#[test]
fn weights_are_aligned() {
    use std::mem::offset_of;
    assert_eq!(align_of::<Lstm<2, 3, 5>>(), 4);
    assert_eq!(
        [offset_of!(Lstm<2, 3, 5>, input), offset_of!(Lstm<2, 3, 5>, recurrent)].map(|at| at % 4),
        [0; 2]
    );
    assert_eq!(
        [offset_of!(Lstm<2, 1, 1>, input), offset_of!(Lstm<2, 1, 1>, recurrent)].map(|at| at % 4),
        [0; 2]
    );
}
